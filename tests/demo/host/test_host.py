import os
from collections.abc import Awaitable, Callable

import asyncssh
import pytest

from bot.demo.host.host import DemoHost
from tests.support import eventually


async def test_commands_run_in_the_hosts_own_home_and_path(ssh_host: DemoHost) -> None:
    async with ssh_host.connect() as connection:
        done = await connection.run('pwd; echo "$HOME"; command -v composer; cat > kept', input="text", check=True)
    assert str(done.stdout).split() == [str(ssh_host.home)] * 2 + [str(ssh_host.commands.bin / "composer")]
    assert (ssh_host.home / "kept").read_text() == "text"


async def test_each_command_is_in_the_ledger_once_with_its_words(ssh_host: DemoHost) -> None:
    async with ssh_host.connect() as connection:
        await connection.run(
            "cd /tmp && php -r 'echo \"quoted\\n\";' -- 'two words' && sudo -n systemctl restart x", check=True
        )
    php, sudo, systemctl = ssh_host.commands.entries()
    assert (php.argv, php.cwd) == (("php", "-r", 'echo "quoted\\n";', "--", "two words"), "/tmp")
    assert (sudo.argv, systemctl.argv) == (("sudo", "-n", "systemctl", "restart", "x"), ("systemctl", "restart", "x"))
    assert php.time <= sudo.time <= systemctl.time
    assert ssh_host.commands.ran("systemctl restart") == (systemctl,)


async def test_plain_words_are_recorded_as_the_careful_way_does(ssh_host: DemoHost) -> None:
    async with ssh_host.connect() as connection:
        await connection.run("git --version", check=True)
        with ssh_host.commands.hold("nothing"):
            await connection.run("git --version", check=True)
    plain, careful = ssh_host.commands.ran("git")
    assert (plain.argv, plain.cwd) == (careful.argv, careful.cwd)
    assert 0 <= careful.time - plain.time < 60
    assert plain.pid != careful.pid


async def test_the_recorded_process_id_is_that_of_the_real_program(ssh_host: DemoHost) -> None:
    async with ssh_host.connect() as connection:
        await connection.run("echo '<?php echo getmypid(), PHP_EOL;' >ask.php", check=True)
        plain = await connection.run("php ask.php", check=True)
        careful = await connection.run("php ask.php '(not plain)'", check=True)
    assert [entry.pid for entry in ssh_host.commands.entries()] == [int(plain.stdout or 0), int(careful.stdout or 0)]


async def test_a_failing_unit_fails_until_it_is_forgotten(ssh_host: DemoHost) -> None:
    ssh_host.commands.fail_unit("php8.2-fpm")
    async with ssh_host.connect() as connection:
        failed = await connection.run("sudo systemctl restart php8.2-fpm")
        state = await connection.run("systemctl is-active php8.2-fpm")
        other = await connection.run("sudo systemctl restart nginx")
        ssh_host.commands.forget()
        mended = await connection.run("systemctl is-active php8.2-fpm")
    assert failed.exit_status == 1
    assert "php8.2-fpm.service failed" in str(failed.stderr)
    assert (state.exit_status, state.stdout) == (3, "failed\n")
    assert other.exit_status == 0
    assert (mended.exit_status, mended.stdout) == (0, "active\n")


async def test_a_command_can_be_made_to_fail_or_held(ssh_host: DemoHost) -> None:
    ssh_host.commands.fail("php -v", exit_status=9, stderr="no")
    async with ssh_host.connect() as connection:
        failed = await connection.run("php -v")
        assert (failed.exit_status, failed.stderr) == (9, "no\n")
        with ssh_host.commands.hold("npm"):
            process = await connection.create_process("npm --version")
            await eventually(lambda: ssh_host.commands.ran("npm"))
            assert process.exit_status is None
        assert (await process.wait()).exit_status == 0


async def test_cutting_sessions_leaves_detached_processes(ssh_host: DemoHost) -> None:
    async with ssh_host.connect() as connection:
        await connection.run("setsid sleep 300 >/dev/null 2>&1 </dev/null &", check=True)
        assert ssh_host.cut_sessions() >= 1
        await connection.wait_closed()
    # The session's own shell ends with it, a moment later.
    await eventually(lambda: len(ssh_host.left_processes()) == 1)
    async with ssh_host.connect() as connection:
        assert (await connection.run("true")).exit_status == 0


async def test_a_reboot_keeps_port_key_and_files_but_no_process(ssh_host: DemoHost) -> None:
    async with ssh_host.connect() as connection:
        await connection.run("touch kept; setsid sleep 300 >/dev/null 2>&1 </dev/null &", check=True)
        (left,) = ssh_host.left_processes()
        await ssh_host.reboot()
    assert ssh_host.left_processes() == ()
    with pytest.raises(ProcessLookupError):
        os.kill(left, 0)
    async with ssh_host.connect() as connection:
        assert (await connection.run("ls")).stdout == "kept\n"


async def test_a_stopped_host_refuses(new_host: Callable[..., Awaitable[DemoHost]]) -> None:
    host: DemoHost = await new_host()
    await host.stop()
    with pytest.raises(ConnectionRefusedError):
        async with host.connect():
            pass


async def test_a_changed_host_key_is_refused_until_it_is_trusted(new_host: Callable[..., Awaitable[DemoHost]]) -> None:
    host: DemoHost = await new_host()
    async with host.connect() as before:
        await host.change_key()
        assert (await before.run("echo ok")).stdout == "ok\n"
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        async with host.connect():
            pass
    host.trust()
    async with host.connect() as connection:
        assert (await connection.run("echo ok")).stdout == "ok\n"


async def test_sftp_works(ssh_host: DemoHost) -> None:
    (ssh_host.home / "here").touch()
    async with ssh_host.connect() as connection, connection.start_sftp_client() as files:
        assert "here" in await files.listdir(".")

import asyncio
import json
import os
import signal
import sys
import textwrap
from pathlib import Path

from bot.demo.processes import proc
from bot.demo.processes.process import Process, temporary_folder
from tests.support import eventually

OWNER = """
import asyncio, json
from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.demo.processes.process import temporary_folder
from bot.demo.host.web import WebServer


async def own():
    async with temporary_folder("cs-") as folder:
        for name in ("web1", "db"):
            (folder / name).mkdir()
        async with DemoHost(folder / "web1") as host, DatabaseServer(folder / "db") as server:
            database = await server.create("compte")
            application = await Application.create(
                host.folder, database, server, host.environment, users=1, sessions=1
            )
            async with WebServer(application.path, folder / "web.log") as web, host.connect() as connection:
                await connection.run("setsid sleep 300 >/dev/null 2>&1 </dev/null &", check=True)
                print(json.dumps({"folder": str(folder)}), flush=True)
                await asyncio.Event().wait()


asyncio.run(own())
"""


async def test_nothing_is_left_when_the_owner_of_everything_is_killed() -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(OWNER), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    try:
        folder = Path(json.loads(await asyncio.wait_for(owner.stdout.readline(), 60))["folder"])
        below = proc.descendants(owner.pid)
        assert {"sshd", "mariadbd", "php", "sleep"} <= set(map(proc.name, below))
    finally:
        owner.kill()
        await owner.wait()
    await eventually(lambda: not any(map(proc.exists, below)) and not folder.exists(), 20)


async def test_a_process_ends_with_all_that_it_started(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "cd /; setsid sleep 301 & sleep 302 & wait"], tmp_path / "log")
    await process.start()
    await eventually(lambda: list(map(proc.name, proc.descendants(process.pid))) == ["sleep", "sleep"])
    below = proc.descendants(process.pid)
    await process.end()
    assert not any(map(proc.exists, (process.pid, *below)))
    assert not process.running
    await process.end()


async def test_a_killed_keeper_takes_its_server_along(tmp_path: Path) -> None:
    process = Process(["sleep", "303"], tmp_path / "log")
    await process.start()
    os.kill(proc.parent(process.pid), signal.SIGKILL)
    await eventually(lambda: not proc.exists(process.pid))
    assert not process.running


async def test_the_exit_status_and_a_missing_program_are_told(tmp_path: Path) -> None:
    for command, status in ((["sh", "-c", "exit 7"], 7), (["no-such-program"], 127), (["sh", "-c", "kill -9 $$"], 9)):
        process = Process(command, tmp_path / "log")
        await process.start()
        assert await process.ended() == status
    assert "no-such-program: No such file" in process.log_tail()


async def test_a_folder_is_removed_at_the_end() -> None:
    async with temporary_folder("cs-") as folder:
        (folder / "deep" / "er").mkdir(parents=True)
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()

import subprocess

import pytest

from bot.sandbox.plan import CodeBox, Sandbox, functions, script, sweep
from tests.sandbox.support.bench import Bench, server


@pytest.mark.parametrize(
    "path",
    [
        *("relative", "/", "/a/../b", "/a b", "/a\nb", "/a//b", "/a/"),
        *("/usr/share/app", "/etc/app", "/proc/1", "/home", "/root", "/run", "/tmp"),
    ],
)
def test_paths_that_a_sandbox_does_not_take(path: str) -> None:
    with pytest.raises(ValueError, match="sandbox"):
        CodeBox(path)
    with pytest.raises(ValueError, match="sandbox"):
        CodeBox("/var/www/app", read_only=(path,))


def test_names_of_results() -> None:
    for name in ("", "../x", "a/b", "-x"):
        with pytest.raises(ValueError, match="name"):
            Sandbox(name, None)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
def test_the_scripts_are_posix(some_host: Bench, shell: str) -> None:
    texts = (
        functions(some_host.sandbox(server())).script(),
        sweep().script(),
        script("measure.sh", "confine.sh", "inside.sh"),
    )
    for text in texts:
        subprocess.run([*shell.split(), "-n", "-c", text], check=True)


def test_folders_that_a_caller_adds_can_be_read_and_no_more(host: Bench) -> None:
    done = host.run(
        host.sandbox(code=CodeBox("/srv/app", None, ("/var/lib/dpkg",))),
        "sandbox_run see 5 'pwd; ls /var/lib; touch /var/lib/dpkg/x || echo no'",
    )
    assert [line for line in done["see"].output.splitlines() if not line.startswith("touch")] == [
        "/srv/app",
        "dpkg",
        "mysql",
        "no",
    ]

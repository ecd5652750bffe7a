"""What sandboxes leave on a host, seen from outside, and the templates of their servers, which tests share."""

import functools
import os
import subprocess
from pathlib import Path

from bot.demo.host.host import DemoHost
from bot.sandbox.plan import script


def sandboxes(host: DemoHost) -> list[Path]:
    """Give the folders of sandboxes that are on a host."""
    return sorted(host.home.glob(".local/state/countersign/sandbox/*/box"))


def private_servers(host: DemoHost) -> list[int]:
    """Give the process ids of private database servers on a host."""
    return [pid for pid in host.left_processes() if _program(pid) == "/sandbox/program"]


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").partition("\0")[0]
    except OSError:
        return ""


def own(uid: int, *paths: Path) -> None:
    """Give what was made to an account."""
    for path in paths:
        if uid != os.geteuid():
            os.chown(path, uid, uid)


def share_templates(home: Path, templates: Path, uid: int = os.geteuid()) -> None:
    """Let the sandboxes of an account find templates that other tests made: to make one takes as long as a short test.

    Args:
        home: of the account, without sandboxes so far.
        templates: where they lie.
        uid: of the account.
    """
    place = home / _place_in_a_home()
    made = [folder for folder in (place, *place.parents) if not folder.exists()]
    place.mkdir(parents=True, mode=0o700)
    own(uid, *made)
    (place / "templates").symlink_to(templates)


@functools.cache
def _place_in_a_home() -> str:
    text = f'{script("place.sh")}\nfind_place; printf %s "$place"'
    environment = {"HOME": "/home", "PATH": os.environ["PATH"]}
    place = subprocess.run(["sh", "-c", text], env=environment, check=True, capture_output=True, text=True).stdout
    return place.removeprefix("/home/")

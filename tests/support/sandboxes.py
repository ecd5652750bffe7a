"""What sandboxes leave on a host, seen from outside."""

from pathlib import Path

from bot.demo.host.host import DemoHost


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

"""Looking at the processes of this machine through /proc."""

from pathlib import Path


def _stat(pid: int) -> tuple[str, int]:
    """Name and parent of a process; an empty name and 0 if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return "", 0
    head, _, tail = text.rpartition(")")
    return head.partition("(")[2], int(tail.split()[1])


def name(pid: int) -> str:
    """Name of a process; empty if there is no such process.

    Args:
        pid: its process id.
    """
    return _stat(pid)[0]


def parent(pid: int) -> int:
    """Process id of a process's parent; 0 if there is no such process.

    Args:
        pid: its process id.
    """
    return _stat(pid)[1]


def exists(pid: int) -> bool:
    """Whether there is such a process, be it only waiting to be collected by its parent.

    Args:
        pid: its process id.
    """
    return Path(f"/proc/{pid}").exists()


def descendants(ancestor: int) -> tuple[int, ...]:
    """Process ids of everything below a process, nearest first.

    Args:
        ancestor: its process id.
    """
    parents = {int(entry.name): parent(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found: list[int] = []
    layer = [ancestor]
    while layer:
        layer = [pid for pid, above in parents.items() if above in layer]
        found += layer
    return tuple(found)

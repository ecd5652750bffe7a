"""Figures as the doctor writes them."""

from __future__ import annotations

_KIB = 1024


def size(kib: int) -> str:
    """Write a size: `840 KiB`, `12.3 MiB`, `1.2 TiB`.

    Args:
        kib: kibibytes.
    """
    value = float(kib)
    for unit in ("KiB", "MiB", "GiB"):
        if value < _KIB:
            return f"{value:.0f} {unit}" if unit == "KiB" else f"{value:.1f} {unit}"
        value /= _KIB
    return f"{value:.1f} TiB"


def milliseconds(seconds: float) -> str:
    """Write a short time: `45 ms`, `1.2 s`.

    Args:
        seconds: zero or more.
    """
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"

"""Writes the tables of emoji anew: their names in Slack, and their characters.

The source is the npm package `emoji-datasource`, in the version and with the checksum below; Slack names emoji as it
does. One table is the bot's, one the playground's, which imports nothing of the bot.

Usage: .venv/bin/python scripts/record_emoji.py (needs npm)
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VERSION = "16.0.0"
SHA512 = "/qHKqK5Nr3+8zhgO6kHmF43Fm5C8HNn0AaFRIpgw8HF3+uF0Vfc8jgLI1ZQS5ba1vBzksS8NBCjHejwLb2D/Sg=="
TABLES = ("bot/domain/emoji_table.py", "bot/playground/workspace/emoji_table.py")
_LINE = 70


def fetched() -> list[dict[str, Any]]:
    """Fetch the package, and read its list of emoji.

    Raises:
        SystemExit: the file is not the one whose checksum stands here.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = f"emoji-datasource@{VERSION}"
        done = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True)
        file = Path(folder) / done.stdout.decode().split()[-1]
        found = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
        if found != SHA512:
            sys.exit(f"{package} has the checksum {found}, not {SHA512}; nothing was written")
        with tarfile.open(file) as archive:
            member = archive.extractfile("package/emoji.json")
            assert member is not None
            return json.load(member)


def character(emoji: dict[str, Any]) -> str:
    """Give the character of an emoji, which may be several code points."""
    return "".join(chr(int(code, 16)) for code in emoji["unified"].split("-"))


def table(emojis: list[dict[str, Any]]) -> str:
    """Write the module: one emoji after the other, its character and then its names, the canonical one first."""
    lines, line = [], ""
    for emoji in sorted(emojis, key=lambda emoji: emoji["sort_order"]):
        names = [emoji["short_name"], *(name for name in emoji["short_names"] if name != emoji["short_name"])]
        entry = " ".join((character(emoji), *names))
        if line and len(line) + len(entry) > _LINE - len("|"):
            lines.append(line)
            line = ""
        line += f"{entry}|"
    return (
        f'"""Emoji: their character, Slack\'s name, and further names. Written by scripts/record_emoji.py."""\n\n'
        f'SOURCE = "emoji-datasource {VERSION}"\n\nTABLE = """\n' + "\n".join((*lines, line)) + '\n"""\n'
    )


def main() -> None:
    """Write both tables."""
    emojis = fetched()
    for file in TABLES:
        Path(file).write_text(table(emojis), encoding="utf-8")
    print(f"{len(emojis)} emoji written")


if __name__ == "__main__":
    main()

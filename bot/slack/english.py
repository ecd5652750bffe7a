"""The language that is built in. A new sentence goes into the file of its idea in `languages/english/`."""

from __future__ import annotations

from pathlib import Path

from bot.slack.language import read_language

ENGLISH = read_language(Path(__file__).parent / "languages" / "english")

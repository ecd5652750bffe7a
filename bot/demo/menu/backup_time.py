"""The time of the scheduled backup: out of a newcomer's way, until he wants to see one fire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ruamel.yaml import YAML

from bot.demo.errors import DemoError
from bot.demo.operations import APP, ENVIRONMENT, daily, write_operations
from bot.demo.processes.served_bot import ServedBot

_START = timedelta(seconds=5)
"""The bot should be back by then."""


def far_off(now: datetime) -> datetime:
    """Give a time that a visit does not see, and of which no firing was missed lately.

    Args:
        now: with a time zone.
    """
    return now + timedelta(hours=12)


def soon(now: datetime) -> datetime:
    """Give the next full minute at which the bot can have started anew.

    Args:
        now: with a time zone.
    """
    return (now + _START).replace(second=0, microsecond=0) + timedelta(minutes=1)


class BackupTime:
    """Moves the scheduled backup to the next minute, as an operator would: in `ops.yaml`, and with a restart.

    Args:
        ops_file: that the bot reads.
        bot: the bot.
    """

    def __init__(self, ops_file: Path, bot: ServedBot) -> None:
        self._file = ops_file
        self._bot = bot

    async def bring_forward(self) -> str:
        """Let it fire in a minute.

        Returns:
            What was done, as a sentence.

        Raises:
            DemoError: the bot is not there to be restarted.
        """
        if not self._bot.running:
            raise DemoError("The bot is not there just now. The schedule is as it was.")
        at = soon(datetime.now(UTC))
        content = YAML(typ="safe").load(self._file)
        content["apps"][APP]["environments"][ENVIRONMENT]["backups"]["schedule"] = daily(at)
        write_operations(self._file, content)
        self._bot.stop()
        return (
            f"`schedule:` in ops.yaml says {at:%H:%M} UTC now, and the bot starts anew to read it. "
            "Watch the channel: nobody need type anything."
        )

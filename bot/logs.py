"""The log: records with the run and step they belong to, every secret masked, the libraries' own lines included."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from bot.config.settings import LogFormat
from bot.domain.errors import OutageError
from bot.domain.secrets import Masker

_CHATTY = (
    "alembic",
    "apscheduler",
    "asyncio",
    "asyncssh",
    "slack_bolt",
    "slack_sdk",
    "sqlalchemy",
    "websockets",
)
"""Libraries whose everyday lines say nothing about runs, and at DEBUG show the bodies of requests."""

_READY = "ready"


def configure_logs(log_format: LogFormat, masker: Masker, stream: TextIO | None = None) -> None:
    """Send all log records, of this program and its libraries, to one handler. It may be called again.

    Args:
        log_format: `console` writes for people to standard error; `json` one object a line to standard output.
        masker: of every secret of this installation.
        stream: where to write instead.
    """
    shared: list[Processor] = [
        _drop_outages,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # As text before it is masked: an exception's message may hold what a person or a host supplied.
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(stream or _usual_stream(log_format))
    handler.addFilter(_is_no_outage)
    handler.setFormatter(
        _MaskedFormatter(
            masker,
            foreign_pre_chain=[*shared[1:4], structlog.stdlib.ExtraAdder(), *shared[4:]],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _masking(masker),
                _renderer(log_format, handler.stream),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Of connections that broke while they were closed or given back; whoever used them meets the same and says so.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    logging.getLogger("apscheduler.executors.default").addFilter(_is_no_cancellation)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """Drop what the scheduler reports as a failure: a job that was cancelled because the program ends."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def _is_no_outage(record: logging.LogRecord) -> bool:
    """Drop what follows from an outage, which is logged once by whoever watches what does not answer."""
    return record.exc_info is None or not isinstance(record.exc_info[1], OutageError)


def _drop_outages(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    del logger, method
    error = event.get("exc_info")
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, OutageError):
        raise structlog.DropEvent
    return event


def announce_ready(log_format: LogFormat) -> None:
    """Announce on standard output that the bot is connected and has resumed interrupted runs.

    Args:
        log_format: `console` prints the line `ready`; `json` logs a record whose `event` is `ready`.
    """
    match log_format:
        case LogFormat.CONSOLE:
            sys.stdout.write(f"{_READY}\n")
            sys.stdout.flush()
        case LogFormat.JSON:
            structlog.stdlib.get_logger("bot").info(_READY)


def masked(value: object, masker: Masker) -> object:
    """Mask plain data, whatever is in it.

    Args:
        value: mappings, lists, text, numbers; of anything else its text is taken.
        masker: of the secrets.

    Returns:
        The same data with every text masked, keys included.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            # `str` of a subclass may be another text than the one it holds.
            return masker.mask(str(value))
        case bytes():
            return masker.mask(value.decode(errors="replace"))
        case Mapping():
            return {masker.mask(str(key)): masked(item, masker) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [masked(item, masker) for item in value]
        case _:
            return masker.mask(repr(value))


def _usual_stream(log_format: LogFormat) -> TextIO:
    match log_format:
        case LogFormat.CONSOLE:
            return sys.stderr
        case LogFormat.JSON:
            return sys.stdout


def _masking(masker: Masker) -> Processor:
    def mask(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        del logger, method
        return {masker.mask(str(key)): masked(value, masker) for key, value in event.items()}

    return mask


def _renderer(log_format: LogFormat, stream: TextIO) -> Processor:
    match log_format:
        case LogFormat.CONSOLE:
            return structlog.dev.ConsoleRenderer(colors=stream.isatty())
        case LogFormat.JSON:
            return structlog.processors.JSONRenderer(ensure_ascii=False)


class _MaskedFormatter(structlog.stdlib.ProcessorFormatter):
    """Masks the finished line once more, and keeps a record that cannot be formatted from being lost or shown raw."""

    def __init__(self, masker: Masker, *, foreign_pre_chain: list[Processor], processors: list[Processor]) -> None:
        super().__init__(foreign_pre_chain=foreign_pre_chain, processors=processors)
        self._masker = masker

    def format(self, record: logging.LogRecord) -> str:
        return self._masker.mask(super().format(record))

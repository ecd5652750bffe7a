"""The log masks every secret, whoever logs it and however."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from bot.config.settings import LogFormat
from bot.domain.secrets import Masker, Secret
from bot.logs import announce_ready, configure_logs, masked

SECRET = 'pass"wörd\\'
MASKER = Masker((Secret(SECRET), Secret("xoxb-1-bot")))


@pytest.fixture(autouse=True)
def logging_as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def boom() -> None:
    raise ValueError(f"access denied for {SECRET}")


class Odd:
    def __repr__(self) -> str:
        return f"Odd({SECRET})"


def log_in_every_way() -> None:
    log = structlog.stdlib.get_logger("bot.engine")
    log.info("about %s", SECRET)
    log.info("a value", password=SECRET, deep={"a": [SECRET, Odd(), SECRET.encode()], SECRET: 1})
    library = logging.getLogger("asyncssh")
    library.warning("library said %s", SECRET)
    library.warning("with extra", extra={"detail": SECRET})
    for write in (log.exception, library.exception):
        try:
            boom()
        except ValueError:
            write("it failed")
    structlog.contextvars.bind_contextvars(run="R-7K3F9Q", note=SECRET)
    log.warning("bound")
    logging.getLogger("slack_sdk").error("token=xoxb-1-bot")


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_no_secret_is_ever_written(log_format):
    stream = io.StringIO()
    configure_logs(log_format, MASKER, stream)
    log_in_every_way()
    text = stream.getvalue()
    assert text.count("***") >= 10
    for piece in (SECRET, json.dumps(SECRET)[1:-1], repr(SECRET)[1:-1], "wörd", "1-bot"):
        assert piece not in text


def test_json_is_one_object_a_line():
    stream = io.StringIO()
    configure_logs(LogFormat.JSON, MASKER, stream)
    log_in_every_way()
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [record["event"] for record in records] == [
        "about ***", "a value", "library said ***", "with extra", "it failed", "it failed", "bound", "token=***",
    ]  # fmt: skip
    assert all({"timestamp", "level", "logger"} <= record.keys() for record in records)
    assert "ValueError: access denied for ***" in records[4]["exception"]
    assert "ValueError: access denied for ***" in records[5]["exception"]
    assert (records[6]["run"], records[6]["level"], records[6]["logger"]) == ("R-7K3F9Q", "warning", "bot.engine")
    assert records[3]["detail"] == "***"


def test_everyday_lines_of_libraries_are_left_out():
    stream = io.StringIO()
    configure_logs(LogFormat.JSON, MASKER, stream)
    logging.getLogger("asyncssh").info("[conn=1] Beginning auth")
    logging.getLogger("slack_sdk.web").debug("Sending a request")
    structlog.stdlib.get_logger("bot").debug("detail")
    assert stream.getvalue() == ""


def test_configuring_again_does_not_write_twice():
    stream = io.StringIO()
    configure_logs(LogFormat.JSON, Masker(()), stream)
    configure_logs(LogFormat.JSON, MASKER, stream)
    structlog.stdlib.get_logger("bot").info(SECRET)
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["***"]


def test_ready_in_console_format_is_a_line_on_standard_output(capsys):
    configure_logs(LogFormat.CONSOLE, MASKER)
    structlog.stdlib.get_logger("bot").info("starting")
    announce_ready(LogFormat.CONSOLE)
    out, err = capsys.readouterr()
    assert out == "ready\n"
    assert "starting" in err


def test_ready_in_json_format_is_a_record_on_standard_output(capsys):
    configure_logs(LogFormat.JSON, MASKER)
    announce_ready(LogFormat.JSON)
    out, err = capsys.readouterr()
    assert json.loads(out)["event"] == "ready"
    assert err == ""


def test_masked_keeps_what_is_no_text():
    assert masked({"a": [1, 2.5, True, None, "x"]}, MASKER) == {"a": [1, 2.5, True, None, "x"]}

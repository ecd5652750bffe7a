"""Reading the general log of MariaDB and MySQL: the ledger of every statement that a server was asked to run."""

import re
from dataclasses import dataclass

_RECORD = re.compile(
    r"^(?:\d{6} [ \d]\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))?"
    r"\t\s*(?P<connection>\d+) (?P<command>[A-Z][a-z]+(?: [A-Za-z]+)?)\t(?P<text>.*)$"
)


@dataclass(frozen=True, slots=True)
class GeneralLogStatement:
    """One record of the general log.

    Attributes:
        connection: the server's number of the connection.
        command: the protocol's command: `Query`, `Execute`, `Prepare`, `Connect`, `Init DB`, `Quit`, …
        text: the statement, or what else the command carries; may have several lines.
    """

    connection: int
    command: str
    text: str

    @property
    def ran(self) -> bool:
        """Whether this record is a statement that was run, not only prepared."""
        return self.command in ("Query", "Execute")


def parse_general_log(text: str) -> tuple[GeneralLogStatement, ...]:
    """Split the text of a general log file into its records.

    Args:
        text: the file's text, or a part that begins at a record; the server's banner lines are skipped.

    Returns:
        The records in the order in which the server received them.
    """
    records: list[GeneralLogStatement] = []
    for line in text.splitlines():
        match = _RECORD.match(line)
        if match:
            records.append(GeneralLogStatement(int(match["connection"]), match["command"], match["text"]))
        elif records and not _is_banner(line):
            last = records[-1]
            records[-1] = GeneralLogStatement(last.connection, last.command, f"{last.text}\n{line}")
    return tuple(records)


def _is_banner(line: str) -> bool:
    """Whether the line is one of the three that the server writes at each start."""
    return (
        line.startswith("Tcp port: ")
        or line.startswith("Time\t\t")
        or (" Version: " in line and line.endswith("started with:"))
        or (", Version: " in line)
    )

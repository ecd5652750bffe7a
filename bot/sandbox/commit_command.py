"""Running one command in the files of a commit, without a network and without a database, and what it said. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.shell import Command, Syntax, Word, assignments
from bot.domain.targets.look import CommandOutput, ConfinedCommand, NotConfined
from bot.sandbox.environment import PYTHON_REPLACED, PYTHON_TREATMENTS, Environment
from bot.sandbox.obstacles import Obstacle
from bot.sandbox.plan import CodeBox, Limits, Sandbox, functions, script
from bot.sandbox.results import Ended, results_of

RESULTS = "results"
"""Name of the folder of its results."""

FACTS, OUTPUT = "facts", "tell.output"
"""Files of that folder that are worth reading."""

SECONDS = 60
"""Seconds after which the command is ended."""

WAIT = 30
"""Seconds to wait for another sandbox on the host."""

_LIMITS = Limits(output=8 * 1024)


def commit_command_script(confined: ConfinedCommand, path: str) -> Command:
    """Write the script that runs the command; it leaves its results in `$COUNTERSIGN_RUN_DIR/results`.

    It runs in the live checkout, as a program of its own, and needs the commit in `$sha`.

    Args:
        confined: what is run.
        path: of the live checkout.

    Raises:
        ValueError: a path has a character that a sandbox cannot have.
    """
    at = path.rstrip("/")
    environment = None
    if confined.environment:
        environment = Environment(
            f"{at}/{confined.environment}", PYTHON_TREATMENTS, PYTHON_REPLACED, name=confined.environment
        )
    sandbox = Sandbox(RESULTS, None, CodeBox(at, environment, python=confined.python), _LIMITS, WAIT)
    values = assignments({"command": confined.command.script(), "seconds": str(SECONDS)})
    return Command((*values, *functions(sandbox).parts, Syntax("\n" + script("commit_command.sh"))))


def not_confined_script(detail: str) -> Command:
    """Write the script that leaves the results of a command which cannot be confined.

    Args:
        detail: why, in one line.
    """
    facts = f"refused\t{Obstacle.ENVIRONMENT.value}\ndetail\t{detail}\n"
    folder = Syntax(f'mkdir "$COUNTERSIGN_RUN_DIR/{RESULTS}" && printf %s ')
    return Command((folder, Word(facts), Syntax(f' >"$COUNTERSIGN_RUN_DIR/{RESULTS}/{FACTS}"\n')))


def told_in_confinement(files: Mapping[str, str]) -> CommandOutput | NotConfined:
    """Read what the command said.

    Args:
        files: texts by name.
    """
    try:
        results = results_of(files)
    except ValueError as error:
        return NotConfined("lost", str(error))
    if results.refusal is not None:
        return NotConfined(results.refusal.obstacle.value, results.refusal.detail)
    if not results.commands:
        return NotConfined("lost", "it never came to an end")
    (command,) = results.commands
    if command.ended is not Ended.EXIT:
        return NotConfined("lost", f"it was ended: {command.ended.value}")
    output = files.get(OUTPUT, "")
    return CommandOutput(command.status or 0, output, output)

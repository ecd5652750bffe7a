"""The whole configuration: `.env`, environment and operations file, with every problem of all of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.config.operations import RecipeChecker, load_operations
from bot.config.problems import ConfigurationError, ConfigurationProblem
from bot.config.settings import Settings, ops_file_of, settings_of
from bot.config.variables import read_variables
from bot.domain.secrets import Masker, masker_of
from bot.domain.targets.target import Operations

ENV_FILE = Path(".env")
"""Read from the working directory unless another one is named."""


@dataclass(frozen=True)
class Configuration:
    """Everything that is configured.

    Args:
        settings: of the environment.
        operations: of the operations file.
    """

    settings: Settings
    operations: Operations

    def masker(self) -> Masker:
        """Give what masks every secret of this installation."""
        return masker_of((*self.settings.secrets(), *self.operations.secrets()))


def load_configuration(
    env_file: Path, ops_file: Path | None, real: Mapping[str, str], check_recipe: RecipeChecker
) -> Configuration:
    """Read and validate everything.

    Args:
        env_file: `.env`; it may be missing.
        ops_file: the operations file; None takes `OPS_FILE`.
        real: the real environment, such as `os.environ`.
        check_recipe: loads recipes.

    Raises:
        ConfigurationError: it has every problem of every file.
    """
    variables = read_variables(env_file, real)
    problems = list(variables.problems)
    settings: Settings | None = None
    operations: Operations | None = None
    try:
        settings = settings_of(variables)
    except ConfigurationError as error:
        problems += error.problems
    problems.sort(key=lambda problem: (problem.line is None, problem.line or 0))
    path = ops_file or ops_file_of(variables)
    try:
        operations = load_operations(read_ops_file(path), path, variables.values, check_recipe)
    except ConfigurationError as error:
        problems += error.problems
    if settings is None or operations is None or problems:
        raise ConfigurationError(problems)
    return Configuration(settings, operations)


def read_ops_file(path: Path) -> str:
    """Read the text of the operations file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message = "there is no such file; copy ops.example.yaml, or name another one by OPS_FILE"
    except UnicodeDecodeError:
        message = "it is not UTF-8 text"
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
    raise ConfigurationError([ConfigurationProblem(str(path), None, "", message)])

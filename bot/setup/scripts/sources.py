"""The kinds of files that a deploy is written in: a shell script, Forge's, Laravel Envoy's, Deployer's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.setup.scripts.deployer import deployer_statements
from bot.setup.scripts.envoy import envoy_statements
from bot.setup.scripts.statements import ScriptError, Statement, statements

_MAX_CHARACTERS = 256 * 1024


class ScriptKind(StrEnum):
    """What a script is written for."""

    SHELL = "a shell script"
    FORGE = "a Forge script"
    ENVOY = "an Envoy file"
    DEPLOYER = "a Deployer file"


@dataclass(frozen=True)
class Script:
    """A script as statements.

    Args:
        kind: what it is written for.
        statements: in the order in which they run.
        left_out: names of parts that are not in the file and that the bot does in its own way.
        bash: whether it is for bash rather than for any POSIX shell.
    """

    kind: ScriptKind
    statements: tuple[Statement, ...]
    left_out: tuple[str, ...] = ()
    bash: bool = False


def kind_of(name: str, text: str) -> ScriptKind:
    """Tell what a script is written for.

    Args:
        name: of the file, without its folder.
        text: of the file.
    """
    if name.endswith(".blade.php") or "@endtask" in text:
        return ScriptKind.ENVOY
    if name.endswith(".php") or "namespace Deployer" in text:
        return ScriptKind.DEPLOYER
    return ScriptKind.FORGE if re.search(r"\$\{?FORGE_|\$CREATE_RELEASE\(\)", text) else ScriptKind.SHELL


def read_script(name: str, text: str) -> Script:
    """Read a deploy script of any kind.

    Args:
        name: of the file, without its folder.
        text: of the file.

    Raises:
        ScriptError: it cannot be read as one.
    """
    if len(text) > _MAX_CHARACTERS or "\0" in text:
        raise ScriptError("this is no deploy script: it is too large, or not text")
    kind = kind_of(name, text)
    match kind:
        case ScriptKind.ENVOY:
            script = Script(kind, envoy_statements(text), bash=True)
        case ScriptKind.DEPLOYER:
            found, left_out = deployer_statements(text)
            script = Script(kind, found, left_out, bash=True)
        case ScriptKind.SHELL | ScriptKind.FORGE:
            first = text.partition("\n")[0]
            bash = kind is ScriptKind.FORGE or (first.startswith("#!") and "bash" in first)
            script = Script(kind, statements(text), bash=bash)
    if not script.statements:
        raise ScriptError("no command was found in it")
    return script

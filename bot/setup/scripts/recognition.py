"""What each statement of a script is to the bot: a step that it knows, a command to keep, or nothing to do."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.setup.scripts.sources import Script
from bot.setup.scripts.statements import ScriptError, Statement


@dataclass(frozen=True)
class KnownStep:
    """A step that the recipe `laravel` has, with its checks and its undoing.

    Args:
        key: of the step.
        command: what it runs in place of the recipe's own command; empty for that.
    """

    key: str
    command: str = ""


@dataclass(frozen=True)
class Service:
    """A unit is restarted or reloaded.

    Args:
        unit: its name.
        verb: `restart` or `reload`.
    """

    unit: str
    verb: str


@dataclass(frozen=True)
class PlainStep:
    """A command that is kept as it is.

    Args:
        command: shell text.
        destroys: whether it may change what cannot be taken back; nobody knows of most commands.
    """

    command: str
    destroys: bool = True


@dataclass(frozen=True)
class NotNeeded:
    """A statement that is no step.

    Args:
        why: in words.
    """

    why: str


Act = KnownStep | Service | PlainStep | NotNeeded


@dataclass(frozen=True)
class Line:
    """A statement and what it is to the bot.

    Args:
        statement: of the script.
        act: what it is.
    """

    statement: Statement
    act: Act


@dataclass(frozen=True)
class Recognised:
    """A script, statement by statement.

    Args:
        lines: in order.
        php: the program that runs artisan.
        path: the folder in which the script works, where it names one.
    """

    lines: tuple[Line, ...]
    php: str = "php"
    path: str = ""

    @property
    def is_laravel(self) -> bool:
        """Whether it runs artisan."""
        laravel = {*_ARTISAN.values(), "maintenance-on", "maintenance-off", "migrate"}
        return any(isinstance(line.act, KnownStep) and line.act.key in laravel for line in self.lines)


_ARTISAN = {
    "config:cache": "config-cache",
    "route:cache": "route-cache",
    "view:cache": "view-cache",
    "event:cache": "event-cache",
    "optimize": "optimize",
    "queue:restart": "queue-restart",
}
_NO_DIFFERENCE = frozenset({"--force", "--no-interaction", "-n", "--no-ansi", "--ansi", "-q", "--quiet", "--isolated"})
_MIGRATE_LIKE = ("migrate", "db:", "tinker", "schema:")
_COMPOSER_KNOWN = frozenset(
    {"--no-dev", "--optimize-autoloader", "-o", "--no-interaction", "-n", "--prefer-dist", "-q", "--quiet"}
    | {"--no-progress", "--no-ansi", "--ansi"}
)
_GIT_BRINGS = frozenset({"pull", "merge", "reset", "checkout", "switch"})
_ONLY_CHANGES_FILES = frozenset({"npm", "npx", "yarn", "pnpm", "bun", "node", "ln", "chmod", "mkdir", "touch"})
_PRINTS = frozenset({"echo", "printf", "date", "whoami", "pwd", "true", ":"})
_READS = r"\$\((?:date|pwd|basename|dirname|hostname|whoami|cat|git rev-parse|git describe)\b[^()`]*\)"
_SHELL_STATE = re.compile(
    rf"(?:export\s+|readonly\s+)?([A-Za-z_]\w*)=(?:[^\s`()]*|'[^']*'|\"(?:[^\"`(]|{_READS})*\"|{_READS})|export(?:\s+\w+)+"
)
_FUNCTION = re.compile(r"^(?:function\s+)?([A-Za-z_][\w-]*)\s*\(\)\s*\{")
_OUTCOME_IGNORED = re.compile(r"\s*\|\|\s*(?:true|:)\s*$")
_SILENCED = re.compile(r"\s*(?:>\s*/dev/null|\d>&\d|2>\s*/dev/null|&>\s*/dev/null)")
_META = re.compile(r"[|<>`()\n;]|\$\(|&&|&\s*$")
_PHP = re.compile(r"(?:(?:/usr(?:/local)?)?/bin/)?php[\d.]*")
_IF_ONE = re.compile(r"^if\s+(?:\[[^\n;]*\]|test\s[^\n;]*)\s*(?:;|\n)\s*then\s(.*?)[;\n]\s*fi$", re.DOTALL)
_FORGE = {
    "FORGE_PHP": "php",
    "FORGE_COMPOSER": "composer",
    "FORGE_SITE_BRANCH": "BRANCH",
    "FORGE_SITE_PATH": ".",
    "FORGE_RELEASE_DIRECTORY": ".",
}
_FORGE_RELEASES: Mapping[str, Act] = {
    "$CREATE_RELEASE()": KnownStep("checkout"),
    "$ACTIVATE_RELEASE()": NotNeeded("the approved commit is live as soon as it is checked out"),
    "$RESTART_QUEUES()": KnownStep("queue-restart"),
}


@dataclass
class _State:
    """What a script has set by the time of a statement."""

    root: str = ""
    folder: str = "."
    kept: list[str] = field(default_factory=list)
    php: str = "php"


def recognise(script: Script) -> Recognised:
    """Say of each statement what it is.

    Args:
        script: in statements.

    Raises:
        ScriptError: a statement uses a value that only the service which runs the script has.
    """
    state = _State()
    lines = tuple(Line(statement, _act(statement, state, script.bash)) for statement in script.statements)
    return Recognised(lines, state.php, state.root)


def _act(statement: Statement, state: _State, bash: bool) -> Act:  # noqa: FBT001 - a fact about the script
    text = statement.text
    if text in _FORGE_RELEASES:
        return _FORGE_RELEASES[text]
    if "FORGE_PHP_FPM" in text:
        return KnownStep("restart")
    text = re.sub(r"\$\{?(FORGE_\w+)\}?", lambda name: _FORGE.get(name[1], name[0]), text)
    unknown = re.search(r"\$\{?FORGE_\w+\}?", text)
    if unknown is not None:
        raise ScriptError(f"line {statement.line}: only Forge knows what {unknown[0]} is; write its value there")
    one = _IF_ONE.match(text)
    if one is not None:
        inner = _simple(one[1].strip(), state)
        if isinstance(inner, KnownStep | Service) and state.folder == ".":
            return inner
    found = _simple(text, state)
    if found is not None and (state.folder == "." or isinstance(found, NotNeeded | Service)):
        return found
    return _kept(text, state, bash)


def _simple(text: str, state: _State) -> Act | None:
    """Recognise a statement of one program; None where it is another."""
    if _SHELL_STATE.fullmatch(text) or _FUNCTION.match(text) or text.startswith(("source ", ". ")):
        state.kept.append(text)
        return NotNeeded("set again in each step below that may use it")
    bare = _SILENCED.sub("", _OUTCOME_IGNORED.sub("", text))
    words = _words(bare)
    if not words:
        return None
    if words[0] in _PRINTS:
        return NotNeeded("the run card tells what happens")
    if "$" in bare and words[0] not in {"cd", "git"}:
        return None
    match words:
        case ["set" | "shopt", *_]:
            return NotNeeded("a step that fails ends the run")
        case ["exit", *_]:
            return NotNeeded("the end of the script")
        case ["cd", folder]:
            return _moved(folder, state)
        case ["git", *rest]:
            return _git(rest)
        case [composer, *rest] if composer.rsplit("/", 1)[-1] in {"composer", "composer.phar"}:
            return _composer(bare, rest)
        case ["sudo", *rest]:
            return _service([word for word in rest if not word.startswith("-")], rest)
        case ["systemctl" | "service", *_]:
            return _service(words, words)
    return _artisan(words, state)


def _words(text: str) -> list[str]:
    if _META.search(re.sub(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", "''", text)):
        return []
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _moved(folder: str, state: _State) -> Act | None:
    if any(letter in folder for letter in "$`*?") or folder == "-":
        if re.fullmatch(r"\"?\$\(dirname.*", folder) or "dirname" in folder:
            return NotNeeded("each step begins in the checkout")
        return None
    if folder.startswith(("/", "~")) and not state.root:
        state.root, state.folder = ("" if folder.startswith("~") else posixpath.normpath(folder)), "."
        return NotNeeded("each step begins in the checkout")
    if folder == state.root:
        state.folder = "."
    else:
        state.folder = folder if folder.startswith("/") else posixpath.normpath(posixpath.join(state.folder, folder))
    return NotNeeded("each step below that needs it begins there")


def _git(rest: list[str]) -> Act | None:
    verb = next((word for word in rest if not word.startswith("-")), "")
    if verb in _GIT_BRINGS and "--" not in rest:
        return KnownStep("checkout")
    if verb == "fetch":
        return NotNeeded("the bot fetches before anybody is asked to approve")
    return NotNeeded("the plan shows it") if verb in {"log", "status", "rev-parse"} else None


def _composer(text: str, rest: list[str]) -> Act | None:
    if not rest or rest[0] not in {"install", "i"}:
        return None
    if set(rest[1:]) <= _COMPOSER_KNOWN:
        return KnownStep("composer")
    asks = {"-n", "--no-interaction"} & set(rest)
    return KnownStep("composer", text if asks else f"{text} --no-interaction")


def _service(words: list[str], written: list[str]) -> Act | None:
    if any(word in {"-u", "--user"} or word.startswith("--user=") for word in written):
        return None
    match words:
        case ["systemctl", "restart" | "reload" as verb, unit]:
            return Service(unit.removesuffix(".service"), verb)
        case ["service", unit, "restart" | "reload" as verb]:
            return Service(unit, verb)
        case ["nginx", "reload"]:
            return Service("nginx", "reload")
    return None


def _artisan(words: list[str], state: _State) -> Act | None:
    php = words[0] if _PHP.fullmatch(words[0]) else ""
    rest = words[1:] if php else words
    program = rest[0] if rest else ""
    if program not in {"artisan", "./artisan"} and not (state.root and program == f"{state.root}/artisan"):
        return None
    command, options = (rest[1] if len(rest) > 1 else ""), rest[2:]
    if php:
        state.php = php
    plain = set(options) <= _NO_DIFFERENCE
    if command in _ARTISAN and plain:
        return KnownStep(_ARTISAN[command])
    if command == "up" and plain:
        return KnownStep("maintenance-off")
    if command == "down":
        own = [option for option in options if option not in _NO_DIFFERENCE]
        return KnownStep("maintenance-on", shlex.join(["artisan", "down", *own]) if own else "")
    if command == "migrate" and plain:
        return KnownStep("migrate")
    return PlainStep(shlex.join([php or "php", "artisan", *rest[1:]]), command.startswith(_MIGRATE_LIKE))


_BASH_ONLY = re.compile(r"\[\[|<\(|\$\{\w+(?:\^|,|/|:\d)|=~|\bsource\b|\w=\(|pipefail|\bfunction\b|&>|<<<|\$'|\{\w+,\w")


def _kept(text: str, state: _State, bash: bool) -> PlainStep:  # noqa: FBT001 - a fact about the script
    first = next(iter(_words(text)), text.split(maxsplit=1)[0])
    way = [] if state.folder == "." else [f"cd {shlex.quote(state.folder)} || exit"]
    whole = "\n".join((*_needed(state.kept, text), *way, text))
    if bash and _BASH_ONLY.search(whole):
        whole = f"exec bash -c {shlex.quote(whole)}"
    return PlainStep(whole, destroys=first not in _ONLY_CHANGES_FILES)


def _needed(kept: list[str], text: str) -> list[str]:
    """Give those of the script's variables and functions that a statement may use."""
    needed: list[str] = []
    for one in reversed(kept):
        named = _SHELL_STATE.fullmatch(one) or _FUNCTION.match(one)
        name = named[1] if named is not None else None
        if name is None or one.startswith("export") or re.search(rf"\b{re.escape(name)}\b", text):
            needed.insert(0, one)
            text += f"\n{one}"
    return needed


def summary(recognised: Recognised) -> Mapping[str, int]:
    """Count the statements by what became of them."""
    acts = [line.act for line in recognised.lines]
    return {
        "known": sum(isinstance(act, KnownStep | Service) for act in acts),
        "kept": sum(isinstance(act, PlainStep) for act in acts),
        "not needed": sum(isinstance(act, NotNeeded) for act in acts),
    }

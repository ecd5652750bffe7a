"""Deployer's file (deploy.php) → the statements of its task `deploy`."""

from __future__ import annotations

import re

from bot.setup.scripts.statements import ScriptError, Statement, statements

_LIST = re.compile(r"\btask\(\s*['\"]([^'\"]+)['\"]\s*,\s*\[(.*?)\]", re.DOTALL)
_TASK = re.compile(
    r"^task\(\s*['\"]([^'\"]+)['\"]\s*,\s*(?:static\s+)?"
    r"(?:function\s*\([^)]*\)[^{\n]*\{(.*?)^\}|fn\s*\([^)]*\)\s*=>([^\n]*))",
    re.MULTILINE | re.DOTALL,
)
_CALL = re.compile(r"\b(run|cd|invoke)\(\s*(?:'((?:\\.|[^'\\])*)'|\"((?:\\.|[^\"\\])*)\")\s*\)")
_ANY_CALL = re.compile(r"\b(?:run|cd|invoke|within|upload|runLocally|foreach|if)\b\s*\(")
_HOOK = re.compile(r"\b(before|after)\(\s*['\"]([^'\"]+)['\"]\s*,\s*['\"]([^'\"]+)['\"]\s*\)")
_COMMENT = re.compile(r"^[ \t]*(?://|#|/?\*).*$", re.MULTILINE)
_PLACES = re.compile(r"\{\{\s*(?:release_path|release_or_current_path|current_path|deploy_path)\s*\}\}/?")
_PROGRAMS = re.compile(r"\{\{\s*bin/(php|composer|git|npm)\s*\}\}")
_LARAVEL = (
    "deploy:prepare", "deploy:vendors", "artisan:storage:link", "artisan:config:cache", "artisan:route:cache",
    "artisan:view:cache", "artisan:event:cache", "artisan:migrate", "deploy:publish",
)  # fmt: skip
"""The task `deploy` of recipe/laravel.php in Deployer 7."""

_MEANING = {
    "deploy:prepare": "git pull",
    "deploy:update_code": "git pull",
    "deploy:vendors": "composer install --no-dev",
    "artisan:migrate": "php artisan migrate --force",
}
_MAX_DEPTH = 20


def deployer_statements(text: str) -> tuple[tuple[Statement, ...], tuple[str, ...]]:
    """Read the task `deploy` with the tasks that it is made of, and those before and after them.

    Args:
        text: of `deploy.php`.

    Returns:
        The statements in order, and the names of Deployer's own tasks that are left out.

    Raises:
        ScriptError: a task is named and not in the file, or what it runs cannot be read.
    """
    reading = _Reading(_COMMENT.sub("", text))
    reading.add_deploy()
    return tuple(reading.found), tuple(reading.left_out)


class _Reading:
    """Walks through the tasks of one file."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._lists = {name: re.findall(r"['\"]([^'\"]+)['\"]", body) for name, body in _LIST.findall(code)}
        self._bodies = {found[1]: found for found in _TASK.finditer(code)}
        self._hooks = _HOOK.findall(code)
        self.found: list[Statement] = []
        self.left_out: list[str] = []

    def add_deploy(self) -> None:
        if "deploy" in self._lists or "deploy" in self._bodies:
            self._add("deploy", ())
            return
        for name in _LARAVEL:
            self._add(name, ())

    def _add(self, name: str, way: tuple[str, ...]) -> None:
        if name in way or len(way) > _MAX_DEPTH:
            raise ScriptError(f"the task {name} leads back to itself")
        within = (*way, name)
        self._hooked("before", name, within)
        if name in self._bodies:
            self._run(self._bodies[name], within)
        elif name in self._lists:
            for part in self._lists[name]:
                self._add(part, within)
        elif name in _MEANING or name.startswith("artisan:"):
            meaning = _MEANING.get(name, f"php artisan {name.removeprefix('artisan:')}")
            self.found.append(Statement(self._line_of(name), meaning))
        elif name.startswith("deploy:"):
            self.left_out.append(name)
        else:
            raise ScriptError(
                f"the task {name} is named and is not in the file; write its commands as task('{name}', …)"
            )
        self._hooked("after", name, within)

    def _hooked(self, place: str, name: str, within: tuple[str, ...]) -> None:
        for where, known, hooked in self._hooks:
            if (where, known) == (place, name):
                self._add(hooked, within)

    def _line_of(self, name: str) -> int:
        at = max(self._code.find(f"'{name}'"), self._code.find(f'"{name}"'))
        return self._code.count("\n", 0, at) + 1 if at >= 0 else 1

    def _run(self, task: re.Match[str], within: tuple[str, ...]) -> None:
        group = 2 if task[2] is not None else 3
        body, start = task[group], task.start(group)
        calls = list(_CALL.finditer(body))
        starts = {call.start() for call in calls}
        for other in _ANY_CALL.finditer(body):
            if other.start() not in starts and not any(call.start() < other.start() < call.end() for call in calls):
                line = self._code.count("\n", 0, start + other.start()) + 1
                raise ScriptError(
                    f"line {line}: what {other[0]}…) does is decided when Deployer runs; write out the commands"
                )
        for call in calls:
            line = self._code.count("\n", 0, start + call.start()) + 1
            argument = call[2] if call[2] is not None else call[3]
            if call[1] == "invoke":
                self._add(argument, within)
                continue
            command = _shell(argument, line)
            self.found += [
                Statement(line, part.text)
                for part in statements(f"cd {command or '.'}" if call[1] == "cd" else command)
            ]


def _shell(argument: str, line: int) -> str:
    """Turn a PHP string into shell text; places of a release are the checkout."""
    text = re.sub(r"\\(['\"\\$])", r"\1", argument)
    text = _PROGRAMS.sub(r"\1", re.sub(r"^cd\s+" + _PLACES.pattern + r"\s*&&\s*", "", text))
    text = _PLACES.sub("./", text) if _PLACES.fullmatch(text) is None else "."
    if "{{" in text:
        name = text[text.index("{{") :].partition("}}")[0]
        raise ScriptError(f"line {line}: the file does not say what {name}}}}} is; write its value there")
    return text

"""Laravel Envoy's file → the statements of its deploy."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.setup.scripts.statements import ScriptError, Statement, moved, statements

_TASK = re.compile(r"^[ \t]*@task\(\s*['\"]([^'\"]+)['\"].*?\)[ \t]*\n(.*?)^[ \t]*@endtask", re.MULTILINE | re.DOTALL)
_STORY = re.compile(
    r"^[ \t]*@(?:story|macro)\(\s*['\"]([^'\"]+)['\"].*?\)[ \t]*\n(.*?)^[ \t]*@end(?:story|macro)",
    re.MULTILINE | re.DOTALL,
)
_SET = re.compile(r"^\s*\$(\w+)\s*=\s*(?:'([^'$\\]*)'|\"([^\"$\\]*)\")\s*;", re.MULTILINE)
_ECHO = re.compile(r"\{\{\s*\$(\w+)\s*\}\}|\{\{.*?\}\}|\{!!.*?!!\}")
_DIRECTIVE = re.compile(r"^[ \t]*@\w+.*$", re.MULTILINE)
_COMMENT = re.compile(r"\{\{--.*?--\}\}", re.DOTALL)

BRANCH = "BRANCH"
"""Stands for Envoy's own variable `$branch`: the bot brings the approved commit, whatever its branch is called."""


def envoy_statements(text: str) -> tuple[Statement, ...]:
    """Read the story or the task `deploy`; where there is none, the first story or task.

    Args:
        text: of `Envoy.blade.php`.

    Raises:
        ScriptError: there is no task, or what runs is decided only when Envoy runs.
    """
    text = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    values = {name: single or double for name, single, double in _SET.findall(text)} | {"branch": BRANCH}
    tasks = {found[1]: found for found in _TASK.finditer(text)}
    if not tasks:
        raise ScriptError("there is no @task in it")
    found: list[Statement] = []
    for name in _order(text, tuple(tasks)):
        if name not in tasks:
            raise ScriptError(f"a story names the task {name}, which is not in the file")
        before = text.count("\n", 0, tasks[name].start(2))
        found += moved(statements(_filled(tasks[name][2], values, before)), before)
    return tuple(found)


def _order(text: str, tasks: tuple[str, ...]) -> tuple[str, ...]:
    stories = {name: tuple(body.split()) for name, body in _STORY.findall(text)}
    if "deploy" in stories:
        return stories["deploy"]
    return ("deploy",) if "deploy" in tasks else next(iter(stories.values()), tasks[:1])


def _filled(body: str, values: Mapping[str, str], before: int) -> str:
    def refuse(found: re.Match[str], why: str) -> ScriptError:
        return ScriptError(f"line {before + body.count(chr(10), 0, found.start()) + 1}: {why}")

    directive = _DIRECTIVE.search(body)
    if directive is not None:
        raise refuse(directive, f"{directive[0].strip()} is decided when Envoy runs; write out the lines you want")

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise refuse(found, f"the file does not say what {found[0]} is; write its value there")
        return values[found[1]]

    return _ECHO.sub(value, body)

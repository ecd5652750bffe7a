"""YAML text → plain data, with the line of every value and everything that YAML itself gets wrong."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.config.problems import DocumentProblem, KeyPath

_MAX_VALUES = 100_000
"""Aliases of aliases can make a short text very large; no honest operations file comes near this."""

_KNOWN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp"))
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"

_KINDS = {
    "tag:yaml.org,2002:int": "a whole number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:timestamp": "a date",
}


@dataclass
class Document:
    """A YAML document as plain data.

    Args:
        data: mappings, lists, text, numbers, booleans and dates; keys are text. None stands for what was not readable.
        lines: the line (1 for the first) on which each path begins.
        unread: the paths at which None stands.
        problems: what YAML itself got wrong.
    """

    data: object = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    unread: set[KeyPath] = field(default_factory=set)
    problems: list[DocumentProblem] = field(default_factory=list)

    def line(self, path: KeyPath) -> int:
        """Give the line of a path, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_document(text: str) -> Document:
    """Read YAML 1.2.

    Args:
        text: of the file.

    Returns:
        The document; what could not be read is None in its data and named in its findings.
    """
    document = Document()
    reader = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            # YAML allows an anchor to be given anew.
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            root = reader.compose(text)
        if root is None:
            document.problems.append(DocumentProblem((), "the file is empty; start from ops.example.yaml"))
        else:
            document.data = _Construction(reader, document).value(root, ())
    except MarkedYAMLError as error:
        _syntax(document, error)
    except RecursionError:
        document.problems.append(DocumentProblem((), "nested too deeply to be read"))
    except _TooLargeError:
        document.problems.append(DocumentProblem((), f"more than {_MAX_VALUES} values"))
    except (YAMLError, ValueError) as error:
        document.problems.append(DocumentProblem((), f"this is not YAML: {_first_line(str(error))}"))
    return document


class _TooLargeError(Exception):
    """The document has too many values."""


def _syntax(document: Document, error: MarkedYAMLError) -> None:
    mark = error.problem_mark or error.context_mark
    if mark is not None:
        document.lines[()] = mark.line + 1
    sentence = _first_line(str(error.problem or error.context or "it cannot be read"))
    column = f" (column {mark.column + 1})" if mark is not None else ""
    document.problems.append(DocumentProblem((), f"this is not YAML: {sentence}{column}"))


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "it cannot be read")


class _Construction:
    """Turns the nodes of one document into data.

    Args:
        reader: whose constructor knows the scalars of YAML 1.2.
        document: that is being filled.
    """

    def __init__(self, reader: YAML, document: Document) -> None:
        self._scalars: Any = reader.constructor
        self._document = document
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: Node, path: KeyPath) -> object:
        """Turn one node into data, recording the lines of it and of all that is in it."""
        self._count += 1
        if self._count > _MAX_VALUES:
            raise _TooLargeError
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._open:
            self._wrong(path, "an alias to something that it stands in")
            return None
        self._open.add(id(node))
        try:
            match node:
                case MappingNode():
                    return self._mapping(node, path)
                case SequenceNode():
                    return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
                case ScalarNode():
                    return self._scalar(node, path)
                case _:
                    self._wrong(path, "an alias to nothing")
                    return None
        finally:
            self._open.discard(id(node))

    def _wrong(self, path: KeyPath, message: str) -> None:
        self._document.problems.append(DocumentProblem(path, message))
        self._document.unread.add(path)

    def _scalar(self, node: ScalarNode, path: KeyPath) -> object:
        tag = str(node.tag)
        if tag not in _KNOWN_TAGS:
            self._wrong(path, f"the tag {tag} means nothing here; leave it out")
            return None
        if tag == _NULL:
            self._wrong(path, "there is no value; fill it in or leave the key out")
            return None
        try:
            return self._scalars.construct_object(node)
        except (YAMLError, ValueError, OverflowError, TypeError, AttributeError, LookupError):
            self._wrong(path, f"this is not {_KINDS.get(tag, 'text')}; put text in quotes")
            return None

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, object]:
        data: dict[str, object] = {}
        own: dict[str, int] = {}
        merged: list[tuple[str, Node]] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE:
                merged.extend(self._merged(value_node, path))
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            here = (*path, key)
            if key in own:
                self._document.problems.append(
                    DocumentProblem(here, f"given twice; it stands on line {own[key]} already")
                )
                self._document.lines[here] = line
                continue
            own[key] = line
            self._document.lines[here] = line
            data[key] = self.value(value_node, here)
        for key, value_node in merged:
            if key not in data:
                data[key] = self.value(value_node, (*path, key))
        return data

    def _key(self, node: Node, path: KeyPath) -> str | None:
        if isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:str":
            return str(node.value)
        here = (*path, str(node.value)) if isinstance(node, ScalarNode) else path
        self._document.lines.setdefault(here, node.start_mark.line + 1)
        kind = _KINDS.get(str(node.tag), "a list or a mapping")
        self._document.problems.append(DocumentProblem(here, f"a key must be text, found {kind}; put it in quotes"))
        return None

    def _merged(self, node: Node, path: KeyPath) -> Iterator[tuple[str, Node]]:
        sources = node.value if isinstance(node, SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, MappingNode) or id(source) in self._open:
                self._document.problems.append(
                    DocumentProblem(path, "`<<` takes a mapping (or a list of them) by its alias")
                )
                continue
            self._open.add(id(source))
            for key_node, value_node in source.value:
                if key_node.tag == _MERGE:
                    yield from self._merged(value_node, path)
                elif (key := self._key(key_node, path)) is not None:
                    yield key, value_node
            self._open.discard(id(source))

"""Validation errors in plain words: wrong types, missing and unknown keys, each with its path."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.config.problems import DocumentProblem, KeyPath
from bot.config.schema import OperationsFile
from bot.domain.names import nearest

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list, such as [a, b]",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
}


_NOT_IN_THE_FILE = frozenset({"[key]", "[server]", "[word]"})


def problems_of(error: ValidationError) -> list[DocumentProblem]:
    """Translate every error of a validation.

    Args:
        error: of `OperationsFile`.
    """
    return [_problem(details) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails) -> DocumentProblem:
    # Pydantic reports a wrong key of a mapping as (…, key, "[key]"), and which kind of a value it took by its tag.
    path: KeyPath = tuple(part for part in details["loc"] if part not in _NOT_IN_THE_FILE)
    return DocumentProblem(path, _sentence(details, path))


def _sentence(details: ErrorDetails, path: KeyPath) -> str:
    context = details.get("ctx", {})
    match details["type"]:
        case "countersign":
            return str(context["sentence"])
        case "missing":
            return "missing"
        case "extra_forbidden":
            return _unknown_key(path)
        case "literal_error":
            return f"must be {context.get('expected')}"
        case "greater_than_equal":
            return f"must be at least {context.get('ge')}"
        case "less_than_equal":
            return f"must be at most {context.get('le')}"
        case "too_short":
            return "must not be empty"
        case "string_too_long":
            return f"must have at most {context.get('max_length')} characters"
        case kind if kind in _EXPECTED:
            return _wrong_type(kind, details["input"])
        case _:
            return str(details["msg"])


def _wrong_type(kind: str, found: object) -> str:
    sentence = f"expected {_EXPECTED[kind]}, found {_kind_of(found)}"
    if kind == "string_type" and isinstance(found, (int, float, date)):
        return f"{sentence}; put it in quotes"
    if kind in {"int_type", "bool_type"} and isinstance(found, str):
        return f"{sentence}; take the quotes off" if found.isdigit() or found in {"true", "false"} else sentence
    return sentence


def _kind_of(found: object) -> str:
    match found:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case date():
            return "a date"
        case _:
            return "nothing"


def _unknown_key(path: KeyPath) -> str:
    known = known_keys(path[:-1])
    name = str(path[-1])
    near = nearest(name, known)
    if near is not None:
        return f"unknown key; did you mean {near!r}?"
    return f"unknown key; known here: {', '.join(known)}"


def known_keys(path: KeyPath) -> tuple[str, ...]:
    """Name the keys that the schema knows at a place.

    Args:
        path: of the mapping.

    Returns:
        Its keys, in the order of the schema; empty where names are free.
    """
    kind: Any = OperationsFile
    for part in path:
        kind = _inside(kind, str(part))
    section = _section(kind)
    return tuple(_keys(section)) if section is not None else ()


def all_keys() -> frozenset[str]:
    """Name every key that the schema knows, wherever it stands."""
    found: set[str] = set()
    waiting: list[Any] = [OperationsFile]
    while waiting:
        kind = waiting.pop()
        section = _section(kind)
        if section is not None:
            keys = _keys(section)
            found |= keys.keys()
            waiting.extend(keys.values())
        else:
            waiting.extend(get_args(kind))
    return frozenset(found)


def _keys(section: type[BaseModel]) -> Mapping[str, Any]:
    return {field.alias or name: field.annotation for name, field in section.model_fields.items()}


def _section(kind: Any) -> type[BaseModel] | None:
    kind = _bare(kind)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _inside(kind: Any, part: str) -> Any:
    kind = _bare(kind)
    section = _section(kind)
    if section is not None:
        return _keys(section).get(part)
    arguments = get_args(kind)
    return arguments[-1] if arguments else None


def _bare(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in {Union, UnionType}:
        kinds = [_bare(argument) for argument in get_args(kind) if argument is not type(None)]
        return next((one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)), kinds[0])
    return kind

"""Parsing what the script that reads a checkout printed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.plan import Commit
from bot.domain.targets.layout import ReleaseFolder
from bot.domain.targets.look import CommandOutput, HostFacts, HostQuestion, NotConfined
from bot.hosts.look_layout import parse_survey
from bot.hosts.look_readiness import parse_readiness
from bot.sandbox.commit_command import told_in_confinement

_MAX_DIRTY = 20
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
_DF = re.compile(r"\s(\d+)\s+(-?\d+)\s+(-?\d+)\s+(?:\d+%|-)\s")


class IncompleteAnswerError(Exception):
    """The answer was cut off."""


def parse_answer(host: str, question: HostQuestion, answer: bytes, nonce: str) -> HostFacts:
    """Parse what the script of `build_question` printed.

    Args:
        host: its name.
        question: what was asked.
        answer: the script's standard output; what a login shell printed before it is skipped.
        nonce: what the script was given.

    Returns:
        The facts.

    Raises:
        IncompleteAnswerError: the answer was cut off.
        RefusedError: `host_tool_missing` (git), `checkout_unreadable` (git refuses to read it).
    """
    sections = parse_sections(answer, nonce)
    if "end" not in sections:
        raise IncompleteAnswerError
    checkout = sections["checkout"]
    match checkout[:1]:
        case ["no-git"]:
            raise RefusedError(problem(Reason.HOST_TOOL_MISSING, host=host, tool="git"))
        case ["trouble"]:
            detail = " ".join(" ".join(checkout[1:]).split())[:500]
            raise RefusedError(problem(Reason.CHECKOUT_UNREADABLE, host=host, path=question.path, detail=detail))
    head, branch = (*sections.get("head", ()), "", "")[:2]
    status = (*sections.get("maintenance", ()), "")[0]
    ready = parse_readiness(question, sections)
    blocks, inodes = (_df(text) for text in (*sections.get("disk", ()), "", "")[:2])
    return HostFacts(
        host=host,
        is_checkout=checkout[:1] == ("yes",),
        head=head,
        branch=branch,
        dirty=_paths(sections, "dirty")[:_MAX_DIRTY],
        mode_only=tuple(sorted({*_paths(sections, "dirty")} - {*_paths(sections, "changed-content")}))[:_MAX_DIRTY],
        sha=next(iter(sections.get("sha", ())), "") or None,
        on_branch=bool(sections.get("on-branch")),
        fast_forward=bool(sections.get("fast-forward")),
        commits=parse_commits(sections.get("commits", ())),
        commit_count=int(next(iter(sections.get("count", ())), "") or 0),
        changed=tuple(dict.fromkeys(sections.get("changed", ()))),
        migrations=_files(sections.get("migrations", ()), question.directory),
        existing=frozenset(sections["existing"]),
        removed=parse_commits(sections.get("removed", ())),
        removed_count=int(next(iter(sections.get("backward", ())), "") or 0),
        maintenance={"0": True, "1": False}.get(status),
        missing_tools=sections["missing-tools"],
        free_kib=blocks[1] if blocks else 0,
        # A file system that allocates inodes on demand reports none at all.
        free_inodes=inodes[1] if inodes and inodes[0] > 0 else None,
        commit_output=_command_output(sections.get("told", ())),
        confined_output=_confined_output(sections.get("confined")),
        disks=dict(_free(sections.get("disks", ()))),
        migrator=_command_output(sections.get("migrator", ())),
        hashes=_hashes(sections.get("hashes", ()), sections.get("blobs", ())),
        untracked=_direct_children(sections.get("untracked", ()), question.directory),
        services=ready.services,
        unwritable=ready.unwritable,
        foreign=ready.foreign,
        in_the_way=ready.in_the_way,
        same_files=frozenset(sections.get("same-files", ())),
        release=next(iter(sections.get("release", ())), ""),
        releases=tuple(ReleaseFolder(*pair) for pair in _pairs(sections.get("releases", ()))),
        found=parse_survey(sections.get("lies", ())),
    )


def _pairs(values: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return zip(values[::2], values[1::2], strict=False)


def _paths(sections: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...]:
    """Read paths from `git status --porcelain -z`."""
    return tuple(entry[3:] for entry in sections.get(name, ()))


def parse_sections(answer: bytes, nonce: str) -> Mapping[str, tuple[str, ...]]:
    """Split an answer into sections with their values; what follows the last NUL is ignored.

    Args:
        answer: standard output; what a login shell printed before the first section is skipped.
        nonce: what the script was given.
    """
    mark = f"{nonce}:".encode()
    _, found, rest = answer.partition(mark)
    sections: dict[str, list[str]] = {}
    if not found:
        return {}
    current: list[str] = []
    for item in (found + rest).split(b"\0")[:-1]:
        if item.startswith(mark):
            current = sections.setdefault(item[len(mark) :].decode(errors="replace"), [])
        else:
            current.append(item.decode(errors="surrogateescape"))
    return {name: tuple(values) for name, values in sections.items()}


def parse_commits(values: tuple[str, ...]) -> tuple[Commit, ...]:
    """Read commits from `git log -z --format=%H%x00%an%x00%s`."""
    return tuple(Commit(*values[at : at + 3]) for at in range(0, len(values) - 2, 3))


def _command_output(values: tuple[str, ...]) -> CommandOutput | None:
    if len(values) < 3:
        return None
    *output, status, complaint = values
    return CommandOutput(int(status), "\0".join(output), complaint)


def _confined_output(values: tuple[str, ...] | None) -> CommandOutput | NotConfined | None:
    return None if values is None else told_in_confinement(dict(zip(values[::2], values[1::2], strict=False)))


def _df(text: str) -> tuple[int, int] | None:
    """Read total and available from `df -P`'s second line."""
    _, _, line = text.partition("\n")
    match = _DF.search(line)
    return (int(match.group(1)), int(match.group(3))) if match else None


def _free(values: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    for path, said in zip(values[::2], values[1::2], strict=False):
        blocks = _df(said)
        if blocks is not None:
            yield path, blocks[1]


def _files(entries: tuple[str, ...], directory: str | None) -> tuple[str, ...]:
    """Read names of files from `git ls-tree -z`: `MODE blob OBJECT<TAB>PATH`."""
    prefix = f"{(directory or '').strip('/')}/"
    names = []
    for entry in entries:
        about, _, path = entry.partition("\t")
        if " blob " in f"{about} ":
            names.append(path.removeprefix(prefix))
    return tuple(names)


def _hashes(entries: tuple[str, ...], blobs: tuple[str, ...]) -> Mapping[str, str]:
    """Read the hashes of files from `git ls-tree -r -z`, and from pairs of a blob and what a program says of it."""
    of_blob = {}
    for blob, said in zip(blobs[::2], blobs[1::2], strict=False):
        found = _SHA256.search(said)
        if found is not None:
            of_blob[blob] = found[0]
    named = (entry.partition("\t") for entry in entries)
    blob_of = {path: about.split(" ")[-1] for about, _, path in named}
    return {path: of_blob[blob] for path, blob in blob_of.items() if blob in of_blob}


def _direct_children(paths: tuple[str, ...], directory: str | None) -> tuple[str, ...]:
    prefix = f"{(directory or '').strip('/')}/"
    names = (path.removeprefix(prefix) for path in paths if path.startswith(prefix))
    return tuple(name for name in names if "/" not in name)


def parse_checksum(answer: bytes) -> str:
    """Read a SHA-256 checksum from what the hosts' programs print; empty where there is none."""
    found = _SHA256.search(answer.decode(errors="replace"))
    return found[0] if found else ""

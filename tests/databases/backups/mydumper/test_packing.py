"""How a backup by mydumper is packed: by itself, or file by file while it goes on."""

import tarfile
from pathlib import Path

import pytest

from bot.databases.backups.dump_script import DumpStage
from bot.demo.host.database import DemoDatabase
from bot.domain.targets.target import Target
from tests.databases.backups.mydumper.large import FILE, left_in, made, only_old, proven
from tests.databases.support.local import KeptOutput, LocalHost, stand_in
from tests.databases.support.steps import BACKUP, failed, job_of, performer

NEWER = (
    "out=; for word; do case $word in --outputdir=*) out=${word#*=} ;; --help)"
    " /usr/bin/mydumper --help | sed 's/Compress output files$/& by gzip or zstd/'; exit ;; esac; done\n"
    '/usr/bin/mydumper "$@" || exit\n'
)


async def test_a_version_that_packs_fast_packs_itself(
    filled: DemoDatabase, target: Target, tmp_path: Path, host: LocalHost, folder: Path
) -> None:
    await made(LocalHost(stand_in(tmp_path / "bin", "mydumper", f'{NEWER}[ -z "$out" ] || ls "$out" >&2')), target)
    with tarfile.open(folder / FILE) as archive:
        names = {member.name for member in archive.getmembers() if "/rows/" in member.name}
    assert {name.rpartition(".")[2] for name in names if not name.endswith("metadata")} in ({"gz"}, {"zst"})
    await proven(host, target)


async def test_what_it_packed_itself_is_unpacked_again(
    filled: DemoDatabase, target: Target, folder: Path, tmp_path: Path
) -> None:
    spoil = '[ -z "$out" ] || for file in "$out"/*.sql.*; do head -c 9 "$file" >"$out/x"; mv "$out/x" "$file"; done'
    path = stand_in(tmp_path / "bin", "mydumper", f"{NEWER}{spoil}")
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), DumpStage.INTEGRITY)
    assert left_in(folder) == set()


@only_old
@pytest.mark.parametrize(
    "text",
    [
        'case $* in -1*) /usr/bin/gzip "$@" | head -c 30 ;; *) exec /usr/bin/gzip "$@" ;; esac',
        'case $* in -1*) /usr/bin/gzip "$@"; exit 1 ;; *) exec /usr/bin/gzip "$@" ;; esac',
    ],
)
async def test_a_packer_that_lies_is_found_out(
    text: str, filled: DemoDatabase, target: Target, folder: Path, tmp_path: Path
) -> None:
    path = stand_in(tmp_path / "bin", "gzip", text)
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), DumpStage.COMPRESS)
    assert left_in(folder) == set()


@only_old
async def test_what_is_still_being_written_is_not_packed(
    filled: DemoDatabase, target: Target, folder: Path, tmp_path: Path, host: LocalHost
) -> None:
    slowly = (
        'case "$*" in *--help*) exec /usr/bin/mydumper --help ;; esac\n'
        'for word; do case $word in --outputdir=*) out=${word#*=} ;; *) set -- "$@" "$word" ;; esac; shift; done\n'
        '/usr/bin/mydumper "$@" --outputdir="$out.all" && mkdir "$out" && exec 9>"$out/late.sessions.sql" || exit\n'
        'head -c 2000 "$out.all"/*.sessions.sql >&9; sleep 2; tail -c +2001 "$out.all"/*.sessions.sql >&9; exec 9>&-\n'
        'rm "$out.all"/*.sessions.sql; mv "$out.all"/* "$out"; rmdir "$out.all"'
    )
    await made(LocalHost(stand_in(tmp_path / "bin", "mydumper", slowly)), target)
    with tarfile.open(folder / FILE) as archive:
        assert f"{BACKUP}/rows/late.sessions.sql.gz" in archive.getnames()
    await proven(host, target)

"""The benchmarks: each failure is told and costs nothing else, and the page is written from what was kept."""

from __future__ import annotations

import asyncio
import time
import xml.etree.ElementTree as ElementTree
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bench import __main__ as program
from bench import backups, fanout, page
from bench.deploy import wire
from bench.picture import WIDTH
from bench.report import Curve, Heading, Judgement, Missing, Note, Report, Samples, Side, latencies, ratio
from bench.results import Result, read_results, write_results
from bench.size import Size
from bench.surroundings import Surroundings

EVERYTHING = Report(
    "Everything",
    (
        Heading("a heading"),
        Samples("one sample", (2.0,), "s"),
        latencies("latencies", (1.0, 2.0, 3.0), "ms"),
        ratio("ours / theirs", (2.0, 3.0), (1.0, 1.0), 1.5),
        Judgement("throughput", 1.1, 1.0, "×", side=Side.AT_LEAST),
        Missing("a tool | of theirs", "not installed"),
        Note("seen"),
        *(Curve(fanout.PICTURE, name, ((1, 0.1), (50, 2.0))) for name in ("countersign", "a <peer> & co")),
        Curve("deploy", "countersign", ((0, 1.0), (80, 4.0))),
    ),
)


def result(name: str, report: Report, size: Size = Size.SHORT) -> Result:
    machine = Surroundings(2, "a processor", 0.1, 5.0, "4.0 – 6.0")
    return Result(name, "2026-12-01T00:00:00+00:00", size, 12.5, machine, 0.4, report)


# ── the program ──


async def _works(size: Size) -> Report:
    return Report("Works", [Samples("figure", [1.0], "s"), Judgement("figure", 1.0, 2.0, "s")])


async def _fails(size: Size) -> Report:
    raise FileNotFoundError("no such tool: mydumper")


async def _lacks(size: Size) -> Report:
    return Report("Lacks", [Samples("figure", [1.0], "s"), Missing("a tool", "not installed")])


async def _hangs(size: Size) -> Report:
    await asyncio.Event().wait()
    raise AssertionError


def run(monkeypatch: pytest.MonkeyPatch, file: Path, *words: str, **measurements: program.Measure) -> int:
    monkeypatch.setattr(program, "MEASUREMENTS", measurements)
    monkeypatch.setattr("sys.argv", ["bench", "--tiny", "--results", str(file), *words])
    return program.main()


@pytest.mark.parametrize(
    ("other", "why"),
    [(_fails, "FileNotFoundError: no such tool: mydumper"), (_hangs, "it had not ended after"), (_lacks, "installed")],
    ids=["fails", "hangs", "lacks a tool"],
)
def test_what_cannot_be_measured_says_why_and_the_others_are_kept(
    other: program.Measure,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "results.json"
    assert run(monkeypatch, file, "--within", "1", first=_works, other=other) == 1
    kept = read_results(file)
    assert kept["first"].report == read_results(file)["first"].report
    assert [type(each) for each in kept["first"].report.figures] == [Samples, Judgement]
    [missing] = kept["other"].report.missing
    assert why in missing.why
    printed = capsys.readouterr().out
    assert "figure" in printed
    assert why in printed


def test_a_line_with_a_bound_says_ratio_bound_spread_and_load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def measure(size: Size) -> Report:
        return Report("Both", [ratio("ours / theirs", [2.0, 3.0, 4.0], [1.0, 1.0, 1.0], 1.5)])

    assert run(monkeypatch, tmp_path / "results.json", both=measure) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "ours / theirs" in line]
    words = " ".join(line.split())
    assert words.startswith("ours / theirs 3 × at most 1.5 × OVER (2 – 4) load ")


def test_a_later_run_of_one_measurement_keeps_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    run(monkeypatch, file, first=_works, second=_fails)
    run(monkeypatch, file, "second", first=_fails, second=_works)
    kept = read_results(file)
    assert [each.report.title for each in kept.values()] == ["Works", "Works"]


# ── the page ──


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_results(tmp_path / "results.json", {"all": result("all", EVERYTHING)})
    again = read_results(tmp_path / "results.json")["all"]
    assert again.report.text("1") == EVERYTHING.text("1")
    assert again.before == result("all", EVERYTHING).before
    assert again.size is Size.SHORT


def test_the_page_shows_every_figure_of_what_was_kept(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    tried = result("tried", Report("Only tried", [Samples("nothing", [1.0])]), Size.TINY)
    page.write_page(tmp_path, [result("all", EVERYTHING), tried])
    written = (tmp_path / page.PAGE).read_text()
    assert "| ours / theirs | 2.5 × ❌ | at most 1.5 × | 2 – 3 | 0.1 – 0.4 |" in written
    assert "| throughput | 1.1 × ✅ | at least 1 × |  | 0.1 – 0.4 |" in written
    assert "- a tool \\| of theirs: not installed" in written
    for said in ("one sample", "latencies", "a heading", "seen", page.PICTURE):
        assert said in written
    assert "Only tried" not in written
    again = list(read_results(tmp_path / page.DATA).values())
    assert page.page(again) == written
    assert page.picture(again) == (tmp_path / page.PICTURE).read_text()


def test_the_page_of_the_documentation_is_what_its_data_say() -> None:
    docs = Path(__file__).parents[2] / "docs"
    kept = list(read_results(docs / page.DATA).values())
    assert kept
    assert (docs / page.PAGE).read_text() == page.page(kept)
    assert (docs / page.PICTURE).read_text() == page.picture(kept)


def test_the_picture_labels_its_axes_and_keeps_within_a_phone() -> None:
    root = ElementTree.fromstring(page.picture([result("all", EVERYTHING)]))
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"hosts", "round-trip time, ms", "seconds", "a <peer> & co"} <= set(texts)
    assert texts.count("seconds") == 2
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert width == WIDTH
    for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


# ── the parts ──


async def test_a_wire_takes_its_round_trip_time_there_and_back() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, AsyncExitStack() as stack:
        port = await wire(stack, server.sockets[0].getsockname()[1], 60)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
        writer.write(b"there and back")
        await reader.readexactly(14)
        assert time.monotonic() - began >= 0.06
        writer.close()


def test_dumps_without_mydumper_lack_only_mydumper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    seen = backups._Seen({"host": [2.0], "host, by hand": [2.0]}, {"host": [1.0]})
    assert [kind for kind in backups.KINDS[Size.FULL] if not seen.lacks(kind)] == ["host", "bot"]
    report = backups._report("Dumps", seen, backups.KINDS[Size.FULL], 10)
    assert [each.what for each in report.missing] == ["dump: mydumper"]
    assert [each.what for each in report.figures if isinstance(each, Judgement)] == [
        "throughput: host / by hand",
        "memory growth: host, largest",
    ]


async def test_a_peer_that_is_missing_is_told_and_the_others_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere() -> Path:
        raise RuntimeError("the peers could not be installed: no network")

    monkeypatch.setattr(fanout, "peers_python", nowhere)
    monkeypatch.setitem(fanout.HOSTS, Size.TINY, (1,))
    report = await fanout.measure(Size.TINY)
    assert [(each.what, "no network" in each.why) for each in report.missing] == [
        (f"ten steps: {name}", True) for name in ("Fabric", "parallel-ssh", "pyinfra")
    ]
    [judged] = [each for each in report.figures if isinstance(each, Judgement)]
    assert judged.what == "1 hosts: countersign / asyncssh by hand"
    assert judged.value > 0

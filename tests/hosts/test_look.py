"""Reading a checkout: every fact right, whatever files and commits are called, and nothing changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.plan import Commit
from bot.domain.shell import syntax
from bot.domain.targets.look import (
    CommandOutput,
    CommitCode,
    ConfinedCommand,
    HostFacts,
    HostQuestion,
    NotConfined,
    ServiceAct,
    SudoAnswer,
)
from bot.hosts.connections import Connections
from bot.hosts.look import HostLook
from bot.hosts.look_answer import IncompleteAnswerError, parse_answer
from bot.hosts.look_question import build_question

HOSTILE_SUBJECT = "`id`; $(touch /tmp/x) 'quoted\" <!channel> é \\0 N:end"
HOSTILE_FILE = "a 'b\n$(c)\té\".php"


def git(folder: Path, *words: str, when: int = 0, author: str = "Amélie D") -> str:
    environment = os.environ | {
        "GIT_AUTHOR_NAME": author,
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "C",
        "GIT_COMMITTER_EMAIL": "c@example.com",
        "GIT_AUTHOR_DATE": f"{1_700_000_000 + when} +0000",
        "GIT_COMMITTER_DATE": f"{1_700_000_000 + when} +0000",
    }
    ended = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True, env=environment)
    return ended.stdout.strip()


class Repository:
    """An origin with two commits more than its checkout has."""

    def __init__(self, folder: Path) -> None:
        self.origin = folder / "origin"
        self.path = folder / "check out"
        (self.origin / "database" / "migrations" / "old").mkdir(parents=True)
        git(self.origin, "init", "-q", "-b", "main")
        (self.origin / "database/migrations/1_first.php").write_text("1")
        (self.origin / "database/migrations/old/0_nested.php").write_text("0")
        (self.origin / "composer.lock").write_text("1")
        self.first = self.commit("first", 1)
        git(folder, "clone", "-q", str(self.origin), str(self.path))
        (self.origin / "database/migrations" / HOSTILE_FILE).write_text("2")
        self.second = self.commit(HOSTILE_SUBJECT, 2)
        git(self.origin, "tag", "-a", "v2", "-m", "tagged")
        (self.origin / "composer.lock").write_text("2")
        self.third = self.commit("third", 3)
        # Newer versions of git go on tidying up behind a fetch, while a look is compared with what was before it.
        git(self.path, "-c", "maintenance.auto=false", "fetch", "-q", "--tags", "origin")

    def commit(self, subject: str, when: int) -> str:
        git(self.origin, "add", "-A")
        git(self.origin, "commit", "-q", "-m", subject, when=when)
        return git(self.origin, "rev-parse", "HEAD")


def state_of(repository: Repository) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in sorted(repository.path.rglob("*"))}


def copies_on(server: DemoHost) -> list[Path]:
    return list(Path(server.environment["TMPDIR"]).glob("countersign-look.*"))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def look(connections: Connections) -> HostLook:
    return HostLook(connections)


async def test_what_exists_is_what_will_be_there_once_the_commit_is_checked_out(
    look: HostLook, repository: Repository
) -> None:
    for path in ("stays/a", "goes/a", "goes file"):
        file = repository.origin / path
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
    repository.commit("more", 4)
    git(repository.path, "pull", "-q", "--ff-only", "origin", "main")
    git(repository.origin, "rm", "-rq", "goes", "goes file")
    (repository.origin / "comes").mkdir()
    (repository.origin / "comes" / "a").write_text("")
    sha = repository.commit("next", 5)
    git(repository.path, "fetch", "-q", "origin")
    (repository.path / "untracked").mkdir()
    (repository.path / "goes" / "untracked").write_text("")
    asked = ("stays", "stays/", "goes", "goes file", "comes", "untracked", "nowhere")
    question = HostQuestion(str(repository.path), ref=sha, exists=asked)
    assert (await look.host("web1", question)).existing == {"stays", "stays/", "comes", "untracked"}
    here = HostQuestion(str(repository.path), exists=asked)
    assert (await look.host("web1", here)).existing == {"stays", "stays/", "goes", "goes file", "untracked"}


async def test_every_fact_in_one_answer(look: HostLook, repository: Repository) -> None:
    (repository.path / "untracked").write_text("not dirty")
    question = HostQuestion(
        path=str(repository.path),
        ref="main",
        exists=("vendor", "composer.lock", "database/migrations"),
        directory="database/migrations",
        maintenance=syntax("[ -e storage/framework/down ]"),
        tools=("git", "no-such-tool", "-x", "sh"),
    )
    facts = await look.host("web1", question)
    assert (facts.host, facts.is_checkout, facts.head, facts.branch) == ("web1", True, repository.first, "main")
    assert facts.dirty == ()
    assert (facts.sha, facts.fast_forward, facts.commit_count) == (repository.third, True, 2)
    assert facts.commits == (
        Commit(repository.third, "Amélie D", "third"),
        Commit(repository.second, "Amélie D", HOSTILE_SUBJECT),
    )
    assert set(facts.changed) == {"composer.lock", f"database/migrations/{HOSTILE_FILE}"}
    assert set(facts.migrations) == {"1_first.php", HOSTILE_FILE}
    assert facts.existing == {"composer.lock", "database/migrations"}
    assert facts.maintenance is False
    assert facts.missing_tools == ("no-such-tool", "-x")
    free = os.statvfs(repository.path)
    assert abs(facts.free_kib - free.f_bavail * free.f_frsize // 1024) < 1024 * 1024
    assert facts.free_inodes is None or facts.free_inodes > 0


async def test_the_same_read_changes_nothing_in_the_checkout(look: HostLook, repository: Repository) -> None:
    (repository.path / "composer.lock").write_text("touched")
    before = state_of(repository)
    facts = await look.host("web1", HostQuestion(str(repository.path), ref="v2"))
    assert facts.dirty == ("composer.lock",)
    assert state_of(repository) == before


@pytest.mark.parametrize(
    ("ref", "commit"),
    [
        ("main", "third"),
        ("v2", "second"),
        ("{second}", "second"),
        ("{second:.7}", "second"),
        ("{second:.6}", None),
        ("local-only", None),
        ("no-such", None),
        ("HEAD", "third"),
        ("deadbee", None),
        ("0123456", None),
        ("refs/heads/main", None),
    ],
)
async def test_what_a_ref_resolves_to(look: HostLook, repository: Repository, ref: str, commit: str | None) -> None:
    git(repository.path, "branch", "local-only")
    git(repository.path, "branch", "deadbee")
    asked = ref.replace("{second}", repository.second).replace("{second:.7}", repository.second[:7])
    asked = asked.replace("{second:.6}", repository.second[:6])
    facts = await look.host("web1", HostQuestion(str(repository.path), ref=asked))
    assert facts.sha == (getattr(repository, commit) if commit else None)


async def test_a_commit_that_does_not_follow_head(look: HostLook, repository: Repository) -> None:
    git(repository.path, "commit", "-q", "--allow-empty", "-m", "a change made on the server", when=9)
    facts = await look.host("web1", HostQuestion(str(repository.path), ref="main"))
    assert facts.fast_forward is False
    assert facts.commit_count == 2


async def test_nothing_to_bring(look: HostLook, repository: Repository) -> None:
    git(repository.path, "merge", "-q", "--ff-only", "origin/main")
    facts = await look.host("web1", HostQuestion(str(repository.path), ref="main"))
    assert (facts.fast_forward, facts.commits, facts.commit_count, facts.changed) == (True, (), 0, ())


async def test_what_changed_since_earlier_commits_counts_too(look: HostLook, repository: Repository) -> None:
    git(repository.path, "merge", "-q", "--ff-only", "origin/main")
    path = str(repository.path)
    facts = await look.host("web1", HostQuestion(path, ref="main", since=(repository.second,)))
    assert facts.changed == ("composer.lock",)
    facts = await look.host("web1", HostQuestion(path, ref="main", since=(repository.second, repository.first)))
    assert set(facts.changed) == {"composer.lock", f"database/migrations/{HOSTILE_FILE}"}
    facts = await look.host("web1", HostQuestion(path, ref="main", since=("d" * 40,)))
    assert {"database/migrations/1_first.php", "database/migrations/old/0_nested.php"} < set(facts.changed)


async def test_commits_with_the_same_files_are_told_from_others(look: HostLook, repository: Repository) -> None:
    again = git(repository.path, "commit-tree", "-m", "the same once more", f"{repository.third}^{{tree}}")
    asked = (repository.second, again, repository.third, "d" * 40)
    facts = await look.host("web1", HostQuestion(str(repository.path), ref="main", compared=asked))
    assert facts.same_files == {again, repository.third}
    facts = await look.host("web1", HostQuestion(str(repository.path), ref="nowhere", compared=asked))
    assert facts.same_files == frozenset()


async def test_a_detached_head_has_no_branch_and_without_a_ref_migrations_are_those_of_head(
    look: HostLook, repository: Repository
) -> None:
    git(repository.path, "checkout", "-q", "--detach")
    facts = await look.host("web1", HostQuestion(str(repository.path), directory="database/migrations/"))
    assert (facts.branch, facts.sha, facts.migrations) == ("", None, ("1_first.php",))


@pytest.mark.parametrize(("maintenance", "is_on"), [("true", True), ("exit 1", False), ("exit 7", None)])
async def test_what_the_maintenance_command_says(
    look: HostLook, repository: Repository, maintenance: str, is_on: bool | None
) -> None:
    question = HostQuestion(str(repository.path), maintenance=syntax(f"echo noise; {maintenance}"))
    assert (await look.host("web1", question)).maintenance is is_on


async def test_a_path_that_is_no_checkout(look: HostLook, tmp_path: Path, repository: Repository) -> None:
    inside = repository.path / "database"
    for path in (tmp_path, tmp_path / "missing" / "deep", inside):
        facts = await look.host("web1", HostQuestion(str(path), ref="main", exists=("a",)))
        assert not facts.is_checkout
        assert facts.free_kib > 0


async def test_a_checkout_that_git_refuses_to_read_is_reported_in_its_words(
    look: HostLook, repository: Repository
) -> None:
    (repository.path / ".git" / "HEAD").write_text("broken")
    with pytest.raises(RefusedError) as caught:
        await look.host("web1", HostQuestion(str(repository.path)))
    assert caught.value.problem.reason is Reason.CHECKOUT_UNREADABLE
    assert "git" in caught.value.problem.facts["detail"]


async def test_a_host_without_git(server: DemoHost, look: HostLook, tmp_path: Path) -> None:
    session = server.folder / "ssh" / "session"
    session.write_text(session.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\nPATH={tmp_path}; export PATH\n"))
    (tmp_path / "sh").symlink_to("/bin/sh")
    with pytest.raises(RefusedError) as caught:
        await look.host("web1", HostQuestion(str(tmp_path)))
    assert caught.value.problem.reason is Reason.HOST_TOOL_MISSING


async def test_a_ref_that_looks_like_an_option_is_refused(look: HostLook) -> None:
    with pytest.raises(RefusedError) as caught:
        await look.host("web1", HostQuestion("/", ref="--upload-pack=touch"))
    assert caught.value.problem.reason is Reason.BAD_REF


async def test_an_unreachable_host(server: DemoHost, look: HostLook) -> None:
    await server.stop()
    with pytest.raises(RefusedError) as caught:
        await look.host("web1", HostQuestion("/"))
    assert caught.value.problem.reason is Reason.HOST_UNREACHABLE


DF = "Filesystem 1024-blocks Used Available Capacity Mounted on\n"
ANSWER = (
    f"motd\r\nN:disk\0{DF}//nas/my share 100 40 60 40% /a b 1 2 3\0{DF}none 0 0 0 - /\0"
    "N:checkout\0yes\0N:head\0{head}\0\0N:dirty\0 M a b\0M  c\nd\0N:existing\0N:missing-tools\0N:end\0"
).encode()


def test_a_written_answer() -> None:
    facts = parse_answer("web1", HostQuestion("/srv"), ANSWER, "N")
    assert (facts.free_kib, facts.free_inodes) == (60, None)
    assert facts.dirty == ("a b", "c\nd")
    assert (facts.head, facts.branch, facts.maintenance) == ("{head}", "", None)


@given(st.integers(0, len(ANSWER) - 1))
def test_an_answer_that_was_cut_anywhere_is_no_answer(cut: int) -> None:
    with pytest.raises(IncompleteAnswerError):
        parse_answer("web1", HostQuestion("/srv"), ANSWER[:cut], "N")


def test_the_script_quotes_all_that_was_asked() -> None:
    question = HostQuestion("/a b'; id", ref="x'y", exists=("$(id)",), directory="d e", tools=("a;b",))
    text = build_question(question, "N").script()
    for quoted in ("path='/a b'\"'\"'; id'", "ref='x'\"'\"'y'", "relative='$(id)'", "directory='d e/'", "'a;b'"):
        assert quoted in text


TELLING = (
    'cat composer.lock; printf "%s\\n" "$live"; [ -d .git ] && echo checkout; echo warned >&2; ls ../.. >/dev/null'
)


@pytest.mark.parametrize(("ref", "lock", "where"), [(None, "1", "checkout\n"), ("main", "2", ""), ("v2", "1", "")])
async def test_a_command_is_told_the_files_of_the_commit_and_leaves_nothing(
    look: HostLook, repository: Repository, server: DemoHost, ref: str | None, lock: str, where: str
) -> None:
    before = state_of(repository)
    facts = await look.host(
        "web1",
        HostQuestion(
            path=str(repository.path),
            ref=ref,
            trunk="main",
            commit_command=syntax(TELLING),
            code=CommitCode.ON_TRUNK,
        ),
    )
    assert facts.commit_output is not None
    assert (facts.commit_output.exit_status, facts.commit_output.complaint) == (0, "warned")
    assert facts.commit_output.output == f"{lock}{repository.path}\n{where}"
    assert state_of(repository) == before
    assert not copies_on(server)


async def test_a_command_that_fails_or_has_no_commit_takes_nothing_with_it(
    look: HostLook, repository: Repository
) -> None:
    failing = HostQuestion(
        path=str(repository.path),
        ref="main",
        trunk="main",
        commit_command=syntax("printf 'a\\0b'; echo no >&2; exit 3"),
        code=CommitCode.ON_TRUNK,
    )
    facts = await look.host("web1", failing)
    assert facts.commit_output == CommandOutput(3, "a\0b", "no")
    assert facts.sha == repository.third
    lost = await look.host(
        "web1", HostQuestion(path=str(repository.path), ref="nowhere", commit_command=syntax("echo x"))
    )
    assert lost.commit_output is None


@pytest.mark.parametrize(
    ("trunk", "code"),
    [
        (None, CommitCode.ON_TRUNK),
        ("v1-only", CommitCode.ON_TRUNK),
        ("nowhere", CommitCode.ON_TRUNK),
        ("main", CommitCode.NEVER),
    ],
)
async def test_no_code_of_a_commit_that_is_not_trusted_is_run(
    look: HostLook, repository: Repository, tmp_path: Path, trunk: str | None, code: CommitCode
) -> None:
    canary = tmp_path / "canary"
    asked = HostQuestion(
        path=str(repository.path),
        ref="main",
        trunk=trunk,
        commit_command=syntax(f"touch {canary}; echo ran"),
        code=code,
    )
    facts = await look.host("web1", asked)
    assert (facts.sha, facts.commit_output) == (repository.third, None)
    assert not canary.exists()


async def test_a_confined_command_sees_the_commit_s_files_and_nothing_live(
    look: HostLook, repository: Repository, server: DemoHost, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    canary.write_text("secret")
    # A sandbox can have no path with a blank.
    site = repository.path.rename(tmp_path / "site")
    telling = f"cat composer.lock; pwd; ls -a; cat {canary} || echo unseen; touch {canary}.new 2>/dev/null; exit 3"
    asked = HostQuestion(
        path=str(site),
        ref="main",
        commit_command=syntax("cat composer.lock"),
        code=ConfinedCommand(syntax(telling)),
    )
    facts = await look.host("web1", asked)
    assert facts.commit_output is not None
    # The live code is asked where it is.
    assert (facts.commit_output.exit_status, facts.commit_output.output) == (0, "1")
    told = facts.confined_output
    assert isinstance(told, CommandOutput), told
    assert (told.exit_status, told.output.startswith(f"2{site}\n")) == (3, True), told
    assert "unseen" in told.output
    assert "secret" not in told.output
    assert ".git\n" not in told.output
    assert canary.read_text() == "secret"
    assert not canary.with_name("canary.new").exists()
    assert not copies_on(server)


async def test_what_cannot_be_confined_is_not_run(look: HostLook, repository: Repository, tmp_path: Path) -> None:
    asked = HostQuestion(
        path=str(repository.path),
        ref="main",
        commit_command=syntax("echo live"),
        code=ConfinedCommand(syntax("echo ran"), python="no/such environment"),
    )
    facts = await look.host("web1", asked)
    assert isinstance(facts.confined_output, NotConfined)
    assert facts.confined_output.obstacle == "environment"
    site = repository.path.rename(tmp_path / "site")
    asked = replace(asked, path=str(site), code=ConfinedCommand(syntax("echo ran"), python="gone"))
    facts = await look.host("web1", asked)
    assert facts.confined_output == NotConfined("environment", f"there is no {site}/gone/bin/python")


async def test_free_space_is_told_of_paths_that_are_there_and_of_no_others(
    repository: Repository, look: HostLook, tmp_path: Path
) -> None:
    there, gone = tmp_path / "it's `here`", tmp_path / "gone" / "deeper"
    there.mkdir()
    facts = await look.host("web1", HostQuestion(str(repository.path), disks=(str(there), str(gone))))
    assert list(facts.disks) == [str(there)]
    assert facts.disks[str(there)] == pytest.approx(facts.free_kib, rel=0.1)


async def test_the_framework_is_asked_in_the_live_checkout_whatever_the_ref(
    look: HostLook, repository: Repository, tmp_path: Path
) -> None:
    before = state_of(repository)
    says = "cat composer.lock 3>&1 >&3; pwd; echo noise >&2; exit 3"
    facts = await look.host(
        "web1",
        HostQuestion(path=str(repository.path), ref="main", migrator=syntax(says), directory="database/migrations"),
    )
    assert facts.sha == repository.third
    assert facts.migrator == CommandOutput(3, f"1{repository.path}\n", "noise")
    assert state_of(repository) == before
    nowhere = await look.host("web1", HostQuestion(path=str(tmp_path / "none"), migrator=syntax("echo x")))
    assert nowhere.migrator is None


async def test_contents_of_files_are_hashed_as_the_commit_has_them(look: HostLook, repository: Repository) -> None:
    asked = ("database/migrations/1_first.php", f"database/migrations/{HOSTILE_FILE}", "composer.lock", "none.php")
    at_main = await look.host("web1", HostQuestion(path=str(repository.path), ref="main", hashed=asked))
    wanted = dict(zip(asked, ("1", "2", "2"), strict=False))
    assert at_main.hashes == {path: hashlib.sha256(text.encode()).hexdigest() for path, text in wanted.items()}
    at_head = await look.host("web1", HostQuestion(path=str(repository.path), hashed=("composer.lock", "database/")))
    assert at_head.hashes == {
        "composer.lock": hashlib.sha256(b"1").hexdigest(),
        "database/migrations/1_first.php": hashlib.sha256(b"1").hexdigest(),
        "database/migrations/old/0_nested.php": hashlib.sha256(b"0").hexdigest(),
    }


async def test_files_among_the_migrations_that_git_does_not_track_are_named(
    look: HostLook, repository: Repository
) -> None:
    (repository.path / ".git/info/exclude").write_text("ignored*\n")
    for name in (f"database/migrations/{HOSTILE_FILE}", "database/migrations/ignored_one.php", "elsewhere.php"):
        (repository.path / name).write_text("")
    facts = await look.host(
        "web1", HostQuestion(path=str(repository.path), ref="main", directory="database/migrations")
    )
    assert set(facts.untracked) == {HOSTILE_FILE, "ignored_one.php"}


async def test_files_in_which_only_the_permissions_differ_are_told_apart(
    look: HostLook, repository: Repository
) -> None:
    (repository.path / "composer.lock").chmod(0o755)
    (repository.path / "database/migrations/1_first.php").write_text("by hand")
    facts = await look.host("web1", HostQuestion(str(repository.path)))
    assert set(facts.dirty) == {"composer.lock", "database/migrations/1_first.php"}
    assert facts.mode_only == ("composer.lock",)


async def test_untracked_files_that_the_commit_adds_are_in_the_way(look: HostLook, repository: Repository) -> None:
    (repository.path / "database/migrations" / HOSTILE_FILE).write_text("mine")
    (repository.path / "other").write_text("in nobody's way")
    (repository.path / ".git/info/exclude").write_text("ignored\n")
    facts = await look.host("web1", HostQuestion(str(repository.path), ref="main"))
    assert facts.in_the_way == (f"database/migrations/{HOSTILE_FILE}",)
    at_head = await look.host("web1", HostQuestion(str(repository.path), ref=repository.first))
    assert at_head.in_the_way == ()


NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_what_another_account_may_not_read_or_write_is_told() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        repository = Repository(folder)
        question = HostQuestion(
            str(repository.path), services=(ServiceAct("restart", "x"),), writes=("logs", "cache", "no")
        )

        def seen() -> HostFacts:
            script = f"{{\n{build_question(question, 'N').script()}\n}} </dev/null\n"
            ended = subprocess.run(
                ["sh"], input=script.encode(), capture_output=True, user=NOBODY, env={"PATH": os.defpath}
            )
            return parse_answer("web1", question, ended.stdout, "N")

        with pytest.raises(RefusedError) as caught:
            seen()
        assert caught.value.problem.reason is Reason.CHECKOUT_UNREADABLE
        assert "dubious ownership" in caught.value.problem.facts["detail"]
        (repository.path / "logs").mkdir(mode=0o755)
        (repository.path / "cache").mkdir()
        for path in (repository.path, *repository.path.rglob("*")):
            if path.name != "logs":
                os.chown(path, NOBODY, NOBODY)
        (repository.path / "cache" / "root's").touch(mode=0o644)
        facts = seen()
        assert facts.unwritable == ("logs",)
        assert facts.foreign == ("cache/root's",)
        assert facts.services[0].sudo in {SudoAnswer.MISSING, SudoAnswer.UNKNOWN}

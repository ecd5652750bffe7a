"""The demonstration's part of the page's menu: the next commit, faults, and what a person does on the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.application.git import git
from bot.demo.errors import DemoError
from bot.demo.forge import CHECK, DemoForge
from bot.demo.host.database import DatabaseServer
from bot.demo.menu.around_deploys import AroundDeploys
from bot.demo.menu.backup_time import BackupTime
from bot.demo.menu.cheating import Cheating
from bot.demo.menu.faults import SECONDS, HostFaults
from bot.demo.menu.mistakes import UserMistakes
from bot.demo.menu.signatures import Signatures
from bot.demo.receiver import DemoReceiver
from bot.demo.workspace import DEPLOY

COMMITS, FAULTS, BACKUPS, BY_HAND = "Next commit", "Faults", "Backups", "By hand, on the server"
CHEATING, CHECKS, RECEIVERS = "Try to cheat", "Continuous integration", "Telling other programs"
SIGNATURES, AROUND = "Signatures", "Before and after a deploy"

_COMMITS = (
    (CommitKind.SAFE, "Add a column", "One migration that only adds"),
    (CommitKind.SEVERAL, "Three migrations at once", "Each adds a column"),
    (CommitKind.SLOW, "Rebuild a table", "A migration that copies every row"),
    (CommitKind.DESTRUCTIVE, "Drop a column", "Data would be lost"),
    (CommitKind.FAILING, "A migration that breaks halfway", "Its first statement works, its second does not"),
    (CommitKind.UNIQUE, "A migration that data can break", "A new column, then a rule: no two users of one name"),
    (CommitKind.CODE_ONLY, "Change a page", "No migration, no downtime"),
    (CommitKind.ASSETS, "Change the style sheet", "The assets must be built"),
    (CommitKind.DEPENDENCIES, "Update a PHP package", "The packages must be installed"),
)


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One entry of the menu.

    Attributes:
        id: its name for programs.
        group: the heading it stands under.
        title: what it does, in a few words.
        hint: what that means to a newcomer.
        act: does it and gives a sentence about it; raises DemoError if it cannot.
    """

    id: str
    group: str
    title: str
    hint: str
    act: Callable[[], Awaitable[str]]


def entries(
    application: Application,
    server: DatabaseServer,
    host_faults: HostFaults,
    nightly: BackupTime,
    forge: DemoForge,
    receiver: DemoReceiver,
    signatures: Signatures,
    around: AroundDeploys,
) -> tuple[MenuEntry, ...]:
    """Give the menu.

    Args:
        application: gets the commits.
        server: the database server with its data.
        host_faults: makes things go wrong.
        nightly: moves the scheduled backup.
        forge: says whether CI is green.
        receiver: is told what happens.
        signatures: asks for signatures, and attacks without any.
        around: adds an environment before production, windows, and an eye on it.
    """
    committer = _Committer(application)
    commits = (
        MenuEntry(f"commit-{kind.value}", COMMITS, title, hint, committer.making(kind))
        for kind, title, hint in _COMMITS
    )
    faults = (
        MenuEntry(
            "kill-bot",
            FAULTS,
            "Kill the bot",
            "At once, as kill -9 does; it comes back by itself",
            host_faults.kill_bot,
        ),
        MenuEntry(
            "hold-migration",
            FAULTS,
            "Make the next migration slow",
            f"{SECONDS} seconds longer: time to kill the bot in the middle",
            host_faults.hold_migration,
        ),
        MenuEntry("cut-ssh", FAULTS, "Cut SSH now", "What runs on the server goes on", host_faults.cut_ssh),
        MenuEntry(
            "cut-ssh-for-long",
            FAULTS,
            f"Cut SSH for {SECONDS} seconds",
            "And new connections are refused",
            host_faults.cut_ssh_for_long,
        ),
        MenuEntry(
            "freeze-ssh",
            FAULTS,
            f"Freeze SSH for {SECONDS} seconds",
            "Nothing arrives, and nothing says so",
            host_faults.freeze_ssh,
        ),
        MenuEntry(
            "stop-database",
            FAULTS,
            f"Stop the database for {SECONDS} seconds",
            "The application cannot work without it",
            host_faults.stop_database,
        ),
        MenuEntry(
            "fail-restart",
            FAULTS,
            "Let php-fpm refuse to restart",
            "A deploy then fails late: new schema, old code",
            host_faults.fail_restart,
        ),
        MenuEntry(
            "mend-restart", FAULTS, "Let it restart again", "Retry goes on where it stopped", host_faults.mend_restart
        ),
    )
    by_hand = MenuEntry(
        "site-up",
        BY_HAND,
        "Bring the site up again",
        "php artisan up, as a person does after a migration that broke",
        _SiteUp(application).act,
    )
    namesakes = _Namesakes(application, server)
    sign_up = MenuEntry(
        "sign-up-twice",
        BY_HAND,
        "Sign up under a name that is taken",
        "While a migration that data can break waits for approval: it then breaks halfway",
        namesakes.sign_up,
    )
    leave = MenuEntry(
        "leave-again",
        BY_HAND,
        "Take the namesake away again",
        "What stood in the way of the migration is gone; its first half is not",
        namesakes.leave,
    )
    cheating = _about_cheating(Cheating(application))
    about_backups = _about_backups(UserMistakes(application, server), nightly)
    others = (*_around(around), *_about_checks(forge), *_about_receivers(receiver), *_about_signatures(signatures))
    return (*commits, *others, *cheating, *faults, *about_backups, sign_up, leave, by_hand)


def _around(around: AroundDeploys) -> tuple[MenuEntry, ...]:
    return (
        MenuEntry("staging", AROUND, "Add staging", "Production takes what was verified there", around.add_staging),
        MenuEntry("window", AROUND, "Open a window soon", "For deploys with --at next-window", around.open_window),
        MenuEntry("watch", AROUND, "Watch after each deploy", "The log and the login page", around.watch),
        MenuEntry("errors", AROUND, "Let the site log errors", "As code does that is wrong", around.write_errors),
    )


def _about_signatures(signatures: Signatures) -> tuple[MenuEntry, ...]:
    return (
        MenuEntry("sign", SIGNATURES, "Ask for signatures", "An emoji alone approves nothing then", signatures.ask),
        MenuEntry("sign-no-more", SIGNATURES, "Let the emoji do", "As before", signatures.ask_no_more),
        MenuEntry(
            "cheat-slack",
            CHEATING,
            "Approve with a stolen Slack",
            "Everybody's account says yes to the newest request, and nobody's key does",
            signatures.steal_slack,
        ),
    )


def _about_receivers(receiver: DemoReceiver) -> tuple[MenuEntry, ...]:
    return (
        MenuEntry("told", RECEIVERS, "What others were told", "Signed, at least once, in order", receiver.summary),
        MenuEntry("receiver-down", RECEIVERS, "Let the receiver fail", "No run waits for it", receiver.go_down),
        MenuEntry("receiver-up", RECEIVERS, "Let it answer again", "It gets what it missed", receiver.come_back),
    )


def _about_checks(forge: DemoForge) -> tuple[MenuEntry, ...]:
    def saying(word: str) -> Callable[[], Awaitable[str]]:
        async def act() -> str:
            forge.say(word)
            return f"The check {CHECK} says {word} of every commit now."

        return act

    return (
        MenuEntry("ci-red", CHECKS, "Let CI fail", "Deploys are refused, and approvals void", saying("failure")),
        MenuEntry("ci-runs", CHECKS, "Let CI run again", "Not green until it has ended", saying("in_progress")),
        MenuEntry("ci-green", CHECKS, "Let CI pass", "The latest attempt counts", saying("success")),
    )


def _about_cheating(cheating: Cheating) -> tuple[MenuEntry, ...]:
    return (
        MenuEntry(
            "cheat-branch",
            CHEATING,
            "Push a hostile branch",
            "Its migration reaches for the live site before anybody has approved it",
            cheating.push_branch,
        ),
        MenuEntry(
            "cheat-loop",
            CHEATING,
            "Delete rows without saying so",
            "One by one, in a loop: no SQL in the source tells",
            cheating.push_loop,
        ),
        MenuEntry(
            "cheat-file",
            CHEATING,
            "Leave a migration on the server",
            "In no commit, and in no plan",
            cheating.leave_migration,
        ),
        MenuEntry(
            "cheat-file-away",
            CHEATING,
            "Take it away again",
            "So that deploys go on",
            cheating.take_away,
        ),
    )


def _about_backups(mishaps: UserMistakes, nightly: BackupTime) -> tuple[MenuEntry, ...]:
    return (
        MenuEntry(
            "schedule-soon",
            BACKUPS,
            "Let the schedule fire",
            "In the next minute, without anybody typing anything",
            nightly.bring_forward,
        ),
        MenuEntry(
            "delete-sessions",
            BACKUPS,
            "Delete rows by mistake",
            "DELETE FROM user_sessions, and no WHERE: a backup brings them back",
            mishaps.delete_sessions,
        ),
        MenuEntry(
            "spoil-backup",
            BACKUPS,
            "Spoil the newest backup",
            "One bit of its file: it must never be restored",
            mishaps.spoil_backup,
        ),
    )


class _Committer:
    """Makes commits one at a time."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._one_at_a_time = asyncio.Lock()

    def making(self, kind: CommitKind) -> Callable[[], Awaitable[str]]:
        async def act() -> str:
            async with self._one_at_a_time:
                sha = await self._application.next_commit(kind)
                subject = await git(self._application.author, "log", "-1", "--format=%s")
            return f"Commit {sha[:7]} is on main: {subject}. Type {DEPLOY}."

        return act


_EMAIL = "namesake@example.com"


class _Namesakes:
    """Lets somebody sign up whose name is taken: data that comes after a rehearsal."""

    def __init__(self, application: Application, server: DatabaseServer) -> None:
        self._name = application.database.name
        self._server = server

    async def sign_up(self) -> str:
        if await self._there():
            raise DemoError("The namesake is there already. Nothing was changed.")
        sql = "INSERT INTO users (name, email, password) SELECT name, %s, '!' FROM users ORDER BY id LIMIT 1"
        await self._server.query(sql, _EMAIL, database=self._name)
        return "Two users have one name now. A rule that no two have it cannot be made any more."

    async def leave(self) -> str:
        if not await self._there():
            raise DemoError("There is no namesake. Nothing was changed.")
        await self._server.query("DELETE FROM users WHERE email = %s", _EMAIL, database=self._name)
        return "The namesake is gone."

    async def _there(self) -> bool:
        return bool(await self._server.query("SELECT 1 FROM users WHERE email = %s", _EMAIL, database=self._name))


class _SiteUp:
    """Ends maintenance mode by hand."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def act(self) -> str:
        if not self._application.is_down:
            raise DemoError("The site is up. Nothing was changed.")
        await self._application.artisan("up")
        return "The site is up again."

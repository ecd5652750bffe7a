"""Plans that between them hold everything a plan can hold, by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain.backups.backup import Proof, Purpose
from bot.domain.names import Sha, TargetName
from bot.domain.policies.people import ANYONE, People
from bot.domain.policies.policy import MINIMUM_REQUIREMENT, NO_REQUIREMENT, Requirement
from bot.domain.runs.acts import (
    Act,
    AsRehearsed,
    Direction,
    Discard,
    DropCopy,
    DropOld,
    Dump,
    Health,
    Load,
    NothingPending,
    Preflight,
    Preview,
    Prove,
    Rehearse,
    Shell,
    Swap,
    Undone,
)
from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import (
    BackupMade,
    BackupsNoLongerKept,
    HeldBack,
    MissedBackup,
    Resumed,
    RollbackChoice,
    RollbackWay,
    SchemaChange,
    UnknownFinding,
)
from bot.domain.runs.plan import Commit, OnFailure, Phase, Plan, Risk, Skipped, Step
from bot.domain.runs.request import Action, Decision, Origin, Request
from bot.domain.runs.request_json import options_from_json
from bot.domain.shell import Command, Syntax, Word, command, fill, syntax

NEW, OLD = "aace2d6" + "0" * 33, "1f0c9b7" + "0" * 33
MIGRATIONS = ("2025_11_16_074003_add_token_id", "2025_11_16_080000_drop_legacy_é")
PATH = "/var/www/compte.example.com"
BACKUP = "B-20251117-7K3F9Q"
SCRATCH = "compte_countersign_rehearsal_7k3f9q"

RELEASERS = Requirement(
    1, People(("releasers",), frozenset({"U0BOB", "U0AMELIE"}), frozenset({"S0RELEASE"})), timedelta(minutes=30), False
)
DBAS = Requirement(2, People(("dbas",), frozenset({"U0DBA"}), frozenset({"S0DBA", "S0CHIEF"})), timedelta(days=1), True)
BOTH = Requirement(
    1, ANYONE, timedelta(hours=2), False, also=Requirement(2, DBAS.eligible, timedelta(0), True, also=RELEASERS)
)


def asked(action: Action, typed: str, event: str = "Ev1", user: str = "U0AMELIE", **options: str) -> Request:
    return Request(
        options_from_json(action, options), TargetName("compte", "production"), Origin(user, "C0OPS", event), typed
    )


def step(key: str, act: Act, phase: Phase, risk: Risk, *hosts: str, **values: object) -> Step:
    return Step(key, f"Title of {key} — é 😀", phase, hosts, risk, 600, act, **values)


def prepare(key: str, act: Act, *hosts: str, **values: object) -> Step:
    return step(key, act, Phase.PREPARE, Risk.READS, *hosts, **values)


def change(key: str, act: Act, *hosts: str, **values: object) -> Step:
    return step(key, act, Phase.CHANGE, Risk.CHANGES, *hosts, **values)


def verify(key: str, act: Act, *hosts: str, **values: object) -> Step:
    return step(key, act, Phase.VERIFY, Risk.READS, *hosts, **values)


def shell(script: Command, expects: str | None = None) -> Shell:
    return Shell(script, PATH, expects)


def rehearse(direction: Direction, scratch: str | None, backup: str | None) -> Rehearse:
    return Rehearse(
        sha=NEW,
        migrations=MIGRATIONS,
        directory="database/migrations",
        suffix=".php",
        table="migrations",
        scratch=scratch,
        setup=syntax("ln -s $live/vendor vendor"),
        probe=command("php", "artisan", "tinker", "--execute", "echo DB::getDatabaseName();"),
        pretend=syntax('php artisan migrate --pretend --path="$file"'),
        apply=syntax('php artisan migrate --force --path="$file"'),
        environment=(("DB_DATABASE", "{scratch}"), ("DB_PASSWORD", "{database_password}")),
        other_connection=r"Schema::connection\(",
        backup=backup,
        direction=direction,
    )


DEPLOY = Plan(
    request=asked(Action.DEPLOY, "/deploy compte production v1.2 — é", ref="v1.2"),
    steps=(
        prepare("preflight", Preflight(1_048_576, ("git", "php")), "web1", "web2"),
        prepare("fetch", shell(fill("git fetch origin {ref} && echo ${HOME}", {"ref": "v1.2 it's"})), "web1", "web2"),
        prepare("backup", Dump(BACKUP), "web1"),
        prepare("backup-proof", Prove(BACKUP, "compte_countersign_proof_7k3f9q"), "web1"),
        prepare("rehearsal", rehearse(Direction.UP, SCRATCH, None), "web1"),
        prepare("rehearsal-on-data", rehearse(Direction.UP, SCRATCH, BACKUP), "web1"),
        change("maintenance-on", shell(command("php", "artisan", "down")), "web1", check=command("test", "-f", "down")),
        change(
            "migrate",
            shell(command("php", "artisan", "migrate", "it's", "").then(syntax("sync")), NEW),
            "web1",
            check=Command((Syntax("test "), Word("a b\n'\"$"), Syntax(" = 1"))),
            on_failure=OnFailure.HOLD,
            schema=True,
        ),
        change("link", shell(syntax("ln -sfn a b")), "web2", on_failure=OnFailure.HOLD_IN_DOUBT),
        change("maintenance-off", shell(command("php", "artisan", "up")), "web1", undoes="maintenance-on"),
        step("purge", shell(syntax("rm -rf cache")), Phase.CHANGE, Risk.DESTROYS, "web1"),
        verify("pending", NothingPending(MIGRATIONS)),
        verify("schema", AsRehearsed()),
        verify("health", Health("https://compte.example.com/login?a=1&b=é", 30)),
    ),
    requirement=RELEASERS,
    basis=Basis({"commit": NEW, "checked out on web1": OLD, "pending migrations": " ".join(MIGRATIONS), "é": ""}),
    sha=Sha(NEW),
    commits=(Commit(NEW, "Amélie Laurent", "feat: révoquer 😀"), Commit(OLD, "Bob", 'fix: "quotes" \\ <!channel>')),
    commit_count=57,
    pending=MIGRATIONS,
    skipped=(Skipped("composer", "Install PHP packages", "composer.lock unchanged"), Skipped("assets", "Assets", "")),
)

FINDINGS = (
    BackupMade(BACKUP, bytes=12897485, sha256="9f2c4d11" * 8, proof=Proof.PROVEN),
    UnknownFinding(
        "migration", {"name": MIGRATIONS[1], "risk": "destructive", "statements": "ALTER TABLE `é`\nDROP `a`"}
    ),
    SchemaChange("users", ("+ token_id",), "CREATE TABLE `users` (\n  `id` int\n)"),
    SchemaChange("legacy", ("- legacy",)),
)


def _plan(request: Request, *steps: Step, requirement: Requirement = NO_REQUIREMENT, **values: object) -> Plan:
    return Plan(request=request, steps=steps, requirement=requirement, **values)


PLANS: dict[str, Plan] = {
    "deploy": DEPLOY,
    "deploy sealed": DEPLOY.sealed(FINDINGS),
    "deploy without a step": _plan(asked(Action.DEPLOY, "/deploy compte production", ref="main")),
    "deploy dry run": _plan(
        asked(Action.DEPLOY, "/deploy --dry-run --no-migrate", ref="main", dry_run="yes", no_migrate="yes"),
        prepare("preview", Preview(NEW, MIGRATIONS, syntax("php artisan migrate --pretend"), scratch=SCRATCH), "web1"),
        prepare(
            "preview-without-scratch", Preview(NEW, (), command("./manage.py", "sqlmigrate"), scratch=None), "web1"
        ),
        findings=(HeldBack(MIGRATIONS),),
    ),
    "deploy during a freeze": _plan(
        asked(Action.DEPLOY, "/deploy --during-freeze", ref="main", during_freeze="the shop is down — é"),
        prepare("rehearsal", rehearse(Direction.UP, None, None), "web1"),
        requirement=BOTH,
        destructive=True,
    ),
    "deploy in an emergency": _plan(
        asked(Action.DEPLOY, "/deploy --emergency", ref=NEW, emergency="login is broken"),
        change("checkout", shell(command("git", "checkout", NEW)), "web1"),
    ),
    "deploy that goes on": _plan(
        asked(
            Action.DEPLOY,
            "retry R-7K3F9Q",
            resume="R-7K3F9Q",
            move="retry",
            moves="retry done lift rollback restore",
            emergency="login is broken",
        ),
        change("migrate", shell(syntax("php artisan migrate"), NEW), "web1", schema=True),
        requirement=DBAS,
        findings=(Resumed("R-7K3F9Q", Decision.RETRY, "Migrate", OLD, BACKUP),),
    ),
    "rollback": _plan(
        asked(Action.ROLLBACK, "/rollback compte production"),
        prepare("rehearsal", rehearse(Direction.DOWN, SCRATCH, BACKUP), "web1"),
        prepare("rehearsal-on-schema", rehearse(Direction.DOWN, SCRATCH, None), "web1"),
        verify("undone", Undone(MIGRATIONS[::-1])),
        requirement=MINIMUM_REQUIREMENT,
        sha=Sha(OLD),
        undo=MIGRATIONS[::-1],
        findings=(RollbackChoice(RollbackWay.CODE_AND_MIGRATIONS, None, MIGRATIONS[:1]),),
        destructive=True,
    ),
    "rollback of code": _plan(asked(Action.ROLLBACK, "/rollback --code", code="yes")),
    "rollback of migrations": _plan(asked(Action.ROLLBACK, "/rollback --migrations 2", migrations="2")),
    "rollback to a release": _plan(
        asked(Action.ROLLBACK, "/rollback --to", to=OLD, during_freeze="because", emergency="now")
    ),
    "backup": _plan(
        asked(Action.BACKUP, "/backup compte production users a`b", tables="users\na`b"),
        step("backup", Dump(BACKUP, ("users", "a`b"), Purpose.ASKED), Phase.CHANGE, Risk.READS, "web1"),
        step("backup-proof", Prove(BACKUP, None), Phase.CHANGE, Risk.READS, "web1"),
    ),
    "backup on schedule": _plan(
        asked(
            Action.BACKUP,
            "/backup compte production",
            "schedule:compte:production:2025-11-17T03:00:00+00:00",
            "schedule",
            scheduled="2025-11-17T03:00:00+00:00",
            missed="yes",
        ),
        step("backup", Dump(BACKUP, purpose=Purpose.SCHEDULED), Phase.CHANGE, Risk.READS, "web1"),
        step("retention", Discard(("B-20251101-AAAAAA", "B-20251102-BBBBBB")), Phase.CHANGE, Risk.DESTROYS, "web1"),
        findings=(
            MissedBackup(datetime(2025, 11, 17, 3, tzinfo=UTC)),
            BackupsNoLongerKept(("B-20251101-AAAAAA", "B-20251102-BBBBBB")),
        ),
    ),
    "backup list": _plan(asked(Action.BACKUP, "/backup list compte production", what="list")),
    "backup verify": _plan(asked(Action.BACKUP, "/backup verify", what="verify", backup=BACKUP)),
    "backup overdue": _plan(
        asked(
            Action.BACKUP,
            "/backup compte production",
            "overdue:compte:production:1",
            "schedule",
            what="overdue",
            overdue_within="26h",
            overdue_backup=BACKUP,
            overdue_made="2025-11-15T03:00:00+00:00",
        )
    ),
    "restore": _plan(
        asked(Action.RESTORE, "/backup restore", what="restore", backup=BACKUP),
        prepare("safety", Dump("S-20251117-7K3F9Q", purpose=Purpose.SAFETY), "web1"),
        step("load", Load(BACKUP, "9f2c4d11" * 8, "compte_countersign_new"), Phase.CHANGE, Risk.CHANGES, "web1"),
        step(
            "swap",
            Swap(BACKUP, "compte_countersign_new", "compte_countersign_old"),
            Phase.CHANGE,
            Risk.DESTROYS,
            "web1",
            on_failure=OnFailure.HOLD_IN_DOUBT,
            schema=True,
        ),
        change("drop-copy", DropCopy("compte_countersign_new"), "web1", undoes="load"),
        requirement=DBAS,
        findings=(UnknownFinding("written", {"table": "users", "rows": "12"}),),
        destructive=True,
    ),
    "restore drop old": _plan(
        asked(Action.RESTORE, "/backup drop-old", what="drop-old", name="compte_countersign_old"),
        step("drop-old", DropOld("compte_countersign_old", 42), Phase.CHANGE, Risk.DESTROYS, "web1"),
        requirement=MINIMUM_REQUIREMENT,
    ),
    "migrate-status": _plan(asked(Action.MIGRATE_STATUS, "/migrate-status compte production")),
}

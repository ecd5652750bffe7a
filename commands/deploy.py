"""`/deploy APP ENV [REF]`: make a commit live, with its migrations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import Ref, Sha, TargetName
from bot.domain.runs.acts import NothingPending
from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import HeldBack, OpenSession, Unfinished
from bot.domain.runs.plan import NothingToDo, Plan, Step
from bot.domain.runs.request import Action, ChangeLayout, DeployOptions, Origin, Request
from bot.domain.runs.rollout import live_steps
from bot.domain.runs.run import Run
from bot.domain.runs.start_time import NEXT_WINDOW, AskedTime, is_time, read_time
from bot.domain.runs.unfinished import UnfinishedChange, tried_commits, unfinished_change
from bot.domain.targets.checkout_problems import dirty_problem
from bot.domain.targets.look import DatabaseFacts, HostFacts, Look
from bot.domain.targets.target import Operations, Target
from bot.recipes.recipe import Recipe, RunKind
from bot.recipes.rehearsal_way import rehearsal_way
from bot.recipes.remaining_steps import remaining_steps, undone_by_absence
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import before_plan, recipe_steps
from commands.checks import checks_basis, read_checks
from commands.command import options_as
from commands.common import (
    backup_id,
    host_basis,
    plan_maintenance,
    ran_now,
    read_target,
    require_encryption,
    require_ready,
    wants_backup,
)
from commands.exceptions import EMERGENCY, FLAGS, USAGE, read_exceptions
from commands.migration_files import migration_files
from commands.order import read_order
from commands.pending import from_elsewhere, not_run
from commands.privileges import lacking_privileges
from commands.rehearsal import backup_to_rehearse_on, not_rehearsed
from commands.releases import hosts_differ, release_to_deploy, same_code
from commands.resume import read_stopped_run, resume_basis, resume_plan
from commands.server_role import on_replica, require_writable
from commands.used_database import other_server
from commands.words import TARGET_WORDS, Words, find_target, sort_words, with_target

DRY_RUN = "--dry-run"
NO_MIGRATE = "--no-migrate"
AT = "--at"
LAYOUT = "--layout"
_WORDS = 3
_TIME_WORDS = 3
"""A day, a time and a time zone."""


@dataclass(frozen=True)
class Deploy:
    """The command.

    Args:
        recipes: the recipe of each target.
    """

    recipes: Mapping[TargetName, Recipe]

    name: str = "/deploy"
    action: Action = Action.DEPLOY
    description: str = "Bring a commit live: plan, countersign, deploy"
    usage: str = f"APP ENV [REF] [--dry-run] [--no-migrate] [--at TIME|{NEXT_WINDOW}] {USAGE}"

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind `/deploy`.

        Raises:
            RefusedError: with what is wrong and what would be right.
        """
        usage = f"{self.name} {self.usage}"
        known = frozenset({DRY_RUN, NO_MIGRATE, LAYOUT})
        sorted_words = sort_words(_with_whole_time(words), usage, known, _WORDS, frozenset({AT}), FLAGS)
        plain = sorted_words.plain
        # Without any word a form opens; the reason of an exception may have taken up a target that was typed behind it.
        if words and not FLAGS & sorted_words.flags.keys():
            plain = with_target(plain, origin.channel, operations, _WORDS)
        target = find_target(plain, origin.channel, operations, usage)
        asked = plain[2] if len(plain) == _WORDS else target.branch
        flags = sorted_words.flags
        if LAYOUT in flags:
            return Request(_change_layout(sorted_words, usage), target.name, origin, " ".join((self.name, *words)))
        options = DeployOptions(
            ref=Ref(asked).text,
            dry_run=DRY_RUN in flags,
            migrate=NO_MIGRATE not in flags,
            exceptions=read_exceptions(flags, usage),
            at=_read_at(flags),
        )
        return Request(options, target.name, origin, " ".join((self.name, *words)))

    async def check_names(self, request: Request, target: Target, look: Look) -> None:
        """Leave the ref to the run: it has to be fetched first."""

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        """Give the checks and the fetch."""
        return before_plan(self.recipes[target.name], target, run.id)

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        """Resolve the ref, require a fast-forward, and plan the changes.

        Raises:
            RefusedError: `ref_not_found`, `not_fast_forward`, `not_verified_before`, `checks_not_green`,
                `forge_silent`, `checkouts_differ`, `checkout_dirty`, or a host or the database cannot be read.
        """
        recipe = self.recipes[target.name]
        if run.request.resumes is not None:
            return await resume_plan(run, await read_stopped_run(run, look), recipe, target, look)
        asked = options_as(run, DeployOptions)
        past = await look.past_runs()
        order = await read_order(target, look)
        hosts, database = await read_target(recipe, target, look, asked.ref, tried_commits(past), order.commits)
        sha = _agreed_commit(hosts, asked.ref)
        unfinished = unfinished_change(past, sha)
        pending = _pending(recipe, hosts[0], database)
        migrations = pending if asked.migrate else ()
        if migrations:
            require_writable(database)
        is_live = all(facts.head == sha for facts in hosts)
        if is_live and same_code(hosts) and not migrations and unfinished is None:
            return NothingToDo({"sha": sha, "pending": ", ".join(pending)})
        in_order = order.judge(run.request, sha, hosts)
        checks = await read_checks(target, look, run.request, sha)
        checked = checks.judge(run.request)
        of_files = await migration_files(recipe.migrations, migrations, hosts[0], target, look)
        takes_down, downs = plan_maintenance(target, hosts, migrations)
        backup = backup_id(run) if wants_backup(target, self.action, len(migrations)) else None
        begins_later = asked.at is not None
        data = await backup_to_rehearse_on(target, look, None if begins_later else backup, len(migrations))
        on_branch = all(facts.on_branch or facts.head == sha for facts in hosts)
        changed = tuple(path for facts in hosts for path in facts.changed)
        rehearses = rehearsal_way(target, recipe.migrations, on_branch=on_branch, changed=changed)
        inputs = StepInputs(
            run.id,
            RunKind.DEPLOY,
            hosts[0].head,
            sha,
            hosts,
            migrations,
            takes_down,
            backup,
            data,
            rehearses,
            files=of_files.files,
            dumps=of_files.dumps,
            table=of_files.table,
            release=release_to_deploy(run, target, sha, hosts),
            begins_later=begins_later,
        )
        steps, skipped = recipe_steps(recipe, target, inputs)
        if not asked.migrate:
            steps = tuple(step for step in steps if not isinstance(step.act, NothingPending))
        if is_live and unfinished is not None:
            done = unfinished.done_steps(steps) - undone_by_absence(recipe, hosts)
            # What is done around a host is done for all of it, or not at all.
            live = {step.key for step in live_steps(steps)} if target.rollout is not None else set()
            done -= live if not live <= done else set()
            steps, done_already = remaining_steps(steps, done)
            skipped = (*skipped, *done_already)
        await require_encryption(steps, target, look)
        require_ready(recipe, steps, hosts)
        first = next((facts for facts in hosts if facts.head != sha), hosts[0])
        return Plan(
            request=run.request,
            steps=(*self.before_plan(run, target), *steps),
            requirement=target.policy.requirement(self.action),
            basis=_basis(hosts, sha, pending, has_database=database is not None)
            | order.basis(run.request, sha, hosts)
            | checks.basis(run.request),
            sha=Sha(sha),
            commits=first.commits,
            commit_count=first.commit_count,
            pending=migrations,
            skipped=skipped,
            findings=(
                *_completed(unfinished, hosts, sha),
                *hosts_differ(hosts),
                *in_order,
                *checked,
                *downs,
                *other_server(hosts[0], database),
                *(on_replica(database) if migrations or backup is not None else ()),
                *_held_back(pending, migrations),
                *_sessions(database, migrations),
                *not_rehearsed(rehearses, migrations),
                *await lacking_privileges(steps, look),
            ),
        )

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Basis:
        """Read the basis again: each host's HEAD, local changes and maintenance, pending migrations, and checks.

        Raises:
            RefusedError: a host, the database or the forge cannot be read.
        """
        recipe = self.recipes[target.name]
        if run.request.resumes is not None:
            return await resume_basis(plan, recipe, target, look)
        sha = str(plan.sha)
        order = await read_order(target, look)
        hosts, database = await read_target(recipe, target, look, sha, compared=order.commits)
        if plan.pending:
            require_writable(database)
        pending = _pending(recipe, hosts[0], database)
        read = _basis(hosts, sha, pending, has_database=database is not None)
        return read | order.basis(run.request, sha, hosts) | await checks_basis(target, look, run.request, sha)

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        """Read again which of the plan's migrations are pending.

        Raises:
            RefusedError: the database cannot be read.
        """
        rows = await ran_now(self.recipes[target.name], target, look, plan)
        ran = {row.name for row in rows or ()}
        return tuple(name for name in plan.pending if name not in ran)


def _with_whole_time(words: tuple[str, ...]) -> tuple[str, ...]:
    """Give the words with a time of several as one: `--at Fri 22:30 Europe/Paris` needs no quotes."""
    if AT not in words:
        return words
    first = words.index(AT) + 1
    for count in range(_TIME_WORDS, 0, -1):
        text = " ".join(words[first : first + count])
        if is_time(text):
            return (*words[: first - 1], f"{AT}={text}", *words[first + count :])
    return words


def _change_layout(asked: Words, usage: str) -> ChangeLayout:
    """Read a request for another layout; nothing else can be asked for at once.

    Raises:
        RefusedError: `usage`, with what is too much.
    """
    more = [*asked.plain[TARGET_WORDS:], *sorted({DRY_RUN, NO_MIGRATE, AT, EMERGENCY} & asked.flags.keys())]
    if more:
        raise RefusedError(problem(Reason.USAGE, usage=usage, extra=" ".join(more)))
    return ChangeLayout(read_exceptions(asked.flags, usage))


def _read_at(flags: Mapping[str, str]) -> AskedTime | None:
    """Read the time at which to begin.

    Raises:
        RefusedError: `bad_time`; `no_time`, what is asked for besides is not done at a time.
    """
    if AT not in flags:
        return None
    for other in (DRY_RUN, EMERGENCY):
        if other in flags:
            raise RefusedError(problem(Reason.NO_TIME, option=other))
    return read_time(flags[AT])


def _agreed_commit(hosts: tuple[HostFacts, ...], ref: str) -> str:
    """Give the commit that every host resolves the ref to, and check that each can fast-forward to it."""
    for facts in hosts:
        if facts.dirty:
            raise RefusedError(dirty_problem(facts))
        if facts.sha is None:
            raise RefusedError(problem(Reason.REF_NOT_FOUND, ref=ref, host=facts.host))
        if not facts.fast_forward:
            raise RefusedError(
                problem(Reason.NOT_FAST_FORWARD, ref=ref, sha=facts.sha, head=facts.head, host=facts.host)
            )
    commits = {facts.sha: facts.host for facts in hosts if facts.sha is not None}
    if len(commits) > 1:
        found = ", ".join(f"{host}: {sha[:7]}" for sha, host in commits.items())
        raise RefusedError(problem(Reason.CHECKOUTS_DIFFER, ref=ref, found=found))
    return next(iter(commits))


def _pending(recipe: Recipe, first: HostFacts, database: DatabaseFacts | None) -> tuple[str, ...]:
    if recipe.migrations is None or database is None:
        return ()
    ran = {row.name for row in database.ran}
    elsewhere = [file.name for file in from_elsewhere(recipe.migrations, first) if file.name not in ran]
    left = not_run(first.migrations, recipe.migrations, database)
    return tuple(sorted({*left, *elsewhere})) if elsewhere else left


def _completed(unfinished: UnfinishedChange | None, hosts: tuple[HostFacts, ...], sha: str) -> tuple[Unfinished, ...]:
    if unfinished is None:
        return ()
    return (unfinished.finding(commit_is_live=any(facts.head == sha for facts in hosts)),)


def _held_back(pending: tuple[str, ...], migrations: tuple[str, ...]) -> tuple[HeldBack, ...]:
    if not pending or migrations:
        return ()
    return (HeldBack(pending),)


def _sessions(database: DatabaseFacts | None, migrations: tuple[str, ...]) -> tuple[OpenSession, ...]:
    if database is None or not migrations:
        return ()
    return tuple(
        OpenSession(session.id, session.user, session.seconds, session.query, session.waits)
        for session in database.sessions
    )


def _basis(hosts: tuple[HostFacts, ...], sha: str, pending: tuple[str, ...], *, has_database: bool) -> Basis:
    migrations = Basis({"pending migrations": ", ".join(pending)}) if has_database else Basis()
    return host_basis(hosts, sha) | migrations

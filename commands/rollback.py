"""`/rollback APP ENV [--code | --migrations N | --to RELEASE]`: back to the previous release, code and schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.domain.backups.backup import BackupInfo
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import Ref, Sha, TargetName, parse_run_id
from bot.domain.runs.acts import Load
from bot.domain.runs.basis import Basis
from bot.domain.runs.decisions import backup_before, schema_begun, was_live
from bot.domain.runs.findings import LeftOut, RollbackReason, RollbackWay
from bot.domain.runs.plan import NothingToDo, Plan, Step
from bot.domain.runs.request import Action, Decision, Origin, Request, RollbackOptions, ToRelease, UndoMigrations
from bot.domain.runs.rollout import on_other_hosts, without_hosts, without_left_out
from bot.domain.runs.rollout_progress import is_partly_rolled_out, perhaps_away
from bot.domain.runs.run import Run
from bot.domain.targets.checkout_problems import dirty_problem
from bot.domain.targets.layout import Releases, commit_in
from bot.domain.targets.look import AppliedMigration, DatabaseFacts, HostFacts, Look, Release
from bot.domain.targets.target import Operations, Target
from bot.recipes.recipe import Migrations, Recipe
from bot.recipes.steps import before_plan
from commands.backup_restore import backup_basis, require_privileges, write_findings
from commands.checks import checks_not_asked
from commands.command import options_as
from commands.common import host_basis, ran_now, read_target, require_encryption, require_ready
from commands.exceptions import FLAGS, USAGE, read_exceptions
from commands.migration_files import files_to_undo
from commands.migration_history import CONTINUING
from commands.order import out_of_order
from commands.pending import names_of, remembered
from commands.privileges import lacking_privileges, lacks_for
from commands.releases import hosts_differ
from commands.resume import read_stopped_run, resume_basis, resume_finding, resume_plan
from commands.rollback_choice import (
    Choice,
    choose,
    deploys_of,
    find_backup_before,
    migration_records,
    old_code_lives_with,
    requested_choice,
    rollback_finding,
)
from commands.rollback_hosts import away, left_between, live_after, on_changed_hosts, one_head
from commands.rollback_losses import count_losses
from commands.rollback_steps import RollbackFacts, RollbackStepBuilder
from commands.server_role import on_replica, require_writable
from commands.words import find_target, sort_words, with_target

CODE = "--code"
MIGRATIONS = "--migrations"
TO = "--to"
_WORDS = 2
_MAX_UNDONE = 500


@dataclass(frozen=True)
class Rollback:
    """The command.

    Args:
        recipes: the recipe of each target.
    """

    recipes: Mapping[TargetName, Recipe]

    name: str = "/rollback"
    action: Action = Action.ROLLBACK
    description: str = "Back to the release before: code and schema together, countersigned"
    usage: str = f"APP ENV [--code | --migrations N | --to RELEASE] {USAGE}"

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind `/rollback`.

        Raises:
            RefusedError: with what is wrong and what would be right.
        """
        usage = f"{self.name} {self.usage}"
        sorted_words = sort_words(words, usage, frozenset({CODE}), _WORDS, frozenset({MIGRATIONS, TO}), FLAGS)
        plain = sorted_words.plain
        if words and not FLAGS & sorted_words.flags.keys():  # as for /deploy
            plain = with_target(plain, origin.channel, operations, _WORDS)
        target = find_target(plain, origin.channel, operations, usage)
        flags = sorted_words.flags
        if MIGRATIONS in flags and (CODE in flags or TO in flags):
            raise RefusedError(problem(Reason.BAD_OPTION, option=MIGRATIONS, nearest="", usage=usage))
        scope = _scope(flags, usage)
        options = RollbackOptions(scope, read_exceptions(flags, usage))
        return Request(options, target.name, origin, " ".join((self.name, *words)))

    async def check_names(self, request: Request, target: Target, look: Look) -> None:
        """Leave the release to the run: it has to be fetched first."""

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        """Give the checks and the fetch."""
        return before_plan(self.recipes[target.name], target, run.id)

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        """Choose the release to go back to, the migrations to undo, and how.

        Raises:
            RefusedError: `no_release`, none is known; `not_behind`, the commit is no ancestor of what is live;
                `not_the_latest`, the migrations to undo are not the ones that ran last; `no_way_back`, none of the ways
                is known to be good; or what a host or the database answers.
        """
        recipe = self.recipes[target.name]
        decision = _decided(run)
        if decision in CONTINUING:
            return await resume_plan(run, await read_stopped_run(run, look), recipe, target, look)
        before = await read_stopped_run(run, look) if decision is not None else None
        silent = () if before is None else await away(before, target, look)
        everywhere, target = target, on_other_hosts(target, silent)
        between = before
        scope = _scope_after(before) if before is not None else options_as(run, RollbackOptions).scope
        if scope == ToRelease():
            between = await left_between(look)
            scope = scope if between is None else _scope_after(between)
        found, releases = await _find(recipe, target, look, scope, between)
        if before is None and found.sha == found.head and not found.undo:
            return NothingToDo({"sha": found.sha})
        choice = None if between is None else _choice_between(between)
        choice = choice or await _chosen(before, decision, scope, found.undo, releases, target, look)
        way_down = RollbackStepBuilder(recipe, target, run, found, before)
        if choice.backup is not None:
            missing = await look.missing_privileges()
            require_privileges(choice.backup, missing)
            planned = way_down.to_backup(choice.backup, await look.backups())
            lost = await write_findings(choice.backup, look)
            lacks = lacks_for(planned.steps, missing)
        else:
            undo = found.undo if choice.way is not RollbackWay.CODE else ()
            of_files = await files_to_undo(recipe.migrations, undo, found.live[0], target, look)
            planned = way_down.by_undoing(undo, of_files)
            lost = await count_losses(planned.undo, releases, look)
            lacks = await lacking_privileges(planned.steps, look)
        went_on = (resume_finding(before, decision),) if before is not None and decision is not None else ()
        await require_encryption(planned.steps, target, look)
        if planned.undo or choice.backup is not None:
            require_writable(found.database)
        if before is None:
            require_ready(recipe, planned.steps, found.behind)
        ran = None if found.database is None else found.database.ran
        goes_away = max(found.behind, key=lambda facts: facts.removed_count)
        plan = Plan(
            request=run.request,
            steps=(*_early(self.before_plan(run, everywhere), before, decision), *planned.steps),
            basis=_basis(found.behind, found.sha, planned.undo, ran, choice.backup),
            sha=Sha(found.sha),
            commits=goes_away.removed,
            commit_count=goes_away.removed_count,
            undo=planned.undo,
            skipped=planned.skipped,
            findings=(
                rollback_finding(choice),
                *went_on,
                *((LeftOut(silent),) if silent else ()),
                *hosts_differ(found.live),
                *lost,
                *planned.findings,
                *on_replica(found.database),
                *out_of_order(target),
                *checks_not_asked(target),
                *lacks,
            ),
            destructive=choice.backup is not None,
        )
        needed = target.policy.regular_requirement(run.request, destructive=plan.destructive, restores=plan.restores)
        plan = replace(plan, requirement=needed)
        return plan if between is None else on_changed_hosts(plan, between, target, found)

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Basis:
        """Read the basis again: each host's HEAD, local changes and maintenance, and the latest migrations.

        Raises:
            RefusedError: what a host or the database answers.
        """
        if _decided(run) in CONTINUING:
            return await resume_basis(plan, self.recipes[target.name], target, look)
        recipe, target = self.recipes[target.name], without_left_out(target, plan)
        hosts, database = await read_target(recipe, target, look, str(plan.sha))
        if plan.undo or plan.restores:
            require_writable(database)
        # The target commit may lack the files of the migrations to undo; the live one has them.
        rows = await ran_now(recipe, target, look, plan) if plan.undo else ()
        restored = next((step.act.backup for step in plan.steps if isinstance(step.act, Load)), None)
        backup = None if restored is None else (await look.backups()).find(restored)
        return _basis(hosts, str(plan.sha), plan.undo, None if database is None else rows, backup)

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        """Read again the latest migrations, as many as the plan undoes.

        Raises:
            RefusedError: what the database answers.
        """
        rows = await ran_now(self.recipes[target.name], target, look, plan)
        return plan.undo if rows is None else latest(rows, len(plan.undo))


def latest(ran: tuple[AppliedMigration, ...], count: int) -> tuple[str, ...]:
    """Name the migrations that `migrate:rollback --step=COUNT` would undo, in its order.

    Args:
        ran: the rows of the migrations table.
        count: how many.

    Returns:
        By batch, then by name, the newest first; as they ran, where there are no batches.
    """
    ordered = sorted(ran, key=lambda row: (row.batch or 0, row.name if row.batch is not None else ""))
    return tuple(row.name for row in ordered[::-1][:count])


def _scope(flags: Mapping[str, str], usage: str) -> ToRelease | UndoMigrations:
    if MIGRATIONS in flags:
        return UndoMigrations(_count(flags[MIGRATIONS], usage))
    return ToRelease(_release_name(flags[TO]) if TO in flags else None, CODE in flags)


def _count(text: str, usage: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _MAX_UNDONE:
        raise RefusedError(problem(Reason.BAD_OPTION, option=f"{MIGRATIONS} {text[:20]}", nearest="", usage=usage))
    return int(text)


def _release_name(text: str) -> str:
    """Read the name of a release: a run's ID, the name of its folder, or a tag or a commit."""
    if (commit := commit_in(text)) is not None:
        return commit
    try:
        return parse_run_id(text) if text.upper().startswith("R-") else Ref(text).text
    except RefusedError:
        return Ref(text).text


def _choose(asked: str | None, head: str, releases: tuple[Release, ...]) -> str:
    """Give the commit to go back to: the requested one, or the last good one before the live one."""
    if asked is not None:
        named = next((release.sha for release in releases if release.run == asked), None)
        return named or asked
    bad = {release.sha for release in releases if not release.good} - {r.sha for r in releases if r.good}
    at, seen = head, {head}
    while True:
        found = next((release for release in releases if release.sha == at and release.before not in seen), None)
        if found is None:
            raise RefusedError(problem(Reason.NO_RELEASE, head=head))
        at = found.before
        seen.add(at)
        if at not in bad:
            return at


def _agreed_commit(hosts: tuple[HostFacts, ...], release: str) -> str:
    for facts in hosts:
        if facts.dirty:
            raise RefusedError(dirty_problem(facts))
        if facts.sha is None:
            raise RefusedError(problem(Reason.REF_NOT_FOUND, ref=release, host=facts.host))
        if facts.sha != facts.head and not facts.removed_count:
            raise RefusedError(problem(Reason.NOT_BEHIND, ref=release, sha=facts.sha, head=facts.head, host=facts.host))
    return next(facts.sha for facts in hosts if facts.sha is not None)


def _early(steps: tuple[Step, ...], before: Run | None, decision: Decision | None) -> tuple[Step, ...]:
    """Give the steps that came before the plan, on the hosts on which they were done."""
    if before is None or decision is not Decision.ROLL_BACK:
        return steps
    return without_hosts(steps, perhaps_away(before))


def _scope_after(before: Run) -> ToRelease:
    """Give how far a run that stopped is gone back behind.

    Where some hosts have its commit and others do not, its migrations are such that the code of both lives with them.
    """
    return ToRelease(was_live(before) or "", code_only=is_partly_rolled_out(before))


def _decided(run: Run) -> Decision | None:
    """Give the decision that a run carries out; None if it was typed."""
    return run.request.resumes.decision if run.request.resumes is not None else None


async def _find(
    recipe: Recipe, target: Target, look: Look, scope: ToRelease | UndoMigrations, between: Run | None
) -> tuple[RollbackFacts, tuple[Release, ...]]:
    """Read the live state, the state to go back to, and the known releases.

    Raises:
        RefusedError: as `Rollback.plan`.
    """
    live, database = await read_target(recipe, target, look, None)
    head = one_head(live) if between is None else live_after(between, live)
    releases = await look.releases()
    release = head if isinstance(scope, UndoMigrations) else _choose(scope.release, head, releases)
    behind, _ = await read_target(recipe, target, look, release)
    sha = _agreed_commit(behind, release)
    undo = _to_undo(recipe.migrations, scope, live[0], behind[0], database)
    return RollbackFacts(head, sha, live, behind, undo, database), releases


def _choice_between(stopped: Run) -> Choice | None:
    """Give the way back from a run that stopped between its hosts, whose migrations both codes live with."""
    if stopped.plan is None or not is_partly_rolled_out(stopped):
        return None
    if schema_begun(stopped):
        return Choice(RollbackWay.CODE, RollbackReason.COMPATIBLE, stopped.plan.migrations)
    return Choice(RollbackWay.CODE, RollbackReason.SAME_SCHEMA)


async def _chosen(
    before: Run | None,
    decision: Decision | None,
    scope: ToRelease | UndoMigrations,
    undo: tuple[str, ...],
    releases: tuple[Release, ...],
    target: Target,
    look: Look,
) -> Choice:
    """Give the way that was decided or requested, or else the proposed one.

    Raises:
        RefusedError: `no_way_back`; `unknown_backup`, it is gone; or what a host answers.
    """
    if before is not None and decision is Decision.RESTORE:
        backup = (await look.backups()).find(backup_before(before) or "")
        return Choice(RollbackWay.RESTORE, RollbackReason.DECIDED, (before.id,), backup)
    if before is not None:
        way = RollbackWay.CODE_AND_MIGRATIONS if undo else RollbackWay.CODE
        return Choice(way, RollbackReason.DECIDED, (before.id,))
    asked = requested_choice(scope, undo)
    if asked is not None:
        return asked
    deploys = await deploys_of(undo, releases, look)
    if isinstance(target.layout, Releases) and undo and old_code_lives_with(undo, deploys):
        return Choice(RollbackWay.CODE, RollbackReason.COMPATIBLE, undo)
    found = migration_records(undo, deploys)
    needs_backup = any(one.has_no_way_back or one.destroyed for one in found)
    return choose(found, await find_backup_before(undo, target, look) if needs_backup else None)


def _to_undo(
    migrations: Migrations | None,
    scope: ToRelease | UndoMigrations,
    live: HostFacts,
    behind: HostFacts,
    database: DatabaseFacts | None,
) -> tuple[str, ...]:
    """Name the migrations to undo, newest first; they must be the latest ones."""
    if migrations is None or database is None:
        return ()
    match scope:
        case UndoMigrations(count):
            return latest(remembered(database), count)
        case ToRelease(code_only=True):
            return ()
    gone = set(names_of(live.migrations, migrations)) - set(names_of(behind.migrations, migrations))
    undo = {row.name for row in remembered(database)} & gone
    newest = latest(database.ran, len(undo))
    if set(newest) != undo:
        named = ", ".join(sorted(undo))
        raise RefusedError(problem(Reason.NOT_THE_LATEST, migrations=named, latest=", ".join(newest)))
    return newest


def _basis(
    hosts: tuple[HostFacts, ...],
    sha: str,
    undo: tuple[str, ...],
    ran: tuple[AppliedMigration, ...] | None,
    backup: BackupInfo | None,
) -> Basis:
    basis = host_basis(hosts, sha)
    if ran is not None:
        basis |= Basis({"latest migrations": ", ".join(latest(ran, len(undo)))})
    if backup is not None:
        basis |= backup_basis(backup)
    return basis

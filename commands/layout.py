"""`/deploy APP ENV --layout`: lay the live code out on the hosts as `layout:` says. No other code goes live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.names import Sha, TargetName
from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import LaidOut
from bot.domain.runs.plan import NothingToDo, Plan, Step
from bot.domain.runs.request import Action, Request
from bot.domain.runs.run import Run
from bot.domain.targets.checkout_problems import dirty_problem
from bot.domain.targets.layout import ADOPTED, FoundLayout, Layouts, NewRelease, Releases, release_name
from bot.domain.targets.look import HostFacts, HostQuestion, Look
from bot.domain.targets.target import Target
from bot.recipes.layout_steps import layout_steps
from bot.recipes.recipe import Recipe, RunKind
from bot.recipes.step_inputs import StepInputs
from commands.gather import each

_SHA = 40
_VIEWS = "resources/views"


@dataclass(frozen=True)
class LayoutChange:
    """The planner of such runs.

    Args:
        recipes: the recipe of each target.
    """

    recipes: Mapping[TargetName, Recipe]

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        """Nothing precedes the plan: the recipe's checks are for the folders that are still to be made."""
        return ()

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        """Find out how the code lies on each host, and plan the change.

        Raises:
            RefusedError: `layout_unfit`, a host has nothing that can be taken over, or hosts differ; `checkout_dirty`;
                or a host cannot be read.
        """
        recipe, root = self.recipes[target.name], _root(target)
        to_releases = isinstance(target.layout, Releases)
        hosts = await _look(target, look)
        first = _found(hosts[0])
        done = {Layouts.RELEASES, Layouts.CONVERTED} if to_releases else {Layouts.CHECKOUT}
        if all(_found(facts).lies in done for facts in hosts):
            return NothingToDo({"sha": first.sha})
        for facts in hosts:
            _require(facts, target)
        if len({(_found(facts).lies, _found(facts).sha) for facts in hosts}) > 1:
            told = ", ".join(f"{facts.host}: {_found(facts).lies.value} {_found(facts).sha[:7]}" for facts in hosts)
            raise RefusedError(_unfit("differ", path=root, detail=told))
        inputs = StepInputs(
            run.id,
            RunKind.DEPLOY,
            first.sha,
            first.sha,
            tuple(_as_live(facts) for facts in hosts),
            (),
            takes_down=False,
            backup=None,
            release=NewRelease(release_name(run.created_at, first.sha)) if to_releases else None,
        )
        return Plan(
            request=run.request,
            steps=layout_steps(recipe, replace(target, path=root), inputs),
            requirement=target.policy.requirement(Action.DEPLOY),
            basis=_basis(hosts),
            sha=Sha(first.sha),
            findings=(LaidOut(first.lies.value, root),),
        )

    async def check_names(self, request: Request, target: Target, look: Look) -> None:
        """Leave everything to the run."""

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Basis:
        """Read again how the code lies on each host.

        Raises:
            RefusedError: a host cannot be read.
        """
        return _basis(await _look(target, look))

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        """No migration is run or undone."""
        return ()


def _root(target: Target) -> str:
    return target.layout.root if isinstance(target.layout, Releases) else target.path


async def _look(target: Target, look: Look) -> tuple[HostFacts, ...]:
    root = _root(target)
    question = HostQuestion(path=root, survey=root, exists=(_VIEWS, f"current/{_VIEWS}"))
    return await each(*(look.host(name, question) for name in target.hosts))


def _as_live(facts: HostFacts) -> HostFacts:
    """Give the facts with the live code's folders as its own."""
    views = frozenset({_VIEWS}) if facts.existing & {_VIEWS, f"current/{_VIEWS}"} else frozenset()
    return replace(facts, existing=views)


def _found(facts: HostFacts) -> FoundLayout:
    return facts.found or FoundLayout(Layouts.NOTHING)


def _require(facts: HostFacts, target: Target) -> None:
    """Refuse a host whose live code cannot be laid out anew.

    Raises:
        RefusedError: `layout_unfit`, `checkout_dirty`.
    """
    found, root = _found(facts), _root(target)
    wanted = ADOPTED if isinstance(target.layout, Releases) else {Layouts.CONVERTED, Layouts.HALF}
    if found.lies not in wanted:
        why = "nothing" if isinstance(target.layout, Releases) else "links"
        raise RefusedError(_unfit(why, host=facts.host, path=root))
    if len(found.sha) != _SHA:
        raise RefusedError(_unfit("commit", host=facts.host, path=root))
    if found.lies is Layouts.CHECKOUT and facts.dirty:
        raise RefusedError(dirty_problem(facts))


def _unfit(why: str, **facts: str) -> Problem:
    """Give the problem; `why` chooses the wording."""
    return problem(Reason.LAYOUT_UNFIT, why=why, **facts)


def _basis(hosts: tuple[HostFacts, ...]) -> Basis:
    basis = Basis()
    for facts in hosts:
        found = _found(facts)
        basis |= Basis({f"layout on {facts.host}": f"{found.lies.value} {found.live} {found.sha}".strip()})
        changed = ", ".join(facts.dirty) if found.lies is Layouts.CHECKOUT else ""
        basis |= Basis({f"local changes on {facts.host}": changed})
    return basis

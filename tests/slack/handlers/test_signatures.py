"""Handing a signature in: the file in the thread, the button, the form, and the answer that one person reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.run import PassedGate
from bot.domain.signatures.plan_text import read_plan_text, text_to_sign
from bot.playground.block_kit.blocks import check_view
from bot.playground.client.client_actions import Click
from bot.slack.forms.signature import signature_view
from bot.slack.publish.replies import Sender
from tests.slack.support.dashboards import home_scene
from tests.slack.support.runs import AMELIE, BOB, DIGEST, MASKER, OPS, RUNS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually

RUN = "R-7K3F9Q"
ARMOUR = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----"


async def opened(workspace: Workspace, user: str = BOB) -> Any:
    """Wait for the form."""
    return await eventually(
        lambda: next((view for view in workspace.server.state.views.values() if view.user == user), None)
    )


async def handed_in(workspace: Workspace, user: str = BOB) -> None:
    (request,) = await eventually(lambda: workspace.by_type("countersign_approval"))
    await workspace.server.client_actions.click(user, OPS, request.ts, Click("run_sign"))
    view = await opened(workspace, user)
    assert await workspace.server.client_actions.submit(user, view.id, {"signature": {"signature": ARMOUR}}) == {}


async def test_the_thread_carries_the_very_text_that_is_signed(workspace: Workspace) -> None:
    workspace.engine.put(RUNS["to_sign"])
    async with workspace.app():
        await eventually(lambda: workspace.server.state.files)
        await eventually(lambda: workspace.messages.published.get(RUN) == workspace.engine.runs[RUN].revision)
    (file,) = workspace.server.state.files.values()
    text = file.content.decode()
    assert (file.name, text) == ("plan.txt", text_to_sign(RUNS["to_sign"], MASKER))
    assert read_plan_text(text).plan == RUNS["to_sign"].plan


async def test_a_later_request_of_the_same_run_has_a_file_of_its_own(workspace: Workspace) -> None:
    first = RUNS["to_sign"]
    assert first.gate is not None
    again = replace(first, gate=replace(first.gate, earlier=(PassedGate(DIGEST, 1, (BOB,)),), nonce="6f" * 16))
    async with workspace.app():
        for run in (first, again):
            workspace.engine.put(run)
            await eventually(lambda: workspace.messages.published.get(RUN) == workspace.engine.runs[RUN].revision)
    assert [file.name for file in workspace.server.state.files.values()] == ["plan.txt", "plan-2.txt"]


async def test_without_signatures_there_is_neither_file_nor_button(workspace: Workspace) -> None:
    workspace.engine.put(RUNS["awaiting_approval"])
    async with workspace.app():
        await eventually(lambda: workspace.messages.published.get(RUN) == workspace.engine.runs[RUN].revision)
        (request,) = workspace.by_type("countersign_approval")
    assert workspace.server.state.files == {}
    assert "run_sign" not in str(request.blocks)
    assert "signed" not in request.metadata["event_payload"]


async def test_the_request_says_how_many_signatures_there_are(workspace: Workspace) -> None:
    workspace.engine.put(RUNS["to_sign"])
    async with workspace.app():
        (request,) = await eventually(lambda: workspace.by_type("countersign_approval"))
    payload = request.metadata["event_payload"]
    assert {name: payload[name] for name in ("signed", "signatures", "given", "needed")} == {
        "signed": True,
        "signatures": 1,
        "given": 1,
        "needed": 2,
    }


async def test_a_signature_is_handed_in_by_the_form(workspace: Workspace) -> None:
    workspace.engine.put(RUNS["to_sign"])
    async with workspace.app():
        await handed_in(workspace)
        await eventually(lambda: workspace.engine.signed == [(RUN, BOB, ARMOUR)])
        await eventually(lambda: any("is there, by the key `SHA256:" in text for text in workspace.whispers(BOB)))
    assert workspace.whispers(AMELIE) == []


async def test_why_a_signature_is_refused_is_told_to_that_person_alone(workspace: Workspace) -> None:
    workspace.engine.put(RUNS["to_sign"])
    workspace.engine.refuses = RefusedError(problem(Reason.SIGNATURE_OTHER_TEXT, run=RUN))
    async with workspace.app():
        await handed_in(workspace)
        await eventually(lambda: any("is not of the plan of" in text for text in workspace.whispers(BOB)))
    assert workspace.engine.signed == []
    assert workspace.whispers(AMELIE) == []


def dropped(workspace: Workspace, content: str, name: str = "plan.txt.sig", user: str = BOB) -> None:
    """Drop a file into the thread of the run."""
    (card,) = workspace.by_type("countersign_run")
    workspace.server.client_actions.share(user, (OPS, card.ts), name, content.encode())


@pytest.mark.parametrize("name", ["plan.txt.sig", "signature.txt", "x"])
async def test_a_signature_is_dropped_into_the_thread_as_a_file(workspace: Workspace, name: str) -> None:
    workspace.engine.put(RUNS["to_sign"])
    async with workspace.app():
        await eventually(lambda: workspace.by_type("countersign_approval"))
        dropped(workspace, f"{ARMOUR}\n", name)
        await eventually(lambda: workspace.engine.signed == [(RUN, BOB, f"{ARMOUR}\n")])
        await eventually(lambda: any("is there, by the key `SHA256:" in text for text in workspace.whispers(BOB)))
    assert workspace.whispers(AMELIE) == []


@pytest.mark.parametrize("content", ["no signature at all", "x" * 20_000, "\0\xff"])
async def test_a_file_that_should_be_a_signature_is_refused_to_who_dropped_it(
    workspace: Workspace, content: str
) -> None:
    workspace.engine.put(RUNS["to_sign"])
    workspace.engine.refuses = RefusedError(problem(Reason.SIGNATURE_NOT_READABLE, run=RUN))
    async with workspace.app():
        await eventually(lambda: workspace.by_type("countersign_approval"))
        dropped(workspace, content)
        await eventually(lambda: any("signature" in text for text in workspace.whispers(BOB)))
    assert workspace.engine.signed == []


async def test_other_files_and_files_elsewhere_are_no_signatures(workspace: Workspace) -> None:
    workspace.engine.put(RUNS["to_sign"])
    async with workspace.app():
        await eventually(lambda: workspace.by_type("countersign_approval"))
        dropped(workspace, "a note for the others", "note.txt")
        dropped(workspace, f"{ARMOUR}\n" + " " * 20_000, "large.txt")
        for thread in (None, workspace.server.client_actions.write(BOB, OPS, "another thread").ts):
            workspace.server.client_actions.share(BOB, (OPS, thread), "plan.txt.sig", ARMOUR.encode())
        dropped(workspace, ARMOUR, "last.sig", AMELIE)
        inbox = workspace.inbox
        await eventually(lambda: len(inbox.settled) >= 5 and inbox.settled == {*inbox.events})
    assert workspace.engine.signed == [(RUN, AMELIE, ARMOUR)]
    assert [text for text in workspace.whispers(BOB) if "is a wish so far" not in text] == []


async def test_files_are_not_looked_at_where_nobody_signs(workspace: Workspace) -> None:
    workspace.engine.put(RUNS["awaiting_approval"])
    async with workspace.app():
        await eventually(lambda: workspace.by_type("countersign_approval"))
        dropped(workspace, ARMOUR)
        await eventually(lambda: any(event.kind == "file" for event in workspace.inbox.events.values()))
        await eventually(lambda: workspace.inbox.settled == {*workspace.inbox.events})
    assert (workspace.engine.signed, workspace.whispers(BOB)) == ([], [])


def test_slack_takes_the_form() -> None:
    run = RUNS["to_sign"]
    assert run.gate is not None
    view = signature_view(run, run.gate, Sender(BOB, OPS, "1.2", "https://x"), home_scene())
    assert check_view(view) == []

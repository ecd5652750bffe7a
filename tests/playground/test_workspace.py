"""Workspace files that are not usable are refused with the path of what is wrong."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from bot.playground import WorkspaceError, parse_workspace
from bot.playground.workspace.default_workspace import DEFAULT_WORKSPACE, default_workspace

BREAKS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda file: file.update(userz=[]), "workspace.userz: unknown key"),
    (lambda file: file["users"][1].update(id="bob"), r"workspace.users\[1\].id: 'bob' is no Slack ID"),
    (lambda file: file["users"][0].update(deleted="no"), r"workspace.users\[0\].deleted: must be true or false"),
    (lambda file: file["users"].append(file["users"][0]), "U0AMELIE is there twice"),
    (lambda file: file["channels"][0]["members"].append("U0NOBODY"), "C0OPS has the member U0NOBODY"),
    (lambda file: file["usergroups"][0]["members"].append("U0X"), "S0RELEASE has the member U0X"),
    (lambda file: file.update(channels=[]), "workspace.channels: at least one"),
    (lambda file: file.update(app=[]), "workspace.app: must be an object"),
    (lambda file: file["app"].pop("bot_token"), "workspace.app.bot_token: must be a text"),
    (lambda file: file["app"]["commands"][0].update(name="deploy"), r"commands\[0\].name: 'deploy' must start with /"),
    (lambda file: [user.pop("selectable", None) for user in file["users"]], "at least one person must be selectable"),
]


@pytest.mark.parametrize(("break_it", "sentence"), BREAKS)
def test_a_broken_file_is_refused_with_its_path(break_it: Callable[[dict[str, Any]], object], sentence: str) -> None:
    file = copy.deepcopy(DEFAULT_WORKSPACE)
    break_it(file)
    with pytest.raises(WorkspaceError, match=sentence):
        parse_workspace(file)


def test_the_default_has_the_people_of_the_contract() -> None:
    workspace = default_workspace()
    assert [person.id for person in workspace.people if person.selectable] == ["U0AMELIE", "U0BOB", "U0ONCALL"]
    assert [group.id for group in workspace.user_groups] == ["S0RELEASE"]
    assert workspace.channels[0].id == "C0OPS"
    assert workspace.app.bot_user_id in workspace.channels[0].members

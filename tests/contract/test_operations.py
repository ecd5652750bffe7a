"""What an operations file may leave out: the defaults that are promised."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.config.operations import load_operations
from bot.config.recipe_vars import check_recipe
from bot.domain.policies.policy import BackupBefore
from bot.domain.runs.request import Action
from bot.hosts.known_hosts import DEFAULT_KNOWN_HOSTS

LEAST = """
version: 1
hosts:
  web1: {address: compte.example.com, user: deploy}
policies:
  relaxed:
    run: {deploy: [anyone], rollback: [anyone], backup: [anyone], restore: [anyone], migrate-status: [anyone]}
    approve: {}
  strict:
    run: {deploy: [anyone]}
    approve: {deploy: {from: [anyone]}}
apps:
  compte:
    recipe: shell
    channels: [C0OPS]
    environments:
      relaxed: &environment
        policy: relaxed
        hosts: [web1]
        path: /srv/compte
        branch: main
        vars: {commands: ["true"]}
      strict: {<<: *environment, policy: strict, path: /srv/strict}
"""


def loaded():
    return load_operations(LEAST, Path("ops.yaml"), {"HOME": "/home/bot"}, check_recipe)


def test_defaults() -> None:
    operations = loaded()
    host = operations.hosts["web1"]
    assert host.port == 22
    assert (host.key, host.known_hosts, host.jump) == (None, None, None)
    assert DEFAULT_KNOWN_HOSTS == "~/.ssh/known_hosts"
    assert operations.emoji.approve == ("white_check_mark", "+1")
    assert operations.emoji.reject == ("x", "-1")


def test_a_policy_without_approvals_has_no_gate_but_before_what_loses_data() -> None:
    [relaxed] = [target.policy for name, target in loaded().targets.items() if name.environment == "relaxed"]
    for action in (Action.DEPLOY, Action.BACKUP, Action.MIGRATE_STATUS):
        assert relaxed.requirement(action).count == 0, action
    for action in (Action.ROLLBACK, Action.RESTORE):
        asked = relaxed.requirement(action)
        assert (asked.count, asked.allow_requester, asked.eligible.anyone) == (1, True, True), action
    assert relaxed.backup_before.get(Action.DEPLOY, BackupBefore.NEVER) is BackupBefore.NEVER


def test_what_an_approval_leaves_out() -> None:
    [strict] = [target.policy for name, target in loaded().targets.items() if name.environment == "strict"]
    asked = strict.requirement(Action.DEPLOY)
    assert (asked.count, asked.expires, asked.allow_requester) == (1, timedelta(minutes=30), False)

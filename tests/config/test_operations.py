"""The right file gives the right objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest

from bot.config.addresses import is_public
from bot.config.operations import load_operations
from bot.config.problems import ConfigurationError
from bot.config.recipe_vars import check_recipe
from bot.config.validation_messages import all_keys
from bot.domain.names import TargetName
from bot.domain.notifications import EVENTS
from bot.domain.policies.people import ANYONE, People
from bot.domain.policies.policy import BackupBefore, Requirement
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.request import Action
from bot.domain.secrets import Secret
from bot.domain.signatures.signer_keys import Signers, read_key
from bot.domain.targets.forge import ForgeKind, Repository
from bot.domain.targets.layout import Releases
from bot.domain.targets.receiver import MARKED, Receiver, ReceiverKind
from bot.domain.targets.rollout import HealthCommand, HealthUrl, Percent, Rollout
from bot.domain.targets.scratch import Scratch, ScratchBeside, ScratchNone, ScratchPrivate, ScratchServer
from bot.domain.targets.target import (
    Backups,
    BotDirectory,
    Bucket,
    Database,
    Emoji,
    EmojiNames,
    Host,
    Keep,
    Operations,
    RehearseOn,
)
from tests.config.support.example import RIGHT, accept, changed, load

ROOT = Path(__file__).parents[2]


def target(text: str = RIGHT):
    (only,) = load(text).targets.values()
    return only


def test_hosts():
    assert dict(load(RIGHT).hosts) == {
        "web1": Host("web1", "a.example.com", 22, "deploy"),
        "web2": Host("web2", "b.example.com", 2222, "deploy", jump="web1"),
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("~/.ssh/id", "/home/bot/.ssh/id"),
        ("keys/id", "/etc/countersign/keys/id"),
        ("/keys/id", "/keys/id"),
    ],
)
def test_paths_of_keys(written, meant):
    text = changed(
        "    user: deploy\n  web2", f"    user: deploy\n    key: {written}\n    known_hosts: {written}\n  web2"
    )
    host = load(text).hosts["web1"]
    assert (host.key, host.known_hosts) == (meant, meant)


def test_target():
    found = target()
    assert str(found.name) == "compte production"
    assert found.database == Database("web1", "127.0.0.1", 3306, "compte", "compte", Secret("correct horse"))
    assert found.backups == Backups("/var/backups", "0 3 * * *", "UTC", Keep(7, 0, 0))
    assert found.vars == {"services": ("php-fpm",)}
    assert (found.recipe, found.channels, found.hosts) == ("laravel", ("C0OPS",), ("web1",))
    assert (found.path, found.branch) == ("/var/www/compte", "main")


def test_what_migrations_are_rehearsed_on():
    database = target(changed("name: compte,", "name: compte, scratch: true, rehearse: data,")).database
    assert database is not None
    assert (database.scratch, database.rehearse) == (ScratchBeside(), RehearseOn.DATA)


@pytest.mark.parametrize(
    ("written", "scratch"),
    [
        ("", ScratchPrivate()),
        (", scratch: private", ScratchPrivate()),
        (", scratch: true", ScratchBeside()),
        (", scratch: false", ScratchNone()),
        (
            ", scratch: {host: 10.0.0.9, user: rehearsal, password: '${OTHER}'}",
            ScratchServer("10.0.0.9", 3306, "rehearsal", Secret("battery staple")),
        ),
        (
            ", scratch: {host: copies.example.com, port: 3307, user: r, password: '${OTHER}'}",
            ScratchServer("copies.example.com", 3307, "r", Secret("battery staple")),
        ),
    ],
)
def test_where_copies_may_live(written: str, scratch: Scratch):
    text = changed('password: "${PASSWORD}"}', f'password: "${{PASSWORD}}"{written}}}')
    loaded = load(text, {"PASSWORD": "correct horse", "OTHER": "battery staple"})
    (found,) = loaded.targets.values()
    assert found.database is not None
    assert found.database.scratch == scratch
    expected = {"correct horse"} | ({"battery staple"} if isinstance(scratch, ScratchServer) else set())
    assert {secret.reveal() for secret in loaded.secrets()} == expected


def test_how_much_is_copied():
    usual = target().database
    assert usual is not None
    assert (usual.sample_rows, usual.copy_up_to) == (1000, 128 << 20)
    given = target(changed("name: compte,", "name: compte, sample_rows: 50, copy_up_to: 2GiB,")).database
    assert given is not None
    assert (given.sample_rows, given.copy_up_to) == (50, 2 << 30)


@pytest.mark.parametrize(
    ("written", "mode"),
    [
        ("", RehearsalMode.SANDBOX),
        ("    rehearsal: sandbox\n", RehearsalMode.SANDBOX),
        ("    rehearsal: trusted\n", RehearsalMode.TRUSTED),
        ("    rehearsal: never\n", RehearsalMode.NEVER),
    ],
)
def test_when_and_where_migrations_are_rehearsed(written: str, mode: RehearsalMode):
    text = changed("    freeze:\n", f"{written}    freeze:\n").replace("name: compte,", "name: compte, scratch: true,")
    assert target(text).policy.rehearsal is mode


def test_who_decides_is_a_list_of_its_own_or_none():
    assert target().policy.decide is None
    decide = target(changed("    freeze:\n", "    decide: [U0NIGHT, S0NIGHT]\n    freeze:\n")).policy.decide
    assert decide is not None
    assert (decide.users, decide.groups) == ({"U0NIGHT"}, {"S0NIGHT"})


def test_the_page_of_the_repository():
    assert target().repository is None
    text = changed(
        "    recipe: laravel\n", "    recipe: laravel\n    repository: https://git.example.com/acme/compte.git/\n"
    )
    assert target(text).repository == Repository("https://git.example.com/acme/compte", ForgeKind.GITHUB)


def test_hosts_of_packages():
    assert target().packages_from == ()
    text = changed("    recipe: laravel\n", "    recipe: laravel\n    packages_from: [repo.example.com, a.b]\n")
    assert target(text).packages_from == ("repo.example.com", "a.b")


def test_policy():
    policy = target().policy
    assert policy.who_may(Action.ROLLBACK) == ANYONE
    assert policy.who_may(Action.DEPLOY) == People(("engineers",), frozenset({"U0AMELIE", "U0BOB"}))
    assert policy.requirement(Action.DEPLOY) == Requirement(
        1, People(("releasers",), frozenset({"U0BOB", "U0CLEO"})), timedelta(minutes=30), allow_requester=False
    )
    assert policy.backup_before == {Action.DEPLOY: BackupBefore.IF_MIGRATIONS}
    assert policy.frozen_at(Action.DEPLOY, datetime(2026, 11, 22, 12, tzinfo=UTC)) is not None
    assert policy.frozen_at(Action.DEPLOY, datetime(2026, 11, 24, 12, tzinfo=UTC)) is None


def test_lists_within_lists():
    text = changed("  releasers: [U0BOB, U0CLEO]", "  releasers: [U0BOB, S0REL]\n  all: [engineers, releasers, W0EVA]")
    assert load(text).people["all"] == People(("all",), frozenset({"U0AMELIE", "U0BOB", "W0EVA"}), frozenset({"S0REL"}))


def test_emoji_are_plain_and_have_defaults():
    assert load(RIGHT).emoji == EmojiNames()
    written = load(RIGHT + 'emoji: {approve: [":thumbsup:", "ok_hand::skin-tone-3"]}\n').emoji
    assert written == EmojiNames(("+1", "ok_hand"), ("x", "-1"))


@pytest.mark.parametrize(
    ("written", "password"),
    [
        ('"${PASSWORD}"', "correct horse"),
        ('"${A}-${B}"', "one-two"),
        ("a$$b$c", "a$b$c"),
        ('"$${A}"', "${A}"),
        ("no", "no"),
        ("on", "on"),
    ],
)
def test_variables_and_yaml_1_2_words(written, password):
    text = changed('"${PASSWORD}"', written)
    (found,) = load(text, {"PASSWORD": "correct horse", "A": "one", "B": "two"}).targets.values()
    assert found.database is not None
    assert found.database.password.reveal() == password


def test_what_a_variable_holds_is_not_read_again():
    (found,) = load(RIGHT, {"PASSWORD": "${HOME} $$"}).targets.values()
    assert found.database is not None
    assert found.database.password.reveal() == "${HOME} $$"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0 3 * * 0", "0 3 * * sun"),
        ("0 3 * * 7", "0 3 * * sun"),
        ("0 3 * * 1-5", "0 3 * * mon,tue,wed,thu,fri"),
        ("0 3 * * MON-FRI", "0 3 * * mon,tue,wed,thu,fri"),
        ("0 3 * * sat-mon", "0 3 * * sun,mon,sat"),
        ("0 3 * * 5-7", "0 3 * * sun,fri,sat"),
        ("*/15 0,12 * * */2", "*/15 0,12 * * sun,tue,thu,sat"),
        ("0 3 1 * *", "0 3 1 * *"),
        ("0 3 * * 0-6", "0 3 * * *"),
    ],
)
def test_weekdays_of_cron_are_cron_s_own(written, meant):
    backups = target(changed("0 3 * * *", written)).backups
    assert backups is not None
    assert backups.schedule == meant


def test_anchors_and_merging():
    text = changed("  web1:\n", "  web1: &base\n").replace(
        "  web2: {address: b.example.com, user: deploy, port: 2222, jump: web1}", "  web2: {<<: *base, port: 23}"
    )
    assert load(text).hosts["web2"] == Host("web2", "a.example.com", 23, "deploy")


def test_environments_keep_their_order():
    second = """\
      beta: {policy: careful, hosts: [web2], path: /var/www/compte, branch: develop}
"""
    loaded = load(RIGHT + second)
    assert loaded.apps() == ("compte",)
    assert loaded.environments("compte") == ("production", "beta")
    assert [str(found.database) for found in loaded.targets.values()][1] == "None"


def test_who_is_called_and_when():
    text = changed('password: "${PASSWORD}"}', 'password: "${PASSWORD}", scratch: true}')
    text = text.replace("keep: {daily: 7}}", "alert: [releasers, S0DBA], max_age: 26h}")
    text = text.replace("    freeze:", "    require_proven_backup: 90m\n    freeze:")
    (found,) = load(text).targets.values()
    assert found.backups is not None
    assert (found.backups.alert.users, found.backups.alert.groups) == ({"U0BOB", "U0CLEO"}, {"S0DBA"})
    assert found.backups.max_age == timedelta(hours=26)
    assert found.policy.require_proven_backup == timedelta(minutes=90)


@pytest.mark.parametrize(
    ("written", "size"), [("", 10 << 30), ("mydumper_from: 500MiB, ", 500 << 20), ("mydumper_from: 2TiB, ", 2 << 40)]
)
def test_from_which_size_mydumper_makes_the_dump(written: str, size: int):
    (found,) = load(RIGHT.replace("keep: {daily: 7}}", f"{written}keep: {{daily: 7}}}}")).targets.values()
    assert found.backups is not None
    assert found.backups.mydumper_from == size


ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"


def signing(text: str) -> str:
    return RIGHT.replace("version: 1\n", f"version: 1\n{text}\n", 1)


def test_an_approval_that_must_be_signed_and_whose_keys_count(tmp_path):
    file = tmp_path / "signers"
    file.write_text(f'U0EVE valid-before="20270101" {OTHER} eve\n')
    text = signing(f'signers: {{U0BOB: ["{ED25519} bob"]}}\nsigners_file: {file}')
    loaded = load(text.replace("deploy: {count: 1,", "deploy: {count: 1, signed: true,"))
    assert loaded.signers == Signers({"U0BOB": (read_key(ED25519),)}, str(file))
    (only,) = loaded.targets.values()
    assert {name: asked.signed for name, asked in only.policy.approve.items()}["deploy"] is True


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "cannot be read: No such file or directory"),
        (f"* {ED25519}", "line 1: '*' is no Slack user's ID (U…); patterns and names are not taken"),
        (f"U0EVE {ED25519}", f"U0BOB and U0EVE have the same key, {ED25519}"),
    ],
)
def test_a_file_of_signers_that_cannot_be_used_is_named(tmp_path, content, wrong):
    file = tmp_path / "signers"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError) as error:
        load(signing(f'signers: {{U0BOB: ["{ED25519}"]}}\nsigners_file: {file}'))
    assert [str(each) for each in error.value.problems] == [f"{file}: {wrong}"]


def test_secrets_do_not_show():
    loaded = load(RIGHT)
    assert "correct horse" not in f"{loaded!r} {loaded}"
    assert [secret.reveal() for secret in loaded.secrets()] == ["correct horse"]


def test_the_example_file_is_right_and_names_every_key():
    text = (ROOT / "ops.example.yaml").read_text()
    loaded = load_operations(text, ROOT / "ops.example.yaml", {"COMPTE_DB_PASSWORD": "x"}, accept)
    assert [str(name) for name in loaded.targets] == ["compte production", "compte staging"]
    words = {line.strip("{} -#").split(":")[0] for line in text.replace(",", "\n").replace("{", "\n").splitlines()}
    assert all_keys() - {word.strip() for word in words} == frozenset()


PUBLIC = "age1e7g3qdfcwhgynl0zhs3d76mz4kmy3kvnkm2s80qkutdstvwweu5sljy8rv"
BUCKET = (
    "{bucket: acme, region: eu-west-3, access_key: key, secret_key: '${PASSWORD}', endpoint: 'https://s3.example.com/'}"
)


def stored(text: str) -> Backups:
    found = load(RIGHT.replace("directory: /var/backups", text)).targets[TargetName("compte", "production")]
    assert found.backups is not None
    return found.backups


def test_backups_can_be_kept_elsewhere():
    assert stored("store: {directory: kept}").store == BotDirectory("/etc/countersign/kept")
    bucket = stored(f"store: {BUCKET}").store
    assert isinstance(bucket, Bucket)
    assert (bucket.name, bucket.endpoint, bucket.prefix) == ("acme", "https://s3.example.com", "")
    assert bucket.secret_key.reveal() == "correct horse"
    assert "correct horse" not in repr(bucket)


def test_backups_can_be_encrypted():
    identity = pyrage.x25519.Identity.generate()
    text = f"directory: /b, encrypt_to: {identity.to_public()}, identity: '{identity}'"
    found = stored(text)
    assert found.encrypt_to == str(identity.to_public())
    assert found.identity is not None
    assert found.identity.reveal() == str(identity)
    assert str(identity) not in repr(found)
    assert stored(f"directory: /b, encrypt_to: {PUBLIC}").opens is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("timezone: UTC", "say `directory`"),
        ("directory: /b, store: {directory: kept}", "not both: with a store nothing is kept on the host"),
        ("store: {}", "either `directory`"),
        ("store: {directory: x, bucket: y}", "either `directory`"),
        ("store: {directory: x, region: y}", "a directory has no `region`"),
        ("store: {bucket: x}", "a bucket needs `region` and `access_key` and `secret_key` too"),
        (f"store: {BUCKET.replace('https:', 'ftp:')}", "must be an address like"),
        ("directory: /b, encrypt_to: age1x", "not a public key of age"),
        (f"directory: /b, encrypt_to: {PUBLIC}, identity: wrong-horse", "not a private key of age"),
    ],
)
def test_a_wrong_place_for_backups_is_told(text: str, said: str):
    with pytest.raises(ConfigurationError) as wrong:
        stored(text)
    assert said in str(wrong.value)
    assert "wrong-horse" not in str(wrong.value)


def test_characters_of_emoji_become_their_names():
    written = load(RIGHT + 'emoji: {approve: ["✅", "👍🏽", "✔️", "✔"], reject: ["❌", "🙅‍♀️", ":no_entry:"]}\n').emoji
    assert written.approve == ("white_check_mark", "+1", "heavy_check_mark", "heavy_check_mark")
    assert written.reject == ("x", "woman-gesturing-no", "no_entry")
    assert written.meaning("thumbsup::skin-tone-3") is Emoji.APPROVE


@pytest.mark.parametrize(
    ("page", "said", "kind"),
    [
        ("https://github.com/acme/compte", "", ForgeKind.GITHUB),
        ("https://gitlab.com/acme/compte", "", ForgeKind.GITLAB),
        ("https://gitlab.example.com/acme/web/compte", "", ForgeKind.GITLAB),
        ("https://git.example.com/acme/web/compte", "", ForgeKind.GITLAB),
        ("https://git.example.com/acme/compte", "", ForgeKind.GITHUB),
        ("https://git.example.com/acme/compte", "gitlab", ForgeKind.GITLAB),
        ("https://gitlab.example.com/acme/compte", "github", ForgeKind.GITHUB),
        ("https://bitbucket.org/acme/compte", "", ForgeKind.BITBUCKET),
        ("http://127.0.0.1:8080/acme/compte", "", ForgeKind.GITHUB),
        ("http://localhost/acme/compte", "", ForgeKind.GITHUB),
    ],
)
def test_the_kind_of_the_forge(page: str, said: str, kind: ForgeKind):
    forge = f"    forge: {said}\n" if said else ""
    found = target(changed("    recipe: laravel\n", f"    recipe: laravel\n    repository: {page}\n{forge}"))
    assert found.repository == Repository(page, kind)


def test_the_checks_that_must_be_green():
    assert target().checks == ()
    lines = "    recipe: laravel\n    repository: https://github.com/acme/compte\n    checks: [tests, 'lint (8.3)']\n"
    assert target(changed("    recipe: laravel\n", lines)).checks == ("tests", "lint (8.3)")


def test_who_is_told():
    assert load(RIGHT).receivers == ()
    lines = (
        "version: 1\nnotify:\n"
        "  - {url: 'https://hooks.example.com/x/', secret: '${HOOKS}'}\n"
        "  - {kind: sentry, url: 'http://127.0.0.1:9000', secret: t0ken, apps: [compte], project: web,"
        " allow_private: true}\n"
        "  - {url: 'https://hooks.example.com/y', secret: s, events: [run.failed]}"
    )
    loaded = load(changed("version: 1", lines), {"PASSWORD": "correct horse", "HOOKS": "battery staple"})
    first, second, third = loaded.receivers
    assert first == Receiver(ReceiverKind.WEBHOOK, "https://hooks.example.com/x", Secret("battery staple"), EVENTS)
    assert second == Receiver(
        ReceiverKind.SENTRY, "http://127.0.0.1:9000", Secret("t0ken"), MARKED, ("compte",), "web", allow_private=True
    )
    assert (third.events, third.host) == (("run.failed",), "hooks.example.com")
    assert {"battery staple", "t0ken"} <= {secret.reveal() for secret in loaded.secrets()}


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("64:ff9b::5db8:d70e", True),
        *[(address, False) for address in ("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254")],
        *[(address, False) for address in ("0.0.0.0", "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255")],
        *[
            (address, False)
            for address in ("::1", "::", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1")
        ],
        *[(address, False) for address in ("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")],
    ],
)
def test_which_addresses_are_public(address: str, public: bool):
    assert is_public(address) is public


ROLLOUT = """hosts: [web1, bastion]
        rollout:
          batch: 25%
          pause: 90s
          canary: bastion
          before_host: |
            drain {host} --of {branch} "${HOME:-none}"
            sleep 1
          after_host: undrain {host}
          health: HEALTH
"""


def _with_rollout(health: str, **changes: str) -> Operations:
    text = (ROOT / "ops.example.yaml").read_text()
    text = text.replace("hosts: [web1]\n", ROLLOUT.replace("HEALTH", health).replace("${HOME", "$${HOME"), 1)
    for old, new in changes.items():
        text = text.replace(f"{{{old}}}", new)
    return load_operations(text, ROOT / "ops.example.yaml", {"COMPTE_DB_PASSWORD": "x"}, check_recipe)


@pytest.mark.parametrize(
    ("written", "health"),
    [
        ("http://127.0.0.1/up", HealthUrl("http://127.0.0.1/up")),
        ("'{php} artisan about >/dev/null'", HealthCommand("{php} artisan about >/dev/null")),
    ],
)
def test_a_rollout(written: str, health: HealthUrl | HealthCommand) -> None:
    rollout = _with_rollout(written).targets[TargetName("compte", "staging")].rollout
    assert rollout == Rollout(
        batch=Percent(25),
        pause=timedelta(seconds=90),
        canary="bastion",
        before_host='drain {host} --of {branch} "${HOME:-none}"\nsleep 1\n',
        after_host="undrain {host}",
        health=health,
    )


def test_commands_of_a_rollout_ask_for_what_there_is() -> None:
    with pytest.raises(ConfigurationError) as caught:
        _with_rollout("http://{host}/up", branch="{brunch}")
    where = "apps.compte.environments.staging.rollout"
    assert [(problem.path, problem.message) for problem in caught.value.problems] == [
        (f"{where}.before_host", "asks for {brunch}; did you mean {branch}?"),
        (f"{where}.health", "asks for {host}; a URL is as each host itself sees it, and takes no values"),
    ]


def test_a_recipe_without_steps_for_releases_has_only_checkouts() -> None:
    text = (ROOT / "ops.example.yaml").read_text().replace("        # layout: releases ", "        layout: releases ")
    path, values = ROOT / "ops.example.yaml", {"COMPTE_DB_PASSWORD": "x"}
    loaded = load_operations(text, path, values, check_recipe)
    target = loaded.targets[TargetName("compte", "production")]
    assert target.layout == Releases("/var/www/compte.example.com")
    assert target.path == "/var/www/compte.example.com/current"
    with pytest.raises(ConfigurationError, match="recipe 'shell' does not say how releases are made"):
        load_operations(text.replace("recipe: laravel", "recipe: shell"), path, values, check_recipe)

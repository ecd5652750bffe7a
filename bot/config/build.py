"""The accepted schema → the domain's frozen objects."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from bot.config import schema
from bot.config.problems import ConfigurationError, ConfigurationProblem
from bot.config.rules import resolved_people
from bot.config.values import is_url
from bot.domain.names import TargetName
from bot.domain.notifications import EVENTS
from bot.domain.policies.freeze import Freeze, WeeklyPeriod
from bot.domain.policies.people import NOBODY
from bot.domain.policies.policy import BackupBefore, Downtime, Policy, Requirement
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.request import Action
from bot.domain.signatures.signer_keys import Signers, joined, read_allowed_signers, shared_keys
from bot.domain.targets.forge import ForgeKind, Repository, forge_kind
from bot.domain.targets.layout import KEEP_RELEASES, SHARED, Checkout, Layout, LayoutName, Releases
from bot.domain.targets.order import After
from bot.domain.targets.receiver import MARKED, Receiver, ReceiverKind
from bot.domain.targets.rollout import HealthCommand, HealthUrl, Rollout
from bot.domain.targets.scratch import Scratch, ScratchBeside, ScratchNone, ScratchPrivate, ScratchServer
from bot.domain.targets.target import (
    Backups,
    BotDirectory,
    Bucket,
    Database,
    EmojiNames,
    Host,
    Keep,
    Operations,
    RehearseOn,
    Target,
    VarValue,
)
from bot.domain.targets.tls import Tls, TlsMode
from bot.domain.targets.watch import Watch

Vars = Mapping[TargetName, Mapping[str, VarValue]]
"""The variables of each target, as its recipe accepted them."""


def build(file: schema.OperationsFile, base: Path, home: Path, variables: Vars) -> Operations:
    """Build the domain's objects.

    Args:
        file: accepted by the schema and the rules.
        base: the directory of the operations file; relative paths of keys start there.
        home: what `~` stands for.
        variables: of each target.
    """
    policies = {name: _policy(name, rules, file.people) for name, rules in file.policies.items()}
    targets: dict[TargetName, Target] = {}
    for app_name, app in file.apps.items():
        recipe = _recipe(app.recipe, base, home)
        for environment_name, section in app.environments.items():
            name = TargetName(app_name, environment_name)
            backups = _backups(section.backups, file.people, base, home)
            policy = policies[section.policy]
            targets[name] = _target(name, recipe, app, section, policy, backups, variables[name], base, home)
    return Operations(
        emoji=EmojiNames(tuple(file.emoji.approve), tuple(file.emoji.reject)),
        people={people: resolved_people(file.people, [people]) for people in file.people},
        hosts={host: _host(host, section, base, home) for host, section in file.hosts.items()},
        targets=targets,
        signers=_signers(file, base, home),
        receivers=tuple(_receiver(section) for section in file.notify),
    )


def _receiver(section: schema.ReceiverSection) -> Receiver:
    kind = ReceiverKind(section.kind)
    usual = EVENTS if kind is ReceiverKind.WEBHOOK else MARKED
    return Receiver(
        kind=kind,
        url=section.url,
        secret=section.secret,
        events=usual if section.events is None else tuple(section.events),
        apps=tuple(section.apps),
        project=section.project or "",
        allow_private=section.allow_private,
    )


def _signers(file: schema.OperationsFile, base: Path, home: Path) -> Signers:
    """Give whose signatures count. The file of signers is read at each decision; here it is only checked.

    Raises:
        ConfigurationError: it cannot be read, has a line that is not taken, or a key belongs to several people.
    """
    own = {user: tuple(dict.fromkeys(keys)) for user, keys in file.signers.items()}
    path = _local_path(file.signers_file, base, home)
    if path is None:
        return Signers(own)
    try:
        listed = read_allowed_signers(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise ConfigurationError([ConfigurationProblem(path, None, "", why)]) from None
    shared = shared_keys(joined(own, listed))
    if shared:
        each = (f"{' and '.join(users)} have the same key, {key}" for key, users in shared.items())
        raise ConfigurationError([ConfigurationProblem(path, None, "", why) for why in each])
    return Signers(own, path)


def _policy(name: str, section: schema.PolicySection, lists: Mapping[str, list[str]]) -> Policy:
    return Policy(
        name=name,
        run={Action(action): resolved_people(lists, items) for action, items in section.run.items()},
        approve={key: _requirement(gate, lists) for key, gate in section.approve.items()},
        backup_before={Action(action): BackupBefore(when) for action, when in section.backup_before.items()},
        freezes=tuple(Freeze(span.start, span.end, span.timezone, span.reason) for span in section.freeze),
        lock_patience=section.lock_patience,
        emergency=None if section.emergency is None else resolved_people(lists, section.emergency.people),
        require_proven_backup=section.require_proven_backup,
        rehearsal=RehearsalMode(section.rehearsal),
        decide=None if section.decide is None else resolved_people(lists, section.decide),
        downtime=Downtime(section.downtime),
    )


def _requirement(gate: schema.ApprovalSection, lists: Mapping[str, list[str]]) -> Requirement:
    expires: timedelta = gate.expires
    people = resolved_people(lists, gate.people)
    return Requirement(gate.count, people, expires, gate.allow_requester, signed=gate.signed)


def _host(name: str, section: schema.HostSection, base: Path, home: Path) -> Host:
    return Host(
        name=name,
        address=section.address,
        port=section.port,
        user=section.user,
        key=_local_path(section.key, base, home),
        known_hosts=_local_path(section.known_hosts, base, home),
        jump=section.jump,
    )


def _local_path(text: str | None, base: Path, home: Path) -> str | None:
    if text is None:
        return None
    if text == "~" or text.startswith("~/"):
        return str(home / text[2:])
    return str(base / text)


def _recipe(text: str, base: Path, home: Path) -> str:
    """Give a built-in recipe's name as it is, and a path in full, so that it means the same from anywhere."""
    is_path = "/" in text or text.endswith((".yaml", ".yml"))
    return str(_local_path(text, base, home)) if is_path else text


def _target(
    name: TargetName,
    recipe: str,
    app: schema.AppSection,
    section: schema.EnvironmentSection,
    policy: Policy,
    backups: Backups | None,
    variables: Mapping[str, VarValue],
    base: Path,
    home: Path,
) -> Target:
    layout = _layout(section)
    return Target(
        name=name,
        recipe=recipe,
        channels=tuple(app.channels),
        policy=policy,
        hosts=tuple(section.hosts),
        path=layout.live if isinstance(layout, Releases) else section.path,
        branch=section.branch,
        database=_database(section.database, base, home),
        backups=backups,
        vars=variables,
        packages_from=tuple(app.packages_from),
        repository=_repository(app),
        checks=tuple(app.checks),
        after=None if section.after is None else After(section.after.environment, section.after.within),
        layout=layout,
        watch=_watch(section.watch),
        rollout=_rollout(section.rollout),
        windows=tuple(WeeklyPeriod(span.start, span.end, span.timezone) for span in section.windows),
    )


def _repository(app: schema.AppSection) -> Repository | None:
    if app.repository is None:
        return None
    return Repository(app.repository, forge_kind(app.repository) if app.forge is None else ForgeKind(app.forge))


def _layout(section: schema.EnvironmentSection) -> Layout:
    if section.layout != LayoutName.RELEASES.value:
        return Checkout()
    keep = KEEP_RELEASES if section.keep_releases is None else section.keep_releases
    return Releases(section.path.rstrip("/"), keep, SHARED if section.shared is None else tuple(section.shared))


def _watch(section: schema.WatchSection | None) -> Watch | None:
    if section is None:
        return None
    return Watch(section.length, section.log_errors, section.health or "", section.command or "")


def _rollout(section: schema.RolloutSection | None) -> Rollout | None:
    if section is None:
        return None
    health = section.health
    return Rollout(
        batch=section.batch,
        pause=section.pause or timedelta(0),
        canary=section.canary,
        before_host=section.before_host or "",
        after_host=section.after_host or "",
        health=None if health is None else HealthUrl(health) if is_url(health) else HealthCommand(health),
    )


def _certificates(path: str | None) -> str | None:
    """Read certificates.

    Raises:
        ConfigurationError: they cannot be read.
    """
    if path is None:
        return None
    try:
        text = Path(path).read_text(encoding="ascii")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, UnicodeDecodeError) as error:
        why = f"no certificates can be read from it ({type(error).__name__}: {error})"
        raise ConfigurationError([ConfigurationProblem(path, None, "", why)]) from error
    return text


def _database(section: schema.DatabaseSection | None, base: Path, home: Path) -> Database | None:
    if section is None:
        return None
    return Database(
        via=section.via,
        host=section.host,
        port=section.port,
        name=section.name,
        user=section.user,
        password=section.password,
        scratch=_scratch(section.scratch),
        rehearse=RehearseOn(section.rehearse),
        sample_rows=section.sample_rows,
        copy_up_to=section.copy_up_to,
        tls=Tls(TlsMode(section.tls.mode), _certificates(_local_path(section.tls.ca, base, home))),
    )


def _scratch(value: schema.ScratchServerSection | schema.ScratchWord) -> Scratch:
    match value:
        case schema.ScratchServerSection():
            return ScratchServer(value.host, value.port, value.user, value.password)
        case True:
            return ScratchBeside()
        case False:
            return ScratchNone()
        case _:
            return ScratchPrivate()


def _backups(
    section: schema.BackupsSection | None, lists: Mapping[str, list[str]], base: Path, home: Path
) -> Backups | None:
    if section is None:
        return None
    keep = Keep(section.keep.daily, section.keep.weekly, section.keep.monthly) if section.keep is not None else None
    return Backups(
        directory=section.directory or "",
        schedule=section.schedule,
        timezone=section.timezone,
        keep=keep,
        alert=resolved_people(lists, section.alert) if section.alert is not None else NOBODY,
        max_age=section.max_age,
        store=_store(section.store, base, home),
        encrypt_to=section.encrypt_to,
        identity=section.identity,
        mydumper_from=section.mydumper_from,
    )


def _store(section: schema.StoreSection | None, base: Path, home: Path) -> BotDirectory | Bucket | None:
    if section is None:
        return None
    if section.bucket is None or section.region is None or section.access_key is None or section.secret_key is None:
        # The schema lets nothing else through than a bucket with all three, or a directory.
        return BotDirectory(str(Path(_local_path(section.directory, base, home) or "").absolute()))
    return Bucket(
        name=section.bucket,
        region=section.region,
        access_key=section.access_key,
        secret_key=section.secret_key,
        endpoint=section.endpoint,
        prefix=section.prefix,
    )

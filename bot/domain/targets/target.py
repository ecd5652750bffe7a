"""Hosts, apps and environments of the operations file, validated and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from bot.domain.emoji import plain_emoji
from bot.domain.names import TargetName
from bot.domain.policies.freeze import WeeklyPeriod
from bot.domain.policies.people import NOBODY, People
from bot.domain.policies.policy import Policy
from bot.domain.secrets import Secret
from bot.domain.signatures.signer_keys import Signers
from bot.domain.targets.forge import Repository
from bot.domain.targets.layout import Checkout, Layout
from bot.domain.targets.order import After
from bot.domain.targets.receiver import Receiver
from bot.domain.targets.rollout import Rollout
from bot.domain.targets.scratch import Scratch, ScratchBeside, ScratchNone, ScratchPrivate, ScratchServer
from bot.domain.targets.tls import Tls
from bot.domain.targets.watch import Watch

VarValue = str | int | bool | tuple[str, ...]
"""Value of a recipe's variable."""


@dataclass(frozen=True)
class Host:
    """A server reached by SSH.

    Args:
        name: as in the operations file.
        address: host name or IP address.
        port: TCP port.
        user: to log in as.
        key: path of the private key; None for the agent, then the default files.
        known_hosts: path of the file with host keys; None for `~/.ssh/known_hosts`. Host keys are always checked.
        jump: name of the host through which this one is reached.
    """

    name: str
    address: str
    port: int
    user: str
    key: str | None = None
    known_hosts: str | None = None
    jump: str | None = None


class RehearseOn(StrEnum):
    """Data to rehearse migrations on."""

    SCHEMA = "schema"
    """The live schema, with its rows if there are few."""
    DATA = "data"
    """The data of the newest backup."""


SAMPLE_ROWS = 1000
"""Default number of rows of each table in a sample."""

COPY_UP_TO = 128 << 20
"""Default size in bytes up to which all rows of a database are copied."""


@dataclass(frozen=True)
class Database:
    """A MySQL or MariaDB database of an app.

    Args:
        via: the host through whose SSH connection it is reached; None for a direct connection.
        host: address as seen from `via`, or from the bot.
        port: TCP port.
        name: of the database.
        user: to connect as.
        password: of the user.
        scratch: where copies may live.
        rehearse: data to rehearse migrations on.
        sample_rows: rows of each table, by primary key, where not all rows are copied.
        copy_up_to: size in bytes of all tables together up to which all rows are copied.
        tls: how the way there is encrypted.
    """

    via: str | None
    host: str
    port: int
    name: str
    user: str
    password: Secret
    scratch: Scratch = field(default_factory=ScratchPrivate)
    rehearse: RehearseOn = RehearseOn.SCHEMA
    sample_rows: int = SAMPLE_ROWS
    copy_up_to: int = COPY_UP_TO
    tls: Tls = field(default_factory=Tls)

    @property
    def may_copy(self) -> bool:
        """Whether a copy may live anywhere at all."""
        return not isinstance(self.scratch, ScratchNone)

    @property
    def may_copy_beside(self) -> bool:
        """Whether the user may create and drop databases named `NAME_countersign_*` beside the live one."""
        return isinstance(self.scratch, ScratchBeside)

    def copies_at(self, host: str) -> Database | None:
        """Give the account that makes and drops the databases `NAME_countersign_*` of rehearsals outside a sandbox.

        Args:
            host: name of the target's first host, from which another server is reached.

        Returns:
            This one, or that of another server; None if no such databases may be made.
        """
        match self.scratch:
            case ScratchBeside():
                return self
            case ScratchServer(address, port, user, password):
                return replace(self, via=host, host=address, port=port, user=user, password=password)
            case ScratchPrivate() | ScratchNone():
                return None

    @property
    def passwords(self) -> tuple[Secret, ...]:
        """Give the password of each account."""
        return (self.password, *((self.scratch.password,) if isinstance(self.scratch, ScratchServer) else ()))


@dataclass(frozen=True)
class Keep:
    """Retention: number of daily, weekly and monthly backups to keep."""

    daily: int
    weekly: int
    monthly: int


@dataclass(frozen=True)
class BotDirectory:
    """A directory of the bot in which backups are kept.

    Args:
        path: absolute.
    """

    path: str


@dataclass(frozen=True)
class Bucket:
    """An S3-compatible bucket in which backups are kept.

    Args:
        name: of the bucket.
        region: by the provider's name.
        access_key: ID of the key.
        secret_key: of the access key.
        endpoint: `https://…`; None for Amazon's own.
        prefix: of the keys of all objects; may be empty.
    """

    name: str
    region: str
    access_key: Secret
    secret_key: Secret
    endpoint: str | None = None
    prefix: str = ""


MYDUMPER_FROM = 10 << 30
"""Default size in bytes from which a database is dumped with mydumper."""


@dataclass(frozen=True)
class Backups:
    """Where and when backups are made.

    Args:
        directory: on the host; empty if they are stored elsewhere.
        schedule: a cron expression of five fields, or None.
        timezone: of the schedule (IANA).
        keep: retention; None keeps all.
        alert: whom to notify if a scheduled backup fails, or no proven one is recent enough.
        max_age: maximum age of the newest proven backup; None for any.
        store: storage other than the host's directory; None for the host.
        encrypt_to: the age key (`age1…`) that files are encrypted to; None for no encryption.
        identity: its private key (`AGE-SECRET-KEY-1…`), which never leaves the bot; None if the bot has none.
        mydumper_from: bytes of data from which a whole database is dumped with mydumper, if it is supported.
    """

    directory: str
    schedule: str | None = None
    timezone: str = "UTC"
    keep: Keep | None = None
    alert: People = NOBODY
    max_age: timedelta | None = None
    store: BotDirectory | Bucket | None = None
    encrypt_to: str | None = None
    identity: Secret | None = None
    mydumper_from: int = MYDUMPER_FROM

    @property
    def opens(self) -> bool:
        """Whether the bot can decrypt new backups."""
        return self.encrypt_to is None or self.identity is not None


@dataclass(frozen=True)
class Target:
    """One app in one environment, with everything needed to operate it.

    Args:
        name: app and environment.
        recipe: a built-in recipe's name, or the path of a recipe file.
        channels: Slack's IDs of the channels in which commands are accepted.
        policy: its rules.
        hosts: names of its hosts; steps that must run once run on the first.
        path: of the checkout on each host; with releases, of the link to the live one.
        branch: deployed if no ref is given.
        database: None if it has none.
        backups: None if none are made.
        vars: variables of the recipe.
        packages_from: names of hosts from which packages may be downloaded before approval, beside those of the live
            commit's packages.
        repository: at a forge; None if none is named.
        checks: names of the checks there that must be green before a commit is deployed.
        after: the environment in which a commit must have been verified before; None if it may go here at once.
        layout: how the code lies on the hosts.
        windows: what `--at next-window` means.
        watch: how it is watched after a change; None if it is not.
        rollout: how a change goes from host to host; None where all hosts get it together.
    """

    name: TargetName
    recipe: str
    channels: tuple[str, ...]
    policy: Policy
    hosts: tuple[str, ...]
    path: str
    branch: str
    database: Database | None = None
    backups: Backups | None = None
    vars: Mapping[str, VarValue] = field(default_factory=dict)
    packages_from: tuple[str, ...] = ()
    repository: Repository | None = None
    checks: tuple[str, ...] = ()
    after: After | None = None
    layout: Layout = field(default_factory=Checkout)
    windows: tuple[WeeklyPeriod, ...] = ()
    watch: Watch | None = None
    rollout: Rollout | None = None


class Emoji(StrEnum):
    """Meaning of an emoji on a request to approve."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class EmojiNames:
    """The emoji that count, by plain name (without skin tone or alias).

    Args:
        approve: the bot's own seed reaction first.
        reject: the bot's own seed reaction first.
    """

    approve: tuple[str, ...] = ("white_check_mark", "+1")
    reject: tuple[str, ...] = ("x", "-1")

    def meaning(self, reaction: str) -> Emoji | None:
        """Give the meaning of a reaction; None if it has none.

        Args:
            reaction: Slack's name, possibly an alias or with a skin tone.
        """
        plain = plain_emoji(reaction)
        if plain in {plain_emoji(name) for name in self.approve}:
            return Emoji.APPROVE
        if plain in {plain_emoji(name) for name in self.reject}:
            return Emoji.REJECT
        return None


@dataclass(frozen=True)
class Operations:
    """The whole operations file.

    Args:
        emoji: which reactions count.
        people: the named lists.
        hosts: by name.
        targets: by app and environment.
        receivers: who is told of what happens.
        variables: values of the environment that the file uses and that are masked, by the variable's name.
        unmasked: the variables that the file uses and that stay readable, each with the reason.
        signers: whose signatures of plans count.
    """

    emoji: EmojiNames
    people: Mapping[str, People]
    hosts: Mapping[str, Host]
    targets: Mapping[TargetName, Target]
    variables: Mapping[str, Secret] = field(default_factory=dict)
    unmasked: Mapping[str, str] = field(default_factory=dict)
    signers: Signers = field(default_factory=Signers)
    receivers: tuple[Receiver, ...] = ()

    def apps(self) -> tuple[str, ...]:
        """Name the apps, sorted."""
        return tuple(sorted({name.app for name in self.targets}))

    def environments(self, app: str) -> tuple[str, ...]:
        """Name the environments of an app, in the file's order."""
        return tuple(name.environment for name in self.targets if name.app == app)

    def after(self, target: TargetName) -> tuple[str, ...]:
        """Name the environments of the same app into which a commit may go once it is verified in a target."""
        return tuple(
            name.environment
            for name, other in self.targets.items()
            if name.app == target.app and other.after is not None and other.after.environment == target.environment
        )

    def secrets(self) -> tuple[Secret, ...]:
        """Give every secret of the file, for masking."""
        databases = (t.database for t in self.targets.values() if t.database is not None)
        passwords = (password for database in databases for password in database.passwords)
        of_backups = (secret for t in self.targets.values() for secret in _secrets_of(t.backups))
        of_receivers = (receiver.secret for receiver in self.receivers)
        return tuple(dict.fromkeys((*passwords, *of_backups, *of_receivers, *self.variables.values())))


def _secrets_of(backups: Backups | None) -> tuple[Secret, ...]:
    if backups is None:
        return ()
    keys = (backups.store.access_key, backups.store.secret_key) if isinstance(backups.store, Bucket) else ()
    return (*keys, *(() if backups.identity is None else (backups.identity,)))

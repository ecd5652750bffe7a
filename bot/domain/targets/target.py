"""What the operations file says of hosts, apps and environments, validated and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from bot.domain.names import TargetName
from bot.domain.policies.people import NOBODY, People
from bot.domain.policies.policy import Policy
from bot.domain.secrets import Secret

VarValue = str | int | bool | tuple[str, ...]
"""What a recipe's variable can hold."""


@dataclass(frozen=True)
class Host:
    """A server reached by SSH.

    Args:
        name: as in the operations file.
        address: name or IP address.
        port: TCP port.
        user: who logs in.
        key: path of the private key; None is the agent, then the usual files.
        known_hosts: path of the file with the keys of hosts; None is `~/.ssh/known_hosts`. Checking is never off.
        jump: the name of the host through which this one is reached.
    """

    name: str
    address: str
    port: int
    user: str
    key: str | None = None
    known_hosts: str | None = None
    jump: str | None = None


class RehearseOn(StrEnum):
    """What migrations are rehearsed on."""

    SCHEMA = "schema"
    """The schema of the live database, and its rows where there are few."""
    DATA = "data"
    """What the newest backup holds."""


@dataclass(frozen=True)
class Database:
    """A MySQL or MariaDB database of an app.

    Args:
        via: the host through whose SSH connection it is reached; None is a direct connection.
        host: address as seen from `via`, or from the bot.
        port: TCP port.
        name: of the database.
        user: who connects.
        password: theirs.
        scratch: whether this user may create and drop databases named `NAME_countersign_*`.
        rehearse: what migrations are rehearsed on, where `scratch` allows it.
    """

    via: str | None
    host: str
    port: int
    name: str
    user: str
    password: Secret
    scratch: bool = False
    rehearse: RehearseOn = RehearseOn.SCHEMA


@dataclass(frozen=True)
class Keep:
    """How many backups are kept of each kind."""

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
        region: as the provider calls it.
        access_key: who asks.
        secret_key: theirs.
        endpoint: `https://…`; None is Amazon's own.
        prefix: what the keys of all objects begin with; may be empty.
    """

    name: str
    region: str
    access_key: Secret
    secret_key: Secret
    endpoint: str | None = None
    prefix: str = ""


MYDUMPER_FROM = 10 << 30
"""Bytes from which a database counts as large, where nothing else is said."""


@dataclass(frozen=True)
class Backups:
    """Where and when backups are made.

    Args:
        directory: on the host; empty where they are kept elsewhere.
        schedule: a cron expression of five fields, or None.
        timezone: of the schedule (IANA).
        keep: how many are kept; None keeps all.
        alert: who is called when a scheduled backup fails, or none is proven and young enough.
        max_age: how old the newest proven one may be; None is never too old.
        store: where they are kept instead of the host's directory; None is the host.
        encrypt_to: the age key (`age1…`) that files are encrypted to; None leaves them as they are.
        identity: the private key to it (`AGE-SECRET-KEY-1…`), which never leaves the bot; None where the bot has none.
        mydumper_from: bytes of data from which a whole database is dumped with mydumper, where that suits it.
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
        """Whether the bot can read what it makes from now on."""
        return self.encrypt_to is None or self.identity is not None


@dataclass(frozen=True)
class Target:
    """One app in one environment, with everything that is needed to operate it.

    Args:
        name: app and environment.
        recipe: a built-in recipe's name, or the path of a recipe file.
        channels: Slack's IDs of the channels in which commands are accepted.
        policy: its rules.
        hosts: names of its hosts; the first one runs what must run once.
        path: of the checkout, on each host.
        branch: what a deploy takes when no ref is given.
        database: or None where it has none.
        backups: or None where none are made.
        vars: what the recipe asks for.
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


class Emoji(StrEnum):
    """What an emoji on a request to approve means."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class EmojiNames:
    """The emoji that count, by their plain names (no skin tone, no alias).

    Args:
        approve: the first one is the bot's own seed.
        reject: the first one is the bot's own seed.
    """

    approve: tuple[str, ...] = ("white_check_mark", "+1")
    reject: tuple[str, ...] = ("x", "-1")

    def meaning(self, reaction: str) -> Emoji | None:
        """Give what a reaction means, or None where it means nothing.

        Args:
            reaction: as Slack names it, perhaps with a skin tone, perhaps an alias.
        """
        plain = plain_emoji(reaction)
        if plain in {plain_emoji(name) for name in self.approve}:
            return Emoji.APPROVE
        if plain in {plain_emoji(name) for name in self.reject}:
            return Emoji.REJECT
        return None


_ALIASES = {
    "thumbsup": "+1",
    "thumbsdown": "-1",
    "heavy_check_mark_button": "white_check_mark",
    "cross_mark": "x",
}


def plain_emoji(reaction: str) -> str:
    """Take the skin tone off and resolve aliases: `thumbsup::skin-tone-3` is `+1`."""
    plain = reaction.strip(":").split("::", 1)[0]
    return _ALIASES.get(plain, plain)


@dataclass(frozen=True)
class Operations:
    """The whole operations file.

    Args:
        emoji: which reactions count.
        people: the named lists.
        hosts: by name.
        targets: by app and environment.
        variables: values of the environment that the file uses and that are masked, by the variable's name.
        unmasked: the variables that the file uses and that stay readable, each with the reason.
    """

    emoji: EmojiNames
    people: Mapping[str, People]
    hosts: Mapping[str, Host]
    targets: Mapping[TargetName, Target]
    variables: Mapping[str, Secret] = field(default_factory=dict)
    unmasked: Mapping[str, str] = field(default_factory=dict)

    def apps(self) -> tuple[str, ...]:
        """Name the apps, sorted."""
        return tuple(sorted({name.app for name in self.targets}))

    def environments(self, app: str) -> tuple[str, ...]:
        """Name the environments of an app, in the file's order."""
        return tuple(name.environment for name in self.targets if name.app == app)

    def secrets(self) -> tuple[Secret, ...]:
        """Give every secret of the file, for masking."""
        passwords = (t.database.password for t in self.targets.values() if t.database is not None)
        of_backups = (secret for t in self.targets.values() for secret in _secrets_of(t.backups))
        return tuple(dict.fromkeys((*passwords, *of_backups, *self.variables.values())))


def _secrets_of(backups: Backups | None) -> tuple[Secret, ...]:
    if backups is None:
        return ()
    keys = (backups.store.access_key, backups.store.secret_key) if isinstance(backups.store, Bucket) else ()
    return (*keys, *(() if backups.identity is None else (backups.identity,)))

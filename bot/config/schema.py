"""The schema of the operations file. Names that must exist elsewhere in the file are checked against `Known`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from bot.config import age_keys, values
from bot.config.cron import parse_cron
from bot.domain.names import nearest
from bot.domain.notifications import EVENTS
from bot.domain.policies.policy import DESTRUCTIVE_MIGRATION, LOCK_PATIENCE, OVERRIDE, BackupBefore, Downtime
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.request import Action
from bot.domain.secrets import Secret
from bot.domain.signatures.signer_keys import read_key
from bot.domain.targets.forge import ForgeKind
from bot.domain.targets.layout import LayoutName
from bot.domain.targets.receiver import ReceiverKind
from bot.domain.targets.rollout import Percent
from bot.domain.targets.target import COPY_UP_TO, MYDUMPER_FROM, SAMPLE_ROWS, RehearseOn
from bot.domain.targets.tls import TlsMode


@dataclass(frozen=True)
class Known:
    """The names that the file defines, gathered before anything else is checked.

    Args:
        hosts: names of hosts.
        policies: names of policies.
        people: names of lists of people.
    """

    hosts: frozenset[str]
    policies: frozenset[str]
    people: frozenset[str]


def wrong(sentence: str) -> PydanticCustomError:
    """Make the error of one value.

    Args:
        sentence: for people; taken as it is.
    """
    return PydanticCustomError("countersign", "{sentence}", {"sentence": sentence})


def unknown(kind: str, name: str, known: frozenset[str]) -> str:
    """Write the sentence about a name that does not exist, with the nearest one that does."""
    near = nearest(name, sorted(known))
    if near is not None:
        return f"unknown {kind} {name!r}; did you mean {near!r}?"
    listed = ", ".join(sorted(known)[:12]) or "none"
    return f"unknown {kind} {name!r}; there is: {listed}"


def _text(parse: Callable[[str], Any]) -> BeforeValidator:
    """Make a validator of a parser that raises ValueError."""

    def validate(value: object) -> object:
        if not isinstance(value, str):
            raise PydanticCustomError("string_type", "text")
        try:
            return parse(value)
        except ValueError as error:
            raise wrong(str(error)) from None

    return BeforeValidator(validate)


def _with_unit(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        raise wrong(f"a duration needs a unit; write {value}m for minutes, or s, h or d")
    return value


def _password(text: str) -> Secret:
    if not text:
        raise ValueError("is empty; set its variable in the environment or in .env")
    return Secret(text)


def _one_of(kind: str, known: frozenset[str]) -> AfterValidator:
    def validate(value: str) -> str:
        if value not in known:
            raise wrong(unknown(kind, value, known))
        return value

    return AfterValidator(validate)


def _known(info: ValidationInfo) -> Known:
    if not isinstance(info.context, Known):
        raise TypeError("the schema is validated with the known names as its context")
    return info.context


def _known_host(value: str, info: ValidationInfo) -> str:
    known = _known(info)
    if value not in known.hosts:
        raise wrong(unknown("host", value, known.hosts))
    return value


def _known_policy(value: str, info: ValidationInfo) -> str:
    known = _known(info)
    if value not in known.policies:
        raise wrong(unknown("policy", value, known.policies))
    return value


def _known_people(value: str, info: ValidationInfo) -> str:
    known = _known(info)
    if value != "anyone" and value not in known.people and not values.is_user(value) and not values.is_group(value):
        raise wrong(unknown("people", value, known.people | {"anyone"}))
    return value


def _known_zone(value: str) -> str:
    zones = values.time_zones()
    if value in zones:
        return value
    # A city without its continent is the usual mistake, and far from every whole name.
    cities = sorted(zone for zone in zones if zone.rsplit("/", 1)[-1].lower() == value.replace(" ", "_").lower())
    near = cities or get_close_matches(value, sorted(zones), n=1, cutoff=0.7)
    if near:
        raise wrong(f"unknown time zone {value!r}; did you mean {near[0]!r}?")
    raise wrong(f"unknown time zone {value!r}; write it as the IANA does: UTC, Europe/Paris")


def _distinct(items: list[str]) -> list[str]:
    twice = next((item for index, item in enumerate(items) if item in items[:index]), None)
    if twice is not None:
        raise wrong(f"{twice!r} is listed twice")
    return items


ACTIONS = frozenset(action.value for action in Action)
GATED = (ACTIONS - {Action.MIGRATE_STATUS.value}) | {DESTRUCTIVE_MIGRATION, OVERRIDE}
BACKED_UP = frozenset({Action.DEPLOY.value, Action.ROLLBACK.value, Action.RESTORE.value})

HostRef = Annotated[str, AfterValidator(_known_host)]
PeopleRef = Annotated[str, AfterValidator(_known_people)]
PolicyRef = Annotated[str, AfterValidator(_known_policy)]
SafeName = Annotated[str, _text(values.safe_name)]
ListName = Annotated[str, _text(values.list_name)]
PeopleName = Annotated[str, _text(values.people_name)]
Line = Annotated[str, _text(values.line_of_text)]
Script = Annotated[str, _text(values.script)]
CheckName = Annotated[Line, Field(max_length=200)]
DomainName = Annotated[str, _text(values.domain_name)]
OneWord = Annotated[str, _text(values.word)]
RemotePath = Annotated[str, _text(values.remote_path)]
Port = Annotated[int, Field(ge=1, le=65535)]
Duration = Annotated[timedelta, _text(values.parse_duration), BeforeValidator(_with_unit)]
Size = Annotated[int, _text(values.parse_size)]
WeekTimeText = Annotated[Any, _text(values.parse_week_time)]
Zone = Annotated[str, AfterValidator(_known_zone)]
Cron = Annotated[str, _text(parse_cron)]
Emoji = Annotated[str, _text(values.emoji)]
Channel = Annotated[str, _text(values.channel)]
Branch = Annotated[str, _text(values.branch)]
Password = Annotated[Any, _text(_password)]
UserId = Annotated[str, _text(values.user)]
PublicKey = Annotated[Any, _text(read_key)]
NonEmpty = Field(min_length=1)


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class EmojiSection(_Section):
    """`emoji`: which reactions count."""

    approve: Annotated[list[Emoji], NonEmpty] = ["white_check_mark", "+1"]
    reject: Annotated[list[Emoji], NonEmpty] = ["x", "-1"]


class HostSection(_Section):
    """One of `hosts`."""

    address: Annotated[str, _text(values.address)]
    port: Port = 22
    user: OneWord
    key: Line | None = None
    known_hosts: Line | None = None
    jump: HostRef | None = None


class ApprovalSection(_Section):
    """One of a policy's `approve`."""

    count: Annotated[int, Field(ge=1, le=99)] = 1
    people: Annotated[list[PeopleRef], NonEmpty, AfterValidator(_distinct)] = Field(default=[], alias="from")
    expires: Duration = timedelta(minutes=30)
    allow_requester: bool = Field(default=False, alias="self")
    signed: bool = False


class WindowSection(_Section):
    """One of an environment's `windows`."""

    start: WeekTimeText = Field(alias="from")
    end: WeekTimeText = Field(alias="to")
    timezone: Zone = "UTC"


class FreezeSection(WindowSection):
    """One of a policy's `freeze`."""

    reason: Line


class EmergencySection(_Section):
    """A policy's `emergency`."""

    people: Annotated[list[PeopleRef], NonEmpty, AfterValidator(_distinct)] = Field(alias="from")


class PolicySection(_Section):
    """One of `policies`."""

    run: dict[Annotated[str, _one_of("command", ACTIONS)], Annotated[list[PeopleRef], AfterValidator(_distinct)]]
    approve: dict[Annotated[str, _one_of("approval", GATED)], ApprovalSection] = {}
    backup_before: dict[
        Annotated[str, _one_of("command", BACKED_UP)],
        Annotated[str, _one_of("time for a backup", frozenset(BackupBefore))],
    ] = {}
    freeze: list[FreezeSection] = []
    lock_patience: Duration = LOCK_PATIENCE
    emergency: EmergencySection | None = None
    require_proven_backup: Duration | None = None
    rehearsal: Annotated[str, _one_of("way to rehearse", frozenset(mode.value for mode in RehearsalMode))] = (
        RehearsalMode.SANDBOX.value
    )
    decide: Annotated[list[PeopleRef], NonEmpty, AfterValidator(_distinct)] | None = None
    downtime: Annotated[str, _one_of("answer", frozenset(word.value for word in Downtime))] = Downtime.ALLOWED.value


class ScratchServerSection(_Section):
    """`scratch` of a `database`: an account on another server."""

    host: OneWord
    port: Port = 3306
    user: Line
    password: Password


ScratchWord = Literal["private"] | bool


def _scratch_word(value: object) -> object:
    if value == "private" or isinstance(value, bool):
        return value
    raise wrong("must be private, true, false, or {host, port, user, password} of another server")


def _scratch_kind(value: object) -> str:
    return "[server]" if isinstance(value, dict | ScratchServerSection) else "[word]"


ScratchValue = Annotated[
    Annotated[ScratchServerSection, Tag("[server]")]
    | Annotated[ScratchWord, BeforeValidator(_scratch_word), Tag("[word]")],
    Discriminator(_scratch_kind),
]


class TlsSection(_Section):
    """`tls` of a `database`."""

    mode: Annotated[str, _one_of("mode", frozenset(mode.value for mode in TlsMode))] = TlsMode.PREFERRED.value
    ca: Line | None = None

    @model_validator(mode="after")
    def _authorities_are_used(self) -> Self:
        if self.ca is not None and self.mode != TlsMode.VERIFY.value:
            raise wrong("`ca` is used with `mode: verify` alone")
        return self


class DatabaseSection(_Section):
    """An environment's `database`."""

    via: HostRef | None = None
    host: OneWord
    port: Port = 3306
    name: Annotated[Line, Field(max_length=64)]
    user: Line
    password: Password
    scratch: ScratchValue = "private"
    rehearse: Annotated[str, _one_of("kind of copy", frozenset(kind.value for kind in RehearseOn))] = (
        RehearseOn.SCHEMA.value
    )
    sample_rows: Annotated[int, Field(ge=1, le=1_000_000)] = SAMPLE_ROWS
    copy_up_to: Size = COPY_UP_TO
    tls: TlsSection = TlsSection()


class KeepSection(_Section):
    """`keep` of `backups`."""

    daily: Annotated[int, Field(ge=0, le=10_000)] = 0
    weekly: Annotated[int, Field(ge=0, le=10_000)] = 0
    monthly: Annotated[int, Field(ge=0, le=10_000)] = 0


class StoreSection(_Section):
    """`store` of `backups`: a directory of the bot, or a bucket."""

    directory: Line | None = None
    bucket: OneWord | None = None
    prefix: Line = ""
    endpoint: Annotated[str, _text(values.base_url)] | None = None
    region: OneWord | None = None
    access_key: Password | None = None
    secret_key: Password | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        ours = [name for name in ("region", "access_key", "secret_key") if getattr(self, name) is not None]
        others = [name for name in ("prefix", "endpoint") if getattr(self, name)]
        if (self.directory is None) == (self.bucket is None):
            raise wrong("say either `directory`, one of the bot, or `bucket`, an S3-compatible one")
        if self.directory is not None and (ours or others):
            raise wrong(f"a directory has no {' and no '.join(f'`{name}`' for name in (*ours, *others))}")
        missing = [name for name in ("region", "access_key", "secret_key") if name not in ours]
        if self.bucket is not None and missing:
            raise wrong(f"a bucket needs {' and '.join(f'`{name}`' for name in missing)} too")
        return self


class BackupsSection(_Section):
    """An environment's `backups`."""

    directory: RemotePath | None = None
    store: StoreSection | None = None
    encrypt_to: Annotated[str, _text(age_keys.recipient)] | None = None
    identity: Annotated[Any, _text(age_keys.identity)] | None = None
    schedule: Cron | None = None
    timezone: Zone = "UTC"
    keep: KeepSection | None = None
    alert: Annotated[list[PeopleRef], NonEmpty, AfterValidator(_distinct)] | None = None
    max_age: Duration | None = None
    mydumper_from: Size = MYDUMPER_FROM

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.directory is None and self.store is None:
            raise wrong("say `directory`, where they lie on the first host, or `store`, where else")
        if self.directory is not None and self.store is not None:
            raise wrong("say `directory` or `store`, not both: with a store nothing is kept on the host")
        if self.identity is not None and self.encrypt_to is None:
            raise wrong("`identity` is the key to what is encrypted: it needs `encrypt_to`")
        return self


class AfterSection(_Section):
    """`after` of an environment."""

    environment: SafeName
    within: Duration


def _shared_path(value: str) -> str:
    """Accept a path inside of a release: no link may lead out of it, or to its repository."""
    parts = value.rstrip("/").split("/")
    if not value or value.startswith(("/", "-")) or {"", ".", "..", ".git"} & set(parts):
        raise wrong("must be a path inside of the release, such as .env or storage")
    if not re.fullmatch(r"[A-Za-z0-9._/ -]+", value):
        raise wrong("may have letters, digits, blanks, '.', '_', '-' and '/'")
    return "/".join(parts)


SharedPath = Annotated[str, AfterValidator(_shared_path)]


class WatchSection(_Section):
    """`watch` of an environment."""

    length: Duration = Field(default=timedelta(minutes=10), alias="for")
    log_errors: Annotated[int, Field(ge=1, le=20)] | None = None
    health: Annotated[str, _text(values.http_url)] | None = None
    command: Line | None = None

    @model_validator(mode="after")
    def _looks_at_something(self) -> Self:
        if self.log_errors is None and self.health is None and self.command is None:
            raise wrong("looks at nothing; name `log_errors`, `health` or `command`")
        return self


def _batch(value: object) -> object:
    """Accept a number of hosts, or a part of all of them."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    percent = re.fullmatch(r"([1-9][0-9]{0,2})%", value) if isinstance(value, str) else None
    if percent is not None and int(percent[1]) <= 100:
        return Percent(int(percent[1]))
    raise wrong("must be a number of hosts, 1 or more, or a part of all of them, such as 25%")


class RolloutSection(_Section):
    """`rollout` of an environment."""

    batch: Annotated[Any, BeforeValidator(_batch)] = 1
    pause: Duration | None = None
    canary: Line | None = None
    before_host: Script | None = None
    after_host: Script | None = None
    health: Annotated[str, _text(values.health)] | None = None


class EnvironmentSection(_Section):
    """One of an app's `environments`."""

    policy: PolicyRef
    hosts: Annotated[list[HostRef], NonEmpty, AfterValidator(_distinct)]
    path: RemotePath
    branch: Branch
    database: DatabaseSection | None = None
    backups: BackupsSection | None = None
    vars: dict[str, Any] = {}
    after: AfterSection | None = None
    windows: list[WindowSection] = []
    watch: WatchSection | None = None
    rollout: RolloutSection | None = None
    layout: Annotated[str, _one_of("layout", frozenset(name.value for name in LayoutName))] = LayoutName.CHECKOUT.value
    keep_releases: Annotated[int, Field(ge=2, le=1000)] | None = None
    shared: Annotated[list[SharedPath], AfterValidator(_distinct)] | None = None

    @model_validator(mode="after")
    def _releases_have_a_layout(self) -> Self:
        if self.layout != LayoutName.RELEASES.value:
            given = [name for name in ("keep_releases", "shared") if getattr(self, name) is not None]
            if given:
                raise wrong(f"{' and '.join(f'`{name}`' for name in given)} is for `layout: releases` alone")
        return self


_LOOPBACK = r"http://(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])"


def _forge_url(value: str) -> str:
    """Accept the page of a repository at a forge, without a login, a query or anything that could end a link.

    On this machine itself it may be without TLS, for nobody is in between.
    """
    if not re.fullmatch(rf"(?:https://[A-Za-z0-9.-]+|{_LOOPBACK})(?::\d{{1,5}})?(?:/[A-Za-z0-9._~-]+)+/?", value):
        raise wrong("must be the https:// address of the repository's page, such as https://github.com/acme/compte")
    return value.rstrip("/").removesuffix(".git")


ForgeUrl = Annotated[str, AfterValidator(_forge_url)]


class AppSection(_Section):
    """One of `apps`."""

    recipe: Line
    channels: Annotated[list[Channel], NonEmpty, AfterValidator(_distinct)]
    repository: ForgeUrl | None = None
    forge: Annotated[str, _one_of("forge", frozenset(kind.value for kind in ForgeKind))] | None = None
    checks: Annotated[list[CheckName], AfterValidator(_distinct)] = []
    packages_from: Annotated[list[DomainName], AfterValidator(_distinct)] = []
    environments: Annotated[dict[SafeName, EnvironmentSection], NonEmpty]


def _receiver_url(value: str) -> str:
    """Accept an address without a login or a fragment, and without what HTTP cannot send."""
    if not re.fullmatch(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:/[!-\"$-~]*)?", value):
        raise wrong("must be an https:// address, such as https://hooks.example.com/countersign")
    return value.rstrip("/")


class ReceiverSection(_Section):
    """One of `notify`."""

    url: Annotated[str, AfterValidator(_receiver_url)]
    secret: Password
    events: (
        Annotated[list[Annotated[str, _one_of("event", frozenset(EVENTS))]], NonEmpty, AfterValidator(_distinct)] | None
    ) = None
    kind: Annotated[str, _one_of("kind of receiver", frozenset(kind.value for kind in ReceiverKind))] = (
        ReceiverKind.WEBHOOK.value
    )
    apps: Annotated[list[SafeName], AfterValidator(_distinct)] = []
    project: OneWord | None = None
    allow_private: bool = False


class OperationsFile(_Section):
    """The whole file."""

    version: Literal[1]
    emoji: EmojiSection = EmojiSection()
    people: dict[PeopleName, Annotated[list[PeopleRef], AfterValidator(_distinct)]] = {}
    signers: dict[UserId, Annotated[list[PublicKey], NonEmpty]] = {}
    signers_file: Line | None = None
    hosts: Annotated[dict[SafeName, HostSection], NonEmpty]
    policies: Annotated[dict[ListName, PolicySection], NonEmpty]
    apps: Annotated[dict[SafeName, AppSection], NonEmpty]
    notify: list[ReceiverSection] = []

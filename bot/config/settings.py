"""The variables of the environment → `Settings`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import BeforeValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.config.problems import ConfigurationError
from bot.config.variables import Variables
from bot.domain.language import Language
from bot.domain.secrets import MASK, Secret


class LogFormat(StrEnum):
    """How the log is written."""

    CONSOLE = "console"
    JSON = "json"


@dataclass(frozen=True)
class HttpAddress:
    """Where `/healthz`, `/readyz` and `/metrics` are served.

    Args:
        host: name or IP address, without brackets.
        port: TCP port.
    """

    host: str
    port: int


@dataclass(frozen=True)
class ForwardToFile:
    """Each record of history is appended to a file.

    Args:
        path: of the file.
    """

    path: Path

    def __str__(self) -> str:
        return f"file:{self.path}"


@dataclass(frozen=True)
class ForwardToSocket:
    """Each record of history is sent to this machine's syslog.

    Args:
        path: of its socket, such as `/dev/log`.
    """

    path: Path

    def __str__(self) -> str:
        return f"syslog:{self.path}"


@dataclass(frozen=True)
class ForwardToServer:
    """Each record of history is sent to a syslog server, over TCP.

    Args:
        host: name or IP address, without brackets.
        port: TCP port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"syslog://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


AuditForward = ForwardToFile | ForwardToSocket | ForwardToServer


@dataclass(frozen=True)
class StoreUrl:
    """Where the bot's own state is kept. It prints without its password.

    Args:
        url: as SQLAlchemy takes it.
    """

    url: Secret

    def reveal(self) -> str:
        """Give the URL itself, for the one place that opens the store."""
        return self.url.reveal()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The password, as it is written and as it is meant."""
        password = urlsplit(self.reveal()).password
        return (Secret(password), Secret(unquote(password))) if password else ()

    def __str__(self) -> str:
        parts = urlsplit(self.reveal())
        if not parts.password:
            return self.reveal()
        return self.reveal().replace(f":{parts.password}@", f":{MASK}@", 1)

    __repr__ = __str__


@dataclass(frozen=True)
class Settings:
    """The environment, validated.

    Args:
        slack_bot_token: `xoxb-…`.
        slack_app_token: `xapp-…`, for Socket Mode.
        slack_api_url: base of the Web API, ending in `/api/`.
        store_url: where the bot's own state is kept.
        ops_file: path of the operations file.
        log_format: how the log is written.
        http_addr: where it is watched; None is nowhere.
        audit_forward: where each record of history goes as it happens; None is nowhere.
        bot_language: in which the bot speaks in channels.
        language_dir: the directory of another language, which everybody gets; None where there is none.
        forge_token: with which checks are read at the forge; None reads what anybody may.
    """

    slack_bot_token: Secret
    slack_app_token: Secret
    slack_api_url: str
    store_url: StoreUrl
    ops_file: Path
    log_format: LogFormat
    http_addr: HttpAddress | None
    audit_forward: AuditForward | None
    bot_language: Language
    language_dir: Path | None
    forge_token: Secret | None

    def secrets(self) -> tuple[Secret, ...]:
        """Give every secret of the environment, for masking."""
        forge = () if self.forge_token is None else (self.forge_token,)
        return (self.slack_bot_token, self.slack_app_token, *self.store_url.secrets, *forge)


def _parsed(parse: Callable[[str], object]) -> BeforeValidator:
    def validate(value: object) -> object:
        try:
            return parse(value) if isinstance(value, str) else value
        except ValueError as error:
            raise PydanticCustomError("countersign", "{sentence}", {"sentence": str(error)}) from None

    return BeforeValidator(validate)


def _token(prefix: str, what: str) -> Callable[[str], Secret]:
    def parse(text: str) -> Secret:
        if not text.startswith(prefix) or len(text) == len(prefix):
            raise ValueError(f"not {what}; it begins with {prefix}")
        if not text.isascii() or any(letter.isspace() for letter in text):
            raise ValueError(f"not {what}; it is made of letters, digits and `-`, after {prefix}")
        return Secret(text)

    return parse


def _forge_token(text: str) -> Secret:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("not a token of a forge; it is one word, without spaces")
    return Secret(text)


def _split(text: str, what: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(f"not {what}; its host or port cannot be read") from None
    return parts


def _api_url(text: str) -> str:
    parts = _split(text, "a URL")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not parts.path.endswith("/api/"):
        raise ValueError("not the base of a Web API; it begins with https:// (or http://) and ends in /api/")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("the base of the Web API has no user, query or fragment")
    return text


_SQLITE = "sqlite+aiosqlite"
_MYSQL = "mysql+aiomysql"


def parse_store_url(text: str) -> StoreUrl:
    """Read the URL of a store.

    Raises:
        ValueError: it is not one that the bot can use; the message has nothing of the URL.
    """
    parts = _split(text, "the URL of a store")
    if parts.scheme == _SQLITE:
        if parts.netloc or len(parts.path) < 2:
            raise ValueError(f"{_SQLITE}:// needs three slashes and a path ({_SQLITE}:///data/countersign.db)")
    elif parts.scheme == _MYSQL:
        if not parts.hostname or not parts.path.strip("/"):
            raise ValueError(f"{_MYSQL}:// needs a host and a name ({_MYSQL}://user:password@host:3306/name)")
    else:
        raise ValueError(f"not a store that the bot knows; it begins with {_SQLITE}:/// or {_MYSQL}://")
    return StoreUrl(Secret(text))


_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s:\[\]]+)):(?P<port>[0-9]{1,5})")


def _http_address(text: str) -> HttpAddress:
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise ValueError("not host:port; such as 127.0.0.1:9090 (0.0.0.0:9090 for every interface)")
    return HttpAddress(match["six"] or match["host"], int(match["port"]))


def _audit_forward(text: str) -> AuditForward:
    kind, _, rest = text.partition(":")
    server = _ADDRESS.fullmatch(rest.removeprefix("//")) if rest.startswith("//") else None
    if kind == "syslog" and server is not None and 0 < int(server["port"]) < 65536:
        return ForwardToServer(server["six"] or server["host"], int(server["port"]))
    if rest.startswith("/") and not rest.startswith("//"):
        if kind == "file":
            return ForwardToFile(Path(rest))
        if kind == "syslog":
            return ForwardToSocket(Path(rest))
    raise ValueError(
        "not a place for the history; file:/var/log/countersign-audit.jsonl, syslog:/dev/log, "
        "or syslog://host:601 (TCP)"
    )


def _log_format(text: str) -> LogFormat:
    try:
        return LogFormat(text.lower())
    except ValueError:
        raise ValueError("must be console or json") from None


def _language(text: str) -> Language:
    try:
        return Language(text.lower())
    except ValueError:
        raise ValueError("must be en or fr; LANGUAGE_DIR is for other languages") from None


class _Variables(BaseSettings):
    """Settings from variables that are handed over: the place of each must be known to name it in a problem."""

    model_config = SettingsConfigDict(
        extra="ignore", hide_input_in_errors=True, validate_default=True, arbitrary_types_allowed=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


_DEFAULT_STORE: Any = f"{_SQLITE}:///data/countersign.db"


class _StoreVariables(_Variables):
    """What `countersign runs` needs: it works without Slack and without its tokens."""

    STORE_URL: Annotated[StoreUrl, _parsed(parse_store_url)] = _DEFAULT_STORE


class _FileVariables(_Variables):
    """What leads to the operations file, whatever else is wrong."""

    OPS_FILE: Annotated[Path, _parsed(Path)] = Path("ops.yaml")


class _AllVariables(_StoreVariables, _FileVariables):
    """Every variable there is."""

    SLACK_BOT_TOKEN: Annotated[Secret, _parsed(_token("xoxb-", "a bot token"))]
    SLACK_APP_TOKEN: Annotated[Secret, _parsed(_token("xapp-", "an app-level token"))]
    SLACK_API_URL: Annotated[str, _parsed(_api_url)] = "https://slack.com/api/"
    LOG_FORMAT: Annotated[LogFormat, _parsed(_log_format)] = LogFormat.CONSOLE
    HTTP_ADDR: Annotated[HttpAddress | None, _parsed(_http_address)] = None
    AUDIT_FORWARD: Annotated[AuditForward | None, _parsed(_audit_forward)] = None
    BOT_LANGUAGE: Annotated[Language, _parsed(_language)] = Language.ENGLISH
    LANGUAGE_DIR: Annotated[Path | None, _parsed(Path)] = None
    FORGE_TOKEN: Annotated[Secret | None, _parsed(_forge_token)] = None


VARIABLES = tuple(_AllVariables.model_fields)
"""The name of every variable that the bot itself reads."""

_V = TypeVar("_V", bound=_Variables)


def _validated(kind: type[_V], variables: Variables) -> _V:
    # An empty variable counts as unset, as a line `NAME=` in .env means it.
    given: dict[str, Any] = {name: variables.values[name] for name in kind.model_fields if variables.values.get(name)}
    try:
        return kind(**given)
    except ValidationError as error:
        raise ConfigurationError(
            variables.problem(str(details["loc"][0]), _sentence(details, variables)) for details in error.errors()
        ) from None


def _sentence(details: ErrorDetails, variables: Variables) -> str:
    if details["type"] != "missing":
        return str(details.get("ctx", {}).get("sentence", details["msg"]))
    strange = {name.lower(): name for name in variables.lines if name not in VARIABLES}
    near = get_close_matches(str(details["loc"][0]).lower(), strange, n=1, cutoff=0.8)
    hint = f" ({variables.file} has {strange[near[0]]}, which is not read)" if near else ""
    if not variables.found:
        return f"missing; copy .env.example to {variables.file} and fill it in, or set it in the environment"
    return f"missing; set it in the environment or in {variables.file}{hint}"


def settings_of(variables: Variables) -> Settings:
    """Validate every variable.

    Raises:
        ConfigurationError: it has every problem.
    """
    read = _validated(_AllVariables, variables)
    return Settings(
        slack_bot_token=read.SLACK_BOT_TOKEN,
        slack_app_token=read.SLACK_APP_TOKEN,
        slack_api_url=read.SLACK_API_URL,
        store_url=read.STORE_URL,
        ops_file=read.OPS_FILE,
        log_format=read.LOG_FORMAT,
        http_addr=read.HTTP_ADDR,
        audit_forward=read.AUDIT_FORWARD,
        bot_language=read.BOT_LANGUAGE,
        language_dir=read.LANGUAGE_DIR,
        forge_token=read.FORGE_TOKEN,
    )


def store_url_of(variables: Variables) -> StoreUrl:
    """Validate `STORE_URL` alone.

    Raises:
        ConfigurationError: it cannot be used.
    """
    return _validated(_StoreVariables, variables).STORE_URL


def ops_file_of(variables: Variables) -> Path:
    """Give the path of the operations file, whatever else is wrong."""
    return _validated(_FileVariables, variables).OPS_FILE

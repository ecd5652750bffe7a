"""What a workspace holds before anything happens in it: people, channels, user groups and one app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast


class WorkspaceError(ValueError):
    """The workspace file is not usable; the text names the path in the file and what would be right."""


@dataclass(frozen=True)
class Team:
    """The workspace itself."""

    id: str = "T0PLAY"
    name: str = "Playground"
    domain: str = "playground"


@dataclass(frozen=True)
class Person:
    """A member of the workspace, human or bot.

    Attributes:
        id: Slack user ID, `U…`.
        name: handle, without `@`.
        real_name: full name.
        display_name: what messages show.
        title: role, shown beside the name.
        colour: background of the avatar, a CSS hex colour.
        tz: IANA time zone; dates in messages are shown in it. Empty: in that of the browser.
        locale: in which the person uses Slack; dates in messages are written in it.
        is_bot: an app's user.
        deleted: deactivated.
        is_restricted: a guest.
        is_ultra_restricted: a guest of one channel.
        is_stranger: of another workspace, met in a shared channel.
        team: ID of the workspace that Slack names first; empty: this one.
        teams: IDs of all workspaces of an Enterprise Grid organisation that the person is in; none outside of one.
        selectable: whoever opens the page can act as this person.
        hint: what a newcomer may do as this person.
    """

    id: str
    name: str
    real_name: str
    display_name: str
    title: str = ""
    colour: str = "#5b6b7f"
    tz: str = "Europe/Paris"
    locale: str = "en-US"
    is_bot: bool = False
    deleted: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    team: str = ""
    teams: tuple[str, ...] = ()
    selectable: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Channel:
    """A channel and its members (user IDs; the app's bot user included if it was invited)."""

    id: str
    name: str
    members: tuple[str, ...] = ()
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False


@dataclass(frozen=True)
class UserGroup:
    """A user group, mentioned as `@handle`."""

    id: str
    handle: str
    name: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class RegisteredCommand:
    """A slash command of the app; `name` starts with `/`."""

    name: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(frozen=True)
class InstalledApp:
    """The one app that is installed in the workspace.

    Attributes:
        messages_tab: whether its messages tab is on; without it, it can write to nobody directly.
    """

    id: str
    name: str
    bot_token: str
    app_token: str
    bot_user_id: str
    bot_id: str
    scopes: tuple[str, ...]
    events: tuple[str, ...]
    commands: tuple[RegisteredCommand, ...] = ()
    description: str = ""
    colour: str = "#2f6f5e"
    messages_tab: bool = True


@dataclass(frozen=True)
class Welcome:
    """The welcome on the page: a title, a text in mrkdwn, and commands to try."""

    title: str = ""
    text: str = ""
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workspace:
    """Everything that is there at the start."""

    team: Team
    people: tuple[Person, ...]
    channels: tuple[Channel, ...]
    user_groups: tuple[UserGroup, ...]
    app: InstalledApp
    welcome: Welcome = field(default_factory=Welcome)
    emoji: Mapping[str, str] = field(default_factory=dict)


DEFAULT_SCOPES = (
    "commands",
    "chat:write",
    "reactions:read",
    "reactions:write",
    "usergroups:read",
    "files:read",
    "files:write",
    "users:read",
    "channels:read",
    "channels:history",
    "channels:join",
    "groups:read",
    "groups:history",
    "im:write",
    "im:read",
    "im:history",
    "pins:write",
)
DEFAULT_EVENTS = ("app_home_opened", "file_shared", "reaction_added", "reaction_removed")


class _Reader:
    """Reads one object of the file and names the path of whatever is wrong with it."""

    def __init__(self, data: object, path: str, known: Sequence[str]) -> None:
        if not isinstance(data, dict):
            raise WorkspaceError(f"{path}: must be an object, is {type(data).__name__}")
        unknown = sorted(set(data) - set(known))
        if unknown:
            raise WorkspaceError(f"{path}.{unknown[0]}: unknown key; known are {', '.join(known)}")
        self._data = cast("dict[str, Any]", data)
        self._path = path

    def text(self, key: str, default: str | None = None) -> str:
        value = self._data.get(key, default)
        if not isinstance(value, str):
            raise WorkspaceError(f"{self._path}.{key}: must be a text")
        return value

    def identifier(self, key: str, prefixes: str) -> str:
        value = self.text(key)
        if not value or value[0] not in prefixes or not value.isalnum() or value != value.upper():
            wanted = " or ".join(prefixes)
            raise WorkspaceError(
                f"{self._path}.{key}: {value!r} is no Slack ID; it starts with {wanted} in capital letters"
            )
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self._data.get(key, default)
        if not isinstance(value, bool):
            raise WorkspaceError(f"{self._path}.{key}: must be true or false")
        return value

    def texts(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        value = self._data.get(key, list(default))
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise WorkspaceError(f"{self._path}.{key}: must be a list of texts")
        return tuple(value)

    def items(self, key: str) -> list[tuple[object, str]]:
        value = self._data.get(key, [])
        if not isinstance(value, list):
            raise WorkspaceError(f"{self._path}.{key}: must be a list")
        return [(item, f"{self._path}.{key}[{index}]") for index, item in enumerate(value)]

    def child(self, key: str) -> tuple[object, str]:
        return self._data.get(key, {}), f"{self._path}.{key}"

    def mapping(self, key: str) -> dict[str, str]:
        value = self._data.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise WorkspaceError(f"{self._path}.{key}: must map names to texts")
        return dict(value)


def parse_workspace(data: object) -> Workspace:
    """Make a workspace of the decoded JSON of a workspace file.

    Args:
        data: the decoded file; docs/playground-reference.md describes the keys.

    Returns:
        The workspace. The app's bot user is added to its people.

    Raises:
        WorkspaceError: a key is unknown, missing or of a wrong kind, or a name refers to nothing.
    """
    root = _Reader(data, "workspace", ("team", "users", "channels", "usergroups", "app", "welcome", "emoji"))
    team = _Reader(*root.child("team"), ("id", "name", "domain"))
    app = _app(*root.child("app"))
    people = [_person(item, path) for item, path in root.items("users")]
    people = [person for person in people if person.id != app.bot_user_id]
    people.append(
        Person(
            id=app.bot_user_id,
            name=app.name.lower().replace(" ", "-"),
            real_name=app.name,
            display_name=app.name,
            colour=app.colour,
            is_bot=True,
        )
    )
    workspace = Workspace(
        team=Team(team.text("id", "T0PLAY"), team.text("name", "Playground"), team.text("domain", "playground")),
        people=tuple(people),
        channels=tuple(_channel(item, path) for item, path in root.items("channels")),
        user_groups=tuple(_user_group(item, path) for item, path in root.items("usergroups")),
        app=app,
        welcome=_welcome(*root.child("welcome")),
        emoji=root.mapping("emoji"),
    )
    _check_references(workspace)
    return workspace


def _app(data: object, path: str) -> InstalledApp:
    known = ("id", "name", "bot_token", "app_token", "bot_user_id", "bot_id", "scopes", "events", "commands")
    reader = _Reader(data, path, (*known, "description", "colour", "messages_tab"))
    return InstalledApp(
        id=reader.identifier("id", "A"),
        name=reader.text("name"),
        bot_token=reader.text("bot_token"),
        app_token=reader.text("app_token"),
        bot_user_id=reader.identifier("bot_user_id", "UW"),
        bot_id=reader.identifier("bot_id", "B"),
        scopes=reader.texts("scopes", DEFAULT_SCOPES),
        events=reader.texts("events", DEFAULT_EVENTS),
        commands=tuple(_command(item, at) for item, at in reader.items("commands")),
        description=reader.text("description", ""),
        colour=reader.text("colour", "#2f6f5e"),
        messages_tab=reader.flag("messages_tab", default=True),
    )


def _command(data: object, path: str) -> RegisteredCommand:
    reader = _Reader(data, path, ("name", "description", "usage_hint", "should_escape"))
    name = reader.text("name")
    if not name.startswith("/") or " " in name or name != name.lower():
        raise WorkspaceError(f"{path}.name: {name!r} must start with / and hold no capitals or spaces")
    return RegisteredCommand(
        name, reader.text("description", ""), reader.text("usage_hint", ""), reader.flag("should_escape")
    )


def _person(data: object, path: str) -> Person:
    known = ("id", "name", "real_name", "display_name", "title", "colour", "tz", "locale", "is_bot", "deleted")
    flags = ("is_restricted", "is_ultra_restricted", "is_stranger", "selectable")
    reader = _Reader(data, path, (*known, *flags, "team", "teams", "hint"))
    name = reader.text("name")
    real_name = reader.text("real_name", name)
    return Person(
        id=reader.identifier("id", "UW"),
        name=name,
        real_name=real_name,
        display_name=reader.text("display_name", real_name),
        title=reader.text("title", ""),
        colour=reader.text("colour", "#5b6b7f"),
        tz=reader.text("tz", "Europe/Paris"),
        locale=reader.text("locale", "en-US"),
        is_bot=reader.flag("is_bot"),
        deleted=reader.flag("deleted"),
        is_restricted=reader.flag("is_restricted"),
        is_ultra_restricted=reader.flag("is_ultra_restricted"),
        is_stranger=reader.flag("is_stranger"),
        team=reader.text("team", ""),
        teams=reader.texts("teams"),
        selectable=reader.flag("selectable"),
        hint=reader.text("hint", ""),
    )


def _channel(data: object, path: str) -> Channel:
    reader = _Reader(data, path, ("id", "name", "members", "topic", "is_private", "is_archived"))
    return Channel(
        id=reader.identifier("id", "CG"),
        name=reader.text("name"),
        members=reader.texts("members"),
        topic=reader.text("topic", ""),
        is_private=reader.flag("is_private"),
        is_archived=reader.flag("is_archived"),
    )


def _user_group(data: object, path: str) -> UserGroup:
    reader = _Reader(data, path, ("id", "handle", "name", "members"))
    handle = reader.text("handle")
    return UserGroup(reader.identifier("id", "S"), handle, reader.text("name", handle), reader.texts("members"))


def _welcome(data: object, path: str) -> Welcome:
    reader = _Reader(data, path, ("title", "text", "suggestions"))
    return Welcome(reader.text("title", ""), reader.text("text", ""), reader.texts("suggestions"))


def _check_references(workspace: Workspace) -> None:
    ids = [person.id for person in workspace.people]
    twice = {identifier for identifier in ids if ids.count(identifier) > 1}
    if twice:
        raise WorkspaceError(f"workspace.users: {twice.pop()} is there twice")
    if not workspace.channels:
        raise WorkspaceError("workspace.channels: at least one channel is needed")
    if not any(person.selectable for person in workspace.people):
        raise WorkspaceError("workspace.users: at least one person must be selectable")
    for kind, owner, members in [
        *(("channels", channel.id, channel.members) for channel in workspace.channels),
        *(("usergroups", group.id, group.members) for group in workspace.user_groups),
    ]:
        for member in members:
            if member not in ids:
                raise WorkspaceError(f"workspace.{kind}: {owner} has the member {member}, who is no user")

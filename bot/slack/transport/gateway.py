"""Slack's Web API. Each failure is one of three errors, which determine whether the call may be repeated."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack.render.message import Message
from bot.slack.transport.call_budget import POST, Call
from bot.slack.transport.turns import ANSWER, ESSENTIAL, Turns, Urgency

_REPEATABLE = frozenset(
    {
        "auth.test",
        "apps.connections.open",
        "chat.update",
        "conversations.history",
        "conversations.info",
        "conversations.members",
        "conversations.replies",
        "files.info",
        "reactions.get",
        "users.info",
        "usergroups.list",
        "usergroups.users.list",
        "views.publish",
        "views.update",
    }
)
"""Methods that are safe to repeat."""

_OK = 200
_TOO_MANY = 429
_CLIENT_ERROR = 400
_SERVER_ERROR = 500
_TIMEOUT_SECONDS = 30.0
_MAX_PAGES = 5
_DEFAULT_WAIT_SECONDS, _MIN_WAIT_SECONDS, _MAX_WAIT_SECONDS = 1.0, 0.1, 600.0


class SlackRefusedError(Exception):
    """Slack refused a call: it certainly had no effect.

    Args:
        error: Slack's own name of the reason, such as `message_not_found`.
    """

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class SlackBusyError(Exception):
    """Slack asks to wait: the call certainly had no effect.

    Args:
        seconds: to wait.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"retry after {seconds} s")
        self.seconds = seconds


class SlackUncertainError(Exception):
    """No answer came: the call may have had its effect."""


class RepeatHandler(AsyncRetryHandler):
    """Lets the SDK repeat a call after a server error or a lost connection, where that is safe."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        method = request.url.partition("?")[0].rsplit("/", 1)[-1]
        if method not in _REPEATABLE:
            return False
        return isinstance(error, aiohttp.ClientConnectionError) or (
            response is not None and response.status_code >= _SERVER_ERROR
        )


@dataclass(frozen=True)
class BotIdentity:
    """Whose token the bot has; each value is empty where Slack does not say.

    Args:
        user: Slack's ID of the bot's own user.
        user_name: of that user.
        team: Slack's ID of the workspace.
        team_name: of the workspace.
        workspace_url: of the workspace.
        scopes: of the token.
        bot: Slack's ID of the bot itself (`B…`), which its messages have.
    """

    user: str = ""
    user_name: str = ""
    team: str = ""
    team_name: str = ""
    workspace_url: str = ""
    scopes: tuple[str, ...] = ()
    bot: str = ""


@dataclass(frozen=True)
class Receipt:
    """A message that Slack has taken.

    Args:
        ts: Slack's timestamp of the message, its ID.
        thread: the parent of its thread as Slack names it; empty where it names none.
    """

    ts: str
    thread: str


@dataclass(frozen=True)
class SharedFile:
    """A file that somebody shared.

    Args:
        name: of the file.
        user: Slack's ID of who shared it.
        size: in bytes, as Slack says.
        url: of its content, for the bot's token.
        threads: where it stands: channel, and the parent of the thread.
    """

    name: str
    user: str
    size: int
    url: str
    threads: frozenset[tuple[str, str]]


def build_client(token: str, api_url: str | None, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Build the SDK's client, which bolt uses as well.

    Args:
        token: of the bot, `xoxb-…`.
        api_url: base of the Web API, ending in `/api/`; None is Slack's own.
        session: of the HTTP connections; whoever opened it closes it.
    """
    return AsyncWebClient(
        token=token,
        base_url=api_url or AsyncWebClient.BASE_URL,
        session=session,
        retry_handlers=[RepeatHandler(max_retry_count=1)],
        timeout=int(_TIMEOUT_SECONDS),
    )


def open_session() -> aiohttp.ClientSession:
    """Open the HTTP connections; the caller closes them."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))


ApiMethod = Callable[..., Awaitable[Any]]
"""A method of the SDK's client."""

CallObserver = Callable[[str, str], None]
"""Called with the name of a method and the outcome of a call."""


class Gateway:
    """The methods of Slack's Web API that the conversation needs.

    Each call waits for its turn, so that Slack's limits are kept. Each method raises `SlackRefusedError`,
    `SlackBusyError` or `SlackUncertainError`, and nothing else; with an urgency that can be superseded
    `SupersededError` too.

    Args:
        client: from `build_client`.
        called: called after each call with its method, and `ok`, `refused`, `busy` or `uncertain`.
        turns: of this process.
    """

    def __init__(self, client: AsyncWebClient, called: CallObserver | None = None, turns: Turns | None = None) -> None:
        self.client = client
        self.turns = turns or Turns()
        self._called = called or _unmeasured

    async def post(self, channel: str, message: Message, thread: str | None, urgency: Urgency = ESSENTIAL) -> Receipt:
        """Post a message.

        Args:
            channel: Slack's ID of a channel, or of a person, who gets a direct message.
            message: the message.
            thread: the parent of a thread; None for the channel itself.
            urgency: how it waits for its turn.
        """
        answer = await self._call(
            self.client.chat_postMessage,
            urgency,
            channel=channel,
            thread_ts=thread,
            reply_broadcast=True if message.announced and thread is not None else None,
            text=message.text,
            blocks=list(message.blocks),
            metadata=message.metadata,
            parse="none",
            link_names=False,
            unfurl_links=False,
            unfurl_media=False,
        )
        shown = answer.get("message") or {}
        return Receipt(str(answer["ts"]), str(shown.get("thread_ts") or ""))

    async def delete(self, channel: str, ts: str) -> None:
        """Delete a message of the bot's own."""
        await self._call(self.client.chat_delete, ESSENTIAL, channel=channel, ts=ts)

    async def update(self, channel: str, ts: str, message: Message, urgency: Urgency = ESSENTIAL) -> None:
        """Edit a message."""
        await self._call(
            self.client.chat_update,
            urgency,
            channel=channel,
            ts=ts,
            text=message.text,
            blocks=list(message.blocks),
            metadata=message.metadata,
            parse="none",
            link_names=False,
        )

    async def post_ephemeral(self, channel: str, user: str, message: Message, thread: str | None) -> None:
        """Post a message that only one person sees."""
        await self._call(
            self.client.chat_postEphemeral,
            ANSWER,
            channel=channel,
            user=user,
            thread_ts=thread,
            text=message.text,
            blocks=list(message.blocks),
            parse="none",
            link_names=False,
        )

    async def respond(self, url: str, message: Message, thread: str = "") -> None:
        """Reply at a `response_url`, seen by one person alone; Slack accepts 5 replies in 30 minutes.

        Args:
            url: from the payload of a command or a button.
            message: without metadata.
            thread: the parent of a thread; without it Slack shows a reply outside of the thread.
        """
        await self._send_response(
            url, message, {"replace_original": False, **({"thread_ts": thread} if thread else {})}
        )

    async def replace_response(self, url: str, message: Message) -> None:
        """Replace what a command was answered with before; seen by one person alone."""
        await self._send_response(url, message, {"replace_original": True})

    async def _send_response(self, url: str, message: Message, how: Mapping[str, Any]) -> None:
        client = AsyncWebhookClient(url, session=self.client.session, retry_handlers=[])
        contents = {"text": message.text, "blocks": list(message.blocks), "response_type": "ephemeral"}
        try:
            answer = await client.send_dict({**contents, **how})
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackUncertainError(type(error).__name__) from None
        if answer.status_code == _TOO_MANY:
            raise SlackBusyError(_retry_after(answer))
        if answer.status_code >= _SERVER_ERROR:
            raise SlackUncertainError(f"HTTP {answer.status_code}")
        refused = _refusal_in(answer.body)
        if answer.status_code >= _CLIENT_ERROR or refused:
            raise SlackRefusedError(refused or f"HTTP {answer.status_code}")

    async def add_reaction(self, channel: str, ts: str, emoji: str, urgency: Urgency = ESSENTIAL) -> None:
        """Add a reaction to a message, unless it is there already."""
        try:
            await self._call(self.client.reactions_add, urgency, channel=channel, timestamp=ts, name=emoji)
        except SlackRefusedError as refused:
            if refused.error != "already_reacted":
                raise

    async def reactions_on(self, channel: str, ts: str, urgency: Urgency = ESSENTIAL) -> list[dict[str, Any]]:
        """Read the reactions on a message: `name`, `users`, `count` of each."""
        answer = await self._call(self.client.reactions_get, urgency, channel=channel, timestamp=ts, full=True)
        reactions = answer.get("message", {}).get("reactions", [])
        return [dict(item) for item in reactions]

    async def channel_messages(self, channel: str, oldest: float) -> list[dict[str, Any]]:
        """Read the latest messages of a channel, with their metadata.

        Args:
            channel: the channel.
            oldest: Unix time of the oldest message to read, in seconds.
        """
        return await self._pages(
            self.client.conversations_history,
            channel=channel,
            oldest=f"{oldest:.6f}",
            include_all_metadata=True,
        )

    async def thread_messages(self, channel: str, thread: str) -> list[dict[str, Any]]:
        """Read the messages of a thread, with their metadata."""
        return await self._pages(
            self.client.conversations_replies, channel=channel, ts=thread, include_all_metadata=True
        )

    async def upload(self, channel: str, thread: str, name: str, title: str, content: str) -> str:
        """Upload a text file to a thread.

        Returns:
            The file's ID.
        """
        answer = await self._call(
            self.client.files_upload_v2,
            ESSENTIAL,
            channel=channel,
            thread_ts=thread,
            filename=name,
            title=title,
            content=content,
        )
        return str((answer.get("file") or {}).get("id", ""))

    async def file(self, identifier: str) -> SharedFile:
        """Read what Slack knows of a shared file."""
        found = (await self._call(self.client.files_info, ANSWER, file=identifier)).get("file") or {}
        return SharedFile(
            name=str(found.get("name") or ""),
            user=str(found.get("user") or ""),
            size=int(found.get("size") or 0),
            url=str(found.get("url_private_download") or found.get("url_private") or ""),
            threads=frozenset(_threads(found.get("shares"))),
        )

    async def content(self, file: SharedFile, most: int) -> bytes:
        """Read a shared file, with the bot's token.

        Args:
            file: from `file`.
            most: bytes to read.
        """
        # Whoever forges an answer of Slack must not have the token sent to another server.
        if not _is_slacks_own(file.url, str(self.client.base_url)):
            raise SlackRefusedError("foreign_file_url")
        headers = {"Authorization": f"Bearer {self.client.token}"}
        session = self.client.session
        if session is None:
            raise SlackUncertainError("closed")
        try:
            async with session.get(file.url, headers=headers, allow_redirects=False) as answer:
                if answer.status == _TOO_MANY:
                    raise SlackBusyError(_retry_after(answer))
                # Without the scope Slack redirects to a page for people.
                if answer.status != _OK:
                    raise SlackRefusedError(f"HTTP {answer.status}")
                content = await answer.content.read(most + 1)
                while len(content) <= most and (more := await answer.content.read(most + 1 - len(content))):
                    content += more
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackUncertainError(type(error).__name__) from None
        return content[:most]

    async def open_view(self, trigger: str, view: Mapping[str, Any]) -> str:
        """Open a modal for the person behind a trigger, which expires after 3 seconds.

        Returns:
            Its ID.
        """
        answer = await self._call(self.client.views_open, ANSWER, trigger_id=trigger, view=dict(view))
        return str((answer.get("view") or {}).get("id", ""))

    async def update_view(self, view_id: str, view: Mapping[str, Any]) -> None:
        """Update a modal; values stay where the IDs of block and action stay."""
        await self._call(self.client.views_update, ANSWER, view_id=view_id, view=dict(view))

    async def publish_home(self, user: str, view: Mapping[str, Any], urgency: Urgency = ANSWER) -> None:
        """Publish somebody's App Home."""
        await self._call(self.client.views_publish, urgency, user_id=user, view=dict(view))

    async def user_info(self, user: str) -> dict[str, Any]:
        """Read a user's profile, with the locale in which they use Slack."""
        answer = await self._call(self.client.users_info, ESSENTIAL, user=user, include_locale=True)
        return dict(answer["user"])

    async def group_members(self, group: str) -> frozenset[str]:
        """Read the members of a user group."""
        answer = await self._call(self.client.usergroups_users_list, ESSENTIAL, usergroup=group)
        return frozenset(str(user) for user in answer["users"])

    async def group_handles(self) -> dict[str, str]:
        """Read the handles of all user groups, by their ID."""
        answer = await self._call(self.client.usergroups_list, ESSENTIAL)
        return {str(group["id"]): str(group.get("handle") or "") for group in answer["usergroups"]}

    async def channel_info(self, channel: str) -> dict[str, Any]:
        """Read what Slack knows of a channel: `name`, `is_member`, `is_archived` and more."""
        answer = await self._call(self.client.conversations_info, ESSENTIAL, channel=channel)
        return dict(answer.get("channel") or {})

    async def channel_members(self, channel: str) -> frozenset[str]:
        """Read the members of a channel, the first five thousand."""
        members: set[str] = set()
        cursor: str | None = None
        for _ in range(_MAX_PAGES):
            answer = await self._call(
                self.client.conversations_members, ESSENTIAL, channel=channel, limit=1000, cursor=cursor
            )
            members.update(str(user) for user in answer.get("members", []))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
        return frozenset(members)

    async def identity(self) -> BotIdentity:
        """Read the identity behind the bot's token."""
        answer = await self._call(self.client.auth_test, ESSENTIAL)
        headers = {str(name).lower(): value for name, value in dict(answer.headers or {}).items()}
        scopes = headers.get("x-oauth-scopes", "")
        text = ",".join(scopes) if isinstance(scopes, list | tuple) else str(scopes)
        return BotIdentity(
            user=str(answer.get("user_id") or ""),
            user_name=str(answer.get("user") or ""),
            team=str(answer.get("team_id") or ""),
            team_name=str(answer.get("team") or ""),
            workspace_url=str(answer.get("url") or ""),
            scopes=tuple(part.strip() for part in text.split(",") if part.strip()),
            bot=str(answer.get("bot_id") or ""),
        )

    async def open_connection(self, app_token: str) -> str:
        """Ask for a Socket Mode URL, which verifies the app token.

        Returns:
            The URL, which works once.
        """
        return str((await self._call(self.client.apps_connections_open, ESSENTIAL, app_token=app_token))["url"])

    async def _pages(self, method: ApiMethod, **arguments: Any) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(_MAX_PAGES):
            answer = await self._call(method, ESSENTIAL, limit=200, cursor=cursor, **arguments)
            messages.extend(dict(item) for item in answer.get("messages", []))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
        return messages

    async def _call(self, method: ApiMethod, urgency: Urgency, **arguments: Any) -> Any:
        """Call a method at its turn; once more at the next one where Slack asks to wait."""
        name = str(getattr(method, "__name__", "other"))
        given = {name: value for name, value in arguments.items() if value is not None}
        channel = str(given["channel"]) if name == POST else ""
        call = Call(name, urgency.importance, channel, urgency.key)
        try:
            async with self.turns.turn(call, urgency.unless):
                return await self._ask(method, name, given)
        except SlackBusyError:
            async with self.turns.turn(call, urgency.unless):
                return await self._ask(method, name, given)

    async def _ask(self, method: ApiMethod, name: str, given: Mapping[str, Any]) -> Any:
        try:
            answer = await method(**given)
        except SlackApiError as error:
            failure = _answer(error)
            if isinstance(failure, SlackBusyError):
                self.turns.stop(name, failure.seconds)
            self._called(name, _OUTCOMES[type(failure)])
            raise failure from None
        except (
            aiohttp.ClientError,
            SlackClientError,
            TimeoutError,
            OSError,
            ValueError,
        ) as error:
            self._called(name, "uncertain")
            raise SlackUncertainError(type(error).__name__) from None
        self._called(name, "ok")
        return answer


_BUSY = frozenset({"ratelimited", "rate_limited"})
"""Slack has two names for it."""

_OUTCOMES = {SlackRefusedError: "refused", SlackBusyError: "busy", SlackUncertainError: "uncertain"}


def _unmeasured(method: str, outcome: str) -> None:
    """Ignore a call."""


def _answer(error: SlackApiError) -> SlackRefusedError | SlackBusyError | SlackUncertainError:
    response = error.response
    status = getattr(response, "status_code", 200)
    if status == _TOO_MANY:
        return SlackBusyError(_retry_after(response))
    if status >= _SERVER_ERROR:
        return SlackUncertainError(f"HTTP {status}")
    name = str(response.get("error", "unknown_error")) if hasattr(response, "get") else "unknown_error"
    if name in _BUSY:
        return SlackBusyError(_retry_after(response))
    # Slack's own errors for "it may or may not have happened".
    if name in {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}:
        return SlackUncertainError(name)
    return SlackRefusedError(name)


def _threads(shares: object) -> Iterator[tuple[str, str]]:
    """Give the threads in which a file stands, of what Slack says of its places."""
    places = shares.values() if isinstance(shares, dict) else ()
    for channels in filter(lambda each: isinstance(each, dict), places):
        for channel, messages in channels.items():
            yield from ((str(channel), str(one["thread_ts"])) for one in messages if one.get("thread_ts"))


def _is_slacks_own(url: str, base_url: str) -> bool:
    """Whether an address is Slack's: of the server of the Web API, or of a subdomain of Slack's for Slack itself."""
    asked, base = urlsplit(url), urlsplit(base_url)
    if (asked.scheme, asked.netloc) == (base.scheme, base.netloc):
        return True
    host = base.hostname or ""
    is_slack = base.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))
    return is_slack and asked.scheme == "https" and (asked.hostname or "").endswith(".slack.com") and not asked.port


def _refusal_in(body: object) -> str:
    """Return the error in what a `response_url` answered, which is `ok` or JSON; empty where there is none."""
    try:
        answer = json.loads(body) if isinstance(body, str) else None
    except ValueError:
        return ""
    if not isinstance(answer, dict) or answer.get("ok") is not False:
        return ""
    return str(answer.get("error") or "unknown_error")


def _retry_after(response: Any) -> float:
    """Return the seconds that Slack asks to wait; one where it does not say so in a way that can be read."""
    headers = {str(name).lower(): value for name, value in dict(getattr(response, "headers", None) or {}).items()}
    value = headers.get("retry-after", "1")
    try:
        seconds = float(value[0] if isinstance(value, list | tuple) else value)
    except (ValueError, IndexError):
        return _DEFAULT_WAIT_SECONDS
    if not math.isfinite(seconds):
        return _DEFAULT_WAIT_SECONDS
    return min(max(seconds, _MIN_WAIT_SECONDS), _MAX_WAIT_SECONDS)

"""Parsers of the values that the operations file writes as text. Each raises ValueError with a sentence for people."""

from __future__ import annotations

import posixpath
import re
import zoneinfo
from datetime import timedelta
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from bot.domain.emoji import emoji_of_character, plain_emoji
from bot.domain.errors import RefusedError
from bot.domain.names import Ref, is_name
from bot.domain.policies.freeze import Weekday, WeekTime

_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=366)
_SIZE = re.compile(r"([0-9]{1,6})(MiB|GiB|TiB)")
_BYTES = {"MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_WEEK_TIME = re.compile(r"([A-Z][a-z]{2}) ([01][0-9]|2[0-3]):([0-5][0-9])")
_USER = re.compile(r"[UW][A-Z0-9]{2,30}")
_GROUP = re.compile(r"S[A-Z0-9]{2,30}")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,30}")
_EMOJI = re.compile(r":?[\w'+.-]{1,100}(::skin-tone-[2-6])?:?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse_duration(text: str) -> timedelta:
    """Read a number and `s`, `m`, `h` or `d`, such as `90s` or `24h`.

    Raises:
        ValueError: it is not one, is zero, or is longer than a year.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("not a duration; write a number and s, m, h or d, such as 90s, 30m, 24h or 7d")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise ValueError("a duration must be longer than nothing and at most 366d")
    return timedelta(seconds=seconds)


def parse_size(text: str) -> int:
    """Read a number and `MiB`, `GiB` or `TiB`, such as `10GiB`.

    Returns:
        Bytes.

    Raises:
        ValueError: it is not one, or is zero.
    """
    match = _SIZE.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError("not a size; write a number and MiB, GiB or TiB, such as 500MiB or 10GiB")
    return int(match[1]) * _BYTES[match[2]]


def parse_week_time(text: str) -> WeekTime:
    """Read a minute of the week, such as `Fri 16:00`.

    Raises:
        ValueError: it is not one.
    """
    match = _WEEK_TIME.fullmatch(text)
    days = [day.value for day in Weekday]
    if match is None or match[1] not in days:
        raise ValueError(
            "not a time of the week; write Mon, Tue, Wed, Thu, Fri, Sat or Sun and a time, such as Fri 16:00"
        )
    return WeekTime((days.index(match[1]) * 24 + int(match[2])) * 60 + int(match[3]))


@cache
def time_zones() -> frozenset[str]:
    """Name the time zones that exist (IANA)."""
    return frozenset(zoneinfo.available_timezones())


def is_user(text: str) -> bool:
    """Whether a text is Slack's ID of a user."""
    return _USER.fullmatch(text) is not None


def user(text: str) -> str:
    """Accept Slack's ID of a user.

    Raises:
        ValueError: it is none.
    """
    if not is_user(text):
        raise ValueError(
            f"{text!r} is no Slack user's ID (U…); in Slack, *Copy member ID* in the person's profile gives it"
        )
    return text


def is_group(text: str) -> bool:
    """Whether a text is Slack's ID of a user group."""
    return _GROUP.fullmatch(text) is not None


def channel(text: str) -> str:
    """Read Slack's ID of a channel.

    Raises:
        ValueError: it is not one.
    """
    if _CHANNEL.fullmatch(text) is None:
        raise ValueError(
            "not a channel's ID; Slack shows it (C… or G…) at the foot of the channel's details, not its name"
        )
    return text


def emoji(text: str) -> str:
    """Read an emoji: its name, with or without colons, or its character.

    Returns:
        Its plain name, aliases resolved: `thumbsup` and 👍 are `+1`.

    Raises:
        ValueError: it is neither.
    """
    by_character = emoji_of_character(text)
    if by_character is not None:
        return by_character
    if _EMOJI.fullmatch(text) is None or text.lower() != text:
        raise ValueError("not the name of an emoji; write it as Slack does, without colons: white_check_mark")
    return plain_emoji(text)


def safe_name(text: str) -> str:
    """Read the name of an app, an environment or a host.

    Raises:
        ValueError: it is not safe in a path.
    """
    if not is_name(text):
        raise ValueError("a name is made of letters a to z, digits, `.`, `_` and `-`; it begins with a letter or digit")
    return text


def list_name(text: str) -> str:
    """Read the name of a policy or of a list of people.

    Raises:
        ValueError: it is empty, or has a line break or blanks around it.
    """
    if not text or text != text.strip() or _CONTROL.search(text):
        raise ValueError("a name needs at least one character, and no line break or blank at its ends")
    return text


def people_name(text: str) -> str:
    """Read the name of a list of people.

    Raises:
        ValueError: it is no name, is reserved, or looks like Slack's ID.
    """
    if text == "anyone":
        raise ValueError("`anyone` is a word of its own and means everybody; choose another name")
    if is_user(text) or is_group(text):
        raise ValueError("this looks like Slack's ID of a user or a group; choose a name in small letters")
    return list_name(text)


def line_of_text(text: str) -> str:
    """Read a text of one line that is not empty.

    Raises:
        ValueError: it is empty or has control characters.
    """
    if not text.strip():
        raise ValueError("must not be empty")
    if _CONTROL.search(text):
        raise ValueError("must not have line breaks or other control characters")
    return text


def script(text: str) -> str:
    """Read a shell command of one or several lines.

    Raises:
        ValueError: it is empty or has control characters that no script needs.
    """
    if not text.strip():
        raise ValueError("must not be empty")
    if _CONTROL.search(text.replace("\n", "").replace("\t", "")):
        raise ValueError("must not have control characters other than line breaks and tabs")
    return text


def health(text: str) -> str:
    """Read how a host is asked for its health: an http or https URL, or a command.

    Raises:
        ValueError: it is neither.
    """
    return http_url(text) if is_url(text) else script(text)


def is_url(text: str) -> bool:
    """Whether a text is meant as a URL, and not as a command."""
    return _URL.match(text) is not None


def word(text: str) -> str:
    """Read an address or a user's name: one word, which no program can take for an option.

    Raises:
        ValueError: it is empty, starts with `-` or has blanks.
    """
    if not text or text.startswith("-") or any(letter.isspace() for letter in text) or _CONTROL.search(text):
        raise ValueError("must be one word without blanks, and not start with `-`")
    return text


_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


def address(text: str) -> str:
    """Read where a host is: a name or an IP address.

    Raises:
        ValueError: no host can be there.
    """
    word(text)
    if "://" in text or "/" in text or "@" in text:
        raise ValueError("must be a host's name or IP address alone, without `https://`, user or path")
    bare = text.partition("%")[0]
    try:
        ip_address(bare)
    except ValueError:
        pass
    else:
        return text
    if ":" in text:
        raise ValueError("must not have a port; `port:` is a key of its own")
    if re.fullmatch(r"[0-9.]+", text):
        raise ValueError("looks like an IP address and cannot be one")
    labels = text.removesuffix(".").split(".")
    if len(text) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in labels):
        raise ValueError("must be a host's name, such as web1.example.com, or an IP address")
    return text


def domain_name(text: str) -> str:
    """Read the full name of a host in the public DNS.

    Raises:
        ValueError: it is none: an address, a name without a dot, or more than the name.
    """
    labels = text.split(".")
    if len(text) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("must be a host's full name in small letters, such as repo.example.com")
    if labels[-1].isdigit():
        raise ValueError("must be a host's name, not an address")
    return text


def http_url(text: str) -> str:
    """Read an http or https URL that can be requested.

    Raises:
        ValueError: it is not one.
    """
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or _CONTROL.search(text) or " " in text:
        raise ValueError("not a URL; write http:// or https:// and a host")
    return text


def base_url(text: str) -> str:
    """Read the address of a service.

    Raises:
        ValueError: it is no http or https URL with a host, or holds more than the address.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.query or parts.fragment or any(letter.isspace() for letter in text):
        raise ValueError("must be an address like https://s3.example.com")
    return text.rstrip("/")


def remote_path(text: str) -> str:
    """Read a path on a host.

    Raises:
        ValueError: it is not absolute, or climbs.
    """
    line_of_text(text)
    if not text.startswith("/"):
        raise ValueError("must be an absolute path, starting with `/`")
    if ".." in text.split("/"):
        raise ValueError("must not have `..` in it")
    plain = posixpath.normpath(text)
    # POSIX lets two leading slashes mean something else, so normpath keeps them.
    plain = "/" + plain.lstrip("/")
    if plain == "/":
        raise ValueError("must not be the root of the file system")
    return plain


def branch(text: str) -> str:
    """Read the name of a branch, by git's rules.

    Raises:
        ValueError: git does not allow it.
    """
    try:
        return Ref(text).text
    except RefusedError:
        raise ValueError("not a name that git allows for a branch") from None

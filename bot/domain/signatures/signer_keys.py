"""The keys of people who sign: lines of OpenSSH's `allowed_signers` format, read strictly."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from bot.domain.signatures.wire import WireError, WireReader

NAMESPACE = "countersign"
"""What a signature is for: one that was made for git, a file or a login counts for no plan."""

KEY_TYPES = frozenset(
    {
        "ssh-ed25519",
        "sk-ssh-ed25519@openssh.com",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "ssh-rsa",
    }
)

_MIN_RSA_BITS = 2048
_USER = re.compile(r"[UW][A-Z0-9]{2,}")
_OPTION = re.compile(r'([a-zA-Z-]+)(?:="((?:[^"\\]|\\.)*)")?(,|$)')
_TIMES = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True)
class SignerKey:
    """A public key of a person.

    Args:
        type: such as `ssh-ed25519`.
        data: the key in base64.
        valid_after: from when on it may sign; None for always.
        valid_before: until when; None for ever.
    """

    type: str
    data: str
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    @property
    def line(self) -> str:
        """The key as in a file of public keys, without a comment."""
        return f"{self.type} {self.data}"

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it."""
        return fingerprint_of(base64.b64decode(self.data))

    def is_valid(self, at: datetime) -> bool:
        """Whether it may sign at an instant."""
        begun = self.valid_after is None or self.valid_after <= at
        return begun and (self.valid_before is None or at < self.valid_before)


@dataclass(frozen=True)
class Signers:
    """Whose signature counts, and by which keys.

    Args:
        keys: by Slack's ID of the person; of the operations file.
        file: path of a file in `allowed_signers` format, which is read at each decision; None where there is none.
    """

    keys: Mapping[str, tuple[SignerKey, ...]] = field(default_factory=dict)
    file: str | None = None


def fingerprint_of(blob: bytes) -> str:
    """Give the fingerprint of a public key as `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(sha256(blob).digest()).decode().rstrip("=")


def read_key(line: str) -> SignerKey:
    """Read a public key, before which options may stand: `valid-before="20270101" ssh-ed25519 AAAA… comment`.

    Raises:
        ValueError: it is no public key, or has an option or a strength that is not taken; the message says so.
    """
    words = line.split()
    if not words:
        raise ValueError("is no public key: it is empty")
    if words[0] in KEY_TYPES:
        return _key(words, {})
    options, _, rest = _divide(line.strip())
    return _key(rest.split(), _options(options))


def read_allowed_signers(text: str) -> dict[str, tuple[SignerKey, ...]]:
    """Read a file of `allowed_signers`, whose principals are Slack's IDs of people.

    Keys that are for other namespaces alone are passed over.

    Raises:
        ValueError: a line is not taken; the message begins with its number.
    """
    found: dict[str, list[SignerKey]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            principals, _, rest = stripped.partition(" ")
            users = _users(principals)
            key = _for_plans(rest.strip())
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if key is not None:
            for user in users:
                found.setdefault(user, []).append(key)
    return {user: tuple(dict.fromkeys(keys)) for user, keys in found.items()}


def joined(*lists: Mapping[str, tuple[SignerKey, ...]]) -> dict[str, tuple[SignerKey, ...]]:
    """Give everybody's keys of several lists."""
    users = sorted({user for keys in lists for user in keys})
    return {user: tuple(dict.fromkeys(key for keys in lists for key in keys.get(user, ()))) for user in users}


def shared_keys(keys: Mapping[str, tuple[SignerKey, ...]]) -> Mapping[str, tuple[str, ...]]:
    """Give the keys that several people have, with these people: one signature would be the approval of each."""
    owners: dict[str, list[str]] = {}
    for user, line in sorted({(user, key.line) for user, own in keys.items() for key in own}):
        owners.setdefault(line, []).append(user)
    return {line: tuple(users) for line, users in owners.items() if len(users) > 1}


def without_shared(keys: Mapping[str, tuple[SignerKey, ...]]) -> dict[str, tuple[SignerKey, ...]]:
    """Give keys without those that several people have."""
    shared = shared_keys(keys)
    return {user: tuple(key for key in own if key.line not in shared) for user, own in keys.items()}


def _users(principals: str) -> list[str]:
    users = principals.strip('"').split(",")
    strange = next((user for user in users if not _USER.fullmatch(user)), None)
    if strange is not None:
        raise ValueError(f"{strange!r} is no Slack user's ID (U…); patterns and names are not taken")
    return users


def _for_plans(rest: str) -> SignerKey | None:
    """Read what stands behind the principals; None for a key of other namespaces."""
    if rest.split(" ", 1)[0] in KEY_TYPES:
        return read_key(rest)
    options, _, key = _divide(rest)
    named = _options(options)
    namespaces = named.get("namespaces")
    if namespaces is not None and NAMESPACE not in namespaces.split(","):
        return None
    return _key(key.split(), named)


def _divide(text: str) -> tuple[str, str, str]:
    """Divide options from the key: at the first space that is not within quotes."""
    quoted = False
    for place, letter in enumerate(text):
        if letter == '"' and text[place - 1 : place] != "\\":
            quoted = not quoted
        if letter in " \t" and not quoted:
            return text[:place], " ", text[place + 1 :].strip()
    return text, "", ""


def _options(text: str) -> dict[str, str]:
    found = dict(_each_option(text))
    if "cert-authority" in found:
        raise ValueError("`cert-authority` is not taken: list each person's own key")
    unknown = next((name for name in found if name not in ("namespaces", "valid-after", "valid-before")), None)
    if unknown is not None:
        kinds = ", ".join(sorted(KEY_TYPES))
        raise ValueError(f"{unknown!r} is no option that is taken, and no kind of key; there is: {kinds}")
    return found


def _each_option(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    seen: set[str] = set()
    while place < len(text):
        found = _OPTION.match(text, place)
        if found is None:
            raise ValueError(f"{text[:60]!r} is no kind of key, and no list of options")
        name = found[1].lower()
        if name in seen:
            raise ValueError(f"the option {name!r} stands there twice")
        seen.add(name)
        yield name, re.sub(r"\\(.)", r"\1", found[2] or "")
        place = found.end()


def _key(words: list[str], options: Mapping[str, str]) -> SignerKey:
    if len(words) < 2 or words[0] not in KEY_TYPES:
        named = words[0] if words else ""
        raise ValueError(f"{named[:60]!r} is no kind of key that is taken; there is: {', '.join(sorted(KEY_TYPES))}")
    data = _sound(words[0], words[1])
    after, before = (
        _time(name, options[name]) if name in options else None for name in ("valid-after", "valid-before")
    )
    if after is not None and before is not None and before <= after:
        raise ValueError("`valid-before` is not later than `valid-after`: the key is never valid")
    return SignerKey(words[0], data, after, before)


def _sound(kind: str, data: str) -> str:
    """Make sure that a key is what it says, and give it in base64."""
    try:
        blob = base64.b64decode(data, validate=True)
        reader = WireReader(blob)
        inner = reader.field().decode("ascii", "replace")
        fields = [reader.field()]
        while not reader.at_end:
            fields.append(reader.field())
    except (ValueError, WireError):
        raise ValueError("the key is damaged or cut short") from None
    if inner != kind:
        raise ValueError(f"the key says {kind}, and is of another kind inside")
    if kind == "ssh-rsa":
        bits = int.from_bytes(fields[-1], "big").bit_length()
        if bits < _MIN_RSA_BITS:
            raise ValueError(f"an RSA key of {bits} bits is too short; it needs {_MIN_RSA_BITS}")
    return base64.b64encode(blob).decode()


def _time(name: str, text: str) -> datetime:
    digits = text.removesuffix("Z")
    form = _TIMES.get(len(digits), "") if digits.isdecimal() else ""
    try:
        return datetime.strptime(digits, form).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"`{name}` must be YYYYMMDD[HHMM[SS]], in UTC: {text!r}") from None

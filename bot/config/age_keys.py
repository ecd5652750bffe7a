"""Keys of age, as the operations file has them. The library is loaded only where there is one."""

from __future__ import annotations

from bot.domain.secrets import Secret


def recipient(text: str) -> str:
    """Accept a public key.

    Args:
        text: `age1…`.

    Raises:
        ValueError: it is none.
    """
    import pyrage

    try:
        pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise ValueError("not a public key of age; `age-keygen` prints one: age1…") from error
    return text


def identity(text: str) -> Secret:
    """Accept a private key.

    Args:
        text: `AGE-SECRET-KEY-1…`.

    Raises:
        ValueError: it is none; the message does not repeat it.
    """
    import pyrage

    try:
        pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError as error:
        raise ValueError("not a private key of age; `age-keygen` writes one: AGE-SECRET-KEY-1…") from error
    return Secret(text)

"""`countersign sign`: on the signer's own machine. It needs no store, no configuration and no access to the bot."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.console.output import print_text, standard_error
from bot.domain.signatures.plan_text import MAX_BYTES, PlanTextError, read_plan_text, readable_part
from bot.domain.signatures.signer_keys import NAMESPACE, SignerKey, read_key

REFUSED = 1

_USUAL_KEYS = ("id_ed25519_sk", "id_ed25519", "id_ecdsa_sk", "id_ecdsa", "id_rsa")
_SECONDS = 10


class NotSignedError(Exception):
    """Nothing was signed; the message says why, and what would be right."""


def register(app: typer.Typer) -> None:
    """Register the command.

    Args:
        app: the program.
    """

    @app.command()
    def sign(
        file: Annotated[Path, typer.Argument(help="The plan.txt from the thread of the run, as it was saved.")],
        key: Annotated[
            Path | None, typer.Option("--key", help="A private key, or the public half of one that the agent has.")
        ] = None,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask before signing.")] = False,  # noqa: FBT002
    ) -> None:
        """Show a plan, check that text and digest belong together, sign it, and print the signature. 0, or 1."""
        err = standard_error()
        try:
            text = _checked(file)
            _show(text, err)
            if not yes and sys.stdin.isatty() and not typer.confirm("Sign exactly this plan?", err=True):
                raise NotSignedError("you said no")  # noqa: TRY301 - told like every other reason
            typer.echo(_signature(text, key), nl=False)
        except NotSignedError as reason:
            print_text(err, f"not signed: {reason}")
            raise typer.Exit(REFUSED) from None


def _checked(file: Path) -> str:
    """Read a plan's text and make sure that all its parts belong together."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise NotSignedError(f"{file} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise NotSignedError(f"{file} is no plan: it has more than {MAX_BYTES} bytes")
    try:
        text = data.decode("ascii")
        read_plan_text(text)
    except (UnicodeDecodeError, PlanTextError) as error:
        why = str(error) if isinstance(error, PlanTextError) else "it has characters other than printable ASCII"
        raise NotSignedError(
            f"{file}: {why}. Save it again from the thread; if that is the same, do not sign"
        ) from None
    return text


def _show(text: str, err: Console) -> None:
    for line in readable_part(text).splitlines():
        print_text(err, line)
    print_text(err, "\nText, plan and digest belong together.")
    ends = read_plan_text(text).expires_at
    if ends < datetime.now(UTC):
        print_text(
            err, f"The request has ended, {ends:%Y-%m-%d %H:%M:%S} UTC: the bot takes no signature of it any more."
        )


def _signature(text: str, key: Path | None) -> str:
    """Sign with a key file or the agent. Passphrases and touches are asked for by ssh-keygen itself."""
    with tempfile.TemporaryDirectory(prefix="countersign-sign-") as folder:
        used = key if key is not None else _only_key(Path(folder))
        if not used.exists():
            raise NotSignedError(f"there is no key {used}")
        # From standard input, so that no file is left beside the plan.
        signed = _run(["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", str(used)], text)
    if signed.returncode != 0 or "-----BEGIN SSH SIGNATURE-----" not in signed.stdout:
        raise NotSignedError(f"ssh-keygen did not sign with {used}: {signed.stderr.strip() or 'it said nothing'}")
    return signed.stdout


def _only_key(folder: Path) -> Path:
    """Choose the only key of the agent, as a file with its public half, or else the first usual key file."""
    keys = _of_agent()
    if len(keys) > 1:
        listed = ", ".join(key.fingerprint for key in keys)
        raise NotSignedError(f"the agent has {len(keys)} keys ({listed}); name the public half of one by --key")
    if keys:
        public = folder / "key.pub"
        public.write_text(f"{keys[0].line}\n", encoding="ascii")
        return public
    home = Path.home() / ".ssh"
    found = next((home / name for name in _USUAL_KEYS if (home / name).is_file()), None)
    if found is None:
        raise NotSignedError(
            f"the agent has no key, and {home} has none of {', '.join(_USUAL_KEYS)}; name one by --key"
        )
    return found


def _of_agent() -> list[SignerKey]:
    if not os.environ.get("SSH_AUTH_SOCK"):
        return []
    keys = []
    for line in _run(["ssh-add", "-L"], "", seconds=_SECONDS).stdout.splitlines():
        try:
            keys.append(read_key(line))
        except ValueError:
            continue  # certificates, and what else is no key to sign with
    return keys


def _run(words: list[str], text: str, seconds: int | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - fixed words and a path, no shell
            words, input=text, text=True, capture_output=True, check=False, timeout=seconds
        )
    except FileNotFoundError:
        raise NotSignedError(f"{words[0]} is not installed; it is a part of OpenSSH") from None
    except subprocess.TimeoutExpired:
        raise NotSignedError(f"{words[0]} did not answer within {seconds} s") from None

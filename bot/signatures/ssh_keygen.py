"""`ssh-keygen -Y verify`: whether a signature is of a text, by a key. Nothing else decides that."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from bot.domain.signatures.signer_keys import NAMESPACE, SignerKey

_SECONDS = 10.0
"""How long one check may take; it takes a few milliseconds."""

PROGRAM = "ssh-keygen"


class NotCheckedError(Exception):
    """A signature could not be checked; the message says why."""


async def is_signature(text: str, armour: str, key: SignerKey, user: str) -> bool:
    """Check whether a signature is of exactly this text, was made for plans, and by this key.

    Args:
        text: that must have been signed.
        armour: the signature.
        key: that must have made it.
        user: Slack's ID of whom the key belongs to.

    Raises:
        NotCheckedError: there is no `ssh-keygen`, or it does not answer in time.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise NotCheckedError(f"{PROGRAM} is not installed where the bot runs")
    try:
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="countersign-signature-")
        try:
            return await _verify(program, Path(folder), text, armour, key, user)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    except OSError as error:
        raise NotCheckedError(f"{PROGRAM} could not be run: {error.strerror}") from error


async def _verify(program: str, folder: Path, text: str, armour: str, key: SignerKey, user: str) -> bool:
    signers, signature = folder / "allowed_signers", folder / "signature"
    await asyncio.to_thread(_write, signers, f'{user} namespaces="{NAMESPACE}" {key.line}\n')
    await asyncio.to_thread(_write, signature, armour)
    process = await asyncio.create_subprocess_exec(
        *(program, "-Y", "verify", "-n", NAMESPACE, "-I", user, "-f", str(signers), "-s", str(signature)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath, "LC_ALL": "C"},
    )
    try:
        async with asyncio.timeout(_SECONDS):
            with suppress(
                BrokenPipeError, ConnectionResetError
            ):  # it has refused the signature before it read the text
                await process.communicate(text.encode())
            status = await process.wait()
    except TimeoutError:
        raise NotCheckedError(f"{PROGRAM} did not answer within {_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return status == 0


def _write(path: Path, content: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(content)

"""Encryption to an age key while bytes go by, held against the real `age`."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pyrage
import pytest

from bot.databases.backups.encryption import decrypted, encrypted
from bot.domain.errors import Reason, RefusedError
from bot.domain.secrets import Secret

PAIR = pyrage.x25519.Identity.generate()
KEY = Secret(str(PAIR))


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def whole(passing: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in passing])


@pytest.mark.parametrize("parts", [(), (b"x",), (b"", b"ab", b""), (b"x" * 3_000_001, b"y" * 65_536)])
async def test_what_is_encrypted_comes_back(parts: tuple[bytes, ...], tmp_path: Path) -> None:
    sealed = await whole(encrypted(chunks(*parts), str(PAIR.to_public())))
    assert await whole(decrypted(chunks(sealed), KEY)) == b"".join(parts)
    key, file = tmp_path / "key", tmp_path / "file"
    key.write_text(str(PAIR))
    file.write_bytes(sealed)
    opened = await asyncio.to_thread(
        subprocess.run, ["age", "--decrypt", "-i", str(key), str(file)], capture_output=True, check=True
    )
    assert opened.stdout == b"".join(parts)


async def test_what_age_encrypts_is_opened() -> None:
    made = await asyncio.to_thread(
        subprocess.run, ["age", "-r", str(PAIR.to_public())], input=b"a dump", capture_output=True, check=True
    )
    halves = (made.stdout[:40], made.stdout[40:])
    assert await whole(decrypted(chunks(*halves), KEY)) == b"a dump"


async def test_what_cannot_be_opened_says_why() -> None:
    sealed = await whole(encrypted(chunks(b"x" * 200_000), str(PAIR.to_public())))
    other = Secret(str(pyrage.x25519.Identity.generate()))
    for passing, said in (
        (decrypted(chunks(sealed), other), "cannot be decrypted"),
        (decrypted(chunks(sealed[:-10]), KEY), "is damaged"),
        (decrypted(chunks(b"not encrypted"), KEY), "cannot be decrypted"),
    ):
        with pytest.raises(RefusedError) as refused:
            await whole(passing)
        assert refused.value.problem.reason is Reason.BACKUP_STORE_FAILED
        assert said in refused.value.problem.facts["detail"]


async def test_a_source_that_fails_is_heard() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError, match="cut"):
        await whole(encrypted(failing(), str(PAIR.to_public())))


async def test_who_wants_no_more_leaves_no_thread_behind() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 300_000

    passing = encrypted(endless(), str(PAIR.to_public()))
    assert await anext(passing)
    async with asyncio.timeout(30):
        await passing.aclose()

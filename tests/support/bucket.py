"""A real S3-compatible server on this machine, in a process of its own."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from bot.domain.secrets import Secret
from bot.domain.targets.target import Bucket
from tests.support import eventually

_KEY, _SECRET = "AKIDEXAMPLE", "a-secret-of-the-bucket"


@dataclass(frozen=True)
class S3:
    """The server.

    Args:
        endpoint: its address.
    """

    endpoint: str

    def client(self) -> Any:
        """Another client than the bot's, to look with."""
        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=_KEY,
            aws_secret_access_key=_SECRET,
        )  # fmt: skip

    def bucket(self, name: str, prefix: str = "countersign") -> Bucket:
        """The bucket's section in an operations file."""
        return Bucket(name, "us-east-1", Secret(_KEY), Secret(_SECRET), self.endpoint, prefix)


@asynccontextmanager
async def s3_server() -> AsyncIterator[S3]:
    """Start the server on a free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await eventually(lambda: _listens(port), seconds=60)
        yield S3(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

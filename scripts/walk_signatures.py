"""Asks for signatures in the demonstration, attacks with a stolen Slack, signs as Bob does, and checks the receipt.

Usage: scripts/walk_signatures.py DIRECTORY
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from walking import Walker, walk

from bot.demo.tour.workspace_client import ChannelView, Message, payload
from bot.demo.workspace import DEPLOY, RELEASER

ROOT = Path(__file__).parents[1]


def countersign(folder: Path, *words: str) -> str:
    """Run the program as somebody does in a folder of their own."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def unsigned(channel: ChannelView) -> Message | None:
    """Give the request once it says whose signature is missing."""
    request = channel.newest("approval")
    return request if request is not None and "signature missing" in json.dumps(request["blocks"]) else None


async def story(walker: Walker) -> None:
    """Everybody's account says yes, and nothing runs; Bob's signature lets it begin."""
    starts = walker.demo.bot.starts
    await walker.choose("sign")
    await walker.client.until(lambda _: walker.demo.bot.starts > starts, "the bot's new start")
    run = await walker.ask(DEPLOY)
    await walker.gate(run)
    await walker.choose("cheat-slack")
    request = await walker.client.until(unsigned, "the missing signature")
    assert (payload(request)["given"], payload(request)["signatures"]) == (0, 0), payload(request)
    await walker.picture(run, "approval", "signatures-1-request")

    text = await walker.client.until(lambda channel: channel.content("plan.txt"), "plan.txt")
    folder = walker.demo.folder / "signer"
    folder.mkdir()
    (folder / "plan.txt").write_text(text)
    signature = countersign(folder, *walker.demo.keys.command(RELEASER).split()[1:])
    await walker.client.press(RELEASER, request, "run_sign")
    await walker.client.submit(RELEASER, {"signature": {"signature": signature}})
    assert await walker.end(run) == "succeeded"
    await walker.picture(run, "approval", "signatures-2-signed")

    (folder / "receipt.txt").write_text(countersign(walker.demo.folder / "bot", "receipt", run))
    print(countersign(folder, "receipt", "verify", "receipt.txt"))


if __name__ == "__main__":
    walk(story)

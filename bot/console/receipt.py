"""`countersign receipt`: a run as one file, and checking such a file without the bot's store or configuration."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.config.load import ENV_FILE
from bot.console.output import print_text, standard_error, standard_output
from bot.console.runs import Question
from bot.console.store_access import EnvOption, Terminal, ask, print_no_such_run, run_named
from bot.domain.runs.history import Record
from bot.domain.runs.run import Run
from bot.domain.signatures.plan_text import plan_text, plan_to_sign
from bot.domain.signatures.receipt import (
    Receipt,
    ReceivedSignature,
    faults,
    keys_of,
    read_receipt,
    receipt_text,
    signers_text,
)
from bot.domain.signatures.signer_keys import read_allowed_signers
from bot.signatures.ssh_keygen import NotCheckedError, is_signature
from bot.store import StoreReader, open_readonly
from bot.store.history.verify import records_after

HOLDS = 0
BROKEN = 1
USAGE = 2

_VERIFY = "verify"


def register(app: typer.Typer) -> None:
    """Register the command.

    Args:
        app: the program.
    """

    @app.command()
    def receipt(
        what: Annotated[str, typer.Argument(metavar="RUN|verify", help="A run, or `verify` and a file.")],
        file: Annotated[Path | None, typer.Argument(help="With `verify`: the receipt.")] = None,
        signers: Annotated[
            Path | None,
            typer.Option("--signers", help="With `verify`: your own allowed_signers; default: those of the receipt."),
        ] = None,
        env: EnvOption = None,
    ) -> None:
        """Write a run as one file that can be checked offline; `receipt verify FILE` checks one. 0, or 1."""
        out, err = standard_output(), standard_error()
        if what == _VERIFY and file is not None:
            raise typer.Exit(asyncio.run(verified(file, signers, out, err)))
        if what == _VERIFY or file is not None or signers is not None:
            print_text(err, "write `countersign receipt RUN`, or `countersign receipt verify FILE [--signers FILE]`")
            raise typer.Exit(USAGE)
        raise typer.Exit(asyncio.run(ask(env or ENV_FILE, os.environ, _written(what), out, err, open_readonly)))


def _written(typed: str) -> Question:
    async def question(reader: StoreReader, terminal: Terminal) -> int:
        run = await run_named(typed, reader)
        if run is None:
            await print_no_such_run(typed, reader, terminal)
            return BROKEN
        receipt = await receipt_of(run, reader)
        if receipt is None:
            print_text(terminal.err, f"{run.id} has no plan that anybody was asked to approve, so it has no receipt")
            return BROKEN
        text = receipt_text(receipt)
        if terminal.masker.mask(text) != text:
            print_text(terminal.err, f"the receipt of {run.id} would have a secret in it; it is not written")
            return BROKEN
        terminal.out.file.write(text)
        return HOLDS

    return question


async def receipt_of(run: Run, reader: StoreReader) -> Receipt | None:
    """Make the receipt of a run; None where nobody was asked to approve a plan.

    Args:
        run: as it is.
        reader: of the store.
    """
    wanted = plan_to_sign(run)
    own = await reader.history.of_run(run.id)
    if wanted is None or run.gate is None or not own:
        return None
    anchor = await reader.history.result_of(run.id)
    last = max(own[-1].sequence, anchor.sequence if anchor is not None else 0)
    records: list[Record] = []
    async for record in records_after(reader.history, own[0].sequence - 1):
        if record.sequence > last:
            break
        records.append(record)
    given = [signature for signature in run.signatures if signature.digest == run.gate.digest]
    keys: dict[str, list[str]] = {}
    for signature in given:
        keys.setdefault(signature.user, []).append(signature.key)
    return Receipt(
        run=run.id,
        plan=plan_text(wanted),
        signatures=tuple(ReceivedSignature(signature.user, signature.armour) for signature in given),
        signers=signers_text(keys),
        records=tuple(records),
        anchor=anchor,
    )


async def verified(file: Path, signers: Path | None, out: Console, err: Console) -> int:
    """Check a receipt, and print what holds and what does not.

    Args:
        file: the receipt.
        signers: whose keys count, as `allowed_signers`; None for those that the receipt names.
        out: standard output.
        err: standard error.

    Returns:
        The exit status.
    """
    try:
        text = await asyncio.to_thread(file.read_bytes)
        receipt = read_receipt(text.decode("utf-8"))
        listed = None if signers is None else await asyncio.to_thread(signers.read_text, encoding="utf-8")
        keys = keys_of(receipt) if listed is None else read_allowed_signers(listed)
        found = [*faults(receipt)]
        for number, signature in enumerate(receipt.signatures, start=1):
            own = keys.get(signature.user, ())
            checked = [await is_signature(receipt.plan, signature.armour, key, signature.user) for key in own]
            if not any(checked):
                found.append(f"signature {number} is not one of this plan by a key of {signature.user}")
    except (OSError, ValueError, NotCheckedError) as error:
        why = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        print_text(err, f"the receipt does not hold: {why}")
        return BROKEN
    if found:
        for each in found:
            print_text(err, f"the receipt does not hold: {each}")
        return BROKEN
    _tell(receipt, signers, out)
    return HOLDS


def _tell(receipt: Receipt, signers: Path | None, out: Console) -> None:
    first, last = receipt.records[0].sequence, receipt.records[-1].sequence
    print_text(out, f"the receipt of {receipt.run} holds: its plan, and records {first} to {last} of the history")
    people = ", ".join(dict.fromkeys(each.user for each in receipt.signatures))
    print_text(out, f"signed by {people}" if people else "not signed")
    if people and signers is None:
        for user, own in keys_of(receipt).items():
            for key in own:
                print_text(
                    out, f"  by the receipt's own word {user} has {key.fingerprint}: compare it, or give --signers"
                )
    anchor = receipt.anchor
    if anchor is None:
        print_text(out, "unanchored: the run has not ended")
    else:
        print_text(out, f"anchored where the outcome in Slack says record {anchor.sequence}, {anchor.hash}")

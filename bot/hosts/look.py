"""Reading a host's checkout without changing it: one script a host, one round trip."""

from __future__ import annotations

import secrets
from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.targets.host_identity import HostIdentity
from bot.domain.targets.look import ConfinedCommand, HostFacts, HostQuestion
from bot.hosts.channel import run_both
from bot.hosts.connections import Connections
from bot.hosts.look_answer import IncompleteAnswerError, parse_answer, parse_checksum
from bot.hosts.look_question import build_environment_question, build_question
from bot.sandbox.commit_command import SECONDS, WAIT

_SECONDS = 60.0


class HostLook:
    """Reads hosts.

    Args:
        connections: to the hosts.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        """Read one host, in one round trip; the framework is asked beside the rest where a commit is compared.

        Args:
            name: of the host.
            question: what is asked.

        Returns:
            What it answered.

        Raises:
            RefusedError: `host_unreachable`, `host_key_changed`, `host_login_refused`; `host_tool_missing` without git;
                `checkout_unreadable` where git refuses to read the checkout (its words are in `detail`); `bad_ref`.
        """
        if question.migrator is None or question.ref is None:
            return await self._host(name, question)
        # To compare a commit takes as long as to start the framework.
        framework = HostQuestion(question.path, migrator=question.migrator)
        facts, told = await run_both(self._host(name, replace(question, migrator=None)), self._host(name, framework))
        return replace(facts, migrator=told.migrator)

    async def _host(self, name: str, question: HostQuestion) -> HostFacts:
        detail = ""
        for _ in range(2):  # repeated once, because the connection may just have been lost
            nonce = secrets.token_hex(8)
            seconds = _SECONDS + (SECONDS + WAIT if isinstance(question.code, ConfinedCommand) else 0)
            answer = await self._connections.read(name, build_question(question, nonce), seconds, 32 * 1024 * 1024)
            try:
                return parse_answer(name, question, answer.stdout, nonce)
            except IncompleteAnswerError:
                detail = answer.stderr.decode(errors="replace").strip()[-500:]
        host = self._connections.host(name)
        detail = detail or "the answer was cut off"
        raise RefusedError(
            problem(Reason.HOST_UNREACHABLE, host=name, address=host.address, port=str(host.port), detail=detail)
        )

    def prepare(self, name: str) -> None:
        """Open a shell in the background, for a look that is about to be taken, where there is a connection.

        Args:
            name: of the host.
        """
        self._connections.prepare(name)

    async def identity(self, name: str, path: str) -> HostIdentity:
        """Read which host it is that answers, and the checksum of a folder's `.env`.

        Args:
            name: of the host.
            path: of the folder.

        Raises:
            RefusedError: as `host`; `checkout_missing`, the file is there and cannot be read.
        """
        answer, key = await self._connections.read_with_key(name, build_environment_question(path), _SECONDS)
        if answer.exit_status != 0:
            detail = answer.stderr.decode(errors="replace").strip()[-300:] or "no answer"
            raise RefusedError(problem(Reason.CHECKOUT_MISSING, host=name, path=f"{path}/.env", detail=detail))
        host = self._connections.host(name)
        return HostIdentity(name, host.address, host.port, host.user, key, parse_checksum(answer.stdout))

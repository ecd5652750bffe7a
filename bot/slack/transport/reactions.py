"""The reactions on a request to approve, read from Slack when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.domain.inbox import MessageState
from bot.domain.runs.run import Run
from bot.domain.targets.target import Emoji, EmojiNames
from bot.engine.ports import Occasion, ReactionsUnavailableError
from bot.engine.stores import MessageStore
from bot.slack.render.run_messages import approval_slot
from bot.slack.transport.call_budget import Importance
from bot.slack.transport.gateway import Gateway, SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.turns import ESSENTIAL, Urgency

_URGENCIES = {
    Occasion.CHANGE: ESSENTIAL,
    Occasion.EVENT: Urgency(Importance.VOTE),
    Occasion.ROUTINE: Urgency(Importance.PROGRESS),
}


class SlackReactions:
    """Implements `bot.engine.ports.ReactionReader`.

    Args:
        gateway: Slack's Web API.
        messages: what was posted about each run.
        emoji: those that count.
        own_user: returns the bot's own user ID, whose reactions are no votes; empty while it is unknown.
        changed: called with the run when the request to approve is gone, so that it is posted again, and when its
            reactions are refused, so that people are told.
    """

    def __init__(
        self,
        gateway: Gateway,
        messages: MessageStore,
        emoji: EmojiNames,
        own_user: Callable[[], str],
        changed: Callable[[str], None],
    ) -> None:
        self._gateway = gateway
        self._messages = messages
        self._emoji = emoji
        self._own_user = own_user
        self._changed = changed
        self._unreadable: dict[str, str] = {}

    def unreadable(self, run: str) -> str:
        """Return why Slack refused to read the reactions of a run the last time; empty where it did not."""
        return self._unreadable.get(run, "")

    async def reactions(self, run: Run, occasion: Occasion) -> Mapping[str, frozenset[Emoji]]:
        """Read the reactions that are on the request to approve now.

        Raises:
            ReactionsUnavailableError: Slack did not answer, or did not name everybody who reacted, or the request is
                just being posted: somebody may have reacted to it.
        """
        posted = (await self._messages.of_run(run.id)).get(approval_slot(run))
        if posted is None:
            return {}
        if posted.state is not MessageState.POSTED:
            raise ReactionsUnavailableError("the request is just being posted")
        if not self._own_user():
            raise ReactionsUnavailableError("the bot does not know its own user yet")
        try:
            reactions = await self._gateway.reactions_on(posted.channel, posted.ts, _URGENCIES[occasion])
        except SlackRefusedError as refused:
            if refused.error == "message_not_found":
                await self._messages.save(replace(posted, fingerprint=""))
                self._changed(run.id)
                return {}
            self._note(run.id, refused.error)
            raise ReactionsUnavailableError(refused.error) from None
        except (SlackBusyError, SlackUncertainError) as error:
            raise ReactionsUnavailableError(str(error)) from None
        self._unreadable.pop(run.id, None)
        meanings: dict[str, set[Emoji]] = {}
        for reaction in reactions:
            meaning = self._emoji.meaning(str(reaction.get("name", "")))
            if meaning is None:
                continue
            users = [str(user) for user in reaction.get("users", [])]
            if len(users) < int(reaction.get("count", len(users))):
                raise ReactionsUnavailableError("Slack did not name everybody who reacted")
            for user in users:
                if user != self._own_user():
                    meanings.setdefault(user, set()).add(meaning)
        return {user: frozenset(reactions) for user, reactions in meanings.items()}

    def _note(self, run: str, error: str) -> None:
        """Note a refusal, and have people told of it; it may be a long time until it is mended."""
        if self._unreadable.get(run) != error:
            self._unreadable[run] = error
            self._changed(run)

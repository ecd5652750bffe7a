"""blocks.validate: what Slack would refuse in blocks, a message or a view, without showing it anywhere."""

from __future__ import annotations

from typing import Any

from bot.playground.block_kit.blocks import Surface, check_blocks, check_view
from bot.playground.errors import SlackError
from bot.playground.rate_limits import Tier
from bot.playground.web_api.registry import MethodCall, method


@method("blocks.validate", tier=Tier.THREE)
def validate(call: MethodCall) -> dict[str, Any]:
    """Check exactly one of `blocks`, `message` and `view`, and list every problem with its JSON pointer."""
    given = [name for name in ("blocks", "message", "view") if call.arguments.get(name)]
    if len(given) != 1:
        raise SlackError("invalid_arguments", messages=["give exactly one of blocks, message, view [json-pointer:/]"])
    [name] = given
    content = call.json(name, f"invalid_{name}")
    if name == "view":
        problems = check_view(content)
    else:
        blocks = content.get("blocks") if name == "message" and isinstance(content, dict) else content
        problems = check_blocks(blocks, Surface.MESSAGE)
    if problems:
        errors = [_error(problem) for problem in problems]
        raise SlackError(f"invalid_{name}", details={"errors": errors})
    return {}


def _error(problem: str) -> dict[str, str]:
    text, _, pointer = problem.removesuffix("]").partition(" [json-pointer:")
    return {"pointer": pointer, "code": "failed_constraint", "message": text}

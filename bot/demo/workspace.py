"""The demonstration's workspace: its people, and the welcome on the page."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from bot.playground.workspace.default_workspace import DEFAULT_WORKSPACE

ENGINEER, RELEASER, ONCALL = "U0AMELIE", "U0BOB", "U0ONCALL"
RELEASERS = "S0RELEASE"
CHANNEL = "C0OPS"
BOT_TOKEN = DEFAULT_WORKSPACE["app"]["bot_token"]
APP_TOKEN = DEFAULT_WORKSPACE["app"]["app_token"]
DEPLOY = "/deploy compte production"

_LOCALES = {"en": "en-US", "fr": "fr-FR"}
"""In which locale everybody uses the workspace, by the language of `BOT_LANGUAGE`."""

_HINTS = {
    ENGINEER: "You ask for deploys.",
    RELEASER: "You countersign: react with ✅ to the request in the thread.",
    ONCALL: "You watch, and decide when something needs a person.",
}
_WELCOME = {
    "title": "A deploy in three moves",
    "text": f"*1.* You are *Amélie*, the engineer. Type `{DEPLOY}` here and press Enter.\n"
    "*2.* Open the thread, switch to *Bob*, the releaser, at the top, and react with ✅ to the request. "
    "Nothing in production changes before that.\n"
    "*3.* Watch the column `user_sessions.token_id` arrive. Then make the next commit, or kill the bot in the middle "
    "of a migration: both are under ⚡ at the top right.",
    "suggestions": [DEPLOY],
}

_FRENCH_HINTS = {
    ENGINEER: "Vous demandez les déploiements.",
    RELEASER: "Vous contresignez : réagissez avec ✅ à la demande, dans le fil.",
    ONCALL: "Vous êtes d'astreinte, et décidez quand une opération attend quelqu'un.",
}
_FRENCH_WELCOME = {
    "title": "Un déploiement en trois étapes",
    "text": f"*1.* Vous êtes *Amélie*, l'ingénieure. Tapez `{DEPLOY}` ici, puis Entrée.\n"
    "*2.* Ouvrez le fil, passez à *Bob* en haut de la page, et réagissez avec ✅ à la demande. "
    "Rien ne change en production avant cela.\n"
    "*3.* La colonne `user_sessions.token_id` arrive. Faites ensuite le commit suivant, ou tuez le bot au milieu "
    "d'une migration : les deux sont sous ⚡ en haut à droite.",
    "suggestions": [DEPLOY],
}


def workspace(language: str) -> dict[str, Any]:
    """Give the content of the workspace file (docs/playground-reference.md).

    Args:
        language: in which everybody uses it, as in `BOT_LANGUAGE`.
    """
    content = copy.deepcopy(DEFAULT_WORKSPACE)
    hints, welcome = (_FRENCH_HINTS, _FRENCH_WELCOME) if language == "fr" else (_HINTS, _WELCOME)
    for person in content["users"]:
        person["hint"] = hints.get(person["id"], "")
        # All of them are the one newcomer at this browser, with one clock on the wall.
        person["tz"] = ""
        person["locale"] = _LOCALES.get(language, "en-US")
    content["welcome"] = welcome
    return content


def write_workspace(file: Path, language: str) -> None:
    """Write the workspace file.

    Args:
        file: where to.
        language: in which everybody uses the workspace, as in `BOT_LANGUAGE`.
    """
    file.write_text(json.dumps(workspace(language), ensure_ascii=False, indent=2), encoding="utf-8")

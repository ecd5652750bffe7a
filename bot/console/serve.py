"""`countersign serve`: runs the bot."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

import structlog
import typer

from bot.config.load import ENV_FILE, load_configuration
from bot.config.problems import ConfigurationError
from bot.config.recipe_vars import check_recipe
from bot.logs import configure_logs

_CONFIGURATION = 2
_OTHER = 1


_REMEDIES = {
    "missing_scope": "Give the app token the scope connections:write.",
    "not_allowed_token_type": "The app token begins with xapp-; it is under Basic Information, App-Level Tokens.",
    "link_disabled": "Turn Socket Mode on in the app's settings.",
    "token_revoked": "Make another app token, and put it into SLACK_APP_TOKEN.",
}
"""What mends a refused app token, by Slack's own name of the reason."""


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: the console.
    """

    @app.command()
    def serve(env: Path = typer.Option(ENV_FILE, help="The file with the environment's variables.")) -> None:  # noqa: B008 - typer's way to declare an option
        """Run the bot until SIGTERM."""
        gc.disable()  # what is loaded stays: to walk it again and again takes a tenth of the start
        try:
            configuration = load_configuration(env, None, os.environ, check_recipe)
        except ConfigurationError as error:
            for problem in error.problems:
                sys.stderr.write(f"{problem}\n")
            sys.stderr.write("Nothing was started.\n")
            raise typer.Exit(_CONFIGURATION) from None
        configure_logs(configuration.settings.log_format, configuration.masker())
        # Loaded here: the other commands of the console start faster without Slack, SSH and SQL.
        from bot.app import serve as serve_bot
        from bot.slack import SlackLoginRefusedError, SocketModeRefusedError
        from bot.slack.render.catalog import CatalogError
        from bot.slack.translators import builtin_translators, own_translators
        from bot.store.sql.errors import StoreError

        gc.enable()
        try:
            own = configuration.settings.language_dir
            translators = own_translators(own) if own else builtin_translators(configuration.settings.bot_language)
        except CatalogError as error:
            sys.stderr.write(f"LANGUAGE_DIR: {error}\nNothing was started.\n")
            raise typer.Exit(_CONFIGURATION) from None
        try:
            asyncio.run(serve_bot(configuration, translators))
        except SocketModeRefusedError as error:
            remedy = _REMEDIES.get(error.error, "Look at the app token in the app's settings.")
            sys.stderr.write(f"{configuration.masker().mask(str(error))}. {remedy}\nNothing was started.\n")
            raise typer.Exit(_CONFIGURATION) from None
        except (StoreError, SlackLoginRefusedError, OSError) as error:
            sys.stderr.write(f"{configuration.masker().mask(str(error))}\n")
            raise typer.Exit(_OTHER) from None
        except Exception:
            structlog.get_logger().exception("stopped_by_an_error")
            raise typer.Exit(_OTHER) from None

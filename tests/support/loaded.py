"""What `serve` and its neighbours load and parse sooner or later, done once for all programs that are forked from here.

Each start of the program would else spend most of its time on imports, on the YAML of a recipe, and on collecting
garbage among all that was loaded.
"""

import gc
import importlib
from pathlib import Path

from bot.recipes.load import builtin_names, load_recipe

_COMMANDS = ("audit", "check", "demo", "doctor", "init", "manifest", "runs", "serve")
_MODULES = (
    *(f"bot.console.{command}" for command in _COMMANDS),
    "bot.app",
    "bot.store.migrations.missing",
    # What these load when they are used first.
    "alembic.command",
    "apscheduler.executors.asyncio",
    "apscheduler.triggers.interval",
    "encodings.idna",
    "mako.ext.pygmentplugin",
    "slack_bolt.listener_matcher.async_builtins",
    "sqlalchemy.dialects.postgresql",
    "typer._adapters",
)

for module in _MODULES:
    importlib.import_module(module)
for recipe in builtin_names():
    load_recipe(recipe, Path())
gc.collect()
gc.freeze()

"""Alembic's entry: runs the revisions on the connection that it is handed."""

from __future__ import annotations

from typing import Any

from alembic import context

from bot.store.schema import metadata

connection = context.config.attributes["connection"]
guard = context.config.attributes.get("guard")


def _migrated(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    """Let the guard look, in the transaction that notes a migration; Alembic calls this by these names."""
    del ctx, step, heads, run_args
    if guard is not None:
        guard(connection)


context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite's DDL is transactional, and the whole upgrade is one transaction there.
    transactional_ddl=connection.dialect.name == "sqlite",
    render_as_batch=connection.dialect.name == "sqlite",
    on_version_apply=_migrated,
)
with context.begin_transaction():
    context.run_migrations()

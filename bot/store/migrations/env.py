"""Alembic's entry: runs the revisions on the connection that it is handed."""

from __future__ import annotations

from alembic import context

from bot.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite's DDL is transactional, and the whole upgrade is one transaction there.
    transactional_ddl=connection.dialect.name == "sqlite",
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's entry; `tracking.schema.upgrade` hands over the connection."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="ferrero_alembic_version",  # Dagster's storage, which may share the database, has its own
)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's entry; `tracking.schema.upgrade` hands over the connection."""

from alembic import context

from ferrero_dagster.tracking.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()

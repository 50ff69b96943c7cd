"""Alembic's environment: migrates the connection that ``upgrade`` gives."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()

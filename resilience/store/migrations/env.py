"""What Alembic runs: every step that the connection it is handed has not had yet, in one transaction."""

from alembic import context

from resilience.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()

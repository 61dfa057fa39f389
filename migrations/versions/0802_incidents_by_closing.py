"""Incidents in the order in which they were closed."""

from alembic import op

revision = "0802"
down_revision = "0801"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # For the feed, which lists the latest, and for deleting incidents past their retention.
    op.execute("""
        CREATE INDEX incidents_by_closing ON incidents (closed_at) WHERE closed_at IS NOT NULL
    """)


def downgrade() -> None:
    op.execute("DROP INDEX incidents_by_closing")

"""The id of the request that created a row, for the logs of the processes that act on it."""

from alembic import op

revision = "1001"
down_revision = "0803"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null for existing rows: no table is rewritten, and an older release that still runs need
    # not know these columns.
    op.execute("ALTER TABLE monitors ADD COLUMN request_id text")
    op.execute("ALTER TABLE notifications ADD COLUMN request_id text")


def downgrade() -> None:
    op.execute("ALTER TABLE notifications DROP COLUMN request_id")
    op.execute("ALTER TABLE monitors DROP COLUMN request_id")

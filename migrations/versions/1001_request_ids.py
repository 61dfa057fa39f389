"""The id of the request that made a row, for the logs of those who act on it."""

from alembic import op

revision = "1001"
down_revision = "0803"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null for all rows that are there: no table is written anew, and an older version that still
    # runs need not know of them.
    op.execute("ALTER TABLE monitors ADD COLUMN request_id text")
    op.execute("ALTER TABLE notifications ADD COLUMN request_id text")


def downgrade() -> None:
    op.execute("ALTER TABLE notifications DROP COLUMN request_id")
    op.execute("ALTER TABLE monitors DROP COLUMN request_id")

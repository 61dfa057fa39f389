"""What channels answered to notifications."""

from alembic import op

revision = "0803"
down_revision = "0802"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE notifications ADD COLUMN answer text")


def downgrade() -> None:
    op.execute("ALTER TABLE notifications DROP COLUMN answer")

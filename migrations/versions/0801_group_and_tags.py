"""A group and tags for monitors."""

from alembic import op

revision = "0801"
down_revision = "0703"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Both have a value for existing rows, and for rows that the previous release still adds
    # during an update. Neither makes PostgreSQL rewrite the table. "group" itself is an SQL
    # keyword and would need quotes everywhere.
    op.execute("""
        ALTER TABLE monitors
            ADD COLUMN group_name text,
            ADD COLUMN tags text[] NOT NULL DEFAULT '{}'
    """)


def downgrade() -> None:
    op.execute("ALTER TABLE monitors DROP COLUMN group_name, DROP COLUMN tags")

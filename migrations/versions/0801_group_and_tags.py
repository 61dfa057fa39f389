"""A group and tags for monitors."""

from alembic import op

revision = "0801"
down_revision = "0703"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Both have a value for the rows that are there, and for those that an instance of the version
    # before still adds during an update. Neither makes PostgreSQL write the table anew. "group"
    # itself is a word of SQL and would need quotes everywhere.
    op.execute("""
        ALTER TABLE monitors
            ADD COLUMN group_name text,
            ADD COLUMN tags text[] NOT NULL DEFAULT '{}'
    """)


def downgrade() -> None:
    op.execute("ALTER TABLE monitors DROP COLUMN group_name, DROP COLUMN tags")

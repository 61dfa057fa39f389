"""API keys."""

from alembic import op

revision = "1201"
down_revision = "1001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A new table, so no existing table is locked. A SHA-256 digest has 32 bytes; keys are looked
    # up by it, in the index that keeps it unique.
    op.execute("""
        CREATE TABLE api_keys (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text NOT NULL,
            prefix text NOT NULL,
            digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
            scope text NOT NULL CHECK (scope IN ('read', 'write')),
            requests_per_minute integer CHECK (requests_per_minute > 0),
            created_at timestamptz NOT NULL DEFAULT now(),
            last_used_at timestamptz,
            expires_at timestamptz,
            revoked_at timestamptz
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE api_keys")

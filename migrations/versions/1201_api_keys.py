"""API keys."""

from alembic import op

revision = "1201"
down_revision = "1001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A new table: nothing that is there is locked. SHA-256 has 32 bytes; a key that is looked for
    # is found by them, in the index that keeps them unique.
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

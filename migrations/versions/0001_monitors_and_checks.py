"""Monitors, their states and their checks."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE monitors (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text NOT NULL,
            kind text NOT NULL,
            spec jsonb NOT NULL,
            interval_seconds integer NOT NULL,
            timeout_seconds double precision NOT NULL,
            confirmations integer NOT NULL,
            version integer NOT NULL DEFAULT 1,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    # Leave half of every page free: each check updates a state, and the new version of the row
    # is stored next to the old one.
    op.execute("""
        CREATE TABLE states (
            monitor_id integer PRIMARY KEY REFERENCES monitors (id) ON DELETE CASCADE,
            state text NOT NULL DEFAULT 'pending',
            since timestamptz NOT NULL DEFAULT now(),
            failures integer NOT NULL DEFAULT 0,
            checked_at timestamptz,
            latency_ms real,
            error text
        ) WITH (fillfactor = 50)
    """)
    op.execute("""
        CREATE TABLE checks (
            monitor_id integer NOT NULL,
            scheduled_at timestamptz NOT NULL,
            checked_at timestamptz NOT NULL,
            ok boolean NOT NULL,
            status_code smallint,
            latency_ms real,
            dns_ms real,
            connect_ms real,
            tls_ms real,
            first_byte_ms real,
            error text,
            PRIMARY KEY (monitor_id, scheduled_at)
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE checks, states, monitors")

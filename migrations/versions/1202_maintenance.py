"""Maintenance windows, and the periods that are made from them."""

from alembic import op

revision = "1202"
down_revision = "1201"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # New tables only: tables that are constantly written get no column or index. The foreign key
    # briefly needs a lock on monitors, and gives up rather than block all others behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE maintenance_windows (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text NOT NULL,
            all_monitors boolean NOT NULL DEFAULT false,
            groups text[] NOT NULL DEFAULT '{}',
            tags text[] NOT NULL DEFAULT '{}',
            starts_at timestamptz,
            ends_at timestamptz,
            recurrence jsonb,
            version integer NOT NULL DEFAULT 1,
            created_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    op.execute("""
        CREATE TABLE maintenance_monitors (
            window_id integer NOT NULL REFERENCES maintenance_windows (id) ON DELETE CASCADE,
            monitor_id integer NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
            PRIMARY KEY (window_id, monitor_id)
        )
    """)
    # For deleting a monitor.
    op.execute("CREATE INDEX maintenance_monitors_by_monitor ON maintenance_monitors (monitor_id)")
    op.execute("""
        CREATE TABLE maintenance_periods (
            window_id integer NOT NULL REFERENCES maintenance_windows (id) ON DELETE CASCADE,
            starts_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            PRIMARY KEY (window_id, starts_at),
            CONSTRAINT maintenance_periods_in_order CHECK (starts_at <= ends_at)
        )
    """)
    # Finds the periods that overlap a time, however many are before and after it: queried with
    # every batch of results.
    op.execute("""
        CREATE INDEX maintenance_periods_by_time ON maintenance_periods
        USING gist (tstzrange(starts_at, ends_at))
    """)


def downgrade() -> None:
    op.execute("DROP TABLE maintenance_periods, maintenance_monitors, maintenance_windows")

"""Locations: monitors that are checked from several places."""

from alembic import op

revision = "1203"
down_revision = "1202"
branch_labels = None
depends_on = None

# As for `schedule` and `states`: small tables that every check updates.
_WRITTEN_OFTEN = """
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
"""


def upgrade() -> None:
    # Null or constant for existing rows, so neither table is rewritten, nor any partition. A
    # previous release that still runs does not know locations, and adds monitors without them.
    op.execute("ALTER TABLE checks ADD COLUMN location text")
    op.execute("""
        ALTER TABLE monitors
            ADD COLUMN locations text[] NOT NULL DEFAULT '{}',
            ADD COLUMN min_failing_locations integer NOT NULL DEFAULT 1
    """)
    op.execute("""
        CREATE TABLE locations (name text PRIMARY KEY, seen_at timestamptz NOT NULL)
    """)
    # A separate table, not columns in `schedule`: claims of monitors without locations, of which
    # there may be many more, keep their narrow rows and indexes. And during an update, a worker
    # of the previous release can't claim a check that it would record without a location.
    op.execute(f"""
        CREATE TABLE location_schedule (
            monitor_id integer NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
            location text NOT NULL,
            due_at timestamptz NOT NULL DEFAULT now(),
            claimable_at timestamptz NOT NULL DEFAULT 'infinity',
            lease bigint
        ) WITH ({_WRITTEN_OFTEN})
    """)
    op.execute("CREATE INDEX ix_location_schedule_monitor_id ON location_schedule (monitor_id)")
    op.execute("""
        CREATE INDEX ix_location_schedule_location_claimable_at
        ON location_schedule (location, claimable_at)
    """)
    op.execute(f"""
        CREATE TABLE location_states (
            monitor_id integer NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
            location text NOT NULL,
            state text NOT NULL DEFAULT 'pending',
            since timestamptz NOT NULL DEFAULT now(),
            failures integer NOT NULL DEFAULT 0,
            checked_at timestamptz,
            unbroken_since timestamptz,
            latency_ms real,
            error text
        ) WITH ({_WRITTEN_OFTEN})
    """)
    op.execute("""
        CREATE INDEX ix_location_states_monitor_id_location_checked_at
        ON location_states (monitor_id, location, checked_at)
    """)


def downgrade() -> None:
    op.execute("DROP TABLE location_states, location_schedule, locations")
    # Monitors that had locations are now checked from anywhere.
    op.execute("""
        INSERT INTO schedule (monitor_id, claimable_at)
        SELECT monitor_id, CASE WHEN state = 'paused' THEN 'infinity' ELSE now() END
        FROM states s
        WHERE NOT EXISTS (SELECT FROM schedule WHERE monitor_id = s.monitor_id)
    """)
    op.execute("""
        ALTER TABLE monitors DROP COLUMN locations, DROP COLUMN min_failing_locations
    """)
    op.execute("ALTER TABLE checks DROP COLUMN location")

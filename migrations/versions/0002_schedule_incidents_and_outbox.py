"""The schedule, hourly sums, incidents, channels and the outbox; checks in partitions by day."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE monitors
            ADD COLUMN channel_ids integer[],
            ADD COLUMN token text UNIQUE
    """)
    # What is there already is due at once.
    op.execute("""
        ALTER TABLE states
            ADD COLUMN due_at timestamptz NOT NULL DEFAULT now(),
            ADD COLUMN claimable_at timestamptz NOT NULL DEFAULT now(),
            ADD COLUMN lease bigint,
            ADD COLUMN hour timestamptz NOT NULL DEFAULT date_trunc('hour', now(), 'UTC'),
            ADD COLUMN hour_checks integer NOT NULL DEFAULT 0,
            ADD COLUMN hour_up integer NOT NULL DEFAULT 0,
            ADD COLUMN hour_latencies smallint[] NOT NULL
                DEFAULT array_fill(0::smallint, ARRAY[65])
    """)
    op.execute("CREATE INDEX ix_states_claimable_at ON states (claimable_at)")
    op.execute("UPDATE states SET claimable_at = 'infinity' WHERE state = 'paused'")
    op.execute("""
        CREATE TABLE hours (
            monitor_id integer NOT NULL,
            hour timestamptz NOT NULL,
            checks integer NOT NULL,
            up integer NOT NULL,
            latencies smallint[] NOT NULL,
            PRIMARY KEY (monitor_id, hour)
        )
    """)
    # Old results are dropped by the day: a partition goes in a moment, where deleting its rows
    # one by one would take minutes and leave their place behind. The table as it is becomes
    # the first partition, so no row is copied; what it holds ends with the day after tomorrow,
    # and from there each day has its own.
    op.execute("ALTER TABLE checks RENAME TO checks_before")
    op.execute("ALTER INDEX checks_pkey RENAME TO checks_before_pkey")
    op.execute("""
        CREATE TABLE checks (LIKE checks_before, PRIMARY KEY (monitor_id, scheduled_at))
        PARTITION BY RANGE (scheduled_at)
    """)
    op.execute("""
        DO $$
        DECLARE day date := (now() AT TIME ZONE 'UTC')::date + 2;
        BEGIN
            EXECUTE format(
                'ALTER TABLE checks ATTACH PARTITION checks_before '
                'FOR VALUES FROM (MINVALUE) TO (%L)',
                day::timestamp AT TIME ZONE 'UTC');
            FOR number IN 0..6 LOOP
                EXECUTE format(
                    'CREATE TABLE checks_%s PARTITION OF checks FOR VALUES FROM (%L) TO (%L)',
                    to_char(day + number, 'YYYYMMDD'),
                    (day + number)::timestamp AT TIME ZONE 'UTC',
                    (day + number + 1)::timestamp AT TIME ZONE 'UTC');
            END LOOP;
        END $$
    """)
    op.execute("""
        CREATE TABLE incidents (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            monitor_id integer NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
            opened_at timestamptz NOT NULL,
            closed_at timestamptz,
            cause text NOT NULL,
            acknowledged_at timestamptz,
            acknowledged_by text
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX incidents_one_open ON incidents (monitor_id) WHERE closed_at IS NULL
    """)
    op.execute("CREATE INDEX incidents_by_monitor ON incidents (monitor_id, id)")
    op.execute("""
        CREATE TABLE channels (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text NOT NULL,
            kind text NOT NULL,
            url text NOT NULL,
            secret text,
            created_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    op.execute("""
        CREATE TABLE notifications (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            channel_id integer NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
            incident_id integer REFERENCES incidents (id) ON DELETE CASCADE,
            event text NOT NULL,
            payload jsonb NOT NULL,
            state text NOT NULL DEFAULT 'pending',
            attempts integer NOT NULL DEFAULT 0,
            next_attempt_at timestamptz NOT NULL DEFAULT now(),
            last_error text,
            created_at timestamptz NOT NULL DEFAULT now(),
            sent_at timestamptz,
            CONSTRAINT notifications_once UNIQUE (incident_id, channel_id, event)
        )
    """)
    op.execute("""
        CREATE INDEX notifications_pending ON notifications (next_attempt_at)
        WHERE state = 'pending'
    """)


def downgrade() -> None:
    op.execute("DROP TABLE notifications, channels, incidents, hours")
    op.execute("ALTER TABLE checks RENAME TO checks_by_day")
    op.execute("CREATE TABLE checks (LIKE checks_by_day, PRIMARY KEY (monitor_id, scheduled_at))")
    op.execute("INSERT INTO checks SELECT * FROM checks_by_day")
    op.execute("DROP TABLE checks_by_day")
    op.execute("""
        ALTER TABLE states
            DROP COLUMN due_at, DROP COLUMN claimable_at, DROP COLUMN lease, DROP COLUMN hour,
            DROP COLUMN hour_checks, DROP COLUMN hour_up, DROP COLUMN hour_latencies
    """)
    op.execute("ALTER TABLE monitors DROP COLUMN channel_ids, DROP COLUMN token")

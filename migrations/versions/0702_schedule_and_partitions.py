"""The schedule, hourly and daily sums, and checks in partitions by day."""

from alembic import op

revision = "0702"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE monitors ADD COLUMN token text UNIQUE")
    # A narrow row, because every check writes a new version of it and an entry in both indexes.
    # Neither index is unique: to insert into a unique index PostgreSQL visits all versions of the
    # row that a snapshot, such as a dump's, still holds, and every check adds one. Vacuum runs by
    # row count and without pauses: the table is small and always in memory.
    op.execute("""
        CREATE TABLE schedule (
            monitor_id integer NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
            due_at timestamptz NOT NULL DEFAULT now(),
            claimable_at timestamptz NOT NULL DEFAULT now(),
            lease bigint,
            expected_from timestamptz NOT NULL DEFAULT now()
        ) WITH (
            fillfactor = 50,
            autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_threshold = 5000,
            autovacuum_vacuum_cost_delay = 0
        )
    """)
    op.execute("CREATE INDEX ix_schedule_monitor_id ON schedule (monitor_id)")
    op.execute("CREATE INDEX ix_schedule_claimable_at ON schedule (claimable_at)")
    # Existing monitors are due at once.
    op.execute("""
        INSERT INTO schedule (monitor_id, claimable_at)
        SELECT monitor_id, CASE WHEN state = 'paused' THEN 'infinity' ELSE now() END
        FROM states
    """)
    op.execute("""
        ALTER TABLE states
            ADD COLUMN hour timestamptz NOT NULL DEFAULT date_trunc('hour', now(), 'UTC'),
            ADD COLUMN hour_checks integer NOT NULL DEFAULT 0,
            ADD COLUMN hour_failed integer NOT NULL DEFAULT 0,
            ADD COLUMN hour_up_ms integer NOT NULL DEFAULT 0,
            ADD COLUMN hour_down_ms integer NOT NULL DEFAULT 0,
            ADD COLUMN hour_latencies smallint[] NOT NULL
                DEFAULT array_fill(0::smallint, ARRAY[65])
    """)
    # Every check updates a state too, so for the same reason its only index is not unique. It
    # includes the time, so that a state's newest version is found first.
    op.execute("ALTER TABLE states DROP CONSTRAINT states_pkey")
    op.execute("CREATE INDEX ix_states_monitor_id_checked_at ON states (monitor_id, checked_at)")
    op.execute("""
        ALTER TABLE states SET (
            autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_threshold = 20000,
            autovacuum_vacuum_cost_delay = 0
        )
    """)
    for table, begin in (("hourly_stats", "hour"), ("daily_stats", "day")):
        op.execute(f"""
            CREATE TABLE {table} (
                monitor_id integer NOT NULL,
                {begin} timestamptz NOT NULL,
                checks integer NOT NULL,
                failed integer NOT NULL,
                up_ms integer NOT NULL,
                down_ms integer NOT NULL,
                latencies smallint[],
                PRIMARY KEY (monitor_id, {begin})
            )
        """)
        # For the summary of all monitors, and for deleting rows past their retention.
        op.execute(f"CREATE INDEX ix_{table}_{begin} ON {table} ({begin})")
    # Old results are dropped by day: dropping a partition takes a moment, while deleting its rows
    # would take minutes and not return their space. The existing table becomes the first
    # partition, so no row is copied; it ends with tomorrow, and every later day has its own.
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
    # For days that have no partition yet, after a long downtime or a jump of the clock.
    op.execute("CREATE TABLE checks_default PARTITION OF checks DEFAULT")


def downgrade() -> None:
    op.execute("DROP TABLE schedule, hourly_stats, daily_stats")
    op.execute("ALTER TABLE checks RENAME TO checks_by_day")
    op.execute("CREATE TABLE checks (LIKE checks_by_day, PRIMARY KEY (monitor_id, scheduled_at))")
    op.execute("INSERT INTO checks SELECT * FROM checks_by_day")
    op.execute("DROP TABLE checks_by_day")
    op.execute("""
        ALTER TABLE states
            DROP COLUMN hour, DROP COLUMN hour_checks, DROP COLUMN hour_failed,
            DROP COLUMN hour_up_ms, DROP COLUMN hour_down_ms, DROP COLUMN hour_latencies
    """)
    op.execute("""
        ALTER TABLE states RESET (
            autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
            autovacuum_vacuum_cost_delay
        )
    """)
    op.execute("DROP INDEX ix_states_monitor_id_checked_at")
    op.execute("ALTER TABLE states ADD PRIMARY KEY (monitor_id)")
    op.execute("ALTER TABLE monitors DROP COLUMN token")

"""Incidents, channels and the outbox of notifications."""

from alembic import op

revision = "0703"
down_revision = "0702"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # True: all channels are notified, even those added later. False: those in monitor_channels.
    op.execute("ALTER TABLE monitors ADD COLUMN all_channels boolean NOT NULL DEFAULT true")
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
            failures integer NOT NULL DEFAULT 0,
            retry_at timestamptz,
            version integer NOT NULL DEFAULT 1,
            created_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    op.execute("""
        CREATE TABLE monitor_channels (
            monitor_id integer NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
            channel_id integer NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
            PRIMARY KEY (monitor_id, channel_id)
        )
    """)
    # For deleting a channel, which looks up the monitors that name it.
    op.execute("CREATE INDEX monitor_channels_by_channel ON monitor_channels (channel_id)")
    op.execute("""
        CREATE TABLE notifications (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            channel_id integer NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
            monitor_id integer REFERENCES monitors (id) ON DELETE CASCADE,
            incident_id integer REFERENCES incidents (id) ON DELETE CASCADE,
            event text NOT NULL,
            payload jsonb NOT NULL,
            state text NOT NULL DEFAULT 'pending',
            attempts integer NOT NULL DEFAULT 0,
            sending boolean NOT NULL DEFAULT false,
            next_attempt_at timestamptz NOT NULL DEFAULT now(),
            give_up_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
            last_error text,
            created_at timestamptz NOT NULL DEFAULT now(),
            sent_at timestamptz,
            CONSTRAINT notifications_once UNIQUE (incident_id, channel_id, event)
        )
    """)
    # Stays small, because only unsent notifications are in it.
    op.execute("""
        CREATE INDEX notifications_pending ON notifications (channel_id, next_attempt_at, id)
        WHERE state = 'pending'
    """)
    # For the notifications of one monitor and channel, in order.
    op.execute("""
        CREATE INDEX notifications_in_order ON notifications (monitor_id, channel_id, id)
    """)
    # For deleting a channel, and notifications past their retention.
    op.execute("CREATE INDEX notifications_by_channel ON notifications (channel_id)")
    op.execute("""
        CREATE INDEX notifications_settled ON notifications (created_at) WHERE state <> 'pending'
    """)


def downgrade() -> None:
    op.execute("DROP TABLE notifications, monitor_channels, channels, incidents")
    op.execute("ALTER TABLE monitors DROP COLUMN all_channels")

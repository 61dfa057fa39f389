"""The metrics of a process's own work. Names, units and labels follow Prometheus' conventions.

Labels are bounded: kinds, outcomes, route templates, and monitors up to a limit. Nothing that a
client or a target sends can create a new series.
"""

from prometheus_client import Counter, Gauge, Histogram

# Seconds: from a cached response to a request that waits for the database.
_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# From a port on the local network to the longest timeout.
_PROBE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
# A check begins within milliseconds of its time, or something is wrong.
_LATENESS_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0)

REQUESTS = Histogram(
    "stagewatch_http_request_duration_seconds",
    "Time from a request to the end of its response. `route` is the path template.",
    ["method", "route", "status"],
    buckets=_REQUEST_BUCKETS,
)

CHECKS = Counter(
    "stagewatch_checks_total",
    "Checks. `outcome`: ok, failed, or unmade because the checker lacks a resource.",
    ["kind", "outcome"],
)
PROBES = Histogram(
    "stagewatch_probe_duration_seconds",
    "Duration of a probe of a target, whatever its outcome.",
    ["kind"],
    buckets=_PROBE_BUCKETS,
)
LATENESS = Histogram(
    "stagewatch_check_lateness_seconds",
    "Time from when a check was due until it began.",
    buckets=_LATENESS_BUCKETS,
)
CLAIMED = Counter("stagewatch_claimed_total", "Checks claimed by this worker.")
RUNNING = Gauge(
    "stagewatch_checks_in_progress",
    "Checks in a worker: waiting for their due time, probing, or waiting to be stored.",
    multiprocess_mode="livesum",
)
STORED = Counter("stagewatch_results_stored_total", "Check results stored.")
LAST_CLAIM = Gauge(
    "stagewatch_last_claim_timestamp_seconds",
    "When this worker last looked for due checks, by its own clock.",
    multiprocess_mode="livemax",
)
WAKE_UPS = Counter("stagewatch_wake_ups_total", "Wake-ups that beat has sent to the broker.")
CERTIFICATES = Gauge(
    "stagewatch_certificate_expiry_timestamp_seconds",
    "When the certificate of a monitor's target expires.",
    ["monitor_id"],
    multiprocess_mode="livemostrecent",
)

DELIVERIES = Counter(
    "stagewatch_notification_attempts_total",
    "Attempts to send a notification. `outcome`: sent or failed.",
    ["kind", "outcome"],
)

STREAMS = Gauge(
    "stagewatch_event_streams",
    "Clients connected to this process's event streams.",
    multiprocess_mode="livesum",
)
CONNECTIONS = Gauge(
    "stagewatch_database_connections",
    "Connections in this process's pools. `state`: in_use or idle.",
    ["state"],
    multiprocess_mode="livesum",
)
CONNECTIONS_MAX = Gauge(
    "stagewatch_database_connections_max",
    "The most connections that this process's pools may open.",
    multiprocess_mode="livesum",
)
# The container's own file system, which with Docker's defaults shares a disk with the volumes.
DISK_FREE = Gauge(
    "stagewatch_disk_free_bytes", "Free space on the disk.", multiprocess_mode="livemostrecent"
)
DISK_SIZE = Gauge(
    "stagewatch_disk_size_bytes", "Size of the disk.", multiprocess_mode="livemostrecent"
)

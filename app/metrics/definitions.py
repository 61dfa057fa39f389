"""What a process counts of its own work. Names, units and labels follow Prometheus' conventions.

Labels are bounded: kinds, outcomes, routes by their template, and monitors up to a limit.
Whatever a client or a target sends can't make a new series.
"""

from prometheus_client import Counter, Gauge, Histogram

# Seconds. From a cached answer to a request that waits for its database.
_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# From a neighbour's port to the longest timeout.
_PROBE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
# A check begins at its moment, give or take milliseconds, or something is wrong.
_LATENESS_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0)

REQUESTS = Histogram(
    "stagewatch_http_request_duration_seconds",
    "Time from a request to the end of its answer. `route` is the template of the path.",
    ["method", "route", "status"],
    buckets=_REQUEST_BUCKETS,
)

CHECKS = Counter(
    "stagewatch_checks_total",
    "Checks made. `outcome`: ok, failed, or unmade for want of something of the checker's own.",
    ["kind", "outcome"],
)
PROBES = Histogram(
    "stagewatch_probe_duration_seconds",
    "Time that a probe of a target took, whatever its outcome.",
    ["kind"],
    buckets=_PROBE_BUCKETS,
)
LATENESS = Histogram(
    "stagewatch_check_lateness_seconds",
    "Time from the moment for which a check was planned to its beginning.",
    buckets=_LATENESS_BUCKETS,
)
CLAIMED = Counter("stagewatch_claimed_total", "Checks claimed by this worker.")
RUNNING = Gauge(
    "stagewatch_checks_in_progress",
    "Checks that a worker has: waiting for their moment, probing, or waiting to be stored.",
    multiprocess_mode="livesum",
)
STORED = Counter("stagewatch_results_stored_total", "Results of checks stored.")
LAST_CLAIM = Gauge(
    "stagewatch_last_claim_timestamp_seconds",
    "When this worker last looked for what is due, by its own clock.",
    multiprocess_mode="livemax",
)
WAKE_UPS = Counter("stagewatch_wake_ups_total", "Wake-ups that beat has sent to the broker.")
CERTIFICATES = Gauge(
    "stagewatch_certificate_expiry_timestamp_seconds",
    "When the certificate that a monitor's target shows expires.",
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
    "Clients that listen to this process's events.",
    multiprocess_mode="livesum",
)
CONNECTIONS = Gauge(
    "stagewatch_database_connections",
    "Connections of this process's pools. `state`: in_use or idle.",
    ["state"],
    multiprocess_mode="livesum",
)
# Of the container's own file system, which with Docker's defaults is on the disk of the volumes.
DISK_FREE = Gauge(
    "stagewatch_disk_free_bytes", "Room left on the disk.", multiprocess_mode="livemostrecent"
)
DISK_SIZE = Gauge(
    "stagewatch_disk_size_bytes", "Size of the disk.", multiprocess_mode="livemostrecent"
)

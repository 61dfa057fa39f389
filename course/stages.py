"""The stages of the course: their titles and what they add."""

TITLES = {
    "00": ("The frame", "what does not change along the way"),
    "01": ("Docker basics", "official images, ports, logs, exec"),
    "02": ("A Python script in a container", "the first Dockerfile and the probe"),
    "03": ("Flask", "a web application, its port and its environment"),
    "04": ("FastAPI production image", "slim, not root, a health check"),
    "05": ("PostgreSQL", "monitors and their checks, migrations, a named volume"),
    "06": ("Compose with Redis", "the local stack in one command, cache, rate limit"),
    "07": ("Celery workers", "monitors checked on schedule, incidents, notifications"),
    "08": ("Nginx", "the only way in, status page, console, live updates"),
    "09": ("Multi-stage builds", "nothing in the image that is not run"),
    "10": ("Logs and monitoring", "JSON logs, Prometheus, alerts, Grafana"),
    "11": ("CI/CD", "test, build, scan, release by tag"),
    "12": ("The production system", "secrets, limits, TLS, backups, rolling updates"),
}


def title(number: str) -> str:
    """Return the title of stage ``number`` (two digits), or an empty string if it has none."""
    return TITLES.get(number, ("", ""))[0]


def summary(number: str) -> str:
    """Return the title of stage ``number`` and what the stage adds, as one line."""
    return ": ".join(part for part in TITLES.get(number, ()) if part)

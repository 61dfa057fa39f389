"""Stage 10: metrics of every container, and an alert that arrives."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from deploy import secret_files
from tests.stack.support import ROOT, Stack, docker, request, secrets_folder, wait_for

JOBS = {"api", "worker", "beat", "postgres", "redis", "nginx", "alertmanager", "prometheus"}
# In settings; the last part of each is the secret.
DATABASE_SECRET = "4711-of-the-database"
GRAFANA_SECRET = "4711-of-grafana"
ALERT_URL = "http://user:alert-url-secret@receiver:9000/alert-path-secret"
SECRETS = {
    "database_password": DATABASE_SECRET,
    "grafana_password": GRAFANA_SECRET,
    "alert_webhook_url": ALERT_URL,
}

# Prints what is posted to it, a line each. The first time it refuses, so that somebody has a
# reason to log the address.
RECEIVER = """
import http.server
status = [200, 500]
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.rfile.read(int(self.headers["content-length"])).decode(), flush=True)
        self.send_response(status.pop() if len(status) > 1 else status[0])
        self.end_headers()
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("", 9000), Hook).serve_forever()
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start a copy of the stack that waits for seconds instead of minutes."""
    root = tmp_path_factory.mktemp("stagewatch")
    ignored = shutil.ignore_patterns("__pycache__", ".env")
    for name in ("app", "backup", "worker", "migrations", "compose", "nginx", "monitoring"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in ("Dockerfile", "alembic.ini", "requirements.lock", ".dockerignore"):
        shutil.copy(ROOT / name, root / name)
    for name in ("prometheus.yml", "alertmanager.yml", "rules/stagewatch.yml"):
        path = root / "monitoring" / name
        text = path.read_text().replace("scrape_timeout: 10s", "scrape_timeout: 1s")
        text = re.sub(r"(interval|for|wait): (5s|15s|10s|1m|2m|5m|10m)\b", r"\1: 1s", text)
        path.write_text(text)
    secrets = root / "secrets"
    secrets.mkdir(mode=0o700)
    shutil.copytree(secrets_folder() / "certs", secrets / "certs")
    for name, value in SECRETS.items():
        (secrets / name).write_text(value)
    secret_files.make(secrets)
    env = {
        "SECRETS_FOLDER": str(secrets),
        "ALLOWED_HOSTS": "localhost,nginx",
        "ALLOWED_NETWORKS": "172.16.0.0/12,192.168.0.0/16,10.0.0.0/8",
    }
    with Stack(root=root, env=env, up=("--wait",)) as stack:
        name = f"{stack.name}-receiver"
        network = f"{stack.name}_default"
        docker(
            *("run", "--detach", "--name", name, "--network", network),
            *("--network-alias", "receiver", "python:3.14-slim", "python", "-c", RECEIVER),
        )
        try:
            yield stack
        finally:
            docker("rm", "--force", name)


@pytest.fixture(scope="module")
def prometheus(stack: Stack) -> str:
    return "http://" + stack.run("port", "prometheus", "9090").strip()


def query(prometheus: str, expression: str) -> list[Any]:
    """Return what Prometheus has for an expression."""
    answer = request(f"{prometheus}/api/v1/query?query={quote(expression)}").json()
    assert answer["status"] == "success", answer
    result: list[Any] = answer["data"]["result"]
    return result


def told(stack: Stack, alert: str, status: str) -> bool:
    """Whether a notification says that the alert is `firing` or `resolved`."""
    printed = docker("logs", f"{stack.name}-receiver").splitlines()
    posted = [json.loads(line) for line in printed if line.startswith("{")]
    return any(
        each["labels"]["alertname"] == alert and each["status"] == status
        for message in posted
        for each in message.get("alerts", ())
    )


def test_all_targets_and_the_servers_behind_the_exporters_are_up(prometheus: str) -> None:
    def up() -> bool:
        return {row["metric"]["job"] for row in query(prometheus, "up == 1")} == JOBS

    wait_for(up, seconds=60, what="all targets to be up")

    for expression in ("pg_up", "redis_up", "nginx_up", "max(stagewatch_database_up)"):
        assert [row["value"][1] for row in query(prometheus, expression)] == ["1"], expression


def test_no_critical_alert_fires_in_a_healthy_stack(prometheus: str) -> None:
    # Except those about the receiver, which refuses the first message of these tests, and about the
    # disk, which is this machine's.
    others = 'alertname!~"AlertsNotDelivered|DiskFull"'
    expression = f'ALERTS{{alertstate="firing", severity="critical", {others}}}'

    def scraped() -> bool:
        return len(query(prometheus, "up == 1")) == len(JOBS)

    wait_for(scraped, seconds=60, what="all targets to be up")
    wait_for(
        lambda: scraped() and not query(prometheus, expression),
        seconds=60,
        what="alerts from the start to end",
    )
    # All rules must have been evaluated since.
    begun = time.time()
    evaluated = "min(prometheus_rule_group_last_evaluation_timestamp_seconds)"
    wait_for(
        lambda: float(query(prometheus, evaluated)[0]["value"][1]) > begun,
        what="another evaluation of the rules",
    )
    assert query(prometheus, expression) == []


def test_metrics_are_not_reached_through_nginx(stack: Stack) -> None:
    for path in ("/metrics", "/metrics/", "/api/metrics", "/stub_status"):
        assert request(stack.url(path)).status == 404


def test_a_second_container_of_a_service_is_a_target_and_counted_once(
    stack: Stack, prometheus: str
) -> None:
    monitor = {"name": "Itself", "kind": "http", "url": "http://nginx/health"}
    answer = request(stack.url("/api/monitors"), method="POST", json_body=monitor)
    assert answer.status == 201
    scale = ("--scale", "api=2", "--scale", "worker=2")
    stack.run("up", "--detach", "--wait", "--no-deps", *scale, "api", "worker")

    def number(expression: str) -> float:
        return float((query(prometheus, expression) or [{"value": (0, 0)}])[0]["value"][1])

    for job in ("api", "worker"):
        expression = f'count(up{{job="{job}"}} == 1)'
        wait_for(lambda e=expression: number(e) == 2, seconds=60, what=f"two of {job}")  # type: ignore[misc]  # a default
    wait_for(
        lambda: number("count(stagewatch_monitors{state='up'} == 1)") == 2,
        what="both of the API to tell of the monitor",
    )
    assert number("max(stagewatch_monitors{state='up'})") == 1
    stack.run("up", "--detach", "--wait", "--no-deps", "api", "worker")


def test_every_query_of_the_dashboards_has_an_answer(stack: Stack, prometheus: str) -> None:
    monitor = {
        "name": "Itself, often",
        "kind": "http",
        "url": "http://nginx/health",
        "interval_seconds": 5,
    }
    request(stack.url("/api/monitors"), method="POST", json_body=monitor)
    expressions = {
        target["expr"]
        for path in sorted((ROOT / "monitoring/grafana/dashboards").glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    }
    assert len(expressions) > 30

    def empty() -> list[str]:
        request(stack.url("/api/status"))
        return [expression for expression in expressions if not query(prometheus, expression)]

    deadline = time.monotonic() + 90
    while (missing := empty()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert missing == []


def test_an_alert_reports_stopped_workers_and_their_recovery(stack: Stack) -> None:
    stack.run("stop", "worker")
    wait_for(lambda: told(stack, "WorkerGone", "firing"), seconds=60, what="the alert")
    stack.run("start", "worker")

    wait_for(lambda: told(stack, "WorkerGone", "resolved"), seconds=90, what="the alert's end")


def test_no_secret_is_in_any_log(stack: Stack) -> None:
    monitor = {
        "name": "With secrets",
        "kind": "http",
        "url": "http://receiver:9000/?key=url-secret",
        "headers": {"Authorization": "Bearer header-secret"},
        "interval_seconds": 5,
    }
    beat = {"name": "Job", "kind": "heartbeat", "period_seconds": 60}
    channels = (
        {"name": "A", "kind": "apprise", "url": "json://user:apprise-secret@receiver:9000/x"},
        {
            "name": "B",
            "kind": "webhook",
            "url": "http://receiver:9000/hook-path-secret?key=hook-secret",
            "secret": "signing-secret-4711",
        },
    )
    address = stack.url("")
    for each in (monitor, *channels):
        path = "channels" if "interval_seconds" not in each else "monitors"
        answer = request(f"{address}/api/{path}", method="POST", json_body=each)
        assert answer.status == 201, answer.body
        if path == "channels":
            request(f"{address}/api/channels/{answer.json()['id']}/test", method="POST")
    token = request(f"{address}/api/monitors", method="POST", json_body=beat).json()["token"]
    for _ in range(100):
        request(f"{address}/ping/{token}?key=query-secret")
    request(f"{address}/api/monitors?q=query-secret")
    # While the database is away, everything that needs it says so in its log.
    stack.run("stop", "db")
    request(f"{address}/ping/{token}", timeout=30)
    request(f"{address}/api/monitors", timeout=30)
    wait_for(lambda: told(stack, "DatabaseDown", "firing"), seconds=60, what="that to be told")
    stack.run("start", "db")
    wait_for(lambda: request(f"{address}/ready").status == 200, seconds=60, what="the database")

    text = stack.run("logs", "--no-color", "--timestamps")

    assert "alertmanager" in text
    secrets = (
        *("url-secret", "header-secret", "apprise-secret", "hook-secret", "hook-path-secret"),
        *("signing-secret-4711", "query-secret", token, DATABASE_SECRET, GRAFANA_SECRET),
        *("alert-url-secret", "alert-path-secret"),
    )
    for secret in secrets:
        assert secret not in text, [line for line in text.splitlines() if secret in line][:3]

"""Measures what scheduled checks cost the whole stack: CPU seconds per 1,000 checks, and memory.

Starts the stage's stack under another name, adds monitors for a target in a container next to it,
lets them warm up, and reads the containers' own counters before and after. The target is not
counted; everything else is.

    python -m bench.checks [--monitors 1000] [--interval 5] [--seconds 60] [--workers 1]
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from tests.stack.support import Stack, request, wait_for

ALLOWED = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
SERVICES = ("api", "beat", "db", "redis", "worker")

# For the last minute: seconds from when a check was due until it began.
LATENESS = """
    SELECT percentile_disc(0.99) WITHIN GROUP (
        ORDER BY extract(epoch FROM checked_at - scheduled_at) - latency_ms / 1000)
    FROM checks WHERE checked_at > now() - interval '1 minute'
"""


def usage(stack: Stack) -> dict[str, tuple[float, float]]:
    """Return CPU seconds since the start and MiB in use per service, summed over its containers."""
    client = docker.from_env()
    used = {}
    for service in SERVICES:
        seconds = memory = 0.0
        for container in stack.containers(service):
            stats = client.containers.get(container).stats(stream=False)
            seconds += stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
            # The page cache is freed when memory is needed.
            details = stats["memory_stats"].get("stats", {})
            cache = details.get("total_inactive_file", details.get("inactive_file", 0))
            memory += (stats["memory_stats"]["usage"] - cache) / 2**20
        used[service] = (seconds, memory)
    client.close()
    return used


def sql(stack: Stack, statement: str) -> str:
    psql = ["psql", "-U", "stagewatch", "-At", "-c", statement]
    return stack.run("exec", "-T", "db", *psql).strip()


def count(stack: Stack) -> int:
    return int(sql(stack, "SELECT count(*) FROM checks"))


def add_monitors(stack: Stack, url: str, number: int, interval: int) -> None:
    api = stack.url("/api/monitors")

    def add(site: int) -> None:
        body = {"name": f"Site {site}", "kind": "http", "url": url, "interval_seconds": interval}
        answer = request(api, method="POST", json_body=body | {"timeout_seconds": 5})
        assert answer.status == 201, answer.body

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(number)))


def main() -> None:
    parser = argparse.ArgumentParser(description="What scheduled checks cost the whole stack.")
    parser.add_argument("--monitors", type=int, default=1000)
    parser.add_argument("--interval", type=int, default=5, help="seconds")
    parser.add_argument("--seconds", type=int, default=60, help="how long to measure")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()

    # This program stops what it starts, so it needs no reaper, and not its image either.
    testcontainers_config.ryuk_disabled = True
    env = {"ALLOWED_NETWORKS": ALLOWED, "RATE_LIMIT_PER_MINUTE": "1000000"}
    env |= {"CLIENT_REQUESTS_PER_SECOND": "10000"}
    up = ("--wait", "--scale", f"worker={options.workers}")
    with Stack(env=env, up=up) as stack:
        target = (
            DockerContainer("python:3.14-slim")
            .with_volume_mapping(str(Path(__file__).with_name("target.py")), "/target.py")
            .with_command("python /target.py 8000")
            .with_kwargs(network=f"{stack.name}_default")
            .with_name(f"{stack.name}-target")
        )
        with target:
            url = f"http://{stack.name}-target:8000/"
            add_monitors(stack, url, options.monitors, options.interval)
            wait_for(lambda: count(stack) >= 3 * options.monitors, seconds=300, what="running in")

            checks, before, begin = count(stack), usage(stack), time.monotonic()
            time.sleep(options.seconds)
            checks, after, took = count(stack) - checks, usage(stack), time.monotonic() - begin
            late = sql(stack, LATENESS)
            failed = sql(stack, "SELECT count(*) FROM checks WHERE NOT ok")

    print(f"{checks} checks in {took:.0f} s: {checks / took:.0f} a second; {failed} failed")
    print(f"began late, 99th percentile: {float(late) * 1000:.0f} ms")
    print(f"{'':8}{'CPU s per 1,000 checks':>24}{'MiB':>8}")
    total = [0.0, 0.0]
    for service in SERVICES:
        seconds = (after[service][0] - before[service][0]) / checks * 1000
        total = [total[0] + seconds, total[1] + after[service][1]]
        print(f"{service:8}{seconds:24.3f}{after[service][1]:8.0f}")
    print(f"{'all':8}{total[0]:24.3f}{total[1]:8.0f}")


if __name__ == "__main__":
    main()

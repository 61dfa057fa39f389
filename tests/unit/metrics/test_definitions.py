"""Metrics are named by Prometheus' conventions."""

from prometheus_client import REGISTRY, Metric

import app.metrics.definitions  # noqa: F401  # it registers them


def ours() -> list[Metric]:
    return [metric for metric in REGISTRY.collect() if metric.name.startswith("stagewatch_")]


def test_durations_and_times_are_in_seconds() -> None:
    timed = [m for m in ours() if m.type == "histogram" or "timestamp" in m.name]

    assert timed
    assert all(metric.name.endswith("_seconds") for metric in timed)


def test_every_metric_says_what_it_is() -> None:
    assert all(metric.documentation.endswith((".", "failed.")) for metric in ours())

"""The histograms from which percentiles are computed."""

import random

import pytest

from app.checks.histogram import BUCKETS, bucket, percentile


def test_percentiles_from_buckets_are_near_the_exact_ones() -> None:
    source = random.Random(7)  # noqa: S311 (no secret)
    latencies = sorted(source.lognormvariate(4, 1) for _ in range(10_000))
    counts = [0] * BUCKETS
    for latency in latencies:
        counts[bucket(latency)] += 1

    for share in (0.5, 0.95, 0.99):
        exact = latencies[int(share * len(latencies))]
        assert percentile(counts, share) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("latency", [0.0, 0.3, 1.0, 60_000.0, 1e9])
def test_every_latency_has_a_bucket(latency: float) -> None:
    assert 0 <= bucket(latency) < BUCKETS


def test_nothing_has_no_percentile() -> None:
    assert percentile([0] * BUCKETS, 0.5) is None

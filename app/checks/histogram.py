"""Latencies counted in buckets, so that percentiles over 90 days need no individual checks.

Bucket i holds latencies from 2^(i/4) to 2^((i+1)/4) ms: 64 of them reach from 1 ms to 65 s, the
longest that a check may take. Two hours can be added bucket by bucket, whereas percentiles
themselves can't be added. A percentile, interpolated within its bucket, is off by at most 19 %,
and usually by 5 %.
"""

import math
from collections.abc import Sequence

BUCKETS = 64
PER_OCTAVE = 4


def bucket(latency_ms: float) -> int:
    """Return the bucket of a latency, 0 to 63; latencies beyond either end count there."""
    if latency_ms <= 1:
        return 0
    return min(int(math.log2(latency_ms) * PER_OCTAVE), BUCKETS - 1)


def percentile(counts: Sequence[int], share: float) -> float | None:
    """Return the latency in ms that a `share` (0 to 1) does not exceed; None if there is none.

    Within its bucket, it is interpolated on the buckets' logarithmic scale.
    """
    total = sum(counts)
    if total == 0:
        return None
    rank = share * total
    before = 0
    for number, count in enumerate(counts):
        if count and before + count >= rank:
            inside = (rank - before) / count
            return round(float(2.0 ** ((number + inside) / PER_OCTAVE)), 3)
        before += count
    return round(float(2.0 ** (len(counts) / PER_OCTAVE)), 3)

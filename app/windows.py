"""Limits per minute for many keys at once: a sliding window, approximated from two minutes.

The count of the previous minute is weighted by the share of it that is within the last sixty
seconds. Cloudflare describes this in "How we built rate limiting capable of scaling to millions of
domains" (2017); the package `limits` has it as SlidingWindowCounter, for one key at a time.
"""

import math
import time
from collections.abc import Mapping
from typing import NamedTuple

PERIOD_SECONDS = 60

# KEYS: the names to count under. ARGV: the limit, the period, and the number to add to each key.
# Time is Redis's, so the clocks of API processes need not agree. Returns the seconds to the next
# minute, and for each key how many are allowed and how many are left after them.
SCRIPT = """
local limit, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = (clock[1] + clock[2] / 1000000) / period
local window = math.floor(now)
local left = 1 - (now - window)
local answer = {math.ceil(left * period)}
for i, key in ipairs(KEYS) do
    local known = redis.call('HMGET', key, 'window', 'current', 'previous')
    local seen, current, previous = tonumber(known[1]), tonumber(known[2]), tonumber(known[3])
    if seen ~= window then
        previous = seen == window - 1 and current or 0
        current = 0
    end
    local room = limit - current - math.floor(previous * left)
    local allowed = math.max(0, math.min(tonumber(ARGV[i + 2]), room))
    if allowed > 0 then
        redis.call('HSET', key, 'window', window, 'current', current + allowed,
            'previous', previous)
        redis.call('EXPIRE', key, 2 * period)
    end
    answer[2 * i] = allowed
    answer[2 * i + 1] = math.max(0, room - allowed)
end
return answer
"""


class Hits(NamedTuple):
    """The result for a key: how many may pass, how many are left, seconds until more may."""

    allowed: int
    remaining: int
    reset: int


class _Count(NamedTuple):
    window: int
    current: int
    previous: int


class MemoryWindows:
    """The same in this process's memory, for at most `limit` keys."""

    def __init__(self, limit: int = 100_000) -> None:
        self._counts: dict[str, _Count] = {}
        self._limit = limit

    def hit(self, per_minute: int, numbers: Mapping[str, int]) -> dict[str, Hits]:
        """Add these numbers to their keys' counts, as far as the limit allows."""
        now = time.time() / PERIOD_SECONDS
        window = math.floor(now)
        left = 1 - (now - window)
        reset = math.ceil(left * PERIOD_SECONDS)
        self._make_room(window)
        hits = {}
        for key, number in numbers.items():
            count = self._counts.get(key, _Count(window, 0, 0))
            if count.window != window:
                before = count.current if count.window == window - 1 else 0
                count = _Count(window, 0, before)
            room = per_minute - count.current - math.floor(count.previous * left)
            allowed = max(0, min(number, room))
            self._counts[key] = count._replace(current=count.current + allowed)
            hits[key] = Hits(allowed, max(0, room - allowed), reset)
        return hits

    def _make_room(self, window: int) -> None:
        if len(self._counts) < self._limit:
            return
        self._counts = {k: c for k, c in self._counts.items() if c.window >= window - 1}
        if len(self._counts) >= self._limit:
            self._counts.clear()  # far too many for one process: all counts start again

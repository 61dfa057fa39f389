"""Whether the tests may use a Docker engine."""

import os
import subprocess
from functools import cache

# The reaper of testcontainers is one more image to pull; what tests start is stopped by its
# fixture, or by the run's keeper when a process was killed.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


@cache
def engine_answers() -> bool:
    """Return whether an engine answers; STAGEWATCH_TEST_ENGINE=off leaves it alone."""
    if os.environ.get("STAGEWATCH_TEST_ENGINE") == "off":
        return False
    try:
        done = subprocess.run(["docker", "version"], capture_output=True, timeout=20, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        # Tests that need one are skipped then; in CI a skipped test has failed.
        return False
    return done.returncode == 0

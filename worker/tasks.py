"""The tasks: each hands over to the process's event loop."""

import logging

from app.database import DatabaseUnavailable
from worker import health
from worker.app import app, runtime

log = logging.getLogger(__name__)


@app.task(name="check")
def check() -> None:
    """Claim the checks that are due."""
    try:
        more = runtime().run(lambda crew: crew.check(), 20)
    except DatabaseUnavailable as error:
        log.warning("no checks claimed: %s", error)
        return
    health.alive("worker")
    if more:
        # Whoever is free takes the next part: so the work spreads.
        app.send_task("check", expires=5)


@app.task(name="deliver")
def deliver() -> None:
    """Send the notifications that are due."""
    try:
        more = runtime().run(lambda crew: crew.deliver(), 120)
    except DatabaseUnavailable as error:
        log.warning("nothing delivered: %s", error)
        return
    if more:
        app.send_task("deliver", expires=10)


@app.task(name="keep_up")
def keep_up() -> None:
    """Make partitions for the coming days, and drop old ones."""
    try:
        runtime().run(lambda crew: crew.keep_up(), 60)
    except DatabaseUnavailable as error:
        log.warning("no upkeep: %s", error)

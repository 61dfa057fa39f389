"""Measures what API keys cost a request: the same requests with keys off, and with a key.

The application runs in this process, without a network, and only the CPU time of its thread is
counted, so that other load on this machine matters little. With a key the time includes looking it
up every other second, and recording its last use once a minute.

    python -m bench.keys [--requests 3000]
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr
from testcontainers.core.config import testcontainers_config

from app.database import Database
from app.keys import service
from app.keys.schemas import KeyIn
from app.main import create_app
from app.settings import Settings
from bench.pages import ask
from tests.engine import engine_answers
from tests.services import migrate, postgres

TARGETS = ["/api/status", "/api/monitors?limit=1", "/api/channels"]
# Rounds of all variants in turn, of which the best one counts: on a busy machine all others also
# measure its other load.
ROUNDS = 10


async def measure(url: str, *, requests: int) -> None:
    database = Database(Settings(database_url=url).database_url)
    async with database.transaction() as session:
        _, token = await service.create(session, KeyIn(name="bench", scope="read"))
    await database.close()
    common: dict[str, Any] = {"database_url": url, "rate_limit_per_minute": 1_000_000}
    first = SecretStr("x" * 32)
    off = create_app(Settings(**common))
    required = create_app(Settings(api_keys="required", api_key=first, **common))
    variants = {"off": (off, None), "a key": (required, token), "API_KEY": (required, "x" * 32)}
    spent = {(name, target): [0.0] * ROUNDS for name in variants for target in TARGETS}
    async with off.router.lifespan_context(off), required.router.lifespan_context(required):
        for number in range(ROUNDS):
            for name, (app, key) in variants.items():
                for target in TARGETS:
                    spent[name, target][number] = await cost(app, target, key, requests // ROUNDS)
    print(f"{'µs of CPU a request':24}" + "".join(f"{name:>10}" for name in variants))
    for target in TARGETS:
        figures = (min(spent[name, target]) for name in variants)
        print(f"{target:24}" + "".join(f"{figure * 1e6:10.0f}" for figure in figures))


async def cost(app: Any, target: str, key: str | None, requests: int) -> float:
    """Return the thread's CPU seconds per request."""
    headers = [] if key is None else [(b"authorization", b"Bearer " + key.encode())]
    assert (await ask(app, target, headers)).status == 200
    before = time.thread_time()
    for _ in range(requests):
        await ask(app, target, headers)
    return (time.thread_time() - before) / requests


def main() -> None:
    parser = argparse.ArgumentParser(description="What API keys cost a request.")
    parser.add_argument("--requests", type=int, default=3000)
    options = parser.parse_args()
    testcontainers_config.ryuk_disabled = True
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres(Path(folder), containers=engine_answers()) as url,
    ):
        migrate(url)
        uvloop.run(measure(url, requests=options.requests))


if __name__ == "__main__":
    main()

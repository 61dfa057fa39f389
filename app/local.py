"""Without Docker: `make run` serves the application on this machine only."""

import signal
import sys
from types import FrameType

import uvicorn

from app.server import server_config
from app.settings import load_settings


def stop(_signum: int, _frame: FrameType | None) -> None:
    # Exit normally: Ctrl-C must not print a traceback.
    sys.exit(0)


def main() -> None:
    signal.signal(signal.SIGINT, stop)
    settings = load_settings()
    print(f"Stagewatch: http://localhost:{settings.port} (documentation at /docs, Ctrl-C stops it)")
    config = server_config(settings, host="127.0.0.1", port=settings.port, log_level="warning")
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()

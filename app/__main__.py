"""Serve the application: `python -m app`.

In development with Flask's own server, which restarts when a file changes and shows errors
in the browser, with a console that runs any code: others must never be able to reach it. In
production with Gunicorn.
"""

import os
import sys

from app.config import Config
from app.main import create_app


def main() -> None:
    try:
        config = Config.from_environment(os.environ)
    except ValueError as error:
        sys.exit(f"stagewatch: {error}")
    if config.app_env == "development":
        create_app().run(host=config.host, port=config.port, debug=True)
        return
    gunicorn = [sys.executable, "-m", "gunicorn", "app.main:create_app()"]
    gunicorn += ["--bind", f"{config.host}:{config.port}", "--workers", "2", "--threads", "4"]
    # In memory: Gunicorn's workers show that they are alive by touching a file, which can block
    # on a container's file system.
    if os.path.isdir("/dev/shm"):  # noqa: PTH112, S108
        gunicorn += ["--worker-tmp-dir", "/dev/shm"]  # noqa: S108
    # Gunicorn replaces this process, the container's first one, and so receives its signals.
    os.execv(gunicorn[0], gunicorn)  # noqa: S606


main()

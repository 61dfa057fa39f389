"""Serve the application: `python -m app`.

In development by Flask's own server, which restarts when a file changes and shows errors
in the browser, with a console that runs any code: never where others can reach it. In
production by Gunicorn.
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
    # In memory: Gunicorn's workers prove that they live by touching a file, and on a
    # container's file system that can block.
    if os.path.isdir("/dev/shm"):  # noqa: PTH112, S108
        gunicorn += ["--worker-tmp-dir", "/dev/shm"]  # noqa: S108
    # This process becomes Gunicorn: it is the container's first process, and gets its signals.
    os.execv(gunicorn[0], gunicorn)  # noqa: S606


main()

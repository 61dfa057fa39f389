"""Without Docker: `make run` serves the application on this machine alone."""

import uvicorn

from app.server import server_config
from app.settings import load_settings


def main() -> None:
    settings = load_settings()
    print(f"Stagewatch: http://localhost:{settings.port} (documentation at /docs, Ctrl-C stops it)")
    config = server_config(settings, host="127.0.0.1", port=settings.port, log_level="warning")
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()

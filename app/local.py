"""Without Docker: `make run` serves the application on this machine alone."""

import uvicorn

from app.settings import load_settings


def main() -> None:
    port = load_settings().port
    print(f"Stagewatch: http://localhost:{port} (documentation at /docs, Ctrl-C stops it)")
    uvicorn.run(
        "app.main:create_app", factory=True, host="127.0.0.1", port=port, log_level="warning"
    )


if __name__ == "__main__":
    main()

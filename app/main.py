"""The Flask application and its three routes."""

from datetime import UTC, datetime

from flask import Flask

from app import STAGE, __version__


def create_app() -> Flask:
    """Return a new application, for Flask's own server and for Gunicorn."""
    app = Flask(__name__)

    @app.get("/")
    def home() -> dict[str, object]:
        links = {"health": "/health", "time": "/time"}
        return {"name": "stagewatch", "version": __version__, "stage": STAGE, "links": links}

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/time")
    def time() -> dict[str, str]:
        """Return the server's time, as ISO 8601 in UTC."""
        return {"time": datetime.now(UTC).isoformat()}

    return app

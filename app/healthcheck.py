"""The container's health check: exit code 0 if GET /health answers 200, else 1.

Python is in the image anyway, and curl is not. A redirect counts as a failure: a check that
follows one may succeed on an error page.
"""

import http.client
import sys

# The port of app.server; not imported from there, because that would load the whole server.
PORT = 8000


def main() -> int:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=3)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"/health does not answer: {error}")
        return 1
    finally:
        connection.close()
    if status != 200:
        print(f"/health answers {status}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

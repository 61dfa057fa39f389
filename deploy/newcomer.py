"""Checks that new containers are fit to replace the old ones."""

import json

from deploy.compose import Failed, Project, docker, inspect, say, wait_for

# Paths that a trial must answer with 200. They read the database, with this release's code.
TRIAL = """
import http.client, sys
for path in ("/health", "/ready", "/", "/api/status"):
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read(2000).decode(errors="replace")
    if answer.status != 200:
        sys.exit(f"{path} answers {answer.status}: {body}")
"""


def try_aside(project: Project, patience: float) -> None:
    """Send the usual requests to a container of the new release that has no network alias.

    Raises Failed. With the alias, Nginx would send requests to it even if it answered wrongly.
    """
    say("trying the new release without traffic")
    name = _trial(project)
    try:
        project.run(
            *("run", "--detach", "--no-deps", "--name", name, "-e", "LISTEN=127.0.0.1", "api")
        )
        until_healthy(name, patience)
        try:
            docker("exec", name, "python", "-c", TRIAL)
        except Failed as failed:
            raise Failed(f"the new release does not work: {failed}\n{_last_lines(name)}") from None
    finally:
        remove_trial(project)


def until_healthy(name: str, patience: float) -> None:
    """Wait until a container is healthy. Raises Failed, with the last lines of its log."""

    def decided() -> bool:
        [now] = inspect([name])
        return now.health in ("healthy", "unhealthy", "none") or not now.running or now.restarts > 0

    decided_in_time = wait_for(decided, seconds=patience)
    [last] = inspect([name])
    if not last.running or last.restarts:
        how = "exits by itself"
    elif last.health in ("healthy", "none"):
        return
    elif decided_in_time:
        how = "is unhealthy"
    else:
        how = f"is not healthy after {patience:.0f} s"
    raise Failed(f"{name} of the new release {how}\n{_last_lines(name)}")


def until_nginx_asks(project: Project, name: str, patience: float) -> None:
    """Wait until Nginx knows a container of the API. Raises Failed.

    Nginx asks Docker's DNS server every second, which may be slow on a busy machine.
    """
    networks = docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", name)
    addresses = [each["IPAddress"] for each in json.loads(networks).values()]
    ask = "curl --silent --max-time 5 --output /dev/null --write-out '%header{x-upstream}' "
    ask += "http://127.0.0.1:8081/upstream"
    for nginx in project.containers("nginx"):

        def asks(container: str = nginx.id) -> bool:
            # A request that was passed to a second container lists both. Without an answer the
            # list is empty, and the request is repeated.
            asked = docker("exec", container, "sh", "-c", f"{ask} || true").split(",")[-1]
            return asked.strip().rpartition(":")[0] in addresses

        if nginx.running and not wait_for(asks, seconds=patience):
            raise Failed(f"{name} of the new release is healthy, but Nginx does not use it")


def _last_lines(name: str) -> str:
    return f"Its last lines:\n{docker('logs', '--tail', '15', name).strip()}"


def _trial(project: Project) -> str:
    return f"{project.name()}-trial"


def remove_trial(project: Project) -> None:
    docker("rm", "--force", _trial(project))

"""Stage 08: Nginx, the only way in."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest

from tests.stack.support import (
    Answer,
    Stack,
    connect,
    docker,
    freeze,
    request,
    secrets_folder,
    wait_for,
)

PING_LIMIT = 5
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROBLEM = "application/problem+json"
# A first message to each service, and its expected reply.
HELLO = {
    "api": (8000, b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n", b'{"status":"ok"}'),
    "db": (5432, bytes.fromhex("0000000804d2162f"), b"N"),
    "redis": (6379, b"PING\r\n", b"-NOAUTH Authentication required."),
    "worker": (9100, b"GET / HTTP/1.0\r\n\r\n", b"see /metrics"),
    "beat": (9100, b"GET / HTTP/1.0\r\n\r\n", b"see /metrics"),
    "alertmanager": (9093, b"GET /-/healthy HTTP/1.0\r\n\r\n", b"OK"),
}
# Services that listen at one of their names only.
ALIASED = {"api", "worker", "beat", "alertmanager"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # The stack's own default; tests without containers run with another.
    env = {"ALLOWED_HOSTS": "localhost,nginx", "PING_LIMIT_PER_MINUTE": str(PING_LIMIT)}
    with Stack(env=env, up=("--wait",)) as stack:
        yield stack


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    """Return the address of Nginx, which stays the same when the API is replaced."""
    return stack.url("")


def inside(stack: Stack, service: str, script: str, *arguments: str) -> str:
    """Return what a Python script prints that runs in a service's container."""
    return stack.run("exec", "-T", service, "python", "-c", script, *arguments)


def addresses(container: str) -> list[str]:
    template = "{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}"
    return docker("inspect", "--format", template, container).split()


ASK = """
import socket, sys
host, port, said = sys.argv[1:]
with socket.create_connection((host, int(port)), timeout=3) as asked:
    asked.sendall(bytes.fromhex(said))
    print(asked.recv(1000), flush=True)
    asked.settimeout(0.5)
    try:
        print(asked.recv(1000))
    except TimeoutError:
        # It says no more.
        pass
"""


def heard(host: str, port: int, said: bytes) -> bytes:
    """Return the response, empty if there is none."""
    answer = b""
    try:
        with socket.create_connection((host, port), timeout=1) as asked:
            asked.sendall(said)
            while piece := asked.recv(4096):
                answer += piece
    except OSError:
        # Refused or cut off: the data received so far is the response.
        pass
    return answer


def listening(stack: Stack, container: str) -> set[int]:
    """Return the TCP ports on which a container's own programs listen."""
    tables = stack.run("exec", "-T", container, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6")
    rows = (line.split() for line in tables.splitlines())
    found = set()
    for row in rows:
        if len(row) > 3 and row[3] == "0A":
            host, port = row[1].split(":")
            # Docker's own name server, 127.0.0.11.
            if host != "0B00007F":
                found.add(int(port, 16))
    return found


def test_services_answer_inside_the_stack_but_not_from_the_host(stack: Stack) -> None:
    services = ("api", "db", "redis", "worker", "beat", "alertmanager")
    ports = {service: listening(stack, service) for service in services}
    assert ports == {
        "api": {8000},
        "db": {5432},
        "redis": {6379},
        "worker": {9100},
        "beat": {9100},
        "alertmanager": {9093},
    }
    for service, (port, said, answer) in HELLO.items():
        name = f"{service}.backend" if service in ALIASED else service
        assert answer.decode() in inside(stack, "worker", ASK, name, str(port), said.hex())

        [container] = stack.containers(service)
        assert addresses(container)
        for host in addresses(container):
            heard_outside = heard(host, port, said)
            assert not heard_outside.strip().endswith(answer), f"{service} at {host}:{port}"


def test_only_nginx_and_prometheus_are_published_on_localhost(stack: Stack) -> None:
    published = stack.run("ps", "--format", "{{.Service}} {{.Ports}}").splitlines()
    ports = [line.split(maxsplit=1) for line in published if "->" in line]

    assert sorted(service for service, _ in ports) == ["nginx", "prometheus"]
    assert all(port.startswith("127.0.0.1:") for _, port in ports)


def test_database_and_broker_have_no_way_to_the_internet(stack: Stack) -> None:
    for service in ("db", "redis"):
        routes = stack.run("exec", "-T", service, "cat", "/proc/net/route")
        assert "00000000" not in [line.split()[1] for line in routes.splitlines()]


def test_forged_forwarding_headers_do_not_get_around_the_rate_limit(
    stack: Stack, address: str
) -> None:
    lies: list[Mapping[str, str]] = [
        {},
        {"X-Forwarded-For": "192.0.2.1"},
        {"X-Forwarded-For": "nginx.backend, 192.0.2.2", "X-Real-IP": "192.0.2.2"},
        {"Forwarded": "for=192.0.2.3"},
    ]
    left = [remaining(request(f"{address}/api/monitors", headers=lie)) for lie in lies]
    # The limit's window slides: now and then one comes back.
    assert max(left) - min(left) >= 2

    script = (
        "import ssl, urllib.request as r; c = ssl._create_unverified_context();"
        "a = r.urlopen('https://nginx/api/monitors', context=c);"
        "print(a.headers['ratelimit-limit'], a.headers['ratelimit-remaining'])"
    )
    limit, other = map(int, inside(stack, "worker", script).split())
    assert other == limit - 1


def remaining(answer: Answer) -> int:
    return int(answer.headers["ratelimit-remaining"])


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("order-4711.a_b", True),
        (None, False),
        ("short", False),
        ("x" * 65, False),
        ('a"b\\c;d=eeeeee', False),
    ],
)
def test_a_request_id_from_the_client_is_kept_if_it_is_harmless(
    stack: Stack, address: str, said: str | None, kept: bool
) -> None:
    answer = request(f"{address}/health", headers={"X-Request-ID": said} if said else {})

    given = answer.headers["x-request-id"]
    assert (given == said) is kept
    assert kept or re.fullmatch("[0-9a-f]{32}", given)
    assert f'"request_id":"{given}"' in stack.run("logs", "nginx")


@pytest.mark.parametrize("path", ["/", "/assets/theme.css", "/api/status", "/nothing", "/health"])
def test_every_answer_has_each_security_header_once(address: str, path: str) -> None:
    connection = connect(address)
    connection.request("GET", path, headers=PAGE)
    headers = connection.getresponse().headers
    connection.close()

    [policy] = headers.get_all("Content-Security-Policy", [])
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert headers.get_all("Referrer-Policy") == ["same-origin"]
    assert headers["Server"] == "nginx"


def test_the_documentation_script_runs_with_a_new_nonce_for_each_request(address: str) -> None:
    first, second = (request(f"{address}/docs") for _ in range(2))

    [number] = set(re.findall(r'<script nonce="(\w{32})"', first.body.decode()))
    assert f"script-src 'nonce-{number}' " in first.headers["content-security-policy"]
    assert first.body.count(b"<script") == first.body.count(b"<script nonce=")
    assert number.encode() not in second.body


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (PAGE["Accept"], True),
        ("text/html", True),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html", False),
        ("text/html;q=0.1, application/json", False),
    ],
)
def test_the_root_is_a_page_for_browsers_and_json_for_programs(
    address: str, accept: str, page: bool
) -> None:
    answer = request(f"{address}/", headers={"Accept": accept})

    assert answer.headers["content-type"].startswith("text/html" if page else "application/json")
    assert "Accept" in answer.headers["vary"]


def test_pages_are_not_cached_and_their_assets_are_cached_for_a_year(address: str) -> None:
    page = request(f"{address}/", headers=PAGE)
    assert page.headers["cache-control"] == "no-cache"
    assert "etag" not in page.headers
    found = set(re.findall(rb'"(/assets/[^"]+)"', page.body))
    hashes = {name.split(b"/")[2] for name in found}
    assert len(hashes) == 1

    for name in found:
        file = request(address + name.decode())
        assert file.status == 200
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/assets/theme.css", "/assets/0123456789ab/theme.css"])
def test_files_requested_without_their_hash_are_not_cached(address: str, path: str) -> None:
    file = request(address + path)

    assert file.status == 200
    assert file.headers["cache-control"] == "no-cache"


def test_text_is_compressed_if_the_client_accepts_it(address: str) -> None:
    for path in ("/", "/assets/theme.css", "/openapi.json"):
        plain = request(address + path, headers=PAGE)
        packed = request(address + path, headers=PAGE | {"Accept-Encoding": "gzip"})

        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert len(packed.body) < len(plain.body)


@pytest.mark.parametrize("path", ["/nothing", "/metrics", "/502.html", "/_problem", "/assets/"])
def test_an_unknown_path_is_a_page_for_browsers_and_else_a_problem(address: str, path: str) -> None:
    program, browser = (request(address + path, headers=each) for each in ({}, PAGE))

    assert (program.status, browser.status) == (404, 404)
    assert program.headers["content-type"] == PROBLEM
    assert program.json()["status"] == 404
    assert browser.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/api/monitors", {}, "x" * 5_000_000, 413),
        ("/api/" + "x" * 9_000, {}, None, 414),
        ("/api/monitors", {"X-Long": "x" * 9_000}, None, 431),
        ("/", {"Accept": "text/html"}, "x", 405),
    ],
    ids=["body", "address", "headers", "method"],
)
def test_errors_from_nginx_look_like_those_of_the_api(
    address: str, path: str, headers: dict[str, str], body: str | None, status: int
) -> None:
    method = "GET" if body is None else "POST"
    answer = request(address + path, method=method, json_body=body, headers=headers)

    assert answer.status == status
    if "Accept" in headers:
        assert answer.headers["content-type"].startswith("text/html")
    else:
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["status"] == status


def test_the_host_is_passed_on_and_the_api_answers_to_its_names_only(address: str) -> None:
    port = urlsplit(address).port
    for host in ("localhost", f"localhost:{port}", "192.0.2.7", "[::1]:8080", "nginx"):
        assert request(f"{address}/health", headers={"Host": host}).status == 200
    assert request(f"{address}/health", headers={"Host": "evil.example"}).status == 421

    own = {"Host": f"localhost:{port}", "Origin": f"https://localhost:{port}"}
    foreign = own | {"Origin": "https://localhost:1"}
    for headers, status in ((own, 422), (foreign, 403)):
        answer = request(f"{address}/api/monitors", method="POST", json_body={}, headers=headers)
        assert answer.status == status


def test_nginx_asks_the_api_for_the_summary_at_most_once_a_second(
    stack: Stack, address: str
) -> None:
    def cached() -> str:
        return request(f"{address}/api/status?of=many").headers["x-cache-status"]

    for _ in range(200):
        cached()

    logs = [line for line in stack.run("logs", "nginx").splitlines() if "GET /api/status" in line]
    asked = len(logs)
    passed_on = sum('"upstream_status":"200"' in line for line in logs)
    assert asked >= 200
    assert passed_on < asked / 4
    wait_for(lambda: cached() == "HIT", what="an answer from the cache")
    # The same path under another name is another answer: there may be links in it.
    other = request(f"{address}/api/status?of=many", headers={"Host": "192.0.2.9"})
    assert other.headers["x-cache-status"] == "MISS"
    assert other.headers["cache-control"] == "no-cache"
    assert "ratelimit-limit" not in other.headers


def test_the_first_event_arrives_while_the_response_is_still_open(address: str) -> None:
    connection = connect(address)
    connection.request("GET", "/api/events", headers={"Accept": "text/event-stream"})
    answer = connection.getresponse()

    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    # Without this line, reading ends in a time-out.
    while answer.fp.readline() != b"event: resync\n":
        pass
    connection.close()


def test_each_token_has_its_own_limit_and_is_never_logged(stack: Stack, address: str) -> None:
    tokens = [f"{letter}{'secret-token-'}".ljust(32, letter) for letter in "ABC"]
    answers = {
        token: [request(f"{address}/ping/{token}") for _ in range(2 * PING_LIMIT)]
        for token in tokens
    }
    for each in answers.values():
        # As many as the API allows, and one for the time that it took.
        assert [answer.status for answer in each[:PING_LIMIT]] == [404] * PING_LIMIT
        refused = each[-1]
        assert (refused.status, refused.headers["content-type"]) == (429, PROBLEM)
        assert int(refused.headers["retry-after"]) > 0
    # However the path is written, and without a server to forward it to.
    for path in ("//ping//", "/%70ing/", "/PING/", "/api/../ping/", "/x/ping/", "//unsubscribe/"):
        request(f"{address}{path}{tokens[0]}?key={tokens[1]}")
    # The unsubscribe link, for mail programs and as a page for readers.
    assert request(f"{address}/unsubscribe/{tokens[0]}", method="POST").status == 200
    assert request(f"{address}/subscription/", headers=PAGE).status == 200
    stack.run("stop", "api")
    try:
        assert request(f"{address}/ping/{tokens[0][::-1]}").status in {502, 504}
    finally:
        stack.run("start", "api")
        wait_for(lambda: request(f"{address}/health").status == 200, what="the API")

    logs = stack.run("logs")
    assert '"GET /ping/… 429"' in logs
    assert '"limit":"REJECTED"' in logs
    assert "secret-token" not in logs
    assert "-nekot-terces" not in logs


def test_an_api_that_is_down_is_a_page_for_browsers_and_a_problem_for_programs(
    stack: Stack, address: str
) -> None:
    stack.run("stop", "api")
    try:
        wait_for(lambda: request(f"{address}/ready").status == 502, what="nobody there")
        program = request(f"{address}/api/monitors", method="POST", json_body={})
        browser = request(f"{address}/docs", headers=PAGE)
        files = request(f"{address}/", headers=PAGE)
    finally:
        stack.run("start", "api")

    assert (program.status, program.headers["content-type"]) == (502, PROBLEM)
    assert program.json()["title"] == "Bad Gateway"
    assert program.headers["retry-after"] == "5"
    assert browser.status == 502
    assert browser.headers["content-type"].startswith("text/html")
    assert browser.headers["cache-control"] == "no-store"
    assert files.status == 200
    # Nginx has been neither restarted nor told.
    wait_for(lambda: request(f"{address}/ready").status == 200, what="the API to be back")


def test_a_new_container_of_the_api_is_found_at_its_new_address(stack: Stack, address: str) -> None:
    [nginx], [api] = stack.containers("nginx"), stack.containers("api")
    before = addresses(api)
    started = docker("inspect", "--format", "{{.State.StartedAt}}", nginx)
    docker("rm", "--force", api)
    # The next container takes the free address.
    network = f"{stack.name}_backend"
    squatter = docker("run", "--detach", "--rm", "--network", network, "nginx:1.30").strip()
    try:
        stack.run("up", "--detach", "--wait", "--no-deps", "api")
        [api] = stack.containers("api")

        assert set(addresses(api)) != set(before)
        wait_for(lambda: request(f"{address}/ready").status == 200, what="the new container")
        assert docker("inspect", "--format", "{{.State.StartedAt}}", nginx) == started
    finally:
        docker("rm", "--force", squatter)


def test_two_api_containers_share_the_requests_and_one_of_them_may_stop(
    stack: Stack, address: str
) -> None:
    stack.run("up", "--detach", "--wait", "--no-deps", "--scale", "api=2", "api")
    first, second = stack.containers("api")

    def both_asked() -> bool:
        request(f"{address}/time")
        logs = stack.run("logs", "nginx")
        return all(
            any(f'"upstream":"{address}:8000"' in logs for address in addresses(each))
            for each in (first, second)
        )

    wait_for(both_asked, what="both containers to be asked")

    docker("kill", second)

    def only_the_first_is_asked() -> bool:
        return {request(f"{address}/time").status for _ in range(20)} == {200}

    wait_for(only_the_first_is_asked, what="the other to be forgotten")
    stack.run("up", "--detach", "--wait", "--no-deps", "--scale", "api=1", "api")


def test_a_request_that_changes_something_is_sent_once_even_if_its_container_dies(
    stack: Stack, address: str
) -> None:
    stack.run("up", "--detach", "--wait", "--no-deps", "--scale", "api=2", "api")
    # Frozen: they accept requests and do not answer.
    containers = stack.containers("api")
    for each in containers:
        freeze(each)
    body = json.dumps({"url": "http://192.0.2.1/"})
    trust = ["--cacert", str(secrets_folder() / "certs/fullchain.pem")]
    command = ["curl", "-s", *trust, "-w", "%{http_code}", "-H", "content-type: application/json"]
    with subprocess.Popen(
        [*command, "-d", body, f"{address}/api/probe"], stdout=subprocess.PIPE, text=True
    ) as client:
        wait_for(lambda: sum(map(connections, [stack] * 2, containers)), what="the request")
        for each in containers:
            docker("kill", each)
        answer, _ = client.communicate(timeout=30)
    logs = stack.run("logs", "nginx").splitlines()
    stack.run("up", "--detach", "--wait", "--no-deps", "--scale", "api=1", "api")

    assert answer.endswith("502")
    # One upstream: a second would stand behind a comma.
    [told] = [line for line in logs if '"event":"POST /api/probe ' in line]
    assert told.endswith('"upstream_status":"502"}')


def test_a_request_that_reached_no_container_is_retried(stack: Stack, address: str) -> None:
    docker("kill", *stack.containers("api"))

    answer = request(f"{address}/time", headers={"X-Request-ID": "reached-nobody"})

    logs = stack.run("logs", "nginx").splitlines()
    stack.run("up", "--detach", "--wait", "--no-deps", "api")
    assert answer.status in {502, 504}
    assert answer.json()["status"] == answer.status
    [told] = [line for line in logs if "reached-nobody" in line]
    # What was tried first stands before the colon.
    assert " : " in told


def connections(stack: Stack, container: str) -> int:
    """Return how many connections from Nginx wait for an answer."""
    table = docker("exec", container, "cat", "/proc/net/tcp")
    return sum(
        ":1F40" in (row := line.split())[1] and row[3] in {"01", "08"}
        for line in table.splitlines()[1:]
    )


def test_docker_stop_does_not_wait_for_live_pages(stack: Stack, address: str) -> None:
    connection = connect(address)
    connection.request("GET", "/api/events", headers={"Accept": "text/event-stream"})
    connection.getresponse()
    [nginx] = stack.containers("nginx")

    docker("stop", nginx)

    # Killed after ten seconds it would be 137.
    assert docker("inspect", "--format", "{{.State.ExitCode}}", nginx).strip() == "0"
    connection.close()

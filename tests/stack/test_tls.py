"""Stage 12: TLS at Nginx, to which every client is redirected."""

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from deploy import certificate
from tests.stack.hardened import own_secrets
from tests.stack.support import ROOT, CommandFailed, Stack, docker, request, trusting, wait_for

# Ciphers offered by outdated clients that a server must refuse.
OLD_CIPHERS = ("AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with own_secrets(tmp_path_factory.mktemp("stagewatch") / "secrets") as folder:
        yield folder


@pytest.fixture(scope="module")
def stack(secrets: Path) -> Iterator[Stack]:
    # A number that is known before, as it is to whoever publishes one.
    env = {
        "SECRETS_FOLDER": str(secrets),
        "HTTPS_PORT": str(free_port()),
        "ALLOWED_HOSTS": "localhost,nginx,status.example.com",
    }
    with Stack(env=env, up=("--wait",)) as stack:
        yield stack


@pytest.fixture(scope="module")
def plain(stack: Stack) -> str:
    """Return the address of Nginx without TLS."""
    return stack.run("port", "nginx", "80").strip()


def asked(plain: str, path: str, method: str = "GET", host: str = "localhost") -> tuple[int, str]:
    """Return the status and where it points, without going there."""
    connection = HTTPConnection(plain, timeout=10)
    connection.request(method, path, headers={"Host": host})
    answer = connection.getresponse()
    connection.close()
    return answer.status, answer.headers.get("Location", "")


@contextmanager
def greeted(stack: Stack, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """Do the TLS handshake with Nginx."""
    parts = urlsplit(stack.url(""))
    assert parts.hostname
    with (
        socket.create_connection((parts.hostname, parts.port or 443), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as secured,
    ):
        yield secured


def shown(stack: Stack) -> bytes | None:
    """Return the certificate that Nginx shows."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    parts = urlsplit(stack.url(""))
    with (
        socket.create_connection(
            (str(parts.hostname), parts.port or 443), timeout=10
        ) as connection,
        context.wrap_socket(connection) as secured,
    ):
        return secured.getpeercert(binary_form=True)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_request_without_tls_is_redirected_to_the_same_path_over_tls(
    stack: Stack, plain: str, method: str
) -> None:
    status, location = asked(plain, "/api/monitors?limit=1", method)

    # Neither 301 nor 302, after which a client asks with GET.
    assert status == 308
    assert location == f"https://localhost:{stack.env['HTTPS_PORT']}/api/monitors?limit=1"
    assert request(stack.url("/api/monitors?limit=1")).status == 200


def test_a_token_sent_without_tls_is_not_logged(stack: Stack, plain: str) -> None:
    token = "token-that-came-without-tls-4711"

    assert asked(plain, f"/ping/{token}")[0] == 308

    wait_for(lambda: "/ping/…" in stack.run("logs", "nginx"), what="the line")
    assert token not in stack.run("logs", "nginx")


def test_health_is_answered_without_tls_too(plain: str) -> None:
    assert asked(plain, "/health") == (200, "")


def test_an_acme_challenge_is_answered_from_its_folder(stack: Stack, plain: str) -> None:
    assert asked(plain, "/.well-known/acme-challenge/unknown") == (404, "")
    # As an ACME client does, in a container of its own.
    volume = f"{stack.name}_acme:/var/www/acme"
    script = (
        "mkdir -p /var/www/acme/.well-known/acme-challenge &&"
        " echo token.thumbprint >/var/www/acme/.well-known/acme-challenge/token"
    )
    docker("run", "--rm", "--volume", volume, "--entrypoint", "sh", "nginx:1.30", "-c", script)

    answer = request(f"http://{plain}/.well-known/acme-challenge/token")

    assert (answer.status, answer.body) == (200, b"token.thumbprint\n")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_current_tls_versions_are_accepted(stack: Stack, version: ssl.TLSVersion) -> None:
    context = trusting()
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])

    with greeted(stack, context) as secured:
        assert secured.selected_alpn_protocol() == "h2"


# Python warns of what is tried here, and Nginx is to refuse.
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_outdated_tls_versions_are_refused(stack: Stack, version: str) -> None:
    context = trusting()
    # OpenSSL offers these versions only at security level 0.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]

    with (
        pytest.raises(ssl.SSLError, match=r"(?i)protocol.version|unsupported.protocol"),
        greeted(stack, context),
    ):
        pass


@pytest.mark.parametrize("cipher", OLD_CIPHERS)
def test_outdated_ciphers_are_refused(stack: Stack, cipher: str) -> None:
    context = trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")

    with (
        pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"),
        greeted(stack, context),
    ):
        pass


def test_sessions_are_kept_by_the_server_and_not_in_tickets(stack: Stack) -> None:
    context = trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    with greeted(stack, context) as secured:
        assert secured.session is not None
        assert not secured.session.has_ticket


def test_hsts_is_sent_for_public_hosts_but_not_for_localhost(stack: Stack) -> None:
    def told(host: str, path: str = "/api/status") -> str | None:
        return request(stack.url(path), headers={"Host": host}).headers.get(
            "strict-transport-security"
        )

    assert told("status.example.com") == "max-age=63072000"
    # On every response: an error, a file, a cached one.
    assert {told("status.example.com", path) for path in ("/nothing", "/", "/api/monitors/0")} == {
        "max-age=63072000"
    }
    assert told("localhost") is None


def test_the_api_knows_that_its_clients_have_tls(stack: Stack) -> None:
    feed = request(stack.url("/feed.atom"), headers={"Host": "status.example.com"})

    assert b"https://status.example.com" in feed.body
    assert b"http://status.example.com" not in feed.body


def test_a_renewed_certificate_is_taken_without_a_failed_request(
    stack: Stack, secrets: Path, tmp_path: Path
) -> None:
    before = shown(stack)
    certificate.make(tmp_path / "new")
    statuses: list[int | str] = []
    over = threading.Event()
    # Both have the same name, of which OpenSSL trusts one only.
    either = ssl.create_default_context()
    either.check_hostname = False
    either.verify_mode = ssl.CERT_NONE
    address = stack.url("/health")

    def ask() -> None:
        # Fewer requests a second than the rate limit.
        while not over.wait(0.02):
            try:
                statuses.append(request(address, context=either).status)
            except OSError as error:
                statuses.append(str(error))

    client = threading.Thread(target=ask)
    client.start()
    try:
        # One file after the other, as every client for certificates does.
        for name in ("privkey.pem", "fullchain.pem"):
            shutil.copy(tmp_path / "new" / name, secrets / "certs" / f".{name}")
            (secrets / "certs" / f".{name}").replace(secrets / "certs" / name)
        wait_for(lambda: shown(stack) != before, seconds=60, what="the new certificate")
    finally:
        over.set()
        client.join()

    assert set(statuses) == {200}
    assert "a new certificate is in use" in stack.run("logs", "nginx")


def test_a_key_that_does_not_match_is_reported_and_not_used(
    stack: Stack, secrets: Path, tmp_path: Path
) -> None:
    before = shown(stack)
    certificate.make(tmp_path / "new")

    shutil.copy(tmp_path / "new/privkey.pem", secrets / "certs/.privkey.pem")
    (secrets / "certs/.privkey.pem").replace(secrets / "certs/privkey.pem")

    said = "the new certificate can't be used, the old one stays"
    wait_for(lambda: said in stack.run("logs", "nginx"), seconds=60, what="the refusal")
    assert shown(stack) == before


def start(folder: Path) -> str:
    """Return what Nginx' first script says to the certificate in a folder. Raises CommandFailed."""
    script = f"{ROOT}/nginx/15-certificate.sh:/check.sh:ro"
    mounts = ("--volume", script, "--volume", f"{folder}:/etc/nginx/certs:ro")
    return docker(
        "run", "--rm", "--user", "101", *mounts, "--entrypoint", "/check.sh", "nginx:1.30"
    )


def issued(folder: Path, until: datetime) -> None:
    made = trustme.CA().issue_cert("localhost", not_after=until)
    made.private_key_pem.write_to_path(folder / "privkey.pem")
    made.cert_chain_pems[0].write_to_path(folder / "fullchain.pem")
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o444)


def test_a_valid_certificate_causes_no_message(tmp_path: Path) -> None:
    issued(tmp_path, datetime.now(UTC) + timedelta(days=1))

    assert start(tmp_path) == ""


def test_an_expired_certificate_is_reported_at_startup(tmp_path: Path) -> None:
    issued(tmp_path, datetime.now(UTC) - timedelta(days=1))

    assert "stagewatch: the certificate expired, browsers refuse it: notAfter=" in start(tmp_path)


def test_without_a_certificate_or_its_key_nginx_does_not_start_and_says_why(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(CommandFailed, match=r"certs/fullchain.pem is missing.*make certs"):
        start(tmp_path)

    issued(tmp_path, datetime.now(UTC) + timedelta(days=1))
    (tmp_path / "privkey.pem").unlink()
    with pytest.raises(CommandFailed, match=r"certs/privkey.pem is missing"):
        start(tmp_path)

    shutil.copy(ROOT / "README.md", tmp_path / "privkey.pem")
    with pytest.raises(CommandFailed, match=r"privkey.pem is not the key of fullchain.pem"):
        start(tmp_path)

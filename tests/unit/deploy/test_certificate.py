"""A self-signed certificate for testing, which clients can be told to trust."""

import shutil
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from deploy import certificate

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")


def handshake(folder: Path, name: str) -> str | None:
    """Return the version of TLS that a client agrees on which trusts this certificate alone."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "fullchain.pem", folder / "privkey.pem")
    client = ssl.create_default_context(cafile=folder / "fullchain.pem")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    one, other = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(one, server_side=True).close()
        except ssl.SSLError:
            one.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(other, server_hostname=name) as secured:
            return secured.version()
    finally:
        other.close()
        thread.join()


def test_it_is_for_localhost_and_for_the_public_name(tmp_path: Path) -> None:
    certificate.make(tmp_path / "certs", "https://status.example.com/")

    for name in ("localhost", "127.0.0.1", "nginx", "status.example.com"):
        assert handshake(tmp_path / "certs", name) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(tmp_path / "certs", "other.example.com")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://192.0.2.1:8443", "IP:192.0.2.1"),
        ("https://[2001:db8::1]/", "IP:2001:db8::1"),
        ("https://status.example.com", "DNS:status.example.com"),
    ],
)
def test_a_public_address_is_an_address_in_the_certificate(url: str, name: str) -> None:
    assert certificate.names(url)[-1] == name


def test_an_existing_certificate_is_kept(tmp_path: Path) -> None:
    assert certificate.make(tmp_path / "certs")
    before = (tmp_path / "certs/fullchain.pem").read_bytes()

    assert not certificate.make(tmp_path / "certs")

    assert (tmp_path / "certs/fullchain.pem").read_bytes() == before


def test_nothing_else_stays_behind_and_nginx_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "certs"

    certificate.make(folder)

    assert {path.name for path in folder.iterdir()} == {"fullchain.pem", "privkey.pem"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}


def test_without_openssl_and_docker_it_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SystemExit, match="neither openssl nor docker"):
        certificate.make(tmp_path / "certs")

    assert not list((tmp_path / "certs").iterdir())


def test_the_public_name_is_that_of_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "compose").mkdir()
    (tmp_path / "compose/.env").write_text('BIND_ADDRESS=0.0.0.0\nPUBLIC_URL="https://a.example"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    monkeypatch.delenv("SECRETS_FOLDER", raising=False)

    certificate.main([])
    certificate.main([])

    first, second = capsys.readouterr().out.splitlines()
    assert "DNS:a.example" in first
    assert "nothing changed" in second

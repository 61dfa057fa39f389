"""Makes a certificate for testing: `make certs`, or python3 -m deploy.certificate [FOLDER].

It is self-signed, so browsers warn, and rightly. Existing files are kept. The certificate is for
localhost and the host of PUBLIC_URL. For a real one, which is renewed, see docs/tls.md.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from deploy.variables import secrets_folder, variable

DAYS = 365
# Nginx's image has openssl, in case this machine does not.
IMAGE = "nginx:1.30"

# Everything openssl needs, independent of this machine's own file. Not a CA: trusting it means
# trusting these names only, and nothing that its key might sign.
CONFIG = """\
[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions
[subject]
CN = localhost
[extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


def names(public_url: str | None) -> list[str]:
    """Return the certificate's names, in openssl's format."""
    found = ["DNS:localhost", "DNS:nginx", "DNS:nginx.backend", "IP:127.0.0.1", "IP:::1"]
    host = urlsplit(public_url).hostname if public_url else None
    if host:
        kind = "IP" if ":" in host or host.replace(".", "").isdigit() else "DNS"
        found.append(f"{kind}:{host}")
    return list(dict.fromkeys(found))


def make(folder: Path, public_url: str | None = None, *, days: int = DAYS) -> bool:
    """Make fullchain.pem and privkey.pem in `folder`, unless both exist. Return True if made.

    Raises SystemExit if there is neither openssl nor docker, or openssl fails.
    """
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    if certificate.exists() and key.exists():
        return False
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Mounted as a folder, so that Nginx sees replaced files. Its user needs access.
    folder.mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as draft:
        (Path(draft) / "config").write_text(CONFIG.format(names=",".join(names(public_url))))
        _openssl(days, Path(draft))
        for path in (key, certificate):
            made = Path(draft) / path.name
            made.chmod(0o444)
            made.replace(path)
    return True


def _openssl(days: int, folder: Path) -> None:
    if shutil.which("openssl"):
        command, place = ["openssl"], str(folder)
    elif shutil.which("docker"):
        me = f"{os.getuid()}:{os.getgid()}" if os.name == "posix" else "0:0"
        mount = ["--user", me, "--volume", f"{folder.resolve()}:/out"]
        command, place = ["docker", "run", "--rm", *mount, IMAGE, "openssl"], "/out"
    else:
        raise SystemExit(
            "stagewatch: neither openssl nor docker is installed to make a certificate"
        )
    options = [
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", str(days), "-config", f"{place}/config"),
        *("-keyout", f"{place}/privkey.pem", "-out", f"{place}/fullchain.pem"),
    ]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"stagewatch: openssl: {done.stderr.strip()}")


def main(arguments: list[str]) -> None:
    """Make the certificate, and print what was done."""
    folder = Path(arguments[0]) if arguments else secrets_folder() / "certs"
    url = variable("PUBLIC_URL")
    if make(folder, url):
        print(f"{folder}: made a certificate for {', '.join(names(url))}, for {DAYS} days")
    else:
        print(f"{folder}: there is a certificate, nothing changed")


if __name__ == "__main__":
    main(sys.argv[1:])

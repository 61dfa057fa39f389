# What the program runs on, and what its parts are made on: Debian with Python, and little else.
# The same for both, because a virtual environment only works where its Python is.
FROM python:3.14-slim AS base


# ---- The packages. What is made in this stage stays here, but for what `runtime` copies, so its
# tools and its layers cost nothing.
FROM base AS packages

# `strip`, for below, and the init that runs in the end. Not pinned: Debian offers the newest
# release of a package only, so a pin would break the build with every update. What the cache
# mounts hold is kept on the building machine, and is in no layer.
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update && apt-get install --yes --no-install-recommends binutils tini

# uv does pip's work in a fraction of the time. The same release writes the lock file.
RUN --mount=type=cache,target=/root/.cache/pip pip install uv==0.13.9

# Files are copied from the cache, since there are no hard links between two file systems. And
# only the base's Python will do.
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/opt/venv

# Dependencies before code: they change once a month, the code every hour, and this step is only
# done anew when the lock file has changed. That is lent for the step and is in no layer, and nor
# is the cache, in which uv finds next time what has not changed.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    uv venv "$VIRTUAL_ENV" && uv pip sync --require-hashes /requirements.lock

# What packages bring for their own developers: tables for debuggers in compiled code (three
# quarters of it), tests, and sources of what is compiled to machine code. The licences stay.
RUN find "$VIRTUAL_ENV" -name '*.so' -exec strip --strip-unneeded {} + \
 && find "$VIRTUAL_ENV" -type d \( -name tests -o -name testing \) -prune -exec rm -r {} + \
 && find "$VIRTUAL_ENV" -type f -regex '.*\.\(c\|cpp\|h\|pxd\|pxi\|pyi\|pyx\|po\)' -delete

# Celery's command line imports click_repl for a shell in `celery amqp`, which we don't use, and
# with it two packages that cost 6 MB here and 7 MB of memory in each process. One function is all
# that Celery calls.
RUN uv pip uninstall click-repl prompt-toolkit wcwidth \
 && echo 'def register_repl(group): pass  # See the Dockerfile.' \
        > "$(echo "$VIRTUAL_ENV"/lib/python*/site-packages)/click_repl.py"

# Bytecode now, because the program's user can't write it later. Beside its source Python looks
# for it in __pycache__, without a source in the source's place (-b). Here it is alone: a
# traceback still names the file and the line of a package, and only does not quote it. Whoever
# wants to read it installs the same lock file. Two packages keep their sources, because they
# read them: Apprise finds its services by the names of files, and anyio what it can import later.
RUN python -m compileall -q -j 0 "$VIRTUAL_ENV"/lib/python*/site-packages/apprise \
        "$VIRTUAL_ENV"/lib/python*/site-packages/anyio \
 && python -m compileall -q -j 0 -b -x '/site-packages/(apprise|anyio)/' "$VIRTUAL_ENV/lib" \
 && find "$VIRTUAL_ENV/lib" -path '*/site-packages/apprise' -prune \
        -o -path '*/site-packages/anyio' -prune -o -name '*.py' -exec rm {} +


# ---- The program, with its bytecode, and its sources for tracebacks. The migrations go with the
# code that they are for.
FROM base AS code
WORKDIR /srv
COPY alembic.ini .
COPY migrations/ migrations/
COPY app/ app/
COPY worker/ worker/
RUN python -m compileall -q .


# ---- What runs. The steps that change least come first; the code is its last layer.
FROM base AS runtime

# Show each line of the log when it is printed; write no .pyc files at run time, where the
# program's user may not write anyway.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# The first process of a container is the parent of all that have lost theirs, and must ask how they
# ended, or they stay in the table of processes and count against its limit. Python does not; this
# does nothing else, and passes signals on. `init: true` in Compose is the same from the engine,
# where that has one.
COPY --from=packages /usr/bin/tini /usr/bin/tini
ENTRYPOINT ["tini", "--"]

COPY --from=packages /opt/venv /opt/venv

# A user for the program. As root, whoever breaks out of the program is root on whatever is
# mounted into the container. The numbers can be set to those of a developer, so that files
# in a mounted folder have the right owner: docker build --build-arg UID=$(id -u) …
# --non-unique: a developer's number may be one that Debian has given away, as 20, the first
# group on a Mac.
ARG UID=10001 GID=10001
RUN groupadd --non-unique --gid "$GID" stagewatch \
 && useradd --non-unique --uid "$UID" --gid "$GID" --no-create-home --home-dir /srv \
    --shell /usr/sbin/nologin stagewatch

# The operator's commands: docker compose exec api stagewatch --help
# -P: this program's modules, whatever is in the folder where it is called.
COPY --chmod=755 <<EOF /usr/local/bin/stagewatch
#!/bin/sh
PYTHONPATH=/srv exec python -P -m app.cli "\$@"
EOF

WORKDIR /srv
EXPOSE 8000

# What a registry, a scanner or a colleague asks of an image that they have found.
LABEL org.opencontainers.image.title="stagewatch" \
      org.opencontainers.image.description="An uptime monitor: API, worker, beat and migrations" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/python:3.14-slim"

# Docker runs this command and shows its result in `docker ps`; what waits for the container with
# `--wait` or `depends_on` goes on when it succeeds. Docker restarts nothing because it is
# unhealthy. While the program starts, `start-interval` asks every second.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "-m", "app.healthcheck"]

# The program's own start: Uvicorn with the program's limits. In brackets: tini starts it itself and
# passes on the SIGTERM of `docker stop`; it finishes the requests under way and exits. A shell in
# between would not pass the signal on, and Docker would kill the container ten seconds later.
CMD ["python", "-m", "app.server"]


# ---- Two images that differ in who owns the code. `docker compose watch` copies files into the
# running container as the program's user, who must be their owner for that.
FROM runtime AS development
COPY --from=code --chown=$UID:$GID /srv .
USER $UID:$GID

# The last stage is what `docker build` makes unless told otherwise. Here the code is root's and
# the program is not, so a flaw in it can't change it. A number, because Kubernetes can't tell
# by a name whether that is root (`runAsNonRoot`).
FROM runtime AS production
COPY --from=code /srv .
USER $UID:$GID

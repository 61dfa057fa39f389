# The base of the program and of the build: Debian with Python, and little else. Both use the same
# one, because a virtual environment only works with the Python it was made for.
FROM python:3.14-slim AS base


# ---- The packages. Whatever is made in this stage stays in it, except for what `runtime` copies,
# so its tools and layers add nothing to the image.
FROM base AS packages

# `strip` for the step below, and the init process of the final image. Not pinned: Debian only
# offers the newest release of a package, so a pin would break the build with every update. The
# cache mounts are kept on the build machine and are not part of any layer. apt in official images
# deletes each package after its installation, which would leave the first mount empty.
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    echo '#clear DPkg::Post-Invoke;' >/etc/apt/apt.conf.d/zz-keep-packages \
 && apt-get update && apt-get install --yes --no-install-recommends binutils tini

# uv does pip's work in a fraction of the time. The same version writes the lock file.
RUN --mount=type=cache,target=/root/.cache/pip pip install uv==0.13.9

# Copy files from the cache, since hard links don't work across file systems, and use the base
# image's Python only.
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/opt/venv

# Dependencies before code: they change once a month, the code every hour, and this step is only
# repeated when the lock file has changed. The lock file is mounted for this step and is in no
# layer. Neither is the cache, where uv finds the unchanged packages next time.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    uv venv "$VIRTUAL_ENV" && uv pip sync --require-hashes /requirements.lock

# Remove what is not needed here: debug symbols in compiled code (three quarters of the space), tests,
# sources that are compiled to machine code, and icons for desktop notifications. The licences stay.
RUN find "$VIRTUAL_ENV" -name '*.so' -exec strip --strip-unneeded {} + \
 && find "$VIRTUAL_ENV" -type d \( -name tests -o -name testing \) -prune -exec rm -r {} + \
 && find "$VIRTUAL_ENV" -type f -regex '.*\.\(c\|cpp\|h\|hpp\|ico\|png\|pot\|pxd\|pxi\|pyi\|pyx\|po\)' -delete

# Celery's command line imports click_repl for a shell in `celery amqp`, which we don't use. It
# brings two packages that cost 6 MB here and 7 MB of memory in each process. Celery only calls one
# function of it.
RUN uv pip uninstall click-repl prompt-toolkit wcwidth \
 && echo 'def register_repl(group): pass  # See the Dockerfile.' \
        > "$(echo "$VIRTUAL_ENV"/lib/python*/site-packages)/click_repl.py"

# Compile now, because the program's user can't write bytecode later. Python looks for it in
# __pycache__ if the source exists, and in the source's place if not (-b). Here most packages have
# bytecode only: a traceback still names their file and line, but does not quote it. To read the
# source, install the same lock file. Two packages keep their sources because they read them:
# Apprise finds its services by file names, and anyio its lazy imports.
RUN python -m compileall -q -j 0 "$VIRTUAL_ENV"/lib/python*/site-packages/apprise \
        "$VIRTUAL_ENV"/lib/python*/site-packages/anyio \
 && python -m compileall -q -j 0 -b -x '/site-packages/(apprise|anyio)/' "$VIRTUAL_ENV/lib" \
 && find "$VIRTUAL_ENV/lib" -path '*/site-packages/apprise' -prune \
        -o -path '*/site-packages/anyio' -prune -o -name '*.py' -exec rm {} +


# ---- The program, with its bytecode, and its sources for tracebacks. The migrations go with the
# code they belong to.
FROM base AS code
WORKDIR /srv
COPY alembic.ini .
COPY migrations/ migrations/
COPY app/ app/
COPY worker/ worker/
RUN python -m compileall -q .


# ---- The image that runs. The steps that change least come first; the code is its last layer.
FROM base AS runtime

# Log each line as soon as it is printed; write no .pyc files at run time, because the program's
# user has no write access anyway.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# The first process of a container adopts all orphaned processes and must collect their exit status,
# or they stay in the process table as zombies and count against its limit. Python does not do that;
# tini does nothing else, and forwards signals. `init: true` in Compose does the same with the
# engine's own init, if the engine has one.
COPY --from=packages /usr/bin/tini /usr/bin/tini
ENTRYPOINT ["tini", "--"]

COPY --from=packages /opt/venv /opt/venv

# A user for the program. If it ran as root, an attacker who breaks out of it would be root on
# everything that is mounted into the container. The ids can be set to a developer's, so that files
# in a mounted folder have the right owner: docker build --build-arg UID=$(id -u) …
# --non-unique: a developer's id may already be taken in Debian, like 20, the default group on a Mac.
ARG UID=10001 GID=10001
RUN groupadd --non-unique --gid "$GID" stagewatch \
 && useradd --non-unique --uid "$UID" --gid "$GID" --no-create-home --home-dir /srv \
    --shell /usr/sbin/nologin stagewatch

# The operator's commands: docker compose exec api stagewatch --help
# -P: import this program's modules, whatever is in the current directory.
COPY --chmod=755 <<EOF /usr/local/bin/stagewatch
#!/bin/sh
PYTHONPATH=/srv exec python -P -m app.cli "\$@"
EOF

WORKDIR /srv
EXPOSE 8000

# What registries, scanners and colleagues want to know about an image they have found.
LABEL org.opencontainers.image.title="stagewatch" \
      org.opencontainers.image.description="An uptime monitor: API, worker, beat and migrations" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/python:3.14-slim"

# Docker runs this command and shows its result in `docker ps`; `--wait` and `depends_on` can wait
# for it to succeed. Docker does not restart a container for being unhealthy. While the program
# starts, the check runs every second (`start-interval`).
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "-m", "app.healthcheck"]

# The program's own entry point: Uvicorn with the program's limits. In exec form, so that tini
# starts it directly and forwards the SIGTERM of `docker stop`; it then finishes the requests in
# progress. A shell in between would not forward it, and Docker would kill it after ten seconds.
CMD ["python", "-m", "app.server"]


# ---- Two images that differ in who owns the code. `docker compose watch` copies files into the
# running container as the program's user, who must own them for that.
FROM runtime AS development
COPY --from=code --chown=$UID:$GID /srv .
USER $UID:$GID

# The last stage is the default of `docker build`. Here the code belongs to root and the program
# runs as another user, so a flaw in the program can't be used to change its code. The user is a
# number, because Kubernetes can't tell from a name whether it is root (`runAsNonRoot`).
FROM runtime AS production
COPY --from=code /srv .
USER $UID:$GID

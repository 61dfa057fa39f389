# The base of the program: Debian with Python, and little else. `slim` leaves out the
# compilers and headers of the full image: several times less to pull, and less to attack.
#
# This file describes two images that share all but their last layers: `development`, in which
# `docker compose watch` can change the code, and `production`, in which it can't.
FROM python:3.14-slim AS base

# Log each line as soon as it is printed; write no .pyc files at run time, because the program's
# user has no write access anyway.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# A user for the program. If it ran as root, an attacker who breaks out of it would be root on
# everything that is mounted into the container. The ids can be set to a developer's, so that files
# in a mounted folder have the right owner: docker build --build-arg UID=$(id -u) …
# --non-unique: a developer's id may already be taken in Debian, like 20, the default group on a Mac.
ARG UID=10001 GID=10001
RUN groupadd --non-unique --gid "$GID" stagewatch \
 && useradd --non-unique --uid "$UID" --gid "$GID" --no-create-home --home-dir /srv \
    --shell /usr/sbin/nologin stagewatch

WORKDIR /srv

# Dependencies before code: they change once a month, the code every hour, and a layer is
# only rebuilt when it or one above it has changed. No cache: pip would keep a copy of
# every package in this layer, and nothing would ever read it. Compile now, because the
# program's user can't write bytecode later.
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes --compile -r requirements.lock

# The migrations go with the code they belong to.
COPY alembic.ini .
COPY migrations/ migrations/
COPY app/ app/
COPY worker/ worker/

EXPOSE 8000

# Docker runs this command and shows its result in `docker ps`; `--wait` and `depends_on` can wait
# for it to succeed. Docker does not restart a container for being unhealthy. While the program
# starts, the check runs every second (`start-interval`).
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "-m", "app.healthcheck"]

# The program's own entry point: Uvicorn with the program's limits. In exec form, so that it is the
# container's first process and gets the SIGTERM of `docker stop`; it then finishes the requests in
# progress. A shell in between would not forward it, and Docker would kill it after ten seconds.
CMD ["python", "-m", "app.server"]

# `docker compose watch` copies files into the running container as the program's user, who must
# own them for that.
FROM base AS development
RUN chown -R stagewatch app worker
USER stagewatch

# The last stage is the default of `docker build`. Here the code belongs to root and the program
# runs as another user, so a flaw in the program can't be used to change its code.
FROM base AS production
USER stagewatch

# What the program runs on: Debian with Python, and little else. `slim` leaves out the
# compilers and headers of the full image: several times less to pull, and less to attack.
#
# Two images come of this file and share all but their last lines: `development`, in which
# `docker compose watch` may change the code, and `production`, in which nobody may.
FROM python:3.14-slim AS base

# Show each line of the log when it is printed; write no .pyc files at run time, where the
# program's user may not write anyway.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# A user for the program. As root, whoever breaks out of the program is root on whatever is
# mounted into the container. The numbers can be set to those of a developer, so that files
# in a mounted folder have the right owner: docker build --build-arg UID=$(id -u) …
# --non-unique: a developer's number may be one that Debian has given away, as 20, the first
# group on a Mac.
ARG UID=10001 GID=10001
RUN groupadd --non-unique --gid "$GID" stagewatch \
 && useradd --non-unique --uid "$UID" --gid "$GID" --no-create-home --home-dir /srv \
    --shell /usr/sbin/nologin stagewatch

WORKDIR /srv

# Dependencies before code: they change once a month, the code every hour, and a layer is
# only built anew when it or one above it has changed. No cache: pip would keep a copy of
# every package in this very layer, and nobody would ever read it. Compiled here once,
# because the program's user can't do so later.
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes --compile -r requirements.lock

# The migrations go with the code that they are for.
COPY alembic.ini .
COPY migrations/ migrations/
COPY app/ app/
COPY worker/ worker/

EXPOSE 8000

# Docker runs this command and shows its result in `docker ps`; what waits for the container with
# `--wait` or `depends_on` goes on when it succeeds. Docker restarts nothing because it is
# unhealthy. While the program starts, `start-interval` asks every second.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "-m", "app.healthcheck"]

# The program's own entry point: it starts Uvicorn with the program's limits. In brackets: it is
# the container's first process and gets SIGTERM from `docker stop` itself, finishes the requests
# under way and exits. A shell in between would not pass the signal on, and Docker would kill the
# container ten seconds later.
CMD ["python", "-m", "app.server"]

# `docker compose watch` copies files into the running container as the program's user, who must
# be their owner for that.
FROM base AS development
RUN chown -R stagewatch app worker
USER stagewatch

# The last target is what `docker build` makes unless told otherwise. Here the code is root's and
# the program is not, so a flaw in it can't change it.
FROM base AS production
USER stagewatch

# What the program runs on: Debian with Python, and little else. `slim` leaves out the
# compilers and headers of the full image: several times less to pull, and less to attack.
FROM python:3.14-slim

# Show each line of the log when it is printed; write no .pyc files at run time, where the
# program's user may not write anyway.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# A user for the program. As root, whoever breaks out of the program is root on whatever is
# mounted into the container. The numbers can be set to those of a developer, so that files
# in a mounted folder have the right owner: docker build --build-arg UID=$(id -u) …
ARG UID=10001 GID=10001
RUN groupadd --gid "$GID" stagewatch \
 && useradd --uid "$UID" --gid "$GID" --no-create-home --home-dir /srv --shell /usr/sbin/nologin stagewatch

WORKDIR /srv

# Dependencies before code: they change once a month, the code every hour, and a layer is
# only built anew when it or one above it has changed. No cache: pip would keep a copy of
# every package in this very layer, and nobody would ever read it. Compiled here once,
# because the program's user can't do so later.
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes --compile -r requirements.lock

# The code is root's, so the program can't change itself. `docker compose watch` copies files
# into the running container as the program's user, who must be their owner then.
ARG CODE_OWNER=root

# The migrations go with the code that they are for.
COPY alembic.ini .
COPY migrations/ migrations/
COPY --chown=$CODE_OWNER app/ app/
COPY --chown=$CODE_OWNER worker/ worker/

# From here on nothing runs as root, neither at build time nor in the container.
USER stagewatch

EXPOSE 8000

# Docker asks the program itself whether it is well. `start-interval` asks every second while
# it starts, so that what waits for it goes on at once.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "-m", "app.healthcheck"]

# In brackets: Uvicorn is the container's first process and gets SIGTERM from `docker stop`
# itself, ends what it is answering and exits. Behind a shell it would never hear of it and
# be killed ten seconds later.
CMD ["uvicorn", "app.main:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000"]

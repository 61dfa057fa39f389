# What the program runs on: Debian with Python, and little else. The tag names both
# versions that matter; `latest` would be another system next month.
FROM python:3.14-slim

# Python keeps its output back when it is not a terminal; a container's log should show a
# line when it is printed.
ENV PYTHONUNBUFFERED=1

# Paths from here on are relative to this folder. It is made if it is not there.
WORKDIR /srv

# Dependencies before code: they change once a month, the code every hour, and a layer is
# only built anew when it or one above it has changed. Hashes: what was tested is what is
# installed.
COPY requirements.lock .
RUN pip install --require-hashes -r requirements.lock

# One layer with our code. Whatever stands above this line is taken from the build's cache
# as long as it does not change, so what changes most comes last.
COPY app/ app/

# Defaults that `docker run -e` overrides. Inside a container the program must listen on all
# addresses: its 127.0.0.1 is not the host's.
ENV APP_ENV=production HOST=0.0.0.0 PORT=5000

# A note to the reader and to `docker run -P`; it opens nothing by itself.
EXPOSE 5000

# What runs unless `docker run` names another command. In brackets, so that it runs as it is
# and not through a shell: it gets the signals, and its exit code is the container's.
CMD ["python", "-m", "app"]

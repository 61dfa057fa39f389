# The base of the program: Debian with Python, and little else. The tag names Python's version
# and the variant; `latest` may be another system next month.
FROM python:3.14-slim

# Log each line as soon as it is printed: without a terminal, Python buffers its output.
ENV PYTHONUNBUFFERED=1

# Paths from here on are relative to this folder, which is created if it does not exist.
WORKDIR /srv

# Dependencies before code: they change once a month, the code every hour, and a layer is
# only rebuilt when it or one above it has changed. Hashes: only what was tested is installed.
COPY requirements.lock .
RUN pip install --require-hashes -r requirements.lock

# One layer with our code. The steps above this line are taken from the build cache as long as
# they do not change, so what changes most comes last.
COPY app/ app/

# Defaults that `docker run -e` overrides. Inside a container the program must listen on all
# addresses: its 127.0.0.1 is not the host's.
ENV APP_ENV=production HOST=0.0.0.0 PORT=5000

# Documents the port for readers and for `docker run -P`; it publishes nothing by itself.
EXPOSE 5000

# The program, unless `docker run` names another command. In exec form (in brackets), so that there
# is no shell in between: signals reach it, and its exit code is the container's.
CMD ["python", "-m", "app"]

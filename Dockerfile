# The base of the program: Debian with Python, and little else. The tag names Python's version
# and the variant; `latest` may be another system next month.
FROM python:3.14-slim

# Log each line as soon as it is printed: without a terminal, Python buffers its output.
ENV PYTHONUNBUFFERED=1

# Paths from here on are relative to this folder, which is created if it does not exist.
WORKDIR /srv

# One layer with our code. The steps above this line are taken from the build cache as long as
# they do not change, so what changes most comes last.
COPY app/ app/

# The signal that `docker stop` sends, by default SIGTERM. A container's first process has no
# default action for signals: it ignores those that it does not handle, and Docker kills it after
# ten seconds. Python handles SIGINT, the signal of Ctrl-C, but not SIGTERM.
STOPSIGNAL SIGINT

# The program. In exec form (in brackets), so that there is no shell in between: arguments of
# `docker run` are added to it, signals reach it, and its exit code is the container's.
ENTRYPOINT ["python", "-m", "app.probe"]

# What the program runs on: Debian with Python, and little else. The tag names both
# versions that matter; `latest` would be another system next month.
FROM python:3.14-slim

# Python keeps its output back when it is not a terminal; a container's log should show a
# line when it is printed.
ENV PYTHONUNBUFFERED=1

# Paths from here on are relative to this folder. It is made if it is not there.
WORKDIR /srv

# One layer with our code. Whatever stands above this line is taken from the build's cache
# as long as it does not change, so what changes most comes last.
COPY app/ app/

# What `docker stop` sends. A container's first process has no default action for a signal: one
# that it does not handle is ignored, and after ten seconds Docker kills it. Python handles
# SIGINT, the signal of Ctrl-C, but not SIGTERM, which is sent unless this says otherwise.
STOPSIGNAL SIGINT

# The program. In brackets, so that it runs as it is and not through a shell: arguments of
# `docker run` are added to it, signals reach it, and its exit code is the container's.
ENTRYPOINT ["python", "-m", "app.probe"]

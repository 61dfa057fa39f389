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

# The program. In brackets, so that it runs as it is and not through a shell: arguments of
# `docker run` are added to it, and signals and exit codes pass straight through.
ENTRYPOINT ["python", "-m", "app.probe"]

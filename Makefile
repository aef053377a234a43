# `make run` and `make test` do all their own set-up; only Python 3.11+ and make must be there.
PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/.runtime
DEV := .venv/.dev
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
# Of each package the version that suits Python 3.11 and newer on Linux, macOS and Windows, with the
# hashes of all its files. `make lock UPGRADE=--upgrade` also renews what is not named in the .in files.
LOCK = $(BIN)/uv pip compile --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --custom-compile-command "make lock" --quiet $(UPGRADE)
MODELS := ml/factory/current
TRAINED_BY := $(wildcard ml/*.py datasets/sites/*.py datasets/reference/*.py ingest/*.py ingest/shop/*.py ingest/simulator/*.py) datasets/combined.py datasets/synthetic.py datasets/recorded.py datasets/recorded.csv.gz jobs/training.py

.PHONY: help setup run test check lock api-check bench screenshots clean
.DEFAULT_GOAL := help

help:
	@echo "make run    start Foresight with simulated traffic at http://127.0.0.1:8050/dashboard/"
	@echo "make test   run all tests (sets up what they need)"
	@echo "make check  style, types, layer rules, unsafe code and packages with known vulnerabilities"
	@echo "make api-check  let schemathesis compare the running API with its description"
	@echo "make bench  measure capture, ingest, features and scoring"
	@echo "make screenshots  pictures of every page for the documentation"
	@echo "make lock   write requirements*.txt anew from requirements*.in, with hashes"
	@echo "make setup  environment, packages and factory models only"

setup: $(MODELS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Foresight needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv

$(RUNTIME): requirements.txt | $(BIN)/python
	$(INSTALL) -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt requirements.txt | $(BIN)/python
	$(INSTALL) -r requirements-dev.txt
	@touch $(RUNTIME) $@

$(MODELS): $(TRAINED_BY) | $(RUNTIME)
	@echo "training the factory models (about a minute)"
	@$(BIN)/python -m flask --app app train --to ml/factory > /dev/null

run: $(MODELS)
	FORESIGHT_DEMO=$${FORESIGHT_DEMO:-1} $(BIN)/python app.py

test: $(DEV) $(MODELS)
	$(BIN)/python tests/browser_setup.py
	$(BIN)/python -m pytest -q

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit -q -c pyproject.toml -r .
	$(BIN)/python -m tests.audit_packages
	$(BIN)/python -m pytest -q tests/unit/test_rooms.py

lock: requirements.in requirements-dev.in | $(DEV)
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt

api-check: $(DEV) $(MODELS)
	$(BIN)/python -m tests.api_check

bench: $(DEV) $(MODELS)
	$(BIN)/python -m bench

screenshots: $(DEV) $(MODELS)
	$(BIN)/python tests/browser_setup.py
	$(BIN)/python docs/screenshots.py

clean:
	rm -rf .venv ml/factory .mypy_cache .ruff_cache .pytest_cache

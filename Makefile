# Two commands: make run, make test. `make help` lists all.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := SERVICEMAP_DATABASE_URL=sqlite:///var/demo.db SERVICEMAP_COVERAGE_PUBLIC=live

.PHONY: help setup run test client bench contract lock clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: $(VENV)/.run  ## make .venv with what running needs

$(VENV)/.run: requirements/run.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "需要 Python 3.11 以上 Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

run: setup  ## serve the demo on http://127.0.0.1:8000
	@mkdir -p var
	@test -e var/demo.db || $(DEMO) $(BIN)/servicemap-admin db create --demo
	@$(DEMO) $(BIN)/servicemap-admin db upgrade
	@$(DEMO) $(BIN)/servicemap-admin seed load
	@$(DEMO) $(BIN)/servicemap-admin seed demo
	@$(DEMO) $(BIN)/servicemap-admin serve

test: $(VENV)/.dev  ## check the code and run the tests (SERVICEMAP_TEST_SCALE=1 for full counts)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations 20

client: setup  ## collect build/client/, the folder that installs the client on an office PC without a network
	$(BIN)/python client/collect.py

bench: $(VENV)/.dev  ## speed at 2,000, 100,000 and 1,000,000 places, beside a bare Flask view and PostGIS
	$(BIN)/python -m bench

contract: $(VENV)/.dev  ## write docs/openapi-v1.json anew
	$(BIN)/python -m tests.api.test_contract > docs/openapi-v1.json

lock: $(VENV)/.dev  ## pin the dependencies anew, with hashes (needs uv)
	uv pip compile -q pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes --no-header -o requirements/run.txt
	uv pip compile -q pyproject.toml --extra build --extra dev --universal --python-version 3.11 --generate-hashes --no-header -o requirements/dev.txt
	uv pip compile -q --group client -c requirements/run.txt --universal --python-version 3.11 --generate-hashes --no-header -o requirements/client.txt

clean:  ## remove .venv, build and var
	rm -rf $(VENV) build var

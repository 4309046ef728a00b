# `make run` starts the demo, `make test` runs all tests; `make` alone lists the rest.
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# The first Python on this machine that is new enough; name another one with PYTHON=…
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$name && break; done)
# On Linux the usual PyTorch brings several GB for graphics cards that are not used here. The README says how
# PIP_EXTRA_INDEX_URL gets the small build for processors.
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check $(if $(CI),--quiet) -c constraints.txt
SIDE_BY_SIDE := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help run test test-faults check bench clean

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)

run: $(VENV)/installed ## Install what is missing, load the demo and serve it (PORT=8000)
	@$(BIN)/broker demo
	@exec $(BIN)/broker serve --port $(PORT)

test: $(VENV)/installed-dev ## Run all tests (some of them: make test ARGS="tests/domain -k outbox")
	$(SIDE_BY_SIDE) -m "not browser and not alone" $(ARGS) || test $$? -eq 5
	$(SIDE_BY_SIDE) -m browser $(ARGS) || test $$? -eq 5
	$(BIN)/python -m pytest -m alone $(ARGS) || test $$? -eq 5

test-faults: $(VENV)/installed-dev ## Run the fault suite in full size (FAULTS_REPORT=file keeps its figures)
	FAULTS=full $(BIN)/python -m pytest tests/faults $(ARGS)

check: $(VENV)/installed-dev ## Check style, types and the import law
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed ## Measure the engine, then the pages of a large city
	$(BIN)/python -m matching bench $(ARGS)
	$(BIN)/python -m broker.bench $(filter --json,$(ARGS))

clean: ## Remove the virtual environment and caches; your data in var/ stays
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found. If it is there under another" \
		"name: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python cannot make a virtual environment here." \
		"On Debian and Ubuntu this helps: apt install python3-venv" >&2; exit 1; }

# Installed again only when the list of packages has changed.
$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing; the first time this takes some minutes and about 2 GB …"
	$(INSTALL) -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing, with what the tests need; the first time this takes some minutes and about 2 GB …"
	$(INSTALL) -e ".[dev]"
	@touch $(VENV)/installed $@

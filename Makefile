# Needs Python >= 3.11 with pip, and make. Everything else is set up in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench docs clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## make .venv and install the product in it; does nothing when up to date

# Some systems ship Python without the pip that venv wants to copy: then the system's pip fills it.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
	  "Python 3.11 or later is needed; name one with: make PYTHON=python3.12 setup")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 \
	  || $(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 \
	  || { $(PYTHON) -m venv --clear --without-pip $(VENV) \
	       && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@# As pip does for what it copies: where Python may not write what it compiled, each command compiles anew.
	$(BIN)/python -m compileall -q api domain ledger projections replay
	@touch $@

demo: setup ## build a ledger of a simulated quarter, serve it, say what to try
	$(BIN)/itsm-ledger demo

test: setup ## run every test (ARGS="-k name" narrows it)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: setup ## lint, format, types, room contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## measure, and write docs/benchmarks.md
	$(BIN)/python -m tests.bench

docs: setup ## write the generated pages of docs/ anew
	$(BIN)/python -m tests.generate_docs

clean: ## remove caches, builds and .venv, but no ledger
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

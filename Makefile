# Everything runs in .venv, made from PyPI alone. Needed by hand: make and a Python of 3.11 or later.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first interpreter that runs and is new enough; `make PYTHON=…` overrides the search.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CONFORM := $(VENV)/.installed-conform
SIM := $(VENV)/.installed-sim
AIMOCK := build/aimock/node_modules/.package-lock.json
# Many tests wait for servers: one process more than the two cores of a small machine.
JOBS ?= 3
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n $(JOBS) --dist worksteal
# What Python compiled is kept: each process of a test run would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv demo test test-fast coverage long conform bench sim docs lint format clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

venv: $(STAMP) ## make .venv with everything for tests and checks

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 with venv found; set PYTHON=/path/to/python" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(STAMP) ## real traffic through four workers and a shared Valkey, ends with a verdict
	$(BIN)/python -m router_core.demo $(DEMO)

# Two runs, one report: what measures time or races many processes must not share the machine with other tests.
test: $(STAMP) ## all tests on all engines
	@rm -rf build/tally.json
	$(PYTEST) $(PARALLEL) -m "not serial" --tally=build/tally.json $(COV) $(ARGS)
	$(PYTEST) -m serial --tally=build/tally.json $(COV) $(ARGS)

coverage: $(STAMP) ## the same with branch coverage, which takes about twice as long
	@rm -f .coverage .coverage.*
	$(MAKE) test COV="--cov --cov-branch --cov-report= --cov-append"
	$(BIN)/python -m coverage report

test-fast: $(STAMP) ## the tests that are not slow, on memory:// and Valkey, within a minute
	$(PYTEST) $(PARALLEL) -q -m "not slow and not serial and not further" $(ARGS)

long: $(STAMP) ## replays that take minutes: the whole trace, workers killed each second
	$(PYTEST) tests/acceptance tests/state -m long -s $(ARGS)

$(CONFORM): pyproject.toml $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[conform]'
	@touch $@

# A server of npm's, for Bedrock and Azure: without npm its tests are skipped, and say so.
$(AIMOCK):
	@if command -v npm >/dev/null; then mkdir -p build/aimock && npm install --silent --no-audit --no-fund \
		--prefix build/aimock '@copilotkit/aimock@^1.43' || echo "aimock could not be installed" >&2; fi

conform: $(CONFORM) $(AIMOCK) ## every provider as it was recorded, beside its own SDK; ends with a table
	$(PYTEST) tests/conform $(PARALLEL) -q --timeout=60 $(ARGS)

bench: $(STAMP) ## cost of a call and of a decision
	$(BIN)/python -m tests.bench $(ARGS)

$(SIM): pyproject.toml $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[sim]'
	@touch $@

sim: $(SIM) ## the strategies in a simulated fleet; writes tests/sim/RESULTS.md
	$(BIN)/python -m tests.sim $(ARGS)

# What a user meets, and what an operator or author of a strategy reads; the rest is found from there.
DOCUMENTED := router_core router_core.router router_core.config router_core.errors router_core.hooks router_core.metrics \
	router_core.providers router_core.simulator router_core.state.store router_core.state.records router_core.state.keys \
	router_core.strategies

# pdoc cannot look into the constructors that pydantic and typing.NamedTuple make; any other warning is an error.
QUIET := -W error -W "ignore:Failed to run TYPE_CHECKING code while parsing PydanticDataclass" \
	-W "ignore:Error parsing type annotation PydanticDataclass" -W "ignore:Error parsing type annotation ForwardRef"

docs: $(STAMP) ## the API as HTML, in build/docs, and the table of providers
	$(BIN)/python -m router_core.providers.matrix
	$(BIN)/python $(QUIET) -m pdoc --docformat markdown -o build/docs $(DOCUMENTED)
	@echo "build/docs/index.html"

lint: $(STAMP) ## ruff, mypy strict, Lua checks, manifests
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m tests.lint_lua
	@if command -v kubectl >/dev/null; then kubectl kustomize deploy >/dev/null; \
		else echo "notice: kubectl is not here, so the manifests were not put together"; fi

format: $(STAMP) ## put the sources into their form
	$(BIN)/python -m ruff check --fix --quiet .
	$(BIN)/python -m ruff format --quiet .
	$(BIN)/python -m tests.lint_lua --format

clean: ## remove the environment and everything built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov

# One environment in .venv, made from the hashed locks; every target makes what it needs first.
# Needs make and a python3 (3.11 or newer) with its venv module; neither pip on PATH nor git.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
unexport PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_USER := 0

VENV := .venv
BIN := $(VENV)/bin
CODE := gateway adapters config tests
PIP := $(BIN)/python -m pip --quiet
INSTALL := $(PIP) install --require-hashes --only-binary :all:
PYTEST_ARGS ?=
RUN_ARGS ?=

.PHONY: help env env-dev run test test-long check format bench lock clean

help:
	@echo "make run     start the gateway on http://127.0.0.1:8080"
	@echo "make test    run the tests (PYTEST_ARGS='-k name' passes options on)"
	@echo "make test-long  hours: all on both stores, and large sizes"
	@echo "make check   lint, formatting, types"
	@echo "make bench   measure the cost of a message on both stores (BENCH_ARGS=--sqlite: on SQLite alone)"
	@echo "make env     only prepare $(VENV);  make lock  renew the locks;  make clean  remove what was made"

env: $(VENV)/.runtime
	@:
env-dev: $(VENV)/.dev
	@:

# A moved folder or a removed interpreter leaves a broken environment behind: begin anew.
_ := $(shell { $(BIN)/python -c '' && test "$$(cat $(VENV)/.runtime)" = "$(CURDIR)"; } 2>/dev/null \
	|| rm -f $(BIN)/python $(VENV)/.runtime $(VENV)/.dev)

# Versions the locks are tested on come first; a newer Python is taken when it is all there is.
USABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, int(sys.argv[1])))
REPORT := import sys, importlib.util as u; \
	print(" ", sys.executable, sys.version.split()[0], "" if u.find_spec("ensurepip") else "without venv")
$(BIN)/python:
	@for newest in 13 99; do \
	  for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if "$$python" -c '$(USABLE)' $$newest 2>/dev/null; then \
	      echo "making $(VENV) with $$python ($$("$$python" -V 2>&1))"; \
	      exec "$$python" -m venv --clear $(VENV); \
	    fi; \
	  done; \
	done; \
	exec >&2; \
	echo "A Python 3.11 or newer with its venv module is needed. Found:"; \
	for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  { "$$python" -c '$(REPORT)'; } 2>/dev/null; \
	done; \
	echo "On Debian and Ubuntu: apt-get install python3 python3-venv."; \
	echo "Another interpreter: make env PYTHON=/path/to/python3"; \
	exit 1

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing requirements.lock"
	@$(INSTALL) -r requirements.lock
	@$(PIP) install --no-index --no-build-isolation --no-deps --editable .
	@echo "$(CURDIR)" >$@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "installing requirements-dev.lock"
	@$(INSTALL) -r requirements-dev.lock
	@touch $@

run: env
	@exec $(BIN)/gateway run $(RUN_ARGS)

# What is written down is tested on two pairs: SQLite alone, PostgreSQL with Valkey. 5: of what was asked for, nothing
# touches the store.
# Most tests wait for other processes most of the time. For the second pair each of those who run them reads only the
# files that have such tests.
TOGETHER = --numprocesses $$(( 3 * $$(nproc) )) --dist worksteal
STORED = $(shell grep -ls 'mark\.store' tests/test_*.py)
test: env-dev
	@$(BIN)/python -m pytest $(TOGETHER) $(PYTEST_ARGS)
	@echo "the same on PostgreSQL with Valkey, as far as it is about what is written down"
	@GW_STORE=postgres GW_REDIS=valkey $(BIN)/python -m pytest $(TOGETHER) -m store $(or $(PYTEST_ARGS),$(STORED)) || \
	  test $$? -eq 5

# Hours: all of it on PostgreSQL too, every order of things, and sizes that only a long run has time for.
test-long: env-dev
	@GW_ORDERS=all GW_SESSIONS=1000000 GW_VISITS=16000 GW_DOCUMENTS=5000 GW_CRASHES=500 GW_FUZZ=5000 GW_EDITS=1000 \
	  GW_POWER_CUTS=2500 GW_LOAD=10000 $(BIN)/python -m pytest $(TOGETHER) --long --timeout 7200 $(PYTEST_ARGS)
	@GW_STORE=postgres $(BIN)/python -m pytest $(TOGETHER) --long --timeout 1200 $(PYTEST_ARGS)
	@GW_REDIS=valkey $(BIN)/python -m pytest $(TOGETHER) --timeout 1200 -m store $(PYTEST_ARGS)
	@$(BIN)/python -m tests.crash 500 --replicas 3
	@$(BIN)/python -m tests.crash 600 --troubles
	@$(BIN)/python -m tests.crash 300 --troubles --replicas 2

check: env-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --strict $(CODE)

format: env-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: env-dev
	@$(BIN)/python -m tests.bench $(BENCH_ARGS)

# Resolved on the oldest supported Python, whose extra conditional dependencies the newer ones can carry.
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-options \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --extra build $(LOCK_ARGS)
lock: env-dev
	@$(COMPILE) --output-file requirements.lock pyproject.toml
	@$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Everything sets itself up: `make demo` and `make test` work on a fresh machine with Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PARALLEL := -n auto --dist worksteal

# No library may phone home, and pip asks nobody which version it is.
export DO_NOT_TRACK = 1
export PREFECT_SERVER_ANALYTICS_ENABLED = false
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Tests start many processes, which need not compile everything again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test coverage test-slow fuzz lint audit bench bench-faults docs install lock clean

demo: install
	$(BIN)/recspend demo --prefect

test: install
	$(BIN)/python -m pytest -m "not slow" $(PARALLEL)

# The share of transforms' lines and branches that its own tests run; fails below the floor in pyproject.toml. What
# touches the world is proved by whole runs, many of them in processes of their own, which this would not see.
coverage: install
	$(BIN)/python -m pytest tests/transforms -m "not slow" $(PARALLEL) --cov --cov-report=term

test-slow: install
	$(BIN)/python -m pytest -m slow $(PARALLEL)

# How many examples each fuzz test tries; 2000 take about an hour.
RECSPEND_FUZZ ?= 2000
fuzz: install
	RECSPEND_FUZZ=$(RECSPEND_FUZZ) $(BIN)/python -m pytest -m "not slow" $(PARALLEL) tests/whole_runs/hostile/test_fuzz.py

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files -z | xargs -0 $(BIN)/codespell
	$(BIN)/python -m tests.support.word_list
	$(BIN)/python -m tests.support.word_list --names
	$(BIN)/deptry --no-ansi .
	$(BIN)/sqlfluff lint sql --processes 2 --disable-progress-bar
	$(BIN)/bandit -q -r flows transforms recspend_installed.py -c pyproject.toml

# Known vulnerabilities of the locked packages. Where the database cannot be reached, it only warns.
audit:
	PYTHON=$(PYTHON) .ci/audit

bench: install
	$(BIN)/python -m tests.benchmarks

# Damages, kills and fills everything, and writes flows/emulator/OUTCOMES.md. The kills take about ten minutes on a free
# core, everything half an hour; `KILLS=5000 make bench-faults` kills more.
KILLS ?= 500
bench-faults: install
	$(BIN)/python -m tests.benchmarks.faults --write --kills $(KILLS)

# Writes what is generated: data/README.md and the pictures in sql/ from the twins and the SQL, prefect.yaml from the
# deployment, and parts of the rooms' pages from the code.
docs: install
	$(BIN)/python -m flows.model.data_map
	$(BIN)/python -m flows.model.sql_map
	$(BIN)/python -m flows.pipeline.prefect_yaml
	$(BIN)/python -m tests.support.docs

install: .venv/.installed

.venv/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "recspend needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# Rebuilds the lock file: versions and hashes for every platform, no index addresses.
lock:
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install --quiet uv
	.venv/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-annotate --no-header --extra dev --upgrade pyproject.toml -o requirements.lock

clean:
	rm -rf .venv data/demo

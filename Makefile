# Everything a person or cron does here. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON  ?= python3
CONFIG  ?= config.example.json
CATALOG ?= catalog.json
STATE   ?= state.json
PORT    ?= 8765
# The example API's key. A real API's key comes from the environment too, never from a file.
export MARKETPLACE_API_KEY ?= demo-key

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo demo-server run pipe ingest discover test check lint format types coverage crash sweep-values sweep-damages sweep-zones s3 interop airflow spark realservers sweep screenshots bench bench-quick lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv, with every dependency at its locked version and hash

$(READY): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Start the example API, ingest it into ./lake-demo, show what landed
	@$(BIN)/python -m examples.demo --port $(PORT)

demo-server: setup ## Serve the example API on its fixed port, for typing the plain pipe
	@$(BIN)/python -m examples.marketplace --port $(PORT) --state .demo/marketplace.json

run: setup ## Ingest CONFIG into its lake
	@$(BIN)/lake run -c $(CONFIG)

pipe: setup ## The same as a plain shell pipe, with the state kept in STATE
	@touch $(STATE)
	@$(BIN)/tap-rest-api --config $(CONFIG) --catalog $(CATALOG) $$(test -s $(STATE) && echo --state $(STATE)) \
	  | $(BIN)/target-datalake --config $(CONFIG) > $(STATE).new
	@tail -n 1 $(STATE).new > $(STATE).last && if test -s $(STATE).last; then mv $(STATE).last $(STATE); fi
	@rm -f $(STATE).new $(STATE).last

ingest: $(READY) ## For cron: ingest CONFIG, and say something only when something is wrong
	@$(BIN)/lake run -c $(CONFIG) --quiet

discover: setup ## Write CATALOG anew from CONFIG, keeping the selections made in it
	@$(BIN)/lake discover -c $(CONFIG)

test: setup ## Run the whole test suite
	$(BIN)/pytest -n 2

check: lint types test ## Everything CI checks

lint: setup ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: setup ## Check types
	$(BIN)/mypy

coverage: setup ## Run the suite under branch coverage, child processes included
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

sweep-values: setup ## The long runs over values: 10,000 examples a type, a million garbled lines, a line of 1 GB
	PROPERTY_EXAMPLES=10000 FUZZED_LINES=1000000 LONG_LINE_MB=1000 $(BIN)/pytest -n 2 --timeout=0 \
	  tests/target/test_rows_properties.py tests/target/test_round_trip.py tests/target/test_schema_change.py \
	  tests/target/test_streams.py tests/target/test_bounds.py tests/tap/test_config.py

.PHONY: sweep-columnar
sweep-columnar: setup ## Hold both paths of the target against each other over 100,000 damaged records
	COLUMNAR_MUTANTS=100000 $(BIN)/pytest -n 2 --timeout=0 tests/target/columnar

crash: setup ## Kill the target and the commands at every step and system call, and random processes of a run
	@command -v strace > /dev/null || echo 'strace is not installed (apt-get install strace): its sweeps are skipped' >&2
	CRASH=full KILLS=200 $(BIN)/pytest -q -s --timeout 7200 tests/crash tests/end_to_end/test_kills.py
	CRASH=full $(BIN)/pytest -q -n 2 --timeout 3600 -k at_any_step tests/lake

s3: setup ## Run the suites' S3 side against a real server (SeaweedFS), then every fault at every request
	S3_SERVER=seaweedfs $(BIN)/pytest -n 2 -k "s3 or S3" tests/target tests/lake tests/end_to_end
	S3_FAULT_STRIDE=1 $(BIN)/pytest -n 2 tests/target/test_s3_faults.py

sweep-damages: setup ## Damage a lake 1,000 times, and see that lake verify finds each
	LAKE_DAMAGES=1000 $(BIN)/pytest --timeout=0 tests/lake/test_verify.py -k random_damage

sweep-zones: setup ## Kill builds at every step, merge at random, build under 500 hostile names
	CRASH=full MERGE_EXAMPLES=200 HOSTILE_NAMES=500 $(BIN)/pytest -n 2 --timeout=3600 tests/lake/zones

interop: setup ## Test against third-party taps and targets, installed in environments of their own
	$(BIN)/pytest -m interop tests/interop tests/docs

.PHONY: meltano
meltano: setup ## Run examples/meltano twice under Meltano, installed in an environment of its own
	$(BIN)/pytest -m interop tests/meltano

airflow: setup ## Parse and run the example DAG in a real Airflow, installed in an environment of its own
	$(BIN)/pytest -m interop tests/airflow

sweep: setup ## Test the tap at length: 300 sources that change while they are read, every fault on every kind of page
	SIMULATIONS=300 SWEEP=1 $(BIN)/pytest -q -n 2 tests/tap/test_incremental_simulation.py tests/tap/test_faults.py \
	  tests/tap/test_marketplace.py tests/end_to_end/test_whole_pipe.py

spark: setup ## Build zones on a real Spark, in one process and on a cluster of three (needs Java 17)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target .interop/spark -r requirements/spark.lock
	PYTHONPATH="$(CURDIR)/.interop/spark" $(BIN)/pytest -m spark tests/spark

realservers: setup ## Read datasette and json-server (needs node), installed in environments of their own
	$(BIN)/pytest -m realservers tests/realservers

screenshots: setup ## Take the pictures of docs/images anew (needs chromium)
	@$(BIN)/python -m docs.screenshots

.PHONY: docs
docs: setup .interop/docs/.ready ## Build the documentation as a site in ./site, with an environment of its own
	$(BIN)/python -m docs.reference .interop/docs/reference
	NO_MKDOCS_2_WARNING=1 .interop/docs/bin/mkdocs build --strict --quiet

.interop/docs/.ready: requirements/docs.lock
	$(PYTHON) -m venv --clear .interop/docs
	.interop/docs/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.lock
	@cp requirements/docs.lock $@

bench: setup ## Measure ours and others side by side, and write bench/RESULTS.md (quarter of an hour; BENCH_RECORDS=1000000)
	$(BIN)/python -m bench --write bench

bench-quick: setup ## The same in a minute, without others; writes nothing
	BENCH_PEERS=0 BENCH_RECORDS=$${BENCH_RECORDS:-100000} BENCH_ROUNDS=1 BENCH_GROWTH=2 $(BIN)/python -m bench

lock: ## Lock the dependencies anew (needs uv)
	uv pip compile pyproject.toml --group dev --extra pandas --extra polars --universal --python-version 3.11 \
	  --generate-hashes --no-header --upgrade -o requirements/dev.lock
	uv pip compile pyproject.toml -c requirements/dev.lock --universal --python-version 3.11 \
	  --generate-hashes --no-header -o requirements/run.lock
	echo 'hatchling>=1.27' | uv pip compile - -c requirements/dev.lock --universal --python-version 3.11 \
	  --generate-hashes --no-header -o requirements/build.lock
	echo 'mkdocs-material>=9.6' | uv pip compile - --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --upgrade -o requirements/docs.lock

clean: ## Remove the environment, the demo's lake and every cache
	rm -rf $(VENV) lake-demo .demo .interop state.json bench/out build dist site
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

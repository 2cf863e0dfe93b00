# Tamiz from a fresh clone: each target sets up its own environment in .venv first.
# Another interpreter: make setup PYTHON=python3.12

PYTHON ?= python3
EXTRAS := dev,postgres,mysql,jax
PACKAGES := spaces objectives reports search
BIN := .venv/bin
READY := .venv/ready

.PHONY: help setup demo test test-all test-long lint check bench bench-peers pins clean
.DEFAULT_GOAL := help

help:
	@echo 'make setup   the environment, in .venv'
	@echo 'make demo    a small search on the digits that scikit-learn brings, and its report'
	@echo 'make test    the quick tests and one slow test of each promise: 10 minutes at most'
	@echo 'make test-all    all tests except those of test-long; TESTS=tests/faults for some'
	@echo 'make test-long   chaos, soak, scale, thousands of files: before a release'
	@echo 'make lint    lint, format, spelling, types, import contracts'
	@echo 'make check   lint and the quick tests'
	@echo 'make bench   short forms of the benchmarks; wants two free cores'
	@echo 'make bench-peers   one search beside KerasTuner, Ray Tune and Optuna, in .venv-peers; PEERS="--seeds 5" for all'
	@echo 'make pins    write constraints.txt afresh, from the newest releases'
	@echo 'make clean   remove .venv and caches; runs/ stays'

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Tamiz needs Python 3.11 or later; this is %d.%d. Name another: make setup PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	@echo 'Installing into .venv: a few minutes, the first time'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: setup
	$(BIN)/python -m search run --space cnn_cifar --data digits --trials 8

test: setup
	$(BIN)/python -m pytest -m 'not slow or promise' $(TESTS)

test-all: setup
	$(BIN)/python -m pytest -m 'not long' $(TESTS)

test-long: setup
	$(BIN)/python -m pytest -m long $(TESTS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	$(BIN)/python -m pytest -m 'not slow'

bench: setup
	$(BIN)/python -m benchmarks.starting --repeats 2
	$(BIN)/python -m benchmarks.training --repeats 2 --images 160
	$(BIN)/python -m benchmarks.workers --repeats 2 --images 160
	$(BIN)/python -m benchmarks.memory --trials 30
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.report --trials 200

PEERS ?= --seeds 1 --seconds 60

bench-peers: .venv-peers/ready
	.venv-peers/bin/python -m benchmarks.peers $(PEERS)

.venv-peers/ready: benchmarks/peers/requirements.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable . \
	  --requirement benchmarks/peers/requirements.txt
	@touch $@

pins:
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && $(PYTHON) -m venv "$$fresh" && \
	"$$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]' && \
	{ grep '^#' constraints.txt; "$$fresh/bin/python" -m pip freeze --exclude-editable; } > "$$fresh/pins" && \
	cp "$$fresh/pins" constraints.txt

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(PACKAGES) tests -name __pycache__ -prune -exec rm -rf {} +

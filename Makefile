# Entry points for people and CI alike. Everything is installed inside this folder: .venv, node_modules, .build.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3.11
BIN := $(CURDIR)/.venv/bin
TOOLS := $(CURDIR)/.build/bin
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python
export PATH := $(TOOLS):$(BIN):$(PATH)
# py-solc-x, and through it ape, look for compilers here.
export SOLCX_BINARY_PATH := $(CURDIR)/.build/solc
export APE_DATA_FOLDER := $(CURDIR)/.build/ape
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# uv leaves bytecode to the first import. Where none is kept, each program that a test starts compiles torch anew.
unexport PYTHONDONTWRITEBYTECODE

CONTRACTS := $(shell find contracts tests/forge -name '*.sol')

.PHONY: help setup lock check test test-slow test-python test-random test-chain test-unit test-integration \
  test-contracts test-forge demo format gas fuzz symbolic mutate coverage slither bench-pricing bench-seal bench-scale \
  bench-blind compare bench-oracle fuzz-sealed fuzz-network fuzz-api crash chaos clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# --- set-up: two steps, so that the demonstration does not wait for what only tests need ----------------------------

.build/run: pyproject.toml package-lock.json scripts/setup/install_torch.py scripts/setup/import_commands.py \
  hatch_build.py scripts/setup/build_native.py client/assay/protocol/batch/digests.c \
  scripts/setup/link_tools.sh \
  $(addprefix requirements/,installer.txt build.txt run.txt torch.txt torch-cpu.txt)
	@echo "== What runs: Python packages, Anvil" >&2
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/installer.txt
	$(INSTALL) --require-hashes --requirement requirements/run.txt
	python scripts/setup/install_torch.py
	$(INSTALL) --no-deps --build-constraints requirements/build.txt --editable .
	npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
	scripts/setup/link_tools.sh $(TOOLS) anvil
	python scripts/setup/import_commands.py
	@touch $@

.build/dev: .build/run requirements/dev.txt oracle/assay_bench/pyproject.toml scripts/solc/provide.py scripts/solc/solc \
  scripts/setup/postgresql.sh
	@echo "== What checks and tests: tools, compiler, contract libraries, a database server" >&2
	$(INSTALL) --require-hashes --requirement requirements/dev.txt
	$(INSTALL) --no-deps --build-constraints requirements/build.txt --editable oracle/assay_bench
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	scripts/setup/link_tools.sh $(TOOLS) anvil forge ganache snarkjs
	python scripts/solc/provide.py .build/solc >/dev/null
	scripts/setup/postgresql.sh .build/postgresql
	@touch $@

# Forge keeps what it compiled by content, compiler and settings; ape reads what forge compiled.
.build/contracts: .build/dev foundry.toml scripts/setup/ape_manifest.py $(CONTRACTS)
	@echo "== Contracts" >&2
	forge build
	python scripts/setup/ape_manifest.py
	@touch $@

.build/env: Makefile
	@mkdir -p .build
	@printf 'export PATH=%s:%s:$$PATH SOLCX_BINARY_PATH=%s APE_DATA_FOLDER=%s\n' \
	  $(TOOLS) $(BIN) $(SOLCX_BINARY_PATH) $(APE_DATA_FOLDER) >$@

setup: .build/contracts .build/env ## install everything inside this folder, compile the contracts

lock: .build/run ## pin every Python package with its hashes: requirements/
	python scripts/setup/lock.py

# --- checks and tests -----------------------------------------------------------------------------------------------

check: setup ## lint, type-check, formatting, generated files, gas
	ruff check .
	ruff format --check .
	mypy
	forge fmt --check
	python scripts/export_abi.py --check
	python scripts/make_vectors.py --check
	python scripts/write_docs.py --check
	PYTHONPATH=scripts python -m gas --check

# Workers of the Python suite; a thread each, or they would take each other's processors.
PYTEST := OMP_NUM_THREADS=1 pytest -p no:ape_test --numprocesses 2 --dist loadgroup --no-loadscope-reorder \
  --ignore tests/contracts tests

test: setup ## the default suite, the contract beside everything else
	$(MAKE) --no-print-directory --jobs 2 test-python test-chain

test-python: setup ## client, oracle, prices, documents
	$(PYTEST)

test-chain: setup
	$(MAKE) --no-print-directory test-contracts
	$(MAKE) --no-print-directory test-forge

test-unit: setup ## tests without sockets
	$(PYTEST) -m unit

test-random: setup ## test-python with other examples each time
	$(PYTEST) --hypothesis-profile random

test-integration: setup ## tests against real chains and daemons
	$(PYTEST) -m integration

test-contracts: setup ## the contract's specification, on Anvil
	ape test tests/contracts --network ethereum:local:foundry

test-forge: setup ## a short run of the contract's properties, and of the contract against its reference
	forge test

format: setup ## rewrite sources in the house's format
	ruff check --fix .
	ruff format .
	forge fmt

# --- the main job ---------------------------------------------------------------------------------------------------

demo: .build/run ## one model owner, eleven sellers, real chain, real daemon: ends with a table and out/demo.json
	PYTHONPATH=scripts python -m demo

# --- the contract's long checks: docs/verification.md has their last results ---------------------------------------

fuzz: setup ## 100,000 runs of every property, 1,000 of the invariants: about 35 minutes on two idle cores
	FOUNDRY_PROFILE=long forge test --fuzz-seed 0x$$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')

# halmos asks for versions that the client's own dependencies exclude: an environment of its own.
.build/halmos/installed: Makefile
	$(PYTHON) -m venv .build/halmos
	.build/halmos/bin/pip install --quiet halmos==0.3.3
	@touch $@

symbolic: setup .build/halmos/installed ## proofs for every input
	scripts/symbolic.sh .build/symbolic .build/halmos/bin/halmos

mutate: setup ## how many small faults forge's tests notice: at least 90 %
	python scripts/mutate.py --minimum 0.9

coverage: setup ## lines and branches of the contracts that forge's tests reach
	scripts/coverage.sh .build/coverage

slither: setup ## static analysis: no high or medium finding that is not explained in place
	for contract in Settlement ProvenOracle; do \
	  FOUNDRY_OUT=.build/slither/out FOUNDRY_CACHE_PATH=.build/slither/cache slither contracts/$$contract.sol \
	    --filter-paths node_modules --exclude-low --exclude-informational --exclude-optimization --fail-medium; \
	done

gas: setup ## gas of every operation beside its floor: out/gas.json
	PYTHONPATH=scripts python -m gas

# Libraries to compare with. The cases' data are fetched by the run itself, checked, and never installed.
.build/bench: .build/run requirements/bench.txt oracle/assay_bench/pyproject.toml
	@echo "== The benchmark and its rivals" >&2
	$(INSTALL) --require-hashes --requirement requirements/bench.txt
	$(INSTALL) --no-deps --build-constraints requirements/build.txt --editable oracle/assay_bench
	@touch $@

bench-pricing: .build/bench ## every pricing method against retraining: out/pricing.json, plots, docs/benchmark.md
	assay-oracle bench --page docs/benchmark.md

bench-seal: .build/run ## sealing against two SHA-256 passes and ChaCha20, on SIZE=4G: out/seal.json
	PYTHONPATH=oracle python -m assay_bench.sealing --size $(or $(SIZE),4G)

NETWORK := api_requests oracle_answers node_answers signer_answers store_answers messages

.build/fuzz: .build/run requirements/fuzz.txt
	@echo "== The fuzzer" >&2
	$(INSTALL) --require-hashes --requirement requirements/fuzz.txt
	@touch $@

fuzz-sealed: .build/fuzz ## coverage-guided fuzzing of what reads sealed files, for SECONDS=60
	PYTHONPATH=scripts python -m fuzz sealed_files --seconds $(or $(SECONDS),60)

fuzz-network: .build/fuzz .build/dev ## the same of what meets the network: requests, answers, messages, for MINUTES=60
	PYTHONPATH=scripts python -m fuzz $(NETWORK) --seconds $$((60 * $(or $(MINUTES),60)))

fuzz-api: setup ## requests that Schemathesis makes up, CASES=50000, against a daemon: none may be its fault
	PYTHONPATH=scripts python -m fuzz.api --cases $(or $(CASES),50000)

bench-scale: .build/bench ## appraisals of 1,000 to a million records, Dask workers, other libraries: out/scale.json
	PYTHONPATH=oracle python -m assay_bench.scaling

bench-blind: .build/bench ## blind quotes: seconds, bytes, ranks, what prices tell: out/blind.json, docs/blind.md
	PYTHONPATH=oracle python -m assay_bench.blind --page docs/blind.md

compare: .build/bench ## the paper's approaches and ours on the same trade: out/compare.json, plots, docs/comparison.md
	assay-oracle compare --page docs/comparison.md

bench-oracle: .build/run ## quotes a second of a daemon, from HTTP to the signed quote, for SECONDS=600: out/oracle.json
	PYTHONPATH=scripts python -m serving --seconds $(or $(SECONDS),600)

test-slow: setup ## the tests that make test leaves out, those of make crash among them
	pytest -p no:ape_test -m slow tests

crash: setup ## assay seal, open, sell and buy killed at twenty random points each, and run again
	pytest -p no:ape_test -m slow tests/client/test_crashes.py tests/integration/test_killed_sale.py

chaos: setup ## ten sales at a time while processes, lines, nodes, disks and clocks fail, RUNS=200 times: out/chaos.json
	PYTHONPATH=scripts python -m chaos --runs $(or $(RUNS),200)

clean: ## remove everything that set-up installed or built, and all results in out/
	rm -rf .build .venv node_modules out client/assay/protocol/batch/digests.so

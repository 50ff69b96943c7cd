# Entry points for people and CI alike. Everything is installed inside this folder: .venv, node_modules, .build.
# torch's default Linux build carries CUDA; for the small one: make PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3.11
PIP_FLAGS ?=
BIN := $(CURDIR)/.venv/bin
TOOLS := $(CURDIR)/.build/bin
export PATH := $(TOOLS):$(BIN):$(PATH)
# py-solc-x, and through it ape, look for compilers here.
export SOLCX_BINARY_PATH := $(CURDIR)/.build/solc
export APE_DATA_FOLDER := $(CURDIR)/.build/ape
export PIP_DISABLE_PIP_VERSION_CHECK := 1

CONTRACTS := $(shell find contracts -name '*.sol')

.PHONY: help setup check test test-python test-chain test-unit test-integration test-contracts test-forge demo format gas fuzz symbolic mutate \
  coverage slither bench-pricing clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# --- set-up ---------------------------------------------------------------------------------------------------------

.build/venv: pyproject.toml constraints.txt
	@echo "== Python environment" >&2
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet $(PIP_FLAGS) --constraint constraints.txt torch
	$(BIN)/pip install --quiet $(PIP_FLAGS) --constraint constraints.txt --requirement requirements-dev.txt --editable '.[oracle,onnx]'
	@mkdir -p .build && touch $@

.build/npm: package.json package-lock.json
	@echo "== Compiler, local chains, contract libraries" >&2
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	scripts/link_tools.sh $(TOOLS)
	@mkdir -p .build && touch $@

.build/compiler: .build/venv .build/npm scripts/solc/provide.py scripts/solc/solc
	@echo "== Solidity compiler" >&2
	python scripts/solc/provide.py .build/solc >/dev/null
	@touch $@

.build/contracts: .build/compiler ape-config.yaml $(CONTRACTS)
	@echo "== Contracts" >&2
	ape compile --force # all of it: ape does not see that a library changed under a contract
	@mkdir -p .build && touch $@

.build/env: Makefile
	@mkdir -p .build
	@printf 'export PATH=%s:%s:$$PATH SOLCX_BINARY_PATH=%s APE_DATA_FOLDER=%s\n' \
	  $(TOOLS) $(BIN) $(SOLCX_BINARY_PATH) $(APE_DATA_FOLDER) >$@

setup: .build/contracts .build/env ## install everything inside this folder, compile the contracts

# --- checks and tests -----------------------------------------------------------------------------------------------

check: setup ## lint, type-check, formatting, generated files, gas
	ruff check .
	ruff format --check .
	mypy
	forge fmt --check
	python scripts/export_abi.py --check
	python scripts/make_vectors.py --check
	python scripts/gas.py --check

test: setup ## the default suite, the contract beside everything else
	$(MAKE) --no-print-directory --jobs 2 test-python test-chain

test-python: setup ## client, oracle, prices, documents
	pytest -p no:ape_test tests --ignore tests/contracts

test-chain: setup
	$(MAKE) --no-print-directory test-contracts
	$(MAKE) --no-print-directory test-forge

test-unit: setup ## tests without sockets
	pytest -p no:ape_test -m unit tests --ignore tests/contracts

test-integration: setup ## tests against real chains and daemons
	pytest -p no:ape_test -m integration tests --ignore tests/contracts

test-contracts: setup ## the contract's specification, on Anvil
	ape test tests/contracts --network ethereum:local:foundry

test-forge: setup ## a short run of the contract's properties, and of the contract against its reference
	forge test

format: setup ## rewrite sources in the house's format
	ruff check --fix .
	ruff format .
	forge fmt

# --- the main job ---------------------------------------------------------------------------------------------------

demo: setup ## one model owner, ten sellers, real chain, real daemon: ends with a table and out/demo.json
	python scripts/demo

# --- the contract's long checks: docs/security.md has their last results -------------------------------------------

fuzz: setup ## 100,000 runs of every property, 1,000 of the invariants: about 35 minutes on two idle cores
	FOUNDRY_PROFILE=long forge test

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
	FOUNDRY_OUT=.build/slither/out FOUNDRY_CACHE_PATH=.build/slither/cache slither contracts/Settlement.sol \
	  --filter-paths node_modules --exclude-low --exclude-informational --exclude-optimization --fail-medium

gas: setup ## gas of every operation beside its floor: out/gas.json
	python scripts/gas.py

# Libraries to compare with. The cases' data are fetched by the run itself, checked, and never installed.
.build/bench: .build/venv
	@echo "== The benchmark's rivals" >&2
	$(BIN)/pip install --quiet $(PIP_FLAGS) --constraint constraints.txt --editable '.[oracle,onnx,bench]'
	@touch $@

bench-pricing: .build/bench ## every pricing method against retraining: out/pricing.json, plots, docs/benchmark.md
	assay-oracle bench --page docs/benchmark.md

clean: ## remove everything that set-up installed or built, and all results in out/
	rm -rf .build .venv node_modules out

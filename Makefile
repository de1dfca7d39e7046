# What people type. `make run` and `make test` are all that a newcomer needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# More for pip. On Linux a plain torch is the CUDA build, of several gigabytes; for the CPU build, give
# PyTorch's CPU index (its installation page names it): make run PIP_EXTRA="--extra-index-url …"
PIP_EXTRA ?=
PIP := $(BIN)/pip install --quiet $(PIP_EXTRA)
.DEFAULT_GOAL := help
.PHONY: help setup run demo test test-fast lint bench bench-long bench-peers soak policy policy-smoke screenshots clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

# pip alone (not uv or poetry) keeps to the CPU build of torch where one is configured.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	@echo "Getting PyTorch: on Linux several gigabytes, unless PIP_EXTRA names PyTorch's CPU index (README)."
	$(PIP) "torch>=2.6,<2.14"
	@echo "Getting the rest and compiling llama.cpp: that takes minutes, and says nothing meanwhile."
	$(PIP) -e ".[bundled]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Getting what training and the checks need: some minutes."
	$(PIP) -e ".[bundled,train,dev]"
	@touch $@

setup: $(VENV)/.installed-dev ## make .venv with everything in it

run: $(VENV)/.installed ## install if need be, and open Pocket Agent
	$(BIN)/pocket-agent

demo: $(VENV)/.installed ## play two sessions through the real model, without a terminal
	$(BIN)/python -m pocket_agent.cli.demo

test: $(VENV)/.installed-dev lint ## every check there is, as CI runs it
	$(BIN)/pytest -n 2 --dist loadfile

test-fast: $(VENV)/.installed-dev ## the tests that take no model
	$(BIN)/pytest -m "not slow" -x -q

lint: $(VENV)/.installed-dev ## format, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-dev ## speed, as ratios within one run
	@echo "Measuring: some minutes, on a computer that does nothing else."
	$(BIN)/python -m benchmarks

bench-long: $(VENV)/.installed-dev ## a conversation of 1,000 messages, and first tokens deep in one
	$(BIN)/python -m benchmarks.long_session
	$(BIN)/python -m benchmarks.first_token

bench-peers: $(VENV)/.installed-dev ## other terminal chats beside ours; installs them, apart from ours
	$(BIN)/python -m benchmarks.peers

soak: $(VENV)/.installed-dev ## random hands on the real app for ten minutes: growth, errors, the file
	$(BIN)/python -m benchmarks.soak

screenshots: $(VENV)/.installed-dev ## draw the pictures of the README
	$(BIN)/python -m benchmarks.screenshots

policy: $(VENV)/.installed-dev ## train the policy: hours on a CPU, resumes where it stopped
	$(BIN)/pocket-agent-train all

policy-smoke: $(VENV)/.installed-dev ## every stage of the training at a toy size, a few minutes
	$(BIN)/pocket-agent-train all --smoke --out runs/policy-smoke

clean: ## remove what can be made again
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist

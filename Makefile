# make run | test | check | bench | bench-all | shots. Each makes what it needs: .venv with everything pinned, and for the tests a browser.
SHELL := /bin/bash
.DEFAULT_GOAL := run
.PHONY: run test check bench bench-all shots browser

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SHARED := ../shared/data
BARS := accuracy pens predict depth fit sweep draw refuse pages memory faults api opening users dyno

# Development data, where it lies beside the project and nothing else is asked for.
ifneq ($(wildcard $(SHARED)/mnist.npz),)
export DIGITLAB_MNIST ?= $(abspath $(SHARED)/mnist.npz)
endif
ifneq ($(wildcard $(SHARED)/pen_digits_dev.npz),)
export DIGITLAB_PENS ?= $(abspath $(SHARED)/pen_digits_dev.npz)
endif

run: $(STAMP)
	@$(BIN)/python bin/serve.py

test: $(STAMP) browser
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/pytest -n 2 --dist worksteal -q

check: test

bench: $(STAMP)
	@$(BIN)/python bench/pens.py --run && $(BIN)/python bench/restore.py && $(BIN)/python bench/table.py

bench-all: bench
	@$(BIN)/python bench/recipes.py
	@for name in $(BARS); do echo "== $$name" && $(BIN)/python bench/$$name.py || missed="$$missed $$name"; done; \
	test -z "$$missed" || { echo "bars missed:$$missed"; exit 1; }

shots: $(STAMP) browser
	@$(BIN)/python bin/shots.py

$(STAMP): requirements.txt requirements-dev.txt requirements-dask.txt
	@bash bin/venv.sh $(VENV)

browser: $(STAMP)
	@bash bin/browser.sh $(VENV)

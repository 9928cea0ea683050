# make run | test | check | bench. Each makes what it needs: .venv with everything pinned, and for the tests a browser.
SHELL := /bin/bash
.DEFAULT_GOAL := run
.PHONY: run test check bench bench-all browser

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SHARED := ../shared/data

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
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/pytest -n 2 -q

check: test

bench: $(STAMP)
	@$(BIN)/python bench/pens.py --run && $(BIN)/python bench/restore.py && $(BIN)/python bench/table.py

bench-all: bench
	@$(BIN)/python bench/recipes.py && $(BIN)/python bench/accuracy.py && $(BIN)/python bench/pens.py && $(BIN)/python bench/predict.py && $(BIN)/python bench/memory.py && $(BIN)/python bench/faults.py && $(BIN)/python bench/api.py && $(BIN)/python bench/opening.py && $(BIN)/python bench/users.py && $(BIN)/python bench/dyno.py

$(STAMP): requirements.txt requirements-dev.txt requirements-dask.txt
	@bash bin/venv.sh $(VENV)

browser: $(STAMP)
	@bash bin/browser.sh $(VENV)

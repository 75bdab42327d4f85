# Each verb sets itself up: the first one makes .venv, and again whenever pyproject.toml or constraints.txt change.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
# Two at once, the tests of one module together: they share keeps that take long to make.
PYTEST_ARGS ?= -q -n 2 --dist loadfile
# The one beside other stores takes its own command: it makes environments of theirs and takes long.
BENCHES = $(filter-out bench/reading.py,$(sort $(wildcard bench/*.py)))

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-reading docs gym-report calendars constraints clean

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY) ## make a small keep from real bars in ./demo-data, without the network
	@$(BIN)/marketkeep demo

test: $(READY) ## run the tests (PYTEST_ARGS="-k name" for some)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(READY) ## format, lint, types, imports between rooms, generated docs
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy --no-error-summary
	@report=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$report"; exit 1; }
	@$(BIN)/python tools/make_dictionary.py --check
	@$(BIN)/python tools/make_cli_reference.py --check

bench: $(READY) ## run every benchmark
	@set -e; for bench in $(BENCHES); do $(BIN)/python $$bench; done

bench-reading: $(READY) ## read beside other stores and write docs/benchmarks.md (a quarter of an hour)
	@$(BIN)/python bench/reading.py

docs: $(READY) ## write the data dictionary and the command reference
	@$(BIN)/python tools/make_dictionary.py
	@$(BIN)/python tools/make_cli_reference.py

gym-report: $(READY) ## measure the checks on known defects and write docs/quality-engine.md (some minutes)
	@$(BIN)/python tools/gym_report.py

calendars: $(READY) ## write the sessions' data file from the calendar library
	@$(BIN)/python tools/make_calendars.py

constraints: $(READY) ## pin the versions that .venv holds now
	@$(BIN)/python tools/pin_versions.py
	@touch $(READY)

clean: ## remove caches, builds and the demo; never a keep, never .venv
	@rm -rf demo-data build .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

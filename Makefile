# Python >= 3.10, git and make are all that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo demo-check demo-check-customer demo-check-seeds soak workers test check bench bench-large faults databases format lock clean
help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: $(STAMP) ## environment in .venv, exactly as requirements.lock says

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13) and "Python 3.10 to 3.13 is needed, this is " + sys.version.split()[0] + "; choose another with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@# A run starts twice as fast from compiled bytecode.
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q $(VENV)/lib ferrero_dagster || true
	@touch $(STAMP)

demo: install ## everything on this machine: stand-ins, PostgreSQL, Dagster, sample campaigns
	$(BIN)/ferrero-dagster demo

demo-check: install ## the same without a screen, for both dialects of the DAM: a table of the end state each
	$(MAKE) --no-print-directory --jobs=2 demo-check-customer demo-check-seeds

demo-check-customer demo-check-seeds: demo-check-%:
	$(BIN)/ferrero-dagster demo --check --fresh --dialect $* --state .demo-check/$* --port $(if $(filter seeds,$*),3100,3000)

check: install ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check ## style, types and all tests
	$(BIN)/pytest -n auto

bench: install ## how fast files move, beside a plain script and an ideal copier; WRITE=1 writes docs/PERFORMANCE.md
	$(BIN)/python -m ferrero_dagster.sandbox.bench $(if $(WRITE),--write)

bench-large: install ## what a master of 5 GB costs, and what becomes of one that is killed, changed, refused
	$(BIN)/python -m ferrero_dagster.sandbox.large_files

soak: install ## ten minutes of bad luck with Dagster's daemon and code server: a table; one scenario: ONLY=dead-run
	$(BIN)/python -m ferrero_dagster.sandbox.soak $(if $(ONLY),--only $(ONLY))

workers: install ## runs on two workers, each with network, /tmp and clock of its own, one killed, one cut off, both at Box's limits; ONLY=limits (root, redis-server)
	$(BIN)/python -m ferrero_dagster.sandbox.workers $(if $(ONLY),--only $(ONLY))

faults: install ## docs/FAULTS.md from the marks of the tests, docs/REQUESTS.md from the code
	$(BIN)/python -m ferrero_dagster_tests.faults_table
	$(BIN)/python -m ferrero_dagster_tests.requests_table

databases: install ## docs/DATABASES.md; POSTGRES="DIR DIR" names programs of further versions
	$(BIN)/python -m ferrero_dagster_tests.databases_table $(POSTGRES)

format: install ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## pin the newest allowed versions (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.10 --generate-hashes \
		--no-emit-index-url --no-header --quiet --upgrade --output-file requirements.lock

clean: ## forget the demo's state
	rm -rf .demo .demo-check .demo*.lock .workers

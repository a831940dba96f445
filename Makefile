# `make serve` and `make test` need Python 3.11 or newer and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--no-emit-package rettevej-client

.PHONY: serve demo bench test test-page wheel test-compiled setup lint audit format contract glossary contract-lint generated-clients lock clean

serve: setup
	$(BIN)/rettevej serve

# What the service costs as ratios to floors measured in the same run; some parts alone: BENCH="pure batches".
bench: setup
	$(BIN)/python -m benchmarks $(BENCH)

# A register with a trial of a few hundred people in it, and a page that shows them; data in .rettevej/demo.
demo: setup
	$(BIN)/rettevej demo

# The fixed hash seed keeps the names of parametrised tests alike in all processes.
test: setup
	PYTHONHASHSEED=0 $(BIN)/python -m pytest --numprocesses=logical --dist=loadfile

# The page in a real Chromium, which is installed where it is missing.
test-page: setup
	tests/page/install-chromium
	$(BIN)/python -m pytest -m browser tests/page

# The wheel with the compiled rules, in dist. Without a C compiler it has the sources alone, which are slower.
wheel: dist/.built

dist/.built: $(STAMP) hatch_build.py README.md LICENSE $(shell find app -type f -not -name '*.pyc')
	rm -rf dist
	$(BIN)/python -m hatchling build --target wheel
	touch $@

# The tests of the rules and figures against the wheel, in an environment and a folder without the checkout's sources
# (which test_mutations changes).
COMPILED := .venv/compiled
test-compiled: wheel
	$(BIN)/uv venv -q --clear --python $(BIN)/python $(COMPILED)
	VIRTUAL_ENV=$(COMPILED) $(BIN)/uv pip sync -q --require-hashes requirements-dev.lock
	VIRTUAL_ENV=$(COMPILED) $(BIN)/uv pip install -q --no-deps --no-build-isolation dist/*.whl ./clients/python
	cp -r pyproject.toml docs openapi tests $(COMPILED)
	cd $(COMPILED) && bin/python -m app.contract | cmp - openapi/openapi.json
	cd $(COMPILED) && EXPECTED_EXECUTION=compiled PYTHONHASHSEED=0 bin/python -m pytest \
		--numprocesses=logical --dist=loadfile --ignore=tests/domain/rules/test_mutations.py tests/domain/rules tests/domain/figures

setup: $(STAMP)

# The lock files are installed with their hashes checked; the project and its client go in as pointers to these folders.
$(STAMP): requirements.lock requirements-dev.lock pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed." if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	sed -n '/^uv==/,/# via/p' requirements-dev.lock > .venv/uv.lock
	test -x $(BIN)/uv || $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r .venv/uv.lock
	VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip sync -q --require-hashes requirements-dev.lock
	VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install -q --no-deps --no-build-isolation --editable . --editable clients/python
	touch $(STAMP)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy app tests clients/python/src clients/python/tests $(wildcard benchmarks/*.py)
	$(BIN)/lint-imports --no-cache
	$(BIN)/bandit -q -c pyproject.toml -r app clients/python/src
	$(BIN)/hadolint Dockerfile

# Known vulnerabilities of what is locked, by an advisory service. It fails on one that is found; a service that cannot be
# reached has checked nothing, and that is said.
ADVISORIES ?= https://api.osv.dev/v1/query
audit: setup
	@rm -f .venv/.audit; $(BIN)/pip-audit --vulnerability-service=osv --osv-url=$(ADVISORIES) --disable-pip \
		--requirement=requirements.lock --progress-spinner=off --output=.venv/.audit 2> .venv/.audit.log; \
	if [ $$? -eq 0 ]; then echo "No known vulnerability in requirements.lock."; \
	elif [ -s .venv/.audit ]; then cat .venv/.audit; exit 1; \
	else tail -n 1 .venv/.audit.log; echo "NOT CHECKED for vulnerabilities: $(ADVISORIES) gave no answer."; fi

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Writes the contract from the code; the tests fail when the committed file differs.
contract: setup
	$(BIN)/python -m app.contract > $(STAMP).contract
	mv $(STAMP).contract openapi/openapi.json

# Writes the glossary from the words of the contract and of the page.
glossary: setup
	$(BIN)/python -m app.contract.glossary > docs/glossary.md

# The contract of the code under Spectral and Redocly. Needs node 20 or newer and npm.
contract-lint: setup
	tools/contract/lint $(CURDIR)/$(BIN)/python

# Clients made of the contract by openapi-python-client and openapi-typescript: they compile, and one pushes a batch.
generated-clients: setup
	tools/contract/generated-clients $(CURDIR)/$(BIN)

# After a change in pyproject.toml. For newer versions remove the lock files first.
lock: setup
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv dist .rettevej .hypothesis .mypy_cache .pytest_cache .ruff_cache .schemathesis

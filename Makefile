# Each target is a line or two that a person could type with .venv active.
SHELL := /bin/bash
PYTHON ?= python3
UV_VERSION := 0.13.9
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Without byte code every command takes seconds longer.
export PYTHONDONTWRITEBYTECODE :=
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false

.PHONY: run test lint ui bench docs clean lock

run: .venv/ready  ## from raw exports to published marts; SOURCE=path/to/source.yml AS_OF=2026-03-31
	@warehouse run $(if $(SOURCE),--source $(SOURCE)) $(if $(AS_OF),--as-of $(AS_OF))

test: .venv/ready lint  ## lint, types, every test
	@pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

lint: .venv/ready
	ruff check . && ruff format --check . && lint-imports && pyright
	dbt parse --quiet --warn-error --profile sales_warehouse --target lint \
		--project-dir transformations --profiles-dir transformations  # sqlfluff goes on from this
	cd transformations && sqlfluff lint --processes 2 models

ui: .venv/ready  ## the Dagster UI on 127.0.0.1:3000
	@warehouse ui

bench: .venv/ready  ## how fast it is; ONLY=raw SCALE=1
	@warehouse bench $(if $(ONLY),--only $(ONLY)) $(if $(SCALE),--scale $(SCALE))

docs: .venv/ready  ## dbt docs and what the gates found, as static pages
	@warehouse docs

clean:  ## what the others made; never raw data that cannot be had again
	@if [ -x .venv/bin/warehouse ]; then warehouse clean; fi
	rm -rf .venv transformations/target transformations/logs logs *.egg-info

lock: .venv/ready  ## compile requirements.lock anew, without an index address
	uv pip compile pyproject.toml --extra dev --universal --generate-hashes --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --no-header --quiet -o requirements.lock

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	uv pip install --quiet --python .venv/bin/python --require-hashes --compile-bytecode -r requirements.lock
	uv pip install --quiet --python .venv/bin/python --no-deps -e .
	@touch $@

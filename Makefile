# Each target installs what it needs; `make` alone explains them.
SHELL := /bin/bash
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
PY := .venv/bin/python
STAMP := .venv/.in-step

.DEFAULT_GOAL := help
.PHONY: help setup lock test check demo bench

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 22

.tools/bin/uv:
	@echo "uv is not installed here: putting uv $(UV_VERSION) into .tools/"
	@python3 -m venv .tools && .tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(STAMP): requirements.lock pyproject.toml */pyproject.toml | $(filter .tools/%,$(UV))
	@echo "installing what requirements.lock pins into .venv"
	@test -x $(PY) || $(UV) venv --quiet --python 3.11 .venv
	@$(UV) pip sync --quiet --python $(PY) --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation -e warden -e llm-connect -e activity-core
	@touch $@

setup: $(STAMP)  ## put warden, llm-connect and activity-core into .venv/bin
	@echo "ready: .venv/bin/warden, .venv/bin/llm-connect, .venv/bin/activity-core"

lock: | $(filter .tools/%,$(UV)) ## resolve the dependencies anew and pin them in requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	  --group dev warden/pyproject.toml llm-connect/pyproject.toml activity-core/pyproject.toml -o requirements.lock tools/build-requirements.in

test: $(STAMP)   ## all tests, on a real OpenBao
	$(PY) -m pytest -n 2 --dist loadgroup

demo: $(STAMP)   ## the first lane from its file to its proof, on a throw-away OpenBao (under a minute)
	@$(PY) demo/run.py

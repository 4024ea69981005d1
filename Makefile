# Each target installs what it needs; `make` alone explains them.
SHELL := /bin/bash
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
# Where the system has certificate authorities they count, as for every other program: a proxy's is among them.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),1,0)
PY := .venv/bin/python
STAMP := .venv/.in-step

.DEFAULT_GOAL := help
.PHONY: help setup lock test test-cluster check demo demo-cluster demo-life demo-ssh demo-triage docs picture bench test-compat bench-llm mutants

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 22

# The first Python of 3.11 or newer; none is downloaded.
PYTHON := $(shell for each in python3.11 python3 python3.12 python3.13 python3.14; do \
  "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$each" && break; done)

.tools/bin/uv: tools/uv-requirements.lock
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@echo "uv is not installed here: putting uv $(UV_VERSION) into .tools/"
	@"$(PYTHON)" -m venv .tools || { echo "$(NO_VENV)" >&2; exit 1; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r tools/uv-requirements.lock
	@touch $@

NO_PYTHON := No Python of 3.11 or newer was found, so nothing was installed. Debian 12: apt install python3 python3-venv
NO_VENV := $(PYTHON) cannot make a virtual environment, so nothing was installed. Debian: apt install python3-venv

$(STAMP): requirements.lock pyproject.toml */pyproject.toml activity-core/tests/payloads.txt | $(filter .tools/%,$(UV))
	@echo "installing what requirements.lock pins into .venv"
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@test -x $(PY) || $(UV) venv --quiet --clear --no-python-downloads --python "$(PYTHON)" .venv
	@$(UV) pip sync --quiet --compile-bytecode --python $(PY) --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation -e secret-scan -e warden -e llm-connect -e activity-core
	@$(UV) pip install --quiet --python $(PY) --no-deps --require-hashes -r activity-core/tests/payloads.txt
	@touch $@

setup: $(STAMP)  ## put warden, llm-connect and activity-core into .venv/bin
	@echo "ready: .venv/bin/warden, .venv/bin/llm-connect, .venv/bin/activity-core"

lock: | $(filter .tools/%,$(UV)) ## resolve the dependencies anew and pin them in requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --no-emit-package secret-scan \
	  --group dev secret-scan/pyproject.toml warden/pyproject.toml llm-connect/pyproject.toml activity-core/pyproject.toml -o requirements.lock tools/build-requirements.in
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --no-emit-package secret-scan \
	  --constraints requirements.lock llm-connect/pyproject.toml -o llm-connect/requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --no-emit-package secret-scan \
	  --constraints requirements.lock activity-core/pyproject.toml -o activity-core/requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	  tools/docs-requirements.in -o tools/docs-requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	  tools/mutants/pyproject.toml tools/build-requirements.in -o tools/mutants/requirements.lock
	@echo uv==$(UV_VERSION) | $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	  - -o tools/uv-requirements.lock

# Each worker runs whole modules in their order, so that a server of a module is started once; at the end the one takes
# from the other. No test of these has a group, which worksteal does not know.
test: $(STAMP)   ## all tests but those of test-cluster and test-compat, on a real OpenBao and a real sshd
	$(PY) -m pytest -n 2 --dist worksteal -m "not cluster and not compat and not browser"

# To read all modules takes each worker longer than to grep for those with a marker; conftest.py sees that none is missed.
marked = $$(grep -rl --include='test_*.py' 'mark\.$(1)\b' $(2) | sort)

test-cluster: $(STAMP)  ## the tests on two real clusters and a policy server; builds their programs first (Go, minutes, once)
	@$(PY) tests/plugins/built.py
	$(PY) -m pytest -n $(if $(WARDEN_TEST_KUBECONFIG),0,2) --dist loadgroup -m cluster --timeout 240 $(call marked,cluster,warden/tests tests)

COMPAT := llm-connect/tests/compat
# One environment for the clients; one each for schemathesis and instructor, which cannot share the gateway's
# jsonschema-rs and jiter.
.venv-compat/.in-step .venv-schemathesis/.in-step .venv-instructor/.in-step: .venv-%/.in-step: llm-connect/pyproject.toml | $(filter .tools/%,$(UV))
	@echo "installing what $(COMPAT)/$(LOCKED_$*) pins into .venv-$*"
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@test -x .venv-$*/bin/python || $(UV) venv --quiet --clear --no-python-downloads --python "$(PYTHON)" .venv-$*
	@$(UV) pip sync --quiet --compile-bytecode --python .venv-$*/bin/python --require-hashes $(COMPAT)/$(LOCKED_$*)
	@touch $@
LOCKED_compat := requirements.lock
LOCKED_schemathesis := schemathesis.lock
LOCKED_instructor := instructor.lock
.venv-compat/.in-step: $(COMPAT)/requirements.lock
.venv-schemathesis/.in-step: $(COMPAT)/schemathesis.lock
.venv-instructor/.in-step: $(COMPAT)/instructor.lock

test-compat: $(STAMP) .venv-compat/.in-step .venv-schemathesis/.in-step .venv-instructor/.in-step  ## published clients and tools against llm-connect, and logins with a browser; needs Node.js, Go and chromium
	@$(PY) tests/plugins/oidc_provider.py
	$(PY) -m pytest -n 2 --dist loadgroup -m browser $(call marked,browser,warden/tests tests)
	@$(UV) pip install --quiet --python .venv-compat/bin/python --no-deps --no-build-isolation -e llm-connect
	@.venv-compat/bin/python $(COMPAT)/prepare.py
	.venv-compat/bin/python -m pytest -n 2 --dist loadfile -m compat --confcutdir llm-connect $(COMPAT)

.venv-mutants/.in-step: tools/mutants/requirements.lock tools/mutants/pyproject.toml | $(filter .tools/%,$(UV))
	@echo "installing what tools/mutants/requirements.lock pins into .venv-mutants"
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@test -x .venv-mutants/bin/python || $(UV) venv --quiet --clear --no-python-downloads --python "$(PYTHON)" .venv-mutants
	@$(UV) pip sync --quiet --compile-bytecode --python .venv-mutants/bin/python --require-hashes tools/mutants/requirements.lock
	@$(UV) pip install --quiet --python .venv-mutants/bin/python --no-deps --no-build-isolation -e tools/mutants
	@touch $@

mutants: .venv-mutants/.in-step  ## break what has changed in small ways, and see whether the tests notice: SINCE=COMMIT, SAMPLE=60, FILES=…
	@.venv-mutants/bin/python tools/mutants/run.py --since $(or $(SINCE),HEAD~1) --sample $(or $(SAMPLE),60) $(FILES)

demo: $(STAMP)   ## the first lane from its file to its proof, and a second way in that is found, on a throw-away OpenBao (under a minute)
	@$(PY) -m demo.run

demo-ssh: $(STAMP)  ## an SSH certificate from the inventory to its revocation, on a real OpenBao and a real sshd (under a minute)
	@$(PY) -m demo.ssh

demo-triage: $(STAMP)  ## the daily triage with a key from OpenBao: warden's lane, llm-connect, activity-core
	@$(PY) -m demo.triage

demo-cluster: $(STAMP)  ## the same lane on two real clusters; builds their programs first (Go, minutes, once)
	@env -u WARDEN_TEST_KUBECONFIG $(PY) tests/plugins/built.py
	@$(PY) -m demo.cluster

demo-life: $(STAMP)  ## a lane approved, promoted, rotated under load, closed, and ended after a leak, on a real cluster (under a minute)
	@env -u WARDEN_TEST_KUBECONFIG $(PY) tests/plugins/built.py
	@$(PY) -m demo.life

check: $(STAMP) .venv-docs/.in-step  ## style, types, imports, house rules, links, documents against the programs
	@tools/check $(PY)

.venv-docs/.in-step: tools/docs-requirements.lock | $(filter .tools/%,$(UV))
	@echo "installing what tools/docs-requirements.lock pins into .venv-docs"
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@test -x .venv-docs/bin/python || $(UV) venv --quiet --clear --no-python-downloads --python "$(PYTHON)" .venv-docs
	@$(UV) pip sync --quiet --python .venv-docs/bin/python --require-hashes tools/docs-requirements.lock
	@touch $@

docs: .venv-docs/.in-step  ## the documentation as a site in build/site; a broken link fails
	@tools/site

picture: $(STAMP)  ## the picture in README.md, drawn again from the tutorial's transcripts
	@$(PY) -m tools.picture --write

bench: $(STAMP)  ## side by side against peers, medians of one run; read the ratios; kept in docs/bench.md
	@set -o pipefail; { echo "# Bench: side by side against peers"; echo; \
	  echo "Written by \`make bench\`. Times are of one machine; read the ratios, which hold within one run."; \
	  for each in $(filter-out bench/llm_connect.py bench/route_find_fit.py,$(wildcard bench/*.py)); do printf '\n## %s\n\n' "$$each"; $(PY) "$$each" || exit 1; done; } | tee docs/bench.md.new \
	  && mv docs/bench.md.new docs/bench.md || { rm -f docs/bench.md.new; exit 1; }

.venv-bench/.in-step: bench/llm_connect_parts/peers.lock | $(filter .tools/%,$(UV))
	@echo "installing what bench/llm_connect_parts/peers.lock pins into .venv-bench"
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@test -x .venv-bench/bin/python || $(UV) venv --quiet --clear --no-python-downloads --python "$(PYTHON)" .venv-bench
	@$(UV) pip sync --quiet --compile-bytecode --python .venv-bench/bin/python --require-hashes bench/llm_connect_parts/peers.lock
	@touch $@

bench-llm: $(STAMP) .venv-bench/.in-step  ## llm-connect beside LiteLLM and nginx (ten minutes; needs Go and nginx)
	@$(PY) bench/llm_connect.py

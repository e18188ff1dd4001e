# A developer's day. Everything runs in .venv, which `scripts/setup` makes from the lock files.

# Set PYTHON to choose the interpreter of .venv: make PYTHON=/path/to/python3 test
export PYTHON

# What is compiled is kept, whatever the environment says: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
ACTIONS := action.yml $(wildcard */action.yml)
WORKFLOWS := $(wildcard .github/workflows/*.yml examples/workflows/*.yml)
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --no-config --universal \
	--python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url
# What a project's own Python may lack when its tests are tried, for each Python; why a package is there has to stand in it.
OVERLAYS := src/cicd_agent/adapters/toolchain/overlays
PYTHONS := 3.9 3.10 3.11 3.12 3.13 3.14
OVERLAY := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --no-config --python-platform linux \
	--generate-hashes --no-emit-index-url

.PHONY: help setup demo test test-all checks lint types workflows wheels unit durations fmt bench bench-review bench-bugs bench-logs bench-tests bench-tests-real \
	bench-gate bench-risk bench-patches mutations attacks fuzz docs pictures site lock platforms package image image-test clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

setup: ## .venv, made again when a lock file changed
	@scripts/setup

demo: setup ## review, route, explain a failure and write tests on samples, offline and without a key
	@$(BIN)/python scripts/demo.py

test: checks ## before a change is offered, in 4 minutes: linters, types, workflows and all tests but the slow ones
	@$(MAKE) --no-print-directory unit TESTS='-m "not slow"'

test-all: checks ## before a change goes in, in 8 minutes: the slow tests, too
	@$(MAKE) --no-print-directory unit

checks: setup
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint types workflows wheels $(if $(shell command -v npm),language-service)

lint: setup ## ruff: rules and format
	@echo "==> ruff check"
	@$(BIN)/ruff check
	@echo "==> ruff format --check"
	@$(BIN)/ruff format --check

types: setup
	@echo "==> mypy --strict"
	@$(BIN)/mypy

workflows: setup ## action.yml, every workflow and our schemas: their schemas, and zizmor's auditor
	@echo "==> check-jsonschema"
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-actions $(ACTIONS)
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	@$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/check-jsonschema --check-metaschema $(wildcard schema/*.json)
	@echo "==> zizmor"
	@$(BIN)/zizmor --quiet --offline --no-progress --persona=auditor $(ACTIONS) $(WORKFLOWS) .github/dependabot.yml

unit: wheels ## the test suite alone: make unit TESTS="-m slow"
	@echo "==> pytest"
	@$(BIN)/python -m pytest $(TESTS)

durations: wheels ## record which tests are slow, on a machine that does nothing else
	@$(BIN)/python -m pytest --record-durations

image: setup ## the image, by Docker or Podman: make image BASE=python:3.13-slim@sha256:… NETWORK=host
	@$(BIN)/python image/build.py $(addprefix --base ,$(BASE)) $(addprefix --network ,$(NETWORK))

image-test: image wheels ## the image really run, without a network: what it can do, and that it says what the host says
	@CICD_AGENT_IMAGE_TEST=1 $(BIN)/python -m pytest -n 0 tests/image

# What the action installs, for the test that runs action.yml as the runner would: made again for another lock or Python.
wheels: setup
	@cat requirements.lock .venv/pyvenv.cfg | cksum | cmp -s - .wheelhouse/complete || { \
		echo "==> wheels for the action's own test" && rm -rf .wheelhouse && \
		$(BIN)/python -m pip --quiet --disable-pip-version-check download --require-hashes --only-binary :all: \
			--dest .wheelhouse --requirement requirements.lock && \
		cat requirements.lock .venv/pyvenv.cfg | cksum >.wheelhouse/complete; }

fmt: setup ## put everything into its canonical form
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format

bench: setup ## what the README claims, measured here: costs, and the places of findings
	@$(BIN)/python benchmarks/overhead.py
	@$(BIN)/python benchmarks/anchors.py
	@$(BIN)/python benchmarks/review_fuzz.py
	@$(BIN)/python benchmarks/loop_overhead.py
	@$(BIN)/python benchmarks/planted_bugs.py
	@$(BIN)/python benchmarks/route_speed.py
	@$(BIN)/python benchmarks/worst_files.py
	@$(BIN)/python benchmarks/store.py --records 1000000 --only sqlite,postgresql

bench-review: setup ## reviews of real releases beside installed peers: make bench-review PEERS="DIR …"; needs the package index
	@$(BIN)/python benchmarks/review_overhead.py $(addprefix --peer-venv ,$(PEERS))

bench-bugs: setup ## reviews of known bugs: found, lost, false, paid for (make bench-bugs AGAINST=REV compares)
	@$(BIN)/python benchmarks/known_bugs/measure.py --each --sections $(addprefix --against ,$(AGAINST))

bench-tests: setup ## generated tests: three functions beside CoverUp where it is (make bench-tests PEER=DIR), the hostile matrix, faults
	@$(BIN)/python benchmarks/generated_tests.py $(addprefix --peer-venv ,$(PEER))
	@$(BIN)/python benchmarks/hostile_tests.py
	@$(BIN)/python benchmarks/mutation_speed.py

bench-tests-real: setup ## tests for real changes of a package, each certificate checked on disk; needs the package index
	@$(BIN)/python benchmarks/generated_real.py --cache .cicd-agent/releases

bench-patches: setup ## correct and cheating patches for real failures in Python, JavaScript and Go, by tier of the sandbox
	@$(BIN)/python benchmarks/real_patches.py

bench-logs: setup ## what is found in real logs of failures: make bench-logs DATA=DIR, with index.jsonl and the logs in it
	@$(BIN)/python benchmarks/log_extract.py --data $(DATA)
	@$(BIN)/python benchmarks/missing_truth.py --data $(DATA)
	@$(BIN)/python benchmarks/headlines/measure.py --data $(DATA)

mutations: setup ## a fixed list of hand-made mutations of the package, and how many the tests catch
	@$(BIN)/python benchmarks/mutations.py

bench-gate: setup ## months of ordinary deployments: held without cause, let through with one, beside an earlier version
	@$(BIN)/python benchmarks/gate_requests.py
	@$(BIN)/python benchmarks/gate_month.py

bench-risk: setup ## the risk model on commits with bug labels: make bench-risk DATA=DIR, with files NAME.csv.gz in it
	@$(BIN)/python benchmarks/risk_model.py --data $(DATA)

attacks: setup ## every attack in every place of every mode: how many were made, and that none succeeded
	@$(BIN)/python benchmarks/attacks.py

SECONDS ?= 60
fuzz: setup ## feed each reader of foreign bytes: make fuzz SECONDS=60; by atheris where it is installed in .venv
	@$(BIN)/python fuzz/run.py --seconds $(SECONDS)

docs: setup ## write the generated pages, schemas, sub-actions and the picture again
	@$(BIN)/python scripts/docs.py
	@$(BIN)/python scripts/picture.py

pictures: setup ## photographs of comments and summaries for the docs, light and dark; needs Chromium
	@$(BIN)/python scripts/pictures.py

site: setup ## the documents as a site, into site/: a warning is an error
	@cd tools/site && { ! command -v npm >/dev/null || cmp -s package-lock.json node_modules/complete || { \
		npm ci --silent --no-audit --no-fund --ignore-scripts && cp package-lock.json node_modules/complete; }; }
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean --site-dir site

language-service: setup ## what GitHub's own language service says of our actions, workflows and their parts in documents; needs Node
	@cd tools/language-service && { cmp -s package-lock.json node_modules/complete || { \
		npm ci --silent --no-audit --no-fund --ignore-scripts && cp package-lock.json node_modules/complete; }; }
	@$(BIN)/python scripts/language_documents.py | node tools/language-service/check.mjs .

lock: setup ## resolve every dependency again; `make lock UPGRADE=--upgrade` takes the newest
	@$(COMPILE) $(UPGRADE) pyproject.toml --output-file requirements.lock
	@$(COMPILE) $(UPGRADE) --constraint requirements.lock --extra fleet pyproject.toml --output-file requirements-fleet.lock
	@$(COMPILE) $(UPGRADE) --constraint requirements-fleet.lock --extra fleet --group dev pyproject.toml \
		--output-file requirements-dev.lock
	@$(OVERLAY) --python-version 3.11 --no-annotate $(UPGRADE) fuzz/requirements.in --output-file fuzz/requirements.lock
	@for version in $(PYTHONS); do \
		$(OVERLAY) --python-version $$version $(UPGRADE) $(OVERLAYS)/requirements.in \
			--output-file $(OVERLAYS)/$$version.lock || exit; done

platforms: setup ## whether the locks can be installed on each kind of runner; needs the package index
	@$(BIN)/python scripts/platforms.py

package: setup ## the wheel and the source archive, into dist/
	@rm -rf dist && $(BIN)/python -m hatchling build --directory dist

clean: ## remove everything that is made here
	rm -rf .venv .wheelhouse dist site tools/*/node_modules .cicd-agent .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

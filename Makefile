# What a person types. Everything made lives in .cache; `make` alone lists the targets.

SHELL := /bin/bash
CACHE := .cache
PYTHON := $(CACHE)/venv/bin/python
DEV := $(PYTHON) -m dev
# Says what runs, how long it took last time, and how long it took.
RUN := $(DEV) run

export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/$(CACHE)/hypothesis
# Folders of tests that failed stay for whoever looks into it, and go with `make clean`.
export PYTEST_DEBUG_TEMPROOT := $(CURDIR)/$(CACHE)/tmp
# Where a machine keeps Python from writing compiled modules, every process of the tests compiles again what it imports.
export PYTHONDONTWRITEBYTECODE :=

# The first Python that the project supports; `make PYTHON3=python3.12 ...` overrules.
PYTHON3 ?= $(or $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done),python3)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Says at once all that the machine lacks, and installs what apt has.
.PHONY: prerequisites
prerequisites:
	@$(PYTHON3) -m dev.host.prerequisites

# Makes .cache/venv from locks/dev.txt.
.PHONY: venv
venv: prerequisites
	@$(PYTHON3) -m dev.building.venv
	@mkdir -p $(PYTEST_DEBUG_TEMPROOT)

.PHONY: built
built: prerequisites
	@$(PYTHON3) -m dev build

# The one waits for the network, the other for compilers.
.PHONY: set-up
set-up:
	@$(MAKE) --no-print-directory -j2 venv built

.PHONY: up
up: set-up ## Bring up Kubernetes, S3 and the Hub, and build the images (cold about 8 minutes, warm seconds)
	@$(DEV) up

.PHONY: down
down: ## Stop all that `make up` started
	@$(PYTHON3) -m dev down

.PHONY: clean
clean: ## Stop everything and remove all that was made (.cache)
	@$(PYTHON3) -m dev clean
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: env
env: ## Print shell variables: eval "$$(make -s env)"
	@$(PYTHON3) -m dev env

.PHONY: status
status: ## Show what runs, and where
	@$(PYTHON3) -m dev status

.PHONY: images
images: venv ## Build the two images and give them to the running cluster
	@$(DEV) images

# Tests on a cluster wait for pods, and for time to pass: five at a time keep two cores busy. Of others two do, and those
# of a file share what takes long to make. Small ones come last, as their folders' names have it.
WAITING := -n 5 --dist loadgroup
WORKING := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: lint
lint: venv ## Check style, format, the direction of imports and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(CACHE)/venv/bin/lint-imports --no-logo --cache-dir $(CACHE)/import_linter
	$(PYTHON) -m mypy api operator/tflite_operator converter_image/tflite_converter dev bench tests

.PHONY: unit
unit: venv ## Run the tests that need no cluster
	$(PYTHON) -m pytest $(WORKING) tests/unit

.PHONY: unit-all
unit-all: venv ## Run them on each Python of 3.11 to 3.13 that the machine has
	$(PYTHON) -m dev.testing.interpreters $(WORKING) tests/unit

# Brings up our own cluster unless one was named explicitly (dev/cluster/target.py), and runs a command against it.
define on_cluster
	@target=$$($(DEV) target) || exit 1; \
	if [ "$$target" = own ]; then \
		$(DEV) up && variables=$$($(DEV) env) && eval "$$variables" || exit 1; \
	fi; \
	export REQUIRE_CLUSTER=1 PATH="$(CURDIR)/$(CACHE)/venv/bin:$$PATH"; $(1)
endef

.PHONY: e2e
e2e: set-up ## Run the tests on a cluster
	$(call on_cluster,$(ON_CLUSTER) && $(PYTHON) -m pytest $(ALONE))

.PHONY: one
one: set-up ## Run one test on a cluster: make one TEST=tests/e2e/operator/test_operator.py::test_...
	$(call on_cluster,$(PYTHON) -m pytest "$$TEST")

.PHONY: test
test: prerequisites ## Run lint and all tests, with all set-up (cold about 40 minutes, warm 31)
# The Python environment waits for the network and mypy has one thread, while compilers take all there is.
	@$(PYTHON3) -m dev run "make test" -- $(MAKE) --no-print-directory -j3 lint tests-on-the-cluster tests-beside-it

.PHONY: test-programs
test-programs: venv
	@$(DEV) test-programs

.PHONY: tests-on-the-cluster
tests-on-the-cluster: venv built lint test-programs
	$(call on_cluster,$(RUN) "tests 1 of 4: those that have the cluster to themselves" -- $(PYTHON) -m pytest $(ALONE) \
		&& $(RUN) "tests 2 of 4: the operator killed at many points" -- $(CHAOS) \
		&& $(RUN) "tests 3 of 4: those that share the cluster" -- $(ON_CLUSTER))

# They take what is left of the machine while tests on the cluster wait, and no less than a sixth of it: even they have
# to end in time. What they print comes when they have ended: nobody could read it line by line between the others'.
.PHONY: tests-beside-it
tests-beside-it: venv test-programs
	@mkdir -p $(dir $(BESIDE_LOG))
	@nice -n 5 $(RUN) "tests 4 of 4, beside the others: those that need no cluster, and the packages on a second Python" \
		-- sh -c '{ $(WITHOUT_CLUSTER) && $(ANOTHER) $(WORKING) -m "not tensorflow" $(SHIPPED); } >$(BESIDE_LOG) 2>&1'; \
		outcome=$$?; cat $(BESIDE_LOG); exit $$outcome

BESIDE_LOG := $(CACHE)/log/tests-beside-it.log
WITHOUT_CLUSTER := $(PYTHON) -m pytest $(WORKING) tests/corpus tests/unit

# What runs on other people's Pythons: the packages, and `make` itself. On a second Python these are tested as well.
ANOTHER := $(PYTHON) -m dev.testing.interpreters --another
SHIPPED := $(addprefix tests/unit/,api converter operator dev)

# By themselves: they kill the operator that other tests need and measure how soon another takes over, give it
# deadlines of seconds and cordon the node, or have Helm install another.
ALONE := tests/e2e/operator/test_high_availability.py tests/e2e/clusters/test_cluster_obstacles.py tests/e2e/clusters/test_install_helm.py
ON_CLUSTER := $(PYTHON) -m pytest $(WAITING) tests/e2e tests/apiserver $(addprefix --ignore=,$(ALONE))
CHAOS := $(PYTHON) -m pytest tests/chaos

.PHONY: chaos
chaos: set-up ## Kill the operator at 500 points, and count what became of hundreds of conversions (about 20 minutes)
	$(call on_cluster,CHAOS_KILLS=$${CHAOS_KILLS:-500} $(CHAOS))

.PHONY: gitops
gitops: set-up ## Run Flux beside the operator, and compare as Argo CD does (about 16 minutes, cold 15 more)
	@$(RUN) "the programs of make gitops" -- $(DEV) gitops
	$(call on_cluster,$(RUN) "make gitops" -- $(PYTHON) -m pytest tests/gitops)

.PHONY: demo
demo: set-up ## Convert a real model in the cluster, three ways and a mistake, and look at what comes out
	$(call on_cluster,$(RUN) "make demo" -- $(PYTHON) -m dev.demo)

CORPUS ?= ../shared/corpus

.PHONY: corpus
corpus: venv ## Convert small models of many kinds in all types, and then every SavedModel of the folder CORPUS, as tables
	@$(PYTHON) -m tests.corpus.kinds $(KINDS)
	@if [ -d "$(CORPUS)" ]; then $(PYTHON) -m bench.corpus $(CORPUS) $(ARGS); fi

.PHONY: bench
bench: venv ## Compare the convert step's time and memory with the usual script
	@$(PYTHON) -m bench.convert_step $(ARGS)

.PHONY: bench-cli
bench-cli: venv ## Hold the command line's CPU time against its goals, and its run against the usual script (2 minutes)
	@$(PYTHON) -m bench.command_line $(ARGS)

.PHONY: bench-labelled
bench-labelled: venv ## What each quantization type, and Auto, costs three models that are trained here (about 20 minutes); ARGS="--scikit-learn WHEEL"
	@$(PYTHON) -m bench.labelled $(ARGS)

.PHONY: bench-single
bench-single: set-up ## Time one conversion from apply to Ready beside a bare Job and the usual script (about 10 minutes)
	$(call on_cluster,$(PYTHON) -m bench.single $(ARGS))

.PHONY: bench-scale
bench-scale: venv ## Measure the operator with 1000 and 5000 conversions on kwok nodes (about 25 minutes)
	@$(PYTHON) -m bench.scale $(ARGS)

.PHONY: docs
docs: venv ## Build the documentation, every warning an error (.cache/docs/index.html)
	$(PYTHON) -m sphinx -W --keep-going --quiet -d $(CACHE)/docs-trees docs $(CACHE)/docs

.PHONY: lock
lock: venv ## Write locks/ from pyproject.toml, keeping what is pinned (ARGS=--upgrade: all again)
	@for extra in dev operator converter build; do \
		echo "locks/$$extra.txt"; \
		others=$$([ $$extra = dev ] && echo "$(ARGS)" || echo "--constraint locks/dev.txt --upgrade"); \
		$(CACHE)/venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
			--python-version 3.11 $$others --extra $$extra --output-file locks/$$extra.txt pyproject.toml || exit 1; \
		sed -i '1i # Written by `make lock` from pyproject.toml.' locks/$$extra.txt; \
	done

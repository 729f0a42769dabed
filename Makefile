# What a person types. Everything made lives in .cache; `make help` lists the targets.

SHELL := /bin/bash
CACHE := .cache
PYTHON := $(CACHE)/venv/bin/python
DEV := $(PYTHON) -m dev

# The first Python that the project supports. `make PYTHON3=python3.12` overrules.
PYTHON3 ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# .cache/venv/.complete holds the hash of what it was made from, and is written last: an interrupted or
# outdated environment is made anew.
.PHONY: venv
venv:
	@$(PYTHON3) -m dev.venv

.PHONY: up
up: venv ## Bring up the throw-away Kubernetes, S3 and Hub (cold about 8 minutes, warm seconds)
	@$(DEV) up

.PHONY: down
down: ## Stop everything that `make up` started
	@$(PYTHON3) -m dev down

.PHONY: env
env: ## Print the shell variables: eval "$$(make -s env)"
	@$(PYTHON3) -m dev env

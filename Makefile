# Two commands do everything: `make demo` and `make test`. Both make their own virtual environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Most tests wait for elections and timeouts of real servers, so there may be more of them than cores.
WORKERS ?= 4
SOURCES := $(shell find exporter -name '*.py' -o -name 'py.typed') $(wildcard rules/*.yaml alertmanager/*.yaml)

.DEFAULT_GOAL := help
.PHONY: help demo test lint tools browser dashboards image release clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.test: pyproject.toml $(BIN)/python
	@mkdir -p dist
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[test]'
	@touch $@

# The suite tests what users get: the wheel, built anew whenever a source changed.
$(VENV)/.wheel: $(VENV)/.test $(SOURCES) README.md
	@rm -rf $(VENV)/wheel
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w $(VENV)/wheel .
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(VENV)/wheel/*.whl
	@touch $@

$(VENV)/.demo: pyproject.toml $(SOURCES) $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[demo]'
	@touch $@

demo: $(VENV)/.demo $(if $(STACK),tools) ## a three-node cluster with the ORDERS workload and the exporter beside it
	@exec $(BIN)/jetstream-exporter demo $(if $(STACK),--stack) $(ARGS)

tools: $(VENV)/.test ## what PyPI does not have: Prometheus, promtool, Alertmanager; more versions of nats-server
	@$(BIN)/python scripts/tools.py

browser: $(VENV)/.test ## Chromium, which draws the dashboards; without it the tests of their pictures are skipped
	@$(BIN)/python scripts/tools.py chromium || echo "make: no browser, so the pictures of the dashboards are not tested" >&2

dashboards: $(VENV)/.test ## dashboards/*.json anew, from dashboards/src and the thresholds in rules/
	@$(BIN)/python -m dashboards.src

lint: $(VENV)/.test ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy bench scripts

test: $(VENV)/.wheel tools browser ## every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

image: $(VENV)/.test ## build the image without a Docker daemon, run it, scrape it, stop it (root, buildah, debootstrap)
	IMAGE_TRIAL=1 $(BIN)/python -m pytest tests/image $(ARGS)

release: $(VENV)/.test ## make VERSION: commit, tag, wheel, sdist and chart in dist/; publishes nothing
	@$(BIN)/python scripts/release.py $(VERSION)

clean: ## forget the virtual environment and the tools
	rm -rf $(VENV) .tools dist

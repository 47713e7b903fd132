# The same words as in the README and in CI. Needs Python 3.11+, its tests a C++ compiler; brings the rest from the package index.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := oms_api oms_core sor_engine execution_adapter simulators oms_platform oms_tools oms_client
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
# Without --no-deps pip finds no hash for a name with an extra (coverage[toml]); the files have every package.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps
# The project itself has no hash: what it stands on is there before, with setuptools among it.
PROJECT := $(PIP) --no-build-isolation --editable .
PIP_TOOLS := pip-tools==7.6.2
COMPILE := $(VENV)/compile/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host \
	--no-emit-options --no-header --no-annotate --all-build-deps --strip-extras --allow-unsafe --constraint constraints.txt
# Most tests wait for processes to start: three at a time use two cores well. Which files come first: tests/conftest.py.
SPREAD := -n 3 --dist loadfile --no-loadscope-reorder
# What draws many examples or computes for long: to count its lines would take half as long again, and ten times with the labs.
DRAWN := properties simulation faults integration/test_broker_bytes.py architecture/test_sbom.py \
	unit/oms_tools/test_algo_lab.py unit/oms_tools/test_sor_lab.py
# What has a target of its own below.
APART := $(addprefix tests/,$(DRAWN) e2e helm observability hostile acceptance quickfixj page clients)

.PHONY: install dev demo test property-test long-test venue-test quickfixj fuzz acceptance lint format bench profile verify operations-test integration stopwatch verdict-cost deploy-test helm-cluster trace-cost faults outage kill-drill mutants unkind doors tenants sockets copies proto docs sbom constraints clean page-test story clients desk desk-check desk-modules

install: $(STAMP)

$(STAMP): pyproject.toml requirements/install.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, found " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --requirement requirements/install.txt
	$(PROJECT)
	@touch $@

# What tests and checks need beside it, QuickFIX among them as the other side of FIX sessions.
dev: $(DEV_STAMP)

$(DEV_STAMP): $(STAMP) requirements/dev.txt
	@command -v c++ >/dev/null || { echo "a C++ compiler (c++) is needed to build QuickFIX, which tests use"; exit 1; }
	@echo "Installing what tests need. QuickFIX is compiled: minutes the first time; pip keeps the wheel."
	$(PIP) --require-hashes --requirement requirements/dev.txt
	@touch $@

demo: install
	$(BIN)/oms demo $(ARGS)

# Every part by itself and on embedded servers, with the coverage of all processes.
test: dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest tests -m "not broker and not long" $(SPREAD) $(addprefix --ignore ,$(APART)) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# What must hold for whatever comes: drawn examples, simulated days and markets, and doors that get a thousand bad requests.
# These files share little among their tests, and one takes half of the time.
property-test: dev
	$(BIN)/python -m pytest $(addprefix tests/,$(DRAWN)) -m "not long" $(SPREAD) --dist worksteal $(ARGS)

# What takes minutes: the faults that the simulation has to find, and a drain of every service under flow.
long-test: dev
	$(BIN)/python -m pytest tests/simulation tests/faults -m long $(SPREAD) $(ARGS)

# The whole stack with a venue on raw sockets that does what no venue should.
venue-test: dev
	$(BIN)/python -m pytest tests/hostile $(SPREAD) -n 5 $(ARGS)

# The desk page in a real browser, on a whole stack. Needs Chromium (Debian's package `chromium`), and npm for what looks for
# barriers. OMS_PAGE_SHOTS=FOLDER keeps pictures.
page-test: dev desk-modules
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { echo "page-test needs Chromium, found none: apt-get install chromium"; exit 1; }
	$(BIN)/python -m pytest tests/page $(ARGS)

# A day at the desk in a browser while others send RATE orders a second: make story RATE=100. `make page-test` has it at 200.
RATE ?= 200
story: dev desk-modules
	OMS_STORY_RATE=$(RATE) $(BIN)/python -m pytest tests/page/test_story.py -s $(ARGS)

# The desk page of desk/ (npm with Node 20 or newer): its types from the contract, its tests, and what the gateway serves of it.
desk: dev desk-modules
	$(BIN)/python -m tests.page.contract | node desk/contract.mjs
	$(BIN)/python -m tests.page.contract --words > desk/src/words/denials.ts
	cd desk && npm run --silent check && npm run --silent test && npm run --silent build

# What is committed of the page is what its sources make: the types, the words, the built files.
desk-check: dev desk-modules
	sh desk/check.sh $(BIN)/python

desk-modules:
	@command -v npm >/dev/null || { echo "the desk page is built with npm (Node 20 or newer), found none"; exit 1; }
	cd desk && npm ci --no-progress --ignore-scripts --loglevel=error

# QuickFIX/J (Java 17+, Maven) as a venue of the whole stack, as a client of it, and of the broker simulator: 10,000 orders each.
# Minutes.
quickfixj: dev
	OMS_QUICKFIXJ_ORDERS=10000 $(BIN)/python -m pytest tests/quickfixj -s $(ARGS)

# Clients that others' generators make of /openapi.json, in Python and TypeScript (Node 20+, npm), trade on a whole stack. Minutes.
clients: dev
	$(BIN)/python -m pytest tests/clients $(ARGS)

# A million mutants of what venues send, byte by byte; `make test` has 50,000. Minutes.
fuzz: dev
	OMS_FUZZ_MUTANTS=1000000 $(BIN)/python -m pytest tests/properties/test_venue_bytes.py -s $(ARGS)

# The broker simulator and the FIX door against acceptance definitions of FIX 4.4 in the folder OMS_FIX_DEFINITIONS, such as QuickFIX's.
acceptance: dev
	@test -n "$(OMS_FIX_DEFINITIONS)" || { echo "OMS_FIX_DEFINITIONS must name a folder of *.def files"; exit 1; }
	$(BIN)/python -m pytest tests/acceptance $(ARGS)

# The chart (helm 3, or Go to build it) and every query of dashboards and rules on a real Prometheus.
operations-test: dev
	$(BIN)/python -m pytest tests/helm tests/observability $(SPREAD) $(ARGS)

# What a broker's answer decides, and the whole stack, on a real Apache Kafka 4; and a real Keycloak (Java 17+ and Maven).
integration: dev
	OMS_TEST_KAFKA=apache $(BIN)/python -m pytest tests/integration tests/e2e -m broker $(SPREAD) $(ARGS)

# Admits every manifest of the chart at a real kube-apiserver, which Go builds the first time. Minutes.
helm-cluster: dev
	$(BIN)/python -m tests.helm.cluster

# The Dockerfile and compose.yaml on a Docker engine, from a build to a clean `oms verify`. Minutes.
deploy-test: dev
	OMS_TEST_DEPLOY=1 $(BIN)/python -m pytest tests/deploy --durations=5 $(ARGS)

# What traces cost of the CPU of an order: a stack that writes spans beside one that does not. Minutes.
trace-cost: dev
	$(BIN)/python -m tests.observability.trace_cost $(ARGS)

# Kills every service under load, and wipes Kafka in the middle. Minutes.
faults: dev
	$(BIN)/python -m tests.faults.run $(ARGS)

# The router and the adapter stand still for a minute under load, and come back. Minutes.
outage: dev
	$(BIN)/python -m tests.faults.outage $(ARGS)

# A load that is killed in its middle; everything ends with -9, Postgres stands still, Kafka is wiped. Minutes.
kill-drill: dev
	$(BIN)/python -m tests.faults.kill_drill $(ARGS)

# The rules of pre-trade risk changed in a thousand small ways, each held to their tests. Three minutes.
mutants: dev
	$(PIP) --require-hashes --requirement requirements/mutants.txt
	$(BIN)/python -m tests.mutants

# A steady load while the simulated venues do what no venue should; then verify, and faults against exceptions. Minutes.
unkind: dev
	$(BIN)/python -m tests.faults.unkind $(ARGS)

# A steady load while somebody who does not belong leans on the gateway: silence, floods, huge and absurd messages. Minutes.
doors: dev
	$(BIN)/python -m tests.faults.doors $(ARGS)

# Whether the time of an answer tells what is another tenant's from what is not there. A minute or two.
tenants: dev
	$(BIN)/python -m tests.faults.tenants $(ARGS)

# 1,000 WebSockets, each of an account of its own, while 500 orders/s flow: every event once, in order. A minute or two.
sockets: dev
	$(BIN)/python -m tests.faults.sockets $(ARGS)

# Two of every service on a real Apache Kafka (Java 17+ and Maven); one of each joins, leaves and is killed. Minutes.
copies: dev
	$(BIN)/python -m tests.faults.copies $(ARGS)

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.architecture.generated_files

format: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install
	$(BIN)/oms bench $(ARGS)

# What an order costs in each process of the stack that runs, by line of work (docs/budget.md). Minutes.
profile: dev
	$(BIN)/oms profile $(ARGS)

# `oms bench` and a load written in Go time one stack at the same time: do they agree? Minutes.
stopwatch: dev
	$(BIN)/python -m tests.stopwatch.run $(ARGS)

# A verdict of risk among 10,000 accounts of 50 positions, with every limit set: 99 % under 100 us? Half a minute.
verdict-cost: dev
	$(BIN)/python -m tests.stopwatch.verdicts $(ARGS)

verify: install
	$(BIN)/oms verify $(ARGS)

proto: dev
	rm -rf proto/gen
	mkdir -p proto/gen
	PATH=$(abspath $(BIN)):$$PATH $(BIN)/python -m grpc_tools.protoc -I proto --python_betterproto_out=proto/gen \
		--descriptor_set_out=proto/gen/descriptors.binpb --include_imports proto/oms/v1/*.proto
	touch proto/gen/__init__.py
	$(BIN)/python -m proto.structs
	$(BIN)/python -m tests.architecture.generated_files --publish

# The hashes of what constraints.txt pins, for `make install` and `make dev`. After a change of either file's
# versions or of pyproject.toml's dependencies. Minutes.
constraints:
	$(PYTHON) -m venv $(VENV)/compile
	$(VENV)/compile/bin/pip install --quiet --disable-pip-version-check $(PIP_TOOLS)
	$(COMPILE) --extra laptop --extra reports --output-file requirements/install.txt pyproject.toml
	$(COMPILE) --all-extras --output-file requirements/dev.txt pyproject.toml
	$(filter-out --all-build-deps,$(COMPILE)) --output-file requirements/mutants.txt requirements/mutants.in

# What this installation holds, with its licences, as CycloneDX JSON.
sbom: dev
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --validate -o $(or $(OUT),sbom.json) $(VENV)

# The pages of docs/ that are drawn from code.
docs: dev
	$(BIN)/python -m tests.architecture.drawn_docs

clean:
	rm -rf $(VENV) .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis

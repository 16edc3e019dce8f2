# Bare `make` lists the targets. Everything Python lives in .venv; nothing is installed by hand.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := \
	chromium \
	chromium-driver \
	curl \
	dnsmasq-base \
	iproute2 \
	iputils-ping \
	dbus \
	kamailio \
	kamailio-extra-modules \
	kamailio-json-modules \
	kamailio-tls-modules \
	libnss3-tools \
	libpangoft2-1.0-0 \
	nftables coturn nginx-light \
	modemmanager \
	nut-client \
	nut-server \
	openssl \
	poppler-utils \
	postgresql \
	prometheus \
	prometheus-alertmanager \
	prometheus-blackbox-exporter \
	prometheus-snmp-exporter \
	scram \
	sip-tester \
	snmp \
	snmpd
APT := DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -qq
ROOT := $(shell [ "$$(id -u)" = 0 ] && echo yes)

.PHONY: help demo install test lint bench clean peers

help: ## lists the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

demo: $(VENV)/core ## the real monitor over simulated devices, with a scripted fault; needs no root
	@$(BIN)/resilience demo $(DEMO)

install: $(VENV)/core ## the monitor into .venv
	@echo "installed: $(BIN)/resilience"

test: peers $(VENV)/test ## installs what it needs and runs the whole suite
	$(BIN)/python -m pytest $(TESTS)

lint: $(VENV)/dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/test ## timings, side by side with their peers
	$(BIN)/python tests/bench.py
	$(BIN)/python tests/bench_files.py
	$(BIN)/python tests/bench_analysis.py
	$(BIN)/python tests/bench_cycle.py

clean: ## removes .venv and caches
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The Debian peers of the tests: as root they are installed, else the tests say which one they miss.
peers:
ifeq ($(ROOT),yes)
	@if ! dpkg-query -W -f='$${Status}\n' $(PEERS) 2>/dev/null | awk '/install ok installed/{n++} END{exit n!=$(words $(PEERS))}'; then \
		$(APT) update && $(APT) install -y --no-install-recommends $(PEERS) >/dev/null; fi
endif

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
		if [ "$(ROOT)" = yes ]; then $(APT) update && $(APT) install -y python3-venv >/dev/null; \
		else echo "Python's venv is missing; run this once: sudo apt-get install -y python3-venv"; exit 1; fi; fi
	@$(PYTHON) -m venv $(VENV)

$(VENV)/core: pyproject.toml | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check -e . && touch $@

$(VENV)/test: pyproject.toml | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]' && touch $@ $(VENV)/core

$(VENV)/dev: pyproject.toml | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test,dev]' && touch $@ $(VENV)/test $(VENV)/core

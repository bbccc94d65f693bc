# Everything sets itself up in a virtual environment of its own; only Python >= 3.10 has to be there.
#
#   make test      jar, linters, type check, JUnit, pytest
#   make matrix    every way to start and end a process, the long forms too; writes docs/matrix.md
#   make soak      ten minutes of mixed calls from eight threads
#   make bench     the tables of benchmarks/, original and ours side by side
#   make demo      one agent, original and accelerated, compared row by row; what axolotl's memory does, if it is installed
#   make wheels    wheels/dist, checked in a fresh environment
#   make format    the formatters, written to disk
#   make jar       the Java side alone
#   make clean     everything that was made
#
# PYTHON=python3.13 VENV=.venv313 make test   another interpreter, in an environment of its own

SHELL := /bin/sh
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= $(shell for p in python3 python python3.13 python3.12 python3.11 python3.10 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && { echo "$$p"; break; }; done)
ifeq ($(strip $(PYTHON)),)
$(error Python 3.10 or newer is needed: PYTHON=/path/to/python make ...)
endif

VENV ?= .venv
export VENV
BIN := $(VENV)/bin
PY := $(BIN)/python
READY := $(VENV)/.ready
LOCKS := requirements/test.txt jpype-package/pyproject.toml patchers/fast-langgraph/pyproject.toml \
	patchers/fast-axolotl/pyproject.toml patchers/fast-litellm/pyproject.toml \
	patchers/fast-crewai/pyproject.toml
JAR := jpype-package/src/fast_jvm/fast-jvm.jar
JAVA := pom.xml java-core/pom.xml memory-mapped-datasets/pom.xml java-core/build.py \
	$(shell find java-core/src/main memory-mapped-datasets/src/main -name '*.java' 2>/dev/null)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Timeouts of single steps, in seconds; `timeout` is not on every system.
LIMIT = $(shell command -v timeout >/dev/null 2>&1 && echo 'timeout -k 20 $(1)')

.PHONY: test bench demo matrix soak readme wheels jar setup lint junit pytest format clean

test: lint junit pytest
	@echo "make test: all steps passed"

setup: $(READY)

# Third parties by hash, our own packages by path and never by name.
$(READY): $(LOCKS)
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --require-hashes -r requirements/test.txt
	$(PY) -m pip install --quiet --no-index --no-deps --no-build-isolation \
		-e jpype-package -e patchers/fast-langgraph -e patchers/fast-axolotl -e patchers/fast-litellm \
		-e patchers/fast-crewai
	@touch $@

jar: $(JAR)

$(JAR): $(JAVA) $(READY)
	$(PY) java-core/build.py jar

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PY) java-core/build.py --quiet formatter:validate

junit: $(JAR)
	$(call LIMIT,900) $(PY) java-core/build.py test

pytest: $(JAR)
	$(call LIMIT,3200) $(PY) -m tests.side_by_side

matrix: $(JAR)
	$(call LIMIT,7200) $(PY) -m pytest tests --long --matrix=docs/matrix.md -m "line or long"

soak: $(JAR)
	$(call LIMIT,1500) $(PY) -m tests.soak

bench: $(JAR)
	$(PY) -m benchmarks

demo: $(JAR)
	$(PY) -m benchmarks.demo
	$(PY) -m benchmarks.demo.preparing

# README's table, from the last full `make bench`
readme: $(READY)
	$(PY) -m benchmarks --readme README.md

wheels: $(JAR)
	$(PY) wheels/build.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(PY) java-core/build.py --quiet formatter:format

clean:
	rm -rf $(VENV) .venv.tests java-core/target memory-mapped-datasets/target wheels/dist wheels/build $(JAR) .mypy_cache .ruff_cache .pytest_cache .hypothesis

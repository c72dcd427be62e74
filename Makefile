# Two commands do everything on a fresh Linux with Python 3.11: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: run test test-all lint docs clean

run: .venv/.installed
	$(BIN)/accelsim run --hw configs/eyeriss.yaml --workload bert_lstm

test: .venv/.installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-all: .venv/.installed-test
	HYPOTHESIS_PROFILE=random $(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/.installed-test
	$(BIN)/ruff check accelsim tests benchmarks setup.py
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build/html

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "accelsim needs Python 3.11 or newer; try make PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "no virtual environment: on Debian and Ubuntu apt install python3-venv" >&2; exit 1; }

.venv/.installed: .venv/bin/python setup.cfg setup.py pyproject.toml constraints.txt
	$(PIP) -e .
	touch $@

.venv/.installed-test: .venv/.installed
	$(PIP) -e '.[test]'
	touch $@

.venv/.installed-docs: .venv/.installed
	$(PIP) -e '.[docs]'
	touch $@

clean:
	rm -rf .venv docs/_build docs/reference build dist *.egg-info

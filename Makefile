# make demo   track the bundled sample        make check  ruff, mypy, make test
# make test   the whole test suite            make bench  docs/benchmarks.md, needs real recordings

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable
DATA ?= $(or $(SLAM_FRONTEND_DATA),../shared/data)

.PHONY: demo test check bench clean

demo: $(VENV)/viewer.stamp
	@rm -rf runs/demo
	$(BIN)/slam-frontend run sequences/sample --out runs/demo

test: $(VENV)/all.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --max-worker-restart 0

check: $(VENV)/all.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(MAKE) test

bench: $(VENV)/all.stamp
	OMP_NUM_THREADS=2 $(BIN)/slam-frontend bench $(DATA) --out docs/benchmarks.md $(BENCH)

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks *.egg-info

$(VENV)/viewer.stamp: setup.py constraints.txt | $(BIN)/python
	@echo "installing the package into $(VENV): minutes the first time"
	@$(INSTALL) ".[viewer]"
	@touch $@

$(VENV)/all.stamp: setup.py constraints.txt | $(BIN)/python
	@echo "installing the package with all extras into $(VENV): minutes the first time"
	@$(INSTALL) ".[all]"
	@touch $@ $(VENV)/viewer.stamp

$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" \
		|| { echo "Python 3.11 or newer is needed; name one with make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

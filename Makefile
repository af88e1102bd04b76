# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make run    set up and run the main job on the carried Zezhou data
#   make test   set up and pass the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint types layers check lock docs benchmarks clean

run: $(VENV)/.run
	$(BIN)/qianwan run zezhou

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

check: lint types layers test

# The locks hold versions and hashes, no address; the package itself is installed without its
# dependencies, which the lock has brought. The kernels are compiled here, not in the first run.
$(VENV)/.run: locks/run.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q --require-hashes -r locks/run.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps -e .
	$(BIN)/python -c "from qianwan_gis.network import compile_kernels; compile_kernels()"
	touch $@

$(VENV)/.dev: $(VENV)/.run locks/dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q --require-hashes -r locks/dev.txt
	touch $@

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict

# On an idle machine; other libraries are measured where they are installed (benchmarks/README.md).
benchmarks: $(VENV)/.dev
	$(BIN)/python benchmarks/all.py --date "$$(date +%F)"

# Needs uv: refreshes both locks from pyproject.toml.
lock:
	uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --python-version 3.11 -o locks/run.txt
	uv pip compile pyproject.toml --extra dev --extra sql --extra scale --universal --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --python-version 3.11 \
		-c locks/run.txt -o locks/dev.txt

clean:
	rm -rf $(VENV) build dist qianwan_gis/maps/assets outputs/*/

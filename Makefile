# Everything runs in .venv; a target does what is missing first.
PYTHON ?= python3
BIN := .venv/bin
CMAKE_ARGS ?= -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_CURL=OFF
export CMAKE_ARGS

.PHONY: demo eval test test-hard lint docs reference catalogue bench lock clean
.DEFAULT_GOAL := demo

# torch first: whatever needs it then finds the CPU build.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	@engine=$$(sh scripts/engine.sh) || exit; \
	if [ "$$engine" = llama-cpp ]; then echo "compiling llama-cpp-python: 3 to 10 minutes on two cores"; fi; \
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[$$engine,evals,files]"
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt --group dev
	touch $@

demo: .venv/installed
	$(BIN)/churn-agent models pull
	$(BIN)/churn-agent demo

eval: .venv/installed
	$(BIN)/churn-agent models pull
	$(BIN)/churn-agent eval run eval/quick.yaml --resume
	$(BIN)/churn-agent eval compare eval-runs/quick --against tfidf
	$(BIN)/churn-agent eval report eval-runs/quick -o eval-runs/quick/report.html

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# dbt in its own environment, because its libraries and ours do not agree. Without it, its test is skipped.
.venv/dbt/bin/dbt: .venv/installed-dev
	$(PYTHON) -m venv .venv/dbt
	.venv/dbt/bin/python -m pip install --quiet "dbt-core==1.9.*" "dbt-duckdb==1.9.*" || echo "dbt could not be installed"

test: lint .venv/dbt/bin/dbt
	$(BIN)/churn-agent models pull
	DBT=$$(ls "$(CURDIR)/.venv/dbt/bin/dbt" 2> /dev/null) $(BIN)/pytest -m "not hard and not model" --run-slow \
		--cov --cov-report= --cov-fail-under=0
	$(BIN)/pytest -m "model and not hard" --run-slow --run-model --numprocesses=0 --cov --cov-append

test-hard: .venv/installed-dev
	$(BIN)/churn-agent models pull
	$(BIN)/pytest -m hard --run-slow --run-model --numprocesses=0

# The site, into site/: strict, links checked, nothing loaded from elsewhere.
docs: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/zensical build --clean --strict
	$(BIN)/python scripts/links.py site

# What docs/reference/ says of commands, settings, the record and the API, from the code.
reference: .venv/installed-dev
	$(BIN)/python scripts/reference.py

# The catalogues of the reports, from the words in the code; names what is not translated.
catalogue: .venv/installed-dev
	$(BIN)/python scripts/catalogue.py

bench: .venv/installed-dev
	$(BIN)/python eval/bench/ingest.py
	$(BIN)/python eval/bench/embed.py
	$(BIN)/python eval/bench/retrieve.py
	$(BIN)/python eval/bench/screening.py --json screening.json
	if [ -n "$$CHURN_AGENT_TEST_DATA" ]; then $(BIN)/python eval/bench/quality.py "$$CHURN_AGENT_TEST_DATA" --json quality.json; fi
	$(BIN)/python eval/bench/inference.py --json inference.json --plot inference.svg $$(ls quality.json 2>/dev/null | sed 's/^/--quality /')
	$(BIN)/python eval/retrieval.py

# What all extras and the development tools resolve to on Linux with the oldest supported Python, in the form of pip-tools.
# Needs uv. TORCH says where the CPU build of torch is, if not at PyTorch's index.
TORCH ?= --torch-backend cpu
lock:
	mkdir -p .make
	$(PYTHON) scripts/requirements.py > .make/requirements.in
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --upgrade --generate-hashes --strip-extras --no-annotate \
		--no-emit-index-url --system-certs --python-version 3.11 --python-platform x86_64-manylinux_2_28 $(TORCH) \
		--constraint constraints.txt --output-file requirements.lock .make/requirements.in

clean:
	rm -rf .venv site .cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage dist build

# The commands of this repository.  `make help` lists them.

PYTHON ?= python3
export PYTHON

comma := ,
VENV := .venv
RUN := $(VENV)/bin
SOURCES := $(wildcard csrc/*.c)
HEADERS := $(wildcard csrc/*.h)
C_TESTS := $(wildcard tests/c/test_*.c)
C_TEST_HELPERS := $(filter-out $(C_TESTS),$(wildcard tests/c/*.c))
FUZZERS := $(wildcard tests/fuzz/*.c)
PROGRAMS := $(wildcard benchmarks/*.c tests/preload/*.c)
C_FILES := $(SOURCES) $(HEADERS)
ALL_C := $(C_FILES) $(wildcard tests/c/*.[ch] tests/fuzz/*.[ch]) $(PROGRAMS)
PY_FILES := benchmarks docs/conf.py docs/_ext genlogs_ext tests tools setup.py
NOTEBOOKS := docs/notebooks
# The rooms below Python, which are tested without it.
LOWER := $(filter-out csrc/module.c csrc/arguments.c csrc/exceptions.c \
	csrc/json_object.c csrc/url_cache.c,$(SOURCES))

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror
PYTHON_INCLUDE = $(shell $(RUN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')
C_FLAGS = -std=c11 -DPy_LIMITED_API=0x030A0000 -DGENLOGS_EXT_VERSION='"0"' \
	-isystem $(PYTHON_INCLUDE) $(if $(JSMN_INCLUDE_DIR),-isystem $(JSMN_INCLUDE_DIR))

.DEFAULT_GOAL := help
.NOTPARALLEL: # set-up and build share .venv
.PHONY: help demo test test-c test-install notebooks fuzz sanitize bench bench-json bench-publish bench-instructions lint lint-c lint-python sanitize-c sanitize-c-slow \
	format build clean wheel test-wheel setup-demo setup-test setup-lint setup-fuzz setup-bench setup-wheel setup-assure assure setup-coverage coverage \
	setup-docs setup-look docs docs-links docs-look

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' Makefile

demo: setup-demo build ## Build, start a stand-in for the API, get a token from it
	@$(RUN)/python tools/demo.py

test: setup-test build test-c ## Run the whole test suite
	@echo '==> Running the Python tests'
	@$(RUN)/python -m pytest $(PYTEST_ARGS)

test-c: setup-test $(C_TESTS:tests/c/%.c=build/c/%)
	@echo '==> Running the C tests, under AddressSanitizer and UndefinedBehaviorSanitizer'
	@jobs=; for program in $(C_TESTS:tests/c/%.c=build/c/%); do \
		$$program >$$program.log 2>&1 & jobs="$$jobs $$!:$$program"; \
	done; \
	status=0; for job in $$jobs; do \
		wait $${job%%:*} || status=1; cat $${job#*:}.log; \
	done; exit $$status

# These fail one call after the other, in one thread, and take minutes under these two:
# make assure runs them there, make test-c under AddressSanitizer.
SLOW_C_TESTS := tests/c/test_failures.c tests/c/test_memory.c
QUICK_C_TESTS := $(filter-out $(SLOW_C_TESTS),$(C_TESTS))

sanitize-c: setup-test $(QUICK_C_TESTS:tests/c/%.c=build/tsan/%.ran) \
	$(QUICK_C_TESTS:tests/c/%.c=build/plain/%.ran)

sanitize-c-slow: setup-test $(SLOW_C_TESTS:tests/c/%.c=build/tsan/%.ran) \
	$(SLOW_C_TESTS:tests/c/%.c=build/plain/%.ran)

build/tsan/%.ran: build/tsan/%
	@echo '==> Running C test $*, under ThreadSanitizer'
	@$<

# Possibly lost is what a thread of the test's server has of the C library's, if it is
# still there at the end.
build/plain/%.ran: build/plain/%
	@echo '==> Running C test $*, under valgrind'
	@valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect \
		--error-exitcode=9 $<

C_LINES = $(C_FLAGS) $(WARNINGS) -g -Icsrc $< $(LOWER) $(C_TEST_FLAGS) -lcmocka \
	$$(pkg-config --libs libcurl) -o $@
%/test_buffer: C_TEST_FLAGS = -Wl,--wrap=free
%/test_pool: C_TEST_FLAGS = -Wl,--wrap=clock_gettime,--wrap=curl_easy_cleanup,--wrap=getpid,--wrap=pthread_mutex_init

# What tests/c/failures.c stands before.
FAILING := malloc calloc free clock_gettime pthread_attr_init pthread_create \
	$(addprefix curl_,easy_init easy_setopt easy_getinfo getdate global_init \
	multi_add_handle multi_info_read multi_init multi_perform multi_poll \
	multi_remove_handle multi_setopt url url_get url_set version_info)
%/test_failures %/test_memory: C_TEST_FLAGS = $(C_TEST_HELPERS) \
	$(addprefix -Wl$(comma)--wrap=,$(FAILING))
$(foreach way,c tsan plain coverage/c,build/$(way)/test_failures build/$(way)/test_memory): \
	$(C_TEST_HELPERS) $(wildcard tests/c/*.h)

build/c/%: tests/c/%.c $(LOWER) $(HEADERS)
	@mkdir -p $(@D)
	@gcc -fsanitize=address,undefined -fno-sanitize-recover $(C_LINES)

build/tsan/%: tests/c/%.c $(LOWER) $(HEADERS)
	@mkdir -p $(@D)
	@gcc -O1 -fsanitize=thread $(C_LINES)

build/coverage/c/%: tests/c/%.c $(LOWER) $(HEADERS)
	@mkdir -p $(@D)
	@gcc -O0 --coverage -fprofile-update=atomic $(C_LINES)

build/plain/%: tests/c/%.c $(LOWER) $(HEADERS)
	@mkdir -p $(@D)
	@gcc -O1 $(C_LINES)

fuzz: setup-fuzz build ## Run the fuzzers, each for FUZZ_SECONDS (default 60)
	@tools/fuzz $(or $(FUZZ_SECONDS),60)

coverage: setup-coverage build $(C_TESTS:tests/c/%.c=build/coverage/c/%) ## What the tests reach, line by line
	@tools/coverage $(PYTEST_ARGS)

assure: setup-fuzz setup-assure build ## Fuzzers, random faults and leaks for ASSURE_MINUTES (default 60)
	@tools/assure $(or $(ASSURE_MINUTES),60)

sanitize: setup-test build sanitize-c ## All tests under sanitizers, the C ones under valgrind, too
	@tools/sanitize $(PYTEST_ARGS)

# -E: a page that was not read again would not repeat its warnings.
SPHINX = $(RUN)/python -m sphinx -E --fail-on-warning --keep-going --nitpicky

docs: setup-docs build ## Build the site into build/docs; warnings are errors
	@echo '==> Building the docs'
	@$(SPHINX) --quiet -b html docs build/docs
	@echo '    build/docs/index.html'

docs-links: setup-docs build ## Ask for every address that the docs link to; needs the internet
	@$(SPHINX) -b linkcheck docs build/linkcheck

docs-look: setup-look docs ## Pictures of every page, in a browser, into build/screenshots
	@$(RUN)/python tools/screenshots.py

bench: setup-bench wheel build ## What everything costs, beside others; QUESTIONS="kept import" asks these alone
	@$(RUN)/python -m benchmarks $(QUESTIONS)

bench-publish: ## Put what make bench found into docs/performance.md
	@$(RUN)/python -m benchmarks.publish

bench-instructions: setup-test build ## Fail if a call takes over 5 % more instructions than recorded
	@echo '==> Counting instructions'
	@$(RUN)/python -m benchmarks.instructions

bench-json: setup-bench build ## What JSON costs, beside json.loads and orjson
	@$(RUN)/python benchmarks/json_cost.py

notebooks: setup-test build ## Run the notebooks of docs/notebooks and save what they show now
	@$(RUN)/python -m tests.notebooks

test-install: setup-test ## Install the package in a fresh environment and use it
	@tools/test-install

wheel: setup-wheel ## Build the wheel that brings its own libcurl, into dist/
	@tools/wheel

test-wheel: setup-test wheel ## The whole Python test suite on the wheel, in a fresh environment
	@tools/test-wheel $(PYTEST_ARGS)

lint: setup-lint build lint-c lint-python ## Run every checker

lint-c:
	@echo '==> gcc and clang, warnings as errors'
	@for compiler in gcc clang; do for source in $(SOURCES) $(C_TESTS) \
		$(C_TEST_HELPERS) $(PROGRAMS); do \
		$$compiler $(C_FLAGS) $(WARNINGS) -O2 -Icsrc -c $$source -o /dev/null || exit 1; \
	done; done
	@for source in $(FUZZERS); do \
		clang -std=c11 -isystem $(PYTHON_INCLUDE) $(WARNINGS) -Wno-missing-prototypes \
		-Icsrc -c $$source -o /dev/null || exit 1; \
	done
	@echo '==> clang-format'
	@$(RUN)/clang-format --dry-run --Werror $(ALL_C)
	@echo '==> clang-tidy'
	@$(RUN)/clang-tidy --quiet $(SOURCES) -- $(C_FLAGS) 2>/dev/null
	@echo "==> gcc's analyzer"
	@for source in $(SOURCES); do \
		gcc $(C_FLAGS) $(WARNINGS) -fanalyzer -O1 -Icsrc -c $$source -o /dev/null || exit 1; \
	done
	@echo '==> cppcheck'
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability \
		--inline-suppr --error-exitcode=1 $(SOURCES)

lint-python:
	@echo '==> ruff'
	@$(RUN)/ruff check $(PY_FILES) $(NOTEBOOKS)
	@$(RUN)/ruff format --check $(PY_FILES) $(NOTEBOOKS)
	@echo '==> bandit'
	@$(RUN)/bandit --quiet --configfile pyproject.toml --recursive genlogs_ext tools setup.py
	@echo '==> workflows, by their schema'
	@$(RUN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(RUN)/check-jsonschema --quiet --builtin-schema vendor.readthedocs .readthedocs.yaml
	@$(RUN)/validate-pyproject pyproject.toml >/dev/null
	@echo '==> mypy --strict'
	@$(RUN)/mypy --strict $(PY_FILES)
	@echo '==> stubtest'
	@$(RUN)/stubtest genlogs_ext
	@echo '==> pyright'
	@$(RUN)/basedpyright

format: setup-lint ## Format C and Python
	@$(RUN)/clang-format -i $(ALL_C)
	@$(RUN)/ruff check --fix --quiet $(PY_FILES) $(NOTEBOOKS) || true
	@$(RUN)/ruff format $(PY_FILES) $(NOTEBOOKS)

build: $(VENV)/.built ## Build the extension in place

# Without the binary the stamp says nothing.
ifeq ($(wildcard genlogs_ext/_core.*.so),)
.PHONY: $(VENV)/.built
endif

$(VENV)/.built: $(C_FILES) setup.py pyproject.toml | setup-demo
	@echo '==> Building the extension'
	@PYTHONWARNINGS='ignore:Editable installation' $(RUN)/python -m pip \
		--disable-pip-version-check install --quiet \
		--no-build-isolation --no-deps --editable .
	@touch $@

setup-demo setup-test setup-lint setup-fuzz setup-bench setup-wheel setup-assure setup-coverage setup-docs setup-look:
	@tools/setup $(@:setup-%=%)

clean: ## Remove everything that was built, .venv included
	rm -rf $(VENV) build dist *.egg-info genlogs_ext/*.so \
		.mypy_cache .pytest_cache .ruff_cache .hypothesis
	find $(PY_FILES) -name __pycache__ -type d -prune -exec rm -rf {} +

# Every target prepares the clone first (tools/setup), which takes a moment where nothing is missing.
# PYTHON=/path/to/python3 chooses the interpreter that .venv is built from.

PERL := perl -Iperl_bindings/lib
PYTHON_BIN := .venv/bin/python
# The hidden folders (.git, .venv) and what ExtUtils::MakeMaker leaves are no sources.
SOURCES := find . \( -name '.?*' -o -name blib \) -prune -o -type f

.PHONY: help setup demo test test-python test-perl lint bench soak

help:
	@echo 'make setup   install what is missing: Perl modules (apt), Python packages (.venv)'
	@echo 'make demo    the autograd tutorial, then a network that learns to read digits'
	@echo 'make test    every test: test-python (pytest) and test-perl (prove)'
	@echo 'make lint    ruff, perl -c and podchecker over all sources'
	@echo 'make bench   the speed figures'
	@echo 'make soak    the long run that looks for leaks'

setup:
	@tools/setup

demo: setup
	$(PERL) examples_perl/autograd_tutorial.pl
	$(PERL) examples_perl/train_digits.pl

test: test-python test-perl

test-python: setup
	$(PYTHON_BIN) -m pytest -q --durations=10

test-perl: setup
	prove -j2 -r -Iperl_bindings/lib perl_bindings/t

# The scripts in tests/ find .venv's Python first on their PATH.
lint: setup
	$(PYTHON_BIN) -m ruff check
	$(PYTHON_BIN) -m ruff format --check
	PATH="$(CURDIR)/.venv/bin:$$PATH"; $(SOURCES) -name '*.p[lm]' -print0 | xargs -0rn 1 $(PERL) -c
	$(SOURCES) \( -name '*.p[lm]' -o -name '*.pod' \) -exec grep -lZ '^=[a-z]' {} + | xargs -0r podchecker

bench soak: setup
	PATH="$(CURDIR)/.venv/bin:$$PATH" tests/$@/run

"""Derivatives at many random shapes, attributes and points: python tests/soak/gradients.py EXAMPLES (per operator)."""

import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent


class Count:
    """How many tests there were, and failed."""

    def __init__(self):
        self.run = self.failed = 0

    def pytest_runtest_logreport(self, report):
        self.run += report.when == "call"
        self.failed += report.failed


count = Count()
os.environ["GRADIENT_EXAMPLES"] = sys.argv[1]
sys.stdout = sys.stderr  # pytest's report
status = pytest.main(["-q", "-p", "no:cacheprovider", str(TESTS / "test_random_gradients.py")], plugins=[count])
verdict = "ok" if count.run and not count.failed and status == 0 else "WRONG, derivatives must agree with differences"
print("operators", count.run, count.run - count.failed, verdict, sep="\t", file=sys.__stdout__)
sys.exit(status)

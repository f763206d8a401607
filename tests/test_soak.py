"""Each trial of tests/soak in a small form; `make soak` runs them at full length.

That of mutated streams to the engine is in test_hostile_frames.py.
"""

import subprocess
import sys

import pytest
from stream_client import ROOT

SOAK = ROOT / "tests" / "soak"


def run(*words, **options):
    """The finished process; its output is text."""
    return subprocess.run(words, capture_output=True, text=True, timeout=120, **options)


@pytest.mark.parametrize(
    "trial, count",
    {
        "engines": 8,
        "temporaries": 10_000,
        "arrays": 500,
        "backward": 100,
        "training": 60,
        "bursts": 20,
        "hostile_engine": 2000,
    }.items(),
)
def test_nothing_is_left_and_nothing_grows(trial, count):
    done = run(sys.executable, SOAK / "run", f"{trial}={count}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout and " ok\n" in done.stdout


def test_a_trial_in_which_something_grows_fails():
    code = 'use Trial; stay({ files => 2, "memory, KiB" => 10 }, { files => 3, "memory, KiB" => 999 }); verdict'
    done = run("perl", f"-I{SOAK}/lib", "-e", code, "1", cwd=SOAK)
    assert done.stdout.splitlines() == ["files\t2\t3\tWRONG, must be at most 0 more", "memory, KiB\t10\t999\tok"]
    assert done.returncode == 1

import numpy as np
import pytest
from stream_client import Server

from python_engine import overloads  # noqa: F401  the arithmetic that gradient rules are written in
from python_engine.perl import Interpreter


@pytest.fixture(autouse=True)
def seeded():
    """Every test draws the same random numbers, and divides by zero without NumPy's warnings, as the engine does."""
    np.random.seed(20191)
    with np.errstate(all="ignore"):
        yield


# -- the program, for the tests of its stream: test_protocol.py, _frames, _hostile_frames ------------------------------


@pytest.fixture(scope="module")
def server():
    """Makes engines, one for each client, for all tests of a module."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def engine(server):
    """A client that has been greeted."""
    engine = server.greeted()
    yield engine
    engine.channel.close()


# -- Perl, for the tests of what Python does with it: test_perl_interpreter.py, _values, _process ------------------


@pytest.fixture(scope="module")
def i():
    """One interpreter for all tests that leave it as it was."""
    with Interpreter() as interpreter:
        yield interpreter


@pytest.fixture
def own():
    """An interpreter of the test's own."""
    with Interpreter() as interpreter:
        yield interpreter


@pytest.fixture(scope="module")
def same(i):
    """A Perl function that returns its argument."""
    return i("sub { $_[0] }")

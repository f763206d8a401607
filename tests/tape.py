"""What the tests of the tape share: variables, recording, and operators that exist for one test."""

from contextlib import contextmanager

import numpy as np

from python_engine import ops, storage, tape  # noqa: F401
from python_engine.ndarray import NDArray
from python_engine.registry import OPERATORS, REGISTRY, operator


def variable(values, req="write", dtype="float64"):
    """An array with an attached gradient."""
    x = NDArray(np.array(values, dtype))
    x.grad = NDArray(np.zeros_like(x.data))
    tape.mark_variable(x, x.grad, req)
    return x


def array(*values):
    return NDArray(np.array(values, np.float64))


def record():
    return tape.recording(True, True)


@contextmanager
def temporary_operators():
    """Gives `operator`; what is declared with it leaves the table afterwards."""
    before = len(REGISTRY)
    try:
        yield operator
    finally:
        for row in REGISTRY[before:]:
            for key in (row.name, *row.aliases):
                del OPERATORS[key]
                tape.plain_functions.__dict__.pop(key, None)
                tape.taped_functions.__dict__.pop(key, None)
                storage.functions.__dict__.pop(key, None)
        del REGISTRY[before:]

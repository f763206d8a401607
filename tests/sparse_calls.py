"""What the tests of sparse arrays share: such arrays, and calls of operators on them."""

import numpy as np

from python_engine import calls, tape
from python_engine.ndarray import NDArray
from python_engine.registry import find
from python_engine.sparse import Csr, as_stype, dense

STYPES = ("default", "row_sparse", "csr")
KINDS = STYPES[1:]


def values(shape, stype="csr", dtype="float32", seed=0):
    """Random numbers, half of them zero; for row_sparse, every other row."""
    random = np.random.default_rng(seed)
    array = random.standard_normal(shape) * (random.random(shape) < 0.5)
    if stype == "row_sparse":
        array[1::2] = 0
    return array.astype(dtype)


def array(shape, stype="csr", dtype="float32", seed=0):
    return NDArray(as_stype(values(shape, stype, dtype, seed), stype))


def call(name, *inputs, **attrs):
    operator = find(name)
    outputs = calls.invoke(operator, list(inputs), operator.parse(attrs))
    return outputs[0] if operator.single else outputs


def densely(name, *inputs, **attrs):
    """The same operator on dense copies."""
    return call(name, *(NDArray(dense(x.data).copy()) for x in inputs), **attrs).data


def variable(shape, stype="default", grad_stype=None, req="write", **options):
    x = array(shape, stype, **options)
    x.grad = NDArray(as_stype(np.zeros(shape, x.data.dtype), grad_stype or stype))
    tape.mark_variable(x, x.grad, req)
    return x


def close(got, want):
    np.testing.assert_allclose(dense(got), dense(want), rtol=1e-5, atol=1e-6)


def matrix(rows, columns, counts, dtype="float32"):
    """A csr matrix whose rows have so many entries."""
    random = np.random.default_rng(1)
    indices = [np.sort(random.permutation(columns)[:n]) for n in counts]
    indptr = np.append(0, np.cumsum(counts, dtype=np.int64))
    data = random.integers(-3, 4, indptr[-1]).astype(dtype)
    return Csr(data, indptr, np.concatenate([*indices, np.zeros(0, np.int64)]), (rows, columns))

"""Products in blocks, sums in place and transposed matrices, against NumPy's."""

import os
import subprocess
import sys

import numpy as np
import pytest

from python_engine import blas
from python_engine.blas import aligned, axpby, matmul, on_line, transposed


@pytest.mark.parametrize("small", [True, False], ids=["small kernels", "others"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 2, 7, 32, 33, 64, 128, 129])
@pytest.mark.parametrize(("inner", "columns"), [(784, 129), (64, 513), (3, 20_000), (5000, 40)])
def test_a_product_in_blocks_is_that_of_numpy(monkeypatch, rows, inner, columns, dtype, small):
    monkeypatch.setattr(blas, "HAS_SMALL_KERNELS", small)
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (rows, inner)).astype(dtype), rng.uniform(-1, 1, (columns, inner)).astype(dtype)
    want = a @ b.T
    for x in (a, np.asfortranarray(a), np.repeat(a, 2, axis=1)[:, ::2]):
        for y in (b.T, np.ascontiguousarray(b.T), np.repeat(b.T, 2, axis=0)[::2]):
            got = matmul(x, y)
            assert got.dtype == dtype
            np.testing.assert_allclose(got, want, rtol=0, atol=inner * 4 * np.finfo(dtype).eps)


def test_factors_that_do_not_fit_or_differ_in_dtype_are_as_in_numpy():
    a, b = np.ones((4, 900), np.float32), np.ones((800, 700), np.float32)
    with pytest.raises(ValueError, match=r"900.*800"):
        matmul(a, b)
    assert matmul(a, np.ones((900, 700))).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8])
def test_aligned_arrays_begin_with_lines_of_the_cache_and_share_nothing(dtype):
    shapes = [(5,), (3, 7), (0, 4), (2, 3, 1000), (1,)]
    arrays = aligned(dtype, *shapes)
    for number, (x, shape) in enumerate(zip(arrays, shapes, strict=True)):
        assert (x.shape, x.dtype) == (shape, dtype) and x.flags.c_contiguous and x.flags.writeable
        assert x.ctypes.data % 64 == 0 or not x.size
        x[...] = number
    assert all((x == number).all() for number, x in enumerate(arrays))
    odd = np.arange(100, dtype=dtype)[1:]
    same = on_line(odd)
    assert same.ctypes.data % 64 == 0 and (same == odd).all() and on_line(same) is same


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("size", [5, 50_000, 3_000_000])
def test_a_sum_of_two_arrays_in_place_is_that_of_numpy(dtype, size):
    rng = np.random.default_rng(0)
    x, y = (rng.uniform(-1, 1, size).astype(dtype) for _ in range(2))
    for a, b in ((0.25, 0.9), (-1, 1), (1, -0.5), (0, 0.5), (0.5, 0)):
        want = a * x + b * y
        for u, v in ((x, y), (x[::2], y[::2])):
            got = v.copy()
            axpby(a, u, b, got)
            np.testing.assert_allclose(got, want if u is x else want[::2], rtol=0, atol=4 * np.finfo(dtype).eps)
    y[0] = np.nan
    axpby(0.5, x, 0, y)
    assert np.isnan(y[0])


@pytest.mark.parametrize("shape", [(300, 200), (4, 128, 96), (2, 3, 70, 65), (1, 40_000), (40_000, 1), (3, 5), (0, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
def test_transposed_matrices_are_those_of_numpy(dtype, shape):
    x = np.random.default_rng(0).uniform(-9, 9, shape).astype(dtype)
    for given in (x, x[..., ::-1]):
        got = transposed(given)
        np.testing.assert_array_equal(got, given.swapaxes(-1, -2))
        assert got.flags.c_contiguous


def kernels(**variables):
    """For which processor an engine computes that is started with these environment variables."""
    plain = {name: value for name, value in os.environ.items() if "OPENBLAS" not in name}
    command = [sys.executable, "-m", "python_engine", "--about"]
    about = subprocess.run(command, env={**plain, **variables}, check=True, capture_output=True, text=True).stdout
    return next((line.split()[-1] for line in about.splitlines() if line.startswith("blas ")), None)


@pytest.mark.skipif(not blas.CORE, reason="NumPy has another BLAS than OpenBLAS")
@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="Nehalem is an x86")
def test_the_engine_computes_for_its_processor_unless_its_own_variable_names_another():
    if kernels() is None:
        pytest.skip("this NumPy does not tell of its BLAS")
    assert kernels(AI_MXNET_OPENBLAS_CORETYPE="Nehalem") == "Nehalem"
    assert kernels(OPENBLAS_CORETYPE="Nehalem") == kernels()

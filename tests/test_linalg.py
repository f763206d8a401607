"""Linear algebra beyond the recordings: identities at sizes that need blocks, edge cases, and how failures are told."""

import numpy as np
import pytest

from python_engine import ops  # noqa: F401
from python_engine.errors import ComputeError, MXNetError
from python_engine.registry import find

rng = np.random.default_rng(7)


def call(name, *inputs, **attrs):
    operator = find(name)
    return operator.forward(*inputs, **operator.parse(attrs))


def matrices(*shape, dtype="float64"):
    """Random matrices far from singular."""
    return (rng.uniform(-1, 1, shape) / shape[-1] + 2 * np.eye(shape[-2], shape[-1])).astype(dtype)


def close(got, wanted, dtype):
    assert got.dtype == dtype
    np.testing.assert_allclose(got, wanted, atol=1e-4 if dtype == "float32" else 1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 32, 33, 100])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("rightside", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
def test_trsm_undoes_trmm_and_reads_one_triangle_only(transpose, rightside, lower, n, dtype):
    a = matrices(2, n, n, dtype=dtype)
    b = rng.uniform(-1, 1, (2, 5, n) if rightside else (2, n, 5)).astype(dtype)
    attrs = {"transpose": transpose, "rightside": rightside, "lower": lower}
    product = call("_linalg_trmm", a, b, alpha=2.0, **attrs)
    close(call("_linalg_trsm", a, product, alpha=0.5, **attrs), b, dtype)
    triangle = np.tril(a) if lower else np.triu(a)
    np.testing.assert_array_equal(
        call("_linalg_trsm", triangle, product, **attrs), call("_linalg_trsm", a, product, **attrs)
    )


def test_a_zero_on_the_diagonal_of_a_triangle_gives_infinities():
    a = np.array([[2.0, 0], [1, 0]])
    np.testing.assert_array_equal(call("_linalg_trsm", a, np.array([[2.0], [3]])), [[1], [np.inf]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_factors_multiply_back_to_their_matrices(dtype):
    a = matrices(3, 2, 20, 20, dtype=dtype)
    spd = a @ a.swapaxes(-1, -2)
    factor = call("_linalg_potrf", spd)
    close(factor @ factor.swapaxes(-1, -2), spd, dtype)
    close(call("_linalg_potri", factor) @ spd, np.broadcast_to(np.eye(20), spd.shape), dtype)
    q, lower = call("_linalg_gelqf", a[..., :7, :].copy())
    close(lower @ q, a[..., :7, :], dtype)
    close(q @ q.swapaxes(-1, -2), np.broadcast_to(np.eye(7), lower.shape), dtype)
    rows, values = call("_linalg_syevd", spd)
    close(rows.swapaxes(-1, -2) @ (values[..., None] * rows), spd, dtype)
    assert np.all(np.diff(values) >= 0)
    assert np.all(np.take_along_axis(rows, np.abs(rows).argmax(-1)[..., None], -1) > 0)
    sign, logarithm = call("_linalg_slogdet", a)
    close(sign * np.exp(logarithm) / call("_linalg_det", a), np.ones((3, 2)), dtype)


@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        ("_linalg_potrf", [[1.0, 0], [0, -1]]),
        ("_linalg_potri", [[1.0, 0], [0, 0]]),
        ("_linalg_inverse", [[1.0, 2], [2, 4]]),
    ],
)
def test_a_matrix_that_has_no_such_factor_is_named_by_operator_and_shape(name, matrix):
    stack = np.stack([np.eye(2), np.array(matrix)])
    with pytest.raises(ComputeError, match=rf"{name} failed on an array of shape \[2, 2, 2\]") as caught:
        call(name, stack)
    assert (caught.value.operator, caught.value.shapes) == (name, [(2, 2, 2)])
    assert find(name).fails


def test_singular_matrices_have_a_determinant_but_no_gradient_of_it():
    a = np.stack([np.array([[1.0, 2], [2, 4]]), 2 * np.eye(2)])
    np.testing.assert_array_equal(call("_linalg_det", a), [0, 4])
    np.testing.assert_array_equal(call("_backward_det", a), [np.zeros((2, 2)), np.eye(2) / 2])


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("_linalg_det", [(3,)]),
        ("_linalg_inverse", [(2, 3)]),
        ("_linalg_syevd", [(0, 0)]),
        ("_linalg_gelqf", [(3, 2)]),
        ("_linalg_gemm2", [(2, 3, 4), (4, 2)]),
        ("_linalg_trsm", [(3, 3), (4, 2)]),
        ("_linalg_trmm", [(2, 3, 3), (1, 3, 2)]),
        ("_linalg_maketrian", [(5,)]),
        ("batch_dot", [(1, 3, 4), (2, 4, 5)]),
        ("khatri_rao", [(2, 3), (2, 4)]),
        ("dot", [(2, 3), (2, 3)]),
        ("dot", [(2, 3, 4), (3, 4)]),
    ],
)
def test_shapes_that_do_not_fit_are_named(name, shapes):
    with pytest.raises(MXNetError) as caught:
        call(name, *[np.ones(shape) for shape in shapes])
    assert name in str(caught.value)
    assert all(str(list(shape)) in str(caught.value) for shape in shapes)


@pytest.mark.parametrize("name", ["_linalg_potrf", "_linalg_makediag", "_linalg_gemm2"])
def test_only_floats_of_32_and_64_bits_have_linear_algebra(name):
    inputs = [np.eye(2, dtype=np.float16)] * len(find(name).inputs)
    with pytest.raises(MXNetError, match="only supports 32-bit and 64-bit floating point, but got float16"):
        call(name, *inputs)


def test_dot_of_vectors_and_of_many_axes():
    a, b = rng.random((2, 3, 4)), rng.random((5, 4, 2))
    np.testing.assert_allclose(call("dot", a, b, transpose_a=True, transpose_b=True), np.einsum("aij,kla->ijkl", a, b))
    np.testing.assert_allclose(call("dot", a[0, 0], b[0]), a[0, 0] @ b[0])
    assert call("dot", a[0, 0], a[0, 0]).shape == (1,)
    with pytest.raises(MXNetError, match="Cannot transpose vectors"):
        call("dot", a[0, 0], a[0, 0], transpose_a=True)


def test_products_of_halves_are_summed_in_floats():
    ones = np.ones((1, 4096), np.float16)
    assert call("dot", ones, ones, transpose_b=True) == np.float16(4096)
    assert call("batch_dot", ones[None], ones[None], transpose_b=True).dtype == np.float16

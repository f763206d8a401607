"""NumPy's operators that make arrays from numbers, and grids and positions from sizes."""

import math

import numpy as np

from ..attributes import Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..registry import also
from .init import MOST, cut
from .numpy_common import ANY, REAL, check_matrix, check_vector, numpy_operator

also("_arange", "_npi_arange")


def _check_count(name, shape):
    if min(shape, default=0) < 0 or math.prod(shape) > MOST:
        raise ShapeError(f"{name} takes a shape of numbers from 0, {MOST} elements at most, but got {shape}")


def _filled(shape, value, dtype):
    return np.full(shape, bool(value) if dtype == "bool" else cut(value, dtype), dtype)


def _declare_constant(name, value, words):
    operator_name = f"_npi_{name}"

    def compute(*, shape: Shape = (), ctx: str = "", dtype: ANY = "float32"):
        _check_count(operator_name, shape)
        return _filled(shape, value, dtype)

    compute.__doc__ = f"An array of {words}; of shape () without `shape`.\n\nctx: accepted, of no effect."
    numpy_operator(operator_name)(compute)


_declare_constant("zeros", 0, "zeros")
_declare_constant("ones", 1, "ones")


@numpy_operator("_npi_full_like")
def full_like(a, *, fill_value: float, ctx: str = "", dtype: Maybe(ANY) = None):
    """An array of the number `fill_value` in the shape of `a`, and its dtype unless `dtype` says another."""
    return _filled(a.shape, fill_value, np.dtype(dtype or a.dtype).name)


full_like.no_gradient()


@numpy_operator("_npi_eye")
def eye(*, N: int, M: Maybe(int) = None, k: int = 0, ctx: str = "", dtype: REAL = "float32"):
    """An N x M array (None: N) with ones on the k-th diagonal (above the main one, for k > 0), else zeros."""
    M = N if M is None else M
    _check_count("_npi_eye", (N, M))
    return np.eye(N, M, k, dtype)


@numpy_operator("_npi_identity")
def identity(*, shape: Shape = (), ctx: str = "", dtype: ANY = "float32"):
    """A square array with ones on the diagonal, else zeros. shape: (n, n)."""
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(f"_npi_identity takes a shape (n, n), but got {shape}")
    _check_count("_npi_identity", shape)
    return np.eye(shape[0], dtype=dtype)


@numpy_operator("_npi_logspace")
def logspace(
    *, start: float, stop: float, num: int, endpoint: bool = True, base: float = 10.0, ctx: str = "",
    dtype: REAL = "float32",
):  # fmt: skip
    """Powers of `base` with exponents at equal distances from `start` to `stop`, which is the last if `endpoint`."""
    if num < 0:
        raise ArgumentError(f"Number of sequence should be non-negative, received {num}, in operator _npi_logspace")
    _check_count("_npi_logspace", (num,))
    return np.logspace(start, stop, num, endpoint, base).astype(dtype)


@numpy_operator("_npi_indices")
def indices(*, dimensions: Shape, dtype: REAL = "int32", ctx: str = ""):
    """For each axis of an array of shape `dimensions` the position along it: (number of axes, *dimensions)."""
    _check_count("_npi_indices", (len(dimensions), *dimensions))
    return np.indices(dimensions, dtype)


def _declare_window(name, function, doc):
    operator_name = f"_npi_{name}"

    def compute(*, M: int, ctx: str = "", dtype: REAL = "float32"):
        _check_count(operator_name, (max(0, M),))
        return function(max(0, M)).astype(dtype)

    compute.__doc__ = f"{doc} window of `M` points. ctx: accepted, of no effect."
    numpy_operator(operator_name)(compute)


_declare_window("blackman", np.blackman, "Blackman's")
_declare_window("hamming", np.hamming, "Hamming's")
_declare_window("hanning", np.hanning, "Von Hann's")


# -- positions ---------------------------------------------------------------------------------------------------------


def _declare_triangle(name, function, words):
    operator_name = f"_npi_{name}_indices"

    def compute(*, n: int, k: int = 0, m: Maybe(int) = None):
        m = n if m is None else m
        _check_count(operator_name, (n, m))
        return np.stack(function(n, k, m)).astype(np.int64, copy=False)

    compute.__doc__ = (
        f"Where the elements on and {words} the k-th diagonal of an n x m array (None: n x n) are: rows, columns.\n\n"
        f"Output: (2, how many), int64. Source: numpy.{name}_indices."
    )
    numpy_operator(operator_name)(compute)


_declare_triangle("tril", np.tril_indices, "below")
_declare_triangle("triu", np.triu_indices, "above")


@numpy_operator("_npi_diag_indices_from")
def diag_indices_from(data):
    """Where the elements on the main diagonal of an array with axes of one length are: a row for each axis, int64."""
    check_matrix("_npi_diag_indices_from", data)
    if len(set(data.shape)) != 1:
        raise ShapeError(f"All dimensions of input must be of equal length, but got {list(data.shape)}")
    return np.stack([np.arange(len(data), dtype=np.int64)] * data.ndim)


diag_indices_from.no_gradient()


@numpy_operator("_npi_meshgrid", outputs="num_args")
def meshgrid(*xi, num_args: int = 0, indexing: str = "xy"):
    """The coordinates of the points of a grid: for each vector an array in which it runs along its axis.

    indexing: "xy", where the first vector runs along the second axis, or "ij", in order. Source: numpy.meshgrid."""
    if not xi or num_args not in (0, len(xi)) or indexing not in ("xy", "ij"):
        raise ArgumentError(
            f"_npi_meshgrid takes num_args={num_args} vectors, at least 1, and indexing 'xy' or 'ij', but got "
            f"{len(xi)} and {indexing!r}"
        )
    for x in xi:
        check_vector("_npi_meshgrid", "coordinates", x)
    return np.meshgrid(*xi, indexing=indexing)


@meshgrid.gradient
def _(F, g, xi_shapes, indexing):
    results = []
    for i, (part, shape) in enumerate(zip(g, xi_shapes, strict=True)):
        axis = 1 - i if indexing == "xy" and i < 2 and len(g) > 1 else i
        others = tuple(a for a in range(len(g)) if a != axis)
        results.append(F._backward_reshape(F._np_sum(part, axis=others), shape=shape))
    return results

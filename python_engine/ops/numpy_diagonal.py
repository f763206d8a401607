"""NumPy's diagonals and triangles."""

import numpy as np

from ..attributes import Shape
from ..errors import ArgumentError, ShapeError
from .numpy_common import back_to, normal_axis, numpy_operator


def _within(k, rows, columns):
    """The number of a diagonal, no further outside a matrix than needed: NumPy takes 31 bits, and crashes at -2**31."""
    return max(-rows, min(k, columns))


@numpy_operator("_np_diagonal")
def diagonal(data, *, offset: int = 0, axis1: int = 0, axis2: int = 1):
    """The diagonal of two axes, as the last axis; `offset` > 0 names those above the main one."""
    _check_plane("_np_diagonal", data.ndim, axis1, axis2)
    return data.diagonal(_within(offset, data.shape[axis1], data.shape[axis2]), axis1, axis2).copy()


def _check_plane(name, ndim, axis1, axis2):
    if normal_axis(name, axis1, ndim) == normal_axis(name, axis2, ndim):
        raise ArgumentError(f"axis1 and axis2 cannot be the same: {axis1}, {axis2}, in operator {name}")


@diagonal.gradient
def _(F, g, data_shape, offset, axis1, axis2):
    return F._backward_diagonal(g, shape=data_shape, offset=offset, axis1=axis1, axis2=axis2)


@numpy_operator("_backward_diagonal")
def backward_diagonal(data, *, shape: Shape, offset: int, axis1: int, axis2: int):
    """Zeros of `shape` with `data` on a diagonal of two axes."""
    result = np.zeros(shape, data.dtype)
    plane = np.moveaxis(result, (axis1, axis2), (-2, -1))
    rows = np.arange(data.shape[-1]) + max(0, -offset)
    plane[..., rows, rows + offset] = data
    return result


@backward_diagonal.gradient
def _(F, g, offset, axis1, axis2):
    return F._np_diagonal(g, offset=offset, axis1=axis1, axis2=axis2)


@numpy_operator("_np_trace")
def trace(data, *, offset: int = 0, axis1: int = 0, axis2: int = 1):
    """The sum of a diagonal of two axes.

    Output: without the two; dtype of `data`."""
    _check_plane("_np_trace", data.ndim, axis1, axis2)
    if data.dtype.kind == "b":
        raise ArgumentError("Operator _np_trace does not support boolean type")
    return data.trace(_within(offset, data.shape[axis1], data.shape[axis2]), axis1, axis2, data.dtype)


@trace.gradient
def _(F, g, data_shape, offset, axis1, axis2):
    ndim = len(data_shape)
    n, m = data_shape[axis1 % ndim], data_shape[axis2 % ndim]
    length = max(0, min(n + min(0, offset), m - max(0, offset)))
    along = F._npi_broadcast_to(F._backward_reshape(g, shape=(*g.shape, 1)), shape=(*g.shape, length))
    return F._backward_diagonal(along, shape=data_shape, offset=offset, axis1=axis1, axis2=axis2)


@numpy_operator("_np_diag")
def diag(data, *, k: int = 0):
    """The k-th diagonal of a matrix, or a matrix with a vector on its k-th diagonal."""
    if data.ndim not in (1, 2):
        raise ShapeError(f"Input must be 1- or 2-d, but got shape {list(data.shape)}, in operator _np_diag")
    return np.diag(data, k if data.ndim == 1 else _within(k, *data.shape)).copy()


@diag.gradient
def _(F, g, data_shape, k):
    if len(data_shape) == 1:
        return F._np_diag(g, k=k)
    return F._backward_diagonal(g, shape=data_shape, offset=k, axis1=0, axis2=1)


@numpy_operator("_np_diagflat")
def diagflat(data, *, k: int = 0):
    """A matrix with the elements of an array of any shape on its k-th diagonal."""
    return np.diagflat(data, k)


@diagflat.gradient
def _(F, g, data_shape, k):
    return F._backward_reshape(F._np_diag(g, k=k), shape=data_shape)


@numpy_operator("_npi_tril")
def tril(data, *, k: int = 0):
    """The elements on and below the k-th diagonal of matrices, zeros elsewhere; a vector is the row of a matrix that
    has it n times."""
    matrices = _with_plane("_npi_tril", data)
    return np.tril(matrices, _within(k, *matrices.shape[-2:]))


@numpy_operator("_npi_triu")
def triu(data, *, k: int = 0):
    """The elements on and above the k-th diagonal of matrices, zeros elsewhere; a vector is the row of a matrix that
    has it n times. Source: numpy.triu."""
    matrices = _with_plane("_npi_triu", data)
    return np.triu(matrices, _within(k, *matrices.shape[-2:]))


def _with_plane(name, data):
    if data.ndim == 0:
        raise ShapeError(f"takes an array of 1 axis or more, in operator {name}")
    return np.broadcast_to(data, (len(data), len(data))) if data.ndim == 1 else data


@tril.gradient
def _(F, g, data_shape, k):
    return back_to(F, F._npi_tril(g, k=k), data_shape, g.dtype)


@triu.gradient
def _(F, g, data_shape, k):
    return back_to(F, F._npi_triu(g, k=k), data_shape, g.dtype)

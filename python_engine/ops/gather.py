"""Operators that read and write at positions with several coordinates, and those that convert such positions.

Coordinates stand in the first axis: indices[:, i] is the i-th position. A negative one counts from the end.
"""

import math

import numpy as np

from ..attributes import Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..registry import operator
from .common import check_same_dtype, normal_axis
from .index import add_rows, check_range, whole_numbers


def _coordinates(operator_name, indices, shape):
    """The positions as a tuple of integer arrays, one for each of the leading axes of `shape` that they name."""
    if indices.ndim < 2 or not 1 <= len(indices) <= len(shape):
        raise ShapeError(
            f"takes indices of 2 axes or more, the first of which holds 1 to {len(shape)} coordinates for an array of "
            f"shape {list(shape)}, but got {list(indices.shape)}, in operator {operator_name}"
        )
    return tuple(whole_numbers(indices))


def _out_of_bounds(operator_name, coordinates, shape):
    """The error that names the coordinate at fault."""
    for axis, index in enumerate(coordinates):
        try:
            check_range(operator_name, index, -shape[axis], shape[axis])
        except ArgumentError as wrong:
            return ArgumentError(f"axis {axis} of {list(shape)}: {wrong.message}")
    return ShapeError(f"there is nothing to choose from an array of shape {list(shape)}, in operator {operator_name}")


@operator("gather_nd", fails=True)
def gather_nd(data, indices):
    """The elements of `data` at positions, or, where positions have fewer coordinates than `data` axes, the slices.

    indices: (m, ...) with m coordinates of each position.
    Output: the other axes of `indices`, then the axes of `data` after the m-th; dtype of `data`."""
    coordinates = _coordinates("gather_nd", indices, data.shape)
    try:
        return data[coordinates]
    except IndexError:
        raise _out_of_bounds("gather_nd", coordinates, data.shape) from None


@gather_nd.gradient("data")
def _(F, g, indices, data_shape):
    return F._backward_gather_nd(g, indices, shape=data_shape)


@operator("_backward_gather_nd", fails=True)
def backward_gather_nd(data, indices, *, shape: Shape):
    """Zeros of `shape` to which `data` is added at positions; as scatter_nd, but what falls together is added up."""
    coordinates = _coordinates("_backward_gather_nd", indices, shape)
    rows, rest = shape[: len(coordinates)], shape[len(coordinates) :]
    positions = np.zeros(indices.shape[1:], np.int64)
    for index, length in zip(coordinates, rows, strict=True):
        positions = positions * length + index % length
    return add_rows((math.prod(rows), *rest), 0, positions, data).reshape(shape)


@backward_gather_nd.gradient("data")
def _(F, g, indices):
    return F.gather_nd(g, indices)


def _write(operator_name, target, data, indices):
    coordinates = _coordinates(operator_name, indices, target.shape)
    if data.shape != indices.shape[1:] + target.shape[len(indices) :]:
        raise ShapeError(
            f"Invalid data, indices, and output shape combination for {operator_name}: {list(data.shape)}, "
            f"{list(indices.shape)}, {list(target.shape)}"
        )
    try:
        target[coordinates] = data
    except IndexError:
        raise _out_of_bounds(operator_name, coordinates, target.shape) from None


@operator("scatter_nd", fails=True)
def scatter_nd(data, indices, *, shape: Shape):
    """Zeros of `shape` with `data` written at positions; where positions repeat, the last one stays.

    indices: (m, ...) with m coordinates of each position. data: the other axes of `indices`, then those of `shape`
    after the m-th.
    Output: `shape`, dtype of `data`."""
    if not shape or min(shape) < 0:
        raise ArgumentError(f"shape={shape} is no shape of an array, in operator scatter_nd")
    result = np.zeros(shape, data.dtype)
    _write("scatter_nd", result, data, indices)
    return result


@scatter_nd.gradient("data")
def _(F, g, indices):
    return F.gather_nd(g, indices)


@operator("_scatter_set_nd", mutates=("lhs",), shares=True, fails=True)
def scatter_set_nd(lhs, rhs, indices, *, shape: Shape):
    """Write `rhs` into `lhs` at positions, as scatter_nd does. shape: that of `lhs`."""
    check_same_dtype("_scatter_set_nd", lhs, rhs)
    if lhs.shape != shape:
        raise ShapeError(
            f"Shape inconsistent, Provided = {list(lhs.shape)}, inferred shape={list(shape)}, "
            f"in operator _scatter_set_nd"
        )
    _write("_scatter_set_nd", lhs, rhs, indices)
    return lhs


@operator("_contrib_index_copy", fails=True)
def index_copy(old_tensor, index_vector, new_tensor):
    """A copy of `old_tensor` whose rows `index_vector` are those of `new_tensor`; where rows repeat, the last stays.

    index_vector: as many numbers of rows as `new_tensor` has. Both tensors have one dtype and the same axes but the
    first."""
    check_same_dtype("_contrib_index_copy", old_tensor, new_tensor)
    if new_tensor.shape != index_vector.shape + old_tensor.shape[1:] or index_vector.ndim != 1:
        raise ShapeError(
            f"takes a vector of rows and a new tensor with as many rows like those of the old one, but got old "
            f"{list(old_tensor.shape)}, index {list(index_vector.shape)}, new {list(new_tensor.shape)}, "
            f"in operator _contrib_index_copy"
        )
    rows = whole_numbers(index_vector)
    check_range("_contrib_index_copy", rows, 0, len(old_tensor))
    result = old_tensor.copy()
    result[rows] = new_tensor
    return result


@index_copy.gradient("old_tensor")
def _(F, g, index_vector, new_tensor):
    return F._contrib_index_copy(g, index_vector, F.zeros_like(new_tensor))


@index_copy.gradient("new_tensor")
def _(F, g, index_vector):
    return F.take(g, index_vector)


@operator("_contrib_index_array")
def index_array(data, *, axes: Maybe(Shape) = None):
    """The position of each element of `data`: all its coordinates, or those in `axes` (negative: from the end).

    Output: (*shape of data, number of coordinates), int64."""
    axes = range(data.ndim) if axes is None else [normal_axis("_contrib_index_array", a, data.ndim) for a in axes]
    result = np.empty((*data.shape, len(axes)), np.int64)
    for position, a in enumerate(axes):
        result[..., position] = np.arange(data.shape[a]).reshape(-1, *(1,) * (data.ndim - 1 - a))
    return result


index_array.no_gradient()


def _check_lengths(operator_name, shape):
    if not shape or any(n < 1 for n in shape[1:]):
        raise ArgumentError(
            f"shape={shape} must hold the length of each axis, positive but for the first, in operator {operator_name}"
        )


@operator("_ravel_multi_index", "ravel_multi_index")
def ravel_multi_index(data, *, shape: Maybe(Shape) = None):
    """Positions in an array of `shape` as numbers of elements in C order. The first length does not matter.

    data: (number of axes, n), the coordinates of n positions.
    Output: (n,), dtype of `data`."""
    _check_lengths("_ravel_multi_index", shape)
    if data.ndim != 2 or len(data) != len(shape):
        raise ShapeError(
            f"takes ({len(shape)}, n) coordinates for shape={shape}, but got {list(data.shape)}, "
            f"in operator _ravel_multi_index"
        )
    numbers, *rest = whole_numbers(data)
    for coordinates, length in zip(rest, shape[1:], strict=True):
        numbers = numbers * length + coordinates
    return numbers.astype(data.dtype)


@operator("_unravel_index", "unravel_index")
def unravel_index(data, *, shape: Maybe(Shape) = None):
    """The coordinates, in an array of `shape`, of elements numbered in C order. The first length does not matter.

    Output: (number of axes, *shape of data), dtype of `data`."""
    _check_lengths("_unravel_index", shape)
    numbers = whole_numbers(data)
    result = np.empty((len(shape), *data.shape), data.dtype)
    for axis in range(len(shape) - 1, 0, -1):
        coordinates = np.fmod(numbers, shape[axis])
        result[axis] = coordinates
        numbers = (numbers - coordinates) // shape[axis]
    result[0] = numbers
    return result


ravel_multi_index.no_gradient()
unravel_index.no_gradient()

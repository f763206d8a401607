"""Operators that repeat elements: broadcasting, tiling, and the diagonal of a matrix."""

import math

import numpy as np

from ..attributes import Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import from_inputs, is_known, with_length
from ..registry import operator
from .common import normal_axis, reduce_to


@operator("broadcast_to", shape="broadcast_to", views=True)
def broadcast_to(data, *, shape: Shape = ()):
    """Repeat axes of length 1 to reach `shape` (0: keep that axis)."""
    if len(shape) != data.ndim:
        raise ShapeError(
            f"Operand of shape {list(data.shape)} cannot be broadcasted to {list(shape)}, in operator broadcast_to"
        )
    return _spread("broadcast_to", data, [n or old for n, old in zip(shape, data.shape, strict=True)])


def _wide(attrs, shape):
    wanted = attrs["shape"]
    if len(wanted) != len(shape):
        raise ShapeError(f"Operand of shape {list(shape)} cannot be broadcasted to {list(wanted)}")
    return [new or old for new, old in zip(wanted, shape)]


broadcast_to.infers(from_inputs(_wide))

SMALL = 4096  # elements; up to here a copy costs less than a view does


def _spread(operator_name, data, shape):
    for old, new in zip(data.shape, shape, strict=True):
        if old not in (1, new) or new < 0:
            raise ShapeError(
                f"Array of shape {list(data.shape)} cannot be broadcasted to {list(shape)}: only axes of length 1 can "
                f"grow, in operator {operator_name}"
            )
    if math.prod(shape) > SMALL:
        return np.broadcast_to(data, shape)
    result = np.empty(shape, data.dtype)
    result[...] = data
    return result


@broadcast_to.gradient
def _(F, g, data_shape):
    return reduce_to(F, g, data_shape)


@operator("broadcast_axis", "broadcast_axes", views=True)
def broadcast_axis(data, *, axis: Shape = (), size: Shape = ()):
    """Repeat `size` times along `axis`, where `data` must have length 1; both may name several axes (from 0)."""
    if len(axis) != len(size):
        raise ArgumentError(f"axis={axis} and size={size} must be of one length, in operator broadcast_axis")
    shape = list(data.shape)
    for a, n in zip(axis, size, strict=True):
        if not 0 <= a < data.ndim:
            raise ArgumentError(f"axis={axis}: each must be in [0, {data.ndim}), in operator broadcast_axis")
        if shape[a] != 1:
            raise ShapeError(
                f"Broadcasting axis must have size 1, but axis {a} of {shape} has not, in operator broadcast_axis"
            )
        shape[a] = n
    return _spread("broadcast_axis", data, shape)


@broadcast_axis.infers
def _(shapes, attrs):
    shape = shapes.ins[0]
    if shape is not None:
        for a, n in zip(attrs["axis"], attrs["size"], strict=True):
            shape = with_length(shape, normal_axis("broadcast_axis", a, len(shape)), n)
        shapes.output(shape)


@broadcast_axis.gradient
def _(F, g, data_shape):
    return reduce_to(F, g, data_shape)


@operator("broadcast_like", views=True)
def broadcast_like(lhs, rhs, *, lhs_axes: Maybe(Shape) = None, rhs_axes: Maybe(Shape) = None):
    """Repeat axes of length 1 of `lhs` to reach the shape of `rhs`; or only the axes `lhs_axes`, to the lengths of
    `rhs_axes` (negative: counted from the end). `rhs` gives its shape only.

    Output: dtype of `lhs`."""
    if lhs_axes is None or rhs_axes is None:
        if lhs.ndim != rhs.ndim:
            raise ShapeError(
                f"Operand of shape {list(lhs.shape)} cannot be broadcasted to {list(rhs.shape)}, "
                f"in operator broadcast_like"
            )
        return _spread("broadcast_like", lhs, rhs.shape)
    if len(lhs_axes) != len(rhs_axes) or not lhs_axes:
        raise ArgumentError(
            f"lhs_axes={lhs_axes} and rhs_axes={rhs_axes} must be of one length, at least 1, in operator broadcast_like"
        )
    shape = list(lhs.shape)
    for a, b in zip(lhs_axes, rhs_axes, strict=True):
        a, b = normal_axis("broadcast_like", a, lhs.ndim), normal_axis("broadcast_like", b, rhs.ndim)
        if lhs.shape[a] != 1:
            raise ShapeError(
                f"Input axis {a} of {list(lhs.shape)} cannot be broadcasted to {rhs.shape[b]}: its length is not 1, "
                f"in operator broadcast_like"
            )
        shape[a] = rhs.shape[b]
    return _spread("broadcast_like", lhs, shape)


@broadcast_like.infers
def _(shapes, attrs):
    (lhs, rhs), lhs_axes, rhs_axes = shapes.ins, attrs["lhs_axes"], attrs["rhs_axes"]
    if lhs is None or rhs is None:
        return
    if lhs_axes is None or rhs_axes is None:
        shapes.output(rhs)
        return
    for a, b in zip(lhs_axes, rhs_axes, strict=True):
        lhs = with_length(lhs, normal_axis("broadcast_like", a, len(lhs)), rhs[b])
    shapes.output(lhs)


@broadcast_like.gradient("lhs")
def _(F, g, lhs_shape):
    return reduce_to(F, g, lhs_shape)


@operator("repeat")
def repeat(data, *, repeats: int, axis: Maybe(int) = None):
    """Each element `repeats` times in a row, along `axis`; without `axis`, of the flattened array.

    Output: `axis` is `repeats` times as long; without `axis`, shape (size * repeats,)."""
    if repeats < 0:
        raise ArgumentError(f"repeats cannot be a negative number, but is {repeats}, in operator repeat")
    if axis is not None:
        axis = normal_axis("repeat", axis, data.ndim)
    return data.repeat(repeats, axis)


@repeat.infers
def _(shapes, attrs):
    shape, axis, times = shapes.ins[0], attrs["axis"], attrs["repeats"]
    if axis is None and is_known(shape):
        shapes.output((math.prod(shape) * times,))
    elif axis is not None and shape is not None:
        axis = normal_axis("repeat", axis, len(shape))
        shapes.output(with_length(shape, axis, shape[axis] * times))


@repeat.gradient
def _(F, g, data_shape, repeats, axis):
    after = len(data_shape) if axis is None else axis % len(data_shape) + 1
    copies = F._backward_reshape(g, shape=(*data_shape[:after], repeats, *data_shape[after:]))
    return F._backward_reshape(F.sum(copies, axis=(after,)), shape=data_shape)


@operator("tile")
def tile(data, *, reps: Shape):
    """The whole array repeated `reps` times along each axis, aligned at the last axis.

    Output: lengths of `data` (with leading ones where `reps` is longer) times `reps`."""
    if any(n < 0 for n in reps):
        raise ArgumentError(f"reps={reps} cannot hold a negative number, in operator tile")
    return np.tile(data, reps)


def _tiled(attrs, shape):
    ndim = max(len(shape), len(attrs["reps"]))
    lead = (1,) * ndim
    return [n * times for n, times in zip((lead + shape)[-ndim:], (lead + attrs["reps"])[-ndim:])]


tile.infers(from_inputs(_tiled))


@tile.gradient
def _(F, g, data_shape, reps):
    ndim = max(len(data_shape), len(reps))
    lengths = (1,) * (ndim - len(data_shape)) + data_shape
    counts = (1,) * (ndim - len(reps)) + reps
    copies = F._backward_reshape(g, shape=tuple(n for pair in zip(counts, lengths, strict=True) for n in pair))
    return F._backward_reshape(F.sum(copies, axis=tuple(range(0, 2 * ndim, 2))), shape=data_shape)


def _diagonal_axes(shape, k, axis1, axis2):
    """The two axes from 0, and the length of diagonal `k`."""
    axis1, axis2 = normal_axis("diag", axis1, len(shape)), normal_axis("diag", axis2, len(shape))
    if axis1 == axis2:
        raise ArgumentError(f"axis1 and axis2 cannot refer to the same axis {axis1}, in operator diag")
    length = min(shape[axis1] + min(k, 0), shape[axis2] - max(k, 0))
    if length < 0:
        raise ShapeError(f"Diagonal does not exist: k={k} of axes {axis1}, {axis2} of {list(shape)}, in operator diag")
    return axis1, axis2, length


@operator("diag")
def diag(data, *, k: int = 0, axis1: int = 0, axis2: int = 1):
    """The diagonal `k` (above the main one if positive) of the matrices in axes `axis1` and `axis2`; of a vector, the
    matrix with that diagonal.

    Output: the other axes, then the diagonal's; (n + |k|, n + |k|) for a vector of n."""
    if data.ndim == 1:
        return np.diag(data, k)
    axis1, axis2, _ = _diagonal_axes(data.shape, k, axis1, axis2)
    return data.diagonal(k, axis1, axis2).copy()


@diag.gradient
def _(F, g, data_shape, k, axis1, axis2):
    if len(data_shape) == 1:
        return F.diag(g, k=k)
    return F._backward_diag(g, shape=data_shape, k=k, axis1=axis1, axis2=axis2)


@operator("_backward_diag")
def backward_diag(ograd, *, shape: Shape, k: int, axis1: int, axis2: int):
    """Zeros of `shape` with `ograd` on the diagonal that `diag` would take."""
    axis1, axis2, length = _diagonal_axes(shape, k, axis1, axis2)
    gradient = np.zeros(shape, ograd.dtype)
    along = np.arange(length)
    np.moveaxis(gradient, (axis1, axis2), (-2, -1))[..., along - min(k, 0), along + max(k, 0)] = ograd
    return gradient


@backward_diag.gradient
def _(F, g, k, axis1, axis2):
    return F.diag(g, k=k, axis1=axis1, axis2=axis2)

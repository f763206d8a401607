"""Reductions. `axis` may be an int, a tuple or None (all axes); with `exclude` it names the axes to keep.

A reduction over all axes gives shape (1,), because MXNet 1.x has no arrays without axes. Sums of integers stay
integers; sums of float16 are accumulated in float32.
"""

import numpy as np

from ..attributes import Maybe, Shape
from ..errors import ShapeError
from ..registry import operator
from .common import normal_axis


def reduced_axes(operator_name, axis, ndim, exclude=False):
    """The axes to reduce, as sorted numbers from 0."""
    if axis is None or axis == ():
        return tuple(range(ndim))
    axes = sorted(normal_axis(operator_name, a, ndim) for a in axis)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axis {axis} names an axis twice, in operator {operator_name}")
    return tuple(a for a in range(ndim) if a not in axes) if exclude else tuple(axes)


def _finish(result, data, keepdims):
    if not keepdims and result.ndim == 0:
        result = result.reshape(1)
    return result if result.dtype is data.dtype else result.astype(data.dtype)


def _reduction(names, function, doc):
    name, *aliases = names.split()

    def compute(data, *, axis: Maybe(Shape) = None, keepdims: bool = False, exclude: bool = False):
        axes = reduced_axes(name, axis, data.ndim, exclude)
        return _finish(np.asarray(function(data, axes, keepdims)), data, keepdims)

    compute.__doc__ = doc + "\n\nOutput: dtype of `data`, without the reduced axes (of length 1 with `keepdims`)."
    return operator(name, *aliases, shape="reduce")(compute)


def spread(F, g, shape, axis, exclude):
    """`g`, the gradient of a reduction, repeated along the axes that were reduced."""
    axes = reduced_axes("reduce", axis, len(shape), exclude)
    kept = tuple(1 if a in axes else n for a, n in enumerate(shape))
    return F.broadcast_to(F.reshape(g, shape=kept), shape=shape)


def _sum(data, axes, keepdims):
    accumulate = np.float32 if data.dtype == np.float16 else data.dtype
    return np.sum(data, axis=axes, keepdims=keepdims, dtype=accumulate)


def _count(shape, axis, exclude):
    return float(np.prod([shape[a] for a in reduced_axes("mean", axis, len(shape), exclude)], dtype=np.int64))


def _mean(data, axes, keepdims):
    total = _sum(data, axes, keepdims)
    n = int(np.prod([data.shape[a] for a in axes], dtype=np.int64))
    return np.trunc(total / n) if data.dtype.kind != "f" else total / total.dtype.type(n)


sum_ = _reduction("sum _sparse_sum sum_axis", _sum, "Sum over axes.")


@sum_.gradient
def _(F, g, data_shape, axis, exclude):
    return spread(F, g, data_shape, axis, exclude)


mean = _reduction("mean _sparse_mean", _mean, "Mean over axes; of integers, truncated.")


@mean.gradient
def _(F, g, data_shape, axis, exclude):
    return spread(F, g * (1 / _count(data_shape, axis, exclude)), data_shape, axis, exclude)



max_ = _reduction("max max_axis", lambda d, a, k: np.max(d, axis=a, keepdims=k), "Largest value over axes.")
min_ = _reduction("min min_axis", lambda d, a, k: np.min(d, axis=a, keepdims=k), "Smallest value over axes.")


def _to_extreme(F, g, data, out, axis, exclude):
    """Every element equal to the extreme receives the gradient, as in MXNet."""
    hit = F.broadcast_equal(data, spread(F, out, data.shape, axis, exclude))
    return hit * spread(F, g, data.shape, axis, exclude)


max_.gradient(_to_extreme)
min_.gradient(_to_extreme)

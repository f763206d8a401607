"""Reductions. `axis` may be an int, a tuple or None (all axes); with `exclude` it names the axes to keep.

A reduction over all axes gives shape (1,), because MXNet 1.x has no arrays without axes. Sums of integers stay
integers; sums of float16 are accumulated in float32.
"""

import math

import numpy as np

from ..attributes import DType, Floats, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import is_known, like_data, reduced
from ..registry import operator
from .common import check_same_dtype, check_same_shape, normal_axis, number
from .sums import column_sums, is_fast, row_maxima, sum_over

FEW = 2048  # elements, fewer of which NumPy reduces as fast


def reduced_axes(operator_name, axis, ndim, exclude=False):
    """The axes to reduce, as sorted numbers from 0."""
    if not axis:
        return tuple(range(ndim))
    if len(axis) == 1 and not exclude:
        return (normal_axis(operator_name, axis[0], ndim),)
    axes = sorted(normal_axis(operator_name, a, ndim) for a in axis)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"Reduction axes have duplicates {list(axis)}, in operator {operator_name}")
    return tuple(a for a in range(ndim) if a not in axes) if exclude else tuple(axes)


def _reduction(names, function, doc):
    """Declare a reduction by `function(data, axes, keepdims)`."""
    name, *aliases = names.split()

    def compute(data, *, axis: Maybe(Shape) = None, keepdims: bool = False, exclude: bool = False):
        axes = reduced_axes(name, axis, data.ndim, exclude) if axis else None
        if keepdims or (axes is not None and len(axes) < data.ndim):
            result = function(data, axes, keepdims)
        else:
            result = function(data.ravel("K"), 0, True)  # of no axes, NumPy would make a number
        return result if result.dtype is data.dtype else result.astype(data.dtype)

    compute.__doc__ = doc + "\n\nOutput: dtype of `data`, without the reduced axes (of length 1 with `keepdims`)."
    return operator(name, *aliases, shape="reduce")(compute)


def spread(F, g, shape, axis, exclude):
    """`g`, the gradient of a reduction, repeated along the axes that were reduced."""
    axes = reduced_axes("reduce", axis, len(shape), exclude)
    kept = tuple(1 if a in axes else n for a, n in enumerate(shape))
    g = g if g.shape == kept else F._backward_reshape(g, shape=kept)
    if kept == shape:
        return g
    # for the operator of MXNet 1.x, a length of 0 stands for one that is kept
    return F._npi_broadcast_to(g, shape=shape) if 0 in shape else F.broadcast_to(g, shape=shape)


def _accumulator(data):
    return np.float32 if data.dtype == np.float16 else data.dtype


def _sum(data, axes, keepdims):
    if data.size < FEW or not is_fast(data):
        return np.add.reduce(data, axes, _accumulator(data), None, keepdims)
    if axes == (0,) and data.ndim == 2 and not keepdims:
        return column_sums(data)
    result = sum_over(data, (axes,) if isinstance(axes, int) else axes)
    return result if keepdims else result.squeeze(axes)


def _prod(data, axes, keepdims):
    return np.multiply.reduce(data, axes, _accumulator(data), None, keepdims)


def _count(shape, axis, exclude):
    return math.prod(shape[a] for a in reduced_axes("mean", axis, len(shape), exclude))


def _mean(data, axes, keepdims):
    result = _sum(data, axes, keepdims)
    count = data.size // max(1, result.size)
    if result.dtype.kind != "f":
        return np.trunc(result / count)
    return np.true_divide(result, number(float(count), result.dtype), result)


def _largest(data, axes, keepdims):
    if data.size < FEW or axes != (data.ndim - 1,) or not is_fast(data):
        return np.maximum.reduce(_not_empty("max", data, axes), axes, None, None, keepdims)
    result = row_maxima(data.reshape(-1, data.shape[-1])).reshape(*data.shape[:-1], 1)
    return result if keepdims else result.squeeze(axes)


def _smallest(data, axes, keepdims):
    return np.minimum.reduce(_not_empty("min", data, axes), axes, None, None, keepdims)


def _not_empty(name, data, axes):
    if data.size == 0 and (axes is None or any(data.shape[a] == 0 for a in np.atleast_1d(axes))):
        raise ShapeError(f"{name} over no elements, in an array of shape {list(data.shape)}")
    return data


def _without_nan(data, fill):
    return np.where(np.isnan(data), data.dtype.type(fill), data) if data.dtype.kind == "f" else data


def _nansum(data, axes, keepdims):
    return _sum(_without_nan(data, 0), axes, keepdims)


def _nanprod(data, axes, keepdims):
    return _prod(_without_nan(data, 1), axes, keepdims)


sum_ = _reduction("sum _sparse_sum sum_axis", _sum, "Sum over axes.")
mean = _reduction("mean _sparse_mean", _mean, "Mean over axes; of integers, truncated.")
prod = _reduction("prod", _prod, "Product over axes.")
nansum = _reduction("nansum", _nansum, "Sum over axes, NaN taken as 0.")
nanprod = _reduction("nanprod", _nanprod, "Product over axes, NaN taken as 1.")
max_ = _reduction("max max_axis", _largest, "Largest value over axes.")
min_ = _reduction("min min_axis", _smallest, "Smallest value over axes.")


@sum_.gradient
def _(F, g, data_shape, axis, exclude):
    return spread(F, g, data_shape, axis, exclude)


@mean.gradient
def _(F, g, data_shape, axis, exclude):
    count = _count(data_shape, axis, exclude)
    return spread(F, g / count if count > 1 else g, data_shape, axis, exclude)


@nansum.gradient
def _(F, g, data, axis, exclude):
    return spread(F, g, data.shape, axis, exclude) * F._equal(data, data)


@max_.gradient
@min_.gradient
def _(F, g, data, out, axis, exclude):
    """Every element equal to the extreme receives the gradient, as in MXNet."""
    hit = F.broadcast_equal(data, spread(F, out, data.shape, axis, exclude))
    return hit * spread(F, g, data.shape, axis, exclude)


@operator("_product_of_others", shape="same")
def product_of_others(data):
    """For each element the product of the other elements along the last axis; 0s do not disturb it.

    Output: shape and dtype of `data`."""
    if data.size == 0:
        return data.copy()
    ones = np.ones((*data.shape[:-1], 1), data.dtype)
    before = np.multiply.accumulate(np.concatenate([ones, data[..., :-1]], -1), -1, data.dtype)
    after = np.multiply.accumulate(np.concatenate([ones, data[..., :0:-1]], -1), -1, data.dtype)
    return np.multiply(before, after[..., ::-1], out=before)


@product_of_others.gradient
def _(F, g, data):
    """The sum over i of g_i times the product of all but i and k. With a one put in the place of element i, that is
    again a product of the others; written so, it can be differentiated any number of times, at quadratic cost."""
    shape = (*data.shape[:-1], data.shape[-1], data.shape[-1])
    one = F._eye(N=data.shape[-1], dtype=str(np.dtype(data.dtype)))
    rows = F.broadcast_to(F.expand_dims(data, axis=-2), shape=shape)
    rows = F.broadcast_add(F.broadcast_mul(rows, 1 - one), one)
    others = F.broadcast_mul(F._product_of_others(rows), 1 - one)
    return F.sum(F.broadcast_mul(F.expand_dims(g, axis=-1), others), axis=(-2,))


def _prod_gradient(F, g, data, axis, exclude):
    shape, ndim = data.shape, len(data.shape)
    axes = reduced_axes("prod", axis, ndim, exclude)
    order = (*(a for a in range(ndim) if a not in axes), *axes)
    moved = tuple(shape[a] for a in order)
    flat = (*moved[: ndim - len(axes)], math.prod(shape[a] for a in axes))
    others = F._product_of_others(F.reshape(F.transpose(data, axes=order), shape=flat))
    back = tuple(order.index(a) for a in range(ndim))
    return F.transpose(F.reshape(others, shape=moved), axes=back) * spread(F, g, shape, axis, exclude)


prod.gradient(_prod_gradient)


@nanprod.gradient
def _(F, g, data, axis, exclude):
    given = F._equal(data, data)
    filled = F.where(given, data, F.ones_like(data))
    return F.where(given, _prod_gradient(F, g, filled, axis, exclude), F.zeros_like(data))


# -- norms, moments, sums along an axis --------------------------------------------------------------------------------


@operator("norm", "_sparse_norm")
def norm(
    data,
    *,
    ord: int = 2,
    axis: Maybe(Shape) = None,
    out_dtype: Maybe(DType("float16", "float32", "float64", "int32", "int64", "int8")) = None,
    keepdims: bool = False,
):
    """The sum of absolute values (ord=1), or the root of the sum of squares (ord=2), over axes.

    out_dtype: the dtype of `data`, or None. Output: dtype of `data`."""
    if ord not in (1, 2):
        raise ArgumentError(f"norm only supports ord=1 and ord=2, but got ord={ord}")
    if out_dtype and out_dtype != data.dtype:
        raise ArgumentError(f"norm of {data.dtype} gives {data.dtype}, but got out_dtype={out_dtype}")
    axes = reduced_axes("norm", axis, data.ndim)
    result = np.asarray((_absolute_sum if ord == 1 else _root_of_squares)(data, axes, keepdims))
    return (result if result.ndim else result.reshape(1)).astype(data.dtype, copy=False)


def _absolute_sum(data, axes, keepdims):
    return _sum(np.abs(data), axes, keepdims)


def _root_of_squares(data, axes, keepdims):
    wide = data if data.dtype in (np.float32, np.float64) else data.astype(np.float64)
    result = np.sqrt(_sum(np.square(wide), axes, True))
    limits = np.finfo(wide.dtype)
    if not (result > math.sqrt(limits.tiny)).all() or not (result < math.sqrt(limits.max)).all():
        # squares may have left the range of the dtype, though the norm is inside
        scale = np.max(np.abs(wide), axis=axes, keepdims=True, initial=0)
        scale = np.where((scale > 0) & (scale < np.inf), scale, 1)
        result = np.sqrt(_sum(np.square(wide / scale), axes, True)) * scale
    return result if keepdims else result.squeeze(axes)


norm.infers(reduced)


@norm.gradient
def _(F, g, data, out, ord, axis):
    g = spread(F, g, data.shape, axis, False)
    return g * F.sign(data) if ord == 1 else g * (data / spread(F, out, data.shape, axis, False))


@operator("moments", outputs=("mean", "var"))
def moments(data, *, axes: Maybe(Shape) = None, keepdims: bool = False):
    """Mean and variance over `axes`, which must be given.

    Outputs: dtype of `data`, without the reduced axes (of length 1 with `keepdims`)."""
    if not axes:
        raise ArgumentError(
            "Empty axes is not supported, if you would like to do global moments, please pass all axes to axes argument"
        )
    axes = reduced_axes("moments", axes, data.ndim)
    average = _mean(data, axes, True)
    variance = _mean(np.square(data - average), axes, True)
    shape = average.shape if keepdims else tuple(n for a, n in enumerate(data.shape) if a not in axes) or (1,)
    return [x.reshape(shape).astype(data.dtype, copy=False) for x in (average, variance)]


moments.infers(reduced)


@moments.gradient
def _(F, g, data, mean, axes):
    count, shape = max(1, _count(data.shape, axes, False)), data.shape
    centred = data - spread(F, mean, shape, axes, False)
    return spread(F, g[0] / count, shape, axes, False) + spread(F, g[1] * (2 / count), shape, axes, False) * centred


@operator("cumsum")
def cumsum(
    a,
    *,
    axis: Maybe(int) = None,
    dtype: Maybe(DType("float16", "float32", "float64", "int32", "int64", "int8")) = None,
):
    """The sums of the first elements along `axis`, or of the flattened array (axis=None).

    Output: shape of `a`, or flat; dtype `dtype`, or that of `a`."""
    if axis is not None:
        axis = normal_axis("cumsum", axis, a.ndim)
    return np.cumsum(a, axis, dtype or a.dtype)


@cumsum.infers
def _(shapes, attrs):
    if attrs["axis"] is not None:
        like_data(shapes, attrs)
    elif is_known(shapes.ins[0]):
        shapes.output((math.prod(shapes.ins[0]),))


@cumsum.gradient
def _(F, g, a_shape, a_dtype, axis):
    dx = F._backward_cumsum(g, axis=axis or 0)
    dx = F.Cast(dx, dtype=str(a_dtype)) if g.dtype != a_dtype else dx
    return F.reshape(dx, shape=a_shape)


@operator("_backward_cumsum", shape="same")
def backward_cumsum(data, *, axis: int = 0):
    """The sums of the last elements along `axis`.

    Output: shape and dtype of `data`."""
    axis = normal_axis("_backward_cumsum", axis, data.ndim)
    return np.ascontiguousarray(np.flip(np.cumsum(np.flip(data, axis), axis, data.dtype), axis))


@backward_cumsum.gradient
def _(F, g, axis):
    return F.cumsum(g, axis=axis)


# -- positions and counts ----------------------------------------------------------------------------------------------


def _position(name, function, doc):
    def compute(data, *, axis: Maybe(int) = None, keepdims: bool = False):
        if axis is not None:
            axis = normal_axis(name, axis, data.ndim)
        _not_empty(name, data, axis)
        result = np.asarray(function(data, axis, keepdims=keepdims))
        return (result if result.ndim else result.reshape(1)).astype(data.dtype)

    compute.__doc__ = doc + "\n\naxis: None for all, flattened. Output: dtype of `data`, as in MXNet."
    row = operator(name)(compute)
    row.no_gradient()
    row.infers(reduced)


_position("argmax", np.argmax, "The position of the largest value along an axis; the first, of equal ones.")
_position("argmin", np.argmin, "The position of the smallest value along an axis; the first, of equal ones.")


@operator("argmax_channel")
def argmax_channel(data):
    """The position of the largest value along axis 1.

    Output: dtype of `data`, without that axis."""
    if data.ndim < 2:
        raise ShapeError(f"argmax_channel takes an array of two axes or more, but got shape {list(data.shape)}")
    return np.argmax(_not_empty("argmax_channel", data, (1,)), 1).astype(data.dtype)


@operator("_histogram", outputs=("counts", "edges"), takes={"bins": lambda attrs: attrs["bin_cnt"] is None})
def histogram(data, bins=None, *, bin_cnt: Maybe(int) = None, range: Maybe(Floats) = None):
    """How many values fall into each bin; the last bin has its right edge, too.

    bins: the edges, one more than bins, ascending. Without: `bin_cnt` bins of one width over `range` (low, high).
    Outputs: counts (int64), edges (dtype of `data`)."""
    if bins is not None:
        edges = bins.astype(data.dtype)
    elif bin_cnt is None or range is None:
        raise ArgumentError(
            f"_histogram takes bins, or both bin_cnt and range, but got bin_cnt={bin_cnt}, range={range}"
        )
    elif not 1 <= bin_cnt < 2**31 or len(range) != 2 or not -math.inf < range[0] <= range[1] < math.inf:
        raise ArgumentError(
            f"_histogram takes bin_cnt >= 1 and range (low, high), but got bin_cnt={bin_cnt}, range={range}"
        )
    elif data.dtype in (np.float32, np.float64):
        return np.histogram(data, bin_cnt, range)
    else:
        edges = np.linspace(*range, bin_cnt + 1).astype(data.dtype)
    if edges.ndim != 1 or edges.size < 2 or not (edges[:-1] <= edges[1:]).all():
        raise ShapeError(
            f"_histogram takes two or more ascending edges on one axis, but got {_shown(edges)} in {data.dtype}"
        )
    counts, _ = np.histogram(data, edges)
    return counts, edges


def _shown(array):
    return np.array2string(array, threshold=8) if array.ndim == 1 else f"shape {list(array.shape)}"


@operator("_contrib_allclose")
def allclose(a, b, *, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = True):
    """1 if |a - b| <= atol + rtol |b| everywhere, else 0.

    a, b: of one shape and dtype. equal_nan: NaN equals NaN. Output: uint8, without axes."""
    check_same_dtype("_contrib_allclose", a, b)
    check_same_shape("_contrib_allclose", a, b)
    return np.array(np.allclose(a, b, rtol, atol, equal_nan), np.uint8)

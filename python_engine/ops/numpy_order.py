"""NumPy's positions, percentiles and counts."""

import math

import numpy as np

from ..attributes import Choice, Maybe
from ..errors import ArgumentError, ShapeError
from .numpy_common import (
    AXES,
    in_dtype,
    kept,
    normal_axes,
    normal_axis,
    numpy_operator,
    shown,
)


def _declare_position(name, function, doc):
    operator_name = f"_npi_{name}"

    def compute(data, *, axis: Maybe(int) = None, keepdims: bool = False):
        where = None if axis is None else normal_axis(operator_name, axis, data.ndim)
        if (data.size if where is None else data.shape[where]) == 0:
            raise ShapeError(f"attempt to get {name} of an empty sequence, of shape {list(data.shape)}")
        return function(data, where, keepdims=keepdims).astype(np.int64, copy=False)

    compute.__doc__ = f"{doc}; the first, of equal ones.\n\naxis: None for all, flattened. Output: int64."
    numpy_operator(operator_name)(compute).no_gradient()


_declare_position("argmax", np.argmax, "The position of the largest element along an axis")
_declare_position("argmin", np.argmin, "The position of the smallest element along an axis")


# -- order statistics --------------------------------------------------------------------------------------------------

METHODS = Choice("higher", "linear", "lower", "midpoint", "nearest")


def _ranks(q, length, interpolation):
    """Between which two of `length` values in order each percentile lies, and how far beyond the first."""
    place = q / 100 * (length - 1)
    low, high = np.floor(place), np.ceil(place)
    if interpolation == "lower":
        high = low
    elif interpolation == "higher":
        low = high
    elif interpolation == "nearest":
        low = high = np.around(place)
    share = (high - low) / 2 if interpolation == "midpoint" else place - low
    return low.astype(np.int64), high.astype(np.int64), np.where(high > low, share, 0.0)


@numpy_operator("_npi_percentile", fails=True)
def percentile(
    a,
    q=None,
    *,
    axis: AXES = None,
    interpolation: METHODS = "linear",
    keepdims: bool = False,
    q_scalar: Maybe(float) = None,
):
    """The values below which given percents of the elements lie, over axes.

    q: percents, a number as `q_scalar`, or an array without or with one axis, which comes first in the output.
    interpolation: between the two nearest elements. Output: float64 for float64, else float32."""
    percents = _percents(q, q_scalar)
    axes = normal_axes("_npi_percentile", axis, a.ndim)
    length = math.prod(a.shape[i] for i in axes)
    if length == 0:
        raise ShapeError(f"_npi_percentile over no elements, of an array of shape {list(a.shape)}")
    rest = tuple(n for i, n in enumerate(a.shape) if i not in axes)
    lines = np.sort(np.moveaxis(a, axes, range(-len(axes), 0)).reshape(*rest, length), -1)
    low, high, share = _ranks(percents.astype(np.float64).reshape(-1), length, interpolation)
    first, last = lines[..., low].astype(np.float64), lines[..., high].astype(np.float64)
    values = np.moveaxis(first + (last - first) * share, -1, 0)
    if a.dtype.kind == "f":
        values = np.where(np.isnan(lines[..., -1]), np.nan, values)
    shape = kept(a.shape, axes) if keepdims else rest
    dtype = np.float64 if a.dtype == np.float64 else np.float32
    return values.astype(dtype, copy=False).reshape((*percents.shape, *shape))


def _percents(q, q_scalar):
    if (q is None) == (q_scalar is None):
        raise ArgumentError("_npi_percentile takes percents either as the array q or as the number q_scalar")
    percents = np.array(q_scalar) if q is None else q
    if percents.ndim > 1:
        raise ShapeError(
            f"q is a number or a vector, but got shape {list(percents.shape)}, in operator _npi_percentile"
        )
    if not np.all((percents >= 0) & (percents <= 100)):
        raise ArgumentError(f"percents are from 0 to 100, but got {percents}, in operator _npi_percentile")
    return percents


def _into_percentile(F, g, a, q, axis, interpolation, q_scalar):
    """The elements in order are picked by their positions, so that a gradient flows to just those that were read."""
    axes = normal_axes("_npi_percentile", axis, len(a.shape))
    ndim, length = len(a.shape), math.prod(a.shape[i] for i in axes)
    order = (*(i for i in range(ndim) if i not in axes), *axes)
    rest = tuple(a.shape[i] for i in order[: ndim - len(axes)])
    lines = F._backward_reshape(F.transpose(a, axes=order) if order else a, shape=(*rest, length))
    place = F.argsort(lines, axis=-1, dtype="int64" if length > 1 << 24 else "int32")
    spreading = F._backward_percentile_weights(
        *(() if q is None else (q,)), length=length, interpolation=interpolation, q_scalar=q_scalar
    )
    count = spreading.shape[0]
    g = F._backward_reshape(in_dtype(F, g, a.dtype), shape=(count, math.prod(rest)))
    by_rank = F._backward_reshape(F.dot(g, in_dtype(F, spreading, a.dtype), transpose_a=True), shape=(*rest, length))
    flat = F._put_along(by_rank, place, axis=-1, size=length)
    moved = tuple(a.shape[i] for i in order)
    back = tuple(order.index(i) for i in range(ndim))
    result = F._backward_reshape(flat, shape=moved)
    return F.transpose(result, axes=back) if order else result


percentile.gradient("a")(_into_percentile)


@numpy_operator("_backward_percentile_weights")
def rank_weights(q=None, *, length: int, interpolation: METHODS, q_scalar: Maybe(float) = None):
    """For each percent a row of `length` weights by which it is made of the elements in order. Output: float64."""
    low, high, share = _ranks(_percents(q, q_scalar).astype(np.float64).reshape(-1), length, interpolation)
    result = np.zeros((len(low), length))
    rows = np.arange(len(low))
    np.add.at(result, (rows, low), 1 - share)
    np.add.at(result, (rows, high), share)
    return result


rank_weights.no_gradient()


@numpy_operator("_npi_median")
def median(a, *, axis: AXES = None, keepdims: bool = False):
    """The middle one of the elements in order, or the mean of the middle two, over axes.

    Output: float64 for float64, else float32. Source: numpy.median."""
    return percentile.forward(a, None, axis=axis, interpolation="linear", keepdims=keepdims, q_scalar=50.0)


@median.gradient
def _(F, g, a, axis):
    return _into_percentile(F, g, a, None, axis, "linear", 50.0)


@numpy_operator("_npi_bincount", shape="value", fails=True)
def bincount(data, weights=None, *, minlength: int = 0, has_weights: bool = False):
    """How often each of the numbers 0, 1, 2 ... occurs, or the sum of the `weights` where it does.

    data: integers from 0 on, one axis. minlength: of the output, at least. has_weights: accepted, of no effect.
    Output: dtype of `data`, or of `weights`."""
    if data.dtype.kind not in "iu":
        raise ArgumentError(f"Input data should be int type, but got {data.dtype}, in operator _npi_bincount")
    if data.ndim != 1 or (weights is not None and weights.shape != data.shape) or minlength < 0:
        raise ShapeError(
            f"takes a vector, weights of its shape and minlength >= 0, but got {shown(data)}, weights "
            f"{None if weights is None else list(weights.shape)}, minlength={minlength}, in operator _npi_bincount"
        )
    if data.size and data.min() < 0:
        raise ArgumentError(f"input should be nonnegative number, but got {data.min()}, in operator _npi_bincount")
    if data.size and data.max() > 1 << 32:
        raise ArgumentError(f"numbers up to {1 << 32} are counted, but got {data.max()}, in operator _npi_bincount")
    counts = np.bincount(data, weights, minlength)
    return counts.astype(data.dtype if weights is None else weights.dtype)


@bincount.gradient("weights")
def _(F, g, data):
    return F.take(g, data)

"""NumPy's reductions and moments. Without `axis` the result has the shape (); an empty tuple reduces nothing."""

import math

import numpy as np

from ..attributes import DType, Maybe
from ..errors import ArgumentError, ShapeError
from .common import number
from .lapack import factorize
from .numpy_common import (
    AXES,
    check_matrix,
    common_dtype,
    floating,
    in_dtype,
    normal_axes,
    numpy_operator,
    refuse_bool,
    spread,
)
from .sums import is_fast, sum_over

SUM_TYPES = Maybe(DType("bool", "float16", "float32", "float64", "int32", "int64", "int8"))
MEAN_TYPES = Maybe(DType("float16", "float32", "float64", "int32", "int64", "int8"))
FEW = 2048  # elements, fewer of which NumPy sums as fast


def _sum(data, axes, keepdims=False):
    """The sum over axes in the dtype of `data`; float16 is accumulated in float32."""
    if data.size < FEW or data.dtype.char not in "fd" or not axes or not is_fast(data):
        wide = np.float32 if data.dtype.char == "e" else data.dtype
        return np.add.reduce(data, axes, wide, None, keepdims).astype(data.dtype, copy=False)
    result = sum_over(data, axes)
    return result if keepdims else result.squeeze(axes)


def _mean(data, axes, keepdims=False):
    count = math.prod(data.shape[a] for a in axes)
    return np.true_divide(_sum(data, axes, keepdims), data.dtype.type(count))


def _no_initial(name, initial):
    if initial is not None:
        raise ArgumentError(f"initial is not supported yet, in operator {name}")


def _declare_accumulation(name, function, doc, *aliases):
    operator_name = f"_np_{name}"

    def compute(a, *, axis: AXES = None, dtype: SUM_TYPES = None, keepdims: bool = False, initial: Maybe(float) = None):
        _no_initial(operator_name, initial)
        axes = normal_axes(operator_name, axis, a.ndim)
        target = np.dtype(dtype or ("int64" if a.dtype.kind == "b" else a.dtype))
        return function(a.astype(target, copy=False), axes, keepdims)

    compute.__doc__ = f"{doc} over axes.\n\nOutput: `dtype`, or that of `a`; int64 for bool. initial: must be None."
    return numpy_operator(operator_name, *aliases)(compute)


def _product(data, axes, keepdims):
    wide = np.float32 if data.dtype.char == "e" else data.dtype
    return np.multiply.reduce(data, axes, wide, None, keepdims).astype(data.dtype, copy=False)


sum_ = _declare_accumulation("sum", _sum, "Sum")
prod = _declare_accumulation("prod", _product, "Product", "_np_product")


@sum_.gradient
def _(F, g, a_shape, a_dtype, axis):
    return in_dtype(F, spread(F, g, a_shape, normal_axes("_np_sum", axis, len(a_shape))), a_dtype)


@prod.gradient
def _(F, g, a, axis):
    return in_dtype(F, _into_product(F, in_dtype(F, a, g.dtype), g, axis), a.dtype)


def _into_product(F, a, g, axis):
    shape, ndim = a.shape, len(a.shape)
    axes = normal_axes("_np_prod", axis, ndim)
    order = (*(i for i in range(ndim) if i not in axes), *axes)
    moved = tuple(shape[i] for i in order)
    flat = (*moved[: ndim - len(axes)], math.prod(shape[i] for i in axes))
    others = F._product_of_others(F._backward_reshape(F.transpose(a, axes=order), shape=flat))
    back = tuple(order.index(i) for i in range(ndim))
    return F.transpose(F._backward_reshape(others, shape=moved), axes=back) * spread(F, g, shape, axes)


def _declare_extreme(name, function, doc, *aliases):
    operator_name = f"_np_{name}"

    def compute(a, *, axis: AXES = None, keepdims: bool = False, initial: Maybe(float) = None):
        _no_initial(operator_name, initial)
        axes = normal_axes(operator_name, axis, a.ndim)
        if 0 in [a.shape[i] for i in axes]:
            raise ShapeError(f"{operator_name} over no elements, of an array of shape {list(a.shape)}")
        return function(a, axes, None, None, keepdims)

    compute.__doc__ = f"{doc} over axes; NaN, if there is one.\n\nOutput: dtype of `a`. initial: must be None."
    row = numpy_operator(operator_name, *aliases)(compute)

    @row.gradient
    def _(F, g, a, out, axis):
        """Equal elements all receive the gradient, as in MXNet."""
        axes = normal_axes(operator_name, axis, len(a.shape))
        hit = F._npi_equal(a, spread(F, out, a.shape, axes))
        return spread(F, g, a.shape, axes) * in_dtype(F, hit, g.dtype)


_declare_extreme("max", np.maximum.reduce, "Largest element", "_np_amax")
_declare_extreme("min", np.minimum.reduce, "Smallest element", "_np_amin")


def _declare_truth(name, function, doc, *aliases):
    operator_name = f"_np_{name}"

    def compute(data, *, axis: AXES = None, keepdims: bool = False):
        return function(data, normal_axes(operator_name, axis, data.ndim), np.bool_, None, keepdims)

    compute.__doc__ = f"{doc} over axes.\n\nOutput: bool."
    numpy_operator(operator_name, *aliases)(compute).no_gradient()


_declare_truth("all", np.logical_and.reduce, "Whether all elements are not zero")
_declare_truth("any", np.logical_or.reduce, "Whether an element is not zero", "_np_sometrue")


# -- moments -----------------------------------------------------------------------------------------------------------


@numpy_operator("_npi_mean")
def mean(a, *, axis: AXES = None, dtype: SUM_TYPES = None, keepdims: bool = False, initial: Maybe(float) = None):
    """Mean over axes.

    Output: `dtype`, or that of `a`; float32 for integers and bool. initial: must be None."""
    _no_initial("_npi_mean", initial)
    axes = normal_axes("_npi_mean", axis, a.ndim)
    return _mean(_working(a), axes, keepdims).astype(_mean_type(a, dtype), copy=False)


def _mean_type(a, dtype):
    return np.dtype(dtype or (a.dtype if a.dtype.kind == "f" else "float32"))


def _working(a):
    """Floats to compute moments with: integers in float64, float16 in float32."""
    return a if a.dtype.char in "fd" else a.astype(np.float32 if a.dtype.char == "e" else np.float64)


@mean.gradient
def _(F, g, a_shape, a_dtype, axis):
    axes = normal_axes("_npi_mean", axis, len(a_shape))
    g = g if np.dtype(g.dtype).kind == "f" else in_dtype(F, g, "float32")
    count = math.prod(a_shape[i] for i in axes)
    return in_dtype(F, spread(F, g / max(1, count), a_shape, axes), a_dtype)


def _variance(a, axes, ddof):
    x = _working(a)
    squares = np.square(x - _mean(x, axes, True))
    count = math.prod(a.shape[i] for i in axes) - ddof
    return np.true_divide(_sum(squares, axes, True), number(float(max(0, count)), x.dtype))


def _declare_moment(name, function, doc):
    operator_name = f"_npi_{name}"

    def compute(a, *, axis: AXES = None, dtype: MEAN_TYPES = None, ddof: int = 0, keepdims: bool = False):
        refuse_bool(operator_name, a)
        axes = normal_axes(operator_name, axis, a.ndim)
        result = function(_variance(a, axes, ddof)).astype(np.dtype(dtype or a.dtype), copy=False)
        return result if keepdims else result.squeeze(axes)

    compute.__doc__ = (
        f"{doc} over axes.\n\nddof: what is taken from the number of elements that the sum is divided by. Output: "
        f"`dtype`, or that of `a`, so that integers are cut off."
    )
    return numpy_operator(operator_name)(compute)


var = _declare_moment("var", lambda x: x, "Variance")
std = _declare_moment("std", np.sqrt, "Standard deviation")


def _deviations(F, g, a, axis, ddof):
    """For each element its distance from the mean, and the gradient that comes in, both divided for the rule."""
    axes = normal_axes("_npi_var", axis, len(a.shape))
    g = spread(F, in_dtype(F, g, a.dtype), a.shape, axes)
    count = math.prod(a.shape[i] for i in axes) - ddof
    middle = spread(F, F._npi_mean(a, axis=axes), a.shape, axes)
    return a - middle, g / count if count > 0 else g * math.inf, axes


@var.gradient
def _(F, g, a, axis, ddof):
    distance, g, _ = _deviations(F, g, a, axis, ddof)
    return distance * g * 2


@std.gradient
def _(F, g, a, out, axis, ddof):
    distance, g, axes = _deviations(F, g, a, axis, ddof)
    return distance * g / spread(F, in_dtype(F, out, a.dtype), a.shape, axes)


@numpy_operator("_npi_average", outputs=("output", "sum_of_weights"), visible=lambda attrs: 1 + attrs["returned"])
def average(a, weights=None, *, axis: AXES = None, returned: bool = False, weighted: bool = True):
    """Mean of the elements with weights, over axes.

    weights: shape of `a`, or a vector as long as the one axis; without them, or with weighted=False, all are 1.
    returned: the sum of the weights is a second output. Output: the common dtype, integers cut off."""
    axes = normal_axes("_npi_average", axis, a.ndim)
    if weights is None or not weighted:
        count = math.prod(a.shape[i] for i in axes)
        return _mean(_working(a), axes).astype(a.dtype, copy=False), np.array(count, a.dtype)
    w = _placed_weights(a.shape, weights, axes)
    dtype = common_dtype(a, weights)
    x, w = _working(a.astype(dtype, copy=False)), _working(w.astype(dtype, copy=False))
    total = _sum(w, axes if weights.shape == a.shape else tuple(range(w.ndim)))
    return (_sum(x * w, axes) / total).astype(dtype, copy=False), total.astype(dtype, copy=False)


def _placed_weights(shape, weights, axes):
    """The weights with as many axes as the array."""
    if weights.shape == shape:
        return weights
    if weights.ndim != 1 or len(axes) != 1 or len(weights) != shape[axes[0]]:
        raise ShapeError(
            f"takes weights of the shape {list(shape)} of the array, or a vector as long as the one axis to average "
            f"over, but got {list(weights.shape)} for axes {list(axes)}, in operator _npi_average"
        )
    return weights.reshape([len(weights) if i == axes[0] else 1 for i in range(len(shape))])


@average.joint_gradient
def _(F, g, a, weights, output, axis, weighted, wanted):
    shape, (g, g_sum) = a.shape, g
    axes = normal_axes("_npi_average", axis, len(shape))
    if weights is None or not weighted:
        count = math.prod(shape[i] for i in axes)
        into = in_dtype(F, spread(F, g / max(1, count), shape, axes), a.dtype)
        return [into] if weights is None else [into, F.zeros_like(weights)]
    x, w = in_dtype(F, a, g.dtype), in_dtype(F, weights, g.dtype)
    placed = w if w.shape == shape else F._backward_reshape(w, shape=_placed_shape(shape, w.shape, axes))
    full = F._npi_broadcast_to(placed, shape=shape)
    total = F._np_sum(full, axis=axes)
    each = spread(F, g / total, shape, axes)
    into_a = in_dtype(F, each * full, a.dtype)
    into_w = None
    if wanted[1]:
        into_w = each * (x - spread(F, output, shape, axes))
        if w.shape != shape:
            others = tuple(i for i in range(len(shape)) if i != axes[0])
            into_w = F._np_sum(into_w, axis=others)
        own = spread(F, g_sum, shape, axes) if w.shape == shape else F._npi_broadcast_to(g_sum, shape=w.shape)
        into_w = in_dtype(F, into_w + own, weights.dtype)
    return [into_a, into_w]


def _placed_shape(shape, length, axes):
    return tuple(length[0] if i == axes[0] else 1 for i in range(len(shape)))


@numpy_operator("_npi_norm", fails=True)
def norm(data):
    """The largest singular value of matrices; ComputeError where they do not converge, as with NaN.

    data (..., n, m). Output: (...)."""
    check_matrix("_npi_norm", data)
    if 0 in data.shape[-2:]:
        raise ShapeError(f"matrices of shape {list(data.shape)} have no singular value, in operator _npi_norm")
    (x,) = floating(data)
    largest = factorize(
        "_npi_norm", lambda m: np.linalg.norm(m, 2, (-2, -1)), x, "the singular values did not converge"
    )
    return largest.astype(data.dtype if data.dtype.kind == "f" else x.dtype, copy=False)


@norm.gradient
def _(F, g, data):
    u, values, v = F._npi_svd(in_dtype(F, data, g.dtype))
    first = F._npi_eye(N=values.shape[-1], dtype=np.dtype(g.dtype).name)
    first = F._npi_slice(first, begin=(0,), end=(1,))
    weights = F._backward_reshape(g, shape=(*g.shape, 1)) * first if g.shape else first * g
    n = values.shape[-1]
    scaled = u * F._backward_reshape(weights, shape=(*values.shape[:-1], 1, n))
    return F._npi_matmul(scaled, v)

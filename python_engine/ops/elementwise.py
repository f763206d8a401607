"""Elementwise operators of one array, and the sum of any number of arrays. (Of two arrays: arithmetic.py)

Each function of one array is one row of `_UNARY`. The result has the dtype of the array; integers stay integers.
"""

import math

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..parallel import FAST_PIECE, PIECE
from ..registry import ZERO, operator
from .common import (
    FLOATS,
    SEVERAL,
    check_same_dtype,
    check_same_shape,
    elementwise,
    keep_dtype,
    maximum,
    minimum,
    number,
    widened,
)

ONE = {np.dtype(name): number(1.0, np.dtype(name)) for name in FLOATS}
ZEROS = {np.dtype(name): number(0.0, np.dtype(name)) for name in FLOATS}
LN2, LN10 = math.log(2), math.log(10)


def _floats(x):
    """Integers as float64."""
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _reciprocal(x, out=None):
    """By division, which takes half as long as np.reciprocal."""
    x = _floats(x)
    return np.divide(ONE[x.dtype], x, out=out)


def _rcbrt(x, out=None):
    out = np.cbrt(x, out=out)
    return _reciprocal(out, out)


def _relu(x, out=None):
    return maximum(x, ZEROS[x.dtype], out) if x.dtype in ZEROS else np.maximum(x, 0)


def _rint(x, out=None):
    """MXNet sends halves downwards."""
    if x.dtype.kind != "f":
        return x.copy()
    floor = np.floor(x)
    return np.add(floor, x - floor > 0.5, out=out)


def _round(x, out=None):
    """Half away from zero, as C's round; adding a half first would round 0.49999997 up."""
    if x.dtype.kind != "f":
        return x.copy()
    whole = np.trunc(x)
    return np.add(whole, np.copysign(np.abs(x - whole) >= 0.5, x), out=out)


def _rsqrt(x, out=None):
    out = np.sqrt(x, out=out)
    return _reciprocal(out, out)


def _sigmoid(x, out=None):
    """By exp, though tanh is faster: of a negative x, that would lose the digits that log(sigmoid(x)) needs."""
    out = np.negative(_floats(x), out=out)
    np.exp(out, out)
    np.add(out, ONE[out.dtype], out)
    return _reciprocal(out, out)


def _sign(x, out=None):
    """Of NaN, 0: it is neither above nor below."""
    out = np.sign(x, out=out)
    if x.dtype.kind == "f":
        np.copyto(out, 0, where=np.isnan(out))
    return out


def _softsign(x, out=None):
    x = _floats(x)
    bottom = np.abs(x)
    np.add(bottom, ONE[bottom.dtype], bottom)
    return np.divide(x, bottom, bottom if out is None else out)


FAST = {np.abs, np.ceil, np.degrees, np.floor, np.negative, np.radians, np.sqrt, np.square, np.trunc, _relu}

_UNARY = [
    ("abs _sparse_abs", np.abs, lambda F, g, data: g * F.sign(data), "Absolute value."),
    ("arccos _sparse_arccos", np.arccos, lambda F, g, data: -g * F.rsqrt(1 - data * data), "Inverse cosine, radians."),
    ("arccosh _sparse_arccosh", np.arccosh, lambda F, g, data: g * F.rsqrt(data * data - 1),
     "Inverse hyperbolic cosine."),
    ("arcsin _sparse_arcsin", np.arcsin, lambda F, g, data: g * F.rsqrt(1 - data * data), "Inverse sine, radians."),
    ("arcsinh _sparse_arcsinh", np.arcsinh, lambda F, g, data: g * F.rsqrt(data * data + 1),
     "Inverse hyperbolic sine."),
    ("arctan _sparse_arctan", np.arctan, lambda F, g, data: g / (data * data + 1), "Inverse tangent, radians."),
    ("arctanh _sparse_arctanh", np.arctanh, lambda F, g, data: g / (1 - data * data), "Inverse hyperbolic tangent."),
    ("cbrt _sparse_cbrt", np.cbrt, lambda F, g, out: g / (3 * out * out), "Cube root."),
    ("ceil _sparse_ceil", np.ceil, ZERO, "Smallest integer not below."),
    ("cos _sparse_cos", np.cos, lambda F, g, data: -g * F.sin(data), "Cosine of radians."),
    ("cosh _sparse_cosh", np.cosh, lambda F, g, data: g * F.sinh(data), "Hyperbolic cosine."),
    ("degrees _sparse_degrees", np.degrees, lambda F, g: g * (180 / math.pi), "Radians to degrees."),
    ("exp _sparse_exp", np.exp, lambda F, g, out: g * out, "Exponential."),
    ("expm1 _sparse_expm1", np.expm1, lambda F, g, data: g * F.exp(data), "exp(x) - 1."),
    ("fix _sparse_fix", np.trunc, ZERO, "Nearest integer towards zero."),
    ("floor _sparse_floor", np.floor, ZERO, "Largest integer not above."),
    ("log _sparse_log", np.log, lambda F, g, data: g / data, "Natural logarithm."),
    ("log10 _sparse_log10", np.log10, lambda F, g, data: g / (data * LN10), "Logarithm to base 10."),
    ("log1p _sparse_log1p", np.log1p, lambda F, g, data: g / (data + 1), "log(1 + x)."),
    ("log2 _sparse_log2", np.log2, lambda F, g, data: g / (data * LN2), "Logarithm to base 2."),
    ("logical_not", np.logical_not, ZERO, "1 where zero, else 0."),
    ("negative _sparse_negative", np.negative, lambda F, g: -g, "Negation."),
    ("radians _sparse_radians", np.radians, lambda F, g: g * (math.pi / 180), "Degrees to radians."),
    ("rcbrt", _rcbrt, lambda F, g, data, out: g * out / (data * -3.0), "1 / cube root."),
    ("reciprocal", _reciprocal, lambda F, g, out: -g * (out * out), "1 / x."),
    ("relu _sparse_relu", _relu, lambda F, g, out: F._backward_relu(g, out), "max(x, 0)."),
    ("rint _sparse_rint", _rint, ZERO, "Nearest integer; halves downwards."),
    ("round _sparse_round", _round, ZERO, "Nearest integer; halves away from zero."),
    ("rsqrt _sparse_rsqrt", _rsqrt, lambda F, g, data, out: g * out / (-2 * data), "1 / square root."),
    ("sigmoid _sparse_sigmoid", _sigmoid, lambda F, g, out: F._backward_sigmoid(g, out), "1 / (1 + exp(-x))."),
    ("sign _sparse_sign", _sign, ZERO, "-1, 0 or 1."),
    ("sin _sparse_sin", np.sin, lambda F, g, data: g * F.cos(data), "Sine of radians."),
    ("sinh _sparse_sinh", np.sinh, lambda F, g, data: g * F.cosh(data), "Hyperbolic sine."),
    ("softsign", _softsign, lambda F, g, data: g / F.square(F.abs(data) + 1), "x / (1 + |x|)."),
    ("sqrt _sparse_sqrt", np.sqrt, lambda F, g, out: g / (out + out), "Square root."),
    ("square _sparse_square", np.square, lambda F, g, data: g * (data + data), "x²."),
    ("tan _sparse_tan", np.tan, lambda F, g, out: g * (out * out + 1), "Tangent of radians."),
    ("tanh _sparse_tanh", np.tanh, lambda F, g, out: F._backward_tanh(g, out), "Hyperbolic tangent."),
    ("trunc _sparse_trunc", np.trunc, ZERO, "Integer part."),
]  # fmt: skip


def _declare_unary(names, function, rule, doc):
    name, *aliases = names.split()
    compute = keep_dtype(function, FAST_PIECE if function in FAST else PIECE)
    compute.__doc__ = doc + "\n\nOutput: shape and dtype of `data`."
    row = operator(name, *aliases, shape="same")(compute)
    if rule is ZERO:
        row.no_gradient()
    else:
        row.gradient(rule)


for _row in _UNARY:
    _declare_unary(*_row)


# Gradients of what networks use most, as operators of their own: one array is allocated instead of one for each step.
# `slope` computes f' from f's output; `bend` is the derivative of that slope by the output, in operators.


def _relu_slope(out, into=None):
    """1 where positive; NaN stays NaN, as in MXNet. (np.sign takes four times as long.)"""
    slope = minimum(out, ONE[out.dtype], into)
    return np.ceil(slope, slope)


def _sigmoid_slope(out, into=None):
    slope = np.subtract(ONE[out.dtype], out, out=into)
    return np.multiply(slope, out, slope)


def _tanh_slope(out, into=None):
    slope = np.square(out, out=into)
    return np.subtract(ONE[out.dtype], slope, slope)


def _declare_slope(name, slope, bend):
    def steep(ograd, y, out=None):
        out = slope(y, out)
        return np.multiply(out, ograd, out)

    def compute(ograd, out):
        y = _floats(widened(out))
        if y.size < SEVERAL or ograd.dtype is not y.dtype or ograd.shape != y.shape:
            result = steep(ograd, y)
        else:
            result = elementwise(steep, ograd, y)
        return result if result.dtype is ograd.dtype else result.astype(ograd.dtype)

    compute.__doc__ = (
        f"The gradient of {name}, from its output: `ograd` times the slope.\n\nShape and dtype of `ograd`."
    )
    row = operator(f"_backward_{name}", shape="same")(compute)
    row.gradient("ograd")(lambda F, g, out: getattr(F, row.name)(g, out))
    if bend is not ZERO:
        row.gradient("out")(lambda F, g, ograd, out: g * ograd * bend(out))


_declare_slope("relu", _relu_slope, ZERO)
_declare_slope("sigmoid", _sigmoid_slope, lambda out: 1 - 2 * out)
_declare_slope("tanh", _tanh_slope, lambda out: -2 * out)


@operator("clip", "_sparse_clip", shape="same")
def clip(data, *, a_min: float, a_max: float, out=None):
    """Limit values to [a_min, a_max]: what is above becomes a_max, else what is below a_min; a bound NaN is none.

    Output: shape and dtype of `data`."""
    if not a_min <= a_max:
        return np.where(data > a_max, a_max, np.where(data < a_min, a_min, data)).astype(data.dtype)
    if data.dtype.kind == "f":
        return np.clip(data, number(a_min, data.dtype), number(a_max, data.dtype), out=out)
    if data.dtype.kind == "b":
        raise ArgumentError("clip takes an array of numbers, but got bool")
    limits = np.iinfo(data.dtype)
    low, high = (int(max(limits.min, min(limits.max, limit))) for limit in (a_min, a_max))
    return np.clip(data, low, high)


@clip.gradient
def _(F, g, data, out):
    return g * F._equal(data, out)


@operator("hard_sigmoid", shape="same")
def hard_sigmoid(data, *, alpha: float = 0.2, beta: float = 0.5):
    """alpha * x + beta, limited to [0, 1].

    data: floats. Output: shape and dtype of `data`."""
    if data.dtype.kind != "f":
        raise ArgumentError(f"hard_sigmoid only supports floating point types, but got {data.dtype}")
    out = data * alpha + beta
    return np.clip(out, 0, 1, out=out).astype(data.dtype, copy=False)


@hard_sigmoid.gradient
def _(F, g, out, alpha):
    return g * (out > 0) * (out < 1) * alpha


@operator("smooth_l1", shape="same")
def smooth_l1(data, *, scalar: float = 1.0):
    """(s x)² / 2 where |x| < 1 / s², else |x| - 1 / (2 s²), with s = `scalar`: Girshick's loss ("Fast R-CNN", 2015).

    Output: shape and dtype of `data`."""
    square = scalar * scalar
    limit = 1 / square if square else math.inf
    near = np.clip(data, -limit, limit)
    return (square * near * (data - near / 2)).astype(data.dtype, copy=False)


@smooth_l1.gradient
def _(F, g, data, scalar):
    return g * F.clip(data * (scalar * scalar), a_min=-1.0, a_max=1.0)


@operator("BlockGrad", "_sparse_stop_gradient", "stop_gradient", shape="same", views=True)
def block_grad(data):
    """The input itself; no gradient flows through."""
    return data


block_grad.no_gradient()


@operator("_copy", "identity", shape="same")
def copy(data):
    """A copy."""
    return data.copy()


@copy.gradient
def _(F, g):
    return g


@operator("_identity_with_attr_like_rhs", shape="equal")
def identity_with_attr_like_rhs(lhs, rhs):
    """A copy of `lhs`, where `rhs` says what shape and dtype that has."""
    check_same_dtype("_identity_with_attr_like_rhs", lhs, rhs)
    check_same_shape("_identity_with_attr_like_rhs", lhs, rhs)
    return lhs.copy()


@identity_with_attr_like_rhs.gradient("lhs")
def _(F, g):
    return g


@operator("add_n", "ElementWiseSum", "_sparse_ElementWiseSum", "_sparse_add_n", shape="equal")
def add_n(*args, num_args: int = 0, out=None):
    """Sum of any number of arrays of one shape and dtype.

    num_args: how many; 0: as many as there are."""
    if num_args not in (0, len(args)) or not args:
        raise ShapeError(f"add_n takes num_args={num_args} arrays, at least 1, but got {len(args)}")
    total = args[0] if out is args[0] and all(x is not out for x in args[1:]) else args[0].copy()
    for other in args[1:]:
        check_same_dtype("add_n", total, other)
        check_same_shape("add_n", total, other)
        np.add(total, other, total)
    return total


@add_n.gradient
def _(F, g, args_shapes):
    return [g] * len(args_shapes)

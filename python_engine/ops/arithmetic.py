"""Elementwise operators of two arrays (of one shape, or broadcasting), and of an array and a number.

Each function is one row of `_BINARY`, from which come `elemwise_x`, `broadcast_x`, `_x_scalar` and `_rx_scalar`. The
result has the dtype of the (first) array; integers stay integers.
"""

import math

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..parallel import FAST_PIECE, PIECE, SHARED
from ..registry import ZERO, operator
from .common import (
    NUMBERS,
    check_same_dtype,
    check_same_shape,
    elementwise,
    key_of_zero,
    maximum,
    minimum,
    number,
    reduce_to,
    widened,
)


def _into_dtype(result, lhs, rhs):
    return result.astype(lhs.dtype)


def _int_div(result, lhs, rhs):
    """C's division of integers (towards zero); where MXNet's process would die of a zero divisor, 0."""
    quotient = np.floor_divide(lhs, rhs)
    return quotient + ((quotient < 0) & (quotient * rhs != lhs))


def remainder(x, y, out=None):
    """Python's remainder, but 0 for a divisor 0."""
    zero = np.equal(y, 0) if x.dtype.kind == "f" else None
    out = np.asarray(np.mod(x, y, out=out))  # of two arrays without axes, NumPy makes a number
    if zero is not None:
        np.copyto(out, 0, where=zero)
    return out


def power(x, y, out=None):
    """C's pow; of integers, computed in float64 and truncated."""
    if x.dtype.kind != "f":
        return np.power(x.astype(np.float64), y)
    known = _POWERS.get(y.item()) if y.ndim == 0 else None
    return known(x, out=out) if known else np.power(x, y, out=out)


def _cube(x, out=None):
    square = np.asarray(np.square(x))
    return np.multiply(square, x, out=square if out is None else out)


def _fourth(x, out=None):
    out = np.asarray(np.square(x, out=out))
    return np.square(out, out)


# for NumPy's general power takes a hundred times as long as these
_POWERS = {-1.0: np.reciprocal, 0.5: np.sqrt, 1.0: np.positive, 2.0: np.square, 3.0: _cube, 4.0: _fourth}


def _hypot(x, y, out=None):
    return np.hypot(widened(x), y, out=out)


def _log(x):
    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan


# doc; names: of one shape, broadcasting, with a number, with the number first; function;
# gradient rules: of lhs and of rhs, of the array with a number and with the number first (where those are not lhs's
# and rhs's rule with `data` and `scalar` for names); what makes another dtype lhs's
_BINARY = [
    ("Sum.", "elemwise_add _Plus _add _plus _sparse_elemwise_add",
     "broadcast_add _sparse_broadcast_add _sparse_broadcast_plus broadcast_plus",
     "_plus_scalar _PlusScalar", "", np.add, lambda F, g: g, lambda F, g: g),
    ("Difference.", "elemwise_sub _Minus _minus _sparse_elemwise_sub _sub",
     "broadcast_sub _sparse_broadcast_minus _sparse_broadcast_sub broadcast_minus",
     "_minus_scalar _MinusScalar", "_rminus_scalar _RMinusScalar",
     np.subtract, lambda F, g: g, lambda F, g: -g),
    ("Product.", "elemwise_mul _Mul _mul _sparse_elemwise_mul", "broadcast_mul _sparse_broadcast_mul",
     "_mul_scalar _MulScalar", "",
     np.multiply, lambda F, g, rhs: g * rhs, lambda F, g, lhs: g * lhs,
     lambda F, g, scalar: F._mul_scalar(g, scalar=scalar)),
    ("Quotient; of integers, towards zero, and 0 for a divisor 0.",
     "elemwise_div _Div _div _sparse_elemwise_div", "broadcast_div _sparse_broadcast_div",
     "_div_scalar _DivScalar", "_rdiv_scalar _RDivScalar",
     np.true_divide, lambda F, g, rhs: g / rhs, lambda F, g, lhs, rhs: -g * lhs / (rhs * rhs),
     lambda F, g, scalar: F._div_scalar(g, scalar=scalar), lambda F, g, data, out: -g * out / data, _int_div),
    ("Remainder with the divisor's sign; 0 for a divisor 0.",
     "_mod _Mod", "broadcast_mod", "_mod_scalar _ModScalar", "_rmod_scalar _RModScalar",
     remainder, lambda F, g: g, lambda F, g, lhs, rhs: -g * F.floor(lhs / rhs)),
    ("lhs ** rhs; of integers, truncated.",
     "_power _Power", "broadcast_power", "_power_scalar _PowerScalar", "_rpower_scalar _RPowerScalar",
     power, lambda F, g, lhs, rhs: g * rhs * F.broadcast_power(lhs, rhs - 1),
     lambda F, g, lhs, out: g * out * F.log(lhs),
     lambda F, g, data, scalar: g * (F._power_scalar(data, scalar=scalar - 1) * scalar),
     lambda F, g, scalar, out: g * out * _log(scalar)),
    ("The larger.", "_maximum _Maximum", "broadcast_maximum", "_maximum_scalar _MaximumScalar", "",
     maximum, lambda F, g, lhs, rhs: g * F.broadcast_greater_equal(lhs, rhs),
     lambda F, g, lhs, rhs: g * F.broadcast_lesser(lhs, rhs),
     lambda F, g, data, scalar: g * F._greater_equal_scalar(data, scalar=scalar)),
    ("The smaller.", "_minimum _Minimum", "broadcast_minimum", "_minimum_scalar _MinimumScalar", "",
     minimum, lambda F, g, lhs, rhs: g * F.broadcast_lesser_equal(lhs, rhs),
     lambda F, g, lhs, rhs: g * F.broadcast_greater(lhs, rhs),
     lambda F, g, data, scalar: g * F._lesser_equal_scalar(data, scalar=scalar)),
    ("sqrt(lhs² + rhs²).", "_hypot _Hypot", "broadcast_hypot", "_hypot_scalar _HypotScalar", "",
     _hypot, lambda F, g, lhs, out: g * lhs / out, lambda F, g, rhs, out: g * rhs / out),
    ("1 where equal, else 0.", "_equal _Equal", "broadcast_equal", "_equal_scalar _EqualScalar", "",
     np.equal, ZERO, ZERO),
    ("1 where different, else 0.", "_not_equal _Not_Equal", "broadcast_not_equal", "_not_equal_scalar _NotEqualScalar",
     "", np.not_equal, ZERO, ZERO),
    ("1 where lhs > rhs, else 0.", "_greater _Greater", "broadcast_greater", "_greater_scalar _GreaterScalar", "",
     np.greater, ZERO, ZERO),
    ("1 where lhs >= rhs, else 0.", "_greater_equal _Greater_Equal", "broadcast_greater_equal",
     "_greater_equal_scalar _GreaterEqualScalar", "", np.greater_equal, ZERO, ZERO),
    ("1 where lhs < rhs, else 0.", "_lesser _Lesser", "broadcast_lesser", "_lesser_scalar _LesserScalar", "",
     np.less, ZERO, ZERO),
    ("1 where lhs <= rhs, else 0.", "_lesser_equal _Lesser_Equal", "broadcast_lesser_equal",
     "_lesser_equal_scalar _LesserEqualScalar", "", np.less_equal, ZERO, ZERO),
    ("1 where both are not zero, else 0.", "_logical_and _Logical_And", "broadcast_logical_and",
     "_logical_and_scalar _LogicalAndScalar", "", np.logical_and, ZERO, ZERO),
    ("1 where one is not zero, else 0.", "_logical_or _Logical_Or", "broadcast_logical_or",
     "_logical_or_scalar _LogicalOrScalar", "", np.logical_or, ZERO, ZERO),
    ("1 where just one is not zero, else 0.", "_logical_xor _Logical_Xor", "broadcast_logical_xor",
     "_logical_xor_scalar _LogicalXorScalar", "", np.logical_xor, ZERO, ZERO),
]  # fmt: skip


def _declare(
    doc,
    elemwise,
    broadcast,
    scalar,
    reverse,
    function,
    left,
    right,
    of_array=None,
    of_array_last=None,
    settle=_into_dtype,
):
    name, broadcast_name = elemwise.split()[0], broadcast.split()[0]
    piece = PIECE if function in (remainder, power, _hypot) else FAST_PIECE
    large = SHARED * piece

    def on_one_shape(lhs, rhs, *, out=None):
        if lhs.shape != rhs.shape:
            check_same_shape(name, lhs, rhs)
        return broadcasting(lhs, rhs, out=out)

    def broadcasting(lhs, rhs, *, out=None):
        if lhs.dtype is not rhs.dtype:
            check_same_dtype(broadcast_name, lhs, rhs)
        try:
            if lhs.dtype.kind != "f":
                result = function(lhs, rhs)
            elif lhs.size < large or lhs.shape != rhs.shape:
                result = function(lhs, rhs) if out is None else function(lhs, rhs, out=out)
            else:
                return elementwise(function, lhs, rhs, piece=piece, out=out)
        except (ValueError, TypeError):
            raise _refusal(broadcast_name, lhs, rhs) from None
        return result if result.dtype is lhs.dtype else settle(result, lhs, rhs)

    def with_number(data, *, scalar: float = 1.0, is_int: bool = True, out=None):
        try:
            operand = NUMBERS[data.dtype][scalar or key_of_zero(scalar)]
        except KeyError:
            data, operand = operands(data, scalar, is_int)
        if data.size >= large and data.dtype.kind == "f":
            result = elementwise(lambda x, out=None: function(x, operand, out=out), data, piece=piece, out=out)
        elif out is None or data.dtype.kind != "f":
            result = function(data, operand)
        else:
            result = function(data, operand, out=out)
        return result if result.dtype is data.dtype else settle(result, data, operand)

    def number_first(data, *, scalar: float = 1.0, is_int: bool = True, out=None):
        data, operand = operands(data, scalar, is_int)
        if data.size >= large and data.dtype.kind == "f":
            result = elementwise(lambda x, out=None: function(operand, x, out=out), data, piece=piece, out=out)
        elif out is None or data.dtype.kind != "f":
            result = function(operand, data)
        else:
            result = function(operand, data, out=out)
        return result if result.dtype is data.dtype else settle(result, operand, data)

    on_one_shape.__doc__ = doc + "\n\nBoth arrays have one shape and dtype; so has the output."
    broadcasting.__doc__ = doc + "\n\nThe arrays have one dtype and broadcast together, aligned at the last axis."
    with_number.__doc__ = doc + "\n\nrhs is the number `scalar`; with `is_int` an integer array stays one."
    number_first.__doc__ = doc + "\n\nlhs is the number `scalar`, rhs the array."
    rows = [
        operator(*elemwise.split(), shape="equal")(on_one_shape),
        operator(*broadcast.split(), shape="broadcast")(broadcasting),
        operator(*scalar.split(), shape="scalar")(with_number),
    ]
    if reverse:
        rows.append(operator(*reverse.split(), shape="scalar")(number_first))
    if left is ZERO:
        for row in rows:
            row.no_gradient()
        return
    rows[0].gradient("lhs")(left)
    rows[0].gradient("rhs")(right)
    rows[1].gradient("lhs")(_with_shape(left, "lhs"))
    rows[1].gradient("rhs")(_with_shape(right, "rhs"))
    rows[2].gradient(of_array or _for_number(left, "lhs", "rhs"))
    if reverse:
        rows[3].gradient(of_array_last or _for_number(right, "rhs", "lhs"))


def _refusal(name, lhs, rhs):
    """Why NumPy would not compute `name` of these arrays."""
    if lhs.dtype.kind == "b":
        return ArgumentError(f"Operator {name} does not support boolean type")
    return ShapeError(
        f"Check failed: l == 1 || r == 1: operands could not be broadcast together with shapes "
        f'{list(lhs.shape)} {list(rhs.shape)} in operator {name}(name="")'
    )


def operands(data, scalar, is_int):
    """An array and a number as MXNet takes them: of the array's dtype; with `is_int` false, integers as float64."""
    if data.dtype.kind == "f":
        return data, number(scalar, data.dtype)
    if not is_int:
        return data.astype(np.float64), np.array(scalar)
    if data.dtype.kind == "b":
        data = data.astype(np.int64)
    return data, np.array(scalar).astype(np.int64).astype(data.dtype)


def _with_shape(rule, side):
    """The rule with its result summed to the shape of the side it belongs to."""
    names = rule.__code__.co_varnames[2 : rule.__code__.co_argcount]

    def undo(F, g, shape, *values):
        g = rule(F, g, *values)
        return g if g.shape == shape else reduce_to(F, g, shape)

    return _renamed(undo, f"{side}_shape", *names)


def _for_number(rule, array, number):
    """The rule of a function of two arrays where the other one is the attribute `scalar`."""
    names = rule.__code__.co_varnames[2 : rule.__code__.co_argcount]
    renamed = [{array: "data", number: "scalar"}.get(name, name) for name in names]
    return _renamed(lambda F, g, *values: rule(F, g, *values), *renamed)


def _renamed(function, *names):
    """`function` whose values after F and g are asked for by these names (see registry.Rule)."""
    function.asks = names
    return function


for _row in _BINARY:
    _declare(*_row)


@operator("_grad_add", shape="equal")
def grad_add(lhs, rhs):
    """Sum of two arrays of one shape and dtype, without a gradient."""
    check_same_dtype("_grad_add", lhs, rhs)
    check_same_shape("_grad_add", lhs, rhs)
    return lhs + rhs

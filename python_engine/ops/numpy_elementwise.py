"""NumPy's elementwise operators: arrays of several dtypes, results in bool, and what 1.x does not have.

Dtypes mix as MXNet mixes them (see `common_dtype`). Each function of two arrays is a row of `_BINARY`, from which come
`_npi_x`, `_npi_x_scalar` and, where the order matters, `_npi_rx_scalar`.
"""

import math

import numpy as np

from ..attributes import Maybe
from ..errors import ArgumentError
from ..registry import ZERO
from .arithmetic import operands, power, remainder
from .common import widened
from .numpy_common import (
    back_to,
    broadcast_shape,
    common_dtype,
    in_dtype,
    numpy_operator,
    refuse_bool,
)

LN2 = math.log(2)


def _integers(name, *arrays):
    for x in arrays:
        if x.dtype.kind not in "iub":
            raise ArgumentError(f"This operation only support integer types, not {x.dtype}, in operator {name}")


def _floats(name, *arrays):
    for x in arrays:
        if x.dtype.kind != "f":
            raise ArgumentError(f"Do not support `int` as input: takes arrays of floats, but got {x.dtype}, in {name}")


def _numbers(name, *arrays):
    if all(x.dtype.kind == "b" for x in arrays):
        refuse_bool(name, *arrays)


def _anything(name, *arrays):
    pass


def _ldexp(x, y):
    return x * np.exp2(widened(y)) if x.dtype.kind == "f" else x * np.exp2(y.astype(np.float64))


def _lcm(x, y):
    return x & y if x.dtype.kind == "b" else np.lcm(x, y)


def _sign_of(F, x):
    """1 or -1, also of 0 and -0."""
    return F._npi_copysign(F.ones_like(x), x)


def _into_copysign(F, g, lhs, rhs):
    return g * _sign_of(F, lhs) * _sign_of(F, rhs)


# name; function; what dtypes it takes; gradient rules of lhs and of rhs; dtype of the result: None for the common one,
# "float" or "bool"; forms with a number: none but those of 1.x (None), with the number last (""), first as well ("r")
_BINARY = [
    ("add", np.add, _anything, lambda F, g: g, lambda F, g: g, None, None, "Sum; of bool, `or`."),
    ("subtract", np.subtract, _numbers, lambda F, g: g, lambda F, g: -g, None, None, "Difference."),
    ("multiply", np.multiply, _anything, lambda F, g, rhs: g * rhs, lambda F, g, lhs: g * lhs, None, None,
     "Product; of bool, `and`."),
    ("mod", remainder, _numbers, lambda F, g: g, lambda F, g, lhs, rhs: -g * F.floor(lhs / rhs), None, None,
     "Remainder with the divisor's sign; 0 for a divisor 0."),
    ("power", power, _anything, lambda F, g, lhs, rhs: g * rhs * lhs ** (rhs - 1),
     lambda F, g, lhs, rhs: g * lhs**rhs * F.log(lhs), None, None, "lhs ** rhs; of integers, truncated."),
    ("true_divide", np.true_divide, _anything, lambda F, g, rhs: g / rhs,
     lambda F, g, lhs, rhs: -g * lhs / (rhs * rhs), "float", "r", "Quotient; of integers, a float32."),
    ("copysign", np.copysign, _numbers, _into_copysign, ZERO, None, "r", "The size of lhs with the sign of rhs."),
    ("arctan2", np.arctan2, _floats, lambda F, g, lhs, rhs: g * rhs / (lhs * lhs + rhs * rhs),
     lambda F, g, lhs, rhs: -g * lhs / (lhs * lhs + rhs * rhs), None, "r", "The angle of (rhs, lhs), radians."),
    ("hypot", np.hypot, _floats, lambda F, g, lhs, rhs: g * lhs / (lhs * lhs + rhs * rhs) ** 0.5,
     lambda F, g, lhs, rhs: g * rhs / (lhs * lhs + rhs * rhs) ** 0.5, None, None, "sqrt(lhs² + rhs²)."),
    ("ldexp", _ldexp, _numbers, lambda F, g, rhs: g * 2**rhs, lambda F, g, lhs, rhs: g * lhs * 2**rhs * LN2,
     None, "r", "lhs * 2**rhs."),
    ("lcm", _lcm, _integers, ZERO, ZERO, None, "", "Least common multiple of integers."),
    ("bitwise_and", np.bitwise_and, _integers, ZERO, ZERO, None, "", "The bits set in both integers."),
    ("bitwise_or", np.bitwise_or, _integers, ZERO, ZERO, None, "", "The bits set in one of two integers."),
    ("bitwise_xor", np.bitwise_xor, _integers, ZERO, ZERO, None, "", "The bits set in just one of two integers."),
    ("equal", np.equal, _anything, ZERO, ZERO, "bool", "", "Whether equal."),
    ("not_equal", np.not_equal, _anything, ZERO, ZERO, "bool", "", "Whether different."),
    ("greater", np.greater, _anything, ZERO, ZERO, "bool", "", "Whether lhs > rhs."),
    ("greater_equal", np.greater_equal, _anything, ZERO, ZERO, "bool", "", "Whether lhs >= rhs."),
    ("less", np.less, _anything, ZERO, ZERO, "bool", "", "Whether lhs < rhs."),
    ("less_equal", np.less_equal, _anything, ZERO, ZERO, "bool", "", "Whether lhs <= rhs."),
]  # fmt: skip
_X1_X2 = ("arctan2", "hypot")  # whose arrays MXNet calls x1 and x2


def _declare_binary(name, function, check, left, right, result, scalars, doc):
    both, number, first = f"_npi_{name}", f"_npi_{name}_scalar", f"_npi_r{name}_scalar"

    def compute(lhs, rhs, operator_name):
        check(operator_name, lhs, rhs)
        broadcast_shape(operator_name, lhs, rhs)
        dtype = common_dtype(lhs, rhs)
        values = function(lhs.astype(dtype, copy=False), rhs.astype(dtype, copy=False))
        return values.astype(_result(result, dtype), copy=False)

    def of_arrays(lhs, rhs):
        return compute(lhs, rhs, both)

    def with_number(data, *, scalar: float = 1.0, is_int: bool = True):
        return _compute_scalar(number, data, scalar, is_int, function, check, result, False)

    def number_first(data, *, scalar: float = 1.0, is_int: bool = True):
        return _compute_scalar(first, data, scalar, is_int, function, check, result, True)

    if name in _X1_X2:

        def of_arrays(x1, x2):
            return compute(x1, x2, both)

    kind = {"bool": "bool", "float": "floats"}.get(result, "the common dtype of the arrays")
    of_arrays.__doc__ = f"{doc}\n\nOutput: the shape that the arrays broadcast to, {kind}."
    with_number.__doc__ = (
        f"{doc} rhs is the number `scalar`.\n\nis_int: an integer array stays one; else it gives float64."
    )
    number_first.__doc__ = f"{doc} lhs is the number `scalar`, rhs the array."
    rows = [numpy_operator(both)(of_arrays)]
    if scalars is not None:
        rows.append(numpy_operator(number)(with_number))
    if scalars == "r":
        rows.append(numpy_operator(first)(number_first))
    if left is ZERO:
        for row in rows:
            row.no_gradient()
        return
    names = rows[0].inputs
    rows[0].gradient(names[0])(_rule(left, names, names[0]))
    if right is not ZERO:
        rows[0].gradient(names[1])(_rule(right, names, names[1]))
    if len(rows) > 1:
        rows[1].gradient(_scalar_rule(left, False))
    if len(rows) > 2 and right is ZERO:
        rows[2].no_gradient()
    elif len(rows) > 2:
        rows[2].gradient(_scalar_rule(right, True))


def _result(result, dtype):
    if result == "bool":
        return np.bool_
    return np.float32 if result == "float" and dtype.kind != "f" else dtype


def _compute_scalar(name, data, scalar, is_int, function, check, result, swapped):
    if check is _integers:
        _integers(name, data)
        if not np.isfinite(scalar):
            raise ArgumentError(f"takes integers, but got scalar={scalar}, in operator {name}")
        is_int = True  # a fraction is cut off, as in MXNet
    x, y = (data.astype(np.float32), np.float32(scalar)) if result == "float" and data.dtype.kind != "f" else (
        (data, np.array(scalar).astype(bool)) if check is _integers and data.dtype.kind == "b"
        else operands(data, scalar, is_int)
    )  # fmt: skip
    values = function(y, x) if swapped else function(x, y)
    return values.astype(_result(result, x.dtype), copy=False)


def _asked(rule):
    return rule.__code__.co_varnames[2 : rule.__code__.co_argcount]


def _rule(rule, names, side):
    """The rule with arrays in the dtype of the gradient, and its result in shape and dtype of its side."""
    asked = [names[("lhs", "rhs").index(name)] for name in _asked(rule)]

    def convert(F, g, shape, dtype, *values):
        return back_to(F, rule(F, g, *(in_dtype(F, x, g.dtype) for x in values)), shape, dtype)

    convert.asks = (f"{side}_shape", f"{side}_dtype", *asked)
    return convert


def _scalar_rule(rule, swapped):
    place = {"lhs": "scalar", "rhs": "data"} if swapped else {"lhs": "data", "rhs": "scalar"}
    asked = _asked(rule)

    def convert(F, g, dtype, data, scalar):
        data = in_dtype(F, data, g.dtype)
        values = {"data": data, "scalar": F._npi_full_like(data, fill_value=scalar)}
        return in_dtype(F, rule(F, g, *(values[place[name]] for name in asked)), dtype)

    convert.asks = ("data_dtype", "data", "scalar")
    return convert


for _row in _BINARY:
    _declare_binary(*_row)


# -- of one array ------------------------------------------------------------------------------------------------------


def _declare_test(name, function, doc):
    def compute(x):
        if x.dtype.kind == "f" or function is np.logical_not:
            return function(x)
        return np.full(x.shape, function(0.0))

    compute.__doc__ = f"{doc}\n\nOutput: bool, shape of `x`."
    numpy_operator(f"_npi_{name}")(compute).no_gradient()


_declare_test("isnan", np.isnan, "Where elements are NaN.")
_declare_test("isinf", np.isinf, "Where elements are infinite.")
_declare_test("isfinite", np.isfinite, "Where elements are neither infinite nor NaN.")
_declare_test("isposinf", np.isposinf, "Where elements are infinity.")
_declare_test("isneginf", np.isneginf, "Where elements are minus infinity.")
_declare_test("logical_not", np.logical_not, "Where elements are zero.")


@numpy_operator("_npi_bitwise_not")
def bitwise_not(x):
    """Every bit inverted; of bool, `not`.

    Output: shape and dtype of `x`, integers or bool."""
    _integers("_npi_bitwise_not", x)
    return np.invert(x)


bitwise_not.no_gradient()


@numpy_operator("_npi_around", "_npi_round")
def around(x, *, decimals: int = 0):
    """Rounded to that many decimals; halves to the even neighbour. Negative ones round to tens, hundreds ...

    Output: shape and dtype of `x`."""
    refuse_bool("_npi_around", x)
    if abs(decimals) > 400:
        raise ArgumentError(f"_npi_around takes decimals from -400 to 400, but got {decimals}")
    return np.array(np.around(x, decimals))  # of integers, some NumPys give the array itself


around.no_gradient()


@numpy_operator("_npi_nan_to_num")
def nan_to_num(data, *, copy: bool = True, nan: float = 0.0, posinf: Maybe(float) = None, neginf: Maybe(float) = None):
    """NaN replaced by `nan`, the infinities by `posinf` and `neginf`; None: by the largest and the smallest number.

    copy: accepted, of no effect. Output: shape and dtype of `data`."""
    return np.nan_to_num(data, nan=nan, posinf=posinf, neginf=neginf)


@nan_to_num.gradient
def _(F, g, data):
    return g * in_dtype(F, F._npi_isfinite(data), g.dtype)


# -- by a condition ----------------------------------------------------------------------------------------------------


@numpy_operator("_npi_where")
def where(condition, x, y):
    """`x` where `condition` is not zero, `y` elsewhere.

    Output: the shape that the three broadcast to, the common dtype of `x` and `y`."""
    broadcast_shape("_npi_where", condition, x, y)
    dtype = common_dtype(x, y)
    return np.where(condition, x.astype(dtype, copy=False), y.astype(dtype, copy=False))


@where.gradient("x")
def _(F, g, condition, x_shape, x_dtype):
    return back_to(F, F._npi_where_rscalar(condition, g), x_shape, x_dtype)


@where.gradient("y")
def _(F, g, condition, y_shape, y_dtype):
    return back_to(F, F._npi_where_lscalar(condition, g), y_shape, y_dtype)


def _number_like(name, condition, x, scalar):
    broadcast_shape(name, condition, x)
    return np.array(scalar).astype(x.dtype)


@numpy_operator("_npi_where_lscalar")
def where_lscalar(condition, x, *, scalar: float = 0.0):
    """The number `scalar` where `condition` is not zero, `x` elsewhere. Output: dtype of `x`."""
    return np.where(condition, _number_like("_npi_where_lscalar", condition, x, scalar), x)


@where_lscalar.gradient("x")
def _(F, g, condition, x_shape):
    return back_to(F, F._npi_where_lscalar(condition, g), x_shape, g.dtype)


@numpy_operator("_npi_where_rscalar")
def where_rscalar(condition, y, *, scalar: float = 0.0):
    """`y` where `condition` is not zero, the number `scalar` elsewhere. Output: dtype of `y`."""
    return np.where(condition, y, _number_like("_npi_where_rscalar", condition, y, scalar))


@where_rscalar.gradient("y")
def _(F, g, condition, y_shape):
    return back_to(F, F._npi_where_rscalar(condition, g), y_shape, g.dtype)


@numpy_operator("_npi_where_scalar2")
def where_scalar2(condition, *, x: float = 0.0, y: float = 0.0):
    """The number `x` where `condition` is not zero, `y` elsewhere. Output: float32, shape of `condition`."""
    return np.where(condition, np.float32(x), np.float32(y))


where_scalar2.no_gradient()


@numpy_operator("_npx_constraint_check", fails=True)
def constraint_check(input, *, msg: str = "Constraint violated."):
    """True; an ArgumentError with the message `msg` unless every element is true. Output: bool, shape ()."""
    if not np.all(input):
        raise ArgumentError(msg)
    return np.True_


constraint_check.no_gradient()


@numpy_operator("_npi_share_memory")
def share_memory(a, b):
    """Whether two arrays lie in the same memory. Output: bool, shape ()."""
    return np.may_share_memory(a, b)


share_memory.no_gradient()

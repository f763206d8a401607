"""Arithmetic and comparison of NDArrays with arrays (which broadcast) and numbers, as recorded operators.

From each row of `_ROWS` come Python's sign and functions of `mx.nd`. The signs serve gradient rules too, where those
are recorded in turn. A number takes the dtype of the array.
"""

import operator

import numpy as np

from . import calls, sparse
from .functions import call
from .ndarray import NDArray
from .registry import OPERATORS

NUMBERS = (int, float, np.generic)
REFLECTED = ("add", "sub", "mul", "truediv", "mod", "pow")
IN_PLACE = ("add", "sub", "mul", "truediv", "mod")
FUNCTIONS = {}  # those of mx.nd, by name

# Python's sign; names in mx.nd; operators of two arrays, of an array and a number, of a number and an array; of numbers
_ROWS = [
    ("add", "add", "broadcast_add", "_plus_scalar", "_plus_scalar", operator.add),
    ("sub", "subtract", "broadcast_sub", "_minus_scalar", "_rminus_scalar", operator.sub),
    ("mul", "multiply", "broadcast_mul", "_mul_scalar", "_mul_scalar", operator.mul),
    ("truediv", "divide true_divide", "broadcast_div", "_div_scalar", "_rdiv_scalar", operator.truediv),
    ("mod", "modulo", "broadcast_mod", "_mod_scalar", "_rmod_scalar", operator.mod),
    ("pow", "power", "broadcast_power", "_power_scalar", "_rpower_scalar", operator.pow),
    ("eq", "equal", "broadcast_equal", "_equal_scalar", "_equal_scalar", operator.eq),
    ("ne", "not_equal", "broadcast_not_equal", "_not_equal_scalar", "_not_equal_scalar", operator.ne),
    ("lt", "lesser", "broadcast_lesser", "_lesser_scalar", "_greater_scalar", operator.lt),
    ("le", "lesser_equal", "broadcast_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar", operator.le),
    ("gt", "greater", "broadcast_greater", "_greater_scalar", "_lesser_scalar", operator.gt),
    ("ge", "greater_equal", "broadcast_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar", operator.ge),
    ("", "maximum", "broadcast_maximum", "_maximum_scalar", "_maximum_scalar", max),
    ("", "minimum", "broadcast_minimum", "_minimum_scalar", "_minimum_scalar", min),
    ("", "logical_and", "broadcast_logical_and", "_logical_and_scalar", "_logical_and_scalar", lambda x, y: x and y),
    ("", "logical_or", "broadcast_logical_or", "_logical_or_scalar", "_logical_or_scalar", lambda x, y: x or y),
    ("", "logical_xor", "broadcast_logical_xor", "_logical_xor_scalar", "_logical_xor_scalar",
     lambda x, y: bool(x) != bool(y)),
]  # fmt: skip


def _method(name, with_array, with_number):
    two_arrays, array_and_number = OPERATORS[with_array], OPERATORS[with_number]
    of_one_shape = OPERATORS.get(with_array.replace("broadcast", "elemwise"), two_arrays)
    none, defaults = two_arrays.defaults, array_and_number.defaults

    def compute(self, other):
        if isinstance(other, NDArray):
            if sparse.exists and self.data.shape == other.data.shape:
                return call(of_one_shape, [self, other], none)[0]  # which keeps sparse arrays sparse
            return call(two_arrays, [self, other], none)[0]
        if isinstance(other, NUMBERS):
            return call(array_and_number, [self], {**defaults, "scalar": float(other)})[0]
        raise TypeError(f"type {type(other)} not supported")

    compute.__name__ = compute.__qualname__ = name
    return compute


def _in_place(name, compute):
    def change(self, other):
        calls.store(self, compute(self, other), (self,))
        return self

    change.__name__ = change.__qualname__ = name
    return change


def function_of_two(kind, name, doc, kind_first, number_first, of_numbers):
    """A function of two of a class, NDArray or Symbol, of one and a number on either side, or of two numbers.

    kind_first, number_first: methods of the class, the latter for a number on the left. TypeError for anything else."""

    def function(lhs, rhs):
        if isinstance(lhs, kind) and isinstance(rhs, (kind, *NUMBERS)):
            return kind_first(lhs, rhs)
        if isinstance(rhs, kind) and isinstance(lhs, NUMBERS):
            return number_first(rhs, lhs)
        if isinstance(lhs, NUMBERS) and isinstance(rhs, NUMBERS):
            return of_numbers(lhs, rhs)
        raise TypeError(f"types {type(lhs)} and {type(rhs)} not supported")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name}(lhs, rhs)\n\n{doc}"
    return function


def _attach():
    for sign, names, with_array, with_number, number_first, of_numbers in _ROWS:
        compute, reflected = _method(sign, with_array, with_number), _method(sign, with_array, number_first)
        for name in names.split():
            doc = OPERATORS[with_array].doc.split("\n\n")[0]
            doc += "\n\nOf two arrays, which broadcast, or an array and a number."
            FUNCTIONS[name] = function_of_two(NDArray, name, doc, compute, reflected, of_numbers)
        if sign:
            setattr(NDArray, f"__{sign}__", compute)
        if sign in REFLECTED:
            setattr(NDArray, f"__r{sign}__", reflected)
        if sign in IN_PLACE:
            setattr(NDArray, f"__i{sign}__", _in_place(sign, compute))
    negative, absolute = OPERATORS["negative"], OPERATORS["abs"]
    NDArray.__neg__ = lambda self: call(negative, [self], negative.defaults)[0]
    NDArray.__abs__ = lambda self: call(absolute, [self], absolute.defaults)[0]
    NDArray.__hash__ = object.__hash__  # `==` compares values, which must not decide what a dict finds
    NDArray.__array_ufunc__ = None  # a NumPy number on the left leaves the computing to the methods above


_attach()

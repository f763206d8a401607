"""Symbols: MXNet's `mx.sym`.

    data = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(data, name="fc", num_hidden=3)
    executor = net.simple_bind(mx.cpu(), data=(8, 4))

Every operator of the table is a function here, under each of its names, and a method of symbols, as in `mx.nd`. What
MXNet has beside its operators is written out below.
"""

import math
import operator
from pathlib import Path

from . import symbol_random as random
from . import symbols
from .attributes import DTYPES
from .errors import ArgumentError
from .functions import Namespace, parts_of
from .methods import dtype_name
from .overloads import function_of_two
from .registry import OPERATORS
from .scopes import AttrScope, current
from .sparse import STYPES
from .symbol_class import SIGNS, Group, Symbol, composed, load_json, of_two, op_function

STYPE_NUMBERS = {"default": 0, "row_sparse": 1, "csr": 2}
__all__ = [
    "Custom", "Group", "Symbol", "Variable", "arange", "contrib", "eye", "full", "histogram", "hypot", "image",
    "linalg", "linspace", "load", "load_json", "maximum", "minimum", "ones", "op", "pow", "power", "random", "sparse",
    "split_v2", "var", "zeros",
]  # fmt: skip


def Custom(*inputs, op_type, name=None, attr=None, **kwargs):
    """An operator of the user's own: see mx.operator. kwargs: its attributes, and inputs by name."""
    return composed("Custom", "custom", name, attr, inputs, {"op_type": op_type, **kwargs})


op = _internal = Namespace("", op_function)
linalg, contrib, image, sparse = (
    Namespace(f"_{name}_", op_function) for name in ("linalg", "contrib", "image", "sparse")
)


def __getattr__(name):
    row = OPERATORS.get(name)
    if row is None:
        raise AttributeError(f"mx.sym has no {name!r}")
    globals()[name] = function = op_function(row, name)
    return function


def __dir__():
    return sorted({*__all__, *OPERATORS})


# -- making symbols ----------------------------------------------------------------------------------------------------


def Variable(
    name, attr=None, shape=None, lr_mult=None, wd_mult=None, dtype=None, init=None, stype=None, profiler_scope=None,
    **kwargs,
):  # fmt: skip
    """A variable of that name. shape: 0 stands for a dimension that is not known. kwargs: attributes `__word__`."""
    if not isinstance(name, str):
        raise TypeError(f"Expect a string for variable `name`, but got {name!r:.80}")
    attrs = current(AttrScope).get(attr)
    if shape is not None:
        attrs["__shape__"] = str(tuple(shape) if not isinstance(shape, int) else (shape,))
    if dtype is not None:
        attrs["__dtype__"] = str(DTYPES.index(dtype_name(dtype)))
    if stype is not None:
        if stype not in STYPES:
            raise ArgumentError(f"a storage type is one of {', '.join(STYPES)}, but got {stype!r:.80}")
        attrs["__storage_type__"] = str(STYPE_NUMBERS[stype])
    for key, value in (("lr_mult", lr_mult), ("wd_mult", wd_mult), ("init", init)):
        if value is not None:
            attrs[f"__{key}__"] = value if isinstance(value, str) else value.dumps() if key == "init" else str(value)
    for key, value in kwargs.items():
        if not symbols.is_hidden(key):
            raise ArgumentError(
                f"Attribute name={key} is not supported. Additional attributes must start and end with double "
                "underscores, e.g, __yourattr__"
            )
        attrs[key] = str(value)
    return Symbol(symbols.variable(name, attrs))


var = Variable


def load(fname):
    """The symbol of a file, of MXNet 0.8 or later. OSError; MXNetError where it is no symbol file."""
    return load_json(Path(fname).read_text(encoding="utf-8"))


def zeros(shape, dtype=None, **kwargs):
    """Zeros of a shape; 0 in it stands for a length that follows from what it is used with."""
    return op._zeros(shape=shape, dtype=dtype or "float32", **kwargs)


def ones(shape, dtype=None, **kwargs):
    """Ones of a shape."""
    return op._ones(shape=shape, dtype=dtype or "float32", **kwargs)


def full(shape, val, dtype=None, **kwargs):
    """A number in a shape."""
    return op._full(shape=shape, value=float(val), dtype=dtype or "float32", **kwargs)


def arange(start, stop=None, step=1.0, repeat=1, infer_range=False, name=None, dtype=None):
    """start, start + step ... before `stop`, each `repeat` times; without `stop`, from 0 to `start`."""
    attrs = {"step": step, "repeat": repeat, "infer_range": infer_range, "dtype": dtype or "float32"}
    return op._arange(start=start, stop=stop, name=name, **attrs)


def eye(N, M=0, k=0, dtype=None, **kwargs):
    """Zeros of shape (N, M), with ones on the k-th diagonal; M=0 stands for N."""
    return op._eye(N=N, M=M, k=k, dtype=dtype or "float32", **kwargs)


def linspace(start, stop, num, endpoint=True, name=None, dtype=None):
    """`num` numbers in equal steps from `start` to `stop`, which is the last one if `endpoint`."""
    return op._linspace(start=start, stop=stop, num=num, endpoint=endpoint, name=name, dtype=dtype or "float32")


# -- functions of symbols ----------------------------------------------------------------------------------------------


def split_v2(ary, indices_or_sections, axis=0, squeeze_axis=False):
    """Parts: so many of one size, or those before, between and behind the positions in a tuple.

    squeeze_axis: drop the axis, where all parts have length 1 in it."""
    return op._split_v2(ary, axis=axis, squeeze_axis=squeeze_axis, **parts_of(indices_or_sections))


def histogram(a, bins=10, range=None, **kwargs):
    """Counts (int64) and edges of the values of `a` in `bins`: a symbol of their edges, or a number of them between the
    two edges of `range`."""
    if isinstance(bins, Symbol):
        return op._histogram(a, bins, **kwargs)
    if not isinstance(bins, int):
        raise ArgumentError(f"bins argument should be either an integer or a Symbol, but is {bins!r:.80}")
    if range is None:
        raise ArgumentError("null range is not supported in symbol mode: give range=(lowest, highest)")
    return op._histogram(a, bin_cnt=bins, range=range, **kwargs)


def _function(name, doc, of_symbols, with_number, number_first, of_numbers):
    doc += "\n\nOf two symbols of one shape, or one and a number."
    methods = of_two(of_symbols, with_number), of_two(of_symbols, number_first)
    return function_of_two(Symbol, name, doc, *methods, of_numbers)


pow = power = _function("power", "lhs ** rhs.", *SIGNS["pow"], operator.pow)
maximum = _function("maximum", "The larger.", "_Maximum", "_MaximumScalar", "_MaximumScalar", max)
minimum = _function("minimum", "The smaller.", "_Minimum", "_MinimumScalar", "_MinimumScalar", min)
hypot = _function("hypot", "sqrt(lhs² + rhs²).", "_Hypot", "_HypotScalar", "_HypotScalar", math.hypot)

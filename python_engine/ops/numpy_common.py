"""What the declarations of NumPy's operators share.

MXNet 1.9 registers a second set of operators beside those of 1.x, as `_np_...`, `_npi_...` and `_npx_...`, with
NumPy's meaning: a result may have the shape (), comparisons give bool, and dtypes mix.
"""

from functools import wraps

import numpy as np

from ..attributes import DType, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..registry import operator
from .common import reduce_to

AXES = Maybe(Shape)
REAL = DType("float16", "float32", "float64", "int32", "int64", "int8", "uint8")
ANY = DType()
WIDTHS = {"b": 0, "i": 1, "u": 1, "f": 2}  # kinds of dtypes, by what absorbs what


def numpy_operator(name, *aliases, **traits):
    """`operator` for a function that may return NumPy's scalars, which become arrays of shape ()."""

    def declare(function):
        row = operator(name, *aliases, zero_dim=True, **traits)(function)

        @wraps(function)
        def compute(*inputs, **attrs):
            result = function(*inputs, **attrs)
            return np.asarray(result) if row.single else [np.asarray(x) for x in result]

        row.forward = compute
        return row

    return declare


def normal_axes(name, axis, ndim):
    """`axis`, None or a tuple, as sorted numbers from 0; None stands for all. An empty tuple names none."""
    if axis is None:
        return tuple(range(ndim))
    for a in axis:
        if not -ndim <= a < ndim:
            raise ShapeError(f"axis {a} is out of bounds for array of dimension {ndim}, in operator {name}")
    axes = sorted(a % ndim for a in axis)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"duplicate value in axis={tuple(axis)}, in operator {name}")
    return tuple(axes)


def normal_axis(name, axis, ndim):
    """`axis`, a number, from 0."""
    return normal_axes(name, (axis,), ndim)[0]


def common_dtype(*arrays):
    """The dtype of a result of arrays of several dtypes, as MXNet mixes them: a float wins over an integer and that
    over bool; of two floats, or of two integers, the wider one."""
    dtypes = {x.dtype for x in arrays}
    if len(dtypes) == 1:
        return arrays[0].dtype
    best = max(WIDTHS[d.kind] for d in dtypes)
    widest = [d for d in dtypes if WIDTHS[d.kind] == best]
    return max(widest, key=lambda d: (d.itemsize, d.kind == "i"))


def shown(*arrays):
    """Dtypes and shapes for a message."""
    return ", ".join(f"{x.dtype}{list(x.shape)}" for x in arrays)


def broadcast_shape(name, *arrays):
    """The shape that arrays broadcast to, or a ShapeError."""
    try:
        return np.broadcast_shapes(*[x.shape for x in arrays])
    except ValueError:
        raise ShapeError(f"operands could not be broadcast together: {shown(*arrays)}, in operator {name}") from None


def floating(*arrays):
    """The arrays in their common dtype if that is float32 or float64, else in float32 or float64: float16 is computed
    in float32, integers are computed in float64."""
    dtype = common_dtype(*arrays)
    work = dtype if dtype.char in "fd" else np.dtype("float32" if dtype.char == "e" else "float64")
    return [x.astype(work, copy=False) for x in arrays]


def check_matrix(name, *arrays, square=False):
    """Refuse what has fewer than two axes, or is not square where it must be."""
    for x in arrays:
        if x.ndim < 2:
            raise ShapeError(
                f"takes matrices, arrays of 2 axes or more, but got shape {list(x.shape)}, in operator {name}"
            )
        if square and x.shape[-1] != x.shape[-2]:
            raise ShapeError(f"takes square matrices, but got shape {list(x.shape)}, in operator {name}")


def check_vector(name, what, x):
    """Refuse what has not just one axis."""
    if x.ndim != 1:
        raise ShapeError(f"takes a vector as {what}, but got shape {list(x.shape)}, in operator {name}")


def refuse_bool(name, *arrays):
    """For operators that have no meaning for bool."""
    if any(x.dtype.kind == "b" for x in arrays):
        raise ArgumentError(f"Operator {name} does not support boolean type")


# -- in gradient rules -------------------------------------------------------------------------------------------------


def back_to(F, g, shape, dtype):
    """The gradient of broadcasting and of converting: `g` summed to `shape`, in `dtype`."""
    g = g if g.shape == shape else reduce_to(F, g, shape)
    return in_dtype(F, g, dtype)


def in_dtype(F, x, dtype):
    """`x` in a dtype."""
    dtype = np.dtype(dtype)
    return x if np.dtype(x.dtype) == dtype else F.Cast(x, dtype=dtype.name)


def kept(shape, axes):
    """`shape` with length 1 on the axes."""
    return tuple(1 if a in axes else n for a, n in enumerate(shape))


def spread(F, g, shape, axes):
    """`g`, without these axes or with length 1 on them, repeated along them to `shape`."""
    g = F._backward_reshape(g, shape=kept(shape, axes))
    return F._npi_broadcast_to(g, shape=shape)


def turned(F, x):
    """The matrices of `x` transposed."""
    n = len(x.shape)
    return F.transpose(x, axes=(*range(n - 2), n - 1, n - 2))

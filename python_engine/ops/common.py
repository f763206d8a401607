"""What the declarations of many operators share."""

from math import copysign, inf

import numpy as np

from ..errors import ShapeError
from ..parallel import PIECE, SHARED, in_pieces

FLOATS = ("float32", "float64", "float16")
NUMBERS = {np.dtype(name): {} for name in FLOATS}  # see `number`
MOST_NUMBERS = 4096
SEVERAL = 2 * PIECE  # elements from which a formula of several steps gains by pieces that stay in the cache


def keep_dtype(function, piece=PIECE):
    """`function(array, out=None)`, elementwise, as that of an operator, with the result in the array's dtype. `out` may
    be the array itself.

    Types narrower than 32 bits are computed in 32: NumPy would compute an int8 in float16, and a float16 rounded after
    each step of a formula loses digits that MXNet keeps."""
    large = SHARED * piece if isinstance(function, np.ufunc) else SEVERAL

    def compute(data, *, out=None):
        x = data if data.itemsize >= 4 else widened(data)
        if x is not data or x.dtype.kind != "f":
            out = None
        if x.size >= large and x.dtype.kind == "f":
            result = elementwise(function, x, piece=piece, out=out)
        else:
            result = function(x) if out is None else function(x, out=out)
        return result if result.dtype is data.dtype else result.astype(data.dtype)

    return compute


def elementwise(function, *arrays, piece=PIECE, out=None):
    """`function(*arrays, out=...)` of floating point arrays of one shape and dtype, piece by piece where they lie alike
    in memory and without gaps, or hold but one number; else at once. out: one in C order to use if that is possible."""
    varying = [x for x in arrays if any(x.strides)]
    first = varying[0] if varying else arrays[0]
    if any(x.strides != first.strides for x in varying) or not (first.flags.c_contiguous or is_dense(first)):
        return function(*arrays)
    if out is None or not first.flags.c_contiguous:
        out = np.empty_like(first)
    into = out.ravel("K")
    flat = [x.ravel("K") if any(x.strides) else np.broadcast_to(x[(0,) * x.ndim], into.shape) for x in arrays]
    in_pieces(lambda i, j: function(*[x[i:j] for x in flat], out=into[i:j]), into.size, piece=piece)
    return out


def is_dense(x):
    """True where the elements fill their memory, in whatever order of the axes."""
    step = x.itemsize
    for stride, n in sorted(zip(x.strides, x.shape)):
        if n != 1:
            if stride != step:
                return False
            step *= n
    return True


def widened(data):
    """`data` in float32 or int32 where its own type has fewer bits."""
    return data if data.itemsize >= 4 else data.astype(np.float32 if data.dtype.kind == "f" else np.int32)


def key_of_zero(zero):
    """What tells 0.0 from -0.0 in a dict, for which they are equal."""
    return (0, copysign(1, zero))


def number(scalar, dtype):
    """`scalar` as a 0-dimensional array of a float dtype.

    NumPy converts a Python number at each use, which takes longer than adding it to a small array. So the arrays are
    kept, under the number itself.
    """
    numbers = NUMBERS[dtype]
    key = scalar or key_of_zero(scalar)
    array = numbers.get(key)
    if array is None:
        if len(numbers) >= MOST_NUMBERS:
            numbers.clear()
        array = numbers[key] = np.array(scalar, dtype)
        array.flags.writeable = False
    return array


def maximum(x, y, out=None):
    """np.maximum; of many floats and a number through clip, whose loop for numbers takes a third of the time."""
    if x.size < 1024 or y.ndim or x.dtype not in NUMBERS:
        return np.maximum(x, y, out=out)
    return x.clip(y, number(inf, x.dtype), out)


def minimum(x, y, out=None):
    """np.minimum, as `maximum`."""
    if x.size < 1024 or y.ndim or x.dtype not in NUMBERS:
        return np.minimum(x, y, out=out)
    return x.clip(number(-inf, x.dtype), y, out)


def check_same_dtype(operator, lhs, rhs):
    """MXNet's operators mix no dtypes."""
    if lhs.dtype is not rhs.dtype and lhs.dtype != rhs.dtype:
        raise ShapeError(
            f"Check failed: assign(&dattr, vec.at(i)): Incompatible attr in node  at 1-th input: expected {lhs.dtype}, "
            f'got {rhs.dtype} in operator {operator}(name="")'
        )


def check_same_shape(operator, lhs, rhs):
    """For operators that do not broadcast."""
    if lhs.shape != rhs.shape:
        raise ShapeError(
            f"Incompatible attr in node  at 1-th input: expected {list(lhs.shape)}, got {list(rhs.shape)} "
            f'in operator {operator}(name="")'
        )


def reduce_to(F, g, shape):
    """The gradient of broadcasting: `g` summed over the axes along which an array of `shape` was repeated.

    The only place that undoes a broadcast; gradient rules of broadcasting operators go through it.
    """
    if g.shape == shape:
        return g
    lead = len(g.shape) - len(shape)
    axes = [i for i in range(len(g.shape)) if i < lead or (shape[i - lead] == 1 and g.shape[i] != 1)]
    return F._backward_reshape(F.sum(g, axis=tuple(axes), keepdims=True) if axes else g, shape=shape)


def normal_axis(operator, axis, ndim):
    """`axis` as a number from 0, or a ShapeError that names the operator."""
    if not -ndim <= axis < ndim:
        raise ShapeError(f"axis {axis} is out of range for an array of {ndim} dimensions, in operator {operator}")
    return axis % ndim


def at_least_1d(array):
    """MXNet 1.x has no arrays without axes: what NumPy makes 0-dimensional has shape (1,)."""
    return np.reshape(array, (1,)) if np.ndim(array) == 0 else array

"""What the declarations of many operators share."""

from math import copysign

import numpy as np

from ..errors import ShapeError

FLOATS = ("float32", "float64", "float16")
NUMBERS = {np.dtype(name): {} for name in FLOATS}  # see `number`
MOST_NUMBERS = 4096


def keep_dtype(function):
    """`function` of one array, with the result in the array's dtype.

    Types narrower than 32 bits are computed in 32: NumPy would compute an int8 in float16, and a float16 rounded after
    each step of a formula loses digits that MXNet keeps.
    """

    def compute(data):
        result = function(data if data.itemsize >= 4 else widened(data))
        return result if result.dtype is data.dtype else result.astype(data.dtype)

    return compute


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
    return F.reshape(F.sum(g, axis=tuple(axes), keepdims=True), shape=shape) if axes else F.reshape(g, shape=shape)


def normal_axis(operator, axis, ndim):
    """`axis` as a number from 0, or a ShapeError that names the operator."""
    if not -ndim <= axis < ndim:
        raise ShapeError(f"axis {axis} is out of range for an array of {ndim} dimensions, in operator {operator}")
    return axis % ndim


def at_least_1d(array):
    """MXNet 1.x has no arrays without axes: what NumPy makes 0-dimensional has shape (1,)."""
    return np.reshape(array, (1,)) if np.ndim(array) == 0 else array

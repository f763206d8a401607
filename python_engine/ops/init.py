"""Arrays made from a shape: filled with one number, or with a sequence."""

import math

import numpy as np

from ..attributes import DType, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import from_inputs
from ..registry import operator
from .common import normal_axis

NUMBER = DType("float16", "float32", "float64", "int32", "int64", "int8", "uint8")
TYPE_NUMBERS = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")  # MXNet's, from 0
MOST = 1 << 40  # elements; beyond, NumPy fails in its own ways


def _check_size(name, count):
    if count > MOST:
        raise ShapeError(f"{name}: {count} elements are more than the {MOST} that an array may have")


def _filled(name, shape, value, dtype):
    if min(shape, default=0) < 1:
        raise ShapeError(f"{name} takes a shape of one or more dimensions from 1 on, but got {list(shape)}")
    _check_size(name, math.prod(shape))
    if value == 0:
        return np.zeros(shape, dtype)
    return np.full(shape, np.array(value, np.float64).astype(dtype) if dtype == "bool" else cut(value, dtype))


def cut(value, dtype):
    """A number in `dtype`; of integers, what C's conversion leaves: the integer part, modulo their range."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return dtype.type(value)
    return np.array(value, np.float64).astype(np.int64).astype(dtype)


def _declare_constant(name, value, words):
    @operator(name)
    def constant(*, shape: Shape = (), ctx: str = "", dtype: DType() = "float32"):
        return _filled(name, shape, value, dtype)

    constant.forward.__doc__ = constant.doc = f"An array of {words}.\n\nctx: accepted, of no effect."
    return constant


_declare_constant("_zeros", 0, "zeros")
_declare_constant("_ones", 1, "ones")


@operator("_full", "_npi_full", zero_dim=True)
def full(*, shape: Shape = (), ctx: str = "", dtype: DType() = "float32", value: float):
    """An array filled with `value`; of shape () without `shape`.

    ctx: accepted, of no effect."""
    return _filled("_full", shape or (1,), value, dtype).reshape(shape)


@operator("_zeros_without_dtype")
def zeros_without_dtype(*, shape: Shape = (), ctx: str = "", dtype: int = -1):
    """An array of zeros.

    dtype: MXNet's number of the type, from 0: float32 float64 float16 uint8 int32 int8 int64 bool; -1: float32."""
    if not -1 <= dtype < len(TYPE_NUMBERS):
        raise ArgumentError(f"_zeros_without_dtype takes dtype from -1 to {len(TYPE_NUMBERS) - 1}, but got {dtype}")
    return _filled("_zeros_without_dtype", shape, 0, TYPE_NUMBERS[max(dtype, 0)])


@operator("zeros_like", "_sparse_zeros_like", shape="same")
def zeros_like(data):
    """Zeros of the shape and dtype of `data`."""
    return np.zeros(data.shape, data.dtype)


@operator("ones_like", shape="same")
def ones_like(data):
    """Ones of the shape and dtype of `data`."""
    return np.ones(data.shape, data.dtype)


zeros_like.no_gradient()
ones_like.no_gradient()


def _sequence(start, step, count, repeat, dtype):
    """start, start + step ... each `repeat` times, `count` in all."""
    start, step = cut(start, dtype), cut(step, dtype)
    wide = np.float64 if start.dtype.kind == "f" else np.int64
    values = np.arange(-(-count // repeat), dtype=wide) * wide(step) + wide(start)
    return (np.repeat(values, repeat)[:count] if repeat > 1 else values).astype(dtype)


@operator("_arange")
def arange(
    *,
    start: float,
    stop: Maybe(float) = None,
    step: float = 1.0,
    repeat: int = 1,
    infer_range: bool = False,
    ctx: str = "",
    dtype: NUMBER = "float32",
):
    """start, start + step ... below `stop` (above, for a negative step), each `repeat` times.

    stop: None takes `start` for it, and 0 for start. ctx: accepted, of no effect."""
    if infer_range and stop is None:
        raise ArgumentError("_arange with infer_range=True and no stop has no length of its own: give stop")
    if stop is None:
        start, stop = 0.0, start
    if step == 0 or repeat < 1:
        raise ArgumentError(f"_arange takes a step that is not 0 and repeat >= 1, but got step={step}, repeat={repeat}")
    length = (stop - start) / step
    if not 0 < length < math.inf:
        raise ArgumentError(f"Invalid range (start, stop, step) = ({start:g},{stop:g},{step:g})")
    _check_size("_arange", length * repeat)
    return _sequence(start, step, math.ceil(length) * repeat, repeat, dtype)


@operator("_contrib_arange_like")
def arange_like(
    data, *, start: float = 0.0, step: float = 1.0, repeat: int = 1, ctx: str = "", axis: Maybe(int) = None
):
    """start, start + step ..., each `repeat` times, as many as `data` has elements (along `axis`, if given).

    Output: shape of `data` or (its length along `axis`,); dtype of `data`. ctx: accepted, of no effect."""
    if repeat < 1:
        raise ArgumentError(f"_contrib_arange_like takes repeat >= 1, but got {repeat}")
    if axis is None:
        return _sequence(start, step, data.size, repeat, data.dtype).reshape(data.shape)
    return _sequence(start, step, data.shape[normal_axis("_contrib_arange_like", axis, data.ndim)], repeat, data.dtype)


arange_like.no_gradient()
arange_like.infers(from_inputs(lambda attrs, data: data if attrs["axis"] is None else (data[attrs["axis"]],)))


@operator("_linspace")
def linspace(*, start: float, stop: float, num: int, endpoint: bool = True, ctx: str = "", dtype: NUMBER = "float32"):
    """`num` numbers at equal distances from `start` to `stop`, which is the last one if `endpoint`.

    ctx: accepted, of no effect."""
    if num < 0:
        raise ArgumentError(f"_linspace: Number of sequence should be non-negative, received {num}")
    _check_size("_linspace", num)
    return np.linspace(start, stop, num, endpoint).astype(dtype)


@operator("_eye")
def eye(*, N: int, M: int = 0, k: int = 0, ctx: str = "", dtype: NUMBER = "float32"):
    """An array of N x M (0: N) with ones on the k-th diagonal (above the main one, for k > 0), else zeros.

    ctx: accepted, of no effect."""
    if N < 1 or M < 0:
        raise ShapeError(f"_eye takes N >= 1 and M >= 0, but got N={N}, M={M}")
    _check_size("_eye", N * (M or N))
    return np.eye(N, M or N, k, dtype)

"""Changing dtypes."""

import numpy as np

from ..attributes import DType
from ..errors import ArgumentError
from ..inference import all_equal
from ..registry import operator

HALF, SINGLE = np.dtype("float16"), np.dtype("float32")


def converted(data, dtype):
    """A copy in another dtype. Floats are cut to integers as in C: towards zero, modulo the range of narrow types."""
    if data.dtype.kind == "f" and np.dtype(dtype).kind in "iu" and np.dtype(dtype).itemsize < 4:
        data = data.astype(np.int32)  # by NumPy alone, what lies outside the range would depend on the processor
    return data.astype(dtype)


@operator("Cast", "cast", zero_dim="kept")
def cast(data, *, dtype: DType()):
    """A copy in another dtype.

    Floats are cut towards zero to integers; integers keep their lower bits; bool is what is not 0."""
    return converted(data, dtype)


@cast.gradient
def _(F, g, data_dtype):
    return F.Cast(g, dtype=str(data_dtype))


@operator("amp_cast")
def amp_cast(data, *, dtype: DType("float16", "float32", "float64", "int32", "int64", "int8", "uint8")):
    """A copy, in another dtype if `data` is float32 or float16: for networks that mix the two."""
    return converted(data, dtype) if data.dtype in (HALF, SINGLE) else data.copy()


@amp_cast.gradient
def _(F, g, data_dtype):
    return F.Cast(g, dtype=str(data_dtype))


@operator("amp_multicast", outputs="num_outputs")
def amp_multicast(*data, num_outputs: int, cast_narrow: bool = False):
    """Copies of which all that are float16 or float32 have one dtype: float32 if one is (float16, with `cast_narrow`).

    Outputs: shapes of the inputs; dtypes other than the two stay."""
    if len(data) != num_outputs:
        raise ArgumentError(f"Operator amp_multicast expects {num_outputs} inputs, but got {len(data)} instead.")
    floats = [x.dtype for x in data if x.dtype in (HALF, SINGLE)]
    target = (HALF if HALF in floats else SINGLE) if cast_narrow else (SINGLE if SINGLE in floats else HALF)
    return [x.astype(target if x.dtype in (HALF, SINGLE) else x.dtype) for x in data]


@amp_multicast.gradient
def _(F, g, data_dtypes):
    return [F.Cast(each, dtype=str(dtype)) for each, dtype in zip(g, data_dtypes, strict=True)]


for _row in (cast, amp_cast):
    _row.infers(all_equal)


@amp_multicast.infers
def _(shapes, _attrs):
    for position, shape in enumerate(shapes.ins):
        shapes.output(shape, position)
        shapes.input(position, shapes.outs[position])

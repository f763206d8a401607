"""Operators that cut a part out of an array, and those that write to such a part.

A part is always a copy in C order, so that a small one never keeps a large array alive.
"""

import math

import numpy as np

from ..attributes import Bounds, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import with_length
from ..registry import operator
from .common import check_same_dtype, normal_axis


def _key(operator_name, ndim, begin, end, step):
    """NumPy's index for MXNet's `begin`, `end` and `step`; axes that they do not reach are taken whole."""
    if len(begin) != len(end) or (step and len(step) != len(begin)):
        raise ArgumentError(
            f"begin={begin}, end={end} and step={step} must have the same length, in operator {operator_name}"
        )
    if len(begin) > ndim:
        raise ShapeError(
            f"begin={begin} slices {len(begin)} axes, but the array has {ndim}, in operator {operator_name}"
        )
    if 0 in step:
        raise ArgumentError(f"step={step} cannot hold 0, in operator {operator_name}")
    return tuple(map(slice, begin, end, step or (None,) * len(begin)))


@operator("slice", "_sparse_slice", "crop", shape="slice")
def slice_(data, *, begin: Bounds, end: Bounds, step: Bounds = ()):
    """The part [begin, end) of each axis, every `step`-th element; negative positions count from the end, None is
    the whole, and what lies outside is cut off.

    begin, end, step: of one length, at most the number of axes; the other axes are taken whole.
    Output: dtype of `data`."""
    return data[_key("slice", data.ndim, begin, end, step)].copy()


def _infer_slice(shapes, attrs):
    data = shapes.ins[0]
    if data is not None:
        key = _key("slice", len(data), attrs["begin"], attrs["end"], attrs["step"])
        lengths = [n and len(range(*part.indices(n))) for n, part in zip(data, key)]
        shapes.output((*lengths, *data[len(key) :]))


slice_.infers(_infer_slice)


@slice_.gradient
def _(F, g, data_shape, begin, end, step):
    return F._backward_slice(g, shape=data_shape, begin=begin, end=end, step=step)


@operator("_slice_into_shape", shape="into_shape")
def slice_into_shape(data, *, begin: Bounds, end: Bounds, step: Bounds = (), shape: Shape):
    """What `slice` takes in another shape: without the axes that a number has dropped."""
    part = data[_key("_slice_into_shape", data.ndim, begin, end, step)]
    if part.size != math.prod(shape):
        raise ShapeError(f"cannot reshape {list(part.shape)} to {list(shape)}, in operator _slice_into_shape")
    return part.copy().reshape(shape)


@slice_into_shape.gradient
def _(F, g, data_shape, begin, end, step):
    key = _key("_slice_into_shape", len(data_shape), begin, end, step)
    part = [len(range(*axis.indices(n))) for n, axis in zip(data_shape, key)]
    g = F._backward_reshape(g, shape=(*part, *data_shape[len(key) :]))
    return F._backward_slice(g, shape=data_shape, begin=begin, end=end, step=step)


@operator("_backward_slice")
def backward_slice(ograd, *, shape: Shape, begin: Bounds, end: Bounds, step: Bounds = ()):
    """Zeros of `shape` with `ograd` in the part that `slice` would take."""
    gradient = np.zeros(shape, ograd.dtype)
    gradient[_key("_backward_slice", len(shape), begin, end, step)] = ograd
    return gradient


@backward_slice.gradient
def _(F, g, begin, end, step):
    return F.slice(g, begin=begin, end=end, step=step)


@operator("slice_axis", shape="slice_axis")
def slice_axis(data, *, axis: int, begin: int, end: Maybe(int)):
    """The part [begin, end) of one axis; negative numbers count from the end, None is the end.

    Output: dtype of `data`."""
    axis, first, last = _part_of_axis(data.shape, axis, begin, end)
    return data[(slice(None),) * axis + (slice(first, last),)].copy()


def _part_of_axis(shape, axis, begin, end):
    """The axis, where the part begins and where it ends, as numbers from 0."""
    axis = normal_axis("slice_axis", axis, len(shape))
    length = shape[axis]
    first = begin + length if begin < 0 else begin
    last = length if end is None else end + length if end < 0 else end
    if not 0 <= first < last <= length:
        raise ArgumentError(
            f"begin={begin}, end={end} is no part of axis {axis} of {list(shape)}: begin must be before end, both "
            f"in [-{length}, {length}], in operator slice_axis"
        )
    return axis, first, last


@slice_axis.infers
def _(shapes, attrs):
    data, axis = shapes.ins[0], attrs["axis"]
    if data is None:
        return
    if not data[normal_axis("slice_axis", axis, len(data))]:
        shapes.output(with_length(data, axis % len(data), 0))
    else:
        axis, first, last = _part_of_axis(data, axis, attrs["begin"], attrs["end"])
        shapes.output(with_length(data, axis, last - first))


@slice_axis.gradient
def _(F, g, data_shape, axis, begin, end):
    whole = (None,) * (axis % len(data_shape))
    return F._backward_slice(g, shape=data_shape, begin=(*whole, begin), end=(*whole, end))


@operator("slice_like")
def slice_like(data, shape_like, *, axes: Shape = ()):
    """The leading part of `data` in the shape of `shape_like`; with `axes`, of those axes only (negative: counted from
    the end of `data`). `shape_like` gives its shape only.

    Output: dtype of `data`."""
    if not axes and data.ndim != shape_like.ndim:
        raise ShapeError(
            f"without axes the arrays must have as many, but got {list(data.shape)} and {list(shape_like.shape)}, "
            f"in operator slice_like"
        )
    ends = [None] * data.ndim
    for a in axes or range(data.ndim):
        a = normal_axis("slice_like", a, data.ndim)
        if a >= shape_like.ndim or shape_like.shape[a] > data.shape[a]:
            raise ShapeError(
                f"axis {a} of shape_like {list(shape_like.shape)} must exist and be no longer than that of data "
                f"{list(data.shape)}, in operator slice_like"
            )
        ends[a] = shape_like.shape[a]
    return data[tuple(map(slice, ends))].copy()


@slice_like.infers
def _(shapes, attrs):
    data, like = shapes.ins
    if data is not None and like is not None:
        axes = {normal_axis("slice_like", a, len(data)) for a in attrs["axes"] or range(len(data))}
        shapes.output(tuple(like[a] if a in axes else n for a, n in enumerate(data)))


@slice_like.gradient("data")
def _(F, g, data_shape):
    return F._backward_slice(g, shape=data_shape, begin=(0,) * len(g.shape), end=g.shape)


def _crop_begin(shapes, offset, h_w, center_crop):
    """Where Crop begins and how much it takes, on the last two axes."""
    for shape in shapes:
        if len(shape) != 4:
            raise ShapeError(
                f"takes arrays of 4 axes (batch, channel, height, width), but got {list(shape)}, in operator Crop"
            )
    size = shapes[1][2:] if len(shapes) == 2 else h_w
    room = shapes[0][2:]
    if len(size) != 2 or not all(1 <= n <= r for n, r in zip(size, room, strict=True)):
        raise ShapeError(f"cannot crop {list(size)} out of height and width {list(room)}, in operator Crop")
    begin = tuple((r - n) // 2 for n, r in zip(size, room, strict=True)) if center_crop else offset
    if len(begin) != 2 or not all(0 <= b <= r - n for b, n, r in zip(begin, size, room, strict=True)):
        raise ShapeError(
            f"offset={offset} and the cropped {list(size)} do not lie in height and width {list(room)}, "
            f"in operator Crop"
        )
    return (None, None, *begin), (None, None, *(b + n for b, n in zip(begin, size, strict=True)))


@operator("Crop")
def crop(*data, num_args: int = 0, offset: Shape = (0, 0), h_w: Shape = (0, 0), center_crop: bool = False):
    """Height and width of the first array cut to those of the second, or to `h_w`.

    data: (batch, channel, height, width), and perhaps an array whose shape is the measure.
    offset: where the part begins; center_crop: from the middle instead."""
    if num_args not in (0, len(data)) or not 1 <= len(data) <= 2:
        raise ArgumentError(f"Crop takes 1 or 2 arrays (num_args={num_args}), but got {len(data)}")
    begin, end = _crop_begin([x.shape for x in data], offset, h_w, center_crop)
    return data[0][_key("Crop", 4, begin, end, ())].copy()


@crop.gradient
def _(F, g, data_shapes, data_dtypes, offset, h_w, center_crop):
    begin, end = _crop_begin(data_shapes, offset, h_w, center_crop)
    gradient = F._backward_slice(g, shape=data_shapes[0], begin=begin, end=end)
    return [gradient, *(F._zeros(shape=shape, dtype=str(data_dtypes[0])) for shape in data_shapes[1:])]


@operator("_slice_assign", "_crop_assign")
def slice_assign(lhs, rhs, *, begin: Bounds, end: Bounds, step: Bounds = ()):
    """A copy of `lhs` in which the part that `slice` would take is `rhs`.

    rhs: shape of that part, dtype of `lhs`."""
    check_same_dtype("_slice_assign", lhs, rhs)
    result = lhs.copy()
    part = result[_key("_slice_assign", lhs.ndim, begin, end, step)]
    if part.shape != rhs.shape:
        raise ShapeError(
            f"Shape inconsistent, Provided = {list(rhs.shape)}, inferred shape={list(part.shape)}, "
            f"in operator _slice_assign"
        )
    part[...] = rhs
    return result


@operator("_slice_assign_scalar", "_crop_assign_scalar")
def slice_assign_scalar(data, *, scalar: float = 0.0, begin: Bounds, end: Bounds, step: Bounds = ()):
    """A copy of `data` in which the part that `slice` would take is the number `scalar`."""
    result = data.copy()
    key = _key("_slice_assign_scalar", data.ndim, begin, end, step)
    np.copyto(result[key], scalar, casting="unsafe")
    return result


@operator("_set_value", shape="same", mutates=("data",), views=True)
def set_value(data, *, src: float):
    """Write the number `src` to every element of `data`."""
    np.copyto(data, src, casting="unsafe")
    return data


@operator("_copyto", shape="same")
def copyto(data):
    """A copy."""
    return data.copy()

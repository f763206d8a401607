"""NumPy's operators that remove and insert elements and pad, and polynomials."""

import math
import re

import numpy as np

from ..attributes import Choice, Maybe, Shape, Tuple
from ..errors import ArgumentError, ShapeError
from .numpy_common import (
    back_to,
    common_dtype,
    in_dtype,
    normal_axis,
    numpy_operator,
    shown,
)


def _places(name, length, obj, start, stop, step, int_ind):
    """The places that are named along an axis: an array, a slice or one number."""
    if obj is not None:
        if obj.dtype.kind not in "iub":
            raise ArgumentError(f"places are integers, but got {obj.dtype}, in operator {name}")
        index = obj.ravel().nonzero()[0] if obj.dtype.kind == "b" else obj.ravel().astype(np.int64)
    elif int_ind is not None:
        index = np.array([int_ind])
    elif step == 0:
        raise ArgumentError(f"slice step cannot be zero, in operator {name}")
    else:
        index = np.arange(length)[slice(start, stop, step)]
    return index


def _in_bounds(name, index, length):
    if index.size and not (-length <= index.min() and index.max() < length):
        wrong = index[(index < -length) | (index >= length)][0]
        raise ArgumentError(f"index {wrong} is out of bounds for axis with size {length}, in operator {name}")
    return np.where(index < 0, index + length, index)


@numpy_operator("_npi_delete", shape="value", fails=True)
def delete(
    arr,
    obj=None,
    *,
    start: Maybe(int) = None,
    stop: Maybe(int) = None,
    step: Maybe(int) = None,
    int_ind: Maybe(int) = None,
    axis: Maybe(int) = None,
):
    """Without the slices at some places along an axis; of the flattened array, with axis=None.

    The places are the array `obj`, or the number `int_ind`, or from `start` to before `stop` in steps of `step`."""
    line, axis = _along("_npi_delete", arr, axis)
    left = kept_places.forward(obj, length=line.shape[axis], start=start, stop=stop, step=step, int_ind=int_ind)
    return line.take(left, axis)


def _along(name, arr, axis):
    return (arr.ravel(), 0) if axis is None else (arr, normal_axis(name, axis, arr.ndim))


@numpy_operator("_backward_delete_places", shape="value", fails=True)
def kept_places(
    obj=None,
    *,
    length: int,
    start: Maybe(int) = None,
    stop: Maybe(int) = None,
    step: Maybe(int) = None,
    int_ind: Maybe(int) = None,
):
    """The places from 0 to below `length` that `_npi_delete` leaves. Output: int64."""
    index = _in_bounds("_npi_delete", _places("_npi_delete", length, obj, start, stop, step, int_ind), length)
    left = np.ones(length, bool)
    left[index] = False
    return left.nonzero()[0]


kept_places.no_gradient()


@delete.gradient("arr")
def _(F, g, arr_shape, obj, start, stop, step, int_ind, axis):
    shape = (math.prod(arr_shape),) if axis is None else arr_shape
    axis = 0 if axis is None else axis % len(shape)
    places = () if obj is None else (obj,)
    left = F._backward_delete_places(*places, length=shape[axis], start=start, stop=stop, step=step, int_ind=int_ind)
    return F._backward_reshape(F._backward_take(g, left, axis=axis, mode="clip", shape=shape), shape=arr_shape)


@numpy_operator("_backward_insert_places", outputs=("new", "old"), shape="value", fails=True)
def inserted_places(
    obj=None,
    *,
    length: int,
    count: int,
    start: Maybe(int) = None,
    stop: Maybe(int) = None,
    step: Maybe(int) = None,
    int_ind: Maybe(int) = None,
):
    """Where in the result `_npi_insert_...` puts new slices, and where the `length` old ones. Outputs: int64.

    count: how many new ones there are at the one place `int_ind`."""
    index = _places("_npi_insert", length, obj, start, stop, step, int_ind)
    if obj is None and int_ind is not None:
        index = index.repeat(count)
    index = np.where(index < 0, index + length, index)
    if index.size and (index.min() < 0 or index.max() > length):
        raise ArgumentError(f"places {index} are out of bounds for an axis with size {length}, in operator _npi_insert")
    order = index.argsort(kind="stable")
    new = index.copy()
    new[order] += np.arange(len(index))
    old = np.ones(length + len(index), bool)
    old[new] = False
    return new, old.nonzero()[0]


inserted_places.no_gradient()


def _widened(shape, ndim):
    return (1,) * (ndim - len(shape)) + tuple(shape)


def _line(shape, axis):
    """The shape of the array that is inserted into, and the axis from 0; a flattened array, for axis=None."""
    return ((math.prod(shape),), 0) if axis is None else (tuple(shape), axis % max(1, len(shape)))


def _insert(name, arr, values, obj, val, axis, places):
    """`arr` with `values`, or the number `val`, before the places that `obj` or `places` (start, stop, step, int_ind)
    name."""
    if axis is not None:
        normal_axis(name, axis, arr.ndim)
    shape, along = _line(arr.shape, axis)
    if values is None and val is None:
        raise ArgumentError(f"{name} takes values, or the number val")
    values = (np.array(val) if values is None else values).astype(arr.dtype, copy=False)
    if values.ndim > len(shape):
        raise ShapeError(f"could not insert {shown(values)} into {shown(arr)}, in operator {name}")
    values = values.reshape(_widened(values.shape, len(shape)))
    if _is_one_place(obj, places):
        values = np.moveaxis(values, 0, along)  # NumPy has it so for one place
    new, old = inserted_places.forward(obj, length=shape[along], count=values.shape[along], **places)
    result = np.empty((*shape[:along], len(new) + len(old), *shape[along + 1 :]), arr.dtype)
    lead = (slice(None),) * along
    result[(*lead, old)] = arr.reshape(shape)
    try:
        result[(*lead, new)] = values
    except ValueError:
        raise ShapeError(
            f"could not insert {shown(values)} at {len(new)} places of axis {along} of {shown(arr)}, in {name}"
        ) from None
    return result


def _is_one_place(obj, places):
    return obj is None and places["int_ind"] is not None


def _into_insert(F, g, arr, values, obj, axis, places):
    """The gradients of `arr` and, if they are an array, of `values`."""
    shape, along = _line(arr.shape, axis)
    one = _is_one_place(obj, places)
    wide = () if values is None else _widened(values.shape, len(shape))
    order = list(range(1, len(shape)))
    order.insert(along, 0)
    moved = tuple(wide[i] for i in order) if one and wide else wide
    given = () if obj is None else (obj,)
    new, old = F._backward_insert_places(*given, length=shape[along], count=moved[along] if moved else 1, **places)
    into_arr = F._backward_reshape(F.take(g, old, axis=along), shape=arr.shape)
    if values is None:
        return [in_dtype(F, into_arr, arr.dtype)]
    into = back_to(F, F.take(g, new, axis=along), moved, values.dtype)
    if one:
        into = F.transpose(into, axes=tuple(int(i) for i in np.argsort(order)))
    return [in_dtype(F, into_arr, arr.dtype), F._backward_reshape(into, shape=values.shape)]


def _document_insert(before):
    return (
        f"With slices inserted before {before} along an axis; into the flattened array, with axis=None.\n\n"
        "values: what broadcasts to the new slices; or the number `val`. Output: dtype of `arr`."
    )


def _declare_insert(name, before):
    def insert(arr, values=None, *, val: Maybe(float) = None, start: Maybe(int) = None, stop: Maybe(int) = None,
               step: Maybe(int) = None, int_ind: Maybe(int) = None, axis: Maybe(int) = None):  # fmt: skip
        places = {"start": start, "stop": stop, "step": step, "int_ind": int_ind}
        return _insert(name, arr, values, None, val, axis, places)

    insert.__doc__ = _document_insert(before)
    row = numpy_operator(name)(insert)

    @row.joint_gradient
    def _(F, g, arr, values, start, stop, step, int_ind, axis):
        places = {"start": start, "stop": stop, "step": step, "int_ind": int_ind}
        return _into_insert(F, g, arr, values, None, axis, places)


_declare_insert("_npi_insert_scalar", "the place `int_ind`")
_declare_insert("_npi_insert_slice", "the places from `start` to before `stop` by `step`")


def _insert_tensor(
    arr, values=None, obj=None, *, val: Maybe(float) = None, start: Maybe(int) = None, stop: Maybe(int) = None,
    step: Maybe(int) = None, int_ind: Maybe(int) = None, axis: Maybe(int) = None,
):  # fmt: skip
    if obj is None:
        values, obj = None, values  # with a number for `val`, the places are the second array
    places = {"start": start, "stop": stop, "step": step, "int_ind": int_ind}
    return _insert("_npi_insert_tensor", arr, values, obj, val, axis, places)


_insert_tensor.__doc__ = _document_insert("each of the places in the array `obj`")
insert_tensor = numpy_operator("_npi_insert_tensor", shape="value", fails=True)(_insert_tensor)


@insert_tensor.joint_gradient
def _(F, g, arr, values, obj, start, stop, step, int_ind, axis):
    if obj is None:
        values, obj = None, values
    places = {"start": start, "stop": stop, "step": step, "int_ind": int_ind}
    return [*_into_insert(F, g, arr, values, obj, axis, places), None]


# -- padding -----------------------------------------------------------------------------------------------------------


class Pairs(Tuple):
    """A tuple of tuples of integers; MXNet writes it ((1, 2), (0, 1))."""

    def __init__(self):
        super().__init__(Shape, "tuple of <Shape(tuple)>")

    def parse(self, value):
        text = value.decode("utf-8") if isinstance(value, bytes) else value
        if isinstance(text, str):
            value = re.findall(r"[(\[]([^()\[\]]*)[)\]]", text)
        return super().parse(value)


MODES = Choice("constant", "edge", "maximum", "minimum", "reflect", "symmetric")


def _widths(name, ndim, pad_width):
    widths = pad_width * ndim if len(pad_width) == 1 else pad_width
    if len(widths) != ndim or any(len(w) != 2 or min(w) < 0 for w in widths):
        raise ArgumentError(f"pad_width={pad_width} must hold two numbers from 0 for each of {ndim} axes, in {name}")
    return widths


@numpy_operator("_npi_pad")
def pad(data, *, pad_width: Pairs(), mode: MODES = "constant", constant_value: float = 0.0, reflect_type: str = "even"):
    """Longer axes: (elements before, elements after) for each.

    mode: with `constant_value`, with the value at the edge, the largest or smallest along the axis, or mirrored without
    ("reflect") or with ("symmetric") the edge. reflect_type: only "even" is there."""
    widths = _widths("_npi_pad", data.ndim, pad_width)
    if not widths:
        return data.copy()
    if reflect_type != "even":
        raise ArgumentError(f"reflect_type={reflect_type!r} is not supported: only 'even', in operator _npi_pad")
    if mode == "constant":
        return np.pad(data, widths, mode, constant_values=np.array(constant_value).astype(data.dtype))
    if any(n == 0 and any(w) for n, w in zip(data.shape, widths)):
        raise ShapeError(f"can't extend empty axes of {list(data.shape)} with mode={mode}, in operator _npi_pad")
    return np.pad(data, widths, mode)


@numpy_operator("_backward_pad_places")
def pad_places(data, *, pad_width: Pairs(), mode: MODES = "constant"):
    """For each element of the padded array, the place in the flattened `data` that it was copied from; the number of
    elements for one that was not. Output: int64."""
    places = np.arange(data.size).reshape(data.shape)
    for axis, width in enumerate(_widths("_npi_pad", data.ndim, pad_width)):
        if mode == "constant":
            each = [(0, 0)] * data.ndim
            each[axis] = width
            places = np.pad(places, each, constant_values=data.size)
        elif mode in ("maximum", "minimum"):
            values = data.reshape(-1)[places]
            best = (values.argmax if mode == "maximum" else values.argmin)(axis, keepdims=True)
            best = np.take_along_axis(places, best, axis)
            places = np.concatenate([best.repeat(width[0], axis), places, best.repeat(width[1], axis)], axis)
        else:
            places = places.take(np.pad(np.arange(data.shape[axis]), width, mode), axis)
    return places


pad_places.no_gradient()


@pad.gradient
def _(F, g, data, pad_width, mode):
    size = math.prod(data.shape)
    places = F._backward_pad_places(data, pad_width=pad_width, mode=mode)
    flat = F._backward_take(g, places, axis=0, mode="clip", shape=(size + 1,))
    return F._backward_reshape(F.slice(flat, begin=(0,), end=(size,)), shape=data.shape)


# -- polynomials -------------------------------------------------------------------------------------------------------


@numpy_operator("_npi_polyval")
def polyval(p, x):
    """The polynomial with coefficients `p`, the highest power first, at each element of `x`.

    Output: shape of `x`, the common dtype."""
    if p.ndim != 1:
        raise ShapeError(f"takes coefficients with one axis, but got shape {list(p.shape)}, in operator _npi_polyval")
    dtype = common_dtype(p, x)
    return np.polyval(p.astype(dtype, copy=False), x.astype(dtype, copy=False)).astype(dtype, copy=False)


@polyval.gradient("x")
def _(F, g, p, x):
    n, p = p.shape[0], in_dtype(F, p, g.dtype)
    if n < 2:
        return in_dtype(F, F.zeros_like(x), x.dtype)
    powers = F._arange(start=float(n - 1), stop=0.0, step=-1.0, dtype=np.dtype(g.dtype).name)
    slope = F.slice(p, begin=(0,), end=(n - 1,)) * powers
    return in_dtype(F, g * F._npi_polyval(slope, in_dtype(F, x, g.dtype)), x.dtype)


@polyval.gradient("p")
def _(F, g, p_shape, p_dtype, x):
    x = in_dtype(F, x, g.dtype)
    terms = [F._np_sum(g * x**k if k else g) for k in range(p_shape[0] - 1, -1, -1)]
    return in_dtype(F, F._npi_stack(*terms, axis=0), p_dtype)

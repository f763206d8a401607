"""NumPy's operators that find and choose elements by their values, and differences of neighbours."""

import math

import numpy as np

from ..attributes import Maybe, Shape
from ..errors import ArgumentError, ShapeError
from .numpy_common import (
    back_to,
    in_dtype,
    normal_axis,
    numpy_operator,
    shown,
)


@numpy_operator("_npx_nonzero", "_npi_nonzero", shape="value")
def nonzero(x):
    """The positions of the elements that are not zero: a row for each, in order.

    Output: (number of them, number of axes), int64; of shape () one column."""
    return np.argwhere(x if x.ndim else x.reshape(1)).astype(np.int64, copy=False)


nonzero.no_gradient()


def _unique_outputs(attrs):
    return 1 + sum(attrs[name] for name in ("return_index", "return_inverse", "return_counts"))


@numpy_operator("_npi_unique", shape="value", outputs=("output", "a", "b", "c"), visible=_unique_outputs)
def unique(
    data,
    *,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Maybe(int) = None,
):
    """The different values in order; with `axis`, the different slices along it.

    Further outputs, int64, as asked for: where each occurs first, which of them each element is, how often each
    occurs."""
    if axis is not None:
        axis = normal_axis("_npi_unique", axis, data.ndim)
    result = np.unique(data, return_index, return_inverse, return_counts, axis)
    found = list(result) if isinstance(result, tuple) else [result]
    found = [found[0], *(x.reshape(-1).astype(np.int64) for x in found[1:])]
    return [*found, *[np.zeros(0, np.int64)] * (4 - len(found))]


unique.no_gradient()


def _mask_of(name, data, mask, start):
    shape = data.shape[start : start + mask.ndim]
    if mask.ndim == 0 or start < 0 or shape != mask.shape:
        raise ShapeError(
            f"boolean index did not match indexed array: a mask of shape {list(mask.shape)} for axes of "
            f"{list(data.shape)} from {start} on, in operator {name}"
        )
    return (slice(None),) * start + (mask != 0,)


@numpy_operator("_npi_masked", shape="value")
def masked(data, mask):
    """The elements, or slices along the following axes, where `mask` is not zero, one after the other.

    mask: the shape of the first axes of `data`, any dtype. Output: (how many there are, *following axes)."""
    return data[_mask_of("_npi_masked", data, mask, 0)]


@masked.gradient("data")
def _(F, g, mask, data_shape):
    return F._backward_masked(g, mask, shape=data_shape)


@numpy_operator("_backward_masked")
def backward_masked(ograd, mask, *, shape: Shape):
    """Zeros of `shape` with `ograd` where `mask` is not zero."""
    result = np.zeros(shape, ograd.dtype)
    result[mask != 0] = ograd
    return result


@backward_masked.gradient("ograd")
def _(F, g, mask):
    return F._npi_masked(g, mask)


@numpy_operator("_npi_boolean_mask_assign_scalar")
def boolean_mask_assign_scalar(data, mask, *, value: float, start_axis: int = 0):
    """A copy of `data` that is the number `value` where `mask` is not zero.

    mask: the shape of axes of `data`, from `start_axis` on."""
    result = data.copy()
    np.copyto(
        result, value, casting="unsafe", where=_spread_mask("_npi_boolean_mask_assign_scalar", data, mask, start_axis)
    )
    return result


def _spread_mask(name, data, mask, start):
    """The mask in a shape that broadcasts to that of `data`."""
    _mask_of(name, data, mask, start)
    after = data.ndim - start - mask.ndim
    return (mask != 0).reshape((1,) * start + mask.shape + (1,) * after)


@boolean_mask_assign_scalar.gradient("data")
def _(F, g, mask, start_axis):
    return F._npi_boolean_mask_assign_scalar(g, mask, value=0.0, start_axis=start_axis)


@numpy_operator("_npi_boolean_mask_assign_tensor", fails=True)
def boolean_mask_assign_tensor(data, mask, value, *, start_axis: int = 0):
    """A copy of `data` that is `value` where `mask` is not zero: one element for each, or what broadcasts to that."""
    result = data.copy()
    key = _mask_of("_npi_boolean_mask_assign_tensor", data, mask, start_axis)
    try:
        result[key] = value.astype(data.dtype, copy=False)
    except (ValueError, TypeError):  # the latter for a mask of all axes and a value of several
        part = list(data[key].shape)
        raise ShapeError(
            f"cannot assign {shown(value)} to the {part} elements that the mask selects, "
            f"in operator _npi_boolean_mask_assign_tensor"
        ) from None
    return result


@boolean_mask_assign_tensor.gradient("data")
def _(F, g, mask, start_axis):
    return F._npi_boolean_mask_assign_scalar(g, mask, value=0.0, start_axis=start_axis)


@boolean_mask_assign_tensor.gradient("value")
def _(F, g, mask, value_shape, value_dtype, start_axis):
    """The mask's axes come first, so that the masked elements of `g` do."""
    n, k = len(g.shape), len(mask.shape)
    order = (*range(start_axis, start_axis + k), *range(start_axis), *range(start_axis + k, n))
    picked = F._npi_masked(F.transpose(g, axes=order), mask)
    if start_axis:
        m = len(picked.shape)
        picked = F.transpose(picked, axes=(*range(1, start_axis + 1), 0, *range(start_axis + 1, m)))
    return back_to(F, picked, value_shape, value_dtype)


# -- differences -------------------------------------------------------------------------------------------------------


@numpy_operator("_npi_diff", views=True)
def diff(a, *, n: int = 1, axis: int = -1):
    """Each element minus the one before along an axis, `n` times over.

    Output: dtype of `a`, shorter by n along the axis."""
    if a.dtype.kind == "b":
        raise ArgumentError("Operator _npi_diff does not support boolean type")
    if n < 0:
        raise ArgumentError(f"order must be non-negative but got {n}, in operator _npi_diff")
    axis = normal_axis("_npi_diff", axis, a.ndim)
    return np.diff(a, min(n, a.shape[axis]), axis)


@diff.gradient
def _(F, g, a_shape, n, axis):
    return F._backward_diff(g, shape=a_shape, n=n, axis=axis)


@numpy_operator("_backward_diff", views=True)
def backward_diff(ograd, *, shape: Shape, n: int, axis: int):
    """The transpose of `_npi_diff` of an array of `shape`."""
    if n >= shape[axis]:
        return np.zeros(shape, ograd.dtype)
    width = [(0, 0)] * len(shape)
    width[axis] = (1, 1)
    for _ in range(n):
        ograd = -np.diff(np.pad(ograd, width), axis=axis)
    return ograd


@backward_diff.gradient
def _(F, g, n, axis):
    return F._npi_diff(g, n=n, axis=axis)


@numpy_operator("_npi_ediff1d")
def ediff1d(
    input1,
    input2=None,
    input3=None,
    *,
    to_begin_arr_given: bool = False,
    to_end_arr_given: bool = False,
    to_begin_scalar: Maybe(float) = None,
    to_end_scalar: Maybe(float) = None,
):
    """The differences of consecutive elements of the flattened array, after and before other values.

    input2, input3: arrays to begin and to end with, where to_begin_arr_given and to_end_arr_given say so; else the
    numbers to_begin_scalar and to_end_scalar. Output: one axis, dtype of `input1`."""
    first, last = _ends(input2, input3, to_begin_arr_given, to_end_arr_given)
    dtype = input1.dtype
    parts = [_end(first, to_begin_scalar, dtype), np.diff(input1.ravel()), _end(last, to_end_scalar, dtype)]
    return np.concatenate(parts).astype(dtype, copy=False)


def _ends(input2, input3, begins, ends):
    """The arrays to begin and to end with, None where there is none."""
    given = [x for x in (input2, input3) if x is not None]
    return given.pop(0) if begins and given else None, given.pop(0) if ends and given else None


def _end(array, scalar, dtype):
    if array is not None:
        return array.ravel().astype(dtype, copy=False)
    return np.zeros(0, dtype) if scalar is None else np.array([scalar]).astype(dtype)


@ediff1d.joint_gradient
def _(F, g, input1, input2, input3, to_begin_arr_given, to_end_arr_given, to_begin_scalar):
    first, last = _ends(input2, input3, to_begin_arr_given, to_end_arr_given)
    before = math.prod(first.shape) if first is not None else int(to_begin_scalar is not None)
    size = math.prod(input1.shape)
    count = max(0, size - 1)
    middle = F.slice(g, begin=(before,), end=(before + count,))
    gradients = [F._backward_reshape(F._backward_diff(middle, shape=(size,), n=1, axis=0), shape=input1.shape)]
    if first is not None:
        part = F._backward_reshape(F.slice(g, begin=(None,), end=(before,)), shape=first.shape)
        gradients.append(in_dtype(F, part, first.dtype))
    if last is not None:
        part = F._backward_reshape(F.slice(g, begin=(before + count,), end=(None,)), shape=last.shape)
        gradients.append(in_dtype(F, part, last.dtype))
    return gradients

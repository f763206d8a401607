"""Sorting and ranking. NaN counts as larger than any number; of equal values the earlier comes first."""

import math

import numpy as np

from ..attributes import Choice, DType, Maybe
from ..errors import ArgumentError
from ..inference import is_known, with_length
from ..registry import operator
from .common import normal_axis

INDEX = DType("float16", "float32", "float64", "int32", "int64", "uint8")


def _line_up(name, data, axis):
    """The array and the axis to sort: flattened, where there is no axis."""
    return (data.reshape(-1), 0) if axis is None else (data, normal_axis(name, axis, data.ndim))


def _order(data, axis, is_ascend):
    """Positions of the sorted values along `axis`."""
    if is_ascend:
        return np.argsort(data, axis, kind="stable")
    # a negated array would overflow where it is of integers; a reversed order would reverse equal values
    return np.flip(data.shape[axis] - 1 - np.argsort(np.flip(data, axis), axis, kind="stable"), axis)


@operator("sort")
def sort(data, *, axis: Maybe(int) = -1, is_ascend: bool = True):
    """The values in order along `axis`; flattened, for None.

    Output: shape of `data`, or flat; dtype of `data`."""
    data, axis = _line_up("sort", data, axis)
    result = np.sort(data, axis)
    return result if is_ascend else np.ascontiguousarray(np.flip(result, axis))


@sort.gradient
def _(F, g, data, axis, is_ascend):
    order = F.argsort(data, axis=axis, is_ascend=is_ascend, dtype="int64")
    return _scattered(F, g, order, data.shape, axis)


def _scattered(F, g, index, shape, axis):
    """An array of `shape` with the elements of `g` at the positions of `index` along `axis`, else 0."""
    if axis is None:
        size = int(np.prod(shape, dtype=np.int64))
        return F.reshape(F._put_along(g, index, axis=0, size=size), shape=shape)
    return F._put_along(g, index, axis=axis, size=shape[axis])


@operator("argsort")
def argsort(data, *, axis: Maybe(int) = -1, is_ascend: bool = True, dtype: INDEX = "float32"):
    """The positions of the values in order along `axis`; in the flattened array, for None.

    Output: shape of `data`, or flat; dtype `dtype`."""
    data, axis = _line_up("argsort", data, axis)
    return _order(data, axis, is_ascend).astype(dtype)


argsort.no_gradient()


def _infer_sorted(shapes, attrs):
    shape = shapes.ins[0]
    if attrs["axis"] is not None:
        shapes.output(shape)
    elif is_known(shape):
        shapes.output((math.prod(shape),))


sort.infers(_infer_sorted)
argsort.infers(_infer_sorted)

PARTITION_FROM = 64  # elements; for fewer, sorting them all is as fast
FEW = 16  # elements, which are found faster one after the other than by partition


def _top(data, axis, k, is_ascend):
    """Positions of the k first values in order along `axis`."""
    n = data.shape[axis]
    if k == 1:
        index = np.expand_dims((np.argmin if is_ascend else np.argmax)(data, axis), axis)
        # NumPy finds NaN first by either
        if not is_ascend or data.dtype.kind != "f" or not np.isnan(np.take_along_axis(data, index, axis)).any():
            return index
    if n < PARTITION_FROM or k > n // 8:
        return np.take(_order(data, axis, is_ascend), range(k), axis)
    if k <= FEW and not is_ascend and axis == data.ndim - 1 and data.size > n and data.dtype.kind != "b":
        index = _largest(data, k)
        if index is not None:
            return index
    if data.dtype.kind == "f" and np.isnan(data).any():
        return np.take(_order(data, axis, is_ascend), range(k), axis)
    some = np.argpartition(data, k - 1 if is_ascend else n - k, axis)
    some = np.sort(np.take(some, range(k) if is_ascend else range(n - k, n), axis), axis)
    return np.take_along_axis(some, _order(np.take_along_axis(data, some, axis), axis, is_ascend), axis)


def _largest(data, k):
    """Positions of the k largest values of each row, in order; None where a row has no k values above the least that
    its dtype has, for which those found before cannot be told from the others."""
    least = -np.inf if data.dtype.kind == "f" else np.iinfo(data.dtype).min
    left = data.reshape(-1, data.shape[-1]).copy()
    index = np.empty((len(left), k), np.intp)
    rows = np.arange(len(left))
    for i in range(k):
        at = left.argmax(1)
        if (left[rows, at] == least).any():
            return None
        left[rows, at] = least
        index[:, i] = at
    return index.reshape(*data.shape[:-1], k)


@operator("topk", outputs=("output", "indices"), visible=lambda attrs: 2 if attrs["ret_typ"] == "both" else 1)
def topk(
    data,
    *,
    axis: Maybe(int) = -1,
    k: int = 1,
    ret_typ: Choice("both", "indices", "mask", "value") = "indices",
    is_ascend: bool = False,
    dtype: INDEX = "float32",
):
    """The k largest values along `axis` (smallest, with `is_ascend`), in order; of the flattened array, for None.

    k: less than 1 means all. ret_typ: what to return: values, their positions in `dtype`, both, or a mask of the shape
    and dtype of `data` that is 1 there. Which of several equal values are the last of the k is left open."""
    line, along = _line_up("topk", data, axis)
    n = line.shape[along]
    if k > n:
        raise ArgumentError(
            f"topk takes k from 1 to the {n} elements along axis {axis} of {list(data.shape)}, but got k={k}"
        )
    index = _top(line, along, k, is_ascend) if 0 < k < n else _order(line, along, is_ascend)
    if ret_typ == "indices":
        return [index.astype(dtype)]
    if ret_typ == "mask":
        mask = np.zeros(line.shape, data.dtype)
        np.put_along_axis(mask, index, 1, along)
        return [mask.reshape(data.shape)]
    values = np.take_along_axis(line, index, along)
    return [values, index.astype(dtype)] if ret_typ == "both" else [values]


@topk.infers
def _(shapes, attrs):
    shape, axis, k = shapes.ins[0], attrs["axis"], attrs["k"]
    if shape is None or (axis is None and not is_known(shape)):
        return
    if attrs["ret_typ"] != "mask":
        shape = (math.prod(shape),) if axis is None else shape
        axis = normal_axis("topk", 0 if axis is None else axis, len(shape))
        if shape[axis] and k > shape[axis]:
            raise ArgumentError(f"topk takes k from 1 to the {shape[axis]} elements along axis {axis}, but got k={k}")
        shape = with_length(shape, axis, k if k > 0 else shape[axis])
    for position in range(len(shapes.outs)):
        shapes.output(shape, position)


@topk.gradient
def _(F, g, data, axis, k, ret_typ, is_ascend):
    if ret_typ in ("indices", "mask"):
        return F.zeros_like(data)
    index = F.topk(data, axis=axis, k=k, is_ascend=is_ascend, dtype="int64")[0]
    return _scattered(F, g[0], index, data.shape, axis)


@operator("_put_along")
def put_along(data, index, *, axis: int, size: int):
    """Zeros of length `size` along `axis`, with the elements of `data` at the positions `index`, each at most once.

    index: shape of `data`, integers. Output: dtype of `data`."""
    axis = normal_axis("_put_along", axis, data.ndim)
    result = np.zeros((*data.shape[:axis], size, *data.shape[axis + 1 :]), data.dtype)
    np.put_along_axis(result, index, data, axis)
    return result


@put_along.gradient("data")
def _(F, g, index, axis):
    return F._take_along(g, index, axis=axis)


@operator("_take_along")
def take_along(data, index, *, axis: int):
    """The elements of `data` at the positions `index` along `axis`, each taken at most once.

    index: integers; `data`'s shape but for the axis. Output: shape of `index`, dtype of `data`."""
    return np.take_along_axis(data, index, normal_axis("_take_along", axis, data.ndim))


@take_along.gradient("data")
def _(F, g, index, data_shape, axis):
    return F._put_along(g, index, axis=axis, size=data_shape[axis])

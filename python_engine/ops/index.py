"""Operators that choose elements or rows by their positions.

Positions are arrays of any dtype; a fraction is cut off, as C does. `mode` says what becomes of those out of range:
"clip" (the nearest), "wrap" (modulo the length) or "raise".
"""

import math
from functools import lru_cache

import numpy as np

from ..attributes import Choice, DType, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import from_inputs, merged, with_length
from ..registry import operator
from .common import at_least_1d, check_same_dtype, normal_axis
from .sums import starts

MODE = Choice("clip", "raise", "wrap")
VALUES = DType("float16", "float32", "float64", "int32", "int64", "int8", "uint8")


def whole_numbers(index):
    """Positions as integers that cannot overflow."""
    return index if index.dtype.kind == "i" and index.itemsize == 8 else index.astype(np.int64)


@lru_cache(maxsize=256)
def _scalar(number):
    """An integer as an array, which NumPy would make of it at each use."""
    array = np.array(number)
    array.flags.writeable = False
    return array


def in_range(operator_name, index, length, mode):
    """Positions as integers in [0, length)."""
    index = whole_numbers(index)
    if length == 0 and index.size:
        raise ShapeError(f"there is nothing to choose from an axis of length 0, in operator {operator_name}")
    if mode == "wrap":
        return index % length
    if mode == "clip":
        return index.clip(_scalar(0), _scalar(length - 1))
    check_range(operator_name, index, 0, length)
    return index


def check_range(operator_name, index, least, length):
    """Refuse positions outside [least, length)."""
    if index.size and not (least <= index.min() and index.max() < length):
        wrong = index[(index < least) | (index >= length)].flat[0]
        raise ArgumentError(
            f"index {wrong} is out of bounds for an axis of size {length}: positions are in [{least}, {length}), "
            f"in operator {operator_name}"
        )


def add_rows(shape, axis, index, values):
    """Zeros of `shape` to which `values` are added at the positions `index` of `axis`.

    values: shape[:axis] + index.shape + shape[axis + 1:], where the positions may repeat.
    """
    result = np.zeros(shape, values.dtype)
    if not values.size:
        return result
    inner = math.prod(shape[axis + 1 :])
    places = index.reshape(-1, 1) * inner + np.arange(inner) if inner != 1 else index.reshape(-1, 1)
    if axis:
        outer = np.arange(0, result.size, shape[axis] * inner)
        places = outer.reshape(-1, 1, 1) + places
    # NumPy adds quickly at positions of a vector only
    np.add.at(result.reshape(-1), places.reshape(-1), values.reshape(-1))
    return result


@operator("take", fails=True)
def take(a, indices, *, axis: int = 0, mode: MODE = "clip"):
    """The slices of `a` at the positions `indices` along `axis`.

    Output: shape of `a` with that axis replaced by the axes of `indices`; dtype of `a`."""
    axis = normal_axis("take", axis, a.ndim)
    if a.shape[axis] == 0 or mode != "clip":
        indices = in_range("take", indices, a.shape[axis], mode)
    return a.take(whole_numbers(indices), axis, mode="clip")


@take.infers
def _(shapes, attrs):
    a, indices = shapes.ins
    if a is not None and indices is not None:
        axis = normal_axis("take", attrs["axis"], len(a))
        shapes.output((*a[:axis], *indices, *a[axis + 1 :]))


@take.gradient("a")
def _(F, g, indices, a_shape, axis, mode):
    return F._backward_take(g, indices, axis=axis, mode=mode, shape=a_shape)


@operator("_backward_take")
def backward_take(ograd, indices, *, axis: int, mode: MODE, shape: Shape):
    """Zeros of `shape` to which `ograd` is added where `take` would take it from."""
    axis = normal_axis("take", axis, len(shape))
    return add_rows(shape, axis, in_range("take", indices, shape[axis], mode), ograd)


@backward_take.gradient("ograd")
def _(F, g, indices, axis, mode):
    return F.take(g, indices, axis=axis, mode=mode)


def _embedding(data, weight, *, input_dim: int, output_dim: int, dtype: VALUES = "float32", sparse_grad: bool = False):
    """The rows of `weight` whose numbers are in `data`; numbers out of range mean the first or the last row.

    weight: (input_dim, output_dim). dtype is that of `weight` in a symbol that does not know it otherwise.
    sparse_grad: the gradient of `weight` is row_sparse, with the rows in `data` only; SparseEmbedding's always is.
    Output: (*shape of data, output_dim), dtype of `weight`."""
    if weight.shape != (input_dim, output_dim) or input_dim < 1:
        raise ShapeError(
            f"Shape inconsistent, Provided = {list(weight.shape)}, inferred shape=({input_dim},{output_dim}), "
            f"in operator Embedding"
        )
    return weight.take(whole_numbers(data), 0, mode="clip")


def _into_rows(F, g, data, weight_shape):
    return F._backward_SparseEmbedding(g, data, shape=weight_shape)


def _into_embedding(F, g, data, weight_shape, sparse_grad):
    if sparse_grad:
        return _into_rows(F, g, data, weight_shape)
    return F._backward_take(g, data, axis=0, mode="clip", shape=weight_shape)


def _infer_embedding(shapes, attrs):
    shapes.input(1, (attrs["input_dim"], attrs["output_dim"]))
    if shapes.ins[0] is not None:
        shapes.output((*shapes.ins[0], attrs["output_dim"]))


def _declare_embedding(rule, *names):
    row = operator(*names)(_embedding)
    row.gradient("weight")(rule)
    row.infers(_infer_embedding)


_declare_embedding(_into_embedding, "Embedding", "_sparse_Embedding")
_declare_embedding(_into_rows, "_contrib_SparseEmbedding")


def places(operator_name, shape, axis, index, mode):
    """Where the elements that `pick` picks are in the flattened array."""
    index = in_range(operator_name, index, shape[axis], mode).reshape(-1)
    if not index.size:
        return index
    inner = math.prod(shape[axis + 1 :])
    if inner == 1:
        return starts(index.size, shape[axis]) + index
    lines = np.arange(0, math.prod(shape), shape[axis] * inner).reshape(-1, 1) + np.arange(inner)
    return lines.reshape(-1) + index * inner


def check_pick(shape, index, axis):
    """`axis` from 0, and the shape of `pick`'s result with that axis kept."""
    if axis is None:
        raise ArgumentError("axis=None is not supported by pick: give the axis along which to pick one element")
    axis = normal_axis("pick", axis, len(shape))
    kept = (*shape[:axis], 1, *shape[axis + 1 :])
    if index.shape != kept and index.shape != (*shape[:axis], *shape[axis + 1 :]):
        raise ShapeError(
            f"Shape inconsistent, Provided = {list(index.shape)}: index must have the shape {list(kept)} of the data, "
            f"with or without the axis {axis} to pick from, in operator pick"
        )
    return axis, kept


@operator("pick", "choose_element_0index")
def pick(data, index, *, axis: Maybe(int) = -1, keepdims: bool = False, mode: Choice("clip", "wrap") = "clip"):
    """One element of each line along `axis`: the one at the position in `index`.

    index: shape of `data` without `axis`, or with length 1 there.
    Output: shape of `data` without `axis` (of length 1 with `keepdims`); dtype of `data`."""
    axis, kept = check_pick(data.shape, index, axis)
    shape = kept if keepdims or len(kept) == 1 else kept[:axis] + kept[axis + 1 :]
    return data.take(places("pick", data.shape, axis, index, mode).reshape(shape))


@pick.infers
def _(shapes, attrs):
    data, index = shapes.ins
    if data is None or attrs["axis"] is None:
        return
    axis = normal_axis("pick", attrs["axis"], len(data))
    kept, dropped = with_length(data, axis, 1), (data[:axis] + data[axis + 1 :]) or (1,)
    shapes.input(1, kept if index is not None and len(index) == len(data) else dropped)
    shapes.output(kept if attrs["keepdims"] else dropped)


@pick.gradient("data")
def _(F, g, index, data_shape, axis, keepdims, mode):
    return F._backward_pick(g, index, axis=axis, keepdims=keepdims, mode=mode, shape=data_shape)


@operator("_backward_pick")
def backward_pick(ograd, index, *, axis: int, keepdims: bool, mode: Choice("clip", "wrap"), shape: Shape):
    """Zeros of `shape` with `ograd` where `pick` would pick it."""
    gradient = np.zeros(shape, ograd.dtype)
    axis = normal_axis("pick", axis, len(shape))
    gradient.reshape(-1)[places("pick", shape, axis, index, mode)] = ograd.reshape(-1)
    return gradient


@backward_pick.gradient("ograd")
def _(F, g, index, axis, keepdims, mode):
    return F.pick(g, index, axis=axis, keepdims=keepdims, mode=mode)


@operator("batch_take")
def batch_take(a, indices):
    """One element of each line along the last axis of `a`: the one at the position in `indices`, clipped.

    indices: int32, as many as there are lines.
    Output: shape of `indices`, dtype of `a`."""
    if indices.dtype != np.int32:
        raise ShapeError(f"takes indices of dtype int32, but got {indices.dtype}, in operator batch_take")
    if a.ndim < 2 or indices.size * a.shape[-1] != a.size:
        raise ShapeError(
            f"takes an array of 2 axes or more and an index for each line of its last, but got {list(a.shape)} and "
            f"{list(indices.shape)}, in operator batch_take"
        )
    return a.take(places("batch_take", a.shape, a.ndim - 1, indices, "clip").reshape(indices.shape))


@batch_take.infers
def _(shapes, attrs):
    shapes.output(shapes.ins[1])


@operator("fill_element_0index", fails=True)
def fill_element_0index(lhs, mhs, rhs):
    """A copy of the matrix `lhs` in which row i has the value mhs[i] in column rhs[i]."""
    if lhs.ndim != 2 or mhs.shape != lhs.shape[:1] or rhs.shape != mhs.shape:
        raise ShapeError(
            f"takes a matrix, and a value and a column for each row, but got {list(lhs.shape)}, {list(mhs.shape)} and "
            f"{list(rhs.shape)}, in operator fill_element_0index"
        )
    result = lhs.copy()
    result[np.arange(len(lhs)), in_range("fill_element_0index", rhs, lhs.shape[1], "raise")] = mhs
    return result


def _encode(result, index, value):
    """Write `value` at the positions `index` of the rows of a matrix; positions out of range are skipped."""
    index = whole_numbers(index).reshape(-1)
    rows = ((index >= 0) & (index < result.shape[1])).nonzero()[0]
    result[rows, index[rows]] = value


@operator("one_hot")
def one_hot(indices, *, depth: int, on_value: float = 1.0, off_value: float = 0.0, dtype: VALUES = "float32"):
    """Each position as a vector of `depth` elements: `on_value` there, `off_value` elsewhere; for a position out of
    range, `off_value` everywhere.

    Output: (*shape of indices, depth), `dtype`."""
    if depth < 0:
        raise ArgumentError(f"depth must be a non-negative integer, but is {depth}, in operator one_hot")
    if dtype not in ("float16", "float32", "float64"):
        on_value, off_value = np.asarray((on_value, off_value)).astype(np.int64)
    result = np.zeros((*indices.shape, depth), dtype)
    if off_value:
        np.copyto(result, off_value, casting="unsafe")
    _encode(result.reshape(indices.size, depth), indices, np.asarray(on_value).astype(dtype))
    return result


one_hot.no_gradient()
one_hot.infers(from_inputs(lambda attrs, shape: (*shape, attrs["depth"])))


@operator("_onehot_encode")
def onehot_encode(lhs, rhs):
    """Each position in the vector `lhs` as a row of zeros with a 1, in the shape and dtype of the matrix `rhs`."""
    if lhs.ndim != 1 or rhs.ndim != 2 or len(lhs) != len(rhs):
        raise ShapeError(
            f"takes a vector and a matrix with as many rows, but got {list(lhs.shape)} and {list(rhs.shape)}, "
            f"in operator _onehot_encode"
        )
    result = np.zeros(rhs.shape, rhs.dtype)
    _encode(result, lhs, 1)
    return result


@operator("where", "_sparse_where")
def where(condition, x, y):
    """Elements of `x` where `condition` is not zero, of `y` elsewhere.

    x, y: one shape and dtype. condition: that shape, or a vector with one flag for each row; any dtype.
    Output: shape and dtype of `x`."""
    check_same_dtype("where", x, y)
    if x.shape != y.shape or (condition.shape != x.shape and condition.shape != x.shape[:1]):
        raise ShapeError(
            f"takes x and y of one shape and a condition of that shape or one flag for each row, but got "
            f"{list(condition.shape)}, {list(x.shape)} and {list(y.shape)}, in operator where"
        )
    if condition.ndim != x.ndim:
        condition = condition.reshape(-1, *(1,) * (x.ndim - 1))
    return np.where(condition, x, y)


@where.infers
def _(shapes, attrs):
    shape = merged(merged(shapes.ins[1], shapes.ins[2]), shapes.outs[0])
    condition = shapes.ins[0]
    if shape is None or (condition is not None and len(condition) == len(shape)):
        shape = merged(condition, shape)
        shapes.input(0, shape)
    shapes.ins[1:] = [shape] * 2
    shapes.output(shape)


@where.gradient("x")
def _(F, g, condition):
    return F.where(condition, g, F.zeros_like(g))


@where.gradient("y")
def _(F, g, condition):
    return F.where(condition, F.zeros_like(g), g)


def _mask(index):
    if index.ndim != 1:
        raise ShapeError(f"takes a vector as index, but got {list(index.shape)}, in operator _contrib_boolean_mask")
    return index != 0


@operator("_contrib_boolean_mask", shape="value")
def boolean_mask(data, index, *, axis: int = 0):
    """The rows of `data` where `index` is not zero.

    index: a vector as long as axis 0 of `data`. axis: 0 is the only one there is.
    Output: as many rows as `index` has non-zeros, perhaps none."""
    mask = _mask(index)
    if axis != 0:
        raise ArgumentError(f"axis={axis} is not supported: rows of axis 0 only, in operator _contrib_boolean_mask")
    if len(mask) != len(data):
        raise ShapeError(
            f"takes an index for each row, but got {list(index.shape)} for {list(data.shape)}, "
            f"in operator _contrib_boolean_mask"
        )
    return data[mask]


@boolean_mask.gradient("data")
def _(F, g, index):
    return F._backward_contrib_boolean_mask(g, index)


@operator("_backward_contrib_boolean_mask")
def backward_boolean_mask(ograd, index):
    """Zeros with the rows of `ograd` where `index` is not zero."""
    gradient = np.zeros((len(index), *ograd.shape[1:]), ograd.dtype)
    gradient[_mask(index)] = ograd
    return gradient


@backward_boolean_mask.gradient("ograd")
def _(F, g, index):
    return F._contrib_boolean_mask(g, index)


@operator("_contrib_getnnz")
def getnnz(data, *, axis: Maybe(int) = None):
    """How many elements of a matrix are not zero: in all, or along `axis`.

    Output: (1,), or the other axis; int64."""
    if data.ndim != 2:
        raise ShapeError(f"takes a matrix, but got {list(data.shape)}, in operator _contrib_getnnz")
    axis = None if axis is None else normal_axis("_contrib_getnnz", axis, 2)
    return at_least_1d(np.count_nonzero(data, axis)).astype(np.int64)

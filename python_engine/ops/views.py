"""Views that share memory with their source, as MXNet's `at`, `slice` on axis 0, `reshape` and `detach` do."""

import numpy as np

from ..attributes import Shape
from ..errors import ShapeError
from ..registry import operator
from .shape import resolve_shape


@operator("_view_slice", shape="view_slice", shares=True)
def view_slice(data, *, begin: int, end: int):
    """Rows begin (included) to end (excluded) of axis 0, sharing memory."""
    if not 0 <= begin <= end <= data.shape[0]:
        raise ShapeError(f"rows {begin} to {end} are not within the {data.shape[0]} rows of the array")
    return data[begin:end]


@view_slice.gradient
def _(F, g, data_shape, begin, end):
    return F._backward_view_slice(g, rows=data_shape[0], begin=begin)


@operator("_backward_view_slice")
def backward_view_slice(g, *, rows: int, begin: int):
    """`g` at rows begin and following of zeros with `rows` rows."""
    whole = np.zeros((rows, *g.shape[1:]), g.dtype)
    whole[begin : begin + g.shape[0]] = g
    return whole


@backward_view_slice.gradient
def _(F, g, g_shape, begin):
    return F._view_slice(g, begin=begin, end=begin + g_shape[0])


@operator("_view_at", shape="view_at", shares=True)
def view_at(data, *, index: int):
    """Row `index` of axis 0 without that axis (shape (1,) for a vector), sharing memory."""
    if not 0 <= index < data.shape[0]:
        raise ShapeError(f"Dimension 0 mismatch Idx: {index} >= Dim Size: {data.shape[0]}")
    return data[index : index + 1] if data.ndim == 1 else data[index]


@view_at.gradient
def _(F, g, data_shape, index):
    row = F.reshape(g, shape=(1, *data_shape[1:]))
    return F._backward_view_slice(row, rows=data_shape[0], begin=index)


@operator("_view_reshape", shape="reshape", shares=True, zero_dim=True)
def view_reshape(data, *, shape: Shape, reverse: bool = False):
    """Another shape of the same memory; codes as in Reshape."""
    return data.reshape(resolve_shape(data.shape, shape, reverse))


@view_reshape.gradient
def _(F, g, data_shape):
    return F._backward_reshape(g, shape=data_shape)


@operator("_view_detach", shape="same", shares=True, zero_dim=True)
def view_detach(data):
    """The same memory, outside any graph."""
    return data[...]


view_detach.in_no_graph()

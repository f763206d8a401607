"""NumPy's operators that join and split arrays."""

import math

import numpy as np

from ..attributes import Maybe, Shape
from ..errors import ArgumentError, ShapeError
from .numpy_common import (
    common_dtype,
    in_dtype,
    normal_axis,
    numpy_operator,
    shown,
)


def _alike(name, arrays, num_args):
    if not arrays or num_args not in (0, len(arrays)):
        raise ArgumentError(f"{name} takes num_args={num_args} arrays, at least 1, but got {len(arrays)}")
    dtype = common_dtype(*arrays)
    return [x.astype(dtype, copy=False) for x in arrays]


def _joined(name, arrays, axis):
    try:
        return np.concatenate(arrays, axis)
    except ValueError:
        raise ShapeError(
            f"cannot join arrays of shapes {shown(*arrays)} along axis {axis}, in operator {name}"
        ) from None


def _parts(F, g, axis, shapes, dtypes, own_shapes):
    """The gradients of arrays that were joined along an axis in `shapes`, each in its own shape and dtype."""
    starts = [0]
    for shape in shapes[:-1]:
        starts.append(starts[-1] + shape[axis])
    pieces = F._split_v2(g, indices=tuple(starts), axis=axis)
    return [
        in_dtype(F, F._backward_reshape(piece, shape=shape), dtype)
        for piece, shape, dtype in zip(pieces, own_shapes, dtypes, strict=True)
    ]


@numpy_operator("_npi_concatenate")
def concatenate(*data, num_args: int = 0, axis: Maybe(int) = 0):
    """The arrays one after the other along an axis; flattened, with axis=None. Output: their common dtype."""
    arrays = _alike("_npi_concatenate", data, num_args)
    if axis is None:
        return np.concatenate([x.ravel() for x in arrays])
    return _joined("_npi_concatenate", arrays, normal_axis("_npi_concatenate", axis, arrays[0].ndim))


@concatenate.gradient
def _(F, g, data_shapes, data_dtypes, axis):
    if axis is None:
        return _parts(F, g, 0, [(math.prod(s),) for s in data_shapes], data_dtypes, data_shapes)
    return _parts(F, g, axis % len(data_shapes[0]), data_shapes, data_dtypes, data_shapes)


@numpy_operator("_npi_stack")
def stack(*data, axis: int = 0, num_args: int = 0):
    """Arrays of one shape as slices along a new axis. Output: their common dtype."""
    arrays = _alike("_npi_stack", data, num_args)
    place = normal_axis("_npi_stack", axis, arrays[0].ndim + 1)
    if any(x.shape != arrays[0].shape for x in arrays):
        raise ShapeError(f"all input arrays must have the same shape, but got {shown(*arrays)}, in operator _npi_stack")
    return np.stack(arrays, place)


@stack.gradient
def _(F, g, data_shapes, data_dtypes, axis):
    shape = data_shapes[0]
    axis %= len(shape) + 1
    return _parts(F, g, axis, [(*shape[:axis], 1, *shape[axis:])] * len(data_shapes), data_dtypes, data_shapes)


def _declare_stack(name, doc, widen, axis_of):
    """widen: the shape in which an array is joined; axis_of: along which axis arrays of that shape are."""

    def compute(*data, num_args: int = 0):
        arrays = [x.reshape(widen(x.shape)) for x in _alike(name, data, num_args)]
        return _joined(name, arrays, axis_of(arrays[0].shape))

    def rule(F, g, data_shapes, data_dtypes):
        shapes = [widen(s) for s in data_shapes]
        return _parts(F, g, axis_of(shapes[0]), shapes, data_dtypes, data_shapes)

    compute.__doc__ = doc + " Output: their common dtype."
    numpy_operator(name)(compute).gradient(rule)


def _row(s):
    return (1,) * (2 - len(s)) + s


_declare_stack("_npi_hstack", "The arrays side by side: along axis 1; vectors one after the other.",
               lambda s: s or (1,), lambda s: min(1, len(s) - 1))  # fmt: skip
_declare_stack("_npi_vstack", "The arrays one above the other: along axis 0; a vector is a row.", _row, lambda s: 0)
_declare_stack("_npi_dstack", "The arrays behind each other: along axis 2; a vector is (1, n, 1), a matrix (n, m, 1).",
               lambda s: (*_row(s), 1) if len(s) < 3 else s, lambda s: 2)  # fmt: skip
_declare_stack("_npi_column_stack", "The arrays side by side; a vector is a column.",
               lambda s: (*(s or (1,)), 1) if len(s) < 2 else s, lambda s: 1)  # fmt: skip


# -- splitting ---------------------------------------------------------------------------------------------------------


def _declare_split(name, doc, axis_of):
    def compute(data, *, indices: Shape = (), axis: int = 1, squeeze_axis: bool = False, sections: int = 0):
        along = axis_of(name, data.ndim)
        length = data.shape[along]
        if sections < 0 or not (sections or indices):
            raise ArgumentError(f"{name} takes sections from 1 on, or indices, but got {sections} and {indices}")
        if sections and length % sections:
            raise ArgumentError(f"array split does not result in an equal division: {length} by {sections}, in {name}")
        bounds = [i * length // sections for i in range(sections + 1)] if sections else [*indices, length]
        if bounds[0] != 0 or any(not 0 <= i <= j <= length for i, j in zip(bounds, bounds[1:])):
            raise ArgumentError(f"indices={indices} must begin with 0 and grow to at most {length}, in operator {name}")
        lead = (slice(None),) * along
        return [data[(*lead, slice(i, j))].copy() for i, j in zip(bounds, bounds[1:])]

    compute.__doc__ = (
        f"{doc}: into `sections` equal parts, or, without, into parts that begin at `indices`, of which the first is "
        f"0.\n\naxis, squeeze_axis: accepted, of no effect."
    )
    row = numpy_operator(name, outputs="sections or indices")(compute)
    row.gradient(lambda F, g, data_shape: F.Concat(*g, dim=axis_of(name, len(data_shape))))


def _third_axis(name, ndim):
    if ndim < 3:
        raise ShapeError(f"takes an array of 3 axes or more, but got {ndim}, in operator {name}")
    return 2


def _second_axis(name, ndim):
    if ndim < 1:
        raise ShapeError(f"takes an array of 1 axis or more, in operator {name}")
    return min(1, ndim - 1)


_declare_split("_npi_hsplit", "The array cut along axis 1; a vector along its only one", _second_axis)
_declare_split("_npi_dsplit", "The array cut along axis 2", _third_axis)

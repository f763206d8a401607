"""Operators along a time axis, where each sequence of a batch may have a length of its own."""

import numpy as np

from ..attributes import Shape
from ..errors import ArgumentError, ShapeError
from ..inference import like_data
from ..registry import operator
from .nn import check_count, check_shape


def _lengths(operator_name, data, sequence_length, use_sequence_length, axis, axes=(0, 1)):
    """How many steps of each sequence count, as integers from 0 to all of them; None where all of all do."""
    check_count(operator_name, int(use_sequence_length), sequence_length)
    if axis not in axes:
        raise ArgumentError(
            f"Current implementation expects axis to be {' or '.join(map(str, axes))}, but got {axis}, in operator "
            f"{operator_name}"
        )
    if data.ndim < 2:
        raise ShapeError(
            f"The data array must be of rank 2 or greater, but has shape {list(data.shape)}, in operator "
            f"{operator_name}"
        )
    if sequence_length is None:
        return None
    check_shape(operator_name, "sequence_length", sequence_length, data.shape[1 - axis : 2 - axis])
    cut = np.minimum(sequence_length, data.shape[axis]).astype(np.int64)
    return np.maximum(cut, 0)  # only now, for NaN becomes a number of any size: it counts as 0


@operator("SequenceMask", views=True)
def sequence_mask(data, sequence_length=None, *, use_sequence_length: bool = False, value: float = 0.0, axis: int = 0):
    """`data` with `value` at all steps past each sequence's length.

    data: (steps, batch, ...) or, with axis=1, (batch, steps, ...). sequence_length (with `use_sequence_length`):
    (batch,), any dtype, rounded towards zero. Output: shape and dtype of `data`."""
    lengths = _lengths("SequenceMask", data, sequence_length, use_sequence_length, axis)
    if lengths is None:
        return data
    steps = np.arange(data.shape[axis])
    out = data.copy()
    out[steps[:, None] >= lengths if axis == 0 else steps >= lengths[:, None]] = np.array(value).astype(data.dtype)
    return out


@sequence_mask.gradient("data")
def _(F, g, sequence_length, use_sequence_length, axis):
    if not use_sequence_length:
        return g
    return F.SequenceMask(g, sequence_length, use_sequence_length=True, axis=axis)


def _last(data, lengths, axis):
    """Index of the last step of each sequence."""
    batch = np.arange(data.shape[1 - axis])
    last = np.maximum(lengths - 1, 0)
    return (last, batch) if axis == 0 else (batch, last)


@operator("SequenceLast")
def sequence_last(data, sequence_length=None, *, use_sequence_length: bool = False, axis: int = 0):
    """The last step of each sequence; zeros for a sequence of length 0.

    data: (steps, batch, ...) or, with axis=1, (batch, steps, ...). sequence_length (with `use_sequence_length`):
    (batch,), any dtype, rounded towards zero. Output: (batch, ...), dtype of `data`."""
    lengths = _lengths("SequenceLast", data, sequence_length, use_sequence_length, axis)
    if not data.shape[axis]:
        raise ShapeError(f"data of shape {list(data.shape)} has no steps, in operator SequenceLast")
    if lengths is None:
        return data[(slice(None),) * axis + (-1,)].copy()
    out = data[_last(data, lengths, axis)]
    out[lengths == 0] = 0
    return out


@sequence_last.gradient("data")
def _(F, g, sequence_length, data_shape, use_sequence_length, axis):
    lengths = [sequence_length] if use_sequence_length else []
    return F._backward_SequenceLast(g, *lengths, shape=data_shape, axis=axis)


@operator("_backward_SequenceLast")
def backward_sequence_last(ograd, sequence_length=None, *, shape: Shape, axis: int):
    """Zeros of `shape` with `ograd` where SequenceLast reads."""
    gradient = np.zeros(shape, ograd.dtype)
    if sequence_length is None:
        gradient[(slice(None),) * axis + (-1,)] = ograd
        return gradient
    lengths = _lengths("_backward_SequenceLast", gradient, sequence_length, True, axis)
    gradient[_last(gradient, lengths, axis)] = ograd
    gradient[(slice(None),) * (1 - axis) + (lengths == 0,)] = 0
    return gradient


@backward_sequence_last.gradient("ograd")
def _(F, g, sequence_length, axis):
    lengths = [] if sequence_length is None else [sequence_length]
    return F.SequenceLast(g, *lengths, use_sequence_length=bool(lengths), axis=axis)


@operator("SequenceReverse")
def sequence_reverse(data, sequence_length=None, *, use_sequence_length: bool = False, axis: int = 0):
    """The steps of each sequence in reverse order; those past its length stay where they are.

    data: (steps, batch, ...). sequence_length (with `use_sequence_length`): (batch,), any dtype, rounded towards
    zero. axis: 0 is the only one there is. Output: shape and dtype of `data`."""
    lengths = _lengths("SequenceReverse", data, sequence_length, use_sequence_length, axis, (0,))
    if lengths is None:
        return data[::-1].copy()
    steps = np.arange(len(data))[:, None]
    return data[np.where(steps < lengths, lengths - 1 - steps, steps), np.arange(data.shape[1])]


@sequence_reverse.gradient("data")
def _(F, g, sequence_length, use_sequence_length):
    lengths = [sequence_length] if use_sequence_length else []
    return F.SequenceReverse(g, *lengths, use_sequence_length=use_sequence_length)


def _infer_sequence(shapes, attrs):
    like_data(shapes, attrs)
    if shapes.ins[0] is not None:
        axis = 1 - attrs["axis"]
        shapes.input(1, shapes.ins[0][axis : axis + 1])


sequence_mask.infers(_infer_sequence)
sequence_reverse.infers(_infer_sequence)


@sequence_last.infers
def _(shapes, attrs):
    data, axis = shapes.ins[0], attrs["axis"]
    if data is not None:
        shapes.input(1, data[1 - axis : 2 - axis])
        shapes.output(data[:axis] + data[axis + 1 :])

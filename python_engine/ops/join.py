"""Operators that join arrays, and those that split one into several."""

from functools import partial
from itertools import accumulate
from math import prod

import numpy as np

from ..attributes import Shape
from ..blas import aligned
from ..errors import ArgumentError, ShapeError
from ..inference import merged, with_length
from ..registry import operator
from .common import at_least_1d, normal_axis

MOST_EMPTY = 4096  # pieces into which an axis that is shorter may be cut


def _check(operator_name, data, num_args):
    """Refuse no arrays, another number of them than was said, and arrays of several dtypes."""
    if not data or num_args not in (0, len(data)):
        raise ArgumentError(
            f"{operator_name} takes one array or more (num_args={num_args or 'not given'}), but got {len(data)}"
        )
    dtype = data[0].dtype
    for position, x in enumerate(data):
        if x.dtype is not dtype and x.dtype != dtype:
            raise ShapeError(
                f"Non-uniform data type in {operator_name}, expected data type {dtype}, got data type {x.dtype} for "
                f"input {position}"
            )


def _concat(operator_name):
    def concat(*data, num_args: int = 0, dim: int = 1):
        """The arrays one after the other along axis `dim` (negative: counted from the end).

        data: one dtype, and one shape but for that axis. num_args: how many there are, or 0.
        Output: axis `dim` is as long as theirs together."""
        _check(operator_name, data, num_args)
        axis = normal_axis(operator_name, dim, data[0].ndim)
        try:
            return np.concatenate(data, axis)
        except ValueError:
            raise ShapeError(
                f"Incompatible input shape: {', '.join(str(list(x.shape)) for x in data)} differ elsewhere than on "
                f"axis dim={dim}, in operator {operator_name}"
            ) from None

    return concat


def _from_concat(F, g, data_shapes, dim):
    axis = dim % len(g.shape)
    starts = [0]
    for shape in data_shapes[:-1]:
        starts.append(starts[-1] + shape[axis])
    return F._split_v2(g, indices=tuple(starts), axis=axis)


def _infer_concat(shapes, attrs, alike=False):
    """alike: parts of unknown length are as long as each other."""
    known = [shape for shape in (*shapes.ins, *shapes.outs) if shape is not None]
    if not known:
        return
    axis, rest = normal_axis("Concat", attrs["dim"], len(known[0])), None
    for shape in known:
        rest = merged(rest, with_length(shape, axis, 0))
    lengths = [0 if shape is None else shape[axis] for shape in shapes.ins]
    whole = shapes.outs[0][axis] if shapes.outs[0] is not None else 0
    unknown = lengths.count(0)
    if whole and (unknown == 1 or (unknown and alike)):
        lengths = [length or (whole - sum(lengths)) // unknown for length in lengths]
    for position, length in enumerate(lengths):
        shapes.input(position, with_length(rest, axis, length))
    shapes.output(with_length(rest, axis, sum(lengths) if all(lengths) else whole))


# of a recurrent layer's parameters only the first weights of its directions may be unknown
for _names, _alike in ((("Concat", "concat", "_sparse_concat"), False), (("_rnn_param_concat",), True)):
    _row = operator(*_names)(_concat(_names[0]))
    _row.gradient(_from_concat)
    _row.infers(partial(_infer_concat, alike=_alike))


@operator("_concat_flat")
def concat_flat(*data, num_args: int = 0):
    """All elements of the arrays, which have one dtype, one array after the other: one axis."""
    _check("_concat_flat", data, num_args)
    (flat,) = aligned(data[0].dtype, (sum(x.size for x in data),))
    return np.concatenate(data, None, out=flat)


@concat_flat.gradient
def _(F, g, data_shapes):
    ends = list(accumulate(map(prod, data_shapes), initial=0))
    return [
        F._backward_reshape(F._view_slice(g, begin=begin, end=end), shape=shape)
        for begin, end, shape in zip(ends, ends[1:], data_shapes)
    ]


@operator("stack")
def stack(*data, axis: int = 0, num_args: int = 0):
    """The arrays as slices along a new axis before `axis` (negative: counted in the result).

    data: one dtype and shape. num_args: how many there are, or 0.
    Output: the new axis is as long as there are arrays."""
    _check("stack", data, num_args)
    axis = normal_axis("stack", axis, data[0].ndim + 1)
    try:
        return np.stack(data, axis)
    except ValueError:
        raise ShapeError(
            f"takes arrays of one shape, but got {', '.join(str(list(x.shape)) for x in data)}, in operator stack"
        ) from None


@stack.gradient
def _(F, g, data_shapes, axis):
    return F.SliceChannel(g, num_outputs=len(data_shapes), axis=axis, squeeze_axis=True)


@stack.infers
def _(shapes, attrs):
    shape, out = None, shapes.outs[0]
    if out is not None:
        axis = normal_axis("stack", attrs["axis"], len(out))
        shape = out[:axis] + out[axis + 1 :]
    for known in shapes.ins:
        shape = merged(known, shape)
    shapes.ins[:] = [shape] * len(shapes.ins)
    if shape is not None:
        axis = normal_axis("stack", attrs["axis"], len(shape) + 1)
        shapes.output((*shape[:axis], len(shapes.ins), *shape[axis:]))


def _pieces(data, axis, bounds, squeeze):
    lead = (slice(None),) * axis
    if squeeze:
        return [at_least_1d(data[(*lead, i)].copy()) for i in bounds[:-1]]
    return [data[(*lead, slice(i, j))].copy() for i, j in zip(bounds, bounds[1:])]


def _join(F, g, data_shape, axis, squeeze_axis):
    if squeeze_axis and len(data_shape) > 1:
        return F.stack(*g, axis=axis)
    return F.Concat(*g, dim=axis)


@operator("SliceChannel", "split", outputs="num_outputs")
def slice_channel(data, *, num_outputs: int, axis: int = 1, squeeze_axis: bool = False):
    """`data` cut into `num_outputs` equal pieces along `axis`.

    squeeze_axis: drop that axis, where the pieces are of length 1."""
    axis = normal_axis("SliceChannel", axis, data.ndim)
    length = data.shape[axis]
    if num_outputs < 1 or length % num_outputs or num_outputs > max(length, MOST_EMPTY):
        raise ArgumentError(
            f"num_outputs={num_outputs} must be positive and divide the length of axis {axis} of {list(data.shape)}, "
            f"in operator SliceChannel"
        )
    if squeeze_axis and length != num_outputs:
        raise ShapeError(
            f"squeeze_axis takes pieces of length 1, but those of axis {axis} of {list(data.shape)} have "
            f"{length // num_outputs}, in operator SliceChannel"
        )
    return _pieces(data, axis, [i * length // num_outputs for i in range(num_outputs + 1)], squeeze_axis)


@slice_channel.infers
def _(shapes, attrs):
    count, data, piece = attrs["num_outputs"], shapes.ins[0], None
    for shape in shapes.outs:
        piece = merged(piece, shape)
    if piece is not None and attrs["squeeze_axis"]:
        axis = normal_axis("SliceChannel", attrs["axis"], len(piece) + 1)
        shapes.input(0, (*piece[:axis], count, *piece[axis:]))
    elif piece is not None:
        axis = normal_axis("SliceChannel", attrs["axis"], len(piece))
        shapes.input(0, with_length(piece, axis, piece[axis] * count))
    elif data is not None:
        axis = normal_axis("SliceChannel", attrs["axis"], len(data))
        if data[axis] % count:
            raise ShapeError(f"num_outputs={count} must divide the length of axis {axis} of {list(data)}")
        piece = with_length(data, axis, data[axis] // count)
        if attrs["squeeze_axis"]:
            piece = (data[:axis] + data[axis + 1 :]) or (1,)
    for position in range(len(shapes.outs)):
        shapes.output(piece, position)


slice_channel.gradient(_join)


@operator("_split_v2", outputs="sections or indices")
def split_v2(data, *, indices: Shape, axis: int = 1, squeeze_axis: bool = False, sections: int = 0):
    """`data` cut along `axis` into `sections` pieces, the first ones longer where they cannot be equal; or, without
    `sections`, into pieces that begin at `indices`, of which the first is 0.

    squeeze_axis: drop that axis, where the pieces are of length 1."""
    axis = normal_axis("_split_v2", axis, data.ndim)
    length = data.shape[axis]
    if sections > max(length, MOST_EMPTY):
        raise ArgumentError(f"sections={sections} are more than {list(data.shape)} can have, in operator _split_v2")
    if sections < 0 or not (sections or indices):
        raise ArgumentError(
            f"takes a positive number of sections, or indices, but got sections={sections} and indices={indices}, "
            f"in operator _split_v2"
        )
    if sections:
        size, longer = divmod(length, sections)
        bounds = [i * size + min(i, longer) for i in range(sections + 1)]
    else:
        bounds = [*indices, length]
        if bounds[0] != 0 or any(i > j for i, j in zip(bounds, bounds[1:])):
            raise ArgumentError(
                f"indices={indices} must begin with 0 and grow to at most the length of axis {axis} of "
                f"{list(data.shape)}, in operator _split_v2"
            )
    if squeeze_axis and any(j - i != 1 for i, j in zip(bounds, bounds[1:])):
        raise ShapeError(
            f"squeeze_axis takes pieces of length 1, but those of axis {axis} of {list(data.shape)} begin at "
            f"{bounds[:-1]}, in operator _split_v2"
        )
    return _pieces(data, axis, bounds, squeeze_axis)


split_v2.gradient(_join)

"""Shapes and dtypes of a graph's entries from those of some: what `infer_shape` and `infer_type` of a symbol do.

A shape is a tuple in which 0 stands for an unknown dimension, or None where not even their number is known. What one
call tells is found by the operator's own `infers` (layers, whose weights follow from the data), else by the shape rule
that the table names, else by computing the operator on zeros once its inputs are known.
"""

import numpy as np

from .errors import MXNetError, ShapeError
from .generator import generator


def is_known(shape):
    """True for a shape without unknown dimensions."""
    return shape is not None and 0 not in shape


def merged(known, inferred):
    """What two partial shapes of the same array say together; ShapeError if they contradict each other."""
    if known is None or inferred is None:
        return inferred if known is None else known
    if len(known) != len(inferred) or any(k and n and k != n for k, n in zip(known, inferred)):
        raise ShapeError(
            f"Shape inconsistent, Provided = [{','.join(map(str, known))}], "
            f"inferred shape=({','.join(map(str, inferred))})"
        )
    return tuple(k or n for k, n in zip(known, inferred))


class Shapes:
    """What is known of one call: `ins` and `outs`, partial shapes, in the operator's order."""

    def __init__(self, ins, outs):
        self.ins, self.outs = ins, outs

    def input(self, position, shape):
        """Add what is found out of an input (one that the call does not have is passed over)."""
        if position < len(self.ins):
            self.ins[position] = merged(self.ins[position], shape)

    def output(self, shape, position=0):
        """Add what is found out of an output."""
        if position < len(self.outs):
            self.outs[position] = merged(self.outs[position], shape)


def infer_call(operator, attrs, shapes, dtypes):
    """Add to `shapes` what one call tells. dtypes: of the inputs, for the operators that have to be tried."""
    if operator.inference is not None:
        operator.inference(shapes, attrs)
        return
    rule = RULES.get(operator.shape)
    if rule is not None:
        rule(shapes, attrs)
    elif not operator.inputs and attrs.get("shape"):
        for position in range(len(shapes.outs)):
            shapes.output(tuple(attrs["shape"]), position)
    elif all(map(is_known, shapes.ins)) and not all(map(is_known, shapes.outs)):
        _try(operator, attrs, shapes, dtypes)


def _try(operator, attrs, shapes, dtypes):
    for position, array in enumerate(try_call(operator, attrs, shapes.ins, dtypes)[: len(shapes.outs)]):
        shapes.output(array.shape, position)


def try_call(operator, attrs, ins, dtypes):
    """The outputs of an operator on zeros of these shapes and dtypes."""
    arrays = [np.zeros(shape, dtype) for shape, dtype in zip(ins, dtypes, strict=True)]
    attrs = {**attrs, "train": False} if operator.train else attrs
    state = generator.get_state() if operator.random else None
    try:
        with np.errstate(all="ignore"):
            result = operator.forward(*arrays, **attrs)
    finally:
        if state is not None:
            generator.set_state(state)
    return (result,) if operator.single else result


# -- the rules that the table names --------------------------------------------------------------------------------


def all_equal(shapes, _attrs):
    """Inputs and outputs are of one shape."""
    shape = None
    for position, known in enumerate(shapes.ins):
        try:
            shape = merged(shape, known)
        except ShapeError:
            first = ",".join(map(str, shape))
            raise ShapeError(
                f"Check failed: assign(&dattr, vec.at(i)): Incompatible attr in node  at {position}-th input: expected "
                f"[{first}], got [{','.join(map(str, known))}]"
            ) from None
    for known in shapes.outs:
        shape = merged(known, shape)
    shapes.ins[:] = [shape] * len(shapes.ins)
    shapes.outs[:] = [shape] * len(shapes.outs)


def _broadcast(shapes, _attrs):
    if all(map(is_known, shapes.ins)):
        try:
            shapes.output(np.broadcast_shapes(*shapes.ins))
        except ValueError:
            words = " ".join("[" + ",".join(map(str, shape)) + "]" for shape in shapes.ins)
            raise ShapeError(
                f"Check failed: l == 1 || r == 1: operands could not be broadcast together with shapes {words}"
            ) from None


def reduced(shapes, attrs):
    shape = shapes.ins[0]
    if shape is None:
        return
    axis, ndim = attrs.get("axis", attrs.get("axes")), len(shape)
    axes = range(ndim) if axis in (None, ()) else axis if isinstance(axis, tuple) else (axis,)
    for a in axes:
        if not -ndim <= a < ndim:
            raise ShapeError(f"axis {a} is out of range for an array of {ndim} dimensions")
    axes = {a % ndim for a in axes}
    if attrs.get("exclude") and axis not in (None, ()):
        axes = set(range(ndim)) - axes
    if attrs.get("keepdims"):
        shape = tuple(1 if i in axes else n for i, n in enumerate(shape))
    else:
        shape = tuple(n for i, n in enumerate(shape) if i not in axes) or (1,)
    for position in range(len(shapes.outs)):
        shapes.output(shape, position)


def _transpose(shapes, attrs):
    shape, axes = shapes.ins[0], attrs["axes"]
    if shape is not None:
        if axes and sorted(axes) != list(range(len(shape))):
            raise ShapeError(f"axes={axes} is no permutation of the {len(shape)} axes")
        shapes.output(tuple(shape[a] for a in axes) if axes else shape[::-1])


def _expand_dims(shapes, attrs):
    shape, axis = shapes.ins[0], attrs["axis"]
    if shape is not None:
        if not -len(shape) - 1 <= axis <= len(shape):
            raise ShapeError(f"axis {axis} is out of range for an array of {len(shape)} dimensions")
        axis %= len(shape) + 1
        shapes.output((*shape[:axis], 1, *shape[axis:]))


def _dot(shapes, attrs):
    left, right = shapes.ins
    if not (is_known(left) and is_known(right)):
        return
    # a transposed array multiplies over its first axis, or its last one
    inner, left = (left[0], left[1:]) if attrs["transpose_a"] else (left[-1], left[:-1])
    outer, right = (right[-1], right[:-1]) if attrs["transpose_b"] else (right[0], right[1:])
    if inner != outer:
        raise ShapeError(f"Check failed: l[1] == r[0]: dot shape error: {shapes.ins[0]} X {shapes.ins[1]}")
    shapes.output(left + right or (1,))


def _softmax(shapes, _attrs):
    known = merged(shapes.ins[0], shapes.outs[0])
    shapes.input(0, known)
    shapes.output(known)


RULES = {
    "same": all_equal,
    "same or refused": all_equal,  # by what clients leave to the engine
    "equal": all_equal,
    "scalar": all_equal,
    "broadcast": _broadcast,
    "reduce": reduced,
    "transpose": _transpose,
    "expand_dims": _expand_dims,
    "dot": _dot,
    "softmax": _softmax,
}

# -- rules that several layers share -------------------------------------------------------------------------------


def like_data(shapes, _attrs):
    """The first input and the first output are of one shape; nothing is said of the others."""
    _softmax(shapes, _attrs)


def from_inputs(function):
    """A function for `infers` of an operator whose first output has the shape `function(attrs, *shapes of the inputs)`;
    0 in these stands for a length that is not known yet."""

    def infer(shapes, attrs):
        if None not in shapes.ins:
            shapes.output(tuple(function(attrs, *shapes.ins)))

    return infer


def with_length(shape, axis, length):
    """`shape` with another length of one axis."""
    return (*shape[:axis], length, *shape[axis + 1 :])


def channelwise(axis, *positions):
    """A function for `infers`: as `like_data`, and the inputs at these positions have one element a channel."""

    def infer(shapes, attrs):
        like_data(shapes, attrs)
        data = shapes.ins[0]
        if data is not None:
            at = attrs["axis"] if axis is None else axis
            if not -len(data) <= at < len(data):
                raise ShapeError(f"axis {at} is out of range for an array of {len(data)} dimensions")
            for position in positions:
                shapes.input(position, (data[at],))
            for position in range(1, len(shapes.outs)):
                shapes.output((data[at],), position)

    return infer


def explained(node, reason):
    """An error of inference that names the node, in MXNet's words."""
    text = reason.message if isinstance(reason, MXNetError) else str(reason)
    return ShapeError(f"Error in operator {node}: {text.replace('in node  at', f'in node {node} at')}")

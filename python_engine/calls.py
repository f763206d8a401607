"""Calls of operators on NDArrays: computed, written into arrays that exist, and recorded as the tape's state says."""

import sys

import numpy as np

from . import sparse, storage
from .errors import ArgumentError, AutogradError, ShapeError
from .flat import FlatParameters
from .ndarray import NDArray
from .registry import OPERATORS
from .sparse import Sparse
from .tape import SWAP_BYTES, is_on_tape, may_replace, record, state

IN_GRAPH = (
    "Check failed: AGInfo::IsNone(*output): Inplace operations (+=, -=, x[:]=, etc) are not supported when recording "
    "with autograd. Assigning to NDArrays that are already in a computational graph will cause undefined behavior when "
    "evaluating gradients. Please call backward first to clear the graph or do this out side of a record section. "
)
ELEMENTWISE = ("same", "equal", "broadcast", "scalar", "transpose")  # shape rules that keep the shape ()


def _is_large(data):
    return type(data) is np.ndarray and data.nbytes >= SWAP_BYTES


def _references(array):
    """How many references there are to the data of an array, by which one tells whether anyone else knows of it."""
    value = array.data
    return sys.getrefcount(value)


UNSHARED = _references(NDArray(np.zeros(1)))


def invoke(operator, inputs, attrs, out=None):
    """Compute an operator on NDArrays and record it; `attrs` are parsed and complete. Returns the list of outputs,
    hidden ones included.

    out: memory that may be written to, of an operator that works in place (see registry.py)."""
    if sparse.exists:
        if storage.concerns(inputs):
            return _invoke_sparse(operator, inputs, attrs)
        if not operator.zero_dim and _lacks_axes(inputs):
            return _invoke_lifted(operator, inputs, attrs)
    if operator.simple:
        # most calls: one array or two in, one new array out
        if len(inputs) == 1 and out is None:
            output = NDArray(operator.forward(inputs[0].data, **attrs))
        else:
            data = [None if x is None else x.data for x in inputs]
            output = NDArray(
                operator.forward(*data, **attrs) if out is None else operator.forward(*data, **attrs, out=out)
            )
        if state.recording:
            record(operator, inputs, attrs, (output,))
        return [output]
    if operator.train:
        attrs = {**attrs, "train": state.training}
    if operator.shares:
        inputs[0].own()
    if operator.mutates:
        for position in operator.mutated(len(inputs)):
            inputs[position].writable()
    data = [None if x is None else x.data for x in inputs]
    result = operator.forward(*data, **attrs) if out is None else operator.forward(*data, **attrs, out=out)
    if operator.shares:
        outputs = [inputs[0].view(result)]
    else:
        outputs = [NDArray(value) for value in ((result,) if operator.single else result)]
        if operator.views:
            for output in outputs:
                if output.data is not out:
                    note_lender(inputs, output)
    _note_zero_dim(operator, outputs)
    if state.recording and not operator.detached:
        record(operator, inputs, attrs, outputs)
    return outputs


def _note_zero_dim(operator, outputs):
    if operator.zero_dim and not sparse.exists:
        sparse.exists = any(not output.data.shape for output in outputs)


def _lacks_axes(inputs):
    """True where one of the NDArrays has the shape ()."""
    for x in inputs:  # noqa: SIM110
        if x is not None and not x.data.shape:
            return True
    return False


def _invoke_lifted(operator, inputs, attrs):
    """`invoke` of an operator of MXNet 1.x, which knows no shape (): it sees (1,), and where it works by elements and
    all inputs were of shape (), so are the outputs."""
    whole = all(x is None or not x.data.shape for x in inputs)
    view, shape = OPERATORS["_view_reshape"], {"shape": (1,), "reverse": False}
    inputs = [x if x is None or x.data.shape else invoke(view, [x], shape)[0] for x in inputs]
    outputs = invoke(operator, inputs, attrs)
    if whole and operator.shape in ELEMENTWISE:
        return [invoke(OPERATORS["_backward_reshape"], [x], {"shape": ()})[0] for x in outputs]
    return outputs


def _invoke_sparse(operator, inputs, attrs, target=None):
    if operator.train:
        attrs = {**attrs, "train": state.training}
    outputs = storage.invoke(operator, inputs, attrs, target)
    _note_zero_dim(operator, outputs)
    if operator.views:
        arrays = [x for x in inputs if x is not None and not isinstance(x.data, Sparse)]
        for output in outputs:
            if not isinstance(output.data, Sparse):
                note_lender(arrays, output)
    if state.recording and not operator.detached:
        record(operator, inputs, attrs, outputs)
    return outputs


def invoke_for(operator, inputs, attrs, targets):
    """As `invoke`, for a caller who then stores the outputs in existing arrays: the first may be the target itself, or
    have its memory.

    So an optimizer needs no memory for the new weight, and one that updates some of its rows need not copy the others.
    """
    if not targets or state.recording:
        return invoke(operator, inputs, attrs)
    if sparse.exists and storage.concerns(inputs):
        return _invoke_sparse(operator, inputs, attrs, targets[0])
    at_once = len(targets) == 1 and _may_hold(operator, inputs, targets[0])
    return invoke(operator, inputs, attrs, targets[0].writable() if at_once else None)


def _may_hold(operator, inputs, target):
    """True where an operator of these inputs may write its result to an array at once: it fits, and no input is a view
    of it, as none is of FlatParameters."""
    if not operator.in_place or target.root is not None or (target.views and type(target) is not FlatParameters):
        return False
    return fits(operator, [None if x is None else x.data for x in inputs], target.data)


def fits(operator, inputs, data):
    """True where `data` is an array with the shape and dtype of what an operator that works in place makes of the
    inputs, which are arrays too."""
    if type(data) is not np.ndarray or not inputs or inputs[0] is None:
        return False
    first = inputs[0]
    if first is not data and (first.shape != data.shape or first.dtype != data.dtype):
        return False
    if operator.shape == "broadcast" and not all(_spreads(x.shape, data.shape) for x in inputs[1:]):
        return False
    return data.flags.carray


def _spreads(shape, whole):
    """True where an array of a shape broadcasts to another."""
    return shape == whole or (
        len(shape) <= len(whole) and all(m in (1, n) for m, n in zip(reversed(shape), reversed(whole)))
    )


def invoke_into(operator, inputs, attrs, targets):
    """As `invoke`, with the outputs written into existing arrays (MXNet's `out=`); the last ones may be left out."""
    outputs = invoke_for(operator, inputs, attrs, targets)
    if len(targets) > len(outputs):
        raise ArgumentError(f"{len(outputs)} outputs were computed, but {len(targets)} arrays to write to are named")
    for target, output in zip(targets, outputs):
        store(target, output, inputs)


def update(operator, inputs, attrs):
    """Compute an operator whose output takes the place of its first input, as an optimizer does for every parameter."""
    target = inputs[0]
    if state.recording or sparse.exists or not operator.single or not _may_hold(operator, inputs, target):
        invoke_into(operator, inputs, attrs, inputs[:1])
        return
    for position in operator.mutated(len(inputs)) if operator.mutates else ():
        inputs[position].writable()
    out = target.writable()
    result = operator.forward(*[x.data for x in inputs], **attrs, out=out)
    if result is not out:
        store(target, NDArray(result), inputs)


def note_lender(inputs, output):
    """Note whose memory an output has, if it is one of the inputs'."""
    data = output.data
    for x in inputs:
        if x is not None and (data is x.data or (data.base is not None and np.may_share_memory(data, x.data))):
            x.lend(output)
            return


def store(target, output, inputs=()):
    """Write an operator's output into an existing array (MXNet's `out=`), which takes its place on the tape.

    inputs: those of the operator, none of which a recorded call may overwrite, for the gradient may need them."""
    if output is target:
        return
    if target.data.shape != output.data.shape and not (target.data.shape == () and output.data.shape == (1,)):
        raise ShapeError(
            f"the output has shape {list(output.data.shape)}, but the array given as out has {list(target.data.shape)}"
        )
    if state.recording and (is_on_tape(target) or (is_on_tape(output) and any(x is target for x in inputs))):
        raise AutogradError(IN_GRAPH)
    if output.data is target.data:
        pass
    elif _is_large(output.data) and _references(output) <= UNSHARED and may_replace(target, output.data):
        target.data = output.data  # nobody else knows of it
    else:
        target.assign(output.data if target.data.shape else output.data.reshape(()))
    if output.node is not None:
        target.node, target.index = output.node, output.index

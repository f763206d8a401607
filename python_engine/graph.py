"""Graphs at work: a symbol's plan, which computes it on arrays, and an executor, which is bound to arrays."""

import math
import sys

import numpy as np

from . import calls, inference, tape
from .custom import Custom
from .errors import AutogradError, ComputeError, Interrupted, MXNetError, ProtocolError, ShapeError
from .ndarray import NDArray
from .poison import Poison, heal
from .registry import HEAD, ZERO
from .sparse import Sparse
from .tape import state

HEAD_NEEDED = (
    "Check failed: i < head_grads.size() && !head_grads[i].is_none(): Because the last operator is not Loss function, "
    "head_gradient is required when calling backward."
)
REUSE_BYTES = 1 << 16  # from this size on a call may write its result over an input that nobody needs any more


def _holders(values, slot):
    """How many references there are to the array of a slot, to its data, and to the owner of the data's memory."""
    array = values[slot]
    data = array.data
    owner = data if data.base is None else data.base
    return sys.getrefcount(array), sys.getrefcount(data), sys.getrefcount(owner)


ALONE = _holders([NDArray(np.zeros(1))], 0), _holders([NDArray(np.zeros(2)[:1])], 0)


def _spare(operator, values, ins, slots):
    """Memory for the result of an operator that works in place: that of an input in one of `slots`; None if somebody
    else, as the tape, still needs them all."""
    if state.recording and operator.saves_inputs:
        return None
    for slot in slots:
        array = values[slot]
        data = array.data
        if (
            data.nbytes >= REUSE_BYTES
            and array.root is None
            and array.lender is None
            and not (array.views or array.borrowers)
            and calls.fits(operator, [values[i] for i in ins], data)
        ):
            del array, data
            if _holders(values, slot) in ALONE:
                return values[slot].data
    return None


class Plan:
    """The calls that compute a symbol, in order. Values are dropped after their last use, and what works in place
    writes its result over an input that is dropped."""

    def __init__(self, symbol, shapes=None, bound=False):
        """shapes: {entry: shape}, for constants whose symbol leaves dimensions open; without, these are looked up at
        each run. bound: to an executor, for which custom operators keep their instances from run to run."""
        self.bound = bound
        # another object of the same graph: symbols keep their plans, and cycles would live until the next collection
        self.symbol, self.open, self.closed = type(symbol)(symbol.entries), False, {}
        nodes = symbol.nodes()
        slots = {}
        for node in nodes:
            for index in range(node.count):
                slots[node, index] = len(slots)
        self.size = len(slots)
        variables = [node for node in nodes if node.operator is None]
        self.inputs = [slots[node, 0] for node in variables]
        self.input_names = [node.name for node in variables]
        self.outputs = [slots[entry] for entry in symbol.entries]
        last = {}
        computed = [node for node in nodes if node.operator is not None]
        for position, node in enumerate(computed):
            last.update((slots[entry], position) for entry in node.inputs)
        kept, made = set(self.outputs), set()
        self.steps = []
        for position, node in enumerate(computed):
            outs = [slots[node, index] for index in range(node.count)]
            ins = [slots[entry] for entry in node.inputs]
            dead = {slot for slot in ins if last[slot] == position} | {slot for slot in outs if slot not in last}
            attrs = self._attributes(node, shapes)
            operator = node.operator.fresh() if bound and isinstance(node.operator, Custom) else node.operator
            dead = sorted(dead - kept)
            spare = [slot for slot in dead if slot in made] if operator.in_place else []
            made.update(outs)
            self.steps.append((node, operator, attrs, ins, outs, dead, spare))

    def _attributes(self, node, shapes):
        """The attributes of a call, the shape of a constant completed."""
        attrs = node.values
        if node.inputs or not attrs.get("shape") or 0 not in attrs["shape"]:
            return attrs
        if shapes is None:
            self.open = True
            return attrs
        if not inference.is_known(shapes[node, 0]):
            raise ShapeError(f"the shape {attrs['shape']} of {node.name} cannot be completed")
        return {**attrs, "shape": shapes[node, 0]}

    def run(self, arrays, watch=None):
        """The outputs, recorded as the state says. arrays: in the order of `list_inputs`; watch: called with the name
        and the array of each output of each call."""
        if len(arrays) != len(self.inputs):
            raise MXNetError(
                f"the graph takes {len(self.inputs)} arrays ({', '.join(self.input_names)}), but got {len(arrays)}"
            )
        if self.open:
            return self._closed(arrays).run(arrays, watch)
        values = [None] * self.size
        for slot, array in zip(self.inputs, arrays):
            values[slot] = array
        for node, operator, attrs, ins, outs, dead, spare in self.steps:
            if state.interrupted:
                raise Interrupted("the computation was interrupted")
            if operator.train:
                attrs = attrs.copy()
                if state.recording and not self.bound and isinstance(operator, Custom):
                    operator = operator.fresh()
            out = _spare(operator, values, ins, spare) if spare else None
            try:
                results = calls.invoke(operator, [values[slot] for slot in ins], attrs, out)
            except (ComputeError, AutogradError, ProtocolError):
                raise
            except MXNetError as reason:
                raise type(reason)(f"Error in operator {node.name}: {reason.message}") from reason
            for slot, result in zip(outs, results):
                values[slot] = result
            if watch is not None:
                for name, result in zip(node.output_names, results):
                    watch(name, result)
            for slot in dead:
                values[slot] = None
        return [values[slot] for slot in self.outputs]

    def _closed(self, arrays):
        """The plan for arrays of these shapes."""
        shapes = tuple(array.data.shape for array in arrays)
        if shapes not in self.closed:
            if len(self.closed) >= 64:
                self.closed.clear()
            known = dict(zip(self.input_names, shapes))
            self.closed[shapes] = Plan(self.symbol, self.symbol.shapes(known))
        return self.closed[shapes]


class Executor:
    """A symbol bound to its arguments, to buffers for their gradients, and to its auxiliary states.

    args, aux: NDArrays in the order of the symbol's lists; grads: an NDArray or None for each argument; reqs: "null",
    "write" or "add" for each. `outputs` are the same NDArrays all the time, whose values `forward` replaces; those of
    another executor, `shared`, are their memory where they are large enough."""

    def __init__(self, symbol, args, grads, reqs, aux, shared=None):
        names = symbol.list_arguments(), symbol.list_auxiliary_states()
        for words, listed, given in (("arguments", names[0], args), ("auxiliary states", names[1], aux)):
            if len(listed) != len(given):
                raise MXNetError(f"the symbol has {len(listed)} {words} ({', '.join(listed)}), but got {len(given)}")
            if len(set(listed)) < len(listed):
                raise MXNetError(
                    f"Find duplicated argument name, please make all weight name non-duplicated: {', '.join(listed)}"
                )
        known = {name: array.data.shape for name, array in zip(names[0] + names[1], (*args, *aux))}
        shapes = symbol.shapes(known)
        self.plan = Plan(symbol, shapes, bound=True)
        place = {name: position for position, name in enumerate(names[0] + names[1])}
        self.order = [place[name] for name in self.plan.input_names]
        self.args, self.grads, self.aux = list(args), list(grads), list(aux)
        self.reqs = [req if grad is not None else "null" for req, grad in zip(reqs, grads, strict=True)]
        for name, array, grad in zip(names[0], args, grads):
            if grad is not None and grad.data.shape != array.data.shape:
                raise ShapeError(f"argument {name} has shape {array.data.shape}, but its gradient {grad.data.shape}")
        types = symbol.infer_type({n: a.data.dtype.name for n, a in zip(names[0] + names[1], (*args, *aux))}, True)[1]
        self.outputs = []
        for entry, dtype in zip(symbol.entries, types):
            if not inference.is_known(shapes[entry]):
                raise ShapeError(f"the shape of the output {entry[0].name} is not known: {shapes[entry]}")
            place = shared.outputs[len(self.outputs)] if shared and len(self.outputs) < len(shared.outputs) else None
            self.outputs.append(_output(shapes[entry], np.dtype(dtype or "float32"), place))
        self.needs_head = [_needs_head(node) for node, _ in symbol.entries]
        self.results, self.leaves = None, []

    def forward(self, is_train, watch=None):
        """Compute the outputs; with is_train so that `backward` can follow."""
        self.results = None  # before new ones are made: both would not fit where one just does
        self.leaves = []
        with tape.recording(is_train, is_train):
            results = self.plan.run(self._inputs(is_train), watch)
        if is_train:
            self.results = results
        for output, result in zip(self.outputs, results):
            _replace(output, result)

    def _inputs(self, record):
        """The arrays, without their own places on the tape, as variables of the executor's where it has buffers."""
        arrays = []
        for position in self.order:
            if position >= len(self.args):
                arrays.append(self.aux[position - len(self.args)])
                continue
            array = self.args[position]
            if record and (self.reqs[position] != "null" or array.node is not None):
                array = array.view(array.data)
                if self.reqs[position] != "null":
                    array.node = tape.Leaf(self.grads[position], self.reqs[position])
                    self.leaves.append(array.node)
            arrays.append(array)
        return arrays

    def backward(self, head_grads=None, is_train=True):
        """Compute the gradients. head_grads: for each output, needed where it is not that of a loss layer."""
        if all(req == "null" for req in self.reqs):
            return
        if self.results is None:
            with tape.recording(True, is_train):
                self.results = self.plan.run(self._inputs(True))
        head_grads = list(head_grads or [None] * len(self.results))
        for given, needed in zip(head_grads, self.needs_head, strict=True):
            if given is None and needed:
                raise AutogradError(HEAD_NEEDED)
        heads = [(head, grad) for head, grad in zip(self.results, head_grads) if head.node is not None]
        with tape.recording(False, is_train):
            tape.backward([h for h, _ in heads], [g for _, g in heads], retain_graph=True, leaves=self.leaves)


def _output(shape, dtype, place):
    """An array for an output: the start of `place`, if that fits."""
    size = math.prod(shape)
    if place is None or isinstance(place.data, Poison | Sparse) or place.data.dtype != dtype or place.data.size < size:
        return NDArray(np.zeros(shape, dtype))
    place.own()
    return place.view(place.data.reshape(-1)[:size].reshape(shape))


def _needs_head(node):
    return node.operator is None or node.operator.differentiable not in (HEAD, ZERO)


def _replace(output, result):
    """Give an array, which others may hold, a new value without copying it where nobody shares its memory."""
    heal(output)
    if output.data.dtype != result.data.dtype or output.root is not None or output.views or output.borrowers:
        output.assign(result.data)
    else:
        output.data, output.lender = result.data, None
        result.lend(output)

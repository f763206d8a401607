"""Executors: symbols that are bound to arrays."""

import math

import numpy as np

from . import inference, tape
from .errors import AutogradError, MXNetError, ShapeError
from .ndarray import NDArray
from .plan import Plan
from .poison import Poison, heal
from .registry import HEAD, ZERO
from .sparse import Sparse

HEAD_NEEDED = (
    "Check failed: i < head_grads.size() && !head_grads[i].is_none(): Because the last operator is not Loss function, "
    "head_gradient is required when calling backward."
)


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

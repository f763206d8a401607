"""The tape: what was computed while recording, and how gradients flow back through it.

Recording makes a Node for each operator call; a Node knows its parents, and keeps exactly what its operator's gradient
rules name. Nodes are numbered as they are made, so walking back from the highest number is a topological order and
needs no recursion. Gradient rules are written in operators (see registry.py): the sweep runs them on plain NumPy
arrays, or, under `create_graph`, on NDArrays that are recorded in turn.
"""

import heapq
import itertools
import sys
from contextlib import ContextDecorator

import numpy as np

from . import sparse, storage
from .errors import AutogradError, Interrupted, ShapeError
from .ndarray import NDArray
from .poison import Poison, heal
from .registry import OPERATORS
from .sparse import Sparse

NOT_IN_GRAPH = (
    "Check failed: !AGInfo::IsNone(*i): Cannot differentiate node because it is not in a computational graph. You "
    "need to set is_recording to true or use autograd.record() to save computational graphs for backward. If you want "
    "to differentiate the same graph twice, you need to pass retain_graph=True to backward."
)
NO_VARIABLES = "Check failed: num_inputs > 0: There are no inputs in computation graph that require gradients."
SWAP_BYTES = 1 << 16  # from this size on a fresh gradient replaces the buffer's memory instead of being copied


class State:
    """Whether calls are recorded, whether Dropout and the like behave as in training, and the client's interrupt."""

    __slots__ = ("interrupted", "recording", "training")

    def __init__(self):
        self.recording = self.training = self.interrupted = False


state = State()
_numbers = itertools.count(1)


class Leaf:
    """The tape entry of a variable: where its gradient goes, and whether one came since the last was spent."""

    __slots__ = ("fresh", "grad", "req")
    number = 0
    parents = ()
    consumed = False

    def __init__(self, grad, req):
        self.grad, self.req, self.fresh = grad, req, False

    def receive(self, value):
        """Store a computed gradient in the buffer: overwrite for "write", accumulate for "add"."""
        grad, self.fresh = self.grad, True
        if self.req == "write" and type(grad.data) is Poison:
            heal(grad)
        if sparse.exists and (isinstance(value, Sparse) or isinstance(grad.data, Sparse)):
            value = value.astype(grad.data.dtype)
            grad.assign(grad.data + value if self.req == "add" else value)
        elif self.req == "add":
            np.add(grad.data, value, out=grad.writable(), casting="unsafe")
        elif self.req == "write":
            if value.nbytes >= SWAP_BYTES and sys.getrefcount(value) <= FRESH and may_replace(grad, value):
                grad.data = value  # nobody else knows of it
            else:
                grad.writable()[...] = value


class _Probe:
    """Counts the references that `Leaf.receive` finds to a value of the sweep's own; they differ between Pythons."""

    @staticmethod
    def receive(value):
        return sys.getrefcount(value)


def may_replace(array, value):
    """True where `value` has the type and shape of an array and memory of its own, and the array's is nobody else's."""
    old = array.data
    return (
        array.root is None
        and array.lender is None
        and not (array.views or array.borrowers)
        and value.flags.owndata
        and value.flags.c_contiguous
        and value.dtype == old.dtype
        and value.shape == old.shape
    )


# The gradient where none flows: zeros, which nobody computes with. What is before it need not be differentiable.
ZERO = object()


def sum_of(x, y):
    """The sum of two gradients."""
    return y if x is ZERO else x if y is ZERO else x + y


def apply(rule, g, functions, values):
    """The gradient by a rule of an operator; values: what the rule asks for."""
    if sparse.exists and functions is plain_functions:
        given = g.values if type(g) is Gradients else g
        functions = storage.functions if storage.among((given, *values)) else functions
    return rule.function(functions, g, *values)


def no_rule(operator):
    """The gradient of an input for which an operator has no rule."""
    if operator.differentiable is None:
        raise AutogradError(
            f"Operator {operator.name} is non-differentiable because it didn't register FGradient attribute."
        )
    return ZERO


class Node:
    """One recorded call of an operator."""

    __slots__ = ("attrs", "inputs", "metas", "number", "operator", "outputs", "parents", "results")

    def __init__(self, operator, parents, attrs, inputs=None, metas=None):
        self.operator, self.parents, self.attrs, self.inputs, self.metas = operator, parents, attrs, inputs, metas
        self.outputs = self.results = None
        self.number = next(_numbers)

    @property
    def consumed(self):
        """True once a backward has released the node."""
        return self.parents is None

    def release(self):
        """Forget everything kept for the sweep; a second backward through here is an error."""
        self.parents = self.inputs = self.outputs = self.metas = None

    def gradients(self, g, functions):
        """The gradients of the inputs (None where none is wanted), given that of the output(s)."""
        operator = self.operator
        if operator.joint is not None:
            return self._apply(operator.joint, g, functions)
        rules = operator.rules
        if len(self.parents) == 1 and rules[0] is not None:
            return (self._apply(rules[0], g, functions),)
        done, results = {}, []
        for position, parent in enumerate(self.parents):
            rule = rules[position]
            if parent is None:
                results.append(None)
            elif rule is None:
                results.append(no_rule(operator))
            else:
                if rule not in done:
                    done[rule] = self._apply(rule, g, functions)
                results.append(done[rule])
        return results

    def _apply(self, rule, g, functions):
        plain = functions is plain_functions
        values = []
        for kind, where in rule.sources:
            if kind == "attr":
                values.append(self.attrs[where])
            elif kind == "in":
                value = self.inputs[where] if where < len(self.inputs) else None
                values.append(value.data if plain and value is not None else value)
            elif kind == "out":
                value = self.outputs[where]
                values.append(value.data if plain else self.output(where))
            elif kind == "all":
                values.append([v.data for v in self.inputs] if plain else list(self.inputs))
            elif kind == "shape":
                values.append(self.metas[where][0] if where < len(self.metas) else None)
            elif kind == "dtype":
                values.append(self.metas[where][1] if where < len(self.metas) else None)
            elif kind == "wanted":
                values.append([parent is not None for parent in self.parents])
            else:  # shapes, dtypes: of any number of inputs
                values.append([meta[kind == "dtypes"] for meta in self.metas])
        return apply(rule, g, functions, values)

    def unfolded(self):
        """Where this entry stands for many calls (see plan.py): the place (node, index) of each output, had each call
        been recorded by itself. None otherwise."""
        return None

    def output(self, where):
        """A kept output with its place on the tape, so that a gradient made of it can be differentiated."""
        kept = self.outputs[where]
        output = kept.view(kept.data)
        output.node, output.index = self, where
        return output


class Gradients:
    """The gradients of a call's outputs, a sequence. Where none came there are zeros, made when somebody looks: of a
    hidden output, which may be large, most rules do not."""

    __slots__ = ("results", "taped", "values")

    def __init__(self, values, results, taped):
        self.values, self.results, self.taped = values, results, taped

    def __len__(self):
        return len(self.values)

    def came(self, place):
        """True where there is a gradient of that output."""
        return self.values[place] is not None and self.values[place] is not ZERO

    def __getitem__(self, place):
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self)))]
        value = self.values[place]
        if value is None or value is ZERO:
            zeros = np.zeros(*self.results[place])
            value = self.values[place] = NDArray(zeros) if self.taped else zeros
        return value


class Constant:
    """The tape entry of what was recorded but depends on no variable."""

    __slots__ = ()
    parents = None
    consumed = True


CONSTANT = Constant()


class _Plain:
    """Operators as functions of NumPy arrays."""

    def __getattr__(self, name):
        function = OPERATORS[name].forward
        setattr(self, name, function)
        return function


class _Taped:
    """Operators as functions of NDArrays, recorded as the state says."""

    def __getattr__(self, name):
        operator = OPERATORS[name]

        from . import calls  # which imports this module

        def function(*inputs, **attrs):
            outputs = calls.invoke(operator, list(inputs), {**operator.defaults, **attrs})
            return outputs[0] if operator.single else outputs

        setattr(self, name, function)
        return function


plain_functions, taped_functions = _Plain(), _Taped()


def parents_of(inputs):
    """The tape entry (node, index) of each input, None where it has none; None if no input has one."""
    parents, tracked = [], False
    for x in inputs:
        node = None if x is None else x.node
        if node is None or node.parents is None:
            parents.append(None)
        else:
            parents.append((node, x.index))
            tracked = True
    return parents if tracked else None


def failed(inputs):
    """The tape entry of what could not be computed from `inputs`, which leads to their variables; None without any."""
    parents = parents_of(inputs)
    return parents and Node(None, parents, None)


def record(operator, inputs, attrs, outputs):
    if len(inputs) == 1:
        node = inputs[0].node
        parents = None if node is None or node.parents is None else ((node, inputs[0].index),)
    else:
        parents = parents_of(inputs)
    if parents is None:
        for output in outputs:
            output.node = CONSTANT
        return
    node = Node(operator, parents, attrs)
    if operator.saves_inputs:
        unnamed = operator.unnamed_inputs
        node.inputs = [None if i in unnamed else x for i, x in enumerate(inputs)] if unnamed else inputs
    if operator.saves_shapes:
        node.metas = [(None, None) if x is None else (x.data.shape, x.data.dtype) for x in inputs]
    if operator.saves_outputs:
        # the kept output is the root and the user's a view of it, so that the tape holds no cycle
        node.outputs = [None] * len(outputs)
        for index in operator.named_outputs:
            output = outputs[index]
            kept = node.outputs[index] = NDArray(output.data)
            if output.lender is not None:
                output.lender.lend(kept)
                output.lender = None
            output.root = kept
            kept.watch(output)
    if operator.single:
        outputs[0].node = node
        return
    node.results = [(output.data.shape, output.data.dtype) for output in outputs]
    for index, output in enumerate(outputs):
        output.node, output.index = node, index


def mark_variable(array, grad, req="write"):
    """Make `array` a variable whose gradient goes to `grad`; it leaves any graph it was in."""
    if req != "null" and grad.data.shape != array.data.shape:
        raise ShapeError(f"a gradient of shape {grad.data.shape} was given for a variable of shape {array.data.shape}")
    array.node, array.index = (None, 0) if req == "null" else (Leaf(grad, req), 0)
    array.grad = grad


def is_fresh(variable):
    """True if a backward has written the gradient of a variable since that was last spent."""
    return type(variable.node) is Leaf and variable.node.fresh


def spend(variable):
    """Note that the gradient of a variable is being used. Returns whether it was fresh."""
    leaf = variable.node
    if type(leaf) is not Leaf or not leaf.fresh:
        return False
    leaf.fresh = False
    return True


def is_on_tape(array):
    """True for a variable and for what was recorded and not yet consumed by a backward."""
    return array.node is not None and not array.node.consumed


def _ancestors(nodes):
    """The tape entries that these were computed from, and they themselves, each once."""
    stack, seen = list(nodes), set()
    while stack:
        node = stack.pop()
        if node is not None and node not in seen and node.parents is not None:
            seen.add(node)
            stack.extend(parent[0] for parent in node.parents if parent is not None)
    return seen


def leaves_of(array):
    """The variables' tape entries that an array was computed from."""
    return [node for node in _ancestors([array.node]) if isinstance(node, Leaf)]


def unreachable(heads, variables):
    """The position of the first variable that no head was computed from, or None."""
    found = _ancestors(head.node for head in heads)
    return next((i for i, x in enumerate(variables) if is_on_tape(x) and x.node not in found), None)


class recording(ContextDecorator):  # noqa: N801 (used like a function)
    """Set both states (None: leave) and restore them afterwards, whatever happens. May be entered more than once."""

    __slots__ = ("before", "wanted")

    def __init__(self, is_recording, is_training):
        self.wanted, self.before = (is_recording, is_training), []

    def __enter__(self):
        is_recording, is_training = self.wanted
        self.before.append((state.recording, state.training))
        if is_recording is not None:
            state.recording = bool(is_recording)
        if is_training is not None:
            state.training = bool(is_training)

    def __exit__(self, *_):
        state.recording, state.training = self.before.pop()


def backward(heads, head_grads=None, retain_graph=False, create_graph=False, leaves=()):
    """Compute gradients of `heads` and store them in the variables' buffers.

    heads: NDArrays; head_grads: NDArrays of the same shapes, None for ones; leaves: tape entries of variables that
    get zeros if nothing flows to them.
    """
    gradients, _ = _sweep(heads, head_grads, retain_graph, create_graph, (), must_reach=not leaves)
    for leaf in leaves:
        if leaf not in gradients:
            leaf.receive(np.zeros(leaf.grad.data.shape, leaf.grad.data.dtype))
    for leaf in list(gradients):
        if gradients[leaf] is ZERO:
            gradients[leaf] = np.zeros(leaf.grad.data.shape, leaf.grad.data.dtype)
        # popped, so that nothing but the call itself refers to the value
        leaf.receive(_plain_data(gradients.pop(leaf)))


def grad(heads, variables, head_grads=None, retain_graph=None, create_graph=False):
    """The gradients of `heads` by `variables`, as new NDArrays; the variables' own buffers are left alone."""
    retain_graph = create_graph if retain_graph is None else retain_graph
    entries = []
    for position, variable in enumerate(variables):
        if variable.node is None or variable.node.consumed:
            raise AutogradError(f"variable {position} is not in a computational graph: attach_grad it before recording")
        entries.append((variable.node, variable.index))
    leaves, kept = _sweep(heads, head_grads, retain_graph, create_graph, entries)
    results = []
    for (node, index), variable in zip(entries, variables, strict=True):
        value = leaves.get(node) if isinstance(node, Leaf) else kept.get((node, index))
        if value is None or value is ZERO:
            value = np.zeros(variable.data.shape, variable.data.dtype)
        if isinstance(value, Sparse):
            value = NDArray(value)
        if not isinstance(value, NDArray):
            value = NDArray(value if sys.getrefcount(value) <= 3 and value.flags.owndata else value.copy())
        results.append(value)
    return results


def _plain_data(value):
    return value.data if isinstance(value, NDArray) else value


_gradients = {None: np.zeros(1)}
FRESH = _Probe().receive(_plain_data(_gradients.pop(None)))  # as in `backward`


def _sweep(heads, head_grads, retain_graph, create_graph, entries, must_reach=True):
    """Walk back from the heads. Returns {leaf: gradient} and {(node, index): gradient} for the wanted entries."""
    functions = taped_functions if create_graph else plain_functions
    pending, heap, leaves, kept = {}, [], {}, {}
    kept_nodes = {node for node, _ in entries if not isinstance(node, Leaf)}

    def feed(node, index, value):
        if node.number == 0:
            leaves[node] = sum_of(leaves[node], value) if node in leaves else value
            return
        if node.results is None:
            known = pending.get(node)
            if known is None:
                heapq.heappush(heap, (-node.number, node))
            pending[node] = value if known is None else sum_of(known, value)
            return
        slots = pending.get(node)
        if slots is None:
            slots = pending[node] = [None] * len(node.results)
            heapq.heappush(heap, (-node.number, node))
        slots[index] = value if slots[index] is None else sum_of(slots[index], value)

    visited = []
    before = state.recording
    state.recording = create_graph
    try:
        _start(heads, head_grads, create_graph, feed)
        while heap:
            node = heapq.heappop(heap)[1]
            g = pending.pop(node)
            while True:
                if state.interrupted:
                    raise Interrupted("the computation was interrupted")
                parents = node.parents
                if parents is None:
                    raise AutogradError(NOT_IN_GRAPH)
                if node in kept_nodes:
                    for index, value in enumerate(g if node.results is not None else [g]):
                        kept[node, index] = value
                places = node.unfolded() if create_graph else None
                if places is not None:
                    visited.append(node)
                    for place, value in zip(places, g if node.results is not None else [g]):
                        if place is not None and value is not None:
                            feed(*place, value)
                    break
                if node.results is not None:
                    flows = any(value is not None and value is not ZERO for value in g)
                    g = Gradients(g, node.results, create_graph) if flows else ZERO
                visited.append(node)
                gradients = [ZERO] * len(parents) if g is ZERO else node.gradients(g, functions)
                if len(parents) == 1 and not heap:
                    # a chain needs no queue
                    (node, index), g = parents[0], gradients[0]
                    if g is None:
                        break
                    if node.number and node.results is None:
                        continue
                    feed(node, index, g)
                    break
                for parent, value in zip(parents, gradients, strict=False):
                    if parent is not None and value is not None:
                        feed(*parent, value)
                break
    finally:
        state.recording = before
    if must_reach and not leaves and not entries:
        raise AutogradError(NO_VARIABLES)
    if not retain_graph:
        for node in visited:
            node.release()
    return leaves, kept


def _start(heads, head_grads, create_graph, feed):
    head_grads = head_grads or [None] * len(heads)
    if len(heads) != len(head_grads):
        raise ShapeError(f"{len(heads)} heads but {len(head_grads)} head gradients")
    starts = []
    for position, (head, given) in enumerate(zip(heads, head_grads, strict=True)):
        node = head.node
        if node is None or (node.consumed and node is not CONSTANT):
            raise AutogradError(NOT_IN_GRAPH)
        if given is None:
            given = np.ones(head.data.shape, head.data.dtype)
            given = NDArray(given) if create_graph else given
        elif given.data.shape != head.data.shape:
            raise ShapeError(
                f"head gradient {position} has shape {given.data.shape}, but the head has shape {head.data.shape}"
            )
        elif given.data.dtype != head.data.dtype:
            given = NDArray(given.data.astype(head.data.dtype))
        if node is not CONSTANT:
            starts.append((node, head.index, given if create_graph else _plain_data(given)))
    for node, index, given in starts:
        feed(node, index, given)

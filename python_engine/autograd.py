"""Recording, and gradients of what was recorded: MXNet's `mx.autograd`.

    x.attach_grad()
    with mx.autograd.record():
        y = x * x
    y.backward()
    x.grad

How it works is in tape.py.
"""

from collections.abc import Iterable

import numpy as np

from . import overloads, tape  # noqa: F401  gradients that are recorded in turn are computed with the overloads
from .errors import ArgumentError, AutogradError, ShapeError
from .ndarray import NDArray
from .tape import recording, state

REQUESTS = ("write", "add", "null")


# -- states: `with` blocks, and decorators -----------------------------------------------------------------------------


def record(train_mode=True):
    """Record what is computed within, for gradients; with `train_mode`, Dropout and the like behave as in training."""
    return recording(True, train_mode)


def pause(train_mode=False):
    """Record nothing within."""
    return recording(False, train_mode)


def train_mode():
    """Within, Dropout and the like behave as in training; whether to record stays as it is."""
    return recording(None, True)


def predict_mode():
    """Within, Dropout and the like behave as in prediction; whether to record stays as it is."""
    return recording(None, False)


def is_recording():
    """Whether what is computed now is recorded."""
    return state.recording


def is_training():
    """Whether Dropout and the like behave as in training now."""
    return state.training


def set_recording(is_recording):
    """Switch recording on or off. Returns the state before."""
    before, state.recording = state.recording, bool(is_recording)
    return before


def set_training(train_mode):
    """Switch training behaviour on or off. Returns the state before."""
    before, state.training = state.training, bool(train_mode)
    return before


# -- gradients ---------------------------------------------------------------------------------------------------------


def mark_variables(variables, gradients, grad_reqs="write"):
    """Make arrays variables, whose gradients `backward` puts into `gradients`, arrays of the same shapes.

    variables, gradients: an array each, or lists. grad_reqs: "write", "add" (to what is there) or "null", for all or
    for each."""
    variables, gradients = _listed(variables), _listed(gradients)
    requests = grad_reqs if isinstance(grad_reqs, (list, tuple)) else [grad_reqs] * len(variables)
    if not len(variables) == len(gradients) == len(requests):
        raise ArgumentError(f"{len(variables)} variables, {len(gradients)} gradients and {len(requests)} grad_reqs")
    for request in requests:
        if request not in REQUESTS:
            raise ArgumentError(f"grad_req is one of {', '.join(REQUESTS)}, but got {request!r}")
    for variable, gradient, request in zip(variables, gradients, requests, strict=True):
        tape.mark_variable(variable, gradient, request)


def backward(heads, head_grads=None, retain_graph=False, train_mode=True):
    """Compute the gradients of `heads` by all variables they depend on, and store them in the variables' buffers.

    heads: an array, or a list. head_grads: the gradients by the heads, of their shapes; None: ones.
    AutogradError where a head was not recorded, or a backward without `retain_graph` has passed already."""
    heads, head_grads = _heads(heads, head_grads)
    with np.errstate(all="ignore"), recording(None, train_mode):
        tape.backward(heads, head_grads, retain_graph)


def grad(heads, variables, head_grads=None, retain_graph=None, create_graph=False, train_mode=True):
    """The list of the gradients of `heads` by `variables`, as new arrays; the variables' own buffers stay as they are.

    heads, variables: an array each, or lists. head_grads: the gradients by the heads; None: ones.
    create_graph: record the computation of the gradients, so that they can be differentiated in turn.
    retain_graph: keep the graph for another gradient; None: as create_graph."""
    heads, head_grads = _heads(heads, head_grads)
    variables = _listed(variables)
    if not variables:
        raise ArgumentError("variables cannot be an empty list.")
    position = tape.unreachable(heads, variables)
    if position is not None:
        raise AutogradError(
            f"Cannot differentiate with respect to the {position + 1}-th variable because it is unreachable from the "
            "outputs."
        )
    with np.errstate(all="ignore"), recording(None, train_mode):
        return tape.grad(heads, variables, head_grads, retain_graph, create_graph)


def get_symbol(x):
    """The symbol of the recorded calls that `x` was computed by; its arguments are named var0, var1 ..."""
    from . import recorded, symbol  # which take a while to load, and import this module's kin

    (array,) = _listed(x)
    return symbol.Symbol(recorded.symbol_of(array))


def _listed(arrays):
    arrays = list(arrays) if isinstance(arrays, Iterable) and not isinstance(arrays, NDArray) else [arrays]
    for array in arrays:
        if not isinstance(array, NDArray):
            raise ArgumentError(f"an NDArray or a list of them is wanted, but got {array!r:.200}")
    return arrays


def _heads(heads, head_grads):
    heads = _listed(heads)
    if head_grads is None:
        return heads, None
    head_grads = [head_grads] if isinstance(head_grads, NDArray) else head_grads
    if not isinstance(head_grads, Iterable):
        raise ArgumentError(f"head gradients are NDArrays, but got {head_grads!r:.200}")
    head_grads = list(head_grads)
    _listed(g for g in head_grads if g is not None)
    if len(heads) != len(head_grads):
        raise ArgumentError(
            f"heads and head_grads must be lists of the same length, but {len(heads)} heads "
            f"and {len(head_grads)} head gradients were given"
        )
    return heads, head_grads


# -- functions with a gradient of their own ----------------------------------------------------------------------------


class FunctionNode(tape.Node):
    """The tape entry of a function; a subclass has the method `backward(*output gradients)`."""

    __slots__ = ()

    def place(self, inputs, outputs):
        """Put the function on the tape, between arrays that exist."""
        self.metas = [(x.data.shape, x.data.dtype) for x in inputs]
        self.results = [(x.data.shape, x.data.dtype) for x in outputs]
        for index, output in enumerate(outputs):
            output.node, output.index = self, index

    def gradients(self, g, functions):
        values = self.backward(*(value if isinstance(value, NDArray) else NDArray(value) for value in g))
        values = list(values) if isinstance(values, (list, tuple)) else [values]
        if len(values) != len(self.parents):
            raise AutogradError(f"backward returned {len(values)} gradients for {len(self.parents)} inputs")
        for position, (value, (shape, dtype)) in enumerate(zip(values, self.metas, strict=True)):
            if value is not None and not isinstance(value, NDArray):
                raise AutogradError(f"gradient {position} returned by backward is no NDArray, but {value!r:.200}")
            if value is not None and (value.data.shape, value.data.dtype) != (shape, dtype):
                raise ShapeError(
                    f"gradient {position} returned by backward is {value.data.dtype} of shape {value.data.shape}, its "
                    f"input {dtype} of shape {shape}"
                )
        return [v if v is None or functions is tape.taped_functions else v.data for v in values]


class _Call(FunctionNode):
    """The tape entry of a Function."""

    __slots__ = ("function",)

    def backward(self, *output_grads):
        return self.function.backward(*output_grads)


class Function:
    """A function with a gradient of its own: override `forward` and `backward`, and call an instance once.

        class Sigmoid(mx.autograd.Function):
            def forward(self, x):
                y = 1 / (1 + mx.nd.exp(-x))
                self.save_for_backward(y)
                return y

            def backward(self, dy):
                (y,) = self.saved_tensors
                return dy * y * (1 - y)

        y = Sigmoid()(x)

    forward takes arrays and returns one or several; nothing is recorded within. backward takes the gradients by what
    forward returned, and returns those by what it took (None: no gradient), of their shapes and dtypes.
    """

    saved_tensors = ()
    _used = False

    def save_for_backward(self, *arrays):
        """Keep arrays for `backward`, which finds them in `self.saved_tensors`."""
        self.saved_tensors = arrays

    def forward(self, *inputs):
        """The output, an NDArray, or several, computed from NDArrays. To be overridden."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, *output_grads):
        """The gradients by the inputs, from those by the outputs, NDArrays or None. To be overridden."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def __call__(self, *inputs):
        if self._used:
            raise AutogradError("Each Function instance can only be called once. Please create another instance.")
        self._used = True
        inputs = _listed(inputs)
        with recording(False, None):
            outputs = self.forward(*inputs)
        parents = tape.parents_of(inputs) if state.recording else None
        if parents is None:
            return outputs
        several = isinstance(outputs, (list, tuple))
        # what is returned as it was taken, or found elsewhere, keeps its own place on the tape
        results = [x.view(x.data) if x.node or any(x is y for y in inputs) else x for x in _listed(outputs)]
        node = _Call(None, parents, None)
        node.function = self
        node.place(inputs, results)
        return results if several else results[0]

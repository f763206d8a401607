"""Gradients of any order against central differences, in float64.

    check_gradients(lambda x, y: F.dot(x, y) * x, [np.ones((2, 2)), np.eye(2)], order=3)

The outputs are summed with random weights, and derived in one random direction for each input: a wrong rule goes
unnoticed with probability zero, and a check costs two evaluations an input. The derivative of order n + 1 is that of
the function that computes the gradients of order n from the inputs and the incoming gradients, so that the way of a
derivative through the incoming gradient is checked as well. The differences use gradients from the plain sweep, the
derivatives those recorded under create_graph: the two are compared by the way. Where a derivative and the difference
disagree, that of a smaller step decides: if the two differences disagree as well, the point is none for differences.
"""

import numpy as np

from python_engine import tape
from python_engine.errors import MXNetError
from python_engine.ndarray import NDArray
from python_engine.sparse import dense

STEPS = 1e-5, 1e-6
EPSILON = np.finfo(np.float64).eps


class GradientError(AssertionError):
    """A gradient that differences contradict; `order` and `argument` say which."""

    def __init__(self, message, order, argument):
        super().__init__(message)
        self.order, self.argument = order, argument


class NotSmooth(AssertionError):
    """The function, or a derivative, is not finite or not smooth at this point: differences tell nothing."""


def check_gradients(function, inputs, order=2, *, rtol=1e-5, atol=1e-8, training=True, seed=0):
    """Raise GradientError unless the gradients of `function` up to `order` are what central differences give.

    function: from NDArrays to an NDArray or several, made of operators; it is called many times, so it must draw the
    same random numbers and find the same constants each time. inputs: arrays at a point where it is smooth, all of
    which it is derived by."""
    inputs = [np.array(x, np.float64) for x in inputs]
    random = np.random.default_rng(seed)
    with tape.recording(False, training):
        for level in range(1, order + 1):
            weights = _check_once(function, inputs, level, random, rtol, atol)
            function, inputs = _gradient_of(function, len(inputs)), inputs + weights


def _variables(inputs):
    arrays = [NDArray(x.copy()) for x in inputs]
    for x in arrays:
        tape.mark_variable(x, NDArray(np.zeros_like(x.data)))
    return arrays


def _call(function, variables):
    outputs = function(*variables)
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _gradient_of(function, count):
    """The function of `count` inputs and of weights of its outputs that gives the gradients by the inputs."""

    def gradient(*arguments):
        inputs, weights = arguments[:count], arguments[count:]
        recorded = tape.state.recording
        with tape.recording(True, None):
            outputs = _call(function, inputs)
        return _derive(outputs, inputs, weights, create_graph=recorded)

    return gradient


def _derive(outputs, inputs, weights, create_graph=False):
    heads = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.node is not None]
    if not heads:
        return [NDArray(np.zeros_like(x.data)) for x in inputs]
    return tape.grad([y for y, _ in heads], inputs, [w for _, w in heads], create_graph=create_graph)


def _finite(values, order):
    if not np.isfinite(values).all():
        raise NotSmooth(f"the derivative of order {order} is not finite here")


def _check_once(function, inputs, order, random, rtol, atol):
    with tape.recording(True, None):
        variables = _variables(inputs)
        outputs = _call(function, variables)
    weights = [random.standard_normal(y.shape) for y in outputs]
    for y in outputs:
        assert y.data.dtype == np.float64, f"an output of dtype {y.data.dtype} is too coarse for differences"
        _finite(dense(y.data), order - 1)
    gradients = _derive(outputs, variables, [NDArray(w) for w in weights])
    size = sum(np.abs(w * dense(y.data)).sum() for w, y in zip(weights, outputs, strict=True))

    def total(position, moved):
        arguments = _variables([*inputs[:position], moved, *inputs[position + 1 :]])
        try:
            outputs = _call(function, arguments)
        except MXNetError as reason:
            raise NotSmooth(f"next to this point the function is not defined: {reason}") from None
        return sum((w * dense(y.data)).sum() for w, y in zip(weights, outputs, strict=True))

    for position, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        direction = random.standard_normal(x.shape)
        terms = dense(gradient.data) * direction
        _finite(terms, order)
        differences = []
        for step in STEPS:
            expected = (total(position, x + step * direction) - total(position, x - step * direction)) / (2 * step)
            _finite(expected, order)
            tolerance = atol + rtol * np.abs(terms).sum() + 16 * EPSILON * size / step
            if abs(terms.sum() - expected) <= tolerance:
                break
            differences.append((expected, tolerance))
        else:
            (expected, tolerance), (finer, its_tolerance) = differences
            if abs(expected - finer) > tolerance + its_tolerance:
                raise NotSmooth(f"differences of order {order} by steps {STEPS} are {expected:.10g} and {finer:.10g}")
            raise GradientError(
                f"derivative of order {order} by argument {position} of shape {x.shape}: {terms.sum():.10g} along a "
                f"random direction, but differences give {expected:.10g} (tolerance {tolerance:.2g})",
                order, position,
            )  # fmt: skip
    return weights

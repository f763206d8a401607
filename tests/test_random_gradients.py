"""First and second derivatives of every differentiable operator at shapes, attributes and points that Hypothesis draws.

    python -m pytest tests/test_random_gradients.py -k "softmax"
    GRADIENT_EXAMPLES=1000 python -m pytest tests/test_random_gradients.py        more of them, other ones each time

A call starts as one of those in gradient_calls.py, and is changed step by step: a length that occurs in it becomes
another one wherever it occurs, an attribute gets another value of its type, an input is added. A change that the
operator refuses is taken back, so that each example ends as a call that the operator takes. It must refuse in its own
words: what NumPy raises fails the test.
"""

import contextlib
import os

import numpy as np
import pytest
from gradcheck import GradientError, NotSmooth
from gradient_calls import CALLS, Call
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from python_engine import attributes, tape
from python_engine.errors import MXNetError
from python_engine.ndarray import NDArray

EXAMPLES = int(os.environ.get("GRADIENT_EXAMPLES", 0))
ORDER = 2
MOST = 5  # a length of an axis
BY_OPERATOR = {}
for call in CALLS.values():
    if call.reliable()[1]:
        BY_OPERATOR.setdefault(call.operator.name, []).append(call)

thorough = settings(
    max_examples=EXAMPLES or 6,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


def changed(call, attrs=None, inputs=None, positions=None, training=None):
    """Another call of the operator."""
    given = (attrs, inputs, positions, training)
    before = (call.attrs, call.inputs, call.positions, call.training)
    return Call(call.operator.name, *[old if new is None else new for new, old in zip(given, before)])


def resized(call, length, other, follow, seed):
    """The call with another length wherever that one occurs; also in the attributes, if they `follow`."""
    random = np.random.default_rng(seed)
    # the same positions along all these axes, so that of a symmetric matrix a symmetric one remains
    kept = random.choice(length, other, replace=False) if other <= length else random.integers(0, length, other)
    kept.sort()

    def taken(x):
        for axis in range(x.ndim):
            if x.shape[axis] == length:
                x = np.take(x, kept, axis)
        return x

    def replaced(value):
        if isinstance(value, tuple):
            return tuple(map(replaced, value))
        return other if type(value) is int and value == length else value

    attrs = {k: replaced(v) for k, v in call.attrs.items()} if follow else None
    return changed(call, attrs, [taken(x) for x in call.inputs])


def another(draw, kind, value):
    """Another value of an attribute, or the same where its type tells of none."""
    if isinstance(kind, attributes.Maybe):
        if value is not None and draw(st.booleans()):
            return None
        kind = kind.item
    if isinstance(kind, attributes.DType):
        return value
    if isinstance(kind, attributes.Choice):
        return draw(st.sampled_from(kind.choices))
    if isinstance(kind, attributes.Bool):
        return not value
    if isinstance(kind, attributes.Int):
        return draw(st.integers(-3, 4))
    if isinstance(kind, attributes.Float):
        return draw(st.sampled_from([-1.5, 0.0, 0.3, 0.75, 2.0]))
    if isinstance(kind, attributes.Tuple) and isinstance(value, tuple):
        if draw(st.booleans()) or not value:
            return tuple(draw(st.lists(st.integers(-2, 4), max_size=3)))
        at = draw(st.integers(0, len(value) - 1))
        return (*value[:at], another(draw, kind.item, value[at]), *value[at + 1 :])
    return value


def change(draw, call):
    """The call with one thing changed, as drawn."""
    what = draw(st.sampled_from(["length", "length", "attribute", "inputs", "training"]))
    lengths = sorted({n for x in call.inputs for n in x.shape if n})
    if what == "length" and lengths:
        length, other = draw(st.sampled_from(lengths)), draw(st.integers(1, MOST))
        return resized(call, length, other, draw(st.booleans()), draw(st.integers(0, 99)))
    if what == "attribute" and call.attrs:
        name = draw(st.sampled_from(sorted(call.operator.attributes)))
        value = another(draw, call.operator.attributes[name], call.attrs[name])
        return changed(call, {**call.attrs, name: value})
    if what == "inputs" and call.operator.variadic and len(call.positions) == len(call.inputs):
        inputs = draw(st.sampled_from([call.inputs[:-1] or call.inputs, call.inputs + call.inputs[:1]]))
        count = {"num_args": len(inputs)} if "num_args" in call.attrs else {}
        return changed(call, {**call.attrs, **count}, inputs, list(range(len(inputs))))
    return changed(call, training=draw(st.booleans()))


def runs(call, seed, spread):
    """Whether the operator takes the call, and gives finite numbers in float64."""
    try:
        with tape.recording(False, call.training):
            outputs = call(*map(NDArray, call.point(seed, spread)))
    except MXNetError:
        return False
    return bool(outputs) and all(np.isfinite(y.data).all() for y in outputs if isinstance(y.data, np.ndarray))


@pytest.mark.parametrize("name", BY_OPERATOR)
def test_derivatives_agree_with_differences(name):
    checked = []

    @thorough
    @given(st.data())
    def check(data):
        call = data.draw(st.sampled_from(BY_OPERATOR[name]))
        seed, steps = data.draw(st.integers(0, 2**32 - 1)), data.draw(st.integers(0, 6))
        for _ in range(steps):
            try:
                candidate = change(data.draw, call)
            except MXNetError:
                continue
            if runs(candidate, seed, 0.02):
                call = candidate
        spread = 1.0 if runs(call, seed, 1.0) else 0.02
        note(repr(call))
        part, order, _ = call.reliable()
        if order == 0:
            return
        with contextlib.suppress(NotSmooth):
            try:
                part.check(min(order, ORDER), seed=seed, spread=spread)
            except GradientError:  # just where two pieces of a function meet, differences agree on neither's slope
                part.check(min(order, ORDER), seed=seed + 1, spread=spread)
            checked.append(call)

    check()
    assert checked

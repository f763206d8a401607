"""First, second and third derivatives of every differentiable operator: at the attributes and shapes that are recorded
from MXNet, and at those in gradient_calls.py and numpy_calls.py for operators without recordings.

    python -m pytest tests/test_gradients.py -k "softmax"
"""

import pytest
from gradcheck import GradientError, NotSmooth
from gradient_calls import CALLS, EXCEPTIONS, PARTIAL, UNCHECKED

from python_engine import tape
from python_engine.errors import AutogradError
from python_engine.registry import REGISTRY


@pytest.mark.parametrize("key", CALLS)
def test_derivatives_agree_with_differences(key):
    call, order, why = CALLS[key].reliable()
    if order == 0:
        pytest.skip(why)
    call.check(order)


@pytest.mark.parametrize("row", [*EXCEPTIONS, *PARTIAL], ids=lambda row: f"{row[0]}: {row[-1]}")
def test_exceptions_are_still_needed(row):
    name, which, *what = row
    order = what[0] if row in EXCEPTIONS else 0
    matching = [call for call in CALLS.values() if call.operator.name == name and which(call)]
    with pytest.raises((GradientError, NotSmooth, AutogradError)):
        for call in matching:
            call.check(order + 1)


def test_every_rule_in_the_table_is_exercised(monkeypatch):
    exercised = set()
    gradients = tape.Node.gradients

    def noting(node, g, functions):
        exercised.add(node.operator.name)
        return gradients(node, g, functions)

    monkeypatch.setattr(tape.Node, "gradients", noting)
    for call in CALLS.values():
        part, order, _ = call.reliable()
        part.check(order)
    missing = {row.name for row in REGISTRY if row.differentiable is True} - exercised
    assert missing == set(UNCHECKED)

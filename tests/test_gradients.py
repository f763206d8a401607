"""First and second derivatives of every differentiable operator, at the shapes and attributes that are recorded.

    python -m pytest tests/test_gradients.py -k "softmax"
"""

import numpy as np
import pytest
from golden_ops import MANIFEST, arrays, is_sparse
from gradcheck import GradientError, check_gradients

from python_engine import autograd
from python_engine.generator import generator
from python_engine.ndarray import NDArray
from python_engine.registry import OPERATORS, operator

FLOATS = ("float32", "float64", "float16")

# operator or operator-case: (the order up to which derivatives hold, why not beyond)
EXCEPTIONS = {}


def is_index(x, gradient):
    """Whether an input holds numbers of rows and the like, which have no derivative."""
    return not gradient.any() and np.array_equal(x, np.round(x))


class Walk:
    """A recorded call as a function of the inputs that it can be derived by, in float64."""

    def __init__(self, name, case, data):
        self.operator, self.train = OPERATORS[name], case["train_mode"]
        attrs = {k: "float64" if k == "dtype" and v in FLOATS else v for k, v in case["attrs"].items()}
        self.attrs = self.operator.parse(attrs)
        self.constants = [wide(data[x["key"]]) for x in case["inputs"]]
        self.positions = [
            position
            for position, x in enumerate(case["inputs"])
            if x["grad"] is not None
            and x["dtype"] in FLOATS
            and self.has_rule(position)
            and not is_index(data[x["key"]], data[x["grad"]])
        ]

    def has_rule(self, position):
        operator = self.operator
        return operator.joint is not None or operator.rules[position] is not None

    def __call__(self, *variables):
        generator.seed(7)
        inputs = [NDArray(x.copy()) for x in self.constants]
        for position, variable in zip(self.positions, variables, strict=True):
            inputs[position] = variable
        outputs = autograd.invoke(self.operator, inputs, dict(self.attrs))
        return [y for y in outputs[: self.operator.visible_count(self.attrs)] if y.dtype.kind == "f"]

    def point(self, seed):
        """The recorded inputs, moved a little, so that no two are equal and none is a multiple of one half."""
        random = np.random.default_rng(seed)
        recorded = [self.constants[position] for position in self.positions]
        return [x * (1 + 0.02 * random.random(x.shape)) + 0.01 * random.random(x.shape) for x in recorded]

    def check(self, order):
        check_gradients(self, self.point(1), order, training=self.train)


def wide(x):
    return x.astype(np.float64) if x.dtype.kind == "f" else x


def walks():
    """One parameter for each recorded call that differs in more than dtypes."""
    for name, entry in MANIFEST.items():
        if name not in OPERATORS or OPERATORS[name].differentiable is not True:
            continue
        seen = set()
        for case in entry["cases"]:
            if case["gradients"] == "recorded" and not is_sparse(case):
                key = str((case["attrs"], case["train_mode"], [x["shape"] for x in case["inputs"]]))
                if key not in seen:
                    seen.add(key)
                    yield pytest.param(name, case, id=f"{name}-{case['id']}")

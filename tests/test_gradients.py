"""First, second and third derivatives of every differentiable operator: at the attributes and shapes that are recorded
from MXNet, and at those below for operators without recordings.

    python -m pytest tests/test_gradients.py -k "softmax"
"""

from collections import Counter

import numpy as np
import pytest
from golden_ops import MANIFEST, arrays, is_sparse
from gradcheck import GradientError, check_gradients
from numpy_calls import CALLS as NUMPY_CALLS

from python_engine import tape
from python_engine.errors import AutogradError
from python_engine.generator import generator
from python_engine.ndarray import NDArray
from python_engine.registry import OPERATORS, REGISTRY
from python_engine.tape import taped_functions as F

FLOATS = ("float32", "float64", "float16")
ORDER = 3

# operator or operator-case: (the order up to which its derivatives hold, why not beyond)
EXCEPTIONS = {
    "Correlation-c2": (1, "the gradient of absolute differences has no gradient of its own"),
    "LeakyReLU-c3": (0, "MXNet's gradient of selu is not its derivative below zero"),
    "LeakyReLU-c4": (0, "gelu is computed in float32, as in MXNet, which is too coarse for differences"),
    "LeakyReLU-c10": (0, "gelu is computed in float32, as in MXNet, which is too coarse for differences"),
    "SoftmaxActivation-c2": (0, "MXNet's gradient of mode instance is that of mode channel"),
    "_contrib_box_nms-c4": (0, "MXNet's gradient leaves the change of format out of account"),
}

# operator or operator-case: (how many of the outputs, what inputs not, why)
PARTIAL = {
    "_contrib_hawkesll": (1, (3,), "MXNet passes no gradient to the state, nor from the one that is returned"),
    "_npi_lstsq": (1, (), "no gradient flows from the residuals and the singular values"),
    "BatchNorm-c5": (1, (), "MXNet passes no gradient from the mean and the variance"),
    "GroupNorm-c3": (1, (), "MXNet passes no gradient from the mean and the variance"),
    "LayerNorm-c4": (1, (), "MXNet passes no gradient from the mean and the variance"),
}

# Functions of symmetric matrices: only one triangle is read, but the gradient is spread over both
SYMMETRIC = {"_linalg_potrf", "_linalg_syevd", "_npi_eigh", "_npi_eigvalsh"}

# (operator, attributes, inputs, positions of those to derive by), for operators without recorded gradients
UNRECORDED = [
    ("_contrib_fft", {}, [np.ones((2, 5))], [0]),
    ("_contrib_ifft", {}, [np.ones((2, 6))], [0]),
    (
        "_contrib_count_sketch",
        {"out_dim": 3},
        [np.ones((2, 4)), np.array([[2, 0, 2, 1]]), np.array([[1.0, -1, -1, 1]])],
        [0],
    ),
    ("_image_flip_left_right", {}, [np.ones((2, 3, 1))], [0]),
    ("_image_flip_top_bottom", {}, [np.ones((2, 3, 1))], [0]),
    ("_image_random_flip_left_right", {}, [np.ones((2, 3, 1))], [0]),
    ("_image_random_flip_top_bottom", {}, [np.ones((2, 3, 1))], [0]),
    ("_contrib_SparseEmbedding", {"input_dim": 4, "output_dim": 2}, [np.array([0.0, 2, 3]), np.ones((4, 2))], [1]),
    ("cast_storage", {"stype": "csr"}, [np.ones((3, 2))], [0]),
    ("_sparse_retain", {}, [np.ones((4, 2)), np.array([2, 0])], [0]),
    ("_square_sum", {"axis": 1}, [np.ones((3, 2))], [0]),
    ("_sample_multinomial", {"get_prob": True, "shape": 4}, [np.ones((2, 3)) / 3], [0]),
    ("_view_at", {"index": 1}, [np.ones((3, 2))], [0]),
    ("_view_slice", {"begin": 1, "end": 3}, [np.ones((4, 2))], [0]),
    ("_view_reshape", {"shape": (3, 2)}, [np.ones((2, 3))], [0]),
]

# operator: why no derivative of it can be checked here
UNCHECKED = {
    "_image_to_tensor": "its output is float32, too coarse for differences",
}


class Call:
    """An operator as a function of the inputs that it is derived by, in float64; the other inputs are constants."""

    def __init__(self, name, attrs, inputs, positions, training=True):
        self.operator, self.inputs, self.positions, self.training = OPERATORS[name], inputs, positions, training
        self.attrs = self.operator.parse(attrs)
        self.first = self.operator.visible_count(self.attrs)

    @classmethod
    def recorded(cls, name, case):
        data = arrays(name)
        attrs = {k: "float64" if k == "dtype" and v in FLOATS else v for k, v in case["attrs"].items()}
        inputs = [wide(data[x["key"]]) for x in case["inputs"]]
        positions = [
            position
            for position, x in enumerate(case["inputs"])
            if x["grad"] is not None
            and x["dtype"] in FLOATS
            and has_rule(OPERATORS[name], position)
            and not is_index(data[x["key"]], data[x["grad"]])
        ]
        return cls(name, attrs, inputs, positions, case["train_mode"])

    def __call__(self, *variables):
        generator.seed(7)
        inputs = [NDArray(x.copy()) for x in self.inputs]
        for position, variable in zip(self.positions, variables, strict=True):
            if self.operator.name in SYMMETRIC:
                variable = (variable + F.swapaxes(variable, dim1=-2, dim2=-1)) * 0.5
            inputs[position] = variable
        outputs = tape.invoke(self.operator, inputs, dict(self.attrs))
        return [y for y in outputs[: self.first] if y.dtype == np.float64]  # others are whole numbers, as of topk

    def partial(self, outputs, without):
        """This call with the first outputs only, and some inputs as constants."""
        positions = [position for position in self.positions if position not in without]
        part = Call(self.operator.name, self.attrs, self.inputs, positions, self.training)
        part.first = outputs
        return part

    def point(self):
        """The inputs, moved a little, so that no two elements are equal and none is a whole number."""
        random = np.random.default_rng(1)
        inputs = [self.inputs[position] for position in self.positions]
        return [x * (1 + 0.02 * random.random(x.shape)) + 0.01 * random.random(x.shape) for x in inputs]

    def check(self, order):
        check_gradients(self, self.point(), order, training=self.training)


def wide(x):
    return x.astype(np.float64) if x.dtype.kind == "f" else x


def has_rule(operator, position):
    return operator.joint is not None or operator.rules[position] is not None


def is_index(x, gradient):
    """Whether an input holds numbers of rows and the like, by which nothing is derived."""
    return not gradient.any() and np.array_equal(x, np.round(x))


def calls():
    """(id, Call) of what is checked: recorded calls that differ in more than dtypes, and the unrecorded ones."""
    for name, entry in MANIFEST.items():
        seen = set()
        for case in entry["cases"]:
            key = str((case["attrs"], case["train_mode"], [x["shape"] for x in case["inputs"]]))
            if key in seen or case["gradients"] != "recorded" or is_sparse(case):
                continue
            if name in OPERATORS and OPERATORS[name].differentiable is True:
                seen.add(key)
                call = Call.recorded(name, case)
                if call.positions:
                    yield f"{name}-{case['id']}", call
    counted = Counter()
    for row in (*UNRECORDED, *NUMPY_CALLS):
        counted[row[0]] += 1
        yield f"{row[0]}-u{counted[row[0]]}", Call(*row)


CALLS = dict(calls())


def of(table, key):
    """What a table says of a case, or of its operator."""
    return table.get(key) or table.get(key.rpartition("-")[0])


def reliable(key):
    """The part of a call whose derivatives hold, and up to which order."""
    call, part = CALLS[key], of(PARTIAL, key)
    return call.partial(*part[:2]) if part else call, (of(EXCEPTIONS, key) or (ORDER,))[0]


@pytest.mark.parametrize("key", CALLS)
def test_derivatives_agree_with_differences(key):
    call, order = reliable(key)
    if order == 0:
        pytest.skip(of(EXCEPTIONS, key)[1])
    call.check(order)


@pytest.mark.parametrize("key", [*EXCEPTIONS, *PARTIAL])
def test_exceptions_are_still_needed(key):
    order = EXCEPTIONS.get(key, (0,))[0]
    matching = [call for name, call in CALLS.items() if key in (name, name.rpartition("-")[0])]
    assert matching, f"nothing is checked under the name {key}"
    for call in matching:
        with pytest.raises((GradientError, AutogradError)):
            call.check(order + 1)


def test_every_rule_in_the_table_is_exercised(monkeypatch):
    exercised = set()
    gradients = tape.Node.gradients

    def noting(node, g, functions):
        exercised.add(node.operator.name)
        return gradients(node, g, functions)

    monkeypatch.setattr(tape.Node, "gradients", noting)
    for key in CALLS:
        call, order = reliable(key)
        call.check(order)
    missing = {row.name for row in REGISTRY if row.differentiable is True} - exercised
    assert missing == set(UNCHECKED)

"""Calls of differentiable operators, for test_gradients.py and test_random_gradients.py: recorded from MXNet, those of
NumPy's operators, and some for operators without recordings; and what cannot be checked of them."""

from collections import Counter

import numpy as np
from golden_ops import MANIFEST, arrays, is_sparse
from gradcheck import check_gradients
from numpy_calls import CALLS as NUMPY_CALLS

from python_engine.calls import invoke
from python_engine.generator import generator
from python_engine.ndarray import NDArray
from python_engine.registry import OPERATORS
from python_engine.tape import taped_functions as F

FLOATS = ("float32", "float64", "float16")
ORDER = 3


def repeated(positions):
    """Whether some position occurs more than once; those of a mask do not count."""
    return positions.dtype.kind != "b" and len(np.unique(positions, axis=0)) < len(positions)


# (operator, which calls of it, the order up to which their derivatives hold, why not beyond)
EXCEPTIONS = [
    ("Correlation", lambda call: not call.attrs["is_multiply"], 1,
     "the gradient of absolute differences has no gradient of its own"),
    ("LeakyReLU", lambda call: call.attrs["act_type"] == "selu", 0,
     "MXNet's gradient of selu is not its derivative below zero"),
    ("LeakyReLU", lambda call: call.attrs["act_type"] == "gelu", 0,
     "gelu is computed in float32, as in MXNet, which is too coarse for differences"),
    ("SoftmaxActivation", lambda call: call.attrs["mode"] == "instance" and call.inputs[0].ndim > 2, 0,
     "MXNet's gradient of mode instance is that of mode channel"),
    ("_contrib_box_nms", lambda call: call.attrs["in_format"] != call.attrs["out_format"], 0,
     "MXNet's gradient leaves the change of format out of account"),
    ("_mod_scalar", lambda call: call.attrs["scalar"] == 0, 0,
     "MXNet passes the gradient on, though of nothing but zeros"),
    ("_contrib_index_copy", lambda call: repeated(call.inputs[1]), 0,
     "MXNet passes the gradient to all that are written to one place"),
    ("scatter_nd", lambda call: repeated(call.inputs[1].T), 0,
     "MXNet passes the gradient to all that are written to one place"),
    ("_npi_setitem", lambda call: any(repeated(x) for x in call.inputs[1:-1]), 0,
     "the gradient goes to all that are written to one place"),
    *(
        (name, lambda call: (call.attrs["rcond"] or 0) > 0.01, 0,
         "no gradient flows through the choice of singular values that are left out")
        for name in ("_npi_lstsq", "_npi_pinv_scalar_rcond")
    ),
]  # fmt: skip

# (operator, which calls of it, how many of the outputs, what inputs not, why)
PARTIAL = [
    ("_contrib_hawkesll", lambda call: True, 1, (3,),
     "MXNet passes no gradient to the state, nor from the one that is returned"),
    ("_npi_lstsq", lambda call: True, 1, (), "no gradient flows from the residuals and the singular values"),
    *(
        (name, lambda call: call.attrs["output_mean_var"], 1, (),
         "MXNet passes no gradient from the mean and the variance")
        for name in (
            "BatchNorm", "BatchNorm_v1", "_contrib_BatchNormWithReLU", "_contrib_SyncBatchNorm", "GroupNorm",
            "LayerNorm",
        )
    ),
]  # fmt: skip

# Functions of symmetric matrices: only one triangle is read, but the gradient is spread over both
SYMMETRIC = {"_linalg_potrf", "_linalg_syevd", "_npi_eigh", "_npi_eigvalsh"}


def takes_symmetric(call):
    return call.operator.name in SYMMETRIC


X = np.random.default_rng(3).standard_normal((5, 3))
WAVES = np.sin(np.arange(96.0)).reshape(16, 6)
IMAGES = np.cos(np.arange(12.0)).reshape(1, 2, 2, 3)

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
    *(
        (name, {"output_mean_var": True, "fix_gamma": False, **key}, [X, *np.ones((4, 3))], [0, 1, 2])
        for name, key in (
            ("BatchNorm_v1", {}),
            ("_contrib_BatchNormWithReLU", {}),
            ("_contrib_SyncBatchNorm", {"key": "1"}),
        )
    ),
    ("_contrib_BatchNormWithReLU", {"fix_gamma": False}, [X, *np.ones((4, 3))], [0, 1, 2]),
    (
        "_contrib_ModulatedDeformableConvolution",
        {"kernel": (2, 2), "num_filter": 2, "no_bias": True, "pad": (1, 0), "num_deformable_group": 2},
        [
            IMAGES,
            0.3 * WAVES[:16].reshape(1, 16, 3, 2),
            WAVES[:8].reshape(1, 8, 3, 2),
            WAVES[:4, :4].reshape(2, 2, 2, 2),
        ],
        [0, 1, 2, 3],
    ),
    (
        "_contrib_RROIAlign",
        {"pooled_size": (2, 2), "spatial_scale": 1.0},
        [IMAGES, np.array([[0, 1.5, 1.0, 2.0, 1.5, 30.0]])],
        [0],
    ),
    ("_mod_scalar", {"scalar": 0}, [X], [0]),
    ("_contrib_index_copy", {}, [X, np.array([1, 1]), X[:2]], [0, 2]),
    ("scatter_nd", {"shape": (4,)}, [X[0], np.array([[1, 2, 1]])], [0]),
    ("_npi_setitem", {"key": "@"}, [X[0], np.array([1, 1]), X[1, :2]], [0, 2]),
    ("_npi_lstsq", {"rcond": 0.75}, [X, X[:, 0]], [0, 1]),
    ("_npi_pinv_scalar_rcond", {"rcond": 0.75}, [X], [0]),
    ("_image_flip_left_right", {}, [np.ones((2, 3, 1))], [0]),
    ("_image_flip_top_bottom", {}, [np.ones((2, 3, 1))], [0]),
    ("_image_random_flip_left_right", {}, [np.ones((2, 3, 1))], [0]),
    ("_image_random_flip_top_bottom", {}, [np.ones((2, 3, 1))], [0]),
    ("_contrib_SparseEmbedding", {"input_dim": 4, "output_dim": 2}, [np.array([0.0, 2, 3]), np.ones((4, 2))], [1]),
    ("cast_storage", {"stype": "csr"}, [np.ones((3, 2))], [0]),
    ("_sparse_retain", {}, [np.ones((4, 2)), np.array([2, 0])], [0]),
    ("_square_sum", {"axis": 1}, [np.ones((3, 2))], [0]),
    ("_sample_multinomial", {"get_prob": True, "shape": 4}, [np.ones((2, 3)) / 3], [0]),
    ("_slice_into_shape", {"begin": (1, 0), "end": (2, 2), "shape": (2,)}, [np.ones((3, 2))], [0]),
    ("_concat_flat", {}, [X, X[:2, 1:], X[0]], [0, 1, 2]),
    ("_softmax_cross_entropy", {"axis": 0}, [X, np.array([4, 0, 2])], [0]),
    ("_softmax_cross_entropy", {"axis": 0, "batch_axis": 1}, [X, np.array([4, 0, 2])], [0]),
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

    def __repr__(self):
        given = {k: v for k, v in self.attrs.items() if v != self.operator.defaults.get(k)}
        shapes = ", ".join(f"{list(x.shape)} {x.dtype}" for x in self.inputs)
        return f"{self.operator.name}({shapes}, {given}, training={self.training}), by {self.positions}"

    def __call__(self, *variables):
        generator.seed(7)
        inputs = [NDArray(x.copy()) for x in self.inputs]
        for position, variable in zip(self.positions, variables, strict=True):
            if takes_symmetric(self):
                variable = (variable + F.swapaxes(variable, dim1=-2, dim2=-1)) * 0.5
            inputs[position] = variable
        outputs = invoke(self.operator, inputs, dict(self.attrs))
        return [y for y in outputs[: self.first] if y.dtype == np.float64]  # others are whole numbers, as of topk

    def partial(self, outputs, without):
        """This call with the first outputs only, and some inputs as constants."""
        positions = [position for position in self.positions if position not in without]
        part = Call(self.operator.name, self.attrs, self.inputs, positions, self.training)
        part.first = outputs
        return part

    def point(self, seed=1, spread=0.02):
        """The inputs, moved a little, so that no two elements are equal and none is a whole number."""
        random = np.random.default_rng(seed)
        inputs = [self.inputs[position] for position in self.positions]
        return [x * (1 + spread * random.random(x.shape)) + spread / 2 * random.random(x.shape) for x in inputs]

    def check(self, order, **point):
        check_gradients(self, self.point(**point), order, training=self.training)

    def reliable(self):
        """The part of the call whose derivatives hold, up to which order, and why not beyond."""
        part, order, why = self, ORDER, None
        for name, which, *what in PARTIAL:
            if name == self.operator.name and which(self):
                part = self.partial(*what[:2])
        for name, which, *what in EXCEPTIONS:
            if name == self.operator.name and which(self):
                order, why = what
        return part, order, why


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

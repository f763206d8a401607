"""Operators at the edges of what they take: extreme attributes are refused by name, empty arrays computed."""

import os
import random

import numpy as np
import pytest

import python_engine as mx
from python_engine import ops, tape  # noqa: F401
from python_engine.errors import MXNetError
from python_engine.functions import call
from python_engine.ndarray import NDArray
from python_engine.registry import REGISTRY, find

INF, NAN = float("inf"), float("nan")
REFUSED = [
    ("AdaptiveAvgPooling2D", "_contrib_AdaptiveAvgPooling2D", {"output_size": (2,)}, [np.zeros((1, 2, 0, 3))]),
    ("a scale beyond all sizes", "_contrib_BilinearResize2D", {"scale_width": INF}, [np.zeros((1, 2, 3, 4))]),
    ("a scale that is NaN", "_contrib_BilinearResize2D", {"scale_height": NAN}, [np.zeros((1, 2, 3, 4))]),
    ("resizing no pixels", "_contrib_BilinearResize2D", {"height": 2, "width": 7}, [np.zeros((1, 2, 4, 0))]),
    ("sampling no pixels", "BilinearSampler", {}, [np.zeros((1, 2, 0, 5)), np.zeros((1, 2, 3, 3))]),
    ("pooling nothing", "Pooling", {"global_pool": True}, [np.zeros((1, 2, 0, 4))]),
    ("regions of no pixels", "_contrib_ROIAlign", {"pooled_size": (2, 2), "spatial_scale": 1},
     [np.zeros((2, 4, 0, 6)), np.zeros((3, 5))]),
    ("slopes in the wrong order", "LeakyReLU", {"act_type": "rrelu", "lower_bound": 1, "upper_bound": 0.5},
     [np.zeros(3)]),
    ("the rounding of truth values", "_contrib_round_ste", {}, [np.zeros(3, bool)]),
    ("an image of truth values", "_image_resize", {"size": 2, "interp": 3}, [np.zeros((3, 3, 1), bool)]),
    ("bits of infinity", "_npi_bitwise_and_scalar", {"scalar": INF}, [np.zeros(3, np.int32)]),
    ("the norm of NaN", "_npi_norm", {}, [np.full((2, 2), NAN)]),
    ("the norm of nothing", "_npi_norm", {}, [np.zeros((0, 3))]),
    ("cutoffs that do not broadcast", "_npi_pinv", {}, [np.zeros((4, 2)), np.zeros(3)]),
    ("no array to index", "_npi_getitem", {"key": "1"}, []),
    ("no value to set", "_npi_setitem", {"key": "1"}, [np.zeros(3)]),
    ("a negative size of blocks", "_npi_normal_n", {"loc": 0, "scale": 1, "size": (-2,)}, []),
    ("a negative size of choices", "_npi_choice", {"a": 3, "size": (-2,)}, []),
    ("counts of no outcomes", "_npi_multinomial", {"n": 2}, [np.zeros(0)]),
    ("an infinite probability", "_npi_multinomial", {"n": 2, "pvals": (INF,)}, []),
    ("an unknown dimension below -1", "_np_reshape", {"newshape": (-2, -1)}, [np.zeros((2, 3))]),
    ("matrices as values of a mask", "_npi_boolean_mask_assign_tensor", {"start_axis": 0},
     [np.zeros((1, 2, 3)), np.ones((1, 2, 3), bool), np.zeros((1, 3))]),
    ("more layers than there are weights", "RNN", {"state_size": 2, "num_layers": 2**31 - 1, "mode": "gru"},
     [np.zeros((2, 1, 2)), np.zeros(56), np.zeros((4, 1, 2))]),
    ("more pieces than elements", "SliceChannel", {"num_outputs": 2**31, "axis": 0}, [np.zeros((0, 3))]),
    ("more sections than elements", "_split_v2", {"indices": (), "sections": 2**63 - 1}, [np.zeros((2, 4))]),
    ("blocks of no channels", "depth_to_space", {"block_size": 2**62}, [np.zeros((1, 0, 2, 3))]),
    ("a derivative of any order", "_polygamma", {"n": 2**31}, [np.ones(2)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "attrs", "inputs"), [x[1:] for x in REFUSED], ids=[x[0] for x in REFUSED])
def test_what_cannot_be_computed_is_refused_by_name(name, attrs, inputs):
    operator = find(name)
    with pytest.raises(MXNetError, match=name.lstrip("_")):
        call(operator, [as_array(x) for x in inputs], operator.parse(attrs))


def as_array(values):
    return NDArray(values.astype(np.float32) if values.dtype == np.float64 else values)


EMPTY = [
    ("Convolution", {"kernel": (3, 3), "num_filter": 4, "num_group": 2, "pad": (1, 1)},
     [(0, 4, 5, 5), (4, 2, 3, 3), (4,)], (0, 4, 5, 5)),
    ("Convolution", {"kernel": (3,), "num_filter": 2, "stride": (2,)}, [(0, 2, 8), (2, 2, 3), (2,)], (0, 2, 3)),
    ("Deconvolution", {"kernel": (2, 2), "num_filter": 3}, [(0, 2, 3, 2), (2, 3, 2, 2)], (0, 3, 4, 3)),
    ("ROIPooling", {"pooled_size": (2, 2), "spatial_scale": 1}, [(0, 2, 6, 6), (3, 5)], (3, 2, 2, 2)),
    ("_contrib_RROIAlign", {"pooled_size": (2, 2), "spatial_scale": 1}, [(1, 2, 6, 6), (0, 6)], (0, 2, 2, 2)),
    ("_contrib_RROIAlign", {"pooled_size": (2, 2), "spatial_scale": 1}, [(0, 2, 6, 6), (3, 6)], (3, 2, 2, 2)),
    ("SpatialTransformer", {"target_shape": (4, 3), "transform_type": "affine", "sampler_type": "bilinear"},
     [(0, 1, 4, 3), (0, 6)], (0, 1, 4, 3)),
    ("IdentityAttachKLSparseReg", {}, [(0, 4), (4,)], (0, 4)),
    ("moments", {"axes": (0, 2), "keepdims": True}, [(1, 2, 0)], (1, 2, 1)),
    ("take", {"axis": -1}, [(0, 3, 4), (2, 2)], (0, 3, 2, 2)),
    ("_npi_delete", {"int_ind": 1, "axis": 1}, [(0, 3)], (0, 2)),
    ("_npi_solve", {}, [(0, 0), (0, 2)], (0, 2)),
    ("_npi_cov", {}, [(0, 4)], (0, 0)),
    ("_npi_einsum", {"subscripts": "ij,jk->ik"}, [(0, 3), (3, 2)], (0, 2)),
    ("RNN", {"state_size": 2, "num_layers": 1, "mode": "lstm"}, [(0, 2, 2), (48,), (1, 2, 2), (1, 2, 2)], (0, 2, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "attrs", "shapes", "wanted"), EMPTY)
def test_empty_arrays_have_outputs_and_gradients(name, attrs, shapes, wanted):
    operator = find(name)
    inputs = [NDArray(np.zeros(shape, np.float32)) for shape in shapes]
    for x in inputs:
        x.grad = NDArray(np.full(x.data.shape, 7, np.float32))
        tape.mark_variable(x, x.grad)
    tape.state.recording = True
    try:
        outputs = call(operator, inputs, operator.parse(attrs))
    finally:
        tape.state.recording = False
    assert outputs[0].data.shape == wanted
    tape.backward(outputs[:1], [None])
    assert not any(x.grad.data.any() for x in inputs[: 1 + (name == "Convolution")])


@pytest.mark.parametrize("k", [-(2**63), -(2**31), 2**31, 2**63 - 1])
def test_a_diagonal_far_outside_is_empty(k):
    matrix = np.ones((2, 3), np.float32)
    assert find("_np_diagonal").forward(np.stack([matrix] * 4), offset=k, axis1=1, axis2=2).shape == (4, 0)
    assert find("_np_diag").forward(matrix, k=k).shape == (0,)
    assert find("_np_trace").forward(matrix, offset=k) == 0
    assert find("_npi_tril").forward(matrix, k=k).sum() == (6 if k > 0 else 0)
    assert find("_npi_triu").forward(matrix, k=k).sum() == (0 if k > 0 else 6)


@pytest.mark.parametrize(("name", "y", "wanted"), [("mod", 3, 2), ("mod", 0, 0), ("power", 3, 125), ("power", 4, 625)])
def test_arrays_without_axes_have_remainders_and_powers(name, y, wanted):
    five, y = np.array(5, np.float32), np.array(y, np.float32)
    for result in (find(f"_npi_{name}").forward(five, y), find(f"_npi_{name}_scalar").forward(five, scalar=float(y))):
        assert (result.shape, result.dtype, result) == ((), "float32", wanted)


def test_the_bits_of_a_fraction_are_those_of_its_whole_part():
    for is_int in (True, False):
        result = find("_npi_bitwise_xor_scalar").forward(np.int32([1, 6]), scalar=3.9, is_int=is_int)
        assert (result.tolist(), result.dtype) == ([2, 5], np.int32)


def test_minus_zero_is_a_scale_of_zero():
    assert find("_npi_gumbel").forward(np.float32([-0.0]), loc=3.0, scale=None, size=(2,)).tolist() == [3, 3]


@pytest.mark.parametrize("beta2", [1e300, 0.0])
def test_a_power_of_a_decay_rate_that_is_infinite_is_no_error(beta2):
    arrays = [np.ones(2, np.float32) for _ in range(4)]
    step = find("lamb_update_phase1").forward(*arrays, beta2=beta2, t=-1 if beta2 == 0 else 3, wd=0.0)
    assert step.shape == (2,)


def test_a_label_to_ignore_that_is_no_number_ignores_none():
    target, weight = find("_softmax_output_target").forward(
        np.float32([0, 2]), shape=(2, 3), grad_scale=1.0, ignore_label=NAN, multi_output=False, use_ignore=True,
        preserve_shape=False, normalization="valid", smooth_alpha=0.0,
    )  # fmt: skip
    assert target.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert weight.ravel().tolist() == [0.5, 0.5]


# -- over the stream ---------------------------------------------------------------------------------------------------

HIDDEN = [row for row in REGISTRY if row.name.startswith("_backward_")]
SHAPES = [(1,), (3,), (0,), (2, 3), (3, 2), (2, 3, 4), (1, 2, 5, 5), (2, 2, 3, 3), (1, 2, 0, 4)]
VALUES = [0, 1, -1, 3, 7, 0.5, True, "float32", "max", "ab->a", [1], [2, 2], [0, -1, 3]]


@pytest.fixture(scope="module")
def engine(server):
    engine = server.greeted()
    yield engine
    engine.close()


def accepted(type_, rng):
    """A value that an attribute's type accepts, if any does."""
    for value in rng.sample(VALUES, len(VALUES)):
        try:
            type_.parse(value)
        except (KeyError, TypeError, ValueError):
            continue
        return value
    return None


@pytest.mark.parametrize("operator", HIDDEN, ids=lambda row: row.name)
def test_what_gradients_call_refuses_other_calls_in_words_about_them(engine, operator):
    rng = random.Random(operator.name)
    outcomes = set()
    for _ in range(25):
        count = rng.choice([len(operator.inputs)] * 4 + [len(operator.inputs) + 1, 0])
        for handle in range(1, count + 1):
            shape, dtype = rng.choice(SHAPES), rng.choice(["float32"] * 4 + ["float16", "int32", "bool"])
            values = np.full(shape, rng.choice([-1, 0, 2]), dtype)
            engine.send([["put", handle, dtype, None, *shape]], values.tobytes())
        row = [accepted(type_, rng) for type_ in operator.attributes.values()]
        _, status, *error = engine.ask("call", 5, operator.number, row, *range(1, count + 1))[0]
        outcomes.add(status)
        if status == "error":
            kind, message, called, *_, trace = error
            assert (called, trace) == (operator.name, "") and kind != "compute", message
    assert "error" in outcomes


@pytest.mark.parametrize("value", [1 << 63, (1 << 64) - 1, "9" * 30, "1e300"])
def test_an_integer_beyond_64_bits_is_no_value_of_an_attribute(engine, value):
    engine.send([["put", 1, "float32", None, 3]], b"\0" * 12)
    answer = engine.ask("call", 5, find("repeat").number, [value], 1)[0]
    assert answer[:3] == [5, "error", "argument"] and answer[8] == ""
    assert f"for repeats expect int but value='{value}'" in answer[3]


def test_an_output_that_an_operator_does_not_have_is_refused_in_words_about_it(engine):
    engine.send([["put", 1, "float32", None, 3], [find("reset_arrays").number, [1], 2, 1]], b"\0" * 12)
    answer = engine.ask("wait", 5, 2)[0]
    assert answer[:2] == [5, "error"] and "0 outputs were computed, but the call names" in answer[3]
    engine.send([2])


def test_arrays_are_saved_with_a_name_for_each(engine, tmp_path):
    engine.send([["put", 1, "float32", None, 3]], b"\0" * 12)
    for names in ([], ["a", "b"]):
        answer = engine.ask("save", 5, str(tmp_path / "x"), names, 1)[0]
        assert answer[:3] == [5, "error", "argument"] and f"{len(names)} names for 1 arrays" in answer[3]
    assert not list(tmp_path.iterdir())


# -- the interface for Python ------------------------------------------------------------------------------------------


def test_an_error_of_numpy_names_the_operator_and_what_it_was_given():
    with pytest.raises(MXNetError, match=r"in operator tile on arrays of \[\[2, 3\]\]") as caught:
        mx.nd.tile(mx.nd.ones((2, 3)), reps=(2**62, 2**62))
    assert type(caught.value.__cause__) in (ValueError, OverflowError)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.astype("(1,"),
        lambda x: x.reshape("x"),
        lambda x: x.broadcast_to(None),
        lambda x: mx.nd.empty(None),
        lambda x: mx.nd.from_numpy([1, 2]),
        lambda x: mx.nd.histogram(mx.nd.array(np.zeros(0))),
        lambda x: mx.nd.split_v2(x, 0),
        lambda x: mx.nd.split_v2(x, 1, axis=2),
    ],
)
def test_arguments_that_mean_nothing_are_refused(call):
    with pytest.raises(MXNetError):
        call(mx.nd.ones((2, 3)))


def test_a_number_is_no_file_to_load():
    with pytest.raises(TypeError):
        mx.nd.load(True)
    os.fstat(1)  # open(True) would be standard output, and closed afterwards

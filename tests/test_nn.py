"""Layers and losses beyond the recordings: randomness, moving statistics, memory layouts, CTC by enumeration."""

import itertools

import numpy as np
import pytest

from python_engine import calls, ops, tape  # noqa: F401
from python_engine.errors import MXNetError
from python_engine.generator import generator
from python_engine.ndarray import NDArray
from python_engine.registry import find


def forward(name, *inputs, **attrs):
    """The outputs of an operator on NumPy arrays, hidden ones included."""
    row = find(name)
    train = {"train": attrs.pop("train", True)} if row.train else {}
    outputs = row.forward(*inputs, **row.parse(attrs), **train)
    return (outputs,) if row.single else outputs


def gradients(name, inputs, head, **attrs):
    """Gradients of all floating inputs, in training, of the first output."""
    row = find(name)
    arrays = [NDArray(x.copy()) for x in inputs]
    variables = [x for x in arrays if x.data.dtype.kind == "f"]
    for x in variables:
        tape.mark_variable(x, NDArray(np.zeros_like(x.data)))
    with tape.recording(True, True):
        output = calls.invoke(row, arrays, row.parse(attrs))[0]
        return [x.data for x in tape.grad([output], variables, [NDArray(head)])]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.6, 0.999])
def test_dropout_keeps_the_share_it_should_and_scales_the_survivors(p):
    generator.seed(5)
    out, _ = forward("Dropout", np.ones((300, 1000), np.float32), p=p)
    kept = out != 0
    assert abs(kept.mean() - (1 - p)) < 5 * np.sqrt(p * (1 - p) / out.size)
    np.testing.assert_allclose(out[kept], 1 / (1 - p), rtol=1e-6)


def test_dropout_along_axes_shares_one_draw():
    generator.seed(5)
    out, _ = forward("Dropout", np.ones((8, 50, 4), np.float32), axes=(1,))
    np.testing.assert_array_equal(out, np.broadcast_to(out[:, :1], out.shape))
    assert 0 < (out == 0).mean() < 1


def test_dropout_with_p_1_drops_everything():
    np.testing.assert_array_equal(forward("Dropout", np.ones((2, 3), np.float32), p=1)[0], np.zeros((2, 3)))


def test_dropout_with_a_p_that_1_swallows_drops_nothing():
    np.testing.assert_array_equal(forward("Dropout", np.ones((2, 3), np.float32), p=1e-17)[0], np.ones((2, 3)))


def test_the_gradient_of_dropout_passes_through_the_survivors():
    generator.seed(5)
    x = np.ones((20, 30))
    state = generator.get_state()
    out, _ = forward("Dropout", x, p=0.3)
    generator.set_state(state)
    np.testing.assert_array_equal(gradients("Dropout", [x], np.ones_like(x), p=0.3)[0], out)


@pytest.mark.parametrize(("length", "steps"), [(np.nan, 0), (-np.inf, 0), (-1, 0), (1.9, 1), (np.inf, 3)])
def test_a_length_beyond_the_steps_or_nan_means_all_or_none(length, steps):
    data, lengths = np.arange(1.0, 7).reshape(3, 2), np.array([length, 2.0])
    with np.errstate(invalid="ignore"):
        last, masked, turned = (
            forward(f"Sequence{name}", data, lengths, use_sequence_length=True)[0][..., 0]
            for name in ("Last", "Mask", "Reverse")
        )
    column = data[:, 0]
    assert last == (column[steps - 1] if steps else 0)
    np.testing.assert_array_equal(masked, np.where(np.arange(3) < steps, column, 0))
    np.testing.assert_array_equal(turned, [*column[:steps][::-1], *column[steps:]])


def test_rrelu_draws_each_slope_between_the_bounds_in_training():
    generator.seed(5)
    out, slopes = forward("LeakyReLU", np.full(5000, -1.0), act_type="rrelu", lower_bound=0.1, upper_bound=0.3)
    np.testing.assert_array_equal(out, -slopes)
    assert 0.1 <= slopes.min() < 0.105 and 0.295 < slopes.max() < 0.3


def test_batch_norm_updates_the_moving_statistics_in_training_only():
    x = np.random.randn(6, 3, 4).astype(np.float32)
    for train, share in ((True, 0.25), (False, 0.0)):
        mean, var = np.zeros(3, np.float32), np.ones(3, np.float32)
        one = np.ones(3, np.float32)
        forward("BatchNorm", x, one, one, mean, var, momentum=0.75, train=train)
        np.testing.assert_allclose(mean, share * x.mean((0, 2)), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(var, 1 - share + share * x.var((0, 2)), rtol=1e-5)


LAYERS = {
    "Activation": ({"act_type": "relu"}, []),
    "LeakyReLU": ({}, []),
    "softmax": ({"axis": 1}, []),
    "BatchNorm": ({"fix_gamma": False}, [(4,), (4,), (4,), (4,)]),
    "LayerNorm": ({}, [(20,), (20,)]),
    "InstanceNorm": ({}, [(4,), (4,)]),
    "L2Normalization": ({"mode": "channel"}, []),
    "LRN": ({"nsize": 3}, []),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("layout", [(1, 2, 3, 0), (0, 2, 3, 1), (3, 2, 1, 0), "repeated", "reversed"])
def test_results_do_not_depend_on_the_layout_in_memory(name, layout):
    attrs, shapes = LAYERS[name]
    x, others = np.random.randn(6, 4, 10, 20), [np.random.rand(*shape) for shape in shapes]
    if layout == "repeated":
        other = np.broadcast_to(x[:1], x.shape)
    elif layout == "reversed":
        other = x[::-1, :, ::-1]
    else:
        other = np.ascontiguousarray(x.transpose(layout)).transpose(np.argsort(layout))
    head = np.random.randn(*x.shape)
    copies = [o.copy() for o in others]
    np.testing.assert_allclose(
        forward(name, other, *others, **attrs)[0], forward(name, other.copy(), *copies, **attrs)[0], atol=1e-12
    )
    for got, want in zip(
        gradients(name, [other, *others], head, **attrs), gradients(name, [other.copy(), *others], head, **attrs)
    ):
        np.testing.assert_allclose(got, want, atol=1e-12)


def test_softmax_and_its_kin_neither_overflow_nor_lose_small_probabilities():
    x = np.array([[1e4, 0.0], [-1e4, -1e4]], np.float32)
    np.testing.assert_array_equal(forward("softmax", x)[0], [[1, 0], [0.5, 0.5]])
    np.testing.assert_allclose(forward("log_softmax", x)[0], [[0, -1e4], [-np.log(2), -np.log(2)]], rtol=1e-6)
    np.testing.assert_allclose(forward("Activation", x[:1], act_type="softrelu")[0], [[1e4, np.log(2)]], rtol=1e-6)
    np.testing.assert_array_equal(forward("Activation", x[:, :1], act_type="sigmoid")[0], [[1], [0]])


def ctc_by_enumeration(scores, label, blank):
    """Minus the log of the summed probability of all class sequences that collapse to `label`."""
    steps, classes = scores.shape
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    total = 0.0
    for path in itertools.product(range(classes), repeat=steps):
        if [c for c, _ in itertools.groupby(path) if c != blank] == list(label):
            total += np.prod(p[range(steps), path])
    return -np.log(total) if total and steps else 0.0


@pytest.mark.parametrize("blank_label", ["first", "last"])
def test_ctc_loss_sums_over_all_alignments(blank_label):
    steps, batch, classes, labels = 5, 8, 4, 3
    scores = np.random.randn(steps, batch, classes)
    blank = 0 if blank_label == "first" else classes - 1
    label = np.random.randint(0, classes - 1, (batch, labels)) + (blank == 0)
    lengths, counts = np.random.randint(0, steps + 1, batch), np.random.randint(0, labels + 1, batch)
    want = [
        ctc_by_enumeration(scores[:t, n], label[n, :k], blank)
        for n, (t, k) in enumerate(zip(lengths, counts, strict=True))
    ]
    words = {"use_data_lengths": True, "use_label_lengths": True, "blank_label": blank_label}
    np.testing.assert_allclose(forward("CTCLoss", scores, label, lengths, counts, **words)[0], want, atol=1e-10)


def test_the_gradient_of_ctc_loss_is_that_of_finite_differences():
    scores, label = np.random.randn(4, 2, 3), np.array([[1, 1], [2, 0]])
    head, step = np.array([0.7, -1.3]), 1e-5
    got = gradients("CTCLoss", [scores, label], head)[0]
    for i in np.ndindex(scores.shape):
        up, down = scores.copy(), scores.copy()
        up[i] += step
        down[i] -= step
        difference = (forward("CTCLoss", up, label)[0] - forward("CTCLoss", down, label)[0]) @ head
        assert abs(difference / (2 * step) - got[i]) < 1e-8


@pytest.mark.parametrize(
    ("name", "shapes", "attrs", "words"),
    [
        ("FullyConnected", [(2, 3), (4, 5), (4,)], {"num_hidden": 4}, ["FullyConnected", "[4, 5]", "[4, 3]", "weight"]),
        ("FullyConnected", [(2, 3), (4, 3)], {"num_hidden": 4}, ["FullyConnected", "expects 3 inputs", "got 2"]),
        ("softmax", [(2, 3)], {"axis": 2}, ["softmax", "axis 2", "2 dimensions"]),
        ("Dropout", [(2, 3)], {"p": 1.5}, ["Dropout", "1.5", "[0,1]"]),
        ("LeakyReLU", [(2, 3), (2,)], {"act_type": "prelu"}, ["LeakyReLU", "gamma", "[2]", "[2, 3]"]),
        ("BatchNorm", [(2, 3), (2,), (3,), (3,), (3,)], {}, ["BatchNorm", "gamma", "[2]", "[3]"]),
        ("LayerNorm", [(2, 3), (3,), (3,)], {"axis": 2}, ["LayerNorm", "axis=2", "[2, 3]"]),
        ("SequenceMask", [(4, 3), (4,)], {"use_sequence_length": True}, ["SequenceMask", "[4]", "[3]"]),
        ("SoftmaxOutput", [(4, 3), (3,)], {}, ["SoftmaxOutput", "label", "[3]", "[4]"]),
        ("CTCLoss", [(2, 3, 4), (3, 3)], {}, ["CTCLoss", "[2, 3, 4]", "[3, 3]"]),
    ],
)
def test_refusals_name_the_operator_what_came_and_what_would_do(name, shapes, attrs, words):
    row = find(name)
    with pytest.raises(MXNetError) as failure:
        calls.invoke(row, [NDArray(np.ones(shape, np.float32)) for shape in shapes], row.parse(attrs))
    for word in words:
        assert word in failure.value.message


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "Dropout", "LeakyReLU", "L2Normalization"])
def test_integers_are_refused(name):
    with pytest.raises(MXNetError, match="floating point types, not int32"):
        forward(name, np.ones((2, 3), np.int32))


def test_labels_that_are_no_class_are_refused():
    with pytest.raises(MXNetError, match="from 0 to 3"):
        forward("CTCLoss", np.zeros((3, 1, 4)), np.array([[1, 7]]))
    with pytest.raises(MXNetError, match="from 0 to 3"):
        forward("softmax_cross_entropy", np.zeros((1, 4)), np.array([4.0]))

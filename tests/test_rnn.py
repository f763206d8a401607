"""RNN beyond the recordings: projection, clipped cells, sequences of several lengths, dropout between layers."""

import numpy as np
import pytest

from python_engine import calls, ops, parallel, tape  # noqa: F401
from python_engine.errors import MXNetError
from python_engine.generator import generator
from python_engine.ndarray import NDArray
from python_engine.ops import runs
from python_engine.registry import find

STEPS, BATCH, INPUTS, SIZE = 5, 3, 4, 6
GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(mode, x, h, c, weights, clip):
    """The formulas, for one sequence and one step: the new state and cell."""
    of_input, of_state, projection, input_bias, state_bias = weights
    a, b = of_input @ x + input_bias, of_state @ h + state_bias
    if mode == "gru":
        (a_r, a_z, a_n), (b_r, b_z, b_n) = np.split(a, 3), np.split(b, 3)
        z = sigmoid(a_z + b_z)
        return (1 - z) * np.tanh(a_n + sigmoid(a_r + b_r) * b_n) + z * h, c
    if mode == "lstm":
        i, f, n, o = np.split(a + b, 4)
        c = np.clip(sigmoid(f) * c + sigmoid(i) * np.tanh(n), *clip)
        h = sigmoid(o) * np.tanh(c)
        return h if projection is None else projection @ h, c
    return (np.tanh(a + b) if mode == "rnn_tanh" else np.maximum(a + b, 0)), c


def run(mode, data, parameters, state, cell, layers, directions, projection=None, clip=(-np.inf, np.inf), lengths=None):
    """The whole operator, one sequence at a time: (output, states, cells)."""
    gates, width = GATES[mode], projection or SIZE
    shapes, position = [], 0
    for layer in range(layers):
        fan_in = width * directions if layer else INPUTS
        shapes += [[(gates * SIZE, fan_in), (gates * SIZE, width), (projection, SIZE)] for _ in range(directions)]
    runs = []

    def take(*shape):
        nonlocal position
        position += int(np.prod(shape))
        return parameters[position - int(np.prod(shape)) : position].reshape(shape)

    for i, h, r in shapes:
        runs.append([take(*i), take(*h), take(*r) if projection else None])
    for weights in runs:
        weights += [take(gates * SIZE), take(gates * SIZE)]
    assert position == parameters.size
    states, cells = state.copy(), None if cell is None else cell.copy()
    for layer in range(layers):
        out = np.zeros((STEPS, BATCH, width * directions))
        for direction in range(directions):
            index = layer * directions + direction
            for n in range(BATCH):
                end = STEPS if lengths is None else int(lengths[n])
                h, c = states[index, n], None if cells is None else cells[index, n]
                for t in range(end)[:: -1 if direction else 1]:
                    h, c = step(mode, data[t, n], h, c, runs[index], clip)
                    out[t, n, direction * width : (direction + 1) * width] = h
                states[index, n] = h
                if cells is not None:
                    cells[index, n] = c
        data = out
    return data, states, cells


def inputs(mode, layers, directions, projection=None):
    gates, width, random = GATES[mode], projection or SIZE, np.random.default_rng(1)
    count = sum(
        directions * (gates * SIZE * ((width * directions if layer else INPUTS) + width + 2) + (projection or 0) * SIZE)
        for layer in range(layers)
    )
    shapes = [(STEPS, BATCH, INPUTS), (count,), (layers * directions, BATCH, width)]
    if mode == "lstm":
        shapes.append((layers * directions, BATCH, SIZE))
    return [random.normal(size=shape) for shape in shapes]


def attributes(mode, layers, directions, **others):
    words = {"mode": mode, "num_layers": layers, "bidirectional": directions == 2, "state_size": SIZE}
    return find("RNN").parse({**words, "state_outputs": True, **others})


def forward(arrays, attrs, train=False):
    return find("RNN").forward(*arrays, **attrs, train=train)


def helpers_go_ahead(monkeypatch, task=1):
    """As with large sequences: helpers read inputs a step at a time, and weight gradients are made in two parts."""
    for name, value in (("AHEAD", 0), ("TASK", task), ("ROWS", BATCH), ("PIECE", 1)):
        monkeypatch.setattr(runs, name, value)


@pytest.fixture(params=["at once", "in parts"])
def at_once_or_in_parts(request, monkeypatch):
    if request.param == "in parts":
        helpers_go_ahead(monkeypatch)


@pytest.mark.usefixtures("at_once_or_in_parts")
@pytest.mark.parametrize("mode", GATES)
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 1), (1, 2), (3, 2)])
@pytest.mark.parametrize("lengths", [None, (5, 2, 1)])
def test_outputs_and_states_follow_the_formulas(mode, layers, directions, lengths):
    arrays = inputs(mode, layers, directions)
    cell = arrays[3] if mode == "lstm" else None
    expected = run(mode, *arrays[:3], cell, layers, directions, lengths=lengths)
    given = arrays if lengths is None else [*arrays, np.array(lengths, np.float32)]
    got = forward(given, attributes(mode, layers, directions, use_sequence_length=lengths is not None))
    for one, other in zip(got, expected if mode == "lstm" else expected[:2]):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.usefixtures("at_once_or_in_parts")
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 2)])
def test_an_lstm_can_project_its_states_and_clip_its_cells(layers, directions):
    arrays = inputs("lstm", layers, directions, projection=2)
    expected = run("lstm", *arrays, layers, directions, projection=2, clip=(-0.2, 0.3))
    words = {"projection_size": 2, "lstm_state_clip_min": -0.2, "lstm_state_clip_max": 0.3}
    got = forward(arrays, attributes("lstm", layers, directions, **words))
    for one, other in zip(got, expected):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_clipping_can_end_nan():
    arrays = inputs("lstm", 1, 1)
    arrays[3][...] = np.nan
    words = {"lstm_state_clip_min": -1, "lstm_state_clip_max": 1}
    assert np.isnan(forward(arrays, attributes("lstm", 1, 1, **words))[0]).all()
    assert np.isfinite(forward(arrays, attributes("lstm", 1, 1, **words, lstm_state_clip_nan=True))[0]).all()


def test_dropout_acts_between_layers_and_only_in_training():
    arrays = inputs("gru", 2, 1)
    plain = forward(arrays, attributes("gru", 2, 1))
    generator.seed(3)
    np.testing.assert_array_equal(forward(arrays, attributes("gru", 2, 1, p=0.5))[0], plain[0])
    dropped = forward(arrays, attributes("gru", 2, 1, p=0.5), train=True)
    assert not np.allclose(dropped[0], plain[0])
    np.testing.assert_array_equal(dropped[1][0], plain[1][0])  # the lower layer comes before the dropout
    single = forward(inputs("gru", 1, 1), attributes("gru", 1, 1, p=0.5), train=True)
    np.testing.assert_array_equal(single[0], forward(inputs("gru", 1, 1), attributes("gru", 1, 1))[0])
    assert np.isfinite(forward(arrays, attributes("gru", 2, 1, p=1), train=True)[0]).all()


def gradients(mode, lengths=None, dtype=np.float64, create_graph=False):
    """Of all inputs of two bidirectional layers."""
    generator.seed(7)
    xs = [NDArray(x.astype(dtype)) for x in inputs(mode, 2, 2)]
    for x in xs:
        tape.mark_variable(x, NDArray(np.zeros_like(x.data)))
    extra = [] if lengths is None else [NDArray(np.array(lengths))]
    attrs = attributes(mode, 2, 2, p=0.3, use_sequence_length=lengths is not None)
    with tape.recording(True, True):
        outputs = calls.invoke(find("RNN"), xs + extra, attrs)[: 3 if mode == "lstm" else 2]
        heads = [NDArray(np.cos(np.arange(y.size)).reshape(y.shape).astype(dtype)) for y in outputs]
        return [x.data for x in tape.grad(outputs, xs, heads, create_graph=create_graph)]


@pytest.mark.usefixtures("at_once_or_in_parts")
@pytest.mark.parametrize("mode", GATES)
@pytest.mark.parametrize("lengths", [None, (5, 2, 1)])
def test_the_recorded_gradient_is_that_of_the_fast_kernel(mode, lengths):
    for one, other in zip(gradients(mode, lengths), gradients(mode, lengths, create_graph=True)):
        np.testing.assert_allclose(one, other, atol=1e-11)


@pytest.mark.parametrize("task", [1, 500])
@pytest.mark.parametrize("mode", GATES)
def test_gradients_made_in_parts_are_the_same_bits_on_any_number_of_threads(monkeypatch, mode, task):
    helpers_go_ahead(monkeypatch, task)
    results = []
    for cores in (1, 2, 4):
        monkeypatch.setattr(parallel, "CORES", cores)
        results.append(gradients(mode, dtype=np.float32))
    for result in results[1:]:
        for one, first in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(one, first)


@pytest.mark.parametrize("steps", [1, 2, 40])
@pytest.mark.parametrize("mode", GATES)
def test_a_large_layer_gives_what_float64_gives(mode, steps):
    random, gates, batch, inputs, size = np.random.default_rng(2), GATES[mode], 64, 100, 96
    count = gates * size * (inputs + size + 2)
    shapes = [(steps, batch, inputs), (count,), (1, batch, size)] + [(1, batch, size)] * (mode == "lstm")
    arrays = [random.normal(size=shape) * 0.1 for shape in shapes]
    attrs = find("RNN").parse({"mode": mode, "num_layers": 1, "state_size": size, "state_outputs": True})
    results = []
    for dtype in (np.float64, np.float32):
        xs = [NDArray(x.astype(dtype)) for x in arrays]
        for x in xs:
            tape.mark_variable(x, NDArray(np.zeros_like(x.data)))
        with tape.recording(True, True):
            output = calls.invoke(find("RNN"), xs, attrs)[0]
            results.append([output.data, *[x.data for x in tape.grad([output], xs)]])
    for exact, one in zip(*results):
        np.testing.assert_allclose(one, exact, rtol=1e-4, atol=1e-4 * abs(exact).max())


def test_a_data_gradient_that_nobody_wants_is_not_computed():
    arrays = [NDArray(x) for x in inputs("lstm", 1, 1)]
    tape.mark_variable(arrays[1], NDArray(np.zeros_like(arrays[1].data)))
    row = find("RNN")
    with tape.recording(True, True):
        output = calls.invoke(row, arrays, attributes("lstm", 1, 1))[0]
    seen = []
    original = tape.plain_functions._backward_RNN
    tape.plain_functions._backward_RNN = lambda *x, **attrs: seen.append(original(*x, **attrs)) or seen[-1]
    try:
        tape.backward([output])
    finally:
        tape.plain_functions._backward_RNN = original
    assert seen[0][0] is None
    assert seen[0][1].shape == arrays[1].shape


@pytest.mark.parametrize(
    ("change", "attrs", "told"),
    [
        ({1: np.ones(7)}, {}, "parameters"),
        ({2: np.ones((1, BATCH + 1, SIZE))}, {}, "state"),
        ({0: np.ones((STEPS, INPUTS))}, {}, "rank-3"),
        ({0: np.ones((STEPS, BATCH, INPUTS), np.float32)}, {}, "float"),
        ({}, {"p": 2}, "p exceed"),
        ({}, {"num_layers": 0}, "num_layers"),
        ({}, {"use_sequence_length": True}, "sequence_length"),
        ({}, {"mode": "gru", "projection_size": 2}, "projection_size"),
        ({}, {"lstm_state_clip_min": 1, "lstm_state_clip_max": -1}, "lstm_state_clip_min=1.* is above"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change, attrs, told):
    arrays = [change.get(position, x) for position, x in enumerate(inputs("lstm", 1, 1))]
    words = {"mode": "lstm", "num_layers": 1, "state_size": SIZE, **attrs}
    with pytest.raises(MXNetError, match=told):
        forward(arrays, find("RNN").parse(words))

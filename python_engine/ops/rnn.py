"""Recurrent layers: RNN, LSTM and GRU over whole sequences."""

import math
from functools import lru_cache

import numpy as np

from ..attributes import Choice, Maybe
from ..errors import ArgumentError, ShapeError
from ..generator import generator
from ..registry import operator
from . import recurrent, unrolled
from .common import widened
from .nn import check_floats, check_shape

MODE = Choice("gru", "lstm", "rnn_relu", "rnn_tanh")


@lru_cache(64)
def _network(
    shape, mode, state_size, num_layers, bidirectional, p, projection_size, clip_min, clip_max, clip_nan, train
):
    """The sizes of a call on data of a shape, or an error for attributes that make no sense."""
    if len(shape) != 3:
        raise ShapeError(
            f"Input data should be rank-3 tensor of dim [sequence length, batch size, input size], but is "
            f"{list(shape)}, in operator RNN"
        )
    for word, value in (("state_size", state_size), ("num_layers", num_layers)):
        if value < 1:
            raise ArgumentError(f"value {value} for Parameter {word} should be greater equal to 1, in operator RNN")
    if not 0 <= p <= 1:
        raise ArgumentError(f"value {p} for Parameter p exceed bound [0,1], in operator RNN")
    if projection_size is not None and (mode != "lstm" or projection_size < 1):
        raise ArgumentError(
            f"projection_size={projection_size} with mode={mode}, in operator RNN: only mode lstm has projections, and "
            "their size is at least 1"
        )
    clip = None
    if mode == "lstm" and (clip_min is not None or clip_max is not None):
        clip = (-math.inf if clip_min is None else clip_min, math.inf if clip_max is None else clip_max, clip_nan)
        if clip[0] > clip[1]:
            raise ArgumentError(
                f"lstm_state_clip_min={clip_min} is above lstm_state_clip_max={clip_max}, in operator RNN"
            )
    steps, batch, inputs = shape
    return recurrent.Network(
        mode, num_layers, 2 if bidirectional else 1, steps, batch, inputs, state_size, projection_size or state_size,
        projection_size is not None, clip, p if train else 0.0,
    )  # fmt: skip


def _optional_inputs(mode, use_sequence_length, state_cell, sequence_length):
    """(state_cell, sequence_length): only an LSTM has cells, so without one the fourth input is the lengths."""
    if mode != "lstm" and use_sequence_length and sequence_length is None:
        state_cell, sequence_length = None, state_cell
    for word, given, wanted in (
        ("state_cell", state_cell, mode == "lstm"),
        ("sequence_length", sequence_length, use_sequence_length),
    ):
        if (given is not None) != wanted:
            raise ArgumentError(
                f"Operator RNN {'needs' if wanted else 'takes no'} input {word} with mode={mode} and "
                f"use_sequence_length={use_sequence_length}"
            )
    return state_cell, sequence_length


def _live(network, lengths):
    """(steps, batch, 1): true where a sequence has not ended; None without lengths."""
    if lengths is None:
        return None
    return np.arange(network.steps).reshape(-1, 1, 1) < lengths.reshape(1, -1, 1)


def _check(network, data, parameters, state, state_cell, sequence_length):
    name, batch = "RNN", network.batch
    check_floats(name, data, *(x for x in (parameters, state, state_cell) if x is not None))
    check_shape(name, "parameters", parameters, (network.parameters,))
    check_shape(name, "state", state, (network.runs, batch, network.width))
    if state_cell is not None:
        check_shape(name, "state_cell", state_cell, (network.runs, batch, network.size))
    if sequence_length is not None:
        check_shape(name, "sequence_length", sequence_length, (batch,))


@operator(
    "RNN",
    outputs=("output", "state_output", "statecell_output", "reserve"),
    visible=lambda attrs: 1 if not attrs["state_outputs"] else 3 if attrs["mode"] == "lstm" else 2,
    train=True,
    random=True,
    takes={"state_cell": lambda attrs: attrs["mode"] == "lstm"},
)
def rnn(
    data, parameters, state, state_cell=None, sequence_length=None, *, state_size: int, num_layers: int,
    bidirectional: bool = False, mode: MODE, p: float = 0.0, state_outputs: bool = False,
    projection_size: Maybe(int) = None, lstm_state_clip_min: Maybe(float) = None,
    lstm_state_clip_max: Maybe(float) = None, lstm_state_clip_nan: bool = False, use_sequence_length: bool = False,
    train=False,
):  # fmt: skip
    """Stacked recurrent layers over sequences; mode: rnn_relu, rnn_tanh, lstm or gru.

    data: (steps, batch, inputs). state: (runs, batch, width), where runs = num_layers, twice that if bidirectional,
    and width = projection_size or state_size. state_cell (lstm only): (runs, batch, state_size). sequence_length (with
    use_sequence_length): (batch,); from there on a sequence's outputs are zeros and its states stay. All but the
    lengths are of one floating dtype (float16 is computed in float32).
    parameters: flat; for each layer and direction the weights of inputs (gates * state_size, its inputs), of states
    (gates * state_size, width) and of a projection (width, state_size); then for each layer and direction two biases
    (gates * state_size,). Gates of an lstm: input, forget, new, output; of a gru: reset, update, new.
    p: share of the elements between layers that training drops. lstm_state_clip_min/max: bounds of the cells;
    lstm_state_clip_nan: NaN becomes the smaller one.
    Outputs: (steps, batch, width * directions); with state_outputs also the last states and (lstm) the last cells.
    ShapeError where shapes or dtypes do not fit."""
    network = _network(
        data.shape, mode, state_size, num_layers, bidirectional, p, projection_size, lstm_state_clip_min,
        lstm_state_clip_max, lstm_state_clip_nan, train,
    )  # fmt: skip
    state_cell, sequence_length = _optional_inputs(mode, use_sequence_length, state_cell, sequence_length)
    _check(network, data, parameters, state, state_cell, sequence_length)

    def draw(shape):
        kept = generator.numpy.random(shape, np.float32) >= p
        return kept / (1 - p) if p < 1 else kept

    arrays = [None if x is None else widened(x) for x in (data, parameters, state, state_cell)]
    output, last, last_cell, reserve = recurrent.forward(network, *arrays, _live(network, sequence_length), draw)
    if last_cell is None:
        last_cell = np.empty(0, data.dtype)
    return (*(x.astype(data.dtype, copy=False) for x in (output, last, last_cell)), reserve)


@rnn.joint_gradient
def _(
    F, g, data, parameters, state, state_cell, sequence_length, reserve, wanted, state_size, num_layers, bidirectional,
    mode, p, projection_size, lstm_state_clip_min, lstm_state_clip_max, lstm_state_clip_nan, use_sequence_length, train,
):  # fmt: skip
    state_cell, sequence_length = _optional_inputs(mode, use_sequence_length, state_cell, sequence_length)
    if isinstance(data, np.ndarray):
        return F._backward_RNN(
            *g[:3], data, parameters, reserve, sequence_length, state_size=state_size, num_layers=num_layers,
            bidirectional=bidirectional, mode=mode, p=p, projection_size=projection_size,
            lstm_state_clip_min=lstm_state_clip_min, lstm_state_clip_max=lstm_state_clip_max,
            lstm_state_clip_nan=lstm_state_clip_nan, train=train, need_data=wanted[0],
        )  # fmt: skip
    network = _network(
        data.shape, mode, state_size, num_layers, bidirectional, p, projection_size, lstm_state_clip_min,
        lstm_state_clip_max, lstm_state_clip_nan, train,
    )  # fmt: skip
    live, masks, kept = None, [], F.BlockGrad(reserve)
    if sequence_length is not None:
        lengths = F.Cast(F.reshape(sequence_length, shape=(-1, 1)), dtype=str(np.dtype(data.dtype)))
        live = [lengths > step for step in range(network.steps)]
    for begin, end in network.mask_places():
        mask = F.reshape(F.slice_axis(kept, axis=0, begin=begin, end=end), shape=network.between_shape())
        masks.append(F.Cast(mask, dtype=str(np.dtype(data.dtype))))
    return unrolled.gradient(F, network, *g[:3], data, parameters, state, state_cell, live, masks)


@operator("_backward_RNN", outputs=("data", "parameters", "state", "state_cell"))
def _backward_rnn(
    g, g_state, g_cell, data, parameters, reserve, sequence_length=None, *, state_size: int, num_layers: int,
    bidirectional: bool = False, mode: MODE, p: float = 0.0, projection_size: Maybe(int) = None,
    lstm_state_clip_min: Maybe(float) = None, lstm_state_clip_max: Maybe(float) = None,
    lstm_state_clip_nan: bool = False, train: bool = False, need_data: bool = True,
):  # fmt: skip
    """The gradients of RNN's inputs from those of its outputs and from the reserve, its fourth output.

    Outputs: gradients of data (None without `need_data`), parameters, state and state_cell (None but for an lstm)."""
    network = _network(
        data.shape, mode, state_size, num_layers, bidirectional, p, projection_size, lstm_state_clip_min,
        lstm_state_clip_max, lstm_state_clip_nan, train,
    )  # fmt: skip
    arrays = [widened(x) for x in (g, g_state, g_cell, data, parameters)]
    if mode != "lstm":
        arrays[2] = None
    results = recurrent.backward(network, *arrays, reserve, _live(network, sequence_length), need_data)
    return tuple(None if x is None else x.astype(data.dtype, copy=False) for x in results)


@rnn.infers
def _(shapes, attrs):
    data = shapes.ins[0]
    if data is None or len(data) != 3:
        return
    words = ("mode", "state_size", "num_layers", "bidirectional", "p", "projection_size")
    network = _network(data, *(attrs[word] for word in words), None, None, False, False)
    inputs = dict(zip(rnn.listed_inputs(attrs), range(len(shapes.ins))))
    if data[2]:
        shapes.input(inputs["parameters"], (network.parameters,))
    state = (network.runs, data[1], network.width)
    cell = (network.runs, data[1], network.size)
    shapes.input(inputs["state"], state)
    if "state_cell" in inputs:
        shapes.input(inputs["state_cell"], cell)
    if "sequence_length" in inputs:
        shapes.input(inputs["sequence_length"], data[1:2])
    shapes.output((*data[:2], network.width * network.directions))
    shapes.output(state, 1)
    shapes.output(cell, 2)

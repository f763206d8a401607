"""The passes of recurrent layers over sequences on NumPy arrays: sizes, the layout of parameters and of what is kept,
and the order of layers and directions. The cells are in cells.py.

All products with inputs are one matrix product before the steps, and those that make weight gradients come after them;
inside the steps only the product with the state is left. What the backward pass needs is kept in one flat array, the
reserve.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..blas import aligned
from .cells import RUNS

GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


@dataclass(frozen=True)
class Network:
    """The sizes of stacked recurrent layers and of one batch of sequences.

    size: elements of a hidden state; width: of a layer's output, smaller with a projection; clip: None or (smallest,
    largest, whether NaN too becomes the smallest) for the cells of an LSTM."""

    mode: str
    layers: int
    directions: int
    steps: int
    batch: int
    inputs: int
    size: int
    width: int
    projected: bool = False
    clip: tuple | None = None
    dropout: float = 0.0

    @cached_property
    def gates(self):
        return GATES[self.mode]

    @cached_property
    def runs(self):
        """A run is one direction of one layer."""
        return self.layers * self.directions

    def fan_in(self, layer):
        return self.width * self.directions if layer else self.inputs

    def weight_shapes(self, layer):
        """Shapes of one run's weights: of inputs, of states, and of the projection (None without)."""
        rows = (self.gates, self.size)
        return (*rows, self.fan_in(layer)), (*rows, self.width), (self.width, self.size) if self.projected else None

    @cached_property
    def parameters(self):
        """How many parameters there are."""
        first, later = (sum(math.prod(s) for s in self.weight_shapes(layer) if s) for layer in (0, 1))
        biases = self.layers * 2 * self.gates * self.size
        return self.directions * (first + (self.layers - 1) * later + biases)

    def kept_shapes(self):
        """Shapes of what one run keeps: gates, states, and cells (LSTM) or the new gate's share of the state (GRU)."""
        more = {"lstm": self.steps + 1, "gru": self.steps}.get(self.mode, 0)
        return (
            (self.gates, self.steps, self.batch, self.size),
            (self.steps + 1, self.batch, self.width),
            (more, self.batch, self.size),
        )

    def between_shape(self):
        return (self.steps, self.batch, self.width * self.directions)

    def _between_places(self):
        """Where the inputs of the layers above the first start in the reserve, and where it ends."""
        first = self.runs * sum(map(math.prod, self.kept_shapes()))
        step = math.prod(self.between_shape()) * (2 if self.dropout else 1)
        return [first + i * step for i in range(self.layers)]

    @cached_property
    def reserve(self):
        """How many elements the reserve has."""
        return self._between_places()[-1]

    def mask_places(self):
        """Where the masks of dropout begin and end in the reserve, for each layer above the first."""
        size = math.prod(self.between_shape())
        return [(end - size, end) for end in self._between_places()[1:]] if self.dropout else []


class _Pieces:
    """A flat array handed out in pieces, from its start on."""

    def __init__(self, flat):
        self.flat, self.used = flat, 0

    def take(self, shape):
        if shape is None:
            return None
        start = self.used
        self.used += math.prod(shape)
        return self.flat[start : self.used].reshape(shape)


def weights_of(network, flat):
    """Views of the flat parameters for each run: weights of inputs, of states, projection, and the two biases.

    MXNet's order: the weights of all runs, then the biases of all runs."""
    pieces = _Pieces(flat)
    runs = [
        [pieces.take(shape) for shape in network.weight_shapes(layer)]
        for layer in range(network.layers)
        for _ in range(network.directions)
    ]
    for run in runs:
        run += [pieces.take((network.gates, network.size)) for _ in range(2)]
    return runs


def _kept(network, reserve):
    """Views of the reserve: what each run keeps, and the inputs of the layers above the first with their masks."""
    pieces = _Pieces(reserve)
    runs = [[pieces.take(shape) for shape in network.kept_shapes()] for _ in range(network.runs)]
    shape = network.between_shape()
    between = [(pieces.take(shape), pieces.take(shape if network.dropout else None)) for _ in range(network.layers - 1)]
    return runs, between


def forward(network, data, parameters, state, cell, live, draw):
    """All layers over all steps.

    data: (steps, batch, inputs); state: (runs, batch, width); cell: (runs, batch, size), for an LSTM; live: None, or
    (steps, batch, 1), false where a sequence has ended; draw(shape): the mask of dropout.
    Returns the output (steps, batch, width * directions), last states, last cells (or None) and the reserve."""
    (reserve,) = aligned(data.dtype, (network.reserve,))
    kept, between = _kept(network, reserve)
    weights = weights_of(network, parameters)
    output = np.empty(network.between_shape(), data.dtype)
    last_state, last_cell = np.empty_like(state), None if cell is None else np.empty_like(cell)
    x = data
    for layer in range(network.layers):
        out, mask = between[layer] if layer < network.layers - 1 else (output, None)
        for direction in range(network.directions):
            index = layer * network.directions + direction
            run = RUNS[network.mode](network, weights[index], kept[index], direction == 1)
            run.states[run.first] = state[index]
            if cell is not None:
                run.cells[run.first] = cell[index]
            run.forward(x, live)
            part = out[:, :, direction * network.width :][:, :, : network.width]
            part[...] = run.after(run.states)
            if live is not None:
                part *= live
            last_state[index] = run.states[run.last]
            if cell is not None:
                last_cell[index] = run.cells[run.last]
        if mask is not None:
            mask[...] = draw(mask.shape)
            out *= mask
        x = out
    return output, last_state, last_cell, reserve


def backward(network, g, g_state, g_cell, data, parameters, reserve, live, need_data):
    """The gradients of data (None unless needed), parameters, state and cell (None but for an LSTM), from those of the
    output, the last states and the last cells."""
    kept, between = _kept(network, reserve)
    weights = weights_of(network, parameters)
    gradient = np.empty_like(parameters)
    gradients = weights_of(network, gradient)
    g_state = np.array(g_state, order="C")
    g_cell = None if g_cell is None else np.array(g_cell, order="C")
    for layer in reversed(range(network.layers)):
        x, mask = between[layer - 1] if layer else (data, None)
        g_below = None
        for direction in range(network.directions):
            index = layer * network.directions + direction
            run = RUNS[network.mode](network, weights[index], kept[index], direction == 1)
            part = g[:, :, direction * network.width :][:, :, : network.width]
            if live is not None:
                part = part * live
            g_c = None if g_cell is None else g_cell[index]
            share = run.backward(x, part, g_state[index], g_c, live, gradients[index], layer > 0 or need_data)
            if share is not None:
                g_below = share if g_below is None else np.add(g_below, share, out=g_below)
        g = g_below if mask is None else g_below * mask
    return g, gradient, g_state, g_cell

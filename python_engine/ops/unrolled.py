"""The gradient of RNN composed of operators, step by step: slow, but it can be differentiated again.

Arrays are those of `F`: recorded NDArrays, or NumPy arrays. A cell is a pair of functions. The first takes the inputs'
share `a` and the state's share `b` of the gates' sums, the state `h` and the cell `c` and returns the new state, the
new cell and what the second needs; that takes the gradients of both and returns those of a, b, h and c. None stands
for what a kind of cell does not have.
"""


def _steps(F, x):
    """The rows of axis 0, each without that axis."""
    return [F.reshape(F.slice_axis(x, axis=0, begin=t, end=t + 1), shape=tuple(x.shape[1:])) for t in range(x.shape[0])]


def _tanh(F, network, a, b, h, c):
    new = F.tanh(a + b)
    return new, None, new


def _tanh_back(F, network, g, g_c, new):
    g_sum = g * (1 - new * new)
    return g_sum, g_sum, None, None


def _relu(F, network, a, b, h, c):
    new = F.relu(a + b)
    return new, None, new


def _relu_back(F, network, g, g_c, new):
    g_sum = g * (new > 0)
    return g_sum, g_sum, None, None


def _lstm(F, network, a, b, h, c):
    i, f, n, o = F.SliceChannel(a + b, num_outputs=4, axis=1)
    i, f, n, o = F.sigmoid(i), F.sigmoid(f), F.tanh(n), F.sigmoid(o)
    new = f * c + i * n
    passes = None
    if network.clip is not None:
        low, high, _ = network.clip
        passes = (new > low) * (new < high)
        new = F.clip(new, a_min=low, a_max=high)
    squashed = F.tanh(new)
    return o * squashed, new, (i, f, n, o, c, squashed, passes)


def _lstm_back(F, network, g, g_c, kept):
    i, f, n, o, c, squashed, passes = kept
    g_c = g_c + g * o * (1 - squashed * squashed)
    if passes is not None:
        g_c = g_c * passes
    parts = g_c * n * i * (1 - i), g_c * c * f * (1 - f), g_c * i * (1 - n * n), g * squashed * o * (1 - o)
    g_sum = F.Concat(*parts, dim=1, num_args=4)
    return g_sum, g_sum, None, g_c * f


def _gru(F, network, a, b, h, c):
    a_r, a_z, a_n = F.SliceChannel(a, num_outputs=3, axis=1)
    b_r, b_z, b_n = F.SliceChannel(b, num_outputs=3, axis=1)
    r, z = F.sigmoid(a_r + b_r), F.sigmoid(a_z + b_z)
    n = F.tanh(a_n + r * b_n)
    return n + z * (h - n), None, (r, z, n, h, b_n)


def _gru_back(F, network, g, g_c, kept):
    r, z, n, h, b_n = kept
    g_n = g * (1 - z) * (1 - n * n)
    g_r, g_z = g_n * b_n * r * (1 - r), g * (h - n) * z * (1 - z)
    g_a, g_b = F.Concat(g_r, g_z, g_n, dim=1, num_args=3), F.Concat(g_r, g_z, g_n * r, dim=1, num_args=3)
    return g_a, g_b, g * z, None


_CELLS = {
    "rnn_tanh": (_tanh, _tanh_back),
    "rnn_relu": (_relu, _relu_back),
    "lstm": (_lstm, _lstm_back),
    "gru": (_gru, _gru_back),
}


class _Run:
    """One direction of one layer."""

    def __init__(self, F, network, weights, reverse, live):
        self.F, self.network, self.live = F, network, live
        self.of_input, self.of_state, self.projection, self.input_bias, self.state_bias = weights
        self.order = range(network.steps)[:: -1 if reverse else 1]
        self.cell, self.cell_back = _CELLS[network.mode]

    def forward(self, xs, h, c):
        """The outputs by step."""
        F, outputs, self.kept = self.F, [None] * len(xs), {}
        for t in self.order:
            a = F.broadcast_add(F.dot(xs[t], self.of_input, transpose_b=True), self.input_bias)
            b = F.broadcast_add(F.dot(h, self.of_state, transpose_b=True), self.state_bias)
            hidden, new_c, kept = self.cell(F, self.network, a, b, h, c)
            new_h = hidden if self.projection is None else F.dot(hidden, self.projection, transpose_b=True)
            self.kept[t] = (xs[t], h, hidden, kept)
            outputs[t] = new_h
            if self.live is not None:
                live = self.live[t]
                outputs[t] = new_h * live
                new_h = outputs[t] + h * (1 - live)
                new_c = None if c is None else new_c * live + c * (1 - live)
            h, c = new_h, new_c
        return outputs

    def backward(self, gs, g_h, g_c):
        """The gradients of the inputs by step, of the weights, and of the first state and cell."""
        F, g_xs, totals = self.F, [None] * len(gs), [None] * 5

        def add(position, share):
            totals[position] = share if totals[position] is None else totals[position] + share

        for t in reversed(self.order):
            x, h, hidden, kept = self.kept[t]
            live = None if self.live is None else self.live[t]
            g_new, g_new_c = (gs[t] + g_h, g_c) if live is None else ((gs[t] + g_h) * live, g_c)
            if live is not None and g_c is not None:
                g_new_c = g_c * live
            g_hidden = g_new
            if self.projection is not None:
                add(2, F.dot(g_new, hidden, transpose_a=True))
                g_hidden = F.dot(g_new, self.projection)
            g_a, g_b, g_direct, g_before = self.cell_back(F, self.network, g_hidden, g_new_c, kept)
            add(0, F.dot(g_a, x, transpose_a=True))
            add(1, F.dot(g_b, h, transpose_a=True))
            add(3, F.sum(g_a, axis=(0,)))
            add(4, F.sum(g_b, axis=(0,)))
            g_xs[t] = F.dot(g_a, self.of_input)
            g_state = F.dot(g_b, self.of_state)
            if g_direct is not None:
                g_state = g_state + g_direct
            if live is not None:
                g_state = g_state + g_h * (1 - live)
                g_before = None if g_c is None else g_before + g_c * (1 - live)
            g_h, g_c = g_state, g_before
        return g_xs, totals, g_h, g_c


def _weights(F, network, parameters):
    """The weights and biases of each run as matrices and vectors."""
    position, runs = 0, []

    def take(shape):
        nonlocal position
        if shape is None:
            return None
        rows = shape[0] * shape[1] if len(shape) == 3 else shape[0]
        count = rows * shape[-1]
        piece = F.slice_axis(parameters, axis=0, begin=position, end=position + count)
        position += count
        return F.reshape(piece, shape=(rows, shape[-1]))

    for layer in range(network.layers):
        runs += [[take(shape) for shape in network.weight_shapes(layer)] for _ in range(network.directions)]
    for run in runs:
        run += [take((1, network.gates * network.size)) for _ in range(2)]
    return runs


def gradient(F, network, g, g_state, g_cell, data, parameters, state, cell, live, masks):
    """The gradients of data, parameters, state and cell, as `recurrent.backward` gives them.

    live: None, or one array (batch, 1) for each step; masks: of dropout, one for each layer above the first."""
    weights, states = _weights(F, network, parameters), _steps(F, state)
    cells = [None] * network.runs if cell is None else _steps(F, cell)
    runs, xs = [], _steps(F, data)
    masks = [_steps(F, mask) for mask in masks]
    for layer in range(network.layers):
        if layer and masks:
            xs = [x * mask for x, mask in zip(xs, masks[layer - 1], strict=True)]
        parts = []
        for direction in range(network.directions):
            index = len(runs)
            runs.append(_Run(F, network, weights[index], direction == 1, live))
            parts.append(runs[-1].forward(xs, states[index], cells[index]))
        xs = parts[0] if len(parts) == 1 else [F.Concat(*pair, dim=1, num_args=2) for pair in zip(*parts, strict=True)]
    gs, g_states = _steps(F, g), _steps(F, g_state)
    g_cells = [None] * network.runs if cell is None else _steps(F, g_cell)
    totals = [None] * network.runs
    for layer in reversed(range(network.layers)):
        below = None
        for direction in range(network.directions):
            index, width = layer * network.directions + direction, network.width
            part = [F.slice_axis(x, axis=1, begin=direction * width, end=(direction + 1) * width) for x in gs]
            g_xs, totals[index], g_states[index], g_cells[index] = runs[index].backward(
                part, g_states[index], g_cells[index]
            )
            below = g_xs if below is None else [one + other for one, other in zip(below, g_xs, strict=True)]
        gs = below
        if layer and masks:
            gs = [x * mask for x, mask in zip(gs, masks[layer - 1], strict=True)]
    flat = [F.reshape(x, shape=(-1,)) for run in totals for x in run[:3] if x is not None]
    flat += [F.reshape(x, shape=(-1,)) for run in totals for x in run[3:]]
    g_parameters = F.Concat(*flat, dim=0, num_args=len(flat))
    stacked = [F.stack(*rows, axis=0, num_args=len(rows)) for rows in (gs, g_states)]
    g_cell = None if cell is None else F.stack(*g_cells, axis=0, num_args=len(g_cells))
    return stacked[0], g_parameters, stacked[1], g_cell

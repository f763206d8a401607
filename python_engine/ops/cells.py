"""The cells of recurrent layers on NumPy arrays: one direction of one layer over all steps, forwards and backwards.

One gate's values for all steps lie together, (gates, steps, batch, size), so that each loop of a step is one long run.
Sigmoids are computed as tanh, (1 + tanh(x / 2)) / 2, with the half put into the weights: one call serves all gates.
"""

import numpy as np

from ..blas import matmul


class _Run:
    """One direction of one layer. Subclasses know the cell."""

    scale = shift = None  # of each gate: sigmoid is scale * tanh(scale * x) + shift

    def __init__(self, network, weights, kept, reverse):
        self.network = network
        self.of_input, self.of_state, self.projection, self.input_bias, self.state_bias = weights
        self.gates, self.states, self.cells = kept
        steps = network.steps
        self.first, self.last = (steps, 0) if reverse else (0, steps)
        # each step: its number, and where the state before and after it stands
        self.order = [(t, t + 1, t) if reverse else (t, t, t + 1) for t in range(steps)]
        if reverse:
            self.order.reverse()
        self.reverse = reverse
        if self.scale is not None:
            self.scale = np.array(self.scale, self.gates.dtype).reshape(-1, 1, 1)
            self.shift = np.array(self.shift, self.gates.dtype).reshape(-1, 1, 1)

    def before(self, sequence):
        """The part of states or cells that stands before each step, by the step's number."""
        return sequence[1:] if self.reverse else sequence[:-1]

    def after(self, sequence):
        return sequence[:-1] if self.reverse else sequence[1:]

    def _scaled(self, array):
        return array if self.scale is None else array * self.scale

    def _recurrent(self):
        """The weights of the state as (gates, width, size), scaled."""
        return np.ascontiguousarray(self._scaled(self.of_state).swapaxes(1, 2))

    def _read_inputs(self, x, bias):
        """Start all gates of all steps with the inputs' share and a bias (gates, size)."""
        network = self.network
        flat = self.gates.reshape(network.gates, network.steps * network.batch, network.size)
        x = x.reshape(flat.shape[1], x.shape[-1])
        matmul(x, self._scaled(self.of_input).swapaxes(1, 2), out=flat)
        flat += self._scaled(bias[:, None])

    def _hold(self, live, sequence, before, after):
        """Let states whose sequence has ended stay as they were."""
        np.copyto(sequence[after], sequence[before], where=~live)

    def _finish(self, x, g_inputs, g_states, gradients, need_data):
        """Weight gradients from those of the gates' sums, (gates, steps, batch, size); these may differ in what they
        mean for the inputs and for the state. Returns the gradient of x, if needed."""
        count, before = self.network.steps * self.network.batch, self.before(self.states)
        g_inputs, g_states = (g.reshape(len(g), count, g.shape[-1]) for g in (g_inputs, g_states))
        matmul(g_inputs.swapaxes(1, 2), x.reshape(count, x.shape[-1]), out=gradients[0])
        matmul(g_states.swapaxes(1, 2), before.reshape(count, before.shape[-1]), out=gradients[1])
        np.add.reduce(g_inputs, 1, out=gradients[3])
        np.add.reduce(g_states, 1, out=gradients[4])
        return np.add.reduce(matmul(g_inputs, self.of_input), 0).reshape(x.shape) if need_data else None


class _Plain(_Run):
    """h' = f(W x + R h + b)."""

    def forward(self, x, live):
        self._read_inputs(x, self.input_bias + self.state_bias)
        recurrent, states, gates = self._recurrent()[0], self.states, self.gates[0]
        for step, before, after in self.order:
            h = gates[step]
            h += matmul(states[before], recurrent)
            self.activate(h)
            states[after] = h
            if live is not None:
                self._hold(live[step], states, before, after)

    def backward(self, x, g, g_state, g_cell, live, gradients, need_data):
        sums, weight = self.slope(self.gates[0]), self.of_state[0]
        for step, _, _ in reversed(self.order):
            h = g_state + g[step]
            sums[step] *= h
            if live is None:
                matmul(sums[step], weight, out=g_state)
            else:
                sums[step] *= live[step]
                g_state *= ~live[step]
                g_state += matmul(sums[step], weight)
        return self._finish(x, sums[None], sums[None], gradients, need_data)


class _Tanh(_Plain):
    @staticmethod
    def activate(h):
        np.tanh(h, out=h)

    @staticmethod
    def slope(h):
        slope = h * h
        return np.subtract(1, slope, out=slope)


class _Relu(_Plain):
    @staticmethod
    def activate(h):
        np.maximum(h, 0, out=h)

    @staticmethod
    def slope(h):
        return (h > 0).astype(h.dtype)


class _Lstm(_Run):
    """Gates i, f, n, o: c' = f c + i n, h' = o tanh(c'), or the projection of that.
    Source: Hochreiter and Schmidhuber (1997), with Gers' forget gate; projection: Sak et al. (2014)."""

    scale, shift = (0.5, 0.5, 1, 0.5), (0.5, 0.5, 0, 0.5)

    def forward(self, x, live):
        self._read_inputs(x, self.input_bias + self.state_bias)
        network, states, cells, scale, shift = self.network, self.states, self.cells, self.scale, self.shift
        recurrent = self._recurrent()
        sums = np.empty((4, network.batch, network.size), x.dtype)
        part = np.empty(sums.shape[1:], x.dtype)
        for step, before, after in self.order:
            gate = self.gates[:, step]
            matmul(states[before], recurrent, out=sums)
            sums += gate
            np.tanh(sums, out=sums)
            sums *= scale
            np.add(sums, shift, out=gate)
            i, f, n, o = gate
            c = cells[after]
            np.multiply(f, cells[before], out=c)
            np.multiply(i, n, out=part)
            c += part
            if network.clip is not None:
                self._clip(c)
            np.tanh(c, out=part)
            if self.projection is None:
                np.multiply(o, part, out=states[after])
            else:
                part *= o
                matmul(part, self.projection.T, out=states[after])
            if live is not None:
                self._hold(live[step], states, before, after)
                self._hold(live[step], cells, before, after)

    def _clip(self, c):
        low, high, nan_too = self.network.clip
        if nan_too:
            np.fmin(np.fmax(c, low, out=c), high, out=c)
        else:
            np.clip(c, low, high, out=c)

    def backward(self, x, g, g_state, g_cell, live, gradients, need_data):
        i, f, n, o = self.gates
        squashed = np.tanh(self.after(self.cells))
        # slopes[k] * g_c (or g_h for the output gate) is the gradient of gate k's sum; slope * g_h goes to the cell
        slopes = np.subtract(1, self.gates)
        slopes *= self.gates
        slopes[0] *= n
        slopes[1] *= self.before(self.cells)
        slopes[3] *= squashed
        np.multiply(n, n, out=slopes[2])
        np.subtract(1, slopes[2], out=slopes[2])
        slopes[2] *= i
        hidden = None if self.projection is None else o * squashed
        slope = np.multiply(squashed, squashed, out=squashed)
        np.subtract(1, slope, out=slope)
        slope *= o
        passes = self._passes()
        g_outputs = None if self.projection is None else np.empty_like(g, order="C")
        g_c, products, weight = np.empty_like(g_cell), np.empty((4, *g_state.shape), x.dtype), self.of_state
        for step, _, _ in reversed(self.order):
            g_h = np.add(g_state, g[step], out=g_state if live is None else None)
            if self.projection is not None:
                if live is not None:
                    g_h *= live[step]
                g_outputs[step] = g_h
                g_h = matmul(g_h, self.projection)
            np.multiply(g_h, slope[step], out=g_c)
            g_c += g_cell
            if passes is not None:
                g_c *= passes[step]
            sums = slopes[:, step]
            sums[:3] *= g_c
            sums[3] *= g_h
            if live is None:
                np.multiply(g_c, f[step], out=g_cell)
                matmul(sums, weight, out=products)
                np.add.reduce(products, 0, out=g_state)
            else:
                alive, ended = live[step], ~live[step]
                sums *= alive
                g_cell *= ended
                g_cell += g_c * f[step] * alive
                g_state *= ended
                g_state += matmul(sums, weight, out=products).sum(0)
        if self.projection is not None:
            count = self.network.steps * self.network.batch
            matmul(g_outputs.reshape(count, -1).T, hidden.reshape(count, -1), out=gradients[2])
        return self._finish(x, slopes, slopes, gradients, need_data)

    def _passes(self):
        """Where clipping lets a cell's gradient pass, or None without clipping."""
        if self.network.clip is None:
            return None
        low, high, _ = self.network.clip
        cells = self.after(self.cells)
        return (cells > low) & (cells < high)


class _Gru(_Run):
    """Gates r, z, n: n = tanh(W x + b + r (R h + b')), h' = (1 - z) n + z h. Source: Cho et al. (2014)."""

    scale, shift = (0.5, 0.5, 1), (0.5, 0.5, 0)

    def forward(self, x, live):
        bias = self.input_bias.copy()
        bias[:2] += self.state_bias[:2]
        self._read_inputs(x, bias)
        network, states, shares = self.network, self.states, self.cells
        recurrent = self._recurrent()
        products = np.empty((3, network.batch, network.size), x.dtype)
        part = np.empty(products.shape[1:], x.dtype)
        for step, before, after in self.order:
            r, z, n = self.gates[:, step]
            rz = self.gates[:2, step]
            matmul(states[before], recurrent, out=products)
            rz += products[:2]
            np.tanh(rz, out=rz)
            rz *= self.scale[:2]
            rz += self.shift[:2]
            np.add(products[2], self.state_bias[2], out=shares[step])
            n += np.multiply(r, shares[step], out=part)
            np.tanh(n, out=n)
            h = np.subtract(states[before], n, out=states[after])
            h *= z
            h += n
            if live is not None:
                self._hold(live[step], states, before, after)

    def backward(self, x, g, g_state, g_cell, live, gradients, need_data):
        r, z, n = self.gates
        # slopes of the sums: r by the new gate's, z and n by the state's; the fourth is the state's share of n
        slopes = np.empty((4, *r.shape), x.dtype)
        np.subtract(1, self.gates[:2], out=slopes[:2])
        np.multiply(n, n, out=slopes[3])
        np.subtract(1, slopes[3], out=slopes[3])
        slopes[3] *= slopes[1]
        slopes[:2] *= self.gates[:2]
        slopes[0] *= self.cells
        slopes[1] *= self.before(self.states) - n
        weight, products = self.of_state, np.empty((3, *g_state.shape), x.dtype)
        for step, _, _ in reversed(self.order):
            g_h = g_state + g[step]
            if live is not None:
                g_h *= live[step]
            sums = slopes[:, step]
            sums[1] *= g_h
            sums[3] *= g_h
            sums[0] *= sums[3]
            np.multiply(sums[3], r[step], out=sums[2])
            matmul(sums[:3], weight, out=products)
            g_h *= z[step]
            g_h += products.sum(0)
            if live is None:
                g_state[...] = g_h
            else:
                g_state *= ~live[step]
                g_state += g_h
        return self._finish(x, slopes[[0, 1, 3]], slopes[:3], gradients, need_data)


RUNS = {"rnn_relu": _Relu, "rnn_tanh": _Tanh, "lstm": _Lstm, "gru": _Gru}

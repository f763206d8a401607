"""The cells of recurrent layers on NumPy arrays: one direction of one layer over all steps, forwards and backwards.

Sigmoids are computed as tanh, (1 + tanh(x / 2)) / 2, with the half put into the weights: one call serves all gates.
"""

import numpy as np

from ..blas import aligned, matmul, matmul_for, on_line
from .runs import Gradients, Run


class _Plain(Run):
    """h' = f(W x + R h + b)."""

    def forward(self, x, live):
        recurrent, states = self.recurrent()[0], self.states
        product = matmul_for(states[0], recurrent)
        for before, after, h, alive in self.forth(
            x, self.input_bias + self.state_bias, self.before(states), self.after(states), self.gates[0], live
        ):
            h += product(before, recurrent)
            self.activate(h)
            after[...] = h
            if live is not None:
                self.hold(alive, before, after)

    def backward(self, x, g, g_state, g_cell, live, gradients, need_data):
        slopes, weight = self.slope(self.gates[0]), on_line(self.of_state[0])
        product = matmul_for(g_state, weight)
        rest = Gradients(self, x, slopes[None], gradients, need_data)
        for g_step, sums, alive in rest.walk_back(g, slopes, live):
            sums *= g_state + g_step
            if live is None:
                product(sums, weight, out=g_state)
            else:
                sums *= alive
                g_state *= ~alive
                g_state += product(sums, weight)
        return rest.finish()


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


class _Lstm(Run):
    """Gates i, f, n, o: c' = f c + i n, h' = o tanh(c'), or the projection of that.
    Source: Hochreiter and Schmidhuber (1997), with Gers' forget gate; projection: Sak et al. (2014)."""

    scale, shift = (0.5, 0.5, 1, 0.5), (0.5, 0.5, 0, 0.5)

    def forward(self, x, live):
        states, cells, projection, clip = self.states, self.cells, self.projection, self.network.clip
        scale, shift = self.spread(self.scale), self.spread(self.shift)
        recurrent = self.recurrent()
        product = matmul_for(states[0], recurrent)
        sums, part = aligned(x.dtype, scale.shape, scale[0].shape)
        for h_before, h, c_before, c, gate, alive in self.forth(
            x, self.input_bias + self.state_bias, self.before(states), self.after(states), self.before(cells),
            self.after(cells), self.gates.swapaxes(0, 1), live,
        ):  # fmt: skip
            product(h_before, recurrent, out=sums)
            np.add(sums, gate, out=sums)
            np.tanh(sums, out=sums)
            np.multiply(sums, scale, out=sums)
            np.add(sums, shift, out=gate)
            i, f, n, o = gate
            np.multiply(f, c_before, out=c)
            np.multiply(i, n, out=part)
            np.add(c, part, out=c)
            if clip is not None:
                self._clip(c)
            np.tanh(c, out=part)
            if projection is None:
                np.multiply(o, part, out=h)
            else:
                part *= o
                matmul(part, projection.T, out=h)
            if live is not None:
                self.hold(alive, h_before, h)
                self.hold(alive, c_before, c)

    def _clip(self, c):
        low, high, nan_too = self.network.clip
        if nan_too:
            np.fmin(np.fmax(c, low, out=c), high, out=c)
        else:
            np.clip(c, low, high, out=c)

    def backward(self, x, g, g_state, g_cell, live, gradients, need_data):
        i, f, n, o = self.gates
        slopes, squashed, g_c, products = aligned(x.dtype, self.gates.shape, o.shape, o.shape[1:], (4, *g_state.shape))
        np.tanh(self.after(self.cells), out=squashed)
        # slopes[k] * g_c (or g_h for the output gate) is the gradient of gate k's sum; slope * g_h goes to the cell
        np.subtract(1, self.gates, out=slopes)
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
        weight = on_line(self.of_state)
        product = matmul_for(g_state, weight)
        rest = Gradients(self, x, slopes, gradients, need_data)
        for g_step, g_output, slope_step, f_step, sums, passing, alive in rest.walk_back(
            g, g_outputs, slope, f, slopes.swapaxes(0, 1), passes, live
        ):
            g_h = np.add(g_state, g_step, out=g_state if live is None else None)
            if self.projection is not None:
                if live is not None:
                    g_h *= alive
                g_output[...] = g_h
                g_h = matmul(g_h, self.projection)
            np.multiply(g_h, slope_step, out=g_c)
            np.add(g_c, g_cell, out=g_c)
            if passes is not None:
                g_c *= passing
            into_cell, into_output = sums[:3], sums[3]
            np.multiply(into_cell, g_c, out=into_cell)
            np.multiply(into_output, g_h, out=into_output)
            if live is None:
                np.multiply(g_c, f_step, out=g_cell)
                product(sums, weight, out=products)
                np.add.reduce(products, 0, None, g_state)
            else:
                ended = ~alive
                sums *= alive
                g_cell *= ended
                g_cell += g_c * f_step * alive
                g_state *= ended
                g_state += product(sums, weight, out=products).sum(0)
        if self.projection is not None:
            count = self.network.steps * self.network.batch
            matmul(g_outputs.reshape(count, -1).T, hidden.reshape(count, -1), out=gradients[2])
        return rest.finish()

    def _passes(self):
        """Where clipping lets a cell's gradient pass, or None without clipping."""
        if self.network.clip is None:
            return None
        low, high, _ = self.network.clip
        cells = self.after(self.cells)
        return (cells > low) & (cells < high)


class _Gru(Run):
    """Gates r, z, n: n = tanh(W x + b + r (R h + b')), h' = (1 - z) n + z h. Source: Cho et al. (2014)."""

    into_inputs, into_state = [0, 1, 3], slice(3)
    scale, shift = (0.5, 0.5, 1), (0.5, 0.5, 0)

    def forward(self, x, live):
        bias = self.input_bias.copy()
        bias[:2] += self.state_bias[:2]
        states, recurrent = self.states, self.recurrent()
        scale, shift = self.spread(self.scale[:2]), self.spread(self.shift[:2])
        product = matmul_for(states[0], recurrent)
        products, part = aligned(x.dtype, (3, *scale.shape[1:]), scale[0].shape)
        for before, h, gate, share, alive in self.forth(
            x, bias, self.before(states), self.after(states), self.gates.swapaxes(0, 1), self.cells, live
        ):
            rz, (r, z, n) = gate[:2], gate
            product(before, recurrent, out=products)
            rz += products[:2]
            np.tanh(rz, out=rz)
            rz *= scale
            rz += shift
            np.add(products[2], self.state_bias[2], out=share)
            n += np.multiply(r, share, out=part)
            np.tanh(n, out=n)
            np.subtract(before, n, out=h)
            h *= z
            h += n
            if live is not None:
                self.hold(alive, before, h)

    def backward(self, x, g, g_state, g_cell, live, gradients, need_data):
        r, z, n = self.gates
        # slopes of the sums: r by the new gate's, z and n by the state's; the fourth is the state's share of n
        slopes, products = aligned(x.dtype, (4, *r.shape), (3, *g_state.shape))
        np.subtract(1, self.gates[:2], out=slopes[:2])
        np.multiply(n, n, out=slopes[3])
        np.subtract(1, slopes[3], out=slopes[3])
        slopes[3] *= slopes[1]
        slopes[:2] *= self.gates[:2]
        slopes[0] *= self.cells
        slopes[1] *= self.before(self.states) - n
        weight = on_line(self.of_state)
        product = matmul_for(g_state, weight)
        rest = Gradients(self, x, slopes, gradients, need_data)
        for g_step, r_step, z_step, sums, alive in rest.walk_back(g, r, z, slopes.swapaxes(0, 1), live):
            g_h = g_state + g_step
            if live is not None:
                g_h *= alive
            sums[1] *= g_h
            sums[3] *= g_h
            sums[0] *= sums[3]
            np.multiply(sums[3], r_step, out=sums[2])
            product(sums[:3], weight, out=products)
            g_h *= z_step
            g_h += products.sum(0)
            if live is None:
                g_state[...] = g_h
            else:
                g_state *= ~alive
                g_state += g_h
        return rest.finish()


RUNS = {"rnn_relu": _Relu, "rnn_tanh": _Tanh, "lstm": _Lstm, "gru": _Gru}

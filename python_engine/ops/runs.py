"""A run over sequences, that is one direction of one recurrent layer, but for its cell: the order of steps, the
products with inputs before them and those that make weight gradients after them.

One gate's values for all steps lie together, (gates, steps, batch, size), so that each loop of a step is one long run.

A step needs the one before, and its own product is too small to share. So where it pays sequences are walked over in
parts: helpers multiply the inputs of later parts while the first is walked over, and on the way back they make the
weights' gradients of the first part while the second is walked over. The parts depend on the sizes alone (see
parallel.py).
"""

import itertools
import math
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np

from ..blas import GRAIN, HAS_SMALL_KERNELS, SHARED, SMALL, aligned, matmul, matmuls, transposed
from ..parallel import MOST_THREADS, PIECE, begin, finish, in_pieces, ranges
from .sums import sum_over

AHEAD = 4e7  # flops of the inputs' products from which on helpers read ahead
ROWS = 160  # of inputs that are multiplied at a time, at least: with fewer, BLAS copies the weights too often
TASK = 1e8  # flops of a task, about: threads that meet more often lose more than they gain; see docs/performance.md


@lru_cache(8)
def _spread(numbers, batch, size, dtype):
    (spread,) = aligned(dtype, (len(numbers), batch, size))
    spread[...] = np.reshape(numbers, (-1, 1, 1))
    spread.flags.writeable = False
    return spread


class Run:
    """One direction of one layer. Subclasses know the cell."""

    scale = shift = None  # of each gate: sigmoid is scale * tanh(scale * x) + shift
    into_inputs = into_state = slice(None)  # which gradients of sums are those of inputs' shares, and of states'

    def __init__(self, network, weights, kept, reverse):
        self.network = network
        self.of_input, self.of_state, self.projection, self.input_bias, self.state_bias = weights
        self.gates, self.states, self.cells = kept
        self.first, self.last = (network.steps, 0) if reverse else (0, network.steps)
        self.reverse = reverse
        self.factors = self.scale and np.reshape(self.scale, (-1, 1, 1)).astype(self.gates.dtype)

    def before(self, sequence):
        """The part of states or cells that stands before each step, by the step's number."""
        return sequence[1:] if self.reverse else sequence[:-1]

    def after(self, sequence):
        return sequence[:-1] if self.reverse else sequence[1:]

    def walk(self, part, sequences, back=False):
        """What belongs to each step of a part, a slice, in the order of steps. None stands for a sequence of None."""
        turn = -1 if self.reverse != back else 1
        return zip(*[itertools.repeat(None) if x is None else x[part][::turn] for x in sequences])

    def parts(self, *lengths, back=False):
        """The steps in parts of such lengths, as they are walked over; none is empty."""
        steps, turned = self.network.steps, self.reverse != back
        ends = itertools.accumulate(lengths, initial=0)
        return [
            slice(steps - stop, steps - start) if turned else slice(start, stop)
            for start, stop in itertools.pairwise(ends)
            if stop > start
        ]

    def walks_alone(self):
        """Whether the product of a step is too small to share."""
        return 2.0 * self.network.batch * self.of_state.size < SHARED

    def spread(self, numbers):
        """One of each gate as an array of all gates of a step: to broadcast them in each step takes twice as long."""
        return _spread(numbers, self.network.batch, self.network.size, self.gates.dtype)

    def scaled(self, array):
        return array if self.factors is None else array * self.factors

    def recurrent(self):
        """The weights of the state as (gates, width, size), scaled."""
        return transposed(self.scaled(self.of_state))

    def forth(self, x, bias, *sequences):
        """`walk` over all steps, whose gates start with the inputs' share and a bias (gates, size)."""
        if 2.0 * self.gates.size * x.shape[-1] >= AHEAD and self.walks_alone():
            return itertools.chain.from_iterable(self.walk(part, sequences) for part in self._read_ahead(x, bias))
        self._read(x, bias)
        return self.walk(slice(None), sequences)

    def _rows(self, inputs):
        """How many rows of inputs are best multiplied at a time."""
        gates, _, _, size = self.gates.shape
        few = SMALL // (inputs * size)  # that small kernels multiply
        return few if gates > 1 and HAS_SMALL_KERNELS and 64 <= few < ROWS else max(ROWS, PIECE // (gates * size))

    def _read(self, x, bias):
        """Start all gates of all steps with the inputs' share and a bias."""
        gates, steps, batch, size = self.gates.shape
        flat, x = self.gates.reshape(gates, steps * batch, size), x.reshape(steps * batch, x.shape[-1])
        weight, bias = transposed(self.scaled(self.of_input)), self.scaled(bias[:, None])

        def work(i, j):
            part = flat[:, i:j]
            np.matmul(x[i:j], weight, out=part)
            part += bias

        in_pieces(work, steps * batch, gates * size, self._rows(x.shape[1]) * gates * size)

    def _read_ahead(self, x, bias):
        """`_read`, of which helpers do the larger part. Yields parts of the steps in order, each when it is done."""
        gates, steps, batch, size = self.gates.shape
        x, inputs = _with_ones(x), x.shape[-1] + 1
        weight = np.concatenate((transposed(self.scaled(self.of_input)), self.scaled(bias[:, None])), 1)
        piece = min(max(1, self._rows(inputs) // batch), steps)  # steps

        def read(part):
            """In one call, see TASK: whole pieces, or a shorter one."""
            count = math.ceil((part.stop - part.start) / piece)
            rows = (part.stop - part.start) // count * batch
            out = self.gates[:, part].reshape(gates, count, rows, size).swapaxes(0, 1)
            np.matmul(x[part].reshape(count, 1, rows, inputs), weight, out=out)

        pieces = 3 * steps // 4 // piece  # for helpers
        here, count = steps - pieces * piece, math.ceil(2.0 * self.gates.size * inputs / TASK)
        lengths = [(r.stop - r.start) * piece for r in ranges(pieces, min(MOST_THREADS, count))]
        parts = self.parts(here % piece, *[piece] * (here // piece), *lengths)
        here = len(parts) - len(lengths)
        tasks = [begin(partial(read, part)) for part in parts[here:]]
        for part in parts[:here]:
            read(part)
            yield part
        for part, task in zip(parts[here:], tasks):
            finish(task)
            yield part

    @staticmethod
    def hold(alive, before, after):
        """Let states whose sequence has ended stay as they were."""
        np.copyto(after, before, where=~alive)


@dataclass
class _Product:
    """What makes gradients of weights, in parts: those of some sums times what the weights were multiplied with."""

    which: slice | list  # sums
    factor: np.ndarray  # (steps, batch, columns)
    ends: list  # (gradient, which columns of the result it is)
    results: list = field(default_factory=list)  # of each part: (gates, size, columns)


class Gradients:
    """The gradients of a run's weights and biases, and of its inputs x if `need_data`, from those of the gates' sums at
    each step, `sums` (gates or more, steps, batch, size)."""

    def __init__(self, run, x, sums, gradients, need_data):
        self.run, self.x, self.sums, self.need_data = run, x, sums, need_data
        self.of_input, self.of_state, _, self.of_bias, self.of_state_bias = gradients
        self.before = run.before(run.states)
        self.one = run.into_inputs == run.into_state
        self.flops = 2.0 * sums.size * (x.shape[-1] + self.before.shape[-1])
        self.in_parts = self.flops >= TASK and run.network.steps > 1 and run.walks_alone()

    def walk_back(self, *sequences):
        """`walk` from the last step to the first. In each, the sums must become their gradients."""
        return self._walk_and_begin(sequences) if self.in_parts else self.run.walk(slice(None), sequences, back=True)

    def _walk_and_begin(self, sequences):
        run, steps = self.run, self.run.network.steps
        self._prepare()
        for part in run.parts(steps // 2, steps - steps // 2, back=True):
            yield from run.walk(part, sequences, back=True)
            self._begin(part)

    def finish(self):
        """Finish them all. Returns the gradient of x, if needed."""
        return self._sum() if self.in_parts else self._whole()

    def _whole(self):
        inputs, states = (_flat(self.sums[which]) for which in (self.run.into_inputs, self.run.into_state))
        matmuls(
            (inputs.swapaxes(1, 2), _flat(self.x), self.of_input),
            (states.swapaxes(1, 2), _flat(self.before), self.of_state),
        )
        self.of_bias[...] = sum_over(inputs, (1,))[:, 0]
        self.of_state_bias[...] = self.of_bias if self.one else sum_over(states, (1,))[:, 0]
        if self.need_data:
            return np.add.reduce(matmul(inputs, self.run.of_input), 0).reshape(self.x.shape)
        return None

    def _prepare(self):
        self.tasks, self.of_x = [], np.empty(self.x.shape, self.x.dtype) if self.need_data else None
        of_bias, of_state_bias = self.of_bias[..., None], self.of_state_bias[..., None]
        if self.one:  # one product of twice the size takes less time than two
            inputs, states, ones = slice(self.x.shape[-1]), slice(self.x.shape[-1], -1), slice(-1, None)
            ends = [(self.of_input, inputs), (self.of_state, states), (of_bias, ones), (of_state_bias, ones)]
            self.products = [_Product(slice(None), _with_ones(self.x, self.before), ends)]
        else:
            of_weights, ones = slice(-1), slice(-1, None)
            self.products = [
                _Product(which, _with_ones(factor), [(of_weight, of_weights), (of_ones, ones)])
                for which, factor, of_weight, of_ones in (
                    (self.run.into_inputs, self.x, self.of_input, of_bias),
                    (self.run.into_state, self.before, self.of_state, of_state_bias),
                )
            ]

    def _begin(self, part):
        """Begin with what a part of the steps adds to the gradients."""
        count = math.ceil(self.flops / 2 / TASK)
        if self.tasks:
            count *= 2  # the thread that walks takes part in the last ones
        count = min(MOST_THREADS, count)
        work = []
        for product in self.products:
            sums, factor = _flat(self.sums[product.which, part]).swapaxes(1, 2), _flat(product.factor[part])
            gates, size, _ = sums.shape
            out = np.empty((gates, size, factor.shape[1]), factor.dtype)
            product.results.append(out)
            for at in itertools.product(ranges(gates, count), ranges(size, math.ceil(count / gates), GRAIN)):
                work.append(partial(np.matmul, sums[at], factor, out=out[at]))
        if self.need_data:
            sums, of_x = self.sums[self.run.into_inputs, part], self.of_x[part]
            work += [partial(self._make_of_x, sums[:, steps], of_x[steps]) for steps in ranges(len(of_x), count)]
        self.tasks += [begin(function) for function in work]

    def _make_of_x(self, sums, into):
        np.add.reduce(np.matmul(_flat(sums), self.run.of_input), 0, out=_flat(into))

    def _sum(self):
        finish(*self.tasks)
        for product in self.products:
            for gradient, columns in product.ends:
                np.add(*[result[..., columns] for result in product.results], out=gradient)
        return self.of_x


def _flat(x):
    """Steps and batch as one axis."""
    *others, steps, batch, size = x.shape
    return x.reshape(*others, steps * batch, size)


def _with_ones(*sequences):
    """Sequences side by side, and a column of ones, which sums what it is multiplied with."""
    x = sequences[0]
    return np.concatenate((*sequences, np.ones((*x.shape[:2], 1), x.dtype)), 2)

"""Connectionist temporal classification.

Source: Graves et al., "Connectionist temporal classification" (2006), whose alpha and beta are computed here in the
log domain and float64, for all sequences and states of the batch at once. The states of a sequence are its labels with
a blank before, between and after them.
"""

import numpy as np

from ..attributes import Choice
from ..errors import ArgumentError, ShapeError
from ..ndarray import NDArray
from ..registry import operator
from .nn import check_count, check_floats, check_shape
from .softmax import log_softmax

NEVER = -1e30  # the logarithm of an impossible state's probability: far below any other, but finite, as sums need


class Lattice:
    """What the labels say: which states there are and how they follow each other.

    Attributes: `states` (batch, S): the class of each state. `skip` (batch, S): 0 where a state may follow the last but
    one before it, else NEVER. `steps` (batch,): length of each sequence. `ends` (batch, S): True for states in which a
    sequence may end. `feasible` (batch,): False for sequences too short for their labels."""

    def __init__(self, shape, label, lengths, use_data_lengths, use_label_lengths, blank_label):
        steps, batch, classes = shape
        lengths = [x.astype(np.int64) for x in lengths]
        self.steps = lengths.pop(0) if use_data_lengths else np.full(batch, steps)
        label, first = label.astype(np.int64), int(blank_label == "first")
        if use_label_lengths:
            counts = lengths.pop(0)
        else:
            padding = label < first
            counts = np.where(padding.any(1), padding.argmax(1), label.shape[1])
        for words, values, most in (("data_lengths", self.steps, steps), ("label_lengths", counts, label.shape[1])):
            if ((values < 0) | (values > most)).any():
                raise ArgumentError(f"{words} must be from 0 to {most}, but got {values.tolist()}, in operator CTCLoss")
        used = np.arange(label.shape[1]) < counts[:, None]
        wrong = label[used & ((label < 0) | (label >= classes))]
        if wrong.size:
            raise ArgumentError(
                f"a label must be from 0 to {classes - 1}, as data has {classes} classes, but one is {wrong[0]}, in "
                f"operator CTCLoss"
            )
        blank = 0 if first else classes - 1
        self.states = np.full((batch, 2 * label.shape[1] + 1), blank)
        self.states[:, 1::2] = np.where(used, label, blank)
        other = np.zeros(self.states.shape, bool)
        other[:, 2:] = (self.states[:, 2:] != self.states[:, :-2]) & (self.states[:, 2:] != blank)
        self.skip = np.where(other, 0.0, NEVER)
        position = np.arange(self.states.shape[1])
        self.ends = (position == 2 * counts[:, None]) | (position == 2 * counts[:, None] - 1)
        repeats = (used[:, 1:] & (label[:, 1:] == label[:, :-1])).sum(1)
        self.feasible = (counts + repeats <= self.steps) & (self.steps > 0)


def _log_sum(a, b, c):
    """log(exp(a) + exp(b) + exp(c))."""
    most = np.maximum(np.maximum(a, b), c)
    total = np.exp(a - most)
    total += np.exp(b - most)
    total += np.exp(c - most)
    np.log(total, out=total)
    total += most
    return total


def _emissions(logs, lattice):
    """(steps, batch, S): the log probability of each state's class at each step."""
    return np.take_along_axis(logs, lattice.states[None], 2).astype(np.float64)


def _forwards(emissions, lattice):
    """alpha (steps, batch, S): log probability of all ways to be in a state after a step."""
    alpha = np.full((*emissions.shape[:2], emissions.shape[2] + 2), NEVER)  # two more states before the first
    alpha[0, :, 2:4] = emissions[0, :, :2]
    for t in range(1, len(alpha)):
        before = alpha[t - 1]
        alpha[t, :, 2:] = _log_sum(before[:, 2:], before[:, 1:-1], before[:, :-2] + lattice.skip) + emissions[t]
    return alpha[:, :, 2:]


def _backwards(emissions, lattice):
    """beta (steps, batch, S): log probability of all ways from a state after a step to the end."""
    steps, batch, states = emissions.shape
    beta = np.empty(emissions.shape)
    after = np.full((batch, states + 2), NEVER)  # two more states behind the last
    skip = np.full((batch, states), NEVER)
    skip[:, :-2] = lattice.skip[:, 2:]
    ends = np.where(lattice.ends, 0.0, NEVER)
    for t in reversed(range(steps)):
        value = _log_sum(after[:, :-2], after[:, 1:-1], after[:, 2:] + skip)
        beta[t] = np.where((lattice.steps == t + 1)[:, None], ends, value)
        after[:, :-2] = beta[t] + emissions[t]
    return beta


def _log_probability(alpha, lattice):
    """(batch,): of each whole labelling."""
    last = alpha[np.maximum(lattice.steps - 1, 0), np.arange(alpha.shape[1])]
    last = np.where(lattice.ends, last, NEVER)
    most = last.max(1)
    return most + np.log(np.exp(last - most[:, None]).sum(1))


@operator(
    "CTCLoss",
    "_contrib_CTCLoss",
    "_contrib_ctc_loss",
    "ctc_loss",
    outputs=("output0", "alpha"),
    visible=1,
    fails=True,
)
def ctc_loss(
    data,
    label,
    data_lengths=None,
    label_lengths=None,
    *,
    use_data_lengths: bool = False,
    use_label_lengths: bool = False,
    blank_label: Choice("first", "last") = "first",
):
    """Minus the log probability of each labelling, summed over all its alignments with the steps.

    data (steps, batch, classes): scores before softmax, floating point. label (batch, labels): classes, padded with 0
    (-1 where the blank is the last class) or counted by label_lengths (batch,). data_lengths (batch,): steps that
    count. Labels and lengths have any dtype. blank_label: which class is the blank.
    Output: (batch,), dtype of `data`; 0, as the gradient, for a sequence too short for its labels."""
    check_count("CTCLoss", int(use_data_lengths) + int(use_label_lengths), data_lengths, label_lengths)
    check_floats("CTCLoss", data)
    lengths = [x for x in (data_lengths, label_lengths) if x is not None]
    if data.ndim != 3 or label.ndim != 2 or len(label) != data.shape[1] or not data.size or not label.size:
        raise ShapeError(
            f"data must be (steps, batch, classes) and label (batch, labels), neither of them empty, but got "
            f"{list(data.shape)} and {list(label.shape)}, in operator CTCLoss"
        )
    if len(data) < label.shape[1]:
        raise ShapeError(
            f"The max number of labels cannot exceed the maximum sequence length of the data, but label has shape "
            f"{list(label.shape)} and data {list(data.shape)}, in operator CTCLoss"
        )
    for x in lengths:
        check_shape("CTCLoss", "lengths", x, label.shape[:1])
    lattice = Lattice(data.shape, label, lengths, use_data_lengths, use_label_lengths, blank_label)
    alpha = _forwards(_emissions(log_softmax.forward(data), lattice), lattice)
    loss = np.where(lattice.feasible, -_log_probability(alpha, lattice), 0)
    return loss.astype(data.dtype), alpha


@ctc_loss.gradient("data")
def _(F, g, data, label, data_lengths, label_lengths, alpha, use_data_lengths, use_label_lengths, blank_label):
    lengths = [x for x in (data_lengths, label_lengths) if x is not None]
    words = {"use_data_lengths": use_data_lengths, "use_label_lengths": use_label_lengths, "blank_label": blank_label}
    if isinstance(data, NDArray):
        lattice = Lattice(data.shape, label.data, [x.data for x in lengths], **words)
        return _composed_gradient(F, g[0], data, lattice)
    return _gradient(g[0], data, alpha, Lattice(data.shape, label, lengths, **words))


def _gradient(g, data, alpha, lattice):
    """softmax(data) less the expected number of times each class is emitted at each step."""
    logs = log_softmax.forward(data)
    emissions = _emissions(logs, lattice)
    occupied = alpha + _backwards(emissions, lattice)
    occupied -= _log_probability(alpha, lattice)[:, None]
    np.exp(occupied, out=occupied)
    lines = np.arange(0, data.size, data.shape[2]).reshape(*data.shape[:2], 1)
    expected = np.bincount((lines + lattice.states).reshape(-1), occupied.reshape(-1), data.size)
    gradient = np.exp(logs) - expected.reshape(data.shape)
    counts = lattice.feasible & (np.arange(len(data))[:, None] < lattice.steps)
    gradient[~counts] = 0
    gradient *= g[:, None]
    return gradient.astype(data.dtype, copy=False)


def _composed_gradient(F, g, data, lattice):
    """The same in operators, for the derivatives after this one."""
    steps, batch, classes = data.shape
    states, narrow = lattice.states.shape[1], data.dtype == np.float16
    if narrow:  # too narrow for NEVER
        data, g = F.cast(data, dtype="float32"), F.cast(g, dtype="float32")
    skip, ends = lattice.skip, lattice.steps[:, None] == np.arange(1, steps + 1)
    counts = lattice.feasible & (np.arange(steps)[:, None] < lattice.steps)

    def constant(values):
        return NDArray(values.astype(data.dtype))

    def possible(where):
        return constant(np.where(where, 0.0, NEVER))

    def log_sum(*terms):
        most = terms[0]
        for term in terms[1:]:
            most = F.broadcast_maximum(most, term)
        most = F.BlockGrad(most)
        return F.log(F.add_n(*[F.exp(term - most) for term in terms])) + most

    def shifted(x, by):
        """x (batch, S) with the states moved by `by` places, and impossible ones moving in."""
        source = np.arange(states) - by
        return F.dot(x, constant(np.eye(states, k=by))) + possible([(source >= 0) & (source < states)])

    logs = F.log_softmax(data)
    class_of = constant(lattice.states[:, :, None] == np.arange(classes))
    emissions = F.batch_dot(F.transpose(logs, axes=(1, 0, 2)), class_of, transpose_b=True)
    emitted = [
        F.reshape(F.slice_axis(emissions, axis=1, begin=t, end=t + 1), shape=(batch, states)) for t in range(steps)
    ]
    alphas = [emitted[0] + possible([np.arange(states) < 2])]
    for t in range(1, steps):
        before = alphas[-1]
        alphas.append(log_sum(before, shifted(before, 1), shifted(before, 2) + constant(skip)) + emitted[t])
    skip = np.concatenate((skip, np.full((batch, 2), NEVER)), 1)[:, 2:]
    after, betas = possible(np.zeros((batch, states), bool)), []
    for t in reversed(range(steps)):
        here = possible(lattice.ends & ends[:, t : t + 1])
        betas.append(log_sum(after, shifted(after, -1), shifted(after, -2) + constant(skip), here))
        after = betas[-1] + emitted[t]
    alpha, beta = F.stack(*alphas, axis=1), F.stack(*reversed(betas), axis=1)
    last = alpha + possible(ends[:, :, None] & lattice.ends[:, None])
    most = F.BlockGrad(F.max(last, axis=(1, 2), keepdims=True))
    total = F.log(F.sum(F.exp(last - most), axis=(1, 2), keepdims=True)) + most
    expected = F.transpose(F.batch_dot(F.exp(alpha + beta - total), class_of), axes=(1, 0, 2))
    gradient = (F.exp(logs) - expected) * constant(counts[:, :, None]) * F.reshape(g, shape=(1, batch, 1))
    return F.cast(gradient, dtype="float16") if narrow else gradient


@ctc_loss.infers
def _(shapes, _attrs):
    data, label = shapes.ins[:2]
    for batch in (data and data[1:2], label and label[:1]):
        shapes.output(batch or None)
    if shapes.outs[0] is not None:
        for position in range(2, len(shapes.ins)):
            shapes.input(position, shapes.outs[0])

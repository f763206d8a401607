"""Operators that MXNet keeps under `contrib` and that belong to no other family."""

import numpy as np

from ..errors import ComputeError, ShapeError
from ..registry import operator
from .common import check_same_dtype


@operator("_contrib_quadratic", shape="same")
def quadratic(data, *, a: float = 0.0, b: float = 0.0, c: float = 0.0):
    """a * data² + b * data + c.

    Output: shape and dtype of `data`."""
    return ((data * a + b) * data + c).astype(data.dtype, copy=False)


@quadratic.gradient
def _(F, g, data, a, b):
    return g * (data * (2 * a) + b)


@operator("_contrib_gradientmultiplier", shape="same")
def gradient_multiplier(data, *, scalar: float = 1.0, is_int: bool = True):
    """A copy of the input, whose gradient is multiplied by `scalar` (negative: reversed).

    Source: Ganin and Lempitsky, Unsupervised domain adaptation by backpropagation (2015)."""
    return data.copy()


@gradient_multiplier.gradient
def _(F, g, scalar):
    return g * scalar


gradient_multiplier.head()


def _straight_through(names, function, doc):
    name, *aliases = names.split()

    def compute(data):
        if data.dtype.kind == "b":
            raise ShapeError(f"takes numbers, but got bool, in operator {name}")
        return function(data).astype(data.dtype, copy=False)

    compute.__doc__ = doc + " The gradient is passed on as if it were the identity.\n\nSource: Bengio et al. (2013)."
    row = operator(name, *aliases, shape="same")(compute)
    row.gradient(lambda F, g: g)
    row.head()


def _round(x):
    """Half away from zero."""
    whole = np.trunc(x)
    return whole + np.trunc(2 * (x - whole))


_straight_through("_contrib_round_ste _sparse__contrib_round_ste", _round, "Nearest integer, halves away from zero.")
_straight_through("_contrib_sign_ste _sparse__contrib_sign_ste", np.sign, "-1, 0 or 1.")


# -- Fourier transforms and sketches ---------------------------------------------------------------------------------


@operator("_contrib_fft")
def fft(data, *, compute_size: int = 128):
    """The discrete Fourier transform along the last axis, real and imaginary parts taking turns.

    data: (..., n), real. Output: (..., 2 * n). `compute_size`, which divides MXNet's work on a GPU, has no effect."""
    _check_float("_contrib_fft", data)
    result = np.fft.fft(data, axis=-1)
    parts = np.stack([result.real, result.imag], axis=-1)
    return parts.reshape(*data.shape[:-1], 2 * data.shape[-1]).astype(data.dtype)


@operator("_contrib_ifft")
def ifft(data, *, compute_size: int = 128):
    """The real part of the inverse Fourier transform along the last axis, not divided by its length n.

    data: (..., 2 * n), real and imaginary parts taking turns. Output: (..., n)."""
    _check_float("_contrib_ifft", data)
    if data.shape[-1] % 2:
        raise ShapeError(f"_contrib_ifft takes pairs along the last axis, but got an array of shape {list(data.shape)}")
    parts = data.reshape(*data.shape[:-1], data.shape[-1] // 2, 2)
    result = np.fft.ifft(parts[..., 0] + 1j * parts[..., 1], axis=-1).real * parts.shape[-2]
    return result.astype(data.dtype)


def _check_float(name, data):
    if data.dtype.kind != "f" or not data.ndim or not data.shape[-1]:
        raise ShapeError(
            f"{name} takes floating point values along the last axis, but got {list(data.shape)} {data.dtype}"
        )


fft.gradient("data")(lambda F, g: F._contrib_ifft(g))
ifft.gradient("data")(lambda F, g: F._contrib_fft(g))


@operator("_contrib_count_sketch", fails=True)
def count_sketch(data, h, s, *, out_dim: int, processing_batch_size: int = 32):
    """A projection that keeps inner products in expectation: column i of `data`, times s[i], is added to column h[i].

    data: (n, in_dim); h: (1, in_dim), column numbers below out_dim; s: (1, in_dim), signs. Output: (n, out_dim).
    `processing_batch_size` has no effect.
    Source: Charikar, Chen and Farach-Colton, Finding frequent items in data streams (2002)."""
    width = data.shape[-1] if data.ndim == 2 else -1
    if out_dim < 1 or not h.shape == s.shape == (1, width):
        raise ShapeError(
            "_contrib_count_sketch takes data (n, in_dim), h and s (1, in_dim) and out_dim > 0, but got "
            f"{list(data.shape)}, {list(h.shape)}, {list(s.shape)} and out_dim={out_dim}"
        )
    check_same_dtype("_contrib_count_sketch", data, s)
    column = h[0].astype(np.int64)
    if width and not 0 <= column.min() <= column.max() < out_dim:
        raise ComputeError(
            f"_contrib_count_sketch: h names columns from {column.min()} to {column.max()}, but there are {out_dim}"
        )
    out = np.zeros((len(data), out_dim), data.dtype)
    if data.size:
        order = np.argsort(column, kind="stable")
        named, first = np.unique(column[order], return_index=True)
        out[:, named] = np.add.reduceat((data * s)[:, order], first, axis=1)
    return out


@count_sketch.gradient("data")
def _(F, g, h, s):
    return F.take(g, F.reshape(h, shape=(-1,)), axis=1) * s


# -- point processes -------------------------------------------------------------------------------------------------


def _check_hawkes(lda, alpha, beta, state, lags, marks, valid_length, max_time):
    samples, kinds = lda.shape if lda.ndim == 2 else (-1, -1)
    steps = lags.shape[-1] if lags.ndim else -1
    shapes = [x.shape for x in (alpha, beta, state, lags, marks, valid_length, max_time)]
    if shapes != [(kinds,), (kinds,), (samples, kinds), (samples, steps), (samples, steps), (samples,), (samples,)]:
        raise ShapeError(
            "_contrib_hawkesll takes lda and state (n, k), alpha and beta (k,), lags and marks (n, t), valid_length "
            f"and max_time (n,), but got {list(lda.shape)} and {', '.join(str(list(shape)) for shape in shapes)}"
        )
    for other in (alpha, beta, state, lags, valid_length, max_time):
        check_same_dtype("_contrib_hawkesll", lda, other)
    if lda.dtype.kind != "f" or marks.dtype.kind != "i":
        raise ShapeError(
            f"_contrib_hawkesll takes floating point numbers and integer marks, but got {lda.dtype} and {marks.dtype}"
        )
    live = np.arange(steps) < valid_length[:, None]
    if valid_length.size and valid_length.max() > steps:
        raise ComputeError(f"_contrib_hawkesll: a valid_length of {valid_length.max()} exceeds the {steps} events")
    if live.any() and not 0 <= marks[live].min() <= marks[live].max() < kinds:
        raise ComputeError(f"_contrib_hawkesll: marks are numbers from 0 to {kinds - 1}")
    return live


@operator("_contrib_hawkesll", outputs=("output", "out_state"), fails=True)
def hawkesll(lda, alpha, beta, state, lags, marks, valid_length, max_time):
    """Log likelihood of events of k kinds under a self-exciting process, each event raising the rate of its own kind:
    rate = lda + alpha * beta * (sum of exp(-beta * age) over earlier events of the kind, and of the `state` before).

    lda: (n, k), background rates; alpha: (k,), expected direct offspring of an event; beta: (k,), decay in 1 / time;
    state: (n, k); lags: (n, t), times since the previous event; marks: (n, t), kinds, int32; valid_length: (n,), number
    of events; max_time: (n,), end of observation. Outputs: (n,) log likelihood, (n, k) the state at max_time. As in
    MXNet, gradients flow to lda, alpha and beta only, and from the likelihood only.
    Source: Hawkes, Spectra of some self-exciting and mutually exciting point processes (1971)."""
    live = _check_hawkes(lda, alpha, beta, state, lags, marks, valid_length, max_time)
    times, state = lags.cumsum(axis=1, dtype=lda.dtype), state.copy()
    last, total = np.zeros_like(state), np.zeros(len(lda), lda.dtype)
    for step in range(lags.shape[1]):
        rows = np.flatnonzero(live[:, step])
        kind, time = marks[rows, step], times[rows, step]
        age = time - last[rows, kind]
        before = state[rows, kind]
        after = before * np.exp(-beta[kind] * age)
        rate = lda[rows, kind]
        total[rows] += np.log(rate + alpha[kind] * beta[kind] * after) - rate * age - alpha[kind] * (before - after)
        state[rows, kind] = 1 + after
        last[rows, kind] = time
    age = max_time[:, None] - last
    after = state * np.exp(-beta * age)
    total -= (lda * age + alpha * (state - after)).sum(axis=1)
    return total, after


@hawkesll.infers
def _(shapes, _attrs):
    if shapes.ins[0] is not None:
        shapes.output(shapes.ins[0][:1])
        shapes.output(shapes.ins[0], 1)


@operator("_hawkes_events", outputs=("kinds", "times", "pairs", "ages"))
def hawkes_events(lags, marks, valid_length, *, count: int):
    """What hawkesll's gradient needs of the events: their kinds (n, t, k), one hot; times (n, t); whether (n, t, t) the
    second is an earlier one of the kind of the first; and then how old it is."""
    live = np.arange(lags.shape[1]) < valid_length[:, None]
    kinds = ((marks[:, :, None] == np.arange(count)) & live[:, :, None]).astype(lags.dtype)
    times = lags.cumsum(axis=1, dtype=lags.dtype)
    pairs = np.tril(kinds @ kinds.transpose(0, 2, 1), -1)
    return kinds, times, pairs, pairs * (times[:, :, None] - times[:, None, :])


hawkes_events.no_gradient()


@hawkesll.joint_gradient
def _(F, g, lda, alpha, beta, state, lags, marks, valid_length, max_time):
    """In closed form: each event's sum over the earlier ones of its kind, decayed to its own time."""
    kinds, times, pairs, ages = F._hawkes_events(lags, marks, valid_length, count=lda.shape[1])

    def at_events(x):  # (n, k) to (n, t)
        return F.sum(F.broadcast_mul(kinds, F.expand_dims(x, axis=1)), axis=(2,))

    def by_kind(x):  # (n, t) to (n, k)
        return F.sum(F.broadcast_mul(kinds, F.expand_dims(x, axis=2)), axis=(1,))

    of_total, end = F.expand_dims(g[0], axis=1), F.expand_dims(max_time, axis=1)
    alphas, betas, states = F.dot(kinds, alpha), F.dot(kinds, beta), at_events(state)
    faded = F.exp(-betas * times)
    decayed = pairs * F.exp(-ages * F.expand_dims(betas, axis=2))
    excited = states * faded + F.sum(decayed, axis=(2,))
    by_beta = -(states * times * faded + F.sum(decayed * ages, axis=(2,)))
    happened = F.sum(kinds, axis=(2,))
    of_rate = of_total * happened / (at_events(lda) + alphas * betas * excited + (1 - happened))
    rest = end - times
    fade, ended = F.exp(-end * F.expand_dims(beta, axis=0)), F.exp(-betas * rest)
    final = state * fade + by_kind(ended)
    final_by_beta = -(state * end * fade + by_kind(rest * ended))
    d_lda = by_kind(of_rate) - of_total * end
    d_alpha = by_kind(of_rate * betas * excited) - of_total * (state + F.sum(kinds, axis=(1,)) - final)
    d_beta = by_kind(of_rate * alphas * (excited + betas * by_beta))
    d_beta = d_beta + of_total * F.expand_dims(alpha, axis=0) * final_by_beta
    zeros = [F.zeros_like(x) for x in (state, lags, marks, valid_length, max_time)]
    return d_lda, F.sum(d_alpha, axis=(0,)), F.sum(d_beta, axis=(0,)), *zeros

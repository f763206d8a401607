"""(x - mean) / sqrt(var + eps) * gamma + beta and its gradients, for BatchNorm, LayerNorm and their like.

Mean and variance are over some axes; they, gamma and beta keep all axes of the data, those with one value for many
elements with length 1. All is computed in the order of memory, with neighbouring axes of one kind folded into one, and
in pieces along the first axis. Sums run in float32 at least.
"""

import math
from itertools import groupby

import numpy as np

from ..blas import use_threads
from ..parallel import in_pieces
from .common import widened
from .sums import sum_over


class Fold:
    """How the data and what goes with it are folded.

    Attributes: `axes` are the folded axes that mean and variance are over, `spare` those along which gamma does not
    vary, `count` is the number of elements that share a mean, `shared` is true where they share their gamma, too."""

    def __init__(self, x, gamma, axes):
        order = range(x.ndim)
        if not x.flags.c_contiguous:
            order = sorted(order, key=lambda axis: -x.strides[axis])
        self.order, self.shape = order, x.shape
        kinds = [
            (list(group), *kind)
            for kind, group in groupby(
                [axis for axis in order if x.shape[axis] != 1] or [0],
                lambda axis: (axis in axes, gamma.shape[axis] != 1),
            )
        ]
        self.groups = [group for group, _, _ in kinds]
        self.axes = tuple(i for i, (_, averaged, _) in enumerate(kinds) if averaged)
        self.spare = tuple(i for i, (_, _, varies) in enumerate(kinds) if not varies)
        self.count = math.prod(x.shape[axis] for axis in axes)
        self.shared = all(axis in self.spare for axis in self.axes)

    def fold(self, x):
        """An array that has all axes of the data, in C order."""
        shape = [math.prod(x.shape[axis] for axis in group) for group in self.groups]
        return np.ascontiguousarray(x.transpose(self.order).reshape(shape))

    def unfold(self, x, shape):
        """The array of `shape` that has been folded to `x`."""
        return x.reshape([shape[axis] for axis in self.order]).transpose(np.argsort(self.order))


def normalized(data, gamma, beta, axes, eps):
    """The normalized data, and mean and variance over `axes`."""
    x = widened(data)
    fold = Fold(x, gamma, axes)
    of_means = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape))
    x, gamma, beta = fold.fold(x), fold.fold(widened(gamma)), fold.fold(widened(beta))
    width, count, averaged = x[0].size, fold.count, fold.axes
    out = np.empty_like(x)
    if 0 in averaged:
        mean = sum_over(x, averaged) / count
        sums = {}

        def centre(i, j):
            centred = np.subtract(x[i:j], mean, out=out[i:j])
            sums[i] = sum_over(np.square(centred), averaged)

        def finish(i, j):
            _scale(out[i:j], gamma, beta, rstd)

        in_pieces(centre, len(x), width)
        var = _added(sums) / count
        rstd = 1 / np.sqrt(var + eps)
        in_pieces(finish, len(x), width)
    else:
        mean = np.empty([1 if i in averaged else n for i, n in enumerate(x.shape)], x.dtype)
        var = np.empty_like(mean)

        def work(i, j):
            np.divide(sum_over(x[i:j], averaged), count, out=mean[i:j])
            centred = np.subtract(x[i:j], mean[i:j], out=out[i:j])
            np.divide(sum_over(np.square(centred), averaged), count, out=var[i:j])
            _scale(centred, _part(gamma, i, j), _part(beta, i, j), 1 / np.sqrt(var[i:j] + eps))

        use_threads(1)
        in_pieces(work, len(x), width)
    return fold.unfold(out, data.shape), fold.unfold(mean, of_means), fold.unfold(var, of_means)

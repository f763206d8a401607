"""Cross entropy of softmax with labels that are numbers of classes, in one operator.

It does what log_softmax, pick, a minus and a mean do, with half as many passes over the data.
"""

import math

import numpy as np

from ..attributes import Maybe
from ..parallel import in_pieces
from ..registry import operator
from .common import normal_axis, widened
from .index import check_pick, places
from .nn import check_floats
from .reduce import reduced_axes
from .softmax import FEW
from .sums import is_fast, row_maxima, row_sums


@operator("_softmax_cross_entropy", outputs=("output", "slope"), visible=1)
def softmax_cross_entropy(data, label, *, axis: int = -1, batch_axis: Maybe(int) = None):
    """-log(softmax(data)) along `axis`, at the positions in `label`; computed without overflow.

    data: any shape, floating point. label: shape of `data` without `axis`, or with length 1 there; fractions are cut
    off, and what is out of range is clipped. Output: shape of `data` with length 1 along `axis`, or the means over all
    axes but `batch_axis`, shape (its length,); dtype of `data`. Hidden: the derivatives of the losses, softmax(data)
    less 1 at the labels."""
    check_floats("_softmax_cross_entropy", data)
    axis, kept = check_pick(data.shape, label, axis)
    at = places("pick", data.shape, axis, label, "clip")
    x = widened(data)
    by_rows = axis == x.ndim - 1 and x.size > 0 and is_fast(x)
    if by_rows:
        x = x.reshape(-1, x.shape[-1])
    if by_rows and x.size >= FEW:
        loss, slope = _in_pieces(x, at)
    else:
        peak = row_maxima(x)[:, None] if by_rows else np.maximum.reduce(x, axis, None, None, True) if x.size else 0
        slope = np.subtract(x, peak, order="C")
        flat = slope.reshape(-1)
        loss = flat.take(at)
        np.exp(slope, out=slope)
        total = row_sums(slope)[:, None] if by_rows else np.add.reduce(slope, axis, None, None, True)
        slope /= total
        flat[at] -= 1
        np.subtract(np.log(total).reshape(-1), loss, out=loss)
    loss, slope = loss.reshape(kept), slope.reshape(data.shape)
    if batch_axis is not None:
        others = reduced_axes("mean", (batch_axis,), loss.ndim, True)
        loss = np.mean(loss, others) if loss.size > kept[batch_axis] else loss.reshape(-1)
    return loss.astype(data.dtype, copy=False), slope.astype(data.dtype, copy=False)


def _in_pieces(rows, at):
    """The losses of the rows of a matrix, and their derivatives; `at`: the places of the labels in all of it."""
    count, length = rows.shape
    loss, slope = np.empty(count, rows.dtype), np.empty_like(rows)

    def work(i, j):
        part, here = slope[i:j], at[i:j] - i * length
        flat = part.reshape(-1)
        np.subtract(rows[i:j], row_maxima(rows[i:j])[:, None], out=part)
        flat.take(here, out=loss[i:j], mode="clip")
        np.exp(part, out=part)
        total = row_sums(part)
        np.subtract(np.log(total), loss[i:j], out=loss[i:j])
        part *= np.divide(1, total, out=total)[:, None]
        flat[here] -= 1

    in_pieces(work, count, length)
    return loss, slope


@softmax_cross_entropy.gradient("data")
def _(F, g, slope, label, axis, batch_axis):
    into_data = F._backward_softmax_cross_entropy(g[0], slope, axis=axis, batch_axis=batch_axis)
    if not g.came(1):
        return into_data
    return into_data + F._backward_softmax(g[1], F._softmax_of_slope(slope, label, axis=axis), axis=axis)


@operator("_softmax_of_slope")
def softmax_of_slope(slope, label, *, axis: int = -1):
    """The softmax from the hidden output of _softmax_cross_entropy: `slope`, and 1 more at the labels.

    Shape and dtype of `slope`."""
    axis, _ = check_pick(slope.shape, label, axis)
    prob = np.array(slope, order="C")
    prob.reshape(-1)[places("pick", slope.shape, axis, label, "clip")] += 1
    return prob


softmax_of_slope.gradient("slope")(lambda F, g: g)


def _spread(shape, axis, batch_axis):
    """How the gradient of the output is spread: the shape in which it broadcasts to `shape`, and how many share it."""
    axis = normal_axis("pick", axis, len(shape))
    kept = (*shape[:axis], 1, *shape[axis + 1 :])
    if batch_axis is None:
        return kept, 1
    batch = normal_axis("mean", batch_axis, len(kept))
    return tuple(n if a == batch else 1 for a, n in enumerate(kept)), math.prod(kept) // max(1, kept[batch])


@operator("_backward_softmax_cross_entropy")
def backward_softmax_cross_entropy(ograd, slope, *, axis: int = -1, batch_axis: Maybe(int) = None):
    """The gradient of _softmax_cross_entropy: `ograd` times `slope`, its hidden output.

    Shape and dtype of `slope`."""
    shape, count = _spread(slope.shape, axis, batch_axis)
    ograd = ograd.reshape(shape)
    return slope * (ograd if count == 1 else ograd / ograd.dtype.type(count))


@backward_softmax_cross_entropy.gradient("ograd")
def _(F, g, slope, ograd_shape, axis, batch_axis):
    inner = F.sum(g * slope, axis=(axis,), keepdims=True)
    inner = inner if batch_axis is None else F.mean(inner, axis=(batch_axis,), exclude=True)
    return F._backward_reshape(inner, shape=ograd_shape)


@backward_softmax_cross_entropy.gradient("slope")
def _(F, g, ograd, slope_shape, axis, batch_axis):
    shape, count = _spread(slope_shape, axis, batch_axis)
    return F.broadcast_mul(g, F._backward_reshape(ograd, shape=shape) / count)

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


@operator("_softmax_cross_entropy", outputs=("output", "prob"), visible=1)
def softmax_cross_entropy(data, label, *, axis: int = -1, batch_axis: Maybe(int) = None):
    """-log(softmax(data)) along `axis`, at the positions in `label`; computed without overflow.

    data: any shape, floating point. label: shape of `data` without `axis`, or with length 1 there; fractions are cut
    off, and what is out of range is clipped. Output: shape of `data` with length 1 along `axis`, or the means over all
    axes but `batch_axis`, shape (its length,); dtype of `data`."""
    check_floats("_softmax_cross_entropy", data)
    axis, kept = check_pick(data.shape, label, axis)
    at = places("pick", data.shape, axis, label, "clip")
    x = widened(data)
    if axis != x.ndim - 1 or not is_fast(x) or not x.size:
        prob = x - np.maximum.reduce(x, axis, None, None, True) if x.size else x.copy()
        loss = prob.take(at).reshape(kept)
        np.exp(prob, out=prob)
        total = np.add.reduce(prob, axis, None, None, True)
        np.subtract(np.log(total), loss, out=loss)
        prob /= total
    else:
        loss, prob = _of_rows(x.reshape(-1, x.shape[-1]), at)
        loss, prob = loss.reshape(kept), prob.reshape(x.shape)
    if batch_axis is not None:
        others = reduced_axes("mean", (batch_axis,), loss.ndim, True)
        loss = np.mean(loss, others) if loss.size > kept[batch_axis] else loss.reshape(-1)
    return loss.astype(data.dtype, copy=False), prob.astype(data.dtype, copy=False)


def _of_rows(rows, at):
    """The losses and the softmax of the rows of a matrix, `at` being the places of the labels in all of it."""
    count, length = rows.shape
    if rows.size < FEW:
        prob = rows - row_maxima(rows)[:, None]
        loss = prob.take(at)
        np.exp(prob, out=prob)
        total = row_sums(prob)
        prob /= total[:, None]
        return np.subtract(np.log(total, out=total), loss, out=loss), prob
    loss, prob = np.empty(count, rows.dtype), np.empty_like(rows)

    def work(i, j):
        part = prob[i:j]
        np.subtract(rows[i:j], row_maxima(rows[i:j])[:, None], out=part)
        part.reshape(-1).take(at[i:j] - i * length, out=loss[i:j], mode="clip")
        np.exp(part, out=part)
        total = row_sums(part)
        np.subtract(np.log(total), loss[i:j], out=loss[i:j])
        part *= np.divide(1, total, out=total)[:, None]

    in_pieces(work, count, length)
    return loss, prob


@softmax_cross_entropy.gradient("data")
def _(F, g, prob, label, axis, batch_axis):
    into_data = F._backward_softmax_cross_entropy(g[0], prob, label, axis=axis, batch_axis=batch_axis)
    return into_data + F._backward_softmax(g[1], prob, axis=axis) if g.came(1) else into_data


def _spread(kept, batch_axis):
    """How the gradient of the output is spread: the shape in which it broadcasts to `kept`, and how many share it."""
    if batch_axis is None:
        return kept, 1
    batch = normal_axis("mean", batch_axis, len(kept))
    return [n if a == batch else 1 for a, n in enumerate(kept)], math.prod(kept) // max(1, kept[batch])


@operator("_backward_softmax_cross_entropy")
def backward_softmax_cross_entropy(ograd, prob, label, *, axis: int = -1, batch_axis: Maybe(int) = None):
    """The gradient of _softmax_cross_entropy: `ograd` times `prob`, less 1 at the label.

    Shape and dtype of `prob`, the softmax."""
    axis, kept = check_pick(prob.shape, label, axis)
    shape, count = _spread(kept, batch_axis)
    ograd = ograd.reshape(shape) if count == 1 else ograd.reshape(shape) / ograd.dtype.type(count)
    dx = np.multiply(prob, ograd, order="C")
    at = places("pick", prob.shape, axis, label, "clip")
    dx.reshape(-1)[at] -= ograd.reshape(-1) if ograd.size == at.size else np.broadcast_to(ograd, kept).reshape(-1)
    return dx


@backward_softmax_cross_entropy.gradient("ograd")
def _(F, g, prob, label, ograd_shape, axis, batch_axis):
    inner = F.sum(g * prob, axis=(axis,), keepdims=True) - F.pick(g, label, axis=axis, keepdims=True)
    inner = inner if batch_axis is None else F.mean(inner, axis=(batch_axis,), exclude=True)
    return F._backward_reshape(inner, shape=ograd_shape)


@backward_softmax_cross_entropy.gradient("prob")
def _(F, g, ograd, prob_shape, axis, batch_axis):
    axis = normal_axis("pick", axis, len(prob_shape))
    shape, count = _spread((*prob_shape[:axis], 1, *prob_shape[axis + 1 :]), batch_axis)
    return F.broadcast_mul(g, F._backward_reshape(ograd, shape=tuple(shape)) / count)

"""Heads and losses. (CTC: ctc.py)

The outputs of symbolic training (SoftmaxOutput, the regression outputs, SVMOutput, MakeLoss) return a prediction, and
as its gradient that of a loss, whatever gradient comes in.
"""

import functools
import math

import numpy as np

from ..attributes import Choice, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import channelwise, is_known, like_data
from ..ndarray import NDArray
from ..registry import find, operator
from .common import widened
from .nn import check_floats, check_shape, refuse_shape
from .softmax import log_softmax, softmax

NORMALIZATION = Choice("batch", "null", "valid")


# -- SoftmaxOutput -----------------------------------------------------------------------------------------------


def _lines(shape, multi_output, preserve_shape):
    """The data as (lines, classes, positions): each line and position has one softmax over the classes."""
    if multi_output:
        return (shape[0], shape[1], math.prod(shape[2:]))
    if preserve_shape:
        return (math.prod(shape[:-1]), shape[-1], 1)
    return (shape[0], math.prod(shape[1:]), 1)


@operator("SoftmaxOutput", "Softmax")
def softmax_output(
    data,
    label,
    *,
    grad_scale: float = 1.0,
    ignore_label: float = -1.0,
    multi_output: bool = False,
    use_ignore: bool = False,
    preserve_shape: bool = False,
    normalization: NORMALIZATION = "null",
    out_grad: bool = False,
    smooth_alpha: float = 0.0,
):
    """softmax(data), with the gradient of cross entropy with `label` for `data`.

    data (batch, ...): the softmax is over all axes but the first; with preserve_shape over the last; with multi_output
    (batch, classes, ...) over axis 1, for each position of its own.
    label, of the dtype of `data`: the classes, rounded towards zero, in the shape of `data` without its last axis, or
    with multi_output without axis 1 (also with length 1 there, or (batch, positions)); or probabilities in the shape
    of `data`. Output: shape and dtype of `data`.
    Gradient: softmax less 1 for the label's class, times grad_scale. With use_ignore none for ignore_label.
    smooth_alpha: a share taken from the label's class and spread over the others (not with multi_output).
    normalization: divides by 1 ("null"; with multi_output by the number of positions), by the number of labels
    ("batch") or of labels that are not ignore_label ("valid"). Not for probabilities.
    out_grad: multiplies by the softmax, as MXNet does (not by the gradient that comes in)."""
    check_floats("SoftmaxOutput", data)
    if label.dtype != data.dtype:
        raise ShapeError(
            f"This layer requires uniform type. Expected '{data.dtype}' v.s. given '{label.dtype}' at 'label', in "
            f"operator SoftmaxOutput"
        )
    shape = data.shape
    if data.ndim < 2:
        raise ShapeError(f"data needs 2 axes at least, but has shape {list(shape)}, in operator SoftmaxOutput")
    _check_softmax_label(shape, label.shape, multi_output)
    lines = _lines(shape, multi_output, preserve_shape)
    return softmax.forward(data.reshape(lines), axis=1).reshape(shape)


def _softmax_labels(data, multi_output):
    """The shapes that labels of data of this shape may have; the first where nothing else is known."""
    if not multi_output:
        return data[:-1], data
    return (data[0], math.prod(data[2:])), (data[0], *data[2:]), (data[0], 1, *data[2:]), data


def _check_softmax_label(data, label, multi_output):
    wanted = _softmax_labels(data, multi_output)
    if label in wanted:
        return
    if multi_output:
        raise ShapeError(
            f"Expecting {list(wanted[0])} or {list(wanted[1])}. But got {list(label)}, in operator SoftmaxOutput"
        )
    refuse_shape("SoftmaxOutput", "label", label, wanted[0])


@softmax_output.infers
def _(shapes, attrs):
    like_data(shapes, attrs)
    data, label = shapes.ins
    if data is None or len(data) < 2:
        return
    if label is None:
        shapes.input(1, _softmax_labels(data, attrs["multi_output"])[0])
    elif is_known(data) and is_known(label):
        _check_softmax_label(data, label, attrs["multi_output"])


@softmax_output.gradient("data")
def _(
    F,
    g,
    data,
    out,
    label,
    grad_scale,
    ignore_label,
    multi_output,
    use_ignore,
    preserve_shape,
    normalization,
    out_grad,
    smooth_alpha,
):
    if isinstance(data, NDArray):  # `out` would lead the next derivative through this rule, which is no derivative
        lines = _lines(data.shape, multi_output, preserve_shape)
        out = F.reshape(F.softmax(F.reshape(data, shape=lines), axis=1), shape=data.shape)
    target, weight = F._softmax_output_target(
        label,
        shape=out.shape,
        grad_scale=grad_scale,
        ignore_label=ignore_label,
        multi_output=multi_output,
        use_ignore=use_ignore,
        preserve_shape=preserve_shape,
        normalization=normalization,
        smooth_alpha=smooth_alpha,
    )
    gradient = (out - target) * weight
    return gradient * out if out_grad else gradient


softmax_output.head()


@operator("_softmax_output_target", outputs=("target", "weight"), views=True)
def softmax_output_target(
    label,
    *,
    shape: Shape,
    grad_scale: float,
    ignore_label: float,
    multi_output: bool,
    use_ignore: bool,
    preserve_shape: bool,
    normalization: NORMALIZATION,
    smooth_alpha: float,
):
    """What SoftmaxOutput's gradient, (out - target) * weight, takes from the label: the target in `shape`, and the
    weight, which broadcasts to it."""
    ones = (1,) * len(shape)
    if label.shape == shape:
        return label, np.full(ones, grad_scale, label.dtype)
    lines, classes, positions = _lines(shape, multi_output, preserve_shape)
    labels = label.reshape(-1).astype(np.int64)
    valid = labels != np.trunc(ignore_label)
    divisor = {"null": positions, "batch": labels.size, "valid": np.count_nonzero(valid)}
    weight = np.full(ones, grad_scale / max(1, divisor[normalization]), label.dtype)
    # with neither multi_output nor preserve_shape there may be more labels than lines; MXNet reads the first ones
    labels, valid = labels[: lines * positions], valid[: lines * positions]
    alpha = 0.0 if multi_output else smooth_alpha
    target = np.full((lines, classes, positions), alpha / max(1, classes - 1), label.dtype)
    known = ((labels >= 0) & (labels < classes)).nonzero()[0]
    line, position = np.divmod(known, positions)
    target[line, labels[known], position] = 1 - alpha
    if use_ignore:
        if multi_output:
            kept = (shape[0], 1, *shape[2:])
        else:
            kept = (*shape[:-1], 1) if preserve_shape else (shape[0], *ones[1:])
        weight = weight * valid.reshape(kept)
    return target.reshape(shape), weight


softmax_output_target.no_gradient()


# -- regression and support vector outputs -----------------------------------------------------------------------


def _trimmed(shape):
    """The shape without the ones at its end."""
    while shape[-1:] == (1,):
        shape = shape[:-1]
    return shape


def _infer_regression(name, shapes, attrs):
    like_data(shapes, attrs)
    data, label = shapes.ins
    if data is not None and label is None:
        # as in the original, so that a column of predictions takes a plain list of labels
        shapes.input(1, data[:1] if data[1:] == (1,) else data)
    elif is_known(data) and is_known(label) and _trimmed(label) != _trimmed(data):
        refuse_shape(name, "label", label, data)


def _declare_regression(name, predict, error, doc):
    def compute(data, label, *, grad_scale: float = 1.0):
        check_floats(name, data, label)
        if _trimmed(label.shape) != _trimmed(data.shape):
            check_shape(name, "label", label, data.shape)
        return predict(data)

    def into_data(F, g, data, label, grad_scale):
        outputs = math.prod(label.shape[1:])
        return error(F, data, F.reshape(label, shape=data.shape)) * (grad_scale / max(1, outputs))

    compute.__doc__ = (
        doc
        + "\n\ndata, label: one shape (but for ones at its end) and floating dtype, that of the output. The gradient "
        "is divided by the number of values of each sample."
    )
    row = operator(name, "_sparse_" + name, views=predict is _same)(compute)
    row.gradient("data")(into_data)
    row.head()
    row.infers(functools.partial(_infer_regression, name))


def _same(data):
    return data


_declare_regression(
    "LinearRegressionOutput",
    _same,
    lambda F, data, label: data - label,
    "The data, with the gradient of squared error: (data - label) * grad_scale.",
)
_declare_regression(
    "MAERegressionOutput",
    _same,
    lambda F, data, label: 2 * F.broadcast_greater(data, label) - 1,
    "The data, with the gradient of absolute error: grad_scale where data > label, -grad_scale elsewhere.",
)
_declare_regression(
    "LogisticRegressionOutput",
    find("sigmoid").forward,
    lambda F, data, label: F.sigmoid(data) - label,
    "sigmoid(data), with the gradient of cross entropy with `label` for the data: (output - label) * grad_scale.",
)


@operator("SVMOutput", views=True)
def svm_output(data, label, *, margin: float = 1.0, regularization_coefficient: float = 1.0, use_linear: bool = False):
    """The data, with the gradient of a hinge loss: for each class, margin less the score of the label's class or plus
    that of another, where positive; its square, or with use_linear itself; times regularization_coefficient.

    data: (..., classes), floating point. label: (...), same dtype. Output: shape and dtype of `data`.
    Source: Tang, Deep learning using linear support vector machines (2013)."""
    check_floats("SVMOutput", data, label)
    check_shape("SVMOutput", "label", label, data.shape[:-1])
    return data


@svm_output.infers
def _(shapes, attrs):
    like_data(shapes, attrs)
    if shapes.ins[0] is not None:
        shapes.input(1, shapes.ins[0][:-1])


@svm_output.gradient("data")
def _(F, g, data, label, margin, regularization_coefficient, use_linear):
    side = F.one_hot(label, depth=data.shape[-1], on_value=1.0, off_value=-1.0, dtype=str(np.dtype(data.dtype)))
    score = side * data
    if use_linear:
        return side * (score < margin) * -regularization_coefficient
    return side * F.relu(margin - score) * (-2 * regularization_coefficient)


svm_output.head()


# -- MakeLoss ----------------------------------------------------------------------------------------------------


@operator("MakeLoss", shape="same", views=True)
def make_loss_of(data, *, grad_scale: float = 1.0, valid_thresh: float = 0.0, normalization: NORMALIZATION = "null"):
    """The data, a loss: its gradient is grad_scale, whatever gradient comes in.

    normalization: divides that by 1 ("null"), the length of axis 0 ("batch") or the number of elements above
    valid_thresh ("valid"). data: any shape, floating point. Output: its shape and dtype."""
    check_floats("MakeLoss", data)
    return data


@make_loss_of.gradient
def _(F, g, data, grad_scale, valid_thresh, normalization):
    return F._backward_MakeLoss(data, grad_scale=grad_scale, valid_thresh=valid_thresh, normalization=normalization)


make_loss_of.head()


@operator("_backward_MakeLoss", shape="same")
def backward_make_loss(data, *, grad_scale: float, valid_thresh: float = 0.0, normalization: NORMALIZATION = "null"):
    """The gradient that MakeLoss gives to `data`."""
    divisor = 1
    if normalization == "batch":
        divisor = len(data)
    elif normalization == "valid":
        divisor = np.count_nonzero(data > valid_thresh)
    return np.full(data.shape, grad_scale / max(1, divisor), data.dtype)


backward_make_loss.no_gradient()


@operator("make_loss", "_sparse_make_loss", shape="same", outputs=("loss",), views=True)
def make_loss(data):
    """The data, a loss: its gradient is 1, whatever gradient comes in.

    Output: shape and dtype of `data`."""
    return data


@make_loss.gradient
def _(F, g):
    return F._backward_MakeLoss(g, grad_scale=1.0)


make_loss.head()


# -- others ------------------------------------------------------------------------------------------------------


@operator("softmax_cross_entropy", fails=True)
def softmax_cross_entropy(data, label):
    """The sum over rows of -log(softmax(data)) at the label; no row counts more than -log(1e-8).

    data: (batch, classes), floating point. label: (batch,), same dtype, rounded towards zero. Output: (1,)."""
    name = "softmax_cross_entropy"
    check_floats(name, data, label)
    if data.ndim != 2 or label.shape != data.shape[:1]:
        raise ShapeError(
            f"SoftmaxCrossEntropy only accept 2D data and 1D label, data label shape mismatch: {list(data.shape)} and "
            f"{list(label.shape)}, in operator {name}"
        )
    labels = label.astype(np.int64)
    if ((labels < 0) | (labels >= data.shape[1])).any():
        raise ArgumentError(
            f"labels must be from 0 to {data.shape[1] - 1}, but got {label.tolist()}, in operator {name}"
        )
    logs = log_softmax.forward(widened(data))[np.arange(len(data)), labels]
    return -np.maximum(logs, math.log(1e-8)).sum(keepdims=True).astype(data.dtype)


@softmax_cross_entropy.infers
def _(shapes, attrs):
    if shapes.ins[0] is not None:
        shapes.input(1, shapes.ins[0][:1])
    shapes.output((1,))


@softmax_cross_entropy.gradient("data")
def _(F, g, data, label):
    label = F.one_hot(label, depth=data.shape[1], dtype=str(np.dtype(data.dtype)))
    return (F.softmax(data) - label) * F.reshape(g, shape=(1, 1))


@operator("IdentityAttachKLSparseReg", mutates=("moving_avg",), views=True, train=True)
def identity_attach_kl_sparse_reg(
    data,
    moving_avg,
    *,
    sparseness_target: float = 0.1,
    penalty: float = 0.001,
    momentum: float = 0.9,
    train: bool = False,
):
    """The data, activations in (0, 1); the gradient of a penalty for not being sparse is added to that which comes in.

    The penalty is the divergence of `sparseness_target` from the mean activation of each unit over batches, kept in
    moving_avg (units,), which training updates. data: (batch, ...), floating point. Output: its shape and dtype.
    Source: Ng, Sparse autoencoder (2011)."""
    name = "IdentityAttachKLSparseReg"
    check_floats(name, data, moving_avg)
    check_shape(name, "moving_avg", moving_avg, (math.prod(data.shape[1:]),))
    if train:
        moving_avg *= momentum
        moving_avg += (1 - momentum) * data.reshape(len(data), moving_avg.size).mean(0)
    return data


identity_attach_kl_sparse_reg.infers(channelwise(1, 1))


@identity_attach_kl_sparse_reg.gradient("data")
def _(F, g, data_shape, moving_avg, sparseness_target, penalty):
    push = (1 - sparseness_target) / (1 - moving_avg) - sparseness_target / moving_avg
    return g + F.reshape(push * penalty, shape=(1, *data_shape[1:]))


identity_attach_kl_sparse_reg.head()

"""Normalization: LayerNorm, GroupNorm, InstanceNorm, L2Normalization, LRN. (BatchNorm: batch_norm.py)

BatchNorm and the first three compute (x - mean) / sqrt(var + eps) * gamma + beta with mean and variance over some
axes, and share `normalized` and `_backward_norm`. There, mean, deviation, gamma and beta keep all axes of the data,
those with one value for many elements with length 1. Sums run in float32 at least.
"""

import math

import numpy as np

from ..attributes import Choice, Shape
from ..errors import ShapeError
from ..inference import channelwise, like_data
from ..parallel import SHARED, in_pieces
from ..registry import operator
from .common import reduce_to, widened
from .nn import check_floats, check_shape, sums

CUT = 1 << 17  # elements in a part of what threads share


def with_mean_and_deviation(attrs):
    """Three outputs where asked for, else one."""
    return 3 if attrs["output_mean_var"] else 1


def _share_factor(gamma, rstd):
    """True where gamma does not vary within a mean, so that both scale the data as one small array."""
    return all(n == 1 or n == m for n, m in zip(gamma.shape, rstd.shape))


def normalized(data, gamma, beta, axes, eps):
    """The normalized data, and mean and variance over `axes`; float32 at least."""
    x = widened(data)
    out = np.empty_like(x)
    axis = _axis_to_cut(x, axes)
    if axis is None:
        return out, *_normalize(out, x, gamma, beta, axes, eps)
    shape = [1 if a in axes else n for a, n in enumerate(x.shape)]
    mean, var = np.empty(shape, x.dtype), np.empty(shape, x.dtype)

    def work(i, j):
        part = _Part(axis, i, j)
        mean[part.at], var[part.at] = _normalize(*[part.of(array) for array in (out, x, gamma, beta)], axes, eps)

    in_pieces(work, x.shape[axis], x.size // x.shape[axis], CUT)
    return out, mean, var


def _normalize(out, x, gamma, beta, axes, eps):
    """Mean and variance; the normalized data are written to `out`, in one step at the end, for a part of it may be
    scattered over memory."""
    kept = [a for a in range(x.ndim) if a not in axes]
    count = math.prod(x.shape[a] for a in axes)
    mean = sums(kept, x) / count
    centred = x - mean
    var = sums(kept, centred, centred) / count
    rstd = 1 / np.sqrt(var + eps)
    if _share_factor(gamma, rstd):
        centred *= rstd * gamma
    else:
        centred *= rstd
        centred *= gamma
    np.add(centred, beta, out=out)
    return mean, var


class _Part:
    """Elements i to j along an axis, which are normalized independently of the others."""

    def __init__(self, axis, i, j):
        self.axis, self.at = axis, (slice(None),) * axis + (slice(i, j),)

    def of(self, x):
        """The part of an array, or all of a small one that does not vary along the axis."""
        return x if x.shape[self.axis] == 1 else x[self.at]


def _axis_to_cut(x, axes):
    """The axis whose elements threads share: of those not averaged over, the outermost in memory. None: too little."""
    kept = [a for a in range(x.ndim) if a not in axes]
    if x.size < SHARED * CUT or not kept:
        return None
    return max(kept, key=lambda a: x.strides[a])


def _folded(x, shape):
    """A small array summed over the axes that have length 1 in `shape`."""
    axes = tuple(a for a, n in enumerate(shape) if n == 1 and x.shape[a] != 1)
    return x.sum(axes, keepdims=True) if axes else x


def _laid_out_as(x, other):
    """`x` in the memory order of `other`: arithmetic between different orders takes four times as long."""
    if x.strides == other.strides:
        return x
    copy = np.empty_like(other)
    copy[...] = x
    return copy


@operator("_backward_norm", outputs=("ddata", "dgamma", "dbeta"))
def backward_norm(ograd, data, gamma, mean, rstd, *, axes: Shape, eps: float, constant: bool = False):
    """The gradients of (data - mean) * rstd * gamma + beta.

    mean, rstd (1 / sqrt(variance + eps)): of `data` over `axes`; or, if `constant`, independent of it."""
    dtype = gamma.dtype
    x, gamma, mean, rstd = widened(data), widened(gamma), widened(mean), widened(rstd)
    g = _laid_out_as(widened(ograd), x)
    dx = np.empty_like(x)
    axis = _axis_to_cut(x, axes)
    if axis is None:
        dgamma, dbeta = _into_norm(dx, g, x, gamma, mean, rstd, axes, constant)
    else:
        parts = {}

        def work(i, j):
            part = _Part(axis, i, j)
            parts[i] = _into_norm(*[part.of(array) for array in (dx, g, x, gamma, mean, rstd)], axes, constant)

        in_pieces(work, x.shape[axis], x.size // x.shape[axis], CUT)
        join = np.concatenate if gamma.shape[axis] == x.shape[axis] else lambda found, _: np.add.reduce(found, 0)
        dgamma, dbeta = [join([parts[start][n] for start in sorted(parts)], axis) for n in (0, 1)]
    return tuple(d.astype(t, copy=False) for d, t in ((dx, data.dtype), (dgamma, dtype), (dbeta, dtype)))


def _into_norm(into, g, x, gamma, mean, rstd, axes, constant):
    """The gradients by gamma and beta; that by the data is written to `into`, in one step at the end."""
    kept = [a for a in range(x.ndim) if a not in axes]
    count = math.prod(x.shape[a] for a in axes)
    centred = x - mean
    if _share_factor(gamma, rstd):
        factor = gamma * rstd
        total, along = sums(kept, g), sums(kept, g, centred)
        if constant:
            np.multiply(g, factor, out=into)
        else:
            centred *= factor * rstd * rstd * along / -count
            centred -= factor * total / count
            np.add(centred, g * factor, out=into)
        return _folded(along * rstd, gamma.shape), _folded(total, gamma.shape)
    varying = [a for a, n in enumerate(gamma.shape) if n != 1]
    centred *= rstd
    dgamma, dbeta = sums(varying, g, centred), sums(varying, g)
    scaled = g * gamma
    total, along = sums(kept, scaled), sums(kept, scaled, centred)
    centred *= along / count
    scaled -= centred
    scaled -= total / count
    np.multiply(scaled, rstd, out=into)
    return dgamma, dbeta


@backward_norm.joint_gradient
def _(F, g, ograd, data, gamma, mean, rstd, axes, eps, constant):
    to_data, to_gamma, to_beta = g
    if constant:
        hat = (data - mean) * rstd
        dograd = to_data * gamma * rstd + to_gamma * hat + to_beta
        return dograd, to_gamma * ograd * rstd, reduce_to(F, to_data * ograd * rstd, gamma.shape), None, None

    def average(x):
        return F.mean(x, axis=axes, keepdims=True) if axes else x

    # mean and deviation anew, as functions of the data, for the derivatives after this one
    centred = data - average(data)
    rstd = F.rsqrt(average(centred * centred) + eps)
    hat = centred * rstd

    def project(x):
        return x - average(x) - hat * average(x * hat)

    scaled = ograd * gamma
    dscaled = project(to_data) * rstd
    dhat = to_gamma * ograd - rstd * (to_data * average(scaled * hat) + scaled * average(to_data * hat))
    ddata = rstd * project(dhat) - rstd * rstd * hat * average(to_data * project(scaled))
    dograd = gamma * dscaled + to_gamma * hat + to_beta
    return dograd, ddata, reduce_to(F, dscaled * ograd, gamma.shape), None, None


def per_channel(shape, axis):
    """The shape of per-channel values that broadcast against the data."""
    return tuple(n if a == axis else 1 for a, n in enumerate(shape))


# -- LayerNorm, GroupNorm, InstanceNorm --------------------------------------------------------------------------


@operator("LayerNorm", outputs=("output", "mean", "std"), visible=with_mean_and_deviation)
def layer_norm(data, gamma, beta, *, axis: int = -1, eps: float = 1e-5, output_mean_var: bool = False):
    """(data - mean) / sqrt(var + eps) * gamma + beta, with mean and variance along `axis`.

    data: any shape, floating point. gamma, beta: (length of `axis`,), same dtype. Output: shape and dtype of `data`;
    with `output_mean_var` also mean and sqrt(var + eps), of that shape with length 1 at `axis`.
    Source: Ba et al., Layer normalization (2016)."""
    check_floats("LayerNorm", data, gamma, beta)
    if not -data.ndim <= axis < data.ndim:
        raise ShapeError(
            f"Channel axis out of range: axis={axis}, for data of shape {list(data.shape)}, in operator LayerNorm"
        )
    axis %= data.ndim
    shape = per_channel(data.shape, axis)
    check_shape("LayerNorm", "gamma", gamma, (data.shape[axis],))
    check_shape("LayerNorm", "beta", beta, (data.shape[axis],))
    out, mean, var = normalized(data, gamma.reshape(shape), beta.reshape(shape), (axis,), eps)
    return _in_dtype_of(data, out, mean, np.sqrt(var + eps))


def _in_dtype_of(data, *arrays):
    return tuple(x.astype(data.dtype, copy=False) for x in arrays)


@layer_norm.infers
def _(shapes, attrs):
    data, axis = shapes.ins[0], attrs["axis"]
    like_data(shapes, attrs)
    if data is None or not -len(data) <= axis < len(data):
        return
    for position in (1, 2):
        shapes.input(position, (data[axis],))
        shapes.output((*data[: axis % len(data)], 1, *data[axis % len(data) + 1 :]), position)


@layer_norm.joint_gradient
def _(F, g, data, gamma, mean, std, axis, eps):
    axis %= len(data.shape)
    along = F.reshape(gamma, shape=per_channel(data.shape, axis))
    dx, dgamma, dbeta = F._backward_norm(g[0], data, along, mean, 1 / std, axes=(axis,), eps=eps)
    return dx, F.reshape(dgamma, shape=gamma.shape), F.reshape(dbeta, shape=gamma.shape)


@operator("GroupNorm", outputs=("output", "mean", "std"), visible=with_mean_and_deviation)
def group_norm(data, gamma, beta, *, num_groups: int = 1, eps: float = 1e-5, output_mean_var: bool = False):
    """(data - mean) / sqrt(var + eps) * gamma + beta, with mean and variance over each group of channels of a sample.

    data (batch, channels, ...): 3 axes at least, floating point. gamma, beta: (num_groups,), same dtype. Output: shape
    and dtype of `data`; with `output_mean_var` also mean and sqrt(var + eps), (batch, num_groups).
    Source: Wu and He, Group normalization (2018)."""
    check_floats("GroupNorm", data, gamma, beta)
    if data.ndim < 3 or num_groups < 1 or data.shape[1] % num_groups:
        raise ShapeError(
            f"GroupNorm needs data of 3 axes at least, whose # of channels must be divisible by # of groups, but got "
            f"shape {list(data.shape)} and num_groups={num_groups}"
        )
    check_shape("GroupNorm", "gamma", gamma, (num_groups,))
    check_shape("GroupNorm", "beta", beta, (num_groups,))
    groups, shape = _groups(data.shape, num_groups), (1, num_groups, 1)
    out, mean, var = normalized(data.reshape(groups), gamma.reshape(shape), beta.reshape(shape), (2,), eps)
    return _in_dtype_of(data, out.reshape(data.shape), mean[:, :, 0], np.sqrt(var + eps)[:, :, 0])


def _groups(shape, num_groups):
    return (shape[0], num_groups, math.prod(shape[1:]) // num_groups)


@group_norm.infers
def _(shapes, attrs):
    like_data(shapes, attrs)
    groups = attrs["num_groups"]
    for position in (1, 2):
        shapes.input(position, (groups,))
        if shapes.ins[0] is not None:
            shapes.output((shapes.ins[0][0], groups), position)


@group_norm.joint_gradient
def _(F, g, data, gamma, mean, std, num_groups, eps):
    groups = _groups(data.shape, num_groups)
    g, x, along = F.reshape(g[0], shape=groups), F.reshape(data, shape=groups), F.reshape(gamma, shape=(1, -1, 1))
    mean, rstd = F.reshape(mean, shape=(*groups[:2], 1)), F.reshape(1 / std, shape=(*groups[:2], 1))
    dx, dgamma, dbeta = F._backward_norm(g, x, along, mean, rstd, axes=(2,), eps=eps)
    return tuple(F.reshape(d, shape=s) for d, s in ((dx, data.shape), (dgamma, gamma.shape), (dbeta, gamma.shape)))


@operator("InstanceNorm", outputs=("output", "mean", "std"), visible=1)
def instance_norm(data, gamma, beta, *, eps: float = 1e-3):
    """(data - mean) / sqrt(var + eps) * gamma + beta, with mean and variance over each channel of a sample.

    data (batch, channels, ...): 3 axes at least, floating point. gamma, beta: (channels,), same dtype. Output: shape
    and dtype of `data`. Source: Ulyanov et al., Instance normalization (2016)."""
    check_floats("InstanceNorm", data, gamma, beta)
    if data.ndim < 3:
        raise ShapeError(f"InstanceNorm only supports input tensors of rank >= 3, but got shape {list(data.shape)}")
    check_shape("InstanceNorm", "gamma", gamma, data.shape[1:2])
    check_shape("InstanceNorm", "beta", beta, data.shape[1:2])
    shape, axes = per_channel(data.shape, 1), tuple(range(2, data.ndim))
    out, mean, var = normalized(data, gamma.reshape(shape), beta.reshape(shape), axes, eps)
    return _in_dtype_of(data, out, mean, np.sqrt(var + eps))


instance_norm.infers(channelwise(1, 1, 2))


@instance_norm.joint_gradient
def _(F, g, data, gamma, mean, std, eps):
    along, axes = F.reshape(gamma, shape=per_channel(data.shape, 1)), tuple(range(2, len(data.shape)))
    dx, dgamma, dbeta = F._backward_norm(g[0], data, along, mean, 1 / std, axes=axes, eps=eps)
    return dx, F.reshape(dgamma, shape=gamma.shape), F.reshape(dbeta, shape=gamma.shape)


# -- L2Normalization and LRN -------------------------------------------------------------------------------------


def _norm_axes(ndim, mode):
    if mode == "instance":
        return tuple(range(1, ndim))
    return (1,) if mode == "channel" else tuple(range(2, ndim))


@operator("L2Normalization", shape="same or refused")
def l2_normalization(data, *, eps: float = 1e-10, mode: Choice("channel", "instance", "spatial") = "instance"):
    """data / sqrt(sum of squares + eps).

    mode: which elements are summed: those of an instance (all axes but the first), those of all channels at one
    position (axis 1), or those of one channel (axes 2 and up; both need 3 axes). Output: shape and dtype of `data`."""
    check_floats("L2Normalization", data)
    if mode != "instance" and data.ndim < 3:
        raise ShapeError(
            f"At lease 3 dimensions required in {mode} mode, but got shape {list(data.shape)}, in operator "
            f"L2Normalization"
        )
    x, axes = widened(data), _norm_axes(data.ndim, mode)
    squares = sums([a for a in range(data.ndim) if a not in axes], x, x)
    return (x / np.sqrt(squares + eps)).astype(data.dtype, copy=False)


@l2_normalization.gradient
def _(F, g, data, out, eps, mode):
    axes = _norm_axes(len(data.shape), mode)

    def total(x):
        return F.sum(x, axis=axes, keepdims=True) if axes else x

    return (g - out * total(g * out)) / F.sqrt(total(F.square(data)) + eps)


@operator("_channel_window_sum")
def channel_window_sum(data, *, nsize: int):
    """The sum over the `nsize` channels (axis 1) around each; channels beyond the ends count as 0."""
    out = data.copy()
    for shift in range(1, nsize // 2 + 1):
        out[:, shift:] += data[:, :-shift]
        out[:, :-shift] += data[:, shift:]
    return out


@channel_window_sum.gradient
def _(F, g, nsize):
    return F._channel_window_sum(g, nsize=nsize)


@operator("LRN")
def lrn(data, *, alpha: float = 1e-4, beta: float = 0.75, knorm: float = 2.0, nsize: int):
    """data / (knorm + alpha / nsize * sum of squares over `nsize` neighbouring channels) ** beta.

    data: (batch, channels, height, width), floating point. nsize: odd, at most the number of channels. Output: shape
    and dtype of `data`. Source: Krizhevsky et al., ImageNet classification (2012), section 3.3."""
    check_floats("LRN", data)
    if data.ndim != 4:
        raise ShapeError(f"LRN needs data of 4 axes (batch, channels, height, width), but got {list(data.shape)}")
    if nsize % 2 != 1 or not 0 < nsize <= data.shape[1]:
        raise ShapeError(
            f"LRN only supports odd values for local_size, up to the number of channels, but got nsize={nsize} for "
            f"data of shape {list(data.shape)}"
        )
    x = widened(data)
    norm = channel_window_sum.forward(x * x, nsize=nsize)
    norm *= alpha / nsize
    norm += knorm
    np.power(norm, -beta, out=norm)
    norm *= x
    return norm.astype(data.dtype, copy=False)


@lrn.gradient
def _(F, g, data, alpha, beta, knorm, nsize):
    norm = F._channel_window_sum(data * data, nsize=nsize) * (alpha / nsize) + knorm
    power = norm**-beta
    return g * power - data * F._channel_window_sum(g * data * power / norm, nsize=nsize) * (2 * alpha * beta / nsize)


lrn.infers(like_data)

"""BatchNorm and its variants."""

import functools

import numpy as np

from ..attributes import Maybe
from ..errors import ShapeError
from ..inference import channelwise
from ..registry import operator
from .common import widened
from .nn import check_floats, check_shape
from .norm import normalized, per_channel, with_mean_and_deviation


def _batch_norm(name, data, gamma, beta, moving_mean, moving_var, eps, momentum, fix_gamma, use_batch, axis):
    """Output, mean and variance; updates the moving ones if the batch's are used."""
    check_floats(name, data)
    if not -data.ndim <= axis < data.ndim:
        raise ShapeError(f"Channel axis out of range: {axis}, for data of shape {list(data.shape)}, in operator {name}")
    axis %= data.ndim
    dtype = np.dtype(np.float32) if data.dtype == np.float16 else data.dtype
    given = {"gamma": gamma, "beta": beta, "moving_mean": moving_mean, "moving_var": moving_var}
    for argument, array in given.items():
        if array.dtype != dtype:
            raise ShapeError(
                f"This layer requires uniform type. Expected '{dtype}' v.s. given '{array.dtype}' at '{argument}', "
                f"in operator {name}"
            )
        check_shape(name, argument, array, (data.shape[axis],))
    if fix_gamma:
        gamma[...] = 1
    shape = per_channel(data.shape, axis)
    gamma, beta = gamma.reshape(shape), beta.reshape(shape)
    if use_batch:
        axes = [a for a in range(data.ndim) if a != axis]
        out, mean, var = normalized(data, gamma, beta, axes, eps)
        mean, var = mean.reshape(-1), var.reshape(-1)
        for moving, value in ((moving_mean, mean), (moving_var, var)):
            moving *= momentum
            moving += (1 - momentum) * value
    else:
        mean, var = moving_mean.copy(), moving_var.copy()
        factor = gamma / np.sqrt(var + eps).reshape(shape)
        out = widened(data) * factor
        out += beta - mean.reshape(shape) * factor
    return out.astype(data.dtype, copy=False), mean, var


def _into_batch_norm(F, g, data, gamma, mean, rstd, eps, fix_gamma, use_batch, axis):
    axis %= len(data.shape)
    shape = per_channel(data.shape, axis)
    vectors = [F.reshape(x, shape=shape) for x in (F.BlockGrad(gamma) if fix_gamma else gamma, mean, rstd)]
    axes = tuple(a for a in range(len(shape)) if a != axis)
    dx, dgamma, dbeta = F._backward_norm(g[0], data, *vectors, axes=axes, eps=eps, constant=not use_batch)
    dgamma = gamma * 0 if fix_gamma else F.reshape(dgamma, shape=gamma.shape)
    return dx, dgamma, F.reshape(dbeta, shape=gamma.shape), None, None


normalisation = functools.partial(
    operator,
    outputs=("output", "mean", "var"),
    visible=with_mean_and_deviation,
    mutates=("gamma", "moving_mean", "moving_var"),
    train=True,
)


def _declare(name, relu, doc):
    @normalisation(name)
    def row(
        data,
        gamma,
        beta,
        moving_mean,
        moving_var,
        *,
        eps: float = 0.0010000000474974513,  # 1e-3 in float32
        momentum: float = 0.9,
        fix_gamma: bool = True,
        use_global_stats: bool = False,
        output_mean_var: bool = False,
        axis: int = 1,
        cudnn_off: bool = False,
        min_calib_range: Maybe(float) = None,
        max_calib_range: Maybe(float) = None,
        train: bool = False,
    ):
        use_batch = train and not use_global_stats
        inputs = (data, gamma, beta, moving_mean, moving_var)
        out, mean, var = _batch_norm(name, *inputs, eps, momentum, fix_gamma, use_batch, axis)
        return np.maximum(out, 0) if relu else out, mean, 1 / np.sqrt(var + eps)

    row.forward.__doc__ = doc
    return row


batch_norm = _declare(
    "BatchNorm",
    False,
    """(data - mean) / sqrt(var + eps) * gamma + beta for each channel (`axis`).

    In training, mean and variance are the batch's (over all other axes), and moving_mean and moving_var become
    `momentum` times themselves plus the rest of the batch's, at once. Otherwise, or with `use_global_stats`, they are
    the moving ones. fix_gamma: set gamma to 1 and give it no gradient.
    data: any shape, floating point; the others (channels,), of its dtype, float32 for float16. Output: shape and dtype
    of `data`; with `output_mean_var` also mean and 1 / sqrt(var + eps). cudnn_off and the calib ranges have no effect.
    Source: Ioffe and Szegedy, Batch normalization (2015).""",
)


@batch_norm.joint_gradient
def _(F, g, data, gamma, mean, var, eps, fix_gamma, use_global_stats, axis, train):
    return _into_batch_norm(F, g, data, gamma, mean, var, eps, fix_gamma, train and not use_global_stats, axis)


def _into_variant(F, g, data, gamma, mean, var, eps, fix_gamma, use_global_stats, train):
    use_batch = train and not use_global_stats
    return _into_batch_norm(F, g, data, gamma, mean, F.rsqrt(var + eps), eps, fix_gamma, use_batch, 1)


@normalisation("BatchNorm_v1")
def batch_norm_v1(
    data,
    gamma,
    beta,
    moving_mean,
    moving_var,
    *,
    eps: float = 1e-3,
    momentum: float = 0.9,
    fix_gamma: bool = True,
    use_global_stats: bool = False,
    output_mean_var: bool = False,
    train: bool = False,
):
    """BatchNorm over axis 1, as old symbol files name it; `output_mean_var` gives the variance itself."""
    use_batch = train and not use_global_stats
    inputs = (data, gamma, beta, moving_mean, moving_var)
    return _batch_norm("BatchNorm_v1", *inputs, eps, momentum, fix_gamma, use_batch, 1)


batch_norm_v1.joint_gradient(_into_variant)


@normalisation("_contrib_SyncBatchNorm")
def sync_batch_norm(
    data,
    gamma,
    beta,
    moving_mean,
    moving_var,
    *,
    eps: float = 1e-3,
    momentum: float = 0.9,
    fix_gamma: bool = True,
    use_global_stats: bool = False,
    output_mean_var: bool = False,
    ndev: int = 1,
    key: str,
    train: bool = False,
):
    """BatchNorm over axis 1; `output_mean_var` gives the variance itself.

    ndev, key: which devices MXNet averages over. Here the whole batch is on one, so they have no effect."""
    use_batch = train and not use_global_stats
    inputs = (data, gamma, beta, moving_mean, moving_var)
    return _batch_norm("_contrib_SyncBatchNorm", *inputs, eps, momentum, fix_gamma, use_batch, 1)


sync_batch_norm.joint_gradient(_into_variant)


batch_norm_with_relu = _declare("_contrib_BatchNormWithReLU", True, "BatchNorm, then 0 for what is negative.")


@batch_norm_with_relu.joint_gradient
def _(F, g, data, gamma, output, mean, var, eps, fix_gamma, use_global_stats, axis, train):
    g = [g[0] * F._greater_scalar(output, scalar=0), *g[1:]]
    return _into_batch_norm(F, g, data, gamma, mean, var, eps, fix_gamma, train and not use_global_stats, axis)


MOVING = {"moving_mean": {"__init__": '["zero", {}]'}, "moving_var": {"__init__": '["one", {}]'}}

for _row, _axis in ((batch_norm, None), (batch_norm_with_relu, None), (batch_norm_v1, 1), (sync_batch_norm, 1)):
    _row.infers(channelwise(_axis, 1, 2, 3, 4))
    _row.makes_variables(**MOVING)

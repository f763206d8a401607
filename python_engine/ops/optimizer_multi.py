"""Update rules of optimizers for many arrays in one call, and what training asks of many arrays.

The inputs of an update come weight by weight: its gradient, states and (`multi_mp_`) float32 copy follow each weight.
`num_weights` counts the weights and the outputs, which are the new weights; lrs, wds ... have an element for each. The
rules are those of optimizer.py.
"""

from math import sqrt

import numpy as np

from ..attributes import Floats, Shape
from ..errors import ArgumentError, ShapeError
from ..registry import operator
from .optimizer import (
    adamw,
    check_floats,
    check_master,
    check_update,
    decayed,
    descend,
    descend_with_momentum,
    keep,
    lamb_direction,
    rescaled,
    trust_ratio,
    usable_scale,
)


def _groups(name, data, count, width, extra=0, check=check_update):
    """The inputs of each weight, all checked; ArgumentError unless they are `count` times `width`, and `extra` ones."""
    if count < 1 or len(data) != count * width + extra:
        raise ArgumentError(
            f"Check failed: num_inputs == infered_num_inputs ({len(data)} vs. {count * width + extra}) : "
            f"Operator {name} expects {count * width + extra} inputs, but got {len(data)} instead."
        )
    groups = [data[i : i + width] for i in range(0, count * width, width)]
    for group in groups:
        check(name, *group)
    return groups


def _check_lists(name, count, **lists):
    for argument, values in lists.items():
        if len(values) != count:
            raise ArgumentError(
                f"{name} takes {count} numbers as {argument}, one for each weight, but got {len(values)}"
            )


def _sgd(groups, lrs, wds, momentum, rescale_grad, clip_gradient, mixed):
    """Descent by each group's gradient: with momentum unless that is None, through weight32 if `mixed`."""
    new = []
    for group, lr, wd in zip(groups, lrs, wds, strict=True):
        weight, grad, *states = group
        base = states[-1] if mixed else weight
        g = decayed(rescaled(grad, rescale_grad, clip_gradient, base.dtype), wd, base)
        if momentum is None:
            descend(base, g, lr)
        else:
            descend_with_momentum(base, g, states[0], lr, momentum)
        new.append(keep(g, base, weight) if mixed else g)
    return new


@operator("multi_sgd_update", outputs="num_weights")
def multi_sgd_update(
    *data, lrs: Floats, wds: Floats, rescale_grad: float = 1.0, clip_gradient: float = -1.0, num_weights: int = 1
):
    """sgd_update of many weights. data: weight, grad for each."""
    _check_lists("multi_sgd_update", num_weights, lrs=lrs, wds=wds)
    groups = _groups("multi_sgd_update", data, num_weights, 2)
    return _sgd(groups, lrs, wds, None, rescale_grad, clip_gradient, False)


@operator("multi_sgd_mom_update", outputs="num_weights", mutates=("data",))
def multi_sgd_mom_update(
    *data, lrs: Floats, wds: Floats, momentum: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
    num_weights: int = 1,
):  # fmt: skip
    """sgd_mom_update of many weights. data: weight, grad, mom for each."""
    _check_lists("multi_sgd_mom_update", num_weights, lrs=lrs, wds=wds)
    groups = _groups("multi_sgd_mom_update", data, num_weights, 3)
    return _sgd(groups, lrs, wds, momentum, rescale_grad, clip_gradient, False)


@operator("multi_mp_sgd_update", outputs="num_weights", mutates=("data",))
def multi_mp_sgd_update(
    *data, lrs: Floats, wds: Floats, rescale_grad: float = 1.0, clip_gradient: float = -1.0, num_weights: int = 1
):
    """mp_sgd_update of many weights. data: weight, grad, weight32 for each."""
    _check_lists("multi_mp_sgd_update", num_weights, lrs=lrs, wds=wds)
    groups = _groups("multi_mp_sgd_update", data, num_weights, 3, check=check_master)
    return _sgd(groups, lrs, wds, None, rescale_grad, clip_gradient, True)


@operator("multi_mp_sgd_mom_update", outputs="num_weights", mutates=("data",))
def multi_mp_sgd_mom_update(
    *data, lrs: Floats, wds: Floats, momentum: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
    num_weights: int = 1,
):  # fmt: skip
    """mp_sgd_mom_update of many weights. data: weight, grad, mom, weight32 for each."""
    _check_lists("multi_mp_sgd_mom_update", num_weights, lrs=lrs, wds=wds)
    groups = _groups("multi_mp_sgd_mom_update", data, num_weights, 4, check=check_master)
    return _sgd(groups, lrs, wds, momentum, rescale_grad, clip_gradient, True)


def _preloaded(name, data, count, width, check=check_update):
    """The groups, and the rates and decays that follow them as two arrays."""
    groups = _groups(name, data, count, width, 2, check)
    for argument, x in zip(("lrs", "wds"), data[-2:], strict=True):
        if x.shape != (count,):
            raise ShapeError(f"{name} takes {argument} as an array of shape [{count}], but got {list(x.shape)}")
    return groups, data[-2].tolist(), data[-1].tolist()


@operator("preloaded_multi_sgd_update", outputs="num_weights")
def preloaded_multi_sgd_update(
    *data, rescale_grad: float = 1.0, clip_gradient: float = -1.0, num_weights: int = 1
):  # fmt: skip
    """multi_sgd_update whose lrs and wds are arrays of shape (num_weights,), the last two inputs."""
    name = "preloaded_multi_sgd_update"
    groups, lrs, wds = _preloaded(name, data, num_weights, 2)
    return _sgd(groups, lrs, wds, None, rescale_grad, clip_gradient, False)


@operator("preloaded_multi_sgd_mom_update", outputs="num_weights", mutates=("data",))
def preloaded_multi_sgd_mom_update(
    *data, momentum: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0, num_weights: int = 1
):
    """multi_sgd_mom_update whose lrs and wds are arrays of shape (num_weights,), the last two inputs."""
    name = "preloaded_multi_sgd_mom_update"
    groups, lrs, wds = _preloaded(name, data, num_weights, 3)
    return _sgd(groups, lrs, wds, momentum, rescale_grad, clip_gradient, False)


@operator("preloaded_multi_mp_sgd_update", outputs="num_weights", mutates=("data",))
def preloaded_multi_mp_sgd_update(
    *data, rescale_grad: float = 1.0, clip_gradient: float = -1.0, num_weights: int = 1
):  # fmt: skip
    """multi_mp_sgd_update whose lrs and wds are arrays of shape (num_weights,), the last two inputs."""
    name = "preloaded_multi_mp_sgd_update"
    groups, lrs, wds = _preloaded(name, data, num_weights, 3, check_master)
    return _sgd(groups, lrs, wds, None, rescale_grad, clip_gradient, True)


@operator("preloaded_multi_mp_sgd_mom_update", outputs="num_weights", mutates=("data",))
def preloaded_multi_mp_sgd_mom_update(
    *data, momentum: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0, num_weights: int = 1
):
    """multi_mp_sgd_mom_update whose lrs and wds are arrays of shape (num_weights,), the last two inputs."""
    name = "preloaded_multi_mp_sgd_mom_update"
    groups, lrs, wds = _preloaded(name, data, num_weights, 4, check_master)
    return _sgd(groups, lrs, wds, momentum, rescale_grad, clip_gradient, True)


def _declare_adamw(name, mixed, doc):
    @operator(name, outputs="num_weights", mutates=("data",))
    def update(
        *data, lrs: Floats, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, wds: Floats, etas: Floats,
        clip_gradient: float = -1.0, num_weights: int = 1,
    ):  # fmt: skip
        _check_lists(name, num_weights, lrs=lrs, wds=wds, etas=etas)
        groups = _groups(name, data, num_weights, 5 if mixed else 4, 1, check_master if mixed else check_update)
        scale, new = usable_scale(name, data[-1]), []
        for group, lr, wd, eta in zip(groups, lrs, wds, etas, strict=True):
            weight, grad, mean, var, *rest = group
            if scale is None:
                new.append(weight.copy())
                continue
            base = rest[0] if mixed else weight
            g = rescaled(grad, scale, clip_gradient, base.dtype)
            adamw(base, g, mean, var, lr, eta, beta1, beta2, epsilon, wd)
            new.append(keep(g, base, weight) if mixed else g)
        return new

    update.forward.__doc__ = doc


_declare_adamw(
    "_multi_adamw_update", False,
    "_adamw_update of many weights. data: weight, grad, mean, var for each, then one rescale_grad of shape (1,).\n\n"
    "The gradients stay as they are.",
)  # fmt: skip
_declare_adamw(
    "_multi_mp_adamw_update", True,
    "_mp_adamw_update of many weights. data: weight, grad, mean, var, weight32 for each, then one rescale_grad.",
)  # fmt: skip


def _sum_sq(x):
    x = x.ravel().astype(np.float32) if x.dtype.itemsize == 2 else x.ravel()
    return float(np.dot(x, x))


def _declare_lamb(name, mixed, doc):
    @operator(name, outputs="num_tensors", mutates=("data",))
    def update(
        *data, learning_rates: Floats, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-6, wds: Floats,
        rescale_grad: float = 1.0, lower_bound: float = -1.0, upper_bound: float = -1.0, clip_gradient: float = -1.0,
        bias_correction: bool = True, step_count: Shape, num_tensors: int = 1,
    ):  # fmt: skip
        _check_lists(name, num_tensors, learning_rates=learning_rates, wds=wds, step_count=step_count)
        groups = _groups(name, data, num_tensors, 5 if mixed else 4, 0, check_master if mixed else check_update)
        new = []
        for group, lr, wd, t in zip(groups, learning_rates, wds, step_count, strict=True):
            weight, grad, mean, var, *rest = group
            base = rest[0] if mixed else weight
            g = rescaled(grad, rescale_grad, clip_gradient, base.dtype)
            lamb_direction(base, g, mean, var, beta1, beta2, epsilon, t, bias_correction, wd)
            norms = sqrt(_sum_sq(weight)), sqrt(_sum_sq(g))
            descend(base, g, lr * trust_ratio(*norms, lower_bound, upper_bound))
            new.append(keep(g, base, weight) if mixed else g)
        return new

    update.forward.__doc__ = doc


_declare_lamb(
    "_multi_lamb_update", False,
    "Both phases of LAMB for many weights. data: weight, grad, mean, var for each; step_count: the step of each.",
)  # fmt: skip
_declare_lamb(
    "_multi_mp_lamb_update", True,
    "_multi_lamb_update of float16 weights. data: weight, grad, mean, var, weight32 for each.",
)  # fmt: skip


@operator("multi_lars", shape="equal")
def multi_lars(lrs, weights_sum_sq, grads_sum_sq, wds, *, eta: float, eps: float, rescale_grad: float = 1.0):
    """The learning rates of LARS: lr * eta * |w| / (|g| + wd * |w| + eps), or lr where a norm is 0.

    All inputs have one shape, an element for each layer; the sums of squares are those of the weights, and of the
    gradients before `rescale_grad`.
    Source: You, Gitman and Ginsburg, Large batch training of convolutional networks (2017)."""
    check_update("multi_lars", lrs, weights_sum_sq, grads_sum_sq, wds)
    w, g = np.sqrt(weights_sum_sq), np.sqrt(grads_sum_sq)
    g *= rescale_grad
    ratio = eta * w / (g + wds * w + eps)
    return np.where((w > 0) & (g > 0), lrs * ratio, lrs)


@operator("multi_sum_sq")
def multi_sum_sq(*data, num_arrays: int):
    """The sum of squares of each of the `num_arrays` arrays. Output: (num_arrays,) float32."""
    _groups("multi_sum_sq", data, num_arrays, 1, check=check_floats)
    return np.array([_sum_sq(x) for x in data], np.float32)


def _all_finite(name, data, init_output):
    if not init_output:
        raise ArgumentError(
            f"{name} with init_output=False would add to what its destination holds, which no operator can see here: "
            "give all arrays to one call of multi_all_finite"
        )
    return np.array([all(np.isfinite(x).all() for x in data)], np.float32)


@operator("all_finite")
def all_finite(data, *, init_output: bool = True):
    """1 if no element is infinite or NaN, else 0. Output: (1,) float32.

    init_output: must be true (see multi_all_finite for several arrays)."""
    check_floats("all_finite", data)
    return _all_finite("all_finite", [data], init_output)


@operator("multi_all_finite")
def multi_all_finite(*data, num_arrays: int = 1, init_output: bool = True):
    """1 if no element of the `num_arrays` arrays is infinite or NaN, else 0. Output: (1,) float32.

    init_output: must be true."""
    _groups("multi_all_finite", data, num_arrays, 1, check=check_floats)
    return _all_finite("multi_all_finite", data, init_output)


@operator("reset_arrays", outputs=(), mutates=("data",))
def reset_arrays(*data, num_arrays: int):
    """Set the `num_arrays` arrays to zero, in place. No output."""
    _groups("reset_arrays", data, num_arrays, 1, check=lambda name, x: None)
    for x in data:
        x[...] = 0
    return ()

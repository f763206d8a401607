"""Update rules of optimizers, one array at a time; optimizer_multi.py has those of many arrays.

Each takes a weight and its gradient, writes the new state into the state arrays it is given, and returns the new
weight as an array of its own: a caller who wants the weight itself updated passes it as the destination. All arrays of
a rule have the shape of the weight and its floating point dtype. With a float16 weight, the `mp_` rules compute on a
float32 copy of it, `weight32`, which they update as well; their states are float32.

Attributes that all share: `lr` learning rate; `wd` weight decay (L2 penalty); `rescale_grad` multiplies the gradient,
which is then limited to [-clip_gradient, clip_gradient] unless `clip_gradient` is negative. `lazy_update` concerns
gradients with absent rows only. No update has a derivative.
"""

import numpy as np

from ..blas import axpby
from ..errors import ShapeError
from ..registry import operator


def check_floats(name, x):
    """Updates are computed on floating point arrays only."""
    if x.dtype.kind != "f":
        raise ShapeError(f'This operation only support floating point types, not {x.dtype} in operator {name}(name="")')


def check_update(name, weight, *others, dtype=None):
    """Refuse gradients and states that have not the shape of the weight, and its dtype or `dtype`."""
    check_floats(name, weight)
    dtype = weight.dtype if dtype is None else np.dtype(dtype)
    for position, x in enumerate(others, 1):
        if x.shape != weight.shape or x.dtype != dtype:
            kind = x.shape != weight.shape
            expected, got = (list(weight.shape), list(x.shape)) if kind else (dtype, x.dtype)
            raise ShapeError(
                f"Incompatible attr in node  at {position}-th input: expected {expected}, got {got} "
                f'in operator {name}(name="")'
            )


def check_master(name, weight, grad, *others):
    """As check_update, for a rule whose states and copy of the weight are float32."""
    check_update(name, weight, grad)
    check_update(name, weight, *others, dtype=np.float32)


def rescaled(grad, rescale_grad, clip_gradient, dtype):
    """The gradient as a fresh array of `dtype`: rescaled, then clipped."""
    return clipped(np.multiply(grad, rescale_grad, dtype=dtype), clip_gradient)


def clipped(g, limit):
    """`g`, limited in place to [-limit, limit] unless `limit` is negative."""
    if limit >= 0:
        np.minimum(g, limit, out=g)
        np.maximum(g, -limit, out=g)
    return g


def decayed(g, wd, weight):
    """`g`, to which wd * weight is added in place."""
    if wd:
        axpby(wd, weight, 1, g)
    return g


def descend(weight, g, lr):
    """weight - lr * g, in the memory of `g`."""
    axpby(1, weight, -lr, g)
    return g


def descend_with_momentum(weight, g, mom, lr, momentum):
    """weight + mom, in the memory of `g`, once mom = momentum * mom - lr * g."""
    axpby(-lr, g, momentum, mom)
    return np.add(weight, mom, out=g)


def update_moments(g, mean, var, beta1, beta2):
    """Moving averages of the gradient and of its square, in place. What `g` holds afterwards means nothing."""
    axpby(1 - beta1, g, beta1, mean)
    np.square(g, out=g)
    axpby(1 - beta2, g, beta2, var)


def moment_ratio(g, mean, var, epsilon):
    """mean / (sqrt(var) + epsilon), in the memory of `g`."""
    np.sqrt(var, out=g)
    g += epsilon
    return np.divide(mean, g, out=g)


def keep(new, weight32, weight):
    """`new` stored in the float32 copy, and returned in the weight's dtype."""
    weight32[...] = new
    return new.astype(weight.dtype)


@operator("sgd_update", "_sparse_sgd_update", shape="equal")
def sgd_update(
    weight, grad, *, lr: float, wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
    lazy_update: bool = True, out=None,
):  # fmt: skip
    """Gradient descent: weight - lr * (grad + wd * weight)."""
    check_update("sgd_update", weight, grad)
    if clip_gradient >= 0:
        grad, rescale_grad = rescaled(grad, rescale_grad, clip_gradient, weight.dtype), 1
    new = weight if out is weight else weight.copy()
    axpby(-lr * rescale_grad, grad, 1 - lr * wd, new)
    return new


@operator("sgd_mom_update", "_sparse_sgd_mom_update", shape="equal", mutates=("mom",))
def sgd_mom_update(
    weight, grad, mom, *, lr: float, momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
    clip_gradient: float = -1.0, lazy_update: bool = True, out=None,
):  # fmt: skip
    """Gradient descent with momentum: mom = momentum * mom - lr * (grad + wd * weight); weight + mom."""
    check_update("sgd_mom_update", weight, grad, mom)
    if clip_gradient >= 0:
        grad, rescale_grad = rescaled(grad, rescale_grad, clip_gradient, weight.dtype), 1
    axpby(-lr * rescale_grad, grad, momentum, mom)
    if wd:
        axpby(-lr * wd, weight, 1, mom)
    return np.add(weight, mom, out=out)


@operator("mp_sgd_update", mutates=("weight32",))
def mp_sgd_update(
    weight, grad, weight32, *, lr: float, wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
    lazy_update: bool = True,
):  # fmt: skip
    """sgd_update of a float16 weight through its float32 copy."""
    check_master("mp_sgd_update", weight, grad, weight32)
    g = decayed(rescaled(grad, rescale_grad, clip_gradient, np.float32), wd, weight32)
    return keep(descend(weight32, g, lr), weight32, weight)


@operator("mp_sgd_mom_update", mutates=("mom", "weight32"))
def mp_sgd_mom_update(
    weight, grad, mom, weight32, *, lr: float, momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
    clip_gradient: float = -1.0, lazy_update: bool = True,
):  # fmt: skip
    """sgd_mom_update of a float16 weight through its float32 copy."""
    check_master("mp_sgd_mom_update", weight, grad, mom, weight32)
    g = decayed(rescaled(grad, rescale_grad, clip_gradient, np.float32), wd, weight32)
    return keep(descend_with_momentum(weight32, g, mom, lr, momentum), weight32, weight)


def _nesterov(weight, g, mom, lr, momentum):
    g *= lr
    axpby(-1, g, momentum, mom)
    np.subtract(weight, g, out=g)
    axpby(momentum, mom, 1, g)
    return g


@operator("nag_mom_update", shape="equal", mutates=("mom",))
def nag_mom_update(
    weight, grad, mom, *, lr: float, momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
    clip_gradient: float = -1.0,
):  # fmt: skip
    """Nesterov's accelerated gradient: mom = momentum * mom - step; weight + momentum * mom - step,
    where step = lr * (grad + wd * weight).

    Source: Sutskever et al., On the importance of initialization and momentum in deep learning (2013)."""
    check_update("nag_mom_update", weight, grad, mom)
    g = decayed(rescaled(grad, rescale_grad, clip_gradient, weight.dtype), wd, weight)
    return _nesterov(weight, g, mom, lr, momentum)


@operator("mp_nag_mom_update", mutates=("mom", "weight32"))
def mp_nag_mom_update(
    weight, grad, mom, weight32, *, lr: float, momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
    clip_gradient: float = -1.0,
):  # fmt: skip
    """nag_mom_update of a float16 weight through its float32 copy."""
    check_master("mp_nag_mom_update", weight, grad, mom, weight32)
    g = decayed(rescaled(grad, rescale_grad, clip_gradient, np.float32), wd, weight32)
    return keep(_nesterov(weight32, g, mom, lr, momentum), weight32, weight)


@operator("signsgd_update", shape="equal")
def signsgd_update(
    weight, grad, *, lr: float, wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
):  # fmt: skip
    """Gradient descent by sign alone: (1 - lr * wd) * weight - lr * sign(grad).

    Source: Bernstein et al., signSGD (2018)."""
    check_update("signsgd_update", weight, grad)
    g = rescaled(grad, rescale_grad, clip_gradient, weight.dtype)
    return descend((1 - lr * wd) * weight, np.sign(g, out=g), lr)


@operator("signum_update", shape="equal", mutates=("mom",))
def signum_update(
    weight, grad, mom, *, lr: float, momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
    clip_gradient: float = -1.0, wd_lh: float = 0.0,
):  # fmt: skip
    """Descent by the sign of the momentum: mom = momentum * mom - (1 - momentum) * (grad + wd * weight);
    (1 - lr * wd_lh) * weight + lr * sign(mom).

    wd_lh: weight decay apart from the gradient (Loshchilov and Hutter). Source: Bernstein et al., signSGD (2018)."""
    check_update("signum_update", weight, grad, mom)
    g = decayed(rescaled(grad, rescale_grad, clip_gradient, weight.dtype), wd, weight)
    g *= 1 - momentum
    mom *= momentum
    mom -= g
    return descend((1 - lr * wd_lh) * weight, np.sign(mom, out=g), -lr)


@operator("adam_update", "_sparse_adam_update", shape="equal", mutates=("mean", "var"))
def adam_update(
    weight, grad, mean, var, *, lr: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
    wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0, lazy_update: bool = True, out=None,
):  # fmt: skip
    """Adam: moving averages of the gradient and its square; weight - lr * mean / (sqrt(var) + epsilon).

    The gradient with weight decay is clipped as a whole. `lr` is expected to hold the correction of the bias.
    Source: Kingma and Ba, Adam (2015)."""
    check_update("adam_update", weight, grad, mean, var)
    if wd or clip_gradient >= 0 or weight.itemsize < 4:  # whose squares may leave the range of the dtype
        grad = clipped(decayed(rescaled(grad, rescale_grad, -1, weight.dtype), wd, weight), clip_gradient)
        rescale_grad = 1
    axpby((1 - beta1) * rescale_grad, grad, beta1, mean)
    square = np.square(grad)
    axpby((1 - beta2) * rescale_grad * rescale_grad, square, beta2, var)
    new = weight if out is weight else weight.copy()
    axpby(-lr, moment_ratio(square, mean, var, epsilon), 1, new)
    return new


@operator("ftml_update", shape="equal", mutates=("d", "v", "z"))
def ftml_update(
    weight, grad, d, v, z, *, lr: float, beta1: float = 0.6, beta2: float = 0.999,
    epsilon: float = 9.99999993922529e-09, t: int, wd: float = 0.0, rescale_grad: float = 1.0, clip_grad: float = -1.0,
):  # fmt: skip
    """Follow the moving leader, step `t` (from 1): v averages the squared gradient, z the gradients less their proximal
    terms; the new weight is -z / d.

    The gradient with weight decay is clipped as a whole.
    Source: Zheng and Kwok, Follow the moving leader in deep learning (2017)."""
    check_update("ftml_update", weight, grad, d, v, z)
    g = clipped(decayed(rescaled(grad, rescale_grad, -1, weight.dtype), wd, weight), clip_grad)
    v *= beta2
    v += (1 - beta2) * np.square(g)
    new_d = np.sqrt(v / (1 - power(beta2, t)))
    new_d += epsilon
    new_d *= 1 - power(beta1, t)
    new_d /= lr
    z *= beta1
    g *= 1 - beta1
    z += g
    z -= (new_d - beta1 * d) * weight
    d[...] = new_d
    return np.divide(-z, new_d, out=g)


@operator("ftrl_update", "_sparse_ftrl_update", shape="equal", mutates=("z", "n"))
def ftrl_update(
    weight, grad, z, n, *, lr: float, lamda1: float = 0.01, beta: float = 1.0, wd: float = 0.0,
    rescale_grad: float = 1.0, clip_gradient: float = -1.0,
):  # fmt: skip
    """Follow the regularized leader, with an L1 penalty `lamda1` that sets small weights to zero.

    Source: McMahan et al., Ad click prediction: a view from the trenches (2013)."""
    check_update("ftrl_update", weight, grad, z, n)
    g = rescaled(grad, rescale_grad, clip_gradient, weight.dtype)
    root = np.sqrt(n)
    n += np.square(g)
    new_root = np.sqrt(n)
    z += g
    z -= (new_root - root) * weight / lr
    new_root += beta
    new_root /= lr
    new_root += wd
    np.subtract(np.sign(z) * lamda1, z, out=g)
    g /= new_root
    g[np.abs(z) <= lamda1] = 0
    return g


@operator("rmsprop_update", shape="equal", mutates=("n",))
def rmsprop_update(
    weight, grad, n, *, lr: float, gamma1: float = 0.95, epsilon: float = 1e-8, wd: float = 0.0,
    rescale_grad: float = 1.0, clip_gradient: float = -1.0, clip_weights: float = -1.0,
):  # fmt: skip
    """RMSProp: n averages the squared gradient with factor `gamma1`; weight - lr * grad / sqrt(n + epsilon).

    The gradient with weight decay is clipped as a whole; the new weight is limited to [-clip_weights, clip_weights]
    unless that is negative. Source: Tieleman and Hinton, Lecture 6.5 of Neural networks for machine learning (2012)."""
    check_update("rmsprop_update", weight, grad, n)
    g = clipped(decayed(rescaled(grad, rescale_grad, -1, weight.dtype), wd, weight), clip_gradient)
    n *= gamma1
    n += (1 - gamma1) * np.square(g)
    g /= np.sqrt(n + epsilon)
    return clipped(descend(weight, g, lr), clip_weights)


@operator("rmspropalex_update", shape="equal", mutates=("n", "g", "delta"))
def rmspropalex_update(
    weight, grad, n, g, delta, *, lr: float, gamma1: float = 0.95, gamma2: float = 0.9, epsilon: float = 1e-8,
    wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0, clip_weights: float = -1.0,
):  # fmt: skip
    """RMSProp centred by the averaged gradient `g`, with momentum `gamma2`:
    delta = gamma2 * delta - lr * grad / sqrt(n - g² + epsilon); weight + delta.

    The gradient with weight decay is clipped as a whole; the new weight is limited to [-clip_weights, clip_weights]
    unless that is negative. Source: Graves, Generating sequences with recurrent neural networks (2013), (38)-(45)."""
    check_update("rmspropalex_update", weight, grad, n, g, delta)
    step = clipped(decayed(rescaled(grad, rescale_grad, -1, weight.dtype), wd, weight), clip_gradient)
    n *= gamma1
    n += (1 - gamma1) * np.square(step)
    g *= gamma1
    g += (1 - gamma1) * step
    step /= np.sqrt(n - np.square(g) + epsilon)
    return clipped(descend_with_momentum(weight, step, delta, lr, gamma2), clip_weights)


@operator("_sparse_adagrad_update", shape="equal", mutates=("history",))
def adagrad_update(
    weight, grad, history, *, lr: float, epsilon: float = 1e-7, wd: float = 0.0, rescale_grad: float = 1.0,
    clip_gradient: float = -1.0,
):  # fmt: skip
    """AdaGrad: history += grad²; weight - lr * (grad / sqrt(history + epsilon) + wd * weight).

    Source: Duchi, Hazan and Singer, Adaptive subgradient methods (2011)."""
    check_update("_sparse_adagrad_update", weight, grad, history)
    g = rescaled(grad, rescale_grad, clip_gradient, weight.dtype)
    history += np.square(g)
    g /= np.sqrt(history + epsilon)
    return descend(weight, decayed(g, wd, weight), lr)


@operator("_contrib_group_adagrad_update", mutates=("history",))
def group_adagrad_update(
    weight, grad, history, *, lr: float, rescale_grad: float = 1.0, clip_gradient: float = -1.0, epsilon: float = 1e-5,
):  # fmt: skip
    """AdaGrad with one rate for each row, whose history adds up the mean of grad² over the row:
    weight - lr * grad / sqrt(history + epsilon).

    weight, grad: (rows, columns); history: (rows, 1)."""
    check_update("_contrib_group_adagrad_update", weight, grad)
    if weight.ndim != 2 or history.shape != (len(weight), 1) or history.dtype != weight.dtype:
        raise ShapeError(
            "_contrib_group_adagrad_update takes a weight of shape (rows, columns) and a history of shape (rows, 1) in "
            f"its dtype, but got {list(weight.shape)} {weight.dtype} and {list(history.shape)} {history.dtype}"
        )
    g = rescaled(grad, rescale_grad, clip_gradient, weight.dtype)
    history += np.square(g).mean(axis=1, keepdims=True)
    g /= np.sqrt(history + epsilon)
    return descend(weight, g, lr)


def power(beta, t):
    """beta ** t, as a float: infinite where Python would raise an error."""
    return float(np.float64(beta) ** t)


def lamb_direction(weight, g, mean, var, beta1, beta2, epsilon, t, bias_correction, wd):
    """The direction of a LAMB step, in the memory of `g`; the moving averages are updated in place."""
    update_moments(g, mean, var, beta1, beta2)
    if bias_correction:
        np.sqrt(var / (1 - power(beta2, t)), out=g)
        g += epsilon
        np.divide(mean / (1 - power(beta1, t)), g, out=g)
    else:
        moment_ratio(g, mean, var, epsilon)
    return decayed(g, wd, weight)


def trust_ratio(r1, r2, lower_bound, upper_bound):
    """The norm r1 of the weight (within the bounds, negative: none) over that of the direction, 1 if either is 0."""
    if lower_bound >= 0:
        r1 = max(r1, lower_bound)
    if upper_bound >= 0:
        r1 = min(r1, upper_bound)
    return r1 / r2 if r1 and r2 else 1.0


@operator("lamb_update_phase1", shape="equal", mutates=("mean", "var"))
def lamb_update_phase1(
    weight, grad, mean, var, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-6, t: int,
    bias_correction: bool = True, wd: float, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
):  # fmt: skip
    """LAMB, first phase: the direction mean / (sqrt(var) + epsilon) + wd * weight of step `t` (from 1).

    Source: You et al., Large batch optimization for deep learning (2020)."""
    check_update("lamb_update_phase1", weight, grad, mean, var)
    g = rescaled(grad, rescale_grad, clip_gradient, weight.dtype)
    return lamb_direction(weight, g, mean, var, beta1, beta2, epsilon, t, bias_correction, wd)


def _check_norms(name, r1, r2):
    for argument, x in (("r1", r1), ("r2", r2)):
        if x.shape != (1,):
            raise ShapeError(f"{name} takes the norm {argument} as an array of shape [1], but got {list(x.shape)}")


@operator("lamb_update_phase2")
def lamb_update_phase2(weight, g, r1, r2, *, lr: float, lower_bound: float = -1.0, upper_bound: float = -1.0):
    """LAMB, second phase: weight - lr * (r1 / r2) * g, where `g` is the first phase's direction.

    r1, r2: the norms of `weight` and of `g`, shape (1,); the bounds limit r1, unless negative. A norm of 0 makes the
    ratio 1. Source: You et al., Large batch optimization for deep learning (2020)."""
    check_update("lamb_update_phase2", weight, g)
    _check_norms("lamb_update_phase2", r1, r2)
    return descend(weight, g.copy(), lr * trust_ratio(float(r1[0]), float(r2[0]), lower_bound, upper_bound))


@operator("mp_lamb_update_phase1", mutates=("mean", "var"))
def mp_lamb_update_phase1(
    weight, grad, mean, var, weight32, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-6, t: int,
    bias_correction: bool = True, wd: float, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
):  # fmt: skip
    """lamb_update_phase1 of a float16 weight through its float32 copy. Output: float32."""
    check_master("mp_lamb_update_phase1", weight, grad, mean, var, weight32)
    g = rescaled(grad, rescale_grad, clip_gradient, np.float32)
    return lamb_direction(weight32, g, mean, var, beta1, beta2, epsilon, t, bias_correction, wd)


@operator("mp_lamb_update_phase2")
def mp_lamb_update_phase2(
    weight, g, r1, r2, weight32, *, lr: float, lower_bound: float = -1.0, upper_bound: float = -1.0
):
    """lamb_update_phase2 from the float32 copy of a float16 weight; `g` is float32.

    As in MXNet, `weight32` itself is not updated."""
    check_update("mp_lamb_update_phase2", weight, g, weight32, dtype=np.float32)
    _check_norms("mp_lamb_update_phase2", r1, r2)
    rate = lr * trust_ratio(float(r1[0]), float(r2[0]), lower_bound, upper_bound)
    return descend(weight32, g.copy(), rate).astype(weight.dtype)


def adamw(weight, g, mean, var, lr, eta, beta1, beta2, epsilon, wd):
    """weight - eta * (lr * mean / (sqrt(var) + epsilon) + wd * weight), in the memory of `g`."""
    update_moments(g, mean, var, beta1, beta2)
    moment_ratio(g, mean, var, epsilon)
    g *= lr
    return descend(weight, decayed(g, wd, weight), eta)


def usable_scale(name, rescale_grad):
    """The scale that AdamW takes as an array; None where it is 0 or not finite, so that the step is left out."""
    if rescale_grad.size < 1:
        raise ShapeError(f"{name} takes rescale_grad as an array of shape [1], but got {list(rescale_grad.shape)}")
    scale = float(rescale_grad.flat[0])
    return scale if np.isfinite(scale) and scale != 0 else None


@operator("_adamw_update", mutates=("grad", "mean", "var"))
def adamw_update(
    weight, grad, mean, var, rescale_grad, *, lr: float, beta1: float = 0.9, beta2: float = 0.999,
    epsilon: float = 1e-8, wd: float = 0.0, eta: float, clip_gradient: float = -1.0,
):  # fmt: skip
    """Adam with weight decay apart from the gradient; `eta` multiplies the whole step.

    rescale_grad: an array of shape (1,); if it is 0, infinite or NaN, nothing is updated. As in MXNet, the gradient is
    left rescaled and clipped. Source: Loshchilov and Hutter, Decoupled weight decay regularization (2019)."""
    check_update("_adamw_update", weight, grad, mean, var)
    scale = usable_scale("_adamw_update", rescale_grad)
    if scale is None:
        return weight.copy()
    grad *= scale
    return adamw(weight, clipped(grad, clip_gradient).copy(), mean, var, lr, eta, beta1, beta2, epsilon, wd)


@operator("_mp_adamw_update", mutates=("mean", "var", "weight32"))
def mp_adamw_update(
    weight, grad, mean, var, weight32, rescale_grad, *, lr: float, beta1: float = 0.9, beta2: float = 0.999,
    epsilon: float = 1e-8, wd: float = 0.0, eta: float, clip_gradient: float = -1.0,
):  # fmt: skip
    """_adamw_update of a float16 weight through its float32 copy; the gradient stays as it is."""
    check_master("_mp_adamw_update", weight, grad, mean, var, weight32)
    scale = usable_scale("_mp_adamw_update", rescale_grad)
    if scale is None:
        return weight.copy()
    g = rescaled(grad, scale, clip_gradient, np.float32)
    return keep(adamw(weight32, g, mean, var, lr, eta, beta1, beta2, epsilon, wd), weight32, weight)

"""Update rules that MXNet's languages compose of operators: here an operator each, so that an optimizer can update all
parameters by one message. Attributes and habits are those of optimizer.py."""

import numpy as np

from ..generator import generator
from ..registry import operator
from .optimizer import check_update, clipped, decayed, descend, rescaled, update_moments


@operator("_adadelta_update", shape="equal", mutates=("grads", "steps"))
def adadelta_update(
    weight, grad, grads, steps, *, rho: float = 0.9, epsilon: float = 1e-5, wd: float = 0.0, rescale_grad: float = 1.0,
    clip_gradient: float = -1.0,
):  # fmt: skip
    """AdaDelta: grads and steps average the squares of gradients and steps with factor `rho`;
    weight - step - wd * weight, where step = sqrt((steps + epsilon) / (grads + epsilon)) * grad.

    Source: Zeiler, ADADELTA (2012)."""
    check_update("_adadelta_update", weight, grad, grads, steps)
    g = rescaled(grad, rescale_grad, clip_gradient, weight.dtype)
    grads *= rho
    grads += (1 - rho) * np.square(g)
    g *= np.sqrt(steps + epsilon) / np.sqrt(grads + epsilon)
    steps *= rho
    steps += (1 - rho) * np.square(g)
    return descend(weight, decayed(g, wd, weight), 1)


@operator("_adamax_update", shape="equal", mutates=("mean", "largest"))
def adamax_update(
    weight, grad, mean, largest, *, lr: float, beta1: float = 0.9, beta2: float = 0.999, wd: float = 0.0,
    rescale_grad: float = 1.0, clip_gradient: float = -1.0,
):  # fmt: skip
    """AdaMax: weight - lr * mean / largest, where largest = max(beta2 * largest, |grad|).

    The gradient with weight decay is clipped as a whole. `lr` is expected to hold the correction of the bias. 1e-8 is
    added to the divisor, or a gradient that never was other than 0 would make the weight NaN.
    Source: Kingma and Ba, Adam (2015)."""
    check_update("_adamax_update", weight, grad, mean, largest)
    g = clipped(decayed(rescaled(grad, rescale_grad, -1, weight.dtype), wd, weight), clip_gradient)
    mean *= beta1
    mean += (1 - beta1) * g
    largest *= beta2
    np.maximum(largest, np.abs(g, out=g), out=largest)
    return descend(weight, np.divide(mean, largest + 1e-8, out=g), lr)


@operator("_nadam_update", shape="equal", mutates=("mean", "var"))
def nadam_update(
    weight, grad, mean, var, *, lr: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
    grad_factor: float, mean_factor: float, var_factor: float, wd: float = 0.0, rescale_grad: float = 1.0,
    clip_gradient: float = -1.0,
):  # fmt: skip
    """Adam with Nesterov's momentum:
    weight - lr * (grad_factor * grad + mean_factor * mean) / (sqrt(var_factor * var) + epsilon).

    The gradient with weight decay is clipped as a whole. The factors hold the schedule of the momentum and the
    corrections of the bias. Source: Dozat, Incorporating Nesterov momentum into Adam (2016)."""
    check_update("_nadam_update", weight, grad, mean, var)
    g = clipped(decayed(rescaled(grad, rescale_grad, -1, weight.dtype), wd, weight), clip_gradient)
    step = grad_factor * g
    update_moments(g, mean, var, beta1, beta2)
    step += mean_factor * mean
    step /= np.sqrt(var_factor * var) + epsilon
    return descend(weight, step, lr)


def _delayed(weight, grad, previous, wd, lamda, rescale_grad, clip_gradient):
    """The gradient of DCASGD, as a fresh array; `previous` becomes the weight."""
    g = rescaled(grad, rescale_grad, clip_gradient, weight.dtype)
    g = decayed(g + lamda * np.square(g) * (weight - previous), wd, weight)
    previous[...] = weight
    return g


@operator("_dcasgd_update", shape="equal", mutates=("previous",))
def dcasgd_update(
    weight, grad, previous, *, lr: float, lamda: float = 0.04, wd: float = 0.0, rescale_grad: float = 1.0,
    clip_gradient: float = -1.0,
):  # fmt: skip
    """Gradient descent that makes up for late gradients:
    weight - lr * (grad + wd * weight + lamda * grad² * (weight - previous)).

    previous: the weight before the last update.
    Source: Zheng et al., Asynchronous SGD with delay compensation (2017)."""
    check_update("_dcasgd_update", weight, grad, previous)
    return descend(weight, _delayed(weight, grad, previous, wd, lamda, rescale_grad, clip_gradient), lr)


@operator("_dcasgd_mom_update", shape="equal", mutates=("mom", "previous"))
def dcasgd_mom_update(
    weight, grad, mom, previous, *, lr: float, momentum: float = 0.0, lamda: float = 0.04, wd: float = 0.0,
    rescale_grad: float = 1.0, clip_gradient: float = -1.0,
):  # fmt: skip
    """_dcasgd_update with momentum: mom = momentum * mom - step; weight + mom."""
    check_update("_dcasgd_mom_update", weight, grad, mom, previous)
    g = _delayed(weight, grad, previous, wd, lamda, rescale_grad, clip_gradient)
    mom *= momentum
    mom -= lr * g
    return np.add(weight, mom, out=g)


@operator("_sgld_update", shape="equal", random=True)
def sgld_update(
    weight, grad, *, lr: float, wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0
):  # fmt: skip
    """Langevin dynamics: weight - lr / 2 * (grad + wd * weight), and normal noise of variance `lr`.

    Source: Welling and Teh, Bayesian learning via stochastic gradient Langevin dynamics (2011)."""
    check_update("_sgld_update", weight, grad)
    g = decayed(rescaled(grad, rescale_grad, clip_gradient, weight.dtype), wd, weight)
    noise = generator.numpy.standard_normal(weight.shape, np.float64 if weight.dtype == np.float64 else np.float32)
    return descend(weight, g, lr / 2) + (np.sqrt(lr) * noise).astype(weight.dtype)

"""Densities (probabilities, for counts) of the distributions that random.py samples.

Arrays of parameters have one shape; the samples have that shape followed by any other axes. The formulas hold inside
a distribution's range, where samples and parameters are taken to lie, as in MXNet. Their gradients flow into samples
and parameters alike; counts receive zeros.
"""

import inspect
import math

import numpy as np

from ..errors import ShapeError
from ..registry import operator
from .common import check_same_dtype, reduce_to
from .special import gammaln

LOG_SQRT_2PI = math.log(2 * math.pi) / 2


def _gammaln(x):
    return gammaln.forward(x)


def _digamma(F, x):
    return F._polygamma(x, n=0)


def _check(name, sample, parameters, event=0):
    """Refuse shapes and dtypes that do not go together; `event`: how many last axes one sample spans."""
    if sample.dtype.kind != "f":
        raise ShapeError(
            f"This operation only supports floating point types, but got {sample.dtype}, in operator {name}"
        )
    lead = parameters[0].ndim - event
    wanted = sample.shape[:lead] + sample.shape[sample.ndim - event :]
    for parameter in parameters:
        check_same_dtype(name, sample, parameter)
        if lead < 0 or parameter.ndim > sample.ndim or parameter.shape != wanted:
            raise ShapeError(
                f"samples of shape {list(sample.shape)} do not go with parameters of shapes "
                f"{' and '.join(str(list(p.shape)) for p in parameters)}, in operator {name}: the parameters' shape "
                f"must be where that of the samples begins"
            )


def _finish(value, sample, is_log):
    value = value if is_log else np.exp(value)
    return value if value.dtype == sample.dtype else value.astype(sample.dtype)


def _column(shape, ndim):
    """`shape` with axes of length 1 at the end, to reach `ndim`."""
    return (*shape, *(1,) * (ndim - len(shape)))


def _density(name, doc, names, logarithm, slopes):
    """Declare a density.

    names: of the parameters; logarithm: that of the density, in NumPy, from samples and parameters; slopes: by name of
    `sample` or parameter, the derivatives of the logarithm by it, in operators."""
    operator_name = f"_random_pdf_{name}"

    def compute(sample, *parameters, is_log):
        _check(operator_name, sample, parameters)
        work = np.float32 if sample.dtype == np.float16 else sample.dtype
        columns = [p.astype(work, copy=False).reshape(_column(p.shape, sample.ndim)) for p in parameters]
        value = logarithm(sample.astype(work, copy=False), *columns)
        return _finish(np.broadcast_to(value, sample.shape), sample, is_log)

    inputs = ("sample", *names)
    compute.__signature__ = inspect.Signature(
        [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in inputs]
        + [inspect.Parameter("is_log", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool)]
    )
    compute.__doc__ = (
        f"{doc}; with `is_log` its logarithm.\n\nsample: the shape of {' and '.join(names)}, then any other axes. "
        f"Output: shape and dtype of `sample`, floats."
    )
    row = operator(operator_name, operator_name[1:])(compute)
    for target, slope in slopes.items():
        row.gradient(target)(_rule(slope, inputs, inputs.index(target)))


def _rule(slope, inputs, target):
    def rule(F, g, out, is_log, sample, *parameters):
        columns = [F.reshape(p, shape=_column(p.shape, len(sample.shape))) for p in parameters]
        each = (g if is_log else g * out) * slope(F, sample, *columns)
        if target == 0:
            return each
        return F.reshape(reduce_to(F, each, columns[target - 1].shape), shape=parameters[target - 1].shape)

    rule.asks = ("out", "is_log", *inputs)
    return rule


def _normal(x, mu, sigma):
    return np.square((x - mu) / sigma) * -0.5 - np.log(sigma) - LOG_SQRT_2PI


def _gamma(x, alpha, beta):
    return alpha * np.log(beta) + (alpha - 1) * np.log(x) - beta * x - _gammaln(alpha)


def _negative_binomial(x, k, p):
    return _gammaln(x + k) - _gammaln(x + 1) - _gammaln(k) + k * np.log(p) + x * np.log1p(-p)


def _generalized_negative_binomial(x, mu, alpha):
    return _negative_binomial(x, 1 / alpha, 1 / (1 + mu * alpha))


def _into_mu(F, x, mu, alpha):
    return x / mu - (1 + x * alpha) / (1 + mu * alpha)


def _into_alpha(F, x, mu, alpha):
    k, grown = 1 / alpha, 1 + mu * alpha
    return (_digamma(F, k) - _digamma(F, x + k) + F.log(grown)) * k * k + x * k - (x + k) * mu / grown


_density(
    "uniform",
    "Density of the uniform distribution between low and high",
    ("low", "high"),
    lambda x, low, high: -np.log(high - low),
    {"low": lambda F, x, low, high: 1 / (high - low), "high": lambda F, x, low, high: 1 / (low - high)},
)
_density(
    "normal",
    "Density of the normal distribution with mean mu and standard deviation sigma",
    ("mu", "sigma"),
    _normal,
    {
        "sample": lambda F, x, mu, sigma: (mu - x) / (sigma * sigma),
        "mu": lambda F, x, mu, sigma: (x - mu) / (sigma * sigma),
        "sigma": lambda F, x, mu, sigma: (F.square((x - mu) / sigma) - 1) / sigma,
    },
)
_density(
    "gamma",
    "Density of the gamma distribution with shape alpha and rate beta (the samplers' beta is a scale)",
    ("alpha", "beta"),
    _gamma,
    {
        "sample": lambda F, x, alpha, beta: (alpha - 1) / x - beta,
        "alpha": lambda F, x, alpha, beta: F.log(x) + F.log(beta) - _digamma(F, alpha),
        "beta": lambda F, x, alpha, beta: alpha / beta - x,
    },
)
_density(
    "exponential",
    "Density of the exponential distribution with rate lam",
    ("lam",),
    lambda x, lam: np.log(lam) - lam * x,
    {"sample": lambda F, x, lam: -lam, "lam": lambda F, x, lam: 1 / lam - x},
)
_density(
    "poisson",
    "Probability of a count in the Poisson distribution with mean lam",
    ("lam",),
    lambda x, lam: x * np.log(lam) - lam - _gammaln(x + 1),
    {"lam": lambda F, x, lam: x / lam - 1},
)
_density(
    "negative_binomial",
    "Probability of a count of failures before k successes of probability p",
    ("k", "p"),
    _negative_binomial,
    {
        "k": lambda F, x, k, p: _digamma(F, x + k) - _digamma(F, k) + F.log(p),
        "p": lambda F, x, k, p: k / p - x / (1 - p),
    },
)
_density(
    "generalized_negative_binomial",
    "Probability of a count in the negative binomial distribution with mean mu and variance mu + alpha mu²",
    ("mu", "alpha"),
    _generalized_negative_binomial,
    {"mu": _into_mu, "alpha": _into_alpha},
)


@operator("_random_pdf_dirichlet", "random_pdf_dirichlet")
def dirichlet(sample, alpha, *, is_log: bool = False):
    """Density of the Dirichlet distribution with concentrations alpha; with `is_log` its logarithm.

    alpha (..., k); sample (...), any other axes, k. Output: the shape of `sample` without the last axis."""
    _check("_random_pdf_dirichlet", sample, [alpha], event=1)
    work = np.float32 if sample.dtype == np.float16 else sample.dtype
    a = alpha.astype(work, copy=False)
    scale = _gammaln(a.sum(-1)) - _gammaln(a).sum(-1)
    powers = ((a.reshape(_between(a.shape, sample.ndim)) - 1) * np.log(sample.astype(work, copy=False))).sum(-1)
    value = powers + scale.reshape(_column(scale.shape, powers.ndim))
    return _finish(value.reshape(sample.shape[:-1] or (1,)), sample, is_log)


def _between(shape, ndim):
    """`shape` with axes of length 1 before the last, to reach `ndim`."""
    return (*shape[:-1], *(1,) * (ndim - len(shape)), shape[-1])


def _each(F, g, out, is_log, sample):
    return F.reshape(g if is_log else g * out, shape=(*sample.shape[:-1], 1))


@dirichlet.gradient("sample")
def _(F, g, out, is_log, sample, alpha):
    a = F.reshape(alpha, shape=_between(alpha.shape, len(sample.shape)))
    return _each(F, g, out, is_log, sample) * ((a - 1) / sample)


@dirichlet.gradient("alpha")
def _(F, g, out, is_log, sample, alpha):
    total = F.sum(alpha, axis=(-1,), keepdims=True)
    slope = _digamma(F, total) - _digamma(F, alpha)
    shape = _between(alpha.shape, len(sample.shape))
    each = _each(F, g, out, is_log, sample) * (F.log(sample) + F.reshape(slope, shape=shape))
    return F.reshape(reduce_to(F, each, shape), shape=alpha.shape)

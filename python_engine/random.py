"""Random arrays: `mx.random` and `mx.nd.random`.

Parameters are numbers, and `shape` is the shape of the result; or they are arrays of one shape, and `shape` is that of
the block of draws for each element. dtype: float32 if not given. All draw from one generator, which `seed` starts over.
"""

import numpy as np

from .context import check_usable
from .errors import ArgumentError
from .functions import Namespace, function_of
from .generator import generator
from .ndarray import NDArray
from .overloads import NUMBERS
from .registry import OPERATORS

_of_numbers, _of_arrays = Namespace("_random_"), Namespace("_sample_")


def seed(seed_state, ctx="all"):
    """Start the random numbers over from an integer. There is one generator, whatever `ctx` says."""
    if not isinstance(seed_state, (int, np.integer)):
        raise ArgumentError(f"seed_state must be int, but got {seed_state!r}")
    generator.seed(seed_state)


def uniform(low=0, high=1, shape=None, dtype=None, ctx=None, out=None):
    """Draws from the uniform distribution over [low, high)."""
    return _draw("uniform", (low, high), shape, dtype, ctx, out)


def normal(loc=0, scale=1, shape=None, dtype=None, ctx=None, out=None):
    """Draws from the normal distribution of mean `loc` and standard deviation `scale`."""
    return _draw("normal", (loc, scale), shape, dtype, ctx, out)


def randn(*shape, loc=0, scale=1, dtype=None, ctx=None, out=None):
    """Draws from the normal distribution of mean `loc` and standard deviation `scale`: `randn(2, 3)` is a matrix."""
    return _draw("normal", (loc, scale), shape, dtype, ctx, out)


def poisson(lam=1, shape=None, dtype=None, ctx=None, out=None):
    """Draws from the Poisson distribution of mean `lam`, as floats."""
    return _draw("poisson", (lam,), shape, dtype, ctx, out)


def exponential(scale=1, shape=None, dtype=None, ctx=None, out=None):
    """Draws from the exponential distribution of mean `scale`."""
    return _draw("exponential", (1.0 / scale,), shape, dtype, ctx, out)


def gamma(alpha=1, beta=1, shape=None, dtype=None, ctx=None, out=None):
    """Draws from the gamma distribution of shape `alpha` and scale `beta`."""
    return _draw("gamma", (alpha, beta), shape, dtype, ctx, out)


def negative_binomial(k=1, p=1, shape=None, dtype=None, ctx=None, out=None):
    """Draws of how many failures come before `k` successes of probability `p`, as floats."""
    return _draw("negative_binomial", (k, p), shape, dtype, ctx, out)


def generalized_negative_binomial(mu=1, alpha=1, shape=None, dtype=None, ctx=None, out=None):
    """Draws from the negative binomial distribution of mean `mu` and variance mu + alpha mu², as floats."""
    return _draw("generalized_negative_binomial", (mu, alpha), shape, dtype, ctx, out)


def randint(low, high, shape=None, dtype=None, ctx=None, out=None):
    """Integers of low <= x < high, each as likely. low, high: numbers; dtype: int32 (default) or int64."""
    return _draw("randint", (low, high), shape, dtype, ctx, out)


def multinomial(data, shape=(), get_prob=False, out=None, dtype="int32"):
    """Numbers of categories, drawn with the probabilities in the last axis of `data`: data.shape[:-1] + shape.

    get_prob: a list of these and their log-probabilities, from which gradients flow into `data`."""
    return _of_arrays.multinomial(data, shape=shape, get_prob=get_prob, dtype=dtype, out=out)


shuffle = function_of(OPERATORS["_shuffle"], "shuffle")


def _draw(name, parameters, shape, dtype, ctx, out):
    check_usable(ctx)
    if out is not None:
        dtype = out.dtype if dtype is None else dtype
    if all(isinstance(parameter, NUMBERS) for parameter in parameters):
        shape = shape if shape is not None else (1,) if out is None else out.shape
        return getattr(_of_numbers, name)(*parameters, shape=shape, dtype=dtype, out=out)
    if name == "randint" or not all(isinstance(parameter, NDArray) for parameter in parameters):
        shown = ", ".join(f"{parameter!r:.80}" for parameter in parameters)
        kinds = "numbers" if name == "randint" else "all numbers or all NDArrays"
        raise ArgumentError(f"the parameters of random.{name} are {kinds}, but got {shown}")
    return getattr(_of_arrays, name)(*parameters, shape=() if shape is None else shape, dtype=dtype, out=out)


def __getattr__(name):
    if name.endswith("_like") and f"_random_{name}" in OPERATORS:
        return getattr(_of_numbers, name)
    raise AttributeError(f"mx.random has no {name!r}")

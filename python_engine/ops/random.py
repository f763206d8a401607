"""Samplers. All draw from the engine's one generator, in the order of the calls.

A row `_distribution(...)` makes three operators: `_random_x` draws from numbers, `_random_x_like` does so in the shape
and dtype of an array, and `_sample_x` draws a block for each element of arrays of parameters.
"""

import inspect
import math

import numpy as np

from ..attributes import DType, Maybe, Shape
from ..errors import ArgumentError, ComputeError, ShapeError
from ..generator import generator
from ..inference import all_equal, from_inputs
from ..registry import operator
from .common import check_same_dtype

FLOATS = Maybe(DType("float16", "float32", "float64"))
MOST = 1 << 60  # elements of a shape, beyond which NumPy cannot count the bytes
LARGEST_RATE = 9e18  # of a Poisson distribution whose draws fit into int64


def _check_shape(name, shape):
    if not shape or min(shape) <= 0 or len(shape) > 32 or math.prod(shape) > MOST:
        raise ShapeError(f"Operator {name} needs a shape of positive dimensions, but got shape={shape}")


def _uniform(rng, size, dtype, low, high):
    draws = rng.random(size, dtype)
    draws *= high - low
    draws += low
    return draws


def _normal(rng, size, dtype, mean, deviation):
    draws = rng.standard_normal(size, dtype)
    draws *= deviation
    draws += mean
    return draws


def _gamma(rng, size, dtype, alpha, beta):
    draws = rng.standard_gamma(alpha, size, dtype)
    draws *= beta
    return draws


def _exponential(rng, size, dtype, lam):
    draws = rng.standard_exponential(size, dtype)
    draws /= lam
    return draws


def _poisson(rng, size, dtype, lam):
    return rng.poisson(np.fmin(lam, LARGEST_RATE), size)


def _negative_binomial(rng, size, dtype, k, p):
    """Poisson with a rate that is drawn from a gamma distribution."""
    return _poisson(rng, size, dtype, rng.standard_gamma(k, size) * ((1 - p) / p))


def _generalized_negative_binomial(rng, size, dtype, mu, alpha):
    spread = np.where(alpha > 0, alpha, 1)
    rate = rng.standard_gamma(1 / spread, size) * spread
    return _poisson(rng, size, dtype, np.where(alpha > 0, rate, 1) * mu)


def _draw(draw, size, dtype, parameters):
    dtype = np.dtype(dtype or "float32")
    draws = draw(generator.numpy, size, np.float64 if dtype == np.float64 else np.float32, *parameters)
    return draws if draws.dtype == dtype else draws.astype(dtype)


def _keyword(name, type_, default):
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=type_)


def _input(name):
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _distribution(name, doc, draw, parameters, numbers, arrays=("", None), array_names=None):
    """Declare the three operators of a distribution.

    draw: function of generator, size, float dtype and parameters; parameters: names and defaults; numbers: what the
    parameters must be, as MXNet has it, in words and as a function; arrays: likewise for each element of arrays, of
    which MXNet checks none, so only what no distribution is; array_names: of the parameters where they are arrays."""
    array_names = array_names or tuple(parameters)

    def check_numbers(operator_name, given):
        values = [given[parameter] for parameter in parameters]
        if not numbers[1](*values):
            shown = ", ".join(f"{parameter}={given[parameter]}" for parameter in parameters)
            raise ArgumentError(f"Operator {operator_name} needs {numbers[0]}, but got {shown}")
        return values

    def from_numbers(*, shape, ctx, dtype, **given):
        _check_shape(f"_random_{name}", shape)
        return _draw(draw, shape, dtype, check_numbers(f"_random_{name}", given))

    def like(data, **given):
        if data.dtype.kind != "f":
            raise ShapeError(f"Operator _random_{name}_like takes an array of floats, but got {data.dtype}")
        return _draw(draw, data.shape, data.dtype, check_numbers(f"_random_{name}_like", given))

    def from_arrays(*inputs, shape, dtype):
        operator_name, first = f"_sample_{name}", inputs[0]
        for array in inputs[1:]:
            check_same_dtype(operator_name, first, array)
            if array.shape != first.shape:
                raise ShapeError(
                    f"Operator {operator_name} needs {' and '.join(array_names)} of one shape, but got "
                    f"{' and '.join(str(list(x.shape)) for x in inputs)}"
                )
        if shape:
            _check_shape(operator_name, shape)
        if arrays[1] is not None and not np.all(arrays[1](*inputs)):
            where = np.unravel_index(np.argmin(arrays[1](*inputs)), first.shape)
            shown = ", ".join(f"{n}={x[where]}" for n, x in zip(array_names, inputs, strict=True))
            raise ComputeError(
                f"Operator {operator_name} needs {arrays[0]}, but element {[int(i) for i in where]} has {shown}",
                operator_name,
                [x.shape for x in inputs],
            )
        work = np.float64 if dtype == "float64" else np.float32
        columns = [x.astype(work).reshape(x.shape + (1,) * len(shape)) for x in inputs]
        return _draw(draw, first.shape + shape, dtype, columns)

    keywords = [_keyword(parameter, type(default), default) for parameter, default in parameters.items()]
    rest = [_keyword("shape", Maybe(Shape), None), _keyword("ctx", str, ""), _keyword("dtype", FLOATS, None)]
    from_numbers.__signature__ = inspect.Signature(keywords + rest)
    from_numbers.__doc__ = (
        f"Draws from the {doc}.\n\nOutput: `shape` and `dtype` (float32 by default). Needs {numbers[0]}."
    )
    like.__signature__ = inspect.Signature([_input("data"), *keywords])
    like.__doc__ = f"Draws from the {doc}.\n\nOutput: shape and dtype of `data`, of floats. Needs {numbers[0]}."
    from_arrays.__signature__ = inspect.Signature(
        [*map(_input, array_names), _keyword("shape", Shape, ()), _keyword("dtype", FLOATS, None)]
    )
    from_arrays.__doc__ = (
        f"Draws from the {doc}, with arrays of parameters.\n\nThe arrays have one shape and dtype; output: that shape "
        f"followed by `shape`, a block of draws for each element; `dtype` (float32 by default). "
    ) + (f"ComputeError unless {arrays[0]}." if arrays[0] else "")
    short = {"uniform": ("uniform",), "normal": ("normal",)}.get(name, ())
    operator(f"_random_{name}", f"random_{name}", *short, random=True)(from_numbers).no_gradient()
    as_data = operator(f"_random_{name}_like", random=True)(like).no_gradient()
    as_data.infers(all_equal)
    blocks = operator(f"_sample_{name}", f"sample_{name}", random=True, fails=bool(arrays[0]))(from_arrays)
    blocks.no_gradient().infers(from_inputs(lambda attrs, first, *_: first + attrs["shape"]))


_distribution(
    "uniform",
    "uniform distribution between low and high",
    _uniform,
    {"low": 0.0, "high": 1.0},
    ("low <= high", lambda low, high: low <= high),
)
_distribution(
    "normal",
    "normal distribution with a mean and a standard deviation",
    _normal,
    {"loc": 0.0, "scale": 1.0},
    ("scale > 0", lambda loc, scale: scale > 0),
    array_names=("mu", "sigma"),
)
_distribution(
    "gamma",
    "gamma distribution with shape alpha and scale beta",
    _gamma,
    {"alpha": 1.0, "beta": 1.0},
    ("alpha > 0 and beta > 0", lambda alpha, beta: alpha > 0 and beta > 0),
    ("alpha > 0", lambda alpha, beta: alpha > 0),
)
_distribution(
    "exponential",
    "exponential distribution with rate lam, and so mean 1 / lam",
    _exponential,
    {"lam": 1.0},
    ("lam > 0", lambda lam: lam > 0),
)
_distribution(
    "poisson",
    "Poisson distribution with mean lam",
    _poisson,
    {"lam": 1.0},
    ("lam >= 0", lambda lam: lam >= 0),
    ("lam >= 0", lambda lam: lam >= 0),
)
_distribution(
    "negative_binomial",
    "negative binomial distribution: how many failures come before k successes of probability p",
    _negative_binomial,
    {"k": 1, "p": 1.0},
    ("k >= 0 and 0 < p <= 1", lambda k, p: k >= 0 and 0 < p <= 1),
    ("k >= 0 and 0 < p <= 1", lambda k, p: (k >= 0) & (p > 0) & (p <= 1)),
)
_distribution(
    "generalized_negative_binomial",
    "generalized negative binomial distribution with mean mu and variance mu + alpha mu²",
    _generalized_negative_binomial,
    {"mu": 1.0, "alpha": 1.0},
    ("mu >= 0 and alpha >= 0", lambda mu, alpha: mu >= 0 and alpha >= 0),
    ("mu >= 0 and alpha >= 0", lambda mu, alpha: (mu >= 0) & (alpha >= 0)),
)


@operator("_random_randint", "random_randint", random=True)
def randint(
    *, low: int, high: int, shape: Maybe(Shape) = None, ctx: str = "", dtype: Maybe(DType("int32", "int64")) = None
):
    """Integers of low <= x < high, each as likely.

    Output: `shape` and `dtype` (int32 by default), which must hold all of them."""
    _check_shape("_random_randint", shape)
    bounds = np.iinfo(dtype or "int32")
    if not bounds.min <= low < high <= bounds.max + 1:
        raise ArgumentError(
            f"Operator _random_randint needs low < high in the range of {bounds.dtype}, but got low={low}, high={high}"
        )
    return generator.numpy.integers(low, high, shape, bounds.dtype)


randint.no_gradient()


@operator("_shuffle", "shuffle", shape="same", random=True)
def shuffle(data):
    """The rows of `data`, its parts along the first axis, in random order.

    Output: shape and dtype of `data`."""
    return generator.numpy.permutation(data)


INDEX_TYPES = DType("float16", "float32", "float64", "int32", "uint8")
EXACT = {"float16": 1 << 11, "float32": 1 << 24, "float64": 1 << 53, "int32": 1 << 31, "uint8": 1 << 8}


@operator(
    "_sample_multinomial",
    "sample_multinomial",
    outputs=("sample", "log_prob"),
    visible=lambda attrs: 2 if attrs["get_prob"] else 1,
    random=True,
    fails=True,
)
def multinomial(data, *, shape: Shape = (), get_prob: bool = False, dtype: INDEX_TYPES = "int32"):
    """Numbers of categories, drawn with the probabilities in the last axis of `data`.

    data (..., k), floats, not negative; where they do not add up to 1, they are divided by their sum.
    Outputs: (...) + `shape` of `dtype`, and with `get_prob` the logarithms of the chosen elements, whose gradient flows
    into `data`. ComputeError where there are no probabilities."""
    if data.dtype.kind != "f" or data.shape[-1] == 0 or data.shape[-1] > EXACT[dtype]:
        raise ShapeError(
            f"Operator _sample_multinomial takes floats, for dtype={dtype} 1 to {EXACT[dtype]} of them along the last "
            f"axis, but got {data.dtype} of shape {list(data.shape)}"
        )
    if shape:
        _check_shape("_sample_multinomial", shape)
    rows = data.reshape(-1, data.shape[-1])
    limits = np.cumsum(rows, 1, dtype=np.float64)
    total = limits[:, -1:]
    if not (np.all(rows >= 0) and np.all(total > 0) and np.all(total < np.inf)):
        raise ComputeError(
            f"Operator _sample_multinomial needs probabilities that are not negative and not all 0, but an array of "
            f"shape {list(data.shape)} has others",
            "_sample_multinomial",
            [data.shape],
        )
    # row i of the limits lies between i and i + 1, so that one search serves all rows; a draw must stay below i + 1
    first = np.arange(len(rows), dtype=np.float64)[:, None]
    limits = limits / total + first
    draws = generator.numpy.random((len(rows), math.prod(shape))) + first
    draws = np.minimum(draws, np.nextafter(first + 1, 0))
    chosen = np.searchsorted(limits.ravel(), draws, "right") - (first * rows.shape[1]).astype(np.int64)
    log_prob = np.log(np.take_along_axis(rows, chosen, 1))
    size = data.shape[:-1] + shape or (1,)
    return chosen.astype(dtype).reshape(size), log_prob.reshape(size)


@multinomial.gradient
def _(F, g, data, sample):
    k, lead = data.shape[-1], data.shape[:-1]
    axes = tuple(range(len(lead), len(sample.shape)))
    hit = F.one_hot(sample, depth=k, dtype=str(np.dtype(data.dtype)))
    each = F.broadcast_mul(hit, F.reshape(g[1], shape=(*g[1].shape, 1)))
    total = F.reshape(F.sum(each, axis=axes) if axes else each, shape=data.shape)
    return total / (data + (data <= 0))


@operator("_sample_unique_zipfian", outputs=("sample", "tries"), random=True)
def unique_zipfian(*, range_max: int, shape: Maybe(Shape) = None):
    """Different class numbers below `range_max`, n of them in each row, k with a chance that falls like 1 / (k + 1).

    Approximates Zipf's law, for sampled losses over a vocabulary that is sorted by frequency.
    Outputs: int64 (rows, n), and how many draws each row took, int64 (rows,)."""
    if shape is None or len(shape) != 2 or min(shape) <= 0 or not 0 < shape[1] <= range_max < MOST:
        raise ShapeError(
            f"Operator _sample_unique_zipfian needs shape=(rows, n) with 0 < n <= range_max, but got shape={shape}, "
            f"range_max={range_max}"
        )
    rows, n = shape
    samples, tries = np.empty((rows, n), np.int64), np.empty(rows, np.int64)
    for row in range(rows):
        values, first, count = np.empty(0, np.int64), np.empty(0, np.int64), 0
        while len(values) < n:
            logs = generator.numpy.random(2 * n) * math.log(range_max + 1)
            drawn = np.minimum(np.exp(logs).astype(np.int64), range_max) - 1
            values, where = np.unique(np.concatenate([values, drawn]), return_index=True)
            first = np.concatenate([first, np.arange(count, count + 2 * n)])[where]
            count += 2 * n
        order = np.argsort(first)[:n]
        samples[row], tries[row] = values[order], first[order[-1]] + 1
    return samples, tries


@multinomial.infers
def _(shapes, attrs):
    if shapes.ins[0] is not None:
        for position in range(len(shapes.outs)):
            shapes.output((shapes.ins[0][:-1] + attrs["shape"]) or (1,), position)


@unique_zipfian.infers
def _(shapes, attrs):
    if attrs["shape"]:
        shapes.output(attrs["shape"])
        shapes.output(attrs["shape"][:1], 1)

"""NumPy's samplers: parameters are numbers or arrays, which broadcast together and with `size`.

All draw from the engine's one generator, in the order of the calls.
"""

import inspect
import math

import numpy as np

from ..attributes import DType, Floats, Maybe, Shape
from ..errors import ArgumentError, ComputeError, ShapeError
from ..generator import generator
from .numpy_common import numpy_operator

FLOATS = DType("float16", "float32", "float64")
NUMBER = Maybe(float)
SIZE = Maybe(Shape)


def _given(name, arrays, numbers):
    """The parameters in order: where a number is None, the next array stands for it."""
    arrays = [x for x in arrays if x is not None]
    values = [arrays.pop(0) if number is None and arrays else number for number in numbers]
    if arrays or None in [None if v is None else 0 for v in values]:
        raise ArgumentError(f"Operator {name} takes each parameter either as an array or as a number")
    return values


def _size(name, values, size):
    """The shape of the draws, to which all parameters must broadcast."""
    shapes = [np.shape(v) for v in values]
    try:
        whole = np.broadcast_shapes(*shapes)
        if size is None:
            return whole
        if min(size, default=0) < 0 or np.broadcast_shapes(whole, size) != size:
            raise ValueError
    except ValueError:
        raise ShapeError(f"parameters of shapes {shapes} do not broadcast to size={size}, in operator {name}") from None
    return size


def _check_size(name, size):
    if min(size or (), default=0) < 0:
        raise ShapeError(f"size={size} has a negative dimension, in operator {name}")


def _check(name, fits, words, values):
    """Refuse impossible parameters: at the call if they are numbers, else when the values are read."""
    if not np.all(fits):
        kind = ArgumentError if all(np.ndim(v) == 0 for v in values) else ComputeError
        raise kind(f"Operator {name} needs {words}")


def _uniform(rng, size, low, high):
    return rng.random(size) * (high - low) + low


# name; MXNet's parameters with defaults (None: required or an array); what they must be, in words and as a function;
# the draws; what is drawn
_SAMPLERS = [
    ("uniform", {"low": None, "high": None}, "", None, _uniform, "Uniform numbers from low to below high"),
    ("normal", {"loc": None, "scale": None}, "scale >= 0", lambda loc, scale: np.asarray(scale) >= 0,
     lambda rng, size, loc, scale: rng.standard_normal(size) * scale + loc, "Normal numbers of mean loc"),
    ("gamma", {"shape": None, "scale": None}, "shape > 0 and scale >= 0",
     lambda shape, scale: (np.asarray(shape) > 0) & (np.asarray(scale) >= 0),
     lambda rng, size, shape, scale: rng.standard_gamma(shape, size) * scale, "Numbers of a gamma distribution"),
    ("exponential", {"scale": 1.0}, "scale >= 0", lambda scale: np.asarray(scale) >= 0,
     lambda rng, size, scale: rng.standard_exponential(size) * scale, "Exponential numbers of mean scale"),
    ("gumbel", {"loc": None, "scale": None}, "scale >= 0", lambda loc, scale: np.asarray(scale) >= 0,
     lambda rng, size, loc, scale: rng.gumbel(loc, scale, size), "Numbers of a Gumbel distribution"),
    ("logistic", {"loc": None, "scale": None}, "scale >= 0", lambda loc, scale: np.asarray(scale) >= 0,
     lambda rng, size, loc, scale: rng.logistic(loc, scale, size), "Numbers of a logistic distribution"),
    ("pareto", {"a": None}, "a > 0", lambda a: np.asarray(a) > 0, lambda rng, size, a: rng.pareto(a, size),
     "Numbers of a Lomax distribution, Pareto's from 0 on"),
    ("powerd", {"a": None}, "a > 0", lambda a: np.asarray(a) > 0, lambda rng, size, a: rng.power(a, size),
     "Numbers from 0 to 1 with density a x**(a - 1)"),
    ("rayleigh", {"scale": 1.0}, "scale >= 0", lambda scale: np.asarray(scale) >= 0,
     lambda rng, size, scale: rng.rayleigh(scale, size), "Numbers of a Rayleigh distribution"),
    ("weibull", {"a": None}, "a >= 0", lambda a: np.asarray(a) >= 0, lambda rng, size, a: rng.weibull(a, size),
     "Numbers of a Weibull distribution"),
]  # fmt: skip
_TYPED = ("uniform", "normal", "gamma")  # whose dtype can be chosen


def _draw(name, arrays, numbers, size, dtype, words, fits, draw):
    values = _given(name, arrays, numbers)
    # 0.0 makes -0.0, which NumPy takes for a negative number, a positive one
    values = [(v.astype(np.float64) if isinstance(v, np.ndarray) else v) + 0.0 for v in values]
    size = _size(name, values, size)
    if fits is not None:
        _check(name, fits(*values), words, values)
    if 0 in size:
        return np.empty(size, dtype)  # though there may be parameters, of which the empty ones leave nothing to check
    return np.asarray(draw(generator.numpy, size, *values)).astype(dtype)


def _declare_sampler(name, parameters, words, fits, draw, doc):
    operator_name, typed = f"_npi_{name}", name in _TYPED

    def compute(*arrays, **given):
        numbers = [given[key] for key in parameters]
        return _draw(operator_name, arrays, numbers, given["size"], given.get("dtype", "float32"), words, fits, draw)

    compute.__doc__ = (
        f"{doc}.\n\nEach parameter is a number, or None and an array. size: the shape of the output; None: that of the "
        f"parameters. Output: {'`dtype`' if typed else 'float32'}." + (f" Needs {words}." if words else "")
    )
    compute.__signature__ = _signature(parameters, typed)
    numpy_operator(operator_name, random=True)(compute).no_gradient()


def _signature(parameters, typed):
    kinds = inspect.Parameter
    arrays = [kinds(f"input{i + 1}", kinds.POSITIONAL_OR_KEYWORD, default=None) for i in range(len(parameters))]
    words = {**parameters, "size": None, "ctx": "cpu", **({"dtype": "float32"} if typed else {})}
    types = {"size": SIZE, "ctx": str, "dtype": FLOATS}
    return inspect.Signature(
        arrays
        + [kinds(key, kinds.KEYWORD_ONLY, default=v, annotation=types.get(key, NUMBER)) for key, v in words.items()]
    )


for _row in _SAMPLERS:
    _declare_sampler(*_row)


def _declare_blocks(name, parameters, words, fits, draw, doc):
    """`size` draws for each element of the parameters."""
    operator_name = f"_npi_{name}_n"

    def compute(*arrays, **given):
        values = _given(operator_name, arrays, [given[key] for key in parameters])
        block = given["size"] or ()
        _check_size(operator_name, block)
        whole = (*block, *_size(operator_name, values, None))
        if fits is not None:
            _check(operator_name, fits(*values), words, values)
        return draw(generator.numpy, whole, *values).astype(given["dtype"])

    compute.__doc__ = (
        f"{doc}: `size` of them for each element of the parameters.\n\nOutput: (*size, *parameters), `dtype`."
    )
    compute.__signature__ = _signature(parameters, True)
    numpy_operator(operator_name, random=True)(compute).no_gradient()


for _row in _SAMPLERS[:2]:
    _declare_blocks(*_row)


@numpy_operator("_npi_bernoulli", random=True, fails=True)
def bernoulli(
    input1=None,
    *,
    prob: NUMBER = None,
    logit: NUMBER = None,
    size: SIZE = None,
    ctx: str = "cpu",
    dtype: DType("bool", "float16", "float32", "float64", "int32", "uint8") = "float32",
    is_logit: bool = False,
):
    """1 with a probability, else 0.

    The probability is `prob`; with `is_logit` 1 / (1 + exp(-logit)); an array stands for either. size: of the output.
    """
    (value,) = _given("_npi_bernoulli", [input1], [logit if is_logit else prob])
    chance = 1 / (1 + np.exp(-np.asarray(value, np.float64))) if is_logit else np.asarray(value, np.float64)
    _check("_npi_bernoulli", (chance >= 0) & (chance <= 1), "a probability from 0 to 1", [value])
    return (generator.numpy.random(_size("_npi_bernoulli", [chance], size)) < chance).astype(dtype)


bernoulli.no_gradient()


@numpy_operator("_npi_multinomial", random=True, fails=True)
def multinomial(a=None, *, n: int, pvals: Maybe(Floats) = None, size: SIZE = None):
    """How often each of k outcomes comes up in `n` trials.

    Probabilities: the numbers `pvals`, or the vector `a`. Output: (*size, k), int64."""
    _check_size("_npi_multinomial", size)
    (chances,) = _given("_npi_multinomial", [a], [pvals])
    chances = np.asarray(chances, np.float64)
    fits = chances.ndim == 1 and chances.size and ((chances >= 0) & (chances < np.inf)).all()
    fits = fits and chances[:-1].sum() <= 1 + 1e-6
    _check("_npi_multinomial", fits and n >= 0, "n >= 0 and a vector of probabilities whose sum is 1", [a])
    return generator.numpy.multinomial(n, chances / max(1.0, chances.sum()), size).astype(np.int64)


multinomial.no_gradient()


@numpy_operator("_npi_choice", random=True, fails=True)
def choice(
    input1=None,
    input2=None,
    *,
    a: Maybe(int) = None,
    size: SIZE = None,
    ctx: str = "cpu",
    replace: bool = True,
    weighted: bool = False,
):
    """Elements of a vector drawn at random, or numbers from 0 to below `a`.

    The arrays are the vector, where `a` is None, and then, if `weighted`, the probabilities. replace: one element may
    come several times. Output: `size`; int64, or the dtype of the vector."""
    arrays = [x for x in (input1, input2) if x is not None]
    if len(arrays) != (a is None) + weighted:
        raise ArgumentError(
            f"_npi_choice takes a number a, or a vector, and with weighted=True the probabilities, but got a={a}, "
            f"weighted={weighted} and {len(arrays)} arrays"
        )
    values = arrays.pop(0) if a is None else None
    chances = arrays.pop(0).astype(np.float64) if weighted else None
    if any(x is not None and x.ndim != 1 for x in (values, chances)):
        raise ShapeError("a and p must be 1-dimensional, in operator _npi_choice")
    count = a if values is None else len(values)
    _check_choice(count, chances, size, replace)
    if chances is not None:
        chances = chances / chances.sum()
    drawn = generator.numpy.choice(count, size, replace, chances)
    return np.asarray(drawn, np.int64) if values is None else values[drawn]


def _check_choice(count, chances, size, replace):
    _check_size("_npi_choice", size)
    wanted = math.prod(size or ())
    if count < 1 and wanted:
        raise ArgumentError("a must be greater than 0 unless no samples are taken, in operator _npi_choice")
    if chances is not None:
        if len(chances) != count:
            raise ShapeError(
                f"a and p must have same size, but got {count} and {len(chances)}, in operator _npi_choice"
            )
        if not ((chances >= 0).all() and 0 < chances.sum() < np.inf):
            raise ComputeError("probabilities are not negative and not all 0, in operator _npi_choice", "_npi_choice")
    if not replace:
        possible = count if chances is None else np.count_nonzero(chances)
        if wanted > possible:
            raise ArgumentError(
                f"Cannot take a larger sample than population when replace is False: {wanted} of {possible}, "
                f"in operator _npi_choice"
            )


choice.no_gradient()

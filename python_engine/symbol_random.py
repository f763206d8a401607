"""Random symbols: `mx.sym.random`.

Parameters are numbers, and `shape` is the shape of the result; or they are symbols of one shape, and `shape` is that of
the block of draws for each element. dtype: float32 if not given.
"""

from .errors import ArgumentError
from .functions import Namespace
from .overloads import NUMBERS
from .registry import OPERATORS
from .symbol_class import Symbol, op_function

_of_numbers, _of_symbols = (Namespace(f"_{name}_", op_function) for name in ("random", "sample"))

# The functions with their parameters; None: to be given
_DRAWS = {
    "uniform": {"low": 0, "high": 1},
    "normal": {"loc": 0, "scale": 1},
    "poisson": {"lam": 1},
    "exponential": {"scale": 1},
    "gamma": {"alpha": 1, "beta": 1},
    "negative_binomial": {"k": 1, "p": 1},
    "generalized_negative_binomial": {"mu": 1, "alpha": 1},
    "randint": {"low": None, "high": None},
}
_OPTIONS = ("shape", "dtype", "name", "attr")


def _function(name, defaults):
    words = (*defaults, "shape", "dtype")

    def draw(*args, ctx=None, **kwargs):
        given = dict(zip(words, args))
        unknown = [*args[len(words) :], *(word for word in kwargs if word in given or word not in (*words, *_OPTIONS))]
        if unknown:
            raise ArgumentError(f"random.{name} takes {', '.join(words)}, once each, but also got {unknown[0]!r:.80}")
        given = {**defaults, **given, **kwargs}
        parameters = [given.pop(word) for word in defaults]
        options = {word: value for word, value in given.items() if value is not None}
        return _drawn(name, parameters, options)

    draw.__name__ = draw.__qualname__ = name
    shown = ", ".join(word if value is None else f"{word}={value}" for word, value in defaults.items())
    draw.__doc__ = f"{name}({shown}, shape=None, dtype=None): draws, as mx.nd.random.{name} does. ctx has no effect."
    return draw


def _drawn(name, parameters, options):
    kinds = {Symbol if isinstance(value, Symbol) else isinstance(value, NUMBERS) for value in parameters}
    if len(kinds) > 1 or False in kinds:
        shown = ", ".join(f"{value!r:.80}" for value in parameters)
        raise ArgumentError(f"the parameters of random.{name} are all numbers or all Symbols, but got {shown}")
    if name == "exponential":
        parameters = [1.0 / parameters[0]]  # the operators take the rate
    return getattr(_of_symbols if Symbol in kinds else _of_numbers, name)(*parameters, **options)


_functions = {name: _function(name, defaults) for name, defaults in _DRAWS.items()}
globals().update(_functions)


def randn(*shape, loc=0, scale=1, dtype=None, **kwargs):
    """Draws from the normal distribution of mean `loc` and standard deviation `scale`: `randn(2, 3)` is a matrix."""
    return _functions["normal"](loc, scale, shape, dtype, **kwargs)


def multinomial(data, shape=(), get_prob=True, dtype="int32", **kwargs):
    """Numbers of categories, drawn with the probabilities in the last axis of `data`: data.shape[:-1] + shape.

    get_prob: also their log-probabilities, from which gradients flow into `data`."""
    return _of_symbols.multinomial(data, shape=shape, get_prob=get_prob, dtype=dtype, **kwargs)


shuffle = op_function(OPERATORS["_shuffle"], "_shuffle")


def __getattr__(name):
    if name.endswith("_like") and f"_random_{name}" in OPERATORS:
        return getattr(_of_numbers, name)
    raise AttributeError(f"mx.sym.random has no {name!r}")


def __dir__():
    likes = {name[len("_random_") :] for name in OPERATORS if name.startswith("_random_") and name.endswith("_like")}
    return sorted({*_DRAWS, *likes, "multinomial", "randn", "shuffle"})

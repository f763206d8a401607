"""MXNet's `mx.nd.contrib`: loops and branches as functions, tests for NaN and infinity, draws for sampled losses.

    sums, total = mx.nd.contrib.foreach(lambda x, s: (s + x, s + x), rows, mx.nd.zeros(2))

The operators whose names begin with `_contrib_` are found here without it. What a loop computes is recorded as what it
is made of. Arrays may come in nested lists, and results come back in lists of the same form.
"""

import math

from . import random
from .errors import ArgumentError
from .functions import Namespace, run
from .ndarray import NDArray

_operators = Namespace("_contrib_")
_OWN = ("cond", "foreach", "isfinite", "isinf", "isnan", "rand_zipfian", "while_loop")


def __getattr__(name):
    return getattr(_operators, name)


def __dir__():
    return sorted({*_OWN, *dir(_operators)})


# -- numbers that are none ---------------------------------------------------------------------------------------------


def isnan(data):
    """1 where elements are NaN, else 0; shape and dtype of `data`."""
    return data != data


def isinf(data):
    """1 where elements are infinite, else 0; shape and dtype of `data`."""
    return abs(data) == math.inf


def isfinite(data):
    """1 where elements are neither infinite nor NaN, else 0; shape and dtype of `data`."""
    return abs(data) < math.inf


# -- draws for sampled losses ------------------------------------------------------------------------------------------


def rand_zipfian(true_classes, num_sampled, range_max, ctx=None):
    """Classes below `range_max`, so many, of which k has the probability log((k + 2) / (k + 1)) / log(range_max + 1).

    Returns these, int64 (num_sampled,), and how often each of `true_classes` (an NDArray of any shape), and each of the
    drawn ones, is expected among as many draws, float64."""
    if range_max < 1:
        raise ArgumentError(f"rand_zipfian takes range_max, how many classes there are, but got {range_max!r:.80}")
    whole = math.log(range_max + 1)
    draws = random.uniform(0, whole, shape=(num_sampled,), dtype="float64", ctx=ctx)
    sampled = run("expm1", draws).astype("int64") % range_max

    def expected(classes):
        classes = classes.astype("float64")
        return run("log", (classes + 2) / (classes + 1)) * (num_sampled / whole)

    return sampled, expected(true_classes), expected(sampled)


# -- loops and branches ------------------------------------------------------------------------------------------------


def foreach(body, data, init_states):
    """Call `body(row, states)` with each row of `data` along axis 0, and the states that the call before returned.

    body returns an output and the next states. data, init_states, output, states: an NDArray, or a nested list of them
    (rows of all arrays of `data` at once). Returns the outputs, stacked along a new axis 0, and the last states."""
    arrays, form = _flat("foreach input", data)
    _flat("foreach states", init_states)
    if not arrays:
        raise ArgumentError("foreach takes an array to walk along, but got an empty list")
    lengths = {len(array) for array in arrays}
    if len(lengths) > 1:
        raise ArgumentError(f"foreach takes arrays of one length, but got {[array.shape for array in arrays]}")
    states, outputs, output_form = init_states, [], []
    for i in range(len(arrays[0])):
        result, states = _pair("body", body(_nested(iter([array[i] for array in arrays]), form), states))
        values, output_form = _flat("foreach output", result)
        _flat("foreach states", states)
        outputs.append(values)
    return _nested(iter(_stacked("foreach", outputs)), output_form), states


def while_loop(cond, func, loop_vars, max_iterations=None):
    """Call `func(*loop_vars)` while `cond(*loop_vars)` is true, `max_iterations` times at most.

    func returns an output (None, an NDArray or a list) and the next loop_vars, as many as before; loop_vars: an NDArray
    or a list. Returns the outputs, stacked along a new axis 0 of length max_iterations, zeros behind the last step (a
    list without elements if there was no step), and the last loop_vars."""
    try:
        most = int(max_iterations)
    except (TypeError, ValueError):
        raise ArgumentError(f"while_loop takes max_iterations, an integer, but got {max_iterations!r:.80}") from None
    variables, form = _flat("while_loop variables", loop_vars)
    if not variables:
        raise ArgumentError("loop_vars should contain at least one element")
    outputs, output_form = [], []
    while len(outputs) < most and cond(*variables):
        result, new = _pair("func", func(*variables))
        values, output_form = _flat("while_loop output", [] if result is None else result)
        count, (variables, _) = len(variables), _flat("while_loop variables", new)
        if len(variables) != count:
            raise ArgumentError(
                f"The length of loop_vars should be consistent during the loop: {count}, but func gave {len(variables)}"
            )
        outputs.append(values)
    stacked = [_filled_up(output, most) for output in _stacked("while_loop", outputs)]
    return _nested(iter(stacked), output_form), _nested(iter(variables), form)


def cond(pred, then_func, else_func):
    """`then_func()` if `pred`, an NDArray of one element or a number, is not zero; else `else_func()`."""
    return then_func() if pred else else_func()


def _pair(name, result):
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise ArgumentError(f"{name} returns an output and what the next step takes, but gave {result!r:.200}")
    return result


def _flat(what, nested):
    """The NDArrays in nested lists in order, and the form of these lists, with None in place of each array."""
    if isinstance(nested, NDArray):
        return [nested], None
    if not isinstance(nested, (list, tuple)):
        raise ArgumentError(f"{what} must be (nested) list of NDArray, but got {nested!r:.80} of type {type(nested)}")
    parts = [_flat(what, part) for part in nested]
    return [array for arrays, _ in parts for array in arrays], [form for _, form in parts]


def _nested(arrays, form):
    """The next arrays in lists of that form."""
    return next(arrays) if form is None else [_nested(arrays, part) for part in form]


def _stacked(name, outputs):
    """For each output of the steps, an array of what all steps gave for it."""
    counts = {len(values) for values in outputs}
    if len(counts) > 1:
        raise ArgumentError(f"{name}: each step gives the same number of outputs, but got {sorted(counts)}")
    return [run("stack", *values, axis=0) for values in zip(*outputs)]


def _filled_up(array, length):
    missing = length - len(array)
    if not missing:
        return array
    zeros = run("_zeros", shape=(missing, *array.shape[1:]), dtype=array.dtype.__name__)
    return run("Concat", array, zeros, dim=0)

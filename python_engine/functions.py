"""Operators as Python functions: how arguments find their places, and what `help` says."""

import numpy as np

from . import calls, ops  # noqa: F401  ops fills the table
from .attributes import expected
from .context import Context, check_usable
from .errors import ArgumentError, ComputeError, MXNetError, ShapeError
from .ndarray import NDArray
from .registry import HEAD, OPERATORS, ZERO

PLAIN = frozenset((int, float, str, bool, tuple, list, type(None)))
GRADIENTS = {
    HEAD: "Gradient: that of a loss, not the derivative of the output.",
    ZERO: "Gradient: zeros.",
    None: "Gradient: none; a backward through it raises.",
}

# Divisions by zero and overflows give inf and nan, as in MXNet, and no warnings. As a decorator, errstate costs half.
call = np.errstate(all="ignore")(calls.invoke)
call_for = np.errstate(all="ignore")(calls.invoke_for)


def run(name, *arrays, **attrs):
    """The output of an operator that has one, given attributes as it takes them."""
    operator = OPERATORS[name]
    return call(operator, list(arrays), {**operator.defaults, **attrs})[0]


def function_of(operator, name):
    """The operator under one of its names, as MXNet's Python has it: arrays, then attributes, by position or name.

    `out` is an array, or a list of them, to write to; `name` is ignored. Returns an NDArray, or a list of several."""
    count = -1 if operator.variadic or operator.required else len(operator.inputs)
    defaults, single = operator.defaults, operator.single

    def function(*args, out=None, name=None, **given):
        if given or len(args) != count:
            arrays, attrs = _arguments(operator, args, given)
        else:
            arrays, attrs = list(args), defaults.copy()
        for array in arrays:
            if type(array) is not NDArray:
                _check_arrays(operator, arrays)
                break
        if out is not None:
            return _write(operator, arrays, attrs, out)
        try:
            outputs = call(operator, arrays, attrs)
        except MXNetError:
            raise
        except (ArithmeticError, LookupError, TypeError, ValueError) as reason:  # NumPy's, as for a shape too large
            operator.check_attributes(attrs)
            shapes = [list(x.data.shape) for x in arrays if x is not None]
            message = f"{type(reason).__name__}: {reason}, in operator {operator.name} on arrays of {shapes}"
            raise ComputeError(message, operator.name, shapes) from reason
        if single:
            return outputs[0]
        visible = operator.visible_count(attrs)
        return outputs[0] if visible == 1 else outputs[:visible]

    function.__name__ = function.__qualname__ = name
    function.__doc__ = describe(operator, name)
    function.__module__ = "python_engine.nd"
    return function


def _arguments(operator, args, given):
    """The list of input arrays and the dict of parsed attributes of a call."""
    if len(args) == len(operator.inputs) and not operator.variadic and given.keys().isdisjoint(operator.inputs):
        arrays = list(args)
    else:
        arrays = _placed(operator, args, given)
        operator.check_inputs(len(arrays))
    for name, value in given.items():
        if type(value) not in PLAIN:
            given[name] = _plain(value)
    return arrays, operator.parse(given)


def _placed(operator, args, given):
    """The arrays of a call in their order; what else was given by position goes to `given` under its name."""
    inputs = operator.inputs
    if operator.variadic:
        return [*args, *given.pop(operator.variadic, ())]
    if len(args) > len(inputs) + len(operator.attributes):
        raise ArgumentError(f"Too many arguments: {operator.signature()} got {len(args)}")
    arrays = list(args[: len(inputs)])
    for name, value in zip(operator.attributes, args[len(inputs) :], strict=False):
        if name in given:
            raise ArgumentError(f"{operator.name} got two values for {name}")
        given[name] = value
    for position, name in enumerate(inputs):
        if name in given:
            arrays += [None] * (position + 1 - len(arrays))
            if arrays[position] is not None:
                raise ArgumentError(f"{operator.name} got two values for {name}")
            arrays[position] = given.pop(name)
    while arrays and arrays[-1] is None:
        arrays.pop()
    return arrays


def _plain(value):
    """An attribute's value in the words that the table's types understand."""
    if isinstance(value, (type, np.dtype)):
        return np.dtype(value).name
    if isinstance(value, Context):
        check_usable(value)
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    return value


def _check_arrays(operator, arrays):
    for position, array in enumerate(arrays):
        name = operator.variadic or operator.inputs[position]
        if array is None and name not in operator.optional:
            raise ArgumentError(f"Operator {operator.name} needs an array for {name}, but got None")
        if array is not None and type(array) is not NDArray:
            raise ArgumentError(f"Argument {name} must have NDArray type, but got {array!r:.200} in {operator.name}")


def _write(operator, inputs, attrs, out):
    """Put the outputs where `out` says."""
    targets = [out] if isinstance(out, NDArray) else out
    if not isinstance(targets, (list, tuple)) or not all(isinstance(target, NDArray) for target in targets):
        raise ArgumentError(f"out is an NDArray or a list of them, but got {out!r:.200} in {operator.name}")
    if not operator.inputs and targets and "shape" in attrs and not attrs["shape"]:
        attrs = {**attrs, "shape": targets[0].shape}  # what is made from nothing is made like `out`
    outputs = call_for(operator, inputs, attrs, targets)[: operator.visible_count(attrs)]
    if len(targets) != len(outputs):
        raise ArgumentError(f"Operator {operator.name} has {len(outputs)} outputs, but out holds {len(targets)} arrays")
    for target, output in zip(targets, outputs, strict=True):
        if target.data.shape != output.data.shape or target.data.dtype != output.data.dtype:
            raise ShapeError(
                f"Operator {operator.name} gives {output.data.dtype} of shape {output.data.shape}, but out is "
                f"{target.data.dtype} of shape {target.data.shape}"
            )
    for target, output in zip(targets, outputs, strict=True):
        calls.store(target, output, inputs)
    return out


def parts_of(indices_or_sections):
    """The attributes of `_split_v2` that split_v2's argument stands for: a number of parts, or the positions between
    them in a tuple."""
    if isinstance(indices_or_sections, int):
        return {"indices": (), "sections": indices_or_sections}
    if isinstance(indices_or_sections, tuple):
        return {"indices": (0, *indices_or_sections)}
    raise ArgumentError(f"indices_or_sections must be an int or a tuple of ints, but is {indices_or_sections!r:.80}")


def describe(operator, name):
    """What `help` shows of an operator: its call, what it computes, its attributes and its gradient."""
    lines = [name + operator.signature()[len(operator.name) : -1] + ", out=None)", "", operator.doc]
    if operator.attributes:
        lines += ["", "Attributes:"]
    for attribute, type_ in operator.attributes.items():
        default = f", default {operator.defaults[attribute]!r}" if attribute in operator.defaults else ""
        lines.append(f"    {attribute}: {expected(type_)}{default}")
    lines += ["", GRADIENTS.get(operator.differentiable, "Gradient: yes, of any order.")]
    if operator.name != name:
        lines += ["", f"An alias of {operator.name}."]
    return "\n".join(lines)


class Namespace:
    """The operators whose names begin with a prefix, without it: `mx.nd.linalg.gemm2` is `_linalg_gemm2`.

    make: what makes a function of an operator and its name."""

    def __init__(self, prefix, make=function_of):
        self._prefix, self._make = prefix, make

    def __getattr__(self, name):
        operator = OPERATORS.get(self._prefix + name)
        if operator is None:
            raise AttributeError(f"there is no operator {self._prefix}{name}")
        function = self._make(operator, self._prefix + name)
        setattr(self, name, function)
        return function

    def __dir__(self):
        return [name[len(self._prefix) :] for name in OPERATORS if name.startswith(self._prefix)]

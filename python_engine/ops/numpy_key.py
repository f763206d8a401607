"""NumPy's index in full: integers, ranges, the ellipsis, masks and arrays of positions in one key."""

import re

import numpy as np

from ..attributes import Maybe, Shape
from ..errors import ArgumentError, ShapeError
from .numpy_common import back_to, numpy_operator, shown

_RANGE = re.compile(r"(-?\d+)?:(-?\d+)?(?::(-?\d+)?)?")
_INTEGER = re.compile(r"-?\d+")


def _key(name, text, arrays):
    """The key that a text such as `0,1:5:2,...,@` spells, in which each @ is the next of the arrays and each ? the next
    one as a mask, unless it holds other numbers than 0 and 1."""
    rest, key = list(arrays), []
    for word in text.split(","):
        if word in ("@", "?"):
            if not rest:
                raise ArgumentError(f"the key {text!r} names more than the {len(arrays)} arrays given, in {name}")
            array = rest.pop(0)
            key.append(array != 0 if word == "?" and np.isin(array, (0, 1)).all() else _positions(name, array))
        elif word == "...":
            key.append(Ellipsis)
        elif _INTEGER.fullmatch(word):
            key.append(int(word))
        elif range_ := _RANGE.fullmatch(word):
            key.append(slice(*(int(part) if part else None for part in range_.groups())))
        else:
            raise ArgumentError(f"{word!r} is no part of an index: the key is {text!r}, in operator {name}")
    if rest:
        raise ArgumentError(f"the key {text!r} names fewer than the {len(arrays)} arrays given, in operator {name}")
    return tuple(key)


def _positions(name, x):
    if x.dtype.kind == "f":
        if not np.array_equal(x, np.round(x)):
            raise ArgumentError(f"positions are integers, but an array of {shown(x)} holds others, in operator {name}")
        return x.astype(np.int64)
    return x.astype(np.uint8) if x.dtype.kind == "b" else x


def _check_arrays(name, data, least):
    if len(data) < least:
        raise ArgumentError(f"Operator {name} takes at least {least} arrays here, but got {len(data)}")


def _at(name, data, act):
    try:
        return act(data)
    except IndexError as reason:
        raise ShapeError(f"{reason}, of an array of shape {list(data.shape)}, in operator {name}") from None
    except ValueError as reason:
        raise ShapeError(f"{reason}, in operator {name}") from None


@numpy_operator("_npi_getitem", shape="value", fails=True)
def getitem(*data, key: str):
    """The part of the first array that a key selects: integers, ranges first:end:step, `...`, and for each @ and ? the
    next of the other arrays, positions or a mask. Source: NumPy's advanced indexing."""
    _check_arrays("_npi_getitem", data, 1)
    x, *arrays = data
    index = _key("_npi_getitem", key, arrays)
    return _at("_npi_getitem", x, lambda x: np.array(x[index]))


@getitem.gradient
def _(F, g, data, key):
    return [F._backward_getitem(g, *data[1:], key=key, shape=tuple(data[0].shape)), *[None] * (len(data) - 1)]


@numpy_operator("_backward_getitem")
def backward_getitem(*data, key: str, shape: Shape):
    """Zeros of `shape` to which the first array is added where `_npi_getitem` would take it from."""
    g, *arrays = data
    result = np.zeros(shape, g.dtype)
    np.add.at(result, _key("_npi_getitem", key, arrays), g)
    return result


@backward_getitem.gradient
def _(F, g, data, key):
    return [F._npi_getitem(g, *data[1:], key=key), *[None] * (len(data) - 1)]


@numpy_operator("_npi_setitem", fails=True)
def setitem(*data, key: str, scalar: Maybe(float) = None):
    """A copy of the first array in which the part that a key selects is the last array, or the number `scalar`.

    The key and the arrays between are those of `_npi_getitem`; the last array must broadcast to the part."""
    _check_arrays("_npi_setitem", data, 1 if scalar is not None else 2)
    x, arrays, value = _parts(data, scalar)
    result = x.copy()
    value = np.array(scalar).astype(x.dtype) if value is None else value.astype(x.dtype, copy=False)
    index = _key("_npi_setitem", key, arrays)

    def write(x):
        x[index] = value

    _at("_npi_setitem", result, write)
    return result


def _parts(data, scalar):
    """The array, what the key names, and the value or None."""
    return (data[0], list(data[1:]), None) if scalar is not None else (data[0], list(data[1:-1]), data[-1])


@setitem.gradient
def _(F, g, data, key, scalar):
    _, arrays, value = _parts(data, scalar)
    into = [F._npi_setitem(g, *arrays, key=key, scalar=0.0), *[None] * len(arrays)]
    return into if value is None else [*into, back_to(F, F._npi_getitem(g, *arrays, key=key), value.shape, value.dtype)]

"""`x[key]` and `x[key] = value`, with keys as NumPy's.

A key of numbers and slices gives a view that shares memory where the part lies in one piece, as rows of axis 0 do, else
a copy; `x[:]` and `x[()]` are the array itself. A key that holds arrays or lists gives a copy; booleans choose where
they are true, fractions are cut off. MXNet has no arrays without axes, so one element has shape (1,).
"""

import math

import numpy as np

from . import calls, sparse, tape
from .errors import ArgumentError, AutogradError, MXNetError, ShapeError
from .functions import call, run
from .ndarray import NDArray
from .registry import OPERATORS
from .sparse import Sparse, dense

WHOLE = slice(None)
_view_at, _view_slice = OPERATORS["_view_at"], OPERATORS["_view_slice"]


class OutOfBoundsError(MXNetError, IndexError):
    """A key that names what the array does not have."""


def get(x, key):
    """The part of `x` that `key` names; the tape knows."""
    shape = x.data.shape
    if sparse.exists and isinstance(x.data, Sparse):
        return _rows(x, key)
    if type(key) is int and shape:
        return call(_view_at, [x], {"index": _position(key, shape, 0)})[0]
    if type(key) is slice and shape:
        begin, end, step = key.indices(shape[0])
        if step == 1 and key.start is None and key.stop is None:
            return x
        if step == 1 and begin < end:
            return call(_view_slice, [x], {"begin": begin, "end": end})[0]
    if type(key) is tuple and not key and shape:
        return x
    items = _items(key, shape)
    return _gather(x, items) if any(isinstance(item, np.ndarray) for item in items) else _crop(x, items)


def _rows(x, key):
    """The rows of a csr array that a number or a slice names, as a csr array; of a row_sparse one, all of it."""
    if type(key) is slice and key == WHOLE:
        return x
    if x.stype == "csr" and type(key) is int:
        row = _position(key, x.data.shape, 0)
        return run("slice", x, begin=(row,), end=(row + 1,))
    if x.stype == "csr" and type(key) is slice and key.step in (None, 1):
        return run("slice", x, begin=(key.start,), end=(key.stop,))
    raise ArgumentError(f"[{key!r:.80}] of a {x.stype} array: rows of csr arrays can be taken, and tostype('default')")


def put(x, key, value):
    """Write numbers, an array or a nested list to the part of `x` that `key` names; `value` broadcasts."""
    recording = tape.state.recording
    if recording and tape.is_on_tape(x):
        raise AutogradError(calls.IN_GRAPH)
    whole = key is Ellipsis or (type(key) is slice and key == WHOLE)
    if recording and isinstance(value, NDArray) and tape.is_on_tape(value):
        if not whole:
            raise AutogradError(calls.IN_GRAPH)
        calls.store(x, _broadcast(value, x.data.shape).astype(x.data.dtype))
        return
    if isinstance(x.data, Sparse):
        if not whole:
            raise ArgumentError(f"a {x.data.stype} array is written as a whole, x[:] = value, but got [{key!r:.80}]")
        x.assign(_values(value, x.data.dtype))
        return
    items = _items(key, x.data.shape)
    target = x.writable()
    values = _values(value, target.dtype)
    try:
        if any(isinstance(item, np.ndarray) for item in items):
            target[tuple(items)] = values
        else:
            part = target[(*items, ...)]  # a view, even of one element
            spare = values.ndim - part.ndim
            np.copyto(part, values.reshape(values.shape[spare:]) if spare > 0 else values)
    except IndexError as reason:
        raise OutOfBoundsError(str(reason)) from None
    except ValueError:
        raise ShapeError(
            f"values of shape {values.shape} cannot be broadcast to [{key!r:.80}] of an array of shape {x.data.shape}"
        ) from None


def _broadcast(value, shape):
    if value.data.shape == shape:
        return value
    return run("broadcast_to", value.reshape((1,) * (len(shape) - value.data.ndim) + value.data.shape), shape=shape)


def _values(value, dtype):
    """What is assigned, as an array of that dtype."""
    try:
        values = np.asarray(dense(value.data) if isinstance(value, NDArray) else value)
        if values.dtype.kind not in "biuf":
            raise ValueError(f"it gives an array of {values.dtype}")
    except ValueError as reason:
        raise ArgumentError(f"an NDArray cannot be assigned {value!r:.80} of type {type(value)}: {reason}") from None
    with np.errstate(all="ignore"):
        return values.astype(dtype, copy=False)


# -- keys --------------------------------------------------------------------------------------------------------------


def _items(key, shape):
    """The key as a list of None (a new axis), slices, positions from 0, and arrays of them, for all axes in order."""
    items = [_plain(item) for item in (key if isinstance(key, tuple) else (key,))]
    used = sum(map(_axes_of, items))
    if used > len(shape):
        raise OutOfBoundsError(f"too many indices ({used}) for array with {len(shape)} dimensions")
    gaps = [position for position, item in enumerate(items) if item is Ellipsis] or [len(items)]
    if len(gaps) > 1:
        raise OutOfBoundsError("an index can only have a single ellipsis ('...')")
    items[gaps[0] : gaps[0] + 1] = [WHOLE] * (len(shape) - used)
    result, axis = [], 0
    for item in items:
        if isinstance(item, int):
            result.append(_position(item, shape, axis))
        elif isinstance(item, np.ndarray):
            result += _positions(item, shape, axis)
        else:
            result.append(item)
        axis += _axes_of(item)
    return result


def _plain(item):
    """One item of a key as what NumPy takes: None, Ellipsis, a slice, an int, an array of int64 or bool."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, (int, np.integer)):
        return int(item)
    if isinstance(item, (list, tuple, range, np.ndarray, NDArray)):
        array = dense(item.data) if isinstance(item, NDArray) else np.asarray(item)
        if array.dtype.kind == "b" and array.ndim:
            return array
        if array.dtype.kind in "iuf":
            return array.astype(np.int64) if array.ndim else int(array)
    raise ArgumentError(f"NDArray does not support slicing with key {item!r:.80} of type {type(item)}.")


def _axes_of(item):
    """How many axes of the array an item of a key speaks of."""
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype.kind == "b" else 1


def _position(index, shape, axis):
    length = shape[axis]
    if not -length <= index < length:
        raise OutOfBoundsError(f"index {index} is out of bounds for axis {axis} with size {length}")
    return index + length if index < 0 else index


def _positions(array, shape, axis):
    """An array of positions as a list of one, with positions from 0; one of booleans as where they are true."""
    if array.dtype.kind == "b":
        if array.shape != shape[axis : axis + array.ndim]:
            raise OutOfBoundsError(
                f"a mask of shape {array.shape} does not fit axis {axis} of an array of shape {shape}"
            )
        return list(np.nonzero(array))
    length = shape[axis]
    wrong = array[(array < -length) | (array >= length)]
    if wrong.size:
        raise OutOfBoundsError(f"index {wrong.flat[0]} is out of bounds for axis {axis} with size {length}")
    return [np.where(array < 0, array + length, array)]


# -- reading -----------------------------------------------------------------------------------------------------------


def _crop(x, items):
    """The part named by positions, slices and new axes."""
    while items and isinstance(items[0], int) and (x.data.ndim > 1 or len(items) == 1):
        x, items = call(_view_at, [x], {"index": items[0]})[0], items[1:]
        if not items:
            return x
    shape = x.data.shape
    slices = [slice(item, item + 1) if isinstance(item, int) else item for item in items if item is not None]
    ranges = [range(length)[part] for part, length in zip(slices, shape, strict=True)]
    lengths, final = iter(map(len, ranges)), []
    for item in items:
        length = 1 if item is None else next(lengths)
        if not isinstance(item, int):
            final.append(length)
    final = tuple(final) or (1,)
    if not shape:
        return run("_view_reshape", x, shape=final)
    if _is_one_piece(ranges, shape):
        part = _piece(x, ranges, shape)
        return run("_view_reshape", part, shape=final) if part is x or part.data.shape != final else part
    begin, end, step = zip(*((part.start, part.stop, part.step) for part in slices), strict=True)
    part = run("slice", x, begin=begin, end=end, step=step)
    return part if part.data.shape == final else run("_backward_reshape", part, shape=final)


def _is_one_piece(ranges, shape):
    """True where the elements lie one after the other: one position, then one run, then whole axes."""
    axis = next((axis for axis, r in enumerate(ranges) if len(r) != 1), len(shape) - 1)
    return (
        all(ranges)
        and (ranges[axis].step == 1 or len(ranges[axis]) == 1)
        and all(r == range(length) for r, length in zip(ranges[axis + 1 :], shape[axis + 1 :], strict=True))
    )


def _piece(x, ranges, shape):
    if all(r == range(length) for r, length in zip(ranges[1:], shape[1:], strict=True)):
        begin, count = ranges[0].start, len(ranges[0])
    else:
        begin = sum(r.start * math.prod(shape[axis + 1 :]) for axis, r in enumerate(ranges))
        count = math.prod(map(len, ranges))
        x = run("_view_reshape", x, shape=(x.data.size,))
    return x if count == x.data.shape[0] else run("_view_slice", x, begin=begin, end=begin + count)


def _gather(x, items):
    """The elements or rows at arrays of positions; a single position beside them counts as such an array."""
    axes = [axis for axis, item in enumerate(items) if isinstance(item, (int, np.ndarray))]
    x = _crop(x, [WHOLE if axis in axes else item for axis, item in enumerate(items)])
    try:
        positions = np.broadcast_arrays(*(items[axis] for axis in axes))
    except ValueError:
        shapes = " ".join(str(np.shape(items[axis])) for axis in axes)
        raise OutOfBoundsError(f"indexing arrays could not be broadcast together with shapes {shapes}") from None
    if len(axes) == 1:
        return run("take", x, NDArray(positions[0]), axis=axes[0], mode="clip")
    others = [axis for axis in range(x.data.ndim) if axis not in axes]
    found = run("gather_nd", run("transpose", x, axes=(*axes, *others)), NDArray(np.stack(positions)))
    before, new = axes[0], positions[0].ndim
    if before == 0 or axes != list(range(before, before + len(axes))):
        return found  # arrays with a slice between them put their axes first, as in NumPy
    order = [*range(new, new + before), *range(new), *range(new + before, found.data.ndim)]
    return run("transpose", found, axes=tuple(order))

"""NumPy's operators that give the same elements another shape or another order."""

import math

import numpy as np

from ..attributes import Shape
from ..errors import ArgumentError, ShapeError
from .numpy_common import (
    AXES,
    back_to,
    normal_axes,
    normal_axis,
    numpy_operator,
)


def _back(F, g, a_shape):
    return F._backward_reshape(g, shape=a_shape)


# -- shapes ------------------------------------------------------------------------------------------------------------


def _check_order(name, order):
    if order not in ("C", "A"):
        if order == "F":
            raise ArgumentError(f"order='F' is not supported: order is 'C', in operator {name}")
        raise ArgumentError(f"order is 'C', but got {order!r}, in operator {name}")


@numpy_operator("_np_reshape", views=True)
def reshape(a, *, newshape: Shape, order: str = "C"):
    """The same values in another shape, of which one dimension may be -1: what is left."""
    _check_order("_np_reshape", order)
    return a.reshape(_inferred("_np_reshape", newshape, a.shape))


def _inferred(name, new, old):
    size, known = math.prod(old), math.prod(n for n in new if n != -1)
    if new.count(-1) == 1 and known > 0 and size % known == 0 and min(new) == -1:
        return tuple(size // known if n == -1 else n for n in new)
    if min(new, default=0) < 0 or known != size:
        raise ShapeError(f"cannot reshape array of size {size} into shape {new}, in operator {name}")
    return new


@numpy_operator("_npx_reshape", "_npi_reshape", views=True)
def npx_reshape(a, *, newshape: Shape, reverse: bool = False, order: str = "C"):
    """The same values in another shape, with codes: -1 infer, -2 keep, -3 drop an axis of length 1, -4 copy the rest,
    -5 merge two, -6 split one into the next two.

    reverse: match the codes from the right."""
    _check_order("_npx_reshape", order)
    if reverse:
        groups = _code_groups(newshape)
        new = _decoded([code for group in reversed(groups) for code in _reversed(group)], a.shape[::-1])[::-1]
    else:
        new = _decoded(newshape, a.shape)
    return a.reshape(_inferred("_npx_reshape", tuple(new), a.shape))


def _code_groups(codes):
    groups, i = [], 0
    while i < len(codes):
        length = 3 if codes[i] == -6 else 1
        groups.append(codes[i : i + length])
        i += length
    return groups


def _reversed(group):
    return (group[0], *group[:0:-1])


def _decoded(codes, old):
    new, position = [], 0
    codes = list(codes)
    try:
        while codes:
            code = codes.pop(0)
            if code >= -1:
                new.append(code)
                position += 1
            elif code == -2:
                new.append(old[position])
                position += 1
            elif code == -3:
                if old[position] != 1:
                    raise ShapeError(f"-3 drops an axis of length 1, but axis {position} of {list(old)} has another")
                position += 1
            elif code == -4:
                new += old[position:]
                position = len(old)
            elif code == -5:
                new.append(old[position] * old[position + 1])
                position += 2
            elif code == -6:
                left, right = codes.pop(0), codes.pop(0)
                left = old[position] // right if left == -1 else left
                right = old[position] // left if right == -1 else right
                if left * right != old[position]:
                    raise ShapeError(f"-6 cannot split {old[position]} into {left} x {right}")
                new += [left, right]
                position += 1
            else:
                raise ShapeError(f"{code} is no dimension and no code of _npx_reshape")
    except (IndexError, ZeroDivisionError):
        raise ShapeError(f"newshape={tuple(codes)} does not fit an array of shape {list(old)}") from None
    return new


reshape.gradient(_back)
npx_reshape.gradient(_back)


@numpy_operator("_np_squeeze", views=True)
def squeeze(a, *, axis: AXES = None):
    """Without axes of length 1: all of them, or those that `axis` names."""
    axes = [i for i, n in enumerate(a.shape) if n == 1] if axis is None else normal_axes("_np_squeeze", axis, a.ndim)
    for i in axes:
        if a.shape[i] != 1:
            raise ShapeError(f"cannot squeeze out axis {i} of {list(a.shape)}, whose length is not 1, in _np_squeeze")
    return a.reshape([n for i, n in enumerate(a.shape) if i not in axes])


squeeze.gradient(_back)


@numpy_operator("_np_moveaxis", views=True)
def moveaxis(a, *, source: Shape, destination: Shape):
    """The axes `source` moved to `destination`; the others keep their order."""
    return a.transpose(_moved_order(a.ndim, source, destination))


def _moved_order(ndim, source, destination):
    if len(source) != len(destination):
        raise ShapeError(f"source={source} and destination={destination} differ in length, in operator _np_moveaxis")
    normal_axes("_np_moveaxis", source, ndim), normal_axes("_np_moveaxis", destination, ndim)
    source, destination = [a % ndim for a in source], [a % ndim for a in destination]
    order = [a for a in range(ndim) if a not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        order.insert(place, axis)
    return order


@moveaxis.gradient
def _(F, g, source, destination):
    return F._np_moveaxis(g, source=destination, destination=source)


@numpy_operator("_npi_broadcast_to", views=True)
def broadcast_to(array, *, shape: Shape = ()):
    """Repeated along axes of length 1, and along new ones in front, to `shape`."""
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ShapeError(f"shape {list(array.shape)} does not broadcast to {shape}, in _npi_broadcast_to") from None


@broadcast_to.gradient
def _(F, g, array_shape):
    return back_to(F, g, array_shape, g.dtype)


def _declare_at_least(ndim, widen):
    name = f"_np_atleast_{ndim}d"

    def compute(*arys, num_args: int = 0):
        if not arys or num_args not in (0, len(arys)):
            raise ArgumentError(f"{name} takes num_args={num_args} arrays, at least 1, but got {len(arys)}")
        return [x.reshape(widen(x.shape)).copy() for x in arys]

    compute.__doc__ = f"Each array with {ndim} axes or more, new ones of length 1.\n\nOutputs: as many as arrays."
    row = numpy_operator(name, outputs="num_args")(compute)
    row.gradient(lambda F, g, arys_shapes: [F._backward_reshape(x, shape=s) for x, s in zip(g, arys_shapes)])


_declare_at_least(1, lambda s: s or (1,))
_declare_at_least(2, lambda s: (1,) * (2 - len(s)) + s)
_declare_at_least(3, lambda s: (1, *s, 1) if len(s) == 1 else s + (1,) * (3 - len(s)))


# -- order of elements -------------------------------------------------------------------------------------------------


@numpy_operator("_np_roll")
def roll(data, *, shift: AXES = None, axis: AXES = None):
    """Elements moved by `shift` places along axes, those beyond the end to the beginning; flattened without axes."""
    if shift is None:
        raise ArgumentError("Operator _np_roll needs shift: by how many places elements move")
    if axis is None:
        if len(shift) != 1:
            raise ArgumentError(f"without axis, shift is one number, but got {shift}, in operator _np_roll")
        return np.roll(data, shift[0])
    for a in axis:
        normal_axis("_np_roll", a, data.ndim)
    if len(shift) != 1 and len(shift) != len(axis):
        raise ArgumentError(f"shift={shift} and axis={axis} differ in length, in operator _np_roll")
    return np.roll(data, shift if len(shift) > 1 else shift * len(axis), axis)


@roll.gradient
def _(F, g, shift, axis):
    return F._np_roll(g, shift=tuple(-n for n in shift), axis=axis)


@numpy_operator("_npi_rot90")
def rot90(data, *, k: int = 1, axes: AXES = None):
    """Turned by `k` right angles in the plane of two axes, from the first towards the second. axes: (0, 1) if None."""
    axes = (0, 1) if axes is None else axes
    if len(axes) != 2 or len(normal_axes("_npi_rot90", axes, data.ndim)) != 2:
        raise ArgumentError(f"The length of axes must be 2, but got {axes}, in operator _npi_rot90")
    return np.rot90(data, k, axes).copy()


@rot90.gradient
def _(F, g, k, axes):
    return F._npi_rot90(g, k=-k, axes=axes)


@numpy_operator("_npi_flip")
def flip(data, *, axis: AXES = None):
    """The elements in reverse order along axes; None: along all."""
    return np.flip(data, normal_axes("_npi_flip", axis, data.ndim)).copy()


@flip.gradient
def _(F, g, axis):
    return F._npi_flip(g, axis=axis)

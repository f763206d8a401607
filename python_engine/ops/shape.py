"""Operators that give the same values another shape, or the same elements another order."""

import math

import numpy as np

from ..attributes import Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import all_equal, from_inputs, is_known, with_length
from ..registry import operator
from .common import normal_axis


def resolve_shape(old, codes, reverse=False):
    """The shape that MXNet's codes stand for: 0 keep, -1 infer, -2 copy the rest, -3 merge two, -4 split into two.

    ShapeError where the sizes do not fit.
    """
    if reverse:
        return tuple(reversed(resolve_shape(old[::-1], tuple(codes)[::-1])))
    new, source, infer, i, codes = [], list(old), -1, 0, list(codes)
    position = 0
    try:
        while i < len(codes):
            code = codes[i]
            if code == 0:
                new.append(source[position])
                position += 1
            elif code == -1:
                if infer >= 0:
                    raise ShapeError(f"one and only one dim can be inferred (-1), but shape={tuple(codes)}")
                infer = len(new)
                new.append(1)
                position += 1
            elif code == -2:
                new.extend(source[position:])
                position = len(source)
            elif code == -3:
                new.append(source[position] * source[position + 1])
                position += 2
            elif code == -4:
                left, right, whole = codes[i + 1], codes[i + 2], source[position]
                left = whole // right if left == -1 else left
                right = whole // left if right == -1 else right
                if left * right != whole:
                    raise ShapeError(f"-4 cannot split {whole} into {left} x {right}")
                new.extend((left, right))
                position, i = position + 1, i + 2
            elif code > 0:
                new.append(code)
                position += 1
            else:
                raise ShapeError(f"{code} is no dimension and no code of Reshape")
            i += 1
    except (IndexError, ZeroDivisionError):
        raise ShapeError(f"shape={tuple(codes)} does not fit an array of shape {tuple(old)}") from None
    size = math.prod(old)
    if infer >= 0:
        rest = math.prod(new)
        new[infer] = size // rest if rest else 0
    if math.prod(new) != size:
        raise ShapeError(
            f"Check failed: oshape.Size() == dshape.Size(): Target shape size is different to source. "
            f"Target: {new} Source: {list(old)}"
        )
    return tuple(new)


@operator("Reshape", "reshape", shape="reshape", views=True)
def reshape(data, *, shape: Shape = (), reverse: bool = False, target_shape: Shape = (), keep_highest: bool = False):
    """The same values in another shape.

    shape: dimensions, or codes: 0 keep, -1 infer, -2 copy the rest, -3 merge two, -4 split one into the next two.
    reverse: match the codes from the right."""
    if not shape and target_shape:
        shape = (data.shape[0], *target_shape[1:]) if keep_highest else target_shape
        shape = tuple(-1 if n == 0 else n for n in shape)
    if not shape:
        raise ArgumentError("Reshape takes a shape of at least one dimension or code, but shape=() was given")
    new = shape if shape == data.shape else resolve_shape(data.shape, shape, reverse)
    return data.reshape(new)


@reshape.infers
def _(shapes, attrs):
    shape, codes = shapes.ins[0], attrs["shape"]
    if not codes and attrs["target_shape"]:
        codes = tuple(n or -1 for n in attrs["target_shape"])
        codes = (0, *codes[1:]) if attrs["keep_highest"] else codes
    if is_known(shape):
        shapes.output(tuple(resolve_shape(shape, codes, attrs["reverse"])))
    elif codes and min(codes) > 0:
        shapes.output(tuple(codes))
    if shape is not None and shape.count(0) == 1 and is_known(shapes.outs[0]):
        axis = shape.index(0)
        rest = math.prod(shape[:axis] + shape[axis + 1 :])
        shapes.input(0, with_length(shape, axis, math.prod(shapes.outs[0]) // rest))


@operator("_backward_reshape", shape="into_shape", views=True, zero_dim=True)
def into_shape(data, *, shape: Shape):
    """The same values in exactly `shape`: no codes, so that 0 is the length of an empty axis."""
    return data.reshape(shape) if shape else np.asarray(data).reshape(shape)


def _back(F, g, data_shape):
    return F._backward_reshape(g, shape=data_shape)


reshape.gradient(_back)
into_shape.gradient(_back)


@operator("Flatten", "flatten", views=True)
def flatten(data):
    """All axes but the first merged: (n, a, b, ...) becomes (n, a*b*...); (n,) becomes (n, 1)."""
    return data.reshape(data.shape[0], math.prod(data.shape[1:]))


flatten.gradient(_back)
flatten.infers(from_inputs(lambda attrs, shape: (shape[0], math.prod(shape[1:]))))


@operator("expand_dims", shape="expand_dims", views=True)
def expand_dims(data, *, axis: int):
    """Insert an axis of length 1 before `axis` (negative: counted in the result)."""
    axis = normal_axis("expand_dims", axis, data.ndim + 1)
    return data.reshape(*data.shape[:axis], 1, *data.shape[axis:])


expand_dims.gradient(_back)


@operator("squeeze", views=True)
def squeeze(data, *, axis: Maybe(Shape) = None):
    """Drop axes of length 1: all of them, or those that `axis` names. The last one left stays: shape (1,)."""
    if axis is None:
        return data.reshape([n for n in data.shape if n != 1] or (1,))
    axes = [normal_axis("squeeze", a, data.ndim) for a in axis]
    if len(set(axes)) != len(axes):
        raise ArgumentError(f"axis={axis} names an axis twice, in operator squeeze")
    for a in axes:
        if data.shape[a] != 1:
            raise ShapeError(
                f"cannot select an axis to squeeze out which has size={data.shape[a]} not equal to one: "
                f"axis={axis} of {list(data.shape)}, in operator squeeze"
            )
    return data.reshape([n for a, n in enumerate(data.shape) if a not in axes] or (1,))


squeeze.gradient(_back)


@squeeze.infers
def _(shapes, attrs):
    shape, axis = shapes.ins[0], attrs["axis"]
    if shape is None or (axis is None and 0 in shape):
        return
    if axis is None:
        axes = [a for a, n in enumerate(shape) if n == 1]
    else:
        axes = [normal_axis("squeeze", a, len(shape)) for a in axis]
    if any(shape[a] > 1 for a in axes):
        raise ShapeError(f"axis={axis} of {list(shape)} has lengths that are not 1, in operator squeeze")
    shapes.output(tuple(n for a, n in enumerate(shape) if a not in axes) or (1,))


def _span(ndim, begin, end, side):
    """The axes [begin, end) of reshape_like's `side`, as numbers from 0."""
    first = 0 if begin is None else begin + ndim if begin < 0 else begin
    last = ndim if end is None else end + ndim if end < 0 else end
    if not 0 <= first < last <= ndim:
        raise ArgumentError(
            f"{side}_begin={begin}, {side}_end={end} name no axes of an array with {ndim}: begin must be before end, "
            f"both in [-{ndim}, {ndim}], in operator reshape_like"
        )
    return first, last


@operator("reshape_like", views=True)
def reshape_like(
    lhs,
    rhs,
    *,
    lhs_begin: Maybe(int) = None,
    lhs_end: Maybe(int) = None,
    rhs_begin: Maybe(int) = None,
    rhs_end: Maybe(int) = None,
):
    """`lhs` in the shape of `rhs`; or its axes [lhs_begin, lhs_end) replaced by those of rhs [rhs_begin, rhs_end).

    Negative numbers count from the end, None is the first or the last. `rhs` gives its shape only.
    Output: dtype of `lhs`."""
    a, b = _span(lhs.ndim, lhs_begin, lhs_end, "lhs")
    c, d = _span(rhs.ndim, rhs_begin, rhs_end, "rhs")
    new = lhs.shape[:a] + rhs.shape[c:d] + lhs.shape[b:]
    if math.prod(new) != lhs.size:
        raise ShapeError(
            f"Cannot reshape array of shape {list(lhs.shape)} and size {lhs.size} to {list(new)}, "
            f"the shape of {list(rhs.shape)} asked for, in operator reshape_like"
        )
    return lhs.reshape(new)


@reshape_like.infers
def _(shapes, attrs):
    lhs, rhs = shapes.ins
    if lhs is not None and rhs is not None:
        a, b = _span(len(lhs), attrs["lhs_begin"], attrs["lhs_end"], "lhs")
        c, d = _span(len(rhs), attrs["rhs_begin"], attrs["rhs_end"], "rhs")
        shapes.output(lhs[:a] + rhs[c:d] + lhs[b:])


@reshape_like.gradient("lhs")
def _(F, g, lhs_shape):
    return F._backward_reshape(g, shape=lhs_shape)


@operator("transpose", shape="transpose", views=True)
def transpose(data, *, axes: Shape = ()):
    """Permute axes; without `axes`, reverse them."""
    if not axes:
        return data.transpose()
    if sorted(normal_axis("transpose", a, data.ndim) for a in axes) != list(range(data.ndim)):
        raise ShapeError(f"axes={axes} is no permutation of the {data.ndim} axes, in operator transpose")
    return data.transpose(axes)


@transpose.gradient
def _(F, g, axes):
    if not axes:
        return F.transpose(g)
    return F.transpose(g, axes=tuple(int(a) for a in np.argsort([a % len(axes) for a in axes])))


@operator("SwapAxis", "swapaxes", views=True)
def swap_axis(data, *, dim1: int = 0, dim2: int = 0):
    """Exchange axes `dim1` and `dim2` (negative: counted from the end)."""
    return data.swapaxes(normal_axis("SwapAxis", dim1, data.ndim), normal_axis("SwapAxis", dim2, data.ndim))


def _swapped(attrs, shape):
    dims = [normal_axis("SwapAxis", attrs[dim], len(shape)) for dim in ("dim1", "dim2")]
    order = [dims[1 - dims.index(a)] if a in dims else a for a in range(len(shape))]
    return [shape[a] for a in order]


swap_axis.infers(from_inputs(_swapped))


@swap_axis.gradient
def _(F, g, dim1, dim2):
    return F.SwapAxis(g, dim1=dim1, dim2=dim2)


@operator("reverse", "flip")
def reverse(data, *, axis: Shape):
    """The elements in reverse order along each axis in `axis` (from 0).

    Output: shape and dtype of `data`."""
    steps = [1] * data.ndim
    for a in axis:
        if not 0 <= a < data.ndim:
            raise ArgumentError(f"axis={axis}: each must be in [0, {data.ndim}), in operator reverse")
        steps[a] = -steps[a]
    return data[tuple(slice(None, None, step) for step in steps)].copy()


reverse.infers(all_equal)


@reverse.gradient
def _(F, g, axis):
    return F.reverse(g, axis=axis)


def _check_block(operator_name, data, block):
    if data.ndim != 4:
        raise ShapeError(
            f"takes an array of 4 axes (batch, channel, height, width), but got {list(data.shape)}, "
            f"in operator {operator_name}"
        )
    if not 1 <= block < 1 << 15:  # of 0 channels or rows, any number of blocks can be made
        raise ArgumentError(f"block_size must be a positive integer value, but is {block}, in operator {operator_name}")


@operator("depth_to_space", views=True)
def depth_to_space(data, *, block_size: int):
    """Channels become blocks of pixels: (n, c*b*b, h, w) to (n, c, h*b, w*b), b = block_size."""
    _check_block("depth_to_space", data, block_size)
    n, c, h, w = data.shape
    if c % block_size**2:
        raise ShapeError(
            f"the {c} channels of {list(data.shape)} must be a multiple of block_size²={block_size**2}, "
            f"in operator depth_to_space"
        )
    c //= block_size**2
    blocks = data.reshape(n, block_size, block_size, c, h, w)
    return blocks.transpose(0, 3, 4, 1, 5, 2).reshape(n, c, h * block_size, w * block_size)


@depth_to_space.gradient
def _(F, g, block_size):
    return F.space_to_depth(g, block_size=block_size)


@operator("space_to_depth", views=True)
def space_to_depth(data, *, block_size: int):
    """Blocks of pixels become channels: (n, c, h*b, w*b) to (n, c*b*b, h, w), b = block_size."""
    _check_block("space_to_depth", data, block_size)
    n, c, h, w = data.shape
    if h % block_size or w % block_size:
        raise ShapeError(
            f"height and width of {list(data.shape)} must be multiples of block_size={block_size}, "
            f"in operator space_to_depth"
        )
    h, w = h // block_size, w // block_size
    blocks = data.reshape(n, c, h, block_size, w, block_size)
    return blocks.transpose(0, 3, 5, 1, 2, 4).reshape(n, c * block_size**2, h, w)


@space_to_depth.gradient
def _(F, g, block_size):
    return F.depth_to_space(g, block_size=block_size)


@operator("shape_array")
def shape_array(data):
    """The shape of `data` as an array.

    Output: shape (number of axes,), int64."""
    return np.array(data.shape, np.int64)


@operator("size_array")
def size_array(data):
    """The number of elements of `data` as an array.

    Output: shape (1,), int64."""
    return np.array([data.size], np.int64)


shape_array.no_gradient()
size_array.no_gradient()

"""Padding, and the windows of an image as columns of a matrix."""

import itertools
import math

import numpy as np

from ..attributes import Choice, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import from_inputs
from ..registry import operator

MODE = Choice("constant", "edge", "reflect")


@operator("Pad", "pad")
def pad(data, *, mode: MODE, pad_width: Shape, constant_value: float = 0.0):
    """Longer axes: (before_0, after_0, before_1, after_1, ...) = pad_width elements are added.

    data: (batch, channel, height, width) or (batch, channel, depth, height, width); only the axes after the second
    can be padded. mode: with `constant_value`, with the value at the edge, or mirrored at it ("reflect", without
    repeating the edge; less than the axis is long).
    Output: dtype of `data`."""
    if data.ndim not in (4, 5):
        raise ShapeError(f"only supports 4-D or 5-D input, but got {list(data.shape)}, in operator Pad")
    if len(pad_width) != 2 * data.ndim or min(pad_width) < 0 or any(pad_width[:4]):
        raise ArgumentError(
            f"pad_width={pad_width} must hold {2 * data.ndim} numbers from 0, two for each axis of "
            f"{list(data.shape)}, and 0 for the first two axes, in operator Pad"
        )
    widths = list(zip(pad_width[::2], pad_width[1::2], strict=True))
    if mode == "constant":
        result = np.empty([b + n + a for n, (b, a) in zip(data.shape, widths, strict=True)], data.dtype)
        np.copyto(result, constant_value, casting="unsafe")
        result[tuple(slice(b, b + n) for n, (b, _) in zip(data.shape, widths, strict=True))] = data
        return result
    if mode == "reflect" and any(max(width) >= n for n, width in zip(data.shape, widths, strict=True) if any(width)):
        raise ShapeError(
            f"reflection only supports padding sizes smaller than the input size: pad_width={pad_width} of "
            f"{list(data.shape)}, in operator Pad"
        )
    if 0 in data.shape:
        raise ShapeError(f"mode={mode} takes no empty array, but got {list(data.shape)}, in operator Pad")
    return np.pad(data, widths, mode)


def _padded(attrs, shape):
    width = attrs["pad_width"]
    if len(width) != 2 * len(shape):
        raise ShapeError(f"pad_width={width} must hold {2 * len(shape)} numbers, two for each axis of {list(shape)}")
    return [n and n + before + after for n, before, after in zip(shape, width[::2], width[1::2])]


pad.infers(from_inputs(_padded))


@pad.gradient
def _(F, g, mode, pad_width):
    return F._backward_Pad(g, mode=mode, pad_width=pad_width)


@operator("_backward_Pad")
def backward_pad(ograd, *, mode: MODE, pad_width: Shape):
    """`ograd` without its padding; what the padding was copied from receives its gradient too."""
    for axis, (before, after) in enumerate(zip(pad_width[::2], pad_width[1::2], strict=True)):
        if before or after:
            ograd = _fold(ograd, axis, before, after, mode)
    return ograd.copy()


def _fold(g, axis, before, after, mode):
    """The transpose of padding one axis."""
    g = g.swapaxes(0, axis)
    n = len(g) - before - after
    inner = g[before : before + n]
    if mode != "constant":
        inner = inner.copy("K")
        if mode == "edge":
            for i in range(before):
                inner[0] += g[i]
            for i in range(before + n, len(g)):
                inner[-1] += g[i]
        else:
            inner[1 : before + 1] += g[:before][::-1]
            inner[n - 1 - after : n - 1] += g[before + n :][::-1]
    return inner.swapaxes(0, axis)


@backward_pad.gradient
def _(F, g, mode, pad_width):
    return F.Pad(g, mode=mode, pad_width=pad_width)


class _Windows:
    """Where windows of `kernel` lie in images of `size`: as many axes as the kernel has."""

    def __init__(self, operator_name, size, kernel, stride, dilate, pad):
        ndim = len(kernel)
        stride, dilate, pad = stride or (1,) * ndim, dilate or (1,) * ndim, pad or (0,) * ndim
        given = f"kernel={kernel}, stride={stride}, dilate={dilate}, pad={pad}"
        if not ndim or not len(size) == len(stride) == len(dilate) == len(pad) == ndim:
            raise ShapeError(f"{given} must each hold a number for each axis of {size}, in operator {operator_name}")
        if min(*kernel, *stride, *dilate) < 1 or min(pad) < 0:
            raise ArgumentError(f"{given}: all must be positive, pad not negative, in operator {operator_name}")
        self.kernel, self.stride, self.dilate = kernel, stride, dilate
        self.padded = tuple(n + 2 * p for n, p in zip(size, pad, strict=True))
        self.inner = (..., *(slice(p, p + n) for n, p in zip(size, pad, strict=True)))
        reach = [d * (k - 1) + 1 for d, k in zip(dilate, kernel, strict=True)]
        if any(r > n for r, n in zip(reach, self.padded, strict=True)):
            raise ShapeError(f"kernel size exceed input: {given} in images of {size}, in operator {operator_name}")
        self.count = tuple((n - r) // s + 1 for n, r, s in zip(self.padded, reach, stride, strict=True))

    def __iter__(self):
        """For each place in the kernel: the index among the places, and that of its pixels in the padded images."""
        for place in itertools.product(*map(range, self.kernel)):
            starts = [d * i for d, i in zip(self.dilate, place, strict=True)]
            yield (
                (slice(None), slice(None), *place),
                (..., *(slice(b, b + s * (n - 1) + 1, s) for b, s, n in zip(starts, self.stride, self.count))),
            )


@operator("im2col")
def im2col(data, *, kernel: Shape, stride: Shape = (), dilate: Shape = (), pad: Shape = ()):
    """The windows that a convolution with this kernel would look at, as columns of a matrix.

    data: (batch, channel, spatial axes...), as many spatial axes as `kernel` has.
    Output: (batch, channel * size of the kernel, number of windows)."""
    windows = _Windows("im2col", data.shape[2:], kernel, stride, dilate, pad)
    if windows.padded != data.shape[2:]:
        padded = np.zeros(data.shape[:2] + windows.padded, data.dtype)
        padded[windows.inner] = data
        data = padded
    columns = np.empty(data.shape[:2] + kernel + windows.count, data.dtype)
    for place, pixels in windows:
        columns[place] = data[pixels]
    return columns.reshape(len(data), data.shape[1] * math.prod(kernel), math.prod(windows.count))


@im2col.gradient
def _(F, g, data_shape, kernel, stride, dilate, pad):
    return F.col2im(g, output_size=data_shape[2:], kernel=kernel, stride=stride, dilate=dilate, pad=pad)


@operator("col2im")
def col2im(data, *, output_size: Shape, kernel: Shape, stride: Shape = (), dilate: Shape = (), pad: Shape = ()):
    """The transpose of im2col: columns are added up where their windows lie.

    data: (batch, channel * size of the kernel, number of windows in images of `output_size`).
    Output: (batch, channel, *output_size)."""
    windows = _Windows("col2im", output_size, kernel, stride, dilate, pad)
    area, count = math.prod(kernel), math.prod(windows.count)
    if data.ndim != 3 or data.shape[1] % area or data.shape[2] != count:
        raise ShapeError(
            f"takes an array (batch, channel * {area}, {count}) for kernel={kernel} and output_size={output_size}, but "
            f"got {list(data.shape)}, in operator col2im"
        )
    columns = data.reshape(len(data), data.shape[1] // area, *kernel, *windows.count)
    images = np.zeros(columns.shape[:2] + windows.padded, data.dtype)
    for place, pixels in windows:
        images[pixels] += columns[place]
    return images if windows.padded == output_size else images[windows.inner].copy()


@col2im.gradient
def _(F, g, kernel, stride, dilate, pad):
    return F.im2col(g, kernel=kernel, stride=stride, dilate=dilate, pad=pad)

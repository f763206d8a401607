"""Correlation of the neighbourhoods of two images, as in optical flow networks."""

import math

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..inference import is_known
from ..registry import operator
from .common import check_same_dtype, check_same_shape, widened
from .nn import check_floats


class _Windows:
    """Where the neighbourhoods lie: windows of the padded first image, and the same moved in the second."""

    def __init__(self, shape, kernel_size, max_displacement, stride1, stride2, pad_size):
        for word, value, least in (
            ("kernel_size", kernel_size, 1),
            ("max_displacement", max_displacement, 0),
            ("stride1", stride1, 1),
            ("stride2", stride2, 1),
            ("pad_size", pad_size, 0),
        ):
            if value < least:
                raise ArgumentError(f"{word}={value} should be at least {least}, in operator Correlation")
        if kernel_size % 2 == 0:
            raise ArgumentError(f"kernel size should be odd number, but got {kernel_size}, in operator Correlation")
        self.kernel, self.step, self.pad, self.start = kernel_size, stride1, pad_size, max_displacement
        border = max_displacement + kernel_size // 2
        self.sizes = [math.ceil((n + 2 * pad_size - 2 * border) / stride1) for n in shape[2:]]
        if min(self.sizes) < 1:
            raise ShapeError(
                f"Correlation cannot be done with current settings. Neighborhood and kernel don't fit in blob: data "
                f"{list(shape)}, kernel_size={kernel_size}, max_displacement={max_displacement}, pad_size={pad_size}"
            )
        reach = max_displacement // stride2
        moves = [i * stride2 for i in range(-reach, reach + 1)]
        self.moves = [(y, x) for y in moves for x in moves]
        self.shape = (shape[0], len(self.moves), *self.sizes)
        self.elements = kernel_size * kernel_size * shape[1]

    def padded(self, image):
        edge = (self.pad, self.pad)
        return np.pad(image, ((0, 0), (0, 0), edge, edge))

    def cut(self, padded, move=(0, 0)):
        """The part of a padded image that the windows cover, moved."""
        spans = [(size - 1) * self.step + self.kernel for size in self.sizes]
        rows, columns = (slice(self.start + m, self.start + m + n) for m, n in zip(move, spans, strict=True))
        return padded[:, :, rows, columns]

    def _taps(self):
        rows, columns = (
            [slice(k, k + (n - 1) * self.step + 1, self.step) for k in range(self.kernel)] for n in self.sizes
        )
        return [(row, column) for row in rows for column in columns]

    def sums(self, values):
        """The sum over each window of values (N, rows, columns)."""
        return sum(values[(slice(None), *tap)] for tap in self._taps())

    def spread(self, g, covered):
        """The opposite: each window's value at all its elements, as an array (N, 1, rows, columns)."""
        out = np.zeros((len(g), *covered.shape[2:]), g.dtype)
        for tap in self._taps():
            out[(slice(None), *tap)] += g
        return out[:, None]

    def unpadded(self, image):
        inner = slice(self.pad, -self.pad or None)
        return image[:, :, inner, inner]


def _correlate(data1, data2, is_multiply, *window):
    windows = _Windows(data1.shape, *window)
    first, second = windows.padded(widened(data1)), windows.padded(widened(data2))
    here = windows.cut(first)
    out = np.empty(windows.shape, first.dtype)
    for channel, move in enumerate(windows.moves):
        there = windows.cut(second, move)
        products = (here * there if is_multiply else np.abs(here - there)).sum(1)
        out[:, channel] = windows.sums(products)
    out /= windows.elements
    return out.astype(data1.dtype, copy=False)


@operator("Correlation")
def correlation(
    data1, data2, *, kernel_size: int = 1, max_displacement: int = 1, stride1: int = 1, stride2: int = 1,
    pad_size: int = 0, is_multiply: bool = True,
):  # fmt: skip
    """How alike the neighbourhood of each point of one image is to neighbourhoods nearby in another.

    data1, data2: (N, C, H, W), one dtype, padded by `pad_size` zeros. kernel_size: side of a neighbourhood, odd.
    stride1: distance of the points. max_displacement, stride2: how far, and in what steps, to look around.
    is_multiply: mean of products; else of absolute differences.
    Output: (N, D * D, height, width) with D = 2 (max_displacement // stride2) + 1, and height =
    ceil((H + 2 pad_size - 2 (max_displacement + kernel_size // 2)) / stride1).
    Source: Dosovitskiy et al., "FlowNet" (2015)."""
    check_floats("Correlation", data1)
    check_same_dtype("Correlation", data1, data2)
    check_same_shape("Correlation", data1, data2)
    if data1.ndim != 4:
        raise ShapeError(
            f"data should be 4D (batch, channel, y, x), but is {list(data1.shape)}, in operator Correlation"
        )
    return _correlate(data1, data2, is_multiply, kernel_size, max_displacement, stride1, stride2, pad_size)


@correlation.infers
def _(shapes, attrs):
    words = ("kernel_size", "max_displacement", "stride1", "stride2", "pad_size")
    if is_known(shapes.ins[0]):
        shapes.input(1, shapes.ins[0])
        shapes.output(_Windows(shapes.ins[0], *(attrs[word] for word in words)).shape)


def _window(kernel_size, max_displacement, stride1, stride2, pad_size):
    return {
        "kernel_size": kernel_size, "max_displacement": max_displacement, "stride1": stride1, "stride2": stride2,
        "pad_size": pad_size,
    }  # fmt: skip


def _rule(side):
    def rule(F, g, data1, data2, kernel_size, max_displacement, stride1, stride2, pad_size, is_multiply):
        window = _window(kernel_size, max_displacement, stride1, stride2, pad_size)
        if not is_multiply:
            return F._backward_Correlation_difference(g, data1, data2, side=side, **window)
        return F._backward_Correlation(g, data2 if side == 1 else data1, side=side, **window)

    return rule


correlation.gradient("data1")(_rule(1))
correlation.gradient("data2")(_rule(2))


def _backward(g, images, side, slope, *window):
    """The gradient of the image on one side; slope(windows, padded images, move) is what its changes count there."""
    windows = _Windows(images[0].shape, *window)
    x, padded = widened(g), [windows.padded(widened(image)) for image in images]
    out = np.zeros_like(padded[0])
    for channel, move in enumerate(windows.moves):
        target = windows.cut(out, move if side == 2 else (0, 0))
        target += windows.spread(x[:, channel], target) * slope(windows, padded, move)
    out /= windows.elements
    return np.ascontiguousarray(windows.unpadded(out)).astype(g.dtype, copy=False)


@operator("_backward_Correlation")
def _backward_product(
    g, other, *, side: int, kernel_size: int, max_displacement: int, stride1: int, stride2: int, pad_size: int
):
    """The gradient of one of Correlation's images (`side` 1 or 2) from that of its result and the other image."""

    def slope(windows, padded, move):
        return windows.cut(padded[0], move if side == 1 else (0, 0))

    return _backward(g, [other], side, slope, kernel_size, max_displacement, stride1, stride2, pad_size)


@_backward_product.gradient("g")
def _(F, v, other, side, kernel_size, max_displacement, stride1, stride2, pad_size):
    pair = (v, other) if side == 1 else (other, v)
    return F.Correlation(*pair, **_window(kernel_size, max_displacement, stride1, stride2, pad_size))


@_backward_product.gradient("other")
def _(F, v, g, side, kernel_size, max_displacement, stride1, stride2, pad_size):
    window = _window(kernel_size, max_displacement, stride1, stride2, pad_size)
    return F._backward_Correlation(g, v, side=3 - side, **window)


@operator("_backward_Correlation_difference")
def _backward_difference(
    g, data1, data2, *, side: int, kernel_size: int, max_displacement: int, stride1: int, stride2: int, pad_size: int
):
    """The same for Correlation with is_multiply=False. It has no gradient of its own."""

    def slope(windows, padded, move):
        signs = np.where(windows.cut(padded[0]) >= windows.cut(padded[1], move), 1, -1)
        return (signs if side == 1 else -signs).astype(padded[0].dtype)

    return _backward(g, [data1, data2], side, slope, kernel_size, max_displacement, stride1, stride2, pad_size)

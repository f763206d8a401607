"""Convolution with taps that are moved by learned offsets."""

import numpy as np

from ..attributes import Choice, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import is_known
from ..registry import operator
from .common import check_same_dtype, widened
from .conv import convolution_, convolution_axes
from .nn import check_count, check_floats, check_shape
from .spatial import into_grid, sample

NAME = "_contrib_DeformableConvolution"


def _points(kernel, stride, dilate, pad, outs):
    """The pixels (x, y) that a convolution's taps see: (1, 2, taps * height, width)."""
    (rows, columns), (height, width) = kernel, outs
    shape = (rows, columns, height, width)
    y = (np.arange(rows) * dilate[0] - pad[0])[:, None, None, None] + (np.arange(height) * stride[0])[:, None]
    x = (np.arange(columns) * dilate[1] - pad[1])[:, None, None] + np.arange(width) * stride[1]
    return np.stack([np.broadcast_to(x, shape), np.broadcast_to(y, shape)]).reshape(
        1, 2, rows * columns * height, width
    )


@operator("_deformable_grid")
def _grid(
    offset, *, kernel: Shape, stride: Shape, dilate: Shape, pad: Shape, num_deformable_group: int, moved: bool = True
):
    """The points in pixels at which DeformableConvolution samples its data; with moved=False only what the offsets
    add. Output: (N * groups, 2, taps * height, width)."""
    n, _, height, width = offset.shape
    taps = kernel[0] * kernel[1]
    grid = offset.reshape(n * num_deformable_group, taps, 2, height, width)[:, :, ::-1].swapaxes(1, 2)
    grid = grid.reshape(n * num_deformable_group, 2, taps * height, width)
    if moved:
        grid = grid + _points(kernel, stride, dilate, pad, (height, width)).astype(grid.dtype)
    return np.ascontiguousarray(grid)


@_grid.gradient
def _(F, g, offset_shape, kernel):
    return F._backward_deformable_grid(g, shape=offset_shape, kernel=kernel)


@operator("_backward_deformable_grid")
def _backward_grid(g, *, shape: Shape, kernel: Shape):
    """The gradient of the offsets, of `shape`, from that of the points."""
    taps = kernel[0] * kernel[1]
    by_tap = g.reshape(g.shape[0], 2, taps, *shape[2:]).swapaxes(1, 2)[:, :, ::-1]
    return np.ascontiguousarray(by_tap).reshape(shape)


@_backward_grid.gradient
def _(F, v, g_shape, shape, kernel):
    nothing = (0, 0)
    return F._deformable_grid(
        v, kernel=kernel, stride=nothing, dilate=nothing, pad=nothing, num_deformable_group=g_shape[0] // shape[0],
        moved=False,
    )  # fmt: skip


def _windows(kernel, stride, dilate, pad):
    return {"kernel": kernel, "stride": stride or (1, 1), "dilate": dilate or (1, 1), "pad": pad or (0, 0)}


@operator(NAME)
def deformable_convolution(
    data, offset, weight, bias=None, *, kernel: Shape, stride: Shape = (), dilate: Shape = (), pad: Shape = (),
    num_filter: int, num_group: int = 1, num_deformable_group: int = 1, workspace: int = 1024, no_bias: bool = False,
    layout: Maybe(Choice("NCDHW", "NCHW", "NCW")) = None,
):  # fmt: skip
    """Convolution over two axes whose taps see the data at moved points, interpolated bilinearly.

    offset: (N, 2 * taps * num_deformable_group, height, width), for each tap how far down and how far right, in
    pixels; each deformable group moves an equal share of the channels. Everything else as in Convolution.
    Output: (N, num_filter, height, width). Source: Dai et al., "Deformable convolutional networks" (2017)."""
    check_count(NAME, int(not no_bias), bias)
    check_floats(NAME, data)
    for other in (offset, weight, bias):
        if other is not None:
            check_same_dtype(NAME, data, other)
    if len(kernel) != 2:
        raise ArgumentError(f"kernel={kernel} must have two axes, in operator {NAME}")
    bias_shape = None if bias is None else bias.shape
    axes = convolution_axes(
        NAME, data.shape, weight.shape, bias_shape, kernel, stride, dilate, pad, num_filter, num_group, layout
    )
    outs, taps, groups = tuple(a.out for a in axes), kernel[0] * kernel[1], num_deformable_group
    n, channels = data.shape[:2]
    if groups < 1 or channels % groups:
        raise ShapeError(f"{channels} channels do not divide by num_deformable_group={groups}, in operator {NAME}")
    check_shape(NAME, "offset", offset, (n, 2 * taps * groups, *outs))
    grid = _grid.forward(widened(offset), **_windows(kernel, stride, dilate, pad), num_deformable_group=groups)
    images = widened(data).reshape(n * groups, channels // groups, *data.shape[2:])
    columns = sample(images, grid, False).reshape(n, channels * taps, *outs).astype(data.dtype, copy=False)
    matrix = weight.reshape(num_filter, -1, 1, 1)
    return convolution_.forward(
        columns, matrix, bias, kernel=(1, 1), num_filter=num_filter, num_group=num_group, no_bias=no_bias
    )


class _Pieces:
    """What the gradients share, in operators: the points, the data by deformable group, the gradient of the columns."""

    def __init__(self, F, g, data, offset, weight, kernel, stride, dilate, pad, num_filter, num_group, groups):
        n, channels, *sizes = data.shape
        taps, outs = kernel[0] * kernel[1], tuple(g.shape[2:])
        self.grid = F._deformable_grid(offset, **_windows(kernel, stride, dilate, pad), num_deformable_group=groups)
        self.images = F.reshape(data, shape=(n * groups, channels // groups, *sizes))
        self.sampled_shape = (n * groups, channels // groups, taps * outs[0], outs[1])
        self.columns_shape = (n, channels * taps, *outs)
        matrix = F.reshape(weight, shape=(num_filter, channels // num_group * taps, 1, 1))
        g_columns = F.Deconvolution(
            g, matrix, kernel=(1, 1), num_filter=channels * taps, num_group=num_group, no_bias=True
        )
        self.g_sampled = F.reshape(g_columns, shape=self.sampled_shape)


@deformable_convolution.infers
def _(shapes, attrs):
    data, kernel, num_filter = shapes.ins[0], attrs["kernel"], attrs["num_filter"]
    shapes.input(3, (num_filter,))
    if data is None or not is_known(data[1:]):
        return
    words = {word: attrs[word] for word in ("kernel", "stride", "dilate", "pad", "num_filter", "num_group", "layout")}
    shapes.input(2, (num_filter, data[1] // attrs["num_group"], *kernel))
    outs = [axis.out for axis in convolution_axes(NAME, data, shapes.ins[2], None, **words)]
    shapes.input(1, (data[0], 2 * kernel[0] * kernel[1] * attrs["num_deformable_group"], *outs))
    shapes.output((data[0], num_filter, *outs))


@deformable_convolution.gradient("data")
def _(F, g, data, offset, weight, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group):
    pieces = _Pieces(
        F, g, data, offset, weight, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group
    )
    shape = tuple(pieces.images.shape)
    g_images = F._scatter_bilinear(pieces.g_sampled, pieces.grid, shape=shape, normalized=False)
    return F.reshape(g_images, shape=tuple(data.shape))


@deformable_convolution.gradient("offset")
def _(F, g, data, offset, weight, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group):
    pieces = _Pieces(
        F, g, data, offset, weight, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group
    )
    g_grid = into_grid(F, pieces.g_sampled, pieces.images, pieces.grid, False, 0, 0)
    return F._backward_deformable_grid(g_grid, shape=tuple(offset.shape), kernel=kernel)


@deformable_convolution.gradient("weight")
def _(F, g, data, offset, weight, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group):
    pieces = _Pieces(
        F, g, data, offset, weight, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group
    )
    columns = F.reshape(F._bilinear_sample(pieces.images, pieces.grid, normalized=False), shape=pieces.columns_shape)
    g_matrix = F._backward_Convolution_weight(g, columns, kernel=(1, 1), num_group=num_group)
    return F.reshape(g_matrix, shape=tuple(weight.shape))


@deformable_convolution.gradient("bias")
def _(F, g):
    return F.sum(g, axis=(1,), exclude=True)

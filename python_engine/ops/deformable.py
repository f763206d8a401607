"""Convolution with taps that are moved by learned offsets, and weighted by a learned mask."""

import numpy as np

from ..attributes import Choice, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import is_known
from ..registry import operator
from ..tape import plain_functions
from .common import check_same_dtype, widened
from .conv import convolution_, convolution_axes
from .nn import check_count, check_floats, check_shape
from .spatial import into_grid

NAME = "_contrib_DeformableConvolution"
MODULATED = "_contrib_ModulatedDeformableConvolution"


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


def _check(name, arrays, kernel, stride, dilate, pad, num_filter, num_group, groups, layout):
    """Refuse what does not go together. arrays: data, offset, mask, weight, bias."""
    data, offset, mask, weight, bias = arrays
    check_floats(name, data)
    for other in arrays[1:]:
        if other is not None:
            check_same_dtype(name, data, other)
    if len(kernel) != 2:
        raise ArgumentError(f"kernel={kernel} must have two axes, in operator {name}")
    bias_shape = None if bias is None else bias.shape
    axes = convolution_axes(
        name, data.shape, weight.shape, bias_shape, kernel, stride, dilate, pad, num_filter, num_group, layout
    )
    taps, outs = kernel[0] * kernel[1], tuple(a.out for a in axes)
    n, channels = data.shape[:2]
    if groups < 1 or channels % groups:
        raise ShapeError(f"{channels} channels do not divide by num_deformable_group={groups}, in operator {name}")
    check_shape(name, "offset", offset, (n, 2 * taps * groups, *outs))
    if mask is not None:
        check_shape(name, "mask", mask, (n, taps * groups, *outs))


class _Pieces:
    """What the output and the gradients share: the points, the data by deformable group, the mask for each tap.

    With a mask the image fades to zero within a pixel around it, as if it had a margin of zeros; without, its edges are
    sharp. F: operators, or functions of plain arrays."""

    def __init__(
        self, F, data, offset, mask, weight, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group
    ):
        self.F, self.data, self.offset, self.weight, self.given_mask = F, data, offset, weight, mask
        self.kernel, self.num_filter, self.num_group, groups = kernel, num_filter, num_group, num_deformable_group
        n, channels, *sizes = data.shape
        outs, taps = tuple(offset.shape[2:]), kernel[0] * kernel[1]
        pad = pad or (0, 0)
        if mask is not None:
            data = F.Pad(data, mode="constant", pad_width=(0, 0, 0, 0, 1, 1, 1, 1))
            pad, sizes = (pad[0] - 1, pad[1] - 1), [size + 2 for size in sizes]
            self.mask = F.reshape(mask, shape=(n * groups, 1, taps * outs[0], outs[1]))
        self.grid = F._deformable_grid(offset, **_windows(kernel, stride, dilate, pad), num_deformable_group=groups)
        self.images = F.reshape(data, shape=(n * groups, channels // groups, *sizes))
        self.sampled_shape = (n * groups, channels // groups, taps * outs[0], outs[1])
        self.columns_shape = (n, channels * taps, *outs)
        self.matrix = F.reshape(weight, shape=(num_filter, channels // num_group * taps, 1, 1))

    def sampled(self):
        return self.F._bilinear_sample(self.images, self.grid, normalized=False)

    def masked(self, samples):
        return samples if self.given_mask is None else self.F.broadcast_mul(samples, self.mask)

    def columns(self):
        return self.F.reshape(self.masked(self.sampled()), shape=self.columns_shape)

    def into_columns(self, g):
        """The gradient of the masked samples from that of the output."""
        g_columns = self.F.Deconvolution(
            g, self.matrix, kernel=(1, 1), num_filter=self.columns_shape[1], num_group=self.num_group, no_bias=True
        )
        return self.F.reshape(g_columns, shape=self.sampled_shape)


def _into_data(F, g, pieces):
    shape = tuple(pieces.images.shape)
    g_sampled = pieces.masked(pieces.into_columns(g))
    g_images = F._scatter_bilinear(g_sampled, pieces.grid, shape=shape, normalized=False)
    n, channels, height, width = pieces.data.shape
    g_data = F.reshape(g_images, shape=(n, channels, *shape[2:]))
    if pieces.given_mask is None:
        return g_data
    return F.slice(g_data, begin=(0, 0, 1, 1), end=(n, channels, height + 1, width + 1))


def _into_offset(F, g, pieces):
    g_sampled = pieces.masked(pieces.into_columns(g))
    g_grid = into_grid(F, g_sampled, pieces.images, pieces.grid, False, 0, 0)
    return F._backward_deformable_grid(g_grid, shape=tuple(pieces.offset.shape), kernel=pieces.kernel)


def _into_mask(F, g, pieces):
    g_mask = F.sum(pieces.into_columns(g) * pieces.sampled(), axis=(1,))
    return F.reshape(g_mask, shape=tuple(pieces.given_mask.shape))


def _into_weight(F, g, pieces):
    g_matrix = F._backward_Convolution_weight(g, pieces.columns(), kernel=(1, 1), num_group=pieces.num_group)
    return F.reshape(g_matrix, shape=tuple(pieces.weight.shape))


def _output(arrays, kernel, stride, dilate, pad, num_filter, num_group, groups):
    data, offset, mask, weight, bias = arrays
    wide = [None if x is None else widened(x) for x in (data, offset, mask)]
    pieces = _Pieces(plain_functions, *wide, weight, kernel, stride, dilate, pad, num_filter, num_group, groups)
    columns = pieces.columns().astype(data.dtype, copy=False)
    return convolution_.forward(
        columns, pieces.matrix, bias, kernel=(1, 1), num_filter=num_filter, num_group=num_group, no_bias=bias is None
    )


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
    arrays = (data, offset, None, weight, bias)
    _check(NAME, arrays, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group, layout)
    return _output(arrays, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group)


@operator(MODULATED)
def modulated_deformable_convolution(
    data, offset, mask, weight, bias=None, *, kernel: Shape, stride: Shape = (), dilate: Shape = (), pad: Shape = (),
    num_filter: int, num_group: int = 1, num_deformable_group: int = 1, workspace: int = 1024, no_bias: bool = False,
    im2col_step: int = 64, layout: Maybe(Choice("NCDHW", "NCHW", "NCW")) = None,
):  # fmt: skip
    """DeformableConvolution whose taps are weighted, too.

    mask: (N, taps * num_deformable_group, height, width), by what to multiply what each tap sees. Unlike there, the
    image fades to zero within a pixel around it. im2col_step has no effect. Everything else as there.
    Output: (N, num_filter, height, width). Source: Zhu et al., "Deformable ConvNets v2" (2018)."""
    check_count(MODULATED, int(not no_bias), bias)
    arrays = (data, offset, mask, weight, bias)
    _check(MODULATED, arrays, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group, layout)
    return _output(arrays, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group)


def _declare(row, arrays):
    """Gradients and inference of an operator with these arrays before the bias."""
    attributes = ("kernel", "stride", "dilate", "pad", "num_filter", "num_group", "num_deformable_group")

    def rule(function):
        def gradient(F, g, *values):
            given = dict(zip(arrays, values[: len(arrays)], strict=True))
            data, offset, mask, weight = (given.get(name) for name in ("data", "offset", "mask", "weight"))
            return function(F, g, _Pieces(F, data, offset, mask, weight, *values[len(arrays) :]))

        gradient.asks = (*arrays, *attributes)
        return gradient

    rules = {"data": _into_data, "offset": _into_offset, "mask": _into_mask, "weight": _into_weight}
    for name in arrays:
        row.gradient(name)(rule(rules[name]))
    row.gradient("bias")(lambda F, g: F.sum(g, axis=(1,), exclude=True))

    @row.infers
    def _(shapes, attrs):
        data, kernel, num_filter = shapes.ins[0], attrs["kernel"], attrs["num_filter"]
        shapes.input(len(arrays), (num_filter,))
        if data is None or not is_known(data[1:]):
            return
        weight = arrays.index("weight")
        words = {word: attrs[word] for word in (*attributes[:-1], "layout")}
        shapes.input(weight, (num_filter, data[1] // attrs["num_group"], *kernel))
        outs = [axis.out for axis in convolution_axes(row.name, data, shapes.ins[weight], None, **words)]
        taps = kernel[0] * kernel[1] * attrs["num_deformable_group"]
        shapes.input(1, (data[0], 2 * taps, *outs))
        if "mask" in arrays:
            shapes.input(2, (data[0], taps, *outs))
        shapes.output((data[0], num_filter, *outs))


_declare(deformable_convolution, ("data", "offset", "weight"))
_declare(modulated_deformable_convolution, ("data", "offset", "mask", "weight"))

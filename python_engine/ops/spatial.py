"""Images seen through grids of points (spatial transformers), and upsampling."""

import math

import numpy as np

from ..attributes import Choice, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import from_inputs
from ..registry import operator
from .common import check_same_dtype, widened
from .conv import deconvolution
from .nn import check_floats
from .resize import check_image

NO_TARGET = (0, 0)


# -- grids -------------------------------------------------------------------------------------------------------


def _step(size):
    """The distance of neighbouring pixels where an axis runs from -1 to 1."""
    return 2 / (size - 1) if size > 1 else 0.0


def _homogeneous(target_shape, dtype):
    """The points of a grid as columns (x, y, 1), row by row: (3, height * width)."""
    height, width = target_shape
    points = np.ones((3, height, width), dtype)
    points[0] = np.arange(width) * _step(width) - 1
    points[1] = (np.arange(height) * _step(height) - 1)[:, None]
    return points.reshape(3, -1)


def _check_affine(name, argument, data, target_shape):
    check_floats(name, data)
    if data.ndim != 2 or data.shape[1] != 6:
        raise ShapeError(
            f"{argument} should be affine matrices (batch, 6), but is {list(data.shape)}, in operator {name}"
        )
    if len(target_shape) != 2 or min(target_shape) < 1:
        raise ArgumentError(
            f"incorrect target_shape: {target_shape}, in operator {name}: it takes height and width, at least 1 each"
        )


def _affine_grid(data, target_shape):
    x = widened(data)
    grid = x.reshape(-1, 2, 3) @ _homogeneous(target_shape, x.dtype)
    return grid.reshape(-1, 2, *target_shape).astype(data.dtype, copy=False)


@operator("GridGenerator")
def grid_generator(data, *, transform_type: Choice("affine", "warp"), target_shape: Shape = NO_TARGET):
    """Where to sample an image, for BilinearSampler: x and y from -1 (first pixel) to 1 (last).

    "affine": data (batch, 6) holds matrices of 2 x 3 that map a regular grid of `target_shape` (height, width).
    "warp": data (batch, 2, height, width) is how far to move each point, x and y, in pixels.
    Output: (batch, 2, height, width), dtype of `data`. Source: Jaderberg et al., "Spatial transformer networks"."""
    if transform_type == "affine":
        _check_affine("GridGenerator", "data", data, target_shape)
        return _affine_grid(data, target_shape)
    check_image("GridGenerator", data)
    if data.shape[1] != 2:
        raise ShapeError(f"incorrect data shape[1], should be 2, got {list(data.shape)}, in operator GridGenerator")
    height, width = data.shape[2:]
    grid = widened(data).copy()
    for channel, size, pixels in ((0, width, np.arange(width)), (1, height, np.arange(height)[:, None])):
        grid[:, channel] += pixels
        grid[:, channel] *= _step(size)
    grid -= 1
    return grid.astype(data.dtype, copy=False)


@grid_generator.infers
@from_inputs
def _(attrs, data):
    return (data[0], 2, *attrs["target_shape"]) if attrs["transform_type"] == "affine" else data


@grid_generator.gradient
def _(F, g, transform_type, target_shape):
    if transform_type == "affine":
        return F._backward_GridGenerator(g)
    return _scaled(F, g, *g.shape[2:], _step)


def _scaled(F, g, height, width, factor):
    """Channel 0 times factor(width), channel 1 times factor(height)."""
    x, y = F.SliceChannel(g, num_outputs=2, axis=1)
    return F.Concat(x * factor(width), y * factor(height), dim=1, num_args=2)


@operator("_backward_GridGenerator")
def _backward_grid(g):
    """The gradient of affine GridGenerator's matrices, (batch, 6), from that of its grid."""
    x = widened(g)
    matrices = x.reshape(len(x), 2, math.prod(x.shape[2:])) @ _homogeneous(g.shape[2:], x.dtype).T
    return matrices.reshape(len(x), 6).astype(g.dtype, copy=False)


@_backward_grid.gradient
def _(F, v, g_shape):
    return F.GridGenerator(v, transform_type="affine", target_shape=tuple(g_shape[2:]))


# -- bilinear sampling -------------------------------------------------------------------------------------------


def _neighbours(position, size, order, zeros_around):
    """Of positions in pixels along one axis: for each of the two neighbours its pixel and its weight. With order 1 the
    weights are the derivatives by the position. Without `zeros_around` the last pixel is one wide and
    nothing is before the first."""
    position = np.clip(position, -2, size + 1)
    low = np.floor(np.nan_to_num(position, nan=-2))
    share = position - low
    weights = (np.full_like(share, -1), np.ones_like(share)) if order else (1 - share, share)
    for pixel, weight in zip((low, low + 1), weights, strict=True):
        inside = (pixel >= 0) & (pixel < size) if zeros_around else (low >= 0) & (low < size)
        yield np.where(inside, np.minimum(pixel, size - 1), 0).astype(np.intp), weight * inside


def _corners(shape, grid, normalized, x_order, y_order):
    """The four pixels around each point of the grid: their flat places in an image and their weights."""
    height, width = shape[2:]
    x, y = grid[:, 0], grid[:, 1]
    x_scale, y_scale = ((width - 1) / 2, (height - 1) / 2) if normalized else (1, 1)
    if normalized:
        x, y = (x + 1) * x_scale, (y + 1) * y_scale
    scale = x_scale**x_order * y_scale**y_order
    columns = list(_neighbours(x, width, x_order, normalized))
    for row, row_weight in _neighbours(y, height, y_order, normalized):
        for column, weight in columns:
            yield row * width + column, row_weight * weight * scale


def sample(data, grid, normalized, x_order=0, y_order=0):
    """Bilinear interpolation of images (N, C, H, W) at points (N, 2, height, width): (N, C, height, width).

    Normalized points run from -1 to 1, and the image fades to zero within a pixel around it; others are in pixels, and
    the image has sharp edges: at the first pixel, and one after the last."""
    n, channels = data.shape[:2]
    flat, out = data.reshape(n, channels, math.prod(data.shape[2:])), 0
    points = math.prod(grid.shape[2:])
    for place, weight in _corners(data.shape, grid, normalized, x_order, y_order):
        values = np.take_along_axis(flat, place.reshape(n, 1, points), 2)
        out = out + values * weight.reshape(n, 1, points)
    return out.reshape(n, channels, *grid.shape[2:])


def scatter(g, grid, shape, normalized, x_order=0, y_order=0):
    """The opposite of `sample`: `g` shared among the pixels of images of `shape` that it came from."""
    n, channels = shape[:2]
    pixels = shape[2] * shape[3]
    image = (np.arange(n * channels) * pixels).reshape(n, channels, 1)
    points = math.prod(grid.shape[2:])
    g, out = g.reshape(n, channels, points), 0
    for place, weight in _corners(shape, grid, normalized, x_order, y_order):
        where, what = image + place.reshape(n, 1, points), g * weight.reshape(n, 1, points)
        out = out + np.bincount(where.ravel(), what.ravel(), n * channels * pixels)
    return out.reshape(shape).astype(g.dtype)


@operator("BilinearSampler")
def bilinear_sampler(data, grid, *, cudnn_off: Maybe(bool) = None):
    """Images interpolated bilinearly at the points of a grid; outside of an image it is 0.

    data: (N, C, H, W). grid: (N, 2, height, width), x and y from -1 (centre of the first pixel) to 1 (of the last).
    Output: (N, C, height, width), dtype of `data`, which the grid shares.
    Source: Jaderberg et al., "Spatial transformer networks" (2015)."""
    check_image("BilinearSampler", data)
    check_same_dtype("BilinearSampler", data, grid)
    if grid.ndim != 4 or grid.shape[:2] != (data.shape[0], 2):
        raise ShapeError(
            f"grid should be ({data.shape[0]}, 2, height, width) for data of shape {list(data.shape)}, but is "
            f"{list(grid.shape)}, in operator BilinearSampler"
        )
    return sample(widened(data), widened(grid), True).astype(data.dtype, copy=False)


bilinear_sampler.infers(from_inputs(lambda attrs, data, grid: (*data[:2], *grid[2:])))


@bilinear_sampler.gradient("data")
def _(F, g, grid, data_shape):
    return F._scatter_bilinear(g, grid, shape=data_shape)


@bilinear_sampler.gradient("grid")
def _(F, g, data, grid):
    return into_grid(F, g, data, grid, True, 0, 0)


def into_grid(F, g, data, grid, normalized, x_order, y_order):
    """The gradient of the points where `data` is sampled: along each axis, the sample of its slope."""
    parts = []
    for x, y in ((1, 0), (0, 1)):
        if x_order + x > 1 or y_order + y > 1:  # linear along each axis
            parts.append(F.sum(g, axis=(1,), keepdims=True) * 0)
        else:
            slope = F._bilinear_sample(data, grid, normalized=normalized, x_order=x_order + x, y_order=y_order + y)
            parts.append(F.sum(g * slope, axis=(1,), keepdims=True))
    return F.Concat(*parts, dim=1, num_args=2)


@operator("_bilinear_sample")
def _sample(data, grid, *, normalized: bool = True, x_order: int = 0, y_order: int = 0):
    """BilinearSampler's output, or (order 1) its derivative by x or y of the grid, or by both. With normalized=False
    the grid is in pixels and the image has sharp edges."""
    return sample(widened(data), widened(grid), normalized, x_order, y_order).astype(data.dtype, copy=False)


@_sample.gradient("data")
def _(F, g, grid, data_shape, normalized, x_order, y_order):
    return F._scatter_bilinear(g, grid, shape=data_shape, normalized=normalized, x_order=x_order, y_order=y_order)


@_sample.gradient("grid")
def _(F, g, data, grid, normalized, x_order, y_order):
    return into_grid(F, g, data, grid, normalized, x_order, y_order)


@operator("_scatter_bilinear")
def _scatter(g, grid, *, shape: Shape, normalized: bool = True, x_order: int = 0, y_order: int = 0):
    """The gradient of the data of _bilinear_sample, of `shape`, from that of its result."""
    return scatter(widened(g), widened(grid), shape, normalized, x_order, y_order).astype(g.dtype, copy=False)


@_scatter.gradient("g")
def _(F, v, grid, normalized, x_order, y_order):
    return F._bilinear_sample(v, grid, normalized=normalized, x_order=x_order, y_order=y_order)


@_scatter.gradient("grid")
def _(F, v, g, grid, normalized, x_order, y_order):
    return into_grid(F, g, v, grid, normalized, x_order, y_order)


@operator("SpatialTransformer")
def spatial_transformer(
    data, loc, *, target_shape: Shape = NO_TARGET, transform_type: Choice("affine"), sampler_type: Choice("bilinear"),
    cudnn_off: Maybe(bool) = None,
):  # fmt: skip
    """Images seen through affine maps: BilinearSampler at the points of GridGenerator.

    data: (N, C, H, W). loc: (N, 6), matrices of 2 x 3 from points of the result to points of the image.
    Output: (N, C, *target_shape), dtype of `data`, which `loc` shares."""
    _check_affine("SpatialTransformer", "loc", loc, target_shape)
    return bilinear_sampler.forward(data, _affine_grid(loc, target_shape))


@spatial_transformer.infers
def _(shapes, attrs):
    data = shapes.ins[0]
    if data is not None:
        shapes.input(1, (data[0], 6))
        shapes.output((*data[:2], *attrs["target_shape"]))


def _transformer_grid(F, loc, target_shape):
    return F.GridGenerator(loc, transform_type="affine", target_shape=target_shape)


@spatial_transformer.gradient("data")
def _(F, g, loc, data_shape, target_shape):
    return F._scatter_bilinear(g, _transformer_grid(F, loc, target_shape), shape=data_shape)


@spatial_transformer.gradient("loc")
def _(F, g, data, loc, target_shape):
    grid = _transformer_grid(F, loc, target_shape)
    return F._backward_GridGenerator(into_grid(F, g, data, grid, True, 0, 0))


# -- upsampling --------------------------------------------------------------------------------------------------


def _bilinear_window(scale, num_filter):
    """How UpSampling with sample_type "bilinear" calls Deconvolution."""
    kernel, stride, pad = (2 * scale - scale % 2,) * 2, (scale,) * 2, (scale // 2,) * 2
    return {"kernel": kernel, "stride": stride, "pad": pad, "num_filter": num_filter, "num_group": num_filter}


def _factors(data_shapes, scale):
    """How often the rows and columns of each input are repeated."""
    height, width = (n * scale for n in data_shapes[0][2:])
    factors = []
    for shape in data_shapes:
        if height % shape[2] or width % shape[3]:
            raise ShapeError(
                f"input of shape {list(shape)} does not divide the output of {height} x {width}, in operator UpSampling"
            )
        factors.append((height // shape[2], width // shape[3]))
    return factors


def _repeated(data, scale, mode):
    shapes = [x.shape for x in data]
    factors = _factors(shapes, scale)
    channels = [shape[1] for shape in shapes]
    if len({shape[0] for shape in shapes}) > 1 or (mode == "sum" and len(set(channels)) > 1):
        raise ShapeError(
            f"inputs of shapes {', '.join(str(list(shape)) for shape in shapes)} cannot be joined with "
            f"multi_input_mode={mode}, in operator UpSampling"
        )
    total = channels[0] if mode == "sum" else sum(channels)
    height, width = (n * scale for n in shapes[0][2:])
    out, start = np.empty((shapes[0][0], total, height, width), data[0].dtype), 0
    for position, (x, (down, across)) in enumerate(zip(data, factors, strict=True)):
        n, c, h, w = x.shape
        blocks = out[:, start : start + c].reshape(n, c, h, down, w, across)
        if mode == "sum" and position:
            blocks += x[:, :, :, None, :, None]
        else:
            blocks[...] = x[:, :, :, None, :, None]
        start += c if mode == "concat" else 0
    return out


@operator("UpSampling")
def upsampling(
    *data, scale: int, num_filter: int = 0, sample_type: Choice("bilinear", "nearest"),
    multi_input_mode: Choice("concat", "sum") = "concat", num_args: int = 0, workspace: int = 512,
):  # fmt: skip
    """Images made `scale` times as high and wide.

    "nearest": pixels are repeated; data: one or more (N, C, H, W), all brought to `scale` times the size of the first,
    their channels joined ("concat") or added ("sum"). "bilinear": Deconvolution of data (N, C, H, W) with a weight
    (C, 1, kernel, kernel), kernel = 2 scale - scale % 2, in num_filter groups. num_args: how many inputs there are.
    Output: (N, channels, H scale, W scale), dtype of the data."""
    wanted = 2 if sample_type == "bilinear" else num_args or len(data)
    if len(data) != wanted or not data:
        raise ArgumentError(f"Operator UpSampling expects {wanted or 1} inputs, but got {len(data)} instead.")
    if scale < 1:
        raise ArgumentError(f"value {scale} for Parameter scale should be greater equal to 1, in operator UpSampling")
    for x in data:
        check_image("UpSampling", x, "each input")
        check_same_dtype("UpSampling", data[0], x)
    if sample_type == "bilinear":
        return deconvolution.forward(*data, **_bilinear_window(scale, num_filter))
    return _repeated(data, scale, multi_input_mode)


@upsampling.infers
def _(shapes, attrs):
    data, scale = shapes.ins[0], attrs["scale"]
    bilinear = attrs["sample_type"] == "bilinear"
    if bilinear:
        kernel = 2 * scale - scale % 2
        shapes.input(1, (attrs["num_filter"], 1, kernel, kernel))
    if data is None or None in shapes.ins:
        return
    joined = not bilinear and attrs["multi_input_mode"] == "concat"
    channels = sum(shape[1] for shape in shapes.ins) if joined else data[1]
    shapes.output((data[0], channels, data[2] * scale, data[3] * scale))


@upsampling.gradient
def _(F, g, data, data_shapes, scale, num_filter, sample_type, multi_input_mode):
    if sample_type == "bilinear":
        image, weight = data
        window = _bilinear_window(scale, num_filter)
        g_image = F.Convolution(g, weight, **{**window, "num_filter": data_shapes[0][1]}, no_bias=True)
        del window["num_filter"]
        return g_image, F._backward_Convolution_weight(image, g, **window)
    gradients, start = [], 0
    for shape, factor in zip(data_shapes, _factors(data_shapes, scale), strict=True):
        part = g
        if multi_input_mode == "concat":
            part = F.slice_axis(g, axis=1, begin=start, end=start + shape[1])
            start += shape[1]
        gradients.append(F.Pooling(part, kernel=factor, stride=factor, pool_type="sum"))
    return gradients

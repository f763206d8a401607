"""Pooling over regions of interest. A region is a row (image number, x1, y1, x2, y2), in units of 1 / spatial_scale
pixels; MXNet passes no gradient to it."""

import math

import numpy as np

from ..attributes import Shape
from ..errors import ArgumentError, ShapeError
from ..inference import from_inputs
from ..registry import operator
from .common import check_same_dtype, widened
from .nn import check_floats

FARTHEST = 1 << 30  # pixels; coordinates beyond, which no image reaches, are taken for that
MOST_SAMPLES = 4096  # that ROIAlign takes along one side of a bin


def check_regions(name, data, rois, pooled_size, spatial_scale):
    check_floats(name, data)
    check_same_dtype(name, data, rois)
    if data.ndim != 4:
        raise ShapeError(f"data should be 4D (batch, channel, y, x), but is {list(data.shape)}, in operator {name}")
    if 0 in data.shape[2:]:
        raise ShapeError(f"data of shape {list(data.shape)} has no pixels, in operator {name}")
    if rois.ndim != 2 or rois.shape[1] != 5:
        raise ShapeError(
            f"rois should be a 2D tensor of shape [batch, 5], but is {list(rois.shape)}, in operator {name}"
        )
    if len(pooled_size) != 2 or min(pooled_size) < 1:
        raise ArgumentError(f"pooled_size={pooled_size} should be two numbers of at least 1, in operator {name}")
    if not 0 <= spatial_scale <= 1:
        raise ArgumentError(f"value {spatial_scale} for Parameter spatial_scale exceed bound [0,1], in operator {name}")


def images_of(rois, batch):
    """The image number of each region, -1 where there is no such image: such a region is 0."""
    numbers = np.nan_to_num(rois[:, 0], nan=-1)
    return np.where((numbers >= 0) & (numbers < batch), numbers, -1).astype(np.intp)


def _corners(rois, spatial_scale):
    return np.clip(np.nan_to_num(rois[:, 1:].astype(np.float32)) * np.float32(spatial_scale), -FARTHEST, FARTHEST)


# -- ROIPooling --------------------------------------------------------------------------------------------------


def _bins(low, high, count, size):
    """The pixels low to high of an axis in `count` parts that overlap where they must: slices."""
    step = np.float32(max(high - low + 1, 1) / count)
    edges = np.arange(count + 1, dtype=np.float32) * step  # MXNet's bins follow the rounding of float32
    starts, ends = np.floor(edges[:-1]), np.ceil(edges[1:])
    starts, ends = (np.clip(edge.astype(np.int64) + low, 0, size) for edge in (starts, ends))
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


@operator("ROIPooling", outputs=("output", "maxidx"), visible=1)
def roi_pooling(data, rois, *, pooled_size: Shape, spatial_scale: float):
    """The maximum of each of pooled_size (height, width) bins of each region.

    data: (N, C, H, W). rois: (R, 5), corners rounded to whole pixels, both included. A bin outside the image is 0.
    spatial_scale: pixels of `data` for each unit of `rois`, 0 to 1.
    Output: (R, C, *pooled_size), dtype of `data`, which rois share. Source: Girshick, "Fast R-CNN" (2015)."""
    check_regions("ROIPooling", data, rois, pooled_size, spatial_scale)
    channels, height, width = data.shape[1:]
    shape = (len(rois), channels, *pooled_size)
    out, places = np.zeros(shape, data.dtype), np.full(shape, -1, np.int32)
    corners = _corners(rois, spatial_scale)
    corners = np.copysign(np.floor(np.abs(corners) + 0.5), corners).astype(np.int64)
    for r, (image, (x1, y1, x2, y2)) in enumerate(zip(images_of(rois, len(data)), corners.tolist(), strict=True)):
        columns = _bins(x1, x2, pooled_size[1], width)
        for i, (top, bottom) in enumerate(_bins(y1, y2, pooled_size[0], height)):
            for j, (left, right) in enumerate(columns):
                if image < 0 or bottom <= top or right <= left:
                    continue
                block = data[image, :, top:bottom, left:right].reshape(channels, -1)
                place = block.argmax(1)
                out[r, :, i, j] = block[np.arange(channels), place]
                down, across = np.divmod(place, right - left)
                places[r, :, i, j] = (down + top) * width + across + left
    return out, places


@roi_pooling.gradient("data")
def _(F, g, rois, maxidx, data_shape):
    return F._backward_ROIPooling(g[0], rois, maxidx, data_shape=data_shape)


def _flat_places(rois, maxidx, shape):
    """Where the maxima lie in the flat data, and where there is one."""
    image = np.maximum(images_of(rois, shape[0]), 0).reshape(-1, 1, 1, 1)
    channel = image * shape[1] + np.arange(shape[1]).reshape(1, -1, 1, 1)
    return channel * (shape[2] * shape[3]) + np.maximum(maxidx, 0), maxidx >= 0


@operator("_backward_ROIPooling")
def _backward_roi_pooling(g, rois, maxidx, *, data_shape: Shape):
    """The gradient of ROIPooling's data, of `data_shape`, from that of its output and the places of the maxima."""
    places, hits = _flat_places(rois, maxidx, data_shape)
    total = np.bincount(places[hits], g[hits], math.prod(data_shape))
    return total.reshape(data_shape).astype(g.dtype)


@_backward_roi_pooling.gradient("g")
def _(F, v, rois, maxidx):
    return F._take_ROIPooling(v, rois, maxidx)


@operator("_take_ROIPooling")
def _take_roi_pooling(data, rois, maxidx):
    """The elements of `data` where ROIPooling found maxima. Output: shape of `maxidx`, dtype of `data`."""
    places, hits = _flat_places(rois, maxidx, data.shape)
    return data.reshape(-1)[places] * hits


@_take_roi_pooling.gradient("data")
def _(F, g, rois, maxidx, data_shape):
    return F._backward_ROIPooling(g, rois, maxidx, data_shape=data_shape)


# -- ROIAlign ----------------------------------------------------------------------------------------------------


def _axis_weights(name, start, length, bins, samples, size):
    """The weights of an axis' pixels in each bin, (bins, span), and the pixel with which the span starts."""
    step = length / bins
    samples = samples if samples > 0 else math.ceil(step)
    if samples > MOST_SAMPLES:
        raise ArgumentError(
            f"a region of {length:g} pixels in {bins} bins takes {samples} samples a bin, in operator {name}: at most "
            f"{MOST_SAMPLES}"
        )
    if samples < 1:
        return np.zeros((bins, 1)), 0
    position = start + (np.arange(bins * samples) + 0.5) * (step / samples)
    inside = (position >= -1) & (position <= size)
    position = np.clip(position, 0, size - 1)
    low = position.astype(np.intp)
    high = np.minimum(low + 1, size - 1)
    first, weights = low[0], np.zeros((bins, high[-1] - low[0] + 1))
    rows = np.arange(bins * samples) // samples
    np.add.at(weights, (rows, low - first), (1 - (position - low)) * inside / samples)
    np.add.at(weights, (rows, high - first), (position - low) * inside / samples)
    return weights, first


def _regions(name, rois, shape, dtype, pooled_size, spatial_scale, sample_ratio, aligned):
    """For each region in an image: its number, the image, the pixels it touches, weights of rows and of columns."""
    shift = 0.5 if aligned else 0.0
    corners = (_corners(rois, spatial_scale) - np.float32(shift)).tolist()
    for r, (image, (x1, y1, x2, y2)) in enumerate(zip(images_of(rois, shape[0]), corners, strict=True)):
        if image < 0:
            continue
        width, height = (x2 - x1, y2 - y1) if aligned else (max(x2 - x1, 1), max(y2 - y1, 1))
        if min(width, height) <= 0:
            raise ArgumentError(f"with aligned=True a region must be larger than 0, but {rois[r]} is not, in {name}")
        rows, top = _axis_weights(name, y1, height, pooled_size[0], sample_ratio, shape[2])
        columns, left = _axis_weights(name, x1, width, pooled_size[1], sample_ratio, shape[3])
        window = (slice(top, top + rows.shape[1]), slice(left, left + columns.shape[1]))
        yield r, image, window, rows.astype(dtype), columns.astype(dtype)


def _parts(name, channels, pooled_size, position_sensitive):
    """How many channels go into one of the result: with position_sensitive, one for each bin."""
    bins = math.prod(pooled_size) if position_sensitive else 1
    if channels % bins:
        raise ShapeError(
            f"Input channels should be divided by pooled_size[0]*pooled_size[1] when position_sensitive is true: got "
            f"{channels} channels for pooled_size={pooled_size}, in operator {name}"
        )
    return bins


@operator("_contrib_ROIAlign", fails=True)
def roi_align(
    data, rois, *, pooled_size: Shape, spatial_scale: float, sample_ratio: int = -1, position_sensitive: bool = False,
    aligned: bool = False,
):  # fmt: skip
    """The mean of bilinear samples in each of pooled_size (height, width) bins of each region.

    data: (N, C, H, W). rois: (R, 5). sample_ratio: samples along each side of a bin (-1: one for each pixel).
    position_sensitive: each bin reads channels of its own, C / (height * width) of them. aligned: pixels are points
    half a pixel from the region's coordinates, and a region may be smaller than a pixel, but not empty.
    Output: (R, C, *pooled_size), dtype of `data`, which rois share. Source: He et al., "Mask R-CNN" (2017)."""
    name = "_contrib_ROIAlign"
    check_regions(name, data, rois, pooled_size, spatial_scale)
    parts = _parts(name, data.shape[1], pooled_size, position_sensitive)
    x = widened(data)
    out = np.zeros((len(rois), data.shape[1] // parts, *pooled_size), x.dtype)
    regions = _regions(name, rois, data.shape, x.dtype, pooled_size, spatial_scale, sample_ratio, aligned)
    for r, image, window, rows, columns in regions:
        block = x[(image, slice(None), *window)]
        if position_sensitive:
            block = block.reshape(-1, *pooled_size, *block.shape[1:])
            out[r] = np.einsum("ph,cpqhw,qw->cpq", rows, block, columns, optimize=True)
        else:
            out[r] = rows @ (block @ columns.T)
    return out.astype(data.dtype, copy=False)


@roi_align.gradient("data")
def _(F, g, rois, data_shape, pooled_size, spatial_scale, sample_ratio, position_sensitive, aligned):
    return F._backward_contrib_ROIAlign(
        g, rois, data_shape=data_shape, spatial_scale=spatial_scale, sample_ratio=sample_ratio,
        position_sensitive=position_sensitive, aligned=aligned,
    )  # fmt: skip


@operator("_backward_contrib_ROIAlign", fails=True)
def _backward_roi_align(
    g, rois, *, data_shape: Shape, spatial_scale: float, sample_ratio: int = -1, position_sensitive: bool = False,
    aligned: bool = False,
):  # fmt: skip
    """The gradient of ROIAlign's data, of `data_shape`, from that of its output."""
    x, pooled_size = widened(g), g.shape[2:]
    out = np.zeros(data_shape, x.dtype)
    regions = _regions(
        "_contrib_ROIAlign", rois, data_shape, x.dtype, pooled_size, spatial_scale, sample_ratio, aligned
    )
    for r, image, window, rows, columns in regions:
        target = out[(image, slice(None), *window)]
        if position_sensitive:
            target += np.einsum("ph,cpq,qw->cpqhw", rows, x[r], columns).reshape(target.shape)
        else:
            target += rows.T @ (x[r] @ columns)
    return out.astype(g.dtype, copy=False)


@_backward_roi_align.gradient("g")
def _(F, v, rois, g_shape, spatial_scale, sample_ratio, position_sensitive, aligned):
    return F._contrib_ROIAlign(
        v, rois, pooled_size=tuple(g_shape[2:]), spatial_scale=spatial_scale, sample_ratio=sample_ratio,
        position_sensitive=position_sensitive, aligned=aligned,
    )  # fmt: skip


roi_pooling.infers(from_inputs(lambda attrs, data, rois: (rois[0], data[1], *attrs["pooled_size"])))


@roi_align.infers
@from_inputs
def _(attrs, data, rois):
    parts = _parts("_contrib_ROIAlign", data[1], attrs["pooled_size"], attrs["position_sensitive"])
    return (rois[0], data[1] // parts, *attrs["pooled_size"])

"""Bilinear samples at points of their own in planes of images, and RROIAlign, which takes them in rotated regions.

An array of points, (4, ..., T), says where T samples of each result lie: x and y in pixels, within the image; their
weight; and the number of their plane, image * channels + channel."""

import math

import numpy as np

from ..attributes import Shape
from ..errors import ArgumentError, ShapeError
from ..inference import from_inputs
from ..registry import operator
from .common import widened
from .roi import FARTHEST, MOST_SAMPLES, check_regions, images_of


def _corners(shape, points, x_order, y_order):
    """The flat places around each point and their weights: for bilinear interpolation, or (order 1) for its slope."""
    height, width = shape[2:]
    x, y = points[:2]
    sides = []
    for position, order in ((y, y_order), (x, x_order)):
        low = np.floor(position)
        high, part = np.ceil(position), position - low
        weights = (-1, 1) if order else (1 - part, part)
        sides.append(list(zip((low.astype(np.intp), high.astype(np.intp)), weights, strict=True)))
    start = points[3].astype(np.intp) * (height * width)
    for row, down in sides[0]:
        for column, across in sides[1]:
            yield start + row * width + column, points[2] * down * across


@operator("_take_points")
def take_points(data, points, *, x_order: int = 0, y_order: int = 0):
    """Images (N, C, H, W), interpolated bilinearly at points and weighted; or (order 1) the slope there along x, y or
    both. Output: (..., T), dtype of `data`."""
    if not data.size:  # all regions are of images that are not there
        return np.zeros(points.shape[1:], data.dtype)
    flat, out = data.reshape(-1), 0
    for place, weight in _corners(data.shape, points, x_order, y_order):
        out = out + flat[place] * weight
    return out.astype(data.dtype, copy=False)


@operator("_scatter_points")
def _scatter_points(g, points, *, shape: Shape, x_order: int = 0, y_order: int = 0):
    """The gradient of the data of _take_points, of `shape`, from that of its result: (..., T), or (..., 1) for all
    samples of a result alike."""
    size = math.prod(shape)
    if not size:
        return np.zeros(shape, g.dtype)
    out = 0
    for place, weight in _corners(shape, points, x_order, y_order):
        out = out + np.bincount(place.ravel(), (g * weight).ravel(), size)
    return out.reshape(shape).astype(g.dtype)


def into_points(F, g, data, points, x_order=0, y_order=0):
    """The gradient of the points, from that of the samples: along each axis, the slope."""
    rows = []
    for x, y in ((1, 0), (0, 1)):
        if x_order + x > 1 or y_order + y > 1:  # linear along each axis
            rows.append(g * 0)
        else:
            rows.append(g * F._take_points(data, points, x_order=x_order + x, y_order=y_order + y))
    shape = (1, *points.shape[1:])
    rows = [F.broadcast_to(F.expand_dims(row, axis=0), shape=shape) for row in rows]
    return F.Concat(*rows, rows[0] * 0, rows[0] * 0, dim=0, num_args=4)


@take_points.gradient("data")
def _(F, g, points, data_shape, x_order, y_order):
    return F._scatter_points(g, points, shape=data_shape, x_order=x_order, y_order=y_order)


@take_points.gradient("points")
def _(F, g, data, points, x_order, y_order):
    return into_points(F, g, data, points, x_order, y_order)


@_scatter_points.gradient("g")
def _(F, v, points, g_shape, x_order, y_order):
    samples = F._take_points(v, points, x_order=x_order, y_order=y_order)
    return samples if g_shape[-1] == samples.shape[-1] else F.sum(samples, axis=(-1,), keepdims=True)


@_scatter_points.gradient("points")
def _(F, v, g, points, x_order, y_order):
    return into_points(F, g, v, points, x_order, y_order)


# -- RROIAlign ---------------------------------------------------------------------------------------------------


@operator("_rroi_points", fails=True)
def _rroi_points(rois, *, data_shape: Shape, pooled_size: Shape, spatial_scale: float, sampling_ratio: int):
    """The points at which RROIAlign samples data of `data_shape`: as many for each region as the largest needs, those
    that a region does not need with weight 0."""
    dtype = rois.dtype.type
    number, channels, height, width = data_shape
    rows, columns = pooled_size
    boxes = np.clip(np.nan_to_num(rois[:, 1:5]), -FARTHEST, FARTHEST) * dtype(spatial_scale)
    center, size = boxes[:, :2], np.maximum(boxes[:, 2:], 1)
    angle = np.nan_to_num(rois[:, 5]) * dtype(np.pi / 180)
    images = images_of(rois, number)
    step = size / np.array([columns, rows], dtype)
    counts = np.full(size.shape, sampling_ratio) if sampling_ratio > 0 else np.ceil(step).astype(int)
    across, down = counts.max(0, initial=1)
    if max(across, down) > MOST_SAMPLES:
        raise ArgumentError(
            f"a region takes {max(across, down)} samples a bin, in operator _contrib_RROIAlign: at most {MOST_SAMPLES}"
        )
    places, used = [], []
    for axis, (bins, most) in enumerate(((columns, across), (rows, down))):
        sample, count = np.arange(most), counts[:, axis, None, None]
        place = (np.arange(bins)[:, None] + (sample + dtype(0.5)) / count) * step[:, axis, None, None]
        places.append(place - size[:, axis, None, None] / 2)
        used.append(np.broadcast_to(sample < count, place.shape))
    # (region, row, column, sample down, sample across)
    x, in_x = (part[:, None, :, None, :] for part in (places[0], used[0]))
    y, in_y = (part[:, :, None, :, None] for part in (places[1], used[1]))
    cosine, sine = (f(angle).reshape(-1, 1, 1, 1, 1) for f in (np.cos, np.sin))
    middle_x, middle_y = (center[:, axis].reshape(-1, 1, 1, 1, 1) for axis in (0, 1))
    x, y = x * cosine + y * sine + middle_x, y * cosine - x * sine + middle_y
    inside = in_x & in_y & (x >= -1) & (x <= width) & (y >= -1) & (y <= height)
    inside = inside & (images >= 0).reshape(-1, 1, 1, 1, 1)
    weight = inside / counts.prod(1).reshape(-1, 1, 1, 1, 1)
    planes = np.maximum(images, 0)[:, None] * channels + np.arange(channels)
    shape = (len(rois), channels, rows, columns, across * down)
    parts = [np.clip(x, 0, width - 1), np.clip(y, 0, height - 1), weight]
    parts = [np.broadcast_to(part.reshape(len(rois), 1, rows, columns, across * down), shape) for part in parts]
    return np.stack([*parts, np.broadcast_to(planes[:, :, None, None, None], shape)]).astype(dtype)


@operator("_contrib_RROIAlign", fails=True)
def rroi_align(data, rois, *, pooled_size: Shape, spatial_scale: float, sampling_ratio: int = -1):
    """The mean of bilinear samples in each of pooled_size (height, width) bins of regions that are rotated.

    data: (N, C, H, W). rois: (R, 6), rows (image number, x and y of the center, width, height, angle in degrees,
    counterclockwise). sampling_ratio: samples along each side of a bin (-1: one for each pixel).
    Output: (R, C, *pooled_size), dtype of `data`, which rois share.
    Source: Ma et al., "Arbitrary-oriented scene text detection via rotation proposals" (2018)."""
    name = "_contrib_RROIAlign"
    if rois.ndim != 2 or rois.shape[1] != 6:
        raise ShapeError(
            f"rois should be a 2D tensor of shape [batch, 6], but is {list(rois.shape)}, in operator {name}"
        )
    check_regions(name, data, rois[:, :5], pooled_size, spatial_scale)
    points = _rroi_points.forward(
        widened(rois), data_shape=data.shape, pooled_size=pooled_size, spatial_scale=spatial_scale,
        sampling_ratio=sampling_ratio,
    )  # fmt: skip
    return take_points.forward(widened(data), points).sum(-1).astype(data.dtype, copy=False)


@rroi_align.gradient("data")
def _(F, g, rois, data_shape, pooled_size, spatial_scale, sampling_ratio):
    points = F._rroi_points(
        rois, data_shape=data_shape, pooled_size=pooled_size, spatial_scale=spatial_scale, sampling_ratio=sampling_ratio
    )
    return F._scatter_points(F.expand_dims(g, axis=-1), points, shape=data_shape)


rroi_align.infers(from_inputs(lambda attrs, data, rois: (rois[0], data[1], *attrs["pooled_size"])))

"""Pooling over regions of interest in bins that read channels of their own (R-FCN), which learned offsets may move.
See roi.py for what a region is; MXNet passes no gradient to it."""

import numpy as np

from ..attributes import Shape
from ..errors import ArgumentError, ShapeError
from ..inference import from_inputs
from ..registry import operator
from .common import check_same_dtype, widened
from .nn import check_count, check_shape
from .roi import FARTHEST, MOST_SAMPLES, check_regions, images_of
from .roi_points import into_points, take_points


def _rounded(x):
    """Rounded to whole numbers, halves away from 0, as C does."""
    return np.copysign(np.floor(np.abs(x) + x.dtype.type(0.5)), x)


def _group_of_bins(pooled_size, group_size):
    """The group of channels that each bin along an axis reads."""
    return np.minimum(np.arange(pooled_size) * group_size // pooled_size, group_size - 1)


def _check_bins(name, channels, output_dim, pooled_size, group_size):
    """The number of groups along an axis."""
    groups = group_size or pooled_size
    if min(output_dim, pooled_size, groups) < 1:
        raise ArgumentError(
            f"output_dim={output_dim}, pooled_size={pooled_size} and group_size={group_size} should be at least 1, in "
            f"operator {name}"
        )
    if channels != output_dim * groups**2:
        raise ShapeError(
            f"data should have output_dim * group_size² = {output_dim * groups**2} channels, but has {channels}, in "
            f"operator {name}"
        )
    return groups


# -- PSROIPooling ------------------------------------------------------------------------------------------------


def _means(start, end, bins, size):
    """Weights of an axis' pixels that give the mean of each bin, (bins, span), and the pixel where the span starts."""
    step = max(end - start, start.dtype.type(0.1)) / bins
    places = np.arange(bins + 1, dtype=start.dtype) * step + start
    low = np.clip(np.floor(places[:-1]), 0, size).astype(int)
    high = np.clip(np.ceil(places[1:]), 0, size).astype(int)
    first, pixels = low.min(), np.arange(low.min(), max(high.max(), low.min()))
    inside = (pixels >= low[:, None]) & (pixels < high[:, None])
    return inside / np.maximum(high - low, 1)[:, None].astype(start.dtype), first


def _bins_of_regions(rois, shape, spatial_scale, pooled_size):
    """For each region in an image: its number, the image, the pixels it touches, weights of rows and of columns."""
    dtype, scale = rois.dtype.type, rois.dtype.type(spatial_scale)
    corners = np.clip(_rounded(np.nan_to_num(rois[:, 1:])), -FARTHEST, FARTHEST)
    corners = (corners + [0, 0, 1, 1]).astype(dtype) * scale
    for r, (image, (x1, y1, x2, y2)) in enumerate(zip(images_of(rois, shape[0]), corners, strict=True)):
        if image >= 0:
            rows, top = _means(y1, y2, pooled_size, shape[2])
            columns, left = _means(x1, x2, pooled_size, shape[3])
            window = (slice(top, top + rows.shape[1]), slice(left, left + columns.shape[1]))
            yield r, image, window, rows, columns


@operator("_contrib_PSROIPooling")
def psroi_pooling(data, rois, *, spatial_scale: float, output_dim: int, pooled_size: int, group_size: int = 0):
    """The mean of each of pooled_size² bins of each region, where a bin reads channels of its own.

    data: (N, output_dim * group_size², H, W). rois: (R, 5), corners rounded to whole pixels, both included. A bin
    outside of the image is 0. spatial_scale: pixels of `data` for each unit of `rois`, 0 to 1. group_size: groups of
    channels along each side of a region (0: pooled_size).
    Output: (R, output_dim, pooled_size, pooled_size), dtype of `data`, which rois share.
    Source: Dai et al., "R-FCN" (2016)."""
    name = "_contrib_PSROIPooling"
    check_regions(name, data, rois, (pooled_size, pooled_size), spatial_scale)
    groups = _check_bins(name, data.shape[1], output_dim, pooled_size, group_size)
    x, of_bin = widened(data), _group_of_bins(pooled_size, groups)
    out = np.zeros((len(rois), output_dim, pooled_size, pooled_size), x.dtype)
    regions = _bins_of_regions(widened(rois), data.shape, spatial_scale, pooled_size)
    for r, image, window, rows, columns in regions:
        block = x[(image, slice(None), *window)]
        block = block.reshape(output_dim, groups, groups, *block.shape[1:])[:, of_bin[:, None], of_bin]
        out[r] = np.einsum("ph,cpqhw,qw->cpq", rows, block, columns, optimize=True)
    return out.astype(data.dtype, copy=False)


@psroi_pooling.gradient("data")
def _(F, g, rois, data_shape, spatial_scale, output_dim, pooled_size, group_size):
    return F._backward_contrib_PSROIPooling(g, rois, data_shape=data_shape, spatial_scale=spatial_scale)


@operator("_backward_contrib_PSROIPooling")
def _backward_psroi_pooling(g, rois, *, data_shape: Shape, spatial_scale: float):
    """The gradient of PSROIPooling's data, of `data_shape`, from that of its output."""
    x, (output_dim, pooled_size) = widened(g), g.shape[1:3]
    groups = round((data_shape[1] // output_dim) ** 0.5)
    of_bin = _group_of_bins(pooled_size, groups)
    out = np.zeros(data_shape, x.dtype)
    regions = _bins_of_regions(widened(rois), data_shape, spatial_scale, pooled_size)
    for r, image, window, rows, columns in regions:
        target = out[image].reshape(output_dim, groups, groups, *data_shape[2:])[(..., *window)]
        shares = np.einsum("ph,cpq,qw->cpqhw", rows, x[r], columns)
        np.add.at(target, (slice(None), of_bin[:, None], of_bin), shares)
    return out.astype(g.dtype, copy=False)


@_backward_psroi_pooling.gradient("g")
def _(F, v, rois, g_shape, spatial_scale, data_shape):
    _, output_dim, pooled_size, _ = g_shape
    groups = round((data_shape[1] // output_dim) ** 0.5)
    return F._contrib_PSROIPooling(
        v, rois, spatial_scale=spatial_scale, output_dim=output_dim, pooled_size=pooled_size, group_size=groups
    )


# -- DeformablePSROIPooling ----------------------------------------------------------------------------------------


class _Bins:
    """Where the bins of DeformablePSROIPooling lie, and how a change of `trans` moves them.

    layout: output_dim, groups, bins and parts along an axis, samples along one of a bin."""

    def __init__(self, rois, trans, data_shape, layout, spatial_scale, trans_std):
        dtype = rois.dtype.type
        dim, groups, bins, self.parts, samples = layout
        self.shape = (len(rois), dim, bins, bins, samples**2)
        self.classes = 1 if trans is None else trans.shape[1] // 2
        self.part_of_bin = np.minimum(np.arange(bins) * self.parts // bins, self.parts - 1)
        corners = np.clip(_rounded(np.nan_to_num(rois[:, 1:])), -FARTHEST, FARTHEST)
        corners = (corners + [0, 0, 1, 1]).astype(dtype) * dtype(spatial_scale) - dtype(0.5)
        sizes = np.maximum(corners[:, 2:] - corners[:, :2], dtype(0.1))  # width and height
        self.per_unit = dtype(trans_std) * sizes
        steps = (np.arange(bins)[:, None] + np.arange(samples) / dtype(samples)).astype(dtype) / dtype(bins)
        images, of_bin = images_of(rois, data_shape[0]), _group_of_bins(bins, groups)
        places, self.free = [], []
        inside = (images >= 0).reshape(-1, 1, 1, 1, 1)
        for axis, size in ((0, data_shape[3]), (1, data_shape[2])):
            along = corners[:, axis, None, None] + steps * sizes[:, axis, None, None]
            along = along[:, None, None, :, None, :] if axis == 0 else along[:, None, :, None, :, None]
            place = np.broadcast_to(along, (len(rois), dim, bins, bins, samples, samples)).reshape(self.shape)
            if trans is not None:
                place = place + self._shift(trans, axis)
            inside = inside & (place >= -0.5) & (place <= size - 0.5)
            # a sample within half a pixel of the image is taken for one at its edge, and does not move
            self.free.append((place >= 0) & (place <= size - 1))
            places.append(np.clip(place, 0, size - 1))
        self.free = [free & inside for free in self.free]
        weights = inside / np.maximum(inside.sum(-1, keepdims=True), 1)
        channels = (np.arange(dim)[:, None, None] * groups + of_bin[:, None]) * groups + of_bin
        planes = np.maximum(images, 0).reshape(-1, 1, 1, 1) * data_shape[1] + channels
        planes = np.broadcast_to(planes[..., None], self.shape)
        self.points = np.stack([*places, weights, planes]).astype(dtype)

    def _shift(self, trans, axis):
        """How far the samples are moved along an axis: (R, output_dim, bins, bins, 1)."""
        moves = trans.reshape(self.shape[0], self.classes, 2, self.parts, self.parts)[:, :, axis]
        moves = moves[:, :, self.part_of_bin[:, None], self.part_of_bin]
        moves = np.repeat(moves, self.shape[1] // self.classes, 1)[..., None]
        return moves * self.per_unit[:, axis].reshape(-1, 1, 1, 1, 1)

    def moved(self, v):
        """What a change `v` of trans changes of the points, to first order."""
        out = np.zeros((4, *self.shape), v.dtype)
        for axis in (0, 1):
            out[axis] = self._shift(v, axis) * self.free[axis]
        return out

    def gathered(self, g):
        """The opposite of `moved`: the gradient of trans, (R, 2 * classes, parts, parts)."""
        regions, dim, bins = self.shape[:3]
        out = np.zeros((regions, self.classes, 2, self.parts, self.parts), g.dtype)
        for axis in (0, 1):
            share = (g[axis] * self.free[axis]).sum(-1) * self.per_unit[:, axis].reshape(-1, 1, 1, 1)
            share = share.reshape(regions, self.classes, dim // self.classes, bins, bins).sum(2)
            np.add.at(out[:, :, axis], (..., self.part_of_bin[:, None], self.part_of_bin), share)
        return out.reshape(regions, 2 * self.classes, self.parts, self.parts)


@operator("_psroi_points")
def _points(rois, trans=None, *, data_shape: Shape, layout: Shape, spatial_scale: float, trans_std: float):
    """The points at which DeformablePSROIPooling samples data of `data_shape`."""
    return _Bins(rois, trans, data_shape, layout, spatial_scale, trans_std).points


@operator("_psroi_shift")
def _shift(v, rois, trans, *, data_shape: Shape, layout: Shape, spatial_scale: float, trans_std: float):
    """By how much the points of DeformablePSROIPooling move when trans changes by `v`."""
    return _Bins(rois, trans, data_shape, layout, spatial_scale, trans_std).moved(v)


@operator("_backward_psroi_points")
def _backward_points(g, rois, trans, *, data_shape: Shape, layout: Shape, spatial_scale: float, trans_std: float):
    """The gradient of trans from that of the points."""
    return _Bins(rois, trans, data_shape, layout, spatial_scale, trans_std).gathered(g)


def _into_trans(F, g, rois, trans, data_shape, layout, spatial_scale, trans_std):
    words = {"layout": layout, "spatial_scale": spatial_scale, "trans_std": trans_std}
    return F._backward_psroi_points(g, rois, trans, data_shape=data_shape, **words)


_points.gradient("trans")(_into_trans)
_shift.gradient("v")(_into_trans)


@_backward_points.gradient("g")
def _(F, v, rois, trans, data_shape, layout, spatial_scale, trans_std):
    words = {"layout": layout, "spatial_scale": spatial_scale, "trans_std": trans_std}
    return F._psroi_shift(v, rois, trans, data_shape=data_shape, **words)


@operator("_contrib_DeformablePSROIPooling")
def deformable_psroi_pooling(
    data, rois, trans=None, *, spatial_scale: float, output_dim: int, group_size: int, pooled_size: int,
    part_size: int = 0, sample_per_part: int = 1, trans_std: float = 0.0, no_trans: bool = False,
):  # fmt: skip
    """PSROIPooling whose bins are moved: the mean of sample_per_part² bilinear samples in each bin.

    data, rois, spatial_scale, output_dim, group_size: as in PSROIPooling. trans: (R, 2 * classes, part_size,
    part_size), how far right and how far down each part of a region moves, as a share of its size times `trans_std`;
    the output channels are divided equally among the classes. part_size 0: pooled_size. no_trans: there is no trans.
    Output: (R, output_dim, pooled_size, pooled_size), dtype of `data`, which the others share.
    Source: Dai et al., "Deformable convolutional networks" (2017)."""
    name = "_contrib_DeformablePSROIPooling"
    check_regions(name, data, rois, (pooled_size, pooled_size), spatial_scale)
    groups, parts = _check_bins(name, data.shape[1], output_dim, pooled_size, group_size), part_size or pooled_size
    if not 1 <= sample_per_part <= MOST_SAMPLES or part_size < 0:
        raise ArgumentError(
            f"sample_per_part={sample_per_part} should be from 1 to {MOST_SAMPLES}, and part_size={part_size} at least "
            f"0, in operator {name}"
        )
    check_count(name, int(not no_trans), trans)
    if trans is not None:
        check_same_dtype(name, data, trans)
        classes = trans.shape[1] // 2 if trans.ndim == 4 else 0
        if classes < 1 or output_dim % classes:
            raise ShapeError(
                f"trans should be ({len(rois)}, 2 * classes, {parts}, {parts}) with classes that divide "
                f"output_dim={output_dim}, but is {list(trans.shape)}, in operator {name}"
            )
        check_shape(name, "trans", trans, (len(rois), 2 * classes, parts, parts))
        trans = widened(trans)
    layout = (output_dim, groups, pooled_size, parts, sample_per_part)
    words = {"layout": layout, "spatial_scale": spatial_scale, "trans_std": trans_std}
    points = _points.forward(widened(rois), trans, data_shape=data.shape, **words)
    return take_points.forward(widened(data), points).sum(-1).astype(data.dtype, copy=False)


def _places(attrs):
    """The attributes of _psroi_points, from those that a gradient rule gets."""
    spatial_scale, output_dim, group_size, pooled_size, part_size, sample_per_part, trans_std = attrs
    parts, groups = part_size or pooled_size, group_size or pooled_size
    layout = (output_dim, groups, pooled_size, parts, sample_per_part)
    return {"layout": layout, "spatial_scale": spatial_scale, "trans_std": trans_std}


def _into_data(F, g, rois, trans, data_shape, *attrs):
    inputs = (rois,) if trans is None else (rois, trans)
    points = F._psroi_points(*inputs, data_shape=data_shape, **_places(attrs))
    return F._scatter_points(F.expand_dims(g, axis=-1), points, shape=data_shape)


def _into_moves(F, g, data, rois, trans, *attrs):
    words = {"data_shape": tuple(data.shape), **_places(attrs)}
    points = F._psroi_points(rois, trans, **words)
    return F._backward_psroi_points(into_points(F, F.expand_dims(g, axis=-1), data, points), rois, trans, **words)


ATTRIBUTES = (
    "spatial_scale", "output_dim", "group_size", "pooled_size", "part_size", "sample_per_part", "trans_std",
)  # fmt: skip
_into_data.asks = ("rois", "trans", "data_shape", *ATTRIBUTES)
_into_moves.asks = ("data", "rois", "trans", *ATTRIBUTES)
deformable_psroi_pooling.gradient("data")(_into_data)
deformable_psroi_pooling.gradient("trans")(_into_moves)


@deformable_psroi_pooling.infers
def _(shapes, attrs):
    rois, trans = shapes.ins[1], shapes.ins[2] if len(shapes.ins) > 2 else None
    if rois is not None:
        shapes.output((rois[0], attrs["output_dim"], attrs["pooled_size"], attrs["pooled_size"]))
        if trans is not None:
            parts = attrs["part_size"] or attrs["pooled_size"]
            shapes.input(2, (rois[0], trans[1], parts, parts))


psroi_pooling.infers(
    from_inputs(lambda attrs, data, rois: (rois[0], attrs["output_dim"], attrs["pooled_size"], attrs["pooled_size"]))
)

"""Boxes around objects: their overlap, suppression, matching and encoding.

A box is four numbers along the last axis: its left, top, right and bottom edge (`corner`), or its centre's x and y, its
width and its height (`center`). Arrays are floating point, all inputs of one dtype.
"""

import math

import numpy as np

from ..attributes import Choice
from ..errors import ArgumentError, ComputeError, ShapeError
from ..inference import from_inputs, like_data
from ..registry import operator
from .common import check_same_dtype

FORMAT = Choice("center", "corner")


def check_floats(name, *arrays):
    """Refuse dtypes that are not floating point, or differ."""
    if arrays[0].dtype.kind != "f":
        raise ShapeError(f"This operation only support floating point types, not {arrays[0].dtype}, in operator {name}")
    for other in arrays[1:]:
        check_same_dtype(name, arrays[0], other)


def need(right, name, wanted, *arrays):
    """ShapeError that tells what would be `wanted`, unless the shapes are `right`."""
    if not right:
        raise ShapeError(f"{name} takes {wanted}, but got {' and '.join(str(list(x.shape)) for x in arrays)}")


def to_corners(boxes):
    """Boxes in format `center` as corners."""
    half = boxes[..., 2:] / 2
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)


def to_centers(boxes):
    """Boxes in format `corner` as centres, widths and heights."""
    return np.concatenate([(boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]], axis=-1)


def overlap(lhs, rhs):
    """Intersection over union of corner boxes that broadcast together; 0 where there is no area."""
    low, high = np.maximum(lhs[..., :2], rhs[..., :2]), np.minimum(lhs[..., 2:], rhs[..., 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    union = _area(lhs) + _area(rhs) - shared
    return np.where(shared > 0, shared / np.where(union == 0, 1, union), 0).astype(lhs.dtype, copy=False)


def _area(boxes):
    return np.maximum(boxes[..., 2:] - boxes[..., :2], 0).prod(axis=-1)


def suppress(boxes, threshold, kinds=None, inclusive=False, most=None):
    """The numbers of the boxes that survive non-maximum suppression, `most` of them: each survivor, in order, removes
    the later boxes whose overlap with it is above `threshold` (or equal, if `inclusive`), of its own kind where `kinds`
    are given."""
    left, survivors = np.arange(len(boxes)), []
    while len(left) and len(survivors) != most:
        first, left = left[0], left[1:]
        survivors.append(first)
        shared = overlap(boxes[first], boxes[left])
        hit = shared >= threshold if inclusive else shared > threshold
        if kinds is not None:
            hit &= kinds[left] == kinds[first]
        left = left[~hit]
    return np.array(survivors, np.int64)


@operator("_contrib_box_iou")
def box_iou(lhs, rhs, *, format: FORMAT = "corner"):
    """Intersection over union of every box of `lhs` (..., 4) with every one of `rhs` (..., 4).

    Output: (axes of lhs but the last) + (axes of rhs but the last). Its gradient is zero, as in MXNet."""
    check_floats("_contrib_box_iou", lhs, rhs)
    need(
        min(lhs.ndim, rhs.ndim) >= 2 and lhs.shape[-1] == rhs.shape[-1] == 4,
        "_contrib_box_iou", "boxes of shape (..., 4) with at least two axes", lhs, rhs,
    )  # fmt: skip
    if format == "center":
        lhs, rhs = to_corners(lhs), to_corners(rhs)
    result = overlap(lhs.reshape(lhs.size // 4, 1, 4), rhs.reshape(1, rhs.size // 4, 4))
    return result.reshape(lhs.shape[:-1] + rhs.shape[:-1])


box_iou.no_gradient()


def _batched(x, axes=2):
    """`x` with all but its last axes as one."""
    lead = x.shape[: x.ndim - axes]
    return x.reshape(math.prod(lead), *x.shape[x.ndim - axes :])


def _check_nms(data, coord_start, score_index, id_index):
    width = data.shape[-1] if data.ndim else 0
    need(data.ndim >= 2, "_contrib_box_nms", "boxes of shape (..., num_box, box_width)", data)
    columns = set(range(coord_start, coord_start + 4))
    if coord_start < 0 or coord_start + 4 > width:
        raise ArgumentError(f"_contrib_box_nms: coord_start={coord_start} leaves no four of the {width} columns")
    if not 0 <= score_index < width or score_index in columns:
        raise ArgumentError(
            f"_contrib_box_nms: score_index={score_index} is none of the {width} columns but the coordinates"
        )
    if id_index >= 0 and (id_index >= width or id_index in columns or id_index == score_index):
        raise ArgumentError(
            f"_contrib_box_nms: id_index={id_index} is none of the {width} columns but coordinates and score"
        )


@operator("_contrib_box_nms", "_contrib_box_non_maximum_suppression", outputs=("output", "record"), visible=1)
def box_nms(
    data, *, overlap_thresh: float = 0.5, valid_thresh: float = 0.0, topk: int = -1, coord_start: int = 2,
    score_index: int = 1, id_index: int = -1, background_id: int = -1, force_suppress: bool = False,
    in_format: FORMAT = "corner", out_format: FORMAT = "corner",
):  # fmt: skip
    """Non-maximum suppression: a box that overlaps one of higher score too much is dropped.

    data: (..., boxes, columns); a row holds four coordinates from column `coord_start`, a score and, unless
    id_index < 0, a class. Rows whose score is not above `valid_thresh`, of class `background_id`, or not among the
    `topk` best (< 0: all) are dropped first. Boxes of different classes do not drop each other, unless
    `force_suppress`. Output: shape of `data`; the remaining rows first, in order of scores, the rest -1."""
    check_floats("_contrib_box_nms", data)
    _check_nms(data, coord_start, score_index, id_index)
    batches = _batched(data)
    place = slice(coord_start, coord_start + 4)
    record = np.full(batches.shape[:2], -1, np.int32)
    if topk == 0:
        record[:] = np.arange(batches.shape[1])
        return data.copy(), record.reshape(data.shape[:-1])
    out = np.full_like(batches, -1)
    for rows, result, kept in zip(batches, out, record, strict=True):
        valid = rows[:, score_index] > valid_thresh
        if id_index >= 0 and background_id >= 0:
            valid &= rows[:, id_index] != background_id
        index = np.flatnonzero(valid)
        index = index[np.argsort(-rows[index, score_index], kind="stable")]
        if topk > 0:
            index = index[:topk]
        boxes = rows[index, place]
        kinds = None if force_suppress or id_index < 0 else rows[index, id_index]
        index = index[suppress(to_corners(boxes) if in_format == "center" else boxes, overlap_thresh, kinds)]
        kept[: len(index)] = index
        result[: len(index)] = rows[index]
        if in_format != out_format:
            convert = to_corners if out_format == "corner" else to_centers
            result[: len(index), place] = convert(rows[index, place])
    return out.reshape(data.shape), record.reshape(data.shape[:-1])


@box_nms.gradient
def _(F, g, record):
    """The rows' own gradients; like MXNet's, they leave a change of format out of account."""
    return F._scatter_rows(g[0], record)


def _rows(name, data, index):
    """`data` with one leading axis; and for each number in `index`: of which batch, at which place, and the number."""
    need(index.shape == data.shape[:-1], name, "data (..., rows, columns) and index (..., rows)", data, index)
    index = _batched(index, 1)
    if index.dtype.kind != "i" or (index.size and index.max() >= index.shape[1]):
        raise ComputeError(f"{name}: index is not of whole numbers below {index.shape[1]}, an integer array")
    batch, place = np.nonzero(index >= 0)
    return _batched(data), batch, place, index[batch, place]


@operator("_gather_rows", fails=True)
def gather_rows(data, index):
    """Rows of `data` (..., rows, columns) by their numbers (..., rows); zeros where the number is negative."""
    flat, batch, place, source = _rows("_gather_rows", data, index)
    out = np.zeros_like(flat)
    out[batch, place] = flat[batch, source]
    return out.reshape(data.shape)


@operator("_scatter_rows", fails=True)
def scatter_rows(data, index):
    """Rows of `data` (..., rows, columns) put where their numbers (..., rows) say; negative: left out. The numbers
    are distinct; rows that none names are zeros."""
    flat, batch, place, target = _rows("_scatter_rows", data, index)
    out = np.zeros_like(flat)
    out[batch, target] = flat[batch, place]
    return out.reshape(data.shape)


gather_rows.gradient("data")(lambda F, g, index: F._scatter_rows(g, index))
scatter_rows.gradient("data")(lambda F, g, index: F._gather_rows(g, index))


@operator("_contrib_bipartite_matching", outputs=("output0", "output1"))
def bipartite_matching(data, *, is_ascend: bool = False, threshold: float, topk: int = -1):
    """Pairs of rows and columns, matched greedily by score.

    data: (..., rows, columns) of scores. The pair with the highest score among free rows and columns is matched, until
    the score is not above `threshold`; with `is_ascend` the lowest, until it is not below. topk: at most one pair more
    than this (< 1: any number), as MXNet counts. Outputs: the column of each row (..., rows) and the row of each column
    (..., columns); -1: none."""
    check_floats("_contrib_bipartite_matching", data)
    need(data.ndim >= 2, "_contrib_bipartite_matching", "scores of shape (..., rows, columns)", data)
    rows, columns = data.shape[-2:]
    scores = _batched(-data if is_ascend else data.copy())
    limit = -threshold if is_ascend else threshold
    of_row = np.full((len(scores), rows), -1, data.dtype)
    of_column = np.full((len(scores), columns), -1, data.dtype)
    active = np.arange(len(scores))
    for _ in range(min(rows, columns, topk + 1) if topk > 0 else min(rows, columns)):
        best = scores[active].reshape(len(active), rows * columns).argmax(axis=1)
        row, column = np.divmod(best, columns)
        above = scores[active, row, column] > limit
        active, row, column = active[above], row[above], column[above]
        if not len(active):
            break
        of_row[active, row], of_column[active, column] = column, row
        scores[active, row], scores[active, :, column] = -np.inf, -np.inf
    return of_row.reshape(data.shape[:-1]), of_column.reshape(data.shape[:-2] + (columns,))


bipartite_matching.no_gradient()


@operator("_contrib_box_encode", outputs=("output0", "output1"), fails=True)
def box_encode(samples, matches, anchors, refs, means, stds):
    """Targets of box regression: how far the matched box lies from its anchor, in sizes of the anchor.

    samples: (batch, anchors), 1 where the anchor is matched; matches: (batch, anchors), the number of the matched box;
    anchors: (batch, anchors, 4) and refs: (batch, boxes, 4), corners; means, stds: (4,) normalize the targets.
    Outputs: targets and masks (batch, anchors, 4), zero where an anchor is not matched."""
    check_floats("_contrib_box_encode", anchors, refs, means, stds)
    need(
        anchors.ndim == refs.ndim == 3 and samples.shape == matches.shape == anchors.shape[:2]
        and anchors.shape[0] == refs.shape[0] and anchors.shape[2] == refs.shape[2] == 4,
        "_contrib_box_encode",
        "samples and matches (batch, anchors), anchors (batch, anchors, 4) and refs (batch, boxes, 4)",
        samples, matches, anchors, refs,
    )  # fmt: skip
    need(means.shape == stds.shape == (4,), "_contrib_box_encode", "four means and four stds", means, stds)
    chosen = samples > 0.5
    number = np.where(chosen, matches, 0).astype(np.int64)
    if chosen.any() and (number.min() < 0 or number.max() >= refs.shape[1]):
        raise ComputeError(f"_contrib_box_encode: matches name a box that is none of the {refs.shape[1]} in refs")
    masks = np.repeat(chosen[:, :, None], 4, axis=2).astype(anchors.dtype)
    if not chosen.any():
        return np.zeros_like(masks), masks
    anchor, box = to_centers(anchors), to_centers(np.take_along_axis(refs, number[:, :, None], axis=1))
    shift = (box[..., :2] - anchor[..., :2]) / anchor[..., 2:]
    scale = np.log(box[..., 2:] / anchor[..., 2:])
    targets = (np.concatenate([shift, scale], axis=-1) - means) / stds
    return np.where(chosen[:, :, None], targets, 0).astype(anchors.dtype, copy=False), masks


box_encode.no_gradient()


@operator("_contrib_box_decode")
def box_decode(
    data, anchors, *, std0: float = 1.0, std1: float = 1.0, std2: float = 1.0, std3: float = 1.0, clip: float = -1.0,
    format: FORMAT = "center",
):  # fmt: skip
    """Boxes from regressed offsets, the inverse of box_encode.

    data: (batch, anchors, 4); anchors: (1, anchors, 4) in `format`; clip: limit of the logarithms of the scales,
    unless negative. Output: corners, shape of `data`."""
    check_floats("_contrib_box_decode", data, anchors)
    need(
        data.ndim == 3 and data.shape[2] == 4 and anchors.shape == (1, *data.shape[1:]),
        "_contrib_box_decode", "data (batch, anchors, 4) and anchors (1, anchors, 4)", data, anchors,
    )  # fmt: skip
    return decode(data, anchors if format == "center" else to_centers(anchors), (std0, std1, std2, std3), clip)


box_decode.no_gradient()


def decode(offsets, anchors, stds, clip=-1.0):
    """Corners of the boxes that lie `offsets` times `stds` from the anchors, which are in format `center`."""
    offsets = offsets * np.array(stds, offsets.dtype)
    centre = offsets[..., :2] * anchors[..., 2:] + anchors[..., :2]
    scale = offsets[..., 2:]
    half = np.exp(np.minimum(scale, clip) if clip > 0 else scale) * anchors[..., 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


box_nms.infers(like_data)
box_iou.infers(from_inputs(lambda attrs, lhs, rhs: lhs[:-1] + rhs[:-1]))

"""Anchors, targets and detections of the single shot detector (Liu et al., SSD: single shot multibox detector, 2016).

Boxes are corners in fractions of the image. Arrays are floating point, all inputs of one dtype.
"""

import numpy as np

from ..attributes import Floats
from ..errors import ArgumentError, ComputeError
from ..inference import from_inputs
from ..registry import operator
from .detection import check_floats, decode, need, overlap, suppress, to_centers

VARIANCES = (0.1, 0.1, 0.2, 0.2)


def _check_variances(name, variances):
    if len(variances) != 4:
        raise ArgumentError(f"{name}: variances are four numbers, but got {variances}")


@operator("_contrib_MultiBoxPrior")
def multibox_prior(
    data, *, sizes: Floats = (1.0,), ratios: Floats = (1.0,), clip: bool = False, steps: Floats = (-1.0, -1.0),
    offsets: Floats = (0.5, 0.5),
):  # fmt: skip
    """Anchors around every pixel of a feature map, in fractions of the image.

    data: (batch, channels, height, width), of which only the shape matters. sizes: all of them with the first ratio;
    ratios: (width to height) the others with the first size. steps: distance of pixels as (y, x), negative: 1 / extent;
    offsets: of the centre within a pixel, as (y, x); clip: to the image.
    Output: corners, (1, height * width * (len(sizes) + len(ratios) - 1), 4)."""
    name = "_contrib_MultiBoxPrior"
    check_floats(name, data)
    need(data.ndim >= 4 and 0 not in data.shape[2:4], name, "data of shape (batch, channels, height, width)", data)
    if not (sizes and ratios and min(ratios) > 0 and len(steps) == len(offsets) == 2):
        raise ArgumentError(
            f"{name} takes at least one size and one positive ratio, and steps and offsets as (y, x), but got "
            f"sizes={sizes}, ratios={ratios}, steps={steps}, offsets={offsets}"
        )
    if steps[0] * steps[1] < 0:
        raise ArgumentError(f"{name}: Must specify both step_y and step_x, but got steps={steps}")
    height, width = data.shape[2:4]
    step_y, step_x = steps if steps[0] > 0 and steps[1] > 0 else (1 / height, 1 / width)
    size = np.array([*sizes, *[sizes[0]] * (len(ratios) - 1)])
    root = np.sqrt(np.array([ratios[0]] * len(sizes) + list(ratios[1:])))
    half = np.stack([size * height / width * root / 2, size / root / 2], axis=-1)
    y, x = np.meshgrid(
        (np.arange(height) + offsets[0]) * step_y, (np.arange(width) + offsets[1]) * step_x, indexing="ij"
    )
    centre = np.stack([x, y], axis=-1)[:, :, None]
    boxes = np.concatenate([centre - half, centre + half], axis=-1).reshape(1, -1, 4)
    return (np.clip(boxes, 0, 1) if clip else boxes).astype(data.dtype)


multibox_prior.no_gradient()


def _match_anchors(shared, threshold):
    """The number of the labelled box of each anchor (-1: none), from overlaps (anchors, boxes): each box gets its best
    free anchor, then each other anchor the box that overlaps it by more than `threshold`."""
    match = np.full(len(shared), -1)
    free = shared.copy()
    for _ in range(min(shared.shape)):
        anchor, box = divmod(int(free.argmax()), shared.shape[1])
        if free[anchor, box] <= 1e-6:
            break
        match[anchor] = box
        free[anchor], free[:, box] = -1, -1
    if threshold > 0:
        best = shared.argmax(axis=1)
        more = (match < 0) & (shared.max(axis=1) > threshold)
        match[more] = best[more]
    return match


def _hardest(logits, candidates, count):
    """Of the candidates, the `count` anchors with the least probability of background. logits: (classes, anchors)."""
    likely = np.exp(logits - logits.max(axis=0))
    background = likely[0] / likely.sum(axis=0)
    numbers = np.flatnonzero(candidates)
    return numbers[np.argsort(background[numbers], kind="stable")][:count]


@operator("_contrib_MultiBoxTarget", outputs=("loc_target", "loc_mask", "cls_target"), fails=True)
def multibox_target(
    anchor, label, cls_pred, *, overlap_threshold: float = 0.5, ignore_label: float = -1.0,
    negative_mining_ratio: float = -1.0, negative_mining_thresh: float = 0.5, minimum_negative_samples: int = 0,
    variances: Floats = VARIANCES,
):  # fmt: skip
    """What a single shot detector should predict for each anchor.

    anchor: (1, anchors, 4), corners; label: (batch, boxes, 5 or more) of class, corners and whatever else, unused rows
    filled with -1; cls_pred: (batch, classes, anchors), from which the negatives with the least probability of
    background are taken where negative_mining_ratio > 0: that many for each positive, of those whose overlap is below
    `negative_mining_thresh`. `minimum_negative_samples` has no effect, as in MXNet.
    Outputs: loc_target (batch, anchors * 4): centre shifts over the anchor's size and logarithms of the scales, over
    `variances`; loc_mask, of the same shape: 1 where they count; cls_target (batch, anchors): 0 background, class + 1,
    or `ignore_label`."""
    name = "_contrib_MultiBoxTarget"
    check_floats(name, anchor, label, cls_pred)
    _check_variances(name, variances)
    need(
        anchor.ndim == label.ndim == cls_pred.ndim == 3 and anchor.shape[0] == 1 and anchor.shape[2] == 4
        and label.shape[2] >= 5 and label.shape[0] == cls_pred.shape[0] and cls_pred.shape[2] == anchor.shape[1]
        and cls_pred.shape[1] > 0,
        name, "anchor (1, anchors, 4), label (batch, boxes, 5 or more) and cls_pred (batch, classes, anchors)",
        anchor, label, cls_pred,
    )  # fmt: skip
    if negative_mining_ratio > 0 and negative_mining_thresh <= 0:
        raise ArgumentError(f"{name}: negative_mining_thresh must be above 0, but is {negative_mining_thresh}")
    batch, count = label.shape[0], anchor.shape[1]
    loc_target = np.zeros((batch, count, 4), anchor.dtype)
    loc_mask = np.zeros_like(loc_target)
    cls_target = np.full((batch, count), ignore_label, anchor.dtype)
    centers = to_centers(anchor[0])
    for i in range(batch):
        unused = np.flatnonzero(label[i, :, 0] == -1)
        boxes = label[i, : unused[0]] if len(unused) else label[i]
        if len(unused) and (label[i, unused[0], :5] != -1).any():
            raise ComputeError(f"{name}: row {unused[0]} of label {i} has class -1, but its box is not -1 as well")
        if not len(boxes):
            continue
        shared = overlap(anchor[0][:, None], boxes[:, 1:5])
        match = _match_anchors(shared, overlap_threshold)
        positive = match >= 0
        if negative_mining_ratio > 0:
            found = int(positive.sum())
            wanted = int(min(found * negative_mining_ratio if found else 0, count - found))
            candidates = ~positive & (shared.max(axis=1) < negative_mining_thresh)
            cls_target[i, _hardest(cls_pred[i], candidates, wanted)] = 0
        else:
            cls_target[i] = 0
        matched = boxes[match[positive]]
        cls_target[i, positive] = matched[:, 0] + 1
        loc_mask[i, positive] = 1
        box, near = to_centers(matched[:, 1:5]), centers[positive]
        shift, scale = (box[:, :2] - near[:, :2]) / near[:, 2:], np.log(box[:, 2:] / near[:, 2:])
        loc_target[i, positive] = np.concatenate([shift, scale], axis=1) / np.array(variances, anchor.dtype)
    return loc_target.reshape(batch, -1), loc_mask.reshape(batch, -1), cls_target


multibox_target.no_gradient()


@operator("_contrib_MultiBoxDetection")
def multibox_detection(
    cls_prob, loc_pred, anchor, *, clip: bool = True, threshold: float = 0.01, background_id: int = 0,
    nms_threshold: float = 0.5, force_suppress: bool = False, variances: Floats = VARIANCES, nms_topk: int = -1,
):  # fmt: skip
    """The boxes that a single shot detector has found.

    cls_prob: (batch, classes, anchors), class 0 is background; loc_pred: (batch, anchors * 4); anchor: (1, anchors, 4),
    corners. Boxes whose best class has a probability below `threshold` are dropped; the others are sorted by it, and
    those that overlap a better one (of their class, unless `force_suppress`) by `nms_threshold` or more get the class
    -1, as do all after the best `nms_topk` (< 1: none). `background_id` has no effect, as in MXNet.
    Output: (batch, anchors, 6) of class (from 0), probability and corners (in 0..1 with `clip`); unused rows are -1."""
    name = "_contrib_MultiBoxDetection"
    check_floats(name, cls_prob, loc_pred, anchor)
    _check_variances(name, variances)
    need(
        cls_prob.ndim == anchor.ndim == 3 and cls_prob.shape[1] > 1 and anchor.shape == (1, cls_prob.shape[2], 4)
        and loc_pred.shape == (cls_prob.shape[0], cls_prob.shape[2] * 4),
        name, "cls_prob (batch, classes, anchors), loc_pred (batch, anchors * 4) and anchor (1, anchors, 4)",
        cls_prob, loc_pred, anchor,
    )  # fmt: skip
    kind = cls_prob[:, 1:].argmax(axis=1)
    score = cls_prob[:, 1:].max(axis=1)
    boxes = decode(loc_pred.reshape(*score.shape, 4), to_centers(anchor), variances)
    if clip:
        np.clip(boxes, 0, 1, out=boxes)
    out = np.full((*score.shape, 6), -1, cls_prob.dtype)
    for i, result in enumerate(out):
        found = np.flatnonzero(score[i] >= threshold)
        result[: len(found)] = np.column_stack([kind[i, found], score[i, found], boxes[i, found]])
        if not (len(found) and 0 < nms_threshold <= 1):
            continue
        order = np.argsort(-score[i, found], kind="stable")
        keep = min(nms_topk, len(found)) if nms_topk > 0 else len(found)
        result[:keep] = result[order[:keep]]
        result[keep : len(found), 0] = -1
        kinds = None if force_suppress else result[:keep, 0]
        alive = suppress(result[:keep, 2:], nms_threshold, kinds, inclusive=True)
        result[np.setdiff1d(np.arange(keep), alive), 0] = -1
    return out


multibox_detection.no_gradient()


@multibox_prior.infers
@from_inputs
def _(attrs, data):
    return (1, data[2] * data[3] * (len(attrs["sizes"]) + len(attrs["ratios"]) - 1), 4)


multibox_detection.infers(from_inputs(lambda attrs, cls_prob, loc_pred, anchor: (cls_prob[0], cls_prob[2], 6)))


@multibox_target.infers
def _(shapes, _attrs):
    anchor, label, _ = shapes.ins
    if anchor is not None and label is not None:
        shapes.output((label[0], anchor[1] * 4))
        shapes.output((label[0], anchor[1] * 4), 1)
        shapes.output((label[0], anchor[1]), 2)

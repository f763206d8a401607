"""Regions that a proposal network suggests (Ren et al., Faster R-CNN, 2015)."""

import numpy as np

from ..attributes import Floats
from ..errors import ArgumentError
from ..registry import operator
from .detection import check_floats, need, suppress


def _anchors(stride, ratios, scales):
    """Corners of the anchors at the first pixel, (ratios * scales, 4); edges are pixels, the last one included."""
    ratios = np.repeat(np.array(ratios), len(scales))
    scales = np.tile(np.array(scales), len(ratios) // len(scales))
    width = np.floor(np.sqrt(np.floor(stride * stride / ratios)) + 0.5)
    height = np.floor(width * ratios + 0.5) * scales
    half = np.stack([width * scales - 1, height - 1], axis=1) / 2
    return np.concatenate([(stride - 1) / 2 - half, (stride - 1) / 2 + half], axis=1)


def _decode(boxes, offsets, iou_loss):
    if iou_loss:
        return boxes + offsets
    size = boxes[:, 2:] - boxes[:, :2] + 1
    centre = offsets[:, :2] * size + boxes[:, :2] + (size - 1) / 2
    half = (np.exp(offsets[:, 2:]) * size - 1) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _propose(scores, offsets, image, attrs):
    """The proposals of one image: (rpn_post_nms_top_n, 4) corners and their scores."""
    before, after, threshold, min_size, scales, ratios, stride, iou_loss = attrs
    count, height, width = scores.shape
    y, x = np.mgrid[:height, :width] * stride
    shift = np.stack([x, y, x, y], axis=-1)[:, :, None]
    boxes = (shift + _anchors(stride, ratios, scales)).astype(scores.dtype).reshape(-1, 4)
    scores = scores.transpose(1, 2, 0).copy()
    scores[int(image[0] / stride) :] = -1
    scores[:, int(image[1] / stride) :] = -1
    scores = scores.reshape(-1)
    offsets = offsets.reshape(count, 4, height, width).transpose(2, 3, 0, 1).reshape(-1, 4)
    boxes = np.clip(_decode(boxes, offsets, iou_loss), 0, image[[1, 0, 1, 0]] - 1)
    least = min_size * image[2]
    small = ((boxes[:, 2:] - boxes[:, :2] + 1) < least).any(axis=1)
    boxes[small] += np.array([-least, -least, least, least], boxes.dtype) / 2
    scores[small] = -1
    order = np.argsort(-scores, kind="stable")
    order = order[:before] if before > 0 else order
    boxes, scores = boxes[order], scores[order]
    edges = boxes + np.array([0, 0, 1, 1], boxes.dtype)
    kept = np.resize(suppress(edges, threshold, most=after), after)
    return boxes[kept], scores[kept]


def _declare(name, batches, doc):
    def compute(
        cls_prob, bbox_pred, im_info, *, rpn_pre_nms_top_n: int = 6000, rpn_post_nms_top_n: int = 300,
        threshold: float = 0.7, rpn_min_size: int = 16, scales: Floats = (4.0, 8.0, 16.0, 32.0),
        ratios: Floats = (0.5, 1.0, 2.0), feature_stride: int = 16, output_score: bool = False, iou_loss: bool = False,
    ):  # fmt: skip
        check_floats(name, cls_prob, bbox_pred, im_info)
        images, anchors = len(cls_prob), len(scales) * len(ratios)
        need(
            cls_prob.ndim == 4 and 0 not in cls_prob.shape and cls_prob.shape[1] == 2 * anchors
            and bbox_pred.shape == (images, 4 * anchors, *cls_prob.shape[2:]) and im_info.shape == (images, 3)
            and (batches or images == 1),
            name, f"cls_prob ({'n' if batches else 1}, {2 * anchors}, height, width), bbox_pred with {4 * anchors} "
            "channels and im_info with 3 columns", cls_prob, bbox_pred, im_info,
        )  # fmt: skip
        if min(*scales, *ratios, feature_stride, rpn_post_nms_top_n) <= 0:
            raise ArgumentError(f"{name} takes scales, ratios, feature_stride and rpn_post_nms_top_n above 0")
        attrs = (rpn_pre_nms_top_n, rpn_post_nms_top_n, threshold, rpn_min_size)
        attrs += (scales, ratios, feature_stride, iou_loss)
        boxes, scores = [], []
        for i in range(images):
            box, score = _propose(cls_prob[i, anchors:], bbox_pred[i], im_info[i], attrs)
            boxes.append(np.insert(box, 0, i, axis=1))
            scores.append(score[:, None])
        return np.concatenate(boxes), np.concatenate(scores)

    compute.__doc__ = f"""{doc}

    cls_prob: (n, 2 * anchors, height, width), background first; bbox_pred: (n, 4 * anchors, height, width), offsets of
    the boxes from their anchors (of the edges with `iou_loss`); im_info: (n, 3) of the image's height, width and scale.
    anchors: every scale of every ratio (height to width) of a square of `feature_stride` pixels. Boxes smaller than
    rpn_min_size times the scale come last; the best rpn_pre_nms_top_n undergo suppression with `threshold`.
    Outputs: (n * rpn_post_nms_top_n, 5) of the image's number and corners in pixels, repeated where there are fewer;
    with output_score their scores (n * rpn_post_nms_top_n, 1)."""
    outputs = {"outputs": ("output", "score"), "visible": lambda attrs: 1 + attrs["output_score"]}
    row = operator(name, **outputs)(compute).no_gradient()

    @row.infers
    def _(shapes, attrs):
        if shapes.ins[0] is not None:
            kept = attrs["rpn_post_nms_top_n"] * (shapes.ins[0][0] if batches else 1)
            shapes.output((kept, 5))
            shapes.output((kept, 1), 1)


_declare("_contrib_Proposal", False, "Regions of interest in one image, from the outputs of a proposal network.")
_declare("_contrib_MultiProposal", True, "Regions of interest in each image of a batch, from a proposal network.")

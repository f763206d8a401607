"""Batches of images with boxes around objects, from record files.

A record's labels are two widths, that of the head which they begin and that of an object, then the rest of the head,
and objects: a class, then left, top, right and bottom as fractions of the image, then whatever else.

Source of the crops: Liu et al., SSD: single shot multibox detector (2016), section 2.2."""

from types import SimpleNamespace

import numpy as np

from .. import augment
from ..attributes import Choice, Floats, Maybe, Shape
from ..errors import ArgumentError, MXNetError
from ..formats import images, recordio
from ..registry import operator
from .image_records import DTYPE, batch_of, check_images, declared, mean_image, normalised

EMIT = Choice("center", "overlap")
RESIZE = Choice("fit", "force", "shrink")

# Of ImageDetRecordIter: name, type, default, as in MXNet
OPTIONS = {
    "path": (str,), "data_shape": (Shape,), "label_width": (int,), "label_pad_value": (float, -1.0),
    "dtype": (DTYPE, "float32"), "seed": (Maybe(int), None), "resize": (int, -1), "rand_crop_prob": (float, 0.0),
    "min_crop_scales": (Floats, (0.0,)), "max_crop_scales": (Floats, (1.0,)),
    "min_crop_aspect_ratios": (Floats, (1.0,)), "max_crop_aspect_ratios": (Floats, (1.0,)),
    "min_crop_overlaps": (Floats, (0.0,)), "max_crop_overlaps": (Floats, (1.0,)),
    "min_crop_sample_coverages": (Floats, (0.0,)), "max_crop_sample_coverages": (Floats, (1.0,)),
    "min_crop_object_coverages": (Floats, (0.0,)), "max_crop_object_coverages": (Floats, (1.0,)),
    "num_crop_sampler": (int, 1), "crop_emit_mode": (EMIT, "center"), "emit_overlap_thresh": (float, 0.3),
    "max_crop_trials": (Shape, (25,)), "rand_pad_prob": (float, 0.0), "max_pad_scale": (float, 1.0),
    "max_random_hue": (int, 0), "random_hue_prob": (float, 0.0), "max_random_saturation": (int, 0),
    "random_saturation_prob": (float, 0.0), "max_random_illumination": (int, 0),
    "random_illumination_prob": (float, 0.0), "max_random_contrast": (float, 0.0),
    "random_contrast_prob": (float, 0.0), "rand_mirror_prob": (float, 0.0), "fill_value": (int, 127),
    "inter_method": (int, 1), "resize_mode": (RESIZE, "force"), "mean_img": (str, ""), "mean_r": (float, 0.0),
    "mean_g": (float, 0.0), "mean_b": (float, 0.0), "mean_a": (float, 0.0), "std_r": (float, 0.0),
    "std_g": (float, 0.0), "std_b": (float, 0.0), "std_a": (float, 0.0), "scale": (float, 1.0),
}  # fmt: skip


class Labels:
    """A record's labels: the head, and the objects, one in a row."""

    def __init__(self, numbers):
        head, width = (int(n) for n in numbers[:2]) if len(numbers) >= 2 else (0, 0)
        if head < 2 or width < 5 or len(numbers) < head or (len(numbers) - head) % width:
            raise MXNetError(
                "labels are [width of the head (2 or more), width of an object (5 or more), ..., objects], "
                f"but got {np.array2string(numbers[:12], separator=', ', max_line_width=200)}"
            )
        self.head, self.objects = numbers[:head], numbers[head:].reshape(-1, width).copy()

    @property
    def boxes(self):
        """Left, top, right, bottom of each object, which may be written to."""
        return self.objects[:, 1:5]

    def numbers(self):
        """All of them in one row."""
        return np.concatenate([self.head, self.objects.reshape(-1)])


def _colours(image, o, random):
    def drawn(chance, most):
        return int(random.integers(-most, most + 1)) if most and random.random() < chance else 0

    hue = drawn(o.random_hue_prob, o.max_random_hue)
    saturation = drawn(o.random_saturation_prob, o.max_random_saturation)
    lightness = drawn(o.random_illumination_prob, o.max_random_illumination)
    image = augment.recoloured(image, hue, saturation, lightness)
    if o.max_random_contrast > 0 and random.random() < o.random_contrast_prob:
        factor = np.float32(1 + random.uniform(-o.max_random_contrast, o.max_random_contrast))
        image = np.clip(np.rint(image * factor), 0, 255).astype(np.uint8)
    return image


def _mirrored(image, labels):
    labels.boxes[:, [0, 2]] = 1 - labels.boxes[:, [2, 0]]
    return image[:, ::-1]


def _padded(image, labels, o, random):
    """The image somewhere on a larger ground."""
    scale = random.uniform(1, o.max_pad_scale)
    rows, columns = image.shape[:2]
    height, width = int(rows * scale), int(columns * scale)
    top, left = int(random.integers(height - rows + 1)), int(random.integers(width - columns + 1))
    ground = np.full((height, width, image.shape[2]), o.fill_value, np.uint8)
    ground[top : top + rows, left : left + columns] = image
    labels.boxes[:] = _moved(labels.boxes, left / width, top / height, columns / width, rows / height)
    return ground


def _moved(boxes, left, top, width, height):
    """Boxes within an image that is a part of another: as parts of that."""
    return boxes * np.float32([width, height, width, height]) + np.float32([left, top, left, top])


def _of(values, i):
    """What a list of options has for sampler i; one stands for all."""
    return values[i] if i < len(values) else values[-1]


def _crop(labels, o, random):
    """A part of the image that the samplers allow, as left, top, right, bottom; None if none was found."""
    found = []
    for i in range(o.num_crop_sampler):
        for _ in range(_of(o.max_crop_trials, i)):
            scale = random.uniform(_of(o.min_crop_scales, i), _of(o.max_crop_scales, i))
            low = max(_of(o.min_crop_aspect_ratios, i), scale * scale)
            high = min(_of(o.max_crop_aspect_ratios, i), 1 / (scale * scale)) if scale else low
            if scale <= 0 or low > high:
                continue
            root = random.uniform(low, high) ** 0.5
            width, height = min(1, scale * root), min(1, scale / root)
            left, top = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
            box = np.array([left, top, left + width, top + height])
            if _is_allowed(box, labels.boxes, o, i) and len(_kept(box, labels.boxes, o)):
                found.append(box)
                break
    return found[int(random.integers(len(found)))] if found else None


def _overlaps(box, boxes):
    """The area that each of `boxes` shares with `box`, and its own."""
    shared = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    own = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.maximum(shared, 0).prod(axis=1), own.prod(axis=1)


def _is_allowed(box, boxes, o, i):
    """Whether some object lies in the part as sampler i wants it."""
    shared, own = _overlaps(box, boxes)
    area = (box[2] - box[0]) * (box[3] - box[1])
    fits = np.ones(len(boxes), bool)
    for what, value in (
        ("overlaps", shared / np.maximum(area + own - shared, 1e-12)),
        ("sample_coverages", shared / max(area, 1e-12)),
        ("object_coverages", shared / np.maximum(own, 1e-12)),
    ):
        low, high = _of(getattr(o, f"min_crop_{what}"), i), _of(getattr(o, f"max_crop_{what}"), i)
        if low > 0 or high < 1:
            fits &= (value >= low) & (value <= high)
    return bool(fits.any()) or not len(boxes)


def _kept(box, boxes, o):
    """The positions of the objects that stay in a part."""
    if o.crop_emit_mode == "center":
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        return np.flatnonzero(((centres >= box[:2]) & (centres <= box[2:])).all(axis=1))
    shared, own = _overlaps(box, boxes)
    return np.flatnonzero(shared > o.emit_overlap_thresh * own)


def _cropped(image, labels, box, o):
    rows, columns = image.shape[:2]
    left, right = int(box[0] * columns), max(int(box[2] * columns), int(box[0] * columns) + 1)
    top, bottom = int(box[1] * rows), max(int(box[3] * rows), int(box[1] * rows) + 1)
    labels.objects = labels.objects[_kept(box, labels.boxes, o)]
    size = box[2:] - box[:2]
    labels.boxes[:] = np.clip((labels.boxes - np.tile(box[:2], 2)) / np.tile(size, 2), 0, 1)
    return image[top:bottom, left:right]


def _fitted(image, height, width, o, random):
    """The image in the size that resize_mode says."""
    rows, columns = image.shape[:2]
    if o.resize_mode == "force":
        return augment.resized(image, height, width, o.inter_method, random)
    scale = min(height / rows, width / columns)
    if o.resize_mode == "shrink" and scale >= 1:
        return image
    return augment.resized(image, max(1, int(rows * scale)), max(1, int(columns * scale)), o.inter_method, random)


@operator("_image_det_records", shape="image_records", outputs=("data", "label"), random=True, fails=True)
@declared(OPTIONS, "places")
def image_det_records(places, **options):
    """The images of records in the file `path`, augmented and normalised, and what objects they show.

    places: (n,) where the records begin. Attributes: those of ImageDetRecordIter; label_width: 4 and the most labels of
    a record. Output: data (n, channels, height, width) of `dtype`; label (n, label_width), float32: channels, height
    and width of the image within the data, the number of labels, the labels, and label_pad_value for the rest."""
    name, o = "_image_det_records", SimpleNamespace(**options)
    check_images(name, o.data_shape, places, o.inter_method)
    if o.label_width < 5:
        raise ArgumentError(f"{name}: label_width is at least 5, but got {o.label_width}")
    channels, height, width = o.data_shape
    data = np.zeros((len(places), channels, height, width), o.dtype)
    targets = np.full((len(places), o.label_width), o.label_pad_value, np.float32)
    mean = mean_image(o.mean_img, o.data_shape)

    def make(i, numbers, content, random):
        image, labels = images.decode(content, channels == 3), Labels(numbers)
        if o.resize > 0:
            image = augment.shorter_side(image, o.resize, o.inter_method, random)
        image = _colours(image, o, random)
        if random.random() < o.rand_mirror_prob:
            image = _mirrored(image, labels)
        if o.max_pad_scale > 1 and random.random() < o.rand_pad_prob:
            image = _padded(image, labels, o, random)
        if random.random() < o.rand_crop_prob:
            box = _crop(labels, o, random)
            image = image if box is None else _cropped(image, labels, box, o)
        image = _fitted(image, height, width, o, random)
        rows, columns = image.shape[:2]
        part = mean if mean is None else mean[:, :rows, :columns]
        normalised(image, o, part, data[i, :, :rows, :columns])
        final = labels.numbers()
        if 4 + len(final) > o.label_width:
            raise MXNetError(f"a record has {len(final)} labels, but there is room for {o.label_width - 4}")
        targets[i, :4] = channels, rows, columns, len(final)
        targets[i, 4 : 4 + len(final)] = final

    batch_of(o.path, places, o.seed, make)
    return data, targets


@operator("_record_label_width", shape="value", fails=True)
def record_label_width(places, *, path: str, label_width: int = -1):
    """How many labels the records at these places have at most; with label_width > 0 all must have so many.

    Output: (1,), int64."""
    with recordio.open_records(path) as file:
        counts = [len(recordio.unpack(recordio.read(file, int(place)))[0]) for place in places]
    if label_width > 0 and any(count != label_width for count in counts):
        wrong = next(count for count in counts if count != label_width)
        raise MXNetError(f"rec file provide {wrong}-dimensional label but label_width is set to {label_width}")
    return np.array([max(counts)], np.int64)

"""Batches of images from record files: read, unpacked, augmented and put together in one step."""

from inspect import Parameter, Signature
from types import SimpleNamespace

import numpy as np

from .. import augment
from ..attributes import DType, Maybe, Shape
from ..errors import ArgumentError, MXNetError, ShapeError
from ..formats import csv, images, params, recordio
from ..generator import generator
from ..parallel import each
from ..registry import operator

DTYPE = DType("float32", "uint8", "int8")

# Of ImageRecordIter: name, type, default, as in MXNet
OPTIONS = {
    "path": (str,), "data_shape": (Shape,), "label_width": (int, 1), "dtype": (DTYPE, "float32"),
    "seed": (Maybe(int), None), "resize": (int, -1), "inter_method": (int, 1), "fill_value": (int, 255),
    "pad": (int, 0), "rand_crop": (bool, False), "random_resized_crop": (bool, False), "max_crop_size": (int, -1),
    "min_crop_size": (int, -1), "max_random_area": (float, 1.0), "min_random_area": (float, 1.0),
    "max_aspect_ratio": (float, 0.0), "min_aspect_ratio": (Maybe(float), None), "max_rotate_angle": (int, 0),
    "rotate": (int, -1), "max_shear_ratio": (float, 0.0), "max_random_scale": (float, 1.0),
    "min_random_scale": (float, 1.0), "max_img_size": (float, 1e10), "min_img_size": (float, 0.0),
    "brightness": (float, 0.0), "contrast": (float, 0.0), "saturation": (float, 0.0), "pca_noise": (float, 0.0),
    "random_h": (int, 0), "random_s": (int, 0), "random_l": (int, 0), "mirror": (bool, False),
    "rand_mirror": (bool, False), "mean_img": (str, ""), "mean_r": (float, 0.0), "mean_g": (float, 0.0),
    "mean_b": (float, 0.0), "mean_a": (float, 0.0), "std_r": (float, 1.0), "std_g": (float, 1.0),
    "std_b": (float, 1.0), "std_a": (float, 1.0), "scale": (float, 1.0), "max_random_contrast": (float, 0.0),
    "max_random_illumination": (float, 0.0),
}  # fmt: skip


def declared(options, *inputs):
    """A decorator: the signature of a function of `inputs` (one in a list may be left out) and keyword options."""

    def declare(function):
        words = [
            Parameter(name[0], Parameter.POSITIONAL_OR_KEYWORD, default=None) if isinstance(name, list)
            else Parameter(name, Parameter.POSITIONAL_OR_KEYWORD)
            for name in inputs
        ]  # fmt: skip
        for name, (kind, *default) in options.items():
            given = {"default": default[0]} if default else {}
            words.append(Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, **given))
        function.__signature__ = Signature(words)
        return function

    return declare


def check_images(name, data_shape, batch, inter_method):
    """Refuse shapes of images that there are not."""
    if len(data_shape) != 3 or data_shape[0] not in (1, 3) or min(data_shape) < 1:
        raise ArgumentError(
            f"{name}: data_shape is (channels, height, width) with 1 or 3 channels, but got {data_shape}"
        )
    if batch.ndim != 1 or batch.dtype.kind != "i":
        raise ShapeError(f"{name}: places are integers in one dimension, but got {batch.dtype} {list(batch.shape)}")
    if not 0 <= inter_method <= 4 and inter_method not in (9, 10):
        raise ArgumentError(f"{name}: inter_method is a number from 0 to 4, or 9 or 10, but got {inter_method}")


def batch_of(path, places, seed, make):
    """Call `make(i, labels, content, random)` for the record at each place, on several threads."""
    random = generator.numpy if seed is None else np.random.default_rng(seed)
    seeds = random.integers(1 << 62, size=len(places))
    with recordio.open_records(path) as file:
        records = [recordio.read(file, int(place)) for place in places]

    def work(i):
        try:
            labels, number, content = recordio.unpack(records[i])
            make(i, labels, content, np.random.default_rng(int(seeds[i])))
        except MXNetError as reason:
            raise MXNetError(f"{path}, the record at byte {places[i]}: {reason.message}") from None

    each(work, range(len(records)))


def normalised(image, o, mean, out, gain=1.0, offset=0.0):
    """Write an image as planes of colours to `out`: less the mean, over the deviation, times the scale."""
    planes = np.moveaxis(image, 2, 0)
    count = len(planes)
    deviation = np.array([o.std_r, o.std_g, o.std_b, o.std_a][:count], np.float32)
    factor = np.float32(o.scale) / np.where(deviation > 0, deviation, 1)
    if mean is None:
        mean = np.array([o.mean_r, o.mean_g, o.mean_b, o.mean_a][:count], np.float32)[:, None, None]
    if out.dtype == np.uint8 or not (np.any(mean) or np.any(factor != 1) or gain != 1 or offset):
        np.copyto(out, planes, casting="unsafe")
        return
    result = out if out.dtype == np.float32 else np.empty(out.shape, np.float32)
    np.subtract(planes, mean, out=result)
    if gain != 1 or offset:
        result *= np.float32(gain)
        result += np.float32(offset)
    result *= factor[:, None, None].astype(np.float32)
    if result is not out:
        np.copyto(out, np.clip(np.rint(result), -128, 127), casting="unsafe")


def mean_image(path, shape):
    """The mean image in a file of arrays; None without a file."""
    if not path:
        return None
    loaded = params.load(path)
    arrays = list(loaded.values() if isinstance(loaded, dict) else loaded)
    if len(arrays) != 1 or arrays[0].shape != tuple(shape):
        found = [list(x.shape) for x in arrays]
        raise MXNetError(f"mean_img {path} is to hold one array of shape {list(shape)}, but holds {found}")
    return arrays[0].astype(np.float32)


@operator("_image_records", shape="image_records", outputs=("data", "label"), random=True, fails=True)
@declared(OPTIONS, "places", ["labels"])
def image_records(places, labels=None, **options):
    """The images of records in the file `path`, augmented and normalised, and their labels.

    places: (n,) where the records begin. labels: (n, label_width) instead of their own. Attributes: those of
    ImageRecordIter; seed: of the augmentation, else the engine's generator.
    Output: data (n, channels, height, width) of `dtype`; label (n,), or (n, label_width), float32. Needs Pillow."""
    name, o = "_image_records", SimpleNamespace(**options)
    check_images(name, o.data_shape, places, o.inter_method)
    channels, height, width = o.data_shape
    if labels is not None and labels.shape != (len(places), o.label_width):
        raise ShapeError(f"{name}: labels are to be {[len(places), o.label_width]}, but are {list(labels.shape)}")
    data = np.empty((len(places), channels, height, width), o.dtype)
    targets = np.empty((len(places), o.label_width), np.float32)
    mean = mean_image(o.mean_img, o.data_shape)

    def make(i, own, content, random):
        image = augment.augmented(images.decode(content, channels == 3), height, width, o, random)
        gain = 1 + random.uniform(-1, 1) * o.max_random_contrast
        offset = random.uniform(-1, 1) * o.max_random_illumination
        normalised(image, o, mean, data[i], gain, offset)
        if labels is None and len(own) != o.label_width:
            raise MXNetError(f"rec file provide {len(own)}-dimensional label but label_width is set to {o.label_width}")
        targets[i] = own if labels is None else labels[i]

    batch_of(o.path, places, o.seed, make)
    return data, targets[:, 0].copy() if o.label_width == 1 else targets


@operator("_record_places", shape="value", fails=True)
def record_places(*, path: str, index: str = ""):
    """Where the records of a file begin: as its index tells, else by going through it. Output: (n,), int64."""
    if index:
        return csv.load(index, "int64", "\t", columns=(1,))[:, 0]
    found = recordio.places(path)
    if not len(found):
        raise MXNetError(f"{path} has no records")
    return found


@operator("_listed_labels", shape="value", fails=True)
def listed_labels(places, *, path: str, listing: str, label_width: int = 1):
    """The labels that an image list has for records, by their ids.

    path: of the file of records. listing: lines of an id, `label_width` labels and a name, with tabs between them.
    Output: (n, label_width), float32."""
    table = csv.load(listing, "float64", "\t", columns=tuple(range(label_width + 1)))
    known = {int(row[0]): i for i, row in enumerate(table)}
    with recordio.open_records(path) as file:
        ids = [recordio.unpack(recordio.read(file, int(place)))[1] for place in places]
    lacking = [number for number in ids if number not in known]
    if lacking:
        raise MXNetError(
            f"{listing} has no line for {len(lacking)} of the records in {path}, such as that with id {lacking[0]}"
        )
    return table[[known[number] for number in ids], 1:].astype(np.float32)

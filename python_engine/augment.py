"""What is done to the images of a record file before training: sizes, crops, turns, colours.

Images are uint8 of shape (height, width, channels), red first. Whatever is drawn comes from a NumPy generator of the
image's own, so that results do not depend on which thread sees to it."""

import math

import numpy as np

from .errors import MXNetError
from .ops.image import AREA, CUBIC, GREY, LIGHTING, LINEAR, NEAREST, resize_images


def interpolation(method, old, new, random):
    """An inter_method as a number from 0 to 4: 9 chooses by the sizes (height, width), 10 at random."""
    if method == 10:
        return int(random.integers(5))
    if method != 9:
        return method
    grows = [b > a for a, b in zip(old, new)]
    return CUBIC if all(grows) else LINEAR if any(grows) else AREA


def resized(image, height, width, method, random):
    """An image in another size."""
    if image.shape[:2] == (height, width):
        return image
    return resize_images(image, height, width, interpolation(method, image.shape[:2], (height, width), random))


def shorter_side(image, size, method, random):
    """An image whose shorter side has a length, its proportions kept."""
    height, width = image.shape[:2]
    if height > width:
        return resized(image, size * height // width, size, method, random)
    return resized(image, size, size * width // height, method, random)


# -- turns, shears and scales ----------------------------------------------------------------------------------------


def warped(image, matrix, height, width, fill, nearest=False):
    """An image whose pixel (x, y) comes to matrix @ (x, y, 1), in a frame of `height` by `width` filled with `fill`."""
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    at_x = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]
    at_y = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
    if nearest:
        at_x, at_y = np.rint(at_x), np.rint(at_y)
    left, top = np.floor(at_x).astype(np.int64), np.floor(at_y).astype(np.int64)
    right, below = (at_x - left)[:, :, None], (at_y - top)[:, :, None]
    rows, columns = image.shape[:2]
    frame = np.pad(image, ((1, 1), (1, 1), (0, 0)), constant_values=fill).astype(np.float32)

    def pixels(dy, dx):
        return frame[np.clip(top + 1 + dy, 0, rows + 1), np.clip(left + 1 + dx, 0, columns + 1)]

    upper = pixels(0, 0) * (1 - right) + pixels(0, 1) * right
    lower = pixels(1, 0) * (1 - right) + pixels(1, 1) * right
    return np.rint(upper * (1 - below) + lower * below).astype(np.uint8)


def _is_turned(o):
    scaled = o.max_random_scale != 1 or o.min_random_scale != 1 or o.max_img_size != 1e10 or o.min_img_size != 0
    stretched = not o.random_resized_crop and (o.max_aspect_ratio != 0 or o.min_aspect_ratio is not None)
    return o.max_rotate_angle > 0 or o.rotate > 0 or o.max_shear_ratio > 0 or scaled or stretched


def _ratio(o, random):
    """A width in heights, from the range that the options tell."""
    low = 1 - o.max_aspect_ratio if o.min_aspect_ratio is None else o.min_aspect_ratio
    high = 1 + o.max_aspect_ratio if o.min_aspect_ratio is None else o.max_aspect_ratio
    return random.uniform(low, high)


def turned(image, o, random):
    """An image turned, sheared, stretched and scaled at random, about its centre."""
    shear = random.uniform(-1, 1) * o.max_shear_ratio
    angle = o.rotate if o.rotate > 0 else int(random.integers(-o.max_rotate_angle, o.max_rotate_angle + 1))
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    scale = random.uniform(o.min_random_scale, o.max_random_scale)
    ratio = 1.0 if o.random_resized_crop else _ratio(o, random)
    high = 2 * scale / (1 + ratio)
    wide = ratio * high
    rows, columns = image.shape[:2]
    width, height = (int(max(o.min_img_size, min(o.max_img_size, scale * n))) for n in (columns, rows))
    linear = np.array([[high * cos - shear * sin * wide, high * sin + shear * cos * wide], [-sin * wide, cos * wide]])
    shift = (np.array([width, height]) - linear @ [columns, rows]) / 2
    nearest = o.inter_method == NEAREST
    return warped(image, np.column_stack([linear, shift]), max(1, height), max(1, width), o.fill_value, nearest)


# -- parts -----------------------------------------------------------------------------------------------------------


def _part(image, height, width, at_random, random):
    """A rectangle at a random place, or in the middle."""
    rows, columns = image.shape[0] - height, image.shape[1] - width
    y = int(random.integers(rows + 1)) if at_random else rows // 2
    x = int(random.integers(columns + 1)) if at_random else columns // 2
    return image[y : y + height, x : x + width]


def _part_of_random_shape(image, o, random):
    """A random rectangle of random area and proportions; None after ten that did not fit."""
    rows, columns = image.shape[:2]
    for _ in range(10):
        area = rows * columns * random.uniform(o.min_random_area, o.max_random_area)
        ratio = _ratio(o, random)
        width, height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < width <= columns and 0 < height <= rows:
            return _part(image, height, width, True, random)
    return None


def cropped(image, height, width, o, random):
    """The part of an image that is used, `height` by `width`."""
    if o.random_resized_crop:
        part = _part_of_random_shape(image, o, random)
        if part is not None:
            return resized(part, height, width, o.inter_method, random)
    elif o.max_crop_size != -1 or o.min_crop_size != -1:
        if not 0 < o.min_crop_size <= o.max_crop_size <= min(image.shape[:2]):
            raise MXNetError(
                f"crops between min_crop_size={o.min_crop_size} and max_crop_size={o.max_crop_size} are not to be had "
                f"from an image of {image.shape[0]} rows and {image.shape[1]} columns"
            )
        side = int(random.integers(o.min_crop_size, o.max_crop_size + 1))
        return resized(_part(image, side, side, o.rand_crop, random), height, width, o.inter_method, random)
    # what is too small grows in two steps, as in MXNet
    rows, columns = image.shape[:2]
    if rows < height:
        image = resized(image, height, columns * height // rows, o.inter_method, random)
    rows, columns = image.shape[:2]
    if columns < width:
        image = resized(image, rows * width // columns, width, o.inter_method, random)
    return _part(image, height, width, o.rand_crop, random)


# -- colours ---------------------------------------------------------------------------------------------------------


def jittered(image, brightness, contrast, saturation, random):
    """Brightness, contrast and saturation times 1 plus or minus up to so much each, in random order."""
    x = image.astype(np.float32)

    def grey():
        return (x @ GREY)[:, :, None] if x.shape[2] == 3 else x

    changes = [(brightness, lambda: 0), (contrast, lambda: grey().mean()), (saturation, grey)]
    for number in random.permutation(3):
        spread, towards = changes[number]
        if spread > 0:
            factor = np.float32(1 + random.uniform(-spread, spread))
            x = np.clip(x * factor + (1 - factor) * towards(), 0, 255)
    return np.rint(x).astype(np.uint8)


def recoloured(image, hue, saturation, lightness):
    """An image with so much added to hue (in units of 2 degrees), saturation and lightness (of 255)."""
    if image.shape[2] != 3 or not (hue or saturation or lightness):
        return image
    x = image.astype(np.float32) / 255
    red, green, blue = np.moveaxis(x, 2, 0)
    high, low = x.max(axis=2), x.min(axis=2)
    chroma, light = high - low, (high + low) / 2
    safe = np.where(chroma > 0, chroma, 1)
    h = np.where(
        high == red,
        (green - blue) / safe % 6,
        np.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    s = chroma / np.maximum(1 - np.abs(2 * light - 1), 1e-6)
    h = np.clip(h * 30 + hue, 0, 180) / 30
    s = np.clip(s + saturation / 255, 0, 1)
    light = np.clip(light + lightness / 255, 0, 1)
    chroma = ((1 - np.abs(2 * light - 1)) * s)[:, :, None]
    # each channel is a trapezoid of the hue: full for a third of the wheel around its own colour
    position = (h[:, :, None] + np.array([0, 4, 2], np.float32)) % 6
    share = np.clip(np.abs(position - 3) - 1, 0, 1)
    return np.rint(np.clip((light[:, :, None] + chroma * (share - 0.5)) * 255, 0, 255)).astype(np.uint8)


def lit(image, alpha):
    """The principal colours of ImageNet added, times their weights `alpha`."""
    return np.clip(np.rint(image.astype(np.float32) + LIGHTING @ np.asarray(alpha, np.float32)), 0, 255).astype(
        np.uint8
    )


# -- all of it -------------------------------------------------------------------------------------------------------


def augmented(image, height, width, o, random):
    """An image as the options of an ImageRecordIter want it, `height` by `width`."""
    if o.resize > 0:
        image = shorter_side(image, o.resize, o.inter_method, random)
    if _is_turned(o):
        image = turned(image, o, random)
    if o.pad > 0:
        image = np.pad(image, ((o.pad, o.pad), (o.pad, o.pad), (0, 0)), constant_values=o.fill_value)
    image = cropped(image, height, width, o, random)
    if o.brightness > 0 or o.contrast > 0 or o.saturation > 0:
        image = jittered(image, o.brightness, o.contrast, o.saturation, random)
    if o.random_h or o.random_s or o.random_l:
        shifts = [int(random.integers(-most, most + 1)) for most in (o.random_h, o.random_s, o.random_l)]
        image = recoloured(image, *shifts)
    if o.pca_noise > 0 and image.shape[2] == 3:
        image = lit(image, random.normal(0, o.pca_noise, 3))
    if o.mirror or o.rand_mirror and random.random() < 0.5:
        image = image[:, ::-1]
    return image

"""Images in files: reading and writing them, and what MXNet takes from OpenCV beside that, resizing and borders.

An image is an array of shape (height, width, channels)."""

import os

import numpy as np

from ..attributes import Floats
from ..errors import ArgumentError, MXNetError, ShapeError
from ..formats import images
from ..registry import operator
from .image import LANCZOS, NEAREST, resize_images

AUTOMATIC = 9  # interp: area to shrink, bicubic to enlarge, bilinear where one side grows and the other shrinks
_BORDERS = ("constant", "edge", "symmetric", "wrap", "reflect")  # OpenCV's kinds of borders as NumPy names them
MOST_PIXELS = 1 << 28  # of an image that is enlarged


def _check_flag(name, flag):
    if flag not in (0, 1):
        raise ArgumentError(
            f"Invalid value {flag} for Parameter flag: Convert decoded image to grayscale (0) or color (1)., "
            f'in operator {name}(name="")'
        )


@operator("_cvimdecode", shape="value", fails=True)
def decode(buf, *, flag: int = 1, to_rgb: bool = True):
    """The pixels of an image file (JPEG, PNG, BMP, PPM, TIFF, WebP, GIF) of which `buf` holds the bytes.

    buf: uint8, of any shape. flag: 1 for colours, 0 for grey. to_rgb: red first, else blue first.
    Output: (height, width, 3 or 1), uint8. Needs Pillow."""
    _check_flag("_cvimdecode", flag)
    if buf.dtype != np.uint8:
        raise ShapeError(f"_cvimdecode: Input needs to be uint8 buffer, but got {buf.dtype}")
    if buf.size == 0:
        raise ShapeError("_cvimdecode: Input cannot be an empty buffer")
    return images.decode(buf.tobytes(), bool(flag), to_rgb)


@operator("_cvimread", shape="value", fails=True)
def read(*, filename: str, flag: int = 1, to_rgb: bool = True):
    """The pixels of an image file. As `_cvimdecode`, whose input is the content of `filename`."""
    _check_flag("_cvimread", flag)
    try:
        with open(filename, "rb") as file:
            content = file.read()
    except OSError as reason:
        raise MXNetError(f"Imread: '{filename}' couldn't open file: {os.strerror(reason.errno)}") from None
    try:
        return images.decode(content, bool(flag), to_rgb)
    except MXNetError as reason:
        raise MXNetError(f"Imread: '{filename}': {reason.message}") from None


@operator("_image_encode", shape="value", fails=True)
def encode(data, *, format: str = ".jpg", quality: int = 95):
    """The bytes of an image file that holds these pixels.

    data: (height, width, 1 or 3), uint8, red first. format: the ending of a file's name, .jpg, .png, .bmp or .webp.
    quality: from 1 to 100, of PNG the effort from 0 to 9. Output: uint8 of one dimension. Needs Pillow."""
    return np.frombuffer(images.encode(data, format, quality), np.uint8).copy()


def _check_image(name, src):
    if src.ndim != 3 or 0 in src.shape:
        raise ShapeError(
            f"{name}: an image has the shape (height, width, channels), none of them 0, but got {list(src.shape)}"
        )
    if src.dtype.kind == "b":
        raise ShapeError(f"{name}: an image consists of numbers, but got bool")


def interpolation(interp, old, new):
    """`interp` as a number from 0 to 4; 9 chooses by the sizes (height, width) before and after."""
    if interp != AUTOMATIC:
        return interp
    grows = [b > a for a, b in zip(old, new)]
    return 2 if all(grows) else 1 if any(grows) else 3


@operator("_cvimresize")
def resize(src, *, w: int, h: int, interp: int = 1):
    """An image resampled to `w` columns and `h` rows.

    interp: 0 nearest pixel, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos over 8 by 8 pixels, as in OpenCV; 9 chooses area
    to shrink, bicubic to enlarge, else bilinear. Output: (h, w, channels), dtype of `src`."""
    _check_image("_cvimresize", src)
    for argument, value in (("w", w), ("h", h)):
        if value < 1:
            raise ArgumentError(
                f"value {value} for Parameter {argument} should be greater equal to 1, in operator _cvimresize"
            )
    if not NEAREST <= interp <= LANCZOS and interp != AUTOMATIC:
        raise ArgumentError(f"_cvimresize: interp is a number from 0 to 4, or 9, but got {interp}")
    if w * h > MOST_PIXELS:
        raise ArgumentError(f"_cvimresize: an image has at most {MOST_PIXELS} pixels, but got w={w}, h={h}")
    return resize_images(src, h, w, interpolation(interp, src.shape[:2], (h, w)))


@operator("_cvcopyMakeBorder")
def border(src, *, top: int, bot: int, left: int, right: int, type: int = 0, value: float = 0.0, values: Floats = ()):
    """An image with a border of `top`, `bot`, `left` and `right` pixels around it.

    type: 0 one colour, 1 the edge's pixels, 2 the image mirrored, 3 from the opposite side, 4 mirrored without
    repeating the edge. value: the colour of type 0, or in `values` one number for each of the first channels.
    Output: (height + top + bot, width + left + right, channels), dtype of `src`."""
    name = "_cvcopyMakeBorder"
    _check_image(name, src)
    widths = {"top": top, "bot": bot, "left": left, "right": right}
    for argument, width in widths.items():
        if width < 0:
            raise ArgumentError(f"{name}: {argument} is a number of pixels from 0, but got {width}")
    if not 0 <= type < len(_BORDERS):
        raise ArgumentError(f"{name}: type is a number from 0 to 4, but got {type}")
    rows, columns = src.shape[0] + top + bot, src.shape[1] + left + right
    if rows * columns > MOST_PIXELS:
        raise ArgumentError(f"{name}: an image has at most {MOST_PIXELS} pixels, but got {rows} rows of {columns}")
    if type:
        return np.pad(src, ((top, bot), (left, right), (0, 0)), _BORDERS[type])
    colour = np.full(src.shape[2], value, np.float64)
    colour[: len(values)] = values[: src.shape[2]]
    if src.dtype.kind != "f":
        limits = np.iinfo(src.dtype)
        colour = np.clip(np.rint(colour), limits.min, limits.max)
    result = np.empty((rows, columns, src.shape[2]), src.dtype)
    result[:] = colour.astype(src.dtype)
    result[top : rows - bot, left : columns - right] = src
    return result

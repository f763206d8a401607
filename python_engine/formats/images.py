"""Image files as arrays of pixels, and back, by Pillow, which is loaded with the first of them.

Pixels are uint8 of shape (height, width, channels). JPEG and PNG files give the very values that OpenCV gives to MXNet.
"""

import io
import sys

import numpy as np

from ..errors import ArgumentError, MXNetError

READABLE = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP", "GIF")  # none of those for which Pillow runs other programs
WRITABLE = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "bmp": "BMP", "webp": "WEBP"}  # by the ending of a file's name

# Weights of red, green and blue in grey, in units of 2 ** -bits, and what is added before these are cut off: libpng's
# own, and for files of other kinds those of OpenCV. libjpeg keeps grey apart from colours.
PNG_GREY = (9797, 19234, 3737, 15, 0)
GREY = (4899, 9617, 1868, 14, 1 << 13)


def _pillow():
    try:
        from PIL import Image
    except ImportError as reason:
        raise MXNetError(
            f"image files need Pillow, which this Python lacks ({reason}); "
            f"install it with: '{sys.executable}' -m pip install pillow"
        ) from None
    return Image


def decode(buffer, colour=True, to_rgb=True):
    """The pixels of an image file's bytes: 3 channels, red first (without `to_rgb`: blue first), or 1, grey.

    Of an animation it is the first picture. Transparency and orientation (EXIF) are ignored."""
    module = _pillow()
    try:
        image = module.open(io.BytesIO(buffer), formats=READABLE)
        if not colour and image.format == "JPEG":
            image.draft("L", image.size)
        if image.mode.startswith("I"):  # 16 bits
            pixels = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        elif not colour and image.mode in ("1", "L", "LA"):
            pixels = np.asarray(image.convert("L"))
        else:
            pixels = np.asarray(image.convert("RGB"))
    except Exception as reason:  # Pillow's readers raise whatever a broken file leads them to
        unknown = type(reason).__name__ == "UnidentifiedImageError"
        why = f"it is none of {', '.join(READABLE)}" if unknown else str(reason) or type(reason).__name__
        raise MXNetError(f"Decoding failed. Invalid image file: {why}") from None
    if colour and pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    elif not colour:
        pixels = _grey(pixels, PNG_GREY if image.format == "PNG" else GREY) if pixels.ndim == 3 else pixels[:, :, None]
    elif not to_rgb:
        pixels = pixels[:, :, ::-1]
    return np.ascontiguousarray(pixels)


def _grey(pixels, weights):
    red, green, blue, bits, half = weights
    x = pixels.astype(np.int32)
    return ((x[:, :, :1] * red + x[:, :, 1:2] * green + x[:, :, 2:] * blue + half) >> bits).astype(np.uint8)


def encode(pixels, ending, quality):
    """The bytes of an image file with these pixels, of 1 or 3 channels, red first.

    ending: that of the file's name, such as ".jpg". quality: of JPEG and WebP from 1 to 100, of PNG the effort from 0
    to 9 that is put into a small file."""
    format_ = WRITABLE.get(ending.lower().lstrip("."))
    if format_ is None:
        raise ArgumentError(f"an image file is written as one of .{', .'.join(WRITABLE)}, but not as {ending}")
    low, high = (0, 9) if format_ == "PNG" else (1, 100)
    if not low <= quality <= high:
        raise ArgumentError(f"the quality of {ending} is a number from {low} to {high}, but got {quality}")
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.ndim == 3 and pixels.shape[2] not in (1, 3):
        raise ArgumentError(
            "an image is written from uint8 pixels of shape (height, width, channels) with 1 or 3 channels, "
            f"but got {pixels.dtype} of shape {list(pixels.shape)}"
        )
    if 0 in pixels.shape:
        raise ArgumentError(f"an image of shape {list(pixels.shape)} has no pixels to write")
    options = {"compress_level": quality} if format_ == "PNG" else {"quality": quality}
    file = io.BytesIO()
    grey = pixels.ndim == 2 or pixels.shape[2] == 1
    _pillow().fromarray(pixels.reshape(pixels.shape[:2]) if grey else pixels).save(file, format_, **options)
    return file.getvalue()

"""Images: conversion to tensors, cropping, resizing, and the random changes that augment training data.

An image has the shape (height, width, channels), a batch of them (n, height, width, channels). The operators that
change colours take 1 or 3 channels (red, green, blue) with values from 0 to 255, compute in float32 and return the
dtype of the image, truncated and limited to 0..255 where that is uint8; they pass gradients on unchanged, as in MXNet.
"""

import numpy as np

from ..attributes import Floats, Shape
from ..errors import ArgumentError, ShapeError
from ..generator import generator
from ..registry import operator

GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601
# Standard deviations times directions of the colours of ImageNet (Krizhevsky et al. 2012)
LIGHTING = np.array(
    [
        [55.46 * -0.5675, 4.794 * 0.7192, 1.148 * 0.4009],
        [55.46 * -0.5808, 4.794 * -0.0045, 1.148 * -0.8140],
        [55.46 * -0.5836, 4.794 * -0.6948, 1.148 * 0.4203],
    ],
    np.float32,
)


def _check_image(name, data, batches=True):
    if data.ndim != 3 and not (batches and data.ndim == 4):
        also = " or (n, height, width, channels)" if batches else ""
        raise ShapeError(
            f"{name}: Input image must have shape (height, width, channels){also}, but got {list(data.shape)}"
        )


def _check_colours(name, data):
    _check_image(name, data, batches=False)
    if data.shape[2] not in (1, 3):
        raise ShapeError(
            f"{name}: The last dimension of input image must be the channel dimension with either 1 or 3 elements, "
            f"but got input with shape {list(data.shape)}"
        )


@operator("_image_to_tensor")
def to_tensor(data):
    """An image of values from 0 to 255 as float32 values from 0 to 1, channels first.

    data: (height, width, channels) or a batch of these. Output: (channels, height, width), or a batch."""
    _check_image("_image_to_tensor", data)
    return np.divide(np.moveaxis(data, -1, -3), 255, dtype=np.float32, order="C", casting="unsafe")


@to_tensor.gradient
def _(F, g, data_shape, data_dtype):
    axes = (1, 2, 0) if len(data_shape) == 3 else (0, 2, 3, 1)
    dx = F.transpose(g * (1 / 255), axes=axes)
    return dx if data_dtype == np.float32 else F.Cast(dx, dtype=str(data_dtype))


def _per_channel(name, argument, values, channels):
    if len(values) not in (1, channels):
        raise ArgumentError(f"{name}: {argument} must have either 1 or {channels} elements, but got {values}")
    return np.array(values, np.float32).reshape(-1, 1, 1)


@operator("_image_normalize")
def normalize(data, *, mean: Floats = (0.0, 0.0, 0.0, 0.0), std: Floats = (1.0, 1.0, 1.0, 1.0)):
    """(data - mean) / std for each channel of (channels, height, width) or a batch of them.

    mean, std: one number, or one for each channel. Output: shape and dtype of `data`."""
    if data.ndim not in (3, 4) or data.shape[-3] not in (1, 3):
        raise ShapeError(
            "_image_normalize: Input tensor must have shape (channels, height, width), or (N, channels, height, "
            f"width), with 1 or 3 channels, but got {list(data.shape)}"
        )
    channels = data.shape[-3]
    mean = _per_channel("_image_normalize", "mean", mean, channels)
    std = _per_channel("_image_normalize", "std", std, channels)
    return ((data - mean) / std).astype(data.dtype, copy=False)


@normalize.gradient
def _(F, g, std):
    return F._image_normalize(g, mean=(0.0,), std=std)


@operator("_image_crop")
def crop(data, *, x: int, y: int, width: int, height: int):
    """The rectangle of `width` by `height` pixels whose left upper corner is at column `x` and row `y`."""
    _check_image("_image_crop", data)
    rows, columns = data.shape[-3:-1]
    if width <= 0 or height <= 0:
        raise ArgumentError(
            f"_image_crop: Input height and width must be greater than 0, but got height={height}, width={width}"
        )
    if x < 0 or y < 0 or x + width > columns or y + height > rows:
        raise ShapeError(
            f"_image_crop: the rectangle x={x}, y={y}, width={width}, height={height} does not lie in an image of "
            f"height {rows} and width {columns}"
        )
    return data[..., y : y + height, x : x + width, :].copy()


@crop.gradient
def _(F, g, data_shape, x, y):
    return F._backward_image_crop(g, x=x, y=y, shape=data_shape)


@operator("_backward_image_crop")
def into_crop(g, *, x: int, y: int, shape: Shape):
    """`g` at column `x` and row `y` of an image of zeros of `shape`."""
    dx = np.zeros(shape, g.dtype)
    dx[..., y : y + g.shape[-3], x : x + g.shape[-2], :] = g
    return dx


@into_crop.gradient
def _(F, g, x, y, g_shape):
    return F._image_crop(g, x=x, y=y, width=g_shape[-2], height=g_shape[-3])


# -- resizing ------------------------------------------------------------------------------------------------------

NEAREST, LINEAR, CUBIC, AREA, LANCZOS = range(5)
_CUBIC_A = -0.75  # Keys' parameter, as in OpenCV


def _cubic(t):
    t, a = np.abs(t), _CUBIC_A
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    return np.where(t <= 1, near, np.where(t < 2, a * (((t - 5) * t + 8) * t - 4), 0))


def _taps(old, new, interp, shrinks):
    """For each of `new` pixels along an axis of `old`: which old ones it is made of and their weights, (new, taps)."""
    scale = old / new
    at = np.arange(new)
    if interp == NEAREST:
        first, weights = np.floor(at * scale), np.ones((new, 1))
    elif interp == AREA and shrinks:
        start = at * scale
        first = np.floor(start + 1e-9)
        cell = first[:, None] + np.arange(int(np.ceil(scale)) + 1)
        covered = np.minimum(cell + 1, (start + scale)[:, None]) - np.maximum(cell, start[:, None])
        weights = np.maximum(covered, 0)
    elif interp in (LINEAR, AREA):
        if interp == AREA:
            first = np.floor(at * scale)
            right = (at + 1) - (first + 1) / scale
            right = np.where(right <= 0, 0, right - np.floor(right))
        else:
            centre = np.clip((at + 0.5) * scale - 0.5, 0, old - 1)
            first = np.floor(centre)
            right = centre - first
        weights = np.stack([1 - right, right], axis=1)
    else:
        reach, kernel = (2, _cubic) if interp == CUBIC else (4, lambda t: np.sinc(t) * np.sinc(t / 4))
        centre = (at + 0.5) * scale - 0.5
        first = np.floor(centre) - reach + 1
        weights = kernel(centre[:, None] - first[:, None] - np.arange(2 * reach))
    index = np.clip(first[:, None].astype(np.int64) + np.arange(weights.shape[1]), 0, old - 1)
    return index, weights / weights.sum(axis=1, keepdims=True)


def _resample(data, axis, index, weights):
    if weights.shape[1] == 1:
        return data.take(index[:, 0], axis)
    weights = weights.astype(data.dtype).reshape(weights.shape + (1,) * (data.ndim - axis - 1))
    total = data.take(index[:, 0], axis) * weights[:, 0]
    for tap in range(1, index.shape[1]):
        total += data.take(index[:, tap], axis) * weights[:, tap]
    return total


_UNIT = 1 << 11  # of the weights of bytes


def _byte_taps(old, new, keeps_border):
    """For each of `new` pixels along an axis of `old`: its left and right neighbours, and their weights as integers.

    keeps_border: beyond the outermost pixels these count fully, else by their share."""
    position = ((np.arange(new) + 0.5) * (old / new) - 0.5).astype(np.float32)
    left = np.floor(position).astype(np.int64)
    share = position - left
    if keeps_border:
        share[(left < 0) | (left >= old - 1)] = 0
    weights = [np.rint(part * np.float32(_UNIT)).astype(np.uint32) for part in (1 - share, share)]
    return [np.clip(left, 0, old - 1), np.clip(left + 1, 0, old - 1)], weights


def _resize_bytes(data, height, width):
    """Bilinear interpolation of uint8, in integers and rounded as in OpenCV, so that each pixel is the same."""
    channels = data.shape[-1]
    columns, across = _byte_taps(data.shape[-2], width, keeps_border=True)
    rows, down = _byte_taps(data.shape[-3], height, keeps_border=False)
    pixels = np.ascontiguousarray(data).view(f"V{channels}")[..., 0]  # whole pixels, which NumPy moves faster

    def sides(index, weights):
        return pixels.take(index, axis=-1).view(np.uint8).reshape(*data.shape[:-2], width, channels) * weights[:, None]

    wide = sides(columns[0], across[0])
    wide += sides(columns[1], across[1])
    wide >>= 4
    wide = wide.astype(np.uint16)
    upper = wide.take(rows[0], axis=-3) * down[0][:, None, None]
    lower = wide.take(rows[1], axis=-3) * down[1][:, None, None]
    upper >>= 16
    lower >>= 16
    upper += lower
    upper += 2
    upper >>= 2
    return upper.astype(np.uint8)


def resize_images(data, height, width, interp=LINEAR):
    """Images (..., height, width, channels) resampled to another height and width, in the dtype of `data`.

    interp: 0 nearest pixel, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos over 8 by 8 pixels; the conventions of OpenCV."""
    if interp == LINEAR and data.dtype == np.uint8:
        return _resize_bytes(data, height, width)
    old_height, old_width = data.shape[-3:-1]
    shrinks = old_height >= height and old_width >= width
    work = data if interp == NEAREST else data.astype(np.float64 if data.dtype.itemsize > 4 else np.float32)
    work = _resample(work, data.ndim - 3, *_taps(old_height, height, interp, shrinks))
    work = _resample(work, data.ndim - 2, *_taps(old_width, width, interp, shrinks))
    if data.dtype.kind != "f" and interp != NEAREST:
        limits = np.iinfo(data.dtype)
        np.clip(np.rint(work, out=work), limits.min, limits.max, out=work)
    return work.astype(data.dtype, copy=False)


@operator("_image_resize")
def resize(data, *, size: Shape = (), keep_ratio: bool = False, interp: int = 1):
    """Resample an image or a batch of images.

    size: (width, height); or one number for both, which with `keep_ratio` is the length of the shorter side.
    interp: 0 nearest pixel, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos over 8 by 8 pixels; the conventions of OpenCV."""
    _check_image("_image_resize", data)
    if len(size) not in (1, 2) or min(size) <= 0:
        raise ArgumentError(f"_image_resize: size is one number or (width, height), greater than 0, but got {size}")
    if not NEAREST <= interp <= LANCZOS:
        raise ArgumentError(f"_image_resize: interp is a number from 0 to 4, but got {interp}")
    if 0 in data.shape:
        raise ShapeError(f"_image_resize cannot resize an image without pixels, of shape {list(data.shape)}")
    if data.dtype.kind == "b":
        raise ShapeError("_image_resize takes numbers, but got bool")
    width, height = size if len(size) == 2 else size * 2
    if keep_ratio and len(size) == 1:
        rows, columns = data.shape[-3:-1]
        if rows > columns:
            height = rows * width // columns
        else:
            width = columns * height // rows
    return resize_images(data, height, width, interp)


# -- flips ---------------------------------------------------------------------------------------------------------


def _declare_flips(side, axis):
    name = f"_image_flip_{side}"

    def flip(data):
        _check_image(name, data, batches=False)
        return np.flip(data, axis).copy()

    flip.__doc__ = f"An image with {side.replace('_', ' and ')} exchanged."
    operator(name)(flip).gradient(lambda F, g: getattr(F, name)(g))

    def random_flip(data):
        _check_image(name, data, batches=False)
        flipped = generator.numpy.random() < 0.5
        return (np.flip(data, axis) if flipped else data).copy(), np.array([flipped], data.dtype)

    random_flip.__doc__ = f"An image with {side.replace('_', ' and ')} exchanged, or not, with equal chances."
    row = operator(f"_image_random_flip_{side}", outputs=("output", "flipped"), visible=1, random=True)(random_flip)

    def rule(F, g, flipped):
        return F.broadcast_mul(getattr(F, name)(g[0]), flipped) + F.broadcast_mul(g[0], 1 - flipped)

    row.gradient(rule)


_declare_flips("left_right", 1)
_declare_flips("top_bottom", 0)


# -- colours -------------------------------------------------------------------------------------------------------


def _pass_on(F, g):
    return g


def _colours(name, **kinds):
    """Declare an operator that changes colours."""

    def declare(function):
        row = operator(name, **kinds)(function)
        row.gradient(_pass_on)
        return row.head()

    return declare


def _finish(result, data):
    """`result`, computed in float32, in the dtype of the image."""
    if data.dtype == np.uint8:
        np.clip(result, 0, 255, out=result)
    return result.astype(data.dtype, copy=False)


def _brighten(x, factor):
    return x * np.float32(factor)


def _contrast(x, factor):
    grey = x @ GREY if x.shape[2] == 3 else x
    grey = float(grey.sum(dtype=np.float64)) / max(grey.size, 1)
    return x * np.float32(factor) + np.float32((1 - factor) * grey)


def _saturate(x, factor):
    if x.shape[2] == 1:
        return x.copy()
    # MXNet overwrites its sum of the three colours, so that only the last one, blue, makes the grey
    return x * np.float32(factor) + x[:, :, 2:] * (GREY[2] * np.float32(1 - factor))


def _turn_hue(x, turns):
    """Colours turned around the wheel of hues by a fraction of a whole turn, lightness and saturation kept."""
    if x.shape[2] == 1:
        return x.copy()
    x = x / np.float32(255)
    red, green, blue = np.moveaxis(x, 2, 0)
    high, low = x.max(axis=2), x.min(axis=2)
    chroma, lightness = high - low, (high + low) / 2
    grey = chroma < np.finfo(np.float32).eps
    safe = np.where(grey, 1, chroma)
    hue = np.where(
        high == red, (green - blue) / safe, np.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4)
    )
    hue = (hue / 6 + turns) % 1
    # each channel is a trapezoid of the hue: full for a third of the wheel around its own colour
    position = (hue[:, :, None] + np.array([0, 2 / 3, 1 / 3], np.float32)) % 1 * 6
    share = np.clip(np.abs(position - 3) - 1, 0, 1)
    turned = low[:, :, None] + chroma[:, :, None] * share
    return np.where(grey[:, :, None], lightness[:, :, None], turned).astype(np.float32) * np.float32(255)


def _between(name, low, high):
    if low < 0 or high < 0:
        wrong, value = ("min_factor", low) if low < 0 else ("max_factor", high)
        raise ArgumentError(f"value {value} for Parameter {wrong} should be greater equal to 0, in operator {name}")
    return low + (high - low) * generator.numpy.random()


def _declare_random(what, change, doc):
    name = f"_image_random_{what}"

    def compute(data, *, min_factor: float, max_factor: float):
        _check_colours(name, data)
        return _finish(change(data.astype(np.float32), _between(name, min_factor, max_factor)), data)

    compute.__doc__ = f"{doc}\n\nThe factor is drawn evenly from [min_factor, max_factor)."
    _colours(name, random=True)(compute)


_declare_random("brightness", _brighten, "Brightness times a random factor.")
_declare_random("contrast", _contrast, "Distance from the mean grey times a random factor.")
_declare_random(
    "saturation", _saturate, "Colours times a random factor, the rest made up with each pixel's blue part of grey."
)
_declare_random("hue", _turn_hue, "Hues turned by a random fraction of the wheel of colours.")


@_colours("_image_random_color_jitter", random=True)
def random_color_jitter(data, *, brightness: float, contrast: float, saturation: float, hue: float):
    """Brightness, contrast, saturation and hue changed at random, in random order.

    The factors are drawn evenly from 1 - x to 1 + x, the turn of the hue from -hue to hue; 0 leaves that part alone."""
    _check_colours("_image_random_color_jitter", data)
    x, random = data.astype(np.float32), generator.numpy
    changes = [(_brighten, brightness, 1), (_contrast, contrast, 1), (_saturate, saturation, 1), (_turn_hue, hue, 0)]
    for number in random.permutation(4):
        change, spread, middle = changes[number]
        if spread:
            x = change(x, middle + spread * (2 * random.random() - 1))
    return _finish(x, data)


def _light(data, alpha):
    if data.shape[2] == 1:
        return data.copy()
    return _finish(data.astype(np.float32) + LIGHTING @ np.asarray(alpha, np.float32), data)


@_colours("_image_adjust_lighting")
def adjust_lighting(data, *, alpha: Floats):
    """Light of another colour: the principal colours of ImageNet added, times their three weights `alpha`.

    Source: Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks (2012)."""
    _check_colours("_image_adjust_lighting", data)
    if len(alpha) != 3:
        raise ArgumentError(f"_image_adjust_lighting: alpha is three numbers, but got {alpha}")
    return _light(data, alpha)


@_colours("_image_random_lighting", random=True)
def random_lighting(data, *, alpha_std: float = 0.05):
    """adjust_lighting whose weights are drawn from the normal distribution with standard deviation `alpha_std`."""
    _check_colours("_image_random_lighting", data)
    return _light(data, alpha_std * generator.numpy.standard_normal(3))

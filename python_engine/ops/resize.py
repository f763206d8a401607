"""Images brought to another size by weights that are the same for all rows and for all columns."""

import numpy as np

from ..attributes import Choice, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import from_inputs
from ..registry import operator
from .common import widened
from .nn import check_count, check_floats

MODE = Choice("like", "odd_scale", "size", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up")


def check_image(name, data, argument="data"):
    """Refuse what is no batch of images (N, C, H, W) of floating point numbers."""
    check_floats(name, data)
    if data.ndim != 4:
        raise ShapeError(
            f"{argument} should be 4D (batch, channel, y, x), but is {list(data.shape)}, in operator {name}"
        )
    if 0 in data.shape[2:]:
        raise ShapeError(f"{argument} of shape {list(data.shape)} has no pixels, in operator {name}")


def _resample(data, rows, columns):
    """The images of `data` (N, C, H, W) times a matrix (height, H) on the left and one (width, W) on the right."""
    x = np.ascontiguousarray(widened(data))
    return (rows.astype(x.dtype) @ (x @ columns.T.astype(x.dtype))).astype(data.dtype, copy=False)


def _adaptive_matrix(size, out):
    """The averages of `out` parts of `size` elements, which overlap where they do not divide: (out, size)."""
    matrix = np.zeros((out, size))
    for i in range(out):
        start, end = i * size // out, -(-(i + 1) * size // out)
        matrix[i, start:end] = 1 / (end - start)
    return matrix


@operator("_contrib_AdaptiveAvgPooling2D")
def adaptive_average(data, *, output_size: Shape = ()):
    """Averages over a grid of `output_size` nearly equal, possibly overlapping parts.

    data: (N, C, H, W), floating. output_size: (height, width), one number for both, or nothing for 1 x 1.
    Output: (N, C, height, width), dtype of `data`."""
    name = "_contrib_AdaptiveAvgPooling2D"
    check_image(name, data)
    if len(output_size) > 2 or min(output_size, default=1) < 1:
        raise ArgumentError(f"output_size={output_size} must be one or two numbers of at least 1, in operator {name}")
    height, width = _target(output_size)
    return _resample(data, _adaptive_matrix(data.shape[2], height), _adaptive_matrix(data.shape[3], width))


def _target(output_size):
    return (output_size * 2)[:2] if output_size else (1, 1)


adaptive_average.infers(from_inputs(lambda attrs, data: (*data[:2], *_target(attrs["output_size"]))))


@adaptive_average.gradient
def _(F, g, data_shape, output_size):
    return F._backward_contrib_AdaptiveAvgPooling2D(g, data_shape=data_shape)


@operator("_backward_contrib_AdaptiveAvgPooling2D")
def _backward_adaptive(g, *, data_shape: Shape):
    """The gradient of AdaptiveAvgPooling2D, from that of its result. Output: `data_shape`, dtype of `g`."""
    rows, columns = _adaptive_matrix(data_shape[2], g.shape[2]), _adaptive_matrix(data_shape[3], g.shape[3])
    return _resample(g, rows.T, columns.T)


@_backward_adaptive.gradient
def _(F, v, g_shape):
    return F._contrib_AdaptiveAvgPooling2D(v, output_size=g_shape[2:])


def _resized(mode, size, wanted, scale):
    """The new length of an axis."""
    if mode in ("size", "odd_scale") and scale is not None:
        if not abs(scale) < 2**31:
            raise ArgumentError(f"scale {scale} is not below 2**31, in operator _contrib_BilinearResize2D")
        return int((size - 1) * scale) + 1 if mode == "odd_scale" and size % 2 else int(size * scale)
    if mode == "odd_scale":
        raise ArgumentError("mode=odd_scale needs scale_height and scale_width, in operator _contrib_BilinearResize2D")
    if mode in ("size", "like"):
        return wanted
    parity, direction = mode.split("_")[1:]
    return size if size % 2 == (parity == "odd") else size + (1 if direction == "up" else -1)


def _bilinear_matrix(size, out, align_corners):
    """The weights with which an axis of `size` is resized to `out`: (out, size)."""
    if out == 1:
        position = np.zeros(1)  # MXNet's choice, whatever the corners
    elif align_corners:
        position = np.arange(out) * ((size - 1) / (out - 1))
    else:
        position = np.maximum((np.arange(out) + 0.5) * (size / out) - 0.5, 0)
    low = np.minimum(position.astype(np.intp), size - 1)
    matrix, rows = np.zeros((out, size)), np.arange(out)
    matrix[rows, low] += 1 - (position - low)
    matrix[rows, np.minimum(low + 1, size - 1)] += position - low
    return matrix


@operator("_contrib_BilinearResize2D", takes={"like": lambda attrs: attrs["mode"] == "like"})
def bilinear_resize(
    data, like=None, *, height: int = 1, width: int = 1, scale_height: Maybe(float) = None,
    scale_width: Maybe(float) = None, mode: MODE = "size", align_corners: bool = True,
):  # fmt: skip
    """Images resized with bilinear interpolation.

    data: (N, C, H, W), floating. mode: "size": to height and width, or by scale_height and scale_width; "odd_scale":
    by the scales, to odd sizes where a size is odd; "like": to the size of the second input; "to_even_down" and so on:
    to the next even or odd size. align_corners: the centres of the corner pixels stay, else the image's corners.
    Output: (N, C, new height, new width), dtype of `data`."""
    name = "_contrib_BilinearResize2D"
    check_count(name, int(mode == "like"), like)
    check_image(name, data)
    if mode == "like":
        check_image(name, like, "like")
        height, width = like.shape[2:]
    sizes = [
        _resized(mode, size, wanted, scale)
        for size, wanted, scale in zip(data.shape[2:], (height, width), (scale_height, scale_width), strict=True)
    ]
    if min(sizes) < 1:
        raise ArgumentError(f"data of shape {list(data.shape)} cannot be resized to {sizes}, in operator {name}")
    return _resample(
        data, *(_bilinear_matrix(*pair, align_corners) for pair in zip(data.shape[2:], sizes, strict=True))
    )


@bilinear_resize.infers
@from_inputs
def _(attrs, data, like=None):
    wanted = like[2:] if like else (attrs["height"], attrs["width"])
    scales = attrs["scale_height"], attrs["scale_width"]
    sizes = [_resized(attrs["mode"], *triple) for triple in zip(data[2:], wanted, scales, strict=True)]
    return (*data[:2], *sizes)


@bilinear_resize.gradient("data")
def _(F, g, data_shape, align_corners):
    return F._backward_contrib_BilinearResize2D(g, data_shape=data_shape, align_corners=align_corners)


@operator("_backward_contrib_BilinearResize2D")
def _backward_resize(g, *, data_shape: Shape, align_corners: bool):
    """The gradient of BilinearResize2D's data, of `data_shape`, from that of its result."""
    pairs = zip(data_shape[2:], g.shape[2:], strict=True)
    return _resample(g, *(_bilinear_matrix(*pair, align_corners).T for pair in pairs))


@_backward_resize.gradient
def _(F, v, g_shape, align_corners):
    return F._contrib_BilinearResize2D(v, height=g_shape[2], width=g_shape[3], align_corners=align_corners)

"""The softmax family. Sums run in float32 at least, and nothing overflows."""

import numpy as np

from ..attributes import Choice, DType, Maybe
from ..errors import ArgumentError, ShapeError
from ..parallel import in_pieces
from ..registry import operator
from .common import normal_axis, widened
from .nn import check_count, check_floats, check_shape, sums
from .sums import is_fast, row_maxima, row_sums

FLOATS = Maybe(DType("float16", "float32", "float64"))


def _centred(data, axis, temperature, beyond=None):
    """data / temperature less its maximum along `axis`, with -inf where `beyond`; a fresh array, float32 at least."""
    x = widened(data)
    if temperature is not None:
        x = x / temperature
    if beyond is not None:
        x = np.where(beyond, -np.inf, x).astype(x.dtype, copy=False)
    return x - np.maximum.reduce(x, axis, None, None, True)


FEW = 4096  # elements, of which NumPy computes fewer faster at once


def _by_rows(work, axis, *arrays):
    """`work(*matrices, out)` with the last axis of the arrays for rows, in pieces; None where `axis` is another one, or
    the arrays are few elements, or not in C order and of one type with 32 bits or more."""
    first = arrays[0]
    if first.size < FEW or axis != first.ndim - 1 or not all(x.dtype is first.dtype and is_fast(x) for x in arrays):
        return None
    out = np.empty_like(first)
    rows = [x.reshape(-1, x.shape[-1]) for x in (*arrays, out)]
    in_pieces(lambda i, j: work(*[x[i:j] for x in rows]), *out.reshape(rows[0].shape).shape)
    return out


def _softmax_rows(x, out):
    np.subtract(x, row_maxima(x)[:, None], out=out)
    np.exp(out, out=out)
    total = row_sums(out)
    out *= np.divide(1, total, out=total)[:, None]


def _log_softmax_rows(x, out):
    np.subtract(x, row_maxima(x)[:, None], out=out)
    total = row_sums(np.exp(out))
    out -= np.log(total, out=total)[:, None]


def _beyond(data, length, axis):
    """True at the positions along `axis` that `length` leaves out."""
    if length.dtype.kind not in "iu":
        raise ShapeError(f"This operation only support integer types, not {length.dtype}, in operator softmax")
    check_shape("softmax", "length", length, data.shape[:axis] + data.shape[axis + 1 :])
    positions = np.arange(data.shape[axis]).reshape(-1, *(1,) * (data.ndim - axis - 1))
    return positions >= np.expand_dims(length, axis)


@operator("softmax", shape="softmax")
def softmax(
    data,
    length=None,
    *,
    axis: int = -1,
    temperature: Maybe(float) = None,
    dtype: FLOATS = None,
    use_length: Maybe(bool) = False,
):
    """exp(data / temperature) along `axis`, divided by its sum; computed without overflow.

    data: any shape, floating point. length (with `use_length`): integers in the shape of `data` without `axis`; only
    that many elements along `axis` count, the rest is 0. Output: shape of `data`; its dtype or `dtype`."""
    check_count("softmax", int(bool(use_length)), length)
    check_floats("softmax", data)
    axis = normal_axis("softmax", axis, data.ndim)
    beyond = _beyond(data, length, axis) if use_length else None
    if not data.size:
        return data.astype(dtype or data.dtype)
    out = _by_rows(_softmax_rows, axis, data) if temperature is None and beyond is None else None
    if out is None:
        out = _centred(data, axis, temperature, beyond)
        np.exp(out, out=out)
        out /= np.add.reduce(out, axis, None, None, True)
    if beyond is not None:
        np.copyto(out, 0, where=beyond)
    return out.astype(dtype or data.dtype, copy=False)


@softmax.gradient("data")
def _(F, g, out, data_dtype, axis, temperature, dtype):
    return _in_dtype(F, F._backward_softmax(g, out, axis=axis, temperature=temperature), data_dtype, dtype)


def _in_dtype(F, g, data_dtype, dtype):
    return g if dtype is None or dtype == data_dtype.name else F.cast(g, dtype=data_dtype.name)


@operator("softmin", shape="softmax")
def softmin(
    data,
    *,
    axis: int = -1,
    temperature: Maybe(float) = None,
    dtype: FLOATS = None,
    use_length: Maybe(bool) = False,
):
    """softmax of -data along `axis`.

    Output: shape of `data`; its dtype or `dtype`. `use_length` is refused: there is no input for lengths."""
    _refuse_length("softmin", use_length)
    temperature = -1.0 if temperature is None else -temperature
    return softmax.forward(data, axis=axis, temperature=temperature, dtype=dtype)


@softmin.gradient
def _(F, g, out, data_dtype, axis, temperature, dtype):
    temperature = -1.0 if temperature is None else -temperature
    return _in_dtype(F, F._backward_softmax(g, out, axis=axis, temperature=temperature), data_dtype, dtype)


def _refuse_length(operator_name, use_length):
    if use_length:
        raise ArgumentError(f"use_length=True is for softmax: {operator_name} has no input for lengths")


@operator("_backward_softmax")
def backward_softmax(ograd, out, *, axis: int = -1, temperature: Maybe(float) = None):
    """The gradient of softmax from its output: out * (ograd - sum of ograd * out along `axis`) / temperature.

    Shape and dtype of `ograd`."""
    g, y, axis = widened(ograd), widened(out), axis % out.ndim
    dx = _by_rows(_backward_softmax_rows, axis, g, y)
    if dx is None:
        dx = g - sums([a for a in range(g.ndim) if a != axis], g, y)
        dx *= y
    if temperature is not None:
        dx /= temperature
    return dx.astype(ograd.dtype, copy=False)


def _backward_softmax_rows(g, y, out):
    product = g * y
    np.multiply(y, row_sums(product)[:, None], out=out)
    np.subtract(product, out, out=out)


@backward_softmax.gradient("ograd")
def _(F, g, out, axis, temperature):
    return F._backward_softmax(g, out, axis=axis, temperature=temperature)


@backward_softmax.gradient("out")
def _(F, g, ograd, out, axis, temperature):
    inner = ograd - F.sum(ograd * out, axis=(axis,), keepdims=True)
    dout = g * inner - ograd * F.sum(g * out, axis=(axis,), keepdims=True)
    return dout if temperature is None else dout / temperature


@operator("log_softmax", shape="softmax")
def log_softmax(
    data,
    *,
    axis: int = -1,
    temperature: Maybe(float) = None,
    dtype: FLOATS = None,
    use_length: Maybe(bool) = False,
):
    """log(softmax(data)) along `axis`, computed without overflow.

    Output: shape of `data`; its dtype or `dtype`. `use_length` is refused: there is no input for lengths."""
    _refuse_length("log_softmax", use_length)
    check_floats("log_softmax", data)
    axis = normal_axis("log_softmax", axis, data.ndim)
    if not data.size:
        return data.astype(dtype or data.dtype)
    x = _by_rows(_log_softmax_rows, axis, data) if temperature is None else None
    if x is None:
        x = _centred(data, axis, temperature)
        total = np.add.reduce(np.exp(x), axis, None, None, True)
        x -= np.log(total, out=total)
    return x.astype(dtype or data.dtype, copy=False)


@log_softmax.gradient
def _(F, g, out, data_dtype, axis, temperature, dtype):
    return _in_dtype(F, F._backward_log_softmax(g, out, axis=axis, temperature=temperature), data_dtype, dtype)


@operator("_backward_log_softmax")
def backward_log_softmax(ograd, out, *, axis: int = -1, temperature: Maybe(float) = None):
    """The gradient of log_softmax from its output: (ograd - exp(out) * sum of ograd along `axis`) / temperature.

    Shape and dtype of `ograd`."""
    g, y = widened(ograd), widened(out)
    dx = _by_rows(_backward_log_softmax_rows, axis % y.ndim, g, y)
    if dx is None:
        dx = np.exp(y)
        dx *= np.add.reduce(g, axis, None, None, True)
        np.subtract(g, dx, out=dx)
    if temperature is not None:
        dx /= temperature
    return dx.astype(ograd.dtype, copy=False)


def _backward_log_softmax_rows(g, y, out):
    np.exp(y, out=out)
    out *= row_sums(g)[:, None]
    np.subtract(g, out, out=out)


@backward_log_softmax.gradient("ograd")
def _(F, g, out, axis, temperature):
    dg = g - F.sum(g * F.exp(out), axis=(axis,), keepdims=True)
    return dg if temperature is None else dg / temperature


@backward_log_softmax.gradient("out")
def _(F, g, ograd, out, axis, temperature):
    dout = -g * F.exp(out) * F.sum(ograd, axis=(axis,), keepdims=True)
    return dout if temperature is None else dout / temperature


@operator("SoftmaxActivation", shape="same or refused")
def softmax_activation(data, *, mode: Choice("channel", "instance") = "instance"):
    """softmax over the last axis, or with mode "channel" over axis 1.

    Output: shape and dtype of `data`. MXNet keeps it for old networks; softmax replaces it."""
    check_floats("SoftmaxActivation", data)
    if mode == "channel" and data.ndim < 3:
        raise ShapeError(
            f"Input need to have a least 3 dimensions when mode=channel, but has shape {list(data.shape)}, in operator "
            f"SoftmaxActivation"
        )
    return softmax.forward(data, axis=1 if mode == "channel" else -1)


@softmax_activation.gradient
def _(F, g, out):
    # MXNet's gradient is that of mode "channel" in both modes, which differ for three axes and more
    return F._backward_softmax(g, out, axis=min(1, len(out.shape) - 1))

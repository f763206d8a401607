"""Layers of neural networks."""

import numpy as np

from ..attributes import DType, Maybe
from ..registry import operator
from .common import normal_axis

FLOATS = Maybe(DType("float16", "float32", "float64"))


def _scaled(data, axis, temperature, dtype):
    x = data.astype(dtype) if dtype else data
    axis = normal_axis("softmax", axis, data.ndim)
    x = x / temperature if temperature else x
    return x - x.max(axis=axis, keepdims=True), axis


@operator("log_softmax", shape="softmax")
def log_softmax(data, *, axis: int = -1, temperature: Maybe(float) = None, dtype: FLOATS = None, use_length: Maybe(bool) = False):
    """log(softmax(data)) along `axis`, computed without overflow.

    Output: shape of `data`; its dtype or `dtype`."""
    x, axis = _scaled(data, axis, temperature, dtype)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


@log_softmax.gradient
def _(F, g, out, axis, temperature):
    dx = g - F.broadcast_mul(F.exp(out), F.sum(g, axis=(axis,), keepdims=True))
    return dx / temperature if temperature else dx

"""Attention with queries, keys and values interleaved in one projection.

An interleaved array is (length, batch, heads * parts * size): for each head one vector of queries, of keys and of
values (3 parts), of keys and of values (2), or of queries alone (1).
"""

import math

import numpy as np

from ..blas import matmul
from ..errors import ShapeError
from ..inference import from_inputs
from ..registry import operator
from .common import check_same_dtype
from .nn import check_floats


@operator("_contrib_div_sqrt_dim", shape="same")
def div_sqrt_dim(data):
    """data / sqrt(length of the last axis).

    Output: shape and dtype of `data`."""
    return (data / math.sqrt(data.shape[-1])).astype(data.dtype, copy=False)


@div_sqrt_dim.gradient
def _(F, g):
    return F._contrib_div_sqrt_dim(g)


@operator("_interleaved_part", views=True)
def part(data, *, heads: int, parts: int, index: int):
    """One part of an interleaved array: (batch * heads, length, size)."""
    length, batch, width = data.shape
    return data.reshape(length, batch * heads, parts, width // (heads * parts))[:, :, index].transpose(1, 0, 2)


@part.gradient
def _(F, g, heads, parts, index):
    return F._interleaved_place(g, heads=heads, parts=parts, index=index)


@operator("_interleaved_place")
def place(data, *, heads: int, parts: int, index: int):
    """An interleaved array of zeros but for one part: `data`, (batch * heads, length, size)."""
    rows, length, size = data.shape
    out = np.zeros((length, rows, parts, size), data.dtype)
    out[:, :, index] = data.transpose(1, 0, 2)
    return out.reshape(length, rows // heads, heads * parts * size)


@place.gradient
def _(F, g, heads, parts, index):
    return F._interleaved_part(g, heads=heads, parts=parts, index=index)


def _check(name, argument, data, heads, parts):
    check_floats(name, data)
    if data.ndim != 3 or heads < 1 or data.shape[2] % (heads * parts):
        raise ShapeError(
            f"Input {argument} should be 3D in seq_length-batch-proj_dim, with proj_dim a multiple of heads * {parts}, "
            f"but got shape {list(data.shape)} and heads={heads}, in operator {name}"
        )


def _matmul(lhs, rhs):
    """Products of matrices; float16 is summed in float32."""
    if lhs.dtype == np.float16:
        return matmul(lhs.astype(np.float32), rhs.astype(np.float32)).astype(np.float16)
    return matmul(lhs, rhs)


def _scores(queries, keys):
    return _matmul(queries / math.sqrt(queries.shape[-1]), keys.transpose(0, 2, 1))


def _into_queries(F, g, keys):
    return F._contrib_div_sqrt_dim(F.batch_dot(g, keys))


def _into_keys(F, g, queries):
    return F._contrib_div_sqrt_dim(F.batch_dot(g, queries, transpose_a=True))


@operator("_contrib_interleaved_matmul_selfatt_qk")
def selfatt_qk(queries_keys_values, *, heads: int):
    """Products of queries and keys / sqrt(size).

    queries_keys_values: (length, batch, heads * 3 * size). Output: (batch * heads, length, length), same dtype."""
    _check("_contrib_interleaved_matmul_selfatt_qk", "queries_keys_values", queries_keys_values, heads, 3)
    queries, keys = (part.forward(queries_keys_values, heads=heads, parts=3, index=i) for i in (0, 1))
    return _scores(queries, keys)


@selfatt_qk.gradient
def _(F, g, queries_keys_values, heads):
    queries, keys = (F._interleaved_part(queries_keys_values, heads=heads, parts=3, index=i) for i in (0, 1))
    dqueries = F._interleaved_place(_into_queries(F, g, keys), heads=heads, parts=3, index=0)
    return dqueries + F._interleaved_place(_into_keys(F, g, queries), heads=heads, parts=3, index=1)


@operator("_contrib_interleaved_matmul_encdec_qk")
def encdec_qk(queries, keys_values, *, heads: int):
    """Products of queries and keys / sqrt(size).

    queries: (length, batch, heads * size), keys_values: (source length, batch, heads * 2 * size), one dtype.
    Output: (batch * heads, length, source length)."""
    name = "_contrib_interleaved_matmul_encdec_qk"
    _check(name, "queries", queries, heads, 1)
    _check(name, "keys_values", keys_values, heads, 2)
    check_same_dtype(name, queries, keys_values)
    if keys_values.shape[1:] != (queries.shape[1], 2 * queries.shape[2]):
        raise ShapeError(
            f"keys_values.shape[1:] should be equal to queries.shape[1] and queries.shape[2] * 2, currently are: "
            f"{list(keys_values.shape)} and {list(queries.shape)}, in operator {name}"
        )
    keys = part.forward(keys_values, heads=heads, parts=2, index=0)
    return _scores(part.forward(queries, heads=heads, parts=1, index=0), keys)


@encdec_qk.gradient("queries")
def _(F, g, keys_values, heads):
    keys = F._interleaved_part(keys_values, heads=heads, parts=2, index=0)
    return F._interleaved_place(_into_queries(F, g, keys), heads=heads, parts=1, index=0)


@encdec_qk.gradient("keys_values")
def _(F, g, queries, heads):
    queries = F._interleaved_part(queries, heads=heads, parts=1, index=0)
    return F._interleaved_place(_into_keys(F, g, queries), heads=heads, parts=2, index=0)


def _weighted(name, argument, interleaved, attention, heads, parts):
    _check(name, argument, interleaved, heads, parts)
    check_same_dtype(name, interleaved, attention)
    length, batch, width = interleaved.shape
    if attention.ndim != 3 or attention.shape[::2] != (batch * heads, length):
        raise ShapeError(
            f"attention should be ({batch * heads}, queries, {length}), as {argument} of shape "
            f"{list(interleaved.shape)} is for {heads} heads, but got {list(attention.shape)}, in operator {name}"
        )
    out = _matmul(attention, part.forward(interleaved, heads=heads, parts=parts, index=parts - 1))
    return out.transpose(1, 0, 2).reshape(attention.shape[1], batch, width // parts)


def _into_values(F, g, attention, heads, parts):
    g = F._interleaved_part(g, heads=heads, parts=1, index=0)
    dvalues = F.batch_dot(attention, g, transpose_a=True)
    return F._interleaved_place(dvalues, heads=heads, parts=parts, index=parts - 1)


def _into_attention(F, g, interleaved, heads, parts):
    g = F._interleaved_part(g, heads=heads, parts=1, index=0)
    values = F._interleaved_part(interleaved, heads=heads, parts=parts, index=parts - 1)
    return F.batch_dot(g, values, transpose_b=True)


@operator("_contrib_interleaved_matmul_selfatt_valatt")
def selfatt_valatt(queries_keys_values, attention, *, heads: int):
    """Sums of values, weighted by attention.

    queries_keys_values: (length, batch, heads * 3 * size), attention: (batch * heads, queries, length), one dtype.
    Output: (queries, batch, heads * size)."""
    name = "_contrib_interleaved_matmul_selfatt_valatt"
    return _weighted(name, "queries_keys_values", queries_keys_values, attention, heads, 3)


@selfatt_valatt.gradient("queries_keys_values")
def _(F, g, attention, heads):
    return _into_values(F, g, attention, heads, 3)


@selfatt_valatt.gradient("attention")
def _(F, g, queries_keys_values, heads):
    return _into_attention(F, g, queries_keys_values, heads, 3)


@operator("_contrib_interleaved_matmul_encdec_valatt")
def encdec_valatt(keys_values, attention, *, heads: int):
    """Sums of values, weighted by attention.

    keys_values: (source length, batch, heads * 2 * size), attention: (batch * heads, queries, source length), one
    dtype. Output: (queries, batch, heads * size)."""
    return _weighted("_contrib_interleaved_matmul_encdec_valatt", "keys_values", keys_values, attention, heads, 2)


@encdec_valatt.gradient("keys_values")
def _(F, g, attention, heads):
    return _into_values(F, g, attention, heads, 2)


@encdec_valatt.gradient("attention")
def _(F, g, keys_values, heads):
    return _into_attention(F, g, keys_values, heads, 2)


def _infers_attention(row, function):
    row.infers(from_inputs(function))


_infers_attention(selfatt_qk, lambda attrs, qkv: (qkv[1] * attrs["heads"], qkv[0], qkv[0]))
_infers_attention(encdec_qk, lambda attrs, q, kv: (q[1] * attrs["heads"], q[0], kv[0]))
_infers_attention(selfatt_valatt, lambda attrs, qkv, weights: (weights[1], qkv[1], qkv[2] // 3))
_infers_attention(encdec_valatt, lambda attrs, kv, weights: (weights[1], kv[1], kv[2] // 2))

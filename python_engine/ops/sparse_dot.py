"""Products with sparse matrices: `dot`, FullyConnected and Embedding.

NumPy has none, and sums of many short segments are slow in it. So all rows advance together: first the first entries of
all rows are multiplied and added, then the second ones of those that have two, and so on.
"""

import numpy as np

from ..attributes import Shape
from ..blas import matmul
from ..errors import ShapeError
from ..registry import find, operator
from ..sparse import Csr, RowSparse, as_stype, dense
from .common import check_same_dtype
from .index import whole_numbers

DENSE = 0.1  # from this share of entries on, BLAS multiplies a dense copy faster
BLOCK = 1 << 17  # elements of the result that are worked on together, so that they stay in the cache
FEW = 8  # rows that are worth a step of their own; what is left of so few is multiplied row by row


def csr_times(a, x):
    """A Csr (m, n) times a dense (n, k): dense (m, k), in the dtype of both. float16 is summed in float32."""
    if a.dtype.char == "e":
        return csr_times(a.astype("f"), x.astype("f")).astype("e")
    m, n = a.shape
    if len(a.data) > DENSE * m * n:
        return matmul(dense(a), x)
    width, x = x.shape[1], np.ascontiguousarray(x)
    result = np.zeros((m, width), np.result_type(a.dtype, x.dtype))
    order = np.argsort(-a.counts(), kind="stable")  # longest rows first
    counts, starts = a.counts()[order], a.indptr[:-1][order]
    filled = np.count_nonzero(counts)
    height = max(128, BLOCK // max(1, width))
    room = np.empty((min(height, filled), width), result.dtype)
    for first in range(0, filled, height):
        last = min(first + height, filled)
        result[order[first:last]] = _rows_times(a, x, counts[first:last], starts[first:last], room)
    return result


def _rows_times(a, x, counts, starts, room):
    """The product of the rows with these counts (falling) and starts of entries; `room` is memory to work in."""
    total = np.zeros((len(counts), x.shape[1]), room.dtype)
    alive = np.searchsorted(-counts, -np.arange(counts[0]))  # how many rows have an entry number 0, 1, ...
    step, rest = 0, 0
    for rows in alive.tolist():
        if rows < FEW:
            rest = rows
            break
        places = starts[:rows] + step
        terms = x.take(a.indices[places], 0, room[:rows], "clip")
        np.multiply(terms, a.data[places, None], terms)
        np.add(total[:rows], terms, total[:rows])
        step += 1
    for row in range(rest):
        entries = slice(starts[row] + step, starts[row] + counts[row])
        total[row] += a.data[entries] @ x[a.indices[entries]]
    return total


def by_columns(a):
    """The columns of a Csr that have entries, rising, and a Csr whose rows are these columns."""
    m, n = a.shape
    # NumPy sorts 16 bits much faster
    order = np.argsort(a.indices.astype(np.uint16) if n <= 1 << 16 else a.indices, kind="stable")
    columns = a.indices[order]
    starts = np.flatnonzero(np.append(True, columns[1:] != columns[:-1])) if len(columns) else columns
    indptr = np.append(starts, len(columns))
    return columns[starts], Csr(a.data[order], indptr, a.rows()[order], (len(starts), m))


def transposed_times(a, x):
    """The transpose of a Csr (m, n) times a dense (m, k): a RowSparse (n, k) of the columns that have entries."""
    m, n = a.shape
    if len(a.data) > DENSE * m * n and a.dtype.char != "e":
        columns = np.flatnonzero(np.bincount(a.indices, minlength=n))
        product = matmul(dense(a).T, x)[columns]
    else:
        columns, turned = by_columns(a)
        product = csr_times(turned, x)
    return RowSparse(product, columns, (n, x.shape[1]))


# -- dot ---------------------------------------------------------------------------------------------------------------

dot = find("dot")


def _product(a, x, transpose_a, forward_stype, stype):
    """A Csr, perhaps transposed, times a dense or row_sparse matrix, in the storage type asked for or else `stype`."""
    check_same_dtype("dot", a, x)
    if a.shape[0 if transpose_a else 1] != x.shape[0]:
        raise ShapeError(
            f"Check failed: dot shape error: {list(a.shape)} X {list(x.shape)} with transpose_a={transpose_a}: "
            f"the axes that are summed over must have one length"
        )
    if isinstance(x, RowSparse) and not transpose_a:
        a, x = _of_stored_rows(a, x.rising())
    x = dense(x)
    return as_stype(transposed_times(a, x) if transpose_a else csr_times(a, x), forward_stype or stype)


def _of_stored_rows(a, x):
    """The factors without the columns of `a` that meet no stored row of `x`: a Csr, and the rows that `x` stores."""
    if not len(x.indices):
        return Csr(a.data[:0], np.zeros_like(a.indptr), a.indices[:0], (a.shape[0], 0)), x.data
    places = np.minimum(np.searchsorted(x.indices, a.indices), len(x.indices) - 1)
    met = x.indices[places] == a.indices
    indptr = np.append(0, np.cumsum(met))[a.indptr]
    return Csr(a.data[met], indptr, places[met], (a.shape[0], len(x.indices))), x.data


@dot.sparse("csr", "default")
@dot.sparse("csr", "row_sparse")
def _(lhs, rhs, transpose_a, transpose_b, forward_stype):
    if rhs.ndim != 2:
        return NotImplemented
    if transpose_b:
        return _product(lhs, dense(rhs).T, transpose_a, forward_stype, "default")
    return _product(lhs, rhs, transpose_a, forward_stype, "row_sparse" if transpose_a else "default")


@dot.sparse("csr", "csr")
def _(lhs, rhs, transpose_a, transpose_b, forward_stype):
    rhs = dense(rhs)
    return _product(lhs, rhs.T if transpose_b else rhs, transpose_a, forward_stype, "default")


@dot.sparse("default", "csr")
def _(lhs, rhs, transpose_a, transpose_b, forward_stype):
    if lhs.ndim != 2:
        return NotImplemented
    # (lhs rhs)ᵀ = rhsᵀ lhsᵀ
    product = _product(rhs, lhs if transpose_a else lhs.T, not transpose_b, None, "default").T
    return as_stype(np.ascontiguousarray(product), forward_stype or ("default" if transpose_a else "csr"))


# -- FullyConnected ----------------------------------------------------------------------------------------------------


def _declare_fully_connected(row):
    @row.sparse("csr", "default")
    @row.sparse("csr", "default", "default")
    def _(data, weight, bias=None, *, num_hidden, no_bias, flatten):
        fits = weight.shape == (num_hidden, data.shape[1]) and weight.dtype == data.dtype and no_bias == (bias is None)
        if not fits or (bias is not None and (bias.shape != (num_hidden,) or bias.dtype != data.dtype)):
            return NotImplemented  # whose function says what is wrong
        out = csr_times(data, weight.T)
        if bias is not None:
            out += bias
        return out


_declare_fully_connected(find("FullyConnected"))


# -- Embedding ---------------------------------------------------------------------------------------------------------


@operator("_backward_SparseEmbedding")
def backward_sparse_embedding(ograd, data, *, shape: Shape):
    """The gradient of an embedding's weight as a row_sparse array of `shape`: to the rows in `data`, `ograd` is added.

    ograd: (*shape of data, columns). Numbers out of range mean the first or the last row."""
    ids = np.minimum(np.maximum(whole_numbers(data.reshape(-1)), 0), shape[0] - 1)
    ones = np.ones(len(ids), ograd.dtype)
    # entry i is in row i: row ids[i] of the transpose collects it
    rows = Csr(ones, np.arange(len(ids) + 1), ids, (len(ids), shape[0]))
    return transposed_times(rows, ograd.reshape(len(ids), shape[1]))


@backward_sparse_embedding.gradient("ograd")
def _(F, g, data):
    return F.take(g, data, axis=0, mode="clip")


def _declare_embedding(row):
    @row.sparse("default", "row_sparse")
    def _(data, weight, input_dim, output_dim, dtype, sparse_grad):
        if weight.shape != (input_dim, output_dim) or input_dim < 1:
            return NotImplemented
        ids = np.minimum(np.maximum(whole_numbers(data), 0), input_dim - 1)
        return weight.rows_at(ids.reshape(-1)).reshape(*data.shape, output_dim)


_declare_embedding(find("Embedding"))
_declare_embedding(find("_contrib_SparseEmbedding"))

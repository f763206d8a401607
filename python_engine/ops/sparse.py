"""Operators that make sparse arrays, take them apart or change their storage type; see python_engine/sparse.py.

Operators that exist for dense arrays get their forms for sparse ones in sparse_forms.py and sparse_dot.py.
"""

import math

import numpy as np

from ..attributes import Choice, DType, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..registry import find, operator
from ..sparse import MOST, STYPES, Csr, RowSparse, as_stype, dense, indptr_of, nothing
from .common import check_same_shape
from .index import check_range, whole_numbers
from .reduce import reduced_axes, spread

STYPE = Choice(*STYPES)
_divide, _sum = find("elemwise_div"), find("sum").forward


# -- making sparse arrays ----------------------------------------------------------------------------------------------


@operator("_zeros_of_stype")
def zeros_of_stype(*, stype: Choice("row_sparse", "csr"), shape: Shape, ctx: str = "", dtype: DType() = "float32"):
    """Zeros of a sparse storage type: nothing is stored.

    shape: of one or more dimensions from 1 on; two for csr. ctx: accepted, of no effect."""
    if not shape or min(shape) < 1:
        raise ShapeError(f"_zeros_of_stype takes a shape of one or more dimensions from 1 on, but got {list(shape)}")
    return nothing(stype, _possible(shape), dtype)


@operator("_csr_matrix", shape="value")
def csr_matrix(data, indices, indptr, *, shape: Shape = ()):
    """The csr array whose row i holds data[indptr[i]:indptr[i+1]] in columns indices[indptr[i]:indptr[i+1]].

    data, indices: (stored,); indptr: (rows + 1,). shape: (rows, columns); () takes as many as the arrays tell of.
    As in MXNet, only `check_format` and whatever computes with the array see to it that they fit together."""
    _check_vectors("_csr_matrix", data=data, indices=indices, indptr=indptr)
    indices, indptr = indices.astype(np.int64), indptr.astype(np.int64)
    shape = _matrix_shape(shape, len(indptr) - 1, _count(indices))
    return _unchecked(Csr(data.copy(), indptr, indices, shape))


@operator("_csr_matrix_of_places", shape="value")
def csr_matrix_of_places(data, row, col, *, shape: Shape = ()):
    """The csr array with data[i] in row row[i] and column col[i]; what falls on one place is added up.

    data, row, col: (stored,), in any order. shape: (rows, columns); () takes the largest numbers."""
    _check_vectors("_csr_matrix_of_places", data=data, row=row, col=col)
    if not len(data) == len(row) == len(col):
        raise ShapeError(f"as many values, rows and columns are wanted, but got {len(data)}, {len(row)} and {len(col)}")
    row, col = whole_numbers(row), whole_numbers(col)
    shape = _matrix_shape(shape, _count(row), _count(col))
    check_range("_csr_matrix_of_places", row, 0, shape[0])
    check_range("_csr_matrix_of_places", col, 0, shape[1])
    keys, places = np.unique(row * shape[1] + col, return_inverse=True)
    total = np.zeros(len(keys), data.dtype)
    np.add.at(total, places.reshape(-1), data)
    rows = keys // max(1, shape[1])
    return Csr(total, indptr_of(rows, shape[0]), keys - rows * shape[1], shape)


@operator("_row_sparse_array", shape="value")
def row_sparse_array(data, indices, *, shape: Shape = ()):
    """The row_sparse array of `shape` whose rows `indices` are those of `data`.

    data: (stored, ...); indices: (stored,). shape: () takes as many rows as the largest index tells of.
    As in MXNet, only `check_format` and whatever computes with the array see to it that they fit together."""
    _check_vectors("_row_sparse_array", indices=indices)
    indices = indices.astype(np.int64)
    shape = shape or (_count(indices), *data.shape[1:])
    if len(shape) != data.ndim:
        raise ShapeError(f"data of shape {list(data.shape)} cannot be rows of an array of shape {list(shape)}")
    return _unchecked(RowSparse(data.copy(), indices, _possible(shape)))


def _check_vectors(name, **arrays):
    for argument, x in arrays.items():
        if x.ndim != 1:
            raise ShapeError(f"{name} takes {argument} as a vector, but got shape {list(x.shape)}")


def _matrix_shape(shape, rows, columns):
    if shape and len(shape) != 2:
        raise ShapeError(f"a csr array has two dimensions, but shape={shape} was given")
    return _possible(shape or (max(rows, 0), columns))


def _possible(shape):
    if min(shape) < 0 or math.prod(shape) > MOST:
        raise ShapeError(f"a shape of dimensions from 0 on, with at most {MOST} elements, is wanted, but got {shape}")
    return shape


def _count(indices):
    """How many there must be, by the largest of the indices."""
    return int(indices.max()) + 1 if len(indices) else 0


def _unchecked(value):
    value.checked = False
    return value


# -- storage types -----------------------------------------------------------------------------------------------------


@operator("cast_storage", "_sparse_cast_storage")
def cast_storage(data, *, stype: STYPE):
    """The array in another storage type. Between csr and row_sparse there is no way but through "default"."""
    return data.copy() if stype == "default" else as_stype(data, stype)


@cast_storage.gradient
def _(F, g):
    return g


@cast_storage.sparse("csr")
@cast_storage.sparse("row_sparse")
def _(data, stype):
    if stype not in ("default", data.stype):
        raise ArgumentError(f"cast_storage from {data.stype} to {stype} is not supported: cast it to default first")
    return as_stype(data, stype)


@operator("_part_of_sparse", shape="value")
def part_of_sparse(data, *, part: Choice("data", "indices", "indptr")):
    """A copy of one of the arrays that a sparse array consists of; the indices are int64."""
    raise ArgumentError(f"a dense array has no {part}: only sparse arrays have")


@part_of_sparse.sparse("csr", malformed=True)
@part_of_sparse.sparse("row_sparse", malformed=True)
def _(data, part):
    if part == "indptr" and data.stype != "csr":
        raise ArgumentError(f"a {data.stype} array has no indptr")
    return getattr(data, part).copy()


@operator("_check_format", shape="value")
def check_format(data, *, full_check: bool = True):
    """How many values (csr) or rows (row_sparse) are stored, int64 (1,), if the array is well-formed; else an error.

    full_check: look at the indices, too, and not only at the shapes of the arrays."""
    raise ArgumentError("a dense array has no format to check: only sparse arrays have")


@check_format.sparse("csr", malformed=True)
@check_format.sparse("row_sparse", malformed=True)
def _(data, full_check):
    fault = data.fault() or data.disorder() if full_check else data.shape_fault()
    if fault:
        raise ArgumentError(f"Check failed: the {data.stype} array of shape {list(data.shape)} is malformed: {fault}")
    return np.array([len(data.indices)])


@operator("_sparse_retain", fails=True)
def sparse_retain(data, indices):
    """The rows of `data` with the numbers `indices`, as a row_sparse array; all other rows are zero.

    indices: (rows,), of any dtype. Output: shape and dtype of `data`."""
    _check_vectors("_sparse_retain", indices=indices)
    rows = whole_numbers(indices).copy()
    check_range("_sparse_retain", rows, 0, data.shape[0])
    return RowSparse(data[rows], rows, data.shape)


@sparse_retain.sparse("row_sparse", "default")
def _retained(data, indices):
    _check_vectors("_sparse_retain", indices=indices)
    rows = whole_numbers(indices).copy()
    check_range("_sparse_retain", rows, 0, data.shape[0])
    return RowSparse(data.rows_at(rows), rows, data.shape)


@sparse_retain.gradient("data")
def _(F, g, indices):
    return F._sparse_retain(g, indices)


@operator("_contrib_edge_id", fails=True)
def edge_id(data, u, v):
    """What a csr matrix stores in row u and column v, -1 where it stores nothing: the edges between nodes of a graph.

    data: csr. u, v: (n,), numbers of rows and columns. Output: (n,), dense, dtype of `data`."""
    raise ArgumentError("data should be a csr array, but is a dense one, in operator _contrib_edge_id")


@edge_id.sparse("csr", "default", "default")
def _(data, u, v):
    name, (rows, columns) = "_contrib_edge_id", data.shape
    if u.ndim != 1 or u.shape != v.shape:
        raise ShapeError(
            f"u and v should be vectors of one length, but are {list(u.shape)}, {list(v.shape)}, in {name}"
        )
    u, v = u.astype(np.int64), v.astype(np.int64)
    for what, x, size in (("u", u, rows), ("v", v, columns)):
        if x.size and not 0 <= x.min() <= x.max() < size:
            raise ArgumentError(f"{what} should be from 0 to {size - 1}, but has {x.min()} to {x.max()}, in {name}")
    stored, values = np.append(data.keys(), rows * columns), np.append(data.data, -1).astype(data.dtype)
    order, wanted = np.argsort(stored, kind="stable"), u * columns + v
    at = order[np.searchsorted(stored, wanted, sorter=order)]
    return np.where(stored[at] == wanted, values[at], values[-1:])


@operator("_kvstore_rows", fails=True)
def kvstore_rows(data, row_ids):
    """`_sparse_retain` of row numbers that may come in any order and more than once."""
    return sparse_retain.forward(data, np.unique(row_ids))


@kvstore_rows.sparse("row_sparse", "default")
def _(data, row_ids):
    return _retained(data, np.unique(row_ids))


# -- operators that treat sparse arrays otherwise than their dense values ----------------------------------------------


@operator("_square_sum")
def square_sum(data, *, axis: Maybe(Shape) = None, keepdims: bool = False, exclude: bool = False):
    """Sum of squares over axes. Of a row_sparse matrix over axis 1 with `keepdims`, it is row_sparse.

    Output: dtype of `data`, without the reduced axes (of length 1 with `keepdims`)."""
    return _sum(np.square(data), axis=axis, keepdims=keepdims, exclude=exclude)


@square_sum.gradient
def _(F, g, data, axis, exclude):
    return data * (spread(F, g, data.shape, axis, exclude) * 2)


@square_sum.sparse("row_sparse")
def _(data, axis, keepdims, exclude):
    if data.ndim != 2 or reduced_axes("_square_sum", axis, 2, exclude) != (1,):
        return NotImplemented
    sums = _sum(np.square(data.data), axis=(1,), keepdims=True)
    value = RowSparse(sums, data.indices, (data.shape[0], 1))
    return value if keepdims else as_stype(value, "default").reshape(-1)


def _declare_scatter(name, base):
    row = find(base)
    compute, words = row.forward, row.doc.split("\n\n")[0]

    def of_stored(data, scalar, is_int):
        return data.with_data(compute(data.data, scalar=scalar, is_int=is_int))

    def scatter(data, *, scalar: float = 1.0, is_int: bool = True):
        return compute(data, scalar=scalar, is_int=is_int)

    scatter.__doc__ = f"As {base} ({words.rstrip('.').lower()}), but what a sparse array does not store stays zero."
    new = operator(name, shape="scalar")(scatter)
    new.sparse("csr")(of_stored)
    new.sparse("row_sparse")(of_stored)
    new.gradient(lambda F, g: g)


_declare_scatter("_scatter_plus_scalar", "_plus_scalar")
_declare_scatter("_scatter_minus_scalar", "_minus_scalar")


@operator("_scatter_elemwise_div", shape="equal")
def scatter_elemwise_div(lhs, rhs):
    """Quotient; the rows that a row_sparse `lhs` does not store stay zero.

    Both arrays have one shape and dtype; so has the output."""
    return _divide.forward(lhs, rhs)


@scatter_elemwise_div.sparse("row_sparse", "default")
@scatter_elemwise_div.sparse("row_sparse", "row_sparse")
@scatter_elemwise_div.sparse("row_sparse", "csr")
def _(lhs, rhs):
    check_same_shape("_scatter_elemwise_div", lhs, rhs)
    lhs = lhs.rising()
    rows = rhs.rows_at(lhs.indices) if isinstance(rhs, RowSparse) else dense(rhs)[lhs.indices]
    return lhs.with_data(_divide.forward(lhs.data, rows))  # which checks the dtypes


scatter_elemwise_div.gradient("lhs")(_divide.rules[0].function)
scatter_elemwise_div.gradient("rhs")(_divide.rules[1].function)

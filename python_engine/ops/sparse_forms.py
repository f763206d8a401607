"""What elementwise operators, reductions, slices and optimizers do with sparse arrays.

Which storage type comes out is MXNet's: functions that leave zero as it is keep it; two arrays of one storage type give
it, too; anything else is dense.
"""

import numpy as np

from ..registry import find
from ..sparse import Csr, RowSparse, nothing, union_of
from .common import check_same_dtype, check_same_shape, normal_axis
from .index import in_range
from .reduce import reduced_axes

KINDS = ("row_sparse", "csr")

# -- functions of one array --------------------------------------------------------------------------------------------

_OF_ZERO_ZERO = (
    "abs arcsin arcsinh arctan arctanh cbrt ceil degrees expm1 fix floor log1p negative radians relu rint round sign "
    "sin sinh sqrt square tan tanh trunc _copy BlockGrad make_loss _view_detach _contrib_round_ste _contrib_sign_ste"
)
_COMPARISONS = ("_equal", "_not_equal", "_greater", "_greater_equal", "_lesser", "_lesser_equal")


def _on_stored(name):
    """The operator computes on what is stored; what is not stored stays zero."""
    compute = find(name).forward
    return lambda data, **attrs: data.with_data(compute(data.data, **attrs))


def _if_zero_stays(name):
    """The same for those attributes with which the function of zero is zero."""
    compute = find(name).forward

    def form(data, **attrs):
        if compute(np.zeros(1, data.dtype), **attrs)[0] != 0:
            return NotImplemented
        return data.with_data(compute(data.data, **attrs))

    return form


for _kind in KINDS:
    for _name in (*_OF_ZERO_ZERO.split(), "_mul_scalar", "_div_scalar"):
        find(_name).sparse(_kind)(_on_stored(_name))
    for _name in ("_plus_scalar", "_minus_scalar", "clip", *(f"{name}_scalar" for name in _COMPARISONS)):
        find(_name).sparse(_kind)(_if_zero_stays(_name))
    find("zeros_like").sparse(_kind)(lambda data: nothing(data.stype, data.shape, data.dtype))


# -- functions of two arrays -------------------------------------------------------------------------------------------


def _aligned(lhs, rhs):
    """Both at the places that one of them stores, as two arrays, and what makes a sparse value of values there."""
    rows = isinstance(lhs, RowSparse)
    places, left, right = union_of(*((x.indices if rows else x.keys()) for x in (lhs, rhs)))
    arrays = np.zeros((2, len(places), *lhs.data.shape[1:]), lhs.dtype)
    arrays[0, left] = lhs.data
    arrays[1, right] = rhs.data
    if rows:
        return *arrays, lambda data: RowSparse(data, places, lhs.shape)
    return *arrays, lambda data: csr_of_keys(data, places, lhs.shape)


def csr_of_keys(data, keys, shape):
    """The Csr with `data` at these places of the flattened matrix, which rise."""
    rows = keys // max(1, shape[1])
    indptr = np.searchsorted(keys, np.arange(shape[0] + 1) * shape[1])
    return Csr(data, indptr, keys - rows * shape[1], shape)


def _checked(name, lhs, rhs):
    check_same_shape(name, lhs, rhs)
    check_same_dtype(name, lhs, rhs)


def _union(name):
    compute = find(name).forward

    def form(lhs, rhs):
        _checked(name, lhs, rhs)
        left, right, put = _aligned(lhs, rhs)
        return put(compute(left, right))

    return form


for _name in ("elemwise_add", "elemwise_sub", "_maximum", "_minimum"):
    for _kind in KINDS:
        find(_name).sparse(_kind, _kind)(_union(_name))

_multiply = find("elemwise_mul")


def _dense_at(x, array):
    """The elements of a dense array at the places that a sparse one stores."""
    return array[x.indices] if isinstance(x, RowSparse) else array[x.rows(), x.indices]


@_multiply.sparse("row_sparse", "default")
@_multiply.sparse("csr", "default")
def _(lhs, rhs):
    _checked("elemwise_mul", lhs, rhs)
    return lhs.with_data(lhs.data * _dense_at(lhs, rhs))


@_multiply.sparse("default", "row_sparse")
@_multiply.sparse("default", "csr")
def _(lhs, rhs):
    _checked("elemwise_mul", lhs, rhs)
    return rhs.with_data(_dense_at(rhs, lhs) * rhs.data)


@_multiply.sparse("row_sparse", "row_sparse")
def _(lhs, rhs):
    _checked("elemwise_mul", lhs, rhs)
    rows = np.intersect1d(lhs.indices, rhs.indices)
    return RowSparse(lhs.rows_at(rows) * rhs.rows_at(rows), rows, lhs.shape)


@_multiply.sparse("csr", "csr")
def _(lhs, rhs):
    _checked("elemwise_mul", lhs, rhs)
    keys, left, right = np.intersect1d(lhs.keys(), rhs.keys(), return_indices=True)
    return csr_of_keys(lhs.data[left] * rhs.data[right], keys, lhs.shape)


def _add_rows(lhs, rhs):
    """A dense and a row_sparse array: what an accumulated gradient is."""
    _checked("elemwise_add", lhs, rhs)
    dense, rows = (rhs, lhs) if isinstance(lhs, RowSparse) else (lhs, rhs)
    total, rows = dense.copy(), rows.rising()
    total[rows.indices] += rows.data
    return total


find("elemwise_add").sparse("default", "row_sparse")(_add_rows)
find("elemwise_add").sparse("row_sparse", "default")(_add_rows)


def _with_broadcast(name, of_one_shape):
    compute = find(name).forward

    def form(lhs, rhs):
        if lhs.shape == rhs.shape and not of_one_shape:
            return NotImplemented
        try:
            array = np.broadcast_to(rhs, lhs.shape)
        except ValueError:
            return NotImplemented
        check_same_dtype(name, lhs, rhs)
        return lhs.with_data(compute(lhs.data, array[lhs.rows(), lhs.indices]))

    find(name).sparse("csr", "default")(form)


_with_broadcast("broadcast_mul", True)
_with_broadcast("broadcast_div", False)  # of one shape, what is not stored may be 0 / 0


@find("add_n").sparse("row_sparse")
def _(*args, num_args):
    if num_args not in (0, len(args)):
        return NotImplemented
    total = args[0]
    for other in args[1:]:
        total = _add(total, other)
    return total


_add = _union("elemwise_add")


# -- reductions: their results are dense -------------------------------------------------------------------------------


def _sum_of(data, values, axes, keepdims):
    """The sum over `axes` of a csr matrix that holds `values`, floats, in the places of `data`."""
    if axes == (0, 1):
        return np.full((1, 1) if keepdims else 1, np.sum(values, dtype=np.float64), values.dtype)
    index = data.indices if axes == (0,) else data.rows()
    sums = np.bincount(index, values, data.shape[1 - axes[0]]).astype(values.dtype)
    return np.expand_dims(sums, axes[0]) if keepdims else sums


@find("sum").sparse("csr")
def _(data, axis, keepdims, exclude):
    axes = reduced_axes("sum", axis, 2, exclude)
    if data.dtype.kind != "f" or not axes:
        return NotImplemented
    return _sum_of(data, data.data, axes, keepdims)


@find("mean").sparse("csr")
def _(data, axis, keepdims, exclude):
    axes = reduced_axes("mean", axis, 2, exclude)
    if data.dtype.kind != "f" or not axes:
        return NotImplemented
    count = np.prod([data.shape[a] for a in axes])
    return (_sum_of(data, data.data, axes, keepdims) / max(1, count)).astype(data.dtype)


def _norm(data, **attrs):
    if attrs["axis"] or attrs["keepdims"] or not data.data.size:
        return NotImplemented
    return find("norm").forward(data.data.reshape(-1), **attrs)


find("norm").sparse("csr")(_norm)
find("norm").sparse("row_sparse")(_norm)


@find("_contrib_getnnz").sparse("csr")
def _(data, axis):
    if axis is None:
        return np.array([len(data.data)])
    axis = normal_axis("_contrib_getnnz", axis, 2)
    return np.bincount(data.indices, minlength=data.shape[1]) if axis == 0 else data.counts().copy()


# -- rows --------------------------------------------------------------------------------------------------------------


def _rows_of(data, rows):
    """The csr matrix of the rows with these numbers."""
    counts = data.counts()[rows]
    indptr = np.append(0, np.cumsum(counts))
    entries = np.arange(indptr[-1]) + np.repeat(data.indptr[rows] - indptr[:-1], counts)
    return Csr(data.data[entries], indptr, data.indices[entries], (len(rows), data.shape[1]))


@find("slice").sparse("csr")
def _(data, begin, end, step):
    if not 1 <= len(begin) == len(end) <= 2 or step:
        return NotImplemented
    (first, last), *columns = (slice(*pair).indices(n)[:2] for pair, n in zip(zip(begin, end), data.shape))
    part = _rows_of(data, np.arange(first, max(first, last)))
    if not columns:
        return part
    left, right = columns[0]
    kept = np.flatnonzero((part.indices >= left) & (part.indices < right))
    indptr = np.searchsorted(kept, part.indptr)
    return Csr(part.data[kept], indptr, part.indices[kept] - left, (part.shape[0], max(0, right - left)))


@find("take").sparse("csr", "default")
def _(a, indices, axis, mode):
    if normal_axis("take", axis, 2) != 0 or indices.ndim != 1:
        return NotImplemented
    return _rows_of(a, in_range("take", indices, a.shape[0], mode))


@find("Concat").sparse("csr")
def _(*data, num_args, dim):
    if num_args not in (0, len(data)) or dim not in (0, -2):
        return NotImplemented
    if len({x.shape[1] for x in data}) > 1 or len({x.dtype for x in data}) > 1:
        return NotImplemented
    starts = np.cumsum([0, *(len(x.data) for x in data)])
    return Csr(
        np.concatenate([x.data for x in data]),
        np.concatenate([[0], *(x.indptr[1:] + start for x, start in zip(data, starts))]),
        np.concatenate([x.indices for x in data]),
        (sum(x.shape[0] for x in data), data[0].shape[1]),
    )


# -- optimizers that update only the rows of a row_sparse gradient: the storage types that weight and states may have --

for _name in ("sgd_update", "sgd_mom_update", "adam_update", "_sparse_adagrad_update", "_contrib_group_adagrad_update"):
    find(_name).lazy = frozenset({"default", "row_sparse"})
find("ftrl_update").lazy = frozenset({"row_sparse"})

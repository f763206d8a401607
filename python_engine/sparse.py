"""Values of sparse arrays: rows of which most are zero (row_sparse), and matrices of which most entries are (csr).

A `RowSparse` or `Csr` is what an NDArray has for `data` where that is no NumPy array. It is never changed: writing to a
sparse array gives it another value, so that views and the tape may share one. No NumPy function takes it; storage.py
says how operators compute on it.
"""

import math

import numpy as np

from .errors import ArgumentError, ShapeError

STYPES = ("default", "row_sparse", "csr")  # position = MXNet's storage type

MOST = 1 << 60  # elements of the dense form, so that the place of each is a number of 64 bits

# True from the first value on that is sparse or has the shape (). All that other calls pay for these is a look at this.
exists = False


class Sparse:
    """What both kinds have: `data` (the values that are stored), `indices`, `shape`, and what follows from them."""

    __slots__ = ("checked", "data", "indices", "shape")
    __array_ufunc__ = None
    stype = ""

    def __init__(self, data, indices, shape):
        global exists
        exists = True
        self.data, self.indices, self.shape = data, indices, tuple(shape)
        self.checked = True  # false for what a user put together, until `sound` has looked at it

    def __array__(self, *_args, **_kwargs):
        raise TypeError(f"a {self.stype} array was given to a function of dense arrays")

    def __repr__(self):
        return f"<{self.stype} {self.dtype} {self.shape}, {len(self.indices)} indices>"

    def __reduce__(self):
        return type(self), (*self.parts(), self.shape), (None, {"checked": self.checked})

    @property
    def dtype(self):
        return self.data.dtype

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        """How many elements the dense form has."""
        return math.prod(self.shape)

    @property
    def nbytes(self):
        """The memory of what is stored, in bytes."""
        return sum(part.nbytes for part in self.parts())

    def with_data(self, data):
        """The same places with other values, of any dtype."""
        new = self.alike(data)
        new.checked = self.checked
        return new

    def astype(self, dtype):
        return self if self.dtype == dtype else self.with_data(self.data.astype(dtype))

    def sound(self):
        """This value, or an ArgumentError where computing with it would read or write out of bounds."""
        if not self.checked:
            fault = self.fault()
            if fault:
                raise ArgumentError(f"the {self.stype} array of shape {list(self.shape)} is malformed: {fault}")
            self.checked = True
        return self


class RowSparse(Sparse):
    """Rows `indices` (k,) of an array of shape `shape` hold `data` (k, *shape[1:]); all other rows are zero."""

    __slots__ = ()
    stype = "row_sparse"

    def parts(self):
        return self.data, self.indices

    def engine_form(self):
        """The same value with int64 indices, which the engine computes with."""
        return self.alike(self.data, self.indices.astype(np.int64, copy=False))

    def alike(self, data, indices=None):
        return RowSparse(data, self.indices if indices is None else indices, self.shape)

    def shape_fault(self):
        """How the shapes of the parts do not fit together, or None."""
        data, indices, shape = self.data, self.indices, self.shape
        if data.ndim != len(shape) or data.ndim == 0 or data.shape[1:] != shape[1:]:
            return f"expected row_sparse data of shape (rows stored, *shape[1:]), found {data.shape} in shape {shape}"
        if indices.shape != data.shape[:1]:
            return f"expected row_sparse indices of shape {data.shape[:1]}, found {indices.shape}"
        return None

    def fault(self):
        """What makes this value unusable, or None. The order of indices is left free, as in MXNet."""
        return self.shape_fault() or _index_fault("row", self.indices, self.shape[0])

    def disorder(self):
        """What MXNet's format forbids besides: indices that do not rise. A text, or None."""
        if (self.indices[1:] <= self.indices[:-1]).any():
            return "expected row indices in strictly rising order"
        return None

    def rising(self):
        """The same array with its rows in order; of a row that is stored twice, the last one counts."""
        indices = self.indices
        if not (indices[1:] <= indices[:-1]).any():
            return self
        order = np.argsort(indices, kind="stable")
        last = np.append(indices[order][1:] != indices[order][:-1], True)
        return RowSparse(self.data[order[last]], indices[order[last]], self.shape)

    def rows_at(self, rows):
        """The rows with these numbers, zeros where none is stored: dense, (len(rows), *shape[1:])."""
        value = self.rising()
        result = np.zeros((len(rows), *self.shape[1:]), self.dtype)
        place = np.searchsorted(value.indices, rows)
        place[place == len(value.indices)] = 0
        found = np.flatnonzero(value.indices[place] == rows) if len(value.indices) else place[:0]
        result[found] = value.data[place[found]]
        return result

    def with_rows(self, rows, values):
        """The same array, but for the rows with these numbers, which are distinct."""
        value = self.rising()
        indices, old, new = union_of(value.indices, rows)
        data = np.empty((len(indices), *self.shape[1:]), self.dtype)
        data[old] = value.data
        data[new] = values
        return RowSparse(data, indices, self.shape)

    def scatter(self, out):
        """Write what is stored to its places in `out`, an array of this shape and any dtype."""
        out[self.indices] = self.data


class Csr(Sparse):
    """A matrix of shape `shape`: row i holds `data[indptr[i]:indptr[i+1]]` in columns `indices[indptr[i]:indptr[i+1]]`.

    `data` and `indices` have shape (nnz,), `indptr` (rows + 1,), or (0,) as MXNet has it in a matrix never written to.
    """

    __slots__ = ("indptr",)
    stype = "csr"

    def __init__(self, data, indptr, indices, shape):
        super().__init__(data, indices, shape)
        self.indptr = indptr

    def parts(self):
        return self.data, self.indptr, self.indices

    def alike(self, data, indptr=None, indices=None):
        indptr = self.indptr if indptr is None else indptr
        return Csr(data, indptr, self.indices if indices is None else indices, self.shape)

    def engine_form(self):
        """The same value with int64 indices and a complete indptr, without entries beyond the last row."""
        indptr = self.indptr if len(self.indptr) else np.zeros(self.shape[0] + 1, np.int64)
        count = self.entry_count()
        return Csr(
            self.data[:count], indptr.astype(np.int64, copy=False), self.indices[:count].astype(np.int64, copy=False),
            self.shape,
        )  # fmt: skip

    def entry_count(self):
        """How many of the stored entries belong to a row."""
        return int(self.indptr[-1]) if len(self.indptr) else 0

    def shape_fault(self):
        """How the shapes of the parts do not fit together, or None."""
        if len(self.shape) != 2:
            return f"expected a csr shape of two dimensions, found {self.shape}"
        data, indices = self.data, self.indices
        if data.ndim != 1 or indices.shape != data.shape:
            return f"expected csr data and indices of one shape (nnz,), found {data.shape} and {indices.shape}"
        if self.indptr.shape != (self.shape[0] + 1,) and (self.indptr.shape != (0,) or len(data)):
            return f"expected a csr indptr of shape ({self.shape[0] + 1},), found {self.indptr.shape}"
        return None

    def fault(self):
        """What makes this value unusable, or None. The order of columns is left free, as in MXNet."""
        fault = self.shape_fault() or _indptr_fault(self.indptr, len(self.data))
        return fault or _index_fault("column", self.indices[: self.entry_count()], self.shape[1])

    def disorder(self):
        """What MXNet's format forbids besides: columns of a row that do not rise, and loose entries."""
        if self.entry_count() != len(self.data):
            return f"expected csr indptr to end at the {len(self.data)} entries stored, found {self.entry_count()}"
        if (np.diff(self.keys()) <= 0).any():
            return "expected column indices in strictly rising order within each row"
        return None

    def counts(self):
        """How many entries each row has."""
        return self.indptr[1:] - self.indptr[:-1]

    def rows(self):
        """The row of each entry."""
        return np.repeat(np.arange(self.shape[0]), self.counts())

    def keys(self):
        """The place of each entry in the flattened matrix."""
        return self.rows() * self.shape[1] + self.indices

    def scatter(self, out):
        """Write what is stored to its places in `out`, a matrix of this shape and any dtype."""
        out[self.rows(), self.indices] = self.data


def _index_fault(axis, indices, extent):
    if indices.dtype.kind not in "iu":
        return f"expected {axis} indices of an integer dtype, found {indices.dtype}"
    if indices.size and (indices.min() < 0 or indices.max() >= extent):
        return f"expected {axis} indices from 0 to {extent - 1}, found {indices.min()} to {indices.max()}"
    return None


def _indptr_fault(indptr, stored):
    if indptr.dtype.kind not in "iu":
        return f"expected a csr indptr of an integer dtype, found {indptr.dtype}"
    if not len(indptr):
        return None
    if indptr[0] != 0 or indptr[-1] > stored or (indptr[1:] < indptr[:-1]).any():
        return f"expected a csr indptr that rises from 0 to at most {stored}, found {indptr[0]} to {indptr[-1]}"
    return None


def union_of(lhs, rhs):
    """All numbers in either, rising, and where those of each are among them. Fast where both rise, as mostly."""
    both = np.concatenate((lhs, rhs))
    order = np.argsort(both, kind="stable")
    found = both[order]
    first = np.append(True, found[1:] != found[:-1])[: len(found)]
    place = np.empty(len(both), np.intp)
    place[order] = np.cumsum(first) - 1
    return found[first], place[: len(lhs)], place[len(lhs) :]


# -- conversions -------------------------------------------------------------------------------------------------


def stype_of(value):
    """ "default" for a NumPy array, "row_sparse" or "csr"."""
    return value.stype if isinstance(value, Sparse) else "default"


def type_name(value):
    """The dtype, and for a sparse value the storage type, as a client is told: "float32", "float32 csr"."""
    return f"{value.dtype} {value.stype}" if isinstance(value, Sparse) else str(value.dtype)


def dense(value):
    """A value as a NumPy array; a sparse one as a new array."""
    if not isinstance(value, Sparse):
        return value
    try:
        out = np.zeros(value.shape, value.dtype)
    except (MemoryError, ValueError):
        raise ShapeError(
            f"the {value.stype} array of shape {list(value.shape)} is too large to be made dense"
        ) from None
    value.sound().scatter(out)
    return out


def as_stype(value, stype):
    """A value in that storage type. What is stored of a dense array are its rows, or elements, that are not zero."""
    if stype_of(value) == stype:
        return value
    array = dense(value)
    if stype == "default":
        return array
    return rows_of(array) if stype == "row_sparse" else csr_of(array)


def rows_of(array):
    """A dense array as a RowSparse."""
    indices = np.flatnonzero((array != 0).reshape(len(array), -1).any(1)) if array.size else np.zeros(0, np.int64)
    return RowSparse(array[indices], indices, array.shape)


def csr_of(array):
    """A dense matrix as a Csr."""
    if array.ndim != 2:
        raise ShapeError(f"a csr array has two dimensions, but the shape is {list(array.shape)}")
    rows, columns = array.nonzero()
    return Csr(array[rows, columns], indptr_of(rows, array.shape[0]), columns, array.shape)


def indptr_of(rows, count):
    """Where each of `count` rows begins among entries that lie in these rows, in order."""
    indptr = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=indptr[1:])
    return indptr


def nothing(stype, shape, dtype):
    """Zeros in a sparse storage type."""
    if stype == "row_sparse":
        return RowSparse(np.zeros((0, *shape[1:]), dtype), np.zeros(0, np.int64), shape)
    if len(shape) != 2:
        raise ShapeError(f"a csr array has two dimensions, but the shape is {list(shape)}")
    return Csr(np.zeros(0, dtype), np.zeros(shape[0] + 1, np.int64), np.zeros(0, np.int64), shape)

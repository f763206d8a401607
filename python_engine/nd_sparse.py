"""Sparse arrays: MXNet's `mx.nd.sparse`.

    x = mx.nd.sparse.csr_matrix(([1, 2, 3], [0, 2, 2], [0, 2, 3]), shape=(2, 3))
    w = mx.nd.ones((3, 4)); w.attach_grad(stype="row_sparse")
    mx.nd.sparse.dot(x, w)

The operators whose names begin with `_sparse_` are found here without it. `x.indices` and `x.indptr` tell where the
stored values belong. These are in `x.data`: a `Csr` or `RowSparse` of python_engine.sparse, with `data`, `indices` and
`indptr` as NumPy arrays.
"""

import numpy as np

from .attributes import Shape, parse
from .context import check_usable
from .errors import ArgumentError
from .functions import Namespace, run
from .methods import dtype_name, known_stype
from .ndarray import NDArray
from .overloads import FUNCTIONS
from .sparse import Sparse, as_stype

_operators = Namespace("_sparse_")
_ARITHMETIC = {name: FUNCTIONS[name] for name in ("add", "divide", "multiply", "subtract")}
globals().update(_ARITHMETIC)


_OWN = (
    "BaseSparseNDArray", "CSRNDArray", "RowSparseNDArray", "array", "csr_matrix", "empty", "row_sparse_array", "zeros",
)  # fmt: skip


def __getattr__(name):
    return getattr(_operators, name)


def __dir__():
    return sorted({*_ARITHMETIC, *_OWN, *dir(_operators)})


class _StorageType(type):
    """A class of the arrays of some storage types, which are NDArrays like any others."""

    def __instancecheck__(cls, x):
        return isinstance(x, NDArray) and x.stype in cls.stypes


class CSRNDArray(metaclass=_StorageType):
    """Csr arrays are its instances."""

    stypes = ("csr",)


class RowSparseNDArray(metaclass=_StorageType):
    """Row_sparse arrays are its instances."""

    stypes = ("row_sparse",)


class BaseSparseNDArray(metaclass=_StorageType):
    """Sparse arrays of both kinds are its instances."""

    stypes = ("csr", "row_sparse")


def zeros(stype, shape, ctx=None, dtype=None):
    """Zeros of a storage type: "csr", "row_sparse" or "default"."""
    check_usable(ctx)
    shape, dtype = parse("zeros", "shape", Shape, shape), dtype_name(dtype or "float32")
    if known_stype(stype) == "default":
        return run("_zeros", shape=shape, dtype=dtype)
    return run("_zeros_of_stype", shape=shape, dtype=dtype, stype=stype)


def empty(stype, shape, ctx=None, dtype=None):
    """The same as `zeros`."""
    return zeros(stype, shape, ctx, dtype)


def array(source_array, ctx=None, dtype=None):
    """A copy of a sparse array; of SciPy's sparse matrices, a csr array. Dense sources are for mx.nd.array."""
    check_usable(ctx)
    if hasattr(source_array, "tocsr"):
        return csr_matrix(source_array, dtype=dtype)
    if not isinstance(source_array, NDArray) or not isinstance(source_array.data, Sparse):
        raise ArgumentError(f"Unexpected source_array type: {type(source_array)}. Please use mx.nd.array to create it")
    return NDArray(source_array.data.astype(dtype_name(dtype or source_array.data.dtype)))


def csr_matrix(arg1, shape=None, ctx=None, dtype=None):
    """A csr array of (values, columns, starts of the rows), of (values, (rows, columns)), where what falls on one place
    is added up, of a shape (M, N), or of a dense or csr array or a SciPy matrix.

    shape: found from the numbers if not given. dtype: that of the values if they are an array, else float32."""
    check_usable(ctx)
    if hasattr(arg1, "tocsr"):
        matrix = arg1.tocsr()
        arg1, shape = (matrix.data, matrix.indices, matrix.indptr), shape or matrix.shape
    if isinstance(arg1, (tuple, list)) and len(arg1) == 3:
        parts = [_values(arg1[0], dtype), *map(_indices, arg1[1:])]
        return run("_csr_matrix", *parts, shape=tuple(shape or ()))
    if isinstance(arg1, tuple) and len(arg1) == 2:
        if isinstance(arg1[1], (tuple, list)) and len(arg1[1]) == 2:
            parts = [_values(arg1[0], dtype), *map(_indices, arg1[1])]
            return run("_csr_matrix_of_places", *parts, shape=tuple(shape or ()))
        return zeros("csr", arg1, dtype=dtype)
    return _converted(arg1, "csr", shape, dtype)


def row_sparse_array(arg1, shape=None, ctx=None, dtype=None):
    """A row_sparse array of (rows, their numbers), of a shape, or of a dense or row_sparse array.

    shape: as many rows as the largest number asks for, if not given. dtype: as for csr_matrix."""
    check_usable(ctx)
    if isinstance(arg1, tuple):
        if len(arg1) == 2 and not isinstance(arg1[1], (int, np.integer)):
            parts = [_values(arg1[0], dtype), _indices(arg1[1])]
            return run("_row_sparse_array", *parts, shape=tuple(shape or ()))
        return zeros("row_sparse", arg1, dtype=dtype)
    return _converted(arg1, "row_sparse", shape, dtype)


def _values(source, dtype):
    """Values as a dense NDArray: of the dtype asked for, else the source's, else float32."""
    if isinstance(source, NDArray):
        return source if dtype is None else source.astype(dtype)
    values = np.asarray(source)
    return NDArray(values.astype(dtype_name(dtype or (values.dtype if source is values else "float32"))))


def _indices(source):
    return NDArray(np.asarray(source.data if isinstance(source, NDArray) else source).astype(np.int64))


def _converted(source, stype, shape, dtype):
    value = _values(source, dtype)
    if shape is not None and tuple(shape) != value.data.shape:
        raise ArgumentError(f"the shape {tuple(shape)} was asked for, but the source has {value.data.shape}")
    if isinstance(value.data, Sparse):
        return run("cast_storage", value, stype=stype)
    return NDArray(as_stype(value.data.copy(), stype))

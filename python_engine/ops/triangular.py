"""Triangular matrices, and diagonals and triangles as vectors.

The operators work on the last two axes of float32 or float64 arrays; the axes before them count matrices.
"""

import math

import numpy as np

from ..blas import matmul
from ..errors import ShapeError
from ..registry import operator
from .common import at_least_1d
from .linalg import check_matrices, check_square, scaled, shown_shapes

BLOCK = 32  # rows of a triangular system that LAPACK solves at once; measured best between 16 and 128


@operator("_backward_triangle")
def triangle(data, *, lower: bool = True, offset: int = 0):
    """The matrices of `data` with zeros above the diagonal (below it without `lower`) that `offset` moves right."""
    return np.tril(data, offset) if lower else np.triu(data, offset)


@triangle.gradient
def _(F, g, lower, offset):
    return F._backward_triangle(g, lower=lower, offset=offset)


def _check_triangular(operator_name, A, B, rightside):
    check_matrices(operator_name, A, B)
    n = A.shape[-1]
    if A.shape[-2] != n or A.shape[:-2] != B.shape[:-2] or B.shape[-1 if rightside else -2] != n:
        raise ShapeError(
            f"a triangular matrix (..., n, n) and a matrix {'(..., m, n)' if rightside else '(..., n, m)'} with the "
            f"same leading axes are needed, but got shapes {shown_shapes(A, B)}, in operator {operator_name}"
        )


@operator("_linalg_trmm", "linalg_trmm")
def trmm(A, B, *, transpose: bool = False, rightside: bool = False, lower: bool = True, alpha: float = 1.0):
    """alpha * op(A) B, or alpha * B op(A) with `rightside`, where A is triangular and op transposes with `transpose`.

    A (..., n, n), of which the triangle that `lower` names is read; B and output (..., n, m), or (..., m, n) with
    `rightside`."""
    _check_triangular("_linalg_trmm", A, B, rightside)
    A = np.tril(A) if lower else np.triu(A)
    A = A.swapaxes(-1, -2) if transpose else A
    return scaled(alpha, matmul(B, A) if rightside else matmul(A, B))


@trmm.gradient("A")
def _(F, g, B, transpose, rightside, lower, alpha):
    if rightside:
        left, right, turn_a, turn_b = (g, B, True, False) if transpose else (B, g, True, False)
    else:
        left, right, turn_a, turn_b = (B, g, False, True) if transpose else (g, B, False, True)
    da = F._linalg_gemm2(left, right, transpose_a=turn_a, transpose_b=turn_b, alpha=alpha)
    return F._backward_triangle(da, lower=lower)


@trmm.gradient("B")
def _(F, g, A, transpose, rightside, lower, alpha):
    return F._linalg_trmm(A, g, transpose=not transpose, rightside=rightside, lower=lower, alpha=alpha)


@operator("_linalg_trsm", "linalg_trsm")
def trsm(A, B, *, transpose: bool = False, rightside: bool = False, lower: bool = True, alpha: float = 1.0):
    """X with op(A) X = alpha * B, or X op(A) = alpha * B with `rightside`; op transposes the triangular A or not.

    A (..., n, n), of which the triangle that `lower` names is read; B and output (..., n, m), or (..., m, n) with
    `rightside`. A zero on the diagonal gives infinities and NaN, as MXNet's does."""
    _check_triangular("_linalg_trsm", A, B, rightside)
    B = scaled(alpha, B)
    if transpose != rightside:
        A = A.swapaxes(-1, -2)
    if rightside:
        x = solve_triangular(A, B.swapaxes(-1, -2), lower == transpose)
        return np.ascontiguousarray(x.swapaxes(-1, -2))
    return solve_triangular(A, B, lower != transpose)


def solve_triangular(A, B, lower):
    """X with T X = B, where T is the lower (or upper) triangle of A; a new array in C order.

    Substitution by blocks of rows, so that most of the work is matrix products."""
    x = np.array(B, order="C")
    n = A.shape[-1]
    starts = range(0, n, BLOCK)
    for start in starts if lower else reversed(starts):
        stop = min(start + BLOCK, n)
        rows, known = slice(start, stop), slice(0, start) if lower else slice(stop, n)
        if known.start != known.stop:
            x[..., rows, :] -= np.matmul(A[..., rows, known], x[..., known, :])
        block = A[..., rows, rows]
        block = np.tril(block) if lower else np.triu(block)
        try:
            x[..., rows, :] = np.linalg.solve(block, x[..., rows, :])
        except np.linalg.LinAlgError:
            _substitute(block, x[..., rows, :], lower)
    return x


def _substitute(block, x, lower):
    """Solve a triangular system in place, row by row: with a zero on the diagonal this divides by it."""
    n = block.shape[-1]
    for row in range(n) if lower else reversed(range(n)):
        known = slice(0, row) if lower else slice(row + 1, n)
        x[..., row, :] -= np.matmul(block[..., row, None, known], x[..., known, :])[..., 0, :]
        x[..., row, :] /= block[..., row, row, None]


@trsm.gradient("A")
def _(F, g, A, out, transpose, rightside, lower, alpha):
    db = F._linalg_trsm(A, g, transpose=not transpose, rightside=rightside, lower=lower)
    left, right = (db, out) if transpose == rightside else (out, db)
    da = F._linalg_gemm2(left, right, transpose_a=rightside, transpose_b=not rightside, alpha=-1.0)
    return F._backward_triangle(da, lower=lower)


@trsm.gradient("B")
def _(F, g, A, transpose, rightside, lower, alpha):
    return F._linalg_trsm(A, g, transpose=not transpose, rightside=rightside, lower=lower, alpha=alpha)


def _diagonal_length(operator_name, A, offset):
    check_square(operator_name, A)
    n = A.shape[-1] - abs(offset)
    if n <= 0:
        raise ShapeError(f"Illegal offset {offset} for matrices of shape {list(A.shape)}, in operator {operator_name}")
    return n


def _check_vectors(operator_name, A):
    if A.dtype.char not in "fd" or A.ndim < 1:
        raise ShapeError(
            f"This operation only supports 32-bit and 64-bit floating point, but got {A.dtype}, "
            f"in operator {operator_name}"
        )


def _triangle_indices(n, offset, lower):
    """Rows and columns of the triangle on and beyond the diagonal `offset`, in the order of the vectors."""
    if offset < 0 or (offset == 0 and lower):
        return np.tril_indices(n, offset)
    columns, rows = np.tril_indices(n, -offset)
    return rows, columns


@operator("_linalg_extractdiag", "linalg_extractdiag")
def extractdiag(A, *, offset: int = 0):
    """The diagonals of square matrices; `offset` > 0 names those above the main one, < 0 those below.

    A (..., n, n); output (..., n - |offset|)."""
    _diagonal_length("_linalg_extractdiag", A, offset)
    return np.diagonal(A, offset, -2, -1).copy()


@extractdiag.gradient
def _(F, g, offset):
    return F._linalg_makediag(g, offset=offset)


@operator("_linalg_makediag", "linalg_makediag")
def makediag(A, *, offset: int = 0):
    """Square matrices with the last axis of A on the diagonal `offset`, zeros elsewhere.

    A (..., n); output (..., m, m) with m = n + |offset|."""
    _check_vectors("_linalg_makediag", A)
    n = A.shape[-1]
    m = n + abs(offset)
    out = np.zeros((*A.shape[:-1], m * m), A.dtype)
    start = offset if offset >= 0 else -offset * m
    out[..., start : start + n * (m + 1) : m + 1] = A
    return out.reshape(*A.shape[:-1], m, m)


@makediag.gradient
def _(F, g, offset):
    return F._linalg_extractdiag(g, offset=offset)


@operator("_linalg_extracttrian", "linalg_extracttrian")
def extracttrian(A, *, offset: int = 0, lower: bool = True):
    """A triangle of square matrices as vectors: a lower one row by row, an upper one column by column.

    offset: > 0 the upper triangle that starts at that diagonal, < 0 the lower one; 0: `lower` decides.
    A (..., n, n); output (..., m (m + 1) / 2) with m = n - |offset|."""
    _diagonal_length("_linalg_extracttrian", A, offset)
    rows, columns = _triangle_indices(A.shape[-1], offset, lower)
    return np.ascontiguousarray(A[..., rows, columns])


@extracttrian.gradient
def _(F, g, offset, lower):
    return F._linalg_maketrian(g, offset=offset, lower=lower)


@operator("_linalg_maketrian", "linalg_maketrian")
def maketrian(A, *, offset: int = 0, lower: bool = True):
    """Triangular matrices from the vectors that `_linalg_extracttrian` makes.

    A (..., m (m + 1) / 2); output (..., n, n) with n = m + |offset|."""
    _check_vectors("_linalg_maketrian", A)
    m = (math.isqrt(8 * A.shape[-1] + 1) - 1) // 2
    if m * (m + 1) // 2 != A.shape[-1]:
        raise ShapeError(
            f"the last axis must have m (m + 1) / 2 elements, but the shape is {list(A.shape)}, "
            f"in operator _linalg_maketrian"
        )
    n = m + abs(offset)
    rows, columns = _triangle_indices(n, offset, lower)
    out = np.zeros((*A.shape[:-1], n, n), A.dtype)
    out[..., rows, columns] = A
    return out


@maketrian.gradient
def _(F, g, offset, lower):
    return F._linalg_extracttrian(g, offset=offset, lower=lower)


@operator("_linalg_sumlogdiag", "linalg_sumlogdiag")
def sumlogdiag(A):
    """Sum of the logarithms of the diagonal elements of square matrices.

    A (..., n, n); output (...), or (1,) for one matrix."""
    check_square("_linalg_sumlogdiag", A)
    return at_least_1d(np.log(np.diagonal(A, 0, -2, -1)).sum(-1))


@sumlogdiag.gradient
def _(F, g, A):
    diagonal = F._linalg_extractdiag(A)
    return F._linalg_makediag(F.reshape(g, shape=(*A.shape[:-2], 1)) / diagonal)

"""Factorizations of matrices and what follows from them: Cholesky, LQ, eigenvalues, inverses, determinants.

The operators work on the last two axes of float32 or float64 arrays. Their gradients are those of Seeger et al.,
Auto-Differentiating Linear Algebra (2017). A matrix that cannot be factorized is a ComputeError.
"""

import numpy as np

from ..errors import ComputeError, ShapeError
from ..inference import all_equal
from ..registry import operator
from .common import at_least_1d
from .linalg import check_matrices, check_square, swap
from .triangular import solve_triangular

SMALLEST_GAP = {"f": 1e-30, "d": 1e-100}  # between eigenvalues, as MXNet bounds it in the gradient of eigenvectors


def factorize(operator_name, function, data, why):
    try:
        return function(data)
    except np.linalg.LinAlgError as reason:
        raise ComputeError(
            f"{operator_name} failed on an array of shape {list(data.shape)}: {why} ({reason})",
            operator_name,
            [data.shape],
        ) from None


def mirrored(F, x):
    """Symmetric matrices with the lower triangles of `x`."""
    return F._backward_triangle(x) + swap(F, F._backward_triangle(x, offset=-1))


@operator("_linalg_potrf", "linalg_potrf", fails=True)
def potrf(A):
    """Cholesky factors L of symmetric positive definite matrices: A = L L^T, L lower triangular.

    A (..., n, n), of which the lower triangle is read; output likewise. ComputeError where A is not positive definite.
    """
    check_square("_linalg_potrf", A)
    return factorize("_linalg_potrf", np.linalg.cholesky, A, "a matrix is not positive definite")


@potrf.gradient
def _(F, g, out):
    middle = mirrored(F, F._linalg_trmm(out, g, transpose=True))
    left = F._linalg_trsm(out, middle, transpose=True)
    return F._linalg_trsm(out, left, rightside=True, alpha=0.5)


@operator("_linalg_potri", "linalg_potri", fails=True)
def potri(A):
    """Inverses of symmetric positive definite matrices, given their Cholesky factors A: (A A^T)^-1.

    A (..., n, n), of which the lower triangle is read; output likewise. ComputeError where the diagonal has a zero."""
    check_square("_linalg_potri", A)
    if not np.diagonal(A, 0, -2, -1).all():
        raise ComputeError(
            f"_linalg_potri failed on an array of shape {list(A.shape)}: a diagonal with a zero is that of no "
            f"Cholesky factor, as _linalg_potrf makes them",
            "_linalg_potri",
            [A.shape],
        )
    inverse = solve_triangular(A, np.broadcast_to(np.eye(A.shape[-1], dtype=A.dtype), A.shape), True)
    return np.matmul(inverse.swapaxes(-1, -2), inverse)


@potri.gradient
def _(F, g, A, out):
    left = F._linalg_gemm2(out, g + swap(F, g))
    return F._backward_triangle(F._linalg_trsm(A, left, rightside=True, transpose=True, alpha=-1.0))


@operator("_linalg_gelqf", "linalg_gelqf", outputs=("Q", "L"))
def gelqf(A):
    """LQ factors of matrices with no more rows than columns: A = L Q, L lower triangular, Q Q^T = 1.

    A (..., n, m), n <= m; outputs Q (..., n, m) and L (..., n, n). The diagonal of L may be negative."""
    check_matrices("_linalg_gelqf", A)
    if A.shape[-2] > A.shape[-1]:
        raise ShapeError(
            f"_linalg_gelqf needs matrices with no more rows than columns, but the shape is {list(A.shape)}"
        )
    q, r = np.linalg.qr(A.swapaxes(-1, -2))
    return np.ascontiguousarray(q.swapaxes(-1, -2)), np.ascontiguousarray(r.swapaxes(-1, -2))


@gelqf.gradient
def _(F, g, Q, L):
    gq, gl = g
    mixed = F._linalg_gemm2(L, gl, transpose_a=True) - F._linalg_gemm2(gq, Q, transpose_b=True)
    return F._linalg_trsm(L, gq + F._linalg_gemm2(mirrored(F, mixed), Q), transpose=True)


@operator("_linalg_syevd", "linalg_syevd", outputs=("U", "L"), fails=True)
def syevd(A):
    """Eigenvectors and eigenvalues of symmetric matrices: A = U^T diag(L) U.

    A (..., n, n), of which the lower triangle is read; outputs U (..., n, n), whose rows are the eigenvectors, each
    with its largest element positive, and L (..., n), ascending."""
    check_square("_linalg_syevd", A)
    values, vectors = factorize("_linalg_syevd", np.linalg.eigh, A, "the eigenvalues did not converge")
    rows = vectors.swapaxes(-1, -2)
    largest = np.take_along_axis(rows, np.abs(rows).argmax(-1, keepdims=True), -1)
    return np.ascontiguousarray(np.where(largest < 0, -rows, rows)), values


@syevd.gradient
def _(F, g, U, L):
    gu, gl = g
    n, kind = L.shape[-1], np.dtype(L.dtype).char
    products = F._linalg_gemm2(gu, U, transpose_b=True)
    gaps = F.broadcast_sub(F.reshape(L, shape=(*L.shape, 1)), F.reshape(L, shape=(*L.shape[:-1], 1, n)))
    gaps = F._maximum_scalar(F._backward_triangle(gaps, offset=-1), scalar=SMALLEST_GAP[kind])
    # above the diagonal, where nothing is read, the gaps become 1 so that a second derivative stays finite
    ones = F.ones_like(gaps)
    gaps = F._backward_triangle(gaps, offset=-1) + F._backward_triangle(ones, lower=False)
    lower = F._backward_triangle((products - swap(F, products)) * 0.5 / gaps, offset=-1)
    middle = lower + swap(F, lower) + F._linalg_makediag(gl)
    return F._linalg_gemm2(F._linalg_gemm2(U, middle, transpose_a=True), U)


@operator("_linalg_inverse", "linalg_inverse", fails=True)
def inverse(A):
    """Inverses of square matrices.

    A (..., n, n); output likewise. ComputeError where a matrix is singular."""
    check_square("_linalg_inverse", A)
    return factorize("_linalg_inverse", np.linalg.inv, A, "a matrix has no inverse")


@inverse.gradient
def _(F, g, out):
    return F._linalg_gemm2(F._linalg_gemm2(out, g, transpose_a=True), out, transpose_b=True, alpha=-1.0)


@operator("_linalg_det", "linalg_det")
def det(A):
    """Determinants of square matrices.

    A (..., n, n); output (...), or (1,) for one matrix. The gradient by a singular matrix is zero, as in MXNet."""
    check_square("_linalg_det", A)
    return at_least_1d(np.linalg.det(A))


def _per_matrix(F, g, A):
    return F.reshape(g, shape=(*A.shape[:-2], 1, 1))


@det.gradient
def _(F, g, A, out):
    return F.broadcast_mul(F._backward_det(A), _per_matrix(F, g * out, A))


@operator("_linalg_slogdet", "linalg_slogdet", outputs=("sign", "logabsdet"))
def slogdet(A):
    """Signs of the determinants of square matrices, and logarithms of their absolute values.

    A (..., n, n); two outputs (...), or (1,) for one matrix. A singular matrix has sign 0 and -inf, and gradient zero,
    as in MXNet."""
    check_square("_linalg_slogdet", A)
    sign, logabsdet = np.linalg.slogdet(A)
    return at_least_1d(sign), at_least_1d(logabsdet)


@slogdet.gradient
def _(F, g, A):
    return F.broadcast_mul(F._backward_det(A), _per_matrix(F, g[1], A))


@operator("_backward_det")
def backward_det(A):
    """The derivative of log|det A| by A: inverses, transposed; zeros for singular matrices."""
    check_square("_backward_det", A)
    regular = np.linalg.slogdet(A)[0] != 0
    result = np.zeros_like(A)
    result[regular] = np.linalg.inv(A[regular]).swapaxes(-1, -2)
    return result


@backward_det.gradient
def _(F, g, out):
    return F._linalg_gemm2(F._linalg_gemm2(out, g, transpose_b=True), out, alpha=-1.0)


for _row in (potrf, potri, inverse):
    _row.infers(all_equal)

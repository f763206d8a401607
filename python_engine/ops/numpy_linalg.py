"""NumPy's factorizations of matrices and eigenvalues, for stacks of matrices on the last two axes.

float16 and integers are computed in float32 and float64. Gradients are those of Seeger et al., Auto-Differentiating
Linear Algebra (2017), and of Walter and Lehmann, Algorithmic Differentiation of Linear Algebra Functions (2012).
"""

import numpy as np

from ..attributes import Choice
from ..errors import ComputeError, ShapeError
from ..registry import also
from .lapack import factorize, mirrored
from .numpy_common import (
    check_matrix,
    floating,
    in_dtype,
    numpy_operator,
    shown,
    turned,
)

also("_linalg_potrf", "_npi_cholesky")


def _times(F, x, row):
    """Matrices with their columns multiplied by the elements of vectors."""
    return x * F._backward_reshape(row, shape=(*row.shape[:-1], 1, row.shape[-1]))


def _gaps(F, values):
    """1 / (v_j - v_i) for each pair of values, 0 for equal ones."""
    n = values.shape[-1]
    rows = F._backward_reshape(values, shape=(*values.shape[:-1], 1, n))
    columns = F._backward_reshape(values, shape=(*values.shape, 1))
    gaps = F.broadcast_sub(rows, columns)
    same = gaps == 0
    return (1 - same) / (gaps + same)


def _diagonal(F, values):
    return F._linalg_makediag(values)


# -- factorizations ----------------------------------------------------------------------------------------------------


@numpy_operator("_npi_svd", outputs=("U", "L", "V"), fails=True)
def svd(A):
    """Singular values: A = U diag(L) V, with k = min(n, m) of them, falling.

    A (..., n, m); outputs U (..., n, k), L (..., k), V (..., k, m), each row of V with its largest element positive."""
    check_matrix("_npi_svd", A)
    (A,) = floating(A)
    u, values, v = factorize("_npi_svd", lambda x: np.linalg.svd(x, False), A, "the singular values did not converge")
    if 0 in v.shape:
        return u, values, v
    largest = np.take_along_axis(v, np.abs(v).argmax(-1, keepdims=True), -1)
    signs = np.where(largest < 0, -1, 1).astype(v.dtype)
    return u * signs.swapaxes(-1, -2), values, v * signs


@svd.gradient
def _(F, g, U, L, V):
    gu, gl, gv = g
    w, gw, ut = turned(F, V), turned(F, gv), turned(F, U)
    pairs = _gaps(F, L * L)
    left, right = F._npi_matmul(ut, gu), F._npi_matmul(V, gw)
    columns = F._backward_reshape(L, shape=(*L.shape, 1))
    inner = _times(F, pairs * (left - turned(F, left)), L) + columns * (pairs * (right - turned(F, right)))
    inner = inner + _diagonal(F, gl)
    result = F._npi_matmul(F._npi_matmul(U, inner), V)
    n, m, k = U.shape[-2], V.shape[-1], L.shape[-1]
    if n > k:
        beyond = gu - F._npi_matmul(U, left)
        result = result + F._npi_matmul(_times(F, beyond, 1 / L), V)
    if m > k:
        beyond = gv - F._npi_matmul(F._npi_matmul(gv, w), V)
        result = result + F._npi_matmul(_times(F, U, 1 / L), beyond)
    return result


@numpy_operator("_npi_qr", outputs=("Q", "R"))
def qr(a):
    """A = Q R, with orthonormal columns in Q and an upper triangle R, whose diagonal is not negative.

    a (..., n, m), k = min(n, m); outputs Q (..., n, k), R (..., k, m). Source: numpy.linalg.qr, but for the sign."""
    check_matrix("_npi_qr", a)
    (a,) = floating(a)
    q, r = np.linalg.qr(a)
    signs = np.where(np.diagonal(r, 0, -2, -1) < 0, -1, 1).astype(a.dtype)
    return q * signs[..., None, :], r * signs[..., :, None]


@qr.gradient
def _(F, g, a, Q, R):
    gq, gr = g
    n, m = a.shape[-2], a.shape[-1]
    if n >= m:
        return in_dtype(F, _into_tall(F, gq, gr, Q, R), a.dtype)
    # the first n columns are a square A1 = Q R1; for the others R2 = Q^T A2
    first = {"begin": (0,), "end": (n,)}
    a2 = F.slice_axis(in_dtype(F, a, gq.dtype), axis=-1, begin=n, end=m)
    gr1, gr2 = (F.slice_axis(gr, axis=-1, begin=i, end=j) for i, j in ((0, n), (n, m)))
    r1 = F.slice_axis(R, axis=-1, begin=first["begin"][0], end=n)
    into_first = _into_tall(F, gq + F._npi_matmul(a2, turned(F, gr2)), gr1, Q, r1)
    return in_dtype(F, F.Concat(into_first, F._npi_matmul(Q, gr2), dim=len(a.shape) - 1), a.dtype)


def _into_tall(F, gq, gr, q, r):
    middle = F._npi_matmul(r, turned(F, gr)) - F._npi_matmul(turned(F, gq), q)
    whole = gq + F._npi_matmul(q, mirrored(F, middle))
    return turned(F, F._npi_solve(r, turned(F, whole)))


# -- eigenvalues -------------------------------------------------------------------------------------------------------

UPLO = Choice("L", "U")


@numpy_operator("_npi_eigh", outputs=("w", "v"), fails=True)
def eigh(A, *, UPLO: UPLO = "L"):
    """Eigenvalues of symmetric matrices, ascending, and eigenvectors as columns with their largest element positive.

    A (..., n, n), of which the lower triangle is read, or the upper one; outputs w (..., n), v (..., n, n)."""
    check_matrix("_npi_eigh", A, square=True)
    (A,) = floating(A)
    w, v = factorize("_npi_eigh", lambda x: np.linalg.eigh(x, UPLO), A, "the eigenvalues did not converge")
    return w, _upright(v)


def _upright(vectors):
    """Columns with the sign for which their largest element is positive."""
    if 0 in vectors.shape or vectors.dtype.kind == "c":
        return vectors
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(-2, keepdims=True), -2)
    return np.where(largest < 0, -vectors, vectors)


@eigh.gradient
def _(F, g, w, v):
    gw, gv = g
    vt = turned(F, v)
    inner = _gaps(F, w) * F._npi_matmul(vt, gv) + _diagonal(F, gw)
    result = F._npi_matmul(F._npi_matmul(v, inner), vt)
    return (result + turned(F, result)) * 0.5


@numpy_operator("_npi_eigvalsh", fails=True)
def eigvalsh(A, *, UPLO: UPLO = "L"):
    """Eigenvalues of symmetric matrices, ascending.

    A (..., n, n), of which the lower triangle is read, or the upper one; output (..., n)."""
    return eigh.forward(A, UPLO=UPLO)[0]


@eigvalsh.gradient
def _(F, g, A, UPLO):
    _, v = F._npi_eigh(in_dtype(F, A, g.dtype), UPLO=UPLO)
    return in_dtype(F, F._npi_matmul(_times(F, v, g), turned(F, v)), A.dtype)


def _eig(name, a):
    check_matrix(name, a, square=True)
    (a,) = floating(a)
    if not np.isfinite(a).all():
        raise ComputeError(f"{name} takes finite numbers, but the array of shape {list(a.shape)} holds others", name)
    w, v = factorize(name, np.linalg.eig, a, "the eigenvalues did not converge")
    if w.dtype.kind == "c" and not w.imag.any():  # from NumPy 2.5 on they are complex numbers in any case
        w, v = w.real.copy(), v.real.copy()
    return a, (w, _upright(v))


def _real(name, a, values):
    if values.dtype.kind == "c":
        raise ComputeError(
            f"{name}: complex eigenvalues are not supported, and an array of shape {list(a.shape)} has them; "
            f"_npi_eig_parts gives their parts",
            name,
            [a.shape],
        )
    return values


@numpy_operator("_npi_eig", outputs=("w", "v"), fails=True)
def eig(A):
    """Eigenvalues of square matrices, and eigenvectors as columns of length 1 with their largest element positive.

    ComputeError where they are complex. A (..., n, n); outputs w (..., n), v (..., n, n)."""
    a, (w, v) = _eig("_npi_eig", A)
    return _real("_npi_eig", a, w), v


@numpy_operator("_npi_eigvals", fails=True)
def eigvals(A):
    """Eigenvalues of square matrices; ComputeError where they are complex.

    A (..., n, n); output (..., n)."""
    a, (w, _) = _eig("_npi_eigvals", A)
    return _real("_npi_eigvals", a, w)


@numpy_operator("_npi_eig_parts", outputs=("real", "imag", "left", "right"), fails=True)
def eig_parts(A, b=None):
    """Eigenvalues in real and imaginary parts, and left and right eigenvectors as columns of length 1; with `b`, those
    of A v = w b v.

    Of a conjugate pair of complex eigenvalues, the first column holds the real part and the second the imaginary part
    of the eigenvector to the first one, as LAPACK has it. A, b (n, n); outputs (n,), (n,), (n, n), (n, n)."""
    name = "_npi_eig_parts"
    check_matrix(name, A, square=True)
    if A.ndim != 2 or (b is not None and b.shape != A.shape):
        raise ShapeError(f"takes one square matrix, and perhaps another of its shape, but got {shown(A)}, in {name}")
    if b is not None:
        A, b = floating(A, b)
        A = factorize(name, lambda x: np.linalg.solve(b, x), A, "b has no inverse")
    a, (w, right) = _eig(name, A)
    left = factorize(name, lambda x: np.linalg.inv(x).conj().T, right, "the matrix has not n eigenvectors")
    left = left / np.linalg.norm(left, axis=0)
    dtype = a.dtype
    return [x.astype(dtype) for x in (w.real, w.imag, _packed(left, w), _packed(right, w))]


def _packed(vectors, w):
    result = vectors.real.copy()
    for i in np.flatnonzero(w.imag > 0):
        result[:, i + 1] = vectors[:, i].imag
    return result

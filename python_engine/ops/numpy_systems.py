"""NumPy's linear systems, least squares and pseudoinverses, for stacks of matrices on the last two axes."""

import math

import numpy as np

from ..attributes import Maybe, Shape
from ..errors import ArgumentError, ShapeError
from .lapack import factorize
from .numpy_common import (
    back_to,
    broadcast_shape,
    check_matrix,
    floating,
    in_dtype,
    numpy_operator,
    shown,
    turned,
)


def _is_vector(a_ndim, b_ndim):
    return b_ndim == a_ndim - 1


@numpy_operator("_npi_solve", fails=True)
def solve(A, B):
    """X with A X = B; ComputeError where a matrix is singular.

    A (..., n, n); B (..., n, k), or a vector (..., n) for each matrix; output: the shape of B."""
    check_matrix("_npi_solve", A, square=True)
    a, b = floating(A, B)
    vector = _is_vector(a.ndim, b.ndim)
    b = b[..., None] if vector else b
    if b.ndim < 2 or b.shape[-2] != a.shape[-1]:
        raise ShapeError(
            f"the right side of {shown(A)} must have {a.shape[-1]} rows, but got {shown(B)}, in _npi_solve"
        )
    broadcast_shape("_npi_solve", *(np.empty(m.shape[:-2]) for m in (a, b)))
    x = factorize("_npi_solve", lambda m: np.linalg.solve(m, b), a, "a matrix has no inverse")
    return x[..., 0] if vector else x


@solve.joint_gradient
def _(F, g, A, B, out, wanted):
    a = in_dtype(F, A, g.dtype)
    vector = _is_vector(len(A.shape), len(B.shape))
    into_b = F._npi_solve(turned(F, a), g)
    results = [None, back_to(F, into_b, B.shape, B.dtype)]
    if wanted[0]:
        x, y = (F._backward_reshape(m, shape=(*m.shape, 1)) if vector else m for m in (out, into_b))
        results[0] = back_to(F, -F._npi_matmul(y, turned(F, x)), A.shape, A.dtype)
    return results


def _eye(F, n, like):
    return F._npi_eye(N=n, dtype=np.dtype(like.dtype).name)


def _pseudoinverse(name, a, rcond, hermitian):
    check_matrix(name, a, square=hermitian)
    (a,) = floating(a)
    if hermitian:
        a = (a + a.swapaxes(-1, -2)) / 2
    return factorize(name, lambda m: np.linalg.pinv(m, rcond, hermitian), a, "the singular values did not converge")


def _into_pseudoinverse(F, g, A, p, hermitian):
    """The gradient by `A` of its pseudoinverse `p`. Source: Golub and Pereyra (1973)."""
    a = in_dtype(F, A, g.dtype)
    if hermitian:
        a = (a + turned(F, a)) / 2
    pt, gt = turned(F, p), turned(F, g)
    result = -F._npi_matmul(F._npi_matmul(pt, g), pt)
    n, m = a.shape[-2], a.shape[-1]
    if n > m:  # else a p is the identity, where the rank is full
        rest = _eye(F, n, p) - F._npi_matmul(a, p)
        result = result + F._npi_matmul(F._npi_matmul(rest, gt), F._npi_matmul(p, pt))
    if m > n:
        rest = _eye(F, m, p) - F._npi_matmul(p, a)
        result = result + F._npi_matmul(F._npi_matmul(pt, p), F._npi_matmul(gt, rest))
    if hermitian:
        result = (result + turned(F, result)) / 2
    return in_dtype(F, result, A.dtype)


@numpy_operator("_npi_pinv", fails=True)
def pinv(A, rcond, *, hermitian: bool = False):
    """Pseudoinverses; singular values below `rcond` times the largest are taken as 0. `hermitian`: of (A + Aᵀ) / 2.

    A (..., n, m); rcond: an array that broadcasts to the leading axes. Output (..., m, n)."""
    check_matrix("_npi_pinv", A)
    leading = A.shape[:-2]
    if rcond.ndim > len(leading) or any(n not in (1, m) for n, m in zip(rcond.shape[::-1], leading[::-1])):
        raise ShapeError(f"rcond of shape {list(rcond.shape)} does not broadcast to {list(leading)}, in _npi_pinv")
    return _pseudoinverse("_npi_pinv", A, rcond, hermitian)


@pinv.gradient("A")
def _(F, g, A, out, hermitian):
    return _into_pseudoinverse(F, g, A, out, hermitian)


@numpy_operator("_npi_pinv_scalar_rcond", fails=True)
def pinv_scalar_rcond(A, *, rcond: float = 1e-15, hermitian: bool = False):
    """Pseudoinverses; singular values below `rcond` times the largest are taken as 0. `hermitian`: of (A + Aᵀ) / 2.

    A (..., n, m); output (..., m, n)."""
    return _pseudoinverse("_npi_pinv_scalar_rcond", A, rcond, hermitian)


@pinv_scalar_rcond.gradient("A")
def _(F, g, A, out, hermitian):
    return _into_pseudoinverse(F, g, A, out, hermitian)


@numpy_operator("_npi_lstsq", outputs=("x", "residuals", "rank", "s"), shape="value", fails=True)
def lstsq(a, b, *, rcond: Maybe(float) = None):
    """The x for which the sum of squares of a x - b is least, of these the shortest.

    a (n, m); b (n,) or (n, k). rcond: singular values below this times the largest are taken as 0; None: the precision
    times the larger dimension. Outputs: x (m,) or (m, k), the sums of squares (k,) where a has full rank and n > m
    (else none), the rank, and the singular values. The gradient flows through x. Source: numpy.linalg.lstsq."""
    check_matrix("_npi_lstsq", a)
    if a.ndim != 2 or b.ndim not in (1, 2) or len(a) != len(b):
        raise ShapeError(
            f"takes a matrix and a vector or matrix with as many rows, but got {shown(a, b)}, in _npi_lstsq"
        )
    a, b = floating(a, b)
    x, residuals, rank, s = factorize("_npi_lstsq", lambda m: np.linalg.lstsq(m, b, rcond), a, "it did not converge")
    return x, residuals, np.array(rank, np.int64), s


@lstsq.joint_gradient
def _(F, g, a, b, rcond, wanted):
    """Through x alone, as p b, where p is the pseudoinverse of `a`."""
    kind = g[0].dtype
    x, y = in_dtype(F, a, kind), in_dtype(F, b, kind)
    cut = np.finfo(np.dtype(kind)).eps * max(a.shape) if rcond is None else rcond
    p = F._npi_pinv_scalar_rcond(x, rcond=float(cut))
    into_b = F._npi_matmul(turned(F, p), g[0])
    into_a = None
    if wanted[0]:
        into_p = F._npi_matmul(g[0], turned(F, y)) if len(b.shape) == 2 else F._npi_outer(g[0], y)
        into_a = in_dtype(F, _into_pseudoinverse(F, into_p, x, p, False), a.dtype)
    return [into_a, in_dtype(F, into_b, b.dtype)]


@numpy_operator("_npi_tensorinv", fails=True)
def tensorinv(a, *, ind: int = 2):
    """The inverse with respect to the product over `ind` axes: of an array whose first `ind` axes are as large together
    as the others.

    Output: the other axes first."""
    if ind < 1:
        raise ArgumentError(f"Invalid ind argument: {ind} is not from 1 on, in operator _npi_tensorinv")
    size = math.prod(a.shape[ind:])
    if math.prod(a.shape[:ind]) != size:
        raise ShapeError(f"an array of shape {list(a.shape)} has no inverse over ind={ind} axes, in _npi_tensorinv")
    (m,) = floating(a)
    inverse = factorize("_npi_tensorinv", np.linalg.inv, m.reshape(size, size), "it has no inverse")
    return inverse.reshape(a.shape[ind:] + a.shape[:ind])


@tensorinv.gradient
def _(F, g, a_shape, a_dtype, out, ind):
    size = math.prod(a_shape[ind:])
    inverse, g = (F._backward_reshape(x, shape=(size, size)) for x in (out, g))
    turned_inverse = turned(F, inverse)
    result = -F._npi_matmul(F._npi_matmul(turned_inverse, g), turned_inverse)
    return in_dtype(F, F._backward_reshape(result, shape=a_shape), a_dtype)


def _moved_behind(ndim, a_axes):
    """The order of axes in which those of `a_axes` come last."""
    axes = [a % ndim for a in a_axes]
    return (*(a for a in range(ndim) if a not in axes), *axes)


@numpy_operator("_npi_tensorsolve", fails=True)
def tensorsolve(a, b, *, a_axes: Shape = ()):
    """The x for which the product of `a` and x over all axes of x is b.

    a_axes: axes of `a` to move behind the others before. Output: the axes of `a` that b has not."""
    for axis in a_axes:
        if not -a.ndim <= axis < a.ndim:
            raise ShapeError(f"axis {axis} of a_axes is out of bounds for {list(a.shape)}, in _npi_tensorsolve")
    if len({axis % a.ndim for axis in a_axes}) != len(a_axes):
        raise ShapeError(f"a_axes={a_axes} names an axis twice, in operator _npi_tensorsolve")
    a, b = floating(a, b)
    a = a.transpose(_moved_behind(a.ndim, a_axes))
    rest = a.shape[b.ndim :]
    size = math.prod(rest)
    if b.size != size or a.size != size * size:
        raise ShapeError(f"{shown(a)} over the axes of x must be as large as {shown(b)}, in operator _npi_tensorsolve")
    x = factorize("_npi_tensorsolve", lambda m: np.linalg.solve(m, b.ravel()), a.reshape(size, size), "no solution")
    return x.reshape(rest)


@tensorsolve.joint_gradient
def _(F, g, a, b, out, a_axes):
    order, size = _moved_behind(len(a.shape), a_axes), math.prod(b.shape)
    moved = F.transpose(in_dtype(F, a, g.dtype), axes=order)
    matrix = F._backward_reshape(moved, shape=(size, size))
    into_b = F._npi_solve(turned(F, matrix), F._backward_reshape(g, shape=(size,)))
    into_a = F._backward_reshape(-F._npi_outer(into_b, out), shape=tuple(a.shape[i] for i in order))
    into_a = F.transpose(into_a, axes=tuple(int(i) for i in np.argsort(order)))
    return [in_dtype(F, into_a, a.dtype), in_dtype(F, F._backward_reshape(into_b, shape=b.shape), b.dtype)]

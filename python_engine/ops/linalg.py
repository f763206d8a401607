"""Products of matrices.

The `_linalg_` operators work on the last two axes of float32 or float64 arrays; the axes before them count matrices
and must agree between inputs. Triangular and diagonal matrices are in triangular.py, factorizations in lapack.py.
"""

import math

import numpy as np

from ..attributes import Choice, Maybe
from ..blas import matmul
from ..errors import ShapeError
from ..inference import from_inputs
from ..registry import operator
from ..sparse import as_stype
from .common import check_same_dtype, normal_axis

STYPE = Maybe(Choice("default", "row_sparse", "csr"))


def shown_shapes(*arrays):
    """The shapes of arrays, for a message."""
    return " and ".join(str(list(x.shape)) for x in arrays) or "none"


def check_matrices(operator_name, *arrays):
    """Refuse what are no float32 or float64 matrices, or stacks of them that do not go together."""
    for x in arrays:
        if x.dtype.char not in "fd":
            raise ShapeError(
                f"This operation only supports 32-bit and 64-bit floating point, but got {x.dtype}, "
                f"in operator {operator_name}"
            )
        if x.ndim < 2 or x.ndim != arrays[0].ndim:
            raise ShapeError(
                f"arrays of the same number of dimensions, 2 or more, are needed, but got shapes "
                f"{shown_shapes(*arrays)}, in operator {operator_name}"
            )
        check_same_dtype(operator_name, arrays[0], x)


def check_square(operator_name, data):
    """Refuse what is no square matrix or stack of them."""
    check_matrices(operator_name, data)
    if not data.shape[-1] == data.shape[-2] > 0:
        raise ShapeError(
            f"the last two dimensions must be equal and not 0, but the shape is {list(data.shape)}, "
            f"in operator {operator_name}"
        )


def swap(F, x):
    """The matrices of `x` transposed."""
    n = len(x.shape)
    return F.transpose(x, axes=(*range(n - 2), n - 1, n - 2))


@operator("dot", "_sparse_dot", shape="dot")
def dot(lhs, rhs, *, transpose_a: bool = False, transpose_b: bool = False, forward_stype: STYPE = None):
    """Product over the last axis of `lhs` and the first of `rhs`; of two vectors, their inner product.

    transpose_a: use the first axis of `lhs` instead, transpose_b: the last axis of `rhs`; a vector stays as it is.
    Output: the axes of `lhs` and then of `rhs` that are left; (1,) for two vectors. float16 is summed in float32.
    forward_stype: the storage type of the output; None: dense, but for some products of csr arrays (sparse_dot.py)."""
    if forward_stype is not None:
        product = dot.forward(lhs, rhs, transpose_a=transpose_a, transpose_b=transpose_b)
        return as_stype(product, forward_stype)
    if lhs.dtype is not rhs.dtype:
        check_same_dtype("dot", lhs, rhs)
    if lhs.dtype.char == "e":
        wide = dot.forward(lhs.astype("f"), rhs.astype("f"), transpose_a=transpose_a, transpose_b=transpose_b)
        return wide.astype("e")
    if lhs.ndim == 2 == rhs.ndim:
        try:
            return matmul(lhs.T if transpose_a else lhs, rhs.T if transpose_b else rhs)
        except ValueError:
            raise _unfit(lhs, rhs, transpose_a, transpose_b) from None
    if lhs.ndim == 1 == rhs.ndim and (transpose_a or transpose_b):
        raise ShapeError(
            f"Cannot transpose vectors: dot got shapes {shown_shapes(lhs, rhs)} with transpose_a={transpose_a}, "
            f"transpose_b={transpose_b}"
        )
    turn_a, turn_b = _turned(lhs.shape, rhs.shape, transpose_a, transpose_b)
    a, b = lhs.reshape(_flat(lhs.shape, turn_a)), rhs.reshape(_flat(rhs.shape, not turn_b))
    a, b = a.T if turn_a else a, b.T if turn_b else b
    if a.shape[1] != b.shape[0]:
        raise _unfit(lhs, rhs, transpose_a, transpose_b)
    left = lhs.shape[1:] if turn_a else lhs.shape[:-1]
    right = rhs.shape[:-1] if turn_b else rhs.shape[1:]
    return matmul(a, b).reshape(left + right or (1,))


def _turned(lhs_shape, rhs_shape, transpose_a, transpose_b):
    """Which factors are transposed: a vector never is."""
    return transpose_a and len(lhs_shape) > 1, transpose_b and len(rhs_shape) > 1


def _flat(shape, first):
    """The shape of an array as a matrix: its first axis against the rest, or the rest against its last."""
    return (shape[0], math.prod(shape[1:])) if first else (math.prod(shape[:-1]), shape[-1])


def _unfit(lhs, rhs, transpose_a, transpose_b):
    return ShapeError(
        f"Check failed: dot shape error: {list(lhs.shape)} X {list(rhs.shape)} with transpose_a={bool(transpose_a)}, "
        f"transpose_b={bool(transpose_b)}: the axes that are summed over must have one length"
    )


def _as(F, x, shape):
    return x if x.shape == shape else F.reshape(x, shape=shape)


@dot.gradient("lhs")
def _(F, g, rhs, lhs_shape, transpose_a, transpose_b):
    turn_a, turn_b = _turned(lhs_shape, rhs.shape, transpose_a, transpose_b)
    a, b = _flat(lhs_shape, turn_a), _flat(rhs.shape, not turn_b)
    g, rhs = _as(F, g, (a[turn_a], b[not turn_b])), _as(F, rhs, b)
    da = F.dot(rhs, g, transpose_a=turn_b, transpose_b=True) if turn_a else F.dot(g, rhs, transpose_b=not turn_b)
    return _as(F, da, lhs_shape)


@dot.gradient("rhs")
def _(F, g, lhs, rhs_shape, transpose_a, transpose_b):
    turn_a, turn_b = _turned(lhs.shape, rhs_shape, transpose_a, transpose_b)
    a, b = _flat(lhs.shape, turn_a), _flat(rhs_shape, not turn_b)
    g, lhs = _as(F, g, (a[turn_a], b[not turn_b])), _as(F, lhs, a)
    db = F.dot(g, lhs, transpose_a=True, transpose_b=turn_a) if turn_b else F.dot(lhs, g, transpose_a=not turn_a)
    return _as(F, db, rhs_shape)


@operator("batch_dot")
def batch_dot(lhs, rhs, *, transpose_a: bool = False, transpose_b: bool = False, forward_stype: STYPE = None):
    """Products of matrices, one for each index of the axes before the last two.

    lhs (..., n, k), rhs (..., k, m) with the same leading axes, one or more; transpose_a, transpose_b: the last two
    axes of that array are swapped first. Output: (..., n, m), dense whatever `forward_stype` says, as in MXNet. float16
    is summed in float32."""
    if lhs.dtype is not rhs.dtype:
        check_same_dtype("batch_dot", lhs, rhs)
    if lhs.ndim < 3 or lhs.ndim != rhs.ndim:
        raise ShapeError(f"batch_dot needs two N-D arrays with N >= 3, but got shapes {shown_shapes(lhs, rhs)}")
    a = lhs.swapaxes(-1, -2) if transpose_a else lhs
    b = rhs.swapaxes(-1, -2) if transpose_b else rhs
    if lhs.shape[:-2] != rhs.shape[:-2] or a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            f"batch_dot shape error: {list(lhs.shape)} X {list(rhs.shape)} with transpose_a={bool(transpose_a)}, "
            f"transpose_b={bool(transpose_b)}: the leading axes and the axis that is summed over must agree"
        )
    return np.matmul(a.astype("f"), b.astype("f")).astype("e") if a.dtype.char == "e" else matmul(a, b)


@batch_dot.gradient("lhs")
def _(F, g, rhs, transpose_a, transpose_b):
    if transpose_a:
        return F.batch_dot(rhs, g, transpose_a=transpose_b, transpose_b=True)
    return F.batch_dot(g, rhs, transpose_b=not transpose_b)


@batch_dot.gradient("rhs")
def _(F, g, lhs, transpose_a, transpose_b):
    if transpose_b:
        return F.batch_dot(g, lhs, transpose_a=True, transpose_b=transpose_a)
    return F.batch_dot(lhs, g, transpose_a=not transpose_a)


@operator("khatri_rao")
def khatri_rao(*args, num_args: int = 0):
    """Column-wise Kronecker product of matrices with the same number of columns.

    Inputs (n1, k), (n2, k), ...; output (n1 * n2 * ..., k). num_args: how many; 0: as many as there are."""
    fits = args and all(x.ndim == 2 and x.shape[1] == args[0].shape[1] for x in args)
    if not fits or num_args not in (0, len(args)):
        raise ShapeError(
            f"khatri_rao needs one or more matrices with the same number of columns (num_args="
            f"{num_args or 'not given'}), but got {shown_shapes(*args)}"
        )
    for x in args:
        check_same_dtype("khatri_rao", args[0], x)
    product = args[0].copy()
    for x in args[1:]:
        product = (product[:, None] * x).reshape(len(product) * len(x), x.shape[1])
    return product


def scaled(alpha, x):
    """alpha * x in the dtype of x."""
    return x if alpha == 1 else x * x.dtype.type(alpha)


def _product(operator_name, A, B, transpose_a, transpose_b, axis):
    check_matrices(operator_name, A, B)
    row = axis + A.ndim if axis < 0 else axis
    if not 0 <= row < A.ndim - 1:
        raise ShapeError(f"Invalid row axis ({axis}) for arrays of {A.ndim} dimensions, in operator {operator_name}")
    a, b = (x if row == A.ndim - 2 else np.moveaxis(x, row, -2) for x in (A, B))
    a = a.swapaxes(-1, -2) if transpose_a else a
    b = b.swapaxes(-1, -2) if transpose_b else b
    if a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            f"matrices of shapes {shown_shapes(A, B)} with transpose_a={bool(transpose_a)}, "
            f"transpose_b={bool(transpose_b)}, axis={axis} cannot be multiplied, in operator {operator_name}"
        )
    product = matmul(a, b)
    return product if row == A.ndim - 2 else np.ascontiguousarray(np.moveaxis(product, -2, row))


@operator("_linalg_gemm2", "linalg_gemm2")
def gemm2(A, B, *, transpose_a: bool = False, transpose_b: bool = False, alpha: float = 1.0, axis: int = -2):
    """alpha * op(A) op(B), where op transposes if transpose_a, transpose_b say so.

    A (..., n, k), B (..., k, m), or transposed; output (..., n, m). axis: where the rows are; the columns are last."""
    return scaled(alpha, _product("_linalg_gemm2", A, B, transpose_a, transpose_b, axis))


def _into_left(F, g, B, transpose_a, transpose_b, alpha, axis):
    if transpose_a:
        return F._linalg_gemm2(B, g, transpose_a=transpose_b, transpose_b=True, alpha=alpha, axis=axis)
    return F._linalg_gemm2(g, B, transpose_b=not transpose_b, alpha=alpha, axis=axis)


def _into_right(F, g, A, transpose_a, transpose_b, alpha, axis):
    if transpose_b:
        return F._linalg_gemm2(g, A, transpose_a=True, transpose_b=transpose_a, alpha=alpha, axis=axis)
    return F._linalg_gemm2(A, g, transpose_a=not transpose_a, alpha=alpha, axis=axis)


gemm2.gradient("A")(_into_left)
gemm2.gradient("B")(_into_right)


@operator("_linalg_gemm", "linalg_gemm")
def gemm(
    A,
    B,
    C,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    beta: float = 1.0,
    axis: int = -2,
):
    """alpha * op(A) op(B) + beta * C, where op transposes if transpose_a, transpose_b say so.

    A (..., n, k), B (..., k, m), or transposed; C and output (..., n, m). axis: where the rows are; the columns are
    last."""
    check_matrices("_linalg_gemm", A, B, C)
    product = scaled(alpha, _product("_linalg_gemm", A, B, transpose_a, transpose_b, axis))
    if C.shape != product.shape:
        raise ShapeError(
            f"C has shape {list(C.shape)}, but the product has {list(product.shape)}, in operator _linalg_gemm"
        )
    product += scaled(beta, C)
    return product


gemm.gradient("A")(_into_left)
gemm.gradient("B")(_into_right)


@gemm.gradient("C")
def _(F, g, beta):
    return g * beta


@operator("_linalg_syrk", "linalg_syrk")
def syrk(A, *, transpose: bool = False, alpha: float = 1.0):
    """alpha * A A^T, or alpha * A^T A with `transpose`.

    A (..., n, m); output (..., n, n), with `transpose` (..., m, m)."""
    check_matrices("_linalg_syrk", A)
    turned = A.swapaxes(-1, -2)
    return scaled(alpha, matmul(turned, A) if transpose else matmul(A, turned))


@syrk.gradient
def _(F, g, A, transpose, alpha):
    both = g + swap(F, g)
    return F._linalg_gemm2(A, both, alpha=alpha) if transpose else F._linalg_gemm2(both, A, alpha=alpha)


def _product_shape(attrs, left, right, *_):
    if min(len(left), len(right)) < 2:
        raise ShapeError(f"matrices have two axes or more, but got shapes {list(left)} and {list(right)}")
    row = normal_axis("_linalg_gemm2", attrs.get("axis", -2), len(left))
    left, right = ((*shape[:row], *shape[row + 1 : -1], shape[row], shape[-1]) for shape in (left, right))
    rows, inner = left[-1 if attrs["transpose_a"] else -2], left[-2 if attrs["transpose_a"] else -1]
    outer, columns = right[-1 if attrs["transpose_b"] else -2], right[-2 if attrs["transpose_b"] else -1]
    if left[:-2] != right[:-2] or (inner and outer and inner != outer):
        raise ShapeError(f"batch_dot shape error: {list(left)} X {list(right)}")
    return (*left[:row], rows, *left[row:-2], columns)


for _row in (batch_dot, gemm2, gemm):
    _row.infers(from_inputs(_product_shape))

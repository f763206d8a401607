"""NumPy's products: of matrices, over chosen axes, by Einstein's convention, of all pairs of elements."""

import math
import string

import numpy as np

from ..attributes import Shape
from ..blas import matmul
from ..errors import ArgumentError, ShapeError
from .numpy_common import back_to, common_dtype, in_dtype, normal_axes, numpy_operator, refuse_bool, shown, turned


def _alike(name, *arrays):
    refuse_bool(name, *arrays)
    dtype = common_dtype(*arrays)
    return [x.astype(dtype, copy=False) for x in arrays]


def _product(function, *arrays):
    """`function` of the arrays; float16 is summed in float32."""
    if arrays[0].dtype.char == "e":
        return function(*[x.astype("f") for x in arrays]).astype("e")
    return function(*arrays)


@numpy_operator("_npi_matmul")
def matmul_(a, b):
    """Products of matrices, one for each index of the axes before the last two, which broadcast.

    A vector is a row on the left and a column on the right. Output: the common dtype."""
    if not a.ndim or not b.ndim:
        raise ShapeError(f"multiplication by scalars is not allowed, but got {shown(a, b)}, in operator _npi_matmul")
    a, b = _alike("_npi_matmul", a, b)
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ShapeError(f"shapes {list(a.shape)} and {list(b.shape)} not aligned, in operator _npi_matmul")
    try:
        return _product(matmul, a, b)
    except ValueError:
        raise ShapeError(f"operands could not be broadcast together: {shown(a, b)}, in operator _npi_matmul") from None


def _as_matrices(F, g, a, b):
    """g, a and b with the axis that a vector lacks; a and b in the dtype of g."""
    a, b = in_dtype(F, a, g.dtype), in_dtype(F, b, g.dtype)
    shape = tuple(g.shape)
    if len(b.shape) == 1:
        shape, b = (*shape, 1), F._backward_reshape(b, shape=(*b.shape, 1))
    if len(a.shape) == 1:
        shape, a = (*shape[:-1], 1, shape[-1]), F._backward_reshape(a, shape=(1, *a.shape))
    return F._backward_reshape(g, shape=shape), a, b


@matmul_.gradient("a")
def _(F, g, a, b, a_shape, a_dtype):
    g, a, b = _as_matrices(F, g, a, b)
    return F._backward_reshape(back_to(F, F._npi_matmul(g, turned(F, b)), a.shape, a_dtype), shape=a_shape)


@matmul_.gradient("b")
def _(F, g, a, b, b_shape, b_dtype):
    g, a, b = _as_matrices(F, g, a, b)
    return F._backward_reshape(back_to(F, F._npi_matmul(turned(F, a), g), b.shape, b_dtype), shape=b_shape)


# -- over chosen axes --------------------------------------------------------------------------------------------------


def _tensordot(name, a, b, a_axes, b_axes):
    a, b = _alike(name, a, b)
    if len(a_axes) != len(b_axes) or any(a.shape[i] != b.shape[j] for i, j in zip(a_axes, b_axes)):
        raise ShapeError(
            f"shape mismatch: axes {list(a_axes)} of {list(a.shape)} and {list(b_axes)} of {list(b.shape)} must have "
            f"the same lengths, in operator {name}"
        )
    return _product(lambda x, y: np.tensordot(x, y, (a_axes, b_axes)), a, b)


def _in_order(name, axes, ndim):
    normal_axes(name, axes, ndim)
    return tuple(a % ndim for a in axes)


def _into_factors(F, g, a, b, a_axes, b_axes):
    """The gradients of both factors of a product over these axes, numbers from 0."""
    x, y = in_dtype(F, a, g.dtype), in_dtype(F, b, g.dtype)
    a_rest = [i for i in range(len(x.shape)) if i not in a_axes]
    b_rest = [i for i in range(len(y.shape)) if i not in b_axes]
    p, q = len(a_rest), len(b_rest)
    into_a = F._npi_tensordot(g, y, a_axes_summed=tuple(range(p, p + q)), b_axes_summed=tuple(b_rest))
    into_b = F._npi_tensordot(x, g, a_axes_summed=tuple(a_rest), b_axes_summed=tuple(range(p)))
    # the first has a's free axes, then b's summed ones in b's order; the second a's summed ones, then b's free ones
    by_b = [a_axes[i] for i in np.argsort(b_axes)] if b_axes else []
    by_a = [b_axes[i] for i in np.argsort(a_axes)] if a_axes else []
    into_a = _permuted(F, into_a, [*a_rest, *by_b])
    into_b = _permuted(F, into_b, [*by_a, *b_rest])
    return [in_dtype(F, into_a, a.dtype), in_dtype(F, into_b, b.dtype)]


def _permuted(F, x, places):
    """`x`, whose i-th axis belongs at places[i]."""
    return F.transpose(x, axes=tuple(int(i) for i in np.argsort(places))) if places else x


@numpy_operator("_npi_tensordot")
def tensordot(a, b, *, a_axes_summed: Shape, b_axes_summed: Shape):
    """Product summed over axes of `a` and the same number of axes of `b`; the others follow each other."""
    name = "_npi_tensordot"
    return _tensordot(name, a, b, _in_order(name, a_axes_summed, a.ndim), _in_order(name, b_axes_summed, b.ndim))


@tensordot.joint_gradient
def _(F, g, a, b, a_axes_summed, b_axes_summed):
    a_axes, b_axes = (tuple(i % len(x.shape) for i in axes) for x, axes in ((a, a_axes_summed), (b, b_axes_summed)))
    return _into_factors(F, g, a, b, a_axes, b_axes)


def _int_axes(name, a_shape, b_shape, axes):
    if not 0 <= axes <= min(len(a_shape), len(b_shape)):
        raise ArgumentError(f"axes={axes} is not from 0 to the axes of {a_shape} and {b_shape}, in operator {name}")
    return tuple(range(len(a_shape) - axes, len(a_shape))), tuple(range(axes))


@numpy_operator("_npi_tensordot_int_axes")
def tensordot_int_axes(a, b, *, axes: int):
    """Product summed over the last `axes` axes of `a` and the first of `b`; with 0, of all pairs of elements."""
    name = "_npi_tensordot_int_axes"
    return _tensordot(name, a, b, *_int_axes(name, a.shape, b.shape, axes))


@tensordot_int_axes.joint_gradient
def _(F, g, a, b, axes):
    return _into_factors(F, g, a, b, *_int_axes("_npi_tensordot_int_axes", a.shape, b.shape, axes))


def _dot_axes(a_ndim, b_ndim):
    """The axes that numpy.dot sums over."""
    return ((), ()) if not a_ndim or not b_ndim else ((a_ndim - 1,), (max(0, b_ndim - 2),))


@numpy_operator("_np_dot")
def dot(a, b):
    """Product over the last axis of `a` and the last but one of `b`, or its only one; a scalar multiplies."""
    return _tensordot("_np_dot", a, b, *_dot_axes(a.ndim, b.ndim))


@dot.joint_gradient
def _(F, g, a, b):
    return _into_factors(F, g, a, b, *_dot_axes(len(a.shape), len(b.shape)))


@numpy_operator("_npi_outer")
def outer(a, b):
    """Each element of `a` times each of `b`, both flattened: (size of a, size of b). Source: numpy.outer."""
    return np.multiply.outer(*[x.ravel() for x in _alike("_npi_outer", a, b)])


@outer.joint_gradient
def _(F, g, a, b):
    flat = [F._backward_reshape(x, shape=(math.prod(x.shape),)) for x in (a, b)]
    into = _into_factors(F, g, *flat, (), ())
    return [F._backward_reshape(x, shape=whole.shape) for x, whole in zip(into, (a, b), strict=True)]


@numpy_operator("_npi_kron")
def kron(a, b):
    """Kronecker product: each element of `a`, in its place, times all of `b`. Source: numpy.kron."""
    return np.kron(*_alike("_npi_kron", a, b))


@kron.joint_gradient
def _(F, g, a, b):
    """Seen as a product of all pairs whose axes were woven together."""
    ndim = max(len(a.shape), len(b.shape))
    wide = [(1,) * (ndim - len(x.shape)) + tuple(x.shape) for x in (a, b)]
    woven = F._backward_reshape(g, shape=tuple(n for pair in zip(*wide, strict=True) for n in pair))
    apart = F.transpose(woven, axes=(*range(0, 2 * ndim, 2), *range(1, 2 * ndim, 2))) if ndim else woven
    full = [F._backward_reshape(x, shape=shape) for x, shape in zip((a, b), wide, strict=True)]
    into = _into_factors(F, apart, *full, (), ())
    return [F._backward_reshape(x, shape=whole.shape) for x, whole in zip(into, (a, b), strict=True)]


# -- Einstein's convention ---------------------------------------------------------------------------------------------


@numpy_operator("_npi_einsum", views=True)
def einsum(*data, num_args: int = 0, subscripts: str = "", optimize: int = 0):
    """Sums of products by Einstein's convention: "ij,jk->ik". Source: numpy.einsum.

    optimize: whether to look for a good order of the products."""
    if not data or num_args not in (0, len(data)):
        raise ArgumentError(f"_npi_einsum takes num_args={num_args} arrays, at least 1, but got {len(data)}")
    arrays = _alike("_npi_einsum", *data)
    inputs, output = _explicit(subscripts, [x.ndim for x in arrays])
    try:
        return _product(lambda *xs: np.einsum(f"{','.join(inputs)}->{output}", *xs, optimize=bool(optimize)), *arrays)
    except ValueError as reason:
        raise ShapeError(f"subscripts {subscripts!r} do not fit {shown(*arrays)}: {reason}, in _npi_einsum") from None


def _explicit(subscripts, ndims):
    """The letters of each operand and of the result, ellipses spelled out from the right."""
    text = subscripts.replace(" ", "")
    left, arrow, output = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ndims):
        raise ArgumentError(
            f"subscripts {subscripts!r} are for {len(inputs)} arrays, but got {len(ndims)}, in _npi_einsum"
        )
    free = [c for c in string.ascii_letters if c not in text]
    most, spelled = 0, []
    for letters, ndim in zip(inputs, ndims, strict=True):
        named = letters.replace("...", "")
        if not named.isalpha() and named or ("..." not in letters and len(named) != ndim) or len(named) > ndim:
            raise ArgumentError(f"subscripts {letters!r} do not fit an array of {ndim} axes, in operator _npi_einsum")
        most = max(most, ndim - len(named))
    for letters, ndim in zip(inputs, ndims, strict=True):
        count = ndim - len(letters.replace("...", ""))
        spelled.append(letters.replace("...", "".join(free[most - count : most])))
    if arrow:
        return spelled, output.replace("...", "".join(free[:most]))
    once = sorted(c for c in set(left) if c.isalpha() and left.count(c) == 1)
    return spelled, "".join(free[:most] + once)


@einsum.gradient
def _(F, g, data, subscripts):
    inputs, output = _explicit(subscripts, [len(x.shape) for x in data])
    values = [in_dtype(F, x, g.dtype) for x in data]
    sizes = {}
    for letters, x in zip(inputs, data, strict=True):
        for letter, n in zip(letters, x.shape, strict=True):
            sizes[letter] = sizes.get(letter, 1) if n == 1 else n
    results = []
    for position, (own, x) in enumerate(zip(inputs, data, strict=True)):
        others = [i for i in range(len(data)) if i != position]
        letters = "".join(dict.fromkeys(own))
        known = set(output).union(*(inputs[i] for i in others))
        reached = "".join(c for c in letters if c in known)
        form = ",".join([output, *(inputs[i] for i in others)]) + "->" + reached
        part = F._npi_einsum(g, *(values[i] for i in others), subscripts=form)
        # letters that stand in this operand alone were summed: their gradient is the same all along
        part = F._backward_reshape(part, shape=tuple(sizes[c] if c in known else 1 for c in letters))
        part = F._npi_broadcast_to(part, shape=tuple(sizes[c] for c in letters))
        lengths = dict(zip(own, x.shape, strict=True))
        part = back_to(F, part, tuple(lengths[c] for c in letters), x.dtype)
        if letters != own:
            part = F._backward_einsum_diagonals(part, subscripts=own, shape=tuple(x.shape))
        results.append(part)
    return results


@numpy_operator("_backward_einsum_diagonals")
def onto_diagonals(data, *, subscripts: str, shape: Shape):
    """Zeros of `shape` with `data` on the diagonals that equal letters name: the transpose of "ii->i"."""
    result = np.zeros(shape, data.dtype)
    np.einsum(f"{subscripts}->{''.join(dict.fromkeys(subscripts))}", result)[...] = data
    return result


@onto_diagonals.gradient
def _(F, g, subscripts):
    return F._npi_einsum(g, subscripts=f"{subscripts}->{''.join(dict.fromkeys(subscripts))}")

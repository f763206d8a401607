"""Covariance and correlation."""

import numpy as np

from ..attributes import DType, Maybe
from ..errors import ShapeError
from .numpy_common import check_vector, in_dtype, numpy_operator, refuse_bool, shown

FLOATS = DType("float16", "float32", "float64")


def _variables(name, m, y, rowvar):
    """The observations as float64: a row for each variable, a column for each observation."""
    rows = []
    for x in (m,) if y is None else (m, y):
        refuse_bool(name, x)
        if x.ndim not in (1, 2):
            raise ShapeError(f"takes a vector or a matrix of observations, but got {shown(x)}, in operator {name}")
        x = np.atleast_2d(x.astype(np.float64))
        rows.append(x if rowvar or (x.shape[0] == 1 and (m if not rows else y).ndim == 1) else x.T)
    if len({x.shape[1] for x in rows}) > 1:
        raise ShapeError(f"takes as many observations in m as in y, but got {shown(m, y)}, in operator {name}")
    return np.concatenate(rows)


def _weights(name, count, fweights, aweights):
    """The weight of each observation, or None."""
    weights = None
    for what, w in (("fweights", fweights), ("aweights", aweights)):
        if w is not None:
            check_vector(name, what, w)
            if len(w) != count:
                raise ShapeError(
                    f"takes a weight for each of {count} observations, but {what} is {shown(w)}, in {name}"
                )
            weights = w.astype(np.float64) * (1 if weights is None else weights)
    return weights


def _divisor(count, aweights, weights, bias, ddof):
    """What the sum of products is divided by, as numpy.cov has it."""
    ddof = (0 if bias else 1) if ddof is None else ddof
    if weights is None:
        return max(0.0, float(count - ddof))
    total = weights.sum()
    if ddof == 0 or aweights is None:
        return max(0.0, float(total - ddof))
    return max(0.0, float(total - ddof * (weights * aweights.astype(np.float64)).sum() / total))


@numpy_operator("_backward_cov_parts", outputs=("centred", "scale"))
def cov_parts(
    m, y=None, fweights=None, aweights=None, *, rowvar: bool = True, bias: bool = False, ddof: Maybe(int) = None
):
    """What a covariance is made of: C = centred (centred * scale)^T. Both float64: (variables, n) and (n,)."""
    name = "_npi_cov"
    x = _variables(name, m, y, rowvar)
    weights = _weights(name, x.shape[1], fweights, aweights)
    middle = np.average(x, 1, weights) if x.size else np.full(len(x), np.nan)
    each = np.ones(x.shape[1]) if weights is None else weights
    return x - middle[:, None], each / _divisor(x.shape[1], aweights, weights, bias, ddof)


cov_parts.no_gradient()


@numpy_operator("_npi_cov")
def cov(
    m,
    y=None,
    fweights=None,
    aweights=None,
    *,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Maybe(int) = None,
    dtype: FLOATS = "float64",
):
    """Covariances of variables, of which each row of `m` holds the observations (each column, with rowvar=False).

    y: more variables. fweights, aweights: how often an observation was made, and how much it counts. ddof: what is
    taken from the number of observations, 1 unless `bias`. Output: (variables, variables), () for one. Source:
    numpy.cov."""
    x, scale = cov_parts.forward(m, y, fweights, aweights, rowvar=rowvar, bias=bias, ddof=ddof)
    return ((x * scale) @ x.T).astype(dtype, copy=False).squeeze()


def _into_observations(F, g, m, y, fweights, aweights, rowvar, bias, ddof):
    """The gradients of both arrays of observations, given that of the matrix (float64). Since the weighted observations
    add up to 0, their mean receives nothing."""
    given = {"fweights": fweights, "aweights": aweights}
    x, scale = _parts(F, m, y, given, rowvar, bias, ddof)
    both = g + F.transpose(g)
    rows = F._npi_matmul(both, x) * scale
    results, first = [], 0
    for array in (m, y):
        if array is None:
            continue
        one = len(array.shape) == 1
        count = 1 if one else array.shape[0 if rowvar else 1]
        part = F._npi_slice(rows, begin=(first,), end=(first + count,))
        part = part if one or rowvar else F.transpose(part)
        results.append(in_dtype(F, F._backward_reshape(part, shape=array.shape), array.dtype))
        first += count
    return results


def _parts(F, m, y, weights, rowvar, bias, ddof):
    """`_backward_cov_parts` in operators that are on the tape where a second derivative is wanted."""
    arrays = [in_dtype(F, x, "float64") for x in (m, y) if x is not None]
    rows = []
    for x in arrays:
        if len(x.shape) == 1:
            rows.append(F._backward_reshape(x, shape=(1, *x.shape)))
        else:
            rows.append(x if rowvar else F.transpose(x))
    x = F.Concat(*rows, dim=0) if len(rows) > 1 else rows[0]
    _, scale = F._backward_cov_parts(
        m, y, weights["fweights"], weights["aweights"], rowvar=rowvar, bias=bias, ddof=ddof
    )
    total = F._np_sum(scale)
    middle = F._np_sum(x * scale, axis=(1,), keepdims=True) / total
    return x - middle, scale


@cov.joint_gradient
def _(F, g, m, y, fweights, aweights, rowvar, bias, ddof):
    count = _count(m, y, rowvar)
    g = F._backward_reshape(in_dtype(F, g, "float64"), shape=(count, count))
    into = _into_observations(F, g, m, y, fweights, aweights, rowvar, bias, ddof)
    return _with_weights(into, y, fweights, aweights)


def _count(m, y, rowvar):
    return sum(1 if len(x.shape) == 1 else x.shape[0 if rowvar else 1] for x in (m, y) if x is not None)


def _with_weights(into, y, fweights, aweights):
    """Gradients for all inputs: weights receive none."""
    into = [into[0], None if y is None else into[1]]
    return [*into, None, None][
        : 4 if aweights is not None else 3 if fweights is not None else 2 if y is not None else 1
    ]


@numpy_operator("_npi_corrcoef")
def corrcoef(m, y=None, *, rowvar: bool = True, dtype: FLOATS = "float64"):
    """Pearson's correlation of variables, from -1 to 1; arguments as in `_npi_cov`.

    Output: (variables, variables), () for one. Source: numpy.corrcoef."""
    c = np.atleast_2d(cov.forward(m, y, rowvar=rowvar))
    spread = np.sqrt(np.diagonal(c))
    return np.clip(c / spread[:, None] / spread, -1, 1).astype(dtype, copy=False).squeeze()


@corrcoef.joint_gradient
def _(F, g, m, y, rowvar):
    count = _count(m, y, rowvar)
    g = F._backward_reshape(in_dtype(F, g, "float64"), shape=(count, count))
    x, scale = _parts(F, m, y, {"fweights": None, "aweights": None}, rowvar, False, None)
    c = F._npi_matmul(x * scale, F.transpose(x))
    own = F._np_diagonal(c)
    inverse = own**-0.5
    column = F._backward_reshape(inverse, shape=(count, 1))
    even = g * column * inverse
    share = F._np_sum((even + F.transpose(even)) * c, axis=(1,)) / own * -0.5
    into = _into_observations(F, even + F._np_diag(share), m, y, None, None, rowvar, False, None)
    return into if y is not None else into[:1]

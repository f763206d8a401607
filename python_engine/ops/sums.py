"""Sums along axes and largest values of rows, several times as fast as NumPy's reductions of short rows.

Sums are products with ones, which BLAS computes. Long ones are summed in parts, and the parts pairwise, so that they
keep their digits. The parts depend on the shape alone (see parallel.py).
"""

import math
from functools import lru_cache

import numpy as np

from ..parallel import FAST_PIECE, in_pieces

LONGEST, MOST = 1 << 12, 1 << 8  # elements of a row, and rows, that BLAS sums one after the other
FEW = 1 << 11  # elements up to which the work is less than what it takes to share it out
ONES = {np.dtype(name): np.ones(LONGEST, name) for name in ("float32", "float64")}


def is_fast(x):
    """True where the functions below can take the array: C order, float32 or float64."""
    return x.dtype in ONES and x.flags.c_contiguous


@lru_cache(maxsize=64)
def _kept_starts(count, length):
    places = np.arange(0, count * length, length)
    places.flags.writeable = False
    return places


def starts(count, length):
    """Where each of `count` rows of a length begins in their memory. Not to be written to."""
    return _kept_starts(count, length) if count <= FEW else np.arange(0, count * length, length)


def row_sums(rows):
    """The sum of each row of a matrix: shape (rows,)."""
    count, length = rows.shape
    if count * length <= FEW and length:
        return rows.dot(ONES[rows.dtype][:length])
    if length > LONGEST:
        whole = length - length % LONGEST
        sums = np.empty((count, whole // LONGEST), rows.dtype)
        for row, into in zip(rows, sums):
            _rows_into(into, row[:whole].reshape(-1, LONGEST))
        return np.add.reduce(sums, 1) + np.matmul(rows[:, whole:], ONES[rows.dtype][: length - whole])
    result = np.empty(count, rows.dtype)
    _rows_into(result, rows)
    return result


def _rows_into(result, rows):
    count, length = rows.shape
    ones = ONES[rows.dtype][:length]
    in_pieces(lambda i, j: np.matmul(rows[i:j], ones, out=result[i:j]), count, length, FAST_PIECE)


def column_sums(rows):
    """The sum of each column of a matrix: shape (columns,)."""
    count, width = rows.shape
    if count <= MOST:
        return ONES[rows.dtype][:count].dot(rows)
    whole = count - count % MOST
    sums = inner_sums(rows[:whole].reshape(-1, MOST, width))
    return np.add.reduce(sums, 0) + np.matmul(ONES[rows.dtype][: count - whole], rows[whole:])


def inner_sums(x):
    """The sum along axis 1 of 3."""
    count, length, width = x.shape
    if length > MOST:
        return np.stack([column_sums(rows) for rows in x])
    if length * width < 128:
        return np.einsum("abc->ac", x)
    result = np.empty((count, width), x.dtype)
    ones = ONES[x.dtype][:length]
    in_pieces(lambda i, j: np.matmul(ones, x[i:j], out=result[i:j]), count, length * width, FAST_PIECE)
    return result


def sum_over(x, axes):
    """The sum over `axes` (numbers from 0, ascending), which stay with length 1, of an array that `is_fast`."""
    axes, shape = list(axes), list(x.shape)
    while axes:
        # axes side by side count as one; the last ones go first, for they leave little to do
        end = axes.pop() + 1
        begin = end - 1
        while axes and axes[-1] == begin - 1:
            begin = axes.pop()
        before, length, after = math.prod(shape[:begin]), math.prod(shape[begin:end]), math.prod(shape[end:])
        if after == 1:
            x = row_sums(x.reshape(before, length))
        elif before == 1:
            x = column_sums(x.reshape(length, after))
        else:
            x = inner_sums(x.reshape(before, length, after))
        shape[begin:end] = [1] * (end - begin)
    return x.reshape(shape)


def row_maxima(rows):
    """The largest value of each row of a matrix in C order, NaN if there is one: shape (rows,)."""
    count, length = rows.shape
    if count * length <= FEW:
        return rows.take(rows.argmax(1) + starts(count, length))
    result = np.empty(count, rows.dtype)

    def work(i, j):
        at = rows[i:j].argmax(1)
        at += np.arange(0, (j - i) * length, length)
        rows[i:j].reshape(-1).take(at, out=result[i:j], mode="clip")

    in_pieces(work, count, length, FAST_PIECE)
    return result

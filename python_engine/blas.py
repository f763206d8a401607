"""Products of matrices, shared between threads of our own; sums of two arrays in place; matrices transposed.

BLAS itself runs on one thread. Its threads wait for each other many times in a product, and without letting go of the
core: where something else computes too, as the client does beside the engine, each of these waits may last as long as
the system lets the other run, and a product takes up to a hundred times as long. Ours meet once, at the end.
"""

import ctypes
import math
from pathlib import Path

import numpy as np

from .parallel import FAST_PIECE, each, in_pieces

SHARED = 4e7  # flops from which on a product is computed in parts; see docs/performance.md for the measurement
LARGE = 4e8  # flops from which on there are twice as many
GRAIN = 16  # rows or columns, that BLAS computes together
FEW = 1 << 14  # elements up to which NumPy adds two arrays sooner than a function of BLAS is called


def _of_openblas(name, *arguments):
    """A function of NumPy's OpenBLAS that returns nothing, "int" among its arguments standing for BLAS's own type; None
    where NumPy has another BLAS."""
    folder = Path(np.__file__).parent
    for path in [*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")]:
        library = ctypes.CDLL(str(path))
        for form, int_ in ("scipy_{}64_", ctypes.c_int64), ("{}64_", ctypes.c_int64), ("{}", ctypes.c_int):
            function = getattr(library, form.format(name), None)
            if function is not None:
                function.argtypes = [int_ if argument == "int" else argument for argument in arguments]
                function.restype = None
                return function
    return None


def _of_floats(name, *arguments):
    """A function of OpenBLAS for each dtype that it has, by its name without the letter."""
    return {
        np.dtype(number): _of_openblas(f"cblas_{letter}{name}", *[number if a == "number" else a for a in arguments])
        for letter, number in (("s", ctypes.c_float), ("d", ctypes.c_double))
    }


_set_num_threads = _of_openblas("openblas_set_num_threads", ctypes.c_int)
if _set_num_threads:  # another BLAS goes by the environment (see __main__.py)
    _set_num_threads(1)
AXPBY = _of_floats("axpby", "int", "number", ctypes.c_void_p, "int", "number", ctypes.c_void_p, "int")
OMATCOPY = _of_floats(
    "omatcopy", ctypes.c_int, ctypes.c_int, "int", "int", "number", ctypes.c_void_p, "int", ctypes.c_void_p, "int"
)
ROW_MAJOR, TRANSPOSED = 101, 112  # as CBLAS numbers them


def axpby(a, x, b, y):
    """y = a * x + b * y, in place, for numbers and arrays of one shape and floating dtype: in one pass over memory."""
    function = AXPBY.get(y.dtype) if y.size > FEW and x.shape == y.shape and x.dtype == y.dtype else None
    # BLAS takes 0 times NaN for 0
    if not function or not a or not b or not (x.flags.c_contiguous and y.flags.c_contiguous):
        x = x.copy() if x is y else x
        if b != 1:
            y *= b
        y += x if a == 1 else a * x
        return
    step, to, by = y.itemsize, y.ctypes.data, x.ctypes.data
    in_pieces(lambda i, j: function(j - i, a, by + i * step, 1, b, to + i * step, 1), y.size, piece=FAST_PIECE)


def matmul(a, b, out=None):
    """`a @ b` for arrays of at least one dimension; a large one in parts, on all cores."""
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2] or _flops(a, b) < SHARED:
        return np.matmul(a, b, out=out)
    if out is None:
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = np.empty((*lead, a.shape[-2], b.shape[-1]), np.result_type(a, b))
    matmuls((a, b, out))
    return out


def matmul_for(a, b):
    """The function that multiplies arrays of these shapes, `matmul` or NumPy's own: for loops over small products."""
    return np.matmul if _flops(a, b) < SHARED else matmul


def matmuls(*products):
    """`np.matmul(a, b, out=out)` for each (a, b, out), of two dimensions or more; large ones in parts, on all cores."""
    flops = sum(_flops(a, b) for a, b, _ in products)
    if flops < SHARED:
        for a, b, out in products:
            np.matmul(a, b, out=out)
        return
    count = 4 if flops < LARGE else 8
    parts = [part for product in products for part in _parts(*product, count)]
    each(lambda part: np.matmul(part[0], part[1], out=part[2]), parts)


def _flops(a, b):
    return 2.0 * max(a.size * b.shape[-1], b.size * a.shape[-2])


def _parts(a, b, out, count):
    """About `count` products that make up one."""
    if out.ndim > 2 and len(out) >= count:
        return [(_part(a, i, out.ndim), _part(b, i, out.ndim), out[i]) for i in _ranges(len(out), count)]
    return [(a[..., i, :], b[..., j], out[..., i, j]) for i, j in _grid(out.shape[-2], out.shape[-1], count)]


def _part(x, batch, ndim):
    """Those of a batch that are factors of a part of a result with `ndim` axes: all, where they are factors of each."""
    return x[batch] if x.ndim == ndim and len(x) > 1 else x


def _ranges(length, count, grain=1):
    step = math.ceil(length / count / grain) * grain
    return [slice(i, min(i + step, length)) for i in range(0, length, step)]


def _grid(rows, columns, count):
    """Slices of rows and columns that make about `count` parts, nearly square, of a product. They depend on its size
    alone, so that results are the same bits on any number of cores."""
    down = 1
    while 2 * down <= count and rows / down > columns / (count // down):
        down *= 2
    return [(i, j) for i in _ranges(rows, down, GRAIN) for j in _ranges(columns, count // down, GRAIN)]


def transposed(x):
    """A matrix, or each of several, transposed in C order. NumPy takes five times as long as BLAS."""
    function = OMATCOPY.get(x.dtype) if x.size > FEW else None
    if not function or not x.flags.c_contiguous:
        return np.ascontiguousarray(x.swapaxes(-1, -2))
    rows, columns = x.shape[-2:]
    out = np.empty((*x.shape[:-2], columns, rows), x.dtype)
    for start in range(0, x.nbytes, rows * columns * x.itemsize):
        function(ROW_MAJOR, TRANSPOSED, rows, columns, 1, x.ctypes.data + start, columns, out.ctypes.data + start, rows)
    return out


def matmul_transposed(a, b):
    """`a @ b.T` for matrices. With few rows against many columns OpenBLAS computes the transposed product faster, up to
    twice, though that has to be transposed then."""
    if 2 <= len(a) <= 64 and b.size >= 1 << 16 and len(b) > len(a):
        return transposed(matmul(b, a.T))
    return matmul(a, b.T)

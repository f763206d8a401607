"""Products of matrices, shared between threads of our own; sums of two arrays in place; matrices transposed.

BLAS itself runs on one thread. Its threads wait for each other many times in a product, and without letting go of the
core: where something else computes too, as the client does beside the engine, each of these waits may last as long as
the system lets the other run, and a product takes up to a hundred times as long. Ours meet once, at the end.
"""

import ctypes
import itertools
import math
from pathlib import Path

import numpy as np

from .parallel import FAST_PIECE, each, in_pieces, ranges

SHARED = 4e7  # flops from which on a product is computed in parts; see docs/performance.md for the measurement
LARGE = 4e8  # flops from which on there are twice as many
GRAIN = 16  # rows or columns, that BLAS computes together
FEW = 1 << 14  # elements up to which NumPy adds two arrays sooner than a function of BLAS is called
SMALL = 10**6  # multiplications up to which some kernels compute a product without copying its factors before
SMALL_TURNED = 1200  # elements of the result up to which they do so for a C-ordered matrix by one in Fortran's order
LINE = 64  # bytes
SMALL_RESULT = 1 << 13  # elements up to which writing them twice takes no time
TINY = 1 << 18  # multiplications up to which there is nothing to gain
LEAST = {"f": 4, "d": 16}  # rows or columns of a transposed factor from which on blocks gain
TURNED_COLUMNS = 256  # columns of the result from which on transposing the first factor pays
LONG = 512  # terms of a sum
FEW_ROWS, MANY_ROWS = 32, 128  # up to which copying costs most, and from which on it does not matter


def _of_openblas(name, *arguments, result=None):
    """A function of NumPy's OpenBLAS, "int" among its arguments standing for BLAS's own type; None where NumPy has
    another BLAS."""
    folder = Path(np.__file__).parent
    for path in [*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")]:
        library = ctypes.CDLL(str(path))
        for form, int_ in ("scipy_{}64_", ctypes.c_int64), ("{}64_", ctypes.c_int64), ("{}", ctypes.c_int):
            function = getattr(library, form.format(name), None)
            if function is not None:
                function.argtypes = [int_ if argument == "int" else argument for argument in arguments]
                function.restype = result
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
_core_name = _of_openblas("openblas_get_corename", result=ctypes.c_char_p)
CORE = _core_name().decode() if _core_name else ""  # whose kernels OpenBLAS computes with
HAS_SMALL_KERNELS = CORE in ("SkylakeX", "Cooperlake", "SapphireRapids")
ROW_MAJOR, TRANSPOSED = 101, 112  # as CBLAS numbers them


def _address(x):
    """Where the memory of an array in C order, with elements, begins. (`ctypes.data` takes four times as long.)"""
    return ctypes.addressof(ctypes.c_char.from_buffer(x)) if x.flags.writeable else x.ctypes.data


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
    step, to, by = y.itemsize, _address(y), _address(x)
    in_pieces(lambda i, j: function(j - i, a, by + i * step, 1, b, to + i * step, 1), y.size, piece=FAST_PIECE)


def matmul(a, b, out=None):
    """`a @ b` for arrays of at least one dimension; a large one in parts, on all cores."""
    if out is None and a.ndim == 2 == b.ndim:
        size = a.size * b.shape[1]
        if size <= TINY or (size <= SMALL and b.flags.c_contiguous):
            return _product(a, b)
        width, turned = _block(a, b) if HAS_SMALL_KERNELS else (0, False)
        if width:
            return _in_blocks(transposed(a).T if turned else a, b, width)
        if 1 < len(a) <= GRAIN and not HAS_SMALL_KERNELS and b.flags.f_contiguous and _flops(a, b) < SHARED:
            return transposed(_product(b.T, a.T))  # up to a quarter faster
        if 2 * size < SHARED:
            return _product(a, b)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2] or _flops(a, b) < SHARED:
        return np.matmul(a, b, out=out)
    if out is None:
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = np.empty((*lead, a.shape[-2], b.shape[-1]), np.result_type(a, b))
    matmuls((a, b, out))
    return out


def _product(a, b):
    """`a @ b`, two matrices, as a whole. NumPy's `dot` begins half a microsecond sooner, but fills its result first."""
    return a.dot(b) if len(a) * b.shape[1] <= SMALL_RESULT else np.matmul(a, b)


def _block(a, b):
    """How many columns of `b` to take at a time, so that small kernels compute `a @ b`, and whether `a` should be in
    Fortran's order for that. (0, False) where the whole is as fast; see docs/performance.md for the measurement."""
    rows, columns, size = len(a), b.shape[1], a.size * b.shape[1]
    if rows == 1 or a.shape[1] != len(b) or a.dtype != b.dtype or a.dtype.char not in "fd":
        return 0, False
    if not a.flags.c_contiguous:
        fit = a.flags.f_contiguous and b.flags.c_contiguous and min(a.shape) >= LEAST[a.dtype.char]
        width = 64 if 64 * a.size <= SMALL else 32 if len(b) <= FEW_ROWS else 0
        return (width if fit and size > SMALL >= width * a.size else 0), False
    if rows > MANY_ROWS:
        return 0, False
    if b.flags.c_contiguous:
        return (64, False) if rows <= FEW_ROWS and size > SMALL >= 64 * a.size else (0, False)
    if not b.flags.f_contiguous or (size <= SMALL and rows * columns <= SMALL_TURNED):
        return 0, False
    most = min(32, SMALL // a.size)
    if FEW_ROWS <= rows <= 2 * FEW_ROWS and size <= SMALL:
        return columns, True
    if rows % FEW_ROWS == 0 and columns >= TURNED_COLUMNS and size > 1.5 * SMALL:
        return most & ~3, True
    gains = rows <= 2 * FEW_ROWS or a.shape[1] >= LONG
    return (min(most, SMALL_TURNED // rows) & ~3 if gains else 0), False


def _in_blocks(a, b, width):
    """`a @ b`, computed `width` columns at a time."""
    rows, columns = len(a), b.shape[1]
    if width == columns:
        return _product(a, b)
    out = np.empty((rows, columns), a.dtype)
    whole = columns - columns % width
    matmul(a, *[x[:, :whole].reshape(len(x), -1, width).swapaxes(0, 1) for x in (b, out)])
    if whole < columns:
        np.matmul(a, b[:, whole:], out=out[:, whole:])
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
        return [(_part(a, i, out.ndim), _part(b, i, out.ndim), out[i]) for i in ranges(len(out), count)]
    return [(a[..., i, :], b[..., j], out[..., i, j]) for i, j in _grid(out.shape[-2], out.shape[-1], count)]


def _part(x, batch, ndim):
    """Those of a batch that are factors of a part of a result with `ndim` axes: all, where they are factors of each."""
    return x[batch] if x.ndim == ndim and len(x) > 1 else x


def _grid(rows, columns, count):
    """Slices of rows and columns that make about `count` parts, nearly square, of a product. They depend on its size
    alone, so that results are the same bits on any number of cores."""
    down = 1
    while 2 * down <= count and rows / down > columns / (count // down):
        down *= 2
    return [(i, j) for i in ranges(rows, down, GRAIN) for j in ranges(columns, count // down, GRAIN)]


def aligned(dtype, *shapes):
    """A new array for each shape, which begins with a line of the cache, as NumPy's own may or may not: small products
    and elementwise loops take up to a tenth less time there."""
    size = np.dtype(dtype).itemsize
    sizes = [-(-math.prod(shape) * size // LINE) * LINE for shape in shapes]
    memory = np.empty(sum(sizes) + LINE, np.uint8)
    starts = itertools.accumulate(sizes, initial=-_address(memory) % LINE)
    return [np.ndarray(shape, dtype, memory, start) for shape, start in zip(shapes, starts)]


def on_line(x):
    """An array's values in one that is aligned: itself, if it is."""
    if x.size and x.flags.c_contiguous and _address(x) % LINE == 0:
        return x
    (copy,) = aligned(x.dtype, x.shape)
    copy[...] = x
    return copy


def transposed(x):
    """A matrix, or each of several, transposed in C order. NumPy takes five times as long as BLAS."""
    function = OMATCOPY.get(x.dtype) if x.size > FEW else None
    if not function or not x.flags.c_contiguous:
        return np.ascontiguousarray(x.swapaxes(-1, -2))
    rows, columns = x.shape[-2:]
    (out,) = aligned(x.dtype, (*x.shape[:-2], columns, rows))
    by, to = _address(x), _address(out)
    for start in range(0, x.nbytes, rows * columns * x.itemsize):
        function(ROW_MAJOR, TRANSPOSED, rows, columns, 1, by + start, columns, to + start, rows)
    return out

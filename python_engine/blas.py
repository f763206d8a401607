"""Products of matrices, with as many BLAS threads as their size deserves.

The client computes while the engine does: a second BLAS thread beside a busy Perl waits for a core, and halves the
speed of small networks. So a product below THREADED flops runs on one thread, and a larger one on all cores.
"""

import ctypes
from pathlib import Path

import numpy as np

from .parallel import CORES

THREADED = 3e7  # flops; see docs/performance.md for the measurement


def _setter():
    """The function of NumPy's OpenBLAS that sets its number of threads, or None for another BLAS."""
    folder = Path(np.__file__).parent
    for path in [*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")]:
        library = ctypes.CDLL(str(path))
        for name in ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads"):
            if hasattr(library, name):
                return getattr(library, name)
    return None


_set_threads = _setter()
_threads = 0


def use_threads(count):
    """Let BLAS use `count` threads from now on; where BLAS is not OpenBLAS, its own choice stays."""
    global _threads
    if count != _threads and _set_threads is not None:
        _set_threads(count)
        _threads = count


def use_threads_for(flops):
    """Let BLAS use one thread or all of them, by the size of the products that follow."""
    use_threads(CORES if flops >= THREADED else 1)


def matmul(a, b, out=None):
    """`a @ b` for arrays of at least one dimension, on one thread or all of them by size."""
    use_threads(CORES if 2.0 * a.size * b.shape[-1] >= THREADED else 1)
    return np.matmul(a, b, out=out)


def matmul_transposed(a, b):
    """`a @ b.T` for matrices. With few rows against many columns OpenBLAS computes the transposed product faster, up to
    twice, though that has to be transposed then."""
    if 2 <= len(a) <= 64 and b.size >= 1 << 16 and len(b) > len(a):
        return np.ascontiguousarray(matmul(b, a.T).T)
    return matmul(a, b.T)

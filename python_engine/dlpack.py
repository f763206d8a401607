"""Arrays in the memory of other libraries' arrays, and theirs in ours, by the DLPack protocol.

Source: https://dmlc.github.io/dlpack/latest/python_spec.html, and mx.nd.from_dlpack.
"""

import numpy as np

from .errors import ArgumentError
from .methods import dtype_name
from .ndarray import NDArray


class _Capsule:
    """What NumPy takes a capsule from."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, **_options):
        return self.capsule

    def __dlpack_device__(self):
        return 1, 0  # the CPU; if it is not, the capsule tells


class _Writable:
    """A capsule of this form cannot tell whether its memory may be written to, so NumPy takes it for read-only."""

    def __init__(self, array):
        self.array = array  # which holds the memory
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}


def from_dlpack(dlpack):
    """An NDArray in the memory of another library's array, on the CPU: each sees what the other writes.

    dlpack: an array with the method `__dlpack__`, as PyTorch's, JAX's and NumPy's are, or a capsule that it or
    `to_dlpack_for_read` has returned, which can be taken once. In C order, of a dtype that an NDArray can have.
    ArgumentError (a ValueError) otherwise."""
    try:
        capsule = dlpack.__dlpack__() if hasattr(dlpack, "__dlpack__") else dlpack
        array = np.from_dlpack(_Capsule(capsule))
    except (ValueError, TypeError, RuntimeError, BufferError) as reason:
        raise ArgumentError(
            "from_dlpack takes an array with __dlpack__, on the CPU and writable, or a capsule that is not taken yet, "
            f"but got {dlpack!r:.80}: {reason}"
        ) from None
    dtype_name(array.dtype)
    if not array.flags.c_contiguous:
        raise ArgumentError(f"from_dlpack takes memory in C order, but got strides {array.strides} of {array.shape}")
    return NDArray(np.atleast_1d(np.asarray(_Writable(array))))


def to_dlpack_for_read(data):
    """`data.to_dlpack_for_read()`."""
    return data.to_dlpack_for_read()


def to_dlpack_for_write(data):
    """`data.to_dlpack_for_write()`."""
    return data.to_dlpack_for_write()

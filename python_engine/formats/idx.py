"""idx files, which MNIST comes in: a head that tells type and dimensions, and the elements, all in big-endian order."""

import math
import os
import struct

import numpy as np

from ..errors import MXNetError

# the code of a type: as it lies in the file, and the dtype that MXNet has for it
TYPES = {
    8: ("u1", "uint8"),
    9: ("i1", "int8"),
    11: (">i2", "int32"),
    12: (">i4", "int32"),
    13: (">f4", "float32"),
    14: (">f8", "float64"),
}


def load(path):
    """The array in a file, which may be packed with gzip."""
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            content = file.read()
        if packed:
            import gzip  # seldom needed, and the engine is to start fast

            content = gzip.decompress(content)
    except (OSError, EOFError) as reason:
        known = isinstance(reason, OSError) and reason.errno
        raise MXNetError(f"cannot read {path}: {os.strerror(reason.errno) if known else reason}") from None
    zeros, code, ndim = struct.unpack(">HBB", content[:4].ljust(4, b"\xff"))
    if zeros or code not in TYPES or len(content) < 4 + 4 * ndim:
        raise MXNetError(f"{path} is no idx file: it begins with the bytes {content[:4].hex(' ')}")
    stored, dtype = TYPES[code]
    shape = struct.unpack(f">{ndim}I", content[4 : 4 + 4 * ndim])
    size, left = math.prod(shape) * np.dtype(stored).itemsize, len(content) - 4 - 4 * ndim
    if size != left:
        raise MXNetError(
            f"{path}: an idx file of shape {list(shape)} has {size} bytes of elements, but this has {left}"
        )
    return np.frombuffer(content, stored, offset=4 + 4 * ndim).reshape(shape or (1,)).astype(dtype)

"""MXNet's `.params` files: a list of arrays, dense or sparse, with or without names.

The layout is that of MXNet 1.x, `NDArray::Save` and `NDArray::Load` of `src/ndarray/ndarray.cc`. All is little-endian:

    file     u64 0x112, u64 reserved, u64 n, n arrays, u64 m (0 or n), m names
    name     u64 length, UTF-8 bytes
    array    u32 magic, i32 storage type, [storage shape if sparse], shape, context, i32 dtype,
             [i32 dtype and shape of each index array if sparse], data, [index arrays if sparse]
    shape    i32 ndim, i64 each dimension, whether or not MXNet was built for large tensors
    context  i32 device type, i32 device number: where the array lived; ignored on reading, cpu(0) on writing

    magic       format
    0xF993FAC9  V2, of MXNet 1.0 and later: the one written here
    0xF993FACA  V3, the same under NumPy shape semantics
    0xF993FAC8  V1: u32 magic, shape, context, i32 dtype, data
    any other   older still: it is a u32 ndim, followed by u32 dimensions, context, i32 dtype, data

A value is a numpy array, a `RowSparse` or a `Csr`. Like MXNet, reading ignores the reserved word and whatever
follows the last name, and of two arrays with one name keeps the later. Entries of a csr array beyond `indptr[-1]`
belong to no row; they are dropped.

A 0-d array is written in V2 as MXNet 1.9.1 writes it. MXNet takes that for an array of unknown shape and cannot
load the file; here it is read back, as no MXNet could write an array of unknown shape in V2.
"""

import errno
import io
import math
import os
import secrets
import stat
import struct
from contextlib import suppress

import numpy as np

from ..sparse import STYPES, Csr, RowSparse, Sparse

DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")  # position = MXNet's type flag

LIST_MAGIC = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
DENSE, ROW_SPARSE, CSR = range(len(STYPES))
CPU_0 = struct.pack("<ii", 1, 0)

MAX_NDIM = 32  # numpy 1's limit, and so the limit of what MXNet's own Python can see
MAX_ELEMENTS = 2**60 - 1  # beyond it numpy cannot address eight-byte elements


class ParamsError(ValueError):
    """Bytes that are no `.params` file, or a value that such a file cannot hold."""


def dumps(arrays):
    """The bytes that MXNet 1.9.1's `mx.nd.save` writes for `arrays`, a list of values or a dict of name to value.

    Raises TypeError for anything else, ParamsError for a dtype, shape, name or sparse structure that cannot be stored.
    """
    return b"".join(_file_chunks(arrays))


def loads(data):
    """The values in `data`, the content of a `.params` file: a dict if they are named, else a list.

    Arrays own their memory and are writable. Raises ParamsError for anything malformed.
    """
    return _read_file(_Reader(io.BytesIO(data), "params data"))


def save(path, arrays):
    """Write `arrays` as `dumps` does, so that `path` is at any moment either the old file or the whole new one.

    A file that is replaced keeps its permissions, a new one gets those of the umask. A symbolic link stays one. Raises
    what `dumps` raises, and OSError; then the old file is intact.
    """
    target = os.path.realpath(os.fsdecode(path))
    try:
        old_mode = os.stat(target).st_mode
    except FileNotFoundError:
        old_mode = None
    if old_mode is not None and not stat.S_ISREG(old_mode):
        raise OSError(errno.EINVAL, "cannot save: not a regular file", target)
    temporary = os.path.join(os.path.dirname(target), f".params-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            if old_mode is not None:
                os.chmod(temporary, stat.S_IMODE(old_mode))
            file.writelines(_file_chunks(arrays))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def load(path):
    """The values in the file `path`, as `loads` gives them. Raises OSError, and ParamsError naming the file."""
    name = os.fsdecode(path)  # before `open`, to which a number is an open file
    with open(path, "rb") as file:
        return _read_file(_Reader(file, name))


# Writing: chunks are bytes or contiguous arrays, so that saving needs no second copy of the data.


def _file_chunks(arrays):
    if isinstance(arrays, dict):
        labels = [f"array {name!r}" for name in arrays]
        names, values = [_encode_name(name) for name in arrays], list(arrays.values())
    elif isinstance(arrays, list | tuple):
        labels = [f"array {i}" for i in range(len(arrays))]
        names, values = [], arrays
    else:
        raise TypeError(f"params: expected a list of arrays or a dict of name to array, found {type(arrays).__name__}")
    yield struct.pack("<QQQ", LIST_MAGIC, 0, len(values))
    for label, value in zip(labels, values, strict=True):
        yield from _value_chunks(label, value)
    yield struct.pack("<Q", len(names))
    for name in names:
        yield struct.pack("<Q", len(name)) + name


def _value_chunks(label, value):
    if isinstance(value, np.ndarray):
        storage, data, index_arrays = DENSE, value, []
    elif isinstance(value, Sparse):
        storage, (data, *index_arrays) = STYPES.index(value.stype), value.parts()
    else:
        found = type(value).__name__
        raise TypeError(f"params: {label}: expected a numpy array, a RowSparse or a Csr, found {found}")
    for array in [data, *index_arrays]:
        if not isinstance(array, np.ndarray):
            raise TypeError(f"params: {label}: expected sparse parts that are numpy arrays, found {array!r:.80}")
        if array.dtype.name not in DTYPES:
            raise ParamsError(f"params: {label}: expected a dtype among {', '.join(DTYPES)}; found {array.dtype}")
    if len(value.shape) > MAX_NDIM:
        raise ParamsError(f"params: {label}: expected at most {MAX_NDIM} dimensions, found {len(value.shape)}")
    if storage != DENSE and (fault := value.fault()):
        raise ParamsError(f"params: {label}: {fault}")

    header = [struct.pack("<Ii", V2, storage)]
    if storage != DENSE:
        header.append(_pack_shape(data.shape))
    header += [_pack_shape(value.shape), CPU_0, _pack_dtype(data)]
    for array in index_arrays:
        header += [_pack_dtype(array), _pack_shape(array.shape)]
    yield b"".join(header)
    for array in [data, *index_arrays]:
        yield np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _pack_shape(shape):
    return struct.pack(f"<i{len(shape)}q", len(shape), *shape)


def _pack_dtype(array):
    return struct.pack("<i", DTYPES.index(array.dtype.name))


def _encode_name(name):
    if not isinstance(name, str):
        raise TypeError(f"params: expected names that are str, found {name!r}")
    try:
        encoded = name.encode()
    except UnicodeEncodeError as error:
        raise ParamsError(f"params: expected a name that UTF-8 can encode, found {name!r}") from error
    if b"\0" in encoded:
        raise ParamsError(f"params: expected a name without NUL, at which MXNet would cut it, found {name!r}")
    return encoded


# Reading


class _Reader:
    """A seekable stream that is read in order; nothing is allocated before the stream is known to hold it."""

    def __init__(self, stream, source):
        self.stream, self.source = stream, source
        self.size = stream.seek(0, os.SEEK_END)
        self.offset = stream.seek(0)

    def error(self, offset, message):
        return ParamsError(f"{self.source}: at byte {offset}: {message}")

    def need(self, count, what):
        left = self.size - self.offset
        if count > left:
            raise self.error(self.offset, f"truncated: expected {count} bytes of {what}, found {left}")

    def bytes(self, count, what):
        self.need(count, what)
        data = self.stream.read(count)
        if len(data) != count:
            raise self.error(self.offset, f"the file shrank: expected {count} bytes of {what}, found {len(data)}")
        self.offset += count
        return data

    def integers(self, form, what):
        return struct.unpack("<" + form, self.bytes(struct.calcsize("<" + form), what))

    def shape(self, what):
        (ndim,) = self.integers("i", f"ndim of {what}")
        return self.dimensions(ndim, "q", what)

    def dimensions(self, ndim, kind, what):
        start = self.offset
        if not 0 <= ndim <= MAX_NDIM:
            raise self.error(start - 4, f"expected an ndim of {what} from 0 to {MAX_NDIM}, found {ndim}")
        shape = self.integers(kind * ndim, f"dimensions of {what}")
        if any(dim < 0 for dim in shape):
            raise self.error(start, f"expected known dimensions of {what}, found {shape}")
        if math.prod(dim or 1 for dim in shape) > MAX_ELEMENTS:
            raise self.error(start, f"expected at most {MAX_ELEMENTS} elements in {what}, found shape {shape}")
        return shape

    def dtype(self, what):
        (code,) = self.integers("i", f"dtype of {what}")
        if not 0 <= code < len(DTYPES):
            known = ", ".join(f"{i} {name}" for i, name in enumerate(DTYPES))
            raise self.error(self.offset - 4, f"expected a dtype of {what} among {known}; found {code}")
        return DTYPES[code]

    def array(self, shape, dtype, what):
        # Any nonzero byte is true in MXNet; numpy's bool may hold only 0 and 1.
        stored = np.dtype("uint8" if dtype == "bool" else dtype).newbyteorder("<")
        count = math.prod(shape) * stored.itemsize
        self.need(count, f"{what}, {dtype} of shape {shape}")
        array = np.empty(shape, stored)
        found = self.stream.readinto(array)
        if found != count:
            raise self.error(self.offset, f"the file shrank: expected {count} bytes of {what}, found {found}")
        self.offset += count
        return array.astype(dtype, copy=False)


def _read_file(reader):
    magic, _reserved, count = reader.integers("QQQ", "list header")
    if magic != LIST_MAGIC:
        raise reader.error(0, f"not a .params file: expected list magic {LIST_MAGIC:#x}, found {magic:#x}")
    values = []
    while len(values) < count:
        values.append(_read_value(reader, f"array {len(values)} of {count}"))

    (name_count,) = reader.integers("Q", "number of names")
    if name_count not in (0, count):
        raise reader.error(reader.offset - 8, f"expected no names or {count}, found {name_count}")
    if name_count == 0:
        return values
    names = [_read_name(reader, f"name {i} of {count}") for i in range(count)]
    return dict(zip(names, values, strict=True))


def _read_name(reader, what):
    (length,) = reader.integers("Q", f"length of {what}")
    start = reader.offset
    name = reader.bytes(length, what)
    try:
        decoded = name.decode()
    except UnicodeDecodeError as error:
        raise reader.error(start, f"expected UTF-8 in {what}, found {name[:80]!r}") from error
    if "\0" in decoded:
        raise reader.error(start, f"expected no NUL in {what}, found {name[:80]!r}")
    return decoded


def _read_value(reader, what):
    start = reader.offset
    (magic,) = reader.integers("I", f"magic of {what}")
    if magic in (V2, V3):
        return _read_current(reader, what)
    return _read_old(reader, magic, start, what)


def _read_current(reader, what):
    start = reader.offset
    (storage,) = reader.integers("i", f"storage type of {what}")
    if storage not in (DENSE, ROW_SPARSE, CSR):
        message = f"expected a storage type of {what} among 0 default, 1 row_sparse, 2 csr; found {storage}"
        raise reader.error(start, message)
    if storage == DENSE:
        shape = reader.shape(what)
        return _read_dense(reader, shape, what)

    data_shape = reader.shape(f"data of {what}")
    shape = reader.shape(what)
    reader.bytes(len(CPU_0), f"context of {what}")
    dtype = reader.dtype(what)
    index_names = [f"{name} of {what}" for name in (("indices",) if storage == ROW_SPARSE else ("indptr", "indices"))]
    index_types = [(reader.dtype(name), reader.shape(name)) for name in index_names]
    if not math.prod(data_shape):
        # MXNet may write the shape of data that it has not computed yet; it is told by that of the indices
        stored = index_types[-1][1]
        data_shape = stored + shape[1:] if storage == ROW_SPARSE else stored
    data = reader.array(data_shape, dtype, f"data of {what}")
    indices = [
        reader.array(index_shape, index_dtype, name)
        for name, (index_dtype, index_shape) in zip(index_names, index_types, strict=True)
    ]
    value = RowSparse(data, *indices, shape) if storage == ROW_SPARSE else Csr(data, *indices, shape)
    if fault := value.fault():
        raise reader.error(start, f"{what}: {fault}")
    return value if storage == ROW_SPARSE else _without_slack(value)


def _without_slack(csr):
    # Some operators of MXNet (csr - csr) leave uninitialised entries beyond the last row, and save writes them.
    count = csr.entry_count()
    if count == len(csr.data):
        return csr
    return Csr(csr.data[:count].copy(), csr.indptr, csr.indices[:count].copy(), csr.shape)


def _read_old(reader, magic, start, what):
    if magic == V1:
        shape = reader.shape(what)
    elif magic <= MAX_NDIM:
        shape = reader.dimensions(magic, "I", what)
    else:
        message = f"expected the magic of {what}, {V1:#x} to {V3:#x}, or an ndim up to {MAX_NDIM}; found {magic:#x}"
        raise reader.error(start, message)
    if not shape:
        raise reader.error(start, f"{what} has no value: it was saved before its shape was known")
    return _read_dense(reader, shape, what)


def _read_dense(reader, shape, what):
    reader.bytes(len(CPU_0), f"context of {what}")
    return reader.array(shape, reader.dtype(what), f"data of {what}")

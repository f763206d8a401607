"""Files of records in MXNet's format, to read: see AI/MXNet/RecordIO.pm, which also writes them.

A record has a head of two words, the magic number and a length with 3 bits above it that tell which part of a record
this is; then the bytes, and zeros up to a multiple of four. Between the parts of one stood the magic number."""

import os
import struct

import numpy as np

from ..errors import MXNetError

MAGIC = struct.pack("<I", 0xCED7230A)
WHOLE, FIRST, MIDDLE, LAST = range(4)
HEADER = struct.Struct("<IfQQ")  # flag (number of labels behind the header, or 0), label, two ids


def open_records(path):
    """The file, or an MXNetError that says why there is none."""
    try:
        return open(path, "rb")
    except OSError as reason:
        raise MXNetError(f'Open "{path}": {os.strerror(reason.errno)}') from None


def _head(file, place):
    """Which part of a record begins at `place`, and its length; None at the end of the file."""
    file.seek(place)
    head = file.read(8)
    if not head:
        return None
    if len(head) < 8 or head[:4] != MAGIC:
        raise MXNetError(f"Invalid RecordIO File {file.name}: no record begins at byte {place}")
    word = struct.unpack_from("<I", head, 4)[0]
    return word >> 29, word & ((1 << 29) - 1)


def places(path):
    """Where the records begin, as an int64 array."""
    found, place = [], 0
    with open_records(path) as file:
        size = os.fstat(file.fileno()).st_size
        while (head := _head(file, place)) is not None:
            part, length = head
            if part in (WHOLE, FIRST):
                found.append(place)
            place += 8 + length + -length % 4
            if place > size:
                raise MXNetError(f"Invalid RecordIO File {path}: the record at byte {found[-1]} breaks off")
    return np.array(found, np.int64)


def read(file, place):
    """The bytes of the record that begins at `place`."""
    parts = []
    while True:
        head = _head(file, place)
        if head is None or (head[0] in (MIDDLE, LAST)) != bool(parts):
            raise MXNetError(f"Invalid RecordIO File {file.name}: no record begins at byte {place}")
        part, length = head
        content = file.read(length)
        if len(content) < length:
            raise MXNetError(f"Invalid RecordIO File {file.name}: the record at byte {place} breaks off")
        parts.append(content)
        if part in (WHOLE, LAST):
            return MAGIC.join(parts)
        place += 8 + length + -length % 4


def unpack(record):
    """The labels of a record with a header (float32), its id and its content."""
    if len(record) < HEADER.size:
        raise MXNetError(f"a record with a header has at least {HEADER.size} bytes, but this one has {len(record)}")
    count, label, number, _ = HEADER.unpack_from(record)
    content = memoryview(record)[HEADER.size + 4 * count :]
    if not count:
        return np.array([label], np.float32), number, content
    if len(record) < HEADER.size + 4 * count:
        raise MXNetError(f"a record with {count} labels has more than {len(record)} bytes")
    return np.frombuffer(record, "<f4", count, HEADER.size).astype(np.float32), number, content

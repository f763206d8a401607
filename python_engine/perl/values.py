"""Values as they travel to and from Perl: numbers in a frame's body, bytes in its payload, large arrays in a file.

`docs/python_drives_perl.md` has the table of conversions and of tags.
"""

import os
import weakref
from collections import deque

import numpy as np

from ..wire import MAX_PAYLOAD, MAX_VALUES
from .proxies import KINDS, PerlClass, Reference, hash_key

UNDEF, BOOLEAN, INTEGER, FLOAT, TEXT, BYTES, ARRAY, HASH, MINE, YOURS, BIG, PIDDLE = range(12)
MAX_DEPTH = 100
FILE_BYTES = 1 << 16  # from this size on, arrays travel in the file that both sides have open
KEEP_BYTES = 1 << 26  # the file is emptied after more than this
MAX_RELEASED = 1 << 16  # in one message; the rest waits for the next

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
DTYPES += ["longdouble", "complex64", "complex128", "clongdouble"]
DTYPES = {np.dtype(name): name for name in DTYPES}
WIDER = {np.dtype(bool): np.dtype("uint8"), np.dtype("float16"): np.dtype("float32")}  # which PDL has no type for


class Held:
    """The objects of Python's that Perl has references to, by number."""

    def __init__(self):
        self.objects, self.counts, self.numbers, self.last = {}, {}, {}, 0

    def number(self, value):
        """The number of an object, which is the same as long as Perl holds it."""
        number = self.numbers.get(id(value))
        if number is None:
            number = self.last = self.last + 1
            self.objects[number], self.counts[number], self.numbers[id(value)] = value, 0, number
        return number

    def release(self, number, count):
        """Perl has dropped what it was sent `count` times."""
        self.counts[number] -= count
        if self.counts[number] <= 0:
            del self.counts[number]
            value = self.objects.pop(number)
            del self.numbers[id(value)]


class Link(weakref.ref):
    """A weak reference to a proxy: its number, and how often Perl has sent it."""

    __slots__ = ("number", "count")


class Links:
    """The proxies that are alive, by number, and the numbers of those that died."""

    def __init__(self):
        self.alive, self.released = {}, deque()

    def proxy(self, number, make):
        """The proxy of this number; `make()` makes one where there is none."""
        link = self.alive.get(number)
        proxy = link and link()
        if proxy is None:
            proxy = make()
            link = Link(proxy, self._died)
            link.number, link.count = number, 0
            self.alive[number] = link
        link.count += 1
        return proxy

    def _died(self, link):
        if self.alive.get(link.number) is link:
            del self.alive[link.number]
        self.released.append((link.number, link.count))

    def take_released(self):
        """Number and count of each proxy that died, flat, with the number of pairs in front."""
        pairs = []
        while self.released and len(pairs) < 2 * MAX_RELEASED:
            pairs += self.released.popleft()
        return [len(pairs) // 2, *pairs]


class Writer:
    """Builds the fields and the payload of one message."""

    def __init__(self, codec):
        self.codec, self.tokens, self.payload, self.offset, self.sent = codec, [], [], 0, []

    def put(self, value, depth=0):
        """Append a value. TypeError for what has no counterpart in Perl."""
        tokens = self.tokens
        if value is None:
            tokens.append(UNDEF)
        elif isinstance(value, (bool, np.bool_)):
            tokens += BOOLEAN, int(value)
        elif isinstance(value, (int, np.integer)):
            self._integer(int(value))
        elif isinstance(value, (float, np.floating)):
            tokens += FLOAT, float(value)
        elif isinstance(value, str):
            self._bytes(TEXT, value.encode("utf-8", "surrogatepass"))
        elif isinstance(value, (bytes, bytearray, memoryview)):
            self._bytes(BYTES, bytes(value))
        elif isinstance(value, np.ndarray):
            self._array(value)
        elif isinstance(value, (list, tuple)):
            self._check_depth(depth)
            tokens += ARRAY, len(value)
            for item in value:
                self.put(item, depth + 1)
        elif isinstance(value, dict):
            self._check_depth(depth)
            tokens += HASH, len(value)
            for key, item in value.items():
                self.put(hash_key(key))
                self.put(item, depth + 1)
        elif isinstance(value, Reference) and value._perl_.interpreter is self.codec.interpreter():
            tokens += YOURS, value._perl_.number
        elif isinstance(value, PerlClass):
            self.put(str(value))
        else:
            self.object(value, "code" if callable(value) else "object")

    def object(self, value, kind):
        """Append an object that stays Python's."""
        number = self.codec.held.number(value)
        self.sent.append(number)
        self.tokens += MINE, number, kind, type(value).__name__

    def check_size(self):
        """ValueError if a frame can not hold the message."""
        size = sum(map(len, self.payload))
        if len(self.tokens) > MAX_VALUES / 2 or size > MAX_PAYLOAD:
            raise ValueError(
                f"one message cannot carry {len(self.tokens)} fields and {size} bytes; large data travel as arrays"
            )

    def _integer(self, value):
        if -(1 << 63) <= value < 1 << 64:
            self.tokens += INTEGER, value
        else:
            self._bytes(BIG, str(value).encode())

    def _bytes(self, tag, data):
        self.tokens += tag, len(data)
        self.payload.append(data)

    def _array(self, value):
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError("a masked array can't become a piddle: fill it first (`filled`)")
        dtype = value.dtype.newbyteorder("=")
        dtype = WIDER.get(dtype, dtype)
        if dtype not in DTYPES:
            raise TypeError(f"PDL has no type for NumPy's dtype {value.dtype}; it has {', '.join(DTYPES.values())}")
        if value.dtype != dtype or not value.flags.c_contiguous:
            value = value.astype(dtype, order="C")
        in_file = value.nbytes >= FILE_BYTES
        self.tokens += PIDDLE, DTYPES[dtype], int(in_file), value.ndim, *value.shape
        data = memoryview(value.reshape(-1).view(np.uint8))
        if not in_file:
            self.payload.append(data)
            return
        while data:
            written = os.pwrite(self.codec.file, data, self.offset)
            data, self.offset = data[written:], self.offset + written

    def _check_depth(self, depth):
        if depth >= MAX_DEPTH:
            raise ValueError(f"a value nests deeper than {MAX_DEPTH} levels, or in a circle")


class Reader:
    """Takes the values from the fields and the payload of one message."""

    def __init__(self, codec, tokens, payload):
        self.codec, self.tokens, self.payload, self.used, self.offset = codec, iter(tokens), payload, 0, 0

    def values(self):
        """All values, to the end."""
        return [self._value(tag) for tag in self.tokens]

    def _value(self, tag):
        if tag == TEXT:
            return self._bytes().decode("utf-8", "surrogatepass")
        following = self.tokens
        if tag == UNDEF:
            return None
        if tag == INTEGER:
            return next(following)
        if tag == FLOAT:
            return next(following)
        if tag == BOOLEAN:
            return bool(next(following))
        if tag == BYTES:
            return bytes(self._bytes())
        if tag == ARRAY:
            return [self._value(next(following)) for _ in range(next(following))]
        if tag == HASH:
            return {self._value(next(following)): self._value(next(following)) for _ in range(next(following))}
        if tag == MINE:
            number, kind, name = next(following), next(following).decode(), next(following).decode()
            return self.codec.links.proxy(number, lambda: KINDS[kind](self.codec.interpreter(), number, name))
        if tag == YOURS:
            return self.codec.held.objects[next(following)]
        if tag == PIDDLE:
            return self._array()
        raise TypeError(f"Perl sent a value of unknown kind {tag!r:.40}")

    def _bytes(self):
        begin = self.used
        self.used += next(self.tokens)
        return self.payload[begin : self.used]

    def _array(self):
        following = self.tokens
        dtype, in_file = np.dtype(next(following).decode()), next(following)
        shape = [next(following) for _ in range(next(following))]
        value = np.empty(shape, dtype)
        data = value.reshape(-1).view(np.uint8)
        if not in_file:
            data[:] = np.frombuffer(self.payload, np.uint8, data.size, self.used)
            self.used += data.size
            return value
        data = memoryview(data)
        while data:
            read = os.preadv(self.codec.file, [data], self.offset)
            if not read:
                raise EOFError(f"an array of shape {tuple(shape)} and dtype {dtype} ended early")
            data, self.offset = data[read:], self.offset + read
        return value


class Codec:
    """Turns values into messages and back, and keeps book of who holds what."""

    def __init__(self, interpreter, file):
        self.interpreter = weakref.ref(interpreter)  # which ends as soon as nobody else refers to it
        self.file = file
        self.held, self.links = Held(), Links()

    def encode(self, head, values, exception=None):
        """The message and payload of `values`, after `exception`, an object even if it is callable."""
        writer = Writer(self)
        try:
            if exception is not None:
                writer.object(exception, "object")
            for value in values:
                writer.put(value)
            writer.check_size()
        except BaseException:
            for number in writer.sent:
                if self.held.counts.get(number) == 0:
                    self.held.release(number, 0)
            raise
        for number in writer.sent:
            self.held.counts[number] += 1
        return [*head, *self.links.take_released(), *writer.tokens], b"".join(writer.payload)

    def decode(self, message, payload):
        """Name, context and values of a message, and what `release` is to be told then."""
        name, context, pairs, *tokens = message
        reader = Reader(self, tokens[2 * pairs :], payload)
        values = reader.values()
        if reader.offset > KEEP_BYTES:
            os.ftruncate(self.file, 0)
        return name.decode(), context, values, tokens[: 2 * pairs]

    def release(self, pairs):
        """Let go of what Perl has dropped: numbers, each followed by how often Perl had been sent it."""
        for number, count in zip(pairs[::2], pairs[1::2], strict=True):
            self.held.release(number, count)

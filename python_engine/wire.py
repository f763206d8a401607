"""Frames over a pair of file descriptors. `protocol/PROTOCOL.md` is the contract.

A frame is a header of two little-endian 32-bit lengths, a msgpack body and a payload of raw array bytes. Lengths are
checked before anything is allocated. While writing, the channel also reads, so that two full buffers never deadlock.
"""

import os
import re
import select
import struct
import time

import msgpack

from .errors import ArgumentError, ProtocolError

HEADER = struct.Struct("<II")
MAX_BODY = 1 << 26
MAX_PAYLOAD = 1 << 30
MAX_VALUES = 1 << 20  # in one body
MAX_NESTING = 16
PLAIN_LIST = 1 << 12  # lists up to this size are built at once, longer ones only after the whole body was checked
CHUNK = 1 << 20  # bytes that are written at once
ARRIVING = 1 << 16  # bytes that are read at once
REPEATED = 192  # bytes of the longest body that is kept when it comes often:
WINDOW, OFTEN = 256, 8  # of so many bodies as often, and then at least once
LAST_WORDS = 1.0  # seconds that a client which broke the protocol has to take what is still written to it


class Closed(Exception):
    """The other side has hung up."""


def pack(message, payload=b""):
    """The bytes of a frame (without copying the payload: a list of buffers). ArgumentError if it is too large."""
    body = msgpack.packb(message, unicode_errors="backslashreplace")  # for names of files, which need not be text
    if len(body) > MAX_BODY or len(payload) > MAX_PAYLOAD:
        raise ArgumentError(
            f"a frame of {len(body)} + {len(payload)} bytes exceeds the limit of {MAX_BODY} + {MAX_PAYLOAD}"
        )
    return [HEADER.pack(len(body), len(payload)) + body, payload]


def unpack(body):
    """The value in a frame's body. Text arrives as bytes. ProtocolError for anything malformed.

    Deep nesting and empty maps can pass here, so that a frame of operator calls costs no second look: none of those who
    read the values accepts them, and `check_value` then says why.
    """
    if len(body) <= MAX_VALUES:
        # the limit on lists bounds what headers can claim, even nested to the codec's own limit of 1024 levels
        try:
            return msgpack.unpackb(body, raw=True, max_array_len=PLAIN_LIST, max_map_len=0, max_ext_len=0)
        except (ValueError, msgpack.exceptions.UnpackException):
            pass  # the check below says what is wrong, if anything is
    check_body(body)
    return msgpack.unpackb(body, raw=True)


_NUMBERS = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_TEXTS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}  # how many bytes hold the length
_LISTS = {0xDC: 2, 0xDD: 4}


def check_body(body):
    """ProtocolError unless a body is one value of the protocol's. Builds nothing of it."""
    size, at, values = len(body), 0, 1
    pending = [1]  # how many values are still to come, for each list that is open
    while pending:
        if pending[-1] == 0:
            pending.pop()
            continue
        pending[-1] -= 1
        if at >= size:
            raise ProtocolError(f"a body of {size} bytes ends inside a value")
        byte = body[at]
        at += 1
        if byte < 0x80 or byte >= 0xE0 or byte in (0xC0, 0xC2, 0xC3):
            continue
        if byte in _NUMBERS:
            at += _NUMBERS[byte]
        elif 0xA0 <= byte < 0xC0:
            at += byte & 0x1F
        elif byte in _TEXTS:
            begin, at = at, at + _TEXTS[byte]
            at += int.from_bytes(body[begin:at], "big")
        elif 0x90 <= byte < 0xA0 or byte in _LISTS:
            begin, at = at, at + _LISTS.get(byte, 0)
            count = int.from_bytes(body[begin:at], "big") if byte in _LISTS else byte & 0x0F
            values += count
            if count > size - at:
                raise ProtocolError(f"a list claims {count} values in a body of {size} bytes")
            if values > MAX_VALUES:
                raise ProtocolError(f"a body holds more than {MAX_VALUES} values")
            if len(pending) > MAX_NESTING:
                raise ProtocolError(f"lists nest deeper than {MAX_NESTING} levels")
            pending.append(count)
        else:
            raise ProtocolError(f"byte 0x{byte:02x} begins no value of the protocol")
    if at != size:
        raise ProtocolError(f"a value of {at} bytes stands in a body of {size}")


def check_value(value, depth=1):
    """ProtocolError unless a value consists of nil, booleans, numbers, texts, and lists nested as deep as allowed."""
    if type(value) is list:
        if depth > MAX_NESTING:
            raise ProtocolError(f"lists nest deeper than {MAX_NESTING} levels")
        for item in value:
            check_value(item, depth + 1)
    elif value is not None and type(value) not in (bool, int, float, bytes):
        raise ProtocolError(f"a {type(value).__name__} is no value of the protocol")


_DIGITS = re.compile(rb"-?[0-9]{1,19}")


def as_int(value):
    """A text of an integer, and each one in a list, as the integer: Perl sends a number so that was used as text."""
    if type(value) is bytes and _DIGITS.fullmatch(value):
        return int(value)
    return [as_int(v) if type(v) is bytes else v for v in value] if type(value) is list else value


def shown(value):
    """A value from the wire for an error message: short, whatever it is."""
    if type(value) is list and (len(value) > 8 or any(type(v) is list for v in value)):
        return f"a list of {len(value)}"
    return f"{value[:40] if type(value) is bytes else value!r:.80}"


class Decoder:
    """Decodes bodies. A short one that comes often, as each step of a training brings the same, is decoded only once:
    its value is one object from then on, in which whoever executes it may leave what need not be done again."""

    def __init__(self):
        self.counts, self.known, self.left = {}, {}, WINDOW

    def __call__(self, body):
        if len(body) > REPEATED:
            return unpack(body)
        if self.left == 0:
            self.known = {body: message for body, message in self.known.items() if hash(body) in self.counts}
            self.counts, self.left = {}, WINDOW
        code = hash(body)
        self.left -= 1
        self.counts[code] = count = self.counts.get(code, 0) + 1
        message = self.known.get(body)
        if message is None:
            message = unpack(body)
            if count == OFTEN:
                self.known[body] = message
        return message


class Channel:
    """Reads and writes frames on non-blocking descriptors."""

    def __init__(self, read_fd, write_fd):
        self.read_fd, self.write_fd = read_fd, write_fd
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)
        self.buffer, self.start = bytearray(), 0
        # one for all reads: `os.read` would take as much anew and give back the end of it, each time at another place,
        # so that whatever stays keeps the memory around it from being used again
        self.arriving = memoryview(bytearray(ARRIVING))
        self.readable = select.poll()
        self.readable.register(read_fd, select.POLLIN)
        self.deadline = None
        self.decode = unpack

    def receive(self):
        """The next frame as (message, payload); waits for it. Closed at a hang-up between frames."""
        while True:
            frame = self._next()
            if frame is not None:
                return frame
            if not self._fill():
                self.readable.poll()

    def send(self, message, payload=b""):
        """Write a whole frame, reading what arrives meanwhile."""
        for part in pack(message, payload):
            view = memoryview(part).cast("B")
            while view:
                try:
                    view = view[os.write(self.write_fd, view[:CHUNK]) :]
                except BlockingIOError:
                    self._wait_writable()
                except (BrokenPipeError, ConnectionResetError):
                    raise Closed from None

    def give_up(self):
        """The client broke the protocol: read no more, and wait only a moment for it to take what is written."""
        self.deadline = time.monotonic() + LAST_WORDS

    def _wait_writable(self):
        """Wait until the client takes more; read what arrives meanwhile. Closed if it took nothing to the deadline."""
        left = None if self.deadline is None else max(0, self.deadline - time.monotonic())
        # a client that floods us and never reads shall fill its own memory, not ours
        reads = left is None and len(self.buffer) - self.start <= MAX_BODY + MAX_PAYLOAD
        wanted = {self.write_fd: select.POLLOUT}
        if reads:
            wanted[self.read_fd] = wanted.get(self.read_fd, 0) | select.POLLIN
        poll = select.poll()
        for fd, events in wanted.items():
            poll.register(fd, events)
        happened = dict(poll.poll(None if left is None else left * 1000))
        if not happened:
            raise Closed
        if reads and happened.get(self.read_fd, 0) & ~select.POLLOUT:
            self._fill()

    def _fill(self):
        try:
            count = os.readv(self.read_fd, [self.arriving])
            if self.start:
                del self.buffer[: self.start]
                self.start = 0
            self.buffer += self.arriving[:count]
        except BlockingIOError:
            return False
        except ConnectionResetError:
            raise Closed from None
        except MemoryError:
            raise ProtocolError(f"there is no memory for a frame, after {len(self.buffer)} bytes of it") from None
        if count == 0:
            if self.buffer:
                raise ProtocolError(f"the stream ended inside a frame, after {len(self.buffer)} bytes")
            raise Closed
        return True

    def _next(self):
        have = len(self.buffer) - self.start
        if have < HEADER.size:
            return None
        body_size, payload_size = HEADER.unpack_from(self.buffer, self.start)
        if body_size > MAX_BODY or payload_size > MAX_PAYLOAD:
            raise ProtocolError(
                f"a frame announces {body_size} + {payload_size} bytes; at most {MAX_BODY} + {MAX_PAYLOAD} are accepted"
            )
        whole = HEADER.size + body_size + payload_size
        if have < whole:
            return None
        begin = self.start + HEADER.size
        try:
            with memoryview(self.buffer) as view:
                message = self.decode(bytes(view[begin : begin + body_size]))
                payload = bytes(view[begin + body_size : begin + body_size + payload_size])
        except MemoryError:
            raise ProtocolError(f"there is no memory for a frame of {whole} bytes") from None
        self.start += whole
        return message, payload

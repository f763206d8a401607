"""Frames over a pair of file descriptors. `protocol/PROTOCOL.md` is the contract.

A frame is a header of two little-endian 32-bit lengths, a msgpack body and a payload of raw array bytes. Lengths are
checked before anything is allocated. While writing, the channel also reads, so that two full buffers never deadlock.
"""

import os
import select
import struct

import msgpack

from .errors import ProtocolError

HEADER = struct.Struct("<II")
MAX_BODY = 1 << 26
MAX_PAYLOAD = 1 << 30
CHUNK = 1 << 20


def pack(message, payload=b""):
    """The bytes of a frame (without copying the payload: a list of buffers)."""
    body = msgpack.packb(message)
    if len(body) > MAX_BODY or len(payload) > MAX_PAYLOAD:
        raise ProtocolError(
            f"a frame of {len(body)} + {len(payload)} bytes exceeds the limit of {MAX_BODY} + {MAX_PAYLOAD}"
        )
    return [HEADER.pack(len(body), len(payload)) + body, payload]


def unpack(body):
    """The message in a frame's body. Text arrives as bytes. ProtocolError for anything malformed."""
    try:
        return msgpack.unpackb(body, raw=True, strict_map_key=False, ext_hook=_refuse_ext)
    except (ValueError, TypeError, RecursionError, msgpack.exceptions.UnpackException) as reason:
        raise ProtocolError(f"the body of a frame is no valid msgpack: {reason or type(reason).__name__}") from None


def _refuse_ext(code, _data):
    raise ValueError(f"ext type {code} is not part of the protocol")


class Closed(Exception):
    """The other side has hung up."""


class Channel:
    """Reads and writes frames on non-blocking descriptors."""

    def __init__(self, read_fd, write_fd):
        self.read_fd, self.write_fd = read_fd, write_fd
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)
        self.buffer, self.start = bytearray(), 0
        self.readable = select.poll()
        self.readable.register(read_fd, select.POLLIN)

    def receive(self):
        """The next frame as (message, payload); waits for it. Closed at a hang-up between frames."""
        while True:
            frame = self._next()
            if frame is not None:
                return frame
            if not self._fill():
                self.readable.poll()

    def waiting(self):
        """True if bytes have arrived that were not yet received as a frame."""
        return len(self.buffer) > self.start or self._fill()

    def send(self, message, payload=b""):
        """Write a whole frame, reading what arrives meanwhile."""
        for part in pack(message, payload):
            view = memoryview(part).cast("B")
            while view:
                try:
                    view = view[os.write(self.write_fd, view[:CHUNK]) :]
                except BlockingIOError:
                    select.select([self.read_fd], [self.write_fd], [])
                    self._fill()
                except (BrokenPipeError, ConnectionResetError):
                    raise Closed from None

    def _fill(self):
        try:
            data = os.read(self.read_fd, CHUNK)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            raise Closed from None
        if not data:
            if len(self.buffer) > self.start:
                raise ProtocolError(f"the stream ended inside a frame, after {len(self.buffer) - self.start} bytes")
            raise Closed
        if self.start == len(self.buffer):
            self.buffer, self.start = bytearray(data), 0
        else:
            self.buffer += data
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
        with memoryview(self.buffer) as view:
            message = unpack(view[begin : begin + body_size])
            payload = bytes(view[begin + body_size : begin + body_size + payload_size])
        self.start += whole
        return message, payload

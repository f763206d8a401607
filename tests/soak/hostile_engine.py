"""Engines that break the protocol: python tests/soak/hostile_engine.py FOLDER SEED FIRST

Each connection to the Unix socket FOLDER/engines gets a session of the real engine, one after the other in this
process, of which every eighth frame is mutated. The mutations of a connection follow from the seed and its number; the
first has the number FIRST. The file FOLDER/frames tells how many frames were sent in all.
"""

import os
import random
import socket
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent.parent), str(Path(__file__).resolve().parent.parent)]

import msgpack  # noqa: E402
import numpy as np  # noqa: E402

from python_engine import tape  # noqa: E402
from python_engine.errors import MXNetError, ProtocolError  # noqa: E402
from python_engine.messages import Goodbye  # noqa: E402
from python_engine.session import Session  # noqa: E402
from python_engine.shm import machine  # noqa: E402
from python_engine.wire import HEADER, Channel, Closed, pack  # noqa: E402

RATE = 1 / 8  # of the frames
PATIENCE = 0.002  # seconds after a mutation in which the client may still say something
# texts that are heard of where a client evaluates, requires, opens or calls what it gets
PROGRAMS = (
    b"main::evaluated()",
    b"BEGIN { main::evaluated() }",
    b"@{[main::evaluated()]}",
    b"(?{main::evaluated()})",
    b"evaluated",
    b"touch evaluated |",
    b"Evaluated",
    b"\x04\x0b\x081234\x04\x08\x08\x11\x09Evaluated\x03\0\0\0\0",  # stored by Storable
)
TEXTS = (
    b"",
    b"ok",
    b"error",
    b"call",
    b"segment",
    b"release",
    b"float32",
    b"int64",
    b"float32 csr",
    b"float128",
    b"\xff",
)


def random_value(rng, depth=0):
    kind = rng.randrange(8)
    if kind == 0:
        return None
    if kind == 1:
        return rng.choice((0, 1, 2, -1, 3, 33, 1 << 16, 1 << 31, 1 << 53, 1 << 63, -(1 << 63)))
    if kind == 2:
        return rng.randrange(-9, 20)
    if kind == 3:
        return rng.choice((0.0, 0.5, -1.0, 1e300, float("inf"), float("nan")))
    if kind == 4:
        return rng.choice(PROGRAMS)
    if kind == 5 and depth < 2:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(3))]
    if kind == 6 and depth < 2:
        return rng.choice((True, False, {}, {b"a": 1}))
    return rng.choice(TEXTS)


def other_values(rng, message, payload):
    """Replace, insert, repeat, drop or exchange fields."""
    message = list(message)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(message)) if message else 0
        way = rng.randrange(5)
        if way == 0 or not message:
            message.insert(at, random_value(rng))
        elif way == 1:
            message[at] = random_value(rng)
        elif way == 2:
            del message[at]
        elif way == 3:
            message.insert(at, rng.choice(message))
        else:
            other = rng.randrange(len(message))
            message[at], message[other] = message[other], message[at]
    return frame(message, payload)


def other_bytes(rng, message, payload):
    """Flip, replace, insert, repeat or drop bytes, be it of the header."""
    data = bytearray(frame(message, payload))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(min(len(data), 64) if rng.random() < 0.8 else len(data))
        way = rng.randrange(5)
        if way == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            data[at] = rng.randrange(256)
        elif way == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 4))
        elif way == 3:
            data[at:at] = data[at : at + rng.randint(1, 30)]
        elif len(data) > 10:
            del data[at : at + rng.randint(1, 4)]
    return bytes(data)


def other_payload(rng, message, payload):
    """More or fewer bytes of arrays than there are elements."""
    way = rng.randrange(3)
    payload = payload[: rng.randrange(len(payload) + 1)] if way else payload + rng.randbytes(rng.randint(1, 9))
    return frame(message, payload)


def uncalled_for(rng, message, payload):
    """Say something random before."""
    if rng.random() < 0.5:
        body = rng.randbytes(rng.randint(0, 100))
        said = HEADER.pack(len(body), 0) + body
    else:
        kinds = (random_value(rng), rng.choice((b"segment", b"release", b"call", 0, 1, 2, 1000)))
        said = frame([rng.choice(kinds), *(random_value(rng) for _ in range(rng.randrange(9)))])
    return said + frame(message, payload)


def twice(rng, message, payload):
    return frame(message, payload) * 2


def cut(rng, message, payload):
    """End the stream inside a frame."""
    data = frame(message, payload)
    return data[: rng.randrange(len(data))]


MUTATIONS = (other_values, other_values, other_bytes, other_payload, uncalled_for, twice, cut)


def frame(message, payload=b""):
    try:
        body = msgpack.packb(message, unicode_errors="backslashreplace")
    except OverflowError:
        body = msgpack.packb(None)
    return HEADER.pack(len(body), len(payload)) + body + bytes(payload)


def names_another_process(data):
    """True for a greeting that is in order but for the process id: the client would open what others have open."""
    try:
        message = msgpack.unpackb(data[HEADER.size : HEADER.size + HEADER.unpack_from(data)[0]])
        return message[4] == machine() and message[2] != os.getpid()
    except Exception:
        return False


class HostileChannel(Channel):
    """A channel that mutates some of the frames, and hangs up soon after the client has no more to say to that."""

    frames = 0  # of all connections

    def __init__(self, fd, rng):
        super().__init__(fd, fd)
        self.rng, self.mutated = rng, False

    def send(self, message, payload=b""):
        HostileChannel.frames += 1
        data = b"".join(bytes(part) for part in pack(message, payload))
        end = False
        if self.rng.random() < RATE:
            mutation = self.rng.choice(MUTATIONS)
            mutated = mutation(self.rng, message, bytes(payload))
            if not names_another_process(mutated):
                data, end, self.mutated = mutated, mutation is cut, True
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.write_fd, view) :]
            except BlockingIOError:
                self._wait_writable()
            except (BrokenPipeError, ConnectionResetError):
                raise Closed from None
        if end:
            raise Closed

    def receive(self):
        end = time.monotonic() + PATIENCE
        while True:
            frame = self._next()
            if frame is not None:
                return frame
            if self._fill() or self.readable.poll(PATIENCE * 1000 if self.mutated else None):
                continue
            if time.monotonic() >= end:
                raise Closed


def serve(connection, rng):
    """Be the engine of one client."""
    tape.state.__init__()
    session = Session(HostileChannel(connection.fileno(), rng))
    try:
        session.serve()
    except (ProtocolError, Closed, Goodbye, MXNetError):
        pass
    finally:
        session.arrays.clear()
        for segment in session.pool.segments.values():
            segment.close()


def main():
    folder, seed, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    np.seterr(all="ignore")
    with socket.socket(socket.AF_UNIX) as listener, open(folder / "frames", "wb", buffering=0) as note:
        listener.bind(str(folder / "engines"))
        listener.listen()
        listener.settimeout(60)  # the client is gone
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                serve(connection, random.Random(seed * 1_000_003 + number))
            number += 1
            note.seek(0)
            note.write(b"%d\n" % HostileChannel.frames)


if __name__ == "__main__":
    main()

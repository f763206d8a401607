"""How frames come and go: both directions at once, and the same frame again and again."""

import concurrent.futures
import fcntl
import os
import resource
import socket
import struct
import time
import tracemalloc

import msgpack
import pytest
from stream_client import floats, number, put, values

from python_engine import wire
from python_engine.errors import ArgumentError, ProtocolError

ADD, SCALE, SQUARE = number("broadcast_add"), number("_mul_scalar"), number("square")


# -- both directions at once -----------------------------------------------------------------------------------------


def test_the_engine_reads_while_the_client_takes_nothing(engine):
    size = 50_000_000
    engine.send([[number("_full"), [[size], "", "uint8", 3], 1], ["read", 2, 1, 0]])
    engine.send([["put", 2, "uint8", None, size]], b"\x05" * size)
    engine.send([["into", SCALE, [2.0], [2], 2], ["wait", 3]])
    message, payload = engine.receive()
    assert message[:2] == [2, "ok"] and payload == b"\x03" * size
    assert engine.receive()[0] == [3, "ok"]


def test_a_client_that_broke_the_protocol_and_reads_nothing_is_not_waited_for(server):
    engine = server.greeted()
    engine.send([[number("_full"), [[10_000_000], "", "uint8", 3], 1], ["wait", 2]])
    engine.receive()
    began = time.monotonic()
    engine.send([["unheard of"]])
    server.control.send(b"%d" % engine.pid)
    assert server.control.recv(100) == b"1"
    assert time.monotonic() - began < 20
    engine.channel.close()


def test_frames_that_are_too_large_are_refused_by_their_sender():
    with pytest.raises(ArgumentError, match="exceeds the limit"):
        wire.pack([b"x" * (wire.MAX_BODY + 1)])
    with pytest.raises(ProtocolError, match="more than"):
        wire.unpack(msgpack.packb([0] * (wire.MAX_VALUES + 1)))


def test_a_reading_buffer_does_not_grow_with_the_stream():
    read_fd, write_fd = os.pipe()
    channel = wire.Channel(read_fd, write_fd)
    body = msgpack.packb([["where", "x" * 1000, 1]])
    one = struct.pack("<II", len(body), 0) + body
    os.write(write_fd, one[:10])
    for _ in range(1000):
        os.write(write_fd, one[10:] + one[:10])  # never at a frame's end
        channel.receive()
    assert len(channel.buffer) < 10 * len(one)
    os.close(read_fd)
    os.close(write_fd)


def test_reading_takes_no_more_memory_than_what_arrives():
    read_fd, write_fd = os.pipe()
    channel = wire.Channel(read_fd, write_fd)
    frame = b"".join(wire.pack([["wait", 1]]))
    tracemalloc.start()
    try:
        for _ in range(100):
            os.write(write_fd, frame)
            channel.receive()
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()
    os.close(read_fd)
    os.close(write_fd)


def test_descriptors_beyond_the_first_1024_are_as_good():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, hard), hard))
    ours, theirs = socket.socketpair()
    try:
        high = fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, 1500)
    except OSError as reason:
        pytest.skip(f"there are none here: {reason}")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    payload = os.urandom(8 << 20)
    ends = [wire.Channel(high, high), wire.Channel(ours.fileno(), ours.fileno())]
    with concurrent.futures.ThreadPoolExecutor() as threads:
        sent = {threads.submit(end.send, [["ping"]], payload): end for end in ends}
        # the side that has written first waits for the other one by reading
        for first in concurrent.futures.as_completed(sent, timeout=60):
            assert sent[first].receive() == ([[b"ping"]], payload), "and both sides may write first"
    for fd in (high, ours, theirs):
        os.close(fd) if fd is high else fd.close()


# -- frames that come again --------------------------------------------------------------------------------------------


def test_a_frame_that_comes_often_does_each_time_what_it_says(engine):
    put(engine, 1, 1.0, 2.0)
    engine.send([["put", 2, "float32", None, 2]], floats(0, 0))
    for _ in range(3 * wire.OFTEN):
        engine.send([[SCALE, [2.0], 3, 1], [ADD, None, 2, 2, 3], 3])
    assert values(engine, 2) == [3 * wire.OFTEN * 2.0, 3 * wire.OFTEN * 4.0]
    for n in range(3 * wire.OFTEN):
        engine.send([["put", 3, "float32", None, 1], [ADD, None, 3, 3, 3]], floats(n))
        assert values(engine, 3) == [2 * n]


def test_a_frame_that_comes_often_fails_each_time(engine):
    for n in range(3 * wire.OFTEN):
        put(engine, 1, float(n))
        engine.send([["where", "user.pl", 7], [SCALE, [[]], 2, 1], [SQUARE, None, 3, 99], ["mode", 0, 0]])
        assert "scalar" in values(engine, 2) and "99" in values(engine, 3)
        engine.send([2, 3])


def test_integers_as_text_are_integers_in_a_frame_that_comes_often(engine):
    put(engine, 1, 3.0)
    for _ in range(3 * wire.OFTEN):
        engine.send([[str(SQUARE), None, "2", "1"], ["mode", "0", 0]])
        assert values(engine, 2) == [9.0]
        engine.send(["2"])


def test_a_frame_that_comes_often_fails_once_an_array_of_its_is_gone(engine):
    put(engine, 1, 1.0)
    for _ in range(2 * wire.OFTEN):
        engine.send([[SQUARE, None, 2, 1], 2])
    engine.send([1])
    engine.send([[SQUARE, None, 2, 1], 2])
    engine.send([[SQUARE, None, 2, 1]])
    assert values(engine, 2) == "handle 1 names no array"


def test_few_values_are_kept_for_frames_that_come_again():
    decode = wire.Decoder()
    short, long = (msgpack.packb([["where", "x" * n, 1]]) for n in (10, wire.REPEATED))
    for _ in range(wire.OFTEN - 1):
        decode(short)
    assert not decode.known
    decode(short)
    assert decode(short) is decode(short) and decode(short) == wire.unpack(short)
    for _ in range(2 * wire.OFTEN):
        assert decode(long) is not decode(long)
    assert len(decode.known) == 1
    for n in range(3 * wire.WINDOW):
        decode(msgpack.packb([n]))
    assert not decode.known and len(decode.counts) <= wire.WINDOW
    for n in range(100 * wire.WINDOW):
        decode(msgpack.packb([n % 40]))
        assert len(decode.known) <= 2 * wire.WINDOW // wire.OFTEN
    with pytest.raises(ProtocolError):
        for _ in range(2 * wire.OFTEN):
            decode(b"\xc1")

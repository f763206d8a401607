"""Mutates the conversations of PROTOCOL.md and lets an engine execute them: python tests/fuzz_stream.py --count 3000

Whatever a stream holds, the session ends by a ProtocolError or a hang-up: any other exception, a hang or growth is a
bug, and is told with the number of the mutation, which `--only` repeats. The output counts how the sessions ended.
"""

import argparse
import collections
import faulthandler
import gc
import os
import random
import resource
import shutil
import socket
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import numpy as np  # noqa: E402
from stream_client import examples, frame, parsed  # noqa: E402

from python_engine import tape  # noqa: E402
from python_engine.errors import ProtocolError  # noqa: E402
from python_engine.messages import CONTROLS, Goodbye  # noqa: E402
from python_engine.registry import REGISTRY  # noqa: E402
from python_engine.session import Session  # noqa: E402
from python_engine.wire import Channel, Closed  # noqa: E402

MEMORY = 256 << 20  # bytes that all the sessions together may take at any time
SECONDS = 20  # that one may take
MAX_STREAM = 1 << 16  # bytes, which a socket holds


def corpus():
    """The clients' sides of the conversations, as lists of (items, payload). Saving is left out: it writes files."""
    streams = []
    for _, lines in examples():
        sent = [parsed(line, folder=".") for line in lines if line.startswith(">")]
        if not any(item[0] == "save" for items, _ in sent for item in items if isinstance(item, list)):
            greeting = [] if sent[0][0][0][0] == "hello" else [parsed('> [["hello", 1, 1, "{hash}", 0]]')]
            streams.append(greeting + sent)
    return streams


def random_value(rng, depth=0):
    kind = rng.randrange(9 if depth < 3 else 7)
    if kind == 0:
        return None
    if kind == 1:
        return rng.random() < 0.5
    if kind == 2:
        return rng.choice((0, 1, -1, 2, 3, 1 << 31, 1 << 63, -(1 << 63), rng.randrange(1 << 16)))
    if kind == 3:
        return rng.choice((0.0, 0.5, -1.0, float("inf"), float("nan"), 1e300))
    if kind == 4:
        return rng.choice((b"", b"float32", b"int8", b"write", b"(2, 2)", b"None", rng.randbytes(5)))
    if kind == 5:
        return rng.randrange(len(REGISTRY))
    if kind == 6:
        return rng.randrange(-3, 10)
    return [random_value(rng, depth + 1) for _ in range(rng.randrange(4))]


def lists_in(value):
    """A value's list and all lists in it."""
    found = [value]
    for inner in found:
        found.extend(v for v in inner if isinstance(v, list))
    return found


def mutate_values(rng, stream):
    """Replace, insert, repeat or drop values of a stream, or add a message with random fields."""
    stream = [(parsed_copy(items), payload) for items, payload in stream]
    for _ in range(rng.randint(1, 3)):
        items, _ = rng.choice(stream[1:] or stream)
        inner = rng.choice(lists_in(items))
        at = rng.randrange(len(inner) + 1)
        way = rng.randrange(5)
        if way == 0 or at == len(inner):
            inner.insert(at, random_value(rng))
        elif way == 1:
            inner[at] = random_value(rng)
        elif way == 2:
            del inner[at]
        elif way == 3:
            inner.insert(at, inner[rng.randrange(len(inner))])
        else:
            name = rng.choice([name for name in CONTROLS if name != b"save"])
            items.insert(
                rng.randrange(len(items) + 1), [name, *(random_value(rng, 2) for _ in range(rng.randrange(7)))]
            )
    return b"".join(frame(items, payload) for items, payload in stream)


def parsed_copy(value):
    return [parsed_copy(v) for v in value] if isinstance(value, list) else value


def mutate_gently(rng, stream):
    """Keep each message well-formed: other numbers, another order, calls of any operator."""
    stream = [(parsed_copy(items), payload) for items, payload in stream]
    for _ in range(rng.randint(1, 3)):
        items, _ = rng.choice(stream[1:] or stream)
        at = rng.randrange(len(items) + 1)
        way = rng.randrange(4)
        if way == 0:
            inner = rng.choice(lists_in(items))
            numbers = [i for i, v in enumerate(inner) if type(v) is int and (i or inner is items)]
            for i in numbers[:1] and [rng.choice(numbers)]:
                inner[i] = rng.choice((0, 1, 2, 3, 4, 5, -1, 100, 1 << 31))
        elif way == 1:
            rng.shuffle(items)
        elif way == 2 and items:
            items.insert(at, rng.choice(items))
        else:
            row = rng.choice((None, [random_value(rng, 2) for _ in range(rng.randrange(4))]))
            inputs = [rng.choice((1, 2, 3, None)) for _ in range(rng.randrange(4))]
            out = rng.choice((rng.randrange(1, 9), [5, 6, 7]))
            items.insert(at, [rng.randrange(len(REGISTRY)), row, out, *inputs])
    return b"".join(frame(items, payload) for items, payload in stream)


def mutate_bytes(rng, stream):
    """Flip, replace, insert, repeat, drop or cut off bytes of a stream."""
    data = bytearray(b"".join(frame(items, payload) for items, payload in stream))
    greeting = len(frame(*stream[0]))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(greeting if rng.random() < 0.9 and len(data) > greeting else 0, len(data))
        way = rng.randrange(6)
        if way == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            data[at] = rng.randrange(256)
        elif way == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 4))
        elif way == 3:
            data[at:at] = data[at : at + rng.randint(1, 30)]
        elif way == 4 and len(data) > 10:
            del data[at : at + rng.randint(1, 4)]
        elif way == 5 and rng.random() < 0.2:
            del data[at + 1 :]
        if not data:
            data = bytearray(1)
    return bytes(data)


def execute(data):
    """How a session on these bytes ended."""
    tape.state.__init__()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data[:MAX_STREAM])
        ours.shutdown(socket.SHUT_WR)
        session = Session(Channel(theirs.fileno(), theirs.fileno()))
        try:
            session.serve()
        except ProtocolError:
            return "refused"
        except (Closed, Goodbye):
            return "survived"
        finally:
            for segment in session.pool.segments.values():
                segment.close()


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--count", type=int, default=3000, help="how many mutations")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", type=int, help="the number of the one mutation to execute")
    options = arguments.parse_args()
    faulthandler.enable()
    np.seterr(all="ignore")
    streams = corpus()
    for stream in streams:  # so that what is loaded late is not counted as growth
        execute(b"".join(frame(items, payload) for items, payload in stream))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    print(f"the number of the mutation is in {folder}/number, should this process die", file=sys.stderr)
    outcomes = collections.Counter()
    before = resident()
    for number in range(options.count) if options.only is None else [options.only]:
        rng = random.Random(options.seed * 1_000_003 + number)
        data = rng.choice((mutate_values, mutate_gently, mutate_bytes))(rng, rng.choice(streams))
        Path("number").write_text(str(number))
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        try:
            outcomes[execute(data)] += 1
        except BaseException:
            print(f"mutation {number} of seed {options.seed}: {data.hex()}", file=sys.stderr)
            raise
        if number % 500 == 0:
            gc.collect()
    faulthandler.cancel_dump_traceback_later()
    gc.collect()
    grown = resident() - before
    shutil.rmtree(folder)
    for outcome, count in outcomes.items():
        print(outcome, count)
    if grown > MEMORY // 2:
        sys.exit(f"the process grew by {grown} bytes")


if __name__ == "__main__":
    main()

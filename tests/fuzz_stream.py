"""Mutates the conversations of PROTOCOL.md and lets an engine execute them: python tests/fuzz_stream.py --count 3000

Whatever a stream holds, the session ends by a ProtocolError or a hang-up: any other exception, a hang, growth or an
evaluation is a bug, and is told with the number of the mutation, which `--only` repeats. The output counts how the
sessions ended, and says what was held before and after, as the trials of tests/soak do.
"""

import argparse
import collections
import contextlib
import ctypes
import faulthandler
import gc
import importlib
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
from stream_client import HEADER, examples, frame, parsed  # noqa: E402

from python_engine import tape  # noqa: E402
from python_engine.__main__ import keep_freed_memory  # noqa: E402
from python_engine.errors import ProtocolError  # noqa: E402
from python_engine.messages import CONTROLS, Goodbye  # noqa: E402
from python_engine.registry import REGISTRY  # noqa: E402
from python_engine.session import Session  # noqa: E402
from python_engine.wire import Channel, Closed  # noqa: E402

MEMORY = 256 << 20  # bytes that all the sessions together may take at any time
SECONDS = 20  # that a batch of them may take
BATCH = 100
MAY_GROW = 8 << 10  # KiB: caches and the heap's fragments, whatever the count
LIBC = ctypes.CDLL(None)
MAX_STREAM = 1 << 16  # bytes, which a socket holds
# what the interpreter tells an audit hook of where text is executed, code is loaded or a program is started
EVALUATIONS = {"exec", "import", "pickle.find_class", "marshal.loads", "ctypes.dlopen"}
EVALUATIONS |= {"os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen"}
# what NumPy, the readers of tables and images, the formatting of a traceback and `join` load when they first need it
LOADED_LATE = [
    "PIL.Image",
    "_suggestions",
    "bz2",
    "csv",
    "gzip",
    "lzma",
    "mpi4py",
    "numpy.fft",
    "numpy.ma",
    "unicodedata",
]
# texts that leave a file `evaluated` where something does
PROGRAMS = (
    b"open('evaluated', 'w')",
    b"__import__('os').system('touch evaluated')",
    b"cos\nsystem\n(S'touch evaluated'\ntR.",  # pickled
    b"$(touch evaluated)",
    b"{0.__class__}",
)


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
        return rng.choice((b"", b"float32", b"int8", b"write", b"(2, 2)", b"None", rng.randbytes(5), *PROGRAMS))
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


def say_anything(rng, stream):
    """Say something random after the greeting: bytes, or values that have nothing to do with the protocol."""
    said = [frame(*stream[0])]
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.5:
            body = rng.randbytes(rng.randint(1, 200))
            said.append(HEADER.pack(len(body), 0) + body)
        else:
            said.append(frame([random_value(rng) for _ in range(rng.randrange(5))], rng.randbytes(rng.randrange(9))))
    return b"".join(said)


MUTATIONS = (mutate_values, mutate_gently, mutate_bytes, say_anything)


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
            session.arrays.clear()  # arrays in segments hold the session, which elsewhere ends with its process
            for segment in session.pool.segments.values():
                segment.close()


def held():
    """What this process holds: without what the allocator keeps of large arrays that one call has made and freed."""
    gc.collect()
    LIBC.malloc_trim(0)
    return {
        "memory of the engine, KiB": int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        >> 10,
        "descriptors of the engine": len(os.listdir("/proc/self/fd")),
    }


def compare(before, after):
    """Print a line for each figure; 1 if one has grown, otherwise 0."""
    status = 0
    for name, most in zip(before, (MAY_GROW, 0), strict=True):
        good = after[name] - before[name] <= most
        print(name, before[name], after[name], "ok" if good else f"WRONG, must be at most {most} more", sep="\t")
        status |= not good
    return status


def watch_evaluations():
    """A list that gets what is evaluated from now on."""
    evaluated = []
    for name in LOADED_LATE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if "PIL.Image" in sys.modules:
        sys.modules["PIL.Image"].init()

    def hook(event, arguments):
        if event in EVALUATIONS and not (event == "import" and arguments[0] in LOADED_LATE):
            evaluated.append(f"{event} {arguments!r:.200}")

    sys.addaudithook(hook)
    return evaluated


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--count", type=int, default=3000, help="how many mutations")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", type=int, help="the number of the one mutation to execute")
    options = arguments.parse_args()
    faulthandler.enable()
    np.seterr(all="ignore")
    keep_freed_memory(LIBC)
    streams = corpus()
    joined = [parsed('> [["hello", 1, 1, "{hash}", 0], ["join", 2, 0]]')]  # loads MPI, which no example does
    for stream in [*streams, joined]:  # so that what is loaded late is not counted as growth
        execute(b"".join(frame(items, payload) for items, payload in stream))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    print(f"the number of the mutation is in {folder}/number, should this process die", file=sys.stderr)
    note = open("number", "wb", buffering=0)  # noqa: SIM115
    outcomes = collections.Counter()
    evaluated = watch_evaluations()
    numbers = range(options.count) if options.only is None else [options.only]
    for done, number in enumerate(numbers):
        if done == len(numbers) // 10:  # by then the caches are full
            before = held()
        if done % BATCH == 0:
            faulthandler.dump_traceback_later(SECONDS, exit=True)
        rng = random.Random(options.seed * 1_000_003 + number)
        data = rng.choice(MUTATIONS)(rng, rng.choice(streams))
        note.seek(0)
        note.write(b"%d\n" % number)
        try:
            outcomes[execute(data)] += 1
            assert not evaluated and not os.path.exists("evaluated"), evaluated
        except BaseException:
            print(f"mutation {number} of seed {options.seed}: {data.hex()}", file=sys.stderr)
            raise
        if done % 500 == 0:
            gc.collect()
        if number % 50_000 == 49_999:
            print(
                f"    {number + 1} of {options.count}; the engine has {held()['memory of the engine, KiB'] >> 10} MiB",
                file=sys.stderr,
            )
    faulthandler.cancel_dump_traceback_later()
    shutil.rmtree(folder)
    for outcome, count in outcomes.items():
        print(outcome, count)
    sys.exit(compare(before, held()))


if __name__ == "__main__":
    main()

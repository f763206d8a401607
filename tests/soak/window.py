"""The engine with a window: it serves as ever, and tells what it holds to whoever connects to a Unix socket.

    python tests/soak/window.py PATH [BURSTS]

A line of `name number` pairs for each connection. With BURSTS the engine also prints, from the first look on, that many
times 1 MiB of `o` to stdout and of `e` to stderr: half of them from the thread that computes, half from others.
"""

import gc
import os
import socket
import sys
import threading
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from python_engine import __main__ as program  # noqa: E402

path, bursts = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
del sys.argv[1:]
BURST = 1 << 20
printed = {"stdout": 0, "stderr": 0}  # bytes
looked = threading.Event()


def print_burst(name):
    """Through Python's stream, which is line-buffered, or around it, as a C library prints."""
    text = ("o" if name == "stdout" else "e") * 63 + "\n"
    if name == "stdout":
        print(text * (BURST // 64), end="")
    else:
        data = text.encode() * (BURST // 64)
        while data:
            data = data[os.write(2, data) :]
    printed[name] += BURST


def print_bursts(name):
    looked.wait()
    for _ in range(bursts - bursts // 2):
        print_burst(name)


def print_while_executing(session):
    """Let a session print a burst to either stream after each of its next frames."""
    execute, left = session.execute, bursts // 2

    def noisy(message, payload):
        nonlocal left
        if left and looked.is_set():
            left -= 1
            print_burst("stdout")
            print_burst("stderr")
        return execute(message, payload)

    session.execute = noisy


def look(session):
    """What the session holds, as pairs."""
    gc.collect()
    return {
        "handles": len(session.arrays) - 1,
        "segments": len(session.pool.segments),
        "objects": len(gc.get_objects()),
        **printed,
    }


def answer(listener, session):
    while True:
        with listener.accept()[0] as asking:
            asking.sendall(" ".join(f"{name} {number}" for name, number in look(session).items()).encode() + b"\n")
        looked.set()


def serve(read_fd, write_fd):
    """What python_engine does in the engine's process, with a window."""
    from python_engine.session import Session

    class Watched(Session):
        def __init__(self, channel):
            super().__init__(channel)
            listener = socket.socket(socket.AF_UNIX)
            Path(path).unlink(missing_ok=True)
            listener.bind(path)
            listener.listen()
            threads = [threading.Thread(target=answer, args=(listener, self), daemon=True)]
            if bursts:
                print_while_executing(self)
                threads += [threading.Thread(target=print_bursts, args=(name,), daemon=True) for name in printed]
            for thread in threads:
                thread.start()

    sys.modules["python_engine.session"].Session = Watched
    plain_serve(read_fd, write_fd)


plain_serve, program.serve = program.serve, serve
program.main()

"""Where the engine's microseconds of one operator go: python tests/bench/bridge_engine.py

The parts of `$x * 2` on a 2×2, each as the difference that it makes, in µs of CPU time: the least of many short rounds.
"""

import gc
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import numpy as np  # noqa: E402

from python_engine import calls, tape, wire  # noqa: E402
from python_engine.ndarray import NDArray  # noqa: E402
from python_engine.registry import OPERATORS  # noqa: E402
from python_engine.session import Session  # noqa: E402

CALLS, ROUNDS = 32, 3000
OPERATOR = OPERATORS["_mul_scalar"]
NUMBER = OPERATOR.number


def least(works):
    """The CPU time of a call in each of these, in µs. They take turns, so that all see the same machine.

    A work is a function, or a pair of one and another that makes its argument."""
    best = dict.fromkeys(works, 1e9)
    for _ in range(ROUNDS):
        for name, work in works.items():
            work, prepare = work if type(work) is tuple else (work, None)
            given = (prepare(),) if prepare else ()
            start = time.thread_time_ns()
            work(*given)
            best[name] = min(best[name], time.thread_time_ns() - start)
    return {name: value / 1000 / CALLS for name, value in best.items()}


def often(call):
    def work():
        for _ in range(CALLS):
            call()

    return work


def main():
    gc.disable()
    np.seterr(all="ignore")
    ours, theirs = socket.socketpair()
    session = Session(wire.Channel(theirs.fileno(), theirs.fileno()))
    row, data = [2.0], np.ones((2, 2), np.float32)
    array, attrs = NDArray(data), OPERATOR.parse_row(row)
    session.arrays[1] = array
    items = [item for n in range(CALLS) for item in ([NUMBER, row, 2 + n, 1], 2 + n)]
    body = wire.pack(items)[0][wire.HEADER.size :]

    def variable():
        x = NDArray(data)
        tape.mark_variable(x, NDArray(np.zeros((2, 2), np.float32)))
        return x

    def put_variable():
        session.arrays[1] = variable()

    def record(_):
        with tape.recording(True, True):
            session.execute(items, b"")
        session.arrays[1] = array

    def chain():
        y = variable()
        with tape.recording(True, True):
            for _ in range(CALLS):
                (y,) = calls.invoke(OPERATOR, [y], attrs)
        return y

    cost = least(
        {
            "nothing": often(lambda: None),
            "decode": lambda: wire.unpack(body),
            "attributes": often(lambda: OPERATOR.parse_row(row)),
            "numpy": often(lambda: np.multiply(data, 2.0)),
            "forward": often(lambda: OPERATOR.forward(data, **attrs)),
            "array": often(lambda: NDArray(data)),
            "invoke": often(lambda: calls.invoke(OPERATOR, [array], attrs)),
            "execute": lambda: session.execute(items, b""),
            "record": (record, put_variable),
            "backward": (lambda y: tape.backward([y]), chain),
        }
    )
    nothing = cost["nothing"]
    attributes, numpy, forward, new, invoke = (
        cost[name] - nothing for name in ("attributes", "numpy", "forward", "array", "invoke")
    )
    for name, value in {
        "the frame is decoded": cost["decode"],
        "attributes are read": attributes,
        "NumPy multiplies": numpy,
        "the operator, around NumPy": forward - numpy,
        "its result becomes an array": new,
        "the call, around that": invoke - forward - new,
        "the session: handles, and the free": cost["execute"] - invoke - attributes,
        "all of these": cost["decode"] + cost["execute"],
        "more if it is recorded": cost["record"] - cost["execute"],
        "its gradient in backward": cost["backward"],
    }.items():
        print(f"{name:40} {value:6.2f}")


if __name__ == "__main__":
    main()

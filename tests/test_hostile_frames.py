"""What no client should send: the engine refuses it with one line and ends, or poisons what depends on it and goes on.

Each case has an engine process of its own, which may take no more than a little memory from there on.
AI_MXNET_FUZZ=1000000 makes the mutation test a soak run.
"""

import os
import random
import re
import resource
import socket
import subprocess
import sys
import threading
from pathlib import Path

import msgpack
import pytest
from stream_client import HEADER, PATIENCE, ROOT, Client, frame, vectors

from python_engine import messages, session, wire  # noqa: F401  session loads the modules of all messages
from python_engine.errors import ProtocolError
from python_engine.registry import OPERATORS, REGISTRY

SQUARE, ADD = OPERATORS["square"].number, OPERATORS["broadcast_add"].number
SPARE = 96 << 20  # bytes of memory that an engine may still take: one frame of the largest body, and little else


@pytest.fixture
def engine(server):
    """A greeted engine with the arrays 1, 2 (of three elements, the gradient of 1) and 3, and a segment 1."""
    engine = server.greeted()
    engine.send([["put", h, "float32", None, 3] for h in (1, 2, 3)], b"\0" * 36)
    engine.send([["mark", 1, 2, "write"]])
    assert engine.ask("segment", 2, 100)[0][:3] == [2, "ok", 1]
    engine.cap_memory(SPARE)
    yield engine
    engine.channel.close()


def assert_refused(engine, complaint=""):
    """The engine ends with an error, and one line on its stderr that is no traceback."""
    said, status, stderr = engine.end()
    assert said and said[-1][:3] == [0, "error", "protocol"], (said, stderr)
    assert complaint in said[-1][3] and "memory" not in said[-1][3]
    assert len(said[-1][3]) < 1000
    assert status == 1 and stderr == f"ai-mxnet-engine: MXNetError: {said[-1][3]}\n"


def answered(engine, *items):
    """The answer to the request that comes last in a frame, whatever notices come before."""
    engine.send(items)
    return next(message for message, _ in iter(engine.receive, None) if message[0] == items[-1][1])


def assert_alive(engine):
    assert answered(engine, ["wait", 99, 1]) == [99, "ok"]


# -- bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [pytest.param(row, id=row["what"]) for row in vectors("hostile_bodies.json")])
def test_a_body_that_is_no_value_of_the_protocol_is_refused(engine, row):
    body = b"".join(bytes.fromhex(part) * times for part, times in row["parts"])
    engine.send_bytes(HEADER.pack(len(body), 0) + body)
    assert_refused(engine)


@pytest.mark.parametrize(
    "head",
    [(0xFFFFFFFF, 0), (0, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (wire.MAX_BODY + 1, 0), (1, wire.MAX_PAYLOAD + 1)],
)
def test_a_frame_that_announces_too_much_is_refused_before_it_arrives(engine, head):
    engine.send_bytes(HEADER.pack(*head))
    assert_refused(engine, "announces")


@pytest.mark.parametrize("sent", [b"\5", HEADER.pack(5, 0), HEADER.pack(5, 0) + b"\x91", frame([3], b"abc")[:-1]])
def test_a_frame_that_is_cut_off_is_refused(engine, sent):
    engine.send_bytes(sent)
    engine.channel.shutdown(socket.SHUT_WR)
    assert_refused(engine, "the stream ended inside a frame")


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_refused(engine, seed):
    body = random.Random(seed).randbytes(1000)
    engine.send_bytes(HEADER.pack(len(body), 0) + body)
    assert_refused(engine)


def test_a_frame_for_which_there_is_no_memory_is_refused(engine):
    engine.send_bytes(HEADER.pack(1, wire.MAX_PAYLOAD))
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(wire.MAX_PAYLOAD >> 20):
            engine.send_bytes(b"\0" * (1 << 20))
    said, status, stderr = engine.end()
    assert status == 1 and "there is no memory for a frame" in stderr and stderr.count("\n") == 1


def test_an_engine_that_writes_does_not_read_without_end(monkeypatch):
    monkeypatch.setattr(wire, "MAX_BODY", 1 << 10)
    monkeypatch.setattr(wire, "MAX_PAYLOAD", 1 << 20)
    ours, theirs = socket.socketpair()
    channel = wire.Channel(theirs.fileno(), theirs.fileno())
    ours.setblocking(False)
    flooded = threading.Event()

    def flood():
        sent = 0
        while sent < 8 << 20 and not flooded.is_set():
            try:
                sent += ours.send(b"\0" * (1 << 16))
            except BlockingIOError:
                flooded.wait(0.01)
                if len(channel.buffer) > 1 << 20:
                    flooded.set()
        ours.setblocking(True)
        while ours.recv(1 << 20):
            pass

    thread = threading.Thread(target=flood)
    thread.start()
    channel.send(["x"], b"\0" * (1 << 20))
    theirs.shutdown(socket.SHUT_WR)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert len(channel.buffer) <= (1 << 20) + (1 << 10) + wire.ARRIVING
    ours.close()
    theirs.close()


# -- items -----------------------------------------------------------------------------------------------------------


def nested(levels):
    value = []
    for _ in range(levels - 1):
        value = [value]
    return value


REFUSED = {
    "a text": "wait",
    "nil": None,
    "a float": 1.5,
    "a truth": True,
    "an empty item": [],
    "an unknown message": ["eval", "print(1)"],
    "a message that is no text": [None],
    "a message that is a list": [["wait"], 5],
    "a message that is a float": [1.0, None, 4, 1],
    "a handle that names nothing": 77,
    "an operator beyond the table": [len(REGISTRY), None, 4, 1],
    "an operator far beyond the table": [1 << 60, None, 4, 1],
    "a negative operator": [-1, None, 4, 1],
    "an operator alone": [SQUARE],
    "an operator without outputs": [SQUARE, None],
    "attributes that are a number": [SQUARE, 0, 4, 1],
    "attributes that are a text": [SQUARE, "ab", 4, 1],
    "attributes that are false": [SQUARE, False, 4, 1],
    "attributes that are an empty text": [SQUARE, "", 4, 1],
    "attributes in 17 levels": [SQUARE, nested(15), 4, 1],
    "attributes in 500 levels": [SQUARE, nested(500), 4, 1],
    "an attribute in 20 levels": [OPERATORS["_mul_scalar"].number, [nested(20)], 4, 1],
    "an output that is nil": [SQUARE, None, None, 1],
    "an output that is a text": [SQUARE, None, "four", 1],
    "an output that is a float": [SQUARE, None, 4.0, 1],
    "outputs of which one is nil": [SQUARE, None, [4, None], 1],
    "an input that is a text": [SQUARE, None, 4, "one"],
    "an input that is a list": [SQUARE, None, 4, [1]],
    "an input that is a float": [SQUARE, None, 4, 0.5],
    "an answer to no call": ["return", 1, [1]],
    "an exception for no call": ["raise", 1, "why"],
    "a segment that is unknown": ["unmap", 7],
    "a segment that is not mapped": ["unmap", 1],
    "an upload from no segment": ["share", 4, 7, "float32", None, 1],
    "an upload that does not fit": ["share", 4, 1, "float32", None, 1 << 20],
    "an upload of a huge shape": ["share", 4, 1, "float32", None, 1 << 62, 1 << 62],
    "a drop of no segment": ["drop", 7],
    "more elements than bytes": ["put", 4, "float32", None, 1],
    "very many more elements than bytes": ["put", 4, "float32", None, 1 << 62, 1 << 62, 1 << 62],
    "a variable without gradient": ["mark", 1, None, "write"],
    "a second greeting of another table": ["hello", 5, 1, "x", 0],
    "a random that is unknown": ["random", 5, "roll"],
    "an executor that does not exist": ["forward", 77, 1],
    "gradients of no executor": ["differentiate", 77, 1],
    "gradients of an array": ["differentiate", 1, 1],
}


@pytest.mark.parametrize("item", REFUSED.values(), ids=REFUSED)
def test_an_item_that_breaks_the_protocol_ends_the_connection(engine, item):
    engine.send([["wait", 9], item, ["wait", 10]])
    assert engine.receive()[0] == [9, "ok"]
    assert_refused(engine)


def test_a_frame_that_is_no_list_is_refused(engine):
    engine.send(5)
    assert_refused(engine, "a frame holds a list of items")


def test_a_handle_that_was_freed_cannot_be_freed_again(engine):
    engine.send([3, 3])
    assert_refused(engine, "handle 3 was freed")


def test_segments_in_use_and_those_of_the_engine_are_refused(server):
    for last in (
        [["share", 4, 1, "float32", None, 1], ["share", 5, 1, "float32", None, 1]],
        [["share", 4, 1, "float32", None, 1], ["drop", 1]],
        [["drop", 1], ["drop", 1]],
        [["drop", 1], ["share", 4, 1, "float32", None, 1]],
        [["read", 3, 1, 1], ["share", 4, 2, "float32", None, 1]],
        [["read", 3, 1, 1], ["drop", 2]],
        [["read", 3, 1, 1], ["unmap", 2], ["unmap", 2]],
    ):
        engine = server.greeted()
        engine.send([["put", 1, "float32", None, 3]], b"\0" * 12)
        engine.ask("segment", 2, 100)
        engine.send(last)
        assert_refused(engine, "segment")


def test_answers_to_a_call_must_be_its_own_and_one(server):
    call = [["mark", 1, 2, "write"], ["mode", 1, 1], ["function", 7, [3], [1]], ["backward", 5, [3], None, 1, 1]]
    for answers, complaint in (
        ([["return", 2, [1]]], "call 2 was answered while call 1 was waiting"),
        ([["return", 1, [1]], ["return", 1, [1]]], "two answers"),
        ([["raise", 1, "no"], ["return", 1, [1]]], "two answers"),
    ):
        engine = server.greeted()
        engine.send([["put", h, "float32", None, 1] for h in (1, 2, 3)], b"\0" * 12)
        engine.send(call)
        assert engine.receive()[0][:3] == ["call", 1, 7]
        engine.send(answers)
        assert_refused(engine, complaint)


# for each type of field a value that it takes, and those that it must refuse
SAMPLES = {
    "number": (5, [0, -1, None, "five", 1.5, [], True]),
    "number or nil": (None, [0, -1, "five", 1.5, []]),
    "int": (1, [None, "one", 1.5, [1], True]),
    "int or nil": (None, ["one", 1.5, [1], True]),
    "handle": (1, [None, "one", 1.5, [1], True, b"\xff"]),
    "handle or nil": (None, ["one", 1.5, [1], False]),
    "size": (0, [-1, None, "-1", "many", 1.5, [], True]),
    "flag": (0, [2, -1, None, "yes", 1.5, []]),
    "text": ("x", [1, None, 1.5, [], ["x"], True]),
    "text or nil": (None, [1, 1.5, [], False]),
    "scalar": (None, [[], [1], nested(20)]),
    "dtype": ("float32", ["float128", "object", "O", "", 1, None, [], ["float32"], b"\xff", "f" * 10_000]),
    "dtype or nil": (None, ["float128", 1, []]),
    "req": ("null", ["sum", "", 1, None, []]),
    "operator": (0, [-1, len(REGISTRY), 1 << 63, None, "square", 1.5, [0], True]),
    "attributes": (None, [0, "", "ab", False, 1.5]),
    "[handle]": ([1], [1, None, "one", ["one"], [None], [1.5], [[1]], nested(20)]),
    "[handle or nil] or nil": (None, [1, "one", ["one"], [1.5], [[1]]]),
    "[handle or nil]": ([1], [1, None, "one", ["one"], [[1]]]),
    "[text]": ([], [1, None, "x", [1], [None], [["x"]]]),
    "[attributes]": ([], [1, None, "x", [1], ["x"], [False]]),
    "[req]": ([], [1, None, "null", ["sum"], [None]]),
    "[text] or nil": (None, [1, "x", [1], [None], [["x"]]]),
}
FIELDS = [
    pytest.param(control, position, wrong, id=f"{control.name}-{name}-{str(wrong)[:20]!a}")
    for control in messages.CONTROLS.values()
    for position, (name, field) in enumerate(control.fields + ([control.rest] if control.rest else []))
    for wrong in SAMPLES[field.name][1]
]


@pytest.mark.parametrize("control, position, wrong", FIELDS)
def test_a_field_of_a_wrong_type_ends_the_connection(server, control, position, wrong):
    engine = server.greeted()
    right = [SAMPLES[field.name][0] for _, field in control.fields]
    engine.send([[control.name, *right[:position], wrong, *right[position + 1 :]]])
    assert_refused(engine, f"of the message {control.name} is of type")


@pytest.mark.parametrize("control", messages.CONTROLS.values(), ids=lambda control: control.name)
def test_too_few_and_too_many_fields_end_the_connection(server, control):
    right = [SAMPLES[field.name][0] for _, field in control.fields]
    few = [right[: control.least - 1]] if control.least else []
    for fields in few + ([[*right, 1]] if control.rest is None else []):
        engine = server.greeted()
        engine.send([[control.name, *fields]])
        assert_refused(engine, f"the message {control.name} has the fields")


# -- data ------------------------------------------------------------------------------------------------------------

FULL = OPERATORS["_full"].number


@pytest.mark.parametrize(
    "item",
    [
        [FULL, [[1 << 40], "", "float32", 1.0], 4],
        [FULL, [[1 << 62, 4], "", "float32", 1.0], 4],
        [FULL, [[-1], "", "float32", 1.0], 4],
        [FULL, [[1] * 100, "", "float32", 1.0], 4],
        [FULL, [[1 << 63], "", "float32", 1.0], 4],
        [FULL, [["x" * 100_000], "", "float32", 1.0], 4],
        [FULL, [[[1]], "", "float32", 1.0], 4],
        [FULL, [[1], "", "float32", float("inf"), 1, 2, 3], 4],
        [FULL, [[1.5], "", "float32", 1.0], 4],
        [FULL, [[1], "", b"\xff\xfe", 1.0], 4],
        [FULL, None, 4],
        [FULL, [list(range(100_000)), "", "float32", 1.0], 4],
        [SQUARE, None, 4],
        [SQUARE, None, 4, None],
        [SQUARE, None, 4, 1, 1],
        [SQUARE, None, 4, 77],
        [ADD, None, [4, 5, 6], 1, 1],
        [ADD, [1], 4, 1, 1],
        ["put", 4, "float32", None, *[0] * 100],
        ["put", 4, "float32", None, 0, 1 << 62],
        ["share", 4, 1, "float32", None, *[1] * 100],
        ["into", SQUARE, None, [4], 1],
        ["function", 1, [4], [1]],
        ["run", 77, [4], 1],
        ["run", 1, [4], 1],
    ],
    ids=lambda item: f"{item!s:.40}",
)
def test_data_that_cannot_be_computed_poisons_the_output_and_harms_nothing_else(engine, item):
    answer = answered(engine, item, ["wait", 5, 4])
    assert answer[:2] == [5, "error"] and len(answer[3]) <= messages.MAX_TEXT
    engine.send([4])
    assert_alive(engine)


@pytest.mark.parametrize(
    "request_",
    [
        ["segment", 5, 1 << 50],
        ["segment", 5, 1 << 62],
        ["segment", 5, (1 << 64) - 1],
        ["read", 5, 77, 0],
        ["call", 5, FULL, [[1 << 40], "", "float32", 1.0]],
        ["call", 5, SQUARE, [1, 2, 3], 1],
        ["call", 5, SQUARE, None, None],
        ["call", 5, SQUARE, None, 77],
        ["grad", 5, [1], None, [77], 0, 0, 1],
        ["grad", 5, [], None, [], 0, 0, 1],
        ["backward", 5, [], None, 0, 1],
        ["backward", 5, [3], [None, None], 0, 1],
        ["on_tape", 5, 77],
        ["save", 5, "/nowhere/at/all", None, 1],
        ["save", 5, "x\0y", None, 1],
        ["save", 5, "/dev/null", ["a", "b"], 1],
        ["save", 5, "/dev/null", [b"\xff"], 1],
        ["load", 5, "/dev/null"],
        ["load", 5, "/"],
        ["load", 5, b"\xff"],
        ["load", 5, None],
        ["random", 5, "seed", "x"],
        ["random", 5, "seed", 1e400],
        ["random", 5, "set"],
        ["random", 5, "set", "[" * 100_000],
        ["random", 5, "set", "{}"],
        ["random", 5, "set", b"\xff"],
        ["variable", 5, 4, b"\xff", []],
        ["variable", 5, 4, "x", ["__shape__"]],
        ["compose", 5, 4, "nothing", "n", [], None],
        ["compose", 5, 4, b"\xff", "n", [], None],
        ["compose", 5, 4, "square", "n", [], None, 1],
        ["compose", 5, 4, "square", "n", [], None, 77],
        ["compose", 5, 4, "SliceChannel", "n", ["num_outputs", "9" * 15], None],
        ["compose", 5, 4, "SliceChannel", "n", ["num_outputs", "-1"], None],
        ["compose", 5, 4, "add_n", "n", ["num_args", "-1"], None],
        ["compose", 5, 4, "_full", "n", ["shape", "(" * 10_000], None],
        ["history", 5, 4, 77],
        ["group", 5, 4, 1],
        ["recompose", 5, 4, 1, None, []],
        ["part", 5, 4, 77, "internals"],
        ["names", 5, 77, "outputs"],
        ["attributes", 5, 1],
        ["set_attributes", 5, 1, []],
        ["dump", 5, 1],
        ["parse", 5, 4, ""],
        ["parse", 5, 4, b"\xff"],
        ["parse", 5, 4, "[" * 1_000_000],
        ["parse", 5, 4, '{"nodes": [], "heads": [[0, 0, 0]]}'],
        ["parse", 5, 4, '{"nodes": {"a": 1}, "heads": []}'],
        ["infer_shape", 5, 1, 0, [], []],
        ["infer_type", 5, 1, 0, [], []],
        ["infer_storage", 5, 1, [], []],
        ["evaluate", 5, 1],
        ["bind", 5, 4, 1, [], [], [], [], None],
        ["watch", 5, 1, 0],
    ],
    ids=lambda request: f"{request!s:.40}",
)
def test_a_request_that_cannot_be_met_is_answered_with_an_error(engine, request_):
    answer, _ = engine.ask(*request_)
    assert answer[:2] == [5, "error"] and len(answer) == 9
    assert_alive(engine)


GRAPH = [["variable", 6, 4, "x", []], ["compose", 7, 5, "square", "y", [], None, 4]]


@pytest.mark.parametrize(
    "request_",
    [
        ["part", 5, 6, 5, "all"],
        ["part", 5, 6, 5, "output", 1],
        ["part", 5, 6, 5, "output", -1],
        ["part", 5, 6, 5, "output", 1 << 63],
        ["part", 5, 6, 5, "output", 0.5],
        ["part", 5, 6, 5, "output", b"\xff"],
        ["part", 5, 6, 5, "output"],
        ["names", 5, 5, "all"],
        ["recompose", 5, 6, 5, None, ["y"], 4],
        ["recompose", 5, 6, 5, None, ["x"]],
        ["recompose", 5, 6, 5, b"\xff", []],
        ["set_attributes", 5, 5, ["x"]],
        ["infer_shape", 5, 5, 0, ["x"], []],
        ["infer_shape", 5, 5, 0, ["x"], [[-1]]],
        ["infer_shape", 5, 5, 0, ["x"], [["wide"]]],
        ["infer_shape", 5, 5, 0, ["x"], [[[1]]]],
        ["infer_shape", 5, 5, 0, [b"\xff"], [[1]]],
        ["infer_type", 5, 5, 0, ["x"], ["float128"]],
        ["infer_type", 5, 5, 0, ["x"], []],
        ["infer_storage", 5, 5, ["x"], ["dense"]],
        ["infer_storage", 5, 5, ["x"], []],
        ["evaluate", 5, 5],
        ["evaluate", 5, 5, 77],
        ["evaluate", 5, 5, 1, 1],
        ["bind", 5, 6, 5, [], [], [], [], None],
        ["bind", 5, 6, 5, [1], [2], [], [], None],
        ["bind", 5, 6, 5, [1], [77], ["write"], [], None],
        ["bind", 5, 6, 5, [1], [None], ["null"], [1], None],
    ],
    ids=lambda request: f"{request!s:.40}",
)
def test_a_request_about_a_graph_that_cannot_be_met_is_answered_with_an_error(engine, request_):
    engine.send(GRAPH)
    assert [engine.receive()[0][:2] for _ in GRAPH] == [[6, "ok"], [7, "ok"]]
    answer, _ = engine.ask(*request_)
    assert answer[:2] == [5, "error"] and len(answer) == 9
    engine.send([5, 4])
    assert_alive(engine)


def test_symbols_and_executors_are_no_arrays(engine):
    engine.send([*GRAPH, ["bind", 8, 6, 5, [1], [None], ["null"], [], None]])
    assert [engine.receive()[0][:2] for _ in range(3)] == [[6, "ok"], [7, "ok"], [8, "ok"]]
    for graph in (4, 5, 6):
        engine.send([[SQUARE, None, 7, graph], ["into", SQUARE, None, [7], graph]])
        assert answered(engine, ["wait", 9, 7])[:3] == [9, "error", "handle"]
        engine.send([7])
        for name in ("read", "save", "on_tape"):
            fields = {"read": [graph, 0], "save": ["/dev/null", None, graph], "on_tape": [graph]}[name]
            assert answered(engine, [name, 9, *fields])[:3] == [9, "error", "handle"]
    engine.send([4, 5, ["forward", 6, 1], 6])
    engine.send([4])
    assert_refused(engine, "handle 4 was freed, but names nothing")


def test_an_executor_computes_again_after_a_failure(engine):
    engine.send([*GRAPH, ["bind", 8, 6, 5, [3], [2], ["write"], [], None]])
    output = [engine.receive()[0] for _ in range(3)][2][2]
    engine.send([["into", SQUARE, None, [3], 77], ["forward", 6, 1], ["differentiate", 6, 1, 1]])
    for broken in (output, 2):
        assert answered(engine, ["wait", 9, broken])[:3] == [9, "error", "handle"]
    engine.send([["into", SQUARE, None, [3], 1], ["forward", 6, 1], ["differentiate", 6, 1, 1]])
    for mended in (output, 2):
        assert answered(engine, ["wait", 9, mended]) == [9, "ok"]


def test_a_graph_of_a_million_calls_is_refused_or_computed(server):
    rows = ['{"op": "null", "name": "x", "inputs": []}']
    rows += [f'{{"op": "negative", "name": "n{i}", "inputs": [[{i}, 0, 0]]}}' for i in range(1_000_000)]
    for count, status in ((len(rows), "error"), (50_001, "ok")):
        engine = server.greeted()
        text = f'{{"nodes": [{", ".join(rows[:count])}], "heads": [[{count - 1}, 0, 0]]}}'
        assert engine.ask("parse", 5, 4, text)[0][:2] == [5, status]
        if status == "ok":
            engine.send([["put", 1, "float32", None, 1]], b"\0\0\x80\x3f")
            engine.send([["evaluate", 5, 4, 1], ["read", 6, -1, 0], ["infer_shape", 7, 4, 0, ["x"], [[3]]], 4])
            assert engine.receive()[0][:3] == [5, "ok", -1]
            assert engine.receive()[1] == b"\0\0\x80\x3f"
            assert engine.receive()[0][:2] == [7, "ok"]
        engine.channel.close()


def test_failures_do_not_make_the_engine_grow(engine):
    wrong = [[SQUARE, None, 4, 77], [FULL, [["x" * 1000], "", "float32", 1.0], 5], 4, 5, ["on_tape", 6, 77]]
    for _ in range(100):
        engine.send(wrong)
        engine.receive()
    before = engine.resident()
    for _ in range(2000):
        engine.send(wrong)
        engine.receive()
    assert engine.resident() - before < 8 << 20
    assert_alive(engine)


def test_after_an_allocation_that_fails_large_arrays_take_no_fresh_memory_either():
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "python_engine"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, cwd=ROOT) as program, ours:
        theirs.close()
        client = Client(ours)
        pid = client.greet()[2]
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists():
            pytest.skip("there is no /proc that counts the pages")
        resource.prlimit(pid, resource.RLIMIT_AS, (4 << 30,) * 2)

        def pages():
            return int(stat.read_text().rpartition(")")[2].split()[7])

        def square():
            """How many pages of memory that is fresh a large array takes."""
            before = pages()
            client.send([[SQUARE, None, 2, 1], 2])
            assert client.ask("wait", 3)[0] == [3, "ok"]
            return pages() - before

        client.send([[FULL, [[24 << 20], "", "float32", 1.0], 1]])  # more than glibc's other heaps can hold
        assert square() > 0, "and now there are threads, without which there are no other heaps"
        assert client.ask("call", 2, FULL, [[1 << 31], "", "float32", 1.0])[0][:2] == [2, "error"]
        assert sum(square() for _ in range(4)) < 20
        client.send([["bye"]])
        program.communicate()


def test_workers_are_joined_once_and_the_second_time_harms_nothing(server):
    engine = server.greeted()
    answer = engine.ask("join", 5, 0)[0]
    if answer[1] == "error" and "mpi4py" in answer[3]:
        pytest.skip("there is no MPI")
    assert answer == [5, "ok", 0, 1]
    assert engine.ask("leave", 6)[0] == [6, "ok"]
    answer = engine.ask("join", 7, 0)[0]
    assert answer[:3] == [7, "error", "argument"] and "joined workers before" in answer[3]
    assert engine.ask("wait", 8)[0] == [8, "ok"]
    assert engine.close()[1] == 0


def test_a_segment_that_cannot_be_made_leaves_no_descriptor(engine):
    before = engine.descriptors()
    for size in (1 << 40, 1 << 50, 1 << 62, (1 << 64) - 1):
        assert engine.ask("segment", 6, size)[0][:2] == [6, "error"]
    assert engine.descriptors() == before


# -- mutations -------------------------------------------------------------------------------------------------------


def test_mutated_streams_never_break_the_engine():
    count = int(os.environ.get("AI_MXNET_FUZZ", 3000))
    command = [sys.executable, ROOT / "tests/fuzz_stream.py", "--count", str(count), "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60 + count / 50)
    assert run.returncode == 0, run.stdout + run.stderr
    outcomes = dict(re.findall(r"^(\w+) (\d+)$", run.stdout, re.M))
    assert int(outcomes["refused"]) > count / 10 and int(outcomes["survived"]) > count / 10


def test_the_check_of_large_bodies_agrees_with_the_codec():
    rng = random.Random(3)
    accepted = 0
    for _ in range(3000):
        body = bytearray(msgpack.packb([[rng.randrange(1 << 40), None, "text", [0.5, rng.randbytes(3)]], -5, [True]]))
        for _ in range(rng.randrange(3)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        try:
            wire.check_body(body)
        except ProtocolError:
            with pytest.raises(ProtocolError):
                wire.check_value(wire.unpack(bytes(body)))
        else:
            wire.check_value(wire.unpack(bytes(body)))
            accepted += 1
    assert 1000 < accepted < 2900

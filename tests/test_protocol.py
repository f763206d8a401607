"""The stream as protocol/PROTOCOL.md describes it, spoken to engines that are processes of their own."""

import mmap
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import time

import msgpack
import numpy as np
import pytest
from stream_client import CONTRACT, ROOT, examples, floats, number, parsed, put, values, vectors

from python_engine import attributes, messages, session, table, wire
from python_engine.errors import ArgumentError

ADD, SCALE, SQUARE = number("broadcast_add"), number("_mul_scalar"), number("square")


# -- the document ----------------------------------------------------------------------------------------------------


def agrees(expected, got):
    if isinstance(expected, list):
        return isinstance(got, list) and len(expected) == len(got) and all(map(agrees, expected, got))
    return (isinstance(expected, str) and re.fullmatch(r"\{\w+\}", expected) is not None) or expected == got


@pytest.mark.parametrize("lines", [pytest.param(lines, id=heading) for heading, lines in examples()])
def test_the_engine_says_what_the_examples_of_the_contract_say(lines, server, tmp_path):
    engine = server.start()
    if "hello" not in lines[0]:
        engine.greet()
    for line in lines:
        expected, payload = parsed(line, folder=tmp_path)
        if line.startswith(">"):
            engine.send(expected, payload)
        else:
            message, got = engine.receive()
            assert agrees(expected, message), (line, message)
            assert got == payload
    engine.channel.close()


def test_the_contract_lists_the_control_messages_and_their_fields():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| .*\|$", CONTRACT, re.M)
    assert dict(rows) == {control.name: control.signature() for control in messages.CONTROLS.values()}


def test_the_contract_has_an_example_of_each_message():
    said = "\n".join(line for _, lines in examples() for line in lines)
    # those of workers are tried where there are some, in perl_bindings/t/kvstore_dist.t
    controls = [c for c in messages.CONTROLS.values() if c.function.__module__ != "python_engine.workers"]
    assert {control.name for control in controls} <= set(re.findall(r'\["(\w+)"', said))
    assert {"ok", "error"} <= set(re.findall(r'^< \[\d+, "(\w+)"', said, re.M))
    assert {"segment", "call", "release"} <= set(re.findall(r'^< \["(\w+)"', said, re.M))


def test_the_contract_names_the_limits_that_hold():
    limits = re.search(r"\| limit \|.*?\n\n", CONTRACT, re.S)[0].replace(" ", "")
    assert wire.MAX_BODY == 64 << 20 and "body|64MiB" in limits
    assert wire.MAX_PAYLOAD == 1 << 30 and "payload|1GiB" in limits
    for value in (wire.MAX_VALUES, wire.MAX_NESTING, session.MAX_CALLS, session.MAX_TEXT):
        assert str(value) in limits
    assert f"# Protocol {messages.PROTOCOL}\n" in CONTRACT


# -- vectors that both languages read ----------------------------------------------------------------------------------


def recorded(name):
    return pytest.mark.parametrize("row", [pytest.param(row, id=row["what"]) for row in vectors(name)])


def as_received(value):
    """JSON as it arrives from a client: text as bytes."""
    if isinstance(value, list):
        return [as_received(item) for item in value]
    return value.encode() if isinstance(value, str) else value


@recorded("client_frames.json")
def test_a_recorded_frame_of_the_client_is_read(row):
    read_fd, write_fd = os.pipe()
    try:
        channel = wire.Channel(read_fd, write_fd)
        os.write(write_fd, bytes.fromhex(row["frame"]))
        assert channel.receive() == (as_received(row["items"]), bytes.fromhex(row["payload"]))
    finally:
        os.close(read_fd)
        os.close(write_fd)


@recorded("engine_frames.json")
def test_a_recorded_frame_of_the_engine_is_written(row):
    assert b"".join(wire.pack(row["message"], bytes.fromhex(row["payload"]))).hex() == row["frame"]


def attribute_type(row):
    """The type that a row of the exported table describes."""
    kinds = {"int": int, "float": float, "boolean": bool, "string": str, "Shape(tuple)": attributes.Shape}
    kinds["tuple of <float>"] = attributes.Floats
    kind = attributes.Choice(*row["choices"]) if "choices" in row else attributes.as_type(kinds[row["type"]])
    return attributes.Maybe(kind) if row.get("optional") else kind


def plain(value):
    """A value as the vectors write it: a float is told from an int, and what JSON lacks is a word."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return {"float": repr(value)} if isinstance(value, float) else value


@recorded("attributes.json")
def test_a_recorded_attribute_value_is_read_as_its_type(row):
    type_ = attribute_type(row["type"])
    assert type_.describe() == row["type"]
    for encoded in filter(None, (row.get("raw"), row.get("sent"))):
        value = wire.unpack(bytes.fromhex(encoded))
        if "read" in row:
            read = attributes.parse("operator", "argument", type_, value)
            assert plain(read) == row["read"] and type(read) is not np.ndarray
        else:
            with pytest.raises(ArgumentError, match="argument"):
                attributes.parse("operator", "argument", type_, value)


# -- greeting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "greeting, complaint",
    [
        (["hello", 1, 2, "x", 0], "the client speaks protocol 2, this engine 1"),
        (["hello", 1, 2, "a later protocol may", ["look"], "different"], "the client speaks protocol 2"),
        (["hello", 1], "the client speaks protocol none"),
        (["hello", 1, 1, "0" * 64, 0], "operator table differs"),
        (["hello", 1, 1, "hash"], "the message hello has the fields"),
        (["wait", 1], "the first message of a client is hello"),
        (5, "the first message of a client is hello"),
    ],
)
def test_a_wrong_greeting_ends_the_connection_and_says_why(server, greeting, complaint):
    engine = server.start()
    engine.send([greeting])
    (message,), status, stderr = engine.end()
    assert message[:3] == [0, "error", "protocol"] and complaint in message[3]
    assert status == 1 and complaint in stderr


def test_handles_of_the_engines_own_begin_below_what_the_client_has_used_before(server):
    engine = server.start()
    engine.ask("hello", 1, 1, table.digest(), 40)
    put(engine, 41, 1)
    message, _ = engine.ask("call", 2, SQUARE, None, 41)
    assert message == [2, "ok", -41, "float32", 1, 1]
    engine.channel.close()


def test_the_program_speaks_over_pipes_and_what_is_printed_stays_out_of_them():
    command = """if True:
        import os, sys
        import python_engine.__main__ as program
        serve = program.serve
        program.serve = lambda *channel: (print("lost", flush=True), os.system("echo shouted"), serve(*channel))
        sys.argv[1:] = []
        program.main()"""
    process = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, stdin=-1, stdout=-1, stderr=-1, bufsize=0)
    hello = msgpack.packb([["hello", 1, 1, table.digest(), 0], ["wait", 2], ["bye", 3]])
    process.stdin.write(struct.pack("<II", len(hello), 0) + hello)
    out, err = process.stdout.read(), process.stderr.read()
    assert process.wait() == 0
    messages_ = []
    while out:
        size = struct.unpack_from("<I", out)[0]
        messages_.append(msgpack.unpackb(out[8 : 8 + size]))
        out = out[8 + size :]
    assert [m[:2] for m in messages_] == [[1, "ok"], [2, "ok"], [3, "ok"]]
    assert err == b"lost\nshouted\n"


# -- items and values ------------------------------------------------------------------------------------------------


def test_text_is_the_same_as_str_and_as_bin(engine):
    for text in ("float32", b"float32"):
        engine.send([["put", 1, text, None, 1]], floats(7))
        assert values(engine, 1) == [7]
        engine.send([1])


def test_integers_may_come_as_text_of_their_digits(engine):
    put(engine, 1, 1, 2)
    split = number("SliceChannel")
    engine.send([["put", b"2", "float32", None, b"2"], [str(ADD), None, b"3", b"1", 1]], floats(3, 4))
    engine.send([["into", str(SCALE), [2.0], [b"2"], b"3"], [split, [b"2", b"0"], [b"5", b"6"], b"3"], b"1"])
    assert [values(engine, handle) for handle in (2, 3, 5, 6)] == [[4, 8], [2, 4], [2], [4]]
    assert engine.ask("wait", b"7", b"3")[0] == [7, "ok"]
    engine.send([[SQUARE, None, b"8", b"1"], ["read", 2, 8, 0]])
    assert engine.receive()[0][:4] == [2, "error", "handle", "handle 1 names no array"]


def test_nil_in_a_row_and_its_end_stand_for_the_default(engine):
    put(engine, 1, 1, 2)
    for row in (None, [], [None], [None, None]):
        engine.send([[SCALE, row, 2, 1]])
        assert values(engine, 2) == [1, 2]


def test_too_many_attributes_and_missing_ones_poison_the_output(engine):
    put(engine, 1, 1, 2)
    engine.send([[SQUARE, [1], 2, 1], [number("SliceChannel"), None, 3, 1]])
    assert values(engine, 2) == "Operator square has 0 attributes, but got 1"
    assert "Required parameter num_outputs" in values(engine, 3)


def test_wrong_inputs_of_a_call_are_named(engine):
    put(engine, 1, 1, 2)
    engine.send([[ADD, None, 2, 1], [ADD, None, 3, 1, None], [ADD, None, 4, 1, 1, 1], [ADD, None, 5]])
    assert values(engine, 2) == "Operator broadcast_add takes 2 inputs (lhs, rhs), but got 1"
    assert values(engine, 3) == "Operator broadcast_add needs its input rhs, but got None"
    assert values(engine, 4) == "Operator broadcast_add takes 2 inputs (lhs, rhs), but got 3"
    assert values(engine, 5) == "Operator broadcast_add takes 2 inputs (lhs, rhs), but got 0"


def test_hidden_outputs_may_be_left_out_but_no_more_be_named_than_there_are(engine):
    put(engine, 1, 1, 2)
    engine.send([[number("SliceChannel"), [2, 0], [2, 3, 4], 1]])
    assert "2 outputs were computed" in values(engine, 2) == values(engine, 4)
    engine.send([2, 3, 4, [number("SliceChannel"), [2, 0], [2, 3], 1]])
    assert (values(engine, 2), values(engine, 3)) == ([1], [2])


def test_a_call_may_name_no_outputs_and_its_failure_is_still_told(engine):
    put(engine, 1, 1, 2)
    engine.send([[SQUARE, None, [], 1], ["failures", 2], [SQUARE, None, [], 77], ["failures", 3]])
    assert engine.receive()[0] == [2, "ok"]
    assert engine.receive()[0] == [3, "ok", "square", "handle 77 names no array", "", 0]


def test_a_long_frame_is_read_as_any_other(engine):
    put(engine, 1, 1)
    engine.send([[SQUARE, None, handle, 1] for handle in range(2, 10_000)])
    engine.send([*range(2, 9_999), ["wait", 5, 9_999]])
    assert engine.receive()[0] == [5, "ok"]


def test_arrays_of_one_frame_share_its_payload_in_order(engine):
    engine.send([["put", 1, "float32", None, 1], ["put", 2, "float32", None, 2]], floats(1, 2, 3))
    assert (values(engine, 1), values(engine, 2)) == ([1], [2, 3])


def test_an_own_array_that_no_frame_can_carry_is_an_error_and_not_the_end(engine):
    engine.send([[number("_full"), [[wire.MAX_PAYLOAD + 1], "", "uint8", 1], 1]])
    message, _ = engine.ask("read", 2, 1, 0)
    assert message[:3] == [2, "error", "argument"] and "exceeds the limit" in message[3]
    assert engine.ask("wait", 3)[0] == [3, "ok"]


def test_the_fields_of_a_failed_request_may_hold_what_is_no_text(engine, tmp_path):
    message, _ = engine.ask("load", 2, os.fsencode(tmp_path) + b"/\xff\xfe")
    assert message[:2] == [2, "error"] and "No such file" in message[3]
    engine.send([["where", b"/tmp/\xff.pl", 3], ["wait", 3, 77]])
    size, payload = struct.unpack("<II", engine._read(8))
    assert msgpack.unpackb(engine._read(size), raw=True)[6:8] == [b"/tmp/\xff.pl", 3]


# -- poison ----------------------------------------------------------------------------------------------------------


def test_a_failure_reaches_what_depends_on_it_and_nothing_else(engine):
    put(engine, 1, 1, 2)
    put(engine, 2, 1, 2, 3)
    engine.send([["where", "user.pl", 7], [ADD, None, 3, 1, 2], ["where", "user.pl", 8], [SQUARE, None, 4, 3]])
    engine.send([["into", SCALE, [2.0], [2], 4], [SQUARE, None, 5, 1]])
    for handle in (3, 4, 2):
        message, _ = engine.ask("read", 2, handle, 0)
        assert message[:3] == [2, "error", "shape"], message
        assert message[4:8] == ["broadcast_add", "2 3", "user.pl", 7]
    assert values(engine, 5) == [1, 4]
    assert engine.ask("failures", 3)[0] == [3, "ok"]


def test_an_update_that_fails_poisons_its_weight_and_no_other(engine):
    for handle in (1, 2, 3):
        put(engine, handle, *[1] * handle)
    engine.send([["where", "user.pl", 7], ["update", number("sgd_update"), [[0.5], [1.0]], [1, 1], [2, 3]]])
    assert values(engine, 1) == [0.5]
    message, _ = engine.ask("read", 2, 2, 0)
    assert message[:3] == [2, "error", "shape"] and message[4:8] == ["sgd_update", "2 3", "user.pl", 7]
    assert values(engine, 3) == [1, 1, 1]


def test_an_update_has_a_row_for_all_groups_or_for_each(server):
    for groups in ([[1, 1], []], [[1, 1], [1, 1], [1, 1]]):
        engine = server.greeted()
        put(engine, 1, 1)
        engine.send([["update", number("sgd_update"), [[0.5], [0.5]], *groups]])
        assert engine.receive()[0][:3] == [0, "error", "protocol"]


def test_a_failure_that_is_used_often_keeps_no_arrays_and_no_memory(engine):
    put(engine, 1, 1, 2)
    engine.send([["put", 2, "float32", None, 3]], floats(1, 2, 3))
    engine.send([[ADD, None, 3, 1, 2]])
    engine.ask("wait", 2)
    before = engine.resident()
    for _ in range(200):
        engine.send([item for _ in range(50) for item in ([ADD, None, 4, 3, 1], 4)])
        engine.ask("wait", 2, 3)
    assert engine.resident() - before < 4 << 20


def test_failures_lists_the_first_hundred_and_none_that_was_told(engine):
    engine.send([[SQUARE, None, handle, 1000 + handle] for handle in range(1, 151)])
    assert values(engine, 1) == "handle 1001 names no array"
    message, _ = engine.ask("failures", 2)
    assert message[:6] == [2, "ok", "square", "handle 1002 names no array", "", 0]
    assert len(message) == 2 + 4 * 99
    assert engine.ask("failures", 3)[0] == [3, "ok"]


def test_outputs_of_a_failed_call_exist_and_can_be_freed(engine):
    engine.send([[SQUARE, None, 1, 77], [SQUARE, None, [2], 77], 1, 2, ["wait", 5]])
    assert engine.receive()[0] == [5, "ok"]


@pytest.mark.parametrize(
    "item",
    [
        ["put", 3, "float32", None, *[1] * 70],
        ["put", 3, "float32", None, 0, 1 << 62],
        ["into", ADD, None, [3], 1, 77],
        ["into", ADD, None, [3], 1, 2],
        ["into", ADD, None, [3, 1], 1, 1],
        ["mark", 1, 3, "write"],
        ["mark", 77, 3, "write"],
        ["function", 5, [3], [77]],
        ["function", 5, [3], [4]],
    ],
    ids=lambda item: f"{item[0]} {len(item)}",
)
def test_an_order_that_fails_poisons_what_it_should_have_written(engine, item):
    put(engine, 1, 1, 2)
    put(engine, 2, 1, 2, 3)
    put(engine, 3, 1, 2, 3)
    engine.send([[SQUARE, None, 4, 88]])
    engine.send([item], b"\0" * 4)
    engine.send([["wait", 2, 3], ["wait", 3, 2]])
    if item[0] == "function":
        assert engine.receive()[0] == ["release", 5]
    assert engine.receive()[0][:2] == [2, "error"]
    assert engine.receive()[0] == [3, "ok"]


def test_a_backward_that_fails_unasked_poisons_the_gradients(engine):
    put(engine, 1, 3)
    put(engine, 2, 0)
    put(engine, 9, 1, 2)
    engine.send([["mark", 1, 2, "write"], ["mode", 1, 1], [SQUARE, None, 3, 1], ["mode", 0, 0]])
    engine.send([["backward", None, [3], [9], 0, 1]])
    assert "head gradient 0 has shape" in values(engine, 2)
    assert values(engine, 1) == [3]


# -- calls to the client ---------------------------------------------------------------------------------------------


def record_function(engine):
    """An array 3 on the tape, whose gradient the client's function 7 computes of the variable 1 with gradient 2."""
    for handle, value in ((1, 3), (2, 0), (3, 4)):
        put(engine, handle, value)
    engine.send([["mark", 1, 2, "write"], ["mode", 1, 1], ["function", 7, [3], [1]], ["mode", 0, 0]])


def test_calls_nest_to_the_limit_and_the_innermost_is_answered_first(engine):
    record_function(engine)
    engine.send([["backward", 100, [3], None, 1, 1]])
    for depth in range(1, session.MAX_CALLS + 1):
        assert engine.receive()[0][:3] == ["call", depth, 7]
        engine.send([["backward", 100 + depth, [3], None, 1, 1]])
    message, _ = engine.receive()
    assert message[:2] == [100 + session.MAX_CALLS, "error"] and "nest deeper than 32" in message[3]
    for depth in range(session.MAX_CALLS, 0, -1):
        engine.send([["return", depth, [1]]])
        assert engine.receive()[0] == [100 + depth - 1, "ok"]
    assert values(engine, 2) == [3]


def test_after_a_call_mode_and_payload_are_what_they_were(engine):
    record_function(engine)
    engine.send([["backward", 5, [3], None, 1, 1], ["put", 8, "float32", None, 1], [SQUARE, None, 9, 1]], floats(6))
    assert engine.receive()[0][:2] == ["call", 1]
    engine.send([["mode", 1, 1], ["put", 6, "float32", None, 1]], floats(5))
    engine.send([["return", 1, [6]]])
    assert engine.receive()[0] == [5, "ok"]
    assert values(engine, 8) == [6]
    assert engine.ask("on_tape", 6, 9)[0] == [6, "ok", 0]


def test_the_arrays_that_a_function_returns_are_checked(engine):
    record_function(engine)
    put(engine, 5, 1, 2)
    for returned, complaint in ([5], "of shape (2,)"), ([], "0 gradients for 1 inputs"), ([77], "names no array"):
        engine.send([["backward", 6, [3], None, 1, 1]])
        assert engine.receive()[0][0] == "call"
        engine.send([["return", 1, returned]])
        message, _ = engine.receive()
        assert message[:2] == [6, "error"] and complaint in message[3]


# -- interrupts ------------------------------------------------------------------------------------------------------


def test_an_interrupt_stops_between_two_operators_until_the_client_resumes(engine):
    put(engine, 1, *[1] * 1000)
    engine.ask("wait", 2)
    os.kill(engine.pid, signal.SIGRTMIN)
    time.sleep(0.05)
    engine.send([[SQUARE, None, 2, 1], ["put", 3, "float32", None, 1], ["into", SQUARE, None, [3], 3]], floats(2))
    message, _ = engine.ask("wait", 3)
    assert message[:4] == [3, "error", "interrupt", "the computation was interrupted"]
    engine.send([["resume", 1], [SQUARE, None, 4, 1], ["failures", 4]])
    assert engine.receive()[0] == [4, "ok"]
    assert values(engine, 2) == values(engine, 3) == "the computation was interrupted"
    assert values(engine, 4) == [1] * 1000


def test_an_interrupt_that_comes_after_its_resume_stops_nothing(engine):
    engine.send([["resume", 1], ["wait", 2]])
    assert engine.receive()[0] == [2, "ok"]
    os.kill(engine.pid, signal.SIGRTMIN)
    time.sleep(0.05)
    assert engine.ask("wait", 3)[0] == [3, "ok"]


# -- segments --------------------------------------------------------------------------------------------------------


def map_segment(engine, descriptor, size, flags=mmap.MAP_SHARED):
    with open(f"/proc/{engine.pid}/fd/{descriptor}", "r+b") as file:
        return mmap.mmap(file.fileno(), size, flags)


def test_an_upload_is_an_array_and_its_segment_comes_back_when_nothing_uses_it(engine):
    _, _, segment, descriptor, size = engine.ask("segment", 2, 100_000)[0]
    assert size >= 100_000
    memory = map_segment(engine, descriptor, size)
    memory[:8] = floats(5, 6)
    engine.send([["share", 1, segment, "float32", None, 2], [number("_view_reshape"), [[2, 1], 0], 2, 1], 1])
    assert values(engine, 2) == [5, 6]
    engine.send([2])
    assert engine.receive()[0] == ["segment", segment]
    memory[:8] = floats(7, 8)
    engine.send([["share", 1, segment, "float32", "float64", 2]])
    assert engine.receive()[0] == ["segment", segment]
    message, payload = engine.ask("read", 3, 1, 0)
    assert message[2] == "float64" and list(np.frombuffer(payload)) == [7, 8]


def test_a_mapped_array_is_frozen_until_the_client_unmaps(engine):
    put(engine, 1, *range(1024))
    _, _, dtype, segment, descriptor, offset, *shape = engine.ask("read", 2, 1, 1)[0]
    assert (dtype, shape) == ("float32", [1024])
    memory = map_segment(engine, descriptor, offset + 4096, mmap.MAP_PRIVATE)
    engine.send([["into", SCALE, [3.0], [1], 1]])
    assert values(engine, 1) == list(range(0, 3072, 3))
    assert np.frombuffer(memory[offset:], np.float32).tolist() == list(range(1024))
    engine.send([["unmap", segment]])
    assert engine.ask("read", 3, 1, 1)[0][3] == segment, "it is recycled"


def test_an_upload_that_is_mapped_comes_back_only_after_both_are_gone(engine):
    _, _, segment, _, _ = engine.ask("segment", 2, 100)[0]
    engine.send([["share", 1, segment, "float32", None, 2]])
    assert engine.ask("read", 3, 1, 1)[0][3] == segment
    engine.send([1, ["wait", 4]])
    assert engine.receive()[0] == [4, "ok"]
    engine.send([["unmap", segment], ["wait", 5]])
    assert [engine.receive()[0], engine.receive()[0]] == [[5, "ok"], ["segment", segment]]


def test_a_client_may_have_very_many_maps(engine):
    put(engine, 1, 1, 2)
    engine.ask("wait", 2)
    resource.prlimit(engine.pid, resource.RLIMIT_NOFILE, (40, 40))
    answers = [engine.ask("read", 2, 1, 1)[0] for _ in range(60)]
    assert answers[0][3] > 0 and answers[-1][3] == 0, "the last ones come as payload"

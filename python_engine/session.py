"""A client's session: executes the instruction stream, one item at a time, in order.

An item is an integer (free that handle), an operator call `[number, attributes, out, in ...]`, or a control message
`[name, ...]`. Nothing is answered unless asked; a failure poisons the outputs of the call that failed.
"""

import gc
import json
import math
import os
import traceback
from pathlib import Path

import numpy as np

from . import autograd, table
from .attributes import DTYPES, check_nesting
from .autograd import state
from .errors import ArgumentError, ComputeError, HandleError, Interrupted, MXNetError, ProtocolError
from .formats import params
from .generator import generator
from .ndarray import NDArray
from .poison import Poison, failure_of
from .registry import REGISTRY
from .shm import Pool, segment_of

PROTOCOL = 1
MAX_CALLS = 32  # depth to which the engine calling the client, and the client the engine, may nest
COLLECT_EVERY = 200_000  # items between two runs of Python's cyclic garbage collector, which is off otherwise


class Goodbye(Exception):
    """The client ended the session."""


class Session:
    """Arrays by handle, and the stream that works on them."""

    def __init__(self, channel):
        self.channel = channel
        self.arrays = {None: None}
        self.where = ("", 0)
        self.notices = []  # sent at the end of a frame, because arrays die in the middle of anything
        self.pool = Pool(lambda number: self.notices.append(["segment", number]))
        self.failures = []
        self.own_handles = 0
        self.interrupts = self.resumed = 0
        self.items = 0
        self.calls = []
        self.payload, self.offset = b"", 0

    # -- the stream --------------------------------------------------------------------------------------------

    def serve(self):
        """Execute frames until the client says goodbye."""
        while True:
            message, payload = self.channel.receive()
            if self.execute(message, payload):
                raise ProtocolError("a value was returned to a call that was never made")

    def execute(self, message, payload):
        """Execute a frame's items; the answer to a call of ours, if the frame ends with one."""
        if type(message) is not list:
            raise ProtocolError(f"a frame holds a list of items, but got {type(message).__name__}")
        self.payload, self.offset = payload, 0
        arrays, answer = self.arrays, None
        for item in message:
            if type(item) is int:
                if arrays.pop(item, None) is None:
                    raise ProtocolError(f"handle {item} was freed, but names no array")
                continue
            if type(item) is not list or not item:
                raise ProtocolError(f"an item is an integer or a list, but got {item!r:.80}")
            code = item[0]
            if type(code) is int:
                try:
                    if state.interrupted:
                        raise Interrupted("the computation was interrupted")
                    operator = REGISTRY[code]
                    inputs = [arrays[item[3]]] if len(item) == 4 else [arrays[h] for h in item[3:]]
                    outputs = autograd.invoke(operator, inputs, operator.parse_row(item[1]))
                    out = item[2]
                    if type(out) is int:
                        arrays[out] = outputs[0]
                    else:
                        for handle, output in zip(out, outputs, strict=False):
                            arrays[handle] = output
                except Exception as reason:
                    self._fail_call(item, reason)
            else:
                control = CONTROLS.get(code)
                if control is None:
                    raise ProtocolError(f"unknown message {code!r:.80}")
                try:
                    answer = control(self, *item[1:]) or answer
                except TypeError as reason:
                    if reason.__traceback__.tb_next is None:
                        raise ProtocolError(f"the message {code!r} does not take {len(item) - 1} fields") from None
                    raise
        while self.notices:
            self.channel.send(self.notices.pop())
        self.items += len(message)
        if self.items > COLLECT_EVERY:
            self.items = 0
            gc.collect()
        return answer

    def array(self, handle):
        """The array behind a handle; its failure, if it has one, is raised."""
        try:
            array = self.arrays[handle]
        except (KeyError, TypeError):
            raise HandleError(f"handle {handle!r:.40} names no array") from None
        failure = failure_of(array)
        if failure is not None:
            raise failure
        return array

    def take(self, size):
        """The next `size` bytes of the frame's payload."""
        if size < 0 or self.offset + size > len(self.payload):
            raise ProtocolError(
                f"an array of {size} bytes is announced, but {len(self.payload) - self.offset} bytes of payload are left"
            )
        self.offset += size
        return memoryview(self.payload)[self.offset - size : self.offset]

    def give(self, array):
        """A handle of the engine's own (negative) for a new array, followed by its dtype and shape."""
        self.own_handles -= 1
        self.arrays[self.own_handles] = array
        return [self.own_handles, str(array.data.dtype), array.data.ndim, *array.data.shape]

    def interrupt(self):
        """Signal handler: everything up to the client's matching `resume` fails as interrupted."""
        self.interrupts += 1
        state.interrupted = self.interrupts > self.resumed

    # -- failures ----------------------------------------------------------------------------------------------

    def _fail_call(self, item, reason):
        """Poison the outputs of an operator call, with the failure of an input if that was the reason."""
        handles = [item[2]] if type(item[2]) is int else item[2] if type(item[2]) is list else []
        if not handles or any(type(h) is not int for h in handles):
            raise ProtocolError(f"an operator call names its outputs by handle, but got {item[2]!r:.80}")
        inputs = [self.arrays.get(h) if type(h) is int or h is None else None for h in item[3:]]
        name = REGISTRY[item[0]].name if 0 <= item[0] < len(REGISTRY) else f"number {item[0]}"
        if any(type(h) is not int and h is not None for h in item[3:]) or item[0] < 0:
            raise ProtocolError(f"an operator call names its inputs by handle, but got {item[3:]!r:.80}")
        failure = next((f for f in map(failure_of, inputs) if f is not None), None)
        self.poison(handles, failure or self.failure(reason, name, inputs))

    def failure(self, reason, operator="", inputs=()):
        """`reason` as a ComputeError that knows operator, input shapes and the user's line."""
        if isinstance(reason, ComputeError):
            return reason
        if isinstance(reason, (KeyError, IndexError)) and not isinstance(reason, MXNetError):
            reason = HandleError(f"handle or number {reason} is unknown to the engine")
        message = reason.message if isinstance(reason, MXNetError) else f"{type(reason).__name__}: {reason}"
        shapes = [list(x.data.shape) for x in inputs if x is not None and failure_of(x) is None]
        kind = reason.kind if isinstance(reason, MXNetError) else "compute"
        trace = "".join(traceback.format_exception(reason)) if not isinstance(reason, MXNetError) else ""
        failure = ComputeError(message, operator, shapes, self.where, kind, trace)
        if kind != Interrupted.kind:
            self.failures.append(failure)
        return failure

    def poison(self, handles, failure):
        """Make the arrays of these handles raise `failure` when they are read."""
        for handle in handles:
            array = self.arrays.get(handle)
            if array is None:
                array = self.arrays[handle] = NDArray(None)
            array.data, array.node = Poison(failure), None

    def reply(self, number, *fields, payload=b""):
        self.channel.send([number, "ok", *fields], payload)

    def error(self, number, reason, operator=""):
        """Answer a request with an error, which thereby has been told."""
        failure = self.failure(reason, operator)
        if failure in self.failures:
            self.failures.remove(failure)
        file, line = failure.where or ("", 0)
        shapes = " ".join("x".join(map(str, shape)) for shape in failure.shapes)
        self.channel.send(
            [number, "error", failure.kind, failure.message, failure.operator, shapes, file, line, failure.trace]
        )

    # -- calls to the client -----------------------------------------------------------------------------------

    def call(self, function, *fields):
        """Call a function of the client's by its number and execute the stream until it returns."""
        if len(self.calls) >= MAX_CALLS:
            raise MXNetError(f"calls between engine and client nest deeper than {MAX_CALLS}")
        number = len(self.calls) + 1
        self.calls.append(number)
        saved = state.recording, state.training
        try:
            self.channel.send(["call", number, function, int(state.recording), *fields])
            while True:
                answer = self.execute(*self.channel.receive())
                if answer:
                    break
        finally:
            state.recording, state.training = saved
            self.calls.pop()
        kind, answered, value = answer
        if answered != number:
            raise ProtocolError(f"call {answered} was answered while call {number} was waiting")
        if kind == "raise":
            raise ComputeError(value.decode(), kind="callback", where=self.where)
        return [self.array(h) if h is not None else None for h in value]


class CallbackNode(autograd.Node):
    """The tape entry of a function whose gradient the client computes."""

    __slots__ = ("function", "session")

    def __del__(self):
        self.session.notices.append(["release", self.function])

    def gradients(self, g, functions):
        g = g if self.results is not None else [g]
        fields = []
        for value in g:
            fields += self.session.give(value if isinstance(value, NDArray) else NDArray(value))
        values = self.session.call(self.function, *fields)
        if len(values) != len(self.parents):
            raise MXNetError(f"backward returned {len(values)} gradients for {len(self.parents)} inputs")
        for position, (value, (shape, dtype)) in enumerate(zip(values, self.metas, strict=True)):
            if value is not None and value.data.shape != shape:
                raise MXNetError(
                    f"gradient {position} returned by backward has shape {value.data.shape}, its input {shape}"
                )
            if value is not None and value.data.dtype != dtype:
                raise MXNetError(
                    f"gradient {position} returned by backward has dtype {value.data.dtype}, its input {dtype}"
                )
        return [v if v is None or functions is autograd.taped_functions else v.data for v in values]


# -- control messages: one function each, listed in protocol/PROTOCOL.md ----------------------------------------


def _request(function):
    """A control message that is answered: its failure is the answer's, and the stream goes on."""

    def control(session, number, *fields):
        if type(number) is not int:
            raise ProtocolError(f"a request begins with its number, but got {number!r:.40}")
        try:
            if state.interrupted:
                raise Interrupted("the computation was interrupted")
            return function(session, number, *fields)
        except (MXNetError, ArithmeticError, LookupError, ValueError, TypeError, MemoryError, OSError) as reason:
            if isinstance(reason, ProtocolError):
                raise
            session.error(number, reason)
        return None

    return control


def _hello(session, number, protocol, table_hash, base):
    if protocol != PROTOCOL:
        raise ProtocolError(f"the client speaks protocol {protocol}, this engine {PROTOCOL}")
    if table_hash.decode() != table.digest():
        raise ProtocolError(
            "the client's operator table differs from the engine's: the Perl modules and the engine are of different versions"
        )
    session.own_handles = -base  # handles from before a restart or a fork are never mistaken for ours
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        boot = ""  # not Linux; the client then shares no memory with us
    session.reply(number, os.getpid(), np.__version__, boot)


def _mode(session, recording, training):
    state.recording, state.training = bool(recording), bool(training)


def _where(session, file, line):
    session.where = (file.decode("utf-8", "replace"), line)


def _put(session, handle, dtype, as_dtype, *shape):
    """A new array of the bytes that follow in the payload, converted to `as_dtype` unless that is None."""
    dtype = _dtype(dtype)
    data = np.frombuffer(session.take(_count(shape) * dtype.itemsize), dtype).reshape(shape)
    session.arrays[handle] = NDArray(data if as_dtype is None else data.astype(_dtype(as_dtype)))


def _dtype(name):
    name = name.decode()
    if name not in DTYPES:
        raise ProtocolError(f"{name!r:.40} is no dtype")
    return np.dtype(name)


def _count(shape):
    if any(type(n) is not int or n < 0 for n in shape):
        raise ProtocolError(f"a shape consists of integers from 0, but got {shape!r:.80}")
    return math.prod(shape)


def _segment(session, number, size):
    segment = session.pool.create(size)
    segment.from_client = True
    session.reply(number, segment.number, segment.fd, segment.size)


def _share(session, handle, segment, dtype, as_dtype, *shape):
    """A new array of what the client wrote to a segment; a conversion copies it and frees the segment at once."""
    segment, dtype = _known(session, segment), _dtype(dtype)
    if _count(shape) * dtype.itemsize > segment.size:
        raise ProtocolError(f"an array of shape {shape} and dtype {dtype} does not fit a segment of {segment.size} bytes")
    data = segment.array(dtype, shape)
    session.arrays[handle] = NDArray(data if as_dtype is None else data.astype(_dtype(as_dtype)))


def _known(session, number):
    try:
        return session.pool.segments[number]
    except (KeyError, TypeError):
        raise ProtocolError(f"segment {number!r:.40} is unknown") from None


def _unmap(session, segment):
    segment = _known(session, segment)
    segment.maps -= 1
    segment.release()


def _drop(session, segment):
    session.pool.drop(_known(session, segment))


def _read(session, number, handle, may_share):
    """The dtype and shape of an array, with its bytes as payload or the segment where they are."""
    data = session.array(handle).data
    dtype = str(data.dtype)
    if data.dtype == np.float16:
        data = data.astype(np.float32)  # which PDL has a type for
    if not may_share or data.nbytes == 0:
        session.reply(number, dtype, 0, 0, 0, *data.shape, payload=np.ascontiguousarray(data).reshape(-1).view(np.uint8))
        return
    segment = segment_of(data)
    if segment is None or not data.flags.c_contiguous:
        segment = session.pool.create(data.nbytes)
        copied = segment.array(data.dtype, data.shape)
        np.copyto(copied, data)
        data = copied
    segment.maps += 1
    offset = data.__array_interface__["data"][0] - segment.address
    session.reply(number, dtype, segment.number, segment.fd, offset, *data.shape)


def _call(session, number, operator, row, *handles):
    """Compute an operator and give the outputs handles of the engine's own; what a client asks that can't predict
    the outputs' shapes."""
    operator = REGISTRY[operator]
    inputs = [session.array(h) for h in handles]
    check_nesting(row)
    try:
        operator.check_inputs(len(inputs))
        attrs = operator.parse_row(row or ())
        outputs = autograd.invoke(operator, inputs, attrs)
    except Exception as reason:
        raise session.failure(reason, operator.name, inputs) from None
    fields = []
    for output in outputs[: operator.visible_count(attrs)]:
        fields += session.give(output)
    session.reply(number, *fields)


def _into(session, operator, row, outs, *handles):
    """Compute an operator and write the results into existing arrays."""
    operator = REGISTRY[operator]
    inputs = [session.arrays[h] for h in handles]
    targets = [session.arrays[h] for h in outs]
    try:
        if state.interrupted:
            raise Interrupted("the computation was interrupted")
        for target in targets:
            session_failure = failure_of(target)
            if session_failure is not None:
                raise session_failure
        outputs = autograd.invoke(operator, inputs, operator.parse_row(row or ()))
        for target, output in zip(targets, outputs, strict=False):
            autograd.store(target, output)
    except Exception as reason:
        failure = next((f for f in map(failure_of, inputs) if f is not None), None)
        session.poison(outs, failure or session.failure(reason, operator.name, inputs))


def _mark(session, handle, grad, req):
    autograd.mark_variable(session.array(handle), None if grad is None else session.array(grad), req.decode())


def _backward(session, number, heads, head_grads, retain, train_mode):
    """Store the gradients of `heads`. Without a request number, a failure poisons the gradients."""
    try:
        if state.interrupted:
            raise Interrupted("the computation was interrupted")
        arrays = [session.array(h) for h in heads]
        grads = [None if h is None else session.array(h) for h in head_grads] if head_grads else None
        with autograd.recording(None, train_mode):
            autograd.backward(arrays, grads, bool(retain))
    except Exception as reason:
        failure = session.failure(reason, "backward")
        if number is not None:
            session.error(number, failure)
            return
        for handle in heads:
            head = session.arrays.get(handle)
            for leaf in autograd.leaves_of(head) if head is not None else ():
                leaf.grad.data = Poison(failure)
        return
    if number is not None:
        session.reply(number)


def _grad(session, number, heads, head_grads, variables, retain, create_graph, train_mode):
    """The gradients of `heads` by `variables`, as arrays with handles of the engine's own."""
    arrays = [session.array(h) for h in heads]
    grads = [None if h is None else session.array(h) for h in head_grads] if head_grads else None
    with autograd.recording(None, train_mode):
        results = autograd.grad(arrays, [session.array(v) for v in variables], grads, bool(retain), bool(create_graph))
    fields = []
    for result in results:
        fields += session.give(result)
    session.reply(number, *fields)


def _function(session, function, outs, ins):
    """Put a function whose gradient the client computes on the tape, between arrays that exist."""
    outputs = [session.array(h) for h in outs]
    inputs = [session.array(h) for h in ins]
    parents = autograd.parents_of(inputs)
    if parents is None:
        session.notices.append(["release", function])
        return
    node = CallbackNode(None, parents, None)
    node.function, node.session = function, session
    node.metas = [(x.data.shape, x.data.dtype) for x in inputs]
    node.results = [(x.data.shape, x.data.dtype) for x in outputs]
    for index, output in enumerate(outputs):
        output.node, output.index = node, index


def _return(session, number, handles):
    return ("return", number, handles)


def _raise(session, number, message):
    return ("raise", number, message)


def _on_tape(session, number, *handles):
    """For each array: 1 if it is in a graph or a variable, else 0."""
    session.reply(number, *[int(autograd.is_on_tape(session.array(h))) for h in handles])


def _wait(session, number, *handles):
    """Answer once everything before is done; the failures of the arrays named are raised."""
    for handle in handles:
        session.array(handle)
    session.reply(number)


def _failures(session, number):
    """The failures nobody has read, as operator, message, file, line for each; they count as read afterwards."""
    fields = []
    for failure in session.failures[:100]:
        fields += [failure.operator, failure.message, *(failure.where or ("", 0))]
    session.failures.clear()
    session.reply(number, *fields)


def _resume(session, count):
    session.resumed = count
    state.interrupted = session.interrupts > session.resumed


def _random(session, number, what, value=None):
    """Seed the generator, or give or take its state as JSON text."""
    if what == b"seed":
        generator.seed(value)
        session.reply(number)
    elif what == b"get":
        session.reply(number, json.dumps(generator.get_state()))
    else:
        generator.set_state(json.loads(value))
        session.reply(number)


def _save(session, number, path, names, *handles):
    arrays = [np.ascontiguousarray(session.array(h).data) for h in handles]
    named = dict(zip([n.decode() for n in names], arrays, strict=True)) if names is not None else arrays
    params.save(os.fsdecode(path), named)
    session.reply(number)


def _load(session, number, path):
    """The arrays of a .params file (or of the payload): how many names, the names, then handle, dtype, shape each."""
    if path is None:
        loaded = params.loads(bytes(session.take(len(session.payload) - session.offset)))
    else:
        loaded = params.load(os.fsdecode(path))
    names = list(loaded) if isinstance(loaded, dict) else []
    fields = [len(names), *names]
    for array in loaded.values() if isinstance(loaded, dict) else loaded:
        if not isinstance(array, np.ndarray):
            raise ArgumentError("the file holds sparse arrays, which this engine does not hold yet")
        fields += session.give(NDArray(array))
    session.reply(number, *fields)


def _bye(session, number):
    session.reply(number)
    raise Goodbye


CONTROLS = {
    b"hello": _request(_hello),
    b"mode": _mode,
    b"where": _where,
    b"put": _put,
    b"segment": _request(_segment),
    b"share": _share,
    b"unmap": _unmap,
    b"drop": _drop,
    b"read": _request(_read),
    b"call": _request(_call),
    b"into": _into,
    b"mark": _mark,
    b"backward": _backward,
    b"grad": _request(_grad),
    b"function": _function,
    b"return": _return,
    b"raise": _raise,
    b"on_tape": _request(_on_tape),
    b"wait": _request(_wait),
    b"failures": _request(_failures),
    b"resume": _resume,
    b"random": _request(_random),
    b"save": _request(_save),
    b"load": _request(_load),
    b"bye": _request(_bye),
}

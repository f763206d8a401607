"""The control messages. `protocol/PROTOCOL.md` lists them all; controls.py says how they are declared."""

import contextlib
import json
import math
import os
import sys
from pathlib import Path

import numpy as np

from . import autograd, calls, flat, table, tape
from .attributes import DTYPES
from .controls import (
    CONTROLS,
    DType,
    Flag,
    Handle,
    Int,
    Number,
    Operator,
    Req,
    Row,
    Scalar,
    Size,
    Text,
    list_of,
    order,
    request,
)
from .errors import ArgumentError, ComputeError, Interrupted, MXNetError, ProtocolError
from .formats import params
from .generator import generator
from .ndarray import NDArray
from .poison import poison
from .profiler import Profiler
from .registry import REGISTRY
from .shm import machine, segment_of
from .sparse import Sparse, dense, type_name
from .tape import state
from .wire import shown

PROTOCOL = 1
MAX_TEXT = 1 << 16  # characters of a message or a trace
profiler = Profiler()
_DTYPES = {name.encode(): np.dtype(name) for name in DTYPES}


class Goodbye(Exception):
    """The client ended the session."""


# -- the session ---------------------------------------------------------------------------------------------------


@request
def hello(session, number, protocol: Int, table_hash: Text, base: Size):
    """Compare operator tables; the session has compared the protocols. The client knows handles up to `base`."""
    if table_hash != table.digest().encode():
        raise ProtocolError(
            "the client's operator table differs from the engine's: "
            "the Perl modules and the engine are of different versions"
        )
    session.own_handles = -base  # handles from before a restart or a fork are never mistaken for ours
    python = sys.version.split()[0]
    session.reply(number, os.getpid(), np.__version__, machine(), python, sys.executable, str(Path(__file__).parent))


@order
def mode(session, recording: Flag, training: Flag):
    """Whether the calls from here on are recorded, and whether they run as in training."""
    state.recording, state.training = bool(recording), bool(training)


@order
def where(session, file: Text, line: Int):
    """The user's line that issues what follows."""
    session.where = (file, line)


@request
def wait(session, number, *handles: Handle):
    """Answer once everything before is done; the failures of the arrays named are raised."""
    for handle in handles:
        session.array(handle)
    session.reply(number)


@request
def failures(session, number):
    """The failures nobody has read, as operator, message, file, line for each; they count as read afterwards."""
    fields = []
    for failure in session.failures:
        fields += [failure.operator, failure.message, *(failure.where or ("", 0))]
    session.failures.clear()
    session.reply(number, *fields)


@request
def profile(session, number, what: Text):
    """Begin (`start`) or end (`stop`) to note when operators and messages are executed, or answer it (`take`): how many
    events were lost, names, and as payload (number of the name, start, end) of each event, int64, in nanoseconds."""
    if what == b"start":
        profiler.start([control for control in CONTROLS.values() if control.name != "profile"])
        session.reply(number)
    elif what == b"stop":
        profiler.stop()
        session.reply(number)
    elif what == b"take":
        lost, names, events = profiler.take()
        session.reply(number, lost, *names, payload=events.reshape(-1).view(np.uint8))
    else:
        raise ProtocolError(f"the message profile does not know {shown(what)}, but start, stop and take")


@order
def resume(session, count: Size):
    """The client has sent `count` interrupts up to here, and wants what follows to be computed."""
    session.resumed = count
    state.interrupted = session.interrupts > session.resumed


@request
def bye(session, number):
    """End the session."""
    session.reply(number)
    raise Goodbye


# -- arrays --------------------------------------------------------------------------------------------------------


@order
def put(session, handle: Handle, dtype: DType, as_dtype: DType | None, *shape: Size):
    """A new array of the bytes that follow in the payload, converted to `as_dtype` unless that is nil."""
    dtype = _DTYPES[dtype]
    data = session.take(math.prod(shape) * dtype.itemsize)
    try:
        session.arrays[handle] = NDArray(_as(np.frombuffer(data, dtype).reshape(shape), as_dtype))
    except Exception as reason:
        session.fail([handle], session.failure(reason))


def _as(data, dtype):
    if data.dtype == bool:
        data = data.view(np.uint8) != 0  # the client may send any byte, but NumPy knows only 0 and 1
    return data if dtype is None else data.astype(_DTYPES[dtype])


@request
def read(session, number, handle: Handle, may_share: Flag):
    """The type and shape of an array, with the bytes of its (dense) values as payload or the segment where they are."""
    data = session.array(handle).data
    type_, data = type_name(data), dense(data)
    if data.dtype == np.float16:
        data = data.astype(np.float32)  # which PDL has a type for
    place = _lend(session, data) if may_share and data.nbytes else None
    if place is None:
        payload = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
        session.reply(number, type_, 0, 0, 0, *data.shape, payload=payload)
        return
    segment, offset = place
    session.reply(number, type_, segment.number, segment.fd, offset, *data.shape)


def _lend(session, data):
    """The segment that holds an array's memory, a copy if need be, which the client is going to map, and the offset
    there; None if none can be had."""
    segment = segment_of(data)
    if segment is None or not data.flags.c_contiguous:
        try:
            segment = session.pool.create(data.nbytes)
        except OSError:
            return None  # as many as the system allows are in use
        copied = segment.array(data.dtype, data.shape)
        np.copyto(copied, data)
        data = copied
    segment.maps += 1  # before a copy is gone, and the segment free again
    return segment, data.__array_interface__["data"][0] - segment.address


@contextlib.contextmanager
def _opened(path):
    """Tells in the original's words that a file cannot be opened."""
    try:
        yield
    except OSError as reason:
        raise ArgumentError(f'LocalFileSystem::Open "{os.fsdecode(path)}": {reason.strerror}') from None


@request
def save(session, number, path: Text, names: list_of(Text) | None, *handles: Handle):
    """Write a .params file."""
    arrays = [session.array(h).data for h in handles]
    arrays = [x.sound() if isinstance(x, Sparse) else np.ascontiguousarray(x) for x in arrays]
    if names is not None and len(names) != len(arrays):
        raise ArgumentError(
            f"to save arrays by name takes a name for each, but there are {len(names)} names for {len(arrays)} arrays"
        )
    named = dict(zip([n.decode() for n in names], arrays)) if names is not None else arrays
    with _opened(path):
        params.save(os.fsdecode(path), named)
    session.reply(number)


@request
def load(session, number, path: Text | None):
    """The arrays of a .params file (or of the payload): how many names, the names, then handle, type, shape each."""
    try:
        if path is None:
            loaded = params.loads(bytes(session.take(len(session.payload) - session.offset)))
        else:
            with _opened(path):
                loaded = params.load(os.fsdecode(path))
    except params.ParamsError as reason:
        raise ArgumentError(f"Invalid NDArray file format: {reason}") from None
    names = list(loaded) if isinstance(loaded, dict) else []
    fields = [len(names), *names]
    for array in loaded.values() if isinstance(loaded, dict) else loaded:
        fields += session.give(NDArray(array.engine_form() if isinstance(array, Sparse) else array))
    session.reply(number, *fields)


@request
def random(session, number, what: Text, value: Scalar = None):
    """Seed the generator, or give or take its state as JSON text."""
    if what == b"seed":
        generator.seed(value)
        session.reply(number)
    elif what == b"get":
        session.reply(number, json.dumps(generator.get_state()))
    elif what == b"set":
        with contextlib.suppress(AttributeError, ValueError, RecursionError):  # what is no JSON is no state either
            value = json.loads(value.decode())
        generator.set_state(value)
        session.reply(number)
    else:
        raise ProtocolError(f"the message random does not know {shown(what)}, but seed, get and set")


@order
def aside(session, seed: Int | None):
    """Draw from a stream of its own until nil leads back to the main one."""
    generator.aside(seed)


# -- shared memory -------------------------------------------------------------------------------------------------


@request
def segment(session, number, size: Size):
    """A segment for an upload of that many bytes."""
    new = session.pool.create(size)
    new.from_client = True
    session.reply(number, new.number, new.fd, new.size)


@order
def share(session, handle: Handle, segment: Int, dtype: DType, as_dtype: DType | None, *shape: Size):
    """A new array of what the client wrote to a segment; a conversion copies it and frees the segment at once."""
    segment, dtype = _idle_upload(session, segment), _DTYPES[dtype]
    if math.prod(shape) * dtype.itemsize > segment.size:
        raise ProtocolError(
            f"an array of shape {shown(list(shape))} and dtype {dtype} does not fit a segment of {segment.size} bytes"
        )
    try:
        session.arrays[handle] = NDArray(_as(segment.array(dtype, shape), as_dtype))
    except Exception as reason:
        session.fail([handle], session.failure(reason))


@order
def unmap(session, segment: Int):
    """The client's private map of a segment, which a `read` announced, is gone."""
    segment = _known(session, segment)
    if segment.maps == 0:
        raise ProtocolError(f"segment {segment.number} is not mapped")
    segment.unmap()


@order
def drop(session, segment: Int):
    """The client needs one of its segments no longer."""
    session.pool.drop(_idle_upload(session, segment))


def _known(session, number):
    try:
        return session.pool.segments[number]
    except KeyError:
        raise ProtocolError(f"segment {number} is unknown") from None


def _idle_upload(session, number):
    segment = _known(session, number)
    if not segment.from_client:
        raise ProtocolError(f"segment {number} is the engine's")
    if segment.leases or segment.maps:
        raise ProtocolError(f"segment {number} is in use")
    return segment


# -- operators and gradients ---------------------------------------------------------------------------------------


@request
def call(session, number, operator: Operator, row: Row, *handles: Handle | None):
    """Compute an operator and give the outputs handles of the engine's own; what a client asks that can't predict
    the outputs' shapes."""
    operator = REGISTRY[operator]
    inputs = [session.array(h) for h in handles]
    try:
        operator.check_inputs(len(inputs))
        attrs = operator.parse_row(row or ())
        outputs = calls.invoke(operator, inputs, attrs)
    except Exception as reason:
        raise session.call_failure(reason, operator, row, handles) from None
    fields = []
    for output in outputs[: operator.visible_count(attrs)]:
        fields += session.give(output)
    session.reply(number, *fields)


@order
def into(session, operator: Operator, row: Row, outs: list_of(Handle), *handles: Handle | None):
    """Compute an operator and write the results into existing arrays."""
    operator = REGISTRY[operator]
    try:
        if state.interrupted:
            raise Interrupted("the computation was interrupted")
        inputs = [session.array(h) for h in handles]
        targets = [session.target(h) for h in outs]
        calls.invoke_into(operator, inputs, operator.parse_row(row or ()), targets)
    except Exception as reason:
        failure = session.call_failure(reason, operator, row, handles)
        session.fail(outs, failure, map(session.arrays.get, handles))


@order
def update(session, operator: Operator, rows: list_of(Row), *groups: list_of(Handle)):
    """Compute an operator on each group of arrays, whose first array receives the result. One row of attributes is for
    all groups; else there is one for each."""
    operator = REGISTRY[operator]
    if not all(groups) or len(rows) not in (1, len(groups)):
        raise ProtocolError(
            f"the message update takes groups of arrays, and one row of attributes or as many as groups, "
            f"but got {len(groups)} groups and {len(rows)} rows"
        )
    if len(rows) == 1:
        _update(session, operator, rows[0], groups)
        return
    alike = {}
    for row, group in zip(rows, groups):
        alike.setdefault(repr(row), (row, []))[1].append(group)
    for row, those in alike.values():
        _update(session, operator, row, those)


def _update(session, operator, row, groups):
    """The message update for groups with one row of attributes."""
    arrays, attrs = session.arrays, None
    for positions, inputs in flat.gathered(operator, [[arrays.get(h) for h in handles] for handles in groups]):
        try:
            if state.interrupted:
                raise Interrupted("the computation was interrupted")
            operator.check_inputs(len(inputs))
            if attrs is None:
                attrs = operator.parse_row(row or ())
            calls.update(operator, inputs, attrs)
        except Exception as reason:
            for handles in [groups[position] for position in positions]:
                session.fail(handles[:1], session.call_failure(reason, operator, row, handles))


@request
def fresh(session, number, *handles: Handle):
    """For each variable: 1 if a backward has written its gradient since that was last spent, else 0."""
    session.reply(number, *[int(tape.is_fresh(session.array(h))) for h in handles])


@order
def spend(session, watch: Number, *handles: Handle):
    """The gradients of these variables are being used. The client is told by `stale` which of them are not fresh."""
    stale = []
    for position, handle in enumerate(handles):
        variable = session.arrays.get(handle)
        if variable is not None and not tape.spend(variable):
            stale.append(position)
    if stale:
        session.notices.append(["stale", watch, *stale])


@order
def mark(session, handle: Handle, grad: Handle | None, req: Req):
    """Make an array a variable whose gradient goes to another array, or no longer one."""
    if grad is None and req != b"null":
        raise ProtocolError(f"the message mark needs a gradient for {req.decode()}")
    try:
        tape.mark_variable(session.array(handle), None if grad is None else session.array(grad), req.decode())
    except Exception as reason:
        session.fail([handle if grad is None else grad], session.failure(reason, "mark"))


@order
def backward(
    session,
    number: Number | None,
    heads: list_of(Handle),
    head_grads: list_of(Handle | None) | None,
    retain: Flag,
    train_mode: Flag,
):
    """Store the gradients of `heads`. Without a request number, a failure poisons the gradients."""
    try:
        if state.interrupted:
            raise Interrupted("the computation was interrupted")
        arrays = [session.array(h) for h in heads]
        grads = [None if h is None else session.array(h) for h in head_grads] if head_grads else None
        with tape.recording(None, train_mode):
            tape.backward(arrays, grads, bool(retain))
    except Exception as reason:
        failure = session.failure(reason, "backward")
        failure.__traceback__ = None
        if number is not None:
            session.error(number, failure)
            return
        for handle in heads:
            head = session.arrays.get(handle)
            for leaf in tape.leaves_of(head) if head is not None else ():
                poison(leaf.grad, failure)
        return
    if number is not None:
        session.reply(number)


@request
def grad(
    session,
    number,
    heads: list_of(Handle),
    head_grads: list_of(Handle | None) | None,
    variables: list_of(Handle),
    retain: Flag,
    create_graph: Flag,
    train_mode: Flag,
):
    """The gradients of `heads` by `variables`, as arrays with handles of the engine's own."""
    arrays = [session.array(h) for h in heads]
    grads = [None if h is None else session.array(h) for h in head_grads] if head_grads else None
    variables = [session.array(v) for v in variables]
    results = autograd.grad(arrays, variables, grads, bool(retain), bool(create_graph), bool(train_mode))
    fields = []
    for result in results:
        fields += session.give(result)
    session.reply(number, *fields)


@request
def on_tape(session, number, *handles: Handle):
    """For each array: 1 if it is in a graph or a variable, else 0."""
    session.reply(number, *[int(tape.is_on_tape(session.array(h))) for h in handles])


# -- functions of the client ---------------------------------------------------------------------------------------


class CallbackNode(autograd.FunctionNode):
    """The tape entry of a function whose gradients the client computes."""

    __slots__ = ("function", "session")

    def __del__(self):
        self.session.notices.append(["release", self.function])

    def backward(self, *gradients):
        fields = []
        for gradient in gradients:
            fields += self.session.give(gradient)
        return self.session.call(self.function, *fields)


@order
def function(session, function: Int, outs: list_of(Handle), ins: list_of(Handle)):
    """Put a function whose gradient the client computes on the tape, between arrays that exist."""
    try:
        outputs = [session.array(h) for h in outs]
        inputs = [session.array(h) for h in ins]
    except MXNetError as reason:
        session.notices.append(["release", function])
        session.fail(outs, session.failure(reason, "function"))
        return
    parents = tape.parents_of(inputs)
    if parents is None:
        session.notices.append(["release", function])
        return
    node = CallbackNode(None, parents, None)
    node.function, node.session = function, session
    node.metas = [(x.data.shape, x.data.dtype) for x in inputs]
    node.results = [(x.data.shape, x.data.dtype) for x in outputs]
    for index, output in enumerate(outputs):
        output.node, output.index = node, index


@order
def return_(session, number: Number, handles: list_of(Handle | None)):
    """The value of a function that the engine called: the arrays, or why there are none."""
    try:
        return number, [None if h is None else session.array(h) for h in handles]
    except MXNetError as reason:
        return number, reason


@order
def raise_(session, number: Number, message: Text):
    """The failure of a function that the engine called."""
    return number, ComputeError(message.decode("utf-8", "replace")[:MAX_TEXT], kind="callback", where=session.where)

"""A client's session: executes the instruction stream, one item at a time, in order.

An item is an integer (free that handle), an operator call `[number, attributes, out, in ...]`, or a control message
`[name, ...]` (see messages.py). Nothing is answered unless asked. What fails for the sake of its data poisons its
outputs, or is the answer to a request; what breaks the protocol is a ProtocolError, which ends the connection.
"""

import gc
import traceback
from operator import attrgetter

from . import calls, custom_messages, graph_messages, tape, workers  # noqa: F401  which declare messages
from .controls import CONTROLS
from .errors import ComputeError, HandleError, Interrupted, MXNetError, ProtocolError, ShapeError
from .messages import MAX_TEXT, PROTOCOL, Goodbye
from .ndarray import NDArray
from .poison import Poison, failure_of, heal, poison
from .registry import REGISTRY
from .shm import Pool
from .sparse import type_name
from .tape import state
from .wire import Closed, Decoder, as_int, check_value, shown

MAX_CALLS = 32  # depth to which the engine calling the client, and the client the engine, may nest
MAX_FAILURES = 100  # that are kept for the client to ask for, the first ones
ENDS = (ProtocolError, Closed, Goodbye)  # never the failure of an item: the session is over
REFUSALS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # how NumPy complains of what it gets
COLLECT_EVERY = 200_000  # items between two runs of Python's cyclic garbage collector, which is off otherwise
_data = attrgetter("data")


class Session:
    """Arrays and graphs by handle, and the stream that works on them."""

    def __init__(self, channel):
        self.channel = channel
        channel.decode = Decoder()
        self.operators = dict(enumerate(REGISTRY))  # unlike in a list, -1 is no operator
        self.arrays = {None: None}
        self.graphs = {}  # symbols and executors
        self.where = ("", 0)
        self.notices = []  # sent at the end of a frame, because arrays die in the middle of anything
        self.pool = Pool(lambda number: self.notices.append(["segment", number]))
        self.failures = []
        self.own_handles = 0
        self.interrupts = self.resumed = 0
        self.items = 0
        self.calls = []
        self.workers = None  # once the client has joined others
        self.has_left = False  # them
        self.payload, self.offset = b"", 0
        self.question, self.told = [], None  # about an operator of the client's own

    # -- the stream --------------------------------------------------------------------------------------------

    def serve(self):
        """Execute frames until the client says goodbye, hangs up (Closed) or breaks the protocol (ProtocolError)."""
        try:
            message, payload = self.channel.receive()
            _check_greeting(message)
            while True:
                if self.execute(message, payload):
                    raise ProtocolError("a value was returned to a call that was never made")
                message, payload = self.channel.receive()
        except ProtocolError:
            self.channel.give_up()
            raise
        finally:
            custom_messages.forget(self)

    def execute(self, message, payload):
        """Execute a frame's items; the answer to a call of ours, if the frame holds one."""
        if type(message) is not list:
            raise ProtocolError(f"a frame holds a list of items, but got {shown(message)}")
        self.payload, self.offset = payload, 0
        arrays, answer = self.arrays, None
        for position, item in enumerate(message):
            if type(item) is not tuple:
                if type(item) is not int:
                    item = self._prepared(item)
                    if item is None:
                        continue
                    message[position] = item  # the list of a frame that comes again (see wire.py)
                if type(item) is int:
                    if arrays.pop(item, None) is None and self.graphs.pop(item, None) is None:
                        raise ProtocolError(f"handle {item} was freed, but names nothing")
                    continue
            if len(item) == 2:
                control, fields = item
                if control.answered:
                    control.answer(self, fields)
                    continue
                result = control.function(self, *fields)
                if result is not None:
                    if answer is not None:
                        raise ProtocolError("a frame holds two answers to a call")
                    answer = result
                continue
            operator, attrs, out, handles, call = item
            try:
                if state.interrupted:
                    raise Interrupted("the computation was interrupted")
                inputs = [arrays[handles[0]]] if len(handles) == 1 else [arrays[h] for h in handles]
                outputs = calls.invoke(operator, inputs, attrs)
                if type(out) is int and outputs:
                    arrays[out] = outputs[0]
                else:
                    self._store(out, outputs)
            except Exception as reason:
                self._fail_call(call, reason)
        while self.notices:
            self.channel.send(self.notices.pop())
        self.items += len(message)
        if self.items > COLLECT_EVERY:
            self.items = 0
            gc.collect()
        return answer

    def _prepared(self, item):
        """An item as it is executed: an integer, (control, fields) or (operator, attributes, outputs, inputs, item).
        None if it is a call that has failed."""
        if type(item) is not list or not item:
            if type(as_int(item)) is not int:
                raise ProtocolError(f"an item is an integer or a list, but got {shown(item)}")
            return as_int(item)
        control = CONTROLS.get(item[0]) if type(item[0]) is bytes else None
        if control is not None:
            return control, control.checked(item)
        code = as_int(item[0])
        if type(code) is not int:
            raise ProtocolError(f"unknown message {shown(code)}")
        try:
            operator, row = self.operators[code], item[1]
            if row is not None and type(row) is not list:
                raise TypeError("the attributes of an operator call are a list")
            call = item if code is item[0] else [code, *item[1:]]
            return operator, operator.parse_row(row), item[2], tuple(item[3:]), call
        except Exception as reason:
            self._fail_call([code, *item[1:]], reason)
            return None

    def _again(self, item):
        """Execute an item whose integers came as text."""
        payload, offset = self.payload, self.offset
        self.execute([item], payload)
        self.offset = offset

    def _store(self, handles, outputs):
        """Bind the outputs of a call that has several, hidden ones perhaps left out."""
        handles = as_int(handles)
        if type(handles) is int:
            handles, outputs = [handles], outputs[:1]
        if type(handles) is not list or not all(type(h) is int for h in handles) or len(handles) > len(outputs):
            raise MXNetError(f"{len(outputs)} outputs were computed, but the call names {shown(handles)}")
        for handle, output in zip(handles, outputs):
            self.arrays[handle] = output

    def array(self, handle):
        """The array behind a handle; its failure, if it has one, is raised."""
        try:
            array = self.arrays[handle]
        except KeyError:
            raise HandleError(f"handle {handle} names no array") from None
        failure = failure_of(array)
        if failure is not None:
            raise failure
        return array

    def all_arrays(self, handles):
        """The array behind each handle."""
        try:
            arrays = [self.arrays[handle] for handle in handles]
        except KeyError:
            arrays = ()
        if not arrays or Poison in map(type, map(_data, arrays)):
            arrays = [self.array(handle) for handle in handles]  # which raises what is wrong
        return arrays

    def graph(self, handle, kind):
        """The symbol or executor (`kind`, a class) behind a handle."""
        graph = self.graphs.get(handle)
        if not isinstance(graph, kind):
            raise HandleError(f"handle {handle} names no {kind.__name__.lower()}")
        return graph

    def target(self, handle):
        """The array behind a handle, which is going to be overwritten: that ends a failure of its own."""
        array = self.arrays.get(handle)
        if array is not None:
            heal(array)
        return self.array(handle)

    def take(self, size):
        """The next `size` bytes of the frame's payload."""
        left = len(self.payload) - self.offset
        if size > left:
            raise ProtocolError(f"an array of {size} bytes is announced, but {left} bytes of payload are left")
        self.offset += size
        return memoryview(self.payload)[self.offset - size : self.offset]

    def give(self, array):
        """A handle of the engine's own (negative) for a new array, followed by its type and shape."""
        self.own_handles -= 1
        self.arrays[self.own_handles] = array
        return [self.own_handles, type_name(array.data), array.data.ndim, *array.data.shape]

    def interrupt(self):
        """Signal handler: everything up to the client's matching `resume` fails as interrupted."""
        self.interrupts += 1
        state.interrupted = self.interrupts > self.resumed

    # -- failures ----------------------------------------------------------------------------------------------

    def _fail_call(self, item, reason):
        """Poison the outputs of an operator call that failed; ProtocolError if it was no call at all."""
        if len(item) < 3:
            raise ProtocolError(f"an operator call has at least 3 fields, but got {shown(item)}")
        number, row, out, *handles = item
        if as_int(handles) != handles:
            self._again([number, row, out, *as_int(handles)])
            return
        operator = self.operators.get(number)
        if operator is None:
            raise ProtocolError(f"there is no operator {number}: the table has {len(self.operators)}")
        if row is not None and type(row) is not list:
            raise ProtocolError(f"the attributes of a call of {operator.name} are a list or nil, but got {shown(row)}")
        outs = as_int(out if type(out) is list else [out])
        if not all(type(h) is int for h in outs):
            raise ProtocolError(f"a call of {operator.name} names its outputs by handle, but got {shown(out)}")
        if not all(h is None or type(h) is int for h in handles):
            raise ProtocolError(f"a call of {operator.name} names its inputs by handle, but got {shown(handles)}")
        self.fail(outs, self.call_failure(reason, operator, row, handles), map(self.arrays.get, handles))

    def call_failure(self, reason, operator, row, handles):
        """What is wrong with an operator call: an input that has failed before or does not exist, else `reason`."""
        if isinstance(reason, ENDS):
            raise reason
        check_value(row, depth=3)  # behind the lists of the frame and of the call
        inputs = []
        for handle in handles:
            if handle not in self.arrays:
                reason = HandleError(f"handle {handle} names no array")
                continue
            inputs.append(self.arrays[handle])
            failure = failure_of(inputs[-1])
            if failure is not None:
                return failure
        if not isinstance(reason, MXNetError):
            reason = _misuse(operator, inputs, row or (), reason)
        return self.failure(reason, operator.name, inputs)

    def failure(self, reason, operator="", inputs=()):
        """`reason` as a ComputeError that knows operator, input shapes and the user's line; kept until it is told."""
        if isinstance(reason, ENDS):
            raise reason
        if isinstance(reason, ComputeError):
            return reason
        known = isinstance(reason, MXNetError)
        message = reason.message if known else f"{type(reason).__name__}: {reason}"
        kind = reason.kind if known else ComputeError.kind
        trace = "" if known else "".join(traceback.format_exception(reason, limit=-20))
        shapes = [list(x.data.shape) for x in inputs if x is not None]
        failure = ComputeError(message[:MAX_TEXT], operator, shapes, self.where, kind, trace[:MAX_TEXT])
        if kind != Interrupted.kind and len(self.failures) < MAX_FAILURES:
            self.failures.append(failure)
        return failure

    def fail(self, handles, failure, inputs=()):
        """Make the arrays of these handles, which need not exist yet, raise `failure` when they are read.

        inputs: the arrays that they were to be computed from, whose gradients fail in a backward pass through here."""
        failure.__traceback__ = None  # it would keep the arrays of every frame that it has passed
        node = tape.failed(inputs) if state.recording else None
        for handle in handles:
            array = self.arrays.get(handle)
            if array is None:
                array = self.arrays[handle] = NDArray(None)
            poison(array, failure)
            array.node = node

    def reply(self, number, *fields, payload=b""):
        self.channel.send([number, "ok", *fields], payload)

    def error(self, number, reason, operator=""):
        """Answer a request with an error, which thereby has been told."""
        failure = self.failure(reason, operator)
        if failure in self.failures:
            self.failures.remove(failure)
        failure.__traceback__ = None
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
        saved = state.recording, state.training, self.payload, self.offset
        try:
            self.channel.send(["call", number, function, int(state.recording), *fields])
            answer = None
            while answer is None:
                answer = self.execute(*self.channel.receive())
        finally:
            state.recording, state.training, self.payload, self.offset = saved
            self.calls.pop()
        answered, value = answer
        if answered != number:
            raise ProtocolError(f"call {answered} was answered while call {number} was waiting")
        if isinstance(value, MXNetError):
            raise value
        return value


def _check_greeting(message):
    """The start of hello, `["hello", number, protocol`, is the same in all protocols."""
    first = message[0] if type(message) is list and message else None
    if type(first) is not list or first[:1] != [b"hello"]:
        raise ProtocolError("the first message of a client is hello")
    if len(first) < 3 or first[2] != PROTOCOL:
        spoken = shown(first[2]) if len(first) > 2 else "none"
        raise ProtocolError(f"the client speaks protocol {spoken}, this engine {PROTOCOL}")


def _misuse(operator, inputs, row, reason):
    """The error of a call of which Python or NumPy complain: what is wrong with the call, or else `reason`."""
    try:
        operator.check_inputs(len(inputs))
        operator.check_attributes(dict(zip(operator.attributes, row)))
    except MXNetError as wrong:
        return wrong
    for name, value in zip(operator.inputs, inputs):
        if value is None and name not in operator.optional and not operator.variadic:
            return MXNetError(f"Operator {operator.name} needs its input {name}, but got None")
    if operator.name.startswith("_backward_") and isinstance(reason, REFUSALS):
        given = ", ".join("None" if x is None else f"{x.data.dtype} {list(x.data.shape)}" for x in inputs)
        return ShapeError(
            f"Operator {operator.name} takes what gradients call it with, which these arrays or attributes cannot be: "
            f"{given} ({type(reason).__name__}: {reason})"
        )
    return reason

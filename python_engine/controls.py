"""What a control message is: a function, whose parameters declare the fields that arrive.

    @request                                     answered by number; a failure is the answer
    def read(session, number, handle: Handle, may_share: Flag): ...

    @order                                       not answered; a failure poisons what the message should have written
    def mark(session, handle: Handle, grad: Handle | None, req: Req): ...

Fields of a wrong number or type are a ProtocolError. What is left can only fail for the sake of the data.
"""

import inspect

from .attributes import DTYPES
from .errors import Interrupted, ProtocolError
from .registry import REGISTRY
from .tape import state
from .wire import as_int, shown

CONTROLS = {}
_DTYPES = frozenset(name.encode() for name in DTYPES)


class Field:
    """The type of a field: its name in the contract, whether a value is of it, and whether all values of a list are."""

    def __init__(self, name, accepts, accepts_all=None):
        self.name, self.accepts = name, accepts
        self.accepts_all = accepts_all or (lambda values: all(map(accepts, values)))

    def __or__(self, _none):
        accepts = self.accepts
        return Field(f"{self.name} or nil", lambda value: value is None or accepts(value))


def list_of(field):
    """A field that is a list of values of another."""
    accepts_all = field.accepts_all
    return Field(f"[{field.name}]", lambda value: type(value) is list and accepts_all(value))


Int = Field("int", lambda value: type(value) is int, lambda values: {*map(type, values)} <= {int})
Number = Field("number", lambda value: type(value) is int and value > 0)
Handle = Field("handle", Int.accepts, Int.accepts_all)
Size = Field("size", lambda value: type(value) is int and value >= 0)
Flag = Field("flag", lambda value: type(value) in (int, bool) and value in (0, 1))
Text = Field("text", lambda value: type(value) is bytes)
Scalar = Field("scalar", lambda value: value is None or type(value) in (bool, int, float, bytes))
DType = Field("dtype", lambda value: type(value) is bytes and value in _DTYPES)
Req = Field("req", lambda value: type(value) is bytes and value in (b"null", b"write", b"add"))
Operator = Field("operator", lambda value: type(value) is int and 0 <= value < len(REGISTRY))
Row = Field("attributes", lambda value: value is None or type(value) is list)


class Control:
    """A control message: the function that does what it says, and the fields that it takes."""

    def __init__(self, function, answered):
        self.name, self.function, self.answered = function.__name__.strip("_"), function, answered
        parameters = list(inspect.signature(function).parameters.values())[1:]
        self.rest = None  # name and type of the last fields, where there may be any number
        if parameters and parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL:
            self.rest = parameters[-1].name, parameters.pop().annotation
        self.least = sum(p.default is p.empty for p in parameters)
        self.fields = [(p.name, Number if p.annotation is p.empty else p.annotation) for p in parameters]
        self.checks = [field.accepts for _, field in self.fields]

    def signature(self):
        """The fields as PROTOCOL.md has them."""
        words = [f"{name}: {field.name}" for name, field in self.fields]
        words[self.least :] = [f"{word} = nil" for word in words[self.least :]]
        return ", ".join(words + ([f"*{self.rest[0]}: {self.rest[1].name}"] if self.rest else []))

    def checked(self, item):
        """The fields of an item. ProtocolError if they are not what the message has."""
        fields, checks = item[1:], self.checks
        if len(fields) < self.least or (len(fields) > len(checks) and self.rest is None):
            raise ProtocolError(f"the message {self.name} has the fields ({self.signature()}), but got {len(fields)}")
        for position, (check, value) in enumerate(zip(checks, fields)):
            if not check(value):
                fields[position] = _mended(self.name, *self.fields[position], value)
        if self.rest is not None and not self.rest[1].accepts_all(fields[len(checks) :]):
            for position in range(len(checks), len(fields)):
                fields[position] = _mended(self.name, *self.rest, fields[position])
        return fields

    def answer(self, session, fields):
        """Do what the message says, and answer it if that fails."""
        try:
            if state.interrupted:
                raise Interrupted("the computation was interrupted")
            self.function(session, *fields)
        except Exception as reason:
            session.error(fields[0], reason)


def _mended(message, name, field, value):
    """A value that a field accepts, at least once texts of integers are integers."""
    mended = value if field.accepts(value) else as_int(value)
    if not field.accepts(mended):
        raise ProtocolError(f"{name} of the message {message} is of type {field.name}, but got {shown(value)}")
    return mended


def request(function):
    """Declare a message that is answered. Its first field is the number of the answer."""
    control = Control(function, True)
    CONTROLS[control.name.encode()] = control
    return control


def order(function):
    """Declare a message that is not answered."""
    control = Control(function, False)
    CONTROLS[control.name.encode()] = control
    return control

"""The engine's exceptions.

MXNetError                      anything the engine refuses; `kind` travels to the client as a field
├── ArgumentError   "argument"  a wrong name, type or value of an argument
├── ShapeError      "shape"     shapes or dtypes that do not go together
├── AutogradError   "autograd"  a gradient that was not recorded or does not exist
├── HandleError     "handle"    a handle that names no array
├── ProtocolError   "protocol"  a frame that breaks the protocol; the connection ends
└── Interrupted     "interrupt" the client asked the engine to stop
"""


class MXNetError(Exception):
    """A failure told in the original's words: `str` starts with `MXNetError: `, `message` does not."""

    kind = "engine"

    def __init__(self, message):
        super().__init__(message)
        self.message = message

    def __str__(self):
        return f"MXNetError: {self.message}"


class ArgumentError(MXNetError, TypeError, ValueError):
    kind = "argument"


class ShapeError(MXNetError, ValueError):
    kind = "shape"


class AutogradError(MXNetError, RuntimeError):
    kind = "autograd"


class HandleError(MXNetError, KeyError):
    kind = "handle"


class ProtocolError(MXNetError):
    kind = "protocol"


class Interrupted(MXNetError):
    kind = "interrupt"


class ComputeError(MXNetError):
    """A failure found while computing, with what was being computed; it poisons the outputs."""

    kind = "compute"

    def __init__(self, message, operator="", shapes=(), where="", kind="compute", trace=""):
        super().__init__(message)
        self.operator, self.shapes, self.where, self.kind, self.trace = operator, shapes, where, kind, trace

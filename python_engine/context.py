"""Where arrays live. There is one device, the CPU, which every `cpu(i)` names."""

import operator

from .errors import ArgumentError, MXNetError

TYPES = {"cpu": 1, "gpu": 2, "cpu_pinned": 3, "cpu_shared": 5}  # the numbers that MXNet's files use
_entered = []


class Context:
    """A device by MXNet's name: `Context("cpu", 0)`, also as a `with` block that makes it the current one.

    ValueError for a device that MXNet does not know, or a number that is no integer."""

    __slots__ = ("device_id", "device_type")

    def __init__(self, device_type, device_id=0):
        if isinstance(device_type, Context):
            device_type, device_id = device_type.device_type, device_type.device_id
        if device_type not in TYPES:
            raise ArgumentError(f"a device is one of {', '.join(TYPES)}, but got {device_type!r}")
        try:
            self.device_type, self.device_id = device_type, operator.index(device_id)
        except TypeError:
            raise ArgumentError(f"the number of a {device_type} is an integer, but got {device_id!r}") from None

    @property
    def device_typeid(self):
        """The number that files have for the kind of device."""
        return TYPES[self.device_type]

    def __eq__(self, other):
        return isinstance(other, Context) and str(self) == str(other)

    def __hash__(self):
        return hash(str(self))

    def __repr__(self):
        return f"{self.device_type}({self.device_id})"

    def __enter__(self):
        _entered.append(self)
        return self

    def __exit__(self, *_failure):
        _entered.pop()


CPU = Context("cpu")


def cpu(device_id=0):
    """The CPU; all numbers name the same one."""
    return Context("cpu", device_id)


def gpu(device_id=0):
    """A GPU: it can be named, but making an array there raises MXNetError."""
    return Context("gpu", device_id)


def cpu_pinned(device_id=0):
    """The CPU, in memory that a GPU could read directly; here the same as `cpu`."""
    return Context("cpu_pinned", device_id)


def num_gpus():
    """How many GPUs arrays can be made on: 0."""
    return 0


def current_context():
    """The context of the innermost `with` block, or cpu(0)."""
    return _entered[-1] if _entered else CPU


def check_usable(context):
    """Refuse a device where no array can be made. None stands for the current context."""
    context = current_context() if context is None else context
    if not isinstance(context, Context):
        raise ArgumentError(f"ctx is a Context, as mx.cpu(), but got {context!r}")
    if context.device_type == "gpu":
        raise MXNetError(f"no array can be made on {context}: this engine computes on the CPU, use mx.cpu()")

"""What symbols get without being told: names, and attributes of the `with` block they are made in.

    with mx.AttrScope(ctx_group="encoder"), mx.name.Prefix("left_"):
        net = mx.sym.FullyConnected(data, num_hidden=3)      # left_fullyconnected0

MXNet's `mx.AttrScope`, `mx.attribute` and `mx.name`.
"""

from .errors import ArgumentError

_entered = {}


class _Scope:
    """An object that is `current` for its class in a `with` block."""

    def __enter__(self):
        _entered.setdefault(self.kind, []).append(self)
        return self

    def __exit__(self, *_failure):
        _entered[self.kind].pop()


class NameManager(_Scope):
    """Names by a hint and a number that counts how often the hint was used."""

    kind = "name"

    def __init__(self):
        self._counter = {}

    def get(self, name, hint):
        """The name, or, if that is None, a new one made of the hint."""
        if name:
            return name
        number = self._counter.get(hint, 0)
        self._counter[hint] = number + 1
        return f"{hint}{number}"


class Prefix(NameManager):
    """Puts a prefix before all names of calls, also before those that are given."""

    def __init__(self, prefix):
        super().__init__()
        self._prefix = prefix

    def get(self, name, hint):
        return self._prefix + super().get(name, hint)


class AttrScope(_Scope):
    """Attributes, of text, for all symbols that are made in the block; inner blocks add to outer ones."""

    kind = "attributes"

    def __init__(self, **attributes):
        self._attributes, self._before = texts(attributes), []

    def get(self, attr):
        """The attributes of the block, under those given in a dict (or None)."""
        return {**self._attributes, **texts(attr or {})}

    def __enter__(self):
        self._before.append(self._attributes)  # one for each block that is being left, for an object may open several
        self._attributes = {**current(AttrScope)._attributes, **self._attributes}
        return super().__enter__()

    def __exit__(self, *failure):
        self._attributes = self._before.pop()
        super().__exit__(*failure)


def texts(attributes):
    """The dict itself, or an ArgumentError where a value is no text."""
    for name, value in attributes.items():
        if not isinstance(value, str):
            raise ArgumentError(f"Attributes need to be string, but {name} is {value!r:.80}")
    return attributes


_outermost = {"name": NameManager(), "attributes": AttrScope()}


def current(cls):
    """The NameManager or AttrScope of the innermost `with` block."""
    return (_entered.get(cls.kind) or [_outermost[cls.kind]])[-1]

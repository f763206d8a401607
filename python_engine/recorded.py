"""What the tape has recorded as a symbol."""

import numpy as np

from .errors import AutogradError
from .symbols import Node, Symbol
from .tape import Leaf


def symbol_of(array):
    """The recorded calls that an array was computed by. Variables are named var0, var1 ..., arrays that no gradient was
    asked for null0 ..., one for each use, and calls node_0 ..."""
    if array.node is None or array.node.parents is None:
        raise AutogradError(
            "Check failed: !AGInfo::IsNone(*this): NDArray is not part of a computation graph. Did you forget to turn "
            "on recording? A graph also ends with its backward, and none is kept of what depends on no variable"
        )
    made, counts = {}, {"var": 0, "null": 0, "node_": 0}

    def make(kind, *call):
        counts[kind] += 1
        return Node(*(call or (None,)), f"{kind}{counts[kind] - 1}", {})

    last = _call(array.node, array.index)
    stack = [last[0]]
    while stack:
        recorded = stack[-1]
        parents = [parent and _call(*parent) for parent in recorded.parents or ()]
        waiting = [parent[0] for parent in filter(None, parents) if parent[0] not in made]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        if recorded in made:
            continue
        if isinstance(recorded, Leaf):
            made[recorded] = make("var")
            continue
        if recorded.operator is None:
            raise AutogradError("a function with a gradient of its own has no symbol")
        node = made[recorded] = make("node_", recorded.operator)
        node.attrs = _texts(recorded.operator, recorded.attrs)
        node.inputs = [(made[parent[0]], parent[1]) if parent else (make("null"), 0) for parent in parents]
    return Symbol([(made[last[0]], last[1])])


def _call(node, index):
    """The place of an output of a single call: one of those behind the entry of a graph."""
    places = None if isinstance(node, Leaf) else node.unfolded()
    return (node, index) if places is None else places[index]


def _texts(operator, attrs):
    """The attributes of a call as a symbol's nodes have them: those that are not as by default, as text."""
    texts = {}
    for name, value in attrs.items():
        if name not in operator.attributes or (name in operator.defaults and operator.defaults[name] == value):
            continue
        texts[name] = np.dtype(value).name if isinstance(value, type | np.dtype) else str(value)
    return texts

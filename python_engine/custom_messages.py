"""The control messages about operators of the client's own, and the provider that asks it.

The engine calls the client's function without arrays, or with them; the client asks what the `question` is, and answers
it by `explain`, or by what the function returns.
"""

from .attributes import DTYPES
from .controls import Int, Row, Text, order, request
from .custom import PROVIDERS
from .errors import ArgumentError, MXNetError


@order
def custom(session, op_type: Text, function: Int):
    """The operator Custom of this type is a function of the client's."""
    PROVIDERS[op_type.decode("utf-8", "replace")] = Remote(session, function)


@request
def question(session, number):
    """What the engine wants to know of the function that it calls."""
    session.reply(number, *session.question)


@order
def explain(session, values: Row):
    """The answer to the question."""
    session.told = values


def forget(session):
    """The client is gone, and its operators with it."""
    for op_type, provider in list(PROVIDERS.items()):
        if isinstance(provider, Remote) and provider.session is session:
            del PROVIDERS[op_type]


class Remote:
    """The provider whose classes are the client's."""

    def __init__(self, session, function):
        self.session, self.function = session, function

    def _ask(self, what, attrs, *words):
        pairs = [word for pair in attrs.items() for word in pair]
        return ask(self.session, self.function, [what, len(attrs), *pairs, *words])

    def lists(self, attrs):
        return _lists(self._ask("lists", attrs), _text)

    def shapes(self, attrs, shapes):
        return _lists(self._ask("shapes", attrs, *_flat(shapes)), _shape)

    def types(self, attrs, dtypes):
        return _lists(self._ask("types", attrs, len(dtypes), *dtypes), _dtype)

    def is_loss(self, attrs):
        told = self._ask("is_loss", attrs)
        return bool(told and told[0])

    def create(self, attrs, shapes, dtypes):
        told = self._ask("create", attrs, *_flat(shapes), *dtypes)
        if len(told) != 1 or type(told[0]) is not int:
            raise ArgumentError("the client told no function for an operator of its own")
        return Instance(self.session, told[0])


class Instance:
    """A client's operator, which computes."""

    def __init__(self, session, function):
        self.session, self.function = session, function

    def __del__(self):
        self.session.notices.append(["release", self.function])

    def forward(self, train, arguments, states):
        return self._call(["forward", int(train), len(arguments), len(states)], *arguments, *states)

    def backward(self, wanted, train, gradients, arguments, outputs, states):
        counts = [len(arrays) for arrays in (gradients, arguments, outputs, states)]
        words = ["backward", int(train), *counts, *map(int, wanted)]
        return self._call(words, *gradients, *arguments, *outputs, *states)

    def _call(self, words, *arrays):
        fields = []
        for array in arrays:
            fields += self.session.give(array)
        self.session.question = words
        return self.session.call(self.function, *fields)


def ask(session, function, words):
    """The values that the client tells."""
    session.question, session.told = words, None
    session.call(function)
    told, session.told = session.told, None
    if type(told) is not list:
        raise MXNetError("the client did not answer a question about an operator of its own")
    return told


def _flat(shapes):
    return [len(shapes), *(number for shape in shapes for number in (len(shape), *shape))]


def _lists(values, take):
    """Three lists, each behind its length."""
    values, lists = list(values), []
    try:
        for _ in range(3):
            count = values.pop(0)
            if type(count) is not int or not 0 <= count <= len(values):
                raise ValueError("a length")
            lists.append([take(values) for _ in range(count)])
        if values:
            raise ValueError("more")
    except (IndexError, ValueError, AttributeError, UnicodeDecodeError):
        raise ArgumentError("the client told no three lists about an operator of its own") from None
    return lists


def _text(values):
    return values.pop(0).decode()


def _dtype(values):
    name = _text(values)
    if name not in DTYPES:
        raise ArgumentError(f"a custom operator has the dtype {name}, which is none of {', '.join(DTYPES)}")
    return name


def _shape(values):
    shape = [values.pop(0) for _ in range(values.pop(0))]
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("a shape")
    return tuple(shape)

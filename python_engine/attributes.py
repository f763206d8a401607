"""Types of operator attributes: what MXNet calls them, and how a value of any client becomes one.

A client may be Perl, where 3, "3" and 3.0 are the same number, so every type takes text, numbers, bytes and
one-element arrays and returns the one Python value the operator's function expects.
"""

import numpy as np

from .errors import ArgumentError

DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")

MOST = (1 << 63) - 1  # what an integer can be


def _text(value):
    return value.decode("utf-8") if isinstance(value, bytes) else value


class Type:
    """One attribute type. `exact` is the Python class that needs no conversion; `quick` has a function for each class
    that most values of clients are of, which returns the value or None where it must be looked at closely."""

    name = ""
    exact = ()
    quick = {}

    def parse(self, value):
        raise NotImplementedError

    def describe(self):
        """What the wire table says of this type: plain data that every client understands."""
        return {"type": self.name}


def integer(value):
    """The integer, however large, that a value of any client stands for. ValueError, TypeError or OverflowError."""
    value = _text(value)
    if isinstance(value, str):
        value = float(value) if any(c in value for c in ".eE") else int(value)
    if isinstance(value, np.ndarray):
        value = value.item()
    if value != int(value):
        raise ValueError(f"{value!r} is not an integer")
    return int(value)


class Int(Type):
    name, exact = "int", int

    def parse(self, value):
        value = integer(value)
        if not -MOST - 1 <= value <= MOST:
            raise ValueError(f"{value} takes more than 64 bits")
        return value


class Float(Type):
    name, exact = "float", float
    quick = {int: float}

    def parse(self, value):
        value = _text(value)
        return float(value.item() if isinstance(value, np.ndarray) else value)


class Bool(Type):
    name, exact = "boolean", bool
    _words = {"1": True, "true": True, "True": True, "0": False, "false": False, "False": False, "": False}
    quick = {int: {0: False, 1: True}.get}

    def parse(self, value):
        value = _text(value)
        if isinstance(value, str):
            return self._words[value]
        if value in (0, 1):
            return bool(value)
        raise ValueError(f"{value!r} is not a boolean")


class Str(Type):
    name, exact = "string", str

    def parse(self, value):
        value = _text(value)
        if not isinstance(value, (str, int, float)):
            raise ValueError(f"{value!r} is not a string")
        return str(value)


class Tuple(Type):
    """A tuple of `item`s (with `holes`, also of None); one number stands for a tuple of one. MXNet writes it (1, 2)."""

    def __init__(self, item, name, holes=False):
        self.item, self.name, self.holes = item, name, holes
        self.quick = {list: self._as_it_is}

    def _as_it_is(self, value):
        exact = self.item.exact
        for item in value:
            if type(item) is not exact:
                return None
        return tuple(value)

    def parse(self, value):
        value = _text(value)
        if isinstance(value, str):
            text = value.strip()
            if text[:1] in "([" and text[-1:] in ")]":
                text = text[1:-1]
            value = [None if part.strip() == "None" else part.strip() for part in text.split(",") if part.strip()]
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, (list, tuple)):
            value = (value,)
        return tuple(None if v is None and self.holes else self.item.parse(v) for v in value)


class Choice(Type):
    """One of a fixed set of words."""

    name, exact = "choice", ()

    def __init__(self, *choices):
        self.choices = choices
        self.quick = {bytes: {choice.encode(): choice for choice in choices}.get}

    def parse(self, value):
        value = _text(value)
        value = "None" if value is None else str(value)
        if value not in self.choices:
            raise ValueError(f"{value!r} is not one of {', '.join(self.choices)}")
        return value

    def describe(self):
        return {"type": self.name, "choices": list(self.choices)}


class DType(Choice):
    """A dtype by MXNet's name."""

    name = "dtype"

    def __init__(self, *choices):
        super().__init__(*(choices or DTYPES))


class Maybe(Type):
    """Another type, or None."""

    def __init__(self, item):
        self.item = as_type(item)
        self.name = self.item.name + " or None"
        self.exact, self.quick = self.item.exact, self.item.quick

    def parse(self, value):
        if value is None or _text(value) == "None":
            return None
        return self.item.parse(value)

    def describe(self):
        return {**self.item.describe(), "optional": True}


Shape = Tuple(Int(), "Shape(tuple)")
Bounds = Tuple(Int(), "Shape(tuple)", holes=True)  # of a slice, where None stands for all there is
Floats = Tuple(Float(), "tuple of <float>")
_PLAIN = {int: Int(), float: Float(), bool: Bool(), str: Str()}


def as_type(annotation):
    """The Type behind an annotation: `int`, `float`, `bool`, `str`, a Type, or a Type class."""
    if isinstance(annotation, Type):
        return annotation
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    return annotation()


def parse(operator, name, type_, value):
    """`value` as `type_`, or an ArgumentError in MXNet's words that names operator, argument and value."""
    try:
        return type_.parse(value)
    except (ValueError, TypeError, KeyError, OverflowError) as reason:
        shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        raise ArgumentError(
            f"Invalid Parameter format for {name} expect {expected(type_)} but value='{shown}', "
            f'in operator {operator}(name="")'
        ) from reason


def expected(type_):
    """A type in MXNet's words: `int`, `boolean`, `{'relu', 'sigmoid'}`, `Shape(tuple)`."""
    inner = type_.item if isinstance(type_, Maybe) else type_
    if isinstance(inner, Choice):
        words = "{" + ", ".join(repr(c) for c in inner.choices) + "}"
        return f"{words} or None" if isinstance(type_, Maybe) else words
    return type_.name

"""What Perl's references are in Python: the same object as long as it lives, and every change is seen on both sides."""

from collections.abc import MutableMapping, MutableSequence
from typing import NamedTuple

VOID, SCALAR, LIST, PLAIN = range(4)  # contexts; PLAIN is a list with arrays and hashes copied


class Handle(NamedTuple):
    """Where a proxy's referent is."""

    interpreter: object
    number: int
    name: str  # Perl's name of its class, or ARRAY, HASH ...


class Reference:
    """A reference that Perl holds for us. All access is a request to the Perl process."""

    __slots__ = ("_perl_", "__weakref__")

    def __init__(self, interpreter, number, name):
        self._perl_ = Handle(interpreter, number, name)

    def __reduce_ex__(self, _protocol):
        raise TypeError(f"{self!r} lives in a Perl process; it can be neither copied nor pickled")

    def __repr__(self):
        return f"<{type(self).__name__} {self._perl_.name} #{self._perl_.number}>"


def ask(proxy, name, *values, context=LIST):
    """The values that the Perl function `name` returns for a proxy and `values`."""
    return proxy._perl_.interpreter._request(name, context, [proxy, *values])


class Callable:
    """Something to call, in one of Perl's contexts. Keyword arguments are passed as pairs at the end, as Perl does."""

    __slots__ = ()

    def __call__(self, *args, **kwargs):
        """Call in scalar context: the value, or None."""
        return self.scalar_context(*args, **kwargs)

    def scalar_context(self, *args, **kwargs):
        """Call in scalar context: the value, or None."""
        return self._call(SCALAR, _flat(args, kwargs))[0]

    def list_context(self, *args, **kwargs):
        """Call in list context: a list."""
        return self._call(LIST, _flat(args, kwargs))

    def void_context(self, *args, **kwargs):
        """Call in void context."""
        self._call(VOID, _flat(args, kwargs))


def _flat(args, kwargs):
    return [*args, *(part for pair in kwargs.items() for part in pair)]


class PerlCode(Callable, Reference):
    """A code reference."""

    __slots__ = ()

    def _call(self, context, values):
        return ask(self, "call", *values, context=context)


class PerlScalar(Reference):
    """A reference to a scalar; `value` reads and writes it."""

    __slots__ = ()

    @property
    def value(self):
        return ask(self, "dereference")[0]

    @value.setter
    def value(self, value):
        ask(self, "set_referent", value)


class PerlArray(Reference, MutableSequence):
    """An array reference, as a list. It equals lists and tuples with equal elements."""

    __slots__ = ()
    __hash__ = None

    def __getitem__(self, index):
        if isinstance(index, slice):
            return list(self)[index]
        found = ask(self, "fetch", _index(index), True)
        if not found:
            raise IndexError(f"index {index} is outside of a Perl array of {len(self)} elements")
        return found[0]

    def __setitem__(self, index, value):
        if isinstance(index, slice):
            values = list(self)
            values[index] = value
            ask(self, "assign", *values)
        elif not ask(self, "store", _index(index), True, value)[0]:
            raise IndexError(f"index {index} is outside of a Perl array of {len(self)} elements")

    def __delitem__(self, index):
        if isinstance(index, slice):
            values = list(self)
            del values[index]
            ask(self, "assign", *values)
        elif not ask(self, "remove", _index(index), True)[0]:
            raise IndexError(f"index {index} is outside of a Perl array of {len(self)} elements")

    def __len__(self):
        return ask(self, "size")[0]

    def __iter__(self):
        return iter(ask(self, "iterate"))

    def __eq__(self, other):
        if other is self:
            return True
        return list(self) == list(other) if isinstance(other, (list, tuple, PerlArray)) else NotImplemented

    def insert(self, index, value):
        """Insert a value before an index, as list.insert does."""
        size = len(self)
        ask(self, "insert", max(0, index + size) if index < 0 else min(index, size), value)

    def extend(self, values):
        """Append all values, in one request."""
        ask(self, "insert", len(self), *values)

    def clear(self):
        """Remove all elements."""
        ask(self, "assign")

    def to_list(self):
        """A copy as a list, with nested arrays and hashes copied, too. Blessed objects stay what they are."""
        return ask(self, "copy", context=PLAIN)[0]


def _index(index):
    try:
        return index.__index__()
    except AttributeError:
        raise TypeError(f"an index of a Perl array is an int or a slice, but got {type(index).__name__}") from None


class PerlHash(Reference, MutableMapping):
    """A hash reference, as a dict. It equals mappings with equal items. Perl decides on the order."""

    __slots__ = ()
    __hash__ = None

    def __getitem__(self, key):
        found = ask(self, "fetch", hash_key(key), False)
        if not found:
            raise KeyError(key)
        return found[0]

    def __setitem__(self, key, value):
        ask(self, "store", hash_key(key), False, value)

    def __delitem__(self, key):
        if not ask(self, "remove", hash_key(key), False)[0]:
            raise KeyError(key)

    def __contains__(self, key):
        return bool(ask(self, "exists", hash_key(key))[0])

    def __len__(self):
        return ask(self, "size")[0]

    def __iter__(self):
        return iter(ask(self, "iterate"))

    def __eq__(self, other):
        if other is self:
            return True
        return self._shallow() == dict(other) if isinstance(other, (dict, PerlHash)) else NotImplemented

    def keys(self):
        """The keys as they are now."""
        return self._shallow().keys()

    def values(self):
        """The values as they are now."""
        return self._shallow().values()

    def items(self):
        """The items as they are now."""
        return self._shallow().items()

    def clear(self):
        """Remove all items."""
        ask(self, "assign")

    def to_dict(self):
        """A copy as a dict, with nested arrays and hashes copied, too. Blessed objects stay what they are."""
        return ask(self, "copy", context=PLAIN)[0]

    def _shallow(self):
        entries = ask(self, "entries")
        return dict(zip(entries[::2], entries[1::2], strict=True))


def hash_key(key):
    """A key of a Perl hash: text, bytes or an integer. TypeError for anything else."""
    if isinstance(key, (str, bytes)):
        return key
    if hasattr(key, "__index__") and not isinstance(key, bool):
        return str(key.__index__())
    raise TypeError(f"a key of a Perl hash is a str, bytes or an int, but got {type(key).__name__}: {key!r:.80}")


class PerlMethod(Callable):
    """A method, bound to an object or a class of Perl's; Perl looks for it when it is called."""

    __slots__ = ("_interpreter", "_invocant", "_name")

    def __init__(self, interpreter, invocant, name):
        self._interpreter, self._invocant, self._name = interpreter, invocant, name

    def __repr__(self):
        return f"<PerlMethod {self._name} of {self._invocant!r}>"

    def _call(self, context, values):
        return self._interpreter._request("method", context, [self._invocant, self._name, *values])


class PerlClass:
    """A class (package) of Perl's: attributes are its methods, calling it is calling `new`."""

    __slots__ = ("_perl_",)

    def __init__(self, interpreter, name):
        self._perl_ = Handle(interpreter, 0, name)

    def __getattr__(self, name):
        return _method(self, name)

    def __call__(self, *args, **kwargs):
        return self.new(*args, **kwargs)

    def __str__(self):
        return self._perl_.name

    def __repr__(self):
        return f"<PerlClass {self._perl_.name}>"


def _method(invocant, name):
    if name.startswith("_") and name.endswith("_"):
        # what Python and its tools look for
        raise AttributeError(f"{type(invocant).__name__} has no attribute {name}")
    return PerlMethod(invocant._perl_.interpreter, invocant, name)


class PerlObject(Reference):
    """A blessed reference: attributes are methods, indices and keys read what is behind it, operators are Perl's.

    Where a class overloads no `==`, an object equals itself only."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __getattr__(self, name):
        return _method(self, name)

    def __call__(self, *args, **kwargs):
        return ask(self, "call", *_flat(args, kwargs), context=SCALAR)[0]

    def __getitem__(self, key):
        found = ask(self, "fetch", *_key(key))
        if not found:
            raise (KeyError if _key(key)[1] is False else IndexError)(key)
        return found[0]

    def __setitem__(self, key, value):
        if not ask(self, "store", *_key(key), value)[0]:
            raise IndexError(key)

    def __delitem__(self, key):
        if not ask(self, "remove", *_key(key))[0]:
            raise KeyError(key)

    def __len__(self):
        return ask(self, "size")[0]

    def __iter__(self):
        return iter(ask(self, "iterate"))

    def __str__(self):
        return ask(self, "string")[0]

    def __bool__(self):
        return bool(ask(self, "truth")[0])

    def __float__(self):
        return float(self._number())

    def __int__(self):
        number = self._number()
        try:
            return int(number)
        except ValueError:
            return int(float(number))

    def _number(self):
        number = ask(self, "number")
        if not number:
            raise TypeError(f"an object of Perl's class {self._perl_.name} is not a number")
        return number[0]


def _key(key):
    is_index = hasattr(key, "__index__")
    return (key.__index__() if is_index else hash_key(key)), is_index


def _operator(name, swapped=False):
    def method(self, *others):
        operands = [*others, self] if swapped else [self, *others]
        result = self._perl_.interpreter._request("operator", SCALAR, [name, *operands])
        return result[0] if result else NotImplemented

    return method


for _name, _perl in {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "mod": "%", "pow": "**",
    "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}.items():  # fmt: skip
    setattr(PerlObject, f"__{_name}__", _operator(_perl))
    setattr(PerlObject, f"__r{_name}__", _operator(_perl, swapped=True))
for _name, _perl in {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}.items():
    setattr(PerlObject, f"__{_name}__", _operator(_perl))


def _unary(name, symbol):
    operator = _operator(name)

    def method(self):
        result = operator(self)
        if result is NotImplemented:
            raise TypeError(f"objects of Perl's class {self._perl_.name} have no operator {symbol}")
        return result

    return method


for _name, _perl, _symbol in ("neg", "neg", "unary -"), ("abs", "abs", "abs"), ("invert", "~", "~"):
    setattr(PerlObject, f"__{_name}__", _unary(_perl, _symbol))

KINDS = {"array": PerlArray, "hash": PerlHash, "code": PerlCode, "scalar": PerlScalar, "object": PerlObject}

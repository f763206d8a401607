"""Symbols: MXNet's `mx.sym`.

    data = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(data, name="fc", num_hidden=3)
    executor = net.simple_bind(mx.cpu(), data=(8, 4))

Every operator of the table is a function here, under each of its names, and a method of symbols, as in `mx.nd`.
"""

import os
import tempfile
import warnings
from pathlib import Path

import numpy as np

from . import ops, symbols  # noqa: F401  ops fills the table
from .attributes import DTYPES
from .errors import ArgumentError, MXNetError
from .formats import symbol_json
from .functions import Namespace, describe
from .methods import dtype_name
from .ndarray import NDArray
from .registry import OPERATORS
from .scopes import AttrScope, NameManager, current
from .sparse import STYPES

STYPE_NUMBERS = {"default": 0, "row_sparse": 1, "csr": 2}
__all__ = [
    "Custom", "Group", "Symbol", "Variable", "arange", "contrib", "full", "image", "linalg", "load", "load_json",
    "ones", "op", "random", "sparse", "var", "zeros",
]  # fmt: skip


class Symbol:
    """Outputs of a graph. `graph` is the engine's symbol (see symbols.py), which knows all there is to know."""

    __slots__ = ("__weakref__", "graph")

    def __init__(self, graph):
        self.graph = graph

    # -- parts -----------------------------------------------------------------------------------------------------

    @property
    def name(self):
        """The name of the call that makes the outputs; None for those of several."""
        return self.graph.name

    def __len__(self):
        return len(self.graph.entries)

    def __iter__(self):
        return (self[position] for position in range(len(self)))

    def __getitem__(self, index):
        """One output by position or name, or a group of those of a slice."""
        if isinstance(index, slice):
            return Group(list(self)[index])
        return Symbol(self.graph.output(index + len(self) if isinstance(index, int) and index < 0 else index))

    def __call__(self, *args, **kwargs):
        """A copy in which variables are replaced by the symbols of their names (or in order); `name` names it."""
        name = kwargs.pop("name", None)
        if args and kwargs:
            raise ArgumentError("compose only accept input Symbols either as positional or keyword arguments, not both")
        kwargs = dict(zip(self.list_arguments(), args)) if args else kwargs
        for key, value in kwargs.items():
            if not isinstance(value, Symbol):
                raise ArgumentError(f"Compose expect `Symbol` as arguments, but {key} is {value!r:.80}")
        name = current(NameManager).get(name, "composed") if name else None
        return Symbol(self.graph.composed(name, {key: value.graph for key, value in kwargs.items()}))

    def get_internals(self):
        """All outputs of all calls and variables below, as one symbol."""
        return Symbol(self.graph.internals())

    def get_children(self):
        """The direct inputs as one symbol; None for a variable."""
        children = self.graph.children()
        return None if children is None else Symbol(children)

    def __copy__(self):
        return Symbol(self.graph.copied())

    def __deepcopy__(self, _memo):
        return Symbol(self.graph.copied())

    def __reduce__(self):
        return load_json, (self.tojson(),)

    # -- names and attributes --------------------------------------------------------------------------------------

    def list_arguments(self):
        return self.graph.list_arguments()

    def list_auxiliary_states(self):
        return self.graph.list_auxiliary_states()

    def list_inputs(self):
        return self.graph.list_inputs()

    def list_outputs(self):
        return self.graph.list_outputs()

    def attr(self, key):
        """An attribute of the call or variable, or None."""
        return self.list_attr().get(key)

    def list_attr(self, recursive=False):
        """The attributes of the call or variable as a dict."""
        if recursive:
            raise DeprecationWarning(
                "Symbol.list_attr with recursive=True has been deprecated. Please use attr_dict instead."
            )
        return symbols.shown_attributes(self.graph.entries[0][0]) if self.name is not None else {}

    def attr_dict(self):
        """The attributes of all calls and variables that have some, by their names."""
        return self.graph.attributes()

    def _set_attr(self, **kwargs):
        for key, value in kwargs.items():
            if not isinstance(value, str):
                raise ArgumentError(f"Set Attr only accepts string values, but {key} is {value!r}")
        self.graph.entries[0][0].set(kwargs)

    def __repr__(self):
        if self.name is None:
            return f"<Symbol group [{', '.join(str(part.name) for part in self)}]>"
        return f"<Symbol {self.name}>"

    # -- inference -------------------------------------------------------------------------------------------------

    def _known(self, args, kwargs):
        if args and kwargs:
            raise ArgumentError("Can only specify known argument shapes either by positional or kwargs way.")
        named = dict(zip(self.list_arguments(), args)) if args else kwargs
        return {name: value for name, value in named.items() if value is not None}

    def infer_shape(self, *args, **kwargs):
        """The shapes of arguments, outputs and auxiliary states, from those of some, in order or by name.

        Three lists of tuples; (None, None, None) and a warning where some stay unknown."""
        known = {name: tuple(shape) for name, shape in self._known(args, kwargs).items()}
        found = self.graph.infer_shape(known)
        if found[0] is None:
            shapes = self.graph.infer_shape(known, True)[0]
            unknown = [f"{n}: {s or ()}" for n, s in zip(self.list_arguments(), shapes) if not s or 0 in s]
            warnings.warn(
                "Cannot decide shape for the following arguments (0s in shape means unknown dimensions). Consider "
                "providing them as input:\n\t" + "\n\t".join(unknown[:10]),
                stacklevel=2,
            )
        return found

    def infer_shape_partial(self, *args, **kwargs):
        """As `infer_shape`, with () for what stays unknown, and 0 for an unknown dimension."""
        found = self.graph.infer_shape({n: tuple(s) for n, s in self._known(args, kwargs).items()}, True)
        return tuple([shape or () for shape in shapes] for shapes in found)

    def infer_type(self, *args, **kwargs):
        """As `infer_shape`, of dtypes, as NumPy's types."""
        known = {name: dtype_name(dtype) for name, dtype in self._known(args, kwargs).items()}
        found = self.graph.infer_type(known)
        return tuple(dtypes and [np.dtype(dtype).type for dtype in dtypes] for dtypes in found)

    # -- files -----------------------------------------------------------------------------------------------------

    def tojson(self):
        """The text of a symbol file."""
        return symbol_json.dumps(self.graph)

    def save(self, fname):
        """Write a symbol file that MXNet reads: the whole of it, or nothing."""
        folder = os.path.dirname(os.fspath(fname)) or "."
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
            try:
                file.write(self.tojson())
                file.close()
                os.replace(file.name, fname)
            except BaseException:
                os.unlink(file.name)
                raise

    def debug_str(self):
        """The graph in lines."""
        lines = ["Symbol Outputs:"]
        lines += [f"\toutput[{i}]={node.name}({index})" for i, (node, index) in enumerate(self.graph.entries)]
        for node in self.graph.nodes():
            if node.operator is None:
                lines.append(f"Variable:{node.name}")
                continue
            lines += ["-" * 20, f"Op:{node.operator.name}, Name={node.name}", "Inputs:"]
            for i, (parent, index) in enumerate(node.inputs):
                lines.append(f"\targ[{i}]={parent.name}({index})" + (" version=0" if parent.operator is None else ""))
            lines += (
                ["Attrs:", *(f"\t{key}={value}" for key, value in sorted(node.attrs.items()))] if node.attrs else []
            )
        return "\n".join(lines) + "\n"

    # -- computing -------------------------------------------------------------------------------------------------

    def simple_bind(
        self, ctx, grad_req="write", type_dict=None, stype_dict=None, group2ctx=None, shared_arg_names=None,
        shared_exec=None, shared_buffer=None, **kwargs,
    ):  # fmt: skip
        """An Executor on new arrays of zeros. kwargs: shapes of inputs. shared_exec: one whose arrays are taken where
        they fit. group2ctx, shared_arg_names and shared_buffer have no effect: there is one device."""
        from .executor import Executor, new_arrays

        arrays = new_arrays(self, grad_req, kwargs, type_dict, stype_dict, shared_exec)
        return Executor(self, ctx, *arrays)

    def bind(self, ctx, args, args_grad=None, grad_req="write", aux_states=None, group2ctx=None, shared_exec=None):
        """An Executor on these arrays, in order or by name; `args_grad` may name only some."""
        from .executor import Executor, in_order, requests

        names = self.list_arguments()
        args, aux = (
            in_order("args", args, names),
            in_order("aux_states", aux_states or {}, self.list_auxiliary_states()),
        )
        for array in args + aux:
            if not isinstance(array, NDArray):
                raise ArgumentError(f"bind takes NDArrays, but got {array!r:.80}")
        grads = in_order("args_grad", args_grad or {}, names, True)
        reqs = requests(grad_req, names)
        grads = [None if req == "null" else grad for req, grad in zip(reqs, grads)]
        return Executor(self, ctx, args, grads, reqs, aux)

    def eval(self, ctx=None, **kwargs):
        """The outputs, as a list, of the arrays given by name."""
        return self.bind(ctx, kwargs).forward()

    def gradient(self, wrt):
        raise MXNetError("Symbol.gradient is not implemented: bind with args_grad, and call backward of the executor")

    # -- signs -----------------------------------------------------------------------------------------------------

    def __neg__(self):
        return self * -1.0

    def __bool__(self):
        raise NotImplementedError("a Symbol has no truth value: it is not computed yet")

    __hash__ = object.__hash__

    def __getattr__(self, name):
        if name.startswith("_") or name not in OPERATORS:
            raise AttributeError(f"a Symbol has no {name!r}")
        return lambda *args, **kwargs: op_function(OPERATORS[name], name)(self, *args, **kwargs)


# Python's sign: the operators, as MXNet names them, of two symbols, of a symbol and a number, of a number and a symbol
_SIGNS = {
    "add": ("_Plus", "_PlusScalar", "_PlusScalar"), "sub": ("_Minus", "_MinusScalar", "_RMinusScalar"),
    "mul": ("_Mul", "_MulScalar", "_MulScalar"), "truediv": ("_Div", "_DivScalar", "_RDivScalar"),
    "mod": ("_Mod", "_ModScalar", "_RModScalar"), "pow": ("_Power", "_PowerScalar", "_RPowerScalar"),
    "eq": ("_equal", "_equal_scalar"), "ne": ("_not_equal", "_not_equal_scalar"),
    "gt": ("_greater", "_greater_scalar"), "ge": ("_greater_equal", "_greater_equal_scalar"),
    "lt": ("_lesser", "_lesser_scalar"), "le": ("_lesser_equal", "_lesser_equal_scalar"),
}  # fmt: skip


def _sign(of_symbols, of_number):
    def compute(self, other):
        if isinstance(other, Symbol):
            return op_function(OPERATORS[of_symbols], of_symbols)(self, other)
        if isinstance(other, int | float | np.generic):
            return op_function(OPERATORS[of_number], of_number)(self, scalar=other)
        raise TypeError(f"type {type(other)} not supported")

    return compute


for _name, (_of_symbols, *_of_numbers) in _SIGNS.items():
    for _method, _of_number in zip((_name, "r" + _name), _of_numbers):
        setattr(Symbol, f"__{_method}__", _sign(_of_symbols, _of_number))
Symbol.__abs__ = lambda self: self.abs()


# -- operators ---------------------------------------------------------------------------------------------------------


def text(value):
    """An attribute as symbol files have it."""
    if isinstance(value, type | np.dtype):
        return np.dtype(value).name
    if isinstance(value, list):
        return str(tuple(value))
    return str(value)


def op_function(operator, name):
    """The operator under one of its names, as a function of symbols: those first, then attributes; all by position or
    by name. Inputs that are not given become variables."""

    def function(*args, name=None, attr=None, out=None, **given):
        given = dict(given)
        if operator.variadic:
            positional = [*args, *given.pop(operator.variadic, ())]
        else:
            words = [*operator.inputs, *operator.attributes]
            if len(args) > len(words):
                raise ArgumentError(f"Too many arguments: {operator.signature()} got {len(args)}")
            given.update((word, value) for word, value in zip(words, args) if value is not None)
            positional = []
        for position, symbol in enumerate(positional):
            if not isinstance(symbol, Symbol):
                raise ArgumentError(f"Argument {position} of {hint} must be a Symbol, but got {symbol!r:.80}")
        for key, value in given.items():
            if key in operator.inputs and value is not None and not isinstance(value, Symbol):
                raise ArgumentError(f"Argument {key} of {hint} must be a Symbol, but got {value!r:.80}")
        given = {key: value for key, value in given.items() if value is not None or key not in operator.inputs}
        return _composed(operator.name, hint, name, attr, positional, given)

    hint = name
    function.__name__ = function.__qualname__ = name
    function.__doc__ = describe(operator, name)
    function.__module__ = "python_engine.symbol"
    return function


def _composed(operator, hint, name, attr, positional, given):
    """A call: symbols by position, and symbols and attributes by name."""
    named = {key: value.graph for key, value in given.items() if isinstance(value, Symbol)}
    attrs = current(AttrScope).get(attr)
    attrs.update((key, text(value)) for key, value in given.items() if key not in named)
    node_name = current(NameManager).get(name, hint.lower())
    return Symbol(symbols.compose(operator, node_name, attrs, [symbol.graph for symbol in positional], named))


def Custom(*inputs, op_type, name=None, attr=None, **kwargs):
    """An operator of the user's own: see mx.operator. kwargs: its attributes, and inputs by name."""
    return _composed("Custom", "custom", name, attr, inputs, {"op_type": op_type, **kwargs})


op = _internal = Namespace("", op_function)
linalg, contrib, image, sparse = (
    Namespace(f"_{name}_", op_function) for name in ("linalg", "contrib", "image", "sparse")
)


class _Random(Namespace):
    """`mx.sym.random`: _random_x of numbers, _sample_x of symbols."""

    def __getattr__(self, name):
        def draw(*args, **kwargs):
            of_symbols = name == "multinomial" or any(isinstance(x, Symbol) for x in (*args, *kwargs.values()))
            word = ("_sample_" if of_symbols else "_random_") + name
            if name == "exponential" and not of_symbols:
                scale = args[0] if args else kwargs.pop("scale", 1.0)
                return getattr(op, word)(lam=1.0 / scale, **kwargs)
            if name == "shuffle":
                word = "_shuffle"
            return getattr(op, word)(*args, **{key: value for key, value in kwargs.items() if key != "ctx"})

        if f"_random_{name}" not in OPERATORS and f"_sample_{name}" not in OPERATORS and name != "shuffle":
            raise AttributeError(f"mx.sym.random has no {name!r}")
        return draw


random = _Random("_random_")


def __getattr__(name):
    operator = OPERATORS.get(name)
    if operator is None:
        raise AttributeError(f"mx.sym has no {name!r}")
    globals()[name] = function = op_function(operator, name)
    return function


def __dir__():
    return sorted({*__all__, *OPERATORS})


# -- making symbols ----------------------------------------------------------------------------------------------------


def Variable(
    name, attr=None, shape=None, lr_mult=None, wd_mult=None, dtype=None, init=None, stype=None, profiler_scope=None,
    **kwargs,
):  # fmt: skip
    """A variable of that name. shape: 0 stands for a dimension that is not known. kwargs: attributes `__word__`."""
    if not isinstance(name, str):
        raise TypeError(f"Expect a string for variable `name`, but got {name!r:.80}")
    attrs = current(AttrScope).get(attr)
    if shape is not None:
        attrs["__shape__"] = str(tuple(shape) if not isinstance(shape, int) else (shape,))
    if dtype is not None:
        attrs["__dtype__"] = str(DTYPES.index(dtype_name(dtype)))
    if stype is not None:
        if stype not in STYPES:
            raise ArgumentError(f"a storage type is one of {', '.join(STYPES)}, but got {stype!r:.80}")
        attrs["__storage_type__"] = str(STYPE_NUMBERS[stype])
    for key, value in (("lr_mult", lr_mult), ("wd_mult", wd_mult), ("init", init)):
        if value is not None:
            attrs[f"__{key}__"] = value if isinstance(value, str) else value.dumps() if key == "init" else str(value)
    for key, value in kwargs.items():
        if not symbols.is_hidden(key):
            raise ArgumentError(
                f"Attribute name={key} is not supported. Additional attributes must start and end with double "
                "underscores, e.g, __yourattr__"
            )
        attrs[key] = str(value)
    return Symbol(symbols.variable(name, attrs))


var = Variable


def Group(symbols_):
    """The outputs of several symbols as one."""
    given = list(symbols_)
    if not given or not all(isinstance(symbol, Symbol) for symbol in given):
        raise ArgumentError(f"Expected a list of symbols as input, but got {symbols_!r:.80}")
    return Symbol(symbols.group([symbol.graph for symbol in given]))


def load(fname):
    """The symbol of a file, of MXNet 0.8 or later. OSError; MXNetError where it is no symbol file."""
    return load_json(Path(fname).read_text(encoding="utf-8"))


def load_json(json_str):
    """The symbol of a file's text."""
    if not isinstance(json_str, str):
        raise TypeError("Input json must be string")
    return Symbol(symbol_json.loads(json_str))


def zeros(shape, dtype=None, **kwargs):
    """Zeros of a shape; 0 in it stands for a length that follows from what it is used with."""
    return op._zeros(shape=shape, dtype=dtype or "float32", **kwargs)


def ones(shape, dtype=None, **kwargs):
    """Ones of a shape."""
    return op._ones(shape=shape, dtype=dtype or "float32", **kwargs)


def full(shape, val, dtype=None, **kwargs):
    """A number in a shape."""
    return op._full(shape=shape, value=float(val), dtype=dtype or "float32", **kwargs)


def arange(start, stop=None, step=1.0, repeat=1, infer_range=False, name=None, dtype=None):
    """start, start + step ... before `stop`, each `repeat` times; without `stop`, from 0 to `start`."""
    attrs = {"step": step, "repeat": repeat, "infer_range": infer_range, "dtype": dtype or "float32"}
    return op._arange(start=start, stop=stop, name=name, **attrs)

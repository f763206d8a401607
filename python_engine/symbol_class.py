"""The class Symbol, and operators as functions of symbols; symbol.py is what users see of it as `mx.sym`."""

import os
import tempfile
import warnings

import numpy as np

from . import ops, symbols  # noqa: F401  ops fills the table
from .errors import ArgumentError, MXNetError
from .formats import symbol_json
from .functions import describe
from .methods import dtype_name
from .ndarray import NDArray
from .overloads import NUMBERS
from .registry import OPERATORS
from .scopes import AttrScope, NameManager, current, texts


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
        kwargs = self._named(args, kwargs)
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
        """The names of the variables that are no auxiliary states, in order."""
        return self.graph.list_arguments()

    def list_auxiliary_states(self):
        """The names of the variables that calls write to, as moving averages."""
        return self.graph.list_auxiliary_states()

    def list_inputs(self):
        """The names of all variables, in order."""
        return self.graph.list_inputs()

    def list_outputs(self):
        """The names of the outputs."""
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
        self.graph.entries[0][0].set(texts(kwargs))

    def __repr__(self):
        if self.name is None:
            return f"<Symbol group [{', '.join(str(part.name) for part in self)}]>"
        return f"<Symbol {self.name}>"

    # -- inference -------------------------------------------------------------------------------------------------

    def _named(self, args, kwargs):
        """What was given in the order of the arguments, or by name, as a dict."""
        names = self.list_arguments()
        if args and kwargs:
            raise ArgumentError(f"{self!r} takes what is known in order or by name, but got both")
        if len(args) > len(names):
            raise ArgumentError(f"{self!r} has {len(names)} arguments ({', '.join(names)}), but got {len(args)}")
        return dict(zip(names, args)) if args else kwargs

    def _known(self, args, kwargs):
        known = self._named(args, kwargs)
        unknown = known.keys() - set(self.list_inputs())
        if unknown:
            raise ArgumentError(f"{self!r} has no input {min(unknown)}: they are {', '.join(self.list_inputs())}")
        return {name: value for name, value in known.items() if value is not None}

    def _known_shapes(self, args, kwargs):
        known = self._known(args, kwargs)
        for name, shape in known.items():
            if not isinstance(shape, (tuple, list)):
                raise ArgumentError(f"Arguments need to be shapes (tuple), but '{name}' is {shape!r:.80}")
        return {name: tuple(shape) for name, shape in known.items()}

    def infer_shape(self, *args, **kwargs):
        """The shapes of arguments, outputs and auxiliary states, from those of some, in order or by name.

        Three lists of tuples; (None, None, None) and a warning where some stay unknown."""
        known = self._known_shapes(args, kwargs)
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
        found = self.graph.infer_shape(self._known_shapes(args, kwargs), True)
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
        """An Executor on these arrays, in order or by name; `args_grad` may name only some. group2ctx and shared_exec
        have no effect: there is one device, and memory is kept for the next use anyway."""
        from .executor import Executor, in_order, requests

        names = self.list_arguments()
        args = in_order("args", args, names)
        aux = in_order("aux_states", aux_states or {}, self.list_auxiliary_states())
        for array in args + aux:
            if not isinstance(array, NDArray):
                raise ArgumentError(f"bind takes NDArrays, but got {array!r:.80}")
        grads = in_order("args_grad", args_grad or {}, names, True)
        return Executor(self, ctx, args, grads, requests(grad_req, names), aux)

    def eval(self, ctx=None, **kwargs):
        """The outputs, as a list of NDArrays, computed from those given by name."""
        return self.bind(ctx, kwargs).forward()

    def gradient(self, wrt):
        """Refused, as in MXNet: an executor computes gradients."""
        raise MXNetError("Symbol.gradient is not implemented: bind with args_grad, and call backward of the executor")

    # -- signs -----------------------------------------------------------------------------------------------------

    def __neg__(self):
        return self * -1.0

    def __bool__(self):
        raise NotImplementedError("a Symbol has no truth value: it is not computed yet")

    __hash__ = object.__hash__

    # -- operators -------------------------------------------------------------------------------------------------

    def astype(self, dtype):
        """The values in another dtype."""
        return op_function(OPERATORS["Cast"], "cast")(self, dtype=dtype_name(dtype))

    def split_v2(self, indices_or_sections, axis=0, squeeze_axis=False):
        """Parts, as mx.sym.split_v2 makes them."""
        from .symbol import split_v2

        return split_v2(self, indices_or_sections, axis, squeeze_axis)

    def __dir__(self):
        return sorted({*super().__dir__(), *(name for name in OPERATORS if not name.startswith("_"))})

    def __getattr__(self, name):
        if name.startswith("_") or name not in OPERATORS:
            raise AttributeError(f"a Symbol has no {name!r}")
        return lambda *args, **kwargs: op_function(OPERATORS[name], name)(self, *args, **kwargs)


# Python's sign: the operators, as MXNet names them, of two symbols, of a symbol and a number, of a number and a symbol
SIGNS = {
    "add": ("_Plus", "_PlusScalar", "_PlusScalar"), "sub": ("_Minus", "_MinusScalar", "_RMinusScalar"),
    "mul": ("_Mul", "_MulScalar", "_MulScalar"), "truediv": ("_Div", "_DivScalar", "_RDivScalar"),
    "mod": ("_Mod", "_ModScalar", "_RModScalar"), "pow": ("_Power", "_PowerScalar", "_RPowerScalar"),
    "eq": ("_equal", "_equal_scalar"), "ne": ("_not_equal", "_not_equal_scalar"),
    "gt": ("_greater", "_greater_scalar"), "ge": ("_greater_equal", "_greater_equal_scalar"),
    "lt": ("_lesser", "_lesser_scalar"), "le": ("_lesser_equal", "_lesser_equal_scalar"),
}  # fmt: skip


def of_two(of_symbols, of_number):
    """A method for another symbol, or a number, by the operators of these names. TypeError for anything else."""

    def compute(self, other):
        if isinstance(other, Symbol):
            return op_function(OPERATORS[of_symbols], of_symbols)(self, other)
        if isinstance(other, NUMBERS):
            return op_function(OPERATORS[of_number], of_number)(self, scalar=other)
        raise TypeError(f"type {type(other)} not supported")

    return compute


for _name, (_of_symbols, *_of_numbers) in SIGNS.items():
    for _method, _of_number in zip((_name, "r" + _name), _of_numbers):
        setattr(Symbol, f"__{_method}__", of_two(_of_symbols, _of_number))
Symbol.__abs__ = lambda self: self.abs()


# -- operators ---------------------------------------------------------------------------------------------------------


def text(value):
    """An attribute as symbol files have it."""
    if isinstance(value, type | np.dtype):
        return np.dtype(value).name
    if isinstance(value, list):
        return str(tuple(value))
    return str(value)


def op_function(operator, hint):
    """The operator under one of its names, as a function of symbols: those first, then attributes; all by position or
    by name. Inputs that are not given become variables. `out` is ignored, as in MXNet."""

    def function(*args, name=None, attr=None, out=None, **given):
        if operator.variadic:
            positional = [*args, *given.pop(operator.variadic, ())]
        else:
            words = [*operator.inputs, *operator.attributes]
            if len(args) > len(words):
                raise ArgumentError(f"Too many arguments: {operator.signature()} got {len(args)}")
            for word, value in zip(words, args):
                if value is not None and given.get(word) is not None:
                    raise ArgumentError(f"{operator.name} got two values for {word}")
                if value is not None:
                    given[word] = value
            positional = []
        for position, symbol in enumerate(positional):
            if not isinstance(symbol, Symbol):
                raise ArgumentError(f"Argument {position} of {hint} must be a Symbol, but got {symbol!r:.80}")
        for key, value in given.items():
            if key in operator.inputs and value is not None and not isinstance(value, Symbol):
                raise ArgumentError(f"Argument {key} of {hint} must be a Symbol, but got {value!r:.80}")
        given = {key: value for key, value in given.items() if value is not None or key not in operator.inputs}
        return composed(operator.name, hint, name, attr, positional, given)

    function.__name__ = function.__qualname__ = hint
    function.__doc__ = describe(operator, hint)
    function.__module__ = "python_engine.symbol"
    return function


def composed(operator, hint, name, attr, positional, given):
    """A call: symbols by position, and symbols and attributes by name."""
    named = {key: value.graph for key, value in given.items() if isinstance(value, Symbol)}
    attrs = current(AttrScope).get(attr)
    attrs.update((key, text(value)) for key, value in given.items() if key not in named)
    node_name = current(NameManager).get(name, hint.lower())
    return Symbol(symbols.compose(operator, node_name, attrs, [symbol.graph for symbol in positional], named))


# -- symbols of symbols, and of text -----------------------------------------------------------------------------------


def Group(symbols_):
    """The outputs of several symbols as one."""
    given = list(symbols_)
    if not given or not all(isinstance(symbol, Symbol) for symbol in given):
        raise ArgumentError(f"Expected a list of symbols as input, but got {symbols_!r:.80}")
    return Symbol(symbols.group([symbol.graph for symbol in given]))


def load_json(json_str):
    """The symbol of a file's text."""
    if not isinstance(json_str, str):
        raise TypeError("Input json must be string")
    return Symbol(symbol_json.loads(json_str))

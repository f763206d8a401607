"""The operator table: every operator is declared once, by decorating the function that computes it.

    @operator("dot", shape="dot")
    def dot(lhs, rhs, *, transpose_a: bool = False, transpose_b: bool = False):
        \"\"\"Matrix product ...\"\"\"
        return ...

    @dot.gradient("lhs")
    def _(F, g, rhs, transpose_a, transpose_b):
        return ...

Positional parameters are the array inputs (`= None`: optional, `*data`: any number); keyword-only parameters are the
attributes, with their types (see attributes.py) and defaults. Inputs arrive as NumPy arrays, attributes parsed.
A keyword-only `out=None` is no attribute: the function may write its result there, and return that array, where it is
given one; it is of the result's shape, dtype and C order, and may be one of the inputs itself.

A gradient rule takes `F`, the incoming gradient `g` (a list where the operator has several outputs) and then, by
name, whatever it needs: inputs, `out` (or output names), attributes, `<input>_shape` / `<input>_dtype` where the
values themselves are not needed, and `wanted`: for each input, whether its gradient is. Only what some rule names is
kept alive by the tape. `F.<operator>` computes on plain arrays, or records when a derivative of the derivative is
wanted, so rules must stick to `F`, arithmetic between arrays and numbers, and nothing else.
"""

import inspect
import math
from functools import cached_property

from . import attributes
from .errors import ArgumentError

OPERATORS = {}
REGISTRY = []
ZERO = "zero"  # gradient declared to be zeros, as MXNet does for comparisons and rounding
NAMED_OUTPUTS = {
    "BatchNorm", "BatchNorm_v1", "Custom", "Dropout", "GroupNorm", "InstanceNorm", "LayerNorm", "LeakyReLU", "RNN",
    "ROIPooling",
    "_contrib_BatchNormWithReLU", "_contrib_MultiBoxTarget", "_contrib_MultiProposal", "_contrib_Proposal",
    "_contrib_SyncBatchNorm", "_contrib_hawkesll", "make_loss",
}  # fmt: skip
# Operators of one visible output that MXNet numbers nevertheless, because it has hidden ones.
NUMBERED_OUTPUT = {"CTCLoss", "SliceChannel", "_contrib_box_nms", "_linalg_det", "_split_v2", "sort"}
# Inputs that are written to, and yet are arguments of a symbol in MXNet.
ARGUMENTS = {"gamma", "grad", "lhs"}
HEAD = "head"  # gradient is deliberately not the derivative of the output (SoftmaxOutput, MakeLoss ...)


class Rule:
    """One gradient rule with the sources of its arguments, found from their names."""

    __slots__ = ("function", "sources")

    def __init__(self, operator, function):
        self.function = function
        names = getattr(function, "asks", None)
        if names is None:
            code = function.__code__
            names = code.co_varnames[2 : code.co_argcount]
        self.sources = tuple(self._source(operator, name) for name in names)

    @staticmethod
    def _source(operator, name):
        if name == operator.variadic:
            return ("all", 0)
        if name in operator.inputs:
            return ("in", operator.inputs.index(name))
        if name in operator.attributes or name == "train":
            return ("attr", name)
        if name == "wanted":
            return ("wanted", 0)
        if name == "out":
            return ("out", 0)
        if name in operator.output_names:
            return ("out", operator.output_names.index(name))
        base, _, what = name.rpartition("_")
        if what in ("shapes", "dtypes") and base == operator.variadic:
            return (what, 0)
        if what in ("shape", "dtype") and base in operator.inputs:
            return (what, operator.inputs.index(base))
        raise TypeError(f"{operator.name}: a gradient rule asks for {name!r}, which is no input, output or attribute")


class Operator:
    """One row of the table. See `operator` for the meaning of the fields."""

    def __init__(
        self, function, name, aliases, shape, outputs, visible, mutates, views, shares, train, random, fails, takes,
        zero_dim,
    ):  # fmt: skip
        self.name, self.aliases, self.forward, self.shape = name, tuple(aliases), function, shape
        self.output_names = tuple(outputs) if not isinstance(outputs, str) else ("output",)
        self.count = outputs if isinstance(outputs, str) else None
        self.visible = visible
        self.mutates, self.views, self.shares = tuple(mutates), views, shares
        self.train, self.random, self.fails, self.zero_dim = train, random, fails, zero_dim
        self.single = self.count is None and len(self.output_names) == 1
        self.number = -1
        self.inputs, self.optional, self.variadic = [], set(), None
        self.attributes, self.defaults, self.required = {}, {}, []
        self.in_place = False
        self._read_signature(function)
        self.differentiable, self.detached = None, False
        self.forms, self.lazy = {}, frozenset()  # for sparse arrays: see `sparse`, and storage.py
        self.inference, self.type_inference, self.variable_attributes = None, None, {}  # for symbols
        self.takes = takes or {}
        self.rules = [None] * max(1, len(self.inputs))
        self.joint = None
        self.saves_inputs = self.saves_outputs = self.saves_shapes = False

    def _read_signature(self, function):
        if hasattr(function, "__signature__"):
            self._read_stated_signature(function.__signature__)
            return
        # from the code object: inspect.signature would cost a third of the engine's start
        code = function.__code__
        words = [name.rstrip("_") for name in code.co_varnames]
        count, total = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
        self.inputs = words[:count]
        self.optional = set(words[count - len(function.__defaults__ or ()) : count])
        if code.co_flags & inspect.CO_VARARGS:
            self.variadic = words[total]
            self.inputs.append(self.variadic)
        given = function.__kwdefaults__ or {}
        for name in code.co_varnames[count:total]:
            if name == "train":
                continue
            if name == "out":
                self.in_place = True
                continue
            self.attributes[name] = attributes.as_type(function.__annotations__[name])
            if name in given:
                self.defaults[name] = given[name]
            else:
                self.required.append(name)

    def _read_stated_signature(self, signature):
        """The same for a function that states its parameters itself."""
        for parameter in signature.parameters.values():
            name, given = parameter.name.rstrip("_"), parameter.default is not parameter.empty
            if parameter.kind is parameter.KEYWORD_ONLY:
                self.attributes[name] = attributes.as_type(parameter.annotation)
                if given:
                    self.defaults[name] = parameter.default
                else:
                    self.required.append(name)
            else:
                self.inputs.append(name)
                if given:
                    self.optional.add(name)

    @cached_property
    def doc(self):
        """The function's docstring."""
        return inspect.getdoc(self.forward) or ""

    @cached_property
    def simple(self):
        """True where a call takes arrays and gives one new array, with nothing else to see to."""
        special = self.train or self.shares or self.mutates or self.views or self.zero_dim is True or self.detached
        return self.single and not special

    @cached_property
    def elementwise(self):
        """True where an element of the one output comes from those at its place in the inputs, which have one shape."""
        return self.shape == "equal" and self.single and not (self.variadic or self.optional or self.random)

    @cached_property
    def lacks_rules(self):
        """True where some input has no rule: if a gradient is asked for, it is zeros."""
        return self.joint is None and None in self.rules

    @cached_property
    def unnamed_inputs(self):
        """Positions of the inputs that no rule names, whose values the tape need not keep."""
        if self.variadic:
            return ()
        named = self._named("in")
        return tuple(i for i in range(len(self.inputs)) if i not in named)

    @cached_property
    def named_outputs(self):
        """Positions of the outputs that rules name, whose values the tape keeps."""
        return sorted(self._named("out"))

    def _named(self, what):
        """Positions of the inputs ("in") or outputs ("out") whose values rules ask for."""
        rules = [rule for rule in (self.joint, *self.rules) if rule is not None]
        return {where for rule in rules for kind, where in rule.sources if kind == what}

    # -- gradients ---------------------------------------------------------------------------------------------

    def gradient(self, *names):
        """Decorator: the rule for the gradient of the named inputs (default: the first).

        For an operator with any number of inputs the rule is called once and returns a sequence.
        """
        if len(names) == 1 and callable(names[0]):
            return self.gradient()(names[0])

        def add(function):
            rule = self._note(Rule(self, function))
            for name in names or self.inputs[:1]:
                self.rules[self.inputs.index(name)] = rule
            if self.variadic:
                self.joint = rule
            return function

        return add

    def joint_gradient(self, function):
        """Decorator: one rule that returns the gradients of all inputs in order (None: no gradient)."""
        self.joint = self._note(Rule(self, function))
        return function

    def no_gradient(self, kind=ZERO):
        """Declare that the gradient is zero, as MXNet does for comparisons, rounding and the like."""
        self.differentiable = kind
        return self

    def in_no_graph(self):
        """Declare that the output is recorded nowhere, whatever the inputs are: it is free to be written to."""
        self.differentiable, self.detached = ZERO, True
        return self

    def head(self):
        """Declare that the gradient is deliberately not the derivative of the output."""
        self.differentiable = HEAD
        return self

    def _note(self, rule):
        self.differentiable = self.differentiable or True
        for kind, _ in rule.sources:
            self.saves_inputs |= kind in ("in", "all")
            self.saves_outputs |= kind == "out"
            self.saves_shapes |= kind in ("shape", "dtype", "shapes", "dtypes")
        return rule

    # -- sparse arrays -----------------------------------------------------------------------------------------

    def sparse(self, *stypes, malformed=False):
        """Decorator: the operator's function for inputs of these storage types ("default", "row_sparse", "csr"), which
        gets sparse values (sparse.py) and the attributes, and returns dense or sparse ones, or NotImplemented.

        One storage type stands for all of any number of inputs. malformed: takes values that nobody has checked.
        """

        def add(function):
            self.forms[stypes] = (function, malformed)
            return function

        return add

    # -- symbols -----------------------------------------------------------------------------------------------

    def infers(self, function):
        """Decorator: `function(shapes, attrs)`, which adds what the known shapes of a call's inputs and outputs say of
        the others (see inference.py)."""
        self.inference = function
        return function

    def makes_variables(self, **attributes):
        """Declare attributes of the variables that a symbol of this operator makes of inputs that are not given."""
        self.variable_attributes = attributes
        return self

    def listed_inputs(self, attrs):
        """The names of the inputs that a call with these attributes takes: an optional input `x` if there is `no_x`
        and it is false, or `use_x` and it is true, or where `takes` says so."""
        return [name for name in self.inputs if name not in self.optional or self._takes(name, attrs)]

    def _takes(self, name, attrs):
        if name in self.takes:
            return self.takes[name](attrs)
        return not attrs[f"no_{name}"] if f"no_{name}" in attrs else bool(attrs[f"use_{name}"])

    def symbol_outputs(self, attrs):
        """The names of the visible outputs, as a symbol has them: MXNet names those of some operators, and numbers
        those of the others that have several."""
        count = self.visible_count(attrs)
        if self.name in NAMED_OUTPUTS:
            return list(self.output_names[:count])
        if count == 1 and self.name not in NUMBERED_OUTPUT:
            return ["output"]
        return [f"output{i}" for i in range(count)]

    # -- calls -------------------------------------------------------------------------------------------------

    def mutated(self, count):
        """The positions of those of `count` inputs that the function writes to."""
        places = self._mutated
        return [*places[:-1], *range(places[-1], count)] if self.variadic in self.mutates else places

    @cached_property
    def _mutated(self):
        return [self.inputs.index(name) for name in self.mutates]

    @cached_property
    def auxiliary(self):
        """Positions of the inputs that are auxiliary states of a symbol."""
        return frozenset(i for i in self._mutated if self.inputs[i] not in ARGUMENTS and self.variadic is None)

    def parse(self, given):
        """All attributes, parsed and with defaults, from a dict of what the caller gave."""
        full = self.defaults.copy()
        types = self.attributes
        try:
            for name, value in given.items():
                type_ = types[name]
                full[name] = value if type(value) is type_.exact else attributes.parse(self.name, name, type_, value)
        except KeyError:
            known = ", ".join(types) or "none"
            raise ArgumentError(
                f"Cannot find argument '{name}', Possible Arguments: {known}, in operator {self.name}(name=\"\")"
            ) from None
        if len(full) != len(types):
            for name in self.required:
                if name not in full:
                    kind = attributes.expected(types[name])
                    raise ArgumentError(
                        f'Required parameter {name} of {kind} is not presented, in operator {self.name}(name="")'
                    )
        return full

    @cached_property
    def columns(self):
        """(name, type, its `exact`, its `quick`) of the attributes in declared order."""
        return tuple((name, type_, type_.exact, type_.quick) for name, type_ in self.attributes.items())

    def parse_row(self, row):
        """All attributes from values in declared order; None (or the end of the row) stands for the default.

        On the path of every operator call from a client."""
        full = self.defaults.copy()
        columns = self.columns
        if row:
            if len(row) > len(columns):
                raise ArgumentError(f"Operator {self.name} has {len(columns)} attributes, but got {len(row)}")
            position = 0
            for value in row:
                if value is not None:
                    name, type_, exact, quick = columns[position]
                    if type(value) is not exact:
                        convert = quick.get(type(value))
                        known = convert(value) if convert else None
                        value = attributes.parse(self.name, name, type_, value) if known is None else known
                    full[name] = value
                position += 1  # noqa: SIM113 (enumerate is slower, and this is on every call's path)
        if len(full) != len(columns):
            self.parse(full)
        return full

    @cached_property
    def counts(self):
        """The least and the largest number of array inputs."""
        return (0, math.inf) if self.variadic else (len(self.inputs) - len(self.optional), len(self.inputs))

    def check_inputs(self, count):
        """Refuse a number of array inputs that the operator cannot take."""
        least, most = self.counts
        if not least <= count <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise ArgumentError(
                f"Operator {self.name} takes {wanted} inputs ({', '.join(self.inputs)}), but got {count}"
            )

    def check_attributes(self, given):
        """Refuse values that have passed for what they are, because a look at each would cost every call too much:
        integers beyond 64 bits."""
        for name, value in given.items():
            if type(value) is int:
                attributes.parse(self.name, name, self.attributes[name], value)

    def output_count(self, attrs):
        """How many outputs a call has, hidden ones included."""
        if self.count is None:
            return len(self.output_names)
        for name in self.count.split(" or "):
            value = attrs[name]
            count = len(value) if isinstance(value, tuple) else value
            if count:
                return count
        return 0

    def visible_count(self, attrs):
        """How many of the outputs a caller sees; the rest serve the gradient."""
        if callable(self.visible):
            return self.visible(attrs)
        return self.visible or self.output_count(attrs)

    def signature(self):
        """`name(inputs, attribute=default)` for help and documentation."""
        words = [("*" + n if n == self.variadic else n + "=None" if n in self.optional else n) for n in self.inputs]
        words += [f"{n}={self.defaults[n]!r}" if n in self.defaults else n for n in self.attributes]
        return f"{self.name}({', '.join(words)})"

    def describe(self):
        """The row that is exported to `protocol/`: plain data."""
        row = {
            "name": self.name,
            "aliases": list(self.aliases),
            "inputs": self.inputs,
            "attributes": [
                [n, t.describe() if n in self.required else {**t.describe(), "default": plain(self.defaults[n])}]
                for n, t in self.attributes.items()
            ],
            "outputs": self.count or len(self.output_names),
            "shape": self.shape,
            "differentiable": self.differentiable or False,
        }
        if self.optional:
            row["optional"] = [n for n in self.inputs if n in self.optional]
        if self.variadic:
            row["variadic"] = self.variadic
        if self.mutates:
            row["mutates"] = list(self.mutates)
        for name in ("fails", "zero_dim"):
            if getattr(self, name):
                row[name] = True
        return row

    def __repr__(self):
        return f"<operator {self.signature()}>"


def plain(value):
    """A default as msgpack and JSON can carry it."""
    return list(value) if isinstance(value, tuple) else value


def operator(
    name,
    *aliases,
    shape="engine",
    outputs=("output",),
    visible=None,
    mutates=(),
    views=False,
    shares=False,
    train=False,
    random=False,
    fails=False,
    takes=None,
    zero_dim=False,
):
    """Declare an operator.

    name, aliases   as in MXNet
    shape           the rule that predicts shapes and dtypes of the outputs; clients implement each rule once.
                    "engine": the client asks once per attributes, input shapes and dtypes and remembers;
                    "value": the outputs' shapes depend on the inputs' values, so the client asks each time
    outputs         names of the outputs, or the name of the attribute that counts them (an int, or the length of a
                    tuple); "a or b": of the first that is not 0 or empty
    visible         how many outputs a caller sees (a number, or a function of the attributes); the rest serve
                    the gradient; default: all
    mutates         names of inputs the function writes to
    views           the function may return a view of an input, or the input itself
    shares          the output is a view that shares memory with input 0: writes to one are seen by the other
    train           the function takes `train`, true inside `record` or `train_mode`
    random          draws from the engine's generator
    fails           computing can fail for reasons that shapes do not show (singular matrix, index out of range)
    takes           for optional inputs with neither an attribute `no_<input>` nor `use_<input>`: a function of the
                    attributes that says whether the input is there
    zero_dim        takes and gives arrays of shape (), as NumPy does, "kept": gives one for one only; others see shape
                    (1,) in its place (see calls.py)
    """

    def declare(function):
        row = Operator(
            function, name, aliases, shape, outputs, visible, mutates, views, shares, train, random, fails, takes,
            zero_dim,
        )  # fmt: skip
        row.number = len(REGISTRY)
        REGISTRY.append(row)
        _name(row, name, *aliases)
        return row

    return declare


def _name(row, *names):
    for name in names:
        if name in OPERATORS:
            raise TypeError(f"the operator name {name} is declared twice")
        OPERATORS[name] = row


def also(name, *aliases):
    """Give an operator that is declared elsewhere more names."""
    row = OPERATORS[name]
    _name(row, *aliases)
    row.aliases += aliases


def find(name):
    """The operator of that name or alias."""
    try:
        return OPERATORS[name]
    except KeyError:
        raise ArgumentError(f"Operator {name} is not registered") from None

"""Symbols: graphs of operators on named variables, to be computed later, as MXNet's nnvm has them.

A symbol is a list of entries, outputs of nodes; nodes know the entries that they take. Attributes of a node are text:
the operator's own as they are written in a symbol file, and others whose names look like `__this__`.
"""

from functools import cached_property

from . import custom, inference
from .attributes import Shape, parse
from .errors import ArgumentError, ComputeError, Interrupted, MXNetError, ProtocolError
from .plan import Plan
from .registry import find
from .tape import state
from .type_inference import check_types, infer_types

MAX_OUTPUTS = 65_536  # of one call
PLAIN = ("ctx_group", "force_mirroring", "lr_mult", "mirror_stage", "wd_mult")  # which may leave the underscores out


class Node:
    """A variable (`operator` is None) or a call of an operator. `inputs` are entries, (node, index of its output)."""

    def __init__(self, operator, name, attrs, inputs=()):
        self.operator, self.name, self.attrs, self.inputs = operator, name, attrs, list(inputs)

    @cached_property
    def values(self):
        """The operator's attributes, parsed and complete."""
        known = self.operator.attributes
        given = {key: value for key, value in self.attrs.items() if key in known or not is_hidden(key)}
        return self.operator.parse(given)

    @cached_property
    def count(self):
        """How many outputs there are."""
        if self.operator is None:
            return 1
        count = self.operator.visible_count(self.values)
        if not 0 <= count <= MAX_OUTPUTS:
            raise ArgumentError(f"{self.name} would have {count} outputs: 0 to {MAX_OUTPUTS} are possible")
        return count

    @property
    def output_names(self):
        if self.operator is None:
            return [self.name]
        return [f"{self.name}_{output}" for output in self.operator.symbol_outputs(self.values)]

    @property
    def entries(self):
        """All that a call takes and gives: the entries of its inputs, then of its outputs."""
        return (*self.inputs, *((self, index) for index in range(self.count)))

    def set(self, attrs):
        """Change attributes, or none if the operator cannot have these."""
        changed = Node(self.operator, self.name, self.attrs | underscored(attrs, self.operator), self.inputs)
        if self.operator is not None:
            _ = changed.values
        self.attrs = changed.attrs
        for derived in ("values", "count"):
            self.__dict__.pop(derived, None)

    def copied(self):
        """A node of the same call and the same inputs."""
        return Node(self.operator, self.name, dict(self.attrs), self.inputs)


def is_hidden(key):
    """True for the name of an attribute that is not the operator's."""
    return key.startswith("__") and key.endswith("__") and len(key) > 4


def underscored(attrs, operator=None):
    """Attributes as nodes keep them: `lr_mult` and the like become `__lr_mult__`."""
    known = operator.attributes if operator is not None else ()
    return {f"__{key}__" if key in PLAIN and key not in known else key: value for key, value in attrs.items()}


def variable(name, attrs=None):
    """A symbol of one variable."""
    return Symbol([(Node(None, name, underscored(attrs or {})), 0)])


def group(symbols):
    """A symbol of the outputs of several."""
    return Symbol([entry for symbol in symbols for entry in symbol.entries])


def compose(operator, name, attrs, positional=(), named=None):
    """A call of an operator on symbols of one output each; inputs that are not given become variables.

    operator: its name; attrs: of text; positional, named: symbols, the one or the other."""
    operator, named = custom.operator_of(attrs) if operator == "Custom" else find(operator), named or {}
    if positional and named:
        raise ArgumentError("_compose only accept input Symbols either as positional or keyword arguments, not both")
    for position, symbol in enumerate((*positional, *named.values())):
        if len(symbol.entries) != 1:
            raise ArgumentError(
                f"Argument {position} of operator {operator.name} is a tuple with {len(symbol.entries)} elements, "
                "single value is required"
            )
    node = Node(operator, name, underscored(attrs, operator))
    if operator.variadic:
        _take_any_number(node, positional, named)
    else:
        _take(node, positional, named)
    return Symbol([(node, index) for index in range(node.count)])


def _take_any_number(node, positional, named):
    operator = node.operator
    count = len(positional) + len(named)
    if "num_args" in operator.attributes:
        node.attrs.setdefault("num_args", str(count))
    names = [f"arg{i}" for i in range(count)]
    given = positional or [named.pop(n) for n in names if n in named]
    if named:
        raise ArgumentError(f"Operator {operator.name} has no input {next(iter(named))}: they are {', '.join(names)}")
    node.inputs = [symbol.entries[0] for symbol in given]
    if not node.inputs:
        raise ArgumentError(f"value 0 for Parameter num_args should be greater equal to 1, in operator {operator.name}")


def _take(node, positional, named):
    operator = node.operator
    names = operator.listed_inputs(node.values)
    if len(positional) > len(names):
        raise ArgumentError(
            f"Operator {operator.name} takes {len(names)} inputs ({', '.join(names)}), but got {len(positional)}"
        )
    named = dict(named, **dict(zip(names, positional)))
    for key in named:
        if key not in names:
            raise ArgumentError(f"Operator {operator.name} has no input {key}: they are {', '.join(names)}")
    for key in names:
        if key in named:
            node.inputs.append(named[key].entries[0])
        else:
            attrs = {**node.attrs, **operator.variable_attributes.get(key, {})}
            node.inputs.append(variable(f"{node.name}_{key}", attrs).entries[0])


class Symbol:
    """Some outputs of a graph: `entries`, pairs of a node and the index of its output."""

    def __init__(self, entries):
        self.entries = entries

    @cached_property
    def plan(self):
        """What computes the symbol."""
        return Plan(self)

    def nodes(self):
        """The nodes that these outputs depend on, each after its inputs."""
        found, seen = [], set()
        stack = [(node, False) for node, _ in reversed(self.entries)]
        while stack:
            node, done = stack.pop()
            if done:
                found.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((parent, False) for parent, _ in reversed(node.inputs) if parent not in seen)
        return found

    @property
    def name(self):
        """The name of the node that makes all outputs; None if several do."""
        nodes = {node for node, _ in self.entries}
        return nodes.pop().name if len(nodes) == 1 else None

    # -- lists ---------------------------------------------------------------------------------------------------

    def _variables(self):
        """All variables in order, and those that are auxiliary states."""
        nodes, auxiliary = self.nodes(), set()
        for node in nodes:
            if node.operator is not None:
                auxiliary.update(node.inputs[i][0] for i in node.operator.auxiliary if i < len(node.inputs))
        return [node for node in nodes if node.operator is None], auxiliary

    def argument_nodes(self):
        variables, auxiliary = self._variables()
        return [node for node in variables if node not in auxiliary]

    def auxiliary_nodes(self):
        variables, auxiliary = self._variables()
        return [node for node in variables if node in auxiliary]

    def list_arguments(self):
        return [node.name for node in self.argument_nodes()]

    def list_auxiliary_states(self):
        return [node.name for node in self.auxiliary_nodes()]

    def list_inputs(self):
        return [node.name for node in self._variables()[0]]

    def custom_types(self):
        """The types of the users' own operators in the graph."""
        operators = [node.operator for node in self.nodes() if isinstance(node.operator, custom.Custom)]
        return sorted({operator.given["op_type"] for operator in operators})

    def list_outputs(self):
        return [node.output_names[index] for node, index in self.entries]

    # -- parts and copies ----------------------------------------------------------------------------------------

    def internals(self):
        """All outputs of all nodes."""
        return Symbol([(node, index) for node in self.nodes() for index in range(node.count)])

    def children(self):
        """The inputs of the nodes of these outputs, or None where they are variables."""
        entries = [entry for node in dict.fromkeys(node for node, _ in self.entries) for entry in node.inputs]
        return Symbol(entries) if entries else None

    def output(self, index):
        """A symbol of one of the outputs, by position or name."""
        if isinstance(index, str):
            names = self.list_outputs()
            if index not in names:
                raise ArgumentError(f'Cannot find output that matches name "{index}"')
            index = names.index(index)
        if not 0 <= index < len(self.entries):
            raise ArgumentError(f"Index: [{index}] is outside of the range of {len(self.entries)} outputs")
        return Symbol([self.entries[index]])

    def composed(self, name, symbols):
        """A copy in which variables are replaced by the symbols of their names."""
        unknown = set(symbols) - set(self.list_inputs())
        if unknown:
            raise ArgumentError(f"there is no variable {sorted(unknown)[0]} in {self.name}")
        copies = {}
        for node in self.nodes():
            if node.operator is None and node.name in symbols:
                if len(symbols[node.name].entries) != 1:
                    raise ArgumentError(f"Argument {node.name} is a tuple, single value is required")
                copies[node] = symbols[node.name].entries[0]
                continue
            copy = node.copied()
            copy.inputs = [_replaced(entry, copies) for entry in node.inputs]
            copies[node] = (copy, None)
        entries = [_replaced(entry, copies) for entry in self.entries]
        if name and len(entries) == 1:
            entries[0][0].name = name
        return Symbol(entries)

    def copied(self):
        return self.composed(None, {})

    # -- attributes ----------------------------------------------------------------------------------------------

    def attributes(self):
        """{name of the node: {attribute: text}} of all nodes that have some."""
        return {node.name: shown_attributes(node) for node in self.nodes() if node.attrs}

    # -- inference -----------------------------------------------------------------------------------------------

    def infer_shape(self, known, partial=False):
        """The shapes of arguments, outputs and auxiliary states, given those of some by name: three lists.

        Unknown ones are None, with `partial`; else all three are None if one is not complete. ShapeError where the
        known ones contradict each other."""
        return self._listed(self.shapes(known), inference.is_known, partial)

    def infer_type(self, known, partial=False):
        """As `infer_shape`, of dtypes."""
        nodes = self.nodes()
        types = infer_types(nodes, known)
        check_types(nodes, types)
        return self._listed(types, lambda dtype: dtype is not None, partial)

    def _listed(self, found, is_complete, partial):
        lists = (
            [found[node, 0] for node in self.argument_nodes()],
            [found[entry] for entry in self.entries],
            [found[node, 0] for node in self.auxiliary_nodes()],
        )
        complete = all(is_complete(value) for values in lists for value in values)
        return lists if complete or partial else (None, None, None)

    def shapes(self, known):
        """{entry: shape} of all entries that the known shapes, by name, tell of."""
        nodes, shapes = self.nodes(), {}
        for node in nodes:
            for index in range(node.count):
                shapes[node, index] = None
            if node.operator is None:
                shape = known.get(node.name) or declared_shape(node)
                shapes[node, 0] = tuple(shape) if shape else None
        dtypes = infer_types(nodes, {})
        pending, progress = [node for node in nodes if node.operator is not None], True
        while pending and progress:
            progress = False
            for node in (*pending, *reversed(pending)):
                if state.interrupted:
                    raise Interrupted("the inference of shapes was interrupted")
                progress |= _infer_node(node, shapes, dtypes)
            pending = [node for node in pending if not all(inference.is_known(shapes[e]) for e in node.entries)]
        return shapes


def declared_shape(variable):
    """The shape that a variable was made with, or None."""
    text = variable.attrs.get("__shape__")
    return parse(variable.name, "__shape__", Shape, text) if text else None


def _replaced(entry, copies):
    node, index = copies[entry[0]]
    return (node, entry[1] if index is None else index)


def shown_attributes(node):
    """The attributes of a node as `attr_dict` shows them: `__lr_mult__` and the like also without underscores."""
    shown = dict(node.attrs)
    for key in PLAIN:
        if f"__{key}__" in shown:
            shown[key] = shown[f"__{key}__"]
    return shown


def _infer_node(node, shapes, dtypes):
    """Add to `shapes` what a call tells; true if that is anything new."""
    operator, ins = node.operator, node.inputs
    call = inference.Shapes([shapes[entry] for entry in ins], [shapes[entry] for entry in node.entries[len(ins) :]])
    before = (list(call.ins), list(call.outs))
    try:
        inference.infer_call(operator, node.values, call, [dtypes[entry] or "float32" for entry in ins])
        if (call.ins, call.outs) == before:
            return False
        for entry, shape in zip(node.entries, (*call.ins, *call.outs)):
            shapes[entry] = inference.merged(shapes[entry], shape)
    except (ComputeError, Interrupted, ProtocolError):
        raise
    except (MXNetError, ValueError, IndexError, TypeError) as reason:
        raise inference.explained(node.name, reason) from None
    return True

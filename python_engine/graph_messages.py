"""The control messages about symbols, and what computes them. Handles name symbols and executors as they name arrays.

Attributes travel as a flat list of texts, name and value in turn; a shape is its number of dimensions (-1: unknown),
followed by them (0: unknown).
"""

from . import attributes as attributes_
from .attributes import DTYPES
from .controls import Flag, Handle, Req, Row, Scalar, Text, list_of, order, request
from .errors import ArgumentError, Interrupted, ProtocolError
from .formats import symbol_json
from .graph import Executor
from .ndarray import NDArray
from .poison import failure_of, poison
from .recorded import symbol_of
from .sparse import STYPES
from .storage_inference import infer_storage as storage_of
from .symbols import Symbol, compose, group, variable
from .tape import state
from .wire import shown

LISTS = {
    b"arguments": Symbol.list_arguments,
    b"outputs": Symbol.list_outputs,
    b"auxiliary_states": Symbol.list_auxiliary_states,
    b"inputs": Symbol.list_inputs,
    b"custom": Symbol.custom_types,
}


def _pairs(flat):
    words = [word.decode() for word in flat]
    if len(words) % 2:
        raise ArgumentError(f"attributes are names and values in turn, but got {len(words)} texts")
    return dict(zip(words[::2], words[1::2]))


@request
def variable_(session, number, symbol: Handle, name: Text, attributes: list_of(Text)):
    """A new symbol of one variable. Answers the number of its outputs, 1."""
    session.graphs[symbol] = variable(name.decode(), _pairs(attributes))
    session.reply(number, 1)


@request
def compose_(
    session,
    number,
    symbol: Handle,
    operator: Text,
    name: Text,
    attributes: list_of(Text),
    names: list_of(Text) | None,
    *inputs: Handle,
):
    """A new symbol of an operator called on symbols, by position or by `names`. Answers the number of its outputs."""
    given = [session.graph(handle, Symbol) for handle in inputs]
    named = dict(zip([n.decode() for n in names], given, strict=True)) if names else {}
    new = compose(operator.decode(), name.decode(), _pairs(attributes), () if names else given, named)
    session.graphs[symbol] = new
    session.reply(number, len(new.entries))


@request
def history(session, number, symbol: Handle, array: Handle):
    """A new symbol of the recorded calls that an array was computed by. Answers the number of its outputs, 1."""
    session.graphs[symbol] = symbol_of(session.array(array))
    session.reply(number, 1)


@request
def group_(session, number, symbol: Handle, *symbols: Handle):
    """A new symbol of the outputs of several. Answers their number."""
    session.graphs[symbol] = new = group([session.graph(handle, Symbol) for handle in symbols])
    session.reply(number, len(new.entries))


@request
def recompose(session, number, new: Handle, symbol: Handle, name: Text | None, names: list_of(Text), *symbols: Handle):
    """A new symbol: a copy in which the variables of these names are replaced by symbols."""
    given = dict(zip([n.decode() for n in names], [session.graph(h, Symbol) for h in symbols], strict=True))
    source = session.graph(symbol, Symbol)
    session.graphs[new] = copy = source.composed(None if name is None else name.decode(), given)
    session.reply(number, len(copy.entries))


@request
def part(session, number, new: Handle, symbol: Handle, what: Text, index: Scalar = None):
    """A new symbol that is a part of another: all its "internals", its "children", or one "output" by its position or
    name. Answers the number of its outputs; nil where a variable's children are asked for."""
    source = session.graph(symbol, Symbol)
    if what == b"internals":
        found = source.internals()
    elif what == b"children":
        found = source.children()
    elif what == b"output":
        found = source.output(index.decode() if type(index) is bytes else index)
    else:
        raise ArgumentError(f"the message part does not know {shown(what)}, but internals, children and output")
    if found is not None:
        session.graphs[new] = found
    session.reply(number, None if found is None else len(found.entries))


@request
def names(session, number, symbol: Handle, what: Text):
    """The names of a symbol's "arguments", "outputs", "auxiliary_states" or "inputs" (both kinds), its own "name" (nil:
    it is a group), or the types of its "custom" operators."""
    source = session.graph(symbol, Symbol)
    if what == b"name":
        session.reply(number, source.name)
    elif what in LISTS:
        session.reply(number, *LISTS[what](source))
    else:
        raise ArgumentError(f"the message names does not know {shown(what)}, but name, {', '.join(map(shown, LISTS))}")


@request
def attributes(session, number, symbol: Handle):
    """The attributes of all nodes that have some: for each its name, the number of attributes, and these."""
    fields = []
    for node, pairs in session.graph(symbol, Symbol).attributes().items():
        fields += [node, len(pairs), *(word for pair in pairs.items() for word in pair)]
    session.reply(number, *fields)


@request
def set_attributes(session, number, symbol: Handle, attributes: list_of(Text)):
    """Set attributes of the node that makes a symbol."""
    session.graph(symbol, Symbol).entries[0][0].set(_pairs(attributes))
    session.reply(number)


@request
def dump(session, number, symbol: Handle):
    """The text of a symbol file."""
    session.reply(number, symbol_json.dumps(session.graph(symbol, Symbol)))


@request
def parse(session, number, symbol: Handle, text: Text):
    """A new symbol of the text of a symbol file. Answers the number of its outputs."""
    session.graphs[symbol] = new = symbol_json.loads(text.decode())
    session.reply(number, len(new.entries))


@request
def infer_shape(session, number, symbol: Handle, partial: Flag, names: list_of(Text), shapes: list_of(Row)):
    """The shapes of arguments, outputs and auxiliary states, given those of some: three times a number of shapes and
    these. Nothing where some are incomplete and not `partial`."""
    known = {n.decode(): _shape(n.decode(), s) for n, s in zip(names, shapes, strict=True) if s}
    found = session.graph(symbol, Symbol).infer_shape(known, bool(partial))
    fields = []
    for listed in found if found[0] is not None else ():
        fields.append(len(listed))
        for shape in listed:
            fields += [-1] if shape is None else [len(shape), *shape]
    session.reply(number, *fields)


def _shape(name, row):
    shape = attributes_.parse(name, "shape", attributes_.Shape, row)
    if min(shape) < 0:
        raise ArgumentError(f"the shape {shape} of {name} has a negative dimension; 0 stands for one that is unknown")
    return shape


@request
def infer_type(session, number, symbol: Handle, partial: Flag, names: list_of(Text), dtypes: list_of(Text)):
    """As infer_shape, of dtypes: three times their number and these, nil for what is not known."""
    known = {n.decode(): d.decode() for n, d in zip(names, dtypes, strict=True)}
    for dtype in known.values():
        if dtype not in DTYPES:
            raise ArgumentError(f"{dtype} is no dtype, but one of {', '.join(DTYPES)} is")
    found = session.graph(symbol, Symbol).infer_type(known, bool(partial))
    session.reply(number, *(word for listed in found if listed is not None for word in (len(listed), *listed)))


@request
def infer_storage(session, number, symbol: Handle, names: list_of(Text), stypes: list_of(Text)):
    """The storage types of arguments and of their gradients, given those of some arguments."""
    known = {n.decode(): s.decode() for n, s in zip(names, stypes, strict=True)}
    for stype in known.values():
        if stype not in STYPES:
            raise ArgumentError(f"{stype} is no storage type, but one of {', '.join(STYPES)} is")
    session.reply(number, *(stype for listed in storage_of(session.graph(symbol, Symbol), known) for stype in listed))


# -- computing -----------------------------------------------------------------------------------------------------


@request
def evaluate(session, number, symbol: Handle, *handles: Handle):
    """Compute a symbol on arrays, one for each of its "inputs", and give the outputs handles of the engine's own."""
    plan = session.graph(symbol, Symbol).plan
    fields = []
    for output in plan.run([session.array(handle) for handle in handles]):
        fields += session.give(output)
    session.reply(number, *fields)


@order
def run(session, symbol: Handle, outs: list_of(Handle), *handles: Handle):
    """As evaluate, for a client that knows what comes out."""
    arrays = []
    try:
        if state.interrupted:
            raise Interrupted("the computation was interrupted")
        plan = session.graph(symbol, Symbol).plan
        arrays = session.all_arrays(handles)
        outputs = plan.run(arrays)
        if len(outputs) < len(outs):
            raise ArgumentError(f"the graph has {len(outputs)} outputs, but the message names {len(outs)}")
        session.arrays.update(zip(outs, outputs))
    except Exception as reason:
        session.fail(outs, _failure(session, reason, "graph", arrays), map(session.arrays.get, handles))


@request
def bind(
    session,
    number,
    executor: Handle,
    symbol: Handle,
    args: list_of(Handle),
    grads: list_of(Handle | None),
    reqs: list_of(Req),
    aux: list_of(Handle),
    shared: Handle | None,
):
    """A new executor of a symbol, bound to arrays, whose outputs share the memory of another's. Answers its outputs,
    as arrays, each with whether `backward` needs a gradient for it behind it."""
    arrays = [[None if h is None else session.array(h) for h in listed] for listed in (args, grads, aux)]
    words = [req.decode() for req in reqs]
    other = None if shared is None else session.graph(shared, Executor)
    new = Executor(session.graph(symbol, Symbol), arrays[0], arrays[1], words, arrays[2], other)
    session.graphs[executor] = new
    fields = []
    for output, needed in zip(new.outputs, new.needs_head):
        fields += [*session.give(output), int(needed)]
    session.reply(number, *fields)


@order
def forward(session, executor: Handle, is_train: Flag):
    """Compute an executor's outputs."""
    bound = _executor(session, executor)
    try:
        if state.interrupted:
            raise Interrupted("the computation was interrupted")
        bound.forward(bool(is_train))
    except Exception as reason:
        _poison(bound.outputs, _failure(session, reason, "forward", [*bound.args, *bound.aux]))


@request
def watch(session, number, executor: Handle, is_train: Flag):
    """As forward. Answers name and array of each output of each call in the graph."""
    fields = []

    def note(name, array):
        fields.extend([name, *session.give(NDArray(array.data.copy()))])

    session.graph(executor, Executor).forward(bool(is_train), note)
    session.reply(number, *fields)


@order
def differentiate(session, executor: Handle, is_train: Flag, *head_grads: Handle | None):
    """Compute an executor's gradients, from those of its outputs."""
    bound = _executor(session, executor)
    try:
        if state.interrupted:
            raise Interrupted("the computation was interrupted")
        heads = [None if handle is None else session.array(handle) for handle in head_grads]
        bound.backward(heads or None, bool(is_train))
    except Exception as reason:
        _poison([g for g in bound.grads if g is not None], _failure(session, reason, "backward", bound.args))


def _executor(session, handle):
    bound = session.graphs.get(handle)
    if not isinstance(bound, Executor):
        raise ProtocolError(f"handle {handle} names no executor")
    return bound


def _failure(session, reason, what, arrays):
    """What is wrong: an array that has failed before, else `reason`."""
    failed = next(filter(None, map(failure_of, arrays)), None)
    return failed or session.failure(reason, what, arrays)


def _poison(arrays, failure):
    failure.__traceback__ = None
    for array in arrays:
        poison(array, failure)

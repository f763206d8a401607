"""A symbol's plan: the calls that compute it, in order, and the tape's one entry for all of them.

Most graphs are computed on plain NumPy arrays, with nothing between two calls, and the gradients likewise. Those with
custom operators, sparse arrays, memory that is shared, shapes of () or somebody who watches each call go through
`calls.invoke`, call by call.
"""

import sys
from operator import itemgetter

import numpy as np

from . import calls, inference, sparse, tape
from .custom import Custom
from .errors import AutogradError, ComputeError, Interrupted, MXNetError, ProtocolError, ShapeError
from .ndarray import NDArray
from .tape import ZERO, state

REUSE_BYTES = 1 << 16  # from this size on a call may write its result over an input that nobody needs any more


class Step:
    """One call of a plan. Its inputs and outputs are in slots, of which some are `dead` after it."""

    __slots__ = ("attrs", "dead", "ins", "node", "operator", "outs")

    def __init__(self, node, operator, attrs, ins, outs):
        self.node, self.operator, self.attrs, self.ins, self.outs = node, operator, attrs, ins, outs


def _is_special(step):
    """True where more belongs to a call than to compute dense arrays with axes from those of its inputs."""
    operator = step.operator
    if isinstance(operator, Custom) or operator.shares or operator.detached or "stype" in operator.attributes:
        return True
    has_axes = operator.zero_dim == "kept" or (not step.ins and step.attrs.get("shape"))
    return bool(operator.zero_dim and not has_axes)


def _fail(node, reason):
    """Raise the failure of a call, with the name that it has in the graph."""
    if isinstance(reason, ComputeError | AutogradError | ProtocolError):
        raise reason
    raise type(reason)(f"Error in operator {node.name}: {reason.message}") from reason


class Plan:
    """The calls that compute a symbol, in order. Values are dropped after their last use, and what works in place
    writes its result over an input that is dropped."""

    def __init__(self, symbol, shapes=None, bound=False):
        """shapes: {entry: shape}, for constants whose symbol leaves dimensions open; without, these are looked up at
        each run. bound: to an executor, for which custom operators keep their instances from run to run."""
        self.bound = bound
        # another object of the same graph: symbols keep their plans, and cycles would live until the next collection
        self.symbol, self.open, self.closed = type(symbol)(symbol.entries), False, {}
        nodes = symbol.nodes()
        slots = {}
        for node in nodes:
            for index in range(node.count):
                slots[node, index] = len(slots)
        self.size = len(slots)
        variables = [node for node in nodes if node.operator is None]
        self.inputs = [slots[node, 0] for node in variables]
        self.input_names = [node.name for node in variables]
        self.outputs = [slots[entry] for entry in symbol.entries]
        self.steps = []
        for node in nodes:
            if node.operator is not None:
                operator = node.operator.fresh() if bound and isinstance(node.operator, Custom) else node.operator
                ins, outs = [slots[e] for e in node.inputs], [slots[node, i] for i in range(node.count)]
                if not isinstance(operator, Custom):
                    hidden = operator.output_count(node.values) - node.count
                    outs += range(self.size, self.size + hidden)
                    self.size += hidden
                self.steps.append(Step(node, operator, self._attributes(node, shapes), ins, outs))
        last = {slot: step for step in self.steps for slot in (*step.outs, *step.ins)}
        for step in self.steps:
            step.dead = {slot for slot in (*step.ins, *step.outs) if last[slot] is step}.difference(self.outputs)
        self.position = {slot: position for position, slot in enumerate(self.inputs)}
        self.written = set()  # the positions of the inputs that are
        for step in self.steps:
            if step.operator.mutates:
                self.written.update(self.position.get(step.ins[i]) for i in step.operator.mutated(len(step.ins)))
        self.plain = not (
            None in self.written
            or any(slot in self.position for slot in self.outputs)
            or any(map(_is_special, self.steps))
        )
        self.lends = any(step.operator.views for step in self.steps)
        self.passes = {}

    def _attributes(self, node, shapes):
        """The attributes of a call, the shape of a constant completed."""
        attrs = node.values
        if node.inputs or not attrs.get("shape") or 0 not in attrs["shape"]:
            return attrs
        if shapes is None:
            self.open = True
            return attrs
        if not inference.is_known(shapes[node, 0]):
            raise ShapeError(f"the shape {attrs['shape']} of {node.name} cannot be completed")
        return {**attrs, "shape": shapes[node, 0]}

    def run(self, arrays, watch=None):
        """The outputs, recorded as the state says. arrays: in the order of `list_inputs`; watch: called with the name
        and the array of each output of each call."""
        if len(arrays) != len(self.inputs):
            raise MXNetError(
                f"the graph takes {len(self.inputs)} arrays ({', '.join(self.input_names)}), but got {len(arrays)}"
            )
        if self.open:
            return self._closed(arrays).run(arrays, watch)
        if watch is not None or sparse.exists or not self.plain:
            return self._call_by_call(arrays, watch)
        parents = tape.parents_of(arrays) if state.recording else None
        wanted = None if parents is None else tuple([parent is not None for parent in parents])
        passes = self.passes.get(wanted)
        if passes is None:
            passes = self.passes[wanted] = Passes(self, wanted)
        for position in self.written:
            arrays[position].writable()
        values = passes.forward(arrays)
        outputs = [NDArray(values[slot]) for slot in self.outputs]
        if self.lends:
            self._note_lenders(arrays, outputs)
        if parents is not None:
            Entry(passes, parents, arrays, values).place(outputs)
        elif state.recording:
            for output in outputs:
                output.node = tape.CONSTANT
        return outputs

    @staticmethod
    def _note_lenders(arrays, outputs):
        """Where an output is a view, note whose memory it has: an array's, another output's, or a kept value's."""
        for position, output in enumerate(outputs):
            calls.note_lender((*arrays, *outputs[:position]), output)
            if output.lender is None and output.data.base is not None:
                NDArray(output.data.base).lend(output)

    def _call_by_call(self, arrays, watch):
        values = [None] * self.size
        for slot, array in zip(self.inputs, arrays):
            values[slot] = array
        for step in self.steps:
            if state.interrupted:
                raise Interrupted("the computation was interrupted")
            operator, attrs = step.operator, step.attrs
            if operator.train:
                attrs = attrs.copy()
                if state.recording and not self.bound and isinstance(operator, Custom):
                    operator = operator.fresh()
            try:
                results = calls.invoke(operator, [values[slot] for slot in step.ins], attrs)
            except MXNetError as reason:
                _fail(step.node, reason)
            for slot, result in zip(step.outs, results):
                values[slot] = result
            if watch is not None:
                for name, result in zip(step.node.output_names, results):
                    watch(name, result)
            for slot in step.dead:
                values[slot] = None
        return [values[slot] for slot in self.outputs]

    def _closed(self, arrays):
        """The plan for arrays of these shapes."""
        shapes = tuple(array.data.shape for array in arrays)
        if shapes not in self.closed:
            if len(self.closed) >= 64:
                self.closed.clear()
            known = dict(zip(self.input_names, shapes))
            self.closed[shapes] = Plan(self.symbol, self.symbol.shapes(known))
        return self.closed[shapes]


def _holders(values, slot):
    """How many references there are to the array in a slot, and to the owner of its memory."""
    data = values[slot]
    owner = data if data.base is None else data.base
    return sys.getrefcount(data), sys.getrefcount(owner)


ALONE = _holders([np.zeros(1)], 0), _holders([np.zeros(2)[:1]], 0)


def _spare(operator, values, ins, slots):
    """Memory for the result of an operator that works in place: that of an input in one of `slots`; None if somebody
    else still needs them all."""
    for slot in slots:
        fits = values[slot].nbytes >= REUSE_BYTES and calls.fits(operator, [values[i] for i in ins], values[slot])
        if fits and _holders(values, slot) in ALONE:
            return values[slot]
    return None


def _spread(values, outs, results):
    for slot, result in zip(outs, results):
        values[slot] = result


class Passes:
    """The passes forward and backward over a plan where the gradients of some inputs are wanted, a flag for each (None:
    no gradients at all).

    Both work on one list: the values in the plan's slots, of which only those that a gradient rule names are kept, and
    behind them what else the rules ask for, as attributes, and shapes that are noted on the way."""

    def __init__(self, plan, wanted):
        self.plan = plan
        tracked = {slot for slot, flag in zip(plan.inputs, wanted or ()) if flag}
        self.steps = []  # those that gradients pass
        for step in plan.steps:
            if not tracked.isdisjoint(step.ins):
                tracked.update(step.outs)
                self.steps.append(step)
        self.tracks = [slot in tracked for slot in plan.outputs]
        self.start, self.kept, self.metas = [None] * plan.size, set(), {}
        self.training = self._place()
        self.back = [self._way_back(step, tracked) for step in reversed(self.steps)]
        self.inputs = [(position, slot) for position, slot in enumerate(plan.inputs) if slot in self.kept]
        self.kept.difference_update(plan.inputs)
        self.unneeded = set(plan.outputs) - self.kept
        self.program, made = [], set()
        for step in plan.steps:
            dead = step.dead - self.kept
            spare = sorted(dead & made) if step.operator.in_place else ()
            notes = [(slot, self.metas[slot]) for slot in step.outs if slot in self.metas]
            made.update(step.outs)
            self.program.append((step, step.operator, step.attrs, step.ins, step.outs, spare, notes, dead))

    def _place(self, *values):
        """The first of new places behind the slots, for these values (default: one that is not known yet)."""
        place = len(self.start)
        self.start += values or (None,)
        return place

    def _meta(self, slot):
        """Where the shape of the value in a slot is noted; its dtype follows."""
        if slot not in self.metas:
            self.metas[slot] = self._place(None, None)
        return self.metas[slot]

    def _way_back(self, step, tracked):
        """A step as the backward pass has it: operator, slots of the outputs, places of their shapes, slots of the
        inputs whose gradients are wanted (None for others), and the rules, each with the places of its arguments and
        the slots of those inputs whose gradient it makes (None: all)."""
        operator, rules = step.operator, {}
        wanted = [slot if slot in tracked else None for slot in step.ins]
        results = () if operator.single else [self._meta(slot) for slot in step.outs]
        if operator.joint is not None:
            rules[operator.joint] = None
        else:
            for slot, rule in zip(wanted, operator.rules):
                if slot is not None:
                    rules.setdefault(rule, []).append(slot)
        ways = [(rule, self._taker(step, rule, wanted) if rule else None, slots) for rule, slots in rules.items()]
        return operator, step.outs, results, wanted, ways

    def _taker(self, step, rule, wanted):
        """The function that takes a rule's arguments out of the values."""
        places = [self._argument(step, kind, where, wanted) for kind, where in rule.sources]
        if len(places) > 1 and all(type(place) is int for place in places):
            return itemgetter(*places)
        return lambda values: [values[i] if type(i) is int else [values[j] for j in i] for i in places]

    def _argument(self, step, kind, where, wanted):
        """The place of an argument; a list of places for a list."""
        if kind == "attr":
            return self.training if where == "train" else self._place(step.attrs[where])
        if kind == "wanted":
            return self._place([slot is not None for slot in wanted])
        if kind in ("all", "shapes", "dtypes"):
            one = {"all": "in", "shapes": "shape", "dtypes": "dtype"}[kind]
            return [self._argument(step, one, place, wanted) for place in range(len(step.ins))]
        if kind != "out" and where >= len(step.ins):
            return self._place()  # an optional input that is not there
        slot = step.outs[where] if kind == "out" else step.ins[where]
        if kind in ("shape", "dtype"):
            return self._meta(slot) + (kind == "dtype")
        self.kept.add(slot)
        return slot

    def forward(self, arrays):
        """Compute the plan on NDArrays. Returns the list of values: outputs, and what the way back needs."""
        values = self.start.copy()
        values[self.training] = state.training
        for slot, array in zip(self.plan.inputs, arrays):
            values[slot] = data = array.data
            if slot in self.metas:
                values[self.metas[slot]], values[self.metas[slot] + 1] = data.shape, data.dtype
        for step, operator, attrs, ins, outs, spare, notes, dead in self.program:
            if state.interrupted:
                raise Interrupted("the computation was interrupted")
            if operator.train:
                attrs = {**attrs, "train": state.training}
            if spare:
                out = _spare(operator, values, ins, spare)
                if out is not None:
                    attrs = {**attrs, "out": out}
                    del out
            try:
                # in no variable: what that refers to could not be written over
                if operator.single:
                    values[outs[0]] = operator.forward(*[values[slot] for slot in ins], **attrs)
                else:
                    _spread(values, outs, operator.forward(*[values[slot] for slot in ins], **attrs))
            except MXNetError as reason:
                _fail(step.node, reason)
            for slot, place in notes:
                if values[slot] is not None:  # as a hidden output may be
                    values[place], values[place + 1] = values[slot].shape, values[slot].dtype
            for slot in dead:
                values[slot] = None
        return values

    def backward(self, values, gradients):
        """Replace the gradients of the plan's outputs, {slot: gradient}, by those of its inputs."""
        apply, functions = tape.apply, tape.plain_functions
        for operator, outs, results, wanted, ways in self.back:
            if operator.single:
                g = gradients.pop(outs[0], None)
                if g is None:
                    continue
            else:
                g = [gradients.pop(slot, None) for slot in outs]
                if all(value is None for value in g):
                    continue
                flows = any(value is not None and value is not ZERO for value in g)
                g = tape.Gradients(g, [values[meta : meta + 2] for meta in results], False) if flows else ZERO
            if state.interrupted:
                raise Interrupted("the computation was interrupted")
            for rule, take, slots in ways:
                if g is ZERO:
                    value = [ZERO] * len(wanted) if slots is None else ZERO
                elif rule is None:
                    value = tape.no_rule(operator)
                else:
                    value = apply(rule, g, functions, take(values))
                for slot, share in zip(wanted, value) if slots is None else [(slot, value) for slot in slots]:
                    if slot is not None and share is not None:
                        gradients[slot] = tape.sum_of(gradients[slot], share) if slot in gradients else share


class Entry(tape.Node):
    """The tape entry of a recorded run: one for all calls."""

    __slots__ = ("passes", "places", "values")

    def __init__(self, passes, parents, arrays, values):
        super().__init__(None, parents, None, [arrays[position] for position, _ in passes.inputs])
        self.passes, self.values, self.places = passes, values, None

    def place(self, outputs):
        """Put the outputs, NDArrays, on the tape."""
        if len(outputs) > 1:
            self.results = [(output.data.shape, output.data.dtype) for output in outputs]
        for index, (output, tracks) in enumerate(zip(outputs, self.passes.tracks)):
            output.node, output.index = (self, index) if tracks else (tape.CONSTANT, 0)
        for slot in self.passes.unneeded:
            self.values[slot] = None

    def release(self):
        super().release()
        self.values = self.places = None

    def gradients(self, g, functions):
        plan, values, gradients = self.passes.plan, self.values.copy(), {}
        for (_, slot), array in zip(self.passes.inputs, self.inputs):
            values[slot] = array.data
        for slot, value in zip(plan.outputs, (g,) if self.results is None else g.values):
            if value is not None:
                gradients[slot] = tape.sum_of(gradients[slot], value) if slot in gradients else value
        self.passes.backward(values, gradients)
        return [None if p is None else gradients.pop(s, None) for s, p in zip(plan.inputs, self.parents)]

    def unfolded(self):
        """The place (node, index) of each output on the tape, had each call been recorded by itself."""
        if self.places is None:
            self.places = self._unfold()
        return self.places

    def _unfold(self):
        passes, values = self.passes, self.values
        places = dict(zip(passes.plan.inputs, self.parents))
        arrays = {slot: NDArray(values[slot]) for slot in passes.kept}
        arrays.update((slot, array) for (_, slot), array in zip(passes.inputs, self.inputs))

        def meta(slot):
            start = passes.metas.get(slot)
            return (None, None) if start is None else tuple(values[start : start + 2])

        for number, step in enumerate(passes.steps, 1):
            attrs = {**step.attrs, "train": values[passes.training]} if step.operator.train else step.attrs
            node = tape.Node(step.operator, tuple([places.get(slot) for slot in step.ins]), attrs)
            node.number = self.number - 1 + number / (len(passes.steps) + 1)  # between the entries before and after
            node.inputs = [arrays.get(slot) for slot in step.ins]
            node.metas = [meta(slot) for slot in step.ins]
            # not the arrays themselves, so that the tape holds no cycle
            node.outputs = [NDArray(values[slot]) if slot in arrays else None for slot in step.outs]
            if not step.operator.single:
                node.results = [meta(slot) for slot in step.outs]
            for index, slot in enumerate(step.outs):
                places[slot] = node, index
                if slot in arrays:
                    arrays[slot].node, arrays[slot].index = node, index
        return [places.get(slot) for slot in passes.plan.outputs]

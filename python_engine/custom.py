"""Operators of the users' own: the operator Custom, whose attribute `op_type` names one.

A provider knows one `op_type`. Attributes are text; shapes are tuples, () where one is not known.

    lists(attrs)                        names of arguments, outputs and auxiliary states
    shapes(attrs, shapes)               shapes of these, from those of the arguments
    types(attrs, dtypes)                dtypes of these, likewise
    is_loss(attrs)                      true where `backward` needs no gradients of the outputs
    create(attrs, shapes, dtypes)       an instance, for arguments of these shapes and dtypes, with
        forward(train, arguments, states)                                   outputs
        backward(wanted, train, gradients, arguments, outputs, states)      gradients of the arguments (None: none)

where arrays are NDArrays. Python has classes (custom_operator.py), clients have functions (custom_messages.py).
"""

import copy

import numpy as np

from .attributes import as_type
from .errors import ArgumentError, ShapeError
from .ndarray import NDArray
from .registry import HEAD, Operator

PROVIDERS = {}
MAX_INSTANCES = 16  # of one call, for arguments of as many shapes


def operator_of(attrs):
    """The operator that a call of Custom with these attributes is."""
    attrs = {key: value for key, value in attrs.items() if not (key.startswith("__") and key.endswith("__"))}
    name = attrs.get("op_type")
    provider = PROVIDERS.get(name)
    if provider is None:
        known = ", ".join(sorted(PROVIDERS)) or "none"
        raise ArgumentError(f"there is no custom operator of op_type={name!r}; registered are: {known}")
    return Custom(provider, attrs)


class _Everything:
    """The gradient rule of a Custom: asks for all there is."""

    def __init__(self, operator):
        self.function = operator.gradients
        ins = [("in", position) for position in range(len(operator.inputs))]
        outs = [("out", position) for position in range(len(operator.output_names))]
        self.sources = (("wanted", 0), ("attr", "train"), *ins, *outs)


class _Late:
    """An attribute that is made when it is read, of the object, which so has no cycle through a method of its own."""

    def __init__(self, make):
        self.make = make

    def __get__(self, operator, _cls):
        return self.make(operator)

    def __set__(self, operator, _value):
        pass  # the base class has a value for all operators


class Custom(Operator):
    """A call of Custom with certain attributes, as a row of the operator table that is in no table."""

    forward = _Late(lambda self: self.compute)
    inference = _Late(lambda self: self.infer)
    type_inference = _Late(lambda self: self.infer_types)
    joint = _Late(_Everything)

    def __init__(self, provider, attrs):
        self.provider, self.given, self.instances = provider, attrs, {}
        arguments, outputs, states = self.lists = provider.lists(attrs)
        self.arguments = len(arguments)
        if not outputs:
            raise ArgumentError(f"the custom operator {attrs['op_type']} has no outputs")
        super().__init__(
            None, "Custom", (), "engine", outputs, None, states, False, False, True, False, True, None, False
        )  # fmt: skip
        self.auxiliary = frozenset(range(self.arguments, len(self.inputs)))
        self.saves_inputs = self.saves_outputs = True
        self.differentiable = HEAD if provider.is_loss(attrs) else True

    def _read_signature(self, _function):
        arguments, _, states = self.lists
        self.inputs = [*arguments, *states]
        self.attributes = {key: as_type(str) for key in self.given}
        self.required = list(self.given)

    def fresh(self):
        """The same, with instances of its own, which may keep values from forward to backward."""
        new = copy.copy(self)
        new.instances = {}
        return new

    # -- computing -------------------------------------------------------------------------------------------------

    def _instance(self, arrays):
        shapes, dtypes = [x.data.shape for x in arrays], [x.data.dtype.name for x in arrays]
        key = (tuple(shapes), tuple(dtypes))
        if key not in self.instances:
            if len(self.instances) >= MAX_INSTANCES:
                self.instances.clear()
            self.instances[key] = self.provider.create(self.given, shapes, dtypes)
        return self.instances[key]

    def compute(self, *arrays, train, **_attrs):
        """As any operator's function: NumPy arrays of the outputs, from those of the inputs."""
        given = [NDArray(x) for x in arrays]
        args, states = given[: self.arguments], given[self.arguments :]
        outputs = self._checked(self._instance(args).forward(train, args, states), len(self.output_names), "outputs")
        for state, held in zip(states, arrays[self.arguments :]):
            if state.data is not held:  # it has moved, in order to be written to
                np.copyto(held, state.data)
        outputs = [x.data.copy() for x in outputs]
        return outputs[0] if self.single else outputs

    def gradients(self, _functions, g, wanted, train, *values):
        """As a gradient rule; the values are NumPy arrays, or NDArrays where a gradient of the gradient is wanted."""
        plain = not any(isinstance(value, NDArray) for value in values)
        arrays = [x if isinstance(x, NDArray) else NDArray(x) for x in values]
        args, states = arrays[: self.arguments], arrays[self.arguments : len(self.inputs)]
        grads = [x if isinstance(x, NDArray) else NDArray(x) for x in ([g] if self.single else g)]
        wanted = list(wanted[: self.arguments])
        instance = self._instance(args)
        found = instance.backward(wanted, train, grads, args, arrays[len(self.inputs) :], states)
        results = []
        for x, gradient, asked in zip(args, self._checked(found, len(args), "gradients"), wanted):
            if gradient is not None and gradient.data.shape != x.data.shape:
                raise ShapeError(
                    f"the custom operator {self.given['op_type']} gave a gradient of shape {gradient.data.shape} for "
                    f"an argument of shape {x.data.shape}"
                )
            gradient = gradient if asked else None
            results.append(gradient.data.copy() if plain and gradient is not None else gradient)
        return [*results, *[None] * len(states)]

    def _checked(self, arrays, count, what):
        if len(arrays) != count:
            raise ArgumentError(f"the custom operator {self.given['op_type']} gave {len(arrays)} {what} of {count}")
        return arrays

    # -- inference -------------------------------------------------------------------------------------------------

    def infer(self, shapes, _attrs):
        args = shapes.ins[: self.arguments]
        if args and (args[0] is None or 0 in args[0]):
            return
        arguments, outputs, states = self._told(self.provider.shapes, [shape or () for shape in args])
        for position, shape in enumerate((*arguments, *states)):
            shapes.input(position, tuple(shape) or None)
        for position, shape in enumerate(outputs):
            shapes.output(tuple(shape) or None, position)

    def infer_types(self, dtypes):
        """The dtypes of all inputs and outputs, or None."""
        args = dtypes[: self.arguments]
        if args and args[0] is None:
            return None
        args = [dtype or args[0] for dtype in args]
        arguments, outputs, states = self._told(self.provider.types, args)
        return [*arguments, *states, *outputs]

    def _told(self, ask, known):
        told = ask(self.given, known)
        for names, values in zip(self.lists, told, strict=True):
            self._checked(values, len(names), f"values for {names}")
        return told

"""How operators compute on sparse arrays.

An operator may have forms for some storage types of its inputs (`@op.sparse("csr", "default")`, in ops/sparse*.py),
which get the sparse values and return dense or sparse ones. For any other combination the sparse inputs are made
dense, as MXNet does. What comes out, and in which storage type, depends on attributes and storage types alone.
"""

from .errors import ArgumentError, ShapeError
from .ndarray import NDArray
from .registry import OPERATORS
from .sparse import RowSparse, Sparse, dense, stype_of


def concerns(inputs):
    """True where one of the NDArrays is sparse."""
    # `any` takes twice as long, and every call pays for it once there are sparse arrays
    for x in inputs:  # noqa: SIM110
        if x is not None and isinstance(x.data, Sparse):
            return True
    return False


def among(values):
    """True where one of the values, or of lists of them, is sparse."""
    for x in values:  # noqa: SIM110
        if isinstance(x, Sparse) or (type(x) is list and among(x)):
            return True
    return False


def compute(operator, values, attrs):
    """The operator's result on values of which some are sparse; `attrs` are complete."""
    stypes = tuple(stype_of(x) for x in values if x is not None)
    if operator.variadic and len(set(stypes)) == 1:
        stypes = stypes[:1]
    form, takes_malformed = operator.forms.get(stypes, (None, False))
    if not takes_malformed:
        for x in values:
            if isinstance(x, Sparse):
                x.sound()
    if form is not None:
        result = form(*values, **attrs)
        if result is not NotImplemented:
            return result
    return operator.forward(*map(dense, values), **attrs)


def invoke(operator, inputs, attrs, target=None):
    """The output NDArrays of an operator on NDArrays of which some are sparse.

    target: the array that the (first) output is going to be written to, if it is known and may be written to now.
    """
    if _is_lazy(operator, inputs, attrs):
        return [_update_rows(operator, inputs, attrs, target)]
    values = [None if x is None else x.data for x in inputs]
    changed = []
    for position in operator.mutated(len(inputs)):
        x = inputs[position]
        if isinstance(x.data, Sparse):
            values[position] = dense(x.data)
            changed.append(position)
        else:
            values[position] = x.writable()
    if operator.shares:
        if not isinstance(values[0], Sparse):
            inputs[0].own()
            values[0] = inputs[0].data
        elif tuple(map(stype_of, values)) not in operator.forms:
            raise ArgumentError(
                f"{operator.name} makes a view, which a {values[0].stype} array cannot have: make it dense first, "
                "tostype('default')"
            )
        return [inputs[0].view(compute(operator, values, attrs))]
    result = compute(operator, values, attrs)
    for position in changed:
        inputs[position].assign(values[position])
    return [NDArray(value) for value in ((result,) if operator.single else result)]


# -- optimizers ----------------------------------------------------------------------------------------------------


def _is_lazy(operator, inputs, attrs):
    """True where an optimizer updates only the rows that a row_sparse gradient has."""
    if not operator.lazy or not attrs.get("lazy_update", True):
        return False
    others = {stype_of(x.data) for position, x in enumerate(inputs) if position != 1}
    return type(inputs[1].data) is RowSparse and len(others) == 1 and others <= operator.lazy


def _update_rows(operator, inputs, attrs, target):
    """Apply the update rule to the gradient's rows of weight and states alone. The inputs are weight, gradient, states.

    Where the weight itself is the target, its other rows are not even touched."""
    weight, gradient, states = inputs[0], inputs[1].data.sound().rising(), inputs[2:]
    rows = gradient.indices
    if any(x.data.shape[:1] != gradient.shape[:1] for x in (weight, *states)):
        shapes = ", ".join(str(list(x.data.shape)) for x in inputs)
        raise ShapeError(f"takes arrays with as many rows as the weight, but got {shapes}, in operator {operator.name}")
    picked = [_rows_at(x.data, rows) for x in (weight, *states)]
    new = operator.forward(picked[0], gradient.data, *picked[1:], **attrs)
    for x, values in zip(states, picked[1:], strict=True):
        x.assign_rows(rows, values)
    output = weight if target is weight else NDArray(weight.data if concerns([weight]) else weight.data.copy())
    output.assign_rows(rows, new)
    return output


def _rows_at(value, rows):
    return value.sound().rows_at(rows) if isinstance(value, Sparse) else value[rows]


# -- values in gradient rules ------------------------------------------------------------------------------------


class _Functions:
    """Operators as functions of values: what `F` is in the gradient rules of sparse ones."""

    def __getattr__(self, name):
        operator = OPERATORS[name]

        def function(*values, **attrs):
            if any(isinstance(x, Sparse) for x in values):
                return compute(operator, values, {**operator.defaults, **attrs})
            return operator.forward(*values, **attrs)

        setattr(self, name, function)
        return function


functions = _Functions()


def _arithmetic():
    """Give sparse values Python's arithmetic and ordering, so that gradient rules work on them."""

    def method(of_one_shape, broadcasting, scalar, swapped=False):
        def operate(x, other):
            if not isinstance(other, Sparse) and not hasattr(other, "shape"):
                return getattr(functions, scalar)(x, scalar=float(other))
            x, other = (other, x) if swapped else (x, other)
            return getattr(functions, of_one_shape if x.shape == other.shape else broadcasting)(x, other)

        return operate

    for name, symbol, scalar, reverse in (
        ("add", "add", "_plus_scalar", "_plus_scalar"),
        ("sub", "sub", "_minus_scalar", "_rminus_scalar"),
        ("mul", "mul", "_mul_scalar", "_mul_scalar"),
        ("truediv", "div", "_div_scalar", "_rdiv_scalar"),
    ):
        words = f"elemwise_{symbol}", f"broadcast_{symbol}"
        setattr(Sparse, f"__{name}__", method(*words, scalar))
        setattr(Sparse, f"__r{name}__", method(*words, reverse, swapped=True))
    for name, word, scalar in (
        ("pow", "power", "_power_scalar"),
        ("lt", "lesser", "_lesser_scalar"),
        ("le", "lesser_equal", "_lesser_equal_scalar"),
        ("gt", "greater", "_greater_scalar"),
        ("ge", "greater_equal", "_greater_equal_scalar"),
    ):
        setattr(Sparse, f"__{name}__", method(f"broadcast_{word}", f"broadcast_{word}", scalar))
    Sparse.__rpow__ = method("broadcast_power", "broadcast_power", "_rpower_scalar", swapped=True)
    Sparse.__neg__ = lambda x: functions.negative(x)


_arithmetic()

"""Operators written in Python: MXNet's `mx.operator`.

@mx.operator.register("double")
class DoubleProp(mx.operator.CustomOpProp):
    def create_operator(self, ctx, in_shapes, in_dtypes):
        return Double()

class Double(mx.operator.CustomOp):
    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], in_data[0] * 2)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self.assign(in_grad[0], req[0], out_grad[0] * 2)

mx.nd.Custom(x, op_type="double"), mx.sym.Custom(x, op_type="double", name="d")
"""

import numpy as np

from . import nd, tape
from .context import CPU
from .custom import PROVIDERS
from .errors import ArgumentError


class CustomOp:
    """What computes: `forward` and `backward` store their results with `assign`."""

    def forward(self, is_train, req, in_data, out_data, aux):
        """Compute `out_data` from `in_data`."""
        raise NotImplementedError(f"{type(self).__name__} has no method forward")

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        """Compute `in_grad` from `out_grad`."""
        raise NotImplementedError(f"{type(self).__name__} has no method backward")

    def assign(self, dst, req, src):
        """Write `src` to `dst` as `req` says: "null", "write", "inplace" or "add"."""
        if req in ("write", "inplace"):
            dst[:] = src
        elif req == "add":
            dst[:] += src


class CustomOpProp:
    """What is known of an operator before it computes. Its attributes are passed to the constructor, as text.

    need_top_grad: whether `backward` needs the gradients of the outputs, which a loss does not."""

    def __init__(self, need_top_grad=True):
        self.need_top_grad_ = need_top_grad

    def list_arguments(self):
        """The names of the inputs, without auxiliary states."""
        return ["data"]

    def list_outputs(self):
        """The names of the outputs."""
        return ["output"]

    def list_auxiliary_states(self):
        """The names of the arrays that the operator keeps and changes from call to call."""
        return []

    def infer_shape(self, in_shape):
        """Shapes (lists) of arguments, outputs and auxiliary states, from those of the arguments; the last may be left
        out. By default, outputs are of the shape of the first argument."""
        return in_shape, [in_shape[0]] * len(self.list_outputs()), []

    def infer_type(self, in_type):
        """As `infer_shape`, of dtypes."""
        return in_type, [in_type[0]] * len(self.list_outputs()), [in_type[0]] * len(self.list_auxiliary_states())

    def create_operator(self, ctx, in_shapes, in_dtypes):
        """The CustomOp for arguments of these shapes and dtypes (NumPy's types). To be overridden."""
        return CustomOp()

    def declare_backward_dependency(self, out_grad, in_data, out_data):
        """Has no effect: `backward` is given everything."""
        return [*out_grad, *in_data, *out_data]


def register(reg_name):
    """Decorator: a class of CustomOpProp is the operator of that `op_type`."""

    def add(cls):
        if not issubclass(cls, CustomOpProp):
            raise ArgumentError(f"a custom operator is a CustomOpProp, but got {cls!r:.80}")
        PROVIDERS[reg_name] = _Classes(cls)
        return cls

    return add


def get_all_registered_operators():
    """The `op_type`s that there are."""
    return sorted(PROVIDERS)


class _Classes:
    """The provider of a class of CustomOpProp."""

    def __init__(self, cls):
        self.cls = cls

    def _prop(self, attrs):
        return self.cls(**{key: value for key, value in attrs.items() if key != "op_type"})

    def lists(self, attrs):
        prop = self._prop(attrs)
        return list(prop.list_arguments()), list(prop.list_outputs()), list(prop.list_auxiliary_states())

    def shapes(self, attrs, shapes):
        return _three(self._prop(attrs).infer_shape([list(shape) for shape in shapes]))

    def types(self, attrs, dtypes):
        told = _three(self._prop(attrs).infer_type([dtype and np.dtype(dtype).type for dtype in dtypes]))
        return [[dtype and np.dtype(dtype).name for dtype in listed] for listed in told]

    def is_loss(self, attrs):
        return not self._prop(attrs).need_top_grad_

    def create(self, attrs, shapes, dtypes):
        prop = self._prop(attrs)
        shapes, dtypes = [list(shape) for shape in shapes], [np.dtype(dtype).type for dtype in dtypes]
        return _Instance(prop.create_operator(CPU, shapes, dtypes), prop, shapes, dtypes)


def _three(told):
    """Lists of arguments, outputs and states, where the last may be missing."""
    arguments, outputs, *states = told
    return list(arguments), list(outputs), list(states[0]) if states else []


class _Instance:
    def __init__(self, operator, prop, shapes, dtypes):
        self.operator = operator
        self.outputs = list(zip(_three(prop.infer_shape(shapes))[1], _three(prop.infer_type(dtypes))[1], strict=True))

    def forward(self, train, arguments, states):
        outputs = [nd.zeros(tuple(shape), dtype=dtype) for shape, dtype in self.outputs]
        with tape.recording(False, train):
            self.operator.forward(train, ["write"] * len(outputs), arguments, outputs, states)
        return outputs

    def backward(self, wanted, train, gradients, arguments, outputs, states):
        results = [nd.zeros(x.shape, dtype=x.dtype) for x in arguments]
        req = ["write" if asked else "null" for asked in wanted]
        with tape.recording(None, train):
            self.operator.backward(req, gradients, arguments, outputs, results, states)
        return results

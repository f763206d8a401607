"""Operators written in Python: `mx.operator`."""

import numpy as np
import pytest

import python_engine as mx
from python_engine.custom import PROVIDERS


class Softmax(mx.operator.CustomOp):
    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], mx.nd.softmax(in_data[0]))

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        hot = mx.nd.one_hot(in_data[1], depth=out_data[0].shape[1])
        self.assign(in_grad[0], req[0], out_data[0] - hot)


class SoftmaxProp(mx.operator.CustomOpProp):
    def __init__(self):
        super().__init__(need_top_grad=False)

    def list_arguments(self):
        return ["data", "label"]

    def infer_shape(self, in_shape):
        return [in_shape[0], [in_shape[0][0]]], [in_shape[0]], []

    def create_operator(self, ctx, in_shapes, in_dtypes):
        return Softmax()


class Counted(mx.operator.CustomOp):
    """x * scale, and how often it was called in training."""

    def __init__(self, scale):
        self.scale = scale

    def forward(self, is_train, req, in_data, out_data, aux):
        if is_train:
            aux[0][:] += 1
        self.assign(out_data[0], req[0], in_data[0] * self.scale)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self.assign(in_grad[0], req[0], out_grad[0] * self.scale)


class CountedProp(mx.operator.CustomOpProp):
    def __init__(self, scale):
        super().__init__()
        self.scale = float(scale)

    def list_auxiliary_states(self):
        return ["count"]

    def infer_shape(self, in_shape):
        return in_shape, in_shape[:1], [(1,)]

    def create_operator(self, ctx, in_shapes, in_dtypes):
        return Counted(self.scale)


class Cube(mx.operator.CustomOp):
    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], in_data[0] ** 3)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self.assign(in_grad[0], req[0], out_grad[0] * 3 * in_data[0] ** 2)


class CubeProp(mx.operator.CustomOpProp):
    def create_operator(self, ctx, in_shapes, in_dtypes):
        return Cube()


@pytest.fixture(autouse=True)
def operators():
    mx.operator.register("softmax")(SoftmaxProp)
    mx.operator.register("counted")(CountedProp)
    mx.operator.register("cube")(CubeProp)
    yield
    for name in ("softmax", "counted", "cube"):
        del PROVIDERS[name]


def test_a_loss_is_as_good_as_the_one_that_is_built_in():
    layer = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc")
    own = mx.sym.Custom(data=layer, name="softmax", op_type="softmax")
    assert own.list_arguments() == ["data", "fc_weight", "fc_bias", "softmax_label"]
    assert own.infer_shape(data=(4, 5))[0] == [(4, 5), (3, 5), (3,), (4,)]
    assert own.infer_type(data="float32")[1] == [np.float32]
    assert mx.sym.load_json(own.tojson()).tojson() == own.tojson()
    rng, results = np.random.default_rng(0), []
    values = {"data": rng.normal(size=(4, 5)), "fc_weight": rng.normal(size=(3, 5)), "softmax_label": [0, 1, 2, 0]}
    for net in (own, mx.sym.SoftmaxOutput(layer, name="softmax")):
        executor = net.simple_bind(mx.cpu(), data=(4, 5))
        executor.forward(True, **values)
        executor.backward()
        results.append([executor.outputs[0].asnumpy(), executor.grad_dict["fc_weight"].asnumpy()])
    for got, want in zip(*results):
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_attributes_are_text_and_states_change():
    count = mx.nd.zeros(1)
    x = mx.nd.array([1, 2])
    x.attach_grad()
    with mx.autograd.record():
        y = mx.nd.Custom(x, count, op_type="counted", scale=2.5)
    y.backward()
    assert y.asnumpy().tolist() == [2.5, 5] and x.grad.asnumpy().tolist() == [2.5, 2.5]
    assert count.asnumpy().tolist() == [1]
    assert mx.nd.Custom(data=x, count=count, op_type="counted", scale=1).asnumpy().tolist() == [1, 2]
    assert count.asnumpy().tolist() == [1]


def test_a_gradient_of_the_gradient():
    x = mx.nd.array([2, 3])
    x.attach_grad()
    with mx.autograd.record():
        y = mx.nd.Custom(x, op_type="cube")
        (first,) = mx.autograd.grad([y], [x], create_graph=True, retain_graph=True)
    first.backward()
    assert first.asnumpy().tolist() == [12, 27] and x.grad.asnumpy().tolist() == [12, 18]


def test_what_is_wrong_is_told():
    x = mx.nd.ones(2)
    for wrong, words in (
        (
            lambda: mx.nd.Custom(x, op_type="nothing"),
            "of op_type='nothing'; registered are: counted",
        ),
        (
            lambda: mx.nd.Custom(x, x, op_type="cube"),
            r"operator cube takes the inputs \['data'\], but got 2",
        ),
        (lambda: mx.sym.Custom(mx.sym.var("x"), op_type="nothing"), "no custom operator"),
        (lambda: mx.operator.register("bad")(Cube), "a custom operator is a CustomOpProp"),
    ):
        with pytest.raises(TypeError, match=words):
            wrong()
    assert mx.operator.get_all_registered_operators() == ["counted", "cube", "softmax"]

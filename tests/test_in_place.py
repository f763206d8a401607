"""Results written over arrays: an input, the destination, or in graphs what is needed no more."""

import tracemalloc

import numpy as np
import pytest
from golden_ops import arrays, cases

import python_engine as mx
from python_engine import autograd, calls, ops  # noqa: F401
from python_engine.ndarray import NDArray
from python_engine.registry import find

LARGE = 300_001  # elements, which are computed in several pieces
MIB = 1 << 20


def in_place():
    """A recorded dense call of each operator that can write its result over an input."""
    seen = {}
    for name, case in cases():
        row = find(name)
        floats = all(x["dtype"] == "float32" and x["stype"] == "default" for x in case["inputs"])
        if row.in_place and row.single and floats and case["inputs"]:
            seen.setdefault(name, case)
    return [pytest.param(name, case, id=name) for name, case in seen.items()]


def computed(name, case, values, out=None):
    row = find(name)
    return row.forward(*values, **row.parse(case["attrs"]), **({} if out is None else {"out": out}))


@pytest.mark.parametrize(("name", "case"), in_place())
def test_a_result_over_an_input_is_the_same(name, case):
    data, row = arrays(name), find(name)
    written = row.mutated(len(case["inputs"])) if row.mutates else ()
    recorded = [data[x["key"]] for x in case["inputs"]]
    for values in (recorded, [np.resize(x, LARGE) for x in recorded]):
        want = computed(name, case, [x.copy() for x in values])
        for position, x in enumerate(values):
            if (x.shape, x.dtype) != (want.shape, want.dtype) or position in written:
                continue
            given = [v.copy() for v in values]
            np.testing.assert_array_equal(computed(name, case, given, out=given[position]), want)
        if all(x.shape == want.shape for x in values) and not row.mutates:
            one = [values[0].copy()] * len(values)
            want = computed(name, case, one)
            np.testing.assert_array_equal(computed(name, case, one, out=one[0]), want, "of one array for all inputs")


def test_what_is_written_to_an_array_is_computed_there():
    x, target = NDArray(np.full(4, 3.0)), NDArray(np.zeros(4))
    memory = target.data
    calls.invoke_into(find("square"), [x], {}, [target])
    assert target.data is memory and list(memory) == [9] * 4
    calls.invoke_into(find("_plus"), [target, x], {}, [target])
    assert target.data is memory and list(memory) == [12] * 4
    row = NDArray(np.array([[1.0], [2.0]]))
    matrix = NDArray(np.ones((2, 3)))
    memory = matrix.data
    calls.invoke_into(find("broadcast_add"), [matrix, row], {}, [matrix])
    assert matrix.data is memory and memory.tolist() == [[2, 2, 2], [3, 3, 3]]
    with pytest.raises(mx.MXNetError, match="shape"):
        calls.invoke_into(find("broadcast_add"), [matrix, row], {}, [row])
    assert row.data.tolist() == [[1], [2]], "what does not fit is left alone"


def test_an_input_that_is_a_view_of_the_destination_is_read_before_it_changes():
    x = mx.nd.array(np.arange(6).reshape(2, 3))
    first = x[0]
    mx.nd.broadcast_mod(x + 4, first.reshape((1, 3)) + 1, out=x)
    mx.nd.broadcast_add(x, first.reshape((1, 3)), out=x)
    np.testing.assert_array_equal(x.asnumpy(), [[0, 2, 0], [0, 1, 0]])
    np.testing.assert_array_equal(first.asnumpy(), [0, 2, 0])


def test_who_borrowed_the_memory_of_a_destination_keeps_its_values():
    x = mx.nd.ones((2, 3))
    turned = mx.nd.transpose(x)
    mx.nd.exp(x, out=x)
    assert (turned.asnumpy() == 1).all() and (x.asnumpy() == np.exp(np.float32(1))).all()


def test_a_sparse_destination_keeps_its_storage_type():
    x = mx.nd.ones((2, 3))
    sparse = mx.nd.zeros((2, 3), stype="csr")
    mx.nd.elemwise_add(x, x, out=sparse)
    assert sparse.stype == "csr" and (sparse.asnumpy() == 2).all()


def test_a_failing_call_leaves_its_destination_alone():
    x = mx.nd.ones((2, 3))
    with pytest.raises(mx.MXNetError, match="outputs were computed"):
        calls.invoke_into(find("exp"), [x], {}, [x, mx.nd.ones((2, 3))])
    with pytest.raises(mx.MXNetError):
        mx.nd.sgd_mom_update(x, mx.nd.ones((2, 3)), mx.nd.ones((3, 2)), lr=1, out=x)
    assert (x.asnumpy() == 1).all()


def chain():
    """A graph of steps that can all be computed in place, and of one that cannot."""
    x = mx.sym.Variable("x")
    y = x * 2
    for _ in range(4):
        y = mx.sym.Activation(mx.sym.tanh(y + 1) * 0.5, act_type="sigmoid")
    return mx.sym.square(mx.sym.exp(mx.sym.dot(y, y)))


def test_a_graph_writes_values_over_those_that_are_needed_no_more():
    executor = chain().bind(mx.cpu(), {"x": mx.nd.ones((512, 512))})
    want = executor.forward()[0].asnumpy()
    tracemalloc.start()
    try:
        executor.forward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.2 * MIB, "one value and the product; each has 1 MiB"
    np.testing.assert_array_equal(executor.forward()[0].asnumpy(), want)
    assert (executor.arg_dict["x"].asnumpy() == 1).all()


def test_a_graph_keeps_the_values_that_gradients_need():
    start = np.random.default_rng(1).uniform(-0.1, 0.1, (160, 160)).astype(np.float32)
    x, grad = mx.nd.array(start), mx.nd.zeros(start.shape)
    executor = chain().bind(mx.cpu(), {"x": x}, args_grad={"x": grad})
    out = executor.forward(is_train=True)[0]
    executor.backward(mx.nd.ones(start.shape))
    z = mx.nd.array(start)
    z.attach_grad()
    with autograd.record():
        y = z * 2
        for _ in range(4):
            y = mx.nd.Activation(mx.nd.tanh(y + 1) * 0.5, act_type="sigmoid")
        w = mx.nd.square(mx.nd.exp(mx.nd.dot(y, y)))
    w.backward()
    np.testing.assert_array_equal(out.asnumpy(), w.asnumpy())
    np.testing.assert_array_equal(grad.asnumpy(), z.grad.asnumpy())


def test_a_graph_leaves_alone_what_others_hold():
    x = mx.sym.Variable("x")
    middle = mx.sym.square(x, name="middle")
    graph = mx.sym.Group([mx.sym.exp(middle), mx.sym.tanh(middle), mx.sym.BlockGrad(middle) + 1])
    executor = graph.bind(mx.cpu(), {"x": mx.nd.full((200, 200), 2)})
    seen = {}
    executor.set_monitor_callback(lambda name, array: seen.setdefault(name, array))
    monitored = [o.asnumpy() for o in executor.forward()]
    assert (seen["middle_output"].asnumpy() == 4).all()
    for got, want in zip(graph.bind(mx.cpu(), {"x": mx.nd.full((200, 200), 2)}).forward(), monitored, strict=True):
        np.testing.assert_array_equal(got.asnumpy(), want)

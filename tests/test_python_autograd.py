"""mx.autograd as in MXNet's Python. Expected values are what MXNet 1.9.1 answers."""

import gc
import weakref

import numpy as np
import pytest

import python_engine as mx

nd, autograd = mx.nd, mx.autograd
IN_GRAPH = "Inplace operations .* are not supported when recording with autograd"
NOT_IN_GRAPH = "Cannot differentiate node because it is not in a computational graph"


def variable(values=(1, 2, 3), grad_req="write"):
    x = nd.array(values)
    x.attach_grad(grad_req)
    return x


def values(array):
    return array.asnumpy().tolist()


# -- states ------------------------------------------------------------------------------------------------------------


def states():
    return autograd.is_recording(), autograd.is_training()


def test_scopes_set_both_states_and_restore_them():
    with autograd.record():
        assert states() == (True, True)
        with autograd.pause():
            assert states() == (False, False)
            with autograd.record(train_mode=False):
                assert states() == (True, False)
        with autograd.pause(train_mode=True):
            assert states() == (False, True)
        with autograd.predict_mode():
            assert states() == (True, False)
    with autograd.train_mode():
        assert states() == (False, True)
    with pytest.raises(KeyError), autograd.record():
        raise KeyError
    assert states() == (False, False)


def test_a_scope_can_be_entered_again():
    scope = autograd.record()
    for _ in range(2):
        with scope, scope:
            assert autograd.is_recording()
        assert not autograd.is_recording()


def test_scopes_are_decorators():
    @autograd.record()
    def within(depth):
        return [states(), *(within(depth - 1) if depth else ())]

    assert within(2) == [(True, True)] * 3
    assert autograd.pause()(states)() == (False, False)
    assert autograd.train_mode()(states)() == (False, True)
    assert states() == (False, False)


def test_states_can_be_set_and_tell_what_they_were():
    assert [autograd.set_recording(True), autograd.set_recording(False)] == [False, True]
    assert [autograd.set_training(True), autograd.set_training(False)] == [False, True]


# -- variables ---------------------------------------------------------------------------------------------------------


def test_attach_grad_gives_zeros_and_grad_req_says_what_becomes_of_them():
    for grad_req, expected in (("write", [2, 2, 2]), ("add", [4, 4, 4])):
        x = variable(grad_req=grad_req)
        assert values(x.grad) == [0, 0, 0]
        for _ in range(2):
            with autograd.record():
                y = x * 2
            y.backward()
        assert values(x.grad) == expected
    with pytest.raises(ValueError, match="write, add, null"):
        variable(grad_req="foo")


def test_a_variable_of_grad_req_null_has_no_gradient():
    x = variable(grad_req="null")
    with autograd.record():
        y = x * 2
    with pytest.raises(mx.MXNetError, match="no inputs in computation graph that require gradients"):
        y.backward()
    assert values(x.grad) == [0, 0, 0]


def test_mark_variables_takes_arrays_or_lists():
    for variables, gradients, grad_reqs in (
        (nd.array([1, 2]), nd.ones((2,)), "add"),
        ([nd.array([1, 2])], [nd.ones((2,))], "add"),
        ([nd.array([1, 2])], [nd.ones((2,))], ["add"]),
    ):
        autograd.mark_variables(variables, gradients, grad_reqs)
        (x,), (g,) = ([a] if isinstance(a, nd.NDArray) else a for a in (variables, gradients))
        with autograd.record():
            y = x * x
        y.backward()
        assert values(g) == values(x.grad) == [3, 5]
    with pytest.raises(mx.MXNetError, match="2 variables, 1 gradients"):
        autograd.mark_variables([x, x], [g])
    with pytest.raises(mx.MXNetError, match=r"shape \(3,\)"):
        autograd.mark_variables(x, nd.ones((3,)))
    with pytest.raises(mx.MXNetError, match="NDArray"):
        autograd.mark_variables(x, np.ones(2))
    with pytest.raises(ValueError, match="grad_req is one of write, add, null, but got 5"):
        autograd.mark_variables(x, g, 5)


# -- backward and grad -------------------------------------------------------------------------------------------------


def test_backward_takes_head_gradients():
    x = variable()
    for head_gradient, expected in ((None, [2, 4, 6]), (nd.array([1, 10, 100]), [2, 40, 600])):
        with autograd.record():
            y = x * x
        y.backward(head_gradient)
        assert values(x.grad) == expected


def test_backward_takes_several_heads():
    x = variable()
    for head_grads, expected in ((None, 5), ([None, nd.array([2, 2, 2])], 8)):
        with autograd.record():
            heads = [x * 2, x * 3]
        autograd.backward(heads, head_grads)
        assert values(x.grad) == [expected] * 3
    with pytest.raises(mx.MXNetError, match="lists of the same length"):
        autograd.backward(heads, nd.ones((3,)))
    with pytest.raises(mx.MXNetError, match="NDArray"):
        autograd.backward([1])
    for wrong in (lambda: autograd.backward(3), lambda: heads[0].backward(3), lambda: autograd.backward(heads, 3)):
        with pytest.raises(TypeError, match="NDArray.*but got 3"):
            wrong()
    with autograd.record():
        named = {"twice": x * 2}
    autograd.backward(named.values())
    assert values(x.grad) == [2] * 3


def test_a_graph_is_consumed_unless_retained():
    x = variable()
    with autograd.record():
        y = x * 2
    y.backward(retain_graph=True)
    y.backward()
    for again in (y, x * 2):
        with pytest.raises(mx.MXNetError, match=NOT_IN_GRAPH):
            again.backward()


def test_grad_returns_a_list_and_leaves_the_buffers_alone():
    x = variable()
    with autograd.record():
        y = x * x
    for heads, variables in ((y, x), ([y], [x]), (y, (x,))):
        (g,) = autograd.grad(heads, variables, nd.array([1, 0, 2]), retain_graph=True)
        assert values(g) == [2, 0, 12]
    assert values(x.grad) == [0, 0, 0]
    with pytest.raises(mx.MXNetError, match="variables cannot be an empty list"):
        autograd.grad(y, [])


def test_a_gradient_that_was_recorded_can_be_differentiated():
    x = variable()
    with autograd.record():
        (g,) = autograd.grad(x * x * x, x, create_graph=True)
        (g - x.sum() * g / 2).sum().backward()
    numbers = np.array([1, 2, 3])
    np.testing.assert_allclose(values(x.grad), 6 * numbers * (1 - 3) - (3 * numbers**2).sum() / 2, rtol=1e-6)


def test_backward_runs_in_the_mode_it_is_told():
    seen = []

    class Spy(autograd.Function):
        def forward(self, x):
            seen.append(states())
            return x * 2

        def backward(self, g):
            seen.append(states())
            return g

    x = variable()
    for train_mode in (True, False):
        with autograd.record():
            y = Spy()(x)
        y.backward(train_mode=train_mode)
    assert seen == [(False, True), (False, True), (False, True), (False, False)]


def test_what_was_recorded_is_a_symbol():
    x, z, constant = variable(), variable(), mx.nd.ones((3,))
    with autograd.record():
        y = x * x + z * x - 1
        both = mx.nd.split(mx.nd.concat(y, constant, dim=0), num_outputs=2, axis=0)
    assert autograd.get_symbol(x).list_arguments() == ["var0"]
    symbol = autograd.get_symbol(y)
    assert (symbol.list_arguments(), symbol.list_outputs()) == (["var0", "var1"], ["node_3_output"])
    (again,) = symbol.eval(var0=mx.nd.array([1, 2, 3]), var1=mx.nd.array([4, 5, 6]))
    assert again.asnumpy().tolist() == [4, 13, 26]
    symbol = autograd.get_symbol(both[1])
    assert (symbol.list_arguments(), symbol.list_outputs()) == (["var0", "var1", "null0"], ["node_5_output1"])
    assert mx.sym.load_json(symbol.tojson()).list_outputs() == ["node_5_output1"]
    y.backward()
    for array in (constant, y):
        with pytest.raises(mx.MXNetError, match="not part of a computation graph"):
            autograd.get_symbol(array)


# -- recording and writing in place ------------------------------------------------------------------------------------


def _recorded(x):
    return x * 2


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.__iadd__(1),
        lambda x: x.__setitem__(0, 1),
        lambda x: x.__setitem__(slice(None), 1),
        lambda x: nd.relu(nd.ones((3,)), out=x),
        lambda x: nd.ones((3,)).copyto(x),
    ],
)
@pytest.mark.parametrize("make", [lambda x: x, lambda x: x * 2])
def test_what_is_in_a_graph_cannot_be_written_while_recording(write, make):
    x = variable()
    with autograd.record():
        y = make(x)
        with pytest.raises(mx.MXNetError, match=IN_GRAPH):
            write(y)
    assert values(y) == values(make(nd.array([1, 2, 3])))
    write(y)


def test_what_depends_on_no_variable_can_be_written_while_recording():
    with autograd.record():
        mask = nd.zeros((3,)) * 2
        mask += 1
        mask[0] = 5
        nd.relu(nd.ones((3,)), out=mask)
    assert values(mask) == [1, 1, 1]


@pytest.mark.parametrize(
    "write",
    [
        lambda z, x: z.__iadd__(x),
        lambda z, x: z.__imul__(x),
        lambda z, x: z.__setitem__(slice(1), x[:1]),
        lambda z, x: z.__setitem__([0, 1, 2], x),
        lambda z, x: z.__setitem__(nd.array([0, 1, 2]), x),
        lambda z, x: nd.broadcast_mul(z, x, out=z),
    ],
)
def test_a_recorded_call_cannot_write_to_its_own_input(write):
    x, z = variable(), nd.ones((3,))
    with autograd.record(), pytest.raises(mx.MXNetError, match=IN_GRAPH):
        write(z, x)
    assert values(z) == [1, 1, 1]


@pytest.mark.parametrize(
    "write",
    [
        lambda z, x: z.__setitem__(slice(None), x),
        lambda z, x: z.__setitem__(..., x),
        lambda z, x: nd.identity(x, out=z),
        lambda z, x: x.copyto(z),
    ],
)
def test_an_array_that_is_written_whole_takes_part_in_the_graph(write):
    x, z = variable(), nd.zeros((3,))
    with autograd.record():
        write(z, x)
        y = z * z
    y.backward()
    assert values(x.grad) == [2, 4, 6]


def test_gradients_flow_through_broadcast_assignment():
    x, z = variable(), nd.zeros((2, 3))
    with autograd.record():
        z[:] = x
        y = z * nd.array([[1, 2, 3], [10, 20, 30]])
    y.backward()
    assert values(x.grad) == [11, 22, 33]


def test_a_variable_can_be_changed_outside_of_recording():
    x = variable()
    x[0] = 10
    x += 1
    with autograd.record():
        y = x * x
    y.backward()
    assert values(x.grad) == [22, 6, 8]


def test_conversions_and_copies_are_recorded():
    x = variable((1, 2))
    with autograd.record():
        y = x.astype("float64").astype("float32") + x.copy() * 10 + x.as_in_context(mx.cpu(1)) * 100 + x.T * 1000
    y.backward()
    assert values(x.grad) == [1111, 1111]


def test_detach_stops_the_gradient():
    x = variable()
    with autograd.record():
        y = x.detach() * x
    y.backward()
    assert values(x.grad) == [1, 2, 3]
    assert x.detach().grad is None


def test_attach_grad_within_a_graph_starts_a_new_one():
    x = variable()
    with autograd.record():
        y = x * x
        y.attach_grad()
        z = y * 2
    z.backward()
    assert values(y.grad) == [2, 2, 2] and values(x.grad) == [0, 0, 0]


def test_methods_and_functions_are_recorded():
    x = variable([[1, -2], [3, -4]])
    with autograd.record():
        y = x.relu().sum(axis=0) * nd.array([1, 10])
    y.backward()
    assert values(x.grad) == [[1, 0], [1, 0]]


# -- functions with a gradient of their own ----------------------------------------------------------------------------


class Sigmoid(autograd.Function):
    def forward(self, x):
        y = 1 / (1 + nd.exp(-x))
        self.save_for_backward(y)
        return y

    def backward(self, g):
        (y,) = self.saved_tensors
        return g * y * (1 - y)


def test_a_function_computes_its_own_gradient():
    x = variable()
    with autograd.record():
        y = Sigmoid()(x)
    y.backward()
    np.testing.assert_allclose(values(x.grad), [0.1966119, 0.1049936, 0.0451767], rtol=1e-5)


def test_a_gradient_of_a_function_can_be_differentiated():
    x = variable()
    with autograd.record():
        (g,) = autograd.grad(Sigmoid()(x), x, create_graph=True)
        g.backward()
    y = 1 / (1 + np.exp(-np.array([1, 2, 3])))
    np.testing.assert_allclose(values(x.grad), y * (1 - y) * (1 - 2 * y), rtol=1e-5)


class Product(autograd.Function):
    """Product and sum of two arrays; `answer` makes the gradients."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x, y):
        return x * y, x + y

    def backward(self, g, h):
        return self.answer(g, h)


def test_a_function_has_several_inputs_and_outputs():
    x, y = variable(), variable()
    with autograd.record():
        p, s = Product(lambda g, h: (g * 10 + h, None))(x, y)
        z = p + 2 * s
    z.backward()
    assert values(x.grad) == [12, 12, 12] and values(y.grad) == [0, 0, 0]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda g, h: g, "1 gradients for 2 inputs"),
        (lambda g, h: (g, 1), "no NDArray"),
        (lambda g, h: (g, nd.ones((2,))), r"float32 of shape \(2,\)"),
        (lambda g, h: (g, h.astype("float64")), "float64 of shape"),
    ],
)
def test_gradients_that_do_not_fit_are_refused(answer, error):
    x, y = variable(), variable()
    with autograd.record():
        p, _ = Product(answer)(x, y)
    with pytest.raises(mx.MXNetError, match=error):
        p.backward()
    assert values(x.grad) == [0, 0, 0]


def test_what_a_function_raises_reaches_the_caller():
    def boom(g, h):
        raise KeyError("boom")

    x = variable()
    with autograd.record():
        p, _ = Product(boom)(x, x)
    with pytest.raises(KeyError, match="boom"):
        p.backward()
    assert states() == (False, False)


def test_a_function_is_called_once():
    function = Sigmoid()
    function(nd.ones((2,)))
    with pytest.raises(mx.MXNetError, match="can only be called once"):
        function(nd.ones((2,)))


def test_a_function_may_return_its_input():
    class Same(autograd.Function):
        def forward(self, x):
            return x

        def backward(self, g):
            return g * 7

    x, c = variable(), nd.ones((3,))
    with autograd.record():
        y = Same()(x) + x
        Same()(c)
    y.backward()
    assert values(x.grad) == [8, 8, 8]
    with autograd.record():
        c += 1


def test_a_function_is_forgotten_with_its_graph():
    x, function = variable(), Sigmoid()
    kept = weakref.ref(function)
    with autograd.record():
        y = function(x)
    del function
    assert kept() is not None
    del y
    gc.collect()
    assert kept() is None

"""Memory: who sees a write, what the tape keeps, and when it is given back."""

import gc
import weakref

import numpy as np
import pytest
from tape import array, record, temporary_operators, variable

from python_engine import calls, tape
from python_engine.ndarray import NDArray
from python_engine.registry import find
from python_engine.tape import taped_functions as F


@pytest.fixture
def declare():
    with temporary_operators() as operator:
        yield operator


@pytest.fixture
def without_collector():
    """Memory must come back by reference counts alone: the engine runs with the cyclic collector off."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# -- writes between recording and backward ---------------------------------------------------------------------------


def test_backward_uses_what_an_input_holds_by_then():
    x = variable([1, 2, 3])
    with record():
        y = x * x
    x.assign(10)
    tape.backward([y])
    np.testing.assert_array_equal(x.grad.data, [20, 20, 20])


def test_backward_uses_what_an_output_holds_by_then():
    x = variable([1, 2, 3])
    with record():
        y = F.exp(x)
    y.assign(5)
    tape.backward([y])
    np.testing.assert_array_equal(x.grad.data, [5, 5, 5])


def test_backward_uses_what_an_intermediate_array_holds_by_then():
    x = variable([1, 2, 3])
    with record():
        h = x * x
        y = h * h
    h.assign(7)
    tape.backward([y])
    np.testing.assert_array_equal(x.grad.data, [28, 56, 84])


def test_the_result_of_an_operator_never_sees_a_later_write_to_its_input():
    x = variable([[1, 2], [3, 4]])
    with record():
        y = F.transpose(F.reshape(x, shape=(1, 4)))
    x.assign(0)
    np.testing.assert_array_equal(y.data, [[1], [2], [3], [4]])
    y.assign(9)
    np.testing.assert_array_equal(x.data, np.zeros((2, 2)))


# -- memory ----------------------------------------------------------------------------------------------------------


def test_a_view_follows_when_the_memory_it_shows_moves():
    x = array(1, 2, 3, 4)
    middle = x.view(x.data[1:3])
    last = middle.view(middle.data[1:])
    x.data.flags.writeable = False
    last.writable()[:] = 30
    np.testing.assert_array_equal(x.data, [1, 2, 30, 4])
    np.testing.assert_array_equal(middle.data, [2, 30])
    x.assign([5, 6, 7, 8])
    np.testing.assert_array_equal([*middle.data, *last.data], [6, 7, 7])


def test_a_borrower_keeps_its_values_whichever_side_is_written_to():
    x = array(1, 2, 3, 4)
    for write in (lambda lender, borrower: lender.assign(0), lambda lender, borrower: borrower.assign(0)):
        lender = NDArray(x.data.copy())
        borrower = NDArray(lender.data.reshape(2, 2))
        lender.lend(borrower)
        assert np.shares_memory(lender.data, borrower.data)
        write(lender, borrower)
        assert not np.shares_memory(lender.data, borrower.data)
        assert {lender.data.sum(), borrower.data.sum()} == {0, 10}


def test_a_view_of_a_borrower_follows_it_to_its_own_memory():
    lender = array(1, 2, 3, 4)
    borrower = NDArray(lender.data.reshape(2, 2))
    lender.lend(borrower)
    row = F._view_at(borrower, index=1)
    row.assign(7)
    np.testing.assert_array_equal(borrower.data, [[1, 2], [7, 7]])
    np.testing.assert_array_equal(lender.data, [1, 2, 3, 4])
    lender.assign(0)
    borrower.assign(5)
    np.testing.assert_array_equal(row.data, [5, 5])


def test_a_borrower_of_a_borrower_outlives_both_writes():
    x = array(1, 2, 3, 4)
    y = F.reshape(x, shape=(2, 2))
    z = F.transpose(y)
    y.assign(0)
    x.assign(0)
    np.testing.assert_array_equal(z.data, [[1, 3], [2, 4]])


def test_gradients_flow_through_views_that_share_memory():
    x = variable([[1, 2], [3, 4], [5, 6]])
    with record():
        y = F._view_at(x, index=1) * F._view_at(x, index=2) + F._view_reshape(
            F._view_slice(x, begin=0, end=1), shape=(2,)
        )
    assert np.shares_memory(F._view_at(x, index=1).data, x.data)
    tape.backward([y])
    np.testing.assert_array_equal(x.grad.data, [[1, 1], [5, 6], [3, 4]])


def test_a_detached_array_shares_memory_but_no_gradient():
    x = variable([1, 2])
    with record():
        fixed = F._view_detach(x)
        y = x * fixed
    tape.backward([y])
    np.testing.assert_array_equal(x.grad.data, [1, 2])
    fixed.assign(8)
    np.testing.assert_array_equal(x.data, [8, 8])


def test_a_view_of_a_recorded_output_shows_what_backward_uses():
    x = variable([[1, 2], [3, 4]])
    with record():
        y = F.exp(x)
    row = F._view_at(y, index=0)
    row.assign(5)
    tape.backward([y])
    np.testing.assert_allclose(x.grad.data, [[5, 5], np.exp([3, 4])])


def test_recording_and_backward_leave_no_reference_cycles(without_collector):
    x = variable(np.ones((3, 3)))

    def step():
        with record():
            h = F.tanh(F.dot(x, x) + F.reshape(x, shape=(3, 3)))
            y = F.sum(F.log_softmax(h) * F._view_slice(h, begin=0, end=3))
        tape.backward([y])
        return weakref.ref(h), weakref.ref(y)

    assert [ref() for ref in step()] == [None, None]
    assert gc.collect() == 0


def test_create_graph_leaves_no_reference_cycles(without_collector):
    x = variable([1.0, 2.0])

    def step():
        with record():
            y = F.exp(x) * x
            (g,) = tape.grad([y], [x], create_graph=True)
        tape.backward([g])
        return weakref.ref(g)

    assert step()() is None
    assert gc.collect() == 0


def test_a_graph_that_is_dropped_without_backward_leaves_nothing(without_collector):
    x = variable([1.0, 2.0])
    with record():
        y = F.sigmoid(F.exp(x)) * x
    inner = weakref.ref(y.node.inputs[0])
    del y
    assert inner() is None
    assert gc.collect() == 0


def test_an_intermediate_array_that_no_rule_names_is_freed_while_recording():
    x = variable(np.ones(1000))
    with record():
        h = x * 3
        memory = weakref.ref(h.data)
        h = h + 1
        assert memory() is None
        y = h * 2
    tape.backward([y])
    np.testing.assert_array_equal(x.grad.data, np.full(1000, 6))


def test_only_the_inputs_that_a_rule_names_are_kept(declare):
    @declare("_test_choose")
    def choose(condition, data):
        return data * condition

    choose.gradient("data")(lambda F, g, condition: g * condition)
    x, mask = variable(np.ones(1000)), array(*[1, 0] * 500)
    with record():
        h = x * 3
        memory = weakref.ref(h.data)
        h = F._test_choose(mask, h)
        assert memory() is None
    tape.backward([h])
    np.testing.assert_array_equal(x.grad.data, 3 * mask.data)


def test_an_intermediate_array_is_freed_by_backward_though_the_head_lives_on():
    x = variable(np.ones(1000))
    with record():
        h = x * 3
        y = h * h
    memory = weakref.ref(h.data)
    del h
    assert memory() is not None
    tape.backward([y])
    assert memory() is None


# -- results written into arrays ---------------------------------------------------------------------------------------


def test_a_large_result_takes_the_place_of_the_memory_that_it_is_written_to():
    x, target = NDArray(np.arange(1 << 16, dtype=np.float32)), NDArray(np.zeros(1 << 16, np.float32))
    cumsum = find("cumsum")
    old = target.data
    calls.invoke_into(cumsum, [x], cumsum.parse({}), [target])
    assert target.data is not old and list(target.data[:3]) == [0, 1, 3]
    view, old = target.view(target.data[:2]), target.data
    x.assign(3)
    calls.invoke_into(cumsum, [x], cumsum.parse({}), [target])
    assert target.data is old and list(view.data) == [3, 6], "unless another array lies there"


def test_a_large_result_that_someone_else_keeps_is_copied(declare):
    kept = []

    @declare("_keeping", shape="same")
    def keeping(data):
        kept.append(data + 1)
        return kept[-1]

    x, target = NDArray(np.zeros(1 << 16, np.float32)), NDArray(np.zeros(1 << 16, np.float32))
    calls.invoke_into(find("_keeping"), [x], {}, [target])
    kept[0][:] = 7
    assert target.data[0] == 1

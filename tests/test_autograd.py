"""The tape: how gradients come back, where they go, and what dies."""

import weakref

import numpy as np
import pytest
from tape import array, record, temporary_operators, variable

from python_engine import calls, tape
from python_engine.errors import AutogradError, Interrupted, ShapeError
from python_engine.ndarray import NDArray
from python_engine.tape import taped_functions as F


@pytest.fixture
def declare():
    with temporary_operators() as operator:
        yield operator


# -- the sweep -------------------------------------------------------------------------------------------------------


def test_a_gradient_is_the_sum_over_all_paths():
    x = variable([1, 2, 3])
    with record():
        h = x * x
        y = h * x + h
    tape.backward([y])
    np.testing.assert_allclose(x.grad.data, [5, 16, 33])


def test_a_chain_of_100000_operators_needs_no_recursion():
    x = variable([1.0])
    with record():
        y = x
        for _ in range(100_000):
            y = y + 1
    tape.backward([y])
    np.testing.assert_array_equal(y.data, [100_001])
    np.testing.assert_array_equal(x.grad.data, [1])


def test_a_long_chain_that_nobody_differentiates_is_dropped_without_recursion():
    x = variable([1.0])
    with record():
        y = x
        for _ in range(100_000):
            y = y * x
    last = weakref.ref(y)
    del y
    assert last() is None


def test_a_long_chain_is_recorded_again_under_create_graph_without_recursion():
    x = variable([0.5])
    with record():
        y = x
        for _ in range(3_000):
            y = y * 1.001 + x
        (g,) = tape.grad([y * y], [x], create_graph=True)
    tape.backward([g])
    slope = y.data / x.data
    np.testing.assert_allclose(x.grad.data, 2 * slope * slope)


def test_several_outputs_receive_their_own_gradients_and_unused_ones_zeros(declare):
    @declare("_test_square_and_cube", outputs=("square", "cube"))
    def square_and_cube(data):
        return data**2, data**3

    seen = []

    @square_and_cube.gradient("data")
    def _(F, g, data):
        seen.append([x.tolist() for x in g])
        return g[0] * (2 * data) + g[1] * (3 * data * data)

    x = variable([1, 2])
    with record():
        square, cube = F._test_square_and_cube(x)
    tape.backward([cube], [array(1, 10)], retain_graph=True)
    np.testing.assert_allclose(x.grad.data, [3, 120])
    tape.backward([square, cube], [array(1, 1), array(1, 10)])
    np.testing.assert_allclose(x.grad.data, [5, 124])
    assert seen == [[[0, 0], [1, 10]], [[1, 1], [1, 10]]]


def test_a_rule_for_one_input_is_not_run_where_only_the_other_has_a_gradient(declare):
    @declare("_test_product")
    def product(lhs, rhs):
        return lhs * rhs

    product.gradient("lhs")(lambda F, g, rhs: g * rhs)
    product.gradient("rhs")(lambda F, g, lhs: pytest.fail("nobody asked for this gradient"))
    x = variable([3.0])
    with record():
        y = F._test_product(x, array(5))
    tape.backward([y])
    assert x.grad.data == [5]


# -- what dies -------------------------------------------------------------------------------------------------------


def test_a_second_backward_dies_in_the_words_of_the_original():
    x = variable([1, 2])
    with record():
        y = x * x
    tape.backward([y])
    with pytest.raises(AutogradError, match="Cannot differentiate node because it is not in a computational graph"):
        tape.backward([y])
    np.testing.assert_array_equal(x.grad.data, [2, 4])


def test_retain_graph_allows_a_second_backward():
    x = variable([1, 2])
    with record():
        y = x * x
    tape.backward([y], retain_graph=True)
    x.grad.assign(0)
    tape.backward([y])
    np.testing.assert_array_equal(x.grad.data, [2, 4])


def test_a_part_of_the_graph_that_another_backward_consumed_dies_and_writes_nothing():
    x, z = variable([1.0]), variable([1.0])
    with record():
        h = x * 2
        first, second = h * 3, h * z
    tape.backward([first])
    with pytest.raises(AutogradError, match="retain_graph=True"):
        tape.backward([second])
    np.testing.assert_array_equal(z.grad.data, [0])


def test_what_was_never_recorded_cannot_be_differentiated():
    x = variable([1.0])
    with pytest.raises(AutogradError, match="not in a computational graph"):
        tape.backward([x * 2])


def test_a_graph_without_variables_has_no_gradients():
    with record():
        y = array(1, 2) * 2
    with pytest.raises(AutogradError, match="There are no inputs in computation graph that require gradients"):
        tape.backward([y])


def test_an_operator_without_a_gradient_dies_when_one_is_asked_for(declare):
    declare("_test_opaque")(lambda data: data + 1)
    x = variable([1.0])
    with record():
        y = F._test_opaque(x)
    with pytest.raises(AutogradError, match="Operator _test_opaque is non-differentiable"):
        tape.backward([y])


def test_a_failing_rule_leaves_buffers_the_graph_and_the_mode_as_they_were(declare):
    @declare("_test_fragile")
    def fragile(data):
        return data + 1

    broken = [True]

    @fragile.gradient
    def _(F, g):
        if broken[0]:
            raise ShapeError("the rule failed")
        return g

    x, z = variable([1.0]), variable([2.0])
    with record():
        y = z * F._test_fragile(x)
        with pytest.raises(ShapeError):
            tape.backward([y])
        assert tape.state.recording and tape.state.training
    np.testing.assert_array_equal([x.grad.data, z.grad.data], [[0], [0]])
    broken[0] = False
    tape.backward([y])
    np.testing.assert_array_equal([x.grad.data, z.grad.data], [[2], [2]])


def test_an_interrupt_stops_the_sweep_between_operators():
    x = variable([1.0])
    with record():
        y = x * 2
    tape.state.interrupted = True
    try:
        with pytest.raises(Interrupted):
            tape.backward([y])
    finally:
        tape.state.interrupted = False
    tape.backward([y])
    assert x.grad.data == [2]


def test_recording_is_restored_when_the_code_inside_dies():
    with pytest.raises(ZeroDivisionError), tape.recording(True, True):
        _ = 1 / 0
    assert (tape.state.recording, tape.state.training) == (False, False)


def test_an_array_in_the_graph_cannot_be_overwritten_while_recording():
    x = variable([1.0])
    with record():
        y = x * 2
        for target in (x, y):
            with pytest.raises(AutogradError, match="Inplace operations"):
                calls.store(target, array(5))
    np.testing.assert_array_equal([x.data, y.data], [[1], [2]])


def test_a_gradient_buffer_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2,\)"):
        tape.mark_variable(array(1, 2), array(0, 0, 0))


# -- where gradients go ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("req", "expected"), [("write", [2, 4]), ("add", [7, 11])])
def test_grad_req_says_whether_a_gradient_overwrites_or_accumulates(req, expected):
    x = variable([1, 2], req)
    x.grad.assign([3, 3])
    for scale in (1, 2):
        with record():
            y = x * x
        tape.backward([y], [array(scale, scale)])
        if scale == 1:
            np.testing.assert_array_equal(x.grad.data, [2, 4] if req == "write" else [5, 7])
    np.testing.assert_array_equal(x.grad.data, np.array([4, 8]) if req == "write" else [9, 15])


def test_grad_req_null_makes_a_constant():
    x, z = variable([1.0], "null"), variable([3.0])
    with record():
        y = x * z
    tape.backward([y])
    np.testing.assert_array_equal([x.grad.data, z.grad.data], [[0], [1]])


def test_a_variable_that_the_head_does_not_depend_on_keeps_its_buffer():
    x, z = variable([1.0]), variable([1.0])
    z.grad.assign(9)
    with record():
        y = x * 2
    tape.backward([y])
    assert z.grad.data == [9]


def test_a_blocked_gradient_writes_zeros():
    x = variable([1.0])
    x.grad.assign(9)
    with record():
        y = F.BlockGrad(x) * 2
    tape.backward([y])
    assert x.grad.data == [0]


def test_a_blocked_gradient_asks_for_none_before_it(declare):
    declare("_test_opaque")(lambda data: data + 1)
    declare("_test_both", outputs=("first", "second"))(lambda data: (data, data * 2))
    x = variable([1.0])
    x.grad.assign(9)
    with record():
        y = F.BlockGrad(F._test_opaque(x))
    tape.backward([y], retain_graph=True)
    assert x.grad.data == [0]
    assert tape.grad([y], [x])[0].data == [0]
    with record():
        first, second = F._test_both(x)
        z = F.BlockGrad(F._test_opaque(first)) + F.BlockGrad(second) + x * 3
    tape.backward([z])
    assert x.grad.data == [3]


def test_marking_a_variable_again_takes_it_out_of_the_old_graph():
    x = variable([1.0])
    with record():
        y = x * 2
    old, x.grad = x.grad, array(0)
    tape.mark_variable(x, x.grad)
    tape.backward([y])
    np.testing.assert_array_equal([old.data, x.grad.data], [[2], [0]])


def test_the_gradient_has_the_dtype_of_its_buffer():
    x = NDArray(np.array([1, 2], np.float32))
    x.grad = NDArray(np.zeros(2, np.float64))
    tape.mark_variable(x, x.grad)
    with record():
        y = x * x
    tape.backward([y])
    assert x.grad.dtype == np.float64
    np.testing.assert_array_equal(x.grad.data, [2, 4])


@pytest.mark.parametrize("size", [10, tape.SWAP_BYTES])
def test_buffers_never_share_memory_with_each_other_or_with_the_head_gradient(size):
    x, z = variable(np.ones(size)), variable(np.ones(size))
    head = NDArray(np.full(size, 2.0))
    with record():
        y = x + z
    tape.backward([y], [head])
    x.grad.writable()[:] = 5
    head.writable()[:] = 7
    np.testing.assert_array_equal(z.grad.data, np.full(size, 2.0))


def test_a_large_gradient_does_not_end_up_in_memory_that_a_view_of_the_buffer_still_shows():
    x = variable(np.ones(tape.SWAP_BYTES))
    view = x.grad.view(x.grad.data[:2])
    with record():
        y = x * 3
    tape.backward([y])
    np.testing.assert_array_equal(view.data, [3, 3])


# -- head gradients --------------------------------------------------------------------------------------------------


def test_head_gradients_are_ones_unless_given():
    x = variable([1, 2])
    with record():
        y, z = x * 2, x * 10
    tape.backward([y, z], [None, array(1, 3)])
    np.testing.assert_array_equal(x.grad.data, [12, 32])


def test_a_head_gradient_is_converted_to_the_dtype_of_the_head():
    x = variable([1, 2], dtype="float32")
    with record():
        y = x * 2
    tape.backward([y], [array(1, 2)])
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad.data, [2, 4])


def test_head_gradients_of_the_wrong_shape_or_number_are_refused():
    x = variable([1, 2, 3])
    with record():
        y = x * 2
    with pytest.raises(ShapeError, match=r"head gradient 0 has shape \(2,\), but the head has shape \(3,\)"):
        tape.backward([y], [array(1, 2)])
    with pytest.raises(ShapeError, match="1 heads but 2 head gradients"):
        tape.backward([y], [None, None])
    tape.backward([y])


def test_a_head_gradient_can_be_differentiated_by():
    x, v = variable([2.0]), variable([3.0])
    with record():
        (g,) = tape.grad([x * x * x], [x], [v * v], create_graph=True)
    tape.backward([g])
    np.testing.assert_array_equal(v.grad.data, [72])  # d/dv of v² * 3 x²
    np.testing.assert_array_equal(x.grad.data, [108])  # d/dx of the same


# -- grad() ----------------------------------------------------------------------------------------------------------


def test_grad_returns_new_arrays_and_leaves_the_buffers_alone():
    x, z = variable([1, 2]), variable([3, 4])
    with record():
        y = x * z
    gx, gz = tape.grad([y], [x, z])
    np.testing.assert_array_equal([gx.data, gz.data], [[3, 4], [1, 2]])
    np.testing.assert_array_equal([x.grad.data, z.grad.data], np.zeros((2, 2)))


def test_grad_by_an_intermediate_array_and_by_an_unrelated_variable():
    x, z = variable([1, 2]), variable([1.0])
    with record():
        h = x * x
        y = h * 3
    gh, gz = tape.grad([y], [h, z])
    np.testing.assert_array_equal(gh.data, [3, 3])
    np.testing.assert_array_equal(gz.data, [0])


def test_grad_by_an_array_outside_any_graph_is_refused():
    x = variable([1.0])
    with record():
        y = x * 2
    with pytest.raises(AutogradError, match="variable 0 is not in a computational graph"):
        tape.grad([y], [array(1)])


def test_derivatives_to_the_fourth_order():
    x = variable([1, 2, 3])
    with record():
        y = x * x * x * x
        orders = [y]
        for _ in range(4):
            orders += tape.grad([orders[-1]], [x], create_graph=True)
    at = x.data
    for got, want in zip(orders, [at**4, 4 * at**3, 12 * at**2, 24 * at, [24] * 3], strict=True):
        np.testing.assert_allclose(got.data, want)


def test_without_create_graph_a_gradient_is_a_constant():
    x = variable([1.0])
    with record():
        (g,) = tape.grad([x * x], [x])
    assert g.node is None


def test_a_gradient_penalty_can_be_trained():
    w = variable([[1, 2], [3, 4]])
    x = variable([[1, -1]])
    with record():
        y = F.tanh(F.dot(x, w))
        (g,) = tape.grad([y], [x], create_graph=True)
        penalty = F.sum(g * g)
    tape.backward([penalty])

    def by_hand(weights):
        slope = 1 - np.tanh(x.data @ weights) ** 2
        return ((slope @ weights.T) ** 2).sum()

    step, numeric = 1e-6, np.zeros((2, 2))
    for index in np.ndindex(2, 2):
        shift = np.zeros((2, 2))
        shift[index] = step
        numeric[index] = (by_hand(w.data + shift) - by_hand(w.data - shift)) / (2 * step)
    np.testing.assert_allclose(w.grad.data, numeric, rtol=1e-6)

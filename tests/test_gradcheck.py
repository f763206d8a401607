"""The checker of gradients, on rules that are wrong on purpose."""

import numpy as np
import pytest
from gradcheck import GradientError, NotSmooth, check_gradients
from tape import temporary_operators

from python_engine.errors import AutogradError
from python_engine.tape import taped_functions as F

POINT = np.array([[0.3, -1.2], [0.7, 2.1]])


@pytest.fixture
def declare():
    with temporary_operators() as operator:
        yield operator


def cube(declare, rule):
    """An operator x³ with the given rule."""
    row = declare("_test_cube")(lambda data: data**3)
    row.gradient(rule)
    return F._test_cube


def test_right_rules_pass_to_the_fourth_order(declare):
    check_gradients(cube(declare, lambda F, g, data: g * (3 * data * data)), [POINT], order=4)
    check_gradients(lambda x, y: F.dot(F.tanh(x), y) / (1 + x * x), [POINT, POINT + 1], order=4)


def test_a_linear_function_passes_beyond_its_last_derivative_that_is_not_zero():
    check_gradients(lambda x: F.sum(x * 3), [POINT], order=4)


@pytest.mark.parametrize(
    "rule",
    [
        lambda F, g, data: g * (2 * data * data),
        lambda F, g, data: g * (3 * data * data) + 0.001,
        lambda F, g, data: 3 * data * data,
        lambda F, g, data: g * 0,
    ],
    ids=["factor", "offset", "incoming gradient left out", "zero"],
)
def test_a_wrong_rule_is_found(declare, rule):
    with pytest.raises(GradientError, match="derivative of order 1 by argument 0") as caught:
        check_gradients(cube(declare, rule), [POINT], order=1)
    assert (caught.value.order, caught.value.argument) == (1, 0)


def test_a_rule_that_is_right_but_cannot_be_differentiated_itself_is_found_at_the_second_order(declare):
    wrong = cube(declare, lambda F, g, data: g * F.BlockGrad(3 * data * data))
    check_gradients(wrong, [POINT], order=1)
    with pytest.raises(GradientError, match="derivative of order 2 by argument 0"):
        check_gradients(wrong, [POINT], order=2)


def test_a_derivative_that_does_not_pass_through_the_incoming_gradient_is_found(declare):
    wrong = cube(declare, lambda F, g, data: F.BlockGrad(g) * (3 * data * data))
    with pytest.raises(GradientError, match="derivative of order 2 by argument 1"):
        check_gradients(wrong, [POINT], order=2)


def test_a_rule_that_computes_something_else_when_recorded_is_found(declare):
    def rule(F, g, data):
        return g * (3 * data * data) if isinstance(data, np.ndarray) else g * (3 * data)

    with pytest.raises(GradientError, match="order 2"):
        check_gradients(cube(declare, rule), [POINT], order=2)


def test_the_argument_whose_rule_is_wrong_is_named(declare):
    row = declare("_test_product")(lambda lhs, rhs: lhs * rhs)
    row.gradient("lhs")(lambda F, g, rhs: g * rhs)
    row.gradient("rhs")(lambda F, g, lhs: g * lhs * 1.001)
    with pytest.raises(GradientError) as caught:
        check_gradients(F._test_product, [POINT, POINT + 1])
    assert caught.value.argument == 1


def test_an_operator_without_a_rule_is_refused(declare):
    declare("_test_opaque")(lambda data: data + 1)
    with pytest.raises(AutogradError, match="_test_opaque is non-differentiable"):
        check_gradients(F._test_opaque, [POINT])


def test_a_point_where_the_function_or_a_derivative_is_not_finite_is_refused():
    with pytest.raises(AssertionError, match="of order 0 is not finite"):
        check_gradients(F.log, [np.array([1.0, 0.0])])
    with pytest.raises(AssertionError, match="of order 1 is not finite"):
        check_gradients(F.sqrt, [np.array([1.0, 0.0])])


def test_an_output_too_coarse_for_differences_is_refused(declare):
    declare("_test_coarse")(lambda data: data.astype(np.float32)).gradient(lambda F, g: g)
    with pytest.raises(AssertionError, match="float32 is too coarse"):
        check_gradients(F._test_coarse, [POINT])


def test_a_kink_beside_the_point_is_stepped_over_or_told():
    check_gradients(F.abs, [np.array([5e-6, -5e-6, 1.0])], order=1)
    with pytest.raises(NotSmooth, match="differences of order 1 by steps"):
        check_gradients(F.abs, [np.array([1e-8])], order=1)


@pytest.mark.parametrize("function", [F.log, F._linalg_potrf], ids=["not finite", "refused"])
def test_the_end_of_a_domain_beside_the_point_is_told(function):
    with pytest.raises(NotSmooth):
        check_gradients(function, [np.array([[1e-7]])], order=1)

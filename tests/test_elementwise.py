"""What the recordings of elementwise operators and reductions leave out: large and special values, kinds of numbers."""

import numpy as np
import pytest

import python_engine as mx
from python_engine import calls, ops, tape  # noqa: F401
from python_engine.errors import MXNetError
from python_engine.ndarray import NDArray
from python_engine.registry import find

FLOATS = ("float32", "float64", "float16")


def compute(name, *arrays, **attrs):
    operator = find(name)
    return operator.forward(*arrays, **operator.parse(attrs))


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_limits_that_cross_or_are_nan_are_taken_one_after_the_other(dtype):
    x = np.array([0, 3, 7], dtype)
    np.testing.assert_array_equal(compute("clip", x, a_min=5, a_max=1), [5, 1, 1])
    np.testing.assert_array_equal(compute("clip", x, a_min=np.nan, a_max=1), [0, 1, 1])
    np.testing.assert_array_equal(compute("clip", x, a_min=2, a_max=np.nan), [2, 3, 7])


@pytest.mark.parametrize(("name", "want"), [("relu", [1, 1]), ("sigmoid", [0, 0]), ("tanh", [1, 1]), ("rcbrt", [0, 0])])
@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_gradients_of_integers_are_cut_off(dtype, name, want):
    x = NDArray(np.array([1, 2], dtype))
    tape.mark_variable(x, NDArray(np.zeros(2, dtype)))
    with tape.recording(True, True):
        y = calls.invoke(find(name), [x], {})
    tape.backward(y)
    np.testing.assert_array_equal(x.grad.data, want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_leaves_large_numbers_alone(dtype):
    large = np.array([2**23 + 1, -(2**23) - 1, 2**24 - 1, np.inf, -np.inf, 1e30], dtype)
    for name in ("rint", "round", "fix", "floor", "ceil", "trunc"):
        np.testing.assert_array_equal(compute(name, large), large)


def test_rounding_does_not_lift_the_number_below_a_half():
    below = np.nextafter(np.float32(0.5), np.float32(0), dtype=np.float32)
    x = np.array([below, 0.5, 1.5, 2.5, -0.5, -2.5, np.nan], np.float32)
    np.testing.assert_array_equal(compute("round", x), np.array([0, 1, 2, 3, -1, -3, np.nan], np.float32))
    np.testing.assert_array_equal(compute("rint", x), np.array([0, 0, 1, 2, -1, -3, np.nan], np.float32))


@pytest.mark.parametrize("dtype", FLOATS)
def test_both_zeros_are_told_apart_as_scalars(dtype):
    x = np.array([-0.0, 1.0], dtype)
    for zero in (0.0, -0.0, 0.0):
        np.testing.assert_array_equal(
            np.signbit(compute("_mul_scalar", x, scalar=zero)), np.signbit(x * x.dtype.type(zero))
        )


def test_many_different_scalars_are_computed_with_each():
    x = np.ones(2, np.float32)
    for i in range(10_000):
        assert compute("_plus_scalar", x, scalar=i / 7)[0] == np.float32(1) + np.float32(i / 7)


def test_integers_divide_towards_zero_and_wrap_around():
    x = np.array([7, -7, 7, -7, -128, 5], np.int8)
    y = np.array([2, 2, -2, -2, -1, 0], np.int8)
    np.testing.assert_array_equal(compute("broadcast_div", x, y), [3, -3, -3, 3, -128, 0])
    np.testing.assert_array_equal(compute("broadcast_mod", x, y), [1, 1, -1, -1, 0, 0])
    np.testing.assert_array_equal(compute("broadcast_mul", x, x), np.array([49, 49, 49, 49, 0, 25]))


def test_narrow_integers_are_not_computed_in_half_precision():
    x = np.array([100, 101, 121], np.uint8)
    np.testing.assert_array_equal(compute("degrees", x), np.degrees(x.astype(np.float64)).astype(np.int64) % 256)


@pytest.mark.parametrize("exponent", [-1.0, 0.5, 1.0, 2.0, 3.0, 4.0, 2.5, -3.0])
def test_powers_with_a_short_cut_agree_with_the_general_one(exponent):
    x = np.linspace(0.1, 3, 50)
    got = compute("_power_scalar", x, scalar=exponent)
    assert not np.shares_memory(got, x)
    np.testing.assert_allclose(got, np.exp(exponent * np.log(x)), rtol=1e-14)


def test_boolean_arrays_are_refused_where_numpy_refuses_them():
    x = np.array([True, False])
    with pytest.raises(MXNetError, match="boolean"):
        compute("elemwise_sub", x, x)


def test_the_norm_does_not_overflow_where_its_value_does_not():
    for dtype, size in (("float32", 1e30), ("float32", 1e-30), ("float64", 1e200), ("float16", 3e4)):
        x = np.array([3, 4], dtype) * np.array(size / 4, dtype)
        np.testing.assert_allclose(compute("norm", x).astype(np.float64), 1.25 * size, rtol=1e-3)


def test_the_gradient_of_a_product_is_right_where_elements_are_zero():
    others = compute("_product_of_others", np.array([[2.0, 0, 3], [0, 0, 5], [2, 3, 4]]))
    np.testing.assert_array_equal(others, [[0, 6, 0], [0, 0, 0], [12, 8, 6]])


def test_the_gradient_of_a_power_of_integers_is_computed_though_its_exponents_are_negative():
    base, exponent = mx.nd.array([3, 2, 5], dtype="int32"), mx.nd.array([2, 1, 0], dtype="int32")
    base.attach_grad()
    with mx.autograd.record():
        power = mx.nd.broadcast_power(base, exponent)
    power.backward()
    assert base.grad.asnumpy().tolist() == [6, 1, 0]


def test_floats_are_cut_to_narrow_integers_as_by_c():
    x = np.array([-1, 300, -129, 2.9, -2.9] * 20, np.float32)
    np.testing.assert_array_equal(compute("Cast", x, dtype="uint8"), [255, 44, 127, 2, 254] * 20)
    np.testing.assert_array_equal(compute("Cast", x, dtype="int8"), [-1, 44, 127, 2, -2] * 20)


@pytest.mark.parametrize("is_ascend", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "int8"])
def test_of_equal_values_the_earlier_is_ranked_first(dtype, is_ascend):
    x = np.random.default_rng(3).integers(0, 5, (4, 300)).astype(dtype)
    order = compute("argsort", x, is_ascend=is_ascend, dtype="int64")
    sign = 1 if is_ascend else -1
    np.testing.assert_array_equal(order, np.lexsort((np.arange(300) + 0 * x.astype(int), sign * x.astype(int)), axis=1))


@pytest.mark.parametrize("is_ascend", [True, False])
@pytest.mark.parametrize("k", [1, 2, 7, 40, 299])
def test_the_top_of_a_long_axis_is_that_of_the_sorted_axis(k, is_ascend):
    x = np.random.default_rng(4).permutation(1200).reshape(4, 300).astype(np.float32)
    values, index = compute("topk", x, k=k, ret_typ="both", is_ascend=is_ascend, dtype="int32")
    np.testing.assert_array_equal(values, compute("sort", x, is_ascend=is_ascend)[:, :k])
    np.testing.assert_array_equal(np.take_along_axis(x, index, 1), values)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_nan_ranks_above_all_numbers_whatever_k(k):
    x = np.random.default_rng(4).permutation(400).reshape(4, 100).astype(np.float32)
    x[:, 7] = np.nan
    for is_ascend in (True, False):
        (values,) = compute("topk", x, k=k, ret_typ="value", is_ascend=is_ascend)
        np.testing.assert_array_equal(values, compute("sort", x, is_ascend=is_ascend)[:, :k])


@pytest.mark.parametrize(
    ("name", "arrays", "attrs"),
    [
        ("_zeros", [], {"shape": (0, 2)}),
        ("_zeros", [], {"shape": (2**40, 2**40)}),
        ("_arange", [], {"start": 0, "stop": 1e300}),
        ("_arange", [], {"start": 0, "stop": float("nan")}),
        ("_eye", [], {"N": -1}),
        ("_linspace", [], {"start": 0, "stop": 1, "num": -1}),
        ("sum", [np.ones((2, 3))], {"axis": (0, 0)}),
        ("max", [np.ones((2, 3))], {"axis": 2}),
        ("max", [np.ones((0, 3))], {}),
        ("argmax", [np.ones((2, 0))], {"axis": 1}),
        ("cumsum", [np.ones((2, 3))], {"axis": 4}),
        ("topk", [np.ones((2, 3))], {"k": 4}),
        ("sort", [np.ones((2, 3))], {"axis": -3}),
        ("_histogram", [np.ones(3), np.array([1.0, 0.0])], {}),
        ("_histogram", [np.ones(3)], {"bin_cnt": 3, "range": (1, 0)}),
        ("_histogram", [np.ones(3)], {"bin_cnt": 3}),
        ("_polygamma", [np.ones(3)], {"n": -1}),
        ("add_n", [], {}),
        ("add_n", [np.ones(3)], {"num_args": 2}),
        ("amp_multicast", [np.ones(3)], {"num_outputs": 2}),
    ],
)
def test_bad_values_are_refused_in_words(name, arrays, attrs):
    with pytest.raises(MXNetError) as failure:
        compute(name, *arrays, **attrs)
    assert len(failure.value.message) > 20

"""erf, erfinv, gamma, gammaln and polygamma against Python's own functions, known values and identities."""

import math

import numpy as np
import pytest

from python_engine import ops  # noqa: F401
from python_engine.registry import find


def compute(name, x, **attrs):
    return find(name).forward(np.asarray(x), **attrs)


def reference(function, x):
    return np.array([function(float(v)) for v in x])


def gamma_or_infinity(x):
    try:
        return math.gamma(x)
    except OverflowError:
        return math.inf


EVERYWHERE = np.concatenate([np.linspace(-7, 7, 2001), 10.0 ** np.linspace(-300, 0, 200)])
POSITIVE = np.concatenate(
    [np.linspace(0.001, 20, 2003), np.linspace(20, 171.6, 500), 10.0 ** np.linspace(-300, 0, 200)]
)
NEGATIVE = -np.linspace(0.0137, 168.3, 2000)


def test_erf_has_the_precision_of_float64():
    np.testing.assert_allclose(compute("erf", EVERYWHERE), reference(math.erf, EVERYWHERE), rtol=1e-15)


def test_erf_of_float32_is_right_to_a_few_units_in_the_last_place():
    x = EVERYWHERE.astype(np.float32)
    got = compute("erf", x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, reference(math.erf, x), rtol=5e-7, atol=1e-44)
    assert np.abs(got).max() == 1


def test_erfinv_undoes_erf_up_to_the_last_number_below_one():
    y = np.concatenate([np.linspace(-0.999, 0.999, 999), 1 - 10.0 ** np.linspace(-15.9, -3, 300), [np.nextafter(1, 0)]])
    x = compute("erfinv", y)
    # near 1, where erf loses digits, its complement does not
    np.testing.assert_allclose(reference(math.erfc, np.abs(x)), 1 - np.abs(y), rtol=1e-13)
    np.testing.assert_array_equal(np.sign(x), np.sign(y))


def test_erfinv_ends_in_infinity_and_knows_nothing_beyond():
    np.testing.assert_array_equal(
        compute("erfinv", [-1.0, 0.0, 1.0, 1.5, np.nan]), [-np.inf, 0, np.inf, np.nan, np.nan]
    )


@pytest.mark.parametrize("x", [POSITIVE, NEGATIVE], ids=["positive", "negative"])
def test_gamma_has_the_precision_of_float64(x):
    np.testing.assert_allclose(compute("gamma", x), reference(gamma_or_infinity, x), rtol=4e-15)


def test_gamma_at_its_poles_and_ends():
    x = [0.0, -0.0, -1.0, -200.5, 172.0, np.inf, -np.inf, np.nan]
    np.testing.assert_array_equal(compute("gamma", x), [np.inf, -np.inf, np.nan, -0.0, np.inf, np.inf, np.nan, np.nan])


@pytest.mark.parametrize(
    "x", [POSITIVE, NEGATIVE, 10.0 ** np.linspace(2, 300, 99)], ids=["positive", "negative", "large"]
)
def test_gammaln_has_the_precision_of_float64(x):
    np.testing.assert_allclose(compute("gammaln", x), reference(math.lgamma, x), rtol=1e-14, atol=1e-13)


@pytest.mark.parametrize(("zero", "slope"), [(1, -np.euler_gamma), (2, 1 - np.euler_gamma)])
def test_gammaln_keeps_its_digits_near_its_zeros(zero, slope):
    step = 2.0**-40  # so that zero + step is exact
    bend = (math.pi**2 / 6 - (zero - 1)) / 2
    np.testing.assert_allclose(compute("gammaln", [zero + step]), slope * step + bend * step**2, rtol=1e-14)


def test_polygamma_at_points_where_it_is_known():
    digamma = compute("_polygamma", [1.0, 0.5, 0.25, 10.0], n=0)
    harmonic = sum(1 / k for k in range(1, 10))
    known = [0, -2 * math.log(2), -math.pi / 2 - 3 * math.log(2), harmonic] - np.array(np.euler_gamma)
    np.testing.assert_allclose(digamma, known, rtol=1e-14)
    np.testing.assert_allclose(
        compute("_polygamma", [1.0, 0.5, -0.5], n=1), [math.pi**2 / 6, math.pi**2 / 2, math.pi**2 / 2 + 4], rtol=1e-14
    )
    apery = 1.2020569031595942
    np.testing.assert_allclose(compute("_polygamma", [1.0, 0.5], n=2), [-2 * apery, -14 * apery], rtol=1e-14)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma_obeys_its_recurrence_on_both_sides_of_zero(n):
    x = np.linspace(-9.77, 15.1, 400)
    step = (-1) ** n * math.factorial(n) / x ** (n + 1)
    here, next_ = compute("_polygamma", x, n=n), compute("_polygamma", x + 1, n=n)
    np.testing.assert_allclose(next_ - here, step, rtol=1e-9, atol=1e-9 * np.abs(here).max())


@pytest.mark.parametrize("name", ["erf", "erfinv", "gamma", "gammaln", "_polygamma"])
def test_results_have_the_shape_and_dtype_of_the_input_over_block_borders(name):
    x = np.linspace(0.1, 0.9, 3 * 16384 + 5).reshape(-1, 1).astype(np.float16)
    got = compute(name, x.T)
    assert got.shape == x.T.shape and got.dtype == np.float16
    np.testing.assert_array_equal(got[0, -3:], compute(name, x[-3:, 0]))

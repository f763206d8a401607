"""Special functions that NumPy does not have: erf, erfinv, gamma, log gamma, digamma and polygamma.

They are computed in float64 to nearly its rounding (of a value near a zero, that of the terms it is the sum of), a
block at a time, so that the many passes of a series stay in the processor's cache.

Sources: erf and erfc: W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969).
erfinv: starting values from M. Giles, "Approximating the erfinv function", GPU Computing Gems 2 (2011), then Halley's
method. Gamma family: NIST Digital Library of Mathematical Functions (DLMF), formulas named where used.
"""

import math

import numpy as np

from ..errors import ArgumentError
from ..registry import operator

MOST_DERIVATIVES = 170  # more, and the factorial is no float64
BLOCK = 1 << 14  # elements computed at a time: 128 KiB of float64


def in_blocks(function, data, dtype=np.float64):
    """`function`, of a vector of `dtype`, applied to all elements; the result has the shape and dtype of `data`."""
    flat = data.reshape(-1)
    result = np.empty(flat.shape, data.dtype)
    for start in range(0, flat.size, BLOCK):
        part = slice(start, start + BLOCK)
        result[part] = function(flat[part].astype(dtype))
    return result.reshape(data.shape)


def polynomial(coefficients, x):
    """Horner's rule, highest power first."""
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result *= x
        result += coefficient
    return result


# -- the error function ------------------------------------------------------------------------------------------------

SQRT_PI = math.sqrt(math.pi)

# Cody's rational functions of x² (|x| <= 0.46875), of |x| (to 4) and of 1/x² (beyond), highest power first
_SMALL = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
     8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
_LARGE = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip

# of x² for |x| <= 3.92, from where on float32's erf is 1: a rational fit of our own with relative error 2e-8
_SINGLE = (
    (2.05007592835e-06, 2.84861579239e-04, 3.76503247390e-03, 5.27468742787e-02, 1.90393981805e-01, 1.12837914632),
    (3.80904964849e-05, 1.16237924398e-03, 1.49680454024e-02, 1.14103774111e-01, 5.02065016978e-01, 1.0),
)


def _ratio(coefficients, x):
    above, below = coefficients
    result = polynomial(above, x)
    result /= polynomial(below, x)
    return result


def _erf_small(x):
    return x * _ratio(_SMALL, x * x)


def _erfc_large(x):
    """erfc of x > 0.46875. exp(-x²) is taken in two factors, for the rounding of x² would be magnified."""
    result = np.empty_like(x)
    near = x <= 4
    result[near] = _ratio(_MIDDLE, x[near])
    z = 1 / np.square(x[~near])
    result[~near] = (1 / SQRT_PI - z * _ratio(_LARGE, z)) / x[~near]
    head = np.trunc(x * 16) / 16
    result *= np.exp(-head * head) * np.exp(-(x - head) * (x + head))
    return np.where(x < 27, result, 0)  # where it is below the smallest float64; and inf - inf is NaN


def _erf(x):
    size = np.abs(x)
    small = size <= 0.46875
    large = size > 0.46875
    result = x.copy()  # NaN stays
    result[small] = _erf_small(x[small])
    result[large] = np.copysign(1 - _erfc_large(size[large]), x[large])
    return result


def _erf_single(x):
    """erf to 3 units in float32's last place, at a tenth of the time."""
    x = np.clip(x, -3.92, 3.92)
    result = _ratio(_SINGLE, x * x)
    result *= x
    return np.clip(result, -1, 1, out=result)


# Giles's single precision polynomials of w = -log(1 - x²), highest power first
_CENTRE = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
           -0.00417768164, 0.246640727, 1.50140941)  # fmt: skip
_TAIL = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
         1.00167406, 2.83297682)  # fmt: skip


def _toward_inverse(x, size):
    """One step of Halley's method towards the x > 0 with erf(x) = size < 1."""
    error = np.empty_like(x)
    small = x <= 0.46875
    error[small] = _erf_small(x[small]) - size[small]
    error[~small] = (1 - size[~small]) - _erfc_large(x[~small])
    step = error * (SQRT_PI / 2) * np.exp(x * x)
    return x - step / (1 + x * step)


def _erfinv(y):
    size = np.abs(y)
    inside = size < 1
    z = size[inside]
    w = -np.log((1 - z) * (1 + z))
    x = np.where(w < 5, polynomial(_CENTRE, w - 2.5), polynomial(_TAIL, np.sqrt(w) - 3)) * z
    x = _toward_inverse(x, z)
    far = w > 16  # where Giles's fit ends
    if far.any():
        log = -np.log(1 - z[far])
        start = np.sqrt(log - np.log(np.pi * log) / 2)  # erfc(x) = exp(-x²) / (x sqrt(pi)), nearly
        for _ in range(3):
            start = _toward_inverse(start, z[far])
        x[far] = start
    result = np.where(size == 1, np.inf, np.nan)
    result[inside] = x
    return np.copysign(result, y)


@operator("erf", shape="same")
def erf(data):
    """The error function, 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x.

    Output: shape and dtype of `data`."""
    if data.dtype.kind == "f" and data.itemsize <= 4:
        return in_blocks(_erf_single, data, np.float32)
    return in_blocks(_erf, data)


@erf.gradient
def _(F, g, data):
    return g * F.exp(-(data * data)) * (2 / SQRT_PI)


@operator("erfinv", shape="same")
def erfinv(data):
    """The x for which erf(x) is the input: infinite at -1 and 1, NaN beyond.

    Output: shape and dtype of `data`."""
    return in_blocks(_erfinv, data)


@erfinv.gradient
def _(F, g, out):
    return g * F.exp(out * out) * (SQRT_PI / 2)


# -- the gamma family --------------------------------------------------------------------------------------------------

EULER = 0.57721566490153286061
LOG_SQRT_2PI = math.log(2 * math.pi) / 2
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
FAR = 10.0  # from here on the asymptotic series, with ten Bernoulli numbers, reach float64's rounding
TERMS = 30  # of the series around 2, whose terms fall by 4 each


def zeta(s, a):
    """Hurwitz's zeta function, the sum of (a + k)^-s over k = 0, 1 ..., for s > 1 and a > 0 (an array).

    By the Euler-Maclaurin formula after ten terms (DLMF 25.11.5)."""
    total = np.zeros_like(a)
    for k in range(10):
        total += (a + k) ** -s
    a = a + 10
    total += a ** (1 - s) / (s - 1) + a**-s / 2
    factor = s * a ** (-s - 1)
    for j, bernoulli in enumerate(BERNOULLI, 1):
        total += bernoulli / math.factorial(2 * j) * factor
        factor = factor * ((s + 2 * j - 1) * (s + 2 * j)) / (a * a)
    return total


# log gamma(2 + z) = sum of these times z, z² ... (DLMF 5.7.3, moved from 1 to 2), highest power first
_AROUND_2 = (
    *((-1) ** k / k * float(zeta(float(k), np.array([2.0]))[0]) for k in range(TERMS, 1, -1)),
    1 - EULER,
    0.0,
)
_STIRLING = tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(BERNOULLI, 1))[::-1]  # DLMF 5.11.1
_PSI = tuple(b / (2 * k) for k, b in enumerate(BERNOULLI, 1))[::-1]  # DLMF 5.11.2


def _sin_pi(x):
    """sin(pi x), exact in sign and at integers."""
    nearest = np.round(x)
    sine = np.sin(np.pi * (x - nearest))
    return np.where(nearest % 2 == 0, sine, -sine)


def _near_2(x):
    """For 0 < x < FAR: log gamma(2 + z) for a z in [-0.5, 0.5), and the factors `up` and `down` that lead to gamma(x)
    as gamma(2 + z) up / down."""
    z, y, up, down = x - 2, x.copy(), np.ones_like(x), np.ones_like(x)
    for minus in (1, 0):
        low = y < 1.5
        down[low] *= y[low]
        y[low] += 1
        z[low] = x[low] - minus  # y - 2 would have lost the last digits of x
    for _ in range(8):
        high = y >= 2.5
        y[high] -= 1
        z[high] -= 1
        up[high] *= y[high]
    return polynomial(_AROUND_2, z), up, down


def _correction(x):
    """What Stirling's formula lacks, for x >= FAR."""
    inverse = 1 / x
    return polynomial(_STIRLING, inverse * inverse) * inverse


def _positive(x, near, far):
    """The result of `near` for 0 < x < FAR, and of `far` from there on."""
    result = np.empty_like(x)
    is_near = x < FAR
    result[is_near] = near(x[is_near])
    result[~is_near] = far(x[~is_near])
    return result


def _gamma_near(x):
    logarithm, up, down = _near_2(x)
    return np.exp(logarithm) * up / down


def _gamma_far(x):
    half = np.power(x, x / 2 - 0.25)  # its square may overflow where the result does not
    result = half * np.exp(-x) * half * (math.sqrt(2 * math.pi) * np.exp(_correction(x)))
    return np.where(x < 172, result, np.inf)


def _gamma(x):
    result = x.copy()  # NaN stays, and so does inf
    above, below = x > 0, x < 0
    result[above] = _positive(x[above], _gamma_near, _gamma_far)
    negative = x[below]
    sine = _sin_pi(negative)
    reflected = -np.pi / (negative * sine * _positive(-negative, _gamma_near, _gamma_far))  # DLMF 5.5.3
    result[below] = np.where(sine == 0, np.nan, reflected)
    return np.where(x == 0, 1 / x, result)


def _gammaln_near(x):
    logarithm, up, down = _near_2(x)
    return logarithm + np.log(up) - np.log(down)


def _gammaln_far(x):
    result = (x - 0.5) * np.log(x) - x + (LOG_SQRT_2PI + _correction(x))
    return np.where(x < np.inf, result, np.inf)


def _gammaln(x):
    result = x.copy()
    above, below = x > 0, x <= 0
    result[above] = _positive(x[above], _gammaln_near, _gammaln_far)
    size = -x[below]
    sine = np.abs(_sin_pi(size))
    reflected = np.log(np.pi / (size * sine)) - _positive(size, _gammaln_near, _gammaln_far)
    result[below] = np.where(sine > 0, reflected, np.inf)
    return result


def _digamma_near(x):
    x, total = x.copy(), np.zeros_like(x)
    while True:
        low = x < FAR
        if not low.any():
            return _digamma_far(x) - total
        total[low] += 1 / x[low]
        x[low] += 1


def _digamma_far(x):
    inverse = 1 / x
    square = inverse * inverse
    return np.log(x) - inverse / 2 - polynomial(_PSI, square) * square


def _digamma(x):
    result = x.copy()
    above, below = x > 0, x <= 0
    result[above] = _positive(x[above], _digamma_near, _digamma_far)
    negative = x[below]
    part = negative - np.round(negative)
    there = _positive(-negative, _digamma_near, _digamma_far)
    reflected = there - 1 / negative - np.pi / np.tan(np.pi * part)  # DLMF 5.5.4 and 5.5.2
    result[below] = np.where(part == 0, np.inf, reflected)
    return result


def _polygamma(n, x):
    result = x.copy()
    above, below = x > 0, x <= 0
    scale = (-1) ** (n + 1) * math.factorial(n)
    result[above] = scale * zeta(n + 1.0, x[above])  # DLMF 5.15.1
    negative = x[below]
    # the n-th derivative of DLMF 5.5.4; that of the cotangent is a polynomial of it
    cotangent = np.polynomial.Polynomial([0, 1])
    for _ in range(n):
        cotangent = -np.pi * np.polynomial.Polynomial([1, 0, 1]) * cotangent.deriv()
    part = negative - np.round(negative)
    reflected = (-1) ** n * scale * zeta(n + 1.0, 1 - negative) - np.pi * cotangent(1 / np.tan(np.pi * part))
    result[below] = np.where(part == 0, np.inf if n % 2 else np.nan, reflected)
    return result


@operator("gamma", "_sparse_gamma", shape="same")
def gamma(data):
    """The gamma function, (x - 1)! for integers: infinite at 0, NaN at the negative integers.

    Output: shape and dtype of `data`."""
    return in_blocks(_gamma, data)


@gamma.gradient
def _(F, g, data, out):
    return g * out * F._polygamma(data, n=0)


@operator("gammaln", "_sparse_gammaln", shape="same")
def gammaln(data):
    """log |gamma(x)|: infinite at 0 and the negative integers.

    Output: shape and dtype of `data`."""
    return in_blocks(_gammaln, data)


@gammaln.gradient
def _(F, g, data):
    return g * F._polygamma(data, n=0)


@operator("_polygamma", shape="same")
def polygamma(data, *, n: int = 0):
    """The n-th derivative of digamma, which is the derivative of gammaln.

    At 0 and the negative integers: infinite for n = 0 (as in MXNet) and odd n, else NaN.

    Output: shape and dtype of `data`."""
    if not 0 <= n <= MOST_DERIVATIVES:
        raise ArgumentError(f"_polygamma takes n from 0 to {MOST_DERIVATIVES}, but got n={n}")
    return in_blocks(_digamma if n == 0 else lambda x: _polygamma(n, x), data)


@polygamma.gradient
def _(F, g, data, n):
    return g * F._polygamma(data, n=n + 1)

"""NumPy's operators where the recordings of MXNet have nothing to say: those that it lacks, arrays without axes, dtypes
that mix, samplers, and errors that depend on values."""

import numpy as np
import pytest

from python_engine import calls, ops, tape  # noqa: F401
from python_engine.errors import ArgumentError, ComputeError, ShapeError
from python_engine.generator import generator
from python_engine.ndarray import NDArray
from python_engine.registry import find


def run(name, *inputs, **attrs):
    """An operator on NumPy arrays; lists become float64."""
    row = find(name)
    row.check_inputs(len(inputs))
    inputs = [x if isinstance(x, np.ndarray) or x is None else np.array(x, np.float64) for x in inputs]
    attrs = row.parse(attrs)
    result = row.forward(*inputs, **attrs)
    return result if row.single else result[: row.visible_count(attrs)]


def invoke(name, *arrays, **attrs):
    """The outputs of an operator on NDArrays."""
    return calls.invoke(find(name), list(arrays), find(name).parse(attrs))


X = np.random.default_rng(0).standard_normal((3, 4))
MASK = np.array([1, 0, 1])


# -- against NumPy ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (run("_npi_median", X), np.median(X)),
        (run("_npi_median", X, axis=1, keepdims=True), np.median(X, 1, keepdims=True)),
        (run("_npi_triu", X, k=1), np.triu(X, 1)),
        (run("_npi_outer", X, [1, 2]), np.outer(X, [1, 2])),
        (run("_npi_kron", X, np.ones((2, 2, 1))), np.kron(X, np.ones((2, 2, 1)))),
        (run("_npi_tril_indices", n=3, k=-1), np.stack(np.tril_indices(3, -1))),
        (run("_npi_triu_indices", n=2, m=4), np.stack(np.triu_indices(2, 0, 4))),
        (run("_npi_cov", X), np.cov(X)),
        (run("_npi_cov", X, X[0], rowvar=True, bias=True), np.cov(X, X[0], bias=True)),
        (run("_npi_cov", X, None, np.array([1, 2, 1, 3]), np.array([1.0, 2, 1, 1])),
         np.cov(X, fweights=[1, 2, 1, 3], aweights=[1, 2, 1, 1])),
        (run("_npi_cov", X[0]), np.cov(X[0])),
        (run("_npi_corrcoef", X, rowvar=False), np.corrcoef(X, rowvar=False)),
        (run("_npi_corrcoef", X[0]), 1),
        (run("_npi_bincount", np.array([1, 1, 3]), [0.5, 1, 2]), [0, 1.5, 0, 2]),
        (run("_npi_norm", X), np.linalg.norm(X, 2)),
        (run("_npi_dsplit", X[None, :, :], sections=2)[1], X[None, :, 2:]),
        (run("_npi_around", np.array([1255, 15]), decimals=-1), [1260, 20]),
        (run("_npi_concatenate", X, [1, 2], axis=None), np.concatenate([X, [1, 2]], None)),
        (run("_npi_masked", X, X > 0), X[X > 0]),
        (run("_npi_boolean_mask_assign_scalar", X, X > 0, value=7), np.where(X > 0, 7, X)),
        (run("_npi_boolean_mask_assign_tensor", X, MASK, np.ones((1, 4))), [np.ones(4), X[1], np.ones(4)]),
        (run("_npi_insert_scalar", X, [7, 8, 9], int_ind=1, axis=1), np.insert(X, 1, [7, 8, 9], 1)),
        (run("_npi_insert_tensor", X[0], [7, 8, 9], np.array([0, 4, 0])), np.insert(X[0], [0, 4, 0], [7, 8, 9])),
        (run("_npi_delete", X, np.array([True, False, True]), axis=0), X[1:2]),
        (run("_npi_einsum", X, subscripts="ij->j"), X.sum(0)),
        (run("_npi_einsum", X, X, subscripts="i...,j..."), np.einsum("i...,j...", X, X)),
        (run("_npi_percentile", X, np.array(10.0)), np.percentile(X, 10)),
    ],
)  # fmt: skip
def test_results_are_numpys(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (2, 4), (2, 3, 2)])
def test_factors_make_the_matrix(shape):
    a = np.random.default_rng(1).standard_normal(shape)
    q, r = run("_npi_qr", a)
    np.testing.assert_allclose(q @ r, a, atol=1e-12)
    assert (np.diagonal(r, 0, -2, -1) >= 0).all()
    u, values, v = run("_npi_svd", a)
    np.testing.assert_allclose(u * values[..., None, :] @ v, a, atol=1e-12)


def test_least_squares():
    a, b = X.T, np.arange(4.0)
    x, residuals, rank, values = run("_npi_lstsq", a, b)
    want = np.linalg.lstsq(a, b, None)
    for got, expected in zip((x, residuals, rank, values), want, strict=True):
        np.testing.assert_allclose(got, expected)
    assert run("_npi_lstsq", X, np.ones((3, 2)))[1].shape == (0,)


def test_eigenvalues_in_real_and_imaginary_parts():
    a = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 2.0]])
    real, imag, left, right = run("_npi_eig_parts", a)
    np.testing.assert_allclose(sorted(zip(real, imag)), [(0, -1), (0, 1), (2, 0)], atol=1e-12)
    for i in range(3):
        w = real[i] + 1j * imag[i]
        v = right[:, i] if not imag[i] else right[:, i] + 1j * right[:, i + 1] if imag[i] > 0 else None
        if v is not None:
            np.testing.assert_allclose(a @ v, w * v, atol=1e-12)
    general = run("_npi_eig_parts", np.diag([2.0, 6]), np.diag([1.0, 2]))
    np.testing.assert_allclose(sorted(general[0]), [2, 3])


@pytest.mark.parametrize(
    ("key", "want"),
    [
        ("1", lambda x: x[1]),
        ("...,-1", lambda x: x[..., -1]),
        ("::-1,1:", lambda x: x[::-1, 1:]),
        ("@,1:3", lambda x: x[[2, 0], 1:3]),
        (":,@", lambda x: x[:, [2, 0]]),
    ],
)
def test_a_key_selects_as_numpys_index(key, want):
    arrays = [np.array([2, 0])] * ("@" in key)
    np.testing.assert_array_equal(run("_npi_getitem", X, *arrays, key=key), want(X))
    changed = X.copy()
    want(changed)[...] = 5
    if not arrays:
        np.testing.assert_array_equal(run("_npi_setitem", X, key=key, scalar=5), changed)


def test_a_key_with_masks_and_positions_is_assigned_to():
    changed = X.copy()
    changed[[2, 0], 1] = [7, 8]
    np.testing.assert_array_equal(run("_npi_setitem", X, np.array([2, 0]), [7, 8], key="@,1"), changed)
    np.testing.assert_array_equal(run("_npi_setitem", X, X > 0, key="?", scalar=0), np.where(X > 0, 0, X))
    np.testing.assert_array_equal(run("_npi_getitem", X, np.array([2.0, 0, 1]), key="?"), X[[2, 0, 1]])


# -- arrays without axes, and of bool --------------------------------------------------------------------------------


def test_elementwise_operators_of_1x_keep_the_shape_without_axes_and_others_see_one_axis():
    (s,) = invoke("_npi_std", NDArray(np.array([1.0, 3.0])))
    assert s.shape == () and type(s.data) is np.ndarray
    for name, attrs in (("_plus_scalar", {"scalar": 1}), ("exp", {}), ("sigmoid", {}), ("Cast", {"dtype": "float32"})):
        assert invoke(name, s, **attrs)[0].shape == (), name
    assert invoke("broadcast_add", s, s)[0].shape == ()
    assert invoke("broadcast_add", s, NDArray(np.ones(3)))[0].shape == (3,)
    assert invoke("sum", s)[0].shape == (1,)
    assert invoke("Concat", s, s, dim=0)[0].shape == (2,)
    assert invoke("expand_dims", s, axis=0)[0].shape == (1, 1)


def test_an_array_without_axes_is_written_to_in_place():
    (s,) = invoke("_npi_std", NDArray(np.array([1.0, 3.0])))
    calls.invoke_into(find("_plus_scalar"), [s], find("_plus_scalar").parse({"scalar": 1}), [s])
    assert s.data == 2 and s.shape == ()
    calls.invoke_into(find("_full"), [], find("_full").parse({"shape": (), "value": 5}), [s])
    assert s.data == 5


def test_gradients_flow_through_arrays_without_axes():
    x = NDArray(np.array([1.0, 3.0]))
    x.grad = NDArray(np.zeros(2))
    tape.mark_variable(x, x.grad)
    with tape.recording(True, True):
        (s,) = invoke("_npi_std", x)
        (y,) = invoke("sigmoid", *invoke("_mul_scalar", s, scalar=3))
        (z,) = invoke("sum", y)
    tape.backward([z], [None])
    slope = 3 / (2 + np.exp(3) + np.exp(-3))
    np.testing.assert_allclose(x.grad.data, [-slope / 2, slope / 2])


def test_dtypes_mix_as_in_mxnet():
    def kind(*dtypes):
        return run("_npi_add", *[np.ones(2, d) for d in dtypes]).dtype.name

    assert kind("int32", "float32") == "float32"
    assert kind("int64", "float16") == "float16"
    assert kind("bool", "uint8") == "uint8"
    assert kind("float32", "float64") == "float64"
    assert kind("uint8", "int8") == "int8"
    assert run("_npi_true_divide", np.ones(2, "int64"), np.ones(2, "int8")).dtype == "float32"
    assert run("_npi_greater", np.ones(2, "int32"), np.zeros(2)).dtype == "bool"


# -- samplers --------------------------------------------------------------------------------------------------------

MOMENTS = {
    "uniform": ({"low": 1.0, "high": 3.0}, 2, 1 / 3),
    "normal": ({"loc": 1.0, "scale": 2.0}, 1, 4),
    "gamma": ({"shape": 2.0, "scale": 3.0}, 6, 18),
    "exponential": ({"scale": 2.0}, 2, 4),
    "gumbel": ({"loc": 1.0, "scale": 1.0}, 1.5772, np.pi**2 / 6),
    "logistic": ({"loc": 1.0, "scale": 1.0}, 1, np.pi**2 / 3),
    "pareto": ({"a": 5.0}, 1 / 4, 5 / 48),
    "powerd": ({"a": 2.0}, 2 / 3, 1 / 18),
    "rayleigh": ({"scale": 1.0}, np.sqrt(np.pi / 2), 2 - np.pi / 2),
    "weibull": ({"a": 1.0}, 1, 1),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_draws_have_the_moments_of_their_distribution(name):
    parameters, mean, variance = MOMENTS[name]
    generator.seed(5)
    draws = run(f"_npi_{name}", size=(200, 200), **parameters)
    assert draws.shape == (200, 200) and draws.dtype == np.float32
    assert abs(draws.mean() - mean) < 6 * np.sqrt(variance / draws.size)
    assert abs(draws.var() - variance) < 0.1 * variance
    arrays = [np.full(3, value) for value in parameters.values()]
    assert run(f"_npi_{name}", *arrays, **dict.fromkeys(parameters), size=(2, 3)).shape == (2, 3)
    assert run(f"_npi_{name}", *arrays, **dict.fromkeys(parameters)).shape == (3,)


def test_blocks_of_draws_for_each_element_of_the_parameters():
    generator.seed(5)
    draws = run("_npi_normal_n", np.array([0.0, 100]), np.ones(2), loc=None, scale=None, size=(4000,))
    assert draws.shape == (4000, 2)
    np.testing.assert_allclose(draws.mean(0), [0, 100], atol=0.1)


def test_trials_and_choices():
    generator.seed(5)
    assert abs(run("_npi_bernoulli", prob=0.3, logit=None, is_logit=False, size=(9999,)).mean() - 0.3) < 0.03
    assert run("_npi_bernoulli", np.array([-99.0, 99]), prob=None, logit=None, is_logit=True).tolist() == [0, 1]
    counts = run("_npi_multinomial", n=1000, pvals=(0.2, 0.8), size=(3,))
    assert counts.shape == (3, 2) and (counts.sum(1) == 1000).all() and (counts[:, 0] < 300).all()
    assert sorted(run("_npi_choice", a=5, size=(5,), replace=False)) == [0, 1, 2, 3, 4]
    chosen = run("_npi_choice", np.array([1.5, 2.5, 3.5]), [0, 1, 1], a=None, size=(50,), weighted=True)
    assert set(chosen) == {2.5, 3.5}


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "message", "name", "inputs", "attrs"),
    [
        (ArgumentError, "should be nonnegative number, but got -1", "_npi_bincount", [np.array([1, -1])], {}),
        (ComputeError, "complex eigenvalues are not supported", "_npi_eig", [[[0, 1], [-1, 0]]], {}),
        (ComputeError, "finite numbers", "_npi_eigvals", [[[0, np.inf], [1, 0]]], {}),
        (ComputeError, "a matrix has no inverse", "_npi_solve", [np.zeros((2, 2)), [1, 2]], {}),
        (ArgumentError, "no", "_npx_constraint_check", [np.array([True, False])], {"msg": "no"}),
        (ArgumentError, "0 to 100, but got 101", "_npi_percentile", [X], {"q_scalar": 101}),
        (ShapeError, "a mask of shape .3. for axes of .2, 3. from 0", "_npi_masked", [np.ones((2, 3)), np.ones(3)], {}),
        (ShapeError, r"cannot assign float64\[4\] to the \[2\] elements", "_npi_boolean_mask_assign_tensor",
         [np.ones(3), np.array([1, 0, 1]), np.ones(4)], {}),
        (ArgumentError, "index 7 is out of bounds for axis with size 3", "_npi_delete", [np.ones(3)], {"int_ind": 7}),
        (ArgumentError, "bounds for an axis with size 3", "_npi_insert_scalar", [np.ones(3)], {"int_ind": 9, "val": 1}),
        (ShapeError, "could not insert", "_npi_insert_slice", [X, np.ones(5)], {"start": 0, "stop": 1, "axis": 0}),
        (ArgumentError, "'x' is no part of an index", "_npi_getitem", [X], {"key": "x"}),
        (ArgumentError, "names more than the 0 arrays", "_npi_getitem", [X], {"key": "@"}),
        (ShapeError, "index 9 is out of bounds for axis 0 with size 3", "_npi_getitem", [X], {"key": "9"}),
        (
            ShapeError,
            "index 3 is out of bounds for axis 0 with size 3",
            "_npi_getitem",
            [X, [1.0, 2.0, 3.0]],
            {"key": "?"},
        ),
        (ArgumentError, "positions are integers", "_npi_getitem", [X, [0.5]], {"key": "@"}),
        (ArgumentError, "either as an array or as a number", "_npi_normal", [], {"loc": 1.0, "scale": None}),
        (ArgumentError, "needs scale >= 0", "_npi_normal", [], {"loc": 1.0, "scale": -1.0}),
        (ComputeError, "needs a > 0", "_npi_pareto", [[1, -1]], {"a": None}),
        (ArgumentError, "larger sample than population", "_npi_choice", [], {"a": 3, "size": (4,), "replace": False}),
        (ArgumentError, "'ij,j' are for 2 arrays, but got 1", "_npi_einsum", [X], {"subscripts": "ij,j"}),
        (ShapeError, "takes square matrices", "_npi_eigh", [np.ones((2, 3))], {}),
        (ShapeError, "takes square matrices", "_npi_pinv_scalar_rcond", [np.ones((2, 3))], {"hermitian": True}),
        (ArgumentError, "only 'even'", "_npi_pad", [X], {"pad_width": ((1, 1), (0, 0)), "reflect_type": "odd"}),
        (ShapeError, "takes weights of the shape", "_npi_average", [X, [1, 2]], {"axis": 0}),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(error, message, name, inputs, attrs):
    with pytest.raises(error, match=message):
        run(name, *inputs, **attrs)

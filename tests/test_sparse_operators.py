"""Operators on sparse arrays: values as of dense ones, storage types as MXNet 1.9.1 has them."""

import itertools

import numpy as np
import pytest
from sparse_calls import KINDS, STYPES, array, call, close, densely, matrix

from python_engine import tape
from python_engine.errors import ArgumentError, MXNetError, ShapeError
from python_engine.ndarray import NDArray
from python_engine.ops import sparse_dot
from python_engine.sparse import dense

# -- storage types of results, as MXNet 1.9.1 has them -----------------------------------------------------------------

KEPT = (
    "abs arcsin arcsinh arctan arctanh cbrt ceil degrees expm1 fix floor log1p negative radians relu rint round sign "
    "sin sinh sqrt square tan tanh trunc _copy BlockGrad make_loss zeros_like"
)
LOST = (
    "arccos cos cosh exp log log2 log10 logical_not rcbrt reciprocal rsqrt sigmoid softsign gamma gammaln erf ones_like"
)


@pytest.mark.parametrize("stype", KINDS)
@pytest.mark.parametrize("name", (KEPT + " " + LOST).split())
def test_functions_of_one_array_keep_the_storage_type_where_zero_stays(name, stype):
    x = array((4, 3), stype)
    got = call(name, x)
    assert got.stype == (stype if name in KEPT.split() else "default")
    close(got.data, densely(name, x))


SCALARS = {
    "_mul_scalar": (0, 2, -1.5), "_div_scalar": (2, -1.5), "_plus_scalar": (0,), "_minus_scalar": (0,),
    "_equal_scalar": (2, -1.5), "_not_equal_scalar": (0,), "_greater_scalar": (0, 2), "_greater_equal_scalar": (2,),
    "_lesser_scalar": (0, -1.5), "_lesser_equal_scalar": (-1.5,),
    "_rminus_scalar": (), "_rdiv_scalar": (), "_mod_scalar": (), "_power_scalar": (), "_maximum_scalar": (),
    "_minimum_scalar": (),
}  # fmt: skip


@pytest.mark.parametrize("stype", KINDS)
@pytest.mark.parametrize("name", SCALARS)
def test_with_numbers_the_storage_type_stays_where_zero_does(name, stype):
    x = array((4, 3), stype)
    for scalar in (0, 2, -1.5):
        if (name, scalar) == ("_div_scalar", 0):
            continue  # MXNet keeps it sparse, though 0 / 0 is NaN
        got = call(name, x, scalar=scalar)
        assert got.stype == (stype if scalar in SCALARS[name] else "default"), scalar
        close(got.data, densely(name, x, scalar=scalar))


PAIRS = (
    "elemwise_add elemwise_sub elemwise_mul elemwise_div _maximum _minimum _equal _power broadcast_add broadcast_sub "
    "broadcast_mul broadcast_maximum"
)
TWO = list(itertools.product(STYPES, STYPES))


def pair_stype(name, lhs, rhs):
    if lhs == rhs and name in ("elemwise_add", "elemwise_sub", "elemwise_mul", "_maximum", "_minimum"):
        return lhs
    if name == "elemwise_mul" and "default" in (lhs, rhs):
        return lhs if rhs == "default" else rhs
    return "csr" if (name, lhs, rhs) == ("broadcast_mul", "csr", "default") else "default"


@pytest.mark.parametrize("stypes", TWO, ids=" ".join)
@pytest.mark.parametrize("name", PAIRS.split())
def test_functions_of_two_arrays(name, stypes):
    lhs, rhs = (array((6, 5), stype, seed=seed) for seed, stype in enumerate(stypes))
    got = call(name, lhs, rhs)
    assert got.stype == pair_stype(name, *stypes)
    close(got.data, densely(name, lhs, rhs))


@pytest.mark.parametrize("stype", KINDS)
def test_shapes_and_dtypes_of_two_arrays_are_checked(stype):
    for name in ("elemwise_add", "elemwise_mul"):
        with pytest.raises(ShapeError):
            call(name, array((4, 3), stype), array((3, 4), stype))
        with pytest.raises(ShapeError):
            call(name, array((4, 3), stype), array((4, 3), stype, "float64"))


@pytest.mark.parametrize("shape", [(1, 3), (4, 1), (1, 1), (1,), (3,)])
def test_a_csr_array_times_or_by_a_broadcast_dense_one_stays_csr(shape):
    x, y = array((4, 3)), NDArray(np.arange(1, 1 + np.prod(shape), dtype="float32").reshape(shape))
    for name in ("broadcast_mul", "broadcast_div"):
        got = call(name, x, y)
        assert got.stype == "csr"
        close(got.data, densely(name, x, y))
    assert call("broadcast_add", x, y).stype == call("broadcast_mul", y, x).stype == "default"


@pytest.mark.parametrize(("limits", "kept"), [((0, 1), True), ((-1, 1), True), ((-1, 0), True), ((0.5, 1), False)])
def test_clip(limits, kept):
    x = array((4, 3))
    got = call("clip", x, a_min=limits[0], a_max=limits[1])
    assert got.stype == ("csr" if kept else "default")
    close(got.data, densely("clip", x, a_min=limits[0], a_max=limits[1]))


@pytest.mark.parametrize("stypes", [*itertools.product(STYPES, STYPES, STYPES)], ids=" ".join)
def test_sums_of_several_arrays_and_where(stypes):
    arrays = [array((4, 3), stype, seed=seed) for seed, stype in enumerate(stypes)]
    total = call("add_n", *arrays)
    assert total.stype == ("row_sparse" if set(stypes) == {"row_sparse"} else "default")
    close(total.data, densely("add_n", *arrays))
    close(call("where", *arrays).data, densely("where", *arrays))


def test_csr_arrays_are_joined_by_rows():
    x, y = array((2, 3)), array((4, 3), seed=1)
    joined = call("Concat", x, y, dim=0)
    assert joined.stype == "csr" and joined.data.disorder() is None
    close(joined.data, densely("Concat", x, y, dim=0))
    assert call("Concat", x, x, dim=1).stype == "default"
    with pytest.raises(MXNetError):
        call("Concat", x, array((2, 4)), dim=0)


@pytest.mark.parametrize(
    "part",
    [
        {"begin": (1,), "end": (3,)}, {"begin": (-3,), "end": (-1,)}, {"begin": (None,), "end": (2,)},
        {"begin": (1, 1), "end": (5, 3)}, {"begin": (0, -2), "end": (4, None)}, {"begin": (3,), "end": (1,)},
    ],
)  # fmt: skip
def test_parts_of_a_csr_array_are_csr(part):
    x = array((5, 4))
    got = call("slice", x, **part)
    assert got.stype == "csr" and got.data.fault() is None and got.data.disorder() is None
    close(got.data, densely("slice", x, **part))


def test_other_parts_are_dense():
    x = array((5, 4))
    assert call("slice", x, begin=(0,), end=(4,), step=(2,)).stype == "default"
    assert call("slice", array((5, 4), "row_sparse"), begin=(0,), end=(4,)).stype == "default"
    rows = NDArray(np.array([4.0, 0, 0, 9]))
    assert call("take", x, rows).stype == "csr"
    close(call("take", x, rows).data, densely("take", x, rows))


@pytest.mark.parametrize("stype", KINDS)
@pytest.mark.parametrize("axis", [None, (0,), (1,), (0, 1), (-1,)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "mean", "norm", "max"])
def test_reductions(name, keepdims, axis, stype):
    for dtype in ("float32", "int32"):
        x = array((4, 3), stype, dtype)
        got = call(name, x, axis=axis, keepdims=keepdims)
        want = densely(name, x, axis=axis, keepdims=keepdims)
        assert (got.stype, got.data.dtype, got.data.shape) == ("default", want.dtype, want.shape)
        close(got.data, want)


def test_the_number_of_stored_values():
    x = array((4, 3))
    for axis in (None, 0, 1):
        np.testing.assert_array_equal(
            call("_contrib_getnnz", x, axis=axis).data, densely("_contrib_getnnz", x, axis=axis)
        )


@pytest.mark.parametrize("stypes", TWO, ids=" ".join)
def test_cast_storage(stypes):
    x = array((4, 3), stypes[0])
    if set(stypes) == set(KINDS):
        with pytest.raises(ArgumentError, match="cast it to default first"):
            call("cast_storage", x, stype=stypes[1])
        return
    got = call("cast_storage", x, stype=stypes[1])
    assert got.stype == stypes[1]
    close(got.data, x.data)


def test_an_operator_without_a_sparse_form_computes_on_dense_values():
    x = array((4, 3))
    for name, attrs in (("transpose", {}), ("softmax", {}), ("topk", {"k": 2}), ("Reshape", {"shape": (3, 4)})):
        got = call(name, x, **attrs)
        got = got[0] if isinstance(got, list) else got
        assert got.stype == "default"
    close(call("transpose", x).data, dense(x.data).T)


def test_retain_keeps_the_order_asked_for():
    x = array((6, 2), "row_sparse")
    kept = call("_sparse_retain", x, NDArray(np.array([4, 1, 0])))
    assert (kept.stype, kept.data.indices.tolist()) == ("row_sparse", [4, 1, 0])
    want = dense(x.data)
    want[[2, 3, 5]] = 0
    np.testing.assert_array_equal(dense(kept.data), want)
    with pytest.raises(ArgumentError, match="out of bounds"):
        call("_sparse_retain", x, NDArray(np.array([6])))


# -- products ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
@pytest.mark.parametrize(
    ("columns", "counts"),
    [
        (7, [3, 0, 1, 2, 0]),
        (300, [250, 1, 0, *[2] * 40, 7]),  # a row much longer than the others
        (50, [1] * 400),  # several blocks
        (4, [4, 4, 4]),  # dense
        (5, [0, 0]),
        (3, []),
    ],
)
@pytest.mark.parametrize("width", [1, 3, 0])
def test_products_with_csr_matrices(width, columns, counts, dtype, monkeypatch):
    monkeypatch.setattr(sparse_dot, "BLOCK", 600)
    a = matrix(len(counts), columns, counts, dtype)
    random = np.random.default_rng(2)
    x = random.integers(-3, 4, (columns, width)).astype(dtype)
    y = random.integers(-3, 4, (len(counts), width)).astype(dtype)
    got, turned = call("dot", NDArray(a), NDArray(x)), call("dot", NDArray(a), NDArray(y), transpose_a=True)
    assert (got.stype, turned.stype) == ("default", "row_sparse")
    assert got.data.dtype == turned.data.dtype == dtype
    np.testing.assert_array_equal(got.data, dense(a) @ x)
    np.testing.assert_array_equal(dense(turned.data), dense(a).T @ y)
    assert turned.data.indices.tolist() == np.unique(a.indices).tolist()


@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("stypes", TWO, ids=" ".join)
def test_every_product_in_every_storage_type(stypes, transposed):
    lhs = array((5, 4) if transposed[0] else (4, 5), stypes[0])
    rhs = array((6, 5) if transposed[1] else (5, 6), stypes[1], seed=1)
    attrs = dict(zip(("transpose_a", "transpose_b"), transposed))
    want = densely("dot", lhs, rhs, **attrs)
    got = call("dot", lhs, rhs, **attrs)
    rows = stypes[0] == "csr" and stypes[1] != "csr" and transposed == (True, False)
    csr = stypes == ("default", "csr") and not transposed[0]
    assert got.stype == ("row_sparse" if rows else "csr" if csr else "default")
    close(got.data, want)
    for stype in STYPES:
        got = call("dot", lhs, rhs, forward_stype=stype, **attrs)
        assert got.stype == stype
        close(got.data, want)


@pytest.mark.parametrize("stype", STYPES)
def test_gradients_flow_through_a_product_of_dense_factors_in_any_storage_type(stype):
    lhs, rhs = NDArray(np.array([[1.0, 2], [3, 4]])), NDArray(np.array([[5.0, 6], [7, 8]]))
    for x in (lhs, rhs):
        tape.mark_variable(x, NDArray(np.zeros((2, 2))))
    with tape.recording(True, True):
        product = call("dot", lhs, rhs, forward_stype=stype)
    tape.backward([product], [NDArray(np.array([[1.0, 0], [0, 0]]))])
    assert lhs.grad.data.tolist() == [[5, 7], [0, 0]]
    assert rhs.grad.data.tolist() == [[1, 0], [2, 0]]


def test_shapes_of_products_are_checked():
    x = array((4, 3))
    for y in (
        array((4, 2), "default"),
        array((4, 2), "row_sparse"),
        array((3, 2), "default", "float64"),
        array((4, 2)),
    ):
        with pytest.raises(ShapeError):
            call("dot", x, y)
    close(call("dot", x, NDArray(np.ones(3, "float32"))).data, dense(x.data).sum(1))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("weight", ["default", "row_sparse"])
def test_fully_connected_of_a_csr_array(weight, bias):
    inputs = [array((4, 3)), array((5, 3), weight), *([array((5,), "default")] if bias else [])]
    close(
        call("FullyConnected", *inputs, num_hidden=5, no_bias=not bias).data,
        densely("FullyConnected", *inputs, num_hidden=5, no_bias=not bias),
    )
    with pytest.raises(MXNetError):
        call("FullyConnected", inputs[0], array((5, 4), "default"), num_hidden=5, no_bias=True)

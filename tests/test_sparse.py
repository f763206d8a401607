"""Sparse arrays: their values, writing to them, gradients, lazy updates. Operators: test_sparse_operators.py."""

import numpy as np
import pytest
from gradcheck import check_gradients
from sparse_calls import KINDS, STYPES, array, call, close, matrix, values, variable

from python_engine import calls, sparse, tape
from python_engine.errors import ArgumentError, ShapeError
from python_engine.ndarray import NDArray
from python_engine.registry import OPERATORS, find
from python_engine.sparse import Csr, RowSparse, Sparse, as_stype, dense

TWO = [(x, y) for x in STYPES for y in STYPES]


def call_into(name, target, *inputs, **attrs):
    operator = find(name)
    calls.invoke_into(operator, list(inputs), operator.parse(attrs), [target])
    return target


# -- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 3), (1, 1), (0, 3), (3, 0), (50, 70)])
@pytest.mark.parametrize("stype", KINDS)
def test_what_becomes_sparse_becomes_dense_again(stype, shape):
    array = values(shape)
    value = as_stype(array, stype)
    assert (value.stype, value.shape, value.dtype, value.size) == (stype, shape, array.dtype, array.size)
    assert value.fault() is None and value.disorder() is None
    np.testing.assert_array_equal(dense(value), array)


def test_row_sparse_arrays_have_any_number_of_dimensions():
    array = np.zeros((5, 2, 3))
    array[3, 1, 2] = np.nan
    value = as_stype(array, "row_sparse")
    assert value.indices.tolist() == [3] and value.data.shape == (1, 2, 3)
    np.testing.assert_array_equal(dense(value), array)
    with pytest.raises(ShapeError, match="two dimensions"):
        as_stype(array, "csr")


def test_numpy_cannot_take_a_sparse_value_by_mistake():
    value = as_stype(np.eye(2), "csr")
    with pytest.raises(TypeError, match="csr"):
        np.asarray(value)
    with pytest.raises(TypeError):
        np.add(value, np.eye(2))


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (([1, 2, 3], [0, 2, 3], [0, 5, 1]), "column indices from 0 to 2"),
        (([1, 2, 3], [0, 2, 3], [0, -1, 1]), "column indices from 0 to 2"),
        (([1, 2, 3], [0, 3, 2], [0, 1, 1]), "rises from 0"),
        (([1, 2, 3], [1, 2, 3], [0, 1, 1]), "rises from 0"),
        (([1, 2, 3], [0, 3], [0, 1, 1]), "indptr of shape"),
        (([1, 2, 3], [0, 2, 3], [0, 1]), "one shape"),
    ],
)
def test_computing_with_a_malformed_csr_array_is_refused(parts, told):
    data, indptr, indices = map(np.array, parts)
    x = call("_csr_matrix", NDArray(data * 1.0), NDArray(indices), NDArray(indptr), shape=(2, 3))
    for compute in (lambda: call("square", x), lambda: call("dot", x, NDArray(np.ones((3, 1)))), lambda: dense(x.data)):
        with pytest.raises(ArgumentError, match=told):
            compute()
    with pytest.raises(ArgumentError, match="Check failed.*malformed"):
        call("_check_format", x)


def test_a_malformed_row_sparse_array_is_refused():
    x = call("_row_sparse_array", NDArray(np.ones((2, 3))), NDArray(np.array([0, 9])), shape=(4, 3))
    with pytest.raises(ArgumentError, match="row indices from 0 to 3, found 0 to 9"):
        call("abs", x)
    assert call("_check_format", x, full_check=False).data.tolist() == [2]


@pytest.mark.parametrize(
    "x",
    [
        lambda: call("_row_sparse_array", NDArray(np.ones((2, 3))), NDArray(np.array([2, 0])), shape=(4, 3)),
        lambda: call("_csr_matrix", *map(NDArray, (np.ones(2), np.array([2, 0]), np.array([0, 2]))), shape=(1, 3)),
        lambda: call("_csr_matrix", *map(NDArray, (np.ones(2), np.array([1, 1]), np.array([0, 2]))), shape=(1, 3)),
    ],
)
def test_indices_out_of_order_are_found_by_a_full_check_only(x):
    assert call("_check_format", x(), full_check=False).data.tolist() == [2]
    with pytest.raises(ArgumentError, match="rising order"):
        call("_check_format", x())


def test_coordinates_may_come_in_any_order_and_fall_together():
    data, row, col = (NDArray(np.array(x)) for x in ([1.0, 2, 4, 8], [1, 0, 1, 1], [2, 1, 0, 2]))
    x = call("_csr_matrix_of_places", data, row, col)
    assert x.data.disorder() is None
    np.testing.assert_array_equal(dense(x.data), [[0, 2, 0], [4, 0, 9]])
    with pytest.raises(ArgumentError, match="out of bounds"):
        call("_csr_matrix_of_places", data, row, col, shape=(2, 2))


def test_what_cannot_be_is_refused_before_memory_is_taken():
    one = NDArray(np.ones(1)), NDArray(np.array([2**61])), NDArray(np.array([0]))
    for shape in ((2**40, 2**40), (-1, 3), (1, 2, 3)):
        with pytest.raises(ShapeError):
            call("_csr_matrix", *one, shape=shape)
    with pytest.raises(ShapeError, match="at most"):
        call("_row_sparse_array", NDArray(np.ones((1, 4))), one[1])
    huge = NDArray(Csr(np.ones(1), np.array([0, 1, 1]), np.array([2**50]), (2, 2**55)))
    close(call("sum", huge).data, [1])
    with pytest.raises(ShapeError, match="too large to be made dense"):
        call("exp", huge)


def test_parts_are_copies():
    x = array((4, 3))
    before = dense(x.data)
    for part, dtype in (("data", np.float32), ("indices", np.int64), ("indptr", np.int64)):
        copy = call("_part_of_sparse", x, part=part)
        assert copy.data.dtype == dtype
        copy.assign(0)
    np.testing.assert_array_equal(dense(x.data), before)
    with pytest.raises(ArgumentError, match="no indptr"):
        call("_part_of_sparse", array((4, 3), "row_sparse"), part="indptr")
    with pytest.raises(ArgumentError, match="dense"):
        call("_part_of_sparse", NDArray(np.ones(3)), part="data")


# -- writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stypes", TWO, ids=" ".join)
def test_an_array_keeps_its_storage_type_and_dtype_when_written_to(stypes):
    target, source = array((4, 3), stypes[0], "float64"), array((4, 3), stypes[1], seed=1)
    calls.store(target, source)
    assert (target.stype, target.data.dtype) == (stypes[0], np.float64)
    close(target.data, source.data)
    target.assign(2)
    np.testing.assert_array_equal(dense(target.data), np.full((4, 3), 2.0))


def test_a_detached_sparse_array_shares_what_is_written():
    x = array((4, 3))
    y = call("_view_detach", x)
    y.assign(1)
    np.testing.assert_array_equal(dense(x.data), np.ones((4, 3)))
    x.assign(2)
    np.testing.assert_array_equal(dense(y.data), np.full((4, 3), 2))


def test_a_sparse_array_has_no_views():
    for name, attrs in (
        ("_view_at", {"index": 0}),
        ("_view_slice", {"begin": 0, "end": 1}),
        ("_view_reshape", {"shape": (12,)}),
    ):
        with pytest.raises(ArgumentError, match="tostype"):
            call(name, array((4, 3)), **attrs)


def test_a_write_to_a_dense_array_does_not_reach_the_sparse_one_made_of_it():
    data = NDArray(np.ones((2, 3)))
    x = call("_row_sparse_array", data, NDArray(np.array([0, 2])), shape=(4, 3))
    data.assign(7)
    assert dense(x.data).max() == 1


def test_an_operator_that_writes_to_an_input_writes_to_a_sparse_one():
    weight, grad, mom = array((4, 3), "default"), array((4, 3), "default", seed=1), array((4, 3), "row_sparse")
    state = NDArray(dense(mom.data))
    want = call("sgd_mom_update", weight, grad, state, lr=0.1, momentum=0.9).data
    got = call("sgd_mom_update", weight, grad, mom, lr=0.1, momentum=0.9).data
    close(got, want)
    assert mom.stype == "row_sparse"
    close(mom.data, state.data)


# -- gradients ---------------------------------------------------------------------------------------------------------


def embedded(weight, ids, **attrs):
    ids = NDArray(np.array(ids, "float32"))
    rows, columns = weight.data.shape
    return call("Embedding", ids, weight, input_dim=rows, output_dim=columns, sparse_grad=True, **attrs)


@pytest.mark.parametrize("req", ["write", "add"])
@pytest.mark.parametrize("grad_stype", STYPES)
def test_the_gradient_of_an_embedding(grad_stype, req):
    weight = variable((5, 2), grad_stype=grad_stype, req=req)
    for _ in range(2):
        with tape.recording(True, True):
            y = embedded(weight, [[1, 4], [1, 9]])
        tape.backward([y], [NDArray(np.full((2, 2, 2), 3, "float32"))])
    want = np.zeros((5, 2))
    want[[1, 4]] = 6 * (1 + (req == "add"))
    assert weight.grad.stype == grad_stype
    np.testing.assert_array_equal(dense(weight.grad.data), want)
    if grad_stype == "row_sparse":
        assert weight.grad.data.indices.tolist() == [1, 4]


def test_gradients_of_several_uses_are_added_sparsely():
    weight = variable((6, 2), grad_stype="row_sparse")
    with tape.recording(True, True):
        y = call("elemwise_add", embedded(weight, [0, 5]), embedded(weight, [5, 2]))
    tape.backward([y])
    assert weight.grad.data.indices.tolist() == [0, 2, 5]
    np.testing.assert_array_equal(dense(weight.grad.data)[:, 0], [1, 0, 1, 0, 0, 2])
    with tape.recording(True, True):
        z = call("elemwise_add", call("sum", embedded(weight, [0, 5])), call("sum", weight))
    tape.backward([z])
    np.testing.assert_array_equal(dense(weight.grad.data)[:, 0], [2, 1, 1, 1, 1, 2])


def test_a_row_sparse_gradient_flows_on_through_dense_operators():
    x = variable((5, 2))
    with tape.recording(True, True):
        y = embedded(call("tanh", call("_mul_scalar", x, scalar=2)), [1, 1, 3])
    tape.backward([y])
    slope = 2 * (1 - np.tanh(2 * x.data) ** 2) * np.array([0, 2, 0, 1, 0])[:, None]
    close(x.grad.data, slope)


def test_the_gradient_of_a_product_with_a_csr_matrix_has_the_rows_of_its_columns():
    a, weight = NDArray(matrix(4, 9, [2, 0, 1, 2])), variable((9, 3), grad_stype="row_sparse")
    with tape.recording(True, True):
        y = call("dot", a, weight)
    tape.backward([y])
    assert weight.grad.data.indices.tolist() == np.unique(a.data.indices).tolist()
    close(weight.grad.data, dense(a.data).T @ np.ones((4, 3)))


@pytest.mark.parametrize("stype", KINDS)
def test_sparse_variables_have_gradients(stype):
    x = variable((4, 3), stype, "default")
    with tape.recording(True, True):
        y = call("tanh", call("log1p", call("square", x)))
    tape.backward([y])
    twin = variable((4, 3), "default")
    twin.assign(x.data)
    with tape.recording(True, True):
        z = call("tanh", call("log1p", call("square", twin)))
    tape.backward([z])
    close(x.grad.data, twin.grad.data)


def test_derivatives_of_products_and_embeddings_agree_with_differences():
    a = NDArray(matrix(4, 5, [2, 0, 3, 1], "float64"))
    check_gradients(lambda w: call("square", call("dot", a, w)), [np.random.rand(5, 3)])
    check_gradients(lambda w: call("square", call("dot", a, w, transpose_a=True)), [np.random.rand(4, 2)])
    check_gradients(lambda w: call("square", call("dot", w, a)), [np.random.rand(2, 4)])
    check_gradients(lambda w: call("square", embedded(w, [0, 3, 3])), [np.random.rand(4, 2)])


def test_the_gradient_of_a_csr_variable_in_a_product():
    x, w = variable((4, 5), "csr", "default"), array((5, 3), "default")
    with tape.recording(True, True):
        y = call("dot", x, w)
    tape.backward([y])
    close(x.grad.data, np.ones((4, 3)) @ w.data.T)


# -- optimizers --------------------------------------------------------------------------------------------------------

STATES = {"sgd_update": 0, "sgd_mom_update": 1, "adam_update": 2, "ftrl_update": 2, "_sparse_adagrad_update": 1}


def arrays_of(name, stype):
    """Weight, a row_sparse gradient of rows 0 and 2, and states."""
    arrays = [NDArray(np.random.rand(4, 3).astype("float32") + 0.1) for _ in range(2 + STATES.get(name, 1))]
    if name == "_contrib_group_adagrad_update":
        arrays[2] = NDArray(arrays[2].data[:, :1].copy())
    arrays[1].data[[1, 3]] = 0
    return [NDArray(as_stype(x.data, "row_sparse" if i == 1 else stype)) for i, x in enumerate(arrays)]


@pytest.mark.parametrize("stype", ["default", "row_sparse"])
@pytest.mark.parametrize("name", [*STATES, "_contrib_group_adagrad_update"])
def test_lazy_updates_touch_the_rows_of_the_gradient_alone(name, stype):
    if (name, stype) == ("ftrl_update", "default"):
        pytest.skip("MXNet's is not lazy with dense states")
    arrays = arrays_of(name, stype)
    attrs = {"lr": 0.1} if "adagrad" in name else {"lr": 0.1, "wd": 0.1}
    before = [dense(x.data).copy() for x in arrays]
    rows = [NDArray(x[[0, 2]]) for x in before]
    new = call(name, *rows, **attrs).data
    call_into(name, arrays[0], *arrays, **attrs)
    for position, (x, old) in enumerate(zip(arrays, before)):
        assert x.stype == ("row_sparse" if position == 1 else stype)
        got = dense(x.data)
        np.testing.assert_array_equal(got[[1, 3]], old[[1, 3]])
        close(got[[0, 2]], new if position == 0 else rows[position].data)


@pytest.mark.parametrize("name", ["sgd_update", "sgd_mom_update", "adam_update"])
def test_without_lazy_update_every_row_decays(name):
    arrays = arrays_of(name, "default")
    want = [NDArray(dense(x.data).copy()) for x in arrays]
    call_into(name, want[0], *want, lr=0.1, wd=0.1)
    call_into(name, arrays[0], *arrays, lr=0.1, wd=0.1, lazy_update=False)
    for x, y in zip(arrays, want):
        close(x.data, y.data)


def test_a_lazy_update_leaves_the_memory_of_the_weight_where_it_is():
    weight, grad = arrays_of("sgd_update", "default")
    memory, view = weight.data, weight.view(weight.data[:2])
    call_into("sgd_update", weight, weight, grad, lr=0.1)
    assert weight.data is memory and np.shares_memory(view.data, memory)
    other = NDArray(np.zeros((4, 3), "float32"))
    before = weight.data.copy()
    call_into("sgd_update", other, weight, grad, lr=0.1)
    np.testing.assert_array_equal(weight.data, before)
    assert not np.array_equal(other.data, before)


def test_a_row_sparse_weight_gains_the_rows_that_it_lacks():
    weight = NDArray(RowSparse(np.ones((1, 2)), np.array([3]), (5, 2)))
    grad = NDArray(RowSparse(np.ones((2, 2)), np.array([4, 1]), (5, 2)))
    call_into("sgd_update", weight, weight, grad, lr=1.0)
    assert weight.data.indices.tolist() == [1, 3, 4]
    np.testing.assert_array_equal(dense(weight.data)[:, 0], [0, -1, 0, 1, -1])


def test_a_gradient_of_another_number_of_rows_is_refused():
    weight = NDArray(np.ones((4, 3)))
    with pytest.raises(ShapeError, match="as many rows"):
        call("sgd_update", weight, NDArray(as_stype(np.ones((5, 3)), "row_sparse")), lr=0.1)


# -- and dense arrays --------------------------------------------------------------------------------------------------


def test_dense_values_never_meet_the_sparse_ways(monkeypatch):
    """Where no array is sparse, nothing but a look at one name is spent on them."""
    monkeypatch.setattr(sparse, "exists", False)
    monkeypatch.setattr(tape.storage, "concerns", None)
    monkeypatch.setattr(tape.storage, "among", None)
    x = NDArray(np.ones((2, 2)))
    tape.mark_variable(x, NDArray(np.zeros((2, 2))))
    with tape.recording(True, True):
        y = call("square", x)
    tape.backward([y])
    assert not sparse.exists
    as_stype(np.eye(2), "csr")
    assert sparse.exists


def test_every_form_is_of_known_storage_types():
    for operator in OPERATORS.values():
        for stypes in operator.forms:
            assert set(stypes) <= set(STYPES) and set(stypes) & set(KINDS), operator.name
            assert len(stypes) <= len(operator.inputs)
    assert issubclass(Csr, Sparse)

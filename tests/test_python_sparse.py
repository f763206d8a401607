"""Sparse arrays in Python: `mx.nd.sparse`, and what NDArray's methods do with them."""

import copy
import pickle

import numpy as np
import pytest

import python_engine as mx

nd = mx.nd
VALUES = np.array([[1, 0, 2], [0, 0, 3]], "float32")
ROWS = np.array([[0, 0], [5, 6], [0, 0]], "float32")


@pytest.fixture
def csr():
    return nd.sparse.csr_matrix(([1, 2, 3], [0, 2, 2], [0, 2, 3]), shape=(2, 3))


@pytest.fixture
def rows():
    return nd.sparse.row_sparse_array(([[5, 6]], [1]), shape=(3, 2))


def same(x, stype, values):
    assert (x.stype, x.shape) == (stype, np.shape(values))
    np.testing.assert_array_equal(x.asnumpy(), values)


def test_sparse_arrays_are_made_of_parts_coordinates_shapes_and_dense_arrays(csr, rows):
    same(csr, "csr", VALUES)
    same(rows, "row_sparse", ROWS)
    assert csr.data.indices.tolist() == [0, 2, 2] and csr.data.indptr.tolist() == [0, 2, 3]
    same(nd.sparse.csr_matrix(([3, 1, 1, 1], ([1, 0, 0, 0], [2, 0, 2, 2]))), "csr", VALUES)
    same(nd.sparse.csr_matrix((2, 3)), "csr", np.zeros((2, 3)))
    same(nd.sparse.csr_matrix(VALUES), "csr", VALUES)
    same(nd.sparse.csr_matrix(csr, dtype="float64"), "csr", VALUES)
    same(nd.sparse.row_sparse_array((3, 2)), "row_sparse", np.zeros((3, 2)))
    same(nd.sparse.row_sparse_array(nd.array(ROWS)), "row_sparse", ROWS)
    same(nd.sparse.array(csr), "csr", VALUES)
    same(nd.array(rows), "row_sparse", ROWS)
    for zeros in (nd.zeros((2, 3), stype="csr"), nd.sparse.zeros("csr", (2, 3)), nd.sparse.empty("csr", (2, 3))):
        same(zeros, "csr", np.zeros((2, 3)))
    with pytest.raises(mx.MXNetError, match="mx.nd.array"):
        nd.sparse.array(VALUES)
    with pytest.raises(mx.MXNetError, match="was asked for"):
        nd.sparse.csr_matrix(VALUES, shape=(3, 2))


def test_the_dtype_is_that_of_an_array_else_float32():
    assert nd.sparse.csr_matrix(np.eye(2)).dtype is np.float64
    assert nd.sparse.csr_matrix([[1, 2], [3, 4], [5, 6], [7, 8]]).dtype is np.float32
    assert nd.sparse.row_sparse_array((np.ones((1, 2), "int32"), [0])).dtype is np.int32
    assert nd.sparse.zeros("csr", (1, 2), dtype="float16").dtype is np.float16


def test_storage_types_change_and_stay(csr, rows):
    same(csr.tostype("default"), "default", VALUES)
    same(nd.array(VALUES).tostype("csr"), "csr", VALUES)
    same(csr.astype("int32"), "csr", VALUES)
    assert csr.astype("int32").dtype is np.int32
    same(csr.copy(), "csr", VALUES)
    same(csr.detach(), "csr", VALUES)
    same(rows.copyto(nd.zeros((3, 2))), "default", ROWS)
    same(nd.array(ROWS).copyto(nd.zeros((3, 2), stype="row_sparse")), "row_sparse", ROWS)
    same(pickle.loads(pickle.dumps(csr)), "csr", VALUES)
    with pytest.raises(mx.MXNetError, match="not supported"):
        csr.tostype("row_sparse")


def test_arithmetic(csr, rows):
    same(csr + csr, "csr", VALUES * 2)
    same(2 * csr, "csr", VALUES * 2)
    same(csr + 1, "default", VALUES + 1)
    same(csr - nd.array(VALUES), "default", VALUES * 0)
    same(rows - rows, "row_sparse", ROWS * 0)
    csr += csr
    same(csr, "csr", VALUES * 2)
    same(nd.sparse.dot(csr, nd.ones((3, 1))), "default", [[6], [6]])
    same(nd.sparse.retain(rows, nd.array([0])), "row_sparse", ROWS * 0)
    assert nd.histogram(csr, bins=3)[0].asnumpy().tolist() == [3, 1, 2]


def test_rows_of_csr_arrays(csr, rows):
    same(csr[1], "csr", VALUES[1:])
    same(csr[-2:], "csr", VALUES)
    same(csr[:1], "csr", VALUES[:1])
    assert rows[:] is rows
    for refused in (lambda: csr[0, 1], lambda: rows[1], lambda: csr[::2]):
        with pytest.raises(mx.MXNetError, match="rows of csr arrays"):
            refused()
    with pytest.raises(IndexError):
        csr[2]


def test_files_keep_the_storage_type(csr, rows, tmp_path):
    nd.save(str(tmp_path / "a.params"), {"csr": csr, "rows": rows})
    loaded = nd.load(str(tmp_path / "a.params"))
    same(loaded["csr"], "csr", VALUES)
    same(loaded["rows"] + rows, "row_sparse", ROWS * 2)
    nd.save(str(tmp_path / "b.params"), [csr])
    same(nd.load_frombuffer((tmp_path / "b.params").read_bytes())[0], "csr", VALUES)


def test_training_an_embedding_touches_the_rows_it_used():
    weight, momentum = nd.ones((5, 2)), nd.zeros((5, 2))
    weight.attach_grad(stype="row_sparse")
    with mx.autograd.record():
        y = nd.Embedding(nd.array([3, 1, 3]), weight, input_dim=5, output_dim=2, sparse_grad=True)
    y.backward()
    assert weight.grad.stype == "row_sparse" and weight.grad.data.indices.tolist() == [1, 3]
    memory = weight.data
    nd.sgd_mom_update(weight, weight.grad, momentum, lr=0.5, momentum=0.9, wd=1, out=weight)
    assert weight.data is memory
    same(weight, "default", [[1, 1], [0, 0], [1, 1], [-0.5, -0.5], [1, 1]])


def test_a_sparse_variable_has_a_sparse_gradient(rows):
    rows.attach_grad()
    with mx.autograd.record():
        y = (rows * rows).sum()
    y.backward()
    same(rows.grad, "row_sparse", 2 * ROWS)
    with pytest.raises(mx.MXNetError, match="storage type"):
        rows.attach_grad(stype="sparse")


def test_the_places_of_what_is_stored_can_be_read(csr, rows):
    assert csr.indices.asnumpy().tolist() == [0, 2, 2] and csr.indptr.asnumpy().tolist() == [0, 2, 3]
    assert rows.indices.asnumpy().tolist() == [1] and rows.indices.dtype is np.int64
    csr.indices[:] = 0
    same(csr, "csr", VALUES)
    assert not hasattr(rows, "indptr") and not hasattr(nd.ones(2), "indices")


def test_a_malformed_array_is_found_out_also_when_it_was_pickled(csr, rows):
    csr.check_format()
    wrong = nd.sparse.csr_matrix(([1, 2, 3], [0, 9, 2], [0, 2, 3]), shape=(2, 3))
    for array in (wrong, pickle.loads(pickle.dumps(wrong)), copy.deepcopy(wrong)):
        array.check_format(full_check=False)
        with pytest.raises(ValueError, match="column indices from 0 to 2, found 0 to 9"):
            array.check_format()
        with pytest.raises(ValueError, match="malformed"):
            array * 2
    same(rows.retain(nd.array([1])), "row_sparse", ROWS)
    same(rows.retain(nd.array([0])), "row_sparse", ROWS * 0)


def test_functions_and_classes_of_mxnet(csr, rows):
    sparse = nd.sparse
    same(sparse.add(csr, csr), "csr", VALUES * 2)
    same(sparse.multiply(rows, 2), "row_sparse", ROWS * 2)
    same(sparse.subtract(csr, csr), "csr", VALUES * 0)
    same(sparse.divide(csr, 2), "csr", VALUES / 2)
    kinds = sparse.CSRNDArray, sparse.RowSparseNDArray, sparse.BaseSparseNDArray, nd.NDArray
    for x, expected in ((csr, (1, 0, 1, 1)), (rows, (0, 1, 1, 1)), (nd.ones(2), (0, 0, 0, 1)), (VALUES, (0, 0, 0, 0))):
        assert tuple(isinstance(x, kind) for kind in kinds) == expected
    assert {"add", "CSRNDArray", "csr_matrix", "dot"} <= set(dir(sparse))
    same(sparse.zeros("csr", np.array([2, 3])), "csr", VALUES * 0)
    with pytest.raises(ValueError, match="default, row_sparse, csr, but got 'coo'"):
        sparse.zeros("coo", (2, 3))
    with pytest.raises(ValueError, match="Invalid Parameter format for shape"):
        sparse.zeros("csr", None)

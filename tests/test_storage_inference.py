"""In which storage types `simple_bind` makes arguments and gradients: as MXNet 1.9.1 does."""

import pytest

import python_engine as mx
from python_engine import nd

DATA, CSR = mx.sym.Variable("data"), mx.sym.Variable("data", stype="csr")
DENSE, ROWS = mx.sym.Variable("w"), mx.sym.Variable("w", stype="row_sparse")
SIZES = {"input_dim": 5, "output_dim": 2}


@pytest.mark.parametrize(
    ("net", "shapes", "stypes", "grad_stypes"),
    [
        (
            mx.sym.Embedding(DATA, ROWS, sparse_grad=True, **SIZES),
            {"data": (3,)},
            "default row_sparse",
            "default row_sparse",
        ),
        (
            mx.sym.Embedding(DATA, DENSE, sparse_grad=True, **SIZES),
            {"data": (3,)},
            "default default",
            "default row_sparse",
        ),
        (mx.sym.Embedding(DATA, ROWS, **SIZES), {"data": (3,)}, "default row_sparse", "default default"),
        (
            mx.sym.contrib.SparseEmbedding(DATA, ROWS, **SIZES),
            {"data": (3,)},
            "default row_sparse",
            "default row_sparse",
        ),
        (mx.sym.dot(CSR, DENSE), {"data": (3, 4), "w": (4, 2)}, "csr default", "default row_sparse"),
        (mx.sym.dot(CSR, DENSE, transpose_a=True), {"data": (3, 4), "w": (3, 2)}, "csr default", "default default"),
        (
            mx.sym.FullyConnected(DATA, ROWS, num_hidden=3, no_bias=True),
            {"data": (3, 4)},
            "default row_sparse",
            "default default",
        ),
        (
            mx.sym.Group([mx.sym.dot(CSR, ROWS), mx.sym.sum(ROWS)]),
            {"data": (3, 4), "w": (4, 2)},
            "csr row_sparse",
            "default default",
        ),
    ],
)
def test_storage_types_follow_from_variables_and_their_uses(net, shapes, stypes, grad_stypes):
    executor = net.simple_bind(mx.cpu(), **shapes)
    assert [x.stype for x in executor.arg_arrays] == stypes.split()
    assert [x.stype for x in executor.grad_arrays] == grad_stypes.split()


def test_the_gradient_has_the_rows_that_were_used():
    executor = mx.sym.Embedding(DATA, ROWS, sparse_grad=True, **SIZES).simple_bind(mx.cpu(), data=(3,))
    executor.forward(True, data=nd.array([1, 3, 3]))
    executor.backward([nd.ones((3, 2))])
    assert executor.grad_dict["w"].data.indices.tolist() == [1, 3]

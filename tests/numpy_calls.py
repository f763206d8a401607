"""Calls of NumPy's operators whose gradients MXNet does not have, or has wrong, for tests/test_gradients.py: operator,
attributes, inputs, positions of those to derive by."""

import numpy as np

_random = np.random.default_rng(11)


def _x(*shape):
    """Different values, none near another."""
    return (_random.permutation(int(np.prod(shape))).reshape(shape) - np.prod(shape) / 2) * 0.37 + 0.1


def _regular(n):
    return _random.uniform(-1, 1, (n, n)) + n * np.eye(n)


def _symmetric(n):
    x = _random.uniform(-1, 1, (n, n))
    return x + x.T + np.diag(np.arange(n) * 3.0)


MASK = np.array([True, False, True])
FULL_MASK = np.array([[True, False, True], [False, False, True]])
WEIGHTS = np.array([0.5, 2.0, 1.0, 1.5])

CALLS = [
    ("_npi_copysign_scalar", {"scalar": 2.0}, [_x(2, 3)], [0]),
    ("_npi_rarctan2_scalar", {"scalar": 2.0}, [_x(2, 3)], [0]),
    ("_npi_where_lscalar", {"scalar": 2.0}, [MASK, _x(2, 3)], [1]),
    ("_npi_where_rscalar", {"scalar": 2.0}, [MASK, _x(2, 3)], [1]),
    ("_npi_std", {"axis": (0, 2)}, [_x(2, 3, 2)], [0]),
    ("_npi_std", {}, [_x(2, 3)], [0]),
    ("_npi_std", {"axis": (1,), "ddof": 1, "keepdims": True}, [_x(2, 3)], [0]),
    ("_npi_var", {}, [_x(2, 3)], [0]),
    ("_npi_var", {"axis": (1,), "ddof": 1}, [_x(2, 3)], [0]),
    ("_npi_average", {"axis": (1,), "returned": True}, [_x(2, 3), _random.uniform(0.5, 2, (2, 3))], [0, 1]),
    ("_npi_average", {"axis": (0,), "returned": True}, [_x(2, 3), np.array([0.5, 2.0])], [0, 1]),
    ("_npi_average", {"weighted": False, "returned": True}, [_x(2, 3)], [0]),
    ("_npi_norm", {}, [_x(2, 3)], [0]),
    ("_npi_norm", {}, [_x(2, 3, 2)], [0]),
    ("_npi_percentile", {"axis": (0,)}, [_x(4, 3), np.array([10.0, 55.0])], [0]),
    ("_npi_percentile", {"q_scalar": 30.0, "keepdims": True}, [_x(2, 3)], [0]),
    ("_npi_percentile", {"q_scalar": 30.0, "axis": (0, 2), "interpolation": "midpoint"}, [_x(2, 3, 2)], [0]),
    ("_npi_median", {"axis": (1,)}, [_x(2, 4)], [0]),
    ("_npi_bincount", {"minlength": 5}, [np.array([0, 2, 2, 1]), _x(4)], [1]),
    ("_np_atleast_1d", {"num_args": 2}, [_x(2), _x(1)[0]], [0, 1]),
    ("_np_atleast_2d", {"num_args": 2}, [_x(2), _x(1)[0]], [0, 1]),
    ("_np_atleast_3d", {"num_args": 2}, [_x(2), _x(1)[0]], [0, 1]),
    ("_npi_rot90", {"k": 1}, [_x(2, 3)], [0]),
    ("_npi_rot90", {"k": 3, "axes": (2, 0)}, [_x(2, 3, 2)], [0]),
    ("_npi_dsplit", {"sections": 2}, [_x(2, 1, 4)], [0]),
    ("_npi_triu", {"k": 1}, [_x(3, 4)], [0]),
    ("_npi_triu", {}, [_x(3)], [0]),
    ("_npi_masked", {}, [_x(3, 2), MASK], [0]),
    ("_npi_masked", {}, [_x(2, 3), FULL_MASK], [0]),
    ("_npi_boolean_mask_assign_scalar", {"value": 2.0, "start_axis": 1}, [_x(2, 3), MASK], [0]),
    ("_npi_boolean_mask_assign_tensor", {"start_axis": 0}, [_x(2, 3), FULL_MASK, _x(3)], [0, 2]),
    ("_npi_boolean_mask_assign_tensor", {"start_axis": 1}, [_x(2, 3, 2), MASK, _x(2, 2, 2)], [0, 2]),
    ("_npi_boolean_mask_assign_tensor", {"start_axis": 0}, [_x(2, 3), FULL_MASK, _x(1)], [0, 2]),
    ("_npi_delete", {"int_ind": 1, "axis": 1}, [_x(2, 3)], [0]),
    ("_npi_delete", {"start": 0, "stop": 4, "step": 2}, [_x(2, 3)], [0]),
    ("_npi_delete", {"axis": 0}, [_x(4, 2), np.array([0, 3])], [0]),
    ("_npi_insert_scalar", {"int_ind": 1, "axis": 1}, [_x(2, 3), _x(2)], [0, 1]),
    ("_npi_insert_scalar", {"int_ind": -1, "val": 3.0}, [_x(2, 3)], [0]),
    ("_npi_insert_slice", {"start": 0, "stop": 2, "axis": 1}, [_x(2, 3), _x(1, 2)], [0, 1]),
    ("_npi_insert_tensor", {"axis": 0}, [_x(4), _x(3), np.array([2, 0, 2])], [0, 1]),
    ("_npi_insert_tensor", {"axis": 1, "val": 1.0}, [_x(2, 3), np.array([3, 0])], [0]),
    *(
        ("_npi_pad", {"pad_width": ((1, 2), (0, 1)), "mode": mode}, [_x(3, 4)], [0])
        for mode in ("constant", "edge", "maximum", "minimum", "reflect", "symmetric")
    ),
    ("_npi_matmul", {}, [_x(2, 1, 2, 3), _x(4, 3, 2)], [0, 1]),
    ("_npi_matmul", {}, [_x(3), _x(2, 3, 2)], [0, 1]),
    ("_np_dot", {}, [_x(1)[0], _x(2, 3)], [0, 1]),
    ("_npi_outer", {}, [_x(2, 2), _x(3)], [0, 1]),
    ("_npi_kron", {}, [_x(2, 3), _x(3, 2)], [0, 1]),
    ("_npi_kron", {}, [_x(2, 2, 1), _x(3)], [0, 1]),
    ("_npi_einsum", {"subscripts": "iij,kj->k"}, [_x(2, 2, 3), _x(2, 3)], [0, 1]),
    ("_npi_svd", {}, [_random.standard_normal((4, 2))], [0]),
    ("_npi_qr", {}, [_random.standard_normal((4, 2))], [0]),
    ("_npi_qr", {}, [_random.standard_normal((2, 3, 3))], [0]),
    ("_npi_qr", {}, [_random.standard_normal((2, 4))], [0]),
    ("_npi_eigh", {}, [_symmetric(3)], [0]),
    ("_npi_eigh", {"UPLO": "U"}, [_symmetric(3)], [0]),
    ("_npi_eigvalsh", {}, [_symmetric(3)], [0]),
    ("_npi_solve", {}, [_regular(3), _x(3)], [0, 1]),
    ("_npi_solve", {}, [np.stack([_regular(2), _regular(2)]), _x(2, 2, 1)], [0, 1]),
    ("_npi_pinv_scalar_rcond", {}, [_random.standard_normal((4, 2))], [0]),
    ("_npi_pinv_scalar_rcond", {}, [_random.standard_normal((2, 3))], [0]),
    ("_npi_pinv_scalar_rcond", {"hermitian": True}, [_random.standard_normal((3, 3))], [0]),
    ("_npi_pinv", {}, [_random.standard_normal((4, 2)), np.array(1e-9)], [0]),
    ("_npi_lstsq", {}, [_random.standard_normal((4, 2)), _x(4)], [0, 1]),
    ("_npi_lstsq", {}, [_random.standard_normal((2, 3)), _x(2, 2)], [0, 1]),
    ("_npi_tensorinv", {"ind": 1}, [_regular(4).reshape(4, 2, 2)], [0]),
    ("_npi_tensorsolve", {"a_axes": (0,)}, [_regular(6).reshape(2, 3, 6).transpose(2, 0, 1), _x(2, 3)], [0, 1]),
    ("_npi_tensorsolve", {}, [_regular(4).reshape(2, 2, 4), _x(2, 2)], [0, 1]),
    ("_npi_meshgrid", {"num_args": 3}, [_x(2), _x(3), _x(2)], [0, 1, 2]),
    ("_npi_meshgrid", {"num_args": 2, "indexing": "ij"}, [_x(2), _x(3)], [0, 1]),
    ("_npi_cov", {}, [_x(2, 4)], [0]),
    ("_npi_cov", {"rowvar": False, "bias": True}, [_x(4, 2), _x(4)], [0, 1]),
    ("_npi_cov", {}, [_x(2, 4), _x(4), np.array([1, 2, 1, 3]), WEIGHTS], [0, 1]),
    ("_npi_getitem", {"key": "1,::-1"}, [_x(3, 4)], [0]),
    ("_npi_getitem", {"key": "@,...,1:"}, [_x(3, 2, 4), np.array([2, 0, 2])], [0]),
    ("_npi_getitem", {"key": ":,?"}, [_x(2, 3), MASK], [0]),
    ("_npi_setitem", {"key": "@,1"}, [_x(3, 2), np.array([2, 0]), _x(2)], [0, 2]),
    ("_npi_setitem", {"key": "?", "scalar": 2.0}, [_x(2, 3), FULL_MASK], [0]),
    ("_npi_setitem", {"key": "?"}, [_x(3, 2), MASK, _x(2)], [0, 2]),
    ("_npi_corrcoef", {}, [_random.standard_normal((3, 5))], [0]),
    ("_npi_corrcoef", {}, [_random.standard_normal((2, 5)), _random.standard_normal(5)], [0, 1]),
]  # fmt: skip

"""`x[key]` and `x[key] = value`, against NumPy and against what MXNet 1.9.1 does beyond it."""

import numpy as np
import pytest

import python_engine as mx

nd = mx.nd
A = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

BASIC = [
    np.s_[0], np.s_[-1], np.s_[:], np.s_[1:], np.s_[:-1], np.s_[0:1], np.s_[5:7], np.s_[0:0], np.s_[::-1], np.s_[::2],
    np.s_[0, 1], np.s_[0, 1, 2], np.s_[1, -1, -1], np.s_[0, 1:3], np.s_[0, :, 1], np.s_[:, 1], np.s_[:, 1:2],
    np.s_[:, ::2], np.s_[1:, 1:3, ::2], np.s_[..., 0], np.s_[0, ..., 1], np.s_[:, 1, ...], np.s_[...], np.s_[()],
    np.s_[None], np.s_[None, 0], np.s_[:, None], np.s_[..., None], np.s_[0, None, 1], np.s_[0, 1, 2, None],
    np.s_[0, 1:3, ::-2], np.s_[3:0:-1, 0], np.s_[np.int64(1)], np.s_[1, np.int32(-1)],
]  # fmt: skip
ADVANCED = [
    np.s_[[0]], np.s_[[1, 0, 1]], np.s_[[-1]], np.s_[[[0, 1], [1, 0]]], np.s_[np.array([1, 0])], np.s_[np.array(1)],
    np.s_[:, [0, 2]], np.s_[..., [0, 1]], np.s_[0, [0, 1]], np.s_[[0, 1], 1], np.s_[[0, 1], [1, 2]], np.s_[[0, 1], :],
    np.s_[:, [0, 1], [0, 1]], np.s_[[0, 1], :, [0, 1]], np.s_[0, :, [0, 1]], np.s_[[0], None], np.s_[[0], None, [1]],
    np.s_[[[0], [1]], [0, 2]], np.s_[1:, [0, 2], ::2], np.s_[[], 0], np.s_[[True, False]], np.s_[A > 7],
    np.s_[A[:, :, 0] > 7], np.s_[:, [True, False, True]], np.s_[0, :, [True, False, True, True]], np.s_[A < 0],
]  # fmt: skip


def wanted(key):
    """NumPy's answer, with shape (1,) where it has no axes."""
    return np.atleast_1d(A[key])


@pytest.mark.parametrize("key", BASIC + ADVANCED, ids=repr)
def test_reading_gives_what_numpy_gives(key):
    x = nd.array(A)
    got = x[key]
    assert (got is x) == (repr(key) in ("slice(None, None, None)", "()")) and got.dtype is np.float32
    np.testing.assert_array_equal(got.asnumpy(), wanted(key), strict=True)


@pytest.mark.parametrize("key", BASIC + ADVANCED, ids=repr)
def test_the_gradient_goes_back_to_where_it_was_read(key):
    x = nd.array(A)
    x.attach_grad()
    with mx.autograd.record():
        y = x[key] * 3
    weights = np.arange(1, y.size + 1, dtype=np.float32).reshape(y.shape)
    y.backward(nd.array(weights))
    expected = np.zeros_like(A)
    np.add.at(expected, key, 3 * weights.reshape(A[key].shape))
    np.testing.assert_array_equal(x.grad.asnumpy(), expected)


@pytest.mark.parametrize("key", BASIC + ADVANCED, ids=repr)
def test_writing_does_what_numpy_does(key):
    for value in (7, 7.5, -np.arange(A[key].size, dtype=np.float32).reshape(A[key].shape)):
        for given in (value, nd.array(value), np.array(value)):
            x, expected = nd.array(A), A.copy()
            x[key], expected[key] = given, value
            np.testing.assert_array_equal(x.asnumpy(), expected)


@pytest.mark.parametrize(
    ("key", "shared"),
    [
        (np.s_[0], True),
        (np.s_[0:1], True),
        (np.s_[0, 1], True),
        (np.s_[0, 1:2], True),
        (np.s_[0:1, 1:2], True),
        (np.s_[0, 1, 1:3], True),
        (np.s_[0, 1, 2], True),
        (np.s_[::2], True),
        (np.s_[...], True),
        (np.s_[None], True),
        (np.s_[()], True),
        (np.s_[:, 1], False),
        (np.s_[::-1], False),
        (np.s_[[0]], False),
    ],
)
def test_a_part_in_one_piece_shares_memory(key, shared):
    x = nd.array(A)
    x[key][:] = -1
    assert (x.asnumpy() == -1).any() == shared
    x = nd.array(A)
    part = x[key]
    x[:] = -1
    assert (part.asnumpy() == -1).all() == shared


def test_arrays_as_keys_are_cut_to_integers():
    v = nd.array([1, 2, 3])
    np.testing.assert_array_equal(v[nd.array([0.9, 2.1])].asnumpy(), [1, 3])
    np.testing.assert_array_equal(v[nd.array([-1])].asnumpy(), [3])
    # a comparison gives numbers, so it is no mask, unless it is made one
    np.testing.assert_array_equal(v[v > 1].asnumpy(), [1, 2, 2])
    np.testing.assert_array_equal(v[(v > 1).astype("bool")].asnumpy(), [2, 3])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (2, "index 2 is out of bounds for axis 0 with size 2"),
        (-3, "index -3 is out of bounds for axis 0 with size 2"),
        ((0, 3), "index 3 is out of bounds for axis 1 with size 3"),
        ((0, 0, 0, 0), r"too many indices \(4\) for array with 3 dimensions"),
        ([5], "index 5 is out of bounds for axis 0 with size 2"),
        ((slice(None), [0, -4]), "index -4 is out of bounds for axis 1 with size 3"),
        (([0, 1], [0, 1, 2]), "could not be broadcast together"),
        ((..., ...), "single ellipsis"),
        (np.array([True, False, True]), "a mask of shape"),
    ],
)
def test_what_the_array_does_not_have_is_an_index_error(key, message):
    x = nd.array(A)
    with pytest.raises(IndexError, match=message):
        x[key]
    with pytest.raises(IndexError, match=message):
        x[key] = 1
    np.testing.assert_array_equal(x.asnumpy(), A)


@pytest.mark.parametrize("key", [range(2), (range(1, -1, -1), 0), ((0, 1),), (0, (2, 0))], ids=repr)
def test_a_range_or_a_tuple_within_a_key_is_a_list_of_positions(key):
    x = nd.array(A)
    np.testing.assert_array_equal(x[key].asnumpy(), A[key])
    x[key] = -1
    expected = A.copy()
    expected[key] = -1
    np.testing.assert_array_equal(x.asnumpy(), expected)


@pytest.mark.parametrize("key", ["a", 1.0, {}, (0, "a"), 1j])
def test_a_key_of_another_type_is_refused(key):
    with pytest.raises(ValueError, match="NDArray does not support slicing with key"):
        nd.array(A)[key]


def test_written_values_broadcast_and_lose_leading_axes_of_length_1():
    x = nd.zeros((2, 3))
    x[:] = nd.array([1, 2, 3])
    np.testing.assert_array_equal(x.asnumpy(), [[1, 2, 3], [1, 2, 3]])
    x[:] = nd.array([[[4], [5]]])
    np.testing.assert_array_equal(x.asnumpy(), [[4, 4, 4], [5, 5, 5]])
    x[0, 1] = nd.array([9])
    x[1] = [7, 8, 9]
    np.testing.assert_array_equal(x.asnumpy(), [[4, 9, 4], [7, 8, 9]])


@pytest.mark.parametrize("value", [np.zeros((3, 2)), [1, 2], "a", None, [[1], [2, 3]]])
def test_values_that_do_not_fit_are_refused_and_write_nothing(value):
    x = nd.ones((2, 3))
    with pytest.raises(mx.MXNetError, match="cannot be"):
        x[:] = value
    np.testing.assert_array_equal(x.asnumpy(), np.ones((2, 3)))


def test_written_values_take_the_dtype_of_the_array():
    x = nd.array([1, 2], dtype="uint8")
    x[0] = 1.7
    x[1] = 300
    np.testing.assert_array_equal(x.asnumpy(), [1, 44])
    x[:] = nd.array([2.7, 3.2])
    np.testing.assert_array_equal(x.asnumpy(), [2, 3])


def test_an_array_can_be_written_to_a_part_of_itself():
    x = nd.array([1, 2, 3, 4])
    x[1:] = x[:-1]
    np.testing.assert_array_equal(x.asnumpy(), [1, 1, 2, 3])


def test_writing_to_a_copy_leaves_the_original():
    x = nd.array(A)
    for part in (x[:, 1], x[::-1], x[[0]], x.T, x.copy()):
        part[:] = -1
    np.testing.assert_array_equal(x.asnumpy(), A)


def test_the_element_of_an_array_without_axes_is_read_and_written():
    x = nd.op._np_sum(nd.array(A))
    for key, shape in (((), (1,)), (..., (1,)), (None, (1,)), ((None, None), (1, 1))):
        assert x[key].shape == shape and x[key].asnumpy().ravel() == A.sum()
    x[()] = 7
    x[...] += 1
    assert float(x) == 8 and np.asarray(x).shape == ()
    for key in (0, slice(None), [0]):
        with pytest.raises(IndexError, match=r"too many indices \(1\) for array with 0 dimensions"):
            x[key]
    for wrong in (len, list):
        with pytest.raises(TypeError, match=r"an NDArray of shape \(\) has no len"):
            wrong(x)

"""`import python_engine as mx`: MXNet's interface for arrays. Expected values are what MXNet 1.9.1 answers."""

import copy
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from nd_arrays import same

import python_engine as mx
from python_engine import sparse

nd = mx.nd


@pytest.fixture
def x():
    return nd.array([[1, 2, 3], [4, 5, 6]])


# -- new arrays --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [[1, 2], (1, 2), range(1, 3), np.array([1, 2]), np.array([1.0, 2.0]), ["1", "2"]])
def test_array_is_float32_unless_a_dtype_is_given(source):
    same(nd.array(source), [1, 2])
    same(nd.array(source, dtype="int32"), [1, 2], "int32")


def test_array_keeps_the_dtype_of_an_ndarray_and_copies():
    source = nd.array([1, 2], dtype="int8")
    same(nd.array(source), [1, 2], "int8")
    result = nd.array(source)
    result[0] = 9
    same(source, [1, 2], "int8")


def test_a_number_gives_an_array_of_one_element():
    same(nd.array(5), [5])


@pytest.mark.parametrize("source", [[[1, 2], [3]], "a", None, [1 + 2j], [{}]])
def test_array_refuses_what_is_no_array_of_numbers(source):
    with pytest.raises(TypeError, match="source_array must be array like object"):
        nd.array(source)


@pytest.mark.parametrize("dtype", ["uint16", "foo", np.complex64, object])
def test_a_dtype_that_mxnet_does_not_have_is_refused(dtype):
    for make in (lambda: nd.array([1], dtype=dtype), lambda: nd.zeros((2,), dtype=dtype)):
        with pytest.raises(mx.MXNetError, match=r"float32.*int64"):
            make()


def test_arrays_from_a_shape():
    same(nd.zeros(3), [0, 0, 0])
    same(nd.zeros((2, 2), dtype="float64"), np.zeros((2, 2)), "float64")
    same(nd.zeros((2,), mx.cpu(), "int32"), [0, 0], "int32")
    same(nd.ones(2, dtype=np.float16), [1, 1], "float16")
    same(nd.full((2,), 7.5, dtype="int32"), [7, 7], "int32")
    assert nd.empty((2, 3)).shape == (2, 3) and nd.empty(2).dtype is np.float32
    with pytest.raises(mx.MXNetError):
        nd.zeros("a")
    with pytest.raises(mx.MXNetError):
        nd.empty((-1,))


def test_sequences():
    same(nd.arange(3), [0, 1, 2])
    same(nd.arange(1, 2, 0.25), [1, 1.25, 1.5, 1.75])
    same(nd.arange(3, repeat=2), [0, 0, 1, 1, 2, 2])
    same(nd.arange(5, 1, -1, dtype="int32"), [5, 4, 3, 2], "int32")
    same(nd.arange(start=2, stop=None, infer_range=True), [0, 1])
    same(nd.linspace(0, 1, 5), [0, 0.25, 0.5, 0.75, 1])
    same(nd.linspace(0, 1, 4, endpoint=False), [0, 0.25, 0.5, 0.75])
    same(nd.eye(2, 3, 1), [[0, 1, 0], [0, 0, 1]])


def test_from_numpy_keeps_the_dtype_and_shares_memory():
    source = np.ones(2)
    array = nd.from_numpy(source)
    same(array, [1, 1], "float64")
    array[0] = 5
    assert source[0] == 5
    nd.from_numpy(source, zero_copy=False)[1] = 7
    assert source[1] == 1
    turned = np.arange(6.0).reshape(2, 3).T
    same(nd.from_numpy(turned, zero_copy=False), turned, "float64")
    with pytest.raises(ValueError, match="Only c-contiguous arrays are supported for zero-copy"):
        nd.from_numpy(turned)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int8", "int32", "int64"])
def test_dlpack_shares_memory_both_ways(dtype):
    source = np.arange(6, dtype=dtype).reshape(2, 3)
    array = nd.from_dlpack(source.__dlpack__())
    same(array, source, dtype)
    array[1, 0] = 7
    assert source[1, 0] == 7
    source[0, 2] = 9
    assert array[0, 2].asscalar() == 9
    for capsule in (array.to_dlpack_for_read(), nd.to_dlpack_for_write(array), array):
        other = nd.from_dlpack(capsule)
        other[0, 0] += 1
    assert source[0, 0] == 3
    same(nd.from_dlpack(nd.array([5], dtype=dtype).reshape((1,))), [5], dtype)


def test_memory_given_away_by_dlpack_outlives_the_array_and_leaves_others_alone():
    array = nd.ones((3,))
    same_values = array.reshape((3,)).copy()
    flipped = nd.transpose(nd.ones((2, 2)))  # whose memory may be another array's
    other, turned = nd.from_dlpack(array), nd.from_dlpack(flipped)
    del array, flipped
    other[:] = 4
    turned[0] = 5
    same(other, [4, 4, 4])
    same(turned, [[5, 5], [1, 1]])
    same(same_values, [1, 1, 1])


def test_numpy_takes_an_array_without_a_copy(x):
    taken = np.from_dlpack(x)
    x[0, 0] = 8
    assert taken[0, 0] == 8


def test_what_dlpack_cannot_share_is_refused(x):
    taken = x.to_dlpack_for_read()
    nd.from_dlpack(taken)
    frozen = np.ones(3)
    frozen.flags.writeable = False
    for source in (taken, 3, "x", None, frozen):
        with pytest.raises(ValueError, match="from_dlpack takes an array with __dlpack__"):
            nd.from_dlpack(source)
    with pytest.raises(mx.MXNetError, match=r"C order, but got strides \(8, 16\) of \(2, 2\)"):
        nd.from_dlpack(np.ones((2, 2)).T)
    with pytest.raises(mx.MXNetError, match="complex128"):
        nd.from_dlpack(np.ones(2, "complex128"))
    with pytest.raises(BufferError, match="csr"):
        x.tostype("csr").to_dlpack_for_read()


def test_no_array_can_be_made_on_a_gpu(x):
    assert (str(mx.gpu(1)), mx.gpu(1).device_type, mx.gpu(1).device_id) == ("gpu(1)", "gpu", 1)
    for make in (
        lambda: nd.array([1], ctx=mx.gpu()),
        lambda: nd.zeros((1,), ctx=mx.gpu()),
        lambda: nd.random.uniform(ctx=mx.gpu()),
        lambda: nd._zeros(shape=(1,), ctx=mx.gpu()),
        lambda: x.as_in_context(mx.gpu()),
        lambda: x.copyto(mx.gpu()),
    ):
        with pytest.raises(mx.MXNetError, match=r"gpu\(0\): this engine computes on the CPU"):
            make()


def test_contexts_compare_by_what_they_name():
    assert mx.cpu() == mx.cpu(0) == mx.Context("cpu") == mx.Context(mx.cpu()) != mx.gpu()
    assert len({mx.cpu(), mx.cpu(0), mx.cpu(1)}) == 2
    assert mx.gpu(1).device_typeid == 2
    assert mx.current_context() == mx.cpu()
    with mx.cpu(1):
        assert mx.current_context() == mx.cpu(1)
    with mx.gpu(), pytest.raises(mx.MXNetError):
        nd.array([1])
    assert mx.current_context() == mx.cpu()
    with pytest.raises(mx.MXNetError, match="cpu, gpu"):
        mx.Context("tpu")
    for number in ("1", 1.5, None):
        with pytest.raises(ValueError, match="the number of a cpu is an integer, but got"):
            mx.cpu(number)
    assert mx.cpu(np.int64(1)) == mx.cpu(1)


# -- what an array is --------------------------------------------------------------------------------------------------


def test_an_array_prints_as_in_mxnet(x):
    assert repr(x) == str(x) == "\n[[1. 2. 3.]\n [4. 5. 6.]]\n<NDArray 2x3 @cpu(0)>"
    assert repr(nd.array([1, 2], dtype="int32")) == "\n[1 2]\n<NDArray 2 @cpu(0)>"


def test_an_array_knows_its_shape_and_kind(x):
    assert (x.shape, x.size, x.ndim, len(x), x.stype) == ((2, 3), 6, 2, 2, "default")
    assert x.dtype is np.float32
    assert x.context == x.ctx == mx.cpu()
    assert x.grad is None
    assert [row.shape for row in x] == [(3,), (3,)]
    assert [row.shape for row in nd.array([1, 2])] == [(1,), (1,)]


def test_the_truth_of_an_array_is_that_of_its_only_element(x):
    assert nd.array([5]) and not nd.array([0]) and not nd.array([[0]]) and nd.array([float("nan")])
    with pytest.raises(ValueError, match="The truth value of an NDArray with multiple elements is ambiguous."):
        bool(x)


def test_one_element_is_a_number(x):
    assert float(nd.array([2.5])) == 2.5
    assert int(nd.array([[2.7]])) == 2
    scalar = nd.array([5]).asscalar()
    assert type(scalar) is np.float32 and scalar == 5
    for convert in (float, int, nd.NDArray.asscalar):
        with pytest.raises(ValueError, match="The current array is not a scalar"):
            convert(x)


def test_an_array_is_found_by_identity(x):
    other = x.copy()
    assert len({x, other, x}) == 2
    assert {x: 1}[x] == 1 and other not in {x: 1}


def test_numpy_gets_a_copy_and_nothing_else(x):
    np.asarray(x)[:] = 0
    assert np.asarray(x, "int64").dtype == np.int64 and x.asnumpy().any()
    with pytest.raises(ValueError, match="copy=False cannot be had"):
        x.__array__(copy=False)


def test_asnumpy_copies_in_c_order(x):
    values = x.T.asnumpy()
    assert values.flags.c_contiguous and values.flags.writeable
    values[:] = 0
    same(x, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(np.asarray(x), x.asnumpy())


def test_arrays_can_be_pickled_and_copied(x):
    x.attach_grad()
    for twin in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        same(twin, x.asnumpy())
        twin[:] = 0
    same(x, [[1, 2, 3], [4, 5, 6]])


def test_astype(x):
    same(nd.array([1.7, -1.7]).astype("int32"), [1, -1], "int32")
    same(x.astype(np.float64), x.asnumpy(), "float64")
    assert x.astype("float32") is not x and x.astype("float32", copy=False) is x
    with pytest.raises(TypeError, match="data type 'foo' not understood"):
        x.astype("foo")


def test_copyto(x):
    target = nd.zeros((2, 3), dtype="int32")
    assert x.copyto(target) is target
    same(target, x.asnumpy(), "int32")
    assert x.copyto(mx.cpu()) is not x
    assert x.as_in_context(mx.cpu(1)) is x
    with pytest.raises(mx.MXNetError):
        x.copyto(nd.zeros((3, 2)))
    with pytest.raises(TypeError, match="copyto does not support type <class 'int'>"):
        x.copyto(3)
    with pytest.warns(RuntimeWarning, match="copy an array to itself"):
        assert x.copyto(x) is False


@pytest.mark.parametrize(
    ("arguments", "options", "shape"),
    [
        ((3, 2), {}, (3, 2)),
        (((3, 2),), {}, (3, 2)),
        (([3, 2],), {}, (3, 2)),
        ((), {"shape": (3, 2)}, (3, 2)),
        ((), {"shape": 6}, (6,)),
        ((np.int64(6),), {}, (6,)),
        ((-1,), {}, (6,)),
        ((0, -1), {}, (2, 3)),
        ((-2,), {}, (2, 3)),
        ((-4, 1, 2, -2), {}, (1, 2, 3)),
        (((-1, 0),), {"reverse": True}, (2, 3)),
        (((0, -3),), {"reverse": True}, None),
    ],
)
def test_reshape_takes_dimensions_in_every_form(x, arguments, options, shape):
    if shape is None:
        with pytest.raises(ValueError, match="shape"):
            x.reshape(*arguments, **options)
    else:
        assert x.reshape(*arguments, **options).shape == shape


def test_reshape_shares_memory_and_refuses_what_does_not_fit(x):
    x.reshape(6)[0] = 9
    same(x, [[9, 2, 3], [4, 5, 6]])
    for call in (lambda: x.reshape(4), lambda: x.reshape(()), lambda: x.reshape(), lambda: x.reshape(6, foo=1)):
        with pytest.raises(ValueError, match=r"[Ss]hape"):
            call()


def test_views_and_transposes(x):
    same(x.T, [[1, 4], [2, 5], [3, 6]])
    assert nd.zeros((2, 3, 4)).T.shape == (4, 3, 2)
    x.detach()[0] = 0
    same(x, [[0, 0, 0], [4, 5, 6]])
    same(nd.array([5]).broadcast_to((2, 3)), np.full((2, 3), 5))
    assert x.broadcast_to((4, 2, 3)).shape == (4, 2, 3)
    with pytest.raises(ValueError, match="broadcast"):
        x.broadcast_to((2, 4))
    assert x.tostype("default") is not x
    with pytest.raises(mx.MXNetError, match="storage type"):
        x.tostype("coo")


def test_a_sparse_array_shows_what_it_is_and_its_values(monkeypatch):
    monkeypatch.setattr(sparse, "exists", sparse.exists)  # other tests look at the ways of dense arrays
    values = np.array([[0, 1, 0], [0, 0, 0]], "float32")
    for stype, name in (("csr", "CSRNDArray"), ("row_sparse", "RowSparseNDArray")):
        x = nd.NDArray(sparse.as_stype(values, stype))
        assert repr(x) == f"\n<{name} 2x3 @cpu(0)>"
        assert (x.stype, x.shape, x.dtype) == (stype, (2, 3), np.float32)
        np.testing.assert_array_equal(x.asnumpy(), values)
        x[:] = values * 2
        assert x.stype == stype
        np.testing.assert_array_equal(x.asnumpy(), values * 2)
        with pytest.raises(mx.MXNetError, match="written as a whole"):
            x[0] = 1


# -- arithmetic --------------------------------------------------------------------------------------------------------

SIGNS = {
    "x + 1": [[2, 3, 4], [5, 6, 7]], "1 + x": [[2, 3, 4], [5, 6, 7]], "x + v": [[2, 4, 6], [5, 7, 9]],
    "x - 1": [[0, 1, 2], [3, 4, 5]], "1 - x": [[0, -1, -2], [-3, -4, -5]], "x - v": [[0, 0, 0], [3, 3, 3]],
    "x * 2": [[2, 4, 6], [8, 10, 12]], "2 * x": [[2, 4, 6], [8, 10, 12]], "x * v": [[1, 4, 9], [4, 10, 18]],
    "x / 2": [[0.5, 1, 1.5], [2, 2.5, 3]], "60 / x": [[60, 30, 20], [15, 12, 10]], "x / v": [[1, 1, 1], [4, 2.5, 2]],
    "x % 2": [[1, 0, 1], [0, 1, 0]], "7 % x": [[0, 1, 1], [3, 2, 1]], "x % v": [[0, 0, 0], [0, 1, 0]],
    "x ** 2": [[1, 4, 9], [16, 25, 36]], "2 ** x": [[2, 4, 8], [16, 32, 64]], "x ** v": [[1, 4, 27], [4, 25, 216]],
    "-x": [[-1, -2, -3], [-4, -5, -6]], "abs(-x)": [[1, 2, 3], [4, 5, 6]],
    "x == v": [[1, 1, 1], [0, 0, 0]], "x != 1": [[0, 1, 1], [1, 1, 1]], "1 == x": [[1, 0, 0], [0, 0, 0]],
    "x > 2": [[0, 0, 1], [1, 1, 1]], "2 > x": [[1, 0, 0], [0, 0, 0]], "x >= v": [[1, 1, 1], [1, 1, 1]],
    "x < v": [[0, 0, 0], [0, 0, 0]], "x <= 2": [[1, 1, 0], [0, 0, 0]],
    "x + True": [[2, 3, 4], [5, 6, 7]], "np.float32(2) * x": [[2, 4, 6], [8, 10, 12]],
    "np.float64(2) - x": [[1, 0, -1], [-2, -3, -4]], "np.int64(2) ** x": [[2, 4, 8], [16, 32, 64]],
}  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), SIGNS.items(), ids=SIGNS)
def test_signs_compute_what_they_do_in_mxnet(x, expression, expected):
    same(eval(expression, {"x": x, "v": nd.array([1, 2, 3]), "np": np, "abs": abs}), expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("i + 1.7", [2, 3]), ("i * 2.5", [2, 4]), ("i / 2", [0, 1]), ("i == 1", [1, 0]), ("1.5 < i", [0, 1])],
)
def test_a_number_takes_the_dtype_of_an_integer_array(expression, expected):
    same(eval(expression, {"i": nd.array([1, 2], dtype="int32")}), expected, "int32")


@pytest.mark.parametrize("other", ["a", None, [1, 2, 3], np.ones(3)])
def test_an_operand_of_another_type_is_refused(x, other):
    for compute in (lambda: x + other, lambda: other + x, lambda: x == other, lambda: other > x):
        with pytest.raises(TypeError, match=f"type {type(other)} not supported"):
            compute()


@pytest.mark.parametrize("expression", ["x // 2", "x @ x", "~x", "+x", "divmod(x, 2)"])
def test_signs_that_mxnet_lacks_are_refused(x, expression):
    with pytest.raises(TypeError):
        eval(expression, {"x": x})


def test_shapes_and_dtypes_that_do_not_go_together_are_refused(x):
    with pytest.raises(mx.MXNetError, match="could not be broadcast"):
        x + nd.array([1, 2])
    with pytest.raises(mx.MXNetError, match="expected float32, got int32"):
        x + nd.ones((2, 3), dtype="int32")


@pytest.mark.parametrize(
    ("sign", "with_number", "with_array"),
    [
        ("+=", [[3, 4, 5], [6, 7, 8]], [[2, 4, 6], [5, 7, 9]]),
        ("-=", [[-1, 0, 1], [2, 3, 4]], [[0, 0, 0], [3, 3, 3]]),
        ("*=", [[2, 4, 6], [8, 10, 12]], [[1, 4, 9], [4, 10, 18]]),
        ("/=", [[0.5, 1, 1.5], [2, 2.5, 3]], [[1, 1, 1], [4, 2.5, 2]]),
        ("%=", [[1, 0, 1], [0, 1, 0]], [[0, 0, 0], [0, 1, 0]]),
    ],
)
def test_assigning_signs_write_to_the_array_itself(x, sign, with_number, with_array):
    for other, expected in ((2, with_number), (nd.array([1, 2, 3]), with_array)):
        y = x.copy()
        names = {"y": y, "view": y.reshape(6), "other": other}
        exec(f"y {sign} other", names)
        assert names["y"] is y
        same(y, expected)
        same(names["view"], np.ravel(expected))


def test_assigning_signs_refuse_to_change_the_shape(x):
    with pytest.raises(mx.MXNetError, match="shape"):
        x += nd.zeros((1, 2, 3))
    same(x, [[1, 2, 3], [4, 5, 6]])


def test_power_is_not_in_place(x):
    y = x
    y **= 2
    assert y is not x
    same(x, [[1, 2, 3], [4, 5, 6]])


def test_functions_of_two_take_arrays_and_numbers_on_either_side(x):
    assert nd.add(1, 2) == 3 and nd.maximum(2, 3) == 3 and nd.lesser(2, 3)
    same(nd.subtract(1, x), [[0, -1, -2], [-3, -4, -5]])
    same(nd.divide(60, x), [[60, 30, 20], [15, 12, 10]])
    same(nd.modulo(7, x), [[0, 1, 1], [3, 2, 1]])
    same(nd.power(2, x), [[2, 4, 8], [16, 32, 64]])
    same(nd.maximum(2, x), [[2, 2, 3], [4, 5, 6]])
    same(nd.minimum(x, nd.array([2, 2, 2])), [[1, 2, 2], [2, 2, 2]])
    same(nd.greater(2, x), [[1, 0, 0], [0, 0, 0]])
    same(nd.lesser_equal(2, x), [[0, 1, 1], [1, 1, 1]])
    same(nd.not_equal(2, x), [[1, 0, 1], [1, 1, 1]])
    same(nd.logical_xor(1, x), np.zeros((2, 3)))
    with pytest.raises(TypeError):
        nd.add("a", 1)


def test_warnings_of_numpy_stay_away_and_its_error_state_as_it_was():
    state = np.geterr()
    with np.errstate(all="warn"), warnings.catch_warnings():
        warnings.simplefilter("error")
        zero, big = nd.array([0, 1]), nd.array([3e38, 3e38])
        same(1 / zero, [np.inf, 1])
        same(zero / 0, [np.nan, np.inf])
        same(big * 10, [np.inf, np.inf])
        same(nd.log(zero), [-np.inf, 0])
        same(nd.exp(big), [np.inf, np.inf])
        same(nd.array([1e300]), [np.inf])
        zero[:] = 1e300
        assert nd.array([np.nan]).astype("int32").shape == (1,)
        zero.attach_grad()
        with mx.autograd.record():
            y = zero * 0 / nd.array([0, 0])
        y.backward()
        assert np.geterr()["divide"] == "warn"
    assert np.geterr() == state


# -- the package -------------------------------------------------------------------------------------------------------


def test_importing_the_package_loads_nothing_else_and_leaves_numpy_as_it_is():
    code = """
import sys
import python_engine as mx
assert not [name for name in sys.modules if name.startswith("python_engine.") or name == "numpy"]
assert {"nd", "autograd", "random", "cpu", "MXNetError"} <= set(dir(mx))
import numpy
before = numpy.geterr()
mx.nd.log(mx.nd.zeros((1,)))
assert numpy.geterr() == before
assert mx.base.MXNetError is mx.MXNetError
assert mx.ndarray is mx.nd and mx.rnd is mx.random and mx.symbol is mx.sym
from python_engine import ndarray
assert ndarray is mx.nd
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)

"""The functions of `mx.nd` and `mx.random`: every operator of the table, and what MXNet has beside them.

Expected values are what MXNet 1.9.1 answers."""

import golden_ops
import numpy as np
import pytest
from nd_arrays import same

import python_engine as mx
from python_engine.registry import OPERATORS

nd = mx.nd


@pytest.fixture
def x():
    return nd.array([[1, 2, 3], [4, 5, 6]])


# -- operators as functions and methods --------------------------------------------------------------------------------


def test_arguments_are_given_by_position_or_name(x):
    for result in (nd.sum(x, 1), nd.sum(x, axis=1), nd.sum(data=x, axis=(1,)), nd.sum(x, [1]), x.sum(1), x.sum(axis=1)):
        same(result, [6, 15])
    same(nd.sum(x, 1, True), [[6], [15]])
    same(nd.sum(x), [21])
    same(nd.dot(x, x, False, True), [[14, 32], [32, 77]])
    same(nd.dot(rhs=x, lhs=x, transpose_b=True), [[14, 32], [32, 77]])
    same(nd.FullyConnected(x, nd.ones((2, 3)), None, 2, True), [[6, 6], [15, 15]])
    same(nd.FullyConnected(x, nd.ones((2, 3)), num_hidden=2, no_bias=True), [[6, 6], [15, 15]])
    same(nd.FullyConnected(data=x, weight=nd.ones((2, 3)), bias=nd.ones((2,)), num_hidden=2), [[7, 7], [16, 16]])
    same(nd.concat(x, x, dim=1), np.tile(x.asnumpy(), 2))
    same(nd.cast(x, np.int32), x.asnumpy(), "int32")
    same(nd.Cast(x, dtype=np.dtype("int8")), x.asnumpy(), "int8")
    same(nd.relu(x, name="ignored"), x.asnumpy())
    same(nd.clip(x, np.float32(2), 3), [[2, 2, 3], [3, 3, 3]])


def test_several_outputs_are_a_list(x):
    parts = nd.split(x, 3, axis=1)
    assert type(parts) is list
    for part, column in zip(parts, [[[1], [4]], [[2], [5]], [[3], [6]]], strict=True):
        same(part, column)
    assert isinstance(nd.split(x, 1), nd.NDArray)
    values, places = nd.topk(x, k=2, ret_typ="both")
    same(values, [[3, 2], [6, 5]])
    same(places, [[2, 1], [2, 1]])


def test_hidden_outputs_are_not_shown():
    three = [nd.ones((3,)) for _ in range(4)]
    assert nd.BatchNorm(nd.zeros((2, 3)), *three).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: nd.sum(), "sum takes 1 inputs"),
        (lambda x: nd.dot(x), "dot takes 2 inputs"),
        (lambda x: nd.relu(None), "relu needs an array for data, but got None"),
        (lambda x: nd.dot(None, x), "dot needs an array for lhs, but got None"),
        (lambda x: nd.sum(1), "Argument data must have NDArray type, but got 1"),
        (lambda x: nd.sum(np.ones(3)), "Argument data must have NDArray type"),
        (lambda x: nd.concat([x, x]), "must have NDArray type"),
        (lambda x: nd.sum(x, x), "Invalid Parameter format for axis"),
        (lambda x: nd.sum(x, foo=1), "Cannot find argument 'foo'"),
        (lambda x: nd.relu(x, x), "Too many arguments"),
        (lambda x: nd.relu(x, data=x), "two values for data"),
        (lambda x: nd.sum(x, 0, axis=1), "two values for axis"),
        (lambda x: nd.softmax(x, axis="a"), "Invalid Parameter format for axis expect int but value='a'"),
        (lambda x: nd.FullyConnected(x, x), "num_hidden"),
        (lambda x: nd.Activation(x, "foo"), "'relu', 'sigmoid'"),
    ],
)
def test_wrong_arguments_are_named(x, call, message):
    with pytest.raises(mx.MXNetError, match=message):
        call(x)


def test_out_is_written_to_and_returned(x):
    y = nd.zeros((2, 3))
    assert nd.square(x, out=y) is y
    same(y, [[1, 4, 9], [16, 25, 36]])
    parts = [nd.zeros((2, 1)) for _ in range(3)]
    assert nd.split(x, 3, axis=1, out=parts) is parts
    same(parts[2], [[3], [6]])
    weight = nd.ones((3,))
    nd.sgd_update(weight, nd.ones((3,)), lr=0.25, out=weight)
    same(weight, [0.75, 0.75, 0.75])


def test_an_out_that_does_not_fit_is_refused_and_kept(x):
    for out in (nd.zeros((3, 2)), nd.zeros((2, 3), dtype="float64"), 3, [nd.zeros((2, 3))] * 2):
        with pytest.raises(mx.MXNetError):
            nd.square(x, out=out)
    target = nd.zeros((2, 3))
    with pytest.raises(mx.MXNetError):
        nd.split(x, 3, axis=1, out=target)
    same(target, np.zeros((2, 3)))


def test_namespaces_hold_the_operators_of_their_prefix(x):
    assert nd.linalg.gemm2(x, x, transpose_b=True).shape == (2, 2)
    assert nd.contrib.div_sqrt_dim(x).shape == (2, 3)
    assert nd.image.to_tensor(nd.zeros((2, 2, 3), dtype="uint8")).shape == (3, 2, 2)
    same(nd.op.relu(x), x.asnumpy())
    same(nd._internal._plus_scalar(x, scalar=3), x.asnumpy() + 3)
    assert "gemm2" in dir(nd.linalg) and "relu" in dir(nd.op)
    for namespace in (nd, nd.linalg, nd.op, mx, nd.random):
        with pytest.raises(AttributeError, match="no_such_name"):
            namespace.no_such_name  # noqa: B018


def test_every_name_of_the_table_is_a_documented_function():
    listed = set(dir(nd))
    for name, operator in OPERATORS.items():
        function = getattr(nd, name)
        assert callable(function) and name in listed, name
        if name not in nd.FUNCTIONS:
            assert function.__doc__.startswith(f"{name}("), name
            assert operator.doc in function.__doc__ and "Gradient:" in function.__doc__, name


def test_every_public_operator_that_takes_arrays_is_a_method():
    for name, operator in OPERATORS.items():
        if operator.inputs and not name.startswith("_"):
            assert hasattr(nd.NDArray, name), name


def first_cases():
    """One recording of each operator."""
    found = {}
    for name, case in golden_ops.cases():
        dense = all(x["stype"] == "default" for x in case["inputs"] + case["outputs"])
        if name in OPERATORS and dense and not case["out_is_input"]:
            found.setdefault(name, pytest.param(name, case, id=f"{name}-{case['id']}"))
    return list(found.values())


@pytest.mark.parametrize(("name", "case"), first_cases())
def test_a_recorded_call_of_every_operator_by_its_name(name, case):
    data = golden_ops.arrays(name)
    inputs = [nd.array(data[x["key"]], dtype=data[x["key"]].dtype) for x in case["inputs"]]
    with mx.autograd.train_mode() if case["train_mode"] else mx.autograd.predict_mode():
        outputs = getattr(nd, name)(*inputs, **case["attrs"])
    outputs = [outputs] if isinstance(outputs, nd.NDArray) else outputs
    assert len(outputs) == len(case["outputs"])
    for position, (got, out) in enumerate(zip(outputs, case["outputs"], strict=True)):
        if out["key"] is None:
            assert got.shape == tuple(out["shape"])
        else:
            golden_ops.assert_close(got.asnumpy(), data[out["key"]], case, f"output {position}")


# -- other functions ---------------------------------------------------------------------------------------------------


def test_concatenate(x):
    same(nd.concatenate([x, x], axis=1), np.tile(x.asnumpy(), 2))
    assert nd.concatenate([x], always_copy=False) is x
    assert nd.concatenate([x]) is not x
    for arrays in ([], x, [x, nd.array([1, 2, 3])], [x, x.astype("float64")]):
        with pytest.raises(mx.MXNetError):
            nd.concatenate(arrays)


def test_moveaxis():
    a = nd.zeros((2, 3, 4, 5))
    assert nd.moveaxis(a, 0, 1).shape == (3, 2, 4, 5)
    assert nd.moveaxis(a, [0, 1], [-1, -2]).shape == (4, 5, 3, 2)
    assert nd.moveaxis(a, [0, 2], [1, 0]).shape == (4, 2, 3, 5)
    for source, destination in ((0, 4), (-5, 0), ([0], [0, 1])):
        with pytest.raises(ValueError, match="number of elements|axes are in"):
            nd.moveaxis(a, source, destination)


def test_split_v2(x):
    v = nd.array([1, 2, 3])
    for parts in (nd.split_v2(v, (1, 2)), nd.split_v2(v, 3), v.split_v2(3)):
        for part, value in zip(parts, [1, 2, 3], strict=True):
            same(part, [value])
    same(nd.split_v2(x, 2, axis=0, squeeze_axis=True)[1], [4, 5, 6])
    for wrong in ([1], 2, "a"):
        with pytest.raises(ValueError, match="equal division|must be an int or a tuple"):
            nd.split_v2(v, wrong)


def test_histogram():
    v = nd.array([1, 2, 3])
    counts, edges = nd.histogram(v, bins=3, range=(0, 3))
    same(counts, [0, 1, 2], "int64")
    same(edges, [0, 1, 2, 3])
    same(nd.histogram(v, bins=nd.array([0, 2, 4]))[0], [1, 2], "int64")
    same(nd.histogram(v, bins=2)[0], [1, 2])
    with pytest.raises(ValueError, match="integer or an NDArray"):
        nd.histogram(v, bins="a")


def test_onehot_encode_writes_to_out():
    out = nd.zeros((2, 2))
    assert nd.onehot_encode(nd.array([1, 0]), out) is out
    same(out, [[0, 1], [1, 0]])


# -- random arrays -----------------------------------------------------------------------------------------------------


def test_a_seed_repeats_the_draws():
    mx.random.seed(42)
    first = nd.random.normal(shape=(3,)).asnumpy()
    mx.random.seed(42)
    np.testing.assert_array_equal(nd.random.normal(shape=(3,)).asnumpy(), first)
    assert (mx.random.normal(shape=(3,)).asnumpy() != first).any()
    for wrong in ("a", 1.5):
        with pytest.raises(ValueError, match="seed_state must be int"):
            mx.random.seed(wrong)


@pytest.mark.parametrize(
    ("draw", "shape", "dtype"),
    [
        (lambda r: r.uniform(), (1,), "float32"),
        (lambda r: r.uniform(shape=3), (3,), "float32"),
        (lambda r: r.uniform(0, 1, (2, 3), "float64"), (2, 3), "float64"),
        (lambda r: r.uniform(low=nd.array([0, 1]), high=nd.array([1, 2])), (2,), "float32"),
        (lambda r: r.uniform(low=nd.array([0, 1]), high=nd.array([1, 2]), shape=(3,)), (2, 3), "float32"),
        (lambda r: r.uniform(0, 1, out=nd.zeros((2, 2), dtype="float64")), (2, 2), "float64"),
        (lambda r: r.normal(loc=nd.array([0, 1]), scale=nd.array([1, 2])), (2,), "float32"),
        (lambda r: r.randn(2, 3, loc=5, scale=1, dtype="float64"), (2, 3), "float64"),
        (lambda r: r.randint(0, 5, (3,)), (3,), "int32"),
        (lambda r: r.randint(0, 5, dtype="int64"), (1,), "int64"),
        (lambda r: r.poisson(nd.array([1, 2]), shape=2), (2, 2), "float32"),
        (lambda r: r.exponential(nd.array([1, 2.0])), (2,), "float32"),
        (lambda r: r.gamma(1, 2, shape=2), (2,), "float32"),
        (lambda r: r.negative_binomial(3, 0.5, shape=2), (2,), "float32"),
        (lambda r: r.generalized_negative_binomial(3, 0.5, shape=2), (2,), "float32"),
        (lambda r: r.multinomial(nd.array([[0.5, 0.5], [1, 0]]), shape=(3,)), (2, 3), "int32"),
        (lambda r: r.multinomial(nd.array([0, 1]), get_prob=True)[1], (1,), "float32"),
        (lambda r: r.shuffle(nd.array([1, 2])), (2,), "float32"),
        (lambda r: r.uniform_like(nd.zeros((2, 2))), (2, 2), "float32"),
        (lambda r: nd.sample_uniform(nd.array([0]), nd.array([1]), (2,)), (1, 2), "float32"),
    ],
)
def test_samplers_give_the_shape_and_dtype_asked_for(draw, shape, dtype):
    result = draw(nd.random)
    assert (result.shape, result.dtype) == (shape, np.dtype(dtype).type)


def test_draws_follow_their_parameters():
    mx.random.seed(1)
    assert abs(nd.random.exponential(4, shape=(20000,)).asnumpy().mean() - 4) < 0.2
    assert abs(nd.random.normal(2, 3, shape=(20000,)).asnumpy().std() - 3) < 0.1
    rows = nd.random.exponential(nd.array([1, 10]), shape=(20000,)).asnumpy().mean(1)
    np.testing.assert_allclose(rows, [1, 10], rtol=0.05)


def test_parameters_of_both_kinds_are_refused():
    for draw in (
        lambda: nd.random.uniform(nd.array([0, 1]), 1),
        lambda: nd.random.uniform("a"),
        lambda: nd.random.randint(nd.array([0]), nd.array([5])),
    ):
        with pytest.raises(mx.MXNetError, match="the parameters of random"):
            draw()


# -- files -------------------------------------------------------------------------------------------------------------


def test_save_and_load(tmp_path, x):
    path, v = tmp_path / "arrays.params", nd.array([1, 2], dtype="float16")
    nd.save(path, x)
    (loaded,) = nd.load(path)
    same(loaded, x.asnumpy())
    nd.save(str(path), [x, v.T])
    same(nd.load(path)[1], [1, 2], "float16")
    nd.save(path, {"a": x, "b": v})
    loaded = nd.load_frombuffer(path.read_bytes())
    assert list(loaded) == ["a", "b"]
    same(loaded["b"], [1, 2], "float16")


def test_what_cannot_be_saved_or_loaded_is_refused(tmp_path, x):
    for data in ([1], {"a": 1}, 3, [x, None]):
        with pytest.raises(TypeError, match="save takes"):
            nd.save(tmp_path / "wrong", data)
    assert not list(tmp_path.iterdir())
    with pytest.raises(OSError, match="nowhere"):
        nd.load(tmp_path / "nowhere")
    with pytest.raises(mx.MXNetError):
        nd.load_frombuffer(b"abc")

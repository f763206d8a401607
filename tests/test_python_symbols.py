"""`mx.sym`: MXNet's interface for symbols and executors. Expected values are what MXNet 1.9.1 answers."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import python_engine as mx


@pytest.fixture(autouse=True)
def names():
    with mx.name.NameManager() as names:
        yield names


@pytest.fixture
def net():
    hidden = mx.sym.Activation(
        mx.sym.FullyConnected(mx.sym.Variable("data"), name="fc1", num_hidden=4), act_type="tanh"
    )
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(hidden, name="fc2", num_hidden=3), name="softmax")


ARGUMENTS = ["data", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias", "softmax_label"]


def test_symbols_are_loaded_when_they_are_used():
    code = "import sys, python_engine as mx; mx.nd; print('python_engine.symbol' in sys.modules, mx.symbol is mx.sym)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"


def test_operators_take_symbols_and_attributes_by_position_or_name():
    x, w = mx.sym.Variable("x"), mx.sym.var("w")
    made = [
        mx.sym.FullyConnected(x, w, num_hidden=2, no_bias=True, name="fc"),
        mx.sym.FullyConnected(data=x, weight=w, num_hidden=2, no_bias=True, name="fc"),
        mx.sym.FullyConnected(x, w, None, 2, True, name="fc"),
        mx.sym.FullyConnected(x, weight=w, num_hidden=2, no_bias=True, name="fc"),
        x.FullyConnected(w, num_hidden=2, no_bias=True, name="fc"),
    ]
    assert len({symbol.tojson() for symbol in made}) == 1
    assert mx.sym.FullyConnected(num_hidden=2, name="f").list_arguments() == ["f_data", "f_weight", "f_bias"]
    assert mx.sym.concat(x, w, dim=0).list_arguments() == mx.sym.concat(*[x, w]).list_arguments() == ["x", "w"]
    assert mx.sym.transpose(x, (1, 0)).attr("axes") == "(1, 0)"
    assert x.reshape(shape=(2, -1)).infer_shape(x=(4, 3))[1] == [(2, 6)]
    assert (x.reshape(shape=(-1,)) + mx.sym.var("y")).infer_shape(x=(3, 0), y=(12,))[0] == [(3, 4), (12,)]
    assert mx.sym.Cast(x, dtype=np.float64).attr("dtype") == "float64"
    for wrong, words in (
        (lambda: mx.sym.FullyConnected(x), "Required parameter num_hidden"),
        (lambda: mx.sym.FullyConnected(5, num_hidden=2), "Argument data of FullyConnected must be a Symbol, but got 5"),
        (lambda: mx.sym.concat(x, 5), "must be a Symbol, but got 5"),
        (lambda: mx.sym.FullyConnected(x, num_hiden=2, num_hidden=2), "Cannot find argument 'num_hiden'"),
        (lambda: mx.sym.negative(x, w, w), "Too many arguments"),
        (lambda: mx.sym.negative(x, data=w), "negative got two values for data"),
        (lambda: mx.sym.transpose(x, (1, 0), axes=(0, 1)), "transpose got two values for axes"),
    ):
        with pytest.raises(TypeError, match=words):
            wrong()
    with pytest.raises(AttributeError, match="mx.sym has no 'nothing'"):
        mx.sym.nothing(x)


def test_names_are_those_of_mxnet():
    x = mx.sym.var("x")
    made = [x + x, x * x, x + 1, 1 - x, x / 2, 2 / x, x**2, 2**x, x % 2, x == 1, x > 1, x != x, -x, abs(x), x.sum()]
    assert [symbol.name for symbol in made] == [
        "_plus0", "_mul0", "_plusscalar0", "_rminusscalar0", "_divscalar0", "_rdivscalar0", "_powerscalar0",
        "_rpowerscalar0", "_modscalar0", "_equal_scalar0", "_greater_scalar0", "_not_equal0", "_mulscalar0", "abs0",
        "sum0",
    ]  # fmt: skip
    with mx.name.Prefix("left_"):
        assert mx.sym.relu(x).name == "left_relu0" and mx.sym.relu(x, name="given").name == "left_given"
        assert mx.sym.var("y").name == "y"


def test_arithmetic():
    x, y = mx.sym.var("x"), mx.sym.var("y")
    arrays = {"x": mx.nd.array([4, 3, 2]), "y": mx.nd.array([2, 3, 4])}
    for symbol, want in (
        (x + y, [6, 6, 6]), (x - y, [2, 0, -2]), (x * y, [8, 9, 8]), (x / y, [2, 1, 0.5]), (x**y, [16, 27, 16]),
        (x % y, [0, 0, 2]), (x > y, [1, 0, 0]), (x <= y, [0, 1, 1]), (x == y, [0, 1, 0]), (10 - x, [6, 7, 8]),
        (12 / x, [3, 4, 6]), (7 % x, [3, 1, 1]), (-x, [-4, -3, -2]), (abs(-x), [4, 3, 2]), (x < 3, [0, 0, 1]),
    ):  # fmt: skip
        given = {name: arrays[name] for name in symbol.list_arguments()}
        assert symbol.eval(mx.cpu(), **given)[0].asnumpy().tolist() == want
    with pytest.raises(TypeError, match="not supported"):
        x + "word"
    with pytest.raises(NotImplementedError):
        bool(x)


def test_lists_and_parts(net):
    assert net.list_arguments() == net.list_inputs() == ARGUMENTS
    assert (net.name, net.list_outputs(), net.list_auxiliary_states()) == ("softmax", ["softmax_output"], [])
    assert repr(net) == "<Symbol softmax>"
    internals = net.get_internals()
    assert internals["fc1_output"].name == "fc1" and internals[-1].name == "softmax" and len(internals[1:3]) == 2
    assert net.get_children().list_outputs() == ["fc2_output", "softmax_label"]
    assert mx.sym.var("x").get_children() is None
    both = mx.sym.Group([net, mx.sym.var("x")])
    assert len(both) == 2 and both.name is None and repr(both) == "<Symbol group [softmax, x]>"
    with pytest.raises(ValueError, match='Cannot find output that matches name "zzz"'):
        internals["zzz"]
    with pytest.raises(ValueError, match="Expected a list of symbols"):
        mx.sym.Group([5])


def test_composition_replaces_variables(net):
    whole = net(data=mx.sym.var("x") + 1, name="whole")
    assert whole.list_arguments()[0] == "x" and whole.name == "whole" and net.name == "softmax"
    assert net(mx.sym.var("y")).list_arguments()[0] == "y"
    with pytest.raises(TypeError, match="Compose expect `Symbol`"):
        net(data=5)
    pair = mx.sym.var("x") + mx.sym.var("y")
    with pytest.raises(TypeError, match=r"has 2 arguments \(x, y\), but got 3"):
        pair(*map(mx.sym.var, "abc"))
    with pytest.raises(TypeError, match="in order or by name, but got both"):
        pair(mx.sym.var("a"), y=mx.sym.var("b"))


def test_attributes():
    with mx.AttrScope(ctx_group="a", __mine__="b"):
        with mx.AttrScope(__mine__="c"):
            x = mx.sym.Variable("x", lr_mult=2, shape=(2, 0), dtype="float16", stype="csr", attr={"mood": "angry"})
        y = mx.sym.FullyConnected(x, name="y", num_hidden=2, attr={"__mine__": "d"})
    assert x.list_attr() == {
        "__ctx_group__": "a", "ctx_group": "a", "__mine__": "c", "__lr_mult__": "2", "lr_mult": "2", "mood": "angry",
        "__shape__": "(2, 0)", "__dtype__": "2", "__storage_type__": "2",
    }  # fmt: skip
    assert y.attr_dict()["y_weight"]["__mine__"] == "d" and y.attr("num_hidden") == "2" and y.attr("nothing") is None
    x._set_attr(wd_mult="3")
    assert x.attr("__wd_mult__") == "3"
    for wrong in (
        lambda: mx.AttrScope(x=1), lambda: mx.sym.Variable("x", mine=1), lambda: mx.sym.Variable(5),
        lambda: mx.sym.Variable("x", attr={"mood": 1}), lambda: mx.sym.negative(x, attr={"__mood__": 1}),
        lambda: x._set_attr(mood=1),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            wrong()


def test_a_scope_of_attributes_can_be_entered_again_within_itself():
    inner, outer = mx.AttrScope(__a__="1"), mx.AttrScope(__b__="2")
    with inner:
        with outer, inner:
            assert mx.sym.var("x").list_attr() == {"__a__": "1", "__b__": "2"}
        assert mx.sym.var("x").list_attr() == {"__a__": "1"}
    with inner:
        assert mx.sym.var("x").list_attr() == {"__a__": "1"}
    assert mx.sym.var("x").list_attr() == {}


def test_inference(net):
    arguments, outputs, states = net.infer_shape(data=(8, 5))
    assert arguments == [(8, 5), (4, 5), (4,), (3, 4), (3,), (8,)] and (outputs, states) == ([(8, 3)], [])
    assert net.infer_shape((8, 5))[1] == [(8, 3)]
    with pytest.warns(UserWarning, match="Cannot decide shape for the following arguments"):
        assert net.infer_shape() == (None, None, None)
    assert net.infer_shape_partial()[0] == [(), (), (4,), (), (3,), ()]
    assert net.infer_type(data=np.float64)[1] == [np.float64] and net.infer_type() == (None, None, None)
    with pytest.raises(ValueError, match="Error in operator fc1: Shape inconsistent"):
        net.infer_shape(data=(8, 5), fc1_weight=(4, 9))
    for infer in (net.infer_shape, net.infer_shape_partial, net.infer_type):
        with pytest.raises(ValueError, match="<Symbol softmax> has no input datum: they are data, fc1_weight"):
            infer(datum=(8, 5))
        with pytest.raises(ValueError, match="has 6 arguments .*, but got 7"):
            infer(*[None] * 7)
    with pytest.raises(TypeError, match="Arguments need to be shapes .tuple., but 'data' is 8"):
        net.infer_shape(data=8)


def test_files_and_copies(net, tmp_path):
    net.save(tmp_path / "net.json")
    for again in (
        mx.sym.load(tmp_path / "net.json"), mx.sym.load_json(net.tojson()), copy.deepcopy(net), copy.copy(net),
        pickle.loads(pickle.dumps(net)),
    ):  # fmt: skip
        assert again.tojson() == net.tojson() and again is not net
    assert [file.name for file in tmp_path.iterdir()] == ["net.json"]
    assert net.debug_str().startswith("Symbol Outputs:\n\toutput[0]=softmax(0)\nVariable:data\n")
    with pytest.raises(OSError):
        net.save(tmp_path / "nowhere" / "net.json")
    with pytest.raises(mx.MXNetError, match="this is no symbol file"):
        mx.sym.load_json("{}")


def test_a_network_learns(net):
    mx.random.seed(1)
    executor = net.simple_bind(mx.cpu(), data=(6, 2))
    for name in ARGUMENTS[1:-1]:
        executor.arg_dict[name][:] = mx.nd.random.normal(0, 0.5, executor.arg_dict[name].shape)
    data = np.array([[1, 0], [0, 1], [-1, -1], [2, 0], [0, 2], [-2, -2]])
    for _ in range(100):
        executor.forward(is_train=True, data=data, softmax_label=mx.nd.array([0, 1, 2, 0, 1, 2]))
        executor.backward()
        for name in ARGUMENTS[1:-1]:
            executor.arg_dict[name][:] -= 0.1 * executor.grad_dict[name]
    assert executor.outputs[0].asnumpy().argmax(1).tolist() == [0, 1, 2, 0, 1, 2]


def test_arrays_are_bound_by_position_or_name():
    x, y = mx.nd.array([2, 3]), mx.nd.array([5, 7])
    product = mx.sym.var("x") * mx.sym.var("y")
    grad = mx.nd.ones(2)
    for args in ([x, y], {"y": y, "x": x}):
        executor = product.bind(mx.cpu(), args, {"x": grad}, grad_req="add")
        assert executor.forward(True)[0].asnumpy().tolist() == [10, 21]
        executor.backward(mx.nd.array([1, 10]))
    assert grad.asnumpy().tolist() == [11, 141]
    assert executor.grad_arrays[1] is None and list(executor.output_dict) == ["_mul0_output"]
    executor.backward({"_mul0_output": mx.nd.ones(2)})
    assert grad.asnumpy().tolist() == [16, 148]
    idle = product.bind(mx.cpu(), [x, y], {"x": grad}, grad_req="null")
    idle.forward(True)
    idle.backward(mx.nd.ones(2))
    assert idle.grad_dict["x"] is grad and grad.asnumpy().tolist() == [16, 148]
    for wrong, words in (
        (lambda: product.bind(mx.cpu(), {"x": x}), "key `y` is missing in `args`"),
        (lambda: product.bind(mx.cpu(), [x]), "does not match the number of arguments"),
        (lambda: product.bind(mx.cpu(), [x, 5]), "bind takes NDArrays, but got 5"),
        (lambda: product.bind(mx.cpu(), [x, y], grad_req="both"), "grad_req is write, add or null"),
        (lambda: executor.forward(z=x), "Unknown argument z"),
        (lambda: executor.forward(x=mx.nd.ones(3)), "Shape not match! Argument x"),
        (lambda: product.simple_bind(mx.cpu(), x=(2, 3), y=(3, 2)), "simple_bind error"),
        (lambda: product.simple_bind(mx.cpu()), "the shapes of some arguments are not known"),
    ):
        with pytest.raises(ValueError, match=words):
            wrong()
    with pytest.raises(mx.MXNetError, match="no array can be made on gpu"):
        product.bind(mx.gpu(), [x, y])


def test_parameters_are_shared_copied_and_kept_for_other_shapes(net):
    executor = net.simple_bind(mx.cpu(), data=(6, 2), grad_req={"fc1_weight": "write"})
    assert [grad is not None for grad in executor.grad_arrays] == [False, True, False, False, False, False]
    executor.copy_params_from({"fc1_bias": mx.nd.array([1, 2, 3, 4], dtype="float64")})
    smaller = executor.reshape(data=(3, 2), softmax_label=(3,))
    assert smaller.arg_dict["fc1_bias"] is executor.arg_dict["fc1_bias"] and smaller.outputs[0].shape == (3, 3)
    other = net.simple_bind(mx.cpu(), data=(9, 2), shared_exec=executor)
    assert other.arg_dict["fc1_bias"].asnumpy().tolist() == [1, 2, 3, 4] and other.arg_dict["data"].shape == (9, 2)
    with pytest.raises(ValueError, match='Find name "zz" that is not in the arguments'):
        executor.copy_params_from({"zz": mx.nd.ones(1)})
    with pytest.raises(ValueError, match="larger than original"):
        executor.reshape(data=(9, 2), softmax_label=(9,))
    with pytest.raises(ValueError, match="Shape of unspecified array"):
        executor.reshape(data=(3, 2))


def test_a_monitor_sees_every_output(net):
    executor, seen = net.simple_bind(mx.cpu(), data=(6, 2)), []
    executor.set_monitor_callback(lambda name, array: seen.append((name, array.shape)))
    executor.forward()
    shapes = {"fc1_output": (6, 4), "activation0_output": (6, 4), "fc2_output": (6, 3), "softmax_output": (6, 3)}
    assert seen == list(shapes.items())


def test_constants_random_symbols_and_namespaces():
    assert mx.sym.zeros((2,)).eval()[0].asnumpy().tolist() == [0, 0]
    assert mx.sym.full((2,), 7).eval()[0].asnumpy().tolist() == [7, 7]
    assert mx.sym.arange(1, 3).eval()[0].asnumpy().tolist() == [1, 2]
    assert mx.sym.eye(2, 3, 1).eval()[0].asnumpy().tolist() == [[0, 1, 0], [0, 0, 1]]
    assert mx.sym.linspace(0, 1, 3).eval()[0].asnumpy().tolist() == [0, 0.5, 1]
    root = mx.sym.linalg.potrf(mx.sym.var("x")).eval(x=mx.nd.array([[4, 0], [0, 9]]))[0]
    assert root.asnumpy().tolist() == [[2, 0], [0, 3]]
    assert mx.sym.contrib.quadratic(mx.sym.var("x"), a=1).name == "_contrib_quadratic0"
    assert "FullyConnected" in dir(mx.sym) and "Data" not in dir(mx.sym)
    assert "num_hidden" in mx.sym.FullyConnected.__doc__


def test_random_symbols():
    random, m, s = mx.sym.random, mx.sym.var("m"), mx.sym.var("s")
    assert random.uniform(0, 1, shape=(2, 3)).eval()[0].shape == (2, 3)
    assert random.uniform(0, 1, (2,), "float64").eval()[0].dtype is np.float64
    assert random.normal(m, s, shape=(4,)).list_arguments() == ["m", "s"]
    assert random.exponential(2.0, (3,)).list_attr() == {"lam": "0.5", "shape": "(3,)"}
    assert random.exponential(s).eval(s=mx.nd.ones(2))[0].shape == (2,)
    assert random.randn(2, 3).eval()[0].shape == (2, 3)
    assert random.randint(0, 5, (4,)).eval()[0].dtype is np.int32
    assert len(random.multinomial(m)) == 2 and len(random.multinomial(m, get_prob=False)) == 1
    assert random.shuffle(m).name == "_shuffle0"
    assert {"uniform", "multinomial", "uniform_like"} <= set(dir(random))
    for wrong, words in (
        (lambda: random.uniform(0, s), "all numbers or all Symbols, but got 0, <Symbol s>"),
        (lambda: random.randint(), "all numbers or all Symbols, but got None, None"),
        (lambda: random.uniform(0, 1, (2,), "float32", 7), "takes low, high, shape, dtype, once each, but also got 7"),
        (lambda: random.uniform(0, low=1), "takes low, high, shape, dtype, once each, but also got 'low'"),
        (lambda: random.normal(mean=1), "takes loc, scale, shape, dtype, once each, but also got 'mean'"),
    ):
        with pytest.raises(TypeError, match=words):
            wrong()
    with pytest.raises(AttributeError, match="mx.sym.random has no 'cauchy'"):
        _ = random.cauchy


def test_functions_of_two_take_symbols_and_numbers_on_either_side():
    x = mx.nd.array([1, 2, 4])
    for name, of_numbers, with_symbol, with_number, number_first in (
        ("maximum", 3, [1, 2, 4], [2, 2, 4], [2, 2, 4]),
        ("minimum", 2, [1, 2, 4], [1, 2, 2], [1, 2, 2]),
        ("pow", 8, [1, 4, 256], [1, 4, 16], [2, 4, 16]),
        ("power", 8, [1, 4, 256], [1, 4, 16], [2, 4, 16]),
    ):
        function, symbol = getattr(mx.sym, name), mx.sym.var("x")
        assert function(2, 3) == of_numbers
        for made, expected in ((function(symbol, symbol), with_symbol), (function(symbol, 2), with_number),
                               (function(2, symbol), number_first)):  # fmt: skip
            assert made.eval(x=x)[0].asnumpy().tolist() == expected
        with pytest.raises(TypeError, match="types .* not supported"):
            function(symbol, "2")
    assert mx.sym.hypot(3, 4) == 5 and mx.sym.hypot(mx.sym.var("x"), 3).eval(x=x)[0].asnumpy()[2] == 5
    assert [mx.sym.maximum(mx.sym.var("x"), 1).name, mx.sym.pow(2, mx.sym.var("x")).name] == [
        "_maximumscalar2", "_rpowerscalar2",
    ]  # fmt: skip


def test_parts_dtypes_and_counts():
    x, values = mx.sym.var("x"), mx.nd.array([1, 2, 4])
    assert x.astype(np.int32).infer_type(x="float32")[1] == [np.int32] and x.astype("int32").name == "cast1"
    assert mx.sym.split_v2(x, 3).list_outputs() == [f"_split_v20_output{i}" for i in range(3)]
    assert [part.asnumpy().tolist() for part in x.split_v2((1,)).eval(x=values)] == [[1], [2, 4]]
    assert [y.asnumpy().tolist() for y in mx.sym.histogram(x, 2, (0, 4)).eval(x=values)] == [[1, 2], [0, 2, 4]]
    edges = mx.nd.array([0, 3, 4])
    assert mx.sym.histogram(x, mx.sym.var("b")).eval(x=values, b=edges)[0].asnumpy().tolist() == [2, 1]
    assert {"sum", "astype", "infer_shape"} <= set(dir(x)) and "_plus" not in dir(x)
    for wrong in (lambda: mx.sym.split_v2(x, [1]), lambda: mx.sym.histogram(x), lambda: mx.sym.histogram(x, 2.5)):
        with pytest.raises(ValueError):
            wrong()

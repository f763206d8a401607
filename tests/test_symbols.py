"""Symbols in the engine: composition, inference, plans and executors, against MXNet's recordings and the tape."""

import json
import time

import numpy as np
import pytest
from golden_ops import MANIFEST, Call, arrays, assert_close

from python_engine import symbols, tape
from python_engine.errors import AutogradError, MXNetError, ShapeError
from python_engine.formats import symbol_json
from python_engine.graph import Executor
from python_engine.ndarray import NDArray
from python_engine.registry import OPERATORS

# Operators whose symbols differ from MXNet's, and why.
MANY_WEIGHTS = "an update of many weights at once, whose states are arguments here: nobody makes symbols of it"
KNOWN_GAPS = {
    "_multi_adamw_update": MANY_WEIGHTS, "_multi_lamb_update": MANY_WEIGHTS, "_multi_mp_adamw_update": MANY_WEIGHTS,
    "_multi_mp_lamb_update": MANY_WEIGHTS, "multi_mp_sgd_mom_update": MANY_WEIGHTS, "multi_mp_sgd_update": MANY_WEIGHTS,
    "preloaded_multi_mp_sgd_mom_update": MANY_WEIGHTS, "preloaded_multi_mp_sgd_update": MANY_WEIGHTS,
    "mp_lamb_update_phase2": "the float32 weight is an argument here",
}  # fmt: skip
UNKNOWN_SHAPES = {"_contrib_boolean_mask": "its shape depends on values"}
UNKNOWN_TYPES = {"amp_multicast": "its dtypes depend on each other"}


def text(value):
    """An attribute as a symbol keeps it."""
    if isinstance(value, list | tuple):
        return "(" + ",".join(map(text, value)) + ("," if len(value) == 1 else "") + ")"
    return str(value)


def variables(*names):
    return [symbols.variable(name) for name in names]


def call(operator, *inputs, name="op", **attrs):
    return symbols.compose(operator, name, {key: text(value) for key, value in attrs.items()}, inputs)


def of_case(name, case):
    return call(name, *variables(*(f"in{i}" for i in range(len(case["inputs"])))), **case["attrs"])


def array(values, dtype="float32"):
    return NDArray(np.array(values, dtype))


def normal(*shape, seed=1):
    return array(np.random.default_rng(seed).normal(size=shape))


# -- what MXNet recorded ---------------------------------------------------------------------------------------------

# those of the NumPy dialect, whose arrays may have no axes and no elements, are no part of symbols
NAMES = [name for name in MANIFEST if name in OPERATORS and not name.startswith("_np")]
SYMBOLS = [(name, MANIFEST[name]) for name in NAMES if MANIFEST[name]["symbol"] and MANIFEST[name]["cases"]]


@pytest.mark.parametrize(("name", "row"), [pytest.param(*pair, id=pair[0]) for pair in SYMBOLS])
def test_arguments_states_and_outputs_are_named_as_recorded(name, row):
    made = of_case(name, row["cases"][0])
    listed = {
        "arguments": made.list_arguments(), "auxiliary": made.list_auxiliary_states(), "outputs": made.list_outputs()
    }  # fmt: skip
    assert (listed == row["symbol"]) == (name not in KNOWN_GAPS), listed


def is_dense(case):
    return {x.get("stype", "default") for x in case["inputs"] + case["outputs"]} <= {"default"}


@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_dtypes_of_outputs_are_inferred_as_recorded(name):
    for case in MANIFEST[name]["cases"] + MANIFEST[name]["random"]:
        if not is_dense(case) or any(0 in x["shape"] for x in case["outputs"]):
            continue
        made = of_case(name, case)
        shapes = made.infer_shape({f"in{i}": tuple(x["shape"]) for i, x in enumerate(case["inputs"])})[1]
        right = shapes == [tuple(out["shape"]) for out in case["outputs"]]
        assert right == (name not in UNKNOWN_SHAPES), (case, shapes)
        types = made.infer_type({f"in{i}": x["dtype"] for i, x in enumerate(case["inputs"])}, True)[1]
        assert name in UNKNOWN_TYPES or types == [out["dtype"] for out in case["outputs"]], (case, types)


COMPUTED = [
    pytest.param(name, row["cases"][0], id=name)
    for name, row in SYMBOLS
    if is_dense(row["cases"][0]) and not row["cases"][0]["mutated"] and name not in UNKNOWN_SHAPES
]


@pytest.mark.parametrize(("name", "case"), COMPUTED)
def test_an_executor_computes_what_a_call_computes_and_its_gradients(name, case):
    data = arrays(name)
    eager = Call(name, case, data)
    recorded = case["gradients"] == "recorded"
    inputs = [NDArray(data[x["key"]].copy()) for x in case["inputs"]]
    grads = [NDArray(np.zeros_like(x.data)) if recorded and x.grad is not None else None for x in eager.inputs]
    executor = Executor(of_case(name, case), inputs, grads, ["write"] * len(inputs), [])
    executor.forward(case["train_mode"])
    for got, want, out in zip(executor.outputs, eager.outputs, case["outputs"], strict=True):
        assert got.data.shape == want.data.shape
        if out["key"]:
            np.testing.assert_array_equal(got.data, want.data)
    if recorded:
        eager.backward()
        heads = [out["head"] and NDArray(data[out["head"]]) for out in case["outputs"]]
        executor.backward(heads, case["train_mode"])
        for x, grad, want in zip(case["inputs"], grads, eager.inputs):
            if x["grad"]:
                assert_close(grad.data, want.grad.data, case, "gradient")


# -- composition -----------------------------------------------------------------------------------------------------


def network():
    """Two layers with a normalization between them, and a loss."""
    data = symbols.variable("data")
    first = call("FullyConnected", data, name="fc1", num_hidden=4)
    second = call("FullyConnected", call("BatchNorm", first, name="bn", fix_gamma=False), name="fc2", num_hidden=3)
    return call("SoftmaxOutput", second, name="softmax")


def test_inputs_that_are_not_given_become_variables_in_order():
    made = network()
    assert made.list_arguments() == [
        "data", "fc1_weight", "fc1_bias", "bn_gamma", "bn_beta", "fc2_weight", "fc2_bias", "softmax_label"
    ]  # fmt: skip
    assert made.list_auxiliary_states() == ["bn_moving_mean", "bn_moving_var"]
    assert made.list_inputs()[5:7] == ["bn_moving_mean", "bn_moving_var"]
    assert made.list_outputs() == ["softmax_output"]


def test_internals_and_outputs_are_chosen_by_position_or_name():
    internals = network().internals()
    assert internals.list_outputs()[:4] == ["data", "fc1_weight", "fc1_bias", "fc1_output"]
    assert internals.output("bn_output").list_arguments() == ["data", "fc1_weight", "fc1_bias", "bn_gamma", "bn_beta"]
    assert internals.output(0).children() is None
    assert network().children().list_outputs() == ["fc2_output", "softmax_label"]
    with pytest.raises(MXNetError, match='Cannot find output that matches name "zzz"'):
        internals.output("zzz")
    with pytest.raises(MXNetError, match=r"Index: \[99\] is outside of the range"):
        internals.output(99)


def test_composition_replaces_variables_of_a_copy():
    net, inner = network(), call("FullyConnected", symbols.variable("x"), name="in", num_hidden=2)
    whole = net.composed("whole", {"data": inner})
    assert whole.list_arguments()[:3] == ["x", "in_weight", "in_bias"] and whole.name == "whole"
    assert net.list_arguments()[0] == "data" and net.name == "softmax"
    with pytest.raises(MXNetError, match="there is no variable nothing"):
        net.composed(None, {"nothing": inner})


def test_a_group_has_the_outputs_of_all_and_is_no_single_input():
    left, right = variables("left", "right")
    both = symbols.group([left, call("_plus", left, right, name="sum")])
    assert both.list_outputs() == ["left", "sum_output"] and both.name is None
    with pytest.raises(MXNetError, match="is a tuple with 2 elements, single value is required"):
        call("negative", both)


def test_wrong_calls_name_what_is_wrong():
    (x,) = variables("x")
    with pytest.raises(MXNetError, match="Required parameter num_hidden"):
        call("FullyConnected", x)
    with pytest.raises(MXNetError, match="Cannot find argument 'num_hiden'"):
        call("FullyConnected", x, num_hiden=2, num_hidden=3)
    with pytest.raises(MXNetError, match="has no input weights"):
        symbols.compose("FullyConnected", "fc", {"num_hidden": "2"}, (), {"data": x, "weights": x})
    with pytest.raises(MXNetError, match=r"takes 1 inputs \(data\), but got 2"):
        call("negative", x, x)
    with pytest.raises(MXNetError, match="num_args should be greater equal to 1"):
        call("concat")
    with pytest.raises(MXNetError, match="Operator Nothing is not registered"):
        call("Nothing", x)


def test_a_deep_graph_needs_no_recursion():
    made = symbols.variable("x")
    for position in range(20_000):
        made = call("negative", made, name=f"n{position}")
    assert made.infer_shape({"x": (2, 3)})[1] == [(2, 3)]
    copy = symbol_json.loads(symbol_json.dumps(made)).copied()
    assert copy.list_outputs() == ["n19999_output"]
    assert copy.plan.run([array([1, 2])])[0].data.tolist() == [1, 2]


# -- inference -------------------------------------------------------------------------------------------------------


def test_shapes_of_parameters_follow_from_that_of_the_data():
    arguments, outputs, states = network().infer_shape({"data": (8, 5)})
    assert arguments == [(8, 5), (4, 5), (4,), (4,), (4,), (3, 4), (3,), (8,)]
    assert outputs == [(8, 3)] and states == [(4,), (4,)]
    assert network().infer_shape({}) == (None, None, None)
    assert network().infer_shape({}, partial=True)[0] == [None, None, (4,), None, None, None, (3,), None]


def test_shapes_flow_backwards_where_they_determine_each_other():
    x, y = variables("x", "y")
    arguments, _, _ = call("_plus", call("negative", x, name="n"), y).infer_shape({"y": (2, 3)})
    assert arguments == [(2, 3), (2, 3)]
    joined = call("Concat", x, y, dim=1)
    assert call("_plus", joined, symbols.variable("z")).infer_shape({"x": (2, 3), "z": (2, 7)})[0] == [
        (2, 3), (2, 4), (2, 7)
    ]  # fmt: skip
    pieces = call("SliceChannel", x, num_outputs=2, axis=1)
    total = call("_plus", pieces.output(0), symbols.variable("z"), name="total")
    assert total.infer_shape({"z": (2, 3)})[0] == [(2, 6), (2, 3)]


def inferred(made, **known):
    """The shapes of arguments by name."""
    return dict(zip(made.list_arguments(), made.infer_shape(known)[0]))


def test_partial_shapes_complete_each_other():
    a, b = symbols.variable("a", {"__shape__": "(0, 10)"}), symbols.variable("b", {"__shape__": "(12, 0)"})
    assert inferred(call("_plus", a, b)) == {"a": (12, 10), "b": (12, 10)}
    c = symbols.variable("c", {"__shape__": "(5, 0)"})
    shapes = inferred(call("_plus", call("FullyConnected", a, num_hidden=21, name="fc"), c))
    assert (shapes["a"], shapes["c"]) == ((5, 10), (5, 21))
    pieces = call("SliceChannel", a, num_outputs=10, axis=1, squeeze_axis=True)
    assert inferred(call("_plus", pieces.output(1), symbols.variable("c")), c=(5,))["a"] == (5, 10)
    wide = symbols.variable("a", {"__shape__": "(0, 15, 0)"})
    pieces = call("SliceChannel", wide, num_outputs=3)
    assert inferred(call("_plus", pieces.output(1), symbols.variable("c")), c=(3, 5, 2))["a"] == (3, 15, 2)
    image = symbols.variable("a", {"__shape__": "(0, 10, 0, 0)"})
    for operator in ("Convolution", "Deconvolution"):
        layer = call(operator, image, num_filter=21, kernel=(3, 3), pad=(1, 1), name="layer")
        shapes = inferred(call("_plus", layer, symbols.variable("c")), c=(5, 21, 32, 32))
        assert shapes["a"] == (5, 10, 32, 32), operator
    d = symbols.variable("d", {"__shape__": "(2, 0)"})
    joined = call("Concat", a, symbols.variable("b", {"__shape__": "(0, 5)"}), dim=1)
    assert inferred(call("_plus", d, joined)) == {"d": (2, 15), "a": (2, 10), "b": (2, 5)}
    weight = symbols.variable("weight")
    shifted = call("broadcast_add", weight, symbols.variable("shift", {"__shape__": "(1,)"}), name="s")
    constrained = call("_identity_with_attr_like_rhs", shifted, weight, name="i")
    layer = call("FullyConnected", symbols.variable("data"), constrained, num_hidden=11, no_bias=True)
    assert inferred(layer, data=(7, 100))["weight"] == (11, 100)


def test_a_zero_in_a_shape_is_filled_in():
    begin = call("_zeros", shape=(0, 4), name="begin")
    step = call("FullyConnected", begin, num_hidden=3, name="h2h")
    total = call("_plus", step, symbols.variable("x"), name="total")
    arguments, outputs, _ = total.infer_shape({"x": (5, 3)})
    assert arguments == [(3, 4), (3,), (5, 3)] and outputs == [(5, 3)]
    weight, bias, x = normal(3, 4), normal(3), normal(5, 3)
    assert np.allclose(total.plan.run([weight, bias, x])[0].data, x.data + bias.data)
    bound = Executor(total, [weight, bias, x], [None] * 3, ["null"] * 3, [])
    bound.forward(False)
    assert np.allclose(bound.outputs[0].data, x.data + bias.data)
    assert call("_zeros", shape=(0, 4)).infer_shape({}) == (None, None, None)


def test_shapes_that_contradict_each_other_are_refused_with_the_node_at_fault():
    x, y = variables("x", "y")
    with pytest.raises(ShapeError, match=r"Error in operator total: .*node total at 1-th input: expected \[2,3\], got"):
        call("_plus", x, y, name="total").infer_shape({"x": (2, 3), "y": (1, 3)})
    with pytest.raises(
        ShapeError, match=r"operator fc1: Shape inconsistent, Provided = \[4,9\], inferred shape=\(4,5\)"
    ):
        network().infer_shape({"data": (8, 5), "fc1_weight": (4, 9)})


def test_a_variable_may_declare_its_shape_and_dtype():
    x = symbols.variable("x", {"__shape__": "(2, 3)", "__dtype__": "1"})
    made = call("negative", x)
    assert made.infer_shape({})[1] == [(2, 3)] and made.infer_type({})[1] == ["float64"]
    for key, value in (("__shape__", "wide"), ("__dtype__", "99"), ("__dtype__", "wide")):
        wrong = call("negative", symbols.variable("x", {key: value}))
        with pytest.raises(MXNetError, match=f"{key}.*{value}"):
            wrong.infer_shape({"y": (2,)})


def test_dtypes_follow_from_one_another():
    arguments, outputs, states = network().infer_type({"data": "float64"})
    assert set(arguments + outputs + states) == {"float64"}
    half = call("BatchNorm", symbols.variable("data"), name="bn").infer_type({"data": "float16"})
    assert half == (["float16", "float32", "float32"], ["float16"], ["float32", "float32"])
    assert network().infer_type({}) == (None, None, None)


def test_inference_computes_no_layer():
    made = symbols.variable("data")
    for layer in range(30):
        made = call("Convolution", made, name=f"conv{layer}", kernel=(3, 3), pad=(1, 1), num_filter=512)
        made = call("BatchNorm", made, name=f"bn{layer}")
        made = call("LeakyReLU", call("Concat", made, made, dim=1, name=f"c{layer}"), name=f"relu{layer}")
        made = call("_contrib_BilinearResize2D", made, name=f"r{layer}", height=224, width=224)
        made = call("Dropout", call("LRN", made, nsize=5, name=f"lrn{layer}"), name=f"d{layer}")
    start = time.process_time()
    assert made.infer_shape({"data": (512, 3, 224, 224)})[1] == [(512, 1024, 224, 224)]
    assert time.process_time() - start < 5  # the arrays would be of 105 GB


# -- plans and executors ---------------------------------------------------------------------------------------------


def bound(made, shapes, req="write", seed=3):
    """An executor on random arrays, with a gradient for each argument."""
    arguments, _, states = made.infer_shape(shapes)
    rng = np.random.default_rng(seed)
    args = [array(rng.normal(size=shape)) for shape in arguments]
    for name, arg in zip(made.list_arguments(), args):
        if name.endswith("label"):
            arg.data[...] = rng.integers(0, 3, arg.data.shape)
    grads = [array(np.full(shape, 100.0)) for shape in arguments]
    return Executor(made, args, grads, [req] * len(args), [array(np.ones(shape)) for shape in states])


def taped(made, args, states, heads=None):
    """Outputs and gradients of the same graph, by the tape."""
    args = [NDArray(x.data.copy()) for x in args]
    for x in args:
        tape.mark_variable(x, NDArray(np.zeros_like(x.data)))
    named = dict(zip(made.list_arguments() + made.list_auxiliary_states(), args + states))
    with tape.recording(True, True):
        outputs = made.plan.run([named[name] for name in made.list_inputs()])
    tape.backward(outputs, heads)
    return outputs, [x.grad.data for x in args]


def test_outputs_and_gradients_equal_those_of_the_tape():
    made = network()
    executor = bound(made, {"data": (6, 5)})
    outputs, grads = taped(made, executor.args, [array(np.ones(4)), array(np.ones(4))])
    executor.forward(True)
    executor.backward()
    np.testing.assert_array_equal(executor.outputs[0].data, outputs[0].data)
    for got, want in zip(executor.grads, grads):
        np.testing.assert_array_equal(got.data, want)


def test_gradients_are_added_written_or_left_alone():
    made = call("_mul", *variables("x", "y"))
    executor = Executor(
        made, [array([2, 3]), array([5, 7])], [array([1, 1]), array([1, 1])], ["add", "null"], []
    )  # fmt: skip
    for _ in range(2):
        executor.forward(True)
        executor.backward([array([1, 10])])
    assert executor.grads[0].data.tolist() == [11, 141] and executor.grads[1].data.tolist() == [1, 1]


def test_backward_may_be_repeated_with_other_head_gradients():
    executor = bound(call("square", symbols.variable("x")), {"x": (3,)})
    executor.forward(True)
    for scale in (1, 2):
        executor.backward([array([scale] * 3)])
        assert np.allclose(executor.grads[0].data, 2 * scale * executor.args[0].data)


def test_a_loss_needs_no_head_gradient_and_others_do():
    executor = bound(network(), {"data": (6, 5)})
    executor.forward(True)
    executor.backward()
    assert abs(executor.grads[-2].data).max() < 6 < 100
    executor = bound(call("square", symbols.variable("x")), {"x": (3,)})
    executor.forward(True)
    with pytest.raises(
        AutogradError, match="Because the last operator is not Loss function, head_gradient is required"
    ):
        executor.backward()


def test_an_argument_that_nothing_flows_to_gets_zeros():
    made = symbols.group([call("BlockGrad", symbols.variable("x"), name="b"), call("square", symbols.variable("y"))])
    executor = bound(made, {"x": (2,), "y": (2,)})
    executor.forward(True)
    executor.backward([array([1, 1]), array([1, 1])])
    assert executor.grads[0].data.tolist() == [0, 0]
    assert np.allclose(executor.grads[1].data, 2 * executor.args[1].data)


def test_moving_statistics_change_in_training_only():
    made = call("BatchNorm", symbols.variable("x"), name="bn", momentum=0.5)
    executor = bound(made, {"x": (8, 2)})
    executor.forward(False)
    assert executor.aux[0].data.tolist() == [1, 1]
    executor.forward(True)
    assert np.allclose(executor.aux[0].data, 0.5 + 0.5 * executor.args[0].data.mean(0), atol=1e-6)


def test_outputs_are_the_same_arrays_all_the_time_and_views_of_them_follow():
    executor = bound(call("negative", symbols.variable("x")), {"x": (2, 2)})
    (output,) = executor.outputs
    row = output.view(output.data[0])
    for _ in range(2):
        executor.args[0].assign(executor.args[0].data + 1)
        executor.forward(False)
        assert executor.outputs[0] is output
        np.testing.assert_array_equal(row.data, -executor.args[0].data[0])


def test_outputs_do_not_change_with_the_arguments_that_they_came_from():
    x = symbols.variable("x")
    executor = bound(symbols.group([x, call("BlockGrad", x, name="b"), call("Reshape", x, shape=(4,))]), {"x": (2, 2)})
    executor.forward(False)
    before = executor.args[0].data.copy()
    executor.args[0].writable()[...] = 7
    for output in executor.outputs:
        np.testing.assert_array_equal(output.data.reshape(2, 2), before)
        output.writable()[...] = 5
    assert (executor.args[0].data == 7).all()


def test_an_executor_may_use_the_memory_of_anothers_outputs():
    large = bound(call("negative", symbols.variable("x")), {"x": (4, 2)})
    small = Executor(call("negative", symbols.variable("x")), [array([[1, 2]])], [None], ["null"], [], large)
    for _ in range(2):
        small.forward(False)
        assert small.outputs[0].data.tolist() == [[-1, -2]] == large.outputs[0].data[:1].tolist()
        large.forward(False)
        np.testing.assert_array_equal(large.outputs[0].data, -large.args[0].data)
        np.testing.assert_array_equal(small.outputs[0].data, -large.args[0].data[:1])
    larger = Executor(call("negative", symbols.variable("x")), [normal(9)], [None], ["null"], [], large)
    larger.forward(False)
    np.testing.assert_array_equal(large.outputs[0].data, -large.args[0].data)


def test_arguments_that_change_are_read_when_forward_runs():
    executor = bound(call("square", symbols.variable("x")), {"x": (2,)})
    executor.args[0].assign(np.array([3, 4], np.float32))
    executor.forward(True)
    executor.backward([array([1, 1])])
    assert executor.outputs[0].data.tolist() == [9, 16] and executor.grads[0].data.tolist() == [6, 8]


def test_a_monitor_sees_every_output_of_every_call():
    executor, seen = bound(network(), {"data": (6, 5)}), {}
    executor.forward(True, lambda name, value: seen.update({name: value.data.shape}))
    assert seen == {"fc1_output": (6, 4), "bn_output": (6, 4), "fc2_output": (6, 3), "softmax_output": (6, 3)}


def test_an_error_while_computing_names_the_node():
    made = call("_plus", *variables("x", "y"), name="total")
    with pytest.raises(ShapeError, match="Error in operator total"):
        made.plan.run([array([1, 2]), array([1, 2, 3])])
    with pytest.raises(MXNetError, match=r"the graph takes 2 arrays \(x, y\), but got 1"):
        made.plan.run([array([1, 2])])


def test_bound_arrays_must_fit():
    made = network()
    with pytest.raises(MXNetError, match="the symbol has 8 arguments .*, but got 1"):
        Executor(made, [array([1])], [None], ["null"], [])
    with pytest.raises(ShapeError, match="argument x has shape .*, but its gradient"):
        Executor(call("square", symbols.variable("x")), [array([1, 2])], [array([1])], ["write"], [])


# -- files -----------------------------------------------------------------------------------------------------------


def test_a_file_is_read_as_it_was_written():
    made = network()
    again = symbol_json.loads(symbol_json.dumps(made))
    assert symbol_json.dumps(again) == symbol_json.dumps(made)
    assert again.list_inputs() == made.list_inputs() and again.attributes() == made.attributes()


BROKEN = {
    "no JSON": "{",
    "no object": "[]",
    "no nodes": '{"heads": []}',
    "an unknown operator": {"op": "Nothing"},
    "an input that points forward": {"inputs": [[2, 0, 0]]},
    "an input that points at itself": {"inputs": [[1, 0, 0]]},
    "an input before the first": {"inputs": [[-1, 0, 0]]},
    "an input's output that does not exist": {"inputs": [[0, 1, 0]]},
    "an input's output below 0": {"inputs": [[0, -1, 0]]},
    "an input that is no list": {"inputs": [0]},
    "an input that is a text": {"inputs": [["0", "0"]]},
    "too many inputs": {"inputs": [[0, 0, 0], [0, 0, 0]]},
    "an attribute that the operator does not know": {"attrs": {"wide": "1"}},
    "attributes that are a list": {"attrs": ["wide"]},
    "a name that is a number": {"name": 5},
    "an operator that is a list": {"op": []},
}


@pytest.mark.parametrize("wrong", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused(wrong):
    if not isinstance(wrong, str):
        node = {"op": "negative", "name": "n", "inputs": [[0, 0, 0]], **wrong}
        nodes = [{"op": "null", "name": "x", "inputs": []}, node, {"op": "null", "name": "y", "inputs": []}]
        wrong = json.dumps({"nodes": nodes, "heads": [[1, 0, 0]]})
    with pytest.raises(MXNetError):
        symbol_json.loads(wrong)


@pytest.mark.parametrize("heads", [[[3, 0, 0]], [[-1, 0, 0]], [[0, 5, 0]], [[0, -1, 0]], ["x"], [[]], 5, None])
def test_broken_heads_are_refused(heads):
    nodes = [{"op": "null", "name": "x", "inputs": []}]
    with pytest.raises(MXNetError):
        symbol_json.loads(json.dumps({"nodes": nodes, "heads": heads}))


def test_a_file_of_deep_nesting_is_refused():
    with pytest.raises(MXNetError):
        symbol_json.loads("[" * 200_000)


def test_dtypes_that_an_operator_does_not_take_together_are_refused():
    net = network()
    weight = next(name for name in net.list_arguments() if name.endswith("weight"))
    with pytest.raises(ShapeError, match=r"Incompatible attr in node .* at 1-th input: expected float64, got float32"):
        net.infer_type({"data": "float64", weight: "float32"})


LABELS = [(2,), (2, 3), (2, 4), (2, 3, 4), (2, 1, 4), (2, 20), (2, 4, 5), (2, 1)]


@pytest.mark.parametrize(
    ("multi_output", "data", "inferred", "accepted"),
    [
        (False, (2, 3), (2,), [(2,), (2, 3)]),
        (False, (2, 3, 4), (2, 3), [(2, 3), (2, 3, 4)]),
        (False, (2, 3, 4, 5), (2, 3, 4), [(2, 3, 4)]),
        (True, (2, 3), (2, 1), [(2,), (2, 3), (2, 1)]),
        (True, (2, 3, 4), (2, 4), [(2, 4), (2, 3, 4), (2, 1, 4)]),
        (True, (2, 3, 4, 5), (2, 20), [(2, 20), (2, 4, 5)]),
    ],
)
def test_labels_of_softmax_output_have_the_shapes_that_mxnet_allows(multi_output, data, inferred, accepted):
    net = call("SoftmaxOutput", symbols.variable("data"), name="s", multi_output=multi_output)
    assert net.infer_shape({"data": data})[0][1] == inferred
    for label in LABELS:
        if label in accepted:
            assert net.infer_shape({"data": data, "s_label": label})[0][1] == label
        else:
            with pytest.raises(ShapeError):
                net.infer_shape({"data": data, "s_label": label})


def test_labels_of_a_regression_have_the_shape_of_its_predictions_but_for_ones():
    net = call("LinearRegressionOutput", symbols.variable("data"), name="s")
    assert net.infer_shape({"data": (4, 1), "s_label": (4,)})[0][1] == (4,)
    with pytest.raises(ShapeError, match=r"Provided = \[4\], inferred shape=\[4, 3\] for label"):
        net.infer_shape({"data": (4, 3), "s_label": (4,)})

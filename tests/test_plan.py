"""Graphs recorded as one entry of the tape: what they compute, keep and differentiate is what their calls would."""

import numpy as np
import pytest
from golden_ops import MANIFEST, arrays
from tape import record, variable

from python_engine import calls, sparse, symbols, tape
from python_engine.errors import AutogradError, MXNetError
from python_engine.ndarray import NDArray
from python_engine.plan import Entry, Plan
from python_engine.recorded import symbol_of
from python_engine.registry import OPERATORS


@pytest.fixture(autouse=True)
def _without_sparse_arrays(monkeypatch):
    """Other tests make some, and from then on all graphs are computed call by call."""
    monkeypatch.setattr(sparse, "exists", False)


def sym(operator, *inputs, **attrs):
    return symbols.compose(operator, None, {key: str(value) for key, value in attrs.items()}, inputs)


def variables(*names):
    return [symbols.variable(name) for name in names]


def run(symbol, inputs, plain=True):
    """Its outputs, recorded in training; not plain: call by call."""
    plan = Plan(symbol)
    plan.plain = plan.plain and plain
    with record():
        return plan.run(inputs)


def as_plain_as_can_be(name, case):
    """The symbol of a recorded call, if graphs of it are computed on plain arrays."""
    inputs = variables(*(f"in{i}" for i in range(len(case["inputs"]))))
    text = {
        key: "(" + ",".join(map(str, v)) + ",)" if isinstance(v, list) else str(v) for key, v in case["attrs"].items()
    }
    try:
        symbol = symbols.compose(name, "op", text, inputs)
        return symbol if Plan(symbol).plain else None
    except MXNetError:
        return None


def differentiable():
    """A recorded call of each operator that is differentiable, with its symbol."""
    found = []
    for name, row in MANIFEST.items():
        if name not in OPERATORS or name.startswith("_np") or not row["symbol"]:
            continue
        if OPERATORS[name].differentiable is not True or OPERATORS[name].random:
            continue
        for case in row["cases"]:
            if all(x["dtype"] == "float32" and x["stype"] == "default" for x in case["inputs"]) and case["inputs"]:
                symbol = as_plain_as_can_be(name, case)
                if symbol is not None and case["gradients"] == "recorded":
                    found.append(pytest.param(name, case, symbol, id=name))
                    break
    assert len(found) > 150, "of those that are differentiable, all but a few are computed on plain arrays"
    return found


def derivatives(symbol, inputs, wanted, plain):
    """The gradients, and the gradients of what these add up to when squared, of random sums of the outputs."""
    arrays = [variable(x, dtype=x.dtype) if flag else NDArray(x.copy()) for x, flag in zip(inputs, wanted)]
    outputs = [x for x in run(symbol, arrays, plain) if x.node is not None and not x.node.consumed]
    rng = np.random.default_rng(0)
    heads = [NDArray(rng.uniform(0.5, 1, x.data.shape).astype(x.data.dtype)) for x in outputs]
    chosen = [x for x, flag in zip(arrays, wanted) if flag]
    first = tape.grad(outputs, chosen, heads, create_graph=True)
    results = [x.data.copy() for x in first]
    with record():
        squares = [calls.invoke(OPERATORS["square"], [x], {})[0] for x in first]
    squares = [x for x in squares if x.node is not None and not x.node.consumed]
    for x in chosen:
        x.grad.data[...] = 0
    if squares:
        tape.backward(squares, leaves=[x.node for x in chosen])
    return results + [x.grad.data for x in chosen]


def outcome(*args):
    """What is computed, or what is wrong."""
    try:
        return derivatives(*args)
    except MXNetError as reason:
        return [np.array(str(reason))]


@pytest.mark.parametrize(("name", "case", "symbol"), differentiable())
def test_the_derivatives_of_a_graph_are_those_of_its_calls(name, case, symbol):
    data = arrays(name)
    inputs, wanted = [data[x["key"]] for x in case["inputs"]], [bool(x["grad"]) for x in case["inputs"]]
    for got, want in zip(*(outcome(symbol, inputs, wanted, plain) for plain in (True, False)), strict=True):
        np.testing.assert_array_equal(got, want)


def test_calls_of_many_kinds_in_one_graph_have_the_derivatives_that_they_have_alone():
    x, weight, bias, gamma, beta, mean, var = variables("x", "w", "b", "gamma", "beta", "mean", "var")
    dense = sym("FullyConnected", x, weight, bias, num_hidden=6)
    normal = sym("BatchNorm", dense, gamma, beta, mean, var, fix_gamma="False")
    parts = sym("SliceChannel", sym("tanh", normal), num_outputs=2)
    joined = sym("Concat", parts.output(1), sym("square", parts.output(0)), dense, dim=1)
    graph = symbols.group(
        [sym("sum", sym("broadcast_mul", joined, joined)), sym("Reshape", parts.output(0), shape="(-1,)")]
    )
    rng = np.random.default_rng(1)
    shapes = [(5, 4), (6, 4), (6,), (6,), (6,)]
    inputs = [rng.normal(size=shape).astype(np.float32) for shape in shapes] + [np.zeros(6, "f"), np.ones(6, "f")]
    wanted = [True, True, False, True, True, False, False]
    both = [derivatives(graph, inputs, wanted, plain) for plain in (True, False)]
    for got, want in zip(*both, strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-6)
        assert np.abs(want).max() > 0


def test_a_recorded_graph_is_one_entry_that_holds_what_its_gradients_name():
    x, y = variables("x", "y")
    graph = sym("tanh", sym("elemwise_add", sym("exp", sym("square", sym("_plus_scalar", x, scalar=1))), y))
    a, b = variable([0.5]), variable([1.0])
    (out,) = run(graph, [a, b])
    entry = out.node
    assert isinstance(entry, Entry) and len(entry.parents) == 2
    held = sorted(float(value[0]) for value in entry.values if isinstance(value, np.ndarray))
    assert held == pytest.approx(sorted([1.5, np.exp(2.25), np.tanh(np.exp(2.25) + 1)])), "of square, exp, tanh"
    assert entry.inputs == [], "of an addition no gradient names the inputs"
    tape.backward([out])
    assert entry.consumed and entry.values is None
    (out,) = run(graph, [a, NDArray(np.array([1.0]))])
    assert out.node.parents[1] is None


def test_only_outputs_that_depend_on_a_variable_are_on_the_tape():
    x, y = variables("x", "y")
    a, b = variable([2.0]), NDArray(np.array([3.0]))
    first, second = run(symbols.group([sym("square", x), sym("square", y)]), [a, b])
    assert tape.is_on_tape(first) and not tape.is_on_tape(second)
    for head in run(symbols.group([sym("square", x), sym("square", y)]), [b, b]):
        assert not tape.is_on_tape(head)
        with pytest.raises(AutogradError, match="require gradients"):
            tape.backward([head])


def test_a_graph_is_differentiated_twice_only_if_it_is_retained():
    a = variable([3.0])
    (out,) = run(sym("square", *variables("x")), [a])
    for _ in range(2):
        tape.backward([out], retain_graph=True)
        assert a.grad.data == [6]
    tape.backward([out])
    with pytest.raises(AutogradError, match="retain_graph"):
        tape.backward([out])


def test_the_gradient_by_an_output_of_a_graph_is_found():
    a = variable([3.0])
    (middle,) = run(sym("square", *variables("x")), [a])
    with record():
        (head,) = calls.invoke(OPERATORS["exp"], [middle], {})
    by_middle, by_a = tape.grad([head], [middle, a])
    assert by_middle.data == pytest.approx(np.exp([9.0])) and by_a.data == pytest.approx(6 * np.exp([9.0]))


def test_a_graph_in_a_graph_is_differentiated_as_often_as_asked():
    a = variable([0.5])
    (inner,) = run(sym("sin", *variables("x")), [a])
    (outer,) = run(sym("exp", *variables("x")), [inner])
    s, c = np.sin(0.5), np.cos(0.5)
    with record():
        (first,) = tape.grad([outer], [a], create_graph=True)
        (second,) = tape.grad([first], [a], create_graph=True)
        (third,) = tape.grad([second], [a])
    assert first.data == pytest.approx(np.exp(s) * c)
    assert second.data == pytest.approx(np.exp(s) * (c * c - s))
    assert third.data == pytest.approx(np.exp(s) * (c**3 - 3 * s * c - c))


def test_the_history_of_an_array_shows_the_calls_of_graphs():
    x, y = variables("x", "y")
    (out,) = run(sym("tanh", sym("elemwise_mul", x, y)), [variable([1.0]), NDArray(np.array([2.0]))])
    with record():
        (last,) = calls.invoke(OPERATORS["negative"], [out], {})
    made = symbol_of(last)
    assert [n.operator and n.operator.name for n in made.nodes()] == [None, None, "elemwise_mul", "tanh", "negative"]
    assert made.list_inputs() == ["var0", "null0"]


def test_writing_to_an_output_that_is_a_view_changes_nothing_else():
    x = symbols.variable("x")
    squared = sym("square", x)
    graph = symbols.group([sym("Reshape", squared, shape="(4,)"), sym("exp", squared), sym("Reshape", x, shape="(4,)")])
    a = variable(np.full((2, 2), 0.5))
    flat, grown, given = run(graph, [a])
    for output in (flat, given):
        output.assign(np.zeros(4))
    assert (a.data == 0.5).all()
    tape.backward([grown])
    assert a.grad.data == pytest.approx(np.full((2, 2), np.exp(0.25)))


def test_graphs_with_casts_and_constants_are_computed_on_plain_arrays():
    x = symbols.variable("x")
    half = sym("Cast", sym("square", x), dtype="float16")
    graph = sym(
        "broadcast_mul", sym("Cast", half, dtype="float64"), sym("_full", shape="(2, 1)", value=3, dtype="float64")
    )
    a = variable([[1.0, 2.0], [3.0, 4.0]])
    assert Plan(graph).plain and not Plan(sym("broadcast_add", x, sym("_full", shape="()", value=3))).plain
    for plain in (True, False):
        (out,) = run(graph, [a], plain)
        tape.backward([out])
        assert out.data.tolist() == [[3, 12], [27, 48]] and a.grad.data.tolist() == [[6, 12], [18, 24]]


def test_a_failure_inside_a_graph_names_the_call_and_leaves_the_graph_usable():
    x, y = variables("x", "y")
    plan = Plan(symbols.compose("elemwise_add", "total", {}, [sym("square", x), y]))
    a, b = variable([1.0, 2.0]), variable([1.0, 2.0, 3.0])
    for _ in range(2):
        with record(), pytest.raises(MXNetError, match="Error in operator total: .*"):
            plan.run([a, b])
        with record():
            (out,) = plan.run([a, a])
        tape.backward([out])
        assert list(a.grad.data) == [3, 5]

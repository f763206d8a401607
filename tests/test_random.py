"""Samplers: their distributions, shapes and dtypes as recorded from MXNet 1.9.1, and the generator behind them."""

import json
import math

import numpy as np
import pytest
from golden_ops import arrays, cases

from python_engine import calls, tape
from python_engine.errors import ArgumentError, MXNetError
from python_engine.generator import Generator, generator
from python_engine.ndarray import NDArray
from python_engine.registry import OPERATORS, find

MANY = 10**6
SAMPLERS = [name for name, row in OPERATORS.items() if row.random and name.startswith(("_random_", "_sample_"))]


@pytest.fixture(autouse=True)
def _seed():
    generator.seed(20191)


def call(name, *inputs, train=True, **attrs):
    """The visible outputs of an operator, as NumPy arrays."""
    operator = find(name)
    operator.check_inputs(len(inputs))
    attrs = operator.parse(attrs)
    with tape.recording(False, train):
        outputs = calls.invoke(operator, [NDArray(np.asarray(x)) for x in inputs], attrs)
    return [output.data for output in outputs[: operator.visible_count(attrs)]]


def recorded(*needed):
    """The recorded random calls that have these fields and whose operator is in the table."""
    return [
        pytest.param(name, case, id=f"{name}-{case['id']}")
        for name, case in cases("random")
        if name in OPERATORS and all(field in case for field in needed)
    ]


def inputs_of(name, case):
    data = arrays(name) if case["inputs"] else {}
    return [data[x["key"]] for x in case["inputs"]]


def within_error(draws, mean, variance):
    """Whether mean and variance along the last axis are those expected, within five of their standard errors."""
    draws = np.asarray(draws, np.float64)
    count = draws.shape[-1]
    found = draws.mean(-1)
    squares = np.square(draws - found[..., None])
    assert np.all(np.abs(found - mean) <= 5 * np.sqrt(np.divide(variance, count))), f"mean {found}, expected {mean}"
    error = np.sqrt(squares.var(-1) / count)
    assert np.all(np.abs(squares.mean(-1) - variance) <= 5 * error), f"variance {squares.mean(-1)}, expected {variance}"


# -- as recorded -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "case"), recorded())
def test_shapes_and_dtypes_are_as_recorded(name, case):
    outputs = call(name, *inputs_of(name, case), train=case["train_mode"], **case["attrs"])
    assert [(list(x.shape), str(x.dtype)) for x in outputs] == [(x["shape"], x["dtype"]) for x in case["outputs"]]


@pytest.mark.parametrize(("name", "case"), recorded("expected_mean"))
def test_a_million_draws_have_the_recorded_mean_and_variance(name, case):
    inputs, attrs = inputs_of(name, case), dict(case["attrs"])
    if name.startswith("_random_") and inputs:
        inputs = [np.zeros(MANY, inputs[0].dtype)]
    else:
        attrs["shape"] = [MANY // (inputs[0].size if inputs else 1)]
    (draws,) = call(name, *inputs, **attrs)
    within_error(draws, case["expected_mean"], case["expected_var"])


@pytest.mark.parametrize(("name", "case"), recorded("category_probability"))
def test_categories_come_as_often_as_recorded(name, case):
    attrs = {**case["attrs"], "shape": [200_000]}
    drawn = call(name, *inputs_of(name, case), **attrs)[0]
    expected = np.array(case["category_probability"])
    found = np.stack([(drawn == k).mean(-1) for k in range(expected.shape[-1])], -1)
    assert np.all(np.abs(found - expected) <= 5 * np.sqrt(expected * (1 - expected) / 200_000))


def test_every_recorded_sampler_is_in_the_table():
    names = {name for name, _ in cases("random") if name.startswith(("_random_", "_sample_", "_shuffle"))}
    assert names <= set(OPERATORS) and len(names) > 20


# -- distributions beyond the recordings -------------------------------------------------------------------------------

CONTINUOUS = [
    ("uniform", {"low": -1.0, "high": 3.0}, {}),
    ("normal", {"loc": 1.0, "scale": 2.0}, {"mu": 1.0, "sigma": 2.0}),
    ("gamma", {"alpha": 2.5, "beta": 0.5}, {"alpha": 2.5, "beta": 2.0}),  # scale of the sampler, rate of the density
    ("gamma", {"alpha": 0.7, "beta": 1.0}, {}),
    ("exponential", {"lam": 3.0}, {}),
]
COUNTS = [
    ("poisson", {"lam": 3.5}),
    ("poisson", {"lam": 40.0}),
    ("negative_binomial", {"k": 3, "p": 0.4}),
    ("generalized_negative_binomial", {"mu": 4.0, "alpha": 0.5}),
]


def density(name, x, parameters):
    columns = [np.array([value], np.float64) for value in parameters.values()]
    return call(f"_random_pdf_{name}", x[None].astype(np.float64), *columns)[0][0]


@pytest.mark.parametrize(("name", "attrs", "parameters"), CONTINUOUS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_continuous_draws_fill_intervals_as_their_density_says(name, attrs, parameters, dtype):
    (draws,) = call(f"_random_{name}", shape=[MANY], dtype=dtype, **attrs)
    edges = np.quantile(draws.astype(np.float64), np.linspace(0.02, 0.98, 25))
    found = np.histogram(draws, edges)[0] / MANY
    fine = np.linspace(edges[:-1], edges[1:], 201)
    values = density(name, fine.ravel(), parameters or attrs).reshape(fine.shape)
    expected = (values[1:] + values[:-1]).sum(0) / 2 * (edges[1:] - edges[:-1]) / 200
    np.testing.assert_allclose(found, expected, atol=6 * np.sqrt(0.04 / MANY))


@pytest.mark.parametrize(("name", "attrs"), COUNTS)
def test_counts_come_as_often_as_their_probability_says(name, attrs):
    (draws,) = call(f"_random_{name}", shape=[MANY], **attrs)
    assert np.all(draws >= 0) and np.all(draws == np.floor(draws))
    expected = density(name, np.arange(200), attrs)
    found = np.bincount(draws.astype(int), minlength=200)[:200] / MANY
    assert math.isclose(expected.sum(), 1, abs_tol=1e-6)
    assert np.all(np.abs(found - expected) <= 5 * np.sqrt(expected * (1 - expected) / MANY) + 2 / MANY)


def test_the_limits_of_the_count_distributions():
    assert not call("_random_poisson", lam=0, shape=[5])[0].any()
    assert not call("_random_negative_binomial", k=0, p=0.5, shape=[5])[0].any()
    assert not call("_random_negative_binomial", k=4, p=1, shape=[5])[0].any()
    assert not call("_random_generalized_negative_binomial", mu=0, shape=[5])[0].any()
    (draws,) = call("_random_generalized_negative_binomial", mu=3, alpha=0, shape=[MANY])
    within_error(draws, 3, 3)


def test_uniform_stays_between_its_ends():
    (draws,) = call("_random_uniform", low=-2, high=5, shape=[MANY])
    assert draws.min() >= -2 and draws.max() <= 5
    np.testing.assert_array_equal(call("_random_uniform", low=1, high=1, shape=[3])[0], [1, 1, 1])


def test_each_element_of_parameter_arrays_gets_its_own_draws():
    low = np.array([[0, 10], [20, 30]], np.float32)
    (draws,) = call("_sample_uniform", low, low + 1, shape=[3, 500])
    assert draws.shape == (2, 2, 3, 500)
    np.testing.assert_array_equal(np.floor(draws), np.broadcast_to(low[..., None, None], draws.shape))


@pytest.mark.parametrize(("low", "high", "dtype"), [(-3, 8, "int32"), (0, 2**31, "int32"), (-(2**63), 2**63, "int64")])
def test_randint_covers_its_range(low, high, dtype):
    (draws,) = call("_random_randint", low=low, high=high, shape=[10_000], dtype=dtype)
    width = high - low
    assert int(draws.min()) >= low and int(draws.max()) < high
    assert int(draws.min()) < low + width // 10 + 1 and int(draws.max()) >= high - width // 10 - 1


def test_multinomial_divides_by_the_sum_and_never_draws_what_is_impossible():
    weights = np.array([[0, 3, 0, 1, 0], [5, 0, 0, 0, 0]], np.float32)
    (drawn,) = call("_sample_multinomial", weights, shape=[100_000])
    assert set(drawn[0]) == {1, 3} and set(drawn[1]) == {0}
    within_error((drawn[0] == 1).astype(float), 0.75, 0.75 * 0.25)


def test_multinomial_gives_logarithms_whose_gradient_reaches_the_probabilities():
    p = NDArray(np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0]], np.float32))
    p.grad = NDArray(np.zeros_like(p.data))
    tape.mark_variable(p, p.grad)
    operator = find("_sample_multinomial")
    with tape.recording(True, True):
        drawn, log_prob = calls.invoke(operator, [p], operator.parse({"shape": [50], "get_prob": True}))
    np.testing.assert_allclose(log_prob.data, np.log(np.take_along_axis(p.data, drawn.data, 1)), rtol=1e-6)
    tape.backward([log_prob])
    counts = np.stack([(drawn.data == k).sum(1) for k in range(3)], 1)
    np.testing.assert_allclose(p.grad.data, counts / np.where(p.data > 0, p.data, 1), rtol=1e-5)


def test_shuffle_makes_every_order_of_whole_rows_as_often():
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    orders = {}
    for _ in range(6000):
        (shuffled,) = call("_shuffle", rows)
        assert sorted(map(tuple, shuffled)) == sorted(map(tuple, rows))
        key = tuple(shuffled[:, 0])
        orders[key] = orders.get(key, 0) + 1
    assert len(orders) == 6
    assert all(abs(count - 1000) < 5 * math.sqrt(1000 * 5 / 6) for count in orders.values())


def test_zipfian_classes_are_distinct_and_fall_as_documented():
    sample, tries = call("_sample_unique_zipfian", range_max=100, shape=[50, 60])
    assert all(len(set(row)) == 60 for row in sample) and sample.min() >= 0 and sample.max() < 100
    assert np.all(tries >= 60)
    (ones, _) = call("_sample_unique_zipfian", range_max=9, shape=[20_000, 1])
    expected = np.diff(np.log(np.arange(1, 11))) / math.log(10)
    found = np.bincount(ones.ravel(), minlength=9) / 20_000
    assert np.all(np.abs(found - expected) < 5 * np.sqrt(expected / 20_000))


# -- the generator -----------------------------------------------------------------------------------------------------


def one_call(name):
    """A call of any sampler with parameters that it takes."""
    row = OPERATORS[name]
    inputs = [np.full((4, 50), 0.5 + 0.25 * i, np.float32) for i in range(len(row.inputs))]
    attrs = {"low": 0, "high": 1000} if name == "_random_randint" else {}
    attrs |= {"range_max": 1000} if "range_max" in row.attributes else {}
    attrs |= {"p": 0.1, "k": 5} if name.startswith("_random_negative") else {}
    attrs |= {"shape": [4, 50]} if "shape" in row.attributes else {}
    return call(name, *inputs, **attrs)[0]


@pytest.mark.parametrize("name", [*SAMPLERS, "_shuffle"])
def test_a_seed_fixes_the_numbers_and_the_next_draw_differs(name):
    draw = one_call if name != "_shuffle" else lambda _: call("_shuffle", np.arange(100))[0]
    generator.seed(7)
    first, second = draw(name), draw(name)
    generator.seed(7)
    np.testing.assert_array_equal(draw(name), first)
    assert not np.array_equal(first, second)
    generator.seed(8)
    assert not np.array_equal(draw(name), first)


def test_a_saved_state_continues_where_it_was_taken():
    call("_random_poisson", lam=20, shape=[101])
    call("_random_randint", low=0, high=2**31, shape=[3])  # leaves half of a 64-bit word for the next 32-bit draw
    state = json.loads(json.dumps(generator.get_state()))
    wanted = [one_call(name) for name in SAMPLERS]
    generator.seed(1)
    generator.set_state(state)
    for name, values in zip(SAMPLERS, wanted, strict=True):
        np.testing.assert_array_equal(one_call(name), values)


def test_a_state_is_plain_data_of_64_bit_numbers():
    state = generator.get_state()
    assert all(isinstance(n, int) and 0 <= n < 2**64 for n in (*state["state"], state["has_uint32"], state["uint32"]))
    assert isinstance(state["generator"], str)


@pytest.mark.parametrize(
    "change",
    [
        {"state": [1, 2]},
        {"state": [-1, 2, 3, 4]},
        {"state": "abcd"},
        {"generator": "MT19937"},
        {"uint32": 2**40},
        {"has_uint32": None},
    ],
)
def test_what_is_no_state_is_refused_and_changes_nothing(change):
    before = generator.get_state()
    with pytest.raises(ArgumentError, match="no state of the random generator"):
        generator.set_state({**before, **change})
    assert generator.get_state() == before


def test_numbers_drawn_aside_are_those_of_their_seed_and_leave_the_main_stream_alone():
    wanted = [one_call("_random_uniform") for _ in range(2)]
    generator.seed(5)
    of_five = one_call("_random_uniform")
    generator.seed(20191)
    first = one_call("_random_uniform")
    generator.aside(5)
    np.testing.assert_array_equal(one_call("_random_uniform"), of_five)
    generator.aside(6)
    generator.aside(None)
    np.testing.assert_array_equal([first, one_call("_random_uniform")], wanted)


def test_without_a_seed_generators_differ():
    assert Generator().get_state() != Generator().get_state()


@pytest.mark.parametrize("number", [0, -1, 2**64 - 1, 2**80, 3.0])
def test_any_integer_is_a_seed(number):
    generator.seed(number)
    first = generator.get_state()
    generator.seed(number)
    assert generator.get_state() == first


@pytest.mark.parametrize("number", ["x", [1], float("nan"), 1.5])
def test_what_is_no_integer_is_no_seed(number):
    before = generator.get_state()
    with pytest.raises(ArgumentError, match="seed"):
        generator.seed(number)
    assert generator.get_state() == before


# -- refusals ----------------------------------------------------------------------------------------------------------

NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "attrs", "words"),
    [
        ("_random_uniform", {"low": 2, "high": 1}, "low <= high, but got low=2.0, high=1.0"),
        ("_random_uniform", {"low": NAN}, "low=nan"),
        ("_random_normal", {"scale": 0}, "scale > 0"),
        ("_random_normal", {"scale": -1}, "scale=-1.0"),
        ("_random_gamma", {"alpha": 0}, "alpha > 0"),
        ("_random_gamma", {"beta": -1}, "beta > 0"),
        ("_random_exponential", {"lam": 0}, "lam > 0"),
        ("_random_poisson", {"lam": -1}, "lam >= 0"),
        ("_random_negative_binomial", {"k": -1}, "k >= 0"),
        ("_random_negative_binomial", {"p": 0}, "0 < p <= 1"),
        ("_random_generalized_negative_binomial", {"mu": -1}, "mu >= 0"),
        ("_random_generalized_negative_binomial", {"alpha": -1}, "alpha >= 0"),
        ("_random_randint", {"low": 3, "high": 3}, "low < high"),
        ("_random_randint", {"low": 0, "high": 2**40}, "range of int32"),
        ("_random_randint", {"low": 0.5, "high": 2}, "expect int"),
        ("_random_uniform", {"dtype": "int32"}, "dtype"),
        ("_random_uniform", {"shape": None}, "shape"),
        ("_random_uniform", {"shape": [3, -1]}, "shape"),
        ("_random_uniform", {"shape": [2**40, 2**40]}, "shape"),
        ("_sample_unique_zipfian", {"range_max": 3, "shape": [1, 4]}, "n <= range_max"),
    ],
)
def test_parameters_without_a_distribution_are_refused(name, attrs, words):
    with pytest.raises(MXNetError, match=words):
        call(name, **{"shape": [2], **attrs})


@pytest.mark.parametrize(
    ("name", "inputs", "words"),
    [
        ("_sample_gamma", ([1, -2], [1, 1]), r"alpha > 0, but element \[1\] has alpha=-2.0"),
        ("_sample_poisson", ([1, NAN],), "lam=nan"),
        ("_sample_negative_binomial", ([1, 1], [0.5, 1.5]), "p=1.5"),
        ("_sample_generalized_negative_binomial", ([1, 1], [0.5, -1]), "alpha=-1.0"),
        ("_sample_normal", ([1, 1], [1, 1, 1]), r"one shape, but got \[2\] and \[3\]"),
        ("_sample_multinomial", ([0.5, -0.5],), "not negative"),
        ("_sample_multinomial", ([0, 0],), "not all 0"),
        ("_sample_multinomial", ([NAN, 1],), "not negative"),
    ],
)
def test_arrays_without_a_distribution_are_refused(name, inputs, words):
    with pytest.raises(MXNetError, match=words):
        call(name, *[np.array(x, np.float32) for x in inputs])


def test_arrays_of_two_dtypes_are_refused():
    with pytest.raises(MXNetError, match="expected float32, got float64"):
        call("_sample_uniform", np.zeros(2, np.float32), np.ones(2))


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name.endswith("_like")])
def test_only_arrays_of_floats_have_random_likenesses(name):
    with pytest.raises(MXNetError, match="takes an array of floats, but got int32"):
        call(name, np.zeros(3, np.int32))

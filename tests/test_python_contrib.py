"""`mx.nd.contrib`: loops and branches as functions. Expected values are what MXNet 1.9.1 answers."""

import numpy as np
import pytest

import python_engine as mx

nd = mx.nd
ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def values(result):
    """Nested lists of arrays as nested lists of numbers."""
    if isinstance(result, mx.nd.NDArray):
        return result.asnumpy().tolist()
    return [values(part) for part in result]


@pytest.mark.parametrize(
    ("body", "data", "states", "expected"),
    [
        (lambda x, s: (x + s, x + s), nd.array(ROWS), nd.zeros(2), [[[1, 2], [4, 6], [9, 12]], [9, 12]]),
        (lambda x, s: ([x, s[0]], [x + s[0]]), nd.array(ROWS), [nd.zeros(2)],
         [[ROWS, [[0, 0], [1, 2], [4, 6]]], [[9, 12]]]),
        (lambda x, s: (x[0] + x[1], s), [nd.array(ROWS), nd.array(ROWS)], [], [[[2, 4], [6, 8], [10, 12]], []]),
        (lambda x, s: ([], s + x), nd.array(ROWS), nd.zeros(2), [[], [9, 12]]),
        (lambda x, s: ([x, [x]], s), nd.array(ROWS), [], [[ROWS, [ROWS]], []]),
        (lambda x, s: (x, s), nd.array([1, 2, 3]), [], [[[1], [2], [3]], []]),
    ],
)  # fmt: skip
def test_foreach_stacks_the_outputs_and_hands_on_the_states(body, data, states, expected):
    assert values(nd.contrib.foreach(body, data, states)) == expected


def test_while_loop_stops_by_its_condition_or_its_bound():
    i, s = nd.array([0]), nd.array([1])
    loop = nd.contrib.while_loop
    assert values(loop(lambda i, s: i < 3, lambda i, s: (i + s, [i + 1, s + i]), [i, s], 5)) == [
        [[1], [2], [4], [0], [0]], [[3], [4]],
    ]  # fmt: skip
    assert values(loop(lambda i: i < 9, lambda i: ([i, i * i], i + 1), i, 2)) == [[[[0], [1]], [[0], [1]]], [2]]
    assert values(loop(lambda i: i < 3, lambda i: (None, i + 1), i, 9)) == [[], [3]]
    assert values(loop(lambda i: i < 0, lambda i: (i, i + 1), i, 3)) == [[], [0]]


def test_cond_calls_one_of_two():
    for pred, expected in ((nd.array([3]), 1), (nd.array([0]), 0), (True, 1)):
        assert nd.contrib.cond(pred, lambda: nd.ones(1), lambda: nd.zeros(1)).asscalar() == expected


def test_gradients_flow_through_loops():
    w = nd.array([2.0])
    w.attach_grad()
    with mx.autograd.record():
        outputs, last = nd.contrib.foreach(lambda x, s: (s * w, s * w + x), nd.array([1, 1, 1]), nd.ones(1))
        loss = outputs.sum() + last
    loss.backward()
    # the states are 1, w + 1, w² + w + 1 and w³ + w² + w + 1, the outputs w times the first three
    assert w.grad.asscalar() == 1 + (2 * 2 + 1) + 2 * (3 * 4 + 2 * 2 + 1)


def test_numbers_that_are_none_are_found():
    x = nd.array([1, np.inf, -np.inf, np.nan], dtype="float64")
    assert values([nd.contrib.isnan(x), nd.contrib.isinf(x), nd.contrib.isfinite(x)]) == [
        [0, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0],
    ]  # fmt: skip
    assert nd.contrib.isnan(x).dtype is np.float64


def test_classes_are_drawn_as_often_as_is_expected():
    mx.random.seed(3)
    drawn, of_true, of_drawn = nd.contrib.rand_zipfian(nd.array([[3], [0]]), 60_000, 5)
    assert drawn.dtype is np.int64 and drawn.shape == of_drawn.shape == (60_000,)
    counts = np.bincount(drawn.asnumpy(), minlength=5)
    np.testing.assert_allclose(of_true.asnumpy(), [[7472.3273], [23211.1681]], rtol=1e-6)  # of 4 in MXNet: 0.498, 1.547
    np.testing.assert_allclose(counts[[3, 0]], of_true.asnumpy()[:, 0], rtol=0.05)
    with pytest.raises(ValueError, match="range_max.*but got 0"):
        nd.contrib.rand_zipfian(nd.ones(1), 1, 0)
    assert set(of_drawn.asnumpy()[drawn.asnumpy() == 3].round(3)) == {7472.327}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: c.foreach(lambda x, s: (x, s), 3, []), "foreach input must be .nested. list of NDArray, but got 3"),
        (lambda c: c.foreach(lambda x, s: (x, s), nd.ones(2), 3), "foreach states must be"),
        (lambda c: c.foreach(lambda x, s: (3, s), nd.ones(2), []), "foreach output must be"),
        (lambda c: c.foreach(lambda x, s: x, nd.ones(3), []), "body returns an output and"),
        (lambda c: c.foreach(lambda x, s: (x, s), [], []), "an empty list"),
        (lambda c: c.foreach(lambda x, s: (x, s), [nd.ones(3), nd.ones(2)], []), "of one length"),
        (lambda c: c.while_loop(lambda i: i < 3, lambda i: (i, i), nd.ones(1)), "max_iterations.*None"),
        (lambda c: c.while_loop(lambda: 1, lambda: ([], []), [], 1), "at least one element"),
        (lambda c: c.while_loop(lambda i: i < 3, lambda i: (i, [i, i]), nd.ones(1), 3), "1, but func gave 2"),
        (lambda c: c.cond(nd.ones(2), list, list), "multiple elements is ambiguous"),
    ],
)
def test_what_a_loop_cannot_take_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(nd.contrib)


def test_operators_of_contrib_are_found_beside_them():
    assert {"foreach", "box_iou"} <= set(dir(nd.contrib))
    assert nd.contrib.quadratic(nd.array([2]), a=1).asscalar() == 4
    with pytest.raises(AttributeError, match="_contrib_nothing"):
        _ = nd.contrib.nothing

"""Large arrays: computed in pieces and on several threads, they give what the formulas say, bit for bit on any number
of threads."""

import os
import threading
import time
import weakref

import numpy as np
import pytest

from python_engine import calls, parallel, tape
from python_engine.ndarray import NDArray
from python_engine.ops import common, convolve, norm, sums
from python_engine.ops import softmax as softmaxes
from python_engine.parallel import in_pieces
from python_engine.registry import find

LARGE = 2_100_003  # elements: shared pieces for every kind of step, and the last piece is not a whole one


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_norm(x, gamma, beta):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * gamma + beta


MATRIX, VECTOR, ROW = (1501, 1400), (LARGE,), (1400,)
# operator, attributes, shapes, the same in float64
CASES = [
    ("sigmoid", {}, [VECTOR], sigmoid),
    ("tanh", {}, [VECTOR], np.tanh),
    ("relu", {}, [VECTOR], lambda x: np.maximum(x, 0)),
    ("rsqrt", {}, [VECTOR], lambda x: 1 / np.sqrt(x)),
    ("softsign", {}, [VECTOR], lambda x: x / (1 + abs(x))),
    ("square", {}, [VECTOR], np.square),
    ("round", {}, [VECTOR], np.round),
    ("broadcast_add", {}, [VECTOR, VECTOR], np.add),
    ("broadcast_mul", {}, [MATRIX, ROW], np.multiply),
    ("elemwise_div", {}, [VECTOR, VECTOR], np.divide),
    ("broadcast_greater", {}, [VECTOR, VECTOR], np.greater),
    ("_maximum_scalar", {"scalar": 0.25}, [VECTOR], lambda x: np.maximum(x, 0.25)),
    ("_minimum_scalar", {"scalar": 0.25}, [VECTOR], lambda x: np.minimum(x, 0.25)),
    ("_power_scalar", {"scalar": 3.0}, [VECTOR], lambda x: x**3),
    ("_rminus_scalar", {"scalar": 2.0}, [VECTOR], lambda x: 2 - x),
    ("broadcast_mod", {}, [VECTOR, VECTOR], np.mod),
    ("sum", {}, [VECTOR], lambda x: x.sum(keepdims=True)),
    ("sum", {"axis": (1,)}, [MATRIX], lambda x: x.sum(1)),
    ("sum", {"axis": (0,)}, [MATRIX], lambda x: x.sum(0)),
    ("sum", {"axis": (0,)}, [(50_001, 42)], lambda x: x.sum(0)),
    ("sum", {"axis": (1,)}, [(42, 50_001)], lambda x: x.sum(1)),
    ("sum", {"axis": (1,)}, [(3, 700_001, 1)], lambda x: x.sum(1)),
    ("sum", {"axis": (1,)}, [(64, 501, 70)], lambda x: x.sum(1)),
    ("sum", {"axis": (1,)}, [(200_000, 3, 4)], lambda x: x.sum(1)),
    ("sum", {"axis": (0, 2, 3), "keepdims": True}, [(40, 20, 50, 53)], lambda x: x.sum((0, 2, 3), keepdims=True)),
    ("mean", {"axis": (0, 2)}, [(30, 70, 1001)], lambda x: x.mean((0, 2))),
    ("max", {"axis": (1,)}, [MATRIX], lambda x: x.max(1)),
    ("max", {"axis": (2,), "keepdims": True}, [(150, 140, 101)], lambda x: x.max(2, keepdims=True)),
    ("softmax", {}, [MATRIX], softmax),
    ("log_softmax", {}, [MATRIX], lambda x: np.log(softmax(x))),
    ("LayerNorm", {}, [MATRIX, ROW, ROW], layer_norm),
    ("dot", {}, [(1023, 300), (300, 411)], np.matmul),
    ("dot", {"transpose_a": True}, [(9, 30), (9, 200_003)], lambda x, y: x.T @ y),
    ("dot", {"transpose_a": True, "transpose_b": True}, [(500, 700), (800, 500)], lambda x, y: x.T @ y.T),
    ("batch_dot", {}, [(50, 130, 140), (50, 140, 60)], np.matmul),
    ("batch_dot", {"transpose_b": True}, [(2, 400, 300), (2, 500, 300)], lambda x, y: x @ y.swapaxes(1, 2)),
    ("_npi_matmul", {}, [(7, 1, 90, 300), (2, 300, 201)], np.matmul),
    ("_npi_matmul", {}, [(700, 300), (2, 300, 201)], np.matmul),
    ("FullyConnected", {"num_hidden": 900}, [(64, 700), (900, 700), (900,)], lambda x, w, b: x @ w.T + b),
]


def forward(name, attrs, arrays):
    row = find(name)
    result = row.forward(*arrays, **row.parse(attrs))
    return result if row.single else result[0]


def drawn(shapes, dtype):
    return [np.random.uniform(0.01, 1, shape).astype(dtype) - (0.5 if len(shapes) > 1 else 0) for shape in shapes]


@pytest.mark.parametrize(("name", "attrs", "shapes", "formula"), CASES)
def test_large_arrays_give_the_formula_and_the_same_bits_on_any_number_of_threads(
    monkeypatch, name, attrs, shapes, formula
):
    arrays = drawn(shapes, np.float32)
    results = []
    for cores in (1, 2, 3):
        monkeypatch.setattr(parallel, "CORES", cores)
        results.append(forward(name, attrs, arrays))
    for result in results:
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, results[0])
    np.testing.assert_allclose(results[0], formula(*[x.astype(np.float64) for x in arrays]), rtol=3e-5, atol=3e-6)


@pytest.mark.parametrize(("name", "shapes"), [
    ("sigmoid", [VECTOR]), ("tanh", [VECTOR]), ("relu", [VECTOR]), ("softmax", [MATRIX]), ("log_softmax", [MATRIX]),
    ("LayerNorm", [MATRIX, ROW, ROW]), ("GroupNorm", [(200, 3, 60, 60), (3,), (3,)]),
    ("InstanceNorm", [(200, 3, 60, 60), (3,), (3,)]),
    ("Convolution", [(40, 8, 30, 41), (16, 8, 3, 3), (16,)]),
    ("Convolution", [(1, 16, 120, 110), (24, 16, 5, 3), (24,)]),
    ("Convolution", [(20, 8, 3001), (18, 8, 5), (18,)]), ("Convolution", [(60, 7, 20, 20), (24, 7, 4, 5), (24,)]),
])  # fmt: skip
def test_gradients_of_large_arrays_agree_with_float64_and_are_the_same_bits_on_any_number_of_threads(
    monkeypatch, name, shapes
):
    arrays = drawn(shapes, np.float32)
    row, attrs = find(name), {"num_groups": 3} if name == "GroupNorm" else {}
    if name == "Convolution":
        attrs = {"kernel": shapes[1][2:], "num_filter": shapes[1][0]}
    head = np.random.uniform(-1, 1, forward(name, attrs, arrays).shape).astype(np.float32)

    def gradients(dtype):
        inputs = [NDArray(x.astype(dtype)) for x in arrays]
        for x in inputs:
            tape.mark_variable(x, NDArray(np.zeros_like(x.data)))
        with tape.recording(True, True):
            output = calls.invoke(row, inputs, row.parse(attrs))[0]
            return [x.data for x in tape.grad([output], inputs, [NDArray(head.astype(dtype))])]

    results = []
    for cores in (1, 2, 3):
        monkeypatch.setattr(parallel, "CORES", cores)
        results.append(gradients(np.float32))
    for result in results:
        for one, first in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(one, first)
    for module in (common, norm, softmaxes, sums):  # all at once
        monkeypatch.setattr(module, "in_pieces", lambda work, count, *_, **__: work(0, count))
    monkeypatch.setattr(convolve, "SHARED", np.inf)
    for one, exact in zip(results[0], gradients(np.float64), strict=True):
        np.testing.assert_allclose(one, exact, rtol=1e-3, atol=1e-3 * abs(exact).max())


def layouts(x):
    """Equal arrays that lie in memory in different ways."""
    yield np.asfortranarray(x)
    yield np.ascontiguousarray(x.transpose(1, 2, 0)).transpose(2, 0, 1)
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    yield wide[..., ::2]
    yield x[::-1, :, ::-1].copy()[::-1, :, ::-1]


@pytest.mark.parametrize("name", ["sigmoid", "relu", "tanh", "sum", "softmax", "max", "_backward_tanh"])
def test_other_memory_layouts_give_the_same(name):
    x = np.random.uniform(-1, 1, (101, 70, 90)).astype(np.float32)
    attrs = {"axis": (1,)} if name in ("sum", "max") else {}
    others = [x[::1]] if name == "_backward_tanh" else []
    expected = forward(name, attrs, [x, *others])
    for y in layouts(x):
        np.testing.assert_allclose(forward(name, attrs, [y, *others]), expected, rtol=2e-5, atol=1e-5)


def test_a_repeated_number_is_taken_for_an_array():
    x = np.random.rand(LARGE).astype(np.float32)
    ones = np.broadcast_to(np.float32(3), x.shape)
    np.testing.assert_array_equal(forward("elemwise_mul", {}, [ones, x]), 3 * x)
    np.testing.assert_array_equal(forward("elemwise_mul", {}, [ones, ones]), np.full_like(x, 9))


def test_nan_and_infinity_come_through_sums_and_maxima():
    x = np.ones((3000, 100), np.float32)
    x[1, 3], x[2, 4], x[3, :2] = np.nan, np.inf, (np.inf, -np.inf)
    total, largest = forward("sum", {"axis": (1,)}, [x]), forward("max", {"axis": (1,)}, [x])
    np.testing.assert_array_equal(total[:5], [100, np.nan, np.inf, np.nan, 100])
    np.testing.assert_array_equal(largest[:5], [1, np.nan, np.inf, np.inf, 1])


@pytest.mark.parametrize("x", [-80.0, -20.0, -5.0])
def test_sigmoid_keeps_its_digits_where_it_is_small(x):
    result = forward("sigmoid", {}, [np.full(300_000, x, np.float32)])
    np.testing.assert_allclose(result, sigmoid(x), rtol=1e-5)


# -- the mechanism -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "width"), [(0, 5), (1, 1), (7, 100), (1000, 1000), (3, 1 << 20), (1 << 20, 1)])
@pytest.mark.parametrize("cores", [1, 4])
def test_every_element_is_covered_once(monkeypatch, count, width, cores):
    monkeypatch.setattr(parallel, "CORES", cores)
    times = np.zeros(count, np.int64)

    def work(i, j):
        times[i:j] += 1

    in_pieces(work, count, width)
    assert (times == 1).all()


@pytest.mark.parametrize("cores", [1, 3])
def test_an_error_in_a_piece_is_raised_and_the_threads_go_on_serving(monkeypatch, cores):
    monkeypatch.setattr(parallel, "CORES", cores)

    def fail(i, j):
        raise ZeroDivisionError(i)

    for _ in range(30):
        with pytest.raises(ZeroDivisionError, match="^0$"):
            in_pieces(fail, 100, parallel.PIECE)
    done = []
    in_pieces(lambda i, j: done.append(i), 100, parallel.PIECE)
    assert sorted(done) == list(range(100))


def test_nobody_waits_for_a_thread_that_has_not_begun(monkeypatch):
    monkeypatch.setattr(parallel, "CORES", 4)
    monkeypatch.setattr(parallel, "helpers", parallel.Helpers())
    monkeypatch.setattr(parallel.helpers, "start", lambda: None)  # as where the system gives them no core
    done = []
    for _ in range(2):
        in_pieces(lambda i, j: done.append(i), 20, parallel.PIECE)
    assert sorted(done) == sorted([*range(20)] * 2)


def test_a_task_is_done_once_by_a_helper_or_by_the_thread_that_needs_it(monkeypatch):
    done, gate = [], threading.Event()
    monkeypatch.setattr(parallel, "CORES", 1)
    task = parallel.begin(lambda: done.append(threading.current_thread()))
    assert done == []
    parallel.finish(task, task)
    assert done == [threading.current_thread()]
    monkeypatch.setattr(parallel, "CORES", 2)
    task = parallel.begin(lambda: (gate.wait(60), done.append(threading.current_thread())))
    while not task.begun.locked():
        time.sleep(0.001)
    gate.set()
    parallel.finish(task)
    parallel.finish(task)
    assert [thread.name for thread in done[1:]] == ["helper"]


@pytest.mark.parametrize("cores", [1, 2])
def test_what_a_task_raises_is_raised_where_it_is_finished_and_other_tasks_are_done(monkeypatch, cores):
    monkeypatch.setattr(parallel, "CORES", cores)
    done = []
    failing, slow = parallel.begin(lambda: {}["absent"]), parallel.begin(lambda: (time.sleep(0.01), done.append(1)))
    with pytest.raises(KeyError, match="absent"):
        parallel.finish(failing, slow)
    assert done == [1]


def test_a_finished_task_that_no_helper_has_taken_holds_no_arrays(monkeypatch):
    monkeypatch.setattr(parallel, "CORES", 2)
    monkeypatch.setattr(parallel, "helpers", parallel.Helpers())
    monkeypatch.setattr(parallel.helpers, "start", lambda: None)
    x = np.zeros(1000)
    held, task = weakref.ref(x), parallel.begin(x.sum)
    del x
    assert held() is not None
    parallel.finish(task)
    assert held() is None
    assert parallel.helpers.tasks.qsize() == 1


def test_pieces_within_pieces_do_not_wait_for_each_other(monkeypatch):
    monkeypatch.setattr(parallel, "CORES", 3)
    done = []

    def outer(i, j):
        in_pieces(lambda k, _: done.append((i, k)), 20, parallel.PIECE)

    in_pieces(outer, 20, parallel.PIECE)
    assert sorted(done) == [(i, k) for i in range(20) for k in range(20)]


def test_several_threads_may_compute_at_once(monkeypatch):
    monkeypatch.setattr(parallel, "CORES", 2)
    x = np.random.rand(1_000_000).astype(np.float32)
    expected, results = forward("sigmoid", {}, [x]), []
    threads = [threading.Thread(target=lambda: results.append(forward("sigmoid", {}, [x]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_a_forked_child_computes_on_threads_of_its_own(monkeypatch):
    monkeypatch.setattr(parallel, "CORES", 2)
    x = np.random.rand(1_000_000).astype(np.float32)
    expected = forward("sigmoid", {}, [x])
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(forward("sigmoid", {}, [x]), expected) else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0

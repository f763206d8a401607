"""Convolution and pooling beyond the recordings: both plans of the kernels, memory orders, windows at the edges."""

import numpy as np
import pytest

from python_engine import calls, ops, tape  # noqa: F401
from python_engine.errors import MXNetError
from python_engine.ndarray import NDArray
from python_engine.ops import convolve
from python_engine.registry import find

PLANS = {
    "rows": (0, convolve.BLOCK_BYTES),
    "rows in blocks": (0, 1),
    "whole": (10**9, convolve.BLOCK_BYTES),
    "whole in blocks": (10**9, 1),
}
WINDOWS = [  # batch, channels and filters of a group, groups, sizes, kernel, stride, dilate, pad
    (3, 2, 2, 1, (7,), (3,), (2,), (1,), (1,)),
    (1, 2, 3, 2, (7, 6), (3, 2), (1, 1), (1, 1), (0, 0)),
    (3, 2, 1, 3, (7, 6), (3, 3), (2, 3), (1, 1), (2, 1)),
    (2, 1, 2, 2, (8, 9), (2, 3), (1, 2), (2, 1), (4, 0)),
    (2, 2, 2, 1, (8, 9), (3, 2), (2, 1), (1, 2), (1, 1)),
    (2, 3, 4, 1, (5, 4), (1, 1), (1, 1), (1, 1), (0, 0)),
    (2, 2, 2, 1, (9, 8), (3, 3), (1, 1), (1, 1), (-1, -2)),
    (2, 2, 1, 2, (4, 5, 6), (2, 3, 2), (1, 2, 2), (1, 1, 1), (1, 0, 2)),
]
ORDERS = {"C": lambda x: x, "batch innermost": lambda x: in_order(x, (*range(1, x.ndim), 0)), "F": np.asfortranarray}


def in_order(x, axes):
    """The same array with its axes in another order in memory."""
    return np.ascontiguousarray(x.transpose(axes)).transpose(np.argsort(axes))


def straightforward_convolution(data, weight, stride, dilate, pad, groups):
    """The definition, a tap at a time."""
    data = np.pad(data, [(0, 0), (0, 0), *((max(p, 0),) * 2 for p in pad)])
    data = data[(..., *(slice(-p, p) if p < 0 else slice(None) for p in pad))]
    filters, channels, *kernel = weight.shape
    outs = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(data.shape[2:], kernel, stride, dilate)]
    result = np.zeros((len(data), filters, *outs))
    for taps in np.ndindex(*kernel):
        ends = [t * d + (n - 1) * s + 1 for t, d, n, s in zip(taps, dilate, outs, stride)]
        seen = data[(..., *(slice(t * d, end, s) for t, d, end, s in zip(taps, dilate, ends, stride)))]
        for f in range(filters):
            group = f // (filters // groups)
            part = seen[:, group * channels : (group + 1) * channels]
            result[:, f] += np.einsum("nc...,c->n...", part, weight[(f, slice(None), *taps)])
    return result


@pytest.fixture(params=PLANS, ids=str)
def plan(request, monkeypatch):
    long_row, block = PLANS[request.param]
    monkeypatch.setattr(convolve, "LONG_ROW", long_row)
    monkeypatch.setattr(convolve, "BLOCK_BYTES", block)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_convolution_and_its_gradients_follow_the_definition(plan, window, order):
    batch, channels, filters, groups, sizes, kernel, stride, dilate, pad = window
    random = np.random.default_rng(1)
    data = ORDERS[order](random.normal(size=(batch, groups * channels, *sizes)))
    weight = random.normal(size=(groups * filters, channels, *kernel))
    attrs = {"kernel": kernel, "stride": stride, "dilate": dilate, "pad": pad, "num_group": groups}
    x, w = NDArray(data), NDArray(weight)
    for variable in (x, w):
        tape.mark_variable(variable, NDArray(np.zeros_like(variable.data)))
    row = find("Convolution")
    with tape.recording(True, True):
        y = calls.invoke(row, [x, w], row.parse({**attrs, "num_filter": groups * filters, "no_bias": True}))[0]
    definition = [stride, dilate, pad, groups]
    np.testing.assert_allclose(y.data, straightforward_convolution(data, weight, *definition), atol=1e-12)
    head = ORDERS[order](random.normal(size=y.shape))
    g_data, g_weight = tape.grad([y], [x, w], [NDArray(head)])
    # the result is linear in each of the two, so the gradients are right if these products agree for any direction
    for direction, gradient, result in (
        (random.normal(size=data.shape), g_data, lambda d: straightforward_convolution(d, weight, *definition)),
        (random.normal(size=weight.shape), g_weight, lambda d: straightforward_convolution(data, d, *definition)),
    ):
        np.testing.assert_allclose((gradient.data * direction).sum(), (head * result(direction)).sum(), atol=1e-10)


def test_a_float16_convolution_sums_in_float32():
    data, weight = np.full((1, 4096, 1, 1), 0.1, np.float16), np.ones((1, 4096, 1, 1), np.float16)
    row = find("Convolution")
    out = row.forward(data, weight, **row.parse({"kernel": (1, 1), "num_filter": 1, "no_bias": True}))
    assert out.dtype == np.float16
    np.testing.assert_allclose(out, 4096 * np.float16(0.1).astype(np.float32), rtol=1e-3)


def test_columns_in_the_scratch_memory_do_not_leak_into_results():
    random, row = np.random.default_rng(2), find("Convolution")
    attrs = row.parse({"kernel": (3, 3), "num_filter": 2, "no_bias": True, "pad": (1, 1)})
    calls = [(random.normal(size=(20, 2, 9, 9)), random.normal(size=(2, 2, 3, 3))) for _ in range(2)]
    first = row.forward(*calls[0], **attrs)
    kept = first.copy()
    row.forward(*calls[1], **attrs)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    ("attrs", "shape", "told"),
    [
        ({"kernel": (5, 5), "num_filter": 1}, (1, 1, 4, 4), "kernel"),
        ({"kernel": (3,), "num_filter": 1}, (1, 1, 4, 4), "4D|3D"),
        ({"kernel": (3, 3), "num_filter": 1, "stride": (0, 1)}, (1, 1, 4, 4), "stride"),
        ({"kernel": (3, 3), "num_filter": 1, "pad": (1,)}, (1, 1, 4, 4), "pad"),
        ({"kernel": (3, 3), "num_filter": 0}, (1, 1, 4, 4), "num_filter"),
        ({"kernel": (3, 3), "num_filter": 1, "num_group": 0}, (1, 1, 4, 4), "num_group"),
        ({"kernel": (3, 3), "num_filter": 1, "layout": "NHWC"}, (1, 4, 4, 1), "layout"),
        ({"kernel": (3, 3), "num_filter": 2}, (1, 1, 4, 4), "weight"),
    ],
)
def test_a_convolution_that_does_not_fit_is_refused_by_name(attrs, shape, told):
    row = find("Convolution")
    with pytest.raises(MXNetError, match=told) as failure:
        weight = np.ones((1, 1, *(attrs["kernel"] if told != "weight" else (3, 3))))
        row.forward(np.ones(shape), weight, **row.parse({**attrs, "no_bias": True}))
    assert "Convolution" in str(failure.value)


def test_a_target_shape_decides_about_pad_and_adj():
    row, random = find("Deconvolution"), np.random.default_rng(3)
    data, weight = random.normal(size=(1, 2, 3, 4)), random.normal(size=(2, 2, 4, 4))
    common = {"kernel": (4, 4), "stride": (2, 2), "num_filter": 2}
    by_target = row.forward(data, weight, **row.parse({**common, "target_shape": (7, 9), "pad": (5, 5)}))
    by_hand = row.forward(data, weight, **row.parse({**common, "pad": (1, 1), "adj": (1, 1)}))
    np.testing.assert_array_equal(by_target, by_hand)
    assert by_target.shape == (1, 2, 7, 9)


def pooled(data, **attrs):
    row = find("Pooling")
    return row.forward(data, **row.parse(attrs))


def pooling_gradient(data, head=None, **attrs):
    row, x = find("Pooling"), NDArray(data)
    tape.mark_variable(x, NDArray(np.zeros_like(data)))
    with tape.recording(True, True):
        y = calls.invoke(row, [x], row.parse(attrs))[0]
    return tape.grad([y], [x], None if head is None else [NDArray(head)])[0].data


@pytest.mark.parametrize("order", ORDERS)
def test_of_equal_maxima_the_first_in_reading_order_gets_the_gradient(order):
    data = ORDERS[order](np.array([0.0, 1, 0, 1, 1, 0, 0, 0, 1]).reshape(1, 1, 3, 3))
    np.testing.assert_array_equal(pooling_gradient(data, kernel=(2, 2)), [[[[0, 2, 0], [1, 1, 0], [0, 0, 0]]]])
    np.testing.assert_array_equal(
        pooling_gradient(data, kernel=(3, 3), stride=(3, 3)), [[[[0, 1, 0], [0, 0, 0], [0, 0, 0]]]]
    )


def test_pooling_gradients_of_mixed_memory_orders_agree():
    random = np.random.default_rng(4)
    data, head = random.normal(size=(4, 3, 6, 8)), random.normal(size=(4, 3, 3, 4))
    expected = pooling_gradient(data, head, kernel=(2, 2), stride=(2, 2))
    for order in ORDERS.values():
        np.testing.assert_array_equal(pooling_gradient(order(data), head, kernel=(2, 2), stride=(2, 2)), expected)


def test_a_maximum_passes_over_nan():
    data = np.array([[[np.nan, 1, 2, np.nan, 5, np.nan]]])
    np.testing.assert_array_equal(pooled(data, kernel=(2,), stride=(2,)), [[[1, 2, 5]]])
    np.testing.assert_array_equal(pooling_gradient(data, kernel=(2,), stride=(2,)), [[[0, 1, 1, 0, 1, 0]]])


def test_same_pooling_cuts_the_last_window_short():
    data = np.array([[[3.0, 1, 2, 0, 4]]])
    np.testing.assert_array_equal(pooled(data, kernel=(2,), stride=(2,), pooling_convention="same"), [[[3, 2, 4]]])


def test_pooling_by_windows_of_one_element_gives_a_new_array():
    data = np.ones((1, 1, 3, 3))
    for kind in ("max", "avg", "sum"):
        out = pooled(data, kernel=(1, 1), pool_type=kind)
        assert not np.may_share_memory(out, data)
        np.testing.assert_array_equal(out, data)
        assert not np.may_share_memory(pooling_gradient(data, data, kernel=(1, 1), pool_type=kind), data)

"""Cross entropy in one operator against log_softmax and pick, which it stands for."""

import numpy as np
import pytest

import python_engine as mx
from python_engine import autograd
from python_engine.tape import taped_functions as F


def of_both(x, label, axis, batch_axis=None):
    """Losses and gradients, by the one operator and by those that it stands for."""
    results = []
    for one in (True, False):
        data = mx.nd.array(x, dtype=x.dtype)
        data.attach_grad()
        with autograd.record():
            if one:
                loss = F._softmax_cross_entropy(data, label, axis=axis, batch_axis=batch_axis)[0]
            else:
                loss = -mx.nd.pick(mx.nd.log_softmax(data, axis=axis), label, axis=axis, keepdims=True)
                loss = loss if batch_axis is None else mx.nd.mean(loss, axis=batch_axis, exclude=True)
            weighted = loss * mx.nd.array(np.linspace(-1, 2, loss.size).reshape(loss.shape), dtype=x.dtype)
        weighted.backward()
        results.append((loss.asnumpy(), data.grad.asnumpy()))
    return results


@pytest.mark.parametrize(("shape", "axis"), [((4, 5), -1), ((4, 5), 0), ((2, 3, 4), 1), ((7,), 0), ((300, 40), -1)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_it_is_log_softmax_pick_and_a_minus(dtype, shape, axis):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 3, shape).astype(dtype)
    lines = [n for i, n in enumerate(shape) if i != axis % len(shape)] or [1]
    label = mx.nd.array(rng.integers(-1, shape[axis] + 1, lines) + 0.5)
    (loss, grad), (wanted, wanted_grad) = of_both(x, label, axis)
    assert loss.dtype == dtype and loss.shape == wanted.shape
    tolerance = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(loss, wanted, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(grad, wanted_grad, rtol=tolerance, atol=2 * tolerance)


@pytest.mark.parametrize(("shape", "axis", "batch_axis"), [
    ((4, 5), -1, 0), ((4, 5), 0, 1), ((4, 5), 1, 1), ((2, 3, 4), 1, 0), ((2, 3, 4), -1, -2), ((7,), 0, 0),
    ((300, 40), -1, 0), ((35, 20, 65), -1, 0), ((0, 4), -1, 0),
])  # fmt: skip
def test_with_a_batch_axis_the_mean_of_each_sample_belongs_to_it(shape, axis, batch_axis):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 3, shape).astype(np.float32)
    lines = [n for i, n in enumerate(shape) if i != axis % len(shape)] or [1]
    label = mx.nd.array(rng.integers(0, shape[axis], lines))
    (loss, grad), (wanted, wanted_grad) = of_both(x, label, axis, batch_axis)
    assert loss.dtype == np.float32 and loss.shape == wanted.shape
    np.testing.assert_allclose(loss, wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(grad, wanted_grad, rtol=1e-6, atol=1e-6)


def test_a_batch_axis_that_is_none_of_the_axes_is_refused():
    with pytest.raises(mx.MXNetError, match="axis"):
        F._softmax_cross_entropy(mx.nd.ones((4, 5)), mx.nd.ones((4,)), batch_axis=2)


def test_large_and_infinite_values_do_not_overflow():
    x = np.array([[1e4, 0, -1e4], [0, -np.inf, 0], [1e4, 1e4, 1e4]], np.float32)
    (loss, grad), (wanted, wanted_grad) = of_both(x, mx.nd.array([1, 1, 2]), -1)
    np.testing.assert_allclose(loss, wanted)
    np.testing.assert_allclose(grad, wanted_grad, atol=1e-6)
    assert loss[1] == np.inf


def test_labels_of_another_shape_are_refused():
    with pytest.raises(mx.MXNetError, match="index must have the shape"):
        F._softmax_cross_entropy(mx.nd.ones((4, 5)), mx.nd.ones((3,)))

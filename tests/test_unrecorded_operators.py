"""Optimizer, image and contrib operators where the recordings of MXNet have nothing to say: on a CPU it lacks the
operator, draws at random, leaves memory unwritten or takes no dense arrays."""

import numpy as np
import pytest

from python_engine import ops  # noqa: F401
from python_engine.errors import ArgumentError, ComputeError, ShapeError
from python_engine.generator import generator
from python_engine.registry import find


def run(name, *inputs, **attrs):
    """An operator on NumPy arrays; lists become float32."""
    row = find(name)
    row.check_inputs(len(inputs))
    inputs = [x if isinstance(x, np.ndarray) else np.array(x, np.float32) for x in inputs]
    result = row.forward(*inputs, **row.parse(attrs))
    return result if row.single else result[: row.visible_count(row.parse(attrs))]


# -- updates ---------------------------------------------------------------------------------------------------------


def test_adagrad_of_dense_arrays():
    history = np.array([1, 4], np.float32)
    new = run("_sparse_adagrad_update", [1, 2], [2, -3], history, lr=0.1, epsilon=0.5, wd=0.2)
    np.testing.assert_allclose(history, [5, 13])
    np.testing.assert_allclose(new, [1 - 0.1 * (2 / 5.5**0.5 + 0.2), 2 - 0.1 * (-3 / 13.5**0.5 + 0.4)], rtol=1e-6)


def test_group_adagrad_has_one_rate_for_each_row():
    history = np.ones((2, 1), np.float32)
    new = run("_contrib_group_adagrad_update", np.ones((2, 3), np.float32), [[1, 2, 3], [4, 5, 6]], history,
              lr=0.1, rescale_grad=0.5, epsilon=0.5)  # fmt: skip
    np.testing.assert_allclose(history, [[2.1666665], [7.4166665]], rtol=1e-6)
    recorded = [[0.9693814, 0.9387628, 0.9081441], [0.9289181, 0.91114765, 0.8933772]]  # of a row sparse gradient
    np.testing.assert_allclose(new, recorded, rtol=1e-6)


@pytest.mark.parametrize("scale", [0, np.inf, np.nan])
def test_adamw_leaves_everything_alone_if_the_loss_scale_is_unusable(scale):
    arrays = [np.array([1, 2], np.float32) for _ in range(4)]
    new = run("_adamw_update", *arrays, [scale], lr=0.1, eta=1)
    np.testing.assert_array_equal([new, *arrays], [[1, 2]] * 5)


def test_an_update_of_many_weights_checks_all_of_them_before_it_writes_to_one():
    arrays = [np.ones(2, np.float32) for _ in range(5)] + [np.ones(3, np.float32)]
    with pytest.raises(ShapeError, match=r"2-th input: expected \[2\], got \[3\] in operator multi_sgd_mom_update"):
        run("multi_sgd_mom_update", *arrays, lrs=(0.1, 0.1), wds=(0, 0), momentum=0.9, num_weights=2)
    assert all((x == 1).all() for x in arrays)


def test_the_number_of_arrays_and_of_rates_must_fit():
    weight = np.ones(2, np.float32)
    with pytest.raises(ArgumentError, match="expects 4 inputs, but got 2 instead"):
        run("multi_sgd_update", weight, weight, lrs=(0.1, 0.1), wds=(0, 0), num_weights=2)
    with pytest.raises(ArgumentError, match="takes 1 numbers as lrs, one for each weight, but got 2"):
        run("multi_sgd_update", weight, weight, lrs=(0.1, 0.1), wds=(0,))


def test_integers_cannot_be_updated():
    with pytest.raises(ShapeError, match="only support floating point types, not int32"):
        run("sgd_update", np.ones(2, np.int32), np.ones(2, np.int32), lr=1)


def test_finiteness_does_not_accumulate_into_a_destination():
    assert run("multi_all_finite", [1, 2], [np.nan], num_arrays=2) == [0]
    with pytest.raises(ArgumentError, match="give all arrays to one call of multi_all_finite"):
        run("all_finite", [1, 2], init_output=False)


# -- images ----------------------------------------------------------------------------------------------------------

PIXELS = np.array([[172, 47, 117, 192], [67, 251, 195, 103], [9, 211, 21, 242], [36, 87, 70, 216]]) // 2
RESIZED = {  # to 3 by 3, by MXNet
    0: [86, 23, 58, 33, 125, 97, 4, 105, 10],
    1: [70.97222, 52.25, 84.5, 34.583336, 84.25, 80.58333, 21.944445, 42.083336, 96.94444],
    2: [72.55466, 45.53473, 85.464935, 30.488216, 101.02832, 77.642715, 21.038927, 36.49667, 99.05443],
    3: [66.6875, 58.125, 80.5, 42.625, 84.25, 77.875, 25.5, 43.625, 90.625],
    4: [73.3849, 44.477917, 86.17749, 31.180012, 106.35276, 72.96796, 22.791449, 31.67083, 100.27834],
}


@pytest.mark.parametrize("interp", RESIZED)
def test_an_image_is_resampled_as_by_opencv(interp):
    image = PIXELS.astype(np.float32)[:, :, None]
    small = run("_image_resize", image, size=3, interp=interp)
    np.testing.assert_allclose(small.ravel(), RESIZED[interp], rtol=1e-5)
    batch = run("_image_resize", np.stack([image, image]), size=3, interp=interp)
    np.testing.assert_array_equal(batch, [small, small])


def test_a_flip_exchanges_all_columns_also_of_an_odd_number():
    image = np.arange(15, dtype=np.uint8).reshape(3, 5, 1)
    np.testing.assert_array_equal(run("_image_flip_left_right", image), image[:, ::-1])
    np.testing.assert_array_equal(run("_image_flip_top_bottom", image), image[::-1])


def test_a_random_flip_flips_about_half_of_the_images():
    generator.seed(3)
    image = np.arange(3, dtype=np.uint8).reshape(1, 3, 1)
    flipped = [bool(run("_image_random_flip_left_right", image)[0][0, 0, 0] == 2) for _ in range(400)]
    assert 150 < sum(flipped) < 250


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_that_need_not_change_stay_as_they_are(channels):
    image = np.random.default_rng(0).uniform(0, 255, (4, 5, channels)).astype(np.float32)
    for name, attrs in [
        ("_image_random_color_jitter", {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}),
        ("_image_random_brightness", {"min_factor": 1, "max_factor": 1}),
        ("_image_random_contrast", {"min_factor": 1, "max_factor": 1}),
        ("_image_random_saturation", {"min_factor": 1, "max_factor": 1}),
        ("_image_random_hue", {"min_factor": 1, "max_factor": 1}),
        ("_image_random_lighting", {"alpha_std": 0}),
    ]:
        np.testing.assert_allclose(run(name, image, **attrs), image, rtol=1e-3, atol=1e-3, err_msg=name)


def test_the_hue_of_a_grey_image_does_not_turn():
    grey = np.full((2, 2, 3), 100, np.uint8)
    np.testing.assert_array_equal(run("_image_random_hue", grey, min_factor=0.3, max_factor=0.3), grey)
    single = np.full((2, 2, 1), 100, np.uint8)
    np.testing.assert_array_equal(run("_image_random_hue", single, min_factor=0.3, max_factor=0.3), single)


def test_a_third_of_a_turn_of_the_hue_exchanges_the_primary_colours():
    red = np.array([[[200, 0, 0]]], np.float32)
    green = run("_image_random_hue", red, min_factor=1 / 3, max_factor=1 / 3)
    np.testing.assert_allclose(green, [[[0, 200, 0]]], atol=1e-3)


def test_random_factors_lie_in_the_range_and_follow_the_seed():
    image = np.ones((1, 1, 1), np.float32)

    def draw():
        generator.seed(5)
        return [run("_image_random_brightness", image, min_factor=0.5, max_factor=2).item() for _ in range(200)]

    factors = draw()
    assert 0.5 <= min(factors) < 0.6 and 1.9 < max(factors) < 2
    assert draw() == factors


@pytest.mark.parametrize(
    ("name", "shape", "attrs", "message"),
    [
        ("_image_crop", (4, 4, 3), {"x": -1, "y": 0, "width": 2, "height": 2}, "does not lie in an image of height 4"),
        ("_image_crop", (4, 4, 3), {"x": 0, "y": 0, "width": 0, "height": 2}, "must be greater than 0"),
        ("_image_resize", (4, 4, 3), {"size": (2, 2), "interp": 9}, "interp is a number from 0 to 4, but got 9"),
        ("_image_resize", (4, 4, 3), {}, r"size is one number or \(width, height\)"),
        ("_image_resize", (0, 4, 3), {"size": 2}, r"an image without pixels, of shape \[0, 4, 3\]"),
        ("_image_normalize", (3, 2, 2), {"mean": (1, 2)}, r"mean must have either 1 or 3 elements, but got \(1"),
        ("_image_random_hue", (4, 4, 2), {"min_factor": 0, "max_factor": 1}, r"1 or 3 elements, .* \[4, 4, 2\]"),
        ("_image_random_contrast", (4, 4, 3), {"min_factor": -2, "max_factor": 1}, "value -2.0 for Parameter min"),
        ("_image_flip_left_right", (2, 4, 4, 3), {}, r"\(height, width, channels\), but got \[2, 4, 4, 3\]"),
    ],
)  # fmt: skip
def test_an_image_operator_says_what_it_cannot_do(name, shape, attrs, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        run(name, np.ones(shape, np.float32), **attrs)


# -- transforms and boxes --------------------------------------------------------------------------------------------


def test_the_fourier_transform_and_its_inverse():
    x = np.random.default_rng(0).standard_normal((2, 3, 6))
    transformed = run("_contrib_fft", x)
    wanted = np.fft.fft(x)
    np.testing.assert_allclose(transformed[..., ::2] + 1j * transformed[..., 1::2], wanted)
    np.testing.assert_allclose(run("_contrib_ifft", transformed), 6 * x, atol=1e-12)


def test_a_count_sketch_adds_signed_columns():
    data = np.arange(12, dtype=np.float64).reshape(2, 6)
    columns, signs = np.array([[3, 0, 3, 1, 0, 3]]), np.array([[1.0, -1, 1, 1, -1, -1]])
    wanted = np.zeros((2, 5))
    for i in range(6):
        wanted[:, columns[0, i]] += signs[0, i] * data[:, i]
    np.testing.assert_allclose(run("_contrib_count_sketch", data, columns, signs, out_dim=5), wanted)
    with pytest.raises(ComputeError, match="h names columns from 0 to 3, but there are 2"):
        run("_contrib_count_sketch", data, columns, signs, out_dim=2)


def test_marks_of_a_hawkes_process_must_be_kinds():
    ones = np.ones((1, 2), np.float32)
    arguments = [ones, ones[0], ones[0], ones, ones, np.array([[0, 5]], np.int32), [2], [9]]
    with pytest.raises(ComputeError, match="marks are numbers from 0 to 1"):
        run("_contrib_hawkesll", *arguments)
    arguments[5:7] = [np.zeros((1, 2), np.int32), [3]]
    with pytest.raises(ComputeError, match="a valid_length of 3.0 exceeds the 2 events"):
        run("_contrib_hawkesll", *arguments)


def test_box_nms_converts_the_format_in_every_batch():
    boxes = np.array([[0, 0.9, 0.1, 0.1, 0.5, 0.7], [0, 0.8, 0.6, 0.6, 0.8, 1.0]], np.float32)
    (alone,) = run("_contrib_box_nms", boxes, out_format="center")
    np.testing.assert_allclose(alone[:, 2:], [[0.3, 0.4, 0.4, 0.6], [0.7, 0.8, 0.2, 0.4]], rtol=1e-6)
    (both,) = run("_contrib_box_nms", np.stack([boxes, boxes]), out_format="center")
    np.testing.assert_array_equal(both, [alone, alone])


def test_a_match_that_names_no_box_is_refused():
    ones, boxes = np.ones((1, 1), np.float32), np.array([[[0, 0, 1, 1]]], np.float32)
    with pytest.raises(ComputeError, match="matches name a box that is none of the 1 in refs"):
        run("_contrib_box_encode", ones, ones, boxes, boxes, np.zeros(4, np.float32), np.ones(4, np.float32))


def test_an_unused_label_must_be_empty():
    anchors = np.array([[[0, 0, 0.5, 0.5]]], np.float32)
    with pytest.raises(ComputeError, match="row 0 of label 0 has class -1"):
        run("_contrib_MultiBoxTarget", anchors, [[[-1, 0.1, 0.1, 0.4, 0.4]]], np.zeros((1, 2, 1), np.float32))


def test_proposals_of_a_batch_are_those_of_its_images():
    random = np.random.default_rng(0)
    scores = random.random((2, 12, 3, 4), np.float32)
    offsets = random.standard_normal((2, 24, 3, 4)).astype(np.float32) * np.float32(0.3)
    info = np.array([[40, 60, 1], [48, 50, 2]], np.float32)
    attrs = {"scales": (1, 2), "rpn_post_nms_top_n": 5, "rpn_min_size": 2, "output_score": True}
    boxes, best = run("_contrib_MultiProposal", scores, offsets, info, **attrs)
    for i in range(2):
        own, own_best = run("_contrib_Proposal", scores[i : i + 1], offsets[i : i + 1], info[i : i + 1], **attrs)
        np.testing.assert_array_equal(boxes[5 * i : 5 * i + 5, 1:], own[:, 1:])
        np.testing.assert_array_equal(boxes[5 * i : 5 * i + 5, 0], np.full(5, i))
        np.testing.assert_array_equal(best[5 * i : 5 * i + 5], own_best)
    with pytest.raises(ShapeError, match="_contrib_Proposal takes cls_prob"):
        run("_contrib_Proposal", scores, offsets, info, **attrs)


# -- contrib ---------------------------------------------------------------------------------------------------------


def test_batch_norm_with_relu_is_batch_norm_then_relu():
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    outputs, moving = [], []
    for name in ("BatchNorm", "_contrib_BatchNormWithReLU"):
        row, arrays = find(name), [np.full(3, 1.5, np.float32) for _ in range(4)]
        attrs = {**row.parse({"fix_gamma": False, "output_mean_var": True}), "train": True}
        outputs.append(row.forward(x, *arrays, **attrs))
        moving.append(arrays)
    np.testing.assert_array_equal(outputs[1][0], np.maximum(outputs[0][0], 0))
    np.testing.assert_array_equal(outputs[1][1:], outputs[0][1:])
    np.testing.assert_array_equal(moving[1], moving[0])


def test_a_mask_weights_what_each_tap_of_a_modulated_convolution_sees():
    random = np.random.default_rng(0)
    x, weight = random.standard_normal((1, 2, 3, 3)), random.standard_normal((3, 2, 3, 3))
    words = {"kernel": (3, 3), "num_filter": 3, "no_bias": True}
    mask, nowhere = random.random((1, 9, 1, 1)), np.zeros((1, 18, 1, 1))
    expected = run("Convolution", x, weight * mask.reshape(1, 1, 3, 3), **words)
    got = run("_contrib_ModulatedDeformableConvolution", x, nowhere, mask, weight, **words)
    np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize(
    ("name", "inputs", "attrs", "message"),
    [
        ("_contrib_PSROIPooling", [np.ones((1, 8, 4, 4)), np.ones((1, 5))],
         {"spatial_scale": 1, "output_dim": 2, "pooled_size": 3}, "18 channels, but has 8"),
        ("_contrib_DeformablePSROIPooling", [np.ones((1, 8, 4, 4)), np.ones((1, 5))],
         {"spatial_scale": 1, "output_dim": 2, "pooled_size": 2, "group_size": 2}, "expects 3 inputs, but got 2"),
        ("_contrib_RROIAlign", [np.ones((1, 8, 4, 4)), np.ones((1, 5))],
         {"spatial_scale": 1, "pooled_size": (2, 2)}, r"shape \[batch, 6\], but is \[1, 5\]"),
        ("_contrib_edge_id", [np.ones((2, 2)), np.ones(1), np.ones(1)], {}, "a csr array, but is a dense one"),
    ],
)  # fmt: skip
def test_regions_and_edges_that_do_not_fit_are_named(name, inputs, attrs, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        run(name, *inputs, **attrs)

"""Operators that rearrange and choose elements, where the recordings of MXNet have nothing to say: bad input that kills
or corrupts the original, empty arrays, kernels that it lacks, and what must not share memory."""

import numpy as np
import pytest

from python_engine import calls, ops, tape  # noqa: F401
from python_engine.errors import ArgumentError, MXNetError, ShapeError
from python_engine.ndarray import NDArray
from python_engine.registry import find


def run(name, *inputs, **attrs):
    """An operator on NumPy arrays; lists become float32."""
    row = find(name)
    row.check_inputs(len(inputs))
    inputs = [x if isinstance(x, np.ndarray) else np.array(x, np.float32) for x in inputs]
    return row.forward(*inputs, **row.parse(attrs))


def gradient(name, *inputs, **attrs):
    """The gradient of the sum of the outputs by the first input."""
    row, arrays = find(name), [NDArray(x) for x in inputs]
    tape.mark_variable(arrays[0], NDArray(np.zeros_like(inputs[0])))
    with tape.recording(True, True):
        outputs = calls.invoke(row, arrays, row.parse(attrs))
    return tape.grad(outputs, [arrays[0]])[0].data


def counted(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


# -- positions out of range ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wild", [2**62, -(2**62), np.inf, -np.inf, np.nan, 1e30])
def test_wild_positions_are_clipped_or_wrapped_at_once(wild):
    index = np.array([wild]) if isinstance(wild, float) else np.array([wild], np.int64)
    for mode in ("clip", "wrap"):
        assert run("take", counted(3), index, mode=mode) in counted(3)
        assert run("pick", counted(1, 3), index, mode=mode) in counted(3)
    assert run("one_hot", index, depth=3).sum() == 0


@pytest.mark.parametrize(
    ("name", "inputs", "attrs"),
    [
        ("take", [counted(4, 3), np.array([0, 4])], {"mode": "raise"}),
        ("take", [counted(4, 3), np.array([0, -1])], {"mode": "raise"}),
        ("gather_nd", [counted(4, 3), np.array([[0], [4]])], {}),
        ("gather_nd", [counted(4, 3), np.array([[-5], [0]])], {}),
        ("scatter_nd", [counted(2), np.array([[0, 4]])], {"shape": (4,)}),
        ("_scatter_set_nd", [counted(4), counted(2), np.array([[0, 4]])], {"shape": (4,)}),
        ("_contrib_index_copy", [counted(4, 3), np.array([4]), counted(1, 3)], {}),
        ("fill_element_0index", [counted(2, 3), counted(2), np.array([0, 4])], {}),
    ],
)
def test_positions_that_would_write_or_read_outside_are_refused_by_number(name, inputs, attrs):
    with pytest.raises(ArgumentError, match=r"index (4|-1|-5) is out of bounds for an axis of size \d: .*" + name):
        run(name, *inputs, **attrs)


def test_negative_coordinates_count_from_the_end_in_both_directions():
    at_the_end = np.array([[-1], [-2]])
    assert run("gather_nd", counted(4, 3), at_the_end) == [10]
    assert run("scatter_nd", [5], at_the_end, shape=(4, 3))[3, 1] == 5
    assert gradient("gather_nd", counted(4, 3), at_the_end)[3, 1] == 1


def test_nothing_can_be_chosen_from_an_empty_axis():
    for mode in ("clip", "wrap", "raise"):
        with pytest.raises(ShapeError, match="nothing to choose"):
            run("take", counted(0, 3), np.array([0]), mode=mode)
        assert run("take", counted(0, 3), np.zeros(0), mode=mode).shape == (0, 3)


def test_indices_of_a_small_dtype_reach_the_end_of_a_long_axis():
    assert run("pick", counted(2, 300), np.array([255, 200], np.uint8)).tolist() == [255, 500]
    assert run("take", counted(3, 300), np.array([-1], np.int8), axis=1, mode="wrap").ravel().tolist() == [
        299,
        599,
        899,
    ]
    assert gradient("take", counted(300), np.array([-1, -1], np.int8), mode="wrap")[299] == 2


def test_gradients_of_repeated_positions_add_up():
    index = np.array([[1, 1], [1, 0]])
    np.testing.assert_array_equal(gradient("take", counted(2, 3), index, axis=0), [[1] * 3, [3] * 3])
    np.testing.assert_array_equal(gradient("take", counted(2, 3), index, axis=1), [[1, 3, 0]] * 2)
    np.testing.assert_array_equal(gradient("gather_nd", counted(2, 2), np.array([[1, 1], [0, 0]])), [[0, 0], [2, 0]])


# -- empty arrays ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "inputs", "attrs"),
    [
        ("_contrib_boolean_mask", [counted(2, 3), np.zeros(2)], {}),
        ("slice", [counted(2, 3)], {"begin": (1,), "end": (1,)}),
        ("_split_v2", [counted(3, 2)], {"indices": (0, 0, 3), "axis": 0}),
        ("Flatten", [counted(0, 2, 3)], {}),
        ("expand_dims", [counted(0, 2)], {"axis": 0}),
        ("tile", [counted(2, 3)], {"reps": (0, 2)}),
        ("repeat", [counted(2, 3)], {"repeats": 0, "axis": 1}),
        ("Concat", [counted(0, 3), counted(2, 3)], {"dim": 0}),
    ],
)
def test_gradients_flow_through_empty_arrays(name, inputs, attrs):
    assert gradient(name, *inputs, **attrs).shape == inputs[0].shape


# -- beyond the original's kernels -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(6,), (4, 5), (3, 4, 3)])
def test_im2col_and_col2im_are_transposes_for_any_number_of_axes(size):
    attrs = {"kernel": (2,) * len(size), "stride": (2,) * len(size), "pad": (1,) * len(size)}
    data = np.random.standard_normal((2, 3, *size))
    columns = run("im2col", data, **attrs)
    other = np.random.standard_normal(columns.shape)
    images = run("col2im", other, output_size=size, **attrs)
    np.testing.assert_allclose((columns * other).sum(), (data * images).sum())


def test_im2col_holds_the_windows_row_by_row():
    columns = run("im2col", counted(1, 1, 3, 3), kernel=(2, 2))
    np.testing.assert_array_equal(columns, [[[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]])


def test_where_passes_no_nan_from_the_side_not_taken():
    condition = NDArray(np.array([1.0, 0.0]))
    x, y = NDArray(np.array([2.0, 0.0])), NDArray(np.zeros(2))
    tape.mark_variable(x, NDArray(np.zeros(2)))
    with tape.recording(True, True):
        result = calls.invoke(find("where"), [condition, x, y], {})
    heads = [NDArray(np.array([1.0, np.nan]))]
    np.testing.assert_array_equal(tape.grad(result, [x], heads)[0].data, [1, 0])


def test_getnnz_counts_what_is_not_zero():
    matrix = np.array([[1, 0, 2], [0, 0, 3]])
    assert run("_contrib_getnnz", matrix).tolist() == [3]
    assert run("_contrib_getnnz", matrix, axis=0).tolist() == [1, 0, 2]


# -- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "attrs"),
    [
        ("slice", {"begin": (None,), "end": (None,)}),
        ("slice_axis", {"axis": 0, "begin": 0, "end": None}),
        ("reverse", {"axis": ()}),
        ("repeat", {"repeats": 1, "axis": 0}),
        ("tile", {"reps": (1,)}),
        ("Concat", {"dim": 0}),
        ("SliceChannel", {"num_outputs": 1}),
        ("_split_v2", {"indices": (0,)}),
        ("im2col", {"kernel": (1, 1)}),
        ("Pad", {"mode": "edge", "pad_width": (0,) * 8}),
    ],
)
def test_a_result_that_equals_its_input_is_a_copy(name, attrs):
    data = counted(2, 1, 3, 3)
    result = run(name, data, **attrs)
    assert not np.shares_memory(data, result[0] if type(result) is list else result)


def test_scatter_set_nd_and_set_value_write_to_the_array_that_they_return():
    data = NDArray(counted(4))
    (result,) = calls.invoke(
        find("_scatter_set_nd"), [data, NDArray(np.array([7], np.float32)), NDArray(np.array([[2]]))], {"shape": (4,)}
    )
    assert data.data.tolist() == [0, 1, 7, 3]
    calls.invoke(find("_set_value"), [data], {"src": 5.0})
    assert data.data.tolist() == result.data.tolist() == [5] * 4


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "inputs", "attrs", "told"),
    [
        ("Concat", [[[1]], [[1, 2]]], {"dim": 0}, r"\[1, 1\], \[1, 2\] differ elsewhere than on axis dim=0"),
        ("Concat", [[1], np.array([1])], {"dim": 0}, "expected data type float32, got data type int64 for input 1"),
        ("stack", [[1], [1, 2]], {}, r"one shape, but got \[1\], \[2\]"),
        ("stack", [[1]], {"num_args": 2}, "num_args=2.* got 1"),
        ("_split_v2", [[1, 2]], {"indices": (1,), "axis": 0}, "must begin with 0"),
        ("_split_v2", [[1, 2]], {"indices": (), "axis": 0}, "sections=0 and indices=()"),
        ("Reshape", [[1]], {"shape": ()}, "at least one dimension"),
        ("reverse", [[1, 2]], {"axis": (None,)}, "axis expect Shape"),
        ("slice", [[1, 2]], {"begin": (0,), "end": (1,), "step": (0,)}, "step=.0,. cannot hold 0"),
        ("pick", [[1, 2], [0]], {"axis": None}, "axis=None is not supported"),
        ("squeeze", [[[1, 2]]], {"axis": (1,)}, "size=2 not equal to one"),
        ("Pad", [np.ones((1, 1, 2, 2))], {"mode": "reflect", "pad_width": (0, 0, 0, 0, 2, 0, 0, 0)}, "smaller than"),
        ("im2col", [np.ones((1, 1, 2, 2))], {"kernel": (3, 3)}, "kernel size exceed input"),
        ("diag", [np.ones((2, 2))], {"k": 3}, "Diagonal does not exist: k=3"),
        ("where", [[1, 0, 1], [[1, 2]], [[1, 2]]], {}, r"\[3\], \[1, 2\] and \[1, 2\]"),
    ],
)
def test_what_is_wrong_is_told(name, inputs, attrs, told):
    with pytest.raises(MXNetError, match=told):
        run(name, *inputs, **attrs)

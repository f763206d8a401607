"""Small parameters that are updated at once, in memory that they share."""

import gc
import socket
import weakref

import numpy as np
import pytest

from python_engine import autograd, ops  # noqa: F401
from python_engine.flat import FlatParameters
from python_engine.messages import CONTROLS
from python_engine.ndarray import NDArray
from python_engine.registry import OPERATORS, REGISTRY
from python_engine.session import Session
from python_engine.tape import mark_variable, recording, spend
from python_engine.wire import Channel

SHAPES = [(128, 784), (3,), (4, 5), (1,), (7, 3)]  # of which the first is no small one
RULES = [row for row in REGISTRY if row.elementwise and "_update" in row.name]
SGD, MOMENTUM = OPERATORS["sgd_update"], OPERATORS["sgd_mom_update"]


@pytest.fixture
def session():
    ours, theirs = socket.socketpair()
    yield Session(Channel(theirs.fileno(), theirs.fileno()))
    ours.close()
    theirs.close()


def add(session, row, shapes=SHAPES, dtype="float32", seed=0):
    """New arrays for a group of handles for each shape: all inputs of a rule."""
    draw, groups = np.random.default_rng(seed), []
    for shape in shapes:
        group = []
        for _ in row.inputs:
            handle = len(session.arrays)
            session.arrays[handle] = NDArray(draw.uniform(0.1, 1, shape).astype(dtype))
            group.append(handle)
        groups.append(group)
    return groups


def attributes(row, **given):
    given = {**dict.fromkeys(row.required, 1), "lr": 0.1, **given}
    return [given.get(name) for name in row.attributes]


def update(session, row, groups, *rows):
    CONTROLS[b"update"].function(session, REGISTRY.index(row), list(rows or [attributes(row)]), *groups)


def values(session, groups):
    return [session.array(handle).data.copy() for group in groups for handle in group]


def roots(session, groups):
    return [session.arrays[group[0]].root for group in groups]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", RULES, ids=lambda row: row.name)
def test_an_update_of_all_is_that_of_each(session, row, dtype):
    together, apart = (add(session, row, dtype=dtype) for _ in range(2))
    for _ in range(3):
        update(session, row, together)
        for group in apart:
            update(session, row, [group])
    for got, want in zip(values(session, together), values(session, apart), strict=True):
        np.testing.assert_array_equal(got, want)
    assert not session.failures
    first, *others = roots(session, together)
    assert first is None and type(others[0]) is FlatParameters and others == [others[0]] * 4
    assert roots(session, apart) == [None] * 5


def test_there_are_such_rules():
    assert {"sgd_update", "sgd_mom_update", "nag_mom_update", "adam_update", "rmsprop_update"} <= {
        r.name for r in RULES
    }
    assert len(RULES) >= 17


def test_rules_that_look_at_whole_arrays_or_draw_numbers_are_computed_one_by_one():
    for name in ("lamb_update_phase2", "_sgld_update", "multi_sgd_update", "mp_sgd_update", "group_adagrad_update"):
        row = OPERATORS.get(name)
        assert row is None or not row.elementwise, name


def test_parameters_with_other_attributes_are_another_call(session):
    together, apart = (add(session, MOMENTUM) for _ in range(2))
    rows = [attributes(MOMENTUM, wd=wd) for wd in (0.1, 0.0, 0.1, 0.0, 0.1)]
    for _ in range(2):
        update(session, MOMENTUM, together, *rows)
        for group, row in zip(apart, rows):
            update(session, MOMENTUM, [group], row)
    for got, want in zip(values(session, together), values(session, apart), strict=True):
        np.testing.assert_array_equal(got, want)
    found = roots(session, together)
    assert found[1] is found[3] is not None and found[2] is found[4] is not None and found[1] is not found[2]


def test_each_parameter_may_have_attributes_of_its_own(session):
    """As many as a frame holds: comparing each with each would take hours."""
    weight, grad = add(session, SGD, [(3,)])[0]
    wanted, rows = session.array(weight).data.copy(), []
    for number in range(100_000):
        rows.append(attributes(SGD, lr=number / 1e9))
    update(session, SGD, [[weight, grad]] * len(rows), *rows)
    wanted -= sum(row[0] for row in rows) * session.array(grad).data
    np.testing.assert_allclose(session.array(weight).data, wanted, rtol=1e-3)


def test_a_parameter_that_failed_fails_alone_and_can_be_mended(session):
    groups = add(session, SGD)
    update(session, SGD, groups)
    before = values(session, groups)
    session.fail([groups[2][1]], session.failure(ValueError("no gradient")))
    update(session, SGD, groups)
    with pytest.raises(Exception, match="no gradient"):
        session.array(groups[2][0])
    for group in groups[:2] + groups[3:]:
        assert not np.array_equal(session.array(group[0]).data, before[2 * groups.index(group)])
    for handle, value in zip(groups[2], before[4:6]):
        session.target(handle).assign(value)
    memory = session.array(groups[2][0]).data
    update(session, SGD, groups)
    np.testing.assert_allclose(memory, before[4] - np.float32(0.1) * before[5], rtol=1e-6)
    assert session.array(groups[2][0]).data is memory and memory.base is not None


def test_an_interrupted_update_changes_nothing(session):
    groups = add(session, SGD)
    update(session, SGD, groups)
    before = values(session, groups)
    session.interrupt()
    try:
        update(session, SGD, groups)
    finally:
        CONTROLS[b"resume"].function(session, 1)
    for group in groups:
        with pytest.raises(Exception, match="interrupted"):
            session.array(group[0])
        session.target(group[0])
    for got, want in zip(values(session, groups), before, strict=True):
        np.testing.assert_array_equal(got, want)


def test_a_handle_that_names_nothing_fails_alone(session):
    groups = add(session, SGD)
    for missing in range(2):
        before = values(session, groups)
        update(session, SGD, [*groups[:2], [groups[2][0], 999], *groups[3:]])
        with pytest.raises(Exception, match="999"):
            session.array(groups[2][0])
        session.target(groups[2][0])
        changed = [not np.array_equal(x, y) for x, y in zip(values(session, groups), before)]
        assert changed[::2] == [True, True, False, True, True], missing


def test_views_and_parameters_see_each_others_writes(session):
    groups = add(session, SGD)
    update(session, SGD, groups)
    weight = session.array(groups[2][0])
    view = weight.view(weight.data[1])
    update(session, SGD, groups)
    np.testing.assert_array_equal(view.data, weight.data[1])
    view.assign(5)
    assert np.all(weight.data[1] == 5) and not np.any(weight.data[0] == 5)
    copy = NDArray(weight.data.T)
    weight.lend(copy)
    kept = copy.data.copy()
    update(session, SGD, groups)
    np.testing.assert_array_equal(copy.data, kept)
    np.testing.assert_array_equal(view.data, weight.data[1])


def test_what_others_know_of_is_not_moved(session):
    groups = add(session, SGD)
    viewed, lent, twice = (session.array(group[0]) for group in groups[1:4])
    view = viewed.view(viewed.data[:1])
    borrower = NDArray(lent.data.T)
    lent.lend(borrower)
    groups[4][1] = groups[3][1]  # one gradient for two parameters, of other shapes: the second fails
    memory = twice.data
    update(session, SGD, groups)
    assert roots(session, groups) == [None] * 5 and twice.data is memory
    assert viewed.data[0] == view.data[0]
    with pytest.raises(Exception, match="Incompatible attr"):
        session.array(groups[4][0])
    same = add(session, SGD, [(2,), (2,)])
    same[1][1] = same[0][1]
    update(session, SGD, same)
    assert roots(session, same) == [None] * 2


def test_a_part_of_the_parameters_can_be_updated_and_others_added(session):
    groups, expected = (add(session, SGD) for _ in range(2))
    for chosen in ([0, 1, 2], [0, 1, 2], [0, 1, 2, 3, 4], [2, 3, 4], [4, 3], [2, 1], [0, 1, 2, 3, 4]):
        update(session, SGD, [groups[i] for i in chosen])
        for i in chosen:
            update(session, SGD, [expected[i]])
    for got, want in zip(values(session, groups), values(session, expected), strict=True):
        np.testing.assert_array_equal(got, want)
    found = roots(session, groups)
    assert found[1] is found[2] is not found[3] is found[4]


def test_nothing_is_moved_while_recording(session):
    groups = add(session, SGD)
    with recording(True, True):
        update(session, SGD, groups)
    assert roots(session, groups) == [None] * 5


def test_gradients_arrive_in_the_memory_of_all_gradients(session):
    groups = add(session, SGD, [(3,), (2, 2)])
    update(session, SGD, groups)
    arrays = [[session.array(handle) for handle in group] for group in groups]
    for weight, grad in arrays:
        mark_variable(weight, grad)
        with recording(True, True):
            loss = weight * weight
        autograd.backward([loss])
        assert spend(weight)
        np.testing.assert_allclose(grad.data, 2 * weight.data)
    before = [weight.data.copy() for weight, _ in arrays]
    update(session, SGD, groups)
    for (weight, _), old in zip(arrays, before):
        np.testing.assert_allclose(weight.data, old - np.float32(0.1) * 2 * old, rtol=1e-6)


def test_the_memory_goes_with_the_parameters(session):
    groups = add(session, SGD, SHAPES[1:])
    update(session, SGD, groups)
    flat = weakref.ref(session.array(groups[0][0]).root)
    gc.disable()
    try:
        for weight, grad in groups:
            assert flat() is not None
            del session.arrays[grad], session.arrays[weight]
        assert flat() is None
    finally:
        gc.enable()

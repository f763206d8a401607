"""The .params format: files recorded from MXNet 1.9.1 (data/params), and everything that may be wrong with a file."""

import importlib.util
import os
import random
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from python_engine.formats import params
from python_engine.formats.params import Csr, ParamsError, RowSparse

DATA = Path(__file__).parent / "data" / "params"
spec = importlib.util.spec_from_file_location("make_params", DATA / "make.py")
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)

WRITTEN_TODAY = sorted(make.CASES.keys() - make.OLD_HEADS.keys() - {"np_shape"})
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA


def recorded(name):
    return (DATA / f"{name}.params").read_bytes()


def expected(name):
    def value(case):
        if isinstance(case, np.ndarray):
            return case
        kind, *parts = case
        return RowSparse(*parts) if kind == "row_sparse" else Csr(*parts)

    case = make.CASES[name]
    if isinstance(case, dict):
        return {key: value(one) for key, one in case.items()}
    return [value(one) for one in case]


def assert_same_array(found, wanted):
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found, wanted)


def assert_same(found, wanted):
    assert type(found) is type(wanted)
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        found, wanted = list(found.values()), list(wanted.values())
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert type(one) is type(other)
        if isinstance(other, np.ndarray):
            assert_same_array(one, other)
            continue
        assert one.shape == other.shape
        for part in set(other.__slots__) - {"shape"}:
            assert_same_array(getattr(one, part), getattr(other, part))


def shape_bytes(*dims):
    return struct.pack(f"<i{len(dims)}q", len(dims), *dims)


def dense_bytes(shape, data, magic=V2, storage=0, dtype=0):
    return struct.pack("<Ii", magic, storage) + shape + struct.pack("<iii", 1, 0, dtype) + data


def file_bytes(*arrays, names=(), count=None, magic=0x112, reserved=0):
    packed_names = [struct.pack("<Q", len(name)) + name for name in names]
    head = struct.pack("<QQQ", magic, reserved, len(arrays) if count is None else count)
    return b"".join([head, *arrays, struct.pack("<Q", len(names)), *packed_names])


ONE = dense_bytes(shape_bytes(1), np.float32(7).tobytes())


@pytest.mark.parametrize("name", make.CASES)
def test_reads_what_mxnet_wrote(name):
    assert_same(params.loads(recorded(name)), expected(name))


@pytest.mark.parametrize("name", WRITTEN_TODAY)
def test_writes_the_very_bytes_that_mxnet_wrote(name):
    assert params.dumps(expected(name)) == recorded(name)
    assert params.dumps(params.loads(recorded(name))) == recorded(name)


def test_an_empty_dict_is_written_as_an_empty_list():
    assert params.dumps({}) == recorded("empty")
    assert params.loads(params.dumps({})) == []


@pytest.mark.parametrize("name", make.CASES)
def test_arrays_read_are_writable_and_own_their_memory(name):
    values = params.loads(recorded(name))
    for value in values.values() if isinstance(values, dict) else values:
        parts = [value] if isinstance(value, np.ndarray) else [value.data, value.indices]
        for array in parts:
            assert array.flags.owndata
            assert array.flags.writeable
            assert array.flags.c_contiguous
            assert array.dtype.isnative


@pytest.mark.parametrize("dtype", params.DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0, 2), (2, 3, 4), (1,) * 32])
def test_every_dtype_and_shape_comes_back(dtype, shape):
    array = np.random.default_rng(1).integers(0, 100, shape).astype(dtype).reshape(shape)
    assert_same(params.loads(params.dumps([array, array])), [array, array])


def test_strided_and_big_endian_arrays_are_written_by_value():
    array = np.arange(12, dtype=">f4").reshape(3, 4)
    assert_same(params.loads(params.dumps([array.T[::2]])), [array.T[::2].astype("float32")])


def test_loads_takes_any_buffer():
    assert_same(params.loads(memoryview(bytearray(recorded("named")))), expected("named"))


def test_bytes_other_than_0_and_1_are_true():
    (array,) = params.loads(file_bytes(dense_bytes(shape_bytes(3), b"\2\0\xff", dtype=7)))
    assert_same_array(array, np.array([True, False, True]))
    assert array.tobytes() == b"\1\0\1"


def test_reserved_word_device_and_trailing_bytes_are_ignored():
    on_gpu = struct.pack("<Ii", V2, 0) + shape_bytes(1) + struct.pack("<iii", 2, 5, 0) + np.float32(7).tobytes()
    (array,) = params.loads(file_bytes(on_gpu, reserved=9) + b"more")
    assert array == 7


def test_of_two_arrays_with_one_name_the_later_stays():
    other = dense_bytes(shape_bytes(1), np.float32(8).tobytes())
    assert params.loads(file_bytes(ONE, other, names=[b"a", b"a"])) == {"a": 8}


def csr_bytes(data=3, indptr=(0, 1, 3), indices=(0, 2, 1), shape=(2, 3), index_dtype=6):
    kind = np.dtype(params.DTYPES[index_dtype])
    indptr, indices = np.array(indptr, kind), np.array(indices, kind)
    head = struct.pack("<Ii", V2, 2) + shape_bytes(data) + shape_bytes(*shape) + struct.pack("<iii", 1, 0, 0)
    for array in (indptr, indices):
        head += struct.pack("<i", index_dtype) + shape_bytes(*array.shape)
    return head + np.ones(data, "float32").tobytes() + indptr.tobytes() + indices.tobytes()


def rows_bytes(data=(2, 3), indices=(0, 4), shape=(5, 3)):
    indices = np.array(indices)
    head = struct.pack("<Ii", V2, 1) + shape_bytes(*data) + shape_bytes(*shape) + struct.pack("<iiii", 1, 0, 0, 6)
    return head + shape_bytes(*indices.shape) + np.ones(data, "float32").tobytes() + indices.tobytes()


def test_sparse_index_arrays_may_be_of_any_integer_dtype_and_order():
    (value,) = params.loads(file_bytes(csr_bytes(index_dtype=4, indices=(2, 1, 0))))
    assert_same_array(value.indices, np.array([2, 1, 0], "int32"))
    (value,) = params.loads(file_bytes(rows_bytes(indices=(4, 0))))
    assert_same_array(value.indices, np.array([4, 0]))


def test_the_shape_of_data_that_mxnet_had_not_computed_is_that_of_the_indices():
    written = rows_bytes(data=(2, 3))
    value = written.replace(shape_bytes(2, 3), shape_bytes(0, 3), 1)
    assert value != written
    assert_same(params.loads(file_bytes(value)), params.loads(file_bytes(written)))
    assert params.loads(file_bytes(rows_bytes(data=(0, 3), indices=())))[0].data.shape == (0, 3)


def test_entries_of_no_row_are_dropped_from_a_csr_array():
    (value,) = params.loads(file_bytes(csr_bytes(indptr=(0, 0, 2), indices=(0, 2, 2**40))))
    assert_same([value], [Csr(np.ones(2, "float32"), np.array([0, 0, 2]), np.array([0, 2]), (2, 3))])
    assert value.data.flags.owndata
    assert value.indices.flags.owndata


MALFORMED = {
    "nothing at all": (b"", r"at byte 0: truncated: expected 24 bytes of list header, found 0"),
    "another magic": (file_bytes(ONE, magic=0x113), r"at byte 0: not a .params file: expected list magic 0x112, found"),
    "fewer arrays than said": (file_bytes(ONE, count=2**63)[:-8], r"at byte 60: truncated: .* magic of array 1 of"),
    "no list of names": (file_bytes(ONE)[:-8], r"at byte 60: truncated: expected 8 bytes of number of names, found 0"),
    "too few names": (file_bytes(ONE, ONE, names=[b"a"]), r"at byte 96: expected no names or 2, found 1"),
    "names without arrays": (file_bytes(names=[b"a"]), r"expected no names or 0, found 1"),
    "a name beyond the end": (file_bytes(ONE, names=[b"abc"])[:-1], r"expected 3 bytes of name 0 of 1, found 2"),
    "a name not in UTF-8": (file_bytes(ONE, names=[b"\xff"]), r"at byte 76: expected UTF-8 in name 0 of 1"),
    "a name with NUL": (file_bytes(ONE, names=[b"a\0b"]), r"expected no NUL in name 0 of 1"),
    "an unknown array magic": (file_bytes(b"\xff" * 40), r"at byte 24: expected the magic of array 0 .*0xffffffff"),
    "an unknown storage type": (
        file_bytes(dense_bytes(shape_bytes(1), bytes(4), storage=3)),
        r"at byte 28: expected a storage type of array 0 of 1 among .*; found 3",
    ),
    "an unknown dtype": (
        file_bytes(dense_bytes(shape_bytes(1), bytes(4), dtype=8)),
        r"at byte 52: expected a dtype of array 0 of 1 among 0 float32, .* 7 bool; found 8",
    ),
    "a negative dtype": (file_bytes(dense_bytes(shape_bytes(1), bytes(4), dtype=-1)), r"found -1"),
    "an unknown ndim": (
        file_bytes(struct.pack("<Iii", V3, 0, -1), ONE),
        r"at byte 32: expected an ndim of array 0 of 2 from 0 to 32, found -1",
    ),
    "an unknown dimension": (
        file_bytes(struct.pack("<Ii", V3, 0) + shape_bytes(2, -1), ONE),
        r"at byte 36: expected known dimensions of array 0 of 2, found \(2, -1\)",
    ),
    "33 dimensions": (file_bytes(dense_bytes(shape_bytes(*[1] * 33), bytes(4))), r"from 0 to 32, found 33"),
    "no shape in V1": (file_bytes(struct.pack("<Ii", V1, 0), ONE), r"at byte 24: array 0 of 2 has no value"),
    "no shape before V1": (file_bytes(struct.pack("<I", 0), ONE), r"at byte 24: array 0 of 2 has no value"),
    "more elements than bytes": (
        file_bytes(dense_bytes(shape_bytes(2**30, 2), bytes(4))),
        r"truncated: expected 8589934592 bytes of data of array 0 of 1, float32 of shape \(1073741824, 2\), found 12",
    ),
    "a product beyond 64 bits": (file_bytes(dense_bytes(shape_bytes(2**40, 2**40), b"")), r"expected at most \d+ ele"),
    "dimensions that 0 hides": (
        file_bytes(dense_bytes(shape_bytes(0, 2**62, 2**62), b"")),
        r"expected at most \d+ elements in array 0 of 1, found shape \(0, 4611686018427387904",
    ),
    "a legacy size beyond the end": (
        file_bytes(struct.pack("<IIIiii", 2, 2**31, 2**31 - 1, 1, 0, 6)),
        r"expected at most \d+ elements in array 0|truncated: expected \d+ bytes of data of array 0",
    ),
    "csr of one dimension": (
        file_bytes(csr_bytes(shape=(3,))),
        r"a csr shape of two dimensions, found \(3,\)",
    ),
    "csr with indices missing": (
        file_bytes(csr_bytes(indices=(0, 2))),
        r"expected csr data and indices of one shape \(nnz,\), found \(3,\) and \(2,\)",
    ),
    "csr with a column outside": (
        file_bytes(csr_bytes(indices=(0, 3, 1))),
        r"expected column indices from 0 to 2, found 0 to 3",
    ),
    "csr with a negative column": (file_bytes(csr_bytes(indices=(0, -1, 1))), r"from 0 to 2, found -1 to 1"),
    "csr with float indices": (file_bytes(csr_bytes(index_dtype=0)), r"integer dtype, found float32"),
    "csr with a short indptr": (file_bytes(csr_bytes(indptr=(0, 3))), r"expected a csr indptr of shape \(3,\)"),
    "csr without indptr": (file_bytes(csr_bytes(indptr=())), r"expected a csr indptr of shape \(3,\), found \(0,\)"),
    "csr with an indptr that falls": (file_bytes(csr_bytes(indptr=(0, 4, 3))), r"rises from 0 to at most 3"),
    "csr with an indptr past the data": (file_bytes(csr_bytes(indptr=(0, 1, 4))), r"to at most 3, found 0 to 4"),
    "rows of another width": (file_bytes(rows_bytes(data=(2, 4))), r"expected row_sparse data of shape"),
    "rows of another rank": (file_bytes(rows_bytes(data=(2,))), r"expected row_sparse data of shape"),
    "rows without rank": (file_bytes(rows_bytes(data=(), shape=())), r"expected row_sparse data of shape"),
    "rows with indices missing": (file_bytes(rows_bytes(indices=(0,))), r"row_sparse indices of shape \(2,\), found"),
    "rows outside": (file_bytes(rows_bytes(indices=(0, 5))), r"expected row indices from 0 to 4, found 0 to 5"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_bytes_are_refused_and_the_message_says_where(case):
    data, message = MALFORMED[case]
    with pytest.raises(ParamsError, match=message) as caught:
        params.loads(data)
    assert str(caught.value).startswith("params data: at byte ")


@pytest.mark.parametrize("name", make.CASES)
def test_every_truncation_is_refused(name):
    data = recorded(name)
    for length in range(len(data)):
        with pytest.raises(ParamsError):
            params.loads(data[:length])


def test_damaged_files_load_or_are_refused_and_allocate_little():
    random_numbers = random.Random(7)
    originals = [bytearray(recorded(name)) for name in make.CASES]
    loaded = 0
    tracemalloc.start()
    try:
        for _ in range(2000):
            data = bytearray(random_numbers.choice(originals))
            data[random_numbers.randrange(len(data))] ^= random_numbers.randrange(1, 256)
            try:
                params.loads(data)
                loaded += 1
            except ParamsError:
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0 < loaded < 2000
    assert peak < 200_000


def test_a_size_beyond_the_end_allocates_nothing():
    sizes = [dense_bytes(shape_bytes(2**28), bytes(64)), struct.pack("<IIiii", 1, 2**28, 1, 0, 0)]
    data = [file_bytes(array) for array in sizes] + [file_bytes(ONE, names=[b"x"])[:-9] + struct.pack("<Q", 2**30)]
    tracemalloc.start()
    try:
        for one in data:
            with pytest.raises(ParamsError, match="truncated"):
                params.loads(one)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        (np.zeros((2, 2)), TypeError, "expected a list of arrays or a dict of name to array, found ndarray"),
        (None, TypeError, "found NoneType"),
        ([1.5], TypeError, "array 0: expected a numpy array, a RowSparse or a Csr, found float"),
        ({"w": None}, TypeError, "array 'w': expected a numpy array"),
        ({1: np.zeros(1)}, TypeError, "expected names that are str, found 1"),
        ({"w": np.zeros(1, "int16")}, ParamsError, "array 'w': expected a dtype among float32, .*; found int16"),
        ([np.zeros(1), np.array(["a"])], ParamsError, "array 1: expected a dtype among"),
        ({"a\0b": np.zeros(1)}, ParamsError, "without NUL"),
        ({"a\udcff": np.zeros(1)}, ParamsError, "a name that UTF-8 can encode"),
        ([RowSparse([1.0], np.array([0]), (1,))], TypeError, r"sparse parts that are numpy arrays, found \[1.0\]"),
        ([RowSparse(np.ones((1, 3)), np.array([5]), (5, 3))], ParamsError, "array 0: expected row indices from 0 to 4"),
        (
            [Csr(np.ones(1), np.array([0, 2]), np.array([0]), (1, 1))],
            ParamsError,
            "to at most 1, found 0 to 2",
        ),
    ],
)
def test_what_a_file_cannot_hold_is_refused(arrays, error, message):
    with pytest.raises(error, match=message):
        params.dumps(arrays)


def test_save_and_load_go_through_a_file(tmp_path):
    path = tmp_path / "läuft.params"
    params.save(path, expected("sparse"))
    assert_same(params.load(str(path)), expected("sparse"))
    assert path.read_bytes() == params.dumps(expected("sparse"))
    assert os.listdir(tmp_path) == [path.name]


def test_load_names_the_file(tmp_path):
    path = tmp_path / "broken.params"
    path.write_bytes(recorded("list")[:100])
    with pytest.raises(ParamsError, match=r"broken\.params: at byte 88: truncated"):
        params.load(path)
    with pytest.raises(FileNotFoundError, match=r"missing\.params"):
        params.load(tmp_path / "missing.params")


def test_load_and_save_hold_the_data_once(tmp_path):
    array = np.ones(500_000, "float32")
    tracemalloc.start()
    try:
        params.save(tmp_path / "a.params", [array])
        assert tracemalloc.get_traced_memory()[1] < 0.2 * array.nbytes
        loaded = params.load(tmp_path / "a.params")
        assert tracemalloc.get_traced_memory()[1] < 1.2 * array.nbytes
    finally:
        tracemalloc.stop()
    assert_same(loaded, [array])


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.params"
    params.save(path, [np.ones(3)])
    before = path.read_bytes()
    with pytest.raises(ParamsError, match="found complex128"):
        params.save(path, [np.zeros(100_000), np.zeros(1, complex)])

    def disk_full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        params.save(path, [np.zeros(3)])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.params"]


def test_save_in_a_missing_folder_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        params.save(tmp_path / "missing" / "a.params", [])


def test_a_new_file_gets_the_permissions_of_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        params.save(tmp_path / "a.params", [])
    finally:
        os.umask(old)
    assert (tmp_path / "a.params").stat().st_mode & 0o777 == 0o640


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "a.params"
    path.write_bytes(b"old")
    path.chmod(0o600)
    params.save(path, [])
    assert path.stat().st_mode & 0o777 == 0o600
    assert params.load(path) == []


def test_save_writes_through_a_symbolic_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "latest.params"
    link.symlink_to(tmp_path / "real" / "epoch1.params")
    params.save(link, [np.ones(2)])
    assert link.is_symlink()
    assert_same(params.load(tmp_path / "real" / "epoch1.params"), [np.ones(2)])


def test_save_does_not_replace_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            params.save(path, [])
    assert (tmp_path / "pipe").is_fifo()

"""Data sets in files: tables as text, idx and libsvm files."""

import gzip

import numpy as np
import pytest

from python_engine import ops  # noqa: F401
from python_engine.errors import ArgumentError, MXNetError
from python_engine.registry import find


def run(name, *inputs, **attrs):
    row = find(name)
    return row.forward(*inputs, **row.parse(attrs))


@pytest.fixture
def table(tmp_path):
    """A function that reads a text as a table."""

    def read(text, **attrs):
        path = tmp_path / "t.csv"
        path.write_text(text, newline="")
        return run("_read_csv", path=str(path), **attrs)

    return read


# -- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, attrs, expected",
    [
        ("1,2\n3,4\n", {}, [[1, 2], [3, 4]]),
        ("1, 2 \r\n\r\n-1e-3,nan", {}, [[1, 2], [-1e-3, np.nan]]),
        ("5\n6\n", {}, [[5], [6]]),
        ('a,b\n"1",2\n', {"skip": 1}, [[1, 2]]),
        ("1  2\n 5 6", {"delimiter": " "}, [[1, 2], [5, 6]]),
        ("1;2;3\n4;5;6\n", {"delimiter": ";", "columns": (-1, 0)}, [[3, 1], [6, 4]]),
        ("x,2\ny,3\n", {"columns": (1,), "dtype": "int64"}, [[2], [3]]),
        ("1,,NA\n ? ,nan,2\n", {"missing": -1.0}, [[1, -1, -1], [-1, -1, 2]]),
        ("1,\n", {"missing": 0.0, "dtype": "int32"}, [[1, 0]]),
    ],
)
def test_tables(table, text, attrs, expected):
    got = table(text, **attrs)
    np.testing.assert_array_equal(got, np.array(expected, got.dtype))
    assert got.dtype == attrs.get("dtype", "float32")


@pytest.mark.parametrize(
    "text, attrs, message",
    [
        ("1,2\n\n3,x\n", {}, r"t\.csv, line 3, column 2: 'x' is no number"),
        ("1,2\n3,\n", {}, "line 2, column 2: '' is no number"),
        ("a,b\n1,2\n3\n", {"skip": 1}, "line 3: there are 1 columns, but 2 in the lines before"),
        ("1,2\n", {"columns": (2,)}, r"line 1: there are 2 columns, but of \[2\] not all"),
        ("1.5\n", {"dtype": "int32"}, "line 1, column 1: '1.5' is no int32 integer"),
        ("1,\nx,2\n", {"missing": 0.0}, "line 2, column 1: 'x' is no number"),
        ("1\n300\n", {"dtype": "uint8"}, "line 2, column 1: '300' is no uint8 integer"),
        ("", {}, r"t\.csv has no rows"),
        ("a\n", {"skip": 1}, "has no rows after the first 1 lines"),
    ],
)
def test_what_is_wrong_with_a_table_is_named_by_line_and_column(table, text, attrs, message):
    with pytest.raises(MXNetError, match=message):
        table(text, **attrs)


def test_a_table_in_other_bytes_than_utf_8(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes("1,ä\n".encode("latin-1"))
    with pytest.raises(MXNetError, match="line 1, column 2"):
        run("_read_csv", path=str(path))


def test_a_packed_table(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"1,2\n"))
    assert run("_read_csv", path=str(path)).tolist() == [[1, 2]]


def test_bad_arguments_of_a_table(table, tmp_path):
    with pytest.raises(ArgumentError, match="one character and no quote, but got ';;'"):
        table("1\n", delimiter=";;")
    with pytest.raises(ArgumentError, match="at least 0, but got -1"):
        table("1\n", skip=-1)
    with pytest.raises(MXNetError, match=r"cannot read .*none\.csv: No such file"):
        run("_read_csv", path=str(tmp_path / "none.csv"))


def test_columns_of_text(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('n,kind\n1,pear\n\n2," apple"\n3,pear\n4,Äpfel\n', encoding="utf-8")
    numbers, words = run("_read_csv_words", path=str(path), skip=1, column=-1)
    assert (numbers.tolist(), numbers.dtype) == ([1, 0, 1, 2], "int32")
    assert words.tobytes().decode().split("\0") == ["apple", "pear", "Äpfel"]
    with pytest.raises(MXNetError, match=r"t\.csv, line 1: there are 2 columns, but not column 3"):
        run("_read_csv_words", path=str(path), column=2)
    with pytest.raises(MXNetError, match="has no rows after the first 9 lines"):
        run("_read_csv_words", path=str(path), skip=9, column=0)


# -- idx files -------------------------------------------------------------------------------------------------------


def idx(code, dtype, array):
    head = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(dtype).tobytes()


@pytest.mark.parametrize(
    "code, stored, dtype",
    [
        (8, "u1", "uint8"),
        (9, "i1", "int8"),
        (11, ">i2", "int32"),
        (12, ">i4", "int32"),
        (13, ">f4", "float32"),
        (14, ">f8", "float64"),
    ],
)
def test_idx_files_of_all_types(tmp_path, code, stored, dtype):
    array = np.arange(6).reshape(1, 3, 2)
    (tmp_path / "x").write_bytes(idx(code, stored, array))
    got = run("_read_idx", path=str(tmp_path / "x"))
    np.testing.assert_array_equal(got, array)
    assert got.dtype == dtype


def test_packed_idx_files(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(idx(8, "u1", np.arange(3))))
    assert run("_read_idx", path=str(tmp_path / "x.gz")).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is no idx file: it begins with the bytes"),
        (b"\0\0\x07\1\0\0\0\0", "begins with the bytes 00 00 07 01"),
        (b"\0\0\x08\3\0\0\0\1", "is no idx file"),
        (idx(8, "u1", np.arange(3))[:-1], r"an idx file of shape \[3\] has 3 bytes of elements, but this has 2"),
        (b"\0\0\x08\2" + b"\xff" * 8, r"of shape \[4294967295, 4294967295\]"),
        (gzip.compress(b"abcdefgh")[:-9], "cannot read"),
    ],
)
def test_what_is_no_idx_file(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(MXNetError, match=message):
        run("_read_idx", path=str(tmp_path / "x"))


# -- libsvm files ----------------------------------------------------------------------------------------------------


def test_libsvm_files(tmp_path):
    (tmp_path / "x").write_text("1 0:0.5 2:1.5\n\n-2 1:2\r\n0\n")
    label, data, indices, indptr = run("_read_libsvm", path=str(tmp_path / "x"))
    assert [x.tolist() for x in (label, data, indices, indptr)] == [[1, -2, 0], [0.5, 1.5, 2], [0, 2, 1], [0, 2, 3, 3]]
    assert [x.dtype for x in (label, data, indices, indptr)] == ["float32", "float32", "int64", "int64"]


@pytest.mark.parametrize(
    "text, columns, message",
    [
        ("1 0:1\n1 0:x\n", 0, "line 2: a row is a label and column:value, but got '1 0:x'"),
        ("1 0:1 2\n", 0, "line 1: a row is"),
        ("0:1 1:2\n", 0, "line 1: a row is"),
        ("1 0:1:2\n", 0, "line 1: a row is"),
        ("1 1.5:1\n", 0, "line 1: a row is"),
        ("1 -1:1\n", 0, "line 1: '-1:1' is in none of the columns"),
        ("1 0:1\n2 3:1\n", 3, "line 2: '3:1' is in none of 3 columns, which count from 0"),
        ("\n", 0, "has no rows"),
    ],
)
def test_what_is_wrong_with_a_libsvm_file(tmp_path, text, columns, message):
    (tmp_path / "x").write_text(text)
    with pytest.raises(MXNetError, match=message):
        run("_read_libsvm", path=str(tmp_path / "x"), columns=columns)


# -- order -----------------------------------------------------------------------------------------------------------


def test_permutations_depend_on_the_seed_alone():
    one, same, other = (run("_permutation", count=50, seed=seed) for seed in (1, 1, 2))
    assert sorted(one.tolist()) == list(range(50)) and one.tolist() == same.tolist() != other.tolist()
    with pytest.raises(ArgumentError, match="count=-1"):
        run("_permutation", count=-1, seed=0)

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

"""Data sets in files, and the order in which their rows are taken."""

import numpy as np

from ..attributes import DType, Maybe, Shape
from ..errors import ArgumentError
from ..formats import csv, idx, libsvm
from ..registry import operator

NUMBERS = DType("float32", "float64", "float16", "uint8", "int32", "int8", "int64")


@operator("_read_csv", shape="value", fails=True)
def read_csv(
    *,
    path: str,
    dtype: NUMBERS = "float32",
    delimiter: str = ",",
    skip: int = 0,
    columns: Shape = (),
    missing: Maybe(float) = None,
):
    """The numbers of a table in a text file, (rows, columns). See formats/csv.py."""
    return csv.load(path, dtype, delimiter, skip, columns, missing)


@operator("_read_csv_words", shape="value", outputs=("numbers", "words"), fails=True)
def read_csv_words(*, path: str, delimiter: str = ",", skip: int = 0, column: int):
    """A column of text: the number of the word in each row (int32), and the words in order, in UTF-8 with a zero byte
    between them."""
    numbers, words = csv.words(path, column, delimiter, skip)
    return numbers, np.frombuffer("\0".join(words).encode(), np.uint8)


@operator("_read_idx", shape="value", fails=True)
def read_idx(*, path: str):
    """The array in an idx file. See formats/idx.py."""
    return idx.load(path)


@operator("_read_libsvm", shape="value", outputs=("label", "data", "indices", "indptr"), fails=True)
def read_libsvm(*, path: str, columns: int = 0):
    """Labels (n,) float32 of a libsvm file, and the parts of a csr array of its rows. See formats/libsvm.py."""
    return libsvm.load(path, columns)


@operator("_permutation")
def permutation(*, count: int, seed: int):
    """The numbers from 0 to before `count` in an order that depends on `seed` alone. Output: (count,), int64."""
    if count < 0 or seed < 0:
        raise ArgumentError(f"_permutation: count and seed are at least 0, but got count={count}, seed={seed}")
    return np.random.default_rng(seed).permutation(count)

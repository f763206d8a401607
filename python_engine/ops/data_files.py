"""Data sets in files: tables of numbers as text."""

from ..attributes import DType, Shape
from ..formats import csv
from ..registry import operator

NUMBERS = DType("float32", "float64", "float16", "uint8", "int32", "int8", "int64")


@operator("_read_csv", shape="value", fails=True)
def read_csv(*, path: str, dtype: NUMBERS = "float32", delimiter: str = ",", skip: int = 0, columns: Shape = ()):
    """The numbers of a table in a text file, (rows, columns). See formats/csv.py."""
    return csv.load(path, dtype, delimiter, skip, columns)

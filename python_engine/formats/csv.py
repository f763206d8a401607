"""Tables of numbers as text: a row to a line, cells between delimiters. A bad cell is named by line and column."""

import errno
import os
import warnings

import numpy as np

from ..errors import ArgumentError, MXNetError

MISSING = frozenset(("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null"))  # cells that hold no value


def load(path, dtype="float32", delimiter=",", skip=0, columns=(), missing=None):
    """A file's numbers, as an array (rows, columns).

    delimiter: one character between cells, which may be quoted and have spaces around them; " ": any white space.
    skip: how many lines to pass over at the start. columns: positions of the wanted ones, in that order (those below 0
    from the end); none stands for all. missing: the number for cells without a value, such as empty ones and NA; None:
    there must be none. Empty lines count for nothing. A file whose name ends in .gz is unpacked."""
    _check(delimiter, skip)
    path = os.path.abspath(path)  # loadtxt would fetch a URL
    number = _number(np.dtype(dtype), missing)
    try:
        os.stat(path)  # where there is no file, loadtxt would first learn to fetch URLs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are no rows
            warnings.simplefilter("error", DeprecationWarning)  # NumPy 1 cuts off numbers that are no integers
            table = np.loadtxt(
                path, dtype, comments=None, delimiter=None if delimiter == " " else delimiter, skiprows=skip,
                usecols=columns or None, quotechar='"', ndmin=2, encoding="utf-8",
                converters=None if missing is None else number,
            )  # fmt: skip
    except OSError as reason:
        raise _unreadable(path, reason) from None
    except (ValueError, IndexError, DeprecationWarning) as reason:  # UnicodeDecodeError, OverflowError
        raise MXNetError(
            _fault(path, np.dtype(dtype), delimiter, skip, columns, number) or f"{path}: {reason}"
        ) from None
    if not table.size:
        raise _without_rows(path, skip)
    return table


def words(path, column, delimiter=",", skip=0):
    """A column of text: for each row the number of its word, and the different words in order."""
    _check(delimiter, skip)
    path, numbers, found = os.path.abspath(path), {}, []
    try:
        for line, cells in _rows(path, delimiter, skip):
            if not -len(cells) <= column < len(cells):
                raise MXNetError(f"{path}, line {line}: there are {len(cells)} columns, but not column {column + 1}")
            found.append(numbers.setdefault(cells[column].strip(), len(numbers)))
    except OSError as reason:
        raise _unreadable(path, reason) from None
    if not found:
        raise _without_rows(path, skip)
    ordered = sorted(numbers)
    places = np.empty(len(ordered), np.int32)
    places[[numbers[word] for word in ordered]] = np.arange(len(ordered))
    return places[found], ordered


def _check(delimiter, skip):
    if len(delimiter) != 1 or delimiter in '"\n\r':
        raise ArgumentError(f"a delimiter is one character and no quote, but got {delimiter!r}")
    if skip < 0:
        raise ArgumentError(f"the number of lines to skip is at least 0, but got {skip}")


def _number(dtype, missing):
    """The function that makes a cell a number."""
    read = int if dtype.kind in "iu" else float
    return read if missing is None else lambda cell: missing if cell.strip() in MISSING else read(cell)


def _unreadable(path, reason):
    why = os.strerror(reason.errno or errno.ENOENT)  # NumPy looks for the file itself
    return MXNetError(f"cannot read {path}: {why}")


def _without_rows(path, skip):
    return MXNetError(f"{path} has no rows" + (f" after the first {skip} lines" if skip else ""))


def _rows(path, delimiter, skip):
    """The line and the cells of each row."""
    import csv  # seldom needed, and the engine is to start fast
    import gzip

    unpack = gzip.open if path.endswith(".gz") else open
    with unpack(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
        for _ in range(skip):
            next(file, None)
        reader = csv.reader(file, delimiter=delimiter, skipinitialspace=delimiter == " ")
        for cells in reader:
            cells = [cell for cell in cells if cell or delimiter != " "]
            if cells:
                yield reader.line_num + skip, cells


def _fault(path, dtype, delimiter, skip, columns, number):
    """What is wrong with a file that NumPy refused, by line and column; None if nothing is found."""
    width = None
    for line, cells in _rows(path, delimiter, skip):
        width = len(cells) if width is None else width
        if columns and not all(-len(cells) <= column < len(cells) for column in columns):
            return f"{path}, line {line}: there are {len(cells)} columns, but of {list(columns)} not all"
        if len(cells) != width and not columns:
            return f"{path}, line {line}: there are {len(cells)} columns, but {width} in the lines before"
        for column in columns or range(width):
            try:
                value = number(cells[column])
                if dtype.kind in "iu" and not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
                    raise OverflowError  # NumPy 1 would wrap
                dtype.type(value)
            except (ValueError, OverflowError):
                wanted = f"{dtype} integer" if dtype.kind in "iu" else "number"
                return f"{path}, line {line}, column {column % width + 1}: '{cells[column][:80]}' is no {wanted}"
    return None

"""Tables of numbers as text: a row to a line, cells between delimiters. A bad cell is named by line and column."""

import errno
import os
import warnings

import numpy as np

from ..errors import ArgumentError, MXNetError


def load(path, dtype="float32", delimiter=",", skip=0, columns=()):
    """A file's numbers, as an array (rows, columns).

    delimiter: one character between cells, which may be quoted and have spaces around them; " ": any white space.
    skip: how many lines to pass over at the start. columns: positions of the wanted ones, in that order (those below 0
    from the end); none stands for all. Empty lines count for nothing. A file whose name ends in .gz is unpacked."""
    if len(delimiter) != 1 or delimiter in '"\n\r':
        raise ArgumentError(f"a delimiter is one character and no quote, but got {delimiter!r}")
    if skip < 0:
        raise ArgumentError(f"the number of lines to skip is at least 0, but got {skip}")
    path = os.path.abspath(path)  # loadtxt would fetch a URL
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are no rows
            table = np.loadtxt(
                path, dtype, comments=None, delimiter=None if delimiter == " " else delimiter, skiprows=skip,
                usecols=columns or None, quotechar='"', ndmin=2, encoding="utf-8",
            )  # fmt: skip
    except OSError as reason:
        why = os.strerror(reason.errno or errno.ENOENT)  # NumPy looks for the file itself
        raise MXNetError(f"cannot read {path}: {why}") from None
    except (ValueError, IndexError) as reason:  # UnicodeDecodeError, OverflowError
        raise MXNetError(_fault(path, np.dtype(dtype), delimiter, skip, columns) or f"{path}: {reason}") from None
    if not table.size:
        raise MXNetError(f"{path} has no rows" + (f" after the first {skip} lines" if skip else ""))
    return table


def _fault(path, dtype, delimiter, skip, columns):
    """What is wrong with a file that NumPy refused, by line and column; None if nothing is found."""
    import csv  # seldom needed, and the engine is to start fast
    import gzip

    number = int if dtype.kind in "iu" else float
    unpack = gzip.open if path.endswith(".gz") else open
    with unpack(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
        for _ in range(skip):
            next(file, None)
        reader = csv.reader(file, delimiter=delimiter, skipinitialspace=delimiter == " ")
        width = None
        for cells in reader:
            cells = [cell for cell in cells if cell or delimiter != " "]
            if not cells:
                continue
            line = reader.line_num + skip
            width = len(cells) if width is None else width
            if columns and not all(-len(cells) <= column < len(cells) for column in columns):
                return f"{path}, line {line}: there are {len(cells)} columns, but of {list(columns)} not all"
            if len(cells) != width and not columns:
                return f"{path}, line {line}: there are {len(cells)} columns, but {width} in the lines before"
            for column in columns or range(width):
                try:
                    dtype.type(number(cells[column]))
                except (ValueError, OverflowError):
                    wanted = "number" if number is float else f"{dtype} integer"
                    return f"{path}, line {line}, column {column % width + 1}: '{cells[column][:80]}' is no {wanted}"
    return None

"""libsvm files: of each example a line with a label, and `column:value` for the values that are not zero."""

import os

import numpy as np

from ..errors import MXNetError


def load(path, columns):
    """The labels (n,) float32, and the rows in csr form: values float32, columns int64, starts int64 (n + 1).

    columns: how many there are, or 0 for any number."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as reason:
        raise MXNetError(f"cannot read {path}: {os.strerror(reason.errno)}") from None
    lines = [line for line in content.splitlines() if line.strip()]
    if not lines:
        raise MXNetError(f"{path} has no rows")
    starts = np.concatenate([[0], np.cumsum([line.count(b":") for line in lines])])
    label_at = 2 * starts[:-1] + np.arange(len(lines))  # a label and two numbers for each entry, line by line
    try:
        numbers = np.array(list(map(float, b" ".join(lines).replace(b":", b" ").split())))
    except ValueError:
        raise MXNetError(_fault(path, content, columns)) from None
    if len(numbers) != len(lines) + 2 * starts[-1]:
        raise MXNetError(_fault(path, content, columns))
    places, values = np.delete(numbers, label_at).reshape(-1, 2).T
    if np.any((places < 0) | (places >= (columns or np.inf)) | (places != np.floor(places))):
        raise MXNetError(_fault(path, content, columns))
    return numbers[label_at].astype(np.float32), values.astype(np.float32), places.astype(np.int64), starts


def _fault(path, content, columns):
    """The first line that is wrong."""
    for number, line in enumerate(content.splitlines(), 1):
        label, *entries = line.decode("utf-8", "replace").split() or ["0"]
        try:
            float(label)
            for entry in entries:
                place, value = entry.split(":")
                float(value)
                if not 0 <= int(place) < (columns or np.inf):
                    return (
                        f"{path}, line {number}: '{entry}' is in none of {columns or 'the'} columns, which count from 0"
                    )
        except ValueError:
            shown = line.decode("utf-8", "replace")[:80]
            return f"{path}, line {number}: a row is a label and column:value, but got '{shown}'"
    return f"{path} has no numbers where there should be some"

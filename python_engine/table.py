"""The operator table as data, for clients: `protocol/operators.msgpack` and, for people, `protocol/operators.json`.

python -m python_engine.table        writes both files
"""

import hashlib
import json
from functools import cache
from pathlib import Path

import msgpack

from . import ops  # noqa: F401
from .registry import REGISTRY

FOLDER = Path(__file__).resolve().parent.parent / "protocol"


@cache
def rows():
    """The rows in the order of their numbers."""
    return [row.describe() for row in REGISTRY]


@cache
def digest():
    """What the handshake compares."""
    return hashlib.sha256(msgpack.packb(rows())).hexdigest()


def as_msgpack():
    return msgpack.packb([digest(), rows()])


def as_json():
    return json.dumps(rows(), indent=1, ensure_ascii=False) + "\n"


def write():
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "operators.msgpack").write_bytes(as_msgpack())
    (FOLDER / "operators.json").write_text(as_json())


if __name__ == "__main__":
    write()

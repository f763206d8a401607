"""The operator table as data, for clients: `protocol/operators.msgpack` and, for people, `protocol/operators.json`.

python -m python_engine.table        writes both files, and the texts of `nd->help` (help.py)
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
    documented = [{**row.describe(), "doc": row.doc.split("\n\n")[0].replace("\n", " ")} for row in REGISTRY]
    return json.dumps(documented, indent=1, ensure_ascii=False) + "\n"


def write():
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "operators.msgpack").write_bytes(as_msgpack())
    (FOLDER / "operators.json").write_text(as_json())
    from . import help

    (FOLDER / "operators_help.msgpack").write_bytes(help.as_msgpack())


if __name__ == "__main__":
    write()

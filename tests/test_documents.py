"""What is written from the operator table is up to date, and what the documents promise is there.

Where this fails after an operator has changed:

    python -m python_engine.table
    python -m python_engine.document
"""

import re

import pytest

from python_engine import document, help, table
from python_engine.registry import OPERATORS, REGISTRY

DOCUMENTS = sorted(
    path.relative_to(document.ROOT)
    for folder in (".", "docs", "protocol")
    for path in (document.ROOT / folder).glob("*.md")
)


def test_the_exported_table_is_that_of_the_declarations():
    assert (table.FOLDER / "operators.msgpack").read_bytes() == table.as_msgpack(), "run python -m python_engine.table"
    assert (table.FOLDER / "operators.json").read_text() == table.as_json(), "run python -m python_engine.table"
    assert (table.FOLDER / "operators_help.msgpack").read_bytes() == help.as_msgpack(), (
        "run python -m python_engine.table"
    )


def test_the_reference_of_operators_is_that_of_the_declarations():
    assert document.PATH.read_text() == document.render(), "run python -m python_engine.document"


def test_every_operator_of_mxnet_is_there_or_it_is_said_why_not():
    excused = sorted(name for names in document.MISSING.values() for name in names)
    assert excused == document.missing(), "strike off in python_engine/document.py what is there, add what is not"


def test_every_alias_of_mxnet_names_the_same_operator():
    there = {name: aliases for name, aliases in document.mxnet_names().items() if name in OPERATORS}
    assert len(there) > 300
    wrong = [(name, alias) for name in there for alias in there[name] if OPERATORS.get(alias) is not OPERATORS[name]]
    assert wrong == []


def test_every_operator_says_what_it_computes():
    assert [row.name for row in REGISTRY if not row.doc] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_links_lead_somewhere(path):
    here = document.ROOT / path
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", here.read_text())
    assert [target for target in targets if not (here.parent / target).exists()] == []


def test_the_tests_that_hold_the_promises_exist():
    text = (document.ROOT / "docs/reliability.md").read_text()
    cells = re.findall(r"\| (`(?:\w+\.t|test_\w+\.py)`: .*) \|$", text, re.M)
    missing = []
    for part in (part for cell in cells for part in re.split(r"; (?=`[\w.]+`:)", cell)):
        file, names = re.fullmatch(r"`([\w.]+)`: (.*)", part).groups()
        perl = file.endswith(".t")
        source = (document.ROOT / ("perl_bindings/t" if perl else "tests") / file).read_text()
        for name in names.split("; ") if perl else re.findall(r"`(\w+)`", names):
            escaped = name.replace("'", "\\'")
            if f"subtest '{escaped}' => sub" not in source and f"def {name}(" not in source:
                missing.append(f"{file}: {name}")
    assert len(cells) > 20 and missing == []

"""Perl knows what an operator returns before the engine has computed it: type and shape of every recorded case."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from golden_ops import arrays, cases, refused_input

from python_engine.formats import params
from python_engine.registry import OPERATORS
from python_engine.sparse import as_stype

ROOT = Path(__file__).resolve().parent.parent


def walk(tmp_path, calls, inputs):
    (tmp_path / "cases.json").write_text(json.dumps(calls))
    params.save(str(tmp_path / "arrays.params"), inputs)
    command = ["perl", f"-I{ROOT}/perl_bindings/lib", ROOT / "tests/perl/walk_table.pl", "cases.json", "arrays.params"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=os.environ)
    assert done.returncode == 0, done.stderr[-2000:]
    return {line["id"]: line for line in map(json.loads, done.stdout.splitlines())}


def call(name, case, inputs):
    return {
        "id": f"{name}-{case['id']}",
        "operator": name,
        "attrs": {k: "inf" if v == float("inf") else v for k, v in case["attrs"].items()},
        "inputs": inputs,
        "train": case.get("train_mode", True),
    }


def test_outputs_are_predicted_as_recorded(tmp_path):
    calls, inputs, want = [], {}, {}
    for name, case in cases():
        if name not in OPERATORS or any(x["dtype"] == "bool" for x in case["inputs"]):  # which no .params file holds
            continue
        data = arrays(name)
        keys = [f"{name}/{x['key']}" for x in case["inputs"]]
        for key, x in zip(keys, case["inputs"], strict=True):
            inputs[key] = as_stype(data[x["key"]], x["stype"])
        calls.append(call(name, case, keys))
        want[calls[-1]["id"]] = [{what: out[what] for what in ("shape", "dtype", "stype")} for out in case["outputs"]]
    got = walk(tmp_path, calls, inputs)
    assert len(calls) > 1000
    wrong = [
        (key, outputs, got[key].get("error") or got[key]["outputs"])
        for key, outputs in want.items()
        if got[key].get("outputs") != outputs or "error" in got[key]
    ]
    assert not wrong, f"{len(wrong)} of {len(calls)}, first: {wrong[:5]}"


def test_what_the_engine_refuses_dies_at_the_call(tmp_path):
    calls, inputs = [], {}
    for name, case in cases("errors"):
        if name not in OPERATORS or case["notes"] or any(x["dtype"] == "bool" for x in case["inputs"]):
            continue
        keys = []
        for position, x in enumerate(case["inputs"]):
            keys.append(f"{name}/{case['id']}/{position}")
            inputs[keys[-1]] = refused_input(x)
        calls.append(call(name, case, keys))
    got = walk(tmp_path, calls, inputs)
    assert len(calls) > 80
    # no outputs: the call itself died, nothing had to be read
    accepted = [key for key, line in got.items() if "outputs" in line]
    assert not accepted, accepted


@pytest.fixture(autouse=True, scope="module")
def exported():
    """The table that Perl reads is the engine's."""
    from python_engine import table

    assert (ROOT / "protocol/operators.msgpack").read_bytes() == table.as_msgpack(), "run python -m python_engine.table"

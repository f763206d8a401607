"""The recordings of MXNet 1.9.1 under tests/golden/ops, and one call of an operator on them."""

import json
from pathlib import Path

import numpy as np

from python_engine import calls, ops, tape  # noqa: F401
from python_engine.ndarray import NDArray
from python_engine.registry import find
from python_engine.sparse import as_stype

FOLDER = Path(__file__).parent / "golden" / "ops"
MANIFEST = {}
for _path in sorted(FOLDER.glob("manifest*.json")):
    MANIFEST |= json.loads(_path.read_text())["ops"]


def cases(kind="cases"):
    """(operator name, case) of every recording of that kind: cases, errors or random."""
    return [(name, case) for name, entry in MANIFEST.items() for case in entry[kind]]


def arrays(name):
    """The arrays recorded for an operator, by key."""
    file = MANIFEST[name]["file"]
    return dict(np.load(FOLDER / file)) if file else {}


def is_sparse(case):
    return any(x["stype"] != "default" for x in case["inputs"] + case["outputs"])


def refused_input(x):
    """Values for the input of a call that must be refused: indices are out of every range."""
    return np.full(x["shape"], 99 if x["dtype"].startswith("int") else 1, x["dtype"])


class Call:
    """A recorded call, run on the engine: `inputs`, `outputs` (visible ones), and `backward()`."""

    def __init__(self, name, case, data):
        operator = find(name)
        self.case, self.data = case, data
        self.inputs = [NDArray(as_stype(data[x["key"]].copy(), x["stype"])) for x in case["inputs"]]
        for x, recorded in zip(self.inputs, case["inputs"], strict=True):
            if recorded["grad"] is not None or case["gradients"] == "raises":
                x.grad = NDArray(as_stype(np.zeros(x.data.shape, x.data.dtype), recorded["stype"]))
                tape.mark_variable(x, x.grad)
        state = tape.state
        state.training, state.recording = case["train_mode"], case["gradients"] != "none"
        try:
            operator.check_inputs(len(self.inputs))
            outputs = calls.invoke(operator, self.inputs, operator.parse(case["attrs"]))
        finally:
            state.training = state.recording = False
        self.outputs = outputs[: operator.visible_count(operator.parse(case["attrs"]))]

    def backward(self):
        heads = [out["head"] and NDArray(self.data[out["head"]]) for out in self.case["outputs"]]
        tape.backward(self.outputs, heads)


def assert_close(got, want, case, what):
    assert got.shape == want.shape, f"{what}: shape {got.shape}, recorded {want.shape}"
    assert got.dtype == want.dtype, f"{what}: dtype {got.dtype}, recorded {want.dtype}"
    np.testing.assert_allclose(
        got.astype(np.float64), want.astype(np.float64), rtol=case["rtol"], atol=case["atol"], err_msg=what
    )

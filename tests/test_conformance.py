"""Every operator of the table against what MXNet 1.9.1 computed.

python -m pytest tests/test_conformance.py -k "softmax"          the cases of some operators
"""

import numpy as np
import pytest
from golden_ops import MANIFEST, Call, arrays, assert_close, cases, refused_input

from python_engine.errors import MXNetError
from python_engine.registry import OPERATORS
from python_engine.sparse import dense, stype_of

# operator-case: (relative tolerance, why the recorded one is too strict)
COARSE = {
    "gammaln-c1": (1e-5, "MXNet takes digamma in float32"),
    "RNN-c5": (1e-5, "MXNet computed this float64 case in float32"),
}

# operators that have a gradient here where MXNet raises, and why it does
FURTHER = {"_contrib_ModulatedDeformableConvolution": "MXNet computes it on GPUs only"}


def known(entries):
    """Those whose operator is in the table, as parameters named operator-case."""
    return [pytest.param(n, c, id=f"{n}-{c['id']}") for n, c in entries if n in OPERATORS]


@pytest.mark.parametrize(("name", "case"), known(cases()))
def test_outputs_gradients_and_mutated_inputs_are_as_recorded(name, case):
    data = arrays(name)
    if f"{name}-{case['id']}" in COARSE:
        case = {**case, "rtol": COARSE[f"{name}-{case['id']}"][0]}
    call = Call(name, case, data)
    assert len(call.outputs) == len(case["outputs"])
    for position, (got, out) in enumerate(zip(call.outputs, case["outputs"], strict=True)):
        assert stype_of(got.data) == out["stype"]
        if out["key"] is None:
            assert (list(got.shape), got.data.dtype) == (out["shape"], out["dtype"])
        else:
            assert_close(dense(got.data), data[out["key"]], case, f"output {position}")
    if case["gradients"] == "recorded":
        call.backward()
        for position, (x, recorded) in enumerate(zip(call.inputs, case["inputs"], strict=True)):
            if recorded["grad"] is not None:
                assert_close(dense(x.grad.data), data[recorded["grad"]], case, f"gradient of input {position}")
    elif case["gradients"] == "raises" and name not in FURTHER:
        with pytest.raises(MXNetError):
            call.backward()
    for position, change in case["mutated"].items():
        if int(position) not in (case["out_is_input"] or ()):
            changed = dense(call.inputs[int(position)].data)
            assert_close(changed, data[change["key"]], case, f"mutated input {position}")
    if not OPERATORS[name].shares:
        for output in call.outputs:
            output.assign(0)  # which the inputs must not see
    for position, x in enumerate(call.inputs):
        if str(position) not in case["mutated"]:
            unchanged = data[case["inputs"][position]["key"]]
            np.testing.assert_array_equal(dense(x.data), unchanged, f"input {position} was changed")


@pytest.mark.parametrize(("name", "case"), known(cases("errors")))
def test_what_the_original_refuses_is_refused(name, case):
    if case["notes"]:
        pytest.skip("a limit of one of the original's kernels: " + case["notes"])
    inputs = [{"key": f"in{i}", "grad": None, "stype": "default", **x} for i, x in enumerate(case["inputs"])]
    data = {x["key"]: refused_input(x) for x in inputs}
    with pytest.raises(MXNetError):
        Call(name, {**case, "inputs": inputs, "outputs": [], "train_mode": True, "gradients": "none"}, data)


def test_recordings_exist_for_the_everyday_operators():
    assert len(MANIFEST) > 300

"""What `nd->help` shows of each operator: `protocol/operators_help.msgpack`, which `python_engine.table` writes.

The example of an operator is a call that is recorded from MXNet (tests/golden/ops), with the shapes and dtypes of its
arrays, and for the everyday operators one with numbers, which is computed here.
"""

import json
import re

import msgpack
import numpy as np

from . import ops  # noqa: F401
from .functions import GRADIENTS
from .registry import OPERATORS, REGISTRY, find
from .table import FOLDER

GOLDEN = FOLDER.parent / "tests" / "golden" / "ops"
LONGEST = 96  # characters of an example

# Calls with numbers: operator, arrays, attributes
EVERYDAY = [
    ("dot", [[[1, 2], [3, 4]], [[5], [6]]], {}),
    ("sum", [[[1, 2], [3, 4]]], {"axis": (1,)}),
    ("mean", [[[1, 2], [3, 4]]], {"axis": (0,)}),
    ("max", [[[1, 5], [3, 4]]], {"axis": (1,)}),
    ("argmax", [[[1, 5], [3, 4]]], {"axis": 1}),
    ("exp", [[0, 1]], {}),
    ("relu", [[-1, 2]], {}),
    ("softmax", [[1, 1, 1, 1]], {}),
    ("clip", [[-2, 0.5, 9]], {"a_min": 0.0, "a_max": 1.0}),
    ("one_hot", [[0, 2]], {"depth": 3}),
    ("take", [[[1, 2], [3, 4]], [1, 0]], {}),
    ("where", [[1, 0], [1, 2], [3, 4]], {}),
    ("concat", [[[1, 2]], [[3, 4]]], {"dim": 0}),
    ("stack", [[1, 2], [3, 4]], {}),
    ("transpose", [[[1, 2], [3, 4]]], {}),
    ("sort", [[3, 1, 2]], {}),
    ("argsort", [[3, 1, 2]], {}),
    ("topk", [[3, 1, 2]], {"k": 2}),
    ("cumsum", [[1, 2, 3]], {}),
    ("norm", [[3, 4]], {}),
    ("tile", [[1, 2]], {"reps": (2,)}),
    ("repeat", [[1, 2]], {"repeats": 2}),
    ("slice_axis", [[1, 2, 3, 4]], {"axis": 0, "begin": 1, "end": 3}),
    ("broadcast_add", [[[1], [2]], [[10, 20]]], {}),
    ("diag", [[[1, 2], [3, 4]]], {}),
    ("_npi_std", [[1, 2, 3, 4]], {}),
    ("_npi_var", [[1, 2, 3, 4]], {}),
    ("_npi_median", [[3, 1, 2]], {}),
    ("_npi_percentile", [[1, 2, 3, 4]], {"q_scalar": 50.0}),
    ("_npi_unique", [[3, 1, 2, 3, 1]], {}),
    ("_npi_diff", [[1, 4, 9]], {}),
    ("_npx_nonzero", [[4, 0, 5]], {}),
    ("_npi_around", [[1.26, -2.75]], {"decimals": 1}),
    ("_npi_isnan", [[1, np.nan]], {}),
    ("_npi_matmul", [[[1, 2], [3, 4]], [5, 6]], {}),
    ("_npi_outer", [[1, 2], [3, 4]], {}),
    ("_npi_kron", [[1, 2], [1, 1]], {}),
    ("_np_trace", [[[1, 2], [3, 4]]], {}),
    ("_npi_tril", [[[1, 2], [3, 4]]], {}),
    ("_npi_solve", [[[2, 0], [0, 4]], [2, 4]], {}),
    ("_npi_qr", [[[3, 0], [4, 5]]], {}),
    ("_npi_svd", [[[3, 0], [0, 4]]], {}),
    ("_npi_eigh", [[[2, 0], [0, 1]]], {}),
    ("_npi_lstsq", [[[1, 0], [1, 1], [1, 2]], [1, 3, 5]], {}),
    ("_npi_cov", [[[1, 2, 3], [3, 2, 1]]], {}),
    ("_npi_corrcoef", [[[1, 2, 3], [3, 2, 1]]], {}),
    ("_npi_bincount", [np.array([0, 2, 2])], {}),
    ("_npi_meshgrid", [[1, 2], [3, 4]], {}),
    ("_linalg_det", [[[1, 2], [3, 4]]], {}),
    ("_linalg_inverse", [[[2, 0], [0, 4]]], {}),
    ("_linspace", [], {"start": 0.0, "stop": 1.0, "num": 5}),
    ("_arange", [], {"start": 5.0}),
    ("_eye", [], {"N": 2}),
]
PREFIXES = ("_npi_", "_np_", "_npx_", "_contrib_", "_")
# Names that are methods of Perl's arrays with arguments of their own
METHODS = {
    "add", "arange", "broadcast_to", "concatenate", "copyto", "corrcoef", "cov", "equal", "full", "greater",
    "greater_equal", "histogram", "maximum", "minimum", "moveaxis", "multiply", "not_equal", "ones", "percentile",
    "power", "reshape", "slice", "subtract", "tril_indices", "triu_indices", "true_divide", "zeros",
}  # fmt: skip


def short(name):
    """The name by which Perl calls an operator: without a prefix, where that is no other one's, or in a namespace."""
    for namespace in ("linalg", "image"):
        if name.startswith(f"_{namespace}_"):
            return f"{namespace}->{name[len(namespace) + 2 :]}"
    for prefix in PREFIXES[: 3 if name.startswith("_np") else None]:
        if name.startswith(prefix) and name[len(prefix) :] not in OPERATORS.keys() | METHODS:
            return name[len(prefix) :]
    return name


def perl(value):
    """A value as Perl writes it."""
    if value is None:
        return "undef"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(perl, value)) + "]"
    if isinstance(value, str):
        return f"'{value}'"
    return f"{value:g}" if value == value and abs(value) != np.inf else "'" + str(float(value)) + "'"


def signature(row, name):
    """The call of an operator: arrays, then attributes with their defaults."""
    words = ["@" + n if n == row.variadic else f"${n} = undef" if n in row.optional else f"${n}" for n in row.inputs]
    words += [f"{n} => {perl(row.defaults[n])}" if n in row.defaults else f"{n} => ..." for n in row.attributes]
    return f"nd->{name}({', '.join(words)})"


def shown(array):
    """The type of an array: float32 2x3."""
    shape = "x".join(map(str, array["shape"])) or "[]"
    return f"{array['dtype']} {shape}"


def _call(row, name, arrays, attrs):
    words = arrays + [f"{n} => {perl(v)}" for n, v in attrs.items() if n not in ("num_args",) and n in row.attributes]
    return f"nd->{name}({', '.join(words)})"


def recorded():
    """For each operator the shortest of its recorded calls, with the types of what goes in and comes out."""
    examples = {}
    for path in sorted(GOLDEN.glob("manifest*.json")):
        for name, entry in json.loads(path.read_text())["ops"].items():
            for case in entry["cases"]:
                row = OPERATORS.get(name)
                if row is None or row.name in examples:
                    continue
                names = row.inputs[: len(case["inputs"])] if not row.variadic else []
                names += [f"x{i}" for i in range(len(case["inputs"]) - len(names))]
                text = _call(row, short(row.name), [f"${n}" for n in names], case["attrs"])
                types = [", ".join(map(shown, case[key])) for key in ("inputs", "outputs")]
                if len(text) <= LONGEST:
                    examples[row.name] = f"{text}\n    {types[0] or 'nothing'} -> {types[1]}"
    return examples


def everyday():
    """The calls with numbers, and what they give."""
    examples = {}
    for name, arrays, attrs in EVERYDAY:
        row = find(name)
        given = [np.asarray(x, None if isinstance(x, np.ndarray) else np.float32) for x in arrays]
        complete = row.parse({**attrs, "num_args": len(given)} if row.variadic else attrs)
        result = row.forward(*given, **complete)
        results = [result] if row.single else list(result)[: row.visible_count(complete)]
        text = _call(row, short(row.name), [_literal(x) for x in arrays], attrs)
        examples[row.name] = text + "\n    " + ", ".join(_numbers(x) for x in results)
    return examples


def _literal(x):
    if isinstance(x, np.ndarray):
        return f"nd->array({perl(x.tolist())}, dtype => 'int32')"
    return perl(x)


def _numbers(x):
    text = np.array2string(
        x + 0 if x.dtype == bool else x, precision=4, separator=" ", floatmode="maxprec", suppress_small=True
    )
    text = re.sub(r"\.(?=[\s\]]|$)", "", " ".join(text.split()))
    return text.replace("[ ", "[").replace(" ]", "]")


def entries():
    """[name, aliases, signature, documentation, gradient, example] of every operator that programs may call."""
    examples = {**recorded(), **everyday()}
    found = []
    for row in REGISTRY:
        if row.name.startswith(("_backward_", "_view_")):
            continue
        gradient = GRADIENTS.get(row.differentiable, "Gradient: yes, of any order.")
        call = signature(row, short(row.name))
        found.append([row.name, list(row.aliases), call, row.doc, gradient, examples.get(row.name, "")])
    return found


def as_msgpack():
    return msgpack.packb(entries())

"""docs/operators.md, from the operator table: `python -m python_engine.document` writes it."""

import json
import re
from functools import cache
from pathlib import Path

from . import ops  # noqa: F401
from .registry import HEAD, OPERATORS, REGISTRY, ZERO

ROOT = Path(__file__).resolve().parent.parent
PATH = ROOT / "docs" / "operators.md"

# The operators of MXNet that the table lacks, and why. tests/test_documents.py sees that this is all of them.
MISSING = {
    "they call symbols; on arrays, Perl's own `if`, `for` and `while` do, in Python also `mx.nd.contrib.foreach` ...": (
        "_cond",
        "_foreach",
        "_while_loop",
    ),
    "users write it: `AI::MXNet::Operator`, in Python `mx.operator`": ("Custom",),
    "MXNet's own fails at every call; `nd->imdecode` does what it was for": ("_imdecode",),
}

FAMILIES_OUTSIDE = """\
Left out on purpose are whole families that AI::MXNet never offered or that mean something to MXNet's own parts only:
`_contrib_quantize...` and its kin (int8 inference in particular libraries), `_contrib_dgl_...` (sampling from graphs),
`_sg_...` and `_CachedOp` (made by its graph optimizer), `_backward_...` (its gradients)."""

INTRODUCTION = """\
# Operators

Written by `python -m python_engine.document` from the operator table; edit the docstrings there, not this page.

Every name here, and every alias, is a method of arrays and a function of `nd`: `$x->sum(axis => 1)`,
`nd->sum($x, axis => 1)`, in Python `mx.nd.sum(x, axis=1)`. Of `_contrib_x`, `_linalg_x` and `_image_x` there are also
the short forms `nd->contrib->x`, `nd->linalg->x` and `nd->image->x`; the samplers are `nd->random->uniform(...)` and so
on. `perldoc AI::MXNet::NDArray` says how arguments are given.

In a signature, array inputs come first (`*data`: any number of them; `=None`: may be left out), then the attributes
with their defaults, in the order of positional arguments. `None` is `undef` in Perl, `True` and `False` are 1 and 0, a
tuple is a list ref. Attributes that only MXNet's GPU libraries heed (`cudnn_off`, `workspace` ...) are accepted and
ignored.

*Output* names the rule by which shape and dtype of the result are known at the call, so that nobody waits:
`same` (those of the input), `equal` (inputs must agree), `broadcast` (NumPy's rule) ... With `engine` the client asks
the engine the first time that attributes and input types occur together, and remembers; with `value` the shape depends
on the values, so that each call waits.

*Gradient*: *any order* can be differentiated, and its gradients again; *zero* has a gradient that is zero everywhere;
*its own* deliberately gives another gradient than the derivative of what it returns; *none* dies where a gradient
through it is asked for.
"""


@cache
def mxnet_names():
    """The operators of MXNet 1.9.1: their aliases by name."""
    return json.loads((ROOT / "tests/data/mxnet_operator_names.json").read_text())["operators"]


def families():
    """The operators that have a name in MXNet, by the module that declares them.

    What the shared helpers in `common` made counts to the module whose declarations follow."""
    found, module = {}, None
    for row in reversed(REGISTRY):
        own = row.forward.__module__
        module = module if own.endswith(".common") else own
        if _names(row) & _all_names() or row.name.startswith("_npi_"):
            found.setdefault(module.rpartition(".")[2], []).insert(0, row)
    return dict(sorted(found.items()))


def _names(row):
    return {row.name, *row.aliases}


@cache
def _all_names():
    return {name for first, rest in mxnet_names().items() for name in (first, *rest)}


def missing():
    """MXNet's operators that the table lacks."""
    return sorted(name for name, aliases in mxnet_names().items() if not OPERATORS.keys() & {name, *aliases})


def _plain(text):
    """Text as Markdown shows it as it is, but for `code`, in a cell of a table."""
    parts = re.split(r"(`[^`]*`)", text.replace("|", r"\|"))
    return "".join(part if part.startswith("`") else re.sub(r"([*<])", r"\\\1", part) for part in parts)


def _gradient(row):
    if row.differentiable in (HEAD, ZERO, None):
        return {HEAD: "its own", ZERO: "zero", None: "none"}[row.differentiable]
    if not row.lacks_rules:
        return "any order"
    without = [name for name, rule in zip(row.inputs, row.rules) if rule is None]
    return "any order; zero for " + ", ".join(without)


def _line(row):
    also = f"<br>also {', '.join(f'`{name}`' for name in row.aliases)}" if row.aliases else ""
    text = _plain(row.doc.split("\n\n")[0].replace("\n", " "))
    return f"| `{row.signature()}`{also} | {text} | {row.shape} | {_gradient(row)} |"


def _family(name, rows):
    module = getattr(ops, name)
    about = re.match(r".*?[.](?=\s|$)", module.__doc__, re.DOTALL)[0].replace("\n", " ")
    head = ["| operator | what it computes | output | gradient |", "|---|---|---|---|"]
    return "\n".join([f"## {name}", "", _plain(about), "", *head, *map(_line, rows)])


def render():
    """The page."""
    found = families()
    index = ", ".join(f"[{name}](#{name})" for name in found)
    count = sum(map(len, found.values()))
    lines = [f"| {', '.join(f'`{name}`' for name in names)} | {_plain(why)} |" for why, names in MISSING.items()]
    lacking = "\n".join(["## Not there", "", "| operator of MXNet 1.9.1 | why |", "|---|---|", *lines])
    outside = FAMILIES_OUTSIDE
    parts = [INTRODUCTION, f"{count} operators, by the module that declares them: {index}.\n"]
    parts += [_family(name, rows) + "\n" for name, rows in found.items()]
    return "\n".join([*parts, lacking, "", outside, ""])


if __name__ == "__main__":
    PATH.write_text(render())

"""Symbol files: JSON as nnvm writes it, read from MXNet 0.8 on.

A file lists nodes, each after its inputs; an input is [node, output, version]. Files from before MXNet 1.0 keep an
operator's parameters under "param" and other attributes under "attr", and leave out variables of auxiliary states.
"""

import json

from .. import custom
from ..errors import MXNetError
from ..registry import OPERATORS
from ..symbols import PLAIN, Node, Symbol, is_hidden, underscored

VERSION = 10600  # of MXNet, whose interface this is
MAX_NODES = 1_000_000
# How many outputs MXNet's operators have where not all are visible: "node_row_ptr" counts the others, too.
OUTPUTS = {
    "BatchNorm": 3, "BatchNorm_v1": 3, "BilinearSampler": 2, "CTCLoss": 2, "Correlation": 3, "Dropout": 2,
    "GridGenerator": 2, "GroupNorm": 3, "InstanceNorm": 3, "L2Normalization": 2, "LRN": 2, "LayerNorm": 3,
    "ROIPooling": 2, "SpatialTransformer": 3, "_contrib_MultiProposal": 2, "_contrib_Proposal": 2,
    "_contrib_SyncBatchNorm": 3, "_contrib_box_nms": 2, "_linalg_det": 3, "_linalg_slogdet": 4, "sort": 2,
}  # fmt: skip


def dumps(symbol):
    """The text of a symbol file."""
    nodes = symbol.nodes()
    numbers = {node: number for number, node in enumerate(nodes)}
    rows, offset, written = [0], 0, {}
    listed = []
    for node in nodes:
        offset += max(node.count, 0 if node.operator is None else OUTPUTS.get(node.operator.name, 0))
        rows.append(offset)
        item = {"op": "null" if node.operator is None else node.operator.name, "name": node.name}
        if node.attrs:
            item["attrs"] = dict(sorted(node.attrs.items()))
        item["inputs"] = []
        for position, (parent, index) in enumerate(node.inputs):
            if node.operator.auxiliary and position in node.operator.auxiliary:
                written[parent] = written.get(parent, 0) + 1
            item["inputs"].append([numbers[parent], index, written.get(parent, 0)])
        listed.append(item)
    return _text(
        {
            "nodes": listed,
            "arg_nodes": [numbers[node] for node in nodes if node.operator is None],
            "node_row_ptr": rows,
            "heads": [[numbers[node], index, 0] for node, index in symbol.entries],
            "attrs": {"mxnet_version": ["int", VERSION]},
        }
    )


def _text(graph):
    """Laid out as nnvm does: nodes, attributes and longer lists over several lines."""
    nodes = []
    for node in graph["nodes"]:
        words = [f'      "op": {_json(node["op"])}', f'      "name": {_json(node["name"])}']
        if "attrs" in node:
            pairs = [f"{_json(key)}: {_json(value)}" for key, value in node["attrs"].items()]
            if len(pairs) == 1:
                words.append(f'      "attrs": {{{pairs[0]}}}')
            else:
                words.append('      "attrs": {\n        ' + ", \n        ".join(pairs) + "\n      }")
        words.append(f'      "inputs": {_list(node["inputs"], 6)}')
        nodes.append("    {\n" + ", \n".join(words) + "\n    }")
    lists = [f'  "{key}": {_list(graph[key], 2)}' for key in ("arg_nodes", "node_row_ptr", "heads")]
    lists.append(f'  "attrs": {_json(graph["attrs"])}')
    return "{\n" + ", \n".join(['  "nodes": [\n' + ", \n".join(nodes) + "\n  ]", *lists]) + "\n}"


def _list(items, indent):
    if len(items) <= 10:
        return _json(items)
    lead = " " * (indent + 2)
    return "[\n" + ", \n".join(lead + _json(item) for item in items) + "\n" + " " * indent + "]"


def _json(value):
    return json.dumps(value, ensure_ascii=False)


def loads(text):
    """The symbol of a file's text; MXNetError where it is none."""
    try:
        graph = json.loads(text)
        nodes, heads = graph["nodes"], graph["heads"]
        if len(nodes) > MAX_NODES:
            raise ValueError(f"{len(nodes)} nodes are more than {MAX_NODES}")
        version = graph.get("attrs", {}).get("mxnet_version", [None, 800])[1]
        made = []
        for item in nodes:
            made.append(_node(item, made, version))
        return Symbol([_entry(head, made) for head in heads])
    except MXNetError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as reason:
        raise MXNetError(f"this is no symbol file: {type(reason).__name__}: {reason}") from None


def _entry(item, made):
    """The output of a node before, which [node, output, version] names."""
    number, index = item[0], item[1] if len(item) > 1 else 0
    if type(number) is not int or not 0 <= number < len(made):
        raise ValueError(f"{item} names no node before")
    if type(index) is not int or not 0 <= index < made[number].count:
        raise ValueError(f"{item} names no output of {made[number].name}")
    return made[number], index


def _node(item, made, version):
    name, op = item["name"], item["op"]
    if type(name) is not str or type(op) is not str:
        raise ValueError(f"the name {name!r} and the operator {op!r} of a node must be texts")
    attrs = {}
    for key in ("param", "attr", "attrs"):
        attrs.update({str(k): str(v) for k, v in (item.get(key) or {}).items()})
    inputs = [_entry(entry, made) for entry in item["inputs"]]
    if op == "null":
        return Node(None, name, underscored(attrs))
    if op != "Custom" and op not in OPERATORS:
        raise MXNetError(f"Cannot find operator {op}, which node {name} of the symbol file names")
    operator = custom.operator_of(attrs) if op == "Custom" else OPERATORS[op]
    _move_to_inputs(attrs, inputs, operator)
    if version < 905 and op in ("argmax", "argmin") and attrs.get("axis") == "-1":
        del attrs["axis"]  # which meant all
    node = Node(operator, name, underscored(attrs, operator))
    node.values  # noqa: B018  refuses what the operator does not know
    node.inputs = inputs
    if not operator.variadic:
        _add_states(node)
    return node


def _move_to_inputs(attrs, inputs, operator):
    """weight_lr_mult of an operator is __lr_mult__ of its weight, in old files."""
    for key in list(attrs):
        if key in operator.attributes or is_hidden(key):
            continue
        for word in PLAIN:
            name = key[: -len(word) - 1]
            if key.endswith("_" + word) and name in operator.inputs:
                position = operator.inputs.index(name)
                if position < len(inputs) and inputs[position][0].operator is None:
                    inputs[position][0].attrs[f"__{word}__"] = attrs.pop(key)


def _add_states(node):
    """Variables that the file leaves out, as old ones do."""
    names = node.operator.listed_inputs(node.values)
    if len(node.inputs) > len(names):
        raise ValueError(f"{node.name} has {len(node.inputs)} inputs, but {node.operator.name} takes {len(names)}")
    for name in names[len(node.inputs) :]:
        attrs = dict(node.operator.variable_attributes.get(name, {}))
        node.inputs.append((Node(None, f"{node.name}_{name}", attrs), 0))

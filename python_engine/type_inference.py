"""The dtypes of a graph's entries from those of some: what `infer_type` of a symbol does.

Most operators have one dtype for all of their inputs and outputs, and one that is known tells the others. The tables
below say which do not.
"""

import numpy as np

from .attributes import DTYPES, DType, parse
from .errors import ShapeError

NUMBERS = [str(number) for number in range(len(DTYPES))]

# Positions of inputs whose dtype says nothing of that of the others.
ASIDE = {
    "CTCLoss": (1, 2, 3), "Embedding": (0,), "RNN": (4,), "SequenceLast": (1,), "SequenceMask": (1,),
    "SequenceReverse": (1,), "_contrib_SparseEmbedding": (0,), "_contrib_index_copy": (1,), "batch_take": (1,),
    "fill_element_0index": (2,), "gather_nd": (1,), "one_hot": (0,), "pick": (1,), "scatter_nd": (1,), "take": (1,),
    "where": (0,),
}  # fmt: skip

# Operators that refuse inputs of different dtypes, as those with these shape rules do.
ALIKE = {
    "BatchNorm", "BatchNorm_v1", "Concat", "Convolution", "Deconvolution", "FullyConnected", "GroupNorm",
    "InstanceNorm", "LayerNorm", "LeakyReLU",
    "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput",
    "RNN", "SoftmaxOutput", "_contrib_SyncBatchNorm", "add_n", "batch_dot", "dot", "stack",
}  # fmt: skip
ALIKE_BY_RULE = ("broadcast", "equal")


def _always(*dtypes):
    return lambda attrs, dtype: dtypes


def _topk(attrs, dtype):
    return {"both": (dtype, attrs["dtype"]), "indices": (attrs["dtype"],)}.get(attrs["ret_typ"], (dtype,))


def _of_number(attrs, dtype):
    number = attrs["dtype"]
    return (DTYPES[number] if 0 <= number < len(DTYPES) else "float32",)


def _embedding(attrs, dtype):
    return (dtype or attrs["dtype"],)


# The dtypes of outputs, from the attributes and the dtype of the inputs (None: not known).
RESULTS = {
    "Embedding": _embedding,
    "_contrib_SparseEmbedding": _embedding,
    "_contrib_allclose": _always("uint8"),
    "_contrib_getnnz": _always("int64"),
    "_contrib_index_array": _always("int64"),
    "_histogram": lambda attrs, dtype: ("int64", dtype),
    "_image_to_tensor": _always("float32"),
    "_random_randint": lambda attrs, dtype: (attrs["dtype"] or "int32",),
    "_sample_multinomial": lambda attrs, dtype: (attrs["dtype"], dtype),
    "_sample_unique_zipfian": _always("int64", "int64"),
    "_zeros_without_dtype": _of_number,
    "amp_cast": lambda attrs, dtype: (attrs["dtype"] if dtype is None or dtype.startswith("float") else dtype,),
    "mp_lamb_update_phase1": _always("float32"),
    "shape_array": _always("int64"),
    "size_array": _always("int64"),
    "topk": _topk,
}


def _results(operator, attrs, dtype, count):
    """The dtypes of the outputs, where the operator's name or attributes tell; else None."""
    if operator.name in RESULTS:
        return RESULTS[operator.name](attrs, dtype)
    if "dtype" in attrs or "out_dtype" in attrs:
        said = attrs.get("dtype", attrs.get("out_dtype"))
        return (said or dtype or (None if operator.inputs else "float32"),) * count
    if attrs.get("is_int") is False and dtype is not None and np.dtype(dtype).kind in "iu":
        return ("float64",)  # an integer array and a number that is none
    return None


def infer_types(nodes, known):
    """{entry: dtype or None} of the outputs of nodes in order. known: dtypes of variables by name."""
    types = {}
    for node in nodes:
        for index in range(node.count):
            types[node, index] = None
        if node.operator is None:
            types[node, 0] = known.get(node.name) or _declared(node)
    pending, progress = [node for node in nodes if node.operator is not None], True
    while pending and progress:
        told = [_infer_call(node, types) for node in (*pending, *reversed(pending))]
        progress = any(told)
        pending = [node for node in pending if None in map(types.get, node.entries)]
    return types


def check_types(nodes, types):
    """Refuse inputs of different dtypes where an operator does not take them. types: what infer_types found."""
    for node in nodes:
        if node.operator is not None and (node.operator.name in ALIKE or node.operator.shape in ALIKE_BY_RULE):
            _check_alike(node, types)


def _check_alike(node, types):
    name, aside = node.operator.name, ASIDE.get(node.operator.name, ())
    inputs = [(position, types[entry]) for position, entry in enumerate(node.inputs) if position not in aside]
    common = next((dtype for _, dtype in inputs if dtype), None)
    for position, dtype in inputs:
        expected = _of_input(name, position, common)
        if dtype and dtype != expected:
            raise ShapeError(
                f"Error in operator {node.name}: Check failed: assign(&dattr, vec.at(i)): Incompatible attr in node "
                f"{node.name} at {position}-th input: expected {expected}, got {dtype}"
            )


def _declared(variable):
    """The dtype that a variable was made with, as a number or by name, or None."""
    text = variable.attrs.get("__dtype__")
    if text in (None, "-1"):
        return None
    return parse(variable.name, "__dtype__", DType(), DTYPES[int(text)] if text in NUMBERS else text)


def _infer_call(node, types):
    """Add what a call tells; true if that is anything new."""
    if node.operator.type_inference is not None:
        told = node.operator.type_inference([types[entry] for entry in node.inputs]) or ()
        new = {entry: dtype for entry, dtype in zip(node.entries, told) if dtype is not None and types[entry] is None}
        types.update(new)
        return bool(new)
    name, outs = node.operator.name, [(node, index) for index in range(node.count)]
    aside = ASIDE.get(name, ())
    ins = [entry for position, entry in enumerate(node.inputs) if position not in aside]
    common = next((types[entry] for entry in ins if types[entry]), None)
    results = _results(node.operator, node.values, common, len(outs))
    if results is None:
        common = common or next((types[entry] for entry in outs if types[entry]), None)
        results = (common,) * len(outs)
    elif name in ("Embedding", "_contrib_SparseEmbedding"):
        common = results[0]
    told = [*zip(outs, results), *((entry, _of_input(name, position, common)) for position, entry in enumerate(ins))]
    new = {entry: dtype for entry, dtype in told if dtype is not None and types[entry] is None}
    types.update(new)
    return bool(new)


def _of_input(name, position, common):
    # a normalized float16 array has statistics and parameters in float32
    single = position and common == "float16" and name in ("BatchNorm", "BatchNorm_v1", "_contrib_SyncBatchNorm")
    return "float32" if single else common

"""The storage types that a graph's arguments and their gradients have, as `simple_bind` makes arrays for them."""

from .sparse import STYPES


def infer_storage(symbol, given):
    """Two lists, of the arguments and of their gradients. given: {name: storage type}, of some; variables may know
    their own."""
    arguments = symbol.argument_nodes()
    stypes = {node: given.get(node.name) or _declared(node) for node in arguments}
    dense = set()  # arguments with a use whose gradient is dense
    used = set()
    for node in symbol.nodes():
        for position, (source, _) in enumerate(node.inputs):
            if source.operator is None:
                used.add(source)
                if not _gives_rows(node, position, stypes):
                    dense.add(source)
    gradients = ["row_sparse" if node in used - dense else "default" for node in arguments]
    return [stypes[node] for node in arguments], gradients


def _declared(node):
    number = node.attrs.get("__storage_type__", "0")
    return STYPES[int(number)] if number in ("1", "2") else "default"


def _gives_rows(node, position, stypes):
    """Whether the gradient of this input of a call is row_sparse."""
    name = node.operator.name
    if position != 1:
        return False
    if name == "Embedding":
        return node.values["sparse_grad"]
    if name == "dot":
        return (
            stypes.get(node.inputs[0][0]) == "csr" and not node.values["transpose_a"] and not node.values["transpose_b"]
        )
    return name == "_contrib_SparseEmbedding"

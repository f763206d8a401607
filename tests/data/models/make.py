"""Makes the files of this folder with MXNet 1.9.1: MXNET_MKLDNN_ENABLED=1 python make.py

Three small models as `save_checkpoint` writes them, `<name>-symbol.json` and `<name>-0001.params`; `<name>-run.params`:
the inputs by name, and the outputs as output0 ...; `<name>-0800.json`: the symbol as MXNet 0.8 would have written it.
"""

import json

import mxnet as mx
import numpy as np

PLAIN = ("ctx_group", "force_mirroring", "lr_mult", "mirror_stage", "wd_mult")


def multilayer():
    with mx.AttrScope(ctx_group="stage1"):
        data = mx.sym.Variable("data", lr_mult=0.2)
        weight = mx.sym.Variable("fc1_weight", lr_mult=1.2)
        net = mx.sym.FullyConnected(data, weight, name="fc1", num_hidden=8, wd_mult=0.3)
        net = mx.sym.Activation(net, name="relu1", act_type="relu")
    with mx.AttrScope(ctx_group="stage2"):
        net = mx.sym.FullyConnected(net, name="fc2", num_hidden=3, lr_mult=0.01)
        net = mx.sym.SoftmaxOutput(net, name="softmax")
    return net, {"data": (4, 5), "softmax_label": (4,)}


def convolutional():
    net = mx.sym.Convolution(
        mx.sym.Variable("data"), name="conv", kernel=(3, 3), num_filter=4, pad=(1, 1), no_bias=True
    )
    net = mx.sym.BatchNorm(net, name="bn", fix_gamma=False)
    net = mx.sym.LeakyReLU(net, name="leaky", act_type="leaky", slope=0.1)
    side = mx.sym.Convolution(net, name="side", kernel=(1, 1), num_filter=4)
    net = mx.sym.Pooling(
        mx.sym.Concat(net + side, net * 2, name="join"), name="pool", kernel=(2, 2), stride=(2, 2), pool_type="max"
    )
    net = mx.sym.FullyConnected(mx.sym.Flatten(mx.sym.Dropout(net, p=0.5)), name="fc", num_hidden=3)
    return mx.sym.SoftmaxOutput(net, name="softmax"), {"data": (2, 3, 6, 6), "softmax_label": (2,)}


def recurrent():
    net = mx.sym.Embedding(mx.sym.Variable("data"), name="embed", input_dim=11, output_dim=4)
    net, _ = mx.rnn.FusedRNNCell(6, num_layers=2, mode="lstm", prefix="lstm_").unroll(
        5, inputs=net, layout="NTC", merge_outputs=True
    )
    net = mx.sym.Reshape(net, shape=(-1, 6))
    net = mx.sym.FullyConnected(net, name="pred", num_hidden=7)
    return mx.sym.SoftmaxOutput(net, mx.sym.Reshape(mx.sym.Variable("softmax_label"), shape=(-1,)), name="softmax"), {
        "data": (3, 5),
        "softmax_label": (3, 5),
    }


def as_of_version_08(text):
    """The symbol file as MXNet 0.8 laid it out: parameters and other attributes apart, no auxiliary variables."""
    graph = json.loads(text)
    states = {"BatchNorm": (3, 4)}
    dropped = {node["inputs"][i][0] for node in graph["nodes"] for i in states.get(node["op"], ())}
    numbers, nodes = {}, []
    for number, node in enumerate(graph["nodes"]):
        if number in dropped:
            continue
        numbers[number] = len(nodes)
        attrs = node.get("attrs", {})
        hidden = {key.strip("_"): value for key, value in attrs.items() if key.strip("_") in PLAIN}
        param = {key: value for key, value in attrs.items() if not key.startswith("__")} if node["op"] != "null" else {}
        inputs = [[numbers[i[0]], i[1]] for i in node["inputs"] if i[0] not in dropped]
        made = {"op": node["op"], "param": param, "name": node["name"], "inputs": inputs, "backward_source_id": -1}
        nodes.append({**made, "attr": hidden} if hidden else made)
    arguments = [number for number, node in enumerate(nodes) if node["op"] == "null"]
    heads = [[numbers[head[0]], head[1]] for head in graph["heads"]]
    return json.dumps({"nodes": nodes, "arg_nodes": arguments, "heads": heads}, indent=2)


def make(name, net, shapes):
    rng = np.random.RandomState(sum(map(ord, name)))
    arguments, _, states = net.infer_shape(**shapes)
    arrays = {n: mx.nd.array(rng.uniform(-0.5, 0.5, s)) for n, s in zip(net.list_arguments(), arguments)}
    arrays["data"] = mx.nd.array(
        rng.randint(0, 11, shapes["data"]) if name == "recurrent" else rng.normal(size=shapes["data"])
    )
    aux = {n: mx.nd.array(rng.uniform(0.5, 1.5, s)) for n, s in zip(net.list_auxiliary_states(), states)}
    inputs = {n: arrays.pop(n) for n in list(arrays) if n in shapes}
    begun = {n: arrays.pop(n) for n in list(arrays) if "begin_state" in n}
    mx.model.save_checkpoint(name, 1, net, arrays, aux)
    executor = net.bind(mx.cpu(), {**arrays, **inputs, **begun}, aux_states=aux)
    outputs = executor.forward(is_train=False)
    mx.nd.save(f"{name}-run.params", {**inputs, **{f"output{i}": out for i, out in enumerate(outputs)}})
    with open(f"{name}-0800.json", "w") as file:
        file.write(as_of_version_08(net.tojson()))


if __name__ == "__main__":
    for model in (multilayer, convolutional, recurrent):
        make(model.__name__, *model())

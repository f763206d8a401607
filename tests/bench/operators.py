"""Everyday operators, forward and backward, at three sizes, beside PyTorch in the same process.

    tests/bench/operators.py [NAME ...]          prints milliseconds and the ratio PyTorch / here (above 1: faster here)

Both run on the same arrays in turn; each figure is the best of all calls in ROUNDS rounds (environment, default 2).
PyTorch gets one thread in one half of the rounds and both cores in the other: its threads wait for each other, so that
on a busy machine one may be faster. PyTorch: pip install torch==2.13.0
"""

import ctypes
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
sys.path.extend(p for p in os.environ.get("TORCH_PATH", "").split(":") if p)

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as nnf  # noqa: E402

from python_engine import __main__ as program  # noqa: E402
from python_engine import calls, session, tape  # noqa: E402, F401
from python_engine.ndarray import NDArray  # noqa: E402
from python_engine.registry import find  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", 2))
SECONDS = 0.15  # for each measurement of a round


def f32(*shape):
    return np.random.rand(*shape).astype(np.float32)


def ints(high, *shape):
    return np.random.randint(0, high, shape).astype(np.float32)


def square(n):
    return [f32(n, n), f32(n, n)]


# name: (operator, attributes, PyTorch's function, inputs by size, which inputs are indices, sizes)
CASES = {
    "add": ("broadcast_add", {}, torch.add, lambda n: [f32(n), f32(n)], (), (1000, 100_000, 10_000_000)),
    "mul (broadcast)": ("broadcast_mul", {}, torch.mul, lambda n: [f32(n, n), f32(1, n)], (), (32, 320, 3200)),
    "tanh": ("tanh", {}, torch.tanh, lambda n: [f32(n)], (), (1000, 100_000, 10_000_000)),
    "sigmoid": ("sigmoid", {}, torch.sigmoid, lambda n: [f32(n)], (), (1000, 100_000, 10_000_000)),
    "exp": ("exp", {}, torch.exp, lambda n: [f32(n)], (), (1000, 100_000, 10_000_000)),
    "relu": ("relu", {}, torch.relu, lambda n: [f32(n)], (), (1000, 100_000, 10_000_000)),
    "sum": ("sum", {}, torch.sum, lambda n: [f32(n, n)], (), (32, 320, 3200)),
    "sum (axis 1)": ("sum", {"axis": (1,)}, lambda x: x.sum(1), lambda n: [f32(n, n)], (), (32, 320, 3200)),
    "max (axis 1)": ("max", {"axis": (1,)}, lambda x: x.amax(1), lambda n: [f32(n, n)], (), (32, 320, 3200)),
    "softmax": ("softmax", {}, lambda x: torch.softmax(x, -1), lambda n: [f32(n, n)], (), (32, 320, 3200)),
    "log_softmax": ("log_softmax", {}, lambda x: torch.log_softmax(x, -1), lambda n: [f32(n, n)], (), (32, 320, 3200)),
    "dot": ("dot", {}, torch.matmul, square, (), (64, 512, 2048)),
    "batch_dot": ("batch_dot", {}, torch.bmm, lambda n: [f32(32, n, n), f32(32, n, n)], (), (16, 64, 256)),
    "transpose": (
        "transpose", {}, lambda x: x.t().contiguous(), lambda n: [f32(n, n)], (), (32, 320, 3200),
    ),
    "Concat": ("Concat", {"dim": 1}, lambda *x: torch.cat(x, 1), square, (), (32, 320, 3200)),
    "FullyConnected": (
        "FullyConnected", {"num_hidden": 256}, nnf.linear, lambda n: [f32(n, 512), f32(256, 512), f32(256)], (), (16, 128, 1024),
    ),
    "Convolution 3x3": (
        "Convolution", {"kernel": (3, 3), "pad": (1, 1), "num_filter": 32}, lambda x, w, b: nnf.conv2d(x, w, b, padding=1),
        lambda n: [f32(n, 16, 28, 28), f32(32, 16, 3, 3), f32(32)], (), (1, 16, 64),
    ),
    "Convolution 5x5": (
        "Convolution", {"kernel": (5, 5), "num_filter": 20}, nnf.conv2d,
        lambda n: [f32(n, 1, 28, 28), f32(20, 1, 5, 5), f32(20)], (), (1, 16, 64),
    ),
    "Pooling max 2x2": (
        "Pooling", {"kernel": (2, 2), "stride": (2, 2), "pool_type": "max"}, lambda x: nnf.max_pool2d(x, 2),
        lambda n: [f32(n, 20, 24, 24)], (), (1, 16, 64),
    ),
    "Pooling avg 2x2": (
        "Pooling", {"kernel": (2, 2), "stride": (2, 2), "pool_type": "avg"}, lambda x: nnf.avg_pool2d(x, 2),
        lambda n: [f32(n, 20, 24, 24)], (), (1, 16, 64),
    ),
    "BatchNorm": (
        "BatchNorm", {"fix_gamma": False}, lambda x, g, b, m, v: nnf.batch_norm(x, m.detach(), v.detach(), g, b, training=True),
        lambda n: [f32(n, 20, 24, 24), f32(20), f32(20), f32(20), f32(20)], (3, 4), (1, 16, 64),
    ),
    "LayerNorm": (
        "LayerNorm", {}, lambda x, g, b: nnf.layer_norm(x, x.shape[-1:], g, b),
        lambda n: [f32(n, 256), f32(256), f32(256)], (), (16, 256, 4096),
    ),
    "Embedding": (
        "Embedding", {"input_dim": 10000, "output_dim": 128}, lambda i, w: nnf.embedding(i, w),
        lambda n: [ints(10000, n, 35), f32(10000, 128)], (0,), (1, 20, 200),
    ),
    "take": ("take", {}, lambda x, i: x[i], lambda n: [f32(10000, 64), ints(10000, n)], (1,), (10, 1000, 100_000)),
    "pick": (
        "pick", {"axis": 1}, lambda x, i: x.gather(1, i[:, None])[:, 0], lambda n: [f32(n, 10), ints(10, n)], (1,), (64, 1000, 100_000),
    ),
    "topk": ("topk", {"k": 5, "ret_typ": "value"}, lambda x: x.topk(5)[0], lambda n: [f32(n, 1000)], (), (1, 32, 1000)),
}  # fmt: skip


def best(work):
    """Smallest seconds of one call."""
    work()
    smallest, until = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        start = time.perf_counter()
        work()
        smallest = min(smallest, time.perf_counter() - start)
    return smallest


def ours(operator, attrs, arrays, indices):
    """Two functions that compute here: forward, and forward and backward."""
    inputs = [NDArray(a) for a in arrays]
    for position, x in enumerate(inputs):
        if position not in indices:
            tape.mark_variable(x, NDArray(np.zeros_like(x.data)))
    row = find(operator)
    count = {"num_args": len(arrays)} if "num_args" in row.attributes else {}
    heads = []

    def forward():
        return calls.invoke(row, inputs, row.parse({**attrs, **count}))[:1]

    def both():
        with tape.recording(True, True):
            outputs = forward()
        heads[:] = heads or [NDArray(np.ones_like(outputs[0].data))]
        tape.backward(outputs, heads)

    return forward, both


def theirs(function, arrays, indices):
    """The same in PyTorch."""
    inputs = [
        torch.from_numpy(a).long()
        if i in indices and a.ndim and np.all(a == a.astype(int))
        else torch.from_numpy(a.copy())
        for i, a in enumerate(arrays)
    ]
    for position, x in enumerate(inputs):
        if position not in indices:
            x.requires_grad_()
    heads = []

    def forward():
        with torch.no_grad():
            return function(*inputs)

    def both():
        for x in inputs:
            x.grad = None
        y = function(*inputs)
        heads[:] = heads or [torch.ones_like(y)]
        y.backward(heads[0])

    return forward, both


def compare(works):
    """Milliseconds here and in PyTorch of each pair of functions."""
    seconds = [[float("inf")] * 2 for _ in works]
    for turn in range(ROUNDS):
        torch.set_num_threads(1 + turn % 2)
        for best_so_far, pair in zip(seconds, works, strict=True):
            best_so_far[:] = [min(least, best(work)) for least, work in zip(best_so_far, pair, strict=True)]
    return [(1e3 * here, 1e3 * there) for here, there in seconds]


def main():
    np.random.seed(0)
    np.seterr(all="ignore")
    program.keep_freed_memory(ctypes.CDLL(None))
    print(f"{'operator':18} {'size':>10} {'forward ms':>11} {'x PyTorch':>10} {'+backward ms':>13} {'x PyTorch':>10}")
    for name in sys.argv[1:] or CASES:
        operator, attrs, function, make, indices, sizes = CASES[name]
        for size in sizes:
            arrays = make(size)
            here, there = ours(operator, attrs, arrays, indices), theirs(function, arrays, indices)
            forward, both = compare(list(zip(here, there, strict=True)))
            print(
                f"{name:18} {size:10} {forward[0]:11.4f} {forward[1] / forward[0]:10.2f} "
                f"{both[0]:13.4f} {both[1] / both[0]:10.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

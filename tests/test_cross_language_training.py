"""Python and Perl train one network from the same start: the losses on the way and the weights at the end agree."""

import math
import os
import subprocess
from pathlib import Path

import numpy as np

import python_engine as mx

ROOT = Path(__file__).resolve().parent.parent
STEPS, RATE = 20, 0.2


def numbers(rows, columns, start):
    """As in train_network.pl."""
    return mx.nd.array([[math.sin(start + 1.7 * (r * columns + c)) for c in range(columns)] for r in range(rows)])


def train():
    """The losses of all steps, then all weights."""
    x, y = numbers(8, 4, 1), numbers(8, 2, 2)
    weights = [numbers(4, 5, 3), numbers(1, 5, 4), numbers(5, 2, 5), numbers(1, 2, 6)]
    for w in weights:
        w.attach_grad()
    results = []
    for _ in range(STEPS):
        with mx.autograd.record():
            hidden = mx.nd.tanh(mx.nd.dot(x, weights[0]) + weights[1])
            out = mx.nd.dot(hidden, weights[2]) + weights[3]
            loss = mx.nd.mean(mx.nd.square(out - y))
        loss.backward()
        for w in weights:
            w -= RATE * w.grad
        results.append(loss.asscalar())
    for w in weights:
        results += w.asnumpy().ravel().tolist()
    return results


def test_training_in_python_learns():
    losses = train()[:STEPS]
    assert losses[-1] < 0.6 * losses[0]
    assert losses == sorted(losses, reverse=True)


def test_perl_and_python_train_alike():
    command = ["perl", f"-I{ROOT}/perl_bindings/lib", ROOT / "tests/perl/train_network.pl"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ)
    assert (done.returncode, done.stderr) == (0, "")
    in_perl, in_python = [float(line) for line in done.stdout.split()], train()
    assert len(in_perl) == len(in_python) == STEPS + 4 * 5 + 5 + 5 * 2 + 2
    np.testing.assert_allclose(in_perl, in_python, rtol=1e-6, atol=1e-6)

"""python_engine: the autodiff engine behind AI::MXNet, and a Python package with MXNet's interface.

    import python_engine as mx
    x = mx.nd.array([[1, 2], [3, 4]])
    x.attach_grad()
    with mx.autograd.record():
        y = 2 * x * x
    y.backward()
    x.grad.asnumpy()

What is named below is loaded when it is first used: the engine's supervisor needs none of it and stays small.
"""

from importlib import import_module

_MODULES = {
    "attribute": "scopes", "autograd": "autograd", "base": "errors", "context": "context", "executor": "executor",
    "name": "scopes", "nd": "nd", "ndarray": "nd", "operator": "custom_operator", "random": "random", "rnd": "random",
    "sym": "symbol", "symbol": "symbol",
}  # fmt: skip
_NAMES = {
    "AttrScope": "scopes",
    "Context": "context",
    "MXNetError": "errors",
    "cpu": "context",
    "cpu_pinned": "context",
    "current_context": "context",
    "gpu": "context",
    "num_gpus": "context",
}


def __getattr__(name):
    if name in _MODULES:
        value = import_module(f".{_MODULES[name]}", __name__)
    elif name in _NAMES:
        value = getattr(import_module(f".{_NAMES[name]}", __name__), name)
    else:
        raise AttributeError(f"python_engine has no {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*_MODULES, *_NAMES})

"""python_engine: the autodiff engine behind AI::MXNet, and a Python package with MXNet's interface.

    import python_engine as mx
    x = mx.nd.array([[1, 2], [3, 4]])
    x.attach_grad()
    with mx.autograd.record():
        y = 2 * x * x
    y.backward()
    x.grad.asnumpy()
"""

"""A symbol bound to arrays, as MXNet's Python has it: `mx.sym`'s `bind` and `simple_bind` make one."""

import math

import numpy as np

from . import calls, graph, nd
from .context import check_usable
from .errors import ArgumentError, ShapeError
from .methods import dtype_name
from .ndarray import NDArray
from .storage_inference import infer_storage


class Executor(graph.Executor):
    """Arrays by position: `arg_arrays`, `grad_arrays` (None where there is no gradient), `aux_arrays`, `outputs`; by
    name: `arg_dict`, `grad_dict`, `aux_dict`, `output_dict`."""

    def __init__(self, symbol, ctx, args, grads, reqs, aux, shared=None):
        check_usable(ctx)
        with np.errstate(all="ignore"):
            super().__init__(symbol.graph, args, grads, reqs, aux, shared)
        self.symbol, self.ctx, self.monitor = symbol, ctx, None

    @property
    def arg_arrays(self):
        return self.args

    @property
    def grad_arrays(self):
        return self.grads

    @property
    def aux_arrays(self):
        return self.aux

    @property
    def arg_dict(self):
        return _by_name(self.symbol.list_arguments(), self.args)

    @property
    def grad_dict(self):
        return _by_name(self.symbol.list_arguments(), self.grads)

    @property
    def aux_dict(self):
        return _by_name(self.symbol.list_auxiliary_states(), self.aux)

    @property
    def output_dict(self):
        return _by_name(self.symbol.list_outputs(), self.outputs)

    def forward(self, is_train=False, **kwargs):
        """Compute the outputs and return them. kwargs: new values of arguments, of their shapes."""
        for name, value in kwargs.items():
            array = self.arg_dict.get(name)
            if array is None:
                raise ArgumentError(f"Unknown argument {name}")
            value = value if isinstance(value, NDArray) else nd.array(value, dtype=array.dtype)
            if value.shape != array.shape:
                raise ShapeError(f"Shape not match! Argument {name}, need: {array.shape}, received: {value.shape}")
            calls.store(array, value.astype(array.dtype, copy=False))
        with np.errstate(all="ignore"):
            super().forward(bool(is_train), self.monitor)
        return self.outputs

    def backward(self, out_grads=None, is_train=True):
        """Compute the gradients, from those of the outputs: an NDArray, a list or a dict by name; losses need none."""
        if isinstance(out_grads, NDArray):
            out_grads = [out_grads]
        elif isinstance(out_grads, dict):
            out_grads = [out_grads.get(name) for name in self.symbol.list_outputs()]
        with np.errstate(all="ignore"):
            super().backward(out_grads, bool(is_train))

    def set_monitor_callback(self, callback, monitor_all=False):
        """Call `callback(name, array)` with every output of every call that `forward` computes."""
        if monitor_all:
            raise ArgumentError("monitor_all is not supported: a monitor sees outputs of calls, not their inputs")
        self.monitor = callback

    def copy_params_from(self, arg_params, aux_params=None, allow_extra_params=False):
        """Copy arrays by name. ValueError for a name that the executor does not have, unless extra ones are allowed."""
        for given, own, what in (
            (arg_params, self.arg_dict, "arguments"),
            (aux_params or {}, self.aux_dict, "auxiliary states"),
        ):
            for name, array in given.items():
                if name in own:
                    calls.store(own[name], array.astype(own[name].dtype))
                elif not allow_extra_params:
                    raise ArgumentError(f'Find name "{name}" that is not in the {what}')

    def reshape(self, partial_shaping=False, allow_up_sizing=False, **kwargs):
        """A new executor for inputs of other shapes, which shares the arrays that do not grow, or their beginnings.

        An array that is not named may change only with `partial_shaping`, and grow only with `allow_up_sizing`."""
        inputs = self.symbol.list_inputs()
        known = {name: shape for name, shape in kwargs.items() if name in inputs}  # others are ignored, as in MXNet
        arg_shapes, _, aux_shapes = self.symbol.infer_shape(**known)
        if arg_shapes is None:
            raise ArgumentError("Insufficient argument shapes provided.")
        args, grads = [], []
        for name, shape, array, grad in zip(self.symbol.list_arguments(), arg_shapes, self.args, self.grads):
            if shape != array.shape:
                if not partial_shaping and name not in kwargs:
                    raise ArgumentError(
                        f'Shape of unspecified array arg:"{name}" changed. This can cause the new executor to not '
                        "share parameters with the old one. If this is intended, set partial_shaping=True."
                    )
                if np.prod(shape) > array.data.size and not allow_up_sizing:
                    raise ArgumentError(
                        f'New shape of arg:"{name}" larger than original. First making a big executor and then down '
                        "sizing it is more efficient; if you want to up size, set allow_up_sizing=True."
                    )
                array, grad = (x if x is None else _reshaped(x, shape) for x in (array, grad))
            args.append(array)
            grads.append(grad)
        aux = [x if x.shape == s else nd.zeros(s, dtype=x.dtype) for x, s in zip(self.aux, aux_shapes)]
        return Executor(self.symbol, self.ctx, args, grads, self.reqs, aux, self)

    def debug_str(self):
        """The graph in lines."""
        return self.symbol.debug_str()


def _reshaped(array, shape):
    """The beginning of an array as one of another shape; a new one where it would be larger."""
    size = math.prod(shape)
    if size > array.data.size or size == 0 or array.stype != "default":
        return nd.zeros(shape, dtype=array.dtype, stype=array.stype)
    return array.reshape((-1,))[:size].reshape(shape)


def _by_name(names, arrays):
    if len(set(names)) != len(names):
        raise ArgumentError(f"Find duplicated argument name, please make all weight name non-duplicated: {names}")
    return dict(zip(names, arrays))


def in_order(what, given, names, partial=False):
    """Arrays for names, from a dict or a list in order."""
    if isinstance(given, dict):
        if not partial and (missing := [name for name in names if name not in given]):
            raise ArgumentError(f"key `{missing[0]}` is missing in `{what}`")
        return [given.get(name) for name in names]
    if not isinstance(given, list | tuple):
        raise ArgumentError(f"Only accept list of NDArrays or dict of str to NDArray for {what}, but got {given!r:.80}")
    if len(given) != len(names):
        raise ArgumentError(f"Length of {what} does not match the number of arguments: {len(given)} for {len(names)}")
    return list(given)


def requests(given, names):
    """The grad_req of each argument, from a word, a list or a dict."""
    if isinstance(given, str):
        given = [given] * len(names)
    reqs = [given.get(name, "null") for name in names] if isinstance(given, dict) else list(given)
    if len(reqs) != len(names):
        raise ArgumentError(f"grad_req has {len(reqs)} entries for {len(names)} arguments")
    for req in reqs:
        if req not in ("write", "add", "null"):
            raise ArgumentError(f"grad_req is write, add or null, but got {req!r}")
    return reqs


def new_arrays(symbol, grad_req, shapes, type_dict, stype_dict, shared):
    """Arguments, gradients, requests and auxiliary states for `simple_bind`; those of `shared` where they fit."""
    names, states = symbol.list_arguments(), symbol.list_auxiliary_states()
    shown = ", ".join(f"{name}: {shape}" for name, shape in shapes.items())
    try:
        arg_shapes, _, aux_shapes = symbol.graph.infer_shape(dict(shapes))
        if arg_shapes is None:
            raise ArgumentError("the shapes of some arguments are not known")
    except (ArgumentError, ShapeError) as reason:
        raise ShapeError(f"simple_bind error. Arguments:\n{shown}\n{reason.message}") from None
    types = {name: dtype_name(dtype) for name, dtype in (type_dict or {}).items()}
    arg_types, _, aux_types = symbol.graph.infer_type(types, True)
    old = [{}, {}, {}] if shared is None else [shared.arg_dict, shared.grad_dict, shared.aux_dict]

    def array(known, name, shape, dtype, stype="default"):
        found = known.get(name)
        if found is not None and found.shape == shape and found.data.dtype == (dtype or "float32"):
            return found
        return nd.zeros(shape, dtype=dtype or "float32", stype=stype)

    stypes, grad_stypes = infer_storage(symbol.graph, stype_dict or {})
    reqs, rows = requests(grad_req, names), list(zip(names, arg_shapes, arg_types))
    args = [array(old[0], *row, stype) for row, stype in zip(rows, stypes)]
    grads = [None if req == "null" else array(old[1], *row, stype) for req, row, stype in zip(reqs, rows, grad_stypes)]
    return args, grads, reqs, [array(old[2], *row) for row in zip(states, aux_shapes, aux_types)]

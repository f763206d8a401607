"""Layers of neural networks: activations, FullyConnected, Dropout. (Others: softmax.py, norm.py, conv.py, rnn.py)"""

import math

import numpy as np

from ..attributes import Choice, Maybe, Shape
from ..blas import matmul
from ..errors import ArgumentError, ShapeError
from ..generator import generator
from ..inference import like_data
from ..registry import find, operator
from . import elementwise, special  # noqa: F401  whose rows are used below
from .common import check_same_dtype, maximum, minimum, number, reduce_to, widened

SELU_ALPHA, SELU_SCALE = float(np.float32(1.6732632423543772)), float(np.float32(1.0507009873554805))  # as in MXNet


def check_floats(operator_name, data, *others):
    """Refuse dtypes that are not floating point, and others than that of `data`."""
    if data.dtype.kind != "f":
        raise ShapeError(
            f"This operation only support floating point types, not {data.dtype}, in operator {operator_name}"
        )
    for other in others:
        if other.dtype is not data.dtype:
            check_same_dtype(operator_name, data, other)


def check_count(operator_name, wanted, *optional):
    """Refuse a number of optional inputs that differs from what the attributes ask for."""
    given = sum(x is not None for x in optional)
    if given != wanted:
        first = len(find(operator_name).inputs) - len(optional)
        raise ArgumentError(
            f"Operator {operator_name} expects {first + wanted} inputs, but got {first + given} instead."
        )


def check_shape(operator_name, argument, array, wanted):
    """Refuse an array whose shape does not follow from those before it."""
    if array.shape != wanted:
        refuse_shape(operator_name, argument, array.shape, wanted)


def refuse_shape(operator_name, argument, shape, wanted):
    raise ShapeError(
        f"Shape inconsistent, Provided = {list(shape)}, inferred shape={list(wanted)} for {argument}, "
        f"in operator {operator_name}"
    )


def sums(kept, *arrays):
    """The sum of the products of arrays of one shape over all axes but `kept`; the others stay with length 1.

    einsum makes no array for the products, and walks the arrays in the order of their memory."""
    axes = list(range(arrays[0].ndim))
    terms = [term for array in arrays for term in (array, axes)]
    shape = [n if axis in kept else 1 for axis, n in enumerate(arrays[0].shape)]
    return np.einsum(*terms, list(kept)).reshape(shape)


# -- activations -------------------------------------------------------------------------------------------------


def _positive(x):
    return maximum(x, number(0.0, x.dtype))


def _negative(x):
    return minimum(x, number(0.0, x.dtype))


def softrelu(x, out=None):
    """log(1 + exp(x)) without overflow."""
    bend = np.abs(x)
    np.negative(bend, out=bend)
    np.exp(bend, out=bend)
    np.log1p(bend, out=bend)
    return np.add(bend, _positive(x), out=bend if out is None else out)


ACTIVATIONS = {
    "relu": find("relu").forward,
    "sigmoid": find("sigmoid").forward,
    "softrelu": softrelu,
    "softsign": find("softsign").forward,
    "tanh": find("tanh").forward,
}


@operator("Activation", shape="same")
def activation(data, *, act_type: Choice("relu", "sigmoid", "softrelu", "softsign", "tanh"), out=None):
    """The function `act_type` of each element; softrelu is log(1 + exp(x)), softsign x / (1 + |x|).

    data: any shape, floating point. Output: its shape and dtype."""
    check_floats("Activation", data)
    return ACTIVATIONS[act_type](data, out=out)


@activation.gradient
def _(F, g, out, act_type):
    if act_type == "relu":
        return F._backward_relu(g, out)
    if act_type == "sigmoid":
        return F._backward_sigmoid(g, out)
    if act_type == "tanh":
        return F._backward_tanh(g, out)
    return -g * F.expm1(-out) if act_type == "softrelu" else g * F.square(1 - F.abs(out))


def _slope_shape(data_shape, gamma_shape):
    """The shape in which the slopes of prelu broadcast against the data."""
    ndim = len(data_shape)
    if gamma_shape == (1,):
        return (1,) * ndim
    if len(gamma_shape) == 1:
        shape = gamma_shape if ndim == 1 else (1, *gamma_shape, *(1,) * (ndim - 2))
    else:
        shape = gamma_shape
    if len(shape) != ndim or any(s not in (1, n) for s, n in zip(shape, data_shape)):
        raise ShapeError(
            f"prelu takes one slope, or one for each channel (axis 1), but got gamma of shape {list(gamma_shape)} for "
            f"data of shape {list(data_shape)}, in operator LeakyReLU"
        )
    return shape


def _leaky(x, slope):
    """x where positive, else x * slope, by arithmetic: choosing with where takes ten times as long."""
    out = _negative(x)
    out *= slope
    out += _positive(x)
    return out


def _elu(x, slope):
    out = _negative(x)
    np.expm1(out, out=out)
    out *= slope
    out += _positive(x)
    return out


def _gelu(x):
    """Rounded to float32, as MXNet does for every dtype."""
    narrow = x.astype(np.float32, copy=False)
    out = find("erf").forward((narrow / np.float32(math.sqrt(2))).astype(x.dtype, copy=False))
    out = out.astype(np.float32, copy=False)
    out += 1
    out *= narrow
    out *= 0.5
    return out


@operator(
    "LeakyReLU",
    outputs=("output", "mask"),
    visible=lambda attrs: 2 if attrs["act_type"] == "rrelu" else 1,
    train=True,
    random=True,
    takes={"gamma": lambda attrs: attrs["act_type"] == "prelu"},
)
def leaky_relu(
    data,
    gamma=None,
    *,
    act_type: Choice("elu", "gelu", "leaky", "prelu", "rrelu", "selu") = "leaky",
    slope: float = 0.25,
    lower_bound: float = 0.125,
    upper_bound: float = 0.334,
    train: bool = False,
):
    """Rectifiers that let something of negative x through.

    leaky: x * slope (Maas 2013). prelu: x * gamma, with one slope or one for each channel (He 2015). rrelu: x times a
    slope drawn from [lower_bound, upper_bound) for each element in training, times their mean otherwise (Xu 2015).
    elu: slope * (exp(x) - 1) (Clevert 2015). selu: elu with fixed slope, and scaled (Klambauer 2017).
    gelu: x * P(Z < x) for a standard normal Z, also of positive x (Hendrycks 2016).
    data: any shape, floating point. gamma (prelu only): (1,), (channels,), or a shape that broadcasts to `data`.
    Output: shape and dtype of `data`; rrelu also returns the slopes."""
    check_count("LeakyReLU", int(act_type == "prelu"), gamma)
    check_floats("LeakyReLU", data, *[] if gamma is None else [gamma])
    x, mask = widened(data), np.ones(1, data.dtype)
    if act_type == "prelu":
        out = _leaky(x, gamma.reshape(_slope_shape(data.shape, gamma.shape)))
    elif act_type == "rrelu":
        if not 0 <= upper_bound - lower_bound < math.inf:
            raise ArgumentError(
                f"lower_bound={lower_bound} and upper_bound={upper_bound} must be finite and in order, in operator "
                "LeakyReLU"
            )
        if train:
            mask = generator.numpy.uniform(lower_bound, upper_bound, data.shape).astype(data.dtype)
        else:
            mask = np.full(data.shape, (lower_bound + upper_bound) / 2, data.dtype)
        out = _leaky(x, mask)
    elif act_type == "gelu":
        out = _gelu(x)
    elif act_type == "leaky":
        out = _leaky(x, slope)
    else:
        out = _elu(x, slope if act_type == "elu" else SELU_ALPHA)
        if act_type == "selu":
            out *= SELU_SCALE
    return out.astype(data.dtype, copy=False), mask


@leaky_relu.gradient("data")
def _(F, g, data, gamma, mask, act_type, slope):
    g = g[0]
    if act_type == "gelu":
        density = F.exp(data * data * -0.5) * math.sqrt(0.5 / math.pi)
        return g * ((F.erf(data * math.sqrt(0.5)) + 1) * 0.5 + data * density)
    positive = g * (data > 0)
    if act_type == "leaky":
        return g * slope + positive * (1 - slope)
    if act_type == "prelu":
        slopes = F.reshape(gamma, shape=_slope_shape(data.shape, gamma.shape))
        return positive + (g - positive) * slopes
    if act_type == "rrelu":
        return positive + (g - positive) * mask
    exp = F.exp(F._minimum_scalar(data, scalar=0.0))
    if act_type == "elu":
        return positive + (g - positive) * exp * slope
    # MXNet's gradient of selu: below zero the slope is SCALE * (ALPHA + output), though SCALE * ALPHA + output is right
    slopes = (exp - 1) * (SELU_SCALE * SELU_ALPHA) + SELU_ALPHA
    return (positive + (g - positive) * slopes) * SELU_SCALE


@leaky_relu.gradient("gamma")
def _(F, g, data, gamma_shape):
    dgamma = reduce_to(F, g[0] * F._minimum_scalar(data, scalar=0.0), _slope_shape(data.shape, gamma_shape))
    return F.reshape(dgamma, shape=gamma_shape)


@leaky_relu.infers
def _(shapes, attrs):
    like_data(shapes, attrs)
    data = shapes.ins[0]
    if data is not None and shapes.ins[1:] == [None]:
        shapes.input(1, (data[1] if len(data) > 1 else 1,))
    for position in range(1, len(shapes.outs)):
        shapes.output(data, position)


leaky_relu.makes_variables(gamma={"__init__": '["Constant", {"value": 0.25}]'})


# -- FullyConnected and Dropout ----------------------------------------------------------------------------------


def _rows(shape, flatten):
    """The shape in which FullyConnected multiplies its data: a matrix."""
    if flatten:
        return (shape[0], math.prod(shape[1:]))
    return (math.prod(shape[:-1]), shape[-1])


@operator("FullyConnected", "_sparse_FullyConnected")
def fully_connected(data, weight, bias=None, *, num_hidden: int, no_bias: bool = False, flatten: bool = True):
    """data @ weight.T + bias.

    data: (batch, ...), of which all axes but the first are taken as one; with flatten=False, only the last axis is
    multiplied. weight: (num_hidden, length of what is multiplied). bias (unless `no_bias`): (num_hidden,). One
    floating dtype, also of the output, (batch, num_hidden) or (..., num_hidden). float16 is summed in float32."""
    if (bias is None) != no_bias:
        check_count("FullyConnected", int(not no_bias), bias)
    check_floats("FullyConnected", data, weight)
    if num_hidden < 1:
        raise ArgumentError(
            f"value {num_hidden} for Parameter num_hidden should be greater equal to 1, in operator FullyConnected"
        )
    shape = data.shape
    rows = shape if len(shape) == 2 else _rows(shape, flatten)
    check_shape("FullyConnected", "weight", weight, (num_hidden, rows[1]))
    if bias is not None:
        check_floats("FullyConnected", data, bias)
        if bias.shape != (num_hidden,):
            if bias.shape != (num_hidden, 1):
                raise ShapeError(
                    f"Unexpected shape for bias {list(bias.shape)}: expected {[num_hidden]}, in operator FullyConnected"
                )
            bias = bias.reshape(num_hidden)
        bias = widened(bias)
    x = data if rows is shape else data.reshape(rows)
    out = matmul(widened(x), widened(weight).T)
    if bias is not None:
        out += bias
    if len(shape) != 2 and not flatten:
        out = out.reshape(*shape[:-1], num_hidden)
    return out if out.dtype is data.dtype else out.astype(data.dtype)


@fully_connected.infers
def _(shapes, attrs):
    data, out, num_hidden = shapes.ins[0], shapes.outs[0], attrs["num_hidden"]
    if data is not None and out is not None:
        shapes.input(0, (out[0], *data[1:]))
        data = shapes.ins[0]
    shapes.input(2, (num_hidden,))
    if data is None:
        return
    rest = data[1:] if attrs["flatten"] else data[-1:]
    shapes.input(1, (num_hidden, math.prod(rest)))
    shapes.output((data[0], num_hidden) if attrs["flatten"] else (*data[:-1], num_hidden))


@fully_connected.joint_gradient
def _(F, g, data, weight, data_shape, bias_shape, flatten, wanted):
    if len(g.shape) != 2:
        g = F.reshape(g, shape=(math.prod(g.shape[:-1]), g.shape[-1]))
    x = data if len(data_shape) == 2 else F.reshape(data, shape=_rows(data_shape, flatten)) if wanted[1] else None
    dx = F.dot(g, weight) if wanted[0] else None
    dw = F.dot(g, x, transpose_a=True) if wanted[1] else None
    db = F.sum(g, axis=(0,)) if len(wanted) == 3 and wanted[2] else None
    if dx is not None and len(data_shape) != 2:
        dx = F.reshape(dx, shape=data_shape)
    if db is not None and len(bias_shape) != 1:
        db = F.reshape(db, shape=bias_shape)
    return dx, dw, db


def _kept(shape, probability):
    """True with that probability, independently. 16 random bits decide nearly always; a tie takes a number more."""
    size = math.prod(shape)
    draws = generator.numpy.bit_generator.random_raw(-(-size // 4)).view(np.uint16)[:size]
    whole, rest = divmod(probability * (1 << 16), 1)
    whole = int(whole)  # 65536 where all are kept, which is no uint16
    kept = draws < whole
    if rest:
        ties = np.flatnonzero(draws == whole)
        kept[ties] = generator.numpy.random(ties.size) < rest
    return kept.reshape(shape)


@operator(
    "Dropout", shape="same or refused", outputs=("output", "mask"), visible=1, views=True, train=True, random=True
)
def dropout(
    data,
    *,
    p: float = 0.5,
    mode: Choice("always", "training") = "training",
    axes: Shape = (),
    cudnn_off: Maybe(bool) = False,
    train: bool = False,
    out=None,
):
    """Each element times 0 with probability `p`, else times 1 / (1 - p); in prediction mode the input itself.

    mode "always": in prediction too. axes: along these, all elements share one draw. cudnn_off: accepted, no effect.
    data: any shape, floating point. Output: its shape and dtype. Source: Srivastava et al., Dropout (2014)."""
    check_floats("Dropout", data)
    if not 0 <= p <= 1:
        raise ArgumentError(f"value {p} for Parameter p exceed bound [0,1], in operator Dropout")
    if any(not 0 <= axis < data.ndim for axis in axes):
        raise ShapeError(f"axes={axes} must be in range [0, {data.ndim}), in operator Dropout")
    if p == 0 or not (train or mode == "always"):
        return data, np.ones((1,) * data.ndim, data.dtype)
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(data.shape))
    scale = 1 / (1 - p) if p < 1 else 0.0
    mask = np.multiply(_kept(shape, 1 - p), scale, dtype=data.dtype)
    return np.multiply(data, mask, out=out), mask


@dropout.gradient
def _(F, g, mask):
    return g[0] * mask

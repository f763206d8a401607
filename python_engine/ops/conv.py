"""Convolution and deconvolution over one, two or three spatial axes."""

from functools import lru_cache

import numpy as np

from ..attributes import Choice, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import is_known
from ..registry import operator
from .convolve import Axis, convolution, data_gradient, weight_gradient

LAYOUT = Maybe(Choice("NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"))
TUNE = Maybe(Choice("fastest", "limited_workspace", "off"))
CHANNELS_FIRST = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


def _spatial(name, ndim, kernel, layout, **windows):
    """The windows as full tuples (empty: their default), checked against the kernel and the data's axes."""
    dims = len(kernel)
    if dims not in CHANNELS_FIRST:
        raise ArgumentError(f"kernel={kernel} has {dims} axes, in operator {name}, which takes 1, 2 or 3")
    if ndim != dims + 2:
        raise ShapeError(
            f"Input data should be {dims + 2}D (batch, channel and {dims} spatial axes) for kernel={kernel}, but has "
            f"{ndim} axes, in operator {name}"
        )
    if layout not in (None, CHANNELS_FIRST[dims]):
        raise ArgumentError(f"layout={layout} is not supported, in operator {name}: only {CHANNELS_FIRST[dims]} here")
    full = []
    for word, value in windows.items():
        default = 1 if word in ("stride", "dilate") else 0
        value = value or (default,) * dims
        if len(value) != dims:
            raise ArgumentError(
                f"{word} must have the same number of dimensions with kernel_size, but kernel_size is set to {kernel} "
                f"while {word} is {value}, in operator {name}"
            )
        if default and min(value) < 1:
            raise ArgumentError(f"incorrect {word} size: {value}, in operator {name}: each must be at least 1")
        full.append(value)
    if min(kernel) < 1:
        raise ArgumentError(f"incorrect kernel size: {kernel}, in operator {name}: each must be at least 1")
    return full


def _check_counts(name, num_filter, num_group):
    for word, value in (("num_filter", num_filter), ("num_group", num_group)):
        if value < 1:
            raise ArgumentError(
                f'value {value} for Parameter {word} should be greater equal to 1, in operator {name}(name="")'
            )
    if num_filter % num_group:
        raise ArgumentError(f"num_filter={num_filter} must divide by num_group={num_group}, in operator {name}")


def _check_shape(name, data, word, given, expected):
    if given != expected:
        raise ShapeError(
            f"Shape inconsistent, Provided = {list(given)}, inferred shape={list(expected)} for {word} of operator "
            f"{name} on data of shape {list(data)}"
        )


@lru_cache(512)
def convolution_axes(name, data, weight, bias, kernel, stride, dilate, pad, num_filter, num_group, layout):
    """The axes of a convolution of arrays of these shapes, or an error that says what does not fit."""
    stride, dilate, pad = _spatial(name, len(data), kernel, layout, stride=stride, dilate=dilate, pad=pad)
    _check_counts(name, num_filter, num_group)
    if data[1] % num_group:
        raise ShapeError(f"data of shape {list(data)} has {data[1]} channels, not a multiple of num_group={num_group}")
    _check_shape(name, data, "weight", weight, (num_filter, data[1] // num_group, *kernel))
    if bias is not None:
        _check_shape(name, data, "bias", bias, (num_filter,))
    axes = []
    for n, k, s, d, p in zip(data[2:], kernel, stride, dilate, pad, strict=True):
        reach = d * (k - 1) + 1
        if reach > n + 2 * p:
            raise ShapeError(
                f"kernel size exceed input: kernel {kernel} with dilate {dilate} spans {reach} where data of shape "
                f"{list(data)} with pad {pad} has {n + 2 * p}, in operator {name}"
            )
        axes.append(Axis(n, k, s, d, p, (n + 2 * p - reach) // s + 1))
    return tuple(axes)


@lru_cache(512)
def _deconvolution_axes(
    name, data, weight, bias, kernel, stride, dilate, pad, adj, target_shape, num_filter, num_group, layout
):
    """The axes of the convolution whose data gradient a deconvolution is."""
    stride, dilate, pad, adj, target = _spatial(
        name, len(data), kernel, layout, stride=stride, dilate=dilate, pad=pad, adj=adj, target_shape=target_shape
    )
    _check_counts(name, num_filter, num_group)
    if data[1] % num_group:
        raise ShapeError(f"data of shape {list(data)} has {data[1]} channels, not a multiple of num_group={num_group}")
    _check_shape(name, data, "weight", weight, (data[1], num_filter // num_group, *kernel))
    if bias is not None:
        _check_shape(name, data, "bias", bias, (num_filter,))
    axes = []
    for n, k, s, d, p, a, wanted in zip(data[2:], kernel, stride, dilate, pad, adj, target, strict=True):
        whole = s * (n - 1) + d * (k - 1) + 1
        if wanted:
            if not 0 < wanted <= whole:
                raise ArgumentError(f"too big target shape: {target}, in operator {name}: at most {whole} here")
            p, a = (whole - wanted + 1) // 2, (whole - wanted) % 2
        if not 0 <= a < s:
            raise ArgumentError(
                f"adj must be smaller than stride={stride}, in operator {name}: got adj={adj}, target_shape={target}"
            )
        out = whole - 2 * p + a
        if out < 1:
            raise ShapeError(
                f"pad={pad} leaves nothing of a result of {whole} elements along an axis, in operator {name} on data "
                f"of shape {list(data)}"
            )
        axes.append(Axis(out, k, s, d, p, n))
    return tuple(axes)


def _prepared(name, no_bias, data, weight, bias):
    """The arrays as the kernels take them (float16 as float32), checked for number and dtype."""
    if (bias is None) is not no_bias:
        wanted, got = (2, 3) if no_bias else (3, 2)
        raise ArgumentError(f"Operator {name} expects {wanted} inputs, but got {got} instead (no_bias={no_bias}).")
    if data.dtype.kind != "f":
        raise ShapeError(f"This operation only support floating point types, not {data.dtype}, in operator {name}")
    for word, array in (("weight", weight), ("bias", bias)):
        if array is not None and array.dtype != data.dtype:
            raise ShapeError(
                f"This layer requires uniform type. Expected '{data.dtype}' v.s. given '{array.dtype}' at '{word}', in "
                f"operator {name}"
            )
    if data.dtype.itemsize > 2:
        return data, weight, bias
    return [x if x is None else x.astype(np.float32) for x in (data, weight, bias)]


def _shape(array):
    return None if array is None else array.shape


def _convolve(name, data, weight, bias, kernel, stride, dilate, pad, num_filter, num_group, no_bias, layout):
    axes = convolution_axes(
        name, data.shape, weight.shape, _shape(bias), kernel, stride, dilate, pad, num_filter, num_group, layout
    )
    x, weight, bias = _prepared(name, no_bias, data, weight, bias)
    return convolution(x, weight, bias, axes, num_group).astype(data.dtype, copy=False)


@operator("Convolution")
def convolution_(
    data, weight, bias=None, *, kernel: Shape, stride: Shape = (), dilate: Shape = (), pad: Shape = (),
    num_filter: int, num_group: int = 1, workspace: int = 1024, no_bias: bool = False, cudnn_tune: TUNE = None,
    cudnn_off: bool = False, layout: LAYOUT = None,
):  # fmt: skip
    """Sums of products of a sliding kernel with the data (cross-correlation), plus a bias for each filter.

    data: (N, C, *sizes) with one to three sizes; weight: (num_filter, C / num_group, *kernel); bias: (num_filter,),
    left out with `no_bias`; all of one floating dtype (float16 is computed in float32).
    stride, dilate (default 1) and pad (default 0, zeros on both sides): one number for each axis of `kernel`.
    num_group: filters and channels fall into so many groups that do not see each other.
    layout: None, or the one that fits: NCW, NCHW or NCDHW. workspace, cudnn_tune, cudnn_off: accepted, without effect.
    Output: (N, num_filter, *outs), dtype of `data`; each out is
    floor((size + 2 pad - dilate (kernel - 1) - 1) / stride) + 1.
    ShapeError where shapes or dtypes do not fit or the kernel exceeds the padded data."""
    return _convolve(
        "Convolution", data, weight, bias, kernel, stride, dilate, pad, num_filter, num_group, no_bias, layout
    )


@operator("Convolution_v1")
def convolution_v1(
    data, weight, bias=None, *, kernel: Shape, stride: Shape = (), dilate: Shape = (), pad: Shape = (),
    num_filter: int, num_group: int = 1, workspace: int = 1024, no_bias: bool = False, cudnn_tune: TUNE = None,
    cudnn_off: bool = False, layout: LAYOUT = None,
):  # fmt: skip
    """An older name of Convolution, for two and three spatial axes."""
    if len(kernel) == 1:
        raise ArgumentError(f"kernel={kernel}: 1D convolution not supported, in operator Convolution_v1")
    return _convolve(
        "Convolution_v1", data, weight, bias, kernel, stride, dilate, pad, num_filter, num_group, no_bias, layout
    )


def _windows(attrs):
    """(kernel, dilate, pad) of each axis."""
    ndim = len(attrs["kernel"])
    return list(zip(attrs["kernel"], attrs["dilate"] or (1,) * ndim, attrs["pad"] or (0,) * ndim, strict=True))


def _from_output(shapes, attrs, more):
    """What is known of the data and what the output tells: the batch, and, where the stride is 1, the lengths, to which
    those of the output are larger by `more`."""
    data, out, ndim = shapes.ins[0], shapes.outs[0], len(more)
    if out is None or len(data) != ndim + 2 or len(out) != ndim + 2:
        return data
    strides = attrs["stride"] or (1,) * ndim
    lengths = [n and s == 1 and n - m for n, s, m in zip(out[2:], strides, more, strict=True)]
    shapes.input(0, (out[0], 0, *map(int, lengths)))
    return shapes.ins[0]


def _infer_convolution(shapes, attrs):
    data, kernel, num_filter = shapes.ins[0], attrs["kernel"], attrs["num_filter"]
    shapes.input(2, (num_filter,))
    if data is None:
        return
    data = _from_output(shapes, attrs, [2 * p - (k - 1) * d for k, d, p in _windows(attrs)])
    words = {word: attrs[word] for word in ("kernel", "stride", "dilate", "pad", "num_filter", "num_group", "layout")}
    if len(data) > 1 and data[1]:
        shapes.input(1, (num_filter, data[1] // attrs["num_group"], *kernel))
    if is_known(data[1:]):
        axes = convolution_axes("Convolution", data, shapes.ins[1], None, **words)
        shapes.output((data[0], num_filter, *(axis.out for axis in axes)))


convolution_.infers(_infer_convolution)
convolution_v1.infers(_infer_convolution)


def _data_rule(F, g, weight, data_shape, kernel, stride, dilate, pad, num_group):
    """A convolution's data gradient is a deconvolution; `adj` restores the rows that the stride cut off."""
    dims = range(len(kernel))
    step, spread, edge = stride or (1,) * len(kernel), dilate or (1,) * len(kernel), pad or (0,) * len(kernel)
    adj = tuple((data_shape[i + 2] + 2 * edge[i] - spread[i] * (kernel[i] - 1) - 1) % step[i] for i in dims)
    return F.Deconvolution(
        g, weight, kernel=kernel, stride=stride, dilate=dilate, pad=pad, adj=adj, num_filter=data_shape[1],
        num_group=num_group, no_bias=True,
    )  # fmt: skip


def _weight_rule(F, g, data, kernel, stride, dilate, pad, num_group):
    return F._backward_Convolution_weight(
        g, data, kernel=kernel, stride=stride, dilate=dilate, pad=pad, num_group=num_group
    )


def _bias_rule(F, g):
    return F.sum(g, axis=(1,), exclude=True)


for _row in (convolution_, convolution_v1):
    _row.gradient("data")(_data_rule)
    _row.gradient("weight")(_weight_rule)
    _row.gradient("bias")(_bias_rule)


@operator("_backward_Convolution_weight")
def _backward_weight(
    g, data, *, kernel: Shape, stride: Shape = (), dilate: Shape = (), pad: Shape = (), num_group: int = 1
):
    """The gradient of Convolution's weight, from that of its result (N, F, *outs) and its data (N, C, *sizes).

    Output: (F, C / num_group, *kernel), dtype of `data`."""
    name, shape = "_backward_Convolution_weight", (g.shape[1], data.shape[1] // max(1, num_group), *kernel)
    axes = convolution_axes(name, data.shape, shape, None, kernel, stride, dilate, pad, g.shape[1], num_group, None)
    _check_shape(name, data.shape, "g", g.shape, (data.shape[0], g.shape[1], *(a.out for a in axes)))
    x, g, _ = _prepared(name, True, data, g, None)
    return weight_gradient(g, x, shape, axes, num_group).astype(data.dtype, copy=False)


@_backward_weight.gradient("g")
def _(F, v, data, g_shape, kernel, stride, dilate, pad, num_group):
    return F.Convolution(
        data, v, kernel=kernel, stride=stride, dilate=dilate, pad=pad, num_filter=g_shape[1], num_group=num_group,
        no_bias=True,
    )  # fmt: skip


@_backward_weight.gradient("data")
def _(F, v, g, data_shape, kernel, stride, dilate, pad, num_group):
    return _data_rule(F, g, v, data_shape, kernel, stride, dilate, pad, num_group)


@operator("Deconvolution")
def deconvolution(
    data, weight, bias=None, *, kernel: Shape, stride: Shape = (), dilate: Shape = (), pad: Shape = (),
    adj: Shape = (), target_shape: Shape = (), num_filter: int, num_group: int = 1, workspace: int = 512,
    no_bias: bool = True, cudnn_tune: TUNE = None, cudnn_off: bool = False, layout: LAYOUT = None,
):  # fmt: skip
    """Transposed convolution: what is the gradient of a convolution's data, plus a bias for each filter.

    data: (N, C, *sizes) with one to three sizes; weight: (C, num_filter / num_group, *kernel); bias: (num_filter,),
    given with no_bias=False; all of one floating dtype (float16 is computed in float32).
    adj: elements added at the end of each axis, fewer than its stride. target_shape: sizes of the result, which then
    decide about pad and adj (0: that axis follows pad and adj). The others as in Convolution.
    Output: (N, num_filter, *outs), dtype of `data`; each out is
    stride (size - 1) + dilate (kernel - 1) + 1 - 2 pad + adj.
    Source: Zeiler et al., "Deconvolutional networks" (2010); the MXNet operator."""
    axes = _deconvolution_axes(
        "Deconvolution", data.shape, weight.shape, _shape(bias), kernel, stride, dilate, pad, adj, target_shape,
        num_filter, num_group, layout,
    )  # fmt: skip
    x, weight, bias = _prepared("Deconvolution", no_bias, data, weight, bias)
    out = data_gradient(x, weight, axes, num_group)
    if bias is not None:
        out += bias.reshape(-1, *(1,) * len(kernel))
    return out.astype(data.dtype, copy=False)


@deconvolution.infers
def _(shapes, attrs):
    data, num_filter = shapes.ins[0], attrs["num_filter"]
    shapes.input(2, (num_filter,))
    if data is None:
        return
    if not any(attrs["target_shape"]):
        adj = attrs["adj"] or (0,) * len(attrs["kernel"])
        more = [(k - 1) * d - 2 * p + a for (k, d, p), a in zip(_windows(attrs), adj, strict=True)]
        data = _from_output(shapes, attrs, more)
    words = ("kernel", "stride", "dilate", "pad", "adj", "target_shape", "num_filter", "num_group", "layout")
    if len(data) > 1 and data[1]:
        shapes.input(1, (data[1], num_filter // attrs["num_group"], *attrs["kernel"]))
    if is_known(data[1:]):
        axes = _deconvolution_axes("Deconvolution", data, shapes.ins[1], None, **{word: attrs[word] for word in words})
        shapes.output((data[0], num_filter, *(axis.size for axis in axes)))


def _resolved_pad(data_shape, kernel, stride, dilate, pad, target_shape):
    """The padding that `target_shape` implies, as Deconvolution computes it."""
    if not any(target_shape):
        return pad
    ones, zeros = (1,) * len(kernel), (0,) * len(kernel)
    windows = zip(data_shape[2:], kernel, stride or ones, dilate or ones, pad or zeros, target_shape, strict=True)
    return tuple((s * (n - 1) + d * (k - 1) + 2 - t) // 2 if t else p for n, k, s, d, p, t in windows)


@deconvolution.gradient("data")
def _(F, g, weight, data_shape, kernel, stride, dilate, pad, target_shape, num_group):
    pad = _resolved_pad(data_shape, kernel, stride, dilate, pad, target_shape)
    return F.Convolution(
        g, weight, kernel=kernel, stride=stride, dilate=dilate, pad=pad, num_filter=data_shape[1],
        num_group=num_group, no_bias=True,
    )  # fmt: skip


@deconvolution.gradient("weight")
def _(F, g, data, kernel, stride, dilate, pad, target_shape, num_group):
    pad = _resolved_pad(data.shape, kernel, stride, dilate, pad, target_shape)
    return _weight_rule(F, data, g, kernel, stride, dilate, pad, num_group)


deconvolution.gradient("bias")(_bias_rule)

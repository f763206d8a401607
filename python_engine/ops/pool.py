"""Pooling over one, two or three spatial axes.

Windows are boxes, so every kind of pooling is done axis by axis, the last axis first: then the first maximum of each
part is also the first maximum of the window in reading order.
"""

from functools import lru_cache

import numpy as np

from ..attributes import Choice, Maybe, Shape
from ..errors import ArgumentError, ShapeError
from ..inference import is_known
from ..registry import operator
from .convolve import Axis

KIND = Choice("avg", "lp", "max", "sum")
CONVENTION = Choice("full", "same", "valid")
LAYOUT = Maybe(Choice("NCDHW", "NCHW", "NCW", "NDHWC", "NHWC", "NWC"))
LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}


@lru_cache(512)
def _axes(name, shape, kernel, kind, global_pool, convention, stride, pad):
    """The axes of pooling an array (N, C, *sizes) of that shape, or an error that says what does not fit."""
    sizes, dims = shape[2:], len(shape) - 2
    if not 1 <= dims <= 3:
        raise ShapeError(f"Input data should be 3D, 4D or 5D (batch, channel, sizes), but is {list(shape)}, in {name}")
    if convention == "same" and (dims > 1 or kind != "max"):
        raise ArgumentError(f"pooling_convention='same' supports Max Pooling 1-D only, in operator {name}")
    if global_pool:
        if 0 in sizes:
            raise ShapeError(f"data of shape {list(shape)} has nothing to pool, in operator {name}")
        return tuple(Axis(n, n, 1, 1, 0, 1) for n in sizes)
    if len(kernel) != dims:
        raise ShapeError(
            f"kernel={kernel} has {len(kernel)} axes, but data of shape {list(shape)} has {dims} spatial axes, in "
            f"operator {name}"
        )
    stride, pad = stride or (1,) * dims, pad or (0,) * dims
    for word, value, least in (("kernel", kernel, 1), ("stride", stride, 1), ("pad", pad, 0)):
        if len(value) != dims or min(value) < least:
            raise ArgumentError(f"{word}={value} must be {dims} numbers of at least {least}, in operator {name}")
    if convention == "same" and any(pad):
        raise ArgumentError(f"pooling_convention='same' disables the use of pad, got {pad}, in operator {name}")
    axes = []
    for n, k, s, p in zip(sizes, kernel, stride, pad, strict=True):
        if k > n + 2 * p:
            raise ShapeError(
                f"kernel size {kernel} exceeds input {list(sizes)} padded by {pad} on both sides, in operator {name}"
            )
        rest = n + 2 * p - k
        out = {"valid": rest // s + 1, "full": -(-rest // s) + 1, "same": -(-n // s)}[convention]
        axes.append(Axis(n, k, s, 1, p, out))
    return tuple(axes)


def _on(at, part):
    """An index that takes `part` of the spatial axis `at`."""
    return (slice(None),) * (at + 2) + (part,)


def _covers(axis):
    """True where every tap of the axis meets data in every window."""
    return axis.pad == 0 and (axis.out - 1) * axis.stride + axis.kernel <= axis.size


def _reduce(x, at, axis, function, fill):
    """Combine the taps of every window along one axis; `fill` is the value of a window that sees no data."""
    if axis.plain:
        return x
    if axis.out == 1 and axis.kernel == axis.size and axis.pad == 0:
        return function.reduce(x, axis=at + 2, keepdims=True)
    reaches = [axis.reach(tap) for tap in range(axis.kernel)]
    if _covers(axis):
        parts = [x[_on(at, ins)] for _, ins in reaches]
        out = function(*parts[:2]) if len(parts) > 1 else parts[0].copy("K")
        for part in parts[2:]:
            function(out, part, out=out)
        return out
    out = np.full_like(x, fill, shape=(*x.shape[: at + 2], axis.out, *x.shape[at + 3 :]))
    for outs, ins in reaches:
        part = out[_on(at, outs)]
        function(part, x[_on(at, ins)], out=part)
    return out


def _spread(g, at, axis):
    """The opposite of adding up: every tap of a window receives the window's value."""
    if axis.plain:
        return g
    out = np.zeros_like(g, shape=(*g.shape[: at + 2], axis.size, *g.shape[at + 3 :]))
    for tap in range(axis.kernel):
        outs, ins = axis.reach(tap)
        out[_on(at, ins)] += g[_on(at, outs)]
    return out


def _first_hits(x, top, at, axis):
    """For each tap: its windows, its data, and where it is the first to equal the window's maximum `top`."""
    covers = _covers(axis)
    found = None if covers else np.zeros_like(top, dtype=bool)
    for tap in range(axis.kernel):
        outs, ins = (_on(at, part) for part in axis.reach(tap))
        if found is None:
            hit = found = x[ins] == top
        elif covers and tap == axis.kernel - 1:
            hit = ~found
        else:
            hit = x[ins] == top[outs]
            hit &= ~found[outs]
            found[outs] |= hit
        yield outs, ins, hit


def _to_first(g, x, top, at, axis):
    """`g` of every window, moved to the first maximum of the window along one axis."""
    if axis.plain:
        return g
    apart = axis.stride >= axis.kernel
    tiled = apart and _covers(axis) and axis.out * axis.kernel == axis.size
    out = (np.empty_like if tiled else np.zeros_like)(x, dtype=g.dtype)
    for outs, ins, hit in _first_hits(x, top, at, axis):
        if apart:
            np.multiply(g[outs], hit, out=out[ins])
        else:
            out[ins] += g[outs] * hit
    return out


def _at_first(v, x, top, at, axis):
    """The element of `v` where each window has its first maximum along one axis: the opposite of `_to_first`."""
    if axis.plain:
        return v
    out = np.zeros_like(top, dtype=v.dtype)
    for outs, ins, hit in _first_hits(x, top, at, axis):
        out[outs] += v[ins] * hit
    return out


def _maxima(x, axes, fill):
    """The array before and after each axis was pooled, last axis first."""
    steps = [x]
    for at in reversed(range(len(axes))):
        steps.append(_reduce(steps[-1], at, axes[at], np.fmax, fill))
    return steps


def _counts(axes, include_pad, dtype):
    """How many elements each window averages, as arrays that broadcast against the result."""
    for at, axis in enumerate(axes):
        start = np.arange(axis.out) * axis.stride - axis.pad
        end = np.minimum(start + axis.kernel, axis.size + axis.pad)
        if not include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, axis.size)
        if (end - start != 1).any():
            yield np.maximum(end - start, 1).astype(dtype).reshape(-1, *(1,) * (len(axes) - 1 - at))


def _scale(x, axes, kind, count_include_pad):
    """Divide sums by the windows' sizes, in place, where averages are asked for."""
    if kind == "avg":
        for count in _counts(axes, count_include_pad is not False, x.dtype):
            x /= count
    return x


def _check(name, data, kind, p_value, layout):
    if data.dtype.kind != "f":
        raise ShapeError(f"This operation only support floating point types, not {data.dtype}, in operator {name}")
    if kind == "lp" and p_value not in (1, 2, 3):
        raise ArgumentError(f"pool_type='lp' needs p_value 1, 2 or 3, but got {p_value}, in operator {name}")
    if layout is not None and layout not in LAYOUTS.get(data.ndim - 2, ()):
        raise ArgumentError(
            f"layout={layout} does not fit data of shape {list(data.shape)}, in operator {name}: accepted are "
            f"{' and '.join(LAYOUTS.get(data.ndim - 2, ('none',)))}"
        )


def _channels_first(array, layout):
    return np.moveaxis(array, -1, 1) if layout and layout[-1] == "C" else array


def _as_laid_out(array, layout):
    return np.moveaxis(array, 1, -1) if layout and layout[-1] == "C" else array


def _pool(x, axes, kind, p_value, count_include_pad):
    if kind == "max":
        return _maxima(x, axes, np.finfo(x.dtype).min)[-1]
    dtype = x.dtype
    if dtype.itemsize == 2:
        x = x.astype(np.float32)
    if kind == "lp" and p_value > 1:
        x = x * x if p_value == 2 else x * x * x
    for at in reversed(range(len(axes))):
        x = _reduce(x, at, axes[at], np.add, 0)
    if kind == "lp" and p_value > 1:
        x = np.sqrt(x) if p_value == 2 else np.cbrt(x)
    return _scale(x, axes, kind, count_include_pad).astype(dtype, copy=False)


@operator("Pooling")
def pooling(
    data, *, kernel: Shape = (), pool_type: KIND = "max", global_pool: bool = False, cudnn_off: bool = False,
    pooling_convention: CONVENTION = "valid", stride: Shape = (), pad: Shape = (), p_value: Maybe(int) = None,
    count_include_pad: Maybe(bool) = None, layout: LAYOUT = None,
):  # fmt: skip
    """Maximum, average, sum or p-norm of the elements in a sliding window.

    data: (N, C, *sizes) with one to three sizes, or (N, *sizes, C) where `layout` says so; floating.
    kernel, stride (default 1), pad (default 0): one number for each size. global_pool: one window over everything.
    pooling_convention: "valid" drops windows that overhang the padded data, "full" keeps them: their number is
    floor or ceil of (size + 2 pad - kernel) / stride, plus 1; "same" (maximum over one axis): ceil(size / stride).
    count_include_pad: averages count padding too (default). p_value: 1, 2 or 3, for pool_type "lp", which is the
    p-th root of the sum of p-th powers, signs kept.
    A maximum ignores NaN; its gradient goes to the first maximum of each window.
    Output: as `data` with the numbers of windows as sizes; dtype of `data`.
    ShapeError where data and kernel do not fit."""
    _check("Pooling", data, pool_type, p_value, layout)
    x = _channels_first(data, layout)
    axes = _axes("Pooling", x.shape, kernel, pool_type, global_pool, pooling_convention, stride, pad)
    out = _pool(x, axes, pool_type, p_value, count_include_pad)
    return _as_laid_out(out.copy() if out is x else out, layout)


@operator("Pooling_v1")
def pooling_v1(
    data, *, kernel: Shape = (), pool_type: Choice("avg", "max", "sum") = "max", global_pool: bool = False,
    pooling_convention: Choice("full", "valid") = "valid", stride: Shape = (), pad: Shape = (),
):  # fmt: skip
    """An older name of Pooling, for two spatial axes. Here it is Pooling: padding never is a maximum."""
    if data.ndim != 4:
        raise ShapeError(f"Input data should be 4D (batch, channel, y, x), but is {list(data.shape)}, in Pooling_v1")
    return pooling.forward(
        data, kernel=kernel, pool_type=pool_type, global_pool=global_pool, pooling_convention=pooling_convention,
        stride=stride, pad=pad,
    )  # fmt: skip


def _infer_pooling(shapes, attrs):
    data, layout = shapes.ins[0], attrs.get("layout")
    if data is None or not is_known(data[1:]):
        return
    last = layout is not None and layout[-1] == "C"
    first = (data[0], data[-1], *data[1:-1]) if last else data
    axes = _axes(
        "Pooling", first, attrs["kernel"], attrs["pool_type"], attrs["global_pool"], attrs["pooling_convention"],
        attrs["stride"], attrs["pad"],
    )  # fmt: skip
    outs = [axis.out for axis in axes]
    shapes.output((data[0], *outs, data[-1]) if last else (*data[:2], *outs))


pooling.infers(_infer_pooling)
pooling_v1.infers(_infer_pooling)


def _sum_or_max_rule(F, g, data, pool_type, count_include_pad, **window):
    if pool_type == "max":
        return F._backward_Pooling_max(g, data, **window)
    return F._backward_Pooling_sum(
        g, data_shape=data.shape, pool_type=pool_type, count_include_pad=count_include_pad, **window
    )


@pooling_v1.gradient
def _(F, g, data, kernel, pool_type, global_pool, pooling_convention, stride, pad):
    return _sum_or_max_rule(
        F, g, data, pool_type, True, kernel=kernel, global_pool=global_pool, pooling_convention=pooling_convention,
        stride=stride, pad=pad,
    )  # fmt: skip


@pooling.gradient
def _(
    F, g, data, kernel, pool_type, global_pool, pooling_convention, stride, pad, p_value, count_include_pad, layout
):  # fmt: skip
    window = {
        "kernel": kernel, "global_pool": global_pool, "pooling_convention": pooling_convention, "stride": stride,
        "pad": pad, "layout": layout,
    }  # fmt: skip
    if pool_type != "lp" or p_value == 1:
        return _sum_or_max_rule(F, g, data, pool_type, count_include_pad, **window)
    out = F.Pooling(data, pool_type=pool_type, p_value=p_value, **window)
    slope, shares = (data, g / out) if p_value == 2 else (data * data, g / (out * out))
    return slope * F._backward_Pooling_sum(shares, data_shape=data.shape, **window)


def _window(name, shape, kernel, kind, global_pool, convention, stride, pad, layout):
    """The axes of pooling data of a shape that may have its channels last."""
    if layout and layout[-1] == "C":
        shape = (shape[0], shape[-1], *shape[1:-1])
    return _axes(name, shape, kernel, kind, global_pool, convention, stride, pad)


@operator("_backward_Pooling_sum")
def _backward_sum(
    g, *, data_shape: Shape, pool_type: KIND = "sum", kernel: Shape = (), global_pool: bool = False,
    pooling_convention: CONVENTION = "valid", stride: Shape = (), pad: Shape = (),
    count_include_pad: Maybe(bool) = None, layout: LAYOUT = None,
):  # fmt: skip
    """The gradient of sum or average pooling, from that of its result: every window spread over its elements.

    Output: `data_shape`, dtype of `g`."""
    axes = _window(
        "_backward_Pooling_sum", data_shape, kernel, pool_type, global_pool, pooling_convention, stride, pad, layout
    )
    x = _channels_first(g, layout).astype(np.promote_types(g.dtype, np.float32))
    x = _scale(x, axes, pool_type, count_include_pad)
    for at, axis in enumerate(axes):
        x = _spread(x, at, axis)
    return _as_laid_out(x.astype(g.dtype, copy=False), layout)


@_backward_sum.gradient
def _(F, v, pool_type, kernel, global_pool, pooling_convention, stride, pad, count_include_pad, layout):
    return F.Pooling(
        v, pool_type=pool_type, kernel=kernel, global_pool=global_pool, pooling_convention=pooling_convention,
        stride=stride, pad=pad, count_include_pad=count_include_pad, layout=layout,
        p_value=1 if pool_type == "lp" else None,
    )  # fmt: skip


def _through_maxima(name, data, values, move, backwards, layout, *window):
    """`values` moved along every axis with `move`, guided by where `data` has its maxima."""
    x, values = _channels_first(data, layout), _channels_first(values, layout)
    axes = _axes(name, x.shape, *window)
    steps = _maxima(x, axes, np.finfo(x.dtype).min)
    like = steps[-1] if backwards else x
    if values.strides != like.strides:  # loops over arrays in different memory orders are slow
        values, given = np.empty_like(like, dtype=values.dtype), values
        values[...] = given
    order = [(at, steps[len(axes) - 1 - at], steps[len(axes) - at]) for at in range(len(axes))]
    for at, x, top in order if backwards else order[::-1]:
        values = move(values, x, top, at, axes[at])
    return _as_laid_out(values, layout)


def _max_operator(name, move, backwards, doc):
    def compute(
        values, data, *, kernel: Shape = (), global_pool: bool = False, pooling_convention: CONVENTION = "valid",
        stride: Shape = (), pad: Shape = (), layout: LAYOUT = None,
    ):  # fmt: skip
        window = (kernel, "max", global_pool, pooling_convention, stride, pad)
        moved = _through_maxima(name, data, values, move, backwards, layout, *window)
        return moved.copy() if np.may_share_memory(moved, values) else moved

    compute.__doc__ = doc
    return operator(name)(compute)


_backward_max = _max_operator(
    "_backward_Pooling_max",
    _to_first,
    True,
    """The gradient of maximum pooling from `values`, that of its result: each goes to the window's first maximum.

    Output: shape of `data`, dtype of `values`.""",
)
_max_taken = _max_operator(
    "_take_Pooling_max",
    _at_first,
    False,
    """The element of `values` at the first maximum of every window of `data`, which has the same shape.

    Output: shape of the pooled data, dtype of `values`.""",
)


@_backward_max.gradient("values")
def _(F, v, data, kernel, global_pool, pooling_convention, stride, pad, layout):
    return F._take_Pooling_max(
        v, data, kernel=kernel, global_pool=global_pool, pooling_convention=pooling_convention, stride=stride,
        pad=pad, layout=layout,
    )  # fmt: skip


@_max_taken.gradient("values")
def _(F, v, data, kernel, global_pool, pooling_convention, stride, pad, layout):
    return F._backward_Pooling_max(
        v, data, kernel=kernel, global_pool=global_pool, pooling_convention=pooling_convention, stride=stride,
        pad=pad, layout=layout,
    )  # fmt: skip

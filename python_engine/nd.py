"""Arrays: MXNet's `mx.nd`.

Every operator of the table is a function here, under each of its names, made when it is first asked for; `dir(nd)`
lists them. Those whose names begin with `_linalg_`, `_contrib_`, `_image_` and `_sparse_` are also found in `nd.linalg`
and so on. What MXNet has beside its operators is written out below.
"""

import sys

import numpy as np

from . import methods, random  # noqa: F401  methods gives NDArray its interface
from . import nd_contrib as contrib
from . import nd_sparse as sparse
from .attributes import Shape, parse
from .context import check_usable
from .custom import operator_of
from .dlpack import from_dlpack, to_dlpack_for_read, to_dlpack_for_write
from .errors import ArgumentError, MXNetError, ShapeError
from .functions import Namespace, call, function_of, parts_of
from .methods import dtype_name
from .ndarray import NDArray
from .ops.common import normal_axis
from .overloads import FUNCTIONS
from .registry import OPERATORS
from .sparse import dense

__all__ = [
    "Custom", "NDArray", "arange", "array", "concatenate", "contrib", "empty", "eye", "from_dlpack", "from_numpy",
    "full", "histogram", "image", "linalg", "linspace", "load", "load_frombuffer", "moveaxis", "onehot_encode", "ones",
    "op", "random", "save", "sparse", "split_v2", "to_dlpack_for_read", "to_dlpack_for_write", "waitall", "zeros",
    *FUNCTIONS,
]  # fmt: skip

op = _internal = Namespace("")
linalg, image = (Namespace(f"_{name}_") for name in ("linalg", "image"))
globals().update(FUNCTIONS)
# `mx.ndarray` is another name of `mx.nd`, though there is a module of that name, which holds the class alone
sys.modules[__package__].ndarray = sys.modules[__name__]


def __getattr__(name):
    operator = OPERATORS.get(name)
    if operator is None:
        raise AttributeError(f"mx.nd has no {name!r}")
    globals()[name] = function = function_of(operator, name)
    return function


def __dir__():
    return sorted({*__all__, *OPERATORS})


# -- new arrays --------------------------------------------------------------------------------------------------------


def array(source_array, ctx=None, dtype=None):
    """An array of numbers, a nested list of them, or anything that NumPy makes an array of; a number gives shape (1,).

    dtype: that of an NDArray, else float32, if not given. Source: mx.nd.array."""
    check_usable(ctx)
    if isinstance(source_array, NDArray) and source_array.stype != "default":
        return sparse.array(source_array, dtype=dtype)
    if dtype is None:
        dtype = source_array.dtype if isinstance(source_array, NDArray) else "float32"
    name = dtype_name(dtype)
    try:
        values = np.asarray(source_array.data if isinstance(source_array, NDArray) else source_array)
        if values.dtype.kind not in "biufUS":
            raise ValueError(f"it gives an array of {values.dtype}")
        with np.errstate(all="ignore"):
            values = np.array(values, name, order="C", ndmin=1)
    except (ValueError, TypeError) as reason:
        raise ArgumentError(f"source_array must be array like object, but got {source_array!r:.80}: {reason}") from None
    return NDArray(values)


def from_numpy(ndarray, zero_copy=True):
    """An NDArray of the dtype of a numpy.ndarray, sharing its memory if `zero_copy`, for which it must lie in C order.
    Source: mx.nd.from_numpy."""
    if not isinstance(ndarray, np.ndarray):
        raise ArgumentError(f"from_numpy takes a numpy.ndarray, but got {ndarray!r:.80}")
    dtype_name(ndarray.dtype)
    if zero_copy and not ndarray.flags.c_contiguous:
        raise ArgumentError("Only c-contiguous arrays are supported for zero-copy")
    return NDArray(np.atleast_1d(ndarray if zero_copy else ndarray.copy()))


def empty(shape, ctx=None, dtype=None):
    """An array whose values are whatever the memory held."""
    check_usable(ctx)
    shape, name = parse("empty", "shape", Shape, shape), dtype_name(dtype or "float32")
    try:
        return NDArray(np.empty(shape, name))
    except ValueError:
        raise ShapeError(f"a shape consists of dimensions from 0, but got {shape}") from None


def zeros(shape, ctx=None, dtype=None, stype=None, out=None, **_ignored):
    """Zeros; float32 if no dtype is given, dense if no stype is."""
    if stype not in (None, "default"):
        return sparse.zeros(stype, shape, ctx, dtype)
    return _filled("_zeros", shape, ctx, dtype, out)


def ones(shape, ctx=None, dtype=None, out=None, **_ignored):
    """Ones; float32 if no dtype is given."""
    return _filled("_ones", shape, ctx, dtype, out)


def full(shape, val, ctx=None, dtype=None, out=None):
    """An array filled with a number; float32 if no dtype is given."""
    return _filled("_full", shape, ctx, dtype, out, value=val)


def _filled(name, shape, ctx, dtype, out, **attrs):
    check_usable(ctx)
    return getattr(op, name)(shape=shape, dtype=dtype_name(dtype or "float32"), out=out, **attrs)


def arange(start, stop=None, step=1.0, repeat=1, infer_range=False, ctx=None, dtype="float32"):
    """start, start + step ... before `stop`, each `repeat` times; without `stop`, from 0 to `start`."""
    check_usable(ctx)
    return op._arange(start, stop, step, repeat, infer_range and stop is not None, dtype=dtype_name(dtype))


def linspace(start, stop, num, endpoint=True, ctx=None, dtype="float32"):
    """`num` numbers in equal steps from `start` to `stop`, which is the last one if `endpoint`."""
    check_usable(ctx)
    return op._linspace(start=start, stop=stop, num=num, endpoint=endpoint, dtype=dtype_name(dtype))


def eye(N, M=0, k=0, ctx=None, dtype=None):
    """Zeros of shape (N, M), with ones on the k-th diagonal; M=0 stands for N."""
    check_usable(ctx)
    return op._eye(N=N, M=M, k=k, dtype=dtype_name(dtype or "float32"))


# -- several arrays ----------------------------------------------------------------------------------------------------


def concatenate(arrays, axis=0, always_copy=True):
    """Arrays of one dtype joined along an axis, in which alone they may differ.

    A list of one is copied, unless `always_copy` is false."""
    if not isinstance(arrays, (list, tuple)) or not arrays:
        raise ArgumentError(f"concatenate takes a list of NDArrays, but got {arrays!r:.80}")
    if len(arrays) == 1 and not always_copy:
        return arrays[0]
    return op.Concat(*arrays, dim=axis)


def split_v2(ary, indices_or_sections, axis=0, squeeze_axis=False):
    """A list of parts: so many of one size, or those before, between and behind the positions in a tuple.

    squeeze_axis: drop the axis, where all parts have length 1 in it. ValueError where the parts are not equal."""
    attrs = parts_of(indices_or_sections)
    if isinstance(indices_or_sections, int):
        length = ary.shape[normal_axis("split_v2", axis, ary.ndim)]
        if indices_or_sections < 1 or length % indices_or_sections:
            raise ShapeError(f"array split of length {length} in {indices_or_sections} is not an equal division")
    return op._split_v2(ary, axis=axis, squeeze_axis=squeeze_axis, **attrs)


NDArray.split_v2 = split_v2


def moveaxis(tensor, source, destination):
    """The axes `source` moved to `destination`, numbers or lists; the others keep their order."""
    moved, places = ([a] if isinstance(a, int) else list(a) for a in (source, destination))
    ndim = tensor.ndim
    if len(moved) != len(places):
        raise ShapeError("`source` and `destination` arguments must have the same number of elements")
    if not all(-ndim <= a < ndim for a in moved + places):
        raise ShapeError(f"axes are in [-{ndim}, {ndim}), but source={source} and destination={destination}")
    moved, places = [a % ndim for a in moved], [a % ndim for a in places]
    order = [a for a in range(ndim) if a not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return op.transpose(tensor, axes=tuple(order))


def histogram(a, bins=10, range=None):
    """[counts, edges] of the values of `a` in `bins`: a number of them, or an NDArray of their edges.

    range: (lowest, highest) edge, if not the smallest and the largest value. The counts are int64; float32 with neither
    edges nor a range given, as in MXNet."""
    if isinstance(bins, NDArray):
        return op._histogram(a, bins)
    if not isinstance(bins, int):
        raise ArgumentError(f"bins argument should be either an integer or an NDArray, but is {bins!r:.80}")
    if range is not None:
        return op._histogram(a, bin_cnt=bins, range=range)
    values = dense(a.data)
    if not values.size:
        raise ShapeError("histogram needs a range, where an array has no values to take it from")
    counts, edges = op._histogram(a, bin_cnt=bins, range=(float(values.min()), float(values.max())))
    return [counts.astype("float32"), edges]


def onehot_encode(indices, out):
    """Write to the rows of `out` zeros, and a one in the column that `indices` (n,) names."""
    return op._onehot_encode(indices, out, out=out)


def Custom(*inputs, op_type, **kwargs):
    """An operator of the user's own: see mx.operator. kwargs: its attributes; inputs may be among them by name."""
    kwargs.pop("name", None)
    named = {key: value for key, value in kwargs.items() if isinstance(value, NDArray)}
    operator = operator_of({"op_type": op_type, **{k: str(v) for k, v in kwargs.items() if k not in named}})
    inputs = [*inputs, *(named.pop(name) for name in operator.inputs[len(inputs) :] if name in named)]
    if named or len(inputs) != len(operator.inputs):
        raise ArgumentError(f"the custom operator {op_type} takes the inputs {operator.inputs}, but got {len(inputs)}")
    outputs = call(operator, inputs, operator.parse(operator.given))
    return outputs[0] if operator.single else outputs


def waitall():
    """Returns at once: an operator has computed when its call returns."""


# -- files -------------------------------------------------------------------------------------------------------------


def save(fname, data):
    """Write an array, a list, or a dict of arrays by name to a `.params` file, as MXNet does. OSError if that fails."""
    data = [data] if isinstance(data, NDArray) else data
    arrays = data.values() if isinstance(data, dict) else data if isinstance(data, (list, tuple)) else [None]
    if not all(isinstance(array, NDArray) for array in arrays):
        raise ArgumentError(f"save takes an NDArray, a list of them or a dict of str to NDArray, but got {data!r:.80}")
    if isinstance(data, dict):
        _params().save(fname, {name: array.data for name, array in data.items()})
    else:
        _params().save(fname, [array.data for array in data])


def load(fname):
    """The list or dict of arrays in a `.params` file. OSError, and MXNetError where the file is malformed."""
    return _loaded("load", fname)


def load_frombuffer(buf):
    """The list or dict of arrays in the bytes of a `.params` file. MXNetError where they are malformed."""
    return _loaded("loads", buf)


def _params():
    from .formats import params  # not before it is needed: it takes a tenth of the time that this package takes to load

    return params


def _loaded(read, source):
    params = _params()
    try:
        values = getattr(params, read)(source)
    except params.ParamsError as reason:
        raise MXNetError(str(reason)) from None
    if isinstance(values, dict):
        return {name: NDArray(_held(value)) for name, value in values.items()}
    return [NDArray(_held(value)) for value in values]


def _held(value):
    return value if isinstance(value, np.ndarray) else value.engine_form()

"""What an NDArray can do, as MXNet's Python has it. Importing this module gives the class its interface.

Signs are in overloads.py, `x[...]` is in indexing.py, and every public operator that takes an array is a method too:
`x.sum(axis=1)` is `mx.nd.sum(x, axis=1)`.
"""

import warnings

import numpy as np

from . import autograd, calls, indexing
from .attributes import DTYPES, Shape, parse
from .context import CPU, Context, check_usable
from .errors import ArgumentError, ShapeError
from .functions import function_of, run
from .ndarray import NDArray
from .registry import OPERATORS
from .sparse import STYPES, Sparse, dense, nothing

CLASSES = {"default": "NDArray", "row_sparse": "RowSparseNDArray", "csr": "CSRNDArray"}  # as MXNet prints them


def dtype_name(dtype):
    """The name of a dtype given as a name, a NumPy type or a numpy.dtype."""
    try:
        name = np.dtype(dtype).name
    except (TypeError, ValueError, SyntaxError):  # NumPy parses texts
        name = None
    if name not in DTYPES:
        raise ArgumentError(f"data type {dtype!r} not understood: it is one of {', '.join(DTYPES)}")
    return name


class Methods:
    """The methods that are no operators."""

    __slots__ = ()

    # -- values --------------------------------------------------------------------------------------------------------

    def asnumpy(self):
        """The values as a new numpy.ndarray of this shape and dtype; those of a sparse array in dense form."""
        return np.array(dense(self.data), order="C")

    def asscalar(self):
        """The only element as a NumPy scalar. ValueError where there are several."""
        if self.data.size != 1:
            raise ShapeError(f"The current array is not a scalar: its shape is {self.data.shape}")
        return dense(self.data).reshape(())[()]

    def wait_to_read(self):
        """Returns at once: an operator has computed when its call returns."""

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("the values of an NDArray are copied for NumPy: copy=False cannot be had")
        return np.array(dense(self.data), dtype)

    def __dlpack__(self, **options):
        """The memory for another library, by the DLPack protocol: `torch.from_dlpack(x)` shares it with PyTorch."""
        if isinstance(self.data, Sparse):
            raise BufferError(f"a {self.stype} array has no memory of its shape to share: tostype('default') has")
        return self.writable().__dlpack__(**options)

    def __dlpack_device__(self):
        return 1, 0  # the CPU, in DLPack's numbers

    def to_dlpack_for_read(self):
        """A DLPack capsule of the array's memory, which `mx.nd.from_dlpack` or another library can take once. Reading
        and writing are one: who takes it sees later writes, and its writes are seen."""
        return self.__dlpack__()

    to_dlpack_for_write = to_dlpack_for_read

    def __bool__(self):
        if self.data.size > 1:
            raise ShapeError("The truth value of an NDArray with multiple elements is ambiguous.")
        return bool(dense(self.data).any())

    def __float__(self):
        return float(self.asscalar())

    def __int__(self):
        return int(self.asscalar())

    def __repr__(self):
        values = f"\n{self.data}" if self.stype == "default" else ""
        return f"{values}\n<{CLASSES[self.stype]} {'x'.join(map(str, self.data.shape))} @{CPU}>"

    def __reduce__(self):
        return NDArray, (self.data if isinstance(self.data, Sparse) else self.asnumpy(),)

    # -- parts ---------------------------------------------------------------------------------------------------------

    def __len__(self):
        if not self.data.shape:
            raise TypeError("an NDArray of shape () has no len()")
        return self.data.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key):
        return indexing.get(self, key)

    def __setitem__(self, key, value):
        indexing.put(self, key, value)

    # -- where and what ------------------------------------------------------------------------------------------------

    @property
    def context(self):
        """The device: cpu(0), as there is one."""
        return CPU

    ctx = context

    def as_in_context(self, context):
        """The array itself, as there is one device. MXNetError for a GPU."""
        check_usable(context)
        return self

    def as_nd_ndarray(self):
        """The array itself."""
        return self

    def tostype(self, stype):
        """A copy in another storage type: "default", "row_sparse" or "csr"; between the last two there is no way."""
        return run("cast_storage", self, stype=known_stype(stype))

    # -- parts of sparse arrays ----------------------------------------------------------------------------------------

    @property
    def indices(self):
        """The rows (row_sparse), or the columns (csr), of what a sparse array stores: a new array, int64."""
        return _part(self, "indices")

    @property
    def indptr(self):
        """Where the rows of a csr array begin among what it stores, and the last one's end: a new array, int64."""
        return _part(self, "indptr")

    def check_format(self, full_check=True):
        """ValueError where a sparse array is malformed. full_check: look at the indices, too, not only at shapes."""
        run("_check_format", self, full_check=bool(full_check))

    def retain(self, indices):
        """The row_sparse array that has of this one only the rows `indices`, an NDArray of their numbers."""
        return run("_sparse_retain", self, indices)

    # -- copies and views ----------------------------------------------------------------------------------------------

    @property
    def T(self):
        """With the axes in reverse order; the array itself where there are fewer than two, as in MXNet."""
        return run("transpose", self) if self.data.ndim > 1 else self

    def astype(self, dtype, copy=True):
        """The values in another dtype, fractions cut off: a new array, unless `copy` is false and it has that dtype.

        A sparse array stays of its storage type, and is not recorded."""
        name = dtype_name(dtype)
        if not copy and self.data.dtype == name:
            return self
        if isinstance(self.data, Sparse):
            return NDArray(self.data.astype(name))
        return run("Cast", self, dtype=name)

    def broadcast_to(self, shape):
        """Repeated along axes of length 1, and along new ones in front, to `shape`. ValueError if it does not fit."""
        shape = parse("broadcast_to", "shape", Shape, shape)
        ahead = len(shape) - self.data.ndim
        x = self.reshape((1,) * ahead + self.data.shape) if ahead > 0 else self
        return run("broadcast_to", x, shape=shape)

    def copy(self):
        """A new array of the same values; the tape knows."""
        return run("_copy", self)

    def copyto(self, other):
        """Write the values to another array of this shape, in its dtype, and return it; or copy to a Context."""
        if isinstance(other, Context):
            check_usable(other)
            return self.copy()
        if not isinstance(other, NDArray):
            raise ArgumentError(f"copyto does not support type {type(other)}: it takes an NDArray or a Context")
        if other is self:
            warnings.warn("You are attempting to copy an array to itself", RuntimeWarning, stacklevel=2)
            return False
        calls.store(other, self.astype(other.data.dtype))
        return other

    def detach(self):
        """The same memory outside any graph: no gradient flows through."""
        return run("_view_detach", self)

    def reshape(self, *shape, **options):
        """The same memory in another shape: `x.reshape(3, 2)`, `x.reshape((3, 2))` or `x.reshape(shape=(3, 2))`.

        shape: dimensions, or codes: 0 keep, -1 infer, -2 copy the rest, -3 merge two, -4 split one into the next two.
        reverse=True: match them from the right. ValueError where the sizes do not fit."""
        if options.keys() - {"shape", "reverse"}:
            raise ArgumentError(f"Got unknown keywords in reshape: {', '.join(options)}. Accepted: shape, reverse.")
        shape = shape or (options.get("shape"),)
        if len(shape) == 1 and shape[0] is None:
            raise ArgumentError("Shape must be provided: x.reshape(3, 2) or x.reshape(shape=(3, 2)).")
        shape = parse("reshape", "shape", Shape, shape[0] if len(shape) == 1 else shape)
        if not shape:
            raise ShapeError(f"Cannot reshape array of size {self.data.size} into shape ()")
        return run("_view_reshape", self, shape=shape, reverse=bool(options.get("reverse", False)))

    # -- gradients -----------------------------------------------------------------------------------------------------

    def attach_grad(self, grad_req="write", stype=None):
        """Make the array a variable: its `grad` is a new array of zeros, which `backward` writes to.

        grad_req: "write", "add" to what is there, or "null". stype: the storage type of the gradient; None: that of the
        array. The array leaves any graph it was in."""
        stype, shape, dtype = known_stype(stype or self.stype), self.data.shape, self.data.dtype
        zeros = np.zeros(shape, dtype) if stype == "default" else nothing(stype, shape, dtype)
        autograd.mark_variables(self, NDArray(zeros), grad_req)

    def backward(self, out_grad=None, retain_graph=False, train_mode=True):
        """Compute the gradients of this array by the variables it depends on, and store them in their `grad`.

        out_grad: the gradient by this array, of its shape; ones by default. See mx.autograd.backward."""
        autograd.backward([self], [out_grad], retain_graph, train_mode)


def _part(array, part):
    if not hasattr(array.data, part):
        raise AttributeError(f"a {array.stype} array has no {part}")
    return run("_part_of_sparse", array, part=part)


def known_stype(stype):
    """A storage type, if it is one."""
    if stype not in STYPES:
        raise ArgumentError(f"a storage type is one of {', '.join(STYPES)}, but got {stype!r:.80}")
    return stype


def _attach():
    for name, member in vars(Methods).items():
        if name not in ("__doc__", "__module__", "__slots__"):
            setattr(NDArray, name, member)
    for name, operator in OPERATORS.items():
        if operator.inputs and not name.startswith("_") and not hasattr(NDArray, name):
            setattr(NDArray, name, function_of(operator, name))
    for name in ("slice_assign", "slice_assign_scalar"):
        setattr(NDArray, name, function_of(OPERATORS["_" + name], name))


_attach()

"""NDArray: an array, where its memory is, and its place on the tape.

Memory. `data` is a NumPy array, or the value of a sparse array (sparse.py). MXNet has views that share memory (`at`,
`reshape`, `slice` on axis 0, `detach`) and operators whose results never do. A view is registered with its root, so
that it follows when the root's memory moves.
An operator whose NumPy function returned a view of an input makes a borrower: it is given memory of its own at the
first write to either of the two.
"""

import weakref

import numpy as np

from . import sparse
from .poison import Poison
from .shm import segment_of
from .sparse import Sparse, as_stype, stype_of


def _is_frozen(data):
    """True where a client maps the memory privately and would see a write."""
    segment = segment_of(data)
    return segment is not None and segment.maps > 0


def _moved(data, old, new):
    """What is to a copy as `data`, a part of its memory, is to the old array."""
    if data.shape == old.shape and data.strides == old.strides:
        return new
    offset = data.__array_interface__["data"][0] - old.__array_interface__["data"][0]
    return np.ndarray(data.shape, data.dtype, new, offset, data.strides)


class NDArray:
    """An n-dimensional array with a dtype, on the CPU.

    Attributes: `data` (numpy.ndarray or Sparse), `node` and `index` (the tape entry that made it), `grad` (NDArray or
    None), `root` (the array whose memory this one views), `lender` (the array whose memory this one borrows until one
    of them is written to).
    """

    __slots__ = ("__weakref__", "borrowers", "data", "grad", "index", "lender", "node", "root", "views")

    def __init__(self, data, node=None, index=0):
        self.data, self.node, self.index = data, node, index
        self.root = self.views = self.lender = self.borrowers = self.grad = None

    def view(self, data):
        """An NDArray whose memory is a part of this one's; writes are seen by both."""
        root = self if self.root is None else self.root
        new = NDArray(data)
        new.root = root
        root.watch(new)
        return new

    def watch(self, view):
        """Let `view` follow when this root's memory moves."""
        if self.views is None:
            self.views = []
        self.views.append(weakref.ref(view, self.views.remove))

    def move_into(self, root, data):
        """Become a view of another root, with the values in `data`, a part of its memory."""
        data[...] = self.data
        self.data, self.root = data, root
        root.watch(self)

    def lend(self, borrower):
        """Note that `borrower.data` lies in this array's memory, though neither must see the other's writes."""
        root = self if self.root is None else self.root
        root = root if root.lender is None else root.lender
        borrower.lender = root
        if root.borrowers is None:
            root.borrowers = []
        root.borrowers.append(weakref.ref(borrower, root.borrowers.remove))

    def own(self):
        """Make sure that the root's memory is its own, in C order and writable, so that views of it can be made."""
        root = self if self.root is None else self.root
        flags = root.data.flags
        if root.lender is not None or not flags.c_contiguous or not flags.writeable:
            root._move()

    def writable(self):
        """`data`, ready to be written to: nobody who must not see the write shares it afterwards."""
        root = self if self.root is None else self.root
        if root.borrowers is root.lender is root.data.base is None and root.data.flags.writeable:
            return self.data  # as most often
        if root.borrowers:
            for ref in list(root.borrowers):
                borrower = ref()
                if borrower is not None and borrower.lender is root:
                    borrower._move()
            root.borrowers = None
        if root.lender is not None or not root.data.flags.writeable or _is_frozen(root.data):
            root._move()
        return self.data

    def _move(self):
        """Give a root memory of its own, in C order; its views follow."""
        old, new = self.data, self.data.copy()
        for ref in self.views or ():
            view = ref()
            if view is None:
                continue
            if type(view.data) is not Poison:
                view.data = _moved(view.data, old, new)
            elif view.data.lost is not None:
                view.data.lost = _moved(view.data.lost, old, new)
        self.data, self.lender = new, None

    def assign(self, value):
        """Write `value` (an array, number or sparse value that broadcasts to the shape) in place, converting the dtype.
        A sparse array stays of its storage type."""
        if sparse.exists and (isinstance(self.data, Sparse) or isinstance(value, Sparse)):
            self._assign_sparse(value)
        else:
            self.writable()[...] = value

    def assign_rows(self, rows, values):
        """Write `values` to the rows with these numbers, which are distinct."""
        if isinstance(self.data, Sparse):
            self._assign_sparse(self.data.with_rows(rows, values))
        else:
            self.writable()[rows] = values

    def _assign_sparse(self, value):
        if not isinstance(self.data, Sparse):
            data = self.writable()
            data[...] = 0
            value.sound().scatter(data)
            return
        if not isinstance(value, Sparse):
            value = np.broadcast_to(value, self.data.shape)
        new = as_stype(value, self.data.stype).astype(self.data.dtype)
        root = self if self.root is None else self.root
        for array in (root, *(view() for view in root.views or ())):
            if array is not None:
                array.data = new

    @property
    def shape(self):
        """The lengths of the axes, a tuple."""
        return self.data.shape

    @property
    def dtype(self):
        """NumPy's type, as MXNet has it: numpy.float32."""
        return self.data.dtype.type

    @property
    def stype(self):
        """The storage type: "default" (dense), "row_sparse" or "csr"."""
        return stype_of(self.data)

    @property
    def size(self):
        """How many elements there are; of a sparse array, in its dense form."""
        return self.data.size

    @property
    def ndim(self):
        """How many axes there are."""
        return self.data.ndim

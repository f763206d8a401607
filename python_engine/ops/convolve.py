"""The three products of a convolution on NumPy arrays: the result, the gradient of the data, that of the weight.

Each is a few large matrix products over columns: copies of the data, one for each tap of the kernel. Arrays may lie
in memory in any order; inside, and in what is returned, the batch is innermost, because then every copy and every
inner loop is a long run. Columns are made for a few output rows at a time and forgotten, so they cost little memory
and stay in the cache.

There are two plans. By rows: one spatial axis stays apart and only the others are copied for each tap; the window of
an output row is then one block of memory, and the blocks of successive rows overlap instead of being copied. As a
whole: all axes are copied for each tap and many output rows make one product; that suits small images, small batches
and dilated kernels.

Blocks of output rows are independent of each other, so that threads share them where there is enough to do.
"""

import math
import threading
from dataclasses import dataclass

import numpy as np

from ..blas import SHARED, matmul
from ..parallel import each

BLOCK_BYTES = 4 << 20  # columns made at a time: they should stay in the cache
PARTS = 4  # of what is shared; fewer, where their windows would overlap by more than their rows
KEPT_BYTES = 16 << 20  # a larger scratch buffer is not kept for the next call
LONG_ROW = 256  # elements of an output row, batch included, from which on the product of one row is efficient


@dataclass(frozen=True)
class Axis:
    """One spatial axis: sizes of data, kernel and result, and how the kernel moves."""

    size: int
    kernel: int
    stride: int
    dilate: int
    pad: int
    out: int

    @property
    def plain(self):
        """True where the columns of this axis are the data itself."""
        return self.kernel == self.stride == 1 and self.pad == 0 and self.out == self.size

    def reach(self, tap, start=0, stop=None):
        """Slices: the outputs from start to stop that see data through a tap, counted from start, and that data."""
        offset = tap * self.dilate - self.pad
        first = max(start, -(offset // self.stride))
        last = min(self.out if stop is None else stop, (self.size - 1 - offset) // self.stride + 1)
        if last <= first:
            return slice(0, 0), slice(0, 0)
        begin, end = first * self.stride + offset, (last - 1) * self.stride + offset + 1
        return slice(first - start, last - start), slice(begin, end, self.stride)


def convolution(data, weight, bias, axes, groups):
    """Products of `data` (N, C, *sizes) with `weight` (F, C / groups, *kernels), plus `bias` (F,) or None:
    (N, F, *outs)."""
    plan = _plan(data.shape[0], data.shape[1], weight.shape[0], axes, groups)
    out = plan.empty_out(data.dtype)
    matrix, source = plan.matrix(weight), plan.source(data)
    shift = None if bias is None else bias.reshape(groups, 1, -1, 1)

    def work(rows):
        block = plan.out_block(out, *rows)
        np.matmul(matrix, plan.columns(source, *rows), out=block)
        if shift is not None:
            block += shift

    each(work, plan.blocks(data.dtype.itemsize), plan.large)
    return plan.join(out)


def weight_gradient(g, data, weight_shape, axes, groups):
    """The gradient of the weight from `g`, that of the result: an array of `weight_shape` in C order."""
    plan = _plan(data.shape[0], data.shape[1], weight_shape[0], axes, groups)
    source, g = plan.source(data), np.ascontiguousarray(plan.split(g))
    parts = {}

    def work(rows):
        columns, block = plan.columns(source, *rows).swapaxes(2, 3), plan.out_block(g, *rows)
        total, step = np.matmul(block[:, 0], columns[:, 0]), None
        for row in range(1, columns.shape[1]):
            step = np.matmul(block[:, row], columns[:, row], out=step)
            total += step
        parts[rows] = total

    each(work, plan.blocks(data.dtype.itemsize), plan.large)
    total, *rest = [parts[rows] for rows in sorted(parts)]
    for part in rest:
        total += part
    return plan.weight(total, weight_shape)


def data_gradient(g, weight, axes, groups):
    """The gradient of the data from `g`, that of the result: an array (N, C, *sizes)."""
    plan = _plan(g.shape[0], weight.shape[1] * groups, weight.shape[0], axes, groups)
    return plan.join(plan.data_gradient(np.ascontiguousarray(plan.split(g)), weight))


def _plan(batch, channels, filters, axes, groups):
    flops = 2.0 * batch * filters * (channels // groups) * math.prod(a.out * a.kernel for a in axes)
    # of a batch, the last axis is set apart: pooling starts with it, and is fastest along the outermost axis
    turned = batch > 1
    ordered = axes[::-1] if turned else axes
    row = math.prod(a.out for a in ordered[1:]) * batch
    if len(axes) > 1 and ordered[0].dilate == 1 and row >= LONG_ROW:
        return _ByRows(batch, channels // groups, filters // groups, ordered, groups, flops >= SHARED, turned)
    return _AsWhole(batch, channels // groups, filters // groups, axes, groups, flops >= SHARED)


def _ranges(length, step):
    return [(start, min(start + step, length)) for start in range(0, length, step)]


class _Scratch(threading.local):
    """Memory for columns, kept from call to call: fresh pages cost as much as filling them."""

    memory = np.empty(0, np.uint8)

    def take(self, shape, dtype):
        size = math.prod(shape) * dtype.itemsize
        memory = self.memory
        if memory.size < size:
            memory = np.empty(size, np.uint8)
            if size <= KEPT_BYTES:
                self.memory = memory
        return np.ndarray(shape, dtype, memory)


_scratch = _Scratch()


def _gather(source, columns, reaches, lead):
    """Copy the data of every tap. `source` (lead axes, *sizes, N), `columns` (lead axes, *taps, *outs, N), `reaches`
    by axis and tap; zeros where a tap sees padding."""
    everything = (slice(None),) * lead
    for taps in np.ndindex(*map(len, reaches)):
        plane = columns[everything + taps]
        outs, ins = zip(*(reaches[axis][tap] for axis, tap in enumerate(taps)), strict=True)
        for axis, reached in enumerate(outs, lead):
            if reached.start > 0:
                plane[(slice(None),) * axis + (slice(reached.start),)] = 0
            if reached.stop < plane.shape[axis]:
                plane[(slice(None),) * axis + (slice(reached.stop, None),)] = 0
        plane[everything + outs] = source[everything + ins]


def _scatter(columns, target, reaches, lead):
    """Add the columns of every tap to the data that the tap sees: the opposite of `_gather`."""
    everything = (slice(None),) * lead
    for taps in np.ndindex(*map(len, reaches)):
        outs, ins = zip(*(reaches[axis][tap] for axis, tap in enumerate(taps)), strict=True)
        target[everything + ins] += columns[everything + taps + outs]


def _batch_innermost(block):
    """The block itself where its last axis is the innermost in memory, else such a copy."""
    if block.shape[-1] > 1 and block.strides[-1] != block.itemsize:
        return np.ascontiguousarray(block)
    return block


def _by_groups(array, groups):
    """(N, channels, *sizes) as (N, groups, channels of one, *sizes); any of them may be 0, so none is left to NumPy."""
    return array.reshape(array.shape[0], groups, array.shape[1] // groups, *array.shape[2:])


class _Plan:
    """How one convolution is laid out. G groups, C channels and F filters of one group, N batch; large: enough work to
    share."""

    def __init__(self, batch, channels, filters, axes, groups, large):
        self.large = large
        self.batch, self.channels, self.filters, self.axes, self.groups = batch, channels, filters, axes, groups
        self.first, self.rest = axes[0], axes[1:]
        self.outs = tuple(a.out for a in axes)
        self.row = math.prod(self.outs[1:]) * batch  # elements of an output row

    def _blocks(self, rows):
        """Ranges of output rows, at most so many at a time."""
        first = self.first
        if self.large:
            rows = min(rows, max(first.kernel, math.ceil(first.out / PARTS)))
        return _ranges(first.out, max(1, rows))


class _ByRows(_Plan):
    """Data is seen as (G, size of the first axis, C, *other sizes, N), results as (G, rows, F, *other outs, N).
    The spatial axes are those of the arrays, or, if `turned`, in reverse."""

    def __init__(self, batch, channels, filters, axes, groups, large, turned):
        super().__init__(batch, channels, filters, axes, groups, large)
        self.turned = turned
        self.reaches = [[a.reach(tap) for tap in range(a.kernel)] for a in self.rest]
        self.taps = tuple(a.kernel for a in self.rest)
        self.plain = all(a.plain for a in self.rest)
        self.columns_shape = (self.channels, *self.taps, *self.outs[1:], self.batch)
        self.tap_rows = self.channels * math.prod(self.taps)

    def _turn(self, array):
        return array.swapaxes(2, -1) if self.turned else array

    def split(self, array):
        array = self._turn(array)
        array = _by_groups(array, self.groups)
        return array.transpose(1, 3, 2, *range(4, array.ndim), 0)

    source = split

    def join(self, array):
        """The view (N, channels, *sizes) of an array whose memory runs (rows, G, channels, *others, N)."""
        array = array.transpose(array.ndim - 1, 0, 2, 1, *range(3, array.ndim - 1))
        return self._turn(array.reshape(array.shape[0], array.shape[1] * array.shape[2], *array.shape[3:]))

    def _empty(self, rows, *shape, dtype):
        return np.empty((rows, self.groups, *shape), dtype).swapaxes(0, 1)

    def empty_out(self, dtype):
        return self._empty(self.first.out, self.filters, *self.outs[1:], self.batch, dtype=dtype)

    def out_block(self, out, start, stop):
        return out[:, start:stop].reshape(self.groups, stop - start, self.filters, self.row)

    def blocks(self, itemsize):
        fitting = BLOCK_BYTES // (self.groups * self.tap_rows * self.row * itemsize or 1)
        kernel, stride = self.first.kernel, self.first.stride
        return self._blocks(max(2 * kernel, fitting - kernel) // stride)

    def columns(self, source, start, stop):
        """The windows of output rows start to stop: (G, rows, taps of a window, elements of a row)."""
        first = self.first
        low = start * first.stride - first.pad
        rows = (stop - start - 1) * first.stride + first.kernel
        begin = max(low, 0)
        end = max(begin, min(low + rows, first.size))
        block = source[:, begin:end]
        if not (self.plain and end - begin == rows and block.flags.c_contiguous):
            columns = _scratch.take((self.groups, rows, *self.columns_shape), source.dtype)
            columns[:, : begin - low] = 0
            columns[:, end - low :] = 0
            _gather(_batch_innermost(block), columns[:, begin - low : end - low], self.reaches, 3)
            block = columns
        item = block.itemsize
        row_bytes = self.tap_rows * self.row * item
        shape = (self.groups, stop - start, first.kernel * self.tap_rows, self.row)
        return np.ndarray(
            shape, block.dtype, block, strides=(rows * row_bytes, first.stride * row_bytes, self.row * item, item)
        )

    def matrix(self, weight):
        weight = self._turn(weight).swapaxes(1, 2)  # F, taps of the first axis, C, other taps
        return weight.reshape(self.groups, 1, self.filters, -1)

    def weight(self, matrix, shape):
        matrix = matrix.reshape(shape[0], self.first.kernel, shape[1], *self.taps)
        return np.ascontiguousarray(self._turn(matrix.swapaxes(1, 2)))

    def data_gradient(self, g, weight):
        first, filters = self.first, self.filters
        sizes = tuple(a.size for a in self.rest)
        data = self._empty(first.size, self.channels, *sizes, self.batch, dtype=g.dtype)
        g = g.reshape(self.groups, first.out * filters, self.row)
        phases = self._phases(weight)

        def work(index):
            target = data[:, index]
            last, phase = divmod(index + first.pad, first.stride)  # the last output row that sees this data row
            matrix = phases[phase]
            taps = matrix.shape[2] // filters
            low, high = max(0, last - taps + 1), min(first.out, last + 1)
            if low >= high:
                target[...] = 0
                return
            skipped = low - (last - taps + 1)
            matrix = matrix[:, :, skipped * filters : (skipped + high - low) * filters]
            rows = g[:, low * filters : high * filters]
            if self.plain:
                np.matmul(matrix, rows, out=target.reshape(self.groups, self.channels, self.row))
            else:
                target[...] = 0
                columns = _scratch.take((self.groups, self.tap_rows, self.row), g.dtype)
                np.matmul(matrix, rows, out=columns)
                _scatter(columns.reshape(self.groups, *self.columns_shape), target, self.reaches, 2)

        each(work, range(first.size), self.large)
        return data

    def _phases(self, weight):
        """For each remainder of a data row by the stride, the taps that reach it, last tap first, beside each other:
        matrices (G, C and taps of the other axes, taps and F)."""
        weight = self._turn(weight).reshape(self.groups, self.filters, self.channels, self.first.kernel, *self.taps)
        weight = np.moveaxis(weight, (3, 1), (-2, -1))  # G, C, other taps, taps, F
        stride = self.first.stride
        return [
            weight[..., phase::stride, :][..., ::-1, :].reshape(self.groups, self.tap_rows, -1)
            for phase in range(stride)
        ]


class _AsWhole(_Plan):
    """Data is seen as (G, C, *sizes, N), results as (G, F, *outs, N)."""

    def __init__(self, *args):
        super().__init__(*args)
        self.taps = tuple(a.kernel for a in self.axes)
        self.depth = self.channels * math.prod(self.taps)
        self.plain = all(a.plain for a in self.axes)

    def split(self, array):
        array = _by_groups(array, self.groups)
        return array.transpose(1, 2, *range(3, array.ndim), 0)

    def source(self, data):
        return self.split(data) if self.plain else _batch_innermost(self.split(data))

    def join(self, array):
        array = array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])
        return array.transpose(array.ndim - 1, *range(array.ndim - 1))

    def empty_out(self, dtype):
        return np.empty((self.groups, self.filters, *self.outs, self.batch), dtype)

    def out_block(self, out, start, stop):
        return out[:, :, start:stop].reshape(self.groups, 1, self.filters, (stop - start) * self.row)

    def blocks(self, itemsize):
        return self._blocks(BLOCK_BYTES // (self.groups * self.depth * self.row * itemsize or 1))

    def _reaches(self, start, stop):
        reaches = [[a.reach(tap) for tap in range(a.kernel)] for a in self.rest]
        return [[self.first.reach(tap, start, stop) for tap in range(self.first.kernel)], *reaches]

    def _columns_shape(self, start, stop):
        return (self.groups, self.channels, *self.taps, stop - start, *self.outs[1:], self.batch)

    def columns(self, source, start, stop):
        """The taps of output rows start to stop: (G, 1, taps, elements of the rows)."""
        if self.plain:
            columns = np.ascontiguousarray(source[:, :, start:stop])
        else:
            columns = _scratch.take(self._columns_shape(start, stop), source.dtype)
            _gather(source, columns, self._reaches(start, stop), 2)
        return columns.reshape(self.groups, 1, self.depth, (stop - start) * self.row)

    def matrix(self, weight):
        return weight.reshape(self.groups, 1, self.filters, self.depth)

    def weight(self, matrix, shape):
        return matrix.reshape(shape)

    def data_gradient(self, g, weight):
        matrix = weight.reshape(self.groups, self.filters, self.depth).swapaxes(1, 2)
        shape = (self.groups, self.channels, *(a.size for a in self.axes), self.batch)
        if self.plain:
            return matmul(matrix, g.reshape(self.groups, self.filters, -1)).reshape(shape)
        data, taps = np.zeros(shape, g.dtype), math.prod(self.taps)

        def work(channels):
            begin, end = channels
            for start, stop in self.blocks(g.itemsize):
                rows = g[:, :, start:stop].reshape(self.groups, self.filters, -1)
                columns = _scratch.take((self.groups, (end - begin) * taps, rows.shape[2]), g.dtype)
                np.matmul(matrix[:, begin * taps : end * taps], rows, out=columns)
                shape = (self.groups, end - begin, *self._columns_shape(start, stop)[2:])
                _scatter(columns.reshape(shape), data[:, begin:end], self._reaches(start, stop), 2)

        # not by rows, whose windows overlap
        each(work, _ranges(self.channels, max(1, math.ceil(self.channels / (PARTS if self.large else 1)))), self.large)
        return data

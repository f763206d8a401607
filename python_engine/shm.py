"""Shared memory for large arrays: anonymous memfd segments that the client opens through /proc/<pid>/fd/<n>.

A segment is created by the engine and recycled. It holds a client's upload (the client writes, then hands it over with
`share`), or the copy of an array that the client maps privately. An array in a segment that the client has mapped is
frozen: the engine moves the array before it writes to it (NDArray.writable), because a private map shows later writes.

The client says when its map is gone, but processes that it has forked inherit the map. So it takes a shared lock of the
file that it maps, which the system lifts with the last of the maps.
"""

import fcntl
import mmap
import os
from pathlib import Path

import numpy as np

from .errors import ShapeError

MOST_AXES = 32  # with more, NumPy 1 would crash
KEEP_BYTES = 1 << 29  # free segments beyond this are given back to the system


def machine():
    """What two processes have in common that can open each other's /proc/<pid>/fd: the boot of the system and the
    namespace that counts its processes. Empty where there are no such things, and no memory is shared."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


class Segment:
    """One memfd. `leases`: arrays of the engine in it; `maps`: private maps of the client."""

    def __init__(self, number, size, pool):
        self.number, self.size, self.pool = number, size, pool
        self.fd = os.memfd_create("ai-mxnet", os.MFD_CLOEXEC)
        try:
            os.ftruncate(self.fd, size)
            self.memory = mmap.mmap(self.fd, size)
        except BaseException:
            os.close(self.fd)
            raise
        self.address = np.frombuffer(self.memory, np.uint8).ctypes.data
        self.leases = self.maps = 0
        self.from_client = False

    def array(self, dtype, shape):
        """An array over the start of the segment; the segment is in use until all views of it are gone."""
        if len(shape) > MOST_AXES:
            raise ShapeError(f"an array has at most {MOST_AXES} axes, but {len(shape)} were asked for")
        return np.asarray(Lease(self, np.dtype(dtype), shape))

    def unmap(self):
        """The client says that one of its maps is gone. The last one counts until no fork of the client has it."""
        if self.maps == 1 and self.is_locked():
            self.pool.inherited.append(self)
        else:
            self.maps -= 1
            self.release()

    def is_locked(self):
        """True while a process has a map of the segment."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        return False

    def release(self):
        """Called as a lease or a map ends."""
        if self.leases == 0 and self.maps == 0:
            self.pool.freed(self)

    def close(self):
        os.close(self.fd)
        self.fd = -1


class Lease:
    """Owner of an array's memory in a segment: NumPy keeps it as the base of the array and of every view."""

    def __init__(self, segment, dtype, shape):
        self.segment = segment
        segment.leases += 1
        self.__array_interface__ = {
            "version": 3,
            "data": (segment.address, False),
            "typestr": dtype.str,
            "shape": tuple(shape),
        }

    def __del__(self):
        self.segment.leases -= 1
        self.segment.release()


def segment_of(array):
    """The segment that holds an array's memory, or None."""
    base = array.base
    while type(base) is np.ndarray:
        base = base.base
    return base.segment if type(base) is Lease else None


class Pool:
    """The segments of a session. `notify(number)` tells the client that a segment of its own is free again."""

    def __init__(self, notify):
        self.notify = notify
        self.segments, self.free, self.count = {}, [], 0
        self.inherited = []  # those that only forks of the client may still have maps of

    def create(self, size):
        """A segment of at least `size` bytes that nobody uses."""
        waiting, self.inherited = self.inherited, []
        for segment in waiting:
            segment.unmap()
        fitting = [s for s in self.free if size <= s.size <= 4 * size]
        if fitting:
            best = min(fitting, key=lambda s: s.size)
            self.free.remove(best)
            return best
        self.count += 1
        size = -(-max(size, 1) // mmap.PAGESIZE) * mmap.PAGESIZE
        segment = self.segments[self.count] = Segment(self.count, size, self)
        return segment

    def freed(self, segment):
        """Keep a segment for the next use, or give it back."""
        if segment.number not in self.segments:
            return
        if segment.from_client:
            self.notify(segment.number)
            return
        self.free.append(segment)
        while sum(s.size for s in self.free) > KEEP_BYTES:
            self.drop(self.free.pop(0))

    def drop(self, segment):
        """Close a segment; the system frees its memory when the client's maps are gone, too."""
        del self.segments[segment.number]
        segment.close()

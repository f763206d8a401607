"""Work on large arrays, piece by piece: each fits the cache, and where there are many, all cores share them.

NumPy lets go of the interpreter's lock inside its loops, so threads help where a piece takes long enough. The pieces
depend on nothing but the size of the work, so that results are the same bits on any number of cores. Threads take
the next piece as they get to it: one that the system gives less time does less.
"""

import contextlib
import os
import queue
import signal
import threading

import numpy as np

PIECE = 1 << 16  # elements: 256 KB of float32, so that the arrays of a chain of steps fit the second-level cache
FAST_PIECE = 1 << 19  # elements, for a single step that is about as fast as memory
SHARED = 4  # pieces from which on other threads help; see docs/performance.md for the measurement
MOST_THREADS = 8  # the interpreter's lock goes round between pieces, which more threads would wait for

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Helpers:
    """The threads that help; they are started when first needed, and anew in a forked child, which has none."""

    def __init__(self):
        self.tasks, self.count = queue.SimpleQueue(), 0
        self.engaged = threading.Lock()

    def start(self, count):
        while self.count < count:
            self.count += 1
            threading.Thread(target=self._serve, args=(self.tasks,), name="helper", daemon=True).start()

    def recall(self):
        """Take back the tasks that no thread has begun, as where the system has no core for it; how many they were."""
        count = 0
        with contextlib.suppress(queue.Empty):
            while True:
                self.tasks.get_nowait()
                count += 1
        return count

    @staticmethod
    def _serve(tasks):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are the main thread's
        np.seterr(all="ignore")
        while True:
            tasks.get()()


helpers = Helpers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=helpers.__init__)


def in_pieces(work, count, width=1, piece=PIECE):
    """Call `work(start, stop)` for consecutive pieces of range(count), until all of it is covered.

    width: how many elements each of `count` stands for; a piece has about `piece` elements. `work` must write nowhere
    but to its own part of the results."""
    if count * width <= piece:
        work(0, count)
        return
    step = max(1, piece // width)
    each(lambda start: work(start, min(start + step, count)), range(0, count, step), count > (SHARED - 1) * step)


def each(work, items, shared=True):
    """Call `work(item)` for each item of a list or range, as `in_pieces`; if `shared`, other threads help."""
    rest = iter(items)

    def run():
        for item in rest:
            work(item)

    others = min(CORES, MOST_THREADS, len(items)) - 1
    # not while the helpers are at work, perhaps on the very piece that asks
    if shared and others > 0 and helpers.engaged.acquire(blocking=False):
        _share(run, rest, others)
    else:
        run()


def _share(run, rest, others):
    """`run` here and on other threads, at once."""
    failures, finished = [], queue.SimpleQueue()

    def task():
        try:
            run()
        except BaseException as reason:
            failures.append(reason)
        finished.put(None)

    helpers.start(others)
    for _ in range(others):
        helpers.tasks.put(task)
    try:
        run()
    finally:
        for _ in rest:
            pass  # after an exception nobody needs the rest
        for _ in range(others - helpers.recall()):
            finished.get()
        helpers.engaged.release()
    if failures:
        raise failures[0]

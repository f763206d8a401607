"""Work on large arrays, piece by piece: each fits the cache, and where there are many, all cores share them.

NumPy lets go of the interpreter's lock inside its loops, so threads help where a piece takes long enough. The pieces
depend on nothing but the size of the work, so that results are the same bits on any number of cores. Threads take
the next piece as they get to it: one that the system gives less time does less.
"""

import math
import os
import queue
import signal
import threading
from operator import itemgetter

import numpy as np

PIECE = 1 << 16  # elements: 256 KB of float32, so that the arrays of a chain of steps fit the second-level cache
FAST_PIECE = 1 << 19  # elements, for a single step that is about as fast as memory
SHARED = 4  # pieces from which on other threads help; see docs/performance.md for the measurement
MOST_THREADS = 8  # the interpreter's lock goes round between pieces, which more threads would wait for

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ranges(length, count, grain=1):
    """About `count` slices of a length, each but the last a multiple of `grain` long; none of no length."""
    step = max(1, math.ceil(length / count / grain)) * grain
    return [slice(i, min(i + step, length)) for i in range(0, length, step)]


class Task:
    """A call without arguments that another thread makes, unless the one that needs it comes first."""

    def __init__(self, function):
        self.function, self.failure = function, None
        self.begun, self.unfinished = threading.Lock(), threading.Lock()
        self.unfinished.acquire()

    def run(self):
        """Make the call, unless some thread has begun to."""
        if not self.begun.acquire(blocking=False):
            return
        function, self.function = self.function, None  # whoever takes a finished task later holds no arrays with it
        try:
            function()
        except BaseException as reason:
            self.failure = reason
        self.unfinished.release()

    def wait(self):
        """Wait for the call to end."""
        with self.unfinished:
            pass


class Helpers:
    """The threads that help; they are started when first needed, and anew in a forked child, which has none."""

    def __init__(self):
        self.tasks, self.count = queue.SimpleQueue(), 0
        self.engaged = threading.Lock()

    def start(self):
        while self.count < min(CORES, MOST_THREADS) - 1:
            self.count += 1
            threading.Thread(target=self._serve, args=(self.tasks,), name="helper", daemon=True).start()

    @staticmethod
    def _serve(tasks):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are the main thread's
        np.seterr(all="ignore")
        while True:
            tasks.get().run()


helpers = Helpers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=helpers.__init__)


def begin(function, shared=True):
    """The task of calling `function`; a helper that has nothing else to do begins with it, if `shared`.

    What it reads must not change, and nothing may look at what it writes, until the task is finished."""
    task = Task(function)
    if shared and CORES > 1:
        helpers.start()
        helpers.tasks.put(task)
    return task


def finish(*tasks):
    """See to it that the calls have been made, at first those that no helper has come to. What the first of those that
    failed has raised is raised here, when all have ended."""
    for task in tasks:
        task.run()
    for task in tasks:
        task.wait()
    for task in tasks:
        if task.failure is not None:
            raise task.failure


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
    """Call `work(item)` for each item of a list or range, as `in_pieces`; if `shared`, other threads help.

    What is raised is raised for the first of the items that fail, on any number of threads."""
    others = min(CORES, MOST_THREADS, len(items)) - 1
    # not while the helpers are at work, perhaps on the very piece that asks
    if not shared or others < 1 or not helpers.engaged.acquire(blocking=False):
        for item in items:
            work(item)
        return
    rest, failures = enumerate(items), []

    def run():
        for position, item in rest:
            try:
                work(item)
            except BaseException as reason:
                failures.append((position, reason))
                break
        for _ in rest:
            pass  # after an exception nobody needs the rest

    tasks = [begin(run) for _ in range(others)]
    try:
        run()
    finally:
        finish(*tasks)
        helpers.engaged.release()
    if failures:
        raise min(failures, key=itemgetter(0))[1]

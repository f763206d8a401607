"""What a second thread gains, alone and beside a Perl that computes: python tests/bench/threads.py

Times of one thread / times of all cores, for matrix products and for elementwise work in pieces: above 1 threads help.
The least time of many rounds, in which all variants take turns.
"""

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import numpy as np  # noqa: E402

from python_engine import blas, parallel  # noqa: E402

ROUNDS = 60
SIZES = [64, 128, 192, 256, 320, 384, 512, 768, 1024]
LENGTHS = [1 << n for n in range(16, 24)]
BUSY = ["perl", "-e", "my $x = 0; $x += $_ % 7 for 1 .. 1e6, 1 while 1"]


def product(n, threads):
    a, out = np.ones((n, n), np.float32), np.empty((n, n), np.float32)
    times = max(1, 20_000_000 // n**3)

    def work():
        blas.use_threads(threads)
        for _ in range(times):
            np.matmul(a, a, out=out)

    return work


def exponential(count, threads):
    x, out = np.linspace(-1, 1, count, dtype=np.float32), np.empty(count, np.float32)

    def piece(start, stop):
        np.exp(x[start:stop], out=out[start:stop])

    def work():
        parallel.CORES, before = threads, parallel.CORES
        parallel.in_pieces(piece, count)
        parallel.CORES = before

    return work


def least(works):
    best = dict.fromkeys(works, 1e9)
    for _ in range(ROUNDS):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main():
    cores = parallel.CORES
    for title, kind, sizes in ("product of n×n", product, SIZES), ("exp of n numbers", exponential, LENGTHS):
        works = {(n, t): kind(n, t) for n in sizes for t in (1, cores)}
        for work in works.values():
            work()
        alone = least(works)
        busy = [subprocess.Popen(BUSY)]
        beside = least(works)
        for process in busy:
            process.kill()
            process.wait()
        print(f"{title:20} {'alone':>8} {'beside a busy Perl':>20}")
        for n in sizes:
            print(f"{n:20} {alone[n, 1] / alone[n, cores]:8.2f} {beside[n, 1] / beside[n, cores]:20.2f}")


if __name__ == "__main__":
    main()

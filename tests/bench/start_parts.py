"""Where the time of a start goes: python tests/bench/start_parts.py

The least wall-clock and CPU time, in ms, of programs that do a little more each, over some rounds in which they take turns.
"""

import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = int(os.environ.get("ROUNDS", 20))
PERL = ["perl", f"-I{ROOT}/perl_bindings/lib"]
VALUE = "use AI::MXNet qw(mx nd); my $x = nd->array([[1, 2], [3, 4]]); "
GRADIENT = "$x->attach_grad; my $y; mx->autograd->record(sub { $y = 2 * $x * $x }); $y->backward; $x->grad->aspdl"
ENGINE = "import sys; sys.path[0] = sys.argv.pop(1); from python_engine.__main__ import main; main()"

sys.path.insert(0, str(ROOT))
from python_engine import table, wire  # noqa: E402

HELLO = b"".join(wire.pack([["hello", 1, 1, table.digest(), 0], ["bye", 2]]))


def greet():
    """Start an engine, greet it and say goodbye."""
    ours, theirs = socket.socketpair()
    with ours:
        process = subprocess.Popen([sys.executable, "-c", ENGINE, ROOT], stdin=theirs, stdout=theirs)
        theirs.close()
        ours.sendall(HELLO)
        while ours.recv(1 << 16):
            pass
        process.wait()


def program(*words, **variables):
    environment = {**os.environ, "AI_MXNET_PYTHON": sys.executable, **variables}
    return lambda: subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, check=True)


PROGRAMS = {
    "perl": program("perl", "-e", "1"),
    "perl, PDL": program("perl", "-e", "use PDL; 1"),
    "perl, AI::MXNet, without an engine": program(*PERL, "-e", "use AI::MXNet qw(mx); 1", AI_MXNET_ENGINE="true"),
    "python": program(sys.executable, "-c", "pass"),
    "python, NumPy": program(sys.executable, "-c", "import numpy"),
    "python, NumPy, the operators": program(sys.executable, "-c", "import python_engine.session", PYTHONPATH=str(ROOT)),
    "an engine: starts, greets, ends": greet,
    "a script that only loads AI::MXNet": program(*PERL, "-e", "use AI::MXNet qw(mx); 1"),
    "a script that reads a value": program(*PERL, "-e", VALUE + "$x->aspdl"),
    "a script that reads a gradient": program(*PERL, "-e", VALUE + GRADIENT),
}


def main():
    least = dict.fromkeys(PROGRAMS, (1e9, 1e9))
    for _ in range(ROUNDS):
        for name, run in PROGRAMS.items():
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            run()
            wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            least[name] = min(least[name][0], wall), min(least[name][1], cpu)
    print(f"{'':40} {'time':>8} {'CPU':>8}")
    for name, (wall, cpu) in least.items():
        print(f"{name:40} {wall * 1000:8.1f} {cpu * 1000:8.1f}")


if __name__ == "__main__":
    main()

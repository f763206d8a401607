"""The engine as a program: it serves one client over its stdin and stdout.

    python -m python_engine            serves; a client starts it, over a pair of sockets or through ssh
    python -m python_engine --about    says what the engine consists of, and what is missing

The channel is moved away from descriptors 0 and 1 at once, so that nothing that prints can reach it. What is printed to
stdout goes to stderr then; a client on the same machine may name two descriptors of its own in the environment variable
AI_MXNET_DESCRIPTORS, as "3,4": one that takes it instead, and one for the report of how the engine ended.
"""

import contextlib
import gc
import os
import signal
import sys

from .requirements import describe, lack

# Ctrl-C, a closed terminal and a batch system's warning reach the whole process group: they are the client's to handle.
LEFT_TO_THE_CLIENT = ("INT", "QUIT", "TERM", "HUP", "USR1", "USR2")

# What tells a BLAS, before NumPy loads it, that it gets one thread (see blas.py): to start others takes it 0.05 s.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
BLAS_KERNELS = "OPENBLAS_CORETYPE"  # for which processor OpenBLAS shall compute


def main():
    """Serve until the client says goodbye or hangs up."""
    set_up_blas()
    if sys.argv[1:] == ["--about"]:
        for line in describe():
            print(*line, flush=True)
        return
    if sys.argv[1:] or os.isatty(0):
        sys.exit(__doc__)
    output, report = descriptors()
    reason = lack()
    if reason and report is None:
        sys.exit(f"ai-mxnet-engine: {reason}")
    if reason:
        os.write(report, b"-1 0\n" + reason.encode())
        sys.exit(1)
    for name in LEFT_TO_THE_CLIENT:
        signal.signal(signal.Signals[f"SIG{name}"], signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    channel = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.close(null)
    if output > 2:
        os.close(output)
    from .supervisor import supervise

    parent = os.getpid()
    supervise(channel, report)
    prepare_process(parent)
    serve(*channel)


def descriptors():
    """Where what is printed goes, and the report, or None: as the client says, if what it names is open."""
    try:
        output, report = map(int, os.environ.pop("AI_MXNET_DESCRIPTORS", "").split(","))
        os.fstat(output)
        os.fstat(report)
    except (OSError, ValueError):
        return 2, None
    return output, report


def serve(read_fd, write_fd):
    """Be the engine: import what is heavy only now, so that the supervisor stays small."""
    import ctypes

    import numpy as np

    from .errors import MXNetError, ProtocolError
    from .session import Goodbye, Session
    from .wire import Channel, Closed

    np.seterr(all="ignore")
    gc.disable()
    gc.freeze()
    session = Session(Channel(read_fd, write_fd))
    if hasattr(signal, "SIGRTMIN"):  # elsewhere no client can tell that we share its processes
        listen_for_interrupts(session)
    try:
        session.serve()
    except (Goodbye, Closed):
        status = 0
    except ProtocolError as reason:
        print(f"ai-mxnet-engine: {reason}", file=sys.stderr)
        with contextlib.suppress(Closed, MXNetError):  # the client that broke the protocol may be gone
            session.channel.send([0, "error", reason.kind, reason.message, "", "", "", 0, ""])
        status = 1
    with contextlib.suppress(OSError):  # nobody may be left to read it
        sys.stdout.flush()
    if session.has_left and status == 0:
        ctypes.CDLL(None).exit(0)  # MPICH tells its launcher in a handler of that
    os._exit(status)


def listen_for_interrupts(session):
    """Count the client's signals. Python calls a handler once for all that came during a long call to NumPy, but writes
    a byte for each; and the system queues a real-time signal, which no batch system sends to every process."""
    arrived, wakeup = os.pipe()
    for fd in (arrived, wakeup):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)

    def count(*_):
        with contextlib.suppress(BlockingIOError):  # an earlier call has counted it
            for _ in os.read(arrived, 4096):
                session.interrupt()

    signal.signal(signal.SIGRTMIN, count)


def prepare_process(parent):
    """End with the supervisor, print at once, open many files, and keep freed memory."""
    import ctypes
    import resource

    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(line_buffering=True)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a segment of shared memory takes two
    libc = ctypes.CDLL(None)
    pr_set_pdeathsig = 1
    if hasattr(libc, "prctl"):
        libc.prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # it ended before we asked
    keep_freed_memory(libc)


def set_up_blas():
    """One thread, and the kernels of this processor: those of an older one, which some machines set for all programs,
    take twice as long. AI_MXNET_OPENBLAS_CORETYPE names others for the engine alone."""
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
    os.environ.pop(BLAS_KERNELS, None)
    if os.environ.get("AI_MXNET_" + BLAS_KERNELS):
        os.environ[BLAS_KERNELS] = os.environ["AI_MXNET_" + BLAS_KERNELS]


def keep_freed_memory(libc):
    """Fresh pages cost more than arithmetic.

    There is one heap, because glibc would go on in another one after an allocation that has failed, and there take
    fresh pages for each large array."""
    m_trim_threshold, m_mmap_max, m_arena_max = -1, -4, -8
    if hasattr(libc, "mallopt"):
        libc.mallopt(m_arena_max, 1)
        libc.mallopt(m_mmap_max, 0)
        libc.mallopt(m_trim_threshold, 1 << 30)


if __name__ == "__main__":
    main()

"""The engine as a program: it serves one client over a channel that it inherits.

    python -m python_engine                          over stdin and stdout, as through ssh
    python -m python_engine --print-to 3 --report 4  what the Perl modules start
    python -m python_engine --about                  says what the engine consists of, and what is missing

The channel is moved away from descriptors 0 and 1 at once, so that nothing that prints can reach it: descriptor 1
becomes the one named by --print-to (default: stderr). With --report a supervisor process starts the engine, passes its
stderr on, and at the end writes how the engine died, and the last of its stderr, to that descriptor.
"""

import argparse
import gc
import os
import select
import signal
import sys
import threading

from .requirements import describe, lack

TAIL = 4096  # bytes of stderr that are kept for the report


def main():
    """Serve until the client says goodbye or hangs up."""
    parser = argparse.ArgumentParser(prog="ai-mxnet-engine", description=__doc__.split("\n")[0])
    parser.add_argument("--print-to", type=int, default=2, help="descriptor that takes what is printed to stdout")
    parser.add_argument("--report", type=int, help="descriptor that a supervisor reports the engine's end to")
    parser.add_argument("--about", action="store_true", help="say what the engine consists of here, and end")
    arguments = parser.parse_args()
    if arguments.about:
        for line in describe():
            print(*line, flush=True)
        return
    reason = lack()
    if reason and arguments.report is None:
        sys.exit(f"ai-mxnet-engine: {reason}")
    if reason:
        os.write(arguments.report, b"-1\n" + reason.encode())
        sys.exit(1)
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    channel = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(arguments.print_to, 1)
    os.close(null)
    if arguments.print_to > 2:
        os.close(arguments.print_to)
    if arguments.report is not None:
        supervise(arguments.report, channel)
    serve(*channel)


def supervise(report, channel):
    """Fork: the child returns and becomes the engine; the parent waits for its end, reports it and exits."""
    err_read, err_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(err_write, 2)
        for fd in (err_read, err_write, report):
            os.close(fd)
        return
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for fd in (err_write, *channel, 0, 1):
        os.close(fd)
    tail = b""
    while True:
        data = os.read(err_read, 1 << 16)
        if not data:
            break
        tail = (tail + data)[-TAIL:]
        try:
            os.write(2, data)
        except OSError:
            pass  # nobody is left to read it, but the engine must not block on a full pipe
    _, status = os.waitpid(child, 0)
    try:
        os.write(report, b"%d\n%s" % (status, tail))
    except OSError:
        pass  # the client is gone
    os._exit(0)


def serve(read_fd, write_fd):
    """Be the engine: import what is heavy only now, so that a supervisor stays small."""
    end_at_hangup(read_fd)
    import numpy as np

    from .errors import MXNetError, ProtocolError
    from .session import Goodbye, Session
    from .wire import Channel, Closed

    np.seterr(all="ignore")
    keep_freed_memory()
    gc.disable()
    gc.freeze()
    session = Session(Channel(read_fd, write_fd))
    signal.signal(signal.SIGUSR1, lambda *_: session.interrupt())
    try:
        session.serve()
    except (Goodbye, Closed):
        status = 0
    except ProtocolError as reason:
        print(f"ai-mxnet-engine: {reason}", file=sys.stderr)
        try:
            session.channel.send([0, "error", reason.kind, reason.message, "", "", "", 0, ""])
        except (Closed, MXNetError):
            pass  # the client that broke the protocol is gone
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def end_at_hangup(read_fd):
    """End the process the moment the client hangs up, even while a long computation runs."""

    def watch():
        poll = select.poll()
        poll.register(read_fd, 0)  # only POLLHUP and POLLERR
        poll.poll()
        os._exit(0)

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    threading.Thread(target=watch, name="hang-up", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})


def keep_freed_memory():
    """Tell glibc to reuse freed memory instead of returning it: fresh pages cost more than arithmetic."""
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # another C library, which has its own ways
    m_trim_threshold, m_mmap_max = -1, -4
    mallopt(m_mmap_max, 0)
    mallopt(m_trim_threshold, 1 << 30)


if __name__ == "__main__":
    main()

"""A small process that stands between the client and the engine.

It is the engine's parent, so that the client has no child that it does not know of. It passes on what the engine writes
to stderr, ends the engine when the client is gone (however busy the engine is: nothing computes in this process), and
reports how the engine ended.
"""

import os
import select
import signal
import struct
import time

GRACE = 0.3  # seconds that an engine without a client has to end by itself, and a full stderr has to take the rest
TAIL = 4096  # bytes of stderr that are kept for the report
CHUNK = 4096  # what a pipe that is ready takes without blocking


def supervise(channel, report):
    """Fork. The child returns, as the engine; the parent supervises it and never returns.

    `channel` is the pair of descriptors that lead to the client. `report`, a descriptor or None, takes at the end a
    line with the engine's wait status and the number of processes that the system has killed meanwhile because memory
    ran out, and after it the last of the engine's stderr.
    """
    err_read, err_write = os.pipe()
    engine = os.fork()
    if engine == 0:
        os.dup2(err_write, 2)
        for fd in (err_read, err_write) if report is None else (err_read, err_write, report):
            os.close(fd)
        return
    for fd in (err_write, 0, 1):
        os.close(fd)
    import socket  # which the engine has no use for

    kills = out_of_memory_kills()
    stderr = Relay(err_read)
    watch(engine, channel[0], client_process(channel[0], socket), stderr)
    stderr.finish()
    _, status = os.waitpid(engine, 0)
    try:
        if report is not None:
            os.write(report, b"%d %d\n%s" % (status, out_of_memory_kills() - kills, stderr.tail))
        # the client sees the end only now, after the report, and whoever else holds the channel
        socket.socket(fileno=channel[0]).shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the client is gone, or the channel is no socket
    os._exit(0)


def watch(engine, channel, client, stderr):
    """Pass on the engine's stderr until it has ended; end it when the client has hung up or ended."""
    deadline = None  # for an engine without a client
    killed = False
    while not stderr.ended:
        poll = select.poll()
        stderr.register(poll)
        if deadline is None:
            poll.register(channel, 0)  # only a hang-up
            if client is not None:
                poll.register(client, select.POLLIN)
        waits = deadline is None or killed
        events = dict(poll.poll(None if waits else max(0, deadline - time.monotonic()) * 1000))
        stderr.handle(events)
        if deadline is None and (channel in events or client in events):
            deadline = time.monotonic() + GRACE
        elif deadline is not None and not killed and time.monotonic() >= deadline:
            os.kill(engine, signal.SIGKILL)
            killed = True


class Relay:
    """Copies a pipe to stderr. It reads only what it can pass on, so that it never blocks in a write."""

    def __init__(self, source):
        self.source = source
        self.backlog = self.tail = b""
        self.ended = False  # true when the writers are gone, though there may be more to read

    def register(self, poll):
        poll.register(self.source, 0 if self.backlog else select.POLLIN)
        if self.backlog:
            poll.register(2, select.POLLOUT)

    def handle(self, events):
        if 2 in events:
            self._write(events[2])
        event = events.get(self.source, 0)
        if event & select.POLLIN:
            self.backlog = self._read()
        elif event:
            self.ended = True

    def finish(self):
        """Pass on the rest, unless stderr takes no more."""
        while data := self._read():
            self.backlog += data
        poll = select.poll()
        poll.register(2, select.POLLOUT)
        while self.backlog and (events := poll.poll(GRACE * 1000)):
            self._write(events[0][1])

    def _read(self):
        data = os.read(self.source, 1 << 16)
        self.tail = (self.tail + data)[-TAIL:]
        return data

    def _write(self, event):
        try:
            self.backlog = self.backlog[os.write(2, self.backlog[:CHUNK]) :]
        except OSError:
            self.backlog = b""  # nobody is left to read it


def client_process(channel, socket):
    """A descriptor that can be read when the process that made the channel has ended, even where a fork of it still
    holds the channel; None where that process is not on this machine or cannot be told."""
    try:
        with socket.socket(fileno=os.dup(channel)) as end:
            pid, _, _ = struct.unpack("iII", end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return os.pidfd_open(pid) if pid > 0 else None
    except (OSError, AttributeError):
        return None


def out_of_memory_kills():
    """How many processes the system has killed because memory ran out, since it was started."""
    try:
        with open("/proc/vmstat") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
    except OSError:
        return 0

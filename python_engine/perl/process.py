"""The Perl process: how it starts, what it says, how it ends.

Perl is a child of this process and hears from nobody else: a socket pair carries frames (as python_engine.wire has
them), and a file without a name, in memory where the system can do that, carries large arrays. The two sides never
send at the same time.
"""

import codecs
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path

from ..errors import ProtocolError
from ..wire import Channel, Closed
from .errors import InterpreterGone

LIBRARY = Path(__file__).resolve().parents[2] / "perl_bindings" / "lib"  # in a clone; installed, Perl knows where
TAIL = 4096  # bytes of stderr that the report of an unexpected end shows
GRACE = 10  # seconds to finish that a process has which was told to end
LOOK_EVERY = 1000  # milliseconds between looks whether Perl lives, should a child of its keep the socket open


class Process:
    """A Perl process that serves. `transfer` is all that happens while it lives, `close` ends it."""

    def __init__(self, perl, include):
        ours, theirs = socket.socketpair()
        self.file = _unnamed_file()
        self.gone, self.ending = None, threading.Lock()
        folders = [*map(os.fspath, include), *([str(LIBRARY)] if LIBRARY.is_dir() else [])]
        serve = f"AI::MXNet::Interpreter::serve({theirs.fileno()}, {self.file})"
        command = [perl, *(f"-I{folder}" for folder in folders), "-MAI::MXNet::Interpreter", "-e", serve]
        try:
            inherited = theirs.fileno(), self.file
            self.child = subprocess.Popen(command, stderr=subprocess.PIPE, bufsize=0, pass_fds=inherited)
        except OSError:
            ours.close()
            os.close(self.file)
            raise
        finally:
            theirs.close()
        self.pid = self.child.pid
        self.socket, self.errors = ours, self.child.stderr.fileno()
        os.set_blocking(self.errors, False)
        self.interrupts = 0  # how often Perl was asked to stop
        self.tail, self.text = b"", codecs.getincrementaldecoder("utf-8")("replace")
        self.channel = _Channel(self)
        _processes.add(self)

    def transfer(self, message, payload):
        """Send a frame and return the next one that comes. InterpreterGone if that can not be."""
        self.check()
        try:
            self.channel.send(message, payload)
            frame = self.channel.receive()
        except (Closed, ProtocolError, OSError) as reason:
            self.end(str(reason))
            self.check()
        self.pass_on()
        return frame

    def check(self):
        """Raise InterpreterGone unless the process can be talked to."""
        if self.gone is not None:
            raise InterpreterGone(self.gone)

    def close(self):
        """Hang up, and wait until Perl has run its END blocks."""
        with self.ending:
            if self.gone is None:
                self._finish()
                self.gone = "the Perl interpreter was closed"

    def end(self, why=""):
        """Hang up on a process that is dead, or that has to be, and note what happened."""
        with self.ending:
            if self.gone is not None:
                return
            how = self._finish()
            self.gone = f"the Perl interpreter (process {self.pid}) is gone: {f'{why}; ' if why else ''}{how}"
            tail = self.tail.decode("utf-8", "replace").strip()
            if tail:
                lines = "\n".join(f"    {line}" for line in tail.splitlines()[-12:])
                self.gone += f"; the end of its stderr:\n{lines}"

    def kill(self):
        """End the process at once."""
        if self.gone is None:
            self.child.kill()

    def abandon(self):
        """In a forked child of ours: the interpreter stays the parent's."""
        self.ending = threading.Lock()  # another thread may have held it
        if self.gone is None:
            self.gone = f"the Perl interpreter belongs to another process, {os.getppid()}, of which this one is a fork"
            self._close_descriptors()

    def pass_on(self):
        """Write what Perl wrote to stderr to ours. False at its end."""
        while True:
            try:
                data = os.read(self.errors, 1 << 16)
            except BlockingIOError:
                return True
            self.tail = (self.tail + data)[-TAIL:]
            if sys.stderr is not None and not sys.stderr.closed:
                sys.stderr.write(self.text.decode(data, final=not data))
                sys.stderr.flush()
            if not data:
                return False

    def _finish(self):
        """Hang up, wait for the end (which is forced if it does not come), and tell how it was."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        until = time.monotonic() + GRACE
        talks = True
        while self.child.poll() is None and time.monotonic() < until:
            if talks:
                select.select([self.errors], [], [], 0.05)
                talks = self.pass_on()
            else:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.child.wait(0.05)
        killed = self.child.poll() is None
        if killed:
            self.child.kill()
        status = self.child.wait()
        if talks:
            self.pass_on()
        self._close_descriptors()
        if killed:
            return f"it was killed because it did not end within {GRACE} s"
        return f"it was killed by {signal.Signals(-status).name}" if status < 0 else f"it ended with status {status}"

    def _close_descriptors(self):
        self.socket.close()
        self.child.stderr.close()
        os.close(self.file)


class _Channel(Channel):
    """Frames to and from Perl, and its stderr passed on while we wait."""

    def __init__(self, process):
        super().__init__(process.socket.fileno(), process.socket.fileno())
        self.process = weakref.proxy(process)
        self.readable.register(process.errors, select.POLLIN)

    def receive(self):
        while True:
            frame = self._next()
            if frame is not None:
                return frame
            if self._fill():
                continue
            ready = self.readable.poll(LOOK_EVERY)
            if any(fd == self.process.errors for fd, _ in ready) and not self.process.pass_on():
                self.readable.unregister(self.process.errors)
            if not ready and self.process.child.poll() is not None and not self._fill():
                raise Closed


class Interruptible:
    """A stretch in which Python waits for Perl: Ctrl-C interrupts Perl, and again kills it.

    Python's own handler, which raises KeyboardInterrupt, runs when `deliver` is called after the stretch: at that time
    Perl has answered, so that the two stay in step. Only the main thread has signals."""

    def __init__(self, process):
        self.process, self.before, self.seen = process, None, []

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                self.before = before
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind, *_):
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
        if kind is not None:
            self.deliver()

    def deliver(self):
        """Call the handler for each signal that came."""
        while self.seen:
            self.before(signal.SIGINT, self.seen.pop())

    def _note(self, _number, frame):
        self.seen.append(frame)
        if len(self.seen) == 1:
            self.process.interrupts += 1
            self.process.child.send_signal(signal.SIGUSR1)
        else:
            self.process.kill()


def _unnamed_file():
    if hasattr(os, "memfd_create"):
        return os.memfd_create("python-perl", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


_processes = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: [process.abandon() for process in list(_processes)])

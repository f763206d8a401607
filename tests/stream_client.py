"""A client of the engine for tests of the stream: it says whatever it is told to, also what no client may say."""

import json
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import msgpack
import numpy as np

from python_engine import table
from python_engine.registry import OPERATORS

ROOT = Path(__file__).resolve().parent.parent
HEADER = struct.Struct("<II")
CONTRACT = (ROOT / "protocol/PROTOCOL.md").read_text()
PATIENCE = 30  # seconds that a test waits for anything


def frame(items, payload=b""):
    """The bytes of a frame."""
    body = msgpack.packb(items)
    return HEADER.pack(len(body), len(payload)) + body + payload


def vectors(name):
    """The rows of a file in protocol/vectors."""
    return json.loads((ROOT / "protocol/vectors" / name).read_text())


def examples():
    """The conversations of PROTOCOL.md, as (heading above it, lines)."""
    heading = ""
    for part in re.finditer(r"^#+ ([^\n]*)$|^```stream\n(.*?)^```", CONTRACT, re.M | re.S):
        heading = part[1] or heading
        if part[2]:
            yield heading, part[2].splitlines()


def parsed(line, **words):
    """A line of an example as (JSON value, payload): operators' names in braces are their numbers, `words` as given."""
    body, _, payload = line[2:].partition(" + ")
    names = {name: row.number for name, row in OPERATORS.items()} | {"hash": table.digest()} | words
    return json.loads(re.sub(r"\{(\w+)\}", lambda m: str(names.get(m[1], m[0])), body)), bytes.fromhex(payload)


class Client:
    """One end of a channel. Text that arrives is decoded."""

    def __init__(self, channel):
        self.channel = channel
        channel.settimeout(PATIENCE)

    def send(self, items, payload=b""):
        self.send_bytes(frame(items, payload))

    def send_bytes(self, data):
        self.channel.sendall(data)

    def receive(self):
        """The next message and its payload; None at the end of the stream."""
        head = self._read(HEADER.size)
        if not head:
            return None
        body_size, payload_size = HEADER.unpack(head)
        message = msgpack.unpackb(self._read(body_size), raw=True)
        return [v.decode() if isinstance(v, bytes) else v for v in message], self._read(payload_size)

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                part = self.channel.recv(min(size - len(data), 1 << 20))
            except ConnectionResetError:
                part = b""
            if not part:
                assert not data, f"the stream ended after {len(data)} of {size} bytes"
                return b""
            data += part
        return bytes(data)

    def ask(self, *request, payload=b""):
        """Send one request and return its answer, which is the next message."""
        self.send([list(request)], payload)
        return self.receive()

    def greet(self):
        message, _ = self.ask("hello", 1, 1, table.digest(), 0)
        assert message[:2] == [1, "ok"]
        return message


class Server:
    """Makes engines."""

    def __init__(self):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(PATIENCE)
        command = [sys.executable, ROOT / "tests/engine_server.py", str(theirs.fileno())]
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=ROOT, stdin=subprocess.DEVNULL)
        theirs.close()

    def start(self):
        """An engine that nobody has spoken to."""
        return Engine(self)

    def greeted(self):
        engine = self.start()
        engine.greet()
        return engine

    def stop(self):
        self.control.close()
        self.process.wait(PATIENCE)


class Engine(Client):
    """The client of an engine made by a Server."""

    def __init__(self, server):
        ours, theirs = socket.socketpair()
        super().__init__(ours)
        self.server, self.stderr = server, tempfile.TemporaryFile()  # noqa: SIM115
        socket.send_fds(server.control, [b"start"], [theirs.fileno(), self.stderr.fileno()])
        theirs.close()
        self.pid = int(server.control.recv(100))

    def cap_memory(self, more):
        """Let the engine take no more than `more` bytes beyond what it has now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + more
        resource.prlimit(self.pid, resource.RLIMIT_AS, (limit, limit))

    def resident(self):
        """Bytes of memory that the engine holds."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * resource.getpagesize()

    def descriptors(self):
        """How many descriptors the engine has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def end(self):
        """Wait until the engine has ended by itself. What it said until then, its exit status, and its stderr."""
        messages = []
        while (arrived := self.receive()) is not None:
            messages.append(arrived[0])
        self.server.control.send(b"%d" % self.pid)
        status = int(self.server.control.recv(100))
        self.channel.close()
        self.stderr.seek(0)
        return messages, status, self.stderr.read().decode()

    def close(self):
        """Hang up, and wait for the engine's end."""
        self.channel.shutdown(socket.SHUT_WR)
        return self.end()


def number(name):
    return OPERATORS[name].number


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def put(engine, handle, *values):
    engine.send([["put", handle, "float32", None, len(values)]], floats(*values))


def values(engine, handle):
    """The elements of a float32 array, or the message of its failure."""
    message, payload = engine.ask("read", 9999, handle, 0)
    return list(np.frombuffer(payload, np.float32)) if message[1] == "ok" else message[3]

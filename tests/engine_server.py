"""Forks engines for tests, in milliseconds: `python tests/engine_server.py DESCRIPTOR`.

Each is a process of its own that serves one channel exactly as `python -m python_engine` does. The other end is
`stream_client.Server`: it sends the channel and a descriptor for stderr and gets a process id, or it sends a process id
and gets the exit status.
"""

import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import python_engine.session  # noqa: E402, F401
from python_engine.__main__ import serve  # noqa: E402

control = socket.socket(fileno=int(sys.argv[1]))
while True:
    message, descriptors, _, _ = socket.recv_fds(control, 100, 2)
    if descriptors:
        channel, stderr = descriptors
        pid = os.fork()
        if pid == 0:
            control.close()
            os.dup2(stderr, 2)
            serve(channel, os.dup(channel))
        os.close(channel)
        os.close(stderr)
        control.send(b"%d" % pid)
    elif message:
        _, status = os.waitpid(int(message), 0)
        control.send(b"%d" % os.waitstatus_to_exitcode(status))
    else:
        sys.exit()

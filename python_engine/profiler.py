"""When the engine computed what: the times of operators and control messages between `start` and `stop`.

While it runs, each operator's function and each message's is another one, which looks at the clock; at other times
nothing is slower."""

import functools
from time import monotonic_ns

import numpy as np

from .registry import REGISTRY
from .tape import plain_functions

MOST = 2_000_000  # events that are kept


class Profiler:
    """The events since the last `take`: (number of the name, start, end), in nanoseconds of the monotonic clock."""

    def __init__(self):
        self.names, self.events, self.lost = [], [], 0
        self.plain = []  # (object, name of the attribute, value) to be put back

    def start(self, controls):
        """Begin to look at the clock."""
        if not self.plain:
            for operator in REGISTRY:
                self._watch(operator, "forward", operator.name)
                forms = {
                    key: (self._timed(function, operator.name), *rest)
                    for key, (function, *rest) in operator.forms.items()
                }
                self._replace(operator, "forms", forms)
            for control in controls:
                self._watch(control, "function", control.name)
            vars(plain_functions).clear()  # it keeps operators' functions

    def stop(self):
        """Put the plain functions back."""
        for owner, name, value in self.plain:
            setattr(owner, name, value)
        self.plain = []
        vars(plain_functions).clear()

    def take(self):
        """How many events were lost, their names, and the events (n, 3), which are forgotten."""
        events, lost = np.array(self.events, np.int64).reshape(-1, 3), self.lost
        self.events, self.lost = [], 0
        used, events[:, 0] = np.unique(events[:, 0], return_inverse=True)
        return lost, [self.names[number] for number in used], events

    def _replace(self, owner, name, value):
        self.plain.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def _watch(self, owner, name, shown):
        self._replace(owner, name, self._timed(getattr(owner, name), shown))

    def _timed(self, function, shown):
        if shown not in self.names:
            self.names.append(shown)
        number = self.names.index(shown)

        @functools.wraps(function)
        def timed(*inputs, **attrs):
            start = monotonic_ns()
            try:
                return function(*inputs, **attrs)
            finally:
                if len(self.events) < MOST:
                    self.events.append((number, start, monotonic_ns()))
                else:
                    self.lost += 1

        return timed

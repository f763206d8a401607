"""The engine's random numbers: one generator that every sampler and Dropout draw from.

    from python_engine.generator import generator

    generator.seed(42)
    generator.numpy.standard_normal(3)
    state = generator.get_state()      # plain data: text and numbers below 2**64
    generator.set_state(state)

Draws follow the order of the calls alone, so they do not depend on how many threads compute.
"""

import numpy as np

from .attributes import integer
from .errors import ArgumentError

_WORD = 1 << 64


class Generator:
    """A PCG64 stream (O'Neill 2014) that can be seeded, saved, restored, and left aside for a while.

    Attributes: `numpy` (numpy.random.Generator; replaced by `seed` and `aside`, so ask for it at each use).
    """

    __slots__ = ("_aside", "_main", "_numpy")

    def __init__(self):
        self._main = self._aside = None
        self.seed(None)

    @property
    def numpy(self):
        if self._aside is not None:
            number, self._aside = self._aside, None
            self.seed(number)
        return self._numpy

    def aside(self, number):
        """Draw from a stream that starts at `number`, until another takes its place; None: from the main one again.

        Most are never drawn from, so a stream begins at its first number.
        """
        if self._main is None:
            self._main = self._numpy
        self._aside = number
        if number is None:
            self._numpy, self._main = self._main, None

    def seed(self, number):
        """Start over from `number` (any int; taken modulo 2**64), or from the system's entropy for None."""
        if number is not None:
            try:
                number = integer(number) % _WORD
            except (TypeError, ValueError, OverflowError):
                raise ArgumentError(f"a random seed is an integer, but got {number!r}") from None
        self._aside = None
        self._numpy = np.random.Generator(np.random.PCG64(number))

    def get_state(self):
        """Where the stream stands, as `set_state` takes it: a dict of text and numbers below 2**64."""
        state = self.numpy.bit_generator.state
        words = (*divmod(state["state"]["state"], _WORD), *divmod(state["state"]["inc"], _WORD))
        return {
            "generator": state["bit_generator"],
            "state": list(words),
            "has_uint32": state["has_uint32"],
            "uint32": state["uinteger"],
        }

    def set_state(self, state):
        """Continue where `get_state` said; ArgumentError for anything else."""
        shown = f"{state.decode(errors='replace') if isinstance(state, bytes) else state!r:.200}"
        try:
            high, low, inc_high, inc_low = words = [int(word) for word in state["state"]]
            if not all(0 <= word < _WORD for word in words):
                raise ValueError("a word has 64 bits")
            self.numpy.bit_generator.state = {
                "bit_generator": state["generator"],
                "state": {"state": high * _WORD + low, "inc": inc_high * _WORD + inc_low},
                "has_uint32": int(state["has_uint32"]),
                "uinteger": int(state["uint32"]),
            }
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ArgumentError(f"this is no state of the random generator, as get_state gives it: {shown}") from None


generator = Generator()

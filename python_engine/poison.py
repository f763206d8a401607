"""What stands in for the data of an array whose computation failed.

Whatever touches it (NumPy, an operator, a reader) gets the failure that made it, so that the failure travels to
everything that depends on it, and to nothing else.
"""


class Poison:
    """The `data` of a poisoned NDArray; `failure` is a ComputeError."""

    __array_ufunc__ = None

    def __init__(self, failure):
        self.__dict__["failure"] = failure

    def __array__(self, *_args, **_kwargs):
        raise self.failure

    def __getattr__(self, name):
        raise AttributeError(name) if name.startswith("__") else self.failure

    def __getitem__(self, _key):
        raise self.failure


def failure_of(array):
    """The failure that poisons an NDArray, or None."""
    data = None if array is None else array.data
    return data.failure if type(data) is Poison else None

"""What stands in for the data of an array whose computation failed.

Whatever touches it (NumPy, an operator, a reader) gets the failure that made it, so that the failure travels to
everything that depends on it, and to nothing else.
"""


class Poison:
    """The `data` of a poisoned NDArray; `failure` is a ComputeError, `lost` what the array held before, or None."""

    __array_ufunc__ = None

    def __init__(self, failure, lost=None):
        self.__dict__.update(failure=failure, lost=lost)

    def __array__(self, *_args, **_kwargs):
        raise self.failure

    def __getattr__(self, name):
        raise AttributeError(name) if name.startswith("__") else self.failure

    def __getitem__(self, _key):
        raise self.failure


def poison(array, failure):
    """Make an array raise `failure` until it is overwritten."""
    lost = array.data.lost if type(array.data) is Poison else array.data
    array.data = Poison(failure, lost)


def heal(array):
    """Give a poisoned array its memory back, because the whole of it is going to be overwritten."""
    if type(array.data) is Poison and array.data.lost is not None:
        array.data = array.data.lost


def failure_of(array):
    """The failure that poisons an NDArray, or None."""
    data = None if array is None else array.data
    return data.failure if type(data) is Poison else None

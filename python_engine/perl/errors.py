"""What may go wrong while Python drives Perl.

    PerlException        Perl code died
    InterpreterGone      the Perl process has ended, or was closed: it can be asked nothing any more

Values that have no counterpart raise TypeError, calls that nest too deep RecursionError, missing elements IndexError or
KeyError. An exception of Python's own that passes through Perl is raised again as it is.
"""


class PerlException(Exception):
    """Perl code died. `str` is Perl's message; `value` is what it died with: text, or an object of Perl's.

    Raised by a Python function that Perl calls, it makes Perl die with that value."""

    def __init__(self, message, value=None):
        super().__init__(message)
        self.value = message if value is None else value

    def __str__(self):
        return str(self.args[0]).rstrip("\n")


class InterpreterGone(RuntimeError):
    """The Perl process has ended, which the message describes, or was closed."""

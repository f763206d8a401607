"""Python drives Perl: an interpreter in a process of its own, with PyPerler's interface.

    from python_engine.perl import Interpreter

    i = Interpreter()
    i("my $x = 6; $x * 7")                     # 42
    i["map { $_ ** 2 } 1 .. 3"]                # [1, 4, 9]
    path = i.use("File::Spec").catfile("a", "b")
    i.use("PDL")
    i("sequence(2, 3) * 2")                    # a NumPy array of shape (3, 2)

Evaluating Perl code is the purpose here, as it is of Perl's own `eval`: code comes from the Python program that owns
the interpreter, over a socket that nobody else can reach. Never hand it code from elsewhere. The autodiff engine takes
no part in this; it evaluates nothing that it receives.

`docs/python_drives_perl.md` has the whole interface and the table of conversions.
"""

from .errors import InterpreterGone, PerlException
from .interpreter import Interpreter
from .proxies import PerlArray, PerlClass, PerlCode, PerlHash, PerlMethod, PerlObject, PerlScalar

__all__ = [
    "Interpreter",
    "InterpreterGone",
    "PerlArray",
    "PerlClass",
    "PerlCode",
    "PerlException",
    "PerlHash",
    "PerlMethod",
    "PerlObject",
    "PerlScalar",
]

"""The interpreter: requests to Perl, and Perl's calls of Python functions meanwhile."""

import re
import sys
import threading
import weakref

from .errors import PerlException
from .process import Interruptible, Process
from .proxies import LIST, SCALAR, VOID, PerlClass, hash_key
from .values import Codec

MAX_CALLS = 32  # depth to which Python calling Perl, and Perl Python, may nest
PACKAGE = __name__.rpartition(".")[0]
OWN = {"_lock", "_depth", "_process", "_codec", "_finalizer", "version"}
VARIABLE = re.compile(r"([SAHF])(\w+(?:::\w+)*)")


class Interpreter:
    """A Perl interpreter in a process of its own. Any number may live at once; threads take turns.

    `perl` is the program, `include` names folders to search for modules first. OSError if there is no such program,
    InterpreterGone if it can't load the Perl side of this package.

        i = Interpreter()
        i("my $x = 6; $x * 7")           scalar context: 42
        i["map { $_ ** 2 } 1 .. 3"]      list context: [1, 4, 9]
        i.void_context("print 'x'")
        i("$_[0] . $_[1]", "a", "b")     values after the code are its @_

    Variables and functions of package main (or with a full name, through getattr) are attributes:

        i.Sname     $name: the value
        i.Aname     @name: a PerlArray
        i.Hname     %name: a PerlHash
        i.Fname     &name: a PerlCode; AttributeError if it is not defined

    All can be assigned to. The interpreter ends when `close` is called, at the end of `with`, or when nothing refers to
    it any more.
    """

    def __init__(self, perl="perl", include=()):
        self._lock = threading.RLock()
        self._depth = 0
        self._process = Process(perl, include)
        self._codec = Codec(self, self._process.file)
        self._finalizer = weakref.finalize(self, self._process.close)
        try:
            self.version = self._request("version", SCALAR, [])[0]
        except BaseException:
            self.close()
            raise

    # -- what users call -------------------------------------------------------------------------------------------

    def __call__(self, code, *values):
        """Evaluate Perl code in scalar context: its value. PerlException if it dies."""
        return self._evaluate(SCALAR, code, values)[0]

    def __getitem__(self, code):
        """Evaluate Perl code in list context: a list of values. PerlException if it dies."""
        return self._evaluate(LIST, code, ())

    def scalar_context(self, code, *values):
        """Evaluate Perl code in scalar context: its value. PerlException if it dies."""
        return self._evaluate(SCALAR, code, values)[0]

    def list_context(self, code, *values):
        """Evaluate Perl code in list context: a list of values. PerlException if it dies."""
        return self._evaluate(LIST, code, values)

    def void_context(self, code, *values):
        """Evaluate Perl code in void context. PerlException if it dies."""
        self._evaluate(VOID, code, values)

    def use(self, module, *names):
        """Load a module and import `names` (or what it exports by itself) into package main: its PerlClass."""
        self._request("use", VOID, [module, *names])
        return PerlClass(self, module)

    def package(self, name):
        """The PerlClass of a package that is there already."""
        return PerlClass(self, name)

    def __getattr__(self, name):
        match = VARIABLE.fullmatch(name)
        if not match:
            raise AttributeError(f"Interpreter has no attribute {name}; Perl's variables begin with S, A, H or F")
        found = self._request("variable", LIST, list(match.groups()))
        if not found:
            raise AttributeError(f"Perl has no function {match[2]}")
        return found[0]

    def __setattr__(self, name, value):
        match = VARIABLE.fullmatch(name)
        if name in OWN:
            object.__setattr__(self, name, value)
            return
        if not match:
            raise AttributeError(f"Interpreter has no attribute {name}; Perl's variables begin with S, A, H or F")
        sigil = match[1]
        if sigil == "A":
            values = list(value)
        elif sigil == "H":
            values = [part for key, item in dict(value).items() for part in (hash_key(key), item)]
        elif sigil == "F" and not callable(value):
            raise TypeError(f"a function of Perl's is set to something callable, but got {type(value).__name__}")
        else:
            values = [value]
        self._request("set_variable", VOID, [*match.groups(), *values])

    @property
    def pid(self):
        """The number of the Perl process."""
        return self._process.pid

    def counts(self):
        """How many values of Perl's are held for Python, and how many objects of Python's for Perl."""
        return tuple(self._request("counts", LIST, []))

    def close(self):
        """End the interpreter; Perl runs its END blocks. What is asked of it later raises InterpreterGone."""
        self._finalizer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        state = "gone" if self._process.gone is not None else f"process {self.pid}"
        return f"<Interpreter of Perl, {state}>"

    # -- messages --------------------------------------------------------------------------------------------------

    def _evaluate(self, context, code, values):
        return self._request("evaluate", context, [code, *values])

    def _request(self, name, context, values):
        """Ask Perl for something: the list of values that it answers."""
        self._process.check()  # before the lock, which a fork may have copied while another thread held it
        with self._lock:
            if self._depth >= MAX_CALLS:
                raise RecursionError(f"calls between Python and Perl nest deeper than {MAX_CALLS}")
            self._depth += 1
            try:
                return self._exchange(*self._encode(name, context, values))
            finally:
                self._depth -= 1

    def _encode(self, name, context, values, exception=None):
        return self._codec.encode([name, context, self._process.interrupts, *_user_line()], values, exception)

    def _exchange(self, message, payload):
        """Send a request and do what Perl asks for until it answers."""
        try:
            while True:
                with Interruptible(self._process) as interrupts:
                    name, context, values = self._codec.decode(*self._process.transfer(message, payload))
                if name != "call":
                    break
                message, payload = self._called(context, values, interrupts)
        except BaseException as reason:
            # something (as a handler of a signal) threw us out between question and answer
            self._process.kill()
            self._process.end(f"a call of Perl was left by {type(reason).__name__}")
            raise
        interrupts.deliver()
        if name == "ok":
            return values
        value, text = values
        if isinstance(value, BaseException):
            raise value
        raise PerlException(text, value)

    def _called(self, context, values, interrupts):
        """Call the Python function that Perl wants to call: the message with what it returned or raised."""
        try:
            interrupts.deliver()
            function, *args = values
            result = function(*args)
            spread = context == LIST and isinstance(result, tuple)
            return self._encode("return", context, result if spread else [result])
        except PerlException as reason:
            return self._encode("raise", SCALAR, [reason.value])
        except BaseException as reason:
            return self._encode("raise", SCALAR, [str(reason)], exception=reason)


def _user_line():
    """File and line of the innermost caller outside of this package, which Perl names in its messages."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename.translate({34: None, 10: None}), frame.f_lineno

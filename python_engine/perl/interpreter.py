"""The interpreter: requests to Perl, and Perl's calls of Python functions meanwhile."""

import re
import sys
import threading
import weakref
from typing import NamedTuple

from .errors import PerlException
from .process import Interruptible, Process
from .proxies import LIST, SCALAR, VOID, PerlClass, hash_key
from .values import Codec

MAX_CALLS = 32  # depth to which Python calling Perl, and Perl Python, may nest
PACKAGE = __name__.rpartition(".")[0]
OWN = {"_lock", "_depth", "_owed", "_busy", "_process", "_codec", "_finalizer", "version"}
VARIABLE = re.compile(r"([SAHF])(\w+(?:::\w+)*)")


class Message(NamedTuple):
    """What came from Perl, and the signals that came while we waited for it."""

    name: str
    context: int
    values: list
    interrupts: Interruptible


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
        self._depth = 0  # of requests that have not been answered
        self._owed = 0  # calls of Perl's that have not been answered
        self._busy = False  # while a message is made, sent and received
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
            if self._busy:
                raise RuntimeError("Perl can't be called while a message to it is made or sent, as by a destructor")
            if self._depth >= MAX_CALLS:
                raise RecursionError(f"calls between Python and Perl nest deeper than {MAX_CALLS}")
            owed = self._owed
            self._depth += 1
            try:
                return self._exchange(name, context, values)
            except BaseException as reason:
                if self._owed > owed:
                    # something, as a handler of a signal, threw us out while Perl waits for an answer
                    self._give_up(reason)
                raise
            finally:
                self._depth -= 1

    def _exchange(self, name, context, values):
        """Send a request and do what Perl asks for until it answers."""
        answer = self._trade(name, context, values)
        while answer.name == "call":
            answer = self._called(answer)
        answer.interrupts.deliver()
        if answer.name == "ok":
            return answer.values
        value, text = answer.values
        if isinstance(value, BaseException):
            raise value
        raise PerlException(text, value)

    def _called(self, call):
        """Call the Python function that Perl wants to call, tell Perl what it returned or raised: the next message."""
        try:
            call.interrupts.deliver()
            function, *args = call.values
            result = function(*args)
            spread = call.context == LIST and isinstance(result, tuple)
            reply = "return", call.context, result if spread else [result]
        except PerlException as reason:
            reply = "raise", SCALAR, [reason.value]
        except BaseException as reason:
            reply = "raise", SCALAR, [str(reason)], reason
        try:
            return self._trade(*reply)
        except Exception as reason:
            if self._process.gone is not None:
                raise
            # Perl can't have what was returned
            return self._trade("raise", SCALAR, [str(reason)], reason)

    def _trade(self, name, context, values, exception=None):
        """Send a message, wait for the next one of Perl's, and let go what Perl has released."""
        self._busy = True
        try:
            head = [name, context, self._process.interrupts, *_user_line()]
            message = self._codec.encode(head, values, exception)
            try:
                with Interruptible(self._process) as interrupts:
                    if name in ("return", "raise"):
                        self._owed -= 1
                    name, context, values, released = self._codec.decode(*self._process.transfer(*message))
                    if name == "call":
                        self._owed += 1
            except BaseException as reason:
                self._give_up(reason)
                raise
        finally:
            self._busy = False
        self._codec.release(released)
        return Message(name, context, values, interrupts)

    def _give_up(self, reason):
        """End a Perl that is out of step with us."""
        self._process.kill()
        self._process.end(f"a call of Perl was left by {type(reason).__name__}")


def _user_line():
    """File and line of the innermost caller outside of this package, which Perl names in its messages."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename.translate({34: None, 10: None}), frame.f_lineno

"""The Perl process that Python drives: how it starts, is interrupted, ends and dies."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from python_engine.perl import (
    Interpreter,
    InterpreterGone,
    PerlException,
)

ROOT = Path(__file__).resolve().parent.parent


# -- what lives and dies -----------------------------------------------------------------------------------------------


def test_a_thousand_objects_leave_none_on_either_side(own):
    own.void_context("package Some; sub new { bless {}, $_[0] } sub DESTROY { $destroyed++ }")
    some = own.package("Some")
    before = own.counts()
    objects = [some.new() for _ in range(1000)]
    assert own.counts() == (before[0] + 1000, before[1])
    objects.clear()
    gc.collect()
    assert own.counts() == before
    assert own("$Some::destroyed") == 1000

    class Thing:
        pass

    own.Aheld = [Thing() for _ in range(500)] + [lambda n=n: n for n in range(500)]
    assert own("$held[700]->()") == 200
    references = [weakref.ref(own.Aheld[0]), weakref.ref(own.Aheld[999])]
    assert own.counts() == (before[0], before[1] + 1000)
    own.Aheld = []
    gc.collect()
    assert own.counts() == before
    assert [r() for r in references] == [None, None]


def test_exceptions_calls_and_refused_messages_leave_nothing(own):
    before = own.counts()

    def fails(_):
        raise ValueError

    for _ in range(50):
        with pytest.raises(ValueError):
            own("$_[0]->([$_[0]])", fails)
        with pytest.raises(PerlException):
            own("die [1]")
        with pytest.raises(TypeError):
            own("1", object(), fails, np.array([None]))
        own("$_[0]", fails)
        own("[$_[0]]", own("{}"))
    with pytest.raises(PerlException, match="one message cannot carry"):
        own["[], {}, (0) x 300_000"]
    gc.collect()
    own("1")
    assert own.counts() == before


def test_an_object_on_its_way_again_is_not_lost(own):
    own.Skept = [1]
    for _ in range(200):
        # the last proxy of the array dies while the next message brings it again
        assert own.Skept == [1]
        assert own.Skept[0] == 1
    thing = object()
    own.Sthing = thing
    for _ in range(200):
        assert own("my $x = $thing; undef $thing; $thing = $_[0]; $x", thing) is thing


def test_destructors_may_call_python(own):
    said = []
    own.void_context("package Talks; sub new { bless { f => $_[1] }, $_[0] } sub DESTROY { $_[0]{f}->('bye') }")
    talks = own.package("Talks").new(lambda word: said.append(own(f"'{word}' . '!'")))
    del talks
    own("1")
    assert said == ["bye!"]


# -- the process -------------------------------------------------------------------------------------------------------


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds=5):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def test_two_interpreters_know_nothing_of_each_other(own, i):
    own.Sx, i.Sx = "own", "other"
    assert (own("$x"), i("$x")) == ("own", "other")
    code = own('sub { "$x $_[0]" }')
    # a function of the one is a function of Python's to the other
    assert i("$_[0]->($x)", code) == "own other"
    assert own("ref $_[0]", i("[1]")) == "AI::MXNet::Interpreter::Object"
    assert own.pid != i.pid


def test_threads_take_turns(own):
    results = []

    def work(n):
        results.extend(own("my $s = 0; $s += $_ for 1 .. $_[0]; $s", n) == n * (n + 1) // 2 for _ in range(30))

    threads = [threading.Thread(target=work, args=[n]) for n in (10, 100, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 90


def test_close_runs_end_blocks_and_says_so_afterwards(capfd):
    with Interpreter() as i:
        i.void_context('END { print "at the end\\n"; warn "last words\\n" }')
        value = i("[1]")
        pid = i.pid
    assert capfd.readouterr() == ("at the end\n", "last words\n")
    for act in (lambda: i("1"), lambda: value[0], lambda: i.Sx, lambda: i.counts()):
        with pytest.raises(InterpreterGone, match="was closed"):
            act()
    i.close()
    assert not Path(f"/proc/{pid}").exists()
    assert repr(i) == "<Interpreter of Perl, gone>"


def test_an_interpreter_that_nobody_refers_to_ends():
    i = Interpreter()
    pid, array = i.pid, i("[1]")
    del i
    assert array[0] == 1
    del array
    assert not Path(f"/proc/{pid}").exists()


def test_a_killed_interpreter_is_reported():
    i = Interpreter()
    i.void_context('print STDERR "one\\ntwo\\n"')
    os.kill(i.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(InterpreterGone, match="killed by SIGKILL; the end of its stderr:\n    one\n    two"):
            i("1")
    assert not Path(f"/proc/{i.pid}").exists()


def test_a_perl_that_exits_or_is_killed_while_it_works_is_reported():
    for code, how in ("exit 3", "ended with status 3"), ("kill KILL => $$; sleep 9", "killed by SIGKILL"):
        with pytest.raises(InterpreterGone, match=how):
            Interpreter()(code)


def test_the_death_is_seen_although_a_forked_child_holds_the_socket():
    i = Interpreter()
    child = i("my $pid = fork; if (!$pid) { sleep 60; exit } $pid")
    try:
        with pytest.raises(InterpreterGone, match="SIGKILL"):
            i("kill KILL => $$; sleep 9")
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_forked_child_of_perl_ends_where_it_would_return(own):
    assert own("my $pid = fork; $pid && waitpid $pid, 0; defined $pid")
    assert own("$?") == 0
    assert own("6 * 7") == 42


def test_a_perl_that_cannot_start_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="no-such-perl"):
        Interpreter(perl="no-such-perl")
    (tmp_path / "AI/MXNet").mkdir(parents=True)
    (tmp_path / "AI/MXNet/Interpreter.pm").write_text("die 'broken module'")
    with pytest.raises(InterpreterGone, match="broken module"):
        Interpreter(include=[tmp_path])


def test_a_fork_of_python_cannot_use_its_parents_interpreter(own):
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            try:
                own("1")
            except InterpreterGone as reason:
                status = 0 if "belongs to another process" in str(reason) else 2
            own.close()
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert own("1") == 1


def test_perl_ends_when_python_is_killed_even_while_it_computes():
    code = "from python_engine.perl import Interpreter; i = Interpreter(); print(i.pid, flush=True); i('1 while 1')"
    python = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pid = int(python.stdout.readline())
    time.sleep(0.1)
    assert alive(pid)
    python.kill()
    python.wait()
    python.stdout.close()
    assert wait_for(lambda: not alive(pid))


def test_programs_that_perl_starts_do_not_inherit_the_channel(own):
    own.void_context("$| = 1")
    assert own("qx(ls /proc/self/fd)").split()[:3] == ["0", "1", "2"]
    inherited = [own(f"qx(readlink /proc/self/fd/{n})") for n in range(3, 12)]
    assert not [name for name in inherited if "socket:" in name or "python-perl" in name]


@contextlib.contextmanager
def interrupted_after(*moments):
    """Sends this process the signal of Ctrl-C that many seconds from now."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell lets its background jobs ignore
    timers = [threading.Timer(moment, os.kill, [os.getpid(), signal.SIGINT]) for moment in moments]
    for timer in timers:
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
            timer.join()
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("code", ["1 while 1", "sleep 100", "$_[0]->() while 1"])
def test_an_interrupt_leaves_a_usable_interpreter(own, code):
    own.void_context("sub cleanup::DESTROY { $cleaned = 1 }")
    with interrupted_after(0.1), pytest.raises(KeyboardInterrupt):
        own(f"my $guard = bless [], 'cleanup'; {code}", lambda: own("1"))
    assert own("$cleaned . '!'") == "1!"
    assert own("$_[0]->()", lambda: 42) == 42


def test_an_interrupt_of_a_callback_is_an_exception_of_the_callback(own):
    def waits():
        time.sleep(10)

    with interrupted_after(0.1), pytest.raises(KeyboardInterrupt):
        own("eval { $_[0]->() }; $type = $@->type; die $@", waits)
    assert own.Stype == "KeyboardInterrupt"


def test_a_second_interrupt_kills_a_perl_that_does_not_react():
    i = Interpreter()
    with interrupted_after(0.1, 0.3), pytest.raises(KeyboardInterrupt):
        i("while (1) { eval { sleep 100 } }")
    with pytest.raises(InterpreterGone, match="killed by SIGKILL"):
        i("1")


def test_an_exception_that_a_signal_throws_into_a_call_ends_the_interpreter():
    class Alarm(Exception):
        pass

    def ring(*_):
        raise Alarm

    i = Interpreter()
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Alarm):
            i("1 while 1")
    finally:
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(InterpreterGone, match="left by Alarm"):
        i("1")

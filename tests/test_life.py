"""Scripts and their engines as a user sees them: who ends when another dies, where output goes, whose code is run."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from strangers import settle

ROOT = Path(__file__).resolve().parent.parent
LIB = ROOT / "perl_bindings" / "lib"
PERL = shutil.which("perl")

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the tests look into /proc")


def environment(**variables):
    """What scripts run with: nothing that the one who runs the tests has set chooses an engine."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AI_MXNET", "PYTHON", "PERL5"))}
    return {**own, **variables}


def script(code, **options):
    """A Perl script that runs, in a process group of its own."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), **options}
    return subprocess.Popen([PERL, f"-I{LIB}", "-e", code], start_new_session=True, **options)


def state(pid):
    """The letter of a process's state and its parent; None when it is gone, though nobody may have waited for it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else (fields[0], int(fields[1]))


def soon(condition, seconds=1.0):
    """True as soon as the condition holds, False if it does not in time; a busy machine has more of that."""
    end = time.monotonic() + seconds * max(1, os.getloadavg()[0])
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def segments_of(pid):
    """The inodes of the memory segments that a process has open or mapped."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if "memfd:ai-mxnet" in os.readlink(entry):
                    found.add(entry.stat().st_ino)
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if "memfd:ai-mxnet" in line:
                found.add(int(line.split()[4]))
    return found


# -- whatever dies first, nothing is left ----------------------------------------------------------------------------

WORK = {
    "idle": "",
    "computing": "my $matrix = nd->ones([4000, 4000]); $matrix = nd->dot($matrix, $matrix) for 1 .. 20;",
}
HOLDING = """
use AI::MXNet qw(mx nd);
$| = 1;
my $x = nd->array(PDL->ones(PDL::float(), 500_000));
my @piddles = map { ($x * $_)->aspdl } 1 .. 3;
print mx->engine->pid, "\\n";
eval { %s AI::MXNet::Engine->flush };    # the engine may be killed before all is issued
sleep 60 while 1;
"""


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize(
    "victims", ["script", "engine", "supervisor", "script and engine", "engine and supervisor", "all"]
)
def test_whatever_is_killed_first_nothing_is_left(victims, work):
    with script(HOLDING % WORK[work], stderr=subprocess.DEVNULL) as process:
        engine = int(process.stdout.readline())
        pids = {"script": process.pid, "engine": engine, "supervisor": state(engine)[1]}
        assert segments_of(engine) and segments_of(process.pid)
        time.sleep(0.1)
        for name, pid in pids.items():
            if victims == "all" or name in victims:
                with contextlib.suppress(ProcessLookupError):  # those behind the first may have ended by then
                    os.kill(pid, signal.SIGKILL)
        assert soon(lambda: not any(state(pids[name]) for name in ("engine", "supervisor"))), "processes live on"
        killed = "script" in victims or victims == "all"
        assert soon(lambda: (state(process.pid) is None) == killed), "the script was killed, or lives on"
        process.kill()
    # the last reference to a segment goes with its process
    assert soon(lambda: not any(segments_of(pid) for pid in pids.values())), "memory is left"


def test_a_script_gives_back_the_memory_of_an_engine_that_died():
    code = """
        use AI::MXNet qw(mx nd);
        sub maps { open my $file, '<', '/proc/self/maps' or die; scalar grep { /memfd:ai-mxnet/ } <$file> }
        my @arrays = map { nd->array(PDL->ones(PDL::float(), 100_000)) } 1 .. 5;
        my @piddles = map { ($_ * 2)->aspdl } @arrays;
        print maps() >= 10 ? 'many' : 'few';
        kill KILL => mx->engine->pid;
        eval { 1 while nd->ones([1])->aspdl };
        print ' ', $piddles[4]->sum;
        mx->engine->restart;
        @piddles = ();
        print ' ', nd->ones([3])->sum->asscalar, ' ', maps();
    """
    process = script(code)
    assert process.communicate(timeout=30) == (b"many 200000 3 0", b"")


# -- how a script ends -----------------------------------------------------------------------------------------------

UNREAD = """
use AI::MXNet qw(mx nd);
my ($source, $inside) = map { nd->array($_) } [1, 2], [0];
nd->take($source, $inside, mode => 'raise');    # the engine says what comes out; from now on Perl knows
my @outside = map { nd->take($source, nd->array([$_]), mode => 'raise') } 7, 8, 9;
eval { $outside[1]->aspdl };
print "said\\n";
"""


@pytest.mark.parametrize(
    ("end", "status", "last"),
    [
        ("", 0, ""),
        ("exit 3", 3, ""),
        ("die qq(mine\n)", 255, "mine\n"),
        ("END { $? = 5 }", 5, ""),
        ("kill TERM => $$", -15, None),
    ],
)
def test_a_script_that_ends_tells_the_failures_that_it_has_not_read(end, status, last):
    process = script(f"$| = 1; {UNREAD}{end}")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (status, b"said\n")
    message = "MXNetError: index {} is out of bounds for an axis of size 2: positions are in [0, 2), in operator take"
    told = [f"{message.format(index)} at -e line 5.\n" for index in (7, 9)]
    assert err.decode() == ("" if last is None else last + "".join(told))


def test_a_script_whose_engine_was_killed_says_so_as_it_ends():
    process = script("use AI::MXNet qw(mx nd); my $x = nd->ones([1]); kill KILL => mx->engine->pid; exit 4")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (4, b"")
    assert b"is gone: it was killed by SIGKILL\n" in err and err.endswith(b"mx->engine->restart starts another\n")


def test_objects_that_live_to_the_end_end_in_silence():
    code = """
        use strict; use warnings FATAL => 'all';
        use AI::MXNet qw(mx nd autograd);
        our ($array, @arrays) = map { nd->ones([3]) * $_ } 1 .. 5;
        our $crop = nd->ones([2, 2])->slice('X', 0);
        our $piddle = nd->ones([300_000])->aspdl;
        our $part = $piddle->slice('0:3');
        our $sparse = nd->sparse->zeros('csr', [2, 2]);
        our $symbol = mx->sym->Variable('x') * 2;
        our $executor = $symbol->simple_bind(ctx => mx->cpu, shapes => { x => [2] });
        my $ring = { array => nd->ones([2]) };
        $ring->{ring} = $ring;
        our $code = do { my $y = nd->ones([2]); sub { $y } };
        my $x = nd->ones([2]);
        $x->attach_grad;
        our $loss;
        autograd->record(sub { $loss = $x * 2 });
        { package Holder; sub DESTROY { my ($self) = @_; undef $self->{array} } }
        our $holder = bless { array => nd->ones([2]) }, 'Holder';
        my $other = bless { array => nd->ones([2]) }, 'Holder';
        $other->{other} = $other;
    """
    process = script(code)
    assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 0


# -- output ----------------------------------------------------------------------------------------------------------

# A thread of the engine's that prints while the main one computes: 4 MiB to each of stdout and stderr, a line at a time
# or in bursts of 1 MiB. The engine is the process after the fork.
PRINTER = """
import os, threading
def write(fd, letter):
    data = (letter * 63 + b"\\\\n") * 16384
    for _ in range(4):
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view):]
def start():
    for fd, letter in (1, b"o"), (2, b"e"):
        threading.Thread(target=write, args=(fd, letter)).start()
os.register_at_fork(after_in_child=start)
""".replace("\\\\n", "\\n")


def test_what_the_engine_prints_reaches_the_scripts_streams_whole(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(PRINTER)
    code = """
        use AI::MXNet qw(mx nd);
        my $x = nd->array(PDL->ones(PDL::float(), 300_000));
        my $y = nd->ones([2]);
        for my $i (1 .. 300) {
            $x = $x + 1;
            die "x" if $x->aspdl->at(299_999) != $i + 1 or ($y * $i)->sum->asscalar != 2 * $i;
        }
        select undef, undef, undef, 0.5;
        print "done\\n";
    """
    process = script(code, env=environment(PYTHONPATH=str(tmp_path), PYTHONDONTWRITEBYTECODE="1"))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    lines = out.splitlines()
    assert (lines.count(b"o" * 63), lines.count(b"done"), len(lines)) == (65536, 1, 65537)
    assert (err.splitlines().count(b"e" * 63), len(err)) == (65536, 4 << 20)


def test_an_engine_that_prints_to_closed_streams_computes_on(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(PRINTER)
    code = """
        use AI::MXNet qw(mx nd);
        open my $file, '>', $ENV{RESULT} or die $!;
        print {$file} nd->ones([3])->sum->asscalar, "\\n" for 1 .. 100;
    """
    result = tmp_path / "result"
    env = environment(PYTHONPATH=str(tmp_path), PYTHONDONTWRITEBYTECODE="1", RESULT=str(result))
    process = subprocess.Popen(["/bin/sh", "-c", 'exec "$@" >&- 2>&-', "sh", PERL, f"-I{LIB}", "-e", code], env=env)
    assert process.wait(timeout=30) == 0
    assert result.read_text() == "3\n" * 100


def test_captured_output_ends_with_the_script_however_busy_the_engine_is():
    with script(HOLDING % WORK["computing"]) as process:
        process.stdout.readline()
        process.kill()
        process.communicate(timeout=3)  # the engine holds both streams, and has work for longer


# -- whose code is run -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", [None, sys.executable])
def test_nothing_in_the_current_directory_is_run(tmp_path, python):
    told = settle(tmp_path)
    env = environment(**({"AI_MXNET_PYTHON": python} if python else {}))
    code = "use AI::MXNet qw(mx nd); print nd->array([1, 2])->sum->asscalar, ' ', mx->engine->info->{package}"
    process = script(code, cwd=tmp_path, env=env)
    assert process.communicate(timeout=30) == (f"3 {ROOT}/python_engine".encode(), b"")
    assert not told.exists(), told.read_text()


def test_modules_that_the_user_names_in_pythonpath_come_after_the_engines_own(tmp_path):
    (tmp_path / "python_engine").mkdir()
    (tmp_path / "python_engine" / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.stderr.write('read\\n')\n")
    code = "use AI::MXNet qw(mx nd); print mx->engine->info->{package}"
    process = script(code, env=environment(PYTHONPATH=str(tmp_path), PYTHONDONTWRITEBYTECODE="1"))
    assert process.communicate(timeout=30) == (f"{ROOT}/python_engine".encode(), b"read\n")

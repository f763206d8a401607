# However the engine ends: the next call says so, and a new engine works.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use File::Temp qw(tempdir);
use Scalar::Util qw(weaken);
use Test::More;
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::CachedOp;
use AI::MXNet::Gluon::NN qw(nn);
use Processes qw(died_within is_alive later parent_of soon);

plan skip_all => 'the tests look into /proc' unless -d "/proc/$$";

{
    package Identity;
    use parent 'AI::MXNet::AutoGrad::Function';
    sub forward  { return $_[1] * 1 }
    sub backward { return $_[1] }
}

# Code that runs in every Python that starts from now on: the engine's own life is not arranged for tests.
my $folder = tempdir(CLEANUP => 1);
sub engines_run
{
    my ($code) = @_;
    open my $file, '>', "$folder/sitecustomize.py" or die $!;
    print {$file} $code;
    close $file or die $!;
    $ENV{PYTHONPATH} = $folder;
    $ENV{PYTHONDONTWRITEBYTECODE} = 1;
    return;
}

# A thread of the engine's process that does this after some time. The supervisor is the process before the fork.
sub engine_does
{
    my ($seconds, $code) = @_;
    return engines_run(<<"PYTHON");
import os, sys, threading, time
def act():
    time.sleep($seconds)
    $code
os.register_at_fork(after_in_child=lambda: threading.Thread(target=act, daemon=True).start())
PYTHON
}

sub works
{
    my ($what) = @_;
    my $x = nd->array([1, 2, 3]);
    $x->attach_grad;
    my $y;
    autograd->record(sub { $y = ($x * $x)->sum });
    $y->backward;
    is_deeply $x->grad->aspdl->unpdl, [2, 4, 6], $what;
    return;
}

subtest 'a killed engine' => sub {
    my $x = nd->ones([2, 3]);
    my $pid = mx->engine->pid;
    my $supervisor = parent_of($pid);
    kill KILL => $pid;
    my ($error, $time) = died_within(sub { soon(sub { my $y = $x + 1; 0 }) });
    like $error, qr/\AThe engine .* is gone: it was killed by SIGKILL\n/, 'the next call names the signal';
    like $error, qr/mx->engine->restart/, 'and what to do';
    like $error, qr/ at \Q$0\E line \d+\.\n\z/, "on the user's line";
    cmp_ok $time, '<', 1, 'within a second';
    ok soon(sub { !is_alive($supervisor) }), 'nothing of it is left';
    like +(died_within(sub { $x->aspdl }))[0], qr/is gone: it was killed by SIGKILL/, 'so does every call after that';
    like +(died_within(sub { nd->ones([2]) }))[0], qr/is gone/, 'that makes an array, too';
    is eval { mx->engine->pid }, $pid, 'its process id is known';

    mx->engine->restart;
    works('after a restart, arrays work');
    isnt mx->engine->pid, $pid, 'in another process';
    like +(died_within(sub { $x + 1 }))[0], qr/\AThe array <AI::MXNet::NDArray 2x3 \@cpu\(0\)> belongs to another engine/,
        'the arrays from before die by name';
    like +(died_within(sub { $x->aspdl }))[0], qr/\AThe array <AI::MXNet::NDArray 2x3 .* another engine/, 'and when read';
    undef $x;
    works('to let go of them harms nothing');
};

subtest 'arrays that the engine named are of the past, too, after a restart' => sub {
    my @named = map { nd->contrib->boolean_mask(nd->arange(start => 0, stop => 4), nd->array([1, 0, 1, $_ % 2])) } 1 .. 50;
    is_deeply $named[-1]->shape, [2], 'the engine named it';
    mx->engine->restart;
    my @new = map { nd->ones([2]) * $_ } 1 .. 100;
    like +(died_within(sub { $_->aspdl }))[0], qr/belongs to another engine/ for @named[0, -1];
    undef @named;
    is $new[$_]->aspdl->at(0), $_ + 1, 'the new are untouched' for 0, 49, 99;
};

subtest 'symbols and executors from before a restart die by name, blocks begin anew' => sub {
    my $data = mx->sym->var('data');
    my $symbol = mx->sym->FullyConnected($data, num_hidden => 2, name => 'fc');
    my $executor = $symbol->simple_bind(shapes => { data => [1, 3] });
    my $operator = AI::MXNet::CachedOp->new($data * 2);
    my $x = nd->array([[1, 2, 3]]);
    $x->attach_grad;
    my $net = nn->HybridSequential;
    $net->add(nn->Dense(4, in_units => 3), nn->Dense(1, in_units => 4));
    $net->initialize(mx->init->One);
    $net->hybridize;
    is $net->($x)->asscalar, 24;
    for (1, 2) {
        mx->engine->restart;
        my $fresh = nd->array([[1, 2, 3]]);
        my @other = map { mx->sym->var("other$_") } 1 .. 20;
        my %dies = (
            'symbol <AI::MXNet::Symbol fc>' => sub { $symbol->tojson },
            'symbol <AI::MXNet::Symbol data>' => sub { mx->sym->Group([$other[0], $data]) },
            'executor of the symbol <AI::MXNet::Symbol fc>' => sub { $executor->forward },
            'symbol <AI::MXNet::Symbol _mulscalar0>' => sub { $operator->call($fresh) },
            'array <AI::MXNet::NDArray 4x3 @cpu(0)>' => sub { $net->($fresh) },
            'array <AI::MXNet::NDArray 1x3 @cpu(0)>' => sub { autograd->grad($fresh, [$x]) },
        );
        like +(died_within($dies{$_}))[0], qr/\AThe \Q$_\E belongs to another engine: .* at \Q$0\E line \d+\.\n\z/, $_ for sort keys %dies;
        is $other[19]->name, 'other20';
        is_deeply $other[19]->list_arguments, ['other20'], 'the new are untouched';
        $net->initialize(mx->init->One, force_reinit => 1);
        is $net->($fresh)->asscalar, 24, 'with parameters made anew, a block makes its graph anew';
    }
    my $old = mx->sym->Group([map { mx->sym->var($_) } qw(a b)]);
    mx->engine->restart;
    like +(died_within(sub { $old->list_outputs }))[0], qr/\AThe symbol <AI::MXNet::Symbol of 2 outputs> belongs/, 'one without a name tells its outputs';
    undef $_ for $old, $executor, $symbol, $data;
    works('to let go of them harms nothing');
};

subtest 'functions with a gradient of their own are forgotten with the engine that could call them' => sub {
    my $x = nd->ones([2]);
    $x->attach_grad;
    my $function = Identity->new;
    autograd->record(sub { $function->($x) });
    weaken $function;
    ok $function, 'the tape may need it';
    mx->engine->restart;
    ok !$function;
};

subtest 'killed while a computation is waited for' => sub {
    my $x = nd->ones([6000, 6000], dtype => 'float64');
    my $pid = mx->engine->pid;
    my $product = nd->dot($x, $x);
    later(0.3, "kill -KILL $pid");
    my ($error, $time) = died_within(sub { $product->wait_to_read });
    like $error, qr/killed by SIGKILL/;
    cmp_ok $time, '<', 1.3, 'the wait ends within a second of it';
    mx->engine->restart;
    works('a restart helps');
};

subtest 'killed by another signal' => sub {
    kill SEGV => mx->engine->pid;
    like +(died_within(sub { nd->waitall }))[0], qr/it was killed by SIGSEGV/;
    mx->engine->restart;
};

subtest 'signals that the whole process group gets are none of its business' => sub {
    my $x = nd->ones([2]);
    my $pid = mx->engine->pid;
    kill $_ => $pid, parent_of($pid) for qw(INT QUIT TERM HUP USR1 USR2 PIPE);
    is eval { ($x + 1)->aspdl->sum }, 4;
};

subtest 'its supervisor is killed' => sub {
    my $x = nd->ones([2]);
    my $pid = mx->engine->pid;
    kill KILL => parent_of($pid);
    my ($error, $time) = died_within(sub { soon(sub { $x->aspdl; 0 }) });
    like $error, qr/is gone: it ended without a report, because its supervisor was killed/;
    cmp_ok $time, '<', 1;
    ok soon(sub { !is_alive($pid) }), 'the engine does not outlive it';
    mx->engine->restart;
    works('a restart helps');
};

subtest 'it ends by itself' => sub {
    engine_does(0.5, 'os.write(2, b"first words\\n" * 2000 + b"the roof is on fire\\nso I leave\\n"); os._exit(7)');
    open my $saved, '>&', \*STDERR or die $!;
    open STDERR, '>', "$folder/stderr" or die $!;
    mx->engine->restart;
    my ($error) = died_within(sub { soon(sub { nd->ones([2])->aspdl; 0 }, 10) });
    open STDERR, '>&', $saved or die $!;
    like $error, qr/is gone: it ended with status 7; the end of its stderr:\n/, 'the status is told';
    like $error, qr/\n    first words\n    the roof is on fire\n    so I leave\nIts arrays/, 'and its last words';
    is scalar(() = $error =~ /first words/g), 10, 'only the last';
    is -s "$folder/stderr", 2000 * 12 + 31, 'all of them went to stderr';
    delete $ENV{PYTHONPATH};
    mx->engine->restart;
    works('a restart helps');
};

subtest 'what the supervisor reports is put into words' => sub {
    my %words = (
        "9 1\n" => 'it was killed by SIGKILL (likely out of memory)',    # the system has killed a process for its memory
        "9 0\n" => 'it was killed by SIGKILL',
        "11 1\n" => 'it was killed by SIGSEGV',
        "256 0\nlast\nwords\n" => "it ended with status 1; the end of its stderr:\n    last\n    words",
        "-1 0\nno such program" => 'it did not start: no such program',
        '' => 'it ended without a report, because its supervisor was killed or never ran',
    );
    for my $report (sort keys %words) {
        pipe my $read, my $write or die $!;
        syswrite $write, $report;
        close $write;
        is(AI::MXNet::Engine::Process->epitaph({ report => $read }), $words{$report});
    }
};

subtest 'a command that is no engine' => sub {
    for my $command ('false', 'cat') {
        local $ENV{AI_MXNET_ENGINE} = $command;
        mx->engine->restart;
        like +(died_within(sub { nd->ones([2])->aspdl }))[0],
            qr/\AThe engine \($command, from the environment variable AI_MXNET_ENGINE\) is gone: .*\nperl -MAI::MXNet::Doctor -e check /;
    }
    mx->engine->restart;
    works('without it, all is well');
};

subtest 'it is ended and started again at any time' => sub {
    for (1 .. 3) {
        my @arrays = map { nd->ones([3]) } 1 .. 100;
        mx->engine->restart;
    }
    works('also with work that was never sent');
    my $y = nd->ones([2]);
    $y->attach_grad;
    autograd->record(sub {
        mx->engine->restart;
        my $x = nd->ones([3]);
        $x->attach_grad;
        my $z = $x * 2;
        $z->backward;
        is_deeply $x->grad->aspdl->unpdl, [2, 2, 2], 'and in the midst of a recording';
    });
    works('which then ends as ever');
};

done_testing;

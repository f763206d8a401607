# Stores of several workers: real processes, launched by mpirun.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use Test::More;
use Time::HiRes qw(time);
use AI::MXNet qw(mx nd);

my $python = mx->engine->info->{executable};
my ($mpirun) = grep { -x } map {"$_/mpirun"} dirname($python), split /:/, $ENV{PATH};
my $folder = tempdir(CLEANUP => 1);
my $lib = "$Bin/../lib";

# A script without mpirun, where Python has no MPI.
my $alone = do {
    local $ENV{PYTHONPATH} = $folder;
    mkdir "$folder/mpi4py";
    open my $file, '>', "$folder/mpi4py/__init__.py" or die $!;
    print {$file} "raise ImportError('no MPI here')\n";
    close $file;
    qx($^X '-I$lib' -MAI::MXNet=mx -e 'mx->kv->create("dist_sync")' 2>&1);
};
like $alone, qr/cannot use \(no MPI here\).*pip install 'mpi4py>=4.1'.*mpirun -np 4 perl train.pl at -e line 1/s, 'without MPI a store says what to install and how to launch';

# Several processes on few processors, as root in a container.
local %ENV = (%ENV, OMPI_ALLOW_RUN_AS_ROOT => 1, OMPI_ALLOW_RUN_AS_ROOT_CONFIRM => 1, OMPI_MCA_rmaps_base_oversubscribe => 1, PRTE_MCA_rmaps_default_mapping_policy => ':oversubscribe');

my $works = defined $mpirun && qx(timeout 60 $mpirun -np 2 '$python' -c 'from mpi4py import MPI; print("size", MPI.COMM_WORLD.size)' 2>&1) // '';
if ($works !~ /size 2/) {
    note $works;
  SKIP: { skip "workers need mpirun of Open MPI or MPICH, in the PATH or beside $python, and that Python's package mpi4py", 1 }
    done_testing;
    exit;
}

# Runs a script on some processes: what they print, in order of lines, and how long it took.
sub run
{
    my ($count, $script, @arguments) = @_;
    my $begin = time;
    my $output = qx(timeout 120 $mpirun -np $count $^X '-I$lib' '$Bin/workers/$script' @arguments 2>&1);
    note $output;
    return (join('', sort grep {/^worker/} $output =~ /.*\n/g), time - $begin, $?, $output);
}

sub weights { my ($output) = @_; my %seen = map { s/^worker \d of \d: \S+ //r => 1 } split /\n/, $output; return join "\n", keys %seen }

my ($whole) = run(1, 'train.pl', 'dist_sync', "$folder/net");
like weights($whole), qr/\A[-\d. ]{100,}\z/, 'one worker learns something';
for my $count (2, 4) {
    my ($output) = run($count, 'train.pl', 'dist_sync', "$folder/net$count");
    is scalar(() = $output =~ /^worker/mg), $count;
    my @expected = split ' ', weights($whole);
    my @got = split ' ', weights($output);
    ok @got == @expected && !grep({ abs($got[$_] - $expected[$_]) > 1e-6 } 0 .. $#got), "$count workers learn what one does from all rows together, and all the same";
}

subtest 'a worker that is killed ends the others, and a checkpoint goes on where it was' => sub {
    my ($output, $seconds, $status, $all) = run(2, 'train.pl', 'dist_sync', "$folder/killed", '--kill', '1,2,1');
    isnt $status, 0;
    is $output, '', 'nobody gets to the end';
    like $all, qr/signal 9|Killed|others wait for what has ended: worker 1/, 'and it is said why';
    cmp_ok $seconds, '<', 60, 'soon';
    my ($resumed) = run(2, 'train.pl', 'dist_sync', "$folder/killed", '--from', 2);
    my @expected = split ' ', weights($whole);
    my @got = split ' ', weights($resumed);
    ok @got == @expected && !grep({ abs($got[$_] - $expected[$_]) > 1e-6 } 0 .. $#got), 'the same as without';
};

subtest 'arrays of all kinds are added up' => sub {
    my ($output, undef, $status) = run(3, 'checks.pl', 'sums');
    is $status, 0;
    is $output, join '', map({"worker $_: first values 1 1 1 1 1 1 1 2 1\n"} 0),
        "worker 0: rows 1 1 2 2 3 3 0 0\n", "worker 0: sums 12 12 12 12 12 12 12 12 12 12 12 12 12 12 18 18 12 12\n",
        map { my $rank = $_; map {"worker $rank: $_\n"} 'first values 1 1 1 1 1 1 1 2 1', 'rows 1 1 2 2 3 3 0 0', 'sums 12 12 12 12 12 12 12 12 12 12 12 12 12 12 18 18 12 12' } 1, 2;
};

subtest 'compressed gradients are added up, too' => sub {
    my ($output) = run(2, 'checks.pl', 'compressed');
    is $output, join '', map { my $rank = $_; map {"worker $rank: has $_\n"} '0 -1 0', '0 -1 0', '1 -1 0' } 0, 1;
};

subtest 'workers that do not wait for each other have a server' => sub {
    my ($output, undef, $status) = run(3, 'checks.pl', 'asynchronous', "$folder/async");
    is $status, 0;
    for my $rank (0, 1) {
        like $output, qr/^worker $rank: begins with 1 1$/m;
        like $output, qr/^worker $rank: ends with -2 -2 -6$/m, 'every push counts';
        like $output, qr/^worker $rank: died of dist_async keeps its values in another process/m;
        like $output, qr/^worker $rank: died of MXNetError: the server of the store: index 9 is out of bounds/m, 'who sends a failed array is told';
        like $output, qr/^worker $rank: died of the server of the store: set_states takes what get_states returned/m;
        ok -s "$folder/async-$rank.states", 'states come from the server';
    }
    my ($trained) = run(3, 'train.pl', 'dist_async', "$folder/async");
    is scalar(() = $trained =~ /^worker \d of 2: [0-9.]+ /mg), 2, 'a module learns with it';
    my (undef, undef, undef, $alone) = run(1, 'checks.pl', 'asynchronous');
    like $alone, qr/dist_async needs a process beside the workers, so two at least: mpirun -np 2/;
};

subtest "Gluon's trainer takes the steps of all" => sub {
    my ($one) = run(1, 'checks.pl', 'gluon', "$folder/gluon");
    my ($two, undef, $status) = run(2, 'checks.pl', 'gluon', "$folder/gluon");
    is $status, 0;
    like $one, qr/^worker 0: on_store 0: [-\d. ]{70,}\nworker 0: on_store 1: [-\d. ]{70,}\n\z/;
    is $two, $one . $one =~ s/worker 0/worker 1/gr, 'whether it updates on the store or not';
};

for (
    [out_of_step   => 3, qr/^(worker [02]: died of MXNetError: the workers are out of step: worker 0 adds up 1 array \(3 elements\); worker 1 ends; worker 2 adds up 1 array \(3 elements\)\n)+\z/, 'pushes more often'],
    [other_shapes  => 2, qr/^(worker [01]: died of MXNetError: the workers are out of step: worker 0 takes the first values of 1 array \(2 elements\); worker 1 takes the first values of 1 array \(3 elements\)\n)+\z/, 'has arrays of other shapes'],
    [failed_array  => 2, qr/^worker 0: died of MXNetError: the workers are out of step: worker 0 adds up 1 array \(3 elements\); worker 1 has failed: index 9 is out of bounds.*\nworker 1: died of MXNetError: index 9/, 'sends an array that has failed'],
    [killed_engine => 3, qr/^(worker [02]: died of MXNetError: others wait for what has ended: .*worker 1 \(its engine was process \d+\).*\n)+\z/, 'has lost its engine'],
    [script_that_dies => 2, qr/\A\z/, 'dies'],
) {
    my ($check, $count, $expected, $what) = @$_;
    my ($output, $seconds, $status, $all) = run($count, 'checks.pl', $check);
    ok $status != 0 && $output =~ $expected && $all !~ /Traceback/, "a worker that $what is told of, and nobody hangs" or diag $all;
    cmp_ok $seconds, '<', 60;
    like $all, qr/the script of worker 1 dies/ if $check eq 'script_that_dies';
}

subtest 'a worker may fork, but its child is none' => sub {
    my ($output, undef, $status) = run(2, 'checks.pl', 'forked');
    is $status, 0;
    for my $rank (0, 1) {
        like $output, qr/^worker $rank: child computes 2 2\n.*^worker $rank: died of dist_sync: the engine \d+ has joined the workers already.*\n^worker $rank: has 2 2$/ms;
    }
};

done_testing;

# COUNT engines, started and ended in every way: no process, no descriptor and no segment is left.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Trial;

# What engines, supervisors and scripts inherit tells them from other processes.
BEGIN { $ENV{AI_MXNET_TRIAL} = "engines of $$ at " . time }
use AI::MXNet qw(mx nd);
use Processes qw(is_alive memory number_of_descriptors parent_of soon);

my @script = ($^X, (map {"-I$_"} grep { !ref } @INC), '-e',
    'use AI::MXNet qw(nd); $| = 1; my $x = nd->ones([400, 400]); print +($x + 1)->aspdl->sum, "\n"; $x = $x->dot($x) / 400 while $ARGV[0]');

# Memory goes both ways through segments, and the last of them stays mapped.
sub use_engine
{
    my $x = nd->array(nd->ones([300, 300])->aspdl);
    my $piddle = ($x + 1)->aspdl;
    $piddle->sum == 180_000 or die "a wrong value\n";
    return $piddle;
}

sub kill_and_restart
{
    my ($pid) = @_;
    kill KILL => $pid;
    my $lived = eval { soon(sub { nd->ones([1]); 0 }, 20); 1 };
    die "a killed engine was not missed: $@\n" if $lived or "$@" !~ / is gone: it /;
    mx->engine->restart;
    return 1;
}

# A script with an engine of its own: its process id, and what it prints as it begins to compute.
sub start_script
{
    my ($endless) = @_;
    my $pid = open my $script, '-|', @script, $endless or die "$^X: $!\n";
    (readline($script) // '') eq "320000\n" or die "a wrong value of a script\n";
    return ($pid, $script);
}

# Each way starts and ends some engines; it returns how many.
my @ways = (
    sub { mx->engine->restart; 1 },
    sub { mx->engine->restart for 1, 2; 2 },    # the first before it has greeted
    sub { kill_and_restart(mx->engine->pid) },
    sub { kill_and_restart(parent_of(mx->engine->pid)) },
    sub {
        my $child = fork // die "fork: $!\n";
        if (!$child) {
            use_engine();
            exit;
        }
        waitpid $child, 0;
        die "a forked child ended with $?\n" if $?;
        return 1;
    },
    sub {
        my (undef, $script) = start_script(0);
        close $script or die "a script ended with $?\n";
        return 1;
    },
    sub {
        my ($pid, $script) = start_script(1);
        kill KILL => $pid;
        close $script;
        return 1;
    },
);

# Our engine, its supervisor, and what is left of others.
sub processes
{
    return grep {
        my $environment = '';
        if (open my $file, '<', "/proc/$_/environ") { local $/; $environment = readline($file) // '' }
        index($environment, $ENV{AI_MXNET_TRIAL}) >= 0 and is_alive($_);
    } map { m{(\d+)\z} } glob '/proc/[0-9]*';
}

# Segments that this process has open or mapped, once it uses an engine that made none.
sub segments
{
    open my $maps, '<', '/proc/self/maps' or die "maps: $!\n";
    return scalar(grep {/memfd:ai-mxnet/} readline($maps), map { readlink // '' } glob '/proc/self/fd/*');
}

sub held
{
    mx->engine->restart;
    nd->waitall;
    soon(sub { processes() == 2 }, 20);
    return {
        'processes'           => scalar processes(),
        'descriptors of Perl' => number_of_descriptors($$),
        'segments'            => segments(),
        'memory of Perl, KiB' => memory($$),
    };
}

sub run_engines
{
    my ($count) = @_;
    for (my ($started, $number) = (0, 0); $started < $count; $number++) {
        my $way = $ways[$number % @ways];
        my $piddle = use_engine();
        $started += $way->();
        progress($started);
    }
    return;
}

use_engine();
my $before = held();
run_engines($COUNT);
stay($before, held());
right('children that wait for their end', waitpid(-1, 1), -1);
verdict();

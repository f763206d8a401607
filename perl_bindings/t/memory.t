# Memory shared with the engine is recycled and given back, and where it cannot be shared nothing else changes.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
BEGIN { $ENV{AI_MXNET_SHARE_BYTES} = 4096 }    # small arrays shall take the way of large ones
use PDL;
use AI::MXNet qw(mx nd);
use Processes qw(memory number_of_descriptors number_of_maps soon);

plan skip_all => 'the tests look into /proc' unless -d "/proc/$$";
plan skip_all => 'no memory is shared here' unless mx->engine->info->{shared_memory};

# All that an array goes through, in sizes that change; some piddles live on for a while. Dies of a wrong value.
my @kept;
sub transfer
{
    my ($round) = @_;
    my $n = 1500 + $round % 3 * 1000;
    my $x = nd->array(ones(float, $n) * $round);
    my $piddle = $x->aspdl;
    push @kept, $piddle;
    shift @kept if @kept > 10;
    $x += 1;    # moves, because the piddle shows what it was
    my $sum = $x->aspdl->sum;
    die "round $round: " . $piddle->at($n - 1) . " and $sum" if $piddle->at($n - 1) != $round or $sum != $n * ($round + 1);
    return;
}

# What both processes hold, once the engine has done all that was asked of it.
sub held
{
    nd->waitall;
    return map { ("descriptors of $_->[0]" => number_of_descriptors($_->[1]), "maps of $_->[0]" => number_of_maps($_->[1])) }
        ['the script', $$], ['the engine', mx->engine->pid];
}

# Fails where more is held than before, but for a few: which of them lie free just then depends on the pace of both.
sub holds_no_more_than
{
    my (%before) = @_;
    my %now = held();
    cmp_ok $now{$_}, '<=', $before{$_} + 8, $_ for sort keys %before;
    return;
}

subtest 'ten thousand transfers are done in a few segments' => sub {
    transfer($_) for 1 .. 300;
    my %before = held();
    transfer($_) for 1 .. 3300;    # three each: up, down, and down again
    holds_no_more_than(%before);
    cmp_ok $before{'maps of the engine'}, '<', 300, 'and they are few';
    @kept = ();
};

subtest 'a map lives as long as its piddle, or a piddle that shows a part of it' => sub {
    my $segments = sub { scalar grep { (readlink // '') =~ /memfd/ } glob '/proc/' . mx->engine->pid . '/fd/*' };
    my $x = nd->ones([5000]);
    my @parts = map { ($x * $_)->aspdl->slice('0:9') } 1 .. 50;
    my $most = $segments->();
    is_deeply [map { $_->sum } @parts], [map { 10 * $_ } 1 .. 50];
    @parts = ();
    transfer($_) for 1 .. 30;
    my %before = held();
    @parts = map { ($x * $_)->aspdl->slice('0:9') } 1 .. 50;
    cmp_ok $segments->(), '<=', $most, 'the segments of those that are gone serve again';
    @parts = ();
    transfer($_) for 1 .. 30;
    holds_no_more_than(%before);
};

subtest 'large arrays are given back' => sub {
    my $work = sub {
        for (1 .. $_[0]) {
            my $x = nd->array(ones(float, 1_000_000));
            my $y = ($x + 1)->aspdl;
        }
        nd->waitall;
    };
    $work->(20);
    my %before = map { $_ => memory($_) } $$, mx->engine->pid;
    $work->(100);
    cmp_ok memory($_), '<', $before{$_} + 40_000, '400 MB and more pass through process ' . ($_ == $$ ? 'one' : 'two') for keys %before;
};

subtest 'more arrays in shared memory than a process may open files' => sub {
    my $x = nd->ones([2000]);
    my $n = 1200;    # of 1024 descriptors, which are what there are by default
    my @piddles = map { ($x * $_)->aspdl } 1 .. $n;
    my @arrays = map { nd->array($_) } @piddles;
    is_deeply [map { $_->at(1999) } @piddles], [1 .. $n], 'piddles';
    is_deeply [map { $_->asscalar } map { $_->max } @arrays], [1 .. $n], 'arrays';
};

# The values of arrays of all dtypes that went there and back, and of one that was changed in between, as text.
sub there_and_back
{
    my @texts;
    for my $dtype (qw(float32 float64 float16 uint8 int8 int32 int64)) {
        my $x = nd->array(sequence(3000) % 100, dtype => $dtype);
        my $first = $x->aspdl;
        $x *= 1;
        $x->slice([0, 1]) .= 7;
        push @texts, join ' ', $dtype, $first->type, map { $_->dims, $_->sum, $_->slice('0:3') } $first, $x->aspdl;
    }
    return join "\n", @texts;
}

subtest 'where the engine\'s memory cannot be opened, frames carry the same values' => sub {
    my $shared = there_and_back();
    my $info = mx->engine->info;
    my $start = "import sys, ctypes; ctypes.CDLL(None).prctl(4, 0); sys.path[0] = sys.argv.pop(1); "
        . 'from python_engine.__main__ import main; main()';
    # none but root looks into a process that is not dumpable
    local $ENV{AI_MXNET_ENGINE} = "'$info->{executable}' -c '$start' '" . ($info->{package} =~ s{/[^/]+\z}{}r) . "'";
    mx->engine->restart;
    my $pid = mx->engine->pid;
    local $> = $> || 65534;
    plan skip_all => 'one can look into every process here' if opendir my $folder, "/proc/$pid/fd";
    is there_and_back(), $shared;
    is mx->engine->info->{shared_memory}, 0, 'which info tells';
    is mx->engine->pid, $pid;
};

done_testing;

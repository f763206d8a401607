# COUNT bursts of 1 MiB that the engine prints to stdout, and as many to stderr, while it computes: all results are
# right, every byte arrives where the script's own output does, nothing else does, and nothing grows.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use POSIX ();
use Trial;

my @readers;

# Leads a stream of this process, and thereby of its engine, to a process that counts what arrives: the letters that are
# expected there, with their newlines, and all else.
sub lead_to_reader
{
    my ($stream, $letter) = @_;
    pipe my $read, my $write or die "pipe: $!\n";
    pipe my $result, my $report or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        close $_ for $write, $result, \*STDOUT, \*STDERR;
        my ($all, $other) = (0, 0);
        while (sysread $read, my $bytes, 1 << 16) {
            $all += length $bytes;
            $other += () = $bytes =~ /[^$letter\n]/g;
        }
        syswrite $report, "$all bytes, $other of them strange";
        POSIX::_exit(0);
    }
    open my $own, '>&', $stream or die "dup: $!\n";
    open $stream, '>&', $write or die "dup: $!\n";
    push @readers, { stream => $stream, own => $own, result => $result, pid => $pid };
    return;
}

# What arrived at the readers, whose pipes have no writer any more.
sub arrived
{
    open $_->{stream}, '>&', $_->{own} or die "dup: $!\n" for @readers;
    delete $ENV{AI_MXNET_ENGINE};    # the next one is quiet
    mx->engine->restart;
    my @arrived = map { readline $_->{result} } @readers;
    waitpid $_->{pid}, 0 for @readers;
    return @arrived;
}

BEGIN {
    lead_to_reader(\*STDOUT, 'o');
    lead_to_reader(\*STDERR, 'e');
    Trial::use_window($COUNT);
}
use AI::MXNet qw(mx nd);

my ($x, $y) = (nd->ones([300, 300]), nd->array([[1, 2], [3, 4]]));

# A product, small operators, and large arrays out and in.
sub compute
{
    my $product = nd->dot($x, $x);
    my $small = $y;
    $small = $small + 1 for 1 .. 200;
    $small->aspdl->sum == 810 or die "a wrong value of small operators\n";
    my $piddle = $product->aspdl;
    $piddle->sum == 300**3 or die "a wrong value of a product\n";
    nd->array($piddle)->sum->asscalar == 300**3 or die "a wrong value of an array that was put back\n";
    return;
}

sub printed { my %engine = window(); return $engine{stdout} + $engine{stderr} }

compute() for 1 .. 10;
my $before = figures();
my $bytes = $COUNT << 20;
until (printed() == 2 * $bytes) {
    compute();
    progress(int printed() / (2 << 20));
}
compute() for 1 .. 10;
# three threads of the engine may have a burst in hand
stay($before, figures(), 'memory of the engine, KiB' => 8 * 1024);
my @arrived = arrived();
right('stdout', $arrived[0], "$bytes bytes, 0 of them strange");
right('stderr', $arrived[1], "$bytes bytes, 0 of them strange");
verdict();

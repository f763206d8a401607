# COUNT arrays into the engine and out again through shared memory: segments, maps, descriptors and the memory of both
# processes stay as they are.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Trial;
BEGIN { Trial::use_window() }
use AI::MXNet qw(mx nd);
use PDL;

use constant KEPT => 20;    # arrays and piddles that live for a while

# 256 KiB to 1 MiB: all go through shared memory
my @piddles = map { random(float, $_ * 65_536) } 1 .. 4;
my $converted = sequence(long, 70_000);
my @kept;

# One array in and one out, in one of several ways; dies if a value is wrong.
sub in_and_out
{
    my ($number) = @_;
    my $in = $number % 7 ? $piddles[$number % @piddles] : $converted;
    my $array = nd->array($in, $number % 7 ? () : (dtype => 'int32'));
    $array += 1 if $number % 3 == 0;                     # in the segment that Perl wrote
    my $out = $array->aspdl;
    $array += 1 if $number % 5 == 0;                     # while Perl has a map of it
    my $at = $number % $out->nelem;
    my $difference = $out->at($at) - $in->at($at) - ($number % 3 == 0);
    die "a wrong value in array $number: off by $difference\n" if abs $difference > 1e-6;
    $out .= 0 if $number % 11 == 0;                      # a private map: the array keeps its values
    $kept[$number % KEPT] = $number % 2 ? $array : $out;
    return;
}

sub in_and_out_for
{
    my ($count) = @_;
    for my $number (1 .. $count) {
        in_and_out($number);
        progress($number) if $number % 100 == 0;
    }
    @kept = ();
    # segments are given back when the next array comes
    nd->array($piddles[0])->aspdl for 1 .. 2;
    return;
}

in_and_out_for(300);
my $before = figures();
in_and_out_for($COUNT);
right('memory is shared', mx->engine->info->{shared_memory}, 1);
# segments are recycled: how many there are depends on how far Perl is ahead of the engine
stay($before, figures(), 'segments' => 8, 'descriptors of the engine' => 16, 'maps of Perl' => 8, 'maps of the engine' => 10,
    'memory of Perl, KiB' => 8 * 1024, 'memory of the engine, KiB' => 8 * 1024);
verdict();

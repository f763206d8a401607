package Digits;
# Real handwritten digits in MNIST's idx format, as piddles.
use strict;
use warnings;
use FindBin ();
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use PDL;

# ('train' or 't10k') => images as float piddle of dims (784, n) with values 0 to 1, labels of dims (n).
sub load
{
    my ($class, $part) = @_;
    my $images = _idx("$part-images-idx3-ubyte.gz");
    my $labels = _idx("$part-labels-idx1-ubyte.gz");
    return ($images->clump(2)->float / 255, $labels->float);
}

sub _idx
{
    my ($name) = @_;
    my $path = "$FindBin::Bin/data/$name";
    gunzip($path => \my $bytes) or die "$path: $GunzipError\n";
    my (undef, undef, $type, $ndim) = unpack 'C4', $bytes;
    die "$path is no idx file of bytes\n" if $type != 8;
    my @shape = unpack "x4 N$ndim", $bytes;
    my $piddle = PDL->new_from_specification(byte, reverse @shape);
    ${ $piddle->get_dataref } = substr $bytes, 4 + 4 * $ndim;
    $piddle->upd_data;
    return $piddle;
}

1;

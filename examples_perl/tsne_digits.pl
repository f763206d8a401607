#!/usr/bin/env perl
# Handwritten digits laid out in a plane by t-SNE (L. van der Maaten and G. Hinton, 2008), and a picture of that.
# tolerance: 0.05 0.02
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use PDL;
use AI::MXNet qw(mx nd :numpy);
use AI::MXNet::Picture;
use Digits;
use Evaluation;

my ($perplexity, $components, $steps) = (30, 30, 400);
my ($x, $labels) = map { nd->array($_) } Digits->load('t10k');
my $count = $x->len;
my $images = $x->reshape([$count, 1, 28, 28]);

# first to few components, which keep most of the variance
$x = $x - $x->mean(axis => 0);
my ($u, $singular) = @{ nd->svd($x) };
printf "%d digits, %d components keep %.1f %% of the variance\n", $count, $components,
    100 * ($singular->slice([0, $components])->square->sum / $singular->square->sum)->asscalar;
$x = $u->slice(':', [0, $components]) * $singular->slice([0, $components]);

sub squared_distances
{
    my ($x) = @_;
    my $squares = $x->square->sum(axis => 1);
    return nd->maximum($squares->expand_dims(1) + $squares - 2 * nd->dot($x, $x, transpose_b => 1), 0);
}

# For each point the chances of the others to be its neighbour: a normal distribution that is as wide as makes its
# perplexity the one wanted, which is found between bounds for all points at once.
sub neighbours
{
    my ($distances) = @_;
    my $others = 1 - nd->eye($count);
    my ($low, $high) = map { nd->ones([$count, 1]) * $_ } -20, 20;    # logarithms of the precision
    my $chances;
    for (1 .. 40) {
        my $middle = ($low + $high) / 2;
        my $weights = (-$distances * $middle->exp + (1 - $others) * -1e9)->softmax(axis => 1) * $others;
        $chances = $weights;
        my $entropy = -($weights * ($weights + 1e-12)->log)->sum(axis => 1, keepdims => 1);
        my $too_wide = $entropy > log $perplexity;
        $low  = nd->where($too_wide, $middle, $low);
        $high = nd->where($too_wide, $high, $middle);
    }
    return nd->maximum(($chances + $chances->T) / (2 * $count), 1e-12);
}

my $p = neighbours(squared_distances($x));
my $others = 1 - nd->eye($count);
my $y = $x->slice(':', [0, 2]) / $x->slice(':', 0)->std * 1e-2;
my $velocity = nd->zeros($y->shape);
my $gains = nd->ones($y->shape);
my $q;
for my $step (1 .. $steps) {
    my ($exaggeration, $momentum) = $step <= 100 ? (12, 0.5) : (1, 0.8);
    my $closeness = $others / (1 + squared_distances($y));
    $q = nd->maximum($closeness / $closeness->sum, 1e-12);
    my $pull = ($exaggeration * $p - $q) * $closeness;
    my $gradient = 4 * ($pull->sum(axis => 1)->expand_dims(1) * $y - nd->dot($pull, $y));
    my $same = ($gradient * $velocity) > 0;
    $gains = nd->maximum(nd->where($same, $gains * 0.8, $gains + 0.2), 0.01);
    $velocity = $momentum * $velocity - 50 * $gains * $gradient;
    $y = $y + $velocity;
    $y = $y - $y->mean(axis => 0);
}
printf "divergence of the neighbourhoods %.2f\n", ($p * ($p / $q)->log)->sum->asscalar;

# whether a digit's nearest neighbour in the plane is of its class
my $nearest = (squared_distances($y) + (1 - $others) * 1e9)->argmin(axis => 1);
printf "of %.2f of the digits the nearest one in the plane is the same digit\n", Evaluation::accuracy($labels->take($nearest), $labels);

# the digits themselves as marks, each class in a colour
my ($size, $mark) = (900, 14);
my $ink = nd->Pooling($images, kernel => [2, 2], stride => [2, 2], pool_type => 'avg')->reshape([$count, $mark, $mark])->aspdl;
my $places = (($y - $y->min(axis => 0)) / ($y->max(axis => 0) - $y->min(axis => 0)) * ($size - $mark))->rint->aspdl->long;
my @colours = ([31, 119, 180], [255, 127, 14], [44, 160, 44], [214, 39, 40], [148, 103, 189], [140, 86, 75], [227, 119, 194], [90, 90, 90], [160, 160, 0], [0, 160, 180]);
my $canvas = ones(3, $size, $size);
my @classes = $labels->tolist;
for my $i (0 .. $count - 1) {
    my ($left, $top) = $places->slice(":,($i)")->list;
    my $part = $canvas->slice([], [$left, $left + $mark - 1], [$top, $top + $mark - 1]);
    $part -= $ink->slice(":,:,($i)")->dummy(0) * (1 - pdl($colours[ $classes[$i] ]) / 255);
}
my $folder = "$Bin/../demo_output";
mkdir($folder) || die "$folder: $!\n" unless -d $folder;
AI::MXNet::Picture->new($canvas)->write("$folder/tsne_digits.png");
print "picture: demo_output/tsne_digits.png\n";

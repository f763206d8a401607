#!/usr/bin/env perl
# Trains a two-layer network on real handwritten digits with nothing but NDArray and autograd.
# ignore-lines: ^epoch
# tolerance: 0.02 0.001
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use List::Util qw(shuffle);
use PDL;
use Time::HiRes qw(time);
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Chart;
use Digits;

my ($hidden, $classes, $batch_size, $epochs, $rate) = (128, 10, 32, 12, 0.2);
mx->random->seed(1);
CORE::srand(1);    # PDL has an srand of its own, which shuffle does not know

my ($images, $labels) = Digits->load('train');
my ($test_images, $test_labels) = map { nd->array($_) } Digits->load('t10k');
my $count = $labels->nelem;
printf "%d training and %d test images of 28 x 28 pixels\n", $count, $test_labels->size;

my %weights = (
    w1 => nd->random->normal(0, sqrt(2 / 784), shape => [784, $hidden]),
    b1 => nd->zeros([$hidden]),
    w2 => nd->random->normal(0, sqrt(2 / $hidden), shape => [$hidden, $classes]),
    b2 => nd->zeros([$classes]),
);
$_->attach_grad for values %weights;

sub network
{
    my ($x) = @_;
    my $h = nd->relu(nd->dot($x, $weights{w1}) + $weights{b1});
    return nd->dot($h, $weights{w2}) + $weights{b2};
}

sub accuracy
{
    my ($x, $y) = @_;
    return (network($x)->argmax(axis => 1) == $y)->mean->asscalar;
}

my (@losses, @accuracies);
my $start = time;
for my $epoch (1 .. $epochs) {
    my @order = shuffle 0 .. $count - 1;
    my $total = nd->zeros([1]);
    while (my @rows = splice @order, 0, $batch_size) {
        my $x = nd->array($images->dice_axis(1, pdl(@rows)));
        my $y = nd->array($labels->index(pdl(@rows)));
        my $loss;
        autograd->record(sub {
            my $log_probabilities = network($x)->log_softmax(axis => 1);
            $loss = -nd->pick($log_probabilities, $y, axis => 1);
        });
        $loss->backward;
        $_ -= $rate / @rows * $_->grad for values %weights;
        $total += $loss->sum;
    }
    push @losses, $total->asscalar / $count;
    push @accuracies, accuracy($test_images, $test_labels);
    printf "epoch %2d  loss %.4f  test accuracy %.3f  %5.1f s\n", $epoch, $losses[-1], $accuracies[-1], time - $start;
}

my $folder = "$Bin/../demo_output";
mkdir($folder) || die "$folder: $!\n" unless -d $folder;
AI::MXNet::Chart->write("$folder/training_curve.svg",
    title => 'Digits: a network of two layers',
    x     => 'epoch',
    lines => [['training loss' => \@losses], ['test accuracy' => \@accuracies]],
);
print "training curve: demo_output/training_curve.svg\n";
printf "final test accuracy %.3f\n", $accuracies[-1];

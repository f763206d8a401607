#!/usr/bin/env perl
# Trains the network of test_cross_language_training.py and prints every loss, then every weight, one number a line.
use strict;
use warnings;
use AI::MXNet qw(mx);

# Numbers that look irregular and are the same in every language.
sub numbers
{
    my ($rows, $columns, $start) = @_;
    return mx->nd->array([map { my $row = $_; [map { sin($start + 1.7 * ($row * $columns + $_)) } 0 .. $columns - 1] } 0 .. $rows - 1]);
}

my ($x, $y) = (numbers(8, 4, 1), numbers(8, 2, 2));
my @weights = (numbers(4, 5, 3), numbers(1, 5, 4), numbers(5, 2, 5), numbers(1, 2, 6));
$_->attach_grad for @weights;

for my $step (1 .. 20) {
    my $loss;
    mx->autograd->record(sub {
        my $hidden = mx->nd->tanh(mx->nd->dot($x, $weights[0]) + $weights[1]);
        my $out = mx->nd->dot($hidden, $weights[2]) + $weights[3];
        $loss = mx->nd->mean(mx->nd->square($out - $y));
    });
    $loss->backward;
    $_ -= 0.2 * $_->grad for @weights;
    printf "%.9g\n", $loss->asscalar;
}
printf "%.9g\n", $_ for map { $_->aspdl->list } @weights;

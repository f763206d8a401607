#!/usr/bin/env perl
# Nearest neighbours on wines, judged by cross-validation: what scaling the measurements is worth.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use AI::MXNet qw(mx nd :numpy);
use Evaluation;

my ($neighbours, $folds) = (5, 5);
mx->random->seed(1);

my $wines = nd->read_csv("$Bin/data/wine.csv", label => 'cultivar');
my ($x, $y) = ($wines->data, $wines->label - 1);
printf "%d wines, %d measurements\n", $wines->len, scalar @{ $wines->names };
printf "%-22s from %8.2f to %8.2f\n", $_, $wines->column($_)->min->asscalar, $wines->column($_)->max->asscalar for qw(hue proline);

# The most frequent class among the nearest rows of the training.
sub predict
{
    my ($train_x, $train_y, $test_x) = @_;
    my $distances = ($test_x->square->sum(axis => 1, keepdims => 1) + $train_x->square->sum(axis => 1)
        - 2 * nd->dot($test_x, $train_x, transpose_b => 1));
    my $nearest = $distances->topk(k => $neighbours, axis => 1, is_ascend => 1);
    return $train_y->take($nearest)->one_hot(3)->sum(axis => 1)->argmax(axis => 1);
}

my %scalers = (none => sub { sub { $_[0] } }, standard => \&Evaluation::standard_scaler, 'min-max' => \&Evaluation::min_max_scaler);
for my $name ('none', 'standard', 'min-max') {
    my @scores = Evaluation::cross_validate($x, $y, $folds, sub {
        my ($train_x, $train_y, $test_x, $test_y) = @_;
        my $scale = $scalers{$name}->($train_x);    # the test is no part of what the scaler learns from
        return Evaluation::accuracy(predict($scale->($train_x), $train_y, $scale->($test_x)), $test_y);
    });
    my $scores = nd->array(\@scores);
    printf "scaling %-8s accuracy %.3f, %.3f to %.3f in %d folds\n", $name, map({ $_->asscalar } $scores->mean, $scores->min, $scores->max), $folds;
}

#!/usr/bin/env perl
# A mixture of three normal distributions fitted to irises by expectation and maximization.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use AI::MXNet qw(mx nd :numpy);
use Evaluation;

my $irises = nd->read_csv("$Bin/data/iris.csv", label => 'species', dtype => 'float64');
my $x = $irises->data;
my ($count, $width) = @{ $x->shape };
my $k = 3;

# The logarithm of each component's density at each row, times its weight: (rows, components).
sub log_joint
{
    my ($weights, $means, $covariances) = @_;
    my $factor = nd->cholesky($covariances);                                           # (k, width, width), below the diagonal
    my $offsets = ($x->expand_dims(0) - $means->expand_dims(1))->swapaxes(1, 2);       # (k, width, rows)
    my $white = nd->linalg->trsm($factor, $offsets);
    my $log_determinant = 2 * nd->linalg->sumlogdiag($factor);
    my $log_density = -0.5 * ($white->square->sum(axis => 1) + ($log_determinant + $width * log(2 * nd->pi))->expand_dims(1));
    return ($log_density + $weights->log->expand_dims(1))->T;
}

# The parameters that fit the rows best, each of which belongs to the components in part.
sub maximize
{
    my ($parts) = @_;
    my $sizes = $parts->sum(axis => 0);
    my $means = nd->dot($parts, $x, transpose_a => 1) / $sizes->expand_dims(1);
    my $offsets = $x->expand_dims(0) - $means->expand_dims(1);
    my $weighted = $offsets * $parts->T->expand_dims(2);
    return ($sizes / $count, $means, nd->batch_dot($weighted, $offsets, transpose_a => 1) / $sizes->reshape([$k, 1, 1]));
}

# at first, by the length of the petals, a third of the rows each
my $rank = $x->slice(':', 2)->argsort(dtype => 'int32')->argsort(dtype => 'float64');
my $parts = nd->floor($rank * $k / $count)->one_hot($k, dtype => 'float64');

my ($before, $steps) = (-nd->inf, 0);
my ($weights, $means, $covariances, $log_likelihood);
while (1) {
    ($weights, $means, $covariances) = maximize($parts);
    my $joint = log_joint($weights, $means, $covariances);
    my $top = $joint->max(axis => 1, keepdims => 1);
    my $log_sum = $top + ($joint - $top)->exp->sum(axis => 1, keepdims => 1)->log;
    $parts = ($joint - $log_sum)->exp;
    $log_likelihood = $log_sum->sum->asscalar;
    $steps++;
    last if $log_likelihood - $before < 1e-7;
    $before = $log_likelihood;
}
printf "log likelihood %.4f after some %d steps\n", $log_likelihood, 10 * int($steps / 10 + 0.5);
printf "weights %s\n", join ' ', map { sprintf '%.4f', $_ } $weights->tolist;
nd->printf("means %s\n", $means);
nd->printf("rows of each species in each component %s\n", Evaluation::contingency($irises->label, $parts->argmax(axis => 1)));
printf "adjusted Rand index with the species %.4f\n", Evaluation::adjusted_rand_index($irises->label, $parts->argmax(axis => 1));

#!/usr/bin/env perl
# Principal components of irises, by the eigenvectors of the covariance and by singular values.
use strict;
use warnings;
use FindBin qw($Bin);
use AI::MXNet qw(mx nd :numpy);

my $irises = nd->read_csv("$Bin/data/iris.csv", label => 'species', dtype => 'float64');
my $x = $irises->data - $irises->data->mean(axis => 0);

my ($values, $vectors) = @{ nd->eigh(nd->cov($x, rowvar => 0)) };
$values  = $values->slice([undef, undef, -1]);          # the largest first
$vectors = $vectors->slice(':', [undef, undef, -1]);
printf "variance along the components  %s\n", join '  ', map { sprintf '%.6f', $_ } $values->tolist;
printf "part of the whole              %s\n", join '  ', map { sprintf '%.6f', $_ } ($values / $values->sum)->tolist;

my (undef, $singular) = @{ nd->svd($x) };
printf "the same by singular values    %s\n", join '  ', map { sprintf '%.6f', $_ } ($singular->square / ($x->len - 1))->tolist;

my $first = $vectors->slice(':', 0);
$first *= $first->slice(0) < 0 ? -1 : 1;                # a component has no sign
printf "first component                %s\n", join '  ', map { sprintf '%.6f', $_ } $first->tolist;

my $plane = nd->dot($x, $vectors->slice(':', [0, 2]));
printf "mean squared error of two components %.6f\n",
    ($x - nd->dot($plane, $vectors->slice(':', [0, 2]), transpose_b => 1))->square->sum(axis => 1)->mean->asscalar;
printf "sum of the variances left out        %.6f\n", ($values->slice([2, undef])->sum * ($x->len - 1) / $x->len)->asscalar;

#!/usr/bin/env perl
# Clusters of irises by k-means: how few clusters explain how much, and what three of them have to do with the species.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use AI::MXNet qw(mx nd :numpy);
use Evaluation;

mx->random->seed(1);
my $irises = nd->read_csv("$Bin/data/iris.csv", label => 'species');
my $x = $irises->data;

sub squared_distances
{
    my ($x, $centres) = @_;
    return ($x->expand_dims(1) - $centres->expand_dims(0))->square->sum(axis => 2);
}

# Centres far from each other: each next one is drawn in proportion to its squared distance from those before.
sub first_centres
{
    my ($x, $k) = @_;
    my $centres = $x->slice(nd->random_choice($x->len, size => 1))->sever;
    while ($centres->len < $k) {
        my $distance = squared_distances($x, $centres)->min(axis => 1);
        my $next = nd->random_choice($x->len, size => 1, p => $distance / $distance->sum);
        $centres = nd->concat($centres, $x->slice($next), dim => 0);
    }
    return $centres;
}

# Centres, clusters, and the sum of the squared distances.
sub k_means
{
    my ($x, $k) = @_;
    my $centres = first_centres($x, $k);
    my $before = nd->inf;
    while (1) {
        my $distances = squared_distances($x, $centres);
        my $clusters = $distances->argmin(axis => 1);
        my $sum = $distances->min(axis => 1)->sum->asscalar;
        return ($centres, $clusters, $sum) if $sum >= $before;
        $before = $sum;
        my $members = $clusters->one_hot($k);
        $centres = nd->dot($members, $x, transpose_a => 1) / $members->sum(axis => 0)->expand_dims(1);
    }
}

for my $k (1 .. 5) {
    my @best;
    for (1 .. 20) {
        my @found = k_means($x, $k);
        @best = @found if not @best or $found[2] < $best[2];
    }
    my ($centres, $clusters, $sum) = @best;
    printf "%d clusters: sum of squared distances %.3f\n", $k, $sum;
    next if $k != 3;
    my $order = $centres->slice(':', 2)->argsort;    # by the length of the petals
    nd->printf("centres %s\n", $centres->slice($order));
    printf "adjusted Rand index with the species %.4f\n", Evaluation::adjusted_rand_index($irises->label, $clusters);
}

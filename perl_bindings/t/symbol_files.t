# Models that MXNet 1.9.1 saved, from Perl.
use strict;
use warnings;
use FindBin qw($Bin);
use Test::More;
use AI::MXNet qw(mx);

my $models = "$Bin/../../tests/data/models";
plan skip_all => 'the models are not part of the distribution' if !-d $models;

for my $name (qw(multilayer convolutional recurrent)) {
    my %known = %{ mx->nd->load("$models/$name-run.params") };
    my $parameters = mx->nd->load("$models/$name-0001.params");
    $known{ s/^\w+://r } = $parameters->{$_} for keys %$parameters;
    for my $kind (qw(symbol 0800)) {
        my $net = mx->sym->load("$models/$name-$kind.json");
        my $executor = $net->bind(ctx => mx->cpu, args => \%known, aux_states => \%known);
        my $difference = ($executor->forward->[0] - $known{output0})->abs->max->asscalar;
        cmp_ok $difference, '<', 1e-5, "$name, $kind";
    }
}

done_testing;

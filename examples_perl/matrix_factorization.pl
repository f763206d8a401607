#!/usr/bin/env perl
# Which films will a viewer like? Each viewer and each film gets a few numbers, whose product is the rating. A batch knows
# few of them: weights and gradients are row_sparse, and a store keeps them, from which each batch fetches its own rows.
# ignore-lines: ^Epoch|^Update
# tolerance: 0.1 0.05
# time-limit: 120
use strict;
use warnings;
use AI::MXNet qw(mx nd);

mx->random->seed(11);
my ($viewers, $films, $factors, $ratings, $batch_size) = (300, 200, 4, 16_000, 200);

# Made-up tastes, of which only some ratings are known, with a little noise.
my ($tastes, $traits) = map { nd->random->normal(0, 1, shape => [$_, $factors]) } $viewers, $films;
my $viewer = nd->floor(nd->random->uniform(0, $viewers, shape => [$ratings]));
my $film   = nd->floor(nd->random->uniform(0, $films,   shape => [$ratings]));
my $rating = nd->sum(nd->take($tastes, $viewer) * nd->take($traits, $film), axis => 1) + nd->random->normal(0, 0.1, shape => [$ratings]);

sub part
{
    my ($begin, $end) = @_;
    my ($v, $f, $r) = map { nd->slice_axis($_, axis => 0, begin => $begin, end => $end) } $viewer, $film, $rating;
    return mx->io->NDArrayIter(data => [$v, $f], label => $r, label_name => 'rating', batch_size => $batch_size);
}

my $known = int(0.9 * $ratings);
my ($train, $test) = (part(0, $known), part($known, $ratings));

sub factors_of
{
    my ($ids, $name, $count) = @_;
    my $weight = mx->sym->Variable("${name}_weight", stype => 'row_sparse');
    return mx->sym->Embedding(mx->sym->Variable($ids), $weight, input_dim => $count, output_dim => $factors, sparse_grad => 1, name => $name);
}

my $product = mx->sym->sum(factors_of('_0_data', 'viewer', $viewers) * factors_of('_1_data', 'film', $films), axis => 1);
my $net = mx->sym->LinearRegressionOutput($product, mx->sym->Variable('rating'), name => 'predicted');

# the rows that a batch needs
my @rows = (sparse_row_id_fn => sub { my ($batch) = @_; return { viewer_weight => $batch->data->[0], film_weight => $batch->data->[1] } });
my $module = mx->mod->Module($net, data_names => ['_0_data', '_1_data'], label_names => ['rating']);
local $SIG{__WARN__} = sub { print $_[0] };    # the log
$module->fit(
    $train,
    eval_data        => $test,
    eval_metric      => 'rmse',
    num_epoch        => 12,
    kvstore          => mx->kv->create('local'),
    initializer      => mx->init->Normal(0.3),
    optimizer        => 'adam',
    optimizer_params => { learning_rate => 0.05, lr_scheduler => AI::MXNet::FactorScheduler->new(step => 144, factor => 0.7) },
    @rows,
);

my ($weights) = $module->get_params;
print "$_: ", $weights->{$_}->stype, ' of ', join(' x ', @{ $weights->{$_}->shape }), "\n" for sort keys %$weights;
my $gradient = $module->_exec_group->grad_arrays->[0][0];
printf "the gradient of the last batch had %s rows\n", $gradient->indices->len < $viewers ? 'fewer' : 'all';
printf "error of ratings that were not known: %.2f\n", $module->score($test, 'rmse', @rows)->{rmse};

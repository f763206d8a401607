#!/usr/bin/env perl
# A network that is shown pairs of numbers learns to add, subtract, multiply and divide them: one symbol with four outputs,
# each with a loss of its own, trained together in a module.
# ignore-lines: ^Epoch|^Update|^   \d
# tolerance: 0.05 0.05
# time-limit: 120
use strict;
use warnings;
use AI::MXNet qw(mx nd);

mx->random->seed(7);
my %operations = (
    add      => sub { $_[0] + $_[1] },
    subtract => sub { $_[0] - $_[1] },
    multiply => sub { $_[0] * $_[1] },
    divide   => sub { $_[0] / $_[1] },
);
my @names = sort keys %operations;
my $batch_size = 100;

# Pairs of numbers from 1 to 5, and what each operation makes of them.
sub problems
{
    my ($count) = @_;
    my $pairs = nd->random->uniform(1, 5, shape => [$count, 2]);
    my ($x, $y) = map { nd->slice_axis($pairs, axis => 1, begin => $_, end => $_ + 1) } 0, 1;
    return mx->io->NDArrayIter(
        data       => { numbers => $pairs },
        label      => [map { $operations{$_}->($x, $y) } @names],    # a list of arrays: _0_label, _1_label ...
        label_name => 'label',
        batch_size => $batch_size,
    );
}

# Products are sums of logarithms. Nobody tells the network which operation needs the numbers and which their logarithms.
my $numbers = mx->sym->Variable('numbers');
my $powers  = mx->sym->exp(mx->sym->FullyConnected(mx->sym->log($numbers), num_hidden => 2, no_bias => 1, name => 'exponents'));
my $terms   = mx->sym->Concat($numbers, $powers, dim => 1, name => 'terms');
my $net = mx->sym->Group([
    map {
        my $answer = mx->sym->FullyConnected($terms, num_hidden => 1, name => $names[$_]);
        mx->sym->LinearRegressionOutput($answer, mx->sym->Variable("_${_}_label"), name => "$names[$_]_answer");
    } 0 .. $#names
]);
print 'outputs: ', join(' ', @{ $net->list_outputs }), "\n";

local $SIG{__WARN__} = sub { print $_[0] };    # the log
my $module = mx->mod->Module(symbol => $net, data_names => ['numbers'], label_names => [map {"_${_}_label"} 0 .. $#names]);
$module->fit(
    problems(4000),
    eval_data        => problems(500),
    eval_metric      => ['mse', 'mae'],
    num_epoch        => 60,
    initializer      => mx->init->Uniform(0.5),
    optimizer        => 'adam',
    optimizer_params => { learning_rate => 0.05, lr_scheduler => AI::MXNet::FactorScheduler->new(step => 200, factor => 0.8) },
);

my @examples = ([2, 2], [3, 1.5], [4.5, 2.5]);
my @answers = $module->predict(mx->io->NDArrayIter(data => { numbers => nd->array(\@examples) }, batch_size => 1));
for my $i (0 .. $#examples) {
    printf "   %g and %g: %s\n", @{ $examples[$i] }, join ', ', map { sprintf '%s %.2f', $names[$_], $answers[$_]->at($i)->asscalar } 0 .. $#names;
}
my $test = problems(500);
my %found;
@found{@names} = $module->predict($test);
my %right;
@right{@names} = map { $_->[1] } @{ $test->label };
printf "%s: mean error %.2f\n", $_, ($found{$_} - $right{$_})->abs->mean->asscalar for @names;

#!/usr/bin/env perl
# A convolutional network, LeNet as a symbol, learns to read digits in a module. Alone, or in several processes that
# share the work of each batch:
#     perl module_digits.pl
#     mpirun -np 4 perl module_digits.pl dist_sync        # needs MPI: docs/install.md
# ignore-lines: ^worker
# tolerance: 0.02 0.001
# time-limit: 120
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use PDL;
use AI::MXNet qw(mx nd);
use Digits;

my $store = mx->kv->create($ARGV[0] // 'local');
my ($rank, $workers) = ($store->rank, $store->num_workers);
my $batch_size = 64 / $workers;
mx->random->seed(1);

my $net = mx->sym->Variable('data');
for (['conv1', 8], ['conv2', 16]) {
    my ($name, $filters) = @$_;
    $net = mx->sym->Convolution($net, name => $name, kernel => [5, 5], num_filter => $filters);
    $net = mx->sym->Activation($net, act_type => 'tanh');
    $net = mx->sym->Pooling($net, pool_type => 'max', kernel => [2, 2], stride => [2, 2]);
}
$net = mx->sym->FullyConnected(mx->sym->Flatten($net), num_hidden => 100, name => 'fc1');
$net = mx->sym->FullyConnected(mx->sym->Activation($net, act_type => 'tanh'), num_hidden => 10, name => 'fc2');
$net = mx->sym->SoftmaxOutput($net, name => 'softmax');

# every so-manieth image is this worker's; all have equally many
sub share
{
    my ($images, $labels) = Digits->load($_[0]);
    my $last = $workers * int($labels->nelem / $workers) - 1;
    my $rows = sequence(long, ($last + 1) / $workers) * $workers + $rank;
    $images = $images->dice_axis(1, $rows)->reshape(28, 28, 1, $rows->nelem);
    return mx->io->NDArrayIter(data => $images, label => $labels->index($rows), batch_size => $batch_size);
}

my ($train, $test) = map { share($_) } qw(train t10k);
$SIG{__WARN__} = sub { print "worker $rank: $_[0]" };    # the log
my $module = mx->mod->Module($net);
$module->fit(
    $train, eval_data => $test, num_epoch => 12, kvstore => $store, initializer => mx->init->Xavier,
    optimizer => 'sgd', optimizer_params => { learning_rate => 0.05, momentum => 0.9 },
    $rank == 0 ? (batch_end_callback => mx->callback->Speedometer($batch_size * $workers, 10)) : ());

my $accuracy = $module->score($test, 'acc')->{accuracy};
my ($args) = $module->get_params;
print "worker $rank of $workers: accuracy $accuracy\n";
exit if $rank > 0;
print '97 of a hundred digits are read: ', ($accuracy >= 0.97 ? 'yes' : 'no'), "\n";
print 'parameters: ', join(', ', map { "$_ " . join 'x', @{ $args->{$_}->shape } } sort keys %$args), "\n";

#!/usr/bin/env perl
# A symbol learns to read digits, in a module. Alone, or in several processes that share the work of each batch:
#     perl module_digits.pl
#     mpirun -np 4 perl module_digits.pl dist_sync        # needs MPI: docs/install.md
# ignore-lines: ^worker
# tolerance: 0.02 0.001
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

my $net = mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 64, name => 'fc1');
$net = mx->sym->FullyConnected(mx->sym->Activation($net, act_type => 'relu'), num_hidden => 10, name => 'fc2');
$net = mx->sym->SoftmaxOutput($net, name => 'softmax');

# every so-manieth row is this worker's; all have equally many
sub share
{
    my ($images, $labels) = Digits->load($_[0]);
    my $last = $workers * int($labels->nelem / $workers) - 1;
    my $rows = sequence(long, ($last + 1) / $workers) * $workers + $rank;
    return mx->io->NDArrayIter(data => $images->dice_axis(1, $rows), label => $labels->index($rows), batch_size => $batch_size);
}

my ($train, $test) = map { share($_) } qw(train t10k);
$SIG{__WARN__} = sub { print "worker $rank: $_[0]" };    # the log
my $module = mx->mod->Module($net);
$module->fit(
    $train, eval_data => $test, num_epoch => 6, kvstore => $store, initializer => mx->init->Xavier,
    optimizer => 'sgd', optimizer_params => { learning_rate => 0.05, momentum => 0.9 },
    $rank == 0 ? (batch_end_callback => mx->callback->Speedometer($batch_size * $workers, 10)) : ());

my $accuracy = $module->score($test, 'acc')->{accuracy};
my ($args) = $module->get_params;
print "worker $rank of $workers: accuracy $accuracy\n";
print 'more than nine of ten digits are read: ', ($accuracy > 0.9 ? 'yes' : 'no'), "\n" if $rank == 0;
print 'parameters: ', join(', ', map { "$_ " . join 'x', @{ $args->{$_}->shape } } sort keys %$args), "\n" if $rank == 0;

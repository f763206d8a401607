# Trains a network on this worker's share of each batch: train.pl STORE PREFIX [--from EPOCH] [--kill RANK EPOCH BATCH]
use strict;
use warnings;
use AI::MXNet qw(mx nd);

my ($type, $prefix, %options) = @ARGV;
my ($from, $kill) = @options{qw(--from --kill)};
my $store = mx->kv->create($type);
my ($rank, $count) = ($store->rank, $store->num_workers);

use constant { BATCH => 8, BATCHES => 4, EPOCHS => 4 };

# rows of each batch in turn for each worker
my @rows = map { my $batch = $_; map { $batch * BATCH + $_ * $count + $rank } 0 .. BATCH / $count - 1 } 0 .. BATCHES - 1;
my $data  = nd->array([map { my $row = $_; [map { sin($row * 5 + $_) } 1 .. 3] } @rows], dtype => 'float64');
my $label = nd->array([map { [cos($_)] } @rows], dtype => 'float64');
my $batches = mx->io->NDArrayIter(data => $data, label => $label, batch_size => BATCH / $count, label_name => 'out_label');

my $net = mx->sym->Activation(mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 6, name => 'fc1'), act_type => 'tanh');
$net = mx->sym->LinearRegressionOutput(mx->sym->FullyConnected($net, num_hidden => 1, name => 'fc2'), name => 'out');
my @names = (label_names => ['out_label'], context => mx->cpu);
my $module = defined $from ? mx->mod->Module->load($prefix, $from, 1, @names) : mx->mod->Module($net, @names);

$SIG{__WARN__} = sub { };    # the log
mx->random->seed(10 + $rank);    # each worker begins elsewhere, if nobody sees to it
$module->fit(
    $batches, begin_epoch => $from // 0, num_epoch => EPOCHS, eval_metric => 'mse', kvstore => $store, initializer => mx->init->Xavier,
    optimizer => 'adam', optimizer_params => { learning_rate => 0.05 },
    batch_end_callback => sub {
        my ($param) = @_;
        kill KILL => $$ if defined $kill and $kill eq join ',', $rank, $param->epoch, $param->nbatch;
    },
    epoch_end_callback => sub { my ($epoch) = @_; $module->save_checkpoint($prefix, $epoch + 1, 1) if $rank == 0 and $type ne 'dist_async' },
);
my ($args) = $module->get_params;
my @score = map { sprintf '%.6f', $_ } values %{ $module->score($batches, 'mse') };
print "worker $rank of $count: ", join(' ', @score, map { sprintf '%.9f', $_ } map { $args->{$_}->aspdl->list } sort keys %$args), "\n";

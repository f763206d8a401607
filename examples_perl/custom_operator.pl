#!/usr/bin/env perl
# Linear regression whose loss is an operator written in Perl: Huber's, which outliers do not impress.
# ignore-lines: ^Epoch|^Update
# tolerance: 0.05 0.05
# time-limit: 60
use strict;
use warnings;
use AI::MXNet qw(mx nd);

{
    package HuberOutput;    # what computes
    use Mouse;
    extends 'AI::MXNet::CustomOp';

    has width => (is => 'ro', required => 1);

    # The output is the prediction itself, as with mx->sym->LinearRegressionOutput.
    sub forward
    {
        my ($self, $is_train, $req, $in_data, $out_data, $aux) = @_;
        $self->assign($out_data->[0], $req->[0], $in_data->[0]);
    }

    # The error, but no more than the width.
    sub backward
    {
        my ($self, $req, $out_grad, $in_data, $out_data, $in_grad, $aux) = @_;
        my $error = $out_data->[0] - $in_data->[1]->reshape($out_data->[0]->shape);
        $self->assign($in_grad->[0], $req->[0], $error->clip(-$self->width, $self->width));
    }

    package HuberOutputProp;    # what is known before
    use Mouse;
    extends 'AI::MXNet::CustomOpProp';

    has width            => (is => 'ro', default => 1);
    has '+need_top_grad' => (default => 0);               # it is a loss

    sub list_arguments { return ['data', 'label'] }
    sub infer_shape { my ($self, $shapes) = @_; my $data = $shapes->[0]; return ([$data, [$data->[0]]], [$data], []) }
    sub create_operator { my ($self) = @_; return HuberOutput->new(width => $self->width) }
}
mx->operator->register(huber_output => 'HuberOutputProp');
print 'operators: ', join(', ', @{ mx->operator->get_all_registered_operators }), "\n";

# y = 3 a - 2 b + 1, but every tenth value was written down wrongly.
mx->random->seed(5);
my $count = 1000;
my $x = nd->random->normal(0, 1, shape => [$count, 2]);
my $y = nd->dot($x, nd->array([3, -2])) + 1 + nd->random->normal(0, 0.1, shape => [$count]);
$y += 40 * (nd->random->uniform(0, 1, shape => [$count]) < 0.1);

my $fc = mx->sym->FullyConnected(mx->sym->Variable('data'), num_hidden => 1, name => 'fc');
my %losses = (
    square => mx->sym->LinearRegressionOutput($fc, mx->sym->Variable('label'), name => 'out'),
    huber  => mx->sym->Custom($fc, mx->sym->Variable('label'), op_type => 'huber_output', width => 0.5, name => 'out'),
);
print 'arguments: ', join(', ', @{ $losses{huber}->list_arguments }), "\n";

local $SIG{__WARN__} = sub { print $_[0] };    # the log
for my $name (sort keys %losses) {
    my $train = mx->io->NDArrayIter($x, $y, batch_size => 50, label_name => 'label');
    my $module = mx->mod->Module($losses{$name}, label_names => ['label']);
    $module->fit(
        $train, num_epoch => 15, eval_metric => 'mae', optimizer => 'sgd',
        optimizer_params => { learning_rate => 0.2, lr_scheduler => AI::MXNet::FactorScheduler->new(step => 60, factor => 0.7) });
    my ($args) = $module->get_params;
    printf "%-6s y = %.1f a %+.1f b %+.1f\n", $name, $args->{fc_weight}->aspdl->list, $args->{fc_bias}->asscalar;
}

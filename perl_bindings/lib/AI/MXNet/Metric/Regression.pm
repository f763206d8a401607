package AI::MXNet::Metric::Regression;
# Metrics of predicted numbers. Documented in AI::MXNet::Metric.
use strict;
use warnings;

# Labels minus predictions. As many of both are paired in order; others have a label for each row of predictions.
sub _differences
{
    my ($label, $pred) = @_;
    my ($expected, $got) = AI::MXNet::Metric::_floats($label, $pred);
    return $expected->reshape([-1]) - $got->reshape([-1]) if $label->size == $pred->size;
    AI::MXNet::Error::fail('labels of shape [', join(',', @{ $label->shape }), '] do not fit predictions of shape [', join(',', @{ $pred->shape }), ']')
        if $label->size != $pred->len;
    return $expected->reshape([-1, 1]) - $got->reshape([0, -1]);
}

# The three that average something of the differences in each pair.
for ([MAE => sub { $_[0]->abs->mean }], [MSE => sub { $_[0]->square->mean }], [RMSE => sub { $_[0]->square->mean->sqrt }]) {
    my ($name, $code) = @$_;
    my $class = "AI::MXNet::$name";
    my $meta = Mouse::Meta::Class->initialize($class);
    $meta->superclasses('AI::MXNet::EvalMetric');
    $meta->add_attribute('+name' => (default => lc $name));
    $meta->add_method(_measure => sub { my ($self, @pair) = @_; return ($code->(_differences(@pair)), 1) });
    $meta->make_immutable;
    AI::MXNet::Metric->register($class);
}

package AI::MXNet::PearsonCorrelation;
use AI::MXNet::Mouse;

extends 'AI::MXNet::EvalMetric';

has '+name' => (default => 'pearson-correlation');

sub _measure
{
    my ($self, @pair) = @_;
    my ($x, $y) = map { AI::MXNet::Metric::_flat($_) } @pair;
    AI::MXNet::Metric::check_label_shapes($x, $y);
    $_ = $_ - $_->avg for $x, $y;
    return (($x * $y)->sum / (($x**2)->sum * ($y**2)->sum)->sqrt, 1);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__, 'pearsonr');

package AI::MXNet::Loss;
use AI::MXNet::Mouse;

extends 'AI::MXNet::EvalMetric';

has '+name' => (default => 'loss');

sub update
{
    my ($self, $labels, $preds) = @_;
    my $i = 0;
    for my $pred (ref $preds eq 'ARRAY' ? @$preds : $preds) {
        AI::MXNet::Error::expect('the metric Loss takes losses, which are NDArrays', 'AI::MXNet::NDArray', $pred);
        my ($values) = AI::MXNet::Metric::_floats($AI::MXNet::AutoGrad::RECORDING ? $pred->detach : $pred);
        $self->_add($values->sum, $pred->size, $i++);
    }
    return;
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__);

1;

__END__

=head1 NAME

AI::MXNet::Metric::Regression - classes of metrics

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Metric>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Metric>

=cut

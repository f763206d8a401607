package AI::MXNet::Gluon::Loss;
# What all losses share, and the losses. POD at the end.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::NS;

extends 'AI::MXNet::Gluon::HybridBlock';

has weight     => (is => 'rw', isa => 'Maybe[Num]');
has batch_axis => (is => 'rw', isa => 'Int', default => 0);

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub _describe
{
    my ($self) = @_;
    return $self->class . '(batch_axis=' . $self->batch_axis . ', w=' . ($self->weight // '') . ')';
}

# The loss times the weights of the samples, which are broadcast, and the weight of all.
sub _apply_weighting
{
    my ($self, $F, $loss, $weight, $sample_weight) = @_;
    $loss = $F->broadcast_mul($loss, $sample_weight) if defined $sample_weight;
    return defined $weight && $weight != 1 ? $loss * $weight : $loss;
}

# $x in the shape of $y.
sub _reshape_like
{
    my ($self, $F, $x, $y) = @_;
    return $x if $F eq 'AI::MXNet::NDArray' and $x->{type} == $y->{type};
    return $F->reshape_like($x, $y);
}

# The loss of each sample: weighted, and averaged over all other axes.
sub _mean
{
    my ($self, $F, $loss, $sample_weight) = @_;
    $loss = $self->_apply_weighting($F, $loss, $self->{weight}, $sample_weight);
    return $F->mean($loss, axis => $self->{batch_axis}, exclude => 1);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::L2Loss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has '+weight' => (default => 1);

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    $label = $self->_reshape_like($F, $label, $pred);
    my $loss = $self->_apply_weighting($F, $F->square($pred - $label), $self->{weight} / 2, $sample_weight);
    return $F->mean($loss, axis => $self->{batch_axis}, exclude => 1);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::SoftmaxCrossEntropyLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has axis         => (is => 'ro', isa => 'Int', default => -1);
has sparse_label => (is => 'ro', isa => 'Bool', default => 1);
has from_logits  => (is => 'ro', isa => 'Bool', default => 0);

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    $pred = $F->log_softmax($pred, axis => $self->{axis}) unless $self->{from_logits};
    my $loss;
    if ($self->{sparse_label}) { $loss = -$F->pick($pred, $label, axis => $self->{axis}, keepdims => 1) }
    else {
        $label = $self->_reshape_like($F, $label, $pred);
        $loss = -$F->sum($pred * $label, axis => $self->{axis}, keepdims => 1);
    }
    return $self->_mean($F, $loss, $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Loss', 'SoftmaxCELoss');

1;

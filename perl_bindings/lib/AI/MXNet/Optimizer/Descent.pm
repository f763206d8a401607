package AI::MXNet::Optimizer::Descent;
# Optimizers that descend along the gradient, with or without momentum. Documented in AI::MXNet::Optimizer.

package AI::MXNet::SGD;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

has momentum        => (is => 'rw', isa => 'Num',  default => 0);
has multi_precision => (is => 'rw', isa => 'Bool', default => 0);
has lazy_update     => (is => 'rw', isa => 'Bool', default => 1);

# the momentum, if any; in multi precision a list of it and of the weight as float32
sub create_state
{
    my ($self, $index, $weight) = @_;
    AI::MXNet::Optimizer::_check_weight($weight);
    if ($weight->dtype eq 'float16') {
        return [$self->momentum != 0 ? AI::MXNet::Optimizer::_zeros($weight, 'float32') : undef, $weight->astype('float32')]
            if $self->multi_precision;
        AI::MXNet::Logging->warning('Accumulating with float16 in optimizer can lead to poor accuracy or slow convergence. '
            . 'Consider using multi_precision => 1 option of the optimizer');
    }
    return $self->momentum != 0 ? AI::MXNet::Optimizer::_zeros($weight, undef, $self->lazy_update) : undef;
}

sub _states { my ($self, $state) = @_; return grep {defined} ref $state eq 'ARRAY' ? @$state : $state }

# what the momentum is applied by
sub _kind {'sgd'}

sub _rule
{
    my ($self, $state, $lr, $wd) = @_;
    my ($momentum, $master) = ref $state eq 'ARRAY' ? @$state : $state;
    my $mixed = defined $master ? 'mp_' : '';
    my @lazy = $self->lazy_update ? () : (lazy_update => 0);
    return ("${mixed}sgd_update", lr => $lr, wd => $wd, @lazy) unless defined $momentum;
    return ($mixed . $self->_kind . '_mom_update', lr => $lr, wd => $wd, momentum => $self->momentum, $self->_kind eq 'sgd' ? @lazy : ());
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::NAG;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::SGD';

sub _kind {'nag'}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Signum;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

has momentum => (is => 'rw', isa => 'Num', default => 0.9);
has wd_lh    => (is => 'rw', isa => 'Num', default => 0);

sub create_state
{
    my ($self, $index, $weight) = @_;
    return $self->momentum != 0 ? AI::MXNet::Optimizer::_zeros($weight) : undef;
}

sub _rule
{
    my ($self, $state, $lr, $wd) = @_;
    return ('signsgd_update', lr => $lr, wd => $wd) unless defined $state;
    return ('signum_update', lr => $lr, wd => $wd, momentum => $self->momentum, wd_lh => $self->wd_lh);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::SGLD;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

sub _rule { my ($self, $state, $lr, $wd) = @_; return ('_sgld_update', lr => $lr, wd => $wd) }

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::DCASGD;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

has momentum => (is => 'rw', isa => 'Num', default => 0);
has lamda    => (is => 'rw', isa => 'Num', default => 0.04);

# the momentum, if any, and the weight before the last update
sub create_state
{
    my ($self, $index, $weight) = @_;
    return [$self->momentum != 0 ? AI::MXNet::Optimizer::_zeros($weight) : undef, $weight->copy];
}

sub _states { my ($self, $state) = @_; return grep {defined} @$state }

sub _rule
{
    my ($self, $state, $lr, $wd) = @_;
    my %attributes = (lr => $lr, wd => $wd, lamda => $self->lamda);
    return ('_dcasgd_update', %attributes) unless defined $state->[0];
    return ('_dcasgd_mom_update', %attributes, momentum => $self->momentum);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::LBSGD;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::SGD';

has warmup_startegy   => (is => 'rw', isa => 'Str', default => 'linear');    # the spelling of the original
has warmup_epochs     => (is => 'rw', isa => 'Int', default => 5);
has batch_scale       => (is => 'rw', isa => 'Num', default => 1);
has updates_per_epoch => (is => 'rw', isa => 'Int', default => 32);
has begin_epoch       => (is => 'rw', isa => 'Int', default => 0);
has num_epochs        => (is => 'rw', isa => 'Int', default => 60);
has _sums             => (is => 'rw', isa => 'HashRef', default => sub { {} });

around BUILDARGS => sub {
    my ($original, $class, @arguments) = @_;
    my $named = $class->$original(@arguments);
    $named->{warmup_startegy} = $named->{warmup_strategy} if exists $named->{warmup_strategy};
    return $named;
};

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    my ($lr, $wd) = $self->_begin($index, $weight, $grad);
    my $sum = $self->_sums->{$index} //= { batches => $self->begin_epoch * $self->updates_per_epoch };
    $sum->{grad} = defined $sum->{grad} ? $sum->{grad} + $grad : $grad->copy;
    return if ++$sum->{batches} % $self->batch_scale;
    $grad = delete($sum->{grad}) / $self->batch_scale;
    $lr *= $self->warmup_startegy eq 'lars' ? $self->_layer_rate($weight, $grad, $wd) : $self->_warm_up($sum->{batches});
    my ($row, $attributes) = $self->_complete_rule($state, $lr, $wd);
    AI::MXNet::Operators::invoke($row, [$weight, $grad, $self->_checked_states($state)], $attributes, $weight);
    return;
}

# How far the rate has grown towards batch_scale times itself.
sub _warm_up
{
    my ($self, $batches) = @_;
    my $all = $self->warmup_epochs * $self->updates_per_epoch;
    return $self->batch_scale if $batches >= $all;
    my $part = $batches / $all;
    my %growth = (linear => $part, power2 => $part**2, sqrt => sqrt $part);
    return 1 + ($self->batch_scale - 1) * ($growth{ $self->warmup_startegy } // 0);
}

# The rate of a layer, from the norms of weight and gradient.
sub _layer_rate
{
    my ($self, $weight, $grad, $wd) = @_;
    my ($weight2, $grad2) = map { ($_ * $_)->sum->asscalar } map { $_->astype('float32') } $weight, $grad;
    my $rate = sqrt($weight2 / ($grad2 + $wd * $weight2 + 1e-18));
    return $rate < 0.01 ? 0.01 : $rate > 100 ? 100 : $rate;
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

1;

__END__

=head1 NAME

AI::MXNet::Optimizer::Descent - classes of optimizers

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Optimizer>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Optimizer>

=cut

package AI::MXNet::Optimizer::Adaptive;
# Optimizers that scale the step of each element by its gradients so far. Documented in AI::MXNet::Optimizer.

package AI::MXNet::Adam;
use strict;
use warnings;
use Mouse;

extends 'AI::MXNet::Optimizer';

has '+learning_rate' => (default => 0.001);
has beta1       => (is => 'rw', isa => 'Num',  default => 0.9);
has beta2       => (is => 'rw', isa => 'Num',  default => 0.999);
has epsilon     => (is => 'rw', isa => 'Num',  default => 1e-8);
has lazy_update => (is => 'rw', isa => 'Bool', default => 1);

# mean and variance
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. 2] }

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    my ($lr, $wd, $t) = $self->_begin($index, $weight, $grad);
    my ($beta1, $beta2) = ($self->beta1, $self->beta2);
    $lr *= sqrt(1 - $beta2**$t) / (1 - $beta1**$t);
    return $self->_apply('adam_update', [$weight, $grad, @$state], lr => $lr, wd => $wd, beta1 => $beta1, beta2 => $beta2, epsilon => $self->epsilon);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::AdaGrad;
use strict;
use warnings;
use Mouse;

extends 'AI::MXNet::Optimizer';

has eps => (is => 'rw', isa => 'Num', default => 1e-7);

# the sum of the squares
sub create_state { my ($self, $index, $weight) = @_; return AI::MXNet::Optimizer::_zeros($weight) }

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    my ($lr, $wd) = $self->_begin($index, $weight, $grad);
    $grad = $self->_rescaled($grad);
    $state += $grad->square;
    $weight -= $lr * ($grad / ($state + $self->eps)->sqrt + $wd * $weight);
    return;
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::RMSProp;
use strict;
use warnings;
use Mouse;

extends 'AI::MXNet::Optimizer';

has '+learning_rate' => (default => 0.001);
has gamma1       => (is => 'rw', isa => 'Num',  default => 0.9);
has gamma2       => (is => 'rw', isa => 'Num',  default => 0.9);
has epsilon      => (is => 'rw', isa => 'Num',  default => 1e-8);
has centered     => (is => 'rw', isa => 'Bool', default => 0);
has clip_weights => (is => 'rw', isa => 'Maybe[Num]');

# mean of the squares; centered also mean of the gradients, and the step
sub create_state
{
    my ($self, $index, $weight) = @_;
    return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. ($self->centered ? 3 : 1)];
}

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    my ($lr, $wd) = $self->_begin($index, $weight, $grad);
    my %attributes = (lr => $lr, wd => $wd, gamma1 => $self->gamma1, epsilon => $self->epsilon);
    $attributes{gamma2}       = $self->gamma2       if $self->centered;
    $attributes{clip_weights} = $self->clip_weights if defined $self->clip_weights;
    return $self->_apply($self->centered ? 'rmspropalex_update' : 'rmsprop_update', [$weight, $grad, @$state], %attributes);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::AdaDelta;
use strict;
use warnings;
use Mouse;

extends 'AI::MXNet::Optimizer';

has rho     => (is => 'rw', isa => 'Num', default => 0.9);
has epsilon => (is => 'rw', isa => 'Num', default => 1e-5);

# means of the squares of gradients and of steps
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. 2] }

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    my (undef, $wd) = $self->_begin($index, $weight, $grad);
    my ($grads, $steps) = @$state;
    my ($rho, $epsilon) = ($self->rho, $self->epsilon);
    $grad = $self->_rescaled($grad);
    $grads *= $rho;
    $grads += (1 - $rho) * $grad->square;
    my $step = ($steps + $epsilon)->sqrt / ($grads + $epsilon)->sqrt * $grad;
    $steps *= $rho;
    $steps += (1 - $rho) * $step->square;
    $weight -= $step + $wd * $weight;
    return;
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Ftrl;
use strict;
use warnings;
use Mouse;

extends 'AI::MXNet::Optimizer';

has '+learning_rate' => (default => 0.1);
has lamda1 => (is => 'rw', isa => 'Num', default => 0.01);
has beta   => (is => 'rw', isa => 'Num', default => 1);

# z and n of the paper
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. 2] }

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    my ($lr, $wd) = $self->_begin($index, $weight, $grad);
    return $self->_apply('ftrl_update', [$weight, $grad, @$state], lr => $lr, wd => $wd, lamda1 => $self->lamda1, beta => $self->beta);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::FTML;
use strict;
use warnings;
use Mouse;

extends 'AI::MXNet::Optimizer';

has beta1   => (is => 'rw', isa => 'Num', default => 0.6);
has beta2   => (is => 'rw', isa => 'Num', default => 0.999);
has epsilon => (is => 'rw', isa => 'Num', default => 1e-8);

# d, v and z of the paper
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. 3] }

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    my ($lr, $wd, $t) = $self->_begin($index, $weight, $grad);
    return $self->_apply('ftml_update', [$weight, $grad, @$state],
        lr => $lr, wd => $wd, t => $t, beta1 => $self->beta1, beta2 => $self->beta2, epsilon => $self->epsilon);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Adamax;
use strict;
use warnings;
use Mouse;

extends 'AI::MXNet::Optimizer';

has '+learning_rate' => (default => 0.002);
has beta1 => (is => 'rw', isa => 'Num', default => 0.9);
has beta2 => (is => 'rw', isa => 'Num', default => 0.999);

# mean, and the largest gradient
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. 2] }

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    my ($lr, $wd, $t) = $self->_begin($index, $weight, $grad);
    my ($mean, $largest) = @$state;
    my $beta1 = $self->beta1;
    $grad = $self->_clipped($grad * $self->rescale_grad + $wd * $weight);
    $mean *= $beta1;
    $mean += (1 - $beta1) * $grad;
    $largest .= AI::MXNet::NDArray->maximum($largest * $self->beta2, $grad->abs);
    # without it, a gradient that never was other than 0 makes the weight nan
    $weight -= $lr / (1 - $beta1**$t) * $mean / ($largest + 1e-8);
    return;
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Nadam;
use strict;
use warnings;
use Mouse;

extends 'AI::MXNet::Optimizer';

has '+learning_rate' => (default => 0.001);
has beta1          => (is => 'rw', isa => 'Num', default => 0.9);
has beta2          => (is => 'rw', isa => 'Num', default => 0.999);
has epsilon        => (is => 'rw', isa => 'Num', default => 1e-8);
has schedule_decay => (is => 'rw', isa => 'Num', default => 0.004);
has _schedule      => (is => 'rw', isa => 'HashRef', default => sub { {} });

# mean and variance
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. 2] }

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    my ($lr, $wd, $t) = $self->_begin($index, $weight, $grad);
    my ($mean, $variance) = @$state;
    my ($beta1, $beta2) = ($self->beta1, $self->beta2);
    $grad = $self->_clipped($grad * $self->rescale_grad + $wd * $weight);
    my ($now, $next) = map { $beta1 * (1 - 0.5 * 0.96**($_ * $self->schedule_decay)) } $t, $t + 1;
    my $schedule = $self->_schedule->{$index} = ($self->_schedule->{$index} // 1) * $now;
    $mean *= $beta1;
    $mean += (1 - $beta1) * $grad;
    $variance *= $beta2;
    $variance += (1 - $beta2) * $grad->square;
    my $step = $grad * ((1 - $now) / (1 - $schedule)) + $mean * ($next / (1 - $schedule * $next));
    $weight -= $lr * $step / (($variance / (1 - $beta2**$t))->sqrt + $self->epsilon);
    return;
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Test;
use strict;
use warnings;
use Mouse;

extends 'AI::MXNet::Optimizer';

sub create_state { my ($self, $index, $weight) = @_; return AI::MXNet::Optimizer::_zeros($weight) }

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    $weight += $grad * $self->rescale_grad;
    $state .= $weight;
    return;
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

1;

__END__

=head1 NAME

AI::MXNet::Optimizer::Adaptive - classes of optimizers

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Optimizer>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Optimizer>

=cut

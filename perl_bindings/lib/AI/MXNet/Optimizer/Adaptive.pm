package AI::MXNet::Optimizer::Adaptive;
# Optimizers that scale the step of each element by its gradients so far. Documented in AI::MXNet::Optimizer.

package AI::MXNet::Adam;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

has '+learning_rate' => (default => 0.001);
has beta1       => (is => 'rw', isa => 'Num',  default => 0.9);
has beta2       => (is => 'rw', isa => 'Num',  default => 0.999);
has epsilon     => (is => 'rw', isa => 'Num',  default => 1e-8);
has lazy_update => (is => 'rw', isa => 'Bool', default => 1);

# mean and variance
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight, undef, $self->lazy_update) } 1 .. 2] }

sub _rule
{
    my ($self, $state, $lr, $wd, $t) = @_;
    my ($beta1, $beta2) = ($self->beta1, $self->beta2);
    $lr *= sqrt(1 - $beta2**$t) / (1 - $beta1**$t);
    return ('adam_update', lr => $lr, wd => $wd, beta1 => $beta1, beta2 => $beta2, epsilon => $self->epsilon, $self->lazy_update ? () : (lazy_update => 0));
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::AdaGrad;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

has eps => (is => 'rw', isa => 'Num', default => 1e-7);

# the sum of the squares
sub create_state { my ($self, $index, $weight) = @_; return AI::MXNet::Optimizer::_zeros($weight, undef, 1) }

sub _rule { my ($self, $state, $lr, $wd) = @_; return ('_sparse_adagrad_update', lr => $lr, wd => $wd, epsilon => $self->eps) }

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::RMSProp;
use strict;
use warnings;
use AI::MXNet::Mouse;

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

sub _rule
{
    my ($self, $state, $lr, $wd) = @_;
    my %attributes = (lr => $lr, wd => $wd, gamma1 => $self->gamma1, epsilon => $self->epsilon);
    $attributes{gamma2}       = $self->gamma2       if $self->centered;
    $attributes{clip_weights} = $self->clip_weights if defined $self->clip_weights;
    return ($self->centered ? 'rmspropalex_update' : 'rmsprop_update', %attributes);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::AdaDelta;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

has rho     => (is => 'rw', isa => 'Num', default => 0.9);
has epsilon => (is => 'rw', isa => 'Num', default => 1e-5);

# means of the squares of gradients and of steps
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. 2] }

sub _rule { my ($self, $state, $lr, $wd) = @_; return ('_adadelta_update', wd => $wd, rho => $self->rho, epsilon => $self->epsilon) }

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Ftrl;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

has '+learning_rate' => (default => 0.1);
has lamda1 => (is => 'rw', isa => 'Num', default => 0.01);
has beta   => (is => 'rw', isa => 'Num', default => 1);

# z and n of the paper
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight, undef, 1) } 1 .. 2] }

sub _rule { my ($self, $state, $lr, $wd) = @_; return ('ftrl_update', lr => $lr, wd => $wd, lamda1 => $self->lamda1, beta => $self->beta) }

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::FTML;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

has beta1   => (is => 'rw', isa => 'Num', default => 0.6);
has beta2   => (is => 'rw', isa => 'Num', default => 0.999);
has epsilon => (is => 'rw', isa => 'Num', default => 1e-8);

# d, v and z of the paper
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. 3] }

sub _rule
{
    my ($self, $state, $lr, $wd, $t) = @_;
    return ('ftml_update', lr => $lr, wd => $wd, t => $t, beta1 => $self->beta1, beta2 => $self->beta2, epsilon => $self->epsilon);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Adamax;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

has '+learning_rate' => (default => 0.002);
has beta1 => (is => 'rw', isa => 'Num', default => 0.9);
has beta2 => (is => 'rw', isa => 'Num', default => 0.999);

# mean, and the largest gradient
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. 2] }

sub _rule
{
    my ($self, $state, $lr, $wd, $t) = @_;
    return ('_adamax_update', lr => $lr / (1 - $self->beta1**$t), wd => $wd, beta1 => $self->beta1, beta2 => $self->beta2);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Nadam;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Optimizer';

has '+learning_rate' => (default => 0.001);
has beta1          => (is => 'rw', isa => 'Num', default => 0.9);
has beta2          => (is => 'rw', isa => 'Num', default => 0.999);
has epsilon        => (is => 'rw', isa => 'Num', default => 1e-8);
has schedule_decay => (is => 'rw', isa => 'Num', default => 0.004);
has _schedule      => (is => 'rw', isa => 'HashRef', default => sub { {} });    # by the number of the update

# mean and variance
sub create_state { my ($self, $index, $weight) = @_; return [map { AI::MXNet::Optimizer::_zeros($weight) } 1 .. 2] }

sub _rule
{
    my ($self, $state, $lr, $wd, $t) = @_;
    my $next = $self->_momentum($t + 1);
    my $product = $self->_product($t);
    return (
        '_nadam_update', lr => $lr, wd => $wd, beta1 => $self->beta1, beta2 => $self->beta2, epsilon => $self->epsilon,
        grad_factor => (1 - $self->_momentum($t)) / (1 - $product),
        mean_factor => $next / (1 - $product * $next),
        var_factor  => 1 / (1 - $self->beta2**$t),
    );
}

sub _momentum { my ($self, $t) = @_; return $self->beta1 * (1 - 0.5 * 0.96**($t * $self->schedule_decay)) }

# The product of the momenta of all updates up to this one.
sub _product
{
    my ($self, $t) = @_;
    my $products = $self->_schedule;
    my $from = $t;
    $from-- while $from > $self->begin_num_update and not defined $products->{$from};
    my $product = $products->{$from} // 1;
    $product *= $self->_momentum($_) for $from + 1 .. $t;
    delete $products->{ $t - 1000 };    # further behind the others no parameter is likely to be
    return $products->{$t} = $product;
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Test;
use strict;
use warnings;
use AI::MXNet::Mouse;

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

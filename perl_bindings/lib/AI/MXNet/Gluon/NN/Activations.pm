package AI::MXNet::Gluon::NN::Activations;
# Layers that are a function of each element. Documented in AI::MXNet::Gluon::NN.

package AI::MXNet::Gluon::NN::Activation;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has activation => (is => 'ro', isa => 'Str', required => 1);

sub python_constructor_arguments { return ['activation'] }

sub _alias { my ($self) = @_; return $self->activation }

sub hybrid_forward
{
    my ($self, $F, $x) = @_;
    return $F->Activation($x, act_type => $self->{activation}, name => 'fwd');
}

sub _describe { my ($self) = @_; return $self->class . '(' . $self->activation . ')' }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::LeakyReLU;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has alpha => (is => 'ro', isa => 'Num', required => 1);

sub python_constructor_arguments { return ['alpha'] }

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('Slope coefficient for LeakyReLU must be no less than 0, but got ', $self->alpha) if $self->alpha < 0;
}

sub hybrid_forward { my ($self, $F, $x) = @_; return $F->LeakyReLU($x, act_type => 'leaky', slope => $self->{alpha}, name => 'fwd') }

sub _describe { my ($self) = @_; return $self->class . '(' . $self->alpha . ')' }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::PReLU;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Types;
use AI::MXNet::Initializer ();

extends 'AI::MXNet::Gluon::HybridBlock';

has alpha_initializer => (is => 'ro', isa => 'Initializer', default => sub { AI::MXNet::Constant->new(0.25) });
has alpha             => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return ['alpha_initializer'] }

sub BUILD
{
    my ($self) = @_;
    $self->name_scope(sub { $self->alpha($self->params->get('alpha', shape => [1], init => $self->alpha_initializer)) });
}

sub hybrid_forward
{
    my ($self, $F, $x, %parameters) = @_;
    return $F->LeakyReLU($x, $parameters{alpha}, act_type => 'prelu', name => 'fwd');
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::ELU;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has alpha => (is => 'ro', isa => 'Num', default => 1);

sub python_constructor_arguments { return ['alpha'] }

sub hybrid_forward { my ($self, $F, $x) = @_; return $F->LeakyReLU($x, act_type => 'elu', slope => $self->{alpha}) }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::SELU;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

sub hybrid_forward { my ($self, $F, $x) = @_; return $F->LeakyReLU($x, act_type => 'selu', name => 'fwd') }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::GELU;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

sub hybrid_forward { my ($self, $F, $x) = @_; return $F->LeakyReLU($x, act_type => 'gelu', name => 'fwd') }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::Swish;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has beta => (is => 'ro', isa => 'Num', default => 1);

sub python_constructor_arguments { return ['beta'] }

sub hybrid_forward { my ($self, $F, $x) = @_; return $x * $F->sigmoid($x * $self->{beta}, name => 'fwd') }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::NN::Activations - layers that are a function of each element

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::NN>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::NN>

=cut

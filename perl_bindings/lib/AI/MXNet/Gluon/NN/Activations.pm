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

1;

__END__

=head1 NAME

AI::MXNet::Gluon::NN::Activations - layers that are a function of each element

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::NN>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::NN>

=cut

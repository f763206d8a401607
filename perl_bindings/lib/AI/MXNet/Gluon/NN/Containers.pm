package AI::MXNet::Gluon::NN::Containers;
# Blocks that call their children one after the other. Documented in AI::MXNet::Gluon::NN.
use strict;
use warnings;
use AI::MXNet::Gluon::HybridBlock;

# What both containers do.
sub _add { my ($self, @blocks) = @_; $self->register_child($_) for @blocks; return }

sub _slice
{
    my ($self, $slice) = @_;
    my @blocks = @{ $self->_child_list };
    AI::MXNet::Error::expect('slice takes the number of a block, or a list of them', ARRAY => $slice) if ref $slice or not defined $slice;
    my @numbers = ref $slice ? @$slice : $slice;
    $_ >= -@blocks && $_ < @blocks or AI::MXNet::Error::fail("slice: there is no block $_ among ", scalar @blocks) for @numbers;
    my $new = (ref $self)->new(prefix => $self->prefix);
    $new->name_scope(sub { $new->add(@blocks[@numbers]) });
    return $new;
}

package AI::MXNet::Gluon::NN::Sequential;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use overload '@{}' => sub { $_[0]->_child_list }, fallback => 1;

extends 'AI::MXNet::Gluon::Block';

sub add   { goto &AI::MXNet::Gluon::NN::Containers::_add }
sub slice { goto &AI::MXNet::Gluon::NN::Containers::_slice }

sub forward
{
    my ($self, $x) = @_;
    $x = $_->call($x) for @{ $self->{_child_list} // $self->_child_list };
    return $x;
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::HybridSequential;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use overload '@{}' => sub { $_[0]->_child_list }, fallback => 1;

extends 'AI::MXNet::Gluon::HybridBlock';

sub add   { goto &AI::MXNet::Gluon::NN::Containers::_add }
sub slice { goto &AI::MXNet::Gluon::NN::Containers::_slice }

sub hybrid_forward
{
    my ($self, $F, $x) = @_;
    $x = $_->call($x) for @{ $self->{_child_list} // $self->_child_list };
    return $x;
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::NN::Containers - Sequential and HybridSequential

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::NN>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::NN>

=cut

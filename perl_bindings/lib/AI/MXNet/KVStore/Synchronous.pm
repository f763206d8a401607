package AI::MXNet::KVStore::Synchronous;
# The store of workers that all take the same step: gradients are added up, and each updates its own copy.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::KVStore::Workers;

extends 'AI::MXNet::KVStore::Workers';

sub _agree
{
    my ($self, $keys, $arrays) = @_;
    AI::MXNet::Engine::locate();
    AI::MXNet::Engine->send(['broadcast', AI::MXNet::Engine::handles_of(@$arrays)]);
    return;
}

sub _reduce
{
    my ($self, $count, @arrays) = @_;
    AI::MXNet::Engine::locate();
    AI::MXNet::Engine->send(['allreduce', $self->_threshold, $count, AI::MXNet::Engine::handles_of(@arrays)]);
    return;
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::KVStore::Synchronous - the store of workers that take each step together

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::KVStore>, which documents it.

=head1 SEE ALSO

L<AI::MXNet::KVStore/SEVERAL WORKERS>

=cut

package AI::MXNet::KVStore::Asynchronous;
# The store of workers that do not wait for each other: the values are with a server, the last process of the job.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Data::MessagePack;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::KVStore::Workers;

extends 'AI::MXNet::KVStore::Workers';

my $told;    # the server, that this process leaves: once for all stores

sub spare {1}

# Does not return on the server.
sub BUILD
{
    my ($self) = @_;
    if ($self->rank == $self->num_workers) {
        AI::MXNet::NS::load('AI/MXNet/KVStoreServer.pm');
        AI::MXNet::KVStoreServer->new(kvstore => AI::MXNet::KVStore->create, num_workers => $self->num_workers)->run;
        exit;
    }
    AI::MXNet::KVStore::Workers::at_end(sub { $self->_tell(['leave']) }) unless $told++;
    return;
}

sub _tell
{
    my ($self, $message, @arrays) = @_;
    AI::MXNet::Engine::locate();
    AI::MXNet::Engine->send(['tell', 0 + $self->num_workers, Data::MessagePack->pack($message), AI::MXNet::Engine::handles_of(@arrays)]);
    AI::MXNet::Engine::flush();
    return;
}

# What the server answers to a message: ok and bytes, or failed and why.
sub _ask
{
    my ($self, $message) = @_;
    $self->_tell($message);
    my ($text) = AI::MXNet::Engine->ask(sub { my (undef, $from, $text) = @_; return $text }, 'hear', 0 + $self->num_workers);
    return substr $text, 3 if $text =~ /\Aok /;
    utf8::decode($text);
    return AI::MXNet::Error::fail($text =~ s/\Afailed //r);
}

sub _agree
{
    my ($self, $keys, $arrays) = @_;
    $self->_tell(['init', $keys], @$arrays) if $self->rank == 0;
    return $self->_barrier;
}

# Other workers can count on what the server has had from this one.
sub _barrier
{
    my ($self) = @_;
    $self->_ask(['reached']);
    return $self->SUPER::_barrier;
}

sub _apply { my ($self, $keys, $sums) = @_; return $self->_tell(['push', $keys], @$sums) }

sub pull
{
    my ($self, $keys, @options) = @_;
    my @pairs = $self->_targets($keys, @options);
    $self->_tell(['pull', [map { $_->[0] } @pairs]]);
    AI::MXNet::Engine->send(['hear_into', 0 + $self->num_workers, AI::MXNet::Engine::handles_of(map { $_->[1] } @pairs)]);
    for (@pairs) {
        my (undef, $first, @others) = @$_;
        $first->copyto($_) for @others;
    }
    return;
}

sub row_sparse_pull { my ($self) = @_; return AI::MXNet::Error::fail($self->type, ' has no row_sparse_pull: pull whole arrays, or use dist_sync') }

sub set_optimizer
{
    my ($self, $optimizer) = @_;
    AI::MXNet::KVStore::_check_optimizer($optimizer);
    $self->_tell(['optimizer', AI::MXNet::Updater::_plain_object($optimizer)]) if $self->rank == 0;
    return $self->_barrier;
}

sub _set_updater { my ($self) = @_; return AI::MXNet::Error::fail($self->type, ' keeps its values in another process, to which code cannot be sent: use set_optimizer') }

sub _get_states { my ($self, $dump_optimizer) = @_; return $self->_ask(['get_states', $dump_optimizer ? 1 : 0]) }
sub _set_states { my ($self, $bytes) = @_; $self->_ask(['set_states', $bytes]); return }

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::KVStore::Asynchronous - the store of workers that do not wait for each other

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::KVStore>, which documents it.

=head1 SEE ALSO

L<AI::MXNet::KVStore/SEVERAL WORKERS>

=cut

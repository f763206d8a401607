package AI::MXNet::KVStoreServer;
# The process that keeps the values of a store dist_async. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Data::MessagePack;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::KVStore;

has kvstore     => (is => 'ro', isa => 'AI::MXNet::KVStore', required => 1);
has num_workers => (is => 'ro', isa => 'Int', default => 1);
has _failures   => (is => 'ro', default => sub { {} }, init_arg => undef);

sub run
{
    my ($self) = @_;
    my $store = $self->kvstore;
    my $left = 0;
    while ($left < $self->num_workers) {
        my $take = sub { my (undef, $from, $text, @fields) = @_; return ($from, $text, AI::MXNet::NDArray->adopt(@fields)) };
        my ($from, $text, @arrays) = AI::MXNet::Engine->ask($take, 'hear', -1);
        my ($kind, @fields) = $text =~ /\Afailed (.*)/s ? (failed => $1) : @{ Data::MessagePack->unpack($text) };
        if ($kind eq 'leave') { $left++; next }
        my $method = $self->can("_on_$kind") // AI::MXNet::Error::fail("worker $from has sent the message '$kind', which there is not");
        eval { $self->$method($from, \@arrays, @fields); 1 } or $self->_failures->{$from} //= ref $@ ? $@->message : $@;
    }
    return;
}

# Answers with what the code returns, bytes and arrays, or with a failure: the first one that the worker has not been told of.
sub _answer
{
    my ($self, $worker, $code) = @_;
    my ($answer, @arrays) = defined $self->_failures->{$worker} ? () : eval { $code->() };
    my $text = defined $answer ? "ok $answer" : 'failed the server of the store: ' . (delete $self->_failures->{$worker} // (ref $@ ? $@->message : $@));
    utf8::encode($text) if utf8::is_utf8($text);
    AI::MXNet::Engine->send(['tell', 0 + $worker, $text, AI::MXNet::Engine::handles_of(@arrays)]);
    return;
}

sub _on_failed    { my ($self, $worker, $arrays, $text) = @_; return AI::MXNet::Error::fail($text) }
sub _on_init      { my ($self, $worker, $arrays, $keys) = @_; return $self->kvstore->init($keys, $arrays) }
sub _on_push      { my ($self, $worker, $arrays, $keys) = @_; return $self->kvstore->push($keys, $arrays) }
sub _on_pull      { my ($self, $worker, $arrays, $keys) = @_; return $self->_answer($worker, sub { ('', map { $self->kvstore->_stored_at('pull', $_) } @$keys) }) }
sub _on_optimizer { my ($self, $worker, $arrays, $plain) = @_; return $self->kvstore->set_optimizer(AI::MXNet::Updater::_object($plain, 'AI::MXNet::Optimizer')) }

sub _on_reached   { my ($self, $worker) = @_; return $self->_answer($worker, sub { '' }) }
sub _on_get_states { my ($self, $worker, $arrays, $dump) = @_; return $self->_answer($worker, sub { $self->kvstore->_get_states($dump) }) }
sub _on_set_states { my ($self, $worker, $arrays, $bytes) = @_; return $self->_answer($worker, sub { $self->kvstore->_set_states($bytes); 1 }) }

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::KVStoreServer - the process that keeps the values of asynchronous workers

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::KVStore>: the last process of a job that makes a store C<dist_async> becomes a server, which
ends with the last worker. Scripts need not ask for it.

=head1 SEE ALSO

L<AI::MXNet::KVStore/SEVERAL WORKERS>

=cut

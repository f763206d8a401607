package AI::MXNet::Engine::Guard;
# Objects whose end tells the engine that what they stand for was broken off, by an exception of a signal's handler.
# One that became AI::MXNet::Engine::Answered is done: its end tells nothing.
#
# This one stands for waiting.
use strict;
use warnings;

sub new { my ($class, $wait) = @_; return bless { wait => $wait }, $class }

sub DESTROY
{
    my ($self) = @_;
    return if $AI::MXNet::Engine::CLOSED or not defined $self->{wait}{number} or $self->{wait}{answer};
    local ($@, $!, $?);
    eval { AI::MXNet::Engine::_interrupt($self->{wait}) };
}

package AI::MXNet::Engine::Call;
# A call of a function of ours by the engine, which waits for an answer.

sub new
{
    my ($class, $generation, $number, $function, $recording, @fields) = @_;
    return bless {
        generation => $generation, number => $number, function => $function, recording => $recording,
        arrays => [AI::MXNet::NDArray->adopt(@fields)],
    }, $class;
}

sub DESTROY
{
    my ($self) = @_;
    return if $AI::MXNet::Engine::CLOSED;
    local ($@, $!, $?);
    eval { AI::MXNet::Engine::_answer($self, 'raise', 'the call was broken off') };
}

1;

__END__

=head1 NAME

AI::MXNet::Engine::Guard - notices that waiting was broken off

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Objects that stand for a wait of ours, and for a
call of a function of ours by the engine. Where an exception destroys them, they tell the engine.

=head1 SEE ALSO

L<AI::MXNet::Engine>

=cut

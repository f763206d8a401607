package AI::MXNet::Gluon::Utils::HookHandle;
# What takes a hook off again. Documented in AI::MXNet::Gluon::Block.
use strict;
use warnings;

my $count = 0;

sub new { my ($class) = @_; return bless { id => ++$count }, $class }

sub attach
{
    my ($self, $hooks, $code) = @_;
    AI::MXNet::Error::fail('The same handle cannot be attached twice.') if $self->{hooks};
    $self->{hooks} = $hooks;
    $hooks->set($self->{id}, $code);
    return;
}

sub detach
{
    my ($self) = @_;
    my $hooks = delete $self->{hooks};
    $hooks->delete($self->{id}) if defined $hooks;
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Utils::HookHandle - takes a hook off again

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::Block>: what C<register_forward_hook> returns, whose method C<detach> is interface,
and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Block>

=cut

package AI::MXNet::Symbol::NameManager;
# Names for what is given none: a hint and a number. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'Mouse::Object';

has counter => (is => 'rw', isa => 'HashRef', default => sub { {} });

# The name itself, or a new one made of the hint.
sub get
{
    my ($self, $name, $hint) = @_;
    return $name if defined $name;
    return $hint . $self->counter->{$hint}++;
}

# Scripts may localise $mx::NameManager or $AI::MXNet::NameManager.
sub current     { my ($class) = @_; return $AI::MXNet::NameManager //= __PACKAGE__->new }
sub set_current { my ($class, $new) = @_; $AI::MXNet::NameManager = $new; return }

no AI::MXNet::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Symbol::Prefix;
# A manager that puts a prefix in front of all names, given ones too.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Base ();

extends 'AI::MXNet::Symbol::NameManager';

has prefix => (is => 'ro', isa => 'Str', required => 1);

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return ['prefix'] }

sub get
{
    my ($self, $name, $hint) = @_;
    return $self->prefix . $self->SUPER::get($name, $hint);
}

no AI::MXNet::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Symbol::NameManager - names for symbols and blocks

=head1 SYNOPSIS

    use AI::MXNet qw(mx);
    use AI::MXNet::Symbol::NameManager;

    my $names = AI::MXNet::Symbol::NameManager->new;
    print join(' ', map { $names->get(undef, 'fc') } 1 .. 2), "\n";    # fc0 fc1
    {
        local $mx::NameManager = mx->Prefix('left_');
        print AI::MXNet::Symbol::NameManager->current->get(undef, 'fc'), "\n";    # left_fc0
    }

=head1 DESCRIPTION

A symbol or block without a name gets one from the current manager: a hint, such as C<fc>, and a number that counts how
often the hint was used. The class AI::MXNet::Symbol::Prefix (C<< mx->Prefix($prefix) >>) puts its C<prefix> in front of
all names of calls, also of those that are given.

=head1 ATTRIBUTES

=head2 counter

A hash ref: how often each hint was used.

=head1 METHODS

=head2 get

    my $name = $names->get('given', 'fc');    # given

The first argument, or, if that is undef, a new name made of the second.

=head2 current, set_current

Class methods: the manager in use, which is the value of C<$AI::MXNet::NameManager>, for scripts also
C<$mx::NameManager>.

=head1 SEE ALSO

L<AI::MXNet::Symbol::AttrScope>

=cut

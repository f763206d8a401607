package AI::MXNet::Symbol::AttrScope;
# Attributes that symbols made in a scope get. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'Mouse::Object';

has attr => (is => 'ro', isa => 'HashRef[Str]', default => sub { {} });

around BUILDARGS => sub {
    my ($original, $class, @arguments) = @_;
    AI::MXNet::Mouse::refuse($class, 'expected names and values in turn', @arguments) if @arguments % 2;
    my %attributes = @arguments;
    return $class->$original(attr => $attributes{attr}) if keys %attributes == 1 and ref $attributes{attr};
    # a scope within another has the attributes of that one, too
    my $outer = defined $AI::MXNet::AttrScope ? $AI::MXNet::AttrScope->attr : {};
    return $class->$original(attr => { %$outer, %attributes });
};

# These attributes with those of the scope, which they win over.
sub get
{
    my ($self, $attributes) = @_;
    return { %{ $self->attr }, %{ $attributes // {} } };
}

# Scripts may localise $mx::AttrScope or $AI::MXNet::AttrScope.
sub current     { my ($class) = @_; return $AI::MXNet::AttrScope //= __PACKAGE__->new }
sub set_current { my ($class, $new) = @_; $AI::MXNet::AttrScope = $new; return }

no AI::MXNet::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Symbol::AttrScope - attributes for all symbols of a scope

=head1 SYNOPSIS

    use AI::MXNet qw(mx);

    local $mx::AttrScope = mx->AttrScope(__group__ => '4');
    my $attributes = $mx::AttrScope->get({ __lr_mult__ => '0.5' });
    print join(' ', map {"$_=$attributes->{$_}"} sort keys %$attributes), "\n";    # __group__=4 __lr_mult__=0.5

=head1 DESCRIPTION

Symbols that are made while a scope is current get its attributes, unless they have their own of the same name. A scope that is
made while another is current has the attributes of that one, too.

=head1 ATTRIBUTES

=head2 attr

A hash ref of strings.

=head1 METHODS

=head2 get

    my $merged = $mx::AttrScope->get({ __group__ => '5' });    # that wins

The attributes given with those of the scope.

=head2 current, set_current

Class methods: the scope in use, which is the value of C<$AI::MXNet::AttrScope>, for scripts also C<$mx::AttrScope>.

=head1 SEE ALSO

L<AI::MXNet::Symbol::NameManager>

=cut

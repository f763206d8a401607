package AI::MXNet::Mouse;
# Mouse for the classes of these modules: what is wrong with a constructor's arguments, or with the value of an attribute,
# is said in one line, at the user's line, where Mouse shows its own line and every caller. POD at the end.
use strict;
use warnings;
use Mouse ();
use AI::MXNet::Error;

sub import
{
    my $caller = caller;
    into($caller, sub { declare($caller, @_) });
    return;
}

sub unimport
{
    out_of(scalar caller);
    return;
}

# Gives a class the keywords of Mouse, with this code as `has`; and takes them out again.
sub into
{
    my ($class, $has) = @_;
    Mouse->import({ into => $class });
    my $meta = $class->meta;
    $meta->superclasses('AI::MXNet::Mouse::Object') unless grep { !/\A(?:Mouse::Object|AI::MXNet::OnDemand)\z/ } $meta->superclasses;
    no strict 'refs';
    no warnings 'redefine';
    *{"${class}::has"} = $has;
    return;
}

sub out_of
{
    my ($class) = @_;
    no strict 'refs';
    delete ${"${class}::"}{has};
    Mouse->unimport({ into => $class });
    return;
}

# `has` for a class.
sub declare
{
    my ($class, $names, %options) = @_;
    my $meta = Mouse::Meta::Class->initialize($class);
    # attributes differ, not the class of classes: so a user's class may extend ours with plain Mouse
    $meta->add_attribute($_ => metaclass => 'AI::MXNet::Mouse::Attribute', %options) for ref $names ? @$names : $names;
    return;
}

# The names that the constructor of a class takes.
sub names { my ($class) = @_; return sort map { $_->init_arg // () } $class->meta->get_all_attributes }

# Dies because a constructor cannot take these arguments.
sub refuse
{
    my ($class, $why, @arguments) = @_;
    return AI::MXNet::Error::fail("$class: $why but got ", join(' ', map { $_ // 'undef' } @arguments),
        '; by name it takes ', join(', ', grep { !/\A_/ } names($class)) || 'nothing');
}

package AI::MXNet::Mouse::Attribute;
use strict;
use warnings;
use Mouse::Meta::Attribute;

our @ISA = ('Mouse::Meta::Attribute');
our $MAKING;    # the class whose object is being made, where that is known

sub throw_error
{
    my ($self, $message, %more) = @_;
    my ($class, $value) = ($self->associated_class->name, $more{data});
    if (ref $value eq 'ARRAY' and @$value <= 32) {    # is shown by what is in it
        my $shown = '[' . join(', ', map { $_ // 'undef' } @$value) . ']';
        $message =~ s/\Q$value\E/$shown/;
    }
    my $made = defined $MAKING && $MAKING->isa($class) ? $MAKING : $message =~ / is required\z/ ? $class : undef;
    $message =~ s/\(\Q@{[$self->name]}\E\)/(@{[$self->init_arg]})/ if defined $self->init_arg;
    return AI::MXNet::Error::fail($message, defined $made ? ", in the constructor of $made" : ", in $class");
}

package AI::MXNet::Mouse::Object;
use strict;
use warnings;
use Mouse::Object;

our @ISA = ('Mouse::Object');

sub BUILDARGS
{
    my ($class, @arguments) = @_;
    AI::MXNet::Mouse::refuse($class, 'expected names and values in turn', @arguments)
        if @arguments % 2 and not(@arguments == 1 and ref $arguments[0] eq 'HASH');
    return $class->SUPER::BUILDARGS(@arguments);
}

1;

__END__

=head1 NAME

AI::MXNet::Mouse - Mouse with errors at the user's line

=head1 SYNOPSIS

    package Pair {
        use AI::MXNet::Mouse;
        has size => (is => 'rw', isa => 'Int', required => 1);
    }

    eval { Pair->new(size => 'two') };
    print $@;    # Attribute (size) does not pass ... with value two, in Pair at <this file and line>

=head1 DESCRIPTION

Gives a class what L<Mouse> does (C<has extends with before after around override super augment inner blessed confess>).
A value that an attribute does not take, one that is missing, and arguments that are not names and values in turn, are an
L<AI::MXNet::Error>. The classes of these modules are made so; those that extend them may use plain L<Mouse>.

=head1 FUNCTIONS

=head2 declare

    AI::MXNet::Mouse::declare('Pair', [qw(first second)], is => 'rw');

What C<has> does, for the class named.

=head2 into, out_of

    AI::MXNet::Mouse::into('Pair', sub { AI::MXNet::Mouse::declare('Pair', @_, is => 'rw') });
    AI::MXNet::Mouse::out_of('Pair');

Gives a class the keywords, with other code as C<has>, and takes them out again.

=head2 names

    my @names = AI::MXNet::Mouse::names('Pair');

The names that the constructor of a class takes.

=head2 refuse

    eval { AI::MXNet::Mouse::refuse('Pair', 'expected a size', 1, 2, 3) };

Dies because a constructor cannot take these arguments.

=head2 unimport

    package Pair { no AI::MXNet::Mouse }

Takes the keywords out of a class again.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Mouse>, L<Mouse>

=cut

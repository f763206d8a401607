package AI::MXNet::Function::Parameters;
# The keywords `func` and `method`, with Mouse's types. POD at the end.
use strict;
use warnings;
use Function::Parameters ();
use Mouse::Util::TypeConstraints ();
use AI::MXNet::Error;
use AI::MXNet::Types ();

# Where our modules call a method, as a block calls `forward`, it is the user whose arguments do not fit.
{
    no warnings 'redefine';
    *Function::Parameters::_croak = sub {
        my ($file, $line) = AI::MXNet::Error->user_line(2);    # outside of the method itself
        die @_, " at $file line $line.\n";
    };
}

my %keywords = (
    func   => { defaults => 'function_strict', reify_type => \&_type },
    method => { defaults => 'method_strict',   reify_type => \&_type },
);

sub import { Function::Parameters->import(\%keywords) }

sub _type { my ($name) = @_; return bless { name => $name }, 'AI::MXNet::Function::Parameters::Type' }

# A type that is looked up at the first check: a signature may name what the program defines further down.
package AI::MXNet::Function::Parameters::Type;
use strict;
use warnings;

sub _constraint
{
    my ($self) = @_;
    return $self->{constraint}
        //= Mouse::Util::TypeConstraints::find_or_create_isa_type_constraint(AI::MXNet::Types::_declare($self->{name}));
}

sub check       { my ($self, $value) = @_; return $self->_constraint->check($value) }
sub get_message { my ($self, $value) = @_; return $self->_constraint->get_message($value) }

1;

__END__

=head1 NAME

AI::MXNet::Function::Parameters - subs with signatures and Mouse's types

=head1 SYNOPSIS

    use AI::MXNet::Function::Parameters;

    func area(Num $width, Num $height=$width, Str :$unit='m') { return $width * $height . " $unit^2" }
    print area(3), ' ', area(2, 5, unit => 'cm'), "\n";    # 9 m^2 10 cm^2

    package Counter {
        use Mouse;
        use AI::MXNet::Function::Parameters;
        has count => (is => 'rw', default => 0);
        method add(Int $n=1) { $self->count($self->count + $n); return $self }
    }
    print Counter->new->add->add(5)->count, "\n";          # 6

=head1 DESCRIPTION

Exports the keywords C<func>, and C<method>, which also has C<$self>. They are those of L<Function::Parameters>: arguments
with defaults after C<=>, named ones after a colon, and types in front. A wrong number of arguments, an unknown named one
and a value that is not of its type die. Types are those of Mouse and of L<AI::MXNet::Types>, and names of classes; they
are looked up when the sub is first called.

=head1 SEE ALSO

L<AI::MXNet::Types>, L<Function::Parameters>

=cut

package AI::MXNet::NDArray::Base;
# Every operator of the table as a method of this name: mx->nd->dot($x, $y), $x->sum(axis => 1).
# Methods that AI::MXNet::NDArray defines itself win over the operator of the same name.
use strict;
use warnings;
use Sub::Util qw(set_subname);
use AI::MXNet::Operators;

# Installs the operators whose names begin with $prefix, without it, as methods of $package.
sub install
{
    my ($package, $prefix) = @_;
    for my $name (AI::MXNet::Operators::names()) {
        index($name, $prefix) == 0 or next;
        my $row = AI::MXNet::Operators::row($name);
        my $short = substr $name, length $prefix;
        no strict 'refs';
        *{"${package}::$short"} = set_subname("${package}::$short",
            sub { my $self = shift; return AI::MXNet::Operators::call($row, $self, @_) });
    }
    return;
}

install(__PACKAGE__, '');

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Base - operators as methods

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Gives packages a method for each operator of the
table.

=head1 SEE ALSO

L<AI::MXNet::NDArray/OPERATORS>

=cut

package AI::MXNet::Symbol;
# The class goes on: methods that arrays have, for code of blocks that is to serve arrays and symbols.
use strict;
use warnings;
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::Symbol::Base;

sub T { my ($self) = @_; return $self->transpose }

# A symbol is never changed in place, so it is its own copy; what says so in the graph keeps the name of a call its own.
sub copy   { my ($self) = @_; return $self->identity }
sub sever  { my ($self) = @_; return $self->identity }
sub detach { my ($self) = @_; return $self->BlockGrad }

# Contexts are chosen when a symbol is bound.
sub as_in_context { my ($self) = @_; return $self }

sub copyto
{
    my ($self, $target) = @_;
    AI::MXNet::Error::expect('copyto of a symbol takes a context', 'AI::MXNet::Context', $target);
    return $self->identity;
}

sub tostype { my ($self, $stype) = @_; return $self->cast_storage(stype => AI::MXNet::NDArray::_stype('tostype', $stype)) }

sub moveaxis
{
    my ($self, @arguments) = ref $_[0] ? @_ : @_[1 .. $#_];
    return AI::MXNet::Symbol::Base::call('_np_moveaxis', $self, @arguments);
}

sub concatenate
{
    my ($class, $symbols, @options) = @_;
    my %options = AI::MXNet::Error::paired('concatenate', @options);
    AI::MXNet::Error::fail('concatenate takes a list of symbols') unless ref $symbols eq 'ARRAY' and @$symbols;
    return $class->Concat(@$symbols, dim => $options{axis} // 0);
}

sub full
{
    my ($class, $shape, $value, @options) = @_;
    return _filled('_full', $class, { dtype => 'float32' }, (ref $shape ? (shape => $shape, value => $value) : ($shape, $value)), @options);
}

# As for arrays: of the quotient.
sub atan2 { my ($y, $x, $swapped) = @_; return +($swapped ? $x / $y : $y / $x)->arctan }

1;

__END__

=head1 NAME

AI::MXNet::Symbol::Generic - methods of arrays that symbols have, too

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. What L<AI::MXNet::Symbol/AS ARRAYS> describes.

=head1 SEE ALSO

L<AI::MXNet::Symbol>

=cut

package AI::MXNet::NDArray::Slice;
# A crop of several dimensions: reading it copies, assigning to it writes to the parent. POD at the end.
use strict;
use warnings;
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::DType;
use AI::MXNet::Error;

my @reads  = qw(+ - * / % ** == != > >= < <=);
my @writes = qw(+= -= *= /= %= **=);

use overload;
overload->import(
    (map { my $symbol = $_; ($symbol => sub { _read($symbol, @_) }) } @reads),
    (map { my $symbol = $_; ($symbol => sub { _write($symbol, @_) }) } @writes),
    (map { my $name = $_; ($name => sub { $_[0]->sever->$name }) } qw(abs sqrt exp log sin cos)),
    'neg'  => sub { -$_[0]->sever },
    '.='   => sub { $_[0]->set($_[1]) },
    '='    => sub { $_[0] },
    '""'   => sub { my ($self) = @_; return $self->$AI::MXNet::NDArray::AS_STRING },
    'bool' => sub { $_[0]->sever ? 1 : 0 },
    '0+'   => sub { $_[0]->sever->asscalar },
    '@{}'  => sub { $_[0]->sever->split_array },
    fallback => undef,
);

# A part is either ranges (begin, end, and perhaps step, length and axes that are dropped) or a key with arrays in it.
# `broadcasts`: what is assigned is repeated to its shape. `behind`: a slice that `parent` was copied from.
sub new { my ($class, %fields) = @_; return bless {%fields}, $class }

sub parent       { $_[0]{parent} }
sub begin        { $_[0]{begin} }
sub end          { $_[0]{end} }
sub key          { $_[0]{key} }
sub context      { $_[0]{parent}->context }
sub dtype        { $_[0]{parent}->dtype }
sub steps        { my ($self) = @_; return $self->{step} // [(1) x @{ $self->{begin} }] }
sub lengths      { my ($self) = @_; return $self->{length} // [map { $self->{end}[$_] - $self->{begin}[$_] } 0 .. $#{ $self->{begin} }] }
sub squeeze_axes { $_[0]{squeeze_axes} // [] }

sub shape
{
    my ($self) = @_;
    return $self->sever->shape if defined $self->{key};
    my @lengths = @{ $self->lengths };
    my %dropped = map { $_ => 1 } @{ $self->squeeze_axes };
    my @shape = @lengths[grep { not $dropped{$_} } 0 .. $#lengths];
    return @shape ? \@shape : [1];
}

sub describe { my ($self) = @_; return '<AI::MXNet::NDArray ' . join('x', @{ $self->shape }) . ' @' . $self->context . '>' }

# The attributes by which operators know the part.
sub _range
{
    my ($self) = @_;
    my ($begin, $end, $step) = @$self{qw(begin end step)};
    return (begin => $begin, end => $end) if not defined $step or not grep { $_ != 1 } @$step;
    # before the first place there is none that a number could name
    return (begin => $begin, end => [map { $_ < 0 ? undef : $_ } @$end], step => $step);
}

sub _call { my ($operator, @rest) = @_; return AI::MXNet::Operators::invoke(AI::MXNet::Operators::row($operator), @rest) }

# The crop as an array of its own; the tape knows.
sub sever
{
    my ($self) = @_;
    my $parent = $self->{parent};
    return _call('_npi_getitem', [$parent, @{ $self->{arrays} }], { key => $self->{key} }) if defined $self->{key};
    my $dropped = $self->{squeeze_axes} && @{ $self->{squeeze_axes} } ? $self->{squeeze_axes} : undef;
    my $text = "@{ $self->{begin} };@{ $self->{end} };@{ $self->{step} // [] };@{ $dropped // [] }";
    return AI::MXNet::Operators::call_named(AI::MXNet::Operators::row($dropped ? '_slice_into_shape' : 'slice'), $parent, $text,
        sub { return ($self->_range, $dropped ? (shape => $self->shape) : ()) });
}

# Writes a number, an array, a slice, a piddle or a nested list to the parent.
sub set
{
    my ($self, $value) = @_;
    AI::MXNet::Error::fail('a slice cannot be set to undef') unless defined $value;
    $value = AI::MXNet::DType::scalar_of($value);
    my $parent = $self->{parent};
    if (not ref $value) {
        AI::MXNet::Error::fail("a slice is set to a number, an NDArray, a piddle or a list, but got '$value'") unless looks_like_number($value);
        if (defined $self->{key}) { _call('_npi_setitem', [$parent, @{ $self->{arrays} }], { key => $self->{key}, scalar => $value }, $parent) }
        else { _call('_slice_assign_scalar', [$parent], { $self->_range, scalar => $value }, $parent) }
    }
    else {
        $value = $value->sever if blessed $value and $value->isa(__PACKAGE__);
        $value = AI::MXNet::NDArray->array($value, dtype => $parent->dtype, ctx => $parent->context)
            unless blessed $value and $value->isa('AI::MXNet::NDArray');
        if (defined $self->{key}) { _call('_npi_setitem', [$parent, @{ $self->{arrays} }, $value], { key => $self->{key} }, $parent) }
        else {
            $value = $self->_fitted($value);
            $value = $value->astype($parent->dtype) if $value->dtype ne $parent->dtype;
            _call('_slice_assign', [$parent, $value], { $self->_range }, $parent);
        }
    }
    $self->{behind}->set($parent) if defined $self->{behind};
    return $self;
}

# A value in the shape that the part has in the parent.
sub _fitted
{
    my ($self, $value) = @_;
    my @part = @{ $self->lengths };
    return $value if "@part" eq "@{ $value->shape }";
    my @shape = @{ $self->shape };
    my @own = @{ $value->shape };
    my $fits = $self->{broadcasts} && @own <= @shape && !grep { $own[-$_] != 1 && $own[-$_] != $shape[-$_] } 1 .. @own;
    AI::MXNet::Error->throw(kind => 'shape', message => "value of shape [@own] does not match slice dim sizes [@shape]") unless $fits;
    $value = $value->broadcast_to(\@shape) if "@own" ne "@shape";
    return _call('_backward_reshape', [$value], { shape => \@part });
}

sub _read
{
    my ($symbol, $self, $other, $swapped) = @_;
    return $AI::MXNet::NDArray::ARITHMETIC{$symbol}->($self->sever, $other, $swapped);
}

sub _write
{
    my ($symbol, $self, $other) = @_;
    return $self->set($AI::MXNet::NDArray::ARITHMETIC{ substr $symbol, 0, -1 }->($self->sever, $other, 0));
}

# Every other method is the array's.
our $AUTOLOAD;

sub AUTOLOAD
{
    my $self = shift;
    my $name = $AUTOLOAD =~ s/.*:://r;
    return if $name eq 'DESTROY';
    return AI::MXNet::NDArray::Base::find($name)->($self, @_) if blessed $self and $name =~ /\Aprintf?\z/;    # which tell the class
    my $code = blessed $self ? AI::MXNet::NDArray::Base::find($name) : undef;
    AI::MXNet::Error::fail("Can't locate object method \"$name\" via package \"AI::MXNet::NDArray::Slice\"") unless $code;
    return $code->($self->sever, @_);
}

sub can { my ($self, $name) = @_; return $self->SUPER::can($name) || AI::MXNet::NDArray->can($name) }

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Slice - a part of an array that can be read and written

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $x = nd->array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
    my $middle = $x->slice([0, 1], [1, 2]);
    print $middle->sum->asscalar, "\n";    # 16: reads
    $middle .= 0;                          # writes to $x
    $x->slice('X', 0) *= 10;
    print $x->aspdl;                       # [[10 0 0] [40 0 0] [70 8 9]]

=head1 DESCRIPTION

What C<< $x->slice(...) >> and C<< $x->at(...) >> give for one index a dimension, and with NumPy's meaning of indices
(L<AI::MXNet::Dialect>) always. It holds no values: each reading takes a copy of the part as it is then, each assignment
writes to the array. Reading is recorded by autograd. Functions and methods that take arrays take slices.

=head1 ATTRIBUTES

=head2 parent

The array.

=head2 begin, end

    my @corner = (@{ $middle->begin }, @{ $middle->end });    # 0 1 2 3

First positions, and positions after the last, for each dimension.

=head2 steps, lengths, squeeze_axes

    print "@{ $middle->steps } @{ $middle->lengths }\n";    # 1 1 2 2

How far apart the positions are and how many there are, for each dimension of the array; and the dimensions that the slice
does not have. With 1.6's meaning steps are 1, and no dimension is missing.

=head2 key

What the engine knows a slice by that a mask or positions select; undef for one of ranges.

=head2 shape, dtype, context, describe

    print "@{ $middle->shape }\n";    # 2 2

=head1 METHODS

=head2 sever

The part as an array of its own. Every method of L<AI::MXNet::NDArray> that is not named here is called on that:
C<aspdl>, C<sum>, C<dot> ... So are the operators C<+ - * / % **>, comparisons, C<abs>, C<sqrt> and so on.

=head2 set

    $middle .= [[1, 2], [3, 4]];    # the same as $middle->set(...)
    $middle += 1;

Writes a number, or an array, a slice, a piddle or a nested list of just this shape, converted to the array's dtype, and
returns the slice. C<+= -= *= /= %= **=> write, too. Dies for any other shape, and inside C<record> where the array is on
the tape. With NumPy's meaning of indices, what is written is broadcast.

=head2 new

For L<AI::MXNet::NDArray>.

=head2 can

Knows the methods of arrays.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut

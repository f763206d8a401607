package AI::MXNet::NDArray::Slice;
# A crop of several dimensions: reading it copies, assigning to it writes to the parent. POD at the end.
use strict;
use warnings;
use Scalar::Util qw(blessed looks_like_number);
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
    '""'   => sub { my $self = shift; '<AI::MXNet::NDArray ' . join('x', @{ $self->shape }) . ' @' . $self->context . '>' },
    'bool' => sub { $_[0]->sever ? 1 : 0 },
    '0+'   => sub { $_[0]->sever->asscalar },
    '@{}'  => sub { $_[0]->sever->split_array },
    fallback => undef,
);

sub new { my ($class, %fields) = @_; return bless {%fields}, $class }

sub parent  { $_[0]{parent} }
sub begin   { $_[0]{begin} }
sub end     { $_[0]{end} }
sub context { $_[0]{parent}->context }
sub dtype   { $_[0]{parent}->dtype }
sub shape   { my $self = shift; return [map { $self->{end}[$_] - $self->{begin}[$_] } 0 .. $#{ $self->{begin} }] }
sub _range  { my $self = shift; return (begin => $self->{begin}, end => $self->{end}) }

# The crop as an array of its own; the tape knows.
sub sever
{
    my ($self) = @_;
    return AI::MXNet::Operators::invoke(AI::MXNet::Operators::row('slice'), [$self->{parent}], { $self->_range });
}

# Writes a number, an array, a slice, a piddle or a nested list of the same shape to the parent.
sub set
{
    my ($self, $value) = @_;
    AI::MXNet::Error::fail('a slice cannot be set to undef') unless defined $value;
    my $parent = $self->{parent};
    if (not ref $value) {
        AI::MXNet::Error::fail("a slice is set to a number, an NDArray, a piddle or a list, but got '$value'") unless looks_like_number($value);
        AI::MXNet::Operators::invoke(AI::MXNet::Operators::row('_slice_assign_scalar'), [$parent], { $self->_range, scalar => $value }, $parent);
        return $self;
    }
    $value = $value->sever if blessed $value and $value->isa(__PACKAGE__);
    $value = AI::MXNet::NDArray->array($value, dtype => $parent->dtype, ctx => $parent->context)
        unless blessed $value and $value->isa('AI::MXNet::NDArray');
    my ($want, $got) = map {"@$_"} $self->shape, $value->shape;
    AI::MXNet::Error->throw(kind => 'shape', message => "value of shape [$got] does not match slice dim sizes [$want]") if $want ne $got;
    $value = $value->astype($parent->dtype) if $value->dtype ne $parent->dtype;
    AI::MXNet::Operators::invoke(AI::MXNet::Operators::row('_slice_assign'), [$parent, $value], { $self->_range }, $parent);
    return $self;
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
    my $code = blessed $self ? AI::MXNet::NDArray->can($name) : undef;
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

What C<< $x->slice(...) >> and C<< $x->at(...) >> give for one index a dimension. It holds no values: each reading takes
a copy of the part as it is then, each assignment writes to the array. Reading is recorded by autograd.

=head1 ATTRIBUTES

=head2 parent

The array.

=head2 begin, end

    my @corner = (@{ $middle->begin }, @{ $middle->end });    # 0 1 2 3

First positions, and positions after the last, for each dimension.

=head2 shape, dtype, context

    print "@{ $middle->shape }\n";    # 2 2

=head1 METHODS

=head2 sever

The part as an array of its own. Every method of L<AI::MXNet::NDArray> that is not named here is called on that:
C<aspdl>, C<sum>, C<dot> ... So are the operators C<+ - * / % **>, comparisons, C<abs>, C<sqrt> and so on.

=head2 set

    $middle .= [[1, 2], [3, 4]];    # the same as $middle->set(...)
    $middle += 1;

Writes a number, or an array, a slice, a piddle or a nested list of just this shape, converted to the array's dtype.
C<+= -= *= /= %= **=> write, too. Dies for any other shape, and inside C<record> where the array is on the tape.

=head2 new

For L<AI::MXNet::NDArray>.

=head2 can

Knows the methods of arrays.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut

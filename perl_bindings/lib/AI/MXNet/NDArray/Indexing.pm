package AI::MXNet::NDArray;
# The class goes on: parts of an array, read and written.
use strict;
use warnings;
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::NDArray::Slice;
use AI::MXNet::Operators;

sub at : lvalue
{
    my ($self, @indices) = @_;
    my $result = @indices == 1 ? $self->_row_at($indices[0]) : $self->_slice(map { [$_, $_] } @indices);
    $result;
}

sub _row_at
{
    my ($self, $index) = @_;
    $index = _integer('at', $index);
    my $rows = $self->len;
    my $from_start = $index < 0 ? $index + $rows : $index;
    _fail("Dimension 0 mismatch Idx: $index >= Dim Size: $rows") if $from_start < 0 or $from_start >= $rows;
    return AI::MXNet::Operators::invoke(_row('_view_at'), [$self], { index => $from_start });
}

# 1.6's meaning: ranges [begin, end] are inclusive, an index keeps its dimension, 'X' is all of it.
sub slice : lvalue
{
    my ($self, @indices) = @_;
    return my $part = AI::MXNet::NDArray::_on_class('slice', @_) if not ref $self;
    my $result
        = @indices && defined $indices[0] && not(ref $indices[0]) && $indices[0] =~ /\A(?:begin|end|step|axis)\z/ ? AI::MXNet::Operators::call(_row('slice'), $self, @indices)
        : @indices == 1 && ref $indices[0] eq 'ARRAY' && ref $indices[0][0] ? $self->_gather($indices[0])
        : $self->_slice(@indices);
    $result;
}

sub _slice
{
    my ($self, @indices) = @_;
    my ($begin, $end) = _bounds($self->{type}{shape}, @indices);
    return AI::MXNet::Operators::invoke(_row('_view_slice'), [$self], { begin => $begin->[0], end => $end->[0] }) if @indices == 1;
    return AI::MXNet::NDArray::Slice->new(parent => $self, begin => $begin, end => $end);
}

# Perl's indices as the operators take them: first positions, and positions after the last, for each dimension indexed.
sub _bounds
{
    my ($shape, @indices) = @_;
    _fail('slice needs an index for dimension 0, or one for each of the ', scalar @$shape, ' dimensions') unless @indices;
    _fail('ndarray only supports either ->slice on dimension 0 or full crop, but got ', scalar @indices, ' indices for ', scalar @$shape, ' dimensions')
        if @indices > 1 and @indices != @$shape;
    my (@begin, @end);
    for my $i (0 .. $#indices) {
        my ($first, $last) = _range($indices[$i], $shape->[$i], $i);
        push @begin, $first;
        push @end,   $last + 1;
    }
    return (\@begin, \@end);
}

# An index of one dimension as first and last position.
sub _range
{
    my ($index, $size, $dimension) = @_;
    return (0, $size - 1) if not ref $index and defined $index and $index eq 'X';
    my @range = ref $index eq 'ARRAY' ? @$index : $index;
    _fail('an index is a number, [begin, end] or \'X\', but got an empty list') unless @range;
    my ($foreign) = map { $_ // 'undef' } grep { not defined or not ref and /\A(?::|\.\.\.)\z/ } @range;
    _fail("slice: an index is a number, [begin, end] or 'X', but got $foreign; `use AI::MXNet qw(:numpy)` brings NumPy's indices")
        if defined $foreign;
    _fail("NDArray does not support slice strides != 1, but got step $range[2]") if @range > 2 and $range[2] != 1;
    my ($first, $last) = map { _integer('slice', $_) } $range[0], $range[@range > 1 ? 1 : 0];
    my @given = ($first, $last);
    $_ < 0 and $_ += $size for $first, $last;
    _fail("slice: [$given[0],$given[1]] is not within dimension $dimension, which has $size entries, or begins after its end")
        if $first < 0 or $last >= $size or $first > $last;
    return ($first, $last);
}

sub _integer
{
    my ($method, $value) = @_;
    $value = AI::MXNet::Operators::_plain($value) if blessed $value;
    _fail("$method: an index is an integer, but got ", $value // 'undef')
        unless defined $value and not ref $value and looks_like_number($value) and $value == int $value;
    return int $value;
}

sub _gather
{
    my ($self, $lists) = @_;
    my @rows = map { blessed $_ && $_->isa(__PACKAGE__) ? $_->astype('int64') : _array($_, dtype => 'int64') } @$lists;
    my $indices = AI::MXNet::Operators::invoke(_row('stack'), \@rows, { axis => 0 });
    return AI::MXNet::Operators::invoke(_row('gather_nd'), [$self, $indices], {});
}

# The rows of dimension 0, as copies that the tape knows.
sub split_array
{
    my ($self) = @_;
    my $rows = $self->len or return [];
    my $parts = AI::MXNet::Operators::invoke(_row('SliceChannel'), [$self],
        { num_outputs => $rows, axis => 0, squeeze_axis => $self->ndim > 1 ? 1 : 0 });
    return ref $parts eq 'ARRAY' ? $parts : [$parts];
}

# Assigns a number, an array, a slice, a piddle or a nested list. Returns the array.
sub set
{
    my ($self, $value) = @_;
    _fail('an NDArray cannot be set to undef') unless defined $value;
    $value = AI::MXNet::DType::scalar_of($value);
    if (blessed $value and $value->isa('AI::MXNet::NDArray::Slice')) { $value = $value->sever }
    if (blessed $value and $value->isa(__PACKAGE__)) { $value->copyto($self) if $value->{handle} != $self->{handle} }
    elsif (not ref $value) {
        _fail("an NDArray is set to a number, an NDArray, a piddle or a list, but got '$value'") unless looks_like_number($value);
        AI::MXNet::Operators::invoke(_row('_full'), [], { shape => $self->shape, value => $value, dtype => $self->dtype }, $self);
    }
    else {
        my ($piddle, $shape) = _piddle($value);
        $self->_check_fits($shape);
        _array($piddle, dtype => $self->dtype, ctx => $self->context)->copyto($self);
    }
    return $self;
}

sub _check_fits
{
    my ($self, $shape) = @_;
    my ($expected, $got) = map { join ',', @$_ } $self->{type}{shape}, $shape;
    AI::MXNet::Error->throw(kind => 'shape', message => "Shape inconsistant: expected $expected vs got $got") if $expected ne $got;
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Indexing - parts of arrays

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. The
indices of C<slice> and C<at>, and assignment, for L<AI::MXNet::NDArray>.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut

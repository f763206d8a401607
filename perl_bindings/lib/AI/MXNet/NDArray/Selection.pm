package AI::MXNet::NDArray::Selection;
# Indices with NumPy's meaning: how Perl's arguments become ranges, or a key for the engine.
use strict;
use warnings;
use List::Util ();
use Scalar::Util qw(blessed);
use AI::MXNet::Error;
use AI::MXNet::NDArray::Slice;
use AI::MXNet::Operators;
use AI::MXNet::Shape;

sub _fail { goto &AI::MXNet::Error::fail }

# $x->slice(...) of an array or a slice.
sub _slice
{
    my ($self, @indices) = @_;
    _fail('slice needs an index: a number, [begin, end, step], \':\', \'...\', a mask or positions') unless @indices;
    @indices = _named($self, @indices) if not ref $indices[0] and defined $indices[0] and $indices[0] =~ /\A(?:begin|end|step)\z/;
    if (@indices == 1 and ref $indices[0] eq 'ARRAY' and ref $indices[0][0]) {
        # lists of positions, one for each axis
        @indices = map { ref eq 'ARRAY' ? AI::MXNet::NDArray->array($_, dtype => 'int64') : $_ } @{ $indices[0] };
        return _keyed($self, map { _positions($_) } @indices)->sever;
    }
    @indices = map { _is_array($_) && !@{ $_->shape } && $_->dtype ne 'bool' ? $_->asscalar : $_ } @indices;
    return _keyed($self, _key_of($self, @indices)) if grep { _is_array($_) } @indices;
    return _ranged($self, _without_ellipsis(scalar @{ $self->shape }, @indices));
}

# $x->at(...): one number, or one for each axis.
sub _at
{
    my ($self, @indices) = @_;
    my $ndim = @{ $self->shape };
    _fail("at takes an index, or one for each of the $ndim axes, but got ", scalar @indices) if @indices != 1 and @indices != $ndim;
    return _ranged($self, @indices, (':') x ($ndim - @indices));
}

*_is_array = \&AI::MXNet::Operators::_is_array;
sub _positions { my ($array) = @_; return $array->dtype =~ /int/ ? $array : $array->astype('int64') }

# begin => , end => , step => as an index for each axis.
sub _named
{
    my ($self, @arguments) = @_;
    my %given = @arguments;
    for (sort keys %given) { _fail("slice knows begin, end and step, but got $_") unless /\A(?:begin|end|step)\z/ }
    my $ndim = grep { ref } values %given;
    # a number beside a list is for every axis; numbers alone are for the first
    my $count = $ndim ? List::Util::max(map { ref ? scalar @$_ : 0 } values %given) : 1;
    my @indices;
    for my $axis (0 .. $count - 1) {
        push @indices, [map { ref $given{$_} ? $given{$_}[$axis] : $given{$_} } qw(begin end step)];
    }
    return @indices;
}

# An index for each axis.
sub _without_ellipsis
{
    my ($ndim, @indices) = @_;
    my @dots = grep { _is_ellipsis($indices[$_]) } 0 .. $#indices;
    _fail("slice takes '...' at most once, but got it ", scalar @dots, ' times') if @dots > 1;
    my ($place, $count) = @dots ? ($dots[0], 1) : (scalar @indices, 0);
    splice @indices, $place, $count, (':') x List::Util::max(0, $ndim - @indices + @dots);
    return @indices;
}

sub _is_ellipsis { defined $_[0] && !ref $_[0] && $_[0] eq '...' }

# -- ranges ----------------------------------------------------------------------------------------------------------

# A slice by numbers and ranges. Of a slice, its axes are those that it has not dropped.
sub _ranged
{
    my ($self, @indices) = @_;
    my $slice = $self->isa('AI::MXNet::NDArray::Slice') ? $self : undef;
    my $behind;
    if (defined $slice and defined $slice->key) { ($behind, $self, $slice) = ($slice, $slice->sever) }
    my @shape = @{ $slice ? $slice->parent->shape : $self->shape };
    my @begin = $slice ? @{ $slice->{begin} } : (0) x @shape;
    my @step  = $slice ? @{ $slice->steps } : (1) x @shape;
    my @length = $slice ? @{ $slice->lengths } : @shape;
    my %dropped = map { $_ => 1 } @{ $slice ? $slice->squeeze_axes : [] };
    # a slice with all axes dropped has one of length 1
    my @axes = keys %dropped == @shape ? $#shape : grep { not $dropped{$_} } 0 .. $#shape;
    _fail('Dimensions size ', scalar @axes, ' != slices size ', scalar @indices) if @indices > @axes;
    for my $i (0 .. $#indices) {
        my $axis = $axes[$i];
        my ($first, $by, $count, $drop) = _range($indices[$i], $length[$axis], $i);
        $begin[$axis] += $first * $step[$axis];
        $step[$axis] *= $by;
        $length[$axis] = $count;
        $dropped{$axis} = 1 if $drop;
    }
    my @end = map { $begin[$_] + $step[$_] * $length[$_] } 0 .. $#shape;
    return AI::MXNet::NDArray::Slice->new(
        parent => $slice ? $slice->parent : $self, begin => \@begin, end => \@end, step => \@step, length => \@length,
        squeeze_axes => [sort { $a <=> $b } keys %dropped], broadcasts => 1, behind => $behind // ($slice // {})->{behind});
}

# An index of one axis as first position, step, length, and whether the axis is dropped.
sub _range
{
    my ($index, $size, $axis) = @_;
    return (0, 1, $size, 0) if not ref $index and defined $index and $index =~ /\A(?:X|:)\z/;
    my @range = ref $index eq 'ARRAY' ? @$index : $index;
    @range = map { defined ? AI::MXNet::NDArray::_integer('slice', $_) : undef } @range;
    _fail("an index is a number, [begin, end, step], ':' or '...', but got ", ref $index ? 'a list of ' . @range : $index // 'undef')
        if not @range or @range > 3 or @range == 1 and not defined $range[0];
    if (@range == 1) {
        my $place = $range[0] < 0 ? $range[0] + $size : $range[0];
        _fail("Dimension $axis mismatch Idx: $range[0] >= Dim Size: $size") if $place < 0 or $place >= $size;
        return ($place, 1, 1, 1);
    }
    my ($begin, $end, $step) = (@range[0, 1], $range[2] // 1);
    _fail('slice: a step is not 0') if $step == 0;
    my $count = AI::MXNet::Shape::range_length($begin, $end, $step, $size);
    return (0, 1, 0, 0) unless $count;
    my $first = $begin // ($step > 0 ? 0 : $size - 1);
    $first += $size if $first < 0;
    $first = $first < 0 ? 0 : $first > $size - 1 ? $size - 1 : $first;
    return ($first, $step, $count, 0);
}

# -- masks and positions -----------------------------------------------------------------------------------------------

# Whether an array has the shape of the axes from one on, as a mask of them has.
sub _covers
{
    my ($array, $shape, $axis) = @_;
    my @own = @{ $array->shape };
    return @own && @own <= @$shape - $axis && "@own" eq "@$shape[$axis .. $axis + $#own]";
}

# The words of a key, an array among them with the sign that stands for it: @ for positions, ? for a mask, which has as many
# axes as it is an index of. Floats of one axis that are no mask, such as of argsort, are known as positions by their values.
sub _key_of
{
    my ($self, @indices) = @_;
    my @shape = @{ $self->shape };
    my ($axis, @words) = (0);
    for my $i (0 .. $#indices) {
        my $index = $indices[$i];
        if (_is_ellipsis($index)) { push @words, '...'; $axis = @shape - ($#indices - $i) }
        elsif (not _is_array($index)) { push @words, _word($index); $axis++ }
        elsif ($index->dtype eq 'bool' or $index->dtype =~ /\Afloat/ and _covers($index, \@shape, $axis)) {
            push @words, ['?', $index];
            $axis += @{ $index->shape };
        }
        else { push @words, ['@', $index]; $axis++ }
    }
    _fail('too many indices: the array has ', scalar @shape, ' axes') if $axis > @shape;
    return @words;
}

# A number or a range as the engine's key has it.
sub _word
{
    my ($index) = @_;
    return ':' if not ref $index and defined $index and $index =~ /\A(?:X|:)\z/;
    my @range = map { defined ? AI::MXNet::NDArray::_integer('slice', $_) : '' } ref $index eq 'ARRAY' ? @$index : $index;
    return @range == 1 ? $range[0] : join ':', @range;
}

# A slice by a key with arrays in it.
sub _keyed
{
    my ($self, @words) = @_;
    @words = map { blessed $_ ? ['@', $_] : $_ } @words;
    my @arrays = map { ref ? $_->[1] : () } @words;
    $_ = $_->sever for grep { $_->isa('AI::MXNet::NDArray::Slice') } @arrays;
    my $parent = $self->isa('AI::MXNet::NDArray::Slice') ? $self->sever : $self;
    return AI::MXNet::NDArray::Slice->new(
        parent => $parent, key => join(',', map { ref ? $_->[0] : $_ } @words), arrays => \@arrays, broadcasts => 1,
        behind => $self->isa('AI::MXNet::NDArray::Slice') ? $self : undef);
}

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Selection - indices with NumPy's meaning

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Turns the arguments of C<slice> and C<at> into
slices where L<AI::MXNet::Dialect> is chosen.

=head1 SEE ALSO

L<AI::MXNet::Dialect>

=cut

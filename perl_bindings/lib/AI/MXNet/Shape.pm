package AI::MXNet::Shape;
# What an operator's outputs will be: the rules that the operator table names, once each.
#
# A type is { shape, dtype, stype, ctx, size, id, ... }, one object per combination. A rule gets the operator's row, its
# attributes by name and the types of its inputs, and returns the types of its outputs, or dies as the engine would.
# Rules are for dense inputs: what sparse ones give, and in which storage type, the engine says.
use strict;
use warnings;
use AI::MXNet::Error;

my %types;
my %broadcast;    # by the ids of both types
my $count = 0;

use constant MAX_TYPES => 10_000;    # that are remembered: a script whose shapes are ever new must not fill the memory

# The type of that shape, name (a dtype, of a sparse array followed by its storage type) and context.
sub type
{
    my ($shape, $name, $ctx) = @_;
    return $types{"$name $ctx @$shape"} // _new_type($shape, $name, $ctx);
}

sub _new_type
{
    my ($shape, $name, $ctx) = @_;
    %types = %broadcast = () if keys %types >= MAX_TYPES;
    my $size = 1;
    $size *= $_ for @$shape;
    my ($dtype, $stype) = split / /, $name;
    return $types{"$name $ctx @$shape"} = {
        shape => [@$shape], name => $name, dtype => $dtype, stype => $stype // 'default', sparse => defined $stype,
        class => _class($stype), ctx => $ctx, size => $size, id => ++$count,
    };
}

# The package of arrays of that storage type.
sub _class
{
    my ($stype) = @_;
    return 'AI::MXNet::NDArray' unless defined $stype;
    AI::MXNet::NS::load('AI/MXNet/NDArray/Sparse.pm');
    return AI::MXNet::NDArray::Sparse::class_of($stype);
}

my %rules = (
    same         => sub { $_[2] },
    equal        => \&_equal,
    broadcast    => \&_broadcast,
    scalar       => \&_scalar,
    reduce       => \&_reduce,
    reshape      => \&_reshape,
    transpose    => \&_transpose,
    expand_dims  => \&_expand_dims,
    broadcast_to => \&_broadcast_to,
    dot          => \&_dot,
    softmax      => \&_softmax,
    slice        => \&_slice,
    slice_axis   => \&_slice_axis,
    into_shape   => sub { my (undef, $attrs, $in) = @_; type($attrs->{shape}, $in->{dtype}, $in->{ctx}) },
    view_slice   => sub { my (undef, $attrs, $in) = @_; type([$attrs->{end} - $attrs->{begin}, _of_row($in)], $in->{dtype}, $in->{ctx}) },
    view_at      => sub { my (undef, undef, $in) = @_; my @row = _of_row($in); type(@row ? \@row : [1], $in->{dtype}, $in->{ctx}) },
    image_records => \&_image_records,
);

# The shape without its first dimension.
sub _of_row { my (undef, @rest) = @{ $_[0]{shape} }; return @rest }

# The rule of that name as code, or undef where the engine must be asked.
sub rule { $rules{ $_[0] } }

our @INPUTS;    # types of the inputs that a rule is applied to, for its errors

sub _fail
{
    my ($row, @message) = @_;
    my $shapes = join ' ', map { join 'x', @{ $_->{shape} } } grep { defined } @INPUTS;
    AI::MXNet::Error->throw(kind => 'shape', operator => $row->{name}, shapes => $shapes, message => join '', 'MXNetError: ', @message);
}

sub _text { '[' . join(',', @{ $_[0]{shape} }) . ']' }

sub _same_dtypes
{
    my ($row, $first, @rest) = @_;
    for my $i (0 .. $#rest) {
        next if $rest[$i]{dtype} eq $first->{dtype};
        _fail($row, "Check failed: assign(&dattr, vec.at(i)): Incompatible attr in node  at ", $i + 1, "-th input: ",
            "expected $first->{dtype}, got $rest[$i]{dtype} in operator $row->{name}(name=\"\")");
    }
    return;
}

sub _equal
{
    my ($row, undef, $first, @rest) = @_;
    for my $i (0 .. $#rest) {
        next if $rest[$i] == $first;
        _same_dtypes($row, $first, @rest);
        _fail($row, "Incompatible attr in node  at ", $i + 1, "-th input: expected ", _text($first), ", got ", _text($rest[$i]),
            " in operator $row->{name}(name=\"\")")
            if "@{ $rest[$i]{shape} }" ne "@{ $first->{shape} }";
    }
    return $first;
}

sub _broadcast
{
    my ($row, undef, $lhs, $rhs) = @_;
    return $lhs if $lhs == $rhs;
    return $broadcast{ $lhs->{id} }{ $rhs->{id} } // ($broadcast{ $lhs->{id} }{ $rhs->{id} } = _broadcast_of($row, $lhs, $rhs));
}

sub _broadcast_of
{
    my ($row, $lhs, $rhs) = @_;
    local @INPUTS = ($lhs, $rhs);
    _same_dtypes($row, $lhs, $rhs);
    my @l = @{ $lhs->{shape} };
    my @r = @{ $rhs->{shape} };
    unshift @l, 1 while @l < @r;
    unshift @r, 1 while @r < @l;
    my @shape = map {
        $l[$_] == $r[$_] ? $l[$_] : $l[$_] == 1 ? $r[$_] : $r[$_] == 1 ? $l[$_] : _fail($row,
            "Check failed: l == 1 || r == 1: operands could not be broadcast together with shapes ",
            _text($lhs), ' ', _text($rhs), " in operator $row->{name}(name=\"\")")
    } 0 .. $#l;
    return type(\@shape, $lhs->{dtype}, $lhs->{ctx});
}

sub _scalar
{
    my (undef, $attrs, $in) = @_;
    return type($in->{shape}, 'int64', $in->{ctx}) if $in->{dtype} eq 'bool' and $attrs->{is_int} // 1;
    return $in if $attrs->{is_int} // 1 or $in->{dtype} =~ /\Afloat/;
    return type($in->{shape}, 'float64', $in->{ctx});
}

sub _axis
{
    my ($row, $axis, $ndim) = @_;
    _fail($row, "axis $axis is out of range for an array of $ndim dimensions, in operator $row->{name}(name=\"\")")
        if $axis < -$ndim or $axis >= $ndim;
    return $axis < 0 ? $axis + $ndim : $axis;
}

sub _axes
{
    my ($row, $axis, $ndim) = @_;
    my @axes = map { _axis($row, $_, $ndim) } ref $axis ? @$axis : $axis;
    my %seen;
    $seen{$_}++ and _fail($row, "axis @axes names an axis twice, in operator $row->{name}(name=\"\")") for @axes;
    return @axes;
}

sub _reduce
{
    my ($row, $attrs, $in) = @_;
    my @shape = @{ $in->{shape} };
    my $axis = $attrs->{axis};
    my %reduced;
    if (not defined $axis or ref $axis and not @$axis) { @reduced{ 0 .. $#shape } = () }
    else {
        @reduced{ _axes($row, $axis, scalar @shape) } = ();
        %reduced = map { $_ => 1 } grep { not exists $reduced{$_} } 0 .. $#shape if $attrs->{exclude};
    }
    my @new = $attrs->{keepdims}
        ? map { exists $reduced{$_} ? 1 : $shape[$_] } 0 .. $#shape
        : map { $shape[$_] } grep { not exists $reduced{$_} } 0 .. $#shape;
    return type(@new ? \@new : [1], $in->{dtype}, $in->{ctx});
}

sub _reshape
{
    my ($row, $attrs, $in) = @_;
    if (@{ $attrs->{target_shape} // [] } and not @{ $attrs->{shape} // [] }) {
        # the form of before 1.0: 0 stands for what is to be inferred
        my @target = map { $_ || -1 } @{ $attrs->{target_shape} };
        $target[0] = $in->{shape}[0] if $attrs->{keep_highest};
        return type(resolve($row, $in->{shape}, \@target), $in->{dtype}, $in->{ctx});
    }
    return type(resolve($row, $in->{shape}, $attrs->{shape} // [], $attrs->{reverse}), $in->{dtype}, $in->{ctx});
}

# The dimensions that MXNet's codes stand for (0 keep, -1 infer, -2 copy the rest, -3 merge two, -4 split into two).
sub resolve
{
    my ($row, $old, $codes, $reverse) = @_;
    return [reverse @{ resolve($row, [reverse @$old], [reverse @$codes]) }] if $reverse;
    my ($fits, $infer) = (1);
    my @source = @$old;
    my @codes = @$codes;
    my @new;
    while (@codes) {
        my $code = shift @codes;
        if ($code > 0) { push @new, $code; shift @source }
        elsif ($code == 0) { $fits &&= @source; push @new, shift(@source) // 0 }
        elsif ($code == -1) { $fits &&= !defined $infer; $infer = @new; push @new, 1; shift @source }
        elsif ($code == -2) { push @new, splice @source }
        elsif ($code == -3) { $fits &&= @source >= 2; push @new, (shift(@source) // 0) * (shift(@source) // 0) }
        elsif ($code == -4) {
            my ($left, $right, $whole) = (splice(@codes, 0, 2), shift @source);
            $fits &&= defined $right && defined $whole or last;
            $left  = $right ? int($whole / $right) : 0 if $left == -1;
            $right = $left  ? int($whole / $left)  : 0 if $right == -1;
            $fits &&= $left * $right == $whole;
            push @new, $left, $right;
        }
        else { $fits = 0 }
        last unless $fits;
    }
    my ($size, $rest) = (1, 1);
    $size *= $_ for @$old;
    $rest *= $_ for @new;
    if ($fits and defined $infer) {
        $new[$infer] = $rest ? int($size / $rest) : 0;
        $rest *= $new[$infer];
    }
    _fail($row, "Check failed: oshape.Size() == dshape.Size(): Target shape size is different to source. Target: [",
        join(',', @$codes), "] Source: [", join(',', @$old), "], in operator $row->{name}")
        if !$fits or $rest != $size;
    return \@new;
}

sub _transpose
{
    my ($row, $attrs, $in) = @_;
    my @shape = @{ $in->{shape} };
    my @axes = @{ $attrs->{axes} // [] };
    return type([reverse @shape], $in->{dtype}, $in->{ctx}) if !@axes;
    my @order = _axes($row, \@axes, scalar @shape);
    _fail($row, "axes=[@axes] is no permutation of the ", scalar @shape, " axes, in operator transpose") if @order != @shape;
    return type([@shape[@order]], $in->{dtype}, $in->{ctx});
}

sub _expand_dims
{
    my ($row, $attrs, $in) = @_;
    my @shape = @{ $in->{shape} };
    splice @shape, _axis($row, $attrs->{axis}, @shape + 1), 0, 1;
    return type(\@shape, $in->{dtype}, $in->{ctx});
}

sub _broadcast_to
{
    my ($row, $attrs, $in) = @_;
    my @old = @{ $in->{shape} };
    my @new = @{ $attrs->{shape} // [] };
    my $fits = @old == @new;
    for my $i (0 .. $#new) {
        last unless $fits;
        $new[$i] ||= $old[$i];
        $fits = $old[$i] == 1 || $old[$i] == $new[$i];
    }
    _fail($row, "Array of shape ", _text($in), " cannot be broadcasted to [", join(',', @new), "], in operator broadcast_to") unless $fits;
    return type(\@new, $in->{dtype}, $in->{ctx});
}

sub _dot
{
    my ($row, $attrs, $lhs, $rhs) = @_;
    _same_dtypes($row, $lhs, $rhs);
    my @l = @{ $lhs->{shape} };
    my @r = @{ $rhs->{shape} };
    _fail($row, 'Cannot transpose vectors, but got ', _text($lhs), ' and ', _text($rhs))
        if @l == 1 and @r == 1 and ($attrs->{transpose_a} or $attrs->{transpose_b});
    # a transposed array multiplies over its first axis, or its last one
    my $inner = $attrs->{transpose_a} ? shift @l : pop @l;
    my $outer = $attrs->{transpose_b} ? pop @r : shift @r;
    _fail($row, "Check failed: l[1] == r[0]: dot shape error: ", _text($lhs), " X ", _text($rhs)) if $inner != $outer;
    my $shape = @l + @r ? [@l, @r] : [1];
    my $stype = $attrs->{forward_stype} // 'None';
    return type($shape, $lhs->{dtype}, $lhs->{ctx}) if $stype eq 'None' or $stype eq 'default';
    _fail($row, 'a csr array has two dimensions, but the product has ', scalar @$shape) if $stype eq 'csr' and @$shape != 2;
    return type($shape, "$lhs->{dtype} $stype", $lhs->{ctx});
}

# A batch of images and their labels, one of which each is a number.
sub _image_records
{
    my (undef, $attrs, $places) = @_;
    my ($count, $width) = ($places->{shape}[0], $attrs->{label_width} // 1);
    return (type([$count, @{ $attrs->{data_shape} }], $attrs->{dtype} // 'float32', $places->{ctx}),
        type($width == 1 ? [$count] : [$count, $width], 'float32', $places->{ctx}));
}

# How many positions a range [begin, end) by step has within a length; undef stands for all there is.
sub range_length
{
    my ($begin, $end, $step, $length) = @_;
    my ($low, $high) = $step > 0 ? (0, $length) : (-1, $length - 1);
    for ($begin, $end) {
        next unless defined;
        $_ += $length if $_ < 0;
        $_ = $_ < $low ? $low : $_ > $high ? $high : $_;
    }
    $begin //= $step > 0 ? 0 : $length - 1;
    $end   //= $step > 0 ? $length : -1;
    my $span = $step > 0 ? $end - $begin : $begin - $end;
    return $span > 0 ? 1 + int(($span - 1) / abs $step) : 0;
}

sub _slice
{
    my ($row, $attrs, $in) = @_;
    my ($begin, $end, $step) = map { $_ // [] } @$attrs{qw(begin end step)};
    my @shape = @{ $in->{shape} };
    my ($b, $e, $s) = map { '(' . join(', ', map { $_ // 'None' } @$_) . (@$_ == 1 ? ',)' : ')') } $begin, $end, $step;
    _fail($row, "begin=$b, end=$e and step=$s must have the same length, in operator slice") if @$begin != @$end or @$step and @$step != @$begin;
    _fail($row, "begin=$b slices ", scalar @$begin, ' axes, but the array has ', scalar @shape, ', in operator slice') if @$begin > @shape;
    _fail($row, "step=$s cannot hold 0, in operator slice") if grep { defined and $_ == 0 } @$step;
    $shape[$_] = range_length($begin->[$_], $end->[$_], $step->[$_] // 1, $shape[$_]) for 0 .. $#$begin;
    return type(\@shape, $in->{dtype}, $in->{ctx});
}

sub _slice_axis
{
    my ($row, $attrs, $in) = @_;
    my @shape = @{ $in->{shape} };
    my $axis = _axis($row, $attrs->{axis}, scalar @shape);
    my ($begin, $end, $length) = (@$attrs{qw(begin end)}, $shape[$axis]);
    my $first = $begin < 0 ? $begin + $length : $begin;
    my $last = not(defined $end) ? $length : $end < 0 ? $end + $length : $end;
    _fail($row, "begin=$begin, end=", $end // 'None', " is no part of axis $axis of ", _text($in), ": begin must be before end, ",
        "both in [-$length, $length], in operator slice_axis") if $first < 0 or $last > $length or $first >= $last;
    $shape[$axis] = $last - $first;
    return type(\@shape, $in->{dtype}, $in->{ctx});
}

sub _softmax
{
    my ($row, $attrs, $in) = @_;
    _axis($row, $attrs->{axis} // -1, scalar @{ $in->{shape} });
    my $dtype = $attrs->{dtype};
    return defined $dtype && $dtype ne 'None' ? type($in->{shape}, $dtype, $in->{ctx}) : $in;
}

1;

__END__

=head1 NAME

AI::MXNet::Shape - shapes and dtypes of results

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. The rules that the operator table names, by
which the outputs of a call are known before the engine has computed them.

=head1 SEE ALSO

L<AI::MXNet::Operators>

=cut

package AI::MXNet::NDArray;
# The class goes on: making arrays.
use strict;
use warnings;
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::Context;
use AI::MXNet::DType;
use AI::MXNet::Engine;
use AI::MXNet::Operators;
use AI::MXNet::Shape;

sub array : lvalue
{
    my ($class, $source, @options) = @_;
    my %options = _named('array', [qw(ctx dtype bad)], @options);
    my $result = _array($source, %options);
    $result;
}

sub _array
{
    my ($source, %options) = @_;
    my $dtype = AI::MXNet::DType::check($options{dtype} // 'float32');
    my $ctx = AI::MXNet::Context::of($options{ctx});
    if (blessed $source and ($source->isa(__PACKAGE__) or $source->isa('AI::MXNet::NDArray::Slice'))) {
        $source = $source->sever if $source->isa('AI::MXNet::NDArray::Slice');
        my $copy = $source->dtype eq $dtype ? $source->copyto($ctx) : $source->astype($dtype);
        return $copy->context == $ctx ? $copy : $copy->as_in_context($ctx);
    }
    return AI::MXNet::NDArray::Sparse->array($source, %options) if blessed $source and $source->isa('PDL::CCS::Nd');
    my ($piddle, $shape) = _piddle($source, $options{bad});
    my @shape = map { 0 + $_ } @$shape;    # never used as text, so that they travel as numbers
    my $as;
    my $wire = $dtype;
    ($wire, $as) = ('float64', 'float16') if $dtype eq 'float16';
    my $type = AI::MXNet::Shape::type($shape, $dtype, $ctx);
    $AI::MXNet::Engine::AWAKE or AI::MXNet::Engine::wake();
    my $array = bless { handle => 0, type => $type, rec => 0 }, __PACKAGE__;
    AI::MXNet::Engine->upload($array, $piddle, AI::MXNet::DType::pdl_type($wire), $wire, $as, \@shape);
    return $array;
}

# A source of values as a piddle and the shape it has here.
sub _piddle
{
    my ($source, $bad) = @_;
    my $piddle = $source;
    if (ref $source eq 'ARRAY') {
        _fail('array takes a list of numbers or of lists, but the list holds NDArrays: use stack or concat')
            if grep { blessed $_ && $_->isa(__PACKAGE__) } @$source;
        $piddle = eval { PDL->pdl($source) };
        if (not defined $piddle) {
            die $@ if ref $@ or $@ !~ m{/PDL/};    # of a signal's handler
            _fail("array takes numbers in nested lists: $@" =~ s/ at \S+ line \d+.*//sr);
        }
    }
    elsif (not blessed $source or not $source->isa('PDL')) {
        _fail('array takes a piddle, a list of numbers (nested for more dimensions) or an NDArray, but got ', $source // 'undef');
    }
    _fail('array takes a piddle of values, but got one that is null') if $piddle->isnull;
    # a PDL::Matrix lists its rows first
    $piddle = $piddle->PDL::xchg(0, 1) if $piddle->isa('PDL::Matrix');
    _fail('array takes real numbers, but got a piddle of type ', $piddle->type) if $piddle->type =~ /\Ac/;
    if ($piddle->badflag and my $count = PDL::Core::topdl($piddle)->nbad->sclr) {
        _fail("the piddle has $count bad values, which an NDArray cannot hold: say what to put there, array(\$pdl, bad => 0)")
            unless defined $bad;
        $piddle = $piddle->setbadtoval($bad);
    }
    return ($piddle, [$piddle->ndims ? reverse $piddle->dims : 1]);
}

# Monitors make arrays of the handles that they are given, which here are arrays.
sub new
{
    my ($class, %options) = @_;
    my $array = $options{handle};
    return $array if blessed $array and $array->isa('AI::MXNet::NDArray');
    return _fail('NDArray->new takes the array that a monitor is given as its handle, but got ', $array // 'undef', ': array, zeros and the like make arrays');
}

sub empty : lvalue { my $class = shift; my $result = _filled('empty', 0, @_); $result }
sub zeros : lvalue { my $class = shift; my $result = _filled('zeros', 0, @_); $result }
sub ones  : lvalue { my $class = shift; my $result = _filled('ones',  1, @_); $result }

sub full : lvalue
{
    my ($class, $shape, $value, @options) = @_;
    _fail('In method full: parameter 2 ($val): Validation failed for \'Num\' with value ', $value // 'undef')
        unless defined $value and (looks_like_number($value) or blessed $value);
    my $result = _filled('full', AI::MXNet::Operators::_plain($value), $shape, @options);
    $result;
}

# A shape and options, also where the shape is one of them, as symbols take it.
sub _shape_first
{
    my ($shape, @options) = @_;
    return ($shape, @options) if ref $shape or @options % 2 == 0 or ($shape // '') !~ /\A[a-z_]+\z/;
    my %options = ($shape, @options);
    return (delete $options{shape}, %options);
}

sub _filled
{
    my ($name, $value, @options) = @_;
    (my $shape, @options) = _shape_first(@options);
    _check_shape($name, $shape);
    my %options = _named($name, [qw(ctx dtype out name __layout__ stype)], @options);
    my $dtype = AI::MXNet::DType::check($options{dtype} // 'float32');
    if ((my $stype = _stype($name, $options{stype})) ne 'default') {
        _fail("$name: only zeros can be sparse, but got stype => '$stype'") if $name !~ /\A(?:zeros|empty)\z/;
        return __PACKAGE__->sparse->zeros($stype, $shape, map { $_ => $options{$_} } grep { defined $options{$_} } qw(ctx dtype out));
    }
    my $ctx = AI::MXNet::Context::of($options{ctx});
    return _array(PDL->zeroes(reverse @$shape), dtype => $dtype, ctx => $ctx) if $name eq 'empty' and grep { !$_ } @$shape;
    return AI::MXNet::Operators::invoke(_row('_full'), [],
        { shape => $shape, value => $value, dtype => $dtype, ctx => "$ctx" }, $options{out});
}

sub arange
{
    my ($class, @options) = @_;
    my %options = _named('arange', [qw(start stop step repeat infer_range ctx dtype)], @options);
    my ($start, $stop) = ($options{start} // 0, $options{stop});
    ($start, $stop) = (0, $start) unless defined $stop or $options{infer_range};
    return AI::MXNet::Operators::invoke(_row('_arange'), [],
        { start => $start, stop => $stop, step => $options{step} // 1, repeat => $options{repeat} // 1,
          infer_range => $options{infer_range} // 0, dtype => AI::MXNet::DType::check($options{dtype} // 'float32'),
          ctx => '' . ($options{ctx} // AI::MXNet::Context::->current_ctx) });
}

# Of a number: a square array with ones on the diagonal, as NumPy's; else the operator of that name, a copy.
sub identity
{
    my ($self, @arguments) = @_;
    return AI::MXNet::Operators::call(_row('_copy'), $self, @arguments) if ref $self or ref $arguments[0] or not looks_like_number($arguments[0]);
    my ($count, @options) = @arguments;
    return AI::MXNet::Operators::call(_row('_npi_identity'), $self, shape => [$count, $count], @options);
}

sub _as_bool { my ($self) = @_; return AI::MXNet::Operators::invoke(_row('_npi_not_equal_scalar'), [$self], { scalar => 0 }) }

sub concatenate
{
    my ($class, $arrays, @options) = @_;
    my %options = (axis => 0, always_copy => 1, _named('concatenate', [qw(axis always_copy)], @options));
    _fail('concatenate takes a list of NDArrays') unless ref $arrays eq 'ARRAY' and @$arrays;
    $arrays = [map { ref eq 'AI::MXNet::NDArray::Slice' ? $_->sever : $_ } @$arrays];
    AI::MXNet::Error::expect('concatenate takes a list of NDArrays', __PACKAGE__, @$arrays);
    return $arrays->[0] if @$arrays == 1 and not $options{always_copy};
    my @shape = @{ $arrays->[0]->shape };
    for my $array (@$arrays) {
        my @other = @{ $array->shape };
        next if @other == @shape and not grep { $_ != $options{axis} % @shape and $shape[$_] != $other[$_] } 0 .. $#shape;
        _fail("concatenate: the shapes of the first array [@shape] and of another [@other] do not match on all axes but $options{axis}");
    }
    return AI::MXNet::Operators::invoke(_row('Concat'), [@$arrays], { dim => $options{axis} });
}

# The sum of arrays that may be on several contexts and sparse: a new array, even of one.
sub _sum_on
{
    my ($ctx, @arrays) = @_;
    my ($first, @rest) = map { $_->as_in_context($ctx) } @arrays;
    return $first->copy unless @rest;
    return __PACKAGE__->add_n($first, @rest) unless grep { $_->stype ne 'default' } $first, @rest;
    $first = $first + $_ for @rest;
    return $first;
}

sub onehot_encode
{
    my ($class, $indices, $out) = @_;
    AI::MXNet::Error::expect('onehot_encode takes indices and the array to write to, which are NDArrays', __PACKAGE__, $indices, $out);
    return AI::MXNet::Operators::invoke(_row('one_hot'), [$indices], { depth => $out->shape->[1] }, $out);
}

sub histogram
{
    my ($self, @arguments) = @_;
    my $data = blessed $self ? $self : blessed $arguments[0] || @arguments % 2 ? shift @arguments : undef;
    my @positional;
    push @positional, shift @arguments while @arguments and @positional < 2 and ref $arguments[0] ne 'HASH' and ($arguments[0] // '') !~ /\A[a-z]/;
    unshift @arguments, map { (qw(bins range))[$_] => $positional[$_] } 0 .. $#positional if @positional;
    my %named = @arguments == 1 && ref $arguments[0] eq 'HASH' ? %{ $arguments[0] } : @arguments;
    $data //= delete $named{data};
    # a number of bins, as MXNet's Python takes it
    if (defined $named{bins} and not ref $named{bins}) {
        $named{bin_cnt} = delete $named{bins};
        $named{range} //= [map { $data->$_->asscalar } qw(min max)] if blessed $data;
    }
    return AI::MXNet::Operators::call(_row('_histogram'), __PACKAGE__, $data, \%named);
}

sub imdecode { AI::MXNet::NS::load('AI/MXNet/Image.pm'); goto &AI::MXNet::Image::_imdecode_planes }
sub CachedOp { my $class = shift; AI::MXNet::NS::load('AI/MXNet/CachedOp.pm'); return AI::MXNet::CachedOp->new(@_) }

# An operator of the user's own: arrays by position or name, op_type and its attributes by name.
sub Custom
{
    my ($self, @arguments) = @_;
    AI::MXNet::NS::load('AI/MXNet/Operator.pm');
    my @arrays = ref $self ? $self : ();
    push @arrays, shift @arguments while @arguments and AI::MXNet::Operators::_is_array($arguments[0]);
    _fail('Custom takes arrays, then named arguments, but got ', $arguments[0] // 'undef') if @arguments % 2 and ref $arguments[0] ne 'HASH';
    return AI::MXNet::Operator::call(\@arrays, { ref $arguments[0] eq 'HASH' ? %{ $arguments[0] } : @arguments });
}

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Making - how arrays are made

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. The
class methods of L<AI::MXNet::NDArray> that make arrays.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut

package AI::MXNet::NDArray;
# Arrays: a handle of the engine's, and the type (shape, dtype, context) that is known here. POD at the end.
#
# An array is { handle, type, rec }: `rec` is the recording that it is surely on the tape of, -1 for a variable, or 0.
# A variable also has `grad`. None of our own code tests an array by truth.
use strict;
use warnings;
use feature 'current_sub';
use base 'AI::MXNet::NDArray::Base';
use List::Util ();
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::AutoGrad;
use AI::MXNet::Context;
use AI::MXNet::DType;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NDArray::Slice;
use AI::MXNet::NS;
use AI::MXNet::Operators;
use AI::MXNet::Shape;

# all of PDL, because scripts call any method on what aspdl returns; its functions stay out of this package
{ package AI::MXNet::NDArray::PDL; require PDL; PDL->import }

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub _fail { goto &AI::MXNet::Error::fail }
sub _row { AI::MXNet::Operators::row($_[0]) // die "the operator table lacks $_[0]\n" }

# -- arithmetic: the path of every operator, so flat and without detours -----------------------------------------

use constant SELF => __PACKAGE__;

# The sub behind an overloaded operator: by the operators for two arrays, for array and number, for number and array.
sub _arithmetic
{
    my ($symbol, $broadcast, $scalar, $reversed) = @_;
    my ($two, $number, $first) = map { _row($_) } $broadcast, $scalar, $reversed // $scalar;
    my ($rule, $two_code, @codes) = ($two->{rule}, $two->{number}, $number->{number}, $first->{number});
    return sub {
        my ($lhs, $rhs, $swapped) = @_;
        my ($type, $rec, $item) = ($lhs->{type}, 0);
        $AI::MXNet::Engine::AWAKE or AI::MXNet::Engine::wake();
        if (not ref $rhs) {
            looks_like_number($rhs) or _bad_operand($symbol, $rhs);
            $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale($lhs);
            if ($AI::MXNet::AutoGrad::RECORDING) {
                $rec = $AI::MXNet::AutoGrad::RECORDING
                    if $lhs->{rec} < 0 or $lhs->{rec} > $AI::MXNet::AutoGrad::CONSUMED;
            }
            $item = [$codes[$swapped ? 1 : 0], [$rhs], pop @AI::MXNet::Engine::FREE // ++$AI::MXNet::Engine::LAST, $lhs->{handle}];
        }
        else {
            if (ref $rhs ne SELF) {
                my $operand = _operand($symbol, $rhs);
                return __SUB__->($lhs, $operand, $swapped) if not ref $operand;
                return $operand->_beside($two, $swapped ? ($operand, $lhs) : ($lhs, $operand)) if $operand->{type}{sparse};
                $rhs = $operand;
            }
            $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale($lhs, $rhs);
            ($lhs, $rhs) = ($rhs, $lhs) if $swapped;
            $type = $rule->($two, undef, $lhs->{type}, $rhs->{type}) if $type != $rhs->{type} or $swapped;
            $rec = AI::MXNet::AutoGrad::tracks($lhs, $rhs) if $AI::MXNet::AutoGrad::RECORDING;
            $item = [$two_code, undef, pop @AI::MXNet::Engine::FREE // ++$AI::MXNet::Engine::LAST, $lhs->{handle}, $rhs->{handle}];
        }
        push @AI::MXNet::Engine::STREAM, $item;
        return bless { handle => $item->[2], type => $type, rec => $rec }, SELF
            if @AI::MXNet::Engine::STREAM < 64 and $type->{size} <= 4096;
        my $result = bless { handle => $item->[2], type => $type, rec => $rec }, SELF;
        AI::MXNet::Engine::flush();
        return $result;
    };
}

# The sub behind an assignment form: the array itself receives the result.
sub _assignment
{
    my ($symbol, $broadcast, $scalar) = @_;
    my ($two, $number) = map { _row($_) } $broadcast, $scalar;
    return sub {
        my ($self, $rhs) = @_;
        my $operand = ref $rhs eq SELF ? $rhs : _operand($symbol, $rhs);
        if (ref $operand) { AI::MXNet::Operators::invoke($two, [$self, $operand], {}, $self) }
        else { AI::MXNet::Operators::invoke($number, [$self], { scalar => $operand }, $self) }
        return $self;
    };
}

# What may stand beside an array in arithmetic: an array (a slice becomes one), or a number.
sub _operand
{
    my ($symbol, $value) = @_;
    if (blessed $value) {
        return $value if $value->isa(SELF);
        return $value->sever if $value->isa('AI::MXNet::NDArray::Slice');
        return $value->sclr if $value->isa('PDL') and $value->nelem == 1;
    }
    return $value if defined $value and not ref $value and looks_like_number($value);
    return _bad_operand($symbol, $value);
}

sub _bad_operand
{
    my ($symbol, $value) = @_;
    _fail("the operator $symbol takes an NDArray or a number beside an NDArray, but got ",
        not(defined $value) ? 'undef' : blessed $value && $value->isa('PDL') ? 'a piddle of ' . $value->nelem . ' elements' : ref $value ? 'a reference to ' . ref $value : "'$value'");
}

# symbol => [two arrays, array and number, number and array]
our %ROWS = (
    '+'  => [qw(broadcast_add _plus_scalar)],
    '-'  => [qw(broadcast_sub _minus_scalar _rminus_scalar)],
    '*'  => [qw(broadcast_mul _mul_scalar)],
    '/'  => [qw(broadcast_div _div_scalar _rdiv_scalar)],
    '%'  => [qw(broadcast_mod _mod_scalar _rmod_scalar)],
    '**' => [qw(broadcast_power _power_scalar _rpower_scalar)],
    '==' => [qw(broadcast_equal _equal_scalar)],
    '!=' => [qw(broadcast_not_equal _not_equal_scalar)],
    '>'  => [qw(broadcast_greater _greater_scalar _lesser_scalar)],
    '>=' => [qw(broadcast_greater_equal _greater_equal_scalar _lesser_equal_scalar)],
    '<'  => [qw(broadcast_lesser _lesser_scalar _greater_scalar)],
    '<=' => [qw(broadcast_lesser_equal _lesser_equal_scalar _greater_equal_scalar)],
    maximum => [qw(broadcast_maximum _maximum_scalar)],
    minimum => [qw(broadcast_minimum _minimum_scalar)],
);
our %ARITHMETIC = map { $_ => _arithmetic($_, @{ $ROWS{$_} }) } keys %ROWS;
our %ASSIGNMENT = map { ("$_=" => _assignment("$_=", @{ $ROWS{$_} })) } qw(+ - * / %);

# The subs of the arrays' class; sparse ones have others.
sub _operator { $ARITHMETIC{ $_[1] } }
sub _assigner { $ASSIGNMENT{ $_[1] } }

use overload;
overload->import(
    (map { $_ => $ARITHMETIC{$_} } grep { !/\w/ } keys %ARITHMETIC),
    %ASSIGNMENT,
    '.='   => sub { $_[0]->set($_[1]) },
    '='    => sub { $_[0] },
    '++'   => sub { $_[0] += 1 },
    '--'   => sub { $_[0] -= 1 },
    'neg'  => sub { $_[0]->negative },
    'abs'  => sub { $_[0]->abs },
    'sqrt' => sub { $_[0]->sqrt },
    'exp'  => sub { $_[0]->exp },
    'log'  => sub { $_[0]->log },
    'sin'  => sub { $_[0]->sin },
    'cos'  => sub { $_[0]->cos },
    'atan2' => sub { my ($y, $x, $swapped) = @_; ($swapped ? $x / $y : $y / $x)->arctan },
    '""'   => sub { $_[0]->describe },
    'bool' => \&_truth,
    '0+'   => sub { $_[0]->asscalar },
    '<=>'  => sub { _fail('the operator <=> is not defined for NDArrays: compare with == < > or aspdl') },
    'cmp'  => sub { my ($x, $y, $swapped) = map {"$_"} @_[0, 1]; $_[2] ? $y cmp $x : $x cmp $y },
    'x'    => sub { _fail('the operator x is not defined for NDArrays') },
    '@{}'  => sub { $_[0]->split_array },
    fallback => undef,
);

# One element: the truth of its value. The original calls every array true, which defeats `if`.
sub _truth
{
    my ($self) = @_;
    return 1 if $self->{type}{size} != 1;
    return $self->asscalar != 0;
}

# Named forms of the operators: $x->add($other, $reverse), $x->iadd($other).
{
    my %named = (
        add => '+', subtract => '-', multiply => '*', divide => '/', true_divide => '/', modulo => '%', power => '**',
        equal => '==', not_equal => '!=', greater => '>', greater_equal => '>=', lesser => '<', lesser_equal => '<=',
    );
    no strict 'refs';
    for my $name (keys %named) { my $symbol = $named{$name}; *{$name} = sub { $_[0]->_operator($symbol)->(@_[0, 1], $_[2] // 0) } }
    my %in_place = (iadd => '+=', isubtract => '-=', imultiply => '*=', idivide => '/=', imodulo => '%=');
    for my $name (keys %in_place) { my $symbol = $in_place{$name}; *{$name} = sub { $_[0]->_assigner($symbol)->(@_[0, 1]) } }
}

# -- life ----------------------------------------------------------------------------------------------------------

sub DESTROY
{
    return if $AI::MXNet::Engine::CLOSED;
    my $handle = $_[0]{handle};
    return if abs $handle <= $AI::MXNet::Engine::STALE;
    push @AI::MXNet::Engine::STREAM, $handle;
    push @AI::MXNet::Engine::FREE,   $handle if $handle > 0;
}

# Arrays that the engine named: (handle, type, ndim, dimensions ...) for each, and a context at the end, if any.
sub adopt
{
    my ($class, @fields) = @_;
    my $ctx = @fields && ref $fields[-1] ? pop @fields : AI::MXNet::Context::->current_ctx;
    my @arrays;
    while (@fields) {
        my ($handle, $name, $ndim) = splice @fields, 0, 3;
        $AI::MXNet::Engine::GIVEN = -$handle if -$handle > $AI::MXNet::Engine::GIVEN;
        my $type = AI::MXNet::Shape::type([splice @fields, 0, $ndim], $name, $ctx);
        push @arrays, bless { handle => $handle, type => $type, rec => 0 }, $type->{class};
    }
    return @arrays;
}

sub _handle { pop @AI::MXNet::Engine::FREE // ++$AI::MXNet::Engine::LAST }

# -- making arrays -------------------------------------------------------------------------------------------------

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
    my $ctx = ($options{ctx} // AI::MXNet::Context::->current_ctx)->usable;
    if (blessed $source and ($source->isa(SELF) or $source->isa('AI::MXNet::NDArray::Slice'))) {
        $source = $source->sever if $source->isa('AI::MXNet::NDArray::Slice');
        my $copy = $source->dtype eq $dtype ? $source->copyto($ctx) : $source->astype($dtype);
        return $copy->context == $ctx ? $copy : $copy->as_in_context($ctx);
    }
    my ($piddle, $shape) = _piddle($source, $options{bad});
    my @shape = map { 0 + $_ } @$shape;    # never used as text, so that they travel as numbers
    my $as;
    my $wire = $dtype;
    ($wire, $as) = ('float64', 'float16') if $dtype eq 'float16';
    my $type = AI::MXNet::Shape::type($shape, $dtype, $ctx);
    $AI::MXNet::Engine::AWAKE or AI::MXNet::Engine::wake();
    my $array = bless { handle => 0, type => $type, rec => 0 }, SELF;
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
            if grep { blessed $_ && $_->isa(SELF) } @$source;
        $piddle = eval { PDL->pdl($source) };
        if (not defined $piddle) {
            die $@ if ref $@ or $@ !~ m{/PDL/};    # of a signal's handler
            _fail("array takes numbers in nested lists: $@" =~ s/ at \S+ line \d+.*//sr);
        }
    }
    elsif (not blessed $source or not $source->isa('PDL')) {
        _fail('array takes a piddle, a list of numbers (nested for more dimensions) or an NDArray, but got ', $source // 'undef');
    }
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

sub _filled
{
    my ($name, $value, $shape, @options) = @_;
    _check_shape($name, $shape);
    my %options = _named($name, [qw(ctx dtype out name __layout__ stype)], @options);
    my $dtype = AI::MXNet::DType::check($options{dtype} // 'float32');
    if ((my $stype = _stype($name, $options{stype})) ne 'default') {
        _fail("$name: only zeros can be sparse, but got stype => '$stype'") if $name !~ /\A(?:zeros|empty)\z/;
        return SELF->sparse->zeros($stype, $shape, map { $_ => $options{$_} } grep { defined $options{$_} } qw(ctx dtype out));
    }
    my $ctx = ($options{ctx} // AI::MXNet::Context::->current_ctx)->usable;
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

sub concatenate
{
    my ($class, $arrays, @options) = @_;
    my %options = (axis => 0, always_copy => 1, _named('concatenate', [qw(axis always_copy)], @options));
    _fail('concatenate takes a list of NDArrays') unless ref $arrays eq 'ARRAY' and @$arrays;
    return $arrays->[0] if @$arrays == 1 and not $options{always_copy};
    my @shape = @{ $arrays->[0]->shape };
    for my $array (@$arrays) {
        my @other = @{ $array->shape };
        next if @other == @shape and not grep { $_ != $options{axis} % @shape and $shape[$_] != $other[$_] } 0 .. $#shape;
        _fail("concatenate: the shapes of the first array [@shape] and of another [@other] do not match on all axes but $options{axis}");
    }
    return AI::MXNet::Operators::invoke(_row('Concat'), [@$arrays], { dim => $options{axis} });
}

sub onehot_encode
{
    my ($class, $indices, $out) = @_;
    return AI::MXNet::Operators::invoke(_row('one_hot'), [$indices], { depth => $out->shape->[1] }, $out);
}

sub histogram
{
    my ($self, @arguments) = @_;
    my $data = blessed $self ? $self : @arguments % 2 ? shift @arguments : undef;
    my %named = @arguments == 1 && ref $arguments[0] eq 'HASH' ? %{ $arguments[0] } : @arguments;
    $data //= delete $named{data};
    return AI::MXNet::Operators::call(_row('_histogram'), SELF, $data, \%named);
}

sub imdecode { require AI::MXNet::Image; goto &AI::MXNet::Image::_imdecode_planes }
sub CachedOp { _fail('nd->CachedOp is not there yet: it comes with symbols') }

# -- what is known without asking the engine -----------------------------------------------------------------------

sub context { $_[0]{type}{ctx} }
sub dtype   { $_[0]{type}{dtype} }
sub grad    { $_[0]{grad} }
sub handle  { $_[0]{handle} }
sub len     { $_[0]{type}{shape}[0] }
sub ndim    { scalar @{ $_[0]{type}{shape} } }
sub shape   { [@{ $_[0]{type}{shape} }] }
sub stype   { $_[0]{type}{stype} }

sub size
{
    my ($self, $shape) = @_;
    return $self->{type}{size} unless defined $shape;
    my $size = 1;
    $size *= $_ for @$shape;
    return $size;
}

sub writable { my $self = shift; $self->{fixed} = !$_[0] if @_; return $self->{fixed} ? 0 : 1 }

# <AI::MXNet::NDArray 2x3 @cpu(0)>
sub describe
{
    my ($self) = @_;
    return '<' . ref($self) . ' ' . join('x', @{ $self->{type}{shape} }) . " \@$self->{type}{ctx}>";
}

# -- values --------------------------------------------------------------------------------------------------------

sub aspdl : lvalue
{
    my ($self) = @_;
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale($self);
    my $type = $self->{type};
    my ($name, $shape, $piddle) = AI::MXNet::Engine->download($self, AI::MXNet::DType::pdl_type($type->{dtype}));
    $self->_check_prediction($name, $shape);
    $piddle;
}

sub asmpdl : lvalue
{
    my ($self) = @_;
    require PDL::Matrix;
    my $piddle = $self->aspdl;
    my $matrix = PDL::Matrix->pdl($piddle->unpdl);
    $matrix;
}

sub asscalar
{
    my ($self) = @_;
    _fail('ndarray size must be 1') unless $self->{type}{size} == 1;
    return $self->aspdl->sclr;
}

# A reply that is not as predicted is a bug of ours; better an error than wrong memory.
sub _check_prediction
{
    my ($self, $name, $shape) = @_;
    my $type = $self->{type};
    return if $name eq $type->{name} and "@$shape" eq "@{ $type->{shape} }";
    AI::MXNet::Error->throw(kind => 'internal', message => "an array was predicted to be $type->{name} [@{ $type->{shape} }], "
        . "but the engine holds $name [@$shape]: please report the operator that made it");
}

sub wait_to_read
{
    my ($self) = @_;
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale($self);
    AI::MXNet::Engine->request('wait', $self->{handle});
    return $self;
}
sub wait_to_write { goto &wait_to_read }

sub waitall
{
    my $failure = (AI::MXNet::Engine->failures)[0];
    return unless defined $failure;
    AI::MXNet::Error->throw(kind => 'compute', message => $failure =~ s/ at .*? line \d+\.\n//r);
}

# -- writing -------------------------------------------------------------------------------------------------------

# Assigns a number, an array, a slice, a piddle or a nested list. Returns the array.
sub set
{
    my ($self, $value) = @_;
    _fail('an NDArray cannot be set to undef') unless defined $value;
    if (blessed $value and $value->isa('AI::MXNet::NDArray::Slice')) { $value = $value->sever }
    if (blessed $value and $value->isa(SELF)) { $value->copyto($self) if $value->{handle} != $self->{handle} }
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

# True for a variable and for what is recorded and not yet consumed by a backward.
sub is_on_tape
{
    my ($self) = @_;
    my $rec = $self->{rec};
    return 1 if $rec < 0 or $rec > $AI::MXNet::AutoGrad::CONSUMED;
    return 0 unless $AI::MXNet::AutoGrad::RECORDING;
    my ($fields) = AI::MXNet::Engine->request('on_tape', $self->{handle});
    return $fields->[1];
}

sub copy : lvalue { my ($self) = @_; my $result = $self->copyto($self->context); $result }
sub sever : lvalue { my ($self) = @_; my $result = $self->copy; $result }

sub copyto : lvalue
{
    my ($self, $target) = @_;
    my $result;
    if (blessed $target and $target->isa('AI::MXNet::Context')) {
        $result = AI::MXNet::Operators::invoke(_row('_copy'), [$self], {});
        $result->{type} = AI::MXNet::Shape::type($self->{type}{shape}, $self->{type}{name}, $target->usable);
    }
    elsif (blessed $target and $target->isa(SELF)) {
        if ($target->{handle} == $self->{handle}) { warn "You are attempting to copy an array to itself\n" }
        else {
            $target->_check_fits($self->{type}{shape});
            AI::MXNet::Operators::invoke(_row('_copy'), [$self], {}, $target);
        }
        $result = $target;
    }
    else { _fail('copyto takes a context or an NDArray, but got ', $target // 'undef') }
    $result;
}

sub as_in_context : lvalue
{
    my ($self, $ctx) = @_;
    my $result = $self->context == $ctx ? $self : $self->copyto($ctx);
    $result;
}

sub astype : lvalue
{
    my ($self, $dtype) = @_;
    my $result = AI::MXNet::Operators::invoke(_row('Cast'), [$self], { dtype => AI::MXNet::DType::check($dtype) });
    $result;
}

sub tostype
{
    my ($self, $stype) = @_;
    return $self if _stype('tostype', $stype) eq $self->stype;
    return AI::MXNet::Operators::invoke(_row('cast_storage'), [$self], { stype => $stype });
}

# A storage type, checked; none stands for dense.
sub _stype
{
    my ($method, $stype) = @_;
    $stype //= 'default';
    return $stype if $stype =~ /\A(?:default|csr|row_sparse)\z/;
    return _fail("$method: a storage type is default, csr or row_sparse, but got '$stype'");
}

# -- shapes and views ----------------------------------------------------------------------------------------------

sub reshape : lvalue
{
    my ($self, $shape, @options) = @_;
    _fail('In method reshape: parameter 1 ($new_shape): Validation failed for \'ArrayRef[Int]\' with value ', $shape // 'undef')
        unless ref $shape eq 'ARRAY';
    my %options = _named('reshape', ['reverse'], @options);
    my $result = AI::MXNet::Operators::invoke(_row('_view_reshape'), [$self], { shape => $shape, reverse => $options{reverse} ? 1 : 0 });
    $result;
}

sub T : lvalue
{
    my ($self) = @_;
    _fail('Only 2D matrix is allowed to be transposed') if $self->ndim > 2;
    my $result = $self->transpose;
    $result;
}

sub moveaxis
{
    my ($self, $source, $destination) = @_;
    my $ndim = $self->ndim;
    for ($source, $destination) {
        _fail("moveaxis: axis $_ is out of range for $ndim dimensions") if $_ < -$ndim or $_ >= $ndim;
        $_ += $ndim if $_ < 0;
    }
    my @axes = grep { $_ != $source } 0 .. $ndim - 1;
    splice @axes, $destination, 0, $source;
    return $self->transpose(axes => \@axes);
}

sub broadcast_to
{
    my ($self, $shape) = @_;
    _check_shape('broadcast_to', $shape);
    my @own = (1) x List::Util::max(0, @$shape - $self->ndim);
    my $padded = @own ? $self->reshape([@own, @{ $self->shape }]) : $self;
    my @old = @{ $padded->shape };
    _fail("operands could not be broadcast together with remapped shapes [original->remapped]: [@{ $self->shape }] and requested shape [@$shape]")
        if @old != @$shape or grep { $old[$_] != 1 && $old[$_] != $shape->[$_] } 0 .. $#old;
    return AI::MXNet::Operators::invoke(_row('broadcast_to'), [$padded], { shape => $shape });
}

sub detach
{
    my ($self) = @_;
    my $result = AI::MXNet::Operators::invoke(_row('_view_detach'), [$self], {});
    $result->{rec} = 0;
    return $result;
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

sub at : lvalue
{
    my ($self, @indices) = @_;
    my $result = @indices == 1 ? $self->_row_at($indices[0]) : $self->slice(map { [$_, $_] } @indices);
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
    my $result
        = @indices && not(ref $indices[0]) && $indices[0] =~ /\A(?:begin|end|step|axis)\z/ ? AI::MXNet::Operators::call(_row('slice'), $self, @indices)
        : @indices == 1 && ref $indices[0] eq 'ARRAY' && ref $indices[0][0] ? $self->_gather($indices[0])
        : $self->_slice(@indices);
    $result;
}

sub _slice
{
    my ($self, @indices) = @_;
    my @shape = @{ $self->{type}{shape} };
    _fail('slice needs an index for dimension 0, or one for each of the ', scalar @shape, ' dimensions') unless @indices;
    _fail('ndarray only supports either ->slice on dimension 0 or full crop, but got ', scalar @indices, ' indices for ', scalar @shape, ' dimensions')
        if @indices > 1 and @indices != @shape;
    my (@begin, @end);
    for my $i (0 .. $#indices) {
        my ($begin, $end) = _range($indices[$i], $shape[$i], $i);
        push @begin, $begin;
        push @end,   $end + 1;
    }
    return AI::MXNet::Operators::invoke(_row('_view_slice'), [$self], { begin => $begin[0], end => $end[0] }) if @indices == 1;
    return AI::MXNet::NDArray::Slice->new(parent => $self, begin => \@begin, end => \@end);
}

# An index of one dimension as first and last position.
sub _range
{
    my ($index, $size, $dimension) = @_;
    return (0, $size - 1) if not ref $index and defined $index and $index eq 'X';
    my @range = ref $index eq 'ARRAY' ? @$index : $index;
    _fail('an index is a number, [begin, end] or \'X\', but got an empty list') unless @range;
    _fail("NDArray does not support slice strides != 1, but got step $range[2]") if @range > 2 and $range[2] != 1;
    my ($begin, $end) = map { _integer('slice', $_) } $range[0], $range[1] // $range[0];
    my @given = ($begin, $end);
    $_ < 0 and $_ += $size for $begin, $end;
    _fail("slice: [$given[0],$given[1]] is not within dimension $dimension, which has $size entries, or begins after its end")
        if $begin < 0 or $end >= $size or $begin > $end;
    return ($begin, $end);
}

sub _gather
{
    my ($self, $lists) = @_;
    my @rows = map { blessed $_ && $_->isa(SELF) ? $_->astype('int64') : _array($_, dtype => 'int64') } @$lists;
    my $indices = AI::MXNet::Operators::invoke(_row('stack'), \@rows, { axis => 0 });
    return AI::MXNet::Operators::invoke(_row('gather_nd'), [$self, $indices], {});
}

# -- gradients -----------------------------------------------------------------------------------------------------

sub attach_grad
{
    my ($self, @options) = @_;
    my %options = (grad_req => 'write', _named('attach_grad', [qw(grad_req stype)], @options));
    my $stype = _stype('attach_grad', $options{stype} // $self->stype);
    my $req = $options{grad_req};
    _fail("In method attach_grad: parameter grad_req: one of add, write, null, but got '", $req // 'undef', "'")
        unless defined $req and $req =~ /\A(?:add|write|null)\z/;
    $self->_mark($req eq 'null' ? undef : SELF->zeros($self->shape, dtype => $self->dtype, ctx => $self->context, stype => $stype), $req);
    return;
}

sub _mark
{
    my ($self, $grad, $req) = @_;
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale($self, $grad);
    AI::MXNet::Error->throw(kind => 'shape', message => 'MXNetError: a variable of shape [' . join(',', @{ $self->shape })
        . '] was given a gradient of shape [' . join(',', @{ $grad->shape }) . ']')
        if defined $grad and "@{ $grad->shape }" ne "@{ $self->shape }";
    AI::MXNet::Engine->send(['mark', $self->{handle}, (defined $grad ? $grad->{handle} : undef), $req]);
    $self->{grad} = $grad;
    $self->{rec} = $req eq 'null' ? 0 : -1;
    return;
}

sub backward
{
    my ($self, @options) = @_;
    my %options = (retain_graph => 0, train_mode => 1, _named('backward', [qw(out_grad retain_graph train_mode)], @options));
    return AI::MXNet::AutoGrad->backward([$self], (defined $options{out_grad} ? (head_grads => [$options{out_grad}]) : ()),
        retain_graph => $options{retain_graph}, train_mode => $options{train_mode});
}

sub _fresh_grad { my $self = shift; $self->{fresh_grad} = $_[0] ? 1 : 0 if @_; return $self->{fresh_grad} // 0 }

# -- two arrays ------------------------------------------------------------------------------------------------------

for my $name (qw(maximum minimum)) {
    no strict 'refs';
    *{$name} = sub {
        my ($self, @others) = @_;
        @others = ($self, @others) if blessed $self;
        _fail("Too few or many arguments for method $name (expected 2, got ", scalar @others, ')') if @others != 2;
        my ($x, $y, $swapped) = (@others, 0);
        ($x, $y, $swapped) = ($y, $x, 1) unless ref $x;
        return $x->_operator($name)->($x, $y, $swapped);
    };
}

# -- files ---------------------------------------------------------------------------------------------------------

sub save
{
    my ($class, $path, $arrays) = @_;
    my @names = ref $arrays eq 'HASH' ? sort keys %$arrays : ();
    my @list = ref $arrays eq 'HASH' ? @$arrays{@names} : ref $arrays eq 'ARRAY' ? @$arrays : _fail('save takes a list or a hash of NDArrays');
    blessed $_ && $_->isa(SELF) or _fail('save takes NDArrays, but got ', $_ // 'undef') for @list;
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale(@list);
    utf8::encode($_) for @names;
    AI::MXNet::Engine->request('save', _absolute($path), (ref $arrays eq 'HASH' ? \@names : undef), map { $_->{handle} } @list);
    return;
}

sub load
{
    my ($class, $path) = @_;
    my ($loaded) = AI::MXNet::Engine->ask(sub { $class->_loaded(@_) }, 'load', _absolute($path));
    return $loaded;
}

sub load_frombuffer
{
    my ($class, $bytes) = @_;
    my ($loaded) = AI::MXNet::Engine->ask_with(\$bytes, sub { $class->_loaded(@_) }, 'load', undef);
    return $loaded;
}

sub _loaded
{
    my ($class, undef, $count, @rest) = @_;
    my @names = splice @rest, 0, $count;
    my @arrays = $class->adopt(@rest);
    return \@arrays unless @names;
    my %named;
    @named{@names} = @arrays;
    return \%named;
}

# The engine has a working directory of its own.
sub _absolute
{
    my ($path) = @_;
    _fail('a file name is needed, but got undef') unless defined $path;
    require File::Spec;
    my $absolute = File::Spec->rel2abs($path);
    utf8::encode($absolute) if utf8::is_utf8($absolute);
    return $absolute;
}

sub STORABLE_freeze
{
    my ($self) = @_;
    my $piddle = $self->dtype eq 'float16' ? $self->astype('float64')->aspdl : $self->aspdl;
    return (join(' ', $self->dtype, $self->context->device_type, $self->context->device_id, @{ $self->shape }), \"${ $piddle->copy->get_dataref }");
}

sub STORABLE_thaw
{
    my ($self, undef, $head, $bytes) = @_;
    my ($dtype, $device, $id, @shape) = split ' ', $head;
    my $type = AI::MXNet::DType::pdl_type($dtype eq 'float16' ? 'float64' : $dtype);
    my $piddle = PDL->new_from_specification(PDL::Type->new($type), reverse @shape);
    ${ $piddle->get_dataref } = $$bytes;
    $piddle->upd_data;
    my $array = _array($piddle, dtype => $dtype, ctx => AI::MXNet::Context::->new($device, $id));
    %$self = %$array;
    $array->{handle} = 0;    # the handle lives on in $self
    return;
}

# -- arguments -------------------------------------------------------------------------------------------------------

# Named options, checked against the names a method knows.
sub _named
{
    my ($method, $known, @options) = @_;
    _fail("Odd number of paired arguments for method $method") if @options % 2;
    my %options = @options;
    for my $name (sort keys %options) {
        _fail("In method $method: no such named parameter: $name") unless grep { $_ eq $name } @$known;
    }
    return %options;
}

sub _check_shape
{
    my ($method, $shape) = @_;
    my $fits = ref $shape eq 'ARRAY' && !grep { not defined $_ or ref $_ or $_ !~ /\A[0-9]+\z/ } @$shape;
    _fail("In method $method: parameter 1 (\$shape): Validation failed for 'Shape' with value ",
        ref $shape eq 'ARRAY' ? '[' . join(', ', map { $_ // 'undef' } @$shape) . ']' : $shape // 'undef',
        ': a shape is a list of integers from 0') unless $fits;
    return;
}

sub _integer
{
    my ($method, $value) = @_;
    $value = AI::MXNet::Operators::_plain($value) if blessed $value;
    _fail("$method: an index is an integer, but got ", $value // 'undef')
        unless defined $value and not ref $value and looks_like_number($value) and $value == int $value;
    return int $value;
}

# -- namespaces ------------------------------------------------------------------------------------------------------

sub random  {'AI::MXNet::Random'}
sub linalg  { require AI::MXNet::LinAlg;  'AI::MXNet::LinAlg::NDArray' }
sub contrib { require AI::MXNet::Contrib; 'AI::MXNet::Contrib::NDArray' }
sub image   { require AI::MXNet::Image;   'AI::MXNet::Image::NDArray' }
sub sparse  { require AI::MXNet::NDArray::Sparse; 'AI::MXNet::NDArray::Sparse' }

1;

__END__

=head1 NAME

AI::MXNet::NDArray - arrays that the engine computes with

=head1 SYNOPSIS

    use PDL;
    use AI::MXNet qw(mx nd);

    my $x = nd->array([[1, 2, 3], [4, 5, 6]]);
    my $y = nd->array(sequence(3, 2), dtype => 'float32');
    my $z = ($x + $y) * 10 - $x->mean(axis => 0);

    print "@{ $z->shape } ", $z->dtype, "\n";   # 2 3 float32
    print $z->slice('X', [0, 1])->aspdl;        # the first two columns, as a piddle
    $z->at(0) .= 7;                             # a row is a view: this changes $z
    print $z->sum->asscalar, "\n";

=head1 DESCRIPTION

An array has a shape (a list of dimensions, slowest first, row-major as in MXNet, NumPy and C), a dtype
(L<AI::MXNet::DType>) and a context (L<AI::MXNet::Context>). All three are known at once; the values are in the engine,
and asking for them (L</aspdl>, L</asscalar>, a condition, L<save|/"save, load, load_frombuffer">) waits until they are computed.

C<nd> is this package, imported by C<use AI::MXNet qw(mx nd)>. Beside the methods below every operator of the table is a
function C<< nd->name(...) >> and a method C<< $x->name(...) >>; see L</OPERATORS>.

PDL lists dimensions the other way round: a piddle of dims (3, 2) is an array of shape [2, 3], with its values in the
same order in memory.

=head1 ATTRIBUTES

=head2 shape

    my $shape = $x->shape;    # [2, 3], a list of its own

=head2 size, ndim, len

    printf "%d %d %d\n", $x->size, $x->ndim, $x->len;    # 6 2 2

The number of elements, of dimensions, and the length of dimension 0. C<< $x->size([4, 5]) >> is the product of that
list.

=head2 dtype, stype, context

    print join(' ', $x->dtype, $x->stype, $x->context), "\n";    # float32 default cpu(0)

The storage type is C<default>, which is dense, C<csr> or C<row_sparse>: see L<AI::MXNet::NDArray::Sparse>.

=head2 grad

The array that L</backward> writes the gradient to, or undef without L</attach_grad>.

=head2 writable

    my $constant = nd->ones([2]);
    $constant->writable(0);
    eval { $constant += 1 };
    print $@;    # the array <AI::MXNet::NDArray 2 @cpu(0)> is not writable at ...

=head2 handle

A number by which the engine knows the array; equal for two references to one array.

=head2 is_on_tape

True for a variable (L</attach_grad>), and for what was recorded and no C<backward> has used up.

=head1 FUNCTIONS

Class methods. The dtype is float32 unless C<dtype> says otherwise, and the context the current one unless C<ctx> does.

=head2 array

    my $matrix = nd->array([[1, 2], [3, 4]]);
    my $bytes  = nd->array([1, 2, 300], dtype => 'uint8');    # 1 2 44: C's conversion
    my $cube   = nd->array(zeroes(4, 3, 2));                  # shape [2, 3, 4]
    my $filled = nd->array(pdl('1 BAD 3'), bad => 0);         # 1 0 3
    my $copy   = nd->array($matrix);

A new array of the values in a nested list (short rows are padded with zeros; C<'nan'> and C<'inf'> are numbers), a
piddle of any real type, or an array, which is copied. The dtype of the source plays no part. A piddle without
dimensions becomes shape [1], an empty list shape [0]. Dies on bad values (unless C<bad> says what to put there), complex
numbers, and lists of arrays: those are for C<stack> and C<concat>.

=head2 zeros, ones, empty, full

    my $zeros = nd->zeros([2, 3]);
    my $ones  = nd->ones([2, 3], dtype => 'int32', ctx => mx->cpu);
    my $full  = nd->full([2, 3], 7);

Arrays of a shape, which is a list ref of integers from 1. C<empty> gives zeros, too. C<< out => $array >> fills that
array and returns it. C<< stype => 'csr' >> or C<row_sparse> makes sparse zeros.

=head2 arange

    my $five  = nd->arange(stop => 5);                              # 0 1 2 3 4
    my $down  = nd->arange(start => 2, stop => 0, step => -0.5);    # 2 1.5 1 0.5
    my $twice = nd->arange(stop => 3, repeat => 2);                 # 0 0 1 1 2 2

From C<start> (0) up to, and without, C<stop> in steps of C<step> (1), each C<repeat> (1) times. C<start> alone is taken
as C<stop>.

=head2 concatenate

    my $rows = nd->concatenate([$x, $y], axis => 0);    # shape [4, 3]

One array of several that agree on all axes but C<axis> (0). A single one is copied, or with C<< always_copy => 0 >>
returned. The operators C<concat> (default axis 1) and C<stack> do similar.

=head2 onehot_encode

    my $coded = nd->onehot_encode(nd->array([1, 0]), nd->zeros([2, 3]));    # [[0 1 0] [1 0 0]]

Writes to the second array, of shape [n, classes], a 1 in each row at the position that the first says.

=head2 histogram

    my ($counts, $edges) = @{ nd->histogram(nd->array([1, 2, 3]), bin_cnt => 2, range => [0, 4]) };    # 1 2, 0 2 4

How many values (int64) lie in each of C<bin_cnt> equal bins over C<range>, or between given edges C<bins>; with the edges.

=head2 maximum, minimum

    my $largest = nd->maximum($x, 3);
    $largest = $x->maximum($y);

Elementwise, broadcasting, of two arrays or an array and a number.

=head2 save, load, load_frombuffer

    my $file = "/tmp/weights-$$.params";
    nd->save($file, { w => $matrix, b => nd->zeros([2]) });
    my $saved = nd->load($file);    # a hash ref, as it was saved; a list comes back as a list
    print join(' ', sort keys %$saved), "\n";
    unlink $file;

MXNet's C<.params> format, readable by every MXNet 1.x and back. A file is written beside its target and then renamed.
C<load_frombuffer> takes the bytes of a file. Malformed content dies and says at which byte.

=head2 waitall

Waits until everything issued is computed, and dies with the first failure that nobody has read.

=head2 random, linalg, contrib, image, sparse

The namespaces L<AI::MXNet::Random>, L<AI::MXNet::LinAlg>, L<AI::MXNet::Contrib>, L<AI::MXNet::Image> and
L<AI::MXNet::NDArray::Sparse>.

=head2 imdecode

    my $png    = nd->image->encode(nd->ones([4, 6, 3], dtype => 'uint8'), format => '.png', quality => 9);
    my $planes = nd->imdecode($png, clip_rect => [1, 0, 5, 4]);    # [3, 4, 4], float32

The pixels of an image file's bytes, as planes of colours [channels, height, width], red first. C<clip_rect> cuts the
image: left, top, right, bottom, the latter two excluded. C<mean> is an array to subtract, C<channels> 3 or 1, C<out> an
array to write to, in C<< out->at(index) >> if that holds several images.

=head2 CachedOp

Dies: symbols are to come.

=head1 METHODS

=head2 aspdl

    my $piddle = $x->aspdl;    # dims (3, 2)
    $piddle->inplace->sqrt;    # $x stays as it is

The values as a piddle: float for float32 and float16, double, byte, sbyte, long and longlong for float64, uint8, int8,
int32 and int64. It is a copy; of a large array it costs next to nothing until one of both is changed. Dies with the
failure of whatever computation the array comes from.

=head2 asmpdl

The values of a matrix as a L<PDL::Matrix>, rows first.

=head2 asscalar

    my $sum = $x->sum->asscalar;    # 21, a Perl number

Of the only element; dies if there are several.

=head2 wait_to_read, wait_to_write

Wait until the array is computed, die if that failed, and return it.

=head2 describe

    print $x->describe, "\n";    # <AI::MXNet::NDArray 2x3 @cpu(0)>, which is also what "$x" gives

=head2 set

    $matrix .= 0;                   # the same as $matrix->set(0)
    $matrix .= [[5, 6], [7, 8]];    # a nested list, a piddle, an array or a slice of exactly this shape

Overwrites the values and returns the array; what is written is converted to its dtype. Views see it, and so does
everything else that shares the memory. While recording, an array that is on the tape cannot be written to.

=head2 copy, sever, copyto, as_in_context

    my $other  = $x->copy;                         # sever is the same
    $x->copyto($other);                            # into an array of the same shape, converting the dtype
    my $there  = $x->copyto(mx->cpu(1));           # a new array in that context
    my $either = $x->as_in_context(mx->cpu(1));    # itself, if it is there already

=head2 astype, tostype

    my $integers = $x->astype('int32');

A copy in another dtype; fractions are cut off. C<tostype> gives the array in another storage type: C<default>, C<csr>
or C<row_sparse>; itself, if it is of that type.

=head2 reshape

    my $tall  = $x->reshape([3, -1]);                          # [3, 2], the same memory
    my $split = nd->ones([2, 12])->reshape([0, -4, 3, -1]);    # [2, 3, 4]

A view with another shape. Besides lengths the list may hold: 0 (keep this dimension), -1 (what is left; once), -2 (keep
all that follow), -3 (merge two), -4 and two numbers (split one). C<< reverse => 1 >> counts from the right. Dies if the
sizes differ.

=head2 T, moveaxis

    my $turned = $x->T;                                   # [3, 2], a copy; of two dimensions at most
    my $moved  = nd->ones([2, 3, 4])->moveaxis(0, -1);    # [3, 4, 2]

C<transpose>, C<swapaxes>, C<expand_dims>, C<squeeze> and C<flatten> are operators.

=head2 broadcast_to

    my $repeated = nd->array([1, 2])->broadcast_to([3, 2]);

A copy in which dimensions of length 1, and missing ones in front, are repeated.

=head2 detach

The same memory, unknown to the tape.

=head2 at

    my $row  = $x->at(-1);     # shape [3], a view of the last row
    my $cell = $x->at(0, 1);   # as many indices as dimensions: a slice of shape [1, 1]

The row of a vector has shape [1].

=head2 slice

    my $second = $x->slice(1);                     # shape [1, 3]: an index keeps its dimension
    my $both   = $x->slice([0, 1]);                # rows 0 to 1, inclusive
    my $column = $x->slice('X', -1);               # 'X': all of a dimension
    $x->slice('X', [1, 2]) .= [[7, 8], [9, 10]];   # writes to $x
    $x->slice(0, 0) += 100;
    my $picked = $x->slice([[0, 1], [2, 0]]);      # elements (0, 2) and (1, 0)
    my $every  = $x->slice(begin => [0, 0], end => [2, 3], step => [1, 2]);    # the operator: ends excluded

Ranges C<[begin, end]> include their end; negative numbers count from the end. One argument cuts dimension 0 and gives a
view. One for each dimension gives an L<AI::MXNet::NDArray::Slice>, which reads as a copy and writes to the array. A list
of lists picks single elements. Dies for ranges outside of the array, empty ranges, steps, and any other number of
indices.

=head2 split_array

The rows of dimension 0, as copies that the tape knows; also C<@$x>.

=head2 attach_grad

    my $w = nd->array([1, 2]);
    $w->attach_grad;                        # also grad_req => 'add' (accumulate) or 'null' (none)

Makes the array a variable, with a gradient of zeros; of the storage type C<stype>, if given, else that of the array.

=head2 backward

    my $loss;
    mx->autograd->record(sub { $loss = ($w * $w)->sum });
    $loss->backward;
    print $w->grad->aspdl, "\n";            # [2 4]

Computes gradients with respect to all variables that the array was recorded to depend on. C<out_grad> is the gradient
to begin with (ones), C<< retain_graph => 1 >> keeps the record for another C<backward>. See L<AI::MXNet::AutoGrad>.

=head2 add, subtract, multiply, divide, true_divide, modulo, power, equal, not_equal, greater, greater_equal, lesser, lesser_equal

    my $difference = $x->subtract(1);       # $x - 1
    $difference = $x->subtract(1, 1);       # 1 - $x

The overloaded operators by name. A second, true argument exchanges the operands.

=head2 iadd, isubtract, imultiply, idivide, imodulo

C<+=> and so on by name: they change the array, and return it.

=head2 STORABLE_freeze, STORABLE_thaw

For L<Storable>: C<dclone>, C<freeze> and C<store> work on arrays.

=head2 adopt

For the other modules: objects for arrays that the engine made.

=head1 OVERLOADS

=over 4

=item + - * / % **

Two arrays (broadcasting), or an array and a number on either side.

=item == != > >= < <=

The same; 1 and 0 in the dtype of the arrays.

=item += -= *= /= %= ++ --

Change the array itself; every reference and view sees it. C<**=> makes a new array.

=item .=

See L</set>.

=item unary -, abs sqrt exp log sin cos atan2

Elementwise.

=item bool

Of one element: whether it is not 0, which waits for it. Several elements are true.

=item 0+ "" @{}

See L</asscalar>, L</describe>, L</split_array>. C<eq>, C<ne> and C<cmp> compare the strings.

=back

Two arrays must have one dtype, and their shapes must broadcast: counted from the right, lengths are equal or one of
them is 1. With a number the result has the dtype of the array; the quotient of integers is cut off, and 0 for a divisor
0. C<< <=> >> and C<x> die. A piddle of one element is taken as its number, any other piddle or list dies: wrap it in
C<< nd->array >>.

=head1 OPERATORS

    my $s = nd->sum($x, axis => 1);         # inputs first, then attributes by name
    $s = nd->sum($x, 1);                    # by position
    $s = nd->sum($x, { axis => 1 });        # in a hash ref: names are checked
    $s = nd->sum(data => $x, axis => 1);    # inputs by name
    $s = $x->sum(axis => 1);                # the object is the first input
    my $out = nd->zeros([2]);
    nd->sum($x, axis => 1, out => $out);    # into an array, which is returned
    my ($left, $right) = @{ nd->split($x->T, num_outputs => 3, axis => 0) };    # several outputs: a list ref

The operators are those of MXNet 1.x, with their names, aliases, arguments and defaults; F<docs/operators.md> lists them.
Several inputs (C<concat>, C<stack>, C<add_n>) may also be given as one list ref. An attribute of the type Shape takes a
list ref or a number; C<undef> is MXNet's None; a boolean is 1 or 0. Where a method above has the name of an operator
(C<reshape>, C<slice>, C<broadcast_to>), the method is meant; the operator goes by its other name (C<Reshape>, C<crop>).

=head1 ERRORS

Wrong names, types, shapes and dtypes die at the call, with an L<AI::MXNet::Error> in MXNet's words. A failure that only
the computing can find (an index out of range, a matrix that is not positive definite) dies at the call where that waits
anyway; else it is thrown by whoever reads the result or anything computed from it, and names the line of the call at
fault. What nobody reads is told on standard error when the script ends.

=head1 SEE ALSO

L<AI::MXNet>, L<AI::MXNet::NDArray::Slice>, L<PDL>

=cut

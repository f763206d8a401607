package AI::MXNet::NDArray;
# The class goes on: arithmetic. The path of every operator, so flat and without detours.
use strict;
use warnings;
use feature 'current_sub';
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::AutoGrad;
use AI::MXNet::Engine;
use AI::MXNet::Operators;

# The sub behind an overloaded operator: by the operators for two arrays, for array and number, for number and array.
sub _arithmetic
{
    my ($symbol, $broadcast, $scalar, $reversed) = @_;
    my ($two, $number, $first) = map { AI::MXNet::Operators::row($_) } $broadcast, $scalar, $reversed // $scalar;
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
            if (ref $rhs ne __PACKAGE__) {
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
        # issued and made an object in one statement, so that a signal's handler finds both or neither
        push(@AI::MXNet::Engine::STREAM, $item), return bless { handle => $item->[2], type => $type, rec => $rec }, __PACKAGE__
            if @AI::MXNet::Engine::STREAM < AI::MXNet::Engine::BATCH - 1 and $type->{size} <= 4096;
        push(@AI::MXNet::Engine::STREAM, $item), my $result = bless { handle => $item->[2], type => $type, rec => $rec }, __PACKAGE__;
        AI::MXNet::Engine::flush();
        return $result;
    };
}

# The sub behind an assignment form: the array itself receives the result.
sub _assignment
{
    my ($symbol, $broadcast, $scalar) = @_;
    my ($two, $number) = map { AI::MXNet::Operators::row($_) } $broadcast, $scalar;
    return sub {
        my ($self, $rhs) = @_;
        my $operand = ref $rhs eq __PACKAGE__ ? $rhs : _operand($symbol, $rhs);
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
        return $value if $value->isa(__PACKAGE__);
        return $value->sever if $value->isa('AI::MXNet::NDArray::Slice');
        return $value->sclr if $value->isa('PDL') and $value->nelem == 1;
    }
    return $value if defined $value and not ref $value and looks_like_number($value);
    return _bad_operand($symbol, $value);
}

sub _bad_operand
{
    my ($symbol, $value) = @_;
    my $shown
        = not(defined $value) ? 'undef'
        : blessed $value && $value->isa('PDL') ? 'a piddle of ' . $value->nelem . ' elements'
        : ref $value ? 'a reference to ' . ref $value
        :              "'$value'";
    return _fail("the operator $symbol takes an NDArray or a number beside an NDArray, but got $shown");
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

our $AS_STRING = 'describe';    # the method that gives an array as a string

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
    'atan2' => \&atan2,
    '""'   => sub { my ($self) = @_; return $self->$AS_STRING },
    'bool' => \&_truth,
    '0+'   => sub { $_[0]->asscalar },
    '<=>'  => sub { _fail('the operator <=> is not defined for NDArrays: compare with == < > or aspdl') },
    'cmp'  => sub { my ($x, $y) = map {"$_"} @_[0, 1]; $_[2] ? $y cmp $x : $x cmp $y },
    'x'    => sub { _fail('the operator x is not defined for NDArrays') },
    '@{}'  => sub { $_[0]->split_array },
    fallback => undef,
);

sub atan2 { my ($y, $x, $swapped) = @_; return +($swapped ? $x / $y : $y / $x)->arctan }

# One element: the truth of its value. The original calls every array true, which defeats `if`.
sub _truth
{
    my ($self) = @_;
    return 1 if $self->{type}{size} != 1;
    return $self->asscalar != 0;
}

# Named forms of the operators: $x->add($other, $reverse), nd->add($x, $y), $x->iadd($other).
{
    my %named = (
        add => '+', subtract => '-', multiply => '*', divide => '/', true_divide => '/', modulo => '%', mod => '%', power => '**',
        equal => '==', not_equal => '!=', greater => '>', greater_equal => '>=', lesser => '<', lesser_equal => '<=',
        maximum => 'maximum', minimum => 'minimum',
    );
    my %in_place = (iadd => '+=', isubtract => '-=', imultiply => '*=', idivide => '/=', imodulo => '%=');
    no strict 'refs';
    for my $name (keys %named) {
        my $symbol = $named{$name};
        *{$name} = sub {
            my ($x, $y, $swapped, @more) = blessed $_[0] ? @_ : @_[1 .. $#_];
            _fail("$name takes two operands") if @more or @_ < 2 or not defined $x;
            ($x, $y, $swapped) = ($y, $x, not $swapped) unless blessed $x;
            _fail("$name takes an NDArray and an NDArray or a number, but got ", $y // 'undef', ' and ', $x // 'undef')
                unless blessed $x and $x->can('_operator');
            return $x->_operator($symbol)->($x, $y, $swapped ? 1 : 0);
        };
    }
    for my $name (keys %in_place) { my $symbol = $in_place{$name}; *{$name} = sub { $_[0]->_assigner($symbol)->(@_[0, 1]) } }
}

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Arithmetic - overloaded operators of arrays

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. The
overloaded operators of L<AI::MXNet::NDArray>, and their named forms.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut

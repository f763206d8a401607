package AI::MXNet::Random;
# Samplers by short names: uniform, normal, poisson ... from numbers, or from arrays of parameters. POD at the end.
use strict;
use warnings;
use Scalar::Util qw(blessed);
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NS;
use AI::MXNet::Operators;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub seed
{
    my ($class, $seed, %options) = @_;
    AI::MXNet::Error::fail('In method seed: parameter 1 ($seed_state): Validation failed for \'Int\' with value ', $seed // 'undef')
        unless defined $seed and !ref $seed and $seed =~ /\A-?[0-9]+\z/;
    exists { ctx => 1 }->{$_} or AI::MXNet::Error::fail("In method seed: no such named parameter: $_") for keys %options;
    AI::MXNet::Engine->request('random', 'seed', int $seed);
    return;
}

# The state of the generator as text, and back: a training goes on as if it had never stopped.
sub get_state { my ($fields) = AI::MXNet::Engine->request('random', 'get'); return $fields->[1] }
sub set_state { my ($class, $state) = @_; AI::MXNet::Engine->request('random', 'set', $state); return }

sub randn
{
    my ($class, @arguments) = @_;
    my @shape;
    push @shape, shift @arguments while @arguments and not ref $arguments[0] and $arguments[0] =~ /\A[0-9]+\z/;
    return $class->normal(shape => @shape ? \@shape : [1], @arguments);
}

sub _draw
{
    my ($name, @arguments) = @_;
    my %named = @arguments && ref $arguments[-1] eq 'HASH' ? %{ pop @arguments } : ();
    my $known = AI::MXNet::Operators::row("_random_$name") // AI::MXNet::Operators::row("_sample_$name");
    my %name = (%{ $known->{position} }, %{ (AI::MXNet::Operators::row("_sample_$name") // {})->{input} // {} }, out => 1, ctx => 1, scale => 1);
    while (@arguments >= 2 and defined $arguments[-2] and not ref $arguments[-2] and exists $name{ $arguments[-2] }) {
        my ($key, $value) = splice @arguments, -2;
        $named{$key} = $value;
    }
    my $arrays = grep { blessed $_ && $_->isa('AI::MXNet::NDArray') } @arguments, @named{ grep { $_ ne 'out' } keys %named };
    return _from_arrays($name, \%named, @arguments) if $arrays or $name eq 'multinomial';
    my @order = grep { !/\A(?:shape|ctx|dtype)\z/ } map { $_->[0] } @{ $known->{attributes} };
    AI::MXNet::Error::fail("random->$name takes @order, but got @arguments") if @arguments > @order;
    if ($name eq 'exponential') {
        my $scale = @arguments ? shift @arguments : delete $named{scale};
        $named{lam} = 1 / $scale if defined $scale;
    }
    @named{ @order[0 .. $#arguments] } = @arguments;
    if (defined $named{out}) { $named{shape} = $named{out}->shape }
    else { $named{shape} = ref $named{shape} ? $named{shape} : [$named{shape} // 1] }
    return AI::MXNet::Operators::call($known, __PACKAGE__, \%named);
}

sub _from_arrays
{
    my ($name, $named, @arguments) = @_;
    my %renamed = (loc => 'mu', scale => 'sigma');
    if ($name eq 'normal') { exists $named->{$_} and $named->{ $renamed{$_} } = delete $named->{$_} for keys %renamed }
    $named->{lam} = 1 / delete $named->{scale} if $name eq 'exponential' and exists $named->{scale};
    $named->{shape} = [$named->{shape}] if exists $named->{shape} and not ref $named->{shape};
    my $row = AI::MXNet::Operators::row("_sample_$name")
        or AI::MXNet::Error::fail("random->$name takes no arrays as parameters");
    return AI::MXNet::Operators::call($row, __PACKAGE__, @arguments, $named);
}

# a method for each distribution of the table
for my $name (grep { defined } map { /\A_(?:random|sample)_(\w+)\z/ ? $1 : undef } AI::MXNet::Operators::names()) {
    next if $name =~ /\Apdf_|_like\z/ or defined &$name;
    no strict 'refs';
    *{ __PACKAGE__ . "::$name" } = sub { shift; return _draw($name, @_) };
}

1;

package AI::MXNet::Random;
# Samplers by short names: uniform, normal, poisson ... from numbers, or from arrays of parameters. POD at the end.
use strict;
use warnings;
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::DType;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NS;
use AI::MXNet::Operators;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub seed
{
    my ($class, $seed, @options) = @_;
    my %options = AI::MXNet::Error::paired('seed', @options);
    $seed = AI::MXNet::DType::scalar_of($seed);
    AI::MXNet::Error::fail('In method seed: parameter 1 ($seed_state): Validation failed for \'Int\' with value ', $seed // 'undef')
        unless defined $seed and !ref $seed and $seed =~ /\A-?[0-9]+\z/;
    exists { ctx => 1 }->{$_} or AI::MXNet::Error::fail("In method seed: no such named parameter: $_") for keys %options;
    AI::MXNet::Engine->request('random', 'seed', int $seed);
    return;
}

# The state of the generator as text, and back: a training goes on as if it had never stopped.
sub get_state { my ($fields) = AI::MXNet::Engine->request('random', 'get'); return $fields->[1] }

sub set_state
{
    my ($class, $state) = @_;
    AI::MXNet::Error::fail('set_state takes the text that get_state gave, but got ', $state // 'undef') unless defined $state and not ref $state;
    AI::MXNet::Engine::locate();
    AI::MXNet::Engine->request('random', 'set', "$state");
    return;
}

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
    my @order = grep { !/\A(?:shape|ctx|dtype)\z/ } @{ $known->{order} };
    $named{shape} = pop @arguments if @arguments == @order + 1 and ref $arguments[-1] eq 'ARRAY';
    AI::MXNet::Error::fail("random->$name takes @order, then named arguments, but got @arguments") if @arguments > @order;
    if ($name eq 'exponential') {
        my $scale = @arguments ? shift @arguments : delete $named{scale};
        $named{lam} = _rate($scale) if defined $scale;
    }
    @named{ @order[0 .. $#arguments] } = @arguments;
    if (defined $named{out}) { $named{shape} = $named{out}->shape }
    else { $named{shape} = ref $named{shape} ? $named{shape} : [$named{shape} // 1] }
    return AI::MXNet::Operators::call($known, __PACKAGE__, \%named);
}

# Of an exponential distribution, from its scale.
sub _rate
{
    my ($scale) = @_;
    AI::MXNet::Error::fail('the scale of an exponential distribution is a number above 0, or an array, but got ', $scale // 'undef')
        unless ref $scale or looks_like_number($scale) and $scale > 0;
    return 1 / $scale;
}

sub _from_arrays
{
    my ($name, $named, @arguments) = @_;
    my %renamed = (loc => 'mu', scale => 'sigma');
    if ($name eq 'normal') { exists $named->{$_} and $named->{ $renamed{$_} } = delete $named->{$_} for keys %renamed }
    if ($name eq 'exponential' and (@arguments or exists $named->{scale})) {
        $named->{lam} = _rate(@arguments ? shift @arguments : delete $named->{scale});
    }
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

__END__

=head1 NAME

AI::MXNet::Random - random arrays

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    mx->random->seed(42);
    my $noise   = nd->random->normal(0, 0.1, shape => [2, 3]);
    my $weights = nd->random->uniform(low => -1, high => 1, shape => [4], dtype => 'float64');
    my $rows    = nd->random->normal(nd->array([0, 100]), nd->array([1, 5]), shape => 3);    # a row for each pair
    my $dice    = nd->random->randint(1, 7, shape => [10]);                                  # int32

=head1 DESCRIPTION

The engine has one generator, from which everything draws in the order of the calls: these functions, C<shuffle>,
Dropout. The same seed gives the same numbers, though others than MXNet's. Perl's own C<rand> and C<shuffle> have their
own seed, C<srand>.

C<mx-E<gt>random>, C<mx-E<gt>rnd> and C<nd-E<gt>random> are this package.

=head1 FUNCTIONS

=head2 seed

    mx->random->seed(42);

Takes any integer. C<ctx> is accepted; there is one generator for all contexts.

=head2 get_state, set_state

    my $state = mx->random->get_state;
    my $first = nd->random->uniform->asscalar;
    mx->random->set_state($state);
    print "again\n" if nd->random->uniform->asscalar == $first;

The state of the generator as text, for continuing a training as if it had not stopped.

=head2 uniform

From C<low> (0) to below C<high> (1).

=head2 normal

Mean C<loc> (0), standard deviation C<scale> (1).

=head2 gamma

Shape C<alpha> (1), scale C<beta> (1).

=head2 exponential

Mean C<scale> (1); or C<lam>, 1 / mean.

=head2 poisson

Mean C<lam> (1).

=head2 negative_binomial

Failures before C<k> (1) successes of probability C<p> (1).

=head2 generalized_negative_binomial

Mean C<mu> (1), variance C<mu + alpha mu**2> (C<alpha>: 1).

=head2 randint

    my $index = nd->random->randint(0, 10, shape => [2, 2], dtype => 'int64');

Integers from C<low> to below C<high>; int32 or int64.

The parameters of these are numbers, by position or name, with C<shape> (1: one element, a number or a list ref),
C<dtype> (float32) and C<ctx>, or C<out>, an array to fill. Some or all may also be given in a hash ref at the end. If
the parameters are arrays, C<shape> values are drawn for each element of them, and appended to their shape. Impossible
parameters die.

=head2 randn

    my $standard = mx->random->randn(2, 3, scale => 0.1);

C<normal> with the shape in front.

=head2 multinomial

    my $class = nd->random->multinomial(nd->array([[0.5, 0.5], [0, 1]]), shape => 4);    # [2, 4], int32

Numbers of categories, with the probabilities in each row of an array. With C<get_prob> there is a second result, the
logarithm of each draw's probability, which can be differentiated.

=head2 unique_zipfian

    my ($classes, $tries) = @{ nd->random->unique_zipfian(1000, shape => [1, 5]) };

Different classes below a number, class k with a probability that falls like 1 / (k + 1): [1, 5] of them, and how many
draws that took.

=head1 SEE ALSO

L<AI::MXNet::NDArray>; C<shuffle>, C<uniform_like> and the densities C<random_pdf_...> in F<docs/operators.md>

=cut

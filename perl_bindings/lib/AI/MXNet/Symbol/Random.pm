package AI::MXNet::Symbol::Random;
# mx->sym->random: samplers, from numbers or from symbols of parameters. POD at the end.
use strict;
use warnings;
use Scalar::Util qw(blessed);
use AI::MXNet::Error;
use AI::MXNet::Operators;
use AI::MXNet::Symbol::Base;

# uniform(...) is _random_uniform of numbers and _sample_uniform of symbols.
sub _draw
{
    my ($name, $class, @arguments) = @_;
    my %named = AI::MXNet::Symbol::Base::_hash_behind(\@arguments);
    my ($numbers, $symbols) = map { AI::MXNet::Operators::row("_${_}_$name") } qw(random sample);
    my $known = $numbers // $symbols;
    my %key = (%{ $known->{position} }, %{ ($symbols // {})->{input} // {} }, name => 1, scale => 1, attr => 1);
    while (@arguments >= 2 and defined $arguments[-2] and not ref $arguments[-2] and exists $key{ $arguments[-2] }) {
        my ($key, $value) = splice @arguments, -2;
        $named{$key} = $value;
    }
    my $is_symbolic = $name eq 'multinomial' || grep { blessed $_ && $_->isa('AI::MXNet::Symbol') } @arguments, values %named;
    my @order = $is_symbolic && $symbols
        ? (@{ $symbols->{inputs} }, @{ $symbols->{order} })
        : grep { !/\A(?:shape|ctx|dtype)\z/ } @{ $known->{order} };
    AI::MXNet::Error::fail("random->$name takes @order, but got @arguments") if @arguments > @order;
    if ($name eq 'exponential' and not $is_symbolic) {
        my $scale = @arguments ? shift @arguments : delete $named{scale};
        $named{lam} = 1 / $scale if defined $scale;
    }
    @named{ @order[0 .. $#arguments] } = @arguments;
    return AI::MXNet::Symbol::Base::call(($is_symbolic ? '_sample_' : '_random_') . $name, $class, \%named);
}

for my $name (qw(uniform normal gamma exponential poisson negative_binomial generalized_negative_binomial randint multinomial)) {
    no strict 'refs';
    *{$name} = sub { return _draw($name, @_) };
}

sub randn
{
    my ($class, @arguments) = @_;
    my @shape;
    push @shape, shift @arguments while @arguments and not ref $arguments[0] and $arguments[0] =~ /\A[0-9]+\z/;
    return $class->normal(shape => @shape ? \@shape : [1], @arguments);
}

sub shuffle { my ($class, @arguments) = @_; return AI::MXNet::Symbol::Base::call('_shuffle', $class, @arguments) }

1;

__END__

=head1 NAME

AI::MXNet::Symbol::Random - random symbols

=head1 SYNOPSIS

    use AI::MXNet qw(mx);

    my $noise = mx->sym->random->normal(loc => 0, scale => 0.1, shape => [2, 3]);
    print "@{ $noise->eval->[0]->shape }\n";    # 2 3

=head1 DESCRIPTION

C<< mx->sym->random >> is this package. Each method makes a symbol that draws when it is computed: with numbers the operator
C<_random_name>, with symbols of parameters C<_sample_name>, which draws from as many distributions as the symbols have
elements.

=head1 METHODS

=head2 uniform, normal, gamma, exponential, poisson, negative_binomial, generalized_negative_binomial, randint, multinomial

    my $u = mx->sym->random->uniform(0, 1, shape => [4]);

The parameters of the operator, by position or name, then C<shape>, C<dtype> and C<name>. C<exponential> takes C<scale>, as the
original does.

=head2 randn

    my $n = mx->sym->random->randn(2, 3);

Standard normal, of that shape.

=head2 shuffle

    my $y = mx->sym->random->shuffle($n);

A symbol's rows in random order.

=head1 SEE ALSO

L<AI::MXNet::Symbol>, L<AI::MXNet::Random>

=cut

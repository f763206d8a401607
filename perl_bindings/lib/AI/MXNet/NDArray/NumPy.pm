package AI::MXNet::NDArray;
# The class goes on: what NumPy's users expect beside operators.
use strict;
use warnings;
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::Operators;

sub pi  {3.141592653589793}
sub inf { 9**9**9 }

sub read_csv
{
    my ($class, @arguments) = @_;
    AI::MXNet::NS::load('AI/MXNet/Table.pm');
    return AI::MXNet::Table->read(@arguments);
}

# -- values as Perl's lists ------------------------------------------------------------------------------------------

sub asarray { my ($self) = @_; my $values = $self->aspdl->unpdl; return ref $values ? $values : [$values] }
sub tolist  { return @{ $_[0]->asarray } }

# -- arguments -------------------------------------------------------------------------------------------------------

# The arguments of a function, from defaults in their order and a reference to @_, where only `out` is left.
sub get_arguments
{
    my ($class, @defaults) = @_;
    my $arguments = pop @defaults;
    _fail('get_arguments takes names and defaults, and then a reference to @_') unless ref $arguments eq 'ARRAY' and @defaults % 2 == 0;
    my %values = @defaults;
    my @order = grep { not ref } @defaults[map { 2 * $_ } 0 .. $#defaults / 2];
    my (%given, @positional, @out);
    while (@$arguments) {
        my $name = shift @$arguments;
        if (defined $name and not ref $name and exists $values{$name} and @$arguments) { $given{$name} = shift @$arguments }
        elsif (defined $name and not ref $name and $name eq 'out' and @$arguments) { @out = (out => shift @$arguments) }
        else { push @positional, $name }
    }
    my @open = grep { not exists $given{$_} } @order;
    _fail('too many arguments: got ', scalar @positional, ' values by position for ', join(', ', @open) || 'nothing')
        if @positional > @open;
    @given{ @open[0 .. $#positional] } = @positional;
    defined $given{$_} and $values{$_} = $given{$_} for keys %given;
    @$arguments = @out;
    return %values;
}

# -- statistics ------------------------------------------------------------------------------------------------------

sub cov
{
    my ($self, @arguments) = _data('cov', @_);
    my %a = $self->get_arguments(y => undef, rowvar => 1, bias => 0, ddof => undef, fweights => undef, aweights => undef,
        dtype => 'float64', \@arguments);
    my @inputs = ($self, map { defined $_ ? _as_array($_) : undef } @a{qw(y fweights aweights)});
    pop @inputs until defined $inputs[-1];
    return AI::MXNet::Operators::invoke(_row('_npi_cov'), \@inputs, { map { $_ => $a{$_} } qw(rowvar bias ddof dtype) });
}

sub corrcoef
{
    my ($self, @arguments) = _data('corrcoef', @_);
    my %a = $self->get_arguments(y => undef, rowvar => 1, dtype => 'float64', \@arguments);
    return AI::MXNet::Operators::invoke(_row('_npi_corrcoef'), [$self, map { defined $_ ? _as_array($_) : () } $a{y}],
        { map { $_ => $a{$_} } qw(rowvar dtype) });
}

# Percents are a number, a list or an array.
sub percentile
{
    my ($self, @arguments) = _data('percentile', @_);
    my %a = $self->get_arguments(q => undef, axis => undef, interpolation => 'linear', keepdims => 0, \@arguments);
    _fail('percentile needs q: a percent from 0 to 100, or a list of them') unless defined $a{q};
    my $number = !ref $a{q};
    return AI::MXNet::Operators::invoke(_row('_npi_percentile'), [$self, $number ? () : _as_array($a{q})],
        { ($number ? (q_scalar => $a{q}) : ()), map { $_ => $a{$_} } qw(axis interpolation keepdims) });
}

# The array that a method was called on, or that comes first, and the other arguments.
sub _data
{
    my ($method, $self, @arguments) = @_;
    $self = shift @arguments unless ref $self;
    _fail("$method takes an NDArray first, but got ", $self // 'undef') unless ref $self;
    return (_as_array($self), @arguments);
}

sub _as_array
{
    my ($value) = @_;
    return $value if ref $value eq __PACKAGE__;
    return $value->sever if blessed $value and $value->isa('AI::MXNet::NDArray::Slice');
    return $value if blessed $value and $value->isa(__PACKAGE__);
    return _array($value);
}

# -- positions and draws ---------------------------------------------------------------------------------------------

for my $name (qw(tril_indices triu_indices)) {
    no strict 'refs';
    *{$name} = sub {
        my ($class, @arguments) = @_;
        my %a = $class->get_arguments(n => undef, k => 0, m => undef, \@arguments);
        return AI::MXNet::Operators::invoke(_row("_npi_$name"), [], \%a);
    };
}

# Elements of a list or a vector, or numbers below a count, drawn at random.
sub random_choice
{
    my ($class, @arguments) = @_;
    my %a = $class->get_arguments(a => undef, size => undef, replace => 1, p => undef, device => undef, \@arguments);
    my %out = @arguments;
    my @size = ref $a{size} ? @{ $a{size} } : $a{size} // 1;
    my $wanted = 1;
    $wanted *= $_ for @size;
    my $values = ref $a{a} ? _as_array($a{a}) : undef;
    my $count = defined $values ? $values->size : $a{a};
    _value_error('a must be 1-dimensional or an integer')
        if defined $values ? $values->ndim != 1 : !looks_like_number($count) || $count != int $count;
    _value_error('a must be greater than 0 unless no samples are taken.') if $count < 1 and $wanted;
    _value_error('Cannot take a larger sample than population when replace is False') if $wanted > $count and not $a{replace};
    my $chances = defined $a{p} ? _as_array($a{p}) : undef;
    _value_error("'a' and 'p' must have same size") if defined $chances and $chances->size != $count;
    return AI::MXNet::Operators::invoke(_row('_npi_choice'), [grep { defined } $values, $chances],
        { (defined $values ? () : (a => $count)), size => \@size, replace => $a{replace} ? 1 : 0, weighted => defined $chances ? 1 : 0 },
        $out{out});
}

sub _value_error { die "ValueError: $_[0]\n" }

1;

__END__

=head1 NAME

AI::MXNet::NDArray::NumPy - what NumPy's users expect beside operators

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Methods of L<AI::MXNet::NDArray>, loaded when one
of them is called.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut

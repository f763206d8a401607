package AI::MXNet::Symbol::Base;
# Calls of operators on symbols: mx->sym->FullyConnected(data => $x, num_hidden => 3), $x->sum(axis => 1).
# Methods that AI::MXNet::Symbol defines itself win over the operator of the same name.
use strict;
use warnings;
use Scalar::Util qw(blessed looks_like_number);
use Sub::Util qw(set_subname);
use AI::MXNet::Error;
use AI::MXNet::Operators;
use AI::MXNet::Symbol::AttrScope;
use AI::MXNet::Symbol::NameManager;

# Installs the operators whose names begin with $prefix, without it, as methods of $package.
sub install
{
    my ($package, $prefix) = @_;
    for my $name (AI::MXNet::Operators::names()) {
        index($name, $prefix) == 0 or next;
        my $short = substr $name, length $prefix;
        no strict 'refs';
        *{"${package}::$short"} = set_subname("${package}::$short", sub { my $self = shift; return call($name, $self, @_) });
    }
    return;
}

# Names that a call takes beside the operator's own, as attributes of the node.
my %node_attribute = map { $_ => "__${_}__" } qw(lr_mult wd_mult init dtype shape ctx_group force_mirroring mirror_stage);

# Calls an operator, by the name the user wrote, with arguments as a user writes them.
sub call
{
    my ($operator, $self, @arguments) = @_;
    my $row = AI::MXNet::Operators::row($operator);
    my @symbols = _is_symbol($self) ? $self : ();
    while (@arguments and (_is_symbol($arguments[0]) or ref $arguments[0] eq 'ARRAY' and @{ $arguments[0] } and _is_symbol($arguments[0][0]))) {
        my $argument = shift @arguments;
        push @symbols, _is_symbol($argument) ? $argument : @$argument;
    }
    # an input that is not given, as a bias that is undef
    shift @arguments if @arguments and not defined $arguments[0] and @symbols >= $row->{least} and @symbols < @{ $row->{inputs} };
    my %named = _hash_behind(\@arguments);
    # attributes by position, as arrays have them: what cannot be the name in a list of names and values
    my @values;
    push @values, shift @arguments
        while @arguments and (@arguments % 2 or not defined $arguments[0] or ref $arguments[0] or looks_like_number($arguments[0]));
    %named = (%named, @arguments);
    my @open = grep { not exists $named{$_} } @{ $row->{order} };
    if (@values > @open or grep { not defined } @values) {
        AI::MXNet::Error::fail("The operator $operator of a symbol takes symbols, then its attributes (",
            join(', ', @{ $row->{order} }), ') by position or name, but got also ', join ', ', map { $_ // 'undef' } @values);
    }
    @named{ @open[0 .. $#values] } = @values;
    my $name = delete $named{name};
    my ($inputs, $attributes) = _sorted($row, \%named);
    return AI::MXNet::Symbol->_compose($row, $operator, $name, $attributes, \@symbols, $inputs);
}

# Named arguments in a hash behind all others, taken off them; it may as well be the value of attr => { ... }.
sub _hash_behind
{
    my ($arguments) = @_;
    return if ref $arguments->[-1] ne 'HASH' or @$arguments > 1 and not ref $arguments->[-2] and ($arguments->[-2] // '') eq 'attr';
    return %{ pop @$arguments };
}

sub function_meta_hash { return AI::MXNet::NDArray->_meta(__PACKAGE__) }
sub function_meta { my ($class, $code) = @_; return $class->function_meta_hash->{ $code // '' } }

sub _is_symbol { return blessed $_[0] && $_[0]->isa('AI::MXNet::Symbol') }

# The named arguments of a call as input symbols and attributes, which are text.
sub _sorted
{
    my ($row, $named) = @_;
    my (%inputs, %attributes);
    my $extra = delete $named->{attr};
    for my $key (keys %$named) {
        my $value = $named->{$key};
        if (_is_symbol($value)) { $inputs{$key} = $value }
        elsif (not defined $value) { $attributes{$key} = 'None' if exists $row->{position}{$key} }
        elsif (exists $row->{position}{$key} or $key =~ /\A__\w+__\z/) { $attributes{$key} = text($value) }
        elsif (exists $node_attribute{$key}) { $attributes{ $node_attribute{$key} } = text($value) }
        elsif ($key eq 'ctx' or $key eq 'out') { }
        elsif (exists $row->{input}{$key}) {
            AI::MXNet::Error::fail("The argument $key of operator $row->{name} is a Symbol, but got $value");
        }
        else { AI::MXNet::Operators::_unknown($row, $key) }
    }
    return (\%inputs, { %{ AI::MXNet::Symbol::AttrScope->current->get(_checked($extra)) }, %attributes });
}

# Attributes that a user gives, whose names look like `__this__`.
sub _checked
{
    my ($attributes) = @_;
    return {} unless defined $attributes;
    for my $key (keys %$attributes) {
        AI::MXNet::Error::fail("attr is a hash of texts, but its $key is ", $attributes->{$key} // 'undef')
            if ref $attributes->{$key} or not defined $attributes->{$key};
    }
    return $attributes;
}

# A value as symbol files have it.
sub text
{
    my ($value) = @_;
    return $value->list == 1 ? $value->sclr . '' : text([$value->list]) if blessed $value and $value->isa('PDL');
    return "$value" unless ref $value eq 'ARRAY';
    return '(' . join(',', map { defined $_ ? text($_) : 'None' } @$value) . (@$value == 1 ? ',' : '') . ')';
}

install(__PACKAGE__, '');

our $AUTOLOAD;

# Short names, as arrays have them.
sub AUTOLOAD
{
    my ($self, @arguments) = @_;
    my ($package, $name) = $AUTOLOAD =~ /(.*)::(.*)/;
    return if $name eq 'unimport';
    my $operator = AI::MXNet::NDArray::Base::long_name($name) // AI::MXNet::Operators::refuse($name, $package);
    return call($operator, $self, @arguments);
}

1;

__END__

=head1 NAME

AI::MXNet::Symbol::Base - operators as methods of symbols

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Gives packages a method for each operator of the
table, which makes a symbol.

=head1 SEE ALSO

L<AI::MXNet::Symbol>

=cut

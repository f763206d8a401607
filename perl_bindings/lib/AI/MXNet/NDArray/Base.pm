package AI::MXNet::NDArray::Base;
# Every operator of the table as a method of this name: mx->nd->dot($x, $y), $x->sum(axis => 1).
# Methods that AI::MXNet::NDArray defines itself win over the operator of the same name.
#
# Operators of NumPy's set, short names of operators and methods that few programs use are found when they are called.
use strict;
use warnings;
use List::Util qw(first);
use Sub::Util qw(set_subname);
use AI::MXNet::NS;
use AI::MXNet::Operators;

# Methods of AI::MXNet::NDArray in files that are loaded at the first call of one.
my %files = (
    'NumPy.pm'    => [qw(asarray corrcoef cov get_arguments inf percentile pi random_choice read_csv tolist tril_indices triu_indices)],
    'Printing.pm' => [qw(_shown asstr print printf set_printoptions)],
    'HTML.pm'     => [qw(iperl_data_representations to_html)],
    'Help.pm'     => [qw(_meta find_functions function_meta function_meta_hash help list_functions)],
);
my %file_of = map { my $file = $_; map { $_ => "AI/MXNet/NDArray/$file" } @{ $files{$file} } } keys %files;

# What may stand before an operator's short name, in the order in which operators are looked for. With a number, those of
# 1.x come first, so that greater_scalar gives floats as lesser_scalar does, and not bool.
my @prefixes = qw(_npi_ _np_ _npx_ _contrib_ _);

# Installs the operators whose names begin with $prefix, without it, as methods of $package.
sub install
{
    my ($package, $prefix) = @_;
    for my $name (AI::MXNet::Operators::names()) {
        _install($package, substr($name, length $prefix), $name) if index($name, $prefix) == 0 and index($name, '_np') != 0;
    }
    return;
}

sub _install
{
    my ($package, $name, $operator) = @_;
    my $row;
    no strict 'refs';
    return *{"${package}::$name"} = set_subname("${package}::$name",
        sub { my $self = shift; return AI::MXNet::Operators::call($row //= AI::MXNet::Operators::row($operator), $self, @_) });
}

install(__PACKAGE__, '');

# The code of a method, which may not be there yet; undef if there is none.
sub find { my ($name) = @_; return AI::MXNet::NDArray->UNIVERSAL::can($name) // _find($name) }

sub _find
{
    my ($name) = @_;
    if (my $file = $file_of{$name}) {
        AI::MXNet::NS::load($file);
        return AI::MXNet::NDArray->UNIVERSAL::can($name);
    }
    my $operator = long_name($name) // return;
    return *{ _install(__PACKAGE__, $name, $operator) }{CODE};
}

# The operator that a name means which may be short, or undef.
sub long_name
{
    my ($name) = @_;
    my @before = $name =~ /\A_|\A(?:backward|view)_/ ? () : $name =~ /_scalar\z/ ? ('_', @prefixes) : @prefixes;
    return first { AI::MXNet::Operators::row($_) } map {"$_$name"} '', @before;
}

# Short names are not told of: programs of 1.6's time ask for what later ones have, and are to go on as they did.
sub can
{
    my ($self, $name) = @_;
    return $self->UNIVERSAL::can($name) // ($file_of{$name} || AI::MXNet::Operators::row($name) ? _find($name) : undef);
}

our $AUTOLOAD;

sub AUTOLOAD
{
    my ($package, $name) = $AUTOLOAD =~ /(.*)::(.*)/;
    return if $name eq 'unimport';
    my $code = _find($name) // AI::MXNet::Operators::refuse($name, $package);
    goto &$code;
}

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Base - operators as methods

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Gives packages a method for each operator of the
table, and finds at their first call those that few programs use.

=head1 SEE ALSO

L<AI::MXNet::NDArray/OPERATORS>

=cut

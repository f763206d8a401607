package AI::MXNet::NDArray;
# The class goes on: what operators there are, and what they do.
use strict;
use warnings;
use Data::MessagePack;
use AI::MXNet::Operators;

# Methods that are no operators, or take other arguments: [signature, text, example].
my %methods = (
    percentile => ['nd->percentile($x, $q, axis => undef, interpolation => \'linear\', keepdims => 0)',
        "The values below which given percents of the elements lie, over axes.\n\nq: a number, a list or an array.",
        "nd->percentile([1, 2, 3, 4], 50)\n    2.5"],
    cov => ['nd->cov($x, y => undef, rowvar => 1, bias => 0, ddof => undef, fweights => undef, aweights => undef, dtype => \'float64\')',
        "Covariances of variables, of which each row of \$x holds the observations (each column, with rowvar => 0).",
        "nd->cov([[1, 2, 3], [3, 2, 1]])\n    [[1 -1] [-1 1]]"],
    corrcoef => ['nd->corrcoef($x, y => undef, rowvar => 1, dtype => \'float64\')', "Pearson's correlation of variables, from -1 to 1.",
        "nd->corrcoef([[1, 2, 3], [3, 2, 1]])\n    [[1 -1] [-1 1]]"],
    random_choice => ['nd->random_choice($a, size => undef, replace => 1, p => undef, out => undef)',
        'Elements of a list or vector, or numbers below a count, drawn at random; p: their probabilities.',
        "nd->random_choice(6, 4)\n    int64 4"],
    tril_indices => ['nd->tril_indices($n, k => 0, m => $n)', 'Where the elements on and below a diagonal are: rows, and columns.',
        "my (\$rows, \$columns) = \@{ nd->tril_indices(3) };"],
    triu_indices => ['nd->triu_indices($n, k => 0, m => $n)', 'Where the elements on and above a diagonal are: rows, and columns.',
        "my (\$rows, \$columns) = \@{ nd->triu_indices(3, 1) };"],
);

my %meta;       # package => {code of a function => what it is}
my $entries;    # [operator, aliases, signature, documentation, gradient, example]

sub _entries
{
    return $entries //= do {
        my $path = AI::MXNet::Operators::table_file('operators_help.msgpack');
        open my $file, '<:raw', $path or die "$path: $!\n";
        Data::MessagePack->new->utf8->unpack(do { local $/; readline $file });
    };
}

# Every name of an operator, with its entry.
sub _about { return map { my $entry = $_; map { $_ => $entry } $entry->[0], @{ $entry->[1] } } @{ _entries() } }

sub function_meta_hash { my ($class) = @_; return $class->_meta('AI::MXNet::NDArray::Base') }
sub function_meta { my ($class, $code) = @_; return $class->_meta('AI::MXNet::NDArray::Base')->{ $code // '' } }

# {__name__, __doc__} of the functions by which a package calls operators, by their code.
sub _meta
{
    my ($class, $package) = @_;
    my %about = _about();
    return $meta{$package} //= {
        map { my $code = $package->can($_); $code ? ($code => { __name__ => $_, __doc__ => _text_of($_, $about{$_}) }) : () } keys %about };
}

sub list_functions { CORE::print "$_\n" for sort(AI::MXNet::Operators::names()); return }

# Operators by name, where * stands for anything, also for what may precede a short name.
sub find_functions
{
    my ($class, $pattern, $silent) = @_;
    my @found = _matching($pattern);
    unless ($silent) { CORE::print "$_ $found[$_]{__name__}\n" for 0 .. $#found }
    return wantarray ? @found : $found[0];
}

sub _matching
{
    my ($pattern) = @_;
    _fail('a name or a pattern such as \'*soft*\' is needed, but got ', $pattern // 'undef') unless defined $pattern and length $pattern;
    my $like = join '.*', map {quotemeta} split /\*/, $pattern, -1;
    my %about = _about();
    my %text = map { $_ => _text_of($_, $about{$_}) } grep { /\A(?:_npi_|_np_|_npx_|_contrib_|_)?$like\z/ } keys %about;
    $text{$_} = _text_of($_, [$_, [], @{ $methods{$_} }[0, 1], '', $methods{$_}[2]]) for grep {/\A$like\z/} keys %methods;
    return map { { __name__ => $_, __doc__ => $text{$_} } } sort { ($b eq $pattern) <=> ($a eq $pattern) or $a cmp $b } keys %text;
}

sub _text_of
{
    my ($name, $entry) = @_;
    my ($operator, $aliases, $signature, $doc, $gradient, $example) = @$entry;
    my @others = grep { $_ ne $name } $operator, @$aliases;
    return join "\n\n", $name . (@others ? '    also ' . join(', ', @others) : ''), $signature, $doc, grep { length } $gradient,
        length $example ? "Example:\n    " . $example =~ s/\n/\n    /gr : '';
}

sub help
{
    my ($class, $pattern) = @_;
    my @found = _matching($pattern);
    if (not @found) {
        CORE::print "No documentation found for pattern or function: '$pattern'\n";
        return;
    }
    my $wide = grep {/utf-?8/i} do { no strict 'refs'; PerlIO::get_layers(*{ select() }) };
    for my $text (map { '=' x 80 . "\n$_->{__doc__}\n\n" } @found) {
        utf8::encode($text) unless $wide;
        CORE::print $text;
    }
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Help - what operators there are

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. C<help>, C<find_functions> and C<list_functions> of
L<AI::MXNet::NDArray>, loaded when one of them is called.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut

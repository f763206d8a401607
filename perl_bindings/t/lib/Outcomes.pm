package Outcomes;
# What tests look at: what code died of or warned of, and the values of an array as text.
use strict;
use warnings;
use Exporter 'import';
use Test::More ();

our @EXPORT_OK = qw(died dies values_of warned);

# What the code died of, or 'lived'.
sub died (&) { my ($code) = @_; return eval { $code->(); 1 } ? 'lived' : "$@" }

# That the code dies of these words, and points at the test.
sub dies
{
    my ($words, $code) = @_;
    Test::More::ok !eval { $code->(); 1 }, 'dies';
    Test::More::like $@, qr/\Q$words\E.* at \Q$0\E line \d+\.$/s;
}

sub values_of { my ($array) = @_; return join ' ', map { sprintf '%.5g', $_ } $array->aspdl->list }

sub warned { my ($code) = @_; my @said; local $SIG{__WARN__} = sub { push @said, @_ }; $code->(); return join '', @said }

1;

# Whole scripts, and what the original AI::MXNet 1.6 printed for them.
use strict;
use warnings;
use FindBin qw($Bin);

my $golden = "$Bin/../../tests/golden";
if (!-d "$golden/perl") {
    print "1..0 # SKIP the recordings are not part of the distribution\n";
    exit;
}
exec $^X, "$golden/check_perl.pl", '--check', '--lib', "$Bin/../lib", "$golden/perl" or die "exec: $!\n";

# The example scripts print what lies beside them.
use strict;
use warnings;
use FindBin qw($Bin);

my ($examples, $check) = ("$Bin/../../examples_perl", "$Bin/../../tests/golden/check_perl.pl");
if (!-d $examples) {
    print "1..0 # SKIP the examples are not part of the distribution\n";
    exit;
}
exec $^X, $check, '--check', '--lib', "$Bin/../lib", $examples or die "exec: $!\n";

# Networks, iterators and optimizers do what they do, whatever indices mean in the program that uses them. (Number 214 slices
# by itself, with 1.6's meaning.)
use strict;
use warnings;
use FindBin qw($Bin);

my $golden = "$Bin/../../tests/golden";
if (!-d "$golden/perl") {
    print "1..0 # SKIP the recordings are not part of the distribution\n";
    exit;
}
$ENV{AI_MXNET_DIALECT} = 'numpy';
my $themes = '^(?!214)\d+-(?:autograd|callback|data|gluon|kvstore|loss|metric|module|optim|rnn|saveload)-';
exec $^X, "$golden/check_perl.pl", '--check', '--only', $themes, '--lib', "$Bin/../lib", "$golden/perl" or die "exec: $!\n";

# Programs of many calls on small arrays: the classic ones among the examples, as they are, and with a wait for each call.
use strict; use warnings;
use FindBin qw($Bin);
use List::Util 'min';
my @examples = qw(cross_validation gaussian_mixture hmm_letters k_means logistic_regression pca roc tsne_digits);

# How long an example runs once perl and the engine have started.
sub seconds
{
    my ($example, $engine) = @_;
    local $ENV{MXNET_ENGINE_TYPE} = $engine;
    my $code = 'BEGIN { $0 = shift } use AI::MXNet qw(mx); use Time::HiRes "time"; mx->nd->ones([1])->aspdl; open STDOUT, ">", "/dev/null";'
        . 'my $start = time; do $0; die $@ if $@; print STDERR time - $start';
    open my $run, '-|', 'sh', '-c', '"$@" 2>&1', 'sh', $^X, "-I$Bin/../../perl_bindings/lib", '-e', $code, "$Bin/../../examples_perl/$example.pl" or die $!;
    my $said = do { local $/; readline $run };
    close $run;
    return $said =~ /([0-9.]+)\z/ ? $1 : die "$example: $said\n";
}

my %sum;
for my $example (@examples) {
    my %best;
    for my $engine ('', 'NaiveEngine') { $best{$engine} = min map { seconds($example, $engine) } 1 .. 2 }
    $sum{$_} += $best{$_} for keys %best;
    printf STDERR "%-20s %.3f s, with waits %.3f s\n", $example, @best{'', 'NaiveEngine'} if $ENV{VERBOSE};
}
printf "small_calls_s %.3f\nsmall_calls_share_of_waiting %.3f\n", $sum{''}, $sum{''} / $sum{NaiveEngine};

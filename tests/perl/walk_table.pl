#!/usr/bin/env perl
# Calls operators from Perl on recorded inputs: walk_table.pl CASES.json ARRAYS.params
#
# For each case one line of JSON: what Perl predicted, before anything was read, or the error of the call.
use strict;
use warnings;
use JSON::PP;
use AI::MXNet qw(mx nd autograd);

my ($cases_file, $arrays_file) = @ARGV;
my $json = JSON::PP->new->canonical->utf8;
my $cases = do { open my $file, '<', $cases_file or die "$cases_file: $!\n"; local $/; $json->decode(readline $file) };
my $arrays = nd->load($arrays_file);
$| = 1;
for my $case (@$cases) {
    my %result = (id => $case->{id});
    my $walked = eval {
        my @inputs = map { $arrays->{$_} } @{ $case->{inputs} };
        my %attrs = %{ $case->{attrs} };
        ref $_ eq 'JSON::PP::Boolean' and $_ = $_ ? 1 : 0 for values %attrs;
        my $outputs;
        my $call = sub { $outputs = AI::MXNet::Operators::call(AI::MXNet::Operators::row($case->{operator}), 'AI::MXNet::NDArray', @inputs, \%attrs) };
        # twice: what the engine had to be asked for the first time, Perl predicts the second time
        for (1, 2) { $case->{train} ? autograd->train_mode($call) : $call->() }
        my @outputs = ref $outputs eq 'ARRAY' ? @$outputs : $outputs;
        $result{outputs} = [map { { shape => $_->shape, dtype => $_->dtype, stype => $_->stype } } @outputs];
        $_->aspdl for @outputs;    # dies where the engine holds something else
        1;
    };
    $result{error} = "$@" unless $walked;
    print $json->encode(\%result), "\n";
}

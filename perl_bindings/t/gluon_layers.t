# Gluon's layers, losses and recurrent layers against what MXNet 1.9.1 computes with the same parameters, eager and hybridized.
use strict;
use warnings;
use FindBin qw($Bin);
use Test::More;
use JSON::PP ();
use PDL ();
use List::Util qw(product);
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);

open my $file, '<', "$Bin/../../tests/data/gluon_cases.json" or die "tests/data/gluon_cases.json: $!";
my @cases = @{ JSON::PP->new->decode(do { local $/; readline $file }) };

# sin(0.7 i + k): what the recording filled arrays with
sub wave { my ($shape, $k) = @_; return nd->array((PDL->sequence(product(@$shape)) * 0.7 + $k)->sin)->reshape($shape) }

sub input
{
    my ($case, $i) = @_;
    my $shape = $case->{shapes}[$i];
    my $modulus = ($case->{ints} // {})->{$i} or return wave($shape, $i);
    return nd->array(PDL->sequence(product(@$shape)) % $modulus)->reshape($shape);
}

# The largest difference, in units of the tolerance.
sub differ
{
    my ($got, $wanted) = @_;
    my $expected = PDL->pdl($wanted);
    return (($got->aspdl->flat - $expected)->abs / (2e-5 + 2e-4 * $expected->abs))->max;
}

for my $case (@cases) {
    my ($kind, $class) = @$case{qw(kind cls)};
    my %arguments = map { my $value = $case->{args}{$_}; $_ => JSON::PP::is_bool($value) ? $value ? 1 : 0 : $value } keys %{ $case->{args} };
    my $title = "$class(" . join(', ', map { "$_ " . (ref $arguments{$_} ? "[@{ $arguments{$_} }]" : $arguments{$_}) } sort keys %arguments) . ')';
    my $net = gluon->$kind->$class(%arguments);
    $net->initialize;
    my @inputs = map { input($case, $_) } 0 .. $#{ $case->{shapes} };
    $net->(@inputs);
    my $k = 0;
    my $parameters = $net->collect_params;
    for my $name ($parameters->keys) {
        my $parameter = { $parameters->items }->{$name};
        my $value = wave($parameter->shape, ++$k) * 0.3;
        $value = $value->abs + 0.5 if $name =~ /var/;
        $parameter->set_data($value);
    }
    is_deeply [map { s/\A[^_]*_//r } $parameters->keys], $case->{params}, "$title: its parameters";
    $inputs[0]->attach_grad;
    for my $mode ('eager', 'hybridized') {
        my $y;
        autograd->record(sub { $y = $net->(@inputs) }, train_mode => 0);
        $y->backward(out_grad => wave($y->shape, 3)) if $case->{grad};
        is_deeply $y->shape, $case->{shape}, "$title, $mode: the shape";
        cmp_ok differ($y, $case->{out}), '<=', 1, 'the values';
        cmp_ok differ($inputs[0]->grad, $case->{grad}), '<=', 1, 'the gradient' if $case->{grad};
        $net->hybridize;
    }
}

done_testing;

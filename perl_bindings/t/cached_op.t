# Symbols as functions of arrays.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Outcomes qw(died);
use Test::More;
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::CachedOp;

sub text { my ($array) = @_; return join ' ', map { 0 + sprintf '%.5g', $_ } $array->aspdl->list }

my ($x, $y) = map { mx->sym->Variable($_) } qw(x y);

subtest 'values and gradients are those of the operators' => sub {
    my $f = AI::MXNet::CachedOp->new(mx->sym->broadcast_mul($x, $y)->square + 1);
    my ($a, $b) = (nd->array([[1, 2], [3, 4]]), nd->array([[2, 3]]));
    $_->attach_grad for $a, $b;
    for my $call (sub { $f->($a, $b) }, sub { nd->broadcast_mul($a, $b)->square + 1 }) {
        my $out;
        autograd->record(sub { $out = $call->() });
        is text($out), '5 37 37 145';
        $out->backward;
        is text($a->grad) . ' / ' . text($b->grad), '8 36 24 72 / 40 120';
    }
    is text($f->($a, $b)), '5 37 37 145', 'the call of known types';
    is text($f->(nd->ones([1, 2]), $b)), '5 10', 'and of others';
};

subtest 'several outputs' => sub {
    my $f = nd->CachedOp(mx->sym->Group([$x * 2, $y, mx->sym->SliceChannel($x, num_outputs => 2, axis => 0)]));
    for (1 .. 2) {
        my ($outputs) = $f->(nd->array([1, 2]), nd->array([5]));
        is "@{[map { '(' . text($_) . ')' } @$outputs]}", '(2 4) (5) (1) (2)';
    }
    my @into = map { nd->zeros([$_]) } 2, 1, 1, 1;
    is $f->(nd->array([3, 4]), nd->array([7]), out => \@into), \@into, 'into arrays that are given';
    is "@{[map { '(' . text($_) . ')' } @into]}", '(6 8) (7) (3) (4)';
    my $double = nd->CachedOp($x * 2, { static_alloc => 1 });
    my $out = nd->zeros([2]);
    is text($double->(nd->ones([2]), out => $out)) . ' ' . text($out), '2 2 2 2';
    like died { $double->(nd->ones([2]), foo => 1) }, qr/AI::MXNet::CachedOp::call got unexpected keyword argument\(s\): foo at /;
    like died { $double->(nd->ones([2]), out => \@into) }, qr/The graph has 1 outputs, but out has room for 4 at /;
};

subtest 'states are updated in training' => sub {
    my $f = AI::MXNet::CachedOp->new(mx->sym->BatchNorm($x, name => 'bn', momentum => 0.5));
    my ($mean, $var) = (nd->zeros([2]), nd->ones([2]));
    my @rest = (nd->ones([2]), nd->zeros([2]), $mean, $var);
    $f->(nd->array([[1, 2], [3, 4]]), @rest);
    is text($mean), '0 0';
    autograd->record(sub { $f->(nd->array([[1, 2], [3, 4]]), @rest) });
    is text($mean), '1 1.5';
};

subtest 'a slice is an input as any array' => sub {
    my $f = AI::MXNet::CachedOp->new($x + $y);
    my $a = nd->array([[1, 2], [3, 4]]);
    is text($f->($a->slice(0), $a->slice([1, 1], [0, 1]))), "4 6";
};

subtest 'what cannot be computed dies' => sub {
    my $f = AI::MXNet::CachedOp->new($x + $y);
    like died { $f->(nd->ones([2])) }, qr/The graph takes 2 arrays \(x y\), but got 1/;
    like died { $f->(nd->ones([2]), nd->ones([3])) }, qr/Error in operator _plus\d+: .* line @{[__LINE__]}\.$/;
    my $take = AI::MXNet::CachedOp->new(mx->sym->take($x, $y, mode => 'raise'));
    my $table = nd->array([1, 2]);
    $take->($table, nd->array([1]));
    my $bad = $take->($table, nd->array([7])); my $line = __LINE__;
    like died { $bad->aspdl }, qr/index 7 is out of bounds .* line $line\.$/, 'or where the output is read';
    is $f->symbol->list_inputs->[1], 'y';
};

subtest 'the graph lives as long as the function' => sub {
    my $f = do { my $symbol = $x * 3; AI::MXNet::CachedOp->new($symbol) };
    is text($f->(nd->array([2]))), '6';
};

done_testing;

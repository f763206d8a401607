# The store of arrays by key, on one machine.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use File::Temp qw(tempdir);
use Outcomes qw(died);
use Test::More;
use AI::MXNet qw(mx nd);

sub numbers { return join ' ', map { sprintf '%g', $_ } map { $_->aspdl->list } @_ }

sub pulled
{
    my ($store, $key, @shape) = @_;
    my $out = nd->zeros([@shape ? @shape : 2]);
    $store->pull($key, out => $out);
    return numbers($out);
}

my $folder = tempdir(CLEANUP => 1);

subtest 'what is pushed replaces what is stored' => sub {
    my $store = mx->kv->create;
    is join(' ', $store->type, $store->rank, $store->num_workers), 'local 0 1';
    my $first = nd->ones([2]);
    $store->init(3, $first);
    $first .= 7;
    is pulled($store, 3), '1 1', 'a copy of the first value';
    $store->push('3', nd->array([2, 3]));
    is pulled($store, '3'), '2 3', 'a number and its text are one key';
    $store->push(3, [nd->array([1, 2]), nd->array([10, 20])]);
    is pulled($store, 3), '11 22', 'or the sum of a list';
    $store->init(['a', 'b'], [nd->ones([2]), nd->zeros([1, 3])]);
    $store->push(['a', 'b', 'a'], [nd->array([1, 2]), [nd->ones([1, 3]), nd->ones([1, 3], ctx => mx->cpu(1))], nd->array([4, 4])], priority => -1);
    my @outs = map { [nd->zeros([2]), nd->zeros([2], ctx => mx->cpu(1))] } 1;
    $store->pull(['a', 'b'], out => [$outs[0], my $b = nd->zeros([1, 3])]);
    is numbers(@{ $outs[0] }, $b), '5 6 5 6 2 2 2', 'in lists of keys, also one that comes twice';
};

subtest 'an updater, as code or with an optimizer' => sub {
    my $store = mx->kv->create('device');
    my @seen;
    $store->_set_updater(sub { my ($key, $sent, $stored) = @_; push @seen, $key; $stored += $sent * 2 });
    $store->init(['x', 'y'], [nd->ones([2]), nd->ones([2])]);
    my $sent = nd->array([1, 2]);
    $store->push(['x', 'y'], [$sent, [$sent, $sent]]);
    is join(' ', @seen, pulled($store, 'x'), pulled($store, 'y'), numbers($sent)), 'x y 3 5 5 9 1 2';

    my @stores = map { my $new = mx->kv->create('local'); $new->set_optimizer(mx->optimizer->SGD(learning_rate => 0.1, momentum => 0.5)); $new->init('w', nd->ones([2])); $new } 1 .. 2;
    $stores[0]->push('w', nd->ones([2])) for 1 .. 2;
    is pulled($stores[0], 'w'), '0.75 0.75';
    $stores[0]->save_optimizer_states("$folder/w.states");
    $stores[1]->push('w', nd->ones([2]) * 2.5);
    $stores[1]->load_optimizer_states("$folder/w.states");
    $_->push('w', nd->zeros([2])) for @stores;
    is pulled($stores[1], 'w'), pulled($stores[0], 'w'), 'whose states lie in a file';
    $stores[0]->save_optimizer_states("$folder/all.states", dump_optimizer => 1);
    $stores[1]->set_optimizer(mx->optimizer->SGD(momentum => 0.1));
    $stores[1]->load_optimizer_states("$folder/all.states");
    is $stores[1]->_updater->optimizer->momentum, 0.5, 'with the optimizer, if asked for';
};

subtest 'rows of sparse arrays' => sub {
    my $store = mx->kv->create('local');
    my $dense = nd->arange(stop => 8)->reshape([4, 2]);
    $store->init('e', $dense->tostype('row_sparse'));
    my @outs = map { nd->sparse->zeros('row_sparse', [4, 2], ctx => $_) } mx->cpu(0), mx->cpu(1);
    $store->row_sparse_pull('e', out => $outs[0], row_ids => nd->array([1, 3, 1]));
    is numbers($outs[0]) . ' at ' . numbers($outs[0]->indices), '0 0 2 3 0 0 6 7 at 1 3';
    $store->row_sparse_pull('e', out => \@outs, row_ids => [nd->array([0]), nd->array([2])]);
    is numbers(@outs), '0 1 0 0 0 0 0 0 0 0 0 0 4 5 0 0', 'for each context its own';
    my $out = nd->ones([4, 2]);
    $store->pull('e', out => $out);
    is numbers($out), '1 1 1 1 1 1 1 1', 'pull leaves them out';
    $store->pull('e', out => $out, ignore_sparse => 0);
    is numbers($out), '0 1 2 3 4 5 6 7', 'unless told not to';
    my $rows = nd->sparse->row_sparse_array([nd->ones([1, 2]), nd->array([1])], shape => [4, 2]);
    $store->push('e', [$rows, $rows]);
    $store->pull('e', out => $out, ignore_sparse => 0);
    is numbers($out), '0 0 2 2 0 0 0 0', 'sums of them are sparse';
};

subtest 'compressed gradients are multiples of the threshold, and nothing is lost for good' => sub {
    # what MXNet 1.9.1 gives
    my $store = mx->kv->create('device');
    $store->set_gradient_compression({ type => '2bit', threshold => 0.5 });
    $store->init('a', nd->zeros([4]));
    my @got = map {
        $store->push('a', [nd->array([0.3, -0.2, 0.7, -0.6]), nd->array([0.5, 0.1, 0.2, 0])]);
        pulled($store, 'a', 4);
    } 1 .. 3;
    is join(' | ', @got), '0.5 0 0.5 -0.5 | 1 0 0.5 -0.5 | 0.5 -0.5 1 -0.5';
    like died(sub { mx->kv->create('local')->set_gradient_compression({ type => '2bit' }) }), qr/not supported for this type of kvstore: local/;
    like died(sub { $store->set_gradient_compression({ type => '3bit' }) }), qr/gradient compression is \{ type => '2bit'/;
};

subtest 'errors name the key and what is wrong' => sub {
    my $store = mx->kv->create;
    my $here = __FILE__;
    $store->init('a', nd->ones([2]));
    like died(sub { $store->init('a', nd->ones([2])) }), qr/duplicate init of key a at \Q$here\E line/;
    like died(sub { $store->push('b', nd->ones([2])) }), qr/key b doesn't exist. Did you init\?/;
    like died(sub { pulled($store, 'b') }), qr/key b doesn't exist/;
    like died(sub { $store->push('a', nd->ones([3])) }), qr/value of key 'a' has shape 2, but got 3/;
    like died(sub { $store->push(['a'], nd->ones([2])) }), qr/as many values/;
    like died(sub { $store->push('a', [1]) }), qr/the value of 'a' is an NDArray, or a list of them, but got 1/;
    like died(sub { $store->pull('a') }), qr/out is required/;
    like died(sub { $store->save_optimizer_states("$folder/x") }), qr/has no optimizer/;
    like died(sub { $store->set_optimizer('sgd') }), qr/takes an optimizer, but got sgd/;
    like died(sub { mx->kv->create('bogus') }), qr/KVStore->create takes one of .*device.*, but got 'bogus'/;
    is pulled($store, 'a'), '1 1', 'and change nothing';
};

done_testing;

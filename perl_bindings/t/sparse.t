# csr and row_sparse arrays from Perl.
use strict;
use warnings;
use File::Temp qw(tempdir);
use PDL;
use Storable qw(dclone);
use Test::More;
use AI::MXNet qw(mx nd autograd);

sub text { my ($array) = @_; return join ' ', map { 0 + sprintf '%.6g', $_ } $array->aspdl->list }
sub dies { my ($code, $like, $name) = @_; ok !eval { $code->(); 1 }, $name; return like $@, $like }

my $dense = nd->array([[1, 0, 2], [0, 0, 3]]);
my $csr   = $dense->tostype('csr');
my $rows  = nd->sparse->row_sparse_array([[[1, 2], [3, 4]], [0, 3]], shape => [5, 2]);

subtest 'a sparse array tells at once what it is' => sub {
    isa_ok $csr,  'AI::MXNet::NDArray::CSR';
    isa_ok $rows, 'AI::MXNet::NDArray::RowSparse';
    isa_ok $_, 'AI::MXNet::NDArray' for $csr, $rows;
    is_deeply [map { $_->stype } $dense, $csr, $rows], [qw(default csr row_sparse)];
    is "$csr",  "\n<AI::MXNet::NDArray::CSR, 2x3 \@cpu(0)>";
    is "$rows", "\n<AI::MXNet::NDArray::RowSparse, 5x2 \@cpu(0)>";
    is_deeply $csr->shape, [2, 3];
    is $csr->dtype, 'float32';
    is text($csr),  '1 0 2 0 0 3', 'aspdl is dense';
    is text($rows), '1 2 0 0 0 0 3 4 0 0';
};

subtest 'its parts are arrays of their own' => sub {
    is text($csr->data),    '1 2 3';
    is text($csr->indices), '0 2 2';
    is text($csr->indptr),  '0 2 3';
    is text($rows->data),    '1 2 3 4';
    is text($rows->indices), '0 3';
    is_deeply [map { $_->dtype } $csr->indices, $csr->indptr, $rows->indices], [('int64') x 3];
    my $data = $csr->data;
    $data .= 9;
    is text($csr), '1 0 2 0 0 3';
};

subtest 'sparse arrays are made of lists, piddles, arrays and shapes' => sub {
    my @definition = ([1, 2, 3], [0, 2, 2], [0, 2, 3]);
    for my $source ([@definition], [map { pdl($_) } @definition], [map { nd->array($_) } @definition]) {
        my $made = nd->sparse->csr_matrix($source, shape => [2, 3]);
        is text($made), text($csr), ref $source->[0];
    }
    is_deeply(nd->sparse->csr_matrix([@definition])->shape, [2, 3], 'the shape is found');
    is text(nd->sparse->csr_matrix([[1, 2, 4], [[1, 0, 1], [2, 1, 2]]])), '0 2 0 0 0 5', 'coordinates';
    is text(nd->sparse->csr_matrix(pdl([[0, 1], [2, 0]]))), '0 1 2 0', 'a dense piddle';
    is(nd->sparse->csr_matrix(pdl(short, [[0, 1]]))->dtype, 'float32');
    is(nd->sparse->csr_matrix(pdl(double, [[0, 1]]))->dtype, 'float64', 'the dtype of a piddle');
    is(nd->sparse->csr_matrix($dense, dtype => 'int32')->dtype, 'int32');
    is text(nd->sparse->csr_matrix($csr)), text($csr);
    is_deeply([map { nd->sparse->csr_matrix($_, shape => [4, 5])->shape } undef], [[4, 5]]);
    is text(nd->sparse->csr_matrix([2, 2])), '0 0 0 0', 'a shape';
    is text(nd->sparse->row_sparse_array([2, 2])), '0 0 0 0';
    is text(nd->sparse->row_sparse_array(nd->array([[0, 0], [5, 6]]))->data), '5 6';
    is_deeply(nd->sparse->row_sparse_array([[[1, 2]], [3]])->shape, [4, 2]);
    for my $empty (nd->zeros([2, 3], stype => 'csr'), nd->empty([2, 3], stype => 'csr'), nd->sparse->zeros('csr', [2, 3]),
        nd->sparse->empty('csr', [2, 3])) {
        is ref $empty, 'AI::MXNet::NDArray::CSR';
        is text($empty), '0 0 0 0 0 0';
        is $empty->data->len, 0, 'nothing is stored';
    }
    is(nd->zeros([2, 3], stype => 'row_sparse', dtype => 'float64')->dtype, 'float64');
    is ref nd->zeros([2], stype => 'default'), 'AI::MXNet::NDArray';
};

subtest 'sparse arrays are copied as such' => sub {
    for my $x ($csr, $rows) {
        for my $copy ($x->copy, nd->array($x), nd->sparse->array($x), $x->as_in_context(mx->cpu(1)), dclone($x), $x->detach,
            nd->sparse->array($x, dtype => 'float64'), $x->astype('int32')) {
            is ref $copy, ref $x;
            is text($copy), text($x);
        }
        is $x->astype('float64')->dtype, 'float64';
    }
    is text(dclone(nd->sparse->zeros('row_sparse', [2, 2]))), '0 0 0 0';
    my $copy = $csr->copy;
    $copy += $copy;
    is text($csr), '1 0 2 0 0 3';
};

subtest 'PDL::CCS, which is loaded only when asked for' => sub {
    ok !$INC{'PDL/CCS/Nd.pm'}, 'not yet';
    plan skip_all => 'PDL::CCS is not installed' unless eval { require PDL::CCS::Nd };
    my $ccs = $csr->aspdlccs;
    isa_ok $ccs, 'PDL::CCS::Nd';
    is nd->array($ccs)->stype, 'csr', 'nd->array makes a csr array of it';
    is_deeply [$ccs->dims], [3, 2];
    is join(' ', $ccs->decode->list), '1 0 2 0 0 3';
    is text($_), text($csr) for nd->sparse->csr_matrix($ccs), nd->sparse->array($ccs);
    is join(' ', nd->sparse->zeros('csr', [1, 2])->aspdlccs->decode->list), '0 0';
    is(nd->sparse->csr_matrix(pdl(double, [[0, 1]])->toccs)->dtype, 'float64');
};

subtest 'arithmetic keeps arrays sparse where MXNet does' => sub {
    is_deeply [map { $_->stype } $csr + $csr, $csr - $csr, $csr * $csr, $csr * 2, 2 * $csr, $csr / 2, -$csr, abs $csr, sqrt $csr], [('csr') x 9];
    is_deeply [map { $_->stype } $rows + $rows, $rows * 2], [('row_sparse') x 2];
    is_deeply [map { $_->stype } $csr + 1, 1 - $csr, $csr + $dense, $dense + $csr, $csr / $csr, exp $csr, $csr == $csr, $csr**2], [('default') x 8];
    is_deeply [map { $_->stype } $csr * $dense, $dense * $csr], [('csr') x 2];
    is text($csr + $csr), '2 0 4 0 0 6';
    is text(1 - $csr), '0 1 -1 1 1 -2';
    is text($dense - $csr * 2), '-1 0 -2 0 0 -3';
    is text($csr * 2 - $dense), '1 0 2 0 0 3';
    is text($csr * nd->array([10, 20, 30])), '10 0 60 0 0 90', 'broadcasting';
    is(($csr * nd->array([10, 20, 30]))->stype, 'csr');
    is text($csr->subtract($dense, 1)), '0 0 0 0 0 0', 'named forms';
    is text($csr->maximum(1)), '1 1 2 1 1 3';
    is text(nd->maximum($csr, $dense)), text($dense);
    is text($csr->greater(1)), '0 0 1 0 0 1';
    my $x = $csr->copy;
    $x += $x;
    is ref $x, ref $csr;
    is text($x), '2 0 4 0 0 6';
    $x *= 3;
    $x -= $csr;
    $x /= 5;
    is text($x), '1 0 2 0 0 3';
    $x += 1;
    is_deeply [$x->stype, text($x)], ['csr', '2 1 3 1 1 4'];
    $x->imultiply(2);
    is text($x), '4 2 6 2 2 8';
};

subtest 'operators, predicted from the second call on' => sub {
    for (1, 2) {
        is(nd->sparse->dot($csr, nd->ones([3, 2]))->stype, 'default');
        my $product = nd->dot($csr, nd->ones([2, 2]), transpose_a => 1);
        is ref $product, 'AI::MXNet::NDArray::RowSparse';
        is text($product), '1 1 0 0 5 5';
        is $csr->square->stype, 'csr';
        is text($csr->sum(axis => 0)), '1 0 5';
        is text($csr->mean), '1';
        is text(nd->sparse->retain($rows, nd->array([3]))), '0 0 0 0 0 0 3 4 0 0';
        is ref $rows->retain(nd->array([3])), 'AI::MXNet::NDArray::RowSparse';
        is(nd->sparse->add_n($rows, $rows)->stype, 'row_sparse');
        is text(nd->sparse->zeros_like($csr)), '0 0 0 0 0 0';
        is text($csr->transpose), '1 0 0 0 2 3', 'without a sparse form: dense';
        is text(nd->concat($csr, $csr, dim => 0)), '1 0 2 0 0 3 1 0 2 0 0 3';
    }
    my $out = nd->zeros([2, 3], stype => 'csr');
    nd->elemwise_add($csr, $csr, out => $out);
    is_deeply [$out->stype, text($out)], ['csr', '2 0 4 0 0 6'];
    nd->elemwise_add($dense, $dense, out => $out);
    is text($out), '2 0 4 0 0 6', 'what is dense is converted';
};

subtest 'rows of a csr array' => sub {
    my $row = $csr->slice(1);
    is_deeply [$row->stype, @{ $row->shape }, text($row)], ['csr', 1, 3, '0 0 3'];
    is text($csr->slice([0, 1])), text($csr);
    is text($csr->slice(-1)), '0 0 3';
    is text($csr->slice(begin => [0, 1], end => [2, 3])), '0 2 0 3';
    dies(sub { $csr->slice('X', 1) }, qr/by rows only/);
    dies(sub { $csr->slice(2) }, qr/not within dimension 0/);
    is scalar(@$csr), 2;
    is text($csr->[1]), '0 0 3';
};

subtest 'writing' => sub {
    my $x = nd->sparse->zeros('csr', [2, 3]);
    $x .= $csr;
    is text($x), text($csr);
    $x .= pdl([[0, 1, 0], [1, 0, 0]]);
    is_deeply [$x->stype, text($x)], ['csr', '0 1 0 1 0 0'];
    $x .= $dense;
    is text($x->data), '1 2 3';
    dies(sub { $x .= 3 }, qr/Assigning numeric types to AI::MXNet::NDArray::CSR is not implemented/);
    dies(sub { $x .= nd->ones([3, 2]) }, qr/Shape inconsistant/);
    my $y = $rows->copy;
    $y .= 2;
    is text($y), join ' ', (2) x 10;
    my $z = nd->ones([2, 3]);
    $z .= $csr;
    is text($z), text($csr);
};

subtest 'gradients and lazy updates' => sub {
    my $weight = nd->array([[1, 2], [3, 4], [5, 6]]);
    $weight->attach_grad(stype => 'row_sparse');
    is $weight->grad->stype, 'row_sparse';
    for (1, 2) {
        my $loss;
        autograd->record(sub { $loss = nd->Embedding(nd->array([0, 2, 2]), $weight, input_dim => 3, output_dim => 2, sparse_grad => 1)->sum });
        $loss->backward;
        is text($weight->grad->indices), '0 2';
        is text($weight->grad->data), '1 1 2 2';
    }
    my $decayed = $weight->copy;
    nd->sgd_update($decayed, $weight->grad, lr => 0.5, wd => 1, out => $decayed);
    is text($decayed), '0 0.5 3 4 1.5 2', 'a row without gradient does not decay';
    my $momentum = nd->zeros([3, 2]);
    nd->sgd_mom_update($weight, $weight->grad, $momentum, lr => 0.5, momentum => 0.9, out => $weight);
    is text($weight), '0.5 1.5 3 4 4 5';
    is text($momentum), '-0.5 -0.5 0 0 -1 -1';

    my $w = nd->ones([3, 2]);
    $w->attach_grad(stype => 'row_sparse');
    my $y;
    autograd->record(sub { $y = nd->sparse->dot($csr, $w) });
    $y->backward;
    is text($w->grad->indices), '0 2';
    is text($w->grad), '1 1 0 0 5 5';

    my $variable = $csr->copy;
    $variable->attach_grad;
    autograd->record(sub { $y = ($variable * $variable)->sum });
    $y->backward;
    is text($variable->grad), '2 0 4 0 0 6';
    my $first;
    autograd->record(sub { $first = autograd->grad(nd->square($w), $w, create_graph => 1) });
    $first->backward;
    is text($w->grad), '2 2 2 2 2 2', 'a dense gradient is stored as rows';
};

subtest 'files keep the storage type' => sub {
    my $file = tempdir(CLEANUP => 1) . '/sparse.params';
    nd->save($file, { csr => $csr, rows => $rows, dense => $dense });
    my $loaded = nd->load($file);
    is_deeply { map { $_ => $loaded->{$_}->stype } keys %$loaded }, { csr => 'csr', rows => 'row_sparse', dense => 'default' };
    is text($loaded->{csr}),  text($csr);
    is text($loaded->{rows}), text($rows);
    is text($loaded->{rows} + $rows), text($rows * 2);
    open my $handle, '<:raw', $file or die $!;
    my $bytes = do { local $/; readline $handle };
    is(nd->load_frombuffer($bytes)->{csr}->stype, 'csr');
};

subtest 'a product in the storage type asked for' => sub {
    my $x = nd->array([[1, 0, 2], [0, 0, 3]]);
    for my $stype (qw(default row_sparse csr)) {
        my $product = nd->dot($x, $x, transpose_b => 1, forward_stype => $stype);
        is $product->stype, $stype;
        is text($product), '5 6 6 9';
    }
    dies(sub { nd->dot($x, nd->ones([3]), forward_stype => 'csr') }, qr/a csr array has two dimensions.*sparse\.t line/s);
    dies(sub { nd->dot($x, $x, forward_stype => 'coo') }, qr/forward_stype.*sparse\.t line/s);
};

subtest 'malformed arrays' => sub {
    ok eval { $_->check_format; 1 }, $_->stype for $csr, $rows;
    my $wrong = nd->sparse->csr_matrix([[1, 2, 3], [0, 9, 1], [0, 2, 3]], shape => [2, 3]);
    dies(sub { $wrong->check_format }, qr/MXNetError: Check failed: .*column indices from 0 to 2, found 0 to 9/);
    ok eval { $wrong->check_format(0); 1 }, 'the shapes alone are right';
    dies(sub { $wrong->aspdl }, qr/malformed/);
    dies(sub { ($wrong * 2)->aspdl }, qr/malformed/);
    my $unsorted = nd->sparse->row_sparse_array([[[1], [2]], [1, 0]], shape => [2, 1]);
    dies(sub { $unsorted->check_format }, qr/rising order/);
    is text($unsorted), '2 1', 'but its values are clear';
    is text($csr), '1 0 2 0 0 3', 'other arrays are as they were';
};

subtest 'what sparse arrays cannot do dies and says so' => sub {
    dies(sub { $csr->$_(1) }, qr/\ANot implemented: $_ of a csr array/, $_) for qw(reshape size at);
    dies(sub { $rows->slice(1) }, qr/\ANot implemented: slice of a row_sparse array/);
    dies(sub { nd->sparse->coo_matrix }, qr/\ANot implemented: coo_matrix/);
    dies(sub { $csr->tostype('row_sparse') }, qr/cast_storage from csr to row_sparse is not supported/);
    dies(sub { $rows->tostype('csr') }, qr/cast_storage from row_sparse to csr is not supported/);
    dies(sub { $dense->tostype('coo') }, qr/default, csr or row_sparse, but got 'coo'/);
    dies(sub { nd->ones([2], stype => 'csr') }, qr/only zeros can be sparse/);
    dies(sub { nd->zeros([2, 3, 4], stype => 'csr') }, qr/two dimensions/);
    dies(sub { nd->sparse->array([1, 2]) }, qr/sparse->array takes a sparse array or a PDL::CCS::Nd, but got ARRAY/);
    dies(sub { nd->sparse->csr_matrix([1, 2, 3, 4]) }, qr/but got a list of 4/);
    dies(sub { nd->sparse->csr_matrix }, qr/needs a source or a shape/);
    dies(sub { $csr + nd->ones([3, 2]) }, qr/broadcast/);
    dies(sub { nd->sparse->retain($rows, nd->array([5]))->aspdl }, qr/out of bounds/);
    like $@, qr/sparse\.t line/;
};

is_deeply [mx->engine->failures], [], 'no failure went unread';
done_testing;

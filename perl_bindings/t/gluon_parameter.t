# Parameters, constants, dictionaries of parameters, and the helpers of gluon->utils.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use File::Temp qw(tempdir);
use Outcomes qw(dies values_of warned);
use Test::More;
use AI::MXNet qw(mx nd);
use AI::MXNet::AutoGrad qw(autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);
use AI::MXNet::Gluon::Utils qw(download check_sha1);

my $folder = tempdir(CLEANUP => 1);

subtest 'a parameter has values and gradients' => sub {
    my $weight = gluon->Parameter('weight', shape => [2, 2], lr_mult => 0.5);
    is "$weight", 'Parameter weight (shape=(2, 2), dtype=float32, stype=default)';
    dies("Parameter 'weight' has not been initialized", sub { $weight->data });
    $weight->initialize(init => 'ones');
    is values_of($weight->data) . '|' . values_of($weight->grad), '1 1 1 1|0 0 0 0';
    like warned(sub { $weight->initialize }), qr/Parameter 'weight' is already initialized, ignoring/;
    $weight->initialize(init => mx->init->Constant(3), force_reinit => 1);
    is values_of($weight->data), '3 3 3 3';
    my $array = $weight->data;
    $weight->set_data([[1, 2], [3, 4]]);
    is values_of($array), '1 2 3 4', 'set_data writes to the array itself';
    $weight->data .= 7;
    is values_of($array), '7 7 7 7', 'data is that array';
    dies('Expected shape (3) is incompatible with given shape (2, 2)', sub { $weight->set_data(nd->ones([3])) });
    is $weight->list_ctx->[0], 'cpu(0)';
    ok $weight == $weight && $weight != gluon->Parameter('weight', shape => [2, 2]), 'objects are compared as such';
};

subtest 'what an array is filled with' => sub {
    my $fill = sub { my ($own, $given, $default) = @_; my $p = gluon->Parameter('gain', shape => [2], init => $own); $p->initialize(init => $given, default_init => $default); return values_of($p->data) };
    my ($one, $two, $three) = map { mx->init->Constant($_) } 1 .. 3;
    is $fill->(undef, undef, $three), '3 3', 'the default, whatever the name';
    is $fill->($two, undef, $three), '2 2', 'its own before that';
    is $fill->($two, $one, $three), '1 1', 'what is asked for first of all';
    my $layer = nn->Dense(1, in_units => 1, prefix => 'fc_', bias_initializer => undef);
    $layer->initialize(AI::MXNet::Mixed->new(['bias', '.*'], [$one, $two]));
    is values_of($layer->bias->data) . values_of($layer->weight->data), '12', 'patterns of names';
    $layer->initialize(AI::MXNet::Load->new(param => { fc_bias => nd->array([5]) }, default_init => $three), force_reinit => 1);
    is values_of($layer->bias->data) . values_of($layer->weight->data), '53', 'loaded values';
    package Odd { use Mouse; extends 'AI::MXNet::Initializer'; has n => (is => 'ro', default => 9); sub _init_weight { my ($self, $name, $array) = @_; $array .= $self->n } }
    is $fill->(undef, Odd->new, $three), '9 9', 'an initializer of one\'s own, registered or not';
};

subtest 'unknown dimensions' => sub {
    my $p = gluon->Parameter('p', shape => [2, 0]);
    dies("Cannot initialize Parameter 'p' because it has invalid shape: (2, 0)", sub { $p->initialize });
    my $deferred = gluon->Parameter('d', shape => [2, 0], allow_deferred_init => 1);
    $deferred->initialize(ctx => mx->cpu(1));
    dies('DeferredInitializationError: Parameter \'d\'', sub { $deferred->data });
    is $deferred->list_ctx->[0], 'cpu(1)';
    $deferred->set_data(nd->ones([2, 3]));
    $deferred->_finish_deferred_init;
    is values_of($deferred->data), '1 1 1 1 1 1', 'a value may be set before';
    dies('Expected shape (2, 5) is incompatible', sub { $deferred->shape([2, 5]) });
};

subtest 'grad_req' => sub {
    my $p = gluon->Parameter('p', shape => [1]);
    $p->initialize(init => 'ones');
    my $step = sub { my $y; autograd->record(sub { $y = $p->data * 3 }); $y->backward; return values_of($p->grad) };
    is join(' ', map { $step->() } 1, 2), '3 3';
    $p->grad_req('add');
    is join(' ', map { $step->() } 1, 2), '3 6';
    $p->zero_grad;
    is values_of($p->grad), '0';
    $p->grad_req('null');
    dies("Cannot get gradient array for Parameter p because grad_req='null'", sub { $p->grad });
    dies('grad_req must be one of', sub { $p->grad_req('sometimes') });
    is gluon->Parameter('q', shape => [1], differentiable => 0)->grad_req, 'null';
};

subtest 'several contexts' => sub {
    my $p = gluon->Parameter('p', shape => [2]);
    my @contexts = map { mx->cpu($_) } 0, 1;
    $p->initialize(init => 'ones', ctx => \@contexts);
    is join(' ', map { $_->context } @{ $p->list_data }, @{ $p->list_grad }), 'cpu(0) cpu(1) cpu(0) cpu(1)';
    $p->data($contexts[1]) .= 3;
    is values_of($p->data(mx->cpu(0))), '1 1', 'each has its own';
    {
        local $mx::Context = $contexts[1];
        is values_of($p->data), '3 3', 'of the current context';
    }
    dies("Parameter 'p' was not initialized on context cpu(2)", sub { $p->data(mx->cpu(2)) });
    $p->reset_ctx(ctx => mx->cpu(2));
    is values_of($p->data), '2 2', 'moved, they are averaged';
    is $p->data->context, 'cpu(2)';
};

subtest 'cast' => sub {
    my $p = gluon->Parameter('p', shape => [2]);
    $p->initialize(init => 'ones');
    $p->cast('float64');
    is join(' ', $p->dtype, $p->data->dtype, $p->grad->dtype), 'float64 float64 float64';
    my $y;
    autograd->record(sub { $y = $p->data * 2 });
    $y->backward;
    is values_of($p->grad), '2 2';
};

subtest 'rows of a sparse parameter' => sub {
    my $p = gluon->Parameter('p', shape => [3, 2], stype => 'row_sparse', grad_stype => 'row_sparse');
    $p->initialize(init => 'ones');
    dies('via data() because its storage type is row_sparse', sub { $p->data });
    my $rows = nd->array([0, 2], dtype => 'int64');
    dies('without a Trainer', sub { $p->row_sparse_data($rows) });
    my $trainer = gluon->Trainer([$p], 'sgd');
    is values_of($p->row_sparse_data($rows)), '1 1 0 0 1 1';
    is scalar(@{ $p->list_row_sparse_data($rows) }), 1;
    my $params = gluon->ParameterDict('net_');
    $params->get('weight', shape => [5, 5], stype => 'row_sparse', allow_deferred_init => 1);
    my $dense = gluon->nn->Dense(5, use_bias => 0, params => $params);
    $dense->initialize;
    for my $active (0, 1) {
        $dense->hybridize($active);
        dies('via data() because its storage type is row_sparse', sub { $dense->(nd->ones([2, 5])) });
    }
};

subtest 'variables' => sub {
    my $p = gluon->Parameter('net_weight', shape => [2, 3], lr_mult => 2, init => mx->init->One);
    my $symbol = $p->var;
    is $symbol->name, 'net_weight';
    is $symbol->attr('__shape__'), '(2,3)';
    is $symbol->attr('__lr_mult__'), 2;
    is $symbol->attr('__init__'), '["one",{}]';
};

subtest 'constants' => sub {
    my $dict = gluon->ParameterDict('c_');
    my $constant = $dict->get_constant('k', [[1, 2], [3, 4]]);
    $constant->initialize;
    $constant->grad_req('write');
    is "$constant " . $constant->grad_req, 'Constant c_k (shape=(2, 2), dtype=float32, stype=default) null';
    is values_of($constant->data), '1 2 3 4';
    is $dict->get_constant('k', [[1, 2], [3, 4]]), $constant;
    dies("Constant 'c_k' already exists but its value doesn't match new value", sub { $dict->get_constant('k', [[1, 2], [3, 5]]) });
    dies("No constant named 'c_none'", sub { $dict->get_constant('none') });
    $dict->get('p', shape => [1]);
    dies("Parameter 'c_p' already exists but it is not a constant", sub { $dict->get_constant('p', [1]) });
    is values_of(gluon->Constant('half', 0.5)->value), '0.5';
};

subtest 'a dictionary' => sub {
    my $dict = gluon->ParameterDict(prefix => 'd_');
    my $weight = $dict->get('weight', shape => [2, 0], dtype => 'float64');
    is $dict->get('weight', shape => [0, 3]), $weight, 'the same again';
    is "@{ $weight->shape }", '2 3', 'what is known of the shape comes together';
    dies('Cannot retrieve Parameter d_weight because desired attribute does not match', sub { $dict->get('weight', dtype => 'float32') });
    $dict->get('bias', shape => [2], init => 'zeros');
    is "$dict", "d_ (\n   Parameter d_weight (shape=(2, 3), dtype=float64, stype=default)\n   Parameter d_bias (shape=(2), dtype=float32, stype=default)\n)";
    is join(' ', $dict->keys), 'd_weight d_bias';
    my %items = @$dict;
    is $items{d_bias}, ($dict->values)[1], 'as a list it is flat';
    $dict->initialize(init => 'ones');
    is values_of(($dict->values)[0]->data), '1 1 1 1 1 1';
    $dict->setattr(lr_mult => 0);
    is(($dict->values)[1]->lr_mult, 0);
    dies("a parameter has no attribute 'colour'", sub { $dict->setattr(colour => 1) });
    $dict->reset_ctx(mx->cpu(1));
    is $weight->data->context, 'cpu(1)';
    ok $dict == $dict && !($dict != $dict) && $dict != gluon->ParameterDict('d_'), 'equals itself alone';
    my $some = gluon->ParameterDict;
    $some->update($dict, '.*weight');
    is join(' ', $some->keys), 'd_weight';
    my $sharing = gluon->ParameterDict('d_', shared => $dict);
    is $sharing->get('bias'), $items{d_bias}, 'shared parameters are found';
    dies('In method initialize: no such named parameter: inti', sub { $dict->initialize(inti => 'ones') });
};

subtest 'gradients are set to zero at once' => sub {
    my $net = nn->Dense(2, in_units => 2);
    $net->initialize('ones');
    my $y;
    autograd->record(sub { $y = $net->(nd->ones([1, 2])) });
    $y->backward;
    is values_of($net->weight->grad), '1 1 1 1';
    $net->collect_params->zero_grad;
    is values_of($net->weight->grad) . '|' . values_of($net->bias->grad), '0 0 0 0|0 0';
};

subtest 'files of a dictionary' => sub {
    my $dict = sub { my $dict = gluon->ParameterDict($_[0]); $dict->get('w', shape => [1]); $dict->get('b', shape => [1]); return $dict };
    my ($from, $to) = ($dict->('x_'), $dict->('y_'));
    $from->initialize(init => mx->init->Constant(4));
    $from->save("$folder/dict", 'x_');
    is join(' ', sort keys %{ nd->load("$folder/dict") }), 'b w';
    $to->load("$folder/dict", restore_prefix => 'y_');
    is values_of(($to->values)[0]->data), '4';
    dies('Prefix z_ is to be striped before saving, but Parameter x_w does not start with z_', sub { $from->save("$folder/dict", 'z_') });
    nd->save("$folder/one", { 'arg:x_w' => nd->array([5]) });
    dies("Parameter x_b is missing in file $folder/one", sub { $from->load("$folder/one") });
    $from->load("$folder/one", allow_missing => 1);
    is values_of(($from->values)[0]->data), '5', 'arg: and aux: are left out';
    nd->save("$folder/double", { w => nd->ones([1], dtype => 'float64'), b => nd->ones([1]) });
    dies('dtype incompatible expected float32 vs saved float64', sub { $to->load("$folder/double", restore_prefix => 'y_') });
};

subtest 'batches are split' => sub {
    my $utils = gluon->utils;
    my $data = nd->arange(stop => 10)->reshape([5, 2]);
    is join('|', map { values_of($_) } @{ $utils->split_data($data, 2, even_split => 0) }), '0 1 2 3|4 5 6 7 8 9';
    is join('|', map { values_of($_) } @{ $utils->split_data($data, 2, 1) }), '0 2 4 6 8|1 3 5 7 9', 'by another axis';
    dies('data with shape 5,2 cannot be evenly split into 2 slices along axis 0', sub { $utils->split_data($data, 2) });
    dies('Too many slices for data with shape 5,2', sub { $utils->split_data($data, 6, even_split => 0) });
    my $parts = $utils->split_and_load([[1], [2]], ctx_list => [mx->cpu(0), mx->cpu(1)]);
    is join(' ', map { values_of($_) . $_->context } @$parts), '1cpu(0) 2cpu(1)', 'and loaded, of a list, too';
};

subtest 'gradients are clipped' => sub {
    my @arrays = (nd->array([3]), nd->array([0, 4]));
    is gluon->utils->clip_global_norm(\@arrays, 10), 5;
    is join('|', map { values_of($_) } @arrays), '3|0 4', 'if their norm is too large';
    gluon->utils->clip_global_norm(\@arrays, 2.5);
    is join('|', map { values_of($_) } @arrays), '1.5|0 2';
    $arrays[0] .= 'nan';
    like warned(sub { gluon->utils->clip_global_norm(\@arrays, 1) }), qr/nan or inf is detected/;
};

subtest 'files are fetched' => sub {
    open my $file, '>', "$folder/source.bin" or die $!;
    print $file 'content';
    close $file;
    my $hash = '040f06fd774092478d450774f5ba30c5da78acc8';
    ok check_sha1("$folder/source.bin", $hash);
    local $AI::MXNet::Logging::silent = 1;
    is download("file://$folder/source.bin", path => "$folder/new/", sha1_hash => $hash), "$folder/new/source.bin";
    ok -s "$folder/new/source.bin";
    dies('it has another sha1', sub { download("file://$folder/source.bin", path => "$folder/bad", sha1_hash => '0' x 40) });
    is_deeply [glob "$folder/bad*"], [], 'and leaves nothing behind';
    dies('Failed downloading url file:///nowhere/at.all', sub { download('file:///nowhere/at.all', path => "$folder/none") });
};

done_testing;

# Executors: binding, forward and backward, other shapes, monitors.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use PDL;
use Outcomes qw(died);
use Test::More;
use AI::MXNet qw(mx);

sub text { my ($array) = @_; return join ' ', map { 0 + sprintf '%.5g', $_ } $array->aspdl->list }

sub shapes { return join ' ', map { '(' . join(',', @{ $_->shape }) . ')' } @{ $_[0] } }

sub classifier
{
    my $net = mx->sym->FullyConnected(mx->sym->Variable('data'), name => 'fc', num_hidden => 3);
    return mx->sym->SoftmaxOutput(mx->sym->BatchNorm($net, name => 'bn', fix_gamma => 0), name => 'softmax');
}

subtest 'arrays are bound by position or name' => sub {
    my $product = mx->sym->Variable('lhs') * mx->sym->Variable('rhs');
    my ($lhs, $rhs) = (mx->nd->array([2, 3]), mx->nd->array([5, 7]));
    my ($lhs_grad, $rhs_grad) = (mx->nd->zeros([2]), mx->nd->zeros([2]));
    my $head = mx->nd->array([1, 10]);
    for my $executor (
        $product->bind(ctx => mx->cpu, args => [$lhs, $rhs], args_grad => [$lhs_grad, $rhs_grad]),
        $product->bind(ctx => mx->cpu, args => { rhs => $rhs, lhs => $lhs }, args_grad => { rhs => $rhs_grad, lhs => $lhs_grad })
    ) {
        $_ .= 0 for $lhs_grad, $rhs_grad;
        is text($executor->forward(1)->[0]), '10 21';
        $executor->backward([$head]);
        is text($lhs_grad), '5 70';
        is text($rhs_grad), '2 30';
        is $executor->outputs->[0], $executor->output_dict->{_mul0_output} // $executor->outputs->[0];
    }
    my $partial = $product->bind(args => [$lhs, $rhs], args_grad => { lhs => $lhs_grad }, grad_req => { lhs => 'add' });
    $lhs_grad .= 1;
    $partial->forward(1), $partial->backward($head) for 1 .. 2;
    is text($lhs_grad), '11 141', 'gradients are added';
    is_deeply [map { defined ? 1 : 0 } @{ $partial->grad_arrays }], [1, 0];
    my $plain = $product->bind(args => [$lhs, $rhs]);
    is $plain->grad_arrays, undef, 'no gradients';
    is text($plain->forward->[0]), '10 21';
    is_deeply [map { text($_) } @{ $product->eval(args => { lhs => $lhs, rhs => $rhs }) }], ['10 21'];
    like died { $product->bind(args => { lhs => $lhs }) }, qr/key rhs is missing in args/;
    like died { $product->bind(args => [$lhs]) }, qr/Length of args does not match the number of arguments: 1 for 2/;
    like died { $product->bind(args => [$lhs, 5]) }, qr/bind takes NDArrays, but got 5/;
    like died { $product->bind(args => [$lhs, $rhs], grad_req => 'both') }, qr/grad_req is write, add or null, but got both/;
    like died { $product->bind(args => [$lhs, mx->nd->ones([3])]) }, qr/Incompatible attr in node _mul\d+ at 1-th input/;
};

subtest 'simple_bind makes the arrays' => sub {
    my $executor = classifier()->simple_bind(ctx => mx->cpu, shapes => { data => [4, 2] });
    is shapes($executor->arg_arrays), '(4,2) (3,2) (3) (3) (3) (4)';
    is shapes($executor->aux_arrays), '(3) (3)';
    is shapes($executor->outputs), '(4,3)';
    is_deeply [sort keys %{ $executor->arg_dict }], [qw(bn_beta bn_gamma data fc_bias fc_weight softmax_label)];
    is_deeply [sort keys %{ $executor->aux_dict }], [qw(bn_moving_mean bn_moving_var)];
    is_deeply [keys %{ $executor->output_dict }], ['softmax_output'];
    is text($executor->arg_dict->{fc_weight}), '0 0 0 0 0 0', 'of zeros';
    is_deeply [map { defined ? 1 : 0 } @{ $executor->grad_arrays }], [(1) x 6];

    my $requests = classifier()->simple_bind(shapes => { data => [4, 2] }, grad_req => { fc_weight => 'write' });
    is_deeply [map { defined ? 1 : 0 } @{ $requests->grad_arrays }], [0, 1, 0, 0, 0, 0];
    my $typed = mx->sym->FullyConnected(mx->sym->var('x'), name => 'f', num_hidden => 2)->simple_bind(shapes => { x => [1, 2] }, type_dict => { x => 'float64' });
    is join(' ', map { $_->dtype } @{ $typed->arg_arrays }, @{ $typed->outputs }), 'float64 float64 float64 float64';
    my $sparse = (mx->sym->var('a') + mx->sym->var('b'))->simple_bind(shapes => { a => [2, 2], b => [2, 2] }, stype_dict => { a => 'csr' }, grad_req => 'null');
    is_deeply [map { $_->stype } @{ $sparse->arg_arrays }], ['csr', 'default'];

    like died { classifier()->simple_bind(shapes => { softmax_label => [4] }) }, qr/simple_bind failed: Error: the shapes of some arguments are not known: data, fc_weight, bn_gamma, bn_beta; Arguments: \{softmax_label: \(4\)\}/;
    like died { classifier()->simple_bind(shapes => { data => 'wide' }) }, qr/simple_bind failed: Error: The shape of data is a list of integers, but got wide; Arguments: \{data: wide\}/;
    like died { classifier()->simple_bind(shapes => { data => [4, 2], fc_weight => [3, 9] }) }, qr/simple_bind failed: Error: Error in operator fc: Shape inconsistent.*; Arguments: \{data: \(4,2\), fc_weight: \(3,9\)\}/;
    like died { classifier()->simple_bind(data => [4, 2]) }, qr/no such named parameter: data/;
};

subtest 'executors share parameters, and a buffer of arrays' => sub {
    my $one = classifier()->simple_bind(shapes => { data => [4, 2] });
    my $two = classifier()->simple_bind(shapes => { data => [8, 2] }, shared_exec => $one);
    $one->arg_dict->{fc_weight} .= 3;
    is text($two->arg_dict->{fc_weight}), '3 3 3 3 3 3';
    $one->aux_dict->{bn_moving_mean} .= 2;
    is text($two->aux_dict->{bn_moving_mean}), '2 2 2';
    $two->arg_dict->{data} .= 1;
    is text($one->arg_dict->{data}), join(' ', (0) x 8), 'of other shapes they are other arrays';
    my %buffer;
    my $first = classifier()->simple_bind(shapes => { data => [4, 2] }, shared_buffer => \%buffer, shared_arg_names => ['fc_weight']);
    is_deeply [sort keys %buffer], [qw(bn_beta bn_gamma data fc_bias softmax_label)];
    my $second = classifier()->simple_bind(shapes => { data => [4, 2] }, shared_buffer => \%buffer, shared_arg_names => ['fc_weight']);
    $first->arg_dict->{data} .= 5;
    is text($second->arg_dict->{data}), join(' ', (5) x 8);
};

subtest 'a network learns' => sub {
    mx->random->seed(3);
    my $executor = classifier()->simple_bind(shapes => { data => [6, 2] });
    for my $name (grep { !/data|label/ } sort keys %{ $executor->arg_dict }) {
        $executor->arg_dict->{$name} .= mx->nd->random->normal(0, 0.5, shape => $executor->arg_dict->{$name}->shape);
    }
    my $data = pdl([[1, 0], [0, 1], [-1, -1], [2, 0], [0, 2], [-2, -2]]);
    my $label = mx->nd->array([0, 1, 2, 0, 1, 2]);
    for (1 .. 60) {
        $executor->forward(1, data => $data, softmax_label => $label);
        $executor->backward;
        for my $i (grep { !/data|label/ } @{ classifier()->list_arguments }) {
            $executor->arg_dict->{$i} -= 0.1 * $executor->grad_dict->{$i};
        }
    }
    is text($executor->outputs->[0]->argmax(axis => 1)), '0 1 2 0 1 2';
    isnt text($executor->aux_dict->{bn_moving_mean}), '0 0 0', 'and collects statistics';
};

subtest 'inputs of forward' => sub {
    my $executor = mx->sym->var('x')->square->simple_bind(shapes => { x => [2] }, grad_req => 'null');
    my $output = $executor->outputs->[0];
    is text($executor->forward(0, x => [3, 4])->[0]), '9 16', 'lists';
    is text($executor->forward(x => pdl(1, 2))->[0]), '1 4', 'piddles; is_train may be left out';
    is text($output), '1 4', 'outputs are the same arrays all the time';
    like died { $executor->forward(0, y => [1, 2]) }, qr/unknown argument y/;
    like died { $executor->forward(0, x => [1, 2, 3]) }, qr/Shape not match! Argument x, need: 2, received: 3/;
    like died { $executor->forward(0, 'x') }, qr/names and arrays in turn/;
};

subtest 'gradients of outputs' => sub {
    my $both = mx->sym->Group([mx->sym->var('x')->square(name => 'a'), mx->sym->var('x')->negative(name => 'b')]);
    like died { $both->simple_bind(shapes => { x => [2] })->arg_dict }, qr/Find duplicated argument name/;
    my $x = mx->sym->var('x');
    my $executor = mx->sym->Group([$x->square(name => 'a'), $x->negative(name => 'b')])->simple_bind(shapes => { x => [2] });
    my ($one, $ten) = (mx->nd->array([1, 1]), mx->nd->array([10, 10]));
    $executor->forward(1, x => [3, 4]);
    $executor->backward([$one, $ten]);
    is text($executor->grad_dict->{x}), '-4 -2';
    $executor->backward({ b_output => $one, a_output => $ten });
    is text($executor->grad_dict->{x}), '59 79', 'by name, and once more';
    like died { $executor->backward }, qr/head_gradient is required when calling backward/;
    like died { $executor->backward([$one]) }, qr/takes 2 gradients, one for each output, but got 1/;
    like died { $executor->backward([$one, 5]) }, qr/inputs must be NDArray, but got 5/;
};

subtest 'parameters are copied by name' => sub {
    my $executor = classifier()->simple_bind(shapes => { data => [4, 2] });
    $executor->copy_params_from({ fc_bias => mx->nd->array([1, 2, 3], dtype => 'float64') }, { bn_moving_var => mx->nd->array([4, 5, 6]) });
    is text($executor->arg_dict->{fc_bias}), '1 2 3';
    is text($executor->aux_dict->{bn_moving_var}), '4 5 6';
    like died { $executor->copy_params_from({ zz => mx->nd->ones([1]) }) }, qr/Found name "zz" that is not in the arguments/;
    like died { $executor->copy_params_from({}, { zz => mx->nd->ones([1]) }) }, qr/Found name "zz" that is not in the auxiliary states/;
    $executor->copy_params_from({ zz => mx->nd->ones([1]) }, {}, 1);
};

subtest 'inputs of another shape' => sub {
    my $executor = mx->sym->FullyConnected(mx->sym->var('x'), name => 'y', num_hidden => 4)->simple_bind(shapes => { x => [5, 4] }, grad_req => 'null');
    $executor->arg_arrays->[0] .= 1;
    $executor->arg_arrays->[1] .= mx->nd->ones([4, 4]);
    my $small = $executor->reshape({ x => [3, 4] });
    $small->forward(0);
    is text($small->outputs->[0]), join(' ', (4) x 12), 'the same memory of inputs and parameters';
    is text($executor->outputs->[0]->slice([0, 2])), join(' ', (4) x 12), 'and of the outputs';
    $executor->forward(0);
    is text($executor->outputs->[0]), join(' ', (4) x 20);
    $small->arg_dict->{x} .= 2;
    is text($executor->arg_dict->{x}), join(' ', (2) x 12, (1) x 8);
    is text($executor->reshape({ x => [6, 4] }, allow_up_sizing => 1)->arg_dict->{x}), join(' ', (0) x 24), 'a larger one is new';
    my $trained = mx->sym->FullyConnected(mx->sym->var('x'), name => 'y', num_hidden => 4)->simple_bind(shapes => { x => [5, 4] });
    my $part = $trained->reshape({ x => [2, 4] });
    $part->forward(1, x => mx->nd->ones([2, 4]));
    $part->backward(mx->nd->ones([2, 4]));
    is text($trained->grad_dict->{y_bias}), '2 2 2 2';
    like died { $executor->reshape({ x => [6, 4] }) }, qr/New shape of arg:x larger than original/;
    is shapes($executor->reshape({ x => [6, 4] }, allow_up_sizing => 1)->outputs), '(6,4)';
    like died { $executor->reshape({ x => [5, 2] }) }, qr/Shape of unspecified array arg:y_weight changed/;
    is shapes($executor->reshape({ x => [5, 2] }, partial_shaping => 1)->arg_arrays), '(5,2) (4,2) (4)';
};

subtest 'a monitor sees every output' => sub {
    my $executor = classifier()->simple_bind(shapes => { data => [4, 2] });
    my %seen;
    $executor->set_monitor_callback(sub { my ($name, $handle) = @_; $seen{$name} = AI::MXNet::NDArray->new(handle => $handle)->shape });
    $executor->forward(1);
    is_deeply \%seen, { fc_output => [4, 3], bn_output => [4, 3], softmax_output => [4, 3] };
    $executor->backward;
    like $executor->debug_str, qr/^Op:FullyConnected, Name=fc$/m;
};

subtest 'failures are told where they are read, and do not stay' => sub {
    my $table = mx->nd->array([[1, 2], [3, 4]]);
    my $executor = mx->sym->take(mx->sym->var('table'), mx->sym->var('rows'), mode => 'raise')->bind(args => { table => $table, rows => mx->nd->array([5]) });
    $executor->forward(0); my $line = __LINE__;
    like died { $executor->outputs->[0]->aspdl }, qr/Error in operator take0: .*index 5 is out of bounds.* line $line\.$/;
    is text($executor->forward(0, rows => [1])->[0]), '3 4';
};

subtest 'the contexts of groups' => sub {
    my ($first, $net);
    {
        local $mx::AttrScope = mx->AttrScope(ctx_group => 'first');
        $first = mx->sym->FullyConnected(mx->sym->var('a'), num_hidden => 2, name => 'fc1');
    }
    {
        local $mx::AttrScope = mx->AttrScope(ctx_group => 'second');
        $net = mx->sym->SoftmaxOutput(mx->sym->FullyConnected($first, num_hidden => 2, name => 'fc2'), name => 'softmax');
    }
    my $executor = $net->simple_bind(ctx => mx->cpu(0), shapes => { a => [1, 3] }, group2ctx => { first => mx->cpu(1), second => mx->cpu(2) });
    is join(' ', map { $_->context } @{ $executor->arg_arrays }), join ' ', ('cpu(1)') x 3, ('cpu(2)') x 3;
    $executor->forward(1);
    $executor->backward;
    is text($executor->outputs->[0]), '0.5 0.5';
};

subtest 'two parameters of one name' => sub {
    my $net = mx->sym->FullyConnected(mx->sym->FullyConnected(mx->sym->var('a'), num_hidden => 2, name => 'fc'), num_hidden => 3, name => 'fc');
    my $died = eval { $net->simple_bind(shapes => { a => [1, 4] }); 1 } ? 'lived' : "$@";
    like $died, qr/Find duplicated argument name, please make all weight name non-duplicated: a, fc_weight, fc_bias, fc_weight, fc_bias at/;
};

subtest 'arguments of another form say what is taken' => sub {
    my $net = mx->sym->var('a') * 2;
    my $executor = $net->simple_bind(shapes => { a => [2] });
    my $died = sub { my ($code) = @_; return eval { $code->(); 1 } ? 'lived' : "$@" };
    like $died->(sub { $executor->reshape(a => [3]) }), qr/^reshape takes a hash ref of names and shapes, then named arguments, but got a at \Q${\ __FILE__}\E line/;
    like $died->(sub { $net->bind(mx->cpu, { a => mx->nd->ones([1]) }) }), qr/^In method bind: no such named parameter: cpu\(0\)/;
};

done_testing;

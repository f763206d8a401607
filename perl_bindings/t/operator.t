# Operators written in Perl, on arrays and in symbols.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Outcomes qw(died);
use Test::More;
use AI::MXNet qw(mx nd autograd);

{
    package Softmax;
    use Mouse;
    extends 'AI::MXNet::CustomOp';

    sub forward
    {
        my ($self, $is_train, $req, $in_data, $out_data, $aux) = @_;
        $self->assign($out_data->[0], $req->[0], AI::MXNet::NDArray->softmax($in_data->[0]));
    }

    sub backward
    {
        my ($self, $req, $out_grad, $in_data, $out_data, $in_grad, $aux) = @_;
        my $hot = AI::MXNet::NDArray->one_hot($in_data->[1], depth => $out_data->[0]->shape->[1]);
        $self->assign($in_grad->[0], $req->[0], $out_data->[0] - $hot);
    }

    package SoftmaxProp;
    use Mouse;
    extends 'AI::MXNet::CustomOpProp';
    has '+need_top_grad' => (default => 0);

    sub list_arguments  { return [qw(data label)] }
    sub infer_shape     { my ($self, $shapes) = @_; return ($shapes->[0] && [$shapes->[0], [$shapes->[0][0]]], [$shapes->[0]]) }
    sub create_operator { return Softmax->new }

    # x * scale, and the running number of calls in training as a state
    package Scaled;
    use Mouse;
    extends 'AI::MXNet::CustomOp';
    has scale => (is => 'ro');
    has seen  => (is => 'rw', default => 0);

    sub forward
    {
        my ($self, $is_train, $req, $in_data, $out_data, $aux) = @_;
        $self->seen($self->seen + 1);
        $aux->[0] += 1 if $is_train;
        $self->assign($out_data->[0], $req->[0], $in_data->[0] * $self->scale);
        $self->assign($out_data->[1], $req->[1], $in_data->[0] * 0 + $self->seen);
    }

    sub backward
    {
        my ($self, $req, $out_grad, $in_data, $out_data, $in_grad, $aux) = @_;
        $self->assign($in_grad->[0], $req->[0], $out_grad->[0] * $self->scale);
    }

    package ScaledProp;
    use Mouse;
    extends 'AI::MXNet::CustomOpProp';
    has scale => (is => 'ro', required => 1);

    sub list_outputs          { return [qw(scaled number)] }
    sub list_auxiliary_states { return ['count'] }
    sub infer_shape           { my ($self, $shapes) = @_; return ($shapes, [($shapes->[0]) x 2], [[1]]) }
    sub create_operator       { my ($self) = @_; return Scaled->new(scale => $self->scale) }

    package Cube;
    use Mouse;
    extends 'AI::MXNet::CustomOp';
    sub forward  { my ($self, $train, $req, $in, $out) = @_; $self->assign($out->[0], $req->[0], $in->[0]**3) }
    sub backward { my ($self, $req, $og, $in, $out, $ig) = @_; $self->assign($ig->[0], $req->[0], $og->[0] * 3 * $in->[0]**2) }

    package CubeProp;
    use Mouse;
    extends 'AI::MXNet::CustomOpProp';
    sub create_operator { my ($self, $ctx, $shapes, $dtypes) = @_; push @main::created, "$ctx @{ $shapes->[0] } $dtypes->[0]"; return Cube->new }

    package Wrong;
    use Mouse;
    extends 'AI::MXNet::CustomOp';
    has kind => (is => 'ro');
    sub forward  { my ($self, $train, $req, $in, $out) = @_; die "forward is broken\n" if $self->kind eq 'forward'; $self->assign($out->[0], $req->[0], $in->[0]) }
    sub backward { my ($self, $req, $og, $in, $out, $ig) = @_; die "backward is broken\n"; }

    package WrongProp;
    use Mouse;
    extends 'AI::MXNet::CustomOpProp';
    has kind => (is => 'ro');
    sub list_outputs    { my ($self) = @_; return $self->kind eq 'outputs' ? [] : ['output'] }
    sub infer_shape     { my ($self, $shapes) = @_; die "shapes are broken\n" if $self->kind eq 'shapes'; return $self->kind eq 'few' ? ([], []) : ($shapes, [$shapes->[0]]) }
    sub create_operator { my ($self) = @_; return $self->kind eq 'none' ? undef : Wrong->new(kind => $self->kind) }
}

our @created;
my %props = (softmax => 'SoftmaxProp', scaled => 'ScaledProp', cube => 'CubeProp', wrong => 'WrongProp');
mx->operator->register($_ => $props{$_}) for sort keys %props;

sub text { my ($array) = @_; return join ' ', map { 0 + sprintf '%.5g', $_ } $array->aspdl->list }

subtest 'on arrays, with a gradient' => sub {
    my $x = nd->array([1, 2, -3]);
    $x->attach_grad;
    my $y;
    autograd->record(sub { $y = nd->Custom($x, op_type => 'cube') * 2 });
    is text($y), '2 16 -54';
    $y->backward;
    is text($x->grad), '6 24 54';
    is $created[0], 'cpu(0) 3 float32', 'the operator is made for shapes and dtypes';
    is text(nd->Custom(data => nd->array([[2]], dtype => 'float64'), op_type => 'cube')), '8', 'by name';
    is $x->Custom(op_type => 'cube')->shape->[0], 3, 'as a method';
    is_deeply mx->operator->get_all_registered_operators, [sort keys %props];
};

subtest 'slices are arrays, by position and by name' => sub {
    my $x = mx->nd->array([[1, 2, 3], [4, 5, 6]]);
    my $slice = sub { $x->slice([0, 1], [1, 2]) };
    is(text(mx->nd->Custom($slice->(), op_type => 'cube')), '8 27 125 216', 'by position');
    is(text(mx->nd->Custom(data => $slice->(), op_type => 'cube')), '8 27 125 216', 'by name');
};

subtest 'a gradient of the gradient' => sub {
    my $x = nd->array([2, 3]);
    $x->attach_grad;
    my $first;
    autograd->record(sub {
        my $y = nd->Custom($x, op_type => 'cube');
        ($first) = @{ autograd->grad([$y], [$x], create_graph => 1, retain_graph => 1) };
    });
    is text($first), '12 27';
    $first->backward;
    is text($x->grad), '12 18';
};

subtest 'a loss in a symbol' => sub {
    my $fc = mx->sym->FullyConnected(mx->sym->var('data'), name => 'fc', num_hidden => 3);
    my $own = mx->sym->Custom(data => $fc, op_type => 'softmax', name => 'softmax');
    my $built_in = mx->sym->SoftmaxOutput($fc, name => 'softmax');
    is "@{ $own->list_arguments }", 'data fc_weight fc_bias softmax_label', 'inputs that are not given are variables';
    is_deeply [map { [$_->infer_shape(data => [4, 2])] } $own], [map { [$_->infer_shape(data => [4, 2])] } $built_in];
    is_deeply [$own->infer_type(data => 'float32')]->[1], ['float32'];
    my %args = (data => nd->array([[1, 2], [3, 4], [-1, 0], [0, 1]]), fc_weight => nd->array([[1, 0], [0, 1], [0.5, 0.5]]), fc_bias => nd->zeros([3]), softmax_label => nd->array([0, 1, 2, 1]));
    my @results = map {
        my %grads = map { $_ => $args{$_} * 0 } qw(fc_weight fc_bias);
        my $executor = $_->bind(args => \%args, args_grad => \%grads);
        $executor->forward(1);
        $executor->backward;
        join ' / ', map { text($_) } $executor->outputs->[0], @grads{qw(fc_weight fc_bias)};
    } $own, $built_in;
    is $results[0], $results[1], 'is as good as the one that is built in';
    is mx->sym->load_json($own->tojson)->tojson, $own->tojson, 'and is kept in files';
};

subtest 'attributes, several outputs and states' => sub {
    my $net = mx->sym->Custom(mx->sym->var('x'), op_type => 'scaled', scale => 2.5, name => 's');
    is_deeply [$net->list_outputs, $net->list_auxiliary_states, $net->attr('scale')], [[qw(s_scaled s_number)], ['s_count'], '2.5'];
    my $executor = $net->simple_bind(shapes => { x => [2] });
    my $other = $net->simple_bind(shapes => { x => [2] });
    $executor->forward(1, x => [1, 2]) for 1 .. 3;
    $executor->forward(0);
    $other->forward(0);
    is text($executor->outputs->[0]), '2.5 5';
    is text($executor->aux_dict->{s_count}), '3', 'states change in training';
    is text($_->outputs->[1]), $_ == $executor ? '4 4' : '1 1', 'an executor keeps its operator' for $executor, $other;
    $executor->forward(1);
    $executor->backward([nd->array([1, 10]), nd->zeros([2])]);
    is text($executor->grad_dict->{x}), '2.5 25';
    my $count = nd->zeros([1]);
    my ($scaled, $number) = @{ nd->Custom(nd->ones([2]), $count, op_type => 'scaled', scale => 3) };
    is text($scaled), '3 3';
    autograd->record(sub { nd->Custom(nd->ones([2]), $count, op_type => 'scaled', scale => 3) });
    is text($count), '1';
};

subtest 'inside a larger graph, hybridized' => sub {
    my $net = mx->sym->Custom(mx->sym->var('x') * 2, op_type => 'cube') + 1;
    my $f = nd->CachedOp($net);
    my $x = nd->array([1, 2]);
    $x->attach_grad;
    for (1 .. 2) {
        my $y;
        autograd->record(sub { $y = $f->($x) });
        is text($y), '9 65';
        $y->backward;
        is text($x->grad), '24 96';
    }
};

subtest 'exceptions arrive as they are, where the call is' => sub {
    my $x = nd->ones([2]);
    $x->attach_grad;
    is died { nd->Custom($x, op_type => 'wrong', kind => 'forward') }, "forward is broken\n";
    my $y;
    autograd->record(sub { $y = nd->Custom($x, op_type => 'wrong', kind => 'backward') });
    is died { $y->backward }, "backward is broken\n";
    my $net = mx->sym->Custom(mx->sym->var('x'), op_type => 'wrong', kind => 'forward');
    my $executor = $net->simple_bind(shapes => { x => [2] });
    is died { $executor->forward(1) }, "forward is broken\n", 'forward of an executor waits';
    is died { mx->sym->Custom(mx->sym->var('x'), op_type => 'wrong', kind => 'shapes')->infer_shape(x => [2]) }, "shapes are broken\n";
    is text($x * 2), '2 2', 'the engine goes on';
};

subtest 'what is wrong is told' => sub {
    my $x = nd->ones([2]);
    my %cases = (
        'nothing registered' => [sub { nd->Custom($x, op_type => 'nothing') }, qr/there is no custom operator of op_type='nothing'; registered are: cube, scaled/],
        'no outputs'         => [sub { nd->Custom($x, op_type => 'wrong', kind => 'outputs') }, qr/the custom operator wrong has no outputs/],
        'no operator'        => [sub { nd->Custom($x, op_type => 'wrong', kind => 'none') }, qr/create_operator returns an AI::MXNet::CustomOp, but returned undef/],
        'too few shapes'     => [sub { mx->sym->Custom(mx->sym->var('x'), op_type => 'wrong', kind => 'few')->infer_shape(x => [2]) }, qr/gave 0 values for \['data'\] of 1/],
        'too many arrays'    => [sub { nd->Custom($x, $x, op_type => 'cube') }, qr/the custom operator cube takes the arrays data, but got 2/],
        'no array'           => [sub { nd->Custom(5, op_type => 'cube') }, qr/Custom takes arrays, then named arguments, but got 5/],
        'no attribute'       => [sub { nd->Custom($x, nd->ones([1]), op_type => 'scaled') }, qr/scale.*required/],
        'no class'           => [sub { mx->operator->register(bad => 'Softmax') }, qr/a class that extends AI::MXNet::CustomOpProp, but got Softmax/],
    );
    for my $name (sort keys %cases) {
        my ($code, $words) = @{ $cases{$name} };
        like died { $code->() }, $words, $name;
    }
};

subtest 'a forked process has the operators, too' => sub {
    pipe my $read, my $write or die $!;
    my $pid = fork // die $!;
    if (!$pid) {
        print {$write} text(nd->Custom(nd->array([3]), op_type => 'cube'));
        close $write;
        require POSIX;
        POSIX::_exit(0);
    }
    close $write;
    is readline $read, '27';
    waitpid $pid, 0;
};

subtest 'operators that are no longer used are let go' => sub {
    my $before = $AI::MXNet::Engine::FUNCTIONS;
    for (1 .. 20) {
        my $x = nd->ones([2]);
        $x->attach_grad;
        my $y;
        autograd->record(sub { $y = nd->Custom($x, op_type => 'cube') });
        $y->backward;
    }
    nd->waitall;
    cmp_ok $AI::MXNet::Engine::FUNCTIONS, '<', $before + 5;
};

done_testing;

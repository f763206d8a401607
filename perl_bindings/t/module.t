# Modules: training over iterators, parameters, several contexts, checkpoints.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use File::Temp qw(tempdir);
use Outcomes qw(died);
use Test::More;
use AI::MXNet qw(mx nd);
use AI::MXNet::Logging;

my @warnings;
$SIG{__WARN__} = sub { push @warnings, $_[0] =~ s/cost=[\d.]+/cost=T/r };

sub warned { my $said = join '', @warnings; @warnings = (); return $said }
sub values_of { my ($array, $count) = @_; my @values = $array->aspdl->list; $#values = $count - 1 if $count and @values > $count; return join ' ', map { sprintf '%.5f', $_ } @values }
sub batch { my ($data, $label) = @_; return AI::MXNet::DataBatch->new(data => [$data], label => defined $label ? [$label] : undef) }
sub difference { my ($x, $y) = @_; return ($x - $y)->abs->max->asscalar }

sub near
{
    my ($got, $expected, $name) = @_;
    my @got = split ' ', values_of($got, 4);
    my @expected = split ' ', $expected;
    ok @got == @expected && !grep({ abs($got[$_] - $expected[$_]) > 3e-5 } 0 .. $#got), $name or diag "got @got, expected $expected";
}

# A small network of three classes, its data and its first weights.
sub classifier
{
    my $net = mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 4, name => 'fc1');
    $net = mx->sym->BatchNorm(mx->sym->Activation($net, act_type => 'tanh', name => 'act'), name => 'bn', fix_gamma => 0);
    return mx->sym->SoftmaxOutput(mx->sym->FullyConnected($net, num_hidden => 3, name => 'fc2'), name => 'softmax');
}

sub rows { my ($count, $from) = @_; return nd->array([map { my $i = $_; [map { sin($i * 3 + $_) } 0 .. 4] } $from // 0 .. ($from // 0) + $count - 1]) }
sub examples { my (@options) = @_; return mx->io->NDArrayIter(rows(23), nd->array([map { $_ % 3 } 0 .. 22]), batch_size => 6, @options) }
sub waves { my (@shape) = @_; my $size = 1; $size *= $_ for @shape; return nd->array([map { cos($_) / 2 } 0 .. $size - 1])->reshape(\@shape) }

sub first_params
{
    return (
        arg_params => { fc1_weight => waves(4, 5), fc1_bias => waves(4), bn_gamma => nd->ones([4]), bn_beta => nd->zeros([4]), fc2_weight => waves(3, 4), fc2_bias => waves(3) },
        aux_params => { bn_moving_mean => nd->zeros([4]), bn_moving_var => nd->ones([4]) },
    );
}

my @settings = (optimizer => 'sgd', optimizer_params => { learning_rate => 0.3, momentum => 0.9, wd => 0.01 });

# A line through points: its gradients are told at a glance.
sub line { return mx->sym->LinearRegressionOutput(mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 1, name => 'fc'), mx->sym->var('label'), name => 'out') }

sub bound_line
{
    my (%options) = @_;
    my $module = mx->mod->Module(symbol => line(), label_names => ['label'], %{ $options{new} // {} });
    $module->bind(data_shapes => [['data', [2, 1]]], label_shapes => [['label', [2, 1]]], %{ $options{bind} // {} });
    $module->init_params(initializer => mx->init->One);
    return $module;
}

my $points = sub { batch(nd->array([[1], [2]]), nd->array([[2], [4]])) };
my $folder = tempdir(CLEANUP => 1);

# What MXNet 1.9.1 computes, on one context and on two.
my @expected = (
    [[mx->cpu(0)], <<'LOG', { fc1_weight => '0.36189 0.50238 0.18098 -0.30681', bn_gamma => '-0.33347 0.28330 0.15082 -0.34059', fc2_bias => '0.42525 -0.11895 0.25578' }, '0.19535 0.11866 -0.08436 -0.24525', '0.33156 0.40170 0.26674'],
Epoch[0] Train-accuracy=0.375000
Epoch[0] Train-cross-entropy=1.3193
Epoch[0] Time cost=T
Epoch[0] Validation-accuracy=0.333333
Epoch[0] Validation-cross-entropy=1.0867
Epoch[1] Train-accuracy=0.375000
Epoch[1] Train-cross-entropy=1.1322
Epoch[1] Time cost=T
Epoch[1] Validation-accuracy=0.375000
Epoch[1] Validation-cross-entropy=1.1098
Epoch[2] Train-accuracy=0.375000
Epoch[2] Train-cross-entropy=1.1453
Epoch[2] Time cost=T
Epoch[2] Validation-accuracy=0.375000
Epoch[2] Validation-cross-entropy=1.0862
LOG
    [[mx->cpu(0), mx->cpu(1)], <<'LOG', { fc1_weight => '0.26587 0.94974 0.76042 -0.12802', bn_gamma => '-0.27545 0.23562 -0.11480 -0.50240', fc2_bias => '0.28956 -0.01479 0.28731' }, '0.15232 0.07676 -0.05143 -0.20950', '0.39040 0.37985 0.22975'],
Epoch[0] Train-accuracy=0.375000
Epoch[0] Train-cross-entropy=1.3025
Epoch[0] Time cost=T
Epoch[0] Validation-accuracy=0.375000
Epoch[0] Validation-cross-entropy=1.0791
Epoch[1] Train-accuracy=0.333333
Epoch[1] Train-cross-entropy=1.1347
Epoch[1] Time cost=T
Epoch[1] Validation-accuracy=0.250000
Epoch[1] Validation-cross-entropy=1.1126
Epoch[2] Train-accuracy=0.375000
Epoch[2] Train-cross-entropy=1.1045
Epoch[2] Time cost=T
Epoch[2] Validation-accuracy=0.333333
Epoch[2] Validation-cross-entropy=1.1262
LOG
);

for (@expected) {
    my ($contexts, $log, $weights, $mean, $last) = @$_;
    subtest "fit, score and predict on @$contexts give MXNet's figures" => sub {
        my ($module, $data) = (mx->mod->Module(classifier(), context => $contexts), examples());
        $module->fit($data, num_epoch => 3, @settings, first_params(), eval_metric => ['acc', 'ce'], eval_data => $data);
        is warned() =~ s/entropy=(\S+)/sprintf 'entropy=%.4f', $1/egr, $log, 'the log';
        my ($args, $aux) = $module->get_params;
        near($args->{$_}, $weights->{$_}, $_) for sort keys %$weights;
        near($aux->{bn_moving_mean}, $mean, 'the mean of the normalization');
        my $predicted = $module->predict($data);
        is "@{ $predicted->shape }", '23 3', 'predictions without padding';
        near($predicted->at(22), $last, 'the last of them');
        is join(' ', sort keys %{ $module->score($data, ['acc', 'ce']) }), 'accuracy cross-entropy', 'scores by name';
    };
}

subtest 'a training step by hand' => sub {
    my $module = bound_line();
    is join(' ', map { $module->$_ } qw(binded for_training inputs_need_grad params_initialized optimizer_initialized)), '1 1 0 1 0';
    $module->init_optimizer(optimizer_params => { learning_rate => 0.1 });
    $module->forward_backward($points->());
    is values_of($module->get_outputs->[0]), '1.00000 2.00000';
    $module->update;
    my ($args) = $module->get_params;
    is values_of($args->{fc_weight}) . ' ' . values_of($args->{fc_bias}), '1.25000 0.15000', 'the gradient is divided by the size of the batch';
    is join(' ', map { "$_->[0] @{ $_->[1] }" } map { @{ $module->$_ } } qw(data_shapes label_shapes output_shapes)), 'data 2 1 label 2 1 out_output 2 1';
    is "@{ $module->data_names } @{ $module->label_names } @{ $module->output_names } " . $module->get_symbol->name, 'data label out_output out';
};

subtest 'fixed parameters stay, and gradients of inputs and of the user arrive' => sub {
    my $module = bound_line(new => { fixed_param_names => ['fc_bias'] }, bind => { inputs_need_grad => 1 });
    $module->init_optimizer(optimizer_params => { learning_rate => 0.1 });
    $module->forward_backward($points->());
    $module->update;
    my ($args) = $module->get_params;
    is values_of($args->{fc_weight}) . ' ' . values_of($args->{fc_bias}), '1.25000 0.00000';
    is values_of($module->get_input_grads->[0]), '-1.00000 -2.00000';

    my $plain = mx->mod->Module(mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 1, name => 'fc'), label_names => []);
    $plain->bind(data_shapes => [['data', [2, 1]]], inputs_need_grad => 1);
    $plain->init_params(initializer => mx->init->One);
    $plain->forward(batch(nd->array([[1], [2]])));
    $plain->backward([nd->array([[3], [5]])]);
    is values_of($plain->get_input_grads->[0]), '3.00000 5.00000';
};

subtest 'gradients are added up where they are asked to be' => sub {
    my $module = bound_line(bind => { grad_req => 'add' });
    $module->forward_backward($points->()) for 1 .. 2;
    is values_of($module->_exec_group->grad_arrays->[0][0]), '-10.00000', 'those of the weight';
};

subtest 'a batch is divided between contexts' => sub {
    my @contexts = map { mx->cpu($_) } 0, 1;
    my $net = mx->sym->Activation(data => mx->sym->var('data'), act_type => 'relu', __layout__ => 'TNC');
    my $module = mx->mod->Module($net, label_names => [], context => \@contexts, work_load_list => [1, 3]);
    $module->bind(data_shapes => [AI::MXNet::DataDesc->new(name => 'data', shape => [3, 8, 2], layout => 'TNC')], inputs_need_grad => 1);
    $module->init_params;
    my $data = nd->arange(stop => 48)->reshape([3, 8, 2]) - 10;
    $module->forward(batch($data));
    $module->backward([$data]);
    is difference($module->get_outputs->[0], $data->relu), 0, 'and merged along the axis of its layout';
    is difference($module->get_input_grads->[0], $data->relu), 0, 'gradients, too';
    is join(' | ', map {"@{ $_->shape }"} @{ $module->get_outputs(0)->[0] }), '3 2 2 | 3 6 2', 'by the work load';
    is "@{ $module->output_shapes->[0]->shape }", '3 8 2';
    like died(sub { mx->mod->Module(line(), label_names => ['label'], context => \@contexts)->bind(data_shapes => [['data', [1, 1]]]) }), qr/Too many slices/;

    my @biases = map {
        my $module = mx->mod->Module(mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 2, name => 'fc'), label_names => [], context => \@contexts);
        $module->bind(data_shapes => [['data', [7, 3]]]);
        $module->init_params;
        $module->init_optimizer(kvstore => $_, optimizer_params => { learning_rate => 1 });
        for my $rows (7, 14) {
            $module->reshape(data_shapes => [['data', [$rows, 3]]]);
            $module->forward(batch(nd->ones([$rows, 3])));
            $module->backward([nd->ones([$rows, 2])]);
            $module->update;
        }
        values_of(($module->get_params)[0]{fc_bias});
    } 'local', 'device', mx->kv->create('local');
    is "@biases", '-3.00000 -3.00000 ' x 2 . '-3.00000 -3.00000', 'whose gradients are added up';
};

subtest 'a batch of another shape binds anew, with the same parameters' => sub {
    my $module = bound_line();
    $module->init_optimizer(optimizer_params => { learning_rate => 0.1 });
    $module->forward(batch(nd->array([[1], [2], [3]])), is_train => 0);
    is values_of($module->get_outputs->[0]), '1.00000 2.00000 3.00000', 'without labels';
    $module->forward_backward($points->());
    $module->update;
    is values_of(($module->get_params)[0]{fc_weight}), '1.25000', 'and back';
    like died(sub { $module->forward(batch(nd->ones([2, 3])), is_train => 0) }), qr/fc_weight.*[Ss]hape|[Ss]hape.*fc_weight/s, 'but not of other parameters';
};

subtest 'states are inputs that the user sets' => sub {
    my $data = mx->sym->var('data');
    my $net = mx->sym->Group([map { $data + mx->sym->var($_) } 'c', 'h']);
    my $module = mx->mod->Module($net, label_names => [], state_names => ['c', 'h'], context => [mx->cpu(0), mx->cpu(1)]);
    $module->bind(data_shapes => [['data', [4, 2]]]);
    $module->init_params;
    $module->set_states(value => 3);
    is values_of($module->get_states->[0], 1), '3.00000';
    $module->forward(batch(nd->ones([4, 2])));
    $module->set_states(states => $module->get_outputs(0));
    $module->forward(batch(nd->ones([4, 2])));
    is values_of($module->get_outputs->[1], 1), '5.00000', 'from the outputs of before';
    $module->set_states(states => [nd->ones([4, 2]), nd->zeros([4, 2])]);
    $module->forward(batch(nd->ones([4, 2])));
    is join(' ', map { values_of($_, 1) } @{ $module->get_outputs }), '2.00000 1.00000', 'from whole arrays';
};

subtest 'parameters are given, missing, too many, or there already' => sub {
    my $module = bound_line();
    my ($args) = $module->get_params;
    is join(' ', sort keys %$args), 'fc_bias fc_weight';
    my %half = (fc_weight => nd->array([[7]]));
    like died(sub { $module->set_params(\%half, {}) }), qr/^fc_bias is not presented at /;
    $module->set_params(\%half, {}, allow_missing => 1);
    is values_of(($module->get_params)[0]{fc_weight}), '7.00000';
    my %more = (%half, fc_bias => nd->array([1]), extra => nd->ones([1]));
    like died(sub { $module->set_params(\%more, {}) }), qr/Found name "extra" that is not in the arguments/;
    $module->set_params(\%more, {}, allow_extra => 1);
    is values_of(($module->get_params)[0]{fc_bias}), '1.00000';
    $module->init_params(initializer => mx->init->Zero);
    like warned(), qr/Parameters already initialized and force_init=False. init_params call ignored./;
    $module->init_params(initializer => mx->init->Zero, force_init => 1);
    is values_of(($module->get_params)[0]{fc_weight}), '0.00000';
    $module->save_params("$folder/line.params");
    my $other = bound_line();
    $other->load_params("$folder/line.params");
    is values_of(($other->get_params)[0]{fc_weight}), '0.00000', 'from a file';
    nd->save("$folder/other.params", { weight => nd->ones([1]) });
    like died(sub { $other->load_params("$folder/other.params") }), qr/Invalid param file \S+other.params: .*'weight'/;
};

for my $contexts ([mx->cpu(0)], [mx->cpu(0), mx->cpu(1)]) {
    subtest "a checkpoint goes on as if nothing had happened, on @$contexts" => sub {
        my $train = sub { my ($module, $from, $to) = @_; $module->fit(examples(), begin_epoch => $from, num_epoch => $to, @settings, optimizer => 'adam', optimizer_params => { learning_rate => 0.05 }) };
        my $whole = mx->mod->Module(classifier(), context => $contexts);
        my $begun = mx->mod->Module(classifier(), context => $contexts);
        for ($whole, $begun) {
            $_->bind(data_shapes => examples()->provide_data, label_shapes => examples()->provide_label);
            $_->init_params(first_params());
        }
        $train->($whole, 0, 3);
        $train->($begun, 0, 2);
        warned();
        $begun->save_checkpoint("$folder/net", 2, 1);
        is warned(), qq(Saved checkpoint to "$folder/net-0002.params"\nSaved optimizer state to "$folder/net-0002.states"\n);
        ok !grep({ not -e } map {"$folder/net$_"} qw(-symbol.json -0002.params -0002.states)), 'three files';
        my $loaded = mx->mod->Module->load("$folder/net", 2, 1, context => $contexts);
        is $loaded->symbol->tojson, $whole->symbol->tojson;
        $train->($loaded, 2, 3);
        my ($expected, $got) = map { ($_->get_params)[0]{fc2_weight} } $whole, $loaded;
        cmp_ok difference($expected, $got), '<', 1e-6, 'the third epoch';
        my ($symbol, $args, $aux) = mx->mod->load_checkpoint("$folder/net", 2);
        is join(' ', $symbol->name, sort(keys %$args), sort keys %$aux), 'softmax bn_beta bn_gamma fc1_bias fc1_weight fc2_bias fc2_weight bn_moving_mean bn_moving_var';
        mx->mod->model_save_checkpoint("$folder/copy", 7, $symbol, $args, $aux);
        is join(' ', sort keys %{ nd->load("$folder/copy-0007.params") }), 'arg:bn_beta arg:bn_gamma arg:fc1_bias arg:fc1_weight arg:fc2_bias arg:fc2_weight aux:bn_moving_mean aux:bn_moving_var';
        my $other = mx->mod->load("$folder/net", 2, 1, context => $contexts);
        like died(sub { $other->fit(examples(), num_epoch => 1, optimizer => 'ftml') }), qr/FTML->update takes the state that create_state returned/, 'states of another optimizer';
        warned();
    };
}

subtest 'predictions come merged, batch by batch, or of an array' => sub {
    my $net = classifier();
    my $module = mx->mod->Module(mx->sym->Group([$net, $net->get_internals->slice('data') * 2]), context => mx->cpu(1));
    $module->bind(data_shapes => examples()->provide_data, for_training => 0);
    $module->init_params(first_params());
    warned();
    my $data = examples();
    is join(' | ', map {"@{ $_->shape }"} $module->predict($data)), '23 3 | 23 5', 'two outputs';
    is join(' | ', map { scalar @$_ } $module->predict($data, merge_batches => 0)), '2 | 2 | 2 | 2';
    is join(' | ', map { my ($outputs, $number, $batch) = @$_; "$number @{ $outputs->[1]->shape } " . $batch->pad } $module->iter_predict($data)), '0 6 5 0 | 1 6 5 0 | 2 6 5 0 | 3 5 5 1';
    is difference(($module->predict($data, num_batch => 2))[1], rows(12) * 2), 0, 'of two batches';
    is "@{ $module->predict(rows(3))->shape }", '3 3', 'of an array, the first output';
    is "@{ $module->predict(rows(2)->aspdl)->shape }", '2 3', 'of a piddle';
    $data->reset;
    $data->next;
    is(($module->predict($data, reset => 0))[0]->len, 17, 'of what is left');
    like died(sub { $module->backward }), qr/re-bind with for_training => 1/;

    my $single = mx->mod->Module(mx->sym->var('data') * 2, label_names => []);
    $single->bind(data_shapes => examples()->provide_data, for_training => 0);
    $single->init_params;
    my @list = $single->predict($data, always_output_list => 1);
    is scalar(@list) . ref $single->predict($data), '1AI::MXNet::NDArray';
};

subtest 'callbacks see each batch and epoch, and may reset their metric' => sub {
    my (@batches, @epochs, @scores);
    my $module = mx->mod->Module(classifier());
    $module->fit(
        examples(), num_epoch => 2, @settings, first_params(), eval_data => examples(),
        batch_end_callback   => [sub { my ($p) = @_; push @batches, $p->epoch . ':' . $p->nbatch . ':' . $p->eval_metric->num_inst; $p->eval_metric->reset }],
        epoch_end_callback   => sub { my ($epoch, $symbol, $args, $aux) = @_; push @epochs, join ' ', $epoch, $symbol->name, scalar keys %$args, scalar keys %$aux },
        eval_end_callback    => sub { push @scores, 'end ' . $_[0]->nbatch },
        eval_batch_end_callback => sub { push @scores, $_[0]->nbatch },
    );
    is "@batches", '0:0:6 0:1:6 0:2:6 0:3:6 1:0:6 1:1:6 1:2:6 1:3:6';
    is join(', ', @epochs), '0 softmax 6 2, 1 softmax 6 2';
    is "@scores", '0 1 2 3 end 4 ' x 1 . '0 1 2 3 end 4';
    like warned(), qr/\AEpoch\[0\] Train-accuracy=0.375000\n/, 'the epoch is told of as a whole';
};

subtest 'groups of executors share the arrays of their parameters' => sub {
    my $deeper = sub {
        my ($layers) = @_;
        my $net = mx->sym->var('data');
        $net = mx->sym->FullyConnected($net, num_hidden => 5, name => "fc$_") for 1 .. $layers;
        return mx->sym->SoftmaxOutput($net, name => 'softmax');
    };
    my @params = qw(fc1_weight fc1_bias fc2_weight fc2_bias);
    my @common = (contexts => [mx->cpu(0), mx->cpu(1)], data_shapes => [['data', [6, 5]]], label_shapes => [['softmax_label', [6]]], param_names => \@params, for_training => 1);
    my $first  = AI::MXNet::DataParallelExecutorGroup->new(symbol => $deeper->(2), @common);
    my $second = AI::MXNet::DataParallelExecutorGroup->new(symbol => $deeper->(3), @common, shared_group => $first);
    for my $i (0, 1) {
        my ($one, $other) = map { $_->execs->[$i] } $first, $second;
        ok !grep({ $one->arg_dict->{$_}->handle != $other->arg_dict->{$_}->handle or $one->grad_dict->{$_}->handle != $other->grad_dict->{$_}->handle } @params), 'with their gradients';
        is join(' ', sort keys %{ $first->shared_data_arrays->[$i] }), 'data fc3_bias fc3_weight softmax_label', 'and what is no parameter';
    }
    is $second->grad_req->{fc2_weight}, 'write';
};

subtest 'a monitor sees each output' => sub {
    my $module = bound_line();
    my $monitor = mx->mon->Monitor(1, sort => 1);
    $module->install_monitor($monitor);
    $monitor->tic;
    $module->forward($points->());
    is join(' ', map { $_->[1] } @{ $monitor->toc }), 'data fc_bias fc_output fc_weight label out_output';
    $module->fit(mx->io->NDArrayIter(nd->array([[1], [2]]), nd->array([[2], [4]]), batch_size => 2, label_name => 'label'), num_epoch => 1, eval_metric => 'mse', monitor => $monitor);
    like warned(), qr/^Batch: +\d+ +fc_weight +\S+/m, 'fit tells of it';
};

subtest 'a module can be extended, and another built from the base' => sub {
    package Counted { use Mouse; extends 'AI::MXNet::Module'; has steps => (is => 'rw', default => 0); after update => sub { $_[0]->steps($_[0]->steps + 1) } }
    my $module = Counted->new(classifier());
    $module->fit(examples(), num_epoch => 1, @settings);
    is $module->steps, 4;
    package Bare { use Mouse; extends 'AI::MXNet::Module::Base' }
    like died(sub { Bare->new->forward(1) }), qr/^Bare is a module without a method forward at /;
    warned();
};

subtest 'what is called too early, or with wrong names, says so' => sub {
    my $module = mx->mod->Module(line(), label_names => ['label']);
    my $here = __FILE__;
    for (qw(get_params update get_outputs data_shapes)) { like died(sub { $module->$_ }), qr/^AssertionError: call bind first at \Q$here\E line/, $_ }
    like died(sub { $module->bind(data_shapes => [['zzz', [1]]]) }), qr/Data provided by data_shapes don't match names specified by data_names \(DataDesc\[zzz,1,float32,NCHW\] vs. data\)/;
    like died(sub { $module->bind(data_shapes => ['data', [2, 1]]) }), qr/^data_shapes is a list of DataDesc or \[name => \[sizes\]\], but got \[data ARRAY/;
    like died(sub { $module->bind(data_shapes => { data => [2, 1] }) }), qr/^data_shapes is a list of DataDesc or/;
    like died(sub { $module->bind(data_shapes => [['data', [2, 1]]], lable_shapes => []) }), qr/bind: no such named parameter: lable_shapes/;
    $module->bind(data_shapes => [['data', [2, 1]]], label_shapes => [['label', [2, 1]]]);
    like died(sub { $module->forward($points->()) }), qr/^AssertionError: call init_params first/;
    $module->init_params;
    like died(sub { $module->update }), qr/^AssertionError: call init_optimizer first/;
    like died(sub { $module->forward(batch(nd->ones([2, 1]))) }), qr/^AssertionError: forward in training takes a batch with labels/;
    like died(sub { $module->get_input_grads }), qr/inputs_need_grad/;
    like died(sub { $module->fit(examples()) }), qr/please specify number of epochs/;
    is warned(), '';
    my $two = mx->io->NDArrayIter(nd->ones([2, 1]), nd->ones([2, 1]), batch_size => 2, label_name => 'label');
    like died(sub { $module->score($two, 'mse', batch_end_callback => 'loud') }), qr/^a callback is code or an object of AI::MXNet::Callback, but got loud at/;
    $module->bind(data_shapes => [['data', [2, 1]]]);
    is warned(), "Already binded, ignoring bind()\n";
    for ([data_names => ['zzz']], [fixed_param_names => ['zzz']], [state_names => ['zzz']]) {
        my ($option, $names) = @$_;
        like died(sub { mx->mod->new(symbol => line(), label_names => [], $option => $names) }),
            qr/You created Module with Module\(..., $option=zzz\) but input with name 'zzz' is not found in symbol.list_arguments\(\). Did you mean one of:\n\tdata\n\tlabel/;
    }
    mx->mod->Module(line());
    like warned(), qr/label_names=softmax_label\) but input with name 'softmax_label' is not found/, 'a label is only warned of';
    like died(sub { $module->init_optimizer(optimizer_params => [learning_rate => 1]) }), qr/^optimizer_params is a hash ref, but got ARRAY/;
    my $optimizer = mx->optimizer->SGD(learning_rate => 1);
    $module->init_optimizer(optimizer => $optimizer);
    like warned(), qr/rescale_grad is not normalized to 1.0\/batch_size\/num_workers \(1 vs. 0.5\)/;
    $module->init_optimizer;
    like warned(), qr/optimizer already initialized, ignoring/;
};

subtest 'labels of another name than the symbol has' => sub {
    like died(sub { mx->mod->Module(line(), label_names => ['label'])->fit(examples(), num_epoch => 1) }),
        qr/^the batch has labels for softmax_label, which is no argument of the symbol; its arguments are data fc_weight fc_bias label at/;
    like warned(), qr/Data provided by label_shapes don't match names/;
};

subtest 'initializers by name, metrics without one' => sub {
    my $module = mx->mod->Module(line(), label_names => ['label']);
    $module->fit(examples(label_name => 'label'), num_epoch => 1, initializer => 'one', eval_metric => ['mse', sub {1}], optimizer_params => { learning_rate => 0 });
    my ($args) = $module->get_params;
    is values_of($args->{fc_weight}, 1), '1.00000';
    like warned(), qr/\AEpoch\[0\] Train-mse=[\d.]+\nEpoch\[0\] Train-=1.000000\nEpoch\[0\] Time cost=T\n\z/;
};

subtest 'other dtypes than float32' => sub {
    my $module = bound_line(bind => { data_shapes => [AI::MXNet::DataDesc->new('data', [2, 1], dtype => 'float64')], label_shapes => [AI::MXNet::DataDesc->new('label', [2, 1], dtype => 'float64')] });
    $module->init_optimizer(optimizer_params => { learning_rate => 0.1 });
    $module->forward_backward($points->());
    $module->update;
    my ($args) = $module->get_params;
    is join(' ', $args->{fc_weight}->dtype, $module->get_outputs->[0]->dtype, values_of($args->{fc_weight})), 'float64 float64 1.25000';
};

subtest 'row_sparse parameters, of which a batch touches a few rows' => sub {
    # the figures are MXNet 1.9.1's
    my %expected = (
        '0.442 1.386 -0.079 0.748 5.000 6.000 3.844 4.788' => [sgd     => { momentum => 0.9, wd => 0.1 }],
        '0.057 0.885 -0.079 0.748 4.138 4.966 2.384 3.212' => [sgd     => { momentum => 0.9, wd => 0.1, lazy_update => 0 }],
        '0.730 1.730 2.409 3.408 5.000 6.000 6.766 7.766' => [adam    => { wd => 0.1 }],
        '0.780 1.780 2.659 3.659 5.000 6.000 6.773 7.773' => [adagrad => {}],
    );
    my $weight = mx->sym->Variable('e_weight', stype => 'row_sparse');
    my $rows = mx->sym->Embedding(mx->sym->Variable('data'), $weight, input_dim => 4, output_dim => 2, sparse_grad => 1, name => 'e');
    my $net = mx->sym->LinearRegressionOutput(mx->sym->sum($rows, axis => 1), mx->sym->Variable('label'));
    my $half = sub { my ($x, $i) = @_; $x->slice_axis(axis => 0, begin => $i, end => $i + 1) };
    for my $figures (sort keys %expected) {
        my ($optimizer, $params) = @{ $expected{$figures} };
        for ([], [kvstore => mx->kv->create], [contexts => [mx->cpu(0), mx->cpu(1)]]) {
            my %case = @$_;
            my $module = mx->mod->Module($net, label_names => ['label'], context => $case{contexts} // mx->cpu);
            $module->fit(
                mx->io->NDArrayIter(nd->array([0, 1, 1, 3]), nd->array([1, 2, 3, 4]), batch_size => 2, label_name => 'label'),
                num_epoch => 3, eval_metric => 'mse', optimizer => $optimizer, optimizer_params => { learning_rate => 0.1, %$params },
                arg_params => { e_weight => nd->array([[1, 2], [3, 4], [5, 6], [7, 8]])->tostype('row_sparse') },
                $case{kvstore}  ? (kvstore => $case{kvstore}, sparse_row_id_fn => sub { +{ e_weight => $_[0]->data->[0] } }) : (),
                $case{contexts} ? (sparse_row_id_fn => sub { my ($batch) = @_; +{ e_weight => [map { $half->($batch->data->[0], $_) } 0, 1] } }) : ());
            my ($args) = $module->get_params;
            is join(' ', map { sprintf '%.3f', $_ } $args->{e_weight}->aspdl->list), $figures, join ' ', $optimizer, keys %case;
            is join(' ', map { $_->stype } $args->{e_weight}, $module->_exec_group->grad_arrays->[0][0]), 'row_sparse row_sparse';
        }
    }
    warned();
    my $module = bound_line();
    $module->init_optimizer;
    $module->prepare($points->(), sparse_row_id_fn => sub { die });
    is warned(), "Parameters are not updated in the KVStore. No need to call sparse_row_id_fn.\n";
};

done_testing;

# Trainers: steps of every optimizer, stale gradients, several contexts, states in files.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use File::Temp qw(tempdir);
use Scalar::Util ();
use Outcomes qw(dies values_of warned);
use Test::More;
use AI::MXNet qw(mx nd);
use AI::MXNet::AutoGrad qw(autograd);
use AI::MXNet::Engine ();
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

my $folder = tempdir(CLEANUP => 1);

# A network of two layers, and the sum of its output differentiated.
sub network
{
    my ($ctx) = @_;
    my $net = nn->Sequential;
    $net->add(nn->Dense(3, in_units => 2, weight_initializer => mx->init->Constant(0.5)), nn->Dense(1, in_units => 3, weight_initializer => mx->init->Constant(0.1)));
    $net->initialize(mx->init->Uniform, ctx => $ctx // mx->cpu);
    return $net;
}

sub differentiate
{
    my ($net, @inputs) = @_;
    my @losses;
    autograd->record(sub { @losses = map { $net->($_)->square->sum } @inputs });
    autograd->backward(\@losses);
    return;
}

sub all_values { my ($net) = @_; return join '|', map { values_of($_) } map { @{ $_->list_data } } $net->collect_params->values }

my $x = nd->array([[1, 2], [-1, 0.5]]);

subtest 'a step is the same as updates one by one, for every optimizer' => sub {
    my %settings = (
        sgd => { momentum => 0.9, wd => 0.01, clip_gradient => 0.5 }, nag => { momentum => 0.5 }, signum => {}, ftml => {}, dcasgd => { momentum => 0.5 },
        adam => { wd => 0.1 }, adagrad => {}, rmsprop => { centered => 1 }, adadelta => {}, ftrl => {}, adamax => {}, nadam => {},
        lbsgd => { batch_scale => 1 }, sgld => {}, test => {},
    );
    is_deeply [sort keys %settings], [sort keys %{ mx->optimizer->get_opt_registry }], 'all there are';
    for my $name (sort keys %settings) {
        my ($together, $single) = map { network() } 1 .. 2;
        my %options = (learning_rate => 0.1, %{ $settings{$name} });
        my $trainer = gluon->Trainer($together->collect_params, $name, {%options});
        my $updater = mx->optimizer->get_updater(mx->optimizer->create($name, %options, rescale_grad => 0.5));
        $_->[1]->bias->wd_mult(2) for $together, $single;
        my @params = $single->collect_params->values;
        $updater->optimizer->param_dict({ map { $_ => $params[$_] } 0 .. $#params });
        for my $step (1 .. 3) {
            mx->random->seed($step);
            differentiate($together, $x);
            $trainer->step(2);
            mx->random->seed($step);
            differentiate($single, $x);
            $updater->($_, $params[$_]->grad, $params[$_]->data) for 0 .. $#params;
        }
        is all_values($together), all_values($single), $name;
    }
};

subtest 'all parameters are one instruction' => sub {
    my $net = network();
    my $trainer = gluon->Trainer($net->collect_params, 'adam');
    differentiate($net, $x);
    $trainer->step(2);
    differentiate($net, $x);
    my @items;
    {
        no warnings 'redefine';
        my $send = \&AI::MXNet::Engine::send;
        local *AI::MXNet::Engine::send = sub { push @items, map { $_->[0] } @_[1 .. $#_]; goto &$send };
        $trainer->step(2);
    }
    is "@items", 'spend update';
};

subtest 'rates of single parameters' => sub {
    my $net = network();
    $net->collect_params('.*bias')->setattr(lr_mult => 0);
    $net->[0]->weight->grad_req('null');
    my $before = all_values($net);
    my $trainer = gluon->Trainer($net->collect_params, 'sgd', { learning_rate => 0.1 });
    differentiate($net, $x);
    $trainer->step(1);
    my @changed = do { my @now = split /\|/, all_values($net); my @then = split /\|/, $before; grep { $now[$_] ne $then[$_] } 0 .. $#now };
    is "@changed", '2', 'only the second weight moves';
};

subtest 'the learning rate' => sub {
    my $net = network();
    my $trainer = gluon->Trainer($net->collect_params, 'sgd', { learning_rate => 0.1, rescale_grad => 3 });
    is join(' ', $trainer->learning_rate, $trainer->learning_rate(undef)), '0.1 0.1';
    $trainer->set_learning_rate(0.5);
    is $trainer->learning_rate, 0.5;
    is $trainer->learning_rate(0.2), 0.2, 'set';
    $net->[1]->bias->data .= 0;
    differentiate($net, nd->zeros([2, 2]));
    my $grad = $net->[1]->bias->grad->asscalar;
    $trainer->step(6);
    cmp_ok abs($net->[1]->bias->data->asscalar + 0.2 * 3 / 6 * $grad), '<', 1e-6, 'rescale_grad scales beside the batch size';
    local $AI::MXNet::Logging::silent = 1;
    my $scheduled = gluon->Trainer($net->collect_params, 'sgd', { learning_rate => 1, lr_scheduler => AI::MXNet::FactorScheduler->new(step => 1, factor => 0.5) });
    is $scheduled->learning_rate, 1;
    dies('LRScheduler of the optimizer has already been defined', sub { $scheduled->set_learning_rate(1) });
};

subtest 'stale gradients are told, or left out' => sub {
    my ($used, $unused) = map { my $layer = nn->Dense(1, in_units => 1, prefix => "${_}_"); $layer->initialize('ones'); $layer } qw(used unused);
    my @params = map { $_->collect_params->values } $used, $unused;
    my $trainer = gluon->Trainer(\@params, 'sgd', { learning_rate => 0.1, wd => 1 });
    my $differentiate = sub { my $y; autograd->record(sub { $y = $used->(nd->ones([1, 1])) }); $y->backward };
    $differentiate->();
    my $said = warned(sub { $trainer->step(1); nd->waitall });
    like $said, qr/Gradient of Parameter 'unused_weight' on context cpu\(0\) has not been updated by backward since last `step`/;
    unlike $said, qr/'used_weight'/;
    is values_of($unused->weight->data), '0.9', 'and they are used all the same';
    $differentiate->();
    is warned(sub { $trainer->step(1, 1); nd->waitall }), '';
    is values_of($unused->weight->data), '0.9', 'unless they are to be ignored';
    is $trainer->_optimizer->_index_update_count->{2}, 1, 'which is no update';
    like warned(sub { $trainer->step(1); nd->waitall }), qr/'used_weight'/, 'a gradient is used once';
};

package Halving {
    use Mouse;
    extends 'AI::MXNet::Optimizer';
    sub update { my ($self, $index, $weight) = @_; $weight *= 0.5 }
    __PACKAGE__->register;
}

subtest 'an optimizer of one\'s own' => sub {
    for my $optimizer ('halving', Halving->new) {
        my $net = network();
        my $trainer = gluon->Trainer($net->collect_params, $optimizer);
        differentiate($net, $x);
        $trainer->step(1);
        is values_of($net->[0]->weight->data), '0.25 0.25 0.25 0.25 0.25 0.25';
    }
    dies('optimizer_params must be empty if optimizer is an instance', sub { gluon->Trainer(network()->collect_params, Halving->new, { learning_rate => 1 }) });
};

subtest 'several contexts' => sub {
    my @contexts = map { mx->cpu($_) } 0, 1;
    for my $case (['sgd', {}], ['adam', {}], ['adam', { update_on_kvstore => 0 }]) {
        my ($name, $options) = @$case;
        my ($one, $two) = (network(), network(\@contexts));
        my $single  = gluon->Trainer($one->collect_params, $name, { learning_rate => 0.1 });
        my $several = gluon->Trainer($two->collect_params, $name, { learning_rate => 0.1 }, %$options);
        for (1 .. 3) {
            differentiate($one, $x);
            differentiate($two, @{ gluon->utils->split_and_load($x, ctx_list => \@contexts) });
            $_->step(2) for $single, $several;
        }
        is all_values($two), join('|', map { "$_|$_" } split /\|/, all_values($one)), join ' ', $name, %$options;
    }
    my $apart = network(\@contexts);
    my $trainer = gluon->Trainer($apart->collect_params, 'sgd', { learning_rate => 0.1 }, undef);
    differentiate($apart, map { nd->ones([1, 2], ctx => $_) * (1 + $_->device_id) } @contexts);
    $trainer->step(1);
    my ($first, $second) = map { values_of($_) } @{ $apart->[0]->weight->list_data };
    isnt $first, $second, 'without a store each goes its own way';
    my $mixed = gluon->Parameter('p', shape => [1]);
    $mixed->initialize;
    dies('All Parameters must be initialized on the same set of contexts', sub { gluon->Trainer([$mixed, $apart->collect_params->values], 'sgd') });
    dies("kvstore is local, device, dist_sync, dist_async or undef, but got 'nccl'", sub { gluon->Trainer($apart->collect_params, 'sgd', {}, 'nccl') });
};

subtest 'gradients are summed, changed and used in separate calls' => sub {
    my @contexts = map { mx->cpu($_) } 0, 1;
    my $net = network(\@contexts);
    my $trainer = gluon->Trainer($net->collect_params, 'sgd', { learning_rate => 0.1 }, update_on_kvstore => 0);
    differentiate($net, map { nd->ones([1, 2], ctx => $_) } @contexts);
    my $grad = values_of($net->[1]->bias->list_grad->[0] * 2);
    $trainer->allreduce_grads;
    is join('|', map { values_of($_) } @{ $net->[1]->bias->list_grad }), "$grad|$grad";
    $_ .= 0 for map { @{ $_->list_grad } } $net->collect_params->values;
    my $before = all_values($net);
    $trainer->update(1);
    is all_values($net), $before;
    my $stored = gluon->Trainer($net->collect_params, 'sgd');
    dies('allreduce_grads() when parameters are updated on kvstore is not supported', sub { $stored->allreduce_grads });
    dies('update() when parameters are updated on kvstore is not supported', sub { $stored->update(1) });
    my $updater = $stored->_update_on_kvstore ? $stored->_kvstore->_updater : $stored->_updaters->[0];
    ok $updater->optimizer == $stored->_optimizer, 'who has the states';
};

subtest 'states are saved and loaded' => sub {
    my ($first, $second) = map { network() } 1 .. 2;
    my @trainers = map { gluon->Trainer($_->collect_params, 'adam', { learning_rate => 0.1 }) } $first, $second;
    for (1 .. 2) { differentiate($first, $x); $trainers[0]->step(2) }
    $first->save_parameters("$folder/net");
    $trainers[0]->save_states("$folder/states");
    $second->load_parameters("$folder/net");
    $trainers[1]->load_states("$folder/states");
    for my $i (0, 1) { differentiate(($first, $second)[$i], $x); $trainers[$i]->step(2) }
    is all_values($second), all_values($first), 'another trainer goes on';
    $second->[0]->weight->lr_mult(0);
    my $before = values_of($second->[0]->weight->data);
    differentiate($second, $x);
    $trainers[1]->step(2);
    is values_of($second->[0]->weight->data), $before, 'with its own parameters';
    dies("load_states: $folder/none: No such file", sub { $trainers[0]->load_states("$folder/none") });
};

subtest 'networks, trainers and their arrays go when they are dropped' => sub {
    my @dropped;
    for my $active (0, 1) {
        my $net = nn->HybridSequential;
        $net->add(nn->Dense(3, activation => 'relu'), nn->Dense(1));
        $net->initialize;
        $net->hybridize($active);
        my $trainer = gluon->Trainer($net->collect_params, 'adam');
        differentiate($net, $x);
        $trainer->step(1);
        push @dropped, $net, $trainer, $net->[0]->weight, $net->[0]->weight->data, $net->[0]->weight->grad;
        Scalar::Util::weaken($_) for @dropped;
    }
    is_deeply [grep {defined} @dropped], [];
};

subtest 'a step where it is recorded is refused' => sub {
    my $net = network();
    my $trainer = gluon->Trainer($net->collect_params, 'sgd');
    differentiate($net, $x);
    dies('Inplace operations', sub { autograd->record(sub { $trainer->step(1) }) });
};

subtest 'errors name what is wrong, at the line of the call' => sub {
    my $net = network();
    dies('First argument must be a array or hash of Parameters, got list of [3]', sub { gluon->Trainer([3], 'sgd') });
    dies('First argument must be a array or hash of Parameters, got', sub { gluon->Trainer(nn->Dense(1), 'sgd') });
    dies('has not been initialized', sub { gluon->Trainer(nn->Dense(1, in_units => 1)->collect_params, 'sgd') });
    dies('Cannot find optimizer sdg', sub { gluon->Trainer($net->collect_params, 'sdg') });
    my $trainer = gluon->Trainer($net->collect_params, 'sgd');
    dies('step takes the batch size, a number above 0, but got undef', sub { $trainer->step });
    my $deferred = nn->Dense(1);
    $deferred->initialize;
    dies('DeferredInitializationError', sub { gluon->Trainer($deferred->collect_params, 'sgd')->step(1) });
};

done_testing;

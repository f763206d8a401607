# Update rules, the rates of single parameters, updaters and their states.
use strict;
use warnings;
use Test::More;
use AI::MXNet qw(mx nd);
use AI::MXNet::Function::Parameters;
use AI::MXNet::Logging;

sub values_of { my ($array) = @_; return join ' ', map { sprintf '%.5f', $_ } $array->aspdl->list }

sub near
{
    my ($got, $expected, $name) = @_;
    my @expected = split ' ', $expected;
    my @got = ref $got ? $got->aspdl->list : split ' ', $got;
    my @far = grep { abs($got[$_] - $expected[$_]) > 3e-5 } 0 .. $#expected;
    ok @got == @expected && !@far, $name or diag "got @got, expected $expected";
}

# Four updates of [[1, 2], [-0.5, 0.25]], as MXNet 1.9.1 computes them. dcasgd with momentum dies there, and nag decays by
# the weight that it has updated already: these two were computed in NumPy, by the rule.
my @rules = (
    [sgd => {}, '0.90000 2.20000 -0.64000 0.05000'],
    [sgd => { momentum => 0.9, wd => 0.01, clip_gradient => 0.3 }, '0.76509 2.25299 -0.76654 0.26367'],
    [nag => {}, '0.90000 2.20000 -0.64000 0.05000'],
    [nag => { momentum => 0.9, wd => 0.01 }, '0.68514 2.58127 -0.91779 0.00381'],
    [signum => { wd => 0.01, wd_lh => 0.02 }, '0.59322 2.38285 -0.89481 0.24721'],
    [signum => { momentum => 0 }, '0.60000 2.40000 -0.90000 0.15000'],
    [ftml => { wd => 0.01, clip_gradient => 0.4 }, '0.74096 2.25948 -0.75915 0.23368'],
    [dcasgd => { wd => 0.01 }, '0.89618 2.19157 -0.63774 0.05041'],
    [dcasgd => { momentum => 0.5 }, '0.84691 2.30596 -0.71428 0.08840'],
    [adam => { wd => 0.01 }, '0.60009 2.39996 -0.89994 0.35601'],
    [adagrad => { wd => 0.01, clip_gradient => 0.4 }, '0.71806 2.26996 -0.77595 0.22033'],
    [rmsprop => { wd => 0.01 }, '0.09690 2.90548 -1.40438 0.06189'],
    [rmsprop => { centered => 1, clip_weights => 1.5 }, '-1.47512 1.50000 -1.50000 0.67081'],
    [adadelta => { wd => 0.01 }, '0.91996 1.96185 -0.52095 0.22545'],
    [ftrl => { wd => 0.01 }, '0.12651 0.77991 -0.22045 0.07505'],
    [adamax => { wd => 0.01 }, '0.60064 2.39993 -0.89966 0.35823'],
    [nadam => { wd => 0.01 }, '0.67028 2.33000 -0.82987 0.18436'],
    [lbsgd => { momentum => 0.9, batch_scale => 1 }, '0.77378 2.45245 -0.81672 0.20390'],
    [lbsgd => { warmup_strategy => 'lars', wd => 0.01 }, '0.88832 2.20618 -0.64819 0.12752'],
);

for (@rules) {
    my ($name, $settings, $expected) = @$_;
    my $optimizer = mx->optimizer->create($name, learning_rate => 0.1, rescale_grad => 0.5, %$settings);
    my $weight = nd->array([[1, 2], [-0.5, 0.25]]);
    my $state = $optimizer->create_state(0, $weight);
    my $kept = 1;
    for my $step (0 .. 3) {
        my $grad = nd->array([[0.5, -1], [0.7, 2 * ($step - 1)]]);
        my $before = values_of($grad);
        $optimizer->update(0, $weight, $grad, $state);
        $kept &&= $before eq values_of($grad);
    }
    near($weight, $expected, join ' ', $name, map {"$_ $settings->{$_}"} sort keys %$settings);
    ok $kept, '... and the gradient stays as it is';
}

subtest 'sgld adds noise that grows with the rate' => sub {
    mx->random->seed(7);
    my $weight = nd->ones([10_000]);
    mx->opt->SGLD(learning_rate => 0.04)->update(0, $weight, nd->ones([10_000]), undef);
    my $piddle = $weight->aspdl;
    cmp_ok abs($piddle->avg - 0.98), '<', 0.01, 'half a step';
    cmp_ok abs(sqrt((($piddle - $piddle->avg)**2)->avg) - 0.2), '<', 0.01, 'the deviation is the root of the rate';
};

subtest 'adamax leaves a weight alone whose gradient is 0' => sub {
    my $optimizer = mx->opt->Adamax;
    my $weight = nd->ones([2]);
    $optimizer->update(0, $weight, nd->array([0, 1]), $optimizer->create_state(0, $weight));
    is $weight->aspdl->at(0), 1;
};

subtest 'nadam keeps its schedule for each parameter' => sub {
    my $update = mx->opt->get_updater(mx->opt->Nadam(learning_rate => 0.1));
    my @weights = map { nd->ones([2]) } 1 .. 3;
    for (1 .. 3) { $update->($_, nd->array([1, 2]), $weights[$_]) for 0 .. 2 }
    is values_of($weights[2]), values_of($weights[0]);
};

subtest 'lbsgd sums gradients up to its batch_scale' => sub {
    my $optimizer = mx->opt->LBSGD(learning_rate => 1, batch_scale => 2, warmup_epochs => 1, updates_per_epoch => 4);
    my ($weight, $grad) = (nd->zeros([1]), nd->ones([1]));
    my @weights = map { $grad .= $_; $optimizer->update(0, $weight, $grad, undef); $weight->asscalar } 1, 2, 3, 4;
    is_deeply \@weights, [0, -2.25, -2.25, -9.25], 'means of 1, 2 and 3, 4 at rates of 1.5 and 2';
};

subtest 'test adds the gradient' => sub {
    my $optimizer = mx->opt->Test(rescale_grad => 2);
    my $weight = nd->ones([2]);
    my $state = $optimizer->create_state(0, $weight);
    $optimizer->update(0, $weight, nd->array([1, 2]), $state);
    is "@{[$weight->aspdl]} @{[$state->aspdl]}", '[3 5] [3 5]';
};

subtest 'multi_precision updates a float32 copy of a float16 weight' => sub {
    for my $name (qw(SGD NAG)) {
        for my $momentum (0, 0.9) {
            my $optimizer = mx->opt->$name(learning_rate => 0.0001, momentum => $momentum, multi_precision => 1);
            my $weight = nd->ones([1], dtype => 'float16');
            my $state = $optimizer->create_state(0, $weight);
            $optimizer->update(0, $weight, nd->ones([1], dtype => 'float16'), $state) for 1 .. 10;
            is $state->[1]->dtype, 'float32';
            cmp_ok $weight->asscalar, '<', 1, "$name with momentum $momentum moves by less than float16 can tell";
            ok !!$momentum == defined $state->[0], 'there is a momentum if it is wanted';
        }
    }
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    mx->opt->SGD->create_state(0, nd->ones([1], dtype => 'float16'));
    like "@warnings", qr/Accumulating with float16/, 'without it, a warning';
};

subtest 'rates of single parameters' => sub {
    my $sgd = mx->opt->SGD(learning_rate => 1, wd => 0.5, param_idx2name => { 0 => 'fc_weight', 1 => 'fc_bias', 2 => 'bn_gamma' });
    is_deeply [map { $sgd->_get_wd($_) } 0 .. 2], [0.5, 0, 0.5], 'only weight and gamma decay';
    $sgd->set_lr_mult({ fc_bias => 2, 2 => 3 });
    is_deeply [map { $sgd->_get_lr($_) } 0 .. 2], [1, 2, 3], 'by name and by index';
    $sgd->set_wd_mult({ fc_bias => 1 });
    is $sgd->_get_wd(1), 0.5, 'said is said';
    $sgd->lr(0.1);
    is $sgd->_get_lr(1), 0.2, 'the rate can be set';
    is(mx->opt->SGD(learning_rate => 1, lr_mult => { 5 => 4 })->_get_lr(5), 4, 'at construction, too');
};

subtest 'num_update is that of the most updated parameter' => sub {
    my $sgd = mx->opt->SGD(begin_num_update => 10);
    my $weight = nd->ones([1]);
    $sgd->update($_, $weight, $weight * 0, undef) for 0, 0, 0, 1;
    is $sgd->num_update, 13;
};

subtest 'a scheduler is asked with the number of the update' => sub {
    local $AI::MXNet::Logging::silent = 1;
    my $sgd = mx->opt->SGD(learning_rate => 1, lr_scheduler => AI::MXNet::FactorScheduler->new(step => 1, factor => 0.5));
    my $weight = nd->zeros([1]);
    my @weights = map { $sgd->update(0, $weight, nd->ones([1]), undef); $weight->asscalar } 1 .. 4;
    is_deeply \@weights, [-1, -2, -2.5, -2.75];
};

subtest 'an updater keeps states, saves and loads them' => sub {
    local $AI::MXNet::Logging::silent = 1;
    my $schedule = AI::MXNet::FactorScheduler->new(step => 2, factor => 0.5);
    my $update = mx->optimizer->get_updater(mx->opt->Adam(learning_rate => 0.1, lr_scheduler => $schedule));
    my %weights = (0 => nd->ones([2, 2]), bias => nd->ones([1], dtype => 'float16'), wide => nd->ones([3], dtype => 'float64'));
    my $step = sub { my ($updater, $weights) = @_; $updater->($_, $weights->{$_} * 0.3, $weights->{$_}) for sort keys %$weights };
    $step->($update, \%weights) for 1 .. 3;

    my $again = mx->optimizer->get_updater(mx->opt->SGD);
    $again->set_states($update->get_states(1));
    isa_ok $again->optimizer, 'AI::MXNet::Adam';
    isnt $again->optimizer->lr_scheduler, $schedule, 'a scheduler of its own';
    is $again->states->{bias}[0]->dtype, 'float16', 'states keep their dtype';
    my %copies = map { $_ => $weights{$_}->copy } keys %weights;
    for (1 .. 2) { $step->($update, \%weights); $step->($again, \%copies) }
    is values_of($copies{$_}), values_of($weights{$_}), "$_ goes on as it would have" for sort keys %weights;

    my $states = mx->optimizer->get_updater(mx->opt->Adam);
    $states->set_states($update->get_states);
    is values_of($states->states->{0}[1]), values_of($update->states->{0}[1]), 'without the optimizer: states alone';
};

subtest 'what is no file of states is refused, and nothing changes' => sub {
    my $update = mx->optimizer->get_updater(mx->opt->SGD);
    my $pack = sub { return Data::MessagePack->pack({ format => 'AI::MXNet optimizer states 1', states => {}, @_ }) };
    my %wrong = (
        'something else'       => 'junk',
        'of a class that'      => $pack->(optimizer => { class => 'Test::More', attributes => {} }),
        'not as get_states'    => $pack->(states => { 0 => ['code', 1] }),
        'has 3 bytes'          => $pack->(states => { 0 => ['array', 'float32', [2], 'abc'] }),
    );
    for my $words (sort keys %wrong) {
        ok !eval { $update->set_states($wrong{$words}); 1 };
        like $@, qr/$words/;
        isa_ok $update->optimizer, 'AI::MXNet::SGD';
    }
};

package Halving {
    use Mouse;
    use AI::MXNet::Function::Parameters;
    extends 'AI::MXNet::Optimizer';
    has '+learning_rate' => (default => 0.5);
    has power => (is => 'rw', isa => 'Num', default => 1);
    method create_state(Index $index, AI::MXNet::NDArray $weight) { return $weight->copy }
    method update(Index $index, AI::MXNet::NDArray $weight, AI::MXNet::NDArray $grad, Maybe[AI::MXNet::NDArray|ArrayRef] $state=)
    {
        $self->_update_count($index);
        $weight *= $self->_get_lr($index)**$self->power;
    }
    __PACKAGE__->register;
}

subtest 'an optimizer of one\'s own' => sub {
    my $update = mx->opt->get_updater(mx->optimizer->create('halving', power => 2));
    my $weight = nd->array([4, 8]);
    $update->(0, $weight * 0, $weight);
    is values_of($weight), '1.00000 2.00000';
    is(mx->optimizer->Halving->learning_rate, 0.5, 'is a constructor of the package');
    ok !eval { mx->opt->Halving->update('zero', $weight, $weight); 1 };
    like $@, qr/In method update: parameter 1 \(\$index\): Validation failed for 'Index' with value zero at \Q$0\E/;
};

subtest 'errors name what is wrong, at the line of the call' => sub {
    my $weight = nd->ones([2]);
    my %wrong = (
        'Cannot find optimizer nope: there are adadelta, adagrad,'                      => sub { mx->optimizer->create('nope') },
        'update of parameter 3: the weight is float32 [2], but the gradient is float32 [3]' => sub { mx->opt->SGD->update(3, $weight, nd->ones([3]), undef) },
        'the gradient is float64 [2]' => sub { mx->opt->Adam->update(3, $weight, nd->ones([2], dtype => 'float64'), undef) },
        'takes the state that create_state returned, but got undef' => sub { mx->opt->Ftrl->update(0, $weight, $weight, [undef, undef]) },
        'but got 5'                => sub { mx->opt->SGD->update(0, $weight, 5, undef) },
        'set_lr_scale is deprecated' => sub { mx->opt->SGD->set_lr_scale({}) },
        'without a method update'  => sub { AI::MXNet::Optimizer->new->update(0, $weight, $weight, undef) },
    );
    for my $words (sort keys %wrong) {
        ok !eval { $wrong{$words}->(); 1 };
        like $@, qr/\Q$words\E.* at \Q$0\E line \d+\.$/;
    }
    is values_of($weight), '1.00000 1.00000', 'and the weight stays as it was';
};

done_testing;

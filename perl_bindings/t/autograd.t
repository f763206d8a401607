use strict;
use warnings;
use Test::More;
use AI::MXNet qw(mx nd autograd);

sub text { my ($array) = @_; return join ' ', map { 0 + sprintf '%.6g', $_ } $array->aspdl->list }

sub variable { my $x = nd->array(@_); $x->attach_grad; return $x }

subtest 'a gradient is written to' => sub {
    my $x = nd->array([1, 2]);
    $x->attach_grad(grad_req => 'add');
    for (1 .. 2) { autograd->record(sub { ($x * 3)->backward }) }
    $x->grad *= 2;
    is join(' ', $x->grad->aspdl->list), '12 12';
    $x->grad .= 0;
    is join(' ', $x->grad->aspdl->list), '0 0';
};

subtest 'states nest and are restored' => sub {
    my @seen;
    my $state = sub { push @seen, autograd->is_recording . autograd->is_training };
    $state->();
    autograd->record(sub {
        $state->();
        autograd->pause(sub { $state->() });
        autograd->predict_mode(sub { $state->() });
        autograd->record(sub { $state->() }, train_mode => 0);
        $state->();
    });
    autograd->train_mode($state);
    $state->();
    is "@seen", '00 11 00 10 10 11 01 00';
    is autograd->set_is_training(1), 0;
    is autograd->set_is_training(0), 1;
};

subtest 'the recorded code may go on with the next round of a loop around it, or end it' => sub {
    no warnings 'exiting';
    my ($x, @rounds) = variable([2]);
    for my $round (1 .. 5) {
        autograd->record(sub { push @rounds, $round; next if $round < 3; last });
    }
    is "@rounds", '1 2 3';
    ok !autograd->is_recording;
    my $y = $x * 2;
    ok !eval { $y->backward; 1 }, 'the engine knows that nothing is recorded any more';
};

subtest 'gradients of the everyday operators' => sub {
    my %cases = (
        '2x²'      => [sub { 2 * $_[0] * $_[0] }, '4 8'],
        'quotient' => [sub { $_[0] / (1 + $_[0]) }, '0.25 0.111111'],
        'power'    => [sub { $_[0]**3 }, '3 12'],
        'sum'      => [sub { $_[0]->sum * 5 }, '5 5'],
        'broadcast' => [sub { $_[0] * nd->ones([3, 2]) }, '3 3'],
        'slice'    => [sub { $_[0]->slice(1) * 4 }, '0 4'],
        'at'       => [sub { $_[0]->at(0) * 4 }, '4 0'],
        'rows'     => [sub { $_[0]->[1] * 7 }, '0 7'],
        'reshape'  => [sub { $_[0]->reshape([2, 1]) * nd->array([[1, 2], [3, 4]]) }, '3 7'],
        'astype'   => [sub { $_[0]->astype('float64') * 2 }, '2 2'],
        'copy'     => [sub { $_[0]->copy * 2 }, '2 2'],
        'detach'   => [sub { $_[0]->detach * $_[0] }, '1 2'],
        'unused'   => [sub { $_[0] * 0 }, '0 0'],
    );
    for my $name (sort keys %cases) {
        my ($code, $gradient) = @{ $cases{$name} };
        my $x = variable([1, 2]);
        my $y;
        autograd->record(sub { $y = $code->($x) });
        $y->backward;
        is text($x->grad), $gradient, $name;
    }
};

subtest 'values read while recording steer the program' => sub {
    my $x = variable([1.5]);
    my $y;
    autograd->record(sub { $y = $x * 2; $y = $y * 2 while $y->asscalar < 100 });
    $y->backward;
    is $x->grad->asscalar, 128;
};

subtest 'head gradients, several heads, grad_req add, retain_graph' => sub {
    my $x = variable([1, 2]);
    my ($y, $z);
    autograd->record(sub { $y = $x * $x; $z = $x * 3 });
    $y->backward(out_grad => nd->array([10, 1]), retain_graph => 1);
    is text($x->grad), '20 4';
    autograd->backward([$y, $z], head_grads => [undef, nd->array([1, 0])]);
    is text($x->grad), '5 4';
    $x->attach_grad(grad_req => 'add');
    for (1 .. 2) { autograd->record(sub { $y = $x * $x }); $y->backward }
    is text($x->grad), '4 8';
    ok !eval { $y->backward; 1 }, 'the graph is gone';
    like $@, qr/Cannot differentiate node because it is not in a computational graph/;
};

subtest 'what is in no graph is refused at once' => sub {
    my $x = variable([1]);
    my $y = $x * 2;
    ok !eval { $y->backward; 1 };
    like $@, qr/not in a computational graph/;
    my $constant = nd->ones([2]);
    autograd->record(sub { $y = $constant * 2 });
    ok !eval { $y->backward; 1 };
    like $@, qr/no inputs in computation graph that require gradients/;
    $x->attach_grad(grad_req => 'null');
    is $x->grad, undef;
};

subtest 'grad returns gradients of any order and leaves the buffers alone' => sub {
    my $x = variable([2]);
    my ($first, $second, $third);
    autograd->record(sub {
        my $y = $x**4;
        $first  = autograd->grad($y,      $x, create_graph => 1);
        $second = autograd->grad($first,  $x, create_graph => 1);
        $third  = autograd->grad($second, $x, create_graph => 1);
    });
    is text($_->[0]), $_->[1] for [$first, 32], [$second, 48], [$third, 48];
    is text($x->grad), '0';
    $third->backward;
    is text($x->grad), '24';
    my ($z, $y) = variable([1]);
    autograd->record(sub { $y = $x * 2 });
    ok !eval { autograd->grad($y, [$x, $z]); 1 };
    like $@, qr/Cannot differentiate with respect to the 2-th variable because it is unreachable from the outputs\./;
};

subtest 'grad_and_loss, mark_variables' => sub {
    my ($gradients, $outputs) = autograd->grad_and_loss(sub { $_[0] * $_[1] })->(nd->array([3]), nd->array([4]));
    is text($gradients->[0]), 4;
    is text($gradients->[1]), 3;
    is text($outputs), 12;
    my ($x, $grad) = (nd->array([1, 2]), nd->zeros([2]));
    autograd->mark_variables([$x], [$grad]);
    autograd->record(sub { $outputs = $x * 5 });
    $outputs->backward;
    is text($grad), '5 5';
};

subtest 'what was recorded is a symbol' => sub {
    my ($x, $z) = (variable([1, 2]), variable([3, 4]));
    my $y;
    autograd->record(sub { $y = $x * $x + $z * $x - 1 });
    my $symbol = autograd->get_symbol($y);
    is_deeply [$symbol->list_arguments, $symbol->list_outputs], [['var0', 'var1'], ['node_3_output']];
    my ($again) = @{ $symbol->eval(ctx => mx->cpu, args => { var0 => $x, var1 => $z }) };
    is text($again), text($y), 'that computes the same';
    ok !eval { autograd->get_symbol(nd->ones([1])); 1 };
    like $@, qr/NDArray is not part of a computation graph/;
};

subtest 'writing to what is on the tape is refused while recording' => sub {
    my $other = nd->ones([2, 3]);
    my %writes = (
        '+='       => sub { $_[0] += 1 },        '*='   => sub { $_[0] *= $other },          '.= number' => sub { $_[0] .= 1 },
        '-='       => sub { $_[0] -= $other },   '/='   => sub { $_[0] /= 2 },               '.= array'  => sub { $_[0] .= $other },
        '%='       => sub { $_[0] %= 2 },        '++'   => sub { $_[0]++ },                  '.= list'   => sub { $_[0] .= [[1, 2, 3], [4, 5, 6]] },
        'slice .=' => sub { $_[0]->slice(0) .= 1 },       'crop .=' => sub { $_[0]->slice('X', 1) .= 1 },
        'slice +=' => sub { $_[0]->slice([0, 1]) += 1 },  'crop *=' => sub { $_[0]->slice('X', [0, 1]) *= 2 },
        'row .='   => sub { $_[0]->at(1) .= 1 },          'cell .=' => sub { $_[0]->at(1, 1) .= 1 },
        'set'      => sub { $_[0]->set(1) },              'iadd'    => sub { $_[0]->iadd(1) },
        'out'      => sub { nd->relu($other, out => $_[0]) },  'copyto' => sub { $other->copyto($_[0]) },
        'view +='  => sub { my $view = $_[0]->reshape([-1]); $view += 1 },
        'random'   => sub { nd->random->uniform(0, 1, shape => [2, 3], out => $_[0]) },
    );
    for my $name (sort keys %writes) {
        my $x = variable([[1, 2, 3], [4, 5, 6]]);
        for my $what (sub { $x }, sub { $x * 2 }) {
            eval { autograd->record(sub { $writes{$name}->($what->()) }) };
            like $@, qr/Inplace operations .* are not supported when recording with autograd\. .* at \Q$0\E line/, $name;
        }
    }
    my $x = variable([1, 2]);
    my $y;
    autograd->record(sub {
        $other += 1;
        my $same = $x->detach;
        $same *= 3;
        my $constant = nd->ones([2]) * 2;
        $constant += 1;
        $y = $x * $constant;
    });
    $y->backward;
    is text($other), '2 2 2 2 2 2', 'other arrays may be written';
    is text($x), '3 6', 'what is detached, too';
    is text($x->grad), '3 3';
};

subtest 'a chain of 100 000 operators differentiates' => sub {
    my $x = variable([1]);
    my $y;
    autograd->record(sub { $y = $x; $y = $y + 1 for 1 .. 100_000 });
    $y->backward;
    is text($y), 100_001;
    is text($x->grad), 1;
};

{
    package Clipped;    # the identity with a gradient of at most 1
    use parent -norequire, 'AI::MXNet::AutoGrad::Function';
    BEGIN { require AI::MXNet::AutoGrad::Function }
    sub forward { my ($self, $x) = @_; $self->save_for_backward($x); return $x * 1 }
    sub backward { my ($self, $g) = @_; return $g->clip(-1, 1) }

    package TwoByTwo;
    our @ISA = ('AI::MXNet::AutoGrad::Function');
    sub forward { my ($self, $x, $y) = @_; $self->save_for_backward($x, $y); return [$x + $y, $x * $y] }
    sub backward { my ($self, $g, $h) = @_; my ($x, $y) = $self->saved_tensors; return [$g + $h * $y, $g + $h * $x] }

    package Failing;
    our @ISA = ('AI::MXNet::AutoGrad::Function');
    sub forward  { $_[1] * 2 }
    sub backward { die { code => 42 } }

    package Misshapen;
    our @ISA = ('AI::MXNet::AutoGrad::Function');
    sub forward  { $_[1] * 2 }
    sub backward { AI::MXNet::NDArray->ones([7]) }
}

{
    package Thrice;
    sub forward  { my ($self, $x) = @_; return $x * 3 }
    sub backward { my ($self, $g) = @_; return $g * 3 }
}

subtest 'functions with a gradient of their own' => sub {
    my ($x, $y) = (variable([1, 2]), variable([3, 5]));
    my $z;
    autograd->record(sub { $z = Clipped->new->($x * 100) });
    $z->backward;
    is text($x->grad), '100 100';
    autograd->record(sub { my ($sum, $product) = @{ TwoByTwo->new->($x, $y) }; $z = $sum * 10 + $product });
    $z->backward;
    is text($x->grad), '13 15';
    is text($y->grad), '11 12';
    autograd->record(sub { $z = Failing->new->($x) });
    ok !eval { $z->backward; 1 };
    is $@->{code}, 42, 'its exception arrives where backward was called';
    autograd->record(sub { $z = Misshapen->new->($x) });
    ok !eval { $z->backward; 1 };
    like $@, qr/shape/;
    is text($x + 1), '2 3', 'and the session goes on';
    @Thrice::ISA = (autograd->Function);
    autograd->record(sub { $z = Thrice->new->($x) });
    $z->backward;
    is text($x->grad), '3 3', 'the class to derive from has a short name';
    {
        package Listed;
        our @ISA = ('AI::MXNet::AutoGrad::Function');
        sub forward  { my ($self, $x, $y) = @_; return ($x * $y, $x + $y) }
        sub backward { my ($self, $g, $h) = @_; return ($g * 10 + $h, $h) }
    }
    autograd->record(sub { my ($product, $sum) = Listed->new->($x, $y); $z = $product + $sum });
    autograd->backward([$z], [$z * 0 + 2]);
    is text($x->grad) . ' ' . text($y->grad), '22 22 2 2', 'lists serve as well; so do head gradients by position';
    my $first;
    autograd->record(sub { $first = autograd->grad(TwoByTwo->new->($x, $x)->[1], $x, create_graph => 1) });
    $first->backward;
    is text($x->grad), '2 2', 'a gradient of a gradient';
};

done_testing;

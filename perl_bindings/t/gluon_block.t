# Blocks: names, attributes, children, calls, hooks, files; hybridized blocks and blocks made of symbols.
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

my $folder = tempdir(CLEANUP => 1);

package Pair {
    use AI::MXNet::Gluon::Mouse;
    extends 'AI::MXNet::Gluon::HybridBlock';
    has scale => (is => 'ro', default => 2);

    sub BUILD
    {
        my ($self) = @_;
        $self->name_scope(sub {
            $self->first(AI::MXNet::Gluon::NN->Dense(3, in_units => 2));
            $self->second(AI::MXNet::Gluon::NN->Dense(1, in_units => 3));
            $self->gain($self->params->get('gain', shape => [1], init => 'ones'));
        });
    }

    sub hybrid_forward
    {
        my ($self, $F, $x, %parameters) = @_;
        return $F->broadcast_mul($self->second->($F->relu($self->first->($x)) * $self->scale), $parameters{gain});
    }
}

subtest 'attributes make children and parameters, and name their files' => sub {
    my $pair = Pair->new(prefix => 'pair_');
    is join(' ', $pair->collect_params->keys), 'pair_gain pair_dense0_weight pair_dense0_bias pair_dense1_weight pair_dense1_bias';
    is "$pair", "Pair(\n  (first): Dense(3 -> 2, linear)\n  (second): Dense(1 -> 3, linear)\n)";
    $pair->initialize(mx->init->Constant(0.5));
    my $x = nd->array([[1, 2], [3, -4]]);
    is values_of($pair->($x)), '4.5 0', 'called as a function';
    $pair->save_parameters("$folder/pair");
    is join(' ', sort keys %{ nd->load("$folder/pair") }), 'first.bias first.weight gain second.bias second.weight';
    my $other = Pair->new;
    $other->load_parameters("$folder/pair");
    is values_of($other->($x)), '4.5 0';
    is scalar(@{ $pair->attributes_hash->{_children}{keys} }), 2;
};

subtest 'attributes keep their kind' => sub {
    my $pair = Pair->new;
    dies('Overriding Parameter attribute gain is not allowed', sub { $pair->gain($pair->params->get('other', shape => [1])) });
    dies('Changing attribute type for first from AI::MXNet::Gluon::NN::Dense to AI::MXNet::Gluon::NN::Dropout', sub { $pair->first(nn->Dropout(0.5)) });
    dies('Changing attribute type for first from AI::MXNet::Gluon::NN::Dense to a plain value', sub { $pair->first(1) });
    isa_ok $pair->first, 'AI::MXNet::Gluon::NN::Dense', 'what was refused leaves it alone:';
    $pair->first(nn->Dense(7));
    like "$pair", qr/\(first\): Dense\(7 -> 0, linear\)\n  \(second\)/, 'another of the kind takes its place';
    is $pair->note, undef, 'what was never set is undef';
    $pair->note('hello');
    is $pair->note, 'hello', 'any name may be set';
    dies('Can\'t locate object method "remark" via package "Pair"', sub { $pair->remark(1, 2) });
    dies('Can\'t locate object method "nothing" via package "Pair"', sub { Pair->nothing });
    dies('Children of HybridBlock must also be HybridBlock', sub { $pair->lambda(nn->Lambda('relu')) });
};

subtest 'automatic names count by prefix' => sub {
    local $mx::NameManager = AI::MXNet::Symbol::NameManager->new;
    my $outer = nn->HybridSequential(prefix => 'o_');
    $outer->name_scope(sub {
        my $inner = nn->HybridSequential;
        $inner->name_scope(sub { $inner->add(nn->Dense(1), nn->Dense(1, prefix => 'last_')) });
        $outer->add($inner, nn->Activation('relu'), nn->Dense(1));
    });
    is join(' ', map { $_->name } $outer, @$outer, @{ $outer->[0] }), 'o o_hybridsequential0 o_relu0 o_dense0 o_hybridsequential0_dense0 o_hybridsequential0_last';
    is join(' ', map { $_->name } nn->Dense(1), nn->Dense(1), nn->Sequential), 'dense0 dense1 sequential0', 'outside they are global';
    my $bare = nn->HybridSequential(prefix => '');
    $bare->name_scope(sub { $bare->add(nn->Dense(1)) });
    is $bare->[0]->name, 'dense2', 'a block without prefix has no scope of its own';
    ok !eval { $outer->name_scope(sub { die "left\n" }) };
    is $@, "left\n";
    is nn->Dense(1)->name, 'dense3', 'an exception leaves the scope';
};

package Handmade {
    use base 'AI::MXNet::Gluon::Block';

    sub new
    {
        my ($class, %options) = @_;
        my $self = $class->SUPER::new();
        $self->{layer} = AI::MXNet::Gluon::NN->Dense($options{units}, in_units => 2);
        $self->register_child($self->{layer});
        return bless $self, $class;
    }

    sub forward { my ($self, $x, $y) = @_; return ($self->{layer}->forward($x), $y) }
}

subtest 'a plain class with a constructor of its own' => sub {
    my $block = Handmade->new(units => 2);
    $block->initialize('ones');
    my ($first, $second) = $block->(nd->ones([1, 2]), 7);
    is values_of($first) . " $second", '2 2 7', 'a list of all values';
    is values_of(scalar $block->(nd->ones([1, 2]))), '2 2', 'or the first';
    is scalar($block->collect_params->keys), 2;
    is values_of($block->(nd->ones([4, 2])->slice([0, 0], 'X'))), '2 2', 'slices are read';
};

subtest 'blocks in lists are not seen, and that is said' => sub {
    my $block = Handmade->new(units => 1);
    $block->{list} = [nn->Dense(1), $block->{layer}];
    like warned(sub { $block->collect_params }), qr/"Handmade.list" is a unregsitered container with Blocks/;
    shift @{ $block->{list} };
    is warned(sub { $block->collect_params }), '', 'unless they are children, too';
};

subtest 'hooks see and may replace what goes in and out' => sub {
    my $layer = nn->Dense(1, in_units => 1);
    $layer->initialize('ones');
    my $x = nd->array([[2]]);
    my $before = $layer->register_forward_pre_hook(sub { my ($block, $inputs) = @_; $inputs->[0] = $inputs->[0] * 10 });
    is values_of($layer->($x)), '20';
    my @seen;
    my $after = $layer->register_forward_hook(sub { my ($block, $inputs, $outputs) = @_; @seen = ($block->name, values_of($outputs->[0])); $_[2] = [nd->array([5])] });
    is values_of($layer->($x)), '5';
    is "@seen", $layer->name . ' 20';
    $_->detach for $before, $after;
    is values_of($layer->($x)), '2';
    dies('a hook is a code ref', sub { $layer->register_forward_hook('code') });
};

subtest 'apply goes to the children first' => sub {
    my $net = nn->Sequential(prefix => 's_');
    $net->name_scope(sub { $net->add(nn->Dense(1), nn->Dropout(0.5)) });
    my @names;
    is $net->apply(sub { push @names, $_[0]->name }), $net;
    is "@names", 's_dense0 s_dropout0 s';
    is $net->slice([1, 0])->[0]->rate, 0.5;
};

subtest 'files of parameters' => sub {
    my $net = sub { my ($n) = @_; my $net = nn->HybridSequential; $net->add(map { nn->Dense(2, in_units => 2) } 1 .. $n); return $net };
    my ($one, $two) = ($net->(1), $net->(2));
    $_->initialize('ones') for $one, $two;
    $one->save_parameters("$folder/one");
    $two->save_parameters("$folder/two");
    dies("Parameter 1.weight is missing in file $folder/one", sub { $two->load_parameters("$folder/one") });
    dies("Parameter 1.bias loaded from file $folder/two is not present in ParameterDict", sub { $one->load_parameters("$folder/two") });
    ok eval { $two->load_parameters("$folder/one", allow_missing => 1); $one->load_parameters("$folder/two", ignore_extra => 1); 1 } or diag $@;
    dies('because it was previous initialized on cpu(0)', sub { $one->load_parameters("$folder/one", ctx => mx->cpu(1)) });

    # as the original wrote it, and as versions before did
    nd->save("$folder/odd", { '0weight' => nd->array([[1, 2], [3, 4]]), '0bias' => nd->zeros([2]) });
    $one->load_parameters("$folder/odd");
    is values_of($one->[0]->weight->data), '1 2 3 4';
    my $dense = nn->Dense(2, in_units => 2, prefix => 'old_');
    nd->save("$folder/legacy", { weight => nd->ones([2, 2]) * 3, bias => nd->ones([2]) });
    $dense->load_parameters("$folder/legacy");
    is values_of($dense->bias->data), '1 1';
    nd->save("$folder/wrong", { '0.weight' => nd->ones([3, 2]), '0.bias' => nd->ones([2]) });
    my $layer = sub { my $net = nn->HybridSequential; $net->add(gluon->rnn->GRU(2, 2, dropout => 0.5, input_size => 1)); $net->initialize; return $net };
    my ($written, $read) = ($layer->(), $layer->());
    $written->save_parameters("$folder/recurrent");
    my $names = nd->load("$folder/recurrent");
    is join(' ', sort grep {/i2h_bias/} keys %$names), '0._unfused.0.i2h_bias 0._unfused.1.i2h_bias', "as MXNet's Python writes it";
    nd->save("$folder/recurrent", { map { s/_unfused\.([0-9])\./l$1_/r => $names->{$_} } keys %$names });
    $read->load_parameters("$folder/recurrent");
    is values_of($read->[0]->l1_h2h_weight->data), values_of($written->[0]->l1_h2h_weight->data), 'or by the names of its attributes';
    dies('shape incompatible expected (2, 2) vs saved (3, 2)', sub { $one->load_parameters("$folder/wrong") });
};

subtest 'a hybridized block computes the same, whatever goes in and out' => sub {
    package Branches {
        use AI::MXNet::Gluon::Mouse;
        extends 'AI::MXNet::Gluon::HybridBlock';

        sub hybrid_forward
        {
            my ($self, $F, $x, $states, $factor) = @_;
            return ($F->relu($x), [map { $_ * ($factor // 1) } @$states], $F->split($x, num_outputs => 2, axis => 0));
        }
    }
    my $block = Branches->new;
    for my $active (0, 1) {
        $block->hybridize($active);
        my ($out, $states, $parts) = $block->(nd->array([[-1], [1]]), [nd->ones([1]), nd->ones([2])]);
        is join('|', values_of($out), (map { values_of($_) } @$states), map { values_of($_) } @$parts), '0 1|1|1 1|-1|1';
        is values_of(($block->(nd->ones([2, 1]), [nd->ones([1])], 5))[1][0]), '5', 'numbers are part of the graph';
        is values_of(scalar $block->(nd->ones([4, 1]), [])), '1 1 1 1', 'as is the form of the inputs';
    }
    my $net = Pair->new;
    $net->initialize(mx->init->Uniform(1));
    my $x = nd->random->normal(shape => [5, 2]);
    my $eager = $net->($x);
    $net->hybridize(static_alloc => 1);
    is values_of($net->($x)), values_of($eager);
    is $net->(nd->ones([9, 2]))->shape->[0], 9, 'of any batch size';
    my @grads;
    for my $active (1, 0) {
        $net->hybridize($active);
        my $y;
        autograd->record(sub { $y = $net->($x) });
        $y->backward;
        push @grads, join ' ', map { values_of($_->grad) } $net->collect_params->values;
    }
    is $grads[0], $grads[1], 'and so are the gradients';
};

subtest 'hybridizing says what has no effect' => sub {
    my $net = nn->HybridSequential;
    $net->add(nn->Dense(1, in_units => 1));
    $net->[0]->register_forward_hook(sub { });
    like warned(sub { $net->hybridize }), qr/is being hybridized while still having forward hook/;
    package Idle {
        use AI::MXNet::Gluon::Mouse;
        extends 'AI::MXNet::Gluon::HybridBlock';
        sub BUILD { my ($self) = @_; $self->w($self->params->get('w', shape => [1])) }
        sub hybrid_forward { my ($self, $F, $x, $y) = @_; return $x * 2 }
    }
    my $idle = Idle->new(prefix => 'idle_');
    $idle->initialize;
    $idle->hybridize;
    my $said = warned(sub { $idle->(nd->ones([1]), nd->ones([1])) });
    like $said, qr/The data_1 input to HybridBlock is not used/;
    like $said, qr/Parameter idle_w is not used/;
};

subtest 'unknown sizes are found at the first call' => sub {
    for my $active (0, 1) {
        my $net = nn->HybridSequential;
        $net->add(nn->Dense(4, activation => 'relu'), nn->Dense(2));
        $net->initialize('ones');
        $net->hybridize($active);
        is values_of($net->(nd->ones([1, 3]))), '12 12';
        is "@{ $net->[1]->weight->shape }", '2 4';
    }
    my $dense = nn->Dense(2);
    $dense->infer_shape(nd->ones([1, 6]));
    is "@{ $dense->weight->shape }", '2 6', 'or when asked for';
    my $scale = nn->HybridLambda(sub { my ($F, $x) = @_; return $F->reshape($x, { shape => [7, 7] }) });
    dies('Deferred initialization failed because shape cannot be inferred', sub {
        my $net = nn->HybridSequential;
        $net->add($scale, nn->Dense(2));
        $net->initialize;
        $net->hybridize;
        $net->(nd->ones([2, 2]));
    });
};

subtest 'sizes unknown to recurrent layers are found within a hybridized network' => sub {
    for my $layer (map { my $class = $_; map { gluon->rnn->$class(4, num_layers => 2, bidirectional => $_) } 0, 1 } qw(RNN LSTM GRU)) {
        my $net = nn->HybridSequential;
        $net->name_scope(sub { $net->add($layer, nn->Dense(2)) });
        $net->initialize;
        $net->hybridize;
        is_deeply $net->(nd->ones([3, 2, 5]))->shape, [3, 2];
        is_deeply [map { $_->shape->[1] } grep { $_->name =~ /[lr]0_i2h_weight/ } $layer->collect_params->values], [(5) x (1 + $layer->bidirectional)];
    }
};

subtest 'symbols go in, graphs go out' => sub {
    my $net = nn->HybridSequential(prefix => 'n_');
    $net->name_scope(sub { $net->add(nn->Dense(3, activation => 'tanh'), nn->BatchNorm, nn->Dense(2)) });
    my $symbol = $net->(mx->sym->var('data'));
    is "@{ $symbol->list_arguments }[0 .. 2]", 'data n_dense0_weight n_dense0_bias', 'variables have full names';
    like "@{ $symbol->list_outputs }", qr/\An_dense1_fwd_output\z/;
    dies('Please first call $block->hybridize() and then run forward', sub { $net->export("$folder/net") });
    $net->initialize('ones');
    $net->hybridize;
    my $x = nd->array([[1, 2], [3, 4]]);
    my $expected = values_of($net->($x));
    $net->export("$folder/net", epoch => 7);
    is join(' ', map { s/:.*//r } sort keys %{ nd->load("$folder/net-0007.params") }), 'arg arg arg arg arg arg aux aux';
    my $read = AI::MXNet::Gluon::SymbolBlock->imports("$folder/net-symbol.json", 'data', "$folder/net-0007.params");
    $read->export("$folder/again");
    is(mx->sym->load("$folder/again-symbol.json")->list_arguments->[0], 'data', 'a block of a symbol can be exported at once');
    is values_of($read->($x)), $expected;
    is scalar(grep { $_->grad_req eq 'null' } $read->collect_params->values), 2, 'auxiliary states have no gradient';
    my $y;
    autograd->record(sub { $y = $read->($x) });
    $y->backward;
    cmp_ok $read->collect_params->params->get('n_dense0_weight')->grad->abs->sum->asscalar, '>=', 0, 'it can be trained';
    $read->save_parameters("$folder/read");
    is join(' ', sort keys %{ nd->load("$folder/read") }), 'batchnorm0_beta batchnorm0_gamma batchnorm0_running_mean batchnorm0_running_var dense0_bias dense0_weight dense1_bias dense1_weight';

    my $inner = $symbol->get_internals->slice('n_dense0_tanh_fwd_output');
    my $features = gluon->SymbolBlock($inner, mx->sym->var('data'), params => $net->collect_params);
    is "@{ $features->($x)->shape }", '2 3', 'a part of a network shares its parameters';
    is $features->(mx->sym->var('image'))->list_arguments->[0], 'image', 'and takes symbols in turn';
    dies('Input symbols must be variable', sub { gluon->SymbolBlock($symbol, $inner) });

    my $all = gluon->SymbolBlock($symbol->get_internals, mx->sym->var('data'), params => $net->collect_params);
    my $count = @{ $symbol->get_internals->list_outputs };
    for my $input ($x, mx->sym->var('image')) {
        my @all = $all->($input);
        is @all, $count, 'several outputs of one symbol are a list';
        is @{ scalar $all->($input) }, $count, 'and a list ref in scalar context';
    }
};

# Classes with an attribute or method of each name, which none of ours may have.
for my $name (qw(_blocks _layers _code _counter _graphs _infer _trace _hook _init _step _shape _data)) {
    no strict 'refs';
    for my $kind (qw(attribute method)) {
        my $class = "Own::$kind$name";
        my $meta = Mouse::Meta::Class->initialize($class);
        $meta->superclasses('AI::MXNet::Gluon::HybridBlock');
        if ($kind eq 'attribute') { AI::MXNet::Gluon::Mouse::declare($class, $name, is => 'rw', default => 7) }
        else                      { *{"${class}::$name"} = sub { my ($self, @arguments) = @_; return @arguments ? 'called from inside' : 7 } }
        *{"${class}::BUILD"} = sub { my ($self) = @_; $self->name_scope(sub { $self->fc(nn->Dense(2)) }) };
        *{"${class}::hybrid_forward"} = sub { my ($self, $F, $x) = @_; return $self->fc->($x) * $self->$name };
        my $net = $class->new;
        $net->initialize('ones');
        my @values = map { $net->hybridize($_); values_of($net->(nd->ones([1, 2]))) } 0, 1;
        $net->export(tempdir(CLEANUP => 1) . '/net');
        is "@values $net" =~ tr/\n//, 2, "$kind $name: it is shown";
        is "@values", '14 14 14 14', "$kind $name: and computes";
    }
}

subtest 'summary' => sub {
    my $net = nn->Sequential;
    my $layer = nn->Dense(2, in_units => 2);
    $net->add($layer, $layer, nn->Dropout(0.5));
    $net->initialize;
    my $text = '';
    open my $out, '>', \$text or die $!;
    my $before = select $out;
    $net->summary(nd->ones([3, 2]));
    select $before;
    like $text, qr/^ +Input +\(3, 2\) +0\n +Dense-1 +\(3, 2\) +6\n +Dense-2 +\(3, 2\) +6\n +Dropout-3 +\(3, 2\) +0$/m;
    like $text, qr/Total params: 12\n.*\nShared params in forward computation graph: 6\nUnique parameters in model: 6\n/;
    my $hybrid = nn->Dense(1);
    $hybrid->hybridize;
    dies('must not be hybridized to print summary', sub { $hybrid->summary(nd->ones([1, 1])) });
};

subtest 'arrays and symbols are called alike' => sub {
    package Styles { use AI::MXNet::Gluon::Mouse; extends 'AI::MXNet::Gluon::HybridBlock'; has code => (is => 'ro'); sub hybrid_forward { my ($self, $F, $x) = @_; return $self->code->($F, $x) } }
    my %styles = (
        'attributes by position' => sub { my ($F, $x) = @_; $F->clip($F->Activation($x, 'relu'), 0, 2)->slice_axis(1, 0, 2) },
        'shapes by name'         => sub { my ($F, $x) = @_; $x->reshape(shape => [3, 2]) + $F->zeros(shape => [3, 2]) },
        'shapes by position'     => sub { my ($F, $x) = @_; $x->reshape([3, 2]) + $F->ones([3, 2]) },
        "Perl's functions"       => sub { my ($F, $x) = @_; exp($x) + log($x + 5) * sqrt(abs($x)) - sin($x) / cos($x) },
        'dtypes'                 => sub { my ($F, $x) = @_; $x->astype('int32') },
    );
    for my $style (sort keys %styles) {
        my $block = Styles->new(code => $styles{$style});
        my $x = nd->array([[-1, 2, 3], [4, 5, 6]]);
        my $eager = $block->($x);
        $block->hybridize;
        is values_of($block->($x)), values_of($eager), $style;
    }
};

package Leaky {
    use AI::MXNet::Gluon::Mouse;
    use AI::MXNet::Function::Parameters;
    extends 'AI::MXNet::Gluon::RNN::HybridRecurrentCell';
    method state_info(Int $batch_size = 0) { return [{ shape => [$batch_size, 2] }] }
    method hybrid_forward($F, $inputs, $states) { my $sum = $inputs + $states->[0] * 0.5; return ($sum, [$sum]) }
}

subtest "a cell of the user's own, with typed arguments, works in other cells" => sub {
    my $stack = gluon->rnn->SequentialRNNCell;
    $stack->add(Leaky->new);
    $stack->add(gluon->rnn->ResidualCell(Leaky->new));
    is_deeply [map { $_->{shape} } @{ $stack->state_info }], [[0, 2], [0, 2]];
    my ($outputs) = $stack->unroll(2, nd->ones([1, 2, 2]), merge_outputs => 1);
    is values_of($outputs), '2 2 3.5 3.5';
};

subtest 'errors name what is wrong, at the line of the call' => sub {
    dies('Not Implemented', sub { AI::MXNet::Gluon::Block->new->(1) });
    dies('requires the first argument to forward be either Symbol or NDArray, but got [7]', sub { nn->Dense(1)->(7) });
    dies('was not initialized on context cpu(1). It was only initialized on cpu(0)', sub {
        my $dense = nn->Dense(1, in_units => 1);
        $dense->initialize;
        $dense->(nd->ones([1, 1], ctx => mx->cpu(1)));
    });
    dies('Paramers mismatch expected units but got 2 3', sub { nn->Dense(2, 3) });
    dies('register_child takes a Block, but got 5', sub { nn->Sequential->add(5) });
    dies('Attribute (rate) is required, in the constructor of AI::MXNet::Gluon::NN::Dropout', sub { nn->Dropout });
    dies('kernel_size takes a number or a list of 2, but got big', sub { nn->Conv2D(1, kernel_size => 'big') });
    dies("'(' is no pattern for names of parameters", sub { nn->Dense(1)->collect_params('(') });
    dies('L2Loss takes a prediction and a label, but got no label', sub { gluon->loss->L2Loss->(nd->ones([1])) });
    dies('LSTMCell takes an input and the list of its 2 states', sub { gluon->rnn->LSTMCell(1)->(nd->ones([1, 1])) });
    dies('begin_state needs a batch_size above 0: the shape of a state would be [0, 1]', sub { gluon->rnn->LSTMCell(1)->begin_state });
    dies('In method unroll: no such named parameter: merge', sub { gluon->rnn->LSTMCell(1)->unroll(1, [nd->ones([1, 1])], merge => 1) });
    dies('takes a recurrent cell as base_cell, but got 3', sub { gluon->rnn->ResidualCell(3) });
    dies('hidden_size and num_layers are at least 1, but got 3 and 0', sub { gluon->rnn->LSTM(3, 0) });
    dies("Attribute (shape) does not pass the type constraint because: Validation failed for 'Maybe[Int|Shape]' with value [3, -2]",
        sub { nn->Dense(3, in_units => -2) });
};

{
    package TwoInputs;
    use AI::MXNet::Gluon::Mouse;
    use AI::MXNet::Function::Parameters;
    extends 'AI::MXNet::Gluon::Block';
    method forward($x, AI::MXNet::NDArray $y) { return $x + $y }
    package OneInput;
    use AI::MXNet::Gluon::Mouse;
    use AI::MXNet::Function::Parameters;
    extends 'AI::MXNet::Gluon::HybridBlock';
    method hybrid_forward($F, $x) { return $x }
}

subtest "what does not fit the signature of a block's method is said at the line of the block's call" => sub {
    my $x = nd->ones([1]);
    dies('Too few arguments for method forward (expected 3, got 2)', sub { TwoInputs->new->($x) });
    dies("In method forward: parameter 2 (\$y): Validation failed for 'AI::MXNet::NDArray' with value 3", sub { TwoInputs->new->($x, 3) });
    dies('Too many arguments for method hybrid_forward (expected 3, got 4)', sub { OneInput->new->($x, $x) });
    my $net = nn->Sequential;
    $net->add(TwoInputs->new);
    dies('Too few arguments for method forward (expected 3, got 2)', sub { $net->($x) });
};

subtest 'an attribute that is only assigned to may have any name' => sub {
    my $block = nn->HybridSequential;
    $block->$_(nn->Dense(2)) for qw(FC1 W conv);
    is_deeply [sort $block->_children->keys], [qw(FC1 W conv)];
    isa_ok $block->W, 'AI::MXNet::Gluon::NN::Dense';
};

done_testing;

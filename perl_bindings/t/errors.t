# An error is one object, reads as one line, and points at the user's line.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use Test::More;
use AI::MXNet qw(mx nd autograd);

my $x = nd->ones([2, 3]);

subtest 'the file and line are those of the call' => sub {
    my %calls = (
        'overload'    => sub { my $y = $x + nd->ones([4]); },
        'method'      => sub { $x->reshape([7]) },
        'operator'    => sub { nd->dot($x, $x) },
        'slice'       => sub { $x->slice(9) },
        'constructor' => sub { nd->array('word') },
        'random'      => sub { nd->random->uniform(0, 1, shape => [-1]) },
        'backward'    => sub { $x->backward },
        'record'      => sub { autograd->record(1) },
        'assignment'  => sub { $x .= [1, 2] },
        'file'        => sub { nd->load('/nonexistent/file') },
        'directory'   => sub { nd->save('/nonexistent/file', [$x]) },
        'rank'        => sub { my $gru = mx->gluon->rnn->GRU(4); $gru->initialize; $gru->(nd->ones([3, 2])) },
        'layer'       => sub { mx->gluon->nn->Dense() },
        'optimizer'   => sub { mx->optimizer->SGD(learning_rate => 'fast') },
        'piddle'      => sub { PDL->pdl(1, 2) * $x },
        'own package' => sub { package AI::MXNet::Own; $x->reshape([7]) },
    );
    my $source = do { open my $file, '<', __FILE__ or die $!; my @lines = readline $file; \@lines };
    for my $name (sort keys %calls) {
        ok !eval { $calls{$name}->(); 1 }, $name;
        isa_ok $@, 'AI::MXNet::Error';
        my ($line) = grep { $source->[$_ - 1] =~ /'\Q$name\E'\s+=> sub/ } 1 .. @$source;
        is $@->line, $line, "$name points at line $line";
        is $@->file, __FILE__;
        like "$@", qr/ at \Q@{[__FILE__]}\E line $line\.\n\z/;
    }
};

subtest 'a failure that only computing finds names the line that issued it' => sub {
    my $source = nd->array([1, 2]);
    nd->take($source, nd->array([0]), mode => 'raise');    # the engine says what comes out; from now on Perl knows
    my $index = nd->array([7]);
    my $bad = nd->take($source, $index, mode => 'raise'); my $line = __LINE__;
    my $sum = $bad + 1;
    my $good = $source + 1;
    ok !eval { $sum->aspdl; 1 }, 'what depends on it dies when it is read';
    is $@->line, $line;
    is $@->operator, 'take';
    like "$@", qr/^MXNetError: .*7/;
    is $good->sum->asscalar, 5, 'what does not depend on it is good';
    is scalar(AI::MXNet::Engine->failures), 0, 'a failure that was read is not told again';
};

subtest 'a value out of its range is one too' => sub {
    my $line = __LINE__;
    for my $call (
        sub { nd->Dropout($x, p => 2) }, sub { nd->Dropout($x, { p => -1 }) }, sub { $x->Dropout(3) }, sub { nd->Dropout($x, axes => [7]) },
        sub { nd->L2Normalization($x, mode => 'channel') }, sub { nd->SoftmaxActivation($x, mode => 'channel') }, sub { $x->sum(axis => 0.5) },
        sub { nd->concat($x, $x, num_args => 3) }, sub { nd->concat($x, 5) },
    ) {
        nd->take($x, nd->array([0]));    # names its own line
        ok !eval { $call->(); 1 }, 'the call itself dies';
        cmp_ok $@->line, '>', $line, "$@";
        cmp_ok $@->line, '<', $line + 5;
    }
};

subtest 'a backward pass through what could not be computed fails the gradients' => sub {
    nd->take($x, nd->array([0]), mode => 'raise');    # from now on nothing waits for the engine
    for my $compute (sub { $_[0] }, sub { ($_[0] * 2)->sum }) {
        my ($weight, $other) = map { nd->array([1, 2]) } 1, 2;
        $_->attach_grad for $weight, $other;
        my $loss;
        autograd->record(sub { $loss = $compute->(nd->take($weight * 3, nd->array([7]), mode => 'raise') + $other->sum) });
        $loss->backward;
        for my $variable ($weight, $other) {
            ok !eval { $variable->grad->aspdl; 1 };
            like "$@", qr/^MXNetError: .*7.* line @{[__LINE__ - 4]}\.$/;
        }
        $other->grad .= 1;
        is $other->grad->sum->asscalar, 2, 'until they are overwritten';
    }
};

subtest 'a failure that nobody read is told by failures' => sub {
    my $bad = nd->take(nd->array([1, 2]), nd->array([9]), mode => 'raise'); my $line = __LINE__;
    my @failures = AI::MXNet::Engine->failures;
    is @failures, 1;
    like $failures[0], qr/line $line\.$/;
};

subtest 'an engine that is waited for after each call fails there' => sub {
    local $ENV{MXNET_ENGINE_TYPE} = 'NaiveEngine';
    my $program = q{
        my $ones = nd->ones([3]);
        my $sum = eval { nd->take($ones, nd->array([1]), mode => 'raise') + 1 };
        print $sum->asscalar, "\n";
        eval { nd->take($ones, nd->array([7]), mode => 'raise') };
        print $@->line, $@ =~ /index 7 is out of bounds/, "\n", $ones->sum->asscalar;
    };
    open my $pipe, '-|', $^X, "-I$Bin/../lib", '-MAI::MXNet=mx,nd', '-e', $program or die $!;
    is join('', readline $pipe), "2\n51\n3";
};

subtest "a user's own exception passes through record unchanged" => sub {
    my $object = bless { code => 7 }, 'My::Exception';
    ok !eval { autograd->record(sub { die $object }); 1 };
    is $@, $object;
    ok !autograd->is_recording, 'and the state is restored';
    ok !eval { autograd->record(sub { die "plain\n" }); 1 };
    is $@, "plain\n";
};

subtest 'files and states that are none are named' => sub {
    my $folder = tempdir(CLEANUP => 1);
    open my $file, '>', "$folder/text" or die $!;
    print {$file} 'no parameters';
    close $file;
    my @calls = (
        [qr{\AMXNetError: LocalFileSystem::Open "\Q$folder\E/none": No such file or directory at }, sub { nd->load("$folder/none") }, __LINE__],
        [qr{\AMXNetError: LocalFileSystem::Open "\Q$folder\E/none/x": No such file}, sub { nd->save("$folder/none/x", [$x]) }, __LINE__],
        [qr{\AMXNetError: Invalid NDArray file format: \Q$folder\E/text: at byte 0: }, sub { nd->load("$folder/text") }, __LINE__],
        [qr{\Aa file name is needed, but got ''}, sub { nd->load('') }, __LINE__],
        [qr{\Aload_frombuffer takes the bytes of a file, but got wide characters}, sub { nd->load_frombuffer("\x{263a}") }, __LINE__],
        [qr{\AMXNetError: this is no state of the random generator, as get_state gives it: 'rubbish' at }, sub { mx->random->set_state('rubbish') }, __LINE__],
        [qr{\Actx is a context such as mx->cpu, or its text, but got 'disk'}, sub { nd->ones([2], ctx => 'disk') }, __LINE__],
        [qr{\Aset_state takes the text that get_state gave, but got ARRAY}, sub { mx->random->set_state([1]) }, __LINE__],
    );
    for (@calls) {
        my ($message, $call, $line) = @$_;
        ok !eval { $call->(); 1 };
        like $@, $message;
        is $@->line, $line;
    }
    is nd->ones([2])->sum->asscalar, 2, 'and harm nothing';
};

subtest 'what a constructor or an attribute cannot take is said in one line' => sub {
    package Mine { use Mouse; extends 'AI::MXNet::SGD'; has own => (is => 'rw') }
    my $number = q{does not pass the type constraint because: Validation failed for 'Num' with value x};
    my @calls = (
        ['AI::MXNet::DataBatch: expected names and values in turn but got ARRAY', sub { AI::MXNet::DataBatch->new([$x]) }, __LINE__],
        [q{Attribute (batch_size) does not pass the type constraint because: Validation failed for 'Int' with value x, in AI::MXNet::NDArrayIter},
            sub { AI::MXNet::NDArrayIter->new(data => $x, batch_size => 'x') }, __LINE__],
        ["Attribute (learning_rate) $number, in AI::MXNet::Optimizer", sub { AI::MXNet::SGD->new(learning_rate => 'x') }, __LINE__],
        ["Attribute (learning_rate) $number, in the constructor of AI::MXNet::SGD", sub { mx->optimizer->SGD(learning_rate => 'x') }, __LINE__],
        ["Attribute (momentum) $number, in AI::MXNet::SGD", sub { Mine->new(own => 1, momentum => 'x') }, __LINE__],
        ["Attribute (wd) $number, in AI::MXNet::Optimizer", sub { Mine->new->wd('x') }, __LINE__],
        ["Attribute (scale) $number, in AI::MXNet::Uniform", sub { AI::MXNet::Uniform->new('x') }, __LINE__],
        ['Attribute (step) is required, in the constructor of AI::MXNet::FactorScheduler', sub { AI::MXNet::FactorScheduler->new }, __LINE__],
        ['Cannot assign a value to a read-only accessor of size, in AI::MXNet::ResizeIter',
            sub { AI::MXNet::ResizeIter->new(AI::MXNet::NDArrayIter->new($x), 1)->size(2) }, __LINE__],
    );
    for (@calls) {
        my ($message, $call, $line) = @$_;
        ok !eval { $call->(); 1 };
        like $@, qr/\A\Q$message\E.* at \S+ line $line\.\n\z/;
    }
};

subtest 'what a method cannot take is named, at the line of the call' => sub {
    my ($sgd, $fc) = (AI::MXNet::SGD->new, mx->sym->FullyConnected(mx->sym->Variable('data'), num_hidden => 2));
    my $iter = AI::MXNet::NDArrayIter->new($x, batch_size => 1);
    my @calls = (
        ['a variable is an NDArray, but got undef', sub { autograd->grad([$x], undef) }],
        ['mark_variables takes variables and gradients, which are NDArrays, but got x', sub { autograd->mark_variables('x', $x) }],
        ['Odd number of paired arguments for method grad', sub { autograd->grad([$x], [$x], 1) }],
        ['set_current takes a context, but got 1', sub { AI::MXNet::Context::->set_current(1) }],
        ['set_lr_mult takes a hash of numbers by name or index, but got ARRAY', sub { $sgd->set_lr_mult([]) }],
        ['create_state takes the index of a parameter and its weight, an NDArray, but got y', sub { $sgd->create_state(0, 'y') }],
        ['update_dict takes hashes of labels and of predictions by name, but got 1', sub { mx->metric->Accuracy->update_dict(1, {}) }],
        ['Metric index x is out of range 0 and 1', sub { mx->metric->create(['acc'])->get_metric('x') }],
        ['filter takes code that says of a sample whether it stays, but got undef', sub { mx->gluon->data->SimpleDataset([1])->filter }],
        ['apply takes code, which is called with each block, but got x', sub { mx->gluon->nn->Dense(1)->apply('x') }],
        ['LSTM takes a sequence as NDArray or Symbol, but got x', sub { mx->gluon->rnn->LSTM(2)->('x') }],
        ['an image is an NDArray [height, width, channels], but got ARRAY', sub { mx->image->center_crop([], [1, 1]) }],
        ['concatenate takes a list of NDArrays, but got undef', sub { nd->concatenate([undef, $x]) }],
        ['init is an initializer or its name, but got <AI::MXNet::NDArray 2x3', sub { mx->gluon->nn->Dense(1, in_units => 1)->initialize($x) }],
        ['split_and_load takes a list of contexts, but got y', sub { mx->gluon->utils->split_and_load($x, ctx_list => 'y') }],
        ['a network is a Symbol, but got undef', sub { mx->viz->print_summary }],
        ['there is no current batch: iter_next or next makes one', sub { mx->io->ResizeIter($iter, 2)->getdata }],
        ['an iterator needs data: arrays, piddles, a list or a hash of these', sub { mx->io->NDArrayIter({}) }],
        ['the scale of an exponential distribution is a number above 0, or an array, but got 0', sub { nd->random->exponential(0) }],
        ['predict takes an iterator, such as mx->io->NDArrayIter, but got x', sub {
            my $module = mx->mod->Module($fc, label_names => []);
            $module->bind(data_shapes => [[data => [2, 3]]]);
            $module->init_params;
            $module->iter_predict('x');
        }],
        ['Odd number of paired arguments for method begin_state', sub { mx->rnn->LSTMCell(2)->begin_state(1) }],
        ['Odd number of paired arguments for method get_vgg', sub { mx->gluon->model_zoo->vision->get_vgg(11, 'pretrained') }],
        ['Symbol->save needs a file name, but got undef', sub { $fc->save }],
        ['save_checkpoint needs a file name, but got an empty one', sub { mx->mod->Module($fc, label_names => [])->save_checkpoint('', 1) }],
        ['there is no sample x of 1', sub { mx->gluon->data->SimpleDataset([1])->at('x') }],
        ['moveaxis: an index is an integer, but got x', sub { $x->moveaxis('x', 1) }],
        ['MXNetError: Check failed: oshape.Size() == dshape.Size(): Target shape size is different to source. Target: []', sub { nd->reshape([2, 3]) }],
    );
    for (@calls) {
        my ($message, $call) = @$_;
        ok !eval { $call->(); 1 };
        like $@, qr/\A\Q$message\E/;
        is ref $@ && $@->file, $0;
    }
    my $half = mx->gluon->utils->split_and_load($x, ctx_list => mx->cpu);
    is scalar @$half, 1, 'one context is a list of one';
};

subtest 'an error works as a string' => sub {
    eval { nd->dot($x, $x) };
    ok $@ =~ /dot shape error/;
    ok "$@" eq $@;
    ok $@ ne 'other';
    my $error = $@;
    eval { die $error };
    is $@, $error, 'and can be thrown again';
    is_deeply [map { $error->$_ } qw(kind operator shapes)], ['shape', 'dot', '2x3 2x3'], 'it has parts, whether Perl finds it';
    eval { nd->take(nd->ones([2]), nd->array([5]), mode => 'raise')->aspdl };
    is_deeply [map { $@->$_ } qw(kind operator shapes)], ['argument', 'take', '2 1'], 'or the engine';
    eval { my $sum = $x + nd->ones([7]) };
    is $@->shapes, '2x3 7';
};

subtest '$@ of the caller is left alone' => sub {
    eval { die "mine\n" };
    my $y = $x + 1;
    $y->aspdl;
    autograd->record(sub { $y = $x * 2 });
    is $@, "mine\n";
};

done_testing;

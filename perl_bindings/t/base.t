use strict;
use warnings;
use Test::More;
use PDL;
use AI::MXNet::Base qw(:DEFAULT digitize array_index range hash pzeros);

subtest 'zip and enumerate stop at the shortest' => sub {
    is_deeply [zip([1, 2, 3], ['a', 'b'])], [[1, 'a'], [2, 'b']];
    is_deeply [enumerate(['x', 'y'])], [[0, 'x'], [1, 'y']];
    my @seen;
    zip(sub { push @seen, "@_" }, [1, 2], [3, 4]);
    is_deeply \@seen, ['1 3', '2 4'];
    is_deeply [zip([], [1])], [];
};

subtest 'numbers and lists' => sub {
    is product(2, 3, 4), 24;
    is product(), 1;
    is bisect_left([1, 3, 3, 5], 3), 1;
    is bisect_left([1, 3], 9), 2;
    is digitize(2, [1, 2, 3]), 2;
    is digitize(7, [1, 2]), 2;
    is array_index('b', ['a', 'b']), 1;
    is_deeply [range(0, 5, 2)], [0, 2, 4];
    is_deeply [range(3, 0, -1)], [3, 2, 1];
    is hash('abc'), hash('abc');
    isnt hash('abc'), hash('acb');
    is_deeply as_array(3), [3];
    ok !eval { assert(0, 'no'); 1 };
    like $@, qr/^no at /;
};

subtest 'rows of piddles' => sub {
    is_deeply pdl_shuffle(pdl([[1, 2], [3, 4], [5, 6]]), [2, 0, 1])->unpdl, [[5, 6], [1, 2], [3, 4]];
    is_deeply [sort { $a <=> $b } pdl_shuffle(sequence(10))->list], [0 .. 9];
    is_deeply pdl([[1, 2], [3, 4]])->at(1)->unpdl, [3, 4], 'at with one index is a row';
    is pdl([[1, 2], [3, 4]])->at(0, 1), 3;
    is sequence(3, 4)->len, 4;
    is float(1)->dtype, 'float32';
};

subtest 'dtypes by name and number' => sub {
    is DTYPE_STR_TO_MX->{int64}, 6;
    is DTYPE_MX_TO_STR->{1}, 'float64';
    is DTYPE_MX_TO_PERL->{int32}, 'l';
    is DTYPE_PDL_TO_MX->{ long->enum }, 4;
    is GRAD_REQ_MAP->{add}, 3;
};

subtest 'sparse matrices of PDL::CCS tell their parts' => sub {
    eval { require PDL::CCS::Nd } or plan skip_all => 'needs PDL::CCS';
    my $matrix = ascsr([1, 2, 3], [0, 1, 3, 3], [1, 0, 2], [3, 3]);
    is_deeply [map { $matrix->$_->unpdl } qw(data indices indptr)], [[1, 2, 3], [1, 0, 2], [0, 1, 3, 3]];
    is_deeply [map { $matrix->tocoo->$_->unpdl } qw(data row col)], [[1, 2, 3], [0, 1, 1], [1, 0, 2]];
    is_deeply(PDL->rand_sparse(4, 5, 0.5)->shape, [4, 5]);
    is $matrix->dtype, 'float64';
};

subtest 'each word of an import stands for a package, which is there' => sub {
    my @run = ($^X, (map {"-I$_"} grep { !ref } @INC), '-e');
    my %prints = (
        'use AI::MXNet qw(mx gluon nn rnn sym); print join " ", gluon->nn, ref nn->Dense(2), ref rnn->LSTM(2), sym->var("x")->name'
            => 'AI::MXNet::Gluon::NN AI::MXNet::Gluon::NN::Dense AI::MXNet::Gluon::RNN::LSTM x',
        'use AI::MXNet qw(nd); print nd->ones([2])->aspdl' => '[1 1]',
        'use AI::MXNet qw(mx); print nd->ones([2])->aspdl, mx->nd->ones([1])->aspdl' => '[1 1][1]',
        'use AI::MXNet qw(anything); print anything->nd->ones([1])->aspdl' => '[1]',
        'use AI::MXNet::Gluon qw(gluon); print gluon->loss' => 'AI::MXNet::Gluon::Loss',
    );
    for my $code (sort keys %prints) {
        open my $output, '-|', @run, $code or die "$^X: $!\n";
        is readline $output, $prints{$code}, $code;
    }
};

subtest 'named arguments of a constructor may come in a hash' => sub {
    require AI::MXNet;
    require AI::MXNet::Gluon;
    my ($mx, $gluon) = qw(AI::MXNet AI::MXNet::Gluon);
    is $mx->init->Xavier({ magnitude => 2 })->magnitude, 2;
    is $mx->metric->create('topkaccuracy', { top_k => 3 })->top_k, 3;
    is $mx->io->DataDesc({ name => 'a', shape => [1] }), 'DataDesc[a,1,float32,NCHW]';
    is $mx->callback->Speedometer({ batch_size => 3 })->batch_size, 3;
    is $gluon->nn->Dense({ units => 4 })->units, 4;
    is $gluon->nn->BatchNorm({ momentum => 0.5 })->momentum, 0.5;
    my $iterator = $mx->io->NDArrayIter({ batch_size => $mx->nd->ones([2, 3]) });
    is_deeply [map {"$_"} @{ $iterator->provide_data }], ['DataDesc[batch_size,1x3,float32,NCHW]'], 'unless the first one is a hash';
};

subtest 'objects that can be called or read from are themselves alone' => sub {
    for my $make (sub { AI::MXNet->io->NDArrayIter(pdl([1, 2])) }, sub { AI::MXNet->rnn->LSTMCell(2) }, sub { AI::MXNet::Gluon->data->SequentialSampler(3) }) {
        my ($one, $other) = ($make->(), $make->());
        ok $one && $one == $one && $one != $other && $one eq $one && $one ne $other, ref $one;
    }
};

subtest 'classes of ours are types for the attributes of other classes' => sub {
    my $program = '$| = 1; package Settings { use Mouse; use AI::MXNet qw(mx); '
        . 'has where => (is => q(ro), isa => q(AI::MXNet::Context|ArrayRef[AI::MXNet::Context])); '
        . 'has how   => (is => q(ro), isa => q(Maybe[AI::MXNet::Optimizer|Str])); has value => (is => q(ro), isa => q(PDL)); } '
        . 'package Rows { use Mouse; extends q(AI::MXNet::DataIter); has net => (is => q(ro), isa => q(AI::MXNet::Symbol|Undef)); has shift => (is => q(ro), isa => q(PDL)); } '
        . 'my $settings = Settings->new(where => [mx->cpu], how => mx->opt->SGD, value => PDL->pdl(2)); '
        . 'my $rows = Rows->new(net => mx->sym->var(q(x)), batch_size => PDL->pdl(1, 2)->sum, shift => PDL->pdl(4)); '
        . 'print join q( ), $settings->where->[0], $settings->how->lr, $settings->value, $rows->net, $rows->batch_size, ref $rows->shift; '
        . 'Settings->new(where => 5)';
    open my $run, '-|', $^X, (map {"-I$_"} @INC), '-e', "use strict; use warnings; open STDERR, '>&', *STDOUT; $program" or die "$^X: $!";
    like join('', readline $run), qr/\Acpu\(0\) 0\.01 2 <AI::MXNet::Symbol x> 3 PDLAttribute \(where\) does not pass the type constraint/;
};

subtest 'classes are there without their modules' => sub {
    my @classes = map {"AI::MXNet::$_"} qw(
        Gluon::NN::Conv2D Gluon::NN::Identity Gluon::RNN::HybridRecurrentCell Gluon::L2Loss Symbol::Prefix SGD);
    my $program = 'use strict; use AI::MXNet qw(mx); my $class = shift; '
        . 'eval qq(package Own; use AI::MXNet::Gluon::Mouse; extends q($class); 1) or die $@; print Own->can(q(new)) && Own->isa(q(Mouse::Object)) ? q(yes) : q(no)';
    for my $class (@classes) {
        open my $run, '-|', $^X, (map {"-I$_"} @INC), '-we', $program, $class or die "$^X: $!";
        is join('', readline $run), 'yes', $class;
    }
};

subtest 'a program may begin with any module' => sub {
    my $program = 'use AI::MXNet qw(mx); '
        . 'my $net = mx->sym->SoftmaxOutput(mx->sym->FullyConnected(mx->sym->var(q(data)), num_hidden => 2), name => q(softmax)); '
        . '$AI::MXNet::Logging::silent = 1; '    # which is there already, whatever is loaded late
        . 'mx->mod->Module($net)->fit(mx->io->NDArrayIter(mx->nd->ones([4, 2]), mx->nd->zeros([4]), batch_size => 2), num_epoch => 1, '
        . 'optimizer => q(adam), initializer => mx->init->Xavier, eval_metric => [qw(acc ce)], batch_end_callback => mx->callback->Speedometer(2)); '
        . 'print q(done)';
    for my $module (qw(CachedOp IO Metric Module::Base Optimizer RNN::ModifierCell Symbol)) {
        open my $run, '-|', $^X, (map {"-I$_"} @INC), '-e', "use strict; use warnings qw(FATAL all); no warnings q(once); use AI::MXNet::$module; open STDERR, '>&', *STDOUT; $program" or die "$^X: $!";
        is join('', readline $run), 'done', $module;
    }
};

done_testing;

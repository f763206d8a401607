# What training calls and what tells of it: callbacks, Monitor, Visualization; test utilities, features, bulk sizes.
use strict;
use warnings;
use Test::More;
use PDL;
use AI::MXNet qw(mx nd);
use AI::MXNet::TestUtils ();

package Param { use Mouse; has [qw(epoch nbatch eval_metric)] => (is => 'ro') }

sub param { my ($nbatch, $metric) = @_; return Param->new(epoch => 1, nbatch => $nbatch, eval_metric => $metric) }

# A metric that has seen one right answer.
sub right { my $metric = mx->metric->create(['acc', 'mae']); $metric->update([nd->array([1])], [nd->array([1])]); return $metric }

# What code prints, and what it warns.
sub said
{
    my ($code) = @_;
    my ($printed, $warned) = ('', '');
    open my $file, '>', \$printed or die $!;
    my $before = select $file;
    local $SIG{__WARN__} = sub { $warned .= join '', @_ };
    eval { $code->(); 1 } or $warned .= $@;
    select $before;
    return ($printed, $warned);
}

subtest 'progress' => sub {
    my $meter = mx->callback->Speedometer(10, 2);
    my $metric = right();
    my (undef, $said) = said(sub { $meter->(param($_, $metric)) for 0 .. 3 });
    like $said, qr{\AEpoch\[1\] Batch \[2\]\tSpeed: [0-9.]+ samples/sec\tTrain-accuracy=1\.000000\nEpoch\[1\] Batch \[2\]\tSpeed: [0-9.]+ samples/sec\tTrain-mae=0\.000000\n\z};
    is $metric->get_metric(0)->num_inst, 0, 'the metric is reset';
    (undef, $said) = said(sub { $meter->(param($_)) for 0 .. 2 });
    like $said, qr{\AIter\[1\] Batch \[2\]\tSpeed: [0-9.]+ samples/sec\n\z}, 'without a metric, in a new epoch';
    $metric = right();
    said(sub { my $keeps = mx->callback->Speedometer(10, frequent => 1, auto_reset => 0); $keeps->(param($_, $metric)) for 0, 1 });
    is $metric->get_metric(0)->num_inst, 1, 'or not reset';
    my ($bar) = said(sub { my $progress = mx->callback->ProgressBar(8, 4); $progress->(param($_)) for 1, 2, 8 });
    is $bar, "[=---] 13%\r[=---] 25%\r[====] 100%\r";
};

subtest 'measures and checkpoints' => sub {
    my $metric = right();
    my $log = mx->callback->log_train_metric(2, 1);
    my (undef, $said) = said(sub { $log->(param($_, $metric)) for 1, 2 });
    is $said, "Iter[1] Batch[2] Train-accuracy=1.000000\nIter[1] Batch[2] Train-mae=0.000000\n";
    is $metric->get_metric(0)->num_inst, 0;
    (undef, $said) = said(sub { mx->callback->LogValidationMetricsCallback->(param(1, right())) });
    is $said, "Epoch[1] Validation-accuracy=1.000000\nEpoch[1] Validation-mae=0.000000\n";
    package Net { sub new { bless [] } sub save_checkpoint { my ($self, @arguments) = @_; push @$self, "@arguments" } }
    my $net = Net->new;
    my $save = mx->callback->module_checkpoint($net, 'prefix', 2);
    $save->($_) for 0 .. 4;
    mx->callback->module_checkpoint($net, 'other', 1, 1)->(6);
    is_deeply [@$net], ['prefix 2 0', 'prefix 4 0', 'other 7 1'];
    package Counter { use Mouse; extends 'AI::MXNet::Callback'; has n => (is => 'rw', default => 0); sub call { $_[0]->n($_[0]->n + $_[1]->nbatch) } }
    my $own = Counter->new;
    $own->(param(3)) for 1, 2;
    is $own->n, 6, 'a callback of one\'s own';
    ok !eval { package Silent; Mouse->import; Silent->can('new'); AI::MXNet::Callback->new->(1); 1 };
    like $@, qr/a callback without a method call/;
};

subtest 'Monitor' => sub {
    my $net = mx->sym->Activation(mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 4, name => 'fc'), act_type => 'relu', name => 'act');
    my $executor = $net->simple_bind(shapes => { data => [1, 4] });
    $executor->arg_dict->{fc_weight} .= 1;
    my $monitor = mx->mon->Monitor(2, pattern => '.*output');
    $monitor->install($executor);
    my @steps;
    for (1 .. 3) {
        $monitor->tic;
        $executor->forward(1, data => nd->ones([1, 4]));
        push @steps, [map { join ' ', @$_ } @{ $monitor->toc }];
    }
    is_deeply $steps[0], ["1 fc_output 4\t", "1 act_output 4\t", "1 data 1\t", "1 fc_bias 0\t", "1 fc_weight 1\t"], 'outputs, and arguments';
    is_deeply [$steps[1], scalar @{ $steps[2] }], [[], 5], 'every second step';
    my $largest = mx->mon->Monitor(1, sub { [$_[0]->max, $_[0]->min->asscalar] }, 'act', sort => 1);
    $largest->install($executor);
    $largest->tic;
    $executor->forward(0, data => nd->ones([1, 4]) * 2);
    my (undef, $said) = said(sub { $largest->toc_print });
    is $said, join('', map { sprintf "Batch: %7d %30s %s\n", 1, @$_ } ['act_output', "8\t8\t"], ['data', "2\t2\t"], ['fc_bias', "0\t0\t"], ['fc_weight', "1\t1\t"]),
        'values of one\'s own, in order, printed';
};

subtest 'print_summary' => sub {
    my $net = mx->sym->Convolution(mx->sym->var('data'), kernel => [3, 3], num_filter => 4, name => 'c1');
    $net = mx->sym->BatchNorm($net, name => 'bn');
    $net = $net + mx->sym->Convolution($net, kernel => [1, 1], num_filter => 4, no_bias => 1, name => 'c2');
    my ($table) = said(sub { mx->viz->print_summary($net, { data => [2, 3, 10, 10] }, 60) });
    like $table, qr/^c1\(Convolution\) +4x8x8 +112 +data *$/m;
    like $table, qr/^bn\(BatchNorm\) +4x8x8 +8 +c1 *$/m;
    like $table, qr/^c2\(Convolution\) +4x8x8 +16 +bn *$/m, 'without a bias';
    like $table, qr/^_plus\d+\(\w+\) +4x8x8 +0 +bn *\n +c2 *$/m, 'two layers before';
    like $table, qr/^Total params: 136$/m;
    is((grep { length != 60 and !/^Total/ } split /\n/, $table)[0], undef, 'lines of the length asked for');
    like((said(sub { mx->viz->print_summary($net) }))[0], qr/^c1\(Convolution\) +0 +data *$/m, 'without shapes');
    my $foreign = mx->sym->FullyConnected(mx->sym->var("d\x{e5}ta"), num_hidden => 1, name => "f\x{f8}");
    like((said(sub { mx->viz->print_summary($foreign) }))[0], qr/^f\x{f8}\(FullyConnected\) +0 +d\x{e5}ta *$/m, 'names of any letters');
    like((said(sub { mx->viz->print_summary($net, {}) }))[1], qr/Input shape is incomplete at \Q$0\E/, 'without enough of them');
};

subtest 'plot_network' => sub {
    plan skip_all => 'GraphViz is not installed' unless eval { require GraphViz };
    my $net = mx->sym->SoftmaxOutput(mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 4, name => 'fc'), name => 'softmax');
    my $text = mx->viz->plot_network($net, shape => { data => [2, 3] }, save_format => 'canon', title => 'small')->graph->as_debug;
    like $text, qr/digraph small/;
    like $text, qr/label="FullyConnected\\n4"/;
    like $text, qr/data -> fc .*label="3"/;
    unlike $text, qr/fc_weight/, 'weights are left out';
    like mx->viz->plot_network($net, hide_weights => 0)->graph->as_debug, qr/fc_weight -> fc/, 'or not';
    like mx->viz->plot_network($net, title => 'a "small" net')->graph->as_debug, qr/digraph "a \\"small\\" net"/, 'any title';
    ok !eval { mx->viz->plot_network($net, colour => 1); 1 };
    like $@, qr/no such named parameter: colour/;
};

subtest 'test utilities' => sub {
    AI::MXNet::TestUtils->import(qw(
        same almost_equal reldiff allclose pdl_maximum pdl_minimum dies_ok dies_like same_array random_arrays randint rand_shape_2d rand_shape_3d
        rand_shape_nd rand_ndarray rand_sparse_ndarray create_sparse_array create_sparse_array_zd shuffle_csr_column_indices assign_each assign_each2 isNaN));
    my $x = pdl([[1, 2], [3, 4]]);
    is_deeply [same($x, $x->copy), same($x, $x + 1), almost_equal($x, $x + 1e-7), almost_equal($x, $x + 1), almost_equal($x, $x + 1, 0.5)], [1, 0, 1, 0, 1];
    is_deeply [same([1, 2], [1, 2]), same(nd->array([1, 2]), [1, 3]), allclose(nd->array([1]), 1), almost_equal([1], nd->ones([1]))], [1, 0, 1, 1], 'also of lists and arrays';
    is_deeply [reldiff(pdl(1, 1), pdl(1, 3)), allclose($x, $x + 1e-7), allclose($x, $x + 1e-3), allclose($x, $x + 1e-3, 1e-2)], [2 / 6, 1, 0, 1];
    is_deeply [pdl_maximum($x, 2)->list, pdl_minimum($x, $x->transpose)->list], [2, 2, 3, 4, 1, 2, 2, 4];
    is_deeply [isNaN(pdl(1, 'nan'))->list], [0, 1];
    is_deeply [dies_ok(sub {die}), dies_ok(sub {1}), dies_like(sub { die "of this\n" }, qr/this/), dies_like(sub {1}, qr/x/)], [1, 0, 1, 0];
    my $array = nd->ones([4, 2]);
    is_deeply [same_array($array, $array->reshape([2, 4])->reshape([4, 2])), same_array($array, $array->copy)], [1, 0];
    is_deeply [(random_arrays([2, 3]))->dims], [3, 2];
    is scalar(my @two = random_arrays([2], [3])), 2;
    srand 1;
    my @numbers = map { randint(2, 5) } 1 .. 50;
    is join('', sort { $a <=> $b } keys %{ { map { $_ => 1 } @numbers } }), '234';
    is scalar(@{ rand_shape_2d() }) . scalar(@{ rand_shape_3d(2, 3, 4) }) . scalar(@{ rand_shape_nd(5) }), '235';
    is_deeply rand_ndarray([2, 3], 'default')->shape, [2, 3];
    for my $stype (qw(csr row_sparse)) {
        for my $density (0, 0.5, 1) {
            my ($sparse, $parts) = rand_sparse_ndarray([5, 4], $stype, density => $density, dtype => 'float64');
            is_deeply [$sparse->stype, $sparse->dtype, $sparse->shape, scalar @$parts], [$stype, 'float64', [5, 4], $stype eq 'csr' ? 3 : 2], "$stype of density $density";
            $sparse->check_format(1);
            is $sparse->tostype('default')->aspdl->where($sparse->tostype('default')->aspdl != 0)->nelem, $density * 20 if $density != 0.5;
        }
    }
    my $rows = create_sparse_array([4, 2], 'row_sparse', 3, [1, 3]);
    is_deeply [$rows->tostype('default')->aspdl->list], [0, 0, 3, 3, 0, 0, 3, 3];
    is_deeply [create_sparse_array_zd([4, 1], 'row_sparse', 0.5, 1)->tostype('default')->aspdl->list], [1, 1, 0, 0];
    my ($powers) = rand_sparse_ndarray([4, 8], 'csr', density => 0.5, distribution => 'powerlaw');
    is_deeply [$powers->indptr->aspdl->list], [0, 1, 3, 7, 15], 'twice as many in each row';
    my $csr = create_sparse_array([6, 8], 'csr', undef, undef, undef, sub { 1 + $_[0] });
    is_deeply [shuffle_csr_column_indices($csr)->tostype('default')->aspdl->list], [$csr->tostype('default')->aspdl->list], 'columns in disorder';
    is_deeply [assign_each($x, sub { $_[0] * 2 })->list, assign_each2($x, $x, sub { $_[0] * $_[1] })->list], [2, 4, 6, 8, 1, 4, 9, 16];
    is_deeply [AI::MXNet::TestUtils::mlp2()->list_arguments, scalar @{ AI::MXNet::TestUtils::conv()->list_arguments }],
        [[qw(data fc1_weight fc1_bias fc2_weight fc2_bias)], 12];
    ok !eval { AI::MXNet::TestUtils::GetCifar10(); 1 };
    like $@, qr{data/cifar has no file train\.rec: it is not downloaded};
};

subtest 'the same network in several dtypes' => sub {
    my $net = mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 3, name => 'fc');
    mx->random->seed(1);
    my $truth = AI::MXNet::TestUtils::check_consistency(sym => $net, scale => 0.5,
        ctx_list => [map { { ctx => mx->cpu, data => [4, 5], type_dict => { data => $_, fc_weight => $_, fc_bias => $_ } } } qw(float32 float64)]);
    is $truth->{fc_output}->dtype, 'float64', 'compared with the most exact one';
    is_deeply [sort keys %$truth], ['fc_output', map {"grad of $_"} qw(data fc_bias fc_weight)];
    AI::MXNet::TestUtils::check_consistency(sym => $net, grad_req => 'null', ctx_list => [map { { ctx => mx->cpu($_), data => [4, 5] } } 0, 1]);
};

subtest 'features and bulk sizes' => sub {
    my $features = mx->runtime->Features;
    is $features->is_enabled('CUDA'), 0;
    is $features->is_enabled('LAPACK'), 1;
    is $features->is_enabled('OPENCV'), eval { mx->image->imdecode(nd->image->encode(nd->ones([1, 1, 3], dtype => 'uint8'))) } ? 1 : 0, 'image files';
    like "$features", qr/\A\[\x{2716} BLAS_APPLE, .*, \x{2716} TVM_OP\]\z/;
    ok !eval { $features->is_enabled('XX'); 1 };
    like $@, qr/Feature XX does not exist at \Q$0\E/;
    is mx->engine->set_bulk_size(7), 0;
    my $within;
    mx->engine->bulk(3, sub { $within = mx->engine->set_bulk_size(3) });
    is $within, 3;
    ok !eval { mx->engine->bulk(5, sub { die "inside\n" }); 1 };
    is $@, "inside\n";
    is mx->engine->set_bulk_size(0), 7, 'as before';
    ok !eval { mx->CudaModule('code'); 1 };
    like $@, qr/the engine computes on the CPU alone.* at \Q$0\E/;
};

done_testing;

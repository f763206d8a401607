use strict;
use warnings;
use Test::More;
use AI::MXNet qw(mx nd);

sub text { my ($array) = @_; return join ' ', map { 0 + sprintf '%.6g', $_ } $array->aspdl->list }
sub shape { return join 'x', @{ $_[0]->shape } }

subtest 'arrays are made from lists, numbers in them as text too' => sub {
    is text(nd->array([[1, 2], [3, 4]])), '1 2 3 4';
    is text(nd->array(['1.5', '-2'])),    '1.5 -2';
    is shape(nd->array([[[1], [2]]])), '1x2x1';
    is shape(nd->array([])), '0';
    is text(nd->array([[1, 2], [3]])), '1 2 3 0', 'ragged rows are padded with zeros, as in the original';
    is_deeply [map { lc } nd->array(['nan', 'inf'])->aspdl->list], ['nan', 'inf'];
};

subtest 'every dtype is held and told' => sub {
    for my $dtype (qw(float32 float64 float16 uint8 int8 int32 int64)) {
        my $x = nd->array([1, 2, 3], dtype => $dtype);
        is $x->dtype, $dtype;
        is text($x + $x), '2 4 6', "$dtype adds";
        is text($x->astype('float64')), '1 2 3';
    }
    my $wide = PDL->new_from_specification(PDL::longlong(), 1);
    $wide .= PDL::longlong('9007199254740993');
    is nd->array($wide, dtype => 'int64')->asscalar, 9007199254740993, 'int64 beyond float64';
};

subtest 'array copies an array and keeps its gradient path' => sub {
    my $x = nd->array([1, 2]);
    $x->attach_grad;
    my $y;
    mx->autograd->record(sub { $y = nd->array($x) * 3 });
    $y->backward;
    is text($x->grad), '3 3';
    my $copy = nd->array($x);
    $copy += 1;
    is text($x), '1 2';
};

subtest 'arithmetic broadcasts, also one element against many' => sub {
    my $x = nd->array([[1, 2, 3], [4, 5, 6]]);
    is text($x + nd->array([10, 20, 30])), '11 22 33 14 25 36';
    is text($x * nd->array([2])), '2 4 6 8 10 12';
    is text(nd->array([2]) - $x), '1 0 -1 -2 -3 -4';
    is text(10 - nd->array([1])), '9';
    is text(2**nd->array([3])), '8';
    is text(7 % nd->array([4])), '3';
};

subtest 'a one-element piddle is a number; other piddles and lists are refused' => sub {
    my $x = nd->array([1, 2]);
    is text($x * PDL->pdl(3)), '3 6';
    is text($x->sum(axis => PDL->pdl(0))), '3';
    for my $bad (PDL->pdl(1, 2), [1], {}, undef, 'word') {
        my $shown = ref $bad || $bad // 'undef';
        ok !eval { my $y = $x + $bad; 1 }, "$shown is refused";
        like $@, qr/operator \+ takes an NDArray or a number/;
    }
};

subtest 'truth: one element has that of its value, several are true' => sub {
    ok !nd->array([0]);
    ok nd->array([0.5]);
    ok !(nd->array([2]) == 3);
    ok nd->zeros([2]);
    ok nd->array([-1])->sum < 0 ? 1 : 0;
};

subtest 'strings, equality of strings, refused operators' => sub {
    my ($x, $y) = (nd->zeros([2, 3]), nd->ones([2, 3]));
    is "$x", '<AI::MXNet::NDArray 2x3 @cpu(0)>';
    ok $x eq $y;
    ok $x ne nd->zeros([3]);
    ok !eval { my $order = $x <=> $y; 1 };
    like $@, qr/<=> is not defined/;
};

subtest 'in-place forms keep the array, and every alias sees them' => sub {
    my $x = nd->array([1, 2, 3]);
    my $alias = $x;
    my $handle = $x->handle;
    $x += 1; $x *= nd->array([2]); $x -= 2; $x /= 2; $x %= 2; $x++; $x--;
    is text($x), '1 0 1';
    is text($alias), '1 0 1';
    is $x->handle, $handle;
    $x **= 2;
    isnt $x->handle, $handle, '**= makes a new array';
    is text($alias), '1 0 1';
};

subtest 'views share memory, copies do not' => sub {
    my $x = nd->array([[1, 2], [3, 4], [5, 6]]);
    my ($row, $rows, $flat, $same, $copy) = ($x->at(1), $x->slice([1, 2]), $x->reshape([-1]), $x->detach, $x->copy);
    $row .= 9;
    is text($x), '1 2 9 9 5 6';
    is text($rows), '9 9 5 6';
    is text($flat), '1 2 9 9 5 6';
    is text($same), '1 2 9 9 5 6';
    is text($copy), '1 2 3 4 5 6';
    $flat->slice([4, 5]) .= nd->array([7, 8]);
    is text($x), '1 2 9 9 7 8';
    my $transposed = $x->T;
    $x += 1;
    is text($transposed), '1 9 7 2 9 8', 'a transposed array is not a view';
    is text($x->[0]), '2 3';
    $x->[0] .= 0;
    is text($x), '2 3 10 10 8 9', 'rows through @{} are copies';
};

subtest 'slices of several dimensions' => sub {
    my $x = nd->arange(stop => 12)->reshape([3, 4]);
    is text($x->slice([0, 1], [1, 2])), '1 2 5 6';
    is text($x->slice('X', -1)), '3 7 11';
    is text($x->slice([-2, -1], [0, 0])), '4 8';
    is shape($x->slice(1, 'X')), '1x4';
    $x->slice('X', 0) .= -1;
    is text($x), '-1 1 2 3 -1 5 6 7 -1 9 10 11';
    $x->slice([0, 1], [0, 1]) .= [[1, 2], [3, 4]];
    $x->slice(2, [2, 3]) += 100;
    is text($x), '1 2 2 3 3 4 6 7 -1 9 110 111';
    my $slice = $x->slice([0, 1], [0, 1]);
    is text($slice + $slice), '2 4 6 8';
    is text($x->slice([0, 1], 'X') - $x->slice([1, 2], 'X')), '-2 -2 -4 -4 4 -5 -104 -104';
    is text($slice->sum), '10';
    is text($x->slice([[0, 2], [1, 3]])), '2 111', 'lists of positions';
    is text($x->slice(begin => [0, 1], end => [3, 3], step => [2, 1])), '2 2 9 110';
};

subtest 'wrong indices are refused by name' => sub {
    my $x = nd->zeros([3, 4]);
    for my $case ([5], [[0, 3]], [[2, 1]], [[0, 1, 2]], ['0:1'], [0, 0, 0], [[]]) {
        my $shown = join ',', map { ref ? "[@$_]" : $_ } @$case;
        ok !eval { $x->slice(@$case); 1 }, "slice($shown)";
        isa_ok $@, 'AI::MXNet::Error';
    }
    ok !eval { $x->at(3); 1 };
    like $@, qr/Dimension 0 mismatch Idx: 3 >= Dim Size: 3/;
};

subtest 'argument styles of operators' => sub {
    my $x = nd->array([[1, 2], [3, 4]]);
    is text(nd->sum($x, axis => 1)), '3 7';
    is text(nd->sum($x, { axis => 1 })), '3 7';
    is text(nd->sum(data => $x, axis => 1)), '3 7';
    is text($x->sum(1)), '3 7';
    is text($x->sum('1')), '3 7';
    is text($x->sum(axis => [0, 1])), '10';
    is text($x->sum(axis => undef)), '10';
    is text(nd->dot($x, $x)), '7 10 15 22';
    is text($x->dot($x)), '7 10 15 22', 'the object is the first input';
    is text($x->take(nd->array([1]))), '3 4';
    is text(nd->concat($x, $x, dim => 0)), '1 2 3 4 1 2 3 4';
    is text(nd->concat([$x, $x], dim => 0)), '1 2 3 4 1 2 3 4', 'a list ref of arrays';
    my $out = nd->zeros([2]);
    is nd->sum($x, axis => 0, out => $out)->handle, $out->handle;
    is text($out), '4 6';
};

subtest 'histograms by number of bins or by edges' => sub {
    my $x = nd->array([1, 2, 2, 3, 5]);
    my @forms = ([bin_cnt => 4, range => [1, 5]], [bins => 4], [bins => nd->array([1, 2, 3, 4, 5])]);
    is_deeply [map { $_->aspdl->unpdl } @{ nd->histogram($x, @$_) }], [[1, 2, 1, 1], [1 .. 5]] for @forms;
};

subtest 'wrong arguments die at the call' => sub {
    my $x = nd->ones([2, 2]);
    my %cases = (
        'unknown name'         => [sub { nd->sum($x, { axiss => 1 }) }, qr/Cannot find argument 'axiss', Possible Arguments: axis/],
        'wrong type'           => [sub { $x->sum(axis => 'one') }, qr/Invalid Parameter format for axis/],
        'missing attribute'    => [sub { nd->one_hot($x) }, qr/Required parameter depth/],
        'too few arrays'       => [sub { nd->dot($x) }, qr/dot takes 2 inputs/],
        'too many arrays'      => [sub { nd->sqrt($x, $x) }, qr/sqrt takes 1 inputs/],
        'too many positionals' => [sub { $x->sum(1, 0, 0, 5) }, qr/Too many positional arguments/],
        'shapes'               => [sub { $x + nd->ones([3]) }, qr/broadcast.*\[2,2\].*\[3\]/],
        'dtypes'               => [sub { $x + nd->ones([2, 2], dtype => 'int32') }, qr/expected float32, got int32/],
        'axis'                 => [sub { $x->sum(axis => 5) }, qr/axis 5/],
        'dtype name'           => [sub { $x->astype('float') }, qr/dtype must be one of/],
        'shape'                => [sub { nd->zeros(3) }, qr/a shape is a list/],
        'reshape'              => [sub { $x->reshape([3, -1]) }, qr/size is different/],
        'gpu'                  => [sub { nd->zeros([1], ctx => mx->gpu(0)) }, qr/computes on the CPU/],
        'a choice'             => [sub { nd->Activation($x, act_type => 'rely') }, qr/'rely'/],
    );
    for my $name (sort keys %cases) {
        my ($code, $message) = @{ $cases{$name} };
        ok !eval { $code->(); 1 }, $name;
        like $@, $message;
    }
};

subtest 'contexts are labels of one memory' => sub {
    my $x = nd->ones([2], ctx => mx->cpu(1));
    is $x->context, 'cpu(1)';
    is +($x + 1)->context, 'cpu(1)';
    is $x->as_in_context(mx->cpu(0))->context, 'cpu(0)';
    is $x->as_in_context(mx->cpu(1))->handle, $x->handle;
    is nd->ones([1], ctx => 'cpu(2)')->context, 'cpu(2)', 'as text';
    is nd->array([1], ctx => 'cpu')->context, 'cpu(0)';
    ok !eval { nd->array([1], ctx => 'tpu'); 1 };
    like $@, qr/^ctx is a context such as mx->cpu, or its text, but got 'tpu' at /;
    is +AI::MXNet::Context->new('cpu', 7), 'cpu(7)', 'by its class, which scripts call a function by';
    is nd->ones([1], ctx => AI::MXNet::Context->new(device_type => 'cpu', device_id => 6))->context, 'cpu(6)';
    local $mx::Context = mx->cpu(3);
    is nd->zeros([1])->context, 'cpu(3)';
};

subtest 'operators by name, of an array or of the class' => sub {
    my ($x, $y) = (nd->array([1, 2]), nd->array([3, 5]));
    is text($x->subtract($y)), '-2 -3';
    is text($x->subtract($y, 1)), '2 3';
    is text(nd->subtract($x, $y)), '-2 -3';
    is text(nd->power(2, $y)), '8 32';
    is text(nd->maximum($x, 2)), '2 2';
    ok !eval { nd->add($x); 1 };
    like $@, qr/operator \+ takes an NDArray or a number beside an NDArray, but got undef/;
};

subtest 'random arrays take a shape by position, behind the parameters' => sub {
    is_deeply nd->random->normal(0, 1, [2, 3])->shape, [2, 3];
    is_deeply nd->random->poisson(4, [2])->shape, [2];
    for my $scale ([10], [nd->array([10])], [scale => nd->array([10])]) {
        cmp_ok abs(nd->random->exponential(@$scale, shape => 20_000)->mean->asscalar - 10), '<', 0.5, 'the scale, a number or an array, is the mean';
    }
    is join(' ', map { $_->aspdl } @$_), '[1 2 0 1] [1 2 3 4 5]'
        for nd->histogram(nd->array([1, 2, 2, 5]), 4), nd->array([1, 2, 2, 5])->histogram(4, [1, 5]), nd->histogram(nd->array([1, 2, 2, 5]), bins => 4);
    ok !eval { nd->random->uniform(0, 1, 2, 3); 1 };
    like $@, qr/^random->uniform takes low high, then named arguments, but got 0 1 2 3/;
};

subtest 'what is made from nothing takes shape and dtype from out' => sub {
    my $out = nd->zeros([2, 3], dtype => 'float64');
    is nd->random_uniform(low => 1, high => 2, out => $out)->handle, $out->handle;
    is +($out >= 1)->sum->asscalar, 6;
    is text(nd->_full(value => 3, out => nd->zeros([2]))), '3 3';
    is text(nd->_ones(out => nd->zeros([2]))), '1 1';
};

subtest 'functions tell what they are' => sub {
    is nd->function_meta(nd->can('relu'))->{__name__}, 'relu';
    like nd->function_meta(nd->can('dot'))->{__doc__}, qr/inner product/;
    is nd->function_meta(sub { }), undef;
    is AI::MXNet::Symbol::Base->function_meta(mx->sym->can('Convolution'))->{__name__}, 'Convolution';
    ok !eval { nd->_imdecode($_); 1 };
    like $@, qr/"_imdecode".*nd->imdecode reads images/;
};

subtest 'arrays go to files and Storable and back' => sub {
    require File::Temp;
    require Storable;
    my $folder = File::Temp->newdir;
    nd->save("$folder/x.params", { 'arg:w' => nd->array([[1, 2]]), "\x{e9}" => nd->array([3], dtype => 'int64') });
    my $loaded = nd->load("$folder/x.params");
    is_deeply [sort keys %$loaded], ['arg:w', "\x{e9}"];
    is $loaded->{"\x{e9}"}->dtype, 'int64';
    open my $file, '<:raw', "$folder/x.params" or die $!;
    is text(nd->load_frombuffer(do { local $/; readline $file })->{'arg:w'}), '1 2';
    is text(Storable::dclone(nd->array([1.5, 2], dtype => 'float16'))), '1.5 2';
    ok !eval { nd->load("$folder/missing"); 1 };
    like $@, qr/missing/;
};

subtest 'loading PDL changes no method of an array' => sub {
    my $x = nd->array([[3, 1], [2, 4]]);
    is ref $x->$_, 'AI::MXNet::NDArray', $_ for qw(sum min max diag sort mean abs);
};

subtest 'calls with other values are other calls' => sub {
    my $x = nd->ones([1], dtype => 'float64');
    my @numbers = (0.1, 0.1 + 2e-17, 100_000, 100_000 + 2e-11);
    is_deeply [map { my $n = $_; nd->_mul_scalar($x, scalar => $n)->asscalar == $n ? 1 : 0 } @numbers], [1, 1, 1, 1], 'also if their texts are the same';
    my $y = nd->ones([2, 3]);
    my $axes = [0];
    my @sizes = map { push @$axes, 1 if $_; $y->sum(axis => $axes)->size } 0, 1;
    is "@sizes", '3 1', 'also if a list has changed';
    is join(' ', map { $y->sum(axis => $_)->size } 0, 1, [0, 1], '0'), '3 2 1 3';
};

subtest 'one call of more shapes and values than are remembered' => sub {
    my @sums = map { nd->ones([$_])->slice_axis(axis => 0, begin => 0, end => 1) } 1 .. 1100;
    is $sums[-1]->asscalar, 1, 'shapes';
    my @sizes = map { nd->ones([4])->tile(reps => [$_])->size } 1 .. 1100;
    is $sizes[-1], 4400, 'values';
};

subtest 'an operator that writes into its only input takes it as out' => sub {
    my $x = mx->nd->zeros([2]);
    is mx->nd->_set_value(src => 3, out => $x), $x;
    is_deeply $x->aspdl->unpdl, [3, 3];
    mx->nd->_set_value(4, { out => $x });
    is_deeply $x->aspdl->unpdl, [4, 4];
};

subtest 'the context in use, and that there is no GPU' => sub {
    local $mx::Context = mx->cpu(3);
    is_deeply [mx->current_context . '', mx->num_gpus, mx->profiler], ['cpu(3)', 0, 'AI::MXNet::Profiler'];
    is_deeply [map { $_->context . '' } @{ mx->gluon->utils->split_and_load(mx->nd->ones([2, 1]), [mx->cpu(0), mx->cpu(1)]) }], ['cpu(0)', 'cpu(1)'];
};

subtest 'arrays without elements' => sub {
    my $none = nd->empty([0, 3], dtype => 'int32');
    is "$none " . $none->dtype . ' ' . $none->aspdl->nelem, '<AI::MXNet::NDArray 0x3 @cpu(0)> int32 0';
    is join('x', @{ nd->concat($none, nd->ones([2, 3], dtype => 'int32'), dim => 0)->shape }), '2x3';
    like eval { nd->zeros([0, 3]); 1 } ? 'lived' : $@, qr/takes a shape of one or more dimensions from 1 on/, 'others are made by empty, or of empty lists';
};

done_testing;

# Symbols: composition, names, attributes, inference, files.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use File::Temp qw(tempdir);
use Storable ();
use Outcomes qw(died);
use Test::More;
use AI::MXNet qw(mx);

sub shapes { return join ' ', map { '(' . join(',', @$_) . ')' } @{ $_[0] } }

sub mlp
{
    my $net = mx->sym->FullyConnected(mx->sym->Variable('data'), name => 'fc1', num_hidden => 10);
    $net = mx->sym->Activation($net, name => 'relu1', act_type => 'relu');
    return mx->sym->FullyConnected($net, name => 'fc2', num_hidden => 3);
}

subtest 'a symbol is loaded when it is asked for' => sub {
    my $loads = sub { my ($code) = @_; qx{"$^X" @{[map {"'-I$_'"} grep {!ref} @INC]} -e '$code print join " ", grep { exists \$INC{\$_} } qw(Mouse.pm AI/MXNet/Symbol.pm)'} };
    is $loads->('use AI::MXNet qw(mx);'), '', 'not by AI::MXNet alone, nor is Mouse';
    like $loads->('use AI::MXNet; AI::MXNet::Symbol->Variable(q(x));'), qr/Symbol/, 'old scripts name the package';
    is $loads->('use AI::MXNet::Symbol qw(sym); print sym->var(q(x))->name, q( );'), 'x Mouse.pm AI/MXNet/Symbol.pm', 'or import it';
};

subtest 'operators take symbols by position or by name, and options behind them' => sub {
    my ($x, $w) = map { mx->sym->Variable($_) } qw(x w);
    my %calls = (
        'positional'  => mx->sym->FullyConnected($x, $w, num_hidden => 2, no_bias => 1, name => 'fc'),
        'named'       => mx->sym->FullyConnected(data => $x, weight => $w, num_hidden => 2, no_bias => 1, name => 'fc'),
        'hash ref'    => mx->sym->FullyConnected($x, $w, { num_hidden => 2, no_bias => 1, name => 'fc' }),
        'method'      => $x->FullyConnected($w, num_hidden => 2, no_bias => 1, name => 'fc'),
    );
    is $calls{$_}->tojson, $calls{named}->tojson, $_ for sort keys %calls;
    my $made = mx->sym->FullyConnected(name => 'fcx', num_hidden => 2);
    is "@{ $made->list_arguments }", 'fcx_data fcx_weight fcx_bias', 'missing inputs become variables';
    is "@{ mx->sym->SoftmaxOutput($x, name => 'sm')->list_arguments }", 'x sm_label';
    is "@{ mx->sym->concat($x, $w, dim => 1, name => 'c')->list_arguments }", 'x w';
    is "@{ mx->sym->stack([$x, $w], axis => 0)->list_arguments }", 'x w', 'lists of symbols';
    is shapes(($x->reshape([4, -1])->infer_shape(x => [8, 2]))[1]), '(4,4)';
    is shapes((mx->sym->Reshape($x, shape => [4, -1])->infer_shape(x => [8, 2]))[1]), '(4,4)';
    is shapes(($x->sum(axis => 1)->infer_shape(x => [8, 2]))[1]), '(8)';
    like died { mx->sym->FullyConnected($x, weight => $w, num_hidden => 2) }, qr/_compose only accept input Symbols either as positional or keyword arguments, not both/;
    like died { mx->sym->FullyConnected($x, 3, 0, 1, 7) }, qr/takes symbols, then its attributes .* by position or name, but got also 3, 0, 1, 7/;
    like died { mx->sym->FullyConnected($x) }, qr/Required parameter num_hidden of int is not presented/;
    like died { mx->sym->FullyConnected($x, num_hiden => 3) }, qr/Cannot find argument 'num_hiden'/;
    like died { mx->sym->FullyConnected($x, num_hidden => 'many') }, qr/Invalid Parameter format for num_hidden expect int but value='many'/;
    like died { mx->sym->FullyConnected(data => 5, num_hidden => 3) }, qr/data of operator FullyConnected is a Symbol, but got 5/;
    like died { mx->sym->Nothing($x) }, qr/Can't locate object method "Nothing"/;
};

subtest 'automatic names count up for each operator' => sub {
    local $mx::NameManager = AI::MXNet::Symbol::NameManager->new;
    my $x = mx->sym->var('x');
    my @made = ($x + $x, $x * $x, $x + 1, 1 - $x, $x / 2, $x**2, $x == 1, $x->reshape([1]), $x->sum, mx->sym->concat($x, $x), mx->sym->zeros(shape => [2]), $x + $x);
    is "@{[map { $_->name } @made]}", '_plus0 _mul0 _plusscalar0 _rminusscalar0 _divscalar0 _powerscalar0 _equal_scalar0 reshape0 sum0 concat0 _zeros0 _plus1';
};

subtest 'operators of Perl' => sub {
    my $x = mx->sym->var('x');
    my $y = mx->sym->var('y');
    my %args = (x => mx->nd->array([4, 3, 2]), y => mx->nd->array([2, 3, 4]));
    my %cases = (
        '+' => [$x + $y, '6 6 6'], '-' => [$x - $y, '2 0 -2'], '*' => [$x * $y, '8 9 8'], '/' => [$x / $y, '2 1 0.5'],
        '**' => [$x**$y, '16 27 16'], '%' => [$x % $y, '0 0 2'], '==' => [$x == $y, '0 1 0'], '!=' => [$x != $y, '1 0 1'],
        '>' => [$x > $y, '1 0 0'], '>=' => [$x >= $y, '1 1 0'], '<' => [$x < $y, '0 0 1'], '<=' => [$x <= $y, '0 1 1'],
        'neg' => [-$x, '-4 -3 -2'], 'abs' => [abs(-$x), '4 3 2'], '1-x' => [1 - $x, '-3 -2 -1'], '12/x' => [12 / $x, '3 4 6'],
        '2**x' => [2**$x, '16 8 4'], '7%x' => [7 % $x, '3 1 1'], '3>x' => [3 > $x, '0 0 1'], '3<=x' => [3 <= $x, '1 1 0'],
        'maximum' => [$x->maximum($y), '4 3 4'], 'minimum' => [$x->minimum(3), '3 3 2'], 'hypot' => [$x->hypot(3), '5 4.24264 3.60555'],
        'add' => [$x->add(1), '5 4 3'], 'subtract' => [$x->subtract(1, 1), '-3 -2 -1'], 'divide' => [$x->divide($y), '2 1 0.5'],
        'lesser' => [$x->lesser($y), '0 0 1'], 'mod' => [$x->mod(3), '1 0 2'],
    );
    for my $case (sort keys %cases) {
        my ($symbol, $want) = @{ $cases{$case} };
        my $got = $symbol->eval(args => { map { $_ => $args{$_} } @{ $symbol->list_arguments } })->[0];
        is join(' ', map { 0 + sprintf '%.6g', $_ } $got->aspdl->list), $want, $case;
    }
    my $z = $x;
    $z += 1;
    is_deeply [$x->name, $z->list_arguments], ['x', ['x']], 'an assignment makes another symbol';
    like died { $x + 'word' }, qr/scalar expect float but value='word'/;
    like died { $x + $args{x} }, qr/type AI::MXNet::NDArray not supported/;
    like died { ($x + $y)->infer_shape(x => [2, 3], y => [1, 3]) }, qr/Incompatible attr in node \S+ at 1-th input: expected \[2,3\], got \[1,3\]/;
    ok $x, 'a symbol is true';
    ok $x eq '<AI::MXNet::Symbol x>' && $x ne $y && $x eq $x, 'its string can be compared';
};

subtest 'composition replaces variables of a copy' => sub {
    my $net1 = mlp();
    my $net2 = mx->sym->FullyConnected(name => 'fc3', num_hidden => 10);
    $net2 = mx->sym->FullyConnected(mx->sym->Activation($net2, act_type => 'relu'), name => 'fc4', num_hidden => 20);
    my $composed = $net2->(fc3_data => $net1, name => 'composed');
    is "@{ $composed->list_arguments }", 'data fc1_weight fc1_bias fc2_weight fc2_bias fc3_weight fc3_bias fc4_weight fc4_bias';
    is $composed->name, 'composed';
    is "@{ $net2->list_arguments }", 'fc3_data fc3_weight fc3_bias fc4_weight fc4_bias';
    my $both = mx->sym->Group([$composed, $net1]);
    is_deeply [scalar @$both, $both->list_outputs, $both->name], [2, ['composed_output', 'fc2_output'], undef];
    is "$both", '<AI::MXNet::Symbol group [composed, fc2]>';
    like died { $net2->($net1) }, qr/General composition only support kwargs/;
    like died { $net2->(fc3_data => 5) }, qr/Compose expect `Symbol` as arguments, but fc3_data is 5/;
    like died { mx->sym->Group([5]) }, qr/Expect Symbols in the list input/;
    is $net1->deepcopy->tojson, $net1->tojson;
};

subtest 'outputs, internals and children' => sub {
    my $net = mlp();
    my $internals = $net->get_internals;
    is "@{ $internals->list_outputs }", 'data fc1_weight fc1_bias fc1_output relu1_output fc2_weight fc2_bias fc2_output';
    is $internals->slice('fc1_output')->name, 'fc1';
    is $internals->slice(0)->name, 'data';
    is_deeply [map { $_->name } @$internals], [qw(data fc1_weight fc1_bias fc1 relu1 fc2_weight fc2_bias fc2)];
    is "@{ $net->get_children->list_outputs }", 'relu1_output fc2_weight fc2_bias';
    is mx->sym->var('x')->get_children, undef;
    like died { $net->slice('zzz') }, qr/Cannot find output that matches name "zzz"/;
    like died { $net->slice(5) }, qr/Index: \[5\] is outside of the range/;
    my $split = mx->sym->SliceChannel(mx->sym->var('x'), num_outputs => 3, name => 's');
    is "@{ $split->list_outputs }", 's_output0 s_output1 s_output2';
    is $split->[1]->list_outputs->[0], 's_output1';
    my $part = mx->sym->var('x')->slice(begin => [0], end => [1]);
    is shapes(($part->infer_shape(x => [3, 2]))[1]), '(1,2)', 'with options, slice is the operator';
};

subtest 'attributes of scopes, calls and variables' => sub {
    local $mx::AttrScope = mx->AttrScope(__group__ => '4', __data__ => 'great');
    my $data = mx->sym->Variable('data', attr => { __group__ => '1', __force_mirroring__ => 'True' }, lr_mult => 1);
    is_deeply $data->list_attr, { __group__ => '1', __data__ => 'great', __force_mirroring__ => 'True', force_mirroring => 'True', __lr_mult__ => '1', lr_mult => '1' };
    is_deeply [map { $data->attr($_) } qw(__group__ lr_mult nothing)], ['1', '1', undef];
    is mx->sym->var('x')->attr('__group__'), '4';
    {
        local $mx::AttrScope = mx->AttrScope(ctx_group => 'stage1');
        my $conv = mx->sym->Convolution($data, name => 'conv', kernel => [1, 1], num_filter => 1, attr => { __mood__ => 'so so' }, wd_mult => 2);
        my $attributes = $conv->attr_dict;
        is_deeply [sort keys %$attributes], [qw(conv conv_bias conv_weight data)];
        is_deeply $attributes->{conv}, { __group__ => '4', __data__ => 'great', kernel => '(1,1)', num_filter => '1', __mood__ => 'so so', __ctx_group__ => 'stage1', ctx_group => 'stage1', __wd_mult__ => '2', wd_mult => '2' };
        is $attributes->{conv_weight}{__mood__}, 'so so', 'variables that are made have those of the call';
        my @last = (mx->sym->Flatten(data => $data, attr => { __mood__ => 'fine' }), mx->sym->random->normal(0, 1, shape => [2], attr => { __mood__ => 'fine' }),
            mx->sym->Flatten($data, { name => 'flat', attr => { __mood__ => 'fine' } }));
        is_deeply [map { $_->attr('__mood__') } @last], [('fine') x 3], 'they may stand last';
    }
    my $var = mx->sym->Variable('v', shape => [2, 3], dtype => 'float64', init => mx->init->One, stype => 'csr', wd_mult => 0.5, kwargs => { __mine__ => 1 }, __layout__ => 'NC');
    is_deeply { map { $_ => $var->attr($_) } qw(__shape__ __dtype__ __storage_type__ wd_mult __mine__ __layout__) },
        { __shape__ => '(2,3)', __dtype__ => '1', __storage_type__ => '2', wd_mult => '0.5', __mine__ => '1', __layout__ => 'NC' };
    like $var->attr('__init__'), qr/one/i;
    my $relu = mx->sym->Activation($var, act_type => 'relu');
    like eval { $relu->_set_attr(mood => 'angry'); 1 } ? 'lived' : $@, qr/Cannot find argument 'mood'/, 'an operator has no other attributes than its own';
    is $relu->attr('mood'), undef, 'and keeps none';
    is join(' ', map { $_->name =~ s/\d+\z//r } sqrt $var, exp $var, log $var, sin $var, cos $var, abs $var), 'sqrt exp log sin cos abs', 'functions of Perl';
    ok $relu eq $relu && $relu ne $var && 'x' ne $relu, 'symbols are compared as text';
    $var->_set_attr(__mood__ => 'angry', lr_mult => 3);
    is_deeply [map { $var->attr($_) } qw(__mood__ __lr_mult__)], ['angry', '3'];
    like died { mx->sym->Variable('v', kwargs => { mine => 1 }) }, qr/Attribute name=mine is not supported/;
    like died { mx->sym->Variable('v', colour => 1) }, qr/Variable has no argument colour/;
    like died { mx->sym->Variable() }, qr/Expect a string for variable `name`/;
    like died { $data->list_attr(recursive => 1) }, qr/deprecated/;
};

subtest 'prefixes are put before the names of calls, not of variables' => sub {
    local $mx::NameManager = mx->Prefix('pre_');
    my $net = mx->sym->FullyConnected(mx->sym->var('x'), num_hidden => 2);
    is "@{ $net->list_arguments }", 'x pre_fullyconnected0_weight pre_fullyconnected0_bias';
    is mx->sym->relu($net, name => 'r')->name, 'pre_r';
};

subtest 'shapes are inferred forwards and backwards' => sub {
    my $net = mlp();
    my ($arguments, $outputs, $states) = $net->infer_shape(data => [5, 4]);
    is shapes($arguments), '(5,4) (10,4) (10) (3,10) (3)';
    is shapes($outputs), '(5,3)';
    is_deeply $states, [];
    is shapes(($net->infer_shape([5, 4]))[0]), '(5,4) (10,4) (10) (3,10) (3)', 'by position';
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my @found = $net->infer_shape;
    is_deeply \@found, [undef, undef, undef];
    like "@warnings", qr/Cannot decide shape for the following arguments.*\n\tdata: \(\)/;
    my ($partial) = $net->infer_shape_partial;
    is shapes($partial), '() () (10) () (3)';
    my $sum = mx->sym->var('a', shape => [0, 10]) + mx->sym->var('b', shape => [12, 0]);
    is shapes(($sum->infer_shape)[0]), '(12,10) (12,10)', 'variables may declare what they know';
    is shapes(($sum->infer_shape(a => [5, 6], b => [5, 6]))[1]), '(5,6)', 'which an argument overrides';
    like died { $net->infer_shape(data => [5, 4], fc1_weight => [1, 4]) }, qr/Error in operator fc1: Shape inconsistent, Provided = \[1,4\], inferred shape=\(10,4\)/;
    like died { $net->infer_shape(data => [-1, 4]) }, qr/negative dimension/;
    is_deeply(AI::MXNet::Symbol::Doc->get_output_shape($net, data => [5, 4]), { fc2_output => [5, 3] });
    is scalar @warnings, 1;
};

subtest 'dtypes are inferred' => sub {
    my $net = mx->sym->FullyConnected(mx->sym->Cast(mx->sym->var('data'), dtype => 'float32'), name => 'fc', num_hidden => 2);
    is_deeply [$net->infer_type(data => 'float16')], [['float16', 'float32', 'float32'], ['float32'], []];
    is_deeply [(mlp()->infer_type('float64'))[1]], [['float64']], 'by position';
    is_deeply [mlp()->infer_type], [undef, undef, undef];
    like died { mlp()->infer_type(data => 'float128') }, qr/float128 is no dtype/;
};

subtest 'symbols are written and read' => sub {
    my $net = mlp();
    my $folder = tempdir(CLEANUP => 1);
    $net->save("$folder/net.json");
    is mx->sym->load("$folder/net.json")->tojson, $net->tojson;
    is_deeply [glob "$folder/*"], ["$folder/net.json"], 'no other file stays';
    is mx->sym->load_json($net->tojson)->tojson, $net->tojson;
    my $named = mx->sym->var("\x{3b1}");
    is mx->sym->load_json($named->tojson)->name, "\x{3b1}", 'names of any letters';
    is Storable::dclone($net)->tojson, $net->tojson, 'Storable copies a symbol';
    is Storable::thaw(Storable::freeze({ net => $net }))->{net}->tojson, $net->tojson;
    like died { mx->sym->load("$folder/nothing.json") }, qr/nothing\.json: No such file/;
    like died { mx->sym->load_json('{}') }, qr/this is no symbol file/;
    like died { $net->save("$folder/nowhere/net.json") }, qr/nowhere.*No such file/;
    like $net->debug_str, qr/^Symbol Outputs:\n\toutput\[0\]=fc2\(0\)\nVariable:data\nVariable:fc1_weight\n.*^Op:FullyConnected, Name=fc1\nInputs:\n\targ\[0\]=data\(0\) version=0\n/ms;
};

subtest 'constants and random symbols need no arrays' => sub {
    is_deeply [map { $_->eval->[0]->aspdl->unpdl } mx->sym->zeros(shape => [2]), mx->sym->ones(shape => [1, 2]), mx->sym->arange(stop => 3, name => 'a'), mx->sym->arange(start => 2, stop => 4, repeat => 2)],
        [[0, 0], [[1, 1]], [0, 1, 2], [2, 2, 3, 3]];
    is mx->sym->zeros(shape => [2], dtype => 'int32')->eval->[0]->dtype, 'int32';
    is "@{ mx->sym->random->uniform(0, 1, shape => [2, 3])->eval->[0]->shape }", '2 3';
    is "@{ mx->sym->random->normal(mx->sym->var('m'), mx->sym->var('s'), shape => [4])->list_arguments }", 'm s';
};

subtest 'namespaces' => sub {
    my $x = mx->sym->var('x');
    my $a = mx->nd->array([[4, 0], [0, 9]]);
    for my $root (mx->sym->linalg->potrf($x), mx->linalg->sym->potrf($x)) {
        is_deeply $root->eval(args => { x => $a })->[0]->aspdl->unpdl, [[2, 0], [0, 3]];
    }
    is $_->quadratic($x, a => 1)->name =~ s/\d+$//r, '_contrib_quadratic' for mx->sym->contrib, mx->contrib->sym;
};

subtest 'errors point at the line of the script' => sub {
    my %calls = (
        compose => sub { mx->sym->FullyConnected(mx->sym->var('x')) },
        infer   => sub { mlp()->infer_shape(data => [5, 4], fc1_weight => [1, 4]) },
        engine  => sub { mx->sym->concat(name => 'c') },
        grad    => sub { mlp()->grad(['data']) },
    );
    open my $file, '<', __FILE__ or die $!;
    my @source = readline $file;
    for my $name (sort keys %calls) {
        died { $calls{$name}->() };
        my ($line) = grep { $source[$_ - 1] =~ /^\s+\Q$name\E\s+=> sub/ } 1 .. @source;
        is $@->line, $line, $name;
    }
};

subtest 'attributes by position, and inputs that are left out' => sub {
    my $x = mx->sym->var('x', shape => [2, 4]);
    my %shapes = (
        'clip'   => [$x->clip(0, 1), [2, 4]],
        'text'   => [mx->sym->Activation($x, 'relu', name => 'act'), [2, 4]],
        'list'   => [mx->sym->transpose($x, [1, 0]), [4, 2]],
        'three'  => [$x->slice_axis(1, 0, 3), [2, 3]],
        'mixed'  => [mx->sym->sum($x, 1, keepdims => 1), [2, 1]],
        'hash'   => [mx->sym->FullyConnected($x, { num_hidden => 3 }), [2, 3]],
        'no bias' => [mx->sym->FullyConnected($x, mx->sym->var('w'), undef, num_hidden => 3, no_bias => 1), [2, 3]],
    );
    is_deeply [$shapes{$_}[0]->infer_shape]->[1], [$shapes{$_}[1]], $_ for sort keys %shapes;
    ok !eval { mx->sym->relu($x, 3); 1 };
    like $@, qr/^The operator relu of a symbol takes symbols, then its attributes \(\) by position or name, but got also 3 at /;
    is mx->nd->FullyConnected(map({ mx->nd->ones([1, 2]) } 1 .. 2), undef, num_hidden => 1, no_bias => 1)->asscalar, 2;
};

subtest 'code of a block serves arrays and symbols' => sub {
    my ($x, $y) = map { mx->nd->array($_) } [[1, 2, 3], [4, 5, 6]], [[2, 1, 0.5], [3, 2, 1]];
    my %codes = (
        'methods'     => sub { my (undef, $x) = @_; $x->T->copy->moveaxis(-1, 0)->sever->detach->as_in_context(mx->cpu)->copyto(mx->cpu)->tostype('default') },
        'by name'     => sub { my ($F, $x) = @_; $F->moveaxis($x, source => 0, destination => 1) },
        'atan2'       => sub { my (undef, $x, $y) = @_; atan2($x, $y) + atan2($x, 2) + atan2(2, $x) },
        'modulo'      => sub { my (undef, $x, $y) = @_; $x->modulo(2) + $x->mod($y) + $y->modulo(3, 1) },
        'full'        => sub { my ($F, $x) = @_; $F->full([2, 3], 7) + $x },
        'concatenate' => sub { my ($F, $x, $y) = @_; $F->concatenate([$x, $y]) },
        'short name'  => sub { my ($F, $x, $y) = @_; $F->broadcast_mul($F->eye(2)->sum(1, keepdims => 1), $F->logical_and($x, $y)) },
    );
    my ($sx, $sy) = map { mx->sym->var($_) } qw(x y);
    for my $name (sort keys %codes) {
        my $eager = $codes{$name}->('AI::MXNet::NDArray', $x, $y);
        my $symbol = $codes{$name}->('AI::MXNet::Symbol', $sx, $sy);
        my %values = (x => $x, y => $y);
        my $bound = $symbol->eval(args => { map { $_ => $values{$_} } @{ $symbol->list_arguments } })->[0];
        is_deeply [$bound->shape, $bound->dtype, $bound->aspdl->unpdl], [$eager->shape, $eager->dtype, $eager->aspdl->unpdl], $name;
    }
    ok !mx->sym->can('eye'), 'short names are not told of';
    like died { $sx->nonesuch }, qr/^Can't locate object method "nonesuch" via package "AI::MXNet::Symbol" at \Q@{[__FILE__]}/;
    like died { $sx->copyto($sy) }, qr/^copyto of a symbol takes a context, but got <AI::MXNet::Symbol y> at /;
};

done_testing;

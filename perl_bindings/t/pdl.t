# Piddles of every type and kind, there and back.
use strict;
use warnings;
use Test::More;
use PDL;
use PDL::Types ();
use AI::MXNet qw(mx nd);

my @sizes = (6, 200_000);    # in a frame, and through shared memory

subtest 'every real type, by name' => sub {
    for my $type (grep { $_->real } map { PDL::Type->new($_->enum) } PDL::Types::types()) {
        my $piddle = sequence($type, 5);
        is_deeply [nd->array($piddle)->aspdl->list], [0 .. 4], "$type";
        is_deeply [nd->array($piddle, dtype => 'int32')->aspdl->list], [0 .. 4];
    }
    is_deeply [nd->array(long(5, 9), dtype => 'int32')->aspdl->list], [5, 9];
    my %types = (float32 => 'float', float64 => 'double', float16 => 'float', uint8 => 'byte', int8 => 'sbyte', int32 => 'long', int64 => 'longlong');
    is nd->ones([2], dtype => $_)->aspdl->type, $types{$_}, "$_ as $types{$_}" for sort keys %types;
};

subtest 'both ends of the range of each integer type' => sub {
    my %ends = (
        sbyte => [-128, 127],  short => [-32768, 32767],  long => [-2**31, 2**31 - 1],  longlong => [-2**53, 2**53],
        byte  => [0, 255],     ushort => [0, 65535],      ulong => [0, 2**32 - 1],      ulonglong => [0, 2**53],
        indx => [-2**53, 2**53],
    );
    for my $type (grep { $ends{$_} } map { PDL::Type->new($_->enum) } PDL::Types::types()) {
        for my $n (@sizes) {
            my $piddle = zeroes($type, $n);
            $piddle->set(0, $ends{$type}[0]);
            $piddle->set($n - 1, $ends{$type}[1]);
            for my $dtype (qw(float64 int64)) {
                my $back = nd->array($piddle->slice('-1:0'), dtype => $dtype)->aspdl;
                ok $back->at($n - 1) == $ends{$type}[0] && $back->at(0) == $ends{$type}[1], "$n values, $type as $dtype";
            }
        }
    }
};

subtest 'uint64 above 2**63' => sub {
    my $piddle = PDL->new_from_specification(ulonglong, 1);
    $piddle .= ulonglong('9223372036854775808');
    is sprintf('%.0f', nd->array($piddle, dtype => 'float64')->asscalar), '9223372036854775808';
};

subtest 'values survive at any size, in both directions' => sub {
    for my $n (@sizes) {
        for my $dtype (qw(float32 float64 int32 int64 uint8)) {
            my $piddle = sequence(double, $n) % 200;
            my $back = nd->array($piddle, dtype => $dtype)->aspdl;
            ok all($back == $piddle), "$n values as $dtype";
        }
    }
};

subtest 'virtual piddles are taken as they read' => sub {
    for my $n (6, 600) {
        my $p = sequence($n, $n);
        my %views = (
            slice      => $p->slice('1:-2,::2'),
            reversed   => $p->slice('-1:0'),
            transposed => $p->transpose,
            index      => $p->index(3),
            diagonal   => $p->diagonal(0, 1),
            dummy      => sequence($n)->dummy(0, 3),
            where      => $p->where($p > $n),
            expression => $p * 2 + 1,
        );
        for my $name (sort keys %views) {
            my $x = nd->array($views{$name}, dtype => 'float64');
            is join(',', @{ $x->shape }), join(',', reverse $views{$name}->dims), "$name of $n: shape";
            ok all($x->aspdl == $views{$name}), "$name of $n: values";
        }
    }
};

subtest 'without dimensions, and empty' => sub {
    is_deeply nd->array(pdl(7))->shape, [1];
    is_deeply nd->array(zeroes(2, 0))->shape, [0, 2];
    is nd->array(zeroes(2, 0))->aspdl->nelem, 0;
    is_deeply [nd->array(zeroes(0))->aspdl->dims], [0];
};

subtest 'neither side sees the later writes of the other' => sub {
    for my $n (@sizes) {
        my $p = sequence(float, $n);
        my $x = nd->array($p);
        $p .= -1;
        is $x->slice([1, 3])->sum->asscalar, 6, "$n: a change of the piddle";
        my $q = $x->aspdl;
        $q->set(0, 99);
        $q->inplace->mult(2, 0);
        is $x->at(0)->asscalar, 0, "$n: a change of the piddle that came back";
        my $r = $x->aspdl;
        $x += 5;
        $x->slice([0, 1]) .= 1000;
        ok all($r == sequence($n)), "$n: a change of the array";
        is $x->at(2)->asscalar, 7;
        my $s = do { my $whole = $x->aspdl; $whole->slice('2:4') };
        $x .= 0;
        is "$s", '[7 8 9]', "$n: a slice outlives its piddle";
    }
};

subtest 'a piddle stays good after its array, and the array after the piddle' => sub {
    for my $n (@sizes) {
        my $p = do { my $x = nd->ones([$n]) * 3; $x->aspdl };
        nd->zeros([$n])->wait_to_read for 1 .. 5;
        is $p->sum, 3 * $n;
        my $x = do { my $q = ones(float, $n); nd->array($q) };
        nd->array(zeroes(float, $n))->wait_to_read for 1 .. 5;
        is $x->sum->asscalar, $n;
    }
};

subtest 'bad values and complex numbers are refused, unless it is said what to put' => sub {
    my $bad = pdl(1, 2, 3)->setbadat(1);
    ok !eval { nd->array($bad); 1 };
    like $@, qr/1 bad values?/;
    is_deeply [nd->array($bad, bad => -1)->aspdl->list], [1, -1, 3];
    ok !eval { nd->array(cdouble(1)); 1 };
    like $@, qr/real numbers/;
    ok !eval { nd->array(PDL->null); 1 };
    like $@, qr/\Aarray takes a piddle of values, but got one that is null at /;
};

subtest 'what PDL sums up is a number, for shapes, options and constructors' => sub {
    my $three = pdl(1, 2)->sum;
    my $x = nd->zeros([$three, 2]);
    $x .= $three;
    $x->at(1) .= $three - 1;
    $x->slice('X', 1) .= $three + 1;
    is_deeply $x->aspdl->unpdl, [[3, 4], [2, 4], [3, 4]];
    is_deeply nd->arange(stop => $three)->aspdl->unpdl, [0, 1, 2];
    mx->random->seed($three);
    is mx->opt->SGD(learning_rate => $three / 10)->lr, 0.3;
    is mx->init->Constant($three)->value, 3;
    is mx->lr_scheduler->FactorScheduler(step => $three)->step, 3;
    my $dense = mx->gluon->nn->Dense($three, in_units => $three);
    $dense->initialize;
    my $trainer = mx->gluon->Trainer($dense->collect_params, 'sgd', { learning_rate => $three });
    is $trainer->learning_rate, 3;
    $trainer->set_learning_rate($three + 1);
    is $trainer->learning_rate, 4;
};

subtest 'assigning piddles and lists' => sub {
    my $x = nd->zeros([2, 2]);
    $x .= pdl([[1, 2], [3, 4]]);
    is_deeply $x->aspdl->unpdl, [[1, 2], [3, 4]];
    $x .= [[5, 6], [7, 8]];
    is_deeply $x->aspdl->unpdl, [[5, 6], [7, 8]];
    ok !eval { $x .= pdl(1, 2); 1 };
    like $@, qr/Shape inconsistant: expected 2,2 vs got 2/;
};

subtest 'a matrix reads the same on both sides' => sub {
    require PDL::Matrix;
    my $matrix = PDL::Matrix->pdl([[1, 2, 3], [4, 5, 6]]);
    my $x = nd->array($matrix);
    is_deeply $x->shape, [2, 3];
    is_deeply $x->aspdl->unpdl, [[1, 2, 3], [4, 5, 6]];
    my $back = $x->asmpdl;
    isa_ok $back, 'PDL::Matrix';
    is $back->at(1, 0), 4;
};

done_testing;

use strict;
use warnings;
use FindBin qw($Bin);
use Test::More;
use AI::MXNet qw(mx nd :numpy);

sub text { my ($array) = @_; return join ' ', map { 0 + sprintf '%.5g', $_ } $array->aspdl->list }
sub shape { return join 'x', @{ $_[0]->shape } }
sub matrix { return nd->arange(12)->reshape([3, 4]) }

subtest 'ranges exclude their end, open ones are the whole, steps may go back' => sub {
    my $v = nd->array([10, 20, 30, 40, 50]);
    my %want = (
        '1 3' => '20 30', '0 -1' => '10 20 30 40', '- 3' => '10 20 30', '-2 -' => '40 50', '- -' => '10 20 30 40 50',
        '0 5 2' => '10 30 50', '- - -1' => '50 40 30 20 10', '3 0 -2' => '40 20', '-1 -4 -1' => '50 40 30', '1 99' => '20 30 40 50',
        '-99 2' => '10 20', '2 2' => '', '4 1' => '', '99 1 -1' => '50 40 30',
    );
    for my $range (sort keys %want) {
        my @range = map { $_ eq '-' ? undef : $_ } split / /, $range;
        is text($v->slice([@range])), $want{$range}, "[$range]";
    }
    is shape($v->slice([2, 2])), '0', 'an empty one can be read';
    ok !eval { $v->slice([0, 3, 0]); 1 };
    like $@, qr/a step is not 0 at \Q$0\E line/;
    ok !eval { $v->slice(['a', 3]); 1 };
};

subtest 'an index drops its axis' => sub {
    my $m = matrix();
    is shape($m->slice(1)), '4';
    is shape($m->slice([1])), '4';
    is text($m->slice(':', -1)), '3 7 11';
    is shape($m->slice(1, 2)), '1', 'all axes dropped';
    is text($m->slice(1, 2)), '6';
    is shape($m->slice([1, 2], 'X')), '1x4';
    is ref $m->slice(1), 'AI::MXNet::NDArray::Slice';
    is text($m->slice(nd->array([2]))), '8 9 10 11', 'an array of one number is an index';
    ok !eval { $m->slice(3); 1 };
    like $@, qr/Dimension 0 mismatch Idx: 3 >= Dim Size: 3/;
    ok !eval { $m->slice(0, 0, 0); 1 };
    like $@, qr/Dimensions size 2 != slices size 3/;
    ok !eval { $m->slice(); 1 };
    ok !eval { $m->slice('x'); 1 };
    like $@, qr/an index is an integer, but got x/;
};

subtest 'the ellipsis, and indices by name' => sub {
    my $t = nd->arange(24)->reshape([2, 3, 4]);
    is shape($t->slice('...', 0)), '2x3';
    is shape($t->slice(0, '...', -1)), '3';
    is shape($t->slice('...')), '2x3x4';
    is shape($t->slice(1)), '3x4';
    ok !eval { $t->slice('...', '...'); 1 };
    like $@, qr/'\.\.\.' at most once/;
    my $m = matrix();
    is text($m->slice(begin => [0, 1], end => [undef, 3])), '1 2 5 6 9 10';
    is shape($m->slice(end => 2)), '2x4', 'a number alone is for the first axis';
    is text($m->slice(begin => [0, 0], end => [3, 4], step => 3)), '0 3', 'beside a list it is for all';
};

subtest 'slices of slices are slices of the array' => sub {
    my $m = matrix();
    my $inner = $m->slice([1, undef])->slice(':', [3, undef, -2]);
    is text($inner), '7 5 11 9';
    $inner .= 0;
    is text($m), '0 1 2 3 4 0 6 0 8 0 10 0';
    $m->slice(0)->slice([0, 2]) .= [5, 6];
    is text($m->slice(0)), '5 6 2 3', 'and may be assigned to where they stand';
    $m->slice(1, 2)->slice(0) .= 9;
    is text($m->slice(1)), '4 0 9 0', 'a number is an array of shape [1]';
};

subtest 'assignment broadcasts, in-place arithmetic writes' => sub {
    my $m = nd->zeros([3, 4]);
    $m->slice(0) .= 7;
    $m->slice(':', 3) .= nd->array([1, 2, 3]);
    $m->slice([1, 3], [0, 2]) .= [[5, 6]];
    is text($m), '7 7 7 1 5 6 0 2 5 6 0 3';
    my $row = $m->slice(0);
    $row += 1;
    $row *= nd->array([1, 2, 3, 4]);
    is text($m->slice(0)), '8 16 24 8';
    my $cell = $m->slice(2, 2);
    $cell -= 4;
    $cell **= 2;
    is $m->at(2, 2)->asscalar, 16, 'with all axes dropped, too';
    $m->slice([undef, undef, 2], 0) .= [0, 1];
    is text($m->slice(':', 0)), '0 5 1', 'with a step';
    $m->slice([undef, undef, -1]) .= nd->arange(12)->reshape([3, 4]);
    is text($m->slice(':', 0)), '8 4 0', 'with a negative one';
    ok !eval { $m->slice(0) .= [1, 2, 3]; 1 };
    like $@, qr/value of shape \[3\] does not match slice dim sizes \[4\]/;
    my $table = nd->array([[1, 10], [3, 30]]);
    my $features = $table->slice(':', ':');
    $features->set($features / $features->max(axis => 0));
    is text($table), '0.33333 0.33333 1 1', 'a slice may be made of itself';
};

subtest 'masks and positions' => sub {
    my $m = matrix();
    is text($m->slice($m > 8)), '9 10 11', 'a mask of the whole shape';
    is text($m->slice(nd->isfinite($m))), '0 1 2 3 4 5 6 7 8 9 10 11', 'of bool';
    is text($m->slice($m->slice(':', 0) > 3)), '4 5 6 7 8 9 10 11', 'of rows';
    is text($m->slice(1, nd->array([1, 0, 0, 1]))), '4 7', 'of one axis';
    is shape($m->slice('...', nd->array([1, 0, 0, 1]))), '3x2', 'behind an ellipsis';
    is text($m->slice([0, 2], nd->array([3, 0], dtype => 'int32'))), '3 0 7 4', 'positions';
    is text($m->slice(nd->array([2, 2, 0, 1, 1]))), '8 9 10 11 8 9 10 11 0 1 2 3 4 5 6 7 4 5 6 7', 'floats that are no mask';
    is text($m->slice((-$m->slice(':', 0))->argsort, 0)), '8 4 0', 'an order';
    is shape($m->slice(nd->array([2]), 0)), '1', 'a list of one';
    is text($m->slice([[0, 1], [1, 2]])), '1 6', 'single elements';
    is shape($m->slice($m > 99)), '0';
    $m->slice($m > 8) .= -1;
    $m->slice(nd->array([0, 2], dtype => 'int32'), 1) .= [50, 60];
    is text($m), '0 50 2 3 4 5 6 7 8 60 -1 -1';
    my $some = $m->slice([0, 2])->slice(':', nd->array([1, 0, 0, 1]));
    $some += 100;
    is text($m->slice([0, 2])), '100 50 2 103 104 5 6 107', 'of a slice, written through';
    ok !eval { $m->slice(nd->array([5, 0, 1]))->sum->asscalar; 1 };
    like $@, qr/index 5 is out of bounds for axis 0 with size 3/;
    ok !eval { $m->slice(nd->array([7], dtype => 'int32'), 0)->aspdl; 1 };
    ok !eval { $m->slice($m > 1) .= [1, 2]; mx->nd->waitall; $m->aspdl; 1 };
};

subtest 'gradients flow through slices' => sub {
    my $x = nd->array([[1, 2, 3], [4, 5, 6]]);
    $x->attach_grad;
    my $y;
    mx->autograd->record(sub { $y = ($x->slice(':', [undef, undef, -2]) * nd->array([1, 10]))->sum + $x->slice(1)->slice(0) * 100 });
    $y->backward;
    is text($x->grad), '10 0 1 110 0 1';
    mx->autograd->record(sub { $y = ($x->slice($x > 2) ** 2)->sum });
    $y->backward;
    is text($x->grad), '0 0 6 8 10 12', 'and through masks';
};

subtest 'a slice stands wherever an array does' => sub {
    my $m = matrix();
    is text(nd->dot($m->slice(0), $m->slice(1))), '38';
    is text(nd->concat($m->slice([0, 1]), $m->slice([2, 3]), dim => 0)), '0 1 2 3 8 9 10 11';
    is text(exp($m->slice(0, [0, 1]) * 0)), '1';
    is text(2**$m->slice(0)), '1 2 4 8';
    is text($m->slice(0) % 2), '0 1 0 1';
    is text(nd->array($m->slice(0))), '0 1 2 3';
    is text(nd->random_choice($m->slice(0, [1, 2]), 2)), '1 1';
    my $to = nd->zeros([2, 4]);
    $m->slice(2)->copyto($to->slice(1));
    is text($to), '0 0 0 0 8 9 10 11';
    my $file = "/tmp/numpy_indexing-$$.params";
    nd->save($file, { row => $m->slice(1) });
    is text(nd->load($file)->{row}), '4 5 6 7';
    unlink $file;
    my $metric = mx->metric->create('mae');
    $metric->update([$m->slice(0)], [$m->slice(1)]);
    is +($metric->get)[1], 4;
};

subtest 'at, arange' => sub {
    my $m = matrix();
    is ref $m->at(1), 'AI::MXNet::NDArray::Slice';
    is $m->at(-1, -1)->asscalar, 11;
    is $m->at(1)->at(0)->asscalar, 4;
    my $row = $m->at(1);
    $row += 1;
    is text($m->slice(1)), '5 6 7 8';
    ok !eval { nd->zeros([2, 2, 2])->at(0, 0); 1 };
    is text(nd->arange(5)), '0 1 2 3 4';
    is text(nd->arange(2, 6)), '2 3 4 5';
    is text(nd->arange(0, 10, 3, dtype => 'int32')), '0 3 6 9';
    is text(nd->arange(stop => 3)), '0 1 2', 'by name as ever';
};

subtest 'the choice is the file\'s, the block\'s or the environment\'s' => sub {
    my $m = matrix();
    {
        use AI::MXNet qw(:mxnet);
        is shape($m->slice([0, 1])), '2x4', 'taken back in a block';
        is shape($m->slice(1)), '1x4';
        is shape($m->slice([0, 1], [0, 1])->slice([0, 0])), '1x2', 'also of slices';
        ok !eval { nd->arange(5); 1 };
    }
    is shape($m->slice([0, 1])), '1x4', 'and as it was behind it';
    my %run = (
        'use AI::MXNet qw(mx nd); print nd->zeros([3])->slice([0, 1])->len' => { '' => 2, numpy => 1, mxnet => 2 },
        'use AI::MXNet qw(mx nd :numpy); print nd->zeros([3])->slice([0, 1])->len' => { '' => 1, mxnet => 1 },
        'use AI::MXNet qw(mx nd :mxnet); print nd->zeros([3])->slice([0, 1])->len' => { numpy => 2 },
        'use AI::MXNet qw(mx); package Other; print mx->nd->zeros([3])->slice([0, 1])->len' => { numpy => 1 },
        'use AI::MXNet qw(mx); my $i = mx->nd->array([[1, 2], [3, 4], [5, 6]]); print 0 + @{ $i->split_array }, mx->nd->concatenate([$i, $i])->len' => { numpy => 36 },
    );
    for my $program (sort keys %run) {
        for my $choice (sort keys %{ $run{$program} }) {
            local $ENV{AI_MXNET_DIALECT} = $choice;
            is qx{$^X '-I$Bin/../lib' -e '$program'}, $run{$program}{$choice}, "'$choice': $program";
        }
    }
    local $ENV{AI_MXNET_DIALECT} = 'nunpy';
    like qx{$^X '-I$Bin/../lib' -MAI::MXNet=mx -e 1 2>&1}, qr/AI_MXNET_DIALECT is numpy or mxnet, but is 'nunpy'/;
    ok !eval q{use AI::MXNet qw(mx :nunpy); 1};
    like $@, qr/knows the tags :mxnet and :numpy, but got ':nunpy'/;
};

done_testing;

use strict;
use warnings;
use Test::More;
use AI::MXNet qw(mx nd);

sub text { my ($array) = @_; return join ' ', map { 0 + sprintf '%.5g', $_ } $array->aspdl->list }
sub shape { return join 'x', @{ $_[0]->shape } }

subtest 'operators go by short names' => sub {
    my $x = nd->array([[1, 2, 3, 4], [2, 4, 6, 8]]);
    is text(nd->std($x, axis => 0)), '0.5 1 1.5 2';
    is text($x->var(axis => 1)), '1.25 5';
    is text(nd->unique(nd->array([3, 1, 3]))), '1 3';
    is text(nd->_npi_tril(nd->array([[1, 2], [3, 4]]))), '1 0 3 4', 'and by their own';
    is nd->greater_scalar($x, 2)->dtype, 'float32', 'with a number, those of 1.x';
    ok !eval { nd->no_such_operator($x); 1 };
    like $@, qr/\ACan't locate object method "no_such_operator" via package "AI::MXNet::NDArray" at \Q$0\E line/;
    ok !eval { $x->slice([0, 1])->no_such_operator; 1 };
    like $@, qr/no_such_operator/;
};

subtest 'what 1.6 has not is not told of by can, but a method that has been called is' => sub {
    ok !nd->can('triu');
    is text(nd->triu(nd->array([[1, 2], [3, 4]]))), '1 2 0 4';
    ok(nd->can('triu') && nd->can('asstr') && nd->can('_npi_qr'));
    ok !nd->can('no_such_operator');
};

subtest 'lists and piddles stand for arrays that are missing' => sub {
    is text(nd->diff([1, 4, 9])), '3 5';
    is text(nd->dot([[1, 2]], nd->array([[3], [4]]))), '11';
    is text(nd->where([1, 0], [1, 2], PDL->new(3, 4))), '1 4';
    is text(nd->meshgrid([1, 2], [3, 4])->[1]), '3 3 4 4', 'any number of them';
    is text(nd->sum(nd->array([[1, 2], [3, 4]]), [0])), '4 6', 'but a list beside enough arrays is an attribute';
    is text(nd->_npi_pad(nd->array([[1]]), [[1, 0], [0, 1]])), '0 0 1 0', 'also one of lists';
};

subtest 'arrays without dimensions' => sub {
    my $x = nd->array([1, 3]);
    my $s = nd->std($x);
    is_deeply $s->shape, [];
    is $s->asscalar, 1;
    is $s->aspdl->ndims, 0;
    is_deeply [map { scalar @{ $_->shape } } $s + 1, exp $s, $s * $s, -$s], [0, 0, 0, 0], 'elementwise operators keep the shape';
    is shape($x * $s), '2';
    is_deeply [map { shape($_) } $s->sum, $s->expand_dims(axis => 0), nd->concat($s, $s, dim => 0), $s->reshape([1, 1])], ['1', '1x1', '2', '1x1'],
        'others take [1] for it';
    $s += 1;
    is $s->asscalar, 2;
    $s .= 7;
    is $s->asscalar, 7;
    $x->attach_grad;
    my $y;
    mx->autograd->record(sub { $y = nd->std($x) * 2 });
    is_deeply $y->shape, [];
    $y->backward;
    is text($x->grad), '-1 1', 'gradients flow through them';
};

subtest 'arrays of bool' => sub {
    my $b = nd->isnan(nd->array([1, 'nan']));
    is $b->dtype, 'bool';
    is text($b), '0 1';
    is_deeply [map { nd->isnan(nd->array([$_]))->asscalar } 'nan', 1], [1, ''], 'as Perl has truth';
    is nd->any($b)->asscalar, 1;
    is text($b->astype('float32') * 2), '0 2';
    is text(nd->logical_not($b)), '1 0';
    is_deeply [map { $_->dtype . ' ' . text($_) } nd->array([-1, 0])->astype('bool')], ['bool 1 0'], 'whatever is not 0';
    ok !eval { nd->ones([2], dtype => 'bool'); 1 }, 'not made by 1.6\'s constructors';
};

subtest 'values as lists' => sub {
    is_deeply(nd->array([[1, 2], [3, 4]])->asarray, [[1, 2], [3, 4]]);
    is_deeply(nd->array([5])->asarray, [5]);
    is_deeply([nd->array([[1, 2], [3, 4]])->tolist], [[1, 2], [3, 4]]);
    is scalar(my @list = nd->array([7, 8, 9])->tolist), 3;
};

subtest 'statistics' => sub {
    my $x = nd->array([[2.1, 2.5, 3.6, 4.0], [8, 10, 12, 14]]);
    is text(nd->cov($x)), '0.80333 2.2667 2.2667 6.6667';
    is nd->cov($x)->dtype, 'float64';
    is text(nd->cov($x, bias => 1)), '0.6025 1.7 1.7 5';
    is text(nd->cov($x, fweights => [1, 2, 1, 1], dtype => 'float32')), '0.663 1.81 1.81 5.2', 'weights may be lists';
    is text(nd->corrcoef([1, 2, 3], y => [3, 2, 1])), '1 -1 -1 1';
    is text(nd->percentile($x, [0, 50, 100], axis => 1)), '2.1 8 3.05 11 4 14';
    is text($x->percentile(50)), '6';
    is text(nd->median($x, axis => 1)), '3.05 11';
    ok !eval { nd->cov(5); 1 };
    like $@, qr/cov takes an NDArray first, but got 5/;
    $x->attach_grad;
    my $y;
    mx->autograd->record(sub { $y = nd->cov($x) });
    $y->backward;
    is text($x->grad->sum), '0', 'can be differentiated';
};

subtest 'random_choice' => sub {
    mx->random->seed(3);
    is shape(nd->random_choice(6)), '1';
    is nd->random_choice(6)->dtype, 'int64';
    is text(nd->sort(nd->random_choice(5, 5, replace => 0)->astype('float32'))), '0 1 2 3 4';
    is text(nd->random_choice([10, 20], size => 3, p => [0, 9])), '20 20 20', 'weights need not add up to 1';
    my $out = nd->zeros([2], dtype => 'int64');
    nd->random_choice(1, 2, out => $out);
    is text($out), '0 0';
    for my $case ([[3, 4, replace => 0], 'ValueError: Cannot take a larger sample than population when replace is False'],
        [[0], 'ValueError: a must be greater than 0 unless no samples are taken.'],
        [[3, p => [1, 2]], q{ValueError: 'a' and 'p' must have same size}]) {
        ok !eval { nd->random_choice(@{ $case->[0] }); 1 };
        is $@, "$case->[1]\n";
    }
};

subtest 'arguments by position or name' => sub {
    my $take = sub { my %a = nd->get_arguments(width => 1, height => 2, \@_); return "$a{width} $a{height}", @_ };
    is_deeply [$take->()], ['1 2'];
    is_deeply [$take->(5)], ['5 2'];
    is_deeply [$take->(5, height => 7)], ['5 7'];
    is_deeply [$take->(height => 7, 5)], ['5 7'];
    is_deeply [$take->(height => undef)], ['1 2'], 'undef leaves the default';
    is_deeply [$take->(3, out => 9)], ['3 2', 'out', 9], 'out stays in @_';
    ok !eval { $take->(1, 2, 3); 1 };
    like $@, qr/too many arguments: got 3 values by position for width, height/;
};

subtest 'linear algebra' => sub {
    my ($w, $v) = nd->linalg->eig([[2, 0], [1, 3]]);
    is text($w->{real}->sort), '2 3';
    is text($w->{imag}), '0 0';
    my $only = nd->linalg->eig([[2, 0], [1, 3]], right => 0);
    is ref $only, 'HASH';
    my ($turn) = nd->linalg->eig([[0, 1], [-1, 0]]);
    is text($turn->{imag}->sort), '-1 1', 'complex eigenvalues';
    my ($general) = nd->linalg->eig([[2, 0], [0, 6]], b => [[1, 0], [0, 2]]);
    is text($general->{real}->sort), '2 3';
    is text(nd->linalg->stationary([[0.9, 0.1], [0.5, 0.5]])), '0.83333 0.16667';
    my ($q, $r) = @{ nd->linalg->qr(nd->array([[3, 0], [4, 5]])) };
    is text($r), '5 4 0 3';
    is text(nd->solve([[2, 0], [0, 4]], [2, 4])), '1 1';
    ok !eval { nd->linalg->eig(nd->ones([2, 3])); 1 };
    like $@, qr/\AValueError: expected square matrix at/;
};

subtest 'constants and positions' => sub {
    cmp_ok abs(nd->pi - 4 * atan2 1, 1), '<', 1e-15;
    cmp_ok nd->inf, '==', 9**9**9;
    my ($rows, $columns) = @{ nd->triu_indices(3, 1) };
    is text($rows) . '|' . text($columns), '0 0 1|1 2 2';
    is text(nd->linspace(0, 1, 5)), '0 0.25 0.5 0.75 1';
    is shape(nd->eye(2, 3)), '2x3';
    is text(nd->identity(2, dtype => 'int32')) . '|' . text(nd->identity(nd->array([5]))), '1 0 0 1|5', 'of a number a matrix, of an array a copy';
    my $v = nd->arange(stop => 6);
    is text(nd->concatenate([map { $v->slice(begin => $_, end => $_ + 2) } 4, 0])), '4 5 0 1', 'parts are arrays';
};

done_testing;

# Datasets, samplers, and the batches that a DataLoader makes in this process.
use strict;
use warnings;
use FindBin qw($Bin);
use File::Temp qw(tempdir);
use PDL;
use Test::More;
use AI::MXNet qw(mx nd);
use AI::MXNet::Gluon qw(gluon);

my $data = gluon->data;

# Piddles and arrays as nested lists, with their dtypes.
sub shown
{
    my ($value) = @_;
    return [map { shown($_) } @$value] if ref $value eq 'ARRAY';
    return { map { $_ => shown($value->{$_}) } keys %$value } if ref $value eq 'HASH';
    return ref $value && $value->isa('AI::MXNet::NDArray') ? [$value->dtype, $value->aspdl->unpdl] : "$value";
}

sub batches { my ($loader) = @_; return [map { shown($_) } @$loader] }

package Squares {
    use Mouse;
    use AI::MXNet::Function::Parameters;
    use AI::MXNet::Types;
    extends 'AI::MXNet::Gluon::Data::Set';
    has count => (is => 'ro', default => 5);
    method at(Index $index) { return [PDL->pdl(PDL::float(), [$index, -$index]), $index**2] }
    method len() { return $self->count }
    sub python_constructor_arguments { return ['count'] }
    __PACKAGE__->register('AI::MXNet::Gluon::Data');
}

subtest 'arrays, piddles and lists as datasets' => sub {
    my @rows = ([1, 2], [3, 4], [5, 6]);
    my $array = $data->ArrayDataset(nd->array(\@rows), nd->array([7, 8, 9]));
    is $array->len, 3;
    my ($row, $label) = @{ $array->at(-1) };
    is_deeply [$row->aspdl->unpdl, $label], [[5, 6], 9], 'labels of an NDArray of one dimension are numbers';
    my @expected = ([['float32', [[1, 2], [3, 4]]], ['float32', [7, 8]]], [['float32', [[5, 6]]], ['float32', [9]]]);
    is_deeply batches($data->DataLoader($array, 2)), \@expected, 'NDArrays';
    is_deeply batches($data->DataLoader($data->ArrayDataset(data => pdl(float, \@rows), label => nd->array([7, 8, 9])), 2)), \@expected, 'a piddle';
    is_deeply batches($data->DataLoader($data->ArrayDataset(nd->array(\@rows), long(7, 8, 9)), 3)),
        [[['float32', \@rows], ['int32', [7, 8, 9]]]], 'labels keep their dtype';
    is_deeply batches($data->DataLoader($data->ArrayDataset([map { pdl($_) } @rows], [7, 8, 9]), 3)),
        [[['float64', \@rows], ['int32', [7, 8, 9]]]], 'lists';
    is_deeply batches($data->DataLoader(nd->array(\@rows), batch_size => 2)), [['float32', [[1, 2], [3, 4]]], ['float32', [[5, 6]]]], 'an NDArray alone';
    is_deeply batches($data->DataLoader(nd->array([1, 2, 3]), 2)), [['float32', [[1], [2]]], ['float32', [[3]]]], 'of one dimension';
    is_deeply batches($data->DataLoader(pdl(byte, \@rows), 3)), [['uint8', \@rows]], 'a piddle alone';
    is_deeply batches($data->DataLoader([1, 2.5], 2)), [['float32', [1, 2.5]]], 'a list alone';
    ok !eval { $data->ArrayDataset(nd->ones([2, 2]), nd->ones([3])) };
    like $@, qr/2 samples, but 3 labels/;
    ok !eval { $array->at(3) };
    like $@, qr/Dim Size: 3/;
    ok !eval { $data->DataLoader($array, batch_size => 2, sampler => $data->SequentialSampler(9))->list->[1] };
    like $@, qr/there is no sample 3 of 3 at \Q$0\E/;
};

subtest 'a batch is a copy' => sub {
    my $x = nd->array([[1, 2], [3, 4]]);
    my $batch = $data->DataLoader($x, 2)->next;
    $batch *= 10;
    is_deeply $x->aspdl->unpdl, [[1, 2], [3, 4]];
};

subtest 'classes of the user' => sub {
    my $set = $data->Squares(3);
    is_deeply batches($data->DataLoader($set, 2)), [[['float32', [[0, 0], [1, -1]]], ['int32', [0, 1]]], [['float32', [[2, -2]]], ['int32', [4]]]];
    package Doubled { use Mouse; extends 'AI::MXNet::Gluon::Data::ArrayDataset'; around at => sub { my ($at, @all) = @_; my $row = $at->(@all); [$row->[0] * 2, $row->[1]] } }
    is_deeply batches($data->DataLoader(Doubled->new(nd->array([[1], [2]]), [3, 4]), 2)), [[['float32', [[2], [4]]], ['int32', [3, 4]]]],
        'a method at of a subclass is called';
    package Nothing { use Mouse; extends 'AI::MXNet::Gluon::Data::Set' }
    ok !eval { Nothing->new->at(0) };
    like $@, qr/Nothing is a dataset without a method at/;
};

subtest 'samples of other forms' => sub {
    my %forms = (
        'a slice of an array' => [[map { nd->arange(stop => 4)->reshape([2, 2])->slice($_, 'X') } 0, 1], ['float32', [[[0, 1]], [[2, 3]]]]],
        'hashes' => [[{ x => pdl(1, 2), y => 1 }, { x => pdl(3, 4), y => 2 }], { x => ['float64', [[1, 2], [3, 4]]], y => ['int32', [1, 2]] }],
        'nested lists' => [[[1, [2, pdl(long, 3)]], [4, [5, pdl(long, 6)]]], [['int32', [1, 4]], [['int32', [2, 5]], ['int32', [3, 6]]]]],
        'piddles of several types' => [[byte(1, 2), float(3, 4)], ['float32', [[1, 2], [3, 4]]]],
        'parts of a piddle' => [[map { sequence(4, 2)->slice("1:2,($_)") } 0, 1], ['float64', [[1, 2], [5, 6]]]],
        'short integers' => [[short(1, 2)], ['int32', [[1, 2]]]],
    );
    for my $form (sort keys %forms) {
        my ($samples, $expected) = @{ $forms{$form} };
        is_deeply shown($data->DataLoader($samples, 2)->next), $expected, $form;
    }
    my %refused = (
        'text' => [['one', 'two'], qr/numbers, and lists or hashes of these, but a sample has 'one': give it a batchify_fn/],
        'piddles of other shapes' => [[pdl(1, 2), pdl(1, 2, 3)], qr/are piddles \[2\], but one of piddles \[3\]: give the DataLoader a batchify_fn/],
        'arrays of other shapes' => [[nd->ones([2]), nd->ones([3])], qr/are NDArrays float32 \[2\], but one of NDArrays float32 \[3\]/],
        'lists of other lengths' => [[[1, 2], [1]], qr/are lists of 2, but one of 1/],
        'bad values' => [[pdl(1, 2)->setbadif(pdl(1, 0))], qr/bad values/],
        'undef' => [[undef], qr/undef/],
    );
    for my $form (sort keys %refused) {
        my ($samples, $message) = @{ $refused{$form} };
        ok !eval { $data->DataLoader($samples, 2)->next };
        like $@, $message, "$form are refused";
    }
    my $lists = $data->DataLoader([[1], [2, 3], [4, 5, 6]], batch_size => 3, batchify_fn => sub { join ' ', map {"@$_"} @{ $_[0] } });
    is $lists->next, '1 2 3 4 5 6', 'batchify_fn makes anything of them';
};

subtest 'what is made of datasets' => sub {
    my $set = $data->SimpleDataset([1 .. 7]);
    my $pairs = $data->ArrayDataset([1, 2, 3], [4, 5, 6]);
    my $list = sub { my ($of) = @_; return [map { $of->at($_) } 0 .. $of->len - 1] };
    is_deeply $list->($set->transform(sub { $_[0] * 2 })), [2, 4, 6, 8, 10, 12, 14], 'transform';
    is_deeply $list->($pairs->transform(sub { my ($x, $y) = @_; return ($y, $x) })), [[4, 1], [5, 2], [6, 3]], 'of pairs';
    is_deeply $list->($pairs->transform(sub { $_[0] + $_[1] })), [5, 7, 9], 'to single values';
    is_deeply $list->($pairs->transform_first(sub { -$_[0] })), [[-1, 4], [-2, 5], [-3, 6]], 'transform_first';
    my $calls = 0;
    my $eager = $set->transform(sub { $calls++; $_[0] }, 0);
    is $calls, 7, 'not lazily: at once';
    is_deeply $list->($eager), [1 .. 7];
    is_deeply $list->($set->filter(sub { $_[0] % 2 })), [1, 3, 5, 7], 'filter';
    is_deeply $list->($set->take(2)), [1, 2], 'take';
    is_deeply $list->($set->take(20)), [1 .. 7];
    is_deeply [map { $list->($set->shard(3, $_)) } 0 .. 2], [[1, 2, 3], [4, 5], [6, 7]], 'shard';
    is_deeply $list->($set->sample($data->SequentialSampler(3))), [1, 2, 3], 'sample';
    is_deeply batches($data->DataLoader($data->ArrayDataset(nd->array([[1], [2], [3]]), nd->array([4, 5, 6]))->filter(sub { $_[0][1] > 4 }), 2)),
        [[['float32', [[2], [3]]], ['float32', [5, 6]]]], 'parts of arrays are batches of arrays';
    is_deeply shown($data->DataLoader($data->ArrayDataset([1, 2], nd->array([4, 5]))->transform_first(sub { $_[0] }), 2)->next),
        [['float32', [1, 2]], ['float32', [4, 5]]], 'plain numbers are of the dtype of the labels';
    ok !eval { $set->shard(3, 3) };
    like $@, qr/shard takes .* got 3 and 3/;
};

subtest 'samplers' => sub {
    my $sequence = $data->SequentialSampler(3);
    my @all;
    while (defined(my $i = <$sequence>)) { push @all, $i }
    is_deeply \@all, [0, 1, 2], 'one after the other';
    is <$sequence>, 0, 'and again from the start';
    is_deeply [@$sequence], [0, 1, 2], 'as a list it is all of them';
    my $random = $data->RandomSampler(50);
    my ($first, $second) = ("@$random", "@$random");
    isnt $first, $second, 'another order each time';
    is join(' ', sort { $a <=> $b } split ' ', $second), "@{[0 .. 49]}";
    CORE::srand(3);
    my $again = "@$random";
    CORE::srand(3);
    is "@$random", $again, 'that srand decides';
    my %expected = (keep => ['0 1 2', '3 4 5', '6'], discard => ['0 1 2', '3 4 5'], rollover => ['0 1 2', '3 4 5']);
    for my $last (sort keys %expected) {
        my $batches = $data->BatchSampler($data->SequentialSampler(7), 3, $last);
        is $batches->len, @{ $expected{$last} };
        my @found;
        while (defined(my $batch = <$batches>)) { push @found, "@$batch" }
        is_deeply \@found, $expected{$last}, $last;
        is_deeply [map {"@$_"} @$batches], $last eq 'rollover' ? ['6 0 1', '2 3 4'] : $expected{$last}, 'the next time';
    }
    my $batches = $data->BatchSampler($data->SequentialSampler(7), 3);
    $batches->next;
    $batches->reset;
    is_deeply $batches->next, [0, 1, 2], 'reset begins again';
    for my $wrong ([0, 'keep'], [2, 'maybe']) {
        ok !eval { $data->BatchSampler($data->SequentialSampler(7), @$wrong) };
        like $@, qr/batch_size is 1 or more, but got 0|last_batch must be one of/;
    }
    package Odd {
        use Mouse;
        extends 'AI::MXNet::Gluon::Data::Sampler';
        has at => (is => 'rw', default => 1);
        sub len {2}
        sub next { my ($self) = @_; my $at = $self->at; $self->at($at < 4 ? $at + 2 : 1); return $at < 4 ? $at : undef }
    }
    is_deeply batches($data->DataLoader([10 .. 14], 2, sampler => Odd->new)), [['int32', [11, 13]]], 'of the user';
};

subtest 'runs over a DataLoader' => sub {
    my $loader = $data->DataLoader([1 .. 5], batch_size => 2);
    is $loader->len, 3;
    for (1, 2) {
        my @found;
        while (my $batch = <$loader>) { push @found, $batch->aspdl->list }
        is "@found", '1 2 3 4 5', 'while';
    }
    is join(' ', map { $_->aspdl->list } @$loader), '1 2 3 4 5', 'a list';
    is_deeply [map { $_->aspdl->sum } reverse @$loader], [5, 7, 3], 'in any order';
    is_deeply $loader->list->[1]->aspdl->unpdl, [3, 4];
    is $#{ $loader->list }, 2;
    my $calls = 0;
    my $lazy = $data->DataLoader($data->SimpleDataset([1 .. 6])->transform(sub { $calls++; $_[0] }), batch_size => 2);
    for my $batch (@$lazy) { is $batch->len, 2; last }
    is $calls, 2, 'what is not looked at is not made';
    ok !eval { push @{ $lazy->list }, 1 };
    <$loader>;
    $loader->reset;
    is <$loader>->aspdl->at(0), 1, 'reset begins again';

    my %expected = (keep => '1 2,3 4,5|1 2,3 4,5', discard => '1 2,3 4|1 2,3 4', rollover => '1 2,3 4|5 1,2 3,4 5');
    for my $last (sort keys %expected) {
        my $loader = $data->DataLoader([1 .. 5], batch_size => 2, last_batch => $last);
        is join('|', map { join ',', map { join ' ', $_->aspdl->list } @$loader } 1, 2), $expected{$last}, "last_batch $last";
    }
    CORE::srand(5);
    my $order = join ' ', map { $_->aspdl->list } @{ $data->DataLoader([1 .. 20], 3, shuffle => 1) };
    CORE::srand(5);
    is join(' ', map { $_->aspdl->list } @{ $data->DataLoader([1 .. 20], 3, shuffle => 1) }), $order, 'shuffled as srand decides';
    isnt $order, "@{[1 .. 20]}";
    my $batches = $data->BatchSampler($data->SequentialSampler(4), 3);
    is join('|', map { join ' ', $_->aspdl->list } @{ $data->DataLoader([1 .. 4], batch_sampler => $batches) }), '1 2 3|4', 'a batch_sampler';
    my %refused = (
        'batch_size must be specified unless batch_sampler' => [],
        'shuffle must not be specified if sampler' => [2, shuffle => 1, sampler => $data->SequentialSampler(4)],
        'a batch_sampler takes no batch_size' => [2, batch_sampler => $batches],
        'a batch_sampler takes no last_batch' => [batch_sampler => $batches, last_batch => 'keep'],
        'num_workers is 0 or more, but got -1' => [2, num_workers => -1],
    );
    for my $message (sort keys %refused) {
        ok !eval { $data->DataLoader([1 .. 4], @{ $refused{$message} }) };
        like $@, qr/\Q$message\E.* at \Q$0\E line/, $message;
    }
};

subtest 'a seed decides on order and random numbers' => sub {
    my $set = $data->SimpleDataset([1 .. 12])->transform(sub {
        return [$_[0], rand, PDL->random(1)->sclr, nd->random->uniform->reshape([1])];
    });
    my $loader = sub { return $data->DataLoader($set, batch_size => 5, shuffle => 1, seed => 17, @_) };
    my ($first, $second) = map { batches($_) } ($loader->()) x 2;
    isnt join('', explain $first), join('', explain $second), 'each run is another';
    is_deeply batches($loader->()), $first, 'and the same for the same seed';
    is_deeply batches($loader->(epoch => 1)), $second, 'one can go on at any';
    my $after = sub {
        my ($code) = @_;
        CORE::srand(1);
        PDL::srand(1);
        mx->random->seed(1);
        $code->();
        return [rand, PDL->random(1)->sclr, nd->random->uniform->asscalar];
    };
    my @numbers = map { $after->(sub { batches($loader->()) }) } 1, 2;
    is_deeply $numbers[0], $numbers[1], 'the program\'s own numbers are decided by its seeds';
    is $numbers[0][2], $after->(sub { })->[2], 'and the engine\'s go on as if nothing had been drawn';
};

subtest 'a file of records' => sub {
    my $folder = tempdir(CLEANUP => 1);
    my $file = mx->recordio->MXIndexedRecordIO("$folder/test.idx", "$folder/test.rec", 'w');
    $file->write_idx($_, "record $_") for 0 .. 4;
    $file->close;
    my $set = $data->RecordFileSet("$folder/test.rec");
    is $set->len, 5;
    is $set->at(3), 'record 3';
    is $set->at(-5), 'record 0';
    ok !eval { $set->at(5) };
    like $@, qr/no record 5 of 5 in \Q$folder\E/;
};

done_testing;

# Iterators: batches of arrays and of files. MXNet wrote the record files in the folder data, and batches.params.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use Test::More;
use PDL;
use AI::MXNet qw(mx nd);

my $folder = tempdir(CLEANUP => 1);

sub file
{
    my ($name, $content) = @_;
    open my $file, '>:raw', "$folder/$name" or die "$folder/$name: $!";
    print $file $content;
    close $file;
    return "$folder/$name";
}

sub refused { my ($code, $words, $name) = @_; ok !eval { $code->(); 1 }, $name; like $@, $words, '... in these words' }

# The batches that are left, as text: data / label / pad.
sub batches
{
    my ($iterator) = @_;
    my @texts;
    while (defined(my $batch = $iterator->next)) {
        my ($data, $label) = map { my $list = $batch->$_ // []; join ' ', map { join ',', $_->tostype('default')->aspdl->list } @$list } qw(data label);
        push @texts, "$data / $label / " . ($batch->pad // 'undef');
    }
    return \@texts;
}

sub epochs
{
    my ($iterator, $count) = @_;
    return [map { $iterator->reset if $_ > 1; batches($iterator) } 1 .. $count];
}

my $five = nd->arange(stop => 5);

subtest 'what does not fill a batch' => sub {
    my $iterator = sub { mx->io->NDArrayIter($five, $five * 10, batch_size => 2, @_) };
    my $whole = ['0,1 / 0,10 / 0', '2,3 / 20,30 / 0'];
    is_deeply epochs($iterator->(), 2), [([@$whole, '4,0 / 40,0 / 1']) x 2], 'pad';
    is_deeply epochs($iterator->(last_batch_handle => 'discard'), 2), [($whole) x 2], 'discard';
    is $iterator->(last_batch_handle => 'discard')->num_data, 4, 'discarded rows do not count';
    is_deeply epochs($iterator->(last_batch_handle => 'roll_over'), 3),
        [[@$whole, '4,0 / 40,0 / 0'], ['1,2 / 10,20 / 0', '3,4 / 30,40 / 0'], [@$whole, '4,0 / 40,0 / 0']], 'roll_over goes on behind';
    my $ended = $iterator->();
    batches($ended);
    is $ended->next, undef, 'undef until reset';
    refused(sub { $iterator->(last_batch_handle => 'x') }, qr/'pad', 'discard' or 'roll_over', but got 'x' at \Q$0\E/, 'another word');
    refused(sub { $iterator->(batch_size => 6) }, qr/size of data dimension 0 5 < batch_size 6/, 'a batch larger than all');
};

subtest 'sources and their names' => sub {
    my $names = sub { my $iterator = mx->io->NDArrayIter(@_); join ' ', map {"$_"} @{ $iterator->provide_data }, @{ $iterator->provide_label } };
    is $names->($five), 'DataDesc[data,1,float32,NCHW]', 'an array';
    is $names->(sequence(3, 5), $five, batch_size => 2), 'DataDesc[data,2x3,float32,NCHW] DataDesc[softmax_label,2,float32,NCHW]', 'a piddle, and labels';
    is $names->([$five, $five->astype('int32')], label_name => 'y', label => [$five, $five]),
        'DataDesc[_0_data,1,float32,NCHW] DataDesc[_1_data,1,int32,NCHW] DataDesc[_0_y,1,float32,NCHW] DataDesc[_1_y,1,float32,NCHW]', 'lists';
    is $names->([[1, 2], [3, 4]]), 'DataDesc[_0_data,1,float32,NCHW] DataDesc[_1_data,1,float32,NCHW]', 'lists of lists are arrays';
    is $names->(data => { x => $five }, label => { z => $five }), 'DataDesc[x,1,float32,NCHW] DataDesc[z,1,float32,NCHW]', 'hashes';
    my @warnings;
    { local $SIG{__WARN__} = sub { push @warnings, @_ }; like $names->({ b => $five, a => $five }), qr/\[a,.*\[b,/, 'several in a hash' }
    like "@warnings", qr/order of a hash's arrays is not defined/, '... with a warning';
    refused(sub { mx->io->NDArrayIter(undef) }, qr/an iterator needs data/, 'no data');
    refused(sub { mx->io->NDArrayIter([1, 2]) }, qr/'_0_data' is to be an NDArray, a piddle or a nested list, but got 1/, 'a flat list');
    refused(sub { mx->io->NDArrayIter($five, nd->zeros([4, 1])) }, qr/'softmax_label' of shape \[4,1\] has other than the 5 rows of 'data'/, 'other numbers of rows');
    SKIP: {
        eval { require Hash::Ordered } or skip 'Hash::Ordered is not installed', 1;
        is $names->(Hash::Ordered->new(z => $five, b => $five)), 'DataDesc[z,1,float32,NCHW] DataDesc[b,1,float32,NCHW]', 'an ordered hash keeps its order';
    }
};

subtest 'shuffled rows stay together' => sub {
    srand 5;
    my $rows = nd->arange(stop => 64);
    my $iterator = mx->io->NDArrayIter($rows->reshape([64, 1])->astype('int32'), $rows * 2, batch_size => 16, shuffle => 1);
    my $epochs = epochs($iterator, 2);
    is_deeply $epochs->[0], $epochs->[1], 'the order is the same in each epoch';
    my (@seen, $twice);
    for (@{ $epochs->[0] }) {
        my ($data, $label) = map { [split /,/] } (split m{ / })[0, 1];
        push @seen, @$data;
        $twice += grep { $label->[$_] == 2 * $data->[$_] } 0 .. $#$data;
    }
    is $twice, 64, 'labels go with their rows';
    is_deeply [sort { $a <=> $b } @seen], [0 .. 63], 'all rows come';
    isnt "@seen", join(' ', 0 .. 63), 'in another order';
    is $iterator->provide_data->[0]->dtype, 'float32', 'and as float32';
};

subtest 'sparse rows' => sub {
    my $csr = nd->array([[1, 0], [0, 2], [3, 0]])->tostype('csr');
    my $iterator = mx->io->NDArrayIter($csr, batch_size => 2);
    is $iterator->next->data->[0]->stype, 'csr';
    $iterator->reset;
    is_deeply batches($iterator), ['1,0,0,2 /  / 0', '3,0,1,0 /  / 1'];
};

subtest 'the ways to go through' => sub {
    my $iterator = mx->io->NDArrayIter($five, batch_size => 2);
    is scalar(@$iterator), 3, 'as a list';
    is scalar(@$iterator), 0, 'which does not reset';
    $iterator->reset;
    my $count = 0;
    $count++ while defined(my $batch = <$iterator>);
    is $count, 3, 'in angles';
    $iterator->reset;
    is_deeply [map { $_->data->[0]->asscalar } @{ AI::MXNet::NDArrayIter->new($five)->list }], [0 .. 4], 'copies';
    $iterator->reset;
    ok $iterator->iter_next;
    is_deeply [$iterator->getdata->[0]->aspdl->list], [0, 1], 'part by part';
    is_deeply $iterator->getlabel, [], 'without labels';
};

package Counting {
    use Mouse;
    extends 'AI::MXNet::DataIter';
    has at => (is => 'rw', default => 0);
    sub provide_data  { [AI::MXNet::DataDesc->new('data', [2])] }
    sub provide_label { [] }
    sub reset     { $_[0]->at(0) }
    sub iter_next { $_[0]->at($_[0]->at + 1); return $_[0]->at <= 3 }
    sub getdata   { [AI::MXNet::NDArray->full([2], $_[0]->at)] }
    sub getpad    { $_[0]->at - 1 }
}

subtest 'iterators of one\'s own, resized, and several as one' => sub {
    my $own = Counting->new(batch_size => 2);
    is_deeply epochs($own, 2), [(['1,1 /  / 0', '2,2 /  / 1', '3,3 /  / 2']) x 2];
    my $long = mx->io->ResizeIter(Counting->new(batch_size => 2), 4);
    is_deeply epochs($long, 2), [(['1,1 /  / 0', '2,2 /  / 1', '3,3 /  / 2', '1,1 /  / 0']) x 2], 'longer epochs';
    my $going_on = mx->io->ResizeIter(Counting->new(batch_size => 2), 2, 0);
    is_deeply epochs($going_on, 2), [['1,1 /  / 0', '2,2 /  / 1'], ['3,3 /  / 2', '1,1 /  / 0']], 'going on';
    is $long->provide_data->[0]->name, 'data';
    my $both = mx->io->PrefetchingIter([map { mx->io->NDArrayIter($_, $five, batch_size => 2) } $five, $five + 5],
        rename_data => [{ data => 'a' }, { data => 'b' }]);
    is_deeply epochs($both, 2), [(['0,1 5,6 / 0,1 0,1 / 0', '2,3 7,8 / 2,3 2,3 / 0', '4,0 9,5 / 4,0 4,0 / 1']) x 2], 'several as one';
    is join(' ', map { $_->name } @{ $both->provide_data }), 'a b', 'renamed';
    is $both->batch_size, 2;
    my $uneven = mx->io->PrefetchingIter([map { mx->io->NDArrayIter($_) } $five, nd->zeros([2])]);
    refused(sub { batches($uneven) }, qr/Number of entry mismatches/, 'epochs of other lengths');
    { package Nothing; use Mouse; extends 'AI::MXNet::DataIter' }
    refused(sub { Nothing->new->next }, qr/Nothing has neither a method next nor iter_next/, 'an iterator without');
};

subtest 'descriptions and batches' => sub {
    my $desc = mx->io->DataDesc('x', [2, 3], layout => 'TNC');
    is "$desc", 'DataDesc[x,2x3,float32,TNC]';
    is_deeply [@$desc], ['x', [2, 3]];
    is(AI::MXNet::DataDesc->get_batch_axis($desc->layout), 1);
    is(scalar AI::MXNet::DataDesc->get_batch_axis(undef), 0);
    is join(' ', @{ AI::MXNet::DataDesc->get_list({ b => [1], a => [2] }, { a => 'int8', b => 'float32' }) }), 'DataDesc[a,2,int8,NCHW] DataDesc[b,1,float32,NCHW]';
    my $batch = mx->io->DataBatch(data => undef, pad => 1);
    is $batch->data, undef;
    is $batch->pad, 1;
};

subtest 'tables' => sub {
    my $data  = file('data.csv', join '', map {"$_,$_\n"} 0 .. 4);
    my $label = file('label.csv', join '', map { 10 * $_ . "\n" } 0 .. 4);
    my $iterator = sub { mx->io->CSVIter({ data_csv => $data, data_shape => [2], label_csv => $label, batch_size => 2, @_ }) };
    my $first = ['0,0,1,1 / 0,10 / 0', '2,2,3,3 / 20,30 / 0', '4,4,0,0 / 40,0 / 1'];
    is_deeply epochs($iterator->(), 3), [$first, ['1,1,2,2 / 10,20 / 0', '3,3,4,4 / 30,40 / 0'], $first], 'an epoch begins behind what filled the last one up';
    is_deeply epochs($iterator->(round_batch => 0), 2), [($first) x 2], 'or not';
    is_deeply epochs($iterator->(batch_size => 7, label_csv => 'NULL', dtype => 'int32'), 1),
        [['0,0,1,1,2,2,3,3,4,4,0,0,1,1 / 0,0,0,0,0,0,0 / 2']], 'a batch larger than all; no labels';
    my $named = $iterator->(data_shape => [1, 2], data_name => 'x', label_name => 'y');
    is "@{ $named->provide_data } @{ $named->provide_label }", 'DataDesc[x,2x1x2,float32,NCHW] DataDesc[y,2,float32,NCHW]';
    is_deeply [$named->next->index->list], [0, 1], 'the numbers of the rows';
    refused(sub { mx->io->CSVIter(data_csv => $data) }, qr/CSVIter can only accept keyword arguments/, 'no hash');
    refused(sub { $iterator->(data_shape => [3]) }, qr/specified shape=\[3\], the csv row-length=2/, 'another width');
    refused(sub { mx->io->CSVIter({ data_csv => $data, data_shape => [2] }) }, qr/Required parameter batch_size of int is not presented/, 'no batch size');
    refused(sub { $iterator->(data_csv => file('bad.csv', "1,2\n3,x\n")) }, qr/bad\.csv, line 2, column 2: 'x' is no number/, 'a bad cell');
    refused(sub { $iterator->(label_csv => file('short.csv', "1\n")) }, qr/data\.csv has 5 rows, but .*short\.csv has 1/, 'too few labels');
    my $warning = '';
    { local $SIG{__WARN__} = sub { $warning .= "@_" }; $iterator->(colour => 'blue') }
    like $warning, qr/CSVIter does not know the option 'colour', and ignores it/, 'an unknown option';
};

subtest 'libsvm files' => sub {
    my $rows = file('rows.svm', "1 0:0.5 2:1.5\n-2 1:2\n0\n");
    my $iterator = sub { mx->io->LibSVMIter({ data_libsvm => $rows, data_shape => [3], batch_size => 2, @_ }) };
    is $iterator->()->next->data->[0]->stype, 'csr';
    is_deeply epochs($iterator->(), 2), [['0.5,0,1.5,0,2,0 / 1,-2 / 0', '0,0,0,0.5,0,1.5 / 0,1 / 1'], ['0,2,0,0,0,0 / -2,0 / 0']];
    is $iterator->(label_libsvm => $rows, label_shape => [3])->next->label->[0]->stype, 'csr', 'rows as labels';
    is_deeply batches($iterator->(num_parts => 3, part_index => 1, batch_size => 1)), ['0,2,0 / -2 / 0'], 'a part';
    refused(sub { $iterator->(data_shape => [2]) }, qr/rows\.svm, line 1: '2:1.5' is in none of 2 columns/, 'too few columns');
    refused(sub { $iterator->(num_parts => 2, part_index => 2) }, qr/part_index is a number from 0 to before num_parts/, 'no such part');
};

subtest 'MNIST\'s files' => sub {
    my $images = file('images', pack('nCCN3', 0, 8, 3, 7, 2, 3) . pack 'C*', 0 .. 41);
    my $labels = file('labels', pack('nCCN', 0, 8, 1, 7) . pack 'C*', 0 .. 6);
    my $iterator = sub { mx->io->MNISTIter({ image => $images, label => $labels, batch_size => 3, silent => 1, @_ }) };
    my $plain = $iterator->(shuffle => 0);
    is "@{ $plain->provide_data } @{ $plain->provide_label }", 'DataDesc[data,3x1x2x3,float32,NCHW] DataDesc[softmax_label,3,float32,NCHW]';
    is_deeply [map { $_ * 256 } $plain->next->data->[0]->aspdl->list], [0 .. 17], 'in 256th';
    is_deeply [map { (split m{ / })[1] } map {@$_} @{ epochs($plain, 2) }], ['3,4,5', '0,1,2', '3,4,5'], 'the rest is left out';
    is_deeply $iterator->(flat => 1, data_shape => [784])->next->data->[0]->shape, [3, 6], 'flat';
    my ($one, $same, $other) = map { [map { (split m{ / })[1] } @{ batches($iterator->(seed => $_)) }] } 1, 1, 2;
    is_deeply $one, $same, 'an order for each seed';
    isnt "@$one", "@$other";
    refused(sub { $iterator->(image => $labels) }, qr/is to hold images and .* as many labels/, 'labels for images');
    refused(sub { $iterator->(image => file('nothing', 'abcdef')) }, qr/is no idx file: it begins with the bytes 61 62 63 64/, 'another file');
};

subtest 'images' => sub {
    plan skip_all => 'Pillow is not installed' unless eval { mx->image->imread("$Bin/data/picture.png") };
    my $expected = nd->load("$Bin/data/batches.params");
    my %images = (path_imgrec => "$Bin/data/images.rec", data_shape => [3, 12, 10], batch_size => 5);
    my %boxes = (%images, path_imgrec => "$Bin/data/boxes.rec");
    my %made = (
        centre  => mx->io->ImageRecordIter({%images}),
        normal  => mx->io->ImageRecordIter({ %images, mean_r => 10, mean_g => 20, std_b => 5, scale => 3 }),
        resize  => mx->io->ImageRecordIter({ %images, resize => 16, mirror => 1 }),
        enlarge => mx->io->ImageRecordIter({ %images, data_shape => [3, 50, 50] }),
        turned  => mx->io->ImageRecordIter({ %images, rotate => 30, pad => 1, fill_value => 9 }),
        boxes   => mx->io->ImageDetRecordIter({ %boxes, rand_mirror_prob => 1 }),
        shrink  => mx->io->ImageDetRecordIter({ %boxes, resize_mode => 'shrink', label_pad_width => 20 }),
    );
    for my $name (sort keys %made) {
        my $batch = $made{$name}->next;
        my ($data, $label) = map { abs($batch->$_->[0]->aspdl - $expected->{"$name $_"}->aspdl)->max } qw(data label);
        # a turned one is computed in other steps
        cmp_ok $data, '<=', $name eq 'turned' ? 1 : 1e-5, "$name: the pixels";
        cmp_ok $label, '<', 1e-6, "$name: the labels";
    }
    my $iterator = sub { mx->io->ImageRecordIter({ %images, batch_size => 2, @_ }) };
    my $labels = sub { [map { (split m{ / }, $_, 2)[1] } @{ batches($iterator->(@_)) }] };
    is_deeply $labels->(), ['0,1.5 / 0', '3,4.5 / 0', '6,0 / 1'], 'epochs';
    is_deeply $labels->(path_imgidx => "$Bin/data/images.idx"), ['0,1.5 / 0', '3,4.5 / 0', '6,0 / 1'], 'with an index';
    is_deeply $labels->(path_imgrec => "$Bin/data/labels.rec", label_width => 2), ['0,0.5,1,1.5 / 0', '2,2.5,3,3.5 / 0', '4,4.5,0,0.5 / 1'], 'several labels';
    my $list = file('images.lst', join '', map {"$_\t10$_\tx.png\n"} reverse 0 .. 4);
    is_deeply $labels->(path_imglist => $list), ['100,101 / 0', '102,103 / 0', '104,100 / 1'], 'labels of a list';
    is_deeply $labels->(num_parts => 2, part_index => 1), ['3,4.5 / 0', '6,3 / 1'], 'a part';
    is $iterator->(dtype => 'uint8')->next->data->[0]->dtype, 'uint8';
    is $iterator->(data_shape => [1, 12, 10])->provide_data->[0]->shape->[1], 1, 'grey';

    my $mean = "$folder/mean.params";
    no warnings 'once';
    local $AI::MXNet::Logging::silent = 1;
    my $centred = $iterator->(mean_img => $mean, batch_size => 5)->next->data->[0]->aspdl;
    cmp_ok abs($centred->mv(3, 0)->average)->max, '<', 1e-4, 'a mean image is computed';
    is_deeply [keys %{ nd->load($mean) }], ['mean_img'], 'and saved';
    ok all($iterator->(mean_img => $mean, batch_size => 5)->next->data->[0]->aspdl == $centred), 'and read';
    refused(sub { $iterator->(mean_img => $mean, data_shape => [3, 10, 10])->next->data->[0]->wait_to_read }, qr/one array of shape \[3, 10, 10\], but holds \[\[3, 12, 10\]\]/, 'one of another size');

    my $shuffled = $iterator->(shuffle => 1, batch_size => 5);
    my ($one, $two) = map { my $text = $_->[0]; (split m{ / }, $text)[1] } @{ epochs($shuffled, 2) };
    isnt $one, $two, 'another order in each epoch';
    is join(',', sort split /,/, $one), '0,1.5,3,4.5,6', 'of all images';

    my %random = (rand_crop => 1, rand_mirror => 1, max_rotate_angle => 9, max_shear_ratio => 0.1, max_aspect_ratio => 0.2, min_random_scale => 1,
        max_random_scale => 1.3, brightness => 0.2, contrast => 0.2, saturation => 0.2, pca_noise => 0.1, random_h => 9, random_s => 9, random_l => 9,
        max_random_contrast => 0.1, max_random_illumination => 2);
    my $pixels = sub { my ($batch) = @_; join ',', $batch->data->[0]->aspdl->list };
    my ($seeded, $again) = map { $iterator->(%random, seed_aug => 7) } 1, 2;
    my ($first, $second, $third) = map { $pixels->($_->next) } $seeded, $again, $seeded;
    ok $first eq $second, 'changes by a seed are the same again';
    ok $first ne $third, 'and others in the next batch';
    mx->random->seed(3);
    my $by_default = $pixels->($iterator->(%random)->next);
    mx->random->seed(3);
    ok $by_default eq $pixels->($iterator->(%random)->next), 'without one, the generator of mx->random draws';
    my $range = $iterator->(random_resized_crop => 1, min_random_area => 0.3, max_aspect_ratio => 0.25, inter_method => 10)->next->data->[0]->aspdl;
    ok $range->min >= 0 && $range->max <= 255, 'parts of random shape';
    my $crops = mx->io->ImageDetRecordIter({ %boxes, rand_pad_prob => 1, max_pad_scale => 2, rand_crop_prob => 1, min_crop_scales => [0.5], max_crop_scales => [0.9],
        num_crop_sampler => 2, min_crop_object_coverages => [0.5], random_hue_prob => 1, max_random_hue => 9, random_contrast_prob => 1, max_random_contrast => 0.2 })->next;
    my $box = $crops->label->[0]->aspdl->slice('7:10');
    ok $box->min >= 0 && $box->max <= 1, 'boxes stay within the image';

    refused(sub { $iterator->(path_imgrec => "$Bin/data/labels.rec")->next->data->[0]->wait_to_read },
        qr/labels\.rec, the record at byte 0: rec file provide 2-dimensional label but label_width is set to 1/, 'several labels where one is expected');
    refused(sub { $iterator->(path_imgrec => "$Bin/data/images.idx") }, qr/Invalid RecordIO File .*images\.idx: no record begins at byte 0/, 'no record file');
    refused(sub { $iterator->(path_imglist => file('one.lst', "0\t1\tx\n")) }, qr/one\.lst has no line for 4 of the records/, 'a list that lacks images');
    refused(sub { mx->io->ImageDetRecordIter({ %boxes, label_pad_width => 8 }) }, qr/label_pad_width: 8 smaller than estimated width: 12/, 'no room for boxes');
    refused(sub { mx->io->ImageDetRecordIter({%images})->next->data->[0]->wait_to_read }, qr/labels are \[width of the head/, 'no boxes');
};

is_deeply [sort map { $_->{__name__} } values %{ mx->io->get_iter_meta }],
    [qw(CSVIter ImageDetRecordIter ImageRecordInt8Iter ImageRecordIter ImageRecordIter_v1 ImageRecordUInt8Iter ImageRecordUInt8Iter_v1 LibSVMIter MNISTIter)],
    'the iterators over files can be listed';

done_testing;

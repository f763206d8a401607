# Images: files, sizes, parts, changes, and the iterator over them.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use Test::More;
use PDL;
use AI::MXNet qw(mx nd);

my $folder = tempdir(CLEANUP => 1);
my $image  = nd->array(sequence(3, 8, 6), dtype => 'uint8');    # 6 rows, 8 columns; 3 channels

sub refused { my ($code, $words, $name) = @_; ok !eval { $code->(); 1 }, $name; like $@, $words, '... in these words' }

sub same { my ($got, $expected, $name) = @_; is_deeply [@{ $got->shape }, $got->aspdl->list], [@{ $expected->shape }, $expected->aspdl->list], $name }

sub file
{
    my ($name, $content) = @_;
    open my $file, '>:raw', "$folder/$name" or die "$folder/$name: $!";
    print $file $content;
    close $file;
    return "$folder/$name";
}

subtest 'files' => sub {
    plan skip_all => 'Pillow is not installed' unless eval { mx->image->imread("$Bin/data/picture.png") };
    my $expected = nd->load("$Bin/data/pixels.params");
    same(mx->image->imread("$Bin/data/picture.$_"), $expected->{"picture.$_ 1"}, "$_ as MXNet sees it") for qw(png jpg);
    my $bytes = do { open my $file, '<:raw', "$Bin/data/picture.png" or die $!; local $/; readline $file };
    my $colours = $expected->{'picture.png 1'};
    same(mx->img->imdecode($bytes), $colours, 'from a string');
    same(mx->img->imdecode(byte(unpack 'C*', $bytes)), $colours, 'from a piddle');
    same(mx->img->imdecode(nd->array(byte(unpack 'C*', $bytes), dtype => 'uint8')), $colours, 'from an array');
    same(mx->img->imdecode($bytes, flag => 0), $expected->{'picture.png 0'}, 'grey');
    same(mx->img->imdecode($bytes, to_rgb => 0), nd->flip($colours, axis => 2), 'blue first');
    my $out = nd->zeros($colours->shape, dtype => 'uint8');
    mx->image->imread("$Bin/data/picture.png", out => $out);
    same($out, $colours, 'into an array');
    my $planes = nd->imdecode($bytes, clip_rect => [1, 2, 5, 9], mean => nd->ones([3, 7, 4]));
    same($planes, nd->image->crop($colours, x => 1, y => 2, width => 4, height => 7)->transpose(axes => [2, 0, 1])->astype('float32') - 1, 'as planes');
    my $batch = nd->zeros([2, 1, 12, 10]);
    nd->imdecode($bytes, channels => 1, index => 1, out => $batch);
    same($batch->at(1), $expected->{'picture.png 0'}->reshape([1, 12, 10])->astype('float32'), 'into one of a batch');
    refused(sub { mx->image->imread("$folder/none.png") }, qr/Imread: '.*none\.png' couldn't open file: No such file.* at \Q$0\E/, 'no file');
    refused(sub { mx->image->imdecode('abc') }, qr/Decoding failed\. Invalid image file: it is none of JPEG, PNG/, 'no image');
    refused(sub { mx->image->imdecode('') }, qr/but got an empty string/, 'nothing');
    refused(sub { mx->image->imdecode($bytes, colour => 1) }, qr/imdecode: no such named parameter: colour/, 'a wrong name');
    refused(sub { mx->image->imdecode($bytes, out => nd->zeros([2, 2]))->wait_to_read }, qr/the output has shape \[12, 10, 3\]/, 'an array that does not fit');
};

subtest 'sizes and parts' => sub {
    is_deeply [mx->image->scale_down([8, 6], [10, 5])], [8, 4];
    is_deeply [mx->image->scale_down([8, 6], [5, 10])], [3, 6];
    is_deeply [mx->image->scale_down([8, 6], [4, 4])], [4, 4];
    is_deeply mx->image->imresize($image, 4, 3)->shape, [3, 4, 3];
    is_deeply mx->image->resize_short($image, 3)->shape, [3, 4, 3];
    is_deeply mx->image->resize_short($image->transpose(axes => [1, 0, 2]), 3)->shape, [4, 3, 3];
    my $part = sub { my ($x, $y, $width, $height) = @_; nd->array($image->aspdl->slice([], [$x, $x + $width - 1], [$y, $y + $height - 1])->copy, dtype => 'uint8') };
    same(mx->image->fixed_crop($image, 1, 2, 4, 3), $part->(1, 2, 4, 3), 'a part');
    is_deeply mx->image->fixed_crop($image, 1, 2, 4, 3, [5, 5])->shape, [5, 5, 3], '... in another size';
    my ($got, $where) = mx->image->center_crop($image, [4, 3]);
    is_deeply $where, [2, 1, 4, 3];
    same($got, $part->(@$where), 'the middle');
    ($got, $where) = mx->image->center_crop($image, [12, 12]);
    is_deeply [$where, $got->shape], [[1, 0, 6, 6], [12, 12, 3]], 'of an image that is too small';
    srand 1;
    my %seen;
    for (1 .. 30) {
        ($got, $where) = mx->image->random_crop($image, [4, 3]);
        $seen{"@$where"}++;
        same($got, $part->(@$where), 'a random part') if $_ <= 3;
        ($got, $where) = mx->image->random_size_crop($image, [4, 3], 0.5, [3 / 4, 4 / 3]);
        my ($x, $y, $width, $height) = @$where;
        fail "@$where" if "@{ $got->shape }" ne '3 4 3' or $x + $width > 8 or $y + $height > 6 or $width * $height < 16;
    }
    cmp_ok scalar(keys %seen), '>', 8, 'at many places';
    refused(sub { mx->image->fixed_crop($image, 6, 0, 4, 3) }, qr/x=6, y=0, width=4, height=3 does not lie in an image of height 6 and width 8/, 'beyond the image');
};

subtest 'colours' => sub {
    my $floats = $image->astype('float32');
    my $copy = $floats->copy;
    my ($mean, $std) = (nd->array([1, 2, 3]), nd->array([2, 4, 8]));
    my $normal = mx->image->color_normalize($floats, $mean, $std);
    same($normal, ($copy - $mean) / $std, 'less the mean, over the deviation');
    same($floats, $normal, 'in place');
    same(mx->image->color_normalize($copy->copy, 1), $copy - 1, 'the mean alone');
    same(mx->image->ColorNormalizeAug(pdl(1, 2, 3), pdl(2, 4, 8))->($copy->copy)->[0], $normal, 'as a change');
};

# The images that a change makes of one, several times.
sub changed { my ($change, $from, $times) = @_; return map { $change->($from)->[0]->aspdl } 1 .. $times }

subtest 'changes' => sub {
    srand 2;
    my $floats = mx->image->CastAug->($image)->[0];
    is $floats->dtype, 'float32';
    is_deeply mx->image->ResizeAug(3)->($image)->[0]->shape, [3, 4, 3];
    is_deeply mx->image->$_([4, 3])->($image)->[0]->shape, [3, 4, 3], $_ for qw(CenterCropAug RandomCropAug);
    is_deeply mx->image->RandomSizedCropAug([4, 3], 0.3, [0.75, 1.33])->($image)->[0]->shape, [3, 4, 3];
    same(mx->image->HorizontalFlipAug(1)->($image)->[0], nd->flip($image, axis => 1), 'left and right exchanged');
    same(mx->image->HorizontalFlipAug(0)->($image)->[0], $image, 'or not');
    my $brighter = mx->image->ColorJitterAug(0.2, 0, 0);
    my @factors = map { ($_ / $floats->aspdl)->flat->slice('1:-1') } changed($brighter, $floats, 20);
    ok !(grep { $_->max - $_->min > 1e-5 or $_->max > 1.2 + 1e-6 or $_->min < 0.8 - 1e-6 } @factors), 'brightness is a factor within bounds';
    ok((grep { $_->at(0) > 1 } @factors) && (grep { $_->at(0) < 1 } @factors), 'up and down');
    my $luma = pdl(0.299, 0.587, 0.114);
    my $grey = sub { ($_[0] * $luma)->sumover };
    my $floating = $floats->aspdl->double;
    for (changed(mx->image->ColorJitterAug(0, 0.3, 0), $floats, 3)) {
        cmp_ok abs($grey->($_)->avg - $grey->($floating)->avg), '<', 1e-3, 'contrast keeps the mean grey';
        cmp_ok abs($_ - $floating)->max, '>', 0.01, 'and changes the rest';
    }
    for (changed(mx->image->ColorJitterAug(0, 0, 0.3), $floats, 3)) {
        cmp_ok abs($grey->($_) - $grey->($floating))->max, '<', 1e-3, 'saturation keeps each grey';
    }
    mx->random->seed(4);
    my ($lit) = changed(mx->image->LightingAug(0.1, pdl(55, 5, 1), pdl([[1, 0, 0], [0, 1, 0], [0, 0, 1]])), $floats, 1);
    my $light = ($lit - $floats->aspdl)->clump(2);
    cmp_ok max($light->xchg(0, 1)->maximum - $light->xchg(0, 1)->minimum), '<', 1e-4, 'light is the same everywhere';
    my $order = '';
    my $any = mx->image->RandomOrderAug([map { my $name = $_; sub { $order .= $name; [$_[0]] } } qw(a b c)]);
    $any->($image) for 1 .. 20;
    is join('', sort $order =~ /(...)/g) =~ tr/abc//, 60, 'all of them, once each';
    my %orders = map { $_ => 1 } $order =~ /(...)/g;
    cmp_ok scalar(keys %orders), '>', 2, 'in several orders';

    my $list = mx->image->CreateAugmenter(data_shape => [3, 4, 5], resize => 5, rand_crop => 1, rand_resize => 1, rand_mirror => 1,
        brightness => 0.1, contrast => 0.1, saturation => 0.1, pca_noise => 0.1, mean => 1, std => 1);
    is scalar(@$list), 7;
    my @images = $image;
    for my $change (@$list) { @images = map { @{ $change->($_) } } @images }
    is_deeply [scalar(@images), $images[0]->shape, $images[0]->dtype], [1, [4, 5, 3], 'float32'];
    is scalar(@{ mx->image->CreateAugmenter(data_shape => [3, 4, 4], mean => 1) }), 2, 'a mean without a deviation is none';
    my ($normalised) = map { $_->aspdl } @{ mx->image->CreateAugmenter(data_shape => [3, 6, 8], mean => 1, std => 1)->[-1]->($floats->copy) };
    cmp_ok abs($normalised->at(0, 0, 0) - (0 - 123.68) / 58.395), '<', 1e-5, 'ImageNet\'s colours';
    refused(sub { mx->image->CreateAugmenter(data_shape => [3, 4, 4], rand_resize => 1) }, qr/rand_resize wants rand_crop/, 'half of a wish');
    refused(sub { mx->image->CreateAugmenter }, qr/needs data_shape/, 'no size');
};

subtest 'the iterator' => sub {
    plan skip_all => 'Pillow is not installed' unless eval { mx->image->imread("$Bin/data/picture.png") };
    my %records = (path_imgrec => "$Bin/data/images.rec", path_imgidx => "$Bin/data/images.idx");
    my $iterator = sub { mx->image->ImageIter(batch_size => 2, data_shape => [3, 12, 10], %records, @_) };
    my $labels = sub { [map { join ',', $_->label->[0]->aspdl->list, 'pad', $_->pad } @{ $_[0] }] };
    my $plain = $iterator->();
    is "@{ $plain->provide_data } @{ $plain->provide_label }", 'DataDesc[data,2x3x12x10,float32,NCHW] DataDesc[softmax_label,2,float32,NCHW]';
    is_deeply $labels->($plain), ['0,1.5,pad,0', '3,4.5,pad,0', '6,0,pad,1'];
    is $plain->next, undef, 'undef until reset';
    $plain->reset;
    is_deeply $labels->($plain), ['0,1.5,pad,0', '3,4.5,pad,0', '6,0,pad,1'], 'another epoch';
    my $made = nd->load("$Bin/data/batches.params")->{'centre data'};
    same($iterator->(batch_size => 5)->next->data->[0], $made, 'pixels as of an ImageRecordIter');
    is_deeply $labels->(mx->image->ImageIter(batch_size => 3, data_shape => [3, 12, 10], path_imgrec => "$Bin/data/images.rec")), ['0,1.5,3,pad,0', '4.5,6,0,pad,1'], 'without an index';
    is_deeply $labels->($iterator->(path_imgrec => "$Bin/data/labels.rec", path_imgidx => "$Bin/data/labels.idx", label_width => 2)),
        ['0,0.5,1,1.5,pad,0', '2,2.5,3,3.5,pad,0', '4,4.5,0,0,pad,1'], 'several labels';
    is_deeply $labels->($iterator->(num_parts => 2, part_index => 1)), ['3,4.5,pad,0'], 'a part';
    srand 3;
    my $shuffled = $iterator->(shuffle => 1, batch_size => 5);
    my @epochs = map { $shuffled->reset; $labels->($shuffled)->[0] } 1 .. 3;
    isnt $epochs[0], $epochs[1], 'shuffled anew';
    is join(',', sort split /,/, $epochs[0]), '0,0,1.5,3,4.5,6,pad';

    my $picture = "$Bin/data/picture.png";
    is_deeply $labels->($iterator->(path_imgrec => "$Bin/data/images.rec", imglist => { map { $_ => [[$_ + 10], 'x'] } 0 .. 4 })),
        ['10,11,pad,0', '12,13,pad,0', '14,0,pad,1'], 'records with labels of a list';
    my @files = (batch_size => 2, data_shape => [3, 12, 10]);
    is_deeply $labels->(mx->image->ImageIter(@files, imglist => [[3, $picture], [[4], $picture]])), ['3,4,pad,0'], 'files in a list';
    is_deeply $labels->(mx->image->ImageIter(@files, label_width => 2, imglist => [[1, 2, 'picture.png'], [[3, 4], 'picture.jpg']], path_root => "$Bin/data")),
        ['1,2,3,4,pad,0'], 'with several labels, below a folder';
    is_deeply $labels->(mx->image->ImageIter(@files, path_imglist => file('x.lst', "1\t5\tpicture.png\n0\t6\tpicture.jpg\n"), path_root => "$Bin/data")),
        ['6,5,pad,0'], 'a list in a file';
    my $own = $iterator->(aug_list => [mx->image->CenterCropAug([10, 12]), sub { [$_[0], $_[0] + 1] }]);
    my $twice = $own->next->data->[0]->aspdl;
    ok all($twice->slice(':,:,:,(1)') == $twice->slice(':,:,:,(0)') + 1), 'changes of one\'s own, that make two of one';
    cmp_ok $iterator->(kwargs => { mean => 1, std => 1 })->next->data->[0]->aspdl->max, '<', 3, 'options of the changes';
    {
        no warnings 'once';
        local $AI::MXNet::Logging::silent = 1;
        is_deeply $labels->(mx->image->ImageIter(@files, imglist => [[1, file('bad.png', 'no image')], [2, $picture]])), ['2,0,pad,1'], 'what is no image is left out';
    }
    is((mx->image->ImageIter(@files, imglist => [[7, $picture]])->next_sample)[0], 7, 'one sample');
    refused(sub { mx->image->ImageIter(@files) }, qr/needs path_imgrec, path_imglist or imglist/, 'no images');
    refused(sub { mx->image->ImageIter(@files, path_imgrec => $records{path_imgrec}, shuffle => 1) }, qr/to shuffle.* needs path_imgidx or a list/, 'shuffling without an index');
    refused(sub { mx->image->ImageIter(@files, imglist => [[1, 'none.png']])->next }, qr/Open "none\.png": No such file/, 'no file');
    refused(sub { mx->image->ImageIter(@files, imglist => [[1, 2, $picture]])->next }, qr/an image has 2 labels, but label_width is 1/, 'too many labels');
};

done_testing;

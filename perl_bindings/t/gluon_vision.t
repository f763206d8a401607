# Datasets of images from files, and what is done to images. Values are those of MXNet 1.9.1.
use strict;
use warnings;
use FindBin qw($Bin);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Compress::Gzip qw(gzip);
use PDL;
use Test::More;
use AI::MXNet qw(mx nd);
use AI::MXNet::Gluon qw(gluon);

my $vision = gluon->data->vision;
my $folder = tempdir(CLEANUP => 1);

sub written
{
    my ($path, $content) = @_;
    make_path($path =~ s{/[^/]*\z}{}r);
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} $content;
    close $file or die $!;
    return;
}

# What the code returns, and what it warns of, on standard error.
sub warned
{
    my ($code) = @_;
    open my $saved, '>&', \*STDERR or die $!;
    open STDERR, '>', "$folder/stderr" or die $!;
    my $result = eval { $code->() };
    my $error = $@;
    open STDERR, '>&', $saved or die $!;
    die $error if $error;
    open my $file, '<', "$folder/stderr" or die $!;
    return ($result, join '', readline $file);
}

sub idx { my ($shape, @bytes) = @_; return pack('nCC N*', 0, 8, scalar @$shape, @$shape) . pack 'C*', @bytes }

subtest 'MNIST' => sub {
    my @pixels = map { $_ % 256 } 1 .. 3 * 28 * 28;
    my %plain = (
        'train-images-idx3-ubyte' => idx([3, 28, 28], @pixels), 'train-labels-idx1-ubyte' => idx([3], 7, 0, 4),
        't10k-images-idx3-ubyte' => idx([1, 28, 28], (9) x 784), 't10k-labels-idx1-ubyte' => idx([1], 2),
    );
    for my $name (keys %plain) {
        gzip(\$plain{$name} => \my $gz);
        written("$folder/mnist/$name.gz", $gz);
        written("$folder/plain/$name", $plain{$name});
    }
    for my $class (qw(MNIST FashionMNIST)) {
        my ($train, $warnings) = warned(sub { $vision->$class("$folder/mnist") });
        like $warnings, qr{\Q$folder\E/mnist/train-images-idx3-ubyte\.gz is not the well-known file of that name \(its SHA-1 is not [0-9a-f]{40}\); it is used}, "$class: another checksum is told";
        is $train->len, 3;
        my ($image, $label) = @{ $train->at(2) };
        is_deeply [$image->dtype, $image->shape, $label], ['uint8', [28, 28, 1], 4];
        is_deeply [$image->aspdl->list], [@pixels[1568 .. 2351]];
    }
    my ($test) = $vision->MNIST(root => "$folder/plain", train => 0);
    is_deeply [$test->len, $test->at(0)->[1]], [1, 2], 'files that are not compressed';
    my $transformed = $vision->MNIST("$folder/plain", 1, sub { my ($data, $label) = @_; return ($data->reshape([-1])->astype('float32') / 255, $label) });
    for my $workers (0, 2) {
        my ($x, $y) = @{ gluon->data->DataLoader($transformed, batch_size => 2, num_workers => $workers)->next };
        is_deeply [$x->dtype, $x->shape, $y->dtype, $y->aspdl->unpdl], ['float32', [2, 784], 'int32', [7, 0]], "batches of what a function makes, $workers workers";
        cmp_ok abs($x->aspdl->at(99, 1) - $pixels[784 + 99] / 255), '<', 1e-6;
    }
    my ($x, $y) = @{ gluon->data->DataLoader($vision->MNIST("$folder/plain"), 3)->next };
    is_deeply [$x->dtype, $x->shape, $x->aspdl->flat->unpdl, $y->dtype, $y->aspdl->unpdl], ['uint8', [3, 28, 28, 1], \@pixels, 'int32', [7, 0, 4]], 'batches of what is in the files';
    is_deeply $vision->MNIST("$folder/plain")->transform_first(sub { $_[0]->astype('float32')->sum })->at(0)->[0]->asscalar, unpack('%32C*', pack 'C*', @pixels[0 .. 783]), 'transform_first';

    ok !eval { $vision->MNIST("$folder/nowhere") };
    like $@, qr{\A\Q$folder\E/nowhere has no file train-images-idx3-ubyte.gz: it is not downloaded; put there what is in https://\S+mnist/ at \Q$0\E}, 'a missing file is named';
    my %bad = (
        'no idx file' => 'x' x 100, 'an empty one' => '', 'another number of dimensions' => idx([3], 1, 2, 3),
        'too short' => substr($plain{'train-images-idx3-ubyte'}, 0, 500), 'too long' => "$plain{'train-images-idx3-ubyte'}x",
        'a header alone' => substr($plain{'train-images-idx3-ubyte'}, 0, 10), 'more than there is' => idx([2**32 - 1, 28, 28], 1),
    );
    for my $kind (sort keys %bad) {
        written("$folder/bad/train-images-idx3-ubyte", $bad{$kind});
        written("$folder/bad/train-labels-idx1-ubyte", idx([3], 1, 2, 3));
        ok !eval { $vision->MNIST("$folder/bad") };
        like $@, qr{bad/train-images-idx3-ubyte (?:is no idx file of bytes of 3 dimensions|announces an array)}, $kind;
    }
    written("$folder/broken/train-images-idx3-ubyte.gz", "\x1f\x8b\x08" . 'x' x 50);
    ok !eval { warned(sub { $vision->MNIST("$folder/broken") }) };
    like $@, qr{broken/train-images-idx3-ubyte.gz: }, 'not compressed by gzip';
    written("$folder/bad/train-images-idx3-ubyte", $plain{'t10k-images-idx3-ubyte'});
    ok !eval { $vision->MNIST("$folder/bad") };
    like $@, qr/there are 1 images, but 3 labels/;
};

subtest 'CIFAR' => sub {
    my $record = sub { my ($number, @labels) = @_; return pack('C*', @labels) . join '', map { chr(($number + $_) % 256) x 1024 } 0 .. 2 };
    written("$folder/cifar10/cifar-10-batches-bin/data_batch_$_.bin", $record->(10 * $_, $_) . $record->(10 * $_ + 1, 9)) for 1 .. 5;
    written("$folder/cifar10/test_batch.bin", $record->(7, 3));
    my ($train) = warned(sub { $vision->CIFAR10("$folder/cifar10") });
    is $train->len, 10;
    my ($image, $label) = @{ $train->at(2) };
    is_deeply [$image->dtype, $image->shape, $label, $image->aspdl->slice(',(5),(6)')->unpdl], ['uint8', [32, 32, 3], 2, [20, 21, 22]];
    my ($test) = warned(sub { $vision->CIFAR10("$folder/cifar10", 0) });
    is_deeply [$test->len, $test->at(0)->[1]], [1, 3];
    written("$folder/cifar100/train.bin", $record->(1, 2, 30) . $record->(5, 6, 70));
    my ($coarse) = warned(sub { $vision->CIFAR100("$folder/cifar100") });
    my ($fine) = warned(sub { $vision->CIFAR100("$folder/cifar100", fine_label => 1) });
    is_deeply [map { $_->label->unpdl } $coarse, $fine], [[2, 6], [30, 70]], 'the labels of CIFAR100';
    is_deeply $coarse->at(1)->[0]->aspdl->slice(',(0),(0)')->unpdl, [5, 6, 7];
    written("$folder/cifar100/train.bin", 'x' x 1000);
    ok !eval { warned(sub { $vision->CIFAR100("$folder/cifar100") }) };
    like $@, qr{train.bin has records of 3074 bytes, but is of 1000};
};

subtest 'folders of images' => sub {
    for my $file ('cat/b.png', 'cat/a.jpg', 'dog/c.PNG') {
        make_path("$folder/pets/" . $file =~ s{/.*}{}r);
        copy("$Bin/data/picture." . lc(substr $file, -3), "$folder/pets/$file") or die $!;
    }
    written("$folder/pets/dog/notes.txt", 'x');
    written("$folder/pets/readme", 'x');
    my ($set, $warnings) = warned(sub { $vision->ImageFolderDataset("$folder/pets") });
    is_deeply $set->synsets, ['cat', 'dog'];
    is_deeply $set->items, [["$folder/pets/cat/a.jpg", 0], ["$folder/pets/cat/b.png", 0], ["$folder/pets/dog/c.PNG", 1]];
    like $warnings, qr{Ignoring \Q$folder\E/pets/dog/notes.txt of type .txt. Only support .jpg, .jpeg, .png};
    like $warnings, qr{Ignoring \Q$folder\E/pets/readme, which is not a directory};
    my %seen = %{ nd->load("$Bin/data/pixels.params") };
    is_deeply $set->at(1)->[0]->aspdl->unpdl, $seen{'picture.png 1'}->aspdl->unpdl, 'the pixels that MXNet sees';
    my ($grey) = warned(sub { $vision->ImageFolderDataset("$folder/pets", flag => 0, transform => sub { ($_[0]->astype('float32'), $_[1] + 10) }) });
    for my $workers (0, 2) {
        my ($x, $y) = @{ gluon->data->DataLoader($grey, 3, num_workers => $workers)->next };
        is_deeply [$x->dtype, $x->shape, $y->aspdl->unpdl], ['float32', [3, 12, 10, 1], [10, 10, 11]], "batches, $workers workers";
    }
    ok !eval { $set->at(3) };
    like $@, qr/no image 3 of 3 in/;
    ok !eval { $vision->ImageFolderDataset("$folder/nowhere") };
    like $@, qr{nowhere: No such file};
};

subtest 'records of images' => sub {
    my $file = mx->recordio->MXIndexedRecordIO("$folder/images.idx", "$folder/images.rec", 'w');
    my $bytes = do { local (@ARGV, $/) = "$Bin/data/picture.png"; readline ARGV };
    $file->write_idx($_, mx->recordio->pack([0, $_ + 0.5, $_, 0], $bytes)) for 0 .. 2;
    $file->close;
    my $set = $vision->ImageRecordDataset("$folder/images.rec");
    my ($x, $y) = @{ gluon->data->DataLoader($set, 3)->next };
    is_deeply [$x->shape, $y->aspdl->unpdl], [[3, 12, 10, 3], [0.5, 1.5, 2.5]];
    is_deeply $vision->ImageRecordDataset("$folder/images.rec", flag => 0, transform => sub { ($_[0]->shape->[2], $_[1]) })->at(1), [1, 1.5];
};

subtest 'transforms' => sub {
    my $t = $vision->transforms;
    my $image = nd->array((sequence(3, 4, 5) * 7) % 256, dtype => 'uint8');
    my %expected = (
        'Resize(3, 0, 1)' => [3, 3, 3, 31, 38, 45, 59, 66, 73, 87, 94, 101, 171, 178, 185, 200, 207, 214, 228, 235, 242, 126, 62, 69, 83, 90, 97, 111, 118, 125],
        'Resize(2, 1, 1)' => [2, 2, 3, 73, 80, 87, 115, 122, 129, 123, 34, 41, 69, 76, 83],
        'Resize([2, 3], 0, 1)' => [3, 2, 3, 38, 45, 52, 80, 87, 94, 179, 186, 193, 221, 228, 235, 105, 69, 76, 104, 111, 118],
        'CenterCrop(2, 1)' => [2, 2, 3, 105, 112, 119, 126, 133, 140, 189, 196, 203, 210, 217, 224],
        'CenterCrop([6, 3], 1)' => [3, 6, 3, 84, 91, 98, 94, 101, 108, 108, 115, 122, 122, 129, 136, 136, 143, 150, 147, 154, 161, 126, 133, 140, 137, 144, 151, 150, 157, 164, 165, 172, 179, 179, 186, 193, 189, 196, 203, 168, 175, 182, 178, 185, 192, 192, 199, 206, 206, 213, 220, 220, 227, 234, 231, 238, 245],
        'CropResize(1, 2, 3, 2, undef, 1)' => [2, 3, 3, 189, 196, 203, 210, 217, 224, 231, 238, 245, 17, 24, 31, 38, 45, 52, 59, 66, 73],
        'CropResize(0, 0, 4, 4, [2, 2], 1)' => [2, 2, 3, 53, 60, 67, 95, 102, 109, 157, 100, 107, 135, 142, 149],
    );
    my @made = ($t->Resize(3), $t->Resize(2, keep_ratio => 1), $t->Resize([2, 3]), $t->CenterCrop(2), $t->CenterCrop([6, 3]), $t->CropResize(1, 2, 3, 2),
        $t->CropResize(0, 0, 4, 4, [2, 2]));
    is_deeply [sort map {"$_"} @made], [sort keys %expected], 'show their settings';
    for my $transform (@made) {
        my $result = $transform->($image);
        my $difference = abs(pdl([@{ $result->shape }, $result->aspdl->list]) - pdl($expected{$transform}));
        cmp_ok $difference->max, '<=', 1, "$transform";    # the last bit is a matter of rounding
    }
    my $chain = $t->Compose([$t->CenterCrop(1), $t->ToTensor, $t->Normalize([0.1, 0.2, 0.3], 0.5)]);
    my $result = $chain->($image);
    is_deeply $result->shape, [3, 1, 1];
    cmp_ok abs($result->aspdl->flat - pdl(1.2823529243, 1.1372549534, 0.9921568633))->max, '<', 1e-6, 'Compose';
    is $t->Cast('float16')->($image)->dtype, 'float16';
    is_deeply $t->ToTensor->($image->aspdl)->shape, [3, 5, 4], 'piddles are welcome';
    isa_ok $chain, 'AI::MXNet::Gluon::Block';
    is "$chain", "Compose(\n  (0): CenterCrop(1, 1)\n  (1): ToTensor()\n  (2): Normalize([0.1, 0.2, 0.3], 0.5)\n)";

    my %random = (
        RandomFlipLeftRight => [], RandomFlipTopBottom => [], RandomBrightness => [0.5], RandomContrast => [0.5], RandomSaturation => [0.5],
        RandomHue => [0.5], RandomColorJitter => [0.5, 0.5, 0.5, 0.5], RandomLighting => [20], RandomResizedCrop => [[4, 5]],
        RandomApply => [$t->RandomBrightness(0.5)],
    );
    for my $name (sort keys %random) {
        my $transform = $t->$name(@{ $random{$name} });
        my $draws = sub { CORE::srand(2); mx->random->seed(2); return map { join ' ', $transform->($image)->aspdl->list } 1 .. 12 };
        my %seen = map { $_ => 1 } my @draws = $draws->();
        cmp_ok keys %seen, '>', 1, "$name changes";
        is_deeply [$draws->()], \@draws, 'as the seeds decide';
        is_deeply $transform->($image)->shape, [5, 4, 3];
    }
    is_deeply [sort { $a cmp $b } keys %{ { map { (join(' ', $t->RandomFlipLeftRight->($image)->aspdl->list) => 1) } 1 .. 20 } }],
        [sort { $a cmp $b } map { join ' ', $_->list } $image->aspdl, $image->aspdl->slice(',-1:0')], 'a flip is a flip or none';
    my $crop = $t->RandomResizedCrop(2, scale => [0.2, 0.2], ratio => [1, 1])->(nd->array([map { [map { [$_] } ($_) x 5] } 1 .. 4]));
    is_deeply $crop->aspdl->slice('(0),0')->flat->unpdl, $crop->aspdl->slice('(0),1')->flat->unpdl, 'a random crop is a rectangle of the image';
    is_deeply $t->RandomResizedCrop(2, scale => [1, 1], ratio => [4, 5])->($image)->shape, [2, 2, 3], 'where none fits, it is the middle';
    for my $wrong ([sub { $t->Resize(3)->('x') }, qr/Resize takes an image as NDArray or piddle, but got x at \Q$0\E/],
        [sub { $t->CenterCrop(3)->(nd->ones([3, 3])) }, qr/CenterCrop takes an image \[height, width, channels\], but got \[3,3\]/],
        [sub { $t->Resize }, qr/Attribute \(size\) is required/]) {
        ok !eval { $wrong->[0]->() };
        like $@, $wrong->[1];
    }
};

subtest 'random transforms in workers' => sub {
    my $t = $vision->transforms;
    my $set = gluon->data->ArrayDataset(nd->array((sequence(3, 6, 6, 12) * 5) % 256, dtype => 'uint8'), [1 .. 12])
        ->transform_first($t->Compose([$t->RandomResizedCrop(4), $t->RandomFlipLeftRight, $t->RandomColorJitter(0.2, 0.2, 0.2, 0.2), $t->ToTensor]));
    my @runs = map {
        my $loader = gluon->data->DataLoader($set, 5, shuffle => 1, seed => 4, num_workers => $_);
        [map { ($_->[0]->aspdl->unpdl, $_->[1]->aspdl->unpdl) } @$loader];
    } 0, 1, 2;
    is_deeply $runs[$_], $runs[0], "$_ workers" for 1, 2;
};

done_testing;

# Files of records: the files of the folder data are MXNet's own.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use Test::More;
use PDL;
use AI::MXNet qw(mx nd);

my $folder  = tempdir(CLEANUP => 1);
my $magic   = pack 'V', 0xced7230a;
my @records = (
    '', 'a', 'abcd', 'hello', $magic, $magic x 2, "xx$magic", "abcd${magic}efg", "${magic}1234$magic${magic}z",
    "abc${magic}d$magic", "abcd$magic",
    mx->recordio->pack([0, 4.5, 2574, 7], 'abc'), mx->recordio->pack([0, [1, 2, 3.5], 2**40, 0], 'abc'),
);

sub content { my ($path) = @_; open my $file, '<:raw', $path or die "$path: $!"; local $/; return readline $file }

sub refused { my ($code, $words, $name) = @_; ok !eval { $code->(); 1 }, $name; like $@, $words, '... in these words' }

subtest 'what MXNet wrote is read' => sub {
    my $file = mx->recordio->MXRecordIO("$Bin/data/mxnet.rec", 'r');
    is $file->read, $records[$_], "record $_" for 0 .. $#records;
    is $file->read, undef, 'undef at the end';
    is $file->read, undef, 'and after it';
    $file->reset;
    is $file->read, '', 'reset begins anew';
    is $file->read, 'a';
};

subtest 'what is written is what MXNet writes' => sub {
    my $file = mx->recordio->MXIndexedRecordIO("$folder/own.idx", "$folder/own.rec", 'w');
    $file->write_idx(3 * $_, $records[$_]) for 0 .. $#records;
    is $file->tell, length content("$Bin/data/mxnet.rec"), 'tell is the end';
    is_deeply $file->keys, [map { 3 * $_ } 0 .. $#records];
    $file->close;
    ok content("$folder/own.$_") eq content("$Bin/data/mxnet.$_"), $_ for qw(rec idx);
};

subtest 'records by key' => sub {
    my $file = mx->recordio->MXIndexedRecordIO("$Bin/data/mxnet.idx", "$Bin/data/mxnet.rec", 'r');
    is $file->read_idx(24), $records[8], 'a record in parts';
    is $file->read_idx(3), 'a', 'going back';
    $file->seek(9);
    is $file->read, 'hello';
    is $file->idx->{9}, 32, 'its position';
    refused(sub { $file->read_idx(1) }, qr/mxnet\.idx has no key '1' at \Q$0\E/, 'an unknown key');
    refused(sub { $file->write_idx(1, 'x') }, qr/opened with flag 'r', so it cannot be written to/, 'writing');
};

subtest 'headers' => sub {
    my ($header, $content) = mx->recordio->unpack($records[11]);
    is_deeply [@$header], [0, 4.5, 2574, 7];
    is $content, 'abc';
    ($header, $content) = mx->recordio->unpack($records[12]);
    is $header->flag, 3, 'the number of labels';
    is $header->label->type, 'float';
    is_deeply [$header->label->list], [1, 2, 3.5];
    is $header->id, 2**40;
    is $content, 'abc';
    my $expected = mx->recordio->pack([0, [1, 2], 5, 0], 'x');
    for ([piddle => pdl([1, 2])], [array => nd->array([1, 2])]) {
        is mx->recordio->pack(AI::MXNet::IRHeader->new(flag => 9, label => $_->[1], id => 5), 'x'), $expected, "labels in a $_->[0]";
    }
    is mx->recordio->pack(mx->recordio->IRHeader(9, 1), 'x'), mx->recordio->pack([0, 1, 0, 0], 'x'), 'one label has no flag';
    refused(sub { mx->recordio->unpack('short') }, qr/24 bytes, but got 5 bytes/, 'a record without a header');
    refused(sub { mx->recordio->unpack(pack 'L< f< Q< Q<', 9, 0, 0, 0) }, qr/with 9 labels has at least 60 bytes, but this one has 24/, 'missing labels');
    refused(sub { mx->recordio->pack('x', 'y') }, qr/takes a header \(\[flag, label, id, id2\].*but got x/, 'no header');
};

subtest 'images in records' => sub {
    my $image = nd->array(sequence(3, 5, 4), dtype => 'uint8');
    my $record = eval { mx->recordio->pack_img([0, 2, 3, 4], $image, img_fmt => '.png') };
    plan skip_all => 'Pillow is not installed' if not defined $record and $@ =~ /install pillow/;
    my ($header, $got) = mx->recordio->unpack_img($record);
    is_deeply [@$header], [0, 2, 3, 4];
    ok all($got->aspdl == $image->aspdl), 'PNG keeps all pixels';
    ($header, $got) = mx->recordio->unpack_img(mx->recordio->pack_img([0, 2, 3, 4], sequence(3, 5, 4), quality => 100));
    cmp_ok max(abs($got->aspdl->long - $image->aspdl->long)), '<', 6, 'JPEG nearly';
    refused(sub { mx->recordio->pack_img([0, 0, 0, 0], $image, img_fmt => '.xyz') }, qr/one of \.jpg, .*but not as \.xyz/, 'an unknown kind of file');
    refused(sub { mx->recordio->pack_img([0, 0, 0, 0], $image, quality => 101) }, qr/from 1 to 100, but got 101/, 'an impossible quality');
    refused(sub { mx->recordio->unpack_img(mx->recordio->pack([0, 0, 0, 0], 'no image')) }, qr/Decoding failed/, 'no image');
};

subtest 'a forked child reads on, at its own pace' => sub {
    my $file = mx->recordio->MXIndexedRecordIO("$Bin/data/mxnet.idx", "$Bin/data/mxnet.rec", 'r');
    $file->read for 0 .. 2;
    my $pid = open my $child, '-|';
    if (!$pid) { print join ',', $file->read, $file->read_idx(3), $file->read; require POSIX; STDOUT->flush; POSIX::_exit(0) }
    is join('', readline $child), 'hello,a,abcd';
    close $child;
    is $file->read, 'hello', 'the parent is where it was';
    my $writer = mx->recordio->MXRecordIO("$folder/forked.rec", 'w');
    $writer->write('from the parent');
    $pid = open $child, '-|';
    if (!$pid) { print eval { $writer->write('from the child'); 1 } ? 'written' : $@; STDOUT->flush; exit }
    like join('', readline $child), qr/forked\.rec was opened to write by another process/, 'a child cannot write';
    close $child;
    $writer->close;
    is length content("$folder/forked.rec"), 24, 'nothing is written twice';
};

subtest 'files that are none' => sub {
    refused(sub { mx->recordio->MXRecordIO("$folder/none.rec", 'r') }, qr/Open "\Q$folder\E\/none\.rec": No such file/, 'a missing file');
    refused(sub { mx->recordio->MXRecordIO("$folder/none.rec", 'a') }, qr/Invalid flag a/, 'another flag');
    my $write = sub { open my $file, '>:raw', "$folder/bad.rec" or die $!; print $file @_; close $file };
    my %broken = (
        'the head of a record is missing'    => 'abcd',
        'a record of 8 bytes breaks off'     => $magic . pack('V', 8) . 'abcd',
        'a record has its parts in disorder' => $magic . pack('V', 2 << 29),
    );
    for my $words (sort keys %broken) {
        $write->($broken{$words});
        my $file = mx->recordio->MXRecordIO("$folder/bad.rec", 'r');
        refused(sub { $file->read }, qr/Invalid RecordIO File \Q$folder\E\/bad\.rec: \Q$words/, $words);
    }
    $write->("1\t0\nnonsense\n");
    refused(sub { mx->recordio->MXIndexedRecordIO("$folder/bad.rec", "$Bin/data/mxnet.rec", 'r') },
        qr/bad\.rec line 2: .* but got 'nonsense'/, 'an index of something else');
    my $file = mx->recordio->MXRecordIO("$folder/own.rec", 'r');
    $file->close;
    refused(sub { $file->read }, qr/own\.rec is closed, so it cannot be read/, 'a closed file');
    my $out = mx->recordio->MXRecordIO("$folder/bad.rec", 'w');
    refused(sub { $out->write("\x{263a}") }, qr/string of bytes, but got one with wide characters/, 'wide characters');
    refused(sub { $out->read }, qr/flag 'w', so it cannot be read/, 'reading what is written');
};

subtest 'separators that the script sets stay out of files, of other kinds, too' => sub {
    my ($data, $symbol) = (nd->array([1, 2]), mx->sym->var('x') + 1);
    my $written = sub {
        my ($name) = @_;
        my $file = mx->recordio->MXIndexedRecordIO("$folder/$name.idx", "$folder/$name.rec", 'w');
        $file->write_idx($_, $records[$_]) for 0 .. 3;
        $file->close;
        nd->save("$folder/$name.params", { data => $data });
        $symbol->save("$folder/$name.json");
        return map { content("$folder/$name.$_") } qw(idx rec params json);
    };
    my @plain = $written->('plain');
    local ($\, $,, $/) = ("!\n", ';', undef);
    my @separated = $written->('separated');
    my $read = mx->recordio->MXIndexedRecordIO("$folder/separated.idx", "$folder/separated.rec", 'r')->read_idx(3);
    local ($\, $,, $/) = (undef, undef, "\n");
    ok $plain[$_] eq $separated[$_], ('the index', 'records', 'arrays', 'a symbol')[$_] for 0 .. 3;
    is $read, $records[3], 'reading';
};

done_testing;

# Tables in text files: nd->read_csv.
use strict;
use warnings;
use utf8;
use File::Temp qw(tempdir);
use IO::Compress::Gzip qw(gzip $GzipError);
use Test::More;
use AI::MXNet qw(mx nd);

my $folder = tempdir(CLEANUP => 1);

sub file
{
    my ($text, $name) = (@_, 't.csv');
    utf8::encode($text);
    open my $file, '>:raw', "$folder/$name" or die $!;
    print $file $text;
    close $file or die $!;
    return "$folder/$name";
}

sub values_of { return $_[0]->aspdl->unpdl }

sub failure
{
    my (@arguments) = @_;
    eval { nd->read_csv(@arguments)->data->wait_to_read; 1 } and return 'no error';
    return "$@";
}

my $flowers = "sepal, petal ,\"spe\"\"cies\"\n5.5,1,setosa\n\n7,4.5,Ölblume\n6,6,setosa\n";

subtest 'columns, label and words' => sub {
    my $table = nd->read_csv(file($flowers), label => 'spe"cies');
    is_deeply values_of($table->data), [[5.5, 1], [7, 4.5], [6, 6]];
    is_deeply values_of($table->label), [0, 1, 0];
    is_deeply $table->classes, ['setosa', 'Ölblume'];
    is_deeply [$table->names, $table->label_names], [['sepal', 'petal'], ['spe"cies']];
    is $table->len, 3;
    is_deeply values_of($table->column('petal')), [1, 4.5, 6];
    is_deeply values_of($table->column('spe"cies')), [0, 1, 0];
    is join(' ', map { $_->dtype } $table->data, $table->label), 'float32 float32';
    is "$table", "3 rows of 2 columns, label spe\"cies\nsepal  petal  spe\"cies\n  5.5      1    setosa\n    7    4.5   Ölblume\n    6      6    setosa\n";
};

subtest 'words of a table that was read before' => sub {
    my $table = nd->read_csv(file($flowers), label => 2, words => { 2 => ['tulip', 'Ölblume', 'setosa'] });
    is_deeply values_of($table->label), [2, 1, 2];
    like failure(file($flowers), label => 2, words => { 2 => ['setosa'] }),
        qr/read_csv: .*t\.csv, column 'spe"cies' has 'Ölblume', which is none of setosa at \S*numpy_table\.t line \d+/;
};

subtest 'columns by name and place, in any order; words among the data' => sub {
    my $table = nd->read_csv(file($flowers), columns => [-1, 'petal'], words => [2], label => ['sepal', 'petal'], dtype => 'float64');
    is_deeply values_of($table->data), [[0, 1], [1, 4.5], [0, 6]];
    is_deeply values_of($table->label), [[5.5, 1], [7, 4.5], [6, 6]];
    is_deeply values_of($table->column('sepal')), [5.5, 7, 6];
    is_deeply $table->words('spe"cies'), ['setosa', 'Ölblume'];
    is $table->data->dtype, 'float64';
};

subtest 'delimiters, headers and packed files' => sub {
    is_deeply values_of(nd->read_csv(file("1;2\n3;4\n"))->data), [[1, 2], [3, 4]];
    is_deeply values_of(nd->read_csv(file("a\tb\n3\t4\n"))->data), [[3, 4]];
    is_deeply values_of(nd->read_csv(file("  1  2\n3 4\n"))->data), [[1, 2], [3, 4]];
    is_deeply values_of(nd->read_csv(file("5\n6\n"))->data), [[5], [6]];
    is_deeply nd->read_csv(file("# a note\n1990,1991\n3,4\n"), skip => 1, header => 1)->names, [1990, 1991];
    is_deeply nd->read_csv(file("1,x\n2,y\n"), label => -1, header => 0)->names, [0];
    is_deeply nd->read_csv(file("\x{FEFF}a,b\r\n1,2\r\n"))->names, ['a', 'b'];
    my $text = "a,b\n1,2\n";
    gzip \$text => "$folder/t.csv.gz" or die $GzipError;
    is_deeply values_of(nd->read_csv("$folder/t.csv.gz", label => 'b')->label), [2];
};

subtest 'cells without a value' => sub {
    is_deeply values_of(nd->read_csv(file("a,b\n1,\n?,2\n"), missing => -1)->data), [[1, -1], [-1, 2]];
    like failure(file("a,b\n1,\n")), qr/t\.csv, line 2, column 2: '' is no number/;
};

subtest 'piddles' => sub {
    my $table = nd->read_csv(file($flowers), label => -1, as => 'pdl');
    isa_ok $table->data, 'PDL';
    is_deeply [$table->data->dims], [2, 3];
    is_deeply $table->label->unpdl, [0, 1, 0];
    is_deeply $table->column('petal')->unpdl, [1, 4.5, 6];
    like "$table", qr/7    4.5   Ölblume/;
};

subtest 'a long table shows its first rows' => sub {
    is nd->read_csv(file(join '', map {"$_\n"} 1 .. 9)) . '', "9 rows of 1 columns\n0\n1\n2\n3\n4\n5\n...\n";
};

subtest 'what is wrong' => sub {
    like failure(file("a,b\n1,2\n3,x\n")), qr/t\.csv, line 3, column 2: 'x' is no number .*at \S*numpy_table\.t line/;
    like failure(file("a,b\n1,2,3\n")), qr/read_csv: .*t\.csv, line 2: there are 3 columns, but the header has 2/;
    like failure(file("a,b\n1,2\n3\n")), qr/t\.csv, line 3: there are 1 columns, but 2 in the lines before/;
    like failure(file("a,b\n")), qr/read_csv: .*t\.csv has no rows below its header/;
    like failure(file('')), qr/read_csv: .*t\.csv has no rows/;
    like failure(file("a,\"b\n1,2\n")), qr/line 1: a quoted cell does not end/;
    like failure("$folder/none.csv"), qr/cannot read .*none\.csv: No such file/;
    like failure(file("a,b\n1,2\n"), label => 'c'), qr/t\.csv has no column 'c'; there are a, b at/;
    like failure(file("a,b\n1,2\n"), lable => 'b'), qr/no option 'lable'; there are as, columns,/;
    like failure(file("a\n1\n"), label => 'a'), qr/has no columns of data/;
    like failure(file("a\n1\n"), as => 'array'), qr/as is 'ndarray' or 'pdl', but got 'array'/;
    my $table = nd->read_csv(file("a,b\n1,2\n"), label => 'b');
    eval { $table->classes };
    like $@, qr/the label is of numbers/;
    eval { $table->column('c') };
    like $@, qr/no column 'c'; there are a, b/;
};

subtest 'names of files that are not ASCII, as bytes and as characters' => sub {
    my $path = file("a\n7\n", 'Übung 1.csv');
    utf8::encode(my $bytes = $path);
    is_deeply values_of(nd->read_csv($_)->data), [[7]] for $path, $bytes;
    is mx->io->CSVIter({ data_csv => $_, data_shape => [1], batch_size => 1 })->next->data->[0]->asscalar, 7 for file("7\n", 'ö.csv');
};

done_testing;

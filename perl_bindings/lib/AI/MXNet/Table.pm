package AI::MXNet::Table;
# A table of a text file as arrays. POD at the end.
use strict;
use warnings;
use File::Spec ();
use List::Util qw(first max min);
use Scalar::Util qw(looks_like_number);
use overload '""' => sub { $_[0]->asstr }, 'bool' => sub { 1 }, fallback => 1;
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::Notebook;

my %default = (
    label => undef, columns => undef, words => {}, header => undef, delimiter => undef, skip => 0, dtype => 'float32',
    missing => undef, as => 'ndarray',
);
my $HEAD = 5;    # rows that are shown

sub read
{
    my ($class, $file, %given) = @_;
    _fail('a file is needed') unless defined $file;
    for (sort keys %given) { _fail("no option '$_'; there are ", join ', ', sort keys %default) unless exists $default{$_} }
    my %o = (%default, %given);
    _fail("as is 'ndarray' or 'pdl', but got '$o{as}'") unless $o{as} =~ /\A(?:ndarray|pdl)\z/;
    $o{words} = { map { $_ => undef } @{ $o{words} } } if ref $o{words} eq 'ARRAY';

    my $self = bless { path => File::Spec->rel2abs($file), %o }, $class;
    $self->_examine;
    my @labels = map { $self->_position($_) } ref $o{label} ? @{ $o{label} } : grep {defined} $o{label};
    my %is_label = map { $_ => 1 } @labels;
    my @columns = $o{columns} ? map { $self->_position($_) } @{ $o{columns} } : grep { !$is_label{$_} } 0 .. $#{ $self->{all} };
    _fail("$file has no columns of data") unless @columns;

    # columns of words become numbers: those named by `words`, and a label whose first cell is no number
    for my $name (keys %{ $o{words} }) { $self->{is_text}{ $self->_position($name) } = $o{words}{$name} || 1 }
    for (@labels) { $self->{is_text}{$_} ||= 1 unless _is_number($self->{first}[$_]) }

    $self->{names}       = [@{ $self->{all} }[@columns]];
    $self->{label_names} = [@{ $self->{all} }[@labels]];
    my $table = $self->_numbers(@columns, @labels);
    my $data  = @labels ? $table->slice_axis(axis => 1, begin => 0, end => scalar @columns) : $table;
    my $label = @labels ? $table->slice_axis(axis => 1, begin => scalar @columns, end => @columns + @labels) : undef;
    $label = $label->reshape([-1]) if @labels == 1;
    $self->{rows} = $table->shape->[0];
    @$self{qw(data label)} = map { defined $_ && $o{as} eq 'pdl' ? $_->aspdl : $_ } $data, $label;
    return $self;
}

# -- the file --------------------------------------------------------------------------------------------------------

# Finds the delimiter, the names of the columns and the first row.
sub _examine
{
    my ($self) = @_;
    my @lines = $self->_first_lines;
    _fail("$self->{path} has no rows", $self->{skip} ? " after the first $self->{skip} lines" : '') unless @lines;
    my ($number, $line) = @{ $lines[0] };
    unless (defined $self->{delimiter}) {
        my $plain = $line =~ s/"[^"]*"//gr;
        $self->{delimiter} = (first { index($plain, $_) >= 0 } ',', "\t", ';', ' ') // ',';
    }
    my @cells = $self->_cells(@{ $lines[0] });
    $self->{header} = !grep { _is_number($_) || $_ eq '' } @cells unless defined $self->{header};
    if ($self->{header}) {
        $self->{skip} = $number;
        _fail("$self->{path} has no rows below its header") if @lines == 1;
    }
    $self->{all} = $self->{header} ? \@cells : [0 .. $#cells];
    $self->{first} = [$self->_cells(@{ $lines[-1] })];
    return if @{ $self->{first} } == @cells;
    _fail("$self->{path}, line $lines[1][0]: there are ", scalar @{ $self->{first} }, ' columns, but the header has ', scalar @cells);
}

# The first two lines that are not empty, with their numbers.
sub _first_lines
{
    my ($self) = @_;
    my ($path, $file) = $self->{path};
    if ($path =~ /\.gz\z/) {
        AI::MXNet::NS::load('IO/Uncompress/Gunzip.pm');
        $file = IO::Uncompress::Gunzip->new($path) or _fail("cannot read $path: $IO::Uncompress::Gunzip::GunzipError");
    }
    else { open $file, '<:raw', $path or _fail("cannot read $path: $!") }
    my ($number, @lines) = (0);
    local $/ = "\n";
    while (@lines < ($self->{header} // 1 ? 2 : 1) and defined(my $line = $file->getline)) {
        next if $number++ < $self->{skip} or $line !~ /\S/;
        $line =~ s/\A\xEF\xBB\xBF// if $number == 1;
        utf8::decode($line);
        push @lines, [$number, $line =~ s/[\r\n]+\z//r];
    }
    close $file;
    return @lines;
}

# The cells of a line, without quotes and the spaces around them.
sub _cells
{
    my ($self, $number, $line) = @_;
    my $delimiter = $self->{delimiter};
    return map { s/\A"(.*)"\z/$1/r } split ' ', $line if $delimiter eq ' ';
    my @cells;
    while (1) {
        if ($line =~ /\G[ ]*"((?:[^"]|"")*)"[ ]*(?=\Q$delimiter\E|\z)/gc) { push @cells, $1 =~ s/""/"/gr }
        elsif ($line =~ /\G[ ]*"/gc)                                      { _fail("$self->{path}, line $number: a quoted cell does not end") }
        elsif ($line =~ /\G([^\Q$delimiter\E]*)/gc)                        { push @cells, $1 =~ s/\A\s+|\s+\z//gr }
        last unless $line =~ /\G\Q$delimiter\E/gc;
    }
    return @cells;
}

sub _is_number { my ($cell) = @_; return looks_like_number($cell) && $cell !~ /\A\s*\z/ }

# A column's place, from its name or from its place below 0.
sub _position
{
    my ($self, $column) = @_;
    my $all = $self->{all};
    my $place = first { $all->[$_] eq $column } 0 .. $#$all;
    return $place if defined $place;
    return $column % @$all if $column =~ /\A-?[0-9]+\z/ and $column < @$all and $column >= -@$all;
    return _fail("$self->{path} has no column '$column'; there are ", join ', ', @$all);
}

# -- reading ---------------------------------------------------------------------------------------------------------

# The columns of these places as numbers, in this order.
sub _numbers
{
    my ($self, @places) = @_;
    my %file = (path => AI::MXNet::NDArray::_absolute_text($self->{path}), delimiter => $self->{delimiter}, skip => $self->{skip});
    my @numeric = grep { !$self->{is_text}{ $places[$_] } } 0 .. $#places;
    my @text    = grep { $self->{is_text}{ $places[$_] } } 0 .. $#places;
    my $all     = @places == @{ $self->{all} } && !grep { $places[$_] != $_ } @numeric, @text;
    my @parts;
    push @parts, AI::MXNet::NDArray->_read_csv(%file, dtype => $self->{dtype}, (@text || !$all ? (columns => [@places[@numeric]]) : ()),
        (defined $self->{missing} ? (missing => $self->{missing}) : ())) if @numeric;
    push @parts, map { $self->_words_as_numbers($places[$_], %file)->expand_dims(1) } @text;
    return $parts[0] if @parts == 1;
    my @order = (@numeric, @text);
    my %at = map { $order[$_] => $_ } 0 .. $#order;
    return AI::MXNet::NDArray->concat(@parts, dim => 1)->take(AI::MXNet::NDArray->array([map { $at{$_} } 0 .. $#places]), axis => 1);
}

sub _words_as_numbers
{
    my ($self, $place, %file) = @_;
    my ($numbers, $joined) = @{ AI::MXNet::NDArray->_read_csv_words(%file, column => $place) };
    my @found = split /\0/, _text_of($joined), -1;
    my $known = ref $self->{is_text}{$place} ? $self->{is_text}{$place} : \@found;
    $self->{words_of}{ $self->{all}[$place] } = [@$known];
    my %number = map { $known->[$_] => $_ } 0 .. $#$known;
    my @strange = grep { !exists $number{$_} } @found;
    _fail("$self->{path}, column '$self->{all}[$place]' has '$strange[0]', which is none of ", join ', ', @$known) if @strange;
    return AI::MXNet::NDArray->array([@number{@found}], dtype => $self->{dtype})->take($numbers);
}

sub _text_of
{
    my ($bytes) = @_;
    return '' unless $bytes->size;
    my $text = ${ $bytes->aspdl->get_dataref };
    utf8::decode($text);
    return $text;
}

# -- what it has -----------------------------------------------------------------------------------------------------

sub data        { $_[0]{data} }
sub label       { $_[0]{label} }
sub names       { $_[0]{names} }
sub label_names { $_[0]{label_names} }
sub len         { $_[0]{rows} }

sub words
{
    my ($self, $name) = @_;
    return $self->{words_of}{$name} // _fail("column '$name' has no words, but ", join(', ', sort keys %{ $self->{words_of} }) || 'none has');
}

sub classes
{
    my ($self) = @_;
    my @names = grep { $self->{words_of}{$_} } @{ $self->{label_names} };
    return $self->words($names[0]) if @names;
    return _fail(@{ $self->{label_names} } ? 'the label is of numbers' : 'the table has no label');
}

sub column
{
    my ($self, $name) = @_;
    for my $part ([$self->{names}, $self->{data}], [$self->{label_names}, $self->{label}]) {
        my ($names, $values) = @$part;
        my $place = first { $names->[$_] eq $name } 0 .. $#$names;
        next unless defined $place;
        return $self->{as} eq 'pdl' ? $values->slice("($place)") : $values->take(AI::MXNet::NDArray->array([$place]), axis => 1)->reshape([-1])
            if @$names > 1 or $names == $self->{names};
        return $values;
    }
    return _fail("no column '$name'; there are ", join ', ', @{ $self->{names} }, @{ $self->{label_names} });
}

# -- as text ---------------------------------------------------------------------------------------------------------

# The names and the first rows as lists of texts.
sub _head
{
    my ($self) = @_;
    my $rows = min($HEAD, $self->{rows});
    my @names = (@{ $self->{names} }, @{ $self->{label_names} });
    my @columns = map {
        my $head = $self->{as} eq 'pdl' ? $self->column($_) : $self->column($_)->slice_axis(axis => 0, begin => 0, end => $rows)->aspdl;
        my $words = $self->{words_of}{$_};
        [map { $words ? $words->[$_] : sprintf '%g', $_ } ($head->list)[0 .. $rows - 1]];
    } @names;
    return (\@names, map { my $row = $_; [map { $_->[$row] } @columns] } 0 .. $rows - 1);
}

sub _summary
{
    my ($self) = @_;
    return "$self->{rows} rows of " . @{ $self->{names} } . ' columns' . (@{ $self->{label_names} } ? ', label ' . join ', ', @{ $self->{label_names} } : '');
}

sub asstr
{
    my ($self) = @_;
    my @rows = $self->_head;
    my @width = map { my $place = $_; max map { length $_->[$place] } @rows } 0 .. $#{ $rows[0] };
    my @lines = map { my $row = $_; join '  ', map { sprintf '%*s', $width[$_], $row->[$_] } 0 .. $#$row } @rows;
    push @lines, '...' if $self->{rows} > $HEAD;
    return join '', map {"$_\n"} $self->_summary, @lines;
}

sub to_html
{
    my ($self) = @_;
    my ($heading, @rows) = $self->_head;
    push @rows, [map {'...'} @$heading] if $self->{rows} > $HEAD;
    return AI::MXNet::Notebook::table($self->_summary, $heading, @rows);
}

sub iperl_data_representations { my ($self) = @_; return AI::MXNet::Notebook::representations($self->to_html, $self->asstr) }

sub _fail { AI::MXNet::Error::fail('read_csv: ', @_) }

1;

__END__

=head1 NAME

AI::MXNet::Table - a table of a text file as arrays

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use File::Temp qw(tempdir);

    my $file = tempdir(CLEANUP => 1) . '/flowers.csv';
    open my $out, '>', $file or die "$file: $!\n";
    print $out "sepal,petal,species\n5.1,1.4,setosa\n7.0,4.7,versicolor\n6.3,6.0,virginica\n";
    close $out or die "$file: $!\n";

    my $flowers = nd->read_csv($file, label => 'species');
    print $flowers;                              # how many rows, the names, the first rows
    print $flowers->data->aspdl;                 # [3, 2], float32
    print $flowers->label->aspdl, "\n";          # [0 1 2]
    print "@{ $flowers->classes }\n";            # setosa versicolor virginica

=head1 DESCRIPTION

Reads a table of numbers into an L<AI::MXNet::NDArray> or a piddle: a line for each row, cells between commas or other
delimiters, each of which may be in double quotes. A file whose name ends in C<.gz> is unpacked. The engine reads the
numbers, a million rows of six in some seconds.

A cell that is no number, and a row of too few or too many cells, is an error that names the file, the line and the
column, both counted from 1. Empty lines count for nothing.

=head1 METHODS

=head2 read

    my $table = nd->read_csv($file, label => -1, columns => ['petal', 'sepal']);
    my $again = AI::MXNet::Table->read($file, label => 'species', as => 'pdl');

The table of a file. Columns are told by their names, or by their places from 0, those below 0 from the end.

=over 4

=item label

The column that is to be foretold, or a list of them. Without it, all columns are data. If its first cell is no number,
it is a column of words.

=item columns

The columns of the data, in this order; all but the label if not given.

=item words

Columns of words, whose cells become the numbers of their words: a list of columns, whose words are numbered in order of
the alphabet; or a hash of columns and lists of their words, in the order wanted. Give the words of the table that a
network was trained with when you read another one, so that the numbers mean the same; a word that is none of them is an
error:

    my $test = nd->read_csv($file, words => { species => $table->words('species') }, label => 'species');

=item header

Whether the first line has the names of the columns. If not given, it has if no cell in it is empty or a number. Without
names, columns are called 0, 1, 2 ...

=item delimiter

One character between cells; C<' '> stands for any white space. If not given, the first of comma, tabulator, semicolon
and space that the first line has.

=item skip

The number of lines at the start that are passed over, before the header.

=item dtype

Of data and label: C<float32> if not given.

=item missing

The number for cells without a value: empty ones, C<?>, C<NA>, C<N/A>, C<NaN>, C<nan>, C<NULL> and C<null>. If not given,
they are errors, but for the two names of nan, which are numbers.

=item as

C<ndarray>, or C<pdl> for piddles, whose first dimension is that of the columns.

=back

=head2 data

The numbers, (rows, columns).

=head2 label

The label, (rows), or (rows, labels) if there are several; undef without.

=head2 names, label_names

The names of the columns of data and label, in lists.

=head2 column

    my $petal = $table->column('petal');

The values of a column by its name, (rows).

=head2 words, classes

The words of a column by its name, and those of the label, in a list: the word of number 0 is the first.

=head2 len

How many rows there are.

=head2 asstr

Names and first rows, for people; what the table is as a string.

=head2 to_html, iperl_data_representations

The same as HTML, and what IPerl shows.

=head1 SEE ALSO

L<AI::MXNet::NDArray>, L<AI::MXNet::IO> for C<CSVIter>, L<AI::MXNet::Gluon::Data>

=cut

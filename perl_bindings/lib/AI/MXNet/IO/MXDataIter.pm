package AI::MXNet::MXDataIter;
# Batches of a data set that lies in files. Documented in AI::MXNet::IO.
#
# A batch is rows of the `sources`, arrays of as many rows, which `make` turns into data and label. Where the last batch
# takes rows from the start, the next epoch goes on behind them, so that all are given equally often.
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::DataIter';

# sources, size, batch_size, round_batch, keeps_rest (a last batch that is not full is given), make, and perhaps order,
# code for the order of the rows in a new epoch
has handle     => (is => 'ro', isa => 'HashRef', required => 1);
has data_name  => (is => 'ro', isa => 'Str', default => 'data');
has label_name => (is => 'ro', isa => 'Str', default => 'softmax_label');
has [qw(provide_data provide_label)] => (is => 'rw', init_arg => undef);
has _debug_skip_load => (is => 'rw', default => 0);
has _debug_at_begin  => (is => 'rw', default => 1);
has _first_batch     => (is => 'rw', init_arg => undef);
has _current         => (is => 'rw', init_arg => undef);
has _rows            => (is => 'rw', init_arg => undef);                  # the sources in the order of this epoch
has _start           => (is => 'rw', default => 0, init_arg => undef);    # the row that this epoch began with
has _given           => (is => 'rw', default => 0, init_arg => undef);    # rows from there on

sub BUILD
{
    my ($self) = @_;
    my $handle = $self->handle;
    $self->batch_size($handle->{batch_size});
    $self->_begin;
    my $batch = $self->_fetch // AI::MXNet::Error::fail("there are $handle->{size} rows, less than one batch of $handle->{batch_size}");
    $self->_first_batch($batch);
    for (['provide_data', $self->data_name, 'data'], ['provide_label', $self->label_name, 'label']) {
        my ($what, $name, $field) = @$_;
        my $array = $batch->$field->[0];
        $self->$what([AI::MXNet::DataDesc->new(name => $name, shape => $array->shape, dtype => $array->dtype)]);
    }
    return;
}

sub _begin
{
    my ($self) = @_;
    my $handle = $self->handle;
    my $order = $handle->{order} ? $handle->{order}->() : undef;
    $self->_rows([defined $order ? (map { AI::MXNet::NDArray->take($_, $order) } @{ $handle->{sources} }) : @{ $handle->{sources} }]);
    return;
}

# The next batch; undef after the last one.
sub _fetch
{
    my ($self) = @_;
    my $handle = $self->handle;
    my ($size, $batch_size) = @$handle{qw(size batch_size)};
    # where this epoch began somewhere in the middle, it ends with the last row all the same
    my $left = $size - $self->_start - $self->_given;
    return undef if $left <= 0 or $left < $batch_size && !$handle->{keeps_rest};
    my $from = $self->_start + $self->_given;
    $self->_given($self->_given + $batch_size);
    my ($data, $label) = $handle->{make}->(map { AI::MXNet::IO::_rows($_, $from, $batch_size) } @{ $self->_rows });
    my $pad = $batch_size > $left ? $batch_size - $left : 0;
    my $index = (PDL->sequence(PDL::longlong(), $batch_size) + $from) % $size;
    return AI::MXNet::DataBatch->new(data => [$data], label => [$label], pad => $pad, index => $index);
}

sub debug_skip_load
{
    my ($self) = @_;
    $self->_debug_skip_load(1);
    AI::MXNet::Logging->info('Set debug_skip_load to be true, will simply return first batch');
    return;
}

sub reset
{
    my ($self) = @_;
    my $handle = $self->handle;
    my $beyond = $self->_start + $self->_given - $handle->{size};
    $self->_start($handle->{round_batch} && $beyond > 0 ? $beyond % $handle->{size} : 0);
    $self->_given(0);
    $self->_first_batch(undef);
    $self->_debug_at_begin(1);
    $self->_begin;
    return;
}

sub next
{
    my ($self) = @_;
    if ($self->_debug_skip_load and not $self->_debug_at_begin) { return $self->_current }
    return $self->iter_next ? $self->_current : undef;
}

sub iter_next
{
    my ($self) = @_;
    $self->_current($self->_first_batch // $self->_fetch);
    $self->_first_batch(undef);
    $self->_debug_at_begin(0);
    return defined $self->_current ? 1 : 0;
}

sub getdata  { my ($self) = @_; return $self->_current->data->[0] }
sub getlabel { my ($self) = @_; return $self->_current->label->[0] }
sub getindex { my ($self) = @_; return $self->_current->index }
sub getpad   { my ($self) = @_; return $self->_current->pad }

__PACKAGE__->meta->make_immutable;

package AI::MXNet::IO::Files;
# The iterators over files: their options, and how their rows are read.
use strict;
use warnings;
use List::Util ();
use AI::MXNet::Error;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;

sub _nd   {'AI::MXNet::NDArray'}
sub _path { goto &AI::MXNet::NDArray::_absolute_text }

# Types of options, in the words of the operator table.
my %types = (
    string => { type => 'string' }, int => { type => 'int' }, boolean => { type => 'boolean' }, shape => { type => 'Shape(tuple)' },
    'int or None' => { type => 'int', optional => 1 },
    dtype => { type => 'string', choices => [qw(None float32 float64 float16 uint8 int32 int8 int64)] },
);
# name => [type, default]; without a default it is required
my %common = (
    batch_size => ['int'], round_batch => ['boolean', 1], dtype => ['dtype', 'None'],
    data_name => ['string', 'data'], label_name => ['string', 'softmax_label'], prefetch_buffer => ['int', 4], ctx => ['string', 'cpu'],
);
my %parts = (num_parts => ['int', 1], part_index => ['int', 0]);
# of image records, beside what the operator takes
my %images = (
    path_imgrec => ['string'], path_imglist => ['string', ''], path_imgidx => ['string', ''], shuffle => ['boolean', 0],
    seed => ['int', 0], seed_aug => ['int or None', undef], shuffle_chunk_size => ['int', 0], shuffle_chunk_seed => ['int', 0],
    preprocess_threads => ['int', 4], verbose => ['boolean', 1], device_id => ['int', 0],
);

my %iterators = (
    CSVIter => {
        read => \&_csv,
        options => { %common, data_csv => ['string'], data_shape => ['shape'], label_csv => ['string', 'NULL'], label_shape => ['shape', [1]] },
    },
    LibSVMIter => {
        read => \&_libsvm,
        options => { %common, %parts, data_libsvm => ['string'], data_shape => ['shape'], label_libsvm => ['string', 'NULL'], label_shape => ['shape', [1]] },
    },
    MNISTIter => {
        read => \&_mnist,
        options => {
            %common, %parts, image => ['string', './train-images-idx3-ubyte'], label => ['string', './train-labels-idx1-ubyte'],
            data_shape => ['shape', undef],    # of old scripts; the files tell it
            batch_size => ['int', 128], shuffle => ['boolean', 1], flat => ['boolean', 0], seed => ['int', 0], silent => ['boolean', 0],
        },
    },
    ImageRecordIter => { read => \&_images, operator => '_image_records', options => { %common, %parts, %images } },
    ImageDetRecordIter => {
        read => \&_images, operator => '_image_det_records',
        options => { %common, %parts, %images, label_width => ['int', -1], label_pad_width => ['int', 0] },
    },
);
for (['ImageRecordIter_v1', 'float32'], ['ImageRecordUInt8Iter', 'uint8'], ['ImageRecordUInt8Iter_v1', 'uint8'], ['ImageRecordInt8Iter', 'int8']) {
    my ($name, $dtype) = @$_;
    $iterators{$name} = { %{ $iterators{ImageRecordIter} }, options => { %{ $iterators{ImageRecordIter}{options} }, dtype => ['dtype', $dtype] } };
}

# The constructors, as methods of AI::MXNet::IO.
my %documents;
for my $name (sort keys %iterators) {
    my $iterator = $iterators{$name};
    my $code = sub {
        my ($class, @arguments) = @_;
        AI::MXNet::Error::fail("$name can only accept keyword arguments") if @arguments != 1 or ref $arguments[0] ne 'HASH';
        return _open($name, $iterator, %{ $arguments[0] });
    };
    { no strict 'refs'; *{"AI::MXNet::IO::$name"} = $code }
    $documents{$code} = { __name__ => $name, __doc__ => $name };
}

# The name and the options of each constructor.
sub documents
{
    for my $name (keys %iterators) {
        my $options = $iterators{$name}{options};
        my @names = sort keys %$options;
        my @types = map {
            my ($type, @default) = @{ $options->{$_} };
            $type . (@default ? ', optional, default=' . AI::MXNet::Operators::_as_text($default[0]) : ', required')
        } @names;
        $documents{ AI::MXNet::IO->can($name) }{__doc__} = "$name\n" . AI::MXNet::Base::build_param_doc(\@names, \@types, [('') x @names]);
    }
    return \%documents;
}

sub _open
{
    my ($name, $iterator, %given) = @_;
    my ($known, $row) = ($iterator->{options}, { name => $name });
    my $operator = $iterator->{operator} ? AI::MXNet::Operators::row($iterator->{operator}) : undef;
    my %o = map { $_ => $known->{$_}[1] } keys %$known;
    for my $option (sort keys %given) {
        my $type = $known->{$option} ? $types{ $known->{$option}[0] } : $operator ? $operator->{types}{$option} : undef;
        # other versions of MXNet know more of them, so that old scripts may say what has no meaning here
        if (not defined $type) { warn "$name does not know the option '$option', and ignores it\n"; next }
        $o{$option} = AI::MXNet::Operators::value($row, $option, $type, $given{$option});
    }
    my ($missing) = grep { !exists $given{$_} } grep { @{ $known->{$_} } == 1 } sort keys %$known;
    AI::MXNet::Error::fail("MXNetError: Required parameter $missing of $types{ $known->{$missing}[0] }{type} is not presented, in $name")
        if defined $missing;
    AI::MXNet::Error::fail("MXNetError: batch_size of $name is at least 1, but got $o{batch_size}") if $o{batch_size} < 1;
    my %handle = (keeps_rest => 1, make => sub {@_}, $iterator->{read}->($name, $operator, %o));
    $handle{size} = $handle{sources}[0]->len;
    return AI::MXNet::MXDataIter->new(handle => { %handle, map { $_ => $o{$_} } qw(batch_size round_batch) }, map { $_ => $o{$_} } qw(data_name label_name));
}

# The rows of one of several parts of a data set.
sub _part
{
    my ($num_parts, $part_index, @arrays) = @_;
    AI::MXNet::Error::fail("part_index is a number from 0 to before num_parts, but got part_index=$part_index, num_parts=$num_parts")
        unless 0 <= $part_index and $part_index < $num_parts;
    return @arrays if $num_parts == 1;
    my ($begin, $end) = map { int($arrays[0]->len * $_ / $num_parts) } $part_index, $part_index + 1;
    AI::MXNet::Error::fail("part $part_index of $num_parts has no rows") if $begin == $end;
    return map { AI::MXNet::IO::_rows($_, $begin, $end - $begin) } @arrays;
}

sub _csv
{
    my ($name, undef, %o) = @_;
    my $dtype = $o{dtype} eq 'None' ? 'float32' : $o{dtype};
    my $table = sub {
        my ($file, $shape) = @_;
        my $rows = _nd->_read_csv(path => _path($file), dtype => $dtype);
        my ($width, $size) = ($rows->shape->[1], List::Util::product(1, @$shape));
        AI::MXNet::Error::fail("The data size in CSV do not match size of shape: specified shape=[", join(',', @$shape), "], the csv row-length=$width, in $file")
            if $width != $size;
        return $rows->reshape([-1, @$shape]);
    };
    my $data = $table->($o{data_csv}, $o{data_shape});
    my @label_shape = "@{ $o{label_shape} }" eq '1' ? () : @{ $o{label_shape} };
    my $label = $o{label_csv} eq 'NULL'
        ? _nd->zeros([$data->len, @label_shape], dtype => $dtype)
        : $table->($o{label_csv}, $o{label_shape})->reshape([-1, @label_shape]);
    AI::MXNet::Error::fail($o{data_csv}, ' has ', $data->len, " rows, but $o{label_csv} has ", $label->len) if $data->len != $label->len;
    return (sources => [$data, $label]);
}

sub _libsvm
{
    my ($name, undef, %o) = @_;
    AI::MXNet::Error::fail('LibSVMIter: dtype is float32') unless $o{dtype} =~ /\A(?:None|float32)\z/;
    my $matrix = sub {
        my ($file, $shape) = @_;
        AI::MXNet::Error::fail('LibSVMIter: a row has a shape of one number, the columns, but got [', join(',', @$shape), ']') if @$shape != 1;
        my ($label, @parts) = @{ _nd->_read_libsvm(path => _path($file), columns => $shape->[0]) };
        return ($label, _nd->_csr_matrix(@parts, shape => [$label->len, $shape->[0]]));
    };
    my ($label, $data) = $matrix->($o{data_libsvm}, $o{data_shape});
    (undef, $label) = $matrix->($o{label_libsvm}, $o{label_shape}) if $o{label_libsvm} ne 'NULL';
    AI::MXNet::Error::fail("$o{data_libsvm} has ", $data->len, " rows, but $o{label_libsvm} has ", $label->len) if $data->len != $label->len;
    return (sources => [_part($o{num_parts}, $o{part_index}, $data, $label)]);
}

sub _mnist
{
    my ($name, undef, %o) = @_;
    my ($images, $labels) = map { _nd->_read_idx(path => _path($_)) } @o{qw(image label)};
    AI::MXNet::Error::fail("$o{image} is to hold images and $o{label} as many labels, but they hold arrays of shape [",
        join('] and [', map { join ',', @{ $_->shape } } $images, $labels), ']') if $images->ndim != 3 or $labels->ndim != 1 or $images->len != $labels->len;
    my $order = $o{shuffle} ? _nd->_permutation(count => $images->len, seed => $o{seed}) : undef;
    my ($data, $label) = map { defined $order ? _nd->take($_, $order) : $_ } $images, $labels;
    ($data, $label) = _part($o{num_parts}, $o{part_index}, $data, $label);
    my ($count, @size) = @{ $data->shape };
    my $dtype = $o{dtype} eq 'None' ? 'float32' : $o{dtype};
    my @shape = $o{flat} ? $size[0] * $size[1] : (1, @size);
    AI::MXNet::Logging->info('MNISTIter: load %d images, shuffle=%d, shape=[%s]', $count, $o{shuffle}, join ',', $o{batch_size}, @shape)
        unless $o{silent};
    my $make = sub {
        my ($pixels, $classes) = @_;
        my $scaled = ($pixels->astype('float32') / 256)->reshape([-1, @shape]);
        return map { $dtype eq 'float32' ? $_ : $_->astype($dtype) } $scaled, $classes->astype('float32');
    };
    return (sources => [$data, $label], keeps_rest => 0, make => $make);
}

sub _images
{
    my ($name, $operator, %o) = @_;
    my %attributes = map { $_ => $o{$_} } grep { exists $o{$_} and not $images{$_} and defined $o{$_} } keys %{ $operator->{types} };
    AI::MXNet::Error::fail("MXNetError: Required parameter data_shape of Shape(tuple) is not presented, in $name") unless $attributes{data_shape};
    delete $attributes{dtype} if $o{dtype} eq 'None';
    $attributes{path} = _path($o{path_imgrec});
    $attributes{mean_img} = _path($o{mean_img}) if length($o{mean_img} // '');
    my ($places) = _part($o{num_parts}, $o{part_index},
        _nd->_record_places(path => $attributes{path}, (length $o{path_imgidx} ? (index => _path($o{path_imgidx})) : ())));
    my @sources = ($places);
    if ($operator->{name} eq '_image_det_records') {
        $attributes{label_width} = 4 + _det_label_width($places, $attributes{path}, $o{label_width}, $o{label_pad_width});
    }
    elsif (length $o{path_imglist}) {
        my $width = $attributes{label_width} // 1;
        push @sources, _nd->_listed_labels($places, path => $attributes{path}, listing => _path($o{path_imglist}), label_width => $width);
    }
    _make_mean_image($operator, \%attributes, $o{batch_size}, @sources)
        if defined $attributes{mean_img} and length $attributes{mean_img} and not -e $attributes{mean_img};
    my ($epoch, $batch) = (0, 0);
    my $make = sub {
        my @rows = @_;
        # another sequence of random numbers at each step, the same in each run
        $attributes{seed} = $o{seed_aug} * 1_000_000 + $batch++ if defined $o{seed_aug};
        return @{ AI::MXNet::Operators::invoke($operator, \@rows, {%attributes}) };
    };
    my @order = $o{shuffle} ? (order => sub { _nd->_permutation(count => $places->len, seed => $o{seed} * 1_000_000 + $epoch++) }) : ();
    return (sources => \@sources, make => $make, @order);
}

# Computes the mean of all images, and saves it for them and for others.
sub _make_mean_image
{
    my ($operator, $attributes, $batch_size, @sources) = @_;
    my ($count, $sum) = ($sources[0]->len);
    for (my $from = 0; $from < $count; $from += $batch_size) {
        my @rows = map { AI::MXNet::IO::_rows($_, $from, List::Util::min($batch_size, $count - $from)) } @sources;
        my ($data) = @{ AI::MXNet::Operators::invoke($operator, \@rows, { %$attributes, mean_img => '', scale => 1, dtype => 'float32' }) };
        my $part = $data->sum(axis => 0);
        $sum = defined $sum ? $sum + $part : $part;
    }
    _nd->save($attributes->{mean_img}, { mean_img => $sum / $count });
    AI::MXNet::Logging->info('Save mean image to %s', $attributes->{mean_img});
    return;
}

# How many numbers the labels of a record of boxes have at most.
sub _det_label_width
{
    my ($places, $path, $label_width, $pad_width) = @_;
    my $widest = _nd->_record_label_width($places, path => $path, label_width => $label_width)->asscalar;
    AI::MXNet::Error::fail("ImageDetRecordIOParser: label_pad_width: $pad_width smaller than estimated width: $widest")
        if $pad_width > 0 and $pad_width < $widest;
    return $pad_width > 0 ? $pad_width : $widest;
}

sub AI::MXNet::IO::get_iter_meta { return documents() }

1;

__END__

=head1 NAME

AI::MXNet::IO::MXDataIter - iterators over files

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. L<AI::MXNet::IO> has the documentation.

=head1 SEE ALSO

L<AI::MXNet::IO>

=cut

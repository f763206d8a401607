package AI::MXNet::DataDesc;
# The name, shape, dtype and layout of an array that an iterator gives. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Base ();
use AI::MXNet::Types;
use overload
    '""'  => sub { $_[0]->stringify },
    '@{}' => sub { $_[0]->to_nameshape },
    fallback => 1;

has name   => (is => 'rw', isa => 'Str', required => 1);
has shape  => (is => 'rw', isa => 'Shape', required => 1);
has dtype  => (is => 'rw', isa => 'Dtype', default => 'float32');
has layout => (is => 'rw', isa => 'Str', default => 'NCHW');

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return [qw(name shape dtype layout)] }

sub stringify
{
    my ($self) = @_;
    return sprintf 'DataDesc[%s,%s,%s,%s]', $self->name, join('x', @{ $self->shape }), $self->dtype, $self->layout;
}

sub to_nameshape { my ($self) = @_; return [$self->name, $self->shape] }

# The position of the batch in a layout.
sub get_batch_axis { my ($class, $layout) = @_; return defined $layout ? index $layout, 'N' : 0 }

# A description, which may be given as a list of its fields.
sub _of { my ($given) = @_; return ref $given eq 'ARRAY' ? __PACKAGE__->new(@$given) : $given }

# Descriptions from hashes of shapes and of dtypes.
sub get_list
{
    my ($class, $shapes, $types) = @_;
    return [map { $class->new(name => $_, shape => $shapes->{$_}, $types ? (dtype => $types->{$_}) : ()) } sort keys %$shapes];
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::DataBatch;
# What an iterator gives at each step.
use strict;
use warnings;
use AI::MXNet::Mouse;

has data  => (is => 'rw', isa => 'Maybe[ArrayRef[AI::MXNet::NDArray]]', required => 1);
has label => (is => 'rw', isa => 'Maybe[ArrayRef[AI::MXNet::NDArray]]');
has [qw(pad index bucket_key provide_data provide_label)] => (is => 'rw');

__PACKAGE__->meta->make_immutable;

package AI::MXNet::DataIter;
# The base of all iterators: a class has `next`, or `iter_next` and what `next` makes a batch of.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Error;
use overload
    '<>'  => sub { $_[0]->next },
    '@{}' => sub { $_[0]->list },
    fallback => 1;

has batch_size => (is => 'rw', isa => 'Int', default => 0);

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub reset    { return }
sub getdata  { return }
sub get_data { my ($self) = @_; return $self->getdata }
sub getlabel { return }
sub getindex { return }
sub getpad   { return }

sub iter_next { my ($self) = @_; return AI::MXNet::Error::fail(ref $self, ' has neither a method next nor iter_next') }

sub next
{
    my ($self) = @_;
    return undef unless $self->iter_next;
    return AI::MXNet::DataBatch->new(
        data => scalar $self->getdata, label => scalar $self->getlabel, pad => scalar $self->getpad, index => scalar $self->getindex);
}

# Copies of the batches that are left: what `next` gives may be used again at the next step.
sub list
{
    my ($self) = @_;
    my @batches;
    while (defined(my $batch = $self->next)) {
        my %fields = map { $_ => $batch->$_ } qw(pad index bucket_key provide_data provide_label);
        my %arrays = map { my $arrays = $batch->$_; $_ => defined $arrays ? [map { $_->copy } @$arrays] : undef } qw(data label);
        push @batches, AI::MXNet::DataBatch->new(%fields, %arrays);
    }
    return \@batches;
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::IO;
use strict;
use warnings;
use Scalar::Util qw(blessed);
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::NS;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

AI::MXNet::NS::constructor(__PACKAGE__, $_) for qw(DataDesc DataBatch NDArrayIter ResizeIter PrefetchingIter);

# The arrays of a source, with their names: a list of [name, array]. A source is an array, a list of them or a hash.
sub init_data
{
    my ($class, $source, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('init_data', [qw(allow_empty default_name)], @options);
    my $list = ref $source eq 'ARRAY' ? $source : defined $source && !_is_hash($source) ? [$source] : undef;
    my @named;
    if (not defined $source or defined $list and not @$list or ref $source eq 'HASH' and not %$source) {
        AI::MXNet::Error::fail('an iterator needs data: arrays, piddles, a list or a hash of these') unless $options{allow_empty};
    }
    elsif (defined $list) {
        @named = map { [@$list == 1 ? $options{default_name} : "_${_}_$options{default_name}", $list->[$_]] } 0 .. $#$list;
    }
    elsif (blessed $source) { @named = map { [$_, $source->get($_)] } $source->keys }
    else {
        warn "The order of a hash's arrays is not defined: they are taken by the order of their names; an object of Hash::Ordered keeps another\n"
            if keys %$source > 1;
        @named = map { [$_, $source->{$_}] } sort keys %$source;
    }
    return [map { [$_->[0], _as_array(@$_)] } @named];
}

sub _is_hash { my ($source) = @_; return ref $source eq 'HASH' || blessed $source && $source->isa('Hash::Ordered') }

sub _as_array
{
    my ($name, $value) = @_;
    return $value->sever if ref $value eq 'AI::MXNet::NDArray::Slice';
    return $value if blessed $value and $value->isa('AI::MXNet::NDArray');
    AI::MXNet::Error::fail("the data '$name' is to be an NDArray, a piddle or a nested list, but got ", $value // 'undef') unless ref $value;
    return AI::MXNet::NDArray->array($value);
}

# Rows of an array, $count of them from row $from on; after the last one it goes on with the first.
sub _rows
{
    my ($array, $from, $count) = @_;
    my ($total, @parts) = $array->len;
    while ($count > 0) {
        my $end = $from + $count < $total ? $from + $count : $total;
        push @parts, $array->stype eq 'csr' ? AI::MXNet::NDArray->crop($array, begin => [$from], end => [$end])
            : $from == 0 && $end == $total ? $array : $array->_slice([$from, $end - 1]);
        $count -= $end - $from;
        $from = 0;
    }
    return @parts == 1 ? $parts[0] : AI::MXNet::NDArray->Concat(@parts, dim => 0);
}

require AI::MXNet::IO::Iterators;
require AI::MXNet::IO::MXDataIter;

1;

__END__

=head1 NAME

AI::MXNet::IO - batches of data

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $data  = nd->random->uniform(shape => [10, 3]);
    my $label = nd->arange(stop => 10);
    my $train = mx->io->NDArrayIter(data => $data, label => $label, batch_size => 4, shuffle => 1);

    for my $epoch (1 .. 2) {
        $train->reset;
        while (defined(my $batch = <$train>)) {
            my ($x, $y) = ($batch->data->[0], $batch->label->[0]);
            printf "%d: %s, %d of them are padding\n", $epoch, $x, $batch->pad;
        }
    }

=head1 DESCRIPTION

C<< mx->io >> is this package: iterators that give the data of an epoch batch by batch. A batch is an AI::MXNet::DataBatch.
After the last one an iterator gives undef until C<reset>. No batch waits for the engine: the ones of arrays are views of
them, those of image files are decoded while Perl goes on.

=head1 ITERATORS OVER ARRAYS

=head2 NDArrayIter

    my $test = mx->io->NDArrayIter($data, $label, batch_size => 5);
    my $named = mx->io->NDArrayIter(data => { x => $data }, label => { y => $label }, batch_size => 5);

C<data> and C<label> are an array, a piddle, a list of several of these (named C<_0_data>, C<_1_data> ...), or a hash with
names; where it holds several, a Hash::Ordered keeps their order. A list of lists is a list of arrays. The label is called C<label_name>
(softmax_label); there may be none.

C<batch_size> is 1 unless given, at most the number of rows. C<shuffle> puts the rows into a random order once, by Perl's
C<rand>, and converts them to float32. C<last_batch_handle> tells what becomes of rows that do not fill a batch: C<pad>
gives them with rows of the start, as many as C<pad> of the batch tells; C<discard> leaves them out; C<roll_over> gives
them like that, and in the next epoch goes on behind those.

Beside the methods of all iterators it has C<num_data>, C<num_source>, C<data_list>, C<cursor>, and C<hard_reset>, which
does not heed roll_over.

=head2 ResizeIter

    my $short = mx->io->ResizeIter($test, 3);

Epochs of another number of batches: the iterator begins anew where it ends. With C<< reset_internal => 0 >> an epoch goes
on where the last one stopped.

=head2 PrefetchingIter

    my $both = mx->io->PrefetchingIter([$short, $test], rename_data => [{ data => 'left' }, { data => 'right' }]);

The batches of several iterators as one, each made a step before it is asked for.

=head1 ITERATORS OVER FILES

They take one hash ref of options. C<batch_size> is required; C<round_batch> (1) lets an epoch begin behind the rows
that filled up the last batch of the one before; C<dtype> (float32), C<data_name> (data) and C<label_name> (softmax_label) say
what comes; C<num_parts> (1) and C<part_index> (0) choose a part of the data. C<ctx>, C<prefetch_buffer>,
C<preprocess_threads>, C<verbose> and C<device_id> are accepted and mean nothing. An option that an iterator does not know
is ignored with a warning. The batches' C<index> is a piddle of the rows' numbers.

=head2 CSVIter

    open my $table, '>', "/tmp/rows-$$.csv" or die $!;
    print $table "1,2\n3,4\n5,6\n";
    close $table;
    my $rows = mx->io->CSVIter({ data_csv => "/tmp/rows-$$.csv", data_shape => [2], batch_size => 2 });
    print $_->data->[0]->aspdl, $_->pad, "\n" for @$rows;
    unlink "/tmp/rows-$$.csv";

C<data_csv> and C<label_csv> (else labels are 0) are text files with a row in each line, of as many numbers as C<data_shape>
and C<label_shape> ([1]) have.

=head2 LibSVMIter

Files of C<label column:value ...>: C<data_libsvm>, of C<data_shape> columns, numbered from 0, in csr batches. The label is
that of the file, or rows of the file C<label_libsvm>, of C<label_shape> columns.

=head2 MNISTIter

C<image> and C<label> are idx files, as MNIST's, perhaps packed with gzip. Pixels are divided by 256. C<flat> gives [batch,
pixels] instead of [batch, 1, height, width]; C<shuffle> (1) orders the images by C<seed> (0), the same in each epoch;
C<silent> prints nothing. Images that do not fill a batch are left out.

=head2 ImageRecordIter

    my %options = (path_imgrec => 'train.rec', data_shape => [3, 224, 224], batch_size => 32, rand_crop => 1, rand_mirror => 1);

Images from a record file C<path_imgrec> (see L<AI::MXNet::RecordIO>): decoded, brought to C<data_shape> (channels,
height, width) and in float32. C<path_imgidx> is the file's index, with which a large file opens faster; C<path_imglist> a
list with other labels; C<label_width> (1) the number of labels. C<shuffle> orders them anew in each epoch, by C<seed>.
Changes, in this order:

=over 4

=item resize, inter_method

The length that the shorter side is brought to; as in L<AI::MXNet::Image/imresize>, and 10 for one at random.

=item rotate, max_rotate_angle, max_shear_ratio, max_aspect_ratio, min_aspect_ratio, max_random_scale, min_random_scale,
max_img_size, min_img_size, fill_value

Turned by an angle in degrees or a random one up to it, sheared, stretched and scaled.

=item pad

So many pixels of C<fill_value> on each side.

=item rand_crop, random_resized_crop, max_random_area, min_random_area, max_crop_size, min_crop_size

The part of data_shape in the middle or at random; of random area and proportions, or of a random size, brought to data_shape.

=item brightness, contrast, saturation, random_h, random_s, random_l, pca_noise

Changes of colour: relative ones, ones of hue, saturation and lightness in levels, and light of ImageNet's principal colours.

=item mirror, rand_mirror

Left and right exchanged, always or half of the times.

=item mean_img, mean_r, mean_g, mean_b, max_random_contrast, max_random_illumination, std_r, std_g, std_b, scale

A mean image (a file with one array, which is computed and written if it is not there) or colour that is subtracted, what a random factor and an added random number are
limited to, the divisor and the factor at last.

=back

Numbers are drawn from the generator of L<AI::MXNet::Random>, or from one seeded with C<seed_aug>. It needs Python's Pillow.

=head2 ImageRecordIter_v1, ImageRecordUInt8Iter, ImageRecordUInt8Iter_v1, ImageRecordInt8Iter

The same; pixels of the latter as uint8, or less the mean as int8.

=head2 ImageDetRecordIter

Images with boxes around objects, labelled [width of the head, width of an object, ..., class, left, top, right, bottom,
...]. A batch's label has rows of channels, height and width of the image, the number of its labels, these, and
C<label_pad_value> (-1) up to the length of the longest, or to C<label_pad_width>. Boxes follow what is done to the images:
C<rand_mirror_prob>; C<rand_pad_prob>, C<max_pad_scale>; C<rand_crop_prob> with C<num_crop_sampler> samplers, for which
C<min_crop_scales>, C<max_crop_aspect_ratios>, C<min_crop_overlaps> and so on are lists; C<resize_mode> (force, shrink, fit);
C<max_random_hue>, C<random_hue_prob> and so on for saturation, illumination and contrast.

=head2 get_iter_meta

    print $_->{__name__}, "\n" for values %{ mx->io->get_iter_meta };

Name and options of these iterators, by their code.

=head1 METHODS OF AN ITERATOR

=over 4

=item next, E<lt>$iterE<gt>

The next batch, or undef.

=item reset

Begins an epoch.

=item list, @$iter

Copies of the batches that are left, in a list ref.

=item provide_data, provide_label

What batches consist of: a list ref of AI::MXNet::DataDesc.

=item batch_size

The number of rows in a batch.

=item iter_next, getdata, getlabel, getindex, getpad

A step, true if there was a batch; the parts of the batch. C<getdata> and C<getlabel> of iterators over files give the
array itself, others a list of them.

=back

An iterator of one's own extends AI::MXNet::DataIter and has a method C<next>, or C<iter_next>, C<getdata>, C<getlabel>,
C<getpad> and C<getindex>, of which the base makes C<next>; and C<reset>, C<provide_data>, C<provide_label>:

    package Counting {
        use Mouse;
        extends 'AI::MXNet::DataIter';
        has n => (is => 'rw', default => 0);
        sub provide_data  { [AI::MXNet::DataDesc->new('data', [2])] }
        sub provide_label { [] }
        sub reset { $_[0]->n(0) }
        sub next
        {
            my ($self) = @_;
            return undef if $self->n == 3;
            $self->n($self->n + 1);
            return AI::MXNet::DataBatch->new(data => [nd->full([2], $self->n)]);
        }
    }
    print scalar(@{ Counting->new(batch_size => 2) }), " batches\n";

=head1 OTHER FUNCTIONS

=head2 DataBatch

    my $batch = mx->io->DataBatch(data => [$data], label => [$label], pad => 0);

With C<data>, C<label>, C<pad>, C<index>, C<bucket_key>, C<provide_data> and C<provide_label>.

=head2 DataDesc

    my $desc = mx->io->DataDesc('data', [32, 3, 8, 8], dtype => 'uint8', layout => 'NCHW');
    my ($name, $shape) = @$desc;
    print "$desc ", AI::MXNet::DataDesc->get_batch_axis('TNC'), "\n";                  # ... 1
    my $list = AI::MXNet::DataDesc->get_list({ data => [2, 3] }, { data => 'int32' });

Name, shape, dtype (float32) and layout (NCHW) of an array. C<get_batch_axis> is the position of N in a layout, C<get_list>
makes descriptions from hashes of shapes and dtypes.

=head2 init_data

    print $_->[0], "\n" for @{ mx->io->init_data([$data, $data], allow_empty => 0, default_name => 'x') };    # _0_x _1_x

The arrays of a source with their names, as L</NDArrayIter> takes it.

=head1 SEE ALSO

L<AI::MXNet::RecordIO>, L<AI::MXNet::Image>, L<AI::MXNet::NDArray>

=cut

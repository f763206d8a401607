package AI::MXNet::ImageIter;
# Batches of images from record files, or from files that a list names. Documented in AI::MXNet::Image.
use strict;
use warnings;
use File::Spec ();
use List::Util ();
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);
use AI::MXNet::Error;
use AI::MXNet::Image;
use AI::MXNet::IO;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::RecordIO;

extends 'AI::MXNet::DataIter';

has '+batch_size' => (required => 1);
has data_shape    => (is => 'ro', isa => 'Shape', required => 1);
has label_width   => (is => 'ro', isa => 'Int', default => 1);
has data_name     => (is => 'ro', isa => 'Str', default => 'data');
has label_name    => (is => 'ro', isa => 'Str', default => 'softmax_label');
has [qw(path_imgrec path_imglist path_root path_imgidx)] => (is => 'ro', isa => 'Str');
has shuffle       => (is => 'ro', isa => 'Bool', default => 0);
has part_index    => (is => 'ro', isa => 'Int', default => 0);
has num_parts     => (is => 'ro', isa => 'Int', default => 0);
has aug_list      => (is => 'rw', isa => 'ArrayRef[CodeRef]');
has imglist       => (is => 'rw', isa => 'ArrayRef|HashRef');
has kwargs        => (is => 'ro', isa => 'HashRef', default => sub { {} });
has [qw(provide_data provide_label)] => (is => 'rw', init_arg => undef);
has [qw(imgrec seq cur)] => (is => 'rw', init_arg => undef);    # the record file; keys in order, if they are known; how many were given

sub BUILD
{
    my ($self) = @_;
    my @shape = @{ $self->data_shape };
    AI::MXNet::Error::fail('data_shape is [channels, height, width] with 1 or 3 channels, but got [', join(', ', @shape), ']')
        unless @shape == 3 and $shape[0] =~ /\A[13]\z/;
    AI::MXNet::Error::fail('ImageIter needs path_imgrec, path_imglist or imglist')
        unless defined $self->path_imgrec or defined $self->path_imglist or defined $self->imglist;
    $self->_open_records if defined $self->path_imgrec;
    $self->imglist($self->_listed) if defined $self->path_imglist or defined $self->imglist;
    AI::MXNet::Error::fail('to give the images of path_imgrec other labels, ImageIter needs path_imgidx')
        if $self->imglist and $self->imgrec and not defined $self->path_imgidx;
    my $keys = $self->imglist ? [sort { $a <=> $b } keys %{ $self->imglist }] : $self->imgrec && $self->path_imgidx ? $self->imgrec->keys : undef;
    AI::MXNet::Error::fail('to shuffle, or to take one of several parts, ImageIter needs path_imgidx or a list')
        if !$keys and ($self->shuffle or $self->num_parts > 1);
    if ($self->num_parts > 1) {
        AI::MXNet::Error::fail('part_index is a number from 0 to before num_parts, but got ', $self->part_index)
            if $self->part_index >= $self->num_parts;
        my $count = int(@$keys / $self->num_parts);
        $keys = [@$keys[$self->part_index * $count .. ($self->part_index + 1) * $count - 1]];
    }
    $self->seq($keys ? [@$keys] : undef);
    $self->aug_list(AI::MXNet::Image->CreateAugmenter(data_shape => $self->data_shape, %{ $self->kwargs })) unless $self->aug_list;
    my @label = $self->label_width > 1 ? $self->label_width : ();
    $self->provide_data([AI::MXNet::DataDesc->new(name => $self->data_name, shape => [$self->batch_size, @shape])]);
    $self->provide_label([AI::MXNet::DataDesc->new(name => $self->label_name, shape => [$self->batch_size, @label])]);
    $self->reset;
    return;
}

sub _open_records
{
    my ($self) = @_;
    my ($records, $index) = ($self->path_imgrec, $self->path_imgidx);
    $self->imgrec(defined $index
        ? AI::MXNet::IndexedRecordIO->new(idx_path => $index, uri => $records, flag => 'r')
        : AI::MXNet::RecordIO->new(uri => $records, flag => 'r'));
    return;
}

# Label and path of each image by its key, from a file, or from entries [label, path] in a list or a hash.
sub _listed
{
    my ($self) = @_;
    my $given = $self->imglist;
    if (defined(my $path = $self->path_imglist)) {
        open my $file, '<', $path or AI::MXNet::Error::fail("Open \"$path\": $!");
        my %listed;
        local $/ = "\n";
        while (my $line = readline $file) {
            my ($key, @labels) = split /\t/, $line =~ s/\s+\z//r;
            my $name = pop @labels;
            AI::MXNet::Error::fail("$path line $.: an image list has lines of a key, labels and a path with tabs between them") unless @labels;
            $listed{$key} = [\@labels, $name];
        }
        return \%listed;
    }
    my %listed = ref $given eq 'HASH' ? %$given : map { $_ + 1 => $given->[$_] } 0 .. $#$given;
    for my $key (keys %listed) {
        my ($label, @rest) = @{ $listed{$key} };
        # [label, path], or several labels in front of the path
        $listed{$key} = [ref $label && !@rest ? $label : @rest > 1 ? [$label, @rest[0 .. $#rest - 1]] : $label, $rest[-1]];
    }
    return \%listed;
}

sub reset
{
    my ($self) = @_;
    $self->seq([List::Util::shuffle(@{ $self->seq })]) if $self->shuffle;
    $self->imgrec->reset if $self->imgrec;
    $self->cur(0);
    return;
}

# The label and the bytes of the next image; nothing after the last one.
sub next_sample
{
    my ($self) = @_;
    if ($self->seq) {
        return if $self->cur >= @{ $self->seq };
        my $key = $self->seq->[$self->cur];
        $self->cur($self->cur + 1);
        if ($self->imgrec) {
            my ($header, $bytes) = AI::MXNet::RecordIO->unpack($self->imgrec->read_idx($key));
            return ($self->imglist ? $self->imglist->{$key}[0] : $header->label, $bytes);
        }
        my ($label, $name) = @{ $self->imglist->{$key} };
        return ($label, $self->_content($name));
    }
    my $record = $self->imgrec->read // return;
    my ($header, $bytes) = AI::MXNet::RecordIO->unpack($record);
    return ($header->label, $bytes);
}

sub _content
{
    my ($self, $name) = @_;
    my $path = defined $self->path_root ? File::Spec->catfile($self->path_root, $name) : $name;
    open my $file, '<:raw', $path or AI::MXNet::Error::fail("Open \"$path\": $!");
    local $/;
    return scalar readline $file;
}

# The images of a sample after all changes; none if it cannot be decoded.
sub _images
{
    my ($self, $bytes) = @_;
    my $image = eval { AI::MXNet::Image->imdecode($bytes, flag => $self->data_shape->[0] == 3 ? 1 : 0) };
    if (not defined $image) {
        die $@ unless ref $@ and $@->isa('AI::MXNet::Error') and $@->message =~ /Decoding failed/;
        AI::MXNet::Logging->debug('Invalid image, skipping: %s', $@->message);
        return;
    }
    my @images = $image;
    for my $change (@{ $self->aug_list }) { @images = map { @{ $change->($_) } } @images }
    return @images;
}

sub next
{
    my ($self) = @_;
    my ($batch_size, @data, @labels) = ($self->batch_size);
    while (@data < $batch_size and my ($label, $bytes) = $self->next_sample) {
        my @images = $self->_images($bytes);
        AI::MXNet::Error::fail('Batch size must be multiples of augmenter output length') if @data + @images > $batch_size;
        push @data, @images;
        push @labels, ($label) x @images;
    }
    return undef unless @data;
    my $pad = $batch_size - @data;
    my $planes = AI::MXNet::NDArray->stack(@data, axis => 0)->astype('float32')->transpose(axes => [0, 3, 1, 2]);
    my @rows = map { [blessed $_ ? $_->isa('PDL') ? $_->list : $_->aspdl->list : ref $_ ? @$_ : $_] } @labels;
    my $width = $self->label_width;
    for (@rows) { AI::MXNet::Error::fail('an image has ', scalar @$_, " labels, but label_width is $width") if @$_ != $width }
    my $label = AI::MXNet::NDArray->array($width == 1 ? [map { $_->[0] } @rows] : \@rows);
    if ($pad) {
        $_ = AI::MXNet::NDArray->concatenate([$_, AI::MXNet::NDArray->zeros([$pad, @{ $_->shape }[1 .. $_->ndim - 1]])], axis => 0) for $planes, $label;
    }
    return AI::MXNet::DataBatch->new(data => [$planes], label => [$label], pad => $pad);
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Image::Iter - batches of images

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. L<AI::MXNet::Image> has the documentation.

=head1 SEE ALSO

L<AI::MXNet::Image>

=cut

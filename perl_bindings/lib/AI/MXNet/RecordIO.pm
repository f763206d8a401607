package AI::MXNet::RecordIO;
# Files of records, in MXNet's format: of each a head of two words (magic number; length, and above it which part of the
# record this is), the bytes, and zeros up to a multiple of four. POD at the end.
use strict;
use warnings;
use IO::Handle ();
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);
use AI::MXNet::Base ();
use AI::MXNet::DType;
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::NS;
use AI::MXNet::Types;

use constant MAGIC => CORE::pack('V', 0xced7230a);
use constant { WHOLE => 0, FIRST => 1, MIDDLE => 2, LAST => 3 };    # which part of a record
use constant LENGTH_BITS => 29;

has uri      => (is => 'ro', isa => 'Str', required => 1);
has flag     => (is => 'ro', isa => 'Str', required => 1);
has handle   => (is => 'rw');
has writable => (is => 'rw', isa => 'Bool', default => 0);
has is_open  => (is => 'rw', isa => 'Bool', default => 0);
has _process => (is => 'rw', isa => 'Int', default => 0);    # that opened the file: a forked child would move its position

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return ['uri', 'flag'] }

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('Invalid flag ', $self->flag, ": a file of records is opened to read ('r') or to write ('w')")
        unless $self->flag =~ /\A[rw]\z/;
    $self->writable($self->flag eq 'w');
    $self->open;
    return;
}

# -- files ---------------------------------------------------------------------------------------------------------

sub open
{
    my ($self) = @_;
    $self->handle($self->_opened($self->uri, ':raw'));
    $self->is_open(1);
    $self->_process($$);
    return;
}

sub _opened
{
    my ($self, $path, $layer) = @_;
    CORE::open(my $file, ($self->writable ? '>' : '<') . $layer, $path) or AI::MXNet::Error::fail("Open \"$path\": $!");
    # a forked child must not find anything that it would write a second time
    $file->autoflush(1) if $self->writable;
    return $file;
}

sub close
{
    my ($self) = @_;
    return unless $self->is_open;
    $self->is_open(0);
    my $file = $self->handle;
    $self->handle(undef);
    CORE::close($file) or AI::MXNet::Error::fail('cannot write ', $self->uri, ": $!");
    return;
}

sub reset { my ($self) = @_; $self->close; $self->open; return }

# The file, to read from or to write to. In a forked child what is read is opened anew, at the same place.
sub _file
{
    my ($self, $to_write) = @_;
    my $done = $to_write ? 'written to' : 'read';
    AI::MXNet::Error::fail($self->uri, " is opened with flag '", $self->flag, "', so it cannot be $done")
        if $to_write xor $self->writable;
    AI::MXNet::Error::fail($self->uri, " is closed, so it cannot be $done") unless $self->is_open;
    if ($self->_process != $$) {
        AI::MXNet::Error::fail($self->uri, ' was opened to write by another process') if $to_write;
        my $position = CORE::tell($self->handle);
        $self->handle($self->_opened($self->uri, ':raw'));
        CORE::seek($self->handle, $position, 0);
        $self->_process($$);
    }
    return $self->handle;
}

# -- records -------------------------------------------------------------------------------------------------------

sub write
{
    my ($self, $bytes) = @_;
    my $file = $self->_file(1);
    AI::MXNet::Error::fail('a record is a string of bytes, but got ', defined $bytes ? 'one with wide characters' : 'undef')
        unless defined $bytes and utf8::downgrade($bytes, 1);
    AI::MXNet::Error::fail('RecordIO only accept record less than 2^29 bytes, but got ', length $bytes) if length($bytes) >> LENGTH_BITS;
    local $\;
    print {$file} _framed($bytes) or AI::MXNet::Error::fail('cannot write ', $self->uri, ": $!");
    return;
}

# A record as it lies in the file. Where its words are the magic number it is cut, so that a reader can find heads.
sub _framed
{
    my ($bytes) = @_;
    my ($start, $from, @parts) = (0, 0);
    while ((my $at = index $bytes, MAGIC, $from) >= 0) {
        $from = $at + 1, next if $at % 4;
        push @parts, substr $bytes, $start, $at - $start;
        $start = $from = $at + 4;
    }
    push @parts, $start ? substr($bytes, $start) : $bytes;
    my $framed = '';
    for my $i (0 .. $#parts) {
        my $part = @parts == 1 ? WHOLE : $i == 0 ? FIRST : $i < $#parts ? MIDDLE : LAST;
        my $length = length $parts[$i];
        $framed .= MAGIC . CORE::pack('V', $part << LENGTH_BITS | $length) . $parts[$i] . "\0" x (-$length % 4);
    }
    return $framed;
}

sub read
{
    my ($self) = @_;
    my $file = $self->_file(0);
    my ($record, $cut) = ('', 0);
    while (1) {
        my $got = CORE::read $file, my $head, 8;
        return undef if not $got and not $cut;
        my ($magic, $word) = CORE::unpack('a4V', $head);
        $self->_invalid('the head of a record is missing') if $got < 8 or $magic ne MAGIC;
        my ($part, $length) = ($word >> LENGTH_BITS, $word & (1 << LENGTH_BITS) - 1);
        $self->_invalid("a record has its parts in disorder (part of kind $part)")
            if $part > LAST or $cut ? $part < MIDDLE : $part > FIRST;
        my $padding = -$length % 4;
        $got = CORE::read $file, $record, $length + $padding, length $record;
        $self->_invalid("a record of $length bytes breaks off") if $got < $length + $padding;
        substr $record, -$padding, $padding, '' if $padding;
        return $record if $part == WHOLE or $part == LAST;
        $record .= MAGIC;
        $cut = 1;
    }
}

sub _invalid
{
    my ($self, $what) = @_;
    return AI::MXNet::Error::fail('Invalid RecordIO File ', $self->uri, ": $what, before byte ", CORE::tell($self->handle));
}

# -- labels in front of records ------------------------------------------------------------------------------------

use constant HEADER => 'L< f< Q< Q<';
use constant HEADER_BYTES => 24;

sub pack
{
    my ($class, $header, $bytes) = @_;
    my ($flag, $label, $id, $id2) = ref $header eq 'ARRAY' || blessed $header && $header->isa('AI::MXNet::IRHeader') ? @$header : ();
    AI::MXNet::Error::fail('pack takes a header ([flag, label, id, id2] or an AI::MXNet::IRHeader) and a string, but got ', $header // 'undef')
        unless defined $label and defined $bytes;
    my $floats = '';
    ($flag, $label) = (0, $label);
    if (ref $label) {
        my $list = blessed $label ? $label->isa('PDL') ? $label : $label->aspdl : undef;
        my @labels = defined $list ? $list->list : @$label;
        ($flag, $label, $floats) = (scalar @labels, 0, CORE::pack('f<*', @labels));
    }
    return CORE::pack(HEADER, $flag, $label, $id // 0, $id2 // 0) . $floats . $bytes;
}

sub unpack
{
    my ($class, $record) = @_;
    AI::MXNet::Error::fail('unpack takes a record with a header of ', HEADER_BYTES, ' bytes, but got ', defined $record ? length($record) . ' bytes' : 'undef')
        unless defined $record and length $record >= HEADER_BYTES;
    my ($flag, $label, $id, $id2) = CORE::unpack(HEADER, $record);
    my $start = HEADER_BYTES + 4 * $flag;
    if ($flag) {
        AI::MXNet::Error::fail("a record with $flag labels has at least $start bytes, but this one has ", length $record) if length $record < $start;
        $label = AI::MXNet::DType::_piddle(PDL::float(), \CORE::pack('f*', CORE::unpack('f<*', substr $record, HEADER_BYTES, 4 * $flag)), $flag);
    }
    return ('AI::MXNet::IRHeader'->new(flag => $flag, label => $label, id => $id, id2 => $id2), substr $record, $start);
}

sub pack_img
{
    my ($class, $header, $image, @options) = @_;
    my %options = (quality => 95, img_fmt => '.jpg', AI::MXNet::NDArray::_named('pack_img', [qw(quality img_fmt)], @options));
    # as OpenCV has it, so that the default serves PNG files, too
    $options{quality} = 9 if lc $options{img_fmt} eq '.png' and $options{quality} > 9;
    my $pixels = blessed $image && $image->isa('AI::MXNet::NDArray') ? $image : AI::MXNet::NDArray->array($image, dtype => 'uint8');
    my $file = AI::MXNet::NDArray->_image_encode($pixels, format => $options{img_fmt}, quality => $options{quality});
    return $class->pack($header, ${ $file->aspdl->get_dataref });
}

sub unpack_img
{
    my ($class, $record, @options) = @_;
    AI::MXNet::NS::load('AI/MXNet/Image.pm');
    my ($header, $file) = $class->unpack($record);
    return ($header, AI::MXNet::Image->imdecode($file, @options));
}

sub MXRecordIO        { my ($class, @arguments) = @_; return 'AI::MXNet::RecordIO'->new(@arguments) }
sub MXIndexedRecordIO { my ($class, @arguments) = @_; return 'AI::MXNet::IndexedRecordIO'->new(@arguments) }
sub IRHeader          { my ($class, @arguments) = @_; return 'AI::MXNet::IRHeader'->new(@arguments) }

sub DEMOLISH { my ($self, $global) = @_; $self->close if $self->is_open and not $global and $self->_process == $$; return }

__PACKAGE__->meta->make_immutable(inline_destructor => 0);

package AI::MXNet::IndexedRecordIO;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::RecordIO';

has idx_path => (is => 'ro', isa => 'Str', required => 1);
has keys     => (is => 'rw', isa => 'ArrayRef', default => sub { [] });
has idx      => (is => 'rw', isa => 'HashRef', default => sub { {} });
has fidx     => (is => 'rw');

sub python_constructor_arguments { return ['idx_path', 'uri', 'flag'] }

sub open
{
    my ($self) = @_;
    $self->SUPER::open;
    $self->keys([]);
    $self->idx({});
    my $file = $self->_opened($self->idx_path, '');
    if ($self->writable) { $self->fidx($file); return }
    local $/ = "\n";
    while (my $line = readline $file) {
        my ($key, $position) = $line =~ /\A([^\t]+)\t([0-9]+)\s*\z/
            or AI::MXNet::Error::fail($self->idx_path, " line $.: an index has lines of a key, a tab and a position, but got '", $line =~ s/\s+\z//r, "'");
        push @{ $self->keys }, $key;
        $self->idx->{$key} = $position;
    }
    return;
}

sub close
{
    my ($self) = @_;
    return unless $self->is_open;
    $self->SUPER::close;
    return unless $self->writable;
    CORE::close($self->fidx) or AI::MXNet::Error::fail('cannot write ', $self->idx_path, ": $!");
    return;
}

sub seek
{
    my ($self, $key) = @_;
    my $file = $self->_file(0);
    my $position = $self->idx->{$key} // AI::MXNet::Error::fail($self->idx_path, " has no key '$key'");
    CORE::seek($file, $position, 0);
    return;
}

sub tell { my ($self) = @_; return CORE::tell($self->_file(1)) }

sub read_idx { my ($self, $key) = @_; $self->seek($key); return $self->read }

sub write_idx
{
    my ($self, $key, $bytes) = @_;
    my $position = $self->tell;
    $self->write($bytes);
    local $\;
    print { $self->fidx } "$key\t$position\n" or AI::MXNet::Error::fail('cannot write ', $self->idx_path, ": $!");
    push @{ $self->keys }, $key;
    $self->idx->{$key} = $position;
    return;
}

__PACKAGE__->meta->make_immutable(inline_destructor => 0);

package AI::MXNet::IRHeader;
use strict;
use warnings;
use AI::MXNet::Mouse;
use overload '@{}' => sub { my ($self) = @_; return [map { $self->$_ } qw(flag label id id2)] }, fallback => 1;

has [qw(flag id id2)] => (is => 'rw', isa => 'Int', default => 0);
has label             => (is => 'rw', isa => 'AcceptableInput', default => 0);

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return [qw(flag label id id2)] }

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::RecordIO - files of records

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $base = "/tmp/records-$$";
    my $out  = mx->recordio->MXIndexedRecordIO("$base.idx", "$base.rec", 'w');
    $out->write_idx($_, mx->recordio->pack([0, $_ / 2, $_, 0], "record number $_")) for 0 .. 4;
    $out->close;

    my $in = mx->recordio->MXIndexedRecordIO("$base.idx", "$base.rec", 'r');
    my ($header, $text) = mx->recordio->unpack($in->read_idx(3));
    print $header->label, ": $text\n";    # 1.5: record number 3

=head1 DESCRIPTION

Reads and writes MXNet's files of records, byte by byte as MXNet does: C<.rec>, the records one after the other, and
C<.idx>, a line with a key and a position for each of them. A record is a string of bytes. One with a label begins with
a header, see L</pack, unpack>.

=head1 FUNCTIONS

Methods of the package, which is C<< mx->recordio >>.

=head2 MXRecordIO

    my $file = mx->recordio->MXRecordIO("$base.rec", 'r');    # or 'w'

Opens a file. C<< AI::MXNet::RecordIO->new(uri => $path, flag => 'r') >> is the same.

=head2 MXIndexedRecordIO

    $in = mx->recordio->MXIndexedRecordIO("$base.idx", "$base.rec", 'r');

Opens a file with its index: an AI::MXNet::IndexedRecordIO, which has the methods of both lists below.

=head2 IRHeader

    $header = mx->recordio->IRHeader(0, 1.5, 3, 0);
    print join(' ', $header->flag, $header->label, $header->id, $header->id2), "\n";
    my ($flag, $label, $id, $id2) = @$header;

What stands in front of a record: an AI::MXNet::IRHeader of C<flag>, the number of labels that follow, or 0 where there is
one, in the header itself; C<label>; C<id> and C<id2>, integers from 0.

=head2 pack, unpack

    my $record = mx->recordio->pack([0, [1, 0, 0.5], 7, 0], 'content');
    ($header, my $content) = mx->recordio->unpack($record);
    print $header->label, "\n";    # [1 0 0.5]

A record with a header, which is given as an object or as its four values in a list. The label is a number, or several in
a list, a piddle or an NDArray; their number becomes the C<flag>. C<unpack> gives several as a float piddle.

=head2 pack_img, unpack_img

    my $image = nd->random->uniform(0, 255, shape => [8, 6, 3])->astype('uint8');
    $record = mx->recordio->pack_img([0, 2, 7, 0], $image, img_fmt => '.png', quality => 9);
    ($header, $image) = mx->recordio->unpack_img($record);

A record whose content is an image file with these pixels: C<img_fmt> is C<.jpg> (the default), C<.png>, C<.bmp> or
C<.webp>, C<quality> from 1 to 100 (95), of PNG files from 0 to 9 (more is 9). The image is uint8 of shape [height, width, channels],
red first. C<unpack_img> takes the options of L<AI::MXNet::Image/imread, imdecode>.

=head1 METHODS OF A FILE

=head2 read

The next record; undef at the end.

=head2 write

    $out = mx->recordio->MXRecordIO("$base.rec", 'w');
    $out->write('some bytes');

Appends a record of less than 2**29 bytes.

=head2 close, open, reset

C<reset> closes the file and opens it again: what is read begins anew, what is written is emptied.

=head2 uri, flag, writable, is_open, handle

    print $out->uri, $out->is_open ? ' is open' : '', "\n";
    $out->close;

The path, C<r> or C<w>, whether this may be written to, whether it is open, and Perl's file handle.

=head2 python_constructor_arguments, BUILD, DEMOLISH

Of the object system. What goes out of scope is closed.

=head1 METHODS OF A FILE WITH AN INDEX

=over 4

=item read_idx($key), seek($key)

The record of a key; to where it is, so that C<read> goes on from there.

=item write_idx($key, $bytes), tell

Appends a record under a key; the position at which the next one will begin.

=item keys, idx

The keys in order, a list ref; their positions, a hash ref.

=back

=head1 ERRORS

A file that cannot be opened, is no file of records or breaks off, and a key that there is not die with an
L<AI::MXNet::Error> that names the file. A forked child can go on reading its parent's file, but not writing it.

=head1 SEE ALSO

L<AI::MXNet::Image>, L<AI::MXNet::IO>

=cut

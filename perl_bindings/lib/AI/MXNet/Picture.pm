package AI::MXNet::Picture;
# Arrays as pictures: PNG files, and images in a notebook. POD at the end.
use strict;
use warnings;
use Compress::Zlib ();
use MIME::Base64 ();
use List::Util qw(max min);
use Scalar::Util qw(blessed);
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::Notebook;
use PDL ();

my %default = (layout => undef, range => undef, columns => undef, scale => 1, gap => 1);
my %layout_of = (2 => 'HW', 3 => 'HWC', 4 => 'NHWC');
my %colour_type = (1 => 0, 2 => 4, 3 => 2, 4 => 6);    # PNG's, by the number of channels

sub new
{
    my ($class, $values, %given) = @_;
    for (sort keys %given) { _fail("no option '$_'; there are ", join ', ', sort keys %default) unless exists $default{$_} }
    my %o = (%default, %given);
    _fail('it takes an NDArray or a piddle, but got ', ref $values || $values // 'undef')
        unless blessed $values and $values->isa('PDL') || $values->isa('AI::MXNet::NDArray') || $values->isa('AI::MXNet::NDArray::Slice');
    $values = $values->aspdl unless $values->isa('PDL');
    my $images = _bytes(_in_order($values, $o{layout}), $o{range});
    for my $name (qw(scale gap)) {
        my $least = $name eq 'scale' ? 1 : 0;
        _fail("$name is a whole number of pixels, but got $o{$name}") unless $o{$name} =~ /\A[0-9]+\z/ and $o{$name} >= $least;
    }
    return bless { pixels => _grid(_magnified($images, $o{scale}), @o{qw(columns gap)}) }, $class;
}

# The images with channels, columns, rows and images as dimensions.
sub _in_order
{
    my ($values, $layout) = @_;
    my @shape = reverse $values->dims;
    $layout //= $layout_of{@shape} // _fail('a picture has 2 to 4 axes, but the shape is [', join(',', @shape), ']');
    my %axis = map { substr($layout, $_, 1) => $_ } 0 .. length($layout) - 1;
    _fail("a layout has H, W and perhaps C and N, each once, but got '$layout'")
        unless $layout =~ /\A[HWCN]+\z/ and keys %axis == length $layout and exists $axis{H} and exists $axis{W};
    _fail("layout $layout is for ", length $layout, ' axes, but the shape is [', join(',', @shape), ']') if @shape != length $layout;
    my $last = $#shape;
    my $images = $values->reorder(map { $last - $axis{$_} } grep { exists $axis{$_} } qw(C W H N));
    $images = $images->dummy(0) unless exists $axis{C};
    $images = $images->dummy(3) unless exists $axis{N};
    _fail('1 to 4 channels can be shown, but the shape is [', join(',', @shape), "] of layout $layout") if $images->dim(0) > 4;
    _fail('there are no pixels in shape [', join(',', @shape), ']') unless $images->nelem;
    return $images;
}

sub _bytes
{
    my ($images, $range) = @_;
    return $images->sever if not $range and $images->type eq 'byte';
    my ($low, $high) = @{ $range // [0, 1] };
    _fail('a range is the numbers of black and white, but got ', join(', ', $low // 'undef', $high // 'undef'))
        unless defined $high and $low != $high;
    my $grey = ($images->double - $low) * (255 / ($high - $low));
    $grey = $grey->setnantobad->setbadtoval(0);
    return $grey->clip(0, 255)->rint->byte;
}

# Each pixel as a square of several.
sub _magnified
{
    my ($images, $scale) = @_;
    return $images if $scale == 1;
    my @dims = $images->dims;
    return $images->dummy(1, $scale)->dummy(3, $scale)->copy->reshape($dims[0], $dims[1] * $scale, $dims[2] * $scale, $dims[3]);
}

# The images side by side in white.
sub _grid
{
    my ($images, $columns, $gap) = @_;
    my ($channels, $width, $height, $count) = $images->dims;
    $columns = min($count, max(1, $columns // _root($count)));
    my $rows = int(($count + $columns - 1) / $columns);
    my $grid = PDL->zeroes(PDL::byte(), $channels, $columns * ($width + $gap) - $gap, $rows * ($height + $gap) - $gap) + PDL::byte(255);
    for my $i (0 .. $count - 1) {
        my ($x, $y) = (($i % $columns) * ($width + $gap), int($i / $columns) * ($height + $gap));
        $grid->slice([], [$x, $x + $width - 1], [$y, $y + $height - 1]) .= $images->slice([], [], [], "($i)");
    }
    return $grid;
}

sub _root { my ($count) = @_; my $root = int sqrt $count; return $root + ($root * $root < $count) }

sub width  { $_[0]{pixels}->dim(1) }
sub height { $_[0]{pixels}->dim(2) }

# The bytes of a PNG file.
sub png
{
    my ($self) = @_;
    my $pixels = $self->{pixels};
    my ($channels, $width, $height) = $pixels->dims;
    my $rows = ${ $pixels->copy->get_dataref };
    my $stride = $channels * $width;
    my $filtered = join '', map { "\0" . substr $rows, $_ * $stride, $stride } 0 .. $height - 1;
    return "\x89PNG\r\n\x1a\n"
        . _chunk(IHDR => pack 'NNC5', $width, $height, 8, $colour_type{$channels}, 0, 0, 0)
        . _chunk(IDAT => Compress::Zlib::compress($filtered))
        . _chunk(IEND => '');
}

sub _chunk { my ($kind, $bytes) = @_; return pack('N', length $bytes) . "$kind$bytes" . pack 'N', Compress::Zlib::crc32("$kind$bytes") }

sub write
{
    my ($self, $path) = @_;
    open my $file, '>:raw', $path or _fail("$path: $!");
    local $\;
    print $file $self->png;
    close $file or _fail("$path: $!");
    return $self;
}

sub to_html
{
    my ($self) = @_;
    return sprintf qq{<img width="%d" height="%d" src="data:image/png;base64,%s"/>\n}, $self->width, $self->height, MIME::Base64::encode($self->png, '');
}

sub iperl_data_representations
{
    my ($self) = @_;
    return AI::MXNet::Notebook::representations($self->to_html, 'a picture of ' . $self->width . 'x' . $self->height . ' pixels');
}

sub _fail { AI::MXNet::Error::fail('Picture: ', @_) }

1;

__END__

=head1 NAME

AI::MXNet::Picture - arrays as pictures

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Picture;
    use File::Temp qw(tempdir);

    my $folder = tempdir(CLEANUP => 1);
    my $images = nd->random->uniform(shape => [12, 1, 28, 28]);
    my $picture = AI::MXNet::Picture->new($images, layout => 'NCHW', columns => 4, scale => 2);
    $picture->write("$folder/digits.png");
    print $picture->width, 'x', $picture->height, "\n";    # 227x170

=head1 DESCRIPTION

Images in an array, one or several side by side, as a PNG file or in a notebook. Needs nothing but Perl.

=head1 METHODS

=head2 new

    my $grey = AI::MXNet::Picture->new(nd->ones([20, 30]) / 2);

Takes an NDArray, a part of one, or a piddle, whose dimensions are in the opposite order.

=over 4

=item layout

The axes: H height, W width, C channels (1 grey, 2 grey and opacity, 3 colours, 4 colours and opacity), N images, in any
order. Not given: HW, HWC or NHWC by the number of axes.

=item range

The numbers of black and white. Not given: 0 and 255 for uint8, 0 and 1 for other types. What is beyond them is black or
white; nan is black.

=item columns

How many images there are in a row. Not given: as many as there are rows.

=item scale

How many pixels wide and high a pixel is to be, 1 if not given.

=item gap

How many pixels are between images, 1 if not given.

=back

=head2 write

    $picture->write("$folder/again.png");

Writes a PNG file. Returns the picture.

=head2 png

The bytes of such a file.

=head2 width, height

In pixels.

=head2 to_html

An HTML element that has the picture in it.

=head2 iperl_data_representations

What IPerl shows.

=head1 SEE ALSO

L<AI::MXNet::Image> to read and change images, L<AI::MXNet::Chart>, L<AI::MXNet::Prompt>

=cut

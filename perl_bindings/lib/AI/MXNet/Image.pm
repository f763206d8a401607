package AI::MXNet::Image;
# Images: files, sizes, parts. POD at the end.
use strict;
use warnings;
use List::Util ();
use Scalar::Util qw(blessed);
use AI::MXNet::DType;
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::NDArray::Base;
use AI::MXNet::NS;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

# -- the operators _image_x as x -----------------------------------------------------------------------------------

sub nd      {'AI::MXNet::Image::NDArray'}
sub ndarray {'AI::MXNet::Image::NDArray'}
sub sym     { AI::MXNet::NS::load('AI/MXNet/Symbol.pm'); return AI::MXNet::Symbol->image }
sub symbol  { AI::MXNet::NS::load('AI/MXNet/Symbol.pm'); return AI::MXNet::Symbol->image }

AI::MXNet::NDArray::Base::install('AI::MXNet::Image::NDArray', '_image_');

sub _fail { goto &AI::MXNet::Error::fail }

# -- files ---------------------------------------------------------------------------------------------------------

sub imread
{
    my ($class, $file, @options) = @_;
    my %options = (flag => 1, to_rgb => 1, AI::MXNet::NDArray::_named('imread', [qw(flag to_rgb out)], @options));
    return AI::MXNet::NDArray->_cvimread({ filename => AI::MXNet::NDArray::_absolute_text($file), _given(%options) });
}

sub imdecode
{
    my ($class, $buffer, @options) = @_;
    my %options = (flag => 1, to_rgb => 1, AI::MXNet::NDArray::_named('imdecode', [qw(flag to_rgb out)], @options));
    return AI::MXNet::NDArray->_cvimdecode(_bytes($buffer), { _given(%options) });
}

sub imresize
{
    my ($class, $image, $width, $height, $interp) = @_;
    return AI::MXNet::NDArray->_cvimresize($image, { w => $width, h => $height, interp => $interp // 2 });
}

# The options without an `out` that is none.
sub _given { my (%options) = @_; delete $options{out} unless defined $options{out}; return %options }

# The bytes of a file (a string, a piddle or an array) as a uint8 array.
sub _bytes
{
    my ($buffer) = @_;
    return $buffer if blessed $buffer and $buffer->isa('AI::MXNet::NDArray');
    if (not ref $buffer) {
        _fail('the bytes of an image file are wanted, but got ', defined $buffer ? length $buffer ? 'wide characters' : 'an empty string' : 'undef')
            unless length $buffer and utf8::downgrade($buffer, 1);
        $buffer = AI::MXNet::DType::_piddle(PDL::byte(), \$buffer, length $buffer);
    }
    return AI::MXNet::NDArray->array($buffer, dtype => 'uint8');
}

# -- sizes and parts -----------------------------------------------------------------------------------------------

# The height and width of an image.
sub _size
{
    my ($image) = @_;
    AI::MXNet::Error::expect('an image is an NDArray [height, width, channels]', 'AI::MXNet::NDArray', $image);
    return @{ $image->shape }[0, 1];
}

# The largest size of these proportions within a size; both are [width, height].
sub scale_down
{
    my ($class, $within, $size) = @_;
    AI::MXNet::Error::expect('a size is [width, height]', ARRAY => $within, $size);
    my ($width, $height) = @$size;
    ($width, $height) = ($width * $within->[1] / $height, $within->[1]) if $within->[1] < $height;
    ($width, $height) = ($within->[0], $height * $within->[0] / $width) if $within->[0] < $width;
    return (int $width, int $height);
}

sub resize_short
{
    my ($class, $image, $size, $interp) = @_;
    my ($height, $width) = _size($image);
    my ($new_width, $new_height) = $height > $width ? ($size, int($size * $height / $width)) : (int($size * $width / $height), $size);
    return $class->imresize($image, $new_width, $new_height, $interp);
}

sub fixed_crop
{
    my ($class, $image, $x, $y, $width, $height, $size, $interp) = @_;
    my $part = AI::MXNet::NDArray->_image_crop($image, { x => $x, y => $y, width => $width, height => $height });
    return $part if not defined $size or $size->[0] == $width and $size->[1] == $height;
    return $class->imresize($part, @$size, $interp);
}

# A part of an image, as large as $size or as its proportions allow, brought to $size; $place tells a position of so many.
sub _crop
{
    my ($class, $image, $size, $interp, $place) = @_;
    my ($height, $width) = _size($image);
    my ($new_width, $new_height) = $class->scale_down([$width, $height], $size);
    my ($x, $y) = map { int $place->($_) } $width - $new_width, $height - $new_height;
    return ($class->fixed_crop($image, $x, $y, $new_width, $new_height, $size, $interp), [$x, $y, $new_width, $new_height]);
}

sub random_crop { my ($class, $image, $size, $interp) = @_; return $class->_crop($image, $size, $interp, sub { rand($_[0] + 1) }) }
sub center_crop { my ($class, $image, $size, $interp) = @_; return $class->_crop($image, $size, $interp, sub { $_[0] / 2 }) }

sub random_size_crop
{
    my ($class, $image, $size, $min_area, $ratio, $interp) = @_;
    my ($height, $width) = _size($image);
    for (1 .. 10) {
        my $area = $width * $height * ($min_area + rand(1 - $min_area));
        my $proportion = $ratio->[0] + rand($ratio->[1] - $ratio->[0]);
        my ($new_width, $new_height) = map { int(sqrt($_) + 0.5) } $area * $proportion, $area / $proportion;
        ($new_width, $new_height) = ($new_height, $new_width) if rand() < 0.5;
        next if $new_width > $width or $new_height > $height or !$new_width or !$new_height;
        my ($x, $y) = (int rand($width - $new_width + 1), int rand($height - $new_height + 1));
        return ($class->fixed_crop($image, $x, $y, $new_width, $new_height, $size, $interp), [$x, $y, $new_width, $new_height]);
    }
    return $class->random_crop($image, $size, $interp);
}

sub color_normalize
{
    my ($class, $image, $mean, $std) = @_;
    AI::MXNet::Error::expect('color_normalize takes an image, which is an NDArray', 'AI::MXNet::NDArray', $image);
    _fail('color_normalize takes the mean of the colours, but got undef') unless defined $mean;
    $image -= _colours($mean);
    $image /= _colours($std) if defined $std;
    return $image;
}

# A number, or a number for each channel, as arithmetic with images takes it.
sub _colours
{
    my ($value) = @_;
    return $value if not ref $value or blessed $value and $value->isa('AI::MXNet::NDArray');
    return AI::MXNet::NDArray->array($value);
}

# -- changes: code that takes an image and returns a list of images ------------------------------------------------

sub ResizeAug { my ($class, $size, $interp) = @_; return sub { [$class->resize_short($_[0], $size, $interp)] } }

sub RandomCropAug { my ($class, $size, $interp) = @_; return sub { [($class->random_crop($_[0], $size, $interp))[0]] } }
sub CenterCropAug { my ($class, $size, $interp) = @_; return sub { [($class->center_crop($_[0], $size, $interp))[0]] } }

sub RandomSizedCropAug
{
    my ($class, $size, $min_area, $ratio, $interp) = @_;
    return sub { [($class->random_size_crop($_[0], $size, $min_area, $ratio, $interp))[0]] };
}

sub RandomOrderAug
{
    my ($class, $changes) = @_;
    return sub {
        my @images = @_;
        for my $change (List::Util::shuffle(@$changes)) { @images = map { @{ $change->($_) } } @images }
        return \@images;
    };
}

sub ColorJitterAug
{
    my ($class, $brightness, $contrast, $saturation) = @_;
    my $luma = AI::MXNet::NDArray->array([[[0.299, 0.587, 0.114]]]);
    my $factor = sub { 1 - $_[0] + rand(2 * $_[0]) };
    my @changes;
    push @changes, sub { [$_[0] * $factor->($brightness)] } if $brightness > 0;
    push @changes, sub {
        my ($image) = @_;
        my $alpha = $factor->($contrast);
        my ($height, $width) = _size($image);
        return [$image * $alpha + ($image * $luma)->sum(axis => [0, 1, 2], keepdims => 1) * ((1 - $alpha) / ($height * $width))];
    } if $contrast > 0;
    push @changes, sub {
        my ($image) = @_;
        my $alpha = $factor->($saturation);
        return [$image * $alpha + ($image * $luma)->sum(axis => 2, keepdims => 1) * (1 - $alpha)];
    } if $saturation > 0;
    return $class->RandomOrderAug(\@changes);
}

sub LightingAug
{
    my ($class, $alphastd, $eigval, $eigvec) = @_;
    my ($values, $vectors) = map { _colours($_) } $eigval, $eigvec;
    return sub {
        my $alpha = AI::MXNet::NDArray->_random_normal(loc => 0, scale => $alphastd, shape => [3]);
        return [$_[0] + AI::MXNet::NDArray->dot($vectors * $alpha, $values)];
    };
}

sub ColorNormalizeAug
{
    my ($class, $mean, $std) = @_;
    ($mean, $std) = map { defined $_ ? _colours($_) : undef } $mean, $std;
    return sub { [$class->color_normalize($_[0], $mean, $std)] };
}

sub HorizontalFlipAug { my ($class, $p) = @_; return sub { [rand() < $p ? AI::MXNet::NDArray->flip($_[0], axis => 1) : $_[0]] } }

sub CastAug { return sub { [$_[0]->astype('float32')] } }

# Of the colours of ImageNet: their means and deviations, and the lengths and directions of their principal axes
my @MEAN = (123.68, 116.28, 103.53);
my @STD  = (58.395, 57.12, 57.375);
my @EIGVAL = (55.46, 4.794, 1.148);
my @EIGVEC = ([-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]);

sub CreateAugmenter
{
    my ($class, @options) = @_;
    my %o = (
        inter_method => 2, (map { $_ => 0 } qw(resize rand_crop rand_resize rand_mirror brightness contrast saturation pca_noise)),
        AI::MXNet::NDArray::_named('CreateAugmenter', [qw(
            data_shape resize rand_crop rand_resize rand_mirror mean std brightness contrast saturation pca_noise inter_method)], @options),
    );
    _fail('CreateAugmenter needs data_shape => [channels, height, width]') unless ref $o{data_shape} eq 'ARRAY' and @{ $o{data_shape} } == 3;
    _fail('CreateAugmenter: rand_resize wants rand_crop, too') if $o{rand_resize} and not $o{rand_crop};
    my $size = [@{ $o{data_shape} }[2, 1]];
    my @list;
    push @list, $class->ResizeAug($o{resize}, $o{inter_method}) if $o{resize} > 0;
    push @list, $o{rand_resize} ? $class->RandomSizedCropAug($size, 0.3, [3 / 4, 4 / 3], $o{inter_method})
        : $o{rand_crop} ? $class->RandomCropAug($size, $o{inter_method}) : $class->CenterCropAug($size, $o{inter_method});
    push @list, $class->HorizontalFlipAug(0.5) if $o{rand_mirror};
    push @list, $class->CastAug;
    push @list, $class->ColorJitterAug(@o{qw(brightness contrast saturation)}) if $o{brightness} or $o{contrast} or $o{saturation};
    push @list, $class->LightingAug($o{pca_noise}, \@EIGVAL, \@EIGVEC) if $o{pca_noise} > 0;
    # a plain true value stands for ImageNet's
    my ($mean, $std) = map { my ($value, $known) = @$_; defined $value && !ref $value ? $value ? $known : undef : $value } [$o{mean}, \@MEAN], [$o{std}, \@STD];
    push @list, $class->ColorNormalizeAug($mean, $std) if defined $mean and defined $std;
    return \@list;
}

sub ImageIter { my ($class, @arguments) = @_; return AI::MXNet::ImageIter->new(@arguments) }

# nd->imdecode: an image as planes of colours, less the mean; into one of several of a batch.
sub _imdecode_planes
{
    my ($class, $buffer, @options) = @_;
    my %options = (clip_rect => [0, 0, 0, 0], index => 0, channels => 3,
        AI::MXNet::NDArray::_named('imdecode', [qw(clip_rect out index channels mean)], @options));
    _fail("nd->imdecode: channels is 1 or 3, but got $options{channels}") unless $options{channels} =~ /\A[13]\z/;
    my $image = __PACKAGE__->imdecode($buffer, flag => $options{channels} == 3 ? 1 : 0);
    my ($left, $top, $right, $bottom) = @{ $options{clip_rect} };
    $image = AI::MXNet::NDArray->_image_crop($image, x => $left, y => $top, width => $right - $left, height => $bottom - $top)
        if grep {$_} @{ $options{clip_rect} };
    my $mean = $options{mean};
    my $planes = $image->transpose(axes => [2, 0, 1])->astype(defined $mean ? $mean->dtype : 'float32');
    $planes = $planes->subtract($mean) if defined $mean;
    return $planes unless defined $options{out};
    my $out = $options{out};
    return $planes->copyto($out->ndim == 4 ? $out->at($options{index}) : $out);
}

1;

__END__

=head1 NAME

AI::MXNet::Image - images: files, sizes, parts, changes

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $image  = nd->random->uniform(0, 255, shape => [6, 8, 3])->astype('uint8');    # height, width, channels
    my $small  = mx->image->imresize($image, 4, 3);                                    # width, height
    my $part   = nd->image->crop($image, x => 1, y => 0, width => 4, height => 4);
    my $tensor = nd->image->to_tensor($part);                                          # [3, 4, 4], 0 to 1
    my $input  = nd->image->normalize($tensor, mean => [0.5, 0.5, 0.5], std => [0.2, 0.2, 0.2]);
    print "@{ $input->shape }\n";

=head1 DESCRIPTION

C<< mx->image >>, also C<< mx->img >>, is this package: methods that read images and prepare them for training. An image
is an array [height, width, channels], red first.

C<< nd->image->name >> is the operator C<_image_name> of F<docs/operators.md>, which has the arguments and gradients. It
takes also a batch [n, height, width, channels]:

=over 4

=item to_tensor, normalize

Pixels to channels first, from 0 to 1; channels to given mean and standard deviation.

=item crop, resize, flip_left_right, flip_top_bottom

Cutting, scaling, mirroring.

=item adjust_lighting, random_flip_left_right, random_flip_top_bottom, random_brightness, random_contrast,
random_saturation, random_hue, random_color_jitter, random_lighting

Changes that augment training data, drawn from the generator of L<AI::MXNet::Random>.

=back

=head1 FUNCTIONS

=head2 nd, ndarray

The package that has the operators: C<< nd->image >>.

=head2 sym, symbol

The same operators on symbols, also C<< mx->sym->image >>.

=head2 imread, imdecode

    my $bytes = nd->image->encode($image, format => '.png', quality => 9);
    $image = mx->image->imdecode($bytes);
    my $grey = mx->image->imdecode($bytes->aspdl, flag => 0);    # [6, 8, 1]

The pixels of an image file of that name, or of one whose bytes are in a string, a uint8 piddle or array: uint8, with
three channels, red first, or blue first with C<< to_rgb => 0 >>; with C<< flag => 0 >> one channel, grey. C<out> is an
array of that shape to write to. JPEG, PNG, BMP, PPM, TIFF, WebP and GIF files can be read, by Python's Pillow, which
C<make setup> installs. Both wait, as the size of the image is not known before.

=head2 imresize

    $small = mx->image->imresize($image, 4, 3, 1);

To a width and a height. The fourth argument says how: 0 nearest pixel, 1 bilinear, 2 bicubic (the default), 3 area, 4
Lanczos; 9 chooses area to shrink, bicubic to enlarge.

=head2 resize_short

    $small = mx->image->resize_short($image, 4);    # [4, 5, 3]

The shorter side brought to a length, the proportions kept.

=head2 scale_down

    my ($width, $height) = mx->image->scale_down([8, 6], [10, 5]);    # 8, 4

The largest size (width, height) of the proportions of the second that is not larger than the first.

=head2 fixed_crop

    $part = mx->image->fixed_crop($image, 1, 2, 4, 3);            # x, y, width, height: [3, 4, 3]
    $part = mx->image->fixed_crop($image, 1, 2, 4, 3, [8, 6]);    # then brought to that width and height

=head2 center_crop, random_crop

    ($part, my $where) = mx->image->center_crop($image, [4, 4]);    # $where is [x, y, width, height]

The part of a width and height in the middle, or at a random place. Where the image is too small, the largest part of those
proportions, brought to that size.

=head2 random_size_crop

    ($part, $where) = mx->image->random_size_crop($image, [4, 4], 0.5, [3 / 4, 4 / 3]);

A random part, of at least so much of the area and of proportions in a range, brought to a size.

=head2 color_normalize

    my $normal = mx->image->color_normalize($image->astype('float32'), nd->array([120, 115, 100]), nd->array([58, 57, 57]));

Subtracts a mean from the image itself, and divides it by a deviation, if there is one: numbers or arrays.

=head1 CHANGES OF TRAINING DATA

Each gives code that takes an image and returns a list ref of images. Perl's C<rand> draws.

    my $changes = mx->image->CreateAugmenter(data_shape => [3, 4, 4], rand_crop => 1, rand_mirror => 1, mean => 1, std => 1);
    my @images = $image;
    for my $change (@$changes) { @images = map { @{ $change->($_) } } @images }

=head2 CreateAugmenter

A list of them for images of C<data_shape>: C<resize> (the length of the shorter side), C<rand_crop>, C<rand_resize> (with
C<rand_crop>), C<rand_mirror>, C<brightness>, C<contrast>, C<saturation>, C<pca_noise>, C<mean> and C<std> (piddles or
arrays, or 1 for ImageNet's; only both together), C<inter_method> (2, as the C<interp> of the functions above).

=head2 ResizeAug, CenterCropAug, RandomCropAug, RandomSizedCropAug, HorizontalFlipAug, CastAug

    my @list = (
        mx->image->ResizeAug(5), mx->image->CenterCropAug([4, 4]), mx->image->RandomCropAug([4, 4]),
        mx->image->RandomSizedCropAug([4, 4], 0.3, [3 / 4, 4 / 3]), mx->image->HorizontalFlipAug(0.5), mx->image->CastAug,
    );

The functions above; C<HorizontalFlipAug> exchanges left and right with a probability, C<CastAug> converts to float32.

=head2 ColorJitterAug, LightingAug, ColorNormalizeAug, RandomOrderAug

    push @list, mx->image->ColorJitterAug(0.1, 0.1, 0.1), mx->image->ColorNormalizeAug([120, 115, 100], [58, 57, 57]),
        mx->image->LightingAug(0.1, [55, 5, 1], [[-0.6, 0.7, 0.4], [-0.6, 0, -0.8], [-0.6, -0.7, 0.4]]);
    my $any_order = mx->image->RandomOrderAug([@list[4, 5]]);

Brightness, contrast and saturation times 1 plus or minus up to so much; light: principal values and directions times
normal random numbers of a deviation; mean and deviation of colours; several changes, in another order for each image.
Images are to be of float32.

=head1 ITERATOR

=head2 ImageIter

    my $file = "/tmp/picture-$$.png";
    open my $handle, '>:raw', $file or die $!;
    print $handle ${ $bytes->aspdl->get_dataref };
    close $handle;
    my $train = mx->image->ImageIter(
        batch_size => 2, data_shape => [3, 4, 4],
        imglist => [[0, $file], [1, $file]],    # label or labels, and path
        kwargs  => { rand_mirror => 1 },
    );
    print $_->data->[0], "\n" for @$train;
    unlink $file;

An L<AI::MXNet::IO> iterator over images: of a record file C<path_imgrec>, with its index C<path_imgidx>; of files named in
a list C<path_imglist> (lines of key, labels, path, with tabs between them) or C<imglist> (as above, or a hash of those by
number), below C<path_root>. C<data_shape>, [channels, height, width], and C<batch_size> are required. C<aug_list> is a list
of changes; without it C<kwargs> has the options for L</CreateAugmenter>. C<label_width> (1) is the number of labels,
C<shuffle> gives another order in each epoch, C<num_parts> and C<part_index> choose a part; the latter need an index or a
list. C<data_name> and C<label_name> are those of L<AI::MXNet::IO>. The last batch is filled up with zeros. Images that
cannot be decoded are left out, with a message. C<next_sample> gives label and bytes of one image.

=head1 SEE ALSO

L<AI::MXNet::NDArray>, L<AI::MXNet::RecordIO>, L<AI::MXNet::IO>

=cut

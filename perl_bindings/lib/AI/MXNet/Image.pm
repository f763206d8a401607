package AI::MXNet::Image;
# Images: files, sizes, parts. POD at the end.
use strict;
use warnings;
use Scalar::Util qw(blessed);
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::NDArray::Base;
use AI::MXNet::NS;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

# -- the operators _image_x as x -----------------------------------------------------------------------------------

sub nd      {'AI::MXNet::Image::NDArray'}
sub ndarray {'AI::MXNet::Image::NDArray'}

AI::MXNet::NDArray::Base::install('AI::MXNet::Image::NDArray', '_image_');

sub _fail { goto &AI::MXNet::Error::fail }

# -- files ---------------------------------------------------------------------------------------------------------

sub imread
{
    my ($class, $file, @options) = @_;
    my %options = (flag => 1, to_rgb => 1, AI::MXNet::NDArray::_named('imread', [qw(flag to_rgb out)], @options));
    return AI::MXNet::NDArray->_cvimread({ filename => AI::MXNet::NDArray::_absolute($file), _given(%options) });
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
        my $bytes = PDL->new_from_specification(PDL::byte(), length $buffer);
        ${ $bytes->get_dataref } = $buffer;
        $bytes->upd_data;
        $buffer = $bytes;
    }
    return AI::MXNet::NDArray->array($buffer, dtype => 'uint8');
}

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

=head1 SEE ALSO

L<AI::MXNet::NDArray>, L<AI::MXNet::RecordIO>

=cut

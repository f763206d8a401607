package AI::MXNet::Image;
# mx->nd->image: the operators _image_x as x.
use strict;
use warnings;
use AI::MXNet::NDArray::Base;

sub nd      {'AI::MXNet::Image::NDArray'}
sub ndarray {'AI::MXNet::Image::NDArray'}

AI::MXNet::NDArray::Base::install('AI::MXNet::Image::NDArray', '_image_');

1;

__END__

=head1 NAME

AI::MXNet::Image - operators on images

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $image  = nd->random->uniform(0, 255, shape => [6, 8, 3])->astype('uint8');    # height, width, channels
    my $part   = nd->image->crop($image, x => 1, y => 0, width => 4, height => 4);
    my $tensor = nd->image->to_tensor($part);                                         # [3, 4, 4], 0 to 1
    my $input  = nd->image->normalize($tensor, mean => [0.5, 0.5, 0.5], std => [0.2, 0.2, 0.2]);
    print "@{ $input->shape }\n";

=head1 DESCRIPTION

C<< nd->image->name >> is the operator C<_image_name> of F<docs/operators.md>, which has the arguments and gradients.
An image is an array [height, width, channels], a batch [n, height, width, channels].

=over 4

=item to_tensor, normalize

Pixels to channels first, from 0 to 1; channels to given mean and standard deviation.

=item crop, resize, flip_left_right, flip_top_bottom

Cutting, scaling, mirroring.

=item adjust_lighting, random_flip_left_right, random_flip_top_bottom, random_brightness, random_contrast,
random_saturation, random_hue, random_color_jitter, random_lighting

Changes that augment training data, drawn from the generator of L<AI::MXNet::Random>.

=back

Reading image files is to come.

=head1 FUNCTIONS

=head2 nd, ndarray

The package that has the operators: C<< nd->image >>.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut

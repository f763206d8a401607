package AI::MXNet::Image;
# mx->nd->image: the operators _image_x as x.
use strict;
use warnings;
use AI::MXNet::NDArray::Base;

sub nd      {'AI::MXNet::Image::NDArray'}
sub ndarray {'AI::MXNet::Image::NDArray'}

AI::MXNet::NDArray::Base::install('AI::MXNet::Image::NDArray', '_image_');

1;

package AI::MXNet::Contrib;
# mx->contrib and mx->nd->contrib: the operators _contrib_x as x.
use strict;
use warnings;
use AI::MXNet::NDArray::Base;

sub nd      {'AI::MXNet::Contrib::NDArray'}
sub ndarray {'AI::MXNet::Contrib::NDArray'}

AI::MXNet::NDArray::Base::install('AI::MXNet::Contrib::NDArray', '_contrib_');

1;

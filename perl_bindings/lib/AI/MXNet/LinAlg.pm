package AI::MXNet::LinAlg;
# mx->linalg and mx->nd->linalg: the operators _linalg_x as x.
use strict;
use warnings;
use AI::MXNet::NDArray::Base;

sub nd      {'AI::MXNet::LinAlg::NDArray'}
sub ndarray {'AI::MXNet::LinAlg::NDArray'}

AI::MXNet::NDArray::Base::install('AI::MXNet::LinAlg::NDArray', '_linalg_');

1;

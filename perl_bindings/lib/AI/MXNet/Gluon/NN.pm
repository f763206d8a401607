package AI::MXNet::Gluon::NN;
# The namespace of layers: nn->Dense(10). POD at the end.
use strict;
use warnings;
use AI::MXNet::NS;
use AI::MXNet::Gluon;
use AI::MXNet::Gluon::NN::Activations;
use AI::MXNet::Gluon::NN::BasicLayers;
use AI::MXNet::Gluon::NN::Containers;
use AI::MXNet::Gluon::NN::ConvLayers;
use AI::MXNet::Gluon::NN::Norms;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

1;

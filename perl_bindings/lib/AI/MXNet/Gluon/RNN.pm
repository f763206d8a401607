package AI::MXNet::Gluon::RNN;
# The namespace of recurrent layers and cells: gluon->rnn->LSTM(128). POD at the end.
use strict;
use warnings;
use AI::MXNet::NS;
use AI::MXNet::Gluon;
use AI::MXNet::Gluon::RNN::Cell;
use AI::MXNet::Gluon::RNN::Layer;
use AI::MXNet::Gluon::RNN::Modifiers;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

1;

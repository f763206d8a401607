package AI::MXNet::Gluon::Data;
# The namespace gluon->data: datasets, samplers and the DataLoader. POD at the end.
use strict;
use warnings;
use AI::MXNet ();
use AI::MXNet::Gluon::Data::Set;
use AI::MXNet::Gluon::Data::Sampler;
use AI::MXNet::Gluon::Data::Loader;

sub vision { require AI::MXNet::Gluon::Data::Vision; return 'AI::MXNet::Gluon::Data::Vision' }

1;

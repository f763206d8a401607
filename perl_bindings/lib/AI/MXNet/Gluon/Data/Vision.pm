package AI::MXNet::Gluon::Data::Vision;
# The namespace gluon->data->vision: datasets of images. POD at the end.
use strict;
use warnings;
use AI::MXNet ();
use AI::MXNet::Gluon::Data::Vision::Downloaded;
use AI::MXNet::Gluon::Data::Vision::Images;

sub transforms { require AI::MXNet::Gluon::Data::Vision::Transforms; return 'AI::MXNet::Gluon::Data::Vision::Transforms' }

# A path whose ~ is the home folder, as in the default roots.
sub _expanded { my ($path) = @_; return $path =~ s{\A~(?=/|\z)}{$ENV{HOME} // (getpwuid $<)[7]}er }

1;

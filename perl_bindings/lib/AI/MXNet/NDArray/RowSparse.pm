package AI::MXNet::NDArray::RowSparse;
# Arrays of which few rows are not zero, such as gradients of embeddings. POD at the end.
use strict;
use warnings;
use AI::MXNet::NDArray::Sparse;
our @ISA = ('AI::MXNet::NDArray::Sparse');

sub data    { $_[0]->_part('data') }
sub indices { $_[0]->_part('indices') }
sub _parts  { map { $_[0]->_part($_) } qw(data indices) }

sub slice { AI::MXNet::Error::fail("Not implemented: slice of a row_sparse array; retain keeps rows, tostype('default') is a dense array") }

1;

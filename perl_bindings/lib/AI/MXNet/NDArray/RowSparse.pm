package AI::MXNet::NDArray::RowSparse;
# Arrays of which few rows are not zero, such as gradients of embeddings. POD at the end.
use strict;
use warnings;
our @ISA = ('AI::MXNet::NDArray::Sparse');

sub data    { $_[0]->_part('data') }
sub indices { $_[0]->_part('indices') }
sub _parts  { map { $_[0]->_part($_) } qw(data indices) }

sub slice { AI::MXNet::Error::fail("Not implemented: slice of a row_sparse array; retain keeps rows, tostype('default') is a dense array") }

require AI::MXNet::NDArray::Sparse;

1;

__END__

=head1 NAME

AI::MXNet::NDArray::RowSparse - arrays of which few rows are not zero

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $rows = nd->sparse->row_sparse_array([[[1, 2], [3, 4]], [0, 3]], shape => [5, 2]);
    print $rows->data->aspdl;                            # [[1 2] [3 4]]
    print $rows->indices->aspdl, "\n";                   # [0 3]
    print $rows->retain(nd->array([3]))->aspdl;          # row 3 is [3 4], all others are zero

=head1 DESCRIPTION

Rows C<indices> hold C<data>; all others are zero. Gradients of embeddings and of weights that CSR matrices are multiplied
with are of this kind, and optimizers given such a gradient update its rows only (C<sgd_update>, C<sgd_mom_update> and
C<adam_update> unless C<< lazy_update => 0 >>; C<adagrad_update>; C<group_adagrad_update>; C<ftrl_update>, if weight and
states are row_sparse, too). See L<AI::MXNet::NDArray::Sparse>.

=head1 METHODS

=head2 data, indices

Copies of the rows that are stored, in the dtype of the array, and of their numbers, int64.

=head2 retain

The operator: C<< $rows->retain($numbers) >> keeps the rows with these numbers.

=head2 slice

Dies: not implemented.

=head1 SEE ALSO

L<AI::MXNet::NDArray::Sparse>, L<AI::MXNet::NDArray>

=cut

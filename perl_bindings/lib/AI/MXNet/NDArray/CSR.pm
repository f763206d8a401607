package AI::MXNet::NDArray::CSR;
# Matrices in compressed sparse row format. POD at the end.
use strict;
use warnings;
our @ISA = ('AI::MXNet::NDArray::Sparse');

sub data    { $_[0]->_part('data') }
sub indices { $_[0]->_part('indices') }
sub indptr  { $_[0]->_part('indptr') }
sub _parts  { map { $_[0]->_part($_) } qw(data indices indptr) }

# Rows, inclusive as everywhere in 1.6; or the operator, with begin and end.
sub slice : lvalue
{
    my ($self, @indices) = @_;
    my $operator = AI::MXNet::Operators::row('slice');
    my $result;
    if (@indices and not ref $indices[0] and $indices[0] =~ /\A(?:begin|end|step)\z/) { $result = AI::MXNet::Operators::call($operator, $self, @indices) }
    else {
        AI::MXNet::Error::fail('a csr array is sliced by rows only: slice takes one index or range, but got ', scalar @indices) if @indices != 1;
        my ($begin, $end) = AI::MXNet::NDArray::_bounds($self->{type}{shape}, @indices);
        $result = AI::MXNet::Operators::invoke($operator, [$self], { begin => $begin, end => $end });
    }
    $result;
}

sub set
{
    my ($self, $value) = @_;
    AI::MXNet::Error::fail('Assigning numeric types to ', ref $self, ' is not implemented') if defined $value and not ref $value;
    return $self->SUPER::set($value);
}

# The same matrix as a PDL::CCS::Nd, which lists columns first, as piddles do.
sub aspdlccs
{
    my ($self) = @_;
    AI::MXNet::NS::load('PDL/CCS/Nd.pm');
    my ($data, $indices, $indptr) = map { $_->aspdl } $self->_parts;
    my ($rows, $columns) = @{ $self->shape };
    # it makes nothing of no values
    return PDL->zeroes($data->type, $columns, $rows)->toccs unless $data->nelem;
    my $row_of_each = PDL::rld($indptr->slice('1:-1') - $indptr->slice('0:-2'), PDL->sequence(PDL::longlong(), $rows));
    my $places = PDL::cat($indices, $row_of_each)->xchg(0, 1);
    return PDL::CCS::Nd->newFromWhich($places->convert(PDL::indx()), $data, pdims => PDL->pdl(PDL::indx(), $columns, $rows));
}

require AI::MXNet::NDArray::Sparse;

1;

__END__

=head1 NAME

AI::MXNet::NDArray::CSR - matrices in compressed sparse row format

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $csr = nd->array([[1, 0, 2], [0, 0, 3]])->tostype('csr');
    print $csr->data->aspdl, "\n";       # [1 2 3]
    print $csr->indices->aspdl, "\n";    # [0 2 2]
    print $csr->indptr->aspdl, "\n";     # [0 2 3]
    print $csr->slice(1)->aspdl;         # [[0 0 3]]

=head1 DESCRIPTION

Row i holds C<data[indptr[i] .. indptr[i + 1] - 1]> in the columns that C<indices> has at these positions; all other
elements are zero. See L<AI::MXNet::NDArray::Sparse> for how such arrays are made and what operators do with them.

=head1 METHODS

=head2 data, indices, indptr

Copies of the parts: vectors of the stored values, in the dtype of the matrix; of their columns, int64; of where each row
begins, int64, with the number of values at the end.

=head2 slice

    my $first = $csr->slice([0, 0]);                                # rows 0 to 0, as a CSR
    my $block = $csr->slice(begin => [0, 1], end => [2, 3]);        # the operator: rows and columns, ends excluded

Rows: an index or a range, inclusive and from the end if negative. It is a copy.

=head2 set

    $csr .= nd->ones([2, 3]);    # a dense array, a piddle or a list: its values are stored as CSR

Numbers die.

=head2 aspdlccs

The matrix as a L<PDL::CCS::Nd> of dims (columns, rows). PDL::CCS is loaded when this is first called.

=head1 SEE ALSO

L<AI::MXNet::NDArray::Sparse>, L<AI::MXNet::NDArray>

=cut

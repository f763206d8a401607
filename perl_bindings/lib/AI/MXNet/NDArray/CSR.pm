package AI::MXNet::NDArray::CSR;
# Matrices in compressed sparse row format. POD at the end.
use strict;
use warnings;
use AI::MXNet::NDArray::Sparse;
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
        my ($begin, $end) = AI::MXNet::NDArray::_range($indices[0], $self->len, 0);
        $result = AI::MXNet::Operators::invoke($operator, [$self], { begin => [$begin], end => [$end + 1] });
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
    require PDL::CCS::Nd;
    my ($data, $indices, $indptr) = map { $_->aspdl } $self->_parts;
    my ($rows, $columns) = @{ $self->shape };
    # it makes nothing of no values
    return PDL->zeroes($data->type, $columns, $rows)->toccs unless $data->nelem;
    my $row_of_each = PDL::rld($indptr->slice('1:-1') - $indptr->slice('0:-2'), PDL->sequence(PDL::longlong(), $rows));
    my $places = PDL::cat($indices, $row_of_each)->xchg(0, 1);
    return PDL::CCS::Nd->newFromWhich($places->convert(PDL::indx()), $data, pdims => PDL->pdl(PDL::indx(), $columns, $rows));
}

1;

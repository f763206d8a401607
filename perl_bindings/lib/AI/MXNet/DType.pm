package AI::MXNet::DType;
# Dtypes: MXNet's names and numbers, and the PDL types that hold them. Mapped by name, because PDL renumbers its types.
use strict;
use warnings;
use PDL::Core ();
use PDL::Types ();
use Scalar::Util ();
use AI::MXNet::Error;

# name => [MXNet's number, PDL type, letter of Perl's pack]. PDL has no half precision: float holds it.
my %dtypes = (
    float32 => [0, 'float',    'f'],
    float64 => [1, 'double',   'd'],
    float16 => [2, 'float',    'S'],
    uint8   => [3, 'byte',     'C'],
    int32   => [4, 'long',     'l'],
    int8    => [5, 'sbyte',    'c'],
    int64   => [6, 'longlong', 'q'],
    bool    => [7, 'byte',     'C'],
);
my %pdl_types = map { ("$_" => $_) } PDL::Types::types();
my %by_pdl = (float => 'float32', double => 'float64', byte => 'uint8', long => 'int32', sbyte => 'int8', longlong => 'int64', indx => 'int64');

sub names { sort { $dtypes{$a}[0] <=> $dtypes{$b}[0] } grep { $_ ne 'bool' } keys %dtypes }
sub number { $dtypes{ $_[0] }[0] }
sub letter { $dtypes{ $_[0] }[2] }

# The enumeration value of the PDL type that holds a dtype.
sub pdl_type { $pdl_types{ $dtypes{ $_[0] }[1] }->enum }

# A piddle of a PDL type (or its enumeration value) and of these dims, with the bytes that a reference is to.
sub _piddle
{
    my ($type, $bytes, @dims) = @_;
    my $piddle = PDL->new_from_specification(ref $type ? $type : PDL::Type->new($type), @dims);
    ${ $piddle->get_dataref } = $$bytes;
    $piddle->upd_data;
    return $piddle;
}

# A piddle without dimensions as its number, which `sum` and `max` of older PDLs gave; anything else as it is.
sub scalar_of
{
    my ($value) = @_;
    return Scalar::Util::blessed($value) && $value->isa('PDL') && !$value->ndims ? $value->sclr : $value;
}

# The dtype that a piddle's type is, by name; undef where MXNet has none.
sub of_pdl { $by_pdl{ $_[0]->type } }

# The dtype of that name, or an error that lists what there is.
sub check
{
    my ($dtype) = @_;
    AI::MXNet::Error::fail("dtype must be one of ", join(', ', names()), ", but got '", $dtype // 'undef', "'")
        unless defined $dtype and exists $dtypes{$dtype} and $dtype ne 'bool';
    return $dtype;
}

1;

__END__

=head1 NAME

AI::MXNet::DType - types of elements

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    print join(' ', AI::MXNet::DType::names()), "\n";    # float32 float64 float16 uint8 int32 int8 int64
    print nd->ones([2], dtype => 'int32')->aspdl->type, "\n";    # long

=head1 DESCRIPTION

The dtypes are known by name. They are mapped to PDL's types by name as well, since PDL has renumbered its own more than
once; F<docs/types.md> has the tables. Two arrays of different dtypes do not mix: convert one with
C<< $x->astype($dtype) >>.

=head1 FUNCTIONS

=head2 names

All dtypes, in the order of MXNet's numbers.

=head2 number, letter

    my $number = AI::MXNet::DType::number('int32');    # 4
    my $letter = AI::MXNet::DType::letter('int32');    # l

MXNet's number of a dtype, and the letter for Perl's C<pack>.

=head2 pdl_type, of_pdl

    my $type  = AI::MXNet::DType::pdl_type('int32');               # the number of PDL's long
    my $dtype = AI::MXNet::DType::of_pdl(nd->ones([1])->aspdl);    # float32

The PDL type that holds a dtype, and the dtype of a piddle's type; undef if MXNet has none.

=head2 check

    my $checked = AI::MXNet::DType::check('float64');

The name itself; dies if it is no dtype.

=head2 scalar_of

    my $rate = AI::MXNet::DType::scalar_of(PDL->pdl(0.5));    # 0.5

The number of a piddle without dimensions; any other value as it is. The methods C<sum>, C<max> and such of newer PDLs
give such piddles, where programs expect the numbers of older ones.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut

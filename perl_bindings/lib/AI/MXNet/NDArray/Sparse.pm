package AI::MXNet::NDArray::Sparse;
# What csr and row_sparse arrays have in common, and how they are made: nd->sparse. POD at the end.
use strict;
use warnings;
use Scalar::Util qw(blessed);
use AI::MXNet::DType;
use AI::MXNet::NDArray;
use AI::MXNet::NDArray::Base;
our @ISA = ('AI::MXNet::NDArray::Sparse::Operators', 'AI::MXNet::NDArray');

my %classes = (csr => 'AI::MXNet::NDArray::CSR', row_sparse => 'AI::MXNet::NDArray::RowSparse');

sub class_of { $classes{ $_[0] } }

sub _fail { goto &AI::MXNet::Error::fail }
sub _row { AI::MXNet::Operators::row($_[0]) }

# -- arithmetic --------------------------------------------------------------------------------------------------------

# Of arrays of one shape: operators that keep storage types, where there are such.
my %of_one_shape = map { ("broadcast_$_" => "elemwise_$_") } qw(add sub mul div);

# Two arrays, of which one is sparse at least.
sub _beside
{
    my (undef, $row, $lhs, $rhs) = @_;
    my $name = $of_one_shape{ $row->{name} };
    $row = _row($name) if defined $name and "@{ $lhs->{type}{shape} }" eq "@{ $rhs->{type}{shape} }";
    return AI::MXNet::Operators::invoke($row, [$lhs, $rhs], {});
}

sub _arithmetic
{
    my ($symbol, $broadcast, $scalar, $reversed) = @_;
    my ($two, $number, $first) = map { _row($_) } $broadcast, $scalar, $reversed // $scalar;
    return sub {
        my ($self, $other, $swapped) = @_;
        $other = AI::MXNet::NDArray::_operand($symbol, $other);
        return $self->_beside($two, $swapped ? ($other, $self) : ($self, $other)) if ref $other;
        return AI::MXNet::Operators::invoke($swapped ? $first : $number, [$self], { scalar => $other });
    };
}

our %ARITHMETIC = map { $_ => _arithmetic($_, @{ $AI::MXNet::NDArray::ROWS{$_} }) } keys %AI::MXNet::NDArray::ROWS;

# The array itself receives the result, and stays of its storage type.
our %ASSIGNMENT = map { my $code = $ARITHMETIC{$_}; ("$_=" => sub { $code->(@_[0, 1])->copyto($_[0]) }) } qw(+ - * / %);

sub _operator { $ARITHMETIC{ $_[1] } }
sub _assigner { $ASSIGNMENT{ $_[1] } }

use overload;
overload->import((map { $_ => $ARITHMETIC{$_} } grep { !/\w/ } keys %ARITHMETIC), %ASSIGNMENT);

# -- what is otherwise than with dense arrays --------------------------------------------------------------------------

sub describe
{
    my ($self) = @_;
    return "\n<" . ref($self) . ', ' . join('x', @{ $self->{type}{shape} }) . " \@$self->{type}{ctx}>";
}

for my $name (qw(reshape size at)) {
    no strict 'refs';
    *{$name} = sub { _fail("Not implemented: $name of a ", $_[0]->stype, " array; tostype('default') is a dense one") };
}

sub coo_matrix { _fail('Not implemented: coo_matrix; csr_matrix([$data, [$rows, $columns]]) takes coordinates') }

sub astype : lvalue
{
    my ($self, $dtype) = @_;
    my $result = $self->copyto(AI::MXNet::NDArray::Sparse->zeros($self->stype, $self->shape, ctx => $self->context, dtype => $dtype));
    $result;
}

sub tostype
{
    my ($self, $stype) = @_;
    _fail('cast_storage from ', $self->stype, " to $stype is not supported: tostype('default') comes first")
        if defined $classes{ $stype // '' } and $stype ne $self->stype;
    return $self->SUPER::tostype($stype);
}

# Dies if the arrays that this one consists of do not fit together. $full: looks at the indices, too.
sub check_format
{
    my ($self, $full) = @_;
    AI::MXNet::Operators::invoke(_row('_check_format'), [$self], { full_check => $full // 1 ? 1 : 0 });
    return;
}

sub _part { AI::MXNet::Operators::invoke(_row('_part_of_sparse'), [$_[0]], { part => $_[1] }) }

sub STORABLE_freeze
{
    my ($self) = @_;
    my @piddles = map { ($_->dtype eq 'float16' ? $_->astype('float64') : $_)->aspdl } $self->_parts;
    return (join(' ', $self->stype, $self->dtype, $self->context->device_type, $self->context->device_id, @{ $self->shape }),
        map { \"${ $_->copy->get_dataref }" } @piddles);
}

sub STORABLE_thaw
{
    my ($self, undef, $head, @bytes) = @_;
    my ($stype, $dtype, $device, $id, @shape) = split ' ', $head;
    my %options = (shape => \@shape, ctx => AI::MXNet::Context::->new($device, $id));
    my ($data, @indices) = map { _thawed($_, $bytes[$_] ? ${ $bytes[$_] } : '', $_ ? 'int64' : $dtype) } 0 .. $#bytes;
    $data = $data->reshape(@shape > 1 ? (reverse @shape[1 .. $#shape]) : (), $indices[0]->nelem) if $stype eq 'row_sparse';
    my $array = $stype eq 'csr' ? __PACKAGE__->csr_matrix([$data, @indices], dtype => $dtype, %options)
        : __PACKAGE__->row_sparse_array([$data, @indices], dtype => $dtype, %options);
    %$self = %$array;
    $array->{handle} = 0;    # the handle lives on in $self
    return;
}

sub _thawed
{
    my (undef, $bytes, $dtype) = @_;
    my $type = PDL::Type->new(AI::MXNet::DType::pdl_type($dtype eq 'float16' ? 'float64' : $dtype));
    return AI::MXNet::DType::_piddle($type, \$bytes, length($bytes) / PDL::Core::howbig($type->enum));
}

# -- making sparse arrays ----------------------------------------------------------------------------------------------

sub zeros
{
    my ($class, $stype, $shape, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('zeros', [qw(ctx dtype out name __layout__)], @options);
    if (AI::MXNet::NDArray::_stype('zeros', $stype) eq 'default') { return AI::MXNet::NDArray->zeros($shape, %options) }
    AI::MXNet::NDArray::_check_shape('zeros', $shape);
    my $dtype = AI::MXNet::DType::check($options{dtype} // 'float32');
    my $ctx = AI::MXNet::Context::of($options{ctx});
    return AI::MXNet::Operators::invoke(_row('_zeros_of_stype'), [],
        { stype => $stype, shape => $shape, dtype => $dtype, ctx => "$ctx" }, $options{out});
}

sub empty { my ($class, $stype, $shape, @options) = @_; return $class->zeros($stype, $shape, @options) }

# A copy of a sparse array, or a CSR of a PDL::CCS::Nd.
sub array
{
    my ($class, $source, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('array', [qw(ctx dtype pdl)], @options);
    delete $options{pdl};
    return $class->csr_matrix($source, %options) if blessed $source and $source->isa('PDL::CCS::Nd');
    _fail('sparse->array takes a sparse array or a PDL::CCS::Nd, but got ', ref $source || $source // 'undef',
        ': csr_matrix, row_sparse_array and tostype make sparse arrays of dense ones')
        unless blessed $source and $source->isa(__PACKAGE__);
    return _copied($source, %options);
}

sub _copied
{
    my ($source, %options) = @_;
    my $ctx = AI::MXNet::Context::of($options{ctx});
    my $copy = $source->astype($options{dtype} // $source->dtype);
    return $copy->as_in_context($ctx);
}

# [data, indices, indptr], [data, [rows, columns]], [M, N], a dense source, a csr array or a PDL::CCS::Nd.
sub csr_matrix
{
    my ($class, $source, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('csr_matrix', [qw(shape ctx dtype)], @options);
    my $shape = _shape($options{shape});
    if (not defined $source) { return _nothing('csr_matrix', 'csr', $shape, %options) }
    if (blessed $source and $source->isa('PDL::CCS::Nd')) { $source = _from_ccs($source, \$shape, \%options) }
    if (ref $source ne 'ARRAY') { return _converted('csr_matrix', 'csr', $source, $shape, %options) }
    if (not grep { ref } @$source and @$source == 2) { return _nothing('csr_matrix', 'csr', $source, %options) }
    if (@$source == 3) {
        my ($data, @indices) = @$source;
        return AI::MXNet::Operators::invoke(_row('_csr_matrix'), [_values($data, %options), _indices(\%options, @indices)], { shape => $shape // [] });
    }
    _fail('csr_matrix takes [data, indices, indptr], [data, [rows, columns]] or [M, N], but got a list of ', scalar @$source)
        unless @$source == 2 and ref $source->[1] eq 'ARRAY' and @{ $source->[1] } == 2;
    my ($data, $places) = @$source;
    return AI::MXNet::Operators::invoke(_row('_csr_matrix_of_places'), [_values($data, %options), _indices(\%options, @$places)], { shape => $shape // [] });
}

# [data, indices], a shape, a dense source or a row_sparse array.
sub row_sparse_array
{
    my ($class, $source, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('row_sparse_array', [qw(shape ctx dtype)], @options);
    my $shape = _shape($options{shape});
    if (not defined $source) { return _nothing('row_sparse_array', 'row_sparse', $shape, %options) }
    if (ref $source ne 'ARRAY') { return _converted('row_sparse_array', 'row_sparse', $source, $shape, %options) }
    if (not grep { ref } @$source) { return _nothing('row_sparse_array', 'row_sparse', $source, %options) }
    _fail('row_sparse_array takes [data, indices] or a shape, but got a list of ', scalar @$source) if @$source != 2;
    my ($data, $indices) = @$source;
    return AI::MXNet::Operators::invoke(_row('_row_sparse_array'), [_values($data, %options), _indices(\%options, $indices)], { shape => $shape // [] });
}

sub _shape
{
    my ($shape) = @_;
    $shape = [$shape->list] if blessed $shape and $shape->isa('PDL');
    AI::MXNet::NDArray::_check_shape('shape', $shape) if defined $shape;
    return $shape;
}

sub _nothing
{
    my ($name, $stype, $shape, %options) = @_;
    _fail("$name needs a source or a shape") unless defined $shape;
    return __PACKAGE__->zeros($stype, $shape, map { $_ => $options{$_} } grep { defined $options{$_} } qw(ctx dtype));
}

# A dense source, or an array, in a storage type.
sub _converted
{
    my ($name, $stype, $source, $shape, %options) = @_;
    $source = $source->sever if blessed $source and $source->isa('AI::MXNet::NDArray::Slice');
    my $array = blessed $source && $source->isa(__PACKAGE__) ? _copied($source, %options) : _values($source, %options);
    _fail("$name: the shape [@$shape] was asked for, but the source has [@{ $array->shape }]")
        if defined $shape and "@$shape" ne "@{ $array->shape }";
    return $array->tostype($stype);
}

# Values as a dense array: of the dtype asked for, else of the source's, else float32.
sub _values
{
    my ($source, %options) = @_;
    my $dtype = $options{dtype} // (
        not(blessed $source) ? undef
        : $source->isa('PDL') ? AI::MXNet::DType::of_pdl($source)
        : $source->can('dtype') ? $source->dtype
        : undef) // 'float32';
    return AI::MXNet::NDArray->array($source, dtype => $dtype, defined $options{ctx} ? (ctx => $options{ctx}) : ());
}

sub _indices
{
    my ($options, @sources) = @_;
    my @ctx = defined $options->{ctx} ? (ctx => $options->{ctx}) : ();
    return map { AI::MXNet::NDArray->array($_, dtype => 'int64', @ctx) } @sources;
}

# [values, [rows, columns]] of a PDL::CCS::Nd.
sub _from_ccs
{
    my ($ccs, $shape, $options) = @_;
    my @dims = reverse $ccs->dims;
    _fail('csr_matrix takes a PDL::CCS::Nd of two dimensions whose missing value is 0, but got (', join(', ', $ccs->dims),
        ') with ', $ccs->missing->sclr) if @dims != 2 or $ccs->missing->sclr != 0;
    my $given = ${$shape};
    _fail("csr_matrix: the shape [@$given] was asked for, but the source has [@dims]") if defined $given and "@$given" ne "@dims";
    $$shape = \@dims;
    $options->{dtype} //= AI::MXNet::DType::of_pdl($ccs) // 'float32';
    my $places = $ccs->whichND;
    return [$ccs->whichVals, [$places->slice('(1)'), $places->slice('(0)')]];
}

AI::MXNet::NDArray::Base::install('AI::MXNet::NDArray::Sparse::Operators', '_sparse_');
require AI::MXNet::NDArray::CSR;
require AI::MXNet::NDArray::RowSparse;

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Sparse - arrays of which only a part is stored

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd autograd);

    my $csr = nd->sparse->csr_matrix([[1, 2, 3], [0, 2, 2], [0, 2, 3]], shape => [2, 3]);
    print $csr->aspdl;                                             # [[1 0 2] [0 0 3]]
    my $rows = nd->sparse->row_sparse_array([[[1, 2], [3, 4]], [0, 3]], shape => [5, 2]);
    print nd->sparse->dot($csr, nd->ones([3, 4]))->aspdl;          # a dense [2, 4]

    my $weight = nd->ones([1000, 8]);
    $weight->attach_grad(stype => 'row_sparse');
    my $loss;
    autograd->record(sub {
        $loss = nd->Embedding(nd->array([3, 7]), $weight, input_dim => 1000, output_dim => 8, sparse_grad => 1)->sum;
    });
    $loss->backward;                                               # the gradient has rows 3 and 7
    nd->sgd_update($weight, $weight->grad, lr => 0.1, out => $weight);    # and so does the update

=head1 DESCRIPTION

C<< nd->sparse >> is this package: it makes sparse arrays, and has the operators C<_sparse_x> as C<x>. It is also what its
two kinds have in common: L<AI::MXNet::NDArray::CSR>, matrices of which few elements are not zero, and
L<AI::MXNet::NDArray::RowSparse>, arrays of which few rows are not. Both are NDArrays: C<stype> is C<csr> or C<row_sparse>.

Every operator takes sparse arrays. Where MXNet computes on what is stored, so do we, and the result has the storage type
that it has there: functions that leave zero as it is keep it; so do products and quotients with numbers; sums,
differences and products of two arrays of one kind and shape; C<slice>, C<take> and C<concat> of rows of CSR. The product
of a CSR with a dense matrix is dense, that of its transpose RowSparse. All else is computed on dense copies and is dense.

An array keeps its storage type when it is written to: C<.=>, C<+=> and C<out> convert what they store.

=head1 FUNCTIONS

C<ctx> is the current context and C<dtype> float32 unless given. Lists may also be piddles and arrays.

=head2 csr_matrix

    my $same  = nd->sparse->csr_matrix([[1, 2, 3], [[0, 0, 1], [0, 2, 2]]]);    # values, [rows, columns]
    my $empty = nd->sparse->csr_matrix([4, 5]);                                  # all zeros
    my $of    = nd->sparse->csr_matrix(nd->ones([2, 2]), dtype => 'float64');

A CSR of [values, columns, where each row begins] (see L<AI::MXNet::NDArray::CSR>); of [values, [rows, columns]] in any
order, where what falls on one place is added up; of a shape; of a dense array, piddle or slice; of a CSR; of a
L<PDL::CCS::Nd>, whose dims are (columns, rows) as those of any piddle. C<shape> is found from the numbers if it is
not given. Of piddles and arrays the dtype is theirs. What is put together wrongly dies when it is used, or at
L</check_format>.

=head2 row_sparse_array

    my $array = nd->sparse->row_sparse_array([[[5, 6]], [1]], shape => [3, 2]);    # row 1 is [5, 6]

A RowSparse of [rows, their numbers], of a shape, of a dense source, or of a RowSparse.

=head2 zeros, empty

    my $zeros = nd->sparse->zeros('csr', [2, 3], dtype => 'float64');
    $zeros = nd->zeros([2, 3], stype => 'csr');                                    # the same in float32

=head2 array

    my $copy = nd->sparse->array($csr);

A copy of a sparse array, or a CSR of a L<PDL::CCS::Nd>. Dense sources die.

=head2 coo_matrix

Dies: C<csr_matrix> takes coordinates.

=head2 class_of

For the other modules: the package of a storage type.

=head1 METHODS

All those of L<AI::MXNet::NDArray>, with these differences.

=head2 aspdl

The dense values.

=head2 tostype

    my $plain = $csr->tostype('default');
    my $back  = $plain->tostype('csr');

Between csr and row_sparse there is no way but through C<default>.

=head2 astype

In another dtype; the storage type stays.

=head2 check_format

    $csr->check_format;

Dies unless the parts of the array fit together: shapes, and, unless a false argument is given, indices within bounds and
in strictly rising order.

=head2 describe

    print $csr->describe;    # a line feed, then <AI::MXNet::NDArray::CSR, 2x3 @cpu(0)>

=head2 reshape, size, at

Die: not implemented for sparse arrays.

=head2 STORABLE_freeze, STORABLE_thaw

For L<Storable>.

=head1 SEE ALSO

L<AI::MXNet::NDArray>, L<AI::MXNet::NDArray::CSR>, L<AI::MXNet::NDArray::RowSparse>

=cut

package AI::MXNet::NDArray::Sparse;
# What csr and row_sparse arrays have in common, and how they are made: nd->sparse. POD at the end.
use strict;
use warnings;
use base 'AI::MXNet::NDArray';
use Scalar::Util qw(blessed);
use AI::MXNet::NDArray::Base;

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
    my $piddle = PDL->new_from_specification($type, length($bytes) / PDL::Core::howbig($type->enum));
    ${ $piddle->get_dataref } = $bytes;
    $piddle->upd_data;
    return $piddle;
}

# -- making sparse arrays ----------------------------------------------------------------------------------------------

sub zeros
{
    my ($class, $stype, $shape, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('zeros', [qw(ctx dtype out name __layout__)], @options);
    if (AI::MXNet::NDArray::_stype('zeros', $stype) eq 'default') { return AI::MXNet::NDArray->zeros($shape, %options) }
    AI::MXNet::NDArray::_check_shape('zeros', $shape);
    my $dtype = AI::MXNet::DType::check($options{dtype} // 'float32');
    my $ctx = ($options{ctx} // AI::MXNet::Context::->current_ctx)->usable;
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
    my $ctx = ($options{ctx} // AI::MXNet::Context::->current_ctx)->usable;
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

AI::MXNet::NDArray::Base::install(__PACKAGE__, '_sparse_');
require AI::MXNet::NDArray::CSR;
require AI::MXNet::NDArray::RowSparse;

1;

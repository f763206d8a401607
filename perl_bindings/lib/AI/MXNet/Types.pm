package AI::MXNet::Types;
# Names of Mouse types for signatures and attributes. POD at the end.
use strict;
use warnings;
use Mouse::Util::TypeConstraints qw(as class_type enum find_type_constraint subtype where);
use Exporter qw(import);

our @EXPORT = qw(find_type_constraint enum);

my %alternatives = (
    AcceptableInput => [qw(Num PDL PDL::Matrix PDL::CCS::Nd AI::MXNet::NDArray AI::MXNet::NDArray::Slice AI::MXNet::NDArray::Sparse ArrayRef)],
    Activation      => [qw(AI::MXNet::Symbol Str CodeRef)],
    AdvancedSlice   => ['ArrayRef[ArrayRef|PDL|PDL::Matrix|AI::MXNet::NDArray]'],
    Callback        => [qw(CodeRef AI::MXNet::Callback)],
    EvalMetric      => [qw(AI::MXNet::EvalMetric Str CodeRef)],
    GluonInput      => ['AI::MXNet::NDArray', 'AI::MXNet::Symbol', 'ArrayRef[AI::MXNet::NDArray|AI::MXNet::Symbol]'],
    Index           => ['Int'],
    Initializer     => [qw(AI::MXNet::Initializer Str)],
    KVStore         => [qw(AI::MXNet::KVStore Str)],
    Metric          => ['AI::MXNet::EvalMetric', 'Str', 'CodeRef', 'ArrayRef[AI::MXNet::EvalMetric|Str|CodeRef]'],
    Optimizer       => [qw(AI::MXNet::Optimizer Str)],
    Updater         => [qw(AI::MXNet::Updater CodeRef)],
);
# What else users' attributes hold. Classes that are none of Mouse's, or are not loaded yet, have to be declared.
my @classes = (
    (map {"AI::MXNet::$_"} qw(
        Context Executor CachedOp DataBatch DataDesc DataIter NDArrayIter MXDataIter ImageIter RecordIO IndexedRecordIO
        LRScheduler InitDesc Module Module::Base Module::Bucketing BatchEndParam Monitor DataParallelExecutorGroup
        NDArray::CSR NDArray::RowSparse RNN::Cell::Base Symbol::AttrScope Symbol::NameManager)),
    (map {"AI::MXNet::Gluon::$_"} qw(
        Block HybridBlock SymbolBlock Parameter ParameterDict Trainer Loss Data::Set Data::Sampler Data::Loader::DataLoader)),
);
my %words = (
    Dtype      => [qw(float32 float64 float16 uint8 int8 int32 int64)],
    GluonClass => [qw(AI::MXNet::NDArray AI::MXNet::Symbol)],
    GradReq    => [qw(add write null)],
    KVStoreStr => [qw(local device dist dist_sync dist_async)],
    PoolType   => [qw(max avg sum)],
    Stype      => [qw(default csr row_sparse)],
    WholeDim   => ['X'],
);

# Makes the names in a type known, as classes if nothing else: Mouse refuses alternatives of classes that are not loaded.
sub _declare
{
    my ($type) = @_;
    find_type_constraint($_) // class_type($_) for $type =~ /(\w+(?:::\w+)*)/g;
    return $type;
}

_declare($_) for @classes;
subtype $_, as _declare(join '|', @{ $alternatives{$_} }) for sort keys %alternatives;
enum $_, $words{$_} for sort keys %words;
subtype DimSize   => as 'Int', where { $_ >= 0 };
subtype Shape     => as 'ArrayRef[DimSize]';
subtype Dropout   => as 'Num', where { $_ >= 0 and $_ <= 1 };
subtype Slice     => as 'ArrayRef[Index]|Index|WholeDim', where { ref ne 'ARRAY' or @$_ > 0 };
subtype NameShape => as 'ArrayRef', where { @$_ == 2 and find_type_constraint('Str')->check($_->[0]) and find_type_constraint('Shape')->check($_->[1]) };

1;

__END__

=head1 NAME

AI::MXNet::Types - names of Mouse types

=head1 SYNOPSIS

    use AI::MXNet::Types;

    print find_type_constraint('Shape')->check([2, 3]) ? "a shape\n" : "no shape\n";

    package Layer {
        use Mouse;
        use AI::MXNet::Types;
        has size    => (is => 'ro', isa => 'Shape');
        has dropout => (is => 'ro', isa => 'Dropout', default => 0);
    }

=head1 DESCRIPTION

Loading it makes these types known to Mouse, and so to the signatures of L<AI::MXNet::Function::Parameters>. It exports
C<find_type_constraint> and C<enum> of L<Mouse::Util::TypeConstraints>.

=head1 TYPES

=head2 Of arrays

C<AcceptableInput> is what may stand beside an array in arithmetic: a number, a piddle, an NDArray, a slice or a list.
C<Shape> is a list of C<DimSize>, integers from 0 on. C<Dtype>, C<Stype> (C<default>, C<csr>, C<row_sparse>) and
C<GradReq> (C<add>, C<write>, C<null>) are words. C<Index> is an integer, C<WholeDim> is C<'X'>, C<Slice> is either, or a
range. C<AdvancedSlice> is a list of lists, piddles or NDArrays. C<NameShape> is a pair of both.

=head2 Of networks

C<Dropout> is a number from 0 to 1, C<PoolType> C<max>, C<avg> or C<sum>, C<KVStoreStr> a kind of store. C<GluonInput> is
an NDArray, a symbol or a list of them, C<GluonClass> the name of one of their classes, C<Activation> a symbol, a name or
code.

=head2 Of objects, or what stands for them

C<Callback>, C<EvalMetric>, C<Initializer>, C<KVStore>, C<Metric>, C<Optimizer> and C<Updater>.

=head1 SEE ALSO

L<AI::MXNet::Function::Parameters>, L<Mouse::Util::TypeConstraints>

=cut

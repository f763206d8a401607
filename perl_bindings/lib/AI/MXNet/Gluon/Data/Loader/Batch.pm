package AI::MXNet::Gluon::Data::Loader::Batch;
# Samples become a batch: arrays with one dimension more, in whatever lists and hashes the samples are.
use strict;
use warnings;
use List::Util qw(max);
use PDL::Core ();
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::DType;
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::Operators;

# $array makes an NDArray, or what stands for it, of a piddle and a dtype. Plain numbers are of $dtype.
sub make
{
    my ($samples, $dtype, $array) = @_;
    AI::MXNet::Error::fail('a batch of no samples') unless @$samples;
    my $first = $samples->[0];
    if (blessed $first) {
        return _stack($samples) if _is_array($first);
        return _join($samples, $array) if $first->isa('PDL');
    }
    elsif (ref $first eq 'ARRAY') {
        _same('are lists of', map { ref eq 'ARRAY' ? scalar @$_ : ref || 'a number' } @$samples);
        return [map { my $i = $_; make([map { $_->[$i] } @$samples], $dtype, $array) } 0 .. $#$first];
    }
    elsif (ref $first eq 'HASH') {
        _same('are hashes of', map { ref eq 'HASH' ? join ' ', sort keys %$_ : ref || 'a number' } @$samples);
        return { map { my $key = $_; $key => make([map { $_->{$key} } @$samples], $dtype, $array) } keys %$first };
    }
    for my $number (@$samples) {
        looks_like_number($number) or AI::MXNet::Error::fail(
            'a DataLoader makes batches of NDArrays, piddles, numbers, and lists or hashes of these, but a sample has ',
            defined $number ? ref $number || "'$number'" : 'undef', ': give it a batchify_fn');
    }
    $dtype //= (grep { $_ != int } @$samples) ? 'float32' : 'int32';
    return $array->(PDL->pdl(PDL::Type->new(AI::MXNet::DType::pdl_type($dtype)), $samples), $dtype);
}

# What a worker, which leaves making NDArrays to its parent, has in their place.
sub values { my ($piddle, $dtype) = @_; return bless [$piddle, $dtype], 'AI::MXNet::Gluon::Data::Loader::Values' }

*_is_array = \&AI::MXNet::Operators::_is_array;

sub _same
{
    my ($what, @descriptions) = @_;
    my ($other) = grep { $_ ne $descriptions[0] } @descriptions;
    AI::MXNet::Error::fail("the samples of a batch $what $descriptions[0], but one of $other: give the DataLoader a batchify_fn") if defined $other;
    return;
}

sub _stack
{
    my ($arrays) = @_;
    my @arrays = map { _is_array($_) && $_->isa('AI::MXNet::NDArray::Slice') ? $_->sever : $_ } @$arrays;
    _same('are', map { _is_array($_) ? 'NDArrays ' . $_->dtype . ' [' . join(',', @{ $_->shape }) . ']' : ref || 'a number' } @arrays);
    return AI::MXNet::NDArray->stack(@arrays);
}

# Joins the bytes, which takes a tenth of the time of PDL's cat.
sub _join
{
    my ($piddles, $array) = @_;
    _same('are', map { blessed $_ && $_->isa('PDL') ? 'piddles [' . join(',', reverse $_->dims) . ']' : ref || 'a number' } @$piddles);
    my $type = PDL::Type->new(max(map { $_->get_datatype } @$piddles));
    my $all = PDL->new_from_specification($type, $piddles->[0]->dims, scalar @$piddles);
    my $size = PDL::Core::howbig($type) * $piddles->[0]->nelem;
    my $bytes = '';
    for my $piddle (@$piddles) { $bytes .= substr ${ $piddle->convert($type)->get_dataref }, 0, $size }
    ${ $all->get_dataref } = $bytes;
    $all->upd_data;
    $all->badflag(1) if grep { $_->badflag } @$piddles;
    return $array->($all, AI::MXNet::DType::of_pdl($all) // 'int32');
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Loader::Batch - makes batches of samples

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. What a DataLoader does without a C<batchify_fn>.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Loader>

=cut

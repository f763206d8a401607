package AI::MXNet::Base;
# Helpers that programs written for AI::MXNet import, and what loading it adds to PDL. POD at the end.
use strict;
use warnings;
use Exporter qw(import);
use List::Util ();
use PDL;
use Scalar::Util ();
use AI::MXNet::DType;
use AI::MXNet::Error;
use AI::MXNet::NS;

# A value of each dtype, by its name and by MXNet's number.
sub _by_name_and_number
{
    my ($value_of) = @_;
    return { map { my $value = $value_of->($_); ($_ => $value, AI::MXNet::DType::number($_) => $value) } AI::MXNet::DType::names() };
}

use constant {
    STORAGE_TYPE_UNDEFINED  => -1,
    STORAGE_TYPE_DEFAULT    => 0,
    STORAGE_TYPE_ROW_SPARSE => 1,
    STORAGE_TYPE_CSR        => 2,
};
use constant STORAGE_TYPE_STR_TO_ID => { undefined => -1, default => 0, row_sparse => 1, csr => 2 };
use constant STORAGE_TYPE_ID_TO_STR => { reverse %{ STORAGE_TYPE_STR_TO_ID() } };
use constant STORAGE_AUX_TYPES => { row_sparse => ['int64'], csr => ['int64', 'int64'] };
use constant GRAD_REQ_MAP => { null => 0, write => 1, add => 3 };

use constant DTYPE_STR_TO_MX  => { map { $_ => AI::MXNet::DType::number($_) } AI::MXNet::DType::names() };
use constant DTYPE_MX_TO_STR  => { reverse %{ DTYPE_STR_TO_MX() } };
use constant DTYPE_MX_TO_PERL => _by_name_and_number(\&AI::MXNet::DType::letter);
use constant DTYPE_MX_TO_PDL  => _by_name_and_number(\&AI::MXNet::DType::pdl_type);
use constant DTYPE_PDL_TO_MX  => { map { AI::MXNet::DType::pdl_type($_) => AI::MXNet::DType::number($_) } grep { $_ ne 'float16' } AI::MXNet::DType::names() };

our @EXPORT = qw(
    product enumerate assert zip check_call build_param_doc bisect_left pdl_shuffle as_array ascsr rand_sparse
    pdl cat dog svd
    DTYPE_STR_TO_MX DTYPE_MX_TO_STR DTYPE_MX_TO_PDL DTYPE_PDL_TO_MX DTYPE_MX_TO_PERL GRAD_REQ_MAP
    STORAGE_TYPE_UNDEFINED STORAGE_TYPE_DEFAULT STORAGE_TYPE_ROW_SPARSE STORAGE_TYPE_CSR
    STORAGE_TYPE_STR_TO_ID STORAGE_TYPE_ID_TO_STR STORAGE_AUX_TYPES
);
our @EXPORT_OK = qw(pzeros pceil pones digitize hash array_index range);

sub pzeros { return zeros(@_) }
sub pones  { return ones(@_) }
sub pceil  { return ceil(@_) }

# zip(\@x, \@y, ...): tuples up to the shortest; with a code ref first, calls it for each tuple.
sub zip
{
    my $code = ref $_[0] eq 'CODE' ? shift : undef;
    my @lists = map { [@$_] } @_;
    my $length = @lists ? (sort { $a <=> $b } map { scalar @$_ } @lists)[0] : 0;
    my @tuples = map { my $i = $_; [map { $_->[$i] } @lists] } 0 .. $length - 1;
    return @tuples unless $code;
    $code->(@$_) for @tuples;
    return;
}

# enumerate(\@x, ...): as zip, with the position first.
sub enumerate
{
    my $code = ref $_[0] eq 'CODE' ? shift : undef;
    my $length = @_ ? (sort { $a <=> $b } map { scalar @$_ } @_)[0] : 0;
    return zip(($code ? $code : ()), [0 .. $length - 1], @_);
}

sub product
{
    my $product = 1;
    $product *= $_ for @_;
    return $product;
}

# The leftmost position at which $x keeps the sorted list sorted.
sub bisect_left
{
    my ($list, $x, $low, $high) = @_;
    ($low, $high) = ($low // 0, $high // scalar @$list);
    AI::MXNet::Error::fail('low must be non-negative') if $low < 0;
    while ($low < $high) {
        my $middle = int(($low + $high) / 2);
        if ($list->[$middle] < $x) { $low = $middle + 1 }
        else { $high = $middle }
    }
    return $low;
}

# The last dimension of a piddle (its rows) in another order, at random without one.
sub pdl_shuffle
{
    my ($piddle, $order) = @_;
    my $rows = $piddle->dim(-1);
    if (not defined $order) {
        $order = [List::Util::shuffle(0 .. $rows - 1)];
    }
    return $piddle->dice_axis($piddle->ndims - 1, pdl(ref $order eq 'ARRAY' ? @$order : $order->list));
}

sub assert
{
    my ($true, $message) = @_;
    return if $true;
    AI::MXNet::Error::fail($message // 'AssertionError');
}

sub check_call
{
    my ($status, @values) = @_;
    AI::MXNet::Error::fail($values[0] // 'the call failed') if $status;
    return wantarray ? @values : $values[0];
}

sub build_param_doc
{
    my ($names, $types, $descriptions, $remove_duplicates) = @_;
    my %seen;
    my $text = "Parameters\n----------\n";
    for my $tuple (zip($names, $types, $descriptions)) {
        my ($name, $type, $description) = @$tuple;
        next if ($remove_duplicates // 1) and $seen{$name}++;
        $text .= "$name : $type\n" . (length $description ? "    $description\n" : '');
    }
    return $text;
}

# `around BUILDARGS => \&AI::MXNet::Base::process_arguments;` in a Mouse class: what `python_constructor_arguments` lists
# may be given by position, in front of the named arguments; what PDL sums up is a number where no piddle is wanted.
sub process_arguments
{
    my ($original, $class, @arguments) = @_;
    @arguments = _named($class, @arguments) if $class->can('python_constructor_arguments');
    my $named = $class->$original(@arguments);
    for my $name (keys %$named) {
        my $number = AI::MXNet::DType::scalar_of($named->{$name});
        next if ref $number or not ref $named->{$name};
        my $attribute = _attributes($class)->{$name};
        $named->{$name} = $number if $attribute and $attribute->has_type_constraint and not $attribute->type_constraint->check($named->{$name});
    }
    return $named;
}

# The attributes of a Mouse class, by the names that its constructor has for them.
sub _attributes { my ($class) = @_; return { map { defined $_->init_arg ? ($_->init_arg => $_) : () } $class->meta->get_all_attributes } }

sub _named
{
    my ($class, @arguments) = @_;
    my @order = @{ $class->python_constructor_arguments };
    my $attributes = _attributes($class);
    @arguments = %{ $arguments[0] } if @arguments == 1 and ref $arguments[0] eq 'HASH' and _are_named($arguments[0], $attributes->{ $order[0] // '' });
    my %known = map { $_ => 1 } qw(prefix params shared), keys %$attributes;
    my @named;
    while (@arguments >= 2 and defined $arguments[-2] and not ref $arguments[-2] and $known{ $arguments[-2] }) {
        unshift @named, splice @arguments, -2;
    }
    if (@arguments > @order) {
        AI::MXNet::NS::load('AI/MXNet/Mouse.pm');
        AI::MXNet::Mouse::refuse($class, "Paramers mismatch expected @order", @arguments);
    }
    return ((map { $order[$_] => $arguments[$_] } 0 .. $#arguments), @named);
}

# Whether a hash holds the named arguments, as for every class of Mouse, since it cannot be the value of the first attribute.
sub _are_named
{
    my ($hash, $first) = @_;
    return !defined $first || $first->has_type_constraint && !$first->type_constraint->check($hash);
}

# For `use overload`: an object equals itself alone.
sub _by_identity
{
    return (
        '==' => sub { ref $_[1] && Scalar::Util::refaddr($_[0]) == Scalar::Util::refaddr($_[1]) },
        '!=' => sub { !ref $_[1] || Scalar::Util::refaddr($_[0]) != Scalar::Util::refaddr($_[1]) },
    );
}

sub as_array { return ref $_[0] eq 'ARRAY' ? $_[0] : [$_[0]] }

# The index of the first bin above $value, or their number.
sub digitize
{
    my ($value, $bins) = @_;
    for my $i (0 .. $#$bins) { return $i if $value < $bins->[$i] }
    return scalar @$bins;
}

sub array_index
{
    my ($value, $list) = @_;
    for my $i (0 .. $#$list) { return $i if $list->[$i] eq $value }
    AI::MXNet::Error::fail("$value is not in the list");
}

# Numbers from $begin to before $end.
sub range
{
    my ($begin, $end, $step) = @_;
    $step //= 1;
    AI::MXNet::Error::fail('range needs a step other than 0') unless $step;
    my @numbers;
    for (my $n = $begin; $step > 0 ? $n < $end : $n > $end; $n += $step) { push @numbers, $n }
    return @numbers;
}

# A number for a string, the same in every run.
sub hash
{
    my ($text) = @_;
    my $number = 5381;
    $number = ($number * 33 + ord) % 2**32 for split //, $text;
    return $number;
}

# The bytes of a file; and a file of these bytes, which is there as a whole or not at all. $what is the call, for errors.
sub _read_file
{
    my ($what, $path) = @_;
    _check_name($what, $path);
    open my $file, '<:raw', $path or AI::MXNet::Error::fail("$what: $path: $!");
    my $bytes = do { local $/; readline $file };
    return $bytes // '';
}

sub _write_file
{
    my ($what, $path, $bytes) = @_;
    _check_name($what, $path);
    my $temporary = "$path.$$.tmp";
    open my $file, '>:raw', $temporary or AI::MXNet::Error::fail("$what: $path: $!");
    local $\;
    my $written = print {$file} $bytes;
    ($written &= close $file) && rename $temporary, $path
        or do { my $why = $!; unlink $temporary; AI::MXNet::Error::fail("$what: $path: $why") };
    return;
}

sub _check_name
{
    my ($what, $name) = @_;
    AI::MXNet::Error::fail("$what needs a file name, but got ", defined $name ? 'an empty one' : 'undef') unless length($name // '');
    return;
}

# PDL::CCS is loaded only when asked for.
sub ascsr
{
    my ($data, $indptr, $indices, $shape) = @_;
    AI::MXNet::NS::load('PDL/CCS/Nd.pm');
    my @columns = ref $indices eq 'ARRAY' ? @$indices : $indices->list;
    my @starts  = ref $indptr  eq 'ARRAY' ? @$indptr  : $indptr->list;
    my @rows = map { my $row = $_; ($row) x ($starts[$row + 1] - $starts[$row]) } 0 .. $#starts - 1;
    return PDL::CCS::Nd->newFromWhich(
        pdl(\@columns)->cat(pdl(\@rows))->xchg(0, 1)->long, ref $data eq 'ARRAY' ? pdl($data) : $data,
        pdims => pdl(long, $shape->[1], $shape->[0]));
}

sub rand_sparse
{
    my ($rows, $columns, $density, $dtype, $format) = @_;
    my $dense = random($columns, $rows);
    $dense *= random($columns, $rows) < $density;
    AI::MXNet::NS::load('PDL/CCS/Nd.pm');
    return $dense->convert(PDL::Type->new(AI::MXNet::DType::pdl_type($dtype // 'float32')))->toccs;
}

# -- what programs expect of piddles -------------------------------------------------------------------------------

{
    no warnings 'redefine';
    my $at = \&PDL::at;
    # with one index into several dimensions: that row
    *PDL::at = sub {
        my ($self, @indices) = @_;
        return $at->($self, @indices) if @indices != 1 or $self->ndims < 2;
        return $self->slice((':,') x ($self->ndims - 1) . "($indices[0])");
    };
}

sub PDL::len   { $_[0]->dim(-1) }
sub PDL::dtype { AI::MXNet::DType::of_pdl($_[0]) }
sub PDL::tocsr { AI::MXNet::NS::load('PDL/CCS/Nd.pm'); return $_[0]->toccs }
sub PDL::rand_sparse { my (undef, @arguments) = @_; return rand_sparse(@arguments) }

# -- and of sparse matrices of PDL::CCS, whose first dimension are the columns -------------------------------------

# (values, columns, rows) of what is stored, row by row.
sub _stored
{
    my ($ccs) = @_;
    my ($columns, $rows) = map { $ccs->whichND->slice("($_)") } 0, 1;
    my $order = ($rows * $ccs->dim(0) + $columns)->qsorti;
    return map { $_->index($order)->sever } $ccs->whichVals, $columns, $rows;
}

sub PDL::CCS::Nd::data    { (_stored($_[0]))[0] }
sub PDL::CCS::Nd::indices { (_stored($_[0]))[1] }
sub PDL::CCS::Nd::shape   { [reverse $_[0]->dims] }
sub PDL::CCS::Nd::dtype   { AI::MXNet::DType::of_pdl($_[0]) }

# Where each row begins, and where the last one ends.
sub PDL::CCS::Nd::indptr
{
    my ($ccs) = @_;
    my ($rows) = (_stored($ccs))[2];
    return append(zeroes(indx, 1), $rows->histogram(1, 0, $ccs->dim(1))->indx->cumusumover);
}

sub PDL::CCS::Nd::tocoo
{
    my ($ccs) = @_;
    my ($values, $columns, $rows) = _stored($ccs);
    return AI::MXNet::COO::Nd->new(data => $values, row => $rows, col => $columns);
}

# A matrix by the places of what is stored: data, row and col are piddles.
package AI::MXNet::COO::Nd {
    sub new { my ($class, %parts) = @_; return bless {%parts}, $class }

    sub data { $_[0]{data} }
    sub row  { $_[0]{row} }
    sub col  { $_[0]{col} }
}

$PDL::toolongtoprint = 1_000_000_000;

1;

__END__

=head1 NAME

AI::MXNet::Base - helpers that programs written for AI::MXNet import

=head1 SYNOPSIS

    use PDL;
    use AI::MXNet::Base;

    print join(' ', map { "@$_" } zip([1, 2, 3], ['a', 'b'])), "\n";    # 1 a 2 b
    print product(2, 3, 4), "\n";                                      # 24
    my $shuffled = pdl_shuffle(sequence(2, 5));                        # its rows in random order

=head1 DESCRIPTION

Functions in Perl that have nothing to do with the engine. The modules of AI::MXNet exported them, so scripts use them.
Those marked with * are exported only when asked for. Also exported are C<pdl>, C<cat>, C<dog> and C<svd> of L<PDL>, and the
constants C<DTYPE_STR_TO_MX>, C<DTYPE_MX_TO_STR>, C<DTYPE_MX_TO_PDL>, C<DTYPE_PDL_TO_MX>, C<DTYPE_MX_TO_PERL>,
C<GRAD_REQ_MAP>, C<STORAGE_TYPE_STR_TO_ID>, C<STORAGE_TYPE_ID_TO_STR>, C<STORAGE_AUX_TYPES> (hash refs) and
C<STORAGE_TYPE_UNDEFINED>, C<STORAGE_TYPE_DEFAULT>, C<STORAGE_TYPE_ROW_SPARSE>, C<STORAGE_TYPE_CSR> (numbers).

As in the original, loading it changes PDL: C<< $piddle->at($i) >> with one index into several dimensions gives that
row, there are C<< $piddle->len >> (the last dimension), C<< $piddle->dtype >> (MXNet's name of its type) and
C<< $piddle->tocsr >> (needs L<PDL::CCS>), and piddles of any size are printed.

A sparse matrix of L<PDL::CCS>, C<$ccs>, gets C<data>, C<indices> and C<indptr> (values and columns row by row, and where each row
begins), C<shape> ([rows, columns]; its C<dims> are the other way round), C<dtype>, and C<tocoo>, an object with C<data>,
C<row> and C<col>.

=head1 FUNCTIONS

=head2 zip, enumerate

    zip(sub { my ($n, $name) = @_; print "$n: $name\n" }, [1, 2], ['a', 'b']);
    my @numbered = enumerate(['a', 'b']);    # [0, 'a'], [1, 'b']

Tuples of the lists' elements, as many as the shortest list has; with code in front, it is called with each. C<enumerate>
puts the position first.

=head2 product

Of numbers; 1 of none.

=head2 bisect_left

    my $position = bisect_left([10, 20, 30], 20);    # 1

The leftmost position at which a number can be put into a sorted list.

=head2 pdl_shuffle

    my $reversed = pdl_shuffle(sequence(2, 3), [2, 1, 0]);

A piddle with its last dimension in that order, or without one in a random order of Perl's C<rand>.

=head2 as_array

The list ref itself; of anything else, a list ref with it.

=head2 assert, check_call

Die with an L<AI::MXNet::Error> if the first argument is false, or is a status other than 0; C<check_call> returns the
rest.

=head2 build_param_doc

Text that describes parameters, from list refs of names, types and descriptions.

=head2 process_arguments

    package Layer {
        use Mouse;
        around BUILDARGS => \&AI::MXNet::Base::process_arguments;
        has [qw(units name)] => (is => 'ro');
        sub python_constructor_arguments { return ['units'] }
    }
    print Layer->new(10, name => 'dense')->units, "\n";    # 10

* For C<BUILDARGS> of Mouse classes: lets the attributes that C<python_constructor_arguments> lists be given by position,
in front of the named ones.

=head2 ascsr, rand_sparse

Sparse matrices of L<PDL::CCS>: from values, row starts, columns and shape; or random ones.

=head2 digitize, array_index, range, hash

* The first bin above a value; the position of a string in a list; numbers from a first to before a last one, in steps; a
number for a string, the same in every run.

=head2 pzeros, pones, pceil

* C<zeros>, C<ones> and C<ceil> of L<PDL>, for where these names mean something else.

=head1 SEE ALSO

L<AI::MXNet>, L<PDL>

=cut

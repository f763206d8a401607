package AI::MXNet::TestUtils;
# What tests of networks need: comparisons, random arrays, sample networks. POD at the end.
use strict;
use warnings;
use Exporter qw(import);
use List::Util ();
use PDL ();
use Scalar::Util qw(blessed);
use AI::MXNet::Base qw(assert enumerate zip);
use AI::MXNet::Error;
use AI::MXNet::NDArray;

our @EXPORT_OK = qw(
    same reldiff almost_equal allclose isNaN pdl_maximum pdl_minimum dies_ok dies_like same_array
    random_arrays randint rand_shape_2d rand_shape_3d rand_shape_nd rand_ndarray rand_sparse_ndarray create_sparse_array
    create_sparse_array_zd shuffle_csr_column_indices assign_each assign_each2
    mlp2 conv check_consistency GetMNIST_ubyte GetCifar10
    zip assert enumerate pdl
);

sub pdl { return PDL->pdl(@_) }

# -- comparing piddles ---------------------------------------------------------------------------------------------

sub isNaN { my ($x) = @_; return $x != $x }

# Piddles of what is one, or an array, or a nested list.
sub _piddles { return map { blessed $_ && $_->can('aspdl') ? $_->aspdl : PDL::Core::topdl($_) } @_ }

sub same { my ($x, $y) = _piddles(@_); return PDL::all($x == $y) ? 1 : 0 }

# The sum of the differences, relative to that of both.
sub reldiff
{
    my ($x, $y) = map { $_->double } _piddles(@_);
    my $difference = PDL::abs($x - $y)->sum;
    return $difference == 0 ? 0 : $difference / (PDL::abs($x)->sum + PDL::abs($y)->sum);
}

sub almost_equal { my ($x, $y, $threshold) = @_; return reldiff($x, $y) <= ($threshold // 1e-6) ? 1 : 0 }

sub allclose { my ($x, $y) = _piddles(@_[0, 1]); return PDL::all(PDL::abs($x->double - $y) <= ($_[2] // 1e-6)) ? 1 : 0 }

sub pdl_maximum { my ($x, $y) = @_; $y = PDL::Core::topdl($y); return ($x > $y) * $x + ($x <= $y) * $y }
sub pdl_minimum { my ($x, $y) = @_; $y = PDL::Core::topdl($y); return ($x < $y) * $x + ($x >= $y) * $y }

# -- code that dies, arrays that are one ---------------------------------------------------------------------------

sub dies_ok { my ($code) = @_; return eval { $code->(); 1 } ? 0 : 1 }

sub dies_like
{
    my ($code, $words) = @_;
    return 0 if eval { $code->(); 1 };
    return 1 if "$@" =~ $words;
    warn "it died of other words: $@";
    return 0;
}

# Whether two arrays lie in the same memory: a change of one is seen in the other, and undone.
sub same_array
{
    my ($x, $y) = @_;
    my $seen = 1;
    for my $step (1, -1) {
        $x += $step;
        $seen &&= same($x->aspdl, $y->aspdl);
    }
    return $seen ? 1 : 0;
}

# -- random ones ---------------------------------------------------------------------------------------------------

sub randint { my ($low, $high) = @_; ($low, $high) = ($low // 0, $high // 10); return $low + int rand($high - $low) }

sub rand_shape_nd { my ($count, $most) = @_; return [map { 1 + int rand($most // 10) } 1 .. $count] }
sub rand_shape_2d { my @most = @_; return [map { 1 + int rand($most[$_] // 10) } 0, 1] }
sub rand_shape_3d { my @most = @_; return [map { 1 + int rand($most[$_] // 10) } 0 .. 2] }

sub random_arrays
{
    my @arrays = map { PDL->random(PDL::float(), @$_ ? reverse @$_ : 1) } @_;
    return @arrays == 1 ? $arrays[0] : @arrays;
}

sub assign_each
{
    my ($input, $code) = @_;
    return $input->copy unless $code;
    return PDL->pdl($input->type, [map { $code->($_) } $input->list])->reshape($input->dims);
}

sub assign_each2
{
    my ($left, $right, $code) = @_;
    return $left->copy unless $code;
    my @right = $right->list;
    return PDL->pdl($left->type, [map { $code->($_, shift @right) } $left->list])->reshape($left->dims);
}

sub rand_ndarray
{
    my ($shape, $stype, $density, $dtype, $modifier, $shuffled, $distribution) = @_;
    return AI::MXNet::NDArray->array(PDL->random(@$shape ? reverse @$shape : 1), dtype => $dtype // 'float32') if ($stype // 'default') eq 'default';
    my ($array) = rand_sparse_ndarray($shape, $stype, density => $density // rand, dtype => $dtype // 'float32',
        modifier_func => $modifier, shuffle_csr_indices => $shuffled, distribution => $distribution // 'uniform');
    return $array;
}

# A sparse array, and its parts in a list.
sub rand_sparse_ndarray
{
    my ($shape, $stype, @options) = @_;
    my %o = (distribution => 'uniform', AI::MXNet::NDArray::_named('rand_sparse_ndarray', [qw(
        density dtype distribution data_init rsp_indices modifier_func shuffle_csr_indices)], @options));
    my ($density, $dtype) = ($o{density} // rand, $o{dtype} // 'float32');
    AI::MXNet::Error::fail("rand_sparse_ndarray: a storage type is csr or row_sparse, but got '", $stype // 'undef', "'")
        unless ($stype // '') =~ /\A(?:csr|row_sparse)\z/;
    AI::MXNet::Error::fail("rand_sparse_ndarray: the distribution is uniform or powerlaw, but got '$o{distribution}'")
        unless $o{distribution} =~ /\A(?:uniform|powerlaw)\z/;
    my $values = sub {
        my ($count, @rest) = @_;
        my $values = defined $o{data_init} ? PDL->zeroes(reverse $count, @rest) + $o{data_init} : PDL->random(reverse $count, @rest);
        return $o{modifier_func} ? assign_each($values, $o{modifier_func}) : $values;
    };
    my $sparse = AI::MXNet::NDArray->sparse;
    if ($stype eq 'row_sparse') {
        my ($rows, @rest) = @$shape;
        my $chosen = $o{rsp_indices};
        my @indices = defined $chosen ? (ref $chosen eq 'ARRAY' ? @$chosen : blessed $chosen && $chosen->isa('PDL') ? $chosen->list : $chosen->aspdl->list)
            : grep { rand() < $density } 0 .. $rows - 1;
        my $array = @indices ? $sparse->row_sparse_array([$values->(scalar @indices, @rest), \@indices], shape => $shape, dtype => $dtype)
            : $sparse->zeros('row_sparse', $shape, dtype => $dtype);
        return ($array, [$array->data, $array->indices]);
    }
    AI::MXNet::Error::fail('rand_sparse_ndarray: a csr array has two dimensions, but got [', join(', ', @$shape), ']') if @$shape != 2;
    my ($rows, $columns) = @$shape;
    my (@indices, @indptr);
    for my $row (0 .. $rows - 1) {
        push @indptr, scalar @indices;
        # of a power law: each row has twice as many entries as the one before, as long as there are any left
        my $left = int($density * $rows * $columns) - @indices;
        my @own = $o{distribution} eq 'powerlaw'
            ? (0 .. List::Util::min($left, $columns, 2**List::Util::min($row, 30)) - 1)
            : grep { rand() < $density } 0 .. $columns - 1;
        push @indices, $o{shuffle_csr_indices} ? List::Util::shuffle(@own) : @own;
    }
    push @indptr, scalar @indices;
    my $array = @indices ? $sparse->csr_matrix([$values->(scalar @indices), \@indices, \@indptr], shape => $shape, dtype => $dtype)
        : $sparse->zeros('csr', $shape, dtype => $dtype);
    return ($array, [$array->indptr, $array->indices, $array->data]);
}

sub create_sparse_array
{
    my ($shape, $stype, $data_init, $rsp_indices, $dtype, $modifier, $density, $shuffled) = @_;
    my ($array) = rand_sparse_ndarray($shape, $stype, density => $density // 0.5, dtype => $dtype // 'float32', data_init => $data_init,
        rsp_indices => $rsp_indices, modifier_func => $modifier, shuffle_csr_indices => $shuffled);
    return $array;
}

# The same with another order; of a row_sparse array without given rows, density is the share of them from the first on.
sub create_sparse_array_zd
{
    my ($shape, $stype, $density, $data_init, $rsp_indices, $dtype, $modifier, $shuffled) = @_;
    $rsp_indices //= [0 .. int($density * $shape->[0]) - 1] if $stype eq 'row_sparse';
    return create_sparse_array($shape, $stype, $data_init, $rsp_indices, $dtype, $modifier, $density, $shuffled);
}

# The same matrix with the columns of each row in a random order.
sub shuffle_csr_column_indices
{
    my ($csr) = @_;
    my ($data, $indices, $indptr) = map { $csr->$_->aspdl } qw(data indices indptr);
    my @starts = $indptr->list;
    my $order = PDL->pdl(PDL::indx(), [map { List::Util::shuffle($starts[$_] .. $starts[$_ + 1] - 1) } 0 .. $#starts - 1]);
    return AI::MXNet::NDArray->sparse->csr_matrix([$data->index($order), $indices->index($order), $indptr], shape => $csr->shape, dtype => $csr->dtype);
}

# -- networks ------------------------------------------------------------------------------------------------------

sub _symbols { AI::MXNet::NS::load('AI/MXNet/Symbol.pm'); return 'AI::MXNet::Symbol' }

sub mlp2
{
    my $sym = _symbols();
    my $hidden = $sym->FullyConnected($sym->Variable('data'), name => 'fc1', num_hidden => 1000);
    return $sym->FullyConnected($sym->Activation($hidden, act_type => 'relu'), name => 'fc2', num_hidden => 10);
}

sub conv
{
    my $sym = _symbols();
    my $net = $sym->Variable('data');
    for my $i (1, 2) {
        $net = $sym->Convolution($net, name => "conv$i", num_filter => 32, kernel => [3, 3], stride => [2, 2]);
        $net = $sym->BatchNorm($net, name => "bn$i");
        $net = $sym->Activation($net, name => "relu$i", act_type => 'relu');
        $net = $sym->Pooling($net, name => "mp$i", kernel => [2, 2], stride => [2, 2], pool_type => 'max');
    }
    $net = $sym->FullyConnected($sym->Flatten($net, name => 'flatten'), name => 'fc2', num_hidden => 10);
    return $sym->SoftmaxOutput($net, name => 'sm');
}

my %TOLERANCE = (float16 => 1e-1, float32 => 1e-3, float64 => 1e-5, uint8 => 0, int8 => 0, int32 => 0, int64 => 0);
my %DIGITS = (float64 => 53, float32 => 24, float16 => 11, int64 => 10, int32 => 9, int8 => 8, uint8 => 8);    # which dtype is the most exact

# Runs a symbol on several contexts and in several dtypes, and compares outputs and gradients with the most exact ones.
sub check_consistency
{
    my (@options) = @_;
    my %o = (scale => 1, grad_req => 'write', raise_on_err => 1, AI::MXNet::NDArray::_named('check_consistency', [qw(
        sym ctx_list scale grad_req arg_params aux_params tol raise_on_err ground_truth)], @options));
    AI::MXNet::NS::load('Test/More.pm');
    my @list = @{ $o{ctx_list} };
    AI::MXNet::Error::fail('check_consistency compares at least two entries of ctx_list') if @list < 2 and not $o{ground_truth};
    my @symbols = ref $o{sym} eq 'ARRAY' ? @{ $o{sym} } : ($o{sym}) x @list;
    my %tolerance = (%TOLERANCE, ref $o{tol} ? %{ $o{tol} } : defined $o{tol} ? map { $_ => $o{tol} } keys %TOLERANCE : ());
    my @executors = map {
        my %entry = %{ $list[$_] };
        my ($ctx, $types, $shapes) = delete @entry{qw(ctx type_dict shapes)};
        $symbols[$_]->simple_bind(ctx => $ctx, grad_req => $o{grad_req}, shapes => { %entry, %{ $shapes // {} } }, defined $types ? (type_dict => $types) : ());
    } 0 .. $#list;
    _start_alike(\%o, @executors);

    my @dtypes = map { $_->outputs->[0]->dtype } @executors;
    my ($best) = sort { $DIGITS{ $dtypes[$b] } <=> $DIGITS{ $dtypes[$a] } } 0 .. $#executors;
    my $truth = $o{ground_truth};
    my $compare = sub {
        my ($arrays_of) = @_;
        for my $i (grep { $o{ground_truth} || $_ != $best } 0 .. $#executors) {
            my $arrays = $arrays_of->($executors[$i]);
            for my $name (sort grep { defined $arrays->{$_} and defined $truth->{$_} } keys %$arrays) {
                my $near = almost_equal($arrays->{$name}->astype('float64')->aspdl, $truth->{$name}->astype('float64')->aspdl, $tolerance{ $dtypes[$i] });
                Test::More::ok($near, "$name of entry $i ($dtypes[$i])") and next;
                AI::MXNet::Error::fail("Predict Err: entry $i of ctx_list: $name differs by more than $tolerance{$dtypes[$i]}") if $o{raise_on_err};
            }
        }
    };
    my $copies = sub { my ($arrays) = @_; return { map { $_ => $arrays->{$_}->copy } grep { defined $arrays->{$_} } keys %$arrays } };
    $_->forward(0) for @executors;
    $truth //= $copies->($executors[$best]->output_dict);
    $compare->(sub { $_[0]->output_dict });
    if (ref $o{grad_req} or $o{grad_req} ne 'null') {
        for my $executor (@executors) {
            $executor->forward(1);
            $executor->backward([map { $_->copy } @{ $executor->outputs }]);
        }
        my $both = sub {
            my ($executor) = @_;
            return { %{ $executor->output_dict }, map { ("grad of $_" => $executor->grad_dict->{$_}) } keys %{ $executor->grad_dict } };
        };
        $truth = $copies->($both->($executors[$best])) unless $o{ground_truth};
        $compare->($both);
    }
    return $truth;
}

# Gives the executors the same arguments.
sub _start_alike
{
    my ($o, $first, @others) = @_;
    my %args = %{ $o->{arg_params} // {} };
    for my $name (sort keys %{ $first->arg_dict }) {
        $args{$name} //= AI::MXNet::NDArray->_random_normal(loc => 0, scale => $o->{scale}, shape => $first->arg_dict->{$name}->shape);
    }
    my %aux = map { $_ => ($o->{aux_params} // {})->{$_} // AI::MXNet::NDArray->zeros($first->aux_dict->{$_}->shape) } keys %{ $first->aux_dict };
    for my $executor ($first, @others) {
        for my $pair ([$executor->arg_dict, \%args], [$executor->aux_dict, \%aux]) {
            my ($to, $from) = @$pair;
            $to->{$_}->set($from->{$_}->astype($to->{$_}->dtype)) for keys %$to;
        }
        defined $_ and $_->set(0) for values %{ $executor->grad_dict };
    }
    return;
}

# -- data sets -----------------------------------------------------------------------------------------------------

# Sees that files are in the folder data, unpacked if they are there with gzip.
sub _need
{
    my ($folder, @names) = @_;
    for my $name (@names) {
        next if -e "$folder/$name";
        AI::MXNet::Error::fail("$folder has no file $name: it is not downloaded; put it there, plain or as $name.gz") unless -e "$folder/$name.gz";
        AI::MXNet::NS::load('IO/Uncompress/Gunzip.pm');
        IO::Uncompress::Gunzip::gunzip("$folder/$name.gz" => "$folder/$name.$$.part")
            or AI::MXNet::Error::fail("$folder/$name.gz: $IO::Uncompress::Gunzip::GunzipError");
        rename "$folder/$name.$$.part", "$folder/$name" or AI::MXNet::Error::fail("$folder/$name: $!");
    }
    return;
}

sub GetMNIST_ubyte { return _need('data', qw(train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte)) }
sub GetCifar10     { return _need('data/cifar', qw(train.rec test.rec)) }

1;

__END__

=head1 NAME

AI::MXNet::TestUtils - what tests of networks need

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::TestUtils qw(almost_equal random_arrays);

    my $numbers = random_arrays([2, 3]);    # a piddle of dims 3, 2
    print almost_equal(nd->array($numbers)->square->aspdl, $numbers**2) ? "fine\n" : "wrong\n";

=head1 DESCRIPTION

Functions, each to be imported by name. C<zip>, C<assert> and C<enumerate> are those of L<AI::MXNet::Base>, C<pdl> is PDL's.

=head1 FUNCTIONS

=head2 same, almost_equal, reldiff, allclose

    use AI::MXNet::TestUtils qw(same reldiff allclose);
    print join(' ', same($numbers, $numbers), reldiff($numbers, $numbers + 1), allclose($numbers, $numbers + 1e-7)), "\n";

Of two piddles: whether they are equal; whether the sum of the differences, relative to the sum of both (C<reldiff>), is at
most a third argument (1e-6); whether no difference is larger than a third argument (1e-6).

=head2 isNaN, pdl_maximum, pdl_minimum

    use AI::MXNet::TestUtils qw(isNaN pdl_maximum);
    print pdl_maximum($numbers, 0.5), isNaN($numbers), "\n";

Elementwise, of piddles; the second argument of the latter may be a number.

=head2 dies_ok, dies_like

    use AI::MXNet::TestUtils qw(dies_ok dies_like);
    print dies_like(sub { nd->ones([2]) + nd->ones([3]) }, qr/broadcast/), "\n";    # 1

1 if code dies, with words that match; else 0.

=head2 same_array

Whether two arrays lie in the same memory.

=head2 random_arrays

A piddle of random floats for each shape.

=head2 randint, rand_shape_2d, rand_shape_3d, rand_shape_nd

    use AI::MXNet::TestUtils qw(randint rand_shape_2d rand_shape_nd);
    my ($number, $shape) = (randint(0, 10), rand_shape_nd(3, 5));

An integer from the first (0) to before the second (10); shapes whose dimensions are from 1 to 10, or to the arguments.

=head2 rand_ndarray

    use AI::MXNet::TestUtils qw(rand_ndarray rand_sparse_ndarray);
    my $csr = rand_ndarray([3, 4], 'csr', 0.5);

A random array of a shape, storage type (default), density and dtype (float32).

=head2 rand_sparse_ndarray

    my ($array, $parts) = rand_sparse_ndarray([3, 4], 'row_sparse', density => 0.5, dtype => 'float64');

A random sparse array, with its parts in a list ref: data and indices, or of csr indptr, indices and data. C<data_init> is a
value for all entries, C<rsp_indices> are the rows that there are, C<modifier_func> is code for each entry,
C<shuffle_csr_indices> leaves columns in disorder, C<distribution> is uniform, or powerlaw: each row has twice as many
entries as the one before.

=head2 create_sparse_array, create_sparse_array_zd, shuffle_csr_column_indices

    use AI::MXNet::TestUtils qw(create_sparse_array);
    $csr = create_sparse_array([3, 4], 'csr', 1);    # ones

The same with arguments by position: shape, storage type, data_init, rsp_indices, dtype, modifier_func, density (0.5),
shuffle_csr_indices; C<..._zd> has density as the third. The last brings the columns of a csr array into disorder.

=head2 assign_each, assign_each2

    use AI::MXNet::TestUtils qw(assign_each);
    my $squares = assign_each($numbers, sub { $_[0]**2 });

A piddle of what code makes of each element of one, or two.

=head2 mlp2, conv

Symbols of small networks: two layers; two convolutions.

=head2 check_consistency

    use AI::MXNet::TestUtils qw(check_consistency);
    my $net = mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 2, name => 'fc');
    check_consistency(sym => $net, ctx_list => [map { { ctx => mx->cpu($_), data => [3, 4] } } 0, 1]);

Runs a symbol, or several in a list, for each entry of C<ctx_list>, a hash of C<ctx>, shapes of inputs and perhaps C<type_dict>,
with random arguments of deviation C<scale> (1), or with C<arg_params> and C<aux_params>. Outputs and gradients (unless
C<grad_req> is null) must be near those of the most exact dtype, or to C<ground_truth>: the tolerances are C<tol>, a number or a hash by
dtype. Each comparison is a test of L<Test::More>; a failure dies, unless C<< raise_on_err => 0 >>. Returns what was compared with.

=head2 GetMNIST_ubyte, GetCifar10

See that the files of MNIST are in the folder F<data>, or F<train.rec> and F<test.rec> in F<data/cifar>, and unpack them if
they are there with the ending .gz. Nothing is downloaded: they die where a file is missing.

=head2 pdl

PDL's.

=head1 SEE ALSO

L<Test::More>

=cut

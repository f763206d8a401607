package AI::MXNet::NDArray;
# Arrays: a handle of the engine's, and the type (shape, dtype, context) that is known here. POD at the end.
#
# An array is { handle, type, rec }: `rec` is the recording that it is surely on the tape of, -1 for a variable, or 0.
# A variable also has `grad`. None of our own code tests an array by truth.
#
# The class goes on in NDArray/Arithmetic.pm (operators), Making.pm (zeros, array ...), Indexing.pm (slice, assignment)
# and Files.pm.
use strict;
use warnings;
use base 'AI::MXNet::NDArray::Base';
use List::Util ();
use Scalar::Util qw(blessed);
use AI::MXNet::AutoGrad;
use AI::MXNet::Context;
use AI::MXNet::DType;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NDArray::Arithmetic;
use AI::MXNet::NDArray::Files;
use AI::MXNet::NDArray::Indexing;
use AI::MXNet::NDArray::Making;
use AI::MXNet::NS;
use AI::MXNet::Operators;
use AI::MXNet::Shape;

# all of PDL, because scripts call any method on what aspdl returns; its functions stay out of this package
{ package AI::MXNet::NDArray::PDL; require PDL; PDL->import }

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

# -- for all files of the class ------------------------------------------------------------------------------------

sub _fail { goto &AI::MXNet::Error::fail }
sub _row { AI::MXNet::Operators::row($_[0]) // die "the operator table lacks $_[0]\n" }

# Named options, checked against the names a method knows.
sub _named
{
    my ($method, $known, @options) = @_;
    my %options = AI::MXNet::Error::paired($method, @options);
    for my $name (sort keys %options) {
        _fail("In method $method: no such named parameter: $name") unless grep { $_ eq $name } @$known;
    }
    return %options;
}

sub _check_shape
{
    my ($method, $shape) = @_;
    my $fits = ref $shape eq 'ARRAY' && !grep { not defined $_ or ref $_ or $_ !~ /\A[0-9]+\z/ } map { AI::MXNet::DType::scalar_of($_) } @$shape;
    _fail("In method $method: parameter 1 (\$shape): Validation failed for 'Shape' with value ",
        ref $shape eq 'ARRAY' ? '[' . join(', ', map { $_ // 'undef' } @$shape) . ']' : $shape // 'undef',
        ': a shape is a list of integers from 0') unless $fits;
    return;
}

# A storage type, checked; none stands for dense.
sub _stype
{
    my ($method, $stype) = @_;
    $stype //= 'default';
    return $stype if $stype =~ /\A(?:default|csr|row_sparse)\z/;
    return _fail("$method: a storage type is default, csr or row_sparse, but got '$stype'");
}

# -- life ----------------------------------------------------------------------------------------------------------

# In few statements, between which the handlers of signals run: if one dies in a destructor, Perl drops its exception,
# and the array stays in the engine.
sub DESTROY
{
    my $handle = $_[0]{handle};
    push(@AI::MXNet::Engine::STREAM, $handle), $handle > 0 && push @AI::MXNet::Engine::FREE, $handle
        if abs $handle > $AI::MXNet::Engine::STALE;
}

# Arrays that the engine named: (handle, type, ndim, dimensions ...) for each, and a context at the end, if any.
sub adopt
{
    my ($class, @fields) = @_;
    my $ctx = @fields && ref $fields[-1] ? pop @fields : AI::MXNet::Context::->current_ctx;
    my @arrays;
    while (@fields) {
        my ($handle, $name, $ndim) = splice @fields, 0, 3;
        $AI::MXNet::Engine::GIVEN = -$handle if -$handle > $AI::MXNet::Engine::GIVEN;
        my $type = AI::MXNet::Shape::type([splice @fields, 0, $ndim], $name, $ctx);
        push @arrays, bless { handle => $handle, type => $type, rec => 0 }, $type->{class};
    }
    return @arrays;
}

# -- what is known without asking the engine -----------------------------------------------------------------------

sub context { $_[0]{type}{ctx} }
sub dtype   { $_[0]{type}{dtype} }
sub grad : lvalue { my $grad = $_[0]{grad}; $grad }    # so that $x->grad .= 0 writes to the array
sub handle  { $_[0]{handle} }
sub len     { $_[0]{type}{shape}[0] }
sub ndim    { scalar @{ $_[0]{type}{shape} } }
sub shape   { [@{ $_[0]{type}{shape} }] }
sub stype   { $_[0]{type}{stype} }

sub size
{
    my ($self, $shape) = @_;
    return $self->{type}{size} unless defined $shape;
    _check_shape('size', $shape);
    my $size = 1;
    $size *= $_ for @$shape;
    return $size;
}

sub writable { my $self = shift; $self->{fixed} = !$_[0] if @_; return $self->{fixed} ? 0 : 1 }

# <AI::MXNet::NDArray 2x3 @cpu(0)>
sub describe
{
    my ($self) = @_;
    return '<' . ref($self) . ' ' . join('x', @{ $self->{type}{shape} }) . " \@$self->{type}{ctx}>";
}

sub _known_as { my ($self) = @_; return 'array ' . $self->describe }

sub stringify { my ($self) = @_; return $self->describe }

# -- values --------------------------------------------------------------------------------------------------------

sub aspdl : lvalue
{
    my ($self) = @_;
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale($self);
    my $type = $self->{type};
    my ($name, $shape, $piddle) = AI::MXNet::Engine->download($self, AI::MXNet::DType::pdl_type($type->{dtype}));
    $self->_check_prediction($name, $shape);
    $piddle;
}

sub asmpdl : lvalue
{
    my ($self) = @_;
    AI::MXNet::NS::load('PDL/Matrix.pm');
    my $piddle = $self->aspdl;
    my $matrix = PDL::Matrix->pdl($piddle->unpdl);
    $matrix;
}

sub asscalar
{
    my ($self) = @_;
    _fail('ndarray size must be 1') unless $self->{type}{size} == 1;
    my $value = $self->aspdl->sclr;
    return $self->{type}{dtype} eq 'bool' ? $value != 0 : $value;
}

# A reply that is not as predicted is a bug of ours; better an error than wrong memory.
sub _check_prediction
{
    my ($self, $name, $shape) = @_;
    my $type = $self->{type};
    return if $name eq $type->{name} and "@$shape" eq "@{ $type->{shape} }";
    AI::MXNet::Error->throw(kind => 'internal', message => "an array was predicted to be $type->{name} [@{ $type->{shape} }], "
        . "but the engine holds $name [@$shape]: please report the operator that made it");
}

sub wait_to_read
{
    my ($self) = @_;
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale($self);
    AI::MXNet::Engine->request('wait', $self->{handle});
    return $self;
}
sub wait_to_write { goto &wait_to_read }

sub waitall
{
    my $failure = (AI::MXNet::Engine->failures)[0];
    return unless defined $failure;
    AI::MXNet::Error->throw(kind => 'compute', message => $failure =~ s/ at .*? line \d+\.\n//r);
}

# -- copies ------------------------------------------------------------------------------------------------------

sub copy : lvalue { my ($self) = @_; my $result = $self->copyto($self->context); $result }
sub sever : lvalue { my ($self) = @_; my $result = $self->copy; $result }

sub copyto : lvalue
{
    my ($self, $target) = @_;
    my $result;
    if (blessed $target and $target->isa('AI::MXNet::Context')) {
        $result = AI::MXNet::Operators::invoke(_row('_copy'), [$self], {});
        $result->{type} = AI::MXNet::Shape::type($self->{type}{shape}, $self->{type}{name}, $target->usable);
    }
    elsif (blessed $target and $target->isa(__PACKAGE__)) {
        if ($target->{handle} == $self->{handle}) { warn "You are attempting to copy an array to itself\n" }
        else {
            $target->_check_fits($self->{type}{shape});
            AI::MXNet::Operators::invoke(_row('_copy'), [$self], {}, $target);
        }
        $result = $target;
    }
    elsif (ref $target eq 'AI::MXNet::NDArray::Slice') { $result = $target->set($self) }
    else { _fail('copyto takes a context or an NDArray, but got ', $target // 'undef') }
    $result;
}

sub as_in_context : lvalue
{
    my ($self, $ctx) = @_;
    my $result = $self->context == $ctx ? $self : $self->copyto($ctx);
    $result;
}

sub astype : lvalue
{
    my ($self, $dtype) = @_;
    my $result = ($dtype // '') eq 'bool' ? $self->_as_bool
        : AI::MXNet::Operators::invoke(_row('Cast'), [$self], { dtype => AI::MXNet::DType::check($dtype) });
    $result;
}

sub tostype
{
    my ($self, $stype) = @_;
    return $self if _stype('tostype', $stype) eq $self->stype;
    return AI::MXNet::Operators::invoke(_row('cast_storage'), [$self], { stype => $stype });
}

# -- shapes and views ----------------------------------------------------------------------------------------------

# On the class the operator of the name is meant: nd->reshape($x, shape => [2, 3]).
sub _on_class { my $name = shift; return AI::MXNet::Operators::call(_row($name), @_) }

sub reshape : lvalue
{
    my ($self, $shape, @options) = @_;
    return my $reshaped = _on_class('Reshape', @_) if not ref $self;
    # as symbols take it, so that code of a block serves both
    ($shape, @options) = _shape_first($shape, @options);
    _fail('In method reshape: parameter 1 ($new_shape): Validation failed for \'ArrayRef[Int]\' with value ', $shape // 'undef')
        unless ref $shape eq 'ARRAY';
    my %options = _named('reshape', ['reverse'], @options);
    my $result = AI::MXNet::Operators::invoke(_row('_view_reshape'), [$self], { shape => $shape, reverse => $options{reverse} ? 1 : 0 });
    $result;
}

sub T : lvalue
{
    my ($self) = @_;
    _fail('Only 2D matrix is allowed to be transposed') if $self->ndim > 2;
    my $result = $self->transpose;
    $result;
}

sub moveaxis
{
    my ($self, $source, $destination, @options) = ref $_[0] ? @_ : @_[1 .. $#_];
    if (@options) {
        my %options = _named('moveaxis', [qw(source destination)], $source, $destination, @options);
        ($source, $destination) = @options{qw(source destination)};
    }
    AI::MXNet::Error::expect('moveaxis takes an NDArray, an axis and where it goes', __PACKAGE__, $self);
    my $ndim = $self->ndim;
    for ($source, $destination) {
        $_ = _integer('moveaxis', $_);
        _fail("moveaxis: axis $_ is out of range for $ndim dimensions") if $_ < -$ndim or $_ >= $ndim;
        $_ += $ndim if $_ < 0;
    }
    my @axes = grep { $_ != $source } 0 .. $ndim - 1;
    splice @axes, $destination, 0, $source;
    return $self->transpose(axes => \@axes);
}

sub broadcast_to
{
    my ($self, $shape) = @_;
    return _on_class('broadcast_to', @_) if not ref $self;
    _check_shape('broadcast_to', $shape);
    my @own = (1) x List::Util::max(0, @$shape - $self->ndim);
    my $padded = @own ? $self->reshape([@own, @{ $self->shape }]) : $self;
    my @old = @{ $padded->shape };
    _fail("operands could not be broadcast together with remapped shapes [original->remapped]: [@{ $self->shape }] and requested shape [@$shape]")
        if @old != @$shape or grep { $old[$_] != 1 && $old[$_] != $shape->[$_] } 0 .. $#old;
    return AI::MXNet::Operators::invoke(_row('broadcast_to'), [$padded], { shape => $shape });
}

sub detach
{
    my ($self) = @_;
    my $result = AI::MXNet::Operators::invoke(_row('_view_detach'), [$self], {});
    $result->{rec} = 0;
    return $result;
}

# -- gradients -----------------------------------------------------------------------------------------------------

sub attach_grad
{
    my ($self, @options) = @_;
    my %options = (grad_req => 'write', _named('attach_grad', [qw(grad_req stype)], @options));
    my $stype = _stype('attach_grad', $options{stype} // $self->stype);
    my $req = $options{grad_req};
    _fail("In method attach_grad: parameter grad_req: one of add, write, null, but got '", $req // 'undef', "'")
        unless defined $req and $req =~ /\A(?:add|write|null)\z/;
    $self->_mark($req eq 'null' ? undef : __PACKAGE__->zeros($self->shape, dtype => $self->dtype, ctx => $self->context, stype => $stype), $req);
    return;
}

sub _mark
{
    my ($self, $grad, $req) = @_;
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale($self, $grad);
    AI::MXNet::Error->throw(kind => 'shape', message => 'MXNetError: a variable of shape [' . join(',', @{ $self->shape })
        . '] was given a gradient of shape [' . join(',', @{ $grad->shape }) . ']')
        if defined $grad and "@{ $grad->shape }" ne "@{ $self->shape }";
    AI::MXNet::Engine->send(['mark', $self->{handle}, (defined $grad ? $grad->{handle} : undef), $req]);
    $self->{grad} = $grad;
    $self->{rec} = $req eq 'null' ? 0 : -1;
    return;
}

sub backward
{
    my ($self, @options) = @_;
    my %options = (retain_graph => 0, train_mode => 1, _named('backward', [qw(out_grad retain_graph train_mode)], @options));
    return AI::MXNet::AutoGrad->backward([$self], (defined $options{out_grad} ? (head_grads => [$options{out_grad}]) : ()),
        retain_graph => $options{retain_graph}, train_mode => $options{train_mode});
}

# True for a variable and for what is recorded and not yet consumed by a backward.
sub is_on_tape
{
    my ($self) = @_;
    my $rec = $self->{rec};
    return 1 if $rec < 0 or $rec > $AI::MXNet::AutoGrad::CONSUMED;
    return 0 unless $AI::MXNet::AutoGrad::RECORDING;
    my ($fields) = AI::MXNet::Engine->request('on_tape', AI::MXNet::Engine::handles_of($self));
    return $fields->[1];
}

# -- namespaces ------------------------------------------------------------------------------------------------------

sub random  {'AI::MXNet::Random'}
sub linalg  { AI::MXNet::NS::load('AI/MXNet/LinAlg.pm');         'AI::MXNet::LinAlg::NDArray' }
sub contrib { AI::MXNet::NS::load('AI/MXNet/Contrib.pm');        'AI::MXNet::Contrib::NDArray' }
sub image   { AI::MXNet::NS::load('AI/MXNet/Image.pm');          'AI::MXNet::Image::NDArray' }
sub sparse  { AI::MXNet::NS::load('AI/MXNet/NDArray/Sparse.pm'); 'AI::MXNet::NDArray::Sparse' }

1;

__END__

=head1 NAME

AI::MXNet::NDArray - arrays that the engine computes with

=head1 SYNOPSIS

    use PDL;
    use AI::MXNet qw(mx nd);

    my $x = nd->array([[1, 2, 3], [4, 5, 6]]);
    my $y = nd->array(sequence(3, 2), dtype => 'float32');
    my $z = ($x + $y) * 10 - $x->mean(axis => 0);

    print "@{ $z->shape } ", $z->dtype, "\n";   # 2 3 float32
    print $z->slice('X', [0, 1])->aspdl;        # the first two columns, as a piddle
    $z->at(0) .= 7;                             # a row is a view: this changes $z
    print $z->sum->asscalar, "\n";

=head1 DESCRIPTION

An array has a shape (a list of dimensions, slowest first, row-major as in MXNet, NumPy and C), a dtype
(L<AI::MXNet::DType>) and a context (L<AI::MXNet::Context>). All three are known at once; the values are in the engine,
and asking for them (L</aspdl>, L</asscalar>, a condition, L<save|/"save, load, load_frombuffer">) waits until they are computed.

C<nd> is this package, imported by C<use AI::MXNet qw(mx nd)>. Beside the methods below every operator of the table is a
function C<< nd->name(...) >> and a method C<< $x->name(...) >>; see L</OPERATORS>.

PDL lists dimensions the other way round: a piddle of dims (3, 2) is an array of shape [2, 3], with its values in the
same order in memory.

=head1 ATTRIBUTES

=head2 shape

    my $shape = $x->shape;    # [2, 3], a list of its own

=head2 size, ndim, len

    printf "%d %d %d\n", $x->size, $x->ndim, $x->len;    # 6 2 2

The number of elements, of dimensions, and the length of dimension 0. C<< $x->size([4, 5]) >> is the product of that
list.

=head2 dtype, stype, context

    print join(' ', $x->dtype, $x->stype, $x->context), "\n";    # float32 default cpu(0)

The storage type is C<default>, which is dense, C<csr> or C<row_sparse>: see L<AI::MXNet::NDArray::Sparse>.

=head2 grad

The array that L</backward> writes the gradient to, or undef without L</attach_grad>. C<< $x->grad .= 0 >> writes to it.

=head2 writable

    my $constant = nd->ones([2]);
    $constant->writable(0);
    eval { $constant += 1 };
    print $@;    # the array <AI::MXNet::NDArray 2 @cpu(0)> is not writable at ...

=head2 handle

A number by which the engine knows the array; equal for two references to one array.

=head2 is_on_tape

True for a variable (L</attach_grad>), and for what was recorded and no C<backward> has used up.

=head1 FUNCTIONS

Class methods. The dtype is float32 unless C<dtype> says otherwise, and the context the current one unless C<ctx> does.

=head2 array

    my $matrix = nd->array([[1, 2], [3, 4]]);
    my $bytes  = nd->array([1, 2, 300], dtype => 'uint8');    # 1 2 44: C's conversion
    my $cube   = nd->array(zeroes(4, 3, 2));                  # shape [2, 3, 4]
    my $filled = nd->array(pdl('1 BAD 3'), bad => 0);         # 1 0 3
    my $copy   = nd->array($matrix);

A new array of the values in a nested list (short rows are padded with zeros; C<'nan'> and C<'inf'> are numbers), a
piddle of any real type, or an array, which is copied. The dtype of the source plays no part. A piddle without
dimensions becomes shape [1], an empty list shape [0]. Dies on bad values (unless C<bad> says what to put there), complex
numbers, and lists of arrays: those are for C<stack> and C<concat>.

=head2 new

    my $watched = mx->sym->var('x')->square->simple_bind(shapes => { x => [2] });
    $watched->set_monitor_callback(sub { my ($name, $handle) = @_; print AI::MXNet::NDArray->new(handle => $handle) });

The array behind the handle that a monitor is given.

=head2 zeros, ones, empty, full

    my $zeros = nd->zeros([2, 3]);
    my $ones  = nd->ones([2, 3], dtype => 'int32', ctx => mx->cpu);
    my $full  = nd->full([2, 3], 7);

Arrays of a shape, which is a list ref of integers from 1. C<empty> gives zeros, too. C<< out => $array >> fills that
array and returns it. C<< stype => 'csr' >> or C<row_sparse> makes sparse zeros.

=head2 arange

    my $five  = nd->arange(stop => 5);                              # 0 1 2 3 4
    my $down  = nd->arange(start => 2, stop => 0, step => -0.5);    # 2 1.5 1 0.5
    my $twice = nd->arange(stop => 3, repeat => 2);                 # 0 0 1 1 2 2

From C<start> (0) up to, and without, C<stop> in steps of C<step> (1), each C<repeat> (1) times. C<start> alone is taken
as C<stop>.

=head2 identity

    my $square = nd->identity(3);    # as nd->eye(3)

Of a number a square array with ones on the diagonal; of an array the operator of that name, a copy.

=head2 concatenate

    my $rows = nd->concatenate([$x, $y], axis => 0);    # shape [4, 3]

One array of several that agree on all axes but C<axis> (0). A single one is copied, or with C<< always_copy => 0 >>
returned. The operators C<concat> (default axis 1) and C<stack> do similar.

=head2 onehot_encode

    my $coded = nd->onehot_encode(nd->array([1, 0]), nd->zeros([2, 3]));    # [[0 1 0] [1 0 0]]

Writes to the second array, of shape [n, classes], a 1 in each row at the position that the first says.

=head2 histogram

    my ($counts, $edges) = @{ nd->histogram(nd->array([1, 2, 3]), bin_cnt => 2, range => [0, 4]) };    # 1 2, 0 2 4

How many values (int64) lie in each of C<bin_cnt> equal bins over C<range>, or between given edges C<bins>; with the edges.
C<bins> may also be a number, without C<range> over all values, for which it waits.

=head2 maximum, minimum

    my $largest = nd->maximum($x, 3);
    $largest = $x->maximum($y);

Elementwise, broadcasting, of two arrays or an array and a number.

=head2 save, load, load_frombuffer

    my $file = "/tmp/weights-$$.params";
    nd->save($file, { w => $matrix, b => nd->zeros([2]) });
    my $saved = nd->load($file);    # a hash ref, as it was saved; a list comes back as a list
    print join(' ', sort keys %$saved), "\n";
    unlink $file;

MXNet's C<.params> format, readable by every MXNet 1.x and back. A file is written beside its target and then renamed.
C<load_frombuffer> takes the bytes of a file. Malformed content dies and says at which byte.

=head2 waitall

Waits until everything issued is computed, and dies with the first failure that nobody has read.

=head2 random, linalg, contrib, image, sparse

The namespaces L<AI::MXNet::Random>, L<AI::MXNet::LinAlg>, L<AI::MXNet::Contrib>, L<AI::MXNet::Image> and
L<AI::MXNet::NDArray::Sparse>.

=head2 imdecode

    my $png    = nd->image->encode(nd->ones([4, 6, 3], dtype => 'uint8'), format => '.png', quality => 9);
    my $planes = nd->imdecode($png, clip_rect => [1, 0, 5, 4]);    # [3, 4, 4], float32

The pixels of an image file's bytes, as planes of colours [channels, height, width], red first. C<clip_rect> cuts the
image: left, top, right, bottom, the latter two excluded. C<mean> is an array to subtract, C<channels> 3 or 1, C<out> an
array to write to, in C<< out->at(index) >> if that holds several images.

=head2 Custom

An operator of the user's own, C<< nd->Custom($x, op_type => 'name') >>: see L<AI::MXNet::Operator>.

=head2 CachedOp

    my $f = nd->CachedOp(mx->sym->var('x')->square);

A symbol as a function of arrays: L<AI::MXNet::CachedOp>.

=head1 METHODS

=head2 aspdl

    my $piddle = $x->aspdl;    # dims (3, 2)
    $piddle->inplace->sqrt;    # $x stays as it is

The values as a piddle: float for float32 and float16, double, byte, sbyte, long and longlong for float64, uint8, int8,
int32 and int64. It is a copy; of a large array it costs next to nothing until one of both is changed. Dies with the
failure of whatever computation the array comes from.

=head2 asmpdl

The values of a matrix as a L<PDL::Matrix>, rows first.

=head2 asscalar

    my $sum = $x->sum->asscalar;    # 21, a Perl number

Of the only element; dies if there are several.

=head2 wait_to_read, wait_to_write

Wait until the array is computed, die if that failed, and return it.

=head2 describe, stringify

    print $x->describe, "\n";    # <AI::MXNet::NDArray 2x3 @cpu(0)>, which is also what "$x" gives

=head2 set

    $matrix .= 0;                   # the same as $matrix->set(0)
    $matrix .= [[5, 6], [7, 8]];    # a nested list, a piddle, an array or a slice of exactly this shape

Overwrites the values and returns the array; what is written is converted to its dtype. Views see it, and so does
everything else that shares the memory. While recording, an array that is on the tape cannot be written to.

=head2 copy, sever, copyto, as_in_context

    my $other  = $x->copy;                         # sever is the same
    $x->copyto($other);                            # into an array of the same shape, converting the dtype
    my $there  = $x->copyto(mx->cpu(1));           # a new array in that context
    my $either = $x->as_in_context(mx->cpu(1));    # itself, if it is there already

=head2 astype, tostype

    my $integers = $x->astype('int32');

A copy in another dtype; fractions are cut off. C<tostype> gives the array in another storage type: C<default>, C<csr>
or C<row_sparse>; itself, if it is of that type.

=head2 reshape

    my $tall  = $x->reshape([3, -1]);                          # [3, 2], the same memory
    my $split = nd->ones([2, 12])->reshape([0, -4, 3, -1]);    # [2, 3, 4]

A view with another shape. Besides lengths the list may hold: 0 (keep this dimension), -1 (what is left; once), -2 (keep
all that follow), -3 (merge two), -4 and two numbers (split one). C<< reverse => 1 >> counts from the right. Dies if the
sizes differ.

=head2 T, moveaxis

    my $turned = $x->T;                                   # [3, 2], a copy; of two dimensions at most
    my $moved  = nd->ones([2, 3, 4])->moveaxis(0, -1);    # [3, 4, 2]

C<transpose>, C<swapaxes>, C<expand_dims>, C<squeeze> and C<flatten> are operators.

=head2 broadcast_to

    my $repeated = nd->array([1, 2])->broadcast_to([3, 2]);

A copy in which dimensions of length 1, and missing ones in front, are repeated.

=head2 detach

The same memory, unknown to the tape.

=head2 at

    my $row  = $x->at(-1);     # shape [3], a view of the last row
    my $cell = $x->at(0, 1);   # as many indices as dimensions: a slice of shape [1, 1]

The row of a vector has shape [1].

=head2 slice

    my $second = $x->slice(1);                     # shape [1, 3]: an index keeps its dimension
    my $both   = $x->slice([0, 1]);                # rows 0 to 1, inclusive
    my $column = $x->slice('X', -1);               # 'X': all of a dimension
    $x->slice('X', [1, 2]) .= [[7, 8], [9, 10]];   # writes to $x
    $x->slice(0, 0) += 100;
    my $picked = $x->slice([[0, 1], [2, 0]]);      # elements (0, 2) and (1, 0)
    my $every  = $x->slice(begin => [0, 0], end => [2, 3], step => [1, 2]);    # the operator: ends excluded

Ranges C<[begin, end]> include their end; negative numbers count from the end. One argument cuts dimension 0 and gives a
view. One for each dimension gives an L<AI::MXNet::NDArray::Slice>, which reads as a copy and writes to the array. A list
of lists picks single elements. Dies for ranges outside of the array, empty ranges, steps, and any other number of
indices.

=head2 split_array

The rows of dimension 0, as copies that the tape knows; also C<@$x>.

=head2 attach_grad

    my $w = nd->array([1, 2]);
    $w->attach_grad;                        # also grad_req => 'add' (accumulate) or 'null' (none)

Makes the array a variable, with a gradient of zeros; of the storage type C<stype>, if given, else that of the array.

=head2 backward

    my $loss;
    mx->autograd->record(sub { $loss = ($w * $w)->sum });
    $loss->backward;
    print $w->grad->aspdl, "\n";            # [2 4]

Computes gradients with respect to all variables that the array was recorded to depend on. C<out_grad> is the gradient
to begin with (ones), C<< retain_graph => 1 >> keeps the record for another C<backward>. See L<AI::MXNet::AutoGrad>.

=head2 add, subtract, multiply, divide, true_divide, modulo, mod, power, equal, not_equal, greater, greater_equal, lesser, lesser_equal

    my $difference = $x->subtract(1);       # $x - 1
    $difference = $x->subtract(1, 1);       # 1 - $x

The overloaded operators by name. A second, true argument exchanges the operands.

=head2 atan2

    my $angle = $y->atan2($x);

The arctangent of C<$y / $x>, from -pi/2 to pi/2, as in the original: unlike Perl's own, it does not tell the quadrants apart.

=head2 iadd, isubtract, imultiply, idivide, imodulo

C<+=> and so on by name: they change the array, and return it.

=head2 asarray, tolist

    my $nested = $x->asarray;        # [[1, 2, 3], [4, 5, 6]], always a reference
    my @lists  = $x->tolist;         # its elements: here two list refs
    my ($first) = nd->array([7, 8])->tolist;    # 7

The values in Perl's lists.

=head2 to_html, iperl_data_representations

The values as an HTML table, and what IPerl shows: see L<AI::MXNet::Prompt>, which also makes arrays show their values as
strings.

=head2 asstr

    print $x->asstr, "\n";           # [[1 2 3]
                                     #  [4 5 6]]
    print(($x / 3)->asstr('%.2f'), "\n");

The values as text. Without a format, whole numbers have no point, others four places; of two or more dimensions all
numbers of a column have the same form. A format with places, like C<%.2f>, is for every number, any other one for what is
no whole number. Of more than 1000 elements the middle ones are left out.

=head2 print, printf

    nd->print('Data: ', $x);         # the text of the array, and a line that describes it
    $x->print;
    nd->printf("first %.1f, then %d\n", $x, 3);

Print to the selected handle: arrays as L</asstr> and a line like C<< <AI::MXNet::NDArray 2x3 @cpu(0)> AI::MXNet::NDArray
float32 >>, a hash of arrays by its keys, other references as Perl writes them. C<printf> prints an item for each
conversion of its template, arrays with that format.

=head2 set_printoptions

    nd->set_printoptions(precision => 2);                 # or just 2
    nd->set_printoptions(threshold => 100, edge => 2);    # leave out more, and show two at each end
    nd->set_printoptions(suppress => 1);                  # no zeros at the end of a fraction
    nd->set_printoptions();

Sets what L</asstr> does for the whole program; what is not given has its default again (4, 1000, 3, 0).

=head2 cov, corrcoef

    my $c = nd->cov($x);                         # 2x2, float64: each row of $x is a variable
    $c = nd->cov($x, rowvar => 0, ddof => 0);    # each column is one
    my $r = nd->corrcoef($x);

Covariances (C<y>: more variables, C<rowvar>, C<bias>, C<ddof>, C<fweights>, C<aweights>, C<dtype>) and Pearson's
correlations (C<y>, C<rowvar>, C<dtype>), as NumPy has them.

=head2 percentile

    my $median    = nd->percentile($x, 50);                      # shape []
    my $quartiles = nd->percentile($x, [25, 50, 75], axis => 1); # 3x2

=head2 random_choice

    my $places = nd->random_choice(10, 4);                       # 4 numbers below 10, int64
    my $deal   = nd->random_choice([1 .. 5], 3, replace => 0);
    my $coin   = nd->random_choice([0, 1], size => [2, 3], p => [0.9, 0.1]);

=head2 tril_indices, triu_indices

    my ($rows_of, $columns_of) = @{ nd->triu_indices(3, 1) };    # 0 0 1, and 1 2 2

Where a triangle of an C<n> x C<m> array is, from diagonal C<k> on.

=head2 read_csv

C<< nd->read_csv($file, label => 'species') >> is the table of a text file, with its data and its label as arrays: see
L<AI::MXNet::Table>.

=head2 pi, inf

    print nd->pi, ' ', nd->inf, "\n";

Numbers.

=head2 get_arguments

    sub area { my $self = shift; my %a = nd->get_arguments(width => 1, height => 2, \@_); return $a{width} * $a{height} }
    print __PACKAGE__->area(5, height => 3), "\n";    # 15

The arguments of a function that may be given by position or name: defaults in their order, and a reference to C<@_>, where
only C<out> is left. Undef leaves the default.

=head2 help, find_functions, list_functions

    nd->help('dot');                            # what an operator computes, its arguments, an example
    nd->find_functions('*soft*');               # the names that match
    my @found = nd->find_functions('*soft*', 1);    # or silently: hashes with __name__ and __doc__
    nd->list_functions;

=head2 function_meta, function_meta_hash

    my $about = nd->function_meta(nd->can('dot'));
    print "$about->{__name__}: $about->{__doc__}\n";

What C<help> tells of the function that calls an operator; undef for another. And of all of them, by their code.

=head2 STORABLE_freeze, STORABLE_thaw

For L<Storable>: C<dclone>, C<freeze> and C<store> work on arrays.

=head2 adopt

For the other modules: objects for arrays that the engine made.

=head1 OVERLOADS

=over 4

=item + - * / % **

Two arrays (broadcasting), or an array and a number on either side.

=item == != > >= < <=

The same; 1 and 0 in the dtype of the arrays.

=item += -= *= /= %= ++ --

Change the array itself; every reference and view sees it. C<**=> makes a new array.

=item .=

See L</set>.

=item unary -, abs sqrt exp log sin cos atan2

Elementwise.

=item bool

Of one element: whether it is not 0, which waits for it. Several elements are true.

=item 0+ "" @{}

See L</asscalar>, L</describe, stringify>, L</split_array>. C<eq>, C<ne> and C<cmp> compare the strings.

=back

Two arrays must have one dtype, and their shapes must broadcast: counted from the right, lengths are equal or one of
them is 1. With a number the result has the dtype of the array; the quotient of integers is cut off, and 0 for a divisor
0. C<< <=> >> and C<x> die. A piddle of one element is taken as its number, any other piddle or list dies: wrap it in
C<< nd->array >>.

=head1 OPERATORS

    my $s = nd->sum($x, axis => 1);         # inputs first, then attributes by name
    $s = nd->sum($x, 1);                    # by position
    $s = nd->sum($x, { axis => 1 });        # in a hash ref: names are checked
    $s = nd->sum(data => $x, axis => 1);    # inputs by name
    $s = $x->sum(axis => 1);                # the object is the first input
    my $out = nd->zeros([2]);
    nd->sum($x, axis => 1, out => $out);    # into an array, which is returned
    my ($left, $right) = @{ nd->split($x->T, num_outputs => 3, axis => 0) };    # several outputs: a list ref

The operators are those of MXNet 1.x, with their names, aliases, arguments and defaults; F<docs/operators.md> lists them.
Operators whose names begin with C<_npi_>, C<_np_>, C<_npx_>, C<_contrib_> or C<_> also go by what follows, unless that is
a name already: C<< nd->std($x, axis => 0) >> is C<_npi_std>. Those of NumPy's set (C<_np...>) give arrays without
dimensions (shape C<[]>) and of dtype bool where NumPy does; with such arrays elementwise operators do so, too, and all
others take shape [1] for them.

Where an array is missing, a list or a piddle is one: C<< nd->unique([3, 1, 3]) >>. A slice is read as an array.

Several inputs (C<concat>, C<stack>, C<add_n>) may also be given as one list ref. An attribute of the type Shape takes a
list ref or a number; C<undef> is MXNet's None; a boolean is 1 or 0. Where a method above has the name of an operator
(C<reshape>, C<slice>, C<broadcast_to>), the method is meant; the operator goes by its other name (C<Reshape>, C<crop>).

=head1 ERRORS

Wrong names, types, shapes and dtypes die at the call, with an L<AI::MXNet::Error> in MXNet's words. A failure that only
the computing can find (an index out of range, a matrix that is not positive definite) dies at the call where that waits
anyway; else it is thrown by whoever reads the result or anything computed from it, and names the line of the call at
fault. What nobody reads is told on standard error when the script ends.

=head1 SEE ALSO

L<AI::MXNet>, L<AI::MXNet::NDArray::Slice>, L<PDL>

=cut

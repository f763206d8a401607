package AI::MXNet::Gluon::Parameter;
# A parameter of a network: its array on each context, and the gradients. POD at the end.
#
# { _at } has the arrays by the address of their context object, of which there is one for each context: what a layer
# looks at when it is called. Sparse ones are not there: a layer asks for their rows.
use strict;
use warnings;
use AI::MXNet ();
use AI::MXNet::Mouse;
use Scalar::Util ();
use AI::MXNet::AutoGrad;
use AI::MXNet::Base ();
use AI::MXNet::Context;
use AI::MXNet::DType;
use AI::MXNet::Error;
use AI::MXNet::Initializer;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::NS;
use AI::MXNet::Types;
use overload
    '""'   => sub { $_[0]->_describe },
    'bool' => sub {1},
    AI::MXNet::Base::_by_identity(),
    fallback => 1;

has name                => (is => 'ro', isa => 'Str', required => 1);
has _grad_req           => (is => 'rw', isa => 'GradReq', init_arg => 'grad_req', default => 'write');
has _shape              => (is => 'rw', isa => 'Maybe[Shape|Int]', init_arg => 'shape');
has dtype               => (is => 'rw', isa => 'Dtype', default => 'float32');
has [qw(stype grad_stype)] => (is => 'rw', isa => 'Stype', default => 'default');
has [qw(lr_mult wd_mult)]  => (is => 'rw', isa => 'Num', default => 1);
has init                => (is => 'rw', isa => 'Maybe[Initializer]');
has allow_deferred_init => (is => 'rw', isa => 'Bool', default => 0);
has differentiable      => (is => 'rw', isa => 'Bool', default => 1);
has [qw(_var _data _grad _contexts _deferred_init _at _trainer)] => (is => 'rw', init_arg => undef);

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return ['name'] }

sub BUILD
{
    my ($self) = @_;
    $self->_shape([$self->_shape]) if defined $self->_shape and not ref $self->_shape;
    $self->_grad_req('null') unless $self->differentiable;
}

sub _describe
{
    my ($self) = @_;
    my ($class) = ref($self) =~ /(\w+)\z/;
    return "$class " . $self->name . ' (shape=' . _shape_text($self->_shape) . ', dtype=' . $self->dtype . ', stype=' . $self->stype . ')';
}

sub _shape_text { my ($shape) = @_; return '(' . join(', ', @{ $shape // [] }) . ')' }

# -- attributes that are more than a value -------------------------------------------------------------------------

# Dimensions of 0 are unknown, and may become known.
sub shape
{
    my ($self, @new) = @_;
    return $self->_shape unless @new;
    AI::MXNet::Error::expect('shape takes a list of sizes', ARRAY => $new[0]) if ref $new[0];
    my $new = ref $new[0] ? [@{ $new[0] }] : \@new;
    my $old = $self->_shape;
    AI::MXNet::Error::fail('Expected shape ', _shape_text($new), ' is incompatible with given shape ', _shape_text($old), ' of Parameter ', $self->name)
        if defined $old and (@$old != @$new or grep { $old->[$_] && $old->[$_] != $new->[$_] } 0 .. $#$old);
    $self->_shape($new);
    $self->_var(undef);
    return $new;
}

sub grad_req
{
    my ($self, $req) = @_;
    return $self->_grad_req unless defined $req;
    AI::MXNet::Error::fail("grad_req must be one of write, add, or null, but got $req") unless $req =~ /\A(?:write|add|null)\z/;
    $req = 'null' unless $self->differentiable;
    return $req if $self->_grad_req eq $req;
    $self->_grad_req($req);
    $self->_attach_grads if defined $self->_data;
    return $req;
}

# What ParameterDict->get wants of a parameter that exists: that the attribute is as wanted, or can become so.
sub _reconcile
{
    my ($self, $attribute, $wanted) = @_;
    $self->can($attribute) or AI::MXNet::Error::fail('Parameter ', $self->name, " has no attribute '$attribute'");
    my $known = $self->$attribute;
    if (not defined $known) { $self->$attribute($wanted); return }
    return if not defined $wanted;
    if ($attribute eq 'shape') {
        $wanted = [$wanted] unless ref $wanted;
        if (@$known == @$wanted and not grep { $known->[$_] && $wanted->[$_] && $known->[$_] != $wanted->[$_] } 0 .. $#$known) {
            $self->_shape([map { $known->[$_] || $wanted->[$_] } 0 .. $#$known]);
            return;
        }
        ($known, $wanted) = map { _shape_text($_) } $known, $wanted;
    }
    return if "$known" eq "$wanted" or $attribute eq 'init' and lc _initializer($known) eq lc _initializer($wanted);
    AI::MXNet::Error::fail("Cannot retrieve Parameter ", $self->name, " because desired attribute does not match with stored for attribute $attribute: ",
        "desired $wanted vs stored $known");
}

# -- first values --------------------------------------------------------------------------------------------------

# An initializer, or what stands for one.
sub _initializer
{
    my ($init) = @_;
    return AI::MXNet::Initializer::_from_text($init) unless ref $init;
    AI::MXNet::Error::expect('init is an initializer or its name', CODE => $init);
    return $init;
}

sub initialize
{
    my ($self, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('initialize', [qw(init ctx default_init force_reinit)], @options);
    if (defined $self->_data and not $options{force_reinit}) {
        AI::MXNet::Logging->warning("Parameter '%s' is already initialized, ignoring. Set force_reinit=True to re-initialize.", $self->name);
        return;
    }
    my $default = $options{default_init} // 'Uniform';
    $self->_forget_arrays;
    $self->_deferred_init([$options{init} // $self->init // $default, _contexts_of($options{ctx}), $default, undef]);
    return $self->_finish_deferred_init if $self->_is_shape_known;
    return if $self->allow_deferred_init;
    $self->_deferred_init(undef);
    AI::MXNet::Error::fail("Cannot initialize Parameter '", $self->name, "' because it has invalid shape: ", _shape_text($self->_shape), '.');
}

sub _is_shape_known { my ($self) = @_; return defined $self->_shape && !grep { $_ <= 0 } @{ $self->_shape } }

sub _contexts_of { my ($ctx) = @_; return [map { AI::MXNet::Context::of($_) } ref $ctx eq 'ARRAY' ? @$ctx : $ctx] }

sub _forget_arrays
{
    my ($self) = @_;
    $self->$_(undef) for qw(_data _grad _contexts _at);
    return;
}

sub _finish_deferred_init
{
    my ($self) = @_;
    my $deferred = $self->_deferred_init or return;
    my ($init, $contexts, $default, $data) = @$deferred;
    AI::MXNet::Error::fail("Cannot initialize Parameter '", $self->name, "' because it has invalid shape: ", _shape_text($self->_shape),
        '. Please specify in_units, in_channels, etc for `Block`s.') unless $self->_is_shape_known;
    AI::MXNet::AutoGrad->pause(sub {
        if (not defined $data) {
            $data = AI::MXNet::NDArray->zeros($self->_shape, dtype => $self->dtype, stype => $self->stype, ctx => $contexts->[0]);
            _initializer($default)->(AI::MXNet::InitDesc::->new(name => $self->name, attrs => { __init__ => _initializer($init) }), $data);
        }
        $self->_set_arrays($data, $contexts);
    });
    $self->_deferred_init(undef);
    return;
}

# Makes an array of the value on each context, and their gradients.
sub _set_arrays
{
    my ($self, $data, $contexts) = @_;
    $self->_contexts([@$contexts]);
    $self->_data([$data->context == $contexts->[0] ? $data : $data->copyto($contexts->[0]), map { $data->copyto($_) } @$contexts[1 .. $#$contexts]]);
    return $self->_attach_grads;
}

sub _attach_grads
{
    my ($self) = @_;
    my $data = $self->_data;
    my %at;
    $at{ Scalar::Util::refaddr($self->_contexts->[$_]) } = $data->[$_] for 0 .. $#$data;
    $self->_at($self->stype eq 'default' ? \%at : {});
    if ($self->_grad_req eq 'null') {
        $_->_mark(undef, 'null') for @$data;
        $self->_grad(undef);
        return;
    }
    $self->_grad([map { AI::MXNet::NDArray->zeros($_->shape, dtype => $_->dtype, ctx => $_->context, stype => $self->grad_stype) } @$data]);
    AI::MXNet::AutoGrad->mark_variables($data, $self->_grad, grad_reqs => $self->_grad_req);
    return;
}

# -- values --------------------------------------------------------------------------------------------------------

# The arrays of a list, or why there are none.
sub _checked
{
    my ($self, $arrays) = @_;
    return $arrays if defined $arrays;
    AI::MXNet::Error::fail("DeferredInitializationError: Parameter '", $self->name, "' has not been initialized yet because initialization was deferred. ",
        'Actual initialization happens during the first forward pass. Please pass one batch of data through the network before accessing Parameters. ',
        'You can also avoid deferred initialization by specifying in_units, num_features, etc., for network layers.') if $self->_deferred_init;
    AI::MXNet::Error::fail("Parameter '", $self->name, "' has not been initialized. Note that you should initialize parameters and create Trainer with ",
        'Block->collect_params() instead of Block->params because the later does not include Parameters of nested child Blocks');
}

# The array of a list for a context.
sub _on
{
    my ($self, $arrays, $ctx) = @_;
    $self->_checked($arrays);
    return $arrays->[0] if not defined $ctx and @$arrays == 1;
    $ctx //= AI::MXNet::Context::->current_ctx;
    my $contexts = $self->_contexts;
    for my $i (0 .. $#$contexts) { return $arrays->[$i] if $contexts->[$i] == $ctx }
    AI::MXNet::Error::fail("Parameter '", $self->name, "' was not initialized on context $ctx. It was only initialized on @$contexts.");
}

sub _refuse_sparse
{
    my ($self, $method, $instead) = @_;
    AI::MXNet::Error::fail("Cannot return a copy of Parameter '", $self->name, "' via $method because its storage type is ",
        $self->stype, ". Please use $instead instead.") if $self->stype ne 'default';
    return;
}

# lvalues, so that $parameter->data .= 7 writes to the array
sub data : lvalue
{
    my ($self, $ctx) = @_;
    $self->_refuse_sparse('data()', 'row_sparse_data()') if $self->stype ne 'default';
    my $array = $self->_on($self->_data, $ctx);
    $array;
}

sub grad : lvalue
{
    my ($self, $ctx) = @_;
    my $array = $self->_on($self->_gradients, $ctx);
    $array;
}

sub list_data
{
    my ($self) = @_;
    $self->_refuse_sparse('list_data()', 'list_row_sparse_data()');
    return [@{ $self->_checked($self->_data) }];
}

sub _gradients
{
    my ($self) = @_;
    AI::MXNet::Error::fail('Cannot get gradient array for Parameter ', $self->name, " because grad_req='null'")
        if defined $self->_data and not defined $self->_grad;
    return $self->_checked($self->_grad);
}

sub list_grad { my ($self) = @_; return [@{ $self->_gradients }] }

# The gradients that there are.
sub _grads { my ($self) = @_; return @{ $self->_grad // [] } }

sub list_ctx
{
    my ($self) = @_;
    return [@{ $self->_deferred_init->[1] }] if not defined $self->_data and $self->_deferred_init;
    $self->_checked($self->_data);
    return [@{ $self->_contexts }];
}

sub zero_grad { my ($self) = @_; $_ .= 0 for $self->_grads; return }

sub set_data
{
    my ($self, $data) = @_;
    $data = AI::MXNet::NDArray->array($data, dtype => $self->dtype) unless Scalar::Util::blessed($data) and $data->isa('AI::MXNet::NDArray');
    $self->shape($data->shape);
    if (not defined $self->_data) {
        my $deferred = $self->_deferred_init or AI::MXNet::Error::fail("Parameter '", $self->name, "' has not been initialized");
        $deferred->[3] = $data->astype($self->dtype);
        return;
    }
    AI::MXNet::AutoGrad->pause(sub { $_ .= $data for @{ $self->_data } });
    return;
}

sub reset_ctx
{
    my ($self, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('reset_ctx', ['ctx'], @options);
    my $contexts = _contexts_of($options{ctx});
    if (defined $self->_data) {
        my $data = $self->_reduce;
        AI::MXNet::AutoGrad->pause(sub { $self->_set_arrays($data, $contexts) });
    }
    elsif ($self->_deferred_init) { $self->_deferred_init->[1] = $contexts }
    else { AI::MXNet::Error::fail("Cannot reset context for Parameter '", $self->name, "' because it has not been initialized.") }
    return;
}

sub cast
{
    my ($self, $dtype) = @_;
    $dtype = AI::MXNet::DType::check($dtype);
    $self->dtype($dtype);
    $self->_var(undef);
    return unless defined $self->_data;
    AI::MXNet::AutoGrad->pause(sub {
        $self->_data([map { $_->astype($dtype) } @{ $self->_data }]);
        $self->_attach_grads;
    });
    return;
}

sub var
{
    my ($self) = @_;
    return $self->_var if defined $self->_var and not AI::MXNet::Engine::is_stale($self->_var->handle);
    AI::MXNet::NS::load('AI/MXNet/Symbol.pm');
    # its name is the full one already, whatever the scope
    local $AI::MXNet::NameManager = AI::MXNet::Symbol::NameManager->new;
    return $self->_var(AI::MXNet::Symbol->var(
        $self->name, shape => $self->_shape, dtype => $self->dtype, lr_mult => $self->lr_mult, wd_mult => $self->wd_mult,
        (defined $self->init ? (init => $self->init) : ()), ($self->stype ne 'default' ? (stype => $self->stype) : ())));
}

# -- rows of sparse parameters -------------------------------------------------------------------------------------

sub row_sparse_data
{
    my ($self, $rows) = @_;
    AI::MXNet::Error::expect('row_sparse_data takes the numbers of rows as an NDArray', 'AI::MXNet::NDArray', $rows);
    return $self->_rows($self->_on($self->_data, $rows->context), $rows);
}

sub list_row_sparse_data
{
    my ($self, $rows) = @_;
    return [map { $self->_rows($_, $rows) } @{ $self->_checked($self->_data) }];
}

sub _rows
{
    my ($self, $array, $rows) = @_;
    AI::MXNet::Error::fail('Cannot return a copy of Parameter ', $self->name, ' via row_sparse_data() because its storage type is ',
        $self->stype, '. Please use data() instead.') if $self->stype ne 'row_sparse';
    AI::MXNet::Error::fail("Cannot get row_sparse data of Parameter '", $self->name, "' without a Trainer: make one of it first")
        unless defined $self->_trainer;
    return $array->retain($rows);
}

# -- files ---------------------------------------------------------------------------------------------------------

# The mean over the contexts.
sub _reduce
{
    my ($self) = @_;
    my @arrays = @{ $self->_checked($self->_data) };
    return $arrays[0] if @arrays == 1;
    my $sum;
    AI::MXNet::AutoGrad->pause(sub { $sum = AI::MXNet::NDArray->add_n(map { $_->as_in_context($arrays[0]->context) } @arrays) / @arrays });
    return $sum;
}

# Takes a value that was read from a file.
sub _load_init
{
    my ($self, $data, $ctx) = @_;
    my $trouble = "Failed loading Parameter '" . $self->name . "' from saved params: ";
    if (defined(my $shape = $self->_shape)) {
        my $saved = $data->shape;
        AI::MXNet::Error::fail($trouble, 'shape incompatible expected ', _shape_text($shape), ' vs saved ', _shape_text($saved))
            if @$shape != @$saved or grep { $shape->[$_] && $shape->[$_] != $saved->[$_] } 0 .. $#$shape;
    }
    AI::MXNet::Error::fail($trouble, 'dtype incompatible expected ', $self->dtype, ' vs saved ', $data->dtype) if $self->dtype ne $data->dtype;
    $self->shape($data->shape);
    $data = $data->tostype($self->stype) if $data->stype ne $self->stype;
    my $contexts = defined $ctx ? _contexts_of($ctx) : undef;
    my $before = defined $self->_data ? $self->_contexts : $self->_deferred_init ? $self->_deferred_init->[1] : undef;
    if (defined $before and defined $contexts) {
        my ($wanted, $known) = map { join ', ', sort map {"$_"} @$_ } $contexts, $before;
        AI::MXNet::Error::fail('Failed to load Parameter ', $self->name, " on $wanted because it was previous initialized on $known.")
            if $wanted ne $known;
    }
    if (defined $self->_data) { $self->set_data($data) }
    else { AI::MXNet::AutoGrad->pause(sub { $self->_set_arrays($data, $before // $contexts // _contexts_of(undef)) }) }
    $self->_deferred_init(undef);
    return;
}

no AI::MXNet::Mouse;
__PACKAGE__->meta->make_immutable;

require AI::MXNet::Gluon::ParameterDict;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Parameter - a parameter of a network

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $weight = gluon->Parameter('weight', shape => [2, 3], init => mx->init->Xavier);
    $weight->initialize(ctx => mx->cpu);
    print "$weight\n";             # Parameter weight (shape=(2, 3), dtype=float32, stype=default)
    $weight->data .= 1;
    print $weight->data->aspdl;
    print $weight->grad->aspdl;    # zeros, until a backward

=head1 DESCRIPTION

A parameter has an array on each of its contexts, which is a variable for L<AI::MXNet::AutoGrad>, and an array for its
gradient. Blocks make theirs by C<< $self->params->get >> and assign them to attributes.

Dimensions that are not known yet are 0. If C<allow_deferred_init> is true, C<initialize> then waits for the first call of
the block, which finds them.

=head1 ATTRIBUTES

=head2 name

The full name, by which files and symbols know the parameter.

=head2 shape

    my $shape = $weight->shape;    # [2, 3]

A list of dimensions, given also as one number. A new one must agree with it where that is not 0.

=head2 dtype, stype, grad_stype

float32, and the storage types of values and gradients: C<default> or C<row_sparse>.

=head2 grad_req

    $weight->grad_req('add');

C<write>, C<add>, or C<null> for no gradient, which it is always if C<differentiable> is false.

=head2 lr_mult, wd_mult

Multiply the learning rate and the weight decay of an optimizer for this parameter. 1.

=head2 init

The initializer, or its name, that is used unless C<initialize> says otherwise.

=head2 allow_deferred_init, differentiable

See above. 0 and 1.

=head1 METHODS

=head2 initialize

    $weight->initialize(init => 'ones', ctx => [mx->cpu(0), mx->cpu(1)], force_reinit => 1);

Makes the arrays, on the current context or those given, and fills them: by C<init>, else the parameter's own initializer,
else C<default_init> (C<Uniform>). The rule for weights is used, whatever the name. A parameter that has values already is
left alone, with a warning, unless C<force_reinit>.

=head2 data, grad

    my $here = $weight->data(mx->cpu(1));

The array itself, or that of the gradient, on a context. Without one: on the only context, or the current one. Writing to it
changes the parameter.

=head2 list_data, list_grad, list_ctx

List refs of the arrays, of the gradients, and of the contexts.

=head2 set_data

    $weight->set_data(nd->ones([2, 3]));

Writes a value, also a piddle or a list, to all contexts.

=head2 zero_grad

Sets the gradients to 0.

=head2 reset_ctx

    $weight->reset_ctx(ctx => mx->cpu(0));

Moves the parameter to other contexts, with the mean of its values.

=head2 cast

    $weight->cast('float64');

Changes the dtype of values and gradients.

=head2 var

    print $weight->var->name, "\n";    # weight

The L<symbol|AI::MXNet::Symbol> of the parameter: a variable of its name, shape, dtype, multipliers and initializer.

=head2 row_sparse_data, list_row_sparse_data

    my $sparse = gluon->Parameter('table', shape => [1000, 2], stype => 'row_sparse', grad_stype => 'row_sparse');
    $sparse->initialize;
    my $trainer = gluon->Trainer([$sparse], 'sgd');
    my $rows = $sparse->row_sparse_data(nd->array([3, 5], dtype => 'int64'));

Of a parameter of stype C<row_sparse>, which must belong to a trainer: an array of some rows. The list has one for each
context.

=head1 ERRORS

An L<AI::MXNet::Error> says that a parameter is not initialized, or not on a context; it begins with
C<DeferredInitializationError> where the shape is not known yet.

=head1 SEE ALSO

L<AI::MXNet::Gluon::ParameterDict>, L<AI::MXNet::Gluon::Constant>, L<AI::MXNet::Initializer>

=cut

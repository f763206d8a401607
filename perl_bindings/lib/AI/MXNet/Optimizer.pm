package AI::MXNet::Optimizer;
# What all optimizers share: learning rates, weight decay, counting updates; the registry. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::NS;
use AI::MXNet::Operators;

has learning_rate       => (is => 'rw', isa => 'Num', default => 0.01);
has lr                  => (is => 'rw', isa => 'Num');
has lr_scheduler        => (is => 'rw', isa => 'Maybe[AI::MXNet::LRScheduler]');
has wd                  => (is => 'rw', isa => 'Num', default => 0);
has rescale_grad        => (is => 'rw', isa => 'Num', default => 1);
has clip_gradient       => (is => 'rw', isa => 'Maybe[Num]');
has lr_mult             => (is => 'rw', isa => 'HashRef', default => sub { {} });
has wd_mult             => (is => 'rw', isa => 'HashRef', default => sub { {} });
has begin_num_update    => (is => 'rw', isa => 'Int', default => 0);
has num_update          => (is => 'rw', isa => 'Int');
has _index_update_count => (is => 'rw', isa => 'HashRef', default => sub { {} });
has param_idx2name      => (is => 'rw', isa => 'HashRef[Str]', default => sub { {} });
has idx2name            => (is => 'rw', isa => 'HashRef[Str]');
has sym                 => (is => 'rw', isa => 'Maybe[Object]');
has param_dict          => (is => 'rw', isa => 'HashRef', default => sub { {} });

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub BUILD
{
    my ($self) = @_;
    $self->lr($self->learning_rate);
    $self->lr_scheduler->base_lr($self->learning_rate) if defined $self->lr_scheduler;
    $self->num_update($self->begin_num_update);
    $self->idx2name({ %{ $self->param_idx2name } });
    $self->set_lr_mult($self->lr_mult);
    $self->set_wd_mult($self->wd_mult);
}

# -- the registry --------------------------------------------------------------------------------------------------

my %registry;

sub get_opt_registry { return \%registry }

sub register
{
    my ($class) = @_;
    my ($name) = $class =~ /(\w+)\z/;
    AI::MXNet::Logging->warning('WARNING: New optimizer %s is overriding existing optimizer %s', $class, $registry{ lc $name })
        if exists $registry{ lc $name } and $registry{ lc $name } ne $class;
    $registry{ lc $name } = $class;
    AI::MXNet::NS::constructor(__PACKAGE__, $name, $class);
    return $class;
}

sub create_optimizer
{
    my ($class, $name, @arguments) = @_;
    my $known = defined $name && !ref $name ? $registry{ lc $name } : undef;
    AI::MXNet::Error::fail('Cannot find optimizer ', $name // 'undef', ': there are ', join ', ', sort keys %registry) unless defined $known;
    return AI::MXNet::NS::construct($known, @arguments);
}

sub create { goto &create_optimizer }

# -- what a class of optimizers defines: create_state, and update or, as all here, _rule ------------------------------
#
# _rule($state, $lr, $wd, $t) is the operator of an update and its attributes; _states($state) the arrays that it takes.
# A class that has them can update many parameters by one instruction.

sub create_state {undef}

sub _states { my ($self, $state) = @_; return ref $state eq 'ARRAY' ? @$state : defined $state ? $state : () }

sub update
{
    my ($self, $index, $weight, $grad, $state) = @_;
    AI::MXNet::Error::fail(ref $self, ' is an optimizer without a method update($index, $weight, $grad, $state)') unless $self->can('_rule');
    my @rates = $self->_begin($index, $weight, $grad);
    my @arrays = ($weight, $grad, $self->_checked_states($state));
    my ($row, $attributes) = $self->_complete_rule($state, @rates);
    AI::MXNet::Operators::invoke($row, \@arrays, $attributes, $weight);
    return;
}

# Updates many parameters, each a list of the arguments of `update`, by as few instructions as can be.
sub _update_all
{
    my ($self, @items) = @_;
    my $single = $AI::MXNet::AutoGrad::RECORDING || $self->can('update') != \&update || !$self->can('_rule');
    my (%known, @batches);    # the items of an operator, with one row of attributes for all or one for each
    my ($rule, @last) = (undef, 0, 0, 0, '');
    for my $item (@items) {
        my ($index, $weight, $grad, $state) = @$item;
        if ($single or $weight->{type} != $grad->{type} or $weight->{type}{sparse}) { $self->update(@$item); next }
        my ($lr, $wd, $t) = $self->_count($index);
        my @states = $self->_checked_states($state);
        $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale($weight, $grad, @states);
        # what the attributes depend on beside the settings; mostly as for the one before
        my $form = ref $state eq 'ARRAY' ? join '', map { defined $_ ? 1 : 0 } @$state : scalar @states;
        unless ($rule and $lr == $last[0] and $wd == $last[1] and $t == $last[2] and $form eq $last[3]) {
            $rule = $known{"$lr $wd $t $form"} //= do {
                my ($row, $attributes) = $self->_complete_rule($state, $lr, $wd, $t);
                AI::MXNet::Error::fail(ref $self, '->update takes the state that create_state returned, but got that of another optimizer')
                    if 2 + @states != @{ $row->{inputs} };
                { row => $row, values => [AI::MXNet::Operators::_row_of_values($row, $attributes)] };
            };
            @last = ($lr, $wd, $t, $form);
        }
        push @batches, { row => $rule->{row}, values => [], groups => [] } unless @batches and $batches[-1]{row} == $rule->{row};
        push @{ $batches[-1]{values} }, $rule->{values};
        push @{ $batches[-1]{groups} }, [$weight->{handle}, $grad->{handle}, map { $_->{handle} } @states];
    }
    return unless @batches;
    AI::MXNet::Engine::locate();
    for my $batch (@batches) {
        my $values = $batch->{values};
        $#$values = 0 unless grep { $_ != $values->[0] } @$values;
        AI::MXNet::Engine->send(['update', $batch->{row}{number}, $values, @{ $batch->{groups} }]);
    }
    AI::MXNet::Engine::flush();
    return;
}

# The states that create_state returned, or an error.
sub _checked_states
{
    my ($self, $state) = @_;
    my @states = $self->_states($state);
    for (@states) {
        ref $_ eq 'AI::MXNet::NDArray' or blessed $_ && $_->isa('AI::MXNet::NDArray')
            or AI::MXNet::Error::fail(ref $self, '->update takes the state that create_state returned, but got ', $_ // 'undef', ' in it');
    }
    return @states;
}

# The row of the operator of an update, and all attributes.
sub _complete_rule
{
    my ($self, @arguments) = @_;
    my ($name, %attributes) = $self->_rule(@arguments);
    $attributes{rescale_grad} = $self->rescale_grad;
    $attributes{$name eq 'ftml_update' ? 'clip_grad' : 'clip_gradient'} = $self->clip_gradient if defined $self->clip_gradient;
    return (AI::MXNet::Operators::row($name), \%attributes);
}

# -- rates of single parameters ------------------------------------------------------------------------------------

sub set_lr_scale { AI::MXNet::Error::fail('set_lr_scale is deprecated. Use set_lr_mult instead.') }

sub set_lr_mult
{
    my ($self, $multipliers) = @_;
    AI::MXNet::Error::expect('set_lr_mult takes a hash of numbers by name or index', HASH => $multipliers);
    $self->lr_mult({ $self->_of_symbol('__lr_mult__'), %$multipliers });
    return;
}

sub set_wd_mult
{
    my ($self, $multipliers) = @_;
    AI::MXNet::Error::expect('set_wd_mult takes a hash of numbers by name or index', HASH => $multipliers);
    my %none = map { $_ => 0 } grep { !/_(?:weight|gamma)\z/ } values %{ $self->idx2name };
    $self->wd_mult({ %none, $self->_of_symbol('__wd_mult__'), %$multipliers });
    return;
}

# An attribute of the symbol's arguments: (name, number) pairs.
sub _of_symbol
{
    my ($self, $attribute) = @_;
    return unless defined $self->sym;
    my $attributes = $self->sym->attr_dict;
    return map { $_ => 0 + $attributes->{$_}{$attribute} } grep { defined $attributes->{$_}{$attribute} } @{ $self->sym->list_arguments };
}

sub _update_count
{
    my ($self, $index) = @_;
    my $counts = $self->{_index_update_count};
    my $count = $counts->{$index} = ($counts->{$index} // $self->begin_num_update) + 1;
    $self->num_update($count) if $count > $self->{num_update};
    return;
}

sub _get_lr
{
    my ($self, $index) = @_;
    my $lr = defined $self->{lr_scheduler} ? $self->lr_scheduler->($self->num_update) : $self->{lr};
    return $lr * $self->_multiplier($index, 'lr_mult');
}

sub _get_wd
{
    my ($self, $index) = @_;
    return $self->{wd} && $self->{wd} * $self->_multiplier($index, 'wd_mult');
}

# A parameter of Gluon brings its own multipliers; others have them by index, or by name.
sub _multiplier
{
    my ($self, $index, $kind) = @_;
    my $parameter = $self->{param_dict}{$index};
    return $parameter->$kind if defined $parameter;
    return $self->{$kind}{$index} // $self->{$kind}{ $self->{idx2name}{$index} // $index } // 1;
}

# -- for update rules ----------------------------------------------------------------------------------------------

# Counts an update of a parameter. Returns its learning rate, its weight decay and the number of the update.
sub _begin
{
    my ($self, $index, $weight, $grad) = @_;
    for ($weight, $grad) {
        blessed $_ && $_->isa('AI::MXNet::NDArray')
            or AI::MXNet::Error::fail('update takes the index of a parameter, its weight and its gradient (NDArrays) and its state, but got ', $_ // 'undef');
    }
    my ($expected, $got) = map { $_->dtype . ' [' . join(',', @{ $_->{type}{shape} }) . ']' } $weight, $grad;
    AI::MXNet::Error->throw(kind => 'shape', message => "update of parameter $index: the weight is $expected, but the gradient is $got")
        if $expected ne $got;
    return $self->_count($index);
}

sub _count
{
    my ($self, $index) = @_;
    $self->_update_count($index);
    return ($self->_get_lr($index), $self->_get_wd($index), $self->{_index_update_count}{$index});
}

sub _check_weight
{
    my ($weight) = @_;
    return AI::MXNet::Error::expect('create_state takes the index of a parameter and its weight, an NDArray', 'AI::MXNet::NDArray', $weight);
}

# An array of zeros like the weight. It is row_sparse as the weight, so that an update may leave out rows, if that is wanted.
sub _zeros
{
    my ($weight, $dtype, $lazy) = @_;
    _check_weight($weight);
    return AI::MXNet::NDArray->zeros($weight->shape, ctx => $weight->context, dtype => $dtype // $weight->dtype, stype => $lazy ? $weight->stype : 'default');
}

sub get_updater { my ($class, $optimizer) = @_; return AI::MXNet::Updater::->new(optimizer => $optimizer) }

__PACKAGE__->meta->make_immutable;

require AI::MXNet::Optimizer::Descent;
require AI::MXNet::Optimizer::Adaptive;
require AI::MXNet::Optimizer::Updater;

1;

__END__

=head1 NAME

AI::MXNet::Optimizer - rules that update weights by their gradients

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $weight = nd->array([1, 2]);
    my $adam   = mx->optimizer->Adam(learning_rate => 0.1);    # or mx->optimizer->create('adam', learning_rate => 0.1)
    my $update = mx->optimizer->get_updater($adam);            # keeps the state of each weight
    for my $step (1 .. 10) {
        my $grad = 2 * $weight;
        $update->(0, $grad, $weight);
    }
    print $weight->aspdl, "\n";

=head1 DESCRIPTION

An optimizer has settings, and changes a weight in place when it is given the gradient. What it remembers of each weight
(momentum, say) is a state, which C<create_state> makes and the caller, usually an updater, keeps.

C<mx-E<gt>optimizer> and C<mx-E<gt>opt> are this package; each class below is also a method of it.

=head1 ATTRIBUTES

All optimizers take these by name; other names that a class does not know are ignored, as in the original.

=head2 learning_rate, lr

The rate to begin with (0.01, where the class says nothing else), and the present one, which can be set.

=head2 lr_scheduler

An L<AI::MXNet::LRScheduler>, which then sets the rate of each update.

=head2 wd

Weight decay (0): C<wd> times the weight is added to the gradient.

=head2 rescale_grad, clip_gradient

The gradient is multiplied by the first (1), then limited to plus and minus the second, if there is one.

=head2 lr_mult, wd_mult

Hash refs of multipliers of single parameters, by index or name.

=head2 begin_num_update, num_update

The number of updates done before (0), and so far: the largest of all parameters.

=head2 param_idx2name, idx2name

Names of parameters by index. A parameter that has a name, which does not end in C<_weight> or C<_gamma>, has no weight
decay.

=head2 sym, param_dict

A symbol, whose C<__lr_mult__> and C<__wd_mult__> count; parameters of Gluon by index, whose C<lr_mult> and C<wd_mult> do.

=head1 CLASSES

Their names for C<create> are the same in lower case. g is the gradient, rescaled, clipped and with weight decay.

=head2 SGD

    my $sgd = mx->opt->SGD(learning_rate => 0.1, momentum => 0.9);

weight -= lr g; with C<momentum> (0): m = momentum m - lr g, weight += m. C<multi_precision> (0) computes on a float32 copy
of float16 weights. C<lazy_update> (1): with a row_sparse gradient only its rows are updated. Operators C<sgd_update>, C<sgd_mom_update> and those with C<mp_>.

=head2 NAG

SGD with Nesterov's momentum: weight += momentum m - lr g. Operator C<nag_mom_update>.

=head2 Signum

Goes by C<lr> in the direction of the sign of the momentum (C<momentum>: 0.9; 0 for that of g); C<wd_lh> (0) is weight
decay outside of the sign. Operators C<signum_update>, C<signsgd_update>; Bernstein and others, signSGD (2018).

=head2 SGLD

Adds noise of the standard deviation sqrt(lr) to half a step of SGD: Welling and Teh, Bayesian learning via stochastic
gradient Langevin dynamics (2011).

=head2 DCASGD

SGD (C<momentum>: 0) with compensation C<lamda> (0.04) for a delayed gradient: Zheng and others, Asynchronous stochastic
gradient descent with delay compensation (2017).

=head2 LBSGD

SGD for large batches: sums C<batch_scale> (1) gradients, and grows the rate to C<batch_scale> times itself in
C<warmup_epochs> (5) of C<updates_per_epoch> (32), beginning in C<begin_epoch> (0), as C<warmup_strategy> says: C<linear>,
C<power2> or C<sqrt>; C<lars> sets each layer's rate by the norms of weight and gradient. (The original's spelling
C<warmup_startegy> is taken as well.) C<num_epochs> (60) is accepted.

=head2 Adam

C<learning_rate> 0.001, C<beta1> 0.9, C<beta2> 0.999, C<epsilon> 1e-8. C<lazy_update> (1): with a row_sparse gradient
only its rows are updated. Operator C<adam_update>; Kingma and Ba, Adam (2014).

=head2 Adamax

Adam with the largest gradient instead of the variance: C<learning_rate> 0.002, C<beta1> 0.9, C<beta2> 0.999.

=head2 Nadam

Adam with Nesterov's momentum: as Adam, and C<schedule_decay> 0.004. Dozat, Incorporating Nesterov momentum into Adam
(2016).

=head2 AdaGrad

weight -= lr (g / sqrt(h + eps) + wd weight), where h sums the squares; C<eps> 1e-7. Duchi and others, Adaptive
subgradient methods (2011).

=head2 AdaDelta

C<rho> 0.9, C<epsilon> 1e-5; has no learning rate. Zeiler, ADADELTA (2012).

=head2 RMSProp

C<learning_rate> 0.001, C<gamma1> 0.9, C<epsilon> 1e-8, C<clip_weights>; with C<centered> (0) the rule of Graves (2013),
with C<gamma2> 0.9. Operators C<rmsprop_update>, C<rmspropalex_update>.

=head2 Ftrl

C<learning_rate> 0.1, C<lamda1> 0.01, C<beta> 1. Operator C<ftrl_update>; McMahan and others, Ad click prediction (2013).

=head2 FTML

C<beta1> 0.6, C<beta2> 0.999, C<epsilon> 1e-8. Operator C<ftml_update>; Zheng and Kwok, Follow the moving leader (2017).

=head2 Test

weight += rescale_grad g, which suits tests only.

=head1 METHODS

=head2 create, create_optimizer

    my $rmsprop = mx->optimizer->create('rmsprop', learning_rate => 0.01);

An optimizer of the class of that name.

=head2 create_state

    my $state = $rmsprop->create_state(0, $weight);

A new state for a weight: an NDArray, a list of them or undef.

=head2 update

    $rmsprop->update(0, $weight, nd->ones([2]), $state);

Changes weight and state in place; the gradient stays as it is. The index tells parameters apart.

=head2 set_lr_mult, set_wd_mult

    $rmsprop->set_lr_mult({ 0 => 0.5 });

Replace the multipliers of parameters.

=head2 set_lr_scale

Dies: it was replaced by C<set_lr_mult> long ago.

=head2 get_updater

An updater of an optimizer, see below.

=head2 register, get_opt_registry

    package Descent {
        use Mouse;
        extends 'AI::MXNet::Optimizer';
        sub update
        {
            my ($self, $index, $weight, $grad, $state) = @_;
            $self->_update_count($index);
            $weight -= $self->_get_lr($index) * $self->rescale_grad * $grad;
        }
        __PACKAGE__->register;
    }
    my $descent = mx->optimizer->create('descent', learning_rate => 0.5);

C<register> makes a class known to C<create>, by the last word of its name. C<get_opt_registry> is a hash ref of all.

=head1 UPDATERS

An AI::MXNet::Updater holds an C<optimizer>, and C<states> by index. It is called with index, gradient and weight, makes
the state at the first call, and moves it to the context of the weight if need be.

    my $states = $update->get_states(1);    # with the optimizer
    $update->set_states($states);

C<get_states> returns a string of bytes, to be written to a file, with all states and, if its argument is true, the class
and the attributes of the optimizer and its scheduler; C<set_states> takes it. It holds plain values only, and reading it
runs nothing; files of the original are not understood.

=head1 ERRORS

A weight and a gradient of different shape or dtype, a state of another optimizer and an unknown name die with an
L<AI::MXNet::Error>; settings of a wrong type with Mouse's message.

=head1 SEE ALSO

L<AI::MXNet::LRScheduler>, L<AI::MXNet::AutoGrad>

=cut

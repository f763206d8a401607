package AI::MXNet::Gluon::Trainer;
# Updates the parameters of a network by their gradients. POD at the end.
#
# Where parameters have arrays on several contexts, their gradients are added up. Then, if `update_on_kvstore` is not
# false, the first array is updated and copied to the others, as a store would; else each has a state of its own.
# A store proper is used where there are several workers.
use strict;
use warnings;
use AI::MXNet ();
use AI::MXNet::Mouse;
use Scalar::Util ();
use AI::MXNet::Base ();
use AI::MXNet::Engine;
use AI::MXNet::DType;
use AI::MXNet::Error;
use AI::MXNet::Gluon::ParameterDict;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::Optimizer;
use AI::MXNet::Types;

has params             => (is => 'ro', required => 1);
has _given_optimizer   => (is => 'ro', init_arg => 'optimizer', isa => 'Optimizer', required => 1);
has optimizer_params   => (is => 'ro', isa => 'Maybe[HashRef]');
has kvstore            => (is => 'ro', isa => 'Maybe[KVStore]', default => 'device');
has compression_params => (is => 'ro', isa => 'Maybe[HashRef]');
has update_on_kvstore  => (is => 'ro', isa => 'Maybe[Bool]');
has [qw(_params _scale _optimizer _updaters _contexts _watch _spent _store _begun)] => (is => 'rw', init_arg => undef);

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return [qw(params optimizer optimizer_params kvstore compression_params update_on_kvstore)] }

sub BUILD
{
    my ($self) = @_;
    $self->_params(_parameters($self->params));
    $self->_contexts($self->_common_contexts);
    $self->_optimizer($self->_make_optimizer);
    $self->_scale($self->_optimizer->rescale_grad);
    $self->_check_store;
    my $several = @{ $self->_contexts } > 1 && !$self->_updates_first;
    $self->_updaters([map { AI::MXNet::Optimizer->get_updater($self->_optimizer) } $several ? @{ $self->_contexts } : 1]);
    Scalar::Util::weaken(my $weak = $self);
    $self->_watch(AI::MXNet::Engine->watch(sub { $weak->_warn_of_stale(@_) if defined $weak }));
    for my $param (@{ $self->_params }) {
        $param->_trainer($self);
        Scalar::Util::weaken($param->{_trainer});
    }
}

sub DEMOLISH { my ($self, $at_the_end) = @_; AI::MXNet::Engine->unwatch($self->_watch) if not $at_the_end and defined $self->_watch; return }

sub _parameters
{
    my ($given) = @_;
    my @list = ref $given eq 'HASH' ? map { $given->{$_} } sort keys %$given
        : Scalar::Util::blessed($given) && $given->isa('AI::MXNet::Gluon::ParameterDict') ? $given->values
        : ref $given eq 'ARRAY' ? @$given
        : AI::MXNet::Error::fail('First argument must be a array or hash of Parameters, got ', $given // 'undef', '.');
    for (@list) {
        Scalar::Util::blessed($_) && $_->isa('AI::MXNet::Gluon::Parameter')
            or AI::MXNet::Error::fail('First argument must be a array or hash of Parameters, got list of [', $_ // 'undef', '].');
    }
    return \@list;
}

# The contexts that all parameters are on.
sub _common_contexts
{
    my ($self) = @_;
    my $common;
    for my $param (@{ $self->_params }) {
        my $contexts = $param->list_ctx;
        $common //= $contexts;
        AI::MXNet::Error::fail('All Parameters must be initialized on the same set of contexts, but Parameter ', $param->name,
            " is initialized on @$contexts while previous Parameters are initialized on @$common.") if "@$contexts" ne "@$common";
    }
    return $common // [];
}

sub _make_optimizer
{
    my ($self) = @_;
    my %options = %{ $self->optimizer_params // {} };
    my $optimizer = $self->_given_optimizer;
    AI::MXNet::Error::fail('optimizer_params must be empty if optimizer is an instance of Optimizer instead of str') if ref $optimizer and %options;
    $optimizer = AI::MXNet::Optimizer->create_optimizer($optimizer, %options) unless ref $optimizer;
    my $params = $self->_params;
    $optimizer->param_dict({ map { $_ => $params->[$_] } 0 .. $#$params });
    return $optimizer;
}

sub _check_store
{
    my ($self) = @_;
    my $store = $self->kvstore // return;
    my $type = ref $store ? $store->type : $store;
    if ($type =~ /\Adist/) {
        AI::MXNet::NS::load('AI/MXNet/KVStore.pm');
        AI::MXNet::Error::fail('update_on_kvstore: with dist_async parameters are updated on the store')
            if $type eq 'dist_async' and not $self->update_on_kvstore // 1;
        $self->_store(ref $store ? $store : AI::MXNet::KVStore->create($store));
        $self->_store->set_gradient_compression($self->compression_params) if $self->compression_params;
        # workers begin with the same values, if these are known yet
        return grep({ not $_->{_data} } @{ $self->_params }) ? undef : $self->_begin;
    }
    return if @{ $self->_contexts } < 2;
    AI::MXNet::Error::fail("kvstore is local, device, dist_sync, dist_async or undef, but got '$type': all contexts are on this machine")
        unless $type =~ /\A(?:local|device)\w*\z/;
    AI::MXNet::Error::fail('compression_params: gradients are not compressed, because all contexts share one memory; leave it out')
        if $self->compression_params;
    return;
}

# Gives the store the parameters, and those the values of the first worker.
sub _begin
{
    my ($self) = @_;
    my $params = $self->_params;
    my @numbers = 0 .. $#$params;
    $self->_store->init(\@numbers, [map { $_->list_data->[0] } @$params]);
    $self->_store->pull(\@numbers, out => [map { $_->list_data } @$params]);
    $self->_begun(1);
    return;
}

# Whether one array of each parameter is updated, and then copied to the other contexts.
sub _updates_first
{
    my ($self) = @_;
    return (@{ $self->_contexts } > 1 || defined $self->_store) && defined $self->kvstore && ($self->update_on_kvstore // 1);
}

sub optimizer { my ($self) = @_; return $self->_optimizer }

# Programs ask whose updater has the states: several contexts of one machine need no store.
sub _kvstore           { my ($self) = @_; return $self->_store }
sub _update_on_kvstore { my ($self) = @_; return defined $self->_store && $self->_updates_first ? 1 : 0 }

# -- learning rates ------------------------------------------------------------------------------------------------

sub learning_rate
{
    my ($self, $lr) = @_;
    return $self->set_learning_rate($lr) if defined $lr;
    my $optimizer = $self->_optimizer;
    return defined $optimizer->lr_scheduler ? $optimizer->lr_scheduler->($optimizer->num_update) : $optimizer->lr;
}

sub set_learning_rate
{
    my ($self, $lr) = @_;
    AI::MXNet::Error::fail('LRScheduler of the optimizer has already been defined. Note that set_learning_rate can mutate the value of the ',
        'learning rate of the optimizer only when the LRScheduler of the optimizer is undefined.') if defined $self->_optimizer->lr_scheduler;
    return $self->_optimizer->lr(AI::MXNet::DType::scalar_of($lr));
}

# -- steps ---------------------------------------------------------------------------------------------------------

sub step
{
    my ($self, $batch_size, $ignore_stale_grad) = @_;
    $self->_rescale('step', $batch_size);
    $self->_reduce unless $self->_updates_first;
    return $self->_update($ignore_stale_grad);
}

sub allreduce_grads
{
    my ($self) = @_;
    $self->_refuse_on_store('allreduce_grads()');
    return $self->_reduce;
}

sub update
{
    my ($self, $batch_size, $ignore_stale_grad) = @_;
    $self->_refuse_on_store('update()');
    $self->_rescale('update', $batch_size);
    return $self->_update($ignore_stale_grad);
}

sub _refuse_on_store
{
    my ($self, $method) = @_;
    AI::MXNet::Error::fail("$method when parameters are updated on kvstore is not supported. Try setting `update_on_kvstore` to 0 when creating trainer.")
        if $self->_updates_first;
    return;
}

sub _rescale
{
    my ($self, $method, $batch_size) = @_;
    $batch_size = AI::MXNet::DType::scalar_of($batch_size);
    AI::MXNet::Error::fail("$method takes the batch size, a number above 0, but got ", $batch_size // 'undef')
        unless defined $batch_size and Scalar::Util::looks_like_number($batch_size) and $batch_size > 0;
    my ($optimizer, $scale) = ($self->_optimizer, $self->_scale / $batch_size);
    if (defined(my $store = $self->_store)) {
        $self->_begin unless $self->_begun;
        if ($self->_updates_first and $self->_begun == 1) {
            $optimizer->rescale_grad($scale);
            $store->set_optimizer($optimizer);
            $self->_begun(2);
        }
        AI::MXNet::Error::fail("$method: the batch size cannot change to $batch_size, because the optimizer is with the server of dist_async")
            if $store->type eq 'dist_async' and $optimizer->rescale_grad != $scale;
    }
    $optimizer->rescale_grad($scale);
    return;
}

# Where there are several contexts, all gradients become their sum.
sub _reduce
{
    my ($self) = @_;
    return $self->_exchange('_grad', $self->_trained) if defined $self->_store;
    return if @{ $self->_contexts } < 2 or not defined $self->kvstore;
    for my $param (grep { $_->grad_req ne 'null' } @{ $self->_params }) {
        my $grads = $param->list_grad;
        my $sum = _sum($grads);
        $sum->copyto($_) for @$grads;
    }
    return;
}

sub _sum { my ($arrays) = @_; return AI::MXNet::NDArray::_sum_on($arrays->[0]->context, @$arrays) }

sub _update
{
    my ($self, $ignore_stale_grad) = @_;
    my @params = $self->_trained;
    @params = $self->_fresh(@params) if $ignore_stale_grad;
    return unless @params;
    $self->_spend(@params);
    return $self->_update_first(@params) if $self->_updates_first;
    my ($optimizer, $updaters) = ($self->_optimizer, $self->_updaters);
    my ($counts, $number) = ({ %{ $optimizer->_index_update_count } }, $optimizer->num_update);
    for my $i (0 .. $#$updaters) {
        # the same step on each context
        if ($i) { $optimizer->_index_update_count({%$counts}); $optimizer->num_update($number) }
        $updaters->[$i]->_call_all(map { [$_->[0], $_->[1]{_grad}[$i], $_->[1]{_data}[$i]] } @params);
    }
    return;
}

sub _update_first
{
    my ($self, @params) = @_;
    return $self->_exchange('_data', @params) if defined $self->_store;
    $self->_updaters->[0]->_call_all(map { [$_->[0], _sum($_->[1]{_grad}), $_->[1]{_data}[0]] } @params);
    for my $arrays (map { $_->[1]{_data} } @params) {
        my ($first, @rest) = @$arrays;
        $first->copyto($_) for @rest;
    }
    return;
}

# Pushes the gradients to the store, and pulls what it makes of them.
sub _exchange
{
    my ($self, $what, @params) = @_;
    my @numbers = map { $_->[0] } @params;
    $self->_store->push(\@numbers, [map { $_->[1]{_grad} } @params]);
    $self->_store->pull(\@numbers, out => [map { $_->[1]{$what} } @params]);
    return;
}

# The parameters that have gradients: pairs of number and parameter.
sub _trained
{
    my ($self) = @_;
    my $params = $self->{_params};
    my @trained;
    for my $i (0 .. $#$params) {
        my $param = $params->[$i];
        next if $param->{_grad_req} eq 'null';
        $param->_checked($param->{_grad});
        push @trained, [$i, $param];
    }
    return @trained;
}

# -- stale gradients -----------------------------------------------------------------------------------------------

# Tells the engine that gradients are used. It says which of them were stale some time later, so that nobody waits.
sub _spend
{
    my ($self, @params) = @_;
    $self->_spent([map { $_->[1] } @params]);
    AI::MXNet::Engine->send(['spend', 0 + $self->_watch, _handles(@params)]);
    return;
}

sub _handles { return AI::MXNet::Engine::handles_of(map { @{ $_->[1]{_data} } } @_) }

sub _warn_of_stale
{
    my ($self, @positions) = @_;
    my @arrays = map { my $param = $_; map { [$param, $_] } @{ $param->_contexts // [] } } @{ $self->_spent };
    for (grep {defined} @arrays[@positions]) {
        my ($param, $ctx) = @$_;
        AI::MXNet::Logging->warning(q(Gradient of Parameter '%s' on context %s has not been updated by backward since last `step`. )
            . 'This could mean a bug in your model that made it only use a subset of the Parameters (Blocks) for this iteration. '
            . 'If you are intentionally only using a subset, call step with ignore_stale_grad=>1 to suppress this warning and skip '
            . 'updating of Parameters with stale gradient', $param->name, $ctx);
    }
    return;
}

# Those of the parameters that a backward has reached since the last step. Asking waits.
sub _fresh
{
    my ($self, @params) = @_;
    return unless @params;
    my ($fields) = AI::MXNet::Engine->request('fresh', _handles(@params));
    my (undef, @flags) = @$fields;
    return grep { my $param = $_->[1]; grep {$_} splice @flags, 0, scalar @{ $param->{_data} } } @params;
}

# -- files ---------------------------------------------------------------------------------------------------------

sub save_states
{
    my ($self, $filename) = @_;
    my $owner = $self->_updates_first ? $self->_store : undef;
    return AI::MXNet::Base::_write_file('save_states', $filename, defined $owner ? $owner->_get_states(1) : $self->_updaters->[0]->get_states(1));
}

sub load_states
{
    my ($self, $filename) = @_;
    my $bytes = AI::MXNet::Base::_read_file('load_states', $filename);
    if (defined $self->_store and $self->_updates_first) {
        $self->_store->set_optimizer($self->_optimizer) if $self->_begun != 2;
        $self->_begun(2);
        $self->_store->_set_states($bytes);
        my $updater = $self->_store->_updater;    # none where that is with a server
        $self->_optimizer($updater->optimizer) if defined $updater;
        return;
    }
    for my $updater (@{ $self->_updaters }) {
        $updater->set_states($bytes);
        # one optimizer for all
        $updater->optimizer($self->_updaters->[0]->optimizer);
    }
    $self->_optimizer($self->_updaters->[0]->optimizer);
    return;
}

no AI::MXNet::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Trainer - updates parameters by their gradients

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd autograd);
    use AI::MXNet::Gluon qw(gluon);
    use AI::MXNet::Gluon::NN qw(nn);

    my $net = nn->Dense(1, in_units => 2);
    $net->initialize;
    my $trainer = gluon->Trainer($net->collect_params, 'adam', { learning_rate => 0.01 });

    my ($data, $label) = (nd->ones([8, 2]), nd->zeros([8, 1]));
    for (1 .. 5) {
        my $loss;
        autograd->record(sub { $loss = ($net->($data) - $label)->square });
        $loss->backward;
        $trainer->step(8);
    }
    $trainer->save_states('/tmp/trainer.states');

=head1 DESCRIPTION

A trainer has parameters, an L<optimizer|AI::MXNet::Optimizer> and the state of each. All parameters are updated by one
instruction to the engine, if the optimizer is one of ours; an optimizer class with an C<update> of its own is called for
each.

Parameters on several contexts: their gradients are added up, and all contexts get the same new values. All contexts share
one memory, so no store is needed; C<kvstore> (C<device>, C<local> or undef) only says whether to add up at all. With
C<dist_sync> or C<dist_async> the gradients of several workers, processes of their own, meet in a store: see
L<AI::MXNet::KVStore/SEVERAL WORKERS>. The batch size of a step is then that of all workers together.

=head1 ATTRIBUTES

=head2 params, optimizer

The first two arguments of the constructor: a L<dictionary|AI::MXNet::Gluon::ParameterDict>, a hash or a list of parameters,
which must be initialized on the same contexts; and an optimizer or its name. The method C<optimizer> is the optimizer itself.

=head2 optimizer_params

A hash of the attributes of the optimizer, if its name was given. C<rescale_grad> multiplies the gradients, beside dividing
by the batch size.

=head2 kvstore, compression_params, update_on_kvstore

C<device>, undef and undef. With C<< update_on_kvstore => 0 >> the gradients of several contexts or workers are replaced by
their sum, so that it can be seen and changed between C<allreduce_grads> and C<update>; else they stay as they are.
C<compression_params> are for several workers: see L<AI::MXNet::KVStore/set_gradient_compression>.

=head1 METHODS

=head2 step

    $trainer->step(8, 1);

Updates all parameters by their gradients, divided by the batch size. A gradient that no C<backward> has written since the
last step is warned of, as soon as the engine has found it out, and used all the same. With a true second argument such
parameters are left alone, for which the step waits for the engine.

=head2 allreduce_grads, update

    $trainer->allreduce_grads;
    $trainer->update(8, 1);

The two halves of a step.

=head2 learning_rate, set_learning_rate

    $trainer->set_learning_rate(0.001);
    print $trainer->learning_rate, "\n";    # 0.001

The rate, of the scheduler if there is one. Only without one it can be set.

=head2 save_states, load_states

    $trainer->load_states('/tmp/trainer.states');

The optimizer and the states of all parameters, but not these. The file holds plain values only; files of the original are
not understood.

=head1 ERRORS

Parameters that are not initialized, or on different contexts, and a step inside of C<record> die with an
L<AI::MXNet::Error>. The C<compression_params> of several contexts are refused, because nothing is sent.

=head1 SEE ALSO

L<AI::MXNet::Gluon>, L<AI::MXNet::Optimizer>, L<AI::MXNet::AutoGrad>

=cut

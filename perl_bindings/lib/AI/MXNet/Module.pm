package AI::MXNet::Module;
# A symbol, its parameters and an optimizer, trained on one context or several. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use List::Util ();
use Scalar::Util ();
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::Executor::Group;
use AI::MXNet::Initializer;
use AI::MXNet::Module::Base;
use AI::MXNet::NS;
use AI::MXNet::Optimizer;

extends 'AI::MXNet::Module::Base';

has symbol            => (is => 'ro', isa => 'AI::MXNet::Symbol', required => 1);
has data_names        => (is => 'ro', default => sub { ['data'] });
has label_names       => (is => 'ro', default => sub { ['softmax_label'] });
has state_names       => (is => 'ro', default => sub { [] });
has fixed_param_names => (is => 'ro', default => sub { [] });
has work_load_list    => (is => 'ro', isa => 'Maybe[ArrayRef[Num]]');
has context           => (is => 'ro', default => sub { AI::MXNet::Context::->cpu });
has [qw(data_shapes label_shapes)] => (is => 'ro', init_arg => undef);
has [qw(
    _context _param_names _aux_names _arg_params _aux_params _params_dirty _exec_group
    _optimizer _kvstore _update_on_kvstore _updater _indices _preload_opt_states)] => (is => 'rw', init_arg => undef);

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

# without arguments the class, for mx->mod->Module->load(...)
sub Module { my ($class, @arguments) = @_; return @arguments ? AI::MXNet::NS::construct('AI::MXNet::Module', @arguments) : 'AI::MXNet::Module' }

sub BucketingModule
{
    my ($class, @arguments) = @_;
    AI::MXNet::NS::load('AI/MXNet/Module/Bucketing.pm');
    return @arguments ? AI::MXNet::NS::construct('AI::MXNet::Module::Bucketing', @arguments) : 'AI::MXNet::Module::Bucketing';
}

around BUILDARGS => sub {
    my ($original, $class, @arguments) = @_;
    unshift @arguments, 'symbol' if @arguments % 2 and ref $arguments[0] ne 'HASH';
    my %given = %{ $class->$original(@arguments) };
    for my $name (qw(data_names label_names state_names fixed_param_names context)) {
        if (not defined $given{$name}) { delete $given{$name} }
        elsif (ref $given{$name} ne 'ARRAY') { $given{$name} = [$given{$name}] }
    }
    return \%given;
};

sub BUILD
{
    my ($self) = @_;
    my $symbol = $self->symbol;
    my @contexts = AI::MXNet::Module::Base::_as_list($self->context);
    AI::MXNet::Error::fail('work_load_list has ', scalar @{ $self->work_load_list }, ' entries for ', scalar @contexts, ' contexts')
        if defined $self->work_load_list and @{ $self->work_load_list } != @contexts;
    for (['data', 1], ['label', 0], ['state', 1], ['fixed_param', 1]) {
        my ($kind, $strict) = @$_;
        my $names = "${kind}_names";
        $self->_check_input_names($symbol, $self->$names, $kind, $strict);
    }
    my %input = map { $_ => 1 } @{ $self->data_names }, @{ $self->label_names }, @{ $self->state_names };
    $self->_context(\@contexts);
    $self->_param_names([grep { not $input{$_} } @{ $symbol->list_arguments }]);
    $self->_aux_names($symbol->list_auxiliary_states);
    return;
}

sub _symbol { my ($self) = @_; return $self->symbol }

# where programs for the original find what begins with an underscore
sub _p { return $_[0] }

sub output_names { my ($self) = @_; return $self->symbol->list_outputs }

sub output_shapes { my ($self) = @_; $self->_needs('binded'); return $self->_exec_group->get_output_shapes }

for my $what (qw(data_shapes label_shapes)) {
    before $what => sub { $_[0]->_needs('binded') };
}

# -- parameters ----------------------------------------------------------------------------------------------------

sub get_params
{
    my ($self) = @_;
    $self->_needs(qw(binded params_initialized));
    if ($self->_params_dirty) {
        my ($params, $kvstore) = ($self->_arg_params, $self->_kvstore);
        $self->_exec_group->get_params($params, $self->_aux_params);
        if (defined $kvstore and $self->_update_on_kvstore) {
            # the executors have only those rows that batches asked for
            $kvstore->pull($_, out => $params->{$_}, ignore_sparse => 0) for grep { $params->{$_}->stype ne 'default' } @{ $self->_param_names };
        }
        $self->_params_dirty(0);
    }
    return ($self->_arg_params, $self->_aux_params);
}

sub init_params
{
    my ($self, @options) = @_;
    my %options = (initializer => AI::MXNet::Uniform->new(0.01),
        AI::MXNet::Module::Base::_named('init_params', [qw(initializer arg_params aux_params allow_missing force_init allow_extra)], @options));
    if ($self->params_initialized and not $options{force_init}) {
        AI::MXNet::Logging->warning('Parameters already initialized and force_init=False. init_params call ignored.');
        return;
    }
    $self->_needs('binded');
    AI::MXNet::Error::expect('parameters are given as hashes of NDArrays by name', HASH => grep {defined} @options{qw(arg_params aux_params)});
    my $initializer = $options{initializer};
    $initializer = AI::MXNet::Initializer::_from_text($initializer) if defined $initializer and not ref $initializer;
    my $attributes = $self->symbol->attr_dict;
    for ([$self->_arg_params, $options{arg_params}], [$self->_aux_params, $options{aux_params}]) {
        my ($params, $given) = @$_;
        for my $name (sort keys %$params) {
            my $value = defined $given ? $given->{$name} : undef;
            if (defined $value) { $value->copyto($params->{$name}) if $value->handle != $params->{$name}->handle }
            elsif (defined $given and not $options{allow_missing}) { AI::MXNet::Error::fail("$name is not presented") }
            elsif (defined $initializer) {
                $initializer->(AI::MXNet::InitDesc->new(name => $name, attrs => $attributes->{$name} // {}), $params->{$name});
            }
        }
        next if $options{allow_extra} or not defined $given;
        for my $name (sort keys %$given) {
            AI::MXNet::Error::fail("Found name \"$name\" that is not in the ", $params == $self->_arg_params ? 'arguments' : 'auxiliary states')
                unless defined $params->{$name};
        }
    }
    $self->params_initialized(1);
    $self->_params_dirty(0);
    $self->_exec_group->set_params($self->_arg_params, $self->_aux_params);
    return;
}

sub set_params
{
    my ($self, $arg_params, $aux_params, @options) = @_;
    my %options = (allow_missing => 0, force_init => 1, AI::MXNet::Module::Base::_named('set_params', [qw(allow_missing force_init allow_extra)], @options));
    if (not $options{allow_missing}) {
        return $self->init_params(initializer => undef, arg_params => $arg_params, aux_params => $aux_params, %options);
    }
    if ($self->params_initialized and not $options{force_init}) {
        AI::MXNet::Logging->warning('Parameters already initialized and force_init=False. set_params call ignored.');
        return;
    }
    $self->_needs('binded');
    AI::MXNet::Error::expect('parameters are given as hashes of NDArrays by name', HASH => $arg_params // {}, $aux_params // {});
    $self->_exec_group->set_params($arg_params // {}, $aux_params, $options{allow_extra});
    $self->_params_dirty(1);
    $self->params_initialized(1);
    return;
}

# -- binding -------------------------------------------------------------------------------------------------------

sub bind
{
    my ($self, @options) = @_;
    my %options = (for_training => 1, inputs_need_grad => 0, grad_req => 'write', state_names => $self->state_names,
        AI::MXNet::Module::Base::_named('bind', [qw(
            data_shapes label_shapes for_training inputs_need_grad force_rebind shared_module grad_req state_names)], @options));
    $self->_unbind if $options{force_rebind};
    if ($self->binded) {
        $self->logger->warning('Already binded, ignoring bind()');
        return;
    }
    my $shared = $options{shared_module};
    AI::MXNet::Error::fail('bind: data_shapes is required') unless defined $options{data_shapes};
    AI::MXNet::Error::fail('AssertionError: inputs_need_grad needs for_training') if $options{inputs_need_grad} and not $options{for_training};
    AI::MXNet::Error::fail('AssertionError: shared_module is a module that is bound, has parameters and as many contexts')
        if defined $shared and not($shared->binded and $shared->params_initialized and @{ $shared->_context } >= @{ $self->_context });
    $self->{data_shapes}  = $self->_described('data',  $self->data_names,  $options{data_shapes}, 1);
    $self->{label_shapes} = $self->_described('label', $self->label_names, @{ $options{label_shapes} // [] } ? $options{label_shapes} : undef, 0);
    $self->for_training($options{for_training});
    $self->inputs_need_grad($options{inputs_need_grad});
    $self->_exec_group(AI::MXNet::DataParallelExecutorGroup->new(
        symbol => $self->symbol, contexts => $self->_context, workload => $self->work_load_list // [], logger => $self->logger,
        param_names => $self->_param_names, fixed_param_names => $self->fixed_param_names,
        data_shapes => $self->{data_shapes}, label_shapes => $self->{label_shapes},
        shared_group => defined $shared ? $shared->_exec_group : undef,
        map { $_ => $options{$_} } qw(for_training inputs_need_grad state_names grad_req)));
    $self->binded(1);
    if (defined $shared) { $self->_share_params($shared) }
    # they were loaded, or are those of before
    elsif ($self->params_initialized) { $self->_exec_group->set_params($self->_arg_params, $self->_aux_params) }
    else {
        $self->_arg_params(_zeros_like($self->_param_names, $self->_exec_group->param_arrays));
        $self->_aux_params(_zeros_like($self->_aux_names,   $self->_exec_group->aux_arrays));
    }
    return;
}

sub _share_params
{
    my ($self, $shared) = @_;
    for my $name (grep { not defined $shared->_arg_params->{$_} } @{ $self->_param_names }) {
        AI::MXNet::Error::fail("bind: the module whose parameters are shared has no $name; let it have those of all");
    }
    $self->_arg_params($shared->_arg_params);
    $self->_aux_params($shared->_aux_params);
    $self->params_initialized(1);
    $self->borrow_optimizer($shared) if $shared->optimizer_initialized;
    return;
}

# Arrays of zeros by name, like the first of those that the contexts have.
sub _zeros_like
{
    my ($names, $arrays) = @_;
    return {
        map {
            my $like = $arrays->[$_][0];
            $names->[$_] => AI::MXNet::NDArray->zeros($like->shape, dtype => $like->dtype, stype => $like->stype)
        } 0 .. $#$names
    };
}

sub _unbind
{
    my ($self) = @_;
    $self->get_params if $self->binded and $self->params_initialized;    # the executors may hold newer ones
    $self->binded(0);
    $self->_exec_group(undef);
    @$self{qw(data_shapes label_shapes)} = ();
    return;
}

sub reshape
{
    my ($self, @options) = @_;
    my %options = AI::MXNet::Module::Base::_named('reshape', [qw(data_shapes label_shapes)], @options);
    $self->_needs('binded');
    $self->{data_shapes} = $self->_described('data', $self->data_names, $options{data_shapes}, 1);
    $self->{label_shapes} = @{ $options{label_shapes} // [] } ? $self->_described('label', $self->label_names, $options{label_shapes}, 0) : undef;
    return $self->_exec_group->reshape($self->{data_shapes}, $self->{label_shapes});
}

# -- the optimizer -------------------------------------------------------------------------------------------------

# The store that an argument names, if one is needed, and whether it keeps the weights.
sub _create_kvstore
{
    my ($self, $kvstore) = @_;
    return (undef, 0) if not defined $kvstore or not ref $kvstore and @{ $self->_context } == 1 and $kvstore !~ /dist/;
    return ($kvstore, 1) if ref $kvstore;
    AI::MXNet::NS::load('AI/MXNet/KVStore.pm');
    my $large = 16 << 20;    # elements: to add up such an array on one context takes longer than to update all
    my $is_small = List::Util::max(0, map { List::Util::product(@{ $_->shape }) } values %{ $self->_arg_params }) <= $large;
    return (AI::MXNet::KVStore->create($kvstore), $kvstore ne 'local' || $is_small ? 1 : 0);
}

sub init_optimizer
{
    my ($self, @options) = @_;
    my %options = (kvstore => 'local', optimizer => 'sgd', optimizer_params => { learning_rate => 0.01 },
        AI::MXNet::Module::Base::_named('init_optimizer', [qw(kvstore optimizer optimizer_params force_init)], @options));
    $self->_needs(qw(binded params_initialized));
    if ($self->optimizer_initialized and not $options{force_init}) {
        $self->logger->warning('optimizer already initialized, ignoring...');
        return;
    }
    $self->get_params;
    my ($kvstore, $update_on_kvstore) = $self->_create_kvstore($options{kvstore});
    my $optimizer = $self->_make_optimizer(@options{qw(optimizer optimizer_params)}, $kvstore, $update_on_kvstore);
    my $names = $self->_param_names;
    $self->_indices({ map { $names->[$_] => $_ } 0 .. $#$names });
    $self->_optimizer($optimizer);
    $self->_kvstore($kvstore);
    $self->_update_on_kvstore($update_on_kvstore);
    $self->_updater($update_on_kvstore ? undef : AI::MXNet::Optimizer->get_updater($optimizer));
    $self->_begin_kvstore if defined $kvstore;
    $self->optimizer_initialized(1);
    if (defined(my $path = $self->_preload_opt_states)) {
        $self->load_optimizer_states($path);
        $self->_preload_opt_states(undef);
    }
    return;
}

# The optimizer that an argument names, whose gradients are means over the samples of all workers.
sub _make_optimizer
{
    my ($self, $optimizer, $params, $kvstore, $update_on_kvstore) = @_;
    my $batch_size = $self->_exec_group->batch_size;
    $batch_size *= $kvstore->num_workers if defined $kvstore and $kvstore->type =~ /dist/ and $kvstore->type =~ /_sync/;
    my $rescale_grad = 1 / $batch_size;
    if (ref $optimizer) {
        AI::MXNet::Logging->warning('Optimizer created manually outside Module but rescale_grad is not normalized to '
            . '1.0/batch_size/num_workers (%s vs. %s). Is this intended?', $optimizer->rescale_grad, $rescale_grad) if $optimizer->rescale_grad != $rescale_grad;
        return $optimizer;
    }
    AI::MXNet::Error::fail("optimizer_params is a hash ref, but got $params") if ref($params // {}) ne 'HASH';
    # a store updates one weight for all contexts, else each context has its own
    my ($names, $count) = ($self->_param_names, $update_on_kvstore ? 1 : scalar @{ $self->_context });
    my %names = map { my $i = $_; map { $i * $count + $_ => $names->[$i] } 0 .. $count - 1 } 0 .. $#$names;
    return AI::MXNet::Optimizer->create($optimizer, rescale_grad => $rescale_grad, %{ $params // {} }, sym => $self->symbol, param_idx2name => \%names);
}

# Gives the store the parameters, and the optimizer, if it is to update them.
sub _begin_kvstore
{
    my ($self) = @_;
    my ($kvstore, $names) = ($self->_kvstore, $self->_param_names);
    $kvstore->set_optimizer($self->_optimizer) if $self->_update_on_kvstore;
    $kvstore->init($names, [@{ $self->_arg_params }{@$names}]);
    return unless $self->_update_on_kvstore;
    $kvstore->pull($names, out => $self->_exec_group->param_arrays);
    $self->_params_dirty(1);    # those of another worker, perhaps
    return;
}

sub borrow_optimizer
{
    my ($self, $shared) = @_;
    AI::MXNet::Error::expect('borrow_optimizer takes a module', __PACKAGE__, $shared);
    $shared->_needs('optimizer_initialized');
    $self->$_($shared->$_) for qw(_optimizer _kvstore _update_on_kvstore _updater _indices);
    $self->optimizer_initialized(1);
    return;
}

# -- computing -----------------------------------------------------------------------------------------------------

# Fetches the rows of row_sparse parameters that a batch needs, where a store keeps these.
sub prepare
{
    my ($self, $batch, @options) = @_;
    my %options = AI::MXNet::Module::Base::_named('prepare', ['sparse_row_id_fn'], @options);
    $self->_needs('binded');
    my $rows_of = $options{sparse_row_id_fn} // return;
    if (not defined $self->_kvstore or not $self->_update_on_kvstore) {
        $self->logger->warning('Parameters are not updated in the KVStore. No need to call sparse_row_id_fn.');
        return;
    }
    my $rows = $rows_of->($batch);
    AI::MXNet::Error::fail('sparse_row_id_fn returns a hash ref of parameters and their rows, but returned ', $rows // 'undef')
        unless ref $rows eq 'HASH';
    for my $name (sort keys %$rows) {
        my $i = $self->_indices->{$name} // AI::MXNet::Error::fail("sparse_row_id_fn names the parameter $name, but there is none");
        my $arrays = $self->_exec_group->param_arrays->[$i];
        AI::MXNet::Error::fail("sparse_row_id_fn names $name, which is not row_sparse: all of it is there") if $arrays->[0]->stype ne 'row_sparse';
        $self->_kvstore->row_sparse_pull($name, out => $arrays, row_ids => $rows->{$name});
    }
    return;
}

sub forward
{
    my ($self, $batch, @options) = @_;
    my %options = AI::MXNet::Module::Base::_named('forward', ['is_train'], @options);
    $self->_needs(qw(binded params_initialized));
    my $described = $self->{data_shapes};
    AI::MXNet::Error::fail('forward takes a batch such as an iterator gives, but got ', $batch // 'undef')
        unless Scalar::Util::blessed($batch) and $batch->can('data');
    my $arrays = $batch->data;
    AI::MXNet::Error::fail('forward: the batch has ', scalar @$arrays, ' arrays of data, but the module takes ', scalar @$described, ": @{ $self->data_names }")
        if @$arrays != @$described;
    my ($expected, $got) = map { join ' ', map {"@{ $_->shape }"} @$_ } $described, $arrays;
    if ($expected ne $got) {
        my ($data, $labels) = ($batch->provide_data, $batch->provide_label);
        $data //= _reshaped($described, [map { $_->shape } @$arrays]);
        if (not defined $labels and defined(my $known = $self->{label_shapes})) {
            $labels = _reshaped($known, @{ $batch->label // [] } ? [map { $_->shape } @{ $batch->label }] : $self->_inferred($data, $known));
        }
        $self->reshape(data_shapes => $data, label_shapes => $labels);
    }
    $self->_exec_group->forward($batch, $options{is_train});
    return;
}

# Descriptions with other shapes.
sub _reshaped
{
    my ($descriptions, $shapes) = @_;
    return [map {
        my ($old, $shape) = ($descriptions->[$_], $shapes->[$_]);
        AI::MXNet::DataDesc->new(name => $old->name, shape => $shape, dtype => $old->dtype, layout => $old->layout);
    } 0 .. $#$descriptions];
}

# The shapes that the labels would have beside data of these shapes.
sub _inferred
{
    my ($self, $data, $labels) = @_;
    my ($found) = $self->symbol->infer_shape(map { $_->name => $_->shape } @$data);
    AI::MXNet::Error::fail('forward: the shapes of the data do not tell those of the labels, which the batch does not have') unless defined $found;
    my $names = $self->symbol->list_arguments;
    my %shape = map { $names->[$_] => $found->[$_] } 0 .. $#$names;
    return [map { $shape{ $_->name } } @$labels];
}

sub backward
{
    my ($self, $out_grads) = @_;
    $self->_needs(qw(binded params_initialized));
    $self->_exec_group->backward($out_grads);
    return;
}

sub update
{
    my ($self) = @_;
    $self->_needs(qw(binded params_initialized optimizer_initialized));
    $self->_params_dirty(1);
    my ($weights, $grads, $names) = ($self->_exec_group->param_arrays, $self->_exec_group->grad_arrays, $self->_param_names);
    my @with = grep { defined $grads->[$_][0] } 0 .. $#$names;
    my @keys = @$names[@with];
    my ($kvstore, $count) = ($self->_kvstore, scalar @{ $self->_context });
    if (defined $kvstore) {
        $kvstore->push(\@keys, [@$grads[@with]]);
        # a sparse weight is not fetched as a whole: prepare fetches the rows that a batch needs
        $kvstore->pull(\@keys, out => [@{ $self->_update_on_kvstore ? $weights : $grads }[@with]], ignore_sparse => $self->_update_on_kvstore);
    }
    return if $self->_update_on_kvstore;
    my $indices = $self->_indices;
    $self->_updater->_call_all(map {
        my ($i, $index) = ($_, $indices->{ $names->[$_] });
        map { [$index * $count + $_, $grads->[$i][$_], $weights->[$i][$_]] } 0 .. $count - 1
    } @with);
    return;
}

sub get_outputs
{
    my ($self, $merge) = @_;
    $self->_needs(qw(binded params_initialized));
    return $self->_exec_group->get_outputs($merge);
}

sub get_input_grads
{
    my ($self, $merge) = @_;
    $self->_needs(qw(binded params_initialized));
    return $self->_exec_group->get_input_grads($merge);
}

sub get_states
{
    my ($self, $merge) = @_;
    $self->_needs(qw(binded params_initialized));
    return $self->_exec_group->get_states($merge);
}

sub set_states
{
    my ($self, @options) = @_;
    my %options = AI::MXNet::Module::Base::_named('set_states', [qw(states value)], @options);
    $self->_needs(qw(binded params_initialized));
    return $self->_exec_group->set_states(@options{qw(states value)});
}

sub update_metric
{
    my ($self, $metric, $labels) = @_;
    $self->_needs(qw(binded params_initialized));
    AI::MXNet::Error::fail('update_metric takes a metric and a list of labels, but got ', $metric // 'undef')
        unless Scalar::Util::blessed($metric) and $metric->can('update');
    AI::MXNet::Error::expect('update_metric takes a metric and a list of labels', ARRAY => $labels);
    return $self->_exec_group->update_metric($metric, $labels);
}

sub install_monitor
{
    my ($self, $monitor) = @_;
    $self->_needs('binded');
    AI::MXNet::Error::expect('install_monitor takes a monitor', 'AI::MXNet::Monitor', $monitor);
    return $self->_exec_group->install_monitor($monitor);
}

# -- files ---------------------------------------------------------------------------------------------------------

sub load_checkpoint
{
    my ($class, $prefix, $epoch) = @_;
    AI::MXNet::Base::_check_name('load_checkpoint', $prefix);
    return (AI::MXNet::Symbol->load("$prefix-symbol.json"), AI::MXNet::NDArray::_load_params(sprintf '%s-%04d.params', $prefix, $epoch));
}

sub load
{
    my ($class, $prefix, $epoch, $load_optimizer_states, @options) = @_;
    my ($symbol, $arg_params, $aux_params) = $class->load_checkpoint($prefix, $epoch);
    my $self = (ref $class || $class)->new(symbol => $symbol, @options);
    $self->_arg_params($arg_params);
    $self->_aux_params($aux_params);
    $self->params_initialized(1);
    $self->_preload_opt_states(sprintf '%s-%04d.states', $prefix, $epoch) if $load_optimizer_states;
    return $self;
}

sub save_checkpoint
{
    my ($self, $prefix, $epoch, $save_optimizer_states) = @_;
    AI::MXNet::Base::_check_name('save_checkpoint', $prefix);
    $self->symbol->save("$prefix-symbol.json");
    my $path = sprintf '%s-%04d', $prefix, $epoch;
    $self->save_params("$path.params");
    $self->logger->info('Saved checkpoint to "%s"', "$path.params");
    return unless $save_optimizer_states;
    $self->save_optimizer_states("$path.states");
    $self->logger->info('Saved optimizer state to "%s"', "$path.states");
    return;
}

sub model_save_checkpoint
{
    my ($class, $prefix, $epoch, $symbol, $arg_params, $aux_params) = @_;
    AI::MXNet::Base::_check_name('model_save_checkpoint', $prefix);
    AI::MXNet::Error::expect('model_save_checkpoint takes a Symbol', 'AI::MXNet::Symbol', $symbol // ());
    $symbol->save("$prefix-symbol.json") if defined $symbol;
    my $path = sprintf '%s-%04d.params', $prefix, $epoch;
    AI::MXNet::Module::Base->save_params($path, $arg_params, $aux_params);
    AI::MXNet::Logging->info('Saved checkpoint to "%s"', $path);
    return;
}

sub save_optimizer_states
{
    my ($self, $path) = @_;
    $self->_needs('optimizer_initialized');
    return $self->_kvstore->save_optimizer_states($path) if $self->_update_on_kvstore;
    return AI::MXNet::Base::_write_file('save_optimizer_states', $path, $self->_updater->get_states);
}

sub load_optimizer_states
{
    my ($self, $path) = @_;
    $self->_needs('optimizer_initialized');
    return $self->_kvstore->load_optimizer_states($path) if $self->_update_on_kvstore;
    return $self->_updater->set_states(AI::MXNet::Base::_read_file('load_optimizer_states', $path));
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Module - a symbol with its parameters and an optimizer, to be trained

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    # rows around four centres, and the number of the centre
    my $labels = nd->arange(stop => 400) % 4;
    my $data   = nd->one_hot($labels, 4) + nd->random->normal(0, 0.1, shape => [400, 4]);
    my $train  = mx->io->NDArrayIter($data, $labels, batch_size => 20, shuffle => 1);

    my $net = mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 16, name => 'fc1');
    $net = mx->sym->FullyConnected(mx->sym->Activation($net, act_type => 'relu'), num_hidden => 4, name => 'fc2');
    $net = mx->sym->SoftmaxOutput($net, name => 'softmax');

    $AI::MXNet::Logging::silent = 1;    # without this, lines such as: Epoch[0] Train-accuracy=0.885000
    my $module = mx->mod->Module($net, context => mx->cpu);
    $module->fit($train, num_epoch => 5, optimizer => 'adam', optimizer_params => { learning_rate => 0.01 });

    printf "accuracy %.2f\n", $module->score($train, 'acc')->{accuracy};
    my $probabilities = $module->predict($train);
    print $probabilities->at(0)->aspdl, "\n";

=head1 DESCRIPTION

A module binds a symbol to arrays, on one context or several, and has what training needs: it initializes, updates, saves
and loads parameters. C<fit>, C<score> and C<predict>, which L<AI::MXNet::Module::Base> documents, go over an iterator;
the methods below are the steps that they are made of:

    my $by_hand = mx->mod->Module($net);
    $by_hand->bind(data_shapes => $train->provide_data, label_shapes => $train->provide_label);
    $by_hand->init_params(initializer => mx->init->Xavier);
    $by_hand->init_optimizer(optimizer => 'sgd', optimizer_params => { learning_rate => 0.1, momentum => 0.9 });
    my $metric = mx->metric->create('acc');
    $train->reset;
    while (defined(my $batch = <$train>)) {
        $by_hand->forward($batch);
        $by_hand->update_metric($metric, $batch->label);
        $by_hand->backward;
        $by_hand->update;
    }

None of these waits for the engine: only who reads a value does, for instance that of the metric.

With several contexts each batch is divided between them, in proportion to C<work_load_list>, and the gradients are
added up. All contexts are on the same processors, so that this is no faster; it is there for programs that do it, and
gives their results. Several processes are another matter: see L<AI::MXNet::KVStore/SEVERAL WORKERS>.

=head1 ATTRIBUTES

    my $frozen = mx->mod->Module($net, fixed_param_names => ['fc1_weight', 'fc1_bias'], context => [map { mx->cpu($_) } 0, 1]);

The symbol may come first, without its name.

=head2 symbol

What is computed.

=head2 data_names, label_names, state_names

The arguments of the symbol that are data (C<['data']>), labels (C<['softmax_label']>; undef stands for this, too, and
C<[]> for none) and states (none), whose values the user sets. All other arguments are parameters.

=head2 fixed_param_names

Parameters that are not trained.

=head2 context, work_load_list

A context, or a list of them, and numbers that say how much of a batch each gets.

=head2 logger

What has methods C<info> and C<warning>, each taking a format and values: L<AI::MXNet::Logging>.

=head2 binded, for_training, inputs_need_grad, params_initialized, optimizer_initialized

How far the module has got. A method that is called too early dies with C<AssertionError> and names the one to call.

=head1 METHODS

=head2 Module, BucketingModule

    $module = mx->mod->Module(symbol => $net);

Make a module; without arguments they return the class, for C<< mx->mod->Module->load(...) >>. The second makes an
L<AI::MXNet::Module::Bucketing>.

=head2 bind

    $module->bind(data_shapes => [['data', [20, 4]]], label_shapes => [['softmax_label', [20]]]);

Makes the arrays. C<data_shapes> (required) and C<label_shapes> are lists of L<AI::MXNet::IO>'s DataDesc or of name and
shape. C<for_training> (1) makes those of gradients, too; C<inputs_need_grad> (0) also for the data; C<grad_req>
(C<write>, C<add>, C<null>, or a hash by argument) is what happens to gradients. C<force_rebind> (0) binds anew, and keeps
the parameters; without it a second call is ignored with a warning. C<shared_module>, a module that has all parameters
of this one, shares its arrays of them.

=head2 init_params

    $module->init_params(initializer => mx->init->Normal(0.1));

Gives the parameters their first values: from C<arg_params> and C<aux_params>, hash refs, else by C<initializer>
(C<< mx->init->Uniform(0.01) >>). What the hashes lack is an error unless C<allow_missing> (0), what they have beyond the
symbol's parameters is one unless C<allow_extra> (0). A second call is ignored with a warning unless C<force_init> (0).

=head2 get_params, set_params

    my ($args, $aux) = $module->get_params;
    $module->set_params($args, $aux, allow_missing => 0, force_init => 1, allow_extra => 0);

Two hash refs, of parameters and auxiliary states, by name. The arrays are the module's own copies, averaged over the
contexts, and change at the next C<get_params>.

=head2 init_optimizer

    $module->init_optimizer(optimizer => 'sgd', optimizer_params => { learning_rate => 0.1 });

C<optimizer> (C<sgd>) is a name, with C<optimizer_params> (C<< { learning_rate => 0.01 } >>), or an optimizer. A named one
divides gradients by the number of rows in a batch, of all workers, unless C<rescale_grad> says otherwise. C<kvstore>
(C<local>) is the type of an L<AI::MXNet::KVStore>, a store, or undef for none; one context alone needs none. A second call
is ignored with a warning unless C<force_init> (0).

=head2 borrow_optimizer

    my $other = mx->mod->Module($net);
    $other->bind(data_shapes => [['data', [5, 4]]], label_shapes => [['softmax_label', [5]]], shared_module => $module);
    $other->borrow_optimizer($module);

Uses the optimizer of a module with the same parameters. Binding with C<shared_module> does so by itself.

=head2 forward, backward, update

    $train->reset;
    my $batch = $train->next;
    $module->forward($batch, is_train => 1);
    $module->backward;
    $module->update;

Compute the outputs, then the gradients, then take a step of the optimizer. C<is_train> is true where the module is bound
for training. A batch of other shapes than before binds anew. C<backward> takes the gradients of the outputs, an NDArray
or a list of them, unless they are those of loss layers.

=head2 prepare

    # $module->fit($train, kvstore => mx->kv->create, sparse_row_id_fn => sub { +{ words_weight => $_[0]->data->[0] } }, ...)

Parameters whose variables have C<< stype => 'row_sparse' >> and whose gradients are row_sparse are updated only where a batch
touches them. If a store keeps them, that is with several contexts or a store that was made beforehand, the executors have
but those rows that C<sparse_row_id_fn> asked for: code that returns, for a batch, a hash ref of parameters and the
numbers of their rows, an NDArray or a list of one for each context.

=head2 get_outputs, get_input_grads

    my $output = $module->get_outputs->[0];

The arrays as a list ref; with the argument 0, a list of those on each context for each. The next C<forward> writes to the
same arrays.

=head2 get_states, set_states

The states, as C<get_outputs> has its arrays. C<set_states> takes C<states>, whole arrays or lists as C<get_outputs(0)>
gives, or a C<value> for all elements.

=head2 update_metric

    $module->update_metric($metric, $batch->label);

Adds labels and outputs to a metric.

=head2 reshape

    $module->reshape(data_shapes => [['data', [10, 4]]], label_shapes => [['softmax_label', [10]]]);

Binds for other shapes of the inputs, with the same parameters.

=head2 output_names, output_shapes, data_shapes, label_shapes

Names, and lists of DataDesc of what is bound. C<label_shapes> is undef without labels.

=head2 install_monitor

Lets an L<AI::MXNet::Monitor> look at all outputs of operators.

=head1 FILES

    use File::Temp qw(tempdir);
    my $prefix = tempdir(CLEANUP => 1) . '/net';
    $module->save_checkpoint($prefix, 5, 1);    # net-symbol.json, net-0005.params, net-0005.states
    my $loaded = mx->mod->Module->load($prefix, 5, 1);
    $loaded->fit($train, begin_epoch => 5, num_epoch => 6, optimizer => 'sgd', optimizer_params => { learning_rate => 0.1 });

=head2 save_checkpoint

Takes a prefix, the number of the epoch and whether to save the states of the optimizer (0). Symbol and parameters are
in MXNet's formats, which it reads and whose files are read.

=head2 load, load_checkpoint

C<load> takes the same, and attributes by name, and returns a module that has parameters but is not bound; states are
loaded when its optimizer is initialized. C<load_checkpoint> returns symbol, parameters and auxiliary states.

=head2 model_save_checkpoint

    mx->mod->model_save_checkpoint($prefix, 6, $net, $args, $aux);

Saves a symbol (or undef: none) and hash refs of parameters and auxiliary states.

=head2 save_optimizer_states, load_optimizer_states

Take the name of a file. States come from C<get_states> of the updater: see L<AI::MXNet::Optimizer/UPDATERS>.

=head1 ERRORS

Names that the symbol does not have (those of labels are only warned of), shapes that do not fit, batches without what the
module takes, and methods that are called too early die with an L<AI::MXNet::Error>.

=head1 SEE ALSO

L<AI::MXNet::Module::Base>, L<AI::MXNet::Module::Bucketing>, L<AI::MXNet::Symbol>, L<AI::MXNet::IO>, L<AI::MXNet::Callback>

=cut

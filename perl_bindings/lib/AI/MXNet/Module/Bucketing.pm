package AI::MXNet::Module::Bucketing;
# A module for each bucket of a data set, sharing parameters and optimizer. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Error;
use AI::MXNet::Module;

extends 'AI::MXNet::Module::Base';

has sym_gen            => (is => 'ro', isa => 'CodeRef', required => 1);
has default_bucket_key => (is => 'ro', required => 1);
has [qw(context work_load_list fixed_param_names state_names)] => (is => 'ro');
has _buckets => (is => 'ro', init_arg => undef, default => sub { {} });
has [qw(_curr_module _curr_bucket_key _monitor _grad_req _params_dirty)] => (is => 'rw', init_arg => undef);

around BUILDARGS => sub {
    my ($original, $class, @arguments) = @_;
    unshift @arguments, 'sym_gen' if @arguments % 2 and ref $arguments[0] eq 'CODE';
    return $class->$original(@arguments);
};

# A module of the symbol for a bucket, not yet bound.
sub _module_for
{
    my ($self, $key) = @_;
    my ($symbol, $data_names, $label_names) = $self->sym_gen->($key);
    return AI::MXNet::Module->new(symbol => $symbol, data_names => $data_names, label_names => $label_names,
        map({ defined $self->$_ ? ($_ => $self->$_) : () } qw(context work_load_list fixed_param_names state_names)), logger => $self->logger);
}

sub BUILD { my ($self) = @_; $self->_module_for($self->default_bucket_key); return }    # so that wrong names are found at once

# The module at work; before binding one of the default bucket, to be asked for names.
sub _module { my ($self) = @_; return $self->_curr_module // $self->_module_for($self->default_bucket_key) }

sub data_names   { my ($self) = @_; return $self->_module->data_names }
sub output_names { my ($self) = @_; return $self->_module->output_names }

for my $method (qw(data_shapes label_shapes output_shapes symbol)) {
    __PACKAGE__->meta->add_method($method => sub { my ($self) = @_; $self->_needs('binded'); return $self->_curr_module->$method });
}

sub get_symbol { my ($self) = @_; return $self->symbol }

# where programs for the original find what begins with an underscore
sub _p { return $_[0] }

# -- parameters ----------------------------------------------------------------------------------------------------

sub get_params
{
    my ($self) = @_;
    $self->_needs(qw(binded params_initialized));
    $self->_curr_module->_params_dirty(1) if $self->_params_dirty;
    $self->_params_dirty(0);
    return $self->_curr_module->get_params;
}

sub init_params
{
    my ($self, @options) = @_;
    $self->_needs('binded');
    $self->_curr_module->init_params(@options);
    $self->_params_dirty(0);
    $self->params_initialized(1);
    return;
}

# The options are positional here: allow_missing, force_init, allow_extra.
sub set_params
{
    my ($self, $arg_params, $aux_params, @options) = @_;
    my @names = qw(allow_missing force_init allow_extra);
    @options = map { $names[$_] => $options[$_] } 0 .. $#options if @options and not grep { defined $options[0] && $options[0] eq $_ } @names;
    my %options = (allow_missing => 0, @options);
    $self->_needs('binded');
    $self->_curr_module->set_params($arg_params, $aux_params, %options);
    $self->_params_dirty($options{allow_missing} ? 1 : 0);
    $self->params_initialized(1);
    return;
}

# -- binding -------------------------------------------------------------------------------------------------------

sub bind
{
    my ($self, @options) = @_;
    my %options = (for_training => 1, inputs_need_grad => 0, grad_req => 'write', bucket_key => $self->default_bucket_key,
        AI::MXNet::Module::Base::_named('bind', [qw(
            data_shapes label_shapes for_training inputs_need_grad force_rebind shared_module grad_req bucket_key)], @options));
    AI::MXNet::Error::fail('AssertionError: shared_module for BucketingModule is not supported') if defined $options{shared_module};
    if ($self->binded and not $options{force_rebind}) {
        $self->logger->warning('Already binded, ignoring bind()');
        return;
    }
    my @params = $self->binded && $self->params_initialized ? $self->get_params : ();
    my $key = $options{bucket_key};
    my $module = $self->_module_for($key);
    $module->bind(map { $_ => $options{$_} } qw(data_shapes label_shapes for_training inputs_need_grad grad_req));
    %{ $self->_buckets } = ($key => $module);
    $self->_curr_module($module);
    $self->_curr_bucket_key($key);
    $self->_grad_req($options{grad_req});
    $self->for_training($options{for_training});
    $self->inputs_need_grad($options{inputs_need_grad});
    $self->binded(1);
    $self->set_params(@params) if @params;
    return;
}

sub switch_bucket
{
    my ($self, @options) = @_;
    my %options = AI::MXNet::Module::Base::_named('switch_bucket', [qw(bucket_key data_shapes label_shapes)], @options);
    $self->_needs('binded');
    my $key = $options{bucket_key} // AI::MXNet::Error::fail('switch_bucket: bucket_key is required');
    my $buckets = $self->_buckets;
    if (not defined $buckets->{$key}) {
        my $module = $self->_module_for($key);
        $module->bind(data_shapes => $options{data_shapes}, label_shapes => $options{label_shapes}, for_training => $self->for_training,
            inputs_need_grad => $self->inputs_need_grad, shared_module => $self->_curr_module, grad_req => $self->_grad_req);
        $module->install_monitor($self->_monitor) if defined $self->_monitor;
        $buckets->{$key} = $module;
    }
    $self->_curr_module($buckets->{$key});
    $self->_curr_bucket_key($key);
    return;
}

sub _switch_for
{
    my ($self, $batch) = @_;
    return $self->switch_bucket(bucket_key => $batch->bucket_key, data_shapes => $batch->provide_data, label_shapes => $batch->provide_label);
}

sub init_optimizer
{
    my ($self, @options) = @_;
    $self->_needs(qw(binded params_initialized));
    my $current = $self->_curr_module;
    my %options = @options;
    if ($self->optimizer_initialized and not $options{force_init}) {
        $self->logger->warning('optimizer already initialized, ignoring.');
        return;
    }
    $current->init_optimizer(@options);
    $_->borrow_optimizer($current) for grep { $_ != $current } values %{ $self->_buckets };
    $self->optimizer_initialized(1);
    return;
}

# -- computing -----------------------------------------------------------------------------------------------------

# Binds the bucket of the next batch beforehand.
sub prepare
{
    my ($self, $batch, @options) = @_;
    $self->_needs(qw(binded params_initialized));
    my $key = $self->_curr_bucket_key;
    $self->_switch_for($batch);
    $self->_curr_module->prepare($batch, @options);
    return $self->switch_bucket(bucket_key => $key);
}

sub forward
{
    my ($self, $batch, @options) = @_;
    $self->_needs(qw(binded params_initialized));
    $self->_switch_for($batch);
    return $self->_curr_module->forward($batch, @options);
}

sub update
{
    my ($self) = @_;
    $self->_needs(qw(binded params_initialized optimizer_initialized));
    $self->_params_dirty(1);
    return $self->_curr_module->update;
}

for my $method (qw(backward get_outputs get_input_grads get_states set_states update_metric)) {
    __PACKAGE__->meta->add_method($method => sub {
        my ($self, @arguments) = @_;
        $self->_needs(qw(binded params_initialized));
        return $self->_curr_module->$method(@arguments);
    });
}

sub install_monitor
{
    my ($self, $monitor) = @_;
    $self->_needs('binded');
    $self->_monitor($monitor);
    $_->install_monitor($monitor) for values %{ $self->_buckets };
    return;
}

# -- files ---------------------------------------------------------------------------------------------------------

sub save_checkpoint
{
    my ($self, $prefix, $epoch, $save_optimizer_states) = @_;
    $self->get_params;
    $self->_buckets->{$_}->save_checkpoint("${prefix}_$_", $epoch, $save_optimizer_states) for sort keys %{ $self->_buckets };
    return;
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Module::Bucketing - modules for inputs of several lengths, sharing parameters

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    # sequences of each length have a graph of their own
    sub network
    {
        my ($length) = @_;
        my $words = mx->sym->Embedding(mx->sym->var('data'), input_dim => 50, output_dim => 8, name => 'words');
        my $net   = mx->sym->FullyConnected(mx->sym->mean($words, axis => 1), num_hidden => 2, name => 'fc');
        return (mx->sym->SoftmaxOutput($net, name => 'softmax'), ['data'], ['softmax_label']);
    }

    my $module = mx->mod->BucketingModule(sym_gen => \&network, default_bucket_key => 10);
    $module->bind(data_shapes => [['data', [4, 10]]], label_shapes => [['softmax_label', [4]]]);
    $module->init_params;
    $module->init_optimizer;

    for my $length (3, 10, 5) {
        my $batch = AI::MXNet::DataBatch->new(
            data => [nd->ones([4, $length])], label => [nd->zeros([4])], bucket_key => $length,
            provide_data => [['data', [4, $length]]], provide_label => [['softmax_label', [4]]]);
        $module->forward_backward($batch);
        $module->update;
    }

=head1 DESCRIPTION

A bucket is a length, or whatever else C<sym_gen> makes a symbol from. Each has a module of its own, made at its first
batch; parameters and optimizer are those of all. With an iterator whose batches carry C<bucket_key>, C<provide_data> and
C<provide_label>, such as AI::MXNet::BucketSentenceIter, C<fit>, C<score> and C<predict> work as with any module: see
L<AI::MXNet::Module::Base>.

=head1 ATTRIBUTES

=head2 sym_gen

Code that returns, for a bucket's key, the symbol, a list ref of the names of data and one of those of labels. All buckets
have the parameters of the default one, and no others. It may come first, without its name.

=head2 default_bucket_key

The bucket that C<bind> is for, usually the largest.

=head2 context, work_load_list, fixed_param_names, state_names, logger

Those of each module: see L<AI::MXNet::Module/ATTRIBUTES>.

=head1 METHODS

=head2 bind

As L<AI::MXNet::Module/bind>; the shapes are those of the bucket C<bucket_key>, or of the default one.

=head2 switch_bucket

    $module->switch_bucket(bucket_key => 7, data_shapes => [['data', [4, 7]]], label_shapes => [['softmax_label', [4]]]);

Works with this bucket from here on. The shapes are needed where the bucket is new.

=head2 forward, prepare

C<forward> switches to the bucket of its batch; C<prepare> makes the module of that of the next one.

=head2 set_params

    my ($args, $aux) = $module->get_params;
    $module->set_params($args, $aux, 0, 1, 0);

The options C<allow_missing>, C<force_init> and C<allow_extra> come by position here; by name works, too.

=head2 save_checkpoint

Writes the files of L<AI::MXNet::Module/save_checkpoint> for each bucket, with an underscore and the bucket's key behind
the prefix. The parameters are the same in all.

=head2 init_params, get_params, init_optimizer, backward, update, update_metric, get_outputs, get_input_grads, get_states, set_states, install_monitor, data_names, output_names, data_shapes, label_shapes, output_shapes, symbol, get_symbol

As in L<AI::MXNet::Module>, of the bucket at work.

=head1 SEE ALSO

L<AI::MXNet::Module>, L<AI::MXNet::Module::Base>

=cut

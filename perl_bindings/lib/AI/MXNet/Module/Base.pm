package AI::MXNet::BatchEndParam;
# What callbacks are given at the end of a batch.
use strict;
use warnings;
use AI::MXNet::Mouse;

has [qw(epoch nbatch)] => (is => 'rw', isa => 'Int');
has eval_metric        => (is => 'rw', isa => 'Maybe[AI::MXNet::EvalMetric]');

__PACKAGE__->meta->make_immutable;

package AI::MXNet::Module::Base;
# What all modules share: training, scoring and predicting over iterators. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed reftype);
use Time::HiRes qw(time);
use AI::MXNet::Error;
use AI::MXNet::IO;
use AI::MXNet::Logging;
use AI::MXNet::Metric;
use AI::MXNet::NDArray;

has logger => (is => 'rw', default => sub { AI::MXNet::Logging->get_logger });
has [qw(binded for_training inputs_need_grad params_initialized optimizer_initialized)] => (is => 'rw', isa => 'Bool', init_arg => undef, default => 0);

# -- for modules ---------------------------------------------------------------------------------------------------

# Dies unless the module has got as far as the flags say.
sub _needs
{
    my ($self, @flags) = @_;
    my %step = (binded => 'bind', params_initialized => 'init_params', optimizer_initialized => 'init_optimizer');
    for my $flag (grep { not $self->$_ } @flags) {
        AI::MXNet::Error::fail("AssertionError: call $step{$flag} first");
    }
    return;
}

sub _named { return AI::MXNet::NDArray::_named(@_) }

sub _as_list { my ($value) = @_; return not(defined $value) ? () : ref $value eq 'ARRAY' ? @$value : $value }

sub _check_input_names
{
    my ($self, $symbol, $names, $kind, $strict) = @_;
    my @arguments = @{ $symbol->list_arguments };
    for my $name (@$names) {
        next if grep { $_ eq $name } @arguments;
        my $message = "You created Module with Module(..., ${kind}_names=@$names) but input with name '$name' is not found in symbol.list_arguments(). "
            . "Did you mean one of:\n\t" . join("\n\t", grep { !/_(?:weight|bias|gamma|beta)\z/ } @arguments);
        AI::MXNet::Error::fail($message) if $strict;
        AI::MXNet::Logging->warning('%s', $message);
    }
    return;
}

# Names and shapes as DataDesc, compared with the names of the module.
sub _described
{
    my ($self, $kind, $names, $shapes, $strict) = @_;
    AI::MXNet::Error::fail("${kind}_shapes is a list of DataDesc or [name => [sizes]], but got ", ref $shapes eq 'ARRAY' ? "[@$shapes]" : $shapes)
        if defined $shapes and (ref $shapes ne 'ARRAY' or grep { not ref or ref eq 'ARRAY' && ref $_->[1] ne 'ARRAY' } @$shapes);
    my $described = defined $shapes ? [map { AI::MXNet::DataDesc::_of($_) } @$shapes] : undef;
    my ($expected, $got) = map { join ' ', sort @$_ } $names, [map { $_->name } @{ $described // [] }];
    if ($expected ne $got) {
        my $message = "Data provided by ${kind}_shapes don't match names specified by ${kind}_names (@{ $described // [] } vs. @$names)";
        AI::MXNet::Error::fail($message) if $strict;
        AI::MXNet::Logging->warning('%s', $message);
    }
    return $described;
}

# -- what a module defines -----------------------------------------------------------------------------------------

for my $method (qw(
    data_names output_names data_shapes label_shapes output_shapes get_params init_params set_params bind init_optimizer
    forward backward update get_outputs get_input_grads update_metric install_monitor get_states set_states symbol))
{
    __PACKAGE__->meta->add_method($method => sub { AI::MXNet::Error::fail(ref $_[0], " is a module without a method $method") });
}

sub get_symbol { my ($self) = @_; return $self->symbol }

sub prepare { return }

# -- computing over an iterator ------------------------------------------------------------------------------------

sub forward_backward
{
    my ($self, $batch) = @_;
    $self->forward($batch, is_train => 1);
    $self->backward;
    return;
}

sub _check_iterator
{
    my ($method, $data) = @_;
    AI::MXNet::Error::fail("$method takes an iterator, such as mx->io->NDArrayIter, but got ", $data // 'undef')
        unless blessed $data and $data->can('next') and $data->can('reset');
    return;
}

# What prepare is told beside the batch.
sub _rows { my ($options) = @_; return defined $options->{sparse_row_id_fn} ? (sparse_row_id_fn => $options->{sparse_row_id_fn}) : () }

# A metric's names and values in its own order, as pairs.
sub _name_values
{
    my ($metric) = @_;
    my ($names, $values) = $metric->get;
    return ref $names eq 'ARRAY' ? map { [$names->[$_], $values->[$_]] } 0 .. $#$names : [$names, $values];
}

sub _tell
{
    my ($callbacks, $epoch, $batch, $metric) = @_;
    my @callbacks = _as_list($callbacks) or return;
    my ($other) = grep { not ref } @callbacks;
    AI::MXNet::Error::fail("a callback is code or an object of AI::MXNet::Callback, but got $other") if defined $other;
    my $param = AI::MXNet::BatchEndParam->new(epoch => $epoch, nbatch => $batch, eval_metric => $metric);
    $_->($param) for @callbacks;
    return;
}

sub score
{
    my ($self, $data, $metric, @options) = @_;
    my %options = (reset => 1, epoch => 0, _named('score', [qw(num_batch batch_end_callback score_end_callback reset epoch sparse_row_id_fn)], @options));
    $self->_needs(qw(binded params_initialized));
    _check_iterator('score', $data);
    $data->reset if $options{reset};
    $metric = AI::MXNet::Metric->create($metric);
    $metric->reset;
    my ($count, @rows) = (0, _rows(\%options));
    until (defined $options{num_batch} and $count >= $options{num_batch}) {
        my $batch = $data->next // last;
        $self->prepare($batch, @rows);
        $self->forward($batch, is_train => 0);
        $self->update_metric($metric, $batch->label);
        _tell($options{batch_end_callback}, $options{epoch}, $count, $metric);
        $count++;
    }
    _tell($options{score_end_callback}, $options{epoch}, $count, $metric);
    return $metric->get_name_value;
}

# Calls the code with the outputs, without padding, the number and the batch itself, for each batch.
sub _each_output
{
    my ($self, $data, $options, $code) = @_;
    $self->_needs(qw(binded params_initialized));
    _check_iterator('predict', $data);
    $data->reset if $options->{reset};
    for (my $count = 0; not defined $options->{num_batch} or $count < $options->{num_batch}; $count++) {
        my $batch = $data->next // last;
        $self->prepare($batch, _rows($options));
        $self->forward($batch, is_train => 0);
        my $pad = $batch->pad // 0;
        # copies, because the module writes its next outputs where these are
        my @outputs = map {
            $pad ? AI::MXNet::NDArray->slice_axis($_, axis => 0, begin => 0, end => $_->len - $pad) : $_->copy
        } @{ $self->get_outputs };
        $code->(\@outputs, $count, $batch);
    }
    return;
}

sub iter_predict
{
    my ($self, $data, @options) = @_;
    my %options = (reset => 1, _named('iter_predict', [qw(num_batch reset sparse_row_id_fn)], @options));
    my @predicted;
    $self->_each_output($data, \%options, sub { push @predicted, [@_] });
    return @predicted;
}

sub predict
{
    my ($self, $data, @options) = @_;
    my %options = (merge_batches => 1, reset => 1, always_output_list => 0,
        _named('predict', [qw(num_batch merge_batches reset always_output_list sparse_row_id_fn)], @options));
    if (not blessed $data or not $data->isa('AI::MXNet::DataIter')) {
        my $array = blessed $data && $data->isa('AI::MXNet::NDArray') ? $data : AI::MXNet::NDArray->array($data);
        $self->_needs(qw(binded params_initialized));
        $self->forward(AI::MXNet::DataBatch->new(data => [$array]), is_train => 0);
        return $self->get_outputs->[0]->copy;
    }
    my @batches;
    $self->_each_output($data, \%options, sub { push @batches, $_[0] });
    return @batches if not @batches or not $options{merge_batches};
    my $count = @{ $batches[0] };
    AI::MXNet::Error::fail('Cannot merge batches, as num of outputs is not the same in mini-batches. Maybe bucketing is used?')
        if grep { @$_ != $count } @batches;
    my @merged = map {
        my $k = $_;
        my @parts = map { $_->[$k] } @batches;
        @parts == 1 ? $parts[0] : AI::MXNet::NDArray->Concat(@parts, dim => 0);
    } 0 .. $count - 1;
    return $count == 1 && !$options{always_output_list} ? $merged[0] : @merged;
}

# A metric of its own that counts as another does: only code and arrays are shared.
sub _metric_like
{
    my ($value) = @_;
    my $type = reftype $value // return $value;
    return $value if $type !~ /\A(?:HASH|ARRAY)\z/;
    return $value if blessed $value and not $value->isa('AI::MXNet::EvalMetric') and not $value->isa('_BinaryClassificationMetrics');
    my $new = $type eq 'HASH' ? { map { $_ => _metric_like($value->{$_}) } keys %$value } : [map { _metric_like($_) } @$value];
    return blessed $value ? bless $new, ref $value : $new;
}

sub fit
{
    my ($self, $train_data, @options) = @_;
    my %options = (
        eval_metric => 'acc', kvstore => 'local', optimizer => 'sgd', optimizer_params => { learning_rate => 0.01 },
        begin_epoch => 0, _named('fit', [qw(
            eval_data eval_metric epoch_end_callback batch_end_callback kvstore optimizer optimizer_params eval_end_callback
            eval_batch_end_callback initializer arg_params aux_params allow_missing force_rebind force_init begin_epoch num_epoch
            validation_metric monitor sparse_row_id_fn)], @options));
    AI::MXNet::Error::fail('please specify number of epochs') unless defined $options{num_epoch};
    _check_iterator('fit', $train_data);
    $self->bind(data_shapes => $train_data->provide_data, label_shapes => $train_data->provide_label,
        for_training => 1, force_rebind => $options{force_rebind} // 0);
    $self->install_monitor($options{monitor}) if defined $options{monitor};
    $self->init_params(map { exists $options{$_} ? ($_ => $options{$_}) : () } qw(initializer arg_params aux_params allow_missing force_init));
    $self->init_optimizer(map { $_ => $options{$_} } qw(kvstore optimizer optimizer_params));
    # callbacks may reset the metric that they are given, but what is told of the epoch is all of it
    my $metric = AI::MXNet::Metric->create($options{eval_metric});
    my @metrics = ($metric, defined $options{batch_end_callback} ? _metric_like($metric) : ());
    for my $epoch ($options{begin_epoch} .. $options{num_epoch} - 1) {
        my $begin = time;
        $self->_train($epoch, $train_data, \@metrics, \%options);
        $self->logger->info('Epoch[%d] Train-%s=%f', $epoch, @$_) for _name_values($metrics[-1]);
        $self->logger->info('Epoch[%d] Time cost=%.3f', $epoch, time - $begin);
        my ($arg_params, $aux_params) = $self->get_params;
        $self->set_params($arg_params, $aux_params);    # auxiliary states differ between contexts
        $_->($epoch, $self->get_symbol, $arg_params, $aux_params) for _as_list($options{epoch_end_callback});
        if (defined $options{eval_data}) {
            my $validation = AI::MXNet::Metric->create($options{validation_metric} // $metric);
            $self->score($options{eval_data}, $validation, score_end_callback => $options{eval_end_callback},
                batch_end_callback => $options{eval_batch_end_callback}, epoch => $epoch, _rows(\%options));
            $self->logger->info('Epoch[%d] Validation-%s=%f', $epoch, @$_) for _name_values($validation);
        }
        $train_data->reset;
    }
    return;
}

# An epoch of training. The batch that follows is fetched before the metrics wait for the outputs of this one.
sub _train
{
    my ($self, $epoch, $data, $metrics, $options) = @_;
    my ($monitor, @rows) = ($options->{monitor}, _rows($options));
    $_->reset for @$metrics;
    my $count = 0;
    my $next = $data->next;
    $self->prepare($next, @rows) if defined $next and @rows;
    while (defined(my $batch = $next)) {
        $monitor->tic if defined $monitor;
        $self->forward_backward($batch);
        $self->update;
        $next = $data->next;
        $self->prepare($next, @rows) if defined $next;
        $self->update_metric($_, $batch->label) for @$metrics;
        $monitor->toc_print if defined $monitor;
        _tell($options->{batch_end_callback}, $epoch, $count++, $metrics->[0]);
    }
    return;
}

# -- files ---------------------------------------------------------------------------------------------------------

sub save_params
{
    my ($self, $path, $arg_params, $aux_params) = @_;
    ($arg_params, $aux_params) = $self->get_params unless defined $arg_params;
    AI::MXNet::NDArray::_save_params($path, $arg_params, $aux_params);
    return;
}

sub load_params
{
    my ($self, $path) = @_;
    $self->set_params(AI::MXNet::NDArray::_load_params($path));
    return;
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Module::Base - training, scoring and predicting over iterators

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $net   = mx->sym->LinearRegressionOutput(mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 1), name => 'out');
    my $x     = nd->random->uniform(-1, 1, shape => [100, 2]);
    my $train = mx->io->NDArrayIter($x, nd->sum($x, axis => 1) * 3, batch_size => 10, label_name => 'out_label');

    $AI::MXNet::Logging::silent = 1;
    my $module = mx->mod->Module($net, label_names => ['out_label']);
    $module->fit($train, num_epoch => 20, eval_metric => 'mse', optimizer_params => { learning_rate => 0.5 });
    printf "%.4f\n", $module->score($train, 'mse')->{mse};

=head1 DESCRIPTION

The base of L<AI::MXNet::Module> and L<AI::MXNet::Module::Bucketing>, and of modules of one's own. Those define the
methods that are listed last; C<fit> and the others call them.

=head1 METHODS

=head2 fit

Trains over an iterator, the first argument. All else is named:

=over 4

=item num_epoch, begin_epoch

The number of the last epoch plus 1 (required), and of the first (0).

=item eval_metric, validation_metric

Metrics, as L<AI::MXNet::Metric/create> takes them (C<acc>), and those for C<eval_data> (the same).

=item eval_data

An iterator to be scored after each epoch.

=item optimizer, optimizer_params, kvstore

As in C<init_optimizer>.

=item initializer, arg_params, aux_params, allow_missing, force_init

As in C<init_params>.

=item force_rebind

As in C<bind>.

=item batch_end_callback, eval_batch_end_callback, eval_end_callback

Code, an object of L<AI::MXNet::Callback>, or a list of these, called after each batch of training, of evaluation, and
after the evaluation, with an AI::MXNet::BatchEndParam: C<epoch>, C<nbatch>, C<eval_metric>. The metric may be reset; what
is told of the epoch is kept apart.

=item epoch_end_callback

The same, called after each epoch with its number, the symbol, and hash refs of parameters and auxiliary states.

=item monitor

An L<AI::MXNet::Monitor>.

=item sparse_row_id_fn

What C<prepare> of each batch is called with. C<score>, C<predict> and C<iter_predict> take it, too.

=back

The iterator is reset at the end of each epoch. The log of an epoch is

    $ Epoch[0] Train-mse=0.500000
    $ Epoch[0] Time cost=0.123
    $ Epoch[0] Validation-mse=0.400000

with a line for each metric, the last ones with C<eval_data> only.

=head2 score

    my $scores = $module->score($train, ['mse', 'mae'], num_batch => 5);

The metrics of an iterator as a hash ref of names and values. C<num_batch> (all) is how many batches count; C<reset> (1)
resets the iterator first; C<batch_end_callback> and C<score_end_callback> are called as those of C<fit>, with C<epoch> (0).

=head2 predict

    my $all   = $module->predict($train);
    my @lists = $module->predict($train, merge_batches => 0, num_batch => 2);
    my $of_x  = $module->predict(nd->ones([4, 2]));

The outputs for an iterator, without the rows that only fill up a batch: an NDArray, or a list of them where the symbol has
several outputs or C<always_output_list> (0) is true; with C<merge_batches> (1) false a list of list refs, one for each
batch. C<num_batch> and C<reset> are those of C<score>. For an array, piddle or nested list instead of an iterator it is the
first output.

=head2 iter_predict

    for ($module->iter_predict($train)) {
        my ($outputs, $number, $batch) = @$_;
    }

The same as a list, for all batches, of outputs, number and batch.

=head2 forward_backward

    $train->reset;
    $module->forward_backward($train->next);

C<forward> as in training, and C<backward>.

=head2 save_params, load_params

    use File::Temp qw(tempdir);
    my $file = tempdir(CLEANUP => 1) . '/net.params';
    $module->save_params($file);
    $module->load_params($file);

A file of parameters and auxiliary states in MXNet's format, under the names C<arg:NAME> and C<aux:NAME>. C<save_params>
may be given hash refs of both.

=head2 prepare

Is called with the next batch as soon as that is known, and with C<sparse_row_id_fn> where that was given to C<fit> or
another. Here it does nothing.

=head2 get_symbol

The symbol.

=head2 logger, binded, for_training, inputs_need_grad, params_initialized, optimizer_initialized

See L<AI::MXNet::Module/ATTRIBUTES>.

=head1 WHAT A MODULE DEFINES

=head2 bind, init_params, init_optimizer, forward, backward, update, update_metric

C<fit> needs these; C<forward> takes a batch and C<is_train>.

=head2 get_outputs, get_params, set_params, symbol, data_names, output_names, data_shapes, label_shapes, output_shapes, get_input_grads, get_states, set_states, install_monitor

As in L<AI::MXNet::Module>. What a class does not define dies and says so.

=head1 SEE ALSO

L<AI::MXNet::Module>, L<AI::MXNet::Metric>, L<AI::MXNet::Callback>

=cut

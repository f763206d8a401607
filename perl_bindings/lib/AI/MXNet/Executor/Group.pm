package AI::MXNet::Executor::Group;
# Executors of one symbol on several contexts, between which each batch is divided. POD at the end.
use strict;
use warnings;
use AI::MXNet::Error;
use AI::MXNet::Executor;
use AI::MXNet::IO;
use AI::MXNet::NDArray;
use AI::MXNet::Symbol;

# The part of a batch that each context takes, as [begin, end).
sub _split_input_slice
{
    my ($batch_size, $workload) = @_;
    my $all = 0;
    $all += $_ for @$workload;
    my @counts = map { int($batch_size * $_ / $all + 0.5) } @$workload;
    my $counted = 0;
    $counted += $_ for @counts;
    $counts[-1] += $batch_size - $counted if $counted < $batch_size;
    my ($end, @slices) = 0;
    for my $count (@counts) {
        my $begin = $end;
        $end = $begin + $count < $batch_size ? $begin + $count : $batch_size;
        AI::MXNet::Error::fail("Too many slices such that some splits are empty: a batch of $batch_size for the workload @$workload")
            if $begin >= $end;
        push @slices, [$begin, $end];
    }
    return @slices;
}

# The rows of an array along an axis; the array itself where that is all of it.
sub _part
{
    my ($array, $axis, $slice) = @_;
    return $array if $axis < 0 or $slice->[0] == 0 && $slice->[1] == $array->shape->[$axis];
    return AI::MXNet::NDArray->slice_axis($array, axis => $axis, begin => $slice->[0], end => $slice->[1]);
}

sub _merged
{
    my ($arrays, $axis) = @_;
    return $arrays->[0] if @$arrays == 1 or $axis < 0;
    return AI::MXNet::NDArray->Concat((map { $_->as_in_context($arrays->[0]->context) } @$arrays), dim => $axis);
}

# Names and shapes as DataDesc.
sub _descriptions
{
    my ($given) = @_;
    return undef unless defined $given;
    return [map { AI::MXNet::DataDesc::_of($_) } @$given];
}

package AI::MXNet::DataParallelExecutorGroup;
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Logging;

has symbol            => (is => 'ro', isa => 'AI::MXNet::Symbol', required => 1);
has contexts          => (is => 'ro', isa => 'ArrayRef[AI::MXNet::Context]', required => 1);
has workload          => (is => 'rw', isa => 'ArrayRef[Num]', default => sub { [] });
has data_shapes       => (is => 'rw', isa => 'ArrayRef', required => 1);
has label_shapes      => (is => 'rw', isa => 'Maybe[ArrayRef]');
has param_names       => (is => 'ro', isa => 'ArrayRef[Str]', required => 1);
has for_training      => (is => 'ro', isa => 'Bool', required => 1);
has inputs_need_grad  => (is => 'ro', isa => 'Bool', default => 0);
has shared_group      => (is => 'ro', isa => 'Maybe[AI::MXNet::DataParallelExecutorGroup]');
has logger            => (is => 'ro', default => sub { AI::MXNet::Logging->get_logger });
has fixed_param_names => (is => 'rw', isa => 'Maybe[ArrayRef[Str]]');
has state_names       => (is => 'rw', isa => 'Maybe[ArrayRef[Str]]');
has grad_req          => (is => 'rw', default => 'write');
has [qw(
    batch_size slices execs data_names label_names arg_names aux_names output_names data_layouts label_layouts output_layouts
    data_arrays label_arrays param_arrays grad_arrays aux_arrays input_grad_arrays state_arrays shared_data_arrays _first_execs)]
    => (is => 'rw', init_arg => undef);

sub BUILD
{
    my ($self) = @_;
    my $symbol = $self->symbol;
    $self->workload([(1) x @{ $self->contexts }]) unless @{ $self->workload };
    $_ //= [] for @$self{qw(fixed_param_names state_names)};
    $self->data_shapes(AI::MXNet::Executor::Group::_descriptions($self->data_shapes));
    $self->label_shapes(AI::MXNet::Executor::Group::_descriptions($self->label_shapes));
    $self->arg_names($symbol->list_arguments);
    $self->aux_names($symbol->list_auxiliary_states);
    $self->output_names($symbol->list_outputs);
    $self->output_layouts([map { AI::MXNet::DataDesc->get_batch_axis($_->attr('__layout__')) } @$symbol]);
    $self->grad_req($self->_requests($self->grad_req));
    $self->shared_data_arrays($self->shared_group ? $self->shared_group->shared_data_arrays : [map { {} } @{ $self->contexts }]);
    $self->execs([]);
    $self->bind_exec($self->data_shapes, $self->label_shapes, $self->shared_group);
}

# The grad_req of each argument by its name.
sub _requests
{
    my ($self, $given) = @_;
    $given = 'null' unless $self->for_training;
    my @names = @{ $self->arg_names };
    if (ref $given eq 'ARRAY') {
        AI::MXNet::Error::fail('grad_req has ', scalar @$given, ' entries for ', scalar @names, ' arguments') if @$given != @names;
        return { map { $names[$_] => $given->[$_] } 0 .. $#names };
    }
    my $common = ref $given ? 'write' : $given;
    my %requests = map { $_ => 'null' } @names;
    $requests{$_} = $common for grep { exists $requests{$_} } @{ $self->param_names }, $self->inputs_need_grad ? map { $_->name } @{ $self->data_shapes } : ();
    $requests{$_} = 'null' for @{ $self->fixed_param_names };
    return { %requests, ref $given ? %$given : () };
}

# -- binding -------------------------------------------------------------------------------------------------------

# Decides which part of a batch each context takes. Returns the batch axis of each input, -1 for one without.
sub decide_slices
{
    my ($self, $data_shapes) = @_;
    AI::MXNet::Error::fail('AssertionError: there are no shapes to divide') unless @$data_shapes;
    my @axes = map { AI::MXNet::DataDesc->get_batch_axis($_->layout) } @$data_shapes;
    for my $i (grep { $axes[$_] >= 0 } 0 .. $#axes) {
        my ($name, $shape) = ($data_shapes->[$i]->name, $data_shapes->[$i]->shape);
        my $size = $shape->[$axes[$i]];
        if (not defined $self->batch_size) {
            $self->batch_size($size);
            $self->slices([AI::MXNet::Executor::Group::_split_input_slice($size, $self->workload)]);
        }
        elsif ($size != $self->batch_size) {
            AI::MXNet::Error::fail('all data must have the same batch size: batch_size = ', $self->batch_size,
                ", but $name has shape (", join(',', @$shape), ')');
        }
    }
    return \@axes;
}

# The shapes of one context's parts, by name.
sub _shapes_of
{
    my ($self, $descriptions, $axes, $i) = @_;
    my %shapes;
    for my $k (0 .. $#$descriptions) {
        my @shape = @{ $descriptions->[$k]->shape };
        $shape[$axes->[$k]] = $self->slices->[$i][1] - $self->slices->[$i][0] if $axes->[$k] >= 0;
        $shapes{ $descriptions->[$k]->name } = \@shape;
    }
    return %shapes;
}

sub bind_exec
{
    my ($self, $data_shapes, $label_shapes, $shared_group, $reshape) = @_;
    $self->batch_size(undef);
    $self->slices(undef);
    my @described = ([$data_shapes, $self->data_layouts($self->decide_slices($data_shapes))]);
    push @described, [$label_shapes, $self->label_layouts($self->decide_slices($label_shapes))] if defined $label_shapes and @$label_shapes;
    $self->slices([map { [$_, $_ + 1] } 0 .. $#{ $self->contexts }]) unless defined $self->slices;    # no input has a batch axis
    my %types = map { $_->name => $_->dtype } map { @{ $_->[0] } } @described;
    my @execs;
    for my $i (0 .. $#{ $self->contexts }) {
        my %shapes = map { $self->_shapes_of(@$_, $i) } @described;
        push @execs, $reshape ? $self->_reshaped($self->_first_execs->[$i], \%shapes) : AI::MXNet::Executor->_simple_bind(
            $self->symbol, ctx => $self->contexts->[$i], shapes => \%shapes, type_dict => \%types, grad_req => $self->grad_req,
            shared_arg_names => $self->param_names, shared_exec => $shared_group && $shared_group->execs->[$i],
            shared_buffer => $self->shared_data_arrays->[$i]);
    }
    $self->execs(\@execs);
    $self->_first_execs(\@execs) unless $reshape;
    $self->data_shapes($data_shapes);
    $self->label_shapes($label_shapes);
    $self->_collect;
    return;
}

# An executor for other shapes. Those of inputs that are not given, labels above all, follow from the others.
sub _reshaped
{
    my ($self, $exec, $shapes) = @_;
    my ($found) = $self->symbol->infer_shape(%$shapes);
    AI::MXNet::Error::fail('reshape: the given shapes do not tell those of all arguments') unless defined $found;
    my %param = map { $_ => 1 } @{ $self->param_names };
    my $names = $self->arg_names;
    my %all = map { $names->[$_] => $found->[$_] } grep { not $param{ $names->[$_] } } 0 .. $#$names;
    my %old = map { $names->[$_] => $exec->arg_arrays->[$_]->shape } 0 .. $#$names;
    return $exec unless grep { "@{ $all{$_} }" ne "@{ $old{$_} }" } keys %all;
    return $exec->reshape(\%all, allow_up_sizing => 1);
}

sub reshape
{
    my ($self, $data_shapes, $label_shapes) = @_;
    ($data_shapes, $label_shapes) = map { AI::MXNet::Executor::Group::_descriptions($_) } $data_shapes, $label_shapes;
    my ($old, $new) = map {
        join '; ', map { defined $_ ? "@$_" : 'none' } @$_
    } [$self->data_shapes, $self->label_shapes], [$data_shapes, $label_shapes];
    return if $old eq $new;
    return $self->bind_exec($data_shapes, $label_shapes, undef, 1);
}

# The arrays of all executors, a list for each name.
sub _collect
{
    my ($self) = @_;
    my $execs = $self->execs;
    my $arrays = sub { my ($kind, @names) = @_; return [map { my $name = $_; [map { $_->$kind->{$name} } @$execs] } @names] };
    my %argument = map { $_ => 1 } @{ $self->arg_names };
    my @data = map { $_->name } @{ $self->data_shapes };
    my @labels = map { $_->name } @{ $self->label_shapes // [] };
    my %param = map { $_ => 1 } @{ $self->param_names };
    my @params = grep { $param{$_} } @{ $self->arg_names };
    $self->data_names(\@data);
    $self->label_names(\@labels);
    $self->data_arrays($arrays->('arg_dict', @data));
    $self->label_arrays(@labels ? $arrays->('arg_dict', @labels) : undef);
    $self->state_arrays($arrays->('arg_dict', @{ $self->state_names }));
    $self->param_arrays($arrays->('arg_dict', @params));
    $self->grad_arrays($self->for_training ? $arrays->('grad_dict', @params) : undef);
    $self->input_grad_arrays($self->inputs_need_grad ? $arrays->('grad_dict', grep { $argument{$_} } @data) : undef);
    $self->aux_arrays($arrays->('aux_dict', @{ $self->aux_names }));
    return;
}

# -- parameters ----------------------------------------------------------------------------------------------------

sub set_params
{
    my ($self, $arg_params, $aux_params, $allow_extra) = @_;
    $_->copy_params_from($arg_params, $aux_params, $allow_extra) for @{ $self->execs };
    return;
}

# Writes the parameters, averaged over the contexts, to arrays of a hash each.
sub get_params
{
    my ($self, $arg_params, $aux_params) = @_;
    my %param = map { $_ => 1 } @{ $self->param_names };
    for ([[grep { $param{$_} } @{ $self->arg_names }], $self->param_arrays, $arg_params], [$self->aux_names, $self->aux_arrays, $aux_params]) {
        my ($names, $arrays, $target) = @$_;
        for my $i (0 .. $#$names) {
            my ($name, @copies) = ($names->[$i], @{ $arrays->[$i] });
            my $mean = @copies == 1 ? $copies[0] : AI::MXNet::NDArray->add_n(@copies) / @copies;
            $mean->copyto($target->{$name});
        }
    }
    return;
}

# -- computing -----------------------------------------------------------------------------------------------------

# Copies the parts of arrays to the executors. An array may also be a list of the parts.
sub _load
{
    my ($self, $what, $arrays, $targets, $axes) = @_;
    AI::MXNet::Error::fail("the batch has ", scalar @$arrays, " arrays of $what, but ", scalar @$targets, ' are bound') if @$arrays != @$targets;
    for my $k (0 .. $#$targets) {
        AI::MXNet::Error::fail("the batch has $what for ", $self->{ $what =~ s/s?\z/_names/r }[$k],
            ", which is no argument of the symbol; its arguments are @{ $self->arg_names }") unless defined $targets->[$k][0];
        for my $i (0 .. $#{ $targets->[$k] }) {
            my $part = ref $arrays->[$k] eq 'ARRAY' ? $arrays->[$k][$i]
                : AI::MXNet::Executor::Group::_part($arrays->[$k], $axes->[$k], $self->slices->[$i]);
            $part->copyto($targets->[$k][$i]);
        }
    }
    return;
}

sub forward
{
    my ($self, $batch, $is_train) = @_;
    $is_train //= $self->for_training;
    $self->_load('data', $batch->data, $self->data_arrays, $self->data_layouts);
    if (my $labels = $self->label_arrays) {
        if (@{ $batch->label // [] }) { $self->_load('labels', $batch->label, $labels, $self->label_layouts) }
        elsif ($is_train) { AI::MXNet::Error::fail('AssertionError: forward in training takes a batch with labels') }
    }
    $_->forward($is_train ? 1 : 0) for @{ $self->execs };
    return;
}

sub backward
{
    my ($self, $out_grads) = @_;
    AI::MXNet::Error::fail('re-bind with for_training => 1 to run backward') unless $self->for_training;
    my @grads = not(defined $out_grads) ? () : ref $out_grads eq 'ARRAY' ? @$out_grads : $out_grads;
    AI::MXNet::Error::expect('the gradient of an output is an NDArray', 'AI::MXNet::NDArray', @grads);
    my $axes = $self->output_layouts;
    for my $i (0 .. $#{ $self->execs }) {
        my @parts = map { AI::MXNet::Executor::Group::_part($grads[$_], $axes->[$_] // 0, $self->slices->[$i]) } 0 .. $#grads;
        $self->execs->[$i]->backward(@parts ? \@parts : undef);
    }
    return;
}

# Arrays of all executors, a list for each name: as they are, or merged along the axes.
sub _all
{
    my ($arrays, $axes, $merge) = @_;
    return $arrays unless $merge;
    return [map { AI::MXNet::Executor::Group::_merged($arrays->[$_], $axes->[$_]) } 0 .. $#$arrays];
}

sub get_outputs
{
    my ($self, $merge) = @_;
    my $execs = $self->execs;
    return _all([map { my $k = $_; [map { $_->outputs->[$k] } @$execs] } 0 .. $#{ $self->output_names }], $self->output_layouts, $merge // 1);
}

sub get_input_grads
{
    my ($self, $merge) = @_;
    AI::MXNet::Error::fail('AssertionError: get_input_grads needs bind with inputs_need_grad => 1') unless $self->inputs_need_grad;
    return _all($self->input_grad_arrays, $self->data_layouts, $merge // 1);
}

sub get_states { my ($self, $merge) = @_; return _all($self->state_arrays, [(0) x @{ $self->state_arrays }], $merge // 1) }

sub set_states
{
    my ($self, $states, $value) = @_;
    AI::MXNet::Error::fail('set_states takes either states or a value') if defined $states == defined $value;
    return $self->_load('states', $states, $self->state_arrays, [(0) x @{ $self->state_arrays }]) if defined $states;
    $_ .= $value for map { @$_ } @{ $self->state_arrays };
    return;
}

# Names and shapes of the outputs for the whole batch.
sub get_output_shapes
{
    my ($self) = @_;
    my @outputs = @{ $self->execs->[0]->outputs };
    return [map {
        my @shape = @{ $outputs[$_]->shape };
        my $axis = $self->output_layouts->[$_];
        $shape[$axis] = $self->batch_size if $axis >= 0 and defined $self->batch_size;
        AI::MXNet::DataDesc->new(name => $self->output_names->[$_], shape => \@shape, dtype => $outputs[$_]->dtype);
    } 0 .. $#outputs];
}

sub update_metric
{
    my ($self, $eval_metric, $labels) = @_;
    my $axes = $self->label_layouts // [];
    for my $i (0 .. $#{ $self->execs }) {
        my @parts = map { AI::MXNet::Executor::Group::_part($labels->[$_], $axes->[$_] // 0, $self->slices->[$i]) } 0 .. $#$labels;
        $eval_metric->update(\@parts, $self->execs->[$i]->outputs);
    }
    return;
}

sub install_monitor { my ($self, $monitor) = @_; $monitor->install($_) for @{ $self->execs }; return }

# where programs for the original find the arrays
sub _p { return $_[0] }

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Executor::Group - executors on several contexts

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Module>: its class AI::MXNet::DataParallelExecutorGroup may change with any release. Programs
for the original, which ask it for C<execs>, C<param_arrays> or C<grad_arrays>, find them.

=head1 SEE ALSO

L<AI::MXNet::Module>, L<AI::MXNet::Executor>

=cut

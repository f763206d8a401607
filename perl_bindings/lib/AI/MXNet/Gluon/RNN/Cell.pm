package AI::MXNet::Gluon::RNN::Cell;
# Recurrent cells, which do one step, and their unrolling. Documented in AI::MXNet::Gluon::RNN.
use strict;
use warnings;
use Scalar::Util qw(blessed);
use AI::MXNet::Error;
use AI::MXNet::Gluon::HybridBlock;

# The namespace that computes on what $x is.
sub namespace { my ($x) = @_; return blessed $x && $x->isa('AI::MXNet::Symbol') ? 'AI::MXNet::Symbol' : 'AI::MXNet::NDArray' }

sub check_sequence
{
    my ($block, $inputs) = @_;
    return if blessed $inputs and grep { $inputs->isa($_) } qw(AI::MXNet::NDArray AI::MXNet::Symbol AI::MXNet::NDArray::Slice);
    return AI::MXNet::Error::fail($block->class, ' takes a sequence as NDArray or Symbol, but got ', $inputs // 'undef');
}

# A sequence as its steps. The axis of time is where T is in the layout.
sub steps
{
    my ($length, $inputs, $layout) = @_;
    if (ref $inputs eq 'ARRAY') {
        AI::MXNet::Error::fail("unroll of $length steps got a list of ", scalar @$inputs, ' inputs') if @$inputs != $length;
        return @$inputs;
    }
    my $axis = index $layout, 'T';
    AI::MXNet::Error::fail("unroll of $length steps got a sequence of ", $inputs->shape->[$axis], ", in layout $layout")
        if namespace($inputs) eq 'AI::MXNet::NDArray' and $inputs->shape->[$axis] != $length;
    my $F = namespace($inputs);
    my $steps = $F->SliceChannel($inputs, num_outputs => $length, axis => $axis, squeeze_axis => 1);
    return $length == 1 ? $steps : @$steps;
}

# The named arguments of `unroll`.
sub unroll_options { return AI::MXNet::NDArray::_named('unroll', [qw(begin_state layout merge_outputs valid_length)], @_) }

# What every `unroll` begins with: its options, a hash ref, and the steps.
sub unrolling
{
    my ($cell, $length, $inputs, @options) = @_;
    my %options = unroll_options(@options);
    $options{layout} //= 'NTC';
    check_sequence($cell, $_) for ref $inputs eq 'ARRAY' ? @$inputs : $inputs;
    $cell->reset;
    return (\%options, steps($length, $inputs, $options{layout}));
}

# The states to begin with: those given, or zeros for a batch as the step is one.
sub states_for
{
    my ($cell, $options, $step) = @_;
    return $options->{begin_state} // $cell->begin_state(
        namespace($step) eq 'AI::MXNet::Symbol'
        ? (batch_size => 0, func => \&_symbol_zeros)
        : (batch_size => $step->shape->[0], ctx => $step->context, dtype => $step->dtype));
}

sub _zeros
{
    my (%info) = @_;
    AI::MXNet::Error::fail('begin_state needs a batch_size above 0: the shape of a state would be [', join(', ', @{ $info{shape} }), ']')
        if grep { !$_ } @{ $info{shape} };
    return AI::MXNet::NDArray->zeros($info{shape}, map { $_ => $info{$_} } grep { defined $info{$_} } qw(ctx dtype));
}

sub _symbol_zeros { my (%info) = @_; return AI::MXNet::Symbol->zeros(shape => $info{shape}, name => $info{name}) }

# The outputs of the steps as the options of `unroll` want them: as one array, or as a list.
sub joined
{
    my ($options, @outputs) = @_;
    return \@outputs unless $options->{merge_outputs};
    return namespace($outputs[0])->stack(@outputs, axis => index $options->{layout}, 'T');
}

# What all cells do, those of arrays only and hybrid ones.
package AI::MXNet::Gluon::RNN::Stepping;
use strict;
use warnings;
use Mouse::Role;

has [qw(counter init_counter)] => (is => 'rw', init_arg => undef, default => -1);
has modified => (is => 'rw', default => 0);

sub state_info { my ($self) = @_; AI::MXNet::Error::fail(ref $self, ' does not define state_info') }

sub reset
{
    my ($self) = @_;
    $self->{init_counter} = $self->{counter} = -1;
    $_->can('reset') and $_->reset for $self->_children->values;
    return;
}

sub _refuse_modified
{
    my ($self) = @_;
    AI::MXNet::Error::fail('After applying modifier cells (e.g. ZoneoutCell) the base cell cannot be called directly. Call the modifier cell instead.')
        if $self->{modified};
    return;
}

sub begin_state
{
    my ($self, @options) = @_;
    my %options = AI::MXNet::Error::paired('begin_state', @options);
    $self->_refuse_modified;
    my $batch_size = delete $options{batch_size} // 0;
    my $func = delete $options{func} // \&AI::MXNet::Gluon::RNN::Cell::_zeros;
    my @states;
    for my $info (@{ $self->state_info($batch_size) }) {
        push @states, $func->(name => $self->prefix . 'begin_state_' . ++$self->{init_counter}, %$info, %options);
    }
    return \@states;
}

sub unroll
{
    my ($self, $length, $inputs, @options) = @_;
    my ($options, @steps) = AI::MXNet::Gluon::RNN::Cell::unrolling($self, $length, $inputs, @options);
    my $states = AI::MXNet::Gluon::RNN::Cell::states_for($self, $options, $steps[0]);
    my (@outputs, @all_states);
    for my $step (@steps) {
        (my $output, $states) = $self->call($step, $states);
        push @outputs, $output;
        push @all_states, $states if defined $options->{valid_length};
    }
    if (defined(my $length_of = $options->{valid_length})) {
        my $F = AI::MXNet::Gluon::RNN::Cell::namespace($outputs[0]);
        my $masked = $F->SequenceMask($F->stack(@outputs, axis => 0), $length_of, use_sequence_length => 1, axis => 0);
        @outputs = AI::MXNet::Gluon::RNN::Cell::steps($length, $masked, 'TNC');
        $states = [map {
            my $i = $_;
            $F->SequenceLast($F->stack((map { $_->[$i] } @all_states), axis => 0), $length_of, use_sequence_length => 1, axis => 0);
        } 0 .. $#$states];
    }
    return (AI::MXNet::Gluon::RNN::Cell::joined($options, @outputs), $states);
}

no Mouse::Role;

package AI::MXNet::Gluon::RNN::RecurrentCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Block';
with 'AI::MXNet::Gluon::RNN::Stepping';

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::RNN::HybridRecurrentCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';
with 'AI::MXNet::Gluon::RNN::Stepping';

sub forward
{
    my ($self, $inputs, $states) = @_;
    $self->_refuse_modified;
    my $count = @{ $self->state_info };
    AI::MXNet::Error::fail($self->class, " takes an input and the list of its $count states, such as begin_state makes, but got ", $states // 'no states')
        if $count and not(ref $states eq 'ARRAY' and @$states == $count);
    $self->{counter}++;
    return $self->SUPER::forward($inputs, $states);
}

# Names of a step's symbols begin so.
sub _step { my ($self) = @_; return "t$self->{counter}_" }

# States of one cell: that many arrays of a row for each sequence.
sub _states
{
    my ($count, $batch_size, $width) = @_;
    return [map { { shape => [$batch_size, $width], __layout__ => 'NC' } } 1 .. $count];
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

# Cells with weights of inputs (i2h) and of the state (h2h), for a number of gates.
package AI::MXNet::Gluon::RNN::GatedCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Types;

extends 'AI::MXNet::Gluon::RNN::HybridRecurrentCell';

has hidden_size => (is => 'ro', isa => 'Int', required => 1);
has input_size  => (is => 'rw', isa => 'Int', default => 0);
has [qw(i2h_weight_initializer h2h_weight_initializer)] => (is => 'rw', isa => 'Maybe[Initializer]');
has [qw(i2h_bias_initializer h2h_bias_initializer)]     => (is => 'rw', isa => 'Maybe[Initializer]', default => 'zeros');
has [qw(i2h_weight h2h_weight i2h_bias h2h_bias)]       => (is => 'rw', init_arg => undef);

sub python_constructor_arguments
{
    return [qw(hidden_size i2h_weight_initializer h2h_weight_initializer i2h_bias_initializer h2h_bias_initializer input_size)];
}

sub BUILD
{
    my ($self) = @_;
    my $rows = $self->_gates * $self->hidden_size;
    my %shapes = (i2h_weight => [$rows, $self->input_size], h2h_weight => [$rows, $self->hidden_size], i2h_bias => [$rows], h2h_bias => [$rows]);
    for my $name (qw(i2h_weight h2h_weight i2h_bias h2h_bias)) {
        my $init = "${name}_initializer";
        $self->$name($self->params->get($name, shape => $shapes{$name}, init => $self->$init, allow_deferred_init => 1));
    }
}

sub _gates        {1}
sub _state_count  {1}
sub state_info { my ($self, $batch_size) = @_; return AI::MXNet::Gluon::RNN::HybridRecurrentCell::_states($self->_state_count, $batch_size // 0, $self->hidden_size) }

# Both products of a step.
sub _products
{
    my ($self, $F, $inputs, $states, $parameters) = @_;
    my $rows = $self->_gates * $self->{hidden_size};
    my $prefix = $self->_step;
    return map {
        my ($name, $x) = @$_;
        $F->FullyConnected($x, @$parameters{ "${name}_weight", "${name}_bias" }, num_hidden => $rows, name => "$prefix$name")
    } ['i2h', $inputs], ['h2h', $states->[0]];
}

# The parts of a step, which in a symbol have names.
sub _add
{
    my ($self, $F, $name, $x, $y) = @_;
    return $F eq 'AI::MXNet::Symbol' ? $F->elemwise_add($x, $y, name => $self->_step . $name) : $x + $y;
}

sub _multiply
{
    my ($self, $F, $name, $x, $y) = @_;
    return $F eq 'AI::MXNet::Symbol' ? $F->elemwise_mul($x, $y, name => $self->_step . $name) : $x * $y;
}

sub _activate
{
    my ($self, $F, $name, $x, $function) = @_;
    return $F eq 'AI::MXNet::Symbol' ? $F->Activation($x, act_type => $function, name => $self->_step . $name) : $F->$function($x);
}

sub _describe
{
    my ($self) = @_;
    my ($rows, $inputs) = @{ $self->i2h_weight->shape };
    return $self->class . '(' . ($inputs ? "$inputs -> $rows" : $rows) . ($self->can('activation') ? ', ' . $self->activation : '') . ')';
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::RNN::RNNCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::GatedCell';

has activation => (is => 'rw', default => 'tanh');

sub python_constructor_arguments
{
    my ($size, @rest) = @{ AI::MXNet::Gluon::RNN::GatedCell->python_constructor_arguments };
    return [$size, 'activation', @rest];
}

sub _alias {'rnn'}

sub hybrid_forward
{
    my ($self, $F, $inputs, $states, %parameters) = @_;
    my ($i2h, $h2h) = $self->_products($F, $inputs, $states, \%parameters);
    my $activation = $self->{activation};
    my $sum = $self->_add($F, 'plus0', $i2h, $h2h);
    my $output = ref $activation ? $activation->($sum) : $F->Activation($sum, act_type => $activation, name => $self->_step . 'out');
    return ($output, [$output]);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

package AI::MXNet::Gluon::RNN::LSTMCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::GatedCell';

sub _alias       {'lstm'}
sub _gates       {4}
sub _state_count {2}

sub hybrid_forward
{
    my ($self, $F, $inputs, $states, %parameters) = @_;
    my ($i2h, $h2h) = $self->_products($F, $inputs, $states, \%parameters);
    my @gates = @{ $F->SliceChannel($self->_add($F, 'plus0', $i2h, $h2h), num_outputs => 4, name => $self->_step . 'slice') };
    my ($in, $forget, $out) = map { $self->_activate($F, $_->[0], $gates[$_->[1]], 'sigmoid') } ['i', 0], ['f', 1], ['o', 3];
    my $new = $self->_activate($F, 'c', $gates[2], 'tanh');
    my $cell = $self->_add($F, 'state', $self->_multiply($F, 'mul0', $forget, $states->[1]), $self->_multiply($F, 'mul1', $in, $new));
    my $output = $self->_multiply($F, 'out', $out, $self->_activate($F, 'activation0', $cell, 'tanh'));
    return ($output, [$output, $cell]);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

package AI::MXNet::Gluon::RNN::GRUCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::GatedCell';

sub _alias {'gru'}
sub _gates {3}

sub hybrid_forward
{
    my ($self, $F, $inputs, $states, %parameters) = @_;
    my ($i2h, $h2h) = $self->_products($F, $inputs, $states, \%parameters);
    my $prefix = $self->_step;
    my @i = @{ $F->SliceChannel($i2h, num_outputs => 3, name => "${prefix}i2h_slice") };
    my @h = @{ $F->SliceChannel($h2h, num_outputs => 3, name => "${prefix}h2h_slice") };
    my ($reset, $update) = map { $self->_activate($F, ('r_act', 'z_act')[$_], $self->_add($F, "plus$_", $i[$_], $h[$_]), 'sigmoid') } 0, 1;
    my $new = $self->_activate($F, 'h_act', $self->_add($F, 'plus2', $i[2], $self->_multiply($F, 'mul0', $reset, $h[2])), 'tanh');
    my $rest = $F eq 'AI::MXNet::Symbol' ? $F->_rminus_scalar($update, scalar => 1, name => $self->_step . 'minus0') : 1 - $update;
    my $output = $self->_add($F, 'out', $self->_multiply($F, 'mul1', $rest, $new), $self->_multiply($F, 'mul2', $update, $states->[0]));
    return ($output, [$output]);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::RNN::Cell - recurrent cells

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::RNN>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::RNN>

=cut
